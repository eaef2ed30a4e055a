package scan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/vulndb"
)

// openDBWithBad is openDB for records that need not be right.
func openDBWithBad(t *testing.T, records ...string) *vulndb.DB {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "records.jsonl")
	require.NoError(t, os.WriteFile(source, []byte(strings.Join(records, "\n")), 0o600))
	database := filepath.Join(dir, "db")
	_, err := vulndb.Build(t.Context(), database, []vulndb.Source{vulndb.FileSource(source)})
	require.NoError(t, err)
	db, err := vulndb.Open(database)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

// randomAdvisory is a record on a name and perhaps another, in one or two
// ecosystems.
func randomAdvisory(rnd *rand.Rand, id string) string {
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	var affected []any
	for range 1 + rnd.IntN(2) {
		events := []map[string]string{{"introduced": pick("0", "1", "2")}}
		if rnd.IntN(4) > 0 {
			events = append(events, map[string]string{pick("fixed", "last_affected"): pick("2", "3", "4.1", "no version")})
		}
		affected = append(affected, map[string]any{
			"package": map[string]string{
				"ecosystem": pick("Debian:12", "Debian:12", "Debian", "Debian:11", "Alpine:v3.19", "Wolfi", "PyPI", "PyPI", "npm", "AlmaLinux:9"),
				"name":      fmt.Sprintf("p%d", rnd.IntN(150)),
			},
			"ranges": []any{map[string]any{"type": "ECOSYSTEM", "events": events}},
		})
	}
	data, err := json.Marshal(map[string]any{
		"id": id, "modified": "2026-01-02T00:00:00Z", "upstream": []string{fmt.Sprintf("CVE-2026-%04d", rnd.IntN(200))}, "affected": affected,
		"summary":  pick("one", "two"),
		"severity": []map[string]string{{"type": "CVSS_V3", "score": pick("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N", "bad")}},
	})
	if err != nil {
		panic(err)
	}
	return string(data)
}

// randomInventory is an inventory of up to six packages.
func randomInventory(rnd *rand.Rand) *sbom.BOM {
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	systems := []struct {
		os   sbom.OS
		kind string
	}{
		{sbom.OS{ID: "debian", Version: "12"}, "deb"},
		{sbom.OS{ID: "debian", Version: "12"}, "deb"},
		{sbom.OS{ID: "debian", Version: "11"}, "deb"},
		{sbom.OS{ID: "debian", Version: "10"}, "deb"}, // without advisories
		{sbom.OS{ID: "alpine", Version: "3.19.1"}, "apk"},
		{sbom.OS{ID: "wolfi"}, "apk"},
		{sbom.OS{ID: "almalinux", Version: "9.4"}, "rpm"},
		{sbom.OS{ID: "nobody"}, "deb"},
	}
	system := systems[rnd.IntN(len(systems))]
	bom := &sbom.BOM{OS: system.os, Target: sbom.Target{Name: "random"}}
	for i := range 1 + rnd.IntN(6) {
		p := sbom.Package{Type: pick(system.kind, system.kind, system.kind, "pypi", "npm"), Name: fmt.Sprintf("p%d", rnd.IntN(150)), Version: pick("1", "2", "3", "4.1-1", "no version", "")}
		switch p.Type {
		case "pypi":
			p.Name = pick("P", "p") + p.Name[1:]
			fallthrough
		case "npm":
			if i > 0 && rnd.IntN(4) == 0 {
				p.OwnedBy = bom.Packages[0].PURL
			}
		default:
			p.Namespace = system.os.ID
			if rnd.IntN(3) > 0 {
				p.Source = sbom.Source{Name: fmt.Sprintf("p%d", rnd.IntN(150)), Version: pick("1", "2", "3")}
			}
			p.Maintainer = pick("", "", "", "", "Docker <x@docker.com>")
		}
		if rnd.IntN(10) == 0 {
			p.DeletedBy = &sbom.Layer{Index: 1}
		}
		p.PURL = fmt.Sprintf("pkg:%s/%s@%s?n=%d", p.Type, p.Name, p.Version, i)
		bom.Packages = append(bom.Packages, p)
	}
	return bom
}

