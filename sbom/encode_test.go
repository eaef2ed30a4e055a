package sbom_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan/image"
)

// An encoding is a format in one version, with what compares a document with
// its schema.
type encoding struct {
	format  sbom.Format
	version string
	ext     string // of files: "json", "xml" or "spdx"
	schema  []string
}

func (e encoding) String() string { return fmt.Sprint(e.format, "/", e.version) }

func (e encoding) encode(t testing.TB, b *sbom.BOM, opts ...sbom.EncodeOption) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoErrorf(t, sbom.Encode(&buf, b, e.format, append(opts, sbom.WithSpecVersion(e.version))...), "%v", e)
	return buf.Bytes()
}

func encodings() []encoding {
	var all []encoding
	for _, v := range []string{"1.4", "1.5", "1.6", "1.7"} {
		all = append(all,
			encoding{sbom.CycloneDXJSON, v, "json", []string{"cyclonedx", "bom-" + v + ".schema.json"}},
			encoding{sbom.CycloneDXXML, v, "xml", []string{"cyclonedx", "bom-" + v + ".xsd"}})
	}
	for _, v := range []string{"2.2", "2.3"} {
		all = append(all,
			encoding{sbom.SPDXJSON, v, "json", []string{"spdx", "spdx-schema-" + v + ".json"}},
			encoding{sbom.SPDXTagValue, v, "spdx", nil})
	}
	return append(all, encoding{sbom.SPDXJSON, "3.0", "json", []string{"spdx", "spdx-schema-3.0.1.json"}})
}

// images returns inventories of real images: that in the repository, one of
// files that the tests make, and those of mkimages if they are there.
func images(t testing.TB) map[string]func(workers int) *sbom.BOM {
	t.Helper()
	open := func(archive string) func(int) *sbom.BOM {
		return func(workers int) *sbom.BOM {
			img, err := image.Archive(t.Context(), archive)
			require.NoError(t, err)
			defer img.Close()
			bom, err := sbom.Generate(t.Context(), img, sbom.WithWorkers(workers))
			require.NoError(t, err)
			return bom
		}
	}
	all := map[string]func(int) *sbom.BOM{
		"alpine-3.8": open(filepath.Join("..", "testdata", "images", "alpine-3.8.tar.gz")),
		"debian": func(workers int) *sbom.BOM {
			bom, err := sbom.Generate(t.Context(), debian(t), sbom.WithExtractors(metadata{}), sbom.WithWorkers(workers), sbom.WithDeleted(true))
			require.NoError(t, err)
			return bom
		},
	}
	if *corpus == "" {
		t.Log("without the images of mkimages: -corpus DIR")
		return all
	}
	archives, err := filepath.Glob(filepath.Join(*corpus, "*.docker.tar"))
	require.NoError(t, err)
	require.NotEmpty(t, archives)
	for _, archive := range archives {
		all[strings.TrimSuffix(filepath.Base(archive), ".docker.tar")] = open(archive)
	}
	return all
}

// TestEncodeImages scans twice, with one and with eight workers, and compares
// the bytes in each format; and what is read back with what was written.
func TestEncodeImages(t *testing.T) {
	for name, generate := range images(t) {
		one, eight := generate(1), generate(8)
		for _, e := range encodings() {
			data := e.encode(t, one)
			assert.Truef(t, bytes.Equal(data, e.encode(t, eight)), "%s in %v: the same image gives the same bytes", name, e)

			back, err := sbom.Decode(bytes.NewReader(data))
			if !assert.NoErrorf(t, err, "%s in %v", name, e) {
				continue
			}
			assert.Equal(t, e.version, strings.TrimSuffix(back.Document.Version, ".1"))
			back.Document = sbom.Document{}
			if !codectest.Equal(t, one, back) {
				t.Logf("%s in %v", name, e)
			}
		}
	}
}

