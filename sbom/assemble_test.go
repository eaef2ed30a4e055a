package sbom_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
)

// told is an extractor whose files hold facts in JSON.
type told struct{ name, glob string }

func (e told) Name() string             { return e.name }
func (told) Version() int               { return 1 }
func (e told) Patterns() []sbom.Pattern { return []sbom.Pattern{{Glob: e.glob}} }
func (told) Extract(_ context.Context, f *sbom.File) (facts sbom.Facts, err error) {
	return facts, json.NewDecoder(f).Decode(&facts)
}

// executables wants all executables, so that all ownership is kept.
type executables struct{ told }

func (executables) Patterns() []sbom.Pattern {
	return []sbom.Pattern{{Glob: "**/*", Executable: true}}
}

// facts is the content of a file for told.
func facts(t testing.TB, packages ...sbom.Package) string {
	t.Helper()
	data, err := json.Marshal(sbom.Facts{Packages: packages})
	require.NoError(t, err)
	return string(data)
}

func owning(t testing.TB, name string, paths ...string) string {
	t.Helper()
	data, err := json.Marshal(sbom.Facts{
		Packages: []sbom.Package{{Type: "rpm", Name: name, Version: "1-1", Arch: "noarch"}},
		Owned:    []sbom.Ownership{{Package: name, Arch: "noarch", Paths: paths}},
	})
	require.NoError(t, err)
	return string(data)
}

func generate(t testing.TB, img archives, opts ...sbom.Option) *sbom.BOM {
	t.Helper()
	bom, err := sbom.Generate(t.Context(), img, append(opts, sbom.WithExtractors(
		told{"lock", "**/lock.json"}, told{"npm", "**/package.json"}, told{"db", "var/db/*"}, told{"copy", "**/copy"},
		told{"python", "**/*.dist-info/METADATA"}, executables{told{"executables", ""}}))...)
	require.NoError(t, err)
	require.Empty(t, bom.Problems)
	return bom
}

func TestOnePackageOfSeveralRecords(t *testing.T) {
	lib := sbom.Package{Type: "pypi", Name: "Zope_Interface", Version: "1.0", Licenses: []string{"ZPL-2.1"}, Requires: []string{"a"}}
	same := sbom.Package{Type: "pypi", Name: "zope-interface", Version: "1.0", CPEs: []string{"cpe:2.3:a:b:c:1:*:*:*:*:*:*:*"}, Bundled: true}
	inside := sbom.Package{Type: "pypi", Name: "zope-interface", Version: "1.0", Within: "x.egg!/PKG-INFO"}
	other := sbom.Package{Type: "pypi", Name: "zope-interface", Version: "1.1"}
	bom := generate(t, archives{layers: [][]byte{
		files(t, "srv/lock.json", facts(t, same, other)),
		files(t, "app/package.json", facts(t, lib, inside)),
	}})
	require.Len(t, bom.Packages, 2)
	p := bom.Packages[0]
	if p.Version != "1.0" {
		p = bom.Packages[1]
	}
	assert.Equal(t, "pkg:pypi/zope-interface@1.0", p.PURL)
	assert.Equal(t, []string{"app/package.json", "app/package.json!/x.egg!/PKG-INFO", "srv/lock.json"}, p.Paths)
	assert.Zero(t, p.Layer.Index, "the layer that had it first")
	assert.Equal(t, "ZPL-2.1", p.LicenseExpression)
	assert.Equal(t, []string{"a"}, p.Requires)
	assert.Equal(t, same.CPEs, p.CPEs)
	assert.False(t, p.Bundled, "it is installed on its own too")
}

func TestOwnedAcrossLayers(t *testing.T) {
	py := func(name string) string { return facts(t, sbom.Package{Type: "pypi", Name: name, Version: "1"}) }
	bom := generate(t, archives{layers: [][]byte{
		files(t, "lib", "-> usr/lib", "usr/lib/py/package.json", py("early"), "opt/package.json", py("free")),
		files(t, "usr/lib/more/package.json", py("late"), "var/db/one", owning(t, "one", "lib/py/package.json")),
		files(t, "var/db/two", owning(t, "two", "usr/lib/more/package.json", "opt")),
	}})
	owners := map[string]string{}
	for _, p := range bom.Packages {
		owners[p.Name] = p.OwnedBy
	}
	assert.Equal(t, map[string]string{
		"one": "", "two": "", "free": "",
		"early": "pkg:rpm/one@1-1?arch=noarch", // the list is in a later layer, and under /lib
		"late":  "pkg:rpm/two@1-1?arch=noarch", // the file is in a layer below the list
	}, owners)
}

