package scan

import (
	"slices"

	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/sbom"
)

// maxChain bounds [Package].RequiredBy.
const maxChain = 32

// chains know for each package, by its package URL, which one leads to it on
// the shortest way from what a project asks for: "" for that itself.
type chains map[string]string

// newChains goes through the packages of languages from those that the project
// asks for or, where that is not known, that no other requires. Of several ways
// of one length the first in the order of the inventory counts.
func newChains(packages []sbom.Package) chains {
	edges := map[string][]string{}
	required := map[string]bool{}
	var order []string
	direct := map[string]bool{}
	for i := range packages {
		p := &packages[i]
		if _, ofDistribution := distro.PackageScheme(p.Type); ofDistribution || p.PURL == "" || p.DeletedBy != nil {
			continue
		}
		if _, known := edges[p.PURL]; !known {
			order = append(order, p.PURL)
		}
		edges[p.PURL] = append(edges[p.PURL], p.DependsOn...)
		for _, to := range p.DependsOn {
			required[to] = true
		}
		direct[p.PURL] = direct[p.PURL] || p.Relation == sbom.Direct
	}
	c := chains{}
	var queue []string
	for _, purl := range order {
		if direct[purl] || !required[purl] {
			c[purl] = ""
			queue = append(queue, purl)
		}
	}
	for len(queue) > 0 {
		from := queue[0]
		queue = queue[1:]
		for _, to := range edges[from] {
			if _, seen := c[to]; seen {
				continue
			}
			c[to] = from
			queue = append(queue, to)
		}
	}
	return c
}

// to returns the chain that leads to a package, without the package.
func (c chains) to(purl string) []string {
	var chain []string
	for at := c[purl]; at != ""; at = c[at] {
		if len(chain) == maxChain {
			return nil
		}
		chain = append(chain, at)
	}
	slices.Reverse(chain)
	return chain
}
