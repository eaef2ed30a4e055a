// Package nugetlock reads packages.lock.json, in which NuGet keeps the
// packages that it has chosen for a .NET project ([format], versions 1 and 2;
// [file in the sources]):
//
//	"dependencies": {"net6.0": {"NAME": {
//	  "type": "Direct", "resolved": "1.0.0", "dependencies": {"OTHER": "1.0.0"}
//	}}}
//
// The type is Direct, Transitive, CentralTransitive, whose version was pinned
// in Directory.Packages.props without the project asking for it, or Project,
// which is another project of the same sources. The versions of dependencies
// are the least that will do, so that what was chosen is looked up in the same
// framework. A package that several frameworks have is one.
//
// "contentHash" is no digest of the archive and not taken: it is the SHA-512 of
// the package without its signature ([content hash]), and all packages of
// nuget.org are signed.
//
// The content is hostile: the file's size, the number of packages and of
// dependencies and the length of names are limited. Of a file that is cut off,
// the packages before the damage are kept.
//
// [format]: https://learn.microsoft.com/nuget/consume-packages/package-references-in-project-files#locking-dependencies
// [content hash]: https://github.com/NuGet/Home/issues/10787
// [file in the sources]: https://github.com/NuGet/NuGet.Client/blob/dev/src/NuGet.Core/NuGet.ProjectModel/ProjectLockFile/PackagesLockFileFormat.cs
package nugetlock

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/jsondoc"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest projects have 1,000 packages for each of some frameworks.
const (
	maxFile     = 32 << 20
	maxEntries  = 50_000  // packages of all frameworks
	maxRequires = 500_000 // dependencies of all packages
	// A name or version that is longer is none.
	maxName = 1024
)

// Extractor reads packages.lock.json. The zero value is ready, and safe for use
// by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "nugetlock".
func (Extractor) Name() string { return "nugetlock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the names of the files. A folder of several projects has one
// for each, packages.PROJECT.lock.json.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/packages.lock.json"},
		{Glob: "**/packages.*.lock.json"},
	}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	doc, err := jsondoc.Open(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	p := parser{doc: doc, facts: inventory.Facts{Declared: true}, index: make(map[[2]string]int), seen: make(map[edge]bool)}
	if err := p.file(); err != nil {
		if !errors.Is(err, jsondoc.ErrDamaged) || len(p.facts.Packages) == 0 {
			return inventory.Facts{}, err
		}
		p.resolve()
		p.problems.Add("%v", err)
	}
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

	index map[[2]string]int // of packages by name, in lower case, and version
	// edges are what the packages of a framework require.
	edges []edges
	seen  map[edge]bool // edges of all frameworks
	// versions are those of the packages of a framework, by name in lower
	// case. Names of packages are the same in any case. A framework "a/b" has
	// what is different from "a" on a platform b, which are those of base.
	versions, base map[string]chosen
	baseName       string
}

// An edge is what a package requires.
type edge struct {
	pkg  int
	name string
}

type edges struct {
	pkg   int
	names []string
}

// chosen is a package as it is spelled.
type chosen struct{ name, version string }

// file reads the whole file.
func (p *parser) file() error {
	known := false
	ok, err := p.doc.Object(func(key string) error {
		if key != "dependencies" {
			return p.doc.Skip()
		}
		var err error
		known, err = p.doc.Object(p.framework)
		return err
	})
	switch {
	case err != nil:
		return err
	case !ok || !known:
		return errors.New("no object of dependencies")
	}
	return p.doc.End()
}

// framework reads the packages of one framework.
func (p *parser) framework(name string) error {
	if general, _, ok := strings.Cut(name, "/"); !ok {
		p.baseName, p.base = name, nil
	} else if general != p.baseName {
		p.base = nil
	}
	p.edges, p.versions = nil, make(map[string]chosen)
	ok, err := p.doc.Object(p.entry)
	if err != nil {
		return err
	}
	if !ok {
		p.problems.Add("framework %q has no object of packages", lines.Clip(name))
	}
	p.resolve()
	if name == p.baseName {
		p.base = p.versions
	}
	return nil
}

// entry reads one package.
func (p *parser) entry(name string) error {
	if p.entries++; p.entries > maxEntries {
		return fmt.Errorf("more than %d packages: %w", maxEntries, inventory.ErrTooLarge)
	}
	line := p.doc.Line()
	var kind, version string
	var requires []string
	ok, err := p.doc.Object(func(key string) error {
		var err error
		switch key {
		case "type":
			kind, err = p.doc.Text()
		case "resolved":
			version, err = p.doc.Text()
		case "dependencies":
			_, err = p.doc.Object(func(name string) error {
				if p.requires++; p.requires > maxRequires {
					return fmt.Errorf("more than %d dependencies: %w", maxRequires, inventory.ErrTooLarge)
				}
				if name != "" && len(name) <= maxName {
					requires = append(requires, name)
				}
				return p.doc.Skip()
			})
		default:
			err = p.doc.Skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	relation := inventory.RelationUnknown
	switch kind {
	case "Project":
		p.facts.Ignored++
		return nil
	case "Direct":
		relation = inventory.Direct
	case "Transitive", "CentralTransitive":
		relation = inventory.Transitive
	}
	switch {
	case !ok || name == "" || len(name) > maxName:
		p.problems.Add("line %d is no package: %q", line, lines.Clip(name))
		return nil
	case version == "":
		p.problems.Add("package %q has no version", lines.Clip(name))
		return nil
	case len(version) > maxName:
		p.problems.Add("version of package %q is too long: %q", lines.Clip(name), lines.Clip(version))
		return nil
	}
	lower := strings.ToLower(name)
	p.versions[lower] = chosen{name, version}
	key := [2]string{lower, version}
	i, ok := p.index[key]
	if !ok {
		i = len(p.facts.Packages)
		p.index[key] = i
		p.facts.Packages = append(p.facts.Packages, inventory.Package{Type: "nuget", Name: name, Version: version, Relation: relation, Line: line})
	}
	// Another framework may ask for what this one needs.
	if pkg := &p.facts.Packages[i]; relation == inventory.Direct {
		pkg.Relation = relation
	}
	if len(requires) > 0 {
		p.edges = append(p.edges, edges{i, requires})
	}
	return nil
}

// resolve adds what the packages of the framework require to them.
func (p *parser) resolve() {
	for _, e := range p.edges {
		pkg := &p.facts.Packages[e.pkg]
		for _, name := range e.names {
			to, ok := p.versions[strings.ToLower(name)]
			if !ok {
				to, ok = p.base[strings.ToLower(name)]
			}
			if ok {
				name = to.name + "@" + to.version
			}
			if key := (edge{e.pkg, name}); !p.seen[key] {
				p.seen[key] = true
				pkg.Requires = append(pkg.Requires, name)
			}
		}
	}
	p.edges = nil
}
