package sbomfile

import (
	"context"
	"errors"
	"fmt"
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

const bomPath = "app/app.cdx.json"

func npm(namespace, name, version string, requires ...string) inventory.Package {
	return inventory.Package{Type: "npm", Namespace: namespace, Name: name, Version: version, Requires: requires}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "sbomfile", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		bomPath:             true,
		"app/app.spdx.json": true,
		"app/app.spdx":      true,
		"opt/bitnami/postgresql/.spdx-postgresql.spdx": true,
		"var/lib/db/sbom/zlib-1.3.1-r0.spdx.json":      true,
		"var/lib/db/sbom/zlib.json":                    true,
		"srv/var/lib/db/sbom/zlib.json":                false,
		"app/package.json":                             false,
	})
}

func extract(t *testing.T, elem ...string) inventory.Facts {
	t.Helper()
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(elem[len(elem)-1], extracttest.Fixture(t, elem...)))
	require.NoError(t, err, elem)
	extracttest.Check(t, facts, err)
	assert.Empty(t, facts.Problems, elem)
	return facts
}

func TestExtractFixture(t *testing.T) {
	// npm writes the same application in both formats.
	cdx, spdx := extract(t, "npm", "shop.cdx.json"), extract(t, "npm", "shop.spdx.json")
	require.Len(t, cdx.Packages, 22)
	require.Len(t, spdx.Packages, 22)
	byName := make(map[string]inventory.Package)
	for _, p := range spdx.Packages {
		byName[p.Namespace+"/"+p.Name+"@"+p.Version] = p
	}
	for _, p := range cdx.Packages {
		other := byName[p.Namespace+"/"+p.Name+"@"+p.Version]
		assert.ElementsMatch(t, p.Requires, other.Requires, p.Name)
		p.Requires, other.Requires = nil, nil
		assert.Equal(t, p, other)
	}
	assert.Equal(t, []string{"send@0.17.1", "@babel/runtime@7.20.0"}, cdx.Packages[0].Requires)
	runtime := npm("@babel", "runtime", "7.20.0", "regenerator-runtime@0.13.11")
	runtime.Licenses = []string{"MIT"}
	assert.Contains(t, cdx.Packages, runtime)

	bitnami := extract(t, "bitnami", ".spdx-postgresql.spdx")
	require.Len(t, bitnami.Packages, 19)
	assert.Equal(t, inventory.Package{
		Type: "bitnami", Name: "postgresql", Version: "17.2.0-8", Arch: "arm64", Licenses: []string{"PostgreSQL"},
		CPEs: []string{"cpe:2.3:*:postgresql:postgresql:17.2.0:*:*:*:*:*:*:*"}, Qualifiers: map[string]string{"distro": "debian-12"},
	}, bitnami.Packages[0])

	tags := extract(t, "tags", "image.spdx")
	require.Len(t, tags.Packages, 4)
	assert.Equal(t, inventory.Package{
		Type: "apk", Namespace: "alpine", Name: "busybox", Version: "1.31.1-r19", Arch: "x86_64", Licenses: []string{"GPL-2.0-only"},
		Source: inventory.Source{Name: "busybox", Version: "1.31.1-r19"}, CPEs: []string{"cpe:2.3:a:busybox:busybox:1.31.1-r19:*:*:*:*:*:*:*"},
		Qualifiers: map[string]string{"distro": "alpine-3.12.5"},
	}, tags.Packages[0])
	assert.Len(t, tags.Packages[1].CPEs, 15)
	assert.Empty(t, tags.Packages[1].Licenses, "NONE is no licence")
}

// cdx returns a document of CycloneDX with components and dependencies.
func cdx(components, dependencies string) string {
	return `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[` + components + `],"dependencies":[` + dependencies + `]}`
}

// spdx returns a document of SPDX with packages and relationships.
func spdx(packages, relationships string) string {
	return `{"spdxVersion":"SPDX-2.3","packages":[` + packages + `],"relationships":[` + relationships + `]}`
}

// nested returns n components within each other.
func nested(n int) string {
	s := `{"type":"library","name":"in","purl":"pkg:npm/in@1"}`
	for range n {
		s = `{"type":"library","name":"out","version":"1","purl":"pkg:npm/out@1","components":[` + s + `]}`
	}
	return s
}

