package sbom

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A Minimum is a list of what a bill of materials should say at least.
type Minimum uint8

// The lists. [Check] compares their data fields; what they ask of processes is
// not in a document.
const (
	// NTIA2021 is "The Minimum Elements For a Software Bill of Materials
	// (SBOM)" of the US Department of Commerce, 12 July 2021:
	// https://www.ntia.gov/sites/default/files/publications/sbom_minimum_elements_report_0.pdf
	NTIA2021 Minimum = iota + 1
	// CISA2025 is "2025 Minimum Elements for a Software Bill of Materials
	// (SBOM)", the draft for public comment of 22 August 2025, which can
	// still change:
	// https://www.cisa.gov/sites/default/files/2025-08/2025_CISA_SBOM_Minimum_Elements.pdf
	CISA2025
)

// String returns "NTIA 2021" or "CISA 2025".
func (m Minimum) String() string {
	switch m {
	case NTIA2021:
		return "NTIA 2021"
	case CISA2025:
		return "CISA 2025"
	}
	return fmt.Sprintf("Minimum(%d)", uint8(m))
}

// ErrMinimum is returned for a [Minimum] that is not one of the constants.
var ErrMinimum = errors.New("sbom: no such list of minimum elements")

// A Gap is an element of a [Minimum] that a document would lack.
type Gap struct {
	// Element is the name of the element in the list, such as "Supplier Name".
	Element string `json:"element"`
	// Packages is how many packages lack it, and 0 where the document as a
	// whole, or what it is about, does.
	Packages int `json:"packages"`
	// Example is the first of these packages, by its package URL or name.
	Example string `json:"example,omitempty"`
	Message string `json:"message"` // one sentence for people
}

// A fact is a kind of elements; each list has a name of its own for it.
type fact uint8

const (
	factSupplier fact = iota
	factName
	factVersion
	factIdentifier
	factHash
	factLicense
	factDependency
	factAuthor
	factTool
	factTime
	factContext
)

type elementName struct {
	fact fact
	name string
}

// elements returns the elements of a list, in its order.
func (m Minimum) elements() ([]elementName, error) {
	switch m {
	case NTIA2021: // section III, "Data Fields"
		return []elementName{
			{factSupplier, "Supplier Name"},
			{factName, "Component Name"},
			{factVersion, "Version of the Component"},
			{factIdentifier, "Other Unique Identifiers"},
			{factDependency, "Dependency Relationship"},
			{factAuthor, "Author of SBOM Data"},
			{factTime, "Timestamp"},
		}, nil
	case CISA2025: // "Data Fields"
		return []elementName{
			{factAuthor, "SBOM Author"},
			{factSupplier, "Software Producer"},
			{factName, "Component Name"},
			{factVersion, "Component Version"},
			{factIdentifier, "Software Identifiers"},
			{factHash, "Component Hash"},
			{factLicense, "License"},
			{factDependency, "Dependency Relationship"},
			{factTool, "Tool Name"},
			{factTime, "Timestamp"},
			{factContext, "Generation Context"},
		}, nil
	}
	return nil, fmt.Errorf("%w: %d", ErrMinimum, uint8(m))
}

// Check returns what a document of b that [Encode] writes with the same options
// lacks of a list: in the list's order, and what the document as a whole lacks
// before what packages do. No gap means that every element is there, not that
// it is right.
//
// How each element is judged, for b and its parts:
//
//   - Supplier Name, Software Producer: the options or the document that b was
//     read from state the supplier of the target; each package has a Vendor or a
//     Maintainer.
//   - Component Name: the target and each package have a name.
//   - Version of the Component, Component Version: the target has a version or
//     a digest, each package a version.
//   - Other Unique Identifiers, Software Identifiers: each package has a package
//     URL or a CPE.
//   - Component Hash: each package has a digest.
//   - License: each package has a licence, in whatever words.
//   - Dependency Relationship: an inventory of more than one package has at
//     least one that depends on another. That all dependencies are known cannot
//     be told.
//   - Author of SBOM Data, SBOM Author: the options or the document state one.
//   - Timestamp: the options or the document state when it was made.
//   - Tool Name: the options or the document name a tool; of an inventory that
//     was made here, that is always this library.
//   - Generation Context: the document states a phase of the lifecycle; of an
//     inventory that was made here, one is always written.
func Check(b *BOM, m Minimum, opts ...EncodeOption) ([]Gap, error) {
	o, err := encodeOptions(b, opts)
	if err != nil {
		return nil, err
	}
	return check(b, o, m)
}

