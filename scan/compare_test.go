package scan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/vulndb"
)

// debian is a root file system of Debian 12 with packages given as
// "name version", whose sources are called as they are.
func debian(packages ...string) fstest.MapFS {
	var status strings.Builder
	for _, p := range packages {
		name, version, _ := strings.Cut(p, " ")
		status.WriteString(stanza(name, version, name, "Debian <a@lists.debian.org>"))
	}
	return fstest.MapFS{"usr/lib/os-release": {Data: []byte(osRelease)}, "var/lib/dpkg/status": {Data: []byte(status.String())}}
}

func scanFS(t *testing.T, fsys fstest.MapFS, opts ...scan.Option) *scan.Report {
	t.Helper()
	s, err := scan.New(opts...)
	require.NoError(t, err)
	r, err := s.Scan(t.Context(), image.FS("image", fsys))
	require.NoError(t, err)
	return r
}

// changes shows a list of a comparison, without the details.
func changes(list []scan.Change) []string {
	out := []string{}
	for _, c := range list {
		out = append(out, fmt.Sprintf("%s %s %s: %q to %q", c.Reason, c.ID, c.Package.Name, c.VersionBefore, c.VersionAfter))
	}
	return out
}

func TestCompare(t *testing.T) {
	old := openDB(t,
		advisory("CVE-2026-0001", "upgraded", "2.0", "high"),
		advisory("CVE-2026-0002", "stays", "2.0", "high"),
		advisory("CVE-2026-0003", "stays", "", "low"),
		advisory("CVE-2026-0004", "removed", "", "low"),
		advisory("CVE-2026-0005", "withdrawn", "", "low"),
		advisory("CVE-2026-0006", "broken", "", "low"),
	)
	db := openDB(t,
		advisory("CVE-2026-0001", "upgraded", "2.0", "high"),
		advisory("CVE-2026-0002", "stays", "2.0", "high"),
		advisory("CVE-2026-0003", "stays", "", "low"),
		advisory("CVE-2026-0004", "removed", "", "low"),
		advisory("CVE-2026-0006", "broken", "", "low"),
		advisory("CVE-2026-0007", "added", "", "high"),
		advisory("CVE-2026-0008", "stays", "", "high"),
		advisory("CVE-2026-0009", "upgraded", "3.0", "low"),
	)
	fsys := debian("upgraded 1.0", "stays 1.0", "removed 1.0", "withdrawn 1.0", "broken 1.0")
	later := debian("upgraded 2.0", "stays 1.1", "added 1.0", "withdrawn 1.0", "broken 0.9")

	c := scan.Compare(scanFS(t, fsys, scan.WithDB(old)), scanFS(t, later, scan.WithDB(db)))
	assert.Equal(t, []string{
		`package_added CVE-2026-0007 added: "" to "1.0"`,
		`package_upgraded CVE-2026-0008 stays: "1.0" to "1.1"`,
		`package_upgraded CVE-2026-0009 upgraded: "1.0" to "2.0"`,
	}, changes(c.New))
	assert.Equal(t, []string{
		`package_upgraded CVE-2026-0001 upgraded: "1.0" to "2.0"`,
		`package_removed CVE-2026-0004 removed: "1.0" to ""`,
		`advisory_changed CVE-2026-0005 withdrawn: "1.0" to "1.0"`,
	}, changes(c.Fixed))
	assert.Equal(t, []string{
		`package_upgraded CVE-2026-0002 stays: "1.0" to "1.1"`,
		`package_downgraded CVE-2026-0006 broken: "1.0" to "0.9"`,
		`package_upgraded CVE-2026-0003 stays: "1.0" to "1.1"`,
	}, changes(c.Kept))
	assert.Empty(t, c.Unclear)
	require.Len(t, c.Warnings, 1)
	assert.Contains(t, c.Warnings[0], "different databases")

	r := scanFS(t, fsys, scan.WithDB(db))
	c = scan.Compare(r, r)
	assert.Empty(t, c.New)
	assert.Empty(t, c.Fixed)
	assert.Empty(t, c.Warnings)
	assert.Len(t, c.Kept, len(r.Findings))
	assert.Equal(t, scan.ReasonUnchanged, c.Kept[0].Reason)
}

