// Package cargolock reads [Cargo.lock], the versions of all crates that Cargo
// has chosen for a workspace of Rust. It is read line by line: Cargo alone
// writes it. Versions 1 to 4 of the format differ in how a dependency is
// written, "NAME", "NAME VERSION" or "NAME VERSION (SOURCE)", always enough to
// tell which crate it is.
//
// A crate without a source is a member of the workspace or lies in a folder. It
// is no package, and what it needs is direct. Where there is none, nothing is known of
// that. The file does not tell what is
// needed to build or test only, nor for which platform and feature: a crate of
// the file may be one that is never compiled. A crate from a repository has the
// qualifier vcs_url, one from a registry other than crates.io repository_url.
// Crates in [[patch.unused]] are not used. The checksum of a crate is the
// SHA-256 of its archive; version 1 of the format has them all in [metadata].
//
// A file in the folders where Cargo keeps the sources of dependencies is
// ignored: Cargo does not use it.
//
// The content is hostile: the size of the file, the number of crates and of
// dependencies, and the length of names are limited.
//
// [Cargo.lock]: https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html
package cargolock

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/tomllines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest workspaces have some 2,000 crates: 500 KiB.
const (
	maxFile   = 32 << 20
	maxCrates = 50_000
	maxEdges  = 500_000
	maxName   = 1024 // of a name, a version or a source
)

// Extractor reads Cargo.lock. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "cargolock".
func (Extractor) Name() string { return "cargolock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/Cargo.lock"}}
}

// sources matches files of crates that Cargo has fetched.
var sources = regexp.MustCompile(`(?:^|/)(?:registry/src|git/checkouts)/[^/]+-[0-9a-f]{16}/`)

// Extract returns the crates that the file lists. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	if sources.MatchString(f.Path()) {
		return inventory.Facts{Declared: true, Ignored: 1}, nil
	}
	p := parser{table: other}
	if err := tomllines.Read(ctx, f, maxFile, &p); err != nil {
		return inventory.Facts{}, err
	}
	p.end()
	if p.bad > 0 && p.good == 0 {
		return inventory.Facts{}, errors.New("no line of Cargo.lock can be understood")
	}
	facts := inventory.Facts{Declared: true, Packages: p.packages()}
	facts.Ignored, facts.Problems = p.ignored, p.problems.List()
	return facts, nil
}

// A table is where the lines of the file belong.
type table int

const (
	other    table = iota // nothing of interest
	crates                // [[package]], and [root] of the oldest files
	unused                // [[patch.unused]]
	metadata              // [metadata]
)

// A crate is an entry of the file.
type crate struct {
	line                  int
	name, version, source string
	checksum              string
	needs                 []string
}

// A parser collects the crates. It is the visitor of the lines.
type parser struct {
	table     table
	current   crate
	list      []crate
	checksums map[string]string // of [metadata], by "NAME VERSION (SOURCE)"
	edges     int
	ignored   int
	good, bad int // lines
	problems  lines.Problems
}

// Table begins a table.
func (p *parser) Table(line int, name []string, array bool) error {
	p.end()
	p.good++
	switch full := strings.Join(name, "."); {
	case full == "package" && array, full == "root" && !array:
		p.table, p.current = crates, crate{line: line}
	case full == "patch.unused" && array:
		p.table = unused
	case full == "metadata" && !array, strings.HasPrefix(full, "metadata.") && !array:
		p.table = metadata
	default:
		p.table = other
		p.problems.Add("line %d: table %q is not known", line, lines.Clip(full))
	}
	if len(p.list) == maxCrates {
		return fmt.Errorf("more than %d crates: %w", maxCrates, inventory.ErrTooLarge)
	}
	return nil
}

// end takes the crate that was read.
func (p *parser) end() {
	switch c := &p.current; {
	case p.table == unused:
		p.ignored++
	case p.table != crates:
	case c.name == "" || len(c.name) > maxName || strings.ContainsAny(c.name, " /"):
		p.problems.Add("line %d: %q is no name of a crate; its version is %q", c.line, lines.Clip(c.name), lines.Clip(c.version))
	case c.version == "" && c.source != "":
		p.problems.Add("line %d: crate %q has no version", c.line, lines.Clip(c.name))
	case len(c.version) > maxName || len(c.source) > maxName:
		p.problems.Add("line %d: version or source of crate %q is too long: %q", c.line, lines.Clip(c.name), lines.Clip(c.version))
	default:
		p.list = append(p.list, *c)
	}
	p.table = other
}

// Text takes a key with a text.
func (p *parser) Text(_ int, key, value string) error {
	p.good++
	if p.table == metadata {
		return p.checksum(key, value)
	}
	if p.table != crates {
		return nil
	}
	switch key {
	case "name":
		p.current.name = value
	case "version":
		p.current.version = value
	case "source":
		p.current.source = value
	case "checksum":
		p.current.checksum = value
	}
	return nil
}

// checksum takes a line of [metadata]: "checksum NAME VERSION (SOURCE)".
func (p *parser) checksum(key, value string) error {
	crate, ok := strings.CutPrefix(key, "checksum ")
	if !ok {
		return nil
	}
	if len(p.checksums) == maxCrates {
		return fmt.Errorf("more than %d checksums: %w", maxCrates, inventory.ErrTooLarge)
	}
	if p.checksums == nil {
		p.checksums = make(map[string]string)
	}
	p.checksums[crate] = value
	return nil
}

// List takes a key with a list.
func (p *parser) List(_ int, key string, values []string) error {
	p.good++
	if p.table != crates || key != "dependencies" {
		return nil
	}
	if p.edges += len(values); p.edges > maxEdges {
		return fmt.Errorf("more than %d dependencies: %w", maxEdges, inventory.ErrTooLarge)
	}
	p.current.needs = values
	return nil
}

// Bad takes a line that cannot be understood.
func (p *parser) Bad(line int, text string) error {
	p.bad++
	p.problems.Add("line %d cannot be understood: %q", line, lines.Clip(text))
	return nil
}
