package dart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	hostedPath = "root/.pub-cache/hosted/pub.dev/a-1.0.0/pubspec.yaml"
	clonedPath = "root/.pub-cache/git/a-0123456789abcdef0123456789abcdef01234567/pubspec.yaml"
)

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "dart", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		hostedPath: true,
		clonedPath: true,
		"opt/cache/hosted/pub.dartlang.org/a-1.0.0/pubspec.yaml": true,
		"app/pubspec.yaml": false, // sources
		"root/.pub-cache/hosted/pub.dev/a-1.0.0/example/pubspec.yaml": false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File("root/.pub-cache/hosted/pub.dev/shelf-1.3.2/pubspec.yaml", extracttest.Fixture(t, "cache", "shelf.yaml")))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Packages: []inventory.Package{{
		Type: "pub", Name: "shelf", Version: "1.3.2",
		Requires: []string{"async", "collection", "http_parser", "path", "stack_trace", "stream_channel"},
	}}}, facts)
}

// a returns the package a 1.0.0 with dependencies, as all the facts of a file.
func a(requires ...string) inventory.Facts {
	return inventory.Facts{Packages: []inventory.Package{{Type: "pub", Name: "a", Version: "1.0.0", Requires: requires}}}
}

func problem(text string) inventory.Facts { return inventory.Facts{Problems: []string{text}} }

var specTests = []struct {
	name, path, content string
	want                inventory.Facts
}{
	{"the folder is enough", hostedPath, "", a()},
	{"the folder is right", hostedPath, "name: b\nversion: 2.0.0\n", a()},
	{"a clone", clonedPath, "name: a\nversion: 1.0.0 # first\n", a()},
	{"quotes", clonedPath, "\ufeff\"version\" : '1.0.0' # first\r\n", a()},
	{"versions that are none of its own", clonedPath, "x:\n  version: 2.0.0\nversion: 1.0.0\nversion: 2.0.0\n", a()},
	{
		"dependencies", hostedPath,
		"dependencies: # of all\n\n    b: ^1.0.0\n    # c:\n    flutter:\n      sdk: flutter\n    'd': any\n    b:\ndev_dependencies:\n    e: any\n\ndependency_overrides:\n    f: any\n", a("b", "flutter", "d"),
	},
	{"line ends of DOS", hostedPath, "dependencies:\r\n  b: any\r\n  c:\r\n    path: x\r\n", a("b", "c")},
	{"another document", hostedPath, "dependencies:\n  b: any\n...\nx:\ndependencies:\n  c: any\n", a("b")},
	{"a build", "hosted/pub.dev/a-1.0.0-dev.1+2/pubspec.yaml", "", inventory.Facts{Packages: []inventory.Package{{Type: "pub", Name: "a", Version: "1.0.0-dev.1+2"}}}},
	{"no version", clonedPath, "name: a\n", problem(`package "a" has no version`)},
	{"a version that is none", clonedPath, "version: " + strings.Repeat("1", maxValue+1), problem(`name or version of package "a" is longer than 1024 bytes`)},
	{"another folder", "src/hosted/web/app/pubspec.yaml", "name: a\nversion: 1.0.0\n", inventory.Facts{Ignored: 1}},
}

func TestExtract(t *testing.T) {
	for _, tt := range specTests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	var many strings.Builder
	many.WriteString("dependencies:\n")
	for i := range maxDependencies + 1 {
		fmt.Fprintf(&many, "  a%d: any\n", i)
	}
	tests := []struct {
		name, path string
		ctx        context.Context
		content    io.Reader
		is         error
		text       string
	}{
		{"canceled", hostedPath, canceled, strings.NewReader(""), context.Canceled, ""},
		{"canceled, another folder", "hosted/a/b/pubspec.yaml", canceled, strings.NewReader(""), context.Canceled, ""},
		{"read error", hostedPath, t.Context(), io.MultiReader(strings.NewReader("name: a\n"), iotest.ErrReader(broken)), broken, ""},
		{"a line without end", hostedPath, t.Context(), extracttest.Endless(strings.Repeat("x", 4096)), inventory.ErrTooLarge, "line 1: more than 1048576 bytes"},
		{"a file without end", hostedPath, t.Context(), extracttest.Endless(strings.Repeat("x", 4096) + "\n"), inventory.ErrTooLarge, "more than 2097152 bytes"},
		{"dependencies without end", hostedPath, t.Context(), strings.NewReader(many.String()), inventory.ErrTooLarge, "more than 2000 dependencies"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(tt.path, 0o644, 1, tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	for _, tt := range specTests {
		f.Add(tt.path, tt.content)
	}
	f.Add(hostedPath, extracttest.Fixture(f, "cache", "shelf.yaml"))
	f.Fuzz(func(t *testing.T, path, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(path, content))
		extracttest.Check(t, facts, err)
		if err == nil {
			require.Equal(t, 1, len(facts.Packages)+len(facts.Problems)+facts.Ignored)
		}
		for _, p := range facts.Packages {
			require.True(t, utf8.ValidString(p.Name+p.Version))
			require.NotEmpty(t, p.Version)
			require.LessOrEqual(t, len(p.Name)+len(p.Version), 2*maxValue)
			require.LessOrEqual(t, len(p.Requires), strings.Count(content, ":"))
		}
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(path, 0o644, int64(len(content)), iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, facts, again)
		require.Equal(t, err, errAgain)
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "cache", "shelf.yaml")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(hostedPath, content))
		if err != nil || len(facts.Packages) != 1 || len(facts.Packages[0].Requires) != 6 {
			b.Fatal(facts, err)
		}
	}
}
