package version_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

func TestCompareHackage(t *testing.T) {
	checkOrder(t, version.Hackage, [][]string{
		{"0"},
		{"0.0"}, // longer is higher
		{"0.0.0"},
		{"0.1"},
		{"1"},
		{"1.0"},
		{"1.0.0"},
		{"1.0.0.1"},
		{"1.2"},
		{"1.2.3.4.5"},
		{"1.10"},
		{"2"},
		{"20231231"},
		{"99999999999999999998"}, // beyond Cabal's numbers
		{"99999999999999999999"},
		{"100000000000000000000"},
	})
}

func TestInvalidHackage(t *testing.T) {
	tests := []struct {
		v   string
		pos int
	}{
		{"", 0},
		{" 1", 0},
		{"1 ", 1},
		{"1.", 2},
		{".1", 0},
		{"1..2", 2},
		{"01", 0},
		{"1.00", 2},
		{"1-2", 1},
		{"1.0-beta", 3},
		{"1a", 1},
		{"1.*", 2},
		{"1.٣", 2},
		{strings.Repeat("1", 4097), 4096},
	}
	for _, tt := range tests {
		checkInvalid(t, version.Hackage, tt.v, "1", tt.pos)
	}
}

func TestSatisfiesHackage(t *testing.T) {
	tests := []struct {
		v, constraint string
		want          bool
	}{
		{"1.0", "", true},
		{"1.0", "-any", true},
		{"1.0", "-none", false},
		{"1.0", "== 1.0", true},
		{"1.0.0", "==1.0", false},
		{"1.0", "< 1.0.0", true},
		{"1.0", "<= 1.0", true},
		{"1.0", ">= 1.0", true},
		{"1.0", "> 1.0", false},
		{"1.2", "== 1.2.*", true},
		{"1.2.9", "==1.2.*", true},
		{"1.20", "==1.2.*", false},
		{"1", "==1.2.*", false},
		{"1.2.3", "^>= 1.2.3", true},
		{"1.2.9.1", "^>=1.2.3", true},
		{"1.3", "^>= 1.2.3", false},
		{"1.2.2", "^>= 1.2.3", false},
		{"1.0.5", "^>= 1", true}, // the major version is 1.0
		{"1.1", "^>= 1", false},
		{"1", "^>= 1", true},
		{"1.9.5", "^>= 1.9", true},
		{"1.10", "^>= 1.9", false},
		{"1.4", "^>= {1.2, 1.4.0.0}", false},
		{"1.4.1", "^>= { 1.2 , 1.4.0.0 }", true},
		{"1.2.5", "^>={1.2,1.4.0.0,1.6}", true},
		{"1.6", "== { 1.2, 1.6 }", true},
		{"1.6", "== { 1.6.* }", true},
		{"1.5", ">= 1.0 && < 2", true},
		{"2", ">= 1.0 && < 2", false},
		{"3", "< 1 || > 2", true},
		{"1", "== 1 || == 2 && == 3", true}, // "&&" binds tighter
		{"1", "== 3 && == 2 || == 1", true},
		{"1", "(== 1 || == 2) && == 3", false},
		{"3", "== 3 && ((== 2) || (>= 3))", true},
		{"1", strings.Repeat("(", 20000) + "== 1" + strings.Repeat(")", 20000), true},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.Hackage, tt.v, tt.constraint)
		require.NoErrorf(t, err, "Satisfies(hackage, %q, %q)", tt.v, tt.constraint)
		assert.Equalf(t, tt.want, got, "Satisfies(hackage, %q, %q)", tt.v, tt.constraint)
	}
}

func TestSatisfiesHackageErrors(t *testing.T) {
	tests := []struct {
		constraint string
		pos        int
	}{
		{"1.0", 0}, // no operator
		{">=", 2},
		{"= 1", 0},
		{"/= 1", 0},
		{"> 1.*", 4},
		{"^>= 1.*", 6},
		{"== 1.*.*", 5},
		{"== *", 3},
		{"== 01", 3},
		{">= 1 < 2", 5},
		{">= 1, < 2", 4},
		{">= 1 &&", 7},
		{"|| > 1", 0},
		{"(> 1", 4},
		{"> 1)", 3},
		{"()", 1},
		{"== {}", 4},
		{"== {1", 5},
		{"== {1 2}", 6},
		{">= {1}", 3},
		{"-an", 0},
		{strings.Repeat(" ", 65537), 65536},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.Hackage, "1", tt.constraint)
		var perr *version.ParseError
		require.ErrorAsf(t, err, &perr, "Satisfies(hackage, 1, %q)", tt.constraint)
		assert.False(t, got)
		assert.Equal(t, version.ParseError{Scheme: version.Hackage, Text: tt.constraint, Pos: tt.pos, Reason: perr.Reason}, *perr)
	}
}

func FuzzHackage(f *testing.F) {
	f.Add("1.2.3", "1.2", "1.2.0")
	f.Add("18446744073709551616", "18446744073709551615.0", "0")
	f.Add("1", "{1,2}) || (>= 3", "1.* && ((< 2))")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		// Any text as a constraint, and as a part of a tautology.
		ok, err := version.Satisfies(version.Hackage, "1.2", b)
		if negated, bothErr := version.Satisfies(version.Hackage, "1.2", "-none && ("+b+")"); err == nil && strings.Trim(b, " \t\r\n") != "" {
			require.NoErrorf(t, bothErr, "constraint %q", b)
			require.Falsef(t, negated, "constraint %q", b)
			same, err := version.Satisfies(version.Hackage, "1.2", "-none || ("+b+")")
			require.NoErrorf(t, err, "constraint %q", b)
			require.Equalf(t, ok, same, "constraint %q", b)
		}
		if !checkTriple(t, version.Hackage, a, b, c) {
			return
		}
		got, err := version.Compare(version.Hackage, a, b)
		require.NoError(t, err)
		require.Equalf(t, compareNumbersSlowly(a, b), got, "Compare(%q, %q) and the reference", a, b)
		for op, want := range map[string]bool{"<": got < 0, "<=": got <= 0, "==": got == 0, ">=": got >= 0, ">": got > 0} {
			ok, err := version.Satisfies(version.Hackage, a, op+b)
			require.NoErrorf(t, err, "Satisfies(%q, %q)", a, op+b)
			require.Equalf(t, want, ok, "Satisfies(%q, %q)", a, op+b)
		}
	})
}
