package spdx2_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// jsonDocument is a document with members beside the version.
func jsonDocument(members string) string {
	return `{"spdxVersion": "SPDX-2.3", "name": "doc", ` + members + `}`
}

func mustJSON(t *testing.T, members string) *inventory.BOM {
	t.Helper()
	b, err := decodeJSON(strings.NewReader(jsonDocument(members)), codec.DefaultLimits())
	require.NoErrorf(t, err, "%s", members)
	return b
}

// problems are the texts of an inventory's problems.
func problems(b *inventory.BOM) []string {
	var list []string
	for _, p := range b.Problems {
		list = append(list, p.Err.Error())
	}
	return list
}

func purl(s string) string {
	return `"externalRefs": [{"referenceType": "purl", "referenceLocator": "` + s + `"}]`
}

func TestDecodeRoot(t *testing.T) {
	describe := func(ids ...string) string { return `, "documentDescribes": ["` + strings.Join(ids, `", "`) + `"]` }
	tests := []struct {
		members  string
		target   inventory.Target
		packages []string
	}{
		{`"packages": []`, inventory.Target{Name: "doc"}, nil},
		{`"packages": [{"SPDXID": "a", "name": "app", "versionInfo": "1"}]` + describe("a"), inventory.Target{Name: "app", Version: "1"}, nil},
		{`"packages": [{"SPDXID": "a", "name": "app", "versionInfo": "1"}]`, inventory.Target{Name: "doc"}, []string{"app"}}, // not described
		// A library that describes itself is a package too.
		{`"packages": [{"SPDXID": "a", "name": "app", ` + purl("pkg:npm/app@1") + `}]` + describe("a"), inventory.Target{Name: "app", Version: "1"}, []string{"app"}},
		{
			`"packages": [{"SPDXID": "a", "name": "app:1", ` + purl("pkg:oci/app@sha256:"+strings.Repeat("0", 64)) + `}]` + describe("a"),
			inventory.Target{Name: "app:1", Digest: "sha256:" + strings.Repeat("0", 64)},
			nil,
		},
		{
			`"packages": [{"SPDXID": "a", "name": "app:1", "primaryPackagePurpose": "CONTAINER", "checksums": [{"algorithm": "SHA256", "checksumValue": "` + strings.Repeat("A", 64) + `"}]}]` + describe("a"),
			inventory.Target{Name: "app:1", Digest: "sha256:" + strings.Repeat("a", 64)},
			nil,
		},
		// Of several, the image is the root.
		{`"packages": [{"SPDXID": "a", "name": "a", ` + purl("pkg:npm/a@1") + `}, {"SPDXID": "b", "name": "b", "primaryPackagePurpose": "CONTAINER"}]` + describe("a", "b"), inventory.Target{Name: "b"}, []string{"a"}},
		{`"packages": [{"SPDXID": "a", "name": "a"}, {"SPDXID": "b", "name": "b"}]` + describe("a", "b"), inventory.Target{Name: "doc"}, []string{"a", "b"}},
		// What a document describes can come before and after.
		{`"relationships": [{"spdxElementId": "a", "relationshipType": "DESCRIBED_BY", "relatedSpdxElement": "SPDXRef-DOCUMENT"}], "packages": [{"SPDXID": "a", "name": "app"}]`, inventory.Target{Name: "app"}, nil},
	}
	for _, tt := range tests {
		b := mustJSON(t, tt.members)
		tt.target.Kind = "sbom"
		assert.Equalf(t, tt.target, b.Target, "%s", tt.members)
		var names []string
		for _, p := range b.Packages {
			names = append(names, p.Name)
		}
		assert.Equalf(t, tt.packages, names, "%s", tt.members)
		assert.Emptyf(t, b.Problems, "%s", tt.members)
	}
}

