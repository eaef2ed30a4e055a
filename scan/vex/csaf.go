package vex

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/version"
)

type csafDocument struct {
	Document struct {
		Version   string `json:"csaf_version"`
		Publisher struct {
			Name string `json:"name"`
		} `json:"publisher"`
		Tracking struct {
			ID             string `json:"id"`
			CurrentRelease string `json:"current_release_date"`
		} `json:"tracking"`
	} `json:"document"`
	ProductTree struct {
		Branches      []csafBranch  `json:"branches"`
		Names         []csafProduct `json:"full_product_names"`
		Groups        []csafGroup   `json:"product_groups"`
		Relationships []struct {
			Category string      `json:"category"`
			Name     csafProduct `json:"full_product_name"`
			Product  string      `json:"product_reference"`
			To       string      `json:"relates_to_product_reference"`
		} `json:"relationships"`
	} `json:"product_tree"`
	Vulnerabilities []json.RawMessage `json:"vulnerabilities"`
}

type csafBranch struct {
	Category string       `json:"category"`
	Name     string       `json:"name"`
	Branches []csafBranch `json:"branches"`
	Product  *csafProduct `json:"product"`
}

type csafProduct struct {
	ID     string `json:"product_id"`
	Name   string `json:"name"`
	Helper struct {
		CPE    string   `json:"cpe"`
		PURL   string   `json:"purl"`
		PURLs  []string `json:"purls"` // of CSAF 2.1
		Hashes []struct {
			Files []struct {
				Algorithm string `json:"algorithm"`
				Value     string `json:"value"`
			} `json:"file_hashes"`
		} `json:"hashes"`
	} `json:"product_identification_helper"`
}

type csafGroup struct {
	ID       string   `json:"group_id"`
	Products []string `json:"product_ids"`
}

type csafVulnerability struct {
	CVE string `json:"cve"`
	IDs []struct {
		Text string `json:"text"`
	} `json:"ids"`
	Status       map[string][]string `json:"product_status"`
	Flags        []csafNote          `json:"flags"`
	Threats      []csafNote          `json:"threats"`
	Remediations []csafNote          `json:"remediations"`
}

// A csafNote is a flag, threat or remediation: something that is said of
// products.
type csafNote struct {
	Label    string   `json:"label"`
	Category string   `json:"category"`
	Details  string   `json:"details"`
	Products []string `json:"product_ids"`
	Groups   []string `json:"group_ids"`
}

// csafGroups are the groups of products in the status of a vulnerability, the
// most cautious first. "recommended" is not among them: it says what to install,
// and not what it does. See
// https://docs.oasis-open.org/csaf/csaf/v2.0/os/csaf-v2.0-os.html#3239-vulnerabilities-property---product-status
// and test 6.1.6 on contradictions.
func csafGroups() []struct {
	name   string
	status Status
} {
	return []struct {
		name   string
		status Status
	}{
		{"first_affected", Affected},
		{"known_affected", Affected},
		{"last_affected", Affected},
		{"under_investigation", UnderInvestigation},
		{"first_fixed", Fixed},
		{"fixed", Fixed},
		{"known_not_affected", NotAffected},
	}
}

// A csafReader is a document with its products.
type csafReader struct {
	*Document
	products map[string]*csafProduct
	parts    map[string][2]string // of a product that is one within another
	groups   map[string][]string
	known    map[string]*Product
	branchOf map[*csafProduct]*csafBranch
	noted    int // products in notes
}

