package vex_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan/vex"
)

var (
	ab = "sha256:" + strings.Repeat("ab", 32) // of the manifest
	cd = "sha256:" + strings.Repeat("cd", 32) // of the configuration
	ef = "sha256:" + strings.Repeat("ef", 32) // of the index
)

// shop is the inventory of an image.
func shop() *inventory.BOM {
	return &inventory.BOM{
		Target:   inventory.Target{Name: "registry.example/team/shop:1.2@" + ef, Kind: "registry", Digest: ab, ImageID: cd, Platform: "linux/arm64/v8"},
		OS:       inventory.OS{ID: "debian", Version: "12", Codename: "bookworm"},
		Document: inventory.Document{ID: "urn:uuid:08CD7B2C-0000-4000-8000-000000000001"},
		Packages: []inventory.Package{
			{
				Type: "deb", Name: "libssl3", Version: "3.0.15-1", Source: inventory.Source{Name: "openssl", Version: "3.0.15-1"},
				PURL: "pkg:deb/debian/libssl3@3.0.15-1?arch=amd64&distro=debian-12", Paths: []string{"var/lib/dpkg/status"},
			},
			{Type: "deb", Name: "curl", Version: "7", PURL: "pkg:deb/debian/curl@7?arch=amd64", Paths: []string{"var/lib/dpkg/status"}},
			{
				Type: "pypi", Name: "requests", Version: "2.31.0", PURL: "pkg:pypi/requests@2.31.0", Paths: []string{"usr/lib/requests/METADATA"},
				OwnedBy: "pkg:deb/debian/python3-requests@2.31.0-1", CPEs: []string{"cpe:2.3:a:python:requests:2.31.0:*:*:*:*:*:*:*"},
			},
			{Type: "deb", Name: "docker-ce", PURL: "pkg:deb/debian/docker-ce@5:27", Maintainer: "Docker <support@docker.com>"},
			{Type: "maven", Name: "app", PURL: "pkg:maven/g/app@1", Paths: []string{"app.jar"}},
			{Type: "maven", Name: "lib", Version: "2.9.5", PURL: "pkg:maven/g/lib@2.9.5", Paths: []string{"app.jar!/BOOT-INF/lib/lib.jar"}},
			{Type: "maven", Name: "lib", Version: "3", PURL: "pkg:maven/g/lib@3", Paths: []string{"app.jar!/lib/lib3.jar", "other/lib3.jar"}},
			{Type: "golang", Name: "example.org/main", PURL: "pkg:golang/example.org/main@v1.0.0", Paths: []string{"bin/main"}, DependsOn: []string{"pkg:golang/golang.org/x/net@v0.1.0"}},
			{Type: "golang", Name: "golang.org/x/net", Version: "v0.1.0", PURL: "pkg:golang/golang.org/x/net@v0.1.0", Paths: []string{"bin/main"}},
			{Type: "golang", Name: "golang.org/x/text", Version: "v0.1.0", PURL: "pkg:golang/golang.org/x/text@v0.1.0", Paths: []string{"bin/main"}},
			{Type: "rpm", Name: "nodejs", PURL: "pkg:rpm/rhel/nodejs@18", Module: "nodejs:18:9030020:rhel9", Paths: []string{"var/lib/rpm"}},
		},
	}
}

const (
	libssl3 = iota
	curl
	requests
	docker
	app
	lib
	lib3
	goMain
	net
	text
	nodejs
)

