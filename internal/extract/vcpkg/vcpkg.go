// Package vcpkg reads [vcpkg.json], the manifest of a project of C or C++ that
// uses vcpkg. Of interest are dependencies, those of features included,
// overrides, which are versions that are taken whatever else is asked for, and
// builtin-baseline, the commit of the registry that tells all other versions.
//
// A dependency has a version only where there is an override. Otherwise its
// constraint is the lowest version that will do, or else the baseline. What an
// override names besides is needed by others. A dependency with "host" runs
// where the project is built, and counts as needed for development.
//
// Files of ports in a registry, ports/NAME/vcpkg.json, are ignored: they say
// what could be installed.
//
// The content is hostile: the size of the file, the number of dependencies, and
// the length of texts are limited. Of a file that is cut off, the dependencies
// before the damage are kept.
//
// [vcpkg.json]: https://learn.microsoft.com/vcpkg/reference/vcpkg-json
package vcpkg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/linejson"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// There are about 2,700 ports in all.
const (
	maxFile = 8 << 20
	maxDeps = 50_000
	maxText = 512
)

// Extractor reads vcpkg.json. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "vcpkg".
func (Extractor) Name() string { return "vcpkg" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/vcpkg.json"}}
}

// port matches the file of a port.
var port = regexp.MustCompile(`(?:^|/)ports/[^/]+/vcpkg\.json$`)

// Extract returns the packages that the project depends on. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if port.MatchString(f.Path()) {
		return inventory.Facts{Declared: true, Ignored: 1}, ctx.Err()
	}
	r, err := linejson.New(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	p := parser{r: r, at: make(map[string]int)}
	problem, err := r.Finish(p.file(), len(p.found) > 0)
	if err != nil {
		return inventory.Facts{}, err
	}
	if problem != "" {
		p.problems.Add("%s", problem)
	}
	facts := inventory.Facts{Declared: true, Packages: p.packages(), Ignored: p.ignored}
	facts.Problems = p.problems.List()
	return facts, nil
}

// A dependency is an entry of dependencies.
type dependency struct {
	Name    string `json:"name"`
	Host    bool   `json:"host"`
	Minimum string `json:"version>="`
	line    int
}

// An override is an entry of overrides. One of the versions is there,
// depending on how they are compared.
type override struct {
	Name        string      `json:"name"`
	Version     string      `json:"version"`
	Semver      string      `json:"version-semver"`
	Date        string      `json:"version-date"`
	Text        string      `json:"version-string"`
	PortVersion json.Number `json:"port-version"`
	line        int
}

type parser struct {
	r         *linejson.Reader
	name      string // of the project
	baseline  string
	records   int
	found     []dependency
	at        map[string]int // index of the dependency
	overrides []override
	ignored   int
	problems  lines.Problems
}

// file reads the whole file.
func (p *parser) file() error {
	ok, err := p.r.Object(func(_ int, key string) error {
		switch key {
		case "name":
			_, err := p.r.Decode(&p.name)
			return err
		case "builtin-baseline":
			_, err := p.r.Decode(&p.baseline)
			return err
		case "dependencies":
			return p.dependencies()
		case "overrides":
			return p.list(p.override)
		case "features":
			return p.features()
		}
		_, err := p.r.Decode(nil)
		return err
	})
	if err == nil && !ok {
		return errors.New("not an object")
	}
	return err
}

// list reads an array, and counts what is in it.
func (p *parser) list(visit func(line int) error) error {
	_, err := p.r.Array(func(line int) error {
		if p.records++; p.records > maxDeps {
			return fmt.Errorf("more than %d dependencies: %w", maxDeps, inventory.ErrTooLarge)
		}
		return visit(line)
	})
	return err
}

