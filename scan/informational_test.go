package scan_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
)

func TestInformational(t *testing.T) {
	record := func(id, name, word, aliases string) string {
		return fmt.Sprintf(`{"id": %q, "aliases": [%s], "affected": [{"package": {"ecosystem": "crates.io", "name": %q}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}], "database_specific": {"informational": %s}}]}`, id, aliases, name, word)
	}
	db := openDB(t,
		record("RUSTSEC-2026-0001", "old", `"unmaintained"`, ""),
		record("RUSTSEC-2026-0002", "told", `"notice"`, ""),
		record("RUSTSEC-2026-0003", "broken", `"unsound"`, ""),
		record("RUSTSEC-2026-0004", "flawed", "null", ""),
		record("RUSTSEC-2026-0005", "old", `"unmaintained"`, `"CVE-2026-0005"`),
		record("RUSTSEC-2026-0006", "told", `"tomorrow"`, ""),
	)
	bom := &sbom.BOM{}
	for _, name := range []string{"old", "told", "broken", "flawed"} {
		bom.Packages = append(bom.Packages, sbom.Package{Type: "cargo", Name: name, Version: "1.0.0", PURL: "pkg:cargo/" + name + "@1.0.0"})
	}
	lists := func(r *scan.Report) (findings, suppressed []string) {
		for _, f := range r.Findings {
			findings = append(findings, f.ID+" "+f.Informational)
		}
		for _, f := range r.Suppressed {
			suppressed = append(suppressed, f.ID+" "+f.By+": "+f.Reason)
		}
		return findings, suppressed
	}
	always := []string{"CVE-2026-0005 unmaintained", "RUSTSEC-2026-0003 unsound", "RUSTSEC-2026-0004 ", "RUSTSEC-2026-0006 tomorrow"}

	s, err := scan.New(scan.WithDB(db))
	require.NoError(t, err)
	report, err := s.Match(t.Context(), bom)
	require.NoError(t, err)
	findings, suppressed := lists(report)
	assert.ElementsMatch(t, always, findings)
	assert.ElementsMatch(t, []string{
		"RUSTSEC-2026-0001 informational: the advisory calls it no flaw: it is informational (unmaintained)",
		"RUSTSEC-2026-0002 informational: the advisory calls it no flaw: it is informational (notice)",
	}, suppressed)
	assert.Equal(t, 4, report.Summary.Unknown)

	all, err := scan.New(scan.WithDB(db), scan.WithInformational(true))
	require.NoError(t, err)
	full, err := all.Match(t.Context(), bom)
	require.NoError(t, err)
	findings, suppressed = lists(full)
	assert.ElementsMatch(t, append(always, "RUSTSEC-2026-0001 unmaintained", "RUSTSEC-2026-0002 notice"), findings)
	assert.Empty(t, suppressed)

	// The options of the scanner count when a report is matched again.
	again, err := all.Rematch(t.Context(), report, nil)
	require.NoError(t, err)
	assert.Equal(t, full.Findings, again.Findings)
	back, err := s.Rematch(t.Context(), full, nil)
	require.NoError(t, err)
	assert.Equal(t, report.Suppressed, back.Suppressed)
}
