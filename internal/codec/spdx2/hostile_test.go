package spdx2_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/spdx2"
	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestDecodeErrors(t *testing.T) {
	small := codec.Limits{Bytes: 1 << 20, Packages: 3, Edges: 2}
	edge := `{"spdxElementId": "a", "relationshipType": "CONTAINS", "relatedSpdxElement": "b"}`
	tests := []struct {
		document string
		want     error
	}{
		{`{}`, spdx2.ErrFormat},
		{`{"spdxVersion": "SPDX-3.0.1"}`, spdx2.ErrFormat},
		{`{"spdxVersion": "2.3"}`, spdx2.ErrFormat},
		{`{"spdxVersion": 2.3}`, spdx2.ErrFormat},
		{`{"spdxVersion": "SPDX-2.3"`, io.EOF},
		{`{"spdxVersion": "SPDX-2.3", "packages": [{"name": "a"`, io.ErrUnexpectedEOF},
		{jsonDocument(`"packages": [{"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "d"}]`), inventory.ErrTooLarge},
		{jsonDocument(`"relationships": [` + edge + "," + edge + "," + edge + `]`), inventory.ErrTooLarge},
	}
	for _, tt := range tests {
		b, err := decodeJSON(strings.NewReader(tt.document), small)
		assert.ErrorIsf(t, err, tt.want, "%s", tt.document)
		assert.Nilf(t, b, "%s", tt.document)
	}
}

// TestDecodeManyFiles: files beyond the limit are forgotten, and relationships
// with them are no problem.
func TestDecodeManyFiles(t *testing.T) {
	var files, relations []string
	for i := range 10 {
		files = append(files, fmt.Sprintf(`{"SPDXID": "f%d", "fileName": "f%d"}`, i, i))
		relations = append(relations, fmt.Sprintf(`{"spdxElementId": "p", "relationshipType": "CONTAINS", "relatedSpdxElement": "f%d"}`, i))
	}
	b, err := decodeJSON(strings.NewReader(jsonDocument(`"packages": [{"SPDXID": "p", "name": "p"}], "files": [`+strings.Join(files, ",")+`], "relationships": [`+strings.Join(relations, ",")+`]`)),
		codec.Limits{Bytes: 1 << 20, Packages: 3, Edges: 100})
	require.NoError(t, err)
	assert.Len(t, b.Packages, 1)
	assert.Empty(t, b.Problems)
}

// TestDecodeCircle: packages that depend on each other, and targets that are in
// each other.
func TestDecodeCircle(t *testing.T) {
	target := func(id string) string {
		return `{"SPDXID": "` + id + `", "name": "` + id + `", "annotations": [{"comment": "imagevet:[[\"element\",\"target\"]]"}]}`
	}
	b := mustJSON(t, `"packages": [`+target("a")+`,`+target("b")+`,`+target("c")+`], "relationships": [
		{"spdxElementId": "b", "relationshipType": "CONTAINS", "relatedSpdxElement": "a"},
		{"spdxElementId": "c", "relationshipType": "CONTAINS", "relatedSpdxElement": "b"},
		{"spdxElementId": "b", "relationshipType": "CONTAINS", "relatedSpdxElement": "c"},
		{"spdxElementId": "a", "relationshipType": "CONTAINS", "relatedSpdxElement": "a"}]`)
	assert.Equal(t, "a", b.Target.Name)
	require.Len(t, b.Parts, 1)
	assert.Equal(t, "b", b.Parts[0].Target.Name)
	require.Len(t, b.Parts[0].Parts, 1)
	assert.Equal(t, "c", b.Parts[0].Parts[0].Target.Name)
}

// A generator is a reader of what it makes: n times a text around a number.
type generator struct {
	head, tail string
	n, i       int
	each       func(i int) string
	buf        bytes.Buffer
	began      bool
}

func (g *generator) Read(p []byte) (int, error) {
	if !g.began {
		g.buf.WriteString(g.head)
		g.began = true
	}
	for g.buf.Len() < len(p) && g.i < g.n {
		g.buf.WriteString(g.each(g.i))
		if g.i++; g.i == g.n {
			g.buf.WriteString(g.tail)
		}
	}
	return g.buf.Read(p)
}

