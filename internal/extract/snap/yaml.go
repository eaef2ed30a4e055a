package snap

import (
	"slices"
	"strconv"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
)

// A value is what follows a key: on its line, and on those below.
type value struct {
	inline string
	body   []string // without line ends, with indentation
}

// parseMapping reads the outermost mapping of a YAML document, as far as its
// keys begin a line, and returns the values of the given keys. What is deeper
// has an indentation, or is an entry or the end of a list.
func parseMapping(text string, problems *lines.Problems, keys ...string) map[string]value {
	const byteOrderMark = "\ufeff"
	found := map[string]value{}
	key := "" // the last one of interest
	for line := range strings.Lines(strings.TrimPrefix(text, byteOrderMark)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "---" || line == "..." || strings.HasPrefix(line, "%") || strings.HasPrefix(line, "#") {
			continue
		}
		if line == "" || line == "-" || strings.HasPrefix(line, "- ") || strings.IndexByte(" \t]", line[0]) >= 0 {
			if key != "" {
				v := found[key]
				v.body = append(v.body, line)
				found[key] = v
			}
			continue
		}
		key = ""
		name, rest, ok := cutKey(strings.TrimPrefix(line, "--- "))
		if !ok {
			problems.Add("a line is not understood: %q", lines.Clip(line))
			continue
		}
		if !slices.Contains(keys, name) {
			continue
		}
		// YAML forbids a second value. Were it to replace the first, a stray
		// line could hide a package.
		if _, again := found[name]; again {
			problems.Add("a second value of %s: %q", name, lines.Clip(line))
			continue
		}
		key = name
		found[key] = value{inline: rest}
	}
	return found
}

// cutKey cuts a line after a colon that is at its end or that a blank follows.
func cutKey(line string) (key, rest string, ok bool) {
	for i := range len(line) {
		if line[i] != ':' || i+1 < len(line) && line[i+1] != ' ' && line[i+1] != '\t' {
			continue
		}
		key = strings.TrimSpace(line[:i])
		if n := len(key); n > 2 && (key[0] == '"' || key[0] == '\'') && key[n-1] == key[0] {
			key = key[1 : n-1]
		}
		return key, strings.TrimSpace(line[i+1:]), key != ""
	}
	return "", "", false
}

// scalar returns a value that is text, empty where there is none. It reports
// false if the value is of another form.
func (v value) scalar() (string, bool) {
	if isComment(v.inline) {
		v.inline = ""
	}
	if v.inline != "" && (v.inline[0] == '|' || v.inline[0] == '>') {
		// A block, whose text begins below. Names and versions have one line.
		text := ""
		for _, line := range v.body {
			if line = strings.TrimSpace(line); line != "" && text != "" {
				return "", false
			} else if line != "" {
				text = line
			}
		}
		return text, true
	}
	// Text can go on below; the line end is a blank then.
	text := v.inline
	quoted := text != "" && (text[0] == '"' || text[0] == '\'')
	for _, line := range v.body {
		line = strings.TrimSpace(line)
		if line == "" || !quoted && isComment(line) {
			continue
		}
		if text == "" {
			quoted = line[0] == '"' || line[0] == '\''
			text = line
		} else {
			text += " " + line
		}
		if len(text) > maxScalar {
			return "", false
		}
	}
	return parseScalar(text)
}

// maxScalar is how long a value of several lines may become.
const maxScalar = 4 << 10

// list returns the entries of a list: "[a, b]", lines of "- a", or one entry
// without anything around.
func (v value) list() ([]string, bool) {
	if isComment(v.inline) {
		v.inline = ""
	}
	text := v.inline
	if strings.HasPrefix(text, "[") {
		for _, line := range v.body {
			text += " " + strings.TrimSpace(line)
			if len(text) > maxScalar {
				return nil, false
			}
		}
		return parseFlow(text)
	}
	var entries []string
	for _, line := range v.body {
		line = strings.TrimSpace(line)
		entry, ok := strings.CutPrefix(line, "-")
		switch {
		case line == "" || isComment(line):
		case text == "" && ok && (entry == "" || entry[0] == ' ' || entry[0] == '\t'):
			entry, ok := parseScalar(strings.TrimSpace(entry))
			if _, _, pair := cutKey(entry); !ok || entry == "" || pair {
				return nil, false
			}
			entries = append(entries, entry)
		default:
			if len(entries) > 0 {
				return nil, false
			}
			entry, ok := v.scalar()
			return []string{entry}, ok && entry != ""
		}
	}
	if text != "" {
		entry, ok := parseScalar(text)
		if !ok || entry == "" {
			return nil, ok
		}
		return []string{entry}, true
	}
	return entries, true
}

// parseFlow reads a list between brackets, whose entries have no comma.
func parseFlow(text string) ([]string, bool) {
	end := strings.IndexByte(text, ']')
	if end < 0 || strings.TrimSpace(text[end+1:]) != "" && !isComment(strings.TrimSpace(text[end+1:])) {
		return nil, false
	}
	var entries []string
	for part := range strings.SplitSeq(text[1:end], ",") {
		entry, ok := parseScalar(strings.TrimSpace(part))
		if !ok {
			return nil, false
		}
		if entry != "" {
			entries = append(entries, entry)
		}
	}
	return entries, true
}

// parseScalar reads text in quotes or without, and a comment after it.
func parseScalar(s string) (string, bool) {
	if s == "" || isComment(s) {
		return "", true
	}
	switch s[0] {
	case '\'':
		text, rest, ok := cutSingle(s[1:])
		return text, ok && isEnd(rest)
	case '"':
		text, rest, ok := cutDouble(s[1:])
		return text, ok && isEnd(rest)
	case '&', '*', '!', '{', '}', '[', ']', '@', '`', '%', '|', '>', ',', '?':
		return "", false
	}
	for i := range len(s) {
		if s[i] == '#' && i > 0 && (s[i-1] == ' ' || s[i-1] == '\t') {
			s = s[:i]
			break
		}
	}
	s = strings.TrimSpace(s)
	if s == "~" || s == "null" || s == "Null" || s == "NULL" {
		return "", true
	}
	// "a: b" would be a mapping.
	if strings.Contains(s, ": ") || strings.HasSuffix(s, ":") {
		return "", false
	}
	return s, true
}

// isComment reports whether a line, without indentation, is a comment.
func isComment(s string) bool { return strings.HasPrefix(s, "#") }

// isEnd reports whether nothing but a comment follows after a quote.
func isEnd(rest string) bool {
	trimmed := strings.TrimSpace(rest)
	return trimmed == "" || trimmed != rest && isComment(trimmed)
}

// cutSingle returns the text up to the closing quote. Two quotes are one.
func cutSingle(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\'' {
			if i+1 == len(s) || s[i+1] != '\'' {
				return b.String(), s[i+1:], true
			}
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// cutDouble returns the text up to the closing quote. Of the escapes, those
// that text of a name could have are known. (YAML 1.2.2, section 5.7.)
func cutDouble(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			i++
			if i == len(s) {
				return "", "", false
			}
			digits := 0
			switch s[i] {
			case '"', '\\', '/', ' ':
				b.WriteByte(s[i])
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case 'x':
				digits = 2
			case 'u':
				digits = 4
			default:
				return "", "", false
			}
			if digits > 0 {
				if len(s)-i-1 < digits {
					return "", "", false
				}
				n, err := strconv.ParseUint(s[i+1:i+1+digits], 16, 32)
				if err != nil {
					return "", "", false
				}
				b.WriteRune(rune(n))
				i += digits
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}
