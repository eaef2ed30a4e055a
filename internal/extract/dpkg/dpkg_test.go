package dpkg

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

const statusPath = "var/lib/dpkg/status"

func deb(name, version, arch, srcName, srcVersion, maintainer string) inventory.Package {
	return inventory.Package{
		Type: "deb", Name: name, Version: version, Arch: arch,
		Source:     inventory.Source{Name: srcName, Version: srcVersion},
		Maintainer: maintainer,
	}
}

// with returns the package with what it requires and provides, which the
// strings list.
func with(p inventory.Package, requires, provides string) inventory.Package {
	if requires != "" {
		p.Requires = strings.Fields(requires)
	}
	if provides != "" {
		p.Provides = strings.Fields(provides)
	}
	return p
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "dpkg", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"var/lib/dpkg/status":                    true,
		"var/lib/dpkg/status.d/base":             true,
		"var/lib/dpkg/status.d/base.md5sums":     true,
		"var/lib/dpkg/info/libc6:amd64.list":     true,
		"var/lib/dpkg/info/libc6:amd64.md5sums":  true,
		"var/lib/dpkg/info/libc6:amd64.postinst": false,
		"var/lib/dpkg/status-old":                false, // what was installed before the last change
		"var/lib/dpkg/available":                 false, // what could be installed
		"var/lib/dpkg/status.d/x/base":           false,
		"srv/chroot/var/lib/dpkg/status":         false,
	})
}

func TestExtractFixtures(t *testing.T) {
	const (
		vila  = "Santiago Vila <sanvila@debian.org>"
		glibc = "GNU Libc Maintainers <debian-glibc@lists.debian.org>"
		gcc   = "Debian GCC Maintainers <debian-gcc@lists.debian.org>"
	)
	t.Run("status", func(t *testing.T) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(statusPath, extracttest.Fixture(t, "debian-12", "status")))
		require.NoError(t, err)
		assert.Equal(t, inventory.Facts{Packages: []inventory.Package{
			with(deb("adduser", "3.134", "all", "adduser", "3.134", "Debian Adduser Developers <adduser@packages.debian.org>"), "passwd", ""),
			with(deb("base-files", "12.4+deb12u15", "amd64", "base-files", "12.4+deb12u15", vila), "awk", "base"),
			// Built again: the source's version has no "+b13".
			with(deb("bash", "5.2.15-2+b13", "amd64", "bash", "5.2.15-2", "Matthias Klose <doko@debian.org>"), "base-files debianutils libc6 libtinfo6", ""),
			// The package has an epoch, its source has none.
			with(deb("bsdutils", "1:2.38.1-5+deb12u3", "amd64", "util-linux", "2.38.1-5+deb12u3", "util-linux packagers <util-linux@packages.debian.org>"), "libc6 libsystemd0", ""),
			// The source has another name and the same version.
			deb("gcc-12-base", "12.2.0-14+deb12u1", "amd64", "gcc-12", "12.2.0-14+deb12u1", gcc),
			with(deb("libbz2-1.0", "1.0.8-5+b1", "amd64", "bzip2", "1.0.8-5", "Anibal Monsalve Salazar <anibal@debian.org>"), "libc6", ""),
			with(deb("libc6", "2.36-9+deb12u14", "amd64", "glibc", "2.36-9+deb12u14", glibc), "libgcc-s1", ""),
			with(deb("libcap-ng0", "0.8.3-1+b3", "amd64", "libcap-ng", "0.8.3-1", "Håvard F. Aasen <havard.f.aasen@pfft.no>"), "libc6", ""),
			with(deb("libcap2", "1:2.66-4+deb12u3+b1", "amd64", "libcap2", "1:2.66-4+deb12u3", "Christian Kastner <ckk@debian.org>"), "libc6", ""),
			with(deb("libpam-runtime", "1.5.2-6+deb12u2", "all", "pam", "1.5.2-6+deb12u2", "Sam Hartman <hartmans@debian.org>"), "debconf|debconf-2.0 debconf|cdebconf libpam-modules", ""),
			with(deb("libstdc++6", "12.2.0-14+deb12u1", "amd64", "gcc-12", "12.2.0-14+deb12u1", gcc), "gcc-12-base libc6 libgcc-s1", ""),
			with(deb("tzdata", "2026b-0+deb12u1", "all", "tzdata", "2026b-0+deb12u1", glibc), "debconf|debconf-2.0", "tzdata-bookworm"),
		}}, facts)
	})
	t.Run("status.d", func(t *testing.T) {
		const ssl = "Debian OpenSSL Team <pkg-openssl-devel@lists.alioth.debian.org>"
		for name, want := range map[string]inventory.Package{
			"base":    with(deb("base-files", "9.9+deb9u12", "amd64", "base-files", "9.9+deb9u12", vila), "awk", "base"),
			"libc6":   with(deb("libc6", "2.24-11+deb9u4", "amd64", "glibc", "2.24-11+deb9u4", glibc), "libgcc1", ""),
			"libssl1": with(deb("libssl1.1", "1.1.0l-1~deb9u1", "amd64", "openssl", "1.1.0l-1~deb9u1", ssl), "libc6 debconf|debconf-2.0", ""),
			"netbase": deb("netbase", "5.4", "all", "netbase", "5.4", "Marco d'Itri <md@linux.it>"),
			"openssl": with(deb("openssl", "1.1.0l-1~deb9u1", "amd64", "openssl", "1.1.0l-1~deb9u1", ssl), "libc6 libssl1.1", ""),
			"tzdata":  with(deb("tzdata", "2019c-0+deb9u1", "all", "tzdata", "2019c-0+deb9u1", glibc), "debconf|debconf-2.0", "tzdata-stretch"),
		} {
			facts, err := Extractor{}.Extract(t.Context(), extracttest.File("var/lib/dpkg/status.d/"+name, extracttest.Fixture(t, "distroless", name)))
			require.NoErrorf(t, err, "status.d/%s", name)
			assert.Equalf(t, inventory.Facts{Packages: []inventory.Package{want}}, facts, "status.d/%s", name)
		}
	})
	t.Run("lists", func(t *testing.T) {
		sums := []string{
			"lib/x86_64-linux-gnu/libbz2.so.1.0.4",
			"usr/share/doc/libbz2-1.0/changelog.Debian.amd64.gz",
			"usr/share/doc/libbz2-1.0/changelog.Debian.gz",
			"usr/share/doc/libbz2-1.0/changelog.gz",
			"usr/share/doc/libbz2-1.0/copyright",
		}
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File("var/lib/dpkg/info/libbz2-1.0:amd64.md5sums", extracttest.Fixture(t, "debian-12", "libbz2-1.0.md5sums")))
		require.NoError(t, err)
		assert.Equal(t, inventory.Facts{Owned: []inventory.Ownership{{Package: "libbz2-1.0", Arch: "amd64", Paths: sums}}}, facts)

		facts, err = Extractor{}.Extract(t.Context(), extracttest.File("var/lib/dpkg/info/libbz2-1.0:amd64.list", extracttest.Fixture(t, "debian-12", "libbz2-1.0.list")))
		require.NoError(t, err)
		require.Len(t, facts.Owned, 1)
		assert.Len(t, facts.Owned[0].Paths, 13) // all 14 lines but "/."
		assert.Subset(t, facts.Owned[0].Paths, sums)
		assert.Contains(t, facts.Owned[0].Paths, "lib/x86_64-linux-gnu/libbz2.so.1", "a link has no sum")
	})
}

