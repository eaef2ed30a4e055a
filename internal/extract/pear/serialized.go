package pear

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxDepth is how deep arrays may lie in each other. A description of a
// package has about 10 levels.
const maxDepth = 64

// walk reads one value in the format of PHP's serialize, which must be an
// array, and calls take for each value in it that is no array itself, with the
// keys that lead there; they are valid during the call. The format is
//
//	N;  b:1;  i:42;  d:0.5;  r:1;  R:1;   null, numbers and references
//	s:5:"bytes";                          a text with its length in bytes
//	a:1:{KEY VALUE}                       an array with its number of pairs
//	O:3:"class":1:{KEY VALUE}             an object, read like an array
//
// A text is taken by its length, so that what is in it does not matter.
// What was taken before an error stays taken.
func walk(ctx context.Context, data []byte, take func(keys []string, value string)) error {
	w := walker{ctx: ctx, data: data, take: take}
	if len(data) == 0 || data[0] != 'a' {
		return errors.New("not an array in the format of PHP's serialize")
	}
	if err := w.value(); err != nil {
		return fmt.Errorf("byte %d: %w", w.at, err)
	}
	if len(bytes.TrimSpace(data[w.at:])) > 0 {
		return fmt.Errorf("byte %d: there is more after the array", w.at)
	}
	return nil
}

// A walker reads a serialized array.
type walker struct {
	ctx   context.Context
	data  []byte
	at    int
	count int // values
	keys  []string
	take  func(keys []string, value string)
}

var (
	errEnd    = errors.New("the file ends too early")
	errFormat = errors.New("not in the format of PHP's serialize")
)

// value reads the value at the current place, and gives it to take.
func (w *walker) value() error {
	if w.count++; w.count%1024 == 0 {
		if err := w.ctx.Err(); err != nil {
			return err
		}
	}
	kind, err := w.peek()
	if err != nil {
		return err
	}
	switch kind {
	case 'a':
		w.at++
		return w.array()
	case 'O':
		w.at++
		if _, err := w.quoted(); err != nil {
			return err
		}
		return w.array()
	}
	s, err := w.scalar()
	if err == nil && len(w.keys) > 0 {
		w.take(w.keys, s)
	}
	return err
}

// array reads ":2:{KEY VALUE KEY VALUE}".
func (w *walker) array() error {
	if len(w.keys) == maxDepth {
		return fmt.Errorf("arrays nested deeper than %d: %w", maxDepth, inventory.ErrTooLarge)
	}
	n, err := w.length()
	if err != nil {
		return err
	}
	if err := w.literal('{'); err != nil {
		return err
	}
	for range n { // each pair takes bytes, so a number that lies ends soon
		key, err := w.scalar()
		if err != nil {
			return err
		}
		w.keys = append(w.keys, key)
		if err := w.value(); err != nil {
			return err
		}
		w.keys = w.keys[:len(w.keys)-1]
	}
	return w.literal('}')
}

// scalar reads a text, a number or null, and returns it as a text.
func (w *walker) scalar() (string, error) {
	kind, err := w.peek()
	if err != nil {
		return "", err
	}
	w.at++
	switch kind {
	case 's':
		s, err := w.quoted()
		if err != nil {
			return "", err
		}
		return s, w.literal(';')
	case 'N':
		return "", w.literal(';')
	case 'b', 'i', 'd', 'r', 'R':
		if err := w.literal(':'); err != nil {
			return "", err
		}
		end := bytes.IndexByte(w.data[w.at:min(len(w.data), w.at+64)], ';')
		if end < 0 {
			return "", errFormat
		}
		s := string(w.data[w.at : w.at+end])
		w.at += end + 1
		return s, nil
	}
	w.at--
	return "", errFormat
}

// quoted reads `:5:"bytes"`.
func (w *walker) quoted() (string, error) {
	n, err := w.length()
	if err != nil {
		return "", err
	}
	if err := w.literal('"'); err != nil {
		return "", err
	}
	if n > len(w.data)-w.at {
		return "", errEnd
	}
	s := string(w.data[w.at : w.at+n])
	w.at += n
	return s, w.literal('"')
}

// length reads ":5:".
func (w *walker) length() (int, error) {
	if err := w.literal(':'); err != nil {
		return 0, err
	}
	// No length of a file within the limit has more than eight digits.
	digits := w.data[w.at:min(len(w.data), w.at+9)]
	end := bytes.IndexByte(digits, ':')
	if end < 0 {
		return 0, errFormat
	}
	n, err := strconv.ParseUint(string(digits[:end]), 10, 31)
	if err != nil {
		return 0, errFormat
	}
	w.at += end + 1
	return int(n), nil
}

// literal reads one byte, which must be c.
func (w *walker) literal(c byte) error {
	got, err := w.peek()
	if err != nil {
		return err
	}
	if got != c {
		return errFormat
	}
	w.at++
	return nil
}

func (w *walker) peek() (byte, error) {
	if w.at >= len(w.data) {
		return 0, errEnd
	}
	return w.data[w.at], nil
}
