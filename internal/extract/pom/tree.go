package pom

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// A source tree has up to some 2,000 poms, parents and imports up to ten deep.
const (
	maxData    = 64 << 20   // bytes of what files say, of those looked at together
	maxWork    = 20_000_000 // entries looked at and properties put in, of all files
	maxParents = 32         // of a project
	maxImports = 32         // deep
	maxManaged = 500_000    // entries of all boms
	maxCopies  = 32         // of a project
)

// A tree holds the projects of an image.
type tree struct {
	nodes   []*node // sorted by path
	byPath  map[string]*node
	byName  map[coordinates][]*node
	members map[member]bool
	work    int // what is left
	managed int // entries of boms
	total   int // packages
}

// A node is a project in its tree.
type node struct {
	path    string
	project *project
	parent  *node
	// group is a node of the same source tree, the node itself for one of all.
	group *node
	// managed are the versions of a bom, nil before it is imported.
	managed   map[key]dependency
	partial   bool // something of managed is missing
	importing bool
}

// A member is an artifact that a source tree makes. Without a version, it
// stands for all versions.
type member struct {
	group *node
	coordinates
}

// newTree puts the projects of an image together. It returns the paths of
// those for which there is no room.
func newTree(ctx context.Context, files map[string][]byte) (*tree, []string, error) {
	t := &tree{
		byPath:  make(map[string]*node),
		byName:  make(map[coordinates][]*node),
		members: make(map[member]bool),
		work:    maxWork,
	}
	var alone []string
	size := 0
	// A project is likely to be further up than what is only part of it.
	names := slices.SortedFunc(maps.Keys(files), func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")), cmp.Compare(a, b))
	})
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if len(files[name]) > maxData-size {
			alone = append(alone, name)
			continue
		}
		size += len(files[name])
		n, err := decode(name, files[name])
		if err != nil {
			return nil, nil, err
		}
		t.nodes = append(t.nodes, n)
		t.byPath[name] = n
	}
	for _, n := range t.nodes {
		t.name(n, (&model{chain: []*project{n.project}}).coordinates())
	}
	t.parents()
	for _, n := range t.nodes {
		t.name(n, t.coordinates(n))
	}
	t.parents() // of which the version was a property
	t.groups()
	return t, alone, ctx.Err()
}

// decode returns what Extract left of a file.
func decode(name string, data []byte) (*node, error) {
	n := &node{path: name, project: new(project)}
	if err := json.Unmarshal(data, n.project); err != nil {
		return nil, fmt.Errorf("what was kept of %q: %w", name, err)
	}
	n.group = n
	return n, nil
}

// name makes n known under its coordinates.
func (t *tree) name(n *node, c coordinates) {
	if same := t.byName[c]; len(same) < maxCopies && !slices.Contains(same, n) {
		t.byName[c] = append(same, n)
	}
}

// named returns the project with the coordinates that is nearest to another:
// an image may have copies of a source tree.
func (t *tree) named(c coordinates, near *node) *node {
	var best *node
	most := -1
	for _, n := range t.byName[c] {
		t.work--
		if common := common(n.path, near.path); n != near && common > most {
			best, most = n, common
		}
	}
	return best
}

// common returns how many bytes the folders have in common that two paths
// begin with.
func common(a, b string) int {
	folders := 0
	for i := 0; i < min(len(a), len(b)) && a[i] == b[i]; i++ {
		if a[i] == '/' {
			folders = i + 1
		}
	}
	return folders
}

// parents finds the parents that are not known yet.
func (t *tree) parents() {
	for _, n := range t.nodes {
		if n.parent == nil && n.project.Parent != nil {
			n.parent = t.parentOf(n)
		}
	}
}

// parentOf returns the parent of n: the pom where it should be, if it is the
// right one, else one of the right name, or nil.
func (t *tree) parentOf(n *node) *node {
	p := n.project.Parent
	if p.Path != "" {
		for _, file := range related(n.path, p.Path) {
			found := t.byPath[file]
			if found == nil || found == n {
				continue
			}
			own := (&model{chain: []*project{found.project}}).coordinates()
			if own == p.coordinates || t.coordinates(found) == p.coordinates {
				return found
			}
		}
	}
	return t.named(p.coordinates, n)
}

