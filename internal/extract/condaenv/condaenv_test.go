package condaenv

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

const filePath = "app/environment.yml"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "condaenv", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{filePath: true, "environment.yaml": true, "app/environment.ts": false, "app/my-environment.yml": false})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, extracttest.Fixture(t, "export", "environment.yaml")))
	require.NoError(t, err)
	assert.Equal(t, found(inventory.Package{Type: "conda", Name: "bzip2", Version: "1.0.8", Line: 5, Qualifiers: map[string]string{"build": "h998d150_5"}}), facts)
}

func found(p ...inventory.Package) inventory.Facts {
	return inventory.Facts{Declared: true, Packages: p}
}

func pkg(kind, name, version, constraint string, line int) inventory.Package {
	return inventory.Package{Type: kind, Name: name, Version: version, Constraint: constraint, Line: line, Relation: inventory.Direct}
}

func qualified(p inventory.Package, relation inventory.Relation, qualifiers ...string) inventory.Package {
	p.Relation = relation
	p.Qualifiers = map[string]string{}
	for i := 0; i < len(qualifiers); i += 2 {
		p.Qualifiers[qualifiers[i]] = qualifiers[i+1]
	}
	return p
}

var rightInput = []struct {
	name, content string
	want          inventory.Facts
}{
	{"another kind of file", "a: b\n", inventory.Facts{Declared: true, Ignored: 1}},
	{"versions", "dependencies:\n- a==1.0\n- b 1.0\n- c=1.0=py39_0\n- d 1.0 0\n- e=1.0=py39*", found(
		pkg("conda", "a", "1.0", "", 2), pkg("conda", "b", "1.0", "", 3), qualified(pkg("conda", "c", "1.0", "", 4), 0, "build", "py39_0"), qualified(pkg("conda", "d", "1.0", "", 5), 0, "build", "0"), pkg("conda", "e", "1.0", "", 6))},
	{"constraints", "dependencies:\n- a\n- b=1.0\n- c>=1,<2\n- d 1.*\n- e[version='1.0']\n- f~=1.0\n- g==1.0|2.0\n", found(
		pkg("conda", "a", "", "*", 2), pkg("conda", "b", "", "=1.0", 3), pkg("conda", "c", "", ">=1,<2", 4), pkg("conda", "d", "", "1.*", 5), pkg("conda", "e", "", "[version='1.0']", 6), pkg("conda", "f", "", "~=1.0", 7), pkg("conda", "g", "", "==1.0|2.0", 8))},
	{"channels", "dependencies:\n- conda-forge::a==1\n- conda-forge/linux-64::b==1\n- pkgs/main::c==1\n- https://u:p@h/t/secret/x::d==1\n", found(
		qualified(pkg("conda", "a", "1", "", 2), inventory.Direct, "channel", "conda-forge"), qualified(pkg("conda", "b", "1", "", 3), inventory.Direct, "channel", "conda-forge", "subdir", "linux-64"),
		qualified(pkg("conda", "c", "1", "", 4), inventory.Direct, "channel", "main"), qualified(pkg("conda", "d", "1", "", 5), inventory.Direct, "channel", "x"))},
	{"exported", "dependencies:\n- a=1.0\nprefix: /opt/x\n", found(inventory.Package{Type: "conda", Name: "a", Version: "1.0", Line: 2})},
	{"pip", "dependencies:\n- pip\n- pip:\n  - a==1 # why\n  - b>=2 --hash=x\n  - -e .\n  - --index-url https://h\n  - git+https://h/c#egg=c\n", inventory.Facts{
		Declared: true, Ignored: 1, Packages: []inventory.Package{pkg("conda", "pip", "", "*", 2), pkg("pypi", "a", "1", "", 4), pkg("pypi", "b", "", ">=2", 5), pkg("pypi", "c", "", "git+https://h/c#egg=c", 8)},
	}},
	{"aliases", "x: &x a==1\ny: &y [*x, *x]\ndependencies: *y\n", found(pkg("conda", "a", "1", "", 2), pkg("conda", "a", "1", "", 2))},
	{"bad records", "dependencies:\n- 'a b c d!'\n- [a]\n- {x: y}\n- 'ü'\n- pip:\n  - -r requirements.txt\n  - '?'\n  - [a]\n- z==1\n", inventory.Facts{
		Declared: true,
		Packages: []inventory.Package{pkg("conda", "a", "", "b c d!", 2), pkg("conda", "z", "1", "", 10)},
		Problems: []string{
			"line 3: neither a package nor a list of pip's",
			"line 4: neither a package nor a list of pip's",
			"line 5: \"ü\" is no package",
			"line 7: includes \"requirements.txt\"",
			"line 8: \"?\" is no requirement",
			"line 9: \"\" is no requirement",
		},
	}},
}

var wrongInput = []string{
	"a: [", "\ta: b", "a: *b", "\x00", "dependencies: &x [*x", strings.Repeat("[", 1<<20), strings.Repeat("- ", 1<<19),
}

var many = "dependencies:\n" + repeated(maxPackages+1, "- a%d\n")

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
	f.Add(extracttest.Fixture(f, "export", "environment.yaml"))
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
	content := "dependencies:\n" + repeated(1000, "  - package-%d=1.%d=py39_0\n") + "prefix: /x\n"
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
