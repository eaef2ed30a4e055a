package version

import (
	"cmp"
	"strings"
)

// Versions of Conan 2 are any text,
// https://docs.conan.io/2/tutorial/versioning/versions.html#versions-order:
//
//	item{.item}[-item{.item}][+item{.item}]
//
// The first "-" begins the pre-release, the last "+" the build. Items are
// numbers, if all digits, or text. They are compared from left to right; zeros
// at the end have no rank, so that 1.0 = 1 and 1-rc.0 = 1-rc. A pre-release is
// lower than the version without, a build higher.
//
// Conan compares numbers by value, and texts by characters, also a text with
// the digits of a number. That is no order: 1a < 2 < 10 < 1a. Here, the number
// that an item begins with is compared first, by value, and then the text
// behind it; a number without text comes first: 1 < 1a < 2 < 10 < 10a. This
// differs from Conan only where at least one of the items has text and the
// numbers have different counts of digits: 9e < 10a here, and so 1.1.1k <
// 1.1.10, but not there. Zeros before such a number have no rank. Texts without a
// number are compared to all others by bytes.
//
// Conan reads items with Python's int, so that "1_0" and, behind the first
// "-", "-1" are numbers there. They are not here.

// conan is a version in its parts, which are parts of its text.
type conan struct {
	items, pre, build string
	hasPre, hasBuild  bool // an empty part is not the same as none
}

// parseConan splits a version. Conan takes any characters in its versions but
// wants those of names in package references, which are all in ASCII:
// https://docs.conan.io/2/reference/conanfile/attributes.html#version.
func parseConan(v string) (conan, *ParseError) {
	switch {
	case v == "":
		return conan{}, &ParseError{Scheme: Conan, Text: v, Reason: reasonEmpty}
	case len(v) > maxVersion:
		return conan{}, &ParseError{Scheme: Conan, Text: v, Pos: maxVersion, Reason: reasonTooLong}
	}
	for i := range len(v) {
		if v[i] <= ' ' || v[i] > '~' {
			return conan{}, &ParseError{Scheme: Conan, Text: v, Pos: i, Reason: "not a visible character of ASCII"}
		}
	}
	c := conan{items: v}
	if i := strings.LastIndexByte(v, '+'); i >= 0 {
		c.items, c.build, c.hasBuild = v[:i], v[i+1:], true
	}
	c.items, c.pre, c.hasPre = strings.Cut(c.items, "-")
	return c, nil
}

func compareConan(a, b string) (int, error) {
	va, err := parseConan(a)
	if err != nil {
		return 0, err
	}
	vb, err := parseConan(b)
	if err != nil {
		return 0, err
	}
	if c := compareConanItems(va.items, vb.items); c != 0 {
		return c, nil
	}
	switch {
	case va.hasPre && !vb.hasPre:
		return -1, nil
	case !va.hasPre && vb.hasPre:
		return 1, nil
	}
	if c := compareConanItems(va.pre, vb.pre); c != 0 {
		return c, nil
	}
	switch {
	case va.hasBuild && !vb.hasBuild:
		return 1, nil
	case !va.hasBuild && vb.hasBuild:
		return -1, nil
	}
	return compareConanItems(va.build, vb.build), nil
}

// A conanItem is the number that an item begins with and the rest.
type conanItem struct {
	code         byte
	digits, text string
}

// The codes of items. A key is the items, then conanPre and the items of the
// pre-release or conanRelease, then conanBuild and the items of the build or
// nothing. Each list of items but the first ends with conanEnd. An item is its
// code, or the number if it begins with one, and the text with a zero byte.
const (
	conanEnd     = 1
	conanPre     = 1
	conanRelease = 2
	conanBuild   = 3
	conanLow     = 4                         // a text below digits, even no text
	conanNumber  = conanLow + 1              // the first of numberCodes
	conanText    = conanNumber + numberCodes // a text above digits
)

// cutConanItem splits dotted items after the first. It must not be called
// with items of which trimConanZeros leaves nothing.
func cutConanItem(items string) (item conanItem, rest string, more bool) {
	text, rest, more := strings.Cut(items, ".")
	item.digits, item.text = cutDigits(text)
	switch {
	case item.digits != "":
		item.code = conanNumber
	case text != "" && text[0] > '9':
		item.code = conanText
	default:
		item.code = conanLow
	}
	return item, rest, more
}

// trimConanZeros cuts the items at the end that are 0. It reports whether
// there are others.
func trimConanZeros(items string) (string, bool) {
	for {
		i := len(items)
		for i > 0 && items[i-1] == '0' {
			i--
		}
		switch {
		case i == len(items):
			return items, true
		case i == 0:
			return "", false
		case items[i-1] != '.':
			return items, true
		}
		items = items[:i-1]
	}
}

func compareConanItems(a, b string) int {
	a, moreA := trimConanZeros(a)
	b, moreB := trimConanZeros(b)
	for moreA && moreB {
		var x, y conanItem
		x, a, moreA = cutConanItem(a)
		y, b, moreB = cutConanItem(b)
		if x.code != y.code {
			return cmp.Compare(x.code, y.code)
		}
		if c := compareDigits(x.digits, y.digits); c != 0 {
			return c
		}
		if c := strings.Compare(x.text, y.text); c != 0 {
			return c
		}
	}
	switch {
	case moreA:
		return 1
	case moreB:
		return -1
	}
	return 0
}

