package spdx2_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx"
	"github.com/spdx/tools-golang/tagvalue"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/internal/codec/spdx2"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// decodeJSON reads a document as the code that tells formats apart does.
func decodeJSON(r io.Reader, limits codec.Limits) (*inventory.BOM, error) {
	return codectest.DecodeJSON(spdx2.NewJSON(limits), r)
}

// An encoding is one of the two.
type encoding struct {
	name   string
	encode func(io.Writer, *inventory.BOM, *codec.Options) error
	decode func(io.Reader, codec.Limits) (*inventory.BOM, error)
	// read is the reader of the library.
	read func(io.Reader) (*spdx.Document, error)
}

func encodings() []encoding {
	return []encoding{
		{"json", spdx2.EncodeJSON, decodeJSON, spdxjson.Read},
		{"tag-value", spdx2.EncodeTagValue, spdx2.DecodeTagValue, tagvalue.Read},
	}
}

func options(version string) *codec.Options {
	return &codec.Options{
		Version: version, Created: time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC), Supplier: "Example, Inc.",
		Authors: []string{"Jane Doe <jane@example.com>", "Organization: Example, Inc."},
		Tools:   []inventory.Tool{{Name: "bot", Version: "1.2"}, {Name: "other tool"}},
	}
}

// documents are what must come back: with each field of the model, with parts,
// and what text formats have trouble with.
func documents() map[string]*inventory.BOM {
	odd := &inventory.BOM{
		Target: inventory.Target{
			Name: " a\nb</text>", Kind: "tree", Version: "1 ", Digest: "odd",
			Labels: map[string]string{"": "", "<text>": "</text>\r\n\u2028\u0000"},
		},
		OS: inventory.OS{Version: "\t1", Name: "<text>"},
		Layers: []inventory.Layer{
			{Index: 0, CreatedBy: strings.Repeat("x", 2_000)},
			{Index: 1, CreatedBy: strings.Repeat("y", 60_000)},
		},
		Packages: []inventory.Package{
			{Name: "\u0085a<text>", Version: "1\r\n2", Vendor: "</text>", Maintainer: "a (b@c)", Licenses: []string{"a\nb"}, CPEs: []string{"cpe:/a:b:c", "cpe:/a:b:c"}},
			{Name: "b", Vendor: "X <x@y>", Maintainer: "X <x@y>", Licenses: []string{"", "x"}, PURL: "none", Hashes: []inventory.Hash{{Algorithm: "ODD", Value: "zz"}}},
			{Type: "npm", Name: "c", PURL: "pkg:npm/c d@1", Maintainer: " ", LicenseExpression: "MIT AND LicenseRef-x", Requires: many(), Provides: []string{"x"}},
			{Name: "d", Vendor: "NOASSERTION", Licenses: []string{"NOASSERTION"}, Layer: inventory.Layer{Index: 7, Digest: "d", DiffID: "e"}},
			{Name: "e", Licenses: []string{"LicenseRef-x"}, LicenseExpression: "", SHA1: "00", Hashes: []inventory.Hash{{Algorithm: "BLAKE3", Value: "01"}}},
			{Name: "f", LicenseExpression: "MIT", Vendor: "a: b", Maintainer: "Person: x"},
			{Name: "g", Licenses: []string{"MIT"}, LicenseExpression: "no expression", Maintainer: "only"},
			{Name: "h", Licenses: []string{strings.Repeat("long ", 100)}},
			{Type: "deb", Name: "i", Version: "2", PURL: "pkg:deb/debian/i@1?upstream=j&arch=amd64", Source: inventory.Source{}},
		},
	}
	for i := range odd.Packages {
		if p := &odd.Packages[i]; p.Layer.Index == 0 {
			p.Extractor, p.Layer = "mine", odd.Layers[0]
		}
	}
	slices.SortStableFunc(odd.Packages, codec.ComparePackages)
	return map[string]*inventory.BOM{
		"full": codectest.BOM(), "product": codectest.Product(), "odd": odd, "empty": {},
		"nested": {Target: inventory.Target{Name: "n", Kind: "product"}, Parts: []*inventory.BOM{codectest.Product(), codectest.BOM()}},
	}
}

func many() []string {
	var list []string
	for i := range 5000 {
		list = append(list, fmt.Sprintf("library-%d.so(VERSION_%d)", i, i))
	}
	return list
}

// withoutVulnerabilities returns what comes back of an inventory.
func withoutVulnerabilities(b *inventory.BOM) *inventory.BOM {
	out := *b
	out.Vulnerabilities, out.Parts = nil, nil
	for _, p := range b.Parts {
		out.Parts = append(out.Parts, withoutVulnerabilities(p))
	}
	return &out
}

func TestRoundTrip(t *testing.T) {
	for _, e := range encodings() {
		for _, version := range []string{"2.2", "2.3"} {
			for name, b := range documents() {
				t.Run(e.name+"/"+version+"/"+name, func(t *testing.T) {
					opts := options(version)
					var buf bytes.Buffer
					require.NoError(t, e.encode(&buf, b, opts))
					got, err := e.decode(bytes.NewReader(buf.Bytes()), codec.DefaultLimits())
					require.NoError(t, err)
					doc := got.Document
					got.Document = inventory.Document{}
					codectest.Equal(t, withoutVulnerabilities(b), got)
					assert.Regexp(t, "^https://spdx.org/spdxdocs/.*-[0-9a-f-]{36}$", doc.ID)
					doc.ID = ""
					assert.Equal(t, inventory.Document{
						Format: "SPDX", Version: version, Encoding: e.name, Created: opts.Created,
						Authors: opts.Authors, Supplier: opts.Supplier, Tools: append([]inventory.Tool{codec.Tool()}, opts.Tools...),
					}, doc)
				})
			}
		}
	}
}

// TestLibraryReads holds what is written against the readers of the library.
func TestLibraryReads(t *testing.T) {
	for _, e := range encodings() {
		for _, version := range []string{"2.2", "2.3"} {
			for name, b := range documents() {
				if name == "odd" && e.name == "tag-value" {
					b.Layers = b.Layers[:1] // its lines are bounded by 64 KiB
				}
				for _, compact := range []bool{false, true} {
					opts := options(version)
					opts.Compact = compact
					var buf bytes.Buffer
					require.NoError(t, e.encode(&buf, b, opts))
					doc, err := e.read(&buf)
					require.NoErrorf(t, err, "%s, %s, %s", e.name, version, name)
					assert.Lenf(t, doc.Packages, count(b), "%s, %s, %s", e.name, version, name)
				}
			}
		}
	}
}

// count is how many packages of SPDX an inventory is.
func count(b *inventory.BOM) int {
	n := len(b.Packages) + 1
	if b.OS.ID != "" || b.OS.Version != "" {
		n++
	}
	for _, p := range b.Parts {
		n += count(p)
	}
	return n
}

func TestSchema(t *testing.T) {
	for _, version := range []string{"2.2", "2.3"} {
		check := codectest.Schema(t, "spdx", "spdx-schema-"+version+".json")
		for name, b := range documents() {
			var buf bytes.Buffer
			require.NoError(t, spdx2.EncodeJSON(&buf, b, options(version)))
			assert.NoErrorf(t, check(buf.Bytes()), "%s, %s", version, name)
		}
	}
}
