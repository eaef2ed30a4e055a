package executable

import (
	"bytes"
	"slices"

	"github.com/imagevet/imagevet/internal/objfile"
)

// A goStream finds build information in a file that is seen once, in windows
// that come in order and overlap by goLead bytes.
//
// Since Go 1.18 the strings follow the magic. Before, pointers led from there,
// by way of string headers in the data, to texts that lie before the data and
// have been seen by then. Both texts can be told by how they look, so that
// they are noted in passing: the version, which is followed by a zero byte
// since Go 1.17 and by other text before, and the list of modules by its frame.
type goStream struct {
	image *objfile.Image
	lead  goLeadIn
	found bool

	modules *capture    // inline, or where a pointer led
	headers [2]*capture // the string headers of version and modules

	versions []passedText
	lists    []passedText
	listSize int

	version *capture // where a pointer led
	asked   [2]bool  // a header has been followed
	problem string
}

// A passedText is a text that may turn out to be of interest.
type passedText struct {
	at   int64
	text []byte
	open bool // its end was not seen, or not yet
}

// Limits of what is noted in passing.
const (
	maxVersions    = 1024
	maxLists       = 8
	maxVersionText = 64
)

func newGoStream(m *objfile.Image) *goStream { return &goStream{image: m} }

// window takes the next piece of the file. Places in its last goLead bytes
// come again, unless it is the last.
func (g *goStream) window(at int64, b []byte, last bool) {
	search := len(b)
	if !last {
		search = max(0, len(b)-goLead)
	}
	if !g.found {
		g.pass(at, b, search)
		g.search(at, b, search)
	}
	if g.found {
		g.follow(at, b)
	}
}

// done reports whether there is nothing more to look for from a place on.
func (g *goStream) done(at int64) bool {
	if g.found {
		if g.lead.inline {
			return g.modules == nil || g.modules.full()
		}
		for i, h := range g.headers {
			if h != nil && (!h.full() || !g.asked[i]) {
				return false
			}
		}
		return (g.version == nil || g.version.full()) && (g.modules == nil || g.modules.full())
	}
	for _, s := range g.image.Segments {
		if s.Writable && at < s.End()+goLead {
			return false
		}
	}
	return true
}

// search looks for the magic in those parts of a window that are data.
func (g *goStream) search(at int64, b []byte, search int) {
	for _, s := range g.image.Segments {
		if !s.Writable {
			continue
		}
		from := max(0, s.Offset-at)
		to := min(int64(len(b)), s.End()-at)
		if from >= to {
			continue
		}
		part := b[from:to]
		addr := s.Addr + uint64(at+from-s.Offset)
		for i := nextGo(part, 0, addr); i >= 0 && int(from)+i < search; i = nextGo(part, i+1, addr) {
			lead, ok := parseGoLead(part[i:])
			if !ok {
				continue
			}
			g.start(lead, at+from+int64(i))
			return
		}
	}
}

// start begins to collect what the magic leads to.
func (g *goStream) start(lead goLeadIn, at int64) {
	g.found, g.lead = true, lead
	if lead.inline {
		if lead.modulesSize > maxGoModules {
			g.problem = tooManyModules(lead.modulesSize)
			return
		}
		g.modules = newCapture(at+lead.modulesAt, lead.modulesSize)
		return
	}
	for i, addr := range lead.pointers {
		if offset, _, ok := g.image.Offset(addr); ok {
			g.headers[i] = newCapture(offset, int64(2*lead.pointerSize))
		}
	}
}

// pass notes what looks like a version or a list of modules.
func (g *goStream) pass(at int64, b []byte, search int) {
	for i := range g.lists {
		if l := &g.lists[i]; l.open {
			g.extend(l, at, b)
		}
	}
	for from := 0; len(g.lists) < maxLists; {
		i := bytes.Index(b[from:], []byte(goModStart))
		if i < 0 || from+i >= search {
			break
		}
		from += i
		l := passedText{at: at + int64(from), open: true}
		g.extend(&l, at, b)
		g.lists = append(g.lists, l)
		from += goFrame
	}
	for from := 0; len(g.versions) < maxVersions; {
		i := bytes.Index(b[from:], []byte("go1."))
		if i < 0 || from+i >= search {
			break
		}
		from += i
		text := b[from:min(len(b), from+maxVersionText)]
		from += len("go1.")
		if from == len(b) || b[from] < '0' || b[from] > '9' {
			continue
		}
		end := bytes.IndexByte(text, 0)
		ended := end > 0 && isPrintable(text[:end])
		if ended {
			text = text[:end]
		}
		g.versions = append(g.versions, passedText{at: at + int64(from) - int64(len("go1.")), text: bytes.Clone(text), open: !ended})
	}
}