// TestDecodeTooManyPackages: a million packages end where the limit is.
func TestDecodeTooManyPackages(t *testing.T) {
	for _, e := range encodings() {
		g := &generator{n: 1_000_001, head: `{"spdxVersion": "SPDX-2.3", "packages": [`, tail: `{}]}`, each: func(i int) string {
			return fmt.Sprintf(`{"SPDXID": "p%d", "name": "p%d"},`, i, i)
		}}
		if e.name != "json" {
			g.head, g.tail = "SPDXVersion: SPDX-2.3\n", ""
			g.each = func(i int) string { return fmt.Sprintf("PackageName: p%d\nSPDXID: p%d\n", i, i) }
		}
		begin := time.Now()
		b, err := e.decode(g, codec.Limits{Bytes: 1 << 30, Packages: 1000, Edges: 1000})
		assert.ErrorIs(t, err, inventory.ErrTooLarge)
		assert.Nil(t, b)
		assert.Less(t, g.i, 100_000, "no more is read")
		assert.Less(t, time.Since(begin), 10*time.Second)
	}
}

// TestDecodeNesting: nothing here calls itself for what is nested.
func TestDecodeNesting(t *testing.T) {
	for _, open := range []string{`[`, `{"x":`} {
		b, err := decodeJSON(strings.NewReader(jsonDocument(`"packages": [`+strings.Repeat(open, 20_000))), codec.DefaultLimits())
		assert.ErrorContains(t, err, "exceeded max depth", "%q", open)
		assert.Nil(t, b)
	}
	b := mustJSON(t, `"packages": [`+strings.Repeat("[", 9_000)+strings.Repeat("]", 9_000)+`]`)
	assert.Len(t, b.Problems, 1)
}

// TestDecodeParts: dependencies between parts are told of, and parts of parts
// have a limit.
func TestDecodeParts(t *testing.T) {
	const target = `"annotations": [{"comment": "imagevet:[[\"element\",\"target\"]]"}]`
	relation := func(from, kind, to string) string {
		return fmt.Sprintf(`{"spdxElementId": %q, "relationshipType": %q, "relatedSpdxElement": %q}`, from, kind, to)
	}
	b := mustJSON(t, `"packages": [{"SPDXID": "t", "name": "t", `+target+`}, {"SPDXID": "u", "name": "u", `+target+`}, {"SPDXID": "a", "name": "a"}, {"SPDXID": "b", "name": "b"}],
		"relationships": [`+relation("t", "CONTAINS", "a")+`,`+relation("u", "CONTAINS", "b")+`,`+relation("a", "DEPENDS_ON", "b")+`]`)
	assert.Equal(t, []string{"1 dependencies between the parts of a product are left out"}, problems(b))
	assert.Equal(t, "a", b.Packages[0].Name)
	assert.Equal(t, "b", b.Parts[0].Packages[0].Name)

	var packages, relations []string
	for i := range 40 {
		packages = append(packages, fmt.Sprintf(`{"SPDXID": "t%d", "name": "t%d", %s}`, i, i, target))
		if i > 0 {
			relations = append(relations, relation(fmt.Sprintf("t%d", i-1), "CONTAINS", fmt.Sprintf("t%d", i)))
		}
	}
	b = mustJSON(t, `"packages": [`+strings.Join(packages, ",")+`], "relationships": [`+strings.Join(relations, ",")+`]`)
	assert.Equal(t, []string{"parts of parts are nested more than 32 deep"}, problems(b))
	assert.Len(t, b.Parts, 2)
}

// TestDecodeManyParts: inventories are not made without a limit.
func TestDecodeManyParts(t *testing.T) {
	part := `{"name": "x", "annotations": [{"comment": "imagevet:[[\"element\",\"target\"]]"}]}`
	b := mustJSON(t, `"packages": [`+part+strings.Repeat(","+part, 10_002)+`]`)
	assert.Len(t, b.Parts, 10_000)
	assert.Len(t, b.Packages, 2)
	assert.Len(t, b.Problems, 2)
}

// TestDecodeIdentifiers: relationships name no more than there could be.
func TestDecodeIdentifiers(t *testing.T) {
	var relations []string
	for i := range 40 {
		relations = append(relations, fmt.Sprintf(`{"spdxElementId": "a%d", "relationshipType": "CONTAINS", "relatedSpdxElement": "b%d"}`, i, i))
	}
	_, err := decodeJSON(strings.NewReader(jsonDocument(`"relationships": [`+strings.Join(relations, ",")+`]`)), codec.Limits{Packages: 3, Edges: 100})
	assert.ErrorIs(t, err, inventory.ErrTooLarge)
	assert.ErrorContains(t, err, "more than 60 identifiers")
}