// related returns the paths that a pom can mean by a relative one: a file, or a
// folder with a pom.xml.
func related(from, to string) []string {
	to = strings.ReplaceAll(to, `\`, "/")
	if strings.HasPrefix(to, "/") {
		return nil
	}
	to = path.Join(path.Dir(from), to)
	return []string{to, path.Join(to, "pom.xml")}
}

// model returns n and its parents, the nearest first. It reports false if
// there are more than can be followed, or they turn in a circle.
func (t *tree) model(n *node) (*model, bool) {
	m := &model{node: n, work: &t.work}
	for seen := []*node(nil); n != nil; n = n.parent {
		t.work--
		if len(seen) > maxParents || slices.Contains(seen, n) {
			return m, false
		}
		seen = append(seen, n)
		m.chain = append(m.chain, n.project)
	}
	return m, true
}

// coordinates returns those of n with its properties put in.
func (t *tree) coordinates(n *node) coordinates {
	m, _ := t.model(n)
	c := m.coordinates()
	return coordinates{m.expand(c.Group), m.expand(c.Artifact), m.expand(c.Version)}
}

// groups finds out which projects are of the same source tree: those below one
// another, parents and modules.
func (t *tree) groups() {
	for _, n := range t.nodes {
		if n.parent != nil {
			union(n, n.parent)
		}
		for dir := path.Dir(n.path); dir != "."; {
			dir = path.Dir(dir)
			if above := t.byPath[path.Join(dir, "pom.xml")]; above != nil {
				union(n, above)
				break
			}
		}
		for _, module := range n.project.Modules {
			for _, file := range related(n.path, module) {
				if found := t.byPath[file]; found != nil {
					union(n, found)
					break
				}
			}
		}
	}
	for _, n := range t.nodes {
		c := t.coordinates(n)
		t.members[member{n.root(), c}] = true
		c.Version = ""
		t.members[member{n.root(), c}] = true
	}
}

// root returns the node that stands for the source tree of n.
func (n *node) root() *node {
	for n.group != n {
		n.group = n.group.group
		n = n.group
	}
	return n
}

// union makes one source tree of two.
func union(a, b *node) { b.root().group = a.root() }

// imported returns the versions that a bom manages. It reports false if a
// limit is in the way.
func (t *tree) imported(n *node, depth int) (map[key]dependency, bool) {
	if n.managed != nil {
		return n.managed, !n.partial
	}
	if depth > maxImports || n.importing {
		return nil, false
	}
	n.importing = true
	m, whole := t.model(n)
	all := make(map[key]dependency)
	if !t.manage(m, all, nil, depth) {
		whole = false
	}
	if t.managed > maxManaged || t.work < 0 {
		clear(all) // no part of it that depends on the order of a map
	}
	n.importing, n.managed, n.partial = false, all, !whole
	return all, whole
}

// manage collects what the dependencyManagement of a project says, its own
// before its parents' and all of them before what they import. If wanted is
// not nil, nothing else is collected. It reports false if a limit is in the
// way.
func (t *tree) manage(m *model, into map[key]dependency, wanted map[key]int, depth int) bool {
	var boms []*node
	whole := true
	top := 0 // the furthest parent that manages something
	for i, p := range m.chain {
		if len(p.Managed) > 0 {
			top = i
		}
	}
	for at, p := range m.chain {
		// Of two entries for the same dependency in a pom, the first one
		// counts where there is nothing to inherit, and else the last one.
		level := make(map[key]bool)
		for i := range p.Managed {
			d := m.expanded(&p.Managed[i])
			if t.work < 0 {
				return false
			}
			if d.Scope == "import" && d.Type == "pom" {
				if bom := t.named(d.coordinates, m.node); bom != nil {
					boms = append(boms, bom)
				}
				continue
			}
			k := d.key()
			if _, ok := wanted[k]; !ok && wanted != nil {
				continue
			}
			if _, known := into[k]; known && !level[k] {
				continue
			}
			level[k] = at < top
			into[k] = d
			if wanted == nil {
				t.managed++
			}
			if t.managed > maxManaged {
				return false
			}
		}
	}
	for _, bom := range boms {
		managed, ok := t.imported(bom, depth+1)
		whole = whole && ok
		for k := range wanted {
			t.work--
			if d, ok := managed[k]; ok {
				inherit(into, k, d)
			}
		}
		if wanted != nil {
			continue
		}
		for k, d := range managed {
			t.work--
			if inherit(into, k, d) {
				t.managed++
			}
		}
		if t.managed > maxManaged {
			return false
		}
	}
	return whole && t.work >= 0
}

// inherit adds an entry, unless there is one of that name. It reports whether
// it did.
func inherit(into map[key]dependency, k key, d dependency) bool {
	if _, known := into[k]; known {
		return false
	}
	into[k] = d
	return true
}
