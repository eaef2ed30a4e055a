package spdx2_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/spdx2"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const head = "SPDXVersion: SPDX-2.1\nDocumentName: doc\n"

func decodeTags(t *testing.T, document string) *inventory.BOM {
	t.Helper()
	b, err := spdx2.DecodeTagValue(strings.NewReader(document), codec.DefaultLimits())
	require.NoErrorf(t, err, "%q", document)
	return b
}

func TestTagValue(t *testing.T) {
	tests := []struct {
		document string
		want     inventory.Package
	}{
		{head + "PackageName: a\nPackageVersion: 1\n", inventory.Package{Name: "a", Version: "1"}},
		{"\ufeff" + head + "PackageName: a\nPackageVersion: 1", inventory.Package{Name: "a", Version: "1"}}, // a byte order mark, no end of line
		{strings.ReplaceAll(head+"PackageName: a\nPackageVersion: 1\n", "\n", "\r\n"), inventory.Package{Name: "a", Version: "1"}},
		{head + "  PackageName :a\n\n# PackageVersion: 2\nPackageVersion:1\n", inventory.Package{Name: "a", Version: "1"}},
		{head + "PackageName: <text>a</text>\nPackageVersion: <text> 1\n</text> ignored\n", inventory.Package{Name: "a", Version: "1"}},
		{head + "PackageName: a\nPackageComment: <text>PackageName: b\nPackageVersion: 2\n</text>\nPackageVersion: 1\n", inventory.Package{Name: "a", Version: "1"}},
		{head + "PackageName: a\r\nPackageVersion: <text>1\r\n2\r\n3</text>\r\n", inventory.Package{Name: "a", Version: "1\n2\n3"}},
		{head + "PackageName: a\xff\n", inventory.Package{Name: "a\ufffd"}},
		{
			head + "PackageName: a\nExternalRef: PACKAGE_MANAGER purl pkg:npm/a@1\nExternalRefComment: <text>x</text>\n",
			inventory.Package{Type: "npm", Name: "a", Version: "1", PURL: "pkg:npm/a@1"},
		},
		{
			head + "PackageName: a\nExternalRef: SECURITY cpe22Type cpe:/a:b\nPackageChecksum: SHA256: 0A\nPackageSupplier: Organization: X\nPackageLicenseDeclared: LicenseRef-1\n" +
				"LicenseID: LicenseRef-1\nExtractedText: <text>a\nb</text>\nLicenseName: L\n",
			inventory.Package{Name: "a", CPEs: []string{"cpe:/a:b"}, Hashes: []inventory.Hash{{Algorithm: "SHA-256", Value: "0a"}}, Vendor: "X", Licenses: []string{"L"}},
		},
		// Files and snippets have tags of the same name.
		{head + "PackageName: a\nSPDXID: SPDXRef-a\nFileName: f\nSPDXID: SPDXRef-f\nSnippetSPDXID: SPDXRef-s\nSnippetName: x\nReviewer: Person: y\nReviewDate: z\n", inventory.Package{Name: "a"}},
		// Relationships and annotations can be anywhere.
		{
			head + "Relationship: SPDXRef-a OTHER SPDXRef-f\nRelationshipComment: evident-by: x\nAnnotator: Tool: imagevet\nAnnotationComment: imagevet:[[\"line\",\"7\"]]\nSPDXREF: SPDXRef-a\n" +
				"FileName: ./f\nSPDXID: SPDXRef-f\nFileComment: layerID: sha256:1\nPackageName: a\nSPDXID: SPDXRef-a\n",
			inventory.Package{Name: "a", Line: 7},
		},
		{
			head + "PackageName: a\nSPDXID: SPDXRef-a\nAnnotator: Tool: trivy\nSPDXREF: SPDXRef-a\nAnnotationComment: FilePath: x\nPackageVersion: 1\n",
			inventory.Package{Name: "a", Version: "1", Paths: []string{"x"}},
		},
		{
			head + "PackageName: a\nSPDXID: SPDXRef-a\nRelationship: SPDXRef-a OTHER SPDXRef-f\nRelationshipComment: evident-by: x\nFileName: ./f\nSPDXID: SPDXRef-f\nFileComment: layerID: sha256:1\n",
			inventory.Package{Name: "a", Paths: []string{"f"}, Layer: inventory.Layer{DiffID: "sha256:1"}},
		},
	}
	for _, tt := range tests {
		b := decodeTags(t, tt.document)
		assert.Equalf(t, []inventory.Package{tt.want}, b.Packages, "%q", tt.document)
		assert.Emptyf(t, b.Problems, "%q", tt.document)
		assert.Equal(t, "doc", b.Target.Name)
		assert.Equal(t, "2.1", b.Document.Version)
	}
}

