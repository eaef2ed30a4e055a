package gem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	specs    = "usr/lib/ruby/gems/3.1.0/specifications/"
	specPath = specs + "x.gemspec" // a name that tells nothing
)

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "gem", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		specs + "a-1.0.gemspec":         true,
		specs + "default/a-1.0.gemspec": true,
		"app/vendor/bundle/ruby/3.1.0/bundler/gems/a-0123456789ab/a.gemspec":        true,
		"app/vendor/bundle/ruby/3.1.0/bundler/gems/a-0123456789ab/spec/x/x.gemspec": false, // of a test
		"usr/lib/ruby/gems/3.1.0/gems/a-1.0/a.gemspec":                              false, // the source of the above
		"usr/lib/ruby/gems/3.1.0/cache/a-1.0.gem":                                   false,
	})
}

func TestExtractFixture(t *testing.T) {
	tests := []struct {
		path    string
		fixture []string
		want    inventory.Package
	}{
		{specs + "actioncable-6.0.3.7.gemspec", []string{"bundler", "actioncable-6.0.3.7.gemspec"}, inventory.Package{
			Name: "actioncable", Version: "6.0.3.7", Licenses: []string{"MIT"},
			Maintainer: "pratiknaik@gmail.com, david@loudthinking.com",
			Requires:   []string{"actionpack", "nio4r", "websocket-driver"},
		}},
		{specs + "default/abbrev-0.1.0.gemspec", []string{"default", "abbrev-0.1.0.gemspec"}, inventory.Package{
			Name: "abbrev", Version: "0.1.0", Licenses: []string{"Ruby", "BSD-2-Clause"},
			Maintainer: "knu@idaemons.org",
			Bundled:    true,
		}},
		// It is for development that this one requires rake-compiler and rspec.
		{"usr/lib/x86_64-linux-gnu/rubygems-integration/2.7.0/specifications/bcrypt-3.1.16.gemspec", []string{"debian", "bcrypt-3.1.16.gemspec"}, inventory.Package{
			Name: "bcrypt", Version: "3.1.16", Licenses: []string{"MIT"},
			Maintainer: "coda.hale@gmail.com",
		}},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, extracttest.Fixture(t, tt.fixture...)))
		require.NoError(t, err, tt.path)
		tt.want.Type = "gem"
		assert.Equal(t, inventory.Facts{Packages: []inventory.Package{tt.want}}, facts, tt.path)
	}
}

// a returns the gem a 1.0 with changes, as all the facts of a file.
func a(change func(*inventory.Package)) inventory.Facts {
	p := inventory.Package{Type: "gem", Name: "a", Version: "1.0"}
	if change != nil {
		change(&p)
	}
	return inventory.Facts{Packages: []inventory.Package{p}}
}

// spec returns a specification of a 1.0 with further lines.
func newSpec(lines ...string) string {
	return "Gem::Specification.new do |s|\n  s.name = \"a\".freeze\n  s.version = \"1.0\"\n" + strings.Join(lines, "\n") + "\nend\n"
}

const stubLine = "# -*- encoding: utf-8 -*-\n# stub: a 1.0 ruby lib\n"

