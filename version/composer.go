package version

import (
	"bytes"
	"strings"
)

// Composer versions are those that Composer\Semver\VersionParser::normalize of
// https://github.com/composer/semver reads, see also
// https://getcomposer.org/doc/articles/versions.md:
//
//	[v]number[.number[.number[.number]]][stability[numbers]][dev][+build]
//	[v]date[stability[numbers]][dev][+build]
//	[v]number[.x[.x[.x]]]-dev
//
// Upper case is as lower case. Missing numbers are 0. The stability is stable,
// beta (b), RC, alpha (a) or patch (pl, p), with ".", "-", "_" or nothing
// before it. A date is four digits, one to six times two digits and up to three
// more, with ".", ":" or "-" between. In the last form "x", "*" and all that is
// missing are 9999999. "@" and a stability at the end are left out.
//
// The results are compared as by PHP's version_compare,
// https://www.php.net/version_compare, part by part:
//
//	dev < alpha < beta < RC < nothing < number < patch
//
// That order is total. PHP takes numbers beyond 64 bits for the largest of 64
// bits; here they are compared in full. Composer does not know "stable" again
// if it is in upper case, and has "1.0-Stable" below all; here it is 1.0.
//
// Branches ("dev-main", also "master", "trunk" and "default") have no place in
// the order: Composer finds them equal to themselves and incomparable with
// each other. They are refused, save in constraints, where no version meets
// them. So is "1.0 as 2.0", an alias.

func compareComposer(a, b string) (int, error) {
	// Keys of usual length stay on the stack.
	var bufA, bufB [96]byte
	x, err := appendComposerKey(bufA[:0], a)
	if err != nil {
		return 0, err
	}
	y, err := appendComposerKey(bufB[:0], b)
	if err != nil {
		return 0, err
	}
	return bytes.Compare(x, y), nil
}

func appendComposerKey(dst []byte, v string) ([]byte, error) {
	var buf [96]byte
	normal, err := appendComposerNormal(buf[:0], v)
	if err != nil {
		return nil, err
	}
	return appendComposerNormalKey(dst, normal), nil
}

// The codes of keys, in the order of what may stand in one place. A key is the
// parts of the normal form and composerEnd.
const (
	composerDev = iota + 1
	composerAlpha
	composerBeta
	composerRC
	composerEnd
	composerNumber // the first of numberCodes
	composerPatch  = composerNumber + numberCodes
)

// appendComposerNormalKey appends the key of a version in normal form.
func appendComposerNormalKey(dst, normal []byte) []byte {
	for i := 0; i < len(normal); {
		start := i
		if isDigit(normal[i]) {
			for i < len(normal) && isDigit(normal[i]) {
				i++
			}
			dst = appendNumber(dst, composerNumber, string(normal[start:i]))
			continue
		}
		for i < len(normal) && isLower(normal[i]) {
			i++
		}
		switch string(normal[start:i]) {
		case "dev":
			dst = append(dst, composerDev)
		case "alpha":
			dst = append(dst, composerAlpha)
		case "beta":
			dst = append(dst, composerBeta)
		case "rc":
			dst = append(dst, composerRC)
		case "patch":
			dst = append(dst, composerPatch)
		case "": // a separator
			i++
		}
	}
	return append(dst, composerEnd)
}

const composerBranchReason = "a branch, which is not comparable"

// appendComposerNormal appends the normal form of a version: numbers, then "-"
// and the stability with its numbers, then "-dev", all in lower case.
func appendComposerNormal(dst []byte, v string) ([]byte, *ParseError) {
	fail := func(pos int, reason string) ([]byte, *ParseError) {
		return nil, &ParseError{Scheme: Composer, Text: v, Pos: pos, Reason: reason}
	}
	if len(v) > maxVersion {
		return fail(maxVersion, reasonTooLong)
	}
	start, end := trimBlanks(v, 0, len(v))
	if start == end {
		return fail(0, reasonEmpty)
	}
	text := v[start:end]
	if at := strings.LastIndexByte(text, '@'); at >= 0 && composerFlag(text[at+1:]) != "" {
		text = text[:at]
	}
	switch text {
	case "master", "trunk", "default":
		return fail(start, composerBranchReason)
	}
	text = strings.ToLower(text)
	if strings.HasPrefix(text, "dev-") {
		return fail(start, composerBranchReason)
	}
	if plus := strings.IndexByte(text, '+'); plus > 0 && plus+1 < len(text) &&
		strings.IndexByte(text[:plus], ',') < 0 && !strings.ContainsAny(text, " \t\n\v\f\r") {
		text = text[:plus]
	}
	if result, ok := appendComposerNumbers(dst, text); ok {
		return result, nil
	}
	if result, ok := appendComposerDate(dst, text); ok {
		return result, nil
	}
	if branch, ok := strings.CutSuffix(text, "dev"); ok {
		if n := len(branch); n > 0 && (branch[n-1] == '.' || branch[n-1] == '-') {
			branch = branch[:n-1]
		}
		if result, ok := appendComposerBranch(dst, branch); ok {
			return result, nil
		}
	}
	return fail(start, "not a version")
}

// composerFlag returns a flag of stability in lower case, or nothing if s is
// none.
func composerFlag(s string) string {
	for _, flag := range [...]string{"stable", "rc", "beta", "alpha", "dev"} {
		if strings.EqualFold(s, flag) {
			return flag
		}
	}
	return ""
}

