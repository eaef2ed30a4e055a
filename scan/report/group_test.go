package report_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/vulndb"
)

// onBase is the full report with a base image, and a package of a language that
// others bring in.
func onBase() *scan.Report {
	r := full()
	r.BaseImage = &scan.BaseImage{
		Name: "docker.io/library/debian:10", Digest: "sha256:" + strings.Repeat("d", 64), NamedBy: "annotations", Layers: 1, FoundBy: "history", Guess: true,
		Reason: `step 2 of the history, "CMD [\"bash\"]", is how images of distributions end`,
	}
	for i := range r.Findings {
		r.Findings[i].Package.FromBase = r.Findings[i].Package.Layer.Index == 0
	}
	f := r.Findings[1]
	f.ID, f.Aliases, f.Title = "CVE-2022-24999", nil, "qs vulnerable to Prototype Pollution"
	f.FixedVersion = "6.7.3"
	f.Package = scan.Package{
		PURL: "pkg:npm/qs@6.7.0", Type: "npm", Name: "qs", Version: "6.7.0", Paths: []string{"app/node_modules/qs/package.json", "srv/node_modules/qs/package.json"},
		Layer: r.Findings[1].Package.Layer, RequiredBy: []string{"pkg:npm/%40team/app@1.0.0", "pkg:npm/express@4.17.1", "pkg:npm/body-parser@1.19.0"},
	}
	r.Findings = append(r.Findings[:2:2], append([]scan.Finding{f}, r.Findings[2:]...)...)
	f.ID, f.Severity = "CVE-2017-1", cvss.Low
	r.Findings = slices.Insert(r.Findings, 5, f)
	return r
}

func TestTableGroups(t *testing.T) {
	for _, by := range []report.GroupBy{report.BySeverity, report.ByPackage, report.ByLayer} {
		text := write(t, onBase(), report.Table, report.WithGroupBy(by), report.WithChains(true))
		golden(t, fmt.Sprintf("table-by-%v.txt", by), []byte(text))
		for line := range strings.SplitSeq(text, "\n") {
			assert.LessOrEqual(t, len([]rune(line)), 80, line)
		}
		for _, f := range onBase().Findings {
			assert.Contains(t, text, f.ID, "%v", by)
		}
		parsed, err := report.ParseGroupBy(by.String())
		require.NoError(t, err)
		assert.Equal(t, by, parsed)
	}
	_, err := report.ParseGroupBy("colour")
	assert.ErrorContains(t, err, "severity, package, layer")
	assert.ErrorContains(t, report.Write(new(bytes.Buffer), full(), report.Table, report.WithGroupBy(9)), "GroupBy(9)")
}

// Who brings a package in comes from an image, and can be anything.
func TestChains(t *testing.T) {
	r := onBase()
	var long []string
	for i := range 20 {
		long = append(long, fmt.Sprintf("pkg:npm/p%d@1", i))
	}
	r.Findings[2].Package.RequiredBy = long
	text := write(t, r, report.Table, report.WithGroupBy(report.ByPackage), report.WithWidth(200))
	assert.Contains(t, text, "required by p0 1 > p1 1 > p2 1 > p3 1 > … > p16 1 > p17 1 > p18 1 > p19 1\n")
	for _, purl := range []string{"", "pkg:", "pkg:npm/%zz@%", "pkg:npm/a@\x1b[31m", "@", "pkg:npm/" + strings.Repeat("x", 1<<20)} {
		r.Findings[2].Package.RequiredBy = []string{purl}
		text := write(t, r, report.Table, report.WithGroupBy(report.ByPackage))
		assert.NotContains(t, text, "\x1b")
		assert.Less(t, len(text), 10_000)
	}
}

// comparison is one with something in every part.
func comparison(t *testing.T) *scan.Comparison {
	t.Helper()
	before, after := full(), full()
	after.Target.Name, after.Target.Digest = "registry.example/team/app:1.3", "sha256:"+strings.Repeat("c", 64)
	after.Database.ID, after.Database.Built = "sha256:fedcba9876543210", date(2026, 9, 1)
	// OpenSSL is upgraded, zlib's finding suppressed, bash comes.
	upgraded := after.Packages[1]
	upgraded.Version, upgraded.PURL = "1.1.1n-0+deb10u6", strings.Replace(upgraded.PURL, "1.1.1d-0+deb10u3", "1.1.1n-0+deb10u6", 1)
	after.Packages[1] = upgraded
	after.Suppressed = append(after.Suppressed, scan.Suppressed{Finding: after.Findings[2], By: "ignore", Reason: "not reachable"})
	fresh := after.Findings[3]
	fresh.ID, fresh.Severity, fresh.Package = "CVE-2026-1", cvss.Critical, scan.Package{PURL: "pkg:deb/debian/bash@5", Type: "deb", Name: "bash", Version: "5", Paths: []string{"var/lib/dpkg/status"}}
	after.Packages = append(after.Packages, fresh.Package)
	after.Findings = append([]scan.Finding{fresh}, after.Findings[3:]...)
	return scan.Compare(before, after)
}

