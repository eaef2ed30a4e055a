package vulndb_test

import (
	"os"
	"path/filepath"
	"strings"
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
	assert.Empty(t, report.Unsupported)
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

// Modules, architectures, minor releases and flavours are those of the entry.
func TestTrivyVariants(t *testing.T) {
	dir := t.TempDir()
	_, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource("../internal/trivydb/testdata/trivy.db")}, clock)
	require.NoError(t, err)
	db := open(t, dir)
	oracle, eus := inventory.OS{ID: "ol", Version: "8.9"}, rhel("8.6", "rhel-8-for-x86_64-baseos-eus-rpms__8_DOT_6")
	for _, tt := range []struct {
		os                          inventory.OS
		name, version, arch, module string
		want                        string // fixed versions
	}{
		{rhel("8.6"), "php", "7.2.10-1.module+el8.1.0+1+a", "x86_64", "php:7.2:8010020191:a", "0:7.2.11-1.module+el8"},
		{rhel("8.6"), "php", "7.2.11-1.module+el8", "x86_64", "php:7.2:8010020191:a", ""},
		{rhel("8.6"), "php", "7.2.24-1.module+el8.2.0+1+a", "x86_64", "php:7.3:8010020191:a", ""}, // of another stream
		{rhel("8.6"), "php", "7.4.6-1.module+el8.3.0+1+a", "x86_64", "php:7.4:8010020191:a", "0:7.4.30-1.module+el8.6.0+1+abc"},
		{rhel("8.6"), "php", "7.2.24-1.module+el8.2.0+1+a", "x86_64", "", "0:7.4.30-1.module+el8.6.0+1+abc"}, // which is not known
		{rhel("8.6"), "php", "7.2.10-1.el8", "x86_64", "", ""},                                               // outside of modules

		{rhel("8.6"), "tool", "1.0-1.el8", "x86_64", "", ""},
		{rhel("8.6"), "tool", "1.0-1.el8", "aarch64", "", "0:1.0-2.el8"},
		{rhel("8.6"), "tool", "1.0-1.el8", "noarch", "", "0:1.0-2.el8"},
		{rhel("8.6"), "tool", "1.0-1.el8", "", "", "0:1.0-2.el8"},

		{eus, "curl", "7.61.1-22.el8_6.8", "x86_64", "", "0:7.61.1-30.el8_6.2 0:7.61.1-30.el8_6.2 "}, // both fixes are for 8.6; CVE-2026-0004 has none
		{eus, "curl", "7.61.1-22.el8_6.8", "aarch64", "", "0:7.61.1-22.el8_6.9 "},                    // the other fix is for x86_64
		{eus, "curl", "7.61.1-22.el8_6.9", "aarch64", "", ""},
		{rhel("8.6", "ubi-8-baseos-rpms"), "curl", "7.61.1-22.el8_6.9", "x86_64", "", "0:7.61.1-30.el8_6.2 0:7.61.1-30.el8_6.2 "},

		{oracle, "glibc", "2.28-225.0.4.el8_8.5", "x86_64", "", "2.28-225.0.4.el8_8.6"},
		{oracle, "glibc", "2.28-225.0.4.el8_8.6", "x86_64", "", ""},
		{oracle, "glibc", "2.28-225.0.4.el8_8.6", "aarch64", "", "2.28-225.0.4.el8_8.9"},
		{oracle, "glibc", "2.28-225.0.4.el8_8.5", "", "", "2.28-225.0.4.el8_8.9"},
		{oracle, "glibc", "2:2.28-225.0.3.ksplice1.el8", "x86_64", "", "2:2.28-225.0.4.ksplice1.el8"},
		{oracle, "glibc", "2:2.28-225.0.4.ksplice1.el8", "x86_64", "", ""},
		{oracle, "curl", "7.61.1-30.el8", "x86_64", "", ""},
		{oracle, "curl", "10:7.61.1-30.el8_fips", "x86_64", "", "10:7.61.1-31.el8_fips"},
	} {
		p := rpm(tt.name, tt.version)
		p.Arch, p.Module = tt.arch, tt.module
		var got []string
		for _, m := range match(t, db, tt.os, p).Matches {
			got = append(got, m.FixedVersion)
		}
		assert.Equalf(t, tt.want, strings.Join(got, " "), "%s %s (%s) of %q on %s %v", tt.name, tt.version, tt.arch, tt.module, tt.os.ID, tt.os.ContentSets)
	}
	text := func(os inventory.OS, name, version, arch string, i int) string {
		p := rpm(name, version)
		p.Arch = arch
		return explain(t, db, os, p).Advisories[i].Text
	}
	assert.Equal(t, "not affected: the advisory is for other architectures than x86_64", text(rhel("8.6"), "tool", "1.0-1.el8", "x86_64", 0))
	assert.Equal(t, "not affected: the fix is for Ksplice builds, of which the package is none", text(oracle, "glibc", "2.28-225.0.4.el8_8.5", "x86_64", 0))
	assert.Equal(t, "affected: 2.28-225.0.4.el8_8.5 is below fixed 2.28-225.0.4.el8_8.6 (rpm)", text(oracle, "glibc", "2.28-225.0.4.el8_8.5", "x86_64", 2))
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
