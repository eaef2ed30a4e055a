package vulndb_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

var (
	bookworm = inventory.OS{ID: "debian", Version: "12"}
	alpine   = inventory.OS{ID: "alpine", Version: "3.19.1"}
	clock    = vulndb.WithClock(func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) })
)

// jsonl writes records, one a line, to a new file.
func jsonl(tb testing.TB, records ...string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "records.jsonl")
	var b bytes.Buffer
	for _, r := range records {
		require.NoError(tb, json.Compact(&b, []byte(r)))
		b.WriteByte('\n')
	}
	require.NoError(tb, os.WriteFile(path, b.Bytes(), 0o666))
	return path
}

// build makes a database of records and opens it.
func build(tb testing.TB, records ...string) (*vulndb.DB, vulndb.BuildReport) {
	tb.Helper()
	dir := tb.TempDir()
	report, err := vulndb.Build(tb.Context(), dir, []vulndb.Source{vulndb.FileSource(jsonl(tb, records...))}, clock)
	require.NoError(tb, err)
	return open(tb, dir), report
}

func open(tb testing.TB, dir string) *vulndb.DB {
	tb.Helper()
	db, err := vulndb.Open(dir)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, db.Close()) })
	return db
}

func match(tb testing.TB, db *vulndb.DB, os inventory.OS, pkgs ...inventory.Package) *vulndb.Result {
	tb.Helper()
	result, err := db.Match(tb.Context(), os, pkgs)
	require.NoError(tb, err)
	return result
}

// deb is a package that is its own source.
func deb(name, version string) inventory.Package {
	return inventory.Package{Type: "deb", Name: name, Version: version, Source: inventory.Source{Name: name, Version: version}}
}

// osv is a record about one package.
func osv(id, ecosystem, name, affected string, more ...string) string {
	fields := append([]string{fmt.Sprintf(`"id": %q, "modified": "2026-01-01T00:00:00Z"`, id)}, more...)
	return fmt.Sprintf(`{%s, "affected": [{"package": {"ecosystem": %q, "name": %q}, %s}]}`,
		strings.Join(fields, ", "), ecosystem, name, affected)
}

// events is a range, written as "introduced 0, fixed 1.2".
func events(list string) string {
	var out []string
	for e := range strings.SplitSeq(list, ", ") {
		kind, version, _ := strings.Cut(e, " ")
		out = append(out, fmt.Sprintf(`{%q: %q}`, kind, version))
	}
	return `{"type": "ECOSYSTEM", "events": [` + strings.Join(out, ", ") + `]}`
}

func ranges(lists ...string) string {
	var out []string
	for _, l := range lists {
		out = append(out, events(l))
	}
	return `"ranges": [` + strings.Join(out, ", ") + `]`
}