// What a fingerprint tells of a file that the distribution installed is known.
func TestFingerprintsOfSystemPackages(t *testing.T) {
	program := func(name string) string {
		return facts(t, sbom.Package{Type: "generic", Name: name, Version: "1"})
	}
	third, err := json.Marshal(sbom.Facts{
		Packages: []sbom.Package{{Type: "deb", Name: "mongodb", Version: "1", Maintainer: "Docker <support@docker.com>"}},
		Owned:    []sbom.Ownership{{Package: "mongodb", Paths: []string{"usr/bin/mongod/package.json"}}},
	})
	require.NoError(t, err)
	bom := generate(t, archives{layers: [][]byte{files(t,
		"usr/bin/nginx/package.json", program("nginx"), "opt/nginx/package.json", program("nginx"), "usr/bin/mongod/package.json", program("mongod"),
		"usr/lib/copy", facts(t, sbom.Package{Type: "rpm", Name: "nginx-src", Version: "1-1"}), // a note of the source
		"opt/copy", facts(t, sbom.Package{Type: "rpm", Name: "other-src", Version: "1-1"}), // and one in a copied file
		"var/db/nginx", owning(t, "nginx", "usr/bin/nginx/package.json", "usr/lib/copy"), "var/db/mongodb", string(third),
	)}})
	var got []string
	for _, p := range bom.Packages {
		got = append(got, p.Type+" "+p.Name+" "+p.Paths[0])
	}
	assert.Equal(t, []string{
		"deb mongodb var/db/mongodb", "generic mongod usr/bin/mongod/package.json", "generic nginx opt/nginx/package.json", "rpm nginx var/db/nginx",
		"rpm other-src opt/copy",
	}, got)
}

func TestAuthorsOfPerlDistributions(t *testing.T) {
	bom := generate(t, archives{layers: [][]byte{files(t,
		"a/copy", facts(t, sbom.Package{Type: "cpan", Name: "URI", Version: "5.1", Licenses: []string{"perl_5"}}),
		"b/copy", facts(t, sbom.Package{Type: "cpan", Namespace: "OALDERS", Name: "URI", Version: "5.1"}),
		"c/copy", facts(t, sbom.Package{Type: "cpan", Name: "URI", Version: "5.2"}),
	)}})
	require.Len(t, bom.Packages, 2)
	assert.Equal(t, "pkg:cpan/URI@5.2", bom.Packages[0].PURL)
	assert.Equal(t, "pkg:cpan/OALDERS/URI@5.1", bom.Packages[1].PURL)
	assert.Equal(t, []string{"a/copy", "b/copy"}, bom.Packages[1].Paths)
	assert.NotEmpty(t, bom.Packages[1].LicenseExpression)
}

func TestCopiesOfSystemPackages(t *testing.T) {
	bom := generate(t, archives{layers: [][]byte{files(t,
		"var/db/all", facts(t, sbom.Package{Type: "rpm", Name: "bash", Version: "1:5.2-1", Arch: "x86_64"}, sbom.Package{Type: "rpm", Name: "glibc", Version: "2-1"}),
		"usr/bin/copy", facts(t, sbom.Package{Type: "rpm", Namespace: "fedora", Name: "bash", Version: "5.2-1", CPEs: []string{"cpe:2.3:o:x:y:1:*:*:*:*:*:*:*"}}),
		"usr/sbin/copy", facts(t, sbom.Package{Type: "rpm", Namespace: "fedora", Name: "bash", Version: "5.2-1"}),
		"usr/bin/more/copy", facts(t, sbom.Package{Type: "rpm", Namespace: "fedora", Name: "bash", Version: "5.2-1"}),
		"opt/copy", facts(t, sbom.Package{Type: "rpm", Name: "bash", Version: "5.1-1"}), // taken from elsewhere
	)}})
	var got []string
	for _, p := range bom.Packages {
		got = append(got, p.Name+" "+p.Version+" "+strings.Join(p.Paths, ","))
	}
	assert.Equal(t, []string{"bash 1:5.2-1 usr/bin/copy,usr/bin/more/copy,usr/sbin/copy,var/db/all", "bash 5.1-1 opt/copy", "glibc 2-1 var/db/all"}, got)
	assert.Len(t, bom.Packages[0].CPEs, 1)
}

