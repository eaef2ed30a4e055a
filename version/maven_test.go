package version_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// mavenOrder ascends, see checkOrder. Much of it is known from
// ComparableVersionTest of Maven 3.9, Apache-2.0.
func mavenOrder() [][]string {
	return [][]string{
		{"alpha", "0-alpha", "0.0.alpha", "ALPHA"},
		{"snapshot"},
		{"0", "0.0", "00", "-", ".", "ga", "final.0", "0000000000000000000000"},
		{"a"}, // an unknown qualifier, no digit follows
		{"0-1", "0.0-1", "ga1"},
		{"0.0.1"},
		{"0.1"},
		{"1-alpha-SNAPSHOT"},
		{"1-alpha", "1alpha", "1.0.alpha", "1-0-alpha", "1.0.0-alpha.0"},
		{"1-alpha2snapshot"},
		{"1-alpha2", "1a2", "1.0-a2", "1.alpha-2"},
		{"1-alpha10"},
		{"1-alpha.1"}, // after "." a number is more than after "-"
		{"1-beta", "1.BETA"},
		{"1-b1", "1-beta-1"},
		{"1-milestone"},
		{"1-m1", "1m1"},
		{"1-rc", "1-cr", "1Cr"},
		{"1-rc1", "1.0.0.RC1"},
		{"1-rc2"},
		{"1-SNAPSHOT", "1.0.snapshot"},
		{"1", "1.0", "1.0.0", "01", "1-0", "1.ga", "1-final", "1.RELEASE", "1.0.0.Final", "1-release.0", "1-", "1."},
		{"1-final.1"},
		{"1-sp"},
		{"1-sp1", "1-sp-1"},
		{"1-abc"},
		{"1-abc1"},
		{"1-abc-99999999999999999999"}, // beyond 64 bits
		{"1-abc-100000000000000000000"},
		{"1-b"},
		{"1-jre"},
		{"1-x.1"},
		{"1-z"},
		{"1-é", "1-É"},
		{"1-0-0-1"},
		{"1-0-1", "1-ga1", "1.0-0-1"},
		{"1-0.1"},
		{"1-1-snapshot"},
		{"1-1", "1.0-1", "1.0.0-01", "1.Final-1"},
		{"1-1.1"},
		{"1-2"},
		{"1.0.0.1"},
		{"1.0.1"},
		{"1.1-alpha"},
		{"1.1"},
		{"1.2"},
		{"1.10"},
		{"20190126.230843"},
		{"20230717"},
		{"1234567890.12345"},
		{"123456789012345.1h.5-beta"},
		{"12345678901234567890.1h.5-beta"},
	}
}

func TestCompareMaven(t *testing.T) {
	rows := mavenOrder()
	checkOrder(t, version.Maven, rows)
}

func TestInvalidMaven(t *testing.T) {
	tests := []struct {
		v   string
		pos int
	}{
		{"", 0},
		{"\n", 0},
		{"1\x000", 1},
		{"1.0\t", 3},
		{"1\x7f", 1},
		{strings.Repeat("1", 4097), 4096},
	}
	for _, tt := range tests {
		checkInvalid(t, version.Maven, tt.v, "1", tt.pos)
	}
	for _, piece := range []string{"1", "0", ".0", "-0", "a", "a1", "-", "-ga", "\x80", "İ"} {
		_, err := version.Key(version.Maven, strings.Repeat(piece, 4096/len(piece)))
		assert.NoErrorf(t, err, "the longest version of %q", piece)
	}
}