func TestExtract(t *testing.T) {
	a, b := npm("", "a", "1"), npm("", "b", "2")
	cdxA := `{"bom-ref":"A","type":"library","name":"a","version":"1","purl":"pkg:npm/a@1"}`
	cdxB := `{"bom-ref":"B","type":"library","name":"b","version":"2","purl":"pkg:npm/b@2"}`
	spdxA := `{"SPDXID":"A","name":"a","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:npm/a@1"}]}`
	spdxB := `{"SPDXID":"B","name":"b","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:npm/b@2"}]}`
	full := a
	full.Licenses, full.CPEs, full.Vendor = []string{"MIT", "A licence", "X OR Y"}, []string{"cpe:2.3:a:a:a:1:*:*:*:*:*:*:*"}, "V"
	aNeedsB := npm("", "a", "1", "b@2")
	maven := inventory.Package{Type: "maven", Namespace: "g", Name: "m", Version: "3"}
	aNeedsM := npm("", "a", "1", "g/m@3")
	rpm := inventory.Package{Type: "rpm", Namespace: "redhat", Name: "bash", Version: "1:5.1-1", Arch: "x86_64", Source: inventory.Source{Name: "bash", Version: "5.1-1.src"}}
	deb := inventory.Package{Type: "deb", Namespace: "debian", Name: "libc6", Version: "1:2-1", Source: inventory.Source{Name: "glibc", Version: "1:2-1"}, Qualifiers: map[string]string{"distro": "debian-12"}}
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"CycloneDX, nothing in it", cdx("", ""), inventory.Facts{}},
		{"CycloneDX without lists", `{"bomFormat":"CycloneDX","components":null}`, inventory.Facts{}},
		{"CycloneDX after a byte order mark", "\xef\xbb\xbf\n" + cdx(cdxA, ""), inventory.Facts{Packages: []inventory.Package{a}}},
		{"CycloneDX in order", cdx(cdxB+","+cdxA, ""), inventory.Facts{Packages: []inventory.Package{b, a}}},
		{
			"CycloneDX, all fields", cdx(`{"type":"library","name":"a","version":"1","purl":"pkg:npm/a@1","cpe":"cpe:2.3:a:a:a:1:*:*:*:*:*:*:*","supplier":{"name":"V"},"publisher":"P",
				"licenses":[{"license":{"id":"MIT","name":"x"}},{"license":{"name":"A licence"}},{"expression":"X OR Y"},{"license":{"id":"MIT"}}]}`, ""),
			inventory.Facts{Packages: []inventory.Package{full}},
		},
		{"CycloneDX, dependencies", cdx(cdxA+","+cdxB, `{"ref":"A","dependsOn":["B","B","A","unknown"]},{"ref":"A","dependsOn":["B"]},{"ref":"B"}`), inventory.Facts{Packages: []inventory.Package{aNeedsB, b}}},
		{"CycloneDX, the root", `{"bomFormat":"CycloneDX","metadata":{"component":` + cdxA + `}}`, inventory.Facts{Packages: []inventory.Package{a}}},
		{"CycloneDX, the root without a package URL", `{"bomFormat":"CycloneDX","metadata":{"component":{"name":"image","type":"container"}}}`, inventory.Facts{Ignored: 1}},
		{"CycloneDX, what is no package", cdx(`{"type":"file","name":"/bin/sh"},{"type":"operating-system","name":"alpine"},{"type":"library","purl":"pkg:npm/x@1","scope":"excluded"}`, ""), inventory.Facts{Ignored: 3}},
		{"CycloneDX, no package URL", cdx(`{"type":"library","name":"x"},`+cdxA, ""), inventory.Facts{Packages: []inventory.Package{a}, Ignored: 1, Problems: []string{"1 packages have no package URL"}}},
		{"CycloneDX, a CPE of the old form", cdx(`{"purl":"pkg:npm/a@1","cpe":"cpe:/a:a:a:1"}`, ""), inventory.Facts{Packages: []inventory.Package{a}}},
		{"CycloneDX, nested", cdx(nested(1), ""), inventory.Facts{Packages: []inventory.Package{npm("", "out", "1"), npm("", "in", "1")}}},
		{"CycloneDX, version beside the package URL", cdx(`{"name":"a","version":"1","purl":"pkg:npm/a"}`, ""), inventory.Facts{Packages: []inventory.Package{a}}},
		{"CycloneDX, a component that is none", cdx(`5,`+cdxA, ""), inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{"component 1 cannot be understood: json: cannot unmarshal number into Go value of type sbomfile.component"}}},
		{"CycloneDX, licences that are none", cdx(`{"name":"a","purl":"pkg:npm/a@1","licenses":"MIT"}`, ""), inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{`package "a" has licences that cannot be understood: json: cannot unmarshal string into Go value of type []sbomfile.licenceChoice`}}},
		{"CycloneDX, components that are no list", `{"bomFormat":"CycloneDX","components":{}}`, inventory.Facts{Problems: []string{"the components are no list"}}},
		{"CycloneDX, metadata that is none", `{"bomFormat":"CycloneDX","metadata":[1],"components":[` + cdxA + `]}`, inventory.Facts{Packages: []inventory.Package{a}, Problems: []string{"the metadata cannot be understood: json: cannot unmarshal array into Go value of type struct { Component *sbomfile.component \"json:\\\"component\\\"\" }"}}},
		{"no version", cdx(`{"name":"x","purl":"pkg:npm/x"}`, ""), inventory.Facts{Problems: []string{`package "pkg:npm/x" has no version`}}},
		{"not a package URL", cdx(`{"name":"x","purl":"npm/x@1"}`, ""), inventory.Facts{Problems: []string{`package "x" has a package URL that cannot be understood: "npm/x@1"`}}},

		{"SPDX, nothing in it", spdx("", ""), inventory.Facts{}},
		{
			"SPDX, all fields", spdx(`{"name":"a","licenseDeclared":"MIT","licenseConcluded":"x","supplier":"Organization: V","externalRefs":[
				{"referenceType":"cpe22Type","referenceLocator":"cpe:/a:a"},{"referenceType":"cpe23Type","referenceLocator":"cpe:2.3:a:a:a:1:*:*:*:*:*:*:*"},
				{"referenceType":"purl","referenceLocator":"pkg:npm/a@1"},{"referenceType":"purl","referenceLocator":"pkg:npm/other@1"}]}`, ""),
			inventory.Facts{Packages: []inventory.Package{{Type: "npm", Name: "a", Version: "1", Vendor: "V", Licenses: []string{"MIT"}, CPEs: full.CPEs}}},
		},
		{"SPDX, the licence that was concluded", spdx(`{"licenseDeclared":"NOASSERTION","licenseConcluded":"MIT","supplier":"NOASSERTION","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:npm/a@1"}]}`, ""), inventory.Facts{Packages: []inventory.Package{{Type: "npm", Name: "a", Version: "1", Licenses: []string{"MIT"}}}}},
		{"SPDX, relationships", spdx(spdxA+","+spdxB, `{"spdxElementId":"A","relationshipType":"DEPENDS_ON","relatedSpdxElement":"B"},{"spdxElementId":"B","relationshipType":"DEPENDENCY_OF","relatedSpdxElement":"A"},{"spdxElementId":"B","relationshipType":"CONTAINS","relatedSpdxElement":"A"}`), inventory.Facts{Packages: []inventory.Package{aNeedsB, b}}},
		{"SPDX, a group is part of the name", spdx(spdxA+`,{"SPDXID":"M","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:maven/g/m@3"}]}`, `{"spdxElementId":"A","relationshipType":"DEPENDS_ON","relatedSpdxElement":"M"}`), inventory.Facts{Packages: []inventory.Package{aNeedsM, maven}}},
		{"SPDX, what the document is about", spdx(`{"SPDXID":"I","name":"image"},{"SPDXID":"J"},{"name":"os","primaryPackagePurpose":"OPERATING-SYSTEM"},{"name":"x"}`, `{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"I"},{"spdxElementId":"J","relationshipType":"DESCRIBED_BY","relatedSpdxElement":"SPDXRef-DOCUMENT"}`), inventory.Facts{Ignored: 4, Problems: []string{"1 packages have no package URL"}}},
		{"SPDX, packages of an operating system", spdx(`{"externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:rpm/redhat/bash@5.1-1?arch=x86_64&epoch=1&upstream=bash@5.1-1.src"}]},{"externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:deb/debian/libc6@1%3A2-1?distro=debian-12&upstream=glibc"}]}`, ""), inventory.Facts{Packages: []inventory.Package{rpm, deb}}},

		{"tags, nothing in it", "SPDXVersion: SPDX-2.3\n", inventory.Facts{}},
		{
			"tags", "# c\nSPDXVersion: SPDX-2.2\nDocumentComment: <text>a\nPackageName: not here\n</text>\n\nPackageName: a\r\nSPDXID: A\nPackageComment: <text>one line</text>\nPackageLicenseDeclared: NOASSERTION\nPackageLicenseConcluded: MIT\nPackageSupplier: Person: Me (me@example.com)\n" +
				"ExternalRef: PACKAGE-MANAGER purl pkg:npm/a@1\nExternalRef: SECURITY cpe23Type cpe:2.3:a:a:a:1:*:*:*:*:*:*:*\nExternalRef: OTHER x\nPackageName: b\nSPDXID: B\nExternalRef: PACKAGE-MANAGER purl pkg:npm/b@2\nFileName: ./x\nSPDXID: F\nRelationship: A DEPENDS_ON B\nRelationship: A\n",
			inventory.Facts{Packages: []inventory.Package{{Type: "npm", Name: "a", Version: "1", Vendor: "Me (me@example.com)", Licenses: []string{"MIT"}, CPEs: full.CPEs, Requires: []string{"b@2"}}, b}},
		},
		{"tags, the document is about one", "SPDXVersion: SPDX-2.3\nPackageName: image\nSPDXID: I\nPackageVersion: 1\nRelationship: SPDXRef-DOCUMENT DESCRIBES I\nPackageName: os\nPrimaryPackagePurpose: OPERATING-SYSTEM\n", inventory.Facts{Ignored: 2}},
		{"tags, a line without one", "SPDXVersion: SPDX-2.3\nnonsense\nPackageName: x\n", inventory.Facts{Ignored: 1, Problems: []string{`a line has no tag: "nonsense"`, "1 packages have no package URL"}}},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(bomPath, tt.content))
		require.NoErrorf(t, err, tt.name)
		assert.Equalf(t, tt.want, facts, tt.name)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	many := strings.TrimSuffix(strings.Repeat(`{"purl":"pkg:npm/a@1"},`, maxPackages+1), ",")
	deep := strings.Repeat(`{"components":[`, 6) + `{"name":"` + strings.Repeat("x", 24<<20) + `"}` + strings.Repeat("]}", 6)
	for _, tt := range []struct {
		name    string
		ctx     context.Context
		content io.Reader
		is      error
		text    string
	}{
		{"canceled", canceled, strings.NewReader(cdx("", "")), context.Canceled, ""},
		{"read error", t.Context(), iotest.ErrReader(broken), broken, ""},
		{"read error later", t.Context(), io.MultiReader(strings.NewReader("{"), iotest.ErrReader(broken)), broken, ""},
		{"too large", t.Context(), io.MultiReader(strings.NewReader("{"), extracttest.Endless(" ")), inventory.ErrTooLarge, "more than 67108864 bytes"},
		{"white space without end", t.Context(), extracttest.Endless(" "), errFormat, ""},
		{"tags too large", t.Context(), io.MultiReader(strings.NewReader("SPDXVersion: SPDX-2.3\n"), extracttest.Endless("FileName: "+strings.Repeat("x", 1000)+"\n")), inventory.ErrTooLarge, "more than 67108864 bytes"},
		{"many packages", t.Context(), strings.NewReader(cdx(many, "")), inventory.ErrTooLarge, "more than 200000 packages"},
		{"many packages in tags", t.Context(), io.MultiReader(strings.NewReader("SPDXVersion: SPDX-2.3\n"), extracttest.Endless("PackageName: x\n")), inventory.ErrTooLarge, "more than 200000 packages"},
		{"much in components that are nested", t.Context(), strings.NewReader(cdx(deep, "")), inventory.ErrTooLarge, "bytes of nested lists"},
		{"empty", t.Context(), strings.NewReader(""), errFormat, ""},
		{"white space", t.Context(), strings.NewReader(" \n"), errFormat, ""},
		{"an XML document", t.Context(), strings.NewReader("<rdf:RDF>\n</rdf:RDF>\n"), errFormat, ""},
		{"SPDX 3", t.Context(), strings.NewReader(`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}`), errFormat, ""},
		{"another JSON file", t.Context(), strings.NewReader(`{"name":"x"}`), errFormat, ""},
		{"cut off", t.Context(), strings.NewReader(cdx("", "")[:60]), nil, "unexpected end"},
	} {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(bomPath, 0o644, 1, tt.content, nil))
		require.Error(t, err, tt.name)
		if tt.is != nil {
			assert.ErrorIs(t, err, tt.is, tt.name)
		}
		assert.ErrorContains(t, err, tt.text, tt.name)
		assert.Zero(t, facts, tt.name)
	}
}

