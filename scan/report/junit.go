package report

import (
	"bufio"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

// JUnit's format has no owner. This is what the schema of Jenkins' xUnit plugin
// allows, which other readers take too:
// https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd

// junitMaxText bounds the text of an advisory, in bytes.
const junitMaxText = 4 << 10

type junitCase struct {
	XMLName   xml.Name     `xml:"testcase"`
	ClassName string       `xml:"classname,attr"`
	Name      string       `xml:"name,attr"`
	Time      string       `xml:"time,attr"`
	Failure   *junitResult `xml:"failure"`
	Error     *junitResult `xml:"error"`
	Skipped   *junitResult `xml:"skipped"`
}

type junitResult struct {
	Type    string `xml:"type,attr,omitempty"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// A junitSuite is written case by case.
type junitSuite struct {
	name                             string
	tests, failures, errors, skipped int
}

// writeJUnit writes a suite for each type of packages, then those of what was
// compared and of what went wrong.
func writeJUnit(w io.Writer, r *scan.Report, cfg *config) error {
	suites := map[string]*junitSuite{}
	var types []string
	total := junitSuite{}
	for f, s := range allFindings(r, true) {
		suite := suites[f.Package.Type]
		if suite == nil {
			suite = &junitSuite{name: cmp.Or(oneLine(f.Package.Type), "unknown")}
			suites[f.Package.Type] = suite
			types = append(types, f.Package.Type)
		}
		suite.tests++
		if s == nil {
			suite.failures++
		} else {
			suite.skipped++
		}
	}
	slices.Sort(types)
	coverage := junitCoverage(r)
	compared := junitSuite{name: "coverage", tests: len(coverage)}
	for _, c := range coverage {
		if c.Error != nil {
			compared.errors++
		}
		if c.Skipped != nil {
			compared.skipped++
		}
	}
	problems := junitSuite{name: "problems", tests: len(r.Problems), errors: len(r.Problems)}
	for _, suite := range suites {
		total.failures += suite.failures
		total.tests += suite.tests
	}
	total.tests += compared.tests + problems.tests
	total.errors = compared.errors + problems.errors

	buf := bufio.NewWriterSize(w, 64<<10)
	j := &junitWriter{enc: xml.NewEncoder(buf)}
	j.enc.Indent("", "  ")
	buf.WriteString(xml.Header)
	root := xml.StartElement{Name: xml.Name{Local: "testsuites"}, Attr: []xml.Attr{
		attr("name", codec.Name), attr("tests", total.tests), attr("failures", total.failures), attr("errors", total.errors),
	}}
	j.token(root)
	for _, typ := range types {
		j.begin(suites[typ], r, cfg)
		for f, s := range allFindings(r, true) {
			if f.Package.Type == typ {
				j.finding(f, s)
			}
		}
		j.end()
	}
	j.begin(&compared, r, cfg)
	for _, c := range coverage {
		c.ClassName = compared.name
		j.write(c)
	}
	j.end()
	if len(r.Problems) > 0 {
		j.begin(&problems, r, cfg)
		for i := range r.Problems {
			p := &r.Problems[i]
			j.write(&junitCase{
				ClassName: junitClass(p.Target, cmp.Or(p.Extractor, "unknown")), Name: cmp.Or(oneLine(p.Path), "-"),
				Error: &junitResult{Type: noticeProblem, Message: oneLine(p.Error), Text: "Packages and findings may hide behind this."},
			})
		}
		j.end()
	}
	j.token(root.End())
	err := errors.Join(j.err, j.enc.Flush())
	buf.WriteByte('\n')
	return errors.Join(err, buf.Flush())
}

type junitWriter struct {
	enc *xml.Encoder
	err error
}

func (j *junitWriter) token(t xml.Token) {
	if err := j.enc.EncodeToken(t); j.err == nil {
		j.err = err
	}
}

func attr(name string, value any) xml.Attr {
	return xml.Attr{Name: xml.Name{Local: name}, Value: fmt.Sprint(value)}
}

var junitSuiteName = xml.Name{Local: "testsuite"}

func (j *junitWriter) begin(s *junitSuite, r *scan.Report, cfg *config) {
	start := xml.StartElement{Name: junitSuiteName, Attr: []xml.Attr{
		attr("name", s.name), attr("tests", s.tests), attr("failures", s.failures), attr("errors", s.errors), attr("skipped", s.skipped), attr("time", "0"),
	}}
	if !cfg.time.IsZero() {
		start.Attr = append(start.Attr, attr("timestamp", cfg.when(r).Format("2006-01-02T15:04:05")))
	}
	if name := oneLine(r.Target.Name); name != "" {
		start.Attr = append(start.Attr, attr("package", name))
	}
	j.token(start)
}

func (j *junitWriter) end() { j.token(xml.EndElement{Name: junitSuiteName}) }

func (j *junitWriter) write(c *junitCase) {
	c.Time = "0"
	if err := j.enc.Encode(c); j.err == nil {
		j.err = err
	}
}

// junitClass is what readers group cases by. Dots separate packages in the eyes
// of some, but those of a name must stay.
func junitClass(target, name string) string {
	if target != "" {
		return oneLine(target) + ": " + oneLine(name)
	}
	return oneLine(name)
}

func (j *junitWriter) finding(f *scan.Finding, s *scan.Suppressed) {
	p := &f.Package
	c := &junitCase{
		ClassName: cmp.Or(junitClass(p.Target, strings.TrimSpace(fullName(p)+" "+p.Version)), "unknown"),
		Name:      fmt.Sprintf("[%s] %s", f.Severity, oneLine(f.ID)),
	}
	if s != nil {
		c.Skipped = &junitResult{Message: oneLine(s.By) + ": " + oneLine(why(s))}
		j.write(c)
		return
	}
	var text strings.Builder
	for _, l := range []string{solution(f), p.PURL, strings.Join(p.Paths[:min(len(p.Paths), 10)], " "), layerOf(p), evidence(f), flawPage(f.ID)} {
		if l = oneLine(l); l != "" {
			text.WriteString(l + "\n")
		}
	}
	if description := lines(f.Description, junitMaxText); description != "" {
		text.WriteString("\n" + description + "\n")
	}
	c.Failure = &junitResult{Type: f.Severity.String(), Message: oneLine(cmp.Or(headline(f), f.ID+" in "+fullName(p))), Text: strings.TrimRight(text.String(), "\n")}
	j.write(c)
}

// junitCoverage tells what was compared, so that a report without failures is
// not one without tests.
func junitCoverage(r *scan.Report) []*junitCase {
	var cases []*junitCase
	for _, c := range r.Coverage {
		row := &junitCase{Name: fmt.Sprintf("%s of %s", plural(c.Packages, "package"), cmp.Or(oneLine(c.Ecosystem), "no known ecosystem"))}
		switch {
		case c.Status != vulndb.CoverageMatched:
			row.Skipped = &junitResult{Type: noticeCoverage, Message: withReason("not compared", oneLine(c.Reason))}
		case c.Reason != "":
			row.Name += ", in part: " + oneLine(c.Reason)
		}
		cases = append(cases, row)
	}
	for n := range notices(r) {
		switch n.id {
		case noticeNoDatabase, noticeNoPackages:
			cases = append(cases, &junitCase{Name: n.id, Error: &junitResult{Type: n.id, Message: n.text}})
		case noticeEndOfLife:
			cases = append(cases, &junitCase{Name: n.id, Skipped: &junitResult{Type: n.id, Message: oneLine(n.text)}})
		case noticeProblem:
			return cases // they come last, and have a suite of their own
		}
	}
	return cases
}
