package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

// maxProblems bounds how many problems a table lists: an image can have any
// number of broken files. [JSON] has all.
const maxProblems = 50

// maxText bounds the columns that one name, version or message may take in a
// table before it is cut, over all its lines.
const maxText = 600

// writeTable writes the report for people.
func writeTable(w io.Writer, r *scan.Report, cfg *config) error {
	out := bufio.NewWriter(w) // which keeps the first error of w for Flush
	t := &table{w: out, cfg: cfg}
	t.head(r)
	t.findings(r)
	t.suppressed(r)
	t.judged(r)
	t.coverage(r)
	t.problems(r)
	t.endOfLife(&r.OS)
	return out.Flush()
}

// A table writes the parts of the report.
type table struct {
	w   *bufio.Writer
	cfg *config
}

// A style is the parameter of the escape sequence "select graphic rendition",
// ECMA-48, section 8.3.117; empty for plain text.
type style string

const (
	plain   style = ""
	bold    style = "1"
	faint   style = "2"
	warning style = "1;33"
)

func severityStyle(s cvss.Severity) style {
	switch s {
	case cvss.Critical:
		return "1;35"
	case cvss.High:
		return "1;31"
	case cvss.Medium:
		return "1;33"
	case cvss.Low:
		return "1;36"
	}
	return bold
}

// print writes text in a style. All text of the report has been through clean.
func (t *table) print(s style, text string) {
	if !t.cfg.color || s == plain || text == "" {
		t.w.WriteString(text)
		return
	}
	fmt.Fprintf(t.w, "\x1b[%sm%s\x1b[0m", string(s), text)
}

func (t *table) line(s style, text string) {
	t.print(s, strings.TrimRight(text, " "))
	t.w.WriteByte('\n')
}

// labelWidth is that of the longest label and a space. A digest, of 71
// columns, fits beside it in 80.
const labelWidth = 9

// field writes a label and a text, wrapped beside it.
func (t *table) field(label string, s style, text string) {
	for i, line := range wrap(cut(clean(text), maxText), t.cfg.width-labelWidth) {
		if i > 0 {
			label = ""
		}
		if strings.TrimSpace(line) == "" {
			t.line(faint, label)
			continue
		}
		t.print(faint, pad(label, labelWidth))
		t.line(s, line)
	}
}

// item writes a text with a hanging indent.
func (t *table) item(s style, text string) {
	for i, line := range wrap(cut(clean(text), maxText), t.cfg.width-4) {
		indent := "  "
		if i > 0 {
			indent = "    "
		}
		t.line(s, indent+line)
	}
}

// heading starts a part.
func (t *table) heading(s style, text string) {
	t.w.WriteByte('\n')
	for _, line := range wrap(clean(text), t.cfg.width) {
		t.line(s, line)
	}
}

func pad(s string, columns int) string {
	return s + strings.Repeat(" ", max(0, columns-textWidth(s)))
}

func (t *table) head(r *scan.Report) {
	t.field("Target", bold, fmt.Sprintf("%s (%s)", strings.TrimSpace(r.Target.Name+" "+r.Target.Version), r.Target.Kind))
	if r.Target.PulledFrom != "" {
		t.field("From", plain, r.Target.PulledFrom)
	}
	if r.Target.ImageID != "" {
		t.field("Image", plain, r.Target.ImageID)
	}
	if r.Target.Digest != "" {
		t.field("Digest", plain, r.Target.Digest)
	}
	if r.Target.Platform != "" {
		t.field("Platform", plain, r.Target.Platform)
	}
	switch name := osName(&r.OS); {
	case r.BOM != nil && len(r.BOM.Parts) > 0: // each has its own
		t.field("Images", plain, strconv.Itoa(len(r.BOM.Parts)))
	case name == "":
		t.field("OS", warning, "not recognised")
	case r.OS.EndOfLife:
		t.field("OS", warning, name+", END OF LIFE since "+r.OS.EndOfLifeDate)
	default:
		t.field("OS", plain, name)
	}
	t.base(r)
	t.database(&r.Database)
	t.field("Findings", bold, countFindings(r))
}

// osName names a distribution, empty if it is not known.
func osName(os *scan.OS) string {
	name := cmp.Or(os.Name, strings.TrimSpace(os.ID+" "+os.Version))
	if os.Ecosystem != "" {
		return strings.TrimSpace(name + " (" + os.Ecosystem + ")")
	}
	return name
}

func (t *table) database(db *scan.Database) {
	if db.ID == "" {
		t.field("Database", warning, "none: nothing was compared")
		return
	}
	t.field("Database", plain, fmt.Sprintf("%s, built %s", shortID(db.ID), db.Built.UTC().Format("2006-01-02 15:04 UTC")))
	for _, s := range db.Sources {
		t.field("", plain, fmt.Sprintf("%s: %s, newest of %s", s.Ecosystem, plural(s.Records, "advisory"), s.Modified.UTC().Format(time.DateOnly)))
	}
	for _, e := range db.Enrichment {
		amount := plural(e.CVEs, "CVE")
		if e.Releases > 0 {
			amount = plural(e.Releases, "release")
		}
		t.field("", plain, fmt.Sprintf("%s: %s, of %s", strings.TrimSpace(e.Source+" "+e.Version), amount, e.Date.UTC().Format(time.DateOnly)))
	}
}

// shortID shortens a digest to what people compare by eye.
func shortID(id string) string {
	_, digits, ok := strings.Cut(id, ":")
	if !ok {
		digits = id
	}
	return digits[:min(len(digits), 12)]
}

