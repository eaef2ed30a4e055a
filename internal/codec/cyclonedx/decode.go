package cyclonedx

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxDepth is how many components can be around a component.
const maxDepth = 64

// A decoder takes the parts of a document, in whatever order.
type decoder struct {
	*codec.Collector
	limits codec.Limits
	// parts are the images of a product, by the reference of their component.
	parts map[string]*codec.Collector
	order []string
	// owner tells which image an element belongs to, by its reference.
	owner map[string]*codec.Collector
	// applications are the lock files of Trivy's documents, by reference.
	applications map[string]string
	edges        [][2]string
	vulns        []pendingVulnerability
	version      string
	hasVersion   bool
	isCycloneDX  bool
}

type pendingVulnerability struct {
	inventory.Vulnerability
	part string
	refs []string // of Affects
}

func newDecoder(limits codec.Limits, encoding string) *decoder {
	d := &decoder{
		Collector: codec.NewCollector("cyclonedx", limits), limits: limits,
		parts: map[string]*codec.Collector{}, owner: map[string]*codec.Collector{}, applications: map[string]string{},
	}
	d.BOM.Document = inventory.Document{Format: "CycloneDX", Encoding: encoding}
	return d
}

// A JSON reads a document in JSON.
type JSON struct{ *decoder }

var _ codec.JSONReader = JSON{}

// NewJSON returns a reader of one document.
func NewJSON(limits codec.Limits) JSON { return JSON{newDecoder(limits, "json")} }

// Member takes a member of the document.
func (d JSON) Member(name string, dec *json.Decoder) (bool, error) {
	switch name {
	case "bomFormat":
		var format string
		if err := codec.Value(d.Collector, dec, name, &format); err != nil {
			return true, err
		}
		d.isCycloneDX = true
		if format != "CycloneDX" {
			return true, fmt.Errorf("the format is %s: %w", codec.Quote(format), ErrFormat)
		}
	case "specVersion":
		if err := codec.Value(d.Collector, dec, name, &d.version); err != nil {
			return true, err
		}
		d.hasVersion = true
	case "serialNumber":
		var serial string
		if err := codec.Value(d.Collector, dec, name, &serial); err != nil {
			return true, err
		}
		d.serial(serial)
	case "version":
		var version int
		return true, codec.Value(d.Collector, dec, "the document's version", &version)
	case "metadata":
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return true, err
		}
		var m cdx.Metadata
		strictly(d.decoder, raw, "the metadata", &m)
		return true, d.metadata(&m)
	case "components":
		return true, elements(d.decoder, dec, "component", func(c *cdx.Component) error { return d.component(c, d.Collector, 0) })
	case "dependencies":
		return true, elements(d.decoder, dec, "dependency", d.dependency)
	case "vulnerabilities":
		return true, elements(d.decoder, dec, "vulnerability", d.vulnerability)
	case "services":
		return true, elements(d.decoder, dec, "service", d.service)
	case "compositions":
		return true, elements(d.decoder, dec, "composition", d.composition)
	case "citations":
		return true, elements(d.decoder, dec, "citation", func(c *cdx.Citation) error { d.citation(c); return nil })
	case "properties":
		return true, elements(d.decoder, dec, "property", func(p *cdx.Property) error { return nil })
	case "externalReferences":
		return true, elements(d.decoder, dec, "external reference", func(r *cdx.ExternalReference) error { return nil })
	case "annotations", "formulation", "declarations", "definitions", "signature":
		return true, codec.Skip(dec)
	default:
		return false, nil
	}
	return true, nil
}

// Finish returns the inventory.
func (d JSON) Finish() (*inventory.BOM, error) {
	if !d.isCycloneDX {
		return nil, fmt.Errorf("it has no \"bomFormat\": %w", ErrFormat)
	}
	return d.finish()
}

// elements is [codec.Elements] for the library's types: an element with a
// member that does not fit is used as far as it goes, and so is one that has
// members which the specification does not know.
func elements[T any](d *decoder, dec *json.Decoder, what string, take func(v *T) error) error {
	n := 0
	return codec.Elements(d.Collector, dec, what, func(raw *json.RawMessage) error {
		n++
		if emptyRef(*raw) {
			d.Remark("%s %d has an empty reference", what, n)
		}
		var v T
		if !strictly(d, *raw, fmt.Sprintf("%s %d", what, n), &v) {
			return nil
		}
		return take(&v)
	})
}

// strictly decodes raw, and notes what is not as the specification has it. It
// reports whether there is something to use.
func strictly(d *decoder, raw []byte, what string, v any) bool {
	dec := json.NewDecoder(&bytesReader{raw})
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		return true
	}
	// What is a member too many hides nothing.
	if json.Unmarshal(raw, v) == nil {
		d.Remark("%s is not as the specification has it: %v", what, err)
		return true
	}
	d.Problem("%s is not as the specification has it: %v", what, err)
	return len(raw) > 0 && raw[0] == '{'
}

// emptyRef reports whether an element states a reference that is none, which
// the library's types do not tell from none at all.
func emptyRef(raw []byte) bool {
	_, rest, ok := bytes.Cut(raw, []byte(`"bom-ref"`))
	return ok && bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n:"), []byte(`""`))
}

func (d *decoder) serial(serial string) {
	d.BOM.Document.ID = serial
	if !uuidURN.MatchString(serial) {
		d.Remark("the serial number is no UUID: %s", codec.Quote(serial))
	}
}

