package gem

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A lexer reads literals of Ruby that are strings or arrays of strings.
type lexer struct {
	text string
	at   int
}

// values reads a string or an array of strings, in the forms that are found in
// specifications. It is false if there is something else. Of an array, no more
// strings are kept than are of use.
func (l *lexer) values() ([]string, bool) {
	// Versions and platforms are in such a call in old specifications.
	for _, call := range []string{"Gem::Version.new", "Gem::Platform.new"} {
		if strings.HasPrefix(l.text[l.at:], call) {
			l.at += len(call)
			l.skip(" (")
			break
		}
	}
	switch rest := l.text[l.at:]; {
	case strings.HasPrefix(rest, "["):
		return l.array()
	case strings.HasPrefix(rest, "%w"), strings.HasPrefix(rest, "%W"):
		words, ok := l.percent()
		if !ok {
			return nil, false
		}
		return trim(strings.Fields(words)), true
	}
	s, ok := l.str()
	if !ok {
		return nil, false
	}
	return []string{s}, true
}

func trim(list []string) []string { return list[:min(len(list), maxStrings+1)] }

// array reads "[", strings with commas between them, and "]".
func (l *lexer) array() ([]string, bool) {
	l.at++
	var list []string
	for {
		l.skip(" \t\r\n,")
		if l.at < len(l.text) && l.text[l.at] == ']' {
			l.at++
			return list, true
		}
		s, ok := l.str()
		if !ok {
			return nil, false
		}
		if len(list) <= maxStrings {
			list = append(list, s)
		}
	}
}

// skip passes over bytes that are in set.
func (l *lexer) skip(set string) {
	for l.at < len(l.text) && strings.IndexByte(set, l.text[l.at]) >= 0 {
		l.at++
	}
}

// str reads a string, and ".freeze" after it.
func (l *lexer) str() (string, bool) {
	if l.at >= len(l.text) {
		return "", false
	}
	var s string
	var ok bool
	switch l.text[l.at] {
	case '"':
		l.at++
		s, ok = l.until('"', '"', true)
	case '\'':
		l.at++
		s, ok = l.until('\'', '\'', false)
	case '%':
		s, ok = l.percent()
	}
	if ok && strings.HasPrefix(l.text[l.at:], ".freeze") {
		l.at += len(".freeze")
	}
	return s, ok
}

// percent reads a literal "%q<…>", or one with another letter or delimiter.
func (l *lexer) percent() (string, bool) {
	rest := l.text[l.at:]
	if len(rest) < 3 || strings.IndexByte("qQwW", rest[1]) < 0 {
		return "", false
	}
	open := rest[2]
	closing := open
	if i := strings.IndexByte("<{([", open); i >= 0 {
		closing = ">})]"[i]
	} else if open == '\\' || open >= utf8.RuneSelf || isWord(open) || strings.IndexByte(" \t\r\n", open) >= 0 {
		return "", false
	}
	l.at += 3
	return l.until(open, closing, rest[1] == 'Q' || rest[1] == 'W')
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// until reads up to the closing delimiter. Delimiters that are a pair nest.
// In a text that is interpreted there are escapes, and no code is known.
func (l *lexer) until(open, closing byte, interpreted bool) (string, bool) {
	var b strings.Builder
	depth := 0
	for l.at < len(l.text) {
		c := l.text[l.at]
		l.at++
		switch {
		case c == '\\':
			if l.at >= len(l.text) {
				return "", false
			}
			if interpreted {
				if !l.escape(&b) {
					return "", false
				}
				continue
			}
			if next := l.text[l.at]; next == closing || next == open || next == '\\' {
				c = next
				l.at++
			}
		case c == closing && depth == 0:
			return b.String(), true
		case c == closing:
			depth--
		case c == open:
			depth++
		case c == '#' && interpreted && l.at < len(l.text) && strings.IndexByte("{@$", l.text[l.at]) >= 0:
			return "", false
		}
		b.WriteByte(c)
	}
	return "", false
}

// escape reads what is behind a backslash, as String#dump of Ruby writes it.
func (l *lexer) escape(b *strings.Builder) bool {
	c := l.text[l.at]
	l.at++
	if i := strings.IndexByte("abefnrstv", c); i >= 0 {
		b.WriteByte("\a\b\x1b\f\n\r \t\v"[i])
		return true
	}
	switch c {
	case 'x':
		return l.number(b, 2, false)
	case 'u':
		rest := l.text[l.at:]
		if !strings.HasPrefix(rest, "{") {
			return l.number(b, 4, true)
		}
		hex, _, ok := strings.Cut(rest[1:min(len(rest), 9)], "}")
		n, err := strconv.ParseUint(hex, 16, 32)
		if !ok || err != nil || n > utf8.MaxRune {
			return false
		}
		l.at += len("{}") + len(hex)
		b.WriteRune(rune(n))
		return true
	case '\n':
		return true // the line goes on
	}
	if '0' <= c && c <= '7' {
		return false // an octal number, which nothing writes
	}
	b.WriteByte(c)
	return true
}

// number reads a hexadecimal number of digits, of a byte or of a rune.
func (l *lexer) number(b *strings.Builder, digits int, isRune bool) bool {
	if len(l.text)-l.at < digits {
		return false
	}
	n, err := strconv.ParseUint(l.text[l.at:l.at+digits], 16, 32)
	if err != nil {
		return false
	}
	l.at += digits
	if isRune {
		b.WriteRune(rune(n))
	} else {
		b.WriteByte(byte(n))
	}
	return true
}
