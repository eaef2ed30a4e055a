package report_test

import (
	"io"
	"log"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
)

func TestTemplate(t *testing.T) {
	r := full()
	r.Findings = r.Findings[:1]
	f := &r.Findings[0]
	f.Title, f.Description = "a\x1b[31m <b> & \"=x\"", "one\ntwo\x07"
	f.Package.Type, f.Package.PURL, f.Package.Name = "npm", "pkg:npm/%40babel/core@1", "core"
	tests := []struct{ template, want string }{
		{`{{.Target.Name}}`, "registry.example/team/app:1.2"},
		{`{{range .Findings}}{{clean .Title}}{{end}}`, `a\x1b[31m <b> & "=x"`},
		{`{{range .Findings}}{{text .Description}}{{end}}`, "one\ntwo\\x07"},
		{`{{range .Findings}}{{json .Title}}{{end}}`, `"a\u001b[31m \u003cb\u003e \u0026 \"=x\""`},
		{`{{range .Findings}}{{xml .Title}}{{end}}`, `a\x1b[31m &lt;b&gt; &amp; &#34;=x&#34;`},
		{`{{range .Findings}}{{html .Title}}{{end}}`, `a\x1b[31m &lt;b&gt; &amp; &#34;=x&#34;`},
		{`{{range .Findings}}{{markdown .Title}}{{end}}`, `a\\x1b\[31m \<b\> \& "=x"`},
		{`{{range .Findings}}{{csv .Title}}{{end}}`, `"a\x1b[31m <b> & ""'=x"""`},
		{`{{range .Findings}}{{csv .Evidence.Range}} {{csv "a"}}{{end}}`, `">= 0, < 1.1.1d-0+deb10u8" a`},
		{`{{range .Findings}}{{name .Package}} {{url .ID}} {{solution .}}{{end}}`, "@babel/core https://nvd.nist.gov/vuln/detail/CVE-2022-0778 Upgrade @babel/core to 1.1.1d-0+deb10u8 or later."},
		{`{{range .Findings}}{{.Published | date "2006-01-02"}} {{join "," .Aliases | lower}}{{end}}`, "2022-03-15 debian-cve-2022-0778,dla-2953-1,ghsa-x3mh-jvjw-3xwx"},
		{`{{index (notices .) 0 | upper | clean}}`, "1 PACKAGE OF DEBIAN:11 COMPARED IN PART: THE DATABASE HAS NO DATA FOR DEBIAN:11:SECURITY"},
		{`{{index (split "/" "a/b") 1}}{{replace "a" "b" "aa"}}{{trim " x "}}{{contains "a" "ba"}}{{hasPrefix "a" "ba"}}{{hasSuffix "a" "ba"}}`, "bbbxtruefalsetrue"},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, write(t, r, report.Template, report.WithTemplate(tt.template)), "%s", tt.template)
	}
	assert.NoError(t, report.CheckTemplate("{{.Nothing}}"))
	assert.EqualError(t, report.CheckTemplate("{{nothing}}"), `report: template: template:1: function "nothing" not defined`)
	assert.ErrorContains(t, report.Write(io.Discard, r, report.Template, report.WithTemplate(`{{.Nothing}}`)), "can't evaluate field Nothing")
}

func ExampleWithTemplate() {
	r := &scan.Report{Findings: []scan.Finding{{ID: "CVE-2019-14697", Severity: cvss.Critical, FixedVersion: "1.1.19-r11", Package: scan.Package{Name: "musl", Version: "1.1.19-r10"}}}}
	const text = "{{range .Findings}}{{.Severity}} {{clean .ID}}: {{solution .}}\n{{end}}"
	if err := report.Write(os.Stdout, r, report.Template, report.WithTemplate(text)); err != nil {
		log.Fatal(err)
	}
	// Output: CRITICAL CVE-2019-14697: Upgrade musl to 1.1.19-r11 or later.
}
