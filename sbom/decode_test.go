package sbom_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/sbom"
)

// TestDecodeTellsFormats reads each format without a word about what it is,
// also in an attestation and in what others put around documents.
func TestDecodeTellsFormats(t *testing.T) {
	b := codectest.BOM()
	wraps := map[string]func(string) string{
		"plain":                        func(s string) string { return s },
		"a byte order mark and blanks": func(s string) string { return "\xef\xbb\xbf \r\n" + s },
	}
	inJSON := map[string]func(string) string{
		"in-toto":         func(s string) string { return statement(s) },
		"predicate first": func(s string) string { return `{"predicate":` + s + `,"_type":"https://in-toto.io/Statement/v0.1"}` },
		"DSSE": func(s string) string {
			return `{"payloadType":"application/vnd.in-toto+json","payload":"` + base64.StdEncoding.EncodeToString([]byte(statement(s))) + `","signatures":[]}`
		},
		"GitHub's export": func(s string) string { return `{"sbom":` + s + `}` },
		"BuildKit":        func(s string) string { return `{"SPDX":` + s + `}` },
	}
	for _, e := range encodings() {
		doc := string(e.encode(t, b))
		for name, wrap := range wraps {
			checkFormat(t, e, name, wrap(doc))
		}
		if e.ext == "json" {
			for name, wrap := range inJSON {
				checkFormat(t, e, name, wrap(doc))
			}
			continue
		}
		// Text in a statement, as cosign has it for what it does not know.
		checkFormat(t, e, "Data", statement(`{"Data":"`+base64.StdEncoding.EncodeToString([]byte(doc))+`","Timestamp":"x"}`))
	}
}

func statement(predicate string) string {
	return `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"x","digest":{"sha256":"` + strings.Repeat("0", 64) + `"}}],"predicateType":"https://cyclonedx.org/bom","predicate":` + predicate + `}`
}

func checkFormat(t *testing.T, e encoding, name, doc string) {
	t.Helper()
	got, err := sbom.Decode(strings.NewReader(doc))
	if assert.NoErrorf(t, err, "%v, %s", e, name) {
		assert.Lenf(t, got.Packages, len(codectest.BOM().Packages), "%v, %s", e, name)
		assert.Equalf(t, e.version, strings.TrimSuffix(got.Document.Version, ".1"), "%v, %s", e, name)
	}
}

func TestDecodePackageURLs(t *testing.T) {
	b, err := sbom.Decode(strings.NewReader("# what we ship\n\npkg:deb/debian/openssl@3.0.15-1?distro=debian-12\npkg:npm/%40babel/core@7.1.0\nno purl\n"))
	require.NoError(t, err)
	require.Len(t, b.Packages, 2)
	assert.Equal(t, "@babel", b.Packages[1].Namespace)
	assert.Equal(t, sbom.OS{ID: "debian", Version: "12"}, b.OS)
	assert.Len(t, b.Problems, 1)
}

