package spdx3

import (
	"slices"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A unit is one inventory of the document.
type unit struct {
	root   *node // the target, nil if there is no one element for it
	name   string
	kind   string // where there is no root
	seeds  []ref  // elements that belong to it, as the collection says
	parent int    // the unit that it is a part of, -1 for none
	c      *codec.Collector
	bom    *inventory.BOM
	hasOS  bool
}

// inventory puts the inventory together.
func (j *JSON) inventory() (*inventory.BOM, error) {
	units := j.units()
	j.own(units)
	for i := range units {
		u := &units[i]
		u.c = codec.NewCollector(format, j.limits)
		if i == 0 {
			u.c = j.c
		}
		u.c.BOM.Target.Name = u.name
		u.c.BOM.Target.Kind = u.kind
		if u.root != nil {
			j.target(u)
		}
		if i == 0 && u.c.BOM.Target.Name == "" && j.document != nil {
			u.c.BOM.Target.Name = string(j.document.Name)
		}
	}
	if err := j.fill(units); err != nil {
		return nil, err
	}
	document := j.metadata()
	if units[0].root != nil && units[0].root.element != nil {
		document.Supplier = j.agentNames(units[0].root.element.SuppliedBy)
	}
	if j.unknown > 0 {
		j.c.Remark("%d references name something that is not in the document, such as %s", j.unknown, codec.Quote(j.unknownExample))
	}
	for i := len(units) - 1; i >= 0; i-- {
		units[i].bom = units[i].c.Finish()
	}
	for i := 1; i < len(units); i++ {
		whole := units[units[i].parent].bom
		whole.Parts = append(whole.Parts, units[i].bom)
	}
	units[0].bom.Document = document
	return units[0].bom, nil
}

// units finds the inventories. The first is the whole.
func (j *JSON) units() []unit {
	name := ""
	if j.document != nil {
		name = string(j.document.Name)
	}
	units := []unit{}
	byRoot := map[*node]int{}
	add := func(roots []*node, seeds []ref, collection string) {
		u := unit{kind: "sbom", parent: -1, name: collection, seeds: seeds}
		if len(roots) == 1 {
			if i, ok := byRoot[roots[0]]; ok {
				units[i].seeds = append(units[i].seeds, seeds...)
				return
			}
			byRoot[roots[0]] = len(units)
			u.root = roots[0]
		}
		units = append(units, u)
	}
	for _, c := range j.collections {
		if roots := j.roots(c.RootElement); len(roots) > 0 {
			add(roots, append(c.RootElement[:len(c.RootElement):len(c.RootElement)], c.Element...), string(c.Name))
		}
	}
	if len(units) == 0 && j.document != nil {
		if roots := j.roots(j.document.RootElement); len(roots) > 0 {
			add(roots, j.document.Element, name)
		}
	}
	if len(units) == 0 {
		var described []ref
		for _, r := range j.relations {
			if n := j.index[r.from]; r.kind == "describes" && n != nil && (n.class == "SpdxDocument" || n.class == "software_Sbom") {
				for _, to := range r.to {
					described = append(described, ref{id: to})
				}
			}
		}
		if roots := j.roots(described); len(roots) > 0 {
			add(roots, nil, name)
		}
	}
	j.parents(units, byRoot)
	return wholeFirst(units, name)
}

// roots returns the packages and files that references name, each once.
func (j *JSON) roots(refs []ref) []*node {
	var roots []*node
	seen := map[*node]bool{}
	for _, r := range refs {
		n := j.index[r.id]
		if n != nil && !seen[n] && (n.isPackage() || n.class == "software_File") {
			seen[n] = true
			roots = append(roots, n)
		}
	}
	return roots
}

// parents finds out which unit's target contains that of another. In a circle
// the last one stays without.
func (j *JSON) parents(units []unit, byRoot map[*node]int) {
	if len(units) < 2 {
		return
	}
	for _, r := range j.relations {
		if r.kind != "contains" {
			continue
		}
		whole, ok := byRoot[j.index[r.from]]
		if !ok {
			continue
		}
		for _, to := range r.to {
			part, ok := byRoot[j.index[to]]
			if !ok || units[part].parent >= 0 || within(units, whole, part) {
				continue
			}
			units[part].parent = whole
		}
	}
}

// maxParts is how deep parts can be in parts. What is deeper is a part of what
// it should be beside.
const maxParts = 20

// within reports whether unit i is unit j, or a part of it, or too deep to say.
func within(units []unit, i, j int) bool {
	for range maxParts {
		if i < 0 || i == j {
			return i == j
		}
		i = units[i].parent
	}
	return true
}

// wholeFirst orders the units so that the whole is the first, and each comes
// before its parts. Several that are no parts become those of a product.
func wholeFirst(units []unit, name string) []unit {
	children := make(map[int][]int, len(units))
	for i := range units {
		children[units[i].parent] = append(children[units[i].parent], i)
	}
	var out []unit
	type place struct{ unit, parent, depth int } // a unit, and where its parent is in out
	var todo []place
	push := func(of, parent, depth int) {
		for _, i := range slices.Backward(children[of]) {
			todo = append(todo, place{i, parent, depth})
		}
	}
	if tops := children[-1]; len(tops) == 1 {
		push(-1, -1, 0)
	} else {
		kind := "sbom"
		if len(tops) > 1 {
			kind = "product"
		}
		out = append(out, unit{kind: kind, name: name, parent: -1})
		push(-1, 0, 1)
	}
	for len(todo) > 0 {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		u := units[next.unit]
		u.parent = next.parent
		out = append(out, u)
		if next.depth < maxParts {
			push(next.unit, len(out)-1, next.depth+1)
		} else {
			push(next.unit, next.parent, next.depth)
		}
	}
	return out
}

// own says of each package which unit it belongs to: one whose target contains
// it, directly or not, or whose collection names it, or else the whole.
func (j *JSON) own(units []unit) {
	for i := range units {
		if units[i].root != nil {
			units[i].root.owner, units[i].root.target = i+1, true
		}
	}
	if len(units) > 1 {
		contains := map[*node][]string{}
		for _, r := range j.relations {
			if n := j.index[r.from]; r.kind == "contains" && n != nil {
				contains[n] = append(contains[n], r.to...)
			}
		}
		for i := len(units) - 1; i >= 0; i-- { // parts before what they are parts of
			if root := units[i].root; root != nil {
				j.claim(i+1, contains[root], contains)
			}
		}
		for i := len(units) - 1; i >= 0; i-- {
			for _, r := range units[i].seeds {
				j.claim(i+1, []string{r.id}, contains)
			}
		}
	}
	for _, n := range j.packages {
		if n.owner == 0 {
			n.owner = 1
		}
	}
}

// claim makes what has no owner a unit's, with what it contains.
func (j *JSON) claim(owner int, ids []string, contains map[*node][]string) {
	todo := ids
	for len(todo) > 0 {
		n := j.index[todo[len(todo)-1]]
		todo = todo[: len(todo)-1 : len(todo)-1]
		if n == nil || n.owner != 0 {
			continue
		}
		n.owner = owner
		todo = append(todo, contains[n]...)
	}
}
