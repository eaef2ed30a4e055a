package vulndb_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

// eol is the document of endoflife.date of a day of January 2026.
func eol(day int, products ...string) string {
	return fmt.Sprintf(`{"schema_version": "1.2.0", "generated_at": "2026-01-%02dT00:00:00+00:00", "total": %d, "result": [%s]}`,
		day, len(products), strings.Join(products, ", "))
}

func eolProduct(name, releases string) string {
	return fmt.Sprintf(`{"name": %q, "category": "os", "releases": [%s]}`, name, releases)
}

func TestEndOfLife(t *testing.T) {
	db, report := buildTree(t,
		"a.json", simple("CVE-2026-0001"),
		"eol.json", eol(3,
			eolProduct("debian", `{"name": "12", "eolFrom": "2026-06-10", "eoesFrom": "2028-06-30"}, {"name": "14", "eolFrom": "2030-01-02", "eoesFrom": null}, {"name": "6", "eolFrom": "2014-05-31", "eoesFrom": "2016-02-29"}`),
			eolProduct("ubuntu", `{"name": "22.04", "eolFrom": "2027-04-01", "eoesFrom": "2032-04-09"}`),
			eolProduct("alpine-linux", `{"name": "3.19", "eolFrom": "2025-11-02"}, {"name": "3.99", "eolFrom": "2099-01-02"}`),
			eolProduct("amazon-linux", `{"name": "2018.03", "eolFrom": "2023-12-31"}, {"name": "2", "eolFrom": "2026-06-29"}, {"name": "2023", "eolFrom": "2029-06-30"}`),
			eolProduct("azure-linux", `{"name": "3.0", "eolFrom": "2027-08-31"}`),
			eolProduct("rocky-linux", `{"name": "9", "eolFrom": "2032-05-30"}`),
			eolProduct("oracle-linux", `{"name": "9", "eolFrom": "2032-06-30", "eoesFrom": "2034-06-30"}`),
			eolProduct("sles", `{"name": "15.5", "eolFrom": "2024-12-31", "eoesFrom": "2027-12-31"}`),
			eolProduct("rhel", `{"name": "9", "eolFrom": "2032-05-31", "eoesFrom": "2035-05-31"}`),
			eolProduct("wolfi", `{"name": "1", "eolFrom": "2032-05-31"}`),
		),
	)
	require.Zerof(t, report.Bad, "%v", report.BadRecords)
	require.Zero(t, report.Skipped)
	info := []vulndb.EnrichmentInfo{{Source: vulndb.SourceEndOfLife, Date: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC), Releases: 15}}
	assert.Equal(t, info, report.Info.Enrichment)
	assert.Equal(t, info, db.Info().Enrichment)
	for _, tt := range []struct {
		os   inventory.OS
		want string
	}{
		{inventory.OS{ID: "debian", Version: "12"}, "2028-06-30"}, // long-term support is for all
		{inventory.OS{ID: "debian", Version: "14"}, "2030-01-02"},
		{inventory.OS{ID: "debian", Version: "6.0.10"}, "2016-02-29"},
		{inventory.OS{ID: "debian", Version: "11"}, ""},
		{inventory.OS{ID: "debian", Codename: "sid"}, ""},
		{inventory.OS{ID: "ubuntu", Version: "22.04"}, "2027-04-01"}, // ESM is not
		{inventory.OS{ID: "pop", IDLike: []string{"ubuntu"}, Codename: "jammy"}, "2027-04-01"},
		{inventory.OS{ID: "alpine", Version: "3.19.1"}, "2025-11-02"},
		{inventory.OS{ID: "alpine", Version: "3.99.1"}, "2099-01-02"},
		{inventory.OS{ID: "amzn", Version: "2018.03"}, "2023-12-31"},
		{inventory.OS{ID: "amzn", Version: "2"}, "2026-06-29"},
		{inventory.OS{ID: "amzn", Version: "2023.6.20241010"}, "2029-06-30"},
		{inventory.OS{ID: "azurelinux", Version: "3.0"}, "2027-08-31"},
		{inventory.OS{ID: "rocky", Version: "9.4"}, "2032-05-30"},
		{inventory.OS{ID: "ol", Version: "9.4"}, "2032-06-30"},
		{inventory.OS{ID: "sles", Version: "15.5"}, "2024-12-31"},
		{inventory.OS{ID: "rhel", Version: "9.4"}, "2032-05-31"},
		{inventory.OS{ID: "wolfi", Version: "1"}, ""}, // rolling
		{inventory.OS{ID: "nothing", Version: "1"}, ""},
		{inventory.OS{}, ""},
	} {
		got, err := db.EndOfLife(tt.os)
		require.NoError(t, err)
		if tt.want == "" {
			assert.Zerof(t, got, "%+v", tt.os)
			continue
		}
		assert.Equalf(t, tt.want, got.Format(time.DateOnly), "%+v", tt.os)
	}

	// Beside sources on CVEs it takes nothing from them.
	with, _ := buildTree(t, "a.json", simple("CVE-2026-0001"), "kev.json", kev(4, "CVE-2026-0001"), "eol.json", eol(3, eolProduct("debian", `{"name": "12", "eolFrom": "2026-06-10"}`)))
	assert.NotNil(t, match(t, with, bookworm, deb("foo", "1")).Matches[0].KEV)
	day, err := with.EndOfLife(bookworm)
	require.NoError(t, err)
	assert.Equal(t, "2026-06-10", day.Format(time.DateOnly))
	require.Len(t, with.Info().Enrichment, 2)
	assert.Equal(t, 1, with.Info().Enrichment[0].CVEs)
	assert.Equal(t, 1, with.Info().Enrichment[1].Releases)

	bare, _ := buildTree(t, "a.json", simple("CVE-2026-0001"), "kev.json", kev(4, "CVE-2026-0001"))
	day, err = bare.EndOfLife(bookworm)
	require.NoError(t, err)
	assert.Zero(t, day)
	changes, err := vulndb.Diff(t.Context(), bare, with)
	require.NoError(t, err)
	assert.True(t, changes.Enrichment)
}