var specTests = []struct {
	name, content string
	want          inventory.Facts
}{
	{"assignments", newSpec(), a(nil)},
	{"line ends of DOS", strings.ReplaceAll(stubLine+newSpec(), "\n", "\r\n"), a(nil)},
	{"the comment alone", stubLine, a(nil)},
	{"a platform in the comment", "# stub: a 1.0 x86_64-linux lib\x00ext\n# stub: ext/extconf.rb\n", a(func(p *inventory.Package) {
		p.Qualifiers = map[string]string{"platform": "x86_64-linux"}
	})},
	{"a comment of another program", newSpec("# stub: b 2.0 ruby lib"), a(nil)},
	{"the comment is right", "# stub: a 1.0 ruby lib\nGem::Specification.new do |s|\n  s.name = 'b'\n  s.version = '1.0'\nend\n", func() inventory.Facts {
		f := a(nil)
		f.Problems = []string{`gem "b" "1.0" is "a" "1.0" in the comment for RubyGems`}
		return f
	}()},
	{"a platform", newSpec(`s.platform = "java".freeze`), a(func(p *inventory.Package) {
		p.Qualifiers = map[string]string{"platform": "java"}
	})},
	{"the platform of all", newSpec("s.platform = Gem::Platform::RUBY"), a(nil)},
	{"as of 2008", "Gem::Specification.new do |s|\n  s.name = %q{a}\n  s.version = Gem::Version.new(\"1.0\")\n\n  s.description = %q{A {nested}\n  s.name = \"x\"\n  text}\n  s.platform = Gem::Platform.new(%q{mswin32})\n  s.add_dependency(%q<b>, [\">= 0\"])\nend", a(func(p *inventory.Package) {
		p.Qualifiers = map[string]string{"platform": "mswin32"}
		p.Requires = []string{"b"}
	})},
	{"another variable, without a comment", "Gem::Specification.new do |gem|\n  x.name = 'x'\n  gem.name = 'a'\n  gem.version = '1.0'\nend", a(nil)},
	{"licences", newSpec(`  s.licenses = ["MIT".freeze, 'Apache-2.0',`, `    "MIT"]`, `  s.license = "Ruby"`), a(func(p *inventory.Package) {
		p.Licenses = []string{"MIT", "Apache-2.0", "Ruby"}
	})},
	{"licences as words", newSpec(`  s.licenses = %w[MIT Ruby]`, `  s.licenses << "X"`), a(func(p *inventory.Package) {
		p.Licenses = []string{"MIT", "Ruby", "X"}
	})},
	{"escapes", newSpec(`  s.authors = ["A\"\\\u00e9\u{1F600}\xC3\xA9\n".freeze, "\xFFb", 'it\'s \n']`), a(func(p *inventory.Package) {
		p.Maintainer = "A\"\\é😀é, \uFFFDb, it's \\n"
	})},
	{"what is no literal is not known", newSpec(`  s.licenses = ["#{x}"]`, `  s.authors = x`, `  s.email = "a@example.com" + x`), a(func(p *inventory.Package) {
		p.Maintainer = "a@example.com"
	})},
	{"dependencies", newSpec(
		`  s.add_runtime_dependency(%q<b>.freeze, ["~> 1"])`,
		`  s.add_development_dependency(%q<c>.freeze, ["~> 1"])`,
		`  s.add_dependency "d", ">= 1"`,
		`  s.add_dependency('b')`,
		`  s.add_dependency = "e"`,
		`  s.add_dependency x`,
	), a(func(p *inventory.Package) { p.Requires = []string{"b", "d"} })},
	{"dependencies for old versions of RubyGems", newSpec(
		"  if s.respond_to? :specification_version then",
		"    if Gem::Version.new(Gem::VERSION) >= Gem::Version.new('1.2.0') then",
		`      s.add_runtime_dependency(%q<b>, [">= 0"])`,
		`      s.add_development_dependency(%q<c>, [">= 0"])`,
		"    else",
		`      s.add_dependency(%q<c>, [">= 0"])`,
		"      unless x",
		`        s.add_dependency(%q<c>, [">= 0"])`,
		"      else",
		`        s.add_dependency(%q<c>, [">= 0"])`,
		"      end",
		`      s.add_dependency(%q<c>, [">= 0"])`,
		"    end",
		`    s.add_dependency(%q<d>, [">= 0"])`,
		"  else",
		`    s.add_dependency(%q<c>, [">= 0"])`,
		"  end",
		"  if x then y end",
		`  s.add_dependency(%q<e>, [">= 0"])`,
	), a(func(p *inventory.Package) { p.Requires = []string{"b", "d", "e"} })},
	{"the end of the program", newSpec() + "__END__\ns.license = 'X'\n", a(nil)},
	{"literals that do not end", newSpec(`  s.summary = "x`, `  s.description = %q{`, `  s.files = ["x",`, `  s.license = "MIT"`), a(func(p *inventory.Package) {
		p.Licenses = []string{"MIT"}
	})},
	{"cut off", "Gem::Specification.new do |s|\n  s.name = \"a\"\n  s.version = \"1.0\"\n  s.licenses = [\"MIT\", \"B", a(nil)},
	{"no name", "Gem::Specification.new do |s|\n  s.version = '1.0'\nend\n", inventory.Facts{Problems: []string{`"x.gemspec" has no name that is a literal`}}},
	{"no version", "Gem::Specification.new do |s|\n  s.name = 'a'\n  s.version = A::VERSION\nend\n", inventory.Facts{Problems: []string{`gem "a" has no version that is a literal`}}},
	{"a name that is none", "# stub: " + strings.Repeat("x", maxName+1) + " 1.0 ruby lib\n", inventory.Facts{Problems: []string{
		`name, version or platform of gem "` + strings.Repeat("x", 80) + `…" is longer than 1024 bytes`,
	}}},
}

