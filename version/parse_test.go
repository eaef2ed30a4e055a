package version_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

func TestVersion(t *testing.T) {
	a, err := version.Parse(version.Deb, "1.0-0")
	require.NoError(t, err)
	assert.Equal(t, version.Deb, a.Scheme())
	assert.Equal(t, "1.0-0", a.String(), "as it was given")
	assert.False(t, a.IsZero())
	b := version.MustParse(version.Deb, "1.0")
	assert.NotEqual(t, a, b, "spelled differently")
	assert.Zero(t, a.Compare(b), "but of the same rank")
	assert.Equal(t, -1, b.Compare(version.MustParse(version.Deb, "1:0")))
	assert.Equal(t, a, version.MustParse(version.Deb, "1.0-0"), "usable as a key")

	var zero version.Version
	assert.True(t, zero.IsZero())
	assert.Zero(t, zero.Compare(zero))
	other := version.MustParse(version.APK, "1.0")
	for _, pair := range [][2]version.Version{{zero, a}, {a, other}} {
		assert.Equal(t, -1, pair[0].Compare(pair[1]), "by scheme")
		assert.Equal(t, 1, pair[1].Compare(pair[0]), "by scheme")
	}
}

func TestParseErrors(t *testing.T) {
	v, err := version.Parse(version.APK, "one")
	var bad *version.ParseError
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, "one", bad.Text)
	assert.True(t, v.IsZero())
	_, err = version.Parse(0, "1")
	assert.ErrorIs(t, err, version.ErrUnknownScheme)
	assert.Panics(t, func() { version.MustParse(version.Deb, "") })
}

func TestRange(t *testing.T) {
	r, err := version.ParseRange(version.Deb, ">= 1.0, << 2.0 | = 3.0")
	require.NoError(t, err)
	assert.Equal(t, version.Deb, r.Scheme())
	assert.Equal(t, ">= 1.0, << 2.0 | = 3.0", r.String())
	for v, want := range map[string]bool{"0.9": false, "1.0": true, "1.9": true, "2.0": false, "3.0": true, "3.0-0": true, "3.1": false} {
		assert.Equalf(t, want, r.Contains(version.MustParse(version.Deb, v)), "%q", v)
	}
	assert.False(t, r.Contains(version.MustParse(version.APK, "1.5")), "of another scheme")
	assert.False(t, r.Contains(version.Version{}))
	assert.False(t, version.Range{}.Contains(version.MustParse(version.APK, "1.5")), "the zero value is empty")

	all, err := version.ParseRange(version.APK, " ")
	require.NoError(t, err)
	assert.True(t, all.Contains(version.MustParse(version.APK, "1.5")), "a blank constraint is met by every version")
}

func TestParseRangeErrors(t *testing.T) {
	_, err := version.ParseRange(0, "= 1")
	assert.ErrorIs(t, err, version.ErrUnknownScheme)
	// Alternatives multiply: 2 to the power of 20 of them are refused.
	many := strings.TrimSuffix(strings.Repeat("= 1 | = 2, ", 20), ", ")
	tests := []struct {
		scheme     version.Scheme
		constraint string
		reason     string
	}{
		{version.Deb, many, "too many alternatives"},
		{version.Deb, strings.Repeat(" ", 1<<17), "too long"},
		{version.Deb, "=> 1", "unknown operator"},
		{version.APK, "=1 >x", "does not begin with a digit"},
		{version.Generic, "= x =", "not a constraint"},
	}
	for _, tt := range tests {
		r, err := version.ParseRange(tt.scheme, tt.constraint)
		var bad *version.ParseError
		require.ErrorAsf(t, err, &bad, "%.40q", tt.constraint)
		assert.Containsf(t, bad.Reason, tt.reason, "%.40q", tt.constraint)
		assert.Zerof(t, r, "%.40q", tt.constraint)
	}
}

func ExampleParseRange() {
	r, err := version.ParseRange(version.Deb, ">= 7.88.1, << 7.88.1-10+deb12u5")
	if err != nil {
		panic(err)
	}
	for _, v := range []string{"7.88.1-10", "7.88.1-10+deb12u5"} {
		fmt.Println(v, r.Contains(version.MustParse(version.Deb, v)))
	}
	// Output:
	// 7.88.1-10 true
	// 7.88.1-10+deb12u5 false
}
