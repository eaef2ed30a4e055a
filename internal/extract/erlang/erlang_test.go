package erlang

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const appPath = "opt/x/lib/a-1.0/ebin/a.app"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "erlang", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		appPath: true,
		"usr/lib/erlang/lib/ssl-10.8.7/ebin/ssl.app":          true,
		"usr/lib/elixir/lib/mix/ebin/mix.app":                 true,
		"app/_build/prod/lib/a/ebin/a.app":                    true,
		"usr/lib/rabbitmq/lib/x/plugins/ra-2.2.0/ebin/ra.app": true,
		"src/a/src/a.app.src":                                 false, // has no version yet
		"opt/x/lib/a-1.0/ebin/a.appup":                        false,
		"opt/x/releases/1.0/x.rel":                            false, // names what is in lib
		"Applications/Some.app":                               false,
		"opt/x/lib/a-1.0/priv/a.app":                          false,
	})
}

func TestExtractFixture(t *testing.T) {
	tests := []struct {
		folder, file string
		want         inventory.Package
	}{
		{"otp", "ssl.app", inventory.Package{
			Type: "otp", Name: "ssl", Version: "10.8.7", Bundled: true,
			Requires: []string{"crypto", "public_key", "kernel", "stdlib"},
		}},
		{"rabbitmq", "cowlib.app", inventory.Package{
			Type: "hex", Name: "cowlib", Version: "2.9.1",
			Requires: []string{"kernel", "stdlib", "crypto"},
		}},
		{"rabbitmq", "recon.app", inventory.Package{
			Type: "hex", Name: "recon", Version: "2.5.2", Licenses: []string{"BSD"},
			Requires: []string{"kernel", "stdlib"},
		}},
		{"mix", "logger.app", inventory.Package{
			Type: "otp", Name: "logger", Version: "1.14.0", Bundled: true,
			Requires: []string{"kernel", "stdlib", "elixir"},
		}},
		{"mix", "two.app", inventory.Package{
			Type: "hex", Name: "two", Version: "0.1.0",
			Requires: []string{"kernel", "stdlib", "elixir", "logger", "one"},
		}},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File("lib/x/ebin/"+tt.file, extracttest.Fixture(t, tt.folder, tt.file)))
		require.NoError(t, err, tt.file)
		assert.Equal(t, inventory.Facts{Packages: []inventory.Package{tt.want}}, facts, tt.file)
	}
}

// a returns the application a 1.0 with changes, as all the facts of a file.
func a(change func(*inventory.Package), problems ...string) inventory.Facts {
	p := inventory.Package{Type: "hex", Name: "a", Version: "1.0"}
	if change != nil {
		change(&p)
	}
	return inventory.Facts{Packages: []inventory.Package{p}, Problems: problems}
}

func requires(names ...string) func(*inventory.Package) {
	return func(p *inventory.Package) { p.Requires = names }
}

