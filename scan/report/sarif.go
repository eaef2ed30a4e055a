package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/scan"
)

// What GitHub does with a file is described at
// https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning,
// the format at https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.
// The types here have the few properties of it that are used.

const sarifSchema = "https://json.schemastore.org/sarif-2.1.0.json"

// The limits of GitHub.
const (
	sarifMaxResults   = 25_000 // files with more results, or rules, are refused
	sarifShownResults = 5_000  // of a file, the worst
	sarifMaxText      = 1024   // of a description, in characters
	sarifMaxTags      = 10     // of a rule
	sarifMaxLocations = 10     // of a result
)

// sarifMaxHelp bounds the text of an advisory in the help of a rule, in bytes.
const sarifMaxHelp = 16 << 10

type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifDescriptor struct {
	ID               string           `json:"id"`
	ShortDescription sarifText        `json:"shortDescription"`
	FullDescription  *sarifText       `json:"fullDescription,omitempty"`
	HelpURI          string           `json:"helpUri,omitempty"`
	Help             *sarifText       `json:"help,omitempty"`
	Configuration    *sarifLevel      `json:"defaultConfiguration,omitempty"`
	Properties       *sarifRuleFacets `json:"properties,omitempty"`
}

type sarifLevel struct {
	Level string `json:"level"`
}

type sarifRuleFacets struct {
	Precision        string   `json:"precision"`
	SecuritySeverity string   `json:"security-severity,omitempty"`
	Tags             []string `json:"tags"`
}

type sarifResult struct {
	RuleID              string             `json:"ruleId"`
	RuleIndex           int                `json:"ruleIndex"`
	Level               string             `json:"level"`
	Message             sarifText          `json:"message"`
	Locations           []sarifLocation    `json:"locations"`
	RelatedLocations    []sarifLocation    `json:"relatedLocations,omitempty"`
	PartialFingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions        []sarifSuppression `json:"suppressions,omitempty"`
	Properties          sarifFacets        `json:"properties"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

// sarifFacets are for programs.
type sarifFacets struct {
	PURL             string `json:"purl,omitempty"`
	Package          string `json:"package"`
	InstalledVersion string `json:"installedVersion"`
	FixedVersion     string `json:"fixedVersion,omitempty"`
	Status           string `json:"status,omitempty"`
	Severity         string `json:"severity"`
	Layer            string `json:"layer,omitempty"`
	Image            string `json:"image,omitempty"` // of a product
}

type sarifLocation struct {
	ID               int                    `json:"id,omitempty"`
	PhysicalLocation sarifPhysicalLocation  `json:"physicalLocation"`
	LogicalLocations []sarifLogicalLocation `json:"logicalLocations,omitempty"`
	Message          *sarifText             `json:"message,omitempty"`
}

type sarifPhysicalLocation struct {
	ArtifactLocation sarifArtifact `json:"artifactLocation"`
	Region           *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI       string `json:"uri"`
	URIBaseID string `json:"uriBaseId,omitempty"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn"`
	EndLine     int `json:"endLine"`
	EndColumn   int `json:"endColumn"`
}

type sarifLogicalLocation struct {
	Name               string `json:"name"`
	FullyQualifiedName string `json:"fullyQualifiedName,omitempty"`
	Kind               string `json:"kind"`
}

type sarifNotification struct {
	Descriptor sarifReference  `json:"descriptor"`
	Level      string          `json:"level"`
	Message    sarifText       `json:"message"`
	Locations  []sarifLocation `json:"locations,omitempty"`
}

type sarifReference struct {
	ID string `json:"id"`
}

// A sarifRule is what the findings of one ID have in common.
type sarifRule struct {
	index int
	worst *scan.Finding
	score float64
	rated bool
}

