package report

import (
	"cmp"
	"fmt"
	"html/template"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

// What follows is what the template of [HTML] sees of a report. It never gets
// the report itself: each text has been through clean or htmlLines, which make
// visible what has no shape of its own, and each link through htmlLink. The
// template's own escapes then make all of it text, whatever it holds.

// An htmlReport is the whole page.
type htmlReport struct {
	Style  template.CSS
	Script template.JS
	Policy string

	Name     string // of the target
	Headline string // what was found, in one sentence
	About    []htmlFact
	Tiles    []htmlTile
	Alerts   []*htmlAlert
	// Columns that are left out where they have nothing to say.
	HasEPSS, HasLayers, HasKEV bool
	Columns                    int        // of the table of findings
	Severities                 []htmlTile // that have findings
	States                     []htmlOption
	Layers                     []htmlOption
	ByLayer, ByPackage         htmlChart
	Coverage                   []htmlCoverage
	Sources                    [][3]string // of the database: name, what it has, date
	FindingCount               int
	Long                       bool // too many findings to lay out at once
	SuppressedCount            int
	SuppressedBy               []htmlReason
	MoreReasons                int // how many are left out of SuppressedBy
	ShowPackages               bool
	PackageCount               int
	SchemaVersion              int

	r *scan.Report
}

// An htmlFact is a line of a list of what is known.
type htmlFact struct {
	Label  string
	Values []htmlValue
}

// An htmlValue is a text, and where it leads to if that is known.
type htmlValue struct {
	Text string
	URL  string
	Code bool // to be shown letter by letter
}

// An htmlTile is a number with a word.
type htmlTile struct {
	Label string
	Value string
	Class string
	Rank  int // of a severity
	Note  string
}

// An htmlAlert is a reason not to take the report for more than it is.
type htmlAlert struct {
	Title string
	count int
	item  func(i int) string
}

// Items are the first reasons, and More those that are shown on demand.
func (a *htmlAlert) Items() iter.Seq[string] { return a.items(0, min(a.count, maxAlertItems)) }
func (a *htmlAlert) More() iter.Seq[string]  { return a.items(maxAlertItems, a.count) }

// HasItems and MoreCount tell how many they are.
func (a *htmlAlert) HasItems() bool { return a.count > 0 }
func (a *htmlAlert) MoreCount() int { return max(0, a.count-maxAlertItems) }

func (a *htmlAlert) items(from, to int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := from; i < to; i++ {
			if !yield(htmlText(a.item(i))) {
				return
			}
		}
	}
}

// An htmlOption is one of a list to choose from.
type htmlOption struct{ Value, Label string }

// An htmlReason tells why so many findings were taken out.
type htmlReason struct {
	Count      int
	By, Reason string
}

// An htmlCoverage tells of one group of packages.
type htmlCoverage struct {
	Ecosystem, Status, Reason string
	Packages                  int
	Missed                    bool
}

// maxShort is how many findings a browser draws as if it were nothing. From
// there on it is told to leave out those that are not in sight. That is not for
// all lists, as what is left out is not in the tree of assistive technology
// either, until it comes near.
const maxShort = 300

// maxAlertItems bounds what an alert lists without being asked.
const maxAlertItems = 10

func newHTMLReport(page *htmlPage, r *scan.Report, cfg *config) *htmlReport {
	h := &htmlReport{
		Style: page.style, Script: page.script, Policy: page.policy,
		Name:         htmlText(strings.TrimSpace(r.Target.Name + " " + r.Target.Version)),
		HasLayers:    len(r.Target.Layers) > 1,
		HasKEV:       htmlHasSource(r, vulndb.SourceKEV),
		FindingCount: len(r.Findings), Long: len(r.Findings) > maxShort, SuppressedCount: len(r.Suppressed),
		ShowPackages: cfg.packages, PackageCount: len(r.Packages),
		SchemaVersion: r.SchemaVersion,
		r:             r,
	}
	if h.Name == "" {
		h.Name = "(no name)"
	}
	h.HasEPSS = htmlHasSource(r, vulndb.SourceEPSS)
	for i := range r.Findings {
		h.HasEPSS = h.HasEPSS || r.Findings[i].EPSS != nil
		h.HasKEV = h.HasKEV || r.Findings[i].KEV != nil
	}
	h.Columns = 5
	if h.HasEPSS {
		h.Columns++
	}
	if h.HasLayers {
		h.Columns++
	}
	h.about()
	h.count()
	h.alerts()
	for g, n := range suppressedGroups(r) {
		h.SuppressedBy = append(h.SuppressedBy, htmlReason{Count: n, By: htmlText(g.by), Reason: htmlText(g.reason)})
	}
	if n := len(h.SuppressedBy); n > maxAlertItems {
		h.SuppressedBy, h.MoreReasons = h.SuppressedBy[:maxAlertItems], n-maxAlertItems
	}
	h.coverage()
	h.ByLayer = htmlByLayer(r)
	h.ByPackage = htmlByPackage(r)
	return h
}

func htmlHasSource(r *scan.Report, source string) bool {
	return slices.ContainsFunc(r.Database.Enrichment, func(e vulndb.EnrichmentInfo) bool { return e.Source == source })
}