// countFindings tells how many findings there are of each severity.
func countFindings(r *scan.Report) string {
	n := len(r.Findings)
	if n == 0 {
		return "0"
	}
	count := map[cvss.Severity]int{}
	fixable, inherited := 0, 0
	for i := range r.Findings {
		if r.Findings[i].Package.FromBase {
			inherited++
		}
		count[r.Findings[i].Severity]++
		if r.Findings[i].FixedVersion != "" {
			fixable++
		}
	}
	var parts []string
	for _, s := range cvss.Severities() {
		if count[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[s], strings.ToLower(s.String())))
		}
	}
	text := fmt.Sprintf("%d (%s), %d with a fixed version", n, strings.Join(parts, ", "), fixable)
	if r.BaseImage != nil && r.BaseImage.Layers > 0 {
		text += fmt.Sprintf(", %d from the base image", inherited)
		if r.BaseImage.Guess {
			text += " (a guess)"
		}
	}
	return text
}

// findings writes a table for each severity, or what it means that there is
// none.
func (t *table) findings(r *scan.Report) {
	if len(r.Findings) == 0 {
		t.heading(bold, nothing(r))
		return
	}
	switch t.cfg.groups {
	case ByPackage:
		t.byPackage(r)
	case ByLayer:
		t.byLayer(r)
	default:
		t.bySeverity(r)
	}
	if t.cfg.chains && t.cfg.groups != ByPackage { // which has them
		t.chains(r)
	}
}

// nothing says what a report without findings means: not more than that what
// was compared matches no advisory of those there were.
func nothing(r *scan.Report) string {
	compared, missed := 0, 0
	var with []string
	for _, c := range r.Coverage {
		if c.Status == vulndb.CoverageMatched {
			compared += c.Packages
			with = append(with, c.Ecosystem)
		} else {
			missed += c.Packages
		}
	}
	if compared == 0 && missed == 0 {
		return "NOTHING WAS COMPARED: no packages were found in the image."
	}
	if compared == 0 {
		return fmt.Sprintf("NOTHING WAS COMPARED: %s found, see below why.", were(missed, "package"))
	}
	slices.Sort(with)
	text := fmt.Sprintf("No findings: %s compared with the advisories for %s in the database",
		were(compared, "package"), strings.Join(slices.Compact(with), ", "))
	switch n := len(r.Suppressed); n {
	case 0:
		text += ", and none matches."
	case 1:
		text += "; the 1 match is suppressed, see below."
	default:
		text += fmt.Sprintf("; the %d matches are suppressed, see below.", n)
	}
	if missed > 0 {
		text += fmt.Sprintf(" %s NOT compared, see below.", were(missed, "package"))
	}
	if n := len(r.Problems); n > 0 {
		text += fmt.Sprintf(" %s met, see below.", were(n, "problem"))
	}
	return text
}

// were returns the number with the word and the verb.
func were(n int, word string) string {
	if n == 1 {
		return plural(n, word) + " was"
	}
	return plural(n, word) + " were"
}

// suppressed tells how many findings were taken out, and why.
func (t *table) suppressed(r *scan.Report) {
	if len(r.Suppressed) == 0 {
		return
	}
	t.heading(bold, "Suppressed: "+plural(len(r.Suppressed), "finding"))
	for g, n := range suppressedGroups(r) {
		t.item(plain, fmt.Sprintf("%d by %s: %s", n, g.by, g.reason))
	}
}

// coverage tells which packages were not compared, in full or in part.
func (t *table) coverage(r *scan.Report) {
	missed := 0
	var partly []vulndb.Coverage
	for _, c := range r.Coverage {
		switch {
		case c.Status != vulndb.CoverageMatched:
			missed += c.Packages
		case c.Reason != "":
			partly = append(partly, c)
		}
	}
	if missed > 0 {
		t.heading(warning, were(missed, "package")+" NOT compared")
	}
	for _, c := range r.Coverage {
		switch c.Status {
		case vulndb.CoverageMatched:
		case vulndb.CoverageNoData:
			t.item(plain, withReason(fmt.Sprintf("%d: no data for %s", c.Packages, cmp.Or(c.Ecosystem, "them")), c.Reason))
		case vulndb.CoverageUnsupported:
			t.item(plain, withReason(fmt.Sprintf("%d: %s cannot be compared", c.Packages, cmp.Or(c.Ecosystem, "they")), c.Reason))
		default:
			t.item(plain, withReason(fmt.Sprintf("%d: %s: %s", c.Packages, c.Ecosystem, c.Status), c.Reason))
		}
	}
	for _, c := range partly {
		t.heading(warning, fmt.Sprintf("Compared in part: %s of %s: %s", plural(c.Packages, "package"), c.Ecosystem, c.Reason))
	}
}

func withReason(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + ": " + reason
}

func (t *table) problems(r *scan.Report) {
	if len(r.Problems) == 0 {
		return
	}
	t.heading(warning, plural(len(r.Problems), "problem")+", behind which packages and findings may hide")
	for i, p := range r.Problems {
		if i == maxProblems {
			t.item(plain, fmt.Sprintf("… and %d more, which the JSON format lists", len(r.Problems)-i))
			return
		}
		path := cmp.Or(p.Path, "-")
		if p.Target != "" {
			path = p.Target + ": " + path
		}
		t.item(plain, fmt.Sprintf("%s (%s): %s", path, p.Extractor, p.Error))
	}
}

func (t *table) endOfLife(os *scan.OS) {
	if os.EndOfLife {
		t.heading(warning, fmt.Sprintf("%s has had no security support since %s: flaws found since then may be missing above.", osName(os), os.EndOfLifeDate))
	}
}
