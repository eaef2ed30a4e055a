package spdx3_test

import (
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
	"github.com/imagevet/imagevet/sbom/inventory"
)

const head = `{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [`

// doc makes a document of elements in a short form: bare names, and single
// quotes.
func doc(elements ...string) []byte {
	return []byte(head + strings.ReplaceAll(strings.Join(elements, ","), "'", `"`) + "]}")
}

func pkg(id, purl string) string {
	return fmt.Sprintf(`{'type':'software_Package','spdxId':'%s','name':'%s','software_packageUrl':'%s'}`, id, id, purl)
}

func relation(kind, from string, to ...string) string {
	return fmt.Sprintf(`{'type':'Relationship','spdxId':'r:%s%s','relationshipType':'%s','from':'%s','to':['%s']}`, kind, from, kind, from, strings.Join(to, "','"))
}

func sbom(id string, roots ...string) string {
	return fmt.Sprintf(`{'type':'software_Sbom','spdxId':'%s','rootElement':['%s']}`, id, strings.Join(roots, "','"))
}

func problems(b *inventory.BOM) string {
	var all []string
	for _, p := range b.Problems {
		all = append(all, p.Err.Error())
	}
	return strings.Join(all, "\n")
}

func TestDecodePackages(t *testing.T) {
	type pkgs = []inventory.Package
	a := inventory.Package{Type: "npm", Name: "a", Version: "1", PURL: "pkg:npm/a@1"}
	b := inventory.Package{Type: "npm", Name: "b", Version: "1", PURL: "pkg:npm/b@1"}
	with := func(p inventory.Package, change func(p *inventory.Package)) inventory.Package {
		change(&p)
		return p
	}
	tests := []struct {
		name     string
		document []byte
		want     pkgs
	}{
		{"a package", doc(pkg("x:a", "pkg:npm/a@1")), pkgs{a}},
		{"no package URL", doc(`{'type':'software_Package','spdxId':'x:a','name':'n','software_packageVersion':'2'}`), pkgs{{Name: "n", Version: "2"}}},
		{"the package URL as identifier", doc(`{'type':'software_Package','spdxId':'x:a','externalIdentifier':{'type':'ExternalIdentifier','externalIdentifierType':'packageUrl','identifier':'pkg:npm/a@1'}}`), pkgs{a}},
		{
			"a version that the URL lacks", doc(`{'type':'software_Package','spdxId':'x:a','name':'a','software_packageUrl':'pkg:npm/a','software_packageVersion':['3']}`),
			pkgs{{Type: "npm", Name: "a", Version: "3", PURL: "pkg:npm/a"}},
		},
		{"JSON-LD's names", doc(`{'@type':'software_Package','@id':'x:a','name':{'@value':'a'},'software_packageUrl':'pkg:npm/a@1'}`), pkgs{a}},
		{
			"a dependency before the packages", doc(relation("dependsOn", "x:a", "x:b"), pkg("x:a", "pkg:npm/a@1"), pkg("x:b", "pkg:npm/b@1")),
			pkgs{with(a, func(p *inventory.Package) { p.DependsOn = []string{"pkg:npm/b@1"} }), b},
		},
		{
			"elements in a relationship", doc(`{'type':'Relationship','relationshipType':'dependsOn','from':` + pkg("x:a", "pkg:npm/a@1") + `,'to':` + pkg("", "pkg:npm/b@1") + `}`),
			pkgs{with(a, func(p *inventory.Package) { p.DependsOn = []string{"pkg:npm/b@1"} }), b},
		},
		{
			"the scope of development", doc(pkg("x:a", "pkg:npm/a@1"), pkg("x:b", "pkg:npm/b@1"),
				`{'type':'LifecycleScopedRelationship','scope':'test','relationshipType':'dependsOn','from':'x:a','to':'x:b'}`),
			pkgs{with(a, func(p *inventory.Package) { p.DependsOn = []string{"pkg:npm/b@1"} }), with(b, func(p *inventory.Package) { p.Development = true })},
		},
		{
			"the scope of running", doc(pkg("x:a", "pkg:npm/a@1"), pkg("x:b", "pkg:npm/b@1"),
				`{'type':'LifecycleScopedRelationship','scope':'runtime','relationshipType':'hasDynamicLink','from':'x:a','to':'x:b'}`),
			pkgs{with(a, func(p *inventory.Package) { p.DependsOn = []string{"pkg:npm/b@1"} }), b},
		},
		{
			"digests, CPEs, agents", doc(`{'type':'software_Package','spdxId':'x:a','name':'a','software_packageUrl':'pkg:npm/a@1',
			'suppliedBy':'x:s','originatedBy':['x:p',{'type':'Organization','name':'Org'}],
			'verifiedUsing':[{'type':'Hash','algorithm':'sha512','hashValue':'AB'},5,{'type':'Hash','algorithm':'sha1','hashValue':'cd'},
				{'type':'Hash','algorithm':'new','hashValue':'00'},{'type':'PackageVerificationCode','algorithm':'sha1','hashValue':'ff'}],
			'externalIdentifier':[{'externalIdentifierType':'cpe23','identifier':'cpe:2.3:a:x:y:1:*:*:*:*:*:*:*'},{'externalIdentifierType':'cpe22','identifier':'cpe:/a:x:y'}]}`,
				`{'type':'Organization','spdxId':'x:s','name':'S'}`,
				`{'type':'Person','spdxId':'x:p','name':'P','externalIdentifier':[{'externalIdentifierType':'email','identifier':'p@x'}]}`),
			pkgs{with(a, func(p *inventory.Package) {
				p.Vendor, p.Maintainer, p.SHA1 = "S", "P <p@x>, Org", "cd"
				p.Hashes = []inventory.Hash{{Algorithm: "SHA-512", Value: "ab"}, {Algorithm: "new", Value: "00"}}
				p.CPEs = []string{"cpe:2.3:a:x:y:1:*:*:*:*:*:*:*", "cpe:/a:x:y"}
			})},
		},
		{
			"where it was found", doc(pkg("x:a", "pkg:npm/a@1"), `{'type':'software_File','spdxId':'x:f','name':'/d/f'}`, `{'type':'software_File','spdxId':'x:g','name':'c'}`,
				`{'type':'Relationship','relationshipType':'other','comment':'evident-by: x','from':'x:a','to':['x:f']}`,
				`{'type':'Relationship','relationshipType':'other','comment':'else','from':'x:a','to':['x:a']}`, relation("hasEvidence", "x:a", "x:g", "x:f"), relation("contains", "x:a", "x:f")),
			pkgs{with(a, func(p *inventory.Package) { p.Paths = []string{"c", "d/f"} })},
		},
		{"a second package of an operating system", doc(`{'type':'software_Package','spdxId':'x:o','name':'Debian','software_packageVersion':'12','software_primaryPurpose':'operatingSystem'}`,
			`{'type':'software_Package','spdxId':'x:q','name':'other','software_primaryPurpose':'operatingSystem'}`), pkgs{{Name: "other"}}},
		{"a model", doc(`{'type':'ai_AIPackage','spdxId':'x:m','name':'m'}`), pkgs{{Name: "m"}}},
		{"two of the same name", doc(pkg("x:a", "pkg:npm/a@1"), pkg("x:a", "pkg:npm/b@1")), pkgs{a, b}},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, mustDecode(t, tt.document).Packages, tt.name)
	}
}

