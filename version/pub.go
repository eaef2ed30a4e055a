package version

import "strings"

// Versions of Dart's and Flutter's packages are those of the package
// pub_semver, https://pub.dev/packages/pub_semver: semantic versions, see
// semver.go, of which the builds have a rank, too. A version with a build is
// higher than one without, and builds are compared like pre-releases.
//
// That package reads identifiers with Dart's int.tryParse, so that "-1" and
// "0x1f" are numbers there. They are text here, as semver.org has it.

func comparePub(a, b string) (int, error) {
	va, err := parseSemver(Pub, a)
	if err != nil {
		return 0, err
	}
	vb, err := parseSemver(Pub, b)
	if err != nil {
		return 0, err
	}
	if c := va.compare(vb); c != 0 {
		return c, nil
	}
	return compareSemverIDs(va.build, vb.build, false, false), nil
}

// appendPubKey appends a build after the rest of the key, nothing if there is
// none: that sorts before all builds.
func appendPubKey(dst []byte, v string) ([]byte, error) {
	p, err := parseSemver(Pub, v)
	if err != nil {
		return nil, err
	}
	if dst = p.appendKey(dst); p.build != "" {
		dst = appendSemverIDs(dst, p.build, false)
	}
	return dst, nil
}

// parsePubConstraint parses a constraint,
// https://dart.dev/tools/pub/dependencies#version-constraints: "any", or "^",
// "<", "<=", ">=" or ">" and a version, or a version alone, of which all must
// hold. "^" leads to the next first number, or to the next second number if
// the first is 0.
//
// "<2.0.0" leaves out the pre-releases of 2.0.0, unless the lower bound is one
// of them: https://pub.dev/documentation/pub_semver/latest/pub_semver/VersionRange-class.html.
func parsePubConstraint(constraint string) ([]allOf, *ParseError) {
	start, end := trimBlanks(constraint, 0, len(constraint))
	if constraint[start:end] == "any" {
		return []allOf{{}}, nil
	}
	var set allOf
	var lower, upper comparator // the narrowest of all, no version if none
	for start < end {
		op, at := readSemverOperator(constraint, start, end)
		if op == "=" || op == "~" {
			return nil, &ParseError{Scheme: Pub, Text: constraint, Pos: start, Reason: semverNoOperator}
		}
		at, _ = trimBlanks(constraint, at, end)
		start = at
		for start < end && !isBlank(constraint[start]) && strings.IndexByte("<>^", constraint[start]) < 0 {
			start++
		}
		if at == start {
			return nil, &ParseError{Scheme: Pub, Text: constraint, Pos: at, Reason: semverNoVersion}
		}
		want := constraint[at:start]
		p, err := parseSemver(Pub, want)
		if err != nil {
			return nil, within(err, constraint, at)
		}
		switch op {
		case "":
			set = append(set, comparator{holds: equal, version: want})
		case "^":
			lower = higherPub(lower, comparator{holds: equal | greater, version: want})
			upper = lowerPub(upper, comparator{holds: less, version: p.nextBreakingPub() + "-0"})
		case ">", ">=":
			lower = higherPub(lower, comparator{holds: semverOperator(op), version: want})
		default:
			upper = lowerPub(upper, comparator{holds: semverOperator(op), version: want})
		}
		start, _ = trimBlanks(constraint, start, end)
	}
	if lower.version != "" {
		set = append(set, lower)
	}
	if upper.version != "" {
		set = append(set, openPub(lower, upper))
	}
	return []allOf{set}, nil
}

// higherPub returns the lower bound that leaves less.
func higherPub(a, b comparator) comparator {
	if a.version == "" {
		return b
	}
	if c, _ := comparePub(a.version, b.version); c > 0 || c == 0 && a.holds == greater {
		return a
	}
	return b
}

// lowerPub returns the upper bound that leaves less.
func lowerPub(a, b comparator) comparator {
	if a.version == "" {
		return b
	}
	if c, _ := comparePub(a.version, b.version); c < 0 || c == 0 && a.holds == less {
		return a
	}
	return b
}

// openPub moves an upper bound before the pre-releases of its version.
func openPub(lower, upper comparator) comparator {
	p, _ := parseSemver(Pub, upper.version) // has been checked
	if upper.holds != less || p.pre != "" || p.build != "" {
		return upper
	}
	if lower.version != "" {
		q, _ := parseSemver(Pub, lower.version)
		if q.pre != "" && compareSemverNumbers(p.numbers, q.numbers) == 0 {
			return upper
		}
	}
	return comparator{holds: less, version: p.numbers + "-0"}
}

// nextBreakingPub returns the lowest version that may not be compatible.
func (p semver) nextBreakingPub() string {
	major, rest, _ := strings.Cut(p.numbers, ".")
	if trimZeros(major) != "" {
		return incrementDigits(major)
	}
	minor, _, _ := strings.Cut(rest, ".")
	return "0." + incrementDigits("0"+minor)
}
