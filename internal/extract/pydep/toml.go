package pydep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// TOML is decoded in sections, so that one that is damaged does not take the
// others with it, and because decoding takes many times the memory of the
// text. The largest sections of real files, with the archives of a package for
// all systems, are below 200 KiB.
const (
	// MaxTOML is the size in bytes of a document that is read.
	MaxTOML = 16 << 20
	// maxSection is the size in bytes of a section that is decoded.
	maxSection = 512 << 10
	// maxNesting is of arrays and inline tables, on which the decoder
	// recurses. It takes time and memory in the square of the depth, and of the
	// number of dots in a key. Real files have up to four levels.
	maxNesting = 10
	// maxDeep is how many levels beyond usual a document may have in all.
	usual   = 4
	maxDeep = 10_000
)

// A Section is the part of a TOML document from one header to the next with
// another first key, or the next element of the same array of tables.
type Section struct {
	// Name is the first key of the header, empty before the first header.
	Name string
	// Line is that of the header, counted from 1.
	Line int
	// Text is the section with its header.
	Text []byte

	deep bool // nested too deep to be decoded
}

// Decode decodes the section into v, whose field for Name takes it.
func (s *Section) Decode(v any) (toml.MetaData, error) {
	switch {
	case len(s.Text) > maxSection:
		return toml.MetaData{}, fmt.Errorf("more than %d bytes", maxSection)
	case s.deep:
		return toml.MetaData{}, errors.New("too many levels")
	}
	return toml.Decode(strings.ToValidUTF8(string(s.Text), "\uFFFD"), v)
}

// Message is what is wrong with a section, with the line of the document.
func (s *Section) Message(err error) string {
	if p, ok := errors.AsType[toml.ParseError](err); ok {
		return fmt.Sprintf("line %d: %q", s.Line+max(0, p.Position.Line-1), clip(p.Message))
	}
	return fmt.Sprintf("line %d: %q", s.Line, clip(err.Error()))
}

// clip shortens the text of an error, which may quote the document.
func clip(text string) string {
	const most = 120
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// Sections calls visit for each section of a document. It ends at the first
// error of visit.
func Sections(ctx context.Context, data []byte, visit func(*Section) error) error {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	s := scanner{data: data, line: 1}
	section := Section{Line: 1}
	start := 0
	flush := func() error {
		section.Text = data[start:s.pos]
		if len(bytes.TrimSpace(section.Text)) == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return visit(&section)
	}
	for s.pos < len(data) {
		if name, element, ok := header(data[s.pos:]); ok && (element || name != section.Name) {
			if err := flush(); err != nil {
				return err
			}
			start = s.pos
			section = Section{Name: name, Line: s.line}
		}
		s.statement()
		section.deep = section.deep || s.deep
		s.deep = false
	}
	return flush()
}

// header returns the first key of the header that data begins with, and
// whether it is of an array of tables with no other key.
func header(data []byte) (name string, element, ok bool) {
	i := blanks(data, 0)
	if i == len(data) || data[i] != '[' {
		return "", false, false
	}
	i++
	array := i < len(data) && data[i] == '['
	if array {
		i++
	}
	i = blanks(data, i)
	begin, end := i, i
	if i < len(data) && (data[i] == '"' || data[i] == '\'') {
		quote := data[i]
		begin++
		for end = begin; end < len(data) && data[end] != quote && data[end] != '\n'; end++ {
		}
		i = min(end+1, len(data))
	} else {
		for end < len(data) && isBare(data[end]) {
			end++
		}
		i = end
	}
	i = blanks(data, i)
	if begin == end || i == len(data) || data[i] != ']' && data[i] != '.' {
		return "", false, false
	}
	return string(data[begin:end]), array && data[i] == ']', true
}

func blanks(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\t') {
		i++
	}
	return i
}

func isBare(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// A scanner finds the ends of statements.
type scanner struct {
	data []byte
	pos  int
	line int
	deep bool
	over int // levels beyond usual
}

// level notes how deep a value or key is.
func (s *scanner) level(n int) {
	if n > usual {
		s.over++
	}
	s.deep = s.deep || n > maxNesting || s.over > maxDeep && n > usual
}

// statement moves to the line after a header, a key and its value, a comment
// or an empty line.
func (s *scanner) statement() {
	depth, dots := 0, 0
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		s.pos++
		switch c {
		case '\n':
			s.line++
			dots = 0
			// A bracket is missing where an element of an array begins.
			if depth <= 0 || isElement(s.data[s.pos:]) {
				return
			}
		case '#':
			if i := bytes.IndexByte(s.data[s.pos:], '\n'); i >= 0 {
				s.pos += i
			} else {
				s.pos = len(s.data)
			}
		case '"', '\'':
			s.str(c)
		case '[', '{':
			depth++
			s.level(depth)
			dots = 0
		case ']', '}':
			depth--
			dots = 0
		case ',', '=':
			dots = 0
		case '.':
			dots++
			s.level(dots)
		}
	}
}

// isElement reports whether a line is a header "[[name]]", which no line of a
// value can be.
func isElement(data []byte) bool {
	if len(data) < 2 || data[0] != '[' || data[1] != '[' {
		return false
	}
	name, element, _ := header(data)
	if !element || data[2] < 'A' || data[2] == '_' {
		return false // a string or a number
	}
	switch name {
	case "true", "false", "inf", "nan":
		return false
	}
	return true
}

// str moves behind a string, whose first quote was read. One that is not
// closed ends with its line.
func (s *scanner) str(quote byte) {
	rest := s.data[s.pos:]
	if len(rest) >= 2 && rest[0] == quote && rest[1] == quote {
		s.pos += 2
		s.long(quote)
		return
	}
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '\n':
			return
		case c == '\\' && quote == '"' && s.pos+1 < len(s.data) && s.data[s.pos+1] != '\n':
			s.pos++
		case c == quote:
			s.pos++
			return
		}
		s.pos++
	}
}

// long moves behind a string of several lines, whose first three quotes were
// read. Up to two quotes may precede the three that end it.
func (s *scanner) long(quote byte) {
	for run := 0; s.pos < len(s.data); s.pos++ {
		c := s.data[s.pos]
		if c == quote {
			if run++; run == 5 {
				s.pos++
				return
			}
			continue
		}
		if run >= 3 {
			return
		}
		run = 0
		switch {
		case c == '\n':
			s.line++
		case c == '\\' && quote == '"' && s.pos+1 < len(s.data):
			s.pos++
			if s.data[s.pos] == '\n' {
				s.line++
			}
		}
	}
}
