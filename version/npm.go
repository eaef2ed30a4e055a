package version

import "strings"

// Versions of npm are what node-semver reads in its loose mode, which is also
// how the registry's older packages are read:
// https://github.com/npm/node-semver#versions. Besides what all semantic
// versions here may have, blanks around them, any number of "v" and "=" in
// front and a pre-release without "-", as in 1.2.3beta, are allowed.
//
// This is wider than node-semver, which wants exactly three numbers, none
// above 2^53-1, and no more than 256 bytes. It compares numbers among
// identifiers as floating point, so that those of more than 15 digits may be
// equal there although they differ. And its regular expression splits the
// third number in two where that makes a version of it: 1.2.34.5, which has
// four numbers here, is 1.2.3-4.5 there, and 1.2.34.dev5, which is refused
// here, is 1.2.3-4.dev5.

// parseNPM reads a version that is not too long.
func parseNPM(v string) (semver, *ParseError) {
	start, end := trimBlanks(v, 0, len(v))
	return readSemver(NPM, v, skipNPMSigns(v, start, end), end, true)
}

// skipNPMSigns returns the end of the signs that have no meaning before a
// version.
func skipNPMSigns(v string, i, end int) int {
	for i < end && (v[i] == 'v' || v[i] == 'V' || v[i] == '=' || isBlank(v[i])) {
		i++
	}
	return i
}

// parseNPMConstraint parses a range, https://github.com/npm/node-semver#ranges:
// alternatives between "||", each of which is either "a - b" or comparators
// between blanks. A pre-release is only in the range if a comparator of the
// same alternative names a pre-release of the same numbers.
//
// Versions in it may be loose, but unlike the loose mode of node-semver, which
// ignores what it cannot read, all of it must be right; and an operator without
// a version is an error, where node-semver joins it with the next one ("~> >1"
// is "~>1"), as is a "v" ("<v v1" is "<1" here and "1" there). The empty range has pre-releases too, as for all schemes here.
func parseNPMConstraint(constraint string) ([]allOf, *ParseError) {
	var any []allOf
	for start := 0; start <= len(constraint); {
		end := len(constraint)
		if i := strings.Index(constraint[start:], "||"); i >= 0 {
			end = start + i
		}
		set, err := parseNPMSet(constraint, start, end)
		if err != nil {
			return nil, err
		}
		any = append(any, set)
		start = end + 2
	}
	for _, set := range any {
		if len(set) == 1 { // only the rule about pre-releases
			// "*" takes the place of all alternatives in node-semver. This
			// has an effect: "* || 1.0.0-rc" does not contain 1.0.0-rc.
			return []allOf{set}, nil
		}
	}
	return any, nil
}

// parseNPMSet parses the alternative constraint[start:end].
func parseNPMSet(constraint string, start, end int) (allOf, *ParseError) {
	var set allOf
	var pre []string // the numbers of pre-releases
	add := func(op string, p semverPartial) {
		for _, c := range p.comparators(op) {
			// node-semver takes ">=0.0.0" for "*", even as a part of "^0",
			// which so has the pre-releases of 0.0.0 if they are allowed.
			isZero := c.version == "0" || c.version == "0.0" || c.version == "0.0.0"
			if c.holds != equal|greater || !isZero {
				set = append(set, c)
			}
		}
		if p.pre != "" {
			pre = append(pre, p.numbers)
		}
	}
	start, end = trimBlanks(constraint, start, end)
	for first := true; start < end; first = false {
		op, from := readSemverOperator(constraint, start, end)
		from = skipNPMSigns(constraint, from, end)
		p, next, err := readSemverPartial(NPM, constraint, from, end, true)
		if err != nil {
			return nil, err
		}
		if next < end && !isBlank(constraint[next]) {
			return nil, &ParseError{Scheme: NPM, Text: constraint, Pos: next, Reason: semverNotAllowed}
		}
		start, _ = trimBlanks(constraint, next, end)
		if !first || op != "" || start+1 >= end || constraint[start] != '-' || !isBlank(constraint[start+1]) {
			add(op, p)
			continue
		}
		upper, next, err := readSemverPartial(NPM, constraint, skipNPMSigns(constraint, start+1, end), end, true)
		if err != nil {
			return nil, err
		}
		if next < end {
			return nil, &ParseError{Scheme: NPM, Text: constraint, Pos: next, Reason: "not allowed after a range with a hyphen"}
		}
		add(">=", p)
		add("<=", upper)
		break
	}
	return append(set, semverPreRule(NPM, pre)), nil
}
