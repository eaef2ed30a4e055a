package sbom_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
)

func TestEncodeCycloneDX(t *testing.T) {
	bom, err := sbom.Generate(t.Context(), debian(t), sbom.WithExtractors(metadata{}))
	require.NoError(t, err)
	for format, file := range map[sbom.Format]cdx.BOMFileFormat{
		sbom.CycloneDXJSON: cdx.BOMFileFormatJSON, sbom.CycloneDXXML: cdx.BOMFileFormatXML,
	} {
		var first, second bytes.Buffer
		require.NoError(t, sbom.Encode(&first, bom, format))
		require.NoError(t, sbom.Encode(&second, bom, format))
		assert.Equal(t, first.String(), second.String(), "equal BOMs give equal bytes")

		var doc cdx.BOM
		require.NoError(t, cdx.NewBOMDecoder(&first, file).Decode(&doc))
		assert.Equal(t, cdx.SpecVersion1_6, doc.SpecVersion)
		assert.Regexp(t, regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`), doc.SerialNumber)
		assert.Equal(t, "test", doc.Metadata.Component.Name)
		require.NotNil(t, doc.Metadata.Properties)
		assert.Contains(t, (*doc.Metadata.Properties)[0].Value, `apk: "usr/lib/apk/db/installed"`, "a problem is told")
		refs := map[string]bool{}
		for _, c := range *doc.Components {
			assert.Falsef(t, refs[c.BOMRef], "reference %q is used once", c.BOMRef)
			refs[c.BOMRef] = true
		}
		require.Len(t, *doc.Components, 1+len(bom.Packages))
		bash := (*doc.Components)[1]
		assert.Equal(t, "bash", bash.Name)
		assert.Equal(t, bom.Packages[0].PURL, bash.PackageURL)
		props := map[string]string{}
		for _, p := range *bash.Properties {
			props[p.Name] = p.Value
		}
		assert.Equal(t, map[string]string{
			"imagevet:arch": "amd64", "imagevet:extractor": "dpkg", "imagevet:layer:index": "0",
			"imagevet:source:name": "bash", "imagevet:source:version": "5.2.15-2",
		}, props)
	}
}

func TestSerialNumberFollowsTheContent(t *testing.T) {
	serial := func(b *sbom.BOM) string {
		var buf bytes.Buffer
		require.NoError(t, sbom.Encode(&buf, b, sbom.CycloneDXJSON))
		var doc struct{ SerialNumber string }
		require.NoError(t, json.Unmarshal(buf.Bytes(), &doc))
		return doc.SerialNumber
	}
	a := &sbom.BOM{Packages: []sbom.Package{{Name: "a", PURL: "pkg:deb/a@1"}}}
	b := &sbom.BOM{Packages: []sbom.Package{{Name: "a", PURL: "pkg:deb/a@2"}}}
	assert.NotEqual(t, serial(a), serial(b))
}

func TestEncodeErrors(t *testing.T) {
	assert.ErrorIs(t, sbom.Encode(&bytes.Buffer{}, &sbom.BOM{}, 0), sbom.ErrFormat)
	assert.ErrorIs(t, sbom.Encode(failing{}, &sbom.BOM{}, sbom.CycloneDXJSON), errFull)
}

var errFull = errors.New("disk is full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func ExampleEncode() {
	bom := &sbom.BOM{Target: sbom.Target{Name: "example", Kind: "rootfs"}}
	if err := sbom.Encode(os.Stdout, bom, sbom.CycloneDXJSON); err != nil {
		panic(err)
	}
	// Output:
	// {
	//   "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
	//   "bomFormat": "CycloneDX",
	//   "specVersion": "1.6",
	//   "serialNumber": "urn:uuid:44c4e017-0cd3-5355-85ce-2abf957796cc",
	//   "version": 1,
	//   "metadata": {
	//     "tools": {
	//       "components": [
	//         {
	//           "type": "application",
	//           "name": "imagevet"
	//         }
	//       ]
	//     },
	//     "component": {
	//       "bom-ref": "image",
	//       "type": "container",
	//       "name": "example",
	//       "properties": [
	//         {
	//           "name": "imagevet:kind",
	//           "value": "rootfs"
	//         }
	//       ]
	//     }
	//   }
	// }
}

func TestEncodeLockfilePackages(t *testing.T) {
	bom := &sbom.BOM{Packages: []sbom.Package{{
		Type: "npm", Name: "a", PURL: "pkg:npm/a", Constraint: "^1", Development: true, Line: 7, Relation: sbom.Direct, Paths: []string{"package.json"},
		DependsOn: []string{"pkg:npm/b@1"}, CPEs: []string{"cpe:2.3:a:x:y:1:*:*:*:*:*:*:*"}, LicenseExpression: "MIT OR ISC", SHA1: "da39a3ee5e6b4b0d3255bfef95601890afd80709",
	}, {Type: "npm", Name: "b", Version: "1", PURL: "pkg:npm/b@1", Paths: []string{"x"}, Licenses: []string{"my own"}}}}
	var buf bytes.Buffer
	require.NoError(t, sbom.Encode(&buf, bom, sbom.CycloneDXJSON))
	var doc cdx.BOM
	require.NoError(t, cdx.NewBOMDecoder(&buf, cdx.BOMFileFormatJSON).Decode(&doc))
	a := (*doc.Components)[0]
	props := map[string]string{}
	for _, p := range *a.Properties {
		props[p.Name] = p.Value
	}
	assert.Equal(t, map[string]string{
		"imagevet:constraint": "^1", "imagevet:development": "true", "imagevet:layer:index": "0", "imagevet:line": "7", "imagevet:relation": "direct",
	}, props)
	assert.Equal(t, "cpe:2.3:a:x:y:1:*:*:*:*:*:*:*", a.CPE)
	assert.Equal(t, cdx.Licenses{{Expression: "MIT OR ISC"}}, *a.Licenses)
	assert.Equal(t, "my own", (*(*doc.Components)[1].Licenses)[0].License.Name)
	assert.Equal(t, []cdx.Hash{{Algorithm: cdx.HashAlgoSHA1, Value: "da39a3ee5e6b4b0d3255bfef95601890afd80709"}}, *a.Hashes)
	assert.Equal(t, []cdx.Dependency{{Ref: "pkg:npm/a", Dependencies: &[]string{"pkg:npm/b@1"}}}, *doc.Dependencies)
}
