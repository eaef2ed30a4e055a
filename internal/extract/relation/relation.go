// Package relation collects the names of packages that a record of a package
// database says a package requires and provides, without the versions. It is
// shared by the extractors of package managers that write such names as text.
//
// A database has thousands of names, most of them a few bytes long, so they
// are kept as parts of one string for each package and in slices cut from a
// common one.
package relation

import (
	"bytes"
	"fmt"
	"hash/maphash"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// All of Debian has about 600,000 dependencies. The longest field of a real
// package has some 50 KiB.
const (
	// MaxNames is how many names of all packages of a file are kept.
	MaxNames = 2_000_000
	// MaxField is the length in bytes up to which the names of one package
	// are read.
	MaxField = 1 << 20
)

// few is the number of names among which one is looked up by comparing it
// with all: most packages have fewer than ten.
const few = 32

// A Kind is what a name is to a package.
type Kind uint8

const (
	Requires Kind = iota
	Provides
	kinds
)

// A Collector collects the names of one package after the other. The zero
// value is ready.
type Collector struct {
	text      []byte // the names of the package, one after the other
	spans     [kinds][]span
	tables    [kinds]table
	malformed string

	slab  []string // where the next slices are cut from
	total int      // of names in the file
}

// A span is where a name is in the text.
type span struct{ from, to int }

// Names are those of one package, each once and in the order of the file.
type Names struct {
	Requires, Provides []string
	// Malformed is the first part of a field in which no name could be found,
	// shortened.
	Malformed string
}

// Add adds one name, unless it is empty or was added before. The error wraps
// [inventory.ErrTooLarge] if there are too many.
func (c *Collector) Add(kind Kind, name []byte) error {
	from := len(c.text)
	c.text = append(c.text, name...)
	return c.end(kind, from)
}

// end takes what follows after from in the text as a name.
func (c *Collector) end(kind Kind, from int) error {
	name := c.text[from:]
	if len(name) == 0 {
		return nil
	}
	spans := c.spans[kind]
	if c.has(kind, name) {
		c.text = c.text[:from]
		return nil
	}
	if len(c.text) > MaxField {
		return fmt.Errorf("more than %d bytes of dependencies of one package: %w", MaxField, inventory.ErrTooLarge)
	}
	if c.total++; c.total > MaxNames {
		return fmt.Errorf("more than %d dependencies: %w", MaxNames, inventory.ErrTooLarge)
	}
	c.spans[kind] = append(spans, span{from, len(c.text)})
	return nil
}

// has reports whether a name was added before.
func (c *Collector) has(kind Kind, name []byte) bool {
	spans, t := c.spans[kind], &c.tables[kind]
	if len(spans) < few {
		for _, s := range spans {
			if bytes.Equal(c.text[s.from:s.to], name) {
				return true
			}
		}
		return false
	}
	if 2*len(spans) >= len(t.slots) {
		t.grow(c.text, spans)
	}
	// The name goes to the end of spans, unless it is there.
	return t.insert(c.text, spans, name, len(spans))
}

// A table finds names by their hash, for packages that have many: busybox
// provides 300. A map of strings would have to keep copies of them.
type table struct {
	seed  maphash.Seed
	slots []int32 // 1 + index of a span, 0 for an empty one; a power of two
}

// grow makes room for twice the spans.
func (t *table) grow(text []byte, spans []span) {
	if t.slots == nil {
		t.seed = maphash.MakeSeed()
	}
	size := 8 * few
	for size < 4*len(spans) {
		size *= 2
	}
	if size > cap(t.slots) {
		t.slots = make([]int32, size)
	}
	t.slots = t.slots[:size]
	clear(t.slots)
	for i, s := range spans {
		t.insert(text, spans, text[s.from:s.to], i)
	}
}

// insert puts the name with the given index into the table. It reports true
// and changes nothing if it is there already.
func (t *table) insert(text []byte, spans []span, name []byte, index int) bool {
	mask := uint64(len(t.slots) - 1)
	for i := maphash.Bytes(t.seed, name) & mask; ; i = (i + 1) & mask {
		slot := t.slots[i]
		if slot == 0 {
			t.slots[i] = int32(index + 1)
			return false
		}
		if s := spans[slot-1]; bytes.Equal(text[s.from:s.to], name) {
			return true
		}
	}
}

// Field adds the names of a relationship field of a Debian control file, such
// as Depends: "a (>= 1), b:any | c, d". Alternatives become one name, "b|c".
// https://www.debian.org/doc/debian-policy/ch-relationships.html, 7.1.
func (c *Collector) Field(kind Kind, field []byte) error {
	for len(field) > 0 {
		clause := field
		if i := bytes.IndexByte(field, ','); i >= 0 {
			clause, field = field[:i], field[i+1:]
		} else {
			field = nil
		}
		if err := c.clause(kind, clause); err != nil {
			return err
		}
	}
	return nil
}

// clause adds the name, or the alternatives, between two commas.
func (c *Collector) clause(kind Kind, clause []byte) error {
	from := len(c.text)
	for len(clause) > 0 {
		// A name ends before its architecture, its version, and whatever
		// else may be in brackets.
		begin := 0
		for begin < len(clause) && isBlank(clause[begin]) {
			begin++
		}
		end := begin
		for end < len(clause) && !endsName(clause[end]) {
			end++
		}
		name, rest := clause[begin:end], clause[end:]
		switch {
		case len(name) > 0:
			if len(c.text) > from {
				c.text = append(c.text, '|')
			}
			c.text = append(c.text, name...)
		case begin < len(clause) && clause[begin] != '|' && c.malformed == "":
			c.malformed = lines.Clip(bytes.TrimSpace(clause))
		}
		_, after, ok := bytes.Cut(rest, []byte{'|'})
		if !ok {
			break
		}
		clause = after
	}
	return c.end(kind, from)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func endsName(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', ':', '(', '[', '<', '>', '=', '|':
		return true
	}
	return false
}

// Constrained adds a name that a version may follow without a blank, as apk
// and pacman write it: "name>=1.2". What is not a dependency, "!name", is
// left out.
func (c *Collector) Constrained(kind Kind, text []byte) error {
	if len(text) > 0 && text[0] == '!' {
		return nil
	}
	for i, b := range text {
		if b == '<' || b == '>' || b == '=' || b == '~' {
			if i == 0 && c.malformed == "" {
				c.malformed = lines.Clip(text)
			}
			text = text[:i]
			break
		}
	}
	return c.Add(kind, text)
}

// Take returns the names of the package and makes room for the next one's.
func (c *Collector) Take() Names {
	if len(c.text) == 0 && c.malformed == "" {
		return Names{}
	}
	n := Names{Malformed: c.malformed}
	text := string(c.text)
	n.Requires = c.cut(text, c.spans[Requires])
	n.Provides = c.cut(text, c.spans[Provides])
	c.text, c.malformed = c.text[:0], ""
	for kind := range c.spans {
		c.spans[kind] = c.spans[kind][:0]
		c.tables[kind].slots = c.tables[kind].slots[:0]
	}
	return n
}

// cut returns the names at the spans of the text.
func (c *Collector) cut(text string, spans []span) []string {
	if len(spans) == 0 {
		return nil
	}
	if cap(c.slab)-len(c.slab) < len(spans) {
		// Small for a file of one package, and few for a file of many.
		c.slab = make([]string, 0, max(len(spans), min(2*cap(c.slab), 1024), 16))
	}
	from := len(c.slab)
	for _, s := range spans {
		c.slab = append(c.slab, text[s.from:s.to])
	}
	return c.slab[from:len(c.slab):len(c.slab)]
}
