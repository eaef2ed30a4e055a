package report_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/vulndb"
)

var update = flag.Bool("update", false, "write golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "run with -update if this is what it should be")
}

// inventory returns what a report was made from, as far as it tells.
func inventory(r *scan.Report) *sbom.BOM {
	b := &sbom.BOM{Target: r.Target.Target, Layers: r.Target.Layers, OS: sbom.OS{ID: r.OS.ID, Version: r.OS.Version, Name: r.OS.Name}}
	for _, p := range r.Packages {
		b.Packages = append(b.Packages, sbom.Package{
			Type: p.Type, Name: p.Name, Version: p.Version, Arch: p.Arch, PURL: p.PURL, Source: p.Source, Paths: p.Paths,
			Layer: sbom.Layer{Index: p.Layer.Index, DiffID: p.Layer.DiffID, CreatedBy: p.Layer.CreatedBy},
		})
	}
	for _, p := range r.Problems {
		b.Problems = append(b.Problems, &sbom.FileError{Path: p.Path, Extractor: p.Extractor, Err: errors.New(p.Error)})
	}
	return b
}

func write(t testing.TB, r *scan.Report, f report.Format, opts ...report.Option) string {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, report.Write(&buf, r, f, withTemplate(f, opts)...))
	return buf.String()
}

// withTemplate adds a template that has every text of a report to the options
// of the one format that needs one.
func withTemplate(f report.Format, opts []report.Option) []report.Option {
	if f != report.Template {
		return opts
	}
	return append([]report.Option{report.WithTemplate(everything)}, opts...)
}

