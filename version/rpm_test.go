package version_test

import (
	"cmp"
	"math/big"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// rpmOrder ascends, see checkOrder.
func rpmOrder() [][]string {
	return [][]string{
		{"~~"},
		{"~", "0:~", ":~"}, // an epoch without digits is 0
		{"-"},              // nothing with a release of nothing is higher than nothing
		{"-1"},
		{"^"},
		{"A"},
		{"a", "a.", "+a", "_a"},
		{"a-1"},
		{"a^"},
		{"a.a"}, // a run of letters ends where they are separated
		{"a1", "a.1"},
		{"ab"},
		{"0~~"},
		{"0~"},
		{"0", "00", "0:0", "0.", "00:0"},
		{"0-~"},
		{"0-"},
		{"0-0", "0-00", ":0-0"},
		{"0-1"},
		{"1.0~rc1~git123"},
		{"1.0~rc1"},
		{"1.0~rc1-1"},
		{"1.0~rc1^"},
		{"1.0~rc2"},
		{"1.0", "1.0.", "1_0", "01.00", "0:1.0", "1.α0", "1 0", "1.0\n"},
		{"1.0-"},
		{"1.0-1~rc"},
		{"1.0-1", "1.0-01", "1.0-1."},
		{"1.0-1^x"},
		{"1.0-1.el8", "1.0-1el8"},
		{"1.0-1.el8_4"},
		{"1.0-1.1"},
		{"1.0-2"},
		{"1.0-39.module+el8.10.0+1910+x"},
		{"1.0-39.module+el8.10.0+20784+y"},
		{"1.0^~"}, // "~" is below the end everywhere
		{"1.0^"},
		{"1.0^git1"},
		{"1.0^20240101"},
		{"1.0A"},
		{"1.0a", "1.0.a"},
		{"1.0aa"},
		{"1.0rc1", "1.0.rc1"},
		{"1.0.1"},
		{"1.1"},
		{"1-2.0-1"}, // the last hyphen begins the release
		{"1.05", "1.5"},
		{"1.10"},
		{"2"},
		{"20101121"},
		{"99999999999999999998"}, // beyond 64 bits
		{"99999999999999999999", "0099999999999999999999"},
		{"100000000000000000000"},
		{"1:"},
		{"1:0.9", "01:0.9"},
		{"1:1:1"}, // a second colon separates
		{"2:0"},
		{"99999999999999999999:0"},
	}
}

func TestCompareRPM(t *testing.T) {
	checkOrder(t, version.RPM, rpmOrder())
}

// TestRPMVectors takes the pairs of rpm's own test, see testdata/rpm.
func TestRPMVectors(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"1.0", "1.0", 0},
		{"1.0", "2.0", -1},
		{"2.0.1", "2.0.1", 0},
		{"2.0", "2.0.1", -1},
		{"2.0.1a", "2.0.1a", 0},
		{"2.0.1a", "2.0.1", 1},
		{"5.5p1", "5.5p1", 0},
		{"5.5p1", "5.5p2", -1},
		{"5.5p10", "5.5p10", 0},
		{"5.5p1", "5.5p10", -1},
		{"10xyz", "10.1xyz", -1},
		{"xyz10", "xyz10", 0},
		{"xyz10", "xyz10.1", -1},
		{"xyz.4", "xyz.4", 0},
		{"xyz.4", "8", -1},
		{"xyz.4", "2", -1},
		{"5.5p2", "5.6p1", -1},
		{"5.6p1", "6.5p1", -1},
		{"6.0.rc1", "6.0", 1},
		{"10b2", "10a1", 1},
		{"1.0aa", "1.0aa", 0},
		{"1.0a", "1.0aa", -1},
		{"10.0001", "10.0001", 0},
		{"10.0001", "10.1", 0},
		{"10.0001", "10.0039", -1},
		{"4.999.9", "5.0", -1},
		{"20101121", "20101121", 0},
		{"20101121", "20101122", -1},
		{"2_0", "2_0", 0},
		{"2.0", "2_0", 0},
		{"a", "a", 0},
		{"a+", "a+", 0},
		{"a+", "a_", 0},
		{"+a", "+a", 0},
		{"+a", "_a", 0},
		{"+_", "+_", 0},
		{"_+", "+_", 0},
		{"+", "_", 0},
		{"1.0~rc1", "1.0~rc1", 0},
		{"1.0~rc1", "1.0", -1},
		{"1.0~rc1", "1.0~rc2", -1},
		{"1.0~rc1~git123", "1.0~rc1~git123", 0},
		{"1.0~rc1~git123", "1.0~rc1", -1},
		{"1b.fc17", "1.fc17", -1},
		{"1g.fc17", "1.fc17", 1},
		{"1.1.α", "1.1.β", 0},
		{"1.1.αα", "1.1.α", 0},
		{"1.1.α", "1.1.ββ", 0},
	}
	for _, tt := range tests {
		checkPair(t, version.RPM, tt.a, tt.b, tt.want)
		checkPair(t, version.RPM, tt.b, tt.a, -tt.want)
	}
}

