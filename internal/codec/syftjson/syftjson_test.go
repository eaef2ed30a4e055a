package syftjson_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/internal/codec/syftjson"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// read reads a document as the caller of a reader does.
func read(doc string, limits codec.Limits) (*inventory.BOM, error) {
	return codectest.DecodeJSON(syftjson.NewJSON(limits), strings.NewReader(doc))
}

const schema = `"schema":{"version":"16.1.13","url":"https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.1.13.json"}`

func document(members string) string {
	if members != "" {
		members += ","
	}
	return "{" + members + schema + "}"
}

func problems(b *inventory.BOM) []string {
	var all []string
	for _, p := range b.Problems {
		all = append(all, p.Err.Error())
	}
	return all
}

func TestPackages(t *testing.T) {
	type pkg = inventory.Package
	tests := []struct {
		artifact string
		want     pkg
	}{
		{
			`{"id":"1","name":"libc6","version":"2.36-9","type":"deb","foundBy":"dpkg-db-cataloger","purl":"pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc",
			"locations":[{"path":"/var/lib/dpkg/info/libc6.list","layerID":"sha256:other"},{"path":"/var/lib/dpkg/status","layerID":"sha256:b1","annotations":{"evidence":"primary"}}],
			"licenses":[{"value":"GPL-2+","spdxExpression":"GPL-2.0-or-later","type":"declared"}],"cpes":[{"cpe":"cpe:2.3:a:x:libc6:2:*:*:*:*:*:*:*","source":"syft-generated"}],
			"metadata":{"source":"glibc","sourceVersion":"2.36-8","maintainer":"GNU Libc Maintainers","architecture":"amd64"}}`,
			pkg{
				Type: "deb", Namespace: "debian", Name: "libc6", Version: "2.36-9", Arch: "amd64", Source: inventory.Source{Name: "glibc", Version: "2.36-8"},
				Maintainer: "GNU Libc Maintainers", Licenses: []string{"GPL-2+"}, LicenseExpression: "GPL-2.0-or-later",
				CPEs: []string{"cpe:2.3:a:x:libc6:2:*:*:*:*:*:*:*"}, Extractor: "dpkg-db-cataloger", Paths: []string{"var/lib/dpkg/status"},
				PURL: "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc", Layer: inventory.Layer{DiffID: "sha256:b1"},
			},
		},
		{ // no source of its own, and plain strings as before version 8
			`{"name":"adduser","version":"3.1","type":"deb","purl":"pkg:deb/debian/adduser@3.1","licenses":["MIT",""],"cpes":["cpe:2.3:a:a:b:1:*:*:*:*:*:*:*"],
			"locations":[{"path":"/b"},{"path":"/a"},{"path":""},{"path":"a"}],"metadata":{"source":"","sourceVersion":""}}`,
			pkg{
				Type: "deb", Namespace: "debian", Name: "adduser", Version: "3.1", Source: inventory.Source{Name: "adduser", Version: "3.1"},
				Licenses: []string{"MIT"}, LicenseExpression: "MIT", CPEs: []string{"cpe:2.3:a:a:b:1:*:*:*:*:*:*:*"}, Paths: []string{"a", "b"}, PURL: "pkg:deb/debian/adduser@3.1",
			},
		},
		{ // only the package URL tells the source
			`{"name":"a","version":"2","type":"deb","purl":"pkg:deb/debian/a@2?upstream=b%401","metadata":{"maintainer":"M"}}`,
			pkg{
				Type: "deb", Namespace: "debian", Name: "a", Version: "2", Source: inventory.Source{Name: "b", Version: "1"}, Maintainer: "M",
				PURL: "pkg:deb/debian/a@2?upstream=b%401",
			},
		},
		{ // a distribution's package without a package URL
			`{"name":"bash","version":"1:5-1","type":"deb","metadata":{"architecture":"all","source":"sh"}}`,
			pkg{Type: "deb", Namespace: "alpine", Name: "bash", Version: "1:5-1", Arch: "all", Source: inventory.Source{Name: "sh", Version: "1:5-1"}},
		},
		{
			`{"name":"libcrypto1.1","version":"1.1.1d-r2","type":"apk","purl":"pkg:apk/alpine/libcrypto1.1@1.1.1d-r2","metadata":{"originPackage":"openssl","maintainer":"T","architecture":"x86_64"}}`,
			pkg{
				Type: "apk", Namespace: "alpine", Name: "libcrypto1.1", Version: "1.1.1d-r2", Arch: "x86_64", Source: inventory.Source{Name: "openssl", Version: "1.1.1d-r2"},
				Maintainer: "T", PURL: "pkg:apk/alpine/libcrypto1.1@1.1.1d-r2",
			},
		},
		{
			`{"name":"perl-IO","version":"1:5.3-4.el9","type":"rpm","purl":"pkg:rpm/rocky/perl-IO@5.3-4.el9?arch=noarch&epoch=1",
			"metadata":{"epoch":1,"sourceRpm":"perl-5.3-4.el9.src.rpm","modularityLabel":"perl:5.3:1:c","vendor":"Rocky","signatures":[{"issuer":"702D426D350D275D"}]}}`,
			pkg{
				Type: "rpm", Namespace: "rocky", Name: "perl-IO", Version: "1:5.3-4.el9", Arch: "noarch", Source: inventory.Source{Name: "perl", Version: "5.3-4.el9"},
				Module: "perl:5.3:1:c", Vendor: "Rocky", SigningKey: "702d426d350d275d", PURL: "pkg:rpm/rocky/perl-IO@5.3-4.el9?arch=noarch&epoch=1",
			},
		},
		{ // the epoch is not known, and old names of members
			`{"name":"x","version":"1-1","type":"rpm","purl":"pkg:rpm/centos/x@1-1","metadata":{"epoch":null,"arch":"i686","sourceRpm":"(none)","modularityLabel":"(none)"}}`,
			pkg{Type: "rpm", Namespace: "centos", Name: "x", Version: "1-1", Arch: "i686", PURL: "pkg:rpm/centos/x@1-1"},
		},
		{ // in an archive in an archive
			`{"name":"log4j-core","version":"2.0","type":"java-archive","language":"java","purl":"pkg:maven/org.apache.logging.log4j/log4j-core@2.0","locations":[{"path":"/app/a.war"}],
			"metadata":{"virtualPath":"/app/a.war:WEB-INF/lib/b.jar:/lib/log4j-core.jar","pomProperties":{"groupId":"other"},"digest":[{"algorithm":"sha1","value":"AB"},{"algorithm":"SHA-256","value":"cd"},{"algorithm":"x","value":"00"},{"algorithm":"md5","value":"?"}]}}`,
			pkg{
				Type: "maven", Namespace: "org.apache.logging.log4j", Name: "log4j-core", Version: "2.0", SHA1: "ab", Hashes: []inventory.Hash{{Algorithm: "SHA-256", Value: "cd"}},
				Paths: []string{"app/a.war!/WEB-INF/lib/b.jar!/lib/log4j-core.jar"}, PURL: "pkg:maven/org.apache.logging.log4j/log4j-core@2.0",
			},
		},
		{ // which of the files is the archive is not said
			`{"name":"b","version":"2","type":"java-archive","locations":[{"path":"/a.jar"},{"path":"/c.jar"}],"metadata":{"virtualPath":"/a.jar:b.jar"}}`,
			pkg{Type: "maven", Name: "b", Version: "2", Paths: []string{"a.jar", "c.jar"}},
		},
		{
			`{"name":"b","version":"2","type":"java-archive","metadata":{"virtualPath":"/a.jar:b.jar"}}`,
			pkg{Type: "maven", Name: "b", Version: "2"},
		},
		{ // the last part names no archive but a package
			`{"name":"b","version":"2","type":"java-archive","locations":[{"path":"/a.jar"}],"metadata":{"virtualPath":"/a.jar:g:b","pomProperties":{"groupId":"g","artifactId":"b"}}}`,
			pkg{Type: "maven", Namespace: "g", Name: "b", Version: "2", Paths: []string{"a.jar"}},
		},
		{ // a scope is no part of the name, and a concluded licence counts less
			`{"name":"@types/ms","version":"0.7.31","type":"npm","purl":"pkg:npm/%40types/ms@0.7.31","licenses":[{"value":"ISC","type":"concluded"},{"value":"MIT","spdxExpression":"MIT","type":"declared"},{"value":"Apache","spdxExpression":"Apache-2.0","type":"declared"}],
			"metadata":{"integrity":"sha512-AAE= md5-?? sha1-/w=="}}`,
			pkg{
				Type: "npm", Namespace: "@types", Name: "ms", Version: "0.7.31", SHA1: "ff", Hashes: []inventory.Hash{{Algorithm: "SHA-512", Value: "0001"}},
				Licenses: []string{"MIT", "Apache"}, LicenseExpression: "MIT OR Apache-2.0", PURL: "pkg:npm/%40types/ms@0.7.31",
			},
		},
		{ // only concluded; and the package's own spelling
			`{"name":"Flask_Cors","version":"3","type":"python","purl":"pkg:pypi/flask-cors@3","licenses":[{"value":"Custom","type":"concluded"}]}`,
			pkg{Type: "pypi", Name: "Flask_Cors", Version: "3", Licenses: []string{"Custom"}, PURL: "pkg:pypi/flask-cors@3"},
		},
		{
			`{"name":"github.com/a/b/v6","version":"v6.0.3","type":"go-module","purl":"pkg:golang/github.com/a/b/v6@v6.0.3"}`,
			pkg{Type: "golang", Namespace: "github.com/a/b", Name: "v6", Version: "v6.0.3", PURL: "pkg:golang/github.com/a/b/v6@v6.0.3"},
		},
		{`{"name":"github.com/a/b","version":"v1","type":"go-module"}`, pkg{Type: "golang", Namespace: "github.com/a", Name: "b", Version: "v1"}},
		{`{"name":"stdlib","type":"go-module"}`, pkg{Type: "golang", Name: "stdlib"}},
		{`{"name":"thing","version":"1","type":"something-new","metadata":{"source":1}}`, pkg{Type: "something-new", Name: "thing", Version: "1"}},
		{`{"version":"1","type":"npm","purl":"pkg:npm/x@2"}`, pkg{Type: "npm", Name: "x", Version: "1", PURL: "pkg:npm/x@2"}},
	}
	for _, tt := range tests {
		b, err := read(document(`"artifacts":[`+tt.artifact+`],"distro":{"id":"Alpine"}`), codec.DefaultLimits())
		require.NoError(t, err)
		assert.Emptyf(t, problems(b), "of %s", tt.artifact)
		require.Lenf(t, b.Packages, 1, "of %s", tt.artifact)
		assert.Equalf(t, tt.want, b.Packages[0], "of %s", tt.artifact)
	}
}

