// Package linejson reads JSON piece by piece, tells the line that each piece
// begins in, and keeps what was read before a place where the file is damaged.
package linejson

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
)

// A Reader reads the JSON of one file.
type Reader struct {
	ctx     context.Context
	data    []byte
	decoder *json.Decoder
	counted int64 // the byte up to which lines were counted
	line    int
	damage  error
	pieces  int
}

// New reads r, up to most bytes, for a Reader. The error wraps
// [inventory.ErrTooLarge] if there are more.
func New(ctx context.Context, r io.Reader, most int64) (*Reader, error) {
	data, err := bounded.ReadAll(ctx, r, most)
	if err != nil {
		return nil, err
	}
	// A byte order mark is no JSON, but editors on Windows leave one.
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	return &Reader{ctx: ctx, data: data, decoder: json.NewDecoder(bytes.NewReader(data)), line: 1}, nil
}

// Damage returns why an error of another method is one of the JSON, and nil if
// it is none.
func (r *Reader) Damage() error {
	if r.damage == nil {
		return nil
	}
	return fmt.Errorf("the file ends early or is damaged in line %d: %w", r.Line(), r.damage)
}

// Line returns the line, counted from 1, in which what is read next begins.
func (r *Reader) Line() int {
	at := min(r.decoder.InputOffset(), int64(len(r.data)))
	for at < int64(len(r.data)) && bytes.IndexByte([]byte(" \t\r\n,:"), r.data[at]) >= 0 {
		at++
	}
	if at > r.counted {
		r.line += bytes.Count(r.data[r.counted:at], []byte{'\n'})
		r.counted = at
	}
	return r.line
}

// note remembers that the file is damaged.
func (r *Reader) note(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		r.damage = err
	}
	return err
}

// Decode reads the next value into v, or reads over it if v is nil. A value of
// another type than v's is no error: wrong is true then, and v may be filled in
// part.
func (r *Reader) Decode(v any) (wrong bool, err error) {
	if r.pieces++; r.pieces%64 == 0 {
		if err := r.ctx.Err(); err != nil {
			return false, err
		}
	}
	if v == nil {
		v = new(json.RawMessage)
	}
	err = r.decoder.Decode(v)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return true, nil
	}
	return false, r.note(err)
}

// Object reads an object and calls visit for each of its keys, with the line
// of the key. Visit reads the value. If the next value is no object, it is
// read over and ok is false.
func (r *Reader) Object(visit func(line int, key string) error) (ok bool, err error) {
	return r.each('{', func() error {
		line := r.Line()
		key, err := r.decoder.Token()
		if err != nil {
			return r.note(err)
		}
		name, ok := key.(string)
		if !ok {
			return r.note(fmt.Errorf("%q is no key", lines.Clip(fmt.Sprint(key))))
		}
		return visit(line, name)
	})
}

// Array reads an array and calls visit for each of its values, with the line
// of the value. Visit reads the value. If the next value is no array, it is
// read over and ok is false.
func (r *Reader) Array(visit func(line int) error) (ok bool, err error) {
	return r.each('[', func() error { return visit(r.Line()) })
}

// IsArray reports whether the next value is an array.
func (r *Reader) IsArray() bool {
	next, err := r.next()
	return err == nil && next == '['
}

// each reads what is between brackets.
func (r *Reader) each(begin byte, visit func() error) (ok bool, err error) {
	if next, err := r.next(); err != nil || next != begin {
		_, err = r.Decode(nil)
		return false, err
	}
	if _, err := r.decoder.Token(); err != nil {
		return true, r.note(err)
	}
	for r.decoder.More() {
		if err := r.ctx.Err(); err != nil {
			return true, err
		}
		if err := visit(); err != nil {
			return true, err
		}
	}
	_, err = r.decoder.Token()
	return true, r.note(err)
}

// next returns the first byte of the next value.
func (r *Reader) next() (byte, error) {
	for at := r.decoder.InputOffset(); at < int64(len(r.data)); at++ {
		if c := r.data[at]; bytes.IndexByte([]byte(" \t\r\n,:"), c) < 0 {
			return c, nil
		}
	}
	return 0, io.ErrUnexpectedEOF
}

// End returns an error if anything but white space follows.
func (r *Reader) End() error {
	if _, err := r.decoder.Token(); err != io.EOF {
		return r.note(errors.New("there is more after the end"))
	}
	return nil
}

// Finish ends the reading of a file, whose visits ended with err. If the file
// is damaged and kept tells that something was read before, the damage is
// returned as a problem and not as an error.
func (r *Reader) Finish(err error, kept bool) (problem string, _ error) {
	if err == nil {
		err = r.End()
	}
	switch damage := r.Damage(); {
	case err == nil:
		return "", nil
	case damage == nil:
		return "", err
	case kept:
		return damage.Error(), nil
	default:
		return "", damage
	}
}
