package version

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoVERS is wrapped by the error for a range that VERS has no words for.
var ErrNoVERS = errors.New("no VERS notation")

const versPrefix = "vers:"

// ParseVERS parses a version range specifier, such as
// "vers:npm/>=1.0.0|<2.0.0", as section 5 of
// https://github.com/package-url/vers-spec/blob/main/docs/specification/standard/Clause-5-VERS-Specification.md
// defines it. The type is a name that [ParseScheme] knows. Versions are
// compared by [Compare] and nothing else: rules that the ecosystem's own
// constraints have beside, as npm's for pre-releases, are not applied.
//
// The specification leaves open what a lone ">=1.0" or "!=1.0" contains. It is
// what it says: all versions from 1.0 on, and all but 1.0. Beside other
// constraints "!=" only takes away.
//
// The error is a [*ParseError] if the text is malformed or not canonical:
// versions that do not ascend or are equal, "=" before a version, blanks or
// comparators in an order that makes no sense. Its Scheme is zero where the
// type is wrong, and it wraps [ErrUnknownScheme] if the type is not known.
func ParseVERS(uri string) (Range, error) {
	if err := checkConstraint(0, uri); err != nil {
		return Range{}, err
	}
	name, rest, ok := strings.Cut(strings.TrimPrefix(uri, versPrefix), "/")
	switch {
	case !strings.HasPrefix(uri, versPrefix):
		return Range{}, &ParseError{Text: uri, Reason: `does not begin with "vers:"`}
	case !ok:
		return Range{}, &ParseError{Text: uri, Pos: len(uri), Reason: "no slash after the type"}
	case !isVERSType(name):
		return Range{}, &ParseError{Text: uri, Pos: len(versPrefix), Reason: "not a type in lower case"}
	}
	s, err := ParseScheme(name)
	if err != nil {
		return Range{}, err
	}
	r := Range{scheme: s, text: uri}
	if rest == "*" {
		r.any = []allOf{{}}
		return r, nil
	}
	constraints, perr := parseVERSConstraints(s, uri, len(uri)-len(rest))
	if perr != nil {
		return Range{}, perr
	}
	r.any = versSets(constraints)
	return r, nil
}

// isVERSType reports whether name may be a type.
func isVERSType(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !isLower(c) && (i == 0 || !isDigit(c) && c != '.' && c != '-') {
			return false
		}
	}
	return name != ""
}

// parseVERSConstraints parses uri[start:] and checks the rules of sections
// 5.3.3 and 5.4.
func parseVERSConstraints(s Scheme, uri string, start int) ([]comparator, *ParseError) {
	fail := func(pos int, reason string) ([]comparator, *ParseError) {
		return nil, &ParseError{Scheme: s, Text: uri, Pos: pos, Reason: reason}
	}
	var list []comparator
	var bound, last relation // the last of "<", "<=", ">" and ">="; the same or "="
	for start <= len(uri) {
		end := start
		for end < len(uri) && uri[end] != '|' {
			end++
		}
		holds, size := versComparator(uri[start:end])
		from := start + size
		switch {
		case start == end:
			return fail(start, "empty constraint")
		case uri[from-size] == '=':
			return fail(start, `"=" is not written`)
		case from == end:
			return fail(from, "no version")
		}
		text, pos, reason := unescapeVERS(uri, from, end)
		if reason != "" {
			return fail(pos, reason)
		}
		// The offset within an unescaped version would mean nothing.
		if _, err := Compare(s, text, text); err != nil {
			perr := &ParseError{Reason: "not a version"}
			errors.As(err, &perr)
			return fail(from, perr.Reason)
		}
		if len(list) > 0 {
			if c, err := Compare(s, list[len(list)-1].version, text); err != nil || c >= 0 {
				return fail(from, "versions do not ascend")
			}
		}
		list = append(list, comparator{holds: holds, version: text})
		switch {
		case holds == less|greater:
		case holds == equal:
			last = equal
		case holds&less != 0:
			if last == equal || bound&less != 0 {
				return fail(start, `"<" that adds nothing`)
			}
			bound, last = holds, holds
		default:
			if bound&greater != 0 {
				return fail(start, `">" that adds nothing`)
			}
			bound, last = holds, holds
		}
		start = end + 1
	}
	return list, nil
}

