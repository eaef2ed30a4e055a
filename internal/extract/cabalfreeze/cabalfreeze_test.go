package cabalfreeze

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

const lockPath = "src/app/cabal.project.freeze"

func pkg(line int, name, version string, requires ...string) inventory.Package {
	return inventory.Package{Type: "hackage", Name: name, Version: version, Line: line, Requires: requires}
}

func found(p ...inventory.Package) inventory.Facts {
	return inventory.Facts{Declared: true, Packages: p}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "cabalfreeze", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lockPath:                         true,
		"cabal.project.freeze":           true,
		"src/other.cabal.project.freeze": false,
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
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, extracttest.Fixture(t, "cabal", "cabal.project.freeze")))
	require.NoError(t, err)
	want := found(
		pkg(2, "Cabal", "3.2.1.0"), pkg(3, "Diff", "0.4.1"), pkg(4, "HTTP", "4000.3.16"), pkg(5, "HUnit", "1.6.2.0"), pkg(6, "OneTuple", "0.3.1"), pkg(8, "Only", "0.1"),
		pkg(9, "PyF", "0.10.2.0"), pkg(10, "QuickCheck", "2.14.2"), pkg(12, "RSA", "2.4.1"), pkg(13, "SHA", "1.6.4.4"), pkg(15, "Spock", "0.14.0.0"),
	)
	want.Ignored = 3
	assert.Equal(t, want, facts)
}

func table() []row {
	ranged := pkg(1, "a", "")
	ranged.Constraint = ">=1 && <2"
	ignored := found(pkg(1, "b", "1"))
	ignored.Ignored = 2
	return []row{
		{"empty", "", found()},
		{"no constraints", "-- a comment\nindex-state: 2022-07-07T01:01:53Z\n", found()},
		{"in one line, and another case", "Constraints : any.a ==1.0, b == 2,happy:setup.c ==3\r\n", found(pkg(1, "a", "1.0"), pkg(1, "b", "2"), pkg(1, "c", "3"))},
		{"in the next lines", "constraints:\n  any.a ==1.0,\n\n  -- x ==1\n  setup.b ==2\nother:\n  c ==3\n", found(pkg(2, "a", "1.0"), pkg(5, "b", "2"))},
		{"a range", "constraints: any.a >=1 && <2", found(ranged)},
		{"flags and the like", "constraints: a +x -y, b ==1, c installed", ignored},
		{"bad records", "nonsense\nconstraints: a, b x, !c ==1, " + strings.Repeat("a", maxName+1) + " ==1, d ==1", inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{pkg(2, "d", "1")},
			Problems: []string{
				`line 1 is no field: "nonsense"`, `line 2 is no constraint: "a"`, `line 2 is no constraint: "b x"`, `line 2 is no constraint: "!c ==1"`,
				fmt.Sprintf(`line 2 is no constraint: %q`, strings.Repeat("a", 80)+"…"),
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
		{"constraints without end", t.Context(), io.MultiReader(strings.NewReader("constraints:\n"), extracttest.Endless(" a ==1,\n")), inventory.ErrTooLarge, "more than 50000 constraints"},
		{"another file", t.Context(), strings.NewReader("{}\n"), nil, "no field"},
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
	f.Add(extracttest.Fixture(f, "cabal", "cabal.project.freeze"))
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
	content := extracttest.Fixture(b, "cabal", "cabal.project.freeze")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lockPath, content))
		if err != nil || len(facts.Packages) != 11 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
