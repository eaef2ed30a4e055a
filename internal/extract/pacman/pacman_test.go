package pacman

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	descPath  = dir + "/a-1-2/desc"
	filesPath = dir + "/a-1-2/files"
)

func pkg(name, version, arch, base string) inventory.Package {
	return inventory.Package{
		Type: "alpm", Name: name, Version: version, Arch: arch,
		Source: inventory.Source{Name: base, Version: version},
	}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "pacman", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"var/lib/pacman/local/gmp-6.3.0-2/desc":    true,
		"var/lib/pacman/local/gmp-6.3.0-2/files":   true,
		"var/lib/pacman/local/bind-1:9.20-1/desc":  true,
		"var/lib/pacman/local/gmp-6.3.0-2/mtree":   false,
		"var/lib/pacman/local/gmp-6.3.0-2/install": false,
		"var/lib/pacman/local/ALPM_DB_VERSION":     false,
		"var/lib/pacman/sync/core.db":              false, // what could be installed
		"srv/root/var/lib/pacman/local/a-1-1/desc": false,
	})
}

func TestExtractFixtures(t *testing.T) {
	demo := pkg("demo-utils", "1:2.4.1-3", "x86_64", "demo")
	demo.Licenses = []string{"GPL-2.0-or-later WITH Classpath-exception-2.0"}
	demo.Requires, demo.Provides = []string{"libdemo", "libdemo.so", "demolib"}, []string{"demo-tools"}
	lib := pkg("libdemo", "1:2.4.1-3", "x86_64", "demo")
	lib.Licenses = []string{"MIT", "BSD-3-Clause"}
	lib.Provides = []string{"libdemo.so", "demolib"}
	data := pkg("noarch-data", "20240101-1", "any", "noarch-data")
	for _, p := range []*inventory.Package{&demo, &lib, &data} {
		p.Maintainer = "Jane Doe <jane@example.org>"
	}
	gawk := pkg("gawk", "5.3.1-1", "x86_64", "gawk")
	gawk.Maintainer, gawk.Licenses = "Tobias Powalowski <tpowa@archlinux.org>", []string{"GPL-3.0-or-later"}
	gawk.Requires, gawk.Provides = []string{"sh", "glibc", "mpfr"}, []string{"awk"}
	xml := pkg("libxml2", "2.13.5-1", "x86_64", "libxml2")
	xml.Maintainer, xml.Licenses = "Jan Alexander Steffens (heftig) <heftig@archlinux.org>", []string{"MIT"}
	xml.Provides = []string{"libxml2.so"}

	for fixture, want := range map[string]inventory.Package{
		"pacman-6.0/demo-utils.desc": demo, "pacman-6.0/libdemo.desc": lib, "pacman-6.0/noarch-data.desc": data,
		"arch/gawk.desc": gawk, "arch/libxml2.desc": xml,
	} {
		folder := want.Name + "-" + want.Version
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(dir+"/"+folder+"/desc", extracttest.Fixture(t, fixture)))
		require.NoError(t, err, fixture)
		assert.Equal(t, inventory.Facts{Packages: []inventory.Package{want}}, facts, fixture)
	}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(dir+"/demo-utils-1:2.4.1-3/files", extracttest.Fixture(t, "pacman-6.0", "demo-utils.files")))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Owned: []inventory.Ownership{{Package: "demo-utils", Paths: []string{
		"etc/demo-utils.conf", "usr/bin/demo-utils", "usr/share/licenses/demo-utils/COPYING",
	}}}}, facts)
}