// TestRematchRandom compares 10,000 inventories with a new database, by the
// differences to the old one and in full: the reports are the same.
func TestRematchRandom(t *testing.T) {
	const rounds, inventories = 10, 1000
	rnd := rand.New(rand.NewPCG(11, 12))
	records := map[string]string{}
	for i := range 200 {
		id := fmt.Sprintf("ADV-%03d", i)
		records[id] = randomAdvisory(rnd, id)
	}
	open := func() *vulndb.DB { return openDBWithBad(t, slices.Collect(maps.Values(records))...) }
	from := open()
	kept, other := 0, 0
	for range rounds {
		for range 1 + rnd.IntN(120) {
			id := fmt.Sprintf("ADV-%03d", rnd.IntN(220))
			switch rnd.IntN(4) {
			case 0:
				delete(records, id)
			case 1: // its words only
				records[id] = strings.NewReplacer(`"one"`, `"two"`, `"two"`, `"one"`).Replace(records[id])
				if records[id] == "" {
					delete(records, id)
				}
			default:
				records[id] = randomAdvisory(rnd, id)
			}
		}
		to := open()
		changes, err := vulndb.Diff(t.Context(), from, to)
		require.NoError(t, err)
		option := scan.WithMinSeverity(cvss.Medium)
		before, err := scan.New(scan.WithDB(from), option)
		require.NoError(t, err)
		after, err := scan.New(scan.WithDB(to), option)
		require.NoError(t, err)
		for range inventories {
			bom := randomInventory(rnd)
			stored, err := before.Match(t.Context(), bom)
			require.NoError(t, err)
			want, err := after.Match(t.Context(), bom)
			require.NoError(t, err)
			got, err := after.Rematch(t.Context(), stored, changes)
			require.NoError(t, err)
			require.Equal(t, want, got, "%+v", bom)
			if !changes.Affects(bom.OS, bom.Packages) {
				kept++
			} else if len(want.Findings) != len(stored.Findings) {
				other++
			}
		}
		from = to
	}
	t.Logf("%d of %d reports are kept, %d have another number of findings", kept, rounds*inventories, other)
	assert.Greater(t, kept, rounds*inventories/4)
	assert.Greater(t, other, 100)
}

func TestRematch(t *testing.T) {
	old, same := openDB(t, records...), openDB(t, append(slices.Clone(records), advisory("CVE-2026-0099", "other", "", "high"))...)
	differs := openDB(t, append(slices.Clone(records), advisory("CVE-2026-0099", "curl", "", "high"))...)
	scanner := func(db *vulndb.DB, opts ...scan.Option) *scan.Scanner {
		s, err := scan.New(append(opts, scan.WithDB(db))...)
		require.NoError(t, err)
		return s
	}
	diff := func(to *vulndb.DB) *vulndb.Changes {
		c, err := vulndb.Diff(t.Context(), old, to)
		require.NoError(t, err)
		return c
	}
	first, err := scanner(old).Scan(t.Context(), image.FS("bookworm", bookworm()))
	require.NoError(t, err)

	// A report and its inventory that were stored and read back.
	text, err := json.Marshal(first)
	require.NoError(t, err)
	var doc bytes.Buffer
	require.NoError(t, sbom.Encode(&doc, first.BOM, sbom.CycloneDXJSON))
	stored := new(scan.Report)
	require.NoError(t, json.Unmarshal(text, stored))
	_, err = scanner(same).Rematch(t.Context(), stored, diff(same))
	require.ErrorIs(t, err, scan.ErrNoInventory)
	stored.BOM, err = sbom.Decode(&doc)
	require.NoError(t, err)

	for _, db := range []*vulndb.DB{same, differs} {
		want, err := scanner(db).Match(t.Context(), first.BOM)
		require.NoError(t, err)
		for _, report := range []*scan.Report{first, stored} {
			for _, c := range []*vulndb.Changes{diff(db), nil, {From: "sha256:other", To: db.Info().ID}, {From: old.Info().ID, To: "sha256:other"}} {
				got, err := scanner(db).Rematch(t.Context(), report, c)
				require.NoError(t, err)
				assert.Equal(t, report.BOM, got.BOM)
				wantReport, gotReport := *want, *got
				wantReport.BOM, gotReport.BOM = nil, nil
				assert.Equal(t, wantReport, gotReport)
			}
		}
	}
	assert.Equal(t, old.Info().ID, first.Findings[0].Evidence.Database, "the report is not changed")

	// That nothing is compared shows in changes that say nothing.
	nothing := &vulndb.Changes{From: old.Info().ID, To: differs.Info().ID}
	got, err := scanner(differs).Rematch(t.Context(), first, nothing)
	require.NoError(t, err)
	assert.Equal(t, ids(first), ids(got))
	got, err = scanner(differs).Rematch(t.Context(), first, diff(differs))
	require.NoError(t, err)
	assert.NotEqual(t, ids(first), ids(got))

	// What is to be reported can be another thing than before.
	few, err := scanner(same, scan.WithMinSeverity(cvss.High)).Rematch(t.Context(), first, diff(same))
	require.NoError(t, err)
	want, err := scanner(same, scan.WithMinSeverity(cvss.High)).Match(t.Context(), first.BOM)
	require.NoError(t, err)
	assert.Equal(t, want, few)
	assert.NotEmpty(t, few.Suppressed)
	all, err := scanner(old).Rematch(t.Context(), few, &vulndb.Changes{From: same.Info().ID, To: old.Info().ID})
	require.NoError(t, err)
	assert.Equal(t, first, all)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []*vulndb.Changes{nil, diff(same)} {
		_, err = scanner(same).Rematch(ctx, first, c)
		assert.ErrorIs(t, err, context.Canceled)
	}
	product, err := sbom.Merge(sbom.Target{Name: "product"}, first.BOM)
	require.NoError(t, err)
	parts, err := scanner(old).Match(t.Context(), product)
	require.NoError(t, err)
	want, err = scanner(differs).Match(t.Context(), product)
	require.NoError(t, err)
	got, err = scanner(differs).Rematch(t.Context(), parts, nothing)
	require.NoError(t, err)
	assert.Equal(t, want, got, "a product is compared in full")
}
