package version_test

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

func TestCompareCRAN(t *testing.T) {
	checkOrder(t, version.CRAN, [][]string{
		{"0", "00"},
		{"0.0", "0-0", "00.000"}, // longer is higher
		{"0.0.0"},
		{"0.1"},
		{"1", "01"},
		{"1.0"},
		{"1.0.0", "1-0.0", "1.0-0", "1-0-0"},
		{"1.2-3", "1.2.3", "1-2-3", "1.02-03"},
		{"1.2-3.1", "1.2.3-1"},
		{"1.2-10"},
		{"1.10"},
		{"2.0"},
		{"2024.01-15"},
		{"99999999999999999998"}, // beyond R's numbers
		{"99999999999999999999"},
		{"99999999999999999999.1"},
		{"100000000000000000000"},
	})
}

func TestInvalidCRAN(t *testing.T) {
	tests := []struct {
		v   string
		pos int
	}{
		{"", 0},
		{" 1", 0},
		{"1 ", 1},
		{"1.", 2},
		{"1-", 2},
		{".1", 0},
		{"-1", 0},
		{"1..2", 2},
		{"1.-2", 2},
		{"1a", 1},
		{"1_2", 1},
		{"1.٣", 2},
		{"1\x002", 1},
		{strings.Repeat("1", 4097), 4096},
	}
	for _, tt := range tests {
		checkInvalid(t, version.CRAN, tt.v, "1", tt.pos)
	}
}

func TestSatisfiesCRAN(t *testing.T) {
	tests := []struct {
		v, constraint string
		want          bool
	}{
		{"1.0", "", true},
		{"1.0", "1.0", true},
		{"1.0.0", "== 1.0", false},
		{"1-0", "==1.0", true},
		{"1.0", "!= 1.0", false},
		{"1.0.0", "!=1.0", true},
		{"1.0", "< 1.0.0", true},
		{"1.0", "<= 1.0", true},
		{"1.0", ">= 1.0", true},
		{"1.0", "> 1.0", false},
		{"3.5.1", "(>= 3.5.0)", true},
		{"4.0", "( >= 3.5.0 ), (< 4)", false},
		{"3.9-1", ">= 3.5.0, < 4", true},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.CRAN, tt.v, tt.constraint)
		require.NoErrorf(t, err, "Satisfies(cran, %q, %q)", tt.v, tt.constraint)
		assert.Equalf(t, tt.want, got, "Satisfies(cran, %q, %q)", tt.v, tt.constraint)
	}
}

func TestSatisfiesCRANErrors(t *testing.T) {
	tests := []struct {
		constraint string
		pos        int
	}{
		{">=", 2},
		{",", 0},
		{">= 1,", 5},
		{"= 1", 0},
		{"=> 1", 0},
		{"(>= 1", 0},
		{"(", 0},
		{"()", 1},
		{">= 1 < 2", 4},
		{"< 2, >= 1.x", 10},
		{strings.Repeat(" ", 65537), 65536},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.CRAN, "1", tt.constraint)
		var perr *version.ParseError
		require.ErrorAsf(t, err, &perr, "Satisfies(cran, 1, %q)", tt.constraint)
		assert.False(t, got)
		assert.Equal(t, version.ParseError{Scheme: version.CRAN, Text: tt.constraint, Pos: tt.pos, Reason: perr.Reason}, *perr)
	}
}

func FuzzCRAN(f *testing.F) {
	f.Add("1.2-3", "1.2.3", "1.2")
	f.Add("18446744073709551616", "18446744073709551615-0", "000")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if !checkTriple(t, version.CRAN, a, b, c) {
			return
		}
		got, err := version.Compare(version.CRAN, a, b)
		require.NoError(t, err)
		require.Equalf(t, compareNumbersSlowly(a, b), got, "Compare(%q, %q) and the reference", a, b)
		for op, want := range map[string]bool{"<": got < 0, "<=": got <= 0, "==": got == 0, "!=": got != 0, ">=": got >= 0, ">": got > 0} {
			ok, err := version.Satisfies(version.CRAN, a, op+b)
			require.NoErrorf(t, err, "Satisfies(%q, %q)", a, op+b)
			require.Equalf(t, want, ok, "Satisfies(%q, %q)", a, op+b)
		}
	})
}

// compareNumbersSlowly compares two lists of numbers with "." or "-" between.
func compareNumbersSlowly(a, b string) int {
	split := func(v string) (list []*big.Int) {
		for digits := range strings.SplitSeq(strings.ReplaceAll(v, "-", "."), ".") {
			n, _ := new(big.Int).SetString(digits, 10)
			list = append(list, n)
		}
		return list
	}
	return slices.CompareFunc(split(a), split(b), (*big.Int).Cmp)
}
