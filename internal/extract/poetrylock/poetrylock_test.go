package poetrylock

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const filePath = "app/poetry.lock"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "poetrylock", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{filePath: true, "poetry.lock": true, "app/poetry.toml": false, "app/my.poetry.lock": false})
}

func pinned(name, version string, line int, relation inventory.Relation, development bool, requires ...string) inventory.Package {
	return inventory.Package{Type: "pypi", Name: name, Version: version, Line: line, Relation: relation, Development: development, Requires: requires}
}

func found(p ...inventory.Package) inventory.Facts {
	return inventory.Facts{Declared: true, Packages: p}
}

func hashed(p inventory.Package, sha256 string) inventory.Package {
	p.Hashes = extracttest.Digest("SHA-256", sha256)
	return p
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, extracttest.Fixture(t, "poetry-2", "poetry.lock")))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 16)
	assert.Equal(t, hashed(pinned("atomicwrites", "1.4.1", 3, inventory.RelationUnknown, true), "81b2c9071a49367a7f770170e5eec8cb66567cfbbc8c73d20ce5ca4a8d71cf11"), facts.Packages[0])
	assert.Equal(t, pinned("flask", "1.0.3", 63, inventory.Direct, false, "click@8.1.8", "itsdangerous@2.2.0", "jinja2@3.1.5", "werkzeug@3.1.3"), facts.Packages[4])
	assert.Equal(t, pinned("pluggy", "0.13.1", 211, inventory.RelationUnknown, false), facts.Packages[10])
	assert.Equal(t, pinned("ruff", "0.8.3", 264, inventory.Direct, true), facts.Packages[13])

	facts, err = Extractor{}.Extract(t.Context(), extracttest.File(filePath, extracttest.Fixture(t, "poetry-1.4", "poetry.lock")))
	require.NoError(t, err)
	assert.Equal(t, found(pinned("click", "8.1.3", 3, inventory.Direct, false, "colorama@0.4.6"), pinned("colorama", "0.4.6", 18, inventory.RelationUnknown, false)), facts)
}

const a = "[[package]]\nname = \"a\"\nversion = \"1\"\n"

var rightInput = []struct {
	name, content string
	want          inventory.Facts
}{
	{"empty", "package = []\n\n[metadata]\nlock-version = \"2.0\"\n", found()},
	{"no groups", a, found(pinned("a", "1", 1, inventory.Direct, false))},
	{"a digest, of one archive alone", a + "files = [{file = \"a.whl\", hash = \"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]\n", found(hashed(pinned("a", "1", 1, inventory.Direct, false), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))},
	{"digests of several archives", a + "files = [\n{file = \"a.whl\", hash = \"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"},\n{file = \"a.tar.gz\", hash = \"sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa\"},\n]\n", found(pinned("a", "1", 1, inventory.Direct, false))},
	{"files that are none", a + "files = 7\n", found(pinned("a", "1", 1, inventory.Direct, false))},
	{"category", a + "category = \"dev\"\n", found(pinned("a", "1", 1, inventory.Direct, true))},
	{"groups", a + "groups = [\"dev\", \"main\"]\n" + a + "groups = [\"docs\"]\n", found(pinned("a", "1", 1, inventory.Direct, false), pinned("a", "1", 5, inventory.Direct, true))},
	{
		"dependencies", a + "[package.dependencies]\nB_b = \">=1\"\nc = {version = \"*\", optional = true}\nd = [{version = \"1\"}, {version = \"2\", optional = true}]\nnone = \"*\"\n" +
			"[[package]]\nname = \"b-b\"\nversion = \"2\"\n[[package]]\nname = \"c\"\nversion = \"3\"\n[[package]]\nname = \"d\"\nversion = \"1\"\n[[package]]\nname = \"d\"\nversion = \"2\"\n",
		found(pinned("a", "1", 1, inventory.Direct, false, "b-b@2", "d", "none"), pinned("b-b", "2", 9, inventory.RelationUnknown, false), pinned("c", "3", 12, inventory.RelationUnknown, false),
			pinned("d", "1", 15, inventory.RelationUnknown, false), pinned("d", "2", 18, inventory.RelationUnknown, false)),
	},
	{"a folder", a + "[package.source]\ntype = \"directory\"\nurl = \"../a\"\n", inventory.Facts{Declared: true, Ignored: 1}},
	{"a repository", a + "[package.source]\ntype = \"git\"\nurl = \"https://u:p@h/a.git\"\nreference = \"HEAD\"\nresolved_reference = \"0123\"\n", found(inventory.Package{
		Type: "pypi", Name: "a", Version: "1", Line: 1, Relation: inventory.Direct, Qualifiers: map[string]string{"vcs_url": "git+https://h/a.git@0123"},
	})},
	{"damage", a + "x = [\n" + a + "[[package]]\nname = \"b\"\n[[package]]\nname = \"-\"\nversion = \"1\"\n[[package]]\nversion = 7\n[metadata.files]\nx = \n", inventory.Facts{
		Declared: true,
		Packages: []inventory.Package{pinned("a", "1", 5, inventory.Direct, false)},
		Problems: []string{
			"line 4: \"unexpected EOF; expected value\"",
			"line 8: package \"b\" has no version",
			"line 10: \"-\" is no name of a package; its version is \"1\"",
			"line 13: \"toml: line 2 (last key \\\"package.version\\\"): incompatible types: TOML value has type int64; destination has type string\"",
		},
	}},
}

