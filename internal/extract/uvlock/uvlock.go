// Package uvlock reads uv.lock, in which [uv] keeps the versions that the
// requirements of a project or workspace came to.
//
// A [[package]] has name, version, source, dependencies, those of its extras
// that are in use (optional-dependencies), and, for a part of the project,
// those of its groups (dev-dependencies). Parts of the project are packages
// whose source is a folder ("virtual", "editable", "directory"). They tell what
// is direct, and what is for development only: what no dependency and no extra
// of the project leads to, but one of its groups. [manifest] lists the members
// of a workspace, and what is asked for where there is no project. The digest
// of an archive is taken where sdist and wheels are one alone.
//
// The content is hostile: the size of the file and of a package, the number of
// packages and dependencies are limited. Of a damaged file the packages that
// can be understood are kept.
//
// [uv]: https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile
package uvlock

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/pydep"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Extractor reads uv.lock. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "uvlock".
func (Extractor) Name() string { return "uvlock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/uv.lock"}}
}

// A record is a package of the file.
type record struct {
	Name         string                  `toml:"name"`
	Version      string                  `toml:"version"`
	Source       source                  `toml:"source"`
	Sdist        any                     `toml:"sdist"`
	Wheels       any                     `toml:"wheels"`
	Dependencies []dependency            `toml:"dependencies"`
	Optional     map[string][]dependency `toml:"optional-dependencies"`
	Dev          map[string][]dependency `toml:"dev-dependencies"`
}

type dependency struct {
	Name    string `toml:"name"`
	Version string `toml:"version"` // where there are several
}

// A source tells where a package comes from: one of these.
type source struct {
	Git       string `toml:"git"`
	URL       string `toml:"url"`
	Virtual   string `toml:"virtual"`
	Editable  string `toml:"editable"`
	Directory string `toml:"directory"`
}

// project reports whether it is a part of the project, and the root of it.
func (s *source) project() (project, root bool) {
	folder := s.Virtual + s.Editable + s.Directory
	return folder != "", s.Virtual == "." || s.Editable == "."
}

// A manifest is the section of that name.
type manifest struct {
	Members      []string                `toml:"members"`
	Requirements []dependency            `toml:"requirements"`
	Groups       map[string][]dependency `toml:"dependency-groups"`
}

// A parser collects the packages of a file.
type parser struct {
	lock     pydep.Lock
	problems lines.Problems
	manifest manifest
	folders  []folder
}

// A folder is an entry of the file that is a part of the project.
type folder struct {
	root      bool
	name      string
	main, dev []pydep.Need
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	var p parser
	err := pydep.Read(ctx, f, &p.problems, map[string]func(*pydep.Section) error{
		"package": p.packages,
		"manifest": func(s *pydep.Section) error {
			var doc struct {
				Manifest manifest `toml:"manifest"`
			}
			_, err := s.Decode(&doc)
			p.manifest = doc.Manifest
			return err
		},
	})
	if err != nil {
		return inventory.Facts{}, err
	}
	if err := p.lock.Resolve(); err != nil {
		return inventory.Facts{}, err
	}
	p.relate()
	facts := p.lock.Facts()
	facts.Problems = p.problems.List()
	return facts, nil
}

// packages takes one [[package]].
func (p *parser) packages(s *pydep.Section) error {
	var doc struct {
		Package []record `toml:"package"`
	}
	if _, err := s.Decode(&doc); err != nil {
		return err
	}
	for i := range doc.Package {
		r := &doc.Package[i]
		project, root := r.Source.project()
		version := r.Version
		if project && version == "" {
			version = "0" // one that is made when it is built
		}
		if !pydep.Check(r.Name, version, s.Line, &p.problems) {
			continue
		}
		pkg := inventory.Package{Type: "pypi", Name: r.Name, Version: r.Version, Line: s.Line, Hashes: pydep.OnlyFile(r.Sdist, r.Wheels)}
		if r.Source.Git != "" {
			address, commit, _ := strings.Cut(r.Source.Git, "#")
			address, _, _ = strings.Cut(address, "?")
			pkg.Qualifiers = pydep.VCS("git", address, commit)
		}
		main := needs(r.Dependencies)
		for _, extra := range slices.Sorted(maps.Keys(r.Optional)) {
			main = append(main, needs(r.Optional[extra])...)
		}
		if _, err := p.lock.Add(pkg, project, main); err != nil {
			return err
		}
		if project {
			p.folders = append(p.folders, folder{root: root, name: pydep.Normalize(r.Name), main: main, dev: groups(r.Dev)})
		}
	}
	return nil
}

// relate tells what is direct, and what is for development only.
func (p *parser) relate() {
	main, dev := needs(p.manifest.Requirements), groups(p.manifest.Groups)
	member := func(f *folder) bool { return f.root }
	if len(p.manifest.Members) > 0 {
		members := make(map[string]bool)
		for _, name := range p.manifest.Members {
			members[pydep.Normalize(name)] = true
		}
		member = func(f *folder) bool { return members[f.name] }
	}
	for i := range p.folders {
		if f := &p.folders[i]; member(f) {
			main = append(main, f.main...)
			dev = append(dev, f.dev...)
		}
	}
	if len(main)+len(dev) == 0 {
		return // nothing is told of the project
	}
	mainIDs, devIDs := p.find(main), p.find(dev)
	inMain, inDev := p.lock.Reach(mainIDs), p.lock.Reach(devIDs)
	for i := range p.lock.Len() {
		pkg := p.lock.Package(i)
		if inMain[i] || inDev[i] {
			pkg.Relation = inventory.Transitive
		}
		pkg.Development = inDev[i] && !inMain[i]
	}
	for _, i := range append(mainIDs, devIDs...) {
		p.lock.Package(int(i)).Relation = inventory.Direct
	}
}

// find returns the entries of needs.
func (p *parser) find(list []pydep.Need) []int32 {
	var ids []int32
	seen := make(map[pydep.Need]bool)
	for _, n := range list {
		if !seen[n] {
			seen[n] = true
			ids = append(ids, p.lock.Find(n)...)
		}
	}
	return ids
}

func needs(list []dependency) []pydep.Need {
	var all []pydep.Need
	for _, d := range list {
		if d.Name != "" && len(d.Name) <= pydep.MaxField {
			all = append(all, pydep.Need{Name: d.Name, Version: d.Version})
		}
	}
	return all
}

func groups(m map[string][]dependency) []pydep.Need {
	var all []pydep.Need
	for _, name := range slices.Sorted(maps.Keys(m)) {
		all = append(all, needs(m[name])...)
	}
	return all
}
