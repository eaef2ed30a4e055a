// Package bunlock reads [bun.lock], the lock file of Bun: JSON with comments
// and commas before closing brackets.
//
// "workspaces" has the parts of the project with what each asks for.
// "packages" has the packages by their place: "a" is found by all, "b/a" by b
// and what is below b. The first element of an entry is name and version, or
// an address ("a@1.0.0", "a@github:x/a#0123abc", "a@workspace:packages/a"),
// and the first object in it has the dependencies. The text behind that is the
// digest of the archive, unless the package is of a repository. A package is for
// development if no part of the project leads to it but from its
// devDependencies. Optional dependencies and peers are packages like others,
// but nothing requires them.
//
// bun.lockb, which Bun wrote before version 1.2, has a format of its own that
// is not documented: that it is not read is told as a problem.
//
// The content is hostile: the file's size, the number of packages and
// dependencies, and the length of keys are limited. Of a file that is cut off,
// the packages before the damage are kept.
//
// [bun.lock]: https://bun.com/docs/pm/lockfile
package bunlock

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/nodelock"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest files have some 3 MiB, places some 200 bytes.
const (
	maxFile  = 128 << 20
	maxPlace = 2048
	// maxLooked is how many bytes the places have that are looked at for all
	// dependencies.
	maxLooked = 1 << 30
)

// Extractor reads lock files of Bun. The zero value is ready, and safe for use
// by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "bunlock".
func (Extractor) Name() string { return "bunlock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the names of the files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/bun.lock"}, {Glob: "**/bun.lockb"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if path.Ext(f.Path()) == ".lockb" {
		if err := ctx.Err(); err != nil {
			return inventory.Facts{}, err
		}
		return inventory.Facts{Declared: true, Problems: []string{"the binary form of the lock file is not read: its packages are not known"}}, nil
	}
	p := parser{ctx: ctx, j: nodelock.NewJSON(ctx, f, maxFile, true), places: map[string]int{}}
	p.graph.Groups = true
	known := false
	p.j.Object(func(key string) {
		switch key {
		case "lockfileVersion":
			known = true
		case "workspaces":
			known, p.graph.Roots = true, true
			p.j.Object(p.workspace)
		case "packages":
			known = true
			p.j.Object(p.entry)
		}
	})
	if err := p.j.End(); err != nil {
		if !p.j.Damaged() || len(p.places) == 0 {
			return inventory.Facts{}, err
		}
		p.graph.Problems.Add("the file ends early or is damaged: %v", err)
	} else if !known {
		return inventory.Facts{}, errors.New(`neither "lockfileVersion" nor "workspaces" nor "packages"`)
	}
	if err := p.link(); err != nil {
		return inventory.Facts{}, err
	}
	return p.graph.Facts(ctx)
}

// A parser reads the file.
type parser struct {
	ctx    context.Context
	j      *nodelock.JSON
	graph  nodelock.Graph
	places map[string]int // the nodes
	needs  []need
	looked int64
}

type need struct {
	from        int
	place, name string // of who needs, and what
	kind        nodelock.Kind
}

// workspace reads a part of the project.
func (p *parser) workspace(string) {
	node, err := p.graph.Add(nodelock.Node{Own: true, Line: p.j.Line()})
	if err != nil {
		p.j.Fail(err)
		return
	}
	var name string
	first := len(p.needs)
	p.j.Object(func(key string) {
		if key == "name" {
			name, _ = p.j.Text()
			return
		}
		p.dependencies(key)
	})
	if len(name) > nodelock.MaxName {
		name = ""
	}
	for i := first; i < len(p.needs); i++ {
		p.needs[i].from, p.needs[i].place = node, name
	}
}

