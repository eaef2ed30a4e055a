package dotnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const appPath = "app/App.deps.json"

func nuget(name, version string, requires ...string) inventory.Package {
	return inventory.Package{Type: "nuget", Name: name, Version: version, Requires: requires}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "dotnet", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		appPath: true,
		"usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/Microsoft.NETCore.App.deps.json": true,
		"app/App.runtimeconfig.json": false,
		"app/deps.json":              false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(appPath, extracttest.Fixture(t, "portable", "Azure.Generator.deps.json")))
	require.NoError(t, err)
	assert.Empty(t, facts.Problems)
	assert.Len(t, facts.Packages, 48) // libraries of the type package
	assert.Equal(t, 1, facts.Ignored) // the application
	assert.Contains(t, facts.Packages, nuget("System.Memory.Data", "10.0.10"))

	facts, err = Extractor{}.Extract(t.Context(), extracttest.File(appPath, extracttest.Fixture(t, "self-contained", "dotnetapp.deps.json")))
	require.NoError(t, err)
	assert.Empty(t, facts.Problems)
	assert.Len(t, facts.Packages, 52)
	assert.Equal(t, 1, facts.Ignored)
	assert.Equal(t, nuget("Microsoft.NETCore.App.Runtime.win-x64", "8.0.14"), facts.Packages[0])
	assert.Contains(t, facts.Packages, nuget("Newtonsoft.Json", "13.0.3"))
	assert.Contains(t, facts.Packages, nuget("Humanizer.Core.af", "2.14.1", "Humanizer.Core@2.14.1"))
}

// deps returns a deps.json for the target t with libraries in it.
func deps(inTarget, libraries string) string {
	return `{"runtimeTarget":{"name":"t"},"targets":{"t":{` + inTarget + `}},"libraries":{` + libraries + `}}`
}