// writeSARIF writes one run.
func writeSARIF(w io.Writer, r *scan.Report, cfg *config) error {
	rules := map[string]*sarifRule{}
	results := 0
	for f := range allFindings(r, cfg.suppressed) {
		results++
		id := sarifID(f)
		rule := rules[id]
		if rule == nil {
			rule = &sarifRule{worst: f}
			rules[id] = rule
		}
		if sarifRank(f.Severity) > sarifRank(rule.worst.Severity) {
			rule.worst = f
		}
	}
	ids := slices.Sorted(maps.Keys(rules))
	for i, id := range ids {
		rules[id].index = i
		rules[id].score, rules[id].rated = securitySeverity(rules[id].worst)
	}

	j := codec.NewJSONWriter(w, false)
	j.Member("$schema", sarifSchema)
	j.Member("version", "2.1.0")
	j.List("runs")
	j.Object("")
	sarifTool(j, ids, rules)
	j.Member("automationDetails", map[string]string{"id": sarifCategory(r)})
	sarifInvocation(j, r, results, len(rules))
	if !isTree(r) {
		j.Member("originalUriBaseIds", map[string]any{
			sarifBase: map[string]any{"uri": "file:///", "description": sarifText{Text: "The root of the image's file system"}},
		})
	}
	j.List("results")
	seen := map[string]int{}
	for f, s := range allFindings(r, cfg.suppressed) {
		j.Element(sarifResultOf(r, f, s, rules[sarifID(f)], seen))
	}
	j.EndList()
	j.Member("properties", sarifRunFacets(r))
	j.EndObject()
	j.EndList()
	return j.Close()
}

// sarifTool writes what this library is, and the rules.
func sarifTool(j *codec.JSONWriter, ids []string, rules map[string]*sarifRule) {
	j.Object("tool")
	j.Object("driver")
	j.Member("name", codec.Name)
	if v := codec.Tool().Version; v != "" {
		j.Member("version", v)
		if semver, ok := strings.CutPrefix(v, "v"); ok && semanticVersion.MatchString(semver) {
			j.Member("semanticVersion", semver)
		}
	}
	j.Member("informationUri", homePage)
	j.List("rules")
	for _, id := range ids {
		j.Element(rules[id].descriptor(id))
	}
	j.EndList()
	j.List("notifications")
	for _, k := range noticeKinds {
		j.Element(sarifNoticeDescriptor(k.id, k.text))
	}
	j.Element(sarifNoticeDescriptor(noticeLimit, "There is more than GitHub takes or shows"))
	j.EndList()
	j.EndObject()
	j.EndObject()
}

// sarifInvocation writes what was not compared, and why.
func sarifInvocation(j *codec.JSONWriter, r *scan.Report, results, rules int) {
	j.List("invocations")
	j.Object("")
	j.Member("executionSuccessful", compared(r))
	j.List("toolExecutionNotifications")
	for n := range sarifLimits(results, rules) {
		j.Element(n)
	}
	for n := range notices(r) {
		j.Element(sarifNotice(r, &n))
	}
	j.EndList()
	j.EndObject()
	j.EndList()
}

const noticeLimit = "limit"

// sarifBase stands for the root of an image.
const sarifBase = "IMAGE_ROOT"

// https://semver.org/spec/v2.0.0.html
var semanticVersion = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

func sarifID(f *scan.Finding) string { return cmp.Or(oneLine(f.ID), "unknown") }

// sarifRank orders severities by how much they ask for a look: what nobody has
// rated may be bad.
func sarifRank(s cvss.Severity) int {
	return -slices.Index([]cvss.Severity{cvss.Critical, cvss.High, cvss.Medium, cvss.Unknown, cvss.Low, cvss.Negligible, cvss.None}, s)
}

// sarifLevelOf is the level of a result
// (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html#_Toc34317648).
func sarifLevelOf(s cvss.Severity) string {
	switch s {
	case cvss.Critical, cvss.High:
		return "error"
	case cvss.Medium, cvss.Unknown:
		return "warning"
	}
	return "note"
}