const everything = `{{clean .Target.Name}}
{{range .Findings}}{{clean .ID}} {{name .Package | clean}} {{.Title | markdown}} {{.Description | text}} {{xml .Title}} {{html .Title}} {{csv .Title}} {{json .Title}}
{{end}}{{range notices .}}{{clean .}}
{{end}}`

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// full is a report with something in every part.
func full() *scan.Report {
	layer := scan.PackageLayer{Index: 1, DiffID: "sha256:" + strings.Repeat("2", 64), CreatedBy: "/bin/sh -c apt-get update && apt-get install -y --no-install-recommends curl"}
	base := scan.PackageLayer{Index: 0, DiffID: "sha256:" + strings.Repeat("1", 64), CreatedBy: "/bin/sh -c #(nop) ADD file:fe1f09249227e2da2089afb4d07e16cbf832eeb804120074acd2b8192876cd28 in / "}
	pkg := func(name, version, source string, layer scan.PackageLayer) scan.Package {
		return scan.Package{
			PURL: "pkg:deb/debian/" + name + "@" + version + "?arch=amd64&distro=debian-10", Type: "deb", Name: name, Version: version, Arch: "amd64",
			Source: sbom.Source{Name: source, Version: version}, Paths: []string{"var/lib/dpkg/status"}, Layer: layer,
		}
	}
	finding := func(id string, s cvss.Severity, p scan.Package, fixed string, status scan.Status, title string) scan.Finding {
		return scan.Finding{
			ID: id, Aliases: []string{"DEBIAN-" + id}, Severity: s, Package: p, FixedVersion: fixed, Status: status, Title: title,
			Evidence: vulndb.Evidence{
				Advisory: "DEBIAN-" + id, Ecosystem: "Debian:10", MatchedName: p.Source.Name, MatchedVersion: p.Source.Version,
				Scheme: "deb", Range: ">= 0, < " + fixed, Database: "sha256:db",
			},
		}
	}
	openssl := pkg("libssl1.1", "1.1.1d-0+deb10u3", "openssl", layer)
	libc := pkg("libc6", "2.28-10", "glibc", base)
	zlib := pkg("zlib1g", "1:1.2.11.dfsg-1", "zlib", base)
	critical := finding("CVE-2022-0778", cvss.Critical, openssl, "1.1.1d-0+deb10u8", scan.StatusFixed, "Infinite loop in BN_mod_sqrt() reachable when parsing certificates <that> are & malformed")
	critical.SeveritySource = "DEBIAN-CVE-2022-0778"
	critical.CVSS = []scan.CVSS{{Source: "DEBIAN-CVE-2022-0778", Version: "3.1", Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}}
	critical.References = []string{"https://example.org/advisory?id=1&lang=en"}
	critical.Published, critical.Modified = date(2022, 3, 15), date(2022, 11, 9)
	critical.Aliases = append(critical.Aliases, "DLA-2953-1", "GHSA-x3mh-jvjw-3xwx")
	critical.OtherEvidence = []vulndb.Evidence{critical.Evidence}
	r := &scan.Report{
		SchemaVersion: scan.SchemaVersion,
		Target: scan.Target{
			Target: sbom.Target{
				Name: "registry.example/team/app:1.2", Kind: image.KindRegistry, Digest: "sha256:" + strings.Repeat("a", 64),
				ImageID: "sha256:" + strings.Repeat("b", 64), Platform: "linux/amd64",
			},
			Layers: []sbom.Layer{
				{Index: 0, DiffID: base.DiffID, CreatedBy: base.CreatedBy},
				{Index: 1, DiffID: layer.DiffID, CreatedBy: layer.CreatedBy, Digest: "sha256:" + strings.Repeat("3", 64)},
			},
		},
		OS: scan.OS{ID: "debian", Version: "10", Name: "Debian GNU/Linux 10 (buster)", Ecosystem: "Debian:10", EndOfLife: true, EndOfLifeDate: "2024-06-30"},
		Database: scan.Database{
			Built: date(2026, 8, 1), ID: "sha256:0123456789abcdef" + strings.Repeat("0", 48),
			Sources: []vulndb.SourceInfo{
				{Ecosystem: "Alpine", Modified: date(2020, 6, 8), Records: 2464}, {Ecosystem: "Debian", Modified: date(2026, 7, 30), Records: 1},
			},
		},
		Coverage: []vulndb.Coverage{
			{Ecosystem: "Debian:10", Packages: 41, Status: vulndb.CoverageMatched},
			{Ecosystem: "Debian:11", Packages: 1, Status: vulndb.CoverageMatched, Reason: "the database has no data for Debian:11:security"},
			{Ecosystem: "PyPI", Packages: 57, Status: vulndb.CoverageNoData, Reason: "the database has nothing on PyPI"},
			{Ecosystem: "conan", Packages: 1, Status: vulndb.CoverageUnsupported, Reason: "packages of this type are not matched"},
		},
		Summary:  scan.Summary{Critical: 1, High: 2, Low: 1, Unknown: 1, Fixable: 3},
		Packages: []scan.Package{libc, openssl, zlib},
		Findings: []scan.Finding{
			critical,
			finding("CVE-2021-3711", cvss.High, openssl, "1.1.1d-0+deb10u7", scan.StatusFixed, ""),
			finding("CVE-2018-25032", cvss.High, zlib, "1:1.2.11.dfsg-1+deb10u1", scan.StatusFixed, "zlib before 1.2.12 allows memory corruption when deflating"),
			finding("CVE-2019-1010022", cvss.Low, libc, "", scan.StatusWillNotFix, "mitigation bypass"),
			finding("CVE-2021-33574", cvss.Unknown, libc, "", scan.StatusAffected, "use after free in mq_notify"),
		},
		Suppressed: []scan.Suppressed{
			{Finding: finding("CVE-2020-1", cvss.Low, libc, "", scan.StatusAffected, ""), By: "unfixed", Reason: "no fixed version is known"},
			{Finding: finding("CVE-2020-2", cvss.Low, libc, "", scan.StatusAffected, ""), By: "unfixed", Reason: "no fixed version is known"},
			{Finding: finding("CVE-2020-3", cvss.None, libc, "", scan.StatusAffected, ""), By: "severity", Reason: "severity NONE is below LOW"},
		},
		Problems: []scan.Problem{{Path: "opt/app/var/lib/dpkg/status", Extractor: "dpkg", Error: `line 17: "Versoin" is no field, and the record ends without a version, so that the package could not be compared`}},
	}
	r.BOM = inventory(r)
	return r
}

