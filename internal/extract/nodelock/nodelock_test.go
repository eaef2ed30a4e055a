package nodelock

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestSplit(t *testing.T) {
	tests := []struct {
		full, scope, name string
		ok                bool
	}{
		{"a", "", "a", true},
		{"@s/a", "@s", "a", true},
		{"JSONStream", "", "JSONStream", true}, // old names have upper case
		{"_a", "", "_a", true},
		{"", "", "", false},
		{"@s", "", "", false},
		{"@/a", "", "", false},
		{"@s/", "", "", false},
		{"@s/a/b", "", "", false},
		{"a/b", "", "", false},
		{".bin", "", "", false},
		{"a b", "", "", false},
		{"a\x7f", "", "", false},
		{strings.Repeat("a", MaxName+1), "", "", false},
	}
	for _, tt := range tests {
		scope, name, ok := Split(tt.full)
		require.Equalf(t, tt.ok, ok, "Split(%q)", tt.full)
		if ok {
			assert.Equalf(t, []string{tt.scope, tt.name}, []string{scope, name}, "Split(%q)", tt.full)
		}
	}
}

func TestIsVersion(t *testing.T) {
	for s, want := range map[string]bool{
		"1.0.0": true, "1.0.0-rc.1+build": true, "0": true,
		"": false, "v1": false, "1.0.0 ": false, "1:2": false, "1/2": false, "1@2": false, "1(2)": false, "latest": false,
	} {
		assert.Equalf(t, want, IsVersion(s), "IsVersion(%q)", s)
	}
}

func TestCutName(t *testing.T) {
	for s, want := range map[string][2]string{
		"a@1": {"a", "1"}, "@s/a@^1": {"@s/a", "^1"}, "a": {"a", ""}, "@s/a": {"@s/a", ""}, "": {"", ""}, "@": {"@", ""},
		"a@npm:@s/b@1": {"a", "npm:@s/b@1"},
	} {
		name, rest, _ := CutName(s)
		assert.Equalf(t, want, [2]string{name, rest}, "CutName(%q)", s)
	}
}

func TestAddresses(t *testing.T) {
	tests := []struct{ url, vcs, address string }{
		{"git+ssh://git@h.example/a/b.git#01ab", "git+ssh://git@h.example/a/b.git@01ab", "git+ssh://git@h.example/a/b.git#01ab"},
		{"git+https://u:secret@h.example/a.git", "git+https://h.example/a.git", "git+https://h.example/a.git"},
		{"git://h.example/a.git#01ab", "git://h.example/a.git@01ab", "git://h.example/a.git#01ab"},
		{"https://h.example/a/b.git#commit=01ab&workspace=x", "git+https://h.example/a/b.git@01ab", "https://h.example/a/b.git#commit=01ab&workspace=x"},
		{"git@h.example:a/b.git#01ab", "git+ssh://git@h.example/a/b.git@01ab", "git@h.example:a/b.git#01ab"},
		{"ssh://git@h.example/a/b.git#01ab", "git+ssh://git@h.example/a/b.git@01ab", "ssh://git@h.example/a/b.git#01ab"},
		{"github:a/b#01ab", "git+https://github.com/a/b.git@01ab", "github:a/b#01ab"},
		{"https://u:p@h.example/a.tgz", "", "https://h.example/a.tgz"},
		{"file:a", "", "file:a"},
		{"github:a", "", "github:a"},
		{"", "", ""},
		{"https://h.example/" + strings.Repeat("x", MaxURL), "", "https://h.example/" + strings.Repeat("x", MaxURL-18)},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.vcs, VCS(tt.url), "VCS(%q)", tt.url)
		assert.Equalf(t, tt.address, Address(tt.url), "Address(%q)", tt.url)
	}
}