// finish puts everything together.
func (d *decoder) finish() (*inventory.BOM, error) {
	if !d.hasVersion {
		return nil, fmt.Errorf("it has no version of the specification: %w", ErrFormat)
	}
	major, _, _ := strings.Cut(d.version, ".")
	if major != "1" {
		return nil, fmt.Errorf("version %s of the specification is not known: %w", codec.Quote(d.version), ErrFormat)
	}
	if !slices.Contains([]string{"1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"}, d.version) {
		d.Problem("version %s of the specification is not known, and read as 1.7", codec.Quote(d.version))
	}
	d.BOM.Document.Version = d.version
	for _, e := range d.edges {
		if err := d.edge(e[0], e[1]); err != nil {
			return nil, err
		}
	}
	vulnerabilities := map[*codec.Collector][]inventory.Vulnerability{}
	for i := range d.vulns {
		v := &d.vulns[i]
		c := d.Collector
		if part, ok := d.parts[v.part]; ok {
			c = part
		}
		for j, ref := range v.refs {
			owner := d.owner[ref]
			if owner == nil {
				owner = d.Collector
			}
			switch p := owner.Package(ref); {
			case p != nil:
				v.Affects[j].PURL = cmp.Or(p.PURL, ref)
			case !owner.Known(ref):
				d.Remark("what %s affects is not in the document: %s", codec.Quote(v.ID), codec.Quote(ref))
			}
		}
		vulnerabilities[c] = append(vulnerabilities[c], v.Vulnerability)
	}
	d.BOM.Vulnerabilities = vulnerabilities[d.Collector]
	for _, ref := range d.order {
		part := d.parts[ref].Finish()
		part.Vulnerabilities = vulnerabilities[d.parts[ref]]
		d.BOM.Parts = append(d.BOM.Parts, part)
	}
	if d.BOM.Target.Kind == "" {
		d.BOM.Target.Kind = "sbom"
	}
	return d.Collector.Finish(), nil
}

// edge passes a dependency on to the image that it belongs to. What depends on
// a lock file of Trivy's is listed in it.
func (d *decoder) edge(from, to string) error {
	c := d.owner[from]
	if c == nil {
		c = d.Collector
	}
	if file, ok := d.applications[from]; ok {
		if p := c.Package(to); p != nil && len(p.Paths) == 0 && file != "" {
			p.Paths = []string{file}
		}
	}
	if other := d.owner[to]; other != nil && other != c {
		return nil // a product and its images
	}
	return c.DependsOn(from, to)
}

func (d *decoder) dependency(dep *cdx.Dependency) error {
	if dep.Ref == "" {
		d.Remark("a dependency names nothing that has it")
		return nil
	}
	for _, on := range deref(dep.Dependencies) {
		if len(d.edges) >= d.limits.Edges {
			return fmt.Errorf("more than %d dependencies: %w", d.limits.Edges, inventory.ErrTooLarge)
		}
		d.edges = append(d.edges, [2]string{dep.Ref, on})
	}
	if len(deref(dep.Dependencies)) == 0 && len(d.edges) < d.limits.Edges {
		d.edges = append(d.edges, [2]string{dep.Ref, dep.Ref}) // so that a reference to nothing is noticed
	}
	return nil
}

// component takes a component and what is within it.
func (d *decoder) component(c *cdx.Component, into *codec.Collector, depth int) error {
	d.check(c)
	if depth > maxDepth {
		return fmt.Errorf("more than %d components within each other: %w", maxDepth, inventory.ErrTooLarge)
	}
	if c.BOMRef != "" && !into.Known(c.BOMRef) {
		if d.owner[c.BOMRef] != nil {
			d.Remark("the reference %s is given twice", codec.Quote(c.BOMRef))
		}
		d.owner[c.BOMRef] = into
	}
	if isPart(c) {
		return d.image(c)
	}
	if err := d.one(c, into); err != nil {
		return err
	}
	for i := range deref(c.Components) {
		if err := d.component(&(*c.Components)[i], into, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// one takes a single component.
func (d *decoder) one(c *cdx.Component, into *codec.Collector) error {
	switch {
	case c.Type == cdx.ComponentTypeOS && c.PackageURL == "":
		d.system(c, into)
		return into.Element(c.BOMRef)
	case c.Type == cdx.ComponentTypeFile && c.PackageURL == "", isContainerOnly(c):
		return into.Element(c.BOMRef)
	}
	if file, ok := trivyApplication(c); ok {
		d.applications[c.BOMRef] = file
		return into.Element(c.BOMRef)
	}
	return d.pack(c, into)
}

// isContainerOnly reports whether a component only holds others: a container or
// platform without a package URL.
func isContainerOnly(c *cdx.Component) bool {
	switch c.Type {
	case cdx.ComponentTypeContainer, cdx.ComponentTypePlatform, cdx.ComponentTypeDevice, cdx.ComponentTypeData,
		cdx.ComponentTypeCryptographicAsset, cdx.ComponentTypeMachineLearningModel:
		return c.PackageURL == ""
	}
	return false
}

// system takes the distribution.
func (d *decoder) system(c *cdx.Component, into *codec.Collector) {
	os := inventory.OS{ID: c.Name, Version: c.Version, Name: c.Description, CPE: c.CPE}
	for _, p := range deref(c.Properties) {
		if !codec.SetOSProperty(&os, codec.Property(p)) {
			foreignOS(&os, codec.Property(p))
		}
	}
	if into.BOM.OS.ID != "" {
		d.Problem("there are two operating systems; %s is not used", codec.Quote(c.Name+" "+c.Version))
		return
	}
	into.BOM.OS = os
}