func TestMatchRanges(t *testing.T) {
	tests := []struct {
		affected, version string
		rng, fixed        string // empty range: not affected
	}{
		{ranges("introduced 0, fixed 1.2"), "1.1", ">= 0, < 1.2", "1.2"},
		{ranges("introduced 0, fixed 1.2"), "1.2", "", ""},
		{ranges("introduced 0, fixed 1.2"), "1.2~rc1", ">= 0, < 1.2", "1.2"}, // by Debian's order, not by numbers
		{ranges("introduced 0, fixed 1.2"), "0~", ">= 0, < 1.2", "1.2"},      // "0" is not a version
		{ranges("introduced 0, fixed 1.2"), "1:0.1", "", ""},                 // the epoch
		{ranges("introduced 0"), "99", ">= 0", ""},
		{ranges("introduced 1.0"), "0.9", "", ""},
		{ranges("introduced 1.0"), "1.0-0", ">= 1.0", ""}, // equal, but spelled differently
		{ranges("introduced 0, last_affected 1.2"), "1.2", ">= 0, <= 1.2", ""},
		{ranges("introduced 0, last_affected 1.2"), "1.2-1", "", ""},
		{ranges("introduced 0, last_affected 1.2", "introduced 2.0, fixed 2.1"), "1.0", ">= 0, <= 1.2", "2.1"},
		{ranges("introduced 0, last_affected 1.2, fixed 1.3"), "1.0", ">= 0, <= 1.2", "1.3"},
		{ranges("introduced 0, last_affected 1.2", "introduced 1.3, fixed 1.4", "introduced 1.1, fixed 1.3"), "1.0", ">= 0, < 1.4", "1.4"},
		// Several pairs alternate, in whatever order they are written.
		{ranges("introduced 0, fixed 1.2, introduced 2.0, fixed 2.3"), "1.5", "", ""},
		{ranges("introduced 0, fixed 1.2, introduced 2.0, fixed 2.3"), "2.0", ">= 2.0, < 2.3", "2.3"},
		{ranges("fixed 2.3, introduced 2.0, fixed 1.2, introduced 0"), "1.5", "", ""},
		{ranges("introduced 2.0, fixed 2.3, introduced 0, fixed 1.2"), "1.1", ">= 0, < 1.2", "1.2"},
		{ranges("introduced 0, fixed 1.3, fixed 1.2"), "1.0", ">= 0, < 1.2", "1.2"}, // the lowest fix counts
		{ranges("introduced 0, introduced 1.0, fixed 1.2"), "0.5", ">= 0, < 1.2", "1.2"},
		// Introduced and fixed at one version: nothing before, or all before.
		{ranges("introduced 1.0, fixed 1.0"), "1.0", "", ""},
		{ranges("introduced 1.0, fixed 1.0"), "1.1", "", ""},
		{ranges("introduced 0, fixed 0.5, introduced 1.0, fixed 1.0"), "1.1", "", ""},
		{ranges("introduced 0, fixed 1.0, introduced 1.0, fixed 1.1"), "1.0", ">= 0, < 1.1", "1.1"}, // as BIT-apache-2021-42013
		{ranges("introduced 0, fixed 1.0, introduced 1.0, fixed 1.1"), "1.1", "", ""},
		{ranges("introduced 1.0, last_affected 1.0"), "1.0", ">= 1.0, <= 1.0", ""},
		{ranges("introduced 1.0, last_affected 1.0"), "1.0-1", "", ""},
		{ranges("introduced 0, last_affected 1.0, introduced 1.0, fixed 2.0"), "1.5", ">= 0, < 2.0", "2.0"},
		{ranges("introduced 0, fixed 1.0, last_affected 1.0"), "1.0", "", ""},
		// Several ranges: the union, so that the fix is out of all of them.
		{ranges("introduced 0, fixed 1.2", "introduced 1.1, fixed 2.0"), "1.0", ">= 0, < 2.0", "2.0"},
		{ranges("introduced 0, fixed 1.2", "introduced 1.5, fixed 2.0"), "1.3", "", ""},
		{ranges("introduced 0, fixed 1.2", "introduced 1.0"), "0.1", ">= 0", ""},
		{ranges("introduced 5, fixed 6", "introduced 0, fixed 1.2", "introduced 3, fixed 4"), "3.3", ">= 3, < 4", "4"},
		// Listed versions.
		{`"versions": ["1.0", "1.1-0"]`, "1.0", "= 1.0", ""},
		{`"versions": ["1.0", "1.1-0"]`, "1.1", "= 1.1-0", ""},
		{`"versions": ["1.0", "1.1-0"]`, "1.2", "", ""},
		{`"versions": ["0.5", "1.1"], ` + ranges("introduced 1.0, fixed 1.2"), "0.5", "= 0.5", "1.2"},
		{`"versions": ["0.5", "1.1"], ` + ranges("introduced 1.0, fixed 1.2"), "1.1", ">= 1.0, < 1.2", "1.2"},
		{`"versions": ["no version"], ` + ranges("introduced 1.0, fixed 1.2"), "no version", "= no version", ""}, // no version at all
		// Ranges of commits say nothing, and do not hide what follows.
		{`"ranges": [{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}, ` + events("introduced 0, fixed 1.2") + `]`, "1.1", ">= 0, < 1.2", "1.2"},
		{`"ranges": [{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}]`, "1.1", "", ""},
		{`"ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2"}, {"limit": "1"}]}]`, "1.1", ">= 0, < 2", "2"},
	}
	for _, tt := range tests {
		db, _ := build(t, osv("DEBIAN-CVE-2026-0001", "Debian:12", "foo", tt.affected))
		result := match(t, db, bookworm, deb("foo", tt.version))
		if tt.rng == "" {
			assert.Emptyf(t, result.Matches, "%s with version %s", tt.affected, tt.version)
			continue
		}
		if !assert.Lenf(t, result.Matches, 1, "%s with version %s", tt.affected, tt.version) {
			continue
		}
		m := result.Matches[0]
		assert.Equalf(t, tt.rng, m.Evidence.Range, "range of %s with version %s", tt.affected, tt.version)
		assert.Equalf(t, tt.fixed, m.FixedVersion, "fix of %s with version %s", tt.affected, tt.version)
		status := map[bool]string{true: "affected", false: "fixed"}[tt.fixed == ""]
		assert.Equalf(t, status, m.Status, "status of %s with version %s", tt.affected, tt.version)
	}
}

