package composerlock

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

const lockPath = "app/composer.lock"

// pkg returns a package that no other requires.
func pkg(line int, vendor, name, version string) inventory.Package {
	return inventory.Package{Type: "composer", Namespace: vendor, Name: name, Version: version, Line: line, Relation: inventory.Direct}
}

func hashed(p inventory.Package, sha1 string) inventory.Package {
	p.Hashes = extracttest.Digest("SHA-1", sha1)
	return p
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "composerlock", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lockPath:            true,
		"composer.lock":     true,
		"app/composer.json": false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, extracttest.Fixture(t, "composer-2.5", "composer.lock")))
	require.NoError(t, err)
	a, b, log, vcs := pkg(9, "acme", "a", "v1.2.3"), pkg(28, "acme", "b", "2.0.1"), pkg(40, "acme", "log", "3.0.0"), pkg(68, "acme", "vcs", "dev-main")
	c, d := pkg(85, "acme", "c", "1.0.0"), pkg(101, "acme", "d", "0.9.0-beta1")
	a.Licenses, a.Requires = []string{"MIT", "GPL-2.0-or-later"}, []string{"acme/b@2.0.1", "psr/log-implementation"}
	b.Licenses, b.Relation = []string{"BSD-3-Clause"}, inventory.RelationUnknown
	// The project asks for it too, which the file does not tell.
	log.Licenses, log.Provides, log.Relation = []string{"MIT"}, []string{"psr/log-implementation"}, inventory.RelationUnknown
	vcs.Licenses, vcs.Qualifiers = []string{"MIT"}, map[string]string{"vcs_url": "git+/tmp/acme-vcs@fee54d95a6c8ec5850f7c6461bcd9ab3b4742a12"}
	c.Licenses, c.Requires, c.Development = []string{"MIT"}, []string{"acme/d@0.9.0-beta1"}, true
	d.Relation, d.Development = inventory.RelationUnknown, true
	assert.Equal(t, inventory.Facts{Declared: true, Packages: []inventory.Package{a, b, log, vcs, c, d}, Ignored: 1}, facts)
}

func TestExtract(t *testing.T) {
	const one = `{"name":"v/a","version":"1.0.0"}`
	a := pkg(1, "v", "a", "1.0.0")
	licensed, unknown, dev := a, a, a
	licensed.Licenses = []string{"MIT"}
	unknown.Relation = inventory.RelationUnknown
	dev.Development = true
	linked := func(p inventory.Package, names ...string) inventory.Package {
		p.Requires = names
		return p
	}
	found := func(p ...inventory.Package) inventory.Facts {
		return inventory.Facts{Declared: true, Packages: p}
	}
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"empty", `{"packages":[],"packages-dev":[]}`, found()},
		{"none for development made", `{"packages":[` + one + `],"packages-dev":null}`, found(a)},
		{
			"digests", `{"packages":[{"name":"v/a","version":"1","dist":{"type":"zip","shasum":"A9993E364706816ABA3E25717850C26C9CD0D89D"}},{"name":"v/b","version":"1","dist":{"type":"zip","shasum":""}},{"name":"v/c","version":"1","dist":{"type":"zip","shasum":7}},{"name":"v/d","version":"1","dist":{"shasum":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}}]}`,
			found(hashed(pkg(1, "v", "a", "1"), "a9993e364706816aba3e25717850c26c9cd0d89d"), pkg(1, "v", "b", "1"), pkg(1, "v", "c", "1"), pkg(1, "v", "d", "1")),
		},
		{"byte order mark", "\xef\xbb\xbf{\"packages\":[" + one + "]}", found(a)},
		{"for development", `{"packages-dev":[` + one + `],"packages":[]}`, found(dev)},
		{"one licence", `{"packages":[{"name":"v/a","version":"1.0.0","license":"MIT"}]}`, found(licensed)},
		{"licences, once each", `{"packages":[{"name":"v/a","version":"1.0.0","license":["MIT","",7,"MIT"]}]}`, found(licensed)},
		{"no licence", `{"packages":[{"name":"v/a","version":"1.0.0","license":{"x":"MIT"}}]}`, found(a)},
		{
			"links", "{\"packages\":[" + one + ",\n{\"name\":\"v/b\",\"version\":\"2\",\"require\":{\"php\":\"*\",\"v/a\":\"*\",\"v/b\":\"*\",\"v/a\":{}}}]}",
			found(unknown, linked(pkg(2, "v", "b", "2"), "v/a@1.0.0", "v/b@2")),
		},
		{"links as PHP writes none", `{"packages":[{"name":"v/a","version":"1.0.0","require":[],"provide":[],"replace":[]}]}`, found(a)},
		{"links of another type", `{"packages":[{"name":"v/a","version":"1.0.0","require":"v/b","provide":7}]}`, found(a)},
		{"the edge is not pinned", `{"packages":[` + one + `,{"name":"v/a","version":"2","require":{"v/a":"*"}}]}`, found(a, linked(pkg(1, "v", "a", "2"), "v/a"))},
		{"sources of something in a registry", `{"packages":[{"name":"v/a","version":"1.0.0","source":{"type":"git","url":"u"},"dist":{"type":"zip"}}]}`, found(a)},

		// One bad record must not hide the others, nor itself.
		{"bad records", `{"packages":[7,{},{"name":"v/x"},{"name":"a","version":"1"},{"name":"v/a/b","version":"1"},{"name":"v/y","version":1},` + one + "]}", inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{a},
			Problems: []string{
				`not a package: "7"`,
				`"" is no name of a package; its version is ""`,
				`package "v/x" has no version`,
				`"\"a\"" is no name of a package; its version is "1"`,
				`"\"v/a/b\"" is no name of a package; its version is "1"`,
				`package "v/y" has no version`,
			},
		}},
		{"cut off: what is lost may require it", `{"packages":[` + one + `,{"name":"v/b","ver`, inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{unknown},
			Problems: []string{`the file ends early or is damaged near byte 46: unexpected EOF`},
		}},
		{"something after the end", `{"packages":[` + one + "]} x", inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{unknown},
			Problems: []string{`the file ends early or is damaged: there is more behind the end, near byte 48`},
		}},
		{"a long version", `{"packages":[{"name":"v/a","version":"` + strings.Repeat("1", maxName+1) + `"}]}`, inventory.Facts{
			Declared: true,
			Problems: []string{fmt.Sprintf(`version of package "v/a" is too long: %q`, strings.Repeat("1", 80)+"…")},
		}},
		{"a long licence", `{"packages":[{"name":"v/a","version":"1.0.0","license":"` + strings.Repeat("x", maxText+1) + `"}]}`, inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{a},
			Problems: []string{fmt.Sprintf(`a licence of package "v/a" is too long: %q`, strings.Repeat("x", 80)+"…")},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

// links returns an object of n+1 links with a number in their names.
func links(n int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		fmt.Fprintf(&b, `"v/l%d":"",`, i)
	}
	return b.String() + `"v/last":""}`
}

