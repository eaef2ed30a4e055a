package composer

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
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const dbPath = "app/vendor/composer/installed.json"

func pkg(vendor, name, version string) inventory.Package {
	return inventory.Package{Type: "composer", Namespace: vendor, Name: name, Version: version}
}

func hashed(p inventory.Package, sha1 string) inventory.Package {
	p.Hashes = extracttest.Digest("SHA-1", sha1)
	return p
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "composer", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		dbPath: true,
		"usr/src/nextcloud/3rdparty/composer/installed.json": true,
		"composer/installed.json":                            true,
		"app/installed.json":                                 false,
		"app/vendor/composer/installed.php":                  false,
		"app/composer.lock":                                  false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(dbPath, extracttest.Fixture(t, "composer-2.5", "installed.json")))
	require.NoError(t, err)
	a, b, c := pkg("acme", "a", "v1.2.3"), pkg("acme", "b", "2.0.1"), pkg("acme", "c", "dev-main")
	a.Licenses, a.Requires = []string{"MIT", "GPL-2.0-or-later"}, []string{"acme/b", "composer/installers", "psr/log-implementation"}
	b.Licenses, b.Provides = []string{"BSD-3-Clause"}, []string{"psr/log-implementation", "acme/b-old"}
	c.Licenses = []string{"proprietary"}
	assert.Equal(t, inventory.Facts{Packages: []inventory.Package{a, b, c, pkg("composer", "installers", "1.0")}}, facts)
}