// htmlText makes a name, version or message fit for one line of the page.
func htmlText(s string) string { return cut(clean(s), maxText) }

// about tells what was scanned, and with what.
func (h *htmlReport) about() {
	r := h.r
	add := func(label, text string, code bool) {
		if text = htmlText(text); text != "" {
			h.About = append(h.About, htmlFact{label, []htmlValue{{Text: text, Code: code}}})
		}
	}
	add("Kind", r.Target.Kind, false)
	add("Image ID", r.Target.ImageID, true)
	add("Digest", r.Target.Digest, true)
	add("Platform", r.Target.Platform, false)
	add("Created", htmlDay(r.Target.Created), false)
	switch {
	case r.BOM != nil && len(r.BOM.Parts) > 0: // each has its own system
		add("Images", strconv.Itoa(len(r.BOM.Parts)), false)
	case osName(&r.OS) == "":
		add("Operating system", "not recognised", false)
	case r.OS.EndOfLife:
		add("Operating system", osName(&r.OS)+", end of life since "+r.OS.EndOfLifeDate, false)
	case r.OS.EndOfLifeDate != "":
		add("Operating system", osName(&r.OS)+", supported until "+r.OS.EndOfLifeDate, false)
	default:
		add("Operating system", osName(&r.OS), false)
	}
	if n := len(r.Target.Layers); n > 0 {
		add("Layers", strconv.Itoa(n), false)
	}
	if text := baseImage(r); text != "" {
		add("Base image", text, false)
	}
	if n := len(r.Packages); n > 0 {
		add("Packages", strconv.Itoa(n), false)
	}
	if r.Database.ID == "" {
		add("Database", "none: nothing was compared", false)
		return
	}
	add("Database", "built "+r.Database.Built.UTC().Format("2006-01-02 15:04 UTC")+", "+shortID(clean(r.Database.ID)), false)
}

// count fills in the numbers at the top and the choices of the filter.
func (h *htmlReport) count() {
	severities := map[cvss.Severity]int{}
	states := map[string]bool{}
	layers := map[int]bool{}
	fixable, exploited := 0, 0
	for i := range h.r.Findings {
		f := &h.r.Findings[i]
		severities[f.Severity]++
		layers[f.Package.Layer.Index] = true
		if f.FixedVersion != "" {
			fixable++
		} else {
			states[htmlText(fixedIn(f))] = true
		}
		if f.KEV != nil {
			exploited++
		}
	}
	unknown := !h.compared() && h.FindingCount == 0 // a zero would say that something had been looked for
	for _, s := range cvss.Severities() {
		tile := htmlTile{Label: htmlSeverityWord(s), Value: strconv.Itoa(severities[s]), Class: htmlSeverityClass(s), Rank: int(s)}
		if severities[s] > 0 {
			h.Severities = append(h.Severities, tile)
		}
		if unknown {
			tile.Value = "?"
		}
		if severities[s] > 0 || s >= cvss.Low { // the others are rare
			h.Tiles = append(h.Tiles, tile)
		}
	}
	fix := htmlTile{Label: "With a fix", Value: strconv.Itoa(fixable), Class: "plain"}
	kev := htmlTile{Label: "Known exploited", Value: strconv.Itoa(exploited), Class: "plain"}
	switch {
	case unknown:
		fix.Value, kev.Value = "?", "?"
	case !h.HasKEV:
		kev.Value, kev.Note = "?", "the database has no catalogue of exploited flaws"
	}
	h.Tiles = append(h.Tiles, fix, kev)

	for state := range states {
		h.States = append(h.States, htmlOption{state, htmlCapital(state)})
	}
	slices.SortFunc(h.States, func(a, b htmlOption) int { return cmp.Compare(a.Value, b.Value) })
	if h.HasLayers {
		for _, l := range h.r.Target.Layers {
			if layers[l.Index] {
				h.Layers = append(h.Layers, htmlOption{strconv.Itoa(l.Index), htmlLayerLabel(l.Index, cut(clean(command(l.CreatedBy)), 60))})
			}
		}
	}

	if h.FindingCount == 0 {
		h.Headline = cut(nothing(h.r), 10*maxText)
		h.Headline = clean(h.Headline)
		return
	}
	h.Headline = plural(h.FindingCount, "finding")
	if fixable > 0 {
		h.Headline += fmt.Sprintf(", %d of them with a fixed version", fixable)
	}
	if exploited > 0 {
		h.Headline += fmt.Sprintf(", %d known to be exploited", exploited)
	}
}

// compared reports whether there was a package to compare, and advisories to
// compare it with.
func (h *htmlReport) compared() bool {
	return slices.ContainsFunc(h.r.Coverage, func(c vulndb.Coverage) bool {
		return c.Status == vulndb.CoverageMatched && c.Packages > 0
	})
}

