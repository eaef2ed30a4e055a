package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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

func TestJUnitSchema(t *testing.T) {
	validate := codectest.XMLSchemaFile(t, filepath.Join("testdata", "schema", "junit-10.xsd"))
	all := reports()
	maps.Copy(all, realReports(t))
	for name, r := range all {
		file := filepath.Join(t.TempDir(), "junit.xml")
		require.NoError(t, os.WriteFile(file, []byte(write(t, r, report.JUnit, report.WithTime(date(2026, 1, 2)))), 0o600))
		assert.NoError(t, validate(file), name)
	}
}

// A sarif is what the tests look at of a SARIF file.
type sarif struct {
	Runs []struct {
		Tool struct {
			Driver struct {
				Rules []struct {
					ID         string
					HelpURI    string
					Help       struct{ Text, Markdown string }
					Properties struct {
						Tags     []string
						Severity string `json:"security-severity"`
					}
				}
			}
		}
		AutomationDetails struct{ ID string }
		Invocations       []struct {
			ExecutionSuccessful        bool
			ToolExecutionNotifications []struct {
				Descriptor struct{ ID string }
				Level      string
				Message    struct{ Text string }
			}
		}
		Results []sarifResult
	}
}

type sarifResult struct {
	RuleID    string
	RuleIndex int
	Level     string
	Message   struct{ Text string }
	Locations []struct {
		PhysicalLocation struct {
			ArtifactLocation struct{ URI, URIBaseID string }
			Region           struct{ StartLine, EndLine int }
		}
	}
	RelatedLocations    []any
	PartialFingerprints map[string]string
	Suppressions        []struct{ Kind, Status, Justification string }
}

func writeSARIF(t *testing.T, r *scan.Report, opts ...report.Option) sarif {
	t.Helper()
	var s sarif
	require.NoError(t, json.Unmarshal([]byte(write(t, r, report.SARIF, opts...)), &s))
	require.Len(t, s.Runs, 1)
	return s
}

func TestSARIF(t *testing.T) {
	run := writeSARIF(t, full()).Runs[0]
	var levels, places []string
	for i, result := range run.Results {
		levels = append(levels, result.Level)
		require.Len(t, result.Locations, 1)
		l := result.Locations[0].PhysicalLocation
		places = append(places, fmt.Sprintf("%s %s:%d", l.ArtifactLocation.URIBaseID, l.ArtifactLocation.URI, l.Region.StartLine))
		assert.Equal(t, full().Findings[i].ID, result.RuleID)
		assert.Equal(t, result.RuleID, run.Tool.Driver.Rules[result.RuleIndex].ID)
		assert.Empty(t, result.Suppressions)
	}
	assert.Equal(t, []string{"error", "error", "error", "note", "warning"}, levels)
	assert.Equal(t, "IMAGE_ROOT var/lib/dpkg/status:1", places[0])
	assert.True(t, run.Invocations[0].ExecutionSuccessful)
	assert.Equal(t, "imagevet/registry.example/team/app/", run.AutomationDetails.ID, "another tag is the same category")

	tree := writeSARIF(t, tree()).Runs[0]
	l := tree.Results[0].Locations[0].PhysicalLocation
	assert.Equal(t, "web%20app/package-lock.json", l.ArtifactLocation.URI)
	assert.Equal(t, "%SRCROOT%", l.ArtifactLocation.URIBaseID)
	assert.Equal(t, 12, l.Region.StartLine)
	assert.Equal(t, 12, l.Region.EndLine)
	assert.Len(t, tree.Results[0].RelatedLocations, 1)
	assert.Contains(t, tree.Results[0].Message.Text, "CVE-2022-0778 in @babel/traverse 7.1.0: Infinite loop")
	assert.Contains(t, tree.Tool.Driver.Rules[0].Properties.Tags, "external/cwe/cwe-184")
}

