package vex

import (
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/dominator"
	"github.com/imagevet/imagevet/internal/purlmatch"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxThrough bounds of how many packages it is told that another is needed by
// them only. A chain of dependencies is rarely longer than 30.
const maxThrough = 1000

// An index is what is known of how packages of an inventory are within each
// other, made when it is first needed.
type index struct {
	byPath map[string][]int // packages
	nodes  map[string]int   // of package URLs
	first  []int            // a package of each node
	needs  *dominator.Tree
}

func newIndex(bom *inventory.BOM) *index {
	x := &index{byPath: map[string][]int{}, nodes: map[string]int{}}
	for i := range bom.Packages {
		p := &bom.Packages[i]
		for _, at := range p.Paths {
			x.byPath[at] = append(x.byPath[at], i)
		}
		if _, ok := x.nodes[p.PURL]; !ok && p.PURL != "" {
			x.nodes[p.PURL] = len(x.first)
			x.first = append(x.first, i)
		}
	}
	n := len(x.first)
	on := make([][]int, n)
	needed, entry := make([]bool, n), make([]bool, n)
	for i := range bom.Packages {
		p := &bom.Packages[i]
		from, ok := x.nodes[p.PURL]
		if !ok {
			continue
		}
		// These can be used by themselves, whatever else needs them.
		if p.Relation == inventory.Direct || codec.OfDistribution(p.Type) {
			entry[from] = true
		}
		for _, purl := range p.DependsOn {
			if to, ok := x.nodes[purl]; ok && to != from {
				on[from] = append(on[from], to)
				needed[to] = true
			}
		}
	}
	var entries, todo []int
	reached := make([]bool, n)
	enter := func(v int) {
		entries = append(entries, v)
		reached[v] = true
		todo = append(todo, v)
		for len(todo) > 0 {
			v := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, to := range on[v] {
				if !reached[to] {
					reached[to] = true
					todo = append(todo, to)
				}
			}
		}
	}
	for v := range n {
		if entry[v] || !needed[v] {
			enter(v)
		}
	}
	// What is left needs each other in circles, and nobody knows where one comes in.
	for v := range n {
		if !reached[v] {
			entries = append(entries, v)
		}
	}
	x.needs = dominator.New(n, entries, func(v int) []int { return on[v] })
	return x
}

// Holders are the packages that one package is within, by the keys of patterns
// that can mean them.
type holders struct {
	whole map[string][]*purlmatch.Subject   // in all its places
	paths []map[string][]*purlmatch.Subject // in each of its places
}

func add(to map[string][]*purlmatch.Subject, s *purlmatch.Subject) {
	if s == nil {
		return
	}
	for _, k := range s.Keys() {
		to[k] = append(to[k], s)
	}
}

// holdersOf finds what a package is within.
func (m *Matcher) holdersOf(p *inventory.Package) *holders {
	if m.index == nil {
		m.index = newIndex(m.bom)
	}
	h := &holders{whole: map[string][]*purlmatch.Subject{}}
	// The package of the distribution that installed it.
	add(h.whole, subjectOf(nil, p.OwnedBy, &m.bom.OS))
	// The packages without which nothing needs it.
	if v, ok := m.index.nodes[p.PURL]; ok {
		left := maxThrough
		m.index.needs.Through(v, func(node int) bool {
			holder := &m.bom.Packages[m.index.first[node]]
			add(h.whole, subjectOf(holder, holder.PURL, &m.bom.OS))
			left--
			return left > 0
		})
	}
	for _, path := range p.Paths {
		at := map[string][]*purlmatch.Subject{}
		// The program: only its main module states what it needs.
		if p.Type == "golang" && p.PURL != "" {
			for _, i := range m.index.byPath[path] {
				if holder := &m.bom.Packages[i]; holder.Type == p.Type && slices.Contains(holder.DependsOn, p.PURL) {
					add(at, subjectOf(holder, holder.PURL, &m.bom.OS))
				}
			}
		}
		// The archives around it.
		for i := strings.LastIndex(path, "!/"); i >= 0; i = strings.LastIndex(path, "!/") {
			path = path[:i]
			for _, i := range m.index.byPath[path] {
				holder := &m.bom.Packages[i]
				add(at, subjectOf(holder, holder.PURL, &m.bom.OS))
			}
		}
		h.paths = append(h.paths, at)
	}
	return h
}

// isHolder reports whether a product is a package that has another one within.
func (m *Matcher) isHolder(p *product, of *part) bool {
	if len(p.packages) == 0 {
		return false
	}
	for _, x := range p.packages {
		if x.Type() == "rpmmod" && inModule(x, of.p.Module) {
			return true
		}
	}
	if of.holders == nil {
		of.holders = m.holdersOf(of.p)
	}
	if p.among(of.holders.whole) {
		return true
	}
	return len(of.holders.paths) > 0 && !slices.ContainsFunc(of.holders.paths, func(at map[string][]*purlmatch.Subject) bool { return !p.among(at) })
}

// among reports whether a product is one of some packages.
func (p *product) among(subjects map[string][]*purlmatch.Subject) bool {
	return slices.ContainsFunc(p.packages, func(x *purlmatch.Pattern) bool {
		return slices.ContainsFunc(subjects[x.Key()], func(s *purlmatch.Subject) bool { return x.Matches(s) && p.hasVersion(s.Version()) })
	})
}

// inModule reports whether a label "NAME:STREAM:VERSION:CONTEXT" is of a module
// that a package URL names, whose version begins like the rest of it.
func inModule(x *purlmatch.Pattern, label string) bool {
	name, rest, ok := strings.Cut(label, ":")
	return ok && name == x.Name() && (x.Version() == "" || strings.HasPrefix(rest+":", x.Version()+":"))
}
