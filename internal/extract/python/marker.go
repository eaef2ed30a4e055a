package python

import (
	"regexp"
	"strconv"
	"strings"
)

// A truth is what is known of a condition.
type truth uint8

const (
	unknown truth = iota
	no
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// not returns the opposite of t.
func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

// An environment is what is known of the Python that a distribution was
// installed for.
type environment struct {
	python []int // "3" or "3.11", as far as the path tells
	values map[string]string
}

// pythonFolder is the folder of an interpreter's packages below lib, such as
// "python3.11", "python3" in Debian, "python3.13t" or "pypy3.10".
var pythonFolder = regexp.MustCompile(`(?:^|/)lib(?:32|64)?/(python|pypy)([0-9])(?:\.([0-9]{1,3}))?t?/`)

// environmentOf returns what a path tells. On Windows, libraries are in a
// folder "Lib", and so nothing is known of the system there.
func environmentOf(p string) environment {
	// A requirement of an extra does not count, as no extra is asked for.
	env := environment{values: map[string]string{"extra": ""}}
	all := pythonFolder.FindAllStringSubmatch(p, -1)
	if len(all) == 0 {
		return env
	}
	m := all[len(all)-1]
	env.python = ints(strings.TrimSuffix(m[2]+"."+m[3], "."))
	env.values["sys_platform"] = "linux"
	env.values["os_name"] = "posix"
	env.values["platform_system"] = "Linux"
	env.values["implementation_name"], env.values["platform_python_implementation"] = "cpython", "CPython"
	if m[1] == "pypy" {
		env.values["implementation_name"], env.values["platform_python_implementation"] = "pypy", "PyPy"
	}
	return env
}

// formerNames of variables, which are in use in old metadata:
// https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
var formerNames = map[string]string{
	"os.name":                        "os_name",
	"sys.platform":                   "sys_platform",
	"platform.machine":               "platform_machine",
	"platform.version":               "platform_version",
	"platform.python_implementation": "platform_python_implementation",
	"python_implementation":          "platform_python_implementation",
}

// markerToken is a string, an operator, a variable or a word.
var markerToken = regexp.MustCompile(`^\s*('[^']*'|"[^"]*"|===|==|~=|!=|<=|>=|<|>|\(|\)|[A-Za-z_][A-Za-z0-9_.]*)`)

const (
	// Conditions have at most a handful of terms and nested parentheses.
	maxTokens  = 1000
	maxNesting = 32
)

// A markerParser evaluates a condition while it reads it.
type markerParser struct {
	env    environment
	tokens []string
	depth  int
	bad    bool // it is no condition
}

// eval returns what is known of a condition. It is unknown too if it cannot be
// understood.
func (env environment) eval(marker string) truth {
	p := markerParser{env: env}
	for rest := marker; strings.TrimSpace(rest) != ""; {
		m := markerToken.FindStringSubmatch(rest)
		if m == nil || len(p.tokens) == maxTokens {
			return unknown
		}
		p.tokens = append(p.tokens, m[1])
		rest = rest[len(m[0]):]
	}
	t := p.or()
	if p.bad || len(p.tokens) > 0 {
		return unknown
	}
	return t
}

// next takes the next token if it is one of want, or whatever it is if there
// is no want.
func (p *markerParser) next(want ...string) (string, bool) {
	if len(p.tokens) == 0 {
		return "", false
	}
	token := p.tokens[0]
	ok := len(want) == 0
	for _, w := range want {
		ok = ok || token == w
	}
	if ok {
		p.tokens = p.tokens[1:]
	}
	return token, ok
}

func (p *markerParser) or() truth {
	t := p.and()
	for {
		if _, ok := p.next("or"); !ok {
			return t
		}
		t = orOf(t, p.and())
	}
}

func (p *markerParser) and() truth {
	t := p.term()
	for {
		if _, ok := p.next("and"); !ok {
			return t
		}
		t = orOf(t.not(), p.term().not()).not()
	}
}

// orOf joins what is known of two conditions of which one has to hold.
func orOf(a, b truth) truth {
	switch {
	case a == yes || b == yes:
		return yes
	case a == no && b == no:
		return no
	}
	return unknown
}

// term is a comparison or a condition in parentheses.
func (p *markerParser) term() truth {
	if _, ok := p.next("("); ok {
		if p.depth++; p.depth > maxNesting {
			p.bad = true
			return unknown
		}
		t := p.or()
		p.depth--
		if _, ok := p.next(")"); !ok {
			p.bad = true
		}
		return t
	}
	left, _ := p.next()
	op, _ := p.next()
	if op == "not" {
		if _, ok := p.next("in"); !ok {
			p.bad = true
		}
		op = "not in"
	}
	right, ok := p.next()
	if !ok || !operators[op] || isString(left) == isString(right) {
		p.bad = true
		return unknown
	}
	if isString(left) {
		return p.env.compare(right, op, left[1:len(left)-1], true)
	}
	return p.env.compare(left, op, right[1:len(right)-1], false)
}

func isString(token string) bool { return token != "" && (token[0] == '"' || token[0] == '\'') }

// operators tells which there are. Those of versions are turned around where
// the variable is on the right.
var (
	operators = map[string]bool{
		"==": true, "!=": true, "<": true, "<=": true, ">": true, ">=": true,
		"~=": true, "===": true, "in": true, "not in": true,
	}
	turned = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}
)

