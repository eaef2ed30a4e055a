package version_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// semverOrder ascends in every scheme of the family, see checkOrder. The
// pre-releases of 1.0.0 are the example of section 11 of
// https://semver.org/spec/v2.0.0.html.
func semverOrder() [][]string {
	return [][]string{
		{"0.0.0-0", "0-0", "0.0-00"},
		{"0.0.0-0.0"},
		{"0.0.0-1"},
		{"0.0.0--"},
		{"0.0.0-20231231235959-0123456789ab"},
		{"0", "0.0", "0.0.0", "00.0.0.0", "v0", "=0", "=v0.0", "V0", "0.0.0+a", "0+a-b.0"},
		{"0.0.0.1-a"},
		{"0.0.0.1"},
		{"0.0.1"},
		{"0.0.1.0.0.1"},
		{"1.0.0-alpha", "1-alpha+b", "v1.0-alpha"},
		{"1.0.0-alpha.1"},
		{"1.0.0-alpha.beta"},
		{"1.0.0-beta"},
		{"1.0.0-beta.2"},
		{"1.0.0-beta.11"},
		{"1.0.0-rc.1"},
		{"1.0.0", "1", "v1.0.0+1.2-3.-", "1.0.0.0"},
		{"1.0.0.1-rc"},
		{"1.0.0.1", "1.0.0.1.0"}, // a fourth number
		{"1.0.1-0"},
		{"1.0.1-9"},
		{"1.0.1-10"}, // by value
		{"1.0.1-18446744073709551615"},
		{"1.0.1-18446744073709551616", "1.0.1-018446744073709551616"}, // beyond 64 bits
		{"1.0.1--1"}, // text, above numbers
		{"1.0.1-0a"},
		{"1.0.1-1a"},
		{"1.0.1-A"},
		{"1.0.1-a"},
		{"1.0.1-a.0"},
		{"1.0.1-a.a"},
		{"1.0.1-a-"},
		{"1.0.1-a-b"},
		{"1.0.1-a0"},
		{"1.0.1"},
		{"1.2"},
		{"1.10"},
		{"2.0.0-1"},
		{"10.0"},
		{"20240102.0.0"},
		{"18446744073709551615"},
		{"18446744073709551616.0.0", "018446744073709551616"},
		{"18446744073709551617"},
	}
}

// semverInvalid is refused by every scheme of the family, at the given byte.
func semverInvalid() []struct {
	v   string
	pos int
} {
	return []struct {
		v   string
		pos int
	}{
		{"", 0},
		{"v", 1},
		{"=", 1},
		{"a", 0},
		{"latest", 0},
		{"nightly.2026-03-10.0", 0}, // from Bitnami's advisories
		{"1.", 2},
		{".1", 0},
		{"1..2", 2},
		{"-1", 0},
		{"1.x", 2},
		{"1.0.0-a..b", 8},
		{"1.0.0-a.", 8},
		{"1.0.0-a_b", 7},
		{"1.0.0-a+b+c", 9},
		{"1.0.0-a+", 8},
		{"1.0.0+", 6},
		{"1.0.0+.", 6},
		{"1.0.0+a..b", 8},
		{"1.0.0_1", 5},
		{"1:1.0.0", 1},
		{"1.0.0-é", 6},
		{"1.\u0661.0", 2}, // a digit, but not of ASCII
		{"1.0\x00", 3},
		{strings.Repeat("1", 4097), 4096},
	}
}

func TestCompareSemVer(t *testing.T) {
	checkOrder(t, version.SemVer, semverOrder())
}

func TestInvalidSemVer(t *testing.T) {
	for _, tt := range semverInvalid() {
		checkInvalid(t, version.SemVer, tt.v, "1", tt.pos)
	}
	tests := []struct {
		v   string
		pos int
	}{
		{" 1", 0},
		{"1 ", 1},
		{"1.0.0-", 6},
		{"1.0.0-.a", 6},
		{"1.0.0alpha", 5},
		{"vv1", 1},
		{"v=1", 1},
		{"go1.2", 0},
	}
	for _, tt := range tests {
		checkInvalid(t, version.SemVer, tt.v, "1", tt.pos)
	}
	for _, s := range semverFamily() {
		for _, piece := range []string{"1", "1.", "1-", "0.0", "1.a.", "1.0-a."} {
			long := strings.Repeat(piece, 4096/len(piece)-1) + "1"
			_, _ = version.Key(s, long)
		}
		_, err := version.Key(s, "1"+strings.Repeat(".0", 2047))
		assert.NoErrorf(t, err, "%v with thousands of numbers", s)
	}
}

// semverFamily lists the schemes that are read by the same code.
func semverFamily() []version.Scheme {
	return []version.Scheme{version.SemVer, version.NPM, version.Golang, version.Cargo, version.Hex, version.Pub, version.Swift}
}

// A semverConstraint is a row of a table for Satisfies.
type semverConstraint struct {
	v, constraint string
	want          bool
}

