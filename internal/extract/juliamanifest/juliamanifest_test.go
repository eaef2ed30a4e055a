package juliamanifest

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

const lock = "app/Manifest.toml"

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
	extracttest.Identity(t, Extractor{}, "juliamanifest", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lock:                      true,
		"Manifest.toml":           true,
		"app/JuliaManifest.toml":  true,
		"app/Manifest-v1.11.toml": true,
		"app/Project.toml":        false,
	})
}

func TestExtractFixture(t *testing.T) {
	assert.Equal(t, result{packages: []string{
		"7: julia AbstractFFTs|1.3.1|||||map[uuid:621f4979-c628-5d54-868e-fcf4e3e8185c]",
	}}, extract(t, lock, extracttest.Fixture(t, "v2", "Manifest.toml")))
	// The only one of five that is not in a folder.
	assert.Equal(t, result{ignored: 4, packages: []string{
		"19: julia Baz||git-tree-sha1 efc7e24c53d6a328011975294a2c75fed2f9800a||||map[uuid:6801f525-dc68-44e8-a4e8-cabd286279e7]",
	}}, extract(t, lock, extracttest.Fixture(t, "v1", "Manifest.toml")))
}

func TestExtract(t *testing.T) {
	const v2 = "julia_version = \"1.9.0\"\nmanifest_format = \"2.0\"\n"
	tests := []struct {
		name, content string
		want          result
	}{
		{"nothing", v2 + "\n[deps]\n", result{}},
		{"version 1", "[[A]]\ndeps = [\"B\", \"Dates\", \"C\"]\nversion = \"1.0.0\"\n[[B]]\nversion = \"2.0.0\"\n[[Dates]]\nuuid = \"01\"\n", result{ignored: 1, packages: []string{
			"1: julia A|1.0.0||||B@2.0.0,C", "4: julia B|2.0.0||||",
		}}},
		{"a later standard library, which has versions", v2 + "[[deps.Dates]]\nuuid = \"01\"\nversion = \"1.11.0\"\n", result{packages: []string{"3: julia Dates|1.11.0|||||map[uuid:01]"}}},
		{
			"two packages of one name", v2 + "[[deps.A]]\nuuid = \"a\"\nversion = \"1\"\n\n    [deps.A.deps]\n    B = \"b2\"\n\n[[deps.B]]\nuuid = \"b1\"\nversion = \"1\"\n[[deps.B]]\nuuid = \"b2\"\nversion = \"2\"\n",
			result{packages: []string{"3: julia A|1||||B@2|map[uuid:a]", "10: julia B|1|||||map[uuid:b1]", "13: julia B|2|||||map[uuid:b2]"}},
		},
		{
			"dependencies after other parts", v2 + "[[deps.A]]\nversion = \"1\"\n[deps.A.weakdeps]\nX = \"x\"\n[deps.A.deps]\nB = \"b\"\n[deps.A.extensions]\nversion = \"9\"\n",
			result{packages: []string{"3: julia A|1||||B"}},
		},
		{"a repository", v2 + "[[deps.A]]\nversion = \"1\"\nrepo-url = \"https://g.example/A.jl\"\nrepo-rev = \"main\"\n[[deps.B]]\nrepo-url = \"https://g.example/B.jl\"\n", result{packages: []string{
			"3: julia A|1|||||map[vcs_url:git+https://g.example/A.jl@main]", "7: julia B||https://g.example/B.jl||||map[vcs_url:git+https://g.example/B.jl]",
		}}},
		{"a folder", v2 + "[[deps.A]]\nversion = \"1\"\npath = \"../A\"\n[[deps.B]]\nversion = \"1\"\ndeps = [\"A\"]\n", result{ignored: 1, packages: []string{"6: julia B|1||||"}}},
		{"something else of this name", "[package]\nname = \"x\"\n", result{ignored: 1}},
		{"bad lines", v2 + "<<<<<<<\n[[deps.\"a b\"]]\nversion = \"1\"\n[[deps.A]]\nversion = \"" + strings.Repeat("1", maxText+1) + "\"\n[[deps.B]]\nversion = \"1\"\n", result{
			packages: []string{"8: julia B|1||||"},
			problems: []string{`line 3 cannot be understood: "<<<<<<<"`, `line 4: "a b" is no name of a package; its version is "1"`, `line 6: a text of package "A" is too long: "` + strings.Repeat("1", 80) + `…"`},
		}},
		{"cut off", v2 + "[[deps.A]]\nversion = \"1\"\ndeps = [\"B\",", result{packages: []string{"3: julia A|1||||"}, problems: []string{`line 5 cannot be understood: "the list deps has no end"`}}},
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
		{"without end", t.Context(), extracttest.Endless("\n"), inventory.ErrTooLarge, "more than 33554432 bytes"},
		{"packages without end", t.Context(), extracttest.Endless("[[A]]\n"), inventory.ErrTooLarge, "more than 50000 packages"},
		{"dependencies without end", t.Context(), extracttest.Endless("[[A]]\n[A.deps]\n" + strings.Repeat("B = \"x\"\n", 1000)), inventory.ErrTooLarge, "more than 500000 dependencies"},
		{"something else", t.Context(), strings.NewReader("{}"), nil, `no line of "app/Manifest.toml" can be understood`},
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
	f.Add(extracttest.Fixture(f, "v1", "Manifest.toml"))
	f.Add(extracttest.Fixture(f, "v2", "Manifest.toml"))
	f.Add("julia_version = \"1\"\n[[deps.A]]\nversion = \"1\"\n[deps.A.weakdeps]\nX = \"x\"\n[deps.A.deps]\nB = \"b\"\n[[deps.B]]\nuuid = \"b\"\nversion = \"2\"\ndeps = [\"A\", \"A\"]\n[[B]]\nrepo-url = \"u\"")
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
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := strings.Repeat("[[deps.AbstractFFTs]]\ndeps = [\"B\"]\ngit-tree-sha1 = \"16b6dbc4cf7caee4e1e75c49485ec67b667098a0\"\nuuid = \"621f4979-c628-5d54-868e-fcf4e3e8185c\"\nversion = \"1.3.1\"\n\n", 100)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lock, content))
		if err != nil || len(facts.Packages) != 100 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
