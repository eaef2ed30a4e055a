// Package npmlock reads the lock files of npm, [package-lock.json] and
// npm-shrinkwrap.json, of all versions of the format.
//
// Versions 2 and 3 have "packages", whose keys are the folders that packages
// go to: "" is the project, "node_modules/a" a package, and "packages/a" a part
// of the project, to which an entry with "link" leads. What a package needs is
// found as node finds it, in the node_modules of its folder and of those
// above. Version 1 has a tree, "dependencies", which tells the same folders,
// but not what the project itself asks for: the relation of packages is
// unknown. Version 2 has both, for old versions of npm; "packages" counts.
//
// The name of a package is that of its folder, unless "name", or an alias of
// version 1 ("npm:name@1.0.0"), says otherwise. A package from a repository
// keeps its version and has vcs_url; version 1 has the address alone, which is
// its constraint unless it is that of an archive in a registry, which tells
// the version. What is "dev", needed for development alone, is told by npm;
// "devOptional" is needed by something optional too, so that it is not.
// Optional dependencies and peers are packages like others, but nothing
// requires them. "integrity" is of the archive; that of a repository's package is
// of one that npm has made itself, and not taken.
//
// node_modules/.package-lock.json, which repeats what is installed beside it,
// is not read. The content is hostile: the file's size, the number of packages
// and dependencies, and the length and depth of folders are limited. Of a file
// that is cut off, the packages before the damage are kept.
//
// [package-lock.json]: https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json
package npmlock

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/nodelock"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest files have some 30 MiB, folders some 300 bytes.
const (
	maxFile   = 128 << 20
	maxFolder = 2048
	// maxLooked is how many bytes the folders have that are looked into for
	// all dependencies: some 100 for each, two or three times.
	maxLooked = 1 << 30
)

// Extractor reads lock files of npm. The zero value is ready, and safe for use
// by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "npmlock".
func (Extractor) Name() string { return "npmlock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the names of the files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/package-lock.json"}, {Glob: "**/npm-shrinkwrap.json"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	p := parser{ctx: ctx, j: nodelock.NewJSON(ctx, f, maxFile, false)}
	if !p.j.Is('{') {
		if err := p.j.End(); err != nil {
			return inventory.Facts{}, err
		}
		return inventory.Facts{}, errors.New("not a JSON object")
	}
	p.j.Object(p.section)
	if err := p.j.End(); err != nil {
		if !p.j.Damaged() || !p.packages.seen && !p.tree.seen {
			return inventory.Facts{}, err
		}
		p.problem("the file ends early or is damaged: %v", err)
	} else if !p.known && p.version == "" {
		return inventory.Facts{}, errors.New(`neither "packages" nor "dependencies" nor "lockfileVersion"`)
	}
	chosen := &p.packages
	if !p.packages.seen {
		chosen = &p.tree
	}
	if err := chosen.link(ctx); err != nil {
		return inventory.Facts{}, err
	}
	return chosen.graph.Facts(ctx)
}

// A parser reads the file.
type parser struct {
	ctx      context.Context
	j        *nodelock.JSON
	version  string
	known    bool  // there are packages, or could be
	packages table // of "packages"
	tree     table // of "dependencies"
}

// problem notes what concerns the whole file.
func (p *parser) problem(format string, args ...any) {
	p.packages.graph.Problems.Add(format, args...)
	p.tree.graph.Problems.Add(format, args...)
}

// section reads a member of the file.
func (p *parser) section(key string) {
	switch key {
	case "lockfileVersion":
		p.version = "given"
	case "packages":
		if p.known = true; !p.j.Object(p.entry) {
			p.problem("line %d: packages is not an object", p.j.Line())
		}
	case "dependencies":
		p.known = true
		// The tree is of no use beside packages, which come first.
		if !p.packages.seen && !p.j.Object(func(name string) { p.branch("", name) }) {
			p.problem("line %d: dependencies is not an object", p.j.Line())
		}
	}
}

// A record is an entry of either section.
type record struct {
	name, version, resolved string
	integrity               string
	link, dev, bundled, own bool
	needs                   []need
}

type need struct {
	name string
	kind nodelock.Kind
}

