package vulndb_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

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
