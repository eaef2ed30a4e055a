// Package poetrylock reads poetry.lock, in which [Poetry] keeps the versions
// that the requirements of a project came to.
//
// Of a [[package]] these are of interest: name, version, category (until
// version 1.4) or groups (since 2.0), dependencies and source. A package that
// is in no group "main", or of category "dev", is for development. Versions
// 1.5 to 1.8 wrote neither, and all packages count as needed there. The file
// does not tell what the project itself asks for; a package that no other one
// needs can have come in by that only, and is direct. Of others it is not
// known.
//
// Folders are parts of the project; archives and repositories are packages.
// Dependencies that are optional are no edges. The digest of an archive is
// taken where files has one alone; before version 1.5 that was a table of its
// own at the end of the file, which is not looked at.
//
// The content is hostile: the size of the file and of a package, the number of
// packages and dependencies are limited. Of a damaged file the packages that
// can be understood are kept.
//
// [Poetry]: https://python-poetry.org/docs/basic-usage/#installing-with-poetrylock
package poetrylock

import (
	"context"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/pydep"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Extractor reads poetry.lock. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "poetrylock".
func (Extractor) Name() string { return "poetrylock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/poetry.lock"}}
}

// A record is a package of the file.
type record struct {
	Name         string         `toml:"name"`
	Version      string         `toml:"version"`
	Category     string         `toml:"category"`
	Groups       []string       `toml:"groups"`
	Dependencies map[string]any `toml:"dependencies"`
	Files        any            `toml:"files"`
	Source       struct {
		Type     string `toml:"type"`
		URL      string `toml:"url"`
		Resolved string `toml:"resolved_reference"`
	} `toml:"source"`
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	var lock pydep.Lock
	var problems lines.Problems
	err := pydep.Read(ctx, f, &problems, map[string]func(*pydep.Section) error{
		"package": func(s *pydep.Section) error {
			var doc struct {
				Package []record `toml:"package"`
			}
			meta, err := s.Decode(&doc)
			if err != nil {
				return err
			}
			for i := range doc.Package {
				if err := add(&lock, &doc.Package[i], s.Line, meta, &problems); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		return inventory.Facts{}, err
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
	facts.Problems = problems.List()
	return facts, nil
}

// add adds one package.
func add(lock *pydep.Lock, r *record, line int, meta toml.MetaData, problems *lines.Problems) error {
	if !pydep.Check(r.Name, r.Version, line, problems) {
		return nil
	}
	p := inventory.Package{
		Type:        "pypi",
		Name:        r.Name,
		Version:     r.Version,
		Line:        line,
		Hashes:      pydep.OnlyFile(r.Files),
		Development: r.Category == "dev" || len(r.Groups) > 0 && !slices.Contains(r.Groups, "main"),
	}
	if r.Source.Type == "git" {
		p.Qualifiers = pydep.VCS("git", r.Source.URL, r.Source.Resolved)
	}
	_, err := lock.Add(p, r.Source.Type == "directory", needs(r.Dependencies, meta))
	return err
}

// needs returns the names of dependencies in the order of the file.
func needs(dependencies map[string]any, meta toml.MetaData) []pydep.Need {
	var list []pydep.Need
	seen := make(map[string]bool, len(dependencies))
	for _, key := range meta.Keys() {
		if len(key) < 3 || key[0] != "package" || key[1] != "dependencies" || seen[key[2]] {
			continue
		}
		seen[key[2]] = true
		if name := strings.TrimSpace(key[2]); name != "" && len(name) <= pydep.MaxField {
			list = append(list, pydep.Need{Name: name, Weak: isOptional(dependencies[key[2]])})
		}
	}
	return list
}

// isOptional reports whether a dependency is for an extra only: a constraint, a
// table with more, or a list of them, each for another environment.
func isOptional(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		optional, _ := v["optional"].(bool)
		return optional
	case []map[string]any:
		return !slices.ContainsFunc(v, func(m map[string]any) bool { return !isOptional(m) })
	case []any:
		return len(v) > 0 && !slices.ContainsFunc(v, func(m any) bool { return !isOptional(m) })
	}
	return false
}