// TestSARIFSecuritySeverity compares the number with the severity that GitHub
// makes of it.
func TestSARIFSecuritySeverity(t *testing.T) {
	const (
		v98 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
		v75 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"
	)
	tests := []struct {
		severity cvss.Severity
		vectors  []scan.CVSS
		want     string
	}{
		{cvss.Critical, []scan.CVSS{{Source: "other", Vector: v75}, {Source: "own", Vector: v98}}, "9.8"},
		{cvss.High, []scan.CVSS{{Source: "own", Vector: v98}, {Source: "other", Vector: v75}}, "7.5"}, // another party agrees with the word
		{cvss.High, []scan.CVSS{{Source: "own", Vector: v98}}, "8.0"},                                 // the distribution's word is another one than the score's
		{cvss.High, []scan.CVSS{{Source: "own", Vector: "nonsense"}}, "8.0"},
		{cvss.Critical, nil, "9.5"},
		{cvss.Medium, nil, "5.5"},
		{cvss.Low, nil, "2.0"},
		{cvss.Negligible, nil, "0.1"},
		{cvss.None, nil, ""},
		{cvss.Unknown, nil, ""},
	}
	for _, tt := range tests {
		r := &scan.Report{Findings: []scan.Finding{{ID: "CVE-2026-0001", Severity: tt.severity, SeveritySource: "own", CVSS: tt.vectors}}}
		assert.Equalf(t, tt.want, writeSARIF(t, r).Runs[0].Tool.Driver.Rules[0].Properties.Severity, "%v %v", tt.severity, tt.vectors)
	}
}

// TestSARIFRuleIsTheWorst takes the severity of the worst of several findings.
func TestSARIFRuleIsTheWorst(t *testing.T) {
	r := &scan.Report{}
	for _, s := range []cvss.Severity{cvss.Low, cvss.Unknown, cvss.Critical, cvss.Medium} {
		r.Findings = append(r.Findings, scan.Finding{ID: "CVE-2026-0001", Severity: s, Package: scan.Package{Name: s.String()}})
	}
	rules := writeSARIF(t, r).Runs[0].Tool.Driver.Rules
	require.Len(t, rules, 1)
	assert.Equal(t, "9.5", rules[0].Properties.Severity)
}