// securitySeverity is the number that GitHub makes a severity of: over 9.0
// critical, from 7.0 high, from 4.0 medium, from 0.1 low. It is the CVSS score
// where that has the severity of the finding, else the middle of the range. A
// finding that is not rated, or has no consequence, has none.
func securitySeverity(f *scan.Finding) (float64, bool) {
	if f.Severity == cvss.Unknown || f.Severity == cvss.None {
		return 0, false
	}
	if s, ok := score(f); ok {
		return s, true
	}
	switch f.Severity {
	case cvss.Critical:
		return 9.5, true
	case cvss.High:
		return 8, true
	case cvss.Medium:
		return 5.5, true
	case cvss.Low:
		return 2, true
	}
	return 0.1, true
}

// sarifEscape makes a text fit for a message, in which braces stand for
// arguments and brackets for links (sections 3.11.5 and 3.11.6).
var sarifEscape = strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, "{", "{{", "}", "}}")

func sarifMessage(s string) sarifText { return sarifText{Text: sarifEscape.Replace(s)} }

// descriptor is what GitHub shows of a flaw.
func (rule *sarifRule) descriptor(id string) sarifDescriptor {
	f := rule.worst
	title := cmp.Or(oneLine(headline(f)), "A flaw in "+oneLine(fullName(&f.Package)))
	full := cmp.Or(lines(f.Description, 4*sarifMaxText), title)
	d := sarifDescriptor{
		ID:               id,
		ShortDescription: sarifText{Text: clipRunes(sarifEscape.Replace(id+": "+title), sarifMaxText)},
		FullDescription:  &sarifText{Text: clipRunes(sarifEscape.Replace(full), sarifMaxText)},
		HelpURI:          flawPage(f.ID),
		Help:             rule.help(id, title),
		Configuration:    &sarifLevel{sarifLevelOf(f.Severity)},
		Properties:       &sarifRuleFacets{Precision: "very-high", Tags: []string{"security", "vulnerability", f.Severity.String()}},
	}
	if rule.rated {
		d.Properties.SecuritySeverity = strconv.FormatFloat(rule.score, 'f', 1, 64)
	}
	if f.KEV != nil {
		d.Properties.Tags = append(d.Properties.Tags, "exploited")
	}
	for _, n := range f.CWEs {
		if len(d.Properties.Tags) < sarifMaxTags {
			d.Properties.Tags = append(d.Properties.Tags, fmt.Sprintf("external/cwe/cwe-%03d", n)) // as CodeQL writes it
		}
	}
	return d
}

// help is the page on a flaw, as text and as Markdown. Packages are not in it:
// they are in the results.
func (rule *sarifRule) help(id, title string) *sarifText {
	f := rule.worst
	var text, md strings.Builder
	fmt.Fprintf(&text, "%s: %s\n", id, title)
	fmt.Fprintf(&md, "**%s**: %s\n\n", mdText(id), mdText(title))
	row := func(name, value string) {
		if value = oneLine(value); value != "" {
			fmt.Fprintf(&text, "%s: %s\n", name, value)
			fmt.Fprintf(&md, "| %s | %s |\n", name, mdText(value))
		}
	}
	md.WriteString("| | |\n| --- | --- |\n")
	row("Severity", strings.TrimSpace(f.Severity.String()+" "+ofSource(f.SeveritySource)))
	for _, c := range f.CVSS {
		row("CVSS "+oneLine(c.Version), fmt.Sprintf("%.1f (%s) %s", c.Score, c.Vector, ofSource(c.Source)))
	}
	if f.EPSS != nil {
		row("EPSS", fmt.Sprintf("%.1f %% likely to be exploited within 30 days", 100*f.EPSS.Score))
	}
	if f.KEV != nil {
		row("Exploited", "yes, according to CISA's catalogue of known exploited vulnerabilities")
	}
	if f.Rejected {
		row("Rejected", "yes: the ID is said to name no flaw, or one that has another ID")
	}
	row("Aliases", strings.Join(f.Aliases, " "))
	if description := lines(f.Description, sarifMaxHelp); description != "" {
		text.WriteString("\n" + description + "\n")
		md.WriteString("\n" + mdLines(f.Description, sarifMaxHelp) + "\n")
	}
	urls := webURLs(f)
	if page := flawPage(f.ID); page != "" && !slices.Contains(urls, page) {
		urls = slices.Insert(urls, 0, page)
	}
	if len(urls) > 0 {
		text.WriteString("\nReferences:\n")
		md.WriteString("\nReferences:\n\n")
	}
	for _, u := range urls[:min(len(urls), 20)] {
		fmt.Fprintf(&text, "- %s\n", u)
		fmt.Fprintf(&md, "- <%s>\n", u)
	}
	if n := len(urls) - 20; n > 0 {
		fmt.Fprintf(&text, "- and %d more\n", n)
		fmt.Fprintf(&md, "- and %d more\n", n)
	}
	return &sarifText{Text: sarifEscape.Replace(strings.TrimRight(text.String(), "\n")), Markdown: strings.TrimRight(md.String(), "\n")}
}