func TestDecodeRelationships(t *testing.T) {
	packages := `"packages": [{"SPDXID": "a", "name": "a", ` + purl("pkg:npm/a@1") + `}, {"SPDXID": "b", "name": "b", ` + purl("pkg:npm/b@1") + `}], "files": [{"SPDXID": "f", "fileName": "./f", "comment": "layerID: sha256:1"}]`
	tests := []struct {
		from, kind, to, comment string
		a, b                    inventory.Package // what they have
	}{
		{"a", "DEPENDS_ON", "b", "", inventory.Package{DependsOn: []string{"pkg:npm/b@1"}}, inventory.Package{}},
		{"a", "DEPENDENCY_OF", "b", "", inventory.Package{}, inventory.Package{DependsOn: []string{"pkg:npm/a@1"}}},
		{"a", "RUNTIME_DEPENDENCY_OF", "b", "", inventory.Package{}, inventory.Package{DependsOn: []string{"pkg:npm/a@1"}}},
		{"a", "DEV_DEPENDENCY_OF", "b", "", inventory.Package{Development: true}, inventory.Package{DependsOn: []string{"pkg:npm/a@1"}}},
		{"a", "CONTAINS", "b", "", inventory.Package{}, inventory.Package{}},
		{"b", "CONTAINED_BY", "a", "", inventory.Package{}, inventory.Package{}},
		{"a", "COPY_OF", "b", "", inventory.Package{}, inventory.Package{}},
		{"a", "DEPENDS_ON", "a", "", inventory.Package{}, inventory.Package{}},
		{"a", "DEPENDS_ON", "f", "", inventory.Package{}, inventory.Package{}},
		{"a", "DEPENDS_ON", "NOASSERTION", "", inventory.Package{}, inventory.Package{}},
		{"a", "DEPENDS_ON", "DocumentRef-x:SPDXRef-y", "", inventory.Package{}, inventory.Package{}},
		{"a", "OTHER", "f", "evident-by: indicates", inventory.Package{Paths: []string{"f"}, Layer: inventory.Layer{DiffID: "sha256:1"}}, inventory.Package{}},
		{"a", "EVIDENT_BY", "f", "", inventory.Package{Paths: []string{"f"}, Layer: inventory.Layer{DiffID: "sha256:1"}}, inventory.Package{}},
		{"a", "OTHER", "f", "", inventory.Package{}, inventory.Package{}},
		{"a", "CONTAINS", "f", "", inventory.Package{}, inventory.Package{}}, // a file of it, and not one that records it
	}
	for _, tt := range tests {
		relation := fmt.Sprintf(`"relationships": [{"spdxElementId": %q, "relationshipType": %q, "relatedSpdxElement": %q, "comment": %q}]`, tt.from, tt.kind, tt.to, tt.comment)
		for _, members := range []string{packages + ", " + relation, relation + ", " + packages} {
			b := mustJSON(t, members)
			require.Len(t, b.Packages, 2)
			for i, want := range []inventory.Package{tt.a, tt.b} {
				want.Type, want.Name, want.Version = "npm", string(rune('a'+i)), "1"
				want.PURL = "pkg:npm/" + want.Name + "@1"
				assert.Equalf(t, want, b.Packages[i], "%s", relation)
			}
			assert.Emptyf(t, b.Problems, "%s", relation)
		}
	}
}

// TestDecodeOldTrivy: versions until 0.47 wrote the path as source information.
func TestDecodeOldTrivy(t *testing.T) {
	b := mustJSON(t, `"creationInfo": {"creators": ["Tool: trivy-0.38.1"]}, "packages": [
		{"SPDXID": "SPDXRef-Application-1", "name": "npm", "sourceInfo": "app/package-lock.json"},
		{"SPDXID": "SPDXRef-Application-2", "name": "node-pkg", "attributionTexts": ["Type: node-pkg"]},
		{"SPDXID": "SPDXRef-OperatingSystem-3", "name": "Alpine", "versionInfo": "3.15"},
		{"SPDXID": "a", "name": "a", `+purl("pkg:npm/a@1")+`}, {"SPDXID": "b", "name": "b", `+purl("pkg:npm/b@1")+`, "attributionTexts": ["LayerDiffID: sha256:5", "FilePath: app/b/package.json"]}],
		"relationships": [{"spdxElementId": "SPDXRef-Application-1", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "a"},
		{"spdxElementId": "SPDXRef-Application-2", "relationshipType": "CONTAINS", "relatedSpdxElement": "b"}]`)
	assert.Equal(t, inventory.OS{ID: "alpine", Version: "3.15"}, b.OS)
	require.Len(t, b.Packages, 2)
	assert.Equal(t, []string{"app/package-lock.json"}, b.Packages[0].Paths)
	assert.Equal(t, []string{"app/b/package.json"}, b.Packages[1].Paths)
	assert.Equal(t, "sha256:5", b.Packages[1].Layer.DiffID)
	assert.Empty(t, b.Problems)
}