// TestSARIFFingerprints: a finding has the same ones in every report, and each
// finding of a report has its own.
func TestSARIFFingerprints(t *testing.T) {
	prints := func(r *scan.Report) map[string]string {
		out := map[string]string{}
		for _, result := range writeSARIF(t, r).Runs[0].Results {
			out[result.RuleID] = result.PartialFingerprints["primaryLocationLineHash"]
		}
		return out
	}
	want := prints(full())
	later := full()
	slices.Reverse(later.Findings)
	later.Findings = later.Findings[1:]
	later.Target.Name, later.Target.Digest = "registry.example/team/app:1.3", "sha256:"+strings.Repeat("f", 64)
	later.Database.Built, later.Database.ID = date(2027, 1, 1), "sha256:other"
	for i := range later.Findings {
		f := &later.Findings[i]
		f.Severity, f.Title, f.Modified, f.Evidence.Database = cvss.Low, "another", date(2027, 1, 1), "sha256:other"
		f.Package.Layer = scan.PackageLayer{Index: 7, DiffID: "sha256:" + strings.Repeat("e", 64)}
	}
	got := prints(later)
	require.Len(t, got, 4)
	for id, print := range got {
		assert.Equal(t, want[id], print, id)
	}

	r := tree() // two versions of a package in one lock file, then the same again
	r.Findings = append(r.Findings[:1], r.Findings[0], r.Findings[0])
	r.Findings[1].Package.Version = "6"
	seen := map[string]bool{}
	for _, result := range writeSARIF(t, r).Runs[0].Results {
		for _, print := range result.PartialFingerprints {
			assert.False(t, seen[print], print)
			seen[print] = true
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

func TestSARIFLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("large files")
	}
	tests := []struct {
		n    int
		want string
	}{
		{5000, ""},
		{5001, "There are 5001 results: GitHub shows the worst 5000 of a file."},
		{25_001, "There are 25001 results: GitHub refuses files with more than 25000. Choose severities, or leave out what has no fix."},
	}
	for _, tt := range tests {
		r := many(tt.n)
		assert.Equal(t, tt.n > 25_000, report.TooManyForGitHub(r))
		text := write(t, r, report.SARIF)
		assert.Equal(t, tt.n, strings.Count(text, `"ruleId": `), "nothing is cut off")
		assert.Equal(t, min(tt.n, 500), strings.Count(text, `"helpUri": `))
		if tt.want == "" {
			assert.NotContains(t, text, "GitHub shows")
		} else {
			assert.Contains(t, text, tt.want)
		}
	}
}

// TestSARIFMessages: what would be a link or an argument is text.
func TestSARIFMessages(t *testing.T) {
	r := full()
	r.Findings[0].Title = `a [link](https://evil.example) {0} \[`
	run := writeSARIF(t, r).Runs[0]
	assert.Contains(t, run.Results[0].Message.Text, `a \[link\](https://evil.example) {{0}} \\\[`)
	help := run.Tool.Driver.Rules[run.Results[0].RuleIndex].Help
	assert.Contains(t, help.Markdown, `a \[link\](https\://evil.example) \{0\} \\\[`)
}

// A junit is what the tests look at of a JUnit file.
type junit struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Suites   []struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Cases    []struct {
			Name    string    `xml:"name,attr"`
			Failure *struct{} `xml:"failure"`
			Error   *struct{} `xml:"error"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

// TestJUnitCounts compares the numbers with what there is.
func TestJUnitCounts(t *testing.T) {
	r := full()
	r.Findings[1].Package.Type = "npm"
	for name, r := range map[string]*scan.Report{"two types": r, "hostile": hostile("\x00"), "empty": {}, "nodb": reports()["nodb"]} {
		var got junit
		require.NoError(t, xml.Unmarshal([]byte(write(t, r, report.JUnit)), &got), name)
		tests, failures, errors := 0, 0, 0
		for _, s := range got.Suites {
			failed, broken, skipped := 0, 0, 0
			for _, c := range s.Cases {
				if c.Failure != nil {
					failed++
				}
				if c.Error != nil {
					broken++
				}
				if c.Skipped != nil {
					skipped++
				}
			}
			assert.Equal(t, []int{len(s.Cases), failed, broken, skipped}, []int{s.Tests, s.Failures, s.Errors, s.Skipped}, "%s: %s", name, s.Name)
			tests, failures, errors = tests+s.Tests, failures+failed, errors+broken
		}
		assert.Equal(t, []int{tests, failures, errors}, []int{got.Tests, got.Failures, got.Errors}, name)
		assert.Equal(t, len(r.Findings), failures, name)
		assert.Positive(t, tests, "no report is one of no tests: %s", name)
	}
}

func TestGitLab(t *testing.T) {
	var got struct {
		Vulnerabilities []struct {
			ID, Name, Severity string
			Description        string
			Identifiers        []struct{ Type, Value string }
			CVSS               []struct{ Vendor, Vector string } `json:"cvss_vectors"`
			Location           struct {
				Dependency struct {
					Package struct{ Name string }
					Version string
					Direct  bool
				}
				OS    string `json:"operating_system"`
				Image string
			}
		}
		Scan struct {
			Start string `json:"start_time"`
		}
	}
	r := tree()
	r.Findings[0].CVSS = []scan.CVSS{
		{Source: "own", Vector: "(AV:N/AC:L/Au:N/C:N/I:N/A:P)"},
		{Source: "", Vector: "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"},
		{Source: "own", Vector: "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"},
		{Source: "own", Vector: "nonsense"},
	}
	r.Findings[0].Title, r.Findings[0].Description = strings.Repeat("é", 400), "a\n\n<img src=x>\n- b @c"
	r.Findings = append(r.Findings, r.Findings[0])
	text := write(t, r, report.GitLab, report.WithTime(time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))))
	require.NoError(t, codectest.SchemaFile(t, "testdata/schema/gitlab-15.2.1.json")([]byte(text)))
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	assert.Equal(t, "2026-01-02T02:04:05", got.Scan.Start)
	v := got.Vulnerabilities[0]
	assert.Equal(t, "Critical", v.Severity)
	assert.Equal(t, strings.Repeat("é", 254)+"…", v.Name)
	assert.Equal(t, "a  \n\n\\<img src=x\\>  \n\\- b @<!-- -->c", v.Description)
	assert.Equal(t, "cve CVE-2022-0778", v.Identifiers[0].Type+" "+v.Identifiers[0].Value)
	assert.Equal(t, "cwe 184", v.Identifiers[4].Type+" "+v.Identifiers[4].Value)
	require.Len(t, v.CVSS, 2)
	assert.Equal(t, "AV:N/AC:L/Au:N/C:N/I:N/A:P", v.CVSS[0].Vector)
	assert.Equal(t, "unknown", v.CVSS[1].Vendor)
	assert.Equal(t, "@babel/traverse", v.Location.Dependency.Package.Name)
	assert.True(t, v.Location.Dependency.Direct)
	assert.Equal(t, "unknown", v.Location.OS)
	seen := map[string]bool{}
	for _, v := range got.Vulnerabilities {
		assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, v.ID)
		assert.False(t, seen[v.ID], "the same finding twice has two IDs")
		seen[v.ID] = true
	}
}

func TestGitHub(t *testing.T) {
	r := tree()
	r.Findings[0].Title = "50%\n::stop-commands::x"
	r.Findings[0].Package.Paths = []string{"a,b:c%/package-lock.json"}
	lines := strings.Split(write(t, r, report.GitHub), "\n")
	assert.Contains(t, lines, "::error file=a%2Cb%3Ac%25/package-lock.json,line=12,title=CRITICAL%3A CVE-2022-0778 in @babel/traverse 7.1.0::"+
		"50%25 ::stop-commands::x%0AUpgrade @babel/traverse to 1.1.1d-0+deb10u8 or later.%0Aa,b:c%25/package-lock.json%0Ahttps://nvd.nist.gov/vuln/detail/CVE-2022-0778")
	for _, line := range lines[:len(lines)-1] {
		assert.Regexp(t, `^::(error|warning|notice) (file=[^:,]+,line=\d+,)?title=[^:,]+::`, line)
	}
	assert.NotContains(t, write(t, full(), report.GitHub), "file=", "files of an image are not in the repository")
	assert.Contains(t, write(t, many(11), report.GitHub), "GitHub shows 10 of each kind")
	assert.NotContains(t, write(t, many(10), report.GitHub), "GitHub shows 10 of each kind")
}

func TestMarkdown(t *testing.T) {
	golden(t, "summary.md", []byte(write(t, full(), report.Markdown, report.WithSuppressed(true))))
	big := many(50_000)
	for i := range big.Findings {
		big.Findings[i].Title = strings.Repeat("[", 1000)
	}
	for i := range 1000 {
		big.Problems = append(big.Problems, scan.Problem{Path: fmt.Sprintf("file-%04d", i), Error: strings.Repeat("|", 1000)})
		big.Coverage = append(big.Coverage, vulndb.Coverage{Ecosystem: strings.Repeat("<", 1000), Status: vulndb.CoverageNoData})
		big.Suppressed = append(big.Suppressed, scan.Suppressed{Finding: big.Findings[0], By: strings.Repeat("@", 1000) + strconv.Itoa(i)})
	}
	text := write(t, big, report.Markdown, report.WithSuppressed(true))
	assert.Less(t, len(text), 1<<20, "GitHub drops a larger one")
	assert.Regexp(t, `\*\*… and \d+ more findings\*\*`, text)
	assert.Contains(t, text, "… and 971 more of problem")
	assert.Contains(t, text, "</details>")
}

// TestMarkdownIsText looks for markup that a text of the image brought.
func TestMarkdownIsText(t *testing.T) {
	for _, s := range []string{
		"<script>alert(1)</script>", "![x](https://evil.example/t.png)", "[x](https://evil.example)", "https://evil.example", "www.evil.example", "`code`",
		"**bold**", "| a | b |", "a@example.com", "@user", "# heading", "&lt;", "~~x~~", "$x$", "1. a", "- a", "+ a", "| `a` \\", "___",
	} {
		r := full()
		r.Target.Name, r.Findings[0].Title, r.Findings[0].Package.Name, r.Findings[0].Description = s, s, s, s
		var help strings.Builder
		for _, rule := range writeSARIF(t, r).Runs[0].Tool.Driver.Rules {
			help.WriteString(rule.Help.Markdown)
		}
		for _, text := range []string{write(t, r, report.Markdown), help.String()} {
			text = regexp.MustCompile(`\\[[:punct:]]|@<!-- -->`).ReplaceAllString(text, "") // what is escaped
			for line := range strings.SplitSeq(text, "\n") {
				if !strings.HasPrefix(line, "## ") { // in which s is code
					assert.NotContains(t, line, s, "%q as it is", s)
				}
			}
		}
	}
}

// TestMarkdownRenders has the reference implementation of GitHub's Markdown look
// for what texts of the image could bring about: it must show them, and no more.
func TestMarkdownRenders(t *testing.T) {
	cmark, err := exec.LookPath("cmark-gfm")
	if err != nil {
		t.Skip("cmark-gfm is not installed (Debian: cmark-gfm)")
	}
	render := func(text string) string {
		cmd := exec.Command(cmark, "--unsafe", "-e", "table", "-e", "autolink", "-e", "strikethrough", "-e", "tasklist", "-e", "footnotes")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.Output()
		require.NoError(t, err)
		return string(out)
	}
	// The elements of what is written, in order: the same whatever the texts are.
	elements := func(text string) string {
		tags := regexp.MustCompile(`<[a-z][a-z0-9]*|href="[^"]*"`).FindAllString(render(text), -1)
		return strings.Join(slices.DeleteFunc(tags, func(tag string) bool { return tag == "<br" }), " ") // a line each
	}
	written := func(s string) map[string]string {
		r := full()
		for i := range r.Findings {
			f := &r.Findings[i]
			f.Title, f.Package.Name, f.Package.Version, f.Description, f.SeveritySource, f.Aliases = s, s, s, s, s, []string{s}
		}
		r.Problems[0].Error, r.Coverage[2].Reason, r.Suppressed[0].Reason = s, s, s
		if !strings.ContainsAny(s, "|\\") { // which are not written as code
			r.Target.Name = s
		}
		help := ""
		for _, rule := range writeSARIF(t, r).Runs[0].Tool.Driver.Rules {
			help += rule.Help.Markdown + "\n\n"
		}
		var g struct {
			Vulnerabilities []struct{ Description string }
		}
		require.NoError(t, json.Unmarshal([]byte(write(t, r, report.GitLab)), &g))
		return map[string]string{"summary": write(t, r, report.Markdown, report.WithSuppressed(true)), "help": help, "description": g.Vulnerabilities[0].Description}
	}
	want := map[string]string{}
	for name, text := range written("plain") {
		want[name] = elements(text)
	}
	for _, s := range []string{
		"<script>alert(1)</script>", "![x](https://evil.example/t.png)", "see https://evil.example now", "www.evil.example", "`code`", "**bold** __b__", "| a | b |",
		"a@example.com", "# heading", "&lt;", "~~x~~", "1. a", "1) a", "- a", "+ a", "| `a` \\", "___", "a\n:--\n|--|", "a\n===", "a\n---", "    code", "<!-- x", "[a]: https://x\n[a]",
		"```\nx", "> q", "a\\", "\\`a\\`", "mailto:a@b.cc", "<https://x.y>", "ftp://a.b", "- [ ] t", "[^1]: x\n[^1]", "WWW.evil.example",
	} {
		for name, text := range written(s) {
			assert.Equal(t, want[name], elements(text), "%s with %q", name, s)
		}
	}
}

