package npmlock

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/nodelock"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A table has the packages by their folders.
type table struct {
	graph   nodelock.Graph
	seen    bool // there are entries
	places  []place
	folders map[string]int // of places
	needs   int
	looked  int64
}

// A place is a folder that has a package.
type place struct {
	folder string
	node   int // -1 if there is none
	needs  []need
}

// reserve makes a place for a folder, before what is below it.
func (t *table) reserve(folder string) int {
	if t.folders == nil {
		t.folders = map[string]int{}
	}
	at := len(t.places)
	t.places = append(t.places, place{folder: folder, node: -1})
	t.folders[folder] = at // the last one counts, as in node
	return at
}

// add takes an entry of a folder.
func (t *table) add(folder string, line int, r record) error {
	if len(folder) > maxFolder {
		t.graph.Problems.Add("line %d: a folder has more than %d bytes: %q", line, maxFolder, lines.Clip(folder))
		return nil
	}
	return t.fill(t.reserve(folder), line, r)
}

// fill puts an entry into its place.
func (t *table) fill(at, line int, r record) error {
	if len(t.places) > 2*nodelock.MaxNodes {
		return fmt.Errorf("more than %d folders: %w", 2*nodelock.MaxNodes, inventory.ErrTooLarge)
	}
	n := nodelock.Node{
		Name: r.name, Version: r.version, Line: line,
		Own: r.own, Bundled: r.bundled, Development: r.dev,
	}
	if n.VCS = nodelock.VCS(r.resolved); n.VCS == "" {
		n.Hashes = digest.SRI(r.integrity)
	}
	if n.Version == "" {
		n.Constraint, n.VCS = nodelock.Address(r.resolved), ""
	}
	node, err := t.graph.Add(n)
	if err != nil {
		return err
	}
	if t.needs += len(r.needs); t.needs > nodelock.MaxEdges {
		return fmt.Errorf("more than %d dependencies: %w", nodelock.MaxEdges, inventory.ErrTooLarge)
	}
	t.places[at].node, t.places[at].needs = node, slices.Clip(r.needs)
	return nil
}

// link adds the edges, when all folders are known.
func (t *table) link(ctx context.Context) error {
	for i, p := range t.places {
		if i%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if p.node < 0 {
			continue
		}
		for _, need := range p.needs {
			to, err := t.find(p.folder, need.name)
			if err != nil {
				return err
			}
			if err := t.graph.Link(p.node, to, t.kind(p, need), need.name); err != nil {
				return err
			}
		}
	}
	return nil
}

// kind returns the kind of a dependency. What is in optionalDependencies too
// is optional.
func (t *table) kind(p place, n need) nodelock.Kind {
	if n.kind == nodelock.Required && len(p.needs) < 1000 && slices.Contains(p.needs, need{n.name, nodelock.Optional}) {
		return nodelock.Optional
	}
	return n.kind
}

// find returns the node that node finds under a name from a folder, or -1.
// https://nodejs.org/api/modules.html#loading-from-node_modules-folders
func (t *table) find(folder, name string) (int, error) {
	for {
		if t.looked += int64(len(folder) + len(name)); t.looked > maxLooked {
			return -1, fmt.Errorf("more than %d bytes of folders are looked into for dependencies: %w", maxLooked, inventory.ErrTooLarge)
		}
		if path.Base(folder) != "node_modules" {
			key := "node_modules/" + name
			if folder != "" {
				key = folder + "/" + key
			}
			if at, ok := t.folders[key]; ok {
				return t.places[at].node, nil
			}
		}
		if folder == "" {
			return -1, nil
		}
		folder = folder[:max(0, strings.LastIndexByte(folder, '/'))]
	}
}
