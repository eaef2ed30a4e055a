package version

import "strings"

// Versions of Haskell packages are numbers with "." between. They are compared
// number by number, and a version that ends first is lower: 1.0 < 1.0.0. See
// section 5 of the package versioning policy,
// https://pvp.haskell.org/#version-numbers, and the type Version of Cabal,
// https://hackage.haskell.org/package/Cabal-syntax/docs/Distribution-Types-Version.html.
// As for Cabal, numbers have no leading zeros. Numbers of more than 9 digits,
// which Cabal refuses, are compared in full. Tags as in "1.0-beta", which
// Cabal reads with a warning and Hackage refuses, are refused.

// checkHackage returns an error if v is not a version.
func checkHackage(v string) *ParseError {
	fail := func(pos int, reason string) *ParseError {
		return &ParseError{Scheme: Hackage, Text: v, Pos: pos, Reason: reason}
	}
	switch {
	case v == "":
		return fail(0, reasonEmpty)
	case len(v) > maxVersion:
		return fail(maxVersion, reasonTooLong)
	}
	for rest := v; ; rest = rest[1:] {
		pos := len(v) - len(rest)
		var digits string
		digits, rest = cutDigits(rest)
		switch {
		case digits == "":
			return fail(pos, "not a number")
		case len(digits) > 1 && digits[0] == '0':
			return fail(pos, "leading zero")
		case rest == "":
			return nil
		case rest[0] != '.':
			return fail(len(v)-len(rest), "not allowed here")
		}
	}
}

func compareHackage(a, b string) (int, error) {
	if err := checkHackage(a); err != nil {
		return 0, err
	}
	if err := checkHackage(b); err != nil {
		return 0, err
	}
	return compareNumbers(a, b, false), nil
}

func appendHackageKey(dst []byte, v string) ([]byte, error) {
	if err := checkHackage(v); err != nil {
		return nil, err
	}
	return appendNumbers(dst, v), nil
}

// A hackageStep is a step in the evaluation of a version range. It either
// compares the version with its own, or joins the results of the two steps
// before, which may be joined themselves.
type hackageStep struct {
	join    byte     // '&' or '|', 0 for a comparison
	holds   relation // the results of the comparison that it asks for
	version string   // not checked if it is not used
	prefix  bool     // compare with all that begins with version
}

// hackageParser turns a version range into steps. It keeps the operators that
// wait for their right side on a stack of its own, so that the depth of
// parentheses is no concern.
type hackageParser struct {
	text    string
	pos     int
	steps   []hackageStep
	waiting []byte // '(', '&' or '|'
}

// parseHackageConstraint parses a version range of Cabal,
// https://cabal.readthedocs.io/en/stable/cabal-package-description-file.html#pkg-field-build-depends.
func parseHackageConstraint(constraint string) ([]allOf, *ParseError) {
	p := hackageParser{text: constraint}
	for {
		p.skipBlanks()
		if p.take("(") {
			p.waiting = append(p.waiting, '(')
			continue
		}
		if err := p.condition(); err != nil {
			return nil, err
		}
		p.skipBlanks()
		for p.take(")") {
			if !p.close() {
				p.pos--
				return nil, p.fail("parenthesis not opened")
			}
			p.skipBlanks()
		}
		switch {
		case p.pos == len(p.text):
			for len(p.waiting) > 0 {
				if p.waiting[len(p.waiting)-1] == '(' {
					return nil, p.fail("parenthesis not closed")
				}
				p.join()
			}
			return []allOf{{{test: func(v string) bool { return hackageContains(p.steps, v) }}}}, nil
		case p.take("&&"):
			p.joinTighter('&')
		case p.take("||"):
			p.joinTighter('|')
		default:
			return nil, p.fail("not allowed here")
		}
	}
}

func (p *hackageParser) fail(reason string) *ParseError {
	return &ParseError{Scheme: Hackage, Text: p.text, Pos: p.pos, Reason: reason}
}

func (p *hackageParser) skipBlanks() {
	p.pos, _ = trimBlanks(p.text, p.pos, len(p.text))
}

// take skips the token if it comes next.
func (p *hackageParser) take(token string) bool {
	if !strings.HasPrefix(p.text[p.pos:], token) {
		return false
	}
	p.pos += len(token)
	return true
}