func TestMatchAliases(t *testing.T) {
	all := ranges("introduced 0, fixed 2")
	up := func(ids string) string { return `"upstream": [` + ids + `]` }
	alias := func(ids string) string { return `"aliases": [` + ids + `]` }
	type want struct {
		id, evidence, aliases, other string
	}
	tests := []struct {
		name    string
		records []string
		want    []want
	}{
		{
			"one record for each CVE",
			[]string{osv("DEBIAN-CVE-2026-0001", "Debian:12", "foo", all, up(`"CVE-2026-0001"`))},
			[]want{{"CVE-2026-0001", "DEBIAN-CVE-2026-0001", "DEBIAN-CVE-2026-0001", ""}},
		},
		{
			"an ID that is a CVE without anybody saying so",
			[]string{osv("ALPINE-CVE-2026-0001", "Debian:12", "foo", all), osv("CVE-2026-0002", "Debian:12", "foo", all)},
			[]want{
				{"CVE-2026-0001", "ALPINE-CVE-2026-0001", "ALPINE-CVE-2026-0001", ""},
				{"CVE-2026-0002", "CVE-2026-0002", "", ""},
			},
		},
		{
			"an advisory on several CVEs is one finding for each",
			[]string{osv("DSA-1-1", "Debian:12", "foo", all, up(`"CVE-2026-0002", "CVE-2026-0001"`))},
			[]want{{"CVE-2026-0001", "DSA-1-1", "DSA-1-1", ""}, {"CVE-2026-0002", "DSA-1-1", "DSA-1-1", ""}},
		},
		{
			"the record on the CVE alone is the evidence",
			[]string{
				osv("DEBIAN-CVE-2026-0001", "Debian:12", "foo", all, up(`"CVE-2026-0001"`)),
				osv("ADV-1", "Debian:12", "foo", all, up(`"CVE-2026-0001", "CVE-2026-0002"`)),
				osv("ADV-0", "Debian:12", "foo", all, up(`"CVE-2026-0001", "CVE-2026-0002"`)),
			},
			[]want{
				{"CVE-2026-0001", "DEBIAN-CVE-2026-0001", "ADV-0 ADV-1 DEBIAN-CVE-2026-0001", "ADV-0 ADV-1"},
				{"CVE-2026-0002", "ADV-0", "ADV-0 ADV-1", "ADV-1"},
			},
		},
		{
			"without a CVE the advisory's own ID",
			[]string{osv("DSA-2-1", "Debian:12", "foo", all, `"related": ["CVE-2026-0001"]`)},
			[]want{{"DSA-2-1", "DSA-2-1", "", ""}},
		},
		{
			"related says nothing",
			[]string{
				osv("DSA-2-1", "Debian:12", "foo", all, `"related": ["CVE-2026-0001"]`),
				osv("DEBIAN-CVE-2026-0001", "Debian:12", "foo", all, `"related": ["DSA-2-1"]`),
			},
			[]want{{"CVE-2026-0001", "DEBIAN-CVE-2026-0001", "DEBIAN-CVE-2026-0001", ""}, {"DSA-2-1", "DSA-2-1", "", ""}},
		},
		{
			"without a CVE the GHSA, which joins records",
			[]string{
				osv("GO-1", "Debian:12", "foo", all, alias(`"GHSA-x"`)),
				osv("GHSA-x", "Debian:12", "foo", all),
			},
			[]want{{"GHSA-x", "GHSA-x", "GO-1", "GO-1"}},
		},
		{
			"a GHSA goes before smaller IDs",
			[]string{osv("A-1", "Debian:12", "foo", all, alias(`"GHSA-x", "B-1"`))},
			[]want{{"GHSA-x", "A-1", "A-1 B-1", ""}},
		},
		{
			"an alias of an alias leads to the CVE",
			[]string{
				osv("GO-1", "Debian:12", "foo", all, alias(`"GHSA-x"`)),
				osv("GHSA-x", "Debian:12", "foo", all, alias(`"PYSEC-1"`)),
				osv("PYSEC-1", "Debian:12", "foo", all, alias(`"CVE-2026-0001"`)),
			},
			[]want{{"CVE-2026-0001", "GHSA-x", "GHSA-x GO-1 PYSEC-1", "GO-1 PYSEC-1"}},
		},
		{
			"upstream does not make two flaws one",
			[]string{
				osv("DSA-1-1", "Debian:12", "foo", all, up(`"X-1", "X-2"`)),
				osv("X-1", "Debian:12", "foo", all),
				osv("X-2", "Debian:12", "foo", all),
			},
			[]want{{"DSA-1-1", "DSA-1-1", "", ""}, {"X-1", "X-1", "", ""}, {"X-2", "X-2", "", ""}},
		},
		{
			"an advisory with two CVEs as aliases is two findings, and neither is the other's alias",
			[]string{osv("GHSA-x", "Debian:12", "foo", all, alias(`"CVE-2026-0001", "CVE-2026-0002"`))},
			[]want{{"CVE-2026-0001", "GHSA-x", "GHSA-x", ""}, {"CVE-2026-0002", "GHSA-x", "GHSA-x", ""}},
		},
		{
			"withdrawn records never match",
			[]string{
				osv("DEBIAN-CVE-2026-0001", "Debian:12", "foo", all, `"withdrawn": "2026-01-01T00:00:00Z"`),
				osv("DSA-1-1", "Debian:12", "foo", all, up(`"CVE-2026-0001"`)),
			},
			[]want{{"CVE-2026-0001", "DSA-1-1", "DSA-1-1", ""}},
		},
		{
			"other packages and releases are not looked at",
			[]string{
				osv("CVE-2026-0001", "Debian:11", "foo", all), osv("CVE-2026-0002", "Debian:12", "foo2", all),
				osv("CVE-2026-0003", "Ubuntu:12", "foo", all), osv("CVE-2026-0004", "Debian", "foo", all), // no release: all of them
			},
			[]want{{"CVE-2026-0004", "CVE-2026-0004", "", ""}},
		},
	}
	for _, tt := range tests {
		db, _ := build(t, tt.records...)
		var got []want
		for _, m := range match(t, db, bookworm, deb("foo", "1")).Matches {
			var other []string
			for _, e := range m.Other {
				other = append(other, e.Advisory)
			}
			got = append(got, want{m.ID, m.Evidence.Advisory, strings.Join(m.Aliases, " "), strings.Join(other, " ")})
		}
		assert.Equal(t, tt.want, got, tt.name)
	}
}

