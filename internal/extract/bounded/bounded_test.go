package bounded

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestReadAll(t *testing.T) {
	data, err := ReadAll(t.Context(), strings.NewReader("1234"), 4)
	require.NoError(t, err)
	assert.Equal(t, "1234", string(data))
}

func TestReadAllErrors(t *testing.T) {
	data, err := ReadAll(t.Context(), strings.NewReader("12345"), 4)
	assert.ErrorIs(t, err, inventory.ErrTooLarge)
	assert.ErrorContains(t, err, "more than 4 bytes")
	assert.Nil(t, data)
	broken := errors.New("broken")
	_, err = ReadAll(t.Context(), iotest.ErrReader(broken), 4)
	assert.ErrorIs(t, err, broken)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = ReadAll(ctx, strings.NewReader("1"), 4)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestJSON(t *testing.T) {
	for _, text := range []string{`{"a":"b"}`, "\xef\xbb\xbf{\"a\":\"b\"}", " {\"a\":\"b\"}\n"} {
		var v struct{ A string }
		require.NoErrorf(t, JSON(t.Context(), strings.NewReader(text), 100, &v), "%q", text)
		assert.Equalf(t, "b", v.A, "%q", text)
	}
}

func TestJSONErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "unexpected end",
		"{":                      "byte 1: unexpected end",
		"{} {}":                  "byte 4: invalid character",
		`{"a":1}`:                "cannot unmarshal",
		`{"a":"` + "\n\"}":       "byte 7: invalid character",
		strings.Repeat("[", 101): "more than 100 bytes",
	} {
		var v struct{ A string }
		assert.ErrorContainsf(t, JSON(t.Context(), strings.NewReader(text), 100, &v), want, "%q", text)
	}
}
