package report

import (
	"strings"
	"unicode/utf8"
)

// oneLine makes a text fit for one line of bounded length.
func oneLine(s string) string { return cut(clean(s), maxText) }

// lines makes a text of several lines fit to show: each line as [clean] makes
// it, without blank ones at the ends or several in a row, and all together of
// at most so many bytes.
func lines(s string, most int) string {
	var b strings.Builder
	blank := true
	for line := range strings.Lines(s) {
		line = strings.TrimRight(clean(strings.TrimRight(line, "\r\n")), " ")
		if line == "" {
			if blank {
				continue
			}
			blank = true
		} else {
			blank = false
		}
		if b.Len()+len(line) > most {
			b.WriteString(clip(line, most-b.Len()-len("…")))
			break
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return strings.TrimRight(b.String(), "\n")
}

// clip returns the beginning of s, of at most so many bytes and whole runes,
// with "…" if that is not all.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	most = max(most, 0)
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

// clipRunes returns the beginning of s, of at most so many runes, the last of
// which is "…" if that is not all.
func clipRunes(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	n := 0
	for i := range s {
		if n++; n == most {
			return s[:i] + "…"
		}
	}
	return s
}

// mdText makes one line of text, which [clean] has been through, fit for
// GitHub's Markdown: nothing in it is markup, a link, a mention or HTML. It can
// stand anywhere in a line, and in a table
// (https://github.github.com/gfm/#backslash-escapes).
func mdText(s string) string {
	var b strings.Builder
	digits := true // so far, as before "1." or "1)", which begin a list
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '\\', '`', '*', '_', '{', '}', '[', ']', '<', '>', '&', '~', '|', '$', '#', '!', '^':
			b.WriteByte('\\')
		case '@': // of a mention or an address, which an escape does not stop
			b.WriteString("@<!-- -->")
			digits = false
			continue
		case ':': // of an address of the web, or of a table
			if i == 0 || strings.HasPrefix(s[i+1:], "/") {
				b.WriteByte('\\')
			}
		case '.', ')':
			if digits && i > 0 && (i+1 == len(s) || s[i+1] == ' ') || c == '.' && i >= 3 && strings.EqualFold(s[i-3:i], "www") {
				b.WriteByte('\\')
			}
		case '+', '-', '=':
			if i == 0 {
				b.WriteByte('\\')
			}
		}
		digits = digits && c >= '0' && c <= '9'
		b.WriteByte(c)
	}
	return b.String()
}

// mdCode writes one line of text, which [clean] has been through, as code, or
// as [mdText] does where code cannot hold it.
func mdCode(s string) string {
	if s == "" {
		return ""
	}
	if strings.ContainsAny(s, "|\\") { // code in a table has no way to write both
		return mdText(s)
	}
	longest, n := 0, 0
	for i := range len(s) {
		if s[i] == '`' {
			n++
			longest = max(longest, n)
		} else {
			n = 0
		}
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 || strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// mdLines makes a text of several lines fit for Markdown, in which each line
// stays one.
func mdLines(s string, most int) string {
	var b strings.Builder
	for line := range strings.Lines(lines(s, most)) {
		line = strings.TrimSpace(line)
		if line == "" {
			b.WriteString("\n")
			continue
		}
		b.WriteString(mdText(line) + "  \n") // the blanks break the line
	}
	return strings.TrimRight(b.String(), " \n")
}