func TestInvalidRPM(t *testing.T) {
	tests := []struct {
		v   string
		pos int
	}{
		{"", 0},
		{"1\x000", 1},
		{"1-\x00", 2},
		{strings.Repeat("1", 4097), 4096},
	}
	for _, tt := range tests {
		checkInvalid(t, version.RPM, tt.v, "1", tt.pos)
	}
	for _, piece := range []string{"1", "a", "a1", ".", "~", "^", "-", ":", "1."} {
		_, err := version.Key(version.RPM, strings.Repeat(piece, 4096/len(piece)))
		assert.NoErrorf(t, err, "the longest version of %q", piece)
	}
}

func TestParseSchemeRPM(t *testing.T) {
	for _, name := range []string{
		"rpm", "RPM", "AlmaLinux:9", "Rocky Linux:8", "Red Hat:enterprise_linux:9::baseos", "SUSE:Linux Enterprise Server 15 SP5",
		"openSUSE:Leap 15.6", "Azure Linux:3", "Photon OS:5.0", "openEuler:24.03-LTS", "Mageia:9", "Oracle Linux:9",
		"Amazon Linux:2023", "Fedora:40", "CentOS Stream:9", "Bottlerocket", "Root:Rocky Linux:9",
	} {
		got, err := version.ParseScheme(name)
		require.NoErrorf(t, err, "ParseScheme(%q)", name)
		assert.Equalf(t, version.RPM, got, "ParseScheme(%q)", name)
	}
}

func TestSatisfiesRPM(t *testing.T) {
	tests := []struct {
		v, constraint string
		want          bool
	}{
		{"1.0-1", "", true},
		{"1.0-1", "= 1.0-1", true},
		{"1.0-1", "== 1.0-1", true},
		{"1.0-1", "1.0-1", true},
		{"1.0-1", "= 1.0-2", false},
		{"1.0-1", "= 1.0", true}, // any release
		{"1.0-1", "<= 1.0", true},
		{"1.0-1", ">= 1.0", true},
		{"1.0-1", "> 1.0", false}, // "1.0" is no release below
		{"1.0-1", "< 1.0", false},
		{"1.0", "= 1.0-1", true}, // may be any release
		{"1.0", "< 1.0-1", true},
		{"1.0", "> 1.0-1", true},
		{"1.0", "> 1.0", false},
		{"1.0-", "< 1.0-1", true}, // an empty release is none
		{"1.0-1", "= 0:1.0", true},
		{"1:1.0-1", "= 1.0", false},
		{"1:1.0-1", "> 2.0", true},
		{"1.0-1", ">= 0.9 < 2", true},
		{"1.0-1", ">=0.9,<2", true},
		{"1.0-1", ">= 0.9 , < 1", false},
		{"1.0-1", ">=1.1<2", false},
		{"1.0-1", "=< 1.0-1", true},
		{"1.0-1", "=> 1.0-2", false},
		{"1.0~rc1-1", "< 1.0", true},
		{"1.0^git-1", "> 1.0", true},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.RPM, tt.v, tt.constraint)
		require.NoErrorf(t, err, "Satisfies(rpm, %q, %q)", tt.v, tt.constraint)
		assert.Equalf(t, tt.want, got, "Satisfies(rpm, %q, %q)", tt.v, tt.constraint)
	}
}

func TestSatisfiesRPMErrors(t *testing.T) {
	checkConstraintErrors(t, version.RPM, []constraintError{
		{">=", 2},
		{">= ,", 3},
		{",", 0},
		{">= 1,", 5},
		{">= 1,, < 2", 5},
		{"<> 1", 0},
		{"=== 1", 0},
		{">> 1", 0},
		{"= 1 >", 5},
		{"= 2, = 1\x00", 8}, // after what decides
		{strings.Repeat(" ", 65537), 65536},
	})
}

type constraintError struct {
	constraint string
	pos        int
}

// checkConstraintErrors checks how constraints are refused. 1 is a version
// of the scheme.
func checkConstraintErrors(t *testing.T, s version.Scheme, tests []constraintError) {
	t.Helper()
	for _, tt := range tests {
		got, err := version.Satisfies(s, "1", tt.constraint)
		var perr *version.ParseError
		require.ErrorAsf(t, err, &perr, "Satisfies(%v, 1, %q)", s, tt.constraint)
		assert.False(t, got)
		assert.Equal(t, version.ParseError{Scheme: s, Text: tt.constraint, Pos: tt.pos, Reason: perr.Reason}, *perr)
		assert.NotEmpty(t, perr.Reason)
	}
}

func TestAllocationsRPM(t *testing.T) {
	checkNoAllocations(t, version.RPM, "1:2.36.1~rc1-8.el9_4", "1:2.36.1~rc1-8.el9_5")
	checkNoAllocations(t, version.RPM, "20231231235959999999999-1", "20231231235959999999998")
}