func TestExtract(t *testing.T) {
	for _, tt := range specTests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(specPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractPath(t *testing.T) {
	const checkout = "srv/bundle/ruby/3.1.0/bundler/gems/a-0123456789ab/"
	noVersion := "Gem::Specification.new do |s|\n  s.name = 'a'\n  s.version = A::VERSION\nend\n"
	tests := []struct {
		path, content string
		want          inventory.Facts
	}{
		// What is no literal, the name of the file tells.
		{specs + "a-1.0.gemspec", noVersion, a(nil)},
		{specs + "a-1.0.gemspec", "", a(nil)},
		{specs + "a-b-1.0.rc1-x86_64-linux-musl.gemspec", "", a(func(p *inventory.Package) {
			p.Name, p.Version = "a-b", "1.0.rc1"
			p.Qualifiers = map[string]string{"platform": "x86_64-linux-musl"}
		})},
		{specs + "a\xff-1.0.gemspec", "", a(func(p *inventory.Package) { p.Name = "a\uFFFD" })},
		{specs + "default/a-1.0.gemspec", "", a(func(p *inventory.Package) { p.Bundled = true })},
		{checkout + "a.gemspec", newSpec(), a(nil)},
		{checkout + "a-1.0.gemspec", noVersion, inventory.Facts{Problems: []string{`gem "a" has no version that is a literal`}}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.path)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.path)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	var many strings.Builder
	for i := range maxStrings + 1 {
		fmt.Fprintf(&many, "s.add_dependency 'a%d'\n", i)
	}
	tests := []struct {
		name    string
		ctx     context.Context
		content io.Reader
		is      error
		text    string
	}{
		{"canceled", canceled, strings.NewReader(newSpec()), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader(newSpec()), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless(strings.Repeat("#", 4096)), inventory.ErrTooLarge, "more than 4194304 bytes"},
		{"dependencies without end", t.Context(), strings.NewReader(many.String()), inventory.ErrTooLarge, "more than 2000 strings"},
		{"a list without end", t.Context(), strings.NewReader("s.licenses = [" + strings.ReplaceAll(many.String(), "s.add_dependency", "") + "]"), inventory.ErrTooLarge, "more than 2000 strings"},
		// Each is read up to the end of the file.
		{"literals without end", t.Context(), strings.NewReader(strings.Repeat("s.x = %q{\n", maxFile/10)), inventory.ErrTooLarge, "literals of more than 16777216 bytes"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(specPath, 0o644, 1, tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func TestLiterals(t *testing.T) {
	tests := []struct {
		text string
		want []string // nil if it is none
	}{
		{`"a".freeze`, []string{"a"}},
		{`'a\'\\b\c'`, []string{`a'\b\c`}},
		{`%q<a<b>c>.freeze`, []string{"a<b>c"}},
		{`%q(a\)b)`, []string{"a)b"}},
		{`%q<a\tb>`, []string{`a\tb`}},
		{`%Q|a\tb|`, []string{"a\tb"}},
		{`%w[a b  c]`, []string{"a", "b", "c"}},
		{`%w()`, []string{}},
		{"[\n  'a', \"b\"\n]", []string{"a", "b"}},
		{`["\#{a} #a"]`, []string{"#{a} #a"}},
		{"\"a\\\nb\"", []string{"ab"}},
		{`"\u{41}\u0042\x43"`, []string{"ABC"}},
		{`Gem::Version.new("1.0")`, []string{"1.0"}},
		{`Gem::Version.new "1.0"`, []string{"1.0"}},
		{`"#{a}"`, nil},
		{`"#@a"`, nil},
		{`"\101"`, nil},
		{`"\u{110000}"`, nil},
		{`"\u{4`, nil},
		{`"\u12"`, nil},
		{`"\xZZ"`, nil},
		{`"\x`, nil},
		{`"a\`, nil},
		{`"a`, nil},
		{`"a#`, nil},
		{`'a`, nil},
		{`['a'`, nil},
		{`['a', ['b']]`, nil},
		{`%`, nil},
		{`%q`, nil},
		{`%qa`, nil},
		{`%qaba`, nil},
		{`%r<a>`, nil},
		{`A::VERSION`, nil},
		{`Gem::Version.new(`, nil},
		{`1.0`, nil},
		{``, nil},
	}
	for _, tt := range tests {
		l := lexer{text: tt.text}
		got, ok := l.values()
		assert.Equalf(t, tt.want != nil, ok, "values of %s", tt.text)
		assert.Equalf(t, tt.want, got, "values of %s", tt.text)
	}
}

func FuzzExtract(f *testing.F) {
	for _, tt := range specTests {
		f.Add(specPath, tt.content)
	}
	f.Add(specs+"actioncable-6.0.3.7.gemspec", extracttest.Fixture(f, "bundler", "actioncable-6.0.3.7.gemspec"))
	f.Add(specs+"default/a-1.0-java.gemspec", "")
	f.Fuzz(func(t *testing.T, path, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(path, content))
		extracttest.Check(t, facts, err)
		if err == nil {
			require.True(t, len(facts.Packages) == 1 || len(facts.Problems) == 1, facts)
		}
		for _, p := range facts.Packages {
			require.True(t, utf8.ValidString(p.Name+p.Version))
			require.Equal(t, "gem", p.Type)
			require.NotEmpty(t, p.Version)
			require.NotEqual(t, "ruby", p.Qualifiers["platform"])
			require.LessOrEqual(t, len(p.Requires), strings.Count(content, "add_"))
		}
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(path, 0o644, int64(len(content)), iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, facts, again)
		require.Equal(t, err, errAgain)
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "bundler", "actioncable-6.0.3.7.gemspec")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(specPath, content))
		if err != nil || len(facts.Packages) != 1 || len(facts.Packages[0].Requires) != 3 {
			b.Fatal(facts, err)
		}
	}
}