func TestDecodeLicense(t *testing.T) {
	tests := []struct {
		declared, concluded string
		list                []string
		expression          string
	}{
		{"MIT", "", []string{"MIT"}, "MIT"},
		{"(mit OR Apache-2.0)", "", []string{"(mit OR Apache-2.0)"}, "MIT OR Apache-2.0"},
		{"NOASSERTION", "", nil, ""},
		{"NONE", "NOASSERTION", nil, ""},
		{"", "MIT", []string{"MIT"}, "MIT"}, // better than nothing
		{"", "LicenseRef-1", nil, ""},
		{"see LICENSE", "", []string{"see LICENSE"}, ""},
		{"LicenseRef-1", "", []string{"My licence"}, ""},
		{"LicenseRef-2", "", []string{"short text"}, ""},
		{"LicenseRef-3", "", []string{"3"}, ""},
		{"LicenseRef-4", "", []string{"4"}, ""}, // not in the document
		{"MIT AND (LicenseRef-1 OR LicenseRef-2)", "", []string{"MIT AND (My licence OR short text)"}, ""},
		{"DocumentRef-x:LicenseRef-1", "", []string{"DocumentRef-x:LicenseRef-1"}, ""},
		{"LicenseRef-5", "", nil, ""}, // a digest says nothing
	}
	for _, tt := range tests {
		b := mustJSON(t, fmt.Sprintf(`"packages": [{"name": "a", "licenseDeclared": %q, "licenseConcluded": %q}], "hasExtractedLicensingInfos": [
			{"licenseId": "LicenseRef-1", "name": "My licence", "extractedText": "x"},
			{"licenseId": "LicenseRef-2", "name": "NOASSERTION", "extractedText": "short text"},
			{"licenseId": "LicenseRef-3", "extractedText": "first line\nsecond line"},
			{"licenseId": "LicenseRef-5", "name": "sha256:%s", "extractedText": "NOASSERTION"}]`, tt.declared, tt.concluded, strings.Repeat("0", 64)))
		assert.Equalf(t, tt.list, b.Packages[0].Licenses, "%q", tt.declared)
		assert.Equalf(t, tt.expression, b.Packages[0].LicenseExpression, "%q", tt.declared)
	}
}

func TestDecodeSuppliers(t *testing.T) {
	tests := []struct{ supplier, originator, vendor, maintainer string }{
		{"", "", "", ""},
		{"NOASSERTION", "NOASSERTION", "", ""},
		{"Organization: X", "", "X", ""},
		{"Organization: X", "Person: Y (y@z)", "X", "Y <y@z>"},
		{"Person: Y (y@z)", "Person: Y (y@z)", "", "Y <y@z>"},
		{"Organization: X", "Organization: X", "X", ""},
		{"Organization: X ()", "Person: Y", "X", "Y"},
		{"X", "Y: Z", "X", "Y: Z"}, // not of the form; the library refuses the package
		{"Person:Y", "", "Y", ""},
	}
	for _, tt := range tests {
		b := mustJSON(t, fmt.Sprintf(`"packages": [{"name": "a", "supplier": %q, "originator": %q}]`, tt.supplier, tt.originator))
		assert.Equalf(t, tt.vendor, b.Packages[0].Vendor, "%q and %q", tt.supplier, tt.originator)
		assert.Equalf(t, tt.maintainer, b.Packages[0].Maintainer, "%q and %q", tt.supplier, tt.originator)
	}
}

