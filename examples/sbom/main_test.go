package main

import (
	"bytes"
	"context"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
)

const alpine = "../../testdata/images/alpine-3.8.tar.gz"

// What a comment says, compared with a list of package URLs that somebody kept.
func Example() {
	dir, err := os.MkdirTemp("", "sbom")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var buf bytes.Buffer
	if err := write(context.Background(), &buf, alpine); err != nil {
		log.Fatal(err)
	}
	bom, err := sbom.Decode(&buf)
	if err != nil {
		log.Fatal(err)
	}
	var urls bytes.Buffer
	if err := sbom.Encode(&urls, bom, sbom.PackageURLs); err != nil {
		log.Fatal(err)
	}
	text := strings.Replace(urls.String(), "musl@1.1.19-r10", "musl@1.1.19-r9", 1)
	text = strings.Replace(text, "apk-tools@", "apk-toolbox@", 1)
	old := filepath.Join(dir, "old.txt")
	if err := os.WriteFile(old, []byte(text), 0o600); err != nil {
		log.Fatal(err)
	}
	if err := compare(context.Background(), os.Stdout, alpine, old); err != nil {
		log.Fatal(err)
	}
	// Output:
	// - musl: 1.1.19-r9 → 1.1.19-r10
	// - apk-tools 2.10.1-r0 is new
	// - apk-toolbox 2.10.1-r0 is gone
	// - Timestamp: it is not stated when the document was made
}

func TestWriteTwice(t *testing.T) {
	var first, second bytes.Buffer
	require.NoError(t, write(t.Context(), &first, alpine))
	require.NoError(t, write(t.Context(), &second, alpine))
	assert.Equal(t, first.String(), second.String())
	old := filepath.Join(t.TempDir(), "old.json")
	require.NoError(t, os.WriteFile(old, first.Bytes(), 0o600))
	var comment bytes.Buffer
	require.NoError(t, compare(t.Context(), &comment, alpine, old))
	assert.True(t, strings.HasPrefix(comment.String(), "The packages are the same.\n"), comment.String())
}

func TestErrors(t *testing.T) {
	var out bytes.Buffer
	missing := filepath.Join(t.TempDir(), "missing")
	assert.ErrorIs(t, write(t.Context(), &out, missing), os.ErrNotExist)
	assert.ErrorIs(t, compare(t.Context(), &out, missing, missing), os.ErrNotExist)
	assert.ErrorIs(t, compare(t.Context(), &out, alpine, missing), os.ErrNotExist)
	assert.ErrorIs(t, compare(t.Context(), &out, alpine, "main.go"), sbom.ErrFormat)
	assert.Empty(t, out.String())
}
