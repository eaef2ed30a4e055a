package version_test

import (
	"regexp"
	"strings"
	"testing"

	generic "github.com/aquasecurity/go-version/pkg/version"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

// genericOrder ascends, see checkOrder.
func genericOrder() [][]string {
	return [][]string{
		{"0-0"},
		{"0-a"},
		{"0", "0.0", "v0", "00.0.0", "0+build"},
		{"0.0.1"},
		{"0.1"},
		{"1-0", "1.0-00", "1-0+x"},
		{"1-0.0"}, // more identifiers
		{"1-2"},
		{"1-10"}, // by value
		{"1-10.a"},
		{"1-18446744073709551615"},
		{"1--", "1-"}, // text, above numbers
		{"1--a"},
		{"1-18446744073709551616"}, // beyond 64 bits it is text
		{"1-2a"},
		{"1-A"},
		{"1-alpha", "1alpha", "1.0.0-alpha+1"},
		{"1-alpha.0"},
		{"1-alpha.1"},
		{"1-alpha.a"},
		{"1-alpha1"},
		{"1-beta"},
		{"1-rc.1.2"},
		{"1-xx"},
		{"1-~"},
		{"1", "1.0", "1.0.0.0", "v1", "01", "1+a-b"},
		{"1.0.0.1-rc"},
		{"1.0.0.1", "1.0.0.1.0"},
		{"1.0.1"},
		{"1.2"},
		{"1.10"},
		{"10.0"},
		{"18446744073709551615"},
	}
}

func TestCompareGeneric(t *testing.T) {
	checkOrder(t, version.Generic, genericOrder())
}

func TestInvalidGeneric(t *testing.T) {
	tests := []struct {
		v   string
		pos int
	}{
		{"", 0},
		{"a", 0},
		{"v", 0},
		{"1.", 0},
		{".1", 0},
		{"1.x", 0},
		{"1 ", 0},
		{"1:1", 0},
		{"1\n", 0},
		{"18446744073709551616", 0},
		{"1-x", 1}, // go-version's wildcards
		{"v1.2x", 4},
		{"1-a.X.b+c", 1},
		{strings.Repeat("1", 4097), 4096},
	}
	for _, tt := range tests {
		checkInvalid(t, version.Generic, tt.v, "1", tt.pos)
	}
}

func TestSatisfiesGeneric(t *testing.T) {
	tests := []struct {
		v, constraint string
		want          bool
	}{
		{"1.2", "", true},
		{"1.2", " \t", true},
		{"1.2", "1.2.0", true},
		{"1.2", "= 1.3", false},
		{"1.2", "!= 1.3", true},
		{"1.2", ">= 1.0, < 1.2", false},
		{"1.1.9", ">= 1.0, < 1.2", true},
		{"1.1.9", ">= 1.0 < 1.2", true},
		{"2.5", "< 1.2 || > 2", true},
		{"1.3", "~> 1.2", true},
		{"2.0", "~> 1.2", false},
		{"1.2.9", "~1.2", true},
		{"1.3", "~1.2", false},
		{"1.9", "^1.2", true},
		{"2.0", "^1.2", false},
		{"1.2-rc1", "< 1.2", true},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.Generic, tt.v, tt.constraint)
		require.NoErrorf(t, err, "Satisfies(generic, %q, %q)", tt.v, tt.constraint)
		assert.Equalf(t, tt.want, got, "Satisfies(generic, %q, %q)", tt.v, tt.constraint)
	}
}

func TestSatisfiesGenericErrors(t *testing.T) {
	tests := []struct {
		constraint string
		pos        int
	}{
		{">=", 0},
		{">= a", 0},
		{"=> 18446744073709551616", 0},
		{"1 ||", 0},
		{strings.Repeat(" ", 65537), 65536},
	}
	for _, tt := range tests {
		got, err := version.Satisfies(version.Generic, "1", tt.constraint)
		var perr *version.ParseError
		require.ErrorAsf(t, err, &perr, "Satisfies(generic, 1, %q)", tt.constraint)
		assert.False(t, got)
		assert.Equal(t, version.ParseError{Scheme: version.Generic, Text: tt.constraint, Pos: tt.pos, Reason: perr.Reason}, *perr)
	}
}

// FuzzGeneric also checks that only wildcards are treated otherwise than by
// go-version.
func FuzzGeneric(f *testing.F) {
	f.Add("1.2.0-alpha.1+b", "v1.2alpha", "1.2--")
	f.Add("1-18446744073709551616", "1-18446744073709551615", "1-.5")
	f.Add("1-x", "1.0-a.X", "1.0X")
	f.Add("1+x", "1-a+x.X", "1-xx")
	wildcard := regexp.MustCompile(`^[^+]*(-|\.|[0-9])[xX](\.|\+|$)`)
	f.Fuzz(func(t *testing.T, a, b, c string) {
		for _, v := range []string{a, b, c} {
			if len(v) > 4096 {
				return
			}
			_, theirs := generic.Parse(v)
			_, ours := version.Key(version.Generic, v)
			if theirs == nil && !wildcard.MatchString(v) {
				require.NoErrorf(t, ours, "Key(%q)", v)
			}
			if theirs != nil {
				require.Errorf(t, ours, "Key(%q)", v)
			}
		}
		if !checkTriple(t, version.Generic, a, b, c) {
			return
		}
		got, err := version.Compare(version.Generic, a, b)
		require.NoError(t, err)
		for op, want := range map[string]bool{"<": got < 0, "=": got == 0, ">": got > 0} {
			ok, err := version.Satisfies(version.Generic, a, op+b)
			require.NoErrorf(t, err, "Satisfies(%q, %q)", a, op+b)
			require.Equalf(t, want, ok, "Satisfies(%q, %q)", a, op+b)
		}
	})
}