// features reads the features, which were a list once.
func (p *parser) features() error {
	feature := func() error {
		_, err := p.r.Object(func(_ int, key string) error {
			if key == "dependencies" {
				return p.dependencies()
			}
			_, err := p.r.Decode(nil)
			return err
		})
		return err
	}
	if p.r.IsArray() {
		return p.list(func(int) error { return feature() })
	}
	_, err := p.r.Object(func(int, string) error { return feature() })
	return err
}

// dependencies reads a list of dependencies: names, or objects.
func (p *parser) dependencies() error {
	return p.list(func(line int) error {
		var raw json.RawMessage
		if _, err := p.r.Decode(&raw); err != nil {
			return err
		}
		d := dependency{line: line}
		// A value of another type does not hide the name.
		if json.Unmarshal(raw, &d.Name) != nil {
			_ = json.Unmarshal(raw, &d)
		}
		if !isName(d.Name) || len(d.Minimum) > maxText {
			p.problems.Add("line %d: not a dependency: %q", line, lines.Clip(string(raw)))
			return nil
		}
		i, again := p.at[d.Name]
		if !again {
			p.at[d.Name] = len(p.found)
			p.found = append(p.found, d)
			return nil
		}
		// Another feature, or another platform, needs it too.
		known := &p.found[i]
		known.Host = known.Host && d.Host
		if known.Minimum == "" {
			known.Minimum = d.Minimum
		}
		return nil
	})
}

// override reads an override.
func (p *parser) override(line int) error {
	var o override
	wrong, err := p.r.Decode(&o)
	if err != nil {
		return err
	}
	o.line = line
	switch {
	case wrong || !isName(o.Name) || o.version() == "" || len(o.version()) > maxText:
		p.problems.Add("line %d: not an override: %q %q", line, lines.Clip(o.Name), lines.Clip(o.version()))
	default:
		p.overrides = append(p.overrides, o)
	}
	return nil
}

func (o *override) version() string {
	for _, v := range []string{o.Version, o.Semver, o.Date, o.Text} {
		if v != "" {
			return v
		}
	}
	return ""
}

// isName reports whether a text can be the name of a port.
// https://learn.microsoft.com/vcpkg/reference/vcpkg-json#name
func isName(name string) bool {
	return name != "" && len(name) <= maxText && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '/' || r == 0x7f })
}

// packages returns the dependencies with their versions.
func (p *parser) packages() []inventory.Package {
	pinned := make(map[string]override)
	for _, o := range p.overrides {
		pinned[o.Name] = o
	}
	var packages []inventory.Package
	add := func(name string, line int, relation inventory.Relation, constraint string) {
		pkg := inventory.Package{Type: "vcpkg", Name: name, Relation: relation, Line: line}
		o, ok := pinned[name]
		if !ok {
			pkg.Constraint = constraint
			packages = append(packages, pkg)
			return
		}
		// "1.2.3#1" is the first change of the port of 1.2.3.
		version, change, _ := strings.Cut(o.version(), "#")
		if n, err := strconv.Atoi(o.PortVersion.String()); err == nil && n > 0 {
			change = strconv.Itoa(n)
		}
		pkg.Version = version
		if change != "" && change != "0" {
			pkg.Qualifiers = map[string]string{"port_version": change}
		}
		if version == "" {
			pkg.Constraint = constraint
		}
		packages = append(packages, pkg)
	}
	for _, d := range p.found {
		if d.Name == p.name {
			p.ignored++ // a feature that needs another one of the project
			continue
		}
		constraint := "*"
		switch {
		case d.Minimum != "":
			constraint = ">=" + d.Minimum
		case p.baseline != "" && len(p.baseline) <= maxText:
			constraint = "baseline " + p.baseline
		}
		add(d.Name, d.line, inventory.Direct, constraint)
		packages[len(packages)-1].Development = d.Host
	}
	for _, o := range p.overrides {
		if _, ok := p.at[o.Name]; !ok && o.line == pinned[o.Name].line {
			add(o.Name, o.line, inventory.Transitive, "*")
		}
	}
	return packages
}
