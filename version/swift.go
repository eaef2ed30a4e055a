package version

import "strings"

// Versions of Swift packages are semantic versions, see semver.go; builds have
// no rank: https://docs.swift.org/package-manager/PackageDescription/PackageDescription.html#version.

// parseSwiftConstraint parses a requirement as a Package.swift has it,
// https://docs.swift.org/package-manager/PackageDescription/PackageDescription.html#package-dependency-requirement,
// with or without the quotes around versions:
//
//	"1.2.3"..<"2.0.0", "1.2.3"..."1.9.9"
//	from: "1.2.3", .upToNextMajor(from: "1.2.3")
//	.upToNextMinor(from: "1.2.3")
//	exact: "1.2.3", .exact("1.2.3"), "1.2.3"
//
// A range has pre-releases only if one of its bounds is a pre-release, and
// those of its upper bound only if that is one. The upper bound of "..." is
// part of the range.
func parseSwiftConstraint(constraint string) ([]allOf, *ParseError) {
	start, end := trimBlanks(constraint, 0, len(constraint))
	rest := constraint[start:end]
	for _, form := range [...]struct{ prefix, op, suffix string }{
		{"from:", "major", ""},
		{".upToNextMajor(from:", "major", ")"},
		{".upToNextMinor(from:", "minor", ")"},
		{"exact:", "", ""},
		{".exact(", "", ")"},
	} {
		if !strings.HasPrefix(rest, form.prefix) {
			continue
		}
		if !strings.HasSuffix(rest, form.suffix) {
			return nil, &ParseError{Scheme: Swift, Text: constraint, Pos: end, Reason: "parenthesis not closed"}
		}
		text, v, err := readSwiftVersion(constraint, start+len(form.prefix), end-len(form.suffix))
		if err != nil {
			return nil, err
		}
		if form.op == "" {
			return []allOf{{{holds: equal, version: text}}}, nil
		}
		return []allOf{swiftRange(text, v.nextSwift(form.op == "minor"), less)}, nil
	}
	i, holds := strings.Index(rest, "..<"), less
	if i < 0 {
		i, holds = strings.Index(rest, "..."), less|equal
	}
	if i < 0 {
		text, _, err := readSwiftVersion(constraint, start, end)
		if err != nil {
			return nil, err
		}
		return []allOf{{{holds: equal, version: text}}}, nil
	}
	lower, _, err := readSwiftVersion(constraint, start, start+i)
	if err != nil {
		return nil, err
	}
	upper, _, err := readSwiftVersion(constraint, start+i+len("..<"), end)
	if err != nil {
		return nil, err
	}
	return []allOf{swiftRange(lower, upper, holds)}, nil
}

// readSwiftVersion reads the version constraint[start:end], which may be in
// quotes.
func readSwiftVersion(constraint string, start, end int) (string, semver, *ParseError) {
	start, end = trimBlanks(constraint, start, end)
	if end-start >= 2 && constraint[start] == '"' && constraint[end-1] == '"' {
		start, end = start+1, end-1
	}
	v, err := parseSemver(Swift, constraint[start:end])
	switch {
	case err != nil:
		return "", semver{}, within(err, constraint, start)
	case end-start > maxVersion-1: // the next version may be longer
		return "", semver{}, &ParseError{Scheme: Swift, Text: constraint, Pos: start, Reason: reasonTooLong}
	}
	return constraint[start:end], v, nil
}

// nextSwift returns the version that increases the first or second number.
func (p semver) nextSwift(minor bool) string {
	first, rest, _ := strings.Cut(p.numbers, ".")
	if !minor {
		return incrementDigits(first)
	}
	second, _, _ := strings.Cut(rest, ".")
	if second == "" {
		second = "0"
	}
	return first + "." + incrementDigits(second)
}

// swiftRange returns the versions from lower to upper, which holds tells to be
// in the range or not.
func swiftRange(lower, upper string, holds relation) allOf {
	return allOf{
		{holds: equal | greater, version: lower},
		{holds: holds, version: upper},
		{test: func(v string) bool {
			p, errP := parseSemver(Swift, v)
			from, errFrom := parseSemver(Swift, lower)
			to, errTo := parseSemver(Swift, upper)
			switch {
			case errP != nil || errFrom != nil || errTo != nil:
				return false
			case p.pre == "" || to.pre != "":
				return true
			}
			return from.pre != "" && compareSemverNumbers(p.numbers, to.numbers) != 0
		}},
	}
}