func TestExtract(t *testing.T) {
	const shared = "usr/share/dotnet/shared/"
	a := nuget("A", "1.0")
	pack := `"A/1.0":{"type":"package"}`
	tests := []struct {
		name, path, content string
		want                inventory.Facts
	}{
		{"an empty object", appPath, "{}", inventory.Facts{}},
		{"another kind of file", appPath, `{"dependencies":{"a":"1"}}`, inventory.Facts{}},
		{"with a byte order mark", appPath, "\xef\xbb\xbf" + deps(`"A/1.0":{"runtime":{"a.dll":{}}}`, pack), inventory.Facts{Packages: []inventory.Package{a}}},
		{"in the order of the file", appPath, deps("", `"B/2":{"type":"package"},"A/1.0":{"type":"package"}`), inventory.Facts{Packages: []inventory.Package{nuget("B", "2"), a}}},
		{"twice", appPath, deps("", pack+","+pack), inventory.Facts{Packages: []inventory.Package{a}}},
		{"two versions", appPath, deps("", pack+`,"A/2.0":{"type":"package"}`), inventory.Facts{Packages: []inventory.Package{a, nuget("A", "2.0")}}},
		{"not in the target", appPath, deps("", pack), inventory.Facts{Packages: []inventory.Package{a}}},
		{"no targets", appPath, `{"libraries":{` + pack + `}}`, inventory.Facts{Packages: []inventory.Package{a}}},
		{"null in all places", appPath, `{"runtimeTarget":null,"targets":null,"libraries":{"A/1.0":{"type":"package"}}}`, inventory.Facts{Packages: []inventory.Package{a}}},
		{"the first version of the format", appPath, `{"runtimeTarget":"t","targets":{"t":{"A/1.0":{}}},"libraries":{` + pack + `}}`, inventory.Facts{Ignored: 1}},
		{"replaced by the runtime", appPath, deps(`"A/1.0":{"runtime":{ }}`, pack), inventory.Facts{Ignored: 1}},
		{"only to compile with", appPath, deps(`"A/1.0":{"compileOnly":true,"dependencies":{"B":"1"}}`, pack), inventory.Facts{Ignored: 1}},
		{"only native files", appPath, deps(`"A/1.0":{"native":{"a.so":{}}}`, pack), inventory.Facts{Packages: []inventory.Package{a}}},
		{"only files for some platforms", appPath, deps(`"A/1.0":{"runtimeTargets":{"a.so":{}}}`, pack), inventory.Facts{Packages: []inventory.Package{a}}},
		{"only translations", appPath, deps(`"A/1.0":{"resources":{"a.dll":{}}}`, pack), inventory.Facts{Packages: []inventory.Package{a}}},
		{"only requirements", appPath, deps(`"A/1.0":{"dependencies":{"B":"2.0","runtimepack.C":"3","B":"2.0","D":""}}`, pack), inventory.Facts{Packages: []inventory.Package{nuget("A", "1.0", "B@2.0", "C@3", "D")}}},
		{
			"another target is not the one that runs", appPath,
			`{"runtimeTarget":{"name":"t/linux-x64"},"targets":{"t":{"A/1.0":{"runtime":{"a":{}}}},"t/linux-x64":{"A/1.0":{}}},"libraries":{` + pack + `}}`,
			inventory.Facts{Ignored: 1},
		},
		{
			"the target that runs is missing: all count", appPath,
			`{"runtimeTarget":{"name":"x"},"targets":{"t":{"A/1.0":{"runtime":{"a":{}}}},"u":{"A/1.0":{}}},"libraries":{` + pack + `}}`,
			inventory.Facts{Packages: []inventory.Package{a}},
		},
		{"other types", appPath, deps("", `"App/1.0":{"type":"project"},"R/1":{"type":"reference"},"X/1":{}`), inventory.Facts{Ignored: 3}},
		{"a runtime in the application", appPath, deps("", `"runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1":{"type":"runtimepack"}`), inventory.Facts{Packages: []inventory.Package{nuget("Microsoft.NETCore.App.Runtime.linux-x64", "8.0.1")}}},
		{
			"a shared runtime that names its package", shared + "Microsoft.NETCore.App/8.0.1/Microsoft.NETCore.App.deps.json",
			`{"runtimeTarget":{"name":".NETCoreApp,Version=v8.0/linux-x64"},"libraries":{"Microsoft.NETCore.App.Runtime.linux-x64/8.0.1":{"type":"package"}}}`,
			inventory.Facts{Packages: []inventory.Package{nuget("Microsoft.NETCore.App.Runtime.linux-x64", "8.0.1")}},
		},
		{
			"a shared runtime that does not", shared + "Microsoft.AspNetCore.App/8.0.1/Microsoft.AspNetCore.App.deps.json",
			`{"runtimeTarget":{"name":".NETCoreApp,Version=v8.0/linux-musl-x64"}}`,
			inventory.Facts{Packages: []inventory.Package{nuget("Microsoft.AspNetCore.App.Runtime.linux-musl-x64", "8.0.1")}},
		},
		{
			"a shared runtime without a platform", shared + "Microsoft.AspNetCore.App/8.0.1/Microsoft.AspNetCore.App.deps.json", `{}`,
			inventory.Facts{Packages: []inventory.Package{nuget("Microsoft.AspNetCore.App", "8.0.1")}},
		},
		{
			"a shared runtime before 3.0", shared + "Microsoft.NETCore.App/2.1.30/Microsoft.NETCore.App.deps.json",
			`{"runtimeTarget":{"name":".NETCoreApp,Version=v2.1/linux-x64"}}`,
			inventory.Facts{Packages: []inventory.Package{nuget("Microsoft.NETCore.App", "2.1.30")}},
		},
		{"a folder that is no version", "srv/shared/lib/x/lib.deps.json", `{}`, inventory.Facts{}},
		{"a folder that is not shared", "srv/plugins/lib/1.0/lib.deps.json", `{}`, inventory.Facts{}},
		{"no version", appPath, deps("", `"A":{"type":"package"},"B/":{"type":"package"},"/1":{"type":"package"},"runtimepack./1":{"type":"runtimepack"},`+pack), inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`library "A" has no name or no version`, `library "B/" has no name or no version`, `library "/1" has no name or no version`, `library "runtimepack./1" has no name or no version`},
		}},
		{"a library that is none", appPath, deps("", `"B/1":5,`+pack), inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`library "B/1" cannot be understood: json: cannot unmarshal number into Go value of type dotnet.libraryDeclaration`},
		}},
		{"a library of a target that is none", appPath, deps(`"B/1":5,"A/1.0":{"runtime":[],"dependencies":{"B":7,"":"1"}}`, pack), inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`library "B/1" of a target cannot be understood: json: cannot unmarshal number into Go value of type dotnet.inTarget`},
		}},
		{"a target that is none", appPath, `{"runtimeTarget":{"name":"t"},"targets":{"t":[1]},"libraries":{` + pack + `}}`, inventory.Facts{
			Packages: []inventory.Package{a},
			Problems: []string{`target "t" cannot be understood: not an object: "[1]"`},
		}},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, tt.name)
		assert.Equalf(t, tt.want, facts, tt.name)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	var many strings.Builder
	for i := range maxLibraries + 1 {
		fmt.Fprintf(&many, `"A/%d":{},`, i)
	}
	for name, tt := range map[string]struct {
		ctx     context.Context
		content io.Reader
		is      error
		text    string
	}{
		"canceled":        {canceled, strings.NewReader("{}"), context.Canceled, ""},
		"read error":      {t.Context(), iotest.ErrReader(broken), broken, ""},
		"too large":       {t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 16777216 bytes"},
		"many libraries":  {t.Context(), strings.NewReader(deps("", strings.TrimSuffix(many.String(), ","))), inventory.ErrTooLarge, "more than 100000 members"},
		"empty":           {t.Context(), strings.NewReader(""), nil, "unexpected end"},
		"cut off":         {t.Context(), strings.NewReader(`{"libraries":{"A/1":{"type":"pack`), nil, "unexpected end"},
		"not an object":   {t.Context(), strings.NewReader(`[]`), nil, "cannot unmarshal array"},
		"other libraries": {t.Context(), strings.NewReader(`{"libraries":["a"]}`), nil, "not an object"},
		"nested deep":     {t.Context(), strings.NewReader(`{"targets":` + strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20001)), nil, "exceeded max depth"},
	} {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(appPath, 0o644, 1, tt.content, nil))
		require.Error(t, err, name)
		if tt.is != nil {
			assert.ErrorIs(t, err, tt.is, name)
		}
		assert.ErrorContains(t, err, tt.text, name)
		assert.Zero(t, facts, name)
	}
}