func TestDecodeLicenses(t *testing.T) {
	expression := func(id, text string) string {
		return fmt.Sprintf(`{'type':'simplelicensing_LicenseExpression','spdxId':'%s','simplelicensing_licenseExpression':'%s'}`, id, text)
	}
	listedLicense := func(id, name string) string {
		return fmt.Sprintf(`{'type':'expandedlicensing_ListedLicense','spdxId':'%s','name':'%s'}`, id, name)
	}
	set := func(id, kind string, members ...string) string {
		return fmt.Sprintf(`{'type':'expandedlicensing_%sLicenseSet','spdxId':'%s','expandedlicensing_member':['%s']}`, kind, id, strings.Join(members, "','"))
	}
	custom := `{'type':'expandedlicensing_CustomLicense','spdxId':'x:c','name':'Own','simplelicensing_licenseText':'long text'}`
	declared := func(id string) string { return relation("hasDeclaredLicense", "x:a", id) }
	tests := []struct {
		name       string
		elements   []string
		licenses   []string
		expression string
	}{
		{"an expression", []string{declared("x:l"), expression("x:l", "MIT OR Apache-2.0")}, []string{"MIT OR Apache-2.0"}, "MIT OR Apache-2.0"},
		{"words", []string{declared("x:l"), expression("x:l", "anything goes")}, []string{"anything goes"}, ""},
		{"a licence of the list by its address", []string{declared("http://spdx.org/licenses/MIT")}, []string{"MIT"}, "MIT"},
		{"a licence of the list by its name", []string{declared("x:l"), listedLicense("x:l", "ISC")}, []string{"ISC"}, "ISC"},
		{"its own licence", []string{declared("x:c"), custom}, []string{"Own"}, ""},
		{"none", []string{declared("https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertionLicense")}, nil, ""},
		{"NOASSERTION", []string{declared("x:l"), expression("x:l", "NOASSERTION")}, nil, ""},
		{"concluded only", []string{relation("hasConcludedLicense", "x:a", "x:l"), expression("x:l", "MIT")}, []string{"MIT"}, "MIT"},
		{"declared before concluded", []string{relation("hasConcludedLicense", "x:a", "x:l"), expression("x:l", "MIT"), declared("x:k"), expression("x:k", "ISC")}, []string{"ISC"}, "ISC"},
		{"a set", []string{
			declared("x:s"), set("x:s", "Conjunctive", "x:t", "x:l"), set("x:t", "Disjunctive", "x:l", "x:m"), listedLicense("x:l", "MIT"), listedLicense("x:m", "ISC"),
		}, []string{"(MIT OR ISC) AND MIT"}, "(MIT OR ISC) AND MIT"},
		{"a set with words", []string{declared("x:s"), set("x:s", "Conjunctive", "x:c", "x:l"), custom, listedLicense("x:l", "MIT")}, []string{"Own", "MIT"}, ""},
		{"a choice with words", []string{declared("x:s"), set("x:s", "Disjunctive", "x:c", "x:l"), custom, listedLicense("x:l", "MIT")}, []string{"Own OR MIT"}, ""},
		{"an exception", []string{
			declared("x:w"), `{'type':'expandedlicensing_WithAdditionOperator','spdxId':'x:w','expandedlicensing_subjectExtendableLicense':'http://spdx.org/licenses/GPL-2.0-only','expandedlicensing_subjectAddition':'x:e'}`,
			`{'type':'expandedlicensing_ListedLicenseException','spdxId':'x:e','name':'Classpath-exception-2.0'}`,
		}, []string{"GPL-2.0-only WITH Classpath-exception-2.0"}, "GPL-2.0-only WITH Classpath-exception-2.0"},
		{"or a later version", []string{
			declared("x:o"), `{'type':'expandedlicensing_OrLaterOperator','spdxId':'x:o','expandedlicensing_subjectLicense':'http://spdx.org/licenses/EPL-1.0'}`,
		}, []string{"EPL-1.0+"}, "EPL-1.0+"},
		{"its own licence in an expression", []string{
			declared("x:l"), custom,
			`{'type':'simplelicensing_LicenseExpression','spdxId':'x:l','simplelicensing_licenseExpression':'LicenseRef-c','simplelicensing_customIdToUri':[{'key':'LicenseRef-c','value':'x:c'}]}`,
		}, []string{"Own"}, ""},
	}
	for _, tt := range tests {
		b := mustDecode(t, doc(append(tt.elements, pkg("x:a", "pkg:pypi/a@1"))...))
		require.Len(t, b.Packages, 1, tt.name)
		assert.Equal(t, tt.licenses, b.Packages[0].Licenses, tt.name)
		assert.Equal(t, tt.expression, b.Packages[0].LicenseExpression, tt.name)
		assert.Empty(t, problems(b), tt.name)
	}
}

