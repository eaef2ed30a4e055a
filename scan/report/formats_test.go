package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/vulndb"
)

// tree is a report on a project's folder.
func tree() *scan.Report {
	r := full()
	r.Target.Name, r.Target.Kind, r.Target.Digest, r.Target.ImageID, r.Target.Platform, r.Target.Layers = "src", "tree", "", "", "", nil
	r.OS = scan.OS{}
	p := scan.Package{
		PURL: "pkg:npm/%40babel/traverse@7.1.0", Type: "npm", Name: "traverse", Version: "7.1.0", Paths: []string{"web app/package-lock.json", "b/package-lock.json"},
		Line: 12, Relation: "direct",
	}
	r.Packages = []scan.Package{p}
	for i := range r.Findings {
		r.Findings[i].Package = p
		r.Findings[i].CWEs = []int{184, 697}
	}
	r.BOM = inventory(r)
	return r
}

// product is a report on two images.
func product() *scan.Report {
	r := full()
	r.Target.Kind, r.OS = "product", scan.OS{}
	for i := range r.Findings {
		r.Findings[i].Package.Target = []string{"registry.example/web:1", "registry.example/db:2"}[i%2]
	}
	return r
}

// nowhere is a report on packages of which only the name is known.
func nowhere() *scan.Report {
	r := full()
	r.Target = scan.Target{}
	for i := range r.Findings {
		f := &r.Findings[i]
		f.ID, f.Title, f.Package, f.FixedVersion, f.Evidence = "", "", scan.Package{Name: "a"}, "", vulndb.Evidence{}
	}
	return r
}

// reports are all kinds of reports, by name.
func reports() map[string]*scan.Report {
	nodb := without(vulndb.Coverage{Ecosystem: "deb", Packages: 3, Status: vulndb.CoverageNoData, Reason: "the scan had no database"})
	nodb.Database = scan.Database{}
	return map[string]*scan.Report{
		"full": full(), "tree": tree(), "product": product(), "nowhere": nowhere(), "hostile": hostile("\x1b[31m\u202e\xff<|]]>{[\x00"), "empty": {},
		"colons": hostile("http://[::1]:x/%zz?a#b"), "dots": hostile("../../a:b"), "nodb": nodb,
		"clean": without(vulndb.Coverage{Ecosystem: "Debian:10", Packages: 14, Status: vulndb.CoverageMatched}),
	}
}

// TestFormatSchemas compares all kinds of reports with the schemas of the
// formats that have one.
func TestFormatSchemas(t *testing.T) {
	for format, file := range map[report.Format]string{
		report.SARIF: "sarif-2.1.0.json", report.OpenVEX: "openvex-0.2.0.json", report.GitLab: "gitlab-15.2.1.json",
	} {
		validate := codectest.SchemaFile(t, filepath.Join("testdata", "schema", file))
		for name, r := range reports() {
			if format == report.OpenVEX && len(r.Findings) == 0 {
				continue // the schema wants a statement
			}
			assert.NoErrorf(t, validate([]byte(write(t, r, format, report.WithSuppressed(true)))), "%v of %s", format, name)
		}
	}
}

func TestSuppressed(t *testing.T) {
	left, all := writeSARIF(t, full()).Runs[0], writeSARIF(t, full(), report.WithSuppressed(true)).Runs[0]
	assert.Len(t, left.Results, 5)
	require.Len(t, all.Results, 8)
	require.Len(t, all.Results[7].Suppressions, 1)
	assert.Equal(t, "external", all.Results[7].Suppressions[0].Kind)
	assert.Equal(t, "severity: severity NONE is below LOW", all.Results[7].Suppressions[0].Justification)
	for _, f := range []report.Format{report.CSV, report.Trivy} {
		assert.NotContains(t, write(t, full(), f), "CVE-2020-3", f)
		assert.Contains(t, write(t, full(), f, report.WithSuppressed(true)), "CVE-2020-3", f)
	}
	assert.NotContains(t, write(t, full(), report.OpenVEX, report.WithSuppressed(true)), "CVE-2020-3")
	for _, f := range []report.Format{report.Markdown, report.GitLab, report.SARIF} {
		assert.Contains(t, write(t, full(), f), "2 findings suppressed by unfixed: no fixed version is known", f)
	}
	assert.Contains(t, write(t, full(), report.JUnit), `name="[NONE] CVE-2020-3"`)
}

