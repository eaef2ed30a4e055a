package version_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	generic "github.com/aquasecurity/go-version/pkg/version"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// checkOrder checks every pair of versions. The rows ascend; the versions of
// one row are of equal rank.
func checkOrder(t *testing.T, s version.Scheme, rows [][]string) {
	t.Helper()
	for i, row := range rows {
		for j, other := range rows {
			want := min(max(i-j, -1), 1)
			for _, a := range row {
				for _, b := range other {
					checkPair(t, s, a, b, want)
				}
			}
		}
	}
}

// checkPair checks Compare and Key of two versions.
func checkPair(t *testing.T, s version.Scheme, a, b string, want int) {
	t.Helper()
	got, err := version.Compare(s, a, b)
	require.NoErrorf(t, err, "Compare(%v, %q, %q)", s, a, b)
	assert.Equalf(t, want, got, "Compare(%v, %q, %q)", s, a, b)
	ka, kb := mustKey(t, s, a), mustKey(t, s, b)
	assert.Equalf(t, want, bytes.Compare(ka, kb), "order of Key(%v, %q) = %x and Key(%q) = %x", s, a, ka, b, kb)
}

func mustKey(t *testing.T, s version.Scheme, v string) []byte {
	t.Helper()
	key, err := version.Key(s, v)
	require.NoErrorf(t, err, "Key(%v, %q)", s, v)
	return key
}

// checkInvalid checks that every function refuses v in the same way.
func checkInvalid(t *testing.T, s version.Scheme, v, valid string, pos int) {
	t.Helper()
	_, err := version.Key(s, v)
	var want *version.ParseError
	if !assert.ErrorAsf(t, err, &want, "Key(%v, %q)", s, v) {
		return
	}
	assert.Equalf(t, version.ParseError{Scheme: s, Text: v, Pos: pos, Reason: want.Reason}, *want, "Key(%v, %q)", s, v)
	assert.NotEmpty(t, want.Reason)

	// Even where the first text would decide.
	for _, pair := range [][2]string{{v, valid}, {valid, v}, {v, v}} {
		cmp, err := version.Compare(s, pair[0], pair[1])
		assert.Equalf(t, error(want), err, "Compare(%v, %q, %q)", s, pair[0], pair[1])
		assert.Zero(t, cmp)
	}
	key, err := version.AppendKey([]byte("kept"), s, v)
	assert.Equalf(t, error(want), err, "AppendKey(%v, %q)", s, v)
	assert.Nil(t, key)
	ok, err := version.Satisfies(s, v, "")
	assert.Equalf(t, error(want), err, "Satisfies(%v, %q, \"\")", s, v)
	assert.False(t, ok)
}

// checkTriple checks what holds for any three texts: valid versions are
// totally ordered, their keys agree, and constraints agree with Compare.
// It returns false if one of them is not a version.
func checkTriple(t *testing.T, s version.Scheme, a, b, c string) bool {
	t.Helper()
	texts := [3]string{a, b, c}
	var keys [3][]byte
	for i, text := range texts {
		key, err := version.Key(s, text)
		if _, cmpErr := version.Compare(s, text, text); (err == nil) != (cmpErr == nil) {
			require.Failf(t, "Key and Compare disagree", "%q: %v, %v", text, err, cmpErr)
		}
		if err != nil {
			var perr *version.ParseError
			require.ErrorAs(t, err, &perr)
			require.Nil(t, key)
			require.Equal(t, text, perr.Text)
			require.LessOrEqual(t, perr.Pos, len(text))
			return false
		}
		keys[i] = key
	}
	var cmp [3][3]int
	for i := range texts {
		for j := range texts {
			got, err := version.Compare(s, texts[i], texts[j])
			require.NoError(t, err)
			if got != bytes.Compare(keys[i], keys[j]) {
				require.Failf(t, "Key and Compare disagree", "Compare(%q, %q) = %d, keys %x, %x", texts[i], texts[j], got, keys[i], keys[j])
			}
			cmp[i][j] = got
		}
	}
	for i := range texts {
		for j := range texts {
			if cmp[i][j] != -cmp[j][i] { // for i == j: not 0
				require.Failf(t, "not antisymmetric", "%q, %q", texts[i], texts[j])
			}
			for k := range texts {
				if cmp[i][j] <= 0 && cmp[j][k] <= 0 && cmp[i][k] > 0 {
					require.Failf(t, "not transitive", "%q <= %q <= %q", texts[i], texts[j], texts[k])
				}
			}
		}
	}
	return true
}

