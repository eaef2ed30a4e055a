package version

import "strings"

// Versions of crates are semantic versions, see semver.go. Cargo's own library
// also orders builds, to have a total order; RustSec and OSV do not, and
// neither do requirements, so that builds have no rank here.

// parseCargoConstraint parses a requirement,
// https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html#version-requirement-syntax:
// comparators between commas, of which all must hold. No operator means "^". A
// pre-release only meets it if a comparator names a pre-release of the same
// numbers, as https://docs.rs/semver/latest/semver/struct.VersionReq.html#method.matches
// says.
//
// Wildcards are written "*", "x" or "X". After one, no number may follow. A
// lone wildcard cannot be one of several comparators and has no operator.
//
// A comparator that leaves numbers open has no pre-releases of what it stands
// for, even if another comparator admits them, but for "^", which has all:
// 1.3.0-a is in ">=1.2, <=1.3.0-a" and in "^1.3, <=1.3.0-a", but not in
// ">=1.3, <=1.3.0-a". See https://docs.rs/semver/latest/src/semver/eval.rs.html.
//
// Unlike Cargo, which refuses them, this accepts zeros before a number, numbers
// beyond 64 bits, any number of comparators, and a blank requirement, which
// every version meets.
func parseCargoConstraint(constraint string) ([]allOf, *ParseError) {
	fail := func(pos int, reason string) ([]allOf, *ParseError) {
		return nil, &ParseError{Scheme: Cargo, Text: constraint, Pos: pos, Reason: reason}
	}
	var set allOf
	var pre []string // the numbers of pre-releases
	var preSet allOf // set, as it is for pre-releases
	partial := false // whether a number is left open
	admitted := true // whether preSet holds for anything
	for start := 0; start <= len(constraint); {
		end := len(constraint)
		if i := strings.IndexByte(constraint[start:], ','); i >= 0 {
			end = start + i
		}
		from, to := trimBlanks(constraint, start, end)
		op, at := readSemverOperator(constraint, from, to)
		if strings.HasPrefix(constraint[from:to], "~>") {
			return fail(from, semverNoOperator)
		}
		at, _ = trimBlanks(constraint, at, to)
		p, next, err := readSemverPartial(Cargo, constraint, at, to, false)
		switch {
		case err != nil:
			return nil, err
		case next < to:
			return fail(next, semverNotAllowed)
		case p.major == "" && (to-from > 1 || start > 0 || end < len(constraint)):
			return fail(at, "wildcard beside something else")
		case p.hidden:
			return fail(at, "number after a wildcard")
		}
		// An operator is what Cargo calls "^" if there is none, but a
		// wildcard leaves open what it says.
		if op == "" && !p.wild {
			op = "^"
		}
		set = append(set, p.comparators(op)...)
		cs, ok := cargoPre(p, op)
		preSet = append(preSet, cs...)
		partial = partial || p.patch == ""
		admitted = admitted && ok
		if p.pre != "" {
			pre = append(pre, p.numbers)
		}
		start = end + 1
	}
	if len(pre) == 0 || !partial {
		return []allOf{append(set, semverPreRule(Cargo, pre))}, nil
	}
	any := []allOf{append(set, semverPreRule(Cargo, nil))}
	if admitted {
		// Of releases, preSet has none that set has not.
		any = append(any, append(preSet, semverPreRule(Cargo, pre)))
	}
	return any, nil
}

// cargoPre returns the comparisons that an operator with p stands for when a
// pre-release is compared, or false if no pre-release can meet them.
func cargoPre(p semverPartial, op string) ([]comparator, bool) {
	if p.patch != "" {
		return p.comparators(op), true
	}
	from := func(v string) comparator { return comparator{holds: equal | greater, version: v + "-0"} }
	below := func(v string) comparator { return comparator{holds: less, version: v + "-0"} }
	switch {
	case p.major == "":
	case op == "^":
		return []comparator{from(p.numbers), below(p.nextBreaking())}, true
	case op == "<" || op == "<=":
		return []comparator{below(p.numbers)}, true
	case op == ">" || op == ">=":
		return []comparator{from(p.nextMinor())}, true
	}
	return nil, false // "=", "~" or a wildcard
}
