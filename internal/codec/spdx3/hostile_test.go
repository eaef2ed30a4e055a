package spdx3_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/internal/codec/spdx3"
	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestDecodeProblems(t *testing.T) {
	a, b := pkg("x:a", "pkg:npm/a@1"), pkg("x:b", "pkg:npm/b@1")
	tests := []struct {
		name, want string
		elements   []string
	}{
		{"a package URL that is none", `the package URL "odd" cannot be understood`, []string{pkg("x:c", "odd")}},
		{"a package URL that is no text", `the package URL "pkg:npm/c@%ff" cannot be understood`, []string{pkg("x:c", "pkg:npm/c@%ff")}},
		{"an identifier twice", `the reference "x:a" is given twice`, []string{a}},
		{"a dependency on nothing", `1 references name something that is not in the document, such as "x:none"`, []string{relation("dependsOn", "x:a", "x:none")}},
		{"a licence that is not there", `such as "x:none"`, []string{relation("hasDeclaredLicense", "x:a", "x:none")}},
		{"an agent that is not there", `such as "x:none"`, []string{`{'type':'software_Package','spdxId':'x:c','name':'c','suppliedBy':'x:none'}`}},
		{"a vulnerability that is not there", `such as "x:none"`, []string{relation("hasAssociatedVulnerability", "x:a", "x:none")}},
		{"a relationship from nothing", `does not say from what`, []string{`{'type':'Relationship','spdxId':'x:r','relationshipType':'contains','to':['x:a']}`}},
		{"no type", `an element has no type: "x:t"`, []string{`{'spdxId':'x:t'}`}},
		{"no name", `a component has no name: "x:n"`, []string{`{'type':'software_Package','spdxId':'x:n'}`}},
		{"no element", `element 1 cannot be understood`, []string{`5`}},
		{"a second document", `there is a second document: "x:e"`, []string{`{'type':'SpdxDocument','spdxId':'x:d'}`, `{'type':'SpdxDocument','spdxId':'x:e'}`}},
		{"a set of licences in itself", `contains itself`, []string{
			relation("hasDeclaredLicense", "x:a", "x:s"),
			`{'type':'expandedlicensing_ConjunctiveLicenseSet','spdxId':'x:s','expandedlicensing_member':['x:s']}`,
		}},
		{"a time that is none", `no time: "odd"`, []string{
			`{'type':'SpdxDocument','spdxId':'x:d','creationInfo':{'type':'CreationInfo','created':'odd','specVersion':'3.0.1'}}`,
		}},
		{"a property that is wrong", `property "imagevet:line" is no number: "x"`, []string{
			`{'type':'software_Package','spdxId':'x:c','name':'c','extension':[{'extension_cdxProperty':[{'extension_cdxPropName':'imagevet:line','extension_cdxPropValue':'x'}]}]}`,
		}},
		{"a dependency of another part", `1 dependencies of packages of one part on those of another are left out`, []string{
			sbom("s", "p"), sbom("t", "q"), pkg("p", ""), pkg("q", ""), relation("contains", "p", "x:a"), relation("contains", "q", "x:b"), relation("dependsOn", "x:a", "x:b"),
		}},
	}
	for _, tt := range tests {
		got := mustDecode(t, doc(append(tt.elements, a, b)...))
		assert.Containsf(t, problems(got), tt.want, "%s", tt.name)
		assert.GreaterOrEqualf(t, countPackages(got), 2, "%s: the rest is read", tt.name)
	}
}

func countPackages(b *inventory.BOM) int {
	n := len(b.Packages)
	for _, part := range b.Parts {
		n += countPackages(part)
	}
	return n
}

// TestManyAgents has a package that names more than anybody reads.
func TestManyAgents(t *testing.T) {
	agent := fmt.Sprintf(`{'type':'Agent','spdxId':'x:g','name':'%s'}`, strings.Repeat("n", 3000))
	b := mustDecode(t, doc(agent, `{'type':'software_Package','spdxId':'x:a','name':'a','suppliedBy':'x:g','originatedBy':['x:g','x:g','x:g','x:g']}`))
	assert.Len(t, b.Packages[0].Vendor, 3000)
	assert.Len(t, b.Packages[0].Maintainer, 6002)
	assert.Contains(t, problems(b), "more agents than are read")
}

// TestCircle has packages that depend on each other and on themselves.
func TestCircle(t *testing.T) {
	b := mustDecode(t, doc(pkg("x:a", "pkg:npm/a@1"), pkg("x:b", "pkg:npm/b@1"), relation("dependsOn", "x:a", "x:b", "x:a"), relation("dependsOn", "x:b", "x:a")))
	assert.Equal(t, []string{"pkg:npm/b@1"}, b.Packages[0].DependsOn)
	assert.Equal(t, []string{"pkg:npm/a@1"}, b.Packages[1].DependsOn)
	assert.Empty(t, problems(b))
}