// TestPurlTypes has Syft's types of packages whose package URLs have another.
func TestPurlTypes(t *testing.T) {
	for kind, want := range map[string]string{
		"jenkins-plugin": "maven", "rust-crate": "cargo", "php-composer": "composer", "php-pear": "pear", "dotnet": "nuget", "pod": "cocoapods",
		"dart-pub": "pub", "R-package": "cran", "lua-rocks": "luarocks", "portage": "ebuild", "homebrew": "brew", "erlang-otp": "otp",
		"github-action": "githubactions", "binary": "generic", "gem": "gem",
	} {
		b, err := read(document(`"artifacts":[{"name":"n","type":"`+kind+`"}]`), codec.DefaultLimits())
		require.NoError(t, err)
		require.Len(t, b.Packages, 1)
		assert.Equalf(t, want, b.Packages[0].Type, "type %q", kind)
	}
}

func TestRelationships(t *testing.T) {
	b, err := read(document(`"artifactRelationships":[
		{"parent":"on","child":"x","type":"dependency-of"},
		{"parent":"x","child":"f1","type":"evident-by"},
		{"parent":"src","child":"x","type":"contains"},
		{"parent":"npm","child":"x","type":"ownership-by-file-overlap"},
		{"parent":"os","child":"x","type":"ownership-by-file-overlap"},
		{"parent":"os2","child":"x","type":"ownership-by-file-overlap"},
		{"parent":"os","child":"os2","type":"ownership-by-file-overlap"},
		{"parent":"os","child":"f1","type":"ownership-by-file-overlap"},
		{"parent":"src","child":"on","type":"dependency-of"}],
		"source":{"id":"src"},
		"artifacts":[{"id":"x","name":"x","type":"npm","purl":"pkg:npm/x"},{"id":"on","name":"on","type":"npm","purl":"pkg:npm/on"},
		{"id":"npm","name":"npm","type":"npm","purl":"pkg:npm/npm"},
		{"id":"os","name":"a","type":"deb","purl":"pkg:deb/debian/a"},{"id":"os2","name":"b","type":"deb","purl":"pkg:deb/debian/b"}]`), codec.DefaultLimits())
	require.NoError(t, err)
	assert.Empty(t, problems(b))
	require.Len(t, b.Packages, 5)
	for _, p := range b.Packages {
		switch p.Name {
		case "x":
			assert.Equal(t, []string{"pkg:npm/on"}, p.DependsOn, "the parent is the dependency")
			assert.Equal(t, "pkg:deb/debian/a", p.OwnedBy, "the first package of the distribution")
		default:
			assert.Emptyf(t, p.DependsOn, "package %q", p.Name)
			assert.Emptyf(t, p.OwnedBy, "package %q", p.Name)
		}
	}
}

