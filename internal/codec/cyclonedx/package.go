package cyclonedx

import (
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// pack takes a component that is a package.
func (d *decoder) pack(c *cdx.Component, into *codec.Collector) error {
	p, err := codec.PackageOf(c.PackageURL)
	if err != nil {
		d.Problem("the package URL %s of %s cannot be understood", codec.Quote(c.PackageURL), codec.Quote(c.Name))
	}
	if err != nil || c.PackageURL == "" {
		p = inventory.Package{Namespace: c.Group, Name: c.Name, Version: c.Version}
	}
	if p.Version == "" {
		p.Version = c.Version
	}
	p.PURL = c.PackageURL
	p.Maintainer = c.Publisher
	if c.Publisher == "" {
		p.Maintainer = c.Author
	}
	if c.Supplier != nil && c.Supplier.Name != p.Maintainer {
		p.Vendor = c.Supplier.Name
	}
	p.Development = c.Scope == cdx.ScopeExcluded
	setLicenses(&p, c.Licenses)
	for _, h := range deref(c.Hashes) {
		codec.AddHash(&p, string(h.Algorithm), h.Value)
	}
	if c.CPE != "" {
		p.CPEs = []string{c.CPE}
	}
	if c.Evidence != nil {
		d.evidence(&p, c.Evidence)
	}
	d.packageProperties(&p, deref(c.Properties), into)
	into.Distro(c.PackageURL)
	return into.Add(c.BOMRef, p)
}

func (d *decoder) evidence(p *inventory.Package, ev *cdx.Evidence) {
	for _, o := range deref(ev.Occurrences) {
		if o.Location == "" || slices.Contains(p.Paths, o.Location) {
			continue
		}
		p.Paths = append(p.Paths, o.Location)
		if o.Line != nil && p.Line == 0 && *o.Line > 0 {
			p.Line = *o.Line
		}
	}
	if len(p.Licenses) == 0 { // what somebody found is better than nothing
		setLicenses(p, ev.Licenses)
	}
}

// packageProperties takes the properties of a package, ours and other tools'.
// What a list of ours says takes the place of what fields could hold of it.
func (d *decoder) packageProperties(p *inventory.Package, props []cdx.Property, into *codec.Collector) {
	var f foreign
	emptied := map[string]bool{}
	for _, prop := range props {
		if !emptied[prop.Name] {
			emptied[prop.Name] = true
			switch prop.Name {
			case codec.Prefix + "cpe":
				p.CPEs = nil
			case codec.Prefix + "license":
				p.Licenses = nil
			case codec.Prefix + "path":
				p.Paths = nil
			}
		}
		known, err := codec.SetPackageProperty(p, codec.Property(prop))
		if err != nil {
			d.Problem("package %s: %w", codec.Quote(p.Name), err)
		}
		f.ours = f.ours || known
		if !known {
			f.property(p, codec.Property(prop))
		}
	}
	f.finish(p, into.BOM)
}

// setLicenses takes the licences that a component declares.
func setLicenses(p *inventory.Package, licenses *cdx.Licenses) {
	if licenses == nil {
		return
	}
	var expressions int
	for _, l := range *licenses {
		switch {
		case l.Expression != "":
			expressions++
			p.LicenseExpression = l.Expression
			p.Licenses = append(p.Licenses, l.Expression)
		case l.License == nil:
		case l.License.ID != "":
			expressions++
			p.LicenseExpression = l.License.ID
			p.Licenses = append(p.Licenses, l.License.ID)
		case strings.TrimSpace(l.License.Name) != "":
			p.Licenses = append(p.Licenses, l.License.Name)
		}
	}
	// Whether several licences hold together or one may choose is not said.
	if expressions != 1 || len(p.Licenses) != 1 {
		p.LicenseExpression = ""
	}
}
