package vulndb_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

// An rpm package names its source by a file name, which has no epoch: neither
// is every such source older than a fix with an epoch, nor newer.
func TestMatchSourceEpoch(t *testing.T) {
	rocky, azure := inventory.OS{ID: "rocky", Version: "9.4"}, inventory.OS{ID: "azurelinux", Version: "3.0"}
	db, _ := build(t,
		osv("RLSA-1", "Rocky Linux:9", "bind", ranges("introduced 0, fixed 32:9.16.23-18.el9")),
		osv("RLSA-2", "Rocky Linux:9", "perl", ranges("introduced 0, fixed 4:5.32.1-481.el9")),
		osv("RLSA-3", "Rocky Linux:9", "plain", ranges("introduced 0, fixed 2-1")),
		osv("AZL-1", "Azure Linux:3", "bind", ranges("introduced 1:1, fixed 1:9.20-1")),
		osv("AZL-2", "Azure Linux:3", "listed", `"versions": ["1:9-1"]`),
	)
	tests := []struct {
		os                             inventory.OS
		name, version, source, sourceV string
		want                           bool
	}{
		{rocky, "bind", "32:9.16.23-17.el9", "bind", "9.16.23-17.el9", true},
		{rocky, "bind", "32:9.16.23-18.el9", "bind", "9.16.23-18.el9", false},
		{rocky, "bind-utils", "32:9.16.23-17.el9", "bind", "9.16.23-17.el9", true},
		{rocky, "bind-utils", "32:9.16.23-18.el9", "bind", "9.16.23-18.el9", false},
		{rocky, "perl-Pod-Escapes", "1:1.07-481.el9", "perl", "5.32.1-481.el9", false}, // another epoch than the source's
		{rocky, "perl-Pod-Escapes", "1:1.07-480.el9", "perl", "5.32.1-480.el9", true},
		{rocky, "lib", "7:2-1", "plain", "2-1", false},
		{rocky, "lib", "7:1-1", "plain", "1-1", true}, // the epoch is the package's alone
		{azure, "bind", "1:9.20-1", "bind", "9.20-1", false},
		{azure, "bind", "1:9.19-1", "bind", "9.19-1", true},
		{azure, "bind-libs", "1:9.20-1", "bind", "9.20-1", false},
		{azure, "bind-libs", "1:9.19-1", "bind", "9.19-1", true},
		{azure, "lib", "1:9-1", "listed", "9-1", true},
		{azure, "lib", "1:9-2", "listed", "9-2", false},
		{azure, "bind-libs", "0:9.19-1", "bind", "0:9.19-1", false}, // an epoch that is stated counts
	}
	for _, tt := range tests {
		pkg := inventory.Package{Type: "rpm", Name: tt.name, Version: tt.version, Source: inventory.Source{Name: tt.source, Version: tt.sourceV}}
		result := match(t, db, tt.os, pkg)
		assert.Emptyf(t, result.Problems, "%+v", pkg)
		assert.Equalf(t, tt.want, len(result.Matches) > 0, "%s %s of %s %s", tt.name, tt.version, tt.source, tt.sourceV)
		assert.LessOrEqualf(t, len(explain(t, db, tt.os, pkg).LookedUp), 2, "%+v", pkg)
	}
	e := explain(t, db, azure, inventory.Package{Type: "rpm", Name: "bind-libs", Version: "1:9.20-1", Source: inventory.Source{Name: "bind", Version: "9.20-1"}})
	assert.Equal(t, "not affected: 9.20-1 is at or above fixed 1:9.20-1 (rpm, the epoch is not compared)", e.Advisories[0].Text)
}

// AlmaLinux has the CVEs of an advisory in "related", and bug fixes among its
// records.
func TestMatchErrata(t *testing.T) {
	alma := inventory.OS{ID: "almalinux", Version: "9.4"}
	all := ranges("introduced 0, fixed 2-1")
	related := `"related": ["CVE-2026-0001", "CVE-2026-0002", "ALSA-0"]`
	db, report := build(t,
		osv("ALSA-1", "AlmaLinux:9", "foo", all, related),
		osv("ALSA-2", "AlmaLinux:9", "foo", all, `"related": ["CVE-2026-0003"], "upstream": ["CVE-2026-0004"]`),
		osv("ALSA-3", "AlmaLinux:9", "foo", all),
		osv("ALBA-4", "AlmaLinux:9", "foo", all),
		osv("ALEA-5", "AlmaLinux:9", "foo", all, `"related": ["ALBA-4"]`),
		osv("ALBA-6", "AlmaLinux:9", "foo", all, `"related": ["CVE-2026-0006"]`),
		osv("SUSE-RU-2026:7", "AlmaLinux:9", "foo", all),
		osv("SUSE-SU-2026:8", "AlmaLinux:9", "foo", all),
		osv("PYSEC-1", "PyPI", "foo", ranges("introduced 0"), related),
	)
	assert.Equal(t, 3, report.Flawless)
	assert.Zero(t, report.Bad)
	var got []string
	for _, m := range match(t, db, alma, inventory.Package{Type: "rpm", Name: "foo", Version: "1-1"}).Matches {
		got = append(got, m.ID+" by "+m.Evidence.Advisory)
	}
	assert.Equal(t, []string{
		"ALSA-3 by ALSA-3", "CVE-2026-0001 by ALSA-1", "CVE-2026-0002 by ALSA-1", "CVE-2026-0004 by ALSA-2", "CVE-2026-0006 by ALBA-6",
		"SUSE-SU-2026:8 by SUSE-SU-2026:8",
	}, got)
	result := match(t, db, alma, inventory.Package{Type: "pypi", Name: "foo", Version: "1"})
	assert.Equal(t, "PYSEC-1", result.Matches[0].ID, "related is no alias")
}