func TestProblemsAreFew(t *testing.T) {
	content := deps("", strings.TrimSuffix(strings.Repeat(`"`+strings.Repeat("n", 1000)+`":{"type":"package"},`, 100), ","))
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(appPath, content))
	require.NoError(t, err)
	require.Len(t, facts.Problems, lines.MaxProblems+1)
	assert.Less(t, len(facts.Problems[0]), 200)
}

func FuzzExtract(f *testing.F) {
	for _, s := range []string{
		extracttest.Fixture(f, "portable", "Azure.Generator.deps.json")[:4000],
		deps(`"A/1.0":{"dependencies":{"B":"2.0"},"runtime":{"a":{}}},"C/1":5`, `"A/1.0":{"type":"package"},"C/1":{"type":"package"},"D":{"type":"runtimepack"}`),
		`{"runtimeTarget":"t/x","targets":null,"libraries":{"A/1":{"type":"package"}}}`,
		"{}",
	} {
		f.Add(s)
	}
	const name = "shared/F/8.0/F.deps.json"
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
		extracttest.Check(t, facts, err)
		for _, p := range facts.Packages {
			require.Equal(t, "nuget", p.Type)
			require.NotEmpty(t, p.Version)
		}
		require.LessOrEqual(t, len(facts.Packages)+facts.Ignored, 1+strings.Count(content, ":"))
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(name, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, err == nil, errAgain == nil)
		require.True(t, reflect.DeepEqual(facts, again))
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "portable", "Azure.Generator.deps.json")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(appPath, content))
		if err != nil || len(facts.Packages) != 48 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
