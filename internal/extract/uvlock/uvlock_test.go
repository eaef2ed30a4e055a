package uvlock

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

const filePath = "app/uv.lock"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "uvlock", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{filePath: true, "uv.lock": true, "app/uv.toml": false})
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
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, extracttest.Fixture(t, "uv", "uv.lock")))
	require.NoError(t, err)
	want := found(pinned("click", "8.1.3", 8, inventory.Direct, false, "colorama@0.4.6"), pinned("colorama", "0.4.6", 20, inventory.Transitive, false), pinned("werkzeug", "0.11.1", 44, inventory.Direct, false))
	want.Ignored = 1
	assert.Equal(t, want, facts)

	facts, err = Extractor{}.Extract(t.Context(), extracttest.File(filePath, extracttest.Fixture(t, "uv-extras", "uv.lock")))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 5)
	assert.Equal(t, pinned("requests", "2.32.3", 70, inventory.Direct, false, "certifi@2025.1.31", "charset-normalizer@3.4.1", "idna@3.10", "urllib3@2.3.0"), facts.Packages[3])
}

const (
	a   = "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = \"https://h\" }\n"
	b   = "[[package]]\nname = \"b\"\nversion = \"2\"\nsource = { registry = \"https://h\" }\n"
	c   = "[[package]]\nname = \"c\"\nversion = \"3\"\nsource = { registry = \"https://h\" }\n"
	app = "[[package]]\nname = \"app\"\nsource = { editable = \".\" }\n"
	lib = "[[package]]\nname = \"lib\"\nversion = \"1\"\nsource = { directory = \"lib\" }\n"
)

func project(n int, p ...inventory.Package) inventory.Facts {
	return inventory.Facts{Declared: true, Ignored: n, Packages: p}
}

var rightInput = []struct {
	name, content string
	want          inventory.Facts
}{
	{"empty", "version = 1\n", found()},
	{"no project", a, found(pinned("a", "1", 1, inventory.RelationUnknown, false))},
	{"a digest, of one archive alone", a + "wheels = [{ url = \"https://h/a.whl\", hash = \"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\" }]\n" + b + "sdist = { url = \"https://h/b.tar.gz\", hash = \"sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa\" }\n", found(hashed(pinned("a", "1", 1, inventory.RelationUnknown, false), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), hashed(pinned("b", "2", 6, inventory.RelationUnknown, false), "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"))},
	{"digests of several archives", a + "wheels = [{ hash = \"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\" }]\nsdist = { hash = \"sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa\" }\n", found(pinned("a", "1", 1, inventory.RelationUnknown, false))},
	{"archives that are none", a + "wheels = 7\nsdist = \"x\"\n", found(pinned("a", "1", 1, inventory.RelationUnknown, false))},
	{
		"groups", a + "dependencies = [{ name = \"C\" }]\n" + b + "dependencies = [{ name = \"c\" }]\n" + c + app + "dependencies = [{ name = \"a\" }]\n[package.dev-dependencies]\ndev = [{ name = \"b\" }, { name = \"a\" }]\n",
		project(1, pinned("a", "1", 1, inventory.Direct, false, "c@3"), pinned("b", "2", 6, inventory.Direct, true, "c@3"), pinned("c", "3", 11, inventory.Transitive, false)),
	},
	{
		"what only a group leads to", a + b + "dependencies = [{ name = \"a\" }]\n" + app + "[package.dev-dependencies]\ndev = [{ name = \"b\" }]\n",
		project(1, pinned("a", "1", 1, inventory.Transitive, true), pinned("b", "2", 5, inventory.Direct, true, "a@1")),
	},
	{"extras", a + b + "[package.optional-dependencies]\nx = [{ name = \"a\" }]\n" + app + "[package.optional-dependencies]\ntest = [{ name = \"b\" }]\n", project(1, pinned("a", "1", 1, inventory.Transitive, false), pinned("b", "2", 5, inventory.Direct, false, "a@1"))},
	{
		"several versions", a + strings.Replace(a, "1", "2", 1) + b + "dependencies = [{ name = \"a\", version = \"2\" }, { name = \"a\", version = \"1\" }]\n",
		found(pinned("a", "1", 1, inventory.RelationUnknown, false), pinned("a", "2", 5, inventory.RelationUnknown, false), pinned("b", "2", 9, inventory.RelationUnknown, false, "a@2", "a@1")),
	},
	{
		"a workspace", "[manifest]\nmembers = [\"App\", \"lib\"]\n" + a + b + app + "dependencies = [{ name = \"lib\" }]\n" + lib + "dependencies = [{ name = \"a\" }]\n[package.dev-dependencies]\ndev = [{ name = \"b\" }]\n",
		project(2, pinned("a", "1", 3, inventory.Direct, false), pinned("b", "2", 7, inventory.Direct, true)),
	},
	{"a folder that is no member", a + app + "dependencies = [{ name = \"lib\" }]\n" + lib + "dependencies = [{ name = \"a\" }]\n", project(2, pinned("a", "1", 1, inventory.Transitive, false))},
	{"no project but a manifest", "[manifest]\nrequirements = [{ name = \"a\" }]\n[manifest.dependency-groups]\ndev = [{ name = \"b\" }]\n" + a + b, found(pinned("a", "1", 5, inventory.Direct, false), pinned("b", "2", 9, inventory.Direct, true))},
	{"a repository", "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { git = \"https://t@h/a?rev=v1#0123\" }\n", found(inventory.Package{
		Type: "pypi", Name: "a", Version: "1", Line: 1, Qualifiers: map[string]string{"vcs_url": "git+https://h/a@0123"},
	})},
	{"damage", "[manifest]\nmembers = 7\n[[package]]\nname = \"x\"\n" + a + "source = [\n" + b, inventory.Facts{
		Declared: true,
		Packages: []inventory.Package{pinned("b", "2", 10, inventory.RelationUnknown, false)},
		Problems: []string{
			"line 1: \"toml: line 2 (last key \\\"manifest.members\\\"): incompatible types: TOML value has type int64; destination has type slice\"",
			"line 3: package \"x\" has no version",
			"line 9: \"unexpected EOF; expected value\"",
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
	f.Add(extracttest.Fixture(f, "uv", "uv.lock"))
	f.Add(extracttest.Fixture(f, "uv-extras", "uv.lock"))
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
	content := repeated(1000, "[[package]]\nname = \"package-%d\"\nversion = \"1.%d\"\nsource = { registry = \"https://h/simple\" }\ndependencies = [\n    { name = \"package-1\" },\n]\nsdist = { url = \"https://h/x.tar.gz\", hash = \"sha256:0f0f\", size = 1 }\n\n")
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
