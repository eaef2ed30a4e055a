package version_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// composerOrder ascends, see checkOrder.
func composerOrder() [][]string {
	return [][]string{
		{"0-dev", "0.0.0.0-dev", "0.0.dev"},
		{"0", "v0", "0.0.0.0", "0+build"},
		{"1.0-dev", "1-DEV"},
		{"1.0-alpha-dev"},
		{"1.0-alpha", "1.0a", "1.0.A", "1_alpha", "V1-ALPHA"},
		{"1.0-alpha1-dev"},
		{"1.0-alpha1", "1.0a1", "1.0.0.alpha.1", "1.0-a-01"},
		{"1.0-alpha2"},
		{"1.0-alpha10"},
		{"1.0-beta", "1.0b"},
		{"1.0-beta1.dev"},
		{"1.0-beta1"},
		{"1.0-beta1.2"},
		{"1.0-RC", "1.0rc"},
		{"1.0-RC1"},
		{"1", "1.0", "1.0.0.0", "v1.0.0", "1.0-", "1.0.", "1.0-stable", "1.0@beta", "1.0+sha.1", " 01.00 ", "1.0-stable-dev"},
		{"1.0-patch", "1.0p", "1.0-pl", "1.0.0.0-P"},
		{"1.0-patch1", "1.0.pl1", "1.0p-1"},
		{"1.0.0.1"},
		{"1.0.1"},
		{"1.2-RC1"},
		{"1.2"},
		{"1.10"},
		{"1.x-dev", "1.X.x-dev", "1.*-dev", "v1.x.x.xdev"},
		{"2.0.x-dev"},
		{"2.x-dev"},
		{"99999.0"},
		{"100000"},
		{"20100102"},
		{"20100102203040"},
		{"99999999999999999999.x-dev"}, // beyond 64 bits
		{"100000000000000000000.x-dev"},
	}
}

func TestCompareComposer(t *testing.T) {
	checkOrder(t, version.Composer, composerOrder())
	checkOrder(t, version.Composer, [][]string{
		{"2010-01-02-beta1"},
		{"2010-01-02", "2010:01:02"},
		{"2010-01-02.5"},
		{"2010-01-02-10-20-30.123", "v2010-01-02.10:20-30-123"},
		{"2010-01-03"},
	})
}

func TestInvalidComposer(t *testing.T) {
	tests := []struct {
		v   string
		pos int
	}{
		{"", 0},
		{" \n", 0},
		{"dev-master", 0}, // branches are not comparable
		{" DEV-x", 1},
		{"master", 0},
		{"trunk", 0},
		{"feature-dev", 0},
		{"a", 0},
		{"v", 0},
		{"1.0.0.0.0", 0},
		{"1.0 beta", 0},
		{"1.0-gamma", 0},
		{"1.0-beta1x", 0},
		{"1.0+", 0},
		{"1.x", 0},
		{"1.0@gamma", 0},
		{"2.0 as 1.0", 0},
		{"١.0", 0},
		{strings.Repeat("1", 4097), 4096},
	}
	for _, tt := range tests {
		checkInvalid(t, version.Composer, tt.v, "1", tt.pos)
	}
	for _, v := range []string{"1-beta" + strings.Repeat(".1", 2045), strings.Repeat("1", 4092) + "-dev"} {
		_, err := version.Key(version.Composer, v)
		assert.NoError(t, err, "the longest version")
	}
}

