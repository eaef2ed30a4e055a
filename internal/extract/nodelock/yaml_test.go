package nodelock

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestEachLine(t *testing.T) {
	const content = "\ufeffa: 1\r\n\n# comment\n  'it''s': \"x\\u0041\"\n    \"b\" \"^1 || 2\"\n  file:a/b: {}\n- item\n<<<<\n? 'long'\n: x: y\n:\n\"open: 1\n\"k\"x: 1\nplain\n"
	var got []string
	require.NoError(t, EachLine(t.Context(), strings.NewReader(content), 1000, func(l Line) error {
		got = append(got, fmt.Sprintf("%d.%d %q=%q", l.Number, l.Indent, l.Key, l.Value))
		return nil
	}))
	assert.Equal(t, []string{
		`1.0 "a"="1"`,
		`4.2 "it's"="xA"`,
		`5.4 "b"="^1 || 2"`,
		`6.2 "file:a/b"="{}"`,
		`7.0 ""="- item"`,
		`8.0 ""="<<<<"`,
		`9.0 "long"=""`,
		`10.2 "x"="y"`,
		`12.0 ""="\"open: 1"`,
		`13.0 ""="\"k\"x: 1"`,
		`14.0 ""="plain"`,
	}, got)
}

func TestEachLineErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	visit := func(Line) error { return nil }
	require.ErrorIs(t, EachLine(canceled, strings.NewReader("a: 1\n"), 1000, visit), context.Canceled)
	require.ErrorIs(t, EachLine(t.Context(), extracttest.Endless("a: 1\n"), 1000, visit), inventory.ErrTooLarge)
}

func TestFlowValue(t *testing.T) {
	for flow, want := range map[string]string{
		"{integrity: sha512-x==, tarball: https://h/a.tgz}": "https://h/a.tgz",
		"{tarball: 'https://h/a.tgz'}":                      "https://h/a.tgz",
		", tarball: https://h/a.tgz":                        "https://h/a.tgz",
		"{integrity: sha512-x}":                             "",
		"":                                                  "",
	} {
		assert.Equalf(t, want, FlowValue(flow, "tarball"), "FlowValue(%q)", flow)
	}
}
