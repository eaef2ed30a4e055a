package rebarlock

import (
	"context"
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

const lockPath = "src/app/rebar.lock"

func pkg(line int, name, version string, requires ...string) inventory.Package {
	return inventory.Package{Type: "hex", Name: name, Version: version, Line: line, Requires: requires}
}

func related(relation inventory.Relation, p inventory.Package) inventory.Package {
	p.Relation = relation
	return p
}

// sources returns a package from a repository of sources.
func sources(line int, name, version, constraint, url string) inventory.Package {
	return inventory.Package{Type: "hex", Name: name, Version: version, Constraint: constraint, Line: line, Qualifiers: map[string]string{"vcs_url": url}}
}

func found(p ...inventory.Package) inventory.Facts {
	return inventory.Facts{Declared: true, Packages: p}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "rebarlock", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lockPath:               true,
		"rebar.lock":           true,
		"src/other.rebar.lock": false,
	})
}

func TestExtract(t *testing.T) {
	for _, tt := range table() {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, extracttest.Fixture(t, "rebar3", "rebar.lock")))
	require.NoError(t, err)
	want := found(pkg(2, "certifi", "2.9.0"), pkg(3, "idna", "6.1.1"), pkg(4, "metrics", "1.0.1"), pkg(5, "mimerl", "1.2.0"), pkg(6, "parse_trans", "3.3.1"), pkg(7, "ssl_verify_fun", "1.1.6"), pkg(8, "unicode_util_compat", "0.7.0"))
	for i := range want.Packages {
		want.Packages[i].Relation = inventory.Direct
	}
	assert.Equal(t, want, facts)
}

func table() []row {
	a := related(inventory.Direct, pkg(1, "a", "1.0"))
	return []row{
		{"empty", "", found()},
		{"nothing locked", "[].\n", found()},
		{"the first version", `[{<<"a">>,{pkg,<<"a">>,<<"1.0">>},0}].`, found(a)},
		{"another name in Hex", `{"1.2.0",[{<<"x">>,{pkg,<<"a">>,<<"1.0">>},0}]}.`, found(a)},
		{"what another requires", `{"1.2.0",[{<<"a">>,{pkg,<<"a">>,<<"1.0">>},0},` + "\n" + `{<<"b">>,{pkg,<<"b">>,<<"2">>,<<"hash">>},1}]}.`, found(a, related(inventory.Transitive, pkg(2, "b", "2")))},
		{"sources", `[{<<"a">>,{git,"u",{ref,"c"}},0},{<<"b">>,{hg,"v",nothing},1},{<<"c">>,{git_subdir,"w",{ref,"d"},"sub"},0}].`, found(
			related(inventory.Direct, sources(1, "a", "", "u", "git+u@c")), related(inventory.Transitive, sources(1, "b", "", "v", "hg+v")), related(inventory.Direct, sources(1, "c", "", "w", "git+w@d")),
		)},
		{"bad records", `[1,{},{<<"b">>,x,0},{<<"b">>,{new,"y"},0},{<<"b">>,{pkg,<<"b">>,<<>>},0},{<<"` + strings.Repeat("a", maxName+1) + `">>,{git,"u"},0},{<<"a">>,{pkg,<<"a">>,<<"1.0">>},0}].`, inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{a},
			Problems: []string{
				"line 1 is no package", "line 1 is no package", "line 1 is no package", `line 1: package "b" is of no kind that is known: "new"`, `package "b" has no version`,
				fmt.Sprintf(`line 1: name, version or source of package %q is too long`, strings.Repeat("a", 80)+"…"),
			},
		}},
		{"cut off", `{"1.2.0",[{<<"a">>,{pkg,<<"a">>,<<"1.0">>},0},{<<"b">>,{pkg,<<"b`, inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{a},
			Problems: []string{`the file ends early or is damaged: line 1: no "`},
		}},
	}
}

type row struct {
	name, content string
	want          inventory.Facts
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	tests := []struct {
		name    string
		ctx     context.Context
		content io.Reader
		is      error
		text    string
	}{
		{"canceled", canceled, strings.NewReader(""), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("{"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless("\n"), inventory.ErrTooLarge, "more than 16777216 bytes"},
		{"terms without end", t.Context(), strings.NewReader("[" + strings.Repeat("1,", 300_001)), inventory.ErrTooLarge, "more than 300000 terms"},
		{"nesting without end", t.Context(), strings.NewReader(strings.Repeat("[", 100)), inventory.ErrTooLarge, "in each other"},
		{"another file", t.Context(), strings.NewReader("{a,b,c}."), nil, "no list of packages"},
		{"no term", t.Context(), strings.NewReader("*"), nil, "no list of packages"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(lockPath, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	for _, tt := range table() {
		f.Add(tt.content)
	}
	f.Add(extracttest.Fixture(f, "rebar3", "rebar.lock"))
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(lockPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		for _, p := range facts.Packages {
			require.False(t, p.Version == "" && p.Constraint == "")
			require.Positive(t, p.Line)
			require.LessOrEqual(t, p.Line, strings.Count(content, "\n")+1)
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "rebar3", "rebar.lock")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lockPath, content))
		if err != nil || len(facts.Packages) != 7 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