// versComparator returns what the comparator at the beginning of a constraint
// admits, and its length.
func versComparator(constraint string) (holds relation, size int) {
	switch {
	case strings.HasPrefix(constraint, ">="):
		return equal | greater, 2
	case strings.HasPrefix(constraint, "<="):
		return less | equal, 2
	case strings.HasPrefix(constraint, "!="):
		return less | greater, 2
	case strings.HasPrefix(constraint, "<"):
		return less, 1
	case strings.HasPrefix(constraint, ">"):
		return greater, 1
	}
	return equal, 0
}

// unescapeVERS returns the version uri[start:end] without percent-encoding, or
// where and why it is not one.
func unescapeVERS(uri string, start, end int) (text string, pos int, reason string) {
	plain := true
	for i := start; i < end; i++ {
		c := uri[i]
		switch {
		case c == '%':
			if end-i < 3 || unhex(uri[i+1]) < 0 || unhex(uri[i+2]) < 0 {
				return "", i, "not a percent-encoding"
			}
			plain = false
		case c <= ' ' || c >= 0x7f:
			return "", i, "not a printable character of ASCII"
		case strings.IndexByte("<>=!*", c) >= 0:
			return "", i, "character must be percent-encoded"
		}
	}
	if plain {
		return uri[start:end], 0, ""
	}
	out := make([]byte, 0, end-start)
	for i := start; i < end; i++ {
		c := uri[i]
		if c == '%' {
			c = byte(unhex(uri[i+1])<<4 | unhex(uri[i+2]))
			i += 2
		}
		out = append(out, c)
	}
	return string(out), 0, ""
}