func TestExtract(t *testing.T) {
	a := pkg("a", "1-2", "", "a")
	full := pkg("a", "1-2", "any", "src")
	full.Maintainer, full.Licenses = "Me", []string{"MIT", "GPL"}
	full.Requires, full.Provides = []string{"b", "c"}, []string{"d"}
	epoch := pkg("x-y", "2:1.0+r1-1.1", "", "x-y")
	one := func(p inventory.Package, problems ...string) inventory.Facts {
		return inventory.Facts{Packages: []inventory.Package{p}, Problems: problems}
	}
	tests := []struct {
		name, path, content string
		want                inventory.Facts
	}{
		{"smallest", descPath, "%NAME%\na\n\n%VERSION%\n1-2\n", one(a)},
		{"no blank lines last", descPath, "%NAME%\na\n\n%VERSION%\n1-2", one(a)},
		{"line ends of DOS", descPath, "%NAME%\r\na\r\n\r\n%VERSION%\r\n1-2\r\n", one(a)},
		{"all sections", descPath, "%NAME%\na\n\n%VERSION%\n1-2\n\n%BASE%\nsrc\n\n%ARCH%\nany\n\n%PACKAGER%\nMe\n\n%LICENSE%\nMIT\nGPL\n\n%DEPENDS%\nb>=1\nc\nb<3\n\n%OPTDEPENDS%\ne: why\n\n%CONFLICTS%\nf\n\n%PROVIDES%\nd=2\n", one(full)},
		{"percent signs in a value", descPath, "%NAME%\na\n\n%DESC%\n%VERSION%\n9\n\n%VERSION%\n1-2\n", one(a)},
		{"name with a dash, version with an epoch", dir + "/x-y-2:1.0+r1-1.1/desc", "%NAME%\nx-y\n\n%VERSION%\n2:1.0+r1-1.1\n", one(epoch)},
		{"files", filesPath, "%FILES%\nusr/\nusr/bin/a\n../up\n/abs\n.\nwith blank\n\n%BACKUP%\netc/a\t0123\n", inventory.Facts{Owned: []inventory.Ownership{{Package: "a", Paths: []string{"usr/bin/a", "up", "abs", "with blank"}}}}},
		{"no files", filesPath, "%FILES%\n", inventory.Facts{}},

		// Damage must not hide a package.
		{"empty", descPath, "", one(a, `the description of "a-1-2" lacks the name or the version; the folder's are taken`)},
		{"no name", descPath, "%VERSION%\n1-2\n", one(a, `the description of "a-1-2" lacks the name or the version; the folder's are taken`)},
		{"no version", descPath, "%NAME%\na\n\n%VERSION%\n\n", one(a, `the description of "a-1-2" lacks the name or the version; the folder's are taken`)},
		{"nothing at all", dir + "/x/desc", "%NAME%\na\n", inventory.Facts{Problems: []string{`the description of "x" lacks the name or the version`}}},
		{"another's folder", dir + "/b-1-2/desc", "%NAME%\na\n\n%VERSION%\n1-2\n", one(a, `the folder "b-1-2" is not that of package "a", version "1-2"`)},
		{"two names", descPath, "%NAME%\na\nb\n\n%VERSION%\n1-2\n", one(a, `a second NAME: "b"`)},
		{"stray lines", descPath, "x\ny\n%NAME%\na\n\n%VERSION%\n1-2\n", one(a, `a line is in no section: "x"`)},
		{"a dependency without a name", descPath, "%NAME%\na\n\n%VERSION%\n1-2\n\n%DEPENDS%\n>=1\n", one(a, `a dependency of package "a" has no name: ">=1"`)},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestSplitFolder(t *testing.T) {
	for folder, want := range map[string][2]string{
		"gmp-6.3.0-2": {"gmp", "6.3.0-2"}, "a-b-1:2-3": {"a-b", "1:2-3"},
		"": {}, "a": {}, "a-1": {}, "-1-2": {}, "a--2": {}, "a-1-": {}, "--": {},
	} {
		name, version, ok := splitFolder(folder)
		assert.Equalf(t, want, [2]string{name, version}, "splitFolder(%q)", folder)
		assert.Equalf(t, want[0] != "", ok, "splitFolder(%q)", folder)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	tests := []struct {
		name, path string
		ctx        context.Context
		content    io.Reader
		is         error
		text       string
	}{
		{"canceled", descPath, canceled, strings.NewReader("%NAME%\na\n"), context.Canceled, ""},
		{"canceled list", filesPath, canceled, strings.NewReader("%FILES%\na\n"), context.Canceled, ""},
		{"read error", descPath, t.Context(), iotest.ErrReader(broken), broken, ""},
		{"a line without end", descPath, t.Context(), extracttest.Endless("x"), inventory.ErrTooLarge, "line 1: more than 1048576 bytes"},
		{"a description without end", descPath, t.Context(), extracttest.Endless("x\n"), inventory.ErrTooLarge, "more than 4194304 bytes"},
		{"licences without end", descPath, t.Context(), io.MultiReader(strings.NewReader("%LICENSE%\n"), extracttest.Endless("MIT\n")), inventory.ErrTooLarge, "more than 1000 licences"},
		{"paths without end", filesPath, t.Context(), io.MultiReader(strings.NewReader("%FILES%\n"), extracttest.Endless("a\n")), inventory.ErrTooLarge, "more than 1000000 paths"},
		{"a list without end", filesPath, t.Context(), extracttest.Endless(strings.Repeat("x", 1000) + "\n"), inventory.ErrTooLarge, "more than 134217728 bytes"},
		{"a list of no package", dir + "/a-1/files", t.Context(), strings.NewReader(""), nil, `the folder of the list, "a-1", is not a name and a version`},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(tt.path, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			assert.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	for _, s := range []string{
		extracttest.Fixture(f, "pacman-6.0", "demo-utils.desc"),
		extracttest.Fixture(f, "pacman-6.0", "demo-utils.files"),
		"%NAME%\n\n%%\n%VERSION%\n%\nx\n%FILES%\n/..\n",
	} {
		f.Add("a-1-2", s)
	}
	f.Add("-1-2", "")
	f.Fuzz(func(t *testing.T, folder, content string) {
		if strings.Contains(folder, "/") {
			return
		}
		for _, base := range []string{"desc", "files"} {
			name := dir + "/" + folder + "/" + base
			facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
			extracttest.Check(t, facts, err)
			if err != nil {
				continue
			}
			if base == "desc" {
				require.NotZero(t, len(facts.Packages)+len(facts.Problems), "a description is never passed over")
			}
			for _, p := range facts.Packages {
				require.NotEmpty(t, p.Version)
				require.NotEmpty(t, p.Source.Name)
			}

			// The same again when the file comes in small pieces.
			again, err := Extractor{}.Extract(t.Context(), inventory.NewFile(name, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
			require.NoError(t, err)
			require.True(t, reflect.DeepEqual(facts, again))
		}
	})
}

func BenchmarkExtractDesc(b *testing.B) {
	content := extracttest.Fixture(b, "arch", "gawk.desc")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(dir+"/gawk-5.3.1-1/desc", content))
		if err != nil || len(facts.Packages) != 1 || facts.Problems != nil {
			b.Fatal(facts, err)
		}
	}
}

func BenchmarkExtractFiles(b *testing.B) {
	var list strings.Builder
	list.WriteString("%FILES%\nusr/\n")
	for i := range 2000 { // as many as glibc has
		list.WriteString("usr/share/locale/file_" + strconv.Itoa(i) + "\n")
	}
	b.SetBytes(int64(list.Len()))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(filesPath, list.String()))
		if err != nil || len(facts.Owned[0].Paths) != 2000 {
			b.Fatal(err)
		}
	}
}