// entry reads an entry of "packages".
func (p *parser) entry(folder string) {
	line := p.j.Line()
	var r record
	whole := p.j.Object(func(key string) {
		switch key {
		case "name":
			r.name, _ = p.j.Text()
		case "version":
			r.version, _ = p.j.Text()
		case "resolved":
			r.resolved, _ = p.j.Text()
		case "integrity":
			r.integrity, _ = p.j.Text()
		case "link":
			r.link = p.j.True()
		case "dev":
			r.dev = p.j.True()
		case "inBundle":
			r.bundled = p.j.True()
		case "dependencies":
			p.needs(&r, nodelock.Required)
		case "optionalDependencies", "peerDependencies":
			p.needs(&r, nodelock.Optional)
		case "devDependencies":
			p.needs(&r, nodelock.Development)
		}
	})
	inside := folder == "node_modules" || strings.HasPrefix(folder, "node_modules/") || strings.Contains(folder, "/node_modules/")
	r.own = !inside || r.link
	t := &p.packages
	t.seen = true
	if folder == "" {
		t.graph.Roots = true
	}
	if !whole {
		t.graph.Problems.Add("line %d: %q is not an object", line, lines.Clip(folder))
		return
	}
	if r.name == "" || r.own {
		const modules = "node_modules/"
		r.name = folder[max(0, strings.LastIndex(folder, modules)):]
		r.name = strings.TrimPrefix(r.name, modules)
	}
	if r.version == "" && r.resolved == "" && !r.own {
		// npm leaves the folders of peers that it did not install, and of what
		// it took away.
		if len(r.needs) == 0 {
			t.graph.Ignored++
			return
		}
	}
	p.fail(t.add(folder, line, r))
}

// branch reads an entry of "dependencies", which may hold others.
func (p *parser) branch(parent, name string) {
	line := p.j.Line()
	folder := path.Join(parent, "node_modules") + "/" + name
	t := &p.tree
	t.seen = true
	if len(folder) > maxFolder {
		p.fail(fmt.Errorf("line %d: more than %d bytes in the folder of a package: %w", line, maxFolder, inventory.ErrTooLarge))
		return
	}
	r := record{name: name}
	at := t.reserve(folder)
	whole := p.j.Object(func(key string) {
		switch key {
		case "version":
			r.version, _ = p.j.Text()
		case "resolved":
			r.resolved, _ = p.j.Text()
		case "integrity":
			r.integrity, _ = p.j.Text()
		case "dev":
			r.dev = p.j.True()
		case "bundled":
			r.bundled = p.j.True()
		case "requires":
			p.needs(&r, nodelock.Required)
		case "dependencies":
			p.j.Object(func(name string) { p.branch(folder, name) })
		}
	})
	if !whole {
		t.graph.Problems.Add("line %d: %q is not an object", line, lines.Clip(name))
		return
	}
	if alias, ok := strings.CutPrefix(r.version, "npm:"); ok {
		r.name, r.version, _ = nodelock.CutName(alias)
	}
	switch scheme, _, ok := strings.Cut(r.version, ":"); {
	case ok && (scheme == "file" || scheme == "link") && !isArchive(r.version):
		r.own = true
	case ok:
		r.version, r.resolved = nodelock.TarballVersion(r.name, r.version), r.version
	}
	p.fail(t.fill(at, line, r))
}

// needs reads an object of names and ranges; false is for "requires": true.
func (p *parser) needs(r *record, kind nodelock.Kind) {
	p.j.Object(func(name string) {
		if len(r.needs) > nodelock.MaxEdges {
			p.fail(fmt.Errorf("line %d: more than %d dependencies: %w", p.j.Line(), nodelock.MaxEdges, inventory.ErrTooLarge))
			return
		}
		if len(name) <= nodelock.MaxName {
			r.needs = append(r.needs, need{name, kind})
		}
	})
}

func (p *parser) fail(err error) {
	if err != nil {
		p.j.Fail(err)
	}
}

// isArchive reports whether a path is of an archive, and not of a folder.
func isArchive(file string) bool {
	return strings.HasSuffix(file, ".tgz") || strings.HasSuffix(file, ".tar.gz") || strings.HasSuffix(file, ".tar")
}
