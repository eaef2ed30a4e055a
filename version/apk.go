package version

import "strings"

// Versions of apk-tools have the form
//
//	digits{.digits}[letter[digits]]{_suffix[digits]}[~hash][-rdigits]
//
// as section "Package names and versions" of apk-package(5) says,
// https://gitlab.alpinelinux.org/alpine/apk-tools/-/blob/master/doc/apk-package.5.scd.
// Only the digits after the letter are not in the manual: apk-tools 2 allowed
// them, apk-tools 3 does not, and Alpine's advisories have OpenSMTPD
// 6.6.2p1-r0.
//
// The manual does not tell how versions are ordered. That is known from
// apk-tools 3 itself: both versions are read token by token until a pair
// differs.
//
//   - Tokens of the same kind are compared by value: numbers as numbers, but
//     those after "." as text if one begins with "0" (so 1.01 < 1.1, as if
//     behind a decimal point); letters and hashes as text; suffixes in the
//     order of apkSuffixRank.
//   - Of tokens of different kinds, the one that is earlier in the form above
//     is higher and the end is the lowest (so 1.2 < 1.2-r0 < 1.2_p < 1.2a <
//     1.2.0), except that the suffixes for what precedes a release are lower
//     still.
//
// Older releases order a few rare spellings in another way, such as 1.00 below
// 1.0. Numbers beyond 64 bits, which apk-tools would take modulo 2^64, are
// compared in full.

// apkKind is the kind of a token.
type apkKind uint8

const (
	apkInvalid apkKind = iota
	apkStart           // before the first number
	apkFirst           // the first number
	apkNumber          // a number after "."
	apkLetter
	apkLetterNumber
	apkSuffix
	apkSuffixNumber
	apkHash
	apkRevision
	apkEnd
)

// apkToken is a part of a version. Its text is without the signs that
// introduce it: ".", "_", "~" and "-r".
type apkToken struct {
	kind apkKind
	text string
}

// next returns the token that follows t at the beginning of rest, and what
// comes after it. It returns a token of the kind apkInvalid if there cannot be
// one.
func (t apkToken) next(rest string) (apkToken, string) {
	if t.kind == apkStart {
		return apkDigits(apkFirst, rest)
	}
	if rest == "" {
		return apkToken{kind: apkEnd}, ""
	}
	c := rest[0]
	switch {
	case c == '.' && t.kind <= apkNumber:
		return apkDigits(apkNumber, rest[1:])
	case isLower(c) && t.kind <= apkNumber:
		return apkToken{apkLetter, rest[:1]}, rest[1:]
	case c == '_' && t.kind <= apkSuffixNumber:
		n := 1
		for n < len(rest) && isLower(rest[n]) {
			n++
		}
		if apkSuffixRank(rest[1:n]) != 0 {
			return apkToken{apkSuffix, rest[1:n]}, rest[n:]
		}
	case isDigit(c) && t.kind == apkLetter:
		return apkDigits(apkLetterNumber, rest)
	case isDigit(c) && t.kind == apkSuffix:
		return apkDigits(apkSuffixNumber, rest)
	case c == '~' && t.kind < apkHash:
		n := 1
		for n < len(rest) && (isDigit(rest[n]) || 'a' <= rest[n] && rest[n] <= 'f') {
			n++
		}
		if n > 1 {
			return apkToken{apkHash, rest[1:n]}, rest[n:]
		}
	case strings.HasPrefix(rest, "-r") && t.kind < apkRevision:
		return apkDigits(apkRevision, rest[2:])
	}
	return apkToken{kind: apkInvalid}, rest
}

// apkDigits returns the number at the beginning of rest as a token.
func apkDigits(kind apkKind, rest string) (apkToken, string) {
	digits, after := cutDigits(rest)
	if digits == "" {
		kind = apkInvalid
	}
	return apkToken{kind, digits}, after
}

// The suffixes from apkRelease on follow the release, the others precede it.
const apkRelease = 5

// apkSuffixRank returns the rank of a suffix, 0 if there is no such suffix.
func apkSuffixRank(s string) byte {
	switch s {
	case "alpha":
		return 1
	case "beta":
		return 2
	case "pre":
		return 3
	case "rc":
		return 4
	case "cvs":
		return apkRelease
	case "svn":
		return apkRelease + 1
	case "git":
		return apkRelease + 2
	case "hg":
		return apkRelease + 3
	case "p":
		return apkRelease + 4
	}
	return 0
}

// The codes of tokens in the order that decides between two tokens. They are
// also the first byte of a token in a key. A suffix before the release has
// its rank, from 1 on.
const (
	apkCodeEnd          = apkRelease
	apkCodeRevision     = apkCodeEnd + 1
	apkCodeHash         = apkCodeRevision + 1
	apkCodeSuffixNumber = apkCodeHash + 1
	apkCodeSuffix       = apkCodeSuffixNumber + 1 // the first of 5
	apkCodeLetter       = apkCodeSuffix + 5       // the first of 26
	apkCodeZero         = apkCodeLetter + 26      // the number "0"
	apkCodeZeros        = apkCodeZero + 1         // a number that begins with "0" and goes on
	apkCodeNumber       = apkCodeZeros + 1        // the first of numberCodes
)

// code returns the code of a valid token that is not the first number.
func (t apkToken) code() byte {
	switch t.kind {
	case apkRevision:
		return apkCodeRevision
	case apkHash:
		return apkCodeHash
	case apkSuffixNumber:
		return apkCodeSuffixNumber
	case apkSuffix:
		rank := apkSuffixRank(t.text)
		if rank >= apkRelease {
			return apkCodeSuffix + rank - apkRelease
		}
		return rank
	case apkLetter:
		return apkCodeLetter + t.text[0] - 'a'
	case apkLetterNumber:
		return apkCodeNumber
	case apkNumber:
		switch {
		case t.text == "0":
			return apkCodeZero
		case t.text[0] == '0':
			return apkCodeZeros
		}
		return apkCodeNumber
	}
	return apkCodeEnd
}

