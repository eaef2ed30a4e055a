package stacklock

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

const lockPath = "src/app/stack.yaml.lock"

func pkg(line int, name, version string, requires ...string) inventory.Package {
	return inventory.Package{Type: "hackage", Name: name, Version: version, Line: line, Requires: requires}
}

// sources returns a package from a repository of sources.
func sources(line int, name, version, constraint, url string) inventory.Package {
	return inventory.Package{Type: "hackage", Name: name, Version: version, Constraint: constraint, Line: line, Qualifiers: map[string]string{"vcs_url": url}}
}

func found(p ...inventory.Package) inventory.Facts {
	return inventory.Facts{Declared: true, Packages: p}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "stacklock", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lockPath:                    true,
		"stack.yaml.lock":           true,
		"src/other.stack.yaml.lock": false,
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
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, extracttest.Fixture(t, "stack", "stack.yaml.lock")))
	require.NoError(t, err)
	assert.Empty(t, facts.Problems)
	require.Len(t, facts.Packages, 10, "the snapshot is none")
	assert.Equal(t, pkg(8, "HTTP", "4000.3.16"), facts.Packages[0])
	assert.Equal(t, pkg(22, "hasql-dynamic-statements", "0.3.1.1"), facts.Packages[2])
}

func table() []row {
	return []row{
		{"empty", "", found()},
		{"none", "packages: []\nsnapshots:\n- completed:\n    hackage: a-1\n", found()},
		{"in the other order", "packages:\n- original:\n    hackage: a-1@rev:1\n  completed:\n    hackage: a-1@sha256:00,1\n    pantry-tree:\n      name: x\n", found(pkg(5, "a", "1"))},
		{"sources", "packages:\r\n- completed:\r\n    subdir: x\r\n    name: a-b\r\n    version: '1.2'\r\n    git: u\r\n    commit: c\r\n- completed:\r\n    hg: v\r\n    name: c\r\n    version: 2\r\n", found(sources(4, "a-b", "1.2", "", "git+u@c"), sources(10, "c", "2", "", "hg+v"))},
		{"an archive", "packages:\n- completed:\n    url: https://example.org/a.tar.gz\n    name: a\n    version: 1.0\n", found(pkg(4, "a", "1.0"))},
		{"bad records", "packages:\n  x: y\n- completed:\n    hackage: a\n- z\n- completed:\n    name: " + strings.Repeat("a", maxName+1) + "\n    version: 1\n- completed:\n    hackage: b-2-1@x\n", inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{pkg(10, "b-2", "1")},
			Problems: []string{
				`line 2 belongs to no package: "x: y"`, `line 4: a package has no name or no version: "a"`, `line 5: a package has no name or no version: ""`,
				fmt.Sprintf(`line 7: name, version or source of package %q is too long`, strings.Repeat("a", 80)+"…"),
			},
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
		{"a file without end", t.Context(), extracttest.Endless("\n"), inventory.ErrTooLarge, "more than 4194304 bytes"},
		{"packages without end", t.Context(), io.MultiReader(strings.NewReader("packages:\n"), extracttest.Endless("- a:\n")), inventory.ErrTooLarge, "more than 50000 packages"},
		{"another file", t.Context(), strings.NewReader("name: x\n"), nil, "no packages"},
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
	f.Add(extracttest.Fixture(f, "stack", "stack.yaml.lock"))
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
	content := extracttest.Fixture(b, "stack", "stack.yaml.lock")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lockPath, content))
		if err != nil || len(facts.Packages) != 10 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
