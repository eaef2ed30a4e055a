package version_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

func TestCompareHex(t *testing.T) {
	checkOrder(t, version.Hex, semverOrder())
}

func TestInvalidHex(t *testing.T) {
	for _, tt := range semverInvalid() {
		checkInvalid(t, version.Hex, tt.v, "1", tt.pos)
	}
	checkInvalid(t, version.Hex, "1.0.0-", "1", 6)
}

// The rows about "~>" follow the table of
// https://hexdocs.pm/elixir/Version.html#module-requirements.
func TestSatisfiesHex(t *testing.T) {
	checkSemverConstraints(t, version.Hex, []semverConstraint{
		{"1.2.3", "", true},
		{"1.2.3", "1.2.3", true},
		{"1.2.3", "== 1.2.3+b", true},
		{"1.2.3", "!= 1.2.3", false},
		{"1.2.3", "!1.2.4", true},
		{"1.2.3", "> 1.2.3", false},
		{"1.2.3", ">= 1.2.3", true},
		{"1.2.3-rc", "< 1.2.3", true},
		{"1.2.3", "<= 1.2.2", false},
		{"2.0.9", "~> 2.0.0", true},
		{"2.1.0-rc", "~> 2.0.0", false},
		{"2.1.0", "~> 2.0.0", false},
		{"2.1.2", "~> 2.1.2", true},
		{"2.1.1", "~> 2.1.2", false},
		{"2.1.3-dev", "~> 2.1.3-dev", true},
		{"2.2.0", "~> 2.1.3-dev", false},
		{"2.9.0", "~> 2.0", true},
		{"3.0.0-rc", "~>2.0", false},
		{"2.0.0-rc", "~> 2.0", false},
		{"2.0.0-rc", "~> 2.0-beta", true},
		{"2.9.0", "~> 2.1", true},
		{"2.0.9", "~> 2.1", false},
		{"2.0.5", "~> 2.0 and < 2.1.0", true},
		{"2.1.0", "~> 2.0 and < 2.1.0", false},
		{"1.0.0", "~> 2.0 or 1.0.0", true},
		{"3.0.0", "< 1.0.0 or >= 2.0.0 and < 3.0.0", false}, // "and" binds tighter
		{"0.5.0", "< 1.0.0 or >= 2.0.0 and < 3.0.0", true},
	})
	checkSemverConstraintErrors(t, version.Hex, []semverConstraintError{
		{">=", 2},
		{">= 1.0.0 and", 12},
		{"and 1.0.0", 0},
		{"1.0.0 xor 2.0.0", 6},
		{"1.0.0, 2.0.0", 5},
		{"1.0.0 2.0.0", 6},
		{"= 1.0.0", 0},
		{"^1.0.0", 0},
		{"~> 1", 3},
		{"~> 1.x", 3},
		{"~> 1.2.3.4", 8},
		{"~> 1.2-", 7},
		{"~> 1.2+b", 6},
		{"=> 1.0.0", 0},
		{"> 1.x", 4},
	})
}

func FuzzHex(f *testing.F) {
	f.Add("1.0.0-alpha.1+b", "1.2.3", "0.0.1", "~> 1.2 and < 3.0.0 or != 1.2.3")
	f.Add("2.0.0-b", "v1", "1.0.0.1", "~> 1.2-rc or 99999999999999999999.0.0")
	f.Fuzz(func(t *testing.T, a, b, c, constraint string) {
		if !checkTriple(t, version.Hex, a, b, c) {
			return
		}
		once, err := version.Satisfies(version.Hex, a, constraint)
		if err != nil {
			return
		}
		twice, err := version.Satisfies(version.Hex, a, constraint+" or "+constraint)
		if err == nil { // not for blanks
			require.Equalf(t, once, twice, "Satisfies(%q, %q) once and twice", a, constraint)
		}
	})
}
