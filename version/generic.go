package version

import (
	"strconv"
	"strings"

	generic "github.com/aquasecurity/go-version/pkg/version"
)

// Generic versions are those of
// https://pkg.go.dev/github.com/aquasecurity/go-version/pkg/version:
//
//	[v]number{.number}[[-]identifier{.identifier}][+build]
//
// Numbers are compared from left to right, and missing ones are 0. A version
// with identifiers, a pre-release, is lower than the same numbers without.
// Identifiers are compared from left to right: numbers by value, other text
// by bytes, a number is lower than text, and a missing one is lowest. The
// build has no rank. Numbers must fit in 64 bits.
//
// Identifiers "x" and "X" are wildcards in that module, and equal to
// everything. As they fit into no order, they are refused here.

func compareGeneric(a, b string) (int, error) {
	va, err := parseGeneric(a)
	if err != nil {
		return 0, err
	}
	vb, err := parseGeneric(b)
	if err != nil {
		return 0, err
	}
	return va.Compare(vb), nil
}

// parseGeneric reads a version.
func parseGeneric(v string) (generic.Version, *ParseError) {
	fail := func(pos int, reason string) (generic.Version, *ParseError) {
		return generic.Version{}, &ParseError{Scheme: Generic, Text: v, Pos: pos, Reason: reason}
	}
	switch {
	case v == "":
		return fail(0, reasonEmpty)
	case len(v) > maxVersion:
		return fail(maxVersion, reasonTooLong)
	}
	parsed, err := generic.Parse(v)
	if err != nil {
		return fail(0, "not a dotted version, or a number is beyond 64 bits")
	}
	numbers, pre := splitGeneric(v)
	for id := range strings.SplitSeq(strings.TrimPrefix(pre, "-"), ".") {
		if id == "x" || id == "X" {
			return fail(len(numbers), "wildcard")
		}
	}
	return parsed, nil
}

// splitGeneric splits a version into its numbers and its pre-release, which
// may begin with "-".
func splitGeneric(v string) (numbers, pre string) {
	v, _, _ = strings.Cut(v, "+")
	i := 0
	if v != "" && v[0] == 'v' {
		i = 1
	}
	for i < len(v) && (isDigit(v[i]) || v[i] == '.') {
		i++
	}
	return v[:i], v[i:]
}

// The codes of keys. A key is the first number, the others without zeros at
// the end, then either genericRelease or genericPre and the identifiers, each
// a number or genericText and the text with a zero byte, then genericEnd.
const (
	genericPre     = 1
	genericRelease = 2
	genericEnd     = 1
	genericNumber  = 3 // the first of numberCodes
	genericText    = genericNumber + numberCodes
)

func appendGenericKey(dst []byte, v string) ([]byte, error) {
	parsed, err := parseGeneric(v)
	if err != nil {
		return nil, err
	}
	// The canonical text always has "-" before a pre-release.
	numbers, pre := splitGeneric(parsed.String())
	for strings.HasSuffix(numbers, ".0") {
		numbers = strings.TrimSuffix(numbers, ".0")
	}
	for n := range strings.SplitSeq(numbers, ".") {
		dst = appendNumber(dst, genericNumber, n)
	}
	if pre == "" {
		return append(dst, genericRelease), nil
	}
	dst = append(dst, genericPre)
	for id := range strings.SplitSeq(pre[1:], ".") {
		// What does not fit in 64 bits is text, even if it is all digits.
		if _, err := strconv.ParseUint(id, 10, 64); err == nil {
			dst = appendNumber(dst, genericNumber, id)
			continue
		}
		dst = append(dst, genericText)
		dst = append(dst, id...)
		dst = append(dst, 0)
	}
	return append(dst, genericEnd), nil
}

// parseGenericConstraint leaves the parsing and the tests to the module.
func parseGenericConstraint(constraint string) ([]allOf, *ParseError) {
	parsed, err := generic.NewConstraints(constraint)
	if err != nil {
		return nil, &ParseError{Scheme: Generic, Text: constraint, Reason: "not a constraint, or a number is beyond 64 bits"}
	}
	return []allOf{{{test: func(v string) bool {
		have, err := generic.Parse(v)
		return err == nil && parsed.Check(have)
	}}}}, nil
}
