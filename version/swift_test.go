package version_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

func TestCompareSwift(t *testing.T) {
	checkOrder(t, version.Swift, semverOrder())
}

func TestInvalidSwift(t *testing.T) {
	for _, tt := range semverInvalid() {
		checkInvalid(t, version.Swift, tt.v, "1", tt.pos)
	}
	checkInvalid(t, version.Swift, "1.0.0-", "1", 6)
}

func TestSatisfiesSwift(t *testing.T) {
	checkSemverConstraints(t, version.Swift, []semverConstraint{
		{"1.2.3", "", true},
		{"1.2.3", "1.2.3", true},
		{"1.2.3", `"1.2.4"`, false},
		{"1.2.3+b", `exact: "1.2.3"`, true},
		{"1.2.3", `.exact("1.2.3")`, true},
		{"1.9.0", `from: "1.2.3"`, true},
		{"2.0.0", `from:"1.2.3"`, false},
		{"0.9.0", `from: "0.2.3"`, true}, // to 1.0.0, unlike npm
		{"1.2.2", `.upToNextMajor(from: "1.2.3")`, false},
		{"1.9.0", `.upToNextMajor(from: "1.2.3")`, true},
		{"1.2.9", `.upToNextMinor(from: "1.2.3")`, true},
		{"1.3.0", `.upToNextMinor(from: 1.2.3)`, false},
		{"1.1.0", `.upToNextMinor(from: "1")`, false},
		{"1.5.0", `"1.2.3"..<"2.0.0"`, true},
		{"2.0.0", ` 1.2.3 ..< 2.0.0 `, false},
		{"2.0.0", `"1.2.3"..."2.0.0"`, true},
		{"2.0.1", `"1.2.3"..."2.0.0"`, false},
		{"1.5.0-rc", `"1.2.3"..<"2.0.0"`, false},
		{"1.5.0-rc", `"1.2.3-a"..<"2.0.0"`, true},
		{"2.0.0-rc", `"1.2.3-a"..<"2.0.0"`, false},
		{"2.0.0-a", `"1.2.3"..<"2.0.0-b"`, true},
		{"1.5.0-rc", `from: "1.2.3-a"`, true},
		{"2.0.0-rc", `from: "1.2.3-a"`, false},
	})
	checkSemverConstraintErrors(t, version.Swift, []semverConstraintError{
		{"from:", 5},
		{`.exact("1.2.3"`, 14},
		{`"1.2.3`, 0},
		{`1.2.3..<`, 8},
		{`..<1.2.3`, 0},
		{`1.x...2`, 2},
		{">=1.2.3", 0},
		{`branch: "main"`, 0},
		{"from: " + strings.Repeat("9", 4096), 6},
	})
}

func FuzzSwift(f *testing.F) {
	f.Add("1.0.0-alpha.1+b", "1.2.3", "0.0.1", `"1.0.0-a"..<"2.0.0"`)
	f.Add("0.2.3-b", "v1", "1.0.0.1", `.upToNextMinor(from: "0.2.3-a")`)
	f.Fuzz(func(t *testing.T, a, b, c, constraint string) {
		if !checkTriple(t, version.Swift, a, b, c) {
			return
		}
		_, _ = version.Satisfies(version.Swift, a, constraint)
		got, err := version.Compare(version.Swift, a, b)
		require.NoError(t, err)
		if len(a) > 4000 || len(b) > 4000 {
			return
		}
		ok, err := version.Satisfies(version.Swift, a, a+"..."+b)
		require.NoErrorf(t, err, "%q...%q", a, b)
		require.Truef(t, got <= 0 || !ok, "Satisfies(%q, %q)", a, a+"..."+b)
	})
}
