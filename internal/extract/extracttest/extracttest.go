// Package extracttest holds what the tests of extractors share.
package extracttest

import (
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// Wants checks which paths an extractor without "**/" in its patterns wants.
func Wants(t *testing.T, e inventory.Extractor, want map[string]bool) {
	t.Helper()
	for name, wanted := range want {
		got := false
		for _, p := range e.Patterns() {
			ok, err := path.Match(p.Glob, name)
			require.NoError(t, err)
			got = got || ok
		}
		assert.Equalf(t, wanted, got, "a pattern for %q", name)
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
