// Package nugetassets reads obj/project.assets.json, in which NuGet leaves what
// it has chosen when it restored a .NET project ([file in the sources]).
//
// "libraries" has the packages as "NAME/VERSION" with a type: "package" comes
// from NuGet, "project" is another project of the same sources. "targets" tells
// for each framework what they require. "project" is what the project itself
// asks for, by framework: suppressParent "All" (PrivateAssets="all") says that
// a package is for the build. What is required only by such packages is for
// the build too.
//
// The content is hostile: the file's size, the number of packages and of
// dependencies and the length of names are limited. Of a file that is cut off,
// the packages before the damage are kept.
//
// [file in the sources]: https://github.com/NuGet/NuGet.Client/blob/dev/src/NuGet.Core/NuGet.ProjectModel/LockFile/LockFileFormat.cs
package nugetassets

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/jsondoc"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The file lists all files of all packages: 10 MiB for 500 packages.
const (
	maxFile     = 64 << 20
	maxEntries  = 100_000 // packages of all targets and of the list
	maxRequires = 500_000 // dependencies of all packages
	// A name or version that is longer is none.
	maxName = 1024
)

// Extractor reads project.assets.json. The zero value is ready, and safe for
// use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "nugetassets".
func (Extractor) Name() string { return "nugetassets" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/project.assets.json"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	doc, err := jsondoc.Open(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	p := parser{doc: doc, facts: inventory.Facts{Declared: true}, nodes: make(map[string]*node), asked: make(map[string]bool)}
	if err := p.file(); err != nil {
		if !errors.Is(err, jsondoc.ErrDamaged) || len(p.facts.Packages) == 0 {
			return inventory.Facts{}, err
		}
		p.damaged = true
		p.problems.Add("%v", err)
	}
	p.finish()
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// A parser collects the packages of a file.
type parser struct {
	doc      *jsondoc.Document
	facts    inventory.Facts
	problems lines.Problems
	entries  int
	requires int
	damaged  bool

	nodes map[string]*node // by "NAME/VERSION" in lower case
	// asked has what the project asks for, by name in lower case, and whether
	// that is more than for the build.
	asked map[string]bool
	told  bool // what the project asks for is in the file
}

// A node is a package or a project in the graph.
type node struct {
	index    int // of the package, -1 for none
	project  bool
	requires []string // keys of nodes, or names that are not in the target
	seen     map[string]bool
	used     bool // by what is not for the build
}

// node returns the node of a key, and makes it.
func (p *parser) node(key string) *node {
	key = strings.ToLower(key)
	n := p.nodes[key]
	if n == nil {
		n = &node{index: -1}
		p.nodes[key] = n
	}
	return n
}

// file reads the whole file.
func (p *parser) file() error {
	known := false
	ok, err := p.doc.Object(func(key string) error {
		var err error
		switch key {
		case "targets":
			_, err = p.doc.Object(p.target)
		case "libraries":
			known, err = p.doc.Object(p.library)
		case "project":
			_, err = p.doc.Object(p.project)
		default:
			err = p.doc.Skip()
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case !ok || !known:
		return errors.New("no object of libraries")
	}
	return p.doc.End()
}

// count counts a package of a target or of the list.
func (p *parser) count() error {
	if p.entries++; p.entries > maxEntries {
		return fmt.Errorf("more than %d packages: %w", maxEntries, inventory.ErrTooLarge)
	}
	return nil
}

// target reads what the packages of a framework require.
func (p *parser) target(string) error {
	keys := make(map[string]string) // by name in lower case
	type edges struct {
		from  *node
		names []string
	}
	var list []edges
	_, err := p.doc.Object(func(key string) error {
		if err := p.count(); err != nil {
			return err
		}
		name, _, _ := strings.Cut(key, "/")
		keys[strings.ToLower(name)] = key
		e := edges{from: p.node(key)}
		_, err := p.doc.Object(func(member string) error {
			switch member {
			case "type":
				kind, err := p.doc.Text()
				e.from.project = kind == "project"
				return err
			case "dependencies":
				_, err := p.doc.Object(func(name string) error {
					if p.requires++; p.requires > maxRequires {
						return fmt.Errorf("more than %d dependencies: %w", maxRequires, inventory.ErrTooLarge)
					}
					if name != "" && len(name) <= maxName {
						e.names = append(e.names, name)
					}
					return p.doc.Skip()
				})
				return err
			}
			return p.doc.Skip()
		})
		list = append(list, e)
		return err
	})
	for _, e := range list {
		for _, name := range e.names {
			if key, ok := keys[strings.ToLower(name)]; ok {
				name = key
			}
			if e.from.seen == nil {
				e.from.seen = make(map[string]bool)
			}
			if !e.from.seen[name] {
				e.from.seen[name] = true
				e.from.requires = append(e.from.requires, name)
			}
		}
	}
	return err
}

// library reads one package of the list.
func (p *parser) library(key string) error {
	if err := p.count(); err != nil {
		return err
	}
	line, kind := p.doc.Line(), ""
	ok, err := p.doc.Object(func(member string) error {
		if member != "type" {
			return p.doc.Skip()
		}
		var err error
		kind, err = p.doc.Text()
		return err
	})
	if err != nil {
		return err
	}
	name, version, cut := strings.Cut(key, "/")
	n := p.node(key)
	switch {
	case !ok || kind == "":
		p.problems.Add("line %d is no library: %q", line, lines.Clip(key))
	case kind != "package":
		p.facts.Ignored++
	case !cut || name == "" || version == "" || strings.Contains(version, "/"):
		p.problems.Add("library %q has no name or no version", lines.Clip(key))
	case len(name) > maxName || len(version) > maxName:
		p.problems.Add("name or version of library %q is longer than %d bytes", lines.Clip(key), maxName)
	case n.index < 0:
		n.index = len(p.facts.Packages)
		p.facts.Packages = append(p.facts.Packages, inventory.Package{Type: "nuget", Name: name, Version: version, Line: line})
	}
	return nil
}

// project reads what the project asks for.
func (p *parser) project(key string) error {
	if key != "frameworks" {
		return p.doc.Skip()
	}
	_, err := p.doc.Object(func(string) error {
		_, err := p.doc.Object(func(key string) error {
			if key != "dependencies" {
				return p.doc.Skip()
			}
			_, err := p.doc.Object(p.dependency)
			return err
		})
		return err
	})
	p.told = p.told || err == nil
	return err
}

// dependency reads one package that the project asks for.
func (p *parser) dependency(name string) error {
	if p.requires++; p.requires > maxRequires {
		return fmt.Errorf("more than %d dependencies: %w", maxRequires, inventory.ErrTooLarge)
	}
	build := false
	_, err := p.doc.Object(func(key string) error {
		if key != "suppressParent" {
			return p.doc.Skip()
		}
		value, err := p.doc.Text()
		build = strings.EqualFold(value, "All")
		return err
	})
	name = strings.ToLower(name)
	p.asked[name] = p.asked[name] || !build
	return err
}

// finish sets what is known only at the end.
func (p *parser) finish() {
	var queue []*node
	use := func(n *node) {
		if n != nil && !n.used {
			n.used = true
			queue = append(queue, n)
		}
	}
	for key, n := range p.nodes {
		name, _, _ := strings.Cut(key, "/")
		if run, direct := p.asked[name]; n.project || direct && run {
			use(n)
		}
	}
	for len(queue) > 0 {
		n := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, key := range n.requires {
			use(p.nodes[strings.ToLower(key)])
		}
	}
	for key, n := range p.nodes {
		if n.index < 0 {
			continue
		}
		pkg := &p.facts.Packages[n.index]
		seen := make(map[string]bool, len(n.requires))
		for _, required := range n.requires {
			if to := p.nodes[strings.ToLower(required)]; to != nil && to.index >= 0 {
				other := &p.facts.Packages[to.index]
				required = other.Name + "@" + other.Version
			} else if name, _, ok := strings.Cut(required, "/"); ok {
				required = name
			}
			if required != "" && !seen[required] {
				seen[required] = true
				pkg.Requires = append(pkg.Requires, required)
			}
		}
		if !p.told || p.damaged {
			continue
		}
		name, _, _ := strings.Cut(key, "/")
		pkg.Relation = inventory.Transitive
		if _, ok := p.asked[name]; ok {
			pkg.Relation = inventory.Direct
		}
		pkg.Development = !n.used && len(p.asked) > 0
	}
}