func (d *Document) csaf(data []byte) error {
	var in csafDocument
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("CSAF: %w", err)
	}
	if in.Document.Version == "" {
		return ErrFormat
	}
	d.Format, d.Version = "CSAF", clip(in.Document.Version, 100)
	d.ID, d.Author = clip(in.Document.Tracking.ID, maxText), clip(in.Document.Publisher.Name, maxText)
	d.Time = d.time("the document", in.Document.Tracking.CurrentRelease)
	if d.Version != "2.0" && d.Version != "2.1" {
		d.problem("version %s of CSAF is not known: it is read like 2.0", quote(d.Version))
	}
	r := csafReader{
		Document: d, products: map[string]*csafProduct{}, parts: map[string][2]string{}, groups: map[string][]string{}, known: map[string]*Product{},
		branchOf: map[*csafProduct]*csafBranch{},
	}
	tree := &in.ProductTree
	r.branches(tree.Branches, 0)
	for i := range tree.Names {
		r.product(&tree.Names[i])
	}
	for i := range tree.Relationships {
		rel := &tree.Relationships[i]
		r.product(&rel.Name)
		r.parts[rel.Name.ID] = [2]string{rel.Product, rel.To}
	}
	for _, g := range tree.Groups {
		r.groups[g.ID] = g.Products
	}
	for i, raw := range in.Vulnerabilities {
		if err := r.vulnerability(fmt.Sprintf("vulnerability %d", i+1), raw); err != nil {
			return err
		}
	}
	return nil
}

func (r *csafReader) branches(list []csafBranch, depth int) {
	if len(list) > 0 && depth == maxDepth {
		r.problem("branches are nested more than %d times", maxDepth)
		return
	}
	for i := range list {
		if list[i].Product != nil {
			r.product(list[i].Product)
			r.branchOf[list[i].Product] = &list[i]
		}
		r.branches(list[i].Branches, depth+1)
	}
}

func (r *csafReader) product(p *csafProduct) {
	if _, twice := r.products[p.ID]; twice {
		r.problem("product %s is defined twice: the first counts", quote(p.ID))
		return
	}
	r.products[p.ID] = p
}

// resolve returns what a product is, nil if that is not told.
func (r *csafReader) resolve(id string, depth int) *Product {
	if p, ok := r.known[id]; ok {
		return p
	}
	r.known[id] = nil // for circles
	in, ok := r.products[id]
	if !ok || depth == maxDepth {
		return nil
	}
	var p Product
	for _, name := range append([]string{in.Helper.PURL, in.Helper.CPE}, in.Helper.PURLs...) {
		if name == "" {
			continue
		}
		if why := p.addName(name); why != "" {
			r.problem("product %s: %s", quote(id), why)
		}
	}
	if ok := r.versions(id, &p, r.branchOf[in]); !ok {
		return nil
	}
	if part, ok := r.parts[id]; ok {
		what, within := r.resolve(part[0], depth+1), r.resolve(part[1], depth+1)
		if within == nil {
			return nil // a part of something unknown
		}
		if p.empty() {
			if what == nil {
				return nil
			}
			p = *what
		}
		if what != nil && p.Within == nil {
			p.Within = what.Within // a package of a module, say
		}
		p.Within = chain(p.Within, within)
	} else {
		for _, h := range in.Helper.Hashes {
			for _, f := range h.Files {
				if strings.EqualFold(f.Algorithm, "sha256") {
					p.addHash("sha-256", f.Value)
				}
			}
		}
	}
	if p.empty() {
		return nil
	}
	r.known[id] = &p
	return &p
}

// versionForm is what a branch may be called that is one of a version, and not of
// a package, as some vendors have it.
var versionForm = regexp.MustCompile(`^v?\d+(\.\d+)+([-+~._:]?\w+)*$`)

// versions adds to the names of a product what its branch says of versions, and
// reports whether that is understood. A package URL or CPE with a version says it
// itself.
func (r *csafReader) versions(id string, p *Product, branch *csafBranch) bool {
	if branch == nil || p.empty() {
		return true
	}
	switch branch.Category {
	case "product_version_range":
		if _, err := version.ParseVERS(branch.Name); err != nil {
			r.problem("product %s: the range %s cannot be read: %v", quote(id), quote(branch.Name), err)
			return false
		}
		p.Versions = []string{branch.Name}
	case "product_version":
		if versionForm.MatchString(branch.Name) && !p.versioned() {
			p.Versions = []string{branch.Name}
		}
	}
	return true
}

// chain puts a product around what is around another.
func chain(inner, outer *Product) *Product {
	if inner == nil {
		return outer
	}
	p := *inner
	p.Within = chain(p.Within, outer)
	return &p
}