// alerts lists what makes the report tell less than it seems to.
func (h *htmlReport) alerts() {
	r := h.r
	add := func(title string, count int, item func(i int) string) {
		h.Alerts = append(h.Alerts, &htmlAlert{Title: htmlText(title), count: count, item: item})
	}
	list := func(items []string) (int, func(i int) string) {
		return len(items), func(i int) string { return items[i] }
	}
	if r.Database.ID == "" {
		add("There was no database: nothing was compared", 0, nil)
	}
	if r.OS.EndOfLife {
		add(fmt.Sprintf("%s has had no security support since %s: flaws found since then may be missing", osName(&r.OS), r.OS.EndOfLifeDate), 0, nil)
	}
	missed, found := 0, 0
	var missing, partly []string
	for _, c := range r.Coverage {
		found += c.Packages
		switch {
		case c.Status != vulndb.CoverageMatched:
			missed += c.Packages
			missing = append(missing, htmlNotCompared(c))
		case c.Reason != "":
			partly = append(partly, fmt.Sprintf("%s of %s: %s", plural(c.Packages, "package"), c.Ecosystem, c.Reason))
		}
	}
	switch {
	case found == 0:
		add("No packages were found, so that there was nothing to compare", 0, nil)
	case missed > 0:
		n, item := list(missing)
		add(fmt.Sprintf("%s not compared, and may have flaws that are not listed", were(missed, "package")), n, item)
	}
	if len(partly) > 0 {
		n, item := list(partly)
		add("Some packages were compared in part only", n, item)
	}
	if n := len(r.Problems); n > 0 {
		add(plural(n, "problem")+", behind which packages and findings may hide", n, func(i int) string { return htmlProblem(&r.Problems[i]) })
	}
}

// htmlNotCompared tells why a group of packages was not compared.
func htmlNotCompared(c vulndb.Coverage) string {
	switch c.Status {
	case vulndb.CoverageNoData:
		return withReason(fmt.Sprintf("%s: no data for %s", plural(c.Packages, "package"), cmp.Or(c.Ecosystem, "them")), c.Reason)
	case vulndb.CoverageUnsupported:
		return withReason(fmt.Sprintf("%s: %s cannot be compared", plural(c.Packages, "package"), cmp.Or(c.Ecosystem, "they")), c.Reason)
	}
	return withReason(fmt.Sprintf("%s: %s: %s", plural(c.Packages, "package"), c.Ecosystem, c.Status), c.Reason)
}

func htmlProblem(p *scan.Problem) string {
	path := cmp.Or(p.Path, "-")
	if p.Target != "" {
		path = p.Target + ": " + path
	}
	return fmt.Sprintf("%s (%s): %s", path, p.Extractor, p.Error)
}

// coverage lists what was compared with what.
func (h *htmlReport) coverage() {
	words := map[string]string{
		vulndb.CoverageMatched: "Compared", vulndb.CoverageNoData: "Not compared, no data", vulndb.CoverageUnsupported: "Not compared, not supported",
	}
	for _, c := range h.r.Coverage {
		h.Coverage = append(h.Coverage, htmlCoverage{
			Ecosystem: htmlText(c.Ecosystem), Status: htmlText(cmp.Or(words[c.Status], c.Status)), Reason: htmlText(c.Reason),
			Packages: c.Packages, Missed: c.Status != vulndb.CoverageMatched,
		})
	}
	for _, s := range h.r.Database.Sources {
		h.Sources = append(h.Sources, [3]string{htmlText(s.Ecosystem), plural(s.Records, "advisory"), htmlDay(s.Modified)})
	}
	for _, e := range h.r.Database.Enrichment {
		h.Sources = append(h.Sources, [3]string{htmlText(strings.TrimSpace(e.Source + " " + e.Version)), plural(e.CVEs, "CVE"), htmlDay(e.Date)})
	}
}

// Packages are all packages of the image.
func (h *htmlReport) Packages() iter.Seq[htmlPackage] {
	return func(yield func(htmlPackage) bool) {
		for i := range h.r.Packages {
			if !yield(newHTMLPackage(&h.r.Packages[i])) {
				return
			}
		}
	}
}

// Findings are the rows of the table of findings.
func (h *htmlReport) Findings() iter.Seq[htmlFinding] {
	return func(yield func(htmlFinding) bool) {
		for i := range h.r.Findings {
			if !yield(h.finding(i+1, &h.r.Findings[i])) {
				return
			}
		}
	}
}

// Suppressed are the findings that were taken out.
func (h *htmlReport) Suppressed() iter.Seq[htmlSuppressed] {
	return func(yield func(htmlSuppressed) bool) {
		for i := range h.r.Suppressed {
			if !yield(newHTMLSuppressed(&h.r.Suppressed[i])) {
				return
			}
		}
	}
}

// htmlDay is a date, empty if it is not known.
func htmlDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

func htmlCapital(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(first)) + s[n:]
}

// htmlSeverityClass is the part of a class that stands for a severity.
func htmlSeverityClass(s cvss.Severity) string {
	if !slices.Contains(cvss.Severities(), s) {
		s = cvss.Unknown
	}
	return strings.ToLower(s.String())
}

func htmlSeverityWord(s cvss.Severity) string { return htmlCapital(strings.ToLower(s.String())) }

func htmlLayerLabel(index int, command string) string {
	return strings.TrimSpace(strconv.Itoa(index) + " " + command)
}
