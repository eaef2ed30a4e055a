package pydep

import (
	"regexp"
	"strings"
)

// inGroups is the condition that a group is asked for:
// https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
var inGroups = regexp.MustCompile(`^(?:'([^']*)'|"([^"]*)")\s+(not\s+)?in\s+dependency_groups$`)

// NeedsGroup reports whether a condition holds only where a group is asked for
// that is not among the defaults. It understands "and" and "or" without
// parentheses around more than one term; of other conditions it is not known.
func NeedsGroup(marker string, defaults []string) bool {
	if len(marker) > MaxField || !strings.Contains(marker, "dependency_groups") {
		return false
	}
	for alternative := range splitWord(trimParentheses(marker), "or") {
		needed := false
		for term := range splitWord(trimParentheses(alternative), "and") {
			term = trimParentheses(term)
			// Any of several will do.
			all := true
			for part := range splitWord(term, "or") {
				m := inGroups.FindStringSubmatch(trimParentheses(part))
				all = all && m != nil && m[3] == "" && !contains(defaults, m[1]+m[2])
			}
			needed = needed || all
		}
		if !needed {
			return false
		}
	}
	return true
}

func contains(list []string, name string) bool {
	for _, s := range list {
		if Normalize(s) == Normalize(name) {
			return true
		}
	}
	return false
}

// trimParentheses takes away blanks, and parentheses around the whole.
func trimParentheses(s string) string {
	s = strings.TrimSpace(s)
	for strings.HasPrefix(s, "(") {
		depth := 0
		end := -1
		scan(s, func(i int, c byte) bool {
			switch c {
			case '(':
				depth++
			case ')':
				if depth--; depth == 0 {
					end = i
					return false
				}
			}
			return true
		})
		if end != len(s)-1 {
			break
		}
		s = strings.TrimSpace(s[1:end])
	}
	return s
}

// scan calls visit for the bytes of s that are not in a string, until it
// returns false.
func scan(s string, visit func(i int, c byte) bool) {
	quote := byte(0)
	for i := range len(s) {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case !visit(i, c):
			return
		}
	}
}

// splitWord splits s at a word that is outside of strings and parentheses.
func splitWord(s, word string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		var cuts []int
		depth := 0
		scan(s, func(i int, c byte) bool {
			switch {
			case c == '(':
				depth++
			case c == ')':
				depth--
			case depth == 0 && strings.HasPrefix(s[i:], word) && i > 0 && isBoundary(s[i-1]) && i+len(word) < len(s) && isBoundary(s[i+len(word)]):
				cuts = append(cuts, i)
			}
			return true
		})
		from := 0
		for _, i := range cuts {
			if !yield(s[from:i]) {
				return
			}
			from = i + len(word)
		}
		yield(s[from:])
	}
}

func isBoundary(c byte) bool { return strings.IndexByte(" \t()'\"", c) >= 0 }
