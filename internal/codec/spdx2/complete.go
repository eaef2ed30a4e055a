package spdx2

import (
	"cmp"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// complete fills in what an element says of a package beside the package URL.
func (d *document) complete(p *inventory.Package, e *element, purl string, byTrivy bool) {
	p.PURL = purl
	p.Name = cmp.Or(p.Name, e.name)
	if version := says(e.version); p.Version == "" && version != "" {
		p.Version = version
		if !e.annotated && p.Source.Name != "" && p.Source.Name == p.Name {
			p.Source.Version = cmp.Or(p.Source.Version, version)
		}
	}
	p.Vendor, p.Maintainer = parties(e.supplier, e.originator)
	p.CPEs = e.cpes
	for _, h := range e.hashes {
		codec.AddHash(p, h.Algorithm, h.Value)
	}
	p.Licenses, p.LicenseExpression = d.licenses.read(e.declared)
	if e.annotated {
		d.properties(p, e)
		return
	}
	if concluded := says(e.concluded); len(p.Licenses) == 0 && !strings.Contains(concluded, licenseRef) {
		p.Licenses, p.LicenseExpression = d.licenses.read(concluded)
	}
	p.CPEs = unique(p.CPEs)
	slices.SortStableFunc(p.Hashes, func(a, b inventory.Hash) int {
		return cmp.Or(cmp.Compare(a.Algorithm, b.Algorithm), cmp.Compare(a.Value, b.Value))
	})
	p.Hashes = slices.Compact(p.Hashes)
	p.Development = e.development && !e.otherwise
	e.foreignFacts(p, byTrivy)
}

// properties takes over what this library's annotation says.
func (d *document) properties(p *inventory.Package, e *element) {
	// Lists that come as properties come whole.
	for _, prop := range e.own {
		switch name := strings.TrimPrefix(prop.Name, codec.Prefix); {
		case name == "cpe":
			p.CPEs = nil
		case name == "license", prop.Name == propLicenses:
			p.Licenses = nil
		case strings.HasPrefix(name, "hash:"):
			p.SHA1, p.Hashes = "", nil
		}
	}
	for _, prop := range e.own {
		name := strings.TrimPrefix(prop.Name, codec.Prefix)
		switch {
		case prop.Name == propLayerDigest:
			p.Layer.Digest = prop.Value
			continue
		case prop.Value == "" && (name == "type" || strings.HasPrefix(name, "hash:")): // which are never written
			continue
		}
		if _, err := codec.SetPackageProperty(p, prop); err != nil {
			d.c.Problem("package %s: %w", codec.Quote(e.name), err)
		}
	}
}

func unique(list []string) []string {
	var out []string
	seen := make(map[string]bool, len(list))
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// depend adds the dependencies, and tells of relationships that name nothing.
func (d *document) depend(nodes []node) error {
	missing, across := 0, 0
	example := int32(-1)
	for _, e := range d.edges {
		if e.kind != edgeEvident || !d.many {
			for _, s := range []int32{e.from, e.to} {
				if d.symbols[s].kind == symbolUnknown && !d.many {
					if missing++; missing == 1 {
						example = s
					}
					break
				}
			}
		}
		if e.kind != edgeDepends && e.kind != edgeDevelopment {
			continue
		}
		from, to := d.element(e.from), d.element(e.to)
		if from == nil || to == nil {
			continue
		}
		if from.part != to.part {
			across++
			continue
		}
		if err := nodes[from.part].c.DependsOn(from.id, to.id); err != nil {
			return err
		}
	}
	if missing > 0 {
		d.c.Remark("%d relationships name something that is not in the document, such as %s", missing, codec.Quote(d.nameOf(example)))
	}
	if across > 0 {
		d.c.Remark("%d dependencies between the parts of a product are left out", across)
	}
	return nil
}

// nameOf returns the identifier that a symbol stands for.
func (d *document) nameOf(symbol int32) string {
	for id, s := range d.ids {
		if s == symbol {
			return id
		}
	}
	return ""
}
