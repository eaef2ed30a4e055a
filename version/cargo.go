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
func parseCargoConstraint(constraint string) ([]allOf, *ParseError) {
	fail := func(pos int, reason string) ([]allOf, *ParseError) {
		return nil, &ParseError{Scheme: Cargo, Text: constraint, Pos: pos, Reason: reason}
	}
	var set allOf
	var pre []string // the numbers of pre-releases
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
		if p.pre != "" {
			pre = append(pre, p.numbers)
		}
		start = end + 1
	}
	return []allOf{append(set, semverPreRule(Cargo, pre))}, nil
}