func TestDecodeTargets(t *testing.T) {
	type shape struct {
		Name, Kind string
		Packages   []string
		Parts      []shape
	}
	var of func(b *inventory.BOM) shape
	of = func(b *inventory.BOM) shape {
		s := shape{Name: b.Target.Name, Kind: b.Target.Kind}
		for _, p := range b.Packages {
			s.Packages = append(s.Packages, p.Name)
		}
		for _, part := range b.Parts {
			s.Parts = append(s.Parts, of(part))
		}
		return s
	}
	document := `{'type':'SpdxDocument','spdxId':'x:d','name':'doc','rootElement':['x:a']}`
	pkgs := []string{pkg("a", ""), pkg("b", ""), pkg("c", ""), pkg("d", "")}
	all := []string{"a", "b", "c", "d"}
	tests := []struct {
		name     string
		elements []string
		want     shape
	}{
		{"no root", nil, shape{"", "sbom", all, nil}},
		{"no root, but a document", []string{document}, shape{"doc", "sbom", all, nil}},
		{"the root of a collection", []string{sbom("s", "b"), document}, shape{"b", "sbom", []string{"a", "c", "d"}, nil}},
		{"the root of a document", []string{`{'type':'SpdxDocument','spdxId':'x:d','name':'doc','rootElement':['a']}`}, shape{"a", "sbom", []string{"b", "c", "d"}, nil}},
		{"what a document describes", []string{document, relation("describes", "x:d", "c")}, shape{"c", "sbom", []string{"a", "b", "d"}, nil}},
		{"several roots", []string{document, sbom("s", "a", "b")}, shape{"doc", "sbom", all, nil}},
		{"a file", []string{sbom("s", "f"), `{'type':'software_File','spdxId':'f','name':'file'}`}, shape{"file", "sbom", all, nil}},
		{"two collections for one root", []string{sbom("s", "a"), sbom("t", "a")}, shape{"a", "sbom", []string{"b", "c", "d"}, nil}},
		{
			"a part",
			[]string{sbom("s", "a"), sbom("t", "b"), relation("contains", "a", "b", "d"), relation("contains", "b", "c")},
			shape{"a", "sbom", []string{"d"}, []shape{{"b", "sbom", []string{"c"}, nil}}},
		},
		{
			"the part first",
			[]string{sbom("t", "b"), sbom("s", "a"), relation("contains", "b", "c"), relation("contains", "a", "b")},
			shape{"a", "sbom", []string{"d"}, []shape{{"b", "sbom", []string{"c"}, nil}}},
		},
		{
			"a part of a part",
			[]string{sbom("s", "a"), sbom("t", "b"), sbom("u", "c"), relation("contains", "a", "b"), relation("contains", "b", "c"), relation("contains", "c", "d")},
			shape{"a", "sbom", nil, []shape{{"b", "sbom", nil, []shape{{"c", "sbom", []string{"d"}, nil}}}}},
		},
		{
			"two that are no parts",
			[]string{document, sbom("s", "a"), sbom("t", "b"), relation("contains", "a", "c")},
			shape{"doc", "product", []string{"d"}, []shape{{"a", "sbom", []string{"c"}, nil}, {"b", "sbom", nil, nil}}},
		},
		{
			"what a collection lists",
			[]string{sbom("s", "a"), `{'type':'software_Sbom','spdxId':'t','rootElement':'b','element':['b','c']}`},
			shape{"", "product", []string{"d"}, []shape{{"a", "sbom", nil, nil}, {"b", "sbom", []string{"c"}, nil}}},
		},
		{
			"a circle",
			[]string{sbom("s", "a"), sbom("t", "b"), relation("contains", "a", "b"), relation("contains", "b", "a")},
			shape{"a", "sbom", []string{"c", "d"}, []shape{{"b", "sbom", nil, nil}}},
		},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, of(mustDecode(t, doc(append(tt.elements, pkgs...)...))), tt.name)
	}
}

