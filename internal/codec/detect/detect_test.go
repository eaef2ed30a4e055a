package detect_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/internal/codec/cyclonedx"
	"github.com/imagevet/imagevet/internal/codec/detect"
	"github.com/imagevet/imagevet/internal/codec/spdx2"
	"github.com/imagevet/imagevet/internal/codec/spdx3"
	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestDecode(t *testing.T) {
	tests := []struct {
		name, doc, format, encoding string
	}{
		{"the members in another order", `{"version":1,"name":"x","$schema":"y","components":[],"specVersion":"1.6","bomFormat":"CycloneDX"}`, "CycloneDX", "json"},
		{"SPDX with the version last", `{"name":"x","files":[],"annotations":[],"packages":[],"spdxVersion":"SPDX-2.3"}`, "SPDX", "json"},
		{"Syft", `{"files":[],"artifacts":[],"schema":{"version":"16.0.0","url":"https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.0.0.json"}}`, "Syft", "json"},
		{"tags behind comments", "# a\n\nDataLicense: CC0-1.0\nSPDXVersion: SPDX-2.2\nPackageName: a\n", "SPDX", "tag-value"},
		{"package URLs behind comments", "# a\n\nPKG:npm/a@1", "purl", "text"},
	}
	for _, tt := range tests {
		b, err := detect.Decode(strings.NewReader(tt.doc), codec.DefaultLimits())
		if assert.NoError(t, err, tt.name) {
			assert.Equal(t, tt.format, b.Document.Format, tt.name)
			assert.Equal(t, tt.encoding, b.Document.Encoding, tt.name)
		}
	}
}

// FuzzDecode feeds anything to all decoders.
func FuzzDecode(f *testing.F) {
	b := codectest.BOM()
	for _, encode := range []func(*bytes.Buffer) error{
		func(w *bytes.Buffer) error { return cyclonedx.EncodeJSON(w, b, &codec.Options{Compact: true}) },
		func(w *bytes.Buffer) error { return cyclonedx.EncodeXML(w, b, &codec.Options{Compact: true}) },
		func(w *bytes.Buffer) error { return spdx2.EncodeJSON(w, b, &codec.Options{Compact: true}) },
		func(w *bytes.Buffer) error { return spdx2.EncodeTagValue(w, b, &codec.Options{}) },
		func(w *bytes.Buffer) error { return spdx3.EncodeJSON(w, b, &codec.Options{Compact: true}) },
	} {
		var buf bytes.Buffer
		require.NoError(f, encode(&buf))
		f.Add(buf.Bytes())
	}
	for _, name := range []string{"alpine-3.10.syft.json"} {
		files, err := filepath.Glob(codectest.Testdata("foreign", "syft-*", name))
		require.NoError(f, err)
		data, err := os.ReadFile(files[0])
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://cyclonedx.org/bom","predicate":{"Data":"{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\"}"}}`))
	f.Add([]byte("# x\npkg:deb/debian/a@1?distro=debian-12\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := codec.Limits{Bytes: 1 << 20, Packages: 1000, Edges: 10_000}
		b, err := detect.Decode(bytes.NewReader(data), limits)
		if err != nil {
			require.Nil(t, b)
			return
		}
		// Whatever it was, every format can hold it.
		require.LessOrEqual(t, packages(b), limits.Packages+1)
		for _, encode := range []func(*bytes.Buffer) error{
			func(w *bytes.Buffer) error { return cyclonedx.EncodeXML(w, b, &codec.Options{Version: "1.4"}) },
			func(w *bytes.Buffer) error { return spdx2.EncodeTagValue(w, b, &codec.Options{}) },
			func(w *bytes.Buffer) error { return spdx3.EncodeJSON(w, b, &codec.Options{}) },
		} {
			var buf bytes.Buffer
			require.NoError(t, encode(&buf))
			again, err := detect.Decode(&buf, codec.DefaultLimits())
			require.NoError(t, err)
			require.Equal(t, packages(b), packages(again))
		}
	})
}

func packages(b *inventory.BOM) int {
	n := len(b.Packages)
	for _, part := range b.Parts {
		n += packages(part)
	}
	return n
}
