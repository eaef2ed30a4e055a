package vex

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The context of a document, which ends in its version:
// https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md#document
const openVEXContext = "https://openvex.dev/ns"

// openVEXVersion returns the version that the context of a document names, ""
// if it is not OpenVEX's.
func openVEXVersion(context any) string {
	list, ok := context.([]any)
	if !ok {
		list = []any{context}
	}
	for _, c := range list {
		s, _ := c.(string)
		rest, ok := strings.CutPrefix(s, openVEXContext)
		if !ok {
			continue
		}
		if version := strings.TrimPrefix(strings.Trim(rest, "/"), "v"); version != "" {
			return version
		}
		return "0.0.1" // which had no version in its context
	}
	return ""
}

type openVEXDocument struct {
	ID          string            `json:"@id"`
	Author      string            `json:"author"`
	Timestamp   string            `json:"timestamp"`
	LastUpdated string            `json:"last_updated"`
	Statements  []json.RawMessage `json:"statements"`
}

type openVEXStatement struct {
	Vulnerability openVEXVulnerability `json:"vulnerability"`
	Timestamp     string               `json:"timestamp"`
	LastUpdated   string               `json:"last_updated"`
	Products      []openVEXProduct     `json:"products"`
	Subcomponents []openVEXProduct     `json:"subcomponents"` // of 0.0.1
	Status        string               `json:"status"`
	StatusNotes   string               `json:"status_notes"`
	Justification string               `json:"justification"`
	Impact        string               `json:"impact_statement"`
	Action        string               `json:"action_statement"`
}

// An openVEXVulnerability is an object, and was a string before 0.2.0.
type openVEXVulnerability struct {
	ID      string   `json:"@id"`
	Name    string   `json:"name"`
	Aliases []string `json:"aliases"`
}

func (v *openVEXVulnerability) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &v.Name)
	}
	type object openVEXVulnerability
	return json.Unmarshal(data, (*object)(v))
}

// An openVEXProduct is an object, and was a string before 0.2.0.
type openVEXProduct struct {
	ID            string            `json:"@id"`
	Identifiers   map[string]string `json:"identifiers"`
	Hashes        map[string]string `json:"hashes"`
	Subcomponents []openVEXProduct  `json:"subcomponents"`
}

func (p *openVEXProduct) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &p.ID)
	}
	type object openVEXProduct
	return json.Unmarshal(data, (*object)(p))
}

func (d *Document) openVEX(data []byte, version string, subjects []subject) error {
	var in openVEXDocument
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("OpenVEX: %w", err)
	}
	d.Format, d.Version = "OpenVEX", version
	d.ID, d.Author = clip(in.ID, maxText), clip(in.Author, maxText)
	d.Time = d.time("the document", in.LastUpdated)
	if d.Time.IsZero() {
		d.Time = d.time("the document", in.Timestamp)
	}
	switch version {
	case "0.0.1", "0.0.2", "0.0.3", "0.1.0", "0.2.0":
	default:
		d.problem("version %s of OpenVEX is not known: it is read like 0.2.0", quote(version))
	}
	for i, raw := range in.Statements {
		ref := fmt.Sprintf("statement %d", i+1)
		var s openVEXStatement
		if err := json.Unmarshal(raw, &s); err != nil {
			d.problem("%s: %v", ref, err)
			continue
		}
		out := Statement{
			Ref: ref, Status: Status(s.Status), Justification: s.Justification, Text: join(s.Impact, s.Action, s.StatusNotes),
			IDs: vulnerabilityIDs(append([]string{s.Vulnerability.Name, s.Vulnerability.ID}, s.Vulnerability.Aliases...)),
		}
		out.Time = d.time(ref, s.LastUpdated)
		if out.Time.IsZero() {
			out.Time = d.time(ref, s.Timestamp)
		}
		if len(out.IDs) == 0 {
			d.problem("%s names no vulnerability", ref)
			continue
		}
		switch out.Status {
		case NotAffected, Affected, Fixed, UnderInvestigation:
		default:
			d.problem("%s on %s: %s is no status", ref, out.IDs[0], quote(s.Status))
			continue
		}
		for j := range s.Products {
			d.openVEXProducts(&out, &s.Products[j], s.Subcomponents)
		}
		if len(s.Products) == 0 {
			out.Products = subjectProducts(subjects)
		}
		if len(s.Products) == 0 && len(out.Products) == 0 {
			d.problem("%s on %s names no product", ref, out.IDs[0])
			continue
		}
		if len(out.Products) == 0 {
			continue // each is a problem already
		}
		if err := d.add(&out); err != nil {
			return err
		}
	}
	return nil
}

// openVEXProducts adds a product, or its subcomponents if it has some.
func (d *Document) openVEXProducts(s *Statement, in *openVEXProduct, more []openVEXProduct) {
	product, ok := d.openVEXProduct(s, in)
	if !ok {
		return
	}
	if len(in.Subcomponents)+len(more) == 0 {
		s.Products = append(s.Products, product)
		return
	}
	for _, list := range [][]openVEXProduct{in.Subcomponents, more} {
		for i := range list {
			if part, ok := d.openVEXProduct(s, &list[i]); ok {
				part.Within = &product
				s.Products = append(s.Products, part)
			}
		}
	}
}

// openVEXProduct reads the names of a product.
func (d *Document) openVEXProduct(s *Statement, in *openVEXProduct) (Product, bool) {
	var p Product
	var reasons []string
	if in.ID != "" {
		if why := p.addName(in.ID); why != "" {
			reasons = append(reasons, why)
		}
	}
	for _, key := range []string{"purl", "cpe22", "cpe23"} {
		if name := in.Identifiers[key]; name != "" {
			if why := p.addName(name); why != "" {
				reasons = append(reasons, why)
			}
		}
	}
	p.addHash("sha-256", in.Hashes["sha-256"])
	p.addHash("sha-256", in.Hashes["sha256"])
	if p.empty() {
		if len(reasons) == 0 {
			reasons = []string{"it has no name"}
		}
		d.problem("%s on %s: product %s: %s", s.Ref, s.IDs[0], quote(in.ID), strings.Join(reasons, "; "))
		return Product{}, false
	}
	return p, true
}

// vulnerabilityIDs returns the names of a flaw, each once. Of a web page about
// it the last element counts, as OpenVEX allows those as IDs.
func vulnerabilityIDs(names []string) []string {
	const most = 100 // a flaw has a handful
	var out []string
	seen := map[string]bool{}
	for _, name := range names {
		name = strings.TrimSpace(name)
		if strings.Contains(name, "://") {
			name = strings.TrimRight(name, "/")
			name = name[strings.LastIndexByte(name, '/')+1:]
		}
		if name == "" || seen[name] || len(name) > maxText || len(out) == most {
			continue
		}
		seen[name] = true
		out = append(out, name)
	}
	return out
}

// join puts texts together that are not empty, each once.
func join(texts ...string) string {
	var out []string
	for _, t := range texts {
		t = strings.TrimSpace(t)
		dup := false
		for _, o := range out {
			dup = dup || o == t
		}
		if t != "" && !dup {
			out = append(out, t)
		}
	}
	return strings.Join(out, "; ")
}