// compare compares a variable with a string, which is on the left if swapped.
func (env environment) compare(name, op, literal string, swapped bool) truth {
	if former := formerNames[name]; former != "" {
		name = former
	}
	if op == "not in" {
		return env.compare(name, "in", literal, swapped).not()
	}
	switch name {
	case "python_version", "python_full_version":
		if op == "in" {
			// A list of versions is a string that the version is part of.
			if swapped || name != "python_version" || len(env.python) < 2 {
				return unknown
			}
			value := strconv.Itoa(env.python[0]) + "." + strconv.Itoa(env.python[1])
			return truthOf(strings.Contains(literal, value))
		}
		if t := turned[op]; swapped && t != "" {
			op = t
		}
		return env.compareVersion(op, literal, name == "python_version")
	}
	value, known := env.values[name]
	if !known {
		return unknown
	}
	switch op {
	case "==", "===":
		return truthOf(value == literal)
	case "!=":
		return truthOf(value != literal)
	case "in":
		if swapped {
			return truthOf(strings.Contains(value, literal))
		}
		return truthOf(strings.Contains(literal, value))
	}
	return unknown
}

// compareVersion compares the version of Python with a literal. The variable
// python_version has two numbers, and so is known exactly where the path has
// two.
func (env environment) compareVersion(op, literal string, twoNumbers bool) truth {
	prefix, wildcard := strings.CutSuffix(literal, ".*")
	want := ints(prefix)
	if want == nil || len(env.python) == 0 {
		return unknown
	}
	exact := twoNumbers && len(env.python) == 2
	if wildcard {
		t := startsWith(env.python, want, exact)
		switch op {
		case "==":
			return t
		case "!=":
			return t.not()
		}
		return unknown
	}
	less, more := order(env.python, want, exact)
	switch op {
	case "<":
		return less
	case ">=":
		return less.not()
	case ">":
		return more
	case "<=":
		return more.not()
	case "==", "===":
		return orOf(less, more).not()
	case "!=":
		return orOf(less, more)
	case "~=":
		// "~= 3.6" is ">= 3.6" and "== 3.*".
		if len(want) < 2 {
			return unknown
		}
		return orOf(less, startsWith(env.python, want[:len(want)-1], exact).not()).not()
	}
	return unknown
}

// order tells whether a version that begins with have, or is have if exact, is
// less or more than want. Numbers that are not there are 0.
func order(have, want []int, exact bool) (less, more truth) {
	for i := range max(len(have), len(want)) {
		w := 0
		if i < len(want) {
			w = want[i]
		}
		h := 0
		if i < len(have) {
			h = have[i]
		} else if !exact {
			// The rest is 0 or more.
			for _, w := range want[i:] {
				if w > 0 {
					return unknown, unknown
				}
			}
			return no, unknown
		}
		if h != w {
			return truthOf(h < w), truthOf(h > w)
		}
	}
	if exact {
		return no, no
	}
	return no, unknown
}

// startsWith tells whether a version that begins with have, or is have if
// exact, begins with want.
func startsWith(have, want []int, exact bool) truth {
	for i, w := range want {
		h := 0
		if i < len(have) {
			h = have[i]
		} else if !exact {
			return unknown
		}
		if h != w {
			return no
		}
	}
	return yes
}

// ints returns the numbers of a version without letters, nil if it is none.
func ints(version string) []int {
	var numbers []int
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil || len(numbers) == 8 {
			return nil
		}
		numbers = append(numbers, int(n))
	}
	return numbers
}
