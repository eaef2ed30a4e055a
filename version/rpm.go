package version

import "strings"

// Versions of rpm, [epoch:]version[-release], are described in rpm-version(7),
// https://rpm.org/docs/latest/man/rpm-version.7, and their order in the
// manual, https://rpm-software-management.github.io/rpm/manual/dependencies.html#versioning.
//
// The order is that of "rpm.vercmp" and "rpmdev-vercmp": a version without a
// release is lower than the same one with any release, and a missing epoch is
// 0. It is a total order. Dependencies follow another rule, by which a missing
// release stands for all: see [Satisfies] and overlapsRPM.
//
// What rpm compares is accepted here, also what could not be built as a
// package: empty parts, blanks and bytes beyond ASCII. These bytes separate
// as all others do that are no letters, digits, "~" or "^".

// rpmVersion is a version in its parts.
type rpmVersion struct {
	epoch            string // digits; none are the same as 0
	version, release string
	hasRelease       bool
}

func compareRPM(a, b string) (int, error) {
	va, err := parseRPM(RPM, a)
	if err != nil {
		return 0, err
	}
	vb, err := parseRPM(RPM, b)
	if err != nil {
		return 0, err
	}
	if c := compareDigits(va.epoch, vb.epoch); c != 0 {
		return c, nil
	}
	if c := compareRPMPart(va.version, vb.version); c != 0 {
		return c, nil
	}
	if !va.hasRelease || !vb.hasRelease {
		return compareRelease(va, vb), nil
	}
	return compareRPMPart(va.release, vb.release), nil
}

// compareRelease compares versions that differ only in the release, which
// at least one of them does not have: that one is lower.
func compareRelease(a, b rpmVersion) int {
	switch {
	case a.hasRelease:
		return 1
	case b.hasRelease:
		return -1
	}
	return 0
}

// parseRPM splits a version of rpm or of a relative. Digits before ":" are the
// epoch, what follows the last "-" is the release.
func parseRPM(s Scheme, v string) (rpmVersion, *ParseError) {
	switch {
	case v == "":
		return rpmVersion{}, &ParseError{Scheme: s, Text: v, Reason: reasonEmpty}
	case len(v) > maxVersion:
		return rpmVersion{}, &ParseError{Scheme: s, Text: v, Pos: maxVersion, Reason: reasonTooLong}
	}
	hyphen := -1
	for i := range len(v) {
		switch v[i] {
		case '-':
			hyphen = i
		case 0: // the end of the text for rpm, which hides what follows
			return rpmVersion{}, &ParseError{Scheme: s, Text: v, Pos: i, Reason: "zero byte"}
		}
	}
	var r rpmVersion
	end := len(v)
	if hyphen >= 0 {
		r.release, r.hasRelease, end = v[hyphen+1:], true, hyphen
	}
	digits, rest := cutDigits(v[:end])
	if rest != "" && rest[0] == ':' {
		r.epoch, r.version = digits, rest[1:]
	} else {
		r.version = v[:end]
	}
	return r, nil
}

// A version or release is a sequence of runs of digits, runs of letters, "~"
// and "^"; all else only separates. At the first difference these codes
// decide. They are also the first bytes of the items in a key.
const (
	rpmTilde  = 1
	rpmEnd    = 2
	rpmCaret  = 3
	rpmAlpha  = 4                       // the letters follow
	rpmNumber = 5                       // the first of numberCodes
	rpmLetter = rpmNumber + numberCodes // the first of 52: above all that may come after a run of letters
)

// nextRPM skips what separates at the beginning of s and returns the code of
// what follows.
func nextRPM(s string) (code byte, rest string) {
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c):
			return rpmNumber, s[i:]
		case isLower(c), isUpper(c):
			return rpmAlpha, s[i:]
		case c == '~':
			return rpmTilde, s[i+1:]
		case c == '^':
			return rpmCaret, s[i+1:]
		}
	}
	return rpmEnd, ""
}

// compareRPMPart compares two versions or two releases. See "Sorting" in
// https://rpm.org/docs/latest/man/rpm-version.7.
func compareRPMPart(a, b string) int {
	if a == b {
		return 0
	}
	for {
		var code, other byte
		code, a = nextRPM(a)
		other, b = nextRPM(b)
		if code != other {
			if code < other {
				return -1
			}
			return 1
		}
		var x, y string
		switch code {
		case rpmEnd:
			return 0
		case rpmAlpha:
			x, a = cutLetters(a)
			y, b = cutLetters(b)
			if c := strings.Compare(x, y); c != 0 {
				return c
			}
		case rpmNumber:
			x, a = cutDigits(a)
			y, b = cutDigits(b)
			if c := compareDigits(x, y); c != 0 {
				return c
			}
		}
	}
}

