package spdx2

import (
	"fmt"
	"strings"
	"time"

	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// format names the format in problems.
const format = "spdx"

// A document is what was read of a document so far, whatever its encoding.
type document struct {
	limits   codec.Limits
	c        *codec.Collector // of the outermost inventory
	version  string           // "SPDX-2.3"
	name     string
	info     inventory.Document
	elements []element
	licenses licenses

	// ids are the identifiers that there are, or that relationships name.
	ids     map[string]int32
	symbols []symbol
	files   []file
	// many is true if there are more files than are remembered.
	many  bool
	edges []edge
	// notes are annotations of elements that come later.
	notes map[int32][]string
}

// A symbol is what an identifier stands for: the index of an element or file.
type symbol struct {
	kind  symbolKind
	index int32
}

type symbolKind uint8

const (
	symbolUnknown symbolKind = iota
	symbolPackage
	symbolFile
	symbolOther // the document, or a snippet
)

// A file is a file that a document lists.
type file struct{ name, layer string }

// An edge is a relationship between symbols.
type edge struct {
	kind     edgeKind
	from, to int32
}

type edgeKind uint8

const (
	edgeDepends edgeKind = iota
	edgeDevelopment
	edgeContains
	edgeDescribes
	edgeEvident
)

func newDocument(limits codec.Limits, encoding string) *document {
	d := &document{
		limits: limits, c: codec.NewCollector(format, limits), ids: map[string]int32{}, notes: map[int32][]string{},
		info: inventory.Document{Format: "SPDX", Encoding: encoding},
	}
	d.symbols[d.symbol("SPDXRef-"+string(documentID))].kind = symbolOther
	return d
}

// symbol returns the number of an identifier.
func (d *document) symbol(id string) int32 {
	i, ok := d.ids[id]
	if !ok {
		i = int32(len(d.symbols)) // the limits keep it small
		d.symbols = append(d.symbols, symbol{})
		d.ids[strings.Clone(id)] = i
	}
	return i
}

// add takes a package.
func (d *document) add(e *element) error {
	if len(d.elements) >= d.limits.Packages {
		return fmt.Errorf("more than %d packages: %w", d.limits.Packages, inventory.ErrTooLarge)
	}
	e.id, e.name = strings.TrimSpace(e.id), strings.TrimSpace(e.name)
	if e.id != "" {
		if s := &d.symbols[d.symbol(e.id)]; s.kind == symbolUnknown {
			*s = symbol{symbolPackage, int32(len(d.elements))}
		} else {
			d.c.Remark("the identifier %s is given twice", codec.Quote(e.id))
			e.id = ""
		}
	}
	d.elements = append(d.elements, *e)
	return nil
}

// file notes a file. Those beyond the limit are forgotten.
func (d *document) file(id, name, comment string) {
	if len(d.files) >= d.limits.Elements() {
		d.many = true
		return
	}
	if id = strings.TrimSpace(id); id == "" {
		return
	}
	s := &d.symbols[d.symbol(id)]
	if s.kind != symbolUnknown {
		return
	}
	*s = symbol{symbolFile, int32(len(d.files))}
	f := file{name: rooted(name)}
	if layer, ok := strings.CutPrefix(strings.TrimSpace(comment), syftLayer); ok {
		f.layer = layer
	}
	d.files = append(d.files, f)
}

// other notes an element that is neither package nor file.
func (d *document) other(id string) {
	if id = strings.TrimSpace(id); id == "" || d.symbolCount() >= d.limits.Elements() {
		return
	}
	if s := &d.symbols[d.symbol(id)]; s.kind == symbolUnknown {
		s.kind = symbolOther
	}
}

func (d *document) symbolCount() int { return len(d.symbols) - len(d.elements) - len(d.files) }

// relation takes a relationship: section 11. What is no dependency and does not
// tell where packages are from is left out.
func (d *document) relation(from, kind, to, comment string) error {
	var k edgeKind
	switch strings.ToUpper(strings.TrimSpace(kind)) {
	case "DEPENDS_ON":
		k = edgeDepends
	case "DEPENDENCY_OF", "RUNTIME_DEPENDENCY_OF":
		k, from, to = edgeDepends, to, from
	case "DEV_DEPENDENCY_OF":
		k, from, to = edgeDevelopment, to, from
	case "CONTAINS", "CONTAIN":
		k = edgeContains
	case "CONTAINED_BY":
		k, from, to = edgeContains, to, from
	case "DESCRIBES", "DESCRIBE":
		k = edgeDescribes
	case "DESCRIBED_BY":
		k, from, to = edgeDescribes, to, from
	case "EVIDENT_BY":
		k = edgeEvident
	case "OTHER":
		if !strings.HasPrefix(comment, syftEvidentBy) {
			return nil
		}
		k = edgeEvident
	default:
		return nil
	}
	from, to = strings.TrimSpace(from), strings.TrimSpace(to)
	if elsewhere(from) || elsewhere(to) {
		return nil
	}
	if len(d.edges) >= d.limits.Edges {
		return fmt.Errorf("more than %d relationships: %w", d.limits.Edges, inventory.ErrTooLarge)
	}
	d.edges = append(d.edges, edge{k, d.symbol(from), d.symbol(to)})
	if most := 4 * d.limits.Elements(); len(d.symbols) > most+2 {
		return fmt.Errorf("more than %d identifiers: %w", most, inventory.ErrTooLarge)
	}
	return nil
}

// elsewhere reports whether an identifier names nothing of this document.
func elsewhere(id string) bool {
	return id == "" || id == none || id == noAssertion || strings.HasPrefix(id, "DocumentRef-")
}

// annotation takes an annotation of any element.
func (d *document) annotation(id, comment string) {
	if id = strings.TrimSpace(id); elsewhere(id) {
		return
	}
	s := d.symbol(id)
	switch d.symbols[s].kind {
	case symbolPackage:
		d.elements[d.symbols[s].index].note(d.c, comment)
	case symbolUnknown:
		d.notes[s] = append(d.notes[s], comment)
	}
}

// license takes a licence that SPDX has no identifier for.
func (d *document) license(id, name, extracted string) {
	if id = strings.TrimSpace(id); id == "" {
		return
	}
	if !d.licenses.add(&spdx.OtherLicense{LicenseIdentifier: id, LicenseName: name, ExtractedText: extracted}) {
		d.c.Remark("the licence %s is given twice", codec.Quote(id))
	}
}

// creator takes one of those who made the document: section 6.8.
func (d *document) creator(s string) {
	switch kind, name := partyOf(s); {
	case name == "":
	case kind == program:
		d.info.Tools = append(d.info.Tools, toolOf(name))
	case kind == organization:
		d.info.Authors = append(d.info.Authors, organization+": "+name)
	default:
		d.info.Authors = append(d.info.Authors, name)
	}
}

// created takes the time of the document.
func (d *document) created(s string) {
	t, err := codec.ParseTime(strings.TrimSpace(s))
	if err != nil {
		d.c.Remark("the time of the document cannot be understood: %w", err)
		return
	}
	if !t.Equal(time.Unix(0, 0)) {
		d.info.Created = t
	}
}
