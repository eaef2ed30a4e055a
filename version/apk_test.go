package version_test

import (
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// apkOrder ascends, see checkOrder.
func apkOrder() [][]string {
	return [][]string{
		{"0_alpha"},
		{"0", "00"},
		{"0-r0", "0-r00"}, // a revision is more than none, even if it is 0
		{"0.0"},
		{"0.00"},
		{"0.01"},
		{"0.01.99"},
		{"0.010"},
		{"0.02"},
		{"0.1"},
		{"0.9.8c-r1"},
		{"0.9.8d"},
		{"0.10"}, // numbers, not text
		{"1_alpha_pre2"},
		{"1_alpha"},
		{"1_alpha-r1"},
		{"1_alpha~0a"},
		{"1_alpha0"},
		{"1_alpha1_beta"},
		{"1_alpha1"},
		{"1_alpha2"},
		{"1_alpha10"},
		{"1_alpha_p1"}, // more after the suffix
		{"1_beta"},
		{"1_pre"},
		{"1_pre20191002222144-r0"},
		{"1_pre20210530193627-r0"},
		{"1_pre99999999999999999999"}, // beyond 64 bits
		{"1_pre100000000000000000000"},
		{"1_rc1"},
		{"1_rc2"},
		{"1", "01", "001"}, // the first number is never text
		{"1-r1", "1-r01"},
		{"1-r2"},
		{"1-r10"},
		{"1~0"},
		{"1~0-r1"},
		{"1~00"},
		{"1~9"},
		{"1~a"},
		{"1~ab"},
		{"1~b"},
		{"1_cvs"},
		{"1_svn"},
		{"1_git"},
		{"1_git20230717", "1_git020230717"},
		{"1_hg"},
		{"1_p"},
		{"1_p-r1"},
		{"1_p0"},
		{"1_p9-r0"},
		{"1_p10-r0"},
		{"1a_rc"},
		{"1a"},
		{"1a-r1"},
		{"1a_p"},
		{"1a0", "1a00"}, // apk-tools 2
		{"1a2_rc"},
		{"1a2"},
		{"1a2-r1"},
		{"1a10"},
		{"1b"},
		{"1z"},
		{"1.0"}, // more numbers win
		{"1.0.5"},
		{"1.00"},
		{"1.01"},
		{"1.06-r6"},
		{"1.1"},
		{"1.2"},
		{"1.2a"},
		{"1.2.0"},
		{"1.2.1"},
		{"1.10"},
		{"1.18446744073709551615"},
		{"1.18446744073709551616"}, // not modulo 2^64
		{"2.01.01_alpha10"},
		{"2.1"},
		{"006"},
		{"20230717-r0"},
	}
}

func TestCompareAPK(t *testing.T) {
	checkOrder(t, version.APK, apkOrder())
}

func TestInvalidAPK(t *testing.T) {
	tests := []struct {
		v   string
		pos int
	}{
		{"", 0},
		{"a", 0},
		{".1", 0},
		{" 1", 0},
		{"-r1", 0},
		{"1.", 2},
		{"1..2", 2},
		{"1.a", 2},
		{"1A", 1},
		{"1bc", 2},
		{"1a2b", 3},
		{"1a2.3", 3},
		{"1a.2", 2},
		{"1_", 1},
		{"1_foo", 1},
		{"1_p1p", 4},
		{"1_alphabeta", 1},
		{"1_P", 1},
		{"1_p.1", 3},
		{"1_pa", 1},
		{"1_p1a", 4},
		{"1~", 1},
		{"1~g", 1},
		{"1~A", 1},
		{"1~a~b", 3},
		{"1~a_p1", 3},
		{"1-1", 1},
		{"1-r", 3},
		{"1-ra", 3},
		{"1-r1-r2", 4},
		{"1-r1.2", 4},
		{"1-r1~a", 4},
		{"1:1", 1},
		{"1+git", 1},
		{"1 ", 1},
		{"1\x00", 1},
		{"1é", 1},
		{strings.Repeat("1", 4097), 4096},
	}
	for _, tt := range tests {
		checkInvalid(t, version.APK, tt.v, "1", tt.pos)
	}
}

func TestSatisfiesAPK(t *testing.T) {
	tests := []struct {
		v, constraint string
		want          bool
	}{
		{"1.2", "", true},
		{"1.2", " ", true},
		{"1.2", "=1.2", true},
		{"1.2-r0", "=1.2", false},
		{"1.2", "<1.2", false},
		{"1.2_rc1", "<1.2", true},
		{"1.2", "<=1.2", true},
		{"1.2.0", "<=1.2", false},
		{"1.2", ">=1.2", true},
		{"1.2_rc1", ">=1.2", false},
		{"1.2", ">1.2", false},
		{"1.2-r0", ">1.2", true},
		{"1.2", "~1.2", true},
		{"1.2-r3", "~1.2", true},
		{"1.2.5_git1-r3", "~1.2", true},
		{"1.2_rc1", "~1.2", true}, // begins with 1.2
		{"1.20", "~1.2", false},   // 20 does not begin with 2
		{"1.2", "~1.2.0", false},
		{"1.2-r3", "~=1.2", true},
		{"1.2-r3", "=~1.2", true},
		{"1.2_p1", "~1.2_p", true},
		{"1.2-r1", ">~1.2", true},
		{"1.3", ">~1.2", true},
		{"1.1", ">~1.2", false},
		{"1.2-r1", "<~1.2", true},
		{"1.1", "<~1.2", true},
		{"1.3", "<~1.2", false},
		{"1.5", ">=1.2 <2", true},
		{"2", ">=1.2 <2", false},
		{"1.1", ">=1.2 <2", false},
		{"1.5", " >= 1.2\n<2 ", true}, // a blank after the operator does no harm
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.APK, tt.v, tt.constraint)
		require.NoErrorf(t, err, "Satisfies(apk, %q, %q)", tt.v, tt.constraint)
		assert.Equalf(t, tt.want, got, "Satisfies(apk, %q, %q)", tt.v, tt.constraint)
	}
}

