package rpm

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/rpmdb"
	"github.com/imagevet/imagevet/internal/rpmdb/rpmdbtest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	dbPath  = "var/lib/rpm/rpmdb.sqlite"
	walPath = "var/lib/rpm/rpmdb.sqlite-wal"
)

// fixture returns a compressed database, which package rpmdb has.
func fixture(tb testing.TB, elem ...string) string {
	tb.Helper()
	f, err := os.Open(filepath.Join(append([]string{"..", "..", "rpmdb", "testdata"}, elem...)...) + ".gz")
	require.NoError(tb, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(tb, err)
	data, err := io.ReadAll(z)
	require.NoError(tb, err)
	return string(data)
}

// tag returns a value of a header.
func tag(t rpmdb.Tag, value any) rpmdbtest.Tag { return rpmdbtest.Tag{Tag: t, Value: value} }

// header returns a header with name, version and release, and what follows.
func header(name, version, release string, more ...rpmdbtest.Tag) []byte {
	return rpmdbtest.Header(append([]rpmdbtest.Tag{
		tag(rpmdb.TagName, name), tag(rpmdb.TagVersion, version), tag(rpmdb.TagRelease, release),
	}, more...)...)
}

func database(headers ...[]byte) string { return string(rpmdbtest.SQLite(4096, headers...)) }

func extract(tb testing.TB, name, content string) inventory.Facts {
	tb.Helper()
	facts, err := Extractor{}.Extract(tb.Context(), extracttest.File(name, content))
	require.NoError(tb, err)
	return facts
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "rpm", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"var/lib/rpm/Packages":                  true, // Red Hat up to 8
		"var/lib/rpm/rpmdb.sqlite":              true, // since 9
		"var/lib/rpm/rpmdb.sqlite-wal":          true,
		"var/lib/rpm/rpmdb.sqlite-shm":          false,
		"usr/lib/sysimage/rpm/Packages.db":      true, // SUSE
		"usr/lib/sysimage/rpm/rpmdb.sqlite":     true, // Fedora
		"usr/lib/sysimage/rpm/rpmdb.sqlite-wal": true,
		"usr/share/rpm/rpmdb.sqlite":            true, // rpm-ostree
		"usr/lib/sysimage/rpm/Index.db":         false,
		"var/lib/rpm/Name":                      false,
		"srv/var/lib/rpm/Packages":              false,
	})
}