// dependencies reads a list of dependencies, if it has the name of one.
func (p *parser) dependencies(key string) {
	kind := nodelock.Optional
	switch key {
	case "dependencies":
		kind = nodelock.Required
	case "devDependencies":
		kind = nodelock.Development
	case "optionalDependencies", "peerDependencies":
	default:
		return
	}
	p.j.Object(func(name string) {
		if len(p.needs) == nodelock.MaxEdges {
			p.j.Fail(fmt.Errorf("line %d: more than %d dependencies: %w", p.j.Line(), nodelock.MaxEdges, inventory.ErrTooLarge))
			return
		}
		if len(name) <= nodelock.MaxName {
			p.needs = append(p.needs, need{name: name, kind: kind})
		}
	})
}

// entry reads an entry of packages.
func (p *parser) entry(place string) {
	n := nodelock.Node{Line: p.j.Line()}
	var resolution, integrity string
	first, object := len(p.needs), false
	whole := p.j.Array(func(i int) {
		switch {
		case i == 0:
			resolution, _ = p.j.Text()
		case !object && p.j.Is('{'):
			object = true
			p.j.Object(func(key string) {
				if key == "bundled" {
					n.Bundled = p.j.True()
					return
				}
				p.dependencies(key)
			})
		case object && integrity == "":
			integrity, _ = p.j.Text()
		}
	})
	if !whole || resolution == "" || len(place) > maxPlace {
		p.graph.Problems.Add("line %d: %q is not understood", n.Line, lines.Clip(place))
		p.needs = p.needs[:first]
		return
	}
	resolve(&n, resolution)
	if isArchive(resolution) {
		n.Hashes = digest.SRI(integrity)
	}
	node, err := p.graph.Add(n)
	if err != nil {
		p.j.Fail(err)
		return
	}
	p.places[place] = node
	for i := first; i < len(p.needs); i++ {
		p.needs[i].from, p.needs[i].place = node, place
	}
}

// resolve puts the first element of an entry into a node.
func resolve(n *nodelock.Node, resolution string) {
	var reference string
	n.Name, reference, _ = nodelock.CutName(resolution)
	if nodelock.IsVersion(reference) {
		n.Version = reference
		return
	}
	protocol, location, _ := strings.Cut(reference, ":")
	switch protocol {
	case "workspace", "link", "root":
		n.Own = true
		return
	case "file":
		n.Own = !strings.HasSuffix(location, ".tgz") && !strings.HasSuffix(location, ".tar.gz")
		if n.Own {
			return
		}
	}
	if n.Version = nodelock.TarballVersion(n.Name, reference); n.Version == "" {
		n.Constraint = nodelock.Address(reference)
	}
}

// isArchive reports whether the first element of an entry is of a package of a
// registry or of an archive, and not of a repository.
func isArchive(resolution string) bool {
	_, reference, _ := nodelock.CutName(resolution)
	if nodelock.VCS(reference) != "" {
		return false
	}
	protocol, _, ok := strings.Cut(reference, ":")
	return !ok || protocol == "https" || protocol == "http" || protocol == "file"
}

// link adds the edges, when all packages are known.
func (p *parser) link() error {
	for i, n := range p.needs {
		if i%256 == 0 && p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		to := p.find(n.place, n.name)
		if p.looked > maxLooked {
			return fmt.Errorf("more than %d bytes of keys are looked at for dependencies: %w", maxLooked, inventory.ErrTooLarge)
		}
		if err := p.graph.Link(n.from, to, n.kind, n.name); err != nil {
			return err
		}
	}
	return nil
}

// find returns the node that is found under a name from a place, or -1: the
// closest one counts.
func (p *parser) find(place, name string) int {
	for place != "" {
		p.looked += int64(len(place) + len(name))
		if node, ok := p.places[place+"/"+name]; ok {
			return node
		}
		// Cut the last name, which may have a scope.
		i := max(0, strings.LastIndexByte(place, '/'))
		if scope := strings.LastIndexByte(place[:i], '/') + 1; strings.HasPrefix(place[scope:], "@") {
			i = max(0, scope-1)
		}
		place = place[:i]
	}
	p.looked += int64(len(name))
	if node, ok := p.places[name]; ok {
		return node
	}
	return -1
}
