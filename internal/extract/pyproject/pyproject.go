// Package pyproject reads what a pyproject.toml asks for.
//
// Of the [specification] these are of interest: dependencies and
// optional-dependencies of [project], [dependency-groups], and requires of
// [build-system]; of tools: dependencies, group and dev-dependencies of
// [tool.poetry], and dev-dependencies of [tool.pdm] and [tool.uv]. All are
// direct. What is in a group, or needed to build, is for development, and so
// are extras that are called after it ("dev", "test").
//
// A package has a version where it is pinned by "==", or in Poetry's tables by
// a version alone, and a constraint otherwise. Folders are parts of the project.
//
// The content is hostile: the size of the file and the number of requirements
// are limited. A section that is damaged is a problem, and the others count.
//
// [specification]: https://packaging.python.org/en/latest/specifications/pyproject-toml/
package pyproject

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/pydep"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest files are below 200 KiB and have some 500 requirements.
const (
	maxFile     = 4 << 20
	maxRequires = 20_000
)

// Extractor reads pyproject.toml. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "pyproject".
func (Extractor) Name() string { return "pyproject" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/pyproject.toml"}}
}

// A document is what is of interest in the file. Values that should be lists
// are looked at later, so that one of another type does not take the others
// with it.
type document struct {
	Project struct {
		Dependencies any `toml:"dependencies"`
		Optional     any `toml:"optional-dependencies"`
	} `toml:"project"`
	Groups any `toml:"dependency-groups"`
	Build  struct {
		Requires any `toml:"requires"`
	} `toml:"build-system"`
	Tool struct {
		Poetry struct {
			Dependencies any `toml:"dependencies"`
			Dev          any `toml:"dev-dependencies"`
			Groups       any `toml:"group"`
		} `toml:"poetry"`
		PDM struct {
			Dev any `toml:"dev-dependencies"`
		} `toml:"pdm"`
		UV struct {
			Dev any `toml:"dev-dependencies"`
		} `toml:"uv"`
	} `toml:"tool"`
}

// Extract returns what the file asks for. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	p := parser{index: make(map[[3]string]int)}
	visit := make(map[string]func(*pydep.Section) error)
	for _, name := range []string{"", "project", "dependency-groups", "build-system", "tool"} {
		visit[name] = p.section
	}
	limited := &io.LimitedReader{R: f, N: maxFile + 1}
	err := pydep.Read(ctx, limited, &p.problems, visit)
	switch {
	case limited.N == 0:
		return inventory.Facts{}, fmt.Errorf("more than %d bytes: %w", maxFile, inventory.ErrTooLarge)
	case err != nil:
		return inventory.Facts{}, err
	}
	slices.SortStableFunc(p.facts.Packages, func(a, b inventory.Package) int { return a.Line - b.Line })
	p.facts.Declared = true
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// A parser collects what is asked for.
type parser struct {
	lines    map[string]int // of keys and strings of the section
	first    int            // line of the section
	index    map[[3]string]int
	names    map[string]bool
	facts    inventory.Facts
	problems lines.Problems
}

// section takes a section. The same may come several times, in parts.
func (p *parser) section(s *pydep.Section) error {
	var doc document
	if _, err := s.Decode(&doc); err != nil {
		return err
	}
	p.find(s)
	list := func(v any, development bool) error { return p.list(v, development) }
	if err := list(doc.Project.Dependencies, false); err != nil {
		return err
	}
	for name, v := range sorted(doc.Project.Optional) {
		if err := list(v, pydep.IsDevelopment(name)); err != nil {
			return err
		}
	}
	for _, groups := range []any{doc.Groups, doc.Tool.PDM.Dev} {
		for _, v := range sorted(groups) {
			if err := list(v, true); err != nil {
				return err
			}
		}
	}
	for _, v := range []any{doc.Build.Requires, doc.Tool.UV.Dev} {
		if err := list(v, true); err != nil {
			return err
		}
	}
	if err := p.table(doc.Tool.Poetry.Dependencies, false); err != nil {
		return err
	}
	if err := p.table(doc.Tool.Poetry.Dev, true); err != nil {
		return err
	}
	for name, v := range sorted(doc.Tool.Poetry.Groups) {
		group, _ := v.(map[string]any)
		if err := p.table(group["dependencies"], name != "main"); err != nil {
			return err
		}
	}
	return nil
}

// sorted returns the members of a table in the order of their names.
func sorted(v any) func(yield func(string, any) bool) {
	m, _ := v.(map[string]any)
	return func(yield func(string, any) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

// find notes the lines of the keys and strings of a section, the first of each.
func (p *parser) find(s *pydep.Section) {
	p.lines, p.first = make(map[string]int), s.Line
	n := s.Line
	for line := range strings.SplitSeq(string(s.Text), "\n") {
		note := func(text string) {
			if p.lines[text] == 0 {
				p.lines[text] = n
			}
		}
		if key, _, ok := strings.Cut(line, "="); ok {
			note(strings.Trim(strings.TrimSpace(key), `"'`))
		}
		for rest := line; ; {
			i := strings.IndexAny(rest, `"'`)
			if i < 0 {
				break
			}
			end := strings.IndexByte(rest[i+1:], rest[i])
			if end < 0 {
				break
			}
			note(rest[i+1 : i+1+end])
			rest = rest[i+end+2:]
		}
		n++
	}
}

// line returns the line of a key or string; where it is written in another way,
// that of the section.
func (p *parser) line(text string) int {
	if n := p.lines[text]; n > 0 {
		return n
	}
	return p.first
}

// list takes a list of dependency specifiers. A table in it includes another
// group.
func (p *parser) list(v any, development bool) error {
	if v == nil {
		return nil
	}
	items, ok := v.([]any)
	if !ok {
		p.problems.Add("line %d: type %T in place of a list of requirements", p.first, v)
		return nil
	}
	for _, item := range items {
		text, ok := item.(string)
		if !ok {
			if _, ok := item.(map[string]any); !ok {
				p.problems.Add("line %d: type %T in place of a requirement", p.first, item)
			}
			continue
		}
		r, ok := pydep.Parse(text)
		if !ok {
			p.problems.Add("line %d: %q is no requirement", p.line(text), lines.Clip(text))
			continue
		}
		pkg, ok := r.Package()
		if !ok {
			p.facts.Ignored++
			continue
		}
		if err := p.add(pkg, p.line(text), development); err != nil {
			return err
		}
	}
	return nil
}

// add adds one package. What is needed to run counts, where the same is asked
// for several times.
func (p *parser) add(pkg inventory.Package, line int, development bool) error {
	pkg.Line, pkg.Development, pkg.Relation = line, development, inventory.Direct
	key := [3]string{pydep.Normalize(pkg.Name), pkg.Version, pkg.Constraint}
	if i, ok := p.index[key]; ok {
		before := &p.facts.Packages[i]
		before.Development = before.Development && development
		return nil
	}
	if len(p.facts.Packages) >= maxRequires {
		return fmt.Errorf("more than %d requirements: %w", maxRequires, inventory.ErrTooLarge)
	}
	p.index[key] = len(p.facts.Packages)
	if p.names == nil {
		p.names = make(map[string]bool)
	}
	p.names[key[0]] = true
	p.facts.Packages = append(p.facts.Packages, pkg)
	return nil
}