func TestExtract(t *testing.T) {
	a := deb("a", "1", "", "a", "1", "")
	b := deb("b", "2", "", "b", "2", "")
	// stanza is package a with the given Status.
	stanza := func(status string) string { return "Package: a\nStatus: " + status + "\nVersion: 1\n" }
	tests := []struct {
		name, path, content string
		want                inventory.Facts
	}{
		{"empty", statusPath, "", inventory.Facts{}},
		{"blank lines only", statusPath, "\n\n\n", inventory.Facts{}},
		{"blank line first", statusPath, "\nPackage: a\nVersion: 1\n", inventory.Facts{Packages: []inventory.Package{a}}},
		{"no line end", statusPath, "Package: a\nVersion: 1", inventory.Facts{Packages: []inventory.Package{a}}},
		{"line ends of DOS", statusPath, "Package: a\r\nVersion: 1\r\n\r\nPackage: b\r\nVersion: 2\r\n", inventory.Facts{Packages: []inventory.Package{a, b}}},
		{"a long line", statusPath, "Package: a\nConflicts: " + strings.Repeat("x", 1<<19) + "\nVersion: 1\n", inventory.Facts{Packages: []inventory.Package{a}}},
		{"case of names", statusPath, "PACKAGE: a\nversion: 1\n", inventory.Facts{Packages: []inventory.Package{a}}},
		{"no blank after the colon", statusPath, "Package:a\nVersion:\t1 \n", inventory.Facts{Packages: []inventory.Package{a}}},
		{"a field's further lines", statusPath, "Package: a\nDescription: x\n Package: evil\n\tVersion: 9\n .\nVersion: 1\n", inventory.Facts{Packages: []inventory.Package{a}}},
		{"a long field name", statusPath, "Package: a\nVersion-But-Longer: 7\nVersion: 1\n", inventory.Facts{Packages: []inventory.Package{a}}},
		{
			"two architectures", statusPath, "Package: a\nArchitecture: amd64\nVersion: 1\n\nPackage: a\nArchitecture: i386\nVersion: 1\n",
			inventory.Facts{Packages: []inventory.Package{deb("a", "1", "amd64", "a", "1", ""), deb("a", "1", "i386", "a", "1", "")}},
		},

		// Dependencies.
		{
			"dependencies", statusPath, "Package: a\nVersion: 1\nProvides: a-api (= 2), a2\nDepends: b (>= 2), c:any | d, b\nPre-Depends: e\nRecommends: f\nSuggests: g\nConflicts: h\n",
			inventory.Facts{Packages: []inventory.Package{with(a, "b c|d e", "a-api a2")}},
		},
		{
			"dependencies over several lines", statusPath, "Package: a\nDepends:\n b (>=\n\t2),\n c\nDescription: x\n evil, y\nVersion: 1\nProvides: p,\n q\n\nPackage: b\nVersion: 2\n",
			inventory.Facts{Packages: []inventory.Package{with(a, "b c", "p q"), b}},
		},
		{
			"dependencies of what is not there", statusPath, "Package: x\nStatus: purge ok not-installed\nVersion: 1\nDepends: y\n\nDepends: z\n\nPackage: n\nDepends: m\n\nPackage: b\nVersion: 2\n",
			inventory.Facts{
				Packages: []inventory.Package{b}, Ignored: 1,
				Problems: []string{`a record has no package name; its version is ""`, `package "n" has no version`},
			},
		},
		{
			"a dependency without a name", statusPath, "Package: a\nVersion: 1\nDepends: (>= 2), b\n",
			inventory.Facts{Packages: []inventory.Package{with(a, "b", "")}, Problems: []string{`a dependency of package "a" has no name: "(>= 2)"`}},
		},
		{
			"dependencies in front of the next name", statusPath, "Package: a\nVersion: 1\nDepends: b\nPackage: b\nVersion: 2\n",
			inventory.Facts{Packages: []inventory.Package{with(a, "b", ""), b}, Problems: []string{`no blank line between packages "a" and "b"`}},
		},

		// What is on disk.
		{"installed", statusPath, stanza("install ok installed"), inventory.Facts{Packages: []inventory.Package{a}}},
		{"held", statusPath, stanza("hold ok installed"), inventory.Facts{Packages: []inventory.Package{a}}},
		{"to be removed, still there", statusPath, stanza("deinstall ok installed"), inventory.Facts{Packages: []inventory.Package{a}}},
		{"broken", statusPath, stanza("install reinstreq half-installed"), inventory.Facts{Packages: []inventory.Package{a}}},
		{"unpacked", statusPath, stanza("install ok unpacked"), inventory.Facts{Packages: []inventory.Package{a}}},
		{"half-configured", statusPath, stanza("install ok half-configured"), inventory.Facts{Packages: []inventory.Package{a}}},
		{"waits for a trigger", statusPath, stanza("install ok triggers-awaited"), inventory.Facts{Packages: []inventory.Package{a}}},
		{"has a trigger to run", statusPath, stanza("install ok triggers-pending"), inventory.Facts{Packages: []inventory.Package{a}}},
		{"removed", statusPath, stanza("deinstall ok config-files"), inventory.Facts{Ignored: 1}},
		{"purged", statusPath, stanza("purge ok not-installed"), inventory.Facts{Ignored: 1}},
		{"not installed and without a version", statusPath, "Package: a\nStatus: unknown ok not-installed\n", inventory.Facts{Ignored: 1}},
		{
			"unknown status", statusPath, stanza("install ok quantum"),
			inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{`package "a" has the unknown status "install ok quantum"; it is taken to be installed`}},
		},
		{
			"short status", statusPath, stanza("installed"),
			inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{`package "a" has the unknown status "installed"; it is taken to be installed`}},
		},

		// One bad record must not hide the others, nor itself.
		{
			"no version", statusPath, "Package: x\nStatus: install ok installed\n\nPackage: b\nVersion: 2\n",
			inventory.Facts{Packages: []inventory.Package{b}, Problems: []string{`package "x" has no version`}},
		},
		{
			"empty version", statusPath, "Package: x\nVersion:\n\nPackage: b\nVersion: 2\n",
			inventory.Facts{Packages: []inventory.Package{b}, Problems: []string{`package "x" has no version`}},
		},
		{
			"no name", statusPath, "Version: 1\n\nPackage: b\nVersion: 2\n",
			inventory.Facts{Packages: []inventory.Package{b}, Problems: []string{`a record has no package name; its version is "1"`}},
		},
		{
			"no blank line between", statusPath, "Package: a\nVersion: 1\nPackage: b\nVersion: 2\n",
			inventory.Facts{Packages: []inventory.Package{a, b}, Problems: []string{`no blank line between packages "a" and "b"`}},
		},
		{
			"no blank line before a name alone", statusPath, "Package: a\nVersion: 1\nPackage: b\n",
			inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{`no blank line between packages "a" and "b"`, `package "b" has no version`}},
		},
		{
			"lines that are no fields", statusPath, "Package: a\nfoo\nbar\nVersion: 1\n",
			inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{`a line of package "a" is not a field: "foo"`}},
		},
		{
			"no file of dpkg at all", statusPath, "\x00\x01\x02",
			inventory.Facts{Problems: []string{`a line of package "" is not a field: "\x00\x01\x02"`, `a record has no package name; its version is ""`}},
		},

		// Lists of files.
		{
			"list", "var/lib/dpkg/info/a.list", "/.\n/usr\n/usr/bin/a\n./etc/a\n/usr/../../../up\n\n..\n../out\n/a b\n",
			inventory.Facts{Owned: []inventory.Ownership{{Package: "a", Paths: []string{"usr", "usr/bin/a", "etc/a", "up", "a b"}}}},
		},
		{"empty list", "var/lib/dpkg/info/a.list", "", inventory.Facts{}},
		{
			"sums of a distroless package", "var/lib/dpkg/status.d/base.md5sums", "00112233445566778899aabbccddeeff  usr/bin/a\n00112233445566778899AABBCCDDEEFF */b\r\n\n",
			inventory.Facts{Owned: []inventory.Ownership{{Package: "base", Paths: []string{"usr/bin/a", "b"}}}},
		},
		{
			"bad sums", "var/lib/dpkg/info/a:i386.md5sums", "00112233445566778899aabbccddeeff  a\nshort\n00112233445566778899aabbccddeegg  b\n00112233445566778899aabbccddeeff0 c\n00112233445566778899aabbccddeeff\n",
			inventory.Facts{
				Owned:    []inventory.Ownership{{Package: "a", Arch: "i386", Paths: []string{"a"}}},
				Problems: []string{`4 lines of the list of package "a" are not a sum and a path`},
			},
		},
		{"a package called so", "var/lib/dpkg/status.d/x.list", "Package: a\nVersion: 1\n", inventory.Facts{Packages: []inventory.Package{a}}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestSource(t *testing.T) {
	tests := []struct{ field, name, version string }{
		{"", "bin", "1:2-3"},
		{"src", "src", "1:2-3"},
		{"src (4-5)", "src", "4-5"},
		{"gcc-defaults (1.203)", "gcc-defaults", "1.203"}, // g++, version 4:12.2.0-3
		{"  src  ( 4-5 )  ", "src", "4-5"},
		{"src(4-5", "src", "4-5"},
		{"src ()", "src", "1:2-3"},
		{"(4-5)", "bin", "4-5"},
	}
	for _, tt := range tests {
		assert.Equalf(t, inventory.Source{Name: tt.name, Version: tt.version}, source(tt.field, "bin", "1:2-3"), "source(%q)", tt.field)
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
		{"canceled", statusPath, canceled, strings.NewReader("Package: a\nVersion: 1\n"), context.Canceled, ""},
		{"canceled with an empty file", statusPath, canceled, strings.NewReader(""), context.Canceled, ""},
		{"canceled list", "var/lib/dpkg/info/a.list", canceled, strings.NewReader("/a\n"), context.Canceled, ""},
		{"read error", statusPath, t.Context(), io.MultiReader(strings.NewReader("Package: a\nVersion: 1\n\n"), iotest.ErrReader(broken)), broken, ""},
		{"a line without end", statusPath, t.Context(), io.MultiReader(strings.NewReader("Package: a\n"), extracttest.Endless("x")), inventory.ErrTooLarge, "line 2: more than 1048576 bytes"},
		{"a file without end", statusPath, t.Context(), extracttest.Endless(strings.Repeat(" x", 1000) + "\n"), inventory.ErrTooLarge, "more than 134217728 bytes"},
		{"a dependency field without end", statusPath, t.Context(), io.MultiReader(strings.NewReader("Package: a\nDepends: b\n"), extracttest.Endless(strings.Repeat(" x", 1000)+"\n")), inventory.ErrTooLarge, "package \"a\": a field of more than 1048576 bytes"},
		{"packages without end", statusPath, t.Context(), extracttest.Endless("Package: a\nVersion: 1\n\n"), inventory.ErrTooLarge, "more than 200000 packages"},
		{"paths without end", "var/lib/dpkg/info/a.list", t.Context(), extracttest.Endless("/a\n"), inventory.ErrTooLarge, "more than 1000000 paths"},
		{"a list of no package", "var/lib/dpkg/info/:amd64.list", t.Context(), strings.NewReader("/a\n"), nil, `":amd64"`},
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

func TestProblemsAreFew(t *testing.T) {
	long := strings.Repeat("n", 1000)
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(statusPath, strings.Repeat("Package: "+long+"\n\n", 1000)))
	require.NoError(t, err)
	require.Len(t, facts.Problems, lines.MaxProblems+1)
	assert.Equal(t, "there are 980 more problems", facts.Problems[lines.MaxProblems])
	assert.Less(t, len(facts.Problems[0]), 200)
}

func FuzzExtract(f *testing.F) {
	for _, s := range []string{
		extracttest.Fixture(f, "debian-12", "status"),
		extracttest.Fixture(f, "distroless", "libssl1"),
		extracttest.Fixture(f, "debian-12", "libbz2-1.0.list"),
		extracttest.Fixture(f, "debian-12", "libbz2-1.0.md5sums"),
		"\n\nPackage: a\nPackage: b\n foo\nVersion",
		"Status: a b c d\nSource: (\n",
		"Package: a\nVersion: 1\nDepends: b (>= 1) | c,\n d:any, (\nProvides:\n x, y\n",
	} {
		f.Add(s)
	}
	paths := []string{statusPath, "var/lib/dpkg/info/a:amd64.list", "var/lib/dpkg/status.d/a.md5sums"}
	f.Fuzz(func(t *testing.T, content string) {
		for _, p := range paths {
			facts, err := Extractor{}.Extract(t.Context(), extracttest.File(p, content))
			extracttest.Check(t, facts, err)
			if err != nil {
				continue
			}
			for _, pkg := range facts.Packages {
				require.Equal(t, "deb", pkg.Type)
				require.NotEmpty(t, pkg.Name)
				require.NotEmpty(t, pkg.Version)
				require.NotEmpty(t, pkg.Source.Name)
				require.NotEmpty(t, pkg.Source.Version)
				for _, names := range append(slices.Clone(pkg.Requires), pkg.Provides...) {
					for name := range strings.SplitSeq(names, "|") {
						require.Contains(t, content, name)
					}
				}
			}
			bytesOwned := 0
			for _, o := range facts.Owned {
				require.NotEmpty(t, o.Package)
				for _, owned := range o.Paths {
					require.Equal(t, path.Clean(owned), owned)
					require.False(t, owned == "." || owned == ".." || strings.HasPrefix(owned, "/") || strings.HasPrefix(owned, "../"), owned)
					bytesOwned += len(owned)
				}
			}
			require.LessOrEqual(t, bytesOwned, len(content))
			require.LessOrEqual(t, len(facts.Packages)+facts.Ignored, 1+strings.Count(content, ":"))
			require.LessOrEqual(t, len(facts.Problems), lines.MaxProblems+1)

			// The same again when the file comes in small pieces.
			again, err := Extractor{}.Extract(t.Context(), inventory.NewFile(p, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
			require.NoError(t, err)
			require.True(t, reflect.DeepEqual(facts, again))
		}
	})
}

func BenchmarkExtractStatus(b *testing.B) {
	// 25 times 12 packages is what an application image has.
	content := []byte(strings.Repeat(extracttest.Fixture(b, "debian-12", "status"), 25))
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(statusPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 300 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}

func BenchmarkExtractList(b *testing.B) {
	var list bytes.Buffer
	for i := range 2000 {
		fmt.Fprintf(&list, "/usr/lib/python3/dist-packages/module/file_%04d.py\n", i)
	}
	b.SetBytes(int64(list.Len()))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile("var/lib/dpkg/info/a.list", 0o644, int64(list.Len()), bytes.NewReader(list.Bytes()), nil))
		if err != nil || len(facts.Owned[0].Paths) != 2000 {
			b.Fatal(err)
		}
	}
}