// join moves the operator that waits last to the steps.
func (p *hackageParser) join() {
	last := len(p.waiting) - 1
	p.steps = append(p.steps, hackageStep{join: p.waiting[last]})
	p.waiting = p.waiting[:last]
}

// joinTighter lets an operator wait, after those that bind as tight as it.
func (p *hackageParser) joinTighter(op byte) {
	for n := len(p.waiting); n > 0 && (p.waiting[n-1] == '&' || p.waiting[n-1] == op); n-- {
		p.join()
	}
	p.waiting = append(p.waiting, op)
}

// close joins everything up to the last open parenthesis.
func (p *hackageParser) close() bool {
	for len(p.waiting) > 0 {
		if last := len(p.waiting) - 1; p.waiting[last] == '(' {
			p.waiting = p.waiting[:last]
			return true
		}
		p.join()
	}
	return false
}

// condition reads one comparison with a version or with each of a set.
func (p *hackageParser) condition() *ParseError {
	switch {
	case p.take("-any"):
		p.steps = append(p.steps, hackageStep{holds: less | equal | greater})
		return nil
	case p.take("-none"):
		p.steps = append(p.steps, hackageStep{})
		return nil
	}
	op := p.text[p.pos:]
	op = op[:len(op)-len(strings.TrimLeft(op, "<=>^"))]
	admitted := hackageOperator(op)
	if admitted == 0 {
		return p.fail("unknown operator")
	}
	p.pos += len(op)
	p.skipBlanks()
	if op != "==" && op != "^>=" || !p.take("{") {
		return p.comparison(op, admitted)
	}
	for isFirst := true; ; isFirst = false {
		p.skipBlanks()
		if err := p.comparison(op, admitted); err != nil {
			return err
		}
		if !isFirst {
			p.steps = append(p.steps, hackageStep{join: '|'})
		}
		p.skipBlanks()
		switch {
		case p.take("}"):
			return nil
		case !p.take(","):
			return p.fail("set not closed")
		}
	}
}

// comparison reads the version of a condition.
func (p *hackageParser) comparison(op string, admitted relation) *ParseError {
	start := p.pos
	for p.pos < len(p.text) && (isDigit(p.text[p.pos]) || p.text[p.pos] == '.' || p.text[p.pos] == '*') {
		p.pos++
	}
	want := p.text[start:p.pos]
	numbers, wildcard := strings.CutSuffix(want, ".*")
	if wildcard && op == "==" {
		want = numbers
	}
	if err := checkHackage(want); err != nil {
		return within(err, p.text, start)
	}
	p.steps = append(p.steps, hackageStep{holds: admitted, version: want, prefix: wildcard})
	if op == "^>=" {
		// Up to the end of the major version, which is two numbers.
		p.steps = append(p.steps, hackageStep{holds: less | equal, version: hackageMajor(want), prefix: true}, hackageStep{join: '&'})
	}
	return nil
}

// hackageMajor returns the first two numbers of a version. The second is 0 if
// there is none.
func hackageMajor(v string) string {
	first, rest, ok := strings.Cut(v, ".")
	if !ok {
		return v + ".0"
	}
	second, _, _ := strings.Cut(rest, ".")
	return v[:len(first)+len(".")+len(second)]
}

// hackageOperator returns what an operator admits, nothing if it is unknown.
// The upper limit of "^>=" comes on top.
func hackageOperator(op string) relation {
	switch op {
	case "==":
		return equal
	case "<":
		return less
	case "<=":
		return less | equal
	case ">=", "^>=":
		return equal | greater
	case ">":
		return greater
	}
	return 0
}

// hackageContains evaluates the steps for a valid version.
func hackageContains(steps []hackageStep, v string) bool {
	var results []bool // that wait to be joined
	for _, step := range steps {
		last := len(results) - 1
		switch step.join {
		case '&':
			results[last-1] = results[last-1] && results[last]
			results = results[:last]
		case '|':
			results[last-1] = results[last-1] || results[last]
			results = results[:last]
		default:
			results = append(results, step.admits(v))
		}
	}
	return results[0]
}

func (s hackageStep) admits(v string) bool {
	if s.version == "" {
		return s.holds != 0 // "-any" or "-none"
	}
	return s.holds.holds(compareNumbers(v, s.version, s.prefix))
}
