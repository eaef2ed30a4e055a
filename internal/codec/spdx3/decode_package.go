package spdx3

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A facts is what relationships say of a package.
type facts struct {
	declared, concluded []string // licences
	paths               []string
	development         bool
}

// facts collects what relationships say of packages.
func (j *JSON) facts() map[*node]*facts {
	known := map[*node]*facts{}
	of := func(n *node) *facts {
		if known[n] == nil {
			known[n] = &facts{}
		}
		return known[n]
	}
	for _, r := range j.relations {
		if r.kind == "amendedBy" || r.kind == "security" { // between relationships, and read elsewhere
			continue
		}
		from := j.index[r.from]
		if from == nil {
			j.missing(r.from)
		}
		for _, id := range r.to {
			to := j.index[id]
			switch r.kind {
			case "hasDeclaredLicense", "hasConcludedLicense":
				if from == nil || !from.isPackage() {
					continue
				}
				f := of(from)
				if r.kind == "hasDeclaredLicense" {
					f.declared = append(f.declared, id)
				} else {
					f.concluded = append(f.concluded, id)
				}
				continue // which can be outside of the document
			case "hasEvidence":
				if from != nil && from.isPackage() && to != nil && to.class == "software_File" && to.name != "" {
					f := of(from)
					f.paths = append(f.paths, strings.TrimPrefix(to.name, "/"))
				}
			case "dependsOn":
				if r.development && to != nil && to.isPackage() {
					of(to).development = true
				}
			}
			if to == nil {
				j.missing(id)
			}
		}
	}
	return known
}

// fill gives the units their packages, dependencies and vulnerabilities.
func (j *JSON) fill(units []unit) error {
	known := j.facts()
	added := map[*node]bool{}
	for _, n := range j.packages {
		u := &units[n.owner-1]
		if n == u.root && !n.element.isLibrary() {
			continue
		}
		if n.element.PrimaryPurpose == "operatingSystem" && !u.hasOS {
			u.hasOS = true
			j.os(&u.c.BOM.OS, n.element)
			continue
		}
		p := j.pkg(n, known[n])
		ref := n.id
		if j.index[ref] != n { // the second of that name
			ref = ""
		}
		u.c.Distro(p.PURL)
		if err := u.c.Add(ref, p); err != nil {
			return err
		}
		added[n] = true
	}
	if err := j.depend(units, added); err != nil {
		return err
	}
	j.assessed(units)
	return nil
}

// depend hands on the dependencies between packages.
func (j *JSON) depend(units []unit, added map[*node]bool) error {
	across := 0
	for _, r := range j.relations {
		from := j.index[r.from]
		if r.kind != "dependsOn" || !added[from] {
			continue
		}
		for _, id := range r.to {
			to := j.index[id]
			if !added[to] {
				continue
			}
			if from.owner != to.owner {
				across++
				continue
			}
			if err := units[from.owner-1].c.DependsOn(r.from, id); err != nil {
				return err
			}
		}
	}
	if across > 0 {
		j.c.Remark("%d dependencies of packages of one part on those of another are left out", across)
	}
	return nil
}

// isLibrary reports whether an element that a document is about is itself what
// flaws are looked for in, other than an image.
func (e *element) isLibrary() bool {
	p, err := packageOf(e.purl())
	return err == nil && p.Type != "" && p.Type != "oci" && p.Type != "docker" && cmp.Or(p.Version, string(e.PackageVersion)) != ""
}

