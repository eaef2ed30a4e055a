package version_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

func TestComparePub(t *testing.T) {
	checkOrder(t, version.Pub, [][]string{
		{"1.0.0-alpha", "v1-alpha"},
		{"1.0.0-alpha+0"},
		{"1.0.0-alpha.1"},
		{"1.0.0-alpha.1+1"},
		{"1.0.0", "1"},
		{"1.0.0+0", "1.0.0+00"},
		{"1.0.0+1"},
		{"1.0.0+1.0"},
		{"1.0.0+2"},
		{"1.0.0+10"},
		{"1.0.0+99999999999999999999"},
		{"1.0.0+1a"},
		{"1.0.0+a", "v1+a"},
		{"1.0.0+a.0"},
		{"1.0.0.1-rc+1"},
		{"1.0.0.1"},
		{"1.0.1-0"},
		{"1.0.1"},
	})
	for _, row := range semverOrder() {
		for _, v := range row {
			if !slices.Contains([]byte(v), '+') {
				checkPair(t, version.Pub, v, row[0], 0)
			}
		}
	}
}

func TestInvalidPub(t *testing.T) {
	for _, tt := range semverInvalid() {
		checkInvalid(t, version.Pub, tt.v, "1", tt.pos)
	}
	checkInvalid(t, version.Pub, "1.0.0-", "1", 6)
}

func TestSatisfiesPub(t *testing.T) {
	checkSemverConstraints(t, version.Pub, []semverConstraint{
		{"1.2.3-a", "", true},
		{"1.2.3-a", " any ", true},
		{"1.2.3", "1.2.3", true},
		{"1.2.3+1", "1.2.3", false}, // builds have a rank
		{"1.2.3+1", ">1.2.3", true},
		{"1.9.0", "^1.2.3", true},
		{"2.0.0-a", "^1.2.3", false},
		{"0.1.9", "^0.1.2", true},
		{"0.2.0", "^0.1.2", false},
		{"0.0.9", "^0.0.3", true}, // not as in npm
		{"0.9.0", "^0", false},
		{"1.5.0", ">=1.0.0 <2.0.0", true},
		{"1.5.0", ">=1.0.0<2.0.0", true},
		{"1.5.0", "<2.0.0 >= 1.0.0", true},
		{"2.0.0-a", ">=1.0.0 <2.0.0", false},
		{"2.0.0-a", "<2.0.0", false},
		{"2.0.0-a", "<=2.0.0", true},
		{"2.0.0-b", ">=2.0.0-a <2.0.0", true},
		{"2.0.0-b", ">=2.0.0-a <2.0.0 >=1.0.0", true},
		{"2.0.0-b", "<2.0.0-c", true},
		{"1.5.0-b", ">=1.0.0 <2.0.0", true},
		{"1.5.0", ">1.0.0 >1.5.0", false},
		{"1.5.0", ">=1.5.0 >1.5.0", false},
		{"1.5.0", ">1.5.0 >=1.5.0", false},
		{"1.5.0", "<1.5.0 <=1.5.0 <3.0.0", false},
		{"1.5.0", "<=1.5.0 <1.5.0", false},
		{"1.5.0", "1.5.0 <1.5.0", false},
	})
	checkSemverConstraintErrors(t, version.Pub, []semverConstraintError{
		{">=", 2},
		{"any 1", 0},
		{"1 any", 2},
		{"=1", 0},
		{"~1", 0},
		{"1 || 2", 2},
		{">=1, <2", 3},
		{"^1.x", 3},
		{"> <1", 2},
	})
}

func FuzzPub(f *testing.F) {
	f.Add("1.0.0-alpha.1+b", "1.2.3+1", "1.2.3+10", "^1.2.0 <2.0.0")
	f.Add("2.0.0-b", "v1", "1.0.0.1+a", ">=2.0.0-a <2.0.0")
	f.Fuzz(func(t *testing.T, a, b, c, constraint string) {
		if !checkTriple(t, version.Pub, a, b, c) {
			return
		}
		once, err := version.Satisfies(version.Pub, a, constraint)
		if err != nil {
			return
		}
		twice, err := version.Satisfies(version.Pub, a, constraint+" "+constraint)
		if err == nil { // not for "any"
			require.Equalf(t, once, twice, "Satisfies(%q, %q) once and twice", a, constraint)
		}
	})
}
