package layer

import (
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
	start  routes       // by the first bytes of the last element
	first  [256][]route // by its first byte, those that have fewer plain ones
	rooted [256][]route // by the first byte of the path, those that begin with a plain one
	dotted []route      // of the others, those whose last element has two dots in any case
	others []route      // patterns that fit in no table
}

// startLength is how many bytes routes in [Router].start go by.
const startLength = 6

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
	root      string // the plain folders that the glob begins with, each with its slash
	anywhere  bool   // the glob began with "**/"
	exec      bool   // executables only
}

// An element is one element of a glob, with the plain texts that it begins and
// ends with, and the longest one between: few names have all of them, and
// comparing is much cheaper than matching.
type element struct {
	glob                  string
	prefix, infix, suffix string
	// exact is true if nothing is left to match: the glob is plain, or has
	// nothing but "*" between these.
	exact bool
}

func newElement(glob string) element {
	const meta = `*?[\\`
	first, last := strings.IndexAny(glob, meta), strings.LastIndexAny(glob, "*?]")
	if first < 0 {
		return element{glob: glob, prefix: glob, exact: true}
	}
	e := element{glob: glob, prefix: glob[:first]}
	if strings.ContainsAny(glob, `[\\`) {
		return e // plain bytes among these are none
	}
	e.suffix = glob[last+1:]
	if first == last {
		e.exact = glob[first] == '*'
		return e
	}
	for text := range strings.FieldsFuncSeq(glob[first:last], func(c rune) bool { return c == '*' || c == '?' }) {
		if len(text) > len(e.infix) {
			e.infix = text
		}
	}
	e.exact = glob == e.prefix+"*"+e.infix+"*"+e.suffix
	return e
}

// plain reports whether the glob matches itself only.
func (e *element) plain() bool { return e.prefix == e.glob }

func (e *element) match(name []byte) bool {
	if len(name) < len(e.prefix)+len(e.suffix) || string(name[:len(e.prefix)]) != e.prefix ||
		string(name[len(name)-len(e.suffix):]) != e.suffix {
		return false
	}
	if e.plain() {
		return len(name) == len(e.prefix)
	}
	if e.infix != "" && !contains(name[len(e.prefix):len(name)-len(e.suffix)], e.infix) {
		return false
	}
	if e.exact {
		return true
	}
	ok, err := path.Match(e.glob, string(name))
	return ok && err == nil
}

// contains reports whether name has text in it.
func contains(name []byte, text string) bool {
	for i := 0; i+len(text) <= len(name); i++ {
		if name[i] == text[0] && string(name[i:i+len(text)]) == text {
			return true
		}
	}
	return false
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
	case len(last) > startLength && isPlain(last[:startLength]):
		r.start.add(last[:startLength], rt)
	case isPlain(last[:1]):
		r.first[last[0]] = append(r.first[last[0]], rt)
	case rt.root != "":
		r.rooted[rt.root[0]] = append(r.rooted[rt.root[0]], rt)
	case strings.Count(rt.glob[len(rt.glob)-1].infix, ".") > 1:
		r.dotted = append(r.dotted, rt)
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
	for i := 0; !anywhere && i < len(rt.glob)-1 && rt.glob[i].plain(); i++ {
		rt.root += rt.glob[i].glob + "/"
	}
	return rt
}

// isPlain reports whether a glob matches itself only.
func isPlain(glob string) bool { return !strings.ContainsAny(glob, `*?[\`) }

// Append appends the indexes of the extractors that want the file to dst,
// each once and in order. It does not allocate where dst has room and the
// patterns are those that [inventory.Pattern] calls fast.
func (r *Router) Append(dst []int, name []byte, executable bool) []int {
	slash, dot, dots := len(name)-1, -1, 0
	for ; slash >= 0 && name[slash] != '/'; slash-- {
		if name[slash] == '.' {
			if dots++; dots == 1 {
				dot = slash
			}
		}
	}
	folder, base := name[:max(slash, 0)], name[slash+1:]
	m := candidate{name, slash + 1, executable}
	dst = m.appendSure(dst, r.exact.find(name))
	dst = m.append(dst, r.base.find(base))
	if dot >= 0 {
		dst = m.append(dst, r.ext.find(name[dot+1:]))
	}
	dst = m.append(dst, r.dir.find(folder))
	dst = m.appendSure(dst, r.any)
	if len(base) > 0 {
		dst = m.append(dst, r.first[base[0]])
	}
	if len(base) >= startLength {
		dst = m.append(dst, r.start.find(base[:startLength]))
	}
	if dots > 1 {
		dst = m.append(dst, r.dotted)
	}
	if len(name) > 0 {
		dst = m.append(dst, r.rooted[name[0]])
	}
	dst = m.append(dst, r.others)
	if len(dst) > 1 {
		slices.Sort(dst)
		dst = slices.Compact(dst)
	}
	return dst
}

// A candidate is a path that is to be routed.
type candidate struct {
	name       []byte
	base       int // where its last element begins
	executable bool
}

// append appends the extractors of those routes that match.
func (c *candidate) append(dst []int, routes []route) []int {
	for i := range routes {
		rt := &routes[i]
		if rt.exec && !c.executable || len(c.name) < len(rt.root) || string(c.name[:len(rt.root)]) != rt.root {
			continue
		}
		if rt.glob[len(rt.glob)-1].match(c.name[c.base:]) && rt.matchFolder(c.name[:max(c.base-1, 0)]) {
			dst = append(dst, rt.extractor)
		}
	}
	return dst
}

// appendSure appends the extractors of routes that match by being found.
func (c *candidate) appendSure(dst []int, routes []route) []int {
	for i := range routes {
		if !routes[i].exec || c.executable {
			dst = append(dst, routes[i].extractor)
		}
	}
	return dst
}

// match reports whether a path matches the route.
func (rt *route) match(name []byte) bool {
	folder, base := split(name)
	return rt.glob[len(rt.glob)-1].match(base) && rt.matchFolder(folder)
}

// matchFolder compares the elements before the last one, from the end.
func (rt *route) matchFolder(folder []byte) bool {
	for i := len(rt.glob) - 2; i >= 0; i-- {
		if len(folder) == 0 {
			return false
		}
		var base []byte
		if folder, base = split(folder); !rt.glob[i].match(base) {
			return false
		}
	}
	return rt.anywhere || len(folder) == 0
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
