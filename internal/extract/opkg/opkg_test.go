package opkg

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	statusPath = "usr/lib/opkg/status"
	listPath   = "usr/lib/opkg/info/a.list"
)

func pkg(name, version string) inventory.Package {
	return inventory.Package{Type: "opkg", Name: name, Version: version}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "opkg", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"usr/lib/opkg/status":             true,
		"var/lib/opkg/status":             true,
		"opt/lib/opkg/status":             true, // Entware
		"usr/lib/opkg/info/a.control":     true,
		"var/lib/opkg/info/a.list":        true,
		"usr/lib/opkg/info/a.postinst":    false,
		"usr/lib/opkg/info/a.conffiles":   false,
		"usr/lib/opkg/lists/feed":         false, // what could be installed
		"srv/root/usr/lib/opkg/status":    false,
		"usr/lib/opkg/info/sub/a.control": false,
	})
}

func TestExtractFixture(t *testing.T) {
	ubus := pkg("ubus", "2024.10.20~252a9b0c-r1")
	ubus.Arch, ubus.Requires = "x86_64", []string{"libc", "libubus20241020", "libblobmsg-json20240329", "ubusd"}
	uci := pkg("libuci20130104", "2023.08.10~5781664d-r1")
	uci.Arch, uci.Requires, uci.Provides = "x86_64", []string{"libc", "libubox20240329"}, []string{"libuci"}
	busybox := pkg("busybox", "1.36.1-r2")
	busybox.Arch, busybox.Requires = "x86_64", []string{"libc"}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(statusPath, extracttest.Fixture(t, "openwrt", "status")))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Packages: []inventory.Package{ubus, uci, busybox}}, facts)

	busybox.Licenses, busybox.Maintainer = []string{"GPL-2.0"}, "Felix Fietkau <nbd@nbd.name>"
	busybox.CPEs = []string{"cpe:2.3:a:busybox:busybox:*:*:*:*:*:*:*:*"}
	facts, err = Extractor{}.Extract(t.Context(), extracttest.File("usr/lib/opkg/info/busybox.control", extracttest.Fixture(t, "openwrt", "busybox.control")))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Packages: []inventory.Package{busybox}}, facts)

	facts, err = Extractor{}.Extract(t.Context(), extracttest.File("usr/lib/opkg/info/busybox.list", extracttest.Fixture(t, "openwrt", "busybox.list")))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Owned: []inventory.Ownership{{Package: "busybox", Paths: []string{"bin/busybox", "bin/ash", "etc/syslog.conf", "usr/bin/["}}}}, facts)
}

