package report

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

// Bounds of what one finding can add to the page. JSON has all of it.
const (
	maxDescription = 12 << 10 // columns
	maxList        = 20       // names, files, references, advisories
)

// An htmlFinding is a row of the table of findings, and what it shows on
// demand.
type htmlFinding struct {
	Number   int    // from 1, in the order of the report
	Severity string // a word
	Class    string // of the severity
	Rank     int    // of the severity
	Score    string
	Order    string // by severity, then score
	ID       htmlValue
	Badges   []htmlBadge
	Package  string
	Note     string // beside the package
	Version  string
	Fixed    string // the fixed version, empty if there is none
	State    string // why there is none
	EPSS     string
	Likely   string // EPSS as a number
	Exploit  bool
	Layer    string // its index
	Command  string // of the layer
	Title    string

	Description string
	Facts       []htmlFact
	Evidence    []htmlEvidence
	References  []htmlValue
	// How many are left out.
	MoreEvidence, MoreReferences int
}

// An htmlBadge is a word that sets a finding apart.
type htmlBadge struct{ Text, Class string }

// An htmlEvidence is one advisory that says that the package is affected.
type htmlEvidence struct {
	Advisory                htmlValue
	Ecosystem               string
	Name, Version           string // what was looked up
	Range, Scheme, Database string
}

func (h *htmlReport) finding(number int, f *scan.Finding) htmlFinding {
	worst := htmlScore(f)
	row := htmlFinding{
		Number: number, Severity: htmlSeverityWord(f.Severity), Class: htmlSeverityClass(f.Severity), Rank: int(f.Severity),
		Score: htmlScoreText(worst), ID: htmlID(f.ID), Package: htmlText(fullName(&f.Package)), Note: htmlNote(f),
		Version: htmlText(f.Package.Version), Fixed: htmlText(f.FixedVersion), Exploit: f.KEV != nil,
		Order: fmt.Sprintf("%.1f", 100*float64(f.Severity)+worst), Title: htmlTitle(f), Description: cut(htmlLines(f.Description), maxDescription),
	}
	if row.Fixed == "" {
		row.State = htmlText(fixedIn(f))
	}
	if f.KEV != nil {
		row.Badges = append(row.Badges, htmlBadge{"known exploited", "exploited"})
	}
	if f.Rejected {
		row.Badges = append(row.Badges, htmlBadge{"rejected", "plain"})
	}
	if f.Package.Development {
		row.Badges = append(row.Badges, htmlBadge{"development", "plain"})
	}
	if f.EPSS != nil {
		row.EPSS, row.Likely = htmlPercent(f.EPSS.Score), strconv.FormatFloat(f.EPSS.Score, 'f', -1, 64)
	}
	if h.HasLayers {
		row.Layer = strconv.Itoa(f.Package.Layer.Index)
		row.Command = cut(clean(command(f.Package.Layer.CreatedBy)), 120)
	}
	row.Facts = htmlFacts(f)
	row.Evidence, row.MoreEvidence = htmlEvidenceOf(f)
	row.References, row.MoreReferences = htmlReferences(f)
	return row
}

// htmlScore is that of the vector that decided on the severity, else of the first;
// 0 if none is known.
func htmlScore(f *scan.Finding) float64 {
	for _, c := range f.CVSS {
		if c.Source == f.SeveritySource && c.Score > 0 {
			return c.Score
		}
	}
	for _, c := range f.CVSS {
		if c.Score > 0 {
			return c.Score
		}
	}
	return 0
}

func htmlScoreText(score float64) string {
	if score <= 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", score)
}

// htmlPercent writes a probability, in steps that tell small ones apart.
func htmlPercent(p float64) string {
	if p > 0 && p < 0.001 {
		return "< 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", 100*p)
}

// htmlNote tells packages of one name apart.
func htmlNote(f *scan.Finding) string {
	var parts []string
	if f.Package.Type != "" {
		parts = append(parts, f.Package.Type)
	}
	if source := sourceName(f); source != "" {
		parts = append(parts, "of "+source)
	}
	if image := imageName(f); image != "" {
		parts = append(parts, "in "+image)
	}
	return htmlText(strings.Join(parts, ", "))
}

// htmlTitle is the advisory's title, else the start of its text.
func htmlTitle(f *scan.Finding) string {
	if text := htmlText(strings.TrimSpace(f.Title)); text != "" {
		return text
	}
	first, _, _ := strings.Cut(strings.TrimSpace(f.Description), "\n")
	if text := htmlCutWords(clean(strings.TrimSpace(first)), 160); text != "" {
		return text
	}
	return "No title: the evidence"
}

