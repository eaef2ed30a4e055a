package tomllines

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A recorder writes down what it is told.
type recorder []string

func (r *recorder) note(line int, format string, args ...any) error {
	*r = append(*r, fmt.Sprintf("%d ", line)+fmt.Sprintf(format, args...))
	return nil
}

func (r *recorder) Table(line int, name []string, array bool) error {
	return r.note(line, "table %q %v", name, array)
}

func (r *recorder) Text(line int, key, value string) error { return r.note(line, "%s: %q", key, value) }

func (r *recorder) List(line int, key string, values []string) error {
	return r.note(line, "%s: %q", key, values)
}
func (r *recorder) Bad(line int, text string) error { return r.note(line, "bad %q", text) }

func TestRead(t *testing.T) {
	tests := []struct {
		text string
		want recorder
	}{
		{"", nil},
		{"\ufeff# comment\n\n \t\r\n", nil},
		{"a = \"b\" # c\nd='e\\'\n\"f g\" = \"h\"\n'i' = 'j'", recorder{`1 a: "b"`, `2 d: "e\\"`, `3 f g: "h"`, `4 i: "j"`}},
		{`a = "b\"\\c\u0041\t]"`, recorder{"1 a: \"b\\\"\\\\cA\\t]\""}},
		{"a = 4 # x\nb = true\nc = 1979-05-27", recorder{`1 a: "4"`, `2 b: "true"`, `3 c: "1979-05-27"`}},
		{"[a]\n[[b.c]] # x\n[ d . \"e.f\" ]\n", recorder{`1 table ["a"] false`, `2 table ["b" "c"] true`, `3 table ["d" "e.f"] false`}},
		{"a = []\nb = [ \"c\", 'd' , ] # x\ne = [\n \"f\",\n # x\n \"g\"\n]\n", recorder{`1 a: []`, `2 b: ["c" "d"]`, `3 e: ["f" "g"]`}},
		// What is not read.
		{"a", recorder{`1 bad "a"`}},
		{"= 1", recorder{`1 bad "= 1"`}},
		{"a =", recorder{`1 bad "a ="`}},
		{"a.b = 1", recorder{`1 bad "a.b = 1"`}},
		{"a = {b = 1}", recorder{`1 bad "a = {b = 1}"`}},
		{"a = \"\"\"", recorder{"1 bad \"a = \\\"\\\"\\\"\""}},
		{"a = \"b", recorder{`1 bad "a = \"b"`}},
		{"a = \"b\\", recorder{`1 bad "a = \"b\\"`}},
		{`a = "\q"`, recorder{`1 bad "a = \"\\q\""`}},
		{"a = \"b\" c", recorder{`1 bad "a = \"b\" c"`}},
		{"[a", recorder{`1 bad "[a"`}},
		{"[[a]", recorder{`1 bad "[[a]"`}},
		{"[a] b", recorder{`1 bad "[a] b"`}},
		{"[]", recorder{`1 bad "[]"`}},
		{"a = [1]\nb = 2", recorder{`1 bad "1]"`, `1 bad "the list a has no end"`, `2 b: "2"`}},
		{"a = [\"b\"] c", recorder{`1 bad "] c"`}},
		{"a = [\n\"b\",\n[c]\n", recorder{`1 bad "the list a has no end"`, `3 table ["c"] false`}},
		{"a = [\n\"b\"", recorder{`1 bad "the list a has no end"`}},
		{"a = \"\xff\"", recorder{"1 a: \"\ufffd\""}},
	}
	for _, tt := range tests {
		var got recorder
		require.NoErrorf(t, Read(t.Context(), strings.NewReader(tt.text), 1000, &got), "Read(%q)", tt.text)
		assert.Equalf(t, tt.want, got, "Read(%q)", tt.text)
	}
}

func TestReadErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		ctx  context.Context
		r    io.Reader
		is   error
		text string
	}{
		{canceled, strings.NewReader(""), context.Canceled, ""},
		{t.Context(), extracttest.Endless("a = 1\n"), inventory.ErrTooLarge, "more than 1048576 bytes"},
		{t.Context(), io.MultiReader(strings.NewReader("a = [\n"), extracttest.Endless("'',\n")), inventory.ErrTooLarge, `more than 100000 entries in "a"`},
		{t.Context(), extracttest.Endless("x\n"), inventory.ErrTooLarge, "more than 100000 lines cannot be understood"},
	}
	for _, tt := range tests {
		var got recorder
		err := Read(tt.ctx, tt.r, 1<<20, &got)
		require.ErrorIs(t, err, tt.is)
		assert.ErrorContains(t, err, tt.text)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("[[a.'b']]\nc = \"d\\u0041\" # e\nf = [\n 'g', \"h\",\n]\ni = 1\n")
	f.Add("a = [\"b\", 1\n[c\n= \"\"\"")
	f.Fuzz(func(t *testing.T, text string) {
		var got recorder
		if Read(t.Context(), strings.NewReader(text), 1<<16, &got) != nil {
			require.Greater(t, len(text), 1<<16)
			return
		}
		// No line is lost but comments and what is in lists.
		for n, line := range strings.Split(text, "\n") {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "[") || n == 0 {
				continue
			}
			told := false
			for _, what := range got {
				told = told || strings.HasPrefix(what, fmt.Sprintf("%d ", n+1))
			}
			require.True(t, told, "line %d: %q in %q", n+1, line, got)
		}
	})
}