// zipOf returns an archive with the members name, content, name, content...
func zipOf(tb testing.TB, members ...string) *bytes.Reader {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		m, err := w.Create(members[i])
		require.NoError(tb, err)
		_, err = m.Write([]byte(members[i+1]))
		require.NoError(tb, err)
	}
	require.NoError(tb, w.Close())
	return bytes.NewReader(b.Bytes())
}

func TestMatchDetails(t *testing.T) {
	db, report := build(t, `{"id": "GHSA-x", "modified": "2026-01-02T03:04:05.5Z", "published": "2025-01-01T00:00:00Z",
		"aliases": ["CVE-2026-0001"], "details": "D\u00e9tails.", "database_specific": {"severity": "MODERATE", "cwe_ids": ["CWE-79"]},
		"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
		"references": [{"type": "WEB", "url": "https://example.org/1"}, {"type": "FIX", "url": "https://example.org/2"}],
		"affected": [{"package": {"ecosystem": "Debian:12", "name": "foo"}, `+ranges("introduced 0")+`},
			{"package": {"ecosystem": "Debian:12", "name": "bar"}, "ecosystem_specific": {"urgency": "low"}, `+ranges("introduced 0")+`}]}`,
		osv("DSA-1-1", "Debian:12", "foo", ranges("introduced 0, fixed 3"), `"upstream": ["CVE-2026-0001"], "summary": "foo - update",
		"references": [{"type": "WEB", "url": "https://example.org/2"}, {"type": "WEB", "url": "https://example.org/3"}]`))
	pkg := inventory.Package{Type: "deb", Name: "libfoo1", Version: "1:9+b1", Source: inventory.Source{Name: "foo", Version: "1"}}
	cvss := vulndb.Severity{Type: "CVSS_V3", Score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}
	moderate := vulndb.Severity{Type: vulndb.SeverityWord, Score: "MODERATE"}
	result := match(t, db, bookworm, pkg, deb("bar", "2"), deb("libfoo1", "1"))
	require.Len(t, result.Matches, 2, "libfoo1 is not the name of a source")
	assert.Equal(t, vulndb.Match{
		Package: 0, ID: "CVE-2026-0001", Aliases: []string{"DSA-1-1", "GHSA-x"},
		Summary: "foo - update", Details: "Détails.", Severity: []vulndb.Severity{cvss, moderate}, RatedBy: "GHSA-x",
		References: []string{"https://example.org/1", "https://example.org/2", "https://example.org/3"},
		CWEs:       []int{79},
		Published:  time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Modified: time.Date(2026, 1, 2, 3, 4, 5, 5e8, time.UTC),
		FixedVersion: "", Status: vulndb.StatusAffected,
		Evidence: vulndb.Evidence{
			Advisory: "GHSA-x", Ecosystem: "Debian:12", MatchedName: "foo", MatchedVersion: "1", Scheme: "deb",
			Range: ">= 0", Database: report.Info.ID,
		},
		Other: []vulndb.Evidence{{
			Advisory: "DSA-1-1", Ecosystem: "Debian:12", MatchedName: "foo", MatchedVersion: "1", Scheme: "deb",
			Range: ">= 0, < 3", Database: report.Info.ID,
		}},
	}, result.Matches[0])
	bar := result.Matches[1]
	assert.Equal(t, []vulndb.Severity{{Type: vulndb.SeverityWord, Score: "low"}, cvss, moderate}, bar.Severity, "the package's own rating is first")
	assert.Empty(t, bar.Summary, "DSA-1-1 does not cover bar")

	text, err := json.Marshal(bar.Evidence)
	require.NoError(t, err)
	assert.JSONEq(t, `{"advisory": "GHSA-x", "ecosystem": "Debian:12", "matched_name": "bar", "matched_version": "2",
		"scheme": "deb", "range": ">= 0", "database": "`+report.Info.ID+`"}`, string(text))
}

