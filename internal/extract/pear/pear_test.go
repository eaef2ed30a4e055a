package pear

import (
	"bytes"
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

const (
	pearPath = "usr/share/php/.registry/a.reg"
	peclPath = "usr/local/lib/php/.registry/.channel.pecl.php.net/a.reg"
)

func pkg(channel, name, version string) inventory.Package {
	return inventory.Package{Type: "pear", Namespace: channel, Name: name, Version: version}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "pear", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		pearPath: true,
		peclPath: true,
		"usr/share/php/.channels/pear.php.net.reg":  false,
		"usr/share/php/.registry/other/a.reg":       false,
		"usr/share/php/.registry/.channel.x/a.lock": false,
		"usr/share/php/a.reg":                       false,
	})
}

func TestExtractFixture(t *testing.T) {
	graph := pkg("pear.php.net", "Structures_Graph", "1.1.1")
	graph.Licenses = []string{"LGPL-3.0+"}
	old := pkg("pear.php.net", "Old", "1.2")
	old.Licenses, old.Requires = []string{"PHP License"}, []string{"pear.php.net/Archive_Tar"}
	recent := pkg("__uri", "New", "2.0.1RC1")
	recent.Licenses, recent.Requires = []string{"BSD-2-Clause"}, []string{"pear.php.net/Archive_Tar"}
	solo := recent
	solo.Namespace, solo.Name, solo.Version = "pecl.php.net", "solo", "3.0.0"
	tests := []struct {
		path, folder, file string
		want               inventory.Package
	}{
		{"usr/share/php/.registry/structures_graph.reg", "debian-12", "structures_graph.reg", graph},
		{"usr/share/php/.registry/old.reg", "pear-1.10", "old.reg", old}, // description 1
		{"usr/share/php/.registry/.channel.__uri/new.reg", "pear-1.10", "new.reg", recent},
		{"usr/share/php/.registry/.channel.pecl.php.net/solo.reg", "pear-1.10", "solo.reg", solo},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, extracttest.Fixture(t, tt.folder, tt.file)))
		require.NoError(t, err, tt.file)
		assert.Equal(t, inventory.Facts{Packages: []inventory.Package{tt.want}}, facts, tt.file)
	}
}

// array returns a serialized array of pairs of keys and values, which are
// texts unless they look like arrays.
func array(pairs ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "a:%d:{", len(pairs)/2)
	for i, s := range pairs {
		if i%2 == 1 && (strings.HasPrefix(s, "a:") || strings.HasSuffix(s, ";")) {
			b.WriteString(s)
		} else {
			fmt.Fprintf(&b, `s:%d:"%s";`, len(s), s)
		}
	}
	return b.String() + "}"
}

