package vulndb

import (
	"context"
	"fmt"

	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A Matcher answers for one package after the other, for programs that do not
// have all packages at once or want few of the answers. It allocates nothing
// for a package that no advisory covers. It is for one goroutine at a time; any
// number may be open.
type Matcher struct {
	m    *matcher
	pkgs [1]inventory.Package
}

// Matcher returns a matcher of packages that are installed on a distribution.
// Close must be called: the files of the database stay open until then. The
// error is [ErrClosed].
func (db *DB) Matcher(os inventory.OS) (*Matcher, error) {
	if err := db.use(); err != nil {
		return nil, fmt.Errorf("vulndb: matcher: %w", err)
	}
	x := &Matcher{m: newMatcher(db, os, nil)}
	x.m.pkgs = x.pkgs[:]
	x.m.again = true
	return x, nil
}

// Match returns what [DB.Match] has in [Result].Matches and Problems for a
// package alone, both nil if there is nothing. Package is 0 in all of them.
func (x *Matcher) Match(ctx context.Context, p *inventory.Package) (matches []Match, problems []Problem, err error) {
	if x.m == nil {
		return nil, nil, fmt.Errorf("vulndb: match: %w", ErrClosed)
	}
	matches, problems, err = x.match(ctx, p)
	if err != nil {
		return nil, nil, fmt.Errorf("vulndb: match: %w", err)
	}
	return matches, problems, nil
}

func (x *Matcher) match(ctx context.Context, p *inventory.Package) (matches []Match, problems []Problem, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	old := dbfile.BeginGuard()
	defer func() {
		if damage := dbfile.EndGuard(old, recover()); damage != nil {
			matches, problems, err = nil, nil, damage
		}
		err = corrupt(err)
	}()
	m := x.m
	x.pkgs[0] = *p
	m.found, m.problems = m.found[:0], nil
	clear(m.vendors)
	clear(m.needed)
	if err := m.lookup(0); err != nil {
		return nil, nil, err
	}
	if len(m.found) > 0 || len(m.problems) > 0 {
		result, err := m.result(ctx)
		if err != nil {
			return nil, nil, err
		}
		matches, problems = result.Matches, result.Problems
	}
	if len(matches) == 0 {
		matches = nil
	}
	if len(problems) == 0 {
		problems = nil
	}
	return matches, problems, nil
}

// Coverage says how packages of a type, such as "deb" or "pypi", are compared
// with advisories. Packages is 0.
func (x *Matcher) Coverage(typ string) Coverage {
	if x.m == nil {
		return Coverage{Ecosystem: typ, Status: CoverageUnsupported, Reason: "the matcher is closed"}
	}
	c := x.m.target(typ).coverage
	c.Packages = 0
	return c
}

// Close ends the use of the database.
func (x *Matcher) Close() {
	if x.m != nil {
		x.m.db.end()
		x.m = nil
	}
}