// AlmaLinux names a package again for each build that has the fix.
func TestMatchLowestFix(t *testing.T) {
	record := func(id, ecosystem, title string, affected ...string) string {
		var list []string
		for _, a := range affected {
			list = append(list, `{"package": {"ecosystem": "`+ecosystem+`", "name": "lib"}, `+a+`}`)
		}
		return `{"id": "` + id + `", "summary": "` + title + `", "affected": [` + strings.Join(list, ", ") + `]}`
	}
	db, _ := build(t,
		record("ALSA-1", "AlmaLinux:8", "lib update", ranges("introduced 0, fixed 4.15-8.el8_6"), ranges("introduced 0, fixed 4.15-5.el8"), ranges("introduced 0, fixed 4.15-9.el8_7")),
		record("ALSA-2", "AlmaLinux:8", "lib update", ranges("introduced 0, fixed 4.15-8.el8_6"), ranges("introduced 4, fixed 4.15-5.el8")),
		record("ALSA-3", "AlmaLinux:8", "lib update", ranges("introduced 0, fixed 4.15-8.el8_6"), `"versions": ["4.15-4.el8"]`),
		record("ALSA-4", "AlmaLinux:8", "m:1 update", ranges("introduced 0, fixed 4.15-8.module_el8+1"), ranges("introduced 0, fixed 4.15-5.module_el8+1")),
		record("ALSA-5", "AlmaLinux:8", "m:1 and m:2 update", ranges("introduced 0, fixed 4.15-8.module_el8+1"), ranges("introduced 0, fixed 4.15-5.module_el8+1")),
		record("RLSA-1", "Rocky Linux:8", "lib update", ranges("introduced 0, fixed 4.15-8.el8_6"), ranges("introduced 0, fixed 4.15-5.el8")),
	)
	for _, tt := range []struct {
		id, version, module string
		want                []string
	}{
		{"almalinux", "4.15-4.el8", "", []string{"ALSA-1", "ALSA-2", "ALSA-3"}},
		{"almalinux", "4.15-5.el8", "", []string{"ALSA-2", "ALSA-3"}}, // which say more than where the fix is
		{"almalinux", "4.15-8.el8_6", "", nil},
		{"almalinux", "4.15-4.module_el8+1", "m:1:1:1", []string{"ALSA-4", "ALSA-5"}},
		{"almalinux", "4.15-5.module_el8+1", "m:1:1:1", []string{"ALSA-5"}}, // the build may be the other stream's
		{"almalinux", "4.15-5.module_el8+1", "m:2:1:1", []string{"ALSA-5"}},
		{"rocky", "4.15-5.el8", "", []string{"RLSA-1"}},
	} {
		var got []string
		for _, m := range match(t, db, inventory.OS{ID: tt.id, Version: "8.10"}, inventory.Package{Type: "rpm", Name: "lib", Version: tt.version, Module: tt.module}).Matches {
			got = append(got, m.Evidence.Advisory)
		}
		assert.Equalf(t, tt.want, got, "%s on %s", tt.version, tt.id)
	}
}

