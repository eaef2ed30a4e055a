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

// debOrder ascends, see checkOrder.
func debOrder() [][]string {
	return [][]string{
		{"~~"},
		{"~"},
		{"0~~"},
		{"0~"},
		{"0", "0-0", "00", "0:0", " 0 "},
		{"0-1"},
		{"0.0", "0.0-0"}, // a text after the number, even if only "."
		{"0.1"},
		{"1.0~~"},
		{"1.0~"},
		{"1.0~a"},
		{"1.0~rc1"},
		{"1.0-~"}, // "~" in the revision
		{"1.0", "1.0-0", "1.0-00", "01.00", "0:1.0", " +0:1.0", " -0:1.0", "\t1.0\t"},
		{"1.0-0a", "1.0-0a0"}, // no number is 0
		{"1.0-1~deb11u1"},
		{"1.0-1", "1.0-01", "1.00-1"},
		{"1.0-1+b1"},
		{"1.0-1.1"},
		{"1.0-2"},
		{"1.0-10"},
		{"1.0-a"},
		{"1.0A"},
		{"1.0Z"},
		{"1.0a", "1.0a0", "1.0a-0"}, // letters by code, upper case first
		{"1.0a1"},
		{"1.0ab"},
		{"1.0a+"}, // letters before all else
		{"1.0z"},
		{"1.0\x80", "1.0\x80-0"}, // beyond ASCII, between letters and the rest
		{"1.0é"},
		{"1.0\xff"},
		{"1.0\n"}, // not a blank for dpkg
		{"1.0!"},
		{"1.0+"},
		{"1.0+deb12u9"},
		{"1.0+deb12u10"},
		{"1.0,"},
		{"1.0-1-1"}, // the last hyphen begins the revision
		{"1.0."},
		{"1.0.1"},
		{"1.0/"},
		{"1.0@"},
		{"1.0_1"},
		{"1.0|"},
		{"1.1"},
		{"2.0"},
		{"20230717-1"},
		{"99999999999999999998"}, // beyond 64 bits
		{"99999999999999999999", "0099999999999999999999"},
		{"100000000000000000000"},
		{"a"},
		{"kernel-image-2.4.17-ia64"}, // from Debian's own tracker
		{"1:~"},
		{"1:0.9", "01:0.9", " +1:0.9", "\r\n1:0.9", "0000000000000000000001:0.9"},
		{"1:1.0"},
		{"1:1:1"}, // with an epoch, the upstream version may have colons
		{"1::1"},
		{"2:0"},
		{"2147483647:0"},
	}
}

func TestCompareDeb(t *testing.T) {
	checkOrder(t, version.Deb, debOrder())
}

func TestInvalidDeb(t *testing.T) {
	tests := []struct {
		v   string
		pos int
	}{
		{"", 0},
		{" \t", 0},
		{"1 0", 1},
		{"1\t0", 1},
		{"1\x000", 1},
		{":1", 0},
		{"a:1", 0},
		{"1a:1", 0},
		{"0x1:1", 0},
		{"+:1", 0},
		{"1-1:1", 0},
		{" -1:1", 1},
		{"2147483648:1", 0},
		{"99999999999999999999999:1", 0},
		{"1:", 2},
		{"1: ", 2},
		{"1.0-", 4},
		{"1.0-1-", 6},
		{"-1", 0},
		{"1:-1", 2},
		{"--", 2},
		{strings.Repeat("1", 4097), 4096},
	}
	for _, tt := range tests {
		checkInvalid(t, version.Deb, tt.v, "1", tt.pos)
	}
	_, err := version.Key(version.Deb, strings.Repeat("1", 4096))
	assert.NoError(t, err, "the longest version")
}

func TestSatisfiesDeb(t *testing.T) {
	tests := []struct {
		v, constraint string
		want          bool
	}{
		{"1.0", "", true},
		{"1.0", " \n", true},
		{"1.0", "<< 1.0", false},
		{"1.0~rc1", "<< 1.0", true},
		{"1.0", "<= 1.0", true},
		{"1.0-1", "<= 1.0", false},
		{"1.0", "= 1.0-0", true},
		{"1.0", "= 1.1", false},
		{"1.0", "1.0", true}, // dpkg: implicit exact match
		{"1.0", "1.1", false},
		{"1.0", ">= 1.0", true},
		{"1.0", ">= 1:0", false},
		{"1.0", ">> 1.0", false},
		{"1.0+deb12u1", ">> 1.0", true},
		{"1.0", "< 1.0", true}, // obsolete spelling of <=
		{"1.0", "> 1.0", true}, // obsolete spelling of >=
		{"1.1", "< 1.0", false},
		{"0.9", "> 1.0", false},
		{"1.0", "<<2", true}, // no blank needed
		{"1.0", "(>= 0.9)", true},
		{"1.0", "( >= 1.1 )", false},
		{"1.5", ">= 1.0, << 2.0", true},
		{"2.0", ">= 1.0, << 2.0", false},
		{"0.5", ">= 1.0, << 2.0", false},
		{"3", "<< 1 | >> 2", true},
		{"1.5", "<< 1 | >> 2", false},
		{"3", "<< 1 | >> 2, << 4", true}, // "|" binds tighter
		{"5", "<< 1 | >> 2, << 4", false},
		{"0", "<< 1 | >> 2, << 4", true},
		{"0", "<< 4, >> 2 | << 1", true},
		{"5", ">> 2 | << 1, << 4 | = 5", true},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.Deb, tt.v, tt.constraint)
		require.NoErrorf(t, err, "Satisfies(deb, %q, %q)", tt.v, tt.constraint)
		assert.Equalf(t, tt.want, got, "Satisfies(deb, %q, %q)", tt.v, tt.constraint)
	}
}

