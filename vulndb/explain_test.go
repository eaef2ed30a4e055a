package vulndb_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

func explain(tb testing.TB, db *vulndb.DB, os inventory.OS, pkg inventory.Package, ids ...string) *vulndb.Explanation {
	tb.Helper()
	e, err := db.Explain(tb.Context(), os, pkg, ids...)
	require.NoError(tb, err)
	return e
}

func apk(name, version string) inventory.Package {
	return inventory.Package{Type: "apk", Name: name, Version: version, Source: inventory.Source{Name: name, Version: version}}
}

func TestExplainText(t *testing.T) {
	list := func(versions string) string { return `"versions": [` + versions + `]` }
	unreadable := `"ranges": [` + events("introduced 0, fixed not/a/version") + `, ` + events("introduced 1.0, fixed 1.2-r0") + `]`
	tests := []struct{ affected, version, verdict, text string }{
		{ranges("introduced 0, fixed 1.1.24-r3"), "1.1.24-r2", "affected", "affected: 1.1.24-r2 is below fixed 1.1.24-r3 (apk)"},
		{ranges("introduced 0, fixed 1.1.24-r3"), "1.1.24-r3", "not_affected", "not affected: 1.1.24-r3 is at or above fixed 1.1.24-r3 (apk)"},
		{ranges("introduced 1.2"), "1.0", "not_affected", "not affected: 1.0 is below introduced 1.2 (apk)"},
		{ranges("introduced 1.2"), "1.2", "affected", "affected: 1.2 is at or above introduced 1.2 and no version above is called fixed (apk)"},
		{ranges("introduced 0"), "1.2", "affected", "affected: every version is, and no version is called fixed"},
		{ranges("introduced 1.2, fixed 1.4"), "1.3", "affected", "affected: 1.3 is at or above introduced 1.2 and below fixed 1.4 (apk)"},
		{ranges("introduced 1.2, last_affected 1.4"), "1.4", "affected", "affected: 1.4 is at or above introduced 1.2 and at or below last affected 1.4 (apk)"},
		{ranges("introduced 1.2, last_affected 1.4"), "1.5", "not_affected", "not affected: 1.5 is above last affected 1.4 (apk)"},
		{ranges("introduced 0, fixed 1.2", "introduced 2, fixed 2.4"), "1.5", "not_affected", "not affected: 1.5 is at or above fixed 1.2 and below introduced 2 (apk)"},
		{ranges("introduced 0, fixed 1.2", "introduced 2, fixed 2.4"), "3", "not_affected", "not affected: 3 is at or above fixed 2.4 (apk)"},
		{ranges("introduced 0, fixed 1.2", "introduced 2, fixed 2.4"), "2.3", "affected", "affected: 2.3 is at or above introduced 2 and below fixed 2.4 (apk)"},
		{list(`"1.0", "1.1"`), "1.0", "affected", "listed: 1.0 is one of the versions listed"},
		{list(`"01.0", "1.1"`), "1.0", "affected", "listed: 1.0 equals 01.0, which is one of the versions listed (apk)"},
		{list(`"1.0", "1.1"`), "1.2", "not_affected", "not affected: 1.2 is not among the 2 versions listed"},
		{list(`"3"`) + ", " + ranges("introduced 0, fixed 1.2"), "2", "not_affected", "not affected: 2 is at or above fixed 1.2 (apk), and not among the 1 version listed"},
		{`"ranges": [{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}]`, "1", "not_affected", "not affected: the advisory says of no version that it is affected"},
		{ranges("introduced 0, fixed 1.2"), "one", "unknown", "cannot tell: the version one is not understood by apk"},
		{ranges("introduced 0"), "one", "unknown", "cannot tell: the version one is not understood by apk"},
		{list(`"one"`), "one", "affected", "listed: one is one of the versions listed"},
		{ranges("introduced 0, fixed 1.2"), "", "unknown", "cannot tell: the package has no version"},
		{list(`"1.0"`) + ", " + ranges("introduced 0, fixed one"), "", "unknown", "cannot tell: the package has no version"},
		{unreadable, "1.1", "affected", "affected: 1.1 is at or above introduced 1.0 and below fixed 1.2-r0 (apk)"},
		{unreadable, "1.3", "unknown", "cannot tell: 1 range of the advisory cannot be read, and 1.3 is at or above fixed 1.2-r0 (apk)"},
		{unreadable, "one", "unknown", "cannot tell: the version one is not understood by apk"},
		{ranges("introduced 0, fixed one"), "1", "unknown", "cannot tell: 1 range of the advisory cannot be read"},
	}
	for _, tt := range tests {
		db, _ := build(t, osv("ALPINE-CVE-2026-0001", "Alpine:v3.19", "musl", tt.affected))
		e := explain(t, db, alpine, apk("musl", tt.version))
		if !assert.Lenf(t, e.Advisories, 1, "%s with version %s", tt.affected, tt.version) {
			continue
		}
		assert.Equalf(t, tt.text, e.Advisories[0].Text, "%s with version %s", tt.affected, tt.version)
		assert.Equalf(t, tt.verdict, e.Advisories[0].Verdict, "%s with version %s", tt.affected, tt.version)
		assert.Equalf(t, []string{"CVE-2026-0001"}, e.Advisories[0].Flaws, "%s with version %s", tt.affected, tt.version)
	}
}

