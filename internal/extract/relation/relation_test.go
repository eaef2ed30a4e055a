package relation

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestField(t *testing.T) {
	tests := []struct {
		field     string
		want      []string
		malformed string
	}{
		{"", nil, ""},
		{"libc6", []string{"libc6"}, ""},
		{"libc6 (>= 2.36), zlib1g(>=1:1.2)", []string{"libc6", "zlib1g"}, ""},
		{"python3:any (>= 3.11), gcc:amd64", []string{"python3", "gcc"}, ""},
		{"debconf (>= 0.5) | debconf-2.0, b", []string{"debconf|debconf-2.0", "b"}, ""},
		{"a|b:any|c (= 1)", []string{"a|b|c"}, ""},
		{"a, b, a (>= 2), a|b, b|a, a|b", []string{"a", "b", "a|b", "b|a"}, ""}, // each once
		{"a,\n b,\tc ,\r\n d", []string{"a", "b", "c", "d"}, ""},                // over several lines
		{"a [amd64] <!nocheck>, b", []string{"a", "b"}, ""},
		{"libstdc++6, g++-12, lib64z1.2-x", []string{"libstdc++6", "g++-12", "lib64z1.2-x"}, ""},
		{",a,,b, ,", []string{"a", "b"}, ""},
		{"a | | b |", []string{"a|b"}, ""},
		{"(>= 1), a, :any", []string{"a"}, "(>= 1)"},
		{"a | (= 1) | b", []string{"a|b"}, "(= 1) | b"},
	}
	var c Collector
	for _, tt := range tests {
		require.NoErrorf(t, c.Field(Requires, []byte(tt.field)), "Field(%q)", tt.field)
		require.NoErrorf(t, c.Field(Provides, []byte(tt.field)), "Field(%q)", tt.field)
		assert.Equalf(t, Names{tt.want, tt.want, tt.malformed}, c.Take(), "Field(%q)", tt.field)
	}
}

func TestConstrained(t *testing.T) {
	tests := []struct {
		text, want, malformed string
	}{
		{"musl", "musl", ""},
		{"musl>=1.2", "musl", ""},
		{"so:libc.musl-x86_64.so.1", "so:libc.musl-x86_64.so.1", ""},
		{"so:libz.so.1=1.3.1", "so:libz.so.1", ""},
		{"cmd:sh~1", "cmd:sh", ""},
		{"/bin/sh", "/bin/sh", ""},
		{"libc++><Q1abc", "libc++", ""},
		{"a<2", "a", ""},
		{"!conflict", "", ""},
		{"!conflict<2", "", ""},
		{"", "", ""},
		{">=1", "", ">=1"},
	}
	for _, tt := range tests {
		var c Collector
		require.NoErrorf(t, c.Constrained(Requires, []byte(tt.text)), "Constrained(%q)", tt.text)
		want := Names{Malformed: tt.malformed}
		if tt.want != "" {
			want.Requires = []string{tt.want}
		}
		assert.Equalf(t, want, c.Take(), "Constrained(%q)", tt.text)
	}
}

// What is returned for one package is not changed by the next one, although
// both share memory.
func TestTake(t *testing.T) {
	var c Collector
	var got []Names
	for i := range 100 {
		for j := range i % 50 {
			require.NoError(t, c.Add(Requires, fmt.Appendf(nil, "%d-%d", i, j)))
			require.NoError(t, c.Add(Requires, fmt.Appendf(nil, "%d-%d", i, j)))
		}
		got = append(got, c.Take())
		got[i].Requires = append(got[i].Requires, "end")
		require.NoError(t, c.Add(Provides, []byte("dropped")))
		c.Take()
	}
	for i, n := range got {
		require.Len(t, n.Requires, i%50+1)
		require.Equal(t, "end", n.Requires[i%50])
		require.Empty(t, n.Provides)
		for j := range i % 50 {
			require.Equal(t, fmt.Sprintf("%d-%d", i, j), n.Requires[j])
		}
	}
}

// Many names, more than are compared one by one, and the next package's are
// not taken for them.
func TestMany(t *testing.T) {
	var c Collector
	for _, n := range []int{few - 1, few, few + 1, 1000, 5000, 40} {
		var want []string
		for range 2 {
			for i := range n {
				require.NoError(t, c.Add(Provides, fmt.Appendf(nil, "n%d", i)))
			}
		}
		for i := range n {
			want = append(want, fmt.Sprintf("n%d", i))
		}
		require.Equal(t, Names{Provides: want}, c.Take())
	}
}

func TestLimits(t *testing.T) {
	var c Collector
	err := c.Field(Requires, []byte(strings.Repeat("a", MaxField)+",b"))
	require.ErrorIs(t, err, inventory.ErrTooLarge)
	assert.ErrorContains(t, err, "more than 1048576 bytes of dependencies of one package")

	c = Collector{total: MaxNames}
	err = c.Add(Provides, []byte("a"))
	require.ErrorIs(t, err, inventory.ErrTooLarge)
	assert.ErrorContains(t, err, "more than 2000000 dependencies")
}

func FuzzField(f *testing.F) {
	f.Add("a (>= 1), b:any | c, d, a")
	f.Add("|,:(,<[|")
	f.Add(strings.Repeat("a,b,c|", 100))
	f.Fuzz(func(t *testing.T, field string) {
		var c Collector
		if c.Field(Requires, []byte(field)) != nil {
			require.Greater(t, len(field), MaxField)
			return
		}
		names := c.Take()
		seen := map[string]bool{}
		bytes := 0
		for _, name := range names.Requires {
			require.NotEmpty(t, name)
			require.Falsef(t, seen[name], "%q twice", name)
			require.NotContains(t, strings.Split(name, "|"), "")
			require.Falsef(t, strings.ContainsAny(name, " \t\n\r,:("), "%q", name)
			seen[name] = true
			bytes += len(name)
		}
		require.LessOrEqual(t, bytes, len(field))

		// The names are those of the result written as a field.
		require.NoError(t, c.Field(Requires, []byte(strings.Join(names.Requires, " (= 1) , "))))
		require.Equal(t, names.Requires, c.Take().Requires)
	})
}