// htmlCutWords is cut between two words, if one is near.
func htmlCutWords(s string, columns int) string {
	if textWidth(s) <= columns {
		return s
	}
	first, _ := head(s, columns-1)
	if i := strings.LastIndexByte(first, ' '); i > len(first)*3/4 {
		first = first[:i]
	}
	return strings.TrimRight(first, " ") + "…"
}

// htmlFacts are what is known of the flaw and of the package, other than by the
// row itself. A further one needs no change of the template.
func htmlFacts(f *scan.Finding) []htmlFact {
	var all []htmlFact
	add := func(label string, values ...htmlValue) {
		kept := values[:0]
		for _, v := range values {
			if v.Text != "" {
				kept = append(kept, v)
			}
		}
		if n := len(kept); n > maxList {
			kept = append(kept[:maxList], htmlValue{Text: fmt.Sprintf("… and %d more", n-maxList)})
		}
		if len(kept) > 0 {
			all = append(all, htmlFact{label, kept})
		}
	}
	text := func(s string) htmlValue { return htmlValue{Text: htmlText(s)} }
	code := func(s string) htmlValue { return htmlValue{Text: htmlText(s), Code: true} }

	if k := f.KEV; k != nil {
		add("Known exploited", text(htmlKEV(k)))
	}
	if f.Rejected {
		add("Rejected", text("the CVE is said to name no flaw, or one that has another ID"))
	}
	var list []htmlValue
	for _, a := range f.Aliases {
		list = append(list, htmlID(a))
	}
	add("Also known as", list...)
	if f.SeveritySource != "" {
		add("Rated by", text(f.SeveritySource))
	}
	list = nil
	for _, c := range f.CVSS {
		list = append(list, code(htmlCVSS(c)))
	}
	add("CVSS", list...)
	if e := f.EPSS; e != nil {
		add("EPSS", text(htmlEPSS(e)))
	}
	list = nil
	for _, n := range f.CWEs {
		list = append(list, htmlValue{Text: fmt.Sprintf("CWE-%d", n), URL: fmt.Sprintf(cweURL, n)})
	}
	add("Weakness", list...)
	add("Published", text(htmlDay(f.Published)))
	add("Modified", text(htmlDay(f.Modified)))

	p := &f.Package
	add("Package URL", code(p.PURL))
	if p.Source.Name != "" && p.Source != (sbom.Source{Name: p.Name, Version: p.Version}) {
		add("Source package", text(strings.TrimSpace(p.Source.Name+" "+p.Source.Version)))
	}
	add("Architecture", text(p.Arch))
	add("Built for", text(strings.Join(p.Platforms, ", ")))
	add("Image", text(p.Target))
	list = nil
	for i, path := range p.Paths {
		if i == 0 && p.Line > 0 {
			path += ":" + strconv.Itoa(p.Line)
		}
		list = append(list, code(path))
	}
	add("Recorded in", list...)
	add("Installed by", code(p.OwnedBy))
	add("Dependency", text(p.Relation))
	if p.Development {
		add("Used for", text("development only"))
	}
	if len(p.RequiredBy) > 0 {
		add("Required by", text(chain(p.RequiredBy)))
	}
	from := ""
	if p.FromBase {
		from = "from the base image"
	}
	add("Layer", text(htmlLayer(p.Layer)), text(from), code(p.Layer.DiffID))
	return all
}

func htmlKEV(k *vulndb.KEV) string {
	said := "in CISA's catalogue"
	if !k.Added.IsZero() {
		said += " since " + htmlDay(k.Added)
	}
	if !k.Due.IsZero() {
		said += ", to be fixed by " + htmlDay(k.Due)
	}
	if k.Ransomware {
		said += ", used with ransomware"
	}
	return said
}

func htmlCVSS(c scan.CVSS) string {
	said := c.Vector
	if c.Score > 0 {
		said = fmt.Sprintf("%.1f %s", c.Score, c.Vector)
	}
	if c.Source != "" {
		said += " (" + c.Source + ")"
	}
	return said
}

func htmlEPSS(e *vulndb.EPSS) string {
	said := fmt.Sprintf("%s likely to be exploited within 30 days; %s of all CVEs score lower or the same", htmlPercent(e.Score), htmlPercent(e.Percentile))
	if !e.Date.IsZero() {
		said += ", as of " + htmlDay(e.Date)
	}
	return said
}

func htmlLayer(l scan.PackageLayer) string {
	if l.DiffID == "" && l.CreatedBy == "" {
		return ""
	}
	return htmlLayerLabel(l.Index, command(l.CreatedBy))
}