func TestTarballVersion(t *testing.T) {
	tests := []struct{ name, url, want string }{
		{"a", "https://h/a/-/a-1.2.3.tgz", "1.2.3"},
		{"@s/a", "https://h/@s/a/-/a-1.2.3-rc.1.tgz#0123", "1.2.3-rc.1"},
		{"@s/a", "https://h/npm/@s%2fa/-/a-1.0.0.tgz?x=y", "1.0.0"},
		{"b", "https://h/a/-/a-1.2.3.tgz", ""}, // another package's
		{"a", "https://h/a-1.2.3.tgz", ""},     // anybody may call a file so
		{"a", "https://h/a/-/a-latest.tgz", ""},
		{"a", "file:a/-/a-1.2.3.tgz", ""},
		{"", "https://h//-/-1.2.3.tgz", ""},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, TarballVersion(tt.name, tt.url), "TarballVersion(%q, %q)", tt.name, tt.url)
	}
}

// values reads all values of a file, as JSON without white space.
func values(j *JSON) string {
	switch {
	case j.Is('{'):
		b := "{"
		j.Object(func(key string) { b += key + ":" + values(j) + ";" })
		return b + "}"
	case j.Is('['):
		b := "["
		j.Array(func(int) { b += values(j) + ";" })
		return b + "]"
	case j.Is('"'):
		s, _ := j.Text()
		return s
	}
	if j.True() {
		return "true"
	}
	return "_"
}

func TestJSON(t *testing.T) {
	tests := []struct {
		content, want string
		comments      bool
	}{
		{` {"a" : [1, true,null,{}, []] ,"b":"x\u00e9\n"} `, "{a:[_;true;_;{};[];];b:xé\n;}", false},
		{"\xef\xbb\xbf[]", "[]", false},
		{"[1,]", "[_;]", true},
		{"// x\n{/* , */\"a\"/**/:// y\n1 /***/ ,}// z", "{a:_;}", true},
	}
	for _, tt := range tests {
		j := NewJSON(t.Context(), strings.NewReader(tt.content), 1000, tt.comments)
		assert.Equalf(t, tt.want, values(j), "%q", tt.content)
		assert.NoErrorf(t, j.End(), "%q", tt.content)
	}
}

func TestJSONErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		ctx           context.Context
		content, text string
		is            error
		comments      bool
	}{
		{t.Context(), "", "unexpected end", nil, false},
		{t.Context(), "{", "unexpected end", nil, false},
		{t.Context(), `{"a`, "unexpected end", nil, false},
		{t.Context(), `{"a\`, "unexpected end", nil, false},
		{t.Context(), "{}\n\n}", "line 3: '}' follows after the end", nil, false},
		{t.Context(), "[1,]", "follows after a comma", nil, false},
		{t.Context(), "[,1]", "is no value", nil, true},
		{t.Context(), "[1,,1]", "is no value", nil, true},
		{t.Context(), "[1 1]", "in place of a comma", nil, false},
		{t.Context(), `{"a" 1}`, `follows after the key "a"`, nil, false},
		{t.Context(), "{a:1}", "in place of a text", nil, false},
		{t.Context(), "[tru]", "is no value", nil, false},
		{t.Context(), `["\x"]`, "is no text", nil, false},
		{t.Context(), "[\"\n\"]", "control character", nil, false},
		{t.Context(), "//\n[]", "is no value", nil, false},
		{t.Context(), "/x\n[]", "is no comment", nil, true},
		{t.Context(), "/* *", "unexpected end", nil, true},
		{t.Context(), strings.Repeat("[", maxDepth+1), "nested", inventory.ErrTooLarge, false},
		{t.Context(), `"` + strings.Repeat("a", maxText), "a text has more", inventory.ErrTooLarge, false},
		{t.Context(), strings.Repeat(" ", 100_001), "more than 100000 bytes", inventory.ErrTooLarge, false},
		{canceled, "{}", "", context.Canceled, false},
	}
	for _, tt := range tests {
		j := NewJSON(tt.ctx, strings.NewReader(tt.content), 100_000, tt.comments)
		values(j)
		err := j.End()
		require.Errorf(t, err, "%.20q", tt.content)
		assert.Containsf(t, err.Error(), tt.text, "%.20q", tt.content)
		assert.Equalf(t, tt.is == nil, j.Damaged(), "%.20q", tt.content)
		if tt.is != nil {
			assert.ErrorIsf(t, err, tt.is, "%.20q", tt.content)
		}
	}
}

