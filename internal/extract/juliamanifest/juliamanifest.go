// Package juliamanifest reads [Manifest.toml], the versions of packages that
// Pkg, the package manager of Julia, has chosen for an environment. In version
// 1 of the format a package is a table [[NAME]], since version 2 it is
// [[deps.NAME]]. Of interest are uuid, version, deps, which is a list of names
// or, where names are ambiguous, a table of names and uuids, repo-url and
// path.
//
// A package of the standard library without a version is a part of Julia, and
// one with a path lies in a folder: neither is a package here. Manifests since
// version 2 tell the version of Julia that wrote them, which is not counted.
// Which packages are direct only Project.toml tells.
//
// The content is hostile: the size of the file, the number of packages and of
// dependencies, and the length of texts are limited.
//
// [Manifest.toml]: https://pkgdocs.julialang.org/v1/toml-files/#Manifest.toml
package juliamanifest

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/tomllines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A large environment has about 500 packages: 100 KiB.
const (
	maxFile     = 32 << 20
	maxPackages = 50_000
	maxEdges    = 500_000
	maxText     = 2048
)

// Extractor reads Manifest.toml. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "juliamanifest".
func (Extractor) Name() string { return "juliamanifest" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the names of the file, which may be of one version of Julia,
// as Manifest-v1.11.toml.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/Manifest.toml"},
		{Glob: "**/JuliaManifest.toml"},
		{Glob: "**/Manifest-v*.toml"},
		{Glob: "**/JuliaManifest-v*.toml"},
	}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	p := parser{byUUID: make(map[string]int), byName: make(map[string][]int)}
	if err := tomllines.Read(ctx, f, maxFile, &p); err != nil {
		return inventory.Facts{}, err
	}
	p.end()
	if p.bad > 0 && p.good == 0 {
		return inventory.Facts{}, fmt.Errorf("no line of %q can be understood", lines.Clip(f.Path()))
	}
	if len(p.list) == 0 && !p.manifest {
		// Something else has this name.
		return inventory.Facts{Declared: true, Ignored: 1}, nil
	}
	facts := inventory.Facts{Declared: true, Packages: p.packages(), Ignored: p.ignored}
	facts.Problems = p.problems.List()
	return facts, nil
}

// A dep is a package that another one needs. The uuid may be empty.
type dep struct{ name, uuid string }

// An entry is a package of the file.
type entry struct {
	line                             int
	name, uuid, version, path        string
	repository, revision, treeDigest string
	deps                             []dep
}

type parser struct {
	current   *entry // nil outside of packages
	inDeps    bool   // in the table of its dependencies
	manifest  bool   // a key tells that this is a manifest
	list      []entry
	byUUID    map[string]int
	byName    map[string][]int
	edges     int
	ignored   int
	good, bad int // lines
	problems  lines.Problems
}

// Table begins a table.
func (p *parser) Table(line int, name []string, array bool) error {
	p.good++
	p.inDeps = false
	v2 := name[0] == "deps"
	if v2 {
		p.manifest = true
		name = name[1:]
	}
	switch {
	case array && len(name) == 1:
		p.end()
		if len(p.list) == maxPackages {
			return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
		}
		p.current = &entry{line: line, name: name[0]}
	case !array && len(name) > 1 && p.current != nil && name[0] == p.current.name:
		// A part of the package: its deps, weakdeps or extensions.
		p.inDeps = len(name) == 2 && name[1] == "deps"
		if !p.inDeps {
			p.skip()
		}
	default:
		p.end()
	}
	return nil
}

// skip ends the package's own keys. Tables that belong to it may follow.
func (p *parser) skip() {
	name := p.current.name
	p.end()
	p.current = &entry{name: name, line: -1}
}

