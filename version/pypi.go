package version

import (
	"bytes"
	"cmp"
	"strings"
)

// Versions of Python packages have the form
//
//	[epoch!]number{.number}[pre-release][post-release][dev][+local]
//
// of the version specifiers specification, which PEP 440 began,
// https://packaging.python.org/en/latest/specifications/version-specifiers/.
// All spellings that its section "Normalization" and appendix B allow are
// read: upper case, "v" before the version, white space around it, "alpha",
// "c", "preview" or "rev" for the usual words, other separators or none, and
// "-1" for ".post1".
//
// What is none of these is a legacy version. Packages from before 2014 have
// them, as advisories show: "0.3.2d", "2.0.0-final", "2013-03-27T16:32:26+0100".
// The module "packaging", the reference implementation, knew them until its
// release 22 and refuses them since. They are accepted here if they are of
// printable ASCII, are lower than all other versions, and are in the order
// that packaging 21 had from setuptools for them, pkg_resources.parse_version:
// a list of numbers and words in which a word is lower than a number. Two
// things differ. Numbers are compared by value, even those of more than 8
// digits, which packaging compared as text; and blanks around the version
// are not a part of it.

// pypiVersion is a version in its parts. Numbers are digits as written.
type pypiVersion struct {
	epoch     string // empty for 0
	release   string // numbers with "." between
	pre       byte   // pypiAlpha, pypiBeta or pypiRC, 0 if it is no pre-release
	preNumber string // empty for 0
	isPost    bool
	post      string // empty for 0
	isDev     bool
	dev       string // empty for 0
	local     string // without "+", empty if there is none

	legacy string // the text of a legacy version, which has nothing else
}

// parsePyPI reads a version of either kind.
func parsePyPI(v string) (pypiVersion, *ParseError) {
	fail := func(pos int, reason string) (pypiVersion, *ParseError) {
		return pypiVersion{}, &ParseError{Scheme: PyPI, Text: v, Pos: pos, Reason: reason}
	}
	if len(v) > maxVersion {
		return fail(maxVersion, reasonTooLong)
	}
	start, end := trimPyPI(v, 0, len(v))
	if start == end {
		return fail(0, reasonEmpty)
	}
	if p, ok := parsePEP440(v[start:end]); ok {
		return p, nil
	}
	for i := start; i < end; i++ {
		if v[i] < ' ' || v[i] > '~' {
			return fail(i, "not printable ASCII")
		}
	}
	return pypiVersion{legacy: v[start:end]}, nil
}

// parsePEP440 reads a version that is not a legacy one. Every word that it
// takes is the longest that fits, which is the only way to read a version to
// its end: no word goes on with the beginning of what may follow it.
func parsePEP440(s string) (p pypiVersion, ok bool) {
	if s != "" && pypiLower(s[0]) == 'v' {
		s = s[1:]
	}
	digits, rest := cutDigits(s)
	if digits != "" && strings.HasPrefix(rest, "!") {
		p.epoch, s = digits, rest[1:]
		digits, rest = cutDigits(s)
	}
	if digits == "" {
		return p, false
	}
	for len(rest) > 1 && rest[0] == '.' && isDigit(rest[1]) {
		_, rest = cutDigits(rest[1:])
	}
	p.release = s[:len(s)-len(rest)]

	var word string
	if word, digits, s = cutPyPIWord(rest); pypiPre(word) != 0 {
		p.pre, p.preNumber, rest = pypiPre(word), digits, s
	}
	if len(rest) > 1 && rest[0] == '-' && isDigit(rest[1]) {
		p.isPost = true
		p.post, rest = cutDigits(rest[1:])
	} else if word, digits, s = cutPyPIWord(rest); isPyPIPost(word) {
		p.isPost, p.post, rest = true, digits, s
	}
	if word, digits, s = cutPyPIWord(rest); word == "dev" {
		p.isDev, p.dev, rest = true, digits, s
	}
	if rest == "" {
		return p, true
	}
	p.local = rest[1:]
	return p, rest[0] == '+' && isPyPILocal(p.local)
}

// pypiWords lists the words of versions, each before its own beginnings.
func pypiWords() [12]string {
	return [...]string{"alpha", "a", "beta", "b", "c", "rc", "preview", "pre", "post", "rev", "r", "dev"}
}

// cutPyPIWord takes a word and its number off the beginning of s, each with
// or without a separator before. The word is empty if there is none.
func cutPyPIWord(s string) (word, digits, rest string) {
	if s != "" && isPyPISeparator(s[0]) {
		s = s[1:]
	}
	for _, word := range pypiWords() {
		if len(s) < len(word) || !strings.EqualFold(s[:len(word)], word) {
			continue
		}
		s = s[len(word):]
		if s != "" && isPyPISeparator(s[0]) {
			s = s[1:]
		}
		digits, rest = cutDigits(s)
		return word, digits, rest
	}
	return "", "", s
}

