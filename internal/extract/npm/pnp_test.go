package npm

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestTableFixtures(t *testing.T) {
	tests := []struct {
		version string
		want    inventory.Facts
	}{
		{"yarn-4", inventory.Facts{Ignored: 2, Packages: []inventory.Package{
			requires(npm("@babel", "code-frame", "7.12.13"), "@babel/highlight@7.25.9"),
			npm("@babel", "helper-validator-identifier", "7.29.7"),
			requires(npm("@babel", "highlight", "7.25.9"), "@babel/helper-validator-identifier@7.29.7", "chalk@2.4.2", "js-tokens@4.0.0", "picocolors@1.1.1"),
			requires(npm("", "ansi-styles", "3.2.1"), "color-convert@1.9.3"),
			requires(npm("", "chalk", "2.4.2"), "ansi-styles@3.2.1", "escape-string-regexp@1.0.5", "supports-color@5.5.0"),
			requires(npm("", "color-convert", "1.9.3"), "color-name@1.1.3"),
			npm("", "color-name", "1.1.3"),
			npm("", "core-js", "3.20.0"),
			requires(npm("", "debug", "4.3.4"), "ms@2.1.2"),
			npm("", "escape-string-regexp", "1.0.5"),
			npm("", "has-flag", "3.0.0"),
			npm("", "js-tokens", "4.0.0"),
			npm("", "ms", "2.0.0"),
			npm("", "ms", "2.1.2"),
			npm("", "picocolors", "1.1.1"),
			requires(npm("", "supports-color", "5.5.0"), "has-flag@3.0.0"),
		}}},
		{"yarn-3", inventory.Facts{Ignored: 2, Packages: []inventory.Package{
			requires(npm("", "debug", "4.3.4"), "ms@2.1.2"),
			npm("", "function-bind", "1.1.2"),
			requires(npm("", "hasown", "2.0.4"), "function-bind@1.1.2"),
			requires(npm("", "is-core-module", "2.18.0"), "hasown@2.0.4"),
			npm("", "ms", "2.0.0"),
			npm("", "ms", "2.1.2"),
			npm("", "path-parse", "1.0.7"),
			requires(npm("", "resolve", "1.22.0"), "is-core-module@2.18.0", "path-parse@1.0.7", "supports-preserve-symlinks-flag@1.0.0"),
			npm("", "supports-preserve-symlinks-flag", "1.0.0"),
		}}},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File("app/.pnp.cjs", extracttest.Fixture(t, tt.version, "pnp.cjs")))
		require.NoError(t, err, tt.version)
		assert.Equal(t, tt.want, facts, tt.version)
	}
}

