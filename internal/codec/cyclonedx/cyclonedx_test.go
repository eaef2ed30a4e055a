package cyclonedx_test

import (
	"bytes"
	"encoding/json"
	"io"
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
	doc := cyclonedx.NewJSON(limits)
	dec := json.NewDecoder(r)
	err := codec.Members(dec, func(name string) error {
		known, err := doc.Member(name, dec)
		if !known && err == nil {
			return codec.Skip(dec)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return doc.Finish()
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