// pkg returns a package.
func (j *JSON) pkg(n *node, f *facts) inventory.Package {
	e := n.element
	purl := e.purl()
	p, err := packageOf(purl)
	if err != nil {
		j.c.Problem("the package URL %s cannot be understood", codec.Quote(purl)) // err can be as long
		purl = ""
	}
	kind := p.Type
	p.PURL = purl
	p.Name = cmp.Or(p.Name, n.name)
	p.Version = cmp.Or(p.Version, string(e.PackageVersion))
	p.Vendor = j.agentNames(e.SuppliedBy)
	p.Maintainer = j.agentNames(e.OriginatedBy)
	p.CPEs = e.cpes()
	for _, h := range e.VerifiedUsing {
		if h.HashValue != "" && (h.Type == "Hash" || h.Type == "") { // and no PackageVerificationCode
			codec.AddHash(&p, fromSPDX(string(h.Algorithm)), string(h.HashValue))
		}
	}
	if f != nil {
		p.Development = f.development
		slices.Sort(f.paths)
		p.Paths = slices.Compact(f.paths)
		p.Licenses, p.LicenseExpression = j.reader.read(kind, j.texts(f.declared))
		if len(p.Licenses) == 0 {
			p.Licenses, p.LicenseExpression = j.reader.read(kind, j.texts(f.concluded))
		}
	}
	j.packageProperties(&p, e)
	if p.LicenseExpression != "" && len(p.Licenses) == 0 {
		p.Licenses = []string{p.LicenseExpression}
	}
	slices.SortFunc(p.Hashes, func(a, b inventory.Hash) int {
		return cmp.Or(cmp.Compare(a.Algorithm, b.Algorithm), cmp.Compare(a.Value, b.Value))
	})
	p.Hashes = slices.Compact(p.Hashes)
	return p
}

// packageOf is [codec.PackageOf], but for package URLs whose escapes make no
// text: it could not be written again.
func packageOf(purl string) (inventory.Package, error) {
	p, err := codec.PackageOf(purl)
	if err != nil {
		return inventory.Package{}, err
	}
	for _, s := range []string{p.Namespace, p.Name, p.Version, p.Arch, p.Module, p.Source.Name, p.Source.Version} {
		if !utf8.ValidString(s) {
			return inventory.Package{}, errNotText
		}
	}
	for key, value := range p.Qualifiers {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return inventory.Package{}, errNotText
		}
	}
	return p, nil
}

var errNotText = errors.New("it is not UTF-8")

// packageProperties takes over the properties of a package. The first of a list
// replaces what the fields of SPDX say.
func (j *JSON) packageProperties(p *inventory.Package, e *element) {
	seen := map[string]bool{}
	for _, prop := range e.properties() {
		name, ours := strings.CutPrefix(prop.Name, codec.Prefix)
		if !ours {
			continue
		}
		if name, _, _ = strings.Cut(name, ":"); !seen[name] {
			seen[name] = true
			switch name {
			case "cpe":
				p.CPEs = nil
			case "hash":
				p.SHA1, p.Hashes = "", nil
			case "license":
				p.Licenses = nil
			case "path":
				p.Paths = nil
			}
		}
		if _, err := codec.SetPackageProperty(p, prop); err != nil {
			j.c.Problem("package %s: %v", codec.Quote(p.Name), err)
		}
	}
}

// texts returns the licences that references stand for.
func (j *JSON) texts(ids []string) []string {
	var texts []string
	for _, id := range ids {
		texts = append(texts, j.license(id, 0)...)
	}
	return texts
}

// purl returns the package URL that a package has in the field for it, or else
// among its identifiers.
func (e *element) purl() string {
	if e.PackageURL != "" {
		return string(e.PackageURL)
	}
	for _, id := range e.ExternalIdentifier {
		if id.Kind == "packageUrl" || id.Kind == "packageURL" {
			return string(id.Identifier)
		}
	}
	return ""
}

func (e *element) cpes() []string {
	var cpes []string
	for _, id := range e.ExternalIdentifier {
		if (id.Kind == "cpe23" || id.Kind == "cpe22") && id.Identifier != "" {
			cpes = append(cpes, string(id.Identifier))
		}
	}
	return cpes
}

// properties returns the properties of all extensions.
func (e *element) properties() []codec.Property {
	var all []codec.Property
	for _, x := range e.Extension {
		for _, p := range x.Properties {
			all = append(all, codec.Property{Name: string(p.Name), Value: string(p.Value)})
		}
	}
	return all
}
