package mixlock

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

const lockPath = "src/app/mix.lock"

func pkg(line int, name, version string, requires ...string) inventory.Package {
	return inventory.Package{Type: "hex", Name: name, Version: version, Line: line, Requires: requires}
}

// sources returns a package from a repository of sources.
func sources(line int, name, version, constraint, url string) inventory.Package {
	return inventory.Package{Type: "hex", Name: name, Version: version, Constraint: constraint, Line: line, Qualifiers: map[string]string{"vcs_url": url}}
}

func found(p ...inventory.Package) inventory.Facts {
	return inventory.Facts{Declared: true, Packages: p}
}

func hashed(p inventory.Package, sha256 string) inventory.Package {
	p.Hashes = extracttest.Digest("SHA-256", sha256)
	return p
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "mixlock", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lockPath:             true,
		"mix.lock":           true,
		"src/other.mix.lock": false,
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
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, extracttest.Fixture(t, "mix", "mix.lock")))
	require.NoError(t, err)
	const url = "https://github.com/firezone/esaml.git"
	assert.Equal(t, found(
		hashed(pkg(2, "bunt", "0.2.0"), "7af5c7e09fe1d40f76c8e4f9dd2be7cebd83909f31fee7cd0e9eadc567da8353"),
		hashed(pkg(3, "credo", "1.6.6", "bunt@0.2.0", "file_system@0.2.10", "jason@1.3.0"), "625520ce0984ee0f9f1f198165cd46fa73c1e59a17ebc520038b8fce056a5bdc"),
		hashed(pkg(4, "file_system", "0.2.10"), "41195edbfb562a593726eda3b3e8b103a309b733ad25f3d642ba49696bf715dc"),
		hashed(pkg(5, "jason", "1.3.0"), "53fc1f51255390e0ec7e50f9cb41e751c260d065dcba2bf0d08dc51a4002c2ac"),
		sources(6, "esaml", "", url, "git+"+url+"@4294a3ac5262582144e117c10a1537287b6c1fe8"),
	), facts)
}

func table() []row {
	private := pkg(1, "b", "1.0.0")
	private.Namespace = "acme"
	return []row{
		{"empty", "", found()},
		{
			"digests of the archive, not of what is in it", `%{"a": {:hex, :a, "1", "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa", [:mix], [], "hexpm", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}, "b": {:hex, :b, "1", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", [:mix], [], "hexpm"}, "c": {:hex, :c, "1", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", [:mix], [], "hexpm", :none}, "d": {:hex, :d, "1", "", [], [], "hexpm", "a9993e364706816aba3e25717850c26c9cd0d89d"}}`,
			found(hashed(pkg(1, "a", "1"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), pkg(1, "b", "1"), pkg(1, "c", "1"), pkg(1, "d", "1")),
		},
		{"an empty map", "%{\n}\n", found()},
		{"the first format", `%{"a": {:package, "1"}, "b": {:hex, :b, "1.0.0"}}`, inventory.Facts{Declared: true, Packages: []inventory.Package{pkg(1, "b", "1.0.0")}, Problems: []string{`line 1: entry "a" is of no kind that is known: "package"`}}},
		{"keys as texts", `%{"a" => {:hex, :a, "1.0.0", "", [:mix], []}}`, found(pkg(1, "a", "1.0.0"))},
		{"another name in Hex, and what is optional", `%{"a": {:hex, :a_hex, "1", "", [], [{:b, "~> 1", [hex: :b_hex, repo: "hexpm", optional: false]}, {:c, "1", [optional: true]}, {:d, "1"}, {:d, "1"}], "hexpm", ""}}`, found(pkg(1, "a_hex", "1", "b_hex", "d"))},
		{"an organisation", `%{"b": {:hex, :b, "1.0.0", "", [:mix], [], "hexpm:acme", ""}}`, found(private)},
		{"git without a commit", `%{"b": {:git, "u", nil_of(1), []}}`, inventory.Facts{Declared: true, Packages: []inventory.Package{sources(1, "b", "", "u", "git+u@nil_of")}, Problems: []string{"the file ends early or is damaged: line 1: no term"}}},
		{"bad records", `%{"a": 1, "b": {:hex, :b}, "c": {:hex, :c, ""}, "": {:hex, :"", "1"}, "d": {:path, "x"}, "` + strings.Repeat("a", maxName+1) + `": {:git, "u"}, "e": {:hex, :e, "1"}}`, inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{pkg(1, "e", "1")},
			Problems: []string{
				`line 1: entry "a" is of no kind that is known: ""`, `line 1: entry "b" is of no kind that is known: "hex"`, `package "c" has no version`, `line 1: an entry has no name`,
				`line 1: entry "d" is of no kind that is known: "path"`, fmt.Sprintf(`line 1: name, version or source of package %q is too long`, strings.Repeat("a", 80)+"…"),
			},
		}},
		{"cut off", "%{\n\"a\": {:hex, :a, \"1\"},\n\"b\": {:hex, :b, \"2", inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{pkg(2, "a", "1")},
			Problems: []string{`the file ends early or is damaged: line 3: no "`},
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
		{"terms without end", t.Context(), strings.NewReader("%{" + strings.Repeat("1,", 300_001)), inventory.ErrTooLarge, "more than 300000 terms"},
		{"nesting without end", t.Context(), strings.NewReader(strings.Repeat("[", 100)), inventory.ErrTooLarge, "in each other"},
		{"another file", t.Context(), strings.NewReader("[]"), nil, "no map of packages"},
		{"no term", t.Context(), strings.NewReader("*"), nil, "no map of packages"},
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
	f.Add(extracttest.Fixture(f, "mix", "mix.lock"))
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
	content := extracttest.Fixture(b, "mix", "mix.lock")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lockPath, content))
		if err != nil || len(facts.Packages) != 5 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