func TestLimits(t *testing.T) {
	licences := `{"name":"a","purl":"pkg:npm/a@1","licenses":[` + strings.Repeat("{},", maxList/3) + `{}]}`
	relations := `{"ref":"A","dependsOn":["B"` + strings.Repeat(`,"B"`, maxRelations) + "]}"
	for _, tt := range []struct {
		name, content, text string
		packages            int
	}{
		{"as deep as allowed", cdx(nested(maxDepth), ""), "", maxDepth + 1},
		{"too deep", cdx(nested(maxDepth+1), ""), `the components of "out" are not read: more than 8 components around them`, maxDepth + 1},
		{"many licences", cdx(licences, ""), `package "a" has more than 1048576 bytes of licences`, 1},
		{"many dependencies", cdx("", relations), "1 relationships beyond 1000000 are not read", 0},
	} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(bomPath, tt.content))
		require.NoError(t, err, tt.name)
		assert.Len(t, facts.Packages, tt.packages, tt.name)
		if tt.text == "" {
			assert.Empty(t, facts.Problems, tt.name)
		} else {
			assert.Equal(t, []string{tt.text}, facts.Problems, tt.name)
		}
	}
}

func TestProblemsAreFew(t *testing.T) {
	var components []string
	for i := range 100 {
		components = append(components, fmt.Sprintf(`{"name":"x","purl":"%d%s"}`, i, strings.Repeat("n", 1000)))
	}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(bomPath, cdx(strings.Join(components, ","), "")))
	require.NoError(t, err)
	require.Len(t, facts.Problems, lines.MaxProblems+1)
	assert.Less(t, len(facts.Problems[0]), 300)
}