// TestRandom checks triples of versions that are made of the pieces that
// matter, which differ in little and are mostly valid.
func TestRandom(t *testing.T) {
	tests := []struct {
		scheme    version.Scheme
		pieces    string // separated by blanks
		reference func(a, b string) int
	}{
		{version.Deb, "0 0 00 1 2 10 99999999999999999999 . . - - : ~ ~ + a A z rc é _ ,", compareDebSlowly},
		{version.APK, "0 1 1 2 10 99999999999999999999 .0 .00 .01 .1 .1 .10 a b _alpha _rc _rc1 _git _p _p0 _p2 ~0 ~0a -r0 -r1 -r01", func(a, b string) int {
			return compareAPKSlowly(apkParts(a), apkParts(b))
		}},
		{version.Generic, "0 1 1 2 10 .0 .0 .00 .1 .1 .10 - - ~ a A rc .a .rc +b", func(a, b string) int {
			x, _ := generic.Parse(a)
			y, _ := generic.Parse(b)
			return x.Compare(y)
		}},
		{version.PyPI, "0 0 00 1 2 10 99999999999999999999 .0 .0 .1 .1 .1 . - _ + a b c rc A1 pre .post .post1 -1 -1 dev .dev .dev2 +a +1 .a final @", comparePyPISlowly},
		{version.Gem, "0 0 0 1 2 10 99999999999999999999 .0 .0 .00 .1 .1 . - a b rc A .a .pre -pre .b1", compareGemSlowly},
		{version.CRAN, "0 00 1 2 10 99999999999999999999 .0 .1 .1 -0 -1 -2 . -", compareNumbersSlowly},
		{version.Hackage, "0 1 2 10 99999999999999999999 .0 .1 .1 .2 .", compareNumbersSlowly},
	}
	for _, tt := range tests {
		random := rand.New(rand.NewPCG(3, 4))
		pieces := strings.Split(tt.pieces, " ")
		one := func() string {
			var v strings.Builder
			v.WriteString("1") // so that most versions agree in the beginning
			for range random.IntN(6) {
				v.WriteString(pieces[random.IntN(len(pieces))])
			}
			return v.String()
		}
		valid := 0
		for range 5000 {
			a, b, c := one(), one(), one()
			if !checkTriple(t, tt.scheme, a, b, c) {
				continue
			}
			valid++
			got, err := version.Compare(tt.scheme, a, b)
			require.NoError(t, err)
			require.Equalf(t, tt.reference(a, b), got, "Compare(%v, %q, %q) and the reference", tt.scheme, a, b)
		}
		assert.Greaterf(t, valid, 500, "valid triples of %v", tt.scheme)
	}
}

// TestAllocations pins what the documentation promises: no garbage for the
// schemes that a scan of an image compares millions of times.
func TestAllocations(t *testing.T) {
	tests := []struct {
		scheme version.Scheme
		a, b   string
	}{
		{version.Deb, "1:2.36.1-8+deb12u1", "1:2.36.1-8+deb12u2"},
		{version.Deb, "20231231235959999999999-1", " 20231231235959999999998-1 "},
		{version.APK, "1.2.3_git20230717-r4", "1.2.3_git20230717-r5"},
		{version.APK, "1.01.2a_p1~abc-r0", "1.01.2a_p1~abd-r0"},
		{version.PyPI, "1!1.0RC1.post1.dev5+ubuntu.1", "1!1.0rc1.post1.dev5+ubuntu.2"},
		{version.PyPI, "0.3.2d", "2013-03-27T16:32:26+0100"},
		{version.Gem, "7.0.4.rc1", "7.0.4.rc2"},
		{version.Gem, "1.2.0-x86-linux", "1.2-x86-linux"},
		{version.CRAN, "1.2-3", "1.2-4"},
		{version.Hackage, "1.2.3.1", "1.2.3.2"},
	}
	for _, tt := range tests {
		assert.Zerof(t, testing.AllocsPerRun(100, func() {
			_, _ = version.Compare(tt.scheme, tt.a, tt.b)
		}), "Compare(%v, %q, %q)", tt.scheme, tt.a, tt.b)
		assert.Zerof(t, testing.AllocsPerRun(100, func() {
			var buf [64]byte // stays on the stack
			_, _ = version.AppendKey(buf[:0], tt.scheme, tt.a)
		}), "AppendKey(%v, %q)", tt.scheme, tt.a)
	}
}

func TestAppendKey(t *testing.T) {
	for _, s := range []version.Scheme{version.Deb, version.APK, version.Generic, version.PyPI, version.Gem, version.CRAN, version.Hackage} {
		key, err := version.AppendKey([]byte("ab"), s, "1.2")
		require.NoError(t, err)
		assert.Equal(t, append([]byte("ab"), mustKey(t, s, "1.2")...), key)
	}
}
