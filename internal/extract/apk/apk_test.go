package apk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const dbPath = "lib/apk/db/installed"

func apk(name, version, source string) inventory.Package {
	return inventory.Package{Type: "apk", Name: name, Version: version, Source: inventory.Source{Name: source, Version: version}}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "apk", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"lib/apk/db/installed":            true,
		"usr/lib/apk/db/installed":        true, // since apk 3
		"lib/apk/db/installed.old":        false,
		"srv/chroot/lib/apk/db/installed": false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(dbPath, extracttest.Fixture(t, "alpine-3.20", "installed")))
	require.NoError(t, err)
	assert.Zero(t, facts.Problems)

	var names []string
	for _, p := range facts.Packages {
		names = append(names, p.Name+" "+p.Version+" "+p.Source.Name)
	}
	assert.Equal(t, []string{
		"alpine-baselayout-data 3.6.5-r0 alpine-baselayout",
		"apk-tools 2.14.4-r0 apk-tools",
		"busybox 1.36.1-r29 busybox",
		"busybox-binsh 1.36.1-r29 busybox",
		"ca-certificates 20240705-r0 ca-certificates",
		"libcrypto3 3.3.1-r3 openssl",
		"libcurl 8.9.1-r0 curl",
		"libssl3 3.3.1-r3 openssl",
		"musl 1.2.5-r0 musl",
		"ncurses-terminfo-base 6.4_p20240420-r0 ncurses",
		"ssl_client 1.36.1-r29 busybox",
		"zlib 1.3.1-r1 zlib",
	}, names)
	require.Len(t, facts.Packages, 12)
	assert.Equal(t, inventory.Package{
		Type: "apk", Name: "libssl3", Version: "3.3.1-r3", Arch: "x86_64",
		Source:     inventory.Source{Name: "openssl", Version: "3.3.1-r3"},
		Licenses:   []string{"Apache-2.0"},
		Maintainer: "Natanael Copa <ncopa@alpinelinux.org>",
		Requires:   []string{"libcrypto3", "so:libc.musl-x86_64.so.1", "so:libcrypto.so.3"},
		Provides:   []string{"so:libssl.so.3"},
	}, facts.Packages[7])

	paths := 0
	for _, o := range facts.Owned {
		paths += len(o.Paths)
	}
	assert.Equal(t, strings.Count(extracttest.Fixture(t, "alpine-3.20", "installed"), "\nR:"), paths)
	assert.Contains(t, facts.Owned, inventory.Ownership{Package: "libssl3", Arch: "x86_64", Paths: []string{"lib/libssl.so.3", "usr/lib/libssl.so.3"}})
	assert.Contains(t, facts.Owned, inventory.Ownership{Package: "busybox-binsh", Arch: "x86_64", Paths: []string{"bin/sh"}})
}

