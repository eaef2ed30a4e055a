package layer

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// A Router tells which extractors want a file. It is made once from the
// patterns of all extractors and asked for every file of every layer, so most
// files must end after a look at three or four tables. It is safe for
// concurrent use.
type Router struct {
	extractors []inventory.Extractor

	exact  routes       // by the whole path
	base   routes       // by the last element of the path
	ext    routes       // by what follows the last dot of the last element
	dir    routes       // by the folder of the path
	any    []route      // "**/*"
	first  [256][]route // by the first byte of the last element, those that fit above nowhere
	others []route      // patterns that fit in no table
}

// routes are patterns by a plain text that a path must have in some place.
type routes struct {
	byText map[string][]route
	// seen tells, by the length of texts as far as it is below 256, which
	// first and last bytes they have: most of what is looked up is not found,
	// and this tells it sooner.
	seen [256]uint64
}

func (r *routes) add(text string, rt route) {
	if r.byText == nil {
		r.byText = map[string][]route{}
	}
	r.byText[text] = append(r.byText[text], rt)
	r.seen[min(len(text), 255)] |= endsBit([]byte(text))
}

// endsBit returns one of 64 bits for the first and last byte of a text.
func endsBit(text []byte) uint64 {
	if len(text) == 0 {
		return 1
	}
	return 1 << ((text[0] + 5*text[len(text)-1]) & 63)
}

func (r *routes) find(text []byte) []route {
	if r.seen[min(len(text), 255)]&endsBit(text) == 0 {
		return nil
	}
	return r.byText[string(text)]
}

// A route is one pattern of one extractor.
type route struct {
	extractor int
	glob      []element
	anywhere  bool // the glob began with "**/"
	exec      bool // executables only
}

// An element is one element of a glob.
type element struct {
	kind elementKind
	text string // to compare with, or the glob itself
}

type elementKind byte

const (
	elementGlob   elementKind = iota
	elementPlain              // text
	elementSuffix             // "*" and text
	elementPrefix             // text and "*"
)

func newElement(glob string) element {
	switch {
	case isPlain(glob):
		return element{elementPlain, glob}
	case glob[0] == '*' && isPlain(glob[1:]):
		return element{elementSuffix, glob[1:]}
	case glob[len(glob)-1] == '*' && isPlain(glob[:len(glob)-1]):
		return element{elementPrefix, glob[:len(glob)-1]}
	}
	return element{elementGlob, glob}
}

func (e *element) match(name []byte) bool {
	switch e.kind {
	case elementPlain:
		return string(name) == e.text
	case elementSuffix:
		return len(name) >= len(e.text) && string(name[len(name)-len(e.text):]) == e.text
	case elementPrefix:
		return len(name) >= len(e.text) && string(name[:len(e.text)]) == e.text
	}
	ok, err := path.Match(e.text, string(name))
	return ok && err == nil
}

// NewRouter makes the table of the extractors' patterns.
func NewRouter(extractors []inventory.Extractor) (*Router, error) {
	r := &Router{extractors: slices.Clone(extractors)}
	names := map[string]bool{}
	for i, e := range r.extractors {
		if e.Name() == "" || names[e.Name()] {
			return nil, fmt.Errorf("extractor name %q is empty or used twice", e.Name())
		}
		names[e.Name()] = true
		for _, p := range e.Patterns() {
			if err := r.add(i, p); err != nil {
				return nil, fmt.Errorf("extractor %q: %w", e.Name(), err)
			}
		}
	}
	return r, nil
}

// Extractors returns the extractors in the order of their indexes.
func (r *Router) Extractors() []inventory.Extractor { return r.extractors }

func (r *Router) add(extractor int, p inventory.Pattern) error {
	glob, anywhere := strings.CutPrefix(p.Glob, "**/")
	if glob == "" || glob != path.Clean(glob) || glob[0] == '/' || glob == "." || strings.HasPrefix(glob, "../") {
		return fmt.Errorf("pattern %q: not a clean path relative to the root", p.Glob)
	}
	if strings.Contains(glob, "**") {
		return fmt.Errorf("pattern %q: \"**\" is not at the front", p.Glob)
	}
	if _, err := path.Match(glob, ""); err != nil {
		return fmt.Errorf("pattern %q: %w", p.Glob, err)
	}
	rt := newRoute(extractor, p)
	last := path.Base(glob)
	folder := path.Dir(glob)
	switch {
	case anywhere && glob == "*":
		r.any = append(r.any, rt)
	case !anywhere && isPlain(glob):
		r.exact.add(glob, rt)
	case isPlain(last):
		r.base.add(last, rt)
	case strings.HasPrefix(last, "*") && strings.LastIndexByte(last, '.') >= 1 && isPlain(last[1:]):
		ext := last[strings.LastIndexByte(last, '.')+1:]
		r.ext.add(ext, rt)
	case !anywhere && isPlain(folder):
		r.dir.add(folder, rt)
	case isPlain(last[:1]):
		r.first[last[0]] = append(r.first[last[0]], rt)
	default:
		r.others = append(r.others, rt)
	}
	return nil
}