func FuzzExtract(f *testing.F) {
	for _, s := range []string{
		extracttest.Fixture(f, "tags", "image.spdx"),
		cdx(nested(2)+`,{"bom-ref":"A","purl":"pkg:deb/debian/a@1?upstream=b","licenses":[{"expression":"MIT"}]}`, `{"ref":"A","dependsOn":["B"]}`),
		spdx(`{"SPDXID":"A","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:npm/%40a/b@1"}]},{"SPDXID":"B"}`, `{"spdxElementId":"A","relationshipType":"DEPENDS_ON","relatedSpdxElement":"A"}`),
		"SPDXVersion: SPDX-2.3\nPackageName: <text>x\n</text>\nExternalRef: a purl pkg:rpm/x/y@1?epoch=2\n",
		"\xef\xbb\xbf {}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(bomPath, content))
		extracttest.Check(t, facts, err)
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.True(t, p.Type != "deb" && p.Type != "apk" || p.Source.Name != "" && p.Source.Version != "")
			require.NotContains(t, p.Qualifiers, "arch")
		}
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(bomPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, err == nil, errAgain == nil)
		require.True(t, reflect.DeepEqual(facts, again))
	})
}

func BenchmarkExtract(b *testing.B) {
	for _, name := range []string{"shop.cdx.json", "shop.spdx.json"} {
		content := extracttest.Fixture(b, "npm", name)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				facts, err := Extractor{}.Extract(b.Context(), extracttest.File(name, content))
				if err != nil || len(facts.Packages) != 22 {
					b.Fatal(len(facts.Packages), err)
				}
			}
		})
	}
}