func TestExtract(t *testing.T) {
	a := apk("a", "1-r0", "a")
	b := apk("b", "2-r0", "b")
	full := apk("a", "1-r0", "src")
	full.Arch, full.Licenses, full.Maintainer = "x86_64", []string{"MIT AND BSD-2-Clause"}, "Me <me@example.com>"
	deps := a
	deps.Requires = []string{"musl", "so:libz.so.1", "/bin/sh", "cmd:x", "pc:y"}
	deps.Provides = []string{"so:liba.so.1", "cmd:a", "/bin/a"}
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"empty", "", inventory.Facts{}},
		{"blank lines only", "\n\n\n", inventory.Facts{}},
		{"blank line first", "\nP:a\nV:1-r0\n\n", inventory.Facts{Packages: []inventory.Package{a}}},
		{"no blank line last", "P:a\nV:1-r0\n\nP:b\nV:2-r0\n", inventory.Facts{Packages: []inventory.Package{a, b}}},
		{"no line end", "P:a\nV:1-r0", inventory.Facts{Packages: []inventory.Package{a}}},
		{"line ends of DOS", "P:a\r\nV:1-r0\r\n\r\nP:b\r\nV:2-r0\r\n", inventory.Facts{Packages: []inventory.Package{a, b}}},
		{"all fields", "C:Q1x\nP:a\nV:1-r0\nA:x86_64\nL:MIT AND BSD-2-Clause\no:src\nm:Me <me@example.com>\n", inventory.Facts{Packages: []inventory.Package{full}}},
		{"nothing of one record is left for the next", "P:a\nV:1-r0\nA:x86_64\nL:MIT AND BSD-2-Clause\no:src\nm:Me <me@example.com>\nF:bin\nR:x\n\nP:b\nV:2-r0\nR:y\n", inventory.Facts{
			Packages: []inventory.Package{full, b},
			Owned:    []inventory.Ownership{{Package: "a", Arch: "x86_64", Paths: []string{"bin/x"}}, {Package: "b", Paths: []string{"y"}}},
		}},
		{
			"dependencies", "P:a\nD:musl>=1.2 so:libz.so.1 /bin/sh !bad<2 cmd:x~1  pc:y musl\nV:1-r0\np:so:liba.so.1=1.0 cmd:a=1-r0 /bin/a\ni:b c=1\n\nP:b\nV:2-r0\n",
			inventory.Facts{Packages: []inventory.Package{deps, b}},
		},
		{"a dependency without a name", "P:a\nV:1-r0\nD:>=1\n", inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`a dependency of package "a" has no name: ">=1"`},
		}},
		{"dependencies of a record without a name", "D:x\nV:1-r0\n\nP:b\nV:2-r0\n", inventory.Facts{
			Packages: []inventory.Package{b},
			Problems: []string{`a record has no package name; its version is "1-r0"`},
		}},
		{"a long line", "P:a\nC:" + strings.Repeat("x", 1<<19) + "\nV:1-r0\n", inventory.Facts{Packages: []inventory.Package{a}}},
		{"empty origin", "P:a\nV:1-r0\no:\n", inventory.Facts{Packages: []inventory.Package{a}}},
		{
			"files", "P:a\nV:1-r0\nF:\nR:x\nF:usr/bin\nM:0:0:755\nR:y\na:0:0:755\nZ:Q1z\nR:z\nF:../..\nR:../up\nF:/abs\nR:.\nR:..\nR:\nR:.v\nR:../w\nR:v\n",
			inventory.Facts{Packages: []inventory.Package{a}, Owned: []inventory.Ownership{{Package: "a", Paths: []string{"x", "usr/bin/y", "usr/bin/z", "up", "abs/.v", "w", "abs/v"}}}},
		},

		// One bad record must not hide the others, nor itself.
		{"no version", "P:x\nF:bin\nR:x\n\nP:b\nV:2-r0\n", inventory.Facts{
			Packages: []inventory.Package{b},
			Owned:    []inventory.Ownership{{Package: "x", Paths: []string{"bin/x"}}},
			Problems: []string{`package "x" has no version`},
		}},
		{"no name", "V:1-r0\n\nP:b\nV:2-r0\n", inventory.Facts{
			Packages: []inventory.Package{b},
			Problems: []string{`a record has no package name; its version is "1-r0"`},
		}},
		{"no blank line between", "P:a\nV:1-r0\nP:b\nV:2-r0\n", inventory.Facts{
			Packages: []inventory.Package{a, b},
			Problems: []string{`no blank line between packages "a" and "b"`},
		}},
		{"no blank line before a name alone", "P:a\nV:1-r0\nP:b\n", inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`no blank line between packages "a" and "b"`, `package "b" has no version`},
		}},
		{"lines that are no fields", "P:a\nx\nfoo\nV:1-r0\n", inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`a line of package "a" is not a field: "x"`},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(dbPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	var list strings.Builder // of names, more than half of a line
	for i := range 120_000 {
		fmt.Fprintf(&list, "%d ", i)
	}
	numbers := list.String()
	long := "F:" + strings.Repeat("d", 1<<19) + "\n"
	tests := []struct {
		name    string
		ctx     context.Context
		content io.Reader
		is      error
		text    string
	}{
		{"canceled", canceled, strings.NewReader("P:a\nV:1\n"), context.Canceled, ""},
		{"canceled with an empty file", canceled, strings.NewReader(""), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("P:a\nV:1\n\n"), iotest.ErrReader(broken)), broken, ""},
		{"a line without end", t.Context(), io.MultiReader(strings.NewReader("P:a\n"), extracttest.Endless("x")), inventory.ErrTooLarge, "line 2: more than 1048576 bytes"},
		{"a file without end", t.Context(), extracttest.Endless("C:" + strings.Repeat("x", 2000) + "\n"), inventory.ErrTooLarge, "more than 134217728 bytes"},
		{"dependencies without end", t.Context(), strings.NewReader("P:a\nD:" + numbers + "\nD:" + strings.ReplaceAll(numbers, " ", "x ")), inventory.ErrTooLarge, "more than 1048576 bytes of dependencies"},
		{"packages without end", t.Context(), extracttest.Endless("P:a\nV:1\n\n"), inventory.ErrTooLarge, "more than 200000 packages"},
		{"paths without end", t.Context(), extracttest.Endless("R:a\n"), inventory.ErrTooLarge, "more than 1000000 paths"},
		// A long folder in front of many files: little to read, much to keep.
		{"files of a long folder", t.Context(), io.MultiReader(strings.NewReader("P:a\nV:1\n"+long), extracttest.Endless("R:x\n")), inventory.ErrTooLarge, "more than 67108864 bytes of paths"},
		{"files that come to nothing", t.Context(), io.MultiReader(strings.NewReader("P:a\nV:1\n"+long), extracttest.Endless("R:.\n")), inventory.ErrTooLarge, "more than 67108864 bytes of paths"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(dbPath, 0o644, 1, tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func TestProblemsAreFew(t *testing.T) {
	long := strings.Repeat("n", 1000)
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(dbPath, strings.Repeat("P:"+long+"\n\n", 1000)))
	require.NoError(t, err)
	require.Len(t, facts.Problems, lines.MaxProblems+1)
	assert.Equal(t, "there are 980 more problems", facts.Problems[lines.MaxProblems])
	assert.Less(t, len(facts.Problems[0]), 200)
}

func FuzzExtract(f *testing.F) {
	for _, s := range []string{
		extracttest.Fixture(f, "alpine-3.20", "installed"),
		"\n",
		"P:a\nV:1\nF:..\nR:/x\nR:\nP:b\nx\n\n\nV:1",
		"P:a\nV:1\nD:x>1 !y so:z.so.1 =\np:x=1  x\nD:z\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(dbPath, content))
		extracttest.Check(t, facts, err)
		if err != nil {
			return
		}
		for _, pkg := range facts.Packages {
			require.Equal(t, "apk", pkg.Type)
			require.NotEmpty(t, pkg.Name)
			require.NotEmpty(t, pkg.Version)
			require.NotEmpty(t, pkg.Source.Name)
			require.Equal(t, pkg.Version, pkg.Source.Version)
			for _, name := range append(slices.Clone(pkg.Requires), pkg.Provides...) {
				require.Contains(t, content, name)
				require.NotContains(t, name, " ")
			}
		}
		paths := 0
		for _, o := range facts.Owned {
			require.NotEmpty(t, o.Package)
			for _, owned := range o.Paths {
				require.Equal(t, path.Clean("/"+owned), "/"+owned)
				require.NotEmpty(t, owned)
				paths++
			}
		}
		require.LessOrEqual(t, paths, strings.Count(content, "R:"))
		require.LessOrEqual(t, len(facts.Packages), strings.Count(content, "P:"))
		require.LessOrEqual(t, len(facts.Problems), lines.MaxProblems+1)

		// The same again when the file comes in small pieces.
		again, err := Extractor{}.Extract(t.Context(), inventory.NewFile(dbPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(facts, again))
	})
}

func BenchmarkExtract(b *testing.B) {
	// Ten times 12 packages is what an application image has.
	content := []byte(strings.Repeat(extracttest.Fixture(b, "alpine-3.20", "installed"), 10))
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(dbPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 120 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
