package cyclonedx_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
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

// document returns a document of version 1.6 with members.
func document(members string) string {
	return `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,` + members + `}`
}

func TestDecodeProblems(t *testing.T) {
	tests := []struct {
		name, doc string
		packages  int
		want      []string
	}{
		{"a circle is nothing wrong", document(`"components":[{"type":"library","name":"a","purl":"pkg:npm/a@1","bom-ref":"a"},{"type":"library","name":"b","purl":"pkg:npm/b@1","bom-ref":"b"}],
			"dependencies":[{"ref":"a","dependsOn":["b"]},{"ref":"b","dependsOn":["a","b"]}]`), 2, nil},
		{
			"a reference twice", document(`"components":[{"type":"library","name":"a","bom-ref":"a"},{"type":"library","name":"b","bom-ref":"a"}]`), 2,
			[]string{`the reference "a" is given twice`},
		},
		{
			"references to nothing", document(`"components":[{"type":"library","name":"a","bom-ref":"a"}],"dependencies":[{"ref":"a","dependsOn":["x","y"]},{"ref":"z"}]`), 1,
			[]string{`3 relationships name something that is not in the document, such as "x"`},
		},
		{
			"a package URL that is none", document(`"components":[{"type":"library","name":"a","version":"1","purl":"npm:a@1"}]`), 1,
			[]string{`the package URL "npm:a@1" of "a" cannot be understood`},
		},
		{
			"a component of another type", document(`"components":[7,{"type":"library","name":"a"},null]`), 1,
			[]string{"component 1 is not as the specification has it", `component "" is of a type that is not known: ""`, `a component has no name: ""`},
		},
		{
			"a name of another type", document(`"components":[{"type":"library","name":"a","version":1,"purl":"pkg:npm/a@1"}]`), 1,
			[]string{"component 1 is not as the specification has it"},
		},
		{
			"no list", document(`"components":{"a":{}},"dependencies":"x"`), 0,
			[]string{"the list of components is an object", "the list of dependencys is no list"},
		},
		{
			"a later version", `{"bomFormat":"CycloneDX","specVersion":"1.9","components":[{"type":"library","name":"a"}]}`, 1,
			[]string{`version "1.9" of the specification is not known, and read as 1.7`},
		},
		{
			"two systems", document(`"components":[{"type":"operating-system","name":"debian","version":"12"},{"type":"operating-system","name":"alpine"}]`), 0,
			[]string{`there are two operating systems; "alpine " is not used`},
		},
		{
			"two distributions", document(`"components":[{"type":"library","name":"a","purl":"pkg:deb/debian/a@1?distro=debian-12"},{"type":"library","name":"b","purl":"pkg:apk/alpine/b@1?distro=alpine-3.19.1"},
			{"type":"library","name":"c","purl":"pkg:apk/alpine/c@1?distro=alpine-3.19.1"}]`), 3,
			[]string{`the package URLs name 2 distributions; all packages are taken for those of "alpine 3.19.1"`},
		},
		{"what is affected is not there", document(`"vulnerabilities":[{"id":"CVE-1","affects":[{"ref":"x"}]}]`), 0, []string{`what "CVE-1" affects is not in the document: "x"`}},
		{
			"an odd layer", document(`"metadata":{"component":{"type":"container","name":"i","properties":[{"name":"imagevet:layer:99999999:digest","value":"x"},{"name":"imagevet:problem:-1:path","value":"x"}]}}`), 0,
			[]string{`property "imagevet:layer:99999999:digest" has a number`, `property "imagevet:problem:-1:path" has a number`},
		},
		{
			"odd properties", document(`"components":[{"type":"library","name":"a","properties":[{"name":"imagevet:layer:index","value":"-1"},{"name":"imagevet:requires","value":"x"}]}]`), 1,
			[]string{`"imagevet:layer:index" is no number`, `"imagevet:requires" is no list`},
		},
		{
			"times", document(`"metadata":{"timestamp":"x"},"vulnerabilities":[{"id":"CVE-1","published":"y","updated":"z","ratings":[{"severity":"awful"}],"analysis":{"state":"odd"}}]`), 0,
			[]string{`the timestamp is no time: "x"`, `has a severity that is not known: "awful"`, `has a state that is not known: "odd"`, `published at no time: "y"`, `updated at no time: "z"`},
		},
	}
	for _, tt := range tests {
		b, err := decode("json", []byte(tt.doc))
		if !assert.NoError(t, err, tt.name) {
			continue
		}
		assert.Len(t, b.Packages, tt.packages, tt.name)
		if assert.Lenf(t, b.Problems, len(tt.want), "%s: %v", tt.name, b.Problems) {
			for i, want := range tt.want {
				assert.Contains(t, b.Problems[i].Err.Error(), want, tt.name)
			}
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	deep := strings.Repeat(`{"type":"library","name":"a","components":[`, 10_000) + strings.Repeat(`]}`, 10_000)
	tests := []struct {
		name, encoding, doc string
		want                error
	}{
		{"another format", "json", `{"bomFormat":"SPDX","specVersion":"1.6"}`, cyclonedx.ErrFormat},
		{"no format", "json", `{"specVersion":"1.6"}`, cyclonedx.ErrFormat},
		{"no version", "json", `{"bomFormat":"CycloneDX"}`, cyclonedx.ErrFormat},
		{"version 2", "json", `{"bomFormat":"CycloneDX","specVersion":"2.0"}`, cyclonedx.ErrFormat},
		{"cut off", "json", `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"name":"a"`, io.ErrUnexpectedEOF},
		{"nested 10,000 deep", "json", document(`"components":[` + deep + `]`), nil},
		{"nested 100 deep", "json", document(`"components":[` + strings.Repeat(`{"type":"library","name":"a","components":[`, 100) + strings.Repeat(`]}`, 100) + `]`), inventory.ErrTooLarge},
		{"nested 10,000 deep, of no interest", "json", document(`"signature":` + strings.Repeat(`[`, 20_000)), nil},
		{"another element", "xml", `<x xmlns="http://cyclonedx.org/schema/bom/1.6"/>`, cyclonedx.ErrFormat},
		{"another name space", "xml", `<bom xmlns="http://example.com/1.6"/>`, cyclonedx.ErrFormat},
		{"nothing", "xml", ``, cyclonedx.ErrFormat},
		{"an entity bomb", "xml", `<?xml version="1.0"?><!DOCTYPE bom [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>` +
			`<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components><component type="library"><name>&c;</name></component></components></bom>`, cyclonedx.ErrFormat},
		{"an entity", "xml", `<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components><component type="library"><name>&c;</name></component></components></bom>`, new(xml.SyntaxError)},
		{"cut off", "xml", `<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components><component type="library"><name>a`, new(xml.SyntaxError)},
		{"nested 100 deep", "xml", `<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components>` + strings.Repeat(`<component type="library"><name>a</name><components>`, 100) +
			strings.Repeat(`</components></component>`, 100) + `</components></bom>`, inventory.ErrTooLarge},
		{"nested 20,000 deep", "xml", `<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components>` + strings.Repeat(`<component type="library"><name>a</name><components>`, 20_000), nil},
		{"more after the end", "xml", `<bom xmlns="http://cyclonedx.org/schema/bom/1.6"></bom><bom/>`, cyclonedx.ErrFormat},
	}
	for _, tt := range tests {
		b, err := decode(tt.encoding, []byte(tt.doc))
		assert.Nil(t, b, tt.name)
		switch want := tt.want.(type) {
		case nil:
			assert.Error(t, err, tt.name)
		case *xml.SyntaxError:
			assert.ErrorAs(t, err, &want, tt.name)
		default:
			assert.ErrorIs(t, err, want, tt.name)
		}
	}
}

// endless writes components, one after the other, that no memory would hold.
type endless struct {
	head, each string
	n          int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.n++; e.n == 1 {
		return copy(p, e.head), nil
	}
	return copy(p, fmt.Sprintf(e.each, e.n)), nil
}

func TestTooMany(t *testing.T) {
	limits := codec.Limits{Bytes: 1 << 40, Packages: 1000, Edges: 1000}
	for _, r := range []*endless{
		{head: `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"a"}`, each: `,{"type":"library","name":"a%d"}`},
		{head: `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"file","name":"a"}`, each: `,{"type":"file","name":"a","bom-ref":"f%d"}`},
		{head: `{"bomFormat":"CycloneDX","specVersion":"1.6","dependencies":[{"ref":"a"}`, each: `,{"ref":"a","dependsOn":["b%d"]}`},
		{head: `{"bomFormat":"CycloneDX","specVersion":"1.6","vulnerabilities":[{"id":"a"}`, each: `,{"id":"a%d"}`},
		{head: `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"container","name":"a","components":[]}`, each: `,{"type":"container","name":"a%d","components":[]}`},
	} {
		b, err := decodeJSON(r, limits)
		assert.Nil(t, b)
		assert.ErrorIs(t, err, inventory.ErrTooLarge, r.each)
		assert.Less(t, r.n, 20_000, "it is not read further than the limit")
	}
	r := &endless{head: `<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components>`, each: `<component type="library"><name>a%d</name></component>`}
	_, err := cyclonedx.DecodeXML(r, limits)
	assert.ErrorIs(t, err, inventory.ErrTooLarge)
}

func TestManyProblems(t *testing.T) {
	b, err := decode("json", []byte(document(`"components":[`+strings.Repeat(`{},`, 5000)+`{}]`)))
	require.NoError(t, err)
	assert.Len(t, b.Problems, codec.MaxProblems+1)
	assert.Contains(t, b.Problems[codec.MaxProblems].Err.Error(), "more problems")
}

func TestDecodeKeepsWhatFits(t *testing.T) {
	// The line is no number, which the library gives up at.
	doc := `<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components><component type="library"><name>a</name><version>1</version>
		<evidence><occurrences><occurrence line="x"><location>p</location></occurrence></occurrences></evidence></component>
		<component type="library"><name>b</name></component></components></bom>`
	b, err := decode("xml", []byte(doc))
	require.NoError(t, err)
	require.Len(t, b.Packages, 2)
	assert.Equal(t, "a", b.Packages[0].Name)
	assert.Equal(t, "1", b.Packages[0].Version)
	require.Len(t, b.Problems, 1)
	assert.Contains(t, b.Problems[0].Err.Error(), "component 1 is not as the specification has it")
}

func FuzzDecode(f *testing.F) {
	for encoding, encode := range encodings {
		for _, b := range documents() {
			var buf bytes.Buffer
			require.NoError(f, encode(&buf, b, &codec.Options{}))
			f.Add(encoding == "xml", buf.Bytes())
		}
	}
	f.Add(false, []byte(document(`"components":[{"type":"container","name":"a","components":[{"type":"library","name":"b"}]}]`)))                  // a part
	f.Add(false, []byte(document(`"metadata":{"component":{"type":"library","name":"a","purl":"pkg:npm/a@1"}},"components":[{"name":"\u0000"}]`))) // a package as root
	f.Fuzz(func(t *testing.T, inXML bool, data []byte) {
		encoding := "json"
		if inXML {
			encoding = "xml"
		}
		b, err := decode(encoding, data)
		if err != nil {
			require.Nil(t, b)
			return
		}
		// What was understood is written and read again without a change.
		again := roundTrip(t, b)
		b.Document, again.Document = inventory.Document{}, inventory.Document{}
		codectest.Equal(t, normal(b), normal(again))
	})
}

func roundTrip(t *testing.T, b *inventory.BOM) *inventory.BOM {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, cyclonedx.EncodeJSON(&buf, b, &codec.Options{}))
	require.True(t, json.Valid(buf.Bytes()))
	again, err := decode("json", buf.Bytes())
	require.NoErrorf(t, err, "%s", buf.String())
	return again
}

// normal leaves out what the document of an odd inventory cannot hold.
func normal(b *inventory.BOM) *inventory.BOM {
	out := *b
	out.Problems, out.Vulnerabilities = nil, nil
	out.Parts = nil
	for _, p := range b.Parts {
		out.Parts = append(out.Parts, normal(p))
	}
	return &out
}

func BenchmarkEncode(b *testing.B) {
	bom := &inventory.BOM{Target: inventory.Target{Name: "x"}, Layers: codectest.Layers()}
	for i := range 5000 {
		p := codectest.Package()
		p.Name = fmt.Sprint("p", i)
		p.PURL = fmt.Sprintf("pkg:rpm/redhat/p%d@1", i)
		p.DependsOn = nil
		if i > 0 {
			p.DependsOn = []string{bom.Packages[i/2].PURL}
		}
		bom.Packages = append(bom.Packages, p)
	}
	for encoding, encode := range encodings {
		b.Run(encoding, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var n counter
				if err := encode(&n, bom, &codec.Options{}); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(n))
			}
		})
	}
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
