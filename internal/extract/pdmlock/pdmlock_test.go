package pdmlock

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

const filePath = "app/pdm.lock"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "pdmlock", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{filePath: true, "pdm.lock": true, "app/pdm.toml": false})
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
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, extracttest.Fixture(t, "pdm", "pdm.lock")))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 10)
	assert.Equal(t, pinned("pytest", "3.2.5", 79, inventory.Direct, true, "argparse", "colorama@0.3.9", "ordereddict", "py@1.4.34", "setuptools@39.2.0"), facts.Packages[6])
	assert.Equal(t, pinned("idna", "2.7", 59, inventory.RelationUnknown, false), facts.Packages[4])

	facts, err = Extractor{}.Extract(t.Context(), extracttest.File(filePath, extracttest.Fixture(t, "pdm-extras", "pdm.lock")))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 5)
	assert.Equal(t, pinned("coverage", "7.4.1", 10, inventory.RelationUnknown, true, "tomli@2.0.1"), facts.Packages[0])
}

const a = "[[package]]\nname = \"a\"\nversion = \"1\"\n"

var rightInput = []struct {
	name, content string
	want          inventory.Facts
}{
	{"empty", "[metadata]\nlock_version = \"4\"\n", found()},
	{"no groups", a, found(pinned("a", "1", 1, inventory.Direct, false))},
	{"a digest, of one archive alone", a + "files = [{file = \"a.whl\", hash = \"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]\n" + a + "extras = [\"x\"]\nfiles = [{file = \"a.whl\", hash = \"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]\n", found(hashed(pinned("a", "1", 1, inventory.Direct, false), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))},
	{"digests of several archives", a + "files = [{file = \"a.whl\", hash = \"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]\n" + a + "files = [{file = \"a.tar.gz\", hash = \"sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa\"}]\n", found(pinned("a", "1", 1, inventory.Direct, false))},
	{"files that are none", a + "files = 7\n", found(pinned("a", "1", 1, inventory.Direct, false))},
	{"groups", a + "groups = [\"dev\", \"test\"]\n", found(pinned("a", "1", 1, inventory.Direct, true))},
	{"an extra", a + "groups = [\"dev\", \"socks\"]\n", found(pinned("a", "1", 1, inventory.Direct, false))},
	{"an entry more without groups", a + "groups = [\"dev\"]\n" + a, found(pinned("a", "1", 1, inventory.Direct, false))},
	{"dependencies", a + "dependencies = [\"B_b[x]>=1; os_name == 'nt'\", \"none\", \"a==1\", \"?\"]\n[[package]]\nname = \"b-b\"\nversion = \"2\"\n", inventory.Facts{
		Declared: true,
		Packages: []inventory.Package{pinned("a", "1", 1, inventory.Direct, false, "b-b@2", "none"), pinned("b-b", "2", 5, inventory.RelationUnknown, false)},
		Problems: []string{"line 1: package \"a\" needs \"?\""},
	}},
	{"a folder", a + "path = \"./a\"\neditable = true\n", inventory.Facts{Declared: true, Ignored: 1}},
	{"an archive", a + "path = \"./a-1.0.tar.gz\"\n", found(pinned("a", "1", 1, inventory.Direct, false))},
	{"a repository", a + "git = \"https://u:p@h/a.git\"\nref = \"main\"\nrevision = \"0123\"\n", found(inventory.Package{
		Type: "pypi", Name: "a", Version: "1", Line: 1, Relation: inventory.Direct, Qualifiers: map[string]string{"vcs_url": "git+https://h/a.git@0123"},
	})},
	{"damage", a + "[[package]]\nname = \"b\"\n[[package]]\nname = \"c\"\ngroups = 7\n", inventory.Facts{
		Declared: true,
		Packages: []inventory.Package{pinned("a", "1", 1, inventory.Direct, false)},
		Problems: []string{
			"line 4: package \"b\" has no version",
			"line 6: \"toml: line 3 (last key \\\"package.groups\\\"): incompatible types: TOML value has type int64; destination has type slice\"",
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
	f.Add(extracttest.Fixture(f, "pdm", "pdm.lock"))
	f.Add(extracttest.Fixture(f, "pdm-extras", "pdm.lock"))
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
	content := repeated(1000, "[[package]]\nname = \"package-%d\"\nversion = \"1.%d\"\ngroups = [\"default\"]\ndependencies = [\n    \"package-1>=1\",\n]\nfiles = [\n    {file = \"package.whl\", hash = \"sha256:0f0f0f0f0f0f0f0f\"},\n]\n\n")
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