func TestComparisonTable(t *testing.T) {
	var buf bytes.Buffer
	c := comparison(t)
	require.Equal(t, []int{1, 2, 2, 1}, []int{len(c.New), len(c.Fixed), len(c.Kept), len(c.Unclear)})
	require.NoError(t, report.WriteComparison(&buf, c, report.Table))
	golden(t, "comparison.txt", buf.Bytes())
	for line := range strings.SplitSeq(buf.String(), "\n") {
		assert.LessOrEqual(t, len([]rune(line)), 80, line)
	}
	buf.Reset()
	require.NoError(t, report.WriteComparison(&buf, scan.Compare(full(), full()), report.Table))
	assert.Contains(t, buf.String(), "No difference: 5 findings were the same in both.")

	assert.ErrorContains(t, report.WriteComparison(&buf, c, report.SPDX), "no format spdx")
	assert.Error(t, report.WriteComparison(&buf, nil, report.Table))
	assert.ErrorIs(t, report.WriteComparison(broken{}, c, report.Table), errBroken)
	assert.ErrorIs(t, report.WriteComparison(broken{}, c, report.JSON), errBroken)
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestComparisonJSON(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../comparison.schema.json")
	require.NoError(t, err)
	bare := scan.Compare(&scan.Report{Findings: []scan.Finding{{ID: "CVE-1"}}}, &scan.Report{})
	base, err := scan.CompareBase(onBase(), full())
	require.NoError(t, err)
	for name, c := range map[string]*scan.Comparison{"full": comparison(t), "bare": bare, "base": base, "zero": {SchemaVersion: scan.ComparisonVersion, Kind: "reports"}} {
		var buf bytes.Buffer
		require.NoError(t, report.WriteComparison(&buf, c, report.JSON), name)
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(buf.Bytes()))
		require.NoError(t, err, name)
		assert.NoError(t, schema.Validate(v), name)
		assert.NotContains(t, buf.String(), "null", name)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"schema_version":1,"new":[{"id":"x"}]}`))
	require.NoError(t, err)
	assert.Error(t, schema.Validate(v), "the schema accepts anything")
}

// JSON has the base image and who requires what, where they are known.
func TestBaseInJSON(t *testing.T) {
	text := write(t, onBase(), report.JSON)
	assert.Contains(t, text, `"base_image": {`)
	assert.Contains(t, text, `"from_base": true`)
	assert.Contains(t, text, `"required_by": [`)
	assert.NotContains(t, write(t, full(), report.JSON), "base_image")

	// The formats for people and spreadsheets tell as well.
	html := write(t, onBase(), report.HTML)
	assert.Contains(t, html, "docker.io/library/debian:10 dddddddddddd, 1 of 2 layers, a guess")
	assert.Contains(t, html, "from the base image")
	assert.Contains(t, html, "@team/app 1.0.0 &gt; express 4.17.1 &gt; body-parser 1.19.0")
	assert.Contains(t, write(t, onBase(), report.Markdown), "- Base image: docker.io/library/debian:10")
	assert.Contains(t, write(t, onBase(), report.CSV), ",yes,")
	assert.Contains(t, write(t, onBase(), report.CSV), "pkg:npm/%40team/app@1.0.0 pkg:npm/express@4.17.1 pkg:npm/body-parser@1.19.0")
}

func ExampleWriteComparison() {
	flaw := scan.Finding{
		ID: "CVE-2026-0001", Severity: cvss.High, Evidence: vulndb.Evidence{Scheme: "npm", Ecosystem: "npm"},
		Package: scan.Package{PURL: "pkg:npm/qs@6.7.0", Type: "npm", Name: "qs", Version: "6.7.0"},
	}
	qs := flaw.Package
	qs.PURL, qs.Version = "pkg:npm/qs@6.7.3", "6.7.3"
	db := scan.Database{ID: "sha256:db", Built: date(2026, 8, 1)}
	before := &scan.Report{Database: db, Findings: []scan.Finding{flaw}, Packages: []scan.Package{flaw.Package}}
	after := &scan.Report{Database: db, Packages: []scan.Package{qs}}
	before.Target.Name, after.Target.Name = "app:1", "app:2"
	if err := report.WriteComparison(os.Stdout, scan.Compare(before, after), report.Table); err != nil {
		log.Fatal(err)
	}
	// Output:
	// Before   app:1
	//          1 finding, database db, built 2026-08-01
	// After    app:2
	//          0 findings, database db, built 2026-08-01
	// Changes  0 new, 1 fixed, 0 kept, 0 unclear
	//
	// FIXED (1)
	// SEVERITY  PACKAGE  ID             BEFORE  AFTER  WHY
	// HIGH      qs       CVE-2026-0001  6.7.0   6.7.3  upgraded
}
