package pom

import (
	"context"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxPackages is how many packages all poms of an image may have. Those that
// are inherited count for each heir.
const maxPackages = 500_000

// Join returns the dependencies of the projects, by the path of the pom. The
// line is that of the element, and 0 where a parent has it.
func (Extractor) Join(ctx context.Context, files map[string][]byte) (map[string]inventory.Facts, error) {
	t, alone, err := newTree(ctx, files)
	if err != nil {
		return nil, err
	}
	joined := make(map[string]inventory.Facts, len(files))
	for _, n := range t.nodes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		joined[n.path] = t.facts(n)
	}
	for _, name := range alone {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := decode(name, files[name])
		if err != nil {
			return nil, err
		}
		joined[name] = t.alone(n)
	}
	return joined, nil
}

// facts returns the dependencies of a project.
func (t *tree) facts(n *node) inventory.Facts {
	m, whole := t.model(n)
	list := m.dependencies()
	managed := make(map[key]dependency)
	if !t.manage(m, managed, list.at, 0) {
		whole = false
	}
	if t.work < 0 {
		return t.alone(n)
	}
	w := writer{tree: t, node: n, managed: managed}
	if !whole {
		w.problems.Add("parents or imported boms go too deep, turn in a circle or have too many entries: what they say is known in part")
	}
	return w.write(list)
}

// alone returns the dependencies of a project without a look at others.
func (t *tree) alone(n *node) inventory.Facts {
	// Enough for real properties, and no more than the file's size allows.
	work := 100 * (10 + len(n.project.Dependencies) + len(n.project.Managed))
	m := &model{node: n, chain: []*project{n.project}, work: &work}
	list := m.dependencies()
	managed := make(map[key]dependency)
	for i := range n.project.Managed {
		d := m.expanded(&n.project.Managed[i])
		managed[d.key()] = d
	}
	w := writer{tree: t, node: n, managed: managed}
	w.problems.Add("the projects of the image are too many or too large: what the parent and boms of this one say is unknown")
	return w.write(list)
}

// dependencies are those of a project, in order.
type dependencies struct {
	list []dependency
	at   map[key]int
}

// dependencies returns those of the project, then those of its parents that it
// does not have itself. In a pom the last one of a name counts.
func (m *model) dependencies() dependencies {
	all := dependencies{at: make(map[key]int)}
	for depth, p := range m.chain {
		before := len(all.list)
		for i := range p.Dependencies {
			d := m.expanded(&p.Dependencies[i])
			if *m.work < 0 && depth > 0 {
				return all
			}
			if depth > 0 {
				d.Line = 0 // it is in another file
			}
			at, known := all.at[d.key()]
			switch {
			case !known:
				all.at[d.key()] = len(all.list)
				all.list = append(all.list, d)
			case at >= before:
				all.list[at] = d
			}
		}
	}
	return all
}

// A writer makes packages of dependencies.
type writer struct {
	tree     *tree
	node     *node
	managed  map[key]dependency
	seen     map[inventoryKey]int
	facts    inventory.Facts
	problems lines.Problems
	left     int
}

// An inventoryKey is what tells packages of a file apart.
type inventoryKey struct{ group, artifact, version, constraint string }

// write returns the packages of a list.
func (w *writer) write(all dependencies) inventory.Facts {
	w.facts.Declared = true
	w.seen = make(map[inventoryKey]int, len(all.list))
	for i := range all.list {
		w.add(&all.list[i])
	}
	if w.left > 0 {
		w.problems.Add("the projects of the image have more than %d dependencies: %d of this one are left out", maxPackages, w.left)
	}
	w.facts.Problems = w.problems.List()
	return w.facts
}

// add adds one dependency.
func (w *writer) add(d *dependency) {
	managed := w.managed[d.key()]
	if d.Version == "" {
		d.Version = managed.Version
	}
	if d.Scope == "" {
		d.Scope = managed.Scope
	}
	if strings.Contains(d.Group, "${") || strings.Contains(d.Artifact, "${") {
		w.problems.Add("the name of dependency %q has unknown properties", d.label())
		return
	}
	if len(d.Group) > maxName || len(d.Artifact) > maxName || len(d.Version) > maxName {
		w.problems.Add("the name or version of dependency %q is too long", d.label())
		return
	}
	p := inventory.Package{
		Type:        "maven",
		Namespace:   d.Group,
		Name:        d.Artifact,
		Relation:    inventory.Direct,
		Development: d.Scope == "test" || d.Scope == "provided",
		Line:        d.Line,
	}
	p.Version, p.Constraint = pin(d.Version)
	// A module that is asked for in another version comes from elsewhere.
	if w.tree.members[member{w.node.root(), coordinates{d.Group, d.Artifact, p.Version}}] {
		w.facts.Ignored++
		return
	}
	k := inventoryKey{p.Namespace, p.Name, p.Version, p.Constraint}
	if at, ok := w.seen[k]; ok { // of another type or classifier
		first := &w.facts.Packages[at]
		first.Development = first.Development && p.Development
		return
	}
	if w.tree.total == maxPackages {
		w.left++
		return
	}
	w.tree.total++
	w.seen[k] = len(w.facts.Packages)
	w.facts.Packages = append(w.facts.Packages, p)
}

// pin returns the version that text means, or else text as a constraint: a
// version with unknown properties, a range, or a word for the newest one.
// "[1.0]" is exactly 1.0.
// https://maven.apache.org/pom.html#dependency-version-requirement-specification
func pin(text string) (version, constraint string) {
	if exact, ok := strings.CutPrefix(text, "["); ok {
		exact, ok = strings.CutSuffix(exact, "]")
		exact = strings.TrimSpace(exact)
		if ok && exact != "" && !strings.ContainsAny(exact, "[](),$") {
			return exact, ""
		}
	}
	if strings.Contains(text, "${") || strings.ContainsAny(text, "[](),") || text == "LATEST" || text == "RELEASE" {
		return "", text
	}
	return text, ""
}