// TestProducts is the table of the comment of the package, and what it leaves
// out.
func TestProducts(t *testing.T) {
	purl := func(s string) vex.Product { return vex.Product{PURLs: []string{s}} }
	in := func(p, within vex.Product) vex.Product { p.Within = &within; return p }
	image := func(s string) vex.Product { return vex.Product{Images: []string{s}} }
	tests := []struct {
		product vex.Product
		pkg     int
		want    bool
	}{
		// The package.
		{purl("pkg:deb/debian/libssl3"), libssl3, true},
		{purl("pkg:deb/debian/libssl3"), curl, false},
		{purl("pkg:deb/debian/libssl3@3.0.15-1?distro=bookworm"), libssl3, true},
		{purl("pkg:deb/debian/libssl3@3.0.16-1"), libssl3, false},
		{purl("pkg:deb/debian/openssl?arch=source"), libssl3, true},
		{purl("pkg:deb/debian/openssl"), libssl3, false},
		{purl("pkg:golang/golang.org/x/net@0.1.0"), net, true},
		{purl("pkg:golang/golang.org/x/net#html"), net, false},
		{vex.Product{CPEs: []string{"cpe:2.3:a:python:requests:*:*:*:*:*:*:*:*"}}, requests, true},
		{vex.Product{CPEs: []string{"cpe:/a:python:requests:2.31.0"}}, requests, true},
		{vex.Product{CPEs: []string{"cpe:/a:python:requests:2.32.0"}}, requests, false},
		{vex.Product{CPEs: []string{"cpe:/a:psf:requests:2.31.0"}, PURLs: []string{"pkg:pypi/requests"}}, requests, true}, // any name will do
		{vex.Product{PURLs: []string{"pkg:maven/g/lib"}, Versions: []string{"vers:maven/>=2.0|<3"}}, lib, true},
		{vex.Product{PURLs: []string{"pkg:maven/g/lib"}, Versions: []string{"vers:maven/>=2.0|<3"}}, lib3, false},
		{vex.Product{PURLs: []string{"pkg:maven/g/lib"}, Versions: []string{"1", "2.9.5"}}, lib, true},
		// The image, for any package in it.
		{vex.Product{Digests: []string{ab}}, net, true},
		{vex.Product{Digests: []string{cd}}, net, true},
		{vex.Product{Digests: []string{ef}}, net, true},
		{vex.Product{Digests: []string{"sha256:" + strings.Repeat("00", 32)}}, net, false},
		{purl("pkg:oci/shop@" + ab), curl, true},
		{purl("pkg:oci/shop@sha256%3A" + strings.Repeat("ab", 32) + "?repository_url=mirror.example/shop"), curl, true}, // same content
		{purl("pkg:oci/shop@" + ab + "?arch=arm64"), curl, true},
		{purl("pkg:oci/shop@" + ab + "?arch=amd64"), curl, false},
		{purl("pkg:oci/shop@sha256:" + strings.Repeat("00", 32) + "?repository_url=registry.example/team/shop"), curl, false},
		{purl("pkg:oci/shop?repository_url=registry.example/team/shop"), curl, true},
		{purl("pkg:oci/shop?repository_url=https://registry.example/team/shop/"), curl, true},
		{purl("pkg:oci/shop?repository_url=registry.example/team"), curl, true},
		{purl("pkg:oci/shop?repository_url=registry.example/other/shop"), curl, false},
		{purl("pkg:oci/shop?tag=1.2"), curl, true},
		{purl("pkg:oci/shop?tag=1.3"), curl, false},
		{purl("pkg:oci/shop"), curl, true},
		{purl("pkg:oci/team"), curl, false},
		{purl("pkg:docker/team/shop@1.2?repository_url=registry.example"), curl, true},
		{purl("pkg:docker/team/shop@1.2"), curl, false}, // Docker Hub's
		{image("registry.example/team/shop"), curl, true},
		{image("registry.example/team/shop:1.2"), curl, true},
		{image("registry.example/team/shop:latest"), curl, false},
		{image("team/shop:1.2"), curl, false},
		{vex.Product{BOM: "urn:uuid:08cd7b2c-0000-4000-8000-000000000001"}, curl, true},
		{vex.Product{BOM: "urn:uuid:08cd7b2c-0000-4000-8000-000000000002"}, curl, false},
		{purl("pkg:oci/shop@sha256%253A" + strings.Repeat("ab", 32) + "?repository_url=registry.example%2Fteam"), curl, true}, // escaped twice
		{purl("pkg:oci/shop@sha256%253A" + strings.Repeat("00", 32)), curl, false},
		{vex.Product{Images: []string{"registry.example/team/shop"}, Versions: []string{"1.2"}}, curl, true},
		{vex.Product{Images: []string{"registry.example/team/shop"}, Versions: []string{"1.3", "vers:generic/>=2"}}, curl, false},
		{vex.Product{Digests: []string{ab}, Versions: []string{"1.3"}}, curl, true}, // the digest says it all
		// The distribution, for its own packages.
		{vex.Product{CPEs: []string{"cpe:/o:debian:debian_linux:12"}}, curl, true},
		{vex.Product{CPEs: []string{"cpe:2.3:o:debian:debian_linux:*:*:*:*:*:*:*:*"}}, curl, true},
		{vex.Product{CPEs: []string{"cpe:/o:debian:debian_linux:1"}}, curl, false},
		{vex.Product{CPEs: []string{"cpe:/o:debian:debian_linux:12"}}, net, false},
		{vex.Product{CPEs: []string{"cpe:/o:debian:debian_linux:12"}}, docker, false}, // not Debian's
		// A package within something.
		{in(purl("pkg:npm/lodash"), purl("pkg:oci/shop")), curl, false},
		{in(purl("pkg:deb/debian/curl"), purl("pkg:oci/shop")), curl, true},
		{in(purl("pkg:deb/debian/curl"), purl("pkg:oci/other")), curl, false},
		{in(purl("pkg:deb/debian/curl"), vex.Product{CPEs: []string{"cpe:/o:debian:debian_linux:12"}}), curl, true},
		{in(purl("pkg:deb/debian/curl"), vex.Product{CPEs: []string{"cpe:/o:debian:debian_linux:11"}}), curl, false},
		{in(purl("pkg:pypi/requests"), purl("pkg:deb/debian/python3-requests")), requests, true},
		{in(purl("pkg:pypi/requests"), purl("pkg:deb/debian/python3")), requests, false},
		{in(purl("pkg:maven/g/lib"), purl("pkg:maven/g/app")), lib, true},
		{in(purl("pkg:maven/g/lib"), purl("pkg:maven/g/app@2")), lib, false},
		{in(purl("pkg:maven/g/lib"), vex.Product{PURLs: []string{"pkg:maven/g/app"}, Versions: []string{"1"}}), lib, true},
		{in(purl("pkg:maven/g/lib"), vex.Product{PURLs: []string{"pkg:maven/g/app"}, Versions: []string{"2"}}), lib, false},
		{in(purl("pkg:maven/g/lib"), purl("pkg:maven/g/app")), lib3, false}, // it is elsewhere too
		{in(purl("pkg:golang/golang.org/x/net"), purl("pkg:golang/example.org/main")), net, true},
		{in(purl("pkg:golang/golang.org/x/net"), purl("pkg:golang/golang.org/x/text")), net, false}, // beside it
		{in(purl("pkg:deb/debian/libssl3"), purl("pkg:deb/debian/curl")), libssl3, false},           // one database is no relation
		{in(purl("pkg:rpm/redhat/nodejs"), purl("pkg:rpmmod/redhat/nodejs@18")), nodejs, true},
		{in(purl("pkg:rpm/redhat/nodejs"), purl("pkg:rpmmod/redhat/nodejs@1")), nodejs, false},
		{in(purl("pkg:rpm/redhat/nodejs"), in(purl("pkg:rpmmod/redhat/nodejs@18"), purl("pkg:oci/shop"))), nodejs, true},
		{in(purl("pkg:rpm/redhat/nodejs"), in(purl("pkg:rpmmod/redhat/nodejs@18"), purl("pkg:oci/other"))), nodejs, false},
		{in(purl("pkg:oci/shop@"+ab), vex.Product{CPEs: []string{"cpe:/a:acme:platform:4"}}), curl, true}, // the digest says it all
		{in(purl("pkg:oci/shop"), vex.Product{CPEs: []string{"cpe:/a:acme:platform:4"}}), curl, false},
	}
	bom := shop()
	for _, tt := range tests {
		d := &vex.Document{Name: "d", Statements: []vex.Statement{{IDs: []string{"CVE-1"}, Status: vex.Fixed, Products: []vex.Product{tt.product}}}}
		s, err := vex.NewSet(d)
		require.NoError(t, err)
		got := s.For(bom).Match([]string{"CVE-1"}, &bom.Packages[tt.pkg])
		assert.Equalf(t, tt.want, len(got) == 1, "%s, versions %q, for %s", &tt.product, tt.product.Versions, bom.Packages[tt.pkg].PURL)
	}
}