// TestEncodeSchemas compares all that Encode can write with the official
// schemas.
func TestEncodeSchemas(t *testing.T) {
	documents := map[string]*sbom.BOM{"every field": codectest.BOM(), "nothing": {}, "two images": codectest.Product()}
	for name, generate := range images(t) {
		documents[name] = generate(2)
	}
	dir := t.TempDir()
	for _, e := range encodings() {
		if e.schema == nil {
			continue
		}
		t.Run(strings.ReplaceAll(e.String(), "/", "-"), func(t *testing.T) {
			validate := validator(t, e, dir)
			for name, b := range documents {
				assert.NoErrorf(t, validate(e.encode(t, b)), "%s in %v", name, e)
				assert.NoErrorf(t, validate(e.encode(t, b, allOptions...)), "%s in %v with all options", name, e)
			}
		})
	}
}

var allOptions = []sbom.EncodeOption{
	sbom.WithTimestamp(time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))), sbom.WithAuthors("Jane Doe <jane@example.com>", "Example Org"),
	sbom.WithSupplier("Example Org"), sbom.WithTool("bot", "1.2"), sbom.WithCompact(true),
}

func validator(t *testing.T, e encoding, dir string) func([]byte) error {
	if e.ext == "json" {
		return codectest.Schema(t, e.schema...)
	}
	validate := codectest.XMLSchema(t, e.schema...)
	return func(data []byte) error {
		file := filepath.Join(dir, "document.xml")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			return err
		}
		return validate(file)
	}
}

func TestEncodeOptions(t *testing.T) {
	b := &sbom.BOM{Target: sbom.Target{Name: "x"}}
	for _, e := range encodings() {
		got, err := sbom.Decode(bytes.NewReader(e.encode(t, b, allOptions...)))
		require.NoErrorf(t, err, "%v", e)
		d := got.Document
		assert.Equal(t, time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC), d.Created, "%v", e)
		require.Lenf(t, d.Authors, 2, "%v", e)
		assert.Contains(t, d.Authors[0], "Jane Doe", "%v", e)
		assert.Contains(t, d.Authors[1], "Example Org", "%v", e)
		assert.Contains(t, d.Supplier, "Example Org", "%v", e)
		assert.Contains(t, d.Tools, sbom.Tool{Name: "bot", Version: "1.2"}, "%v", e)
		assert.NotEmpty(t, d.ID, "%v", e)

		// What a document says of how it was made goes on to the next.
		var buf bytes.Buffer
		require.NoError(t, sbom.Encode(&buf, got, sbom.CycloneDXJSON))
		again, err := sbom.Decode(&buf)
		require.NoError(t, err)
		assert.Equal(t, d.Created, again.Document.Created, "%v", e)
		assert.Len(t, again.Document.Authors, 2, "%v", e)
		assert.Equal(t, d.Tools, again.Document.Tools, "%v", e)
	}
}

func TestSerialNumberFollowsTheContent(t *testing.T) {
	a := &sbom.BOM{Packages: []sbom.Package{{Name: "a", PURL: "pkg:deb/a@1"}}}
	b := &sbom.BOM{Packages: []sbom.Package{{Name: "a", PURL: "pkg:deb/a@2"}}}
	for _, e := range encodings() {
		ids := map[string]bool{}
		for _, data := range [][]byte{e.encode(t, a), e.encode(t, b), e.encode(t, a, sbom.WithSupplier("x"))} {
			got, err := sbom.Decode(bytes.NewReader(data))
			require.NoError(t, err)
			ids[got.Document.ID] = true
		}
		assert.Lenf(t, ids, 3, "%v", e)
	}
}

func TestWithSourceDateEpoch(t *testing.T) {
	created := func(opts ...sbom.EncodeOption) time.Time {
		var buf bytes.Buffer
		require.NoError(t, sbom.Encode(&buf, &sbom.BOM{}, sbom.CycloneDXJSON, opts...))
		b, err := sbom.Decode(&buf)
		require.NoError(t, err)
		return b.Document.Created
	}
	assert.Equal(t, time.Unix(1700000000, 0).UTC(), created(sbom.WithSourceDateEpoch("1700000000")))
	assert.Equal(t, time.Unix(0, 0).UTC(), created(sbom.WithSourceDateEpoch("0")))
	assert.True(t, created(sbom.WithSourceDateEpoch("")).IsZero())
	assert.Equal(t, time.Unix(5, 0).UTC(), created(sbom.WithTimestamp(time.Unix(5, 0)), sbom.WithSourceDateEpoch("")), "an empty value changes nothing")
}