func TestMatchCoverage(t *testing.T) {
	db, _ := build(t,
		osv("DEBIAN-CVE-2026-0001", "Debian:12", "foo", ranges("introduced 0")),
		osv("DEBIAN-CVE-2026-0002", "Debian:11", "foo", ranges("introduced 0")))
	apk := inventory.Package{Type: "apk", Name: "foo", Version: "1-r0", Source: inventory.Source{Name: "foo", Version: "1-r0"}}
	docker := deb("docker-ce", "1")
	docker.Maintainer = "Docker <support@docker.com>"
	tests := []struct {
		os   inventory.OS
		pkgs []inventory.Package
		want []vulndb.Coverage // without reasons
	}{
		{bookworm, []inventory.Package{deb("foo", "1"), deb("bar", "1")}, []vulndb.Coverage{{Ecosystem: "Debian:12", Packages: 2, Status: "matched"}}},
		{bookworm, []inventory.Package{deb("foo", "1"), docker}, []vulndb.Coverage{
			{Ecosystem: "Debian:12", Packages: 1, Status: "matched"}, {Ecosystem: "Debian:12", Packages: 1, Status: "unsupported"},
		}},
		{inventory.OS{ID: "debian", Version: "13"}, []inventory.Package{deb("foo", "1")}, []vulndb.Coverage{{Ecosystem: "Debian:13", Packages: 1, Status: "no_data"}}},
		{alpine, []inventory.Package{apk}, []vulndb.Coverage{{Ecosystem: "Alpine:v3.19", Packages: 1, Status: "no_data"}}},
		{bookworm, []inventory.Package{apk}, []vulndb.Coverage{{Ecosystem: "apk", Packages: 1, Status: "unsupported"}}},
		{inventory.OS{}, []inventory.Package{deb("foo", "1")}, []vulndb.Coverage{{Ecosystem: "deb", Packages: 1, Status: "unsupported"}}},
		{inventory.OS{ID: "plan9"}, []inventory.Package{deb("foo", "1")}, []vulndb.Coverage{{Ecosystem: "deb", Packages: 1, Status: "unsupported"}}},
		{bookworm, []inventory.Package{{Type: "oddity", Name: "a", Version: "1"}, {Type: "oddity", Name: "b", Version: "1"}}, []vulndb.Coverage{{Ecosystem: "oddity", Packages: 2, Status: "unsupported"}}},
		{bookworm, nil, []vulndb.Coverage{}},
	}
	for _, tt := range tests {
		result := match(t, db, tt.os, tt.pkgs...)
		for i := range result.Coverage {
			if row := &result.Coverage[i]; row.Status != vulndb.CoverageMatched {
				assert.NotEmptyf(t, row.Reason, "reason of %+v", *row)
			}
			result.Coverage[i].Reason = ""
		}
		assert.Equalf(t, tt.want, result.Coverage, "coverage of %v on %v", tt.pkgs, tt.os)
	}
	reason := match(t, db, bookworm, deb("foo", "1"), docker).Coverage[1].Reason
	assert.Contains(t, reason, "Docker")
	assert.Contains(t, reason, "docker-ce")
	assert.Equal(t, "the database has no advisories for Debian:13, only for Debian:11, Debian:12",
		match(t, db, inventory.OS{ID: "debian", Version: "13"}, deb("foo", "1")).Coverage[0].Reason)
}