// TestNeeds tells whether a package is within one that needs it: c is needed by
// a alone, through b.
func TestNeeds(t *testing.T) {
	pkg := func(name string, on ...string) inventory.Package {
		p := inventory.Package{Type: "npm", Name: name, PURL: "pkg:npm/" + name + "@1", Paths: []string{"package-lock.json"}}
		for _, o := range on {
			p.DependsOn = append(p.DependsOn, "pkg:npm/"+o+"@1")
		}
		return p
	}
	base := func() []inventory.Package {
		return []inventory.Package{pkg("c"), pkg("a", "b"), pkg("b", "c", "missing"), pkg("other")}
	}
	direct := base()
	direct[0].Relation = inventory.Direct
	viaDirect := base()
	viaDirect[2].Relation = inventory.Direct
	circle := append(base(), pkg("x", "y"), pkg("y", "x"))
	tests := []struct {
		name     string
		packages []inventory.Package
		product  string
		pkg      int
		want     bool
	}{
		{"by b", base(), "pkg:npm/b", 0, true},
		{"through b", base(), "pkg:npm/a", 0, true},
		{"in another version", base(), "pkg:npm/a@2", 0, false},
		{"not by itself", base(), "pkg:npm/c", 0, false},
		{"not at all", base(), "pkg:npm/other", 0, false},
		{"by another too", append(base(), pkg("d", "c")), "pkg:npm/a", 0, false},
		{"by another that a needs", append(base(), pkg("a", "d"), pkg("d", "c")), "pkg:npm/a", 0, true},
		{"by the project", direct, "pkg:npm/a", 0, false},
		{"by b, which the project asks for", viaDirect, "pkg:npm/a", 0, false},
		{"by b, which the project asks for, in b", viaDirect, "pkg:npm/b", 0, true},
		{"in a circle", circle, "pkg:npm/x", 5, false},
	}
	for _, tt := range tests {
		d, err := vex.Parse("d", []byte(openVEX(`{"vulnerability": "CVE-1", "products": ["`+tt.product+`"], "subcomponents": ["pkg:npm/c", "pkg:npm/y"], "status": "fixed"}`)))
		require.NoError(t, err)
		s, err := vex.NewSet(d)
		require.NoError(t, err)
		got := s.For(&inventory.BOM{Packages: tt.packages}).Match([]string{"CVE-1"}, &tt.packages[tt.pkg])
		assert.Equal(t, tt.want, len(got) == 1, tt.name)
	}
	deb := []inventory.Package{{Type: "deb", PURL: "pkg:deb/debian/c"}, {Type: "deb", PURL: "pkg:deb/debian/a", DependsOn: []string{"pkg:deb/debian/c"}}}
	d, err := vex.Parse("d", []byte(openVEX(`{"vulnerability": "CVE-1", "products": ["pkg:deb/debian/a"], "subcomponents": ["pkg:deb/debian/c"], "status": "fixed"}`)))
	require.NoError(t, err)
	s, err := vex.NewSet(d)
	require.NoError(t, err)
	assert.Empty(t, s.For(&inventory.BOM{Packages: deb}).Match([]string{"CVE-1"}, &deb[0]), "anybody can run it")
}

