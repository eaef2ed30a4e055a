package nodelock

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	// maxText is the length in bytes of a text in JSON.
	maxText = 64 << 10
	// maxDepth is how deep values may be in others. Trees of version 1 of
	// package-lock.json need two levels for each package on the way.
	maxDepth = 500
)

// JSON reads a JSON value from its beginning to its end, and keeps in memory
// what is asked for alone. After an error all further calls return it.
//
// Whoever calls [JSON.Object] or [JSON.Array] reads each member or element in
// visit with one call of a method, or leaves it to be skipped.
type JSON struct {
	ctx      context.Context
	limited  *io.LimitedReader
	r        *bufio.Reader
	most     int64
	comments bool
	line     int
	depth    int
	values   int
	pending  bool // a value is to be read
	text     []byte
	err      error
	damaged  bool
}

// NewJSON returns a reader of at most most bytes from r. If comments is true,
// comments and commas before a closing bracket are taken, as in JSONC.
func NewJSON(ctx context.Context, r io.Reader, most int64, comments bool) *JSON {
	limited := &io.LimitedReader{R: r, N: most + 1}
	j := &JSON{ctx: ctx, limited: limited, r: bufio.NewReaderSize(limited, 32<<10), most: most, comments: comments, line: 1, pending: true}
	if head, _ := j.r.Peek(3); string(head) == "\xef\xbb\xbf" {
		_, _ = j.r.Discard(3)
	}
	return j
}

// Line is the line that was read last, from 1: that of the key, where visit
// asks before it reads the value.
func (j *JSON) Line() int { return j.line }

// Damaged reports whether the error is one of the file's syntax or its early
// end, so that what was read before it counts.
func (j *JSON) Damaged() bool { return j.damaged }

// Fail ends reading with an error.
func (j *JSON) Fail(err error) {
	if j.err == nil {
		j.err = err
	}
}

// End reads what follows after the value, and returns the error.
func (j *JSON) End() error {
	if j.pending {
		j.Skip()
	}
	if j.err != nil {
		return j.err
	}
	if c := j.peek(); j.err == nil {
		j.syntax("%q follows after the end", c)
	} else if errors.Is(j.err, errEnd) {
		return nil
	}
	return j.err
}

// errEnd is that the file ends where a value might follow.
var errEnd = errors.New("unexpected end of the file")

func (j *JSON) syntax(format string, args ...any) {
	if j.err == nil {
		j.damaged = true
		j.err = fmt.Errorf("line %d: %s", j.line, fmt.Sprintf(format, args...))
	}
}

// read notes an error of the reader below.
func (j *JSON) read(err error) {
	switch {
	case err == nil || j.err != nil:
	case err != io.EOF:
		j.err = err
	case j.limited.N <= 0:
		j.err = fmt.Errorf("more than %d bytes: %w", j.most, inventory.ErrTooLarge)
	default:
		j.damaged = true
		j.err = errEnd
	}
}

// peek returns the next byte that is not white space or a part of a comment.
func (j *JSON) peek() byte {
	for j.err == nil {
		c, err := j.r.ReadByte()
		if err != nil {
			j.read(err)
			return 0
		}
		switch c {
		case '\n':
			j.line++
		case ' ', '\t', '\r':
		case '/':
			if !j.comments {
				_ = j.r.UnreadByte()
				return c
			}
			j.comment()
		default:
			_ = j.r.UnreadByte()
			return c
		}
	}
	return 0
}

// comment reads the rest of a comment after its first slash.
func (j *JSON) comment() {
	kind, err := j.r.ReadByte()
	j.read(err)
	if j.err == nil && kind != '/' && kind != '*' {
		j.syntax("%q is no comment", "/"+string(rune(kind)))
	}
	for last := byte(0); j.err == nil; {
		c, err := j.r.ReadByte()
		if err == io.EOF && kind == '/' {
			return // the end is met again
		}
		j.read(err)
		if c == '\n' && j.err == nil {
			j.line++
			if kind == '/' {
				return
			}
		}
		if kind == '*' && last == '*' && c == '/' {
			return
		}
		last = c
	}
}

// begin returns the first byte of the next value.
func (j *JSON) begin() byte {
	j.pending = false
	if j.values++; j.values%1024 == 1 && j.err == nil {
		j.err = j.ctx.Err()
	}
	return j.peek()
}

