package version_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/version"
)

func TestParseScheme(t *testing.T) {
	tests := []struct {
		want  version.Scheme
		names []string
	}{
		{version.Deb, []string{
			"deb", "DEB", "Debian", "Debian:12", "Ubuntu:22.04:LTS", "Ubuntu:Pro:18.04:LTS", "Echo", "Root:Debian:12",
		}},
		{version.APK, []string{
			"apk", "Apk", "Alpine", "Alpine:v3.19", "Alpaquita:23", "BellSoft Hardened Containers:23",
			"Chainguard", "CleanStart", "MinimOS", "Wolfi", "wolfi", "Root:Alpine:3.18",
		}},
		{version.Generic, []string{"generic", "Generic"}},
		{version.PyPI, []string{"pypi", "PyPI", "Root:PyPI"}},
		{version.Maven, []string{"maven", "Maven", "Maven:https://repo1.maven.org/maven2"}},
		{version.NuGet, []string{"nuget", "NuGet"}},
		{version.Composer, []string{"composer", "Packagist"}},
		{version.Gem, []string{"gem", "RubyGems"}},
		{version.CRAN, []string{"cran", "CRAN", "Bioconductor"}},
		{version.Hackage, []string{"hackage", "Hackage"}},
	}
	for _, tt := range tests {
		for _, name := range tt.names {
			got, err := version.ParseScheme(name)
			require.NoErrorf(t, err, "ParseScheme(%q)", name)
			assert.Equalf(t, tt.want, got, "ParseScheme(%q)", name)
		}
	}
}

func TestParseSchemeErrors(t *testing.T) {
	tests := []string{
		"", ":12", "unknown", "Scheme(1)", "deb ", "debian-12",
		"cocoapods", // known elsewhere, not ordered here: never generic
		"Root", "Root:",
		strings.Repeat("x", 1<<20),
	}
	for _, name := range tests {
		got, err := version.ParseScheme(name)
		require.ErrorIs(t, err, version.ErrUnknownScheme)
		assert.Zero(t, got)
		assert.ErrorContains(t, err, "deb, apk, generic")
		assert.Less(t, len(err.Error()), 400)
	}
}

func TestSchemeText(t *testing.T) {
	tests := []struct {
		scheme version.Scheme
		name   string
		json   string
	}{
		{0, "unknown", `""`},
		{version.Deb, "deb", `"deb"`},
		{version.APK, "apk", `"apk"`},
		{version.Generic, "generic", `"generic"`},
		{version.SemVer, "semver", `"semver"`},
		{version.NPM, "npm", `"npm"`},
		{version.Golang, "golang", `"golang"`},
		{version.Cargo, "cargo", `"cargo"`},
		{version.Hex, "hex", `"hex"`},
		{version.Pub, "pub", `"pub"`},
		{version.Conan, "conan", `"conan"`},
		{version.Swift, "swift", `"swift"`},
		{version.PyPI, "pypi", `"pypi"`},
		{version.Maven, "maven", `"maven"`},
		{version.NuGet, "nuget", `"nuget"`},
		{version.Composer, "composer", `"composer"`},
		{version.Gem, "gem", `"gem"`},
		{version.CRAN, "cran", `"cran"`},
		{version.Hackage, "hackage", `"hackage"`},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.name, tt.scheme.String())
		data, err := json.Marshal(tt.scheme)
		require.NoError(t, err)
		assert.Equal(t, tt.json, string(data))
		got := version.Scheme(99)
		require.NoError(t, json.Unmarshal(data, &got))
		assert.Equal(t, tt.scheme, got)
	}
	assert.Equal(t, "Scheme(200)", version.Scheme(200).String())

	_, err := version.Scheme(200).MarshalText()
	assert.ErrorIs(t, err, version.ErrUnknownScheme)
	got := version.Deb
	assert.ErrorIs(t, got.UnmarshalText([]byte("unknown")), version.ErrUnknownScheme)
	assert.Equal(t, version.Deb, got, "after an error")
}

func TestNoScheme(t *testing.T) {
	for _, s := range []version.Scheme{0, 200, 255} {
		cmp, err := version.Compare(s, "1", "2")
		assert.ErrorIs(t, err, version.ErrUnknownScheme)
		assert.Zero(t, cmp)
		ok, err := version.Satisfies(s, "1", "")
		assert.ErrorIs(t, err, version.ErrUnknownScheme)
		assert.False(t, ok)
		key, err := version.Key(s, "1")
		assert.ErrorIs(t, err, version.ErrUnknownScheme)
		assert.Nil(t, key)
		key, err = version.AppendKey([]byte("kept"), s, "1")
		assert.ErrorIs(t, err, version.ErrUnknownScheme)
		assert.Nil(t, key)
	}
}

func TestParseErrorText(t *testing.T) {
	_, err := version.Key(version.Deb, "1.0-")
	assert.EqualError(t, err, `version: deb "1.0-": empty revision (at byte 4)`)
	_, err = version.Key(version.APK, strings.Repeat("1", 5000))
	assert.ErrorContains(t, err, "too long (at byte 4096)")
	assert.Less(t, len(err.Error()), 200, "hostile text is cut")
}
