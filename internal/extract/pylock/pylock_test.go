package pylock

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

const filePath = "app/pylock.toml"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "pylock", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{filePath: true, "pylock.toml": true, "app/pylock.dev.toml": true, "app/my-pylock.toml": false})
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
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, extracttest.Fixture(t, "pdm", "pylock.toml")))
	require.NoError(t, err)
	assert.Equal(t, found(pinned("pytest-cov", "7.0.0", 13, inventory.Direct, true, "coverage", "pluggy@1.6.0", "pytest"), pinned("typing-extensions", "4.15.0", 30, inventory.Direct, false), pinned("pluggy", "1.6.0", 43, inventory.RelationUnknown, true)), facts)
}

const a = "[[packages]]\nname = \"a\"\nversion = \"1\"\n"

func asked(constraint string) inventory.Facts {
	return found(inventory.Package{Type: "pypi", Name: "a", Constraint: constraint, Line: 1})
}

var rightInput = []struct {
	name, content string
	want          inventory.Facts
}{
	{"empty", "lock-version = \"1.0\"\npackages = []\n", found()},
	{"no dependencies", "default-groups = [\"x\"]\n" + a, found(pinned("a", "1", 2, inventory.RelationUnknown, false))},
	{"a digest, of one archive alone", a + "wheels = [{name = \"a.whl\", hashes = {sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\", x = 7}}]\n" + a + "archive = {url = \"https://h/a.zip\", hashes = {sha256 = \"d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa\"}}\n", found(hashed(pinned("a", "1", 1, inventory.RelationUnknown, false), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), hashed(pinned("a", "1", 5, inventory.RelationUnknown, false), "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"))},
	{"digests of several archives", a + "wheels = [{hashes = {sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}}]\nsdist = {hashes = {sha256 = \"d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa\"}}\n", found(pinned("a", "1", 1, inventory.RelationUnknown, false))},
	{"digests that are none", a + "wheels = [{hashes = [\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"]}]\n", found(pinned("a", "1", 1, inventory.RelationUnknown, false))},
	{"groups", "default-groups = [\"x\"]\n" + a + "marker = \"'x' in dependency_groups\"\n" + a + "marker = \"'y' in dependency_groups\"\n", found(pinned("a", "1", 2, inventory.RelationUnknown, false), pinned("a", "1", 6, inventory.RelationUnknown, true))},
	{
		"dependencies", a + "[[packages.dependencies]]\nname = \"B_b\"\n[[packages]]\nname = \"b-b\"\nversion = \"2\"\n",
		found(pinned("a", "1", 1, inventory.Direct, false, "b-b@2"), pinned("b-b", "2", 6, inventory.RelationUnknown, false)),
	},
	{"a folder", "[[packages]]\nname = \"a\"\ndirectory = { path = \".\", editable = true }\n", inventory.Facts{Declared: true, Ignored: 1}},
	{"a version in the name of a wheel", "[[packages]]\nname = \"a\"\nwheels = [{ url = \"https://h/a-1.0-py3-none-any.whl\" }]\n", found(pinned("a", "1.0", 1, inventory.RelationUnknown, false))},
	{"a version in the name of an archive", "[[packages]]\nname = \"a\"\narchive = { path = \"a-1.0.tar.gz\" }\n", found(pinned("a", "1.0", 1, inventory.RelationUnknown, false))},
	{"an archive", "[[packages]]\nname = \"a\"\narchive = { url = \"https://u:p@h/main.zip\" }\n", asked("https://h/main.zip")},
	{"a repository", "[[packages]]\nname = \"a\"\nvcs = { type = \"git\", url = \"https://h/a\", commit-id = \"0123\" }\n", asked("git+https://h/a@0123")},
	{"a repository and a version", a + "vcs = { type = \"git\", url = \"https://h/a\", commit-id = \"0123\" }\n", found(inventory.Package{
		Type: "pypi", Name: "a", Version: "1", Line: 1, Qualifiers: map[string]string{"vcs_url": "git+https://h/a@0123"},
	})},
	{"a repository in a folder", "[[packages]]\nname = \"a\"\nvcs = { type = \"git\", path = \"../a\" }\n", inventory.Facts{Declared: true, Ignored: 1}},
	{"damage", "default-groups = 7\n" + a + "[[packages]]\nname = \"b\"\n", inventory.Facts{
		Declared: true,
		Packages: []inventory.Package{pinned("a", "1", 2, inventory.RelationUnknown, false)},
		Problems: []string{
			"line 1: \"toml: line 1 (last key \\\"default-groups\\\"): incompatible types: TOML value has type int64; destination has type slice\"",
			"line 5: package \"b\" has no version",
		},
	}},
}

var wrongInput = []string{
	"no TOML",
	"\x00\xff",
	"[[packages]]\nname = \"a\nversion = 1",
	"[[packages]]\nname = " + strings.Repeat("[", 10_000),
	"[[packages]]\nname = 7\n",
	"[packages]\nname = \"a\"\n",
	"[[packages]]\nversion = \"" + strings.Repeat("1", 2<<20) + "\"\n",
}

var many = repeated(100_001, "[[packages]]\nname=\"a%d\"\nversion=\"1.%d\"\n")

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
	f.Add(extracttest.Fixture(f, "pdm", "pylock.toml"))
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
	content := repeated(1000, "[[packages]]\nname = \"package-%d\"\nversion = \"1.%d\"\nwheels = [{ url = \"https://h/x.whl\", size = 1, hashes = { sha256 = \"0f0f\" } }]\n\n")
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
