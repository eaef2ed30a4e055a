package vulndb_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

// An artifact of which no record tells the group cannot be looked up, and is no
// clean one.
func TestMatchMavenWithoutGroup(t *testing.T) {
	db, _ := build(t, osv("X-1", "Maven", "org.example:core", ranges("introduced 0")))
	result := match(t, db, inventory.OS{},
		inventory.Package{Type: "maven", Name: "core", Version: "1"},
		inventory.Package{Type: "maven", Namespace: "org.example", Name: "core", Version: "1"})
	assert.Len(t, result.Matches, 1)
	assert.Equal(t, []vulndb.Problem{{Message: `the group of "core" is not known, and advisories name packages by group and artifact`}}, result.Problems)
}

// Names and versions as package URLs have them meet those of advisories.
func TestMatchLanguageForms(t *testing.T) {
	fixed := ranges("introduced 0, fixed 2.0.1")
	db, _ := build(t,
		osv("X-1", "RubyGems", "nokogiri", fixed),
		osv("X-2", "Bitnami", "redis", fixed),
		osv("X-3", "GitHub Actions", "Actions/Checkout", fixed),
		osv("X-4", "npm", "cli", fixed),
	)
	tests := []struct {
		kind, namespace, name, version string
		want                           bool
	}{
		{"gem", "", "nokogiri", "2.0.0-x86_64-linux", true},
		{"gem", "", "nokogiri", "2.0.0-x86_64-linux-musl", true},
		{"gem", "", "nokogiri", "2.0.0-java", true},
		{"gem", "", "nokogiri", "2.0.1-arm64-darwin", false},
		{"gem", "", "nokogiri", "2.0.1-java", false},
		{"gem", "", "nokogiri", "2.0.1", false},
		{"gem", "", "nokogiri", "2.0.1-rc1", true}, // RubyGems takes this for 2.0.1.pre.rc1
		{"bitnami", "", "redis", "2.0.1-3", false},
		{"bitnami", "", "redis", "2.0.1-r3", false},
		{"bitnami", "", "redis", "2.0.1", false},
		{"bitnami", "", "redis", "2.0.0-99", true},
		{"bitnami", "", "redis", "2.0.1-rc.1", true},
		{"bitnami", "", "redis", "2.0.1-rc.1-4", true},
		{"githubactions", "actions", "checkout", "v2.0.0", true},
		{"githubactions", "actions", "checkout/sub/folder", "2.0.0", true},
		{"githubactions", "actions", "checkout", "v3", false},
		{"npm", "", "cli", "2.0.1-3", true}, // a pre-release
	}
	for _, tt := range tests {
		result := match(t, db, inventory.OS{}, inventory.Package{Type: tt.kind, Namespace: tt.namespace, Name: tt.name, Version: tt.version})
		assert.Equalf(t, tt.want, len(result.Matches) > 0, "%+v", tt)
		assert.Emptyf(t, result.Problems, "%+v", tt)
	}
}

// Advisories on the programs that come with Go, by plain loops over the records
// with the order of versions of Go's own tools: releases in their order.
func TestMatchRealToolchain(t *testing.T) {
	path, records := realRecords(t, 1, "Go")
	db := buildFile(t, path)
	number := func(v string) [4]int { // of "1.22.1", "1.24.0-rc.2", "1.22.0-0", "1.21rc2"
		var n [4]int
		v = strings.ReplaceAll(v, "-0", "rc0")
		v = strings.ReplaceAll(v, "-rc.", "rc")
		front, rc, pre := strings.Cut(v, "rc")
		if n[3] = 1000; pre {
			_, err := fmt.Sscan(rc, &n[3])
			require.NoError(t, err, v)
		}
		for i, part := range strings.Split(front, ".") {
			_, err := fmt.Sscan(part, &n[i])
			require.NoError(t, err, v)
		}
		return n
	}
	compare := func(a, b string) int {
		x, y := number(a), number(b)
		return slices.Compare(x[:], y[:])
	}
	total := 0
	for _, version := range []string{"1.9.4", "1.14.13", "1.17.1", "1.18", "1.20.5", "1.21rc2", "1.21.0", "1.22.1", "1.23.11", "1.24.5", "1.25.0", "1.25.6", "1.26.2", "1.27rc1", "1.27.0"} {
		for _, platform := range []string{"", "linux/amd64", "windows/arm64", "darwin/arm64", "js/wasm"} {
			want := []string{}
			for _, r := range records {
				if r.Withdrawn != "" {
					continue
				}
				if in, _ := r.affects("Go", "toolchain", version, compare); in && (platform == "" || r.onPlatform("toolchain", platform)) {
					want = append(want, r.refFlaws()...)
				}
			}
			pkg := inventory.Package{Type: "golang", Name: "toolchain", Version: version}
			if platform != "" {
				pkg.Platforms = []string{platform}
			}
			got := []string{}
			for _, m := range match(t, db, inventory.OS{}, pkg).Matches {
				got = append(got, m.ID)
			}
			assert.ElementsMatchf(t, want, got, "%s on %s", version, platform)
			total += len(want)
		}
	}
	t.Logf("%d findings", total)
	assert.Greater(t, total, 300)
}

// onPlatform reports whether an imported package of the module is affected on a
// platform.
func (r *refRecord) onPlatform(module, platform string) bool {
	goos, goarch, _ := strings.Cut(platform, "/")
	for _, a := range r.Affected {
		if a.Package.Name != module {
			continue
		}
		for _, i := range a.Specific.Imports {
			if (len(i.OS) == 0 || slices.Contains(i.OS, goos)) && (len(i.Arch) == 0 || slices.Contains(i.Arch, goarch)) {
				return true
			}
		}
	}
	return false
}
