// Package cabalfreeze reads cabal.project.freeze, in which Cabal, a build tool
// of Haskell, keeps the versions that it has chosen for a project ([freeze]):
//
//	constraints: any.HTTP ==4000.3.16,
//	             any.base ==4.14.3.0,
//	             tls +compat -hans
//
// A constraint "==" is a package with that version; one of another kind is what
// is asked for, and one of flags is no package. Cabal writes the packages that
// come with GHC too. Nothing tells what requires a package.
//
// The content is hostile: the size of the file and the number of packages are
// limited, and what exceeds a limit is an error.
//
// [freeze]: https://cabal.readthedocs.io/en/stable/cabal-commands.html#cabal-freeze
package cabalfreeze

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
	// The largest projects have some hundred packages in 20 KiB.
	maxFile        = 4 << 20
	maxConstraints = 50_000
	// A name or version that is longer is none.
	maxName = 1024
)

// Extractor reads cabal.project.freeze. The zero value is ready, and safe for
// use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "cabalfreeze".
func (Extractor) Name() string { return "cabalfreeze" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/cabal.project.freeze"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	p := parser{facts: inventory.Facts{Declared: true}}
	if err := lines.Each(ctx, f, maxFile, p.line); err != nil {
		return inventory.Facts{}, err
	}
	if p.text && !p.known {
		return inventory.Facts{}, errors.New("no field of a project of Cabal")
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
	within   bool // of the constraints
	text     bool // there was anything
	known    bool // there was a field
}

// field is the name of a field at the begin of a line.
var field = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*)[ \t]*:(.*)$`)

// line takes the next line of the file. A constraint is within one line, as
// Cabal writes it.
func (p *parser) line(raw []byte) error {
	p.number++
	line := strings.TrimRight(strings.ToValidUTF8(string(raw), "\uFFFD"), " \t\r")
	rest := strings.TrimLeft(line, " \t")
	if rest == "" || strings.HasPrefix(rest, "--") {
		return nil
	}
	p.text = true
	if len(rest) == len(line) {
		m := field.FindStringSubmatch(line)
		p.within = m != nil && strings.EqualFold(m[1], "constraints")
		p.known = p.known || m != nil
		if m == nil {
			p.problems.Add("line %d is no field: %q", p.number, lines.Clip(line))
			return nil
		}
		rest = m[2]
	}
	if !p.within {
		return nil
	}
	for constraint := range strings.SplitSeq(rest, ",") {
		if constraint = strings.TrimSpace(constraint); constraint == "" {
			continue
		}
		if p.records++; p.records > maxConstraints {
			return fmt.Errorf("more than %d constraints: %w", maxConstraints, inventory.ErrTooLarge)
		}
		p.constraint(constraint)
	}
	return nil
}

var (
	// constraint is a package, which may be limited to a use such as "any."
	// or "happy:setup.", and what is asked of it.
	constraint = regexp.MustCompile(`^(?:[A-Za-z0-9-]+:)?(?:any\.|setup\.)?([A-Za-z0-9-]+)\s*(.*)$`)
	exact      = regexp.MustCompile(`^==\s*([0-9]+(?:\.[0-9]+)*)$`)
)

// constraint takes one constraint.
func (p *parser) constraint(text string) {
	m := constraint.FindStringSubmatch(text)
	if m == nil || len(m[1]) > maxName || len(m[2]) > maxName || m[2] == "" {
		p.problems.Add("line %d is no constraint: %q", p.number, lines.Clip(text))
		return
	}
	pkg := inventory.Package{Type: "hackage", Name: m[1], Line: p.number}
	switch asked := m[2]; {
	case exact.MatchString(asked):
		pkg.Version = exact.FindStringSubmatch(asked)[1]
	case strings.ContainsAny(asked[:1], "=<>^(&|"):
		pkg.Constraint = asked
	case strings.ContainsAny(asked[:1], "+-") || asked == "installed" || asked == "source" || asked == "test" || asked == "bench":
		p.facts.Ignored++
		return
	default:
		p.problems.Add("line %d is no constraint: %q", p.number, lines.Clip(text))
		return
	}
	p.facts.Packages = append(p.facts.Packages, pkg)
}
