package terraformlock

import (
	"errors"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
)

// errSyntax is the cause of errors in a file that is damaged.
var errSyntax = errors.New("the file ends early or is damaged")

// The kinds of tokens. Punctuation is its own kind.
const (
	end     = 0
	newline = '\n'
	word    = 'a' // an identifier, number or keyword
	text    = '"'
	bad     = '?'
)

// A token is one of the file.
type token struct {
	kind byte
	text string
}

// unexpected returns the error for a token out of place.
func unexpected(t token) error {
	switch t.kind {
	case end:
		return fmt.Errorf("%w: unexpected end", errSyntax)
	case newline:
		return fmt.Errorf("%w: unexpected end of line", errSyntax)
	}
	return fmt.Errorf("%w: unexpected %q", errSyntax, lines.Clip(t.text))
}

// A scanner splits a file into tokens.
type scanner struct {
	text   string // what is left
	line   int    // where the last token is
	broken bool   // the last token is the end of a line
}

// next returns the next token.
func (s *scanner) next() token {
	if s.broken {
		s.line++
		s.broken = false
	}
	for s.text != "" {
		switch c := s.text[0]; {
		case c == ' ' || c == '\t' || c == '\r':
			s.text = s.text[1:]
		case c == '#' || strings.HasPrefix(s.text, "//"):
			i := strings.IndexByte(s.text, '\n')
			if i < 0 {
				i = len(s.text)
			}
			s.text = s.text[i:]
		case strings.HasPrefix(s.text, "/*"):
			comment, rest, closed := strings.Cut(s.text, "*/")
			if !closed {
				return s.take(bad, len(s.text))
			}
			s.line += strings.Count(comment, "\n")
			s.text = rest
		case c == '\n':
			s.broken = true
			return s.take(newline, 1)
		case strings.IndexByte("{}[]=,", c) >= 0:
			return s.take(c, 1)
		case c == '"':
			return s.quoted()
		case isWord(c):
			n := 1
			for n < len(s.text) && isWord(s.text[n]) {
				n++
			}
			return s.take(word, n)
		default:
			return s.take(bad, 1)
		}
	}
	return token{kind: end}
}

// take returns a token of n bytes.
func (s *scanner) take(kind byte, n int) token {
	t := token{kind, s.text[:n]}
	s.text = s.text[n:]
	return t
}

// quoted returns a text. Addresses, versions and hashes need no escapes, so
// they are left as they are.
func (s *scanner) quoted() token {
	for i := 1; i < len(s.text); i++ {
		switch s.text[i] {
		case '\\':
			i++
		case '\n':
			return s.take(bad, i)
		case '"':
			t := s.take(text, i+1)
			t.text = t.text[1:i]
			return t
		}
	}
	return s.take(bad, len(s.text))
}

// isWord reports whether c is part of a word.
func isWord(c byte) bool {
	return c == '_' || c == '-' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}
