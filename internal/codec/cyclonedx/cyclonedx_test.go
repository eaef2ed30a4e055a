package cyclonedx_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/internal/codec/cyclonedx"
	"github.com/imagevet/imagevet/sbom/inventory"
)

var encodings = map[string]func(io.Writer, *inventory.BOM, *codec.Options) error{
	"json": cyclonedx.EncodeJSON, "xml": cyclonedx.EncodeXML,
}

func decode(encoding string, data []byte) (*inventory.BOM, error) {
	if encoding == "xml" {
		return cyclonedx.DecodeXML(bytes.NewReader(data), codec.DefaultLimits())
	}
	return decodeJSON(bytes.NewReader(data), codec.DefaultLimits())
}

func decodeJSON(r io.Reader, limits codec.Limits) (*inventory.BOM, error) {
	return codectest.DecodeJSON(cyclonedx.NewJSON(limits), r)
}

func TestRoundTrip(t *testing.T) {
	for encoding, encode := range encodings {
		for _, version := range versions {
			t.Run(encoding+"/"+version, func(t *testing.T) {
				for name, want := range documents() {
					opts := options
					opts.Version = version
					var buf bytes.Buffer
					require.NoError(t, encode(&buf, want, &opts))
					got, err := decode(encoding, buf.Bytes())
					require.NoErrorf(t, err, "%s: %s", name, buf.String())
					doc := got.Document
					got.Document = inventory.Document{}
					if name == "empty" { // a name and a kind are written in any case
						want = &inventory.BOM{Target: inventory.Target{Kind: "sbom"}}
					}
					codectest.Equal(t, want, got)
					assert.Equal(t, "CycloneDX", doc.Format)
					assert.Equal(t, version, doc.Version)
					assert.Equal(t, encoding, doc.Encoding)
					assert.Equal(t, options.Created, doc.Created)
					assert.Equal(t, options.Authors, doc.Authors)
					assert.Equal(t, options.Supplier, doc.Supplier)
					assert.Equal(t, []inventory.Tool{codec.Tool(), {Name: "bot", Version: "1.2"}}, doc.Tools)
				}
			})
		}
	}
}

// TestTrivySource checks the properties by which Trivy finds the source that
// advisories name.
func TestTrivySource(t *testing.T) {
	source := func(name, version string) inventory.Source { return inventory.Source{Name: name, Version: version} }
	tests := []struct {
		p    inventory.Package
		want map[string]string
	}{
		{
			inventory.Package{Type: "deb", Name: "libcrypt1", Version: "1:4.4-2", Source: source("libxcrypt", "1:4.4-2")},
			map[string]string{"SrcName": "libxcrypt", "SrcVersion": "4.4", "SrcRelease": "2", "SrcEpoch": "1"},
		},
		{
			inventory.Package{Type: "deb", Name: "bsdutils", Version: "1:2.38-5", Source: source("util-linux", "2.38-5")},
			map[string]string{"SrcName": "util-linux", "SrcVersion": "2.38", "SrcRelease": "5"},
		},
		{
			inventory.Package{Type: "rpm", Name: "openssl-libs", Version: "1:3.0-6", Source: source("openssl", "3.0-6")},
			map[string]string{"SrcName": "openssl", "SrcVersion": "3.0", "SrcRelease": "6"},
		},
		{
			inventory.Package{Type: "apk", Name: "libcrypto1.1", Version: "1.1.1d-r2", Source: source("openssl", "1.1.1d-r2")},
			map[string]string{"SrcName": "openssl", "SrcVersion": "1.1.1d-r2"},
		},
		{inventory.Package{Type: "deb", Name: "bash", Version: "5", Source: source("bash", "5")}, map[string]string{}}, // its own source
		{inventory.Package{Type: "npm", Name: "a", Version: "1", Source: source("b", "1")}, map[string]string{}},       // no distribution's
	}
	for _, tt := range tests {
		var buf bytes.Buffer
		require.NoError(t, cyclonedx.EncodeJSON(&buf, &inventory.BOM{Packages: []inventory.Package{tt.p}}, &codec.Options{}))
		var doc struct {
			Components []struct {
				Properties []struct{ Name, Value string }
			}
		}
		require.NoError(t, json.Unmarshal(buf.Bytes(), &doc))
		got := map[string]string{}
		for _, p := range doc.Components[0].Properties {
			if name, ok := strings.CutPrefix(p.Name, "aquasecurity:trivy:"); ok {
				got[name] = p.Value
			}
		}
		assert.Equal(t, tt.want, got, tt.p.Name)
	}
}
