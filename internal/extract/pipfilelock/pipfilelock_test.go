package pipfilelock

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

const filePath = "app/Pipfile.lock"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "pipfilelock", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{filePath: true, "Pipfile.lock": true, "app/Pipfile": false})
}

func pinned(name, version string, line int, development bool) inventory.Package {
	return inventory.Package{Type: "pypi", Name: name, Version: version, Line: line, Development: development}
}

func asked(name, constraint string, line int) inventory.Package {
	return inventory.Package{Type: "pypi", Name: name, Constraint: constraint, Line: line}
}

func found(p ...inventory.Package) inventory.Facts {
	return inventory.Facts{Declared: true, Packages: p}
}

func hashed(p inventory.Package, sha256 string) inventory.Package {
	p.Hashes = extracttest.Digest("SHA-256", sha256)
	return p
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, extracttest.Fixture(t, "pipenv", "Pipfile.lock")))
	require.NoError(t, err)
	assert.Equal(t, found(pinned("werkzeug", "0.11.1", 19, false)), facts)
}

var rightInput = []struct {
	name, content string
	want          inventory.Facts
}{
	{"empty", "{}", found()},
	{"categories", "{\"_meta\": {\"x\": {\"y\": {\"version\": \"==1\"}}},\n\"default\": {\n\"a\": {\"version\": \"==1\", \"markers\": \"x\"}},\n\"develop\": {\"a\": {\"version\": \"==1\"}, \"b\": {\"version\": \"===2\"}}, \"prod\":{\"b\": {\"version\": \"===2\"}}, \"docs\":{\"c\": {\"version\": \"==3\"}}}", found(
		pinned("a", "1", 3, false), pinned("b", "2", 4, false), pinned("c", "3", 4, true))},
	{
		"digests, of one archive alone", "{\"default\": {\"a\": {\"version\": \"==1\", \"hashes\": [\"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"]}, \"b\": {\"version\": \"==1\", \"hashes\": [\"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\", \"sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa\"]}, \"c\": {\"version\": \"==1\", \"hashes\": 7}, \"d\": {\"version\": \"==1\", \"hashes\": [\"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"]}}, \"develop\": {\"a\": {\"version\": \"==1\", \"hashes\": [\"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"]}, \"d\": {\"version\": \"==1\", \"hashes\": [\"sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa\"]}}}",
		found(hashed(pinned("a", "1", 1, false), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), pinned("b", "1", 1, false), pinned("c", "1", 1, false), pinned("d", "1", 1, false)),
	},
	{"byte order mark", "\xef\xbb\xbf{}", found()},
	{"not pinned", "{\"default\": {\"a\": {\"version\": \"*\"}, \"b\": {\"version\": \">=1\"}}}", found(asked("a", "*", 1), asked("b", ">=1", 1))},
	{"other sources", "{\"default\": {\"a\": {\"git\": \"https://u:p@h/a\", \"ref\": \"0123\"}, \"b\": {\"file\": \"https://h/b-1.0.zip\"}, \"c\": {\"file\": \"https://h/main.zip\"}, \"d\": {\"path\": \".\", \"editable\": true}}}", inventory.Facts{
		Declared: true, Ignored: 1, Packages: []inventory.Package{asked("a", "git+https://h/a@0123", 1), pinned("b", "1.0", 1, false), asked("c", "https://h/main.zip", 1)},
	}},
	{"bad records", "{\"default\": {\"a\": 7, \"b\": {}, \"\": {\"version\": \"==1\"}, \"c\": {\"version\": 7}, \"d\": {\"version\": \"==1\"}}, \"develop\": [{}, [7]], \"x\": null}", inventory.Facts{
		Declared: true,
		Packages: []inventory.Package{pinned("d", "1", 1, false)},
		Problems: []string{
			"package \"a\" is no object",
			"line 1: package \"b\" has no version",
			"line 1: \"\" is no name of a package; its version is \"1\"",
			"line 1: package \"c\" has no version",
			"\"develop\" is no object",
			"\"x\" is no object",
		},
	}},
	{"cut off", "{\"default\": {\"a\": {\"version\": \"==1\"}, \"b\"", inventory.Facts{
		Declared: true,
		Packages: []inventory.Package{pinned("a", "1", 1, false)},
		Problems: []string{"the file ends early or is damaged near byte 41: unexpected EOF"},
	}},
}

var wrongInput = []string{
	"", "[]", "7", "{", "{\"default\": {", "{} x", "{\"default\": " + strings.Repeat("[", 100_000), "\x00",
}

var many = "{\"default\": {" + repeated(100_001, "\"a%d\": {\"version\": \"==1\"},") + "\"z\": {}}}"

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
	f.Add(extracttest.Fixture(f, "pipenv", "Pipfile.lock"))
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
	content := `{"default": {` + repeated(1000, `"package-%d": {"hashes": ["sha256:0f0f0f0f0f0f0f0f"], "version": "==1.%d"},
`) + `"package-0": {"version": "==1.0"}}}`
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