// A rating of a record on several flaws is of none of them.
func TestMatchSeverity(t *testing.T) {
	rated := `"database_specific": {"severity": "HIGH"}, `
	db, _ := build(t,
		osv("DEBIAN-CVE-2026-0001", "Debian:12", "foo", ranges("introduced 0")),
		osv("DEBIAN-CVE-2026-0003", "Debian:12", "foo", ranges("introduced 0")),
		osv("DSA-1-1", "Debian:12", "foo", ranges("introduced 0"), rated+`"upstream": ["CVE-2026-0001", "CVE-2026-0002"]`),
		osv("DSA-2-1", "Debian:12", "foo", ranges("introduced 0"), rated+`"upstream": ["CVE-2026-0003"]`))
	got := map[string]int{}
	for _, m := range match(t, db, bookworm, deb("foo", "1")).Matches {
		got[m.ID] = len(m.Severity)
	}
	// Where there is no other record it is all there is.
	assert.Equal(t, map[string]int{"CVE-2026-0001": 0, "CVE-2026-0002": 1, "CVE-2026-0003": 1}, got)
}

// Nothing that cannot be decided is passed over in silence.
func TestMatchProblems(t *testing.T) {
	db, report := build(t,
		osv("DEBIAN-CVE-2026-0001", "Debian:12", "foo", ranges("introduced 0, fixed 2")),
		osv("DEBIAN-CVE-2026-0002", "Debian:12", "foo", `"versions": ["no version"]`),
		osv("DEBIAN-CVE-2026-0003", "Debian:12", "foo", ranges("introduced 0, fixed no version", "introduced 7, fixed 8")),
		osv("DEBIAN-CVE-2026-0004", "Debian:12", "foo", `"ranges": [{"type": "NEW", "events": [{"introduced": "0"}]}]`),
		// What cannot be read does not matter where the rest decides.
		`{"id": "DEBIAN-CVE-2026-0005", "affected": [
			{"package": {"ecosystem": "Debian:12", "name": "foo"}, `+ranges("introduced 7")+`},
			{"package": {"ecosystem": "Debian", "name": "foo"}, `+ranges("introduced 7, fixed no version")+`}]}`,
		osv("DEBIAN-CVE-2026-0006", "Debian:12", "baz", `"versions": ["1"]`))
	assert.Equal(t, 3, report.Bad)
	tests := []struct {
		version  string
		ids      []string
		problems []string
	}{
		{"1", []string{"CVE-2026-0001"}, []string{`advisories that name "foo" have ranges that cannot be read: DEBIAN-CVE-2026-0003, DEBIAN-CVE-2026-0004, DEBIAN-CVE-2026-0005`}},
		{"7", []string{"CVE-2026-0003", "CVE-2026-0005"}, []string{`advisories that name "foo" have ranges that cannot be read: DEBIAN-CVE-2026-0004`}},
		{"no version", []string{"CVE-2026-0002"}, []string{
			`version of "foo" cannot be compared with 1 advisories of Debian`, `version of "foo" cannot be compared with 4 advisories of Debian:12`,
		}},
		{"", nil, []string{`package "foo" has no version to compare`}},
	}
	for _, tt := range tests {
		result := match(t, db, bookworm, deb("other", "1"), deb("foo", tt.version))
		var ids []string
		for _, m := range result.Matches {
			ids = append(ids, m.ID)
		}
		assert.Equalf(t, tt.ids, ids, "version %q", tt.version)
		if assert.Lenf(t, result.Problems, len(tt.problems), "version %q: %v", tt.version, result.Problems) {
			for i, p := range result.Problems {
				assert.Equal(t, 1, p.Package)
				text, rest, _ := strings.Cut(p.Message, ": ")
				if strings.HasPrefix(text, "advisories") { // else the rest is package version's
					text += ": " + rest
				}
				assert.Equalf(t, tt.problems[i], text, "version %q", tt.version)
			}
		}
	}
}

