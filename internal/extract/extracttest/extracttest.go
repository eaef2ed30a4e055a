// Package extracttest holds what the tests of extractors share.
package extracttest

import (
	"cmp"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// File returns a file of an image with the given path and content.
func File(name, content string) *inventory.File {
	return inventory.NewFile(name, 0o644, int64(len(content)), strings.NewReader(content), nil)
}

// Fixture returns the content of a file below testdata.
func Fixture(tb testing.TB, elem ...string) string {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join(append([]string{"testdata"}, elem...)...))
	require.NoError(tb, err)
	return string(content)
}

// Identity checks an extractor's name and version. Who raises the version has
// to say so here too.
func Identity(t *testing.T, e inventory.Extractor, name string, version int) {
	t.Helper()
	assert.Equal(t, name, e.Name())
	assert.Equal(t, version, e.Version())
}

// Wants checks which paths an extractor wants. The files count as executable.
func Wants(t *testing.T, e inventory.Extractor, want map[string]bool) {
	t.Helper()
	for name, wanted := range want {
		got := false
		for _, p := range e.Patterns() {
			glob, anywhere := strings.CutPrefix(p.Glob, "**/")
			tail := name
			if anywhere {
				elements := strings.Split(name, "/")
				tail = strings.Join(elements[max(0, len(elements)-strings.Count(glob, "/")-1):], "/")
			}
			ok, err := path.Match(glob, tail)
			require.NoError(t, err)
			got = got || ok
		}
		assert.Equalf(t, wanted, got, "a pattern for %q", name)
	}
}

// Check holds what an extractor has made of a file against the contract of
// [inventory.Extractor]. Fuzz tests call it.
func Check(t *testing.T, facts inventory.Facts, err error) {
	t.Helper()
	if err != nil {
		require.Zero(t, facts, "facts beside an error")
		return
	}
	for _, p := range facts.Packages {
		require.NotEmpty(t, p.Type)
		require.NotEmptyf(t, p.Name, "name of a %s package", p.Type)
		require.Empty(t, p.PURL)
		require.Empty(t, p.Extractor)
		require.Empty(t, p.Paths)
		require.Zero(t, p.Layer)
		require.Empty(t, p.OwnedBy)
		require.Empty(t, p.LicenseExpression)
		require.Empty(t, p.DependsOn)
		require.Nil(t, p.DeletedBy)
		for _, list := range [][]string{p.Requires, p.Provides, p.Licenses, p.CPEs} {
			require.NotContains(t, list, "")
		}
		Hashes(t, p.Hashes)
	}
	for _, o := range facts.Owned {
		require.NotEmpty(t, o.Package)
		for _, owned := range o.Paths {
			require.Equal(t, path.Clean(owned), owned)
			require.Falsef(t, owned == "." || owned == ".." || strings.HasPrefix(owned, "/") || strings.HasPrefix(owned, "../"), "%q", owned)
		}
	}
	require.NotContains(t, facts.Problems, "")
	require.LessOrEqual(t, len(facts.Problems), lines.MaxProblems+1)
}

// Digest returns a digest as a list of one.
func Digest(algorithm, value string) []inventory.Hash {
	return []inventory.Hash{{Algorithm: algorithm, Value: value}}
}

// digits has the number of hexadecimal digits of the digests that packages may
// have.
var digits = map[string]int{"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-384": 96, "SHA-512": 128}

// Hashes checks that digests are as [inventory.Package] has them: well-formed,
// sorted, and each there once.
func Hashes(t *testing.T, list []inventory.Hash) {
	t.Helper()
	for i, h := range list {
		require.Containsf(t, digits, h.Algorithm, "algorithm of digest %q", h.Value)
		require.Lenf(t, h.Value, digits[h.Algorithm], "digest of %s", h.Algorithm)
		require.Emptyf(t, strings.Trim(h.Value, "0123456789abcdef"), "digest %q is no hexadecimal number in lower case", h.Value)
		if i > 0 {
			before := list[i-1]
			require.Negativef(t, cmp.Or(strings.Compare(before.Algorithm, h.Algorithm), strings.Compare(before.Value, h.Value)), "%v before %v", before, h)
		}
	}
}

// Endless reads as s again and again.
func Endless(s string) io.Reader { return &repeater{data: []byte(s)} }

type repeater struct {
	data []byte
	at   int
}

func (r *repeater) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c := copy(p[n:], r.data[r.at:])
		n += c
		r.at = (r.at + c) % len(r.data)
	}
	return n, nil
}