// TestCompareUnclear: what is gone for another reason than a fix does not count
// as fixed.
func TestCompareUnclear(t *testing.T) {
	db := openDB(t, advisory("CVE-2026-0001", "curl", "", "low"))
	before := scanFS(t, debian("curl 1.0"), scan.WithDB(db))
	require.Len(t, before.Findings, 1)
	unread := debian("other 1.0")
	unread["var/lib/dpkg/status"].Data = append(unread["var/lib/dpkg/status"].Data, "Package: curl\nVersion\n\n"...)
	tests := []struct {
		name   string
		after  *scan.Report
		reason scan.ChangeReason
		detail string
	}{
		{"suppressed", scanFS(t, debian("curl 1.0"), scan.WithDB(db), scan.WithMinSeverity(cvss.High)), scan.ReasonSuppressed, "by severity: severity LOW is below HIGH"},
		{"no database", scanFS(t, debian("curl 1.0")), scan.ReasonNotCompared, "no database"},
		{"no advisories", scanFS(t, debian("curl 1.0"), scan.WithDB(openDB(t, `{"id":"GHSA-1","modified":"2026-01-02T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"x"},"versions":["1"]}]}`))), scan.ReasonNotCompared, "has not compared it"},
		{"a file that could not be read", scanFS(t, unread, scan.WithDB(db)), scan.ReasonNotCompared, "not read in full"},
	}
	for _, tt := range tests {
		c := scan.Compare(before, tt.after)
		assert.Empty(t, c.Fixed, tt.name)
		if assert.Len(t, c.Unclear, 1, tt.name) {
			assert.Equal(t, tt.reason, c.Unclear[0].Reason, tt.name)
			assert.Contains(t, c.Unclear[0].Detail, tt.detail, tt.name)
		}
	}
	// The other way round it is new.
	c := scan.Compare(tests[0].after, before)
	if assert.Len(t, c.New, 1) {
		assert.Equal(t, scan.ReasonSuppressed, c.New[0].Reason)
	}
	// Reports without packages do not tell why.
	after := scanFS(t, debian("other 1.0"), scan.WithDB(db))
	after.Packages = nil
	c = scan.Compare(before, after)
	if assert.Len(t, c.Fixed, 1) {
		assert.Equal(t, scan.ReasonUnknown, c.Fixed[0].Reason)
	}
	assert.Contains(t, strings.Join(c.Warnings, "\n"), "does not list its packages")
}

// TestComparePairs: which findings are the same.
func TestComparePairs(t *testing.T) {
	finding := func(id, purl, path string, aliases ...string) scan.Finding {
		_, version, _ := strings.Cut(purl, "@")
		version, _, _ = strings.Cut(version, "?")
		return scan.Finding{
			ID: id, Aliases: aliases, Evidence: vulndb.Evidence{Scheme: "npm", Ecosystem: "npm"},
			Package: scan.Package{PURL: purl, Type: "npm", Name: "n", Version: version, Paths: []string{path}},
		}
	}
	report := func(findings ...scan.Finding) *scan.Report {
		r := &scan.Report{Database: scan.Database{ID: "x"}, Packages: []scan.Package{}, Findings: findings}
		for _, f := range findings {
			r.Packages = append(r.Packages, f.Package)
		}
		return r
	}
	// An advisory gets a CVE; qualifiers and versions do not matter.
	c := scan.Compare(report(finding("GHSA-1", "pkg:npm/%40a/n@1.0?x=y", "p")), report(finding("CVE-1", "pkg:npm/%40a/n@1.1", "p", "GHSA-1")))
	assert.Equal(t, []string{`package_upgraded CVE-1 n: "1.0" to "1.1"`}, changes(c.Kept))
	// Two CVEs share an alias: each stays what it is.
	c = scan.Compare(report(finding("CVE-1", "pkg:npm/n@1.0", "p", "GHSA-1"), finding("CVE-2", "pkg:npm/n@1.0", "p", "GHSA-1")),
		report(finding("CVE-2", "pkg:npm/n@1.0", "p", "GHSA-1")))
	assert.Equal(t, []string{`unchanged CVE-2 n: "1.0" to "1.0"`}, changes(c.Kept))
	assert.Equal(t, "CVE-1", c.Fixed[0].ID)
	c = scan.Compare(report(finding("CVE-1", "pkg:npm/n@1.0", "p", "GHSA-1")), report(finding("CVE-2", "pkg:npm/n@1.0", "p", "GHSA-1")))
	assert.Empty(t, c.Kept)
	c = scan.Compare(report(finding("CVE-1", "pkg:npm/n@1.0", "p", "CVE-2")), report(finding("CVE-2", "pkg:npm/n@1.0", "p")))
	assert.Len(t, c.Kept, 1, "one says that both are one flaw")
	// Of two places one is mended.
	c = scan.Compare(report(finding("CVE-1", "pkg:npm/n@1.0", "a"), finding("CVE-1", "pkg:npm/n@1.0", "b")), report(finding("CVE-1", "pkg:npm/n@1.0", "b")))
	assert.Equal(t, []string{`unchanged CVE-1 n: "1.0" to "1.0"`}, changes(c.Kept))
	assert.Equal(t, []string{`package_removed CVE-1 n: "1.0" to "1.0"`}, changes(c.Fixed))
	assert.Equal(t, []string{"a"}, c.Fixed[0].Package.Paths)
	// Another package of the same name is another one.
	c = scan.Compare(report(finding("CVE-1", "pkg:npm/n@1.0", "a")), report(finding("CVE-1", "pkg:npm/%40a/n@1.0", "a")))
	assert.Len(t, c.New, 1)
	assert.Len(t, c.Fixed, 1)
}

