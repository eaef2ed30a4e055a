package version

import (
	"bytes"
	"strings"
)

// Maven versions have no grammar: any text is a version. How it is taken
// apart and ordered is described in
// https://maven.apache.org/pom.html#version-order-specification and done by
// org.apache.maven.artifact.versioning.ComparableVersion, here as of Maven
// 3.9. Upper case is as lower case.
//
// A version is a row of numbers and qualifiers, set apart by "." and "-" and
// by the change from one to the other, which is as "-". In one place there
// may stand, in ascending order,
//
//   - alpha, beta, milestone, rc (also cr) and snapshot, of which a, b and m
//     are short forms right before a digit,
//   - nothing, which is also what "ga", "final", "release" and zeros are at
//     the end and before "-",
//   - sp, then other qualifiers in the order of their texts,
//   - a number after "-", and a number after ".".
//
// ComparableVersion's order is not transitive, so that neither keys nor a
// sorted list can follow it everywhere. In these places Compare and Key depart
// from it:
//
//   - A qualifier between "." and "." or "-" is below all qualifiers after "-",
//     but zeros before it are not left out: "1.sp.1" < "1-alpha" < "1" <
//     "1.sp.1", and "1" < "1-1" < "1.0.rc-1" < "1". Here "." before a qualifier
//     is always as "-", as the specification says and as ComparableVersion does
//     at the end of a version and before digits.
//   - What is left out at the beginning and after "-" leaves an empty place
//     that ranks above qualifiers: "1-0-alpha" > "1-sp" > "1" > "1-0-alpha".
//     Here "1-0-alpha" = "1-alpha". Before a number the place is kept:
//     "1-0-1" < "1-1", "1-x" < "1-ga1" < "1-1".
//   - More than nine zeros and nothing else are above nine digits of any value.
//     Here they are zero.
//
// Beyond ASCII, digits are letters, as they are from Maven 4 on, and texts are
// ordered as UTF-8. Control characters are refused.

// mavenToken is a number or a qualifier.
type mavenToken struct {
	code byte   // the code of a qualifier, mavenNumber for a number
	text string // digits, or the qualifier for mavenText

	// sub is true if the token begins a list of its own within the list of
	// those before, as it does after "-".
	sub  bool
	drop bool // stands for nothing
}

// The codes of keys, in the order of what may stand in one place. A key is a
// row of tokens and mavenEnd. A text ends with 0. A number is preceded by
// mavenSub if it begins a list, and by mavenDeep and the depth if it begins
// lists within each other.
const (
	mavenAlpha = iota + 1
	mavenBeta
	mavenMilestone
	mavenRC
	mavenSnapshot
	mavenEnd
	mavenRelease // only before a number that counts
	mavenSP
	mavenText
	mavenDeep
	mavenSub
	mavenNumber // the first of numberCodes
)

// compareMaven compares keys: what a token means depends on all that follow,
// and keys of usual length stay on the stack.
func compareMaven(a, b string) (int, error) {
	var bufA, bufB [96]byte
	x, err := appendMavenKey(bufA[:0], a)
	if err != nil {
		return 0, err
	}
	y, err := appendMavenKey(bufB[:0], b)
	if err != nil {
		return 0, err
	}
	return bytes.Compare(x, y), nil
}

func checkMaven(v string) *ParseError {
	switch {
	case v == "":
		return &ParseError{Scheme: Maven, Text: v, Reason: reasonEmpty}
	case len(v) > maxVersion:
		return &ParseError{Scheme: Maven, Text: v, Pos: maxVersion, Reason: reasonTooLong}
	}
	for i := range len(v) {
		if v[i] < ' ' || v[i] == 0x7f {
			return &ParseError{Scheme: Maven, Text: v, Pos: i, Reason: "control character"}
		}
	}
	return nil
}

func appendMavenKey(dst []byte, v string) ([]byte, error) {
	if err := checkMaven(v); err != nil {
		return nil, err
	}
	var buf [16]mavenToken
	tokens := appendMavenTokens(buf[:0], strings.ToLower(v))
	trimMaven(tokens)
	depth := 0
	for _, t := range tokens {
		if t.sub {
			depth++
		}
		if t.drop {
			continue
		}
		switch {
		case t.code == mavenText:
			dst = append(dst, mavenText)
			dst = append(dst, t.text...)
			dst = append(dst, 0) // below all letters
		case t.code != mavenNumber:
			dst = append(dst, t.code)
		default:
			if depth > 1 { // the deeper the lower
				under := maxVersion - depth
				dst = append(dst, mavenDeep, byte(under>>8), byte(under))
			} else if depth == 1 {
				dst = append(dst, mavenSub)
			}
			dst = appendNumber(dst, mavenNumber, t.text)
		}
		depth = 0
	}
	return append(dst, mavenEnd), nil
}

// appendMavenTokens takes a version apart, which is in lower case.
func appendMavenTokens(tokens []mavenToken, v string) []mavenToken {
	sub := false
	for v != "" {
		t := mavenToken{code: mavenNumber, sub: sub}
		switch {
		case v[0] == '.' || v[0] == '-': // no number is 0
		case isDigit(v[0]):
			t.text, v = cutDigits(v)
		default:
			n := 1
			for n < len(v) && v[n] != '.' && v[n] != '-' && !isDigit(v[n]) {
				n++
			}
			t.text, v = v[:n], v[n:]
			beforeDigit := v != "" && isDigit(v[0])
			t.code = mavenQualifier(t.text, beforeDigit)
			if len(tokens) > 0 && (v == "" || beforeDigit) {
				t.sub = true
			}
		}
		tokens = append(tokens, t)
		sub = v != "" && v[0] != '.'
		if v != "" && (v[0] == '.' || v[0] == '-') {
			v = v[1:]
		}
	}
	return tokens
}

