package cyclonedx

import (
	"encoding/xml"
	"io"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A sink takes the parts of a document in the order of the specification,
// which XML prescribes.
type sink interface {
	metadata(m *cdx.Metadata)
	// list begins a list, whose elements are called name in XML.
	list(list, name string)
	element(v any)
	end()
	close() error
}

// EncodeJSON writes the inventory in JSON.
func EncodeJSON(w io.Writer, b *inventory.BOM, opts *codec.Options) error {
	version, err := versionOf(opts.Version)
	if err != nil {
		return err
	}
	j := codec.NewJSONWriter(w, opts.Compact)
	j.Member("$schema", "http://cyclonedx.org/schema/bom-"+version.String()+".schema.json")
	j.Member("bomFormat", "CycloneDX")
	j.Member("specVersion", version.String())
	j.Member("serialNumber", serial(b, opts))
	j.Member("version", 1)
	return write(jsonSink{j}, &encoder{version: version, opts: opts, lines: version >= cdx.SpecVersion1_6}, b)
}

type jsonSink struct{ w *codec.JSONWriter }

func (s jsonSink) metadata(m *cdx.Metadata) { s.w.Member("metadata", m) }
func (s jsonSink) list(list, _ string)      { s.w.List(list) }
func (s jsonSink) element(v any)            { s.w.Element(v) }
func (s jsonSink) end()                     { s.w.EndList() }
func (s jsonSink) close() error             { return s.w.Close() }

// EncodeXML writes the inventory in XML.
func EncodeXML(w io.Writer, b *inventory.BOM, opts *codec.Options) error {
	version, err := versionOf(opts.Version)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	s := &xmlSink{enc: xml.NewEncoder(w), root: xml.Name{Local: "bom"}, w: w}
	if !opts.Compact {
		s.enc.Indent("", "  ")
	}
	s.token(xml.StartElement{Name: s.root, Attr: []xml.Attr{
		{Name: xml.Name{Local: "xmlns"}, Value: "http://cyclonedx.org/schema/bom/" + version.String()},
		{Name: xml.Name{Local: "serialNumber"}, Value: serial(b, opts)},
		{Name: xml.Name{Local: "version"}, Value: "1"},
	}})
	// The library writes the line of an occurrence as an attribute, which the
	// schema does not allow.
	return write(s, &encoder{version: version, opts: opts}, b)
}

// An xmlSink keeps its first error.
type xmlSink struct {
	enc  *xml.Encoder
	w    io.Writer
	root xml.Name
	open xml.Name // the list
	name xml.Name // its elements
	err  error
}

func (s *xmlSink) token(t xml.Token) {
	if s.err == nil {
		s.err = s.enc.EncodeToken(t)
	}
}

func (s *xmlSink) encode(v any, name xml.Name) {
	if s.err == nil {
		s.err = s.enc.EncodeElement(v, xml.StartElement{Name: name})
	}
}

func (s *xmlSink) metadata(m *cdx.Metadata) { s.encode(m, xml.Name{Local: "metadata"}) }

func (s *xmlSink) list(list, name string) {
	s.open, s.name = xml.Name{Local: list}, xml.Name{Local: name}
	s.token(xml.StartElement{Name: s.open})
}

func (s *xmlSink) element(v any) { s.encode(v, s.name) }
func (s *xmlSink) end()          { s.token(xml.EndElement{Name: s.open}) }

func (s *xmlSink) close() error {
	s.token(xml.EndElement{Name: s.root})
	if s.err == nil {
		s.err = s.enc.Close()
	}
	if s.err == nil {
		_, s.err = io.WriteString(s.w, "\n")
	}
	return s.err
}

func serial(b *inventory.BOM, opts *codec.Options) string {
	return "urn:uuid:" + codec.UUID(b, opts, "cyclonedx")
}

// An encoder has what holds for a whole document.
type encoder struct {
	version cdx.SpecVersion
	lines   bool // occurrences have a line
	opts    *codec.Options
	refs    codec.Refs
}

// A part is an inventory with its references: the document itself, or one of
// the images that it is made of.
type part struct {
	bom      *inventory.BOM
	ref, os  string
	packages []string
	graph    *codec.Graph
	records  map[string]bool // extractors that know what packages require
}

func (e *encoder) part(b *inventory.BOM, ref string) *part {
	p := &part{bom: b, ref: e.refs.Unique(ref), records: map[string]bool{}}
	if b.OS.ID != "" {
		p.os = e.refs.Unique(strings.TrimSuffix("os:"+b.OS.ID+"@"+b.OS.Version, "@"))
	}
	p.packages = e.refs.Packages(b.Packages)
	p.graph = codec.NewGraph(b.Packages)
	for i := range b.Packages {
		if q := &b.Packages[i]; len(q.Requires) > 0 || len(q.DependsOn) > 0 {
			p.records[q.Extractor] = true
		}
	}
	return p
}

// write writes what all encodings have in common.
func write(s sink, e *encoder, b *inventory.BOM) error {
	root := e.part(b, "image")
	parts := make([]*part, len(b.Parts))
	for i, p := range b.Parts {
		parts[i] = e.part(p, "image:"+targetName(&p.Target))
	}
	s.metadata(e.metadata(root))

	s.list("components", "component")
	if root.os != "" {
		s.element(e.system(root))
	}
	for i := range b.Packages {
		s.element(e.component(root, i))
	}
	for _, p := range parts {
		s.element(e.image(p))
	}
	s.end()

	s.list("dependencies", "dependency")
	e.dependencies(s, root, parts)
	for _, p := range parts {
		e.dependencies(s, p, nil)
	}
	s.end()

	s.list("compositions", "composition")
	for _, p := range append([]*part{root}, parts...) {
		for _, c := range p.compositions() {
			s.element(c)
		}
	}
	s.end()

	if count(b) > 0 {
		s.list("vulnerabilities", "vulnerability")
		for i := range b.Vulnerabilities {
			s.element(e.vulnerability(root, &b.Vulnerabilities[i], ""))
		}
		for _, p := range parts {
			for i := range p.bom.Vulnerabilities {
				s.element(e.vulnerability(p, &p.bom.Vulnerabilities[i], p.ref))
			}
		}
		s.end()
	}
	return s.close()
}

func count(b *inventory.BOM) int {
	n := len(b.Vulnerabilities)
	for _, p := range b.Parts {
		n += len(p.Vulnerabilities)
	}
	return n
}

// dependencies writes what the packages of a part depend on. A package whose
// record does not tell what it needs is left out, which means that it is not
// known: https://cyclonedx.org/docs/1.6/json/#dependencies.
func (e *encoder) dependencies(s sink, p *part, parts []*part) {
	var top []string
	if p.os != "" {
		top = append(top, p.os)
	}
	for _, i := range p.graph.Top {
		top = append(top, p.packages[i])
	}
	for _, part := range parts {
		top = append(top, part.ref)
	}
	s.element(dependency(p.ref, top))
	for i := range p.packages {
		if !p.records[p.bom.Packages[i].Extractor] {
			continue
		}
		on := make([]string, 0, len(p.graph.On[i]))
		for _, j := range p.graph.On[i] {
			on = append(on, p.packages[j])
		}
		s.element(dependency(p.packages[i], on))
	}
}

func dependency(ref string, on []string) cdx.Dependency {
	d := cdx.Dependency{Ref: ref}
	if len(on) > 0 {
		d.Dependencies = &on
	}
	return d
}

// compositions say what is known to be missing. That nothing is missing is
// never said: software can be there without a trace.
func (p *part) compositions() []cdx.Composition {
	aggregate := cdx.CompositionAggregateUnknown
	if len(p.bom.Problems) > 0 {
		aggregate = cdx.CompositionAggregateIncomplete
	}
	list := []cdx.Composition{{Aggregate: aggregate, Assemblies: &[]cdx.BOMReference{cdx.BOMReference(p.ref)}}}
	var unknown []cdx.BOMReference
	for i := range p.packages {
		if !p.records[p.bom.Packages[i].Extractor] {
			unknown = append(unknown, cdx.BOMReference(p.packages[i]))
		}
	}
	if len(unknown) > 0 {
		list = append(list, cdx.Composition{Aggregate: cdx.CompositionAggregateUnknown, Dependencies: &unknown})
	}
	return list
}
