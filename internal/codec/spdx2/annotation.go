package spdx2

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
)

// maxLine is the length in bytes from which on a comment is broken into lines:
// some readers of tag-value take no more than 64 KiB per line.
const maxLine = 16 << 10

// comment writes properties as the text of an annotation: a JSON array of pairs
// of a name, without codec.Prefix, and a value. Lists of package codec, which
// are JSON themselves, become lists. The characters "<" and ">" are escaped, so
// that "</text>" is not in it.
func comment(l codec.Properties) string {
	w := commentWriter{}
	w.WriteString(codec.Prefix + "[")
	for i, p := range l {
		if i > 0 {
			w.comma()
		}
		w.WriteByte('[')
		name := strings.TrimPrefix(p.Name, codec.Prefix)
		w.quote(name)
		w.WriteByte(',')
		var list []string
		if isList(name) && json.Unmarshal([]byte(p.Value), &list) == nil {
			w.WriteByte('[')
			for i, s := range list {
				if i > 0 {
					w.comma()
				}
				w.quote(s)
			}
			w.WriteByte(']')
		} else {
			w.quote(p.Value)
		}
		w.WriteByte(']')
	}
	w.WriteByte(']')
	return w.String()
}

// isList reports whether the value of a property is a JSON array.
func isList(name string) bool { return name == "provides" || name == "requires" }

type commentWriter struct {
	strings.Builder
	start int // of the line
}

func (w *commentWriter) comma() {
	w.WriteByte(',')
	if w.Len()-w.start > maxLine {
		w.WriteByte('\n')
		w.start = w.Len()
	}
}

func (w *commentWriter) quote(s string) {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings can be marshalled
	}
	w.Write(data)
}

// isComment reports whether the text of an annotation is one that comment made.
func isComment(s string) bool { return strings.HasPrefix(s, codec.Prefix+"[") }

// properties reads what comment wrote. Values that cannot be understood are left
// out, and the error tells of the first one.
func properties(s string) (codec.Properties, error) {
	var pairs [][]any
	if err := json.Unmarshal([]byte(strings.TrimPrefix(s, codec.Prefix)), &pairs); err != nil {
		return nil, fmt.Errorf("an annotation of %s is broken: %w", codec.Name, err)
	}
	var l codec.Properties
	var err error
	for _, pair := range pairs {
		name, value, ok := property(pair)
		if !ok {
			if err == nil {
				err = fmt.Errorf("an annotation of %s has something else than names and values: %s", codec.Name, codec.Quote(fmt.Sprint(pair)))
			}
			continue
		}
		l = append(l, codec.Property{Name: codec.Prefix + name, Value: value})
	}
	return l, err
}

func property(pair []any) (name, value string, ok bool) {
	if len(pair) != 2 {
		return "", "", false
	}
	if name, ok = pair[0].(string); !ok {
		return "", "", false
	}
	if !isList(name) {
		value, ok = pair[1].(string)
		return name, value, ok
	}
	list, ok := pair[1].([]any)
	if !ok || len(list) == 0 {
		return "", "", false
	}
	for _, v := range list {
		if _, ok := v.(string); !ok {
			return "", "", false
		}
	}
	data, err := json.Marshal(list)
	return name, string(data), err == nil
}