// TestNeverSilentlyClean: what was not compared is in every format that has a
// place for it.
func TestNeverSilentlyClean(t *testing.T) {
	nodb := reports()["nodb"]
	assert.False(t, writeSARIF(t, nodb).Runs[0].Invocations[0].ExecutionSuccessful)
	assert.Contains(t, write(t, nodb, report.GitLab), `"status": "failure"`)
	assert.Contains(t, write(t, nodb, report.JUnit), `<error type="no-database"`)
	assert.Contains(t, write(t, nodb, report.Markdown), "NOTHING WAS COMPARED")
	assert.Contains(t, write(t, nodb, report.GitHub), "::warning title=imagevet%3A no-database::There was no database")
	assert.Contains(t, write(t, &scan.Report{}, report.JUnit), `<error type="no-packages"`)

	for _, f := range []report.Format{report.SARIF, report.GitLab, report.JUnit, report.Markdown, report.GitHub, report.Trivy} {
		text := write(t, full(), f)
		assert.Contains(t, text, "the database has nothing on PyPI", f)
		assert.Contains(t, text, "opt/app/var/lib/dpkg/status", f)
		assert.Contains(t, text, "is no field", f)
		if f != report.Trivy {
			assert.Contains(t, text, "no security support since 2024-06-30", f)
		} else {
			assert.Contains(t, text, `"EOSL": true`)
		}
	}
}

func many(n int) *scan.Report {
	r := full()
	f := r.Findings[0]
	f.Description = ""
	r.Findings = make([]scan.Finding, n)
	for i := range r.Findings {
		r.Findings[i] = f
		r.Findings[i].ID = fmt.Sprintf("CVE-2026-%05d", i%500)
		r.Findings[i].Package.Name = fmt.Sprintf("pkg%d", i)
	}
	return r
}

// FuzzFormats: whatever a text of the image is, what is written can be read, and
// none of it is a formula.
func FuzzFormats(f *testing.F) {
	for _, s := range []string{"", "musl", "=1", " @x", "\ufffe", "]]>", "a\r\n::error::", "漢字", "`|\\`", "%zz", "http://[", "-", "；=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := hostile(s)
		for _, format := range []report.Format{report.SARIF, report.GitLab, report.OpenVEX, report.Trivy} {
			assert.Truef(t, json.Valid([]byte(write(t, r, format))), "%v of %q", format, s)
		}
		var suites junit
		assert.NoErrorf(t, xml.Unmarshal([]byte(write(t, r, report.JUnit)), &suites), "%q", s)
		records, err := csv.NewReader(strings.NewReader(write(t, r, report.CSV))).ReadAll()
		require.NoErrorf(t, err, "%q", s)
		for _, record := range records {
			for _, cell := range record {
				if cell = strings.TrimSpace(cell); cell != "" {
					assert.NotContainsf(t, "=+-@", cell[:1], "%q of %q", cell, s)
				}
			}
		}
		assert.Equal(t, write(t, full(), report.GitHub) == "", false)
		for line := range strings.Lines(write(t, r, report.GitHub)) {
			assert.Regexp(t, `^::(error|warning|notice) title=`, line)
		}
		checkSafe(t, write(t, r, report.Markdown), s)
	})
}

func ExampleWithSuppressed() {
	r := &scan.Report{Suppressed: []scan.Suppressed{{
		Finding: scan.Finding{ID: "CVE-2019-14697", Severity: cvss.Critical, Package: scan.Package{Name: "musl"}}, By: "unfixed", Reason: "no fixed version is known",
	}}}
	var buf bytes.Buffer
	if err := report.Write(&buf, r, report.CSV, report.WithSuppressed(true), report.WithTime(time.Unix(0, 0))); err != nil {
		log.Fatal(err)
	}
	records, err := csv.NewReader(&buf).ReadAll()
	if err != nil {
		log.Fatal(err)
	}
	reason := slices.Index(records[0], "suppressed_reason")
	fmt.Println(records[1][0], records[1][2], records[1][reason])
	// Output: CVE-2019-14697 musl no fixed version is known
}