func TestDecodeVulnerabilities(t *testing.T) {
	vuln := `{'type':'security_Vulnerability','spdxId':'x:v','summary':'T','description':'D','security_publishedTime':'2024-01-02T00:00:00Z',
		'externalIdentifier':[{'externalIdentifierType':'cve','identifier':'CVE-1'},{'externalIdentifierType':'securityOther','identifier':'GHSA-1'}],
		'externalRef':[{'externalRefType':'securityAdvisory','locator':['https://x/1']},{'externalRefType':'cwe','locator':['CWE-79']}]}`
	base := inventory.Vulnerability{
		ID: "CVE-1", Title: "T", Detail: "D", Published: time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC), Aliases: []string{"GHSA-1"},
		References: []string{"https://x/1"}, CWEs: []int{79},
	}
	on := func(status, state string) inventory.Vulnerability {
		v := base
		v.Affects = []inventory.Affected{{PURL: "pkg:npm/a@1", Status: status}}
		v.Analysis.State = state
		return v
	}
	vex := func(id, class, more string) string {
		return fmt.Sprintf(`{'type':'security_%s','spdxId':'%s','relationshipType':'affects','from':'x:v','to':['x:a']%s}`, class, id, more)
	}
	affected := vex("x:1", "VexAffectedVulnAssessmentRelationship", ",'security_actionStatement':'Update.'")
	rated := base
	rated.Ratings = []inventory.Rating{{Source: "S", Method: "CVSSv3", Vector: "CVSS:3.0/x", Score: 5, Severity: "medium"}}
	exploitable := on("affected", "exploitable")
	exploitable.Recommendation = "Update."
	unaffected := on("unaffected", "not_affected")
	unaffected.Analysis.Justification, unaffected.Analysis.Detail = "code_not_reachable", "Why."
	tests := []struct {
		name     string
		elements []string
		want     inventory.Vulnerability
	}{
		{"alone", nil, base},
		{"associated", []string{relation("hasAssociatedVulnerability", "x:a", "x:v")}, on("", "")},
		{"the plain relationship", []string{relation("fixedIn", "x:v", "x:a")}, on("unaffected", "resolved")},
		{"affected", []string{affected}, exploitable},
		{"not affected", []string{vex("x:1", "VexNotAffectedVulnAssessmentRelationship", ",'security_justificationType':'vulnerableCodeNotInExecutePath','security_impactStatement':'Why.'")}, unaffected},
		{"in triage", []string{vex("x:1", "VexUnderInvestigationVulnAssessmentRelationship", "")}, on("unknown", "in_triage")},
		{"amended", []string{affected, vex("x:2", "VexFixedVulnAssessmentRelationship", ""), relation("amendedBy", "x:1", "x:2")}, on("unaffected", "resolved")},
		{"a rating", []string{
			vex("x:1", "CvssV3VulnAssessmentRelationship", ",'security_score':5.0,'security_severity':'medium','security_vectorString':'CVSS:3.0/x','suppliedBy':{'type':'Agent','name':'S'}"),
			vex("x:2", "EpssVulnAssessmentRelationship", ",'security_probability':'0.01','relationshipType':'hasAssessmentFor'"),
		}, rated},
	}
	for _, tt := range tests {
		b := mustDecode(t, doc(append(tt.elements, vuln, pkg("x:a", "pkg:npm/a@1"))...))
		assert.Equal(t, []inventory.Vulnerability{tt.want}, b.Vulnerabilities, tt.name)
		assert.Empty(t, problems(b), tt.name)
	}
	b := mustDecode(t, doc(vuln, affected, vex("x:2", "VexFixedVulnAssessmentRelationship", ""), pkg("x:a", "pkg:npm/a@1")))
	assert.Equal(t, "exploitable", b.Vulnerabilities[0].Analysis.State)
	assert.Contains(t, problems(b), "judged differently")
}