func TestExtract(t *testing.T) {
	a := pkg("pear.php.net", "a", "1.0.0")
	licensed := func(names ...string) inventory.Facts {
		p := a
		p.Licenses = names
		return inventory.Facts{Packages: []inventory.Package{p}}
	}
	requires := func(names ...string) inventory.Facts {
		p := a
		p.Requires = names
		return inventory.Facts{Packages: []inventory.Package{p}}
	}
	release := array("api", "9", "release", "1.0.0")
	tests := []struct {
		name, path, content string
		want                inventory.Facts
	}{
		{"description 1", pearPath, array("package", "a", "version", "1.0.0"), licensed()},
		{"description 2", pearPath, array("name", "a", "version", release), licensed()},
		{"the channel is that of the folder", peclPath, array("name", "a", "version", release), inventory.Facts{Packages: []inventory.Package{pkg("pecl.php.net", "a", "1.0.0")}}},
		{"unless the file names one", pearPath, array("name", "a", "channel", "pear.example.com/x", "version", release), inventory.Facts{Packages: []inventory.Package{pkg("pear.example.com/x", "a", "1.0.0")}}},
		{"the other names and versions of a file", pearPath, array("lead", array("name", "me"), "attribs", array("version", "2.0"), "name", "a", "version", release, "old", array("version", "0")), licensed()},
		{"all kinds of values", pearPath, `a:9:{i:0;N;i:1;b:1;i:2;d:-0.5E+3;i:3;r:1;i:4;R:2;i:5;O:3:"x:y":1:{s:4:"name";s:1:"z";}s:4:"name";s:1:"a";i:-6;s:6:"";}a:{";s:7:"version";s:5:"1.0.0";}` + "\n", licensed()},
		{"a licence", pearPath, array("name", "a", "version", release, "license", "MIT"), licensed("MIT")},
		{"a licence with attributes", pearPath, array("name", "a", "version", release, "license", array("attribs", array("uri", "x"), "_content", "MIT")), licensed("MIT")},
		{"licences", pearPath, array("name", "a", "version", release, "license", array("0", "MIT", "1", array("_content", "ISC", "attribs", array("uri", "x")), "2", "MIT", "3", "")), licensed("MIT", "ISC")},
		{"a licence, description 1", pearPath, array("package", "a", "version", "1.0.0", "release_license", "PHP"), licensed("PHP")},
		{"one dependency", pearPath, array("name", "a", "version", release, "dependencies", array("required", array("php", array("min", "5"), "package", array("name", "b", "channel", "c.example")))), requires("c.example/b")},
		{"dependencies", pearPath, array("name", "a", "version", release, "dependencies", array(
			"required", array("package", array(
				"0", array("name", "b", "uri", "http://x.example/b"),
				"1", array("name", "c", "conflicts", ""),
				"2", array("name", "d", "channel", "c.example"),
				"3", array("name", "d", "channel", "c.example"),
				"4", array("channel", "c.example"),
			), "extension", array("name", "e")),
			"optional", array("package", array("name", "o")),
		)), requires("__uri/b", "c.example/d")},
		{"dependencies, description 1", pearPath, array("package", "a", "version", "1.0.0", "release_deps", array(
			"1", array("type", "php", "name", "b"),
			"2", array("type", "pkg", "name", "c", "optional", "no"),
			"3", array("type", "pkg", "name", "d", "optional", "yes"),
			"4", array("type", "pkg", "name", "e", "rel", "not"),
		)), requires("pear.php.net/c")},
		{"no version", pearPath, array("name", "a"), inventory.Facts{Problems: []string{`package "a" has no version`}}},
		{"a long version", pearPath, array("name", "a", "version", strings.Repeat("1", maxName+1)), inventory.Facts{Problems: []string{fmt.Sprintf(`version of package "a" is too long: %q`, strings.Repeat("1", 80)+"…")}}},
		{"damaged after what matters", pearPath, strings.TrimSuffix(array("name", "a", "version", "1.0.0", "x", "y"), `"y";}`) + "y", inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`the file is damaged: byte 62: not in the format of PHP's serialize`},
		}},
		{"more after the end", pearPath, array("name", "a", "version", "1.0.0") + "x", inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`the file is damaged: byte 51: there is more after the array`},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s: %s", tt.name, tt.content)
		assert.Equalf(t, tt.want, got, "Extract, %s: %s", tt.name, tt.content)
	}
}

