package version_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

func TestCompareNPM(t *testing.T) {
	checkOrder(t, version.NPM, semverOrder())
	checkOrder(t, version.NPM, [][]string{
		{"1.2.3--", "1.2.3-", " 1.2.3-+b"}, // the hyphen is the identifier
		{"1.2.3--.a", "1.2.3-.a"},
		{"1.2.3-beta", "1.2.3beta", "v=v 1.2.3beta", " 1.2.3-beta\n", "\t= 1.2.3beta+b"},
		{"1.2.3-beta.2", "1.2.3beta.2"},
		{"1.2.3-beta.10", "01.02.03beta.010"},
		{"1.2.3-x", "1.2.3x"},
		{"1.2.3"},
	})
}

func TestInvalidNPM(t *testing.T) {
	for _, tt := range semverInvalid() {
		checkInvalid(t, version.NPM, tt.v, "1", tt.pos)
	}
	tests := []struct {
		v   string
		pos int
	}{
		{" ", 1},
		{"\tv ", 2},
		{"1 .0", 1},
		{"1.0.0 -a", 5},
		{"1.0.0-.", 7},
		{"1.0.0beta..2", 10},
		{"\u00a01", 0}, // a blank beyond ASCII
	}
	for _, tt := range tests {
		checkInvalid(t, version.NPM, tt.v, "1", tt.pos)
	}
}