// TestArchiveHasNoName shows that the name of a file is not that of an image.
func TestArchiveHasNoName(t *testing.T) {
	bom := shop()
	bom.Target.Kind = "docker-archive"
	for name, want := range map[string]bool{"registry.example/team/shop": false, ab: true} {
		d, err := vex.Parse("d", []byte(openVEX(`{"vulnerability": "CVE-1", "products": ["`+name+`"], "status": "fixed"}`)))
		require.NoError(t, err)
		s, err := vex.NewSet(d)
		require.NoError(t, err)
		assert.Equalf(t, want, len(s.For(bom).Match([]string{"CVE-1"}, &bom.Packages[curl])) == 1, "%s", name)
	}
}

// TestTargetOfBOM matches what a bill of materials is about by name and version.
func TestTargetOfBOM(t *testing.T) {
	lodash := inventory.Package{Type: "npm", Name: "lodash", PURL: "pkg:npm/lodash@4"}
	for product, want := range map[string]bool{
		"pkg:npm/%40a/shop@1": true, "pkg:npm/%40a/shop": true, "pkg:npm/%40a/shop@2": false, "pkg:npm/shop@1": false, "pkg:npm/cart@1": false,
	} {
		d, err := vex.Parse("d", []byte(openVEX(`{"vulnerability": "CVE-1", "products": ["`+product+`"], "subcomponents": ["pkg:npm/lodash"], "status": "fixed"}`)))
		require.NoError(t, err)
		whole, err := vex.Parse("d", []byte(openVEX(`{"vulnerability": "CVE-1", "products": ["`+product+`"], "status": "fixed"}`)))
		require.NoError(t, err)
		for _, d := range []*vex.Document{d, whole} {
			s, err := vex.NewSet(d)
			require.NoError(t, err)
			bom := &inventory.BOM{Target: inventory.Target{Name: "@a/shop", Version: "1", Kind: "sbom"}, Document: inventory.Document{Format: "CycloneDX"}}
			assert.Equalf(t, want, len(s.For(bom).Match([]string{"CVE-1"}, &lodash)) == 1, "%s", product)
			bom.Document.Format = "" // an image is not named so
			assert.Emptyf(t, s.For(bom).Match([]string{"CVE-1"}, &lodash), "%s", product)
		}
	}
}

