package version_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

func TestCompareCargo(t *testing.T) {
	checkOrder(t, version.Cargo, semverOrder())
}

func TestInvalidCargo(t *testing.T) {
	for _, tt := range semverInvalid() {
		checkInvalid(t, version.Cargo, tt.v, "1", tt.pos)
	}
	checkInvalid(t, version.Cargo, "1.0.0-", "1", 6)
	checkInvalid(t, version.Cargo, " 1.0.0", "1", 0)
}

// The rows follow the tables of
// https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html.
func TestSatisfiesCargo(t *testing.T) {
	checkSemverConstraints(t, version.Cargo, []semverConstraint{
		{"1.2.3", "", true},
		{"1.2.3", "1.2.3", true},
		{"1.9.0", "1.2.3", true}, // "^" if nothing is said
		{"1.2.2", "1.2.3", false},
		{"2.0.0", "1.2.3", false},
		{"1.9.0", "1.2", true},
		{"2.0.0", "1", false},
		{"0.2.9", "0.2.3", true},
		{"0.3.0", "0.2.3", false},
		{"0.0.3", "^0.0.3", true},
		{"0.0.4", "^0.0.3", false},
		{"0.0.9", "0.0", true},
		{"0.1.0", "0.0", false},
		{"0.9.9", "^0", true},
		{"1.0.0", "^0", false},
		{"1.2.9", "~1.2.3", true},
		{"1.3.0", "~ 1.2.3", false},
		{"1.2.9", "~1.2", true},
		{"1.3.0", "~1.2", false},
		{"1.9.0", "~1", true},
		{"2.0.0", "~1", false},
		{"9.0.0", "*", true},
		{"9.0.0-a", "*", false},
		{"1.9.0", "1.*", true},
		{"2.0.0", "1.x", false},
		{"1.2.9", "1.2.X", true},
		{"1.3.0", "1.2.*", false},
		{"1.3.0", "1.*.*", true},
		{"1.2.0", ">= 1.2.0", true},
		{"1.0.0", ">1", false},
		{"2.0.0", ">1", true},
		{"2.0.0", "<2.0.0", false},
		{"1.2.3", "= 1.2.3", true},
		{"1.2.9", "=1.2", true},
		{"1.2.9", "<=1.2", true},
		{"1.5.0", ">= 1.2, < 1.5", false},
		{"1.4.9", ">= 1.2 , < 1.5", true},
		{"1.2.3-beta", "1.2.3-alpha", true},
		{"1.2.4-beta", "1.2.3-alpha", false},
		{"1.2.3-beta", ">=1.0.0", false},
		{"1.2.3-beta", ">=1.0.0, <1.2.3-rc", true},
		{"1.2.3-beta", "=1.2.3-beta+build", true},
		{"2.0.0-0", "1.2.3-0", false},
		// What a comparator leaves open has no pre-releases, but for "^".
		{"0.0.0-0", "^0.0, 0.0.0-0", true},
		{"0.0.0-0", "<=0, <=0.0.0-0", false},
		{"1.3.0-a", ">=1.2, <=1.3.0-a", true},
		{"1.3.0-a", "^1.3, <=1.3.0-a", true},
		{"1.3.0-a", ">=1.3, <=1.3.0-a", false},
	})
	checkSemverConstraintErrors(t, version.Cargo, []semverConstraintError{
		{">=", 2},
		{",", 0},
		{">=1,", 4},
		{">=1 <2", 3},
		{"1 || 2", 1},
		{"==1", 1},
		{"!=1", 0},
		{"~>1", 0},
		{"*, 1", 0},
		{"1, *", 3},
		{">*", 1},
		{"*.*", 0},
		{"1.*.2", 0},
		{"1.2.*-a", 0},
		{"1.2-a", 3},
		{"1.2.3.4", 5},
		{"v1", 0},
		{"1.2.3-", 6},
	})
}

func FuzzCargo(f *testing.F) {
	f.Add("1.0.0-alpha.1+b", "1.2.3", "0.0.1", "~1.2, <=1.*, 0.2.3-a")
	f.Add("0.2.3-b", "v1", "1.0.0.1", "1.2.99999999999999999999")
	f.Fuzz(func(t *testing.T, a, b, c, constraint string) {
		if !checkTriple(t, version.Cargo, a, b, c) {
			return
		}
		once, err := version.Satisfies(version.Cargo, a, constraint)
		if err != nil {
			return
		}
		twice, err := version.Satisfies(version.Cargo, a, constraint+","+constraint)
		if err == nil { // not for blanks and a lone wildcard
			require.Equalf(t, once, twice, "Satisfies(%q, %q) once and twice", a, constraint)
		}
	})
}
