package luarocks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	tree     = "usr/local/lib/luarocks/rocks-5.1/"
	rockPath = tree + "a/1.0-1/a-1.0-1.rockspec"
)

func pkg(name, version, licence string, requires ...string) inventory.Package {
	p := inventory.Package{Type: "luarocks", Name: name, Version: version, Requires: requires}
	if licence != "" {
		p.Licenses = []string{licence}
	}
	return p
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "luarocks", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		rockPath:                 true,
		"app/a-1.0-1.rockspec":   true, // to be ignored, and counted
		tree + "manifest":        false,
		tree + "a/1.0-1/LICENSE": false,
	})
}

func TestInstalled(t *testing.T) {
	tests := []struct{ path, name, version string }{
		{rockPath, "a", "1.0-1"},
		{"opt/kong/rocks/a-b/scm-1/a-b-scm-1.rockspec", "a-b", "scm-1"},
		{"a/1.0-1/a-1.0-1.rockspec", "a", "1.0-1"},
		{"app/a-1.0-1.rockspec", "", ""},
		{"a-1.0-1.rockspec", "", ""},
		{"app/rockspecs/a-1.0-1.rockspec", "", ""},
		{tree + "a/1.0-2/a-1.0-1.rockspec", "", ""},
		{tree + "a b/1.0-1/a b-1.0-1.rockspec", "", ""},
		{tree + "a/1.0-1/doc/a-1.0-1.rockspec", "", ""},
	}
	for _, tt := range tests {
		name, version := installed(tt.path)
		assert.Equalf(t, tt.name, name, "name in %q", tt.path)
		assert.Equalf(t, tt.version, version, "version in %q", tt.path)
	}
}

func TestExtractFixture(t *testing.T) {
	mylib := pkg("mylib", "1.0.2-3", "MIT/X11", "lpeg", "luafilesystem")
	mylib.Maintainer = "Me <me@example.com>"
	kong := pkg(
		"kong", "3.7.0-0", "Apache 2.0",
		"inspect", "luasec", "luasocket", "penlight", "lua-resty-http", "lua-resty-jit-uuid", "lua-ffi-zlib",
		"multipart", "version", "kong-lapis", "kong-pgmoon", "luatz", "lua_system_constants", "lyaml", "luasyslog",
		"lua_pack", "binaryheap", "luaxxhash", "lua-protobuf", "lua-resty-healthcheck", "lua-messagepack",
		"lua-resty-aws", "lua-resty-openssl", "lua-resty-counter", "lua-resty-ipmatcher", "lua-resty-acme",
		"lua-resty-session", "lua-resty-timer-ng", "lpeg", "lua-resty-ljsonschema",
	)
	tests := []struct {
		folder, file string
		want         inventory.Package
	}{
		{"luarocks-3.8", "mylib/1.0.2-3/mylib-1.0.2-3.rockspec", mylib},
		{"kong-3.7", "kong/3.7.0-0/kong-3.7.0-0.rockspec", kong},
		{"kong-3.7", "luasyslog/2.0.1-1/luasyslog-2.0.1-1.rockspec", pkg("luasyslog", "2.0.1-1", "MIT/X11", "lualogging")}, // with variables
	}
	for _, tt := range tests {
		content := extracttest.Fixture(t, tt.folder, tt.file[strings.LastIndex(tt.file, "/")+1:])
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(tree+tt.file, content))
		require.NoError(t, err, tt.file)
		assert.Equal(t, inventory.Facts{Packages: []inventory.Package{tt.want}}, facts, tt.file)
	}
}

