package cyclonedx_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec/codectest"
)

// specification returns the documents of a folder, by name.
func specification(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(codectest.Testdata("spec", "cyclonedx", folder, "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	out := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		out[filepath.Base(file)] = data
	}
	return out
}

func encodingOf(name string) string { return filepath.Ext(name)[1:] }

// TestValidDocuments reads the examples of the specification. Some name what is
// not in them, which is told of.
func TestValidDocuments(t *testing.T) {
	told := map[string]string{}
	for _, folder := range []string{"valid", "valid-1.6"} {
		for name, data := range specification(t, folder) {
			b, err := decode(encodingOf(name), data)
			if !assert.NoError(t, err, name) {
				continue
			}
			for _, p := range b.Problems {
				told[name] = p.Err.Error()
			}
		}
	}
	assert.Equal(t, map[string]string{ // these do
		"valid-compositions.json": `1 relationships name something that is not in the document, such as "pkg:maven/acme/library@3.0"`,
		"valid-service.json":      `1 relationships name something that is not in the document, such as "pkg:maven/com.acme/stock-java-client@1.0.12"`,
	}, told)
}

// TestInvalidDocuments reads what the specification gives as wrong: each is
// refused, or told of.
func TestInvalidDocuments(t *testing.T) {
	for name, data := range specification(t, "invalid") {
		b, err := decode(encodingOf(name), data)
		if err != nil {
			assert.Nil(t, b, name)
			continue
		}
		if assert.NotEmptyf(t, b.Problems, "%s: %s", name, data) {
			t.Logf("%s: %v", name, b.Problems[0].Err)
		}
	}
}
