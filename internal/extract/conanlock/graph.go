package conanlock

import (
	"fmt"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxEdges is how many edges the graph of Conan 1 may have.
const maxEdges = 500_000

// A node is one of the graph of Conan 1.
type node struct {
	id       string
	line     int
	ref      string
	consumer bool // the project itself
	build    bool // it runs where the project is built
	needs    []string
	tools    []string
	recipes  []string // references of Python code
}

// graphLock reads the graph of Conan 1.
func (p *parser) graphLock() error {
	edges := 0
	_, err := p.r.Object(func(_ int, key string) error {
		if key != "nodes" {
			_, err := p.r.Decode(nil)
			return err
		}
		ok, err := p.r.Object(func(line int, id string) error {
			var v struct {
				Ref            string   `json:"ref"`
				Pref           string   `json:"pref"` // before Conan 1.20
				Path           string   `json:"path"`
				Context        string   `json:"context"`
				Requires       []string `json:"requires"`
				BuildRequires  []string `json:"build_requires"`
				PythonRequires []string `json:"python_requires"`
			}
			wrong, err := p.r.Decode(&v)
			if err != nil {
				return err
			}
			if wrong {
				p.problems.Add("line %d: a value of node %q is of another type than expected", line, lines.Clip(id))
			}
			if len(p.nodes) == maxRefs {
				return fmt.Errorf("more than %d nodes: %w", maxRefs, inventory.ErrTooLarge)
			}
			if edges += len(v.Requires) + len(v.BuildRequires) + len(v.PythonRequires); edges > maxEdges {
				return fmt.Errorf("more than %d edges: %w", maxEdges, inventory.ErrTooLarge)
			}
			n := node{
				id: id, line: line, ref: v.Ref, build: v.Context == "build",
				needs: v.Requires, tools: v.BuildRequires, recipes: v.PythonRequires,
			}
			if n.ref == "" {
				n.ref = v.Pref
			}
			n.consumer = n.ref == "" || v.Path != ""
			p.nodes = append(p.nodes, n)
			return nil
		})
		p.known = p.known || ok
		return err
	})
	return err
}

// graph turns the nodes into packages.
func (p *parser) graph() {
	byID := make(map[string]int)
	rooted := false
	for i, n := range p.nodes {
		byID[n.id] = i
		rooted = rooted || n.consumer
	}
	linked, direct := p.linked(byID)
	index := make([]int, len(p.nodes)) // of the package of a node
	for i, n := range p.nodes {
		index[i] = -1
		if n.consumer {
			p.ignored++
			continue
		}
		relation := inventory.RelationUnknown
		switch {
		case rooted && direct[i]:
			relation = inventory.Direct
		case rooted:
			relation = inventory.Transitive
		}
		development := n.build
		if rooted {
			development = !linked[i]
		}
		var err error
		if index[i], err = p.add(n.line, n.ref, relation, development); err != nil {
			p.problems.Add("%v", err)
			return
		}
	}
	type edge struct {
		from int
		to   string
	}
	seen := make(map[edge]bool)
	for i, n := range p.nodes {
		for _, ref := range n.recipes {
			if _, err := p.add(n.line, ref, inventory.Transitive, true); err != nil {
				p.problems.Add("%v", err)
				return
			}
		}
		if index[i] < 0 {
			continue
		}
		pkg := &p.packages[index[i]]
		for _, id := range n.needs {
			j, ok := byID[id]
			if !ok || index[j] < 0 {
				continue
			}
			to := p.packages[index[j]]
			// Two nodes may be of one reference, with other options.
			if e := (edge{index[i], to.Name + "@" + to.Version}); !seen[e] {
				seen[e] = true
				pkg.Requires = append(pkg.Requires, e.to)
			}
		}
	}
}

// linked returns the nodes that the project links with, itself or through
// others, and those that it names itself.
func (p *parser) linked(byID map[string]int) (linked, direct map[int]bool) {
	linked, direct = make(map[int]bool), make(map[int]bool)
	var todo []int
	for i, n := range p.nodes {
		if n.consumer {
			todo = append(todo, i)
			for _, id := range append(n.needs[:len(n.needs):len(n.needs)], n.tools...) {
				if j, ok := byID[id]; ok {
					direct[j] = true
				}
			}
		}
	}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, id := range p.nodes[i].needs {
			if j, ok := byID[id]; ok && !linked[j] {
				linked[j] = true
				todo = append(todo, j)
			}
		}
	}
	return linked, direct
}