func TestExtractFixtures(t *testing.T) {
	facts := extract(t, dbPath, fixture(t, "made-with-rpm-4.18", "rpmdb.sqlite"))
	assert.Empty(t, facts.Problems)
	assert.Equal(t, 1, facts.Ignored) // the public key
	require.Len(t, facts.Packages, 13)
	byName := map[string]inventory.Package{}
	for _, p := range facts.Packages {
		byName[p.Name] = p
	}
	assert.Equal(t, inventory.Package{
		Type: "rpm", Name: "tool", Version: "2:1.0-1.el9", Arch: "noarch",
		Source: inventory.Source{Name: "tool", Version: "1.0-1.el9"},
		Vendor: "Example Linux", Maintainer: "Example <packager@example.com>", SigningKey: "4801776cad9ad89a",
		Licenses: []string{"MIT and GPLv2+"},
		Requires: []string{"gzip|xz", "python3dist(six)", "/bin/sh", "bash"},
		Provides: []string{"config(tool)", "tool-api"},
	}, byName["tool"])
	assert.Equal(t, inventory.Package{
		Type: "rpm", Name: "modular-libs", Version: "18.2-3.module.el9+7+abcdef", Arch: "noarch",
		Source: inventory.Source{Name: "modular-libs", Version: "18.2-3.module.el9+7+abcdef"},
		Module: "modular:18:8040020:abcdef12", Licenses: []string{"BSD"},
	}, byName["modular-libs"])
	require.Len(t, facts.Owned, 2)
	assert.Equal(t, "many", facts.Owned[1].Package)
	assert.Len(t, facts.Owned[1].Paths, 400)
	// Neither the folder nor the ghost.
	assert.Equal(t, inventory.Ownership{Package: "tool", Arch: "noarch", Paths: []string{
		"etc/tool.conf", "usr/bin/tool", "usr/bin/tool2", "usr/share/doc/tool/README",
	}}, facts.Owned[0])

	facts = extract(t, "var/lib/rpm/Packages", fixture(t, "centos8-libuuid", "Packages"))
	assert.Equal(t, inventory.Facts{
		Packages: []inventory.Package{{
			Type: "rpm", Name: "libuuid", Version: "2.32.1-42.el8_8", Arch: "x86_64",
			Source: inventory.Source{Name: "util-linux", Version: "2.32.1-42.el8_8"},
			Vendor: "Red Hat, Inc.", Maintainer: "Red Hat, Inc. <http://bugzilla.redhat.com/bugzilla>", SigningKey: "199e2f91fd431d51",
			Licenses: []string{"BSD"},
			Requires: []string{
				"/sbin/ldconfig", "ld-linux-x86-64.so.2()(64bit)", "ld-linux-x86-64.so.2(GLIBC_2.3)(64bit)", "libc.so.6()(64bit)",
				"libc.so.6(GLIBC_2.14)(64bit)", "libc.so.6(GLIBC_2.2.5)(64bit)", "libc.so.6(GLIBC_2.25)(64bit)",
				"libc.so.6(GLIBC_2.28)(64bit)", "libc.so.6(GLIBC_2.3)(64bit)", "libc.so.6(GLIBC_2.3.4)(64bit)",
				"libc.so.6(GLIBC_2.4)(64bit)", "rtld(GNU_HASH)",
			},
			Provides: []string{
				"libuuid(x86-64)", "libuuid.so.1()(64bit)", "libuuid.so.1(UUIDD_PRIVATE)(64bit)",
				"libuuid.so.1(UUID_1.0)(64bit)", "libuuid.so.1(UUID_2.20)(64bit)", "libuuid.so.1(UUID_2.31)(64bit)",
			},
		}},
		Owned: []inventory.Ownership{{Package: "libuuid", Arch: "x86_64", Paths: []string{
			"usr/lib/.build-id/df/ef6a880adac817216ab9866779a0725e017647", "usr/lib64/libuuid.so.1", "usr/lib64/libuuid.so.1.3.0",
			"usr/share/licenses/libuuid/COPYING", "usr/share/licenses/libuuid/COPYING.BSD-3",
		}}},
	}, facts)
}

// A log that was not merged gives the packages that it has, and says so.
func TestExtractWAL(t *testing.T) {
	facts := extract(t, walPath, fixture(t, "made-with-rpm-4.18", "rpmdb.sqlite-wal"))
	assert.Equal(t, []string{"the write-ahead log was not merged into the database: packages may be listed in an older version too, or be missing"}, facts.Problems)
	var names []string
	for _, p := range facts.Packages {
		names = append(names, p.Name)
	}
	assert.Contains(t, names, "filler-3")
	assert.NotContains(t, names, "filler-12")
	assert.Zero(t, extract(t, walPath, ""))
}