// pypiPre returns the code of a pre-release, 0 for other words.
func pypiPre(word string) byte {
	switch word {
	case "a", "alpha":
		return pypiAlpha
	case "b", "beta":
		return pypiBeta
	case "rc", "c", "pre", "preview":
		return pypiRC
	}
	return 0
}

func isPyPIPost(word string) bool { return word == "post" || word == "rev" || word == "r" }

func isPyPISeparator(c byte) bool { return c == '.' || c == '-' || c == '_' }

// isPyPILocal reports whether s is a local version: letters and digits with
// single separators inside.
func isPyPILocal(s string) bool {
	separated := true
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c), isLower(c), isUpper(c):
			separated = false
		case isPyPISeparator(c) && !separated:
			separated = true
		default:
			return false
		}
	}
	return !separated
}

func (p pypiVersion) isPreRelease() bool { return p.pre != 0 || p.isDev }

// public returns the version without its local part.
func (p pypiVersion) public() pypiVersion {
	p.local = ""
	return p
}

// base returns the epoch and the release.
func (p pypiVersion) base() pypiVersion {
	return pypiVersion{epoch: p.epoch, release: p.release}
}

func comparePyPI(a, b string) (int, error) {
	va, err := parsePyPI(a)
	if err != nil {
		return 0, err
	}
	vb, err := parsePyPI(b)
	if err != nil {
		return 0, err
	}
	return va.compare(vb), nil
}

// compare follows the section "Summary of permitted suffixes and relative
// ordering".
func (p pypiVersion) compare(q pypiVersion) int {
	if p.legacy != "" || q.legacy != "" {
		return comparePyPILegacy(p.legacy, q.legacy)
	}
	if c := compareDigits(p.epoch, q.epoch); c != 0 {
		return c
	}
	if c := comparePyPIRelease(p.release, q.release); c != 0 {
		return c
	}
	if c := cmp.Compare(p.preRank(), q.preRank()); c != 0 {
		return c
	}
	if c := compareDigits(p.preNumber, q.preNumber); c != 0 {
		return c
	}
	if p.isPost != q.isPost {
		return comparePyPIPresence(p.isPost)
	}
	if c := compareDigits(p.post, q.post); c != 0 {
		return c
	}
	if p.isDev != q.isDev {
		return comparePyPIPresence(q.isDev) // lower than without
	}
	if c := compareDigits(p.dev, q.dev); c != 0 {
		return c
	}
	return comparePyPILocal(p.local, q.local)
}

// preRank orders the kinds of pre-release. A bare ".devN" is before all of
// them, and what is no pre-release is after them.
func (p pypiVersion) preRank() byte {
	switch {
	case p.pre != 0:
		return p.pre
	case p.isDev && !p.isPost:
		return pypiDev
	}
	return pypiEnd
}

// comparePyPIPresence compares something with nothing: +1 if the first has it.
func comparePyPIPresence(first bool) int {
	if first {
		return 1
	}
	return -1
}

// comparePyPIRelease compares releases, to which missing numbers are 0.
func comparePyPIRelease(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if c := compareDigits(x, y); c != 0 {
			return c
		}
	}
	return 0
}

// comparePyPILocal compares local versions part by part: text without regard
// to case, numbers by value, numbers above text, and nothing lowest. See the
// section "Local version identifiers".
func comparePyPILocal(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a = cutPyPILocal(a)
		y, b = cutPyPILocal(b)
		isNumber := isPyPINumber(x)
		if isNumber != isPyPINumber(y) {
			return comparePyPIPresence(isNumber)
		}
		c := 0
		if isNumber {
			c = compareDigits(x, y)
		} else {
			c = comparePyPIText(x, y)
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b)) // one of them is 0
}

