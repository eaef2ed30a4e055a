package report

import (
	"bufio"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"io"
	"sync"

	"github.com/imagevet/imagevet/scan"
)

// htmlFiles are the template, in parts, the style sheet and the script of
// [HTML].
//
//go:embed html
var htmlFiles embed.FS

// An htmlPage is what all reports in HTML have in common.
type htmlPage struct {
	template *template.Template
	style    template.CSS
	script   template.JS
	policy   string
}

// parseHTML parses the files once, when the first report is written.
var parseHTML = sync.OnceValues(func() (*htmlPage, error) {
	style, err := htmlFiles.ReadFile("html/report.css")
	if err != nil {
		return nil, err
	}
	script, err := htmlFiles.ReadFile("html/report.js")
	if err != nil {
		return nil, err
	}
	t, err := template.ParseFS(htmlFiles, "html/*.tmpl")
	if err != nil {
		return nil, err
	}
	return &htmlPage{
		template: t.Lookup("page.tmpl"),
		style:    template.CSS(style),
		script:   template.JS(script),
		policy:   securityPolicy(style, script),
	}, nil
})

// securityPolicy is the Content Security Policy of the page: nothing is loaded
// from anywhere, and no style or script is obeyed but those two. Text that came
// through the template's escapes could not do anything either. See
// https://www.w3.org/TR/CSP3/.
func securityPolicy(style, script []byte) string {
	return "default-src 'none'; style-src " + sourceHash(style) + "; script-src " + sourceHash(script) +
		"; base-uri 'none'; form-action 'none'"
}

func sourceHash(source []byte) string {
	sum := sha256.Sum256(source)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// writeHTML writes the report for people who have a browser. The template asks
// for one finding after the other, so that the page is never in memory.
func writeHTML(w io.Writer, r *scan.Report, cfg *config) error {
	page, err := parseHTML()
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	if err := page.template.Execute(out, newHTMLReport(page, r, cfg)); err != nil {
		return err
	}
	return out.Flush()
}
