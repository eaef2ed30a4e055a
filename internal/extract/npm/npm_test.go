package npm

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

const debugPath = "app/node_modules/debug/package.json"

func npm(namespace, name, version string) inventory.Package {
	return inventory.Package{Type: "npm", Namespace: namespace, Name: name, Version: version}
}

func requires(p inventory.Package, names ...string) inventory.Package {
	p.Requires = names
	return p
}

func bundled(p inventory.Package) inventory.Package {
	p.Bundled = true
	return p
}

func licensed(p inventory.Package, licenses ...string) inventory.Package {
	p.Licenses = licenses
	return p
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "npm", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"package.json": true,
		debugPath:      true,
		"app/node_modules/@babel/core/package.json": true,
		"app/package-lock.json":                     false,
		"app/node_modules/.package-lock.json":       false,
		"app/.pnp.cjs":                              true,
		"app/.pnp.loader.mjs":                       false,
		"app/.pnp.js":                               true,
		"app/.pnp.data.json":                        true,
	})
}

func TestLocate(t *testing.T) {
	tests := []struct {
		dir     string
		where   place
		folder  string
		bundled bool
	}{
		{"app/node_modules/debug", installed, "debug", false},
		{"node_modules/debug", installed, "debug", false},
		{"app/node_modules/@babel/core", installed, "@babel/core", false},
		{"app/node_modules/a/node_modules/b", installed, "b", false},
		{"app/node_modules/@s/a/node_modules/@t/b", installed, "@t/b", false},
		{"usr/local/lib/node_modules/npm/node_modules/tar", installed, "tar", false},
		{"srv/test/node_modules/a", installed, "a", false}, // an application may live anywhere
		{"app/node_modules/test", installed, "test", false},
		{"app/node_modules/test/node_modules/a", installed, "a", false},
		{"app/node_modules/@s/test/node_modules/a", installed, "a", false},
		{"app/node_modules/_a@1.0.0@a", installed, "_a@1.0.0@a", false}, // cnpm

		// What package managers link from.
		{"app/node_modules/.pnpm/ms@2.0.0/node_modules/ms", installed, "ms", false},
		{"app/node_modules/.pnpm/@babel+core@7.1.0/node_modules/@babel/core", installed, "@babel/core", false},
		{"app/node_modules/.pnpm/test@1.0.0/node_modules/a", installed, "a", false},
		{"app/node_modules/.pnpm/node_modules/a", installed, "a", false},
		{"app/node_modules/.bun/ms@2.0.0/node_modules/ms", installed, "ms", false},
		{"app/node_modules/.store/ms@2.0.0-x/node_modules/ms", installed, "ms", false},    // npm
		{"app/node_modules/.store/ms-npm-2.0.0-9e1101a471/package", installed, "", false}, // yarn
		{"app/.yarn/unplugged/core-js-npm-3.20.0-5ff93a5f04/node_modules/core-js", installed, "core-js", false},
		{"usr/share/nodejs/semver", installed, "semver", false}, // Debian
		{"usr/share/nodejs/@babel/core", installed, "@babel/core", false},
		{"usr/share/nodejs/npm/node_modules/abort-controller", installed, "abort-controller", false},
		{"usr/lib/x86_64-linux-gnu/nodejs/iconv", installed, "iconv", false},
		{"usr/lib/nodejs/a", installed, "a", false},

		// What packages bring along.
		{"usr/lib/node_modules/pnpm/dist/node_modules/tar", installed, "tar", true},
		{"usr/lib/node_modules/pnpm/dist/node_modules/a/node_modules/b", installed, "b", true},
		{"app/node_modules/.pnpm/pnpm@9.0.0/node_modules/pnpm/dist/node_modules/tar", installed, "tar", true},
		{"app/node_modules/protobufjs/cli/node_modules/glob", installed, "glob", true},

		// No packages: what is deeper, what was moved away, and scopes.
		{"app/node_modules/a/dist/esm", inside, "", false},
		{"app/node_modules/a/test/fixtures", inside, "", false},
		{"app/node_modules/@s/a/lib", inside, "", false},
		{"app/node_modules/@s", inside, "", false},
		{"app/node_modules", inside, "", false},
		{"app/node_modules/.cache/a", inside, "", false},
		{"app/node_modules/.ignored/a", inside, "", false},
		{"app/node_modules/.debug-x7Gh2sQ1", inside, "", false},
		{"app/node_modules/.store/ms-npm-2.0.0-9e1101a471", inside, "", false},
		{"app/node_modules/.store/ms-npm-2.0.0-9e1101a471/package/dist", inside, "", false},
		{"usr/share/nodejs/@babel/core/lib", inside, "", false},

		// Trees that a test needs.
		{"app/node_modules/resolve/test/resolver/baz/node_modules/a", inside, "", false},
		{"app/node_modules/a/test/node_modules/b/node_modules/c", inside, "", false},
		{"app/node_modules/a/test/node_modules/b/dist/node_modules/c", inside, "", false},
		{"app/node_modules/.pnpm/a@1.0.0/node_modules/a/fixtures/node_modules/b", inside, "", false},
		{"app/test/fixtures/a", inside, "", false},

		{"", application, "", false},
		{"app", application, "", false},
		{"opt/yarn-v1.22.15", application, "", false},
		{"usr/share/nodejsx/a", application, "", false},
		{"usr/lib/x/nodejsx/a", application, "", false},
		{"srv/usr/share/nodejs/a", application, "", false},
	}
	for _, tt := range tests {
		where, folder, bundled := locate(strings.TrimPrefix(tt.dir+"/package.json", "/"))
		assert.Equalf(t, tt.where, where, "place of %q", tt.dir)
		assert.Equalf(t, tt.folder, folder, "folder of %q", tt.dir)
		assert.Equalf(t, tt.bundled, bundled, "bundled, of %q", tt.dir)
	}
}

