package nugetconfig

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

const configPath = "src/app/packages.config"

func pkg(line int, name, version string) inventory.Package {
	return inventory.Package{Type: "nuget", Name: name, Version: version, Line: line}
}

func found(p ...inventory.Package) inventory.Facts {
	return inventory.Facts{Declared: true, Packages: p}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "nugetconfig", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		configPath:                true,
		"packages.config":         true,
		"src/packages.App.config": true,
		"src/nuget.config":        false,
		"src/packages.lock.json":  false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(configPath, extracttest.Fixture(t, "net4", "packages.config")))
	require.NoError(t, err)
	dev := pkg(3, "Microsoft.Net.Compilers", "1.0.0")
	dev.Development = true
	assert.Equal(t, found(dev, pkg(4, "Newtonsoft.Json", "8.0.3")), facts)
}

func TestExtract(t *testing.T) {
	const a = `<package id="A" version="1.0"/>`
	dev := pkg(2, "B", "2.0-beta1")
	dev.Development = true
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"empty", "<packages/>", found()},
		{"byte order mark", "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<packages>" + a + "</packages>", found(pkg(2, "A", "1.0"))},
		{"for development", "<packages>" + a + "\n" + `<package id="B" version="2.0-beta1" targetFramework="net48" developmentDependency="True"></package></packages>`, found(pkg(1, "A", "1.0"), dev)},
		{"white space", `<packages><package id=" A " version="1.0 "/></packages>`, found(pkg(1, "A", "1.0"))},
		{"other elements", `<packages><x>` + a + `</x><!-- ` + a + ` --></packages>`, found()},

		// One bad record must not hide the others.
		{"bad records", "<packages><package/>\n<package id='B'/>\n<package version='1'/><package id='" + strings.Repeat("a", maxName+1) + "' version='1'/>" + a + "</packages>", inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{pkg(3, "A", "1.0")},
			Problems: []string{
				`line 1: a package has no name; its version is ""`,
				`line 2: package "B" has no version`,
				`line 3: a package has no name; its version is "1"`,
				fmt.Sprintf(`line 3: name or version of package %q is longer than 1024 bytes`, strings.Repeat("a", 80)+"…"),
			},
		}},
		{"cut off", "<packages>" + a + "<pack", inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{pkg(1, "A", "1.0")},
			Problems: []string{"the file ends early or is damaged: XML syntax error on line 1: unexpected EOF"},
		}},
		{"not closed", "<packages>" + a + "\n", inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{pkg(1, "A", "1.0")},
			Problems: []string{"the file ends early or is damaged: XML syntax error on line 2: unexpected EOF"},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(configPath, tt.content))
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
		{"canceled", canceled, strings.NewReader("<packages/>"), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("<"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 16777216 bytes"},
		{"packages without end", t.Context(), strings.NewReader("<packages>" + strings.Repeat("<package/>", maxPackages+1)), inventory.ErrTooLarge, "more than 50000 packages"},
		{"empty", t.Context(), strings.NewReader(""), io.EOF, "no list of packages"},
		{"another file", t.Context(), strings.NewReader("<configuration/>"), nil, `no list of packages: "configuration"`},
		{"not XML", t.Context(), strings.NewReader("{}"), io.EOF, "no list of packages"},
		{"cut off at once", t.Context(), strings.NewReader("<packages>"), nil, "unexpected EOF"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(configPath, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "net4", "packages.config"))
	f.Add("\xef\xbb\xbf<packages>\n<package id='a' version='1'/><package id='b'/></packages>")
	f.Add("\xff\xfe<\x00a\x00>\x00")
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(configPath, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(configPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.Positive(t, p.Line)
			require.LessOrEqual(t, p.Line, len(content)+1)
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := "<packages>\n" + strings.Repeat("  <package id=\"Newtonsoft.Json\" version=\"8.0.3\" targetFramework=\"net452\" />\n", 200) + "</packages>"
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(configPath, content))
		if err != nil || len(facts.Packages) != 200 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