func TestCSV(t *testing.T) {
	r := full()
	r.Findings[0].Title = "=cmd|'/c calc'!A1"
	r.Findings[1].Title = "a; =1+1,\"@SUM(1)\t+2 3-1"
	r.Findings[2].Title = "two\r\nlines"
	r.Findings[3].Package.Type, r.Findings[3].Package.PURL, r.Findings[3].Package.Name = "npm", "pkg:npm/%40babel/core@1", "core"
	text := write(t, r, report.CSV)
	assert.Equal(t, strings.Count(text, "\n"), strings.Count(text, "\r\n"), "RFC 4180 wants CRLF")
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 6)
	column := map[string]int{}
	for i, name := range records[0] {
		column[name] = i
	}
	get := func(i int, name string) string { return records[i][column[name]] }
	assert.Equal(t, "CVE-2022-0778", get(1, "id"))
	assert.Equal(t, "1.1.1d-0+deb10u8", get(1, "fixed_version"))
	assert.Equal(t, ">= 0, < 1.1.1d-0+deb10u8", get(1, "range"))
	assert.Equal(t, "'=cmd|'/c calc'!A1", get(1, "title"))
	assert.Equal(t, `a; '=1+1,"'@SUM(1) +2 3-1`, get(2, "title"))
	assert.Equal(t, "two  lines", get(3, "title"))
	assert.Equal(t, "'@babel/core", get(4, "package"))
	assert.Equal(t, "2022-03-15", get(1, "published"))
}

