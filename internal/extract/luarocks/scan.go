package luarocks

import (
	"bytes"
	"errors"
	"strings"
)

var errOpen = errors.New("a text or comment does not end")

// A token is the kind of a token: one of these, or the byte of a sign.
type token int

const (
	end token = 256 + iota
	name
	text
	number
	concat // ..
	dots   // ...
	compare
)

// next reads the next token.
func (p *parser) next() error {
	if p.count++; p.count%1024 == 0 {
		if err := p.ctx.Err(); err != nil {
			return err
		}
	}
	p.word = ""
	if err := p.space(); err != nil {
		return err
	}
	p.start = p.at
	if p.at == len(p.data) {
		p.token = end
		return nil
	}
	c := p.data[p.at]
	switch {
	case letter(c):
		p.token = name
		for p.at < len(p.data) && (letter(p.data[p.at]) || digit(p.data[p.at])) {
			p.at++
		}
		p.word = string(p.data[p.start:p.at])
	case digit(c) || c == '.' && p.at+1 < len(p.data) && digit(p.data[p.at+1]):
		p.token = number
		for p.at < len(p.data) && (letter(p.data[p.at]) || digit(p.data[p.at]) || p.data[p.at] == '.' && !p.has("..")) {
			p.at++
		}
	case c == '"' || c == '\'':
		p.token = text
		return p.quoted(c)
	case p.longLevel(p.at) >= 0:
		p.token = text
		return p.long()
	case p.has("..."):
		p.token = dots
		p.at += 3
	case p.has(".."):
		p.token = concat
		p.at += 2
	case p.has("==") || p.has("~=") || p.has("<=") || p.has(">=") || p.has("//") || p.has("<<") || p.has(">>"):
		p.token = compare
		p.at += 2
	default:
		p.token = token(c)
		p.at++
	}
	return nil
}

// has reports whether s comes next.
func (p *parser) has(s string) bool {
	return bytes.HasPrefix(p.data[p.at:], []byte(s))
}

func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// space reads over white space and comments.
func (p *parser) space() error {
	for p.at < len(p.data) {
		switch {
		case p.data[p.at] == ' ' || p.data[p.at] >= '\t' && p.data[p.at] <= '\r':
			p.at++
		case p.has("--") && p.longLevel(p.at+2) >= 0:
			p.start = p.at
			p.at += 2
			if err := p.long(); err != nil {
				return err
			}
		case p.has("--"):
			p.skipLine()
		default:
			return nil
		}
	}
	return nil
}

// skipLine goes to the end of the line.
func (p *parser) skipLine() {
	if i := bytes.IndexByte(p.data[p.at:], '\n'); i >= 0 {
		p.at += i
	} else {
		p.at = len(p.data)
	}
}

// longLevel returns the number of "=" in a long bracket that opens at i, or -1
// if there is none.
func (p *parser) longLevel(i int) int {
	if i >= len(p.data) || p.data[i] != '[' {
		return -1
	}
	begin := i + 1
	for i = begin; i < len(p.data) && p.data[i] == '='; i++ {
	}
	if i == len(p.data) || p.data[i] != '[' {
		return -1
	}
	return i - begin
}

// long reads the text between long brackets, such as "[=[" and "]=]".
func (p *parser) long() error {
	level := p.longLevel(p.at)
	begin := p.at + level + 2
	closing := "]" + strings.Repeat("=", level) + "]"
	n := bytes.Index(p.data[begin:], []byte(closing))
	if n < 0 {
		return errOpen
	}
	p.at = begin + n + len(closing)
	// A line end right after the bracket does not count.
	content := bytes.TrimPrefix(bytes.TrimPrefix(p.data[begin:begin+n], []byte{'\r'}), []byte{'\n'})
	p.setText(content)
	return nil
}

// quoted reads a text between quotes.
func (p *parser) quoted(quote byte) error {
	var content []byte
	plain := true
	for p.at++; p.at < len(p.data); p.at++ {
		c := p.data[p.at]
		switch {
		case c == quote:
			p.at++
			if plain {
				p.setText(content)
			}
			return nil
		case c == '\n':
			return errOpen
		case c == '\\':
			p.at++
			if p.at == len(p.data) {
				return errOpen
			}
			switch c = p.data[p.at]; c {
			case '"', '\'', '\\', '\n':
				content = append(content, c)
			case 'n':
				content = append(content, '\n')
			case 't':
				content = append(content, '\t')
			default:
				plain = false // none that a name or a licence needs
			}
		default:
			content = append(content, c)
		}
	}
	return errOpen
}

// setText sets the text of the token, unless it is too long to be of interest.
func (p *parser) setText(content []byte) {
	if len(content) <= maxText {
		p.word = strings.ToValidUTF8(string(content), "\ufffd")
	}
}
