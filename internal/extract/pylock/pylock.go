// Package pylock reads pylock.toml and pylock.NAME.toml, the lock file that
// PEP 751 has specified for all tools ([specification]).
//
// Of a [[packages]] these are of interest: name, version, marker, dependencies
// and where it comes from: vcs, directory, archive, sdist or wheels. Where
// there is no version, the name of an archive may tell it. A folder is a part
// of the project.
//
// A package whose marker holds only for dependency groups that are not among
// the default ones is for development. Whether it is direct is not told: where
// the file has dependencies, which are optional in it, a package that no other
// one needs is. PDM keeps them in a table of its own. The digests of an archive
// are taken where archive, sdist and wheels are one alone.
//
// The content is hostile: the size of the file and of a package, the number of
// packages and dependencies are limited. Of a damaged file the packages that
// can be understood are kept.
//
// [specification]: https://packaging.python.org/en/latest/specifications/pylock-toml/
package pylock

import (
	"context"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/pydep"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Extractor reads lock files of PEP 751. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "pylock".
func (Extractor) Name() string { return "pylock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the names of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/pylock.toml"}, {Glob: "**/pylock.*.toml"}}
}

// A record is a package of the file.
type record struct {
	Name         string `toml:"name"`
	Version      string `toml:"version"`
	Marker       string `toml:"marker"`
	Dependencies []struct {
		Name    string `toml:"name"`
		Version string `toml:"version"`
	} `toml:"dependencies"`
	Tool struct {
		PDM struct {
			Dependencies []string `toml:"dependencies"`
		} `toml:"pdm"`
	} `toml:"tool"`
	VCS *struct {
		Type   string `toml:"type"`
		URL    string `toml:"url"`
		Path   string `toml:"path"`
		Commit string `toml:"commit-id"`
	} `toml:"vcs"`
	Directory *struct{} `toml:"directory"`
	Archive   *archive  `toml:"archive"`
	Sdist     *archive  `toml:"sdist"`
	Wheels    []archive `toml:"wheels"`
}

// An archive is named, or has the last part of its URL or path for a name.
type archive struct {
	Name string `toml:"name"`
	URL  string `toml:"url"`
	Path string `toml:"path"`
	// Hashes is a table from algorithms to digests.
	Hashes any `toml:"hashes"`
}

// version returns what the name of the archive tells.
func (a *archive) version(name string) string {
	if a == nil {
		return ""
	}
	for _, s := range []string{a.Name, a.URL, a.Path} {
		if s != "" {
			return pydep.ArchiveVersion(name, s)
		}
	}
	return ""
}

// A parser collects the packages of a file.
type parser struct {
	lock     pydep.Lock
	problems lines.Problems
	defaults []string
	linked   bool // there are dependencies
	markers  []string
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	var p parser
	err := pydep.Read(ctx, f, &p.problems, map[string]func(*pydep.Section) error{
		"": func(s *pydep.Section) error {
			var doc struct {
				Defaults []string `toml:"default-groups"`
			}
			_, err := s.Decode(&doc)
			p.defaults = doc.Defaults
			return err
		},
		"packages": p.section,
	})
	if err != nil {
		return inventory.Facts{}, err
	}
	if err := p.lock.Resolve(); err != nil {
		return inventory.Facts{}, err
	}
	for i := range p.lock.Len() {
		pkg := p.lock.Package(i)
		pkg.Development = pydep.NeedsGroup(p.markers[i], p.defaults)
		if p.linked && !p.lock.Needed(i) {
			pkg.Relation = inventory.Direct
		}
	}
	facts := p.lock.Facts()
	facts.Problems = p.problems.List()
	return facts, nil
}

// section takes one [[packages]].
func (p *parser) section(s *pydep.Section) error {
	var doc struct {
		Packages []record `toml:"packages"`
	}
	if _, err := s.Decode(&doc); err != nil {
		return err
	}
	for i := range doc.Packages {
		if err := p.add(&doc.Packages[i], s.Line); err != nil {
			return err
		}
	}
	return nil
}

// add takes one package.
func (p *parser) add(r *record, line int) error {
	pkg := inventory.Package{Type: "pypi", Name: r.Name, Version: r.Version, Line: line}
	if archives := r.archives(); len(archives) == 1 {
		pkg.Hashes = pydep.OnlyFile(map[string]any{"hashes": archives[0].Hashes})
	}
	if r.VCS != nil {
		pkg.Qualifiers = pydep.VCS(r.VCS.Type, r.VCS.URL, r.VCS.Commit)
	}
	if pkg.Version == "" {
		r.locate(&pkg)
	}
	project := r.Directory != nil || r.VCS != nil && r.VCS.URL == "" && pkg.Version == ""
	version := pkg.Version + pkg.Constraint
	if project && version == "" {
		version = "0" // one that is made when it is built
	}
	if !pydep.Check(r.Name, version, line, &p.problems) {
		return nil
	}
	var needs []pydep.Need
	for _, d := range r.Dependencies {
		if d.Name != "" && len(d.Name) <= pydep.MaxField {
			needs = append(needs, pydep.Need{Name: d.Name, Version: d.Version})
		}
	}
	for _, text := range r.Tool.PDM.Dependencies {
		if d, ok := pydep.Parse(text); ok {
			needs = append(needs, pydep.Need{Name: d.Name})
		}
	}
	p.linked = p.linked || len(needs) > 0
	p.markers = append(p.markers, r.Marker)
	_, err := p.lock.Add(pkg, project, needs)
	return err
}

// archives returns the archives that the package may be installed from.
func (r *record) archives() []*archive {
	var all []*archive
	for _, a := range []*archive{r.Archive, r.Sdist} {
		if a != nil {
			all = append(all, a)
		}
	}
	for i := range r.Wheels {
		all = append(all, &r.Wheels[i])
	}
	return all
}

// locate finds the version of a package without one, or where it comes from.
func (r *record) locate(pkg *inventory.Package) {
	for _, a := range r.archives() {
		if pkg.Version = a.version(r.Name); pkg.Version != "" {
			return
		}
	}
	switch {
	case len(pkg.Qualifiers) > 0:
		pkg.Constraint, pkg.Qualifiers = pkg.Qualifiers["vcs_url"], nil
	case r.Archive != nil && r.Archive.URL != "":
		pkg.Constraint = pydep.CleanURL(r.Archive.URL)
	}
}