func TestOpenVEX(t *testing.T) {
	type component struct {
		ID            string `json:"@id"`
		Subcomponents []component
	}
	type document struct {
		ID         string `json:"@id"`
		Timestamp  string
		Statements []struct {
			Vulnerability struct{ Name string }
			Products      []component
			Status        string
		}
	}
	parse := func(r *scan.Report, opts ...report.Option) (d document) {
		require.NoError(t, json.Unmarshal([]byte(write(t, r, report.OpenVEX, opts...)), &d))
		return d
	}
	r := full()
	r.Findings = append(r.Findings, r.Findings[0])
	r.Findings[5].Package.PURL, r.Findings[5].Package.Name = "pkg:deb/debian/openssl@1", "openssl"
	d := parse(r)
	require.Len(t, d.Statements, 5, "one for each ID")
	last := d.Statements[4]
	assert.Equal(t, "CVE-2022-0778", last.Vulnerability.Name)
	assert.Equal(t, "under_investigation", last.Status)
	require.Len(t, last.Products, 1)
	assert.True(t, strings.HasPrefix(last.Products[0].ID, "pkg:oci/app@sha256:aaaa"), last.Products[0].ID)
	assert.Len(t, last.Products[0].Subcomponents, 2)
	assert.Equal(t, d, parse(r), "the same report, the same document")
	assert.Equal(t, "2026-08-01T00:00:00Z", d.Timestamp, "that of the database")
	dated := parse(r, report.WithTime(date(2026, 9, 1)))
	assert.Equal(t, "2026-09-01T00:00:00Z", dated.Timestamp)
	assert.NotEqual(t, d.ID, dated.ID)

	d = parse(tree())
	assert.Equal(t, []component{{ID: "pkg:npm/%40babel/traverse@7.1.0"}}, d.Statements[0].Products, "no image: the package is the product")
}