// without is a report on an image in which nothing was found.
func without(coverage ...vulndb.Coverage) *scan.Report {
	r := full()
	r.Findings, r.Suppressed, r.Problems, r.Coverage = nil, nil, nil, coverage
	r.OS.EndOfLife = false
	return r
}

func TestTable(t *testing.T) {
	for _, width := range []int{report.MinWidth, 80, 120, 160} {
		golden(t, fmt.Sprintf("table-%d.txt", width), []byte(write(t, full(), report.Table, report.WithWidth(width))))
	}
}

func TestTableColor(t *testing.T) {
	colored := write(t, full(), report.Table, report.WithColor(true))
	assert.Contains(t, colored, "\x1b[1;35mCRITICAL (1)\x1b[0m\n")
	sequences := strings.NewReplacer("\x1b[0m", "", "\x1b[1m", "", "\x1b[2m", "", "\x1b[1;31m", "", "\x1b[1;33m", "", "\x1b[1;35m", "", "\x1b[1;36m", "")
	assert.Equal(t, write(t, full(), report.Table), sequences.Replace(colored), "colour must not change the text")
}

// A report without findings must not promise more than was compared.
func TestTableWithoutFindings(t *testing.T) {
	matched := vulndb.Coverage{Ecosystem: "Debian:10", Packages: 14, Status: vulndb.CoverageMatched}
	missed := vulndb.Coverage{Ecosystem: "Debian:13", Packages: 57, Status: vulndb.CoverageNoData}
	suppressed := without(matched)
	suppressed.Suppressed = full().Suppressed
	problems := without(matched)
	problems.Problems = full().Problems
	unknown := without(vulndb.Coverage{Ecosystem: "deb", Packages: 2, Status: vulndb.CoverageUnsupported, Reason: "the distribution is not known"})
	unknown.OS = scan.OS{}
	ended := without(matched)
	ended.OS.EndOfLife = true
	nodb := without(missed)
	nodb.Database = scan.Database{}
	tests := []struct {
		name   string
		report *scan.Report
		want   []string
	}{
		{"all compared", without(matched), []string{"No findings: 14 packages were compared with the advisories for Debian:10 in the database, and none matches."}},
		{"some not compared", without(matched, missed), []string{
			"No findings: 14 packages were compared", " 57 packages were NOT compared, see below.",
			"\n57 packages were NOT compared\n  57: no data for Debian:13\n",
		}},
		{"none compared", without(missed), []string{"NOTHING WAS COMPARED: 57 packages were found, see below why.", "57: no data for Debian:13"}},
		{"no packages", without(), []string{"NOTHING WAS COMPARED: no packages were found in the image."}},
		{"all suppressed", suppressed, []string{"the 3 matches are suppressed", "2 by unfixed: no fixed version is known"}},
		{"problems", problems, []string{"1 problem was met, see below."}},
		{"unknown system", unknown, []string{"OS       not recognised", "2: deb cannot be compared: the distribution is not known"}},
		{"end of life", ended, []string{"END OF LIFE since 2024-06-30", "has had no security support since 2024-06-30"}},
		{"no database", nodb, []string{"Database none: nothing was compared"}},
	}
	for _, tt := range tests {
		got := write(t, tt.report, report.Table, report.WithWidth(500))
		for _, want := range tt.want {
			assert.Contains(t, got, want, tt.name)
		}
		assert.NotContains(t, strings.ToLower(got), "clean", tt.name)
		assert.NotContains(t, strings.ToLower(got), "no vulnerabilities", tt.name)
	}
}

// An image with any number of broken files must not bury the rest.
func TestTableProblemsAreFew(t *testing.T) {
	r := without()
	for i := range 1000 {
		r.Problems = append(r.Problems, scan.Problem{Path: fmt.Sprintf("file-%04d", i), Extractor: "apk", Error: "broken"})
	}
	got := write(t, r, report.Table)
	assert.Contains(t, got, "file-0049 (apk): broken\n  … and 950 more, which the JSON format lists\n")
	assert.NotContains(t, got, "file-0050")
}

