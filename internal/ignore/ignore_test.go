package ignore

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cases are lists of rules, and paths with whether git ignores them. Those that
// end in "/" are folders.
var cases = []struct {
	rules string
	paths map[string]bool
}{
	{"*.tmp", map[string]bool{"a.tmp": true, "a/b.tmp": true, "a.tmpx": false}},
	{"build/", map[string]bool{"build/": true, "build/x": true, "a/build/x": true, "a/build": false}},
	{"/build", map[string]bool{"build": true, "a/build": false, "build/x/y": true}},
	{"a/b", map[string]bool{"a/b": true, "x/a/b": false, "a/b/c": true}},
	{"**/foo", map[string]bool{"foo": true, "a/foo": true, "a/b/foo/c": true, "foobar": false}},
	{"**/foo/bar", map[string]bool{"foo/bar": true, "a/foo/bar": true, "a/foo/x/bar": false}},
	{"foo/**", map[string]bool{"foo/a": true, "foo/a/b": true, "a/foo/b": false}},
	{"a/**/b", map[string]bool{"a/b": true, "a/x/b": true, "a/x/y/b": true, "x/a/b": false}},
	{"*.log\n!keep.log", map[string]bool{"a.log": true, "keep.log": false, "x/keep.log": false}},
	{"out/\n!out/keep", map[string]bool{"out/x": true, "out/keep": true}}, // what is below stays out
	{"# a comment\n\n  \nx", map[string]bool{"x": true, "# a comment": false}},
	{"[ab]?", map[string]bool{"a1": true, "c1": false, "x/b2": true}},
	{"a*b/c", map[string]bool{"axb/c": true, "a/b/c": false}},
	{"**/a/**/b/**", map[string]bool{"a/b/c": true, "x/a/y/b/c": true, "a/b": false}},
}

func TestRules(t *testing.T) {
	for _, tt := range cases {
		r, err := New(strings.Split(tt.rules, "\n")...)
		require.NoError(t, err)
		for name, want := range tt.paths {
			clean := strings.TrimSuffix(name, "/")
			got := r.Within(clean)
			if clean != name {
				got = r.Match(clean, true)
			}
			assert.Equalf(t, want, got, "rules %q, path %q", tt.rules, name)
		}
	}
	var none *Rules
	assert.False(t, none.Within("a"))
	assert.True(t, none.Empty())
}

// TestAgainstGit asks git about the same.
func TestAgainstGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	for _, tt := range cases {
		dir := t.TempDir()
		git := func(args ...string) error {
			cmd := exec.Command("git", append([]string{"-C", dir, "-c", "core.excludesFile="}, args...)...)
			cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
			return cmd.Run()
		}
		require.NoError(t, git("init", "-q"))
		require.NoError(t, os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(tt.rules+"\n"), 0o644))
		for name, want := range tt.paths {
			err := git("check-ignore", "-q", "--no-index", "--", name)
			assert.Equalf(t, want, err == nil, "git, rules %q, path %q", tt.rules, name)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, rule := range []string{"[", "!", "a//b", strings.Repeat("a/", 100) + "b"} {
		_, err := New(rule)
		assert.ErrorContainsf(t, err, "rule ", "%q", rule)
	}
}

func FuzzMatch(f *testing.F) {
	for _, tt := range cases {
		for name := range tt.paths {
			f.Add(tt.rules, name)
		}
	}
	f.Fuzz(func(t *testing.T, rules, name string) {
		name = path.Clean("/" + name)[1:]
		r, err := New(strings.Split(rules, "\n")...)
		if err != nil {
			return
		}
		if name != "" && r.Match(name, true) {
			assert.True(t, r.Within(name+"/below"), "what is below is passed over too")
		}
		none, err := New(append(strings.Split(rules, "\n"), "!**")...)
		require.NoError(t, err)
		assert.False(t, none.Match(name, false), "the last rule wins")
	})
}

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"a/b", "a/b", true},
		{"/a/b", "a/b", true},
		{"a/b", "/a/b", true},
		{"a/b", "a/b/c", false},
		{"b", "a/b", false},
		{"**/b", "a/b", true},
		{"**/b", "b", true},
		{"a/**", "a/b/c", true},
		{"a/**", "a", false},
		{"a/**/c", "a/c", true},
		{"a/*/c", "a/c", false},
		{"a/[bc]*", "a/bob", true},
		{"**", "a", true},
	}
	for _, tt := range tests {
		g, err := NewGlob(tt.pattern)
		require.NoError(t, err)
		assert.Equalf(t, tt.want, g.Match(tt.name), "%q of %q", tt.pattern, tt.name)
	}
	for _, pattern := range []string{"", "/", "a//b", "a/", "[a", strings.Repeat("a/", 64) + "b"} {
		_, err := NewGlob(pattern)
		assert.Errorf(t, err, "%q", pattern)
	}
	assert.False(t, Glob{}.Match(""))

	g, err := NewGlob(strings.Repeat("**/a/", 30) + "b")
	require.NoError(t, err)
	start := time.Now()
	assert.False(t, g.Match(strings.Repeat("a/", 10_000)+"c"))
	assert.Less(t, time.Since(start), 2*time.Second, "it is not tried in all ways")
}
