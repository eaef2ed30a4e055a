package layer

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// named is an extractor that only has patterns.
type named struct {
	notes
	name string
}

func (n named) Name() string { return n.name }

func TestRouter(t *testing.T) {
	extractors := []inventory.Extractor{
		named{notes{patterns: globs("var/lib/dpkg/status", "var/lib/dpkg/status.d/*", "var/lib/dpkg/info/*.list")}, "exact and folder"},
		named{notes{patterns: globs("**/package.json", "**/*.dist-info/METADATA")}, "base name"},
		named{notes{patterns: globs("**/*.jar", "**/*.deps.json")}, "extension"},
		named{notes{patterns: []inventory.Pattern{{Glob: "**/*", Executable: true}}}, "executables"},
		named{notes{patterns: globs("**/lib*.so.*", "opt/*/version", "**/[Pp]ipfile", "**/python[23]", "lib*/x?", "**/libcrypto.so*", "**/a*b?c[d]", "store/*/bin/*")}, "slow ones"},
	}
	router, err := NewRouter(extractors)
	require.NoError(t, err)
	tests := []struct {
		path string
		exec bool
		want []int
	}{
		{"var/lib/dpkg/status", false, []int{0}},
		{"lib/dpkg/status", false, nil},
		{"x/var/lib/dpkg/status", false, nil}, // an exact path is from the root
		{"var/lib/dpkg/status.d/base", false, []int{0}},
		{"var/lib/dpkg/status.d", false, nil},
		{"var/lib/dpkg/status.d/a/b", false, nil}, // "*" is one element
		{"var/lib/dpkg/info/libc6:amd64.list", false, []int{0}},
		{"var/lib/dpkg/info/libc6.postinst", false, nil},
		{"var/lib/dpkg/other/libc6.list", false, nil},
		{"package.json", false, []int{1}}, // "**/" includes the root
		{"a/b/package.json", false, []int{1}},
		{"a/package.json/b", false, nil},
		{"usr/lib/python3/x-1.0.dist-info/METADATA", false, []int{1}},
		{"x-1.0.dist-info/METADATA", false, []int{1}},
		{"x-1.0/METADATA", false, nil},
		{"app.jar", false, []int{2}},
		{"app.jar/file", false, nil},
		{"app.deps.json", false, []int{2}},
		{"app.json", false, nil},
		{"bin/sh", true, []int{3}},
		{"bin/sh", false, nil},
		{"app.jar", true, []int{2, 3}}, // in the order of the extractors
		{"usr/lib/libssl.so.3", false, []int{4}},
		{"opt/app/version", false, []int{4}},
		{"opt/a/b/version", false, nil},
		{"src/Pipfile", false, []int{4}},
		{"Pipfile", true, []int{3, 4}},
		{"usr/bin/python3", false, []int{4}},
		{"python2", false, []int{4}},
		{"usr/bin/python4", false, nil},
		{"lib64/xy", false, []int{4}},
		{"usr/lib64/xy", false, nil},
		{"libc.so", false, nil},
		{"a/libcrypto.so", false, []int{4}},
		{"libcrypto.so.3", false, []int{4}},
		{"libcrypto-x.so", false, nil},
		{"lib.so.", false, []int{4}},
		{"lib.so", false, nil},
		{"axbycd", false, []int{4}},
		{"axxcd", false, nil},
		{"store/x/bin/y", false, []int{4}},
		{"store/bin/y", false, nil},
		{"x/store/x/bin/y", false, nil},
		{"stores/x/bin/y", false, nil},
	}
	for _, tt := range tests {
		got := router.Append(nil, []byte(tt.path), tt.exec)
		assert.Equalf(t, tt.want, got, "%q, executable %v", tt.path, tt.exec)
	}
	assert.True(t, router.HasExecutable())
	assert.False(t, newRouter(t, "a", "**/b", "**/*.c", "d/*").HasExecutable())
}

func TestRouterErrors(t *testing.T) {
	for _, glob := range []string{"", "**/", "/etc/passwd", "a/", "./a", "a/../b", "../a", "a/**/b", "a/[", "."} {
		_, err := NewRouter([]inventory.Extractor{notes{patterns: globs(glob)}})
		assert.ErrorContainsf(t, err, `extractor "notes": pattern "`+glob, "glob %q", glob)
	}
	n := notes{patterns: globs("a")}
	_, err := NewRouter([]inventory.Extractor{n, n})
	assert.ErrorContains(t, err, "used twice")
	_, err = NewRouter([]inventory.Extractor{named{n, ""}})
	assert.ErrorContains(t, err, "empty")
}

func TestRouterDoesNotAllocate(t *testing.T) {
	router := newRouter(t, "var/lib/dpkg/status", "var/lib/dpkg/info/*.list", "**/package.json", "**/*.jar")
	paths := [][]byte{
		[]byte("usr/lib/node_modules/npm/node_modules/a-package-with-a-long-name/package.json"),
		[]byte("usr/share/doc/another-package-with-a-long-name/changelog.Debian.gz"),
		[]byte("var/lib/dpkg/status"),
	}
	var buf [4]int
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		for _, p := range paths {
			router.Append(buf[:0], p, false)
		}
	}))
}

func BenchmarkRouter(b *testing.B) {
	router := newRouter(b, "var/lib/dpkg/status", "var/lib/dpkg/info/*.list", "**/package.json", "**/*.jar", "etc/os-release")
	path := []byte("usr/share/doc/a-package-with-a-long-name/changelog.Debian.gz")
	var buf [4]int
	b.ReportAllocs()
	for b.Loop() {
		if len(router.Append(buf[:0], path, false)) > 0 {
			b.Fatal("wanted")
		}
	}
}

// FuzzElement compares with what [path.Match] says.
func FuzzElement(f *testing.F) {
	for _, glob := range []string{"a", "*", "*.so.*", "lib*.so", "a?b*c", "[a-c]x*", `\*a`, "a**b", "*a*b*", "?", "a*a"} {
		f.Add(glob, "liba.so.1")
		f.Add(glob, "a")
		f.Add(glob, "aba")
	}
	f.Fuzz(func(t *testing.T, glob, name string) {
		want, err := path.Match(glob, name)
		if err != nil || glob == "" || strings.ContainsRune(glob+name, '/') {
			return
		}
		e := newElement(glob)
		assert.Equalf(t, want, e.match([]byte(name)), "%q and %q", glob, name)
	})
}