func TestDeletedPackages(t *testing.T) {
	pkg := func(name, version string) sbom.Package {
		return sbom.Package{Type: "npm", Name: name, Version: version}
	}
	img := archives{layers: [][]byte{
		files(t, "app/a/package.json", facts(t, pkg("a", "1")), "app/b/package.json", facts(t, pkg("b", "1")),
			"app/lock.json", facts(t, pkg("c", "1"), pkg("d", "1")), "old/package.json", facts(t, pkg("moved", "1"))),
		files(t, "app/lock.json", facts(t, pkg("c", "2"), pkg("d", "1")), "app/.wh.a", "", "new/package.json", facts(t, pkg("moved", "1")), "old/.wh..wh..opq", ""),
		files(t, "app/a/package.json", facts(t, pkg("a", "3")), "x/package.json", facts(t, pkg("x", "1"))),
		files(t, "app/a/.wh.package.json", "", "x", "-> y"),
	}}
	list := func(bom *sbom.BOM) map[string]int {
		out := map[string]int{}
		for _, p := range bom.Packages {
			out[p.Name+"@"+p.Version] = -1
			if p.DeletedBy != nil {
				out[p.Name+"@"+p.Version] = p.DeletedBy.Index
				assert.Less(t, p.Layer.Index, p.DeletedBy.Index, p.Name)
			}
		}
		return out
	}
	present := map[string]int{"b@1": -1, "c@2": -1, "d@1": -1, "moved@1": -1}
	assert.Equal(t, present, list(generate(t, img)))
	all := map[string]int{
		"b@1": -1, "c@2": -1, "d@1": -1, "moved@1": -1,
		"a@1": 1, // a whiteout
		"c@1": 1, // another version in the same file
		"a@3": 3, // came back, and went again
		"x@1": 3, // the folder became a link
	}
	for _, workers := range []int{1, 4} {
		assert.Equal(t, all, list(generate(t, img, sbom.WithDeleted(true), sbom.WithWorkers(workers))))
	}
}