func TestReadReport(t *testing.T) {
	r := scanFS(t, bookworm(), scan.WithDB(openDB(t, records...)))
	data, err := json.Marshal(r)
	require.NoError(t, err)
	got, err := scan.ReadReport(bytes.NewReader(data))
	require.NoError(t, err)
	again, err := json.Marshal(got)
	require.NoError(t, err)
	assert.JSONEq(t, string(data), string(again))
	c := scan.Compare(r, got)
	assert.Len(t, c.Kept, len(r.Findings))
	assert.Empty(t, c.New)

	for name, text := range map[string]string{
		"nothing": "", "cut": string(data[:len(data)/2]), "no JSON": "x", "another version": `{"schema_version":2}`,
		"no report": `{"schema_version":1}`, "more": string(data) + "{}", "a bill of materials": `{"bomFormat":"CycloneDX"}`,
	} {
		_, err := scan.ReadReport(strings.NewReader(text))
		assert.Error(t, err, name)
	}
}

// TestCompareRandom: each finding of either report is in one list, and what is
// new one way is gone the other way.
func TestCompareRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	report := func() *scan.Report {
		r := &scan.Report{Database: scan.Database{ID: fmt.Sprint(random.IntN(2))}, Packages: []scan.Package{}}
		for range random.IntN(12) {
			p := scan.Package{Type: "npm", Name: fmt.Sprintf("p%d", random.IntN(3)), Version: fmt.Sprintf("1.%d", random.IntN(3)), Paths: []string{fmt.Sprint(random.IntN(2))}}
			p.PURL = "pkg:npm/" + p.Name + "@" + p.Version
			r.Packages = append(r.Packages, p)
			for range random.IntN(4) {
				n := random.IntN(6)
				f := scan.Finding{
					ID: fmt.Sprintf("CVE-%d", n), Aliases: []string{fmt.Sprintf("GHSA-%d", n/2)}, // which two flaws share
					Package: p, Evidence: vulndb.Evidence{Scheme: "npm", Ecosystem: "npm"},
				}
				if random.IntN(3) == 0 {
					f.ID, f.Aliases = f.Aliases[0], nil
				}
				if random.IntN(4) == 0 {
					r.Suppressed = append(r.Suppressed, scan.Suppressed{Finding: f, By: "severity"})
					continue
				}
				r.Findings = append(r.Findings, f)
			}
		}
		if random.IntN(5) == 0 {
			r.Coverage = []vulndb.Coverage{{Ecosystem: "npm", Packages: len(r.Packages), Status: vulndb.CoverageNoData}}
		}
		if random.IntN(5) == 0 {
			r.Packages = nil
		}
		return r
	}
	for range 500 {
		a, b := report(), report()
		c, back := scan.Compare(a, b), scan.Compare(b, a)
		require.Len(t, a.Findings, len(c.Fixed)+len(c.Kept)+len(c.Unclear))
		require.Len(t, b.Findings, len(c.New)+len(c.Kept))
		require.Len(t, back.Kept, len(c.Kept))
		require.Len(t, back.New, len(c.Fixed)+len(c.Unclear))
		for _, change := range slices.Concat(c.New, c.Fixed, c.Kept, c.Unclear) {
			require.NotEmpty(t, change.Reason)
			require.NotEmpty(t, change.Detail)
		}
		for _, change := range c.Fixed {
			require.NotContains(t, []scan.ChangeReason{scan.ReasonSuppressed, scan.ReasonNotCompared}, change.Reason)
		}
		require.Len(t, scan.Compare(a, a).Kept, len(a.Findings))
	}
}
