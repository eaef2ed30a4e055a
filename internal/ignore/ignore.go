// Package ignore tells which files of a tree to pass over, by rules in the
// syntax of git's [gitignore].
//
// A rule is a pattern of path elements as in [path.Match], with "**" for any
// number of elements. One with a "/" at its beginning or within it counts from
// the root, others at any depth. "/" at its end means folders only, and "!" at
// its beginning takes back what an earlier rule said. What is below a folder
// that is passed over is passed over too.
//
// [gitignore]: https://git-scm.com/docs/gitignore#_pattern_format
package ignore

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// maxElements bounds the elements of a rule: matching several "**" costs more
// with each.
const maxElements = 64

// Rules are an ordered list of rules. The zero value passes over nothing. It
// is safe for concurrent use.
type Rules struct {
	rules []rule
}

type rule struct {
	elements []string // "**" alone stands for any number
	folder   bool
	keep     bool
}

// New reads rules. An empty rule and one that begins with "#" say nothing.
func New(patterns ...string) (*Rules, error) {
	r := &Rules{}
	for _, p := range patterns {
		rule, err := parse(p)
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", p, err)
		}
		if rule.elements != nil {
			r.rules = append(r.rules, rule)
		}
	}
	return r, nil
}

func parse(p string) (rule, error) {
	var r rule
	p = strings.TrimRight(p, " \t\r")
	if p == "" || p[0] == '#' {
		return r, nil
	}
	if p, r.keep = strings.CutPrefix(p, "!"); p == "" {
		return rule{}, fmt.Errorf("nothing after %q", "!")
	}
	p, r.folder = strings.CutSuffix(p, "/")
	rooted := strings.Contains(p, "/")
	r.elements = strings.Split(strings.Trim(p, "/"), "/")
	if !rooted {
		r.elements = append([]string{"**"}, r.elements...)
	}
	if err := check(r.elements); err != nil {
		return rule{}, err
	}
	return r, nil
}

// check checks the elements of a pattern.
func check(elements []string) error {
	if len(elements) > maxElements {
		return fmt.Errorf("more than %d elements", maxElements)
	}
	for _, e := range elements {
		if e == "" {
			return fmt.Errorf("an empty element")
		}
		if _, err := path.Match(e, ""); err != nil {
			return err
		}
	}
	return nil
}

// A Glob is a pattern of path elements that counts from the root, and means
// files only: "dir/**" is all that is below dir. The zero value matches nothing.
type Glob struct{ elements []string }

// NewGlob reads a pattern. A "/" at its beginning says nothing.
func NewGlob(pattern string) (Glob, error) {
	elements := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	if err := check(elements); err != nil {
		return Glob{}, err
	}
	return Glob{elements}, nil
}

// Match reports whether the pattern matches the whole of a path.
func (g Glob) Match(name string) bool {
	return len(g.elements) > 0 && match(g.elements, strings.Split(strings.TrimPrefix(name, "/"), "/"))
}

// Empty reports whether nothing is passed over.
func (r *Rules) Empty() bool { return r == nil || len(r.rules) == 0 }

// Match reports whether to pass over the file or folder at a clean path
// relative to the root. The folders above it have been asked for already.
func (r *Rules) Match(name string, isFolder bool) bool {
	if r.Empty() {
		return false
	}
	elements := strings.Split(name, "/")
	for i := len(r.rules) - 1; i >= 0; i-- {
		rule := &r.rules[i]
		if (isFolder || !rule.folder) && match(rule.elements, elements) {
			return !rule.keep
		}
	}
	return false
}

// Within reports whether to pass over a file because of its own path or that
// of a folder above it.
func (r *Rules) Within(name string) bool {
	if r.Empty() {
		return false
	}
	for i := range name {
		if name[i] == '/' && r.Match(name[:i], true) {
			return true
		}
	}
	return r.Match(name, false)
}

// match compares elements. Each row of the table that it fills tells which
// beginnings of name a beginning of the rule matches, so that no number of
// "**" makes it slow.
func match(rule, name []string) bool {
	reached := make([]bool, len(name)+1)
	reached[0] = true
	for i, e := range rule {
		if e == "**" {
			if i == len(rule)-1 { // something must be left: "a/**" is what is below a
				return slices.Contains(reached[:len(name)], true)
			}
			for j := 1; j <= len(name); j++ {
				reached[j] = reached[j] || reached[j-1]
			}
			continue
		}
		for j := len(name); j > 0; j-- {
			ok := false
			if reached[j-1] {
				ok, _ = path.Match(e, name[j-1]) // parse has seen that it is well formed
			}
			reached[j] = ok
		}
		reached[0] = false
	}
	return reached[len(name)]
}