func TestDecodeContext(t *testing.T) {
	tests := []struct{ context, version, problem string }{
		{`"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"`, "3.0.1", ""},
		{`"http://spdx.org/rdf/3.0.0/spdx-context.jsonld"`, "3.0.0", ""},
		{`["https://example.com/x", "https://spdx.org/rdf/3.0.2/spdx-context.jsonld", {"a": "b"}]`, "3.0.2", ""},
		{`"https://spdx.org/rdf/3.1/spdx-context.jsonld"`, "3.1", "the document is of SPDX 3.1, and read as SPDX 3.0"},
		{`"https://spdx.org/rdf/3.1-rc1/spdx-context.jsonld"`, "3.1", "the document is of SPDX 3.1, and read as SPDX 3.0"},
	}
	for _, tt := range tests {
		b := mustDecode(t, []byte(`{"@graph": [], "@context": `+tt.context+`, "more": [{}]}`))
		assert.Equal(t, inventory.Document{Format: "SPDX", Version: tt.version, Encoding: "json"}, b.Document, tt.context)
		assert.Equal(t, tt.problem, problems(b), tt.context)
	}
}

// TestForeign reads what other programs write. The numbers are those of the
// programs.
func TestForeign(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/sbom/foreign/*/*spdx3*.json")
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("no documents of other programs")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		b := mustDecode(t, data)
		assert.Equalf(t, strings.Count(string(data), `"type":"software_Package"`), len(b.Packages)+1, "%s", file)
		assert.Emptyf(t, problems(b), "%s", file)
		assert.NotEmptyf(t, b.OS.ID, "%s", file)
		assert.NotEmptyf(t, b.Target.Name, "%s", file)
		again := mustDecode(t, encode(t, b, codec.Options{}))
		assert.Equalf(t, comparable(b), comparable(again), "%s", file)
	}
}

func TestPropertiesAreBounded(t *testing.T) {
	property := `{'type':'extension_CdxPropertyEntry','extension_cdxPropName':'imagevet:problem:99999:path','extension_cdxPropValue':'x'}`
	var elements []string
	for i := range 20 {
		elements = append(elements, sbom(fmt.Sprintf("s:%d", i), fmt.Sprintf("p:%d", i)),
			fmt.Sprintf(`{'type':'software_Package','spdxId':'p:%d','name':'n','extension':[{'type':'extension_CdxPropertiesExtension','extension_cdxProperty':[%s]}]}`, i, property))
	}
	b := mustDecode(t, doc(elements...))
	for _, part := range b.Parts {
		assert.Empty(t, part.Problems)
	}
	assert.Contains(t, problems(b), "has a number that is not one of 0 to 0")
}

func TestEverythingHasAnOwnReference(t *testing.T) {
	data := string(encode(t, &inventory.BOM{Parts: []*inventory.BOM{codectest.BOM(), codectest.BOM()}}, codec.Options{}))
	seen := map[string]bool{}
	for line := range strings.SplitSeq(data, "\n") {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), `"spdxId": "`); ok {
			assert.Falsef(t, seen[id], "%s is there twice", id)
			seen[id] = true
		}
	}
	assert.Greater(t, len(seen), 50)
}