// appendComposerNumbers appends the normal form of one to four numbers.
func appendComposerNumbers(dst []byte, v string) ([]byte, bool) {
	p, rest := cutComposer(v)
	if p.count == 0 || len(p.numbers[0]) > 5 {
		return nil, false
	}
	m, rest := cutComposerModifier(rest)
	if rest != "" {
		return nil, false
	}
	return m.append(p.append(dst)), true
}

// composerNumbers is one to four numbers.
type composerNumbers struct {
	numbers [4]string
	count   int
}

// cutComposer cuts the numbers at the beginning of a version. There are none
// if it does not begin with one.
func cutComposer(v string) (p composerNumbers, rest string) {
	rest = v
	if rest != "" && (rest[0] == 'v' || rest[0] == 'V') {
		rest = rest[1:]
	}
	for p.count < len(p.numbers) {
		after := rest
		if p.count > 0 {
			if rest == "" || rest[0] != '.' {
				break
			}
			after = rest[1:]
		}
		digits, after := cutDigits(after)
		if digits == "" {
			break
		}
		p.numbers[p.count], rest = digits, after
		p.count++
	}
	return p, rest
}

func (p composerNumbers) append(dst []byte) []byte {
	for i, digits := range p.numbers {
		if i > 0 {
			dst = append(dst, '.')
		}
		if i < p.count {
			dst = append(dst, digits...)
		} else {
			dst = append(dst, '0')
		}
	}
	return dst
}

// composerModifier is what follows the numbers.
type composerModifier struct {
	stability string // the long name, or empty
	suffix    string // the numbers after it
	dev       bool
}

// cutComposerModifier cuts a modifier, which may be empty.
func cutComposerModifier(s string) (m composerModifier, rest string) {
	if s != "" && strings.IndexByte("._-", s[0]) >= 0 {
		s = s[1:]
	}
	for _, name := range [...][2]string{
		{"stable", "stable"},
		{"beta", "beta"},
		{"b", "beta"},
		{"rc", "rc"},
		{"alpha", "alpha"},
		{"a", "alpha"},
		{"patch", "patch"},
		{"pl", "patch"},
		{"p", "patch"},
	} {
		if len(s) < len(name[0]) || !strings.EqualFold(s[:len(name[0])], name[0]) {
			continue
		}
		m.stability, s = name[1], s[len(name[0]):]
		n := 0
		for n < len(s) && (isDigit(s[n]) || (s[n] == '.' || s[n] == '-') && n+1 < len(s) && isDigit(s[n+1])) {
			n++
		}
		m.suffix, s = strings.TrimLeft(s[:n], ".-"), s[n:]
		break
	}
	dev := s
	if dev != "" && (dev[0] == '.' || dev[0] == '-') {
		dev = dev[1:]
	}
	if len(dev) >= 3 && strings.EqualFold(dev[:3], "dev") {
		m.dev, s = true, dev[3:]
	}
	return m, s
}

func (m composerModifier) append(dst []byte) []byte {
	if m.stability == "stable" {
		return dst // Composer forgets a "dev" after it
	}
	if m.stability != "" {
		dst = append(dst, '-')
		dst = append(dst, m.stability...)
		dst = append(dst, m.suffix...)
	}
	if m.dev {
		dst = append(dst, "-dev"...)
	}
	return dst
}

// appendComposerDate appends the normal form of a date.
func appendComposerDate(dst []byte, v string) ([]byte, bool) {
	v = strings.TrimPrefix(v, "v")
	rest := v
	pairs, odd := 0, false // after the year
	for run := 0; ; run++ {
		digits, after := cutDigits(rest)
		n := len(digits)
		if run == 0 {
			n -= 4
		}
		if n < 0 || odd || run > 0 && n == 0 {
			return nil, false
		}
		pairs += n / 2
		odd = n%2 == 1
		rest = after
		if len(rest) < 2 || strings.IndexByte(".:-", rest[0]) < 0 || !isDigit(rest[1]) {
			if pairs == 7 && n >= 2 {
				pairs-- // the last two or three digits are no pair
			}
			break
		}
		rest = rest[1:]
	}
	m, after := cutComposerModifier(rest)
	if pairs < 1 || pairs > 6 || after != "" {
		return nil, false
	}
	for i := range len(v) - len(rest) {
		c := v[i]
		if !isDigit(c) {
			c = '.'
		}
		dst = append(dst, c)
	}
	return m.append(dst), true
}

// appendComposerBranch appends the normal form of a branch with numbers.
func appendComposerBranch(dst []byte, name string) ([]byte, bool) {
	start, end := trimBlanks(name, 0, len(name))
	digits, rest := cutDigits(strings.TrimPrefix(name[start:end], "v"))
	if digits == "" {
		return nil, false
	}
	dst = append(dst, digits...)
	for range 3 {
		part := "9999999"
		if len(rest) > 1 && rest[0] == '.' {
			if rest[1] == 'x' || rest[1] == '*' {
				rest = rest[2:]
			} else if part, rest = cutDigits(rest[1:]); part == "" {
				return nil, false
			}
		}
		dst = append(dst, '.')
		dst = append(dst, part...)
	}
	return append(dst, "-dev"...), rest == ""
}