func TestExplainWhole(t *testing.T) {
	db, _ := build(t,
		osv("DEBIAN-CVE-2026-0001", "Debian:12", "openssl", ranges("introduced 3.0, fixed 3.1", "introduced 3.2, last_affected 3.3"), `"upstream": ["CVE-2026-0001"], "summary": "a flaw"`),
		osv("DSA-2", "Debian", "openssl", `"versions": ["9"]`, `"upstream": ["CVE-2026-0003", "CVE-2026-0002"]`),
		osv("DEBIAN-CVE-2026-0004", "Debian:12", "curl", ranges("introduced 0"), `"upstream": ["CVE-2026-0004"]`),
		osv("DEBIAN-CVE-2026-0005", "Debian:11", "openssl", ranges("introduced 0"), `"upstream": ["CVE-2026-0005"]`),
		osv("PYSEC-6", "PyPI", "openssl", ranges("introduced 0"), `"aliases": ["CVE-2026-0006"]`),
	)
	pkg := inventory.Package{Type: "deb", Name: "libssl3", Version: "3.3+b1", Source: inventory.Source{Name: "openssl", Version: "3.3"}}
	e := explain(t, db, bookworm, pkg)
	want := &vulndb.Explanation{
		Database: db.Info().ID,
		Coverage: vulndb.Coverage{Ecosystem: "Debian:12", Packages: 1, Status: "matched"},
		Searched: []string{"Debian:12", "Debian"},
		LookedUp: []vulndb.LookedUp{{Name: "openssl", Version: "3.3"}},
		Advisories: []vulndb.Judgement{
			{
				Advisory: "DEBIAN-CVE-2026-0001", Summary: "a flaw", Flaws: []string{"CVE-2026-0001"}, Ecosystem: "Debian:12",
				Name: "openssl", Version: "3.3", Scheme: "deb", Verdict: "affected",
				Text: "affected: 3.3 is at or above introduced 3.2 and at or below last affected 3.3 (deb)",
				Ranges: []vulndb.RangeCheck{
					{Range: ">= 3.0, < 3.1", Comparisons: []vulndb.Comparison{{Bound: "introduced", Version: "3.0", Result: "above"}, {Bound: "fixed", Version: "3.1", Result: "above"}}},
					{Range: ">= 3.2, <= 3.3", Holds: true, Comparisons: []vulndb.Comparison{{Bound: "introduced", Version: "3.2", Result: "above"}, {Bound: "last_affected", Version: "3.3", Result: "equal"}}},
				},
			},
			{
				Advisory: "DSA-2", Flaws: []string{"CVE-2026-0002", "CVE-2026-0003"}, Ecosystem: "Debian",
				Name: "openssl", Version: "3.3", Scheme: "deb", Verdict: "not_affected",
				Text: "not affected: 3.3 is not among the 1 version listed", Ranges: []vulndb.RangeCheck{}, Listed: 1,
			},
		},
		Missing: []vulndb.Missing{}, Problems: []string{},
	}
	assert.Equal(t, want, e)

	// Some advisories only, by any of their names.
	for _, id := range []string{"DSA-2", "dsa-2", "CVE-2026-0002", "cve-2026-0003"} {
		e := explain(t, db, bookworm, pkg, id)
		assert.Equal(t, want.Advisories[1:], e.Advisories, id)
		assert.Empty(t, e.Missing, id)
	}
	// Those that do not name it.
	e = explain(t, db, bookworm, pkg, "CVE-2026-0004", "CVE-2026-0005", "CVE-2026-0006", "CVE-2026-0001", "CVE-2026-0004")
	assert.Equal(t, want.Advisories[:1], e.Advisories)
	assert.Equal(t, []vulndb.Missing{
		{
			ID: "CVE-2026-0004", Advisories: []string{"DEBIAN-CVE-2026-0004"}, Names: []string{"curl (Debian:12)"},
			Text: "the database has it for curl (Debian:12), as DEBIAN-CVE-2026-0004, and not for what was looked up",
		},
		{
			ID: "CVE-2026-0005", Advisories: []string{"DEBIAN-CVE-2026-0005"}, Names: []string{"openssl (Debian:11)"},
			Text: "the database has it for openssl (Debian:11), as DEBIAN-CVE-2026-0005, and not for what was looked up",
		},
		{
			ID: "CVE-2026-0006", Advisories: []string{}, Names: []string{},
			Text: "the database has no such advisory for Debian; it keeps none that were withdrawn",
		},
	}, e.Missing)

	// What is not compared at all.
	docker := deb("openssl", "1")
	docker.Maintainer = "Docker <support@docker.com>"
	e = explain(t, db, bookworm, docker, "DSA-2")
	assert.Equal(t, "Docker", e.Vendor)
	assert.Equal(t, vulndb.CoverageUnsupported, e.Coverage.Status)
	assert.Contains(t, e.Coverage.Reason, "packages of Docker")
	assert.Empty(t, e.Advisories)
	assert.Empty(t, e.LookedUp)
	e = explain(t, db, alpine, apk("musl", "1"), "CVE-2026-0001")
	assert.Equal(t, vulndb.CoverageNoData, e.Coverage.Status)
	assert.Equal(t, "nothing was searched: the database has no advisories for Alpine", e.Missing[0].Text)
	e = explain(t, db, bookworm, inventory.Package{Type: "firmware", Name: "modem", Version: "1"})
	assert.Equal(t, vulndb.CoverageUnsupported, e.Coverage.Status)
	assert.NotEmpty(t, e.Coverage.Reason)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e, err := db.Explain(ctx, bookworm, pkg)
	assert.Nil(t, e)
	assert.ErrorIs(t, err, context.Canceled)
}