func TestExtract(t *testing.T) {
	a, b := pkg("a", "1"), pkg("b", "2")
	deps := a
	deps.Requires, deps.Provides = []string{"b", "c|d"}, []string{"p", "q"}
	packages := func(p ...inventory.Package) inventory.Facts { return inventory.Facts{Packages: p} }
	// stanza is package a with the given Status.
	stanza := func(status string) string { return "Package: a\nStatus: " + status + "\nVersion: 1\n" }
	tests := []struct {
		name, path, content string
		want                inventory.Facts
	}{
		{"empty", statusPath, "", inventory.Facts{}},
		{"blank lines only", statusPath, "\n\n", inventory.Facts{}},
		{"no blank line last", statusPath, "Package: a\nVersion: 1\n\nPackage: b\nVersion: 2", packages(a, b)},
		{"line ends of DOS", statusPath, "Package: a\r\nVersion: 1\r\n\r\nPackage: b\r\nVersion: 2\r\n", packages(a, b)},
		{"a field's further lines", statusPath, "Package: a\nConffiles:\n Package: evil\n\tVersion: 9\nVersion: 1\n", packages(a)},
		{"case of names", statusPath, "PACKAGE: a\nversion: 1\n", packages(a)},
		{"dependencies", statusPath, "Package: a\nVersion: 1\nDepends: b (>= 2),\n c | d, b\nProvides:\n p,\n q\nRecommends: r\n", packages(deps)},
		{"nothing of one record is left for the next", statusPath, "Package: a\nVersion: 1\nDepends: b, c|d\nProvides: p, q\n\nPackage: b\nVersion: 2\n", packages(deps, b)},

		{"installed by a user", statusPath, stanza("install user installed"), packages(a)},
		{"unpacked", statusPath, stanza("install ok unpacked"), packages(a)},
		{"installed badly", statusPath, stanza("install ok post-inst-failed"), packages(a)},
		{"removed badly", statusPath, stanza("deinstall ok removal-failed"), packages(a)},
		{"half", statusPath, stanza("install ok half-installed") + "\n" + stanza("install ok half-configured"), packages(a, a)},
		{"removed", statusPath, stanza("deinstall ok not-installed") + "\n" + stanza("deinstall ok config-files"), inventory.Facts{Ignored: 2}},
		{"not installed and without a version", statusPath, "Package: a\nStatus: unknown ok not-installed\n", inventory.Facts{Ignored: 1}},

		{"list", listPath, "/bin/a\t0100755\n/bin/b\t0120777\ta\n\n/../up\r\n/\n./c d\n", inventory.Facts{Owned: []inventory.Ownership{{Package: "a", Paths: []string{"bin/a", "bin/b", "up", "c d"}}}}},
		{"empty list", listPath, "", inventory.Facts{}},

		// One bad record must not hide the others, nor itself.
		{"unknown status", statusPath, stanza("install ok quantum"), inventory.Facts{
			Packages: []inventory.Package{a}, Problems: []string{`package "a" has the unknown status "install ok quantum"; it is taken to be installed`},
		}},
		{"no version", statusPath, "Package: x\nDepends: y\n\nPackage: b\nVersion: 2\n", inventory.Facts{
			Packages: []inventory.Package{b}, Problems: []string{`package "x" has no version`},
		}},
		{"no name", statusPath, "Version: 1\nDepends: y\n\nPackage: b\nVersion: 2\n", inventory.Facts{
			Packages: []inventory.Package{b}, Problems: []string{`a record has no package name; its version is "1"`},
		}},
		{"no blank line between", statusPath, "Package: a\nVersion: 1\nPackage: b\nVersion: 2\n", inventory.Facts{
			Packages: []inventory.Package{a, b}, Problems: []string{`no blank line between packages "a" and "b"`},
		}},
		{"lines that are no fields", statusPath, "Package: a\nfoo\n:\nVersion: 1\n", inventory.Facts{
			Packages: []inventory.Package{a}, Problems: []string{`a line of package "a" is not a field: "foo"`},
		}},
		{"a dependency without a name", statusPath, "Package: a\nVersion: 1\nDepends: (= 1)\n", inventory.Facts{
			Packages: []inventory.Package{a}, Problems: []string{`a dependency of package "a" has no name: "(= 1)"`},
		}},
		{"a bad CPE", statusPath, "Package: a\nVersion: 1\nCPE-ID: x\n", inventory.Facts{
			Packages: []inventory.Package{a}, Problems: []string{`the CPE-ID of package "a" is not one: "x"`},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestFormatCPE(t *testing.T) {
	tests := []struct{ uri, want string }{
		{"cpe:/a:busybox:busybox", "cpe:2.3:a:busybox:busybox:*:*:*:*:*:*:*:*"},
		{"cpe:/o:linux:linux_kernel:6.6", "cpe:2.3:o:linux:linux_kernel:6.6:*:*:*:*:*:*:*"},
		{"cpe:/a:gnu:libstdc%2b%2b::sp1", `cpe:2.3:a:gnu:libstdc\+\+:*:sp1:*:*:*:*:*:*`},
		{"cpe:2.3:a:x:y:*:*:*:*:*:*:*:*", "cpe:2.3:a:x:y:*:*:*:*:*:*:*:*"},
		{"cpe:2.3:a", ""},
		{"", ""},
		{"cpe:/x:gnu:bash", ""},
		{"cpe:/a:gnu", ""},
		{"cpe:/a::bash", ""},
		{"cpe:/a:gnu:", ""},
		{"cpe:/a:gnu:%zz", ""},
		{"cpe:/a:b:c:d:e:f:g:h", ""},
	}
	for _, tt := range tests {
		got, ok := formatCPE(tt.uri)
		assert.Equalf(t, tt.want, got, "formatCPE(%q)", tt.uri)
		assert.Equalf(t, tt.want != "", ok, "formatCPE(%q)", tt.uri)
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
		{"canceled list", listPath, canceled, strings.NewReader("/a\n"), context.Canceled, ""},
		{"read error", statusPath, t.Context(), io.MultiReader(strings.NewReader("Package: a\nVersion: 1\n\n"), iotest.ErrReader(broken)), broken, ""},
		{"a line without end", statusPath, t.Context(), extracttest.Endless("x"), inventory.ErrTooLarge, "line 1: more than 1048576 bytes"},
		{"a file without end", statusPath, t.Context(), extracttest.Endless(strings.Repeat(" x", 1000) + "\n"), inventory.ErrTooLarge, "more than 67108864 bytes"},
		{"packages without end", statusPath, t.Context(), extracttest.Endless("Package: a\nVersion: 1\n\n"), inventory.ErrTooLarge, "more than 100000 packages"},
		{"paths without end", listPath, t.Context(), extracttest.Endless("/a\n"), inventory.ErrTooLarge, "more than 1000000 paths"},
		{"a dependency field without end", statusPath, t.Context(), io.MultiReader(strings.NewReader("Package: a\nDepends: b\n"), extracttest.Endless(strings.Repeat(" x", 1000)+"\n")), inventory.ErrTooLarge, "more than 1048576 bytes"},
		{"a list of no package", "usr/lib/opkg/info/.list", t.Context(), strings.NewReader("/a\n"), nil, `the name of the list, ".list", has no package`},
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
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(statusPath, strings.Repeat("Package: "+strings.Repeat("n", 1000)+"\n\n", 1000)))
	require.NoError(t, err)
	require.Len(t, facts.Problems, lines.MaxProblems+1)
	assert.Less(t, len(facts.Problems[0]), 200)
}

func FuzzExtract(f *testing.F) {
	for _, s := range []string{
		extracttest.Fixture(f, "openwrt", "status"),
		extracttest.Fixture(f, "openwrt", "busybox.control"),
		extracttest.Fixture(f, "openwrt", "busybox.list"),
		"\n\nPackage: a\nPackage: b\n foo\nVersion",
		"Package: a\nVersion: 1\nCPE-ID: cpe:/a:b:%2b:c\nDepends: (,\n x|y:z\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		for _, p := range []string{statusPath, listPath} {
			facts, err := Extractor{}.Extract(t.Context(), extracttest.File(p, content))
			extracttest.Check(t, facts, err)
			if err != nil {
				continue
			}
			require.LessOrEqual(t, len(facts.Packages)+facts.Ignored, strings.Count(content, ":"))
			for _, p := range facts.Packages {
				require.NotEmpty(t, p.Version)
				for _, cpe := range p.CPEs {
					require.True(t, strings.HasPrefix(cpe, "cpe:2.3:"), cpe)
				}
			}

			// The same again when the file comes in small pieces.
			again, err := Extractor{}.Extract(t.Context(), inventory.NewFile(p, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
			require.NoError(t, err)
			require.True(t, reflect.DeepEqual(facts, again))
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	// 40 times three packages is what a router has.
	content := []byte(strings.Repeat(extracttest.Fixture(b, "openwrt", "status")+"\n", 40))
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(statusPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 120 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
