package haskell

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const confPath = "var/lib/ghc/package.conf.d/a-1.0.conf"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "haskell", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		confPath: true,
		"opt/ghc/9.4.7/lib/ghc-9.4.7/lib/package.conf.d/base-4.17.2.0.conf":                 true,
		"root/.cabal/store/ghc-9.4.7/package.db/aeson-2.1.2.1-0123.conf":                    true,
		"root/.stack/snapshots/x86_64-linux/0123/9.4.7/pkgdb/aeson-2.1.2.1-0123456789.conf": true,
		"var/lib/ghc/package.conf.d/package.cache":                                          false,
		"etc/fonts/conf.d/10-hinting.conf":                                                  false,
	})
}

func TestExtractFixture(t *testing.T) {
	tests := []struct {
		file string
		want inventory.Package
	}{
		{"aeson-2.0.3.0.conf", inventory.Package{
			Name: "aeson", Version: "2.0.3.0", Maintainer: "Adam Bergmark <adam@bergmark.nl>",
			Requires: []string{
				"OneTuple", "QuickCheck", "attoparsec", "base", "base-compat-batteries", "bytestring",
				"containers", "data-fix", "deepseq", "dlist", "ghc-prim", "hashable", "indexed-traversable",
				"primitive", "scientific", "semialign", "strict", "tagged", "template-haskell", "text",
				"text-short", "th-abstraction", "these", "time", "time-compat", "unordered-containers",
				"uuid-types", "vector", "witherable",
			},
		}},
		{"bytestring-0.10.12.1.conf", inventory.Package{
			Name: "bytestring", Version: "0.10.12.1", Bundled: true,
			Maintainer: "Haskell Bytestring Team <andrew.lelechenko@gmail.com>, Core Libraries Committee",
			Requires:   []string{"base", "deepseq", "ghc-bignum", "ghc-prim"},
		}},
		{"rts.conf", inventory.Package{Name: "rts", Version: "1.0.2", Bundled: true, Maintainer: "glasgow-haskell-users@haskell.org"}},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File("var/lib/ghc/package.conf.d/"+tt.file, extracttest.Fixture(t, "debian", tt.file)))
		require.NoError(t, err, tt.file)
		tt.want.Type, tt.want.Licenses = "hackage", []string{"BSD-3-Clause"}
		assert.Equal(t, inventory.Facts{Packages: []inventory.Package{tt.want}}, facts, tt.file)
	}
}

// a returns the package a 1.0 with changes, as all the facts of a file.
func a(change func(*inventory.Package)) inventory.Facts {
	p := inventory.Package{Type: "hackage", Name: "a", Version: "1.0"}
	if change != nil {
		change(&p)
	}
	return inventory.Facts{Packages: []inventory.Package{p}}
}

func bundled(p *inventory.Package) { p.Bundled = true }

func problem(text string) inventory.Facts { return inventory.Facts{Problems: []string{text}} }

var confTests = []struct {
	name, content string
	want          inventory.Facts
}{
	{"name and version", "name: a\nversion: 1.0\n", a(nil)},
	{"the value in the next line, as of DOS", "Name:\r\n    a\r\nVersion:\r\n    1.0\r\n", a(nil)},
	{"a description", "name: a\ndescription:\n    Text.\n\n    name: b\n\tversion: 2\n\nversion: 1.0\n", a(nil)},
	{"no field", "name: a\nversion\n  2\nversion: 1.0", a(nil)},
	{"an identifier of GHC", "name: a\nversion: 1.0\nid: a-1.0\n", a(bundled)},
	{"an identifier of GHC 9.8", "name: a\nversion: 1.0\nid: a-1.0-179a\n", a(bundled)},
	{"an identifier of GHC 9.6 on some systems", "name: a\nversion: 1.0\nid: a-1.0-inplace\n", a(bundled)},
	{"an identifier of another", "name: a\nversion: 1.0\nid: a-1.0-9xW5LAwZRkJL6y4M05H3am\n", a(nil)},
	{
		"a library of several", "name: z-a-z-a-internal\npackage-name: a\nlib-name: a-internal\nversion: 1.0\nid: a-1.0-HASH-a-internal\ndepends: base-4.15.1.0 text-icu-0.7.1.0-9bvR93i5uk7DRYSOuH9YD6\n  a-1.0-HASH-b rts base-4.15.1.0\n",
		a(func(p *inventory.Package) { p.Requires = []string{"base", "text-icu", "rts"} }),
	},
	{"not UTF-8", "name: a\nversion: 1.0\nmaintainer: Andr\xe9\n", a(func(p *inventory.Package) { p.Maintainer = "Andr\uFFFD" })},
	{"texts in place of values", "name: a\nversion: 1.0\nlicense: " + strings.Repeat("x", maxValue+1) + "\nmaintainer: " + strings.Repeat("x", maxValue) + "\n  y\n z\n", a(nil)},
	{"no name", "version: 1.0\n", problem(`"a-1.0.conf" has no package name`)},
	{"no version", "name: a\nversion:\n", problem(`package "a" has no version`)},
	{"a version that is none", "name: a\nversion: " + strings.Repeat("1", maxValue+1), problem(`name or version of package "a" is longer than 1024 bytes`)},
}

func TestExtract(t *testing.T) {
	for _, tt := range confTests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(confPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
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
		{"canceled", canceled, strings.NewReader("name: a\n"), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("name: a\n"), iotest.ErrReader(broken)), broken, ""},
		{"a line without end", t.Context(), extracttest.Endless(strings.Repeat("x", 4096)), inventory.ErrTooLarge, "line 1: more than 1048576 bytes"},
		{"a file without end", t.Context(), extracttest.Endless(strings.Repeat("maintainer: x\n x\n", 100)), inventory.ErrTooLarge, "more than 8388608 bytes"},
		{"dependencies without end", t.Context(), extracttest.Endless("depends: b-1\n"), inventory.ErrTooLarge, "more than 10000 dependencies"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(confPath, 0o644, 1, tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	for _, tt := range confTests {
		f.Add(tt.content)
	}
	f.Add(extracttest.Fixture(f, "debian", "aeson-2.0.3.0.conf"))
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(confPath, content))
		extracttest.Check(t, facts, err)
		if err == nil {
			require.Equal(t, 1, len(facts.Packages)+len(facts.Problems))
		}
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.NotContains(t, p.Requires, p.Name)
			require.LessOrEqual(t, len(p.Name)+len(p.Version)+len(p.Maintainer), 3*maxValue)
		}
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(confPath, 0o644, int64(len(content)), iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, facts, again)
		require.Equal(t, err, errAgain)
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "debian", "aeson-2.0.3.0.conf")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(confPath, content))
		if err != nil || len(facts.Packages) != 1 || len(facts.Packages[0].Requires) != 29 {
			b.Fatal(facts, err)
		}
	}
}
