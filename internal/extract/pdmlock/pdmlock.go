// Package pdmlock reads pdm.lock, in which [PDM] keeps the versions that the
// requirements of a project came to.
//
// Of a [[package]] these are of interest: name, version, groups, dependencies
// and where it comes from. A package that is asked for with extras has an entry
// more for each set of them, which counts as one. "default" is the group of
// what the project needs to run; the others are extras or for development,
// which the file does not tell apart, so that their names have to: "dev",
// "test", "lint" and the like. Versions before 2.8 wrote no groups. A package
// that no other one needs can have come in by the project only, and is direct;
// of others it is not known.
//
// Folders are parts of the project; archives and repositories are packages. The
// digest of an archive is taken where files has one alone.
//
// The content is hostile: the size of the file and of a package, the number of
// packages and dependencies are limited. Of a damaged file the packages that
// can be understood are kept.
//
// [PDM]: https://pdm-project.org/latest/usage/lockfile/
package pdmlock

import (
	"context"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/pydep"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Extractor reads pdm.lock. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "pdmlock".
func (Extractor) Name() string { return "pdmlock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/pdm.lock"}}
}

// A record is a package of the file.
type record struct {
	Name         string   `toml:"name"`
	Version      string   `toml:"version"`
	Groups       []string `toml:"groups"`
	Dependencies []string `toml:"dependencies"`
	Git          string   `toml:"git"`
	Revision     string   `toml:"revision"`
	URL          string   `toml:"url"`
	Path         string   `toml:"path"`
	Files        any      `toml:"files"`
}

// A merged is what the entries of one package say.
type merged struct {
	pkg     inventory.Package
	project bool
	groups  []string
	unknown bool // one has no groups
	needs   []pydep.Need
}

// A parser collects the packages of a file.
type parser struct {
	packages []merged
	index    map[[2]string]int
	edges    int
	problems lines.Problems
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	p := parser{index: make(map[[2]string]int)}
	err := pydep.Read(ctx, f, &p.problems, map[string]func(*pydep.Section) error{"package": p.section})
	if err != nil {
		return inventory.Facts{}, err
	}
	var lock pydep.Lock
	for i := range p.packages {
		m := &p.packages[i]
		m.pkg.Development = len(m.groups) > 0 && !m.unknown && !slices.ContainsFunc(m.groups, func(g string) bool { return !pydep.IsDevelopment(g) })
		if _, err := lock.Add(m.pkg, m.project, m.needs); err != nil {
			return inventory.Facts{}, err
		}
	}
	if err := lock.Resolve(); err != nil {
		return inventory.Facts{}, err
	}
	for i := range lock.Len() {
		if !lock.Needed(i) {
			lock.Package(i).Relation = inventory.Direct
		}
	}
	facts := lock.Facts()
	facts.Problems = p.problems.List()
	return facts, nil
}

// section takes one [[package]].
func (p *parser) section(s *pydep.Section) error {
	var doc struct {
		Package []record `toml:"package"`
	}
	if _, err := s.Decode(&doc); err != nil {
		return err
	}
	for i := range doc.Package {
		r := &doc.Package[i]
		if !pydep.Check(r.Name, r.Version, s.Line, &p.problems) {
			continue
		}
		key := [2]string{pydep.Normalize(r.Name), r.Version}
		hashes := pydep.OnlyFile(r.Files)
		j, ok := p.index[key]
		if !ok {
			if len(p.packages) >= pydep.MaxPackages {
				return pydep.ErrPackages
			}
			j = len(p.packages)
			p.index[key] = j
			m := merged{
				pkg:     inventory.Package{Type: "pypi", Name: r.Name, Version: r.Version, Line: s.Line, Hashes: hashes},
				project: r.Path != "" && pydep.ArchiveVersion(r.Name, r.Path) == "",
			}
			if r.Git != "" {
				m.pkg.Qualifiers = pydep.VCS("git", r.Git, r.Revision)
			}
			p.packages = append(p.packages, m)
		}
		m := &p.packages[j]
		if !slices.Equal(m.pkg.Hashes, hashes) {
			m.pkg.Hashes = nil
		}
		m.unknown = m.unknown || len(r.Groups) == 0
		m.groups = append(m.groups, r.Groups...)
		for _, text := range r.Dependencies {
			d, ok := pydep.Parse(text)
			if !ok {
				p.problems.Add("line %d: package %q needs %q", s.Line, lines.Clip(r.Name), lines.Clip(strings.TrimSpace(text)))
				continue
			}
			if p.edges++; p.edges > pydep.MaxEdges {
				return pydep.ErrEdges
			}
			m.needs = append(m.needs, pydep.Need{Name: d.Name})
		}
	}
	return nil
}
