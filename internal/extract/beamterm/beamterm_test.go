package beamterm

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// show writes a term with its kinds.
func show(t Term) string {
	if t.Kind < Tuple {
		return fmt.Sprintf("%c%s", "nat"[t.Kind], t.Text)
	}
	var items []string
	for _, item := range t.Items {
		items = append(items, show(item))
	}
	return fmt.Sprintf("%c(%s)", "TLM"[t.Kind-Tuple], strings.Join(items, " "))
}

func TestParse(t *testing.T) {
	tests := []struct {
		language     Language
		text         string
		want, damage string
	}{
		{Erlang, "", "", ""},
		{Erlang, `{"1.2.0",[{<<"a">>,{pkg,<<"b">>,<<"1">>},0}]}.` + "\n[].", `T(t1.2.0 L(T(ta T(apkg tb t1) n0))) L()`, ""},
		{Erlang, "% a comment\n'an atom'. #{a=>1}. <<\"x\"/utf8>>. <<>>. -1.", "aan atom M(aa n1) tx t n-1", ""},
		{Elixir, `%{"a": {:hex, :"b", "1", [hex: :c, x: true]}, "d" => {}} # end`, `M(ta T(ahex ab t1 L(ahex ac ax atrue)) td T())`, ""},
		{Elixir, `"a\"b\\"`, `ta"b\`, ""},
		{Elixir, "%{\"a\": {:hex},\n\"b\": {:hex, \"1", `M(ta T(ahex) tb T(ahex))`, `line 2: no "`},
		{Elixir, "{a", "T(aa)", "line 1: no }"},
		{Elixir, "\n[1, *]", "L(n1)", "line 2: no term"},
		{Elixir, `"a\`, "", `line 1: no "`},
	}
	for _, tt := range tests {
		terms, damage, err := Parse(t.Context(), tt.language, tt.text)
		require.NoErrorf(t, err, "Parse(%q)", tt.text)
		var got []string
		for _, term := range terms {
			got = append(got, show(term))
		}
		assert.Equalf(t, tt.want, strings.Join(got, " "), "Parse(%q)", tt.text)
		assert.Equalf(t, tt.damage, damage, "Parse(%q)", tt.text)
	}
}

func TestLines(t *testing.T) {
	terms, _, err := Parse(t.Context(), Elixir, "# x\n%{\n\"a\": 1,\n\n\"b\": 2}")
	require.NoError(t, err)
	assert.Equal(t, 2, terms[0].Line)
	assert.Equal(t, 3, terms[0].Items[0].Line)
	assert.Equal(t, 5, terms[0].Items[2].Line)
}

func TestParseErrors(t *testing.T) {
	_, _, err := Parse(t.Context(), Erlang, strings.Repeat("[", maxNesting+1))
	require.ErrorIs(t, err, inventory.ErrTooLarge)
	_, _, err = Parse(t.Context(), Erlang, strings.Repeat("a.", maxTerms+1))
	require.ErrorIs(t, err, inventory.ErrTooLarge)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = Parse(canceled, Erlang, "a.")
	require.ErrorIs(t, err, context.Canceled)
}

func FuzzParse(f *testing.F) {
	f.Add(`%{"a": {:hex, :"b", "1", [hex: :c]}, "d" => {}} # end`, true)
	f.Add(`{"1.2.0",[{<<"a">>,{pkg,<<"b">>,<<"1">>},0}]}.`, false)
	f.Fuzz(func(t *testing.T, text string, elixir bool) {
		language := Erlang
		if elixir {
			language = Elixir
		}
		terms, _, err := Parse(t.Context(), language, text)
		if err != nil {
			require.Nil(t, terms)
			return
		}
		var count func(terms []Term) int
		count = func(terms []Term) int {
			n := len(terms)
			for _, term := range terms {
				require.GreaterOrEqual(t, term.Line, 1)
				require.LessOrEqual(t, term.Line, strings.Count(text, "\n")+1)
				n += count(term.Items)
			}
			return n
		}
		require.LessOrEqual(t, count(terms), len(text))
	})
}
