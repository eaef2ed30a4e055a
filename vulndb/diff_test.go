package vulndb_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/sharedtest"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

// diff compares two databases, and checks that the result survives JSON.
func diff(tb testing.TB, from, to *vulndb.DB) *vulndb.Changes {
	tb.Helper()
	c, err := vulndb.Diff(tb.Context(), from, to)
	require.NoError(tb, err)
	text, err := json.Marshal(c)
	require.NoError(tb, err)
	read := new(vulndb.Changes)
	require.NoError(tb, json.Unmarshal(text, read))
	require.Equal(tb, c, read)
	return c
}

func TestDiff(t *testing.T) {
	all := ranges("introduced 0, fixed 2")
	first := []string{
		osv("DEBIAN-CVE-2026-0002", "Debian:12", "same", all),
		osv("DEBIAN-CVE-2026-0003", "Debian:12", "range", all),
		osv("DEBIAN-CVE-2026-0004", "Debian:12", "text", all),
		osv("DEBIAN-CVE-2026-0005", "Debian:12", "rating", all+`, "ecosystem_specific": {"urgency": "low"}`),
		osv("DEBIAN-CVE-2026-0006", "Debian:12", "gone", all),
		osv("DEBIAN-CVE-2026-0007", "Debian:12", "flaws", all),
		osv("DEBIAN-CVE-2026-0008", "Debian:12", "listed", `"versions": ["1"]`),
		osv("DEBIAN-CVE-2026-0009", "Debian:12", "other", all),
		osv("DEBIAN-CVE-2026-0010", "Debian:11", "old", all),
		osv("PYSEC-1", "PyPI", "Zope.Interface", all),
		osv("RUSTSEC-1", "crates.io", "same", all),
	}
	second := []string{
		osv("DEBIAN-CVE-2026-0001", "Debian:13", "new", all), // all records have other numbers
		first[0],
		osv("DEBIAN-CVE-2026-0003", "Debian:12", "range", ranges("introduced 0, fixed 3")),
		osv("DEBIAN-CVE-2026-0004", "Debian:12", "text", all, `"details": "more"`),
		osv("DEBIAN-CVE-2026-0005", "Debian:12", "rating", all+`, "ecosystem_specific": {"urgency": "high"}`),
		osv("DEBIAN-CVE-2026-0007", "Debian:12", "flaws", all, `"upstream": ["CVE-2026-0100"]`),
		osv("DEBIAN-CVE-2026-0008", "Debian:12", "listed", `"versions": ["1", "1.1"]`),
		osv("DEBIAN-CVE-2026-0099", "Debian:12", "other", all), // under another ID
		osv("DEBIAN-CVE-2026-0011", "Debian:12", "come", all),
		osv("PYSEC-1", "PyPI", "zope-interface", ranges("introduced 0, fixed 2.0")), // spelled in another way
		first[10],
		osv("GO-1", "Go", "example.com/m", all),
	}
	from, _ := build(t, first...)
	to, _ := build(t, second...)
	c := diff(t, from, to)
	type change = vulndb.PackageChange
	assert.Equal(t, &vulndb.Changes{
		From: from.Info().ID, To: to.Info().ID,
		Ecosystems: []vulndb.EcosystemChanges{
			{Ecosystem: "Debian:11", Change: "removed", Packages: []change{{Name: "old", Change: "removed"}}},
			{Ecosystem: "Debian:12", Change: "changed", Packages: []change{
				{Name: "come", Change: "added"},
				{Name: "flaws", Change: "changed"},
				{Name: "gone", Change: "removed"},
				{Name: "listed", Change: "changed"},
				{Name: "other", Change: "changed"},
				{Name: "range", Change: "changed"},
				{Name: "rating", Change: "details"},
				{Name: "text", Change: "details"},
			}},
			{Ecosystem: "Debian:13", Change: "added", Packages: []change{{Name: "new", Change: "added"}}},
			{Ecosystem: "Go", Change: "added", Packages: []change{{Name: "example.com/m", Change: "added"}}},
			{Ecosystem: "PyPI", Change: "changed", Packages: []change{{Name: "zope-interface", Change: "changed"}}},
		},
	}, c)
	assert.False(t, c.IsZero())

	back := diff(t, to, from)
	assert.Equal(t, "added", back.Ecosystems[0].Change)
	assert.Equal(t, "removed", back.Ecosystems[3].Change)
	again, _ := build(t, first...)
	assert.True(t, diff(t, from, again).IsZero())
	assert.True(t, diff(t, from, from).IsZero())

	sid := inventory.OS{ID: "debian", Codename: "sid"}
	mine := deb("flaws", "")
	docker := deb("flaws", "1")
	docker.Maintainer = "Docker <x@docker.com>"
	// Without changes of the releases, names decide.
	stable, _ := build(t, append(slices.Clone(first), osv("DSA-1", "Debian", "everywhere", all), osv("X-1", "Debian:12", "one", all))...)
	names := diff(t, from, stable)
	for _, tt := range []struct {
		changes *vulndb.Changes
		os      inventory.OS
		pkg     inventory.Package
		want    bool
	}{
		{c, bookworm, deb("flaws", "1"), true},
		{c, bookworm, docker, false},
		{c, alpine, deb("flaws", "1"), false},
		{c, inventory.OS{}, inventory.Package{Type: "pypi", Name: "zope_interface", Version: "1"}, true},
		{c, inventory.OS{}, inventory.Package{Type: "pypi", Name: "zope", Version: "1"}, false},
		{c, inventory.OS{}, inventory.Package{Type: "pypi", Name: "zope_interface"}, false},
		{c, inventory.OS{}, inventory.Package{Type: "cargo", Name: "same", Version: "1"}, false},
		{c, inventory.OS{}, inventory.Package{Type: "golang", Name: "m", Version: "1"}, true}, // there was no Go before
		{c, inventory.OS{}, inventory.Package{Type: "firmware", Name: "m", Version: "1"}, false},
		{c, sid, deb("same", "1"), true}, // what there is instead of sid is another list
		{names, bookworm, deb("flaws", "1"), true},
		{names, bookworm, deb("one", "1"), true},
		{names, bookworm, mine, true},
	} {
		assert.Equalf(t, tt.want, tt.changes.Affects(tt.os, []inventory.Package{{Type: "npm", Name: "x", Version: "1"}, tt.pkg}), "%+v on %+v", tt.pkg, tt.os)
	}
	onlyNames, _ := build(t, append(slices.Clone(first), osv("X-1", "Debian:12", "one", all))...)
	names = diff(t, from, onlyNames)
	source := deb("lib", "1")
	source.Source.Name = "one"
	assert.True(t, names.Affects(bookworm, []inventory.Package{source}))
	assert.False(t, names.Affects(bookworm, []inventory.Package{deb("flaws", "1"), mine}))
	assert.False(t, names.Affects(inventory.OS{ID: "debian", Version: "11"}, []inventory.Package{source}))
	assert.False(t, names.Affects(bookworm, nil))
	// Where advisories name sources and packages, either counts.
	wolfi := inventory.OS{ID: "wolfi"}
	one, _ := build(t, osv("W-1", "Wolfi", "x", all))
	two, _ := build(t, osv("W-1", "Wolfi", "x", all), osv("W-2", "Wolfi", "src", all), osv("W-3", "Wolfi", "bin", all))
	names = diff(t, one, two)
	for name, want := range map[string]bool{"src": true, "bin": true, "x": false} {
		assert.Equal(t, want, names.Affects(wolfi, []inventory.Package{{Type: "apk", Name: name, Version: "1", Source: inventory.Source{Name: "x", Version: "1"}}}), name)
		assert.Equal(t, want, names.Affects(wolfi, []inventory.Package{{Type: "apk", Name: "x", Version: "1", Source: inventory.Source{Name: name, Version: "1"}}}), name)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	none, err := vulndb.Diff(ctx, from, to)
	assert.Nil(t, none)
	assert.ErrorIs(t, err, context.Canceled)
}

// A damaged file is an error and no difference.
func TestDiffDamaged(t *testing.T) {
	dir := t.TempDir()
	record := osv("DEBIAN-CVE-2026-0001", "Debian:12", "openssl", ranges("introduced 0"))
	_, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource(jsonl(t, record))}, clock)
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(dir, "*.ivdb"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	data[20] ^= 1 // of a record, which Open does not read
	require.NoError(t, os.WriteFile(files[0], data, 0o666))
	other, _ := build(t, record, osv("X", "Debian:12", "curl", ranges("introduced 0")))
	c, err := vulndb.Diff(t.Context(), open(t, dir), other)
	assert.Nil(t, c)
	assert.ErrorIs(t, err, vulndb.ErrCorrupt)
}

