package vulndb_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

func rpm(name, version string) inventory.Package {
	return inventory.Package{Type: "rpm", Name: name, Version: version, Source: inventory.Source{Name: name, Version: version}}
}

func TestTrivy(t *testing.T) {
	dir := t.TempDir()
	report, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource("../internal/trivydb/testdata/trivy.db")}, clock)
	require.NoError(t, err)
	assert.Zerof(t, report.Bad, "%v", report.BadRecords)
	assert.Equal(t, 2, report.Skipped, "buckets that are not read: %q", report.SkippedFiles)
	assert.Equal(t, 1, report.NeverAffected)
	assert.Equal(t, []vulndb.UnsupportedReport{
		{Ecosystem: "Oracle Linux", Records: 1, Reason: "builds for FIPS and Ksplice have versions of their own"},
		{Ecosystem: "Red Hat", Records: 1, Reason: "packages of module streams cannot be told from others"},
	}, report.Unsupported)
	db := open(t, dir)
	tests := []struct {
		os      inventory.OS
		version string
		want    []string // ID, status, fixed version, severity
	}{
		{inventory.OS{ID: "amzn", Version: "2"}, "7.61.1-11.amzn2.0.1", []string{"CVE-2026-0001 fixed 7.61.1-12.amzn2.0.1 MEDIUM"}},
		{inventory.OS{ID: "amzn", Version: "2"}, "7.61.1-12.amzn2.0.1", nil},
		{inventory.OS{ID: "amzn", Version: "2023.6.20241010"}, "8.2.0-1.amzn2023", []string{"CVE-2026-0001 fixed 8.3.0-1.amzn2023 MEDIUM"}},
		{inventory.OS{ID: "ol", Version: "8.9"}, "7.61.1-29.el8", []string{"CVE-2026-0001 fixed 7.61.1-30.el8 HIGH"}},
		{inventory.OS{ID: "photon", Version: "5.0"}, "8.1.2-3.ph5", []string{"CVE-2026-0001 fixed 8.1.2-4.ph5 "}},
		{inventory.OS{ID: "rhel", Version: "8.6"}, "7.61.1-29.el8", []string{
			"CVE-2026-0001 fixed 0:7.61.1-30.el8_6.2 HIGH", "CVE-2026-0003 fixed 0:7.61.1-30.el8_6.2 MEDIUM", "CVE-2026-0004 will_not_fix  LOW",
		}},
		{inventory.OS{ID: "rhel", Version: "8.6"}, "7.61.1-31.el8", []string{"CVE-2026-0004 will_not_fix  LOW"}},
	}
	for _, tt := range tests {
		var got []string
		for _, m := range match(t, db, tt.os, rpm("curl", tt.version)).Matches {
			word := ""
			if len(m.Severity) > 0 {
				word = m.Severity[0].Score
			}
			got = append(got, m.ID+" "+m.Status+" "+m.FixedVersion+" "+word)
		}
		assert.Equalf(t, tt.want, got, "curl %s in %s %s", tt.version, tt.os.ID, tt.os.Version)
	}
	m := match(t, db, inventory.OS{ID: "amzn", Version: "2"}, rpm("curl", "7")).Matches[0]
	assert.Equal(t, "AMAZON-TRIVY-CVE-2026-0001", m.Evidence.Advisory)
	assert.Equal(t, "curl: a flaw", m.Summary)
	assert.Equal(t, []int{787}, m.CWEs)
}

func TestTrivyErrors(t *testing.T) {
	data, err := os.ReadFile("../internal/trivydb/testdata/trivy.db")
	require.NoError(t, err)
	good := simple("CVE-2026-0001")
	// A database of another program is none of ours.
	_, report := buildTree(t, "0.json", good, "rpmdb.db", "SQLite format 3\x00")
	require.Equal(t, 1, report.Skipped)
	for name, content := range map[string]string{"is no database of Trivy": "SQLite format 3\x00", "damaged": string(data[:len(data)/4])} {
		path := filepath.Join(tree(t, "trivy.db", content), "trivy.db")
		_, err := vulndb.Build(t.Context(), t.TempDir(), []vulndb.Source{vulndb.FileSource(path)}, clock)
		assert.ErrorContains(t, err, name)
	}
}
