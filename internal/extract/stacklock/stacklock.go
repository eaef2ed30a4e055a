// Package stacklock reads stack.yaml.lock, in which Stack, a build tool of
// Haskell, keeps the packages that a project takes from elsewhere than its
// snapshot ([lock files]):
//
//	packages:
//	- completed:
//	    hackage: HTTP-4000.3.16@sha256:6042643c…,5947
//	  original:
//	    hackage: HTTP-4000.3.16
//	- completed:
//	    name: lib
//	    version: 1.2.0
//	    git: https://…
//	    commit: 5f0b6c1…
//
// Only what Stack writes of YAML is understood. What is in the snapshot is not
// in the file. Nothing tells what requires a package.
//
// The content is hostile: the size of the file and the number of packages are
// limited, and what exceeds a limit is an error.
//
// [lock files]: https://docs.haskellstack.org/en/stable/topics/lock_files/
package stacklock

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	// The largest projects have some hundred packages in 50 KiB.
	maxFile     = 4 << 20
	maxPackages = 50_000
	// A name or version that is longer is none.
	maxName = 1024
)

// Extractor reads stack.yaml.lock. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "stacklock".
func (Extractor) Name() string { return "stacklock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/stack.yaml.lock"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	p := parser{facts: inventory.Facts{Declared: true}}
	if err := lines.Each(ctx, f, maxFile, p.line); err != nil {
		return inventory.Facts{}, err
	}
	p.end()
	if p.text && !p.known {
		return inventory.Facts{}, errors.New("no packages")
	}
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// A parser collects the packages of a file.
type parser struct {
	facts    inventory.Facts
	problems lines.Problems
	number   int // of the line
	records  int

	within  bool   // of packages
	entry   *entry // that is not at its end
	section string // of the entry: "completed"
	text    bool   // there was anything
	known   bool   // there was "packages"
}

// An entry is what an item has under "completed".
type entry struct {
	hackage, name, version, git, hg, commit string

	line int
}

// line takes the next line of the file.
func (p *parser) line(raw []byte) error {
	p.number++
	line := strings.TrimRight(strings.ToValidUTF8(string(raw), "\uFFFD"), " \t\r")
	rest := strings.TrimLeft(line, " ")
	if rest == "" || rest[0] == '#' {
		return nil
	}
	p.text = true
	indent := len(line) - len(rest)
	item := indent == 0 && strings.HasPrefix(rest, "- ")
	if item {
		p.end()
		rest = strings.TrimLeft(rest[1:], " ")
		indent = len(line) - len(rest)
		if p.within {
			if p.records++; p.records > maxPackages {
				return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
			}
			p.entry = &entry{line: p.number}
		}
	}
	key, value, ok := strings.Cut(rest, ":")
	value = strings.Trim(strings.TrimSpace(value), `"'`)
	switch {
	case indent == 0:
		p.end()
		p.within = ok && key == "packages"
		p.known = p.known || p.within
	case !p.within:
	case p.entry == nil:
		p.problems.Add("line %d belongs to no package: %q", p.number, lines.Clip(rest))
	case indent == 2:
		p.section = key
	case indent == 4 && p.section == "completed":
		p.entry.set(key, value, p.number)
	}
	return nil
}

// set takes a line of what is completed.
func (e *entry) set(key, value string, line int) {
	switch key {
	case "hackage":
		e.hackage, e.line = value, line
	case "name":
		e.name, e.line = value, line
	case "version":
		e.version = value
	case "git":
		e.git = value
	case "hg":
		e.hg = value
	case "commit":
		e.commit = value
	}
}

// unit is the name and version of a package.
var unit = regexp.MustCompile(`^(.+)-([0-9]+(?:\.[0-9]+)*)$`)

// end takes the package that was read.
func (p *parser) end() {
	e := p.entry
	p.entry, p.section = nil, ""
	if e == nil {
		return
	}
	if e.hackage != "" {
		id, _, _ := strings.Cut(e.hackage, "@")
		if m := unit.FindStringSubmatch(id); m != nil {
			e.name, e.version = m[1], m[2]
		}
	}
	pkg := inventory.Package{Type: "hackage", Name: e.name, Version: e.version, Line: e.line}
	url := ""
	switch {
	case e.git != "":
		url = "git+" + e.git
	case e.hg != "":
		url = "hg+" + e.hg
	}
	if url != "" {
		if e.commit != "" {
			url += "@" + e.commit
		}
		pkg.Qualifiers = map[string]string{"vcs_url": url}
	}
	switch {
	case pkg.Name == "" || pkg.Version == "":
		p.problems.Add("line %d: a package has no name or no version: %q", e.line, lines.Clip(e.hackage+e.name))
	case len(pkg.Name) > maxName || len(pkg.Version) > maxName || len(url) > 4*maxName:
		p.problems.Add("line %d: name, version or source of package %q is too long", e.line, lines.Clip(pkg.Name))
	default:
		p.facts.Packages = append(p.facts.Packages, pkg)
	}
}
