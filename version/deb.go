package version

import (
	"cmp"
	"strings"
)

// Debian versions, [epoch:]upstream[-revision], are described in
// deb-version(7), https://manpages.debian.org/stable/dpkg-dev/deb-version.7.en.html,
// and in section 5.6.12 of the Debian policy,
// https://www.debian.org/doc/debian-policy/ch-controlfields.html#version.
//
// What dpkg reads is wider than what these allow, and such versions are in
// use: a version that does not start with a digit or that has unusual
// characters is only warned about. Whatever dpkg compares is accepted here,
// and what it refuses is refused, save for the empty version: "dpkg
// --compare-versions" takes it as "none" and lower than all others, but a
// package without a version is not one that needs every fix.

// debVersion is a version in its parts. The revision is empty if there is
// none, which is the same as "0".
type debVersion struct {
	epoch              uint32 // at most maxDebEpoch
	upstream, revision string
}

// maxDebEpoch is the largest epoch that dpkg reads.
const maxDebEpoch = 1<<31 - 1

func compareDeb(a, b string) (int, error) {
	va, err := parseDeb(a)
	if err != nil {
		return 0, err
	}
	vb, err := parseDeb(b)
	if err != nil {
		return 0, err
	}
	return va.compare(vb), nil
}

// parseDeb splits a version. The result is a *ParseError rather than an
// error so that a caller can move it into a constraint; callers must not
// return a nil one as an error.
func parseDeb(v string) (debVersion, *ParseError) {
	fail := func(pos int, reason string) (debVersion, *ParseError) {
		return debVersion{}, &ParseError{Scheme: Deb, Text: v, Pos: pos, Reason: reason}
	}
	if len(v) > maxVersion {
		return fail(maxVersion, reasonTooLong)
	}
	// dpkg ignores blanks around a version, but not line breaks.
	start, end := 0, len(v)
	for start < end && (v[start] == ' ' || v[start] == '\t') {
		start++
	}
	for start < end && (v[end-1] == ' ' || v[end-1] == '\t') {
		end--
	}
	if start == end {
		return fail(0, reasonEmpty)
	}
	colon, hyphen := -1, -1
	for i := start; i < end; i++ {
		switch v[i] {
		case ' ', '\t':
			return fail(i, "blank inside")
		case 0: // the end of the text for dpkg, which hides what follows
			return fail(i, "zero byte")
		case ':':
			if colon < 0 {
				colon = i
			}
		case '-':
			hyphen = i
		}
	}
	var d debVersion
	if colon >= 0 {
		var reason string
		if d.epoch, reason = parseDebEpoch(v[start:colon]); reason != "" {
			return fail(start, reason)
		}
		if start = colon + 1; start == end {
			return fail(start, "nothing after the epoch")
		}
	}
	d.upstream = v[start:end]
	if hyphen >= start {
		d.upstream, d.revision = v[start:hyphen], v[hyphen+1:end]
		switch {
		case d.revision == "":
			return fail(end, "empty revision")
		case d.upstream == "":
			return fail(start, "empty upstream version")
		}
	}
	return d, nil
}

// parseDebEpoch reads an epoch the way dpkg does, with the C function strtol:
// white space and a sign may come first.
func parseDebEpoch(s string) (epoch uint32, reason string) {
	for s != "" && s[0] >= '\t' && s[0] <= '\r' {
		s = s[1:]
	}
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	digits, rest := cutDigits(s)
	switch {
	case digits == "":
		return 0, "empty epoch"
	case rest != "":
		return 0, "epoch is not a number"
	}
	var n uint64
	for i := range len(digits) {
		if n = n*10 + uint64(digits[i]-'0'); n > maxDebEpoch {
			return 0, "epoch out of range"
		}
	}
	if negative && n != 0 {
		return 0, "epoch out of range"
	}
	return uint32(n), ""
}

func (d debVersion) compare(e debVersion) int {
	if c := cmp.Compare(d.epoch, e.epoch); c != 0 {
		return c
	}
	if c := compareDebPart(d.upstream, e.upstream); c != 0 {
		return c
	}
	return compareDebPart(d.revision, e.revision)
}

// compareDebPart compares two upstream versions or two revisions: the texts
// before the first number, the first numbers, the texts after them, and so on.
func compareDebPart(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a = cutDebText(a)
		y, b = cutDebText(b)
		if c := compareDebText(x, y); c != 0 {
			return c
		}
		x, a = cutDigits(a)
		y, b = cutDigits(b)
		if c := compareDigits(x, y); c != 0 {
			return c
		}
	}
	return 0
}