// cutLetters splits s after its leading letters of ASCII.
func cutLetters(s string) (letters, rest string) {
	i := 0
	for i < len(s) && (isLower(s[i]) || isUpper(s[i])) {
		i++
	}
	return s[:i], s[i:]
}

// appendRPMKey appends the epoch, the version and, if there is one, the
// release. A key without a release is the beginning of the keys with one, and
// so lower.
func appendRPMKey(dst []byte, v string) ([]byte, error) {
	r, err := parseRPM(RPM, v)
	if err != nil {
		return nil, err
	}
	dst = appendNumber(dst, 0, r.epoch)
	dst = appendRPMPart(dst, r.version)
	if r.hasRelease {
		dst = appendRPMPart(dst, r.release)
	}
	return dst, nil
}

func appendRPMPart(dst []byte, s string) []byte {
	for {
		var code byte
		var run string
		code, s = nextRPM(s)
		switch code {
		case rpmAlpha:
			run, s = cutLetters(s)
			dst = appendLetters(append(dst, code), rpmLetter, run)
		case rpmNumber:
			run, s = cutDigits(s)
			dst = appendNumber(dst, rpmNumber, run)
		default:
			dst = append(dst, code)
			if code == rpmEnd {
				return dst
			}
		}
	}
}

// appendLetters appends letters of ASCII as one of 52 codes each.
func appendLetters(dst []byte, base byte, letters string) []byte {
	for i := range len(letters) {
		c := letters[i]
		if isUpper(c) {
			dst = append(dst, base+c-'A')
		} else {
			dst = append(dst, base+26+c-'a')
		}
	}
	return dst
}

// parseRPMConstraint parses what follows the name of a package in a
// dependency, https://rpm-software-management.github.io/rpm/manual/dependencies.html.
// rpm repeats the name for each comparison, which is left out here.
func parseRPMConstraint(constraint string) ([]allOf, *ParseError) {
	return parseReleaseConstraint(RPM, constraint)
}

// parseReleaseConstraint parses comparisons, separated by commas or blanks,
// which take a missing release for any release.
func parseReleaseConstraint(s Scheme, constraint string) ([]allOf, *ParseError) {
	fail := func(pos int, reason string) ([]allOf, *ParseError) {
		return nil, &ParseError{Scheme: s, Text: constraint, Pos: pos, Reason: reason}
	}
	var set allOf
	start, end := trimBlanks(constraint, 0, len(constraint))
	for start < end {
		op := start
		for start < end && strings.IndexByte("<=>", constraint[start]) >= 0 {
			start++
		}
		admitted := releaseOperator(s, constraint[op:start])
		if admitted == 0 {
			return fail(op, "unknown operator")
		}
		start, _ = trimBlanks(constraint, start, end)
		from := start
		for start < end && !isBlank(constraint[start]) && strings.IndexByte("<=>,", constraint[start]) < 0 {
			start++
		}
		if from == start {
			return fail(from, "no version")
		}
		want := constraint[from:start]
		if _, err := parseRPM(s, want); err != nil {
			return nil, within(err, constraint, from)
		}
		set = append(set, comparator{holds: admitted, kind: anyRelease, version: want})
		start, _ = trimBlanks(constraint, start, end)
		if start < end && constraint[start] == ',' {
			if start, _ = trimBlanks(constraint, start+1, end); start == end {
				return fail(start, "nothing after the comma")
			}
		}
	}
	return []allOf{set}, nil
}

// releaseOperator returns what an operator admits; an unknown one admits
// nothing.
func releaseOperator(s Scheme, op string) relation {
	switch op {
	case "<":
		return less
	case "<=":
		return less | equal
	case "=", "":
		return equal
	case ">=":
		return equal | greater
	case ">":
		return greater
	}
	if s == RPM { // other spellings that its parser of spec files knows
		switch op {
		case "=<":
			return less | equal
		case "==":
			return equal
		case "=>":
			return equal | greater
		}
	}
	return 0
}

// overlaps reports whether a package of version v meets a dependency on want.
func overlaps(s Scheme, holds relation, v, want string) bool {
	if s == ALPM {
		return overlapsALPM(holds, v, want)
	}
	return overlapsRPM(holds, v, want)
}

// overlapsRPM is overlaps for rpm. If all but the releases are equal and only
// one side has a release, the other side stands for all releases. That meets
// every dependency where it is v, and only "=", "<=" and ">=" where it is
// want. An empty release counts as missing.
func overlapsRPM(holds relation, v, want string) bool {
	a, _ := parseRPM(RPM, v)
	b, _ := parseRPM(RPM, want)
	c := compareDigits(a.epoch, b.epoch)
	if c == 0 {
		c = compareRPMPart(a.version, b.version)
	}
	if c == 0 {
		switch {
		case a.release != "" && b.release != "":
			c = compareRPMPart(a.release, b.release)
		case b.release != "":
			return true
		}
	}
	return holds.holds(c)
}
