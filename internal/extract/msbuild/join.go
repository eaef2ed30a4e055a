package msbuild

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// Join returns the packages whose versions several files tell together. Those
// of central versions that no project is below are returned too: the projects
// may not be in the image.
func (Extractor) Join(ctx context.Context, files map[string][]byte) (map[string]inventory.Facts, error) {
	j := joiner{files: make(map[string]*project, len(files)), used: make(map[string]bool)}
	for file, data := range files {
		p := new(project)
		if err := json.Unmarshal(data, p); err != nil {
			return nil, fmt.Errorf("%q: %w", file, err)
		}
		p.index = make(map[string][]*item, len(p.Versions))
		for i := range p.Versions {
			v := &p.Versions[i]
			if key := strings.ToLower(v.Name); len(p.index[key]) < maxChoices {
				p.index[key] = append(p.index[key], v)
			}
		}
		j.files[file] = p
	}
	facts := make(map[string]inventory.Facts)
	for file, p := range j.files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s := j.scope(file)
		var packages []inventory.Package
		for i := range p.References {
			packages = append(packages, s.resolve(&p.References[i])...)
		}
		if len(packages) > 0 {
			facts[file] = inventory.Facts{Declared: true, Packages: packages}
		}
	}
	for file, p := range j.files {
		if path.Base(file) != packagesProps || len(p.Versions) == 0 || j.used[file] {
			continue
		}
		s := j.scope(file)
		f := facts[file]
		f.Declared = true
		for _, v := range p.Versions {
			pkg := v.pkg(s.expand(v.Version))
			pkg.Relation = inventory.RelationUnknown
			f.Packages = append(f.Packages, pkg)
		}
		facts[file] = f
	}
	return facts, nil
}

// A joiner has all files.
type joiner struct {
	files map[string]*project
	used  map[string]bool // files of central versions that have a project
}

// A scope is what holds for the references of a file: the files that set
// properties and versions, those whose word counts most first.
type scope struct {
	properties, versions []*project
}

// scope returns the scope of a file.
func (j *joiner) scope(file string) *scope {
	dir, base := path.Dir(file), path.Base(file)
	s := new(scope)
	targets, central, props := j.above(dir, buildTargets), j.above(dir, packagesProps), j.above(dir, buildProps)
	s.properties = append(s.properties, paths(j, targets)...)
	if base != buildProps && base != buildTargets && base != packagesProps {
		s.properties = append(s.properties, j.files[file])
		for _, name := range central {
			j.used[name] = true
		}
	}
	s.properties = append(s.properties, paths(j, central)...)
	s.properties = append(s.properties, paths(j, props)...)
	s.versions = slices.Concat(paths(j, central), paths(j, targets), paths(j, props))
	return s
}

func paths(j *joiner, names []string) []*project {
	var list []*project
	for _, name := range names {
		list = append(list, j.files[name])
	}
	return list
}

// above returns the closest file of a name in a folder and those above it, and
// the next ones as far as one imports the other.
func (j *joiner) above(dir, base string) []string {
	var list []string
	for range maxDepth {
		name := path.Join(dir, base)
		if p := j.files[name]; p != nil {
			if list = append(list, name); !p.Above {
				break
			}
		}
		if dir == "." || dir == "/" {
			break
		}
		dir = path.Dir(dir)
	}
	return list
}

// resolve returns the package of a reference, or several if that depends on
// conditions.
func (s *scope) resolve(ref *item) []inventory.Package {
	if ref.Version != "" {
		return []inventory.Package{ref.pkg(s.expand(ref.Version))}
	}
	var packages []inventory.Package
	for _, p := range s.versions {
		for _, v := range p.index[strings.ToLower(ref.Name)] {
			pkg := ref.pkg(s.expand(v.Version))
			pkg.Development = pkg.Development || v.Development
			if !slices.ContainsFunc(packages, func(other inventory.Package) bool {
				return other.Version == pkg.Version && other.Constraint == pkg.Constraint
			}) {
				packages = append(packages, pkg)
			}
		}
		if len(packages) > 0 {
			return packages
		}
	}
	return []inventory.Package{ref.pkg("")}
}

// expand replaces the properties in a text whose values are certain.
func (s *scope) expand(text string) string {
	steps := 0
	if value, ok := s.evaluate(text, &steps); ok {
		return value
	}
	return text
}

// evaluate replaces the properties in a text. It reports false if a value is
// not certain, or too long.
func (s *scope) evaluate(text string, steps *int) (string, bool) {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "$(")
		b.WriteString(before)
		if !ok {
			return strings.TrimSpace(b.String()), b.Len() <= maxValue
		}
		name, after, ok := strings.Cut(rest, ")")
		if *steps++; !ok || *steps > maxExpansions {
			return "", false
		}
		raw, ok := s.property(strings.ToLower(strings.TrimSpace(name)))
		if !ok {
			return "", false
		}
		value, ok := s.evaluate(raw, steps)
		if !ok || b.Len()+len(value) > maxValue {
			return "", false
		}
		b.WriteString(value)
		text = after
	}
}

// property returns the value of a property, if it is certain. What is set later
// counts, a default only where nothing is set before.
func (s *scope) property(name string) (string, bool) {
	value, found, isDefault := "", false, false
	for _, p := range s.properties {
		for _, v := range slices.Backward(p.Properties[name]) {
			switch {
			case !found || isDefault && (v.Default || !v.Conditional):
				value, found, isDefault = v.Value, true, v.Default
			case v.Value != value:
				return "", false
			}
			if !v.Conditional && !v.Default {
				return value, true
			}
		}
	}
	return value, found
}
