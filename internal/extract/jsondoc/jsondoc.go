// Package jsondoc reads large JSON documents of lock files: member by member
// and in order, with the line that each is in, and so that of a document that
// is cut off what is before the damage can be kept.
//
// Fields are looked up as they are spelled. A value of another type than the
// caller asks for is passed over, and the caller told.
package jsondoc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
)

// ErrDamaged is wrapped by errors that say that the document is not JSON, or
// ends early.
var ErrDamaged = errors.New("the file ends early or is damaged")

// maxDepth is how deep values that are passed over may nest. It is that of
// [encoding/json].
const maxDepth = 10_000

// A Document is read from its beginning to its end.
type Document struct {
	ctx  context.Context
	data []byte
	dec  *json.Decoder
	n    int // values read

	counted, line int // line is that of the byte at counted
}

// Open reads a document of at most most bytes. The error wraps
// inventory.ErrTooLarge if it is larger.
func Open(ctx context.Context, r io.Reader, most int64) (*Document, error) {
	data, err := bounded.ReadAll(ctx, r, most)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	return &Document{ctx: ctx, data: data, dec: json.NewDecoder(bytes.NewReader(data)), line: 1}, nil
}

// Object reads the next value. If it is an object, visit is called for each
// member, and has to read its value. Otherwise it is passed over, and the
// result is false.
func (d *Document) Object(visit func(key string) error) (bool, error) {
	return d.open('{', func() error {
		key, err := d.token()
		if err != nil {
			return err
		}
		d.count(int(d.dec.InputOffset()))
		name, _ := key.(string) // the decoder accepts nothing else as a key
		return visit(name)
	})
}

// List reads the next value. If it is a list, visit is called for each
// element, and has to read it. Otherwise it is passed over, and the result is
// false.
func (d *Document) List(visit func() error) (bool, error) {
	return d.open('[', func() error {
		d.count(d.next())
		return visit()
	})
}

// open reads a value that begins with the delimiter.
func (d *Document) open(begin json.Delim, visit func() error) (bool, error) {
	token, err := d.token()
	if err != nil {
		return false, err
	}
	if token != begin {
		return false, d.rest(token)
	}
	for d.dec.More() {
		if d.n++; d.n%256 == 1 {
			if err := d.ctx.Err(); err != nil {
				return true, err
			}
		}
		if err := visit(); err != nil {
			return true, err
		}
	}
	_, err = d.token() // the closing delimiter
	return true, err
}

// Value reads the next value.
func (d *Document) Value() (json.RawMessage, error) {
	var value json.RawMessage
	return value, d.damage(d.dec.Decode(&value))
}

// Text reads the next value, and returns the text that it is. What is no text
// has none.
func (d *Document) Text() (string, error) {
	token, err := d.token()
	if err != nil {
		return "", err
	}
	text, ok := token.(string)
	if !ok {
		return "", d.rest(token)
	}
	return text, nil
}

// Skip passes over the next value.
func (d *Document) Skip() error {
	token, err := d.token()
	if err != nil {
		return err
	}
	return d.rest(token)
}

// rest passes over what follows the first token of a value.
func (d *Document) rest(token json.Token) error {
	depth := 0
	for {
		switch token {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxDepth {
				return fmt.Errorf("%w: more than %d values in each other", ErrDamaged, maxDepth)
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		if d.n++; d.n%4096 == 0 {
			if err := d.ctx.Err(); err != nil {
				return err
			}
		}
		var err error
		if token, err = d.token(); err != nil {
			return err
		}
	}
}

// End reports an error if there is more in the document than the values that
// were read.
func (d *Document) End() error {
	if _, err := d.dec.Token(); err != io.EOF {
		return fmt.Errorf("%w: there is more behind the end, near byte %d", ErrDamaged, d.dec.InputOffset())
	}
	return nil
}

// Line returns the line, from 1, of the key or the element of a list for which
// visit was called last.
func (d *Document) Line() int { return d.line }

// count sets the line to that of the byte at at.
func (d *Document) count(at int) {
	d.line += bytes.Count(d.data[d.counted:at], []byte{'\n'})
	d.counted = at
}

// next returns where the next element of a list begins.
func (d *Document) next() int {
	at := int(d.dec.InputOffset())
	for at < len(d.data) && strings.IndexByte(", \t\r\n", d.data[at]) >= 0 {
		at++
	}
	return at
}

// token returns the next token.
func (d *Document) token() (json.Token, error) {
	token, err := d.dec.Token()
	return token, d.damage(err)
}

// damage says where the document is damaged, if err is not nil.
func (d *Document) damage(err error) error {
	if err == nil {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w near byte %d: %w", ErrDamaged, d.dec.InputOffset(), err)
}