// cutDebText splits s before its first digit.
func cutDebText(s string) (text, rest string) {
	i := 0
	for i < len(s) && !isDigit(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func compareDebText(a, b string) int {
	for i := 0; i < len(a) || i < len(b); i++ {
		var x, y int // the end of a text has weight 0
		if i < len(a) {
			x = debWeight(a[i])
		}
		if i < len(b) {
			y = debWeight(b[i])
		}
		if x != y {
			return cmp.Compare(x, y)
		}
	}
	return 0
}

// debWeight ranks the bytes of a text: "~" comes before the end, then follow
// letters, then all else. Bytes beyond ASCII, which dpkg warns about, are
// negative numbers where C has signed characters, and so rank between letters
// and other bytes. That is dpkg on amd64; on arm64 they come last.
func debWeight(c byte) int {
	switch {
	case c == '~':
		return -1
	case isLower(c), isUpper(c), c >= 0x80:
		return int(c)
	}
	return int(c) + 0x100
}

// The key of a Debian version is its epoch, upstream version and revision.
// The first is a number. The others are texts and numbers in turn, beginning
// with a text, which may be empty, and ending with a number, 0 if there is
// none; then debEnd. A text is told from what follows by its bytes, which are
// one of these codes each. They are in the order of debWeight, where numbers
// stand for the end of a text, and debEnd for the end of an empty one.
const (
	debTilde  = 1
	debEnd    = 2                       // never stands where a number could
	debNumber = 3                       // the first of numberCodes
	debLetter = debNumber + numberCodes // the first of 52, "A" to "Z" and "a" to "z"
	debHigh   = debLetter + 2*26        // a byte of 0x80 or more, which follows
	debBefore = debHigh + 1             // a byte below "+", which follows
	debPlus   = debBefore + 1           // the first of 5, "+" to "/"
	debColon  = debPlus + 5             // ":"
	debAfter  = debColon + 1            // a byte above ":", which follows
)

func appendDebKey(dst []byte, v string) ([]byte, error) {
	d, err := parseDeb(v)
	if err != nil {
		return nil, err
	}
	dst = appendUint(dst, debNumber, uint64(d.epoch))
	dst = appendDebPart(dst, d.upstream)
	return appendDebPart(dst, d.revision), nil
}

func appendDebPart(dst []byte, s string) []byte {
	for {
		for s != "" && !isDigit(s[0]) {
			dst = appendDebByte(dst, s[0])
			s = s[1:]
		}
		var digits string
		digits, s = cutDigits(s)
		dst = appendNumber(dst, debNumber, digits)
		if s == "" {
			return append(dst, debEnd)
		}
	}
}

// appendDebByte appends the code of a byte that is not a digit.
func appendDebByte(dst []byte, c byte) []byte {
	switch {
	case c == '~':
		return append(dst, debTilde)
	case isUpper(c):
		return append(dst, debLetter+c-'A')
	case isLower(c):
		return append(dst, debLetter+26+c-'a')
	case c >= 0x80:
		return append(dst, debHigh, c)
	case c < '+':
		return append(dst, debBefore, c)
	case c <= '/':
		return append(dst, debPlus+c-'+')
	case c == ':':
		return append(dst, debColon)
	}
	return append(dst, debAfter, c)
}

// parseDebConstraint parses a relation as section 7.1 of the Debian policy
// defines it for dependency fields,
// https://www.debian.org/doc/debian-policy/ch-relationships.html#syntax-of-relationship-fields.
// It is a conjunction of alternatives there, and is turned inside out here.
func parseDebConstraint(constraint string) ([]allOf, *ParseError) {
	any := []allOf{{}}
	var group []comparator // alternatives, of which one must hold
	for start := 0; start <= len(constraint); {
		end := start
		for end < len(constraint) && constraint[end] != ',' && constraint[end] != '|' {
			end++
		}
		holds, want, err := parseDebRelation(constraint, start, end)
		if err != nil {
			return nil, err
		}
		group = append(group, comparator{holds: holds, version: want})
		if end == len(constraint) || constraint[end] == ',' {
			var product []allOf
			for _, set := range any {
				for _, c := range group {
					product = append(product, append(set[:len(set):len(set)], c))
				}
			}
			if len(product) > maxAlternatives {
				return nil, &ParseError{Scheme: Deb, Text: constraint, Pos: start, Reason: "too many alternatives"}
			}
			any, group = product, nil
		}
		start = end + 1
	}
	return any, nil
}

// parseDebRelation reads one comparison, constraint[start:end].
func parseDebRelation(constraint string, start, end int) (relation, string, *ParseError) {
	fail := func(reason string) (relation, string, *ParseError) {
		return 0, "", &ParseError{Scheme: Deb, Text: constraint, Pos: start, Reason: reason}
	}
	start, end = trimBlanks(constraint, start, end)
	if start < end && constraint[start] == '(' {
		if constraint[end-1] != ')' {
			return fail("parenthesis not closed")
		}
		start, end = trimBlanks(constraint, start+1, end-1)
	}
	op := start
	for start < end && strings.IndexByte("<=>", constraint[start]) >= 0 {
		start++
	}
	var admitted relation
	switch constraint[op:start] {
	case "<<":
		admitted = less
	case "<=", "<": // "<" is the old spelling of "<=", not of "<<"
		admitted = less | equal
	case "=", "":
		admitted = equal
	case ">=", ">":
		admitted = equal | greater
	case ">>":
		admitted = greater
	default:
		start = op
		return fail("unknown operator")
	}
	start, end = trimBlanks(constraint, start, end)
	if start == end {
		return fail("no version")
	}
	if _, err := parseDeb(constraint[start:end]); err != nil {
		return 0, "", within(err, constraint, start)
	}
	return admitted, constraint[start:end], nil
}

// trimBlanks narrows s[start:end] to leave out the blanks around it.
func trimBlanks(s string, start, end int) (int, int) {
	for start < end && isBlank(s[start]) {
		start++
	}
	for start < end && isBlank(s[end-1]) {
		end--
	}
	return start, end
}

// isBlankText reports whether s has nothing but blanks.
func isBlankText(s string) bool {
	start, end := trimBlanks(s, 0, len(s))
	return start == end
}
