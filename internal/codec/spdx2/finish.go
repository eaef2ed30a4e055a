package spdx2

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Inventories can be parts of others, this deep and this many.
const (
	maxDepth = 32
	maxParts = 10_000
)

// A node is an inventory that is being made of a document.
type node struct {
	c      *codec.Collector
	parent int
	depth  int
	own    bool // this library described the target
}

// finish returns the inventory of what was read.
func (d *document) finish() (*inventory.BOM, error) {
	version, ok := strings.CutPrefix(strings.TrimSpace(d.version), "SPDX-")
	if !ok || !strings.HasPrefix(version, "2.") {
		return nil, fmt.Errorf("the version is %s, and not one that begins with \"SPDX-2.\": %w", codec.Quote(d.version), ErrFormat)
	}
	switch version {
	case "2.1", "2.2", "2.3":
	default:
		d.c.Problem("version %s of SPDX is not known; it is read as 2.3", codec.Quote(version))
	}
	d.info.Version = version
	d.annotate()
	d.related()
	byTrivy := madeByTrivy(d.info.Tools)
	nodes := d.nodes(d.roles(byTrivy))
	if err := d.collect(nodes, byTrivy); err != nil {
		return nil, err
	}
	if err := d.depend(nodes); err != nil {
		return nil, err
	}
	for i := range nodes {
		os := nodes[i].c.BOM.OS
		b := nodes[i].c.Finish()
		if nodes[i].own { // which has no need of a guess
			b.OS = os
		}
		b.Target.Created = wholeSeconds(b.Target.Created)
		for j := range b.Packages {
			p := &b.Packages[j]
			p.DependsOn = slices.DeleteFunc(p.DependsOn, func(purl string) bool { return purl == p.PURL })
			if len(p.DependsOn) == 0 {
				p.DependsOn = nil
			}
		}
		if i > 0 {
			up := nodes[nodes[i].parent].c.BOM
			up.Parts = append(up.Parts, b)
		}
	}
	root := nodes[0].c.BOM
	root.Document = d.info
	return root, nil
}

// wholeSeconds returns a time as an encoder can write it.
func wholeSeconds(t time.Time) time.Time {
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t.Truncate(time.Second)
}

// annotate gives elements the annotations that came before them.
func (d *document) annotate() {
	for i := range d.symbols {
		if d.symbols[i].kind != symbolPackage {
			continue
		}
		for _, s := range d.notes[int32(i)] {
			d.elements[d.symbols[i].index].note(d.c, s)
		}
	}
	d.notes = nil
}

// element returns the element that a symbol stands for, nil if it is none.
func (d *document) element(symbol int32) *element {
	if s := d.symbols[symbol]; s.kind == symbolPackage {
		return &d.elements[s.index]
	}
	return nil
}

// related notes what relationships with files say.
func (d *document) related() {
	for _, e := range d.edges {
		from, to := d.element(e.from), d.symbols[e.to]
		switch e.kind {
		case edgeDepends, edgeDevelopment:
			if on := d.element(e.to); on != nil && from != nil {
				on.otherwise = on.otherwise || e.kind == edgeDepends
				on.development = on.development || e.kind == edgeDevelopment
			}
		case edgeEvident:
			if from != nil && to.kind == symbolFile {
				f := &d.files[to.index]
				from.paths = append(from.paths, f.name)
				from.layer.DiffID = cmp.Or(from.layer.DiffID, f.layer)
			}
		}
	}
}

// roles finds out what the elements stand for. It returns those that are
// targets, in their order.
func (d *document) roles(byTrivy bool) []int {
	var targets []int
	for i := range d.elements {
		e := &d.elements[i]
		switch kind, _ := e.stated(propElement); {
		case kind == elementTarget && len(targets) > maxParts:
			d.c.Problem("there are more than %d parts: %s is taken for a package", maxParts, codec.Quote(e.name))
		case kind == elementTarget:
			e.role = roleTarget
			targets = append(targets, i)
		case kind == elementOS:
			e.role = roleOS
		case !e.annotated:
			e.role = e.foreignRole(byTrivy)
		}
	}
	if len(targets) > 0 {
		return targets
	}
	if i := d.described(); i >= 0 {
		d.elements[i].role = roleTarget
		return []int{i}
	}
	return nil
}

// described returns the index of the element that the document describes, -1 if
// there is none, or several of which none is the one that the others are in.
func (d *document) described() int {
	var all []int
	for _, e := range d.edges {
		if s := d.symbols[e.to]; e.kind == edgeDescribes && s.kind == symbolPackage && d.symbols[e.from].kind == symbolOther {
			all = append(all, int(s.index))
		}
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) > 1 {
		all = slices.DeleteFunc(all, func(i int) bool { return !d.elements[i].isRoot() })
	}
	if len(all) != 1 || d.elements[all[0]].annotated {
		return -1
	}
	return all[0]
}

