package version

import "strings"

// Versions of Hex are those of Elixir's Version module, semantic versions,
// see semver.go and https://hexdocs.pm/elixir/Version.html.

// parseHexConstraint parses a requirement,
// https://hexdocs.pm/elixir/Version.html#module-requirements: comparisons with
// "==", "!=", "<", "<=", ">=", ">" or "~>", between "and" and "or", of which
// "and" binds tighter. No operator means "==", and "!" is an older spelling of
// "!=". "~> 1.2.3" has the versions from 1.2.3 until before the first
// pre-release of 1.3.0, "~> 1.2" until before that of 2.0.0.
//
// Pre-releases are compared like other versions, which is what Version.match?
// does unless told otherwise.
//
// Blanks may be any, and a blank requirement is met by every version, which
// Elixir refuses. It accepts a build after two numbers, "~> 1.2+b", though it
// has no meaning and no place in the documented syntax; that is refused here.
func parseHexConstraint(constraint string) ([]allOf, *ParseError) {
	fail := func(pos int, reason string) ([]allOf, *ParseError) {
		return nil, &ParseError{Scheme: Hex, Text: constraint, Pos: pos, Reason: reason}
	}
	any := []allOf{nil}
	i, end := trimBlanks(constraint, 0, len(constraint))
	for {
		from := i
		for i < end && strings.IndexByte("<=>!~", constraint[i]) >= 0 {
			i++
		}
		op := constraint[from:i]
		i, _ = trimBlanks(constraint, i, end)
		at := i
		for i < end && !isBlank(constraint[i]) && strings.IndexByte("<=>!~", constraint[i]) < 0 {
			i++
		}
		cs, err := parseHexComparison(constraint, op, from, at, i)
		if err != nil {
			return nil, err
		}
		any[len(any)-1] = append(any[len(any)-1], cs...)
		if i, _ = trimBlanks(constraint, i, end); i == end {
			return any, nil
		}
		word := i
		for i < end && isLower(constraint[i]) {
			i++
		}
		switch constraint[word:i] {
		case "and":
		case "or":
			any = append(any, nil)
		default:
			return fail(word, "neither \"and\" nor \"or\"")
		}
		i, _ = trimBlanks(constraint, i, end)
	}
}

// parseHexComparison parses the version constraint[start:end] after the
// operator at from.
func parseHexComparison(constraint, op string, from, start, end int) ([]comparator, *ParseError) {
	fail := func(pos int, reason string) ([]comparator, *ParseError) {
		return nil, &ParseError{Scheme: Hex, Text: constraint, Pos: pos, Reason: reason}
	}
	if start == end {
		return fail(start, semverNoVersion)
	}
	if op == "~>" {
		p, next, err := readSemverPartial(Hex, constraint, start, end, false)
		switch {
		case err != nil:
			return nil, err
		case p.wild || p.minor == "":
			return fail(start, "\"~>\" needs two or three numbers")
		case next == end && p.patch != "":
			return p.comparators("~"), nil
		case next == end:
			upper := incrementDigits(p.major) + "-0"
			return []comparator{{holds: equal | greater, version: p.text}, {holds: less, version: upper}}, nil
		case p.patch != "" || constraint[next] != '-':
			return fail(next, semverNotAllowed)
		}
		// Without a third number, a pre-release is allowed here alone.
		if _, err := parseSemver(Hex, constraint[start:end]); err != nil {
			return nil, within(err, constraint, start)
		}
		upper := incrementDigits(p.major) + "-0"
		return []comparator{{holds: equal | greater, version: constraint[start:end]}, {holds: less, version: upper}}, nil
	}
	if op == "!" {
		op = "!="
	}
	admitted := semverOperator(op)
	if admitted == 0 || op == "=" {
		return fail(from, semverNoOperator)
	}
	if _, err := parseSemver(Hex, constraint[start:end]); err != nil {
		return nil, within(err, constraint, start)
	}
	return []comparator{{holds: admitted, version: constraint[start:end]}}, nil
}