func TestEncodeErrors(t *testing.T) {
	empty := &sbom.BOM{}
	tests := []struct {
		format sbom.Format
		opts   []sbom.EncodeOption
		want   string
	}{
		{0, nil, "sbom: no such format: 0"},
		{99, nil, "sbom: no such format: 99"},
		{sbom.CycloneDXJSON, []sbom.EncodeOption{sbom.WithSpecVersion("1.3")}, `"1.3"`},
		{sbom.CycloneDXXML, []sbom.EncodeOption{sbom.WithSpecVersion("2.3")}, `"2.3"`},
		{sbom.SPDXJSON, []sbom.EncodeOption{sbom.WithSpecVersion("2.1")}, `"2.1"`},
		{sbom.SPDXJSON, []sbom.EncodeOption{sbom.WithSpecVersion("3.1")}, `"3.1"`},
		{sbom.SPDXTagValue, []sbom.EncodeOption{sbom.WithSpecVersion("3.0")}, `"3.0"`},
		{sbom.PackageURLs, []sbom.EncodeOption{sbom.WithSpecVersion("1")}, `"1"`},
		{sbom.CycloneDXJSON, []sbom.EncodeOption{sbom.WithSourceDateEpoch("soon")}, `WithSourceDateEpoch("soon")`},
		{sbom.CycloneDXJSON, []sbom.EncodeOption{sbom.WithSourceDateEpoch("-1")}, `WithSourceDateEpoch("-1")`},
		{sbom.CycloneDXJSON, []sbom.EncodeOption{sbom.WithSourceDateEpoch("999999999999999")}, "WithSourceDateEpoch"},
		{sbom.CycloneDXJSON, []sbom.EncodeOption{sbom.WithAuthors("a", " ")}, "WithAuthors"},
		{sbom.CycloneDXJSON, []sbom.EncodeOption{sbom.WithTool("", "1")}, "WithTool"},
	}
	for _, tt := range tests {
		var buf bytes.Buffer
		assert.ErrorContains(t, sbom.Encode(&buf, empty, tt.format, tt.opts...), tt.want)
		assert.Empty(t, buf.String(), "nothing is written")
	}
	assert.ErrorIs(t, sbom.Encode(&bytes.Buffer{}, empty, 0), sbom.ErrFormat)
	assert.ErrorIs(t, sbom.Encode(&bytes.Buffer{}, empty, sbom.SPDXJSON, sbom.WithSpecVersion("9")), sbom.ErrFormat)
	for _, e := range append(encodings(), encoding{format: sbom.PackageURLs}) {
		assert.ErrorIsf(t, sbom.Encode(failing{}, codectest.BOM(), e.format, sbom.WithSpecVersion(e.version)), errFull, "%v", e)
	}
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
	//   "serialNumber": "urn:uuid:79504c18-14f8-5317-a48b-e87ab1091b1d",
	//   "version": 1,
	//   "metadata": {
	//     "lifecycles": [
	//       {
	//         "phase": "post-build"
	//       }
	//     ],
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
	//   },
	//   "components": [],
	//   "dependencies": [
	//     {
	//       "ref": "image"
	//     }
	//   ],
	//   "compositions": [
	//     {
	//       "aggregate": "unknown",
	//       "assemblies": [
	//         "image"
	//       ]
	//     }
	//   ]
	// }
}

func ExampleEncode_options() {
	bom := &sbom.BOM{Packages: []sbom.Package{{Type: "npm", Name: "a", Version: "1", PURL: "pkg:npm/a@1"}}}
	err := sbom.Encode(os.Stdout, bom, sbom.PackageURLs)
	if err != nil {
		panic(err)
	}
	// A document for others is signed with a time and an author.
	var spdx bytes.Buffer
	err = sbom.Encode(&spdx, bom, sbom.SPDXJSON, sbom.WithSpecVersion("2.3"),
		sbom.WithSourceDateEpoch(os.Getenv("SOURCE_DATE_EPOCH")), sbom.WithAuthors("Security Team <security@example.com>"))
	if err != nil {
		panic(err)
	}
	// Output: pkg:npm/a@1
}
