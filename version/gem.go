package version

import "strings"

// Versions of Ruby gems are described by the class Gem::Version,
// https://docs.ruby-lang.org/en/master/Gem/Version.html:
//
//	digits{.letters or digits}[-{letters, digits or hyphens separated by points}]
//
// White space around a version is ignored. The empty version, which is 0 for
// RubyGems, is refused, like everywhere in this package.
//
// A version is a list of segments, each a run of digits or of letters, and a
// hyphen is the segment "pre". Segments are compared from left to right:
// numbers by value, letters by their bytes and lower than numbers, and missing
// ones as 0. Zeros right before the first letters do not count, so that
// 1.0.0.a is the same as 1.a. What precedes the first letters is the release.
//
// The platform of a gem is no part of its version. Where it is written behind
// the version, as in "1.2.0-java", it makes a pre-release of it.

// gemSegment is a part of a version. Text has letters or digits, and none if
// it stands for the zeros that one may think behind every version.
type gemSegment struct {
	text  string
	isEnd bool
}

// isNumber reports whether the segment is not of letters.
func (s gemSegment) isNumber() bool { return s.isEnd || isDigit(s.text[0]) }

func (s gemSegment) isZero() bool { return s.isEnd || s.isNumber() && trimZeros(s.text) == "" }

// cutGem takes the first segment off the rest of a version.
func cutGem(rest string) (gemSegment, string) {
	for rest != "" && rest[0] == '.' {
		rest = rest[1:]
	}
	if rest == "" {
		return gemSegment{isEnd: true}, ""
	}
	if rest[0] == '-' {
		return gemSegment{text: "pre"}, rest[1:]
	}
	n := 1
	for n < len(rest) && rest[n] != '.' && rest[n] != '-' && isDigit(rest[n]) == isDigit(rest[0]) {
		n++
	}
	return gemSegment{text: rest[:n]}, rest[n:]
}

// gemReader reads the segments of a version without the zeros that do not
// count.
type gemReader struct {
	rest  string
	zeros int // to be read before the rest
	isPre bool
}

// next returns the next segment.
func (r *gemReader) next() gemSegment {
	if r.zeros > 0 {
		r.zeros--
		return gemSegment{text: "0"}
	}
	segment, rest := cutGem(r.rest)
	zeros := 0
	for !segment.isEnd && segment.isZero() {
		zeros++
		r.rest = rest
		segment, rest = cutGem(rest)
	}
	if zeros > 0 && !segment.isEnd && (r.isPre || segment.isNumber()) {
		r.zeros = zeros - 1
		return gemSegment{text: "0"}
	}
	r.rest = rest
	r.isPre = r.isPre || !segment.isNumber()
	return segment
}

// compare compares two segments that follow equal ones.
func (s gemSegment) compare(t gemSegment) int {
	switch {
	case s.isNumber() && t.isNumber():
		return compareDigits(s.text, t.text)
	case s.isNumber():
		return 1
	case t.isNumber():
		return -1
	}
	return strings.Compare(s.text, t.text)
}

// parseGem checks a version and returns it without the white space around it.
func parseGem(v string) (string, *ParseError) {
	fail := func(pos int, reason string) (string, *ParseError) {
		return "", &ParseError{Scheme: Gem, Text: v, Pos: pos, Reason: reason}
	}
	if len(v) > maxVersion {
		return fail(maxVersion, reasonTooLong)
	}
	start, end := trimGem(v, 0, len(v))
	if start == end {
		return fail(0, reasonEmpty)
	}
	if !isDigit(v[start]) {
		return fail(start, "does not begin with a digit")
	}
	_, rest := cutDigits(v[start:end])
	for strings.HasPrefix(rest, ".") {
		n := 1
		for n < len(rest) && isGemLetter(rest[n]) {
			n++
		}
		if n == 1 {
			return fail(end-len(rest), "nothing after the point")
		}
		rest = rest[n:]
	}
	if strings.HasPrefix(rest, "-") {
		for separated := true; separated; separated = strings.HasPrefix(rest, ".") {
			n := 1
			for n < len(rest) && (isGemLetter(rest[n]) || rest[n] == '-') {
				n++
			}
			if n == 1 {
				return fail(end-len(rest), "nothing after the separator")
			}
			rest = rest[n:]
		}
	}
	if rest != "" {
		return fail(end-len(rest), "not allowed here")
	}
	return v[start:end], nil
}

// isGemLetter reports whether c may be a part of a segment.
func isGemLetter(c byte) bool { return isDigit(c) || isLower(c) || isUpper(c) }

