package version

import "strings"

// Semantic versions are defined in https://semver.org/spec/v2.0.0.html:
//
//	number.number.number[-identifier{.identifier}][+identifier{.identifier}]
//
// Section 11 orders them: the numbers from left to right by value; then a
// version with identifiers after "-", a pre-release, comes before one without;
// then its identifiers from left to right, numbers by value, text by bytes,
// numbers before text, and a missing identifier first. What follows "+", the
// build, has no rank.
//
// Advisories and packages in use are not all that strict, and a version that
// cannot be read is one that cannot be matched. All schemes of the family,
// which are SemVer, NPM, Golang, Cargo, Hex, Pub and Swift, therefore accept
// more than the specification:
//
//   - "=", "v" or "=v" before the version,
//   - fewer or more than three numbers, of which missing ones are 0:
//     1.2 = 1.2.0 < 1.2.0.1,
//   - zeros before a number: 01.2.3 = 1.2.3,
//   - numbers of any length.
//
// They do not accept empty identifiers or bytes other than the digits,
// letters and "-" of section 9.
//
// Julia, whose advisories are read by SemVer too, orders builds: its 1.2.3+1 is
// higher than 1.2.3+0, and equal here.

// semver is a version in its parts, which are parts of its text.
type semver struct {
	numbers string // "1.2.3"
	pre     string // without "-", empty if there is none
	build   string // without "+", empty if there is none

	// fused tells that pre is a word and a number, two identifiers, without
	// anything between them, as in Go's "1.21rc2".
	fused bool
}

// parseSemver reads a version of any scheme of the family.
func parseSemver(s Scheme, v string) (semver, *ParseError) {
	if len(v) > maxVersion {
		return semver{}, &ParseError{Scheme: s, Text: v, Pos: maxVersion, Reason: reasonTooLong}
	}
	if s == Golang {
		return parseGolang(v)
	}
	if s == NPM {
		return parseNPM(v)
	}
	return readSemver(s, v, semverStart(v), len(v), false)
}

// semverStart returns the length of the signs before a version.
func semverStart(v string) int {
	i := 0
	if strings.HasPrefix(v, "=") {
		i = 1
	}
	if i < len(v) && (v[i] == 'v' || v[i] == 'V') {
		i++
	}
	return i
}

// readSemver reads v[start:end]. If loose, a pre-release needs no "-".
func readSemver(s Scheme, v string, start, end int, loose bool) (semver, *ParseError) {
	fail := func(pos int, reason string) (semver, *ParseError) {
		return semver{}, &ParseError{Scheme: s, Text: v, Pos: pos, Reason: reason}
	}
	if start == end {
		return fail(start, reasonEmpty)
	}
	i := start
	for {
		digit := i
		for i < end && isDigit(v[i]) {
			i++
		}
		if i == digit {
			return fail(i, semverNoNumber)
		}
		if i == end || v[i] != '.' {
			break
		}
		i++
	}
	p := semver{numbers: v[start:i]}
	var reason string
	p.pre, p.build, i, reason = readSemverTail(v, i, end, loose)
	switch {
	case reason != "":
		return fail(i, reason)
	case i < end:
		return fail(i, semverNotAllowed)
	}
	return p, nil
}

// readSemverTail reads what may follow the numbers, and returns the end of
// that, or where and why it cannot be read.
func readSemverTail(v string, i, end int, loose bool) (pre, build string, next int, reason string) {
	if i < end && (v[i] == '-' || loose && (isLower(v[i]) || isUpper(v[i]))) {
		if v[i] == '-' {
			i++
			if loose && (i == end || !isSemverIDByte(v[i])) {
				i-- // the hyphen itself is the identifier
			}
		}
		from := i
		if i, reason = skipSemverIDs(v, i, end); reason != "" {
			return "", "", i, reason
		}
		pre = v[from:i]
	}
	if i < end && v[i] == '+' {
		from := i + 1
		if i, reason = skipSemverIDs(v, from, end); reason != "" {
			return "", "", i, reason
		}
		build = v[from:i]
	}
	return pre, build, i, ""
}

// The reasons that the schemes of the family share.
const (
	semverNotAllowed = "not allowed here"
	semverNoNumber   = "not a number"
	semverNoOperator = "unknown operator"
	semverNoVersion  = "no version"
)

// skipSemverIDs returns the end of the identifiers at v[i:end], or where
// and why there are none.
func skipSemverIDs(v string, i, end int) (int, string) {
	for {
		from := i
		for i < end && isSemverIDByte(v[i]) {
			i++
		}
		switch {
		case i == from:
			return i, "empty identifier"
		case i == end || v[i] != '.':
			return i, ""
		}
		i++
	}
}

func isSemverIDByte(c byte) bool { return isDigit(c) || isLower(c) || isUpper(c) || c == '-' }

func compareSemver(s Scheme, a, b string) (int, error) {
	va, err := parseSemver(s, a)
	if err != nil {
		return 0, err
	}
	vb, err := parseSemver(s, b)
	if err != nil {
		return 0, err
	}
	return va.compare(vb), nil
}

// compare compares all but the builds.
func (p semver) compare(q semver) int {
	if c := compareSemverNumbers(p.numbers, q.numbers); c != 0 {
		return c
	}
	switch {
	case p.pre == "" && q.pre == "":
		return 0
	case p.pre == "":
		return 1
	case q.pre == "":
		return -1
	}
	return compareSemverIDs(p.pre, q.pre, p.fused, q.fused)
}