func TestExtract(t *testing.T) {
	const one = `{"name":"v/a","version":"1.0.0"}`
	a, b := pkg("v", "a", "1.0.0"), pkg("v", "b", "2.0.0")
	licensed, linked := a, a
	licensed.Licenses = []string{"MIT"}
	linked.Requires, linked.Provides = []string{"v/z", "v/b"}, []string{"p/x", "p/y"}
	found := func(p ...inventory.Package) inventory.Facts { return inventory.Facts{Packages: p} }
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"empty, version 1", "[]", inventory.Facts{}},
		{"empty, version 2", `{"packages":[]}`, inventory.Facts{}},
		{"version 1", "[" + one + "]", found(a)},
		{"version 2", `{"dev":true,"packages":[` + one + `,{"name":"v/b","version":"2.0.0"}],"dev-package-names":["v/b"]}` + "\n", found(a, b)},
		{
			"digests", `[{"name":"v/a","version":"1","dist":{"shasum":"a9993e364706816aba3e25717850c26c9cd0d89d"}},{"name":"v/b","version":"1","dist":{"shasum":""},"installation-source":"dist"},{"name":"v/c","version":"1","dist":{"shasum":"a9993e364706816aba3e25717850c26c9cd0d89d"},"installation-source":"source"},{"name":"v/d","version":"1","dist":7},{"name":"v/e","version":"1","dist":{"shasum":7}},{"name":"v/f","version":"1","dist":{"shasum":"a9993e364706816aba3e25717850c26c9cd0d89d"},"installation-source":"dist"}]`,
			found(hashed(pkg("v", "a", "1"), "a9993e364706816aba3e25717850c26c9cd0d89d"), pkg("v", "b", "1"), pkg("v", "c", "1"), pkg("v", "d", "1"), pkg("v", "e", "1"), hashed(pkg("v", "f", "1"), "a9993e364706816aba3e25717850c26c9cd0d89d")),
		},
		{"byte order mark", "\xef\xbb\xbf[" + one + "]", found(a)},
		{"one licence", `[{"name":"v/a","version":"1.0.0","license":"MIT"}]`, found(licensed)},
		{"licences, once each", `[{"name":"v/a","version":"1.0.0","license":["MIT","",7,"MIT"]}]`, found(licensed)},
		{"no licence", `[{"name":"v/a","version":"1.0.0","license":{"x":"MIT"}}]`, found(a)},
		{
			"links", `[{"name":"v/a","version":"1.0.0","require":{"php":"*","v/z":"*","ext-json":"*","v/b":{},"v/z":"*"},"require-dev":{"d/d":"*"},"provide":{"p/x":"1"},"replace":{"p/y":"1","p/x":"1"},"suggest":{"s/s":""}}]`,
			found(linked),
		},
		{"links as PHP writes none", `[{"name":"v/a","version":"1.0.0","require":[],"provide":[],"replace":[]}]`, found(a)},
		{"links of another type", `[{"name":"v/a","version":"1.0.0","require":"v/b","provide":7}]`, found(a)},

		// One bad record must not hide the others, nor itself.
		{"bad records", `[7,{},{"name":"v/x"},{"name":"a","version":"1"},{"name":"v/a/b","version":"1"},{"name":"/a","version":"1"},{"name":["v/a"],"version":"1"},{"name":"v/y","version":1},` + one + "]", inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{
				`not a package: "7"`,
				`"" is no name of a package; its version is ""`,
				`package "v/x" has no version`,
				`"\"a\"" is no name of a package; its version is "1"`,
				`"\"v/a/b\"" is no name of a package; its version is "1"`,
				`"\"/a\"" is no name of a package; its version is "1"`,
				`"[\"v/a\"]" is no name of a package; its version is "1"`,
				`package "v/y" has no version`,
			},
		}},
		{"cut off", `{"packages":[` + one + `,{"name":"v/b","ver`, inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`the file ends early or is damaged near byte 46: unexpected EOF`},
		}},
		{"something after the end", "[" + one + "] x", inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`the file ends early or is damaged near byte 35: there is more after the list`},
		}},
		{"a long version", `[{"name":"v/a","version":"` + strings.Repeat("1", maxName+1) + `"}]`, inventory.Facts{
			Problems: []string{fmt.Sprintf(`version of package "v/a" is too long: %q`, strings.Repeat("1", 80)+"…")},
		}},
		{"a long licence", `[{"name":"v/a","version":"1.0.0","license":"` + strings.Repeat("x", maxText+1) + `"}]`, inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{fmt.Sprintf(`a licence of package "v/a" is too long: %q`, strings.Repeat("x", 80)+"…")},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(dbPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

// links returns an object of n links with a number in their names.
func links(n int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		fmt.Fprintf(&b, `"v/l%d":"",`, i)
	}
	return b.String() + `"v/last":""}`
}

func TestExtractManyParts(t *testing.T) {
	content := `[{"name":"v/a","version":"1","require":` + links(maxList) + `,"license":["x"` + strings.Repeat(`,"x"`, maxLicenses) + `]}]`
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(dbPath, content))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 1)
	assert.Len(t, facts.Packages[0].Requires, maxList)
	assert.Equal(t, []string{`package "v/a" has more than 100 licences`, `package "v/a" has more than 10000 links of one kind`}, facts.Problems)

	facts, err = Extractor{}.Extract(t.Context(), extracttest.File(dbPath, "["+strings.Repeat("7,", 1000)+"7]"))
	require.NoError(t, err)
	assert.Len(t, facts.Problems, lines.MaxProblems+1)
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	linked := `{"name":"v/a","version":"1","require":` + links(maxList-2) + `},`
	tests := []struct {
		name    string
		ctx     context.Context
		content io.Reader
		is      error
		text    string
	}{
		{"canceled", canceled, strings.NewReader("[]"), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("["), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 33554432 bytes"},
		{"packages without end", t.Context(), strings.NewReader("[" + strings.Repeat("{},", maxPackages+1)), inventory.ErrTooLarge, "more than 20000 packages"},
		{"links without end", t.Context(), strings.NewReader("[" + strings.Repeat(linked, 22)), inventory.ErrTooLarge, "more than 200000 links"},
		{"empty", t.Context(), strings.NewReader(""), io.ErrUnexpectedEOF, ""},
		{"cut off at once", t.Context(), strings.NewReader(`{"packages":[{"name":`), io.ErrUnexpectedEOF, ""},
		{"cut off before the list", t.Context(), strings.NewReader(`{"packages"`), nil, "EOF"},
		{"cut off after a key", t.Context(), strings.NewReader(`{"dev":`), nil, "EOF"},
		{"no list", t.Context(), strings.NewReader(`{"dev":true}`), nil, "no list of packages"},
		{"another list", t.Context(), strings.NewReader(`{"packages":{}}`), nil, "packages is not a list"},
		{"a number", t.Context(), strings.NewReader("7"), nil, "no list of packages"},
		{"not JSON", t.Context(), strings.NewReader("<?php"), nil, "invalid character"},
		{"deeper than any parser goes", t.Context(), strings.NewReader(`{"x":` + strings.Repeat("[", 1<<20)), nil, "exceeded max depth"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(dbPath, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "composer-2.5", "installed.json"))
	f.Add(`[{"name":"v/a","version":"1","license":["a",[]],"require":{"v/b":1,"":{}},"provide":[]},7]`)
	f.Add(`{"packages":[{"name":"v/a","version":"1"},{"na`)
	f.Add(`[{"name":"v/a","version":"1","dist":{"shasum":"a9993e364706816aba3e25717850c26c9cd0d89d"},"installation-source":"dist"}]`)
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(dbPath, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(dbPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Namespace)
			require.NotEmpty(t, p.Version)
			require.NotContains(t, p.Name, "/")
			for _, list := range [][]string{p.Requires, p.Provides} {
				seen := map[string]bool{}
				for _, name := range list {
					require.Contains(t, name, "/")
					require.False(t, seen[name], name)
					seen[name] = true
				}
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	// A Symfony application has about 100 packages.
	fixture := extracttest.Fixture(b, "composer-2.5", "installed.json")
	_, list, _ := strings.Cut(fixture, `"packages": [`)
	list, _, _ = strings.Cut(list, `],
    "dev"`)
	content := []byte("[" + strings.TrimSuffix(strings.Repeat(list+",", 25), ",") + "]")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(dbPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 100 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