// TestDecodeSpecificationExamples reads the examples of the SPDX project: those
// in YAML, RDF and other formats that are not read are refused.
func TestDecodeSpecificationExamples(t *testing.T) {
	files, err := filepath.Glob(codectest.Testdata("spec", "spdx", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		b, err := sbom.Decode(bytes.NewReader(data))
		if strings.HasSuffix(file, ".yaml") || strings.HasSuffix(file, ".xml") {
			assert.ErrorIs(t, err, sbom.ErrFormat, file)
			assert.Nil(t, b, file)
			continue
		}
		if assert.NoError(t, err, file) {
			assert.Equal(t, "SPDX", b.Document.Format, file)
			assert.NotEmpty(t, b.Target.Name+strings.Join(b.Document.Authors, ""), file)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	broken := errors.New("the disk is broken")
	nested := `{"sbom":{"sbom":{"sbom":{"sbom":{"sbom":{"sbom":{"bomFormat":"CycloneDX","specVersion":"1.6"}}}}}}}`
	tests := []struct {
		name string
		r    io.Reader
		is   error
	}{
		{"nothing", strings.NewReader(""), sbom.ErrFormat},
		{"blanks", strings.NewReader(" \n"), sbom.ErrFormat},
		{"blanks without end", endless(" "), sbom.ErrFormat},
		{"a letter", strings.NewReader("Dear all,\n"), sbom.ErrFormat},
		{"comments without end", endless("# no\n"), sbom.ErrFormat},
		{"another JSON document", strings.NewReader(`{"name":"x","version":"1"}`), sbom.ErrFormat},
		{"a JSON list", strings.NewReader(`[1]`), sbom.ErrFormat},
		{"members without end", io.MultiReader(strings.NewReader(`{"x":0`), endless(`,"x":0`)), sbom.ErrFormat},
		{"another XML document", strings.NewReader("<html></html>"), sbom.ErrFormat},
		{"Syft's other JSON", strings.NewReader(`{"artifacts":[]}`), sbom.ErrFormat},
		{"a statement of something else", strings.NewReader(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{}}}`), sbom.ErrFormat},
		{"documents in documents", strings.NewReader(nested), sbom.ErrTooLarge},
		{"cut off", strings.NewReader(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{`), io.ErrUnexpectedEOF},
		{"more behind the end", strings.NewReader(`{"bomFormat":"CycloneDX","specVersion":"1.6"} x`), nil},
		{"JSON nested 10,000 deep", strings.NewReader(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"pedigree":` + strings.Repeat(`{"ancestors":[`, 10_000)), nil},
		{"an entity bomb", strings.NewReader(`<!DOCTYPE bom [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components>&b;</components></bom>`), sbom.ErrFormat},
		{"a broken disk", io.MultiReader(strings.NewReader(`{"bomFormat":"CycloneDX",`), iotest.ErrReader(broken)), broken},
	}
	for _, tt := range tests {
		start := time.Now()
		b, err := sbom.Decode(tt.r)
		assert.Nil(t, b, tt.name)
		var typed *sbom.DecodeError
		if assert.ErrorAs(t, err, &typed, tt.name) && tt.is != nil {
			assert.ErrorIs(t, err, tt.is, tt.name)
		}
		assert.Less(t, time.Since(start), 10*time.Second, tt.name)
	}
}

// endless repeats a text.
func endless(s string) io.Reader { return &repeat{s: s} }

type repeat struct {
	s    string
	rest string
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.rest == "" {
		r.rest = strings.Repeat(r.s, 1000)
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// components writes as many components as are asked for.
type components struct {
	head, each, tail string
	n, most          int
	buf              bytes.Buffer
}

func (c *components) Read(p []byte) (int, error) {
	for c.buf.Len() < len(p) && c.n <= c.most {
		switch c.n {
		case 0:
			c.buf.WriteString(c.head)
		case c.most:
			c.buf.WriteString(c.tail)
		default:
			fmt.Fprintf(&c.buf, c.each, c.n)
		}
		c.n++
	}
	return c.buf.Read(p)
}

// TestDecodeAMillionComponents has documents that are larger than the default
// allows. They are refused in time, with memory that is bounded; and read if
// that is asked for.
func TestDecodeAMillionComponents(t *testing.T) {
	if testing.Short() {
		t.Skip("a large input")
	}
	for name, doc := range map[string]components{
		"CycloneDX": {
			head: `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"first"}`,
			each: `,{"type":"library","name":"a%[1]d","version":"1","purl":"pkg:npm/a%[1]d@1","bom-ref":"%[1]d"}`, tail: `]}`,
		},
		"SPDX": {
			head: `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[{"SPDXID":"SPDXRef-0","name":"first"}`,
			each: `,{"SPDXID":"SPDXRef-%[1]d","name":"a%[1]d","versionInfo":"1"}`, tail: `]}`,
		},
	} {
		doc.most = 1_000_000
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b, err := sbom.Decode(&doc)
		runtime.ReadMemStats(&after)
		assert.ErrorIs(t, err, sbom.ErrTooLarge, name)
		assert.Nil(t, b, name)
		t.Logf("%s: refused after %d components, %d MB allocated", name, doc.n, (after.TotalAlloc-before.TotalAlloc)>>20)
	}
	small := components{
		head: `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"first"}`,
		each: `,{"type":"library","name":"a%d"}`, tail: `]}`, most: 2000,
	}
	_, err := sbom.Decode(&small, sbom.WithMaxPackages(1000))
	assert.ErrorIs(t, err, sbom.ErrTooLarge)
	small = components{head: small.head, each: small.each, tail: small.tail, most: 2000}
	b, err := sbom.Decode(&small, sbom.WithMaxPackages(3000))
	require.NoError(t, err)
	assert.Len(t, b.Packages, 2000)
}

func TestDecodeOptionErrors(t *testing.T) {
	doc := `{"bomFormat":"CycloneDX","specVersion":"1.6"}`
	_, err := sbom.Decode(strings.NewReader(doc), sbom.WithMaxBytes(0))
	assert.ErrorContains(t, err, "WithMaxBytes(0)")
	_, err = sbom.Decode(strings.NewReader(doc), sbom.WithMaxPackages(-1))
	assert.ErrorContains(t, err, "WithMaxPackages(-1)")
	_, err = sbom.Decode(strings.NewReader(doc), sbom.WithMaxBytes(10))
	assert.ErrorIs(t, err, sbom.ErrTooLarge)
	_, err = sbom.Decode(strings.NewReader(doc), sbom.WithMaxBytes(int64(len(doc))))
	assert.NoError(t, err)
}

func ExampleDecode() {
	b, err := sbom.Decode(strings.NewReader(`{
		"bomFormat": "CycloneDX", "specVersion": "1.5",
		"components": [
			{"type": "operating-system", "name": "debian", "version": "12"},
			{"type": "library", "name": "libssl3", "version": "3.0.15-1", "purl": "pkg:deb/debian/libssl3@3.0.15-1?upstream=openssl"},
			{"type": "library", "name": "odd", "purl": "not a purl"}
		]}`))
	if err != nil {
		panic(err)
	}
	fmt.Println(b.Document.Format, b.Document.Version, "of", b.OS.ID, b.OS.Version)
	for _, p := range b.Packages {
		fmt.Printf("%q %s %q from %q\n", p.Type, p.Name, p.Version, p.Source.Name)
	}
	for _, p := range b.Problems {
		fmt.Println(p)
	}
	// Output:
	// CycloneDX 1.5 of debian 12
	// "" odd "" from ""
	// "deb" libssl3 "3.0.15-1" from "openssl"
	// cyclonedx: the package URL "not a purl" of "odd" cannot be understood
}