// Wolfi's advisories use names of both kinds.
func TestMatchBothNames(t *testing.T) {
	db, _ := build(t,
		osv("CGA-1", "Wolfi", "src", ranges("introduced 0, fixed 2-r0"), `"upstream": ["CVE-2026-0001"]`),
		osv("CGA-2", "Wolfi", "bin", ranges("introduced 0, fixed 2-r0"), `"upstream": ["CVE-2026-0002"]`),
		`{"id": "CGA-3", "upstream": ["CVE-2026-0003"], "affected": [
			{"package": {"ecosystem": "Wolfi", "name": "bin"}, `+ranges("introduced 0")+`},
			{"package": {"ecosystem": "Wolfi", "name": "src"}, `+ranges("introduced 0")+`}]}`)
	result := match(t, db, inventory.OS{ID: "wolfi", Version: "20230201"},
		inventory.Package{Type: "apk", Name: "bin", Version: "1-r0", Source: inventory.Source{Name: "src", Version: "1-r0"}})
	var got []string
	for _, m := range result.Matches {
		got = append(got, m.ID+" "+m.Evidence.MatchedName)
		assert.Emptyf(t, m.Other, "%s: one record is one piece of evidence", m.ID)
	}
	assert.Equal(t, []string{"CVE-2026-0001 src", "CVE-2026-0002 bin", "CVE-2026-0003 src"}, got)
}

// An action in a folder of a repository is matched as the repository.
func TestMatchActions(t *testing.T) {
	db, _ := build(t, `{"id": "GHSA-2", "affected": [{"package": {"ecosystem": "GitHub Actions", "name": "owner/repo"},
		"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "45.0.8"}]}]}]}`)
	action := func(name, version string) inventory.Package {
		return inventory.Package{Type: "githubactions", Namespace: "owner", Name: name, Version: version}
	}
	result := match(t, db, inventory.OS{}, action("repo", "v45.0.7"), action("repo/sub/folder", "v45.0.7"), action("repo", "v45.0.8"), action("other", "v1.0.0"))
	var got []int
	for _, m := range result.Matches {
		got = append(got, m.Package)
	}
	assert.Equal(t, []int{0, 1}, got)
}

// A package without a version is neither affected nor safe.
func TestMatchWithoutVersion(t *testing.T) {
	db, _ := build(t, osv("GHSA-1", "Maven", "g:a", ranges("introduced 0")), osv("DEBIAN-CVE-2026-0001", "Debian:12", "a", ranges("introduced 0")))
	result := match(t, db, bookworm, inventory.Package{Type: "maven", Namespace: "g", Name: "a"}, inventory.Package{Type: "deb", Name: "a"})
	assert.Empty(t, result.Matches)
	assert.Equal(t, []vulndb.Problem{{0, `package "a" has no version to compare`}, {1, `package "a" has no version to compare`}}, result.Problems)
}

// A package whose source nobody knows may be one that an advisory names by it.
func TestMatchWithoutSource(t *testing.T) {
	db, _ := build(t, osv("DEBIAN-CVE-2026-0001", "Debian:12", "a", ranges("introduced 0")))
	result := match(t, db, bookworm, inventory.Package{Type: "deb", Name: "a", Version: "1"}, inventory.Package{Type: "deb", Name: "liba", Version: "1"})
	assert.Len(t, result.Matches, 1)
	require.Len(t, result.Problems, 2)
	assert.Contains(t, result.Problems[1].Message, `the source package of "liba" is not known`)
	db, _ = build(t, osv("ALSA-1", "AlmaLinux:9", "a", ranges("introduced 0")))
	result = match(t, db, inventory.OS{ID: "almalinux", Version: "9.2"}, inventory.Package{Type: "rpm", Name: "a", Version: "1-1"})
	assert.Len(t, result.Matches, 1)
	assert.Empty(t, result.Problems, "these are named as they are installed")
}