func TestSatisfiesNPM(t *testing.T) {
	checkSemverConstraints(t, version.NPM, []semverConstraint{
		{"1.2.3", "", true},
		{"1.2.3-beta", "", true}, // for all schemes; not for node-semver
		{"1.2.3", "*", true},
		{"1.2.3-beta", "*", false},
		{"1.2.3", "x.X.*", true},
		{"1.2.3", "*.4.5", true}, // open from the first number on
		{"1.2.3", ">*", false},
		{"1.2.3", "<x", false},
		{"1.2.3", "<=*", true},
		{"1.2.3", "1.2.3", true},
		{"1.2.3", "=v1.2.3+b", true},
		{"1.2.3", "v 1.2.3", true},
		{"1.2.3", "1.2.4", false},
		{"1.2.3", "1.2", true},
		{"1.3.0", "1.2", false},
		{"1.3.0", "1.x.7", true},
		{"2.0.0", "1.x.7", false},
		{"1.9.9", "=1", true},
		{"1.2.9", ">1.2", false},
		{"1.3.0", ">1.2", true},
		{"1.9.9", ">1", false},
		{"2.0.0", ">1", true},
		{"1.2.0", ">=1.2", true},
		{"1.2.9", "<=1.2", true},
		{"1.3.0", "<=1.2", false},
		{"1.9.9", "<=1", true},
		{"1.1.9", "<1.2", true},
		{"1.2.0", "<1.2", false},
		{"1.2.9", "~1.2.3", true},
		{"1.2.2", "~1.2.3", false},
		{"1.3.0", "~ 1.2.3", false},
		{"1.3.0", "~>1.2", false},
		{"1.9.0", "~1", true},
		{"1.9.0", "~*", true},
		{"1.9.9", "^1.2.3", true},
		{"1.2.2", "^1.2.3", false},
		{"2.0.0", "^ 1.2.3", false},
		{"2.0.0-0", "^1.2.3-0", false},
		{"0.2.9", "^0.2.3", true},
		{"0.3.0", "^0.2.3", false},
		{"0.0.3", "^0.0.3", true},
		{"0.0.4", "^0.0.3", false},
		{"0.0.9", "^0.0", true},
		{"0.1.0", "^0.0", false},
		{"0.9.0", "^0", true},
		{"1.0.0", "^0", false},
		{"99999999999999999999.1.0", "^99999999999999999999", true},
		{"100000000000000000000.0.0", "^99999999999999999999", false},
		{"1.5.0", ">=1.0.0 <2.0.0", true},
		{"2.0.0", ">= 1.0.0  < 2.0.0", false},
		{"2.3.4", "1.2 - 2.3.4", true},
		{"2.3.5", "1.2 - 2.3.4", false},
		{"2.3.9", "1.2.3 - 2.3", true},
		{"2.9.9", " 1.2.3\t-  2 ", true},
		{"1.2.2", "1.2.3 - 2", false},
		{"9.9.9", "1 - *", true},
		{"0.1.0", "* - 1", true},
		{"3.0.0", "1.x || >=2.5.0 || 5.0.0 - 7.2.3", true},
		{"2.0.0", "1.x||>=2.5.0", false},
		{"2.0.0", "1.x||", true}, // an empty alternative is "*"
		{"1.2.3-alpha.7", ">1.2.3-alpha.3", true},
		{"3.4.5-alpha.9", ">1.2.3-alpha.3", false}, // other numbers
		{"3.4.5", ">1.2.3-alpha.3", true},
		{"1.2.4-alpha.9", "~1.2.3-alpha.3", false},
		{"1.2.3-alpha.2", "^1.2.3-alpha.3", false},
		{"1.2.3-beta", "^1.2.3-alpha.3", true},
		{"1.2.3-beta", "^1.2.3alpha", true},
		{"1.2.3-beta", "1.2.3-alpha - 2", true},
		{"1.2.3-beta", ">=1.0.0 <=1.2.3-rc", true},
		{"1.2.3-beta", ">=1.0.0 || <1.2.3-rc", true},
		{"1.2.3-beta", ">=1.2.3-alpha <1.2 || 5", false},
		{"1.2.3-beta", "1.2.x-beta", false}, // the pre-release of open numbers is dropped
		{"1.0.0-rc", "1.0.0-rc", true},
		{"1.0.0-rc", "* || 1.0.0-rc", false}, // as node-semver has it
		{"1.0.0-rc", ">=0.0.0 || 1.0.0-rc", false},
		{"1.0.0-rc", ">=0 || 1.0.0-rc", false},
		{"1.0.0-rc", ">=0.0.0 1.0.0-rc", true},
		{"0.0.0-rc", "0 - 0.0.0-rc", true}, // ">=0.0.0" is "*" even here
		{"0.0.0-rc", "^0 0.0.0-rc", true},
	})
	checkSemverConstraintErrors(t, version.NPM, []semverConstraintError{
		{">=", 2},
		{"^", 1},
		{"~ || 1", 1},
		{"latest", 0},
		{"1.2.", 4},
		{"1.2.3.4", 5},
		{"1.2-beta", 3},
		{"1.2.3-a..b", 8},
		{">=1.0.0,<2.0.0", 7},
		{">=1.0.0<2.0.0", 7},
		{"=>1", 1},
		{"1 -2", 2},
		{"1 - ", 2},
		{"1 - 2 3", 5},
		{"1 2 - 3", 4},
		{">1 - 2", 3},
		{"1 | 2", 2},
		{"!1", 0},
	})
}

func FuzzNPM(f *testing.F) {
	f.Add("1.0.0alpha.1+b", " v= 1.0-alpha", "1.0.0.1", "^1.2 || 2 - 3.x >=1")
	f.Add("1.2.3-", "1.2.3--.a", "1-18446744073709551616", "<1.2.x-b || ~>*")
	f.Fuzz(func(t *testing.T, a, b, c, constraint string) {
		if !checkTriple(t, version.NPM, a, b, c) {
			return
		}
		r, err := version.ParseRange(version.NPM, constraint)
		if err != nil {
			return
		}
		v, err := version.Parse(version.NPM, a)
		require.NoError(t, err)
		// Whatever holds once holds twice.
		both, err := version.Satisfies(version.NPM, a, constraint+" "+constraint)
		if err == nil {
			assert.Equalf(t, r.Contains(v), both, "%q once and twice", constraint)
		}
	})
}
