// Package beamterm reads terms as they are written in lock files of Erlang and
// Elixir: lists, tuples, maps, binaries, texts, atoms and numbers. Nothing is
// run, and what is no term ends reading.
//
// The number and the nesting of terms are limited.
package beamterm

import (
	"context"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	// A lock file has some 20 terms for each of up to 1,000 packages.
	maxTerms   = 300_000
	maxNesting = 50
)

// A Kind tells what a term is.
type Kind uint8

// The kinds.
const (
	Number Kind = iota
	Atom        // name, :name or 'name'
	Text        // "text" or <<"text">>
	Tuple       // {…}
	List        // […]
	Map         // %{…} or #{…}, whose items are keys and values in turn
)

// A Term is a term.
type Term struct {
	Kind  Kind
	Text  string // of a number, an atom or a text
	Items []Term // of a tuple, a list or a map
	Line  int    // where it begins, from 1
}

// A Language is what terms are written in.
type Language uint8

// The languages.
const (
	Erlang Language = iota
	Elixir
)

// Parse returns the terms of a text. Where it is not well-formed, the terms
// before that are returned as far as they go, and damage says what is wrong.
// The error is of limits, which wraps [inventory.ErrTooLarge], or the context.
func Parse(ctx context.Context, language Language, text string) (terms []Term, damage string, err error) {
	p := parser{ctx: ctx, text: text, line: 1, comment: '%', mapping: "#{"}
	if language == Elixir {
		p.comment, p.mapping = '#', "%{"
	}
	for {
		p.space()
		if p.at < len(p.text) && p.text[p.at] == '.' { // the end of a term in Erlang
			p.at++
			continue
		}
		if p.at == len(p.text) || p.damage != "" {
			return terms, p.damage, nil
		}
		t, err := p.term()
		if err != nil {
			return nil, "", err
		}
		if t.Items != nil || p.damage == "" {
			terms = append(terms, t)
		}
	}
}

// A parser reads terms.
type parser struct {
	ctx     context.Context
	text    string
	at      int
	line    int
	counted int // lines are counted up to here
	terms   int
	depth   int
	comment byte
	mapping string
	damage  string
}

// damaged notes what is wrong with the text, once.
func (p *parser) damaged(what string) {
	if p.damage == "" {
		p.damage = fmt.Sprintf("line %d: %s", p.number(), what)
	}
}

// number returns the number of the line.
func (p *parser) number() int {
	p.line += strings.Count(p.text[p.counted:p.at], "\n")
	p.counted = p.at
	return p.line
}

// space passes over white space and comments.
func (p *parser) space() {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c <= ' ':
			p.at++
		case c == p.comment && !strings.HasPrefix(p.text[p.at:], p.mapping):
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
func (p *parser) term() (Term, error) {
	if p.terms++; p.terms > maxTerms {
		return Term{}, fmt.Errorf("more than %d terms: %w", maxTerms, inventory.ErrTooLarge)
	}
	if p.terms%1024 == 1 {
		if err := p.ctx.Err(); err != nil {
			return Term{}, err
		}
	}
	rest, line := p.text[p.at:], p.number()
	var t Term
	var err error
	switch c := rest[0]; {
	case strings.HasPrefix(rest, p.mapping):
		t, err = p.list(Map, p.mapping, "}")
	case strings.HasPrefix(rest, "<<"):
		if t, err = p.list(Text, "<<", ">>"); len(t.Items) > 0 {
			t.Text, t.Items = t.Items[0].Text, nil
		}
	case c == '{':
		t, err = p.list(Tuple, "{", "}")
	case c == '[':
		t, err = p.list(List, "[", "]")
	case c == '"':
		t = Term{Kind: Text, Text: p.quoted()}
	case c == '\'':
		t = Term{Kind: Atom, Text: p.quoted()}
	case strings.HasPrefix(rest, ":\""):
		p.at++
		t = Term{Kind: Atom, Text: p.quoted()}
	case c == ':' && len(rest) > 1 && isWord(rest[1]):
		p.at++
		t = Term{Kind: Atom, Text: p.word()}
	case '0' <= c && c <= '9' || c == '-':
		p.at++
		t = Term{Kind: Number, Text: rest[:1] + p.word()}
	case isWord(c):
		t = Term{Kind: Atom, Text: p.word()}
	default:
		p.damaged("no term")
	}
	t.Line = line
	return t, err
}

// list reads terms up to the closing delimiter.
func (p *parser) list(k Kind, open, closing string) (Term, error) {
	t := Term{Kind: k}
	if p.depth++; p.depth > maxNesting {
		return Term{}, fmt.Errorf("more than %d terms in each other: %w", maxNesting, inventory.ErrTooLarge)
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
		case strings.HasPrefix(rest, "=>"):
			p.at += 2
		case rest[0] == ',', rest[0] == '|', rest[0] == '/':
			p.at++ // also the type of a segment of a binary
		case rest[0] == ':' && (len(rest) == 1 || rest[1] != '"' && !isWord(rest[1])):
			p.at++ // behind a key
		default:
			before := p.at
			item, err := p.term()
			if err != nil {
				return Term{}, err
			}
			// Of what is damaged, only what holds something is kept.
			if p.damage == "" || item.Items != nil && p.at > before {
				t.Items = append(t.Items, item)
			}
		}
	}
	return t, nil
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= 0x80
}

// word reads letters, digits and what else is in names and numbers.
func (p *parser) word() string {
	start := p.at
	for p.at < len(p.text) && (isWord(p.text[p.at]) || p.text[p.at] == '@' || p.text[p.at] == '?' || p.text[p.at] == '!') {
		p.at++
	}
	return p.text[start:p.at]
}

// quoted reads what is in quotes. What a backslash is before stands for
// itself: versions and names need no other escapes.
func (p *parser) quoted() string {
	quote := p.text[p.at]
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
			start = p.at + 1
			p.at = min(p.at+2, len(p.text))
		default:
			p.at++
		}
	}
	p.damaged("no " + string(quote))
	return ""
}
