package version_test

import (
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// gemOrder ascends, see checkOrder.
func gemOrder() [][]string {
	return [][]string{
		{"0.A", "0.0.A"}, // upper case first
		{"0.a.b"},
		{"0.a.0.b"}, // zeros count between letters
		{"0.a.0.0.b"},
		{"0.a", "0.0.0.a", "0.a.0", "0.a.0.0"}, // but not before the first letters
		{"0.a.0.0.1"},
		{"0.a.0.1"},
		{"0.a.1", "0.a1", "0.a.01"},
		{"0-1", "0.pre.1", "0.0-1", "0-01.0"},
		{"0", "0.0", "00", " 0\n", "\f0.0.0\v"},
		{"0.0.0.1"},
		{"0.0.1"},
		{"0.1"},
		{"1.B"},
		{"1.a.a"},
		{"1.a", "1.0.0.a"},
		{"1.a.1.b", "1.a1b"},
		{"1.a.2", "1.a2"},
		{"1.a.10", "1.a10", "1.0.a10.0"},
		{"1.aa"},
		{"1.beta"},
		{"1-a", "1.pre.a", "1.0.0-a"},
		{"1-java", "1.0-java"},
		{"1--"}, // two segments
		{"1--1", "1--.1", "1-pre1"},
		{"1-1-"},
		{"1-1"},
		{"1.rc1", "1.0.rc1"},
		{"1.rc2"},
		{"1.rc10"},
		{"1", "1.0", "1.0.0", "01"},
		{"1.0.0.1a", "1.0.0.1.a"},
		{"1.0.0.1"},
		{"1.0.1.rc1"},
		{"1.0.1"},
		{"1.1"},
		{"1.9"},
		{"1.10"},
		{"2"},
		{"20231231235959"},
		{"99999999999999999998"},
		{"99999999999999999999.a"},
		{"99999999999999999999"},
	}
}

func TestCompareGem(t *testing.T) {
	checkOrder(t, version.Gem, gemOrder())
}

// TestGemVectors has the pairs of RubyGems' own test,
// https://github.com/ruby/rubygems/blob/master/test/rubygems/test_gem_version.rb
// (MIT or Ruby licence; the pairs and their results are facts). The pairs with
// the empty version and with "+", which is refused today, are left out.
func TestGemVectors(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"1.0", "1.0.0", 0},
		{"1.0", "1.0.a", 1},
		{"1.8.2", "0.0.0", 1},
		{"1.8.2", "1.8.2.a", 1},
		{"1.8.2.b", "1.8.2.a", 1},
		{"1.8.2.a", "1.8.2", -1},
		{"1.8.2.a10", "1.8.2.a9", 1},
		{"1.2.b1", "1.2.b.1", 0},
		{" 1.0 ", "1.0", 0},
		{"\n1.0\n", "1.0", 0},
		{"1.0.0-alpha", "1.0.0-alpha.1", -1},
		{"1.0.0-alpha.1", "1.0.0-beta.2", -1},
		{"1.0.0-beta.2", "1.0.0-beta.11", -1},
		{"1.0.0-beta.11", "1.0.0-rc.1", -1},
		{"1.0.0-rc.1", "1.0.0", -1},
	}
	for _, tt := range tests {
		checkPair(t, version.Gem, tt.a, tt.b, tt.want)
		checkPair(t, version.Gem, tt.b, tt.a, -tt.want)
	}
}

func TestInvalidGem(t *testing.T) {
	tests := []struct {
		v   string
		pos int
	}{
		{"", 0}, // 0 for RubyGems
		{" \n", 0},
		{"a", 0},
		{".1", 0},
		{" -1", 1},
		{"1a", 1},
		{"1.", 1},
		{"1..2", 1},
		{"1.a-", 3},
		{"1.-a", 1},
		{"1-.a", 1},
		{"1-a.", 3},
		{"1-a..b", 3},
		{"1_0", 1},
		{"1+b", 1},
		{"1 0", 1},
		{"1\x00", 1},
		{"1.٣", 1},
		{"٣", 0},
		{strings.Repeat("1", 4097), 4096},
	}
	for _, tt := range tests {
		checkInvalid(t, version.Gem, tt.v, "1", tt.pos)
	}
}