func TestDependsOn(t *testing.T) {
	deb := func(name, arch string, requires, provides []string) sbom.Package {
		return sbom.Package{Type: "deb", Name: name, Version: "1", Arch: arch, Requires: requires, Provides: provides}
	}
	npm := func(name, version string, requires ...string) string {
		p := sbom.Package{Type: "npm", Name: name, Version: version, Requires: requires}
		if scope, rest, ok := strings.Cut(name, "/"); ok {
			p.Namespace, p.Name = scope, rest
		}
		return facts(t, p)
	}
	py := func(name string, requires ...string) string {
		return facts(t, sbom.Package{Type: "pypi", Name: name, Version: "1", Requires: requires})
	}
	crate := func(name, version string, requires ...string) sbom.Package {
		return sbom.Package{Type: "cargo", Name: name, Version: version, Requires: requires}
	}
	bom := generate(t, archives{layers: [][]byte{files(t,
		"var/db/deb", facts(t,
			deb("app", "amd64", []string{"missing|mta", "libc", "app", "nothing"}, nil),
			deb("exim", "amd64", nil, []string{"mta"}),
			deb("libc", "i386", nil, nil), deb("libc", "amd64", nil, nil),
		),
		"var/db/sh", owning(t, "dash", "bin/sh"),
		"var/db/user", facts(t, sbom.Package{Type: "rpm", Name: "user", Version: "1-1", Requires: []string{"/usr/bin/sh"}}),
		"bin", "-> usr/bin",
		"app/node_modules/a/package.json", npm("a", "1", "b", "@s/c", "d"),
		"app/node_modules/a/node_modules/b/package.json", npm("b", "2", "d"),
		"app/node_modules/b/package.json", npm("b", "1"),
		"app/node_modules/@s/c/package.json", npm("@s/c", "1", "b"),
		"app/node_modules/d", "-> .pnpm/d@1/node_modules/d",
		"app/node_modules/.pnpm/d@1/node_modules/d/package.json", npm("d", "1", "e"),
		"app/node_modules/.pnpm/d@1/node_modules/e", "-> ../../e@1/node_modules/e",
		"app/node_modules/.pnpm/e@1/node_modules/e/package.json", npm("e", "1"),
		"other/node_modules/f/package.json", npm("f", "1", "b"), // not in its own tree
		"venv/x-1.dist-info/METADATA", py("x", "Y_y", "z"),
		"venv/y_y-1.dist-info/METADATA", py("y.y"),
		"usr/z-1.dist-info/METADATA", py("z"), // elsewhere, and the only one
		"pnp/lock.json", facts(t, sbom.Package{Type: "npm", Name: "p", Version: "1", Requires: []string{"@s/q@2"}},
			sbom.Package{Type: "npm", Namespace: "@s", Name: "q", Version: "2"}, sbom.Package{Type: "npm", Namespace: "@s", Name: "q", Version: "3"}),
		"m/lock.json", facts(t, sbom.Package{Type: "maven", Namespace: "g", Name: "a", Version: "1", Requires: []string{"g/b@1"}},
			sbom.Package{Type: "maven", Namespace: "g", Name: "b", Version: "1"}),
		"erl/lock.json", facts(t, sbom.Package{Type: "hex", Name: "cowboy", Version: "1", Requires: []string{"kernel"}},
			sbom.Package{Type: "otp", Name: "kernel", Version: "9"}),
		"lock.json", facts(t, crate("root", "1", "dep@1", "dep@2"), crate("dep", "1"), crate("dep", "2"), crate("dep", "3"), crate("lost", "1", "dep")),
	)}})
	got := map[string]string{}
	for _, p := range bom.Packages {
		if len(p.DependsOn) > 0 {
			got[p.PURL] = strings.Join(p.DependsOn, " ")
		}
	}
	assert.Equal(t, map[string]string{
		"pkg:deb/app@1?arch=amd64": "pkg:deb/exim@1?arch=amd64 pkg:deb/libc@1?arch=amd64",
		"pkg:rpm/user@1-1":         "pkg:rpm/dash@1-1?arch=noarch",
		"pkg:npm/a@1":              "pkg:npm/%40s/c@1 pkg:npm/b@2 pkg:npm/d@1",
		"pkg:npm/b@2":              "pkg:npm/d@1",
		"pkg:npm/%40s/c@1":         "pkg:npm/b@1",
		"pkg:npm/d@1":              "pkg:npm/e@1",
		"pkg:hex/cowboy@1":         "pkg:otp/kernel@9",
		"pkg:npm/p@1":              "pkg:npm/%40s/q@2",
		"pkg:maven/g/a@1":          "pkg:maven/g/b@1",
		"pkg:pypi/x@1":             "pkg:pypi/y.y@1 pkg:pypi/z@1",
		"pkg:cargo/root@1":         "pkg:cargo/dep@1 pkg:cargo/dep@2",
		"pkg:cargo/lost@1":         "pkg:cargo/dep@1 pkg:cargo/dep@2 pkg:cargo/dep@3", // a lock file names no version where there is one only
	}, got)
}

// byDigest is an archive resolver.
type byDigest map[string]sbom.ArchiveID

func (r byDigest) ResolveArchive(_ context.Context, sha1 string) (sbom.ArchiveID, bool, error) {
	if sha1 == "broken" {
		return sbom.ArchiveID{}, false, errors.New("no answer")
	}
	id, ok := r[sha1]
	return id, ok, nil
}

func TestArchiveResolver(t *testing.T) {
	jar := func(name, sha1 string) sbom.Package { return sbom.Package{Type: "maven", Name: name, SHA1: sha1} }
	img := archives{layers: [][]byte{files(t, "lock.json", facts(t, jar("log", "1"), jar("other", "2"), jar("third", "broken")))}}
	bom, err := sbom.Generate(t.Context(), img, sbom.WithExtractors(told{"lock", "lock.json"}),
		sbom.WithArchiveResolver(byDigest{"1": {"org.log", "log-core", "2.0"}}))
	require.NoError(t, err)
	var got []string
	for _, p := range bom.Packages {
		got = append(got, p.PURL)
	}
	assert.Equal(t, []string{"pkg:maven/other", "pkg:maven/third", "pkg:maven/org.log/log-core@2.0"}, got)
	require.Len(t, bom.Problems, 1)
	assert.EqualError(t, bom.Problems[0], `lock: "lock.json" in layer 0: archive "broken": no answer`)
	_, err = sbom.New(sbom.WithArchiveResolver(nil))
	assert.ErrorContains(t, err, "WithArchiveResolver(nil)")
}