func TestSatisfiesAPKErrors(t *testing.T) {
	tests := []struct {
		constraint string
		pos        int
	}{
		{"1.2", 0},
		{">=", 2},
		{">= ", 2},
		{"><Q1abc", 0},
		{"==1", 0},
		{"!=1", 0},
		{">=1,<2", 3},
		{"=2 =1bc", 6}, // after what decides
		{">=1 2", 4},
		{strings.Repeat(" ", 65537), 65536},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.APK, "1", tt.constraint)
		var perr *version.ParseError
		require.ErrorAsf(t, err, &perr, "Satisfies(apk, 1, %q)", tt.constraint)
		assert.False(t, got)
		assert.Equal(t, version.APK, perr.Scheme)
		assert.Equal(t, tt.constraint, perr.Text)
		assert.Equalf(t, tt.pos, perr.Pos, "Satisfies(apk, 1, %q): %v", tt.constraint, err)
	}
}

func FuzzAPK(f *testing.F) {
	f.Add("1.2.3a_alpha1_p2~0af-r4", "1.2.3a_alpha1", "1.2.3")
	f.Add("1.01", "1.010", "1.1")
	f.Add("1_p", "1_p0", "1~0")
	f.Add("18446744073709551616", "18446744073709551615", "000")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		valid := checkTriple(t, version.APK, a, b, c)
		if len(a)+len(b)+len(c) < 4096 { // no limit in the way
			require.Equalf(t, apkForm.MatchString(a) && apkForm.MatchString(b) && apkForm.MatchString(c), valid, "validity of %q, %q, %q", a, b, c)
		}
		if !valid {
			return
		}
		got, err := version.Compare(version.APK, a, b)
		require.NoError(t, err)
		x, y := apkParts(a), apkParts(b)
		require.Equalf(t, compareAPKSlowly(x, y), got, "Compare(%q, %q) and the reference", a, b)
		begins := len(x) >= len(y) && compareAPKSlowly(x[:len(y)-1], y[:len(y)-1]) == 0
		for op, want := range map[string]bool{
			"<": got < 0, "<=": got <= 0, "=": got == 0, ">=": got >= 0, ">": got > 0,
			"~": begins, "<~": got < 0 || begins, ">~": got > 0 || begins,
		} {
			ok, err := version.Satisfies(version.APK, a, op+b)
			require.NoErrorf(t, err, "Satisfies(%q, %q)", a, op+b)
			require.Equalf(t, want, ok, "Satisfies(%q, %q)", a, op+b)
		}
	})
}

var (
	apkForm = regexp.MustCompile(`^\d+(\.\d+)*([a-z]\d*)?(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)\d*)*(~[0-9a-f]+)?(-r\d+)?$`)
	apkPart = regexp.MustCompile(`^\d+|\.\d+|_[a-z]+|~[0-9a-f]+|-r\d+|[a-z]|\d+`)
)

// apkParts splits a valid version, the end included. The number of a letter
// is marked with ":".
func apkParts(v string) []string {
	parts := append(apkPart.FindAllString(v, -1), "$")
	for i := 1; i < len(parts); i++ {
		if last := parts[i-1]; last[0] >= 'a' && parts[i][0] <= '9' && parts[i][0] >= '0' {
			parts[i] = ":" + parts[i]
		}
	}
	return parts
}

// compareAPKSlowly compares the parts of two versions by the position of
// their kinds in a list from low to high.
func compareAPKSlowly(a, b []string) int {
	const signs = ".:-_$abcdefghijklmnopqrstuvwxyz"
	kinds := []string{"_alpha", "_beta", "_pre", "_rc", "$", "-r", "~", "#", "_cvs", "_svn", "_git", "_hg", "_p", "a", ".", ":"}
	kind := func(part string) int {
		head := strings.TrimRight(part, "0123456789")
		switch {
		case head == "":
			head = "#"
		case part[0] == '~':
			head = "~"
		case len(part) == 1 && part[0] >= 'a':
			head = "a"
		}
		return slices.Index(kinds, head)
	}
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		if c := kind(x) - kind(y); c != 0 {
			return min(max(c, -1), 1)
		}
		text := x[0] == '~' || x[0] >= 'a' || strings.HasPrefix(x, ".0") || strings.HasPrefix(y, ".0")
		c := strings.Compare(x, y)
		if !text {
			n, _ := new(big.Int).SetString("0"+strings.TrimLeft(x, signs), 10)
			m, _ := new(big.Int).SetString("0"+strings.TrimLeft(y, signs), 10)
			c = n.Cmp(m)
		}
		if c != 0 {
			return c
		}
	}
	return len(a) - len(b)
}