// An ID that only an alias of an alias leads to is found as Match has it.
func TestExplainAliases(t *testing.T) {
	db, _ := build(t,
		osv("PYSEC-1", "PyPI", "django", ranges("introduced 0, fixed 4"), `"aliases": ["GHSA-1111-2222-3333"]`),
		osv("GHSA-1111-2222-3333", "PyPI", "django", ranges("introduced 0, fixed 4"), `"aliases": ["CVE-2026-0001"]`),
	)
	e := explain(t, db, inventory.OS{}, inventory.Package{Type: "pypi", Name: "Django", Version: "3"}, "CVE-2026-0001")
	require.Len(t, e.Advisories, 2)
	assert.Equal(t, []string{"CVE-2026-0001"}, e.Advisories[1].Flaws)
	assert.Equal(t, "PYSEC-1", e.Advisories[1].Advisory)
	assert.Equal(t, []vulndb.LookedUp{{Name: "django", Version: "3"}}, e.LookedUp)
	e = explain(t, db, inventory.OS{}, inventory.Package{Type: "pypi", Name: "Django", Version: "4"}, "CVE-2026-0001")
	require.Len(t, e.Advisories, 1, "the aliases of what does not match are the record's own")
}

// A world is what random records and packages are made of.
type world struct{ *rand.Rand }

func (w world) pick(list ...string) string { return list[w.IntN(len(list))] }

func (w world) version() string {
	return w.pick("0", "0~", "1", "1-1", "1.0", "1~rc", "2", "2.1-1", "1:0", "3+b1", "1.0-r1", "v1.0.0", "2.0.0-rc.1", "not a version", "")
}

// record is a record with the given ID on one to three packages.
func (w world) record(id string) string {
	var affected []string
	for range 1 + w.IntN(3) {
		var rs, vs []string
		for range w.IntN(3) {
			list := []string{"introduced " + w.pick("0", w.version())}
			for range w.IntN(4) {
				list = append(list, w.pick("introduced ", "fixed ", "fixed ", "last_affected ")+w.version())
			}
			rs = append(rs, events(strings.Join(list, ", ")))
		}
		for range w.IntN(3) {
			vs = append(vs, fmt.Sprintf("%q", w.version()))
		}
		affected = append(affected, fmt.Sprintf(`{"package": {"ecosystem": %q, "name": %q}, "ranges": [%s], "versions": [%s]}`,
			w.pick("Debian:12", "Debian:11", "Debian", "Alpine:v3.19", "Alpine:v3.20", "PyPI", "npm", "Wolfi", "Maven", "Maven:https://repo.example", "AlmaLinux:9"),
			w.pick("a", "b", "c", "x.y", "X-y", "g:a"), strings.Join(rs, ", "), strings.Join(vs, ", ")))
	}
	return fmt.Sprintf(`{"id": %q, "modified": "2026-01-%02dT00:00:00Z", "aliases": [%q], "upstream": [%q], "withdrawn": %q, "summary": %q, "affected": [%s]}`,
		id, 1+w.IntN(28), w.pick("GHSA-1", "GHSA-2", "CVE-2026-1000"), fmt.Sprintf("CVE-2026-%04d", w.IntN(30)),
		w.pick("", "", "", "", "2026-01-01T00:00:00Z"), w.pick("", "a", "b"), strings.Join(affected, ", "))
}