func TestEndOfLifeSources(t *testing.T) {
	of := func(day string) string { return eolProduct("debian", `{"name": "12", "eolFrom": "`+day+`"}`) }
	for name, tt := range map[string]struct {
		docs        []string
		want        string
		bad, double int
	}{
		"the newest counts":    {[]string{eol(3, of("2026-01-01")), eol(5, of("2026-02-02")), eol(4, of("2026-03-03"))}, "2026-02-02", 0, 2},
		"not one of two dates": {[]string{eol(5, of("2026-02-02")), eol(6, eolProduct("debian", `{"name": "13", "eolFrom": "2026-01-01"}`))}, "", 0, 1},
		"half a document":      {[]string{eol(5, of("2026-02-02"))[:150]}, "", 1, 0},
		"a bad release":        {[]string{eol(5, eolProduct("debian", `{"name": "12 LTS", "eolFrom": "2026-02-02"}, {"name": "12", "eolFrom": "2026-02-03"}`))}, "2026-02-03", 1, 0},
	} {
		files := []string{"a.json", simple("CVE-2026-0001")}
		for i, doc := range tt.docs {
			files = append(files, fmt.Sprintf("eol%d.json", i), doc)
		}
		db, report := buildTree(t, files...)
		assert.Equal(t, tt.bad, report.Bad, name)
		assert.Equal(t, tt.double, report.Duplicates, name)
		day, err := db.EndOfLife(bookworm)
		require.NoError(t, err, name)
		if tt.want == "" {
			assert.Zero(t, day, name)
		} else {
			assert.Equal(t, tt.want, day.Format(time.DateOnly), name)
		}
	}
}