func checkSemverConstraints(t *testing.T, s version.Scheme, tests []semverConstraint) {
	t.Helper()
	for _, tt := range tests {
		got, err := version.Satisfies(s, tt.v, tt.constraint)
		if assert.NoErrorf(t, err, "Satisfies(%v, %q, %q)", s, tt.v, tt.constraint) {
			assert.Equalf(t, tt.want, got, "Satisfies(%v, %q, %q)", s, tt.v, tt.constraint)
		}
	}
}

// A semverConstraintError is a constraint that is wrong at a byte.
type semverConstraintError struct {
	constraint string
	pos        int
}

func checkSemverConstraintErrors(t *testing.T, s version.Scheme, tests []semverConstraintError) {
	t.Helper()
	for _, tt := range tests {
		got, err := version.Satisfies(s, "1.0.0", tt.constraint)
		var perr *version.ParseError
		if assert.ErrorAsf(t, err, &perr, "Satisfies(%v, 1.0.0, %q)", s, tt.constraint) {
			assert.Equalf(t, version.ParseError{Scheme: s, Text: tt.constraint, Pos: tt.pos, Reason: perr.Reason}, *perr, "%q", tt.constraint)
		}
		assert.False(t, got)
	}
}

func TestSatisfiesSemVer(t *testing.T) {
	for _, s := range []version.Scheme{version.SemVer, version.Golang} {
		checkSemverConstraints(t, s, []semverConstraint{
			{"1.2.3", "", true},
			{"1.2.3", "1.2.3", true},
			{"1.2.3", "v1.2.3+b", true},
			{"1.2.3", "1.2", false}, // 1.2.0, nothing is left open
			{"1.2.0", "1.2", true},
			{"1.2.3", "==1.2.3", true},
			{"1.2.3", "!=1.2.3", false},
			{"1.2.4", "!= 1.2.3", true},
			{"1.2.3", "<1.2.3", false},
			{"1.2.3-rc.1", "<1.2.3", true}, // pre-releases are like others
			{"1.2.3", "<=1.2.3", true},
			{"1.2.3", ">1.2.3", false},
			{"1.2.3.1", ">1.2.3", true},
			{"1.2.3", ">=1.2.3", true},
			{"1.5.0", ">= 1.0, < 2.0", true},
			{"1.5.0", ">=1.0 <2.0", true},
			{"1.5.0", ">=1.0<2.0", true},
			{"1.5.0", ">=1.0\t,\n<1.5", false},
			{"3.0.0", "<2.0 || >=3.0", true},
			{"2.5.0", "<2.0||>=3.0", false},
		})
		checkSemverConstraintErrors(t, s, []semverConstraintError{
			{">", 1},
			{"> ", 1},
			{">=1,", 4},
			{",>=1", 0},
			{">=1,,<2", 4},
			{"=>1", 0},
			{"^1", 0},
			{"~1", 0},
			{"1.x", 2},
			{">1 ||", 5},
			{"|| >1", 0},
			{"> 1 || <1.a", 10},
			{"1-", 2},
			{strings.Repeat(" ", 65537), 65536},
		})
	}
}

// TestSemverRandom compares random versions with a slow reference.
func TestSemverRandom(t *testing.T) {
	pieces := strings.Split("0 1 1 2 10 99999999999999999999 .0 .0 .00 .1 .1 .10 - - . a A rc .a .rc +b", " ")
	random := rand.New(rand.NewPCG(5, 6))
	one := func() string {
		var v strings.Builder
		v.WriteString("1")
		for range random.IntN(6) {
			v.WriteString(pieces[random.IntN(len(pieces))])
		}
		return v.String()
	}
	for _, s := range semverFamily() {
		valid := 0
		for range 3000 {
			a, b, c := one(), one(), one()
			if !checkTriple(t, s, a, b, c) {
				continue
			}
			valid++
			if s == version.NPM || s == version.Golang || s == version.Pub {
				continue // their own forms have tests of their own
			}
			got, err := version.Compare(s, a, b)
			require.NoError(t, err)
			require.Equalf(t, compareSemverSlowly(a, b), got, "Compare(%v, %q, %q) and the reference", s, a, b)
		}
		assert.Greaterf(t, valid, 200, "valid triples of %v", s)
	}
}

