package cyclonedx

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// metadata takes what the document says of itself and what it is about.
func (d *decoder) metadata(m *cdx.Metadata) error {
	doc := &d.BOM.Document
	if m.Timestamp != "" {
		t, err := codec.ParseTime(m.Timestamp)
		if err != nil {
			d.Remark("the timestamp is %w", err)
		} else if _, err := time.Parse(time.RFC3339, m.Timestamp); err != nil {
			d.Remark("the timestamp has not date and time: %s", codec.Quote(m.Timestamp))
		}
		doc.Created = t
	}
	for _, a := range deref(m.Authors) {
		name := a.Name
		if a.Email != "" {
			name = strings.TrimSpace(name + " <" + a.Email + ">")
		}
		if name != "" {
			doc.Authors = append(doc.Authors, name)
		}
	}
	for _, org := range []*cdx.OrganizationalEntity{m.Manufacturer, m.Manufacture} {
		if org != nil && org.Name != "" && len(doc.Authors) == 0 {
			doc.Authors = []string{org.Name}
		}
	}
	if m.Supplier != nil {
		doc.Supplier = m.Supplier.Name
	}
	for _, l := range deref(m.Lifecycles) {
		doc.Lifecycles = append(doc.Lifecycles, cmp.Or(string(l.Phase), l.Name))
	}
	if m.Tools != nil {
		for _, t := range deref(m.Tools.Tools) {
			doc.Tools = append(doc.Tools, inventory.Tool{Name: t.Name, Version: t.Version})
		}
		for _, t := range deref(m.Tools.Components) {
			doc.Tools = append(doc.Tools, inventory.Tool{Name: t.Name, Version: t.Version})
		}
		for _, t := range deref(m.Tools.Services) {
			doc.Tools = append(doc.Tools, inventory.Tool{Name: t.Name, Version: t.Version})
		}
	}
	if m.Licenses != nil {
		d.checkLicenses(*m.Licenses, "the metadata")
	}
	if m.Component != nil {
		d.check(m.Component)
		if err := d.target(m.Component, d.Collector); err != nil {
			return err
		}
		if doc.Supplier == "" && m.Component.Supplier != nil {
			doc.Supplier = m.Component.Supplier.Name
		}
		for i := range deref(m.Component.Components) {
			if err := d.component(&(*m.Component.Components)[i], d.Collector, 1); err != nil {
				return err
			}
		}
	}
	for _, p := range deref(m.Properties) {
		d.targetProperty(d.Collector, codec.Property(p))
	}
	return nil
}

// target takes the component that a document, or a part of it, is about.
func (d *decoder) target(c *cdx.Component, into *codec.Collector) error {
	t := &into.BOM.Target
	t.Name = c.Name
	if c.Group != "" {
		t.Name = c.Group + "/" + c.Name
	}
	if strings.HasPrefix(c.Version, "sha256:") {
		t.Digest = c.Version
	} else {
		t.Version = c.Version
	}
	if c.BOMRef != "" {
		d.owner[c.BOMRef] = into
	}
	for _, p := range deref(c.Properties) {
		d.targetProperty(into, codec.Property(p))
	}
	p, err := codec.PackageOf(c.PackageURL)
	switch {
	case err != nil:
		d.Problem("the package URL %s cannot be understood", codec.Quote(c.PackageURL))
	case p.Type == "oci" || p.Type == "docker":
		if t.Digest == "" && strings.HasPrefix(p.Version, "sha256:") {
			t.Digest = p.Version
		}
	case p.Type != "" && (p.Version != "" || c.Version != ""):
		// A library is itself what flaws are looked for in.
		return d.pack(c, into)
	}
	return into.Element(c.BOMRef)
}

// targetProperty takes a property of a target, ours or another tool's.
func (d *decoder) targetProperty(into *codec.Collector, p codec.Property) {
	t := &into.BOM.Target
	switch p.Name {
	case codec.Prefix + "target:name":
		t.Name = p.Value
		return
	case codec.Prefix + "target:version":
		t.Version = p.Value
		return
	case codec.Prefix + "target:digest":
		t.Digest = p.Value
		return
	}
	known, err := codec.SetTargetProperty(into.BOM, p)
	if err != nil {
		d.Problem("%w", err)
	}
	if !known {
		foreignTarget(into.BOM, p)
	}
}

// isPart reports whether a component is an image of a product, as this library
// writes it.
func isPart(c *cdx.Component) bool {
	return slices.ContainsFunc(deref(c.Properties), func(p cdx.Property) bool {
		return p.Name == codec.Prefix+"kind" || strings.HasPrefix(p.Name, codec.Prefix+"layer:0:") || p.Name == codec.Prefix+"target:digest"
	}) || c.Type == cdx.ComponentTypeContainer && c.Components != nil
}

// image takes an image of a product.
func (d *decoder) image(c *cdx.Component) error {
	if len(d.order) >= d.limits.Packages {
		return fmt.Errorf("more than %d images: %w", d.limits.Packages, inventory.ErrTooLarge)
	}
	ref := cmp.Or(c.BOMRef, fmt.Sprintf("\x00%d", len(d.order)))
	if d.parts[ref] != nil {
		ref = fmt.Sprintf("\x00%d", len(d.order))
	}
	if err := d.Element(c.BOMRef); err != nil {
		return err
	}
	limits := d.limits
	limits.Packages -= len(d.BOM.Packages)
	for _, part := range d.parts {
		limits.Packages -= len(part.BOM.Packages)
	}
	part := codec.NewCollector("cyclonedx", limits)
	d.parts[ref] = part
	d.order = append(d.order, ref)
	if err := d.target(c, part); err != nil {
		return err
	}
	if part.BOM.Target.Kind == "" {
		part.BOM.Target.Kind = "sbom"
	}
	for i := range deref(c.Components) {
		if err := d.component(&(*c.Components)[i], part, 1); err != nil {
			return err
		}
	}
	return nil
}
