package npm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// read reads a file of at most most bytes, without a byte order mark. An image
// has thousands of these files, so the buffer is made for the size that is
// stated, as far as that can be true.
func read(ctx context.Context, f *inventory.File, most int64) ([]byte, error) {
	if f.Size() > most {
		return nil, fmt.Errorf("more than %d bytes: %w", most, inventory.ErrTooLarge)
	}
	var buf bytes.Buffer
	buf.Grow(int(min(max(f.Size(), 0), 64<<10)) + bytes.MinRead)
	n, err := buf.ReadFrom(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if n > most {
		return nil, fmt.Errorf("more than %d bytes: %w", most, inventory.ErrTooLarge)
	}
	return bytes.TrimPrefix(buf.Bytes(), []byte("\xef\xbb\xbf")), ctx.Err()
}

// checkObject reports what keeps data from being a JSON object. It is called
// once for each file: the functions below rely on valid JSON.
//
// Decoding into a struct with [json.Unmarshal] is not used because it takes
// "Name" for "name", gives up the file for one value of an unexpected type,
// and takes three times as long.
func checkObject(data []byte) error {
	if !json.Valid(data) {
		var v json.RawMessage
		err := json.Unmarshal(data, &v)
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return fmt.Errorf("byte %d: %w", syntax.Offset, err)
		}
		return err
	}
	if kind(bytes.TrimLeft(data, " \t\r\n")) != '{' {
		return errors.New("not a JSON object")
	}
	return nil
}

// kind is the first byte of a JSON value, which tells its type.
func kind(value []byte) byte {
	if len(value) == 0 {
		return 0
	}
	return value[0]
}

// members calls visit for each member of a JSON object. The key is as text
// returns it, and valid during the call like the value. Anything but an object
// has no members.
func members(object []byte, visit func(key, value []byte)) {
	i := space(object, 0)
	if i == len(object) || object[i] != '{' {
		return
	}
	for i = space(object, i+1); i < len(object) && object[i] == '"'; i = space(object, i) {
		end := skip(object, i)
		key := text(object[i:end])
		start := space(object, space(object, end)+1) // over the colon
		if start > len(object) {
			return
		}
		i = skip(object, start)
		visit(key, object[start:i])
		if i = space(object, i); i < len(object) && object[i] == ',' {
			i++
		}
	}
}

// elements calls visit for each element of a JSON array. Anything but an array
// has no elements.
func elements(array []byte, visit func(value []byte)) {
	i := space(array, 0)
	if i == len(array) || array[i] != '[' {
		return
	}
	for i = space(array, i+1); i < len(array) && array[i] != ']'; i = space(array, i) {
		end := skip(array, i)
		if end == i {
			return
		}
		visit(array[i:end])
		if i = space(array, end); i < len(array) && array[i] == ',' {
			i++
		}
	}
}

// space returns the index of the first byte from i on that is not white space.
func space(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r') {
		i++
	}
	return i
}

// skip returns the index after the value at i.
func skip(data []byte, i int) int {
	depth := 0
	for i < len(data) {
		switch data[i] {
		case '"':
			i = skipString(data, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		default:
			if depth == 0 {
				// A number, true, false or null.
				for i < len(data) && !endsScalar(data[i]) {
					i++
				}
				return i
			}
			i++
		}
		if depth <= 0 {
			return i
		}
	}
	return i
}

// endsScalar reports whether c follows a number, true, false or null.
func endsScalar(c byte) bool {
	switch c {
	case ',', ']', '}', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

// skipString returns the index after the string at i.
func skipString(data []byte, i int) int {
	for i++; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

// text returns the text of a JSON string. What is no string has none.
func text(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return nil
	}
	plain := value[1 : len(value)-1]
	for _, c := range plain {
		if c == '\\' || c >= 0x80 { // an escape, or maybe bad UTF-8
			var s string
			if json.Unmarshal(value, &s) != nil {
				return nil
			}
			return []byte(s)
		}
	}
	return plain
}
