package linejson

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// read walks through an object of lists, and tells what it meets.
func read(ctx context.Context, text string) (told []string, problem string, err error) {
	r, err := New(ctx, strings.NewReader(text), 1<<20)
	if err != nil {
		return nil, "", err
	}
	ok, err := r.Object(func(line int, key string) error {
		told = append(told, fmt.Sprintf("%d %s", line, key))
		if !r.IsArray() {
			_, err := r.Decode(nil)
			return err
		}
		_, err := r.Array(func(line int) error {
			var n int
			wrong, err := r.Decode(&n)
			told = append(told, fmt.Sprintf("%d %d %v", line, n, wrong))
			return err
		})
		return err
	})
	if err == nil && !ok {
		told = append(told, "no object")
	}
	problem, err = r.Finish(err, len(told) > 1)
	return told, problem, err
}

func TestReader(t *testing.T) {
	tests := []struct {
		text    string
		told    []string
		problem string
	}{
		{"{}", nil, ""},
		{"\xef\xbb\xbf\n{\n\"a\": 1,\n\r\n \"b\"\n:\n[\n2\n,3,\n\"x\"]\n}\n", []string{"3 a", "5 b", "8 2 false", "9 3 false", "10 0 true"}, ""},
		{"[1]", []string{"no object"}, ""},
		{"7", []string{"no object"}, ""},
		{"{\"a\":[1,\n", []string{"1 a", "1 1 false", "2 0 false"}, "the file ends early or is damaged in line 2: unexpected EOF"},
		{"{\"a\":1,\"b\":2}\n7", []string{"1 a", "1 b"}, "the file ends early or is damaged in line 2: there is more after the end"},
		{"{\"a\":1,\"b\":\n2]", []string{"1 a", "1 b"}, "the file ends early or is damaged in line 2: invalid character ']' after object key:value pair"},
	}
	for _, tt := range tests {
		told, problem, err := read(t.Context(), tt.text)
		require.NoErrorf(t, err, "%q", tt.text)
		assert.Equalf(t, tt.told, told, "%q", tt.text)
		assert.Equalf(t, tt.problem, problem, "%q", tt.text)
	}
}

func TestReaderErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "line 1: unexpected EOF",
		"{":                        "line 1: unexpected EOF",
		"{7:1}":                    "damaged in line 1",
		"\n{\"a\"":                 "damaged in line 2",
		"{\"a\":1}\n}":             "damaged in line 2: there is more after the end",
		strings.Repeat("[", 1<<20): "exceeded max depth",
	} {
		_, problem, err := read(t.Context(), text)
		require.ErrorContainsf(t, err, want, "%.20q", text)
		assert.Emptyf(t, problem, "%.20q", text)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := read(canceled, "{}")
	require.ErrorIs(t, err, context.Canceled)
	_, err = New(t.Context(), extracttest.Endless(" "), 100)
	require.ErrorIs(t, err, inventory.ErrTooLarge)
	_, err = New(t.Context(), iotest.ErrReader(io.ErrNoProgress), 100)
	require.ErrorIs(t, err, io.ErrNoProgress)

	// An error of the visitor is none of the file.
	r, err := New(t.Context(), strings.NewReader(`{"a":1}`), 100)
	require.NoError(t, err)
	stop := errors.New("stop")
	_, err = r.Object(func(int, string) error { return stop })
	problem, err := r.Finish(err, true)
	require.Equal(t, stop, err)
	assert.Empty(t, problem)

	// The context counts within one list.
	ctx, cancel := context.WithCancel(t.Context())
	r, err = New(ctx, strings.NewReader(`[1,2]`), 100)
	require.NoError(t, err)
	_, err = r.Array(func(int) error {
		cancel()
		_, err := r.Decode(nil)
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
}

func FuzzReader(f *testing.F) {
	f.Add("{\"a\":\n[1,\"x\"],\n\"b\":{}}")
	f.Add("{\"a\":[1,2 3")
	f.Add("{\"a\",[1}]")
	f.Fuzz(func(t *testing.T, text string) {
		told, problem, err := read(t.Context(), text)
		for _, line := range told {
			var n int
			if _, err := fmt.Sscan(line, &n); err == nil {
				require.LessOrEqual(t, n, strings.Count(text, "\n")+1)
			}
		}
		plain := strings.TrimPrefix(text, "\xef\xbb\xbf")
		require.Equal(t, json.Valid([]byte(plain)), problem == "" && err == nil, "%q: %v", problem, err)
	})
}