func TestSatisfiesDebErrors(t *testing.T) {
	tests := []struct {
		constraint string
		pos        int
	}{
		{">=", 2},
		{">= ,", 2},
		{",", 0},
		{">= 1,", 5},
		{">= 1,, << 2", 5},
		{"| = 1", 0},
		{"== 1", 0},
		{"<> 1", 0},
		{">>= 1", 0},
		{">= 1 << 2", 4}, // a blank inside the version
		{"= 2, = 1-", 9}, // after what decides
		{"= 1 | = x:1", 8},
		{"(= 1", 0},
		{"(", 0},
		{"()", 1},
		{strings.Repeat(" ", 65537), 65536},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.Deb, "1", tt.constraint)
		var perr *version.ParseError
		require.ErrorAsf(t, err, &perr, "Satisfies(deb, 1, %q)", tt.constraint)
		assert.False(t, got)
		assert.Equal(t, version.Deb, perr.Scheme)
		assert.Equal(t, tt.constraint, perr.Text)
		assert.Equalf(t, tt.pos, perr.Pos, "Satisfies(deb, 1, %q): %v", tt.constraint, err)
	}
}

func FuzzDeb(f *testing.F) {
	f.Add("1:1.0~rc1-1+deb12u1", "1.0-1", "2147483647:1.0")
	f.Add("1.0a", "1.0a0", "1.0+")
	f.Add("\n+1:a", "1\x80", "1|~")
	f.Add("18446744073709551616", "18446744073709551615", "000")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if !checkTriple(t, version.Deb, a, b, c) {
			return
		}
		got, err := version.Compare(version.Deb, a, b)
		require.NoError(t, err)
		require.Equalf(t, compareDebSlowly(a, b), got, "Compare(%q, %q) and the reference", a, b)
		if strings.ContainsAny(b, ",|()<>=\n\r") {
			return // not to be had in a constraint
		}
		for op, want := range map[string]bool{"<<": got < 0, "<=": got <= 0, "=": got == 0, ">=": got >= 0, ">>": got > 0} {
			ok, err := version.Satisfies(version.Deb, a, op+b)
			require.NoErrorf(t, err, "Satisfies(%q, %q)", a, op+b)
			require.Equalf(t, want, ok, "Satisfies(%q, %q)", a, op+b)
		}
	})
}

// compareDebSlowly compares two valid versions by splitting them into lists
// of weights and numbers first.
func compareDebSlowly(a, b string) int {
	split := func(v string) (parts [3]string) {
		v = strings.Trim(v, " \t")
		if epoch, rest, ok := strings.Cut(v, ":"); ok {
			parts[0], v = strings.Trim(epoch, "+-\n\v\f\r"), rest
		}
		parts[1] = v
		if i := strings.LastIndexByte(v, '-'); i >= 0 {
			parts[1], parts[2] = v[:i], v[i+1:]
		}
		return parts
	}
	x, y := split(a), split(b)
	for i := range x {
		for x[i] != "" || y[i] != "" {
			textA, textB := debWeights(&x[i]), debWeights(&y[i])
			if c := slices.Compare(textA, textB); c != 0 {
				return c
			}
			if c := leadingNumber(&x[i]).Cmp(leadingNumber(&y[i])); c != 0 {
				return c
			}
		}
	}
	return 0
}

// debWeights takes the text at the beginning of s, as ranks and a final 0.
func debWeights(s *string) []int {
	const ranks = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var weights []int
	for ; *s != "" && strings.IndexByte("0123456789", (*s)[0]) < 0; *s = (*s)[1:] {
		c := (*s)[0]
		weight := 1000 + int(c)
		if i := strings.IndexByte(ranks, c); i >= 0 {
			weight = 1 + i
		} else if c > 127 {
			weight = 500 + int(c)
		} else if c == '~' {
			weight = -1
		}
		weights = append(weights, weight)
	}
	return append(weights, 0)
}

// leadingNumber takes the number at the beginning of s.
func leadingNumber(s *string) *big.Int {
	rest := strings.TrimLeft(*s, "0123456789")
	n, _ := new(big.Int).SetString("0"+(*s)[:len(*s)-len(rest)], 10)
	*s = rest
	return n
}