func TestDecodeErrors(t *testing.T) {
	limits := codec.Limits{Bytes: 1 << 20, Packages: 3, Edges: 2}
	p := []string{pkg("x:1", ""), pkg("x:2", ""), pkg("x:3", ""), pkg("x:4", "")}
	var files []string
	for i := range limits.Elements() + 1 {
		files = append(files, fmt.Sprintf(`{'type':'software_File','spdxId':'x:%d','name':'f'}`, i))
	}
	tests := []struct {
		name string
		data []byte
		want error // nil: any
	}{
		{"no context", []byte(`{"@graph": []}`), spdx3.ErrFormat},
		{"no graph", []byte(`{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "type": "Person"}`), spdx3.ErrFormat},
		{"another context", []byte(`{"@context": "https://example.com/rdf/3.0.1/", "@graph": []}`), spdx3.ErrFormat},
		{"SPDX 4", []byte(`{"@context": "https://spdx.org/rdf/4.0/spdx-context.jsonld", "@graph": []}`), spdx3.ErrFormat},
		{"a context that is none", []byte(`{"@context": 5, "@graph": []}`), spdx3.ErrFormat},
		{"no object", []byte(`[]`), nil},
		{"cut off", doc(p[0])[:100], nil},
		{"too deep", doc(`{'type':'Person','spdxId':'x:a','externalRef':` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`), nil},
		{"too many packages", doc(p...), inventory.ErrTooLarge},
		{"too many packages without identifiers", doc(pkg("", ""), pkg("", ""), pkg("", ""), pkg("", "")), inventory.ErrTooLarge},
		{"too many files", doc(files...), inventory.ErrTooLarge},
		{"too many collections", doc(sbom("", "a"), sbom("", "a"), sbom("", "a"), sbom("", "a")), inventory.ErrTooLarge},
		{"too many relationships", doc(relation("dependsOn", "x:1", "x:2", "x:3", "x:4")), inventory.ErrTooLarge},
		{"too many relationships to nothing", doc(strings.Repeat(`{'type':'Relationship','relationshipType':'contains','from':'x:1'},`, 3) + p[0]), inventory.ErrTooLarge},
	}
	for _, tt := range tests {
		b, err := decode(tt.data, limits)
		require.Errorf(t, err, "%s", tt.name)
		assert.Nilf(t, b, "%s", tt.name)
		if tt.want != nil {
			assert.ErrorIsf(t, err, tt.want, "%s", tt.name)
		}
	}
}

// TestLicenseSetsThatGrow has sets that each hold the one before twice.
func TestLicenseSetsThatGrow(t *testing.T) {
	elements := []string{pkg("x:a", "pkg:npm/a@1"), relation("hasDeclaredLicense", "x:a", "x:18"), `{'type':'expandedlicensing_ListedLicense','spdxId':'x:0','name':'MIT'}`}
	for i := range 18 {
		elements = append(elements, fmt.Sprintf(`{'type':'expandedlicensing_DisjunctiveLicenseSet','spdxId':'x:%d','expandedlicensing_member':['x:%d','x:%d']}`, i+1, i, i))
	}
	b := mustDecode(t, doc(elements...))
	assert.Contains(t, problems(b), "a set of licences is too large")
}

func FuzzJSON(f *testing.F) {
	// Short ones: the fuzzer shortens what it finds, byte by byte.
	whole := codectest.BOM()
	f.Add(encode(f, &inventory.BOM{Target: whole.Target, Layers: whole.Layers, Problems: whole.Problems}, codec.Options{Compact: true}))
	f.Add(encode(f, &inventory.BOM{OS: whole.OS, Packages: []inventory.Package{codectest.Package()}}, codec.Options{Compact: true}))
	f.Add(encode(f, &inventory.BOM{Vulnerabilities: whole.Vulnerabilities}, codec.Options{Compact: true, Authors: []string{"Person: J <j@x>"}}))
	f.Add(encode(f, &inventory.BOM{Parts: []*inventory.BOM{{}, {OS: inventory.OS{ID: "x"}}}}, codec.Options{Compact: true}))
	golden, err := os.ReadFile(filepath.Join("testdata", "small.spdx3.json"))
	require.NoError(f, err)
	f.Add(golden)
	f.Add(doc(pkg("x:a", "pkg:npm/a@1"), pkg("x:b", "pkg:deb/debian/b@1?distro=debian-12"), relation("dependsOn", "x:a", "x:b"), sbom("s", "x:a"))) // short
	f.Add(doc(sbom("s", "a"), sbom("t", "b"), pkg("a", ""), pkg("b", ""), relation("contains", "a", "b")))                                          // a part
	f.Add(doc(`{'type':'expandedlicensing_ConjunctiveLicenseSet','spdxId':'x:s','expandedlicensing_member':['x:s']}`, relation("hasDeclaredLicense", "x:a", "x:s"), pkg("x:a", "")))
	f.Add(doc(`{'type':'Relationship','relationshipType':'dependsOn','from':` + pkg("x:a", "") + `,'to':` + pkg("", "") + `}`)) // elements in elements
	limits := codec.Limits{Bytes: 1 << 20, Packages: 1000, Edges: 1000}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := decode(data, limits)
		if err != nil {
			require.Nil(t, b)
			return
		}
		require.LessOrEqual(t, countPackages(b), limits.Packages)
		var buf bytes.Buffer
		require.NoError(t, spdx3.EncodeJSON(&buf, b, &codec.Options{}))
		require.True(t, json.Valid(buf.Bytes()))
		again, err := decode(buf.Bytes(), codec.DefaultLimits())
		require.NoError(t, err)
		require.Equal(t, comparable(b), comparable(again))
	})
}
