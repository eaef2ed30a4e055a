package report

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"strings"
	"text/template"
	"time"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/scan"
)

// WithTemplate sets the text of the template for [Template], in the language of
// package [text/template]; its dot is a [scan.Report]. The texts of a report
// are hostile, and the template's author chooses how they are made harmless:
//
//   - clean: on one line, with whatever a terminal obeys as an escape
//   - text: the same for a text of several lines
//   - json, xml, html, markdown, csv: for a place in such a document; json
//     with its quotes, csv with those that are needed, and never a formula
//   - upper, lower, join, split, replace, contains, hasPrefix, hasSuffix,
//     trim: of package [strings], with the text last, or the list for join
//   - date: a time in a layout of package [time], in UTC
//   - name: a package with its namespace
//   - url: the page on the flaw of an ID
//   - solution: what can be done about a finding, in a sentence
//   - notices: what was not compared, and why; texts
//
// A template must be trusted: it can loop for long. The default is none, and
// then [Template] is an error.
func WithTemplate(text string) Option {
	return func(c *config) (err error) {
		c.template, err = parseTemplate(text)
		return err
	}
}

// CheckTemplate reports what is wrong with the text of a template for
// [WithTemplate], before there is a report. What only shows when it is executed,
// such as a field that a report has not, it does not find.
func CheckTemplate(text string) error {
	_, err := parseTemplate(text)
	return err
}

func parseTemplate(text string) (*template.Template, error) {
	t, err := template.New("template").Funcs(templateFuncs).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return t, nil
}

var templateFuncs = template.FuncMap{
	"clean":     clean,
	"text":      func(s string) string { return lines(s, len(s)*10) },
	"json":      templateJSON,
	"xml":       templateXML,
	"html":      func(s string) string { return html.EscapeString(templateLines(s)) },
	"markdown":  func(s string) string { return mdText(clean(s)) },
	"csv":       templateCSV,
	"upper":     strings.ToUpper,
	"lower":     strings.ToLower,
	"trim":      strings.TrimSpace,
	"join":      func(sep string, list []string) string { return strings.Join(list, sep) },
	"split":     func(sep, s string) []string { return strings.Split(s, sep) },
	"replace":   func(from, to, s string) string { return strings.ReplaceAll(s, from, to) },
	"contains":  func(part, s string) bool { return strings.Contains(s, part) },
	"hasPrefix": func(part, s string) bool { return strings.HasPrefix(s, part) },
	"hasSuffix": func(part, s string) bool { return strings.HasSuffix(s, part) },
	"date":      func(layout string, t time.Time) string { return t.UTC().Format(layout) },
	"name":      func(p scan.Package) string { return fullName(&p) },
	"url":       flawPage,
	"solution":  func(f scan.Finding) string { return solution(&f) },
	"notices": func(r *scan.Report) []string {
		var list []string
		for n := range notices(r) {
			list = append(list, n.text)
		}
		return list
	},
}

// templateLines keeps the lines of a text, and nothing that is obeyed.
func templateLines(s string) string {
	var out []string
	for line := range strings.Lines(s) {
		out = append(out, clean(strings.TrimRight(line, "\r\n")))
	}
	return strings.Join(out, "\n")
}

func templateJSON(v any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b) // escapes what ends a script in HTML
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(string(codec.EscapeInvisible([]byte(b.String()))), "\n"), nil
}

func templateXML(s string) (string, error) {
	var b strings.Builder
	err := xml.EscapeText(&b, []byte(templateLines(s)))
	return b.String(), err
}

func templateCSV(s string) string {
	s = csvCell(s)
	if strings.ContainsAny(s, "\",;\t") || strings.HasPrefix(s, " ") {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}

func writeTemplate(w io.Writer, r *scan.Report, cfg *config) error {
	buf := bufio.NewWriterSize(w, 64<<10)
	if err := cfg.template.Execute(buf, r); err != nil {
		return err
	}
	return buf.Flush()
}