// checkNoAllocations checks that a comparison and a short key make no garbage.
func checkNoAllocations(t *testing.T, s version.Scheme, a, b string) {
	t.Helper()
	assert.Zerof(t, testing.AllocsPerRun(100, func() {
		_, _ = version.Compare(s, a, b)
	}), "Compare(%v, %q, %q)", s, a, b)
	assert.Zerof(t, testing.AllocsPerRun(100, func() {
		var buf [64]byte // stays on the stack
		_, _ = version.AppendKey(buf[:0], s, a)
	}), "AppendKey(%v, %q)", s, a)
}

func TestRandomRPM(t *testing.T) {
	checkRandom(t, version.RPM, "0 1 1 2 10 99999999999999999999 00 . . - - : ~ ~ ^ ^ + a A ab el8 é _", compareRPMSlowly)
}

// checkRandom checks triples of versions that are made of pieces, and pairs
// of them against a reference.
func checkRandom(t *testing.T, s version.Scheme, pieces string, reference func(a, b string) int) {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	list := strings.Split(pieces, " ")
	one := func() string {
		var v strings.Builder
		v.WriteString("1") // so that most versions agree in the beginning
		for range random.IntN(6) {
			v.WriteString(list[random.IntN(len(list))])
		}
		return v.String()
	}
	for range 2000 {
		a, b, c := one(), one(), one()
		require.True(t, checkTriple(t, s, a, b, c))
		got, err := version.Compare(s, a, b)
		require.NoError(t, err)
		require.Equalf(t, reference(a, b), got, "Compare(%v, %q, %q) and the reference", s, a, b)
	}
}

func FuzzRPM(f *testing.F) {
	f.Add("1:1.0~rc1-1.el8", "1.0^git1-1", "2147483648:1.0")
	f.Add("1.0a", "1.0.a", "1.0-")
	f.Add("a.a", "ab", "a1")
	f.Add("18446744073709551616", "18446744073709551615", "000")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if !checkTriple(t, version.RPM, a, b, c) {
			return
		}
		got, err := version.Compare(version.RPM, a, b)
		require.NoError(t, err)
		require.Equalf(t, compareRPMSlowly(a, b), got, "Compare(%q, %q) and the reference", a, b)
		if strings.ContainsAny(b, ", \t\n\r<=>") {
			return // not to be had in a constraint
		}
		_, releaseA := splitRPM(a)
		_, releaseB := splitRPM(b)
		for op, want := range map[string]bool{"<": got < 0, "<=": got <= 0, "=": got == 0, ">=": got >= 0, ">": got > 0} {
			ok, err := version.Satisfies(version.RPM, a, op+b)
			require.NoErrorf(t, err, "Satisfies(%q, %q)", a, op+b)
			if len(releaseA) > 1 && len(releaseB) > 1 {
				require.Equalf(t, want, ok, "Satisfies(%q, %q)", a, op+b)
			}
		}
	})
}

var (
	rpmForm = regexp.MustCompile(`(?s)^(?:([0-9]*):)?(.*?)(-[^-]*)?$`)
	rpmItem = regexp.MustCompile(`[0-9]+|[A-Za-z]+|~|\^`)
)

// splitRPM returns the epoch and version, and the release with its hyphen.
func splitRPM(v string) (parts [2]string, release string) {
	m := rpmForm.FindStringSubmatch(v)
	return [2]string{m[1], m[2]}, m[3]
}

// compareRPMSlowly compares two valid versions by lists of what they hold.
func compareRPMSlowly(a, b string) int {
	x, releaseA := splitRPM(a)
	y, releaseB := splitRPM(b)
	for i := range x {
		if i == 0 {
			x[i], y[i] = "0"+x[i], "0"+y[i]
		}
		if c := compareRPMItems(x[i], y[i]); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(min(len(releaseA), 1), min(len(releaseB), 1)), compareRPMItems(releaseA, releaseB))
}

func compareRPMItems(a, b string) int {
	x, y := append(rpmItem.FindAllString(a, -1), "$"), append(rpmItem.FindAllString(b, -1), "$")
	for i := range min(len(x), len(y)) {
		if c := compareRPMItem(x[i], y[i]); c != 0 {
			return c
		}
	}
	return 0
}

func compareRPMItem(a, b string) int {
	kind := func(s string) int { return strings.Index("~$^a1", rpmKind(s)) }
	if c := cmp.Compare(kind(a), kind(b)); c != 0 {
		return c
	}
	if kind(a) < 4 {
		return strings.Compare(a, b)
	}
	n, _ := new(big.Int).SetString(a, 10)
	m, _ := new(big.Int).SetString(b, 10)
	return n.Cmp(m)
}

// rpmKind returns a letter for the kind of an item.
func rpmKind(s string) string {
	switch c := s[0]; {
	case c <= '9' && c >= '0':
		return "1"
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		return "a"
	}
	return s
}