func TestTarget(t *testing.T) {
	layers := []inventory.Layer{
		{Index: 0, Digest: "sha256:a0", DiffID: "sha256:b0", CreatedBy: "ADD"},
		{Index: 1, Digest: "sha256:a1", DiffID: "sha256:b1", CreatedBy: "RUN"},
	}
	// {"created":"2025-01-01T00:00:00Z","os":"linux","architecture":"arm64","variant":"v8","history":[{"created_by":"ADD"},{"empty_layer":true},{"created_by":"RUN"}],
	// "config":{"Labels":{"org.opencontainers.image.title":"T","x":"y"}}}
	const config = `eyJjcmVhdGVkIjoiMjAyNS0wMS0wMVQwMDowMDowMFoiLCJvcyI6ImxpbnV4IiwiYXJjaGl0ZWN0dXJlIjoiYXJtNjQiLCJ2YXJpYW50IjoidjgiLCJoaXN0b3J5IjpbeyJjcmVhdGVkX2J5IjoiQUREIn0seyJlbXB0eV9sYXllciI6dHJ1ZX0seyJjcmVhdGVkX2J5IjoiUlVOIn1dLCJjb25maWciOnsiTGFiZWxzIjp7Im9yZy5vcGVuY29udGFpbmVycy5pbWFnZS50aXRsZSI6IlQiLCJ4IjoieSJ9fX0=`
	// {"layers":[{"digest":"sha256:a0"},{"digest":"sha256:a1"}]}
	const manifest = `eyJsYXllcnMiOlt7ImRpZ2VzdCI6InNoYTI1NjphMCJ9LHsiZGlnZXN0Ijoic2hhMjU2OmExIn1dfQ==`
	labels := map[string]string{"org.opencontainers.image.title": "T"}
	tests := []struct {
		source string
		want   inventory.Target
		layers []inventory.Layer
	}{
		{
			`{"id":"1","name":"app","version":"sha256:d","supplier":"ACME","type":"image","metadata":{"userInput":"app:1","imageID":"sha256:c","manifestDigest":"sha256:d","tags":["t:1"],"repoDigests":["app@sha256:e"],
			"layers":[{"digest":"sha256:b0"},{"digest":"sha256:b1"}],"manifest":"` + manifest + `","config":"` + config + `"}}`,
			inventory.Target{
				Name: "app:1", Kind: "sbom", ImageID: "sha256:c", Digest: "sha256:d", Platform: "linux/arm64/v8",
				Created: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Labels: labels,
			},
			layers,
		},
		{ // without configuration and manifest; labels of Syft's own
			`{"type":"image","metadata":{"tags":["t:1"],"repoDigests":["app","app@sha256:e"],"layers":[{"digest":"sha256:b0"}],"os":"linux","architecture":"amd64","labels":{"org.opencontainers.image.title":"T","y":"z"}}}`,
			inventory.Target{Name: "app", Kind: "sbom", Digest: "sha256:e", Platform: "linux/amd64", Labels: labels},
			[]inventory.Layer{{DiffID: "sha256:b0"}},
		},
		{ // an archive's manifest repeats the diff IDs; not as many commands as layers
			`{"type":"image","metadata":{"layers":[{"digest":"sha256:a0"},{"digest":"sha256:x"}],"manifest":"` + manifest + `"}}`,
			inventory.Target{Kind: "sbom"},
			[]inventory.Layer{{DiffID: "sha256:a0"}, {Index: 1, Digest: "sha256:a1", DiffID: "sha256:x"}},
		},
		{`{"type":"directory","name":"src","version":"2","metadata":{"path":"./src"}}`, inventory.Target{Name: "src", Version: "2", Kind: "sbom"}, nil},
		{`{"type":"image","version":"sha256:d","metadata":{"manifestDigest":"sha256:d"}}`, inventory.Target{Digest: "sha256:d", Kind: "sbom"}, nil}, // it is no version
		{`{"type":"directory","metadata":{"path":"./src"}}`, inventory.Target{Name: "./src", Kind: "sbom"}, nil},
		{`{"type":"directory","target":"/some/path"}`, inventory.Target{Name: "/some/path", Kind: "sbom"}, nil},      // before version 9
		{`{"type":"image","target":{"userInput":"x","tags":["y"]}}`, inventory.Target{Name: "x", Kind: "sbom"}, nil}, // before version 9
		{`{"type":"image","metadata":{"tags":["y"]}}`, inventory.Target{Name: "y", Kind: "sbom"}, nil},               // nothing else names it
		{`{"type":"snap","name":"s","metadata":{"summary":"z"}}`, inventory.Target{Name: "s", Kind: "sbom"}, nil},    // others
		{`null`, inventory.Target{Kind: "sbom"}, nil},
		{`{}`, inventory.Target{Kind: "sbom"}, nil},
	}
	for _, tt := range tests {
		b, err := read(document(`"source":`+tt.source), codec.DefaultLimits())
		require.NoError(t, err)
		assert.Emptyf(t, problems(b), "of %s", tt.source)
		assert.Equalf(t, tt.want, b.Target, "of %s", tt.source)
		assert.Equalf(t, tt.layers, b.Layers, "of %s", tt.source)
		assert.Equal(t, strings.Contains(tt.source, "ACME"), b.Document.Supplier == "ACME")
	}
}