func TestExtract(t *testing.T) {
	pkg := func(name, version string) inventory.Package {
		return inventory.Package{Type: "rpm", Name: name, Version: version, Source: inventory.Source{Name: name, Version: version}}
	}
	a, b := pkg("a", "1-2"), pkg("b", "2-1")
	with := func(change func(*inventory.Package)) inventory.Package {
		p := pkg("a", "1-2")
		change(&p)
		return p
	}
	good := header("b", "2", "1")
	tests := []struct {
		name    string
		headers [][]byte
		want    inventory.Facts
	}{
		{"no packages", nil, inventory.Facts{}},
		{"two", [][]byte{header("a", "1", "2"), good}, inventory.Facts{Packages: []inventory.Package{a, b}}},
		{"no release", [][]byte{header("a", "1", "")}, inventory.Facts{Packages: []inventory.Package{pkg("a", "1")}}},
		{"epoch", [][]byte{header("a", "1", "2", tag(rpmdb.TagEpoch, []uint32{3}))}, inventory.Facts{
			Packages: []inventory.Package{with(func(p *inventory.Package) { p.Version = "3:1-2" })},
		}},
		{"epoch 0", [][]byte{header("a", "1", "2", tag(rpmdb.TagEpoch, []uint32{0}))}, inventory.Facts{Packages: []inventory.Package{a}}},
		{"source", [][]byte{header("a", "1", "2", tag(rpmdb.TagSourceRPM, "some-src-1.5-2.el9.src.rpm"))}, inventory.Facts{
			Packages: []inventory.Package{with(func(p *inventory.Package) { p.Source = inventory.Source{Name: "some-src", Version: "1.5-2.el9"} })},
		}},
		{"source that must not be handed on", [][]byte{header("a", "1", "2", tag(rpmdb.TagSourceRPM, "s-1-2.nosrc.rpm"))}, inventory.Facts{
			Packages: []inventory.Package{with(func(p *inventory.Package) { p.Source = inventory.Source{Name: "s", Version: "1-2"} })},
		}},
		{"no source", [][]byte{header("a", "1", "2", tag(rpmdb.TagSourceRPM, "(none)"))}, inventory.Facts{Packages: []inventory.Package{a}}},
		{"a public key", [][]byte{header("gpg-pubkey", "fd431d51", "4ae0493b"), good}, inventory.Facts{Packages: []inventory.Package{b}, Ignored: 1}},
		{"the same text in two headers is kept for both", [][]byte{header("a", "1", "2", tag(rpmdb.TagVendor, "V")), header("b", "2", "1", tag(rpmdb.TagVendor, "V"))}, inventory.Facts{
			Packages: []inventory.Package{with(func(p *inventory.Package) { p.Vendor = "V" }), {Type: "rpm", Name: "b", Version: "2-1", Vendor: "V", Source: b.Source}},
		}},
		{
			"dependencies",
			[][]byte{header(
				"a", "1", "2",
				tag(rpmdb.TagRequireName, []string{"rpmlib(X)", "y", "config(a)", "hint", "libc", "config(b)", "libc", ""}),
				tag(rpmdb.TagRequireFlags, []uint32{0, 1 << 24, 0, 1 << 19, 8, 0, 0, 0}),
				tag(rpmdb.TagProvideName, []string{"a", "a(x86-64)", "api", "api"}),
			)},
			inventory.Facts{Packages: []inventory.Package{with(func(p *inventory.Package) {
				p.Requires, p.Provides = []string{"libc", "config(b)"}, []string{"a(x86-64)", "api"}
			})}},
		},
		{
			"files",
			[][]byte{header(
				"a", "1", "2", tag(rpmdb.TagArch, "x86_64"),
				tag(rpmdb.TagBaseNames, []string{"bin", "link", "dir", "ghost", "replaced", "not", "net", "color", "socket", "up", ""}),
				tag(rpmdb.TagDirNames, []string{"/usr/", "/../", "/"}),
				tag(rpmdb.TagDirIndexes, []uint32{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2}),
				tag(rpmdb.TagFileModes, []uint16{0o100755, 0o120777, 0o040755, 0o100644, 0o100644, 0o100644, 0o100644, 0o100644, 0o140644, 0o100644, 0o100644}),
				tag(rpmdb.TagFileFlags, []uint32{1, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0}),
				tag(rpmdb.TagFileStates, rpmdbtest.Chars{0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0}),
			)},
			inventory.Facts{
				Packages: []inventory.Package{with(func(p *inventory.Package) { p.Arch = "x86_64" })},
				Owned:    []inventory.Ownership{{Package: "a", Arch: "x86_64", Paths: []string{"usr/bin", "usr/link", "up"}}},
			},
		},
		{
			"files of before rpm 4, without modes",
			[][]byte{header("a", "1", "2", tag(rpmdb.TagOldFileNames, []string{"/bin/x", "/etc/y"}))},
			inventory.Facts{Packages: []inventory.Package{a}, Owned: []inventory.Ownership{{Package: "a", Paths: []string{"bin/x", "etc/y"}}}},
		},

		// One bad header must not hide the others, nor itself.
		{"no header", [][]byte{[]byte("garbage!"), good}, inventory.Facts{
			Packages: []inventory.Package{b},
			Problems: []string{"header 1: 1734439522 entries: it is not a header"},
		}},
		{"no name", [][]byte{rpmdbtest.Header(tag(rpmdb.TagVersion, "1")), good}, inventory.Facts{
			Packages: []inventory.Package{b},
			Problems: []string{"header 1: it has no package name"},
		}},
		{"a damaged name", [][]byte{rpmdbtest.Header(tag(rpmdb.TagName, rpmdbtest.Raw{Type: 6, Count: 0xffff_ffff})), good}, inventory.Facts{
			Packages: []inventory.Package{b},
			Problems: []string{"header 1: tag 1000 has -1 values"},
		}},
		{"no version", [][]byte{rpmdbtest.Header(tag(rpmdb.TagName, "x"), tag(rpmdb.TagOldFileNames, []string{"/bin/x"})), good}, inventory.Facts{
			Packages: []inventory.Package{b},
			Owned:    []inventory.Ownership{{Package: "x", Paths: []string{"bin/x"}}},
			Problems: []string{`package "x" has no version`},
		}},
		{"a negative count elsewhere", [][]byte{header("a", "1", "2", tag(rpmdb.TagRequireName, rpmdbtest.Raw{Type: 8, Count: 0x8000_0000}))}, inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`package "a": tag 1049 has -2147483648 values`},
		}},
		{"a header cut short", [][]byte{header("a", "1", "2", tag(rpmdb.TagLicense, "MIT"))[:8+4*16+7]}, inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`package "a": 10 bytes of data, of which there are 7: it is cut short`},
		}},
		{
			"files in no folder",
			[][]byte{header("a", "1", "2", tag(rpmdb.TagBaseNames, []string{"x", "y", "z"}), tag(rpmdb.TagDirNames, []string{"/d/"}), tag(rpmdb.TagDirIndexes, []uint32{0, 0xffff_ffff}))},
			inventory.Facts{
				Packages: []inventory.Package{a}, Owned: []inventory.Ownership{{Package: "a", Paths: []string{"d/x"}}},
				Problems: []string{`package "a": 3 files, but 2 folders for them`},
			},
		},
		{
			"a file in no folder",
			[][]byte{header("a", "1", "2", tag(rpmdb.TagBaseNames, []string{"x"}), tag(rpmdb.TagDirNames, []string{"/d/"}), tag(rpmdb.TagDirIndexes, []uint32{0xffff_ffff}))},
			inventory.Facts{
				Packages: []inventory.Package{a},
				Problems: []string{`package "a": file "x" is in folder 4294967295 of 1`},
			},
		},
		{"a long licence", [][]byte{header("a", "1", "2", tag(rpmdb.TagLicense, strings.Repeat("l", maxField+1)))}, inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`package "a": tag 1014: more than 65536 bytes: file exceeds the limit`},
		}},
		{
			"long dependencies",
			[][]byte{header("a", "1", "2", tag(rpmdb.TagRequireName, []string{strings.Repeat("r", maxField+1), "x"}), tag(rpmdb.TagProvideName, []string{strings.Repeat("p", maxField+1), "y"}))},
			inventory.Facts{
				Packages: []inventory.Package{with(func(p *inventory.Package) { p.Requires, p.Provides = []string{"x"}, []string{"y"} })},
				Problems: []string{`package "a": a requirement of 65537 bytes, "` + strings.Repeat("r", 80) + `…": file exceeds the limit`},
			},
		},
	}
	for _, tt := range tests {
		// The format does not matter, nor does the file's name.
		for name, data := range map[string][]byte{
			"rpmdb.sqlite": rpmdbtest.SQLite(4096, tt.headers...),
			"Packages":     rpmdbtest.Berkeley(binary.LittleEndian, 4096, 13, tt.headers...),
			"Packages.db":  rpmdbtest.NDB(tt.headers...),
		} {
			assert.Equalf(t, tt.want, extract(t, "usr/share/rpm/"+name, string(data)), "Extract, %s, %s", tt.name, name)
			assert.Equalf(t, tt.want, extract(t, "var/lib/rpm/Packages", string(data)), "Extract, %s, %s", tt.name, name)
		}
	}
	assert.Equal(t, inventory.Facts{Problems: []string{"the database has 0 bytes"}}, extract(t, dbPath, ""))
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	one := database(header("a", "1", "2"))
	var many [][]byte
	for range maxPackages + 1 {
		many = append(many, header("a", "1", "2"))
	}
	// A few long folders, in each of which there are many files.
	dir, names := "/"+strings.Repeat("d", 1<<20)+"/", make([]string, 100)
	for i := range names {
		names[i] = "f"
	}
	paths := header("a", "1", "2", tag(rpmdb.TagBaseNames, names), tag(rpmdb.TagDirNames, []string{dir}), tag(rpmdb.TagDirIndexes, make([]uint32, 100)))
	files := header("a", "1", "2", tag(rpmdb.TagOldFileNames, make([]string, 600_000)))
	distinct := make([]string, 500_000)
	for i := range distinct {
		distinct[i] = fmt.Sprint(i)
	}
	depends := header("a", "1", "2", tag(rpmdb.TagRequireName, distinct))
	// Two lists of the same texts, each of which is as long as may be.
	longest := make([]string, 520)
	for i := range longest {
		longest[i] = fmt.Sprintf("%0*d", maxField, i)
	}
	twice := rpmdbtest.Header(tag(rpmdb.TagRequireName, longest), tag(rpmdb.TagProvideName, rpmdbtest.Raw{Type: 8, Count: 520}), tag(rpmdb.TagName, "a"), tag(rpmdb.TagVersion, "1"))
	tests := []struct {
		name    string
		ctx     context.Context
		content string
		reader  io.Reader // nil for the content
		is      error
		text    string
	}{
		{"canceled", canceled, one, nil, context.Canceled, ""},
		{"canceled with an empty file", canceled, "", nil, context.Canceled, ""},
		{"read error", t.Context(), one, io.MultiReader(strings.NewReader(one[:100]), iotest.ErrReader(broken)), broken, ""},
		{"shorter than it should be", t.Context(), one, strings.NewReader(one[:5000]), io.ErrUnexpectedEOF, ""},
		{"no database", t.Context(), "PK\x03\x04", nil, rpmdb.ErrFormat, `it begins with "PK\x03\x04"`},
		{"many packages", t.Context(), database(many...), nil, inventory.ErrTooLarge, "more than 200000 packages"},
		{"many paths", t.Context(), database(files, files), nil, inventory.ErrTooLarge, "more than 1000000 paths"},
		{"long paths", t.Context(), database(paths), nil, inventory.ErrTooLarge, "more than 67108864 bytes of paths"},
		{"many dependencies", t.Context(), database(depends, depends, depends, depends, depends), nil, inventory.ErrTooLarge, "more than 2000000 dependencies"},
		{"long dependencies", t.Context(), database(twice), nil, inventory.ErrTooLarge, "more than 67108864 bytes of dependencies"},
	}
	for _, tt := range tests {
		r := tt.reader
		if r == nil {
			r = strings.NewReader(tt.content)
		}
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(dbPath, 0o644, int64(len(tt.content)), r, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func TestProblemsAreFew(t *testing.T) {
	long := rpmdbtest.Header(tag(rpmdb.TagName, strings.Repeat("n", 1000)))
	var headers [][]byte
	for range 1000 {
		headers = append(headers, long)
	}
	facts := extract(t, dbPath, database(headers...))
	require.Len(t, facts.Problems, lines.MaxProblems+1)
	assert.Equal(t, "there are 980 more problems", facts.Problems[lines.MaxProblems])
	assert.Less(t, len(facts.Problems[0]), 200)
}

func TestRich(t *testing.T) {
	deep := strings.Repeat("(", 100) + "a" + strings.Repeat(")", 100)
	for text, want := range map[string][]string{
		"(a and b)":           {"a", "b"},
		"(a or b)":            {"a|b"},
		"(a or b or c)":       {"a|b|c"},
		"(a >= 1 with a < 2)": {"a"},
		"(crate(x/std) >= 1.0 with crate(x/std) < 2~)": {"crate(x/std)"},
		"(a without b)":    {"a"},
		"(a if b)":         nil,
		"(a if b else c)":  nil,
		"(a unless b)":     nil,
		"((a or b) and c)": {"a|b", "c"},
		"((a >= 1 with a < 2) or (b >= 3 with b < 4))": {"a|b"},
		"((a and b) or c)": nil,
		"((a if b) and c)": {"c"},
		"(a)":              {"a"},
		"()":               nil,
		"(":                nil,
		"(a":               nil,
		"(a and b":         nil,
		deep:               nil,
	} {
		assert.Equalf(t, want, rich(text, 0), "%q", text)
	}
}

func FuzzExtract(f *testing.F) {
	full := header(
		"a", "1", "2",
		tag(rpmdb.TagEpoch, []uint32{1}), tag(rpmdb.TagArch, "noarch"), tag(rpmdb.TagSourceRPM, "s-1-2.src.rpm"), tag(rpmdb.TagLicense, "MIT"),
		tag(rpmdb.TagRequireName, []string{"x", "(y or z)", "rpmlib(X)"}), tag(rpmdb.TagRequireFlags, []uint32{0, 0, 1 << 24}), tag(rpmdb.TagProvideName, []string{"a", "b"}),
		tag(rpmdb.TagBaseNames, []string{"f", "g"}), tag(rpmdb.TagDirNames, []string{"/usr/", "/"}), tag(rpmdb.TagDirIndexes, []uint32{0, 1}),
		tag(rpmdb.TagFileModes, []uint16{0o100644, 0o120777}), tag(rpmdb.TagFileStates, rpmdbtest.Chars{0, 0}), tag(rpmdb.TagRSAHeader, []byte{0x88, 15, 3, 5, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}),
	)
	// Package rpmdb has fuzz tests of the formats. Here the input is a header,
	// which is small enough for the fuzzer to find its way.
	f.Add(string(full))
	f.Add(string(header("gpg-pubkey", "1", "2")))
	f.Add(string(rpmdbtest.Berkeley(binary.BigEndian, 512, 13, header("b", "2", "1"))))
	f.Fuzz(func(t *testing.T, content string) {
		// What is no database is taken for one header, so that headers are
		// reached without the detour.
		if rpmdb.Sniff([]byte(content)) == rpmdb.Unknown {
			content = string(rpmdbtest.Berkeley(binary.LittleEndian, 512, 13, []byte(content)))
		}
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(dbPath, content))
		extracttest.Check(t, facts, err)
		if err != nil {
			return
		}
		kept := 0
		for _, pkg := range facts.Packages {
			require.Equal(t, "rpm", pkg.Type)
			require.NotEmpty(t, pkg.Version)
			require.NotEmpty(t, pkg.Source.Name)
			require.NotEmpty(t, pkg.Source.Version)
			require.Contains(t, []int{0, 16}, len(pkg.SigningKey))
			for _, list := range [][]string{pkg.Requires, pkg.Provides} {
				seen := map[string]bool{}
				for _, name := range list {
					require.Falsef(t, seen[name], "%q is there twice", name)
					seen[name] = true
					kept += len(name)
				}
			}
		}
		require.LessOrEqual(t, kept, 2*len(content))

		// The same again when the file comes in small pieces.
		again, err := Extractor{}.Extract(t.Context(), inventory.NewFile(dbPath, 0o644, int64(len(content)), iotest.OneByteReader(strings.NewReader(content)), nil))
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(facts, again))
	})
}

