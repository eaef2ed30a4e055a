package vex

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	versions "github.com/imagevet/imagevet/version"
)

type cdxDocument struct {
	SpecVersion  string `json:"specVersion"`
	SerialNumber string `json:"serialNumber"`
	Metadata     struct {
		Timestamp string `json:"timestamp"`
		Authors   []struct {
			Name string `json:"name"`
		} `json:"authors"`
		Supplier struct {
			Name string `json:"name"`
		} `json:"supplier"`
		Component *cdxComponent `json:"component"`
	} `json:"metadata"`
	Components      []cdxComponent    `json:"components"`
	Vulnerabilities []json.RawMessage `json:"vulnerabilities"`
}

type cdxComponent struct {
	Ref        string         `json:"bom-ref"`
	Type       string         `json:"type"`
	Name       string         `json:"name"`
	Version    string         `json:"version"`
	PURL       string         `json:"purl"`
	CPE        string         `json:"cpe"`
	Hashes     []cdxHash      `json:"hashes"`
	Components []cdxComponent `json:"components"`
}

type cdxHash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type cdxVulnerability struct {
	ID         string `json:"id"`
	References []struct {
		ID string `json:"id"`
	} `json:"references"`
	Recommendation string       `json:"recommendation"`
	Analysis       *cdxAnalysis `json:"analysis"`
	Affects        []struct {
		Ref      string `json:"ref"`
		Versions []struct {
			Version string `json:"version"`
			Range   string `json:"range"`
			Status  string `json:"status"`
		} `json:"versions"`
	} `json:"affects"`
}

type cdxAnalysis struct {
	State         string   `json:"state"`
	Justification string   `json:"justification"`
	Response      []string `json:"response"`
	Detail        string   `json:"detail"`
	FirstIssued   string   `json:"firstIssued"`
	LastUpdated   string   `json:"lastUpdated"`
}

// cdxStatus translates the state of an analysis:
// https://cyclonedx.org/docs/1.6/json/#vulnerabilities_items_analysis_state
func cdxStatus(state string) (Status, bool) {
	switch state {
	case "resolved", "resolved_with_pedigree":
		return Fixed, true
	case "exploitable":
		return Affected, true
	case "in_triage":
		return UnderInvestigation, true
	case "false_positive", "not_affected":
		return NotAffected, true
	}
	return "", false
}

// A cdxReader is a document with its components by reference.
type cdxReader struct {
	*Document
	serial     string
	main       *Product // what the document is about, if that is told
	mainRef    string
	components map[string]*cdxComponent
}

func (d *Document) cycloneDX(data []byte, subjects []subject) error {
	var in cdxDocument
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("CycloneDX: %w", err)
	}
	d.Format, d.Version, d.ID = "CycloneDX", clip(in.SpecVersion, 100), clip(in.SerialNumber, maxText)
	d.Time = d.time("the document", in.Metadata.Timestamp)
	var authors []string
	for _, a := range in.Metadata.Authors {
		authors = append(authors, a.Name)
	}
	if len(authors) == 0 {
		authors = []string{in.Metadata.Supplier.Name}
	}
	d.Author = clip(strings.Join(authors, ", "), maxText)
	r := cdxReader{Document: d, serial: serial(in.SerialNumber), components: map[string]*cdxComponent{}}
	if c := in.Metadata.Component; c != nil {
		r.mainRef = c.Ref
		if main := r.named(c); !main.empty() {
			r.main = &main
		}
		r.index(c.Components, 0)
	}
	if of := subjectProducts(subjects); r.main == nil && len(of) == 1 {
		r.main = &of[0]
	}
	r.index(in.Components, 0)
	for i, raw := range in.Vulnerabilities {
		if err := r.vulnerability(fmt.Sprintf("vulnerability %d", i+1), raw); err != nil {
			return err
		}
	}
	if len(d.Statements) == 0 && d.problems == 0 {
		d.problem("no vulnerability has an analysis: this is a bill of materials and says nothing about its flaws")
	}
	return nil
}

func (r *cdxReader) index(components []cdxComponent, depth int) {
	if len(components) > 0 && depth == maxDepth {
		r.problem("components are nested more than %d times", maxDepth)
		return
	}
	for i := range components {
		c := &components[i]
		if _, twice := r.components[c.Ref]; twice && c.Ref != "" {
			r.problem("two components have the reference %s: the first counts", quote(c.Ref))
		} else if c.Ref != "" {
			r.components[c.Ref] = c
		}
		r.index(c.Components, depth+1)
	}
}

// named returns the names of a component.
func (r *cdxReader) named(c *cdxComponent) Product {
	var p Product
	names := []string{c.PURL, c.CPE}
	if c.PURL == "" && strings.HasPrefix(c.Ref, "pkg:") {
		names = append(names, c.Ref)
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		if why := p.addName(name); why != "" {
			r.problem("component %s: %s", quote(c.Ref), why)
		}
	}
	if c.Type == "container" {
		for _, h := range c.Hashes {
			p.addHash(h.Algorithm, h.Content)
		}
	}
	return p
}