// cutPyPILocal splits a local version after its first part.
func cutPyPILocal(s string) (part, rest string) {
	for i := range len(s) {
		if isPyPISeparator(s[i]) {
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func isPyPINumber(s string) bool {
	digits, rest := cutDigits(s)
	return digits != "" && rest == ""
}

// compareLower compares the bytes of ASCII texts in lower case.
func comparePyPIText(a, b string) int {
	for i := range min(len(a), len(b)) {
		if c := cmp.Compare(pypiLower(a[i]), pypiLower(b[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func pypiLower(c byte) byte {
	if isUpper(c) {
		return c + 'a' - 'A'
	}
	return c
}

// The codes of keys. The key of a version is its epoch, with pypiEpoch as
// base, then the numbers of the release without zeros at the end, then the
// codes of what follows with their numbers, ended by pypiEnd or by pypiLocal
// and the local version. What precedes a release is below pypiEnd, what
// follows it is above, and one more number of the release is above that.
const (
	pypiDev    = 1
	pypiAlpha  = 2
	pypiBeta   = 3
	pypiRC     = 4
	pypiEnd    = 5
	pypiLocal  = 6
	pypiPost   = 7
	pypiNumber = 8 // the first of numberCodes

	pypiLegacy = 0 // the first byte of the key of a legacy version
	pypiEpoch  = 1 // the first of numberCodes

	// The parts of a local version and of a legacy version: text with a zero
	// byte after it, or a number.
	pypiPartsEnd   = 0
	pypiText       = 1
	pypiPartNumber = 2 // the first of numberCodes
)

func appendPyPIKey(dst []byte, v string) ([]byte, error) {
	p, err := parsePyPI(v)
	if err != nil {
		return nil, err
	}
	if p.legacy != "" {
		return appendPyPILegacy(append(dst, pypiLegacy), p.legacy), nil
	}
	dst = appendNumber(dst, pypiEpoch, p.epoch)
	dst = appendPyPIRelease(dst, p.release)
	if p.pre != 0 {
		dst = append(dst, p.pre)
		dst = appendNumber(dst, 0, p.preNumber)
	}
	if p.isPost {
		dst = append(dst, pypiPost)
		dst = appendNumber(dst, 0, p.post)
	}
	if p.isDev {
		dst = append(dst, pypiDev)
		dst = appendNumber(dst, 0, p.dev)
	}
	if p.local == "" {
		return append(dst, pypiEnd), nil
	}
	dst = append(dst, pypiLocal)
	for rest := p.local; rest != ""; {
		var part string
		part, rest = cutPyPILocal(rest)
		if isPyPINumber(part) {
			dst = appendNumber(dst, pypiPartNumber, part)
		} else {
			dst = appendPyPIText(dst, part)
		}
	}
	return append(dst, pypiPartsEnd), nil
}

// appendPyPIRelease appends the numbers of a release up to the last that is
// not 0.
func appendPyPIRelease(dst []byte, release string) []byte {
	end := len(dst)
	for release != "" {
		var digits string
		digits, release, _ = strings.Cut(release, ".")
		dst = appendNumber(dst, pypiNumber, digits)
		if trimZeros(digits) != "" {
			end = len(dst)
		}
	}
	return dst[:end]
}

// appendPyPIText appends a text in lower case.
func appendPyPIText(dst []byte, s string) []byte {
	dst = append(dst, pypiText)
	for i := range len(s) {
		dst = append(dst, pypiLower(s[i]))
	}
	return append(dst, 0)
}

// comparePyPILegacy compares two versions of which one at least is a legacy
// version; the text of the other is empty.
func comparePyPILegacy(a, b string) int {
	if a == "" || b == "" {
		return comparePyPIPresence(a == "")
	}
	var bufA, bufB [128]byte // stay on the stack
	return bytes.Compare(appendPyPILegacy(bufA[:0], a), appendPyPILegacy(bufB[:0], b))
}

// appendPyPILegacy appends the parts of a legacy version, as the function
// _legacy_cmpkey of
// https://github.com/pypa/packaging/blob/21.3/packaging/version.py lists them.
// The parts are runs of digits, runs of letters, hyphens, and runs of all
// else; points only separate. Zeros before a word do not count, nor do hyphens
// before a word that precedes "final", which is the last part of every version
// and the better part of a hyphen.
func appendPyPILegacy(dst []byte, s string) []byte {
	const final, hyphen = "final", "final-"
	hyphens, zeros := 0, 0 // at the end of dst, in this order
	word := func(text string) {
		if zeros == 0 && comparePyPIText(text, final) < 0 {
			dst = dst[:len(dst)-hyphens*(len(hyphen)+2)]
			hyphens = 0
		}
		dst = dst[:len(dst)-zeros]
		zeros = 0
		dst = appendPyPIText(dst, text)
	}
	for s != "" {
		n := 1
		for n < len(s) && pypiClass(s[n]) == pypiClass(s[0]) && s[0] != '.' && s[0] != '-' {
			n++
		}
		part := s[:n]
		s = s[n:]
		switch {
		case isDigit(part[0]):
			dst = appendNumber(dst, pypiPartNumber, part)
			if zeros++; trimZeros(part) != "" {
				hyphens, zeros = 0, 0
			}
		case part == "-":
			word(hyphen)
			hyphens++
		case part != ".":
			word(pypiLegacyWord(part))
			hyphens = 0
		}
	}
	word(final)
	return append(dst, pypiPartsEnd)
}

// pypiClass tells bytes of different parts of a legacy version apart.
func pypiClass(c byte) byte {
	switch {
	case isDigit(c):
		return '0'
	case isLower(c), isUpper(c):
		return 'a'
	case c == '.', c == '-':
		return c
	}
	return 0
}

// pypiLegacyWord returns the word that stands for another in legacy versions.
func pypiLegacyWord(s string) string {
	switch {
	case strings.EqualFold(s, "pre"), strings.EqualFold(s, "preview"), strings.EqualFold(s, "rc"):
		return "c"
	case strings.EqualFold(s, "dev"):
		return "@" // below all letters
	}
	return s
}

// trimPyPI narrows s[start:end] to leave out the ASCII white space around it.
func trimPyPI(s string, start, end int) (int, int) {
	for start < end && isPyPIBlank(s[start]) {
		start++
	}
	for start < end && isPyPIBlank(s[end-1]) {
		end--
	}
	return start, end
}

func isPyPIBlank(c byte) bool { return isBlank(c) || c == '\v' || c == '\f' }
