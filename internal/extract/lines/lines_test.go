package lines_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestEach(t *testing.T) {
	for content, want := range map[string][]string{
		"":          nil,
		"a":         {"a"},
		"a\n":       {"a"},
		"\na\n\nb ": {"", "a", "", "b "},
	} {
		var got []string
		err := lines.Each(t.Context(), strings.NewReader(content), 100, func(line []byte) error {
			got = append(got, string(line))
			return nil
		})
		require.NoErrorf(t, err, "%q", content)
		assert.Equalf(t, want, got, "%q", content)
	}
}

func TestEachErrors(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	broken, stop := errors.New("broken"), errors.New("stop")
	tests := []struct {
		name  string
		ctx   context.Context
		data  string
		limit int64
		visit error
		is    error
		text  string
	}{
		{"a line too long", t.Context(), "a\n" + strings.Repeat("x", lines.MaxLine+1), 1 << 30, nil, inventory.ErrTooLarge, "line 2: more than 1048576 bytes"},
		{"a file too large", t.Context(), "a\nb\n", 3, nil, inventory.ErrTooLarge, "more than 3 bytes"},
		{"visit", t.Context(), "a\n", 100, stop, stop, "line 1: stop"},
		{"cancelled", cancelled, "a\n", 100, nil, context.Canceled, ""},
		{"cancelled, empty", cancelled, "", 100, nil, context.Canceled, ""},
	}
	for _, tt := range tests {
		err := lines.Each(tt.ctx, strings.NewReader(tt.data), tt.limit, func([]byte) error { return tt.visit })
		require.ErrorIs(t, err, tt.is, tt.name)
		assert.ErrorContains(t, err, tt.text, tt.name)
	}
	assert.ErrorIs(t, lines.Each(t.Context(), iotest.ErrReader(broken), 100, func([]byte) error { return nil }), broken)
	err := lines.Each(t.Context(), extracttest.Endless("a\n"), 1<<20, func([]byte) error { return nil })
	assert.ErrorIs(t, err, inventory.ErrTooLarge, "a file without end")
}

func TestProblems(t *testing.T) {
	var p lines.Problems
	assert.Nil(t, p.List())
	for i := range lines.MaxProblems {
		p.Add("problem %d of %q", i, lines.Clip(strings.Repeat("n", 1000)))
	}
	require.Len(t, p.List(), lines.MaxProblems)
	assert.Less(t, len(p.List()[0]), 200)
	p.Add("one")
	p.Add("two")
	require.Len(t, p.List(), lines.MaxProblems+1)
	assert.Equal(t, "there are 2 more problems", p.List()[lines.MaxProblems])
}
