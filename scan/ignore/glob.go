package ignore

import (
	"errors"
	"path"
	"strings"
)

// maxElements bounds the elements of a pattern: what "**" costs grows with them.
const maxElements = 64

// compileGlob takes a pattern of paths apart.
func compileGlob(pattern string) ([]string, error) {
	elements := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	if len(elements) > maxElements {
		return nil, errors.New("it has too many elements")
	}
	for _, e := range elements {
		if e == "" {
			return nil, errors.New("an element is empty; \"dir/**\" is all that is below dir")
		}
		if _, err := path.Match(e, ""); err != nil {
			return nil, err
		}
	}
	return elements, nil
}

// matchGlob matches as a finite automaton does, so that no pattern is slow: for
// each element of the path, which elements of the pattern can come next.
func matchGlob(glob []string, name string) bool {
	at := make([]bool, len(glob)+1)
	at[0] = true
	skip := func() { // "**" can be nothing
		for i, e := range glob {
			if at[i] && e == "**" {
				at[i+1] = true
			}
		}
	}
	skip()
	for element := range strings.SplitSeq(strings.TrimPrefix(name, "/"), "/") {
		next := make([]bool, len(glob)+1)
		for i, e := range glob {
			if !at[i] {
				continue
			}
			if e == "**" {
				next[i] = true
				continue
			}
			if ok, err := path.Match(e, element); ok && err == nil {
				next[i+1] = true
			}
		}
		at = next
		skip()
	}
	return at[len(glob)]
}