func TestExtractManyParts(t *testing.T) {
	content := `{"packages":[{"name":"v/a","version":"1","require":` + links(maxList) + `,"license":["x"` + strings.Repeat(`,"x"`, maxLicenses) + `]}]}`
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, content))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 1)
	assert.Len(t, facts.Packages[0].Requires, maxList)
	assert.Equal(t, []string{`package "v/a" has more than 100 licences`, `package "v/a" has more than 10000 links of one kind`}, facts.Problems)
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
		{"canceled", canceled, strings.NewReader("{}"), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("{"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 33554432 bytes"},
		{"packages without end", t.Context(), strings.NewReader(`{"packages":[` + strings.Repeat("{},", maxPackages+1)), inventory.ErrTooLarge, "more than 20000 packages"},
		{"links without end", t.Context(), strings.NewReader(`{"packages":[` + strings.Repeat(linked, 22)), inventory.ErrTooLarge, "more than 200000 links"},
		{"empty", t.Context(), strings.NewReader(""), io.ErrUnexpectedEOF, ""},
		{"cut off at once", t.Context(), strings.NewReader(`{"packages":[{"name":`), io.ErrUnexpectedEOF, ""},
		{"no list", t.Context(), strings.NewReader(`{"dev":true}`), nil, "no list of packages"},
		{"another list", t.Context(), strings.NewReader(`{"packages":{}}`), nil, "no list of packages"},
		{"a list", t.Context(), strings.NewReader("[]"), nil, "no list of packages"},
		{"not JSON", t.Context(), strings.NewReader("<?php"), nil, "invalid character"},
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
	f.Add(extracttest.Fixture(f, "composer-2.5", "composer.lock"))
	f.Add(`{"packages":[{"name":"v/a","version":"1","license":["a",[]],"require":{"v/b":1,"":{}},"provide":[]},7]}`)
	f.Add(`{"packages-dev":[{"name":"v/a","version":"1","dist":{"type":"path"}},{"na`)
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(lockPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Namespace)
			require.NotEmpty(t, p.Version)
			require.Positive(t, p.Line)
			require.LessOrEqual(t, p.Line, strings.Count(content, "\n")+1)
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
	fixture := extracttest.Fixture(b, "composer-2.5", "composer.lock")
	_, list, _ := strings.Cut(fixture, `"packages": [`)
	list, _, _ = strings.Cut(list, `],
    "packages-dev"`)
	content := []byte(`{"packages":[` + strings.TrimSuffix(strings.Repeat(list+",", 25), ",") + "]}")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(lockPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 100 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