func TestOS(t *testing.T) {
	tests := []struct {
		distro string
		want   inventory.OS
	}{
		{
			`{"prettyName":"Rocky Linux 9.2 (Blue Onyx)","name":"Rocky Linux","id":"rocky","idLike":["rhel","centos"],"version":"9.2 (Blue Onyx)","versionID":"9.2","versionCodename":"c","variantID":"v","cpeName":"cpe:/o:rocky:rocky:9"}`,
			inventory.OS{ID: "rocky", Version: "9.2", Name: "Rocky Linux 9.2 (Blue Onyx)", Codename: "c", IDLike: []string{"rhel", "centos"}, Variant: "v", CPE: "cpe:/o:rocky:rocky:9"},
		},
		{`{"name":"debian","version":"10","idLike":""}`, inventory.OS{ID: "debian", Version: "10", Name: "debian"}}, // before version 2
		{`{"name":"x","idLike":"rhel fedora"}`, inventory.OS{ID: "x", Name: "x", IDLike: []string{"rhel", "fedora"}}},
		{`{"name":"Some Linux"}`, inventory.OS{Name: "Some Linux"}},
		{`{}`, inventory.OS{}},
		{`null`, inventory.OS{}},
	}
	for _, tt := range tests {
		b, err := read(document(`"distro":`+tt.distro), codec.DefaultLimits())
		require.NoError(t, err)
		assert.Equalf(t, tt.want, b.OS, "of %s", tt.distro)
	}
	b, err := read(document(`"artifacts":[{"name":"a","purl":"pkg:deb/debian/a@1?distro=debian-12"}]`), codec.DefaultLimits())
	require.NoError(t, err)
	assert.Equal(t, inventory.OS{ID: "debian", Version: "12"}, b.OS, "what package URLs say counts where nothing else does")
}

