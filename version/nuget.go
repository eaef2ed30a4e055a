package version

import (
	"bytes"
	"strings"
)

// NuGet versions are described in
// https://learn.microsoft.com/nuget/concepts/package-versioning:
//
//	number[.number[.number[.number]]][-label{.label}][+metadata]
//
// That is Semantic Versioning 2.0.0, https://semver.org/spec/v2.0.0.html#spec-item-11,
// with a fourth number, missing numbers, which are 0, and leading zeros, which
// do not count. Labels are compared without regard to case. Metadata has no
// rank.
//
// NuGet.Versioning holds numbers in 32 bits. It refuses larger ones and takes
// larger labels for text; here both are compared by value. It also takes a
// label such as "-5", which is text by the specification, for a negative number.

func compareNuGet(a, b string) (int, error) {
	// Keys of usual length stay on the stack.
	var bufA, bufB [96]byte
	x, err := appendNuGetKey(bufA[:0], a)
	if err != nil {
		return 0, err
	}
	y, err := appendNuGetKey(bufB[:0], b)
	if err != nil {
		return 0, err
	}
	return bytes.Compare(x, y), nil
}

// nugetVersion is a version in its parts.
type nugetVersion struct {
	numbers [4]string // digits, none for a number that is missing
	labels  string    // without "-", empty if there are none
}

func parseNuGet(v string) (nugetVersion, *ParseError) {
	fail := func(pos int, reason string) (nugetVersion, *ParseError) {
		return nugetVersion{}, &ParseError{Scheme: NuGet, Text: v, Pos: pos, Reason: reason}
	}
	if len(v) > maxVersion {
		return fail(maxVersion, reasonTooLong)
	}
	pos, end := trimBlanks(v, 0, len(v))
	if pos == end {
		return fail(0, reasonEmpty)
	}
	var n nugetVersion
	for i := range n.numbers {
		digits, _ := cutDigits(v[pos:end])
		if digits == "" {
			return fail(pos, "not a number")
		}
		n.numbers[i] = digits
		if pos += len(digits); pos == end || v[pos] != '.' {
			break
		}
		if i == len(n.numbers)-1 {
			return fail(pos, "more than four numbers")
		}
		pos++
	}
	if pos < end && v[pos] == '-' {
		length, ok := nugetLabels(v[pos+1 : end])
		if !ok {
			return fail(pos+1+length, "not a label")
		}
		n.labels = v[pos+1 : pos+1+length]
		pos += 1 + length
	}
	if pos < end && v[pos] == '+' {
		length, ok := nugetLabels(v[pos+1 : end])
		if pos += 1 + length; !ok {
			return fail(pos, "not metadata")
		}
	}
	if pos < end {
		return fail(pos, "not allowed here")
	}
	return n, nil
}

// nugetLabels returns the length of the labels at the beginning of s, and
// whether none is empty.
func nugetLabels(s string) (length int, ok bool) {
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c), isLower(c), isUpper(c), c == '-':
			ok = true
		case c == '.' && ok:
			ok = false
		default:
			return i, ok
		}
	}
	return len(s), ok
}

// The codes of keys. A key is the four numbers, then either nugetRelease or
// nugetPre and the labels, each a number or nugetText and the text with a zero
// byte, then nugetEnd.
const (
	nugetPre     = 1
	nugetRelease = 2
	nugetEnd     = 1
	nugetNumber  = 2 // the first of numberCodes
	nugetText    = nugetNumber + numberCodes
)

func appendNuGetKey(dst []byte, v string) ([]byte, error) {
	n, err := parseNuGet(v)
	if err != nil {
		return nil, err
	}
	for _, digits := range n.numbers {
		dst = appendNumber(dst, 0, digits)
	}
	if n.labels == "" {
		return append(dst, nugetRelease), nil
	}
	dst = append(dst, nugetPre)
	for label := range strings.SplitSeq(n.labels, ".") {
		if _, rest := cutDigits(label); rest == "" {
			dst = appendNumber(dst, nugetNumber, label)
			continue
		}
		dst = append(dst, nugetText)
		for i := range len(label) {
			c := label[i]
			if isUpper(c) {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
		}
		dst = append(dst, 0)
	}
	return append(dst, nugetEnd), nil
}

// parseNuGetConstraint parses a range as
// https://learn.microsoft.com/nuget/concepts/package-versioning#version-ranges
// describes it: an interval, or a version, which is the lowest that the range
// holds. A floating version, such as "1.*" or "1.0.0-beta*", chooses among
// versions that are on offer. What a range with one holds begins at the lowest
// version that "*" can stand for, and has no end but that of the interval.
func parseNuGetConstraint(constraint string) ([]allOf, *ParseError) {
	fail := func(pos int, reason string) ([]allOf, *ParseError) {
		return nil, &ParseError{Scheme: NuGet, Text: constraint, Pos: pos, Reason: reason}
	}
	start, end := trimBlanks(constraint, 0, len(constraint))
	withLow, withHigh := constraint[start] == '[', constraint[end-1] == ']'
	if !withLow && constraint[start] != '(' {
		low, err := nugetFloor(constraint, start, end)
		if err != nil {
			return nil, err
		}
		return []allOf{{{holds: equal | greater, version: low}}}, nil
	}
	if end-start < 2 || !withHigh && constraint[end-1] != ')' {
		return fail(start, "interval not closed")
	}
	start++
	end--
	comma := strings.IndexByte(constraint[start:end], ',')
	if comma < 0 {
		if !withLow || !withHigh {
			return fail(start-1, "a single version needs square brackets")
		}
		start, end = trimBlanks(constraint, start, end)
		if _, err := parseNuGet(constraint[start:end]); err != nil {
			return nil, within(err, constraint, start)
		}
		return []allOf{{{holds: equal, version: constraint[start:end]}}}, nil
	}
	comma += start
	set := allOf{}
	if from, to := trimBlanks(constraint, start, comma); from < to {
		low, err := nugetFloor(constraint, from, to)
		if err != nil {
			return nil, err
		}
		set = append(set, comparator{holds: inclusive(greater, withLow), version: low})
	}
	if from, to := trimBlanks(constraint, comma+1, end); from < to {
		if _, err := parseNuGet(constraint[from:to]); err != nil {
			return nil, within(err, constraint, from)
		}
		set = append(set, comparator{holds: inclusive(less, withHigh), version: constraint[from:to]})
	}
	return []allOf{set}, nil
}

// nugetFloor returns the version constraint[start:end], or the lowest one that
// it stands for if it floats. See
// https://learn.microsoft.com/nuget/concepts/dependency-resolution#floating-versions.
func nugetFloor(constraint string, start, end int) (string, *ParseError) {
	v := constraint[start:end]
	if strings.IndexByte(v, '*') >= 0 && strings.IndexByte(v, '+') < 0 {
		numbers, labels, pre := strings.Cut(v, "-")
		if numbers == "*" || strings.HasSuffix(numbers, ".*") {
			numbers = strings.TrimSuffix(numbers, "*") + "0"
		}
		v = numbers
		if pre {
			// "*" is any label, and "beta*" any that begins so, of which
			// "beta" is the lowest.
			labels = strings.TrimSuffix(labels, "*")
			if labels == "" || strings.HasSuffix(labels, ".") {
				labels += "0"
			}
			v += "-" + labels
		}
	}
	if _, err := parseNuGet(v); err != nil {
		err.Pos = min(err.Pos, end-start) // of the text that was given
		return "", within(err, constraint, start)
	}
	return v, nil
}
