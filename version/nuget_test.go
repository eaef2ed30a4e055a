package version_test

import (
	"cmp"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// nugetOrder ascends, see checkOrder.
func nugetOrder() [][]string {
	return [][]string{
		{"0-0"},
		{"0", "0.0", "0.0.0.0", "00", " 0 ", "0+x"},
		{"0.0.0.1-a"},
		{"0.0.0.1"},
		{"0.0.1"},
		{"1.0.0-0"},
		{"1.0.0-1", "1-01", "1.0-1+sha.0ab"}, // leading zeros are allowed
		{"1.0.0-1.0"},
		{"1.0.0-2"},
		{"1.0.0-10"},
		{"1.0.0-20230717101112"}, // beyond 32 bits
		{"1.0.0-99999999999999999999"},
		{"1.0.0--"}, // text, as all that follow
		{"1.0.0--5"},
		{"1.0.0-0a"},
		{"1.0.0-alpha", "1.0.0-ALPHA", "1.0-Alpha", "1.0.0.0-alpha+a.b"},
		{"1.0.0-alpha.1"},
		{"1.0.0-alpha.a"},
		{"1.0.0-alpha-1"},
		{"1.0.0-alpha1"},
		{"1.0.0-alpha10"}, // as text
		{"1.0.0-alpha2"},
		{"1.0.0-beta"},
		{"1.0.0-RC1", "1.0.0-rc1"},
		{"1.0.0-z"},
		{"1", "1.0", "1.0.0", "1.0.0.0", "01.00", "1+-.-"},
		{"1.0.0.1"},
		{"1.0.1"},
		{"1.2"},
		{"1.10"},
		{"4294967296"},
		{"99999999999999999999"},
		{"100000000000000000000"},
	}
}

func TestCompareNuGet(t *testing.T) {
	checkOrder(t, version.NuGet, nugetOrder())
}

func TestInvalidNuGet(t *testing.T) {
	tests := []struct {
		v   string
		pos int
	}{
		{"", 0},
		{" \t", 0},
		{"a", 0},
		{"v1", 0},
		{".1", 0},
		{"1.", 2},
		{"1..2", 2},
		{"1.0.0.0.0", 7},
		{"1.x", 2},
		{"1.0 0", 3},
		{"1.0 -a", 3},
		{"1.0a", 3},
		{"1.0-", 4},
		{"1.0-a..b", 6},
		{"1.0-a.", 6},
		{"1.0-a_b", 5},
		{"1.0-é", 4},
		{"1.0+", 4},
		{"1.0+a+b", 5},
		{"1.0-a+b..c", 8},
		{"٣", 0}, // a digit, but not of ASCII
		{"1.*", 2},
		{strings.Repeat("1", 4097), 4096},
	}
	for _, tt := range tests {
		checkInvalid(t, version.NuGet, tt.v, "1", tt.pos)
	}
	_, err := version.Key(version.NuGet, "1-"+strings.Repeat("a.", 2046)+"0")
	assert.NoError(t, err, "the longest version")
}

func TestSatisfiesNuGet(t *testing.T) {
	tests := []struct {
		v, constraint string
		want          bool
	}{
		{"1.0", "", true},
		{"1.0", "1.0", true}, // the table of NuGet's documentation
		{"0.9", "1.0", false},
		{"2.0", "1.0", true},
		{"2.0", "[1.0,)", true},
		{"1.0", "(1.0,)", false},
		{"1.0.1", "(1.0,)", true},
		{"1.0.0.0", "[1.0]", true},
		{"1.0.1", "[1.0]", false},
		{"1.0", "(,1.0]", true},
		{"1.1", "(,1.0]", false},
		{"1.0", "(,1.0)", false},
		{"0.9", "(,1.0)", true},
		{"1.0", "[1.0,2.0]", true},
		{"2.0", "[1.0,2.0]", true},
		{"1.0", "(1.0,2.0)", false},
		{"2.0", "(1.0,2.0)", false},
		{"2.0", "[1.0,2.0)", false},
		{"2.0-beta", "[1.0,2.0)", true}, // not above 2.0
		{"1.0-BETA", "[1.0-beta]", true},
		{"7", "(,)", true},
		{"7", " [ , ] ", true},
		{"0.9", "*", true},
		{"0-a", "*", false},
		{"0-0", "*-*", true},
		{"1.0", "1.*", true},
		{"3.0", "1.*", true}, // floating has no upper bound
		{"0.9", "1.*", false},
		{"1.2.3", "1.2.*", true},
		{"1.1.9", "1.2.*", false},
		{"1.0-alpha", "1.0.0-*", true},
		{"1.0-alpha", "1.0.0-beta*", false},
		{"1.0-beta", "1.0.0-beta*", true},
		{"1.0-beta.1", "1.0.0-beta.*", true},
		{"1.0-beta", "1.0.0-beta.*", false},
		{"1.5", "[1.*,2)", true},
		{"2.0", "[1.*,2)", false},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.NuGet, tt.v, tt.constraint)
		require.NoErrorf(t, err, "Satisfies(nuget, %q, %q)", tt.v, tt.constraint)
		assert.Equalf(t, tt.want, got, "Satisfies(nuget, %q, %q)", tt.v, tt.constraint)
	}
}

