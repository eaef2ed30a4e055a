package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes a text from an image or an advisory fit for one line of a
// terminal. White space becomes a space; whatever else has no shape of its
// own, and bytes that are not UTF-8, become an escape such as \x1b or \u202e,
// so that it can be seen and cannot be obeyed.
func clean(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] >= ' ' && s[i] < 0x7f
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += n
	}
	return b.String()
}

// runeWidth returns how many columns a rune takes. Combining marks count as
// one, although they take none, so that no heap of them fits into a cell.
//
// Which characters are wide is UAX #11, https://www.unicode.org/reports/tr11/;
// the blocks here hold nearly all of them.
func runeWidth(r rune) int {
	switch {
	case r < 0x1100:
		return 1
	case r <= 0x115f, // Hangul Jamo
		r >= 0x2e80 && r <= 0xa4cf,   // CJK, Kana, Yi
		r >= 0xac00 && r <= 0xd7a3,   // Hangul
		r >= 0xf900 && r <= 0xfaff,   // CJK compatibility
		r >= 0xfe30 && r <= 0xfe6f,   // CJK compatibility forms
		r >= 0xff00 && r <= 0xff60,   // full-width forms
		r >= 0xffe0 && r <= 0xffe6,   // full-width signs
		r >= 0x1f300 && r <= 0x1faff, // pictographs
		r >= 0x20000 && r <= 0x3fffd: // CJK extensions
		return 2
	}
	return 1
}

func textWidth(s string) int {
	w := 0
	for _, r := range s {
		w += runeWidth(r)
	}
	return w
}

// head returns the longest beginning of s that fits into so many columns, and
// the rest. It takes one rune at least.
func head(s string, columns int) (string, string) {
	w := 0
	for i, r := range s {
		if w += runeWidth(r); w > columns && i > 0 {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// cut shortens s to so many columns, with "…" in place of what is missing.
func cut(s string, columns int) string {
	if textWidth(s) <= columns {
		return s
	}
	first, _ := head(s, columns-1)
	return strings.TrimRight(first, " ") + "…"
}

// wrap breaks s into lines of so many columns: at a space if there is one in
// the second half of the line, else after a mark that separates the parts of
// names and versions, else anywhere.
func wrap(s string, columns int) []string {
	var lines []string
	for textWidth(s) > columns {
		first, rest := head(s, columns)
		if i := strings.LastIndexByte(first, ' '); strings.HasPrefix(rest, " ") {
			rest = rest[1:]
		} else if i > len(first)/2 {
			first, rest = first[:i], first[i+1:]+rest
		} else if i := strings.LastIndexAny(first, "-+.~:_/,@="); i >= len(first)/2 {
			first, rest = first[:i+1], first[i+1:]+rest
		}
		lines = append(lines, strings.TrimRight(first, " "))
		s = rest
	}
	return append(lines, s)
}

// plural returns the number with the word, in the plural if need be.
func plural(n int, word string) string {
	switch {
	case n == 1:
		return "1 " + word
	case strings.HasSuffix(word, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(word, "y"))
	}
	return fmt.Sprintf("%d %ss", n, word)
}
