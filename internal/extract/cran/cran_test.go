package cran

import (
	"bytes"
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

const dbPath = "usr/lib/R/site-library/a/DESCRIPTION"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "cran", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		dbPath: true,
		"srv/app/renv/library/R-4.2/x86_64-pc-linux-gnu/a/DESCRIPTION": true,
		"usr/lib/R/site-library/a/DESCRIPTION.in":                      false,
		"usr/lib/R/site-library/a/Meta/package.rds":                    false,
	})
}

func TestExtractFixture(t *testing.T) {
	tests := []struct {
		file string
		want inventory.Facts
	}{
		{"jsonlite", inventory.Facts{Packages: []inventory.Package{{
			Type: "cran", Name: "jsonlite", Version: "1.8.4", Vendor: "CRAN", Maintainer: "Jeroen Ooms <jeroen@berkeley.edu>",
			Licenses: []string{"MIT + file LICENSE"}, Requires: []string{"methods"},
		}}}},
		{"ggplot2", inventory.Facts{Packages: []inventory.Package{{
			Type: "cran", Name: "ggplot2", Version: "3.4.1", Vendor: "CRAN", Maintainer: "Thomas Lin Pedersen <thomas.pedersen@posit.co>",
			Licenses: []string{"MIT + file LICENSE"},
			Requires: []string{"cli", "glue", "grDevices", "grid", "gtable", "isoband", "lifecycle", "MASS", "mgcv", "rlang", "scales", "stats", "tibble", "vctrs", "withr"},
		}}}},
		{"stats", inventory.Facts{Packages: []inventory.Package{{
			Type: "cran", Name: "stats", Version: "4.2.2", Maintainer: "R Core Team <do-use-Contact-address@r-project.org>",
			Licenses: []string{"Part of R 4.2.2"}, Bundled: true, Requires: []string{"utils", "grDevices", "graphics"},
		}}}},
		{"testRcppClass", inventory.Facts{Ignored: 1}}, // the source of a package, for a test
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(dbPath, extracttest.Fixture(t, "r-4.2", tt.file)))
		require.NoError(t, err, tt.file)
		assert.Equal(t, tt.want, facts, tt.file)
	}
}