func TestDocument(t *testing.T) {
	b, err := read(document(`"descriptor":{"name":"syft","version":"1.57.1","configuration":{}},"more":{"x":[1]}`), codec.DefaultLimits())
	require.NoError(t, err)
	assert.Equal(t, inventory.Document{Format: "Syft", Version: "16.1.13", Encoding: "json", Tools: []inventory.Tool{{Name: "syft", Version: "1.57.1"}}}, b.Document)
	b, err = read(`{"artifacts":[],"descriptor":{"name":"syft"}}`, codec.DefaultLimits())
	require.NoError(t, err, "the descriptor is enough")
	assert.Equal(t, inventory.Document{Format: "Syft", Encoding: "json", Tools: []inventory.Tool{{Name: "syft"}}}, b.Document)
}

// TestProblems has documents of which a part cannot be understood, with the
// number of packages that are there nevertheless.
func TestProblems(t *testing.T) {
	tests := []struct {
		members  string
		packages int
		problem  string
	}{
		{`"artifacts":[{"name":"a","locations":"x"}]`, 1, `where the package was found, of "a" cannot be understood`},
		{`"artifacts":[{"name":"a","licenses":[1]}]`, 1, `a licence of "a" cannot be understood`},
		{`"artifacts":[{"name":"a","cpes":{}}]`, 1, `a CPE of "a" cannot be understood`},
		{`"artifacts":[{"name":"a","type":"rpm","metadata":[1]}]`, 1, `the metadata of "a" cannot be understood`},
		{`"artifacts":[{"name":"a","type":"rpm","metadata":{"signatures":"x"}}]`, 1, `the signatures of "a" cannot be understood`},
		{`"artifacts":[{"name":"a","purl":"x:y"}]`, 1, `the package URL of "a" cannot be understood`},
		{`"artifacts":[{"name":"a"},{"name":1},{"id":"?"}]`, 1, `artifact 2 cannot be understood`},
		{`"artifacts":[{"id":"q"}]`, 0, `a component has no name: "q"`},
		{`"artifacts":7`, 0, `the list of artifacts is no list`},
		{`"artifactRelationships":[{"parent":"p","child":"c","type":"dependency-of"}]`, 0, `1 relationships name something that is not in the document, such as "c"`},
		{`"source":[]`, 0, `the source cannot be understood`},
		{`"source":{"name":"n","metadata":[]}`, 0, `the metadata of the source "n" cannot be understood`},
		{`"source":{"name":"n","metadata":{"config":"AAAA"}}`, 0, `the configuration of "n" cannot be understood`},
		{`"source":{"metadata":{"config":"eyJjcmVhdGVkIjoieCJ9"}}`, 0, `when the image was built: no time: "x"`},
		{`"distro":{"idLike":1}`, 0, `the distribution cannot be understood`},
		{`"descriptor":1`, 0, `the descriptor cannot be understood`},
		{`"files":[{"location":{"path":"/p"},"unknowns":["unknowns-labeler: no package identified in archive","broken"]},{"location":{"path":"/q"}}]`, 0, `broken`},
		{`"files":[{"location":{"path":"/p"},"unknowns":1}]`, 0, `what is not known of the file "/p" cannot be understood`},
	}
	for _, tt := range tests {
		b, err := read(document(tt.members), codec.DefaultLimits())
		require.NoErrorf(t, err, "document %s", tt.members)
		assert.Lenf(t, b.Packages, tt.packages, "packages of %s", tt.members)
		assert.Containsf(t, strings.Join(problems(b), "\n"), tt.problem, "document %s", tt.members)
	}
	b, err := read(document(`"files":[{"location":{"path":"/p"},"unknowns":["broken"]}]`), codec.DefaultLimits())
	require.NoError(t, err)
	require.Len(t, b.Problems, 1)
	assert.Equal(t, "p", b.Problems[0].Path)
}