// realSized returns a database of 450 packages, each with 70 files and 30
// dependencies, which is what the packages of a distribution have on average.
func realSized() []byte {
	var headers [][]byte
	for i := range 450 {
		var names, requires []string
		indexes, modes, flags := make([]uint32, 70), make([]uint16, 70), make([]uint32, 70)
		for j := range 70 {
			names = append(names, fmt.Sprintf("file-with-a-name-%d", j))
			indexes[j], modes[j] = uint32(j%5), 0o100644
		}
		dirs := []string{"/usr/bin/", "/usr/lib64/", fmt.Sprintf("/usr/share/doc/package-%d/", i), fmt.Sprintf("/usr/lib/package-%d/", i), "/usr/share/man/man1/"}
		for j := range 30 {
			requires = append(requires, fmt.Sprintf("lib%d.so.6(GLIBC_2.%d)(64bit)", i*j%200, j))
		}
		headers = append(headers, header(
			fmt.Sprintf("package-%d", i), "1.2.3", "4.el9",
			tag(rpmdb.TagArch, "x86_64"), tag(rpmdb.TagSourceRPM, "package-1.2.3-4.el9.src.rpm"), tag(rpmdb.TagVendor, "Example Linux"), tag(rpmdb.TagLicense, "MIT"),
			tag(rpmdb.TagBaseNames, names), tag(rpmdb.TagDirNames, dirs), tag(rpmdb.TagDirIndexes, indexes), tag(rpmdb.TagFileModes, modes), tag(rpmdb.TagFileFlags, flags),
			tag(rpmdb.TagRequireName, requires), tag(rpmdb.TagRequireFlags, make([]uint32, 30)), tag(rpmdb.TagProvideName, requires[:3]),
			// Digests, change logs and what else nobody asks for.
			tag(1035, strings.Split(strings.Repeat(strings.Repeat("0", 64)+" ", 70), " ")), tag(1082, strings.Repeat("change ", 300)),
		))
	}
	return rpmdbtest.SQLite(4096, headers...)
}

func BenchmarkExtract(b *testing.B) {
	content := realSized()
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(dbPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 450 || len(facts.Problems) != 0 {
			b.Fatal(len(facts.Packages), facts.Problems, err)
		}
	}
}