func TestExtractFixture(t *testing.T) {
	tests := []struct {
		path, file string
		want       inventory.Package
	}{
		{debugPath, "debug.json", requires(licensed(npm("", "debug", "4.3.4"), "MIT"), "ms")},
		{"app/node_modules/@babel/code-frame/package.json", "babel-code-frame.json", requires(licensed(npm("@babel", "code-frame", "7.12.13"), "MIT"), "@babel/highlight")},
		{"opt/yarn-v1.22.15/package.json", "yarn.json", licensed(npm("", "yarn", "1.22.15"), "BSD-2-Clause")},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, extracttest.Fixture(t, "package", tt.file)))
		require.NoError(t, err, tt.file)
		assert.Equal(t, inventory.Facts{Packages: []inventory.Package{tt.want}}, facts, tt.file)
	}
}

func TestExtract(t *testing.T) {
	const app, scoped = "app/package.json", "app/node_modules/@s/a/package.json"
	a := npm("", "a", "1.0.0")
	found := func(p ...inventory.Package) inventory.Facts { return inventory.Facts{Packages: p} }
	ignored := inventory.Facts{Ignored: 1}
	problem := func(s string) inventory.Facts { return inventory.Facts{Problems: []string{s}} }
	tests := []struct {
		name, path, content string
		want                inventory.Facts
	}{
		{"least", debugPath, `{"name":"a","version":"1.0.0"}`, found(a)},
		{"byte order mark", debugPath, "\xef\xbb\xbf" + `{"name":"a","version":"1.0.0"}`, found(a)},
		{"white space everywhere", debugPath, " {\r\n\t\"name\" : \"a\" ,\n \"x\" : [ 1 , { } ] , \"version\" : \"1.0.0\" } \n", found(a)},
		{"escapes", debugPath, `{"n\u0061me":"\u0061","version":"1.0\u002e0"}`, found(a)},
		{"the last one counts, as in node", debugPath, `{"name":"x","name":"a","version":"0","version":"1.0.0"}`, found(a)},
		{"quotes and brackets in texts", debugPath, `{"z":"\"},\"version\":\"0","name":"a","y":["]","}"],"version":"1.0.0","x":"\\"}`, found(a)},
		{"upper case is another key", debugPath, `{"name":"a","version":"1.0.0","Name":"x","VERSION":"0"}`, found(a)},
		{"deeper keys are others", debugPath, `{"x":{"name":"x","version":"0"},"name":"a","y":[{"version":"0"}],"version":"1.0.0","z":"\"name\":\"z"}`, found(a)},
		{"an alias has its own name", scoped, `{"name":"b","version":"1.0.0"}`, found(npm("", "b", "1.0.0"))},
		{"no name, so the folder's", scoped, `{"version":"1.0.0"}`, found(npm("@s", "a", "1.0.0"))},
		{"names of old", debugPath, `{"name":"JSONStream!'()*~","version":"1.0.0"}`, found(npm("", "JSONStream!'()*~", "1.0.0"))},
		{"private, but installed", debugPath, `{"name":"a","version":"1.0.0","private":true}`, found(a)},
		{"bundled, npm 3 to 6", debugPath, `{"name":"a","version":"1.0.0","_inBundle":true}`, found(bundled(a))},
		{"not bundled", debugPath, `{"name":"a","version":"1.0.0","_inBundle":false}`, found(a)},

		{"licence", debugPath, `{"name":"a","version":"1.0.0","license":"(MIT OR Apache-2.0)"}`, found(licensed(a, "(MIT OR Apache-2.0)"))},
		{"licence as an object", debugPath, `{"name":"a","version":"1.0.0","license":{"type":"MIT","url":"u"}}`, found(licensed(a, "MIT"))},
		{"licences", debugPath, `{"name":"a","version":"1.0.0","licenses":[{"type":"MIT"},"BSD",{"name":"ISC"},{},7,{"type":"MIT"}]}`, found(licensed(a, "MIT", "BSD", "ISC"))},
		{"one of both", debugPath, `{"name":"a","version":"1.0.0","licenses":[{"type":"BSD"}],"license":"MIT"}`, found(licensed(a, "MIT"))},
		{"licence in a list", debugPath, `{"name":"a","version":"1.0.0","license":["MIT","ISC"]}`, found(licensed(a, "MIT", "ISC"))},
		{"no licence", debugPath, `{"name":"a","version":"1.0.0","license":null,"licenses":{}}`, found(a)},

		{
			"dependencies", debugPath, `{"name":"a","version":"1.0.0","devDependencies":{"d":"1"},"peerDependencies":{"p":"1"},"dependencies":{"z":"^1","@s/b":"*","o":"1","z":"^2"},"optionalDependencies":{"o":"1"}}`,
			found(requires(a, "z", "@s/b")),
		},
		{
			"aliases in dependencies", debugPath, `{"name":"a","version":"1.0.0","dependencies":{"x":"npm:b@^1","y":"npm:@s/c@1","z":"npm:@s/d","w":"npm:b@2","v":"npm:v@1"}}`,
			found(requires(a, "b", "@s/c", "@s/d", "v")),
		},
		{"dependencies in a list", debugPath, `{"name":"a","version":"1.0.0","dependencies":["b"]}`, found(a)},
		{"a bad dependency", debugPath, `{"name":"a","version":"1.0.0","dependencies":{"b/c":"1","d":1}}`, inventory.Facts{
			Packages: []inventory.Package{requires(a, "d")},
			Problems: []string{`package "a" requires "b/c", which is no name of a package`},
		}},

		{"a marker", debugPath, `{"type":"module"}`, ignored},
		{"a part of a monorepo", debugPath, `{"name":"a","private":true}`, ignored},
		{"inside a package, whatever it is", "app/node_modules/a/test/package.json", "{", ignored},
		{"the application", app, `{"name":"a","version":"1.0.0","main":"x.js","scripts":{},"dependencies":{"b":"1"}}`, ignored},
		{"a private application", app, `{"name":"a","version":"1.0.0","private":true,"bin":"x"}`, ignored},
		{"an application without a version", app, `{"name":"a","bin":"x"}`, ignored},
		{"a program", app, `{"name":"a","version":"1.0.0","bin":"x"}`, found(a)},
		{"from a registry", app, `{"name":"a","version":"1.0.0","_resolved":"https://r.example/a.tgz"}`, found(a)},
		{"no mark", app, `{"name":"a","version":"1.0.0","bin":null}`, ignored},

		{"no version", debugPath, `{"name":"a"}`, problem(`package "a" has no version`)},
		{"an empty version", debugPath, `{"name":"a","version":" "}`, problem(`package "a" has no version`)},
		{"a version that is a number", debugPath, `{"name":"a","version":1,"private":true}`, inventory.Facts{Problems: []string{
			`version of package "a" is not a text: "1"`, `package "a" has no version`,
		}}},
		{"a name that is a list", debugPath, `{"version":"1.0.0","name":["a"]}`, inventory.Facts{
			Packages: []inventory.Package{npm("", "debug", "1.0.0")},
			Problems: []string{`name of package "" is not a text: "[\"a\"]"`},
		}},
		{"a long version", debugPath, `{"name":"a","version":"` + strings.Repeat("1", maxName+1) + `"}`, inventory.Facts{Problems: []string{
			`version of package "a" is too long: ` + fmt.Sprintf("%q", lines.Clip(`"`+strings.Repeat("1", 100))), `package "a" has no version`,
		}}},
		{"a long name", debugPath, `{"version":"1.0.0","name":"` + strings.Repeat("n", maxName+1) + `"}`, inventory.Facts{
			Packages: []inventory.Package{npm("", "debug", "1.0.0")},
			Problems: []string{`name of package "" is too long: ` + fmt.Sprintf("%q", lines.Clip(`"`+strings.Repeat("n", 100)))},
		}},
		{"a long licence", debugPath, `{"name":"a","version":"1.0.0","license":"` + strings.Repeat("x", maxText+1) + `"}`, inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`a licence of package "a" is too long: ` + fmt.Sprintf("%q", lines.Clip(strings.Repeat("x", 100)))},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractBadNames(t *testing.T) {
	for _, name := range []string{"@s", "@/a", "@s/", "a/b", "../a", ".a", "@s/.a", "a b", "a\x00", "@s/@t/a", "a\x7f", `a\\b`, strings.Repeat("n", maxName)} {
		content := `{"name":"` + strings.ReplaceAll(strings.ReplaceAll(name, "\x00", `\u0000`), "\x7f", `\u007f`) + `","version":"1"}`
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(debugPath, content))
		require.NoErrorf(t, err, "%q", name)
		if len(name) == maxName { // the longest good one
			assert.Lenf(t, facts.Packages, 1, "%q", name)
			continue
		}
		assert.Emptyf(t, facts.Packages, "%q", name)
		require.Lenf(t, facts.Problems, 1, "%q", name)
		assert.Containsf(t, facts.Problems[0], "no name of a package", "%q", name)
	}
}

func TestExtractManyParts(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"name":"a","version":"1","licenses":[`)
	for i := range maxLicenses + 5 {
		fmt.Fprintf(&b, `"l%d",`, i)
	}
	b.WriteString(`""],"dependencies":{`)
	for i := range maxRequires + 5 {
		fmt.Fprintf(&b, `"d%d":"",`, i)
	}
	b.WriteString(`"last":""}}`)
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(debugPath, b.String()))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 1)
	assert.Len(t, facts.Packages[0].Licenses, maxLicenses)
	assert.Len(t, facts.Packages[0].Requires, maxRequires)
	assert.Contains(t, facts.Problems, `package "a" has more than 100 licences`)
	assert.Contains(t, facts.Problems, `package "a" requires more than 10000 packages`)
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
		{"canceled", debugPath, canceled, strings.NewReader(`{"name":"a"}`), context.Canceled, ""},
		{"canceled, inside a package", "node_modules/a/b/package.json", canceled, strings.NewReader(`{"name":"a"}`), context.Canceled, ""},
		{"read error", debugPath, t.Context(), io.MultiReader(strings.NewReader(`{`), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", debugPath, t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 8388608 bytes"},
		{"empty", debugPath, t.Context(), strings.NewReader(""), nil, "byte 0: unexpected end"},
		{"cut off", debugPath, t.Context(), strings.NewReader(`{"name":"a","version":"1.0.0"`), nil, "byte 29: unexpected end"},
		{"not JSON", debugPath, t.Context(), strings.NewReader("{name: a}"), nil, "byte 2: invalid character"},
		{"a list", debugPath, t.Context(), strings.NewReader(`["name"]`), nil, "not a JSON object"},
		{"a text", debugPath, t.Context(), strings.NewReader(`"name"`), nil, "not a JSON object"},
		{"deeper than any parser goes", debugPath, t.Context(), io.MultiReader(strings.NewReader(`{"x":` + strings.Repeat("[", 1<<20))), nil, "exceeded max depth"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(tt.path, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
	// A stated size is enough to refuse a file.
	_, err := Extractor{}.Extract(t.Context(), inventory.NewFile(debugPath, 0o644, maxFile+1, iotest.ErrReader(broken), nil))
	assert.ErrorIs(t, err, inventory.ErrTooLarge)
}

func FuzzExtract(f *testing.F) {
	for _, name := range []string{"debug.json", "babel-code-frame.json", "yarn.json"} {
		f.Add(debugPath, extracttest.Fixture(f, "package", name))
	}
	f.Add("app/.pnp.cjs", extracttest.Fixture(f, "yarn-4", "pnp.cjs"))
	f.Add("app/.pnp.js", extracttest.Fixture(f, "yarn-3", "pnp.cjs"))
	f.Add(".pnp.data.json", `{"packageRegistryData":[[null,[[null,{}]]],["a",[["npm:1",{"packageDependencies":[["b",["@s/c","npm:2"]],["d",null]]}]]]]}`)
	f.Add("usr/share/nodejs/@s/a/package.json", `{"name":"\u0061","version":"1","license":[{"type":"x"},[]],"dependencies":{"x":"npm:@b@1","":""}}`)
	f.Add("opt/x/package.json", `{"name":"a","version":"1","bin":{},"x":[[[1,-2e3,true]],"\\"]}`)
	f.Fuzz(func(t *testing.T, name, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(name, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		if err != nil {
			return
		}
		// Nothing is dropped in silence.
		if strings.HasSuffix(name, "/package.json") {
			require.NotZero(t, len(facts.Packages)+facts.Ignored+len(facts.Problems))
		}
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.LessOrEqual(t, len(p.Name)+len(p.Namespace), maxName)
			require.NotContains(t, p.Name, "/")
			if p.Namespace != "" {
				require.Equal(t, byte('@'), p.Namespace[0])
			}
			seen := map[string]bool{}
			for _, r := range p.Requires {
				require.False(t, seen[r], r)
				seen[r] = true
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	for _, name := range []string{"debug.json", "babel-code-frame.json"} {
		content := []byte(extracttest.Fixture(b, "package", name))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(debugPath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
				if err != nil || len(facts.Packages) != 1 {
					b.Fatal(facts, err)
				}
			}
		})
	}
}
