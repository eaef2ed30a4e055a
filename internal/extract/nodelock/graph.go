package nodelock

import (
	"context"
	"fmt"
	"slices"

	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest lock files known have some 20,000 entries and 200,000 edges.
const (
	MaxNodes = 200_000
	MaxEdges = 2_000_000
)

// A Node is one record of a lock file.
type Node struct {
	// Name is the package's name, with its scope. It is not looked at if Own
	// is true.
	Name string
	// Version is empty where the record has none; Constraint says then what
	// it has. VCS is the repository that the package comes from, if any.
	Version, Constraint, VCS string
	// Type is the type of the package URL, "npm" if it is empty.
	Type string
	// Hashes are the digests of the archive that the package is installed from.
	Hashes []inventory.Hash
	Line   int
	// Own is true for what is no package: the project itself and its parts.
	Own, Bundled, Development bool
}

// A Kind says how one node is in need of another.
type Kind uint8

// The kinds of edges.
const (
	Required    Kind = iota
	Optional         // and peers: followed, but not in Requires
	Development      // of a node that is the project's own
)

type edge struct {
	from, to int32
	kind     Kind
	name     string // where to is missing
}

// A Graph collects the records of a lock file and what leads from one to the
// other. Edges are added after all nodes. The zero value is empty.
type Graph struct {
	// Roots is true if the file says what the project itself asks for: a
	// package is direct or transitive then, and otherwise of unknown relation.
	Roots bool
	// Groups is true if edges tell what is for development.
	Groups bool

	Problems lines.Problems
	Ignored  int

	nodes []Node
	edges []edge
}

// Add adds a node and returns its number, or -1 for a node that is neither a
// package nor the project's own, which becomes a problem. The error wraps
// [inventory.ErrTooLarge] if there are too many.
func (g *Graph) Add(n Node) (int, error) {
	if len(g.nodes) == MaxNodes {
		return -1, fmt.Errorf("more than %d packages: %w", MaxNodes, inventory.ErrTooLarge)
	}
	if !n.Own {
		_, _, ok := Split(n.Name)
		switch {
		case !ok:
			g.Problems.Add("line %d: %q is no name of a package", n.Line, lines.Clip(n.Name))
			return -1, nil
		case n.Version != "" && !IsVersion(n.Version):
			g.Problems.Add("line %d: %q is no version of package %q", n.Line, lines.Clip(n.Version), lines.Clip(n.Name))
			return -1, nil
		case n.Version == "" && n.Constraint == "":
			g.Problems.Add("line %d: package %q has no version", n.Line, lines.Clip(n.Name))
			return -1, nil
		}
	} else {
		g.Ignored++
	}
	g.nodes = append(g.nodes, n)
	return len(g.nodes) - 1, nil
}

// Link adds an edge. If to is -1 the package is not in the file, and known by
// its name alone.
func (g *Graph) Link(from, to int, kind Kind, name string) error {
	if from < 0 || to < 0 && kind != Required {
		return nil
	}
	if len(g.edges) == MaxEdges {
		return fmt.Errorf("more than %d dependencies: %w", MaxEdges, inventory.ErrTooLarge)
	}
	if to >= 0 {
		name = ""
	} else if _, _, ok := Split(name); !ok || g.nodes[from].Own {
		return nil
	}
	g.edges = append(g.edges, edge{int32(from), int32(to), kind, name})
	return nil
}

// Facts returns the packages in the order of the file. A package that has
// several records, in several folders or with several peers, is there once,
// with the digests of all of them: it may be installed several times.
func (g *Graph) Facts(ctx context.Context) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	// Edges in the order of their nodes, so that a node's are a slice.
	slices.SortStableFunc(g.edges, func(a, b edge) int { return int(a.from) - int(b.from) })
	direct, production, development := g.reach()

	order := make([]int, len(g.nodes))
	for i := range order {
		order[i] = i
	}
	// A node that holds others is added after them.
	slices.SortStableFunc(order, func(a, b int) int { return g.nodes[a].Line - g.nodes[b].Line })
	packages, count := g.identify(order)

	facts := inventory.Facts{Declared: true, Ignored: g.Ignored}
	if count > 0 {
		facts.Packages = make([]inventory.Package, 0, count)
	}
	mixed := make(map[int]bool) // packages with the digests of several nodes
	for _, i := range order {
		n := &g.nodes[i]
		if n.Own {
			continue
		}
		if i%1024 == 0 && ctx.Err() != nil {
			return inventory.Facts{}, ctx.Err()
		}
		dev := n.Development
		if g.Groups {
			dev = development[i] && !production[i]
		}
		at := packages[i]
		again := at < len(facts.Packages)
		if !again {
			facts.Packages = append(facts.Packages, n.pkg())
			p := &facts.Packages[at]
			p.Development, p.Bundled = dev, n.Bundled
			if g.Roots {
				p.Relation = inventory.Transitive
			}
		}
		p := &facts.Packages[at]
		if again && !slices.Equal(p.Hashes, n.Hashes) {
			// Sorted at the end, once, as there may be many.
			p.Hashes = append(p.Hashes, n.Hashes...)
			mixed[at] = true
		}
		p.Development = p.Development && dev
		p.Bundled = p.Bundled && n.Bundled
		if direct[i] {
			p.Relation = inventory.Direct
		}
	}
	for at := range mixed {
		facts.Packages[at].Hashes = digest.Sort(facts.Packages[at].Hashes)
	}
	g.setRequires(facts.Packages, packages)
	facts.Problems = g.Problems.List()
	return facts, nil
}