func (w world) os() inventory.OS {
	return [...]inventory.OS{
		bookworm, alpine,
		{ID: "debian", Version: "11"},
		{ID: "wolfi"},
		{ID: "chainguard"},
		{ID: "almalinux", Version: "9.4"},
		{ID: "unknown"},
		{},
		{ID: "alpine", Version: "3.21"},
		{ID: "mine", IDLike: []string{"debian"}, Codename: "bookworm"},
	}[w.IntN(10)]
}

func (w world) pkg() inventory.Package {
	p := inventory.Package{
		Type: w.pick("deb", "apk", "rpm", "pypi", "npm", "maven", "conan", "firmware"),
		Name: w.pick("a", "b", "c", "x.y", "X_Y", "a", "b"), Version: w.version(),
	}
	switch p.Type {
	case "deb", "apk", "rpm":
		if w.IntN(4) > 0 {
			p.Source = inventory.Source{Name: w.pick("a", "b", "c", "d"), Version: w.version()}
		}
		p.Maintainer = w.pick("", "", "", "Docker <x@docker.com>")
	case "maven":
		p.Namespace = w.pick("g", "")
	}
	return p
}

// What Explain calls affected is what Match finds, with the same fixed
// versions, and what it cannot tell of is a problem of Match.
func TestExplainAgreesWithMatch(t *testing.T) {
	w := world{rand.New(rand.NewPCG(3, 4))}
	verdicts := map[string]int{}
	for range 20 {
		var texts []string
		for i := range 80 {
			texts = append(texts, w.record(w.pick(fmt.Sprintf("DEBIAN-CVE-2026-%04d", i), fmt.Sprintf("DSA-%d", i), fmt.Sprintf("GHSA-%d", i))))
		}
		db, _ := build(t, texts...)
		for range 150 {
			os, pkg := w.os(), w.pkg()
			result := match(t, db, os, pkg)
			e := explain(t, db, os, pkg)
			want, got := map[string]bool{}, map[string]bool{}
			for _, m := range result.Matches {
				for _, evidence := range append(m.Other, m.Evidence) {
					want[m.ID+" by "+evidence.Advisory] = true
				}
			}
			unknown := 0
			for _, j := range e.Advisories {
				verdicts[j.Verdict]++
				switch j.Verdict {
				case vulndb.VerdictAffected:
					for _, id := range j.Flaws {
						got[id+" by "+j.Advisory] = true
					}
					assert.True(t, strings.HasPrefix(j.Text, "affected: ") || strings.HasPrefix(j.Text, "listed: "), j.Text)
				case vulndb.VerdictUnknown:
					unknown++
					assert.True(t, strings.HasPrefix(j.Text, "cannot tell: "), j.Text)
				default:
					assert.True(t, strings.HasPrefix(j.Text, "not affected: "), j.Text)
					assert.False(t, slices.ContainsFunc(j.Ranges, func(c vulndb.RangeCheck) bool { return c.Holds }), j.Text)
				}
			}
			require.Equalf(t, want, got, "%+v on %+v", pkg, os)
			for _, m := range result.Matches {
				for _, j := range e.Advisories {
					if j.Advisory == m.Evidence.Advisory && j.Ecosystem == m.Evidence.Ecosystem && j.Name == m.Evidence.MatchedName && j.Verdict == vulndb.VerdictAffected {
						assert.Equal(t, m.FixedVersion, j.FixedVersion)
					}
				}
			}
			require.Equal(t, result.Coverage, []vulndb.Coverage{e.Coverage})
			assert.Len(t, e.Problems, len(result.Problems))
			if unknown > 0 && pkg.Version != "" && len(got) == 0 {
				assert.NotEmptyf(t, e.Problems, "%+v on %+v", pkg, os)
			}
		}
	}
	assert.Equal(t, []string{"affected", "not_affected", "unknown"}, slices.Sorted(maps.Keys(verdicts)))
	for verdict, n := range verdicts {
		assert.Greater(t, n, 100, verdict)
	}
}