// mutate returns records of which some are other, gone or new.
func (w world) mutate(ids []string, records map[string]string) map[string]string {
	out := maps.Clone(records)
	for range w.IntN(12) {
		id := ids[w.IntN(len(ids))]
		if w.IntN(3) == 0 {
			delete(out, id)
		} else {
			out[id] = w.record(id)
		}
	}
	return out
}

// plain takes out of an answer what differs between equal databases.
func plain(result *vulndb.Result) *vulndb.Result {
	for i := range result.Matches {
		m := &result.Matches[i]
		m.Evidence.Database = ""
		for j := range m.Other {
			m.Other[j].Database = ""
		}
	}
	return result
}

// Where the differences of two random databases do not affect packages, they
// have the same answer; and each name that differs has another answer for some
// version or in its texts.
func TestDiffRandom(t *testing.T) {
	w := world{rand.New(rand.NewPCG(5, 6))}
	var ids []string
	for i := range 60 {
		ids = append(ids, fmt.Sprintf("DEBIAN-CVE-2026-%04d", i))
	}
	records := map[string]string{}
	for _, id := range ids {
		records[id] = w.record(id)
	}
	from, _ := build(t, slices.Collect(maps.Values(records))...)
	checkUnaffected(t, from, 30, 200, func() []string {
		records = w.mutate(ids, records)
		return slices.Collect(maps.Values(records))
	}, func() (inventory.OS, []inventory.Package) {
		return w.os(), []inventory.Package{w.pkg(), w.pkg(), w.pkg(), w.pkg()}
	})
}

