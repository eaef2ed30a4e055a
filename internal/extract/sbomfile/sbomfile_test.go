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

	"github.com/imagevet/imagevet/internal/codec/cyclonedx"
	"github.com/imagevet/imagevet/internal/codec/detect"
	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const bomPath = "app/app.cdx.json"

func npm(namespace, name, version string, requires ...string) inventory.Package {
	return inventory.Package{Type: "npm", Namespace: namespace, Name: name, Version: version, Requires: requires}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "sbomfile", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		bomPath:              true,
		"app/app.cdx.xml":    true,
		"app/app.spdx.json":  true,
		"app/app.spdx3.json": true,
		"app/app.spdx":       true,
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

func find(t *testing.T, facts inventory.Facts, name string) inventory.Package {
	t.Helper()
	for _, p := range facts.Packages {
		if p.Name == name {
			return p
		}
	}
	require.Failf(t, "not found", "package %q", name)
	return inventory.Package{}
}

func TestExtractFixture(t *testing.T) {
	// npm writes the same application in both formats.
	cdx, spdx := extract(t, "npm", "shop.cdx.json"), extract(t, "npm", "shop.spdx.json")
	require.Len(t, cdx.Packages, 22)
	require.Len(t, spdx.Packages, 22)
	for i, p := range cdx.Packages {
		other := spdx.Packages[i]
		assert.Equal(t, p, other, p.Name)
	}
	assert.Equal(t, []string{"@babel/runtime@7.20.0", "send@0.17.1"}, find(t, cdx, "shop").Requires)
	runtime := find(t, cdx, "runtime")
	require.Len(t, runtime.Hashes, 1)
	runtime.Hashes = nil
	want := npm("@babel", "runtime", "7.20.0", "regenerator-runtime@0.13.11")
	want.Licenses = []string{"MIT"}
	assert.Equal(t, want, runtime)

	bitnami := extract(t, "bitnami", ".spdx-postgresql.spdx")
	require.Len(t, bitnami.Packages, 19)
	postgres := find(t, bitnami, "postgresql")
	assert.Equal(t, inventory.Package{
		Type: "bitnami", Name: "postgresql", Version: "17.2.0-8", Arch: "arm64", Licenses: []string{"PostgreSQL"},
		CPEs: []string{"cpe:2.3:*:postgresql:postgresql:17.2.0:*:*:*:*:*:*:*"}, Qualifiers: map[string]string{"distro": "debian-12"},
		Vendor: postgres.Vendor, Requires: postgres.Requires,
	}, postgres)

	tags := extract(t, "tags", "image.spdx")
	require.Len(t, tags.Packages, 4)
	assert.Equal(t, inventory.Package{
		Type: "apk", Namespace: "alpine", Name: "busybox", Version: "1.31.1-r19", Arch: "x86_64", Licenses: []string{"GPL-2.0-only"},
		Source: inventory.Source{Name: "busybox", Version: "1.31.1-r19"}, CPEs: []string{"cpe:2.3:a:busybox:busybox:1.31.1-r19:*:*:*:*:*:*:*"},
		Maintainer: "Natanael Copa <ncopa@alpinelinux.org>",
	}, find(t, tags, "busybox"))
}

// cdx returns a document of CycloneDX with components and dependencies.
func cdx(components, dependencies string) string {
	return `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[` + components + `],"dependencies":[` + dependencies + `]}`
}

// TestExtract has what is decided here; formats have tests of their own.
func TestExtract(t *testing.T) {
	a, b := npm("", "a", "1"), npm("", "b", "2")
	const cdxA = `{"bom-ref":"A","type":"library","name":"a","version":"1","purl":"pkg:npm/a@1"}`
	const cdxB = `{"bom-ref":"B","type":"library","name":"b","version":"2","purl":"pkg:npm/b@2"}`
	const spdx3 = `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"software_Package","spdxId":"urn:a","name":"a","software_packageUrl":"pkg:npm/a@1"}]}`
	aNeedsB := npm("", "a", "1", "b@2")
	aNeedsM := npm("", "a", "1", "g/m@3")
	m := inventory.Package{Type: "maven", Namespace: "g", Name: "m", Version: "3"}
	glibc := inventory.Package{Type: "deb", Namespace: "debian", Name: "libc6", Version: "1:2-1", Source: inventory.Source{Name: "glibc", Version: "1:2-1"}}
	needsGlibc := npm("", "a", "1", "libc6@1:2-1")
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"nothing in it", cdx("", ""), inventory.Facts{}},
		{"by name", cdx(cdxB+","+cdxA, ""), inventory.Facts{Packages: []inventory.Package{a, b}}},
		{"dependencies", cdx(cdxA+","+cdxB, `{"ref":"A","dependsOn":["B","B","A","unknown"]},{"ref":"A","dependsOn":["B"]},{"ref":"B"}`), inventory.Facts{Packages: []inventory.Package{aNeedsB, b}}},
		{"a group is part of the name", cdx(cdxA+`,{"bom-ref":"M","type":"library","name":"m","purl":"pkg:maven/g/m@3"}`, `{"ref":"A","dependsOn":["M"]}`), inventory.Facts{Packages: []inventory.Package{m, aNeedsM}}},
		{
			"a distribution is not", cdx(cdxA+`,{"bom-ref":"M","type":"library","name":"m","purl":"pkg:deb/debian/libc6@1%3A2-1?distro=debian-12&upstream=glibc"}`, `{"ref":"A","dependsOn":["M"]}`),
			inventory.Facts{Packages: []inventory.Package{glibc, needsGlibc}},
		},
		{"the root", `{"bomFormat":"CycloneDX","specVersion":"1.4","metadata":{"component":` + cdxA + `}}`, inventory.Facts{Packages: []inventory.Package{a}}},
		{"what is not delivered", cdx(`{"type":"library","name":"x","purl":"pkg:npm/x@1","scope":"excluded"},`+cdxA, ""), inventory.Facts{Packages: []inventory.Package{a}, Ignored: 1}},
		{"no package URL", cdx(`{"type":"library","name":"x"},`+cdxA, ""), inventory.Facts{Packages: []inventory.Package{a}, Ignored: 1, Problems: []string{"1 packages have no package URL"}}},
		{"no version", cdx(`{"type":"library","name":"x","purl":"pkg:npm/x"}`, ""), inventory.Facts{Problems: []string{`package "pkg:npm/x" has no version`}}},
		{
			"what only breaks a rule is not told", cdx(`{"type":"odd","name":"a","purl":"pkg:npm/a@1","more":1,"licenses":[{"license":{"id":"None"}}]}`, `{"ref":"nothing"}`),
			inventory.Facts{Packages: []inventory.Package{{Type: "npm", Name: "a", Version: "1", Licenses: []string{"None"}}}},
		},
		{"SPDX 3", spdx3, inventory.Facts{Packages: []inventory.Package{a}}},
		{
			"XML", `<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><components><component type="library"><name>a</name><version>1</version><purl>pkg:npm/a@1</purl></component></components></bom>`,
			inventory.Facts{Packages: []inventory.Package{a}},
		},
		{"two images", cdx(`{"type":"container","name":"x","components":[`+cdxA+`]},{"type":"container","name":"y","components":[`+cdxB+`]}`, ""), inventory.Facts{Packages: []inventory.Package{a, b}}},
		{
			"where others found it does not count", cdx(`{"type":"library","name":"a","purl":"pkg:npm/a@1","evidence":{"occurrences":[{"location":"x"}]},
			"properties":[{"name":"imagevet:ownedBy","value":"pkg:deb/x@1"},{"name":"imagevet:extractor","value":"npm"},{"name":"imagevet:layer:diffID","value":"sha256:1"},{"name":"imagevet:line","value":"3"}]}`, ""),
			inventory.Facts{Packages: []inventory.Package{a}},
		},
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
	many := strings.TrimSuffix(strings.Repeat(`{"name":"a","purl":"pkg:npm/a@1"},`, maxPackages+1), ",")
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
		{"white space without end", t.Context(), extracttest.Endless(" "), detect.ErrUnknown, ""},
		{"tags too large", t.Context(), io.MultiReader(strings.NewReader("SPDXVersion: SPDX-2.3\n"), extracttest.Endless("PackageComment: "+strings.Repeat("x", 1000)+"\n")), inventory.ErrTooLarge, "more than 67108864 bytes"},
		{"many packages", t.Context(), strings.NewReader(cdx(many, "")), inventory.ErrTooLarge, "more than 200000"},
		{"empty", t.Context(), strings.NewReader(""), detect.ErrUnknown, ""},
		{"white space", t.Context(), strings.NewReader(" \n"), detect.ErrUnknown, ""},
		{"an XML document", t.Context(), strings.NewReader("<rdf:RDF>\n</rdf:RDF>\n"), cyclonedx.ErrFormat, ""},
		{"another JSON file", t.Context(), strings.NewReader(`{"name":"x"}`), detect.ErrUnknown, ""},
		{"cut off", t.Context(), strings.NewReader(cdx("", "")[:60]), io.ErrUnexpectedEOF, ""},
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

func TestProblemsAreFew(t *testing.T) {
	var components []string
	for i := range 100 {
		components = append(components, fmt.Sprintf(`{"type":"library","name":"x","purl":"%d%s"}`, i, strings.Repeat("n", 1000)))
	}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(bomPath, cdx(strings.Join(components, ","), "")))
	require.NoError(t, err)
	require.Len(t, facts.Problems, lines.MaxProblems+1)
	for _, p := range facts.Problems {
		assert.Less(t, len(p), 300)
	}
}

func FuzzExtract(f *testing.F) {
	for _, s := range []string{
		extracttest.Fixture(f, "tags", "image.spdx"),
		cdx(`{"bom-ref":"A","name":"a","purl":"pkg:deb/debian/a@1?upstream=b","licenses":[{"expression":"MIT"}],"components":[{"name":"c","purl":"pkg:npm/c@1"}]}`, `{"ref":"A","dependsOn":["B"]}`),
		`{"spdxVersion":"SPDX-2.3","packages":[{"SPDXID":"A","name":"b","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:npm/%40a/b@1"}]},{"SPDXID":"B"}]}`,
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
			require.NotEmpty(t, p.Type)
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