func TestSatisfiesComposer(t *testing.T) {
	tests := []struct {
		v, constraint string
		want          bool
	}{
		{"1.0", "", true},
		{"1.0", "*", true},
		{"1.0", "1.0.0", true},
		{"1.0", "!=1.0", false},
		{"1.0", "<>1.1", true},
		{"2.0-beta1", "<2.0", false}, // excludes pre-releases of 2.0
		{"2.0-beta1", "<2.0-stable", true},
		{"2.0-beta1", ">=2.0", true},
		{"2.0-beta1", ">=2.0@stable", true},
		{"2.0-beta1", "<=2.0", true},
		{"2.0", ">2.0", false},
		{"1.9.9", "^1.2", true},
		{"2.0-dev", "^1.2", false},
		{"1.1", "^1.2", false},
		{"0.3.9", "^0.3", true},
		{"0.4", "^0.3", false},
		{"0.0.3", "^0.0.3", true},
		{"0.0.4", "^0.0.3", false},
		{"1.9", "~1.2", true},
		{"2.0", "~1.2", false},
		{"1.2.9", "~1.2.3", true},
		{"1.3", "~1.2.3", false},
		{"1.2.9", "1.2.*", true},
		{"1.3", "1.2.x", false},
		{"2.0.9", "1.0 - 2.0", true}, // a part stands for all below it
		{"2.1", "1.0 - 2.0", false},
		{"2.0.1", "1.0 - 2.0.0", false},
		{"1.5", ">=1.0 <2.0", true},
		{"1.5", ">= 1.0 , < 1.5", false},
		{"3", "<1 || >2", true},
		{"1.5", "<1|>2", false},
		{"5", "<1 | >2 <4", false}, // and binds tighter
		{"1.0-beta2", "~1.0@beta", true},
		{"1.0", "dev-master", false},
		{"1.0", "dev-master || 1.0", true},
		{"1.0", "!=dev-master", true},
		{"1.0", "dev-main#abc as 1.0", false},
		{"1.x-dev", "1.x-dev#abc", true},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.Composer, tt.v, tt.constraint)
		require.NoErrorf(t, err, "Satisfies(composer, %q, %q)", tt.v, tt.constraint)
		assert.Equalf(t, tt.want, got, "Satisfies(composer, %q, %q)", tt.v, tt.constraint)
	}
}

func TestSatisfiesComposerErrors(t *testing.T) {
	tests := []struct {
		constraint string
		pos        int
	}{
		{">=", 0},
		{"~>1.0", 0},
		{"=>1", 0},
		{"1 ||", 4},
		{"|1", 0},
		{"1,,2", 1},
		{"1,", 1},
		{",1", 0},
		{"1 -2", 1},
		{"1 - ", 1},
		{"1 ^a", 2},
		{"^1 foo", 3},
		{strings.Repeat(" ", 65537), 65536},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.Composer, "1", tt.constraint)
		var perr *version.ParseError
		require.ErrorAsf(t, err, &perr, "Satisfies(composer, 1, %q)", tt.constraint)
		assert.False(t, got)
		assert.Equalf(t, version.ParseError{Scheme: version.Composer, Text: tt.constraint, Pos: tt.pos, Reason: perr.Reason}, *perr, "Satisfies(composer, 1, %q)", tt.constraint)
	}
}

// TestRandomComposer checks triples of versions that differ in little.
func TestRandomComposer(t *testing.T) {
	pieces := strings.Split("0 1 2 10 .0 .1 .10 - . -alpha b1 RC -rc.1 pl -p2 -dev dev .x-dev @beta +m -stable", " ")
	random := rand.New(rand.NewPCG(3, 4))
	one := func() string {
		var v strings.Builder
		v.WriteString("1")
		for range random.IntN(4) {
			v.WriteString(pieces[random.IntN(len(pieces))])
		}
		return v.String()
	}
	valid := 0
	for range 10000 {
		if checkTriple(t, version.Composer, one(), one(), one()) {
			valid++
		}
	}
	assert.Greater(t, valid, 1000)
}

func TestAllocationsComposer(t *testing.T) {
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = version.Compare(version.Composer, "v1.26.3-beta1", "1.26.3.0-beta2")
	}))
}

func FuzzComposer(f *testing.F) {
	f.Add("1.0.0-RC1", "1.0b2-dev", "v1.0.0.1-pl1+m")
	f.Add("20100102-203040.1", "2010.01.02", "1.x-dev")
	f.Add("0", ",0", "1") // nothing before the comma
	f.Add("99999999999999999999.x-dev", "1@beta", "1.0-stable-dev")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		_, _ = version.Satisfies(version.Composer, "1", b) // must not panic
		if !checkTriple(t, version.Composer, a, b, c) || strings.ContainsAny(b, "@+ \t\r\n") {
			return
		}
		got, err := version.Compare(version.Composer, a, b)
		require.NoError(t, err)
		for op, want := range map[string]bool{"=": got == 0, "!=": got != 0, "<=": got <= 0, ">": got > 0} {
			ok, err := version.Satisfies(version.Composer, a, op+b)
			require.NoErrorf(t, err, "Satisfies(%q, %q)", a, op+b)
			require.Equalf(t, want, ok, "Satisfies(%q, %q)", a, op+b)
		}
	})
}