// checkUnaffected makes so many databases, from being the one before the first,
// and asks each and the one before it so many questions about packages: where the
// differences of the two do not affect them, the answers are the same.
func checkUnaffected(t *testing.T, from *vulndb.DB, databases, questions int, next func() []string, ask func() (inventory.OS, []inventory.Package)) {
	t.Helper()
	kept, asked := 0, 0
	for range databases {
		to, _ := build(t, next()...)
		c := diff(t, from, to)
		for range questions {
			os, pkgs := ask()
			if asked++; c.Affects(os, pkgs) {
				continue
			}
			kept++
			require.Equal(t, plain(match(t, from, os, pkgs...)), plain(match(t, to, os, pkgs...)), "%+v on %+v", pkgs, os)
		}
		from = to
	}
	t.Logf("%d of %d answers are kept", kept, asked)
	assert.Greater(t, kept, asked/4)
	assert.Less(t, kept, asked*9/10)
}

func BenchmarkDiff(b *testing.B) {
	source := sharedtest.Path(b, "data", "osv", "Debian", "all.zip")
	var dbs []*vulndb.DB
	for _, more := range []string{`{"id":"X-1"}`, osv("X-1", "Debian:12", "openssl", ranges("introduced 0"))} {
		dir := b.TempDir()
		_, err := vulndb.Build(b.Context(), dir, []vulndb.Source{vulndb.FileSource(source), vulndb.FileSource(jsonl(b, more))})
		require.NoError(b, err)
		dbs = append(dbs, open(b, dir))
	}
	b.ReportAllocs()
	for b.Loop() {
		c, err := vulndb.Diff(b.Context(), dbs[0], dbs[1])
		require.NoError(b, err)
		require.Len(b, c.Ecosystems, 1)
		require.Len(b, c.Ecosystems[0].Packages, 1)
	}
}
