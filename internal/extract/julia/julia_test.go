package julia

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

const (
	depotPath  = "root/.julia/packages/A/Ab1cD/Project.toml"
	stdlibPath = "usr/local/julia/share/julia/stdlib/v1.10/A/Project.toml"
)

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "julia", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		depotPath:  true,
		stdlibPath: true,
		"root/.julia/packages/A/Ab1cD/JuliaProject.toml": true,
		"root/.julia/packages/A/Ab1cD/test/Project.toml": false, // of its tests
		"root/.julia/environments/v1.10/Project.toml":    false, // what was asked for
		"app/Project.toml": false, // sources
		"root/.julia/packages/A/Ab1cD/docs/Manifest.toml": false,
	})
}

func TestExtractFixture(t *testing.T) {
	tests := []struct {
		path    string
		fixture []string
		want    inventory.Facts
	}{
		{"root/.julia/packages/JSON/93Ea8/Project.toml", []string{"depot", "JSON.toml"}, inventory.Facts{Packages: []inventory.Package{{
			Type: "julia", Name: "JSON", Version: "1.7.0",
			Qualifiers: map[string]string{"uuid": "682c06a0-de6a-54ab-a142-c8b1cf79cde6"},
			Requires:   []string{"Dates", "Logging", "Parsers", "PrecompileTools", "StructUtils", "UUIDs", "Unicode"},
		}}}},
		{"usr/share/julia/stdlib/v1.12/OpenSSL_jll/Project.toml", []string{"stdlib", "OpenSSL_jll.toml"}, inventory.Facts{Packages: []inventory.Package{{
			Type: "julia", Name: "OpenSSL_jll", Version: "3.5.3+0", Bundled: true,
			Qualifiers: map[string]string{"uuid": "458c3c95-2e84-50aa-8efc-19380b2a3a95"},
			Requires:   []string{"Libdl", "Artifacts"},
		}}}},
		// A part of Julia before 1.11.
		{"usr/share/julia/stdlib/v1.10/Dates/Project.toml", []string{"stdlib", "Dates.toml"}, inventory.Facts{Ignored: 1}},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, extracttest.Fixture(t, tt.fixture...)))
		require.NoError(t, err, tt.path)
		assert.Equal(t, tt.want, facts, tt.path)
	}
}

// a returns the package A 1.0.0 with changes, as all the facts of a file.
func a(change func(*inventory.Package)) inventory.Facts {
	p := inventory.Package{Type: "julia", Name: "A", Version: "1.0.0"}
	if change != nil {
		change(&p)
	}
	return inventory.Facts{Packages: []inventory.Package{p}}
}

func problem(text string) inventory.Facts { return inventory.Facts{Problems: []string{text}} }

const nameVersion = "name = \"A\"\nversion = \"1.0.0\"\n"

var projectTests = []struct {
	name, content string
	want          inventory.Facts
}{
	{"name and version", nameVersion, a(nil)},
	{"line ends of DOS, a byte order mark, comments", "\ufeffname='A' # x\r\n  \"version\" = \"1.0.0\"\r\n", a(nil)},
	{"authors", "name = \"A\"\nauthors = [\n  \"name = x\",\n  \"B\",\n]\nversion = \"1.0.0\"\n", a(nil)},
	{"a text of many lines", "desc = \"\"\"\nname = \"B\"\n\"\"\"\nname = \"A\"\nx = '''y'''\nz = '''\n[deps]\n'''\nversion = \"1.0.0\"\n", a(nil)},
	{"keys of tables", nameVersion + "[x]\nname = \"B\"\n[[y]]\nname = \"C\"\n[ deps ] # x\nD = \"u\"\n'E' = 'v'\nD = \"w\"\n[compat]\nF = \"1\"\n", a(func(p *inventory.Package) {
		p.Requires = []string{"D", "E"}
	})},
	{"a uuid", nameVersion + "uuid = \"u\"\n", a(func(p *inventory.Package) { p.Qualifiers = map[string]string{"uuid": "u"} })},
	{"an environment", "[deps]\nA = \"u\"\n", inventory.Facts{Ignored: 1}},
	{"empty", "", inventory.Facts{Ignored: 1}},
	{"no name", "uuid = \"u\"\nversion = \"1.0.0\"\n", problem(`the package with uuid "u" has no name`)},
	{"no version", "name = \"A\"\n", problem(`package "A" has no version`)},
	{"a version that is none", "name = \"A\"\nversion = \"" + strings.Repeat("1", maxValue+1) + "\"\n", problem(`name, version or uuid of package "A" is longer than 1024 bytes`)},
}

func TestExtract(t *testing.T) {
	for _, tt := range projectTests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(depotPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractPath(t *testing.T) {
	tests := []struct {
		path string
		want inventory.Facts
	}{
		{depotPath, a(nil)},
		{"packages/A/ab1c/JuliaProject.toml", a(nil)},
		{stdlibPath, a(func(p *inventory.Package) { p.Bundled = true })},
		{"src/packages/a/module/Project.toml", inventory.Facts{Ignored: 1}}, // no slug
		{"src/stdlib/vx/a/Project.toml", inventory.Facts{Ignored: 1}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, nameVersion))
		require.NoErrorf(t, err, "Extract, %s", tt.path)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.path)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	var many strings.Builder
	many.WriteString("[deps]\n")
	for i := range maxDeps + 1 {
		fmt.Fprintf(&many, "A%d = \"u\"\n", i)
	}
	tests := []struct {
		name, path string
		ctx        context.Context
		content    io.Reader
		is         error
		text       string
	}{
		{"canceled", depotPath, canceled, strings.NewReader(nameVersion), context.Canceled, ""},
		{"canceled, sources", "packages/a/b/Project.toml", canceled, strings.NewReader(nameVersion), context.Canceled, ""},
		{"read error", depotPath, t.Context(), io.MultiReader(strings.NewReader(nameVersion), iotest.ErrReader(broken)), broken, ""},
		{"a line without end", depotPath, t.Context(), extracttest.Endless(strings.Repeat("x", 4096)), inventory.ErrTooLarge, "line 1: more than 1048576 bytes"},
		{"a file without end", depotPath, t.Context(), extracttest.Endless(strings.Repeat("x", 4096) + "\n"), inventory.ErrTooLarge, "more than 4194304 bytes"},
		{"dependencies without end", depotPath, t.Context(), strings.NewReader(many.String()), inventory.ErrTooLarge, "more than 10000 dependencies"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(tt.path, 0o644, 1, tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	for _, tt := range projectTests {
		f.Add(depotPath, tt.content)
		f.Add(stdlibPath, tt.content)
	}
	f.Add(depotPath, extracttest.Fixture(f, "depot", "JSON.toml"))
	f.Fuzz(func(t *testing.T, path, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(path, content))
		extracttest.Check(t, facts, err)
		if err == nil {
			require.Equal(t, 1, len(facts.Packages)+len(facts.Problems)+facts.Ignored)
		}
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.LessOrEqual(t, len(p.Name), maxValue)
			require.LessOrEqual(t, len(p.Requires), strings.Count(content, "="))
		}
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(path, 0o644, int64(len(content)), iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, facts, again)
		require.Equal(t, err, errAgain)
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "depot", "JSON.toml")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(depotPath, content))
		if err != nil || len(facts.Packages) != 1 || len(facts.Packages[0].Requires) != 7 {
			b.Fatal(facts, err)
		}
	}
}