// compare compares two tokens that follow the same tokens.
func (t apkToken) compare(u apkToken) int {
	if t.kind == apkFirst { // then so is u
		return compareDigits(t.text, u.text)
	}
	code := t.code()
	if c := int(code) - int(u.code()); c != 0 {
		return c
	}
	switch code {
	case apkCodeNumber, apkCodeSuffixNumber, apkCodeRevision:
		return compareDigits(t.text, u.text)
	case apkCodeHash, apkCodeZeros:
		return strings.Compare(t.text, u.text)
	}
	return 0
}

// checkAPK returns an error if v is not a version.
func checkAPK(v string) *ParseError {
	if len(v) > maxVersion {
		return &ParseError{Scheme: APK, Text: v, Pos: maxVersion, Reason: reasonTooLong}
	}
	token, rest := apkToken{kind: apkStart}, v
	for token.kind != apkEnd {
		if token, rest = token.next(rest); token.kind == apkInvalid {
			return apkError(v, rest)
		}
	}
	return nil
}

// apkError is the error for a version that cannot be read on at rest.
func apkError(v, rest string) *ParseError {
	reason := "not allowed here"
	switch {
	case v == "":
		reason = reasonEmpty
	case !isDigit(v[0]):
		reason = "does not begin with a digit"
	case rest == "":
		reason = "ends too early"
	}
	return &ParseError{Scheme: APK, Text: v, Pos: len(v) - len(rest), Reason: reason}
}

func compareAPK(a, b string) (int, error) {
	if err := checkAPK(a); err != nil {
		return 0, err
	}
	if err := checkAPK(b); err != nil {
		return 0, err
	}
	return compareValidAPK(a, b, false), nil
}

// compareValidAPK compares two valid versions. If prefix is true, b stands
// for all versions that begin with its tokens.
func compareValidAPK(a, b string, prefix bool) int {
	x, y := apkToken{kind: apkStart}, apkToken{kind: apkStart}
	for {
		x, a = x.next(a)
		y, b = y.next(b)
		if prefix && y.kind == apkEnd {
			return 0
		}
		switch c := x.compare(y); {
		case c < 0:
			return -1
		case c > 0:
			return 1
		case x.kind == apkEnd:
			return 0
		}
	}
}

// appendAPKKey appends the first number, then for each token its code and
// what compare looks at beyond the code.
func appendAPKKey(dst []byte, v string) ([]byte, error) {
	if err := checkAPK(v); err != nil {
		return nil, err
	}
	token, rest := apkToken{kind: apkStart}.next(v)
	dst = appendNumber(dst, 0, token.text)
	for {
		token, rest = token.next(rest)
		switch code := token.code(); code {
		case apkCodeNumber:
			dst = appendNumber(dst, code, token.text)
		case apkCodeSuffixNumber:
			dst = append(dst, code)
			dst = appendNumber(dst, 0, token.text)
		case apkCodeZeros:
			dst = append(dst, code)
			dst = append(dst, token.text[1:]...)
			dst = append(dst, 0) // below the digits
		case apkCodeHash:
			// What may follow has a code below the digits of a hash.
			dst = append(dst, code)
			dst = append(dst, token.text...)
		case apkCodeRevision:
			// Only the end can follow, so that it need not be said.
			dst = append(dst, code)
			return appendNumber(dst, 0, token.text), nil
		default:
			dst = append(dst, code)
			if token.kind == apkEnd {
				return dst, nil
			}
		}
	}
}

// parseAPKConstraint parses constraints as apk-world(5) describes them for the
// list of packages to install,
// https://gitlab.alpinelinux.org/alpine/apk-tools/-/blob/master/doc/apk-world.5.scd.
// The operator "><", which compares checksums of packages, has no meaning for
// versions.
func parseAPKConstraint(constraint string) ([]allOf, *ParseError) {
	var set allOf
	start, end := trimBlanks(constraint, 0, len(constraint))
	for start < end {
		op := start
		for start < end && strings.IndexByte("<=>~", constraint[start]) >= 0 {
			start++
		}
		admitted, isPrefix := apkOperator(constraint[op:start])
		if admitted == 0 {
			return nil, &ParseError{Scheme: APK, Text: constraint, Pos: op, Reason: "unknown operator"}
		}
		start, _ = trimBlanks(constraint, start, end)
		from := start
		for start < end && !isBlank(constraint[start]) {
			start++
		}
		want := constraint[from:start]
		if err := checkAPK(want); err != nil {
			return nil, within(err, constraint, from)
		}
		c := comparator{holds: admitted, version: want}
		if isPrefix {
			c.kind = prefix
		}
		set = append(set, c)
		start, _ = trimBlanks(constraint, start, end)
	}
	return []allOf{set}, nil
}

// apkOperator returns what an operator admits and whether it takes the
// version as the beginning of versions. An unknown operator admits nothing.
func apkOperator(op string) (admitted relation, prefix bool) {
	switch op {
	case "<":
		return less, false
	case "<=":
		return less | equal, false
	case "=":
		return equal, false
	case ">=":
		return equal | greater, false
	case ">":
		return greater, false
	case "~", "~=", "=~":
		return equal, true
	case "<~":
		return less | equal, true
	case ">~":
		return equal | greater, true
	}
	return 0, false
}