func appendConanKey(dst []byte, v string) ([]byte, error) {
	c, err := parseConan(v)
	if err != nil {
		return nil, err
	}
	dst = appendConanItems(dst, c.items)
	if c.hasPre {
		dst = append(appendConanItems(append(dst, conanPre), c.pre), conanEnd)
	} else {
		dst = append(dst, conanRelease)
	}
	if c.hasBuild {
		dst = append(appendConanItems(append(dst, conanBuild), c.build), conanEnd)
	}
	return dst, nil
}

func appendConanItems(dst []byte, items string) []byte {
	items, more := trimConanZeros(items)
	for more {
		var item conanItem
		item, items, more = cutConanItem(items)
		if item.code == conanNumber {
			dst = appendNumber(dst, conanNumber, item.digits)
		} else {
			dst = append(dst, item.code)
		}
		dst = append(dst, item.text...)
		dst = append(dst, 0)
	}
	return dst
}

// parseConanConstraint parses a range,
// https://docs.conan.io/2/tutorial/versioning/version_ranges.html, with or
// without the brackets around it: alternatives between "||", of which each has
// conditions between blanks. ">=1.0" has the pre-releases of 1.0 and "<1.0" has
// none of them; but pre-releases are only in the range at all if
// ", include_prerelease" follows it.
func parseConanConstraint(constraint string) ([]allOf, *ParseError) {
	fail := func(pos int, reason string) ([]allOf, *ParseError) {
		return nil, &ParseError{Scheme: Conan, Text: constraint, Pos: pos, Reason: reason}
	}
	start, end := trimBlanks(constraint, 0, len(constraint))
	if constraint[start] == '[' {
		if constraint[end-1] != ']' {
			return fail(start, "bracket not closed")
		}
		start, end = start+1, end-1
	}
	withPre := false
	if i := strings.IndexByte(constraint[start:end], ','); i >= 0 {
		from, to := trimBlanks(constraint, start+i+1, end)
		if constraint[from:to] != "include_prerelease" {
			return fail(from, "unknown option")
		}
		end, withPre = start+i, true
	}
	var any []allOf
	for start <= end {
		next := end
		if i := strings.Index(constraint[start:end], "||"); i >= 0 {
			next = start + i
		}
		set, err := parseConanSet(constraint, start, next)
		if err != nil {
			return nil, err
		}
		if !withPre {
			set = append(set, comparator{test: isConanRelease})
		}
		any = append(any, set)
		start = next + 2
	}
	return any, nil
}

// isConanRelease reports whether v is no pre-release.
func isConanRelease(v string) bool {
	c, err := parseConan(v)
	return err == nil && !c.hasPre
}

// parseConanSet parses the conditions in constraint[start:end].
func parseConanSet(constraint string, start, end int) (allOf, *ParseError) {
	set := allOf{}
	start, end = trimBlanks(constraint, start, end)
	for start < end {
		from := start
		for start < end && !isBlank(constraint[start]) {
			start++
		}
		if constraint[from:start] == "*" {
			set = append(set, comparator{holds: equal | greater, version: "0-"})
		} else {
			op, at := readSemverOperator(constraint, from, start)
			if strings.HasPrefix(constraint[from:start], "~>") {
				at-- // no operator of Conan
			}
			if at < start && strings.IndexByte("<=>~^", constraint[at]) >= 0 {
				return nil, &ParseError{Scheme: Conan, Text: constraint, Pos: from, Reason: semverNoOperator}
			}
			want := constraint[at:start]
			c, err := parseConan(want)
			switch {
			case err != nil:
				return nil, within(err, constraint, at)
			case len(want) > maxVersion-8: // comparators add a few bytes to it
				return nil, &ParseError{Scheme: Conan, Text: constraint, Pos: at, Reason: reasonTooLong}
			}
			cs, reason := c.comparators(op, want)
			if reason != "" {
				return nil, &ParseError{Scheme: Conan, Text: constraint, Pos: at, Reason: reason}
			}
			set = append(set, cs...)
		}
		start, _ = trimBlanks(constraint, start, end)
	}
	return set, nil
}

// comparators returns the comparisons that an operator with c, which is the
// text want, stands for. A hyphen alone begins the lowest pre-releases but for
// those like "-0".
func (c conan) comparators(op, want string) ([]comparator, string) {
	lowest := want
	if !c.hasPre && (!c.hasBuild || op == "~") {
		lowest = want + "-"
	}
	switch op {
	case ">=":
		return []comparator{{holds: equal | greater, version: lowest}}, ""
	case "<":
		return []comparator{{holds: less, version: lowest}}, ""
	case "", "=", ">", "<=":
		return []comparator{{holds: semverOperator(op), version: want}}, ""
	}
	// "~" increases the second item, "^" the first that is not 0.
	index := 0
	if op == "~" {
		index = min(1, strings.Count(c.items, "."))
	}
	rest, before := c.items, 0
	for {
		item, after, more := cutConanItem(rest)
		last := index == 0
		if op == "^" {
			last = item.text != "" || trimZeros(item.digits) != "" || !more
		}
		if last {
			if item.digits == "" || item.text != "" {
				return nil, "cannot be increased"
			}
			upper := c.items[:before] + incrementDigits(item.digits) + "-"
			return []comparator{{holds: equal | greater, version: lowest}, {holds: less, version: upper}}, ""
		}
		before += len(rest) - len(after)
		rest, index = after, index-1
	}
}