// A trivyReport is what the tests look at of Trivy's layout.
type trivyReport struct {
	SchemaVersion int
	ArtifactName  string
	ArtifactType  string
	Results       []struct {
		Target, Class, Type string
		Packages            []struct{ Name string }
		Vulnerabilities     []struct {
			VulnerabilityID, PkgName, PkgPath, Severity, Status string
			CVSS                                                map[string]struct{ V2Vector, V3Vector, V40Vector string }
		}
		ExperimentalModifiedFindings []struct{ Statement string }
	}
}

func TestTrivy(t *testing.T) {
	r := full()
	pkg := func(typ, purl, name string, paths ...string) scan.Package {
		return scan.Package{Type: typ, PURL: purl, Name: name, Version: "1", Paths: paths}
	}
	packages := []scan.Package{
		pkg("npm", "pkg:npm/a@1", "a", "app/node_modules/a/package.json"), pkg("npm", "pkg:npm/b@1", "b", "app/package-lock.json"),
		pkg("maven", "pkg:maven/org.x/y@1", "y", "app/y.jar"), pkg("golang", "pkg:golang/example.com/m@1", "example.com/m", "usr/bin/m"),
		pkg("pypi", "pkg:pypi/z@1", "z", "requirements-dev.txt"), pkg("odd", "pkg:odd/z@1", "z"),
	}
	for _, p := range packages {
		f := r.Findings[0]
		f.Package, f.Severity, f.Status = p, cvss.Negligible, "something"
		f.CVSS = []scan.CVSS{{Source: "NVD", Version: "2.0", Vector: "v2"}, {Source: "NVD", Version: "3.1", Vector: "v3"}, {Source: "NVD", Version: "3.0", Vector: "old"}, {Source: "NVD", Version: "4.0", Vector: "v4"}}
		r.Findings = append(r.Findings, f)
	}
	var got trivyReport
	require.NoError(t, json.Unmarshal([]byte(write(t, r, report.Trivy, report.WithPackages(true), report.WithSuppressed(true))), &got))
	assert.Equal(t, 2, got.SchemaVersion)
	assert.Equal(t, "container_image", got.ArtifactType)
	var places []string
	n := 0
	for _, result := range got.Results {
		places = append(places, result.Class+" "+result.Type+" "+result.Target)
		n += len(result.Vulnerabilities)
	}
	assert.Equal(t, []string{
		"os-pkgs debian registry.example/team/app:1.2 (debian 10)", "lang-pkgs gobinary usr/bin/m", "lang-pkgs jar Java", "lang-pkgs node-pkg Node.js",
		"lang-pkgs npm app/package-lock.json", "lang-pkgs odd ", "lang-pkgs pip requirements-dev.txt",
	}, places)
	assert.Equal(t, len(r.Findings), n)
	assert.Len(t, got.Results[0].Packages, 3)
	assert.Len(t, got.Results[0].ExperimentalModifiedFindings, 3)
	jar := got.Results[2].Vulnerabilities[0]
	assert.Equal(t, "org.x:y app/y.jar LOW unknown", strings.Join([]string{jar.PkgName, jar.PkgPath, jar.Severity, jar.Status}, " "))
	assert.Equal(t, "v2", jar.CVSS["nvd"].V2Vector)
	assert.Equal(t, "v3", jar.CVSS["nvd"].V3Vector)
	assert.Equal(t, "v4", jar.CVSS["nvd"].V40Vector)
}