func TestSatisfiesMaven(t *testing.T) {
	tests := []struct {
		v, constraint string
		want          bool
	}{
		{"1.0", "", true},
		{"1.0", "2.0", true}, // a recommendation
		{"1.0", "[1.0]", true},
		{"1.0.0", "[1]", true},
		{"1.1", "[1.0]", false},
		{"1.0", "[1.0,2.0)", true},
		{"2.0", "[1.0,2.0)", false},
		{"2.0-rc1", "[1.0,2.0)", true}, // as Maven has it
		{"2.0", "[1.0,2.0]", true},
		{"1.0", "(1.0,2.0]", false},
		{"1.0", "(,1.0]", true},
		{"1.1", "(,1.0]", false},
		{"99", "[1.5,)", true},
		{"1.4", "[1.5,)", false},
		{"1", "(,)", true},
		{"1.1", "(,1.0],[1.2,)", false},
		{"1.2", "(,1.0],[1.2,)", true},
		{"1.2", " ( , 1.0 ] , [ 1.2 , ) ", true},
		{"1.5", "(,1.1),(1.1,)", true},
		{"1.1", "(,1.1),(1.1,)", false},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.Maven, tt.v, tt.constraint)
		require.NoErrorf(t, err, "Satisfies(maven, %q, %q)", tt.v, tt.constraint)
		assert.Equalf(t, tt.want, got, "Satisfies(maven, %q, %q)", tt.v, tt.constraint)
	}
}

func TestSatisfiesMavenErrors(t *testing.T) {
	tests := []struct {
		constraint string
		pos        int
	}{
		{">= 1", 0},
		{"1,2", 1},
		{"1]", 1},
		{"[1", 0},
		{"[]", 1},
		{"(1)", 0},
		{"[1)", 0},
		{"[2,1]", 0},
		{"[1,1)", 0},
		{"[1,2,3]", 4},
		{"[1,2],3", 6},
		{"[1,2],[1,3]", 6}, // in the wrong order
		{"[1,2],(,3]", 6},
		{"[[1,2]]", 1},
		{"[1,\x01]", 3},
		{strings.Repeat(" ", 65537), 65536},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.Maven, "1", tt.constraint)
		var perr *version.ParseError
		require.ErrorAsf(t, err, &perr, "Satisfies(maven, 1, %q)", tt.constraint)
		assert.False(t, got)
		assert.Equalf(t, version.ParseError{Scheme: version.Maven, Text: tt.constraint, Pos: tt.pos, Reason: perr.Reason}, *perr, "Satisfies(maven, 1, %q)", tt.constraint)
	}
}

// TestRandomMaven checks triples of versions that differ in little.
func TestRandomMaven(t *testing.T) {
	pieces := strings.Split("0 1 2 10 .0 .0 .1 -0 -1 - . a b1 rc -rc -sp .final -ga1 .x -x X é", " ")
	random := rand.New(rand.NewPCG(3, 4))
	one := func() string {
		var v strings.Builder
		v.WriteString("1")
		for range random.IntN(6) {
			v.WriteString(pieces[random.IntN(len(pieces))])
		}
		return v.String()
	}
	for range 5000 {
		require.True(t, checkTriple(t, version.Maven, one(), one(), one()))
	}
}

func TestAllocationsMaven(t *testing.T) {
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = version.Compare(version.Maven, "1.26.3-rc-1", "1.26.3.rc2")
	}))
}

func FuzzMaven(f *testing.F) {
	f.Add("1.0.0-rc1", "1.sp.1", "1-alpha")
	f.Add("1-0-alpha", "1-ga1", "0-0-1")
	f.Add("1.Final-redhat-1", "1.0.0.Final", "1-final.1")
	f.Add("99999999999999999999", "--.", "İ\x80")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if !checkTriple(t, version.Maven, a, b, c) || strings.ContainsAny(b, "[](),<>=| ") {
			return
		}
		got, err := version.Compare(version.Maven, a, b)
		require.NoError(t, err)
		for constraint, want := range map[string]bool{
			"(," + b + ")": got < 0, "(," + b + "]": got <= 0, "[" + b + "]": got == 0, "[" + b + ",)": got >= 0, "(" + b + ",)": got > 0,
		} {
			ok, err := version.Satisfies(version.Maven, a, constraint)
			require.NoErrorf(t, err, "Satisfies(%q, %q)", a, constraint)
			require.Equalf(t, want, ok, "Satisfies(%q, %q)", a, constraint)
		}
	})
}