func TestExtract(t *testing.T) {
	found := func(p inventory.Package) inventory.Facts { return inventory.Facts{Packages: []inventory.Package{p}} }
	maintained := pkg("a", "1.0-1", "MIT")
	maintained.Maintainer = "me"
	bad := func(p inventory.Package, problems ...string) inventory.Facts {
		return inventory.Facts{Packages: []inventory.Package{p}, Problems: problems}
	}
	plain := pkg("a", "1.0-1", "")
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"empty", "", found(plain)},
		{"the path counts", `package = "x" version = "9-9"`, found(plain)},
		{"description", `description = {license = "MIT", maintainer = 'me',}`, found(maintained)},
		{"a script, comments", "#!/usr/bin/lua\n-- dependencies = {'x'}\n--[[ ]=] dependencies = {'x'} ]]--\n--[==[\n]]]=]]==] description={license='MIT'}--[=x\n--", found(pkg("a", "1.0-1", "MIT"))},
		{"texts joined", `description = {license = [==[M]]IT]==] .. "\"\'\\\n\t" .. ('x')}`, found(pkg("a", "1.0-1", "M]]IT\"'\\\n\tx"))},
		{"a text in brackets from the next line on", "description = {license = [[\nMIT]]}", found(pkg("a", "1.0-1", "MIT"))},
		{"an escape that is not read", `description = {license = "\x4dIT"}`, found(plain)},
		{"fields with other keys", `description = {["license"] = "MIT"; [1] = "x", {license = "x"}, x = {license = "x"}}`, found(pkg("a", "1.0-1", "MIT"))},
		{"variables", "local l, m = 'MI', 'T'\nlocal d = {license = l .. m, x = l}\nlocal deps = {d.x}\ndescription = d; dependencies = deps", found(pkg("a", "1.0-1", "MIT", "mi"))},
		{"a variable that changes", "l = 'x' l = nil description = {license = l}", found(plain)},
		{
			"dependencies", `dependencies = {"lua >= 5.1, < 5.5", "b>=1", "c ~> 2", 'user/D', "b", "e@1", platforms = {unix = {"x"}}}`,
			found(pkg("a", "1.0-1", "", "b", "c", "d", "e")),
		},
		{"no dependencies", `dependencies = {} build_dependencies = {"x"}`, found(plain)},
		{
			"expressions that come to nothing", `x = (y == "z" and 1.5e3 or not -#w) x = f"a"{1}(2, ...)[3]:g() ^ 2 // 4 x = 1 .. 2 x, y = nil, true z = a.b.c description = {license = "MIT"}`,
			found(pkg("a", "1.0-1", "MIT")),
		},
		{"the last one counts", `dependencies = {"b"} dependencies = {"c"}`, found(pkg("a", "1.0-1", "", "c"))},

		{"a program", "description = {license = 'MIT'}\nif x then\n dependencies = {'b'}\nend", bad(pkg("a", "1.0-1", "MIT"), `licence or dependencies of "a" are not known: line 2: not a simple assignment in Lua`)},
		{"a function", "build = {\n f = function() end }", bad(plain, `licence or dependencies of "a" are not known: line 2: not a simple assignment in Lua`)},
		{"not Lua", "<html>", bad(plain, `licence or dependencies of "a" are not known: line 1: not a simple assignment in Lua`)},
		{"a text that does not end", "a = 'b'\n\nx = \"y\nz\"", bad(plain, `licence or dependencies of "a" are not known: line 3: a text or comment does not end`)},
		{"a text that ends with a backslash", `x = "\`, bad(plain, `licence or dependencies of "a" are not known: line 1: a text or comment does not end`)},
		{"a text that does not end, in brackets", "x = [=[ ]]", bad(plain, `licence or dependencies of "a" are not known: line 1: a text or comment does not end`)},
		{"a comment that does not end", "\n--[[ x", bad(plain, `licence or dependencies of "a" are not known: line 2: a text or comment does not end`)},
		{"cut off", `dependencies = {"b"} description = {license = "MIT"`, bad(pkg("a", "1.0-1", "", "b"), `licence or dependencies of "a" are not known: line 1: not a simple assignment in Lua`)},
		{"too deep", "x = " + strings.Repeat("{", 100_000), bad(plain, `licence or dependencies of "a" are not known: line 1: nested deeper than 64`)},
		{"too deep in parentheses", "x = " + strings.Repeat("(", 100_000), bad(plain, `licence or dependencies of "a" are not known: line 1: nested deeper than 64`)},
		{"too deep in calls", "x = " + strings.Repeat("f{", 100_000), bad(plain, `licence or dependencies of "a" are not known: line 1: nested deeper than 64`)},
		{"no tables", `dependencies = f() description = "x"`, bad(plain, `description of "a" is not a table that can be read`, `dependencies of "a" is not a table that can be read`)},
		{"dependencies that are not known", `dependencies = {"b", f("c"), "../x", " "}`, bad(pkg("a", "1.0-1", "", "b", "x"), `a dependency is not known: ""`, `a dependency is not known: " "`)},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(rockPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
	got, err := Extractor{}.Extract(t.Context(), extracttest.File("app/a-1.0-1.rockspec", `package = "a"`))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Ignored: 1}, got, "a rockspec in a source tree")
}

func TestExtractLimits(t *testing.T) {
	var b strings.Builder
	for i := range maxRequires + 5 {
		fmt.Fprintf(&b, "'d%d',", i)
	}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(rockPath, "dependencies = {"+b.String()+"}"))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 1)
	assert.Len(t, facts.Packages[0].Requires, maxRequires)
	assert.Equal(t, []string{"more than 1000 dependencies"}, facts.Problems)

	// A text that doubles must not fill the memory.
	facts, err = Extractor{}.Extract(t.Context(), extracttest.File(rockPath, "x = 'x'\n"+strings.Repeat("x = x .. x\n", 1000)+"description = {license = x}"))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Packages: []inventory.Package{pkg("a", "1.0-1", "")}}, facts)

	facts, err = Extractor{}.Extract(t.Context(), extracttest.File(rockPath, "dependencies = {"+strings.Repeat("1,", 1000)+"}"))
	require.NoError(t, err)
	assert.Len(t, facts.Problems, lines.MaxProblems+1)
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	tests := []struct {
		name, path string
		ctx        context.Context
		content    io.Reader
		is         error
		text       string
	}{
		{"canceled", rockPath, canceled, strings.NewReader("x = 1"), context.Canceled, ""},
		{"canceled", "app/a-1.0-1.rockspec", canceled, strings.NewReader("x = 1"), context.Canceled, ""},
		{"read error", rockPath, t.Context(), io.MultiReader(strings.NewReader("x = 1"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", rockPath, t.Context(), extracttest.Endless("x = 1 "), inventory.ErrTooLarge, "more than 1048576 bytes"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(tt.path, 0o644, 1, tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
	_, err := run(canceled, []byte(strings.Repeat("x = 1 ", 1000)))
	require.ErrorIs(t, err, context.Canceled, "in the middle of a file")
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "luarocks-3.8", "mylib-1.0.2-3.rockspec"))
	f.Add(extracttest.Fixture(f, "kong-3.7", "luasyslog-2.0.1-1.rockspec"))
	f.Add("#x\ndependencies={[1]='a',b;'c'..[=[d]=]}--[==[]==]description={license=f{}(1)[2].x:y''}")
	f.Add("local a,b=1.5,-#(not\"\\n\\x\")\ndescription={maintainer=a,license=b and'x'or nil}")
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(rockPath, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(rockPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		if err != nil {
			return
		}
		// Whatever the file says, the package is found.
		require.Len(t, facts.Packages, 1)
		p := facts.Packages[0]
		require.Equal(t, "a", p.Name)
		require.Equal(t, "1.0-1", p.Version)
		require.NotContains(t, p.Requires, "lua")
		seen := map[string]bool{}
		for _, name := range p.Requires {
			require.True(t, plausible(name), "%q", name)
			require.False(t, seen[name], "%q", name)
			seen[name] = true
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := []byte(extracttest.Fixture(b, "kong-3.7", "kong-3.7.0-0.rockspec"))
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(rockPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 1 || len(facts.Packages[0].Requires) != 30 {
			b.Fatal(facts, err)
		}
	}
}