func TestSatisfiesGem(t *testing.T) {
	tests := []struct {
		v, constraint string
		want          bool
	}{
		{"1.2", "", true},
		{"1.2.a", " ", true},
		{"1.2", "1.2.0", true},
		{"1.2", "= 1.3", false},
		{"1.2", "!= 1.2.0", false},
		{"1.3", "!=1.2", true},
		{"1.2.a", "< 1.2", true}, // pre-releases are versions like others
		{"1.2", "<= 1.2", true},
		{"1.2.1", "<= 1.2", false},
		{"1.2", ">= 1.2.a", true},
		{"1.2", "> 1.2", false},
		{"1.9", "~> 1.2", true},
		{"1.1", "~> 1.2", false},
		{"2.0", "~> 1.2", false},
		{"2.0.a", "~> 1.2", false}, // its release counts
		{"1.2.9", "~> 1.2.3", true},
		{"1.3", "~> 1.2.3", false},
		{"1.2.3.a", "~> 1.2.3", false},
		{"1.9", "~> 1", true},
		{"2", "~> 1", false},
		{"1.0.9", "~> 1.0.0.rc1", true},
		{"1.0.0.rc1", "~> 1.0.0.rc1", true},
		{"1.1", "~> 1.0.0.rc1", false},
		{"1.a", "~> 1.a", true},
		{"2.b", "~> 1.a", false},
		{"1.0", "~> 1.0-1", true},
		{"1.5", ">= 1.0, < 2.0", true},
		{"2.5", ">=1.0,<2.0", false},
		{"7.0.4.2", "~> 7.0, >= 7.0.4.1", true},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.Gem, tt.v, tt.constraint)
		require.NoErrorf(t, err, "Satisfies(gem, %q, %q)", tt.v, tt.constraint)
		assert.Equalf(t, tt.want, got, "Satisfies(gem, %q, %q)", tt.v, tt.constraint)
	}
}

func TestSatisfiesGemErrors(t *testing.T) {
	tests := []struct {
		constraint string
		pos        int
	}{
		{">=", 2},
		{",", 0},
		{">= 1,", 5},
		{"== 1", 0},
		{"=> 1", 0},
		{"~ 1", 0},
		{"^ 1", 0},
		{">= 1 < 2", 4},
		{">= 1 || < 1", 4},
		{"< 2, >= 1.x.", 11},
		{strings.Repeat(" ", 65537), 65536},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.Gem, "1", tt.constraint)
		var perr *version.ParseError
		require.ErrorAsf(t, err, &perr, "Satisfies(gem, 1, %q)", tt.constraint)
		assert.False(t, got)
		assert.Equal(t, version.ParseError{Scheme: version.Gem, Text: tt.constraint, Pos: tt.pos, Reason: perr.Reason}, *perr)
	}
}

func FuzzGem(f *testing.F) {
	f.Add("1.0.0.rc1", "1.0-java", "1.rc.0.0.1")
	f.Add("1.a.0.0", "1.0.a", "1.a.0.b")
	f.Add("18446744073709551616", "18446744073709551615", "000")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if !checkTriple(t, version.Gem, a, b, c) {
			return
		}
		got, err := version.Compare(version.Gem, a, b)
		require.NoError(t, err)
		require.Equalf(t, compareGemSlowly(a, b), got, "Compare(%q, %q) and the reference", a, b)
		for op, want := range map[string]bool{"<": got < 0, "<=": got <= 0, "=": got == 0, "!=": got != 0, ">=": got >= 0, ">": got > 0} {
			ok, err := version.Satisfies(version.Gem, a, op+b)
			require.NoErrorf(t, err, "Satisfies(%q, %q)", a, op+b)
			require.Equalf(t, want, ok, "Satisfies(%q, %q)", a, op+b)
		}
	})
}

var gemSegmentPattern = regexp.MustCompile(`[0-9]+|[A-Za-z]+`)

// compareGemSlowly compares two valid versions as lists of texts, from which
// the zeros that do not count are removed.
func compareGemSlowly(a, b string) int {
	split := func(v string) []string {
		list := gemSegmentPattern.FindAllString(strings.ReplaceAll(v, "-", ".pre."), -1)
		first := 0
		for first < len(list) && strings.Trim(list[first], "0123456789") == "" {
			first++
		}
		release := first
		for release > 0 && strings.Trim(list[release-1], "0") == "" {
			release--
		}
		return append(list[:release:release], list[first:]...)
	}
	x, y := split(a), split(b)
	for i := range max(len(x), len(y)) {
		textA, textB := "0", "0"
		if i < len(x) {
			textA = x[i]
		}
		if i < len(y) {
			textB = y[i]
		}
		numberA, okA := new(big.Int).SetString(textA, 10)
		numberB, okB := new(big.Int).SetString(textB, 10)
		c := 0
		switch {
		case okA && okB:
			c = numberA.Cmp(numberB)
		case okA:
			c = 1
		case okB:
			c = -1
		default:
			c = strings.Compare(textA, textB)
		}
		if c != 0 {
			return c
		}
	}
	return 0
}
