package erlang

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// A kind tells what a term is.
type kind uint8

const (
	other    kind = iota // a number, a map, a fun: of no interest
	atom                 // name or 'name'
	text                 // "text", or <<"text">>
	tuple                // {…}
	sequence             // […]
)

// A term is a term of Erlang.
type term struct {
	kind  kind
	text  string // of an atom or a text
	items []term // of a tuple or a list
}

const (
	// A module is one term, and an option in the environment a few.
	maxTerms = 200_000
	// The environment of an application nests some terms in others.
	maxNesting = 100
)

// A parser reads terms of Erlang as they are in files:
// https://www.erlang.org/doc/system/data_types.html
type parser struct {
	ctx    context.Context
	text   string
	at     int
	terms  int
	depth  int
	damage string // why reading ended before the end of the term
}

// parse reads the first term. If it is not well-formed, what there is of it is
// returned, and damage says what is wrong. The error is of limits or the
// context.
func (p *parser) parse() (term, error) {
	t, err := p.term()
	if err == nil && p.damage == "" {
		// The dot behind it shows that it is whole.
		if p.space(); !strings.HasPrefix(p.text[p.at:], ".") {
			p.damaged("no dot at the end")
		}
	}
	return t, err
}

// damaged notes what is wrong with the text, once.
func (p *parser) damaged(what string) {
	if p.damage == "" {
		p.damage = fmt.Sprintf("byte %d: %s", p.at, what)
	}
}

// space passes over white space and comments.
func (p *parser) space() {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c <= ' ':
			p.at++
		case c == '%':
			if i := strings.IndexByte(p.text[p.at:], '\n'); i >= 0 {
				p.at += i + 1
			} else {
				p.at = len(p.text)
			}
		default:
			return
		}
	}
}

// term reads a term. At least one byte is read, or there is damage.
func (p *parser) term() (term, error) {
	if p.terms++; p.terms > maxTerms {
		return term{}, fmt.Errorf("more than %d terms: %w", maxTerms, inventory.ErrTooLarge)
	}
	if p.terms%1024 == 0 {
		if err := p.ctx.Err(); err != nil {
			return term{}, err
		}
	}
	p.space()
	if p.at >= len(p.text) {
		p.damaged("a term is missing")
		return term{}, nil
	}
	rest := p.text[p.at:]
	switch c := rest[0]; {
	case c == '{':
		return p.list(tuple, "{", "}")
	case c == '[':
		return p.list(sequence, "[", "]")
	case strings.HasPrefix(rest, "#{"):
		return p.list(other, "#{", "}")
	case strings.HasPrefix(rest, "<<"):
		t, err := p.list(other, "<<", ">>")
		if len(t.items) > 0 && t.items[0].kind == text {
			return term{kind: text, text: t.items[0].text}, err
		}
		return term{}, err
	case c == '"':
		return term{kind: text, text: p.strings()}, nil
	case c == '\'':
		return term{kind: atom, text: p.quoted('\'')}, nil
	case c == '$':
		p.character()
		return term{}, nil
	case 'a' <= c && c <= 'z' || c >= utf8.RuneSelf:
		return term{kind: atom, text: p.word()}, nil
	case isWord(c) || c == '-' || c == '+' || c == '#':
		// A number, or what file:consult does not read: a variable, a
		// record, and what io_lib writes of a process or a fun.
		p.at++
		p.word()
		return term{}, nil
	}
	p.damaged("no term")
	return term{}, nil
}