func TestTagValueProblems(t *testing.T) {
	tests := []struct{ document, problem string }{
		{"PackageName: a\nno tag\n", `line 4 has no tag: "no tag"`},
		{"PackageName: a\nOther: x\n", `line 4 has a tag that SPDX 2 has not: "Other"`},
		{"PackageName: a\nRelationship: x y\n", `line 4 is no relationship: "x y"`},
		{"PackageName: a\nExternalRef: x\n", `line 4 is no reference: "x"`},
		{"PackageName: a\nPackageComment: <text>x\ny\n", `the text that begins in line 4 does not end`},
		{"PackageName: a\nPackageChecksum: x\n", `package "a" has a checksum that cannot be understood: "x: "`},
	}
	for _, tt := range tests {
		b := decodeTags(t, head+tt.document)
		assert.Lenf(t, b.Packages, 1, "%q", tt.document)
		assert.Equalf(t, []string{tt.problem}, problems(b), "%q", tt.document)
	}
	// An annotation within a package is of that one.
	b := decodeTags(t, head+"PackageName: a\nSPDXID: SPDXRef-a\nPackageName: b\nSPDXID: SPDXRef-a\nAnnotator: Tool: imagevet\nSPDXREF: SPDXRef-a\nAnnotationComment: imagevet:[[\"line\",\"7\"]]\n")
	assert.Equal(t, []string{`the identifier "SPDXRef-a" is given twice`}, problems(b))
	assert.Equal(t, 7, find(t, b, "b").Line)
	b = decodeTags(t, head+strings.Repeat("Other: x\n", 1000))
	assert.Len(t, b.Problems, codec.MaxProblems+1, "the last tells how many there are more")
}

func TestTagValueErrors(t *testing.T) {
	long := strings.Repeat("x", 17<<20)
	tests := []struct {
		document string
		bytes    int64
		want     error
	}{
		{"", 1 << 30, spdx2.ErrFormat},
		{"PackageName: a\n", 1 << 30, spdx2.ErrFormat},
		{"SPDXVersion: SPDX-1.2\n", 1 << 30, spdx2.ErrFormat},
		{"SPDXVersion: SPDX-2.3", 10, inventory.ErrTooLarge},
		{head + "PackageName: " + long, 1 << 30, inventory.ErrTooLarge},
		{head + "PackageComment: <text>\n" + long + "</text>\n", 1 << 30, inventory.ErrTooLarge},
		{head + "PackageVersion: <text>" + strings.Repeat(strings.Repeat("x", 1000)+"\n", 17_000) + "</text>\n", 1 << 30, inventory.ErrTooLarge},
	}
	for _, tt := range tests {
		b, err := spdx2.DecodeTagValue(strings.NewReader(tt.document), codec.Limits{Bytes: tt.bytes, Packages: 10, Edges: 10})
		assert.ErrorIsf(t, err, tt.want, "%.50q", tt.document)
		assert.Nil(t, b)
	}
	// Exactly as long as the limit is no error, and a long text that is not
	// needed is none either.
	_, err := spdx2.DecodeTagValue(strings.NewReader(head), codec.Limits{Bytes: int64(len(head)), Packages: 10, Edges: 10})
	assert.NoError(t, err)
	document := head + "PackageComment: <text>" + strings.Repeat(strings.Repeat("x", 1000)+"\n", 17_000) + "</text>\n"
	assert.Empty(t, decodeTags(t, document).Problems)
}
