package pyproject

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

const filePath = "app/pyproject.toml"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "pyproject", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{filePath: true, "pyproject.toml": true, "app/project.toml": false})
}

func pkg(name, version, constraint string, line int, development bool) inventory.Package {
	return inventory.Package{Type: "pypi", Name: name, Version: version, Constraint: constraint, Line: line, Relation: inventory.Direct, Development: development}
}

func found(p ...inventory.Package) inventory.Facts {
	return inventory.Facts{Declared: true, Packages: p}
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, extracttest.Fixture(t, "poetry", "pyproject.toml")))
	require.NoError(t, err)
	assert.Equal(t, found(pkg("requests", "2.32.3", "", 10, false), pkg("typing-inspect", "0.9.0", "", 11, false), pkg("httpx", "0.28.1", "", 12, false),
		pkg("pytest", "8.3.4", "", 16, true), pkg("ruff", "0.8.3", "", 20, true), pkg("poetry-core", "", "*", 23, true)), facts)
}

var rightInput = []struct {
	name, content string
	want          inventory.Facts
}{
	{"empty", "", found()},
	{"project", "[build-system]\nrequires = ['b>=1']\n[project]\nname = \"x\"\ndependencies = [\n  \"a==1\",\n  'c[x]>=1,<2; os_name == \"nt\"',\n  \"d @ https://h/d\",\n  \"e @ file:///e\",\n]\n[project.optional-dependencies]\nsocks = [\"f\"]\ntest = [\"g\", \"a==1\"]\n", inventory.Facts{
		Declared: true, Ignored: 1, Packages: []inventory.Package{
			pkg("b", "", ">=1", 2, true), pkg("a", "1", "", 6, false), pkg("c", "", ">=1,<2", 7, false), pkg("d", "", "https://h/d", 8, false), pkg("f", "", "*", 12, false), pkg("g", "", "*", 13, true),
		},
	}},
	{"groups", "[dependency-groups]\ndev = [\"a\", {include-group = \"test\"}]\ntest = [\"b\"]\n[tool.pdm.dev-dependencies]\nx = [\"c\"]\n[tool.uv]\ndev-dependencies = [\"d\"]\n", found(pkg("a", "", "*", 2, true), pkg("b", "", "*", 3, true), pkg("c", "", "*", 5, true), pkg("d", "", "*", 7, true))},
	{"keys with dots", "project.dependencies = [\"a\"]\n", found(pkg("a", "", "*", 1, false))},
	{"Poetry", "[tool.poetry.dependencies]\npython = \"^3\"\na = \"^1\"\nb = \"1.2.3\"\nc = \"==1.2\"\nd = \"*\"\ne = {version = \"~1\", extras = [\"x\"]}\nf = {git = \"https://u:p@h/f\", tag = \"v1\"}\ng = {path = \"../g\"}\nh = {url = \"https://h/h-1.0.zip\"}\ni = [{version = \"1.0\"}, {version = \"2.0\"}]\nj = \"=1.0\"\nk = \"1.0 || 2.0\"\nl = {url = \"https://h/main.zip\"}\nm = {source = \"x\"}\n[tool.poetry.dev-dependencies]\nn = \"1\"\nb = \"1.2.3\"\n[tool.poetry.group.docs.dependencies]\no = \"1\"\n[tool.poetry.group.main.dependencies]\np = \"1\"\n", inventory.Facts{
		Declared: true, Ignored: 1, Packages: []inventory.Package{
			pkg("a", "", "^1", 3, false), pkg("b", "1.2.3", "", 4, false), pkg("c", "1.2", "", 5, false), pkg("d", "", "*", 6, false), pkg("e", "", "~1", 7, false), pkg("f", "", "git+https://h/f@v1", 8, false),
			pkg("h", "1.0", "", 10, false), pkg("i", "1.0", "", 11, false), pkg("i", "2.0", "", 11, false), pkg("j", "", "=1.0", 12, false), pkg("k", "", "1.0 || 2.0", 13, false), pkg("l", "", "https://h/main.zip", 14, false), pkg("m", "", "*", 15, false),
			pkg("n", "1", "", 17, true), pkg("o", "1", "", 20, true), pkg("p", "1", "", 22, false),
		},
	}},
	{"Poetry tells more of a project", "[project]\ndependencies = [\"a>=1\"]\n[tool.poetry.dependencies]\nA = {source = \"x\"}\n", found(pkg("a", "", ">=1", 2, false))},
	{"bad parts", "[project]\ndependencies = [\"?\", 7, \"a\"]\noptional-dependencies = {x = 7}\n[tool.poetry]\ndependencies = {b = 7, \"-\" = \"1\"}\n[dependency-groups]\nx = [\n", inventory.Facts{
		Declared: true,
		Packages: []inventory.Package{pkg("a", "", "*", 2, false)},
		Problems: []string{
			"line 2: \"?\" is no requirement",
			"line 1: type int64 in place of a requirement",
			"line 1: type int64 in place of a list of requirements",
			"line 5: \"-\" is no name of a package; its version is \"1\"",
			"line 4: package \"b\" has no version",
			"line 7: \"unexpected EOF; expected value\"",
		},
	}},
}

var wrongInput = []string{
	"no TOML", "\x00", "[project]\ndependencies = [", "[project]\ndependencies = " + strings.Repeat("[", 10_000), "[tool]\nx = \"" + strings.Repeat("x", 2<<20) + "\"\n",
}

var many = "[project]\ndependencies = [\n" + repeated(maxRequires+1, "\"a%d\",\n") + "]\n"

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
	f.Add(extracttest.Fixture(f, "poetry", "pyproject.toml"))
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
	content := "[project]\ndependencies = [\n" + repeated(1000, "    \"package-%d>=1.%d\",\n") + "]\n"
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