func TestErrors(t *testing.T) {
	limits := codec.Limits{Packages: 1, Edges: 1}
	tests := []struct {
		doc  string
		want error
	}{
		{`{}`, syftjson.ErrFormat},
		{`{"artifacts":[{"name":"a"}]}`, syftjson.ErrFormat},
		{`{"schema":{"version":"1","url":"https://example.com/schema.json"},"descriptor":{"name":"other"}}`, syftjson.ErrFormat},
		{document(`"artifacts":[{"name":"a"},{"name":"b"}]`), inventory.ErrTooLarge},
		{document(`"artifactRelationships":[{"type":"dependency-of"},{"type":"dependency-of"}]`), inventory.ErrTooLarge},
		{document(`"artifactRelationships":[{"type":"ownership-by-file-overlap"},{"type":"ownership-by-file-overlap"}]`), inventory.ErrTooLarge},
		{document(`"files":[{"unknowns":["a","b"]}]`), inventory.ErrTooLarge},
	}
	for _, tt := range tests {
		b, err := read(tt.doc, limits)
		assert.ErrorIsf(t, err, tt.want, "document %s", tt.doc)
		assert.Nil(t, b)
	}
	for _, doc := range []string{``, `[]`, `{"artifacts":[`, `{"artifacts":[{]}`, `{"source":{`, `{"distro":`, `{"schema":`, `{"descriptor":`} {
		_, err := read(doc, limits)
		assert.Errorf(t, err, "document %s", doc)
	}
}

