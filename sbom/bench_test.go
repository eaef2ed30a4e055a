package sbom_test

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"testing"
	"testing/fstest"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan/image"
)

// nodeImage is the inventory of an image of Node.js with 40,000 files: node-huge
// of mkimages, which has more, or else one of 8,000 packages of five files each.
func nodeImage(tb testing.TB) *sbom.BOM {
	tb.Helper()
	if *corpus != "" {
		img, err := image.Archive(tb.Context(), filepath.Join(*corpus, "node-huge.docker.tar"))
		require.NoError(tb, err)
		defer img.Close()
		bom, err := sbom.Generate(tb.Context(), img)
		require.NoError(tb, err)
		return bom
	}
	files := fstest.MapFS{"usr/lib/os-release": {Data: []byte("ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n")}}
	for i := range 8000 {
		dir := fmt.Sprintf("app/node_modules/@scope%d/package-%d/", i%40, i)
		files[dir+"package.json"] = &fstest.MapFile{Data: fmt.Appendf(nil,
			`{"name":"@scope%d/package-%d","version":"%d.%d.0","license":"MIT","author":"Jane Doe <jane@example.com>","dependencies":{"@scope%d/package-%d":"^1.0.0"}}`,
			i%40, i, i%9, i%20, (i/2)%40, i/2)}
		for _, name := range []string{"index.js", "README.md", "LICENSE", "lib/main.js"} {
			files[dir+name] = &fstest.MapFile{Data: []byte("x")}
		}
	}
	bom, err := sbom.Generate(tb.Context(), image.FS("node", files))
	require.NoError(tb, err)
	require.Len(tb, bom.Packages, 8000)
	return bom
}

// A meter counts bytes, and looks how large the heap is meanwhile.
type meter struct {
	n    int64
	peak uint64
}

func (m *meter) Write(p []byte) (int, error) {
	if m.n>>20 != (m.n+int64(len(p)))>>20 { // once in a MiB
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		m.peak = max(m.peak, s.HeapAlloc)
	}
	m.n += int64(len(p))
	return len(p), nil
}

// BenchmarkEncode writes the inventory of a large image of Node.js. "heap-MB" is
// how far the heap grows beyond the inventory. Last is the library that has the
// types, which makes a whole document before it writes it.
func BenchmarkEncode(b *testing.B) {
	bom := nodeImage(b)
	run := func(name string, encode func(w io.Writer) error) {
		b.Run(name, func(b *testing.B) {
			runtime.GC()
			var before runtime.MemStats
			runtime.ReadMemStats(&before)
			var peak uint64
			b.ReportAllocs()
			for b.Loop() {
				var m meter
				if err := encode(&m); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(m.n)
				peak = max(peak, m.peak)
			}
			b.ReportMetric(float64(int64(peak)-int64(before.HeapAlloc))/1e6, "heap-MB")
		})
	}
	for _, e := range []struct {
		name    string
		format  sbom.Format
		version string
	}{
		{"cyclonedx-json-1.6", sbom.CycloneDXJSON, "1.6"},
		{"cyclonedx-xml-1.6", sbom.CycloneDXXML, "1.6"},
		{"spdx-json-2.3", sbom.SPDXJSON, "2.3"},
		{"spdx-tv-2.3", sbom.SPDXTagValue, "2.3"},
		{"spdx-json-3.0", sbom.SPDXJSON, "3.0"},
	} {
		run(e.name, func(w io.Writer) error { return sbom.Encode(w, bom, e.format, sbom.WithSpecVersion(e.version)) })
	}
	var buf bytes.Buffer
	require.NoError(b, sbom.Encode(&buf, bom, sbom.CycloneDXJSON))
	var doc cdx.BOM
	require.NoError(b, cdx.NewBOMDecoder(&buf, cdx.BOMFileFormatJSON).Decode(&doc))
	run("cyclonedx-go-json-1.6", func(w io.Writer) error {
		return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(&doc, cdx.SpecVersion1_6)
	})
}

// BenchmarkDecode reads what BenchmarkEncode writes.
func BenchmarkDecode(b *testing.B) {
	bom := nodeImage(b)
	for _, e := range encodings() {
		if e.version != "1.6" && e.version != "2.3" && e.version != "3.0" {
			continue
		}
		data := e.encode(b, bom)
		b.Run(fmt.Sprintf("%s-%s", e.ext, e.version), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				back, err := sbom.Decode(bytes.NewReader(data))
				if err != nil || len(back.Packages) != len(bom.Packages) {
					b.Fatal(len(back.Packages), err)
				}
			}
		})
	}
}