func TestTable(t *testing.T) {
	a := npm("", "a", "1.0.0")
	found := func(p ...inventory.Package) inventory.Facts { return inventory.Facts{Packages: p} }
	registry := func(s string) string { return `{"x":1,"packageRegistryData":[` + s + `]}` }
	tests := []struct {
		name, path, content string
		want                inventory.Facts
	}{
		{"empty", ".pnp.data.json", registry(""), inventory.Facts{}},
		{"data", ".pnp.data.json", registry(`["a",[["npm:1.0.0",{}]]]`), found(a)},
		{"an argument, yarn 2", ".pnp.js", `function hydrateRuntimeState(data){} x = hydrateRuntimeState( ` + registry(`["a",[["npm:1.0.0",{}]]]`) + `, {basePath: b})`, found(a)},
		{"an argument in quotes", ".pnp.cjs", `hydrateRuntimeState(JSON.parse('{"packageRegistryData":[["a",[["npm:1.0.0",{"\\u0078":"\'"}]]]]}'), {})`, found(a)},
		{"data that lie elsewhere", ".pnp.cjs", `fs.readFileSync(require.resolve("./.pnp.data.json"))`, inventory.Facts{Ignored: 1}},
		{"yarn 1", ".pnp.js", `let packageInformationStores = new Map([["a",`, inventory.Facts{Ignored: 1}},
		{"the application", ".pnp.data.json", registry(`[null,[[null,{}]]],["app",[["workspace:.",{}]]],["l",[["virtual:x#workspace:l",{}],["link:../l::locator=app",{}],["portal:../l",{}]]]`), inventory.Facts{Ignored: 5}},
		{
			"one package for different peers", ".pnp.data.json",
			registry(`["a",[["npm:1.0.0",{"linkType":"SOFT"}],["virtual:x#npm:1.0.0",{"packageDependencies":[["a","virtual:x#npm:1.0.0"],["b","npm:1.0.0"],["p","npm:1.0.0"],["n",null]],"packagePeers":["p"]}],["virtual:y#npm:1.0.0",{"packageDependencies":[["b","npm:1.0.0"],["c","npm:2.0.0"]]}]]]`),
			found(requires(a, "b@1.0.0", "c@2.0.0")),
		},
		{"an address of its own", ".pnp.data.json", registry(`["a",[["npm:1.0.0::__archiveUrl=https%3A%2F%2Fr.example%2Fa",{}]]]`), found(a)},
		{"patched", ".pnp.data.json", registry(`["a",[["patch:a@npm%3A1.0.0#x::version=1.0.0&hash=2",{}]]]`), found(a)},
		{"aliases", ".pnp.data.json", registry(`["a",[["npm:1.0.0",{"packageDependencies":[["x",["@s/b","npm:1.0.0"]],["y",["z"]],["w",["v",null]],["l","link:x"],[]]}]]]`), found(requires(a, "@s/b@1.0.0"))},
		{"no version, no name, no pairs", ".pnp.data.json", registry(`["g",[["https://r.example/g.git#commit=1",{}],["patch:a",{}],["patch:a::hash=1",{}],["npm:",{}]]],["../x",[["npm:1",{}]]],7,["b",[["npm:1.0.0"]]],["a",[["npm:1.0.0",null]]]`), inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{
				`package "g" has no version, its reference is "https://r.example/g.git#commit=1"`,
				`package "g" has no version, its reference is "patch:a"`,
				`package "g" has no version, its reference is "patch:a::hash=1"`,
				`package "g" has no version, its reference is "npm:"`,
				`"../x" is no name of a package`,
				`not a pair of a name and its packages: "7"`,
				`not a pair of a reference and a package: "[\"npm:1.0.0\"]"`,
			},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestTableErrors(t *testing.T) {
	edge := strings.TrimSuffix(strings.Repeat(`["a",null],`, maxEdges+1), ",")
	tests := []struct {
		name, path, content string
		is                  error
		text                string
	}{
		{"no table", ".pnp.cjs", "module.exports = {}", nil, "no table"},
		{"a text without end", ".pnp.cjs", "const RAW_RUNTIME_STATE =\n'{}", nil, "no table"},
		{"a text that ends with a backslash", ".pnp.cjs", "const RAW_RUNTIME_STATE =\n'{}\\", nil, "no table"},
		{"bad text", ".pnp.cjs", "const RAW_RUNTIME_STATE =\n'{';", nil, "byte 1: unexpected end"},
		{"an argument without end", ".pnp.cjs", `hydrateRuntimeState({"a":[`, nil, "unexpected end"},
		{"other JSON", ".pnp.data.json", "{}", nil, "no packageRegistryData"},
		{"no JSON", ".pnp.data.json", "", nil, "unexpected end"},
		{"dependencies without end", ".pnp.data.json", `{"packageRegistryData":[["a",[["npm:1",{"packageDependencies":[` + edge + `]}]]]]}`, inventory.ErrTooLarge, "more than 500000 dependencies"},
		{"packages without end", ".pnp.data.json", manyPackages(maxPackages + 1), inventory.ErrTooLarge, "more than 50000 packages"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
	facts, err := Extractor{}.Extract(t.Context(), inventory.NewFile(".pnp.cjs", 0o644, 0, extracttest.Endless("x"), nil))
	require.ErrorIs(t, err, inventory.ErrTooLarge)
	assert.Zero(t, facts)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Extractor{}.Extract(canceled, extracttest.File(".pnp.data.json", manyPackages(2)))
	require.ErrorIs(t, err, context.Canceled)
	p := tableParser{ctx: canceled}
	p.named([]byte(`["a",[["npm:1",{}]]]`))
	require.ErrorIs(t, p.err, context.Canceled, "in the middle of a table")
}

func manyPackages(n int) string {
	var b strings.Builder
	b.WriteString(`{"packageRegistryData":[["a",[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `["npm:1.0.%d",{}]`, i)
	}
	b.WriteString(`]]]}`)
	return b.String()
}

func BenchmarkTable(b *testing.B) {
	content := manyPackages(2000) // a large application
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(".pnp.data.json", content))
		if err != nil || len(facts.Packages) != 2000 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