// TestForeign compares what is read of documents that Syft made with what they
// say.
func TestForeign(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/sbom/foreign/syft-*/*.syft.json")
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("there are no documents of Syft in testdata/sbom/foreign")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			b, err := read(string(data), codec.DefaultLimits())
			require.NoError(t, err)
			compare(t, b, data)
		})
	}
}

func compare(t *testing.T, b *inventory.BOM, data []byte) {
	t.Helper()
	var doc struct {
		Artifacts []struct {
			ID, Name, Version, PURL string
			Metadata                map[string]any
		}
		ArtifactRelationships []struct{ Parent, Child, Type string }
		Source                struct {
			Metadata struct {
				ImageID, ManifestDigest string
				Layers                  []struct{ Digest string }
			}
		}
		Distro struct{ ID, VersionID, PrettyName string }
		Schema struct{ Version string }
		Files  []struct{ Unknowns []string }
	}
	require.NoError(t, json.Unmarshal(data, &doc))
	var failures []string
	for _, f := range doc.Files {
		for _, text := range f.Unknowns {
			if !strings.HasPrefix(text, "unknowns-labeler") {
				failures = append(failures, text)
			}
		}
	}
	assert.Equal(t, failures, problems(b))
	assert.Len(t, b.Packages, len(doc.Artifacts))
	assert.Equal(t, doc.Schema.Version, b.Document.Version)
	assert.Equal(t, doc.Distro.ID, b.OS.ID)
	assert.Equal(t, doc.Distro.VersionID, b.OS.Version)
	assert.Equal(t, doc.Distro.PrettyName, b.OS.Name)
	assert.Equal(t, doc.Source.Metadata.ImageID, b.Target.ImageID)
	assert.Equal(t, doc.Source.Metadata.ManifestDigest, b.Target.Digest)
	require.Len(t, b.Layers, len(doc.Source.Metadata.Layers))
	known := map[string]bool{}
	for i, l := range doc.Source.Metadata.Layers {
		assert.Equal(t, l.Digest, b.Layers[i].DiffID)
		known[l.Digest] = true
	}
	packages := map[string][]*inventory.Package{}
	for i := range b.Packages {
		p := &b.Packages[i]
		packages[p.PURL] = append(packages[p.PURL], p)
		assert.Truef(t, known[p.Layer.DiffID], "package %q is of a layer", p.Name)
		assert.NotEmptyf(t, p.Paths, "package %q is recorded", p.Name)
	}
	purls := map[string]string{}
	for _, a := range doc.Artifacts {
		purls[a.ID] = a.PURL
		require.NotEmptyf(t, packages[a.PURL], "artifact %q", a.Name)
		p := packages[a.PURL][0]
		assert.Equal(t, a.Version, p.Version)
		text := func(key string) string { s, _ := a.Metadata[key].(string); return s }
		switch p.Type {
		case "deb":
			want := text("source")
			if want == "" {
				want = a.Name
			}
			assert.Equalf(t, want, p.Source.Name, "source of %q", a.Name)
			assert.Equal(t, text("maintainer"), p.Maintainer)
		case "apk":
			assert.Equalf(t, text("originPackage"), p.Source.Name, "source of %q", a.Name)
		case "rpm":
			if file := text("sourceRpm"); file != "" {
				assert.Equal(t, file, p.Source.Name+"-"+p.Source.Version+".src.rpm")
			}
			assert.Equal(t, text("vendor"), p.Vendor)
		}
		if arch := text("architecture"); codec.OfDistribution(p.Type) {
			assert.Equal(t, arch, p.Arch)
		}
	}
	edges, want := map[string]bool{}, map[string]bool{}
	for _, r := range doc.ArtifactRelationships {
		if r.Type == "dependency-of" && r.Parent != r.Child && purls[r.Parent] != "" {
			want[purls[r.Child]+" "+purls[r.Parent]] = true
		}
	}
	for _, p := range b.Packages {
		for _, on := range p.DependsOn {
			edges[p.PURL+" "+on] = true
		}
	}
	assert.Equal(t, want, edges)
}

// FuzzJSON reads anything: an inventory keeps the limits, is the same each
// time, and its packages have names.
func FuzzJSON(f *testing.F) {
	f.Add(document(`"artifacts":[{"id":"1","name":"a","type":"deb","version":"1","purl":"pkg:deb/debian/a@1","licenses":["MIT"],"cpes":["x"],"metadata":{"source":"s"}}]`))
	f.Add(document(`"artifacts":[{"name":"a","type":"java-archive","locations":[{"path":"/a"}],"metadata":{"virtualPath":"/a:b.jar:c","digest":[{"algorithm":"sha1","value":"00"}]}}]`))
	f.Add(document(`"artifacts":[{"name":"a","type":"npm","metadata":{"integrity":"sha1-AA== x"}}],"files":[{"unknowns":["x"]}]`))
	f.Add(document(`"artifacts":[{"id":"1","name":"a","type":"rpm","metadata":{"sourceRpm":"a-1-1.src.rpm"}},{"id":"2","name":"b"}],"artifactRelationships":[{"parent":"1","child":"2","type":"dependency-of"}]`))
	f.Add(document(`"source":{"id":"1","metadata":{"layers":[{"digest":"sha256:0"}],"config":"e30=","manifest":"e30="}},"distro":{"idLike":"x"}`))
	f.Add(document(`"source":{"target":"x"}`))
	f.Fuzz(func(t *testing.T, doc string) {
		limits := codec.Limits{Packages: 5, Edges: 5}
		b, err := read(doc, limits)
		if err != nil {
			assert.Nil(t, b)
			return
		}
		assert.LessOrEqual(t, len(b.Packages), limits.Packages)
		edges := 0
		for _, p := range b.Packages {
			assert.NotEmpty(t, p.Name)
			edges += len(p.DependsOn)
		}
		assert.LessOrEqual(t, edges, limits.Edges)
		again, err := read(doc, limits)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("%+v", b.Packages), fmt.Sprintf("%+v", again.Packages))
	})
}
