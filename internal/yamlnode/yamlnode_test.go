package yamlnode

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestDecode(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "~\n"} {
		n, err := Decode([]byte(text))
		require.NoErrorf(t, err, "Decode(%q)", text)
		assert.Nilf(t, n, "Decode(%q)", text)
	}
	for text, want := range map[string]string{
		"a: 1\n---\nb: 2\n": ": it holds a second document",
		"a: [\n":            ": yaml: line 1: ",
		"a: 1\n--- [\n":     ": yaml: line 2: ",
		"\xff":              ": yaml: ",
	} {
		n, err := Decode([]byte(text))
		require.Errorf(t, err, "Decode(%q)", text)
		assert.Containsf(t, err.Error(), want, "Decode(%q)", text)
		assert.Nil(t, n)
	}
}

func TestMapping(t *testing.T) {
	read := func(text string) (map[string]string, error) {
		n, err := Decode([]byte(text))
		require.NoError(t, err)
		out := map[string]string{}
		err = Mapping(n, func(key string, value *yaml.Node) (bool, error) {
			var s string
			err := Text(value, &s)
			out[key] = s
			return key != "unknown", err
		})
		return out, err
	}
	got, err := read("a: 1\nb: 2026-01-01\nc: ' text '\nd: true\n")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a": "1", "b": "2026-01-01", "c": "text", "d": "true"}, got, "words stay what they are")
	for text, want := range map[string]string{
		"a: 1\nunknown: 2\n": `:2: unknown key "unknown"`,
		"a: 1\n\na: 2\n":     `:3: "a" is there twice`,
		"a: 1\nb:\n":         ":2: no text",
		"a: [1]\n":           ":1: no text",
		"a: &x 1\nb: *x\n":   ":2: no text",
		"[1]: 2\n":           ":1: a key that is no word",
		"- a\n":              ":1: no mapping",
	} {
		_, err := read(text)
		assert.EqualErrorf(t, err, want, "%q", text)
	}
}