// Object calls visit for each member of an object. It returns false for
// another value, which is skipped.
func (j *JSON) Object(visit func(key string)) bool {
	return j.list('{', '}', func() {
		key, ok := j.string()
		if !ok {
			return
		}
		if c := j.peek(); j.err == nil && c != ':' {
			j.syntax("%q follows after the key %q", c, lines.Clip(key))
		}
		if j.err == nil {
			_, _ = j.r.ReadByte()
			j.pending = true
			visit(key)
		}
	})
}

// Array calls visit for each element of an array. It returns false for another
// value, which is skipped.
func (j *JSON) Array(visit func(i int)) bool {
	i := 0
	return j.list('[', ']', func() {
		j.pending = true
		visit(i)
		i++
	})
}

// list reads what is between two brackets.
func (j *JSON) list(open, closing byte, element func()) bool {
	if c := j.begin(); c != open || j.err != nil {
		j.value(c)
		return false
	}
	_, _ = j.r.ReadByte()
	if j.depth++; j.depth > maxDepth {
		j.Fail(fmt.Errorf("line %d: values are nested more than %d deep: %w", j.line, maxDepth, inventory.ErrTooLarge))
		return true
	}
	for first := true; ; first = false {
		c := j.peek()
		if c == ',' && !first && j.err == nil {
			_, _ = j.r.ReadByte()
			if c = j.peek(); c == closing && !j.comments {
				j.syntax("%q follows after a comma", c)
			}
		} else if !first && c != closing {
			j.syntax("%q in place of a comma", c)
		}
		if j.err != nil {
			return true
		}
		if c == closing {
			_, _ = j.r.ReadByte()
			j.depth--
			return true
		}
		element()
		if j.pending && j.err == nil {
			j.Skip()
		}
	}
}

// Text returns a text. It returns false for another value, which is skipped.
func (j *JSON) Text() (string, bool) {
	c := j.begin()
	if c != '"' {
		j.value(c)
		return "", false
	}
	return j.string()
}

// True reports whether the next value is true.
func (j *JSON) True() bool {
	c := j.begin()
	return j.value(c) == "true" && j.err == nil
}

// Is reports whether the next value begins with c.
func (j *JSON) Is(c byte) bool { return j.peek() == c && j.err == nil }

// Skip reads over the next value.
func (j *JSON) Skip() { j.value(j.begin()) }

// value reads over a value that begins with c, and returns it if it is neither
// a text nor a list.
func (j *JSON) value(c byte) string {
	if j.err != nil {
		return ""
	}
	switch c {
	case '"':
		j.string()
		return ""
	case '{':
		j.Object(func(string) {})
		return ""
	case '[':
		j.Array(func(int) {})
		return ""
	}
	j.text = j.text[:0]
	for len(j.text) <= 64 {
		c, err := j.r.ReadByte()
		if err == io.EOF {
			break // the end is met again
		}
		if j.read(err); j.err != nil {
			return ""
		}
		if strings.IndexByte(" \t\r\n,]}:/\"[{", c) >= 0 {
			_ = j.r.UnreadByte()
			break
		}
		j.text = append(j.text, c)
	}
	if !json.Valid(j.text) {
		j.syntax("%q is no value", lines.Clip(j.text))
	}
	return string(j.text)
}

// string reads a text with its quotes.
func (j *JSON) string() (string, bool) {
	c := j.peek()
	if j.err != nil {
		return "", false
	}
	if c != '"' {
		j.syntax("%q in place of a text", c)
		return "", false
	}
	_, _ = j.r.ReadByte()
	j.text = append(j.text[:0], '"')
	plain := true
	for {
		c, err := j.r.ReadByte()
		if j.read(err); j.err != nil {
			return "", false
		}
		j.text = append(j.text, c)
		switch {
		case c == '"':
			if plain {
				return string(j.text[1 : len(j.text)-1]), true
			}
			var s string
			if err := json.Unmarshal(j.text, &s); err != nil {
				j.syntax("%q is no text", lines.Clip(j.text))
				return "", false
			}
			return s, true
		case c < ' ':
			j.syntax("a text has a control character: %q", lines.Clip(j.text))
			return "", false
		case c == '\\':
			plain = false
			c, err := j.r.ReadByte()
			if j.read(err); j.err != nil {
				return "", false
			}
			j.text = append(j.text, c)
		case c >= utf8.RuneSelf:
			plain = false
		}
		if len(j.text) > maxText {
			j.Fail(fmt.Errorf("line %d: a text has more than %d bytes: %w", j.line, maxText, inventory.ErrTooLarge))
			return "", false
		}
	}
}