var appTests = []struct {
	name, content string
	want          inventory.Facts
}{
	{"name and version", `{application,a,[{vsn,"1.0"}]}.`, a(nil)},
	{"white space and comments", "%% coding: utf-8\n {  application ,a\t,\r\n[ {vsn , \"1.0\"} % }\n]\n} .\n% end", a(nil)},
	{"quotes", `{'application','a',[{'vsn',"1" ".0"}]}.`, a(nil)},
	{"a binary", `{application,a,[{vsn,<<"1.0"/utf8>>}]}.`, a(nil)},
	{"space in the version", `{application,a,[{vsn,"1.0\n"}]}.`, a(nil)},
	{"requirements", `{application,a,[{applications,[kernel,b,c]},{included_applications,[d,b,a]},{optional_applications,[c]},{vsn,"1.0"}]}.`, a(requires("kernel", "b", "d"))},
	{"licences and maintainers", `{application,a,[{vsn,"1.0"},{licenses,["MIT",<<"Apache-2.0">>,""]},{maintainers,["M","N"]}]}.`, a(func(p *inventory.Package) {
		p.Licenses, p.Maintainer = []string{"MIT", "Apache-2.0"}, "M, N"
	})},
	{
		"terms of all kinds", `{application,a,[{env,[{1,-2.5e-3,16#ff,$a,$\n,$",$ ,+1,"\"\x{41}\101\x41\^A\d\q","",''},#{a=>1,"b" => #{}},<<1,2:8>>,<<>>,[h|t],X,a@b,'é',x]},{vsn},{vsn,a},["vsn","2"],{"vsn","2"},{vsn,"1.0"}]}.`,
		a(nil),
	},
	{"a version of another type", `{application,b,[{vsn,git}]}.`, inventory.Facts{Problems: []string{`application "b" has no version`}}},
	{"the version of the folder", `{application,a,[{vsn,git}]}.`, a(nil)},
	{"no properties", `{application,a}.`, a(nil)},

	// What is damaged counts as far as it was read.
	{"cut off", `{application,a,[{vsn,"1.0"},{applications,[kernel,b`, a(requires("kernel", "b"), `"a.app": byte 51: no ]`)},
	{"cut off in a text", `{application,a,[{vsn,"1.0"},{licenses,["MIT","Apa`, a(func(p *inventory.Package) { p.Licenses = []string{"MIT"} }, `"a.app": byte 49: no "`)},
	{"cut off in an escape", `{application,a,[{vsn,"1.0"},{x,"\`, a(nil, `"a.app": byte 33: no character`)},
	{"no dot", `{application,a,[{vsn,"1.0"}]}`, a(nil, `"a.app": byte 29: no dot at the end`)},
	{"no term", `{application,a,[{vsn,"1.0"},{x,)}]}.`, a(nil, `"a.app": byte 31: no term`)},
	{"no character", `{application,a,[{vsn,"1.0"},{x,"\x{110000}"}]}.`, a(nil, `"a.app": byte 33: no character`)},
	{"no end of a character", `{application,a,[{vsn,"1.0"},{x,"\x{0000000000}"}]}.`, a(nil, `"a.app": byte 33: no }`)},
	{"no character after a dollar", `{application,a,[{vsn,"1.0"},$`, a(nil, `"a.app": byte 29: no character`)},

	{"empty", "% nothing", inventory.Facts{Problems: []string{`"a.app": byte 9: a term is missing`, `"a.app" describes no application`}}},
	{"another term", `[application,a].`, inventory.Facts{Problems: []string{`"a.app" describes no application`}}},
	{"no name", `{application,'',[{vsn,"1.0"}]}.`, inventory.Facts{Problems: []string{`"a.app" has no name`}}},
	{"a version that is none", `{application,a,[{vsn,"` + strings.Repeat("x", maxName+1) + `"}]}.`, inventory.Facts{Problems: []string{`name or version of application "a" is longer than 1024 bytes`}}},
}

func TestExtract(t *testing.T) {
	for _, tt := range appTests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(appPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestComesWithErlang(t *testing.T) {
	for _, name := range []string{
		// Erlang/OTP 27: https://www.erlang.org/doc/applications.html
		"asn1", "common_test", "compiler", "crypto", "debugger", "dialyzer", "diameter", "edoc", "eldap",
		"erl_interface", "erts", "et", "eunit", "ftp", "inets", "jinterface", "kernel", "megaco", "mnesia",
		"observer", "odbc", "os_mon", "parsetools", "public_key", "reltool", "runtime_tools", "sasl", "snmp",
		"ssh", "ssl", "stdlib", "syntax_tools", "tftp", "tools", "wx", "xmerl",
		// Elixir
		"eex", "elixir", "ex_unit", "iex", "logger", "mix",
		// no longer there, but in images of their time
		"cosEvent", "gs", "hipe", "ic", "orber", "test_server", "typer", "webtool",
	} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(appPath, "{application,'"+name+"',[{vsn,\"1.0\"}]}."))
		require.NoError(t, err)
		assert.Equal(t, []inventory.Package{{Type: "otp", Name: name, Version: "1.0", Bundled: true}}, facts.Packages)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	tests := []struct {
		name    string
		ctx     context.Context
		content io.Reader
		is      error
		text    string
	}{
		{"canceled", canceled, strings.NewReader(""), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("{"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless(strings.Repeat("%", 4096)), inventory.ErrTooLarge, "more than 8388608 bytes"},
		{"terms without end", t.Context(), strings.NewReader("{application,a,[" + strings.Repeat("1,", maxTerms)), inventory.ErrTooLarge, "more than 200000 terms"},
		{"nesting without end", t.Context(), strings.NewReader(strings.Repeat("[", maxFile)), inventory.ErrTooLarge, "more than 100 terms in each other"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(appPath, 0o644, 1, tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func TestEscapes(t *testing.T) {
	tests := []struct{ text, want string }{
		{`"a\"b\\c"`, `a"b\c`},
		{`"\n\t\s\e"`, "\n\t \x1b"},
		{`"\x41\x{1F600}\101\0"`, "A😀A\x00"},
		{`"\^A\é\q"`, "\x01éq"},
		{"\"a\" % comment\n \"b\"", "ab"},
		{`'it\'s'`, "it's"},
		{`a_B9@c.`, "a_B9@c"},
	}
	for _, tt := range tests {
		p := parser{ctx: t.Context(), text: tt.text}
		got, err := p.term()
		require.NoErrorf(t, err, "term of %s", tt.text)
		assert.Emptyf(t, p.damage, "term of %s", tt.text)
		assert.Equalf(t, tt.want, got.text, "term of %s", tt.text)
	}
}

func FuzzExtract(f *testing.F) {
	for _, tt := range appTests {
		f.Add(tt.content)
	}
	f.Add(extracttest.Fixture(f, "otp", "ssl.app"))
	f.Add(extracttest.Fixture(f, "mix", "logger.app"))
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(appPath, content))
		extracttest.Check(t, facts, err)
		if err == nil {
			require.True(t, len(facts.Packages) == 1 || len(facts.Problems) > 0, facts)
		}
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.Equal(t, p.Bundled, p.Type == "otp")
			require.NotContains(t, p.Requires, p.Name)
		}
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(appPath, 0o644, int64(len(content)), iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, facts, again)
		require.Equal(t, err, errAgain)
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "otp", "ssl.app")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(appPath, content))
		if err != nil || len(facts.Packages) != 1 || len(facts.Packages[0].Requires) != 4 {
			b.Fatal(facts, err)
		}
	}
}
