package codec

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// A JSONWriter writes one JSON object as a stream: only one member, or one
// element of a list, is in memory at a time. Errors of the writer below come
// out of Close.
type JSONWriter struct {
	w       *bufio.Writer
	compact bool
	buf     bytes.Buffer
	enc     *json.Encoder
	depth   int
	some    bool // the object or list has a member
	err     error
}

// NewJSONWriter begins an object.
func NewJSONWriter(w io.Writer, compact bool) *JSONWriter {
	j := &JSONWriter{w: bufio.NewWriterSize(w, 64<<10), compact: compact}
	j.enc = json.NewEncoder(&j.buf)
	j.enc.SetEscapeHTML(false)
	j.open('{')
	return j
}

func (j *JSONWriter) open(bracket byte) {
	j.w.WriteByte(bracket)
	j.depth++
	j.some = false
	j.indent()
}

func (j *JSONWriter) indent() {
	if !j.compact {
		j.enc.SetIndent(strings.Repeat("  ", j.depth), "  ")
	}
}

func (j *JSONWriter) close(bracket byte) {
	j.depth--
	if j.some {
		j.newline()
	}
	j.w.WriteByte(bracket)
	j.some = true
	j.indent()
}

func (j *JSONWriter) newline() {
	if j.compact {
		return
	}
	j.w.WriteByte('\n')
	for range j.depth {
		j.w.WriteString("  ")
	}
}

// next begins a member or element.
func (j *JSONWriter) next() {
	if j.some {
		j.w.WriteByte(',')
	}
	j.some = true
	j.newline()
}

func (j *JSONWriter) value(v any) {
	j.buf.Reset()
	if err := j.enc.Encode(v); err != nil && j.err == nil {
		j.err = err
	}
	data := EscapeInvisible(j.buf.Bytes())
	if n := len(data); n > 0 && data[n-1] == '\n' {
		data = data[:n-1]
	}
	j.w.Write(data)
}

func (j *JSONWriter) name(name string) {
	j.next()
	j.value(name)
	j.w.WriteByte(':')
	if !j.compact {
		j.w.WriteByte(' ')
	}
}

// Member writes a member of the object, or of the object that is an element of
// it.
func (j *JSONWriter) Member(name string, v any) {
	j.name(name)
	j.value(v)
}

// Object begins an object, as a member of the object that is open or, without a
// name, as an element of the list. EndObject ends it.
func (j *JSONWriter) Object(name string) {
	if name == "" {
		j.next()
	} else {
		j.name(name)
	}
	j.open('{')
}

// EndObject ends an object that Object began.
func (j *JSONWriter) EndObject() { j.close('}') }

// List begins a list, as a member of the object, whose elements Element
// writes, and which EndList ends.
func (j *JSONWriter) List(name string) {
	j.name(name)
	j.open('[')
}

// Element writes an element of the list.
func (j *JSONWriter) Element(v any) {
	j.next()
	j.value(v)
}

// EndList ends the list.
func (j *JSONWriter) EndList() { j.close(']') }

// Close ends the object and the line, and returns the first error of all.
func (j *JSONWriter) Close() error {
	j.close('}')
	j.w.WriteByte('\n')
	if err := j.w.Flush(); err != nil {
		return err
	}
	return j.err
}