// identify numbers the packages as they come first in the order of the nodes,
// and returns that of each node and how many there are: packages are large, and
// a list of them that grows would need twice the memory.
func (g *Graph) identify(order []int) (packages []int, count int) {
	type identity struct{ kind, name, version, constraint, vcs string }
	index := make(map[identity]int, len(g.nodes))
	packages = make([]int, len(g.nodes))
	for _, i := range order {
		n := &g.nodes[i]
		if n.Own {
			continue
		}
		id := identity{n.Type, n.Name, n.Version, n.Constraint, n.VCS}
		at, ok := index[id]
		if !ok {
			at = len(index)
			index[id] = at
		}
		packages[i] = at
	}
	return packages, len(index)
}

// pkg returns the package that a node stands for.
func (n *Node) pkg() inventory.Package {
	p := inventory.Package{Type: n.Type, Version: n.Version, Hashes: slices.Clip(n.Hashes), Line: n.Line}
	if p.Type == "" {
		p.Type = "npm"
	}
	p.Namespace, p.Name, _ = Split(n.Name)
	if n.Version == "" {
		p.Constraint = n.Constraint
	}
	if n.VCS != "" {
		p.Qualifiers = map[string]string{"vcs_url": n.VCS}
	}
	return p
}

// reach tells which nodes the project asks for, and which ones are reached
// from it for production and for development.
func (g *Graph) reach() (direct, production, development []bool) {
	first := make([]int32, len(g.nodes)+1) // edge of a node
	for _, e := range g.edges {
		first[e.from+1]++
	}
	for i := range g.nodes {
		first[i+1] += first[i]
	}
	direct = make([]bool, len(g.nodes))
	production = make([]bool, len(g.nodes))
	development = make([]bool, len(g.nodes))
	walk := func(seen []bool, dev bool) {
		var queue []int32
		push := func(i int32) {
			// The project's own are walked from anyway.
			if i >= 0 && !seen[i] && !g.nodes[i].Own {
				seen[i] = true
				queue = append(queue, i)
			}
		}
		for _, e := range g.edges {
			if g.nodes[e.from].Own && e.to >= 0 && (e.kind == Development) == dev {
				direct[e.to] = true
				push(e.to)
			}
		}
		for len(queue) > 0 {
			i := queue[len(queue)-1]
			queue = queue[:len(queue)-1]
			for _, e := range g.edges[first[i]:first[i+1]] {
				push(e.to)
			}
		}
	}
	walk(production, false)
	walk(development, true)
	return direct, production, development
}

// setRequires puts the edges into the packages of their nodes.
func (g *Graph) setRequires(pkgs []inventory.Package, packages []int) {
	type named struct {
		from int
		name string
	}
	seen := make(map[named]struct{}, len(g.edges))
	pinned := make([]string, len(pkgs)) // made once, as thousands may need a package
	for _, e := range g.edges {
		if e.kind != Required || g.nodes[e.from].Own {
			continue
		}
		from, name := packages[e.from], e.name
		if e.to >= 0 {
			n, to := &g.nodes[e.to], packages[e.to]
			if n.Own || from == to {
				continue
			}
			if pinned[to] == "" {
				pinned[to] = n.Name
				if n.Version != "" {
					pinned[to] += "@" + n.Version
				}
			}
			name = pinned[to]
		}
		if _, ok := seen[named{from, name}]; !ok {
			seen[named{from, name}] = struct{}{}
			pkgs[from].Requires = append(pkgs[from].Requires, name)
		}
	}
}