// nodes makes the inventories of the targets, the outermost first, and finds
// out which elements belong to which.
func (d *document) nodes(targets []int) []node {
	nodes := []node{{c: d.c}}
	at := map[int]int{} // the node of a target
	for n, i := range targets {
		if n > 0 {
			nodes = append(nodes, node{c: codec.NewCollector(format, d.limits), depth: 1})
		}
		at[i] = n
		d.elements[i].part = n
		nodes[n].own = d.elements[i].annotated
	}
	placed := make([]bool, len(d.elements))
	for _, e := range d.edges {
		from, to := d.symbols[e.from], d.symbols[e.to]
		if e.kind != edgeContains || from.kind != symbolPackage || to.kind != symbolPackage || placed[to.index] {
			continue
		}
		up, ok := at[int(from.index)]
		if !ok {
			continue
		}
		n, isTarget := at[int(to.index)]
		switch {
		case !isTarget:
			d.elements[to.index].part = up
		case up >= n: // a document has what contains first
			continue
		case nodes[up].depth >= maxDepth:
			d.c.Problem("parts of parts are nested more than %d deep", maxDepth)
			continue
		default:
			nodes[n].parent, nodes[n].depth = up, nodes[up].depth+1
		}
		placed[to.index] = true
	}
	return nodes
}

// collect adds the packages and the other elements to their inventories.
func (d *document) collect(nodes []node, byTrivy bool) error {
	files := d.lockFiles(byTrivy)
	d.c.BOM.Target = inventory.Target{Name: d.name, Kind: "sbom"}
	for i := range d.elements {
		e := &d.elements[i]
		n := &nodes[e.part]
		keep := false
		switch e.role {
		case roleTarget:
			if keep = d.target(n, e); keep {
				break
			}
			if err := n.c.Element(e.id); err != nil {
				return err
			}
		case roleOS:
			d.os(n, e)
			if err := n.c.Element(e.id); err != nil {
				return err
			}
		case roleFile:
			if err := n.c.Element(e.id); err != nil {
				return err
			}
		case rolePackage:
			keep = true
		}
		if !keep {
			continue
		}
		purl, p := e.purl(n.c)
		if !n.own {
			n.c.Distro(purl)
		}
		if file, ok := files[i]; ok && len(e.paths) == 0 {
			e.paths = file
		}
		d.complete(&p, e, purl, byTrivy)
		if err := n.c.Add(e.id, p); err != nil {
			return err
		}
	}
	return nil
}

// target takes a target, and reports whether it is a package as well.
func (d *document) target(n *node, e *element) bool {
	if e.part == 0 {
		d.info.Supplier = supplierOf(e.supplier)
	}
	if !n.own {
		e.foreignTarget(n.c.BOM, d.name)
		_, p := e.purl(nil)
		return p.Type != "" && !isImage(p.Type)
	}
	t := &n.c.BOM.Target
	*t = inventory.Target{Name: e.name}
	for _, p := range e.own {
		switch p.Name {
		case propName:
			t.Name = p.Value
		case propVersion:
			t.Version = p.Value
		case propDigest:
			t.Digest = p.Value
		default:
			if p.Value == "" && strings.HasSuffix(p.Name, ":error") {
				continue
			}
			if _, err := codec.SetTargetProperty(n.c.BOM, p); err != nil {
				n.c.Problem("%w", err)
			}
		}
	}
	return false
}

// supplierOf is a supplier as the options of an encoder state it.
func supplierOf(s string) string {
	kind, name := partyOf(s)
	if kind == person {
		return person + ": " + name
	}
	return name
}

// os takes a distribution.
func (d *document) os(n *node, e *element) {
	if !e.annotated {
		e.setOS(n.c)
		return
	}
	os := inventory.OS{ID: e.name, Version: e.version}
	for _, p := range e.own {
		switch p.Name {
		case propOSID:
			os.ID = p.Value
		case propOSVersion:
			os.Version = p.Value
		case propOSName:
			os.Name = p.Value
		default:
			codec.SetOSProperty(&os, p)
		}
	}
	n.c.BOM.OS = os
}

// lockFiles are the files of Trivy that elements come from, by the index of the
// element.
func (d *document) lockFiles(byTrivy bool) map[int][]string {
	files := map[int][]string{}
	for _, e := range d.edges {
		from, to := d.element(e.from), d.symbols[e.to]
		if from == nil || e.kind != edgeContains && e.kind != edgeDepends {
			continue
		}
		path := ""
		switch {
		case to.kind == symbolPackage && from.role == roleFile:
			path = from.file()
		case to.kind == symbolFile && byTrivy && e.kind == edgeContains && !from.annotated:
			from.paths = append(from.paths, d.files[to.index].name)
		}
		if path != "" { // the same one twice does no harm
			files[int(to.index)] = append(files[int(to.index)], path)
		}
	}
	return files
}