// trimGem narrows s[start:end] to leave out the ASCII white space around it.
func trimGem(s string, start, end int) (int, int) {
	isSpace := func(c byte) bool { return isBlank(c) || c == '\v' || c == '\f' }
	for start < end && isSpace(s[start]) {
		start++
	}
	for start < end && isSpace(s[end-1]) {
		end--
	}
	return start, end
}

func compareGem(a, b string) (int, error) {
	a, err := parseGem(a)
	if err != nil {
		return 0, err
	}
	b, err = parseGem(b)
	if err != nil {
		return 0, err
	}
	x, y := gemReader{rest: a}, gemReader{rest: b}
	for {
		s, t := x.next(), y.next()
		if c := s.compare(t); c != 0 || s.isEnd && t.isEnd {
			return c, nil
		}
	}
}

// The codes of keys. Zeros that count have a byte each, which depends on what
// they lead to: letters after more zeros are higher, as they replace a zero
// with something lower, and numbers after more zeros are lower. What only has
// zeros to come, which is gemEnd, lies between the two.
const (
	gemText       = 1 // the letters and a zero byte follow
	gemZeroText   = 2
	gemEnd        = 3
	gemZeroNumber = 4
	gemNumber     = 5 // the first of numberCodes
)

func appendGemKey(dst []byte, v string) ([]byte, error) {
	rest, err := parseGem(v)
	if err != nil {
		return nil, err
	}
	isPre, zeros := false, 0
	for {
		var segment gemSegment
		segment, rest = cutGem(rest)
		switch {
		case segment.isEnd:
			return append(dst, gemEnd), nil
		case segment.isZero():
			zeros++
			continue
		case segment.isNumber():
			dst = appendGemZeros(dst, gemZeroNumber, zeros)
			dst = appendNumber(dst, gemNumber, segment.text)
		default:
			if isPre {
				dst = appendGemZeros(dst, gemZeroText, zeros)
			}
			dst = append(dst, gemText)
			dst = append(dst, segment.text...)
			dst = append(dst, 0)
			isPre = true
		}
		zeros = 0
	}
}

func appendGemZeros(dst []byte, code byte, n int) []byte {
	for range n {
		dst = append(dst, code)
	}
	return dst
}

// parseGemConstraint parses a list of requirements,
// https://docs.ruby-lang.org/en/master/Gem/Requirement.html. RubyGems has them
// as a list; commas between them are how lists are written in advisories and
// in the lock files of Bundler.
func parseGemConstraint(constraint string) ([]allOf, *ParseError) {
	var set allOf
	for start := 0; start <= len(constraint); {
		end := start
		for end < len(constraint) && constraint[end] != ',' {
			end++
		}
		from, to := trimGem(constraint, start, end)
		start = end + 1
		op := from
		for from < to && strings.IndexByte("=!<>~", constraint[from]) >= 0 {
			from++
		}
		admitted := gemOperator(constraint[op:from])
		if admitted == 0 {
			return nil, &ParseError{Scheme: Gem, Text: constraint, Pos: op, Reason: "unknown operator"}
		}
		isPessimistic := constraint[op:from] == "~>"
		from, to = trimGem(constraint, from, to)
		want, err := parseGem(constraint[from:to])
		if err != nil {
			return nil, within(err, constraint, from)
		}
		set = append(set, comparator{holds: admitted, version: want})
		if isPessimistic {
			set = append(set, comparator{test: func(v string) bool {
				v, err := parseGem(v)
				return err == nil && compareGemHead(v, want) <= 0
			}})
		}
	}
	return []allOf{set}, nil
}

// gemOperator returns what an operator admits, nothing if it is unknown. The
// upper limit of "~>" comes on top.
func gemOperator(op string) relation {
	switch op {
	case "=", "":
		return equal
	case "!=":
		return less | greater
	case "<":
		return less
	case "<=":
		return less | equal
	case ">=", "~>":
		return equal | greater
	case ">":
		return greater
	}
	return 0
}

// compareGemHead compares the release of v with that of want without its last
// number, if it has more than one: "~> 1.2" admits what begins with 1, as far
// as this goes. A release that is lower passes too, but not the comparison
// with want itself.
func compareGemHead(v, want string) int {
	segment, want := cutGem(want)
	for first := true; ; first = false {
		following, rest := cutGem(want)
		isLast := following.isEnd || !following.isNumber()
		if isLast && !first {
			return 0
		}
		var have gemSegment
		if have, v = cutGem(v); !have.isNumber() {
			have, v = gemSegment{isEnd: true}, ""
		}
		if c := compareDigits(have.text, segment.text); c != 0 || isLast {
			return c
		}
		segment, want = following, rest
	}
}
