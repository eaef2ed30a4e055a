package pyproject

import (
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/pydep"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// exact is a version alone, which Poetry takes for the only one that will do.
// https://python-poetry.org/docs/dependency-specification/#exact-requirements
var exact = regexp.MustCompile(`^v?[0-9]+(?:\.[0-9]+)*(?:[._-]?[a-z]+[._-]?[0-9]*)*(?:\+[a-z0-9.]+)?$`)

// table takes a table of Poetry: names, each with a constraint, with a table,
// or with a list of them for several environments.
func (p *parser) table(v any, development bool) error {
	for name, value := range sorted(v) {
		if strings.EqualFold(name, "python") {
			continue // the language itself
		}
		line := p.line(name)
		var values []any
		switch v := value.(type) {
		case []any:
			values = v
		case []map[string]any:
			for _, m := range v {
				values = append(values, m)
			}
		default:
			values = []any{v}
		}
		for _, value := range values {
			if err := p.dependency(name, value, line, development); err != nil {
				return err
			}
		}
	}
	return nil
}

// dependency takes one constraint, or one table with more.
func (p *parser) dependency(name string, value any, line int, development bool) error {
	pkg := inventory.Package{Type: "pypi", Name: name}
	switch v := value.(type) {
	case string:
		constrain(&pkg, v)
	case map[string]any:
		text := func(key string) string {
			s, _ := v[key].(string)
			return s
		}
		address := text("url") + text("path") + text("file")
		switch {
		case text("git") != "":
			revision := text("rev") + text("tag") + text("branch")
			pkg.Constraint = pydep.VCS("git", text("git"), revision)["vcs_url"]
		case address != "":
			pkg.Version = pydep.ArchiveVersion(name, address)
			if pkg.Version == "" && text("url") == "" {
				p.facts.Ignored++
				return nil
			}
			if pkg.Version == "" {
				pkg.Constraint = pydep.CleanURL(address)
			}
		case text("version") != "":
			constrain(&pkg, text("version"))
		case p.names[pydep.Normalize(name)]:
			return nil // more about what [project] asks for
		default:
			pkg.Constraint = pydep.Any
		}
	}
	if !pydep.Check(name, pkg.Version+pkg.Constraint, line, &p.problems) {
		return nil
	}
	if len(pkg.Constraint) > pydep.MaxField {
		p.problems.Add("line %d: constraint of package %q is too long: %q", line, lines.Clip(name), lines.Clip(pkg.Constraint))
		return nil
	}
	return p.add(pkg, line, development)
}

// constrain sets the version that a constraint of Poetry stands for, or the
// constraint.
func constrain(pkg *inventory.Package, constraint string) {
	constraint = strings.TrimSpace(constraint)
	switch version := strings.TrimSpace(strings.TrimLeft(constraint, "=")); {
	case exact.MatchString(version) && len(constraint)-len(version) != 1:
		pkg.Version = version
	case !strings.Contains(constraint, "||") && pydep.Pinned(constraint) != "":
		pkg.Version = pydep.Pinned(constraint)
	default:
		pkg.Constraint = constraint
	}
}