func TestWriteError(t *testing.T) {
	tests := []struct {
		format report.Format
		option report.Option
		want   string
	}{
		{0, report.WithColor(true), "report: Write: Format(0) is no format"},
		{99, report.WithColor(true), "report: Write: Format(99) is no format"},
		{report.Table, report.WithWidth(39), "report: WithWidth(39): must be at least 40"},
		{report.Template, report.WithColor(true), "report: Write: the format is a template, and WithTemplate has not set one"},
		{report.Template, report.WithTemplate("{{"), "report: template: template:1: unclosed action"},
	}
	for _, tt := range tests {
		var buf bytes.Buffer
		assert.EqualError(t, report.Write(&buf, full(), tt.format, tt.option), tt.want)
		assert.Empty(t, buf.String())
	}
	assert.EqualError(t, report.Write(io.Discard, nil, report.JSON), "report: Write: no report")
}

// A failing takes only so many bytes.
type failing struct{ left int }

var errFull = errors.New("disk full")

func (f *failing) Write(p []byte) (int, error) {
	n := min(len(p), f.left)
	if f.left -= n; n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestWriterError(t *testing.T) {
	for _, f := range report.Formats() {
		size := len(write(t, full(), f))
		opts := withTemplate(f, nil)
		assert.NoErrorf(t, report.Write(&failing{size}, full(), f, opts...), "%v", f)
		for _, left := range []int{0, 1, size / 2, size - 1} {
			assert.ErrorIsf(t, report.Write(&failing{left}, full(), f, opts...), errFull, "%v after %d bytes", f, left)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, f := range report.Formats() {
		got, err := report.ParseFormat(strings.ToUpper(f.String()))
		assert.NoError(t, err)
		assert.Equal(t, f, got)
		text, err := f.MarshalText()
		assert.NoError(t, err)
		assert.NoError(t, got.UnmarshalText(text))
		assert.Equal(t, f, got)
	}
	_, err := report.ParseFormat("sarfi")
	assert.EqualError(t, err, `report: "sarfi" is no format; there are table, json, cyclonedx, cyclonedx-xml, spdx, spdx-tv, html, sarif, junit, gitlab, github, markdown, csv, openvex, trivy, template`)
	_, err = report.Format(0).MarshalText()
	assert.Error(t, err)
}

func ExampleWrite() {
	// A root file system that has one package.
	root := fstest.MapFS{
		"etc/os-release":       {Data: []byte("ID=alpine\nVERSION_ID=3.19.1\nPRETTY_NAME=\"Alpine Linux v3.19\"\n")},
		"lib/apk/db/installed": {Data: []byte("P:musl\nV:1.2.4_git20230717-r4\nA:x86_64\n\n")},
	}
	clock := func() time.Time { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }
	s, err := scan.New(scan.WithClock(clock))
	if err != nil {
		log.Fatal(err)
	}
	r, err := s.Scan(context.Background(), image.FS("example", root))
	if err != nil {
		log.Fatal(err)
	}
	if err := report.Write(os.Stdout, r, report.Table); err != nil {
		log.Fatal(err)
	}
	// Output:
	// Target   example (rootfs)
	// OS       Alpine Linux v3.19 (Alpine:v3.19)
	// Database none: nothing was compared
	// Findings 0
	//
	// NOTHING WAS COMPARED: 1 package was found, see below why.
	//
	// 1 package was NOT compared
	//   1: no data for Alpine:v3.19: the scan had no database
}

func ExampleWrite_html() {
	r := &scan.Report{Target: scan.Target{Target: sbom.Target{Name: "registry.example/app:1", Kind: image.KindRegistry}}}
	var page strings.Builder // or a file, to be sent to somebody
	if err := report.Write(&page, r, report.HTML, report.WithPackages(true)); err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(page.String()) {
		if strings.HasPrefix(line, "<h1>") || strings.HasPrefix(line, "<title>") {
			fmt.Print(line)
		}
	}
	// Output:
	// <title>Vulnerabilities of registry.example/app:1</title>
	// <h1>registry.example/app:1</h1>
}
