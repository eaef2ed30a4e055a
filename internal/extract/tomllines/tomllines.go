// Package tomllines reads TOML as package managers write it into their lock
// files: one key or header a line, values that are text or lists of text, one
// entry of a list a line. It reads line by line, so that the file may be
// large, and tells the line of everything.
//
// It is no parser of [TOML]: text of many lines, inline tables and dotted keys
// are reported as lines that cannot be understood. Values that are neither text
// nor lists are returned as they are written.
//
// [TOML]: https://toml.io/en/v1.0.0
package tomllines

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	// maxList is how many entries of one list are read.
	maxList = 100_000
	// maxBad is how many lines may be wrong before the file is.
	maxBad = 100_000
)

// A Visitor takes what a file consists of, in its order. Lines are counted
// from 1. An error ends the reading.
type Visitor interface {
	// Table takes a header: its name, [a.b], whose parts may be quoted, and
	// whether it is one of an array, [[a.b]].
	Table(line int, name []string, array bool) error
	// Text takes a text, or a number, a truth value or a date as written.
	Text(line int, key, value string) error
	// List takes a list of texts.
	List(line int, key string, values []string) error
	// Bad takes a line that cannot be understood.
	Bad(line int, text string) error
}

// Read reads r up to maxFile bytes. The error wraps [inventory.ErrTooLarge] if
// a limit is exceeded.
func Read(ctx context.Context, r io.Reader, maxFile int64, v Visitor) error {
	p := parser{v: v}
	if err := lines.Each(ctx, r, maxFile, p.line); err != nil {
		return err
	}
	if p.open {
		return p.endless()
	}
	return nil
}

type parser struct {
	v      Visitor
	n      int
	open   bool // in a list
	from   int  // the line it began in
	key    string
	values []string
	wrong  int // lines
}

// line takes the next line.
func (p *parser) line(raw []byte) error {
	p.n++
	text := strings.ToValidUTF8(string(raw), string(utf8.RuneError))
	if p.n == 1 {
		text = strings.TrimPrefix(text, "\ufeff")
	}
	text = strings.TrimSpace(text)
	if p.open {
		// A header or key in a list means that the list was cut off.
		if !strings.HasPrefix(text, "[") && !isEntry(text) {
			return p.list(text)
		}
		p.open = false
		if err := p.endless(); err != nil {
			return err
		}
	}
	switch {
	case text == "" || text[0] == '#':
		return nil
	case text[0] == '[':
		return p.header(text)
	}
	key, rest, ok := cutKey(text)
	if ok {
		rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " \t"), "=")
	}
	if !ok {
		return p.bad(text)
	}
	rest = strings.TrimLeft(rest, " \t")
	switch {
	case rest == "" || rest[0] == '{' || strings.HasPrefix(rest, `"""`) || strings.HasPrefix(rest, "'''"):
		return p.bad(text)
	case rest[0] == '[':
		p.open, p.from, p.key, p.values = true, p.n, key, nil
		return p.list(rest[1:])
	}
	if rest[0] != '"' && rest[0] != '\'' {
		value, _, _ := strings.Cut(rest, "#")
		return p.v.Text(p.n, key, strings.TrimSpace(value))
	}
	value, rest, ok := cutText(rest)
	if !ok || !isEnd(rest) {
		return p.bad(text)
	}
	return p.v.Text(p.n, key, value)
}

// isEntry reports whether a line is a key with a value.
func isEntry(text string) bool {
	_, rest, ok := cutKey(text)
	return ok && strings.HasPrefix(strings.TrimLeft(rest, " \t"), "=")
}

// endless tells of a list without an end.
func (p *parser) endless() error { return p.v.Bad(p.from, "the list "+p.key+" has no end") }

// bad tells of the current line.
func (p *parser) bad(text string) error {
	if p.wrong++; p.wrong > maxBad {
		return fmt.Errorf("more than %d lines cannot be understood: %w", maxBad, inventory.ErrTooLarge)
	}
	return p.v.Bad(p.n, text)
}

// header takes a line that begins with a bracket.
func (p *parser) header(text string) error {
	rest := text[1:]
	array := strings.HasPrefix(rest, "[")
	end := "]"
	if array {
		rest, end = rest[1:], "]]"
	}
	var name []string
	for {
		part, after, ok := cutKey(strings.TrimLeft(rest, " \t"))
		if !ok {
			return p.bad(text)
		}
		name = append(name, part)
		rest = strings.TrimLeft(after, " \t")
		if after, ok := strings.CutPrefix(rest, "."); ok {
			rest = after
			continue
		}
		if after, ok := strings.CutPrefix(rest, end); ok && isEnd(after) {
			return p.v.Table(p.n, name, array)
		}
		return p.bad(text)
	}
}

// list takes a line of a list, after its opening bracket.
func (p *parser) list(text string) error {
	for {
		text = strings.TrimLeft(text, " \t,")
		switch {
		case text == "" || text[0] == '#':
			return nil
		case text[0] == ']':
			p.open = false
			if !isEnd(text[1:]) {
				return p.bad(text)
			}
			return p.v.List(p.from, p.key, p.values)
		}
		value, rest, ok := cutText(text)
		if !ok {
			return p.bad(text)
		}
		if len(p.values) == maxList {
			return fmt.Errorf("more than %d entries in %q: %w", maxList, lines.Clip(p.key), inventory.ErrTooLarge)
		}
		p.values = append(p.values, value)
		text = rest
	}
}

// isEnd reports whether nothing but a comment is left of a line.
func isEnd(rest string) bool {
	rest = strings.TrimLeft(rest, " \t")
	return rest == "" || rest[0] == '#'
}

// cutKey cuts a key, or a part of a header, from the front of text.
func cutKey(text string) (key, rest string, ok bool) {
	if text == "" {
		return "", "", false
	}
	if text[0] == '"' || text[0] == '\'' {
		return cutText(text)
	}
	end := 0
	for end < len(text) && isBare(text[end]) {
		end++
	}
	return text[:end], text[end:], end > 0
}

// isBare reports whether a key may have c without quotes.
func isBare(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// cutText cuts a quoted text from the front of text and returns what it says.
func cutText(text string) (value, rest string, ok bool) {
	switch {
	case text == "":
		return "", "", false
	case text[0] == '\'':
		return strings.Cut(text[1:], "'")
	case text[0] != '"':
		return "", "", false
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++ // not the end, whatever it is
		case '"':
			value = text[1:i]
			if strings.Contains(value, `\`) {
				// The escapes of TOML are among those of Go but for \e, which
				// is new and rare, and \/ and \' which neither has.
				var err error
				if value, err = strconv.Unquote(text[:i+1]); err != nil {
					return "", "", false
				}
			}
			return strings.ToValidUTF8(value, string(utf8.RuneError)), text[i+1:], true
		}
	}
	return "", "", false
}