// newRoute returns the route of a pattern that is known to be right.
func newRoute(extractor int, p inventory.Pattern) route {
	glob, anywhere := strings.CutPrefix(p.Glob, "**/")
	rt := route{extractor: extractor, anywhere: anywhere, exec: p.Executable}
	for e := range strings.SplitSeq(glob, "/") {
		rt.glob = append(rt.glob, newElement(e))
	}
	return rt
}

// isPlain reports whether a glob matches itself only.
func isPlain(glob string) bool { return !strings.ContainsAny(glob, `*?[\`) }

// Append appends the indexes of the extractors that want the file to dst,
// each once and in order. It does not allocate where dst has room and the
// patterns are those that [inventory.Pattern] calls fast.
func (r *Router) Append(dst []int, name []byte, executable bool) []int {
	slash, dot := len(name)-1, -1
	for ; slash >= 0 && name[slash] != '/'; slash-- {
		if name[slash] == '.' && dot < 0 {
			dot = slash
		}
	}
	folder, base := name[:max(slash, 0)], name[slash+1:]
	dst = appendRoutes(dst, r.exact.find(name), nil, executable)
	dst = appendRoutes(dst, r.base.find(base), name, executable)
	if dot >= 0 {
		dst = appendRoutes(dst, r.ext.find(name[dot+1:]), name, executable)
	}
	dst = appendRoutes(dst, r.dir.find(folder), name, executable)
	dst = appendRoutes(dst, r.any, nil, executable)
	if len(base) > 0 {
		dst = appendRoutes(dst, r.first[base[0]], name, executable)
	}
	dst = appendRoutes(dst, r.others, name, executable)
	if len(dst) > 1 {
		slices.Sort(dst)
		dst = slices.Compact(dst)
	}
	return dst
}

// appendRoutes appends those routes that match the path; a nil path matches.
func appendRoutes(dst []int, routes []route, name []byte, executable bool) []int {
	for i := range routes {
		rt := &routes[i]
		if rt.exec && !executable {
			continue
		}
		if name == nil || rt.match(name) {
			dst = append(dst, rt.extractor)
		}
	}
	return dst
}

// match compares element by element from the end.
func (rt *route) match(name []byte) bool {
	for i := len(rt.glob) - 1; i >= 0; i-- {
		at := bytes.LastIndexByte(name, '/')
		if !rt.glob[i].match(name[at+1:]) {
			return false
		}
		if at < 0 {
			return i == 0
		}
		name = name[:at]
	}
	return rt.anywhere
}

// HasExecutable reports whether the mode of a file can decide who wants it.
func (r *Router) HasExecutable() bool {
	for _, e := range r.extractors {
		if slices.ContainsFunc(e.Patterns(), func(p inventory.Pattern) bool { return p.Executable }) {
			return true
		}
	}
	return false
}

// sameUnder reports whether what an extractor found in a file holds for a hard
// link to it too: an extractor that looks at files of any name goes by their
// content, and by names only as far as its other patterns tell.
func (r *Router) sameUnder(extractor int, link, file string) bool {
	if !slices.ContainsFunc(r.any, func(rt route) bool { return rt.extractor == extractor }) {
		return false
	}
	named := func(path string) bool {
		return slices.ContainsFunc(r.extractors[extractor].Patterns(), func(p inventory.Pattern) bool {
			rt := newRoute(extractor, p)
			return p.Glob != "**/*" && rt.match([]byte(path))
		})
	}
	return !named(link) || named(file)
}

// anyFile reports whether there is an extractor for files of any name.
func (r *Router) anyFile() bool { return len(r.any) > 0 }

// An alias is a folder or file under which a pattern's files really lie in an
// image where the pattern's own path leads through links.
type alias struct {
	extractor int
	pattern   string // the path as the pattern has it, without globs
	real      string
}

// aliases returns where the patterns' paths lead to, as resolve tells, if that
// is a place that the extractor does not look at anyhow.
func (r *Router) aliases(resolve func(string) (string, bool)) []alias {
	var out []alias
	for i, e := range r.extractors {
		patterns := e.Patterns()
		for _, p := range patterns {
			literal, rest := splitLiteral(p.Glob)
			if literal == "" {
				continue
			}
			target, ok := resolve(literal)
			if !ok || target == literal || target == "" {
				continue
			}
			known := slices.ContainsFunc(patterns, func(other inventory.Pattern) bool {
				return other.Glob == path.Join(target, rest)
			})
			a := alias{i, literal, target}
			if !known && !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

// splitLiteral splits a glob before its first element that is not plain.
func splitLiteral(glob string) (literal, rest string) {
	elements := strings.Split(glob, "/")
	n := slices.IndexFunc(elements, func(e string) bool { return !isPlain(e) })
	if n < 0 {
		n = len(elements)
	}
	return strings.Join(elements[:n], "/"), strings.Join(elements[n:], "/")
}