// mavenQualifier returns the code of a qualifier.
func mavenQualifier(s string, beforeDigit bool) byte {
	if beforeDigit {
		switch s {
		case "a":
			return mavenAlpha
		case "b":
			return mavenBeta
		case "m":
			return mavenMilestone
		}
	}
	switch s {
	case "alpha":
		return mavenAlpha
	case "beta":
		return mavenBeta
	case "milestone":
		return mavenMilestone
	case "rc", "cr":
		return mavenRC
	case "snapshot":
		return mavenSnapshot
	case "ga", "final", "release":
		return mavenRelease
	case "sp":
		return mavenSP
	}
	return mavenText
}

// trimMaven marks what stands for nothing: zeros and release qualifiers, but
// for those before a number in the same list. It goes from the end to the
// beginning, as what is left out uncovers more.
func trimMaven(tokens []mavenToken) {
	counts := false // whether a number in the same list follows
	for i := len(tokens) - 1; i >= 0; i-- {
		t := &tokens[i]
		null := t.code == mavenRelease || t.code == mavenNumber && trimZeros(t.text) == ""
		if t.drop = null && !counts; !t.drop {
			counts = t.code == mavenNumber && !t.sub
		}
	}
}

// parseMavenConstraint parses a requirement as
// https://maven.apache.org/pom.html#dependency-version-requirement-specification
// describes it and org.apache.maven.artifact.versioning.VersionRange reads it:
// intervals that ascend, of which one must hold the version. Unlike there,
// blanks around all are left out, and a bound or bare version has neither
// brackets nor commas nor the operators of other ecosystems, which Maven would
// take for a version.
func parseMavenConstraint(constraint string) ([]allOf, *ParseError) {
	fail := func(pos int, reason string) ([]allOf, *ParseError) {
		return nil, &ParseError{Scheme: Maven, Text: constraint, Pos: pos, Reason: reason}
	}
	start, end := trimBlanks(constraint, 0, len(constraint))
	if c := constraint[start]; c != '[' && c != '(' {
		// A recommendation, which every version meets.
		if _, err := mavenBound(constraint, start, end); err != nil {
			return nil, err
		}
		return []allOf{{}}, nil
	}
	var any []allOf
	last := "" // the upper bound of the interval before
	for start < end {
		if c := constraint[start]; c != '[' && c != '(' {
			return fail(start, "not an interval")
		}
		length := strings.IndexAny(constraint[start:end], ")]")
		if length < 0 {
			return fail(start, "interval not closed")
		}
		set, low, high, err := parseMavenInterval(constraint, start, start+length)
		if err != nil {
			return nil, err
		}
		if last != "" {
			if low == "" {
				return fail(start, "intervals overlap")
			}
			if cmp, _ := compareMaven(low, last); cmp < 0 {
				return fail(start, "intervals overlap")
			}
		}
		last = high
		any = append(any, set)
		start, _ = trimBlanks(constraint, start+length+1, end)
		if start < end && constraint[start] == ',' {
			start, _ = trimBlanks(constraint, start+1, end)
		}
	}
	return any, nil
}

// parseMavenInterval parses an interval between the brackets at open and
// closing. A bound that is absent is the empty text.
func parseMavenInterval(constraint string, open, closing int) (set allOf, low, high string, err *ParseError) {
	fail := func(reason string) (allOf, string, string, *ParseError) {
		return nil, "", "", &ParseError{Scheme: Maven, Text: constraint, Pos: open, Reason: reason}
	}
	withLow, withHigh := constraint[open] == '[', constraint[closing] == ']'
	comma := strings.IndexByte(constraint[open:closing], ',')
	if comma < 0 {
		if !withLow || !withHigh {
			return fail("a single version needs square brackets")
		}
		start, end := trimBlanks(constraint, open+1, closing)
		if low, err = mavenBound(constraint, start, end); err != nil {
			return nil, "", "", err
		}
		return allOf{{holds: equal, version: low}}, low, low, nil
	}
	comma += open
	if start, end := trimBlanks(constraint, open+1, comma); start < end {
		if low, err = mavenBound(constraint, start, end); err != nil {
			return nil, "", "", err
		}
		set = append(set, comparator{holds: inclusive(greater, withLow), version: low})
	}
	if start, end := trimBlanks(constraint, comma+1, closing); start < end {
		if high, err = mavenBound(constraint, start, end); err != nil {
			return nil, "", "", err
		}
		set = append(set, comparator{holds: inclusive(less, withHigh), version: high})
	}
	if low != "" && high != "" {
		cmp, _ := compareMaven(low, high)
		if cmp > 0 || cmp == 0 && !(withLow && withHigh) {
			return fail("bounds in the wrong order")
		}
	}
	return set, low, high, nil
}

// mavenBound returns the version constraint[start:end].
func mavenBound(constraint string, start, end int) (string, *ParseError) {
	v := constraint[start:end]
	if i := strings.IndexAny(v, "[](),<>=|"); i >= 0 {
		return "", &ParseError{Scheme: Maven, Text: constraint, Pos: start + i, Reason: "not allowed in a version here"}
	}
	if err := checkMaven(v); err != nil {
		return "", within(err, constraint, start)
	}
	return v, nil
}

// inclusive adds equality to a relation if the bound belongs to an interval.
func inclusive(r relation, with bool) relation {
	if with {
		r |= equal
	}
	return r
}
