package vulndb_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

// crate is a record of RustSec, and with an empty word one on a flaw.
func crate(id, name, word, aliases string) string {
	informational := "null"
	if word != "" {
		informational = `"` + word + `"`
	}
	return `{"id": "` + id + `", "aliases": [` + aliases + `], "affected": [{"package": {"ecosystem": "crates.io", "name": "` + name + `"},
		` + ranges("introduced 0.0.0-0") + `, "database_specific": {"categories": [], "cvss": null, "informational": ` + informational + `}}]}`
}

func TestMatchInformational(t *testing.T) {
	db, _ := build(t,
		crate("RUSTSEC-2026-0001", "old", "unmaintained", ""),
		crate("RUSTSEC-2026-0002", "told", "notice", ""),
		crate("RUSTSEC-2026-0003", "broken", "unsound", ""),
		crate("RUSTSEC-2026-0004", "flawed", "", ""),
		// The first two are one flaw, and only one of them calls it none.
		crate("RUSTSEC-2026-0005", "both", "unmaintained", `"GHSA-aaaa-bbbb-cccc"`),
		crate("GHSA-aaaa-bbbb-cccc", "both", "", ""),
		crate("RUSTSEC-2026-0006", "two", "unmaintained", `"GHSA-aaaa-bbbb-dddd"`),
		crate("RUSTSEC-2026-0007", "two", "unsound", `"GHSA-aaaa-bbbb-dddd"`),
		crate("RUSTSEC-2026-0008", "new", "word-of-tomorrow", ""),
		crate("RUSTSEC-2026-0009", "strange", "Not A Word", ""),
		crate("RUSTSEC-2026-0010", "cve", "unmaintained", `"CVE-2026-0010"`),
		// Other places where the word can be, and entries that differ.
		osv("X-11", "crates.io", "record", ranges("introduced 0"), `"database_specific": {"informational": "notice"}`),
		`{"id": "X-12", "affected": [
			{"package": {"ecosystem": "crates.io", "name": "entries"}, `+ranges("introduced 0, fixed 1")+`, "ecosystem_specific": {"informational": "notice"}},
			{"package": {"ecosystem": "crates.io", "name": "entries"}, `+ranges("introduced 2, fixed 4")+`}]}`,
	)
	for name, want := range map[string]struct{ id, word string }{
		"old": {"RUSTSEC-2026-0001", "unmaintained"}, "told": {"RUSTSEC-2026-0002", "notice"}, "broken": {"RUSTSEC-2026-0003", "unsound"},
		"flawed": {"RUSTSEC-2026-0004", ""}, "both": {"GHSA-aaaa-bbbb-cccc", ""}, "two": {"GHSA-aaaa-bbbb-dddd", "unsound"},
		"new": {"RUSTSEC-2026-0008", "word-of-tomorrow"}, "strange": {"RUSTSEC-2026-0009", ""}, "cve": {"CVE-2026-0010", "unmaintained"},
		"record": {"X-11", "notice"}, "entries": {"X-12", ""},
	} {
		pkg := inventory.Package{Type: "cargo", Name: name, Version: "3.0.0"}
		result := match(t, db, inventory.OS{}, pkg)
		require.Len(t, result.Matches, 1, name)
		assert.Equal(t, want.id, result.Matches[0].ID, name)
		assert.Equal(t, want.word, result.Matches[0].Informational, name)
		if name == "old" {
			e := explain(t, db, inventory.OS{}, pkg)
			assert.Equal(t, "affected: 3.0.0 is at or above introduced 0.0.0-0 and no version above is called fixed (cargo); the advisory is informational (unmaintained)", e.Advisories[0].Text)
			assert.Equal(t, vulndb.InformationalUnmaintained, e.Advisories[0].Informational)
		}
	}
}

// That a record is no flaw any more is more than a detail.
func TestDiffInformational(t *testing.T) {
	before, _ := build(t, crate("RUSTSEC-2026-0001", "a", "", ""))
	after, _ := build(t, crate("RUSTSEC-2026-0001", "a", "unmaintained", ""))
	changes, err := vulndb.Diff(t.Context(), before, after)
	require.NoError(t, err)
	require.Len(t, changes.Ecosystems, 1)
	assert.Equal(t, []vulndb.PackageChange{{Name: "a", Change: vulndb.ChangeVerdicts}}, changes.Ecosystems[0].Packages)
}