func (r *cdxReader) vulnerability(ref string, raw json.RawMessage) error {
	var v cdxVulnerability
	if err := json.Unmarshal(raw, &v); err != nil {
		r.problem("%s: %v", ref, err)
		return nil
	}
	if v.Analysis == nil || v.Analysis.State == "" {
		return nil // nobody has looked
	}
	names := []string{v.ID}
	for _, other := range v.References {
		names = append(names, other.ID)
	}
	s := Statement{
		Ref: ref, IDs: vulnerabilityIDs(names), Justification: v.Analysis.Justification,
		Text: join(v.Analysis.Detail, strings.Join(v.Analysis.Response, ", "), v.Recommendation),
	}
	if len(s.IDs) == 0 {
		r.problem("%s has no ID", ref)
		return nil
	}
	s.Ref += " (" + clip(s.IDs[0], 100) + ")"
	var ok bool
	if s.Status, ok = cdxStatus(v.Analysis.State); !ok {
		r.problem("%s: %s is no state of an analysis", s.Ref, quote(v.Analysis.State))
		return nil
	}
	s.Time = r.time(s.Ref, v.Analysis.LastUpdated)
	if s.Time.IsZero() {
		s.Time = r.time(s.Ref, v.Analysis.FirstIssued)
	}
	if len(v.Affects) == 0 {
		if r.main == nil {
			r.problem("%s does not say what it affects", s.Ref)
			return nil
		}
		s.Products = []Product{*r.main}
	}
	for _, a := range v.Affects {
		p, why := r.resolve(a.Ref)
		if why != "" {
			r.problem("%s: %s: %s", s.Ref, quote(a.Ref), why)
			continue
		}
		listed := len(a.Versions) > 0
		for _, version := range a.Versions {
			// The analysis is what somebody came to think of it: tools write
			// "affected" beside it before anybody has looked. What is unaffected
			// is so whatever else is exploitable.
			switch {
			case version.Status == "", version.Status == "affected", version.Status == "unaffected" && s.Status.Suppresses():
				if version.Version != "" && !strings.HasPrefix(version.Version, "vers:") {
					p.Versions = append(p.Versions, version.Version)
				}
				if version.Range == "" {
					continue
				}
				if _, err := versions.ParseVERS(version.Range); err != nil {
					r.problem("%s: range %s: %v", s.Ref, quote(version.Range), err)
					continue
				}
				p.Versions = append(p.Versions, version.Range)
			}
		}
		if listed && len(p.Versions) == 0 {
			continue
		}
		s.Products = append(s.Products, p)
	}
	if len(s.Products) == 0 {
		return nil
	}
	return r.add(&s)
}

// serial is a serial number without what is written in two ways.
func serial(s string) string { return strings.ToLower(strings.TrimPrefix(s, "urn:uuid:")) }

// resolve returns what a reference of a vulnerability is, or why that is not
// known. It is one of a component, or a BOM-Link:
// https://cyclonedx.org/capabilities/bomlink/
func (r *cdxReader) resolve(ref string) (Product, string) {
	if rest, ok := strings.CutPrefix(ref, "urn:cdx:"); ok {
		bom, fragment, _ := strings.Cut(rest, "#")
		number, _, _ := strings.Cut(bom, "/")
		if serial(number) != r.serial {
			return linked(number, fragment)
		}
		name, err := url.PathUnescape(fragment)
		if err != nil {
			return Product{}, "the link is damaged"
		}
		if name == "" {
			if r.main == nil {
				return Product{BOM: "urn:uuid:" + serial(number)}, ""
			}
			return *r.main, ""
		}
		ref = name
	}
	if ref != "" && ref == r.mainRef {
		if r.main == nil {
			return Product{}, "the component that the document is about has neither package URL nor CPE nor digest"
		}
		return *r.main, ""
	}
	var p Product
	if c, ok := r.components[ref]; ok {
		if p = r.named(c); p.empty() {
			return Product{}, "the component has neither package URL nor CPE"
		}
	} else if !strings.HasPrefix(ref, "pkg:") {
		return Product{}, "there is no component with this reference"
	} else if why := p.addName(ref); why != "" {
		return Product{}, why
	}
	p.Within = r.main
	return p, ""
}

// linked is what a link into another bill of materials names.
func linked(number, fragment string) (Product, string) {
	bom := Product{BOM: "urn:uuid:" + serial(number)}
	if number == "" {
		return Product{}, "the link names no bill of materials"
	}
	if fragment == "" {
		return bom, ""
	}
	name, err := url.PathUnescape(fragment)
	if err != nil {
		return Product{}, "the link is damaged"
	}
	var p Product
	if !strings.HasPrefix(name, "pkg:") {
		return Product{}, "what it names in another bill of materials is no package URL, so that it cannot be found"
	}
	if why := p.addName(name); why != "" {
		return Product{}, why
	}
	p.Within = &bom
	return p, ""
}