// TestReleases matches a document in the form of Linux vendors.
func TestReleases(t *testing.T) {
	s, err := vex.NewSet(load(t, "csaf-distribution.json"))
	require.NoError(t, err)
	libs := inventory.Package{
		Type: "rpm", Name: "openssl-libs", Version: "1:3.0.7-25.el9_3", PURL: "pkg:rpm/rhel/openssl-libs@3.0.7-25.el9_3?arch=x86_64&epoch=1",
		Source: inventory.Source{Name: "openssl", Version: "3.0.7-25.el9_3"},
	}
	node := inventory.Package{Type: "rpm", Name: "nodejs", PURL: "pkg:rpm/rhel/nodejs@18.0.0-1.el9?arch=x86_64", Module: "nodejs:18:9:x"}
	tests := []struct {
		os   inventory.OS
		pkg  inventory.Package
		want vex.Status
	}{
		{inventory.OS{ID: "rhel", Version: "9.3"}, libs, vex.Fixed},
		{inventory.OS{ID: "rhel", Version: "9.3"}, node, vex.Fixed},
		{inventory.OS{ID: "rhel", Version: "8.9"}, libs, vex.NotAffected}, // by its source
		{inventory.OS{ID: "rhel", Version: "8.9"}, node, ""},
		{inventory.OS{ID: "rocky", Version: "9.3", CPE: "cpe:/o:rocky:rocky:9::baseos"}, libs, ""},
		{inventory.OS{CPE: "cpe:/o:redhat:enterprise_linux:9::baseos"}, libs, vex.Fixed},
		{inventory.OS{CPE: "cpe:/a:redhat:rhel_eus:9.2::appstream"}, libs, vex.Affected},
	}
	for _, tt := range tests {
		got := s.For(&inventory.BOM{OS: tt.os}).Match([]string{"CVE-2026-0001"}, &tt.pkg)
		if tt.want == "" {
			assert.Emptyf(t, got, "%v %s", tt.os, tt.pkg.Name)
			continue
		}
		require.Lenf(t, got, 1, "%v %s", tt.os, tt.pkg.Name)
		assert.Equalf(t, tt.want, got[0].Statement.Status, "%v %s", tt.os, tt.pkg.Name)
	}
}

