package version_test

import (
	goversion "go/version"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

func TestCompareGolang(t *testing.T) {
	checkOrder(t, version.Golang, semverOrder())
	checkOrder(t, version.Golang, [][]string{
		{"v0.0.0-20190101000000-ffffffffffff", "0.0.0-20190101000000-ffffffffffff"},
		{"v0.0.0-20200101000000-000000000000"},
		{"v1.2.3-0.20200101000000-000000000000"},
		{"v1.2.3-rc.1"},
		{"v1.2.3-rc.1.0.20200101000000-000000000000"},
		{"v1.2.3", "v1.2.3+incompatible", "1.2.3+dirty", "v1.2.3+incompatible.dirty"},
		{"v1.2.4-0.20200101000000-000000000000+dirty"},
		{"v2.0.0+incompatible"},
	})
	checkOrder(t, version.Golang, [][]string{
		{"go1"},
		{"go1.9.2rc2", "1.9.2-rc.2"},
		{"go1.9.2"},
		{"go1.20.5", "1.20.5", "v1.20.5", "go1.20.5 X:boringcrypto", "1.20.5 (Red Hat 1.20.5-1.el9)"},
		{"1.21.0-0"}, // how advisories write "before all of 1.21"
		{"go1.21alpha1", "1.21.0-alpha.1"},
		{"go1.21beta1", "1.21beta1"},
		{"go1.21rc2", "1.21.0-rc.2", "1.21rc2", "v1.21rc2", "go1.21rc02", "1.21rc2 X:a"},
		{"go1.21rc10"},
		{"go1.21", "go1.21.0", "1.21"},
		{"go1.21.1"},
	})
}

// TestGoVersion compares toolchains as the standard library does, which has
// "go1.21" as a language and lower than its pre-releases.
func TestGoVersion(t *testing.T) {
	versions := []string{
		"go1", "go1.2", "go1.4beta1", "go1.4rc2", "go1.4", "go1.4.3", "go1.9.2", "go1.20rc1", "go1.20", "go1.20.1",
		"go1.21rc1", "go1.21rc2", "go1.21.0", "go1.21.13", "go1.22rc1", "go1.22.0", "go1.100.1", "go1.25.99",
	}
	for _, a := range versions {
		for _, b := range versions {
			got, err := version.Compare(version.Golang, a, b)
			require.NoError(t, err)
			assert.Equalf(t, goversion.Compare(a, b), got, "Compare(%q, %q)", a, b)
		}
	}
}

func TestInvalidGolang(t *testing.T) {
	for _, tt := range semverInvalid() {
		checkInvalid(t, version.Golang, tt.v, "1", tt.pos)
	}
	tests := []struct {
		v   string
		pos int
	}{
		{"(devel)", 0},
		{"devel", 0},
		{"devel go1.22-abcdef Mon", 0},
		{"go", 2},
		{"go ", 2},
		{"gov1.2", 2},
		{"go1.22-abcdef", 6},
		{"go1.21.3-custom", 8},
		{"go1.21.3+fips", 8},
		{"go1.21.rc1", 7},
		{"go1.21rc", 8},
		{"go1.21rc1.2", 9},
		{"go1.21rc1-x", 9},
		{"go1.21rcs1", 6},
		{"go1.18.9b7", 8},
		{"1.21foo1", 4},
		{" 1.21", 0},
		{"1.2\t", 3},
		{"1.0.0-", 6},
	}
	for _, tt := range tests {
		checkInvalid(t, version.Golang, tt.v, "1", tt.pos)
	}
}

func TestSatisfiesGolang(t *testing.T) {
	checkSemverConstraints(t, version.Golang, []semverConstraint{
		{"go1.21rc2", ">=1.21.0-0, <1.21.3", true},
		{"go1.21.3", ">=go1.21rc2 <1.21.3", false},
		{"go1.20.5 X:boringcrypto", "<go1.20.6", true},
		{"v0.0.0-20230717101112-abcdef012345", "< v0.0.0-20230718000000-000000000000", true},
		{"v2.0.0+incompatible", "=v2.0.0", true},
	})
	checkSemverConstraintErrors(t, version.Golang, []semverConstraintError{
		{"<go1.22-abc", 7},
		{"(devel)", 0},
	})
}

func FuzzGolang(f *testing.F) {
	f.Add("go1.21rc2", "1.21.0-rc.2", "v1.21rc02 X:a")
	f.Add("v0.0.0-20230717101112-abcdef012345", "v2.0.0+incompatible", "1.21beta1")
	f.Add("devel", "go1", "1.21.0-rc2")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if !checkTriple(t, version.Golang, a, b, c) || !goversion.IsValid(a) || !goversion.IsValid(b) {
			return
		}
		got, err := version.Compare(version.Golang, a, b)
		require.NoError(t, err)
		if goversion.Lang(a) != a && goversion.Lang(b) != b { // see TestGoVersion
			require.Equalf(t, goversion.Compare(a, b), got, "Compare(%q, %q) and go/version", a, b)
		}
	})
}
