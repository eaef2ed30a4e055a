package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestClean(t *testing.T) {
	tests := []struct{ in, want string }{
		{"libssl1.1", "libssl1.1"},
		{"", ""},
		{"a\tb\nc\rd\u00a0e\u2028f", "a b c d e f"},
		{"\x1b[2J\x07\x00\x7f", `\x1b[2J\x07\x00\x7f`},
		{"\u009b31m\u202egnp\u200b\ufeff", `\u009b31m\u202egnp\u200b\ufeff`},
		{"\U000e0041", `\U000e0041`}, // a tag character, invisible
		{"\xff\xc2", `\xff\xc2`},
		{"é 漢 😀", "é 漢 😀"},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, clean(tt.in), "clean(%q)", tt.in)
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		in      string
		columns int
		want    []string
	}{
		{"", 8, []string{""}},
		{"12345678", 8, []string{"12345678"}},
		{"123456789", 8, []string{"12345678", "9"}},                     // nowhere to break
		{"1.1.1d-0+deb10u3", 8, []string{"1.1.1d-", "0+deb10u", "3"}},   // after a mark, if it is far enough to the right
		{"one two three four", 10, []string{"one two", "three four"}},   // at spaces
		{"one two three four", 8, []string{"one two", "three", "four"}}, // the space is where the line ends
		{"a b-c-d-e-f", 8, []string{"a b-c-d-", "e-f"}},                 // a space too far to the left
		{"漢字漢字", 5, []string{"漢字", "漢字"}},                               // two columns each
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, wrap(tt.in, tt.columns), "wrap(%q, %d)", tt.in, tt.columns)
	}
}

func TestCut(t *testing.T) {
	tests := []struct {
		in      string
		columns int
		want    string
	}{
		{"12345678", 8, "12345678"},
		{"123456789", 8, "1234567…"},
		{"123456 89", 8, "123456…"},
		{"漢字漢字", 6, "漢字…"},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, cut(tt.in, tt.columns), "cut(%q, %d)", tt.in, tt.columns)
	}
}

func FuzzWrap(f *testing.F) {
	for _, s := range []string{"", "one two three", "1.1.1d-0+deb10u3", "漢字漢字漢字", "\x1b[31m\u202e", strings.Repeat(" ", 50)} {
		f.Add(s, uint8(10))
	}
	f.Fuzz(func(t *testing.T, s string, columns uint8) {
		width := 8 + int(columns)
		line := clean(s)
		lines := wrap(line, width)
		for _, l := range lines {
			assert.LessOrEqualf(t, textWidth(l), width, "a line of wrap(%q, %d)", line, width)
		}
		// Nothing is lost but spaces.
		noSpace := strings.NewReplacer(" ", "")
		assert.Equal(t, noSpace.Replace(line), noSpace.Replace(strings.Join(lines, "")))
		assert.LessOrEqual(t, textWidth(cut(line, width)), width)
	})
}
