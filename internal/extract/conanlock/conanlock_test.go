package conanlock

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

const lock = "app/conan.lock"

// show writes a package as one line.
func show(packages []inventory.Package) []string {
	var shown []string
	for _, p := range packages {
		parts := []string{
			fmt.Sprintf("%d: %s %s", p.Line, p.Type, strings.TrimPrefix(p.Namespace+"/"+p.Name, "/")),
			p.Version, p.Constraint, p.Relation.String(), strings.Join(p.Licenses, ";"), strings.Join(p.Requires, ","),
		}
		if p.Development {
			parts = append(parts, "development")
		}
		if len(p.Qualifiers) > 0 {
			parts = append(parts, fmt.Sprint(p.Qualifiers)) // in the order of the keys
		}
		shown = append(shown, strings.Join(parts, "|"))
	}
	return shown
}

// A result is what is expected of a file.
type result struct {
	packages []string
	ignored  int
	problems []string
}

func extract(t *testing.T, name, content string) result {
	t.Helper()
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
	require.NoErrorf(t, err, "Extract(%q)", content)
	assert.True(t, facts.Declared)
	return result{show(facts.Packages), facts.Ignored, facts.Problems}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "conanlock", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lock:                true,
		"conan.lock":        true,
		"app/conanfile.txt": false,
	})
}

func TestExtractFixture(t *testing.T) {
	assert.Equal(t, result{packages: []string{
		"4: conan sound32|1.0|||||map[rrev:83d4b7bf607b3b60a6546f8b58b5cdd7]",
		"5: conan matrix|1.1|||||map[rrev:905c3f0babc520684c84127378fefdd0]",
	}}, extract(t, lock, extracttest.Fixture(t, "conan-2", "conan.lock")))
	assert.Equal(t, []string{
		"4: conan mfast|1.2.2||||boost@1.75.0,tinyxml2@9.0.0|map[channel:my_channel rrev:c6f6387c9b99780f0ee05e25f99d0f39 user:my_user]",
	}, extract(t, lock, extracttest.Fixture(t, "conan-1", "conan.lock")).packages[:1])
}

