package pydep

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var documents = []struct {
	text string
	want []string // line, name and number of lines
}{
	{"", nil},
	{"\xef\xbb\xbf# only\n", []string{"1  1"}},
	{"a = 1\n[[p]]\nx = 1\n[p.y]\nz = 1\n\n[[p]]\n[m]\n[m.n]\n[[o.p]]\n[[o.p]]\n", []string{"1  1", "2 p 5", "7 p 1", "8 m 2", "10 o 2"}},
	{"[[ \"p\" ]] # c\n[ 'p' . x ]\n[[p]]", []string{"1 p 2", "3 p 1"}},
	// Brackets that are no headers.
	{"[[p]]\nx = [\n[1],\n[[2]],\n[[\"a\"]],\n[[true]],\n]\n[[p]]\n", []string{"1 p 7", "8 p 1"}},
	{"[[p]]\nx = \"\"\"\n[[p]]\n\\\"\"\"\n[[p]]\"\"\"\"\"\n[[p]]\n", []string{"1 p 5", "6 p 1"}},
	{"[[p]]\nx = '''\n[[p]]\n\\'''\n[[p]]\n", []string{"1 p 4", "5 p 1"}},
	{"[[p]]\nx = \"[\\\"[\" # [\ny = '\\'\n[[p]]\n", []string{"1 p 3", "4 p 1"}},
	{"[[p]]\nx = \"\"\ny = ''\n[[p]]\n", []string{"1 p 3", "4 p 1"}},
	// Damage ends where the next element begins.
	{"[[p]]\nx = [\n[[p]]\nx = \"\n[[p]]\n", []string{"1 p 2", "3 p 2", "5 p 1"}},
	{"]]\n[\n[[\n[[]]\n[[p]]\n", []string{"1  4", "5 p 1"}},
}

func TestSections(t *testing.T) {
	for _, tt := range documents {
		var got []string
		var whole strings.Builder
		err := Sections(t.Context(), []byte(tt.text), func(s *Section) error {
			got = append(got, fmt.Sprint(s.Line, " ", s.Name, " ", strings.Count(strings.TrimSuffix(string(s.Text), "\n"), "\n")+1))
			whole.Write(s.Text)
			return nil
		})
		require.NoErrorf(t, err, "Sections(%q)", tt.text)
		assert.Equalf(t, tt.want, got, "Sections(%q)", tt.text)
	}
}

func TestSectionsErrors(t *testing.T) {
	stop := errors.New("stop")
	assert.ErrorIs(t, Sections(t.Context(), []byte("a = 1\n[b]\n"), func(*Section) error { return stop }), stop)
	assert.ErrorIs(t, Sections(t.Context(), []byte("[b]\n"), func(*Section) error { return stop }), stop)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, Sections(ctx, []byte("a = 1\n"), func(*Section) error { return nil }), context.Canceled)
}

func TestDecode(t *testing.T) {
	tests := []struct{ text, want string }{
		{"\n\n[[p]]\nname = 1", `line 3: "toml: line 2 (last key \"p.name\"): incompatible types: TOML value has type int64; destination has type string"`},
		{"\n[[p]]\n\nname = x", `line 4: "expected value but found \"x\" instead"`},
		{"[[p]]\nname = " + strings.Repeat("[", 33) + strings.Repeat("]", 33), `line 1: "too many levels"`},
		{"[[p]]\n" + strings.Repeat("a.", 11) + "a = 1", `line 1: "too many levels"`},
		{"[[p]]\n[p." + strings.Repeat("a.", 11) + "a]\n", `line 1: "too many levels"`},
		{"[[p]]\n" + strings.Repeat("a = [[[[[]]]]]\n", maxDeep+1), `line 1: "too many levels"`},
		{"[[p]]\nname = '" + strings.Repeat("a", maxSection) + "'", `line 1: "more than 524288 bytes"`},
	}
	for _, tt := range tests {
		var got []string
		err := Sections(t.Context(), []byte(tt.text), func(s *Section) error {
			var v struct {
				P []struct{ Name string }
			}
			if _, err := s.Decode(&v); err != nil {
				got = append(got, s.Message(err))
			}
			return nil
		})
		require.NoError(t, err)
		assert.Equalf(t, []string{tt.want}, got, "%.100q", tt.text)
	}
}

// Documents that would take the decoder long, or much memory, do not.
func TestDecodeBounded(t *testing.T) {
	fill := func(format string) string {
		var b strings.Builder
		b.WriteString("[[p]]\n")
		for i := 0; b.Len() < maxSection-1000; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for _, format := range []string{
		"a%d = 1\n",
		"a%d." + strings.Repeat("b.", 2) + "c = 1\n",
		"[p.a%d." + strings.Repeat("b.", 1) + "c]\n",
		"[[p.a.a.a]] # %d\n",
		"a%d = " + strings.Repeat("{a=", 4) + "1" + strings.Repeat("}", 4) + "\n",
		"a%d = [" + strings.Repeat("[[],[]],", 20) + "]\n",
		"a%d = \"\\u0041\"\n",
		"a%d = 1979-05-27T07:32:00Z\n",
	} {
		start := time.Now()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.NoError(t, Sections(t.Context(), []byte(fill(format)), func(s *Section) error {
			var v struct {
				P []struct{ Name string }
			}
			_, err := s.Decode(&v)
			require.NoErrorf(t, err, "%q", format)
			return nil
		}))
		runtime.ReadMemStats(&after)
		assert.Lessf(t, time.Since(start), 30*time.Second, "%q", format)
		t.Logf("%q: %v, %d MiB allocated", format, time.Since(start), (after.TotalAlloc-before.TotalAlloc)>>20)
	}
}

func FuzzSections(f *testing.F) {
	for _, d := range documents {
		f.Add(d.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var whole strings.Builder
		elements, line := 0, 0
		decoded := true
		err := Sections(t.Context(), []byte(text), func(s *Section) error {
			require.Greater(t, s.Line, line-1)
			line = s.Line
			whole.Write(s.Text)
			if s.Name == "p" {
				var v struct{ P []map[string]any }
				_, err := s.Decode(&v)
				decoded = decoded && err == nil
				elements += len(v.P)
			}
			return nil
		})
		require.NoError(t, err)
		require.LessOrEqual(t, whole.Len(), len(text))
		// The parts of a good document hold what the whole does.
		var v struct{ P []map[string]any }
		if _, err := toml.Decode(text, &v); err == nil && decoded {
			require.Equal(t, len(v.P), elements, "%q", text)
		}
	})
}
