package version_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

func TestCompareConan(t *testing.T) {
	checkOrder(t, version.Conan, [][]string{
		{"0-0", "0.0-0.0"}, // no items left, the lowest pre-release
		{"0-"},
		{"0", "0.0", "00"},
		{"0+0", "0.0+0.0"},
		{"-0", "-0.0"}, // the item before is empty, but there is one
		{"-"},
		{"+0"},
		{"0.0.1"},
		{"0.0a", "0.00a"},
		{"0.1"},
		{"0.1.!"},
		{"0a"},
		{"1-0"},
		{"1-"},
		{"1-!"},
		{"1-1", "1.0-1.0", "1-01"},
		{"1-1.a"},
		{"1-2"},
		{"1-10"},
		{"1-alpha"},
		{"1-alpha+1"}, // builds of pre-releases, too
		{"1-alpha.1"},
		{"1-alpha-beta"},
		{"1-rc", "1-rc.0"},
		{"1", "1.0", "1.0.0", "01"},
		{"1+0", "1.0+0.0"},
		{"1+"},
		{"1+2"},
		{"1+10"},
		{"1+a"},
		{"1."}, // an empty item is text, below numbers
		{"1..1"},
		{"1.0.1"},
		{"1.1.1"},
		{"1.1.1a"},
		{"1.1.1k"},
		{"1.1.2"},
		{"1.1.10"},
		{"1.1.10a"},
		{"1.2"},
		{"1.10"},
		{"1.cci.20200101"},
		{"1a"},
		{"2"},
		{"9d"},
		{"9e"},
		{"10"},
		{"10a"},
		{"20231231235959"},
		{"99999999999999999999"},
		{"A"},
		{"cci.20200101"},
		{"cci.20200102"},
		{"system"},
		{"v1"},
	})
}

func TestInvalidConan(t *testing.T) {
	tests := []struct {
		v   string
		pos int
	}{
		{"", 0},
		{" 1", 0},
		{"1 ", 1},
		{"1\x00", 1},
		{"1.\u0661", 2},
		{"1\x7f", 1},
		{strings.Repeat("1", 4097), 4096},
	}
	for _, tt := range tests {
		checkInvalid(t, version.Conan, tt.v, "1", tt.pos)
	}
	for _, piece := range []string{"0.", ".", "-", "+", "0", "1."} {
		_, err := version.Key(version.Conan, strings.Repeat(piece, 2048))
		assert.NoErrorf(t, err, "many %q", piece)
	}
}

func TestSatisfiesConan(t *testing.T) {
	checkSemverConstraints(t, version.Conan, []semverConstraint{
		{"1.5", "", true},
		{"1.5", "[]", true},
		{"1.5", "[*]", true},
		{"1.5-rc", "*", false},
		{"1.5-rc", "[*, include_prerelease]", true},
		{"1.5", "[>1 <2]", true},
		{"1.5", ">1 <2", true},
		{"2", "[>1 <2]", false},
		{"1.0.1", ">1", true},
		{"1.0+b", ">1", true},
		{"1", ">=1", true},
		{"1-rc", ">=1,include_prerelease", true},
		{"1-rc", ">=1-sc, include_prerelease", false},
		{"2-rc", "<2, include_prerelease", false},
		{"2-rc", "<=2, include_prerelease", true},
		{"2.0", "<=2", true},
		{"1.5", "1.5", true},
		{"1.5.1", "=1.5", false},
		{"1.5.9", "~1.5", true},
		{"1.6", "~1.5", false},
		{"1.5.1", "~1.5.2", false},
		{"1.9", "~1", true},
		{"2", "~1", false},
		{"1.9", "^1.2", true},
		{"1.1", "^1.2", false},
		{"2", "^1.2", false},
		{"0.1.9", "^0.1.2", true},
		{"0.2", "^0.1.2", false},
		{"0.0.1", "^0.0", true},
		{"0.1", "^0.0", false},
		{"3", "<1 || >2", true},
		{"1.5", "[<1||>2]", false},
	})
	checkSemverConstraintErrors(t, version.Conan, []semverConstraintError{
		{"[>1", 0},
		{"[", 0},
		{">= 1", 2},
		{"==1", 0},
		{"~=1", 0},
		{"~>1", 0},
		{"^", 1},
		{"^a", 1},
		{"~1.a", 1},
		{"^1a", 1},
		{">1, <2", 4},
		{">1,", 3},
		{">\u00e9", 1},
	})
}

func FuzzConan(f *testing.F) {
	f.Add("1.1.1k", "1.1.10", "1.1.1-a.0+b", "[~1.2 || ^0.0, include_prerelease]")
	f.Add("cci.20200101", "1a+b+c", "1--", ">=1 <2.a")
	f.Add("-", "0.0+", "+-", "*")
	f.Fuzz(func(t *testing.T, a, b, c, constraint string) {
		if !checkTriple(t, version.Conan, a, b, c) {
			return
		}
		once, err := version.Satisfies(version.Conan, a, constraint)
		if err != nil || strings.ContainsAny(constraint, ",[") {
			return
		}
		twice, err := version.Satisfies(version.Conan, a, constraint+" || "+constraint)
		require.NoErrorf(t, err, "%q twice", constraint)
		if strings.TrimSpace(constraint) != "" {
			require.Equalf(t, once, twice, "Satisfies(%q, %q) once and twice", a, constraint)
		}
	})
}