// Streams of a module are apart from each other and from what is in no module.
func TestMatchModules(t *testing.T) {
	alma, rocky := inventory.OS{ID: "almalinux", Version: "8.10"}, inventory.OS{ID: "rocky", Version: "8.10"}
	title := func(s string) string { return `"summary": "` + s + `"` }
	db, report := build(t,
		osv("ALSA-1", "AlmaLinux:8", "npm", ranges("introduced 0, fixed 1:8-1.module_el8.5.0+1+a"), title("Important: nodejs:16 security update")),
		osv("ALSA-2", "AlmaLinux:8", "npm", ranges("introduced 0, fixed 1:9-1.module_el8.5.0+1+a"), title("Important: nodejs security update")),
		osv("ALSA-3", "AlmaLinux:8", "npm", ranges("introduced 0, fixed 1:7-2.el8"), title("Low: npm security update")),
		osv("ALSA-4", "AlmaLinux:8", "npm", ranges("introduced 0"), title("Low: npm security update")),
		osv("ALSA-5", "AlmaLinux:8", "npm", ranges("introduced 0, fixed 1:8-1.module_el8.5.0+1+a"), title("Moderate: nodejs:12 and nodejs:14, security update")),
		osv("ALSA-6", "AlmaLinux:8", "tool", ranges("introduced 0, fixed 1-1.module_el8.5.0+1+a"), title("Low: a"+strings.Repeat("b", 1<<17)+":1")),
		osv("ALSA-7", "AlmaLinux:8", "tool", ranges("introduced 0, fixed 1-1.module", "introduced 0, fixed 1-1.modules.el8"), title("tool:rhel8")),
		osv("ALSA-8", "AlmaLinux:8", "mod", ranges("introduced 0, fixed 1-1.module_el8.5.0+1+a"), title("Moderate: httpd:2.4/mod security update")),
		osv("RLSA-1", "Rocky Linux:8", "nodejs", ranges("introduced 0, fixed 1:16.2-1.module+el8.5.0+1+a"), title("Important: nodejs:16 security update")),
	)
	require.Zero(t, report.Bad)
	assert.Equal(t, 3, report.Ecosystems[0].Packages, "names of packages")
	for _, tt := range []struct {
		os                    inventory.OS
		name, version, module string
		want                  []string
	}{
		{alma, "npm", "1:7-1.el8", "", []string{"ALSA-3", "ALSA-4"}},
		{alma, "npm", "1:7-2.el8", "", []string{"ALSA-4"}}, // no other stream makes it old
		{alma, "npm", "1:7-1.module_el8.4.0+1+b", "nodejs:16:8040020210817:b", []string{"ALSA-1", "ALSA-2", "ALSA-4"}},
		{alma, "npm", "1:7-1.module_el8.4.0+1+b", "nodejs:14:8040020210817:b", []string{"ALSA-2", "ALSA-4", "ALSA-5"}},
		{alma, "npm", "1:7-1.module_el8.4.0+1+b", "nodejs:12:8040020210817:b", []string{"ALSA-2", "ALSA-4", "ALSA-5"}},
		{alma, "npm", "1:7-1.module_el8.4.0+1+b", "nodejs:18:8040020210817:b", []string{"ALSA-2", "ALSA-4"}},
		{alma, "npm", "1:8-1.module_el8.5.0+1+a", "nodejs:16:8050020210817:a", []string{"ALSA-2", "ALSA-4"}}, // fixed
		{alma, "npm", "1:7-1.module_el8.4.0+1+b", "", []string{"ALSA-1", "ALSA-2", "ALSA-4", "ALSA-5"}},      // any, as the label is not known
		{rocky, "npm", "1:8-1.16.1.module+el8.4.0+1+b", "nodejs:16:8040020210817:b", []string{"RLSA-1"}},     // by its source
		{rocky, "npm", "1:8-1.14.1.module+el8.4.0+1+b", "nodejs:14:8040020210817:b", nil},
		{rocky, "npm", "1:8-1.el8", "", nil},
		{alma, "tool", "0-1.module_el8.4.0+1+b", "tool:rhel8:8040020210817:b", []string{"ALSA-6"}},
		{alma, "tool", "0-1.module_el8.4.0+1+b", "odd", []string{"ALSA-6"}},
		{alma, "tool", "0-1.el8", "", []string{"ALSA-7"}},
		{alma, "mod", "0-1.module_el8.4.0+1+b", "httpd:2.4:8040020210817:b", []string{"ALSA-8"}},
		{alma, "mod", "0-1.module_el8.4.0+1+b", "httpd:2.6:8040020210817:b", nil},
	} {
		pkg := inventory.Package{Type: "rpm", Name: tt.name, Version: tt.version, Module: tt.module}
		if tt.os.ID == "rocky" {
			pkg.Source = inventory.Source{Name: "nodejs", Version: "16.1-1.module+el8.4.0+1+b"}
		}
		var got []string
		for _, m := range match(t, db, tt.os, pkg).Matches {
			got = append(got, m.Evidence.Advisory)
		}
		assert.Equalf(t, tt.want, got, "%s %s of %q", tt.name, tt.version, tt.module)
	}
	e := explain(t, db, alma, inventory.Package{Type: "rpm", Name: "npm", Version: "1:7-1.module_el8.4.0+1+b", Module: "nodejs:16:8040020210817:b"}, "ALSA-5")
	assert.Equal(t, []vulndb.LookedUp{{Name: "nodejs:16::npm", Version: "1:7-1.module_el8.4.0+1+b"}, {Name: "*::npm", Version: "1:7-1.module_el8.4.0+1+b"}}, e.LookedUp)
	assert.Equal(t, []string{"npm (AlmaLinux:8)"}, e.Missing[0].Names)
	assert.Equal(t, "the database has it for npm (AlmaLinux:8), as ALSA-5, and not for what was looked up", e.Missing[0].Text)
}
