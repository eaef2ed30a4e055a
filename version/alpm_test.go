package version_test

import (
	"cmp"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// alpmOrder ascends, see checkOrder.
func alpmOrder() [][]string {
	return [][]string{
		{"a"},
		{"a1"},
		{"a.b"}, // a separator is above none
		{"ab"},
		{"-"}, // the end is above a letter
		{"-1"},
		{"0", "0:0", ":0", "00"},
		{"1.0a"},
		{"1.0a1"},
		{"1.0a.1"},
		{"1.0alpha"},
		{"1.0b"},
		{"1.0beta"},
		{"1.0p"},
		{"1.0pre"},
		{"1.0rc"},
		{"1.0", "1_0", "1~0", "1^0", "01.00", "0:1.0", "1\xff0"},
		{"1.0-"},
		{"1.0-1", "1.0-01"},
		{"1.0-1.1"},
		{"1.0-2"},
		{"1.0-10"},
		{"1.0.a"},
		{"1.0.", "1.0~", "1.0_"}, // above a letter
		{"1.0.1", "1.0_1", "1.0~1"},
		{"1.0.1.1"},
		{"1.0..a"}, // two separators
		{"1.0..0"},
		{"1.0...0"},
		{"1-2-3"}, // the last hyphen begins the pkgrel
		{"1.5"},
		{"1.5-1"},
		{"1.5.b"},
		{"1.5.b-1"},
		{"1.5.1"},
		{"1.10"},
		{"1..0"},
		{"2"},
		{"99999999999999999998"}, // beyond 64 bits
		{"99999999999999999999", "0099999999999999999999"},
		{"1:"},
		{"1:0.9", "01:0.9"},
		{"99999999999999999999:0"},
	}
}

func TestCompareALPM(t *testing.T) {
	checkOrder(t, version.ALPM, alpmOrder())
}

// TestALPMVectors takes the ordered pairs of pacman's own test, see
// testdata/alpm.
func TestALPMVectors(t *testing.T) {
	tests := [][2]string{
		{"1.5.0", "1.5.1"},
		{"1.5", "1.5.1"},
		{"1.5.0-1", "1.5.0-2"},
		{"1.5.0-1", "1.5.1-1"},
		{"1.5.0-2", "1.5.1-1"},
		{"1.5.0-2", "1.5.1-2"},
		{"1.5-1", "1.5.1-1"},
		{"1.5-2", "1.5.1-1"},
		{"1.5-2", "1.5.1-2"},
		{"1.0", "1.1-1"},
		{"1.0-1", "1.1"},
		{"1.5b", "1.5"},
		{"1.5b-1", "1.5-1"},
		{"1.5b-1", "1.5"},
		{"1.5b", "1.5.1"},
		{"1.0a", "1.0alpha"},
		{"1.0alpha", "1.0b"},
		{"1.0b", "1.0beta"},
		{"1.0beta", "1.0rc"},
		{"1.0rc", "1.0"},
		{"1.5", "1.5.a"},
		{"1.5.a", "1.5.b"},
		{"1.5.b", "1.5.1"},
		{"1.5-1", "1.5.b"},
		{"0:1.0", "0:1.1"},
		{"0:1.0", "1:1.0"},
		{"0:1.1", "1:1.0"},
		{"1:1.0", "2:1.1"},
		{"0:1.0-1", "1:1.0"},
		{"0:1.1-1", "1:1.0-1"},
		{"0:1.0", "1.1"},
		{"1.0", "0:1.1"},
		{"1.0", "1:1.0"},
		{"1.1", "1:1.0"},
		{"1.1", "1:1.1"},
	}
	for _, tt := range tests {
		checkPair(t, version.ALPM, tt[0], tt[1], -1)
	}
	// Equal for pacman, where one of them has no pkgrel.
	for _, tt := range [][2]string{{"1.5.b", "1.5.b-1"}, {"1.5", "1.5-1"}, {"1.1", "1.1-1"}} {
		checkPair(t, version.ALPM, tt[0], tt[1], -1)
		for _, swapped := range [][2]string{tt, {tt[1], tt[0]}} {
			ok, err := version.Satisfies(version.ALPM, swapped[0], "="+swapped[1])
			require.NoError(t, err)
			assert.Truef(t, ok, "Satisfies(alpm, %q, =%s)", swapped[0], swapped[1])
		}
	}
}

func TestInvalidALPM(t *testing.T) {
	tests := []struct {
		v   string
		pos int
	}{
		{"", 0},
		{"1\x000", 1},
		{strings.Repeat("1", 4097), 4096},
	}
	for _, tt := range tests {
		checkInvalid(t, version.ALPM, tt.v, "1", tt.pos)
	}
	for _, piece := range []string{"1", "a", "a1", ".", "-", ":", "1."} {
		_, err := version.Key(version.ALPM, strings.Repeat(piece, 4096/len(piece)))
		assert.NoErrorf(t, err, "the longest version of %q", piece)
	}
}

func TestParseSchemeALPM(t *testing.T) {
	for _, name := range []string{"alpm", "ALPM", "Arch Linux"} {
		got, err := version.ParseScheme(name)
		require.NoErrorf(t, err, "ParseScheme(%q)", name)
		assert.Equalf(t, version.ALPM, got, "ParseScheme(%q)", name)
	}
}

func TestSatisfiesALPM(t *testing.T) {
	tests := []struct {
		v, constraint string
		want          bool
	}{
		{"1.0-1", "", true},
		{"1.0-1", "=1.0-1", true},
		{"1.0-1", "1.0", true}, // any pkgrel
		{"1.0-1", "=1.0-2", false},
		{"1.0-1", "<=1.0", true},
		{"1.0-1", ">1.0", false},
		{"1.0", "=1.0-1", true},
		{"1.0", "<1.0-1", false}, // not as rpm has it
		{"1.0-1", ">=0.9 <2", true},
		{"1.0-1", ">= 0.9, < 1", false},
		{"1.0rc1-1", "<1.0", true},
		{"1:1.0-1", ">2.0", true},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.ALPM, tt.v, tt.constraint)
		require.NoErrorf(t, err, "Satisfies(alpm, %q, %q)", tt.v, tt.constraint)
		assert.Equalf(t, tt.want, got, "Satisfies(alpm, %q, %q)", tt.v, tt.constraint)
	}
}

