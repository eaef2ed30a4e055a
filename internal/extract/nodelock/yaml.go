package nodelock

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
)

// A Line is a line of a file as yarn and pnpm write them: YAML in block style
// with one key a line, or the older format of yarn 1, which has a space in
// place of the colon.
type Line struct {
	Number, Indent int
	// Text is the line without the space around it.
	Text string
	// Key and Value are without quotes. Key is empty if there is none.
	Key, Value string
}

// EachLine calls visit for the lines of a file that are neither empty nor
// comments. The text of a long value that goes on in further lines has lines
// of its own, which are indented more than their key. The error wraps
// [inventory.ErrTooLarge] if the file has more than maxFile bytes.
func EachLine(ctx context.Context, r io.Reader, maxFile int64, visit func(Line) error) error {
	number := 0
	return lines.Each(ctx, r, maxFile, func(raw []byte) error {
		number++
		text := string(raw)
		if number == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		text = strings.TrimRight(text, " \t\r")
		indent := len(text) - len(strings.TrimLeft(text, " "))
		text = text[indent:]
		if text == "" || text[0] == '#' {
			return nil
		}
		// A long key is written as "? key", and what belongs to it as ": value".
		if key, ok := strings.CutPrefix(text, "? "); ok {
			return visit(Line{Number: number, Indent: indent, Text: key + ":", Key: Unquote(key)})
		}
		if text == ":" {
			return nil
		}
		if value, ok := strings.CutPrefix(text, ": "); ok {
			text = strings.TrimLeft(value, " ")
			indent += 2
		}
		l := Line{Number: number, Indent: indent, Text: text}
		l.Key, l.Value = cutKey(text)
		return visit(l)
	})
}

// cutKey parts "key: value" and "key value".
func cutKey(text string) (key, value string) {
	end := 0
	switch text[0] {
	case '-', '{', '[', '<', '=', '>', '|', '&', '*', '!', '%':
		return "", text
	case '"', '\'':
		if end = quoted(text); end < 0 {
			return "", text
		}
	default:
		for end < len(text) && text[end] != ' ' && (text[end] != ':' || end+1 < len(text) && text[end+1] != ' ') {
			end++
		}
	}
	value = strings.TrimLeft(text[end:], " ")
	if value == "" {
		return "", text
	}
	if value[0] == ':' {
		value = value[1:]
	} else if text[end] != ' ' {
		return "", text
	}
	return Unquote(text[:end]), Unquote(strings.TrimSpace(value))
}

// quoted returns the index after the quoted text that s begins with, or -1.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] == '"':
			i++
		case s[i] != s[0]:
		case s[0] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		default:
			return i + 1
		}
	}
	return -1
}

// Unquote returns the text of a scalar, which may be quoted.
func Unquote(s string) string {
	if len(s) < 2 || s[0] != '"' && s[0] != '\'' || quoted(s) != len(s) {
		return s
	}
	plain := s[1 : len(s)-1]
	if s[0] == '\'' {
		return strings.ReplaceAll(plain, "''", "'")
	}
	if strings.Contains(plain, `\`) {
		var text string
		if json.Unmarshal([]byte(s), &text) == nil {
			return text
		}
	}
	return plain
}

// FlowValue returns the value of a key in a mapping in one line, such as
// "{integrity: sha512-…, tarball: https://…}".
func FlowValue(flow, key string) string {
	flow = strings.TrimSuffix(strings.TrimPrefix(flow, "{"), "}")
	for pair := range strings.SplitSeq(flow, ", ") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(pair), key+": "); ok {
			return Unquote(value)
		}
	}
	return ""
}