// unhex returns the value of a hexadecimal digit, -1 if it is none.
func unhex(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// versSets turns valid constraints, which ascend, into sets that do not
// overlap. A "!=" counts in the set that it lies in only, so that their size
// stays linear. See "Checking if a version is contained within a range" in
// https://github.com/package-url/vers-spec/blob/main/docs/specification/how-to-parse.md.
func versSets(list []comparator) []allOf {
	var sets []allOf
	var open allOf // the set that began and has not ended
	others := false
	unequal := true // the "!=" before the first bound may lie in its set
	for _, c := range list {
		switch {
		case c.holds == less|greater:
			if unequal || len(open) > 0 {
				open = append(open, c)
			}
			continue
		case c.holds == equal:
			sets = append(sets, allOf{c})
		case c.holds&less != 0:
			sets = append(sets, append(open, c))
			open, unequal = nil, false
		default:
			open, unequal = allOf{c}, false
		}
		others = true
	}
	if len(open) > 0 && (!others || !unequal) {
		sets = append(sets, open)
	}
	return sets
}

// VERS returns the range as a canonical version range specifier: simplified,
// in ascending order, with the name of the scheme as the type. See [ParseVERS].
//
// VERS has nothing but bounds and single versions. [NPM] and [Cargo] ranges
// admit fewer pre-releases than their bounds do, which is left out, as it is
// in the mapping that VERS itself has for npm. A bound of [RPM] and [ALPM]
// that has a release means the same in VERS for all versions with a release.
//
// The error wraps [ErrNoVERS] for a range that contains nothing and for one
// that is more than bounds, such as a wildcard, and [ErrUnknownScheme] for the
// zero value.
func (r Range) VERS() (string, error) {
	if r.scheme == 0 {
		return "", r.scheme.unknown()
	}
	points, ok := r.points()
	if !ok {
		return "", fmt.Errorf("version: %w: %v range %q", ErrNoVERS, r.scheme, clip(r.text))
	}
	regions := r.regions(points)
	out := append(append([]byte(versPrefix), r.scheme.String()...), '/')
	size := len(out)
	for i, version := range points {
		below, at, above := regions[2*i], regions[2*i+1], regions[2*i+2]
		comparator := ""
		switch {
		case below == at && at == above:
			continue
		case at && above:
			comparator = ">="
		case above && !below:
			comparator = ">"
		case below && at:
			comparator = "<="
		case below && !above:
			comparator = "<"
		case below:
			comparator = "!="
		}
		if len(out) > size {
			out = append(out, '|')
		}
		out = escapeVERS(append(out, comparator...), r.scheme.complete(version))
	}
	if len(out) == size {
		if !regions[0] {
			return "", fmt.Errorf("version: %w: %v range %q is empty", ErrNoVERS, r.scheme, clip(r.text))
		}
		out = append(out, '*')
	}
	return string(out), nil
}

// complete returns a version of Semantic Versioning with all three numbers.
// Bounds may have fewer, such as the "2-0" that "^1.2.3" ends at, and not
// every reader of VERS knows these.
func (s Scheme) complete(version string) string {
	switch s {
	case SemVer, NPM, Cargo, Hex, Pub:
	default:
		return version
	}
	end := 0
	for end < len(version) && (isDigit(version[end]) || version[end] == '.') {
		end++
	}
	if dots := strings.Count(version[:end], "."); end > 0 && version[end-1] != '.' && dots < 2 {
		return version[:end] + ".0.0"[2*dots:] + version[end:]
	}
	return version
}

// points returns the versions that bound the range, ascending. It returns
// false if the range has more than bounds.
func (r Range) points() (points []string, ok bool) {
	for _, set := range r.any {
		for _, c := range set {
			if c.test != nil && (r.scheme == NPM || r.scheme == Cargo) {
				continue // what semverPreRule returns
			}
			if !c.isBound() {
				return nil, false
			}
			points = append(points, c.version)
		}
	}
	order := func(a, b string) int {
		c, _ := Compare(r.scheme, a, b) // both are valid
		return c
	}
	slices.SortStableFunc(points, order)
	return slices.CompactFunc(points, func(a, b string) bool { return order(a, b) == 0 }), true
}

// isBound reports whether the comparator compares by the scheme's order.
func (c comparator) isBound() bool {
	switch {
	case c.test != nil:
		return false
	case c.kind == anyRelease && c.holds != less && c.holds != equal|greater:
		// Those two part versions at the lowest release, the one that is
		// missing, as the scheme's order does.
		v, _ := parseRPM(RPM, c.version)
		return v.release != ""
	case c.kind == anyRelease:
		return true
	}
	return c.kind == plain
}

// regions tells for each point, and for what is below the first, between two
// and above the last, whether it is in the range.
func (r Range) regions(points []string) []bool {
	// By how much the number of sets that hold a region differs from that of
	// the region before.
	steps := make([]int, 2*len(points)+2)
	for _, set := range r.any {
		low, high := 0, 2*len(points)
		var without []int
		for _, c := range set {
			if c.test != nil {
				continue
			}
			i, _ := slices.BinarySearchFunc(points, c.version, func(point, version string) int {
				result, _ := Compare(r.scheme, point, version)
				return result
			})
			at := 2*i + 1
			switch {
			case c.holds == less|greater:
				without = append(without, at)
			case c.holds == 0:
				high = -1
			}
			if c.holds&less == 0 {
				low = max(low, at)
				if c.holds&equal == 0 {
					low = max(low, at+1)
				}
			}
			if c.holds&greater == 0 {
				high = min(high, at)
				if c.holds&equal == 0 {
					high = min(high, at-1)
				}
			}
		}
		if low > high {
			continue
		}
		steps[low]++
		steps[high+1]--
		slices.Sort(without)
		for _, at := range slices.Compact(without) {
			if low <= at && at <= high {
				steps[at]--
				steps[at+1]++
			}
		}
	}
	regions := make([]bool, 2*len(points)+1)
	count := 0
	for i := range regions {
		count += steps[i]
		regions[i] = count > 0
	}
	return regions
}

// escapeVERS appends a version in percent-encoding, which section 5.3.3.2
// demands for what has a meaning and for what is not printable.
func escapeVERS(dst []byte, version string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(version) {
		c := version[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("<>=!*|%", c) >= 0 {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}