// TestPrecedence tells which of several statements wins.
func TestPrecedence(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }
	statement := func(status vex.Status, day int, ids ...string) vex.Statement {
		return vex.Statement{Ref: string(status), IDs: ids, Status: status, Time: at(day), Products: []vex.Product{{PURLs: []string{"pkg:deb/debian/curl"}}}}
	}
	doc := func(statements ...vex.Statement) *vex.Document {
		return &vex.Document{Name: "d", Statements: statements}
	}
	tests := []struct {
		name string
		docs []*vex.Document
		want []vex.Status
	}{
		{"the later", []*vex.Document{doc(statement(vex.Affected, 2, "CVE-1")), doc(statement(vex.Fixed, 1, "CVE-1"))}, []vex.Status{vex.Affected, vex.Fixed}},
		{"the later in one", []*vex.Document{doc(statement(vex.Affected, 1, "CVE-1"), statement(vex.Fixed, 2, "CVE-1"))}, []vex.Status{vex.Fixed, vex.Affected}},
		{"given last", []*vex.Document{doc(statement(vex.Affected, 1, "CVE-1")), doc(statement(vex.Fixed, 1, "CVE-1"))}, []vex.Status{vex.Fixed, vex.Affected}},
		{
			"the most cautious",
			[]*vex.Document{doc(
				statement(vex.NotAffected, 1, "CVE-1"), statement(vex.Fixed, 1, "CVE-1"), statement(vex.Affected, 1, "CVE-1"), statement(vex.UnderInvestigation, 1, "CVE-1"),
			)},
			[]vex.Status{vex.Affected, vex.UnderInvestigation, vex.Fixed, vex.NotAffected},
		},
		{"aliases", []*vex.Document{doc(statement(vex.Affected, 1, "CVE-1", "GHSA-1")), doc(statement(vex.Fixed, 2, "ghsa-1"))}, []vex.Status{vex.Fixed, vex.Affected}},
		{"another flaw", []*vex.Document{doc(statement(vex.Affected, 1, "CVE-2"))}, nil},
	}
	bom := shop()
	for _, tt := range tests {
		s, err := vex.NewSet(tt.docs...)
		require.NoError(t, err)
		var got []vex.Status
		for _, m := range s.For(bom).Match([]string{"CVE-1", "GHSA-1"}, &bom.Packages[curl]) {
			got = append(got, m.Statement.Status)
			assert.Same(t, tt.docs[m.Index], m.Document)
		}
		assert.Equal(t, tt.want, got, tt.name)
	}
}

func TestNewSetErrors(t *testing.T) {
	deep := vex.Product{PURLs: []string{"pkg:npm/a"}}
	for range 100 {
		deep = vex.Product{PURLs: []string{"pkg:npm/a"}, Within: &deep}
	}
	for want, p := range map[string]vex.Product{
		`package URL "npm"`:        {PURLs: []string{"npm"}},
		`no CPE: "cpe:2.3:a"`:      {CPEs: []string{"cpe:2.3:a"}},
		`no image: "A b"`:          {Images: []string{"A b"}},
		"vers:":                    {Versions: []string{"vers:x"}},
		"products within products": deep,
	} {
		_, err := vex.NewSet(&vex.Document{Name: "d", Statements: []vex.Statement{{Ref: "statement 1", Products: []vex.Product{p}}}})
		require.ErrorContains(t, err, "vex: d: statement 1: ")
		assert.ErrorContains(t, err, want)
	}
}

// TestManyProducts shows that a finding does not meet all products on its flaw.
func TestManyProducts(t *testing.T) {
	st := vex.Statement{IDs: []string{"CVE-1"}, Status: vex.Fixed}
	for range 50_000 {
		st.Products = append(st.Products, vex.Product{PURLs: []string{"pkg:npm/other"}})
	}
	s, err := vex.NewSet(&vex.Document{Statements: []vex.Statement{st}})
	require.NoError(t, err)
	bom := shop()
	m := s.For(bom)
	start := time.Now()
	for range 10_000 {
		require.Empty(t, m.Match([]string{"CVE-1"}, &bom.Packages[curl]))
	}
	assert.Less(t, time.Since(start), 5*time.Second)
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{
		"openvex-0.2.0.json", "openvex-0.0.1.json", "cyclonedx-embedded.json", "cyclonedx-link.json", "csaf-distribution.json", "csaf-application.json",
	} {
		data, err := readFile(name)
		require.NoError(f, err)
		f.Add(data)
	}
	bom := shop()
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := vex.Parse("d", data)
		if err != nil {
			require.Nil(t, d)
			return
		}
		s, err := vex.NewSet(d)
		require.NoError(t, err, "what is read can be compared")
		m := s.For(bom)
		for _, st := range d.Statements {
			require.NotEmpty(t, st.IDs)
			require.NotEmpty(t, st.Products)
			require.NotEmpty(t, st.Ref)
			for i := range bom.Packages {
				for _, match := range m.Match(st.IDs, &bom.Packages[i]) {
					require.NotEmpty(t, match.Product.String())
				}
			}
		}
	})
}
