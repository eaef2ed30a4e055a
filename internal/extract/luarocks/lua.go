package luarocks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Texts are put together with "..", which could double their length each time.
const (
	maxDepth = 64
	maxText  = 4 << 10
)

// A value is a text or a table. What is neither, or not known, is empty.
type value struct {
	text   string
	listed []value          // of a table, the elements without a name
	named  map[string]value // of a table, those with a name
}

// run reads a program in Lua that does nothing but set variables, and returns
// those that are wanted, also with an error, which tells where something else
// begins. Variables may be used in what follows. See
// https://www.lua.org/manual/5.4/manual.html#9 for the grammar.
func run(ctx context.Context, program []byte, wanted ...string) (map[string]value, error) {
	p := parser{ctx: ctx, data: program, vars: map[string]value{}}
	if bytes.HasPrefix(program, []byte("#")) { // the first line of a script
		p.skipLine()
	}
	result := map[string]value{}
	err := p.next()
	for err == nil && p.token != end {
		err = p.statement(func(name string, v value) {
			for _, w := range wanted {
				if name == w {
					result[name] = v
				}
			}
		})
	}
	if err != nil {
		line := 1 + bytes.Count(program[:min(p.start, len(program))], []byte{'\n'})
		return result, fmt.Errorf("line %d: %w", line, err)
	}
	return result, nil
}

var (
	errGrammar = errors.New("not a simple assignment in Lua")
	errDeep    = fmt.Errorf("nested deeper than %d", maxDepth)
)

// A parser reads a program, one token ahead.
type parser struct {
	ctx   context.Context
	data  []byte
	at    int // after the token
	start int // of the token
	count int // tokens
	depth int

	token token
	word  string // of a name or a text

	vars map[string]value
}

// statement reads "NAME, NAME = expression, expression", which may be local.
func (p *parser) statement(set func(name string, v value)) error {
	if p.token == ';' {
		return p.next()
	}
	if p.token == name && p.word == "local" {
		if err := p.next(); err != nil {
			return err
		}
	}
	var names []string
	for {
		if p.token != name || keyword(p.word) {
			return errGrammar
		}
		names = append(names, p.word)
		if err := p.next(); err != nil {
			return err
		}
		if p.token != ',' {
			break
		}
		if err := p.next(); err != nil {
			return err
		}
	}
	if p.token != '=' {
		return errGrammar
	}
	var values []value
	for first := true; first || p.token == ','; first = false {
		if err := p.next(); err != nil {
			return err
		}
		v, err := p.expression()
		if err != nil {
			return err
		}
		values = append(values, v)
	}
	for i, n := range names {
		var v value
		if i < len(values) {
			v = values[i]
		}
		p.vars[n] = v
		set(n, v)
	}
	return nil
}

// keyword reports whether a word cannot be a variable, as far as it matters.
func keyword(word string) bool {
	switch word {
	case "and", "or", "not", "if", "then", "else", "elseif", "end", "for", "while", "do", "repeat", "until", "function", "return", "local", "break", "goto", "in":
		return true
	}
	return false
}

// expression reads one. It has a value if it is a table, or texts joined by
// "..".
func (p *parser) expression() (value, error) {
	if p.depth++; p.depth > maxDepth {
		return value{}, errDeep
	}
	defer func() { p.depth-- }()
	v, err := p.operand()
	for err == nil {
		known := p.token == concat && v.text != ""
		if !known && !p.operator() {
			break
		}
		if err = p.next(); err != nil {
			break
		}
		var w value
		if w, err = p.operand(); err != nil {
			break
		}
		if known && w.text != "" && len(w.text) <= maxText-len(v.text) {
			v.text += w.text
		} else {
			v = value{}
		}
	}
	return v, err
}

// operator reports whether the token joins two operands.
func (p *parser) operator() bool {
	switch p.token {
	case concat, compare, '+', '-', '*', '/', '%', '^', '<', '>', '&', '|', '~':
		return true
	case name:
		return p.word == "and" || p.word == "or"
	}
	return false
}

// operand reads a text, a table, a variable, or something without a value.
func (p *parser) operand() (value, error) {
	for p.token == '-' || p.token == '#' || p.token == '~' || p.token == name && p.word == "not" {
		if err := p.next(); err != nil {
			return value{}, err
		}
	}
	switch p.token {
	case text:
		v := value{text: p.word}
		return v, p.next()
	case number, dots:
		return value{}, p.next()
	case '{':
		return p.table()
	case '(':
		if err := p.next(); err != nil {
			return value{}, err
		}
		v, err := p.expression()
		if err != nil {
			return value{}, err
		}
		if err := p.sign(')'); err != nil {
			return value{}, err
		}
		return p.suffixes(v)
	case name:
		if keyword(p.word) {
			return value{}, errGrammar
		}
		v := p.vars[p.word]
		if err := p.next(); err != nil {
			return value{}, err
		}
		return p.suffixes(v)
	}
	return value{}, errGrammar
}

// suffixes reads fields, indexes and calls after an operand. What these come
// to is not known, but for fields.
func (p *parser) suffixes(v value) (value, error) {
	for {
		var err error
		var w value
		switch p.token {
		case '.', ':':
			if err = p.next(); err == nil && p.token != name {
				err = errGrammar
			}
			if err == nil {
				w = v.named[p.word]
				err = p.next()
			}
		case '[':
			err = p.list(']')
		case '(':
			err = p.list(')')
		case text:
			err = p.next()
		case '{':
			_, err = p.table()
		default:
			return v, nil
		}
		if err != nil {
			return value{}, err
		}
		v = w
	}
}

// list reads expressions up to a closing sign.
func (p *parser) list(closing token) error {
	if err := p.next(); err != nil {
		return err
	}
	for p.token != closing {
		if _, err := p.expression(); err != nil {
			return err
		}
		if p.token != ',' {
			break
		}
		if err := p.next(); err != nil {
			return err
		}
	}
	return p.sign(closing)
}

// table reads {"a", b = "c", ["d"] = {}}.
func (p *parser) table() (value, error) {
	if err := p.next(); err != nil {
		return value{}, err
	}
	v := value{named: map[string]value{}}
	for p.token != '}' {
		if err := p.field(&v); err != nil {
			return value{}, err
		}
		if p.token != ',' && p.token != ';' {
			break
		}
		if err := p.next(); err != nil {
			return value{}, err
		}
	}
	return v, p.sign('}')
}

// field reads one field of a table.
func (p *parser) field(v *value) error {
	if p.token == '[' {
		if err := p.next(); err != nil {
			return err
		}
		key, err := p.expression()
		if err != nil {
			return err
		}
		if err := p.sign(']'); err != nil {
			return err
		}
		return p.member(v, key.text)
	}
	if p.token == name && !keyword(p.word) {
		// A name, if "=" follows; a variable otherwise.
		word, before := p.word, *p
		if err := p.next(); err != nil {
			return err
		}
		if p.token == '=' {
			return p.member(v, word)
		}
		*p = before
	}
	element, err := p.expression()
	v.listed = append(v.listed, element)
	return err
}

// member reads "= expression".
func (p *parser) member(v *value, key string) error {
	if err := p.sign('='); err != nil {
		return err
	}
	member, err := p.expression()
	if key != "" {
		v.named[key] = member
	}
	return err
}

// sign reads a sign.
func (p *parser) sign(want token) error {
	if p.token != want {
		return errGrammar
	}
	return p.next()
}
