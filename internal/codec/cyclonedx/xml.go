package cyclonedx

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const namespace = "http://cyclonedx.org/schema/bom/"

// DecodeXML reads a document in XML. The entities that a document declares are
// not known, so that they cannot grow: one with a document type declaration is
// refused.
func DecodeXML(r io.Reader, limits codec.Limits) (*inventory.BOM, error) {
	d := newDecoder(limits, "xml")
	tokens := &depthReader{tokens: xml.NewDecoder(bufio.NewReaderSize(r, 64<<10))}
	x := &xmlDecoder{decoder: d, Decoder: xml.NewTokenDecoder(tokens), depth: tokens}
	root, err := x.next()
	if err != nil {
		return nil, err
	}
	if root == nil || root.Name.Local != "bom" {
		return nil, fmt.Errorf("no element \"bom\": %w", ErrFormat)
	}
	x.around = []xml.StartElement{*root}
	version, ok := strings.CutPrefix(root.Name.Space, namespace)
	if !ok {
		return nil, fmt.Errorf("the name space is %s: %w", codec.Quote(root.Name.Space), ErrFormat)
	}
	d.version, d.hasVersion = version, true
	for _, a := range root.Attr {
		if a.Name.Local == "serialNumber" {
			d.serial(a.Value)
		}
	}
	for {
		e, err := x.next()
		if err != nil {
			return nil, err
		}
		if e == nil {
			break
		}
		if err := x.member(e); err != nil {
			return nil, err
		}
	}
	if err := x.end(); err != nil {
		return nil, err
	}
	if tokens.doubles > 0 {
		d.Remark("%d licences have several identifiers or names", tokens.doubles)
	}
	return d.finish()
}

// A depthReader knows how many elements are open. It counts the licences that
// have two identifiers, of which the library's types hold the last.
type depthReader struct {
	tokens  *xml.Decoder
	replay  []xml.StartElement
	depth   int
	license int // the depth of the licence that is open
	ids     int // that it has
	doubles int
}

func (r *depthReader) Token() (xml.Token, error) {
	if len(r.replay) > 0 {
		t := r.replay[0]
		r.replay = r.replay[1:]
		return t, nil
	}
	t, err := r.tokens.Token()
	switch t := t.(type) {
	case xml.StartElement:
		r.depth++
		switch {
		case t.Name.Local == "license":
			r.license, r.ids = r.depth, 0
		case r.license > 0 && r.depth == r.license+1 && (t.Name.Local == "id" || t.Name.Local == "name"):
			if r.ids++; r.ids == 2 {
				r.doubles++
			}
		}
	case xml.EndElement:
		if r.depth--; r.depth < r.license {
			r.license = 0
		}
	}
	return t, err
}

type xmlDecoder struct {
	*decoder
	*xml.Decoder
	depth *depthReader
	// around are the elements around the one that is decoded.
	around []xml.StartElement
}

// next returns the next element, nil where the one around it ends.
func (x *xmlDecoder) next() (*xml.StartElement, error) {
	for {
		t, err := x.Token()
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			e := t.Copy()
			return &e, nil
		case xml.EndElement:
			return nil, nil
		case xml.Directive:
			return nil, fmt.Errorf("line %d: a document type declaration: %w", x.line(), ErrFormat)
		}
	}
}

// end reads what may follow after the document.
func (x *xmlDecoder) end() error {
	for {
		t, err := x.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t.(type) {
		case xml.Comment, xml.ProcInst, xml.CharData:
		default:
			return fmt.Errorf("line %d: something after the document: %w", x.line(), ErrFormat)
		}
	}
}

func (x *xmlDecoder) line() int {
	line, _ := x.depth.tokens.InputPos()
	return line
}

// member takes an element below the root.
func (x *xmlDecoder) member(e *xml.StartElement) error {
	if e.Name.Local != "metadata" {
		x.around = append(x.around, *e)
		defer func() { x.around = x.around[:1] }()
	}
	switch e.Name.Local {
	case "metadata":
		var m cdx.Metadata
		if err := x.decode(e, "the metadata", &m); err != nil {
			return err
		}
		return x.metadata(&m)
	case "components":
		return each(x, "component", func(c *cdx.Component) error { return x.component(c, x.Collector, 0) })
	case "dependencies":
		return each(x, "dependency", x.dependency)
	case "vulnerabilities":
		return each(x, "vulnerability", x.vulnerability)
	case "services":
		return each(x, "service", x.service)
	case "compositions":
		return each(x, "composition", x.composition)
	}
	return x.Skip()
}

// each calls take with each element of the list that has begun.
func each[T any](x *xmlDecoder, name string, take func(*T) error) error {
	for n := 1; ; n++ {
		e, err := x.next()
		if e == nil || err != nil {
			return err
		}
		if e.Name.Local != name { // an extension
			if err := x.Skip(); err != nil {
				return err
			}
			continue
		}
		var v T
		if err := x.decode(e, fmt.Sprintf("%s %d", name, n), &v); err != nil {
			return err
		}
		if err := take(&v); err != nil {
			return err
		}
	}
}

// decode reads an element. What does not fit is a problem, and v is filled as
// far as it goes; the document is read on behind the element.
func (x *xmlDecoder) decode(e *xml.StartElement, what string, v any) error {
	around := x.depth.depth - 1
	err := x.DecodeElement(v, e)
	if err == nil {
		return nil
	}
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) || x.depth.depth < around {
		return err
	}
	// The decoder stopped somewhere within the element, and cannot be used any
	// further: another one goes on behind it, with the same elements around.
	for x.depth.depth > around {
		if _, err := x.depth.Token(); err != nil {
			return err
		}
	}
	x.Decoder = xml.NewTokenDecoder(x.depth)
	x.depth.replay = x.around
	for range x.around {
		if _, err := x.Token(); err != nil {
			return err
		}
	}
	x.Problem("%s is not as the specification has it: %v", what, err)
	return nil
}
