// Package denolock reads [deno.lock], the lock file of Deno, in its versions
// 1 to 5.
//
// "npm" has the packages of npm by name, version and the peers they go with
// ("react-dom@18.2.0_react@18.2.0"), "jsr" those of JSR. "specifiers" tells
// what each thing that was asked for came to. Versions 2 and 3 keep these one
// level deeper, in "npm" or "packages". "workspace" has what deno.json and
// package.json ask for; what sources ask for beside that is in specifiers
// alone. So a package is direct if it is in workspace, or in specifiers while
// no package of JSR asks for the same. The file does not tell what is for
// development.
//
// The dependencies of npm packages are names, with a version where there are
// several, and from another name if that is an alias ("a@npm:b@1.0.0"); before
// version 4 all have a version. Peers and optional dependencies are packages
// like others, but nothing requires them. Modules that are loaded by their
// address ("remote") are no packages. "integrity" is of the archive of an npm
// package; that of a package of JSR is of its manifest, and not taken.
//
// The content is hostile: the file's size, and the number of packages,
// specifiers and dependencies are limited. Of a file that is cut off, the
// packages before the damage are kept.
//
// [deno.lock]: https://github.com/denoland/deno_lockfile
package denolock

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/nodelock"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest files have some MiB.
const (
	maxFile       = 128 << 20
	maxSpecifiers = 200_000
	maxID         = 2048 // of a package, with its peers
)

// Extractor reads lock files of Deno. The zero value is ready, and safe for use
// by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "denolock".
func (Extractor) Name() string { return "denolock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/deno.lock"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	p := parser{ctx: ctx, j: nodelock.NewJSON(ctx, f, maxFile, false), ids: map[string]int{}, specifiers: map[string]string{}}
	p.j.Object(p.section)
	if err := p.j.End(); err != nil {
		if !p.j.Damaged() || len(p.ids) == 0 {
			return inventory.Facts{}, err
		}
		p.graph.Problems.Add("the file ends early or is damaged: %v", err)
	} else if !p.known {
		return inventory.Facts{}, errors.New("no version of the format and no packages")
	}
	if err := p.link(); err != nil {
		return inventory.Facts{}, err
	}
	return p.graph.Facts(ctx)
}

// A parser reads the file.
type parser struct {
	ctx   context.Context
	j     *nodelock.JSON
	graph nodelock.Graph
	known bool
	// ids are the nodes by "npm:name@version" or "jsr:@scope/name@version",
	// and by the same without the version, where -2 stands for several.
	ids        map[string]int
	specifiers map[string]string // the ID that a specifier came to
	order      []string          // the specifiers
	asked      []string          // specifiers of the workspace
	needs      []need
}

type need struct {
	from int
	id   string
	kind nodelock.Kind
	jsr  bool // of a package of JSR: id is a specifier
}

// several is in place of a node for a name that several packages have.
const several = -2

// section reads a member of the file, or of "packages".
func (p *parser) section(key string) {
	switch key {
	case "version":
		p.known = true
	case "packages":
		p.j.Object(p.section)
	case "specifiers":
		p.j.Object(func(specifier string) { p.specifier("", specifier) })
	case "npm":
		p.known = true
		p.j.Object(func(key string) {
			switch key {
			case "specifiers": // version 2
				p.j.Object(func(specifier string) { p.specifier("npm:", specifier) })
			case "packages":
				p.j.Object(func(id string) { p.entry("npm", id) })
			default:
				p.entry("npm", key)
			}
		})
	case "jsr":
		p.known = true
		p.j.Object(func(id string) { p.entry("jsr", id) })
	case "remote":
		p.known = true
		p.j.Object(func(string) { p.graph.Ignored++ })
	case "workspace":
		p.j.Object(p.workspace)
	default:
		if strings.HasPrefix(key, "https://") || strings.HasPrefix(key, "http://") { // version 1
			p.known = true
			p.graph.Ignored++
		}
	}
}

// workspace reads what the project, or a part of it, asks for.
func (p *parser) workspace(key string) {
	switch key {
	case "dependencies":
		p.j.Array(func(int) {
			specifier, _ := p.j.Text()
			if len(p.asked) == maxSpecifiers {
				p.j.Fail(fmt.Errorf("more than %d dependencies of the workspace: %w", maxSpecifiers, inventory.ErrTooLarge))
				return
			}
			if len(specifier) <= maxID {
				p.asked = append(p.asked, specifier)
			}
		})
	case "packageJson":
		p.j.Object(p.workspace)
	case "members":
		p.j.Object(func(string) { p.j.Object(p.workspace) })
	}
}