func TestDecodeCreators(t *testing.T) {
	tests := []struct {
		creator string
		want    inventory.Document
	}{
		{"Tool: syft-1.57.1", inventory.Document{Tools: []inventory.Tool{{Name: "syft", Version: "1.57.1"}}}},
		{"Tool: sbom-tool-v2.0-rc-1", inventory.Document{Tools: []inventory.Tool{{Name: "sbom-tool", Version: "v2.0-rc-1"}}}},
		{"Tool: sbom-tool", inventory.Document{Tools: []inventory.Tool{{Name: "sbom-tool"}}}},
		{"Tool: -1", inventory.Document{Tools: []inventory.Tool{{Name: "-1"}}}},
		{"Person: Jane (j@x)", inventory.Document{Authors: []string{"Jane <j@x>"}}},
		{"Organization: X ()", inventory.Document{Authors: []string{"Organization: X"}}},
		{"somebody", inventory.Document{Authors: []string{"somebody"}}},
		{"", inventory.Document{}},
	}
	for _, tt := range tests {
		b := mustJSON(t, fmt.Sprintf(`"creationInfo": {"creators": [%q]}`, tt.creator))
		assert.Equalf(t, tt.want.Tools, b.Document.Tools, "%q", tt.creator)
		assert.Equalf(t, tt.want.Authors, b.Document.Authors, "%q", tt.creator)
	}
}

// TestDecodeProblems: what is wrong is told, and the rest is read.
func TestDecodeProblems(t *testing.T) {
	tests := []struct{ members, problem string }{
		{`"packages": [{"SPDXID": "x", "name": "a"}, {"SPDXID": "x", "name": "b"}]`, `the identifier "x" is given twice`},
		{`"packages": [{"name": "a", ` + purl("npm/a") + `}]`, `package "a" has a package URL that cannot be understood: "npm/a"`},
		{`"packages": [{"name": "a"}, 5]`, "package 2 cannot be understood: "},
		{`"packages": [{"name": "a", "versionInfo": 5}]`, "package 1 cannot be understood: "},
		{`"packages": [{"name": "a"}, {"SPDXID": "x"}]`, `a component has no name: "x"`},
		{`"packages": [{"name": "a", "checksums": [{"algorithm": "SHA1", "checksumValue": "zz"}]}]`, `package "a" has a checksum that cannot be understood: "SHA1: zz"`},
		{`"packages": [{"name": "a"}], "relationships": [{"spdxElementId": "x", "relationshipType": "CONTAINS", "relatedSpdxElement": "y"}]`, `1 relationships name something that is not in the document, such as "x"`},
		{`"packages": [{"name": "a", "annotations": [{"comment": "imagevet:[1]"}]}]`, `package "a": an annotation of imagevet is broken: `},
		{`"packages": [{"name": "a", "annotations": [{"comment": "imagevet:[[\"line\",\"x\"]]"}]}]`, `package "a": property "imagevet:line" is no number: "x"`},
		{`"packages": [{"name": "a", "annotations": [{"comment": "imagevet:[[\"line\",1]]"}]}]`, `package "a": an annotation of imagevet has something else than names and values: "[line 1]"`},
		{`"packages": [{"name": "a"}], "creationInfo": {"created": "yesterday"}`, "the time of the document cannot be understood: "},
		{`"packages": [{"name": "a"}], "creationInfo": []`, "creationInfo cannot be understood: "},
		{`"packages": [{"name": "a"}], "files": {}`, "the list of files is an object"},
		{`"packages": [{"name": "a"}], "hasExtractedLicensingInfos": [{"licenseId": "x"}, {"licenseId": "x"}]`, `the licence "x" is given twice`},
		{
			`"packages": [{"name": "a"}, {"name": "o1", "SPDXID": "o1", "primaryPackagePurpose": "OPERATING_SYSTEM"}, {"name": "o2", "SPDXID": "o2", "primaryPackagePurpose": "OPERATING-SYSTEM"}]`,
			`there is more than one operating system: "o2 " is left out`,
		},
	}
	for _, tt := range tests {
		b := mustJSON(t, tt.members)
		assert.Equalf(t, "a", find(t, b, "a").Name, "%s", tt.members)
		require.Lenf(t, b.Problems, 1, "%s: %q", tt.members, problems(b))
		assert.Truef(t, strings.HasPrefix(problems(b)[0], tt.problem), "%s: %q", tt.members, problems(b))
	}
	b, err := decodeJSON(strings.NewReader(`{"spdxVersion": "SPDX-2.9"}`), codec.DefaultLimits())
	require.NoError(t, err)
	assert.Equal(t, []string{`version "2.9" of SPDX is not known; it is read as 2.3`}, problems(b))
	assert.Equal(t, "2.9", b.Document.Version)
}

