package fingerprint

import (
	"bytes"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The window is as large as the buffers that files are read with: what has
// been copied into it is still in the processor's cache when it is searched.
const window = 64 << 10

// A text is looked at from maxBefore bytes before its anchor to maxAfter bytes
// after the anchor's begin. The texts of the rules are shorter.
const (
	maxBefore = 128
	maxAfter  = 256
)

// maxLooks bounds how many anchors of a file are looked at closely. Real files
// have a few dozen. One that is made of anchors would keep the regular
// expressions busy for minutes.
const maxLooks = 20_000

// maxText is how much of a text file is looked at: what tells the version of
// software is in its first lines.
const maxText = 8 << 10

// A Scan looks for the texts of the rules that want one file. It is not safe
// for concurrent use.
type Scan struct {
	base  string
	rules []candidate
	buf   []byte // what has been written and not yet searched, after keep
	keep  int    // bytes of buf that have been searched, kept as context
	begun bool   // the file's first bytes have been judged
	plain bool   // the file is not compiled
	ended bool
	looks int

	problems lines.Problems
}

// A candidate is a rule that wants the file, and what it has found.
type candidate struct {
	*rule
	texts    []text
	versions []string // that were found, at most two
}

// For returns a scan for the file at path, nil if no rule wants it.
func For(name string) *Scan {
	base := name[strings.LastIndexByte(name, '/')+1:]
	t := lookup()
	var scan *Scan
	for _, i := range t.byStem[stem(base)] {
		if !t.rules[i].wants(base) {
			continue
		}
		if scan == nil {
			scan = &Scan{base: base}
		}
		scan.rules = append(scan.rules, candidate{rule: t.rules[i].rule, texts: t.rules[i].texts()})
	}
	return scan
}

// Write takes the next bytes of the file, any number of them. It never fails.
func (s *Scan) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && !s.Done() {
		if s.buf == nil {
			s.buf = make([]byte, 0, window)
		}
		m := min(len(p), cap(s.buf)-len(s.buf))
		s.buf = append(s.buf, p[:m]...)
		p = p[m:]
		if len(s.buf) == cap(s.buf) {
			s.search(false)
		} else if !s.begun && len(s.buf) >= magicSize {
			s.begin()
		}
		if s.plain && len(s.buf) >= maxText {
			s.end()
		}
	}
	return n, nil
}

// Done reports whether nothing more can be found, whatever is written.
func (s *Scan) Done() bool { return s.ended }

// Packages ends the scan and returns what was found, in the order of the
// rules.
func (s *Scan) Packages() []inventory.Package {
	s.end()
	var found []inventory.Package
	for i := range s.rules {
		if c := &s.rules[i]; len(c.versions) == 1 {
			found = append(found, c.pkg(c.versions[0]))
		}
	}
	return found
}

// Problems ends the scan and returns why software that was seen is not among
// the packages.
func (s *Scan) Problems() []string {
	s.end()
	return s.problems.List()
}

// end searches what is left.
func (s *Scan) end() {
	if !s.ended {
		s.search(true)
		s.stop()
	}
}

// stop ends the scan without a further look.
func (s *Scan) stop() {
	s.ended = true
	s.buf = nil
}

// search looks for the texts in what has been written since the last search.
// The window always ends at the same places of the file, so that the result
// does not depend on the pieces in which the file was written.
func (s *Scan) search(last bool) {
	if !s.begun {
		s.begin()
	}
	if s.ended {
		return
	}
	end := len(s.buf) // anchors that begin before end are looked at now
	if !last {
		end -= maxAfter
	}
	live := false
	for i := range s.rules {
		c := &s.rules[i]
		if s.plain {
			s.read(c)
			continue
		}
		for j := 0; j < len(c.texts) && len(c.versions) < 2; j++ {
			if !s.find(c, &c.texts[j], end) {
				return
			}
		}
		live = live || len(c.versions) < 2
	}
	if !live {
		s.stop()
	} else if !last {
		context := end - maxBefore
		s.buf = s.buf[:copy(s.buf, s.buf[context:])]
		s.keep = maxBefore
	}
}

// find looks at the places of a text's anchor. It returns false if it has
// ended the scan.
func (s *Scan) find(c *candidate, t *text, end int) bool {
	area := s.buf[:min(len(s.buf), max(0, end)+len(t.anchor)-1)]
	for from := s.keep; from < len(area); from++ {
		i := bytes.Index(area[from:], t.anchor)
		if i < 0 {
			break
		}
		from += i
		if s.looks++; s.looks > maxLooks {
			for i := range s.rules {
				s.rules[i].versions = nil
			}
			s.problems.Add("%q holds too many texts like those that tell a version", lines.Clip(s.base))
			s.stop()
			return false
		}
		version := t.version(s.buf[max(0, from-maxBefore):from], s.buf[from:min(len(s.buf), from+maxAfter)])
		if version != "" {
			s.note(c, version)
		}
		if len(c.versions) == 2 {
			break
		}
	}
	return true
}

// read looks at the begin of a plain file.
func (s *Scan) read(c *candidate) {
	head := s.buf[:min(len(s.buf), maxText)]
	for _, t := range c.texts {
		if m := t.whole.FindSubmatch(head); m != nil && len(c.versions) < 2 {
			s.note(c, string(m[1]))
		}
	}
}

// note takes down a version. One that the file's name contradicts is another
// software's.
func (s *Scan) note(c *candidate, version string) {
	if c.opts&named != 0 && !agrees(s.base, version) || slices.Contains(c.versions, version) {
		return
	}
	if c.versions = append(c.versions, version); len(c.versions) == 2 {
		s.problems.Add("%q holds two versions of %s: %q and %q", lines.Clip(s.base), c.name(), c.versions[0], version)
	}
}

// magicSize is how many bytes tell a compiled file.
const magicSize = 4

// begin looks at the file's first bytes, and forgets the rules that are for
// other files. A text file is judged as a whole.
func (s *Scan) begin() {
	s.begun = true
	s.plain = !isCompiled(s.buf)
	s.rules = slices.DeleteFunc(s.rules, func(c candidate) bool { return (c.opts&plain != 0) != s.plain })
	if len(s.rules) == 0 {
		s.stop()
	}
}

// isCompiled reports whether a file that begins with head is an ELF, PE or
// Mach-O file.
func isCompiled(head []byte) bool {
	if len(head) < magicSize {
		return false
	}
	switch string(head[:magicSize]) {
	case "\x7fELF",
		"\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", // Mach-O
		"\xca\xfe\xba\xbe", "\xca\xfe\xba\xbf": // Mach-O for several architectures
		return true
	}
	return string(head[:2]) == "MZ"
}

// agrees reports whether a version begins with the number in the base name of
// the file, if there is one: "3.11.2" in python3.11 and libpython3.11.so.1.0,
// "8.3.4" in php83.
func agrees(base, version string) bool {
	number, _, _ := strings.Cut(base, ".so")
	number = strings.TrimLeft(number[len(stem(number)):], "-_abcdefghijklmnopqrstuvwxyz")
	if end := strings.IndexFunc(number, func(c rune) bool { return c != '.' && (c < '0' || c > '9') }); end >= 0 {
		number = number[:end]
	}
	number = strings.TrimRight(number, ".")
	if len(number) > 1 && !strings.Contains(number, ".") {
		number = number[:1] + "." + number[1:]
	}
	rest, ok := strings.CutPrefix(version, number)
	return ok && (number == "" || rest == "" || !isDigit(rest[0]))
}