// extend takes more of a list, up to its end.
func (g *goStream) extend(l *passedText, at int64, b []byte) {
	skip := l.at + int64(len(l.text)) - at
	if skip < 0 || skip >= int64(len(b)) {
		return
	}
	had := len(l.text)
	room := maxGoModules - g.listSize
	more := b[skip:]
	more = more[:min(len(more), room)]
	l.text = append(l.text, more...)
	// The end may have begun in what there was before.
	from := max(0, had-goFrame)
	if i := bytes.Index(l.text[from:], []byte(goModEnd)); i >= 0 {
		l.text = slices.Clip(l.text[:from+i+goFrame])
		l.open = false
	}
	g.listSize += len(l.text) - had
	if l.open && g.listSize >= maxGoModules {
		l.text, l.open = nil, false // this is no list
	}
}

// follow collects, and goes where pointers lead.
func (g *goStream) follow(at int64, b []byte) {
	for i := range g.lists {
		if l := &g.lists[i]; l.open {
			g.extend(l, at, b)
		}
	}
	for i, h := range g.headers {
		if h == nil || g.asked[i] {
			continue
		}
		if h.add(at, b); h.full() {
			g.asked[i] = true
			g.read(i, h.data, at)
		}
	}
	for _, c := range []*capture{g.modules, g.version} {
		if c != nil {
			c.add(at, b)
		}
	}
}

// read takes a string header and finds the text, or waits for it.
func (g *goStream) read(i int, header []byte, at int64) {
	addr, size := g.lead.pointer(header), g.lead.pointer(header[g.lead.pointerSize:])
	passed, most := g.versions, uint64(maxGoVersion)
	if i == 1 {
		passed, most = g.lists, maxGoModules
	}
	offset, room, ok := g.image.Offset(addr)
	if !ok || size == 0 || size > most || size > uint64(room) {
		return
	}
	c := newCapture(offset, int64(size))
	for _, p := range passed {
		if p.at == offset && uint64(len(p.text)) >= size {
			c.data = bytes.Clone(p.text[:size])
		}
	}
	if !c.full() && offset < at {
		return // it has passed and did not look like what it is
	}
	if i == 0 {
		g.version = c
	} else {
		g.modules = c
	}
}

// blob returns what was found, nil if nothing was.
func (g *goStream) blob() *goBlob {
	if !g.found {
		return nil
	}
	if g.lead.inline {
		if g.modules != nil && g.modules.full() {
			return takeBlob(g.lead.version, g.modules.data)
		}
		if g.problem == "" {
			g.problem = "the list of modules is cut off"
		}
		return &goBlob{version: g.lead.version, problem: g.problem}
	}
	version, problem := g.oldVersion()
	modules, unclear := g.oldModules()
	blob := takeBlob(version, modules)
	for _, p := range []string{problem, unclear} {
		if p != "" && blob.problem == "" {
			blob.problem = p
		}
	}
	return blob
}

// oldVersion returns the version that the pointer leads to. In some programs
// the loader fills in pointers; a single text that looks like a version must
// be the one.
func (g *goStream) oldVersion() (version, problem string) {
	if g.version != nil && g.version.full() && isPrintable(g.version.data) {
		return string(g.version.data), ""
	}
	var texts []string
	for _, v := range g.versions {
		text := string(v.text)
		if release, _ := goRelease(text); v.open || text != "go"+release {
			continue // there is other text behind it
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	if len(texts) == 1 {
		return texts[0], ""
	}
	return "", "the version of Go cannot be told"
}

// oldModules returns the list of modules in the same way.
func (g *goStream) oldModules() (list []byte, problem string) {
	if g.modules != nil && g.modules.full() {
		return g.modules.data, ""
	}
	var lists [][]byte
	for _, l := range g.lists {
		if len(l.text) > 0 && !l.open {
			lists = append(lists, l.text)
		}
	}
	switch {
	case len(lists) == 1:
		return lists[0], ""
	case len(lists) == 0:
		return nil, "" // built without modules
	}
	return nil, "the list of modules cannot be told from others in the file"
}
