package sbomfile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// An item is a package of a document, whatever its format.
type item struct {
	id            string // by which relationships name it
	name, version string
	purl          string
	licences      []string
	cpes          []string
	vendor        string
	isSelf        bool // the document is about it
	isFile        bool // it is no package in the first place
}

// A relation is that a package, by its index, requires another one.
type relation struct {
	from     int
	requires string
}

// A collector turns items and their relationships into facts.
type collector struct {
	ctx      context.Context
	problems lines.Problems
	work     int

	packages []inventory.Package
	refs     []string // what Requires of others has for each package
	byID     map[string]int
	seen     map[relation]struct{}
	ignored  int
	nameless int // without a package URL
	// relations are resolved at the end: they may come before the packages.
	relations [][2]string
	dropped   int // relations beyond the limit
}

// add takes an item.
func (c *collector) add(it item) error {
	if it.purl == "" {
		c.ignored++
		if !it.isSelf && !it.isFile {
			c.nameless++
		}
		return nil
	}
	purl, err := packageurl.FromString(it.purl)
	if err != nil {
		c.problems.Add("package %q has a package URL that cannot be understood: %q", lines.Clip(it.name), lines.Clip(it.purl))
		return nil
	}
	p := packageOf(purl, it.version)
	if p.Name == "" || p.Version == "" {
		c.problems.Add("package %q has no version", lines.Clip(it.purl))
		return nil
	}
	p.Licenses, p.CPEs, p.Vendor = it.licences, it.cpes, it.vendor
	if len(c.packages) == maxPackages {
		return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
	}
	if it.id != "" {
		if _, ok := c.byID[it.id]; !ok {
			c.byID[it.id] = len(c.packages)
		}
	}
	name := p.Name
	if p.Namespace != "" && !isSystem(p.Type) {
		name = p.Namespace + "/" + name
	}
	c.refs = append(c.refs, name+"@"+p.Version)
	c.packages = append(c.packages, p)
	return nil
}

// isSystem reports whether packages of a type belong to an operating system,
// whose name is the namespace then.
func isSystem(typ string) bool {
	switch typ {
	case "deb", "apk", "rpm", "alpm":
		return true
	}
	return false
}

// packageOf returns the package that a package URL names. version is used if
// the URL has none.
func packageOf(purl packageurl.PackageURL, version string) inventory.Package {
	p := inventory.Package{Type: purl.Type, Namespace: purl.Namespace, Name: purl.Name, Version: purl.Version}
	qualifiers := purl.Qualifiers.Map()
	if p.Version == "" {
		p.Version = version
	}
	p.Arch = qualifiers["arch"]
	delete(qualifiers, "arch")
	if isSystem(p.Type) {
		// An rpm's epoch is a part of its version, and is 0 where it is missing.
		if epoch := qualifiers["epoch"]; epoch != "" && epoch != "0" && p.Version != "" && !strings.Contains(p.Version, ":") {
			p.Version = epoch + ":" + p.Version
		}
		delete(qualifiers, "epoch")
		p.Source.Name, p.Source.Version, _ = strings.Cut(qualifiers["upstream"], "@")
		delete(qualifiers, "upstream")
		if p.Type == "deb" || p.Type == "apk" {
			if p.Source.Name == "" {
				p.Source.Name = p.Name
			}
			if p.Source.Version == "" {
				p.Source.Version = p.Version
			}
		}
	}
	if len(qualifiers) > 0 {
		p.Qualifiers = qualifiers
	}
	return p
}

// relate notes that one package depends on another.
func (c *collector) relate(from, to string) {
	if len(c.relations) == maxRelations {
		c.dropped++
		return
	}
	c.relations = append(c.relations, [2]string{from, to})
}

// facts returns the result.
func (c *collector) facts() inventory.Facts {
	for _, r := range c.relations {
		from, ok1 := c.byID[r[0]]
		to, ok2 := c.byID[r[1]]
		if !ok1 || !ok2 || from == to {
			continue
		}
		found := relation{from, c.refs[to]}
		if _, known := c.seen[found]; known {
			continue
		}
		c.seen[found] = struct{}{}
		p := &c.packages[from]
		p.Requires = append(p.Requires, c.refs[to])
	}
	if c.dropped > 0 {
		c.problems.Add("%d relationships beyond %d are not read", c.dropped, maxRelations)
	}
	if c.nameless > 0 {
		c.problems.Add("%d packages have no package URL", c.nameless)
	}
	return inventory.Facts{Packages: c.packages, Ignored: c.ignored, Problems: c.problems.List()}
}

// clean returns the values that say something, each once.
func clean(values ...string) []string {
	var list []string
	for _, v := range values {
		v = strings.TrimSpace(v)
		if v != "" && v != "NOASSERTION" && v != "NONE" && !slices.Contains(list, v) && len(list) < 100 {
			list = append(list, v)
		}
	}
	return list
}
