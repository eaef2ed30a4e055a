package sbomfile

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// An spdxPackage is a package of SPDX 2, section 7 of the specification.
type spdxPackage struct {
	ID        string          `json:"SPDXID"`
	Name      string          `json:"name"`
	Version   string          `json:"versionInfo"`
	Declared  string          `json:"licenseDeclared"`
	Concluded string          `json:"licenseConcluded"`
	Supplier  string          `json:"supplier"`
	Refs      json.RawMessage `json:"externalRefs"`
	Purpose   string          `json:"primaryPackagePurpose"`
}

type spdxRef struct {
	Type    string `json:"referenceType"`
	Locator string `json:"referenceLocator"`
}

type spdxRelationship struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

const spdxDocument = "SPDXRef-DOCUMENT"

// spdx reads a document of SPDX 2 in JSON.
func (c *collector) spdx(doc *document) error {
	self := make(map[string]bool)
	for _, id := range small[string](c, doc.DocumentDescribes, "documentDescribes", "") {
		self[id] = true
	}
	if err := each(c, doc.Relationships, "relationship", func(r *spdxRelationship) error {
		c.spdxRelation(self, r)
		return nil
	}); err != nil {
		return err
	}
	return each(c, doc.Packages, "package", func(p *spdxPackage) error {
		return c.addSPDX(self, p, small[spdxRef](c, p.Refs, "references", p.Name))
	})
}

// spdxRelation takes a relationship: section 11.
func (c *collector) spdxRelation(self map[string]bool, r *spdxRelationship) {
	switch r.Type {
	case "DESCRIBES":
		if r.From == spdxDocument {
			self[r.To] = true
		}
	case "DESCRIBED_BY":
		if r.To == spdxDocument {
			self[r.From] = true
		}
	case "DEPENDS_ON":
		c.relate(r.From, r.To)
	case "DEPENDENCY_OF", "RUNTIME_DEPENDENCY_OF":
		c.relate(r.To, r.From)
	}
}

// addSPDX takes a package and its external references.
func (c *collector) addSPDX(self map[string]bool, p *spdxPackage, refs []spdxRef) error {
	it := item{id: p.ID, name: p.Name, version: p.Version, isSelf: self[p.ID]}
	it.isFile = p.Purpose == "FILE" || p.Purpose == "OPERATING-SYSTEM"
	for _, ref := range refs {
		switch ref.Type {
		case "purl":
			if it.purl == "" {
				it.purl = strings.TrimSpace(ref.Locator)
			}
		case "cpe23Type":
			it.cpes = append(it.cpes, cpe(ref.Locator)...)
		}
	}
	it.cpes = clean(it.cpes...)
	if it.licences = clean(p.Declared); len(it.licences) == 0 {
		it.licences = clean(p.Concluded)
	}
	for _, vendor := range clean(p.Supplier) {
		_, name, ok := strings.Cut(vendor, ":")
		if !ok {
			name = vendor
		}
		it.vendor = strings.TrimSpace(name)
	}
	return c.add(it)
}

// cpe returns a CPE if it has the form of version 2.3.
func cpe(s string) []string {
	if strings.HasPrefix(s, "cpe:2.3:") {
		return []string{s}
	}
	return nil
}

// tags reads a document of SPDX 2 in tags: lines "TAG: value", where a value
// may be text over several lines between <text> and </text>. A package begins
// with its name, and ends where the next one, a file or a snippet begins.
func (c *collector) tags(r io.Reader) error {
	var p *spdxPackage
	var refs []spdxRef
	var pending []func() error // packages before all relationships are known
	self := make(map[string]bool)
	isSPDX, inText := false, false
	flush := func() error {
		if p == nil {
			return nil
		}
		if len(pending) == maxPackages {
			return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
		}
		last, lastRefs := p, refs
		pending = append(pending, func() error { return c.addSPDX(self, last, lastRefs) })
		p, refs = nil, nil
		return nil
	}
	if err := lines.Each(c.ctx, r, maxFile, func(line []byte) error {
		text := strings.TrimSpace(string(line))
		if inText {
			inText = !strings.Contains(text, "</text>")
			return nil
		}
		if text == "" || text[0] == '#' {
			return nil
		}
		tag, value, ok := strings.Cut(text, ":")
		value = strings.TrimSpace(value)
		if !ok {
			c.problems.Add("a line has no tag: %q", lines.Clip(text))
			return nil
		}
		if opened := strings.LastIndex(value, "<text>"); opened >= 0 {
			inText = !strings.Contains(value[opened:], "</text>")
			value = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(value, "<text>"), "</text>"))
		}
		switch tag {
		case "SPDXVersion":
			isSPDX = strings.HasPrefix(value, "SPDX-2.")
		case "PackageName":
			if err := flush(); err != nil {
				return err
			}
			p = &spdxPackage{Name: value}
		case "FileName", "SnippetSPDXID", "LicenseID":
			return flush()
		case "Relationship":
			if fields := strings.Fields(value); len(fields) >= 3 {
				c.spdxRelation(self, &spdxRelationship{From: fields[0], Type: fields[1], To: fields[2]})
			}
		}
		if p == nil {
			return nil
		}
		switch tag {
		case "SPDXID":
			p.ID = value
		case "PackageVersion":
			p.Version = value
		case "PackageLicenseDeclared":
			p.Declared = value
		case "PackageLicenseConcluded":
			p.Concluded = value
		case "PackageSupplier":
			p.Supplier = value
		case "PrimaryPackagePurpose":
			p.Purpose = value
		case "ExternalRef":
			if fields := strings.Fields(value); len(fields) >= 3 && (fields[1] == "purl" || fields[1] == "cpe23Type") && len(refs) < 1000 {
				refs = append(refs, spdxRef{Type: fields[1], Locator: fields[2]})
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if !isSPDX {
		return errFormat
	}
	if err := flush(); err != nil {
		return err
	}
	for _, add := range pending {
		if err := add(); err != nil {
			return err
		}
	}
	return nil
}