func check(b *inventory.BOM, opts *codec.Options, m Minimum) ([]Gap, error) {
	elements, err := m.elements()
	if err != nil {
		return nil, err
	}
	c := checker{bom: b, opts: opts, all: inventories(b, nil)}
	for _, all := range c.all {
		c.packages += len(all.Packages)
	}
	for _, e := range elements {
		c.document(e)
		c.eachPackage(e)
	}
	return c.gaps, nil
}

// inventories returns b and its parts, and theirs.
func inventories(b *inventory.BOM, all []*inventory.BOM) []*inventory.BOM {
	all = append(all, b)
	for _, part := range b.Parts {
		if part != nil {
			all = inventories(part, all)
		}
	}
	return all
}

type checker struct {
	bom      *inventory.BOM
	opts     *codec.Options
	all      []*inventory.BOM
	packages int
	gaps     []Gap
}

// document judges what is said once.
func (c *checker) document(e elementName) {
	doc, t := &c.bom.Document, &c.bom.Target
	ours := doc.Format == ""
	say := func(ok bool, message string) {
		if !ok {
			c.gaps = append(c.gaps, Gap{Element: e.name, Message: message})
		}
	}
	named := func(tool inventory.Tool) bool { return tool.Name != "" }
	switch e.fact {
	case factSupplier:
		say(cmp.Or(c.opts.Supplier, doc.Supplier) != "", "it is not stated who supplies what the document is about")
	case factName:
		say(t.Name != "", "what the document is about has no name")
	case factVersion:
		say(cmp.Or(t.Version, t.Digest, t.ImageID) != "", "what the document is about has neither a version nor a digest")
	case factAuthor:
		say(len(c.opts.Authors) > 0 || len(doc.Authors) > 0, "it is not stated who is the author of the document")
	case factTime:
		say(!c.opts.Created.IsZero() || !doc.Created.IsZero(), "it is not stated when the document was made")
	case factTool:
		say(ours || slices.ContainsFunc(c.opts.Tools, named) || slices.ContainsFunc(doc.Tools, named), "no tool is named that made the document")
	case factContext:
		say(ours || len(doc.Lifecycles) > 0, "it is not stated in which phase of the lifecycle the document was made")
	case factDependency:
		c.dependencies(e)
	}
}

// dependencies judges each inventory.
func (c *checker) dependencies(e elementName) {
	gap := Gap{Element: e.name}
	for _, b := range c.all {
		depends := func(p inventory.Package) bool { return len(p.DependsOn) > 0 }
		if len(b.Packages) > 1 && !slices.ContainsFunc(b.Packages, depends) {
			gap.Packages += len(b.Packages)
			gap.Example = cmp.Or(gap.Example, nameOf(&b.Packages[0]))
		}
	}
	if gap.Packages > 0 {
		gap.Message = fmt.Sprintf("of %d packages it is not stated which depend on which", gap.Packages)
		c.gaps = append(c.gaps, gap)
	}
}

// eachPackage judges what is said of each package.
func (c *checker) eachPackage(e elementName) {
	var what string
	var has func(p *inventory.Package) bool
	switch e.fact {
	case factSupplier:
		what, has = "no vendor and no maintainer", func(p *inventory.Package) bool { return cmp.Or(p.Vendor, p.Maintainer) != "" }
	case factName:
		what, has = "no name", func(p *inventory.Package) bool { return p.Name != "" }
	case factVersion:
		what, has = "no version", func(p *inventory.Package) bool { return p.Version != "" }
	case factIdentifier:
		what, has = "no package URL and no CPE", func(p *inventory.Package) bool { return p.PURL != "" || len(p.CPEs) > 0 }
	case factHash:
		what, has = "no digest", func(p *inventory.Package) bool { return p.SHA1 != "" || len(p.Hashes) > 0 }
	case factLicense:
		what, has = "no licence", func(p *inventory.Package) bool { return p.LicenseExpression != "" || len(p.Licenses) > 0 }
	default:
		return
	}
	gap := Gap{Element: e.name}
	for _, b := range c.all {
		for i := range b.Packages {
			p := &b.Packages[i]
			if has(p) {
				continue
			}
			if gap.Packages++; gap.Packages == 1 {
				gap.Example = nameOf(p)
			}
		}
	}
	if gap.Packages > 0 {
		gap.Message = fmt.Sprintf("%d of %d packages have %s", gap.Packages, c.packages, what)
		c.gaps = append(c.gaps, gap)
	}
}

// nameOf names a package for people.
func nameOf(p *inventory.Package) string {
	name := p.Name
	if p.Version != "" {
		name += " " + p.Version
	}
	return cmp.Or(p.PURL, name)
}