func TestExtractManyParts(t *testing.T) {
	var licenses, deps []string
	for i := range maxRequires + 5 {
		licenses = append(licenses, fmt.Sprint(i), fmt.Sprintf("l%d", i))
		deps = append(deps, fmt.Sprint(i), array("name", fmt.Sprintf("d%d", i)))
	}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(pearPath, array("name", "a", "version", "1", "license", array(licenses...), "dependencies", array("required", array("package", array(deps...))))))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 1)
	assert.Len(t, facts.Packages[0].Licenses, maxLicenses)
	assert.Len(t, facts.Packages[0].Requires, maxRequires)
	assert.Equal(t, "more than 100 licences", facts.Problems[0])

	facts, err = Extractor{}.Extract(t.Context(), extracttest.File(pearPath, array("name", "a", "version", "1", "license", strings.Repeat("x", maxText+1))))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 1)
	assert.Empty(t, facts.Packages[0].Licenses)
	require.Len(t, facts.Problems, 1)
	assert.Contains(t, facts.Problems[0], "a licence is too long")
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	deep := strings.Repeat(`a:1:{i:0;`, 100_000)
	tests := []struct {
		name    string
		ctx     context.Context
		content io.Reader
		is      error
		text    string
	}{
		{"canceled", canceled, strings.NewReader(array("name", "a", "version", "1")), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("a:"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 16777216 bytes"},
		{"deeper than any description", t.Context(), strings.NewReader(deep), inventory.ErrTooLarge, "nested deeper than 64"},
		{"deep after what matters", t.Context(), strings.NewReader(`a:3:{s:4:"name";s:1:"a";s:7:"version";s:1:"1";i:1;` + deep), inventory.ErrTooLarge, "nested deeper than 64"},
		{"empty", t.Context(), strings.NewReader(""), nil, "not an array"},
		{"another format", t.Context(), strings.NewReader("<?xml"), nil, "not an array"},
		{"no array", t.Context(), strings.NewReader(`s:1:"a";`), nil, "not an array"},
		{"no name", t.Context(), strings.NewReader("a:0:{}"), nil, "no name"},
		{"a bad name", t.Context(), strings.NewReader(array("name", "a b", "version", "1")), nil, `"a b" of channel "pear.php.net" is no name`},
		{"a bad channel", t.Context(), strings.NewReader(array("name", "a", "channel", "a b", "version", "1")), nil, `"a" of channel "a b" is no name`},
		{"cut off before the version", t.Context(), strings.NewReader(`a:3:{s:4:"name";s:1:"a";`), nil, "byte 24: the file ends too early"},
		{"a number that lies", t.Context(), strings.NewReader(`a:99999999:{i:0;N;}`), nil, "byte 18: not in the format"},
		{"a length that lies", t.Context(), strings.NewReader(`a:1:{s:99999999:"a";}`), nil, "byte 17: the file ends too early"},
		{"a length that lies by little", t.Context(), strings.NewReader(`a:1:{s:5:"a";}`), nil, "byte 10: the file ends too early"},
		{"a length that overflows", t.Context(), strings.NewReader(`a:1:{s:18446744073709551616:"a";}`), nil, "byte 7: not in the format"},
		{"a negative length", t.Context(), strings.NewReader(`a:1:{s:-1:"a";}`), nil, "byte 7: not in the format"},
		{"an array as a key", t.Context(), strings.NewReader(`a:1:{a:0:{}N;}`), nil, "byte 5: not in the format"},
		{"a number without end", t.Context(), strings.NewReader(`a:1:{i:0;i:` + strings.Repeat("1", 100)), nil, "byte 11: not in the format"},
		{"no colon", t.Context(), strings.NewReader(`a1:{}`), nil, "byte 1: not in the format"},
		{"no brace", t.Context(), strings.NewReader(`a:1:`), nil, "byte 4: the file ends too early"},
		{"no value", t.Context(), strings.NewReader(`a:1:{i:0;`), nil, "byte 9: the file ends too early"},
		{"no colon in a number", t.Context(), strings.NewReader(`a:1:{i;`), nil, "byte 6: not in the format"},
		{"no quotes", t.Context(), strings.NewReader(`a:1:{s:1:a`), nil, "byte 9: not in the format"},
		{"no class", t.Context(), strings.NewReader(`a:1:{i:0;O:x`), nil, "byte 11: not in the format"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(pearPath, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
	// In the middle of a long array, too.
	long := "a:4096:{" + strings.Repeat("i:0;N;", 4096) + "}"
	require.ErrorIs(t, walk(canceled, []byte(long), func([]string, string) {}), context.Canceled)
}

func FuzzExtract(f *testing.F) {
	f.Add(pearPath, extracttest.Fixture(f, "pear-1.10", "old.reg"))
	f.Add(peclPath, extracttest.Fixture(f, "pear-1.10", "solo.reg"))
	f.Add(peclPath, array("name", "a", "version", array("release", "1"), "license", array("0", "x", "1", array("_content", "y"))))
	f.Add(pearPath, array("package", "a", "version", "1", "release_deps", array("1", array("name", "b", "type", "pkg"), "2", array("name", "c"))))
	f.Fuzz(func(t *testing.T, name, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(name, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		if err == nil {
			// Nothing is dropped in silence.
			require.NotZero(t, len(facts.Packages)+len(facts.Problems))
		}
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Namespace)
			require.NotEmpty(t, p.Version)
			for _, s := range append(p.Licenses, p.Name, p.Version) {
				require.Contains(t, content, s)
			}
			for _, r := range p.Requires {
				require.Contains(t, r, "/")
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := []byte(extracttest.Fixture(b, "debian-12", "structures_graph.reg"))
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(pearPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 1 {
			b.Fatal(facts, err)
		}
	}
}