// end takes the package that was read.
func (p *parser) end() {
	e := p.current
	p.current = nil
	if e == nil {
		return
	}
	if e.line < 0 {
		// Only the dependencies came after another part of the package.
		if len(e.deps) > 0 && len(p.list) > 0 && p.list[len(p.list)-1].name == e.name {
			last := &p.list[len(p.list)-1]
			last.deps = append(last.deps, e.deps...)
		}
		return
	}
	for _, text := range []string{e.name, e.uuid, e.version, e.path, e.repository, e.revision, e.treeDigest} {
		if len(text) > maxText {
			p.problems.Add("line %d: a text of package %q is too long: %q", e.line, lines.Clip(e.name), lines.Clip(text))
			return
		}
	}
	if !name.MatchString(e.name) {
		p.problems.Add("line %d: %q is no name of a package; its version is %q", e.line, lines.Clip(e.name), lines.Clip(e.version))
		return
	}
	p.byName[e.name] = append(p.byName[e.name], len(p.list))
	if e.uuid != "" {
		p.byUUID[e.uuid] = len(p.list)
	}
	p.list = append(p.list, *e)
}

// name matches the name of a package, which is one of a module of Julia.
var name = regexp.MustCompile(`^[^\s/"]+$`)

// Text takes a key with a text.
func (p *parser) Text(_ int, key, value string) error {
	p.good++
	switch {
	case p.current == nil:
		switch key {
		case "julia_version", "manifest_format", "project_hash":
			p.manifest = true
		}
	case p.inDeps:
		return p.dep(dep{key, value})
	case key == "uuid":
		p.current.uuid = value
	case key == "version":
		p.current.version = value
	case key == "path":
		p.current.path = value
	case key == "repo-url":
		p.current.repository = value
	case key == "repo-rev":
		p.current.revision = value
	case key == "git-tree-sha1":
		p.current.treeDigest = value
	}
	return nil
}

// List takes a key with a list.
func (p *parser) List(_ int, key string, values []string) error {
	p.good++
	if p.current == nil || p.inDeps || key != "deps" {
		return nil
	}
	for _, name := range values {
		if err := p.dep(dep{name: name}); err != nil {
			return err
		}
	}
	return nil
}

// dep takes a dependency of the package that is read.
func (p *parser) dep(d dep) error {
	if p.edges++; p.edges > maxEdges {
		return fmt.Errorf("more than %d dependencies: %w", maxEdges, inventory.ErrTooLarge)
	}
	if d.name != "" && len(d.name) <= maxText {
		p.current.deps = append(p.current.deps, d)
	}
	return nil
}

// Bad takes a line that cannot be understood.
func (p *parser) Bad(line int, text string) error {
	p.bad++
	p.problems.Add("line %d cannot be understood: %q", line, lines.Clip(text))
	return nil
}

// packages returns the packages that are neither in a folder nor a part of
// Julia.
func (p *parser) packages() []inventory.Package {
	var packages []inventory.Package
	for i := range p.list {
		e := &p.list[i]
		switch {
		case e.path != "":
			p.ignored++
			continue
		case e.version == "" && e.repository == "" && e.treeDigest == "":
			p.ignored++ // a part of Julia
			continue
		}
		pkg := inventory.Package{Type: "julia", Name: e.name, Version: e.version, Line: e.line, Requires: p.requires(e)}
		qualifiers := make(map[string]string)
		if e.uuid != "" {
			qualifiers["uuid"] = e.uuid
		}
		if e.repository != "" {
			url := "git+" + e.repository
			if e.revision != "" {
				url += "@" + e.revision
			}
			qualifiers["vcs_url"] = url
		}
		if len(qualifiers) > 0 {
			pkg.Qualifiers = qualifiers
		}
		if e.version == "" {
			// The commit, or the digest of the files, is all that is known.
			if pkg.Constraint = strings.TrimSpace(e.repository + " " + e.revision); pkg.Constraint == "" {
				pkg.Constraint = "git-tree-sha1 " + e.treeDigest
			}
		}
		packages = append(packages, pkg)
	}
	return packages
}

// requires names what a package needs, without what is a part of Julia or in a
// folder.
func (p *parser) requires(e *entry) []string {
	var names []string
	seen := make(map[string]bool)
	for _, d := range e.deps {
		i, ok := p.byUUID[d.uuid]
		if d.uuid == "" || !ok {
			if list := p.byName[d.name]; len(list) > 0 {
				i, ok = list[0], true
			}
		}
		text := d.name
		if ok {
			to := &p.list[i]
			if to.version == "" || to.path != "" {
				continue
			}
			text += "@" + to.version
		}
		if !seen[text] {
			seen[text] = true
			names = append(names, text)
		}
	}
	return names
}