// compareSemverNumbers compares dotted numbers. Missing ones are 0.
func compareSemverNumbers(a, b string) int {
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

func compareSemverIDs(a, b string, fusedA, fusedB bool) int {
	for a != "" && b != "" {
		var x, y string
		x, a = cutSemverID(a, fusedA)
		y, b = cutSemverID(b, fusedB)
		switch numeric := isSemverNumber(x); {
		case numeric != isSemverNumber(y):
			if numeric {
				return -1
			}
			return 1
		case numeric:
			if c := compareDigits(x, y); c != 0 {
				return c
			}
		default:
			if c := strings.Compare(x, y); c != 0 {
				return c
			}
		}
	}
	switch {
	case a != "":
		return 1
	case b != "":
		return -1
	}
	return 0
}

// cutSemverID splits identifiers after the first, see semver.fused.
func cutSemverID(s string, fused bool) (id, rest string) {
	if fused {
		for i := 1; i < len(s); i++ {
			if isDigit(s[i]) && !isDigit(s[i-1]) {
				return s[:i], s[i:]
			}
		}
	}
	id, rest, _ = strings.Cut(s, ".")
	return id, rest
}

func isSemverNumber(s string) bool {
	digits, rest := cutDigits(s)
	return digits != "" && rest == ""
}

// The codes of keys. A key is the first number, the others without zeros at
// the end, then either semverRelease or semverPre and the identifiers, each a
// number or semverText and the text with a zero byte, then semverEnd. Where
// builds have a rank their identifiers follow in the same way.
const (
	semverEnd     = 1
	semverPre     = 1
	semverRelease = 2
	semverNumber  = 3 // the first of numberCodes
	semverText    = semverNumber + numberCodes
)

func appendSemverKey(dst []byte, s Scheme, v string) ([]byte, error) {
	p, err := parseSemver(s, v)
	if err != nil {
		return nil, err
	}
	return p.appendKey(dst), nil
}

// appendKey appends the key of all but the build.
func (p semver) appendKey(dst []byte) []byte {
	rest := trimSemverZeros(p.numbers)
	for rest != "" {
		var digits string
		digits, rest, _ = strings.Cut(rest, ".")
		dst = appendNumber(dst, semverNumber, digits)
	}
	if p.pre == "" {
		return append(dst, semverRelease)
	}
	return appendSemverIDs(append(dst, semverPre), p.pre, p.fused)
}

func appendSemverIDs(dst []byte, ids string, fused bool) []byte {
	for ids != "" {
		var id string
		id, ids = cutSemverID(ids, fused)
		if isSemverNumber(id) {
			dst = appendNumber(dst, semverNumber, id)
			continue
		}
		dst = append(dst, semverText)
		dst = append(dst, id...)
		dst = append(dst, 0)
	}
	return append(dst, semverEnd)
}

// trimSemverZeros cuts the zeros at the end of dotted numbers, but for the
// first number.
func trimSemverZeros(numbers string) string {
	for {
		i := len(numbers)
		for i > 0 && numbers[i-1] == '0' {
			i--
		}
		if i == 0 || i == len(numbers) || numbers[i-1] != '.' {
			return numbers
		}
		numbers = numbers[:i-1]
	}
}

// parseSemverComparators parses comparisons of versions that blanks or commas
// separate, all of which must hold, and alternatives of these between "||".
// No operator means "=".
func parseSemverComparators(s Scheme, constraint string) ([]allOf, *ParseError) {
	var any []allOf
	for start := 0; start <= len(constraint); {
		end := len(constraint)
		if i := strings.Index(constraint[start:], "||"); i >= 0 {
			end = start + i
		}
		set, err := parseSemverComparatorList(s, constraint, start, end)
		if err != nil {
			return nil, err
		}
		any = append(any, set)
		start = end + 2
	}
	return any, nil
}

// parseSemverComparatorList parses constraint[start:end], comparisons that must all
// hold.
func parseSemverComparatorList(s Scheme, constraint string, start, end int) (allOf, *ParseError) {
	fail := func(pos int, reason string) (allOf, *ParseError) {
		return nil, &ParseError{Scheme: s, Text: constraint, Pos: pos, Reason: reason}
	}
	var set allOf
	for {
		start, end = trimBlanks(constraint, start, end)
		op := start
		for start < end && strings.IndexByte("<=>!", constraint[start]) >= 0 {
			start++
		}
		admitted := semverOperator(constraint[op:start])
		if admitted == 0 {
			return fail(op, semverNoOperator)
		}
		start, _ = trimBlanks(constraint, start, end)
		from := start
		for start < end && !isBlank(constraint[start]) && strings.IndexByte(",<=>!", constraint[start]) < 0 {
			start++
		}
		if from == start {
			return fail(from, semverNoVersion)
		}
		want := constraint[from:start]
		if _, err := parseSemver(s, want); err != nil {
			return nil, within(err, constraint, from)
		}
		set = append(set, comparator{holds: admitted, version: want})
		start, _ = trimBlanks(constraint, start, end)
		if start == end {
			return set, nil
		}
		if constraint[start] == ',' {
			start++
		}
	}
}

// semverOperator returns what an operator admits, nothing if it is
// unknown.
func semverOperator(op string) relation {
	switch op {
	case "", "=", "==":
		return equal
	case "!=":
		return less | greater
	case "<":
		return less
	case "<=":
		return less | equal
	case ">=":
		return equal | greater
	case ">":
		return greater
	}
	return 0
}
