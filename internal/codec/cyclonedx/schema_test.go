package cyclonedx_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/internal/codec/cyclonedx"
	"github.com/imagevet/imagevet/sbom/inventory"
)

var versions = []string{"1.4", "1.5", "1.6", "1.7"}

// documents are inventories of every shape.
func documents() map[string]*inventory.BOM {
	return map[string]*inventory.BOM{"full": codectest.BOM(), "empty": {}, "product": codectest.Product()}
}

var options = codec.Options{
	Created: codectest.BOM().Target.Created, Authors: []string{"Jane Doe <jane@example.com>", "Example Org"}, Supplier: "Example Org",
	Tools: []inventory.Tool{{Name: "bot", Version: "1.2"}},
}

func TestJSONSchema(t *testing.T) {
	for _, version := range versions {
		validate := codectest.Schema(t, "cyclonedx", "bom-"+version+".schema.json")
		for name, b := range documents() {
			for _, opts := range []codec.Options{{}, options} {
				opts.Version = version
				var buf bytes.Buffer
				require.NoError(t, cyclonedx.EncodeJSON(&buf, b, &opts))
				assert.NoErrorf(t, validate(buf.Bytes()), "%s in %s", name, version)
			}
		}
		assert.Error(t, validate([]byte(`{"bomFormat":"CycloneDX","specVersion":"`+version+`","version":1,"components":[{"name":"x"}]}`)), "a component without a type")
	}
}

func TestXMLSchema(t *testing.T) {
	dir := t.TempDir()
	for _, version := range versions {
		validate := codectest.XMLSchema(t, "cyclonedx", "bom-"+version+".xsd")
		for name, b := range documents() {
			for i, opts := range []codec.Options{{}, options} {
				opts.Version = version
				var buf bytes.Buffer
				require.NoError(t, cyclonedx.EncodeXML(&buf, b, &opts))
				file := filepath.Join(dir, name+version+string(rune('a'+i))+".xml")
				require.NoError(t, os.WriteFile(file, buf.Bytes(), 0o600))
				assert.NoErrorf(t, validate(file), "%s in %s", name, version)
			}
		}
		bad := filepath.Join(dir, "bad.xml")
		require.NoError(t, os.WriteFile(bad, []byte(`<bom xmlns="http://cyclonedx.org/schema/bom/`+version+`"><components><component><name>x</name></component></components></bom>`), 0o600))
		assert.Error(t, validate(bad), "a component without a type")
	}
}

func TestEncodeErrors(t *testing.T) {
	for _, version := range []string{"1.3", "2.0", "x"} {
		assert.ErrorIs(t, cyclonedx.EncodeJSON(io.Discard, &inventory.BOM{}, &codec.Options{Version: version}), cyclonedx.ErrVersion)
		assert.ErrorIs(t, cyclonedx.EncodeXML(io.Discard, &inventory.BOM{}, &codec.Options{Version: version}), cyclonedx.ErrVersion)
	}
	for _, encode := range encodings {
		assert.ErrorIs(t, encode(full{}, codectest.BOM(), &codec.Options{}), io.ErrShortWrite)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