func TestSatisfiesNuGetErrors(t *testing.T) {
	tests := []struct {
		constraint string
		pos        int
	}{
		{">= 1", 0},
		{"(1.0)", 0}, // invalid, the documentation says
		{"[1.0)", 0},
		{"[", 0},
		{"[]", 1},
		{"[1", 0},
		{"[1,2", 0},
		{"[1,2,3]", 4},
		{"[1.*]", 3},
		{"[1,2.*]", 5},
		{"[1 2]", 2},
		{"1*", 1},
		{"**", 0},
		{"1.0.0-*a", 6},
		{"[1],[2]", 2},
		{strings.Repeat(" ", 65537), 65536},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.NuGet, "1", tt.constraint)
		var perr *version.ParseError
		require.ErrorAsf(t, err, &perr, "Satisfies(nuget, 1, %q)", tt.constraint)
		assert.False(t, got)
		assert.Equalf(t, version.ParseError{Scheme: version.NuGet, Text: tt.constraint, Pos: tt.pos, Reason: perr.Reason}, *perr, "Satisfies(nuget, 1, %q)", tt.constraint)
	}
}

// TestRandomNuGet checks triples of versions that differ in little.
func TestRandomNuGet(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		a, b := randomNuGet(random), randomNuGet(random)
		require.True(t, checkTriple(t, version.NuGet, a, b, randomNuGet(random)))
		checkNuGetReference(t, a, b)
	}
}

// randomNuGet returns a valid version.
func randomNuGet(random *rand.Rand) string {
	pieces := strings.Split("0 1 2 10 .0 .1 .10 00 99999999999999999999 - -alpha -Beta -RC.1 -1 .a .B x +m", " ")
	for {
		var v strings.Builder
		v.WriteString("1")
		for range random.IntN(6) {
			v.WriteString(pieces[random.IntN(len(pieces))])
		}
		if _, err := version.Parse(version.NuGet, v.String()); err == nil {
			return v.String()
		}
	}
}

// checkNuGetReference compares with a reference that is slow and written from
// the documentation alone, as Debian has no tool of NuGet.
func checkNuGetReference(t *testing.T, a, b string) {
	t.Helper()
	got, err := version.Compare(version.NuGet, a, b)
	require.NoError(t, err)
	if want := compareNuGetSlowly(a, b); want != got {
		require.Failf(t, "not as the reference", "Compare(nuget, %q, %q) = %d, want %d", a, b, got, want)
	}
}

// compareNuGetSlowly compares two valid versions.
func compareNuGetSlowly(a, b string) int {
	split := func(v string) (numbers [4]*big.Int, labels []string) {
		v, _, _ = strings.Cut(strings.Trim(v, " \t\r\n"), "+")
		v, pre, ok := strings.Cut(strings.ToUpper(v), "-")
		if ok {
			labels = strings.Split(pre, ".")
		}
		for i, digits := range strings.Split(v+".0.0.0", ".")[:4] {
			numbers[i], _ = new(big.Int).SetString(digits, 10)
		}
		return numbers, labels
	}
	x, p := split(a)
	y, q := split(b)
	for i := range x {
		if c := x[i].Cmp(y[i]); c != 0 {
			return c
		}
	}
	if len(p) == 0 || len(q) == 0 { // a release is above its pre-releases
		return cmp.Compare(len(q), len(p)) * min(1, len(p)+len(q))
	}
	for i := range min(len(p), len(q)) {
		m, isM := new(big.Int).SetString(strings.ReplaceAll(p[i], "-", "?"), 10)
		n, isN := new(big.Int).SetString(strings.ReplaceAll(q[i], "-", "?"), 10)
		c := cmp.Compare(p[i], q[i])
		switch {
		case isM && isN:
			c = m.Cmp(n)
		case isM:
			c = -1
		case isN:
			c = 1
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(p), len(q))
}

func TestAllocationsNuGet(t *testing.T) {
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = version.Compare(version.NuGet, "1.26.3-RC.1", "1.26.3.0-rc.2+7")
	}))
}

func FuzzNuGet(f *testing.F) {
	f.Add("1.0.0-RC1", "1.0.0-beta.2", "1.0.0.1+m")
	f.Add("1.0-99999999999999999999", "1.0-a", "1.0--5")
	f.Add(" 01 ", "1.0.0.0", "1-0")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if !checkTriple(t, version.NuGet, a, b, c) {
			return
		}
		got, err := version.Compare(version.NuGet, a, b)
		require.NoError(t, err)
		require.Equalf(t, compareNuGetSlowly(a, b), got, "Compare(%q, %q) and the reference", a, b)
		for constraint, want := range map[string]bool{
			"(," + b + ")": got < 0, "(," + b + "]": got <= 0, "[" + b + "]": got == 0, b: got >= 0, "(" + b + ",)": got > 0,
		} {
			ok, err := version.Satisfies(version.NuGet, a, constraint)
			require.NoErrorf(t, err, "Satisfies(%q, %q)", a, constraint)
			require.Equalf(t, want, ok, "Satisfies(%q, %q)", a, constraint)
		}
	})
}