func TestPackageURLs(t *testing.T) {
	tests := []struct {
		p    sbom.Package
		want string
	}{
		{sbom.Package{Type: "rpm", Name: "bash", Version: "1:5.2-1.el9", Arch: "x86_64", Source: sbom.Source{Name: "bash", Version: "5.2-1.el9"}}, "pkg:rpm/centos/bash@5.2-1.el9?arch=x86_64&distro=centos-9&epoch=1"},
		{sbom.Package{Type: "rpm", Name: "bash-libs", Version: "5-1", Source: sbom.Source{Name: "bash", Version: "5-1"}}, "pkg:rpm/centos/bash-libs@5-1?distro=centos-9&upstream=bash"},
		{sbom.Package{Type: "rpm", Name: "x", Version: "5-1", Source: sbom.Source{Name: "y", Version: "4-1"}, Module: "n:1:2:c"}, "pkg:rpm/centos/x@5-1?distro=centos-9&rpmmod=n:1:2:c&upstream=y%404-1"},
		{sbom.Package{Type: "deb", Namespace: "debian", Name: "libC++", Version: "1:2~3"}, "pkg:deb/debian/libc%2B%2B@1:2~3?distro=centos-9"},
		{sbom.Package{Type: "npm", Namespace: "@angular", Name: "core", Version: "1.0.0"}, "pkg:npm/%40angular/core@1.0.0"},
		{sbom.Package{Type: "pypi", Name: "Ruamel_Yaml.Clib", Version: "1.0"}, "pkg:pypi/ruamel-yaml.clib@1.0"},
		{sbom.Package{Type: "golang", Namespace: "github.com/BurntSushi", Name: "toml", Version: "v1.0.0"}, "pkg:golang/github.com/burntsushi/toml@v1.0.0"},
		{sbom.Package{Type: "golang", Name: "stdlib", Version: "1.21.3"}, "pkg:golang/stdlib@1.21.3"},
		{sbom.Package{Type: "composer", Namespace: "Symfony", Name: "Http-Kernel", Version: "v5"}, "pkg:composer/symfony/http-kernel@v5"},
		{sbom.Package{Type: "maven", Namespace: "org.x", Name: "Y", Version: "1"}, "pkg:maven/org.x/Y@1"},
		{sbom.Package{Type: "gem", Name: "nokogiri", Version: "1.1", Qualifiers: map[string]string{"platform": "java"}}, "pkg:gem/nokogiri@1.1?platform=java"},
		{sbom.Package{Type: "nuget", Name: "Newtonsoft.Json", Version: "13"}, "pkg:nuget/Newtonsoft.Json@13"},
	}
	release := "ID=centos\nVERSION_ID=9\n"
	for _, tt := range tests {
		bom := generate(t, archives{layers: [][]byte{files(t, "etc/os-release", release, "lock.json", facts(t, tt.p))}})
		require.Len(t, bom.Packages, 1)
		assert.Equal(t, tt.want, bom.Packages[0].PURL)
	}
}

// Images without a distribution have an inventory too.
func TestImagesWithoutDistribution(t *testing.T) {
	busybox := "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 57) + "\x00BusyBox v1.36.1 (2023-06-02 00:42:02 UTC)\x00"
	tests := []struct {
		name  string
		layer []byte
		want  []string
	}{
		{"nothing", files(t), nil},
		{"BusyBox alone", files(t, "bin/busybox", busybox, "bin/sh", "-> busybox"), []string{"pkg:generic/busybox@1.36.1"}},
		{"files of no interest", files(t, "app/data.bin", "x", "etc/passwd", "root:x:0:0"), nil},
	}
	for _, tt := range tests {
		bom, err := sbom.Generate(t.Context(), archives{layers: [][]byte{tt.layer}})
		require.NoError(t, err, tt.name)
		assert.Empty(t, bom.OS.ID, tt.name)
		var got []string
		for _, p := range bom.Packages {
			got = append(got, p.PURL)
		}
		assert.Equal(t, tt.want, got, tt.name)
	}
}

// TestExtractorsAreTold holds the names, which options and reports have.
func TestExtractorsAreTold(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range sbom.Extractors() {
		assert.Regexp(t, `^[a-z][a-z-]*$`, e.Name())
		assert.Falsef(t, seen[e.Name()], "%q is there twice", e.Name())
		assert.Positive(t, e.Version(), e.Name())
		assert.NotEmpty(t, e.Patterns(), e.Name())
		seen[e.Name()] = true
	}
	for name := range seen {
		_, err := sbom.New(sbom.WithoutExtractors(name))
		assert.NoError(t, err, name)
	}
}