// TestDecodeDevelopment: what is needed otherwise, too, is not for development.
func TestDecodeDevelopment(t *testing.T) {
	b := mustJSON(t, `"packages": [{"SPDXID": "a", "name": "a"}, {"SPDXID": "b", "name": "b"}], "relationships": [
		{"spdxElementId": "a", "relationshipType": "DEV_DEPENDENCY_OF", "relatedSpdxElement": "b"},
		{"spdxElementId": "b", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "a"}]`)
	assert.False(t, b.Packages[0].Development)
}

// TestDecodeOwn: what this library's annotation can say that is never written
// does not come back in another way.
func TestDecodeOwn(t *testing.T) {
	own := func(properties string) string { return `"annotations": [{"comment": "imagevet:[` + properties + `]"}]` }
	tests := []struct {
		fields string
		want   inventory.Package
	}{
		{`"name": "a", ` + own(`[\"type\",\"\"],[\"hash:MD5\",\"\"]`) + `, ` + purl("pkg:npm/a@1"), inventory.Package{Type: "npm", Name: "a", Version: "1", PURL: "pkg:npm/a@1"}},
		{`"name": "a", ` + own(`[\"other\",\"x\"]`), inventory.Package{Name: "a"}}, // of a later version
		{`"name": "a", "licenseDeclared": "MIT", ` + own(`[\"licenses\",\"none\"]`), inventory.Package{Name: "a", LicenseExpression: "MIT"}},
		{`"name": "a", "sourceInfo": "acquired package info from x: /y", ` + own(`[\"path\",\"z\"]`), inventory.Package{Name: "a", Paths: []string{"z"}}},
		// The source has a version where this library has written the package,
		// only if it says so.
		{`"name": "a", "versionInfo": "1", ` + own("") + `, ` + purl("pkg:deb/debian/a"), inventory.Package{
			Type: "deb", Namespace: "debian", Name: "a", Version: "1", PURL: "pkg:deb/debian/a", Source: inventory.Source{Name: "a"},
		}},
		{`"name": "a", "versionInfo": "1", ` + purl("pkg:deb/debian/a"), inventory.Package{
			Type: "deb", Namespace: "debian", Name: "a", Version: "1", PURL: "pkg:deb/debian/a", Source: inventory.Source{Name: "a", Version: "1"},
		}},
	}
	for _, tt := range tests {
		b := mustJSON(t, `"packages": [{`+tt.fields+`}]`)
		assert.Equalf(t, []inventory.Package{tt.want}, b.Packages, "%s", tt.fields)
		assert.Emptyf(t, b.Problems, "%s", tt.fields)
	}
	b := mustJSON(t, `"packages": [{"SPDXID": "t", "name": "t", `+own(`[\"element\",\"target\"],[\"created\",\"2024-01-02T03:04:05.6+01:00\"],[\"problem:0:path\",\"x\"],[\"problem:0:error\",\"\"]`)+`},
		{"SPDXID": "a", "name": "a", `+purl("pkg:deb/debian/a@1?distro=debian-12")+`}, {"SPDXID": "b", "name": "b", `+purl("pkg:deb/debian/a@1?distro=debian-12")+`},
		{"SPDXID": "c", "name": "c", `+purl("pkg:deb/debian/c@1?distro=debian-11")+`}],
		"relationships": [{"spdxElementId": "a", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "b"}]`)
	assert.Equal(t, time.Date(2024, 1, 2, 2, 4, 5, 0, time.UTC), b.Target.Created)
	assert.Equal(t, []string{"the document does not say what"}, problems(b))
	assert.Zero(t, b.OS, "this library would have said it")
	assert.Nil(t, b.Packages[0].DependsOn, "nothing depends on itself")
}