// What the standard library reads is read, and nothing else.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e3,true,false,null,"\u00e9\ud800"]}`, "[]", " 7 ", "[1,]", "\"\xff\"", `{"a":{"a":""}}x`, "nullx", "tru", "0 0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		j := NewJSON(t.Context(), strings.NewReader(content), 1<<20, false)
		got := j.End()
		text, _ := strings.CutPrefix(content, "\xef\xbb\xbf")
		if json.Valid([]byte(text)) {
			if got != nil {
				require.ErrorIs(t, got, inventory.ErrTooLarge)
			}
		} else {
			require.Error(t, got)
		}
	})
}

func TestGraph(t *testing.T) {
	g := Graph{Roots: true, Groups: true}
	add := func(n Node) int {
		i, err := g.Add(n)
		require.NoError(t, err)
		return i
	}
	link := func(from, to int, kind Kind, name string) { require.NoError(t, g.Link(from, to, kind, name)) }
	root := add(Node{Own: true, Line: 1})
	digest := func(s string) []inventory.Hash { return extracttest.Digest("SHA-1", strings.Repeat(s, 40)) }
	a := add(Node{Name: "a", Version: "1", Hashes: digest("2"), Line: 2})
	b := add(Node{Name: "@s/b", Version: "2", Line: 3})
	c := add(Node{Name: "c", Constraint: "https://x", Line: 4})
	again := add(Node{Name: "a", Version: "1", Hashes: digest("1"), Line: 9})
	alone := add(Node{Name: "alone", Version: "1", Hashes: digest("3"), Line: 10})
	link(root, a, Development, "")
	link(root, again, Required, "")
	link(a, b, Required, "")
	link(a, root, Required, "") // a peer that is the project itself
	link(again, b, Required, "")
	link(again, c, Required, "")
	link(again, -1, Required, "gone")
	link(again, -1, Required, "gone")
	link(again, -1, Optional, "never")
	link(b, a, Required, "") // a circle
	link(-1, a, Required, "")
	assert.Equal(t, 5, alone)
	bad := add(Node{Name: "x y", Version: "1", Line: 11})
	assert.Equal(t, -1, bad)

	facts, err := g.Facts(t.Context())
	require.NoError(t, err)
	extracttest.Check(t, facts, err)
	assert.Equal(t, inventory.Facts{
		Declared: true,
		Ignored:  1,
		Packages: []inventory.Package{
			{Type: "npm", Name: "a", Version: "1", Hashes: append(digest("1"), digest("2")...), Line: 2, Relation: inventory.Direct, Requires: []string{"@s/b@2", "c", "gone"}},
			{Type: "npm", Namespace: "@s", Name: "b", Version: "2", Line: 3, Relation: inventory.Transitive, Requires: []string{"a@1"}},
			{Type: "npm", Name: "c", Constraint: "https://x", Line: 4, Relation: inventory.Transitive},
			{Type: "npm", Name: "alone", Version: "1", Hashes: digest("3"), Line: 10, Relation: inventory.Transitive},
		},
		Problems: []string{`line 11: "x y" is no name of a package`},
	}, facts)
}

func TestGraphLimits(t *testing.T) {
	var g Graph
	var err error
	for range MaxNodes {
		_, err = g.Add(Node{Own: true})
		require.NoError(t, err)
	}
	_, err = g.Add(Node{Own: true})
	require.ErrorIs(t, err, inventory.ErrTooLarge)
	for range MaxEdges {
		require.NoError(t, g.Link(0, 1, Required, ""))
	}
	require.ErrorIs(t, g.Link(0, 1, Required, ""), inventory.ErrTooLarge)

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = g.Facts(canceled)
	require.ErrorIs(t, err, context.Canceled)
}