// compareSemverSlowly compares two valid versions by splitting them into
// lists first.
func compareSemverSlowly(a, b string) int {
	split := func(v string) (numbers, pre []string) {
		v, _, _ = strings.Cut(strings.TrimLeft(v, "=vV"), "+")
		v, ids, found := strings.Cut(v, "-")
		numbers = strings.Split(v, ".")
		for len(numbers) > 1 && strings.Trim(numbers[len(numbers)-1], "0") == "" {
			numbers = numbers[:len(numbers)-1]
		}
		if found {
			pre = strings.Split(ids, ".")
		}
		return numbers, pre
	}
	number := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	compare := func(x, y string) int {
		switch {
		case number(x) && number(y):
			return leadingNumber(&x).Cmp(leadingNumber(&y))
		case number(x):
			return -1
		case number(y):
			return 1
		}
		return strings.Compare(x, y)
	}
	numbersA, preA := split(a)
	numbersB, preB := split(b)
	for len(numbersA) < len(numbersB) {
		numbersA = append(numbersA, "0")
	}
	for len(numbersB) < len(numbersA) {
		numbersB = append(numbersB, "0")
	}
	if c := slices.CompareFunc(numbersA, numbersB, compare); c != 0 {
		return c
	}
	switch {
	case preA == nil && preB == nil:
		return 0
	case preA == nil:
		return 1
	case preB == nil:
		return -1
	}
	return slices.CompareFunc(preA, preB, compare)
}

func TestSemverAllocations(t *testing.T) {
	tests := []struct {
		scheme version.Scheme
		a, b   string
	}{
		{version.SemVer, "v1.2.3-rc.1+build", "1.2.3-rc.20231231235959999999999"},
		{version.NPM, " =v1.2.3beta.2", "1.2.3-beta.10"},
		{version.Golang, "v0.0.0-20230717101112-abcdef012345", "v0.0.0-20230718101112-abcdef012345"},
		{version.Golang, "go1.21rc2 X:boringcrypto", "1.21.0-rc.3"},
		{version.Cargo, "1.2.3-rc.1", "1.2.3-rc.2"},
		{version.Hex, "1.2.3-rc.1", "1.2.3-rc.2"},
		{version.Pub, "1.2.3+1.a", "1.2.3+1.b"},
		{version.Conan, "1.1.1k-rc.1+b", "1.1.1l"},
		{version.Swift, "1.2.3-rc.1", "1.2.3-rc.2"},
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

// TestSemverFeeds reads the versions of real advisories, of which only one is
// no version, and checks that keys order them as Compare does.
func TestSemverFeeds(t *testing.T) {
	tests := []struct {
		ecosystem string
		scheme    version.Scheme
	}{
		{"Bitnami", version.SemVer},
		{"Go", version.Golang},
		{"crates.io", version.Cargo},
	}
	for _, tt := range tests {
		t.Run(tt.ecosystem, func(t *testing.T) {
			keys := map[string][]byte{}
			var versions []string
			for _, list := range feed(t, tt.ecosystem, 16) {
				for _, v := range list {
					if keys[v] == nil && v != "nightly.2026-03-10.0" {
						keys[v] = mustKey(t, tt.scheme, v)
						versions = append(versions, v)
					}
				}
			}
			sortByKey(versions, keys)
			for i := 1; i < len(versions); i++ {
				a, b := versions[i-1], versions[i]
				checkPair(t, tt.scheme, a, b, bytes.Compare(keys[a], keys[b]))
			}
		})
	}
}

func TestSemverSchemes(t *testing.T) {
	tests := []struct {
		want  version.Scheme
		names []string
	}{
		{version.SemVer, []string{"semver", "SemVer", "Bitnami", "Julia", "GitHub Actions"}},
		{version.NPM, []string{"npm"}},
		{version.Golang, []string{"golang", "Go"}},
		{version.Cargo, []string{"cargo", "crates.io"}},
		{version.Hex, []string{"hex"}},
		{version.Pub, []string{"pub"}},
		{version.Conan, []string{"conan", "ConanCenter"}},
		{version.Swift, []string{"swift", "SwiftURL"}},
	}
	for _, tt := range tests {
		assert.Equal(t, strings.ToLower(tt.names[0]), tt.want.String())
		for _, name := range tt.names {
			got, err := version.ParseScheme(name)
			require.NoErrorf(t, err, "ParseScheme(%q)", name)
			assert.Equalf(t, tt.want, got, "ParseScheme(%q)", name)
		}
	}
}

func FuzzSemVer(f *testing.F) {
	f.Add("1.0.0-alpha.1+b", "v1.0-alpha", "1.0.0.1")
	f.Add("1.0-18446744073709551616", "1.0-018446744073709551616", "=v1--")
	f.Add("1.0.0", "1", "1.0-0")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if !checkTriple(t, version.SemVer, a, b, c) {
			return
		}
		got, err := version.Compare(version.SemVer, a, b)
		require.NoError(t, err)
		require.Equalf(t, compareSemverSlowly(a, b), got, "Compare(%q, %q) and the reference", a, b)
		if b[0] == '=' {
			return // would become another operator
		}
		for op, want := range map[string]bool{"<": got < 0, "<=": got <= 0, "=": got == 0, "!=": got != 0, ">=": got >= 0, ">": got > 0} {
			ok, err := version.Satisfies(version.SemVer, a, op+b)
			require.NoErrorf(t, err, "Satisfies(%q, %q)", a, op+b)
			require.Equalf(t, want, ok, "Satisfies(%q, %q)", a, op+b)
		}
	})
}