func TestExtract(t *testing.T) {
	tests := []struct {
		name, content string
		want          result
	}{
		{"nothing", `{"version":"0.5","requires":[]}`, result{}},
		{"all lists", `{"requires":["a/1"],"build_requires":["b/2"],"python_requires":["c/3"],"config_requires":["d/4"]}`, result{packages: []string{
			"1: conan a|1||||", "1: conan b|2|||||development", "1: conan c|3|||||development", "1: conan d|4|||||development",
		}}},
		{"linked with and a tool", `{"build_requires":["a/1#01%1.5"],"requires":["a/1#01%1.5"]}`, result{packages: []string{"1: conan a|1|||||map[rrev:01]"}}},
		{"two revisions", `{"requires":["a/1#01","a/1#02"]}`, result{packages: []string{"1: conan a|1|||||map[rrev:01]", "1: conan a|1|||||map[rrev:02]"}}},
		{"user and channel", `{"requires":["a/1@u/c#01:0f%1.5","b/1@_/_#0","c/1@u"]}`, result{packages: []string{
			"1: conan a|1|||||map[channel:c rrev:01 user:u]", "1: conan b|1||||", "1: conan c|1|||||map[user:u]",
		}}},
		{"a graph", `{"graph_lock":{"nodes":{
"0":{"ref":"me/0.1","path":"conanfile.py","requires":["1","1","9"],"build_requires":["3"]},
"1":{"ref":"a/1","requires":["2"],"python_requires":["p/1@u/c"]},
"2":{"pref":"b/2#01:0f#02","requires":["1"]},
"3":{"ref":"tool/3","requires":["4"],"context":"build"},
"4":{"ref":"dep/4"}}}}`, result{ignored: 1, packages: []string{
			"3: conan a|1||direct||b@2", "4: conan b|2||transitive||a@1|map[rrev:01]",
			"5: conan tool|3||direct||dep@4|development", "6: conan dep|4||transitive|||development",
			"3: conan p|1||transitive|||development|map[channel:c user:u]",
		}}},
		{"a graph without a project", `{"graph_lock":{"nodes":{"1":{"ref":"a/1"},"2":{"ref":"b/1","context":"build"}}}}`, result{packages: []string{"1: conan a|1||||", "1: conan b|1|||||development"}}},
		{"bad references", `{"requires":[7,"a","/1","a/","a/b/c","a b/1","a/1"]}`, result{
			packages: []string{"1: conan a|1||||"},
			problems: []string{
				`line 1: a reference is no text`, `line 1: "a" is no reference`, `line 1: "/1" is no reference`,
				`line 1: "a/" is no reference`, `line 1: "a/b/c" is no reference`, `line 1: "a b/1" is no reference`,
			},
		}},
		{"a bad node", `{"graph_lock":{"nodes":{"1":{"ref":"a/1","requires":"2"},"2":7}}}`, result{
			ignored: 1, packages: []string{"1: conan a|1||transitive|||development"},
			problems: []string{`line 1: a value of node "1" is of another type than expected`, `line 1: a value of node "2" is of another type than expected`},
		}},
		{"cut off", `{"requires":["a/1",` + "\n\"b", result{
			packages: []string{"1: conan a|1||||"}, problems: []string{"the file ends early or is damaged in line 2: unexpected EOF"},
		}},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, extract(t, lock, tt.content), "Extract, %s", tt.name)
	}
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
		{"canceled", canceled, strings.NewReader(`{}`), context.Canceled, ""},
		{"read error", t.Context(), iotest.ErrReader(broken), broken, ""},
		{"without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 16777216 bytes"},
		{"references without end", t.Context(), strings.NewReader(`{"requires":[` + strings.Repeat(`"a/1",`, maxRefs+1)), inventory.ErrTooLarge, "more than 50000 references"},
		{"nodes without end", t.Context(), strings.NewReader(`{"graph_lock":{"nodes":{` + strings.Repeat(`"1":{},`, maxRefs+1)), inventory.ErrTooLarge, "more than 50000 nodes"},
		{"edges without end", t.Context(), strings.NewReader(`{"graph_lock":{"nodes":{"1":{"requires":[` + strings.Repeat(`"1",`, maxEdges) + `"1"]}}}}`), inventory.ErrTooLarge, "more than 500000 edges"},
		{"no list", t.Context(), strings.NewReader(`{"version":"0.5"}`), nil, "no requires and no graph_lock"},
		{"another type", t.Context(), strings.NewReader(`{"requires":{}}`), nil, "no requires and no graph_lock"},
		{"empty", t.Context(), strings.NewReader(""), io.ErrUnexpectedEOF, ""},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(lock, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "conan-1", "conan.lock"))
	f.Add(extracttest.Fixture(f, "conan-2", "conan.lock"))
	f.Add(`{"graph_lock":{"nodes":{"0":{"path":"x","requires":["1"]},"1":{"ref":"a/1@b/c#d%e","requires":["1","0"],"python_requires":["p/1"]}}},"requires":["a/1",7]}`)
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lock, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(lock, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		versions := make(map[string]bool)
		for _, p := range facts.Packages {
			require.NotEqual(t, p.Version == "", p.Constraint == "")
			require.Positive(t, p.Line)
			require.LessOrEqual(t, p.Line, strings.Count(content, "\n")+1)
			versions[p.Name+"@"+p.Version] = true
		}
		for _, p := range facts.Packages {
			seen := make(map[string]bool)
			for _, name := range p.Requires {
				require.False(t, seen[name], name)
				seen[name] = true
				require.True(t, versions[name], name)
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "conan-1", "conan.lock")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lock, content))
		if err != nil || len(facts.Packages) != 6 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