func TestExtract(t *testing.T) {
	const built = "\nBuilt: R 4.2.2; ; 2023-01-20 18:24:19 UTC; unix\n"
	a := inventory.Package{Type: "cran", Name: "a", Version: "1.0-2"}
	found := func(p inventory.Package) inventory.Facts { return inventory.Facts{Packages: []inventory.Package{p}} }
	requires := func(names ...string) inventory.Facts {
		p := a
		p.Requires = names
		return found(p)
	}
	maintained, licensed := a, a
	maintained.Maintainer = "José <j@example.com>"
	licensed.Licenses = []string{"GPL-2 | GPL-3 + file LICENSE"}
	ignored := inventory.Facts{Ignored: 1}
	const bad = "Package: a\nVersion: 1.0-2"
	problem := func(s string) inventory.Facts {
		return inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{s}}
	}
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"least", "Package: a\nVersion: 1.0-2" + built, found(a)},
		{"blank lines around", "\n\nPackage: a\nVersion: 1.0-2" + built + "\n \n", found(a)},
		{"line ends of DOS", "Package: a\r\nVersion: 1.0-2\r\nBuilt: R 4\r\n", found(a)},
		{"no spaces, no line end", "Package:a\nVersion:1.0-2\nBuilt:R 4", found(a)},
		{"values on the next line", "Package:\n a\nVersion:\n\t1.0-2" + built, found(a)},
		{"a licence on two lines", "Package: a\nVersion: 1.0-2\nLicense: GPL-2 |\n  GPL-3 + file LICENSE" + built, found(licensed)},
		{"names have their case", "package: x\nPackage: a\nVERSION: 0\nVersion: 1.0-2" + built, found(a)},
		{"fields in the text of others", "Description: x\n Package: x\n Version: 0\nPackage: a\nVersion: 1.0-2" + built, found(a)},
		{"UTF-8", "Package: a\nVersion: 1.0-2\nMaintainer: José <j@example.com>" + built, found(maintained)},
		{"Latin 1", "Package: a\nVersion: 1.0-2\nEncoding: latin1\nMaintainer: Jos\xe9 <j@example.com>" + built, found(maintained)},
		{"dependencies", "Package: a\nVersion: 1.0-2\nDepends: R (>= 3.5), b(>=1),\n c (== 2),\nImports: d, b\nLinkingTo: e\nSuggests: f\nEnhances: g" + built, requires("b", "c", "d")},
		{"no dependencies", "Package: a\nVersion: 1.0-2\nDepends: R\nImports:" + built, found(a)},

		{"a source package", "Package: a\nVersion: 1.0-2\n", ignored},
		{"another file", "This is a description: of something else.\nBuilt: by me\n", ignored},
		{"empty", "", ignored},

		{"no version", "Package: a" + built, inventory.Facts{Problems: []string{`package "a" has no version`}}},
		{"no name", "Version: 1" + built, inventory.Facts{Problems: []string{`"" is no name of a package; its version is "1"`}}},
		{"a bad name", "Package: ../a\nVersion: 1" + built, inventory.Facts{Problems: []string{`"../a" is no name of a package; its version is "1"`}}},
		{"a long version", "Package: a\nVersion: " + strings.Repeat("1", maxName+1) + built, inventory.Facts{Problems: []string{
			fmt.Sprintf(`version of package "a" is too long: %q`, strings.Repeat("1", 80)+"…"),
		}}},
		{"a line that is no field", bad + "\nfoo\n bar: x\nfoo bar: x\n:x" + built, inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`a line is not a field: "foo"`, `a line is not a field: "foo bar: x"`, `a line is not a field: ":x"`},
		}},
		{"a field twice", bad + "\nPackage: b\n c" + built, problem(`field "Package" appears twice`)},
		{"two records", bad + built + "\nPackage: b\n", problem(`there is more after the end of the description: "Package: b"`)},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(dbPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractManyRequires(t *testing.T) {
	var b strings.Builder
	for i := range maxRequires + 5 {
		fmt.Fprintf(&b, "d%d,", i)
	}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(dbPath, "Package: a\nVersion: 1\nBuilt: R\nImports: "+b.String()))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 1)
	assert.Len(t, facts.Packages[0].Requires, maxRequires)
	assert.Equal(t, []string{"more than 1000 required packages"}, facts.Problems)
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
		{"canceled", canceled, strings.NewReader("Package: a\n"), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("Package: a\nVersion: 1\nBuilt: R\n"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless("Title: x\n"), inventory.ErrTooLarge, "more than 4194304 bytes"},
		{"a field without end", t.Context(), io.MultiReader(strings.NewReader("Imports: a,\n"), extracttest.Endless(" b,\n")), inventory.ErrTooLarge, "a field of more than 65536 bytes"},
		{"a line without end", t.Context(), extracttest.Endless("x"), inventory.ErrTooLarge, "line 1: more than"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(dbPath, 0o644, 1, tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "r-4.2", "stats"))
	f.Add(extracttest.Fixture(f, "r-4.2", "testRcppClass"))
	f.Add("Package: a\nVersion: 1\nBuilt: R\nImports: b (> 1), \xe9,, R\n c\n\nx\n y")
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(dbPath, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(dbPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		if err == nil {
			// Nothing is dropped in silence.
			require.NotZero(t, len(facts.Packages)+facts.Ignored+len(facts.Problems))
		}
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.NotContains(t, p.Requires, "R")
			for _, s := range append(append(p.Licenses, p.Name, p.Version, p.Maintainer, p.Vendor), p.Requires...) {
				require.True(t, utf8.ValidString(s))
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := []byte(extracttest.Fixture(b, "r-4.2", "ggplot2"))
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(dbPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 1 || len(facts.Packages[0].Requires) != 15 {
			b.Fatal(facts, err)
		}
	}
}