func TestMatchCancelled(t *testing.T) {
	db, _ := build(t, osv("DEBIAN-CVE-2026-0001", "Debian:12", "foo", ranges("introduced 0")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result, err := db.Match(ctx, bookworm, []inventory.Package{deb("foo", "1")})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Nil(t, result)
}

// debs are packages in version 1.
func debs(names ...string) []inventory.Package {
	var out []inventory.Package
	for _, n := range names {
		out = append(out, deb(n, "1"))
	}
	return out
}

// An advisory on some platforms only does not concern a program that is known
// to be compiled for others.
func TestMatchPlatforms(t *testing.T) {
	record := func(id string, imports ...string) string {
		return fmt.Sprintf(`{"id": %q, "modified": "2026-01-01T00:00:00Z", "affected": [%s]}`, id, strings.Join(imports, ", "))
	}
	entry := func(name, imports string) string {
		return fmt.Sprintf(`{"package": {"ecosystem": "Go", "name": %q}, %s, "ecosystem_specific": {"imports": [%s]}}`, name, ranges("introduced 0"), imports)
	}
	db, _ := build(t,
		record("GO-2026-0001", entry("stdlib", `{"path": "os", "goos": ["windows"]}, {"path": "syscall", "goos": ["windows", "plan9"]}`)),
		record("GO-2026-0002", entry("stdlib", `{"path": "os", "goos": ["windows"]}, {"path": "net", "goarch": ["386", "arm"]}`)),
		record("GO-2026-0003", entry("stdlib", `{"path": "os"}, {"path": "net", "goarch": ["386"]}`)),
		record("GO-2026-0004", entry("stdlib", `{"path": "os", "goos": ["windows"]}`), entry("a.example/x", `{"path": "a.example/x"}`)),
		record("GO-2026-0005", entry("stdlib", `{"path": "os", "goos": ["windows"]}`), entry("stdlib", `{"path": "net", "goos": ["linux"], "goarch": ["amd64"]}`)))
	for _, tt := range []struct {
		name      string
		platforms []string
		want      string
	}{
		{"stdlib", nil, "1 2 3 4 5"}, // not known
		{"stdlib", []string{"linux/amd64"}, "3 5"},
		{"stdlib", []string{"linux/arm"}, "2 3"},
		{"stdlib", []string{"windows/arm64"}, "1 2 3 4 5"},
		{"stdlib", []string{"plan9/amd64"}, "1 3"},
		{"stdlib", []string{"linux/arm", "plan9/amd64"}, "1 2 3"},
		{"stdlib", []string{"odd"}, "1 2 3 4 5"},
		{"x", []string{"linux/amd64"}, "4"},
	} {
		p := inventory.Package{Type: "golang", Name: tt.name, Version: "1.20.0", Platforms: tt.platforms}
		if tt.name != "stdlib" {
			p.Namespace = "a.example"
		}
		var got []string
		for _, m := range match(t, db, bookworm, p).Matches {
			got = append(got, strings.TrimPrefix(m.ID, "GO-2026-000"))
		}
		assert.Equal(t, tt.want, strings.Join(got, " "), "%s %v", tt.name, tt.platforms)
	}
}

// Debian says in the urgency of a flaw that a package has no support any more.
func TestMatchEndOfLife(t *testing.T) {
	record := func(id, affected, urgency string) string {
		return fmt.Sprintf(`{"id": %q, "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "Debian:12", "name": "foo"}, %s, "ecosystem_specific": {"urgency": %q}}]}`,
			id, affected, urgency)
	}
	db, _ := build(t,
		record("DEBIAN-CVE-2026-0001", ranges("introduced 0"), "end-of-life"),
		record("DEBIAN-CVE-2026-0002", ranges("introduced 0"), "unimportant"),
		record("DEBIAN-CVE-2026-0003", ranges("introduced 0, fixed 2"), "end-of-life"))
	var got []string
	for _, m := range match(t, db, bookworm, deb("foo", "1")).Matches {
		got = append(got, m.ID+" "+m.Status)
	}
	assert.Equal(t, []string{"CVE-2026-0001 end_of_life", "CVE-2026-0002 affected", "CVE-2026-0003 fixed"}, got)
}