func ofSource(s string) string {
	if s == "" {
		return ""
	}
	return "by " + s
}

// sarifResultOf makes the result of a finding. seen counts fingerprints.
func sarifResultOf(r *scan.Report, f *scan.Finding, s *scan.Suppressed, rule *sarifRule, seen map[string]int) sarifResult {
	p := &f.Package
	name, version := oneLine(fullName(p)), oneLine(p.Version)
	var text strings.Builder
	fmt.Fprintf(&text, "%s in %s", sarifID(f), strings.TrimSpace(name+" "+version))
	if title := headline(f); title != "" {
		text.WriteString(": " + oneLine(title))
	}
	for _, l := range [...]struct{ label, text string }{
		{"Severity", f.Severity.String()},
		{"Solution", solution(f)},
		{"Package", p.PURL},
		{"File", strings.Join(p.Paths[:min(len(p.Paths), sarifMaxLocations)], " ")},
		{"Layer", layerOf(p)},
		{"Image", p.Target},
		{"Evidence", evidence(f)},
	} {
		if l.text != "" {
			fmt.Fprintf(&text, "\n%s: %s", l.label, oneLine(l.text))
		}
	}
	result := sarifResult{
		RuleID: sarifID(f), RuleIndex: rule.index, Level: sarifLevelOf(f.Severity), Message: sarifMessage(text.String()),
		Locations: []sarifLocation{sarifPlace(r, p)},
		Properties: sarifFacets{
			PURL: oneLine(p.PURL), Package: name, InstalledVersion: version, FixedVersion: oneLine(f.FixedVersion), Status: oneLine(string(f.Status)),
			Severity: f.Severity.String(), Layer: oneLine(p.Layer.DiffID), Image: oneLine(p.Target),
		},
	}
	for i := 1; i < min(len(p.Paths), sarifMaxLocations); i++ {
		result.RelatedLocations = append(result.RelatedLocations, sarifLocation{
			ID: i, PhysicalLocation: sarifFile(r, p.Paths[i], 0), Message: &sarifText{Text: "The package is recorded here too"},
		})
	}
	digest := identity(f)
	print := fmt.Sprintf("%x", digest[:16])
	seen[print]++
	// GitHub looks at the first only, and takes no two results with the same.
	result.PartialFingerprints = map[string]string{
		"primaryLocationLineHash": fmt.Sprintf("%s:%d", print[:16], seen[print]),
		codec.Name + "/v1":        fmt.Sprintf("%s:%d", print, seen[print]),
	}
	if s != nil {
		result.Suppressions = []sarifSuppression{{Kind: "external", Status: "accepted", Justification: oneLine(s.By) + ": " + oneLine(why(s))}}
	}
	return result
}