// list reads terms up to the closing delimiter.
func (p *parser) list(k kind, open, closing string) (term, error) {
	t := term{kind: k}
	if p.depth++; p.depth > maxNesting {
		return term{}, fmt.Errorf("more than %d terms in each other: %w", maxNesting, inventory.ErrTooLarge)
	}
	defer func() { p.depth-- }()
	p.at += len(open)
	for p.damage == "" {
		p.space()
		rest := p.text[p.at:]
		switch {
		case rest == "":
			p.damaged("no " + closing)
		case strings.HasPrefix(rest, closing):
			p.at += len(closing)
			return t, nil
		case rest[0] == ',' || rest[0] == '|':
			p.at++
		case strings.HasPrefix(rest, "=>") || strings.HasPrefix(rest, ":="):
			p.at += 2
		case rest[0] == '/' || rest[0] == ':':
			p.at++ // the type and size of a segment of a binary
		default:
			item, err := p.term()
			if err != nil {
				return term{}, err
			}
			t.items = append(t.items, item)
		}
	}
	return t, nil
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// word reads letters, digits, "_" and "@", and what is in numbers: a dot with
// a digit behind it, "#" and the sign of an exponent are of no interest alone.
func (p *parser) word() string {
	start := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		digit := p.at+1 < len(p.text) && '0' <= p.text[p.at+1] && p.text[p.at+1] <= '9'
		if !isWord(c) && c != '@' && c != '#' && c < utf8.RuneSelf && !(c == '.' && digit) && !((c == '-' || c == '+') && digit) {
			break
		}
		p.at++
	}
	return p.text[start:p.at]
}

// strings reads texts that follow each other, which are one.
func (p *parser) strings() string {
	s := p.quoted('"')
	var b *strings.Builder
	for p.damage == "" {
		p.space()
		if p.at >= len(p.text) || p.text[p.at] != '"' {
			break
		}
		if b == nil {
			b = new(strings.Builder)
			b.WriteString(s)
		}
		b.WriteString(p.quoted('"'))
	}
	if b != nil {
		return b.String()
	}
	return s
}

// quoted reads a text or an atom in quotes.
func (p *parser) quoted(quote byte) string {
	p.at++
	start := p.at
	var b strings.Builder
	for p.at < len(p.text) {
		switch c := p.text[p.at]; c {
		case quote:
			b.WriteString(p.text[start:p.at])
			p.at++
			return b.String()
		case '\\':
			b.WriteString(p.text[start:p.at])
			if !p.escape(&b) {
				return ""
			}
			start = p.at
		default:
			p.at++
		}
	}
	p.damaged("no " + string(quote))
	return ""
}

// character reads "$c".
func (p *parser) character() {
	p.at++
	if p.at >= len(p.text) {
		p.damaged("no character")
	} else if p.text[p.at] == '\\' {
		p.escape(new(strings.Builder))
	} else {
		_, size := utf8.DecodeRuneInString(p.text[p.at:])
		p.at += size
	}
}

// escape reads a backslash and what it stands for.
func (p *parser) escape(b *strings.Builder) bool {
	p.at++
	rest := p.text[p.at:]
	if rest == "" {
		p.damaged("no character")
		return false
	}
	if i := strings.IndexByte("bdefnrstv", rest[0]); i >= 0 {
		b.WriteByte("\b\x7f\x1b\f\n\r \t\v"[i])
		p.at++
		return true
	}
	digits, skip, base := "", 0, 16
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "x{"):
		hex, _, ok := strings.Cut(rest[2:min(len(rest), 12)], "}")
		if !ok {
			p.damaged("no }")
			return false
		}
		digits, skip = hex, len("x{}")
	case c == 'x':
		digits, skip = rest[1:min(len(rest), 3)], len("x")
	case '0' <= c && c <= '7':
		base = 8
		for len(digits) < min(len(rest), 3) && '0' <= rest[len(digits)] && rest[len(digits)] <= '7' {
			digits = rest[:len(digits)+1]
		}
	case c == '^' && len(rest) > 1:
		b.WriteByte(rest[1] & 0x1f)
		p.at += 2
		return true
	default:
		_, size := utf8.DecodeRuneInString(rest)
		b.WriteString(rest[:size])
		p.at += size
		return true
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune {
		p.damaged("no character")
		return false
	}
	b.WriteRune(rune(n))
	p.at += skip + len(digits)
	return true
}
