package spdx2_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// fuzz checks that what was decoded comes back when it is encoded and decoded
// again, and has no more problems than it had.
func fuzz(f *testing.F, e encoding) {
	small := &inventory.BOM{
		Target: inventory.Target{Name: "a", Kind: "product"},
		Parts:  []*inventory.BOM{{OS: inventory.OS{ID: "x"}, Packages: codectest.BOM().Packages[:2]}},
	}
	for _, b := range []*inventory.BOM{{}, small} {
		opts := options("")
		opts.Compact = true
		var buf bytes.Buffer
		require.NoError(f, e.encode(&buf, b, opts))
		f.Add(buf.Bytes())
	}
	for _, s := range seeds(e.name) {
		f.Add([]byte(s))
	}
	limits := codec.Limits{Bytes: 1 << 20, Packages: 1000, Edges: 1000}
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := e.decode(bytes.NewReader(data), limits)
		if err != nil {
			require.Nil(t, first)
			return
		}
		first.Document = inventory.Document{}
		for _, version := range []string{"2.2", "2.3"} {
			var buf bytes.Buffer
			require.NoError(t, e.encode(&buf, first, options(version)))
			again, err := e.decode(bytes.NewReader(buf.Bytes()), codec.DefaultLimits())
			require.NoErrorf(t, err, "%s", buf.Bytes())
			again.Document = inventory.Document{}
			if !codectest.Equal(t, first, again) {
				t.Logf("%s", buf.Bytes())
			}
		}
	})
}

// seeds are small documents in the manner of other tools.
func seeds(encoding string) []string {
	if encoding != "json" {
		return []string{
			"SPDXVersion: SPDX-2.3\nCreator: Tool: trivy-1\nFileName: f\nSPDXID: SPDXRef-f\nFileComment: layerID: x\nPackageName: a\nSPDXID: SPDXRef-a\nPackageVersion: <text>1\n</text>\n" +
				"ExternalRef: PACKAGE-MANAGER purl pkg:deb/debian/a@1?distro=debian-12\nRelationship: SPDXRef-a CONTAINS SPDXRef-f\nRelationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-a\n",
			"SPDXVersion: SPDX-2.2\nPackageName: a\nSPDXID: SPDXRef-a\nPackageSupplier: Person: x (y@z)\nPackageOriginator: Organization: y\nPackageChecksum: SHA1: 00\n" +
				"PackageLicenseDeclared: LicenseRef-1 AND MIT\nLicenseID: LicenseRef-1\nExtractedText: x\nRelationship: SPDXRef-a DEPENDENCY_OF SPDXRef-b\n",
		}
	}
	return []string{
		jsonDocument(`"packages": [{"SPDXID": "a", "name": "a", "sourceInfo": "built package from: x 1", "supplier": "Organization: y", ` + purl("pkg:rpm/x/a@1?epoch=1") + `, "annotations": [{"comment": "LayerDiffID: x"}]},
			{"SPDXID": "o", "name": "o", "primaryPackagePurpose": "OPERATING-SYSTEM"}], "documentDescribes": ["a"], "creationInfo": {"creators": ["Tool: trivy-1"]}`),
		jsonDocument(`"packages": [{"SPDXID": "a", "name": "a", "annotations": [{"comment": "imagevet:[[\"element\",\"target\"],[\"layer:0:digest\",\"x\"],[\"label:a\",\"b\"],[\"problem:0:error\",\"y\"]]"}]},
			{"SPDXID": "b", "name": "b", "licenseDeclared": "LicenseRef-1", "checksums": [{"algorithm": "MD5", "checksumValue": "00"}], "annotations": [{"comment": "imagevet:[[\"cpe\",\"x\"],[\"deletedBy:index\",\"0\"]]"}]}],
			"relationships": [{"spdxElementId": "a", "relationshipType": "DEV_DEPENDENCY_OF", "relatedSpdxElement": "b"}]`),
	}
}

func FuzzDecodeJSON(f *testing.F)     { fuzz(f, encodings()[0]) }
func FuzzDecodeTagValue(f *testing.F) { fuzz(f, encodings()[1]) }