var wrongInput = []string{
	"no TOML",
	"\x00\xff",
	"[[package]]\nname = \"a\nversion = 1",
	"[[package]]\nname = " + strings.Repeat("[", 10_000),
	"[[package]]\nname = 7\n",
	"[package]\nname = \"a\"\n",
	"[[package]]\nversion = \"" + strings.Repeat("1", 2<<20) + "\"\n",
}

var many = repeated(100_001, "[[package]]\nname=\"a%d\"\nversion=\"1.%d\"\n")

func TestExtract(t *testing.T) {
	for _, tt := range rightInput {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractErrors(t *testing.T) {
	broken := errors.New("broken")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		r    io.Reader
		want error
	}{
		{"read error", t.Context(), iotest.ErrReader(broken), broken},
		{"canceled", canceled, strings.NewReader(rightInput[1].content), context.Canceled},
		{"a large file", t.Context(), extracttest.Endless("# x\n"), inventory.ErrTooLarge},
		{"many packages", t.Context(), strings.NewReader(many), inventory.ErrTooLarge},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(filePath, 0o644, 1, tt.r, nil))
		require.ErrorIsf(t, err, tt.want, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
	for _, content := range wrongInput {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, content))
		require.Errorf(t, err, "Extract of %.100q", content)
		assert.Zerof(t, facts, "Extract of %.100q", content)
	}
}

func FuzzExtract(f *testing.F) {
	for _, tt := range rightInput {
		f.Add(tt.content)
	}
	for _, content := range wrongInput {
		f.Add(content)
	}
	f.Add(extracttest.Fixture(f, "poetry-2", "poetry.lock"))
	f.Add(extracttest.Fixture(f, "poetry-1.4", "poetry.lock"))
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, content))
		extracttest.Check(t, facts, err)
		again, err2 := Extractor{}.Extract(t.Context(), inventory.NewFile(filePath, 0o644, int64(len(content)), iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, err == nil, err2 == nil)
		require.Equal(t, facts, again)
		require.Equal(t, err == nil, facts.Declared)
		for _, p := range facts.Packages {
			require.NotEqualf(t, p.Version == "", p.Constraint == "", "version %q, constraint %q", p.Version, p.Constraint)
			require.Positive(t, p.Line)
			require.LessOrEqual(t, p.Line, strings.Count(content, "\n")+1)
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := repeated(1000, "[[package]]\nname = \"package-%d\"\nversion = \"1.%d\"\ngroups = [\"main\"]\nfiles = [\n    {file = \"package.whl\", hash = \"sha256:0f0f0f0f0f0f0f0f\"},\n]\n\n[package.dependencies]\npackage-1 = \">=1\"\n\n")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(filePath, content))
		if err != nil || len(facts.Packages) != 1000 {
			b.Fatal(err, len(facts.Packages))
		}
	}
}

// repeated returns n records with a number each.
func repeated(n int, record string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(record, "%d", strconv.Itoa(i)))
	}
	return b.String()
}