// TestTrivyReadsIt has Trivy itself read the layout, where it is installed or
// named by the environment.
func TestTrivyReadsIt(t *testing.T) {
	trivy := os.Getenv("IMAGEVET_TEST_TRIVY")
	if trivy == "" {
		var err error
		if trivy, err = exec.LookPath("trivy"); err != nil {
			t.Skip("trivy is not installed, and IMAGEVET_TEST_TRIVY does not name it")
		}
	}
	for name, r := range reports() {
		file := filepath.Join(t.TempDir(), "report.json")
		require.NoError(t, os.WriteFile(file, []byte(write(t, r, report.Trivy, report.WithPackages(true), report.WithSuppressed(true))), 0o600))
		for _, format := range []string{"table", "sarif", "json"} {
			if format == "sarif" && name == "colons" {
				continue // Trivy's own writer cannot take a path with a percent sign
			}
			cmd := exec.Command(trivy, "convert", "--quiet", "--cache-dir", t.TempDir(), "--format", format, file)
			cmd.Env = append(cmd.Environ(), "TRIVY_DISABLE_TELEMETRY=true", "TRIVY_SKIP_VERSION_CHECK=true")
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			require.NoError(t, cmd.Run(), "%s as %s: %s", name, format, stderr.String())
			if format == "json" {
				var want, got trivyReport
				require.NoError(t, json.Unmarshal(stdout.Bytes(), &got))
				require.NoError(t, json.Unmarshal([]byte(write(t, r, report.Trivy, report.WithPackages(true), report.WithSuppressed(true))), &want))
				count := func(r trivyReport) (n int) {
					for _, result := range r.Results {
						n += len(result.Vulnerabilities)
					}
					return n
				}
				if name == "full" || name == "tree" || name == "product" { // the others have the same finding twice
					assert.Equal(t, count(want), count(got), "%s: Trivy sees every finding", name)
				}
			}
		}
	}
}

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

func ExampleWithTemplate() {
	r := &scan.Report{Findings: []scan.Finding{{ID: "CVE-2019-14697", Severity: cvss.Critical, FixedVersion: "1.1.19-r11", Package: scan.Package{Name: "musl", Version: "1.1.19-r10"}}}}
	const text = "{{range .Findings}}{{.Severity}} {{clean .ID}}: {{solution .}}\n{{end}}"
	if err := report.Write(os.Stdout, r, report.Template, report.WithTemplate(text)); err != nil {
		log.Fatal(err)
	}
	// Output: CRITICAL CVE-2019-14697: Upgrade musl to 1.1.19-r11 or later.
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
	last := records[1]
	fmt.Println(last[0], last[2], last[len(last)-1])
	// Output: CVE-2019-14697 musl no fixed version is known
}