// sarifPlace is where a package is recorded: GitHub shows no result without a
// place. Where no file is known it is named after what was scanned.
func sarifPlace(r *scan.Report, p *scan.Package) sarifLocation {
	l := sarifLocation{LogicalLocations: []sarifLogicalLocation{{
		Name: cmp.Or(oneLine(fullName(p)), "unknown"), FullyQualifiedName: oneLine(p.PURL), Kind: "package",
	}}}
	if file := firstPath(p); file != "" {
		l.PhysicalLocation = sarifFile(r, file, p.Line)
	} else {
		l.PhysicalLocation = sarifPhysicalLocation{
			ArtifactLocation: sarifArtifact{URI: cmp.Or(relativeURI(r.Target.Name), "image")}, Region: &sarifRegion{1, 1, 1, 1},
		}
	}
	return l
}

// sarifFile names a file, below the root of the repository or of the image. All
// numbers of the region must be there for GitHub.
func sarifFile(r *scan.Report, file string, line int) sarifPhysicalLocation {
	a := sarifArtifact{URI: relativeURI(file), URIBaseID: sarifBase}
	if isTree(r) {
		a.URIBaseID = "%SRCROOT%" // the convention for the root of the repository
	}
	line = max(line, 1)
	return sarifPhysicalLocation{ArtifactLocation: a, Region: &sarifRegion{line, 1, line, 1}}
}

// sarifNoticeDescriptor says what a kind of notices means. GitHub's rules ask for
// as much of it as of a rule.
func sarifNoticeDescriptor(id, text string) sarifDescriptor {
	t := sarifText{Text: text + "."}
	return sarifDescriptor{ID: id, ShortDescription: t, FullDescription: &t, Help: &t}
}

func sarifNotice(r *scan.Report, n *notice) sarifNotification {
	s := sarifNotification{Descriptor: sarifReference{n.id}, Level: "note", Message: sarifMessage(oneLine(n.text))}
	if n.bad {
		s.Level = "warning"
	}
	if relativeURI(n.path) != "" {
		s.Locations = []sarifLocation{{PhysicalLocation: sarifPhysicalLocation{ArtifactLocation: sarifFile(r, n.path, 0).ArtifactLocation}}}
	}
	return s
}

// sarifLimits tells where there is more than GitHub takes.
func sarifLimits(results, rules int) func(yield func(sarifNotification) bool) {
	return func(yield func(sarifNotification) bool) {
		say := func(format string, args ...any) bool {
			return yield(sarifNotification{Descriptor: sarifReference{noticeLimit}, Level: "warning", Message: sarifMessage(fmt.Sprintf(format, args...))})
		}
		switch {
		case results > sarifMaxResults:
			say("There are %d results: GitHub refuses files with more than %d. Choose severities, or leave out what has no fix.", results, sarifMaxResults)
		case rules > sarifMaxResults:
			say("There are %d rules: GitHub refuses files with more than %d. Choose severities, or leave out what has no fix.", rules, sarifMaxResults)
		case results > sarifShownResults:
			say("There are %d results: GitHub shows the worst %d of a file.", results, sarifShownResults)
		}
	}
}

// TooManyForGitHub reports whether a report has more findings than GitHub takes
// in a [SARIF] file, 25,000. It refuses such files.
func TooManyForGitHub(r *scan.Report) bool { return len(r.Findings) > sarifMaxResults }

// sarifCategory tells the files of several images apart that are uploaded for
// one commit. It ends with a slash, since the last part would name the run.
func sarifCategory(r *scan.Report) string {
	return codec.Name + "/" + cmp.Or(strings.Trim(oneLine(repository(r)), "/"), "unknown") + "/"
}

// sarifRunFacets say what was scanned and compared with.
func sarifRunFacets(r *scan.Report) map[string]any {
	facets := map[string]any{
		"target": map[string]string{
			"name": oneLine(r.Target.Name), "kind": oneLine(r.Target.Kind), "digest": oneLine(r.Target.Digest), "imageId": oneLine(r.Target.ImageID),
			"platform": oneLine(r.Target.Platform), "os": oneLine(osName(&r.OS)),
		},
		"suppressed": len(r.Suppressed),
	}
	if r.Database.ID != "" {
		facets["database"] = map[string]string{"id": r.Database.ID, "built": codec.FormatTime(r.Database.Built)}
	}
	return facets
}