func TestSatisfiesALPMErrors(t *testing.T) {
	checkConstraintErrors(t, version.ALPM, []constraintError{
		{">=", 2},
		{"==1", 0}, // known to rpm only
		{"=<1", 0},
		{"=>1", 0},
		{"<>1", 0},
		{",", 0},
		{">=1,", 4},
		{"=2 =1\x00", 5}, // after what decides
	})
}

func TestAllocationsALPM(t *testing.T) {
	checkNoAllocations(t, version.ALPM, "1:2.36.1rc1-8", "1:2.36.1rc1-8.1")
}

func TestRandomALPM(t *testing.T) {
	checkRandom(t, version.ALPM, "0 1 1 2 10 99999999999999999999 00 . . _ .. - : a A ab rc ~ +", compareALPMSlowly)
}

func FuzzALPM(f *testing.F) {
	f.Add("1:1.0rc1-1", "1.0..1-1", "2147483648:1.0")
	f.Add("1.", "1.5", "1..a")
	f.Add("a.a", "ab", "a1-")
	f.Add("18446744073709551616", "18446744073709551615", "000")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if !checkTriple(t, version.ALPM, a, b, c) {
			return
		}
		got, err := version.Compare(version.ALPM, a, b)
		require.NoError(t, err)
		require.Equalf(t, compareALPMSlowly(a, b), got, "Compare(%q, %q) and the reference", a, b)
		if strings.ContainsAny(b, ", \t\n\r<=>") {
			return // not to be had in a constraint
		}
		_, releaseA := splitRPM(a)
		_, releaseB := splitRPM(b)
		if releaseA == "" && releaseB != "" || releaseA != "" && releaseB == "" {
			// The other one's counts for nothing.
			baseA, baseB := strings.TrimSuffix(a, releaseA), strings.TrimSuffix(b, releaseB)
			if baseA == "" || baseB == "" || strings.Contains(baseA+baseB, "-") {
				return
			}
			got, err = version.Compare(version.ALPM, baseA, baseB)
			require.NoError(t, err)
		}
		for op, want := range map[string]bool{"<": got < 0, "<=": got <= 0, "=": got == 0, ">=": got >= 0, ">": got > 0} {
			ok, err := version.Satisfies(version.ALPM, a, op+b)
			require.NoErrorf(t, err, "Satisfies(%q, %q)", a, op+b)
			require.Equalf(t, want, ok, "Satisfies(%q, %q)", a, op+b)
		}
	})
}

var alpmRun = regexp.MustCompile(`[0-9]+|[A-Za-z]+`)

// compareALPMSlowly compares two valid versions by lists of what they hold.
func compareALPMSlowly(a, b string) int {
	x, releaseA := splitRPM(a)
	y, releaseB := splitRPM(b)
	return cmp.Or(
		compareALPMItems("0"+x[0], "0"+y[0]),
		compareALPMItems(x[1], y[1]),
		cmp.Compare(min(len(releaseA), 1), min(len(releaseB), 1)),
		compareALPMItems(releaseA, releaseB),
	)
}

func compareALPMItems(a, b string) int {
	for {
		x, y := takeALPMItem(&a), takeALPMItem(&b)
		if c := cmp.Compare(len(x[0]), len(y[0])); c != 0 {
			return c
		}
		if x[1] == "" || y[1] == "" {
			// A letter is below the end, a digit above.
			kind := func(run string) int { return strings.Index("a$1", rpmKind((run + "$")[:1])) }
			return cmp.Compare(kind(x[1]), kind(y[1]))
		}
		if c := compareRPMItem(x[1], y[1]); c != 0 {
			return c
		}
	}
}

// takeALPMItem takes separators and the run after them from the beginning of
// s.
func takeALPMItem(s *string) (item [2]string) {
	run := alpmRun.FindStringIndex(*s)
	if run == nil {
		run = []int{len(*s), len(*s)}
	}
	item[0], item[1] = (*s)[:run[0]], (*s)[run[0]:run[1]]
	*s = (*s)[run[1]:]
	return item
}