// specifier reads what a specifier came to: the version, or before version 4
// the whole ID.
func (p *parser) specifier(kind, specifier string) {
	id, ok := p.j.Text()
	specifier = kind + specifier
	switch {
	case len(p.order) == maxSpecifiers:
		p.j.Fail(fmt.Errorf("more than %d specifiers: %w", maxSpecifiers, inventory.ErrTooLarge))
		return
	case !ok || len(specifier) > maxID || len(id) > maxID:
		p.graph.Problems.Add("line %d: specifier %q is not understood", p.j.Line(), lines.Clip(specifier))
		return
	}
	registry, name, _ := strings.Cut(specifier, ":")
	switch {
	case kind != "":
		id = kind + id
	case !strings.HasPrefix(id, "npm:") && !strings.HasPrefix(id, "jsr:"):
		name, _, _ = nodelock.CutName(name)
		id = registry + ":" + name + "@" + id
	}
	p.specifiers[specifier] = id
	p.order = append(p.order, specifier)
}

// entry reads a package.
func (p *parser) entry(registry, id string) {
	n := nodelock.Node{Line: p.j.Line()}
	if registry != "npm" {
		n.Type = registry
	}
	var peers string
	n.Name, n.Version, _ = nodelock.CutName(id)
	n.Version, peers, _ = strings.Cut(n.Version, "_")
	first := len(p.needs)
	whole := p.j.Object(func(key string) {
		switch key {
		case "integrity":
			if integrity, _ := p.j.Text(); registry == "npm" {
				n.Hashes = digest.SRI(integrity)
			}
		case "dependencies":
			p.dependencies(registry, peers, nodelock.Required)
		case "optionalDependencies":
			p.dependencies(registry, peers, nodelock.Optional)
		}
	})
	if !whole || len(id) > maxID {
		p.graph.Problems.Add("line %d: package %q is not understood", n.Line, lines.Clip(id))
		p.needs = p.needs[:first]
		return
	}
	node, err := p.graph.Add(n)
	if err != nil {
		p.j.Fail(err)
		return
	}
	for i := first; i < len(p.needs); i++ {
		p.needs[i].from = node
	}
	if node < 0 {
		return
	}
	p.ids[registry+":"+id] = node
	name := registry + ":" + n.Name
	if _, ok := p.ids[name]; ok {
		node = several
	}
	p.ids[name] = node
}

// dependencies reads a list, or before version 4 an object, of dependencies.
// Those of packages of JSR are specifiers.
func (p *parser) dependencies(registry, peers string, kind nodelock.Kind) {
	add := func(name, id string) {
		if len(p.needs) == nodelock.MaxEdges {
			p.j.Fail(fmt.Errorf("line %d: more than %d dependencies: %w", p.j.Line(), nodelock.MaxEdges, inventory.ErrTooLarge))
			return
		}
		kind := kind
		if peers != "" && strings.Contains("_"+peers, "_"+strings.ReplaceAll(name, "/", "+")+"@") {
			kind = nodelock.Optional
		}
		if registry == "npm" {
			id = "npm:" + id
		}
		if len(id) <= maxID {
			p.needs = append(p.needs, need{-1, id, kind, registry == "jsr"})
		}
	}
	if p.j.Is('{') {
		p.j.Object(func(name string) {
			id, _ := p.j.Text()
			add(name, id)
		})
		return
	}
	p.j.Array(func(int) {
		id, ok := p.j.Text()
		if !ok {
			return
		}
		name, rest, _ := nodelock.CutName(id)
		if alias, ok := strings.CutPrefix(rest, "npm:"); ok {
			id = alias
		}
		add(name, id)
	})
}

// link adds the edges, when all packages are known.
func (p *parser) link() error {
	p.graph.Roots = true
	root, err := p.graph.Add(nodelock.Node{Own: true})
	if err != nil {
		return err
	}
	p.graph.Ignored-- // it is no record of the file
	// A dependency of a package of JSR may be without its version if no other has the
	// same name.
	full := make(map[string]string, len(p.order))
	for _, specifier := range p.order {
		registry, name, _ := strings.Cut(specifier, ":")
		name, _, _ = nodelock.CutName(name)
		full[registry+":"+name] = specifier
	}
	byPackages := map[string]bool{}
	for i, n := range p.needs {
		if i%1024 == 0 && p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		if n.jsr {
			byPackages[n.id], byPackages[full[n.id]] = true, true
		}
		to, name := p.find(n.id)
		if err := p.graph.Link(n.from, to, n.kind, name); err != nil {
			return err
		}
	}
	asked := p.asked
	for _, specifier := range p.order {
		if !byPackages[specifier] {
			asked = append(asked, specifier)
		}
	}
	for _, specifier := range asked {
		to, _ := p.find(specifier)
		if err := p.graph.Link(root, to, nodelock.Required, ""); err != nil {
			return err
		}
	}
	return nil
}

// find returns the node of a specifier or ID, or -1, and its name.
func (p *parser) find(id string) (node int, name string) {
	_, rest, _ := strings.Cut(id, ":")
	name, _, _ = nodelock.CutName(rest)
	if came, ok := p.specifiers[id]; ok {
		id = came
	}
	if node, ok := p.ids[id]; ok && node != several {
		return node, name
	}
	return -1, name
}