func (r *csafReader) vulnerability(ref string, raw json.RawMessage) error {
	var v csafVulnerability
	if err := json.Unmarshal(raw, &v); err != nil {
		r.problem("%s: %v", ref, err)
		return nil
	}
	names := []string{v.CVE}
	for _, id := range v.IDs {
		names = append(names, id.Text)
	}
	ids := vulnerabilityIDs(names)
	if len(ids) == 0 {
		r.problem("%s has no ID", ref)
		return nil
	}
	ref += " (" + clip(ids[0], 100) + ")"

	flags, impacts, remedies := map[string]string{}, map[string]string{}, map[string]string{}
	err := errors.Join(
		r.notes(flags, v.Flags, func(n *csafNote) string { return n.Label }),
		r.notes(impacts, v.Threats, func(n *csafNote) string {
			if n.Category != "impact" {
				return ""
			}
			return n.Details
		}),
		r.notes(remedies, v.Remediations, func(n *csafNote) string { return join(n.Category, n.Details) }),
	)
	if err != nil {
		return err
	}

	for _, name := range slices.Sorted(maps.Keys(v.Status)) {
		known := name == "recommended"
		for _, g := range csafGroups() {
			known = known || g.name == name
		}
		if !known {
			r.problem("%s: %s is no group of products", ref, quote(name))
		}
	}
	type text struct {
		status              Status
		justification, said string
	}
	statements := map[text]*Statement{}
	var order []*Statement
	status := map[string]Status{} // of the products seen so far
	var unknown []string
	contradictions := 0
	for _, g := range csafGroups() {
		for _, id := range v.Status[g.name] {
			if before, seen := status[id]; seen {
				if before != g.status {
					if contradictions++; contradictions == 1 {
						r.problem("%s: product %s is both %s and %s: the former counts", ref, quote(id), before, g.status)
					}
				}
				continue
			}
			status[id] = g.status
			p := r.resolve(id, 0)
			if p == nil {
				unknown = append(unknown, id)
				continue
			}
			key := text{status: g.status, justification: flags[id], said: impacts[id]}
			switch g.status {
			case Affected:
				key.said = join(impacts[id], remedies[id])
			case NotAffected:
			default:
				key.justification = ""
			}
			s := statements[key]
			if s == nil {
				s = &Statement{Ref: ref, IDs: ids, Status: key.status, Justification: key.justification, Text: key.said}
				statements[key] = s
				order = append(order, s)
			}
			if s.Products = append(s.Products, *p); len(s.Products) > maxProducts {
				return errProducts
			}
		}
	}
	if contradictions > 1 {
		r.problem("%s: %d more products have two statuses", ref, contradictions-1)
	}
	if n := len(unknown); n > 0 {
		r.problem("%s: %d products have neither package URL nor CPE nor digest, the first is %s", ref, n, quote(unknown[0]))
	}
	for _, s := range order {
		if err := r.add(s); err != nil {
			return err
		}
	}
	return nil
}

// maxNoted bounds the products in flags, threats and remediations, which can
// name groups of many again and again.
const maxNoted = 4 << 20

// notes collects what is said of each product.
func (r *csafReader) notes(into map[string]string, list []csafNote, text func(n *csafNote) string) error {
	for i := range list {
		said := clip(text(&list[i]), maxText)
		if said == "" {
			continue
		}
		add := func(ids []string) bool {
			if r.noted += len(ids) + 1; r.noted > maxNoted {
				return false
			}
			for _, id := range ids {
				switch before := into[id]; {
				case before == "":
					into[id] = said
				case len(before) < maxText && !strings.Contains(before, said):
					into[id] = before + "; " + said
				}
			}
			return true
		}
		ok := add(list[i].Products)
		for _, g := range list[i].Groups {
			ok = ok && add(r.groups[g])
		}
		if !ok {
			return fmt.Errorf("flags, threats and remediations name more than %d products", maxNoted)
		}
	}
	return nil
}