// htmlEvidenceOf lists the advisories, the decisive one first, and tells how
// many are left out.
func htmlEvidenceOf(f *scan.Finding) (list []htmlEvidence, left int) {
	add := func(e *vulndb.Evidence) {
		switch {
		case *e == (vulndb.Evidence{}):
		case len(list) == maxList:
			left++
		default:
			list = append(list, htmlEvidence{
				Advisory: htmlID(e.Advisory), Ecosystem: htmlText(e.Ecosystem), Name: htmlText(e.MatchedName), Version: htmlText(e.MatchedVersion),
				Range: htmlText(e.Range), Scheme: htmlText(e.Scheme), Database: shortID(clean(e.Database)),
			})
		}
	}
	add(&f.Evidence)
	for i := range f.OtherEvidence {
		add(&f.OtherEvidence[i])
	}
	return list, left
}

// htmlReferences are the links of the advisory. What is no web address stays text.
func htmlReferences(f *scan.Finding) (list []htmlValue, left int) {
	for i, ref := range f.References {
		if i == maxList {
			return list, len(f.References) - i
		}
		list = append(list, htmlValue{Text: htmlText(ref), URL: htmlLink(ref)})
	}
	return list, 0
}

// htmlLink returns an address that a browser may follow, empty if it is none: a
// click must not run or open anything else. The text beside it is the whole
// address, so that people see where it leads to.
func htmlLink(address string) string {
	link, _ := webURL(address)
	return link
}

// htmlID leads to the public page of a CVE or GHSA, the only IDs that say by
// themselves where that is.
func htmlID(id string) htmlValue {
	v := htmlValue{Text: htmlText(id)}
	switch {
	case htmlIsID(id, "CVE-", "0123456789-"):
		v.URL = "https://www.cve.org/CVERecord?id=" + id
	case htmlIsID(id, "GHSA-", "0123456789abcdefghijklmnopqrstuvwxyz-"):
		v.URL = "https://github.com/advisories/" + id
	}
	return v
}

func htmlIsID(id, prefix, letters string) bool {
	rest, ok := strings.CutPrefix(id, prefix)
	return ok && len(rest) > 4 && len(rest) < 40 && strings.Trim(rest, letters) == "" && strings.IndexFunc(rest, func(r rune) bool { return !strings.ContainsRune(letters, r) }) < 0
}

// htmlLines is clean for a text of several lines.
func htmlLines(s string) string {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "\n") {
		return clean(s)
	}
	var b strings.Builder
	for line := range strings.SplitSeq(s, "\n") {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(clean(strings.TrimSuffix(line, "\r")))
	}
	return b.String()
}

// An htmlSuppressed is a row of the table of suppressed findings.
type htmlSuppressed struct {
	Severity, Class string
	Rank            int
	ID              htmlValue
	Package, Note   string
	Version, Fixed  string
	By, Reason      string
}

func newHTMLSuppressed(s *scan.Suppressed) htmlSuppressed {
	f := &s.Finding
	return htmlSuppressed{
		Severity: htmlSeverityWord(f.Severity), Class: htmlSeverityClass(f.Severity), Rank: int(f.Severity), ID: htmlID(f.ID),
		Package: htmlText(fullName(&f.Package)), Note: htmlNote(f), Version: htmlText(f.Package.Version), Fixed: htmlText(fixedIn(f)),
		By: htmlText(s.By), Reason: htmlText(why(s)),
	}
}

// An htmlPackage is a row of the table of packages.
type htmlPackage struct {
	Name, Version, Type, Source string
	Paths                       []string
	Note                        string
	Layer                       string
}

func newHTMLPackage(p *scan.Package) htmlPackage {
	row := htmlPackage{
		Name: htmlText(fullName(p)), Version: htmlText(cmp.Or(p.Version, p.Constraint)), Type: htmlText(p.Type),
		Layer: strconv.Itoa(p.Layer.Index),
	}
	if p.Source.Name != p.Name {
		row.Source = htmlText(p.Source.Name)
	}
	for i, path := range p.Paths {
		if i == maxList {
			row.Paths = append(row.Paths, fmt.Sprintf("… and %d more", len(p.Paths)-i))
			break
		}
		row.Paths = append(row.Paths, htmlText(path))
	}
	var notes []string
	if p.Version == "" {
		notes = append(notes, "no version: not compared")
	}
	if p.OwnedBy != "" {
		notes = append(notes, "installed by "+p.OwnedBy)
	}
	if p.Relation != "" {
		notes = append(notes, p.Relation)
	}
	if p.Development {
		notes = append(notes, "development")
	}
	if p.DeletedBy != nil {
		notes = append(notes, fmt.Sprintf("deleted by layer %d: not compared", p.DeletedBy.Index))
	}
	if p.Target != "" {
		notes = append(notes, p.Target)
	}
	row.Note = htmlText(strings.Join(notes, "; "))
	return row
}
