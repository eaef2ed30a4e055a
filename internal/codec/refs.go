package codec

import (
	"slices"
	"strconv"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// Refs gives out references within one document, each once.
type Refs struct {
	used map[string]int
}

// Unique returns name, with a number behind it if it was given out before.
func (r *Refs) Unique(name string) string {
	if r.used == nil {
		r.used = map[string]int{}
	}
	for {
		r.used[name]++
		n := r.used[name]
		if n == 1 {
			return name
		}
		// The name with the number can itself be one that was given out.
		if numbered := name + "#" + strconv.Itoa(n); r.used[numbered] == 0 {
			r.used[numbered] = 1
			return numbered
		}
	}
}

// Packages returns the references of the packages of an inventory, in their
// order: the package URL, or what else there is.
func (r *Refs) Packages(packages []inventory.Package) []string {
	refs := make([]string, len(packages))
	for i := range packages {
		p := &packages[i]
		name := p.PURL
		if name == "" {
			name = "package:" + p.Type + "/" + p.Namespace + "/" + p.Name + "@" + p.Version
		}
		refs[i] = r.Unique(name)
	}
	return refs
}

// A Graph is the dependency graph of an inventory, by the index of packages.
type Graph struct {
	// On are the packages that each package depends on, in the order of
	// [inventory.Package].DependsOn. A package URL that no package has is left
	// out: Missing counts those.
	On      [][]int
	Missing int
	// Top are the packages that no other depends on, and one of each circle
	// that nothing outside of it depends on.
	Top []int
}

// NewGraph finds out which packages depend on which. What depends on a package
// URL depends on the first package that has it.
func NewGraph(packages []inventory.Package) *Graph {
	g := &Graph{On: make([][]int, len(packages))}
	first := make(map[string]int, len(packages))
	for i := range packages {
		if _, ok := first[packages[i].PURL]; !ok && packages[i].PURL != "" {
			first[packages[i].PURL] = i
		}
	}
	needed := make([]bool, len(packages))
	for i := range packages {
		for _, purl := range packages[i].DependsOn {
			j, ok := first[purl]
			if !ok {
				g.Missing++
				continue
			}
			g.On[i] = append(g.On[i], j)
			if j != i {
				needed[j] = true
			}
		}
	}
	reached := make([]bool, len(packages))
	for i := range packages {
		if !needed[i] {
			g.Top = append(g.Top, i)
			g.reach(i, reached)
		}
	}
	for i := range packages { // what is left are circles, and what hangs on them
		if !reached[i] {
			g.Top = append(g.Top, i)
			g.reach(i, reached)
		}
	}
	slices.Sort(g.Top)
	return g
}

// reach marks what the i'th package depends on, directly or not.
func (g *Graph) reach(i int, reached []bool) {
	todo := []int{i}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if reached[i] {
			continue
		}
		reached[i] = true
		todo = append(todo, g.On[i]...)
	}
}
