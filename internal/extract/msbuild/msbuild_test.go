package msbuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const projectPath = "src/app/app.csproj"

func pkg(line int, name, version string) inventory.Package {
	return inventory.Package{Type: "nuget", Name: name, Version: version, Relation: inventory.Direct, Line: line}
}

func open(line int, name, constraint string) inventory.Package {
	return inventory.Package{Type: "nuget", Name: name, Constraint: constraint, Relation: inventory.Direct, Line: line}
}

func dev(p inventory.Package) inventory.Package {
	p.Development = true
	return p
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "msbuild", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		projectPath:                 true,
		"a.fsproj":                  true,
		"x/a.vbproj":                true,
		"Directory.Packages.props":  true,
		"x/Directory.Build.props":   true,
		"x/Directory.Build.targets": true,
		"x/other.props":             false,
		"x/a.sln":                   false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(projectPath, extracttest.Fixture(t, "net8", "dotnetapp.csproj")))
	require.NoError(t, err)
	assert.Empty(t, facts.Problems)
	assert.Equal(t, []inventory.Package{dev(pkg(9, "Newtonsoft.Json", "13.0.3")), dev(pkg(10, "Humanizer", "2.14.1"))}, facts.Packages)
	unused := pkg(5, "Newtonsoft.Json", "9.0.1")
	unused.Relation = inventory.RelationUnknown
	assert.Equal(t, map[string][]inventory.Package{packagesProps: {unused}}, join(t, map[string]string{packagesProps: extracttest.Fixture(t, "central", packagesProps)}))
}

// item wraps items of a project.
func items(s string) string {
	return "<Project Sdk=\"Microsoft.NET.Sdk\">\n<ItemGroup>" + s + "</ItemGroup></Project>"
}

func TestExtract(t *testing.T) {
	const a = `<PackageReference Include="A" Version="1.0.0"/>`
	tests := []struct {
		name, content string
		packages      []inventory.Package
		ignored       int
		problems      []string
	}{
		{"empty", "<Project/>", nil, 0, nil},
		{"version as attribute", items(a), []inventory.Package{pkg(2, "A", "1.0.0")}, 0, nil},
		{"and as element", items("<PackageReference Include=' A '>\n<Version> 1.0.0-rc.1\n</Version>\n<Other>2</Other></PackageReference>"), []inventory.Package{pkg(2, "A", "1.0.0-rc.1")}, 0, nil},
		{"the namespace of older projects", `<Project xmlns="http://schemas.microsoft.com/developer/msbuild/2003"><ItemGroup>` + a + `</ItemGroup></Project>`, []inventory.Package{pkg(1, "A", "1.0.0")}, 0, nil},
		{"the version of one project", items(`<PackageReference Include="A" Version="1" VersionOverride="2.0"/>`), []inventory.Package{pkg(2, "A", "2.0")}, 0, nil},
		{"one version only", items(`<PackageReference Include="A" Version="[1.2.3]"/>`), []inventory.Package{pkg(2, "A", "1.2.3")}, 0, nil},
		{"ranges", items(`<PackageReference Include="A" Version="1.*"/><PackageReference Include="B" Version="[1,2)"/><PackageReference Include="C" Version="*"/>`), []inventory.Package{open(2, "A", "1.*"), open(2, "B", "[1,2)"), open(2, "C", "*")}, 0, nil},
		{"for the build", items(`<PackageReference Include="A" Version="1" PrivateAssets="All"/><PackageReference Include="B" Version="1"><PrivateAssets>compile; all</PrivateAssets></PackageReference><PackageReference Include="C" Version="1" PrivateAssets="compile"/>`), []inventory.Package{dev(pkg(2, "A", "1")), dev(pkg(2, "B", "1")), pkg(2, "C", "1")}, 0, nil},
		{"tools", items(`<DotNetCliToolReference Include="A" Version="1"/>`), []inventory.Package{dev(pkg(2, "A", "1"))}, 0, nil},
		{"several names", items(`<PackageReference Include="A; B;" Version="1"/>`), []inventory.Package{pkg(2, "A", "1"), pkg(2, "B", "1")}, 0, nil},
		{"no references", items(`<PackageReference Remove="A"/><PackageReference Update="A" PrivateAssets="all"/><Reference Include="B"/>`), nil, 2, nil},
		{"an update is one in a project", items(`<PackageReference Update="A" Version="1"/>`), []inventory.Package{pkg(2, "A", "1")}, 0, nil},
		{"elsewhere", `<Project><PackageReference Include="A" Version="1"/><PropertyGroup><PackageReference>x</PackageReference></PropertyGroup></Project>`, nil, 0, nil},

		// One bad record must not hide the others.
		{
			"bad records", items(`<PackageReference/><PackageReference Include="@(X)" Version="1"/><PackageReference Include="B" Version="` + strings.Repeat("1", maxValue+1) + `"/>` + a),
			[]inventory.Package{pkg(2, "A", "1.0.0")},
			0,
			[]string{"line 2: PackageReference names no package", `line 2: "@(X)" is no name of a package`, fmt.Sprintf("line 2: a version is longer than 1024 bytes: %q", strings.Repeat("1", 80)+"…")},
		},
		{"cut off", "<Project><ItemGroup>" + a + "<Pack", []inventory.Package{pkg(1, "A", "1.0.0")}, 0, []string{"the file ends early or is damaged: XML syntax error on line 1: unexpected EOF"}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(projectPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.NotEmptyf(t, got.Data, "Extract, %s", tt.name)
		got.Data = nil
		assert.Equalf(t, inventory.Facts{Declared: true, Packages: tt.packages, Ignored: tt.ignored, Problems: tt.problems}, got, "Extract, %s", tt.name)
	}
}

// join returns the packages of files by path, those of Join behind those of
// Extract.
func join(t *testing.T, files map[string]string) map[string][]inventory.Package {
	t.Helper()
	data := map[string][]byte{}
	packages := map[string][]inventory.Package{}
	for name, content := range files {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
		require.NoError(t, err, name)
		require.Empty(t, facts.Problems, name)
		data[name] = facts.Data
		if len(facts.Packages) > 0 {
			packages[name] = facts.Packages
		}
	}
	joined, err := Extractor{}.Join(t.Context(), data)
	require.NoError(t, err)
	for name, facts := range joined {
		require.True(t, facts.Declared, name)
		packages[name] = append(packages[name], facts.Packages...)
	}
	return packages
}

func TestJoin(t *testing.T) {
	properties := func(s string) string { return "<PropertyGroup>" + s + "</PropertyGroup>" }
	project := func(parts ...string) string { return "<Project>" + strings.Join(parts, "") + "</Project>" }
	group := func(s string) string { return "<ItemGroup>" + s + "</ItemGroup>" }
	const refA = `<PackageReference Include="A"/>`
	const refX = `<PackageReference Include="A" Version="$(X)"/>`
	central := func(version string) string {
		return group(`<PackageVersion Include="a" Version="` + version + `"/>`)
	}
	const importAbove = `<Import Project="$([MSBuild]::GetPathOfFileAbove(Directory.Packages.props, $(MSBuildThisFileDirectory)..))"/>`
	unused := pkg(1, "a", "1.0")
	unused.Relation = inventory.RelationUnknown
	tests := []struct {
		name  string
		files map[string]string
		want  map[string][]inventory.Package
	}{
		{"no version anywhere", map[string]string{"a.csproj": project(group(refA))}, map[string][]inventory.Package{"a.csproj": {open(1, "A", "*")}}},
		{
			"the closest file, in any case",
			map[string]string{"x/y/a.csproj": project(group(refA)), "x/Directory.Packages.props": project(central("2.0")), "Directory.Packages.props": project(central("1.0")), "z/a.csproj": project(group(refA))},
			map[string][]inventory.Package{"x/y/a.csproj": {pkg(1, "A", "2.0")}, "z/a.csproj": {pkg(1, "A", "1.0")}},
		},
		{
			"the one above counts only if it is imported",
			map[string]string{"x/a.csproj": project(group(refA)), "x/Directory.Packages.props": project(), "y/a.csproj": project(group(refA)), "y/Directory.Packages.props": project(importAbove), "Directory.Packages.props": project(central("1.0"))},
			map[string][]inventory.Package{"x/a.csproj": {open(1, "A", "*")}, "y/a.csproj": {pkg(1, "A", "1.0")}},
		},
		{"versions by condition", map[string]string{"a.csproj": project(group(refA)), "Directory.Packages.props": project(central("1.0"), central("2.0"), central("1.0"))}, map[string][]inventory.Package{"a.csproj": {pkg(1, "A", "1.0"), pkg(1, "A", "2.0")}}},
		{"no project below", map[string]string{"x/Directory.Packages.props": project(central("1.0"))}, map[string][]inventory.Package{"x/Directory.Packages.props": {unused}}},
		{"a version that no project wants", map[string]string{"a.csproj": project(), "Directory.Packages.props": project(central("1.0"))}, map[string][]inventory.Package{}},
		{"for all projects", map[string]string{"Directory.Packages.props": project(group(`<GlobalPackageReference Include="A" Version="1.0"/>`))}, map[string][]inventory.Package{"Directory.Packages.props": {dev(pkg(1, "A", "1.0"))}}},
		{"references for all projects", map[string]string{"Directory.Build.props": project(group(refA)), "Directory.Packages.props": project(central("1.0")), "x/a.csproj": project()}, map[string][]inventory.Package{"Directory.Build.props": {pkg(1, "A", "1.0")}}},
		{"versions by an update", map[string]string{"Directory.Build.targets": project(group(`<PackageReference Update="A" Version="1.0"/>`)), "x/a.csproj": project(group(refA))}, map[string][]inventory.Package{"x/a.csproj": {pkg(1, "A", "1.0")}}},
		{"a property of the file, in any case", map[string]string{"a.csproj": project(properties("<x>1.0</x>"), group(refX))}, map[string][]inventory.Package{"a.csproj": {pkg(1, "A", "1.0")}}},
		{"a property of the folder", map[string]string{"x/a.csproj": project(group(refX)), "Directory.Build.props": project(properties("<X>1.$(Y)</X><Y>2</Y>"))}, map[string][]inventory.Package{"x/a.csproj": {pkg(1, "A", "1.2")}}},
		{"the last one counts", map[string]string{"a.csproj": project(properties("<X>1</X><X>2</X>"), group(refX)), "Directory.Build.props": project(properties("<X>3</X>"))}, map[string][]inventory.Package{"a.csproj": {pkg(1, "A", "2")}}},
		{"central versions by the project's property", map[string]string{"a.csproj": project(properties("<X>2</X>"), group(refA)), "Directory.Packages.props": project(properties("<X Condition=\"'$(X)' == ''\">1</X>"), central("$(X)"))}, map[string][]inventory.Package{"a.csproj": {pkg(1, "A", "2")}}},
		{"a default", map[string]string{"a.csproj": project(properties("<X Condition=\" '$(X)' == '' \">1</X>"), group(refX))}, map[string][]inventory.Package{"a.csproj": {pkg(1, "A", "1")}}},
		{"a default where it is set", map[string]string{"a.csproj": project(properties("<X Condition=\"'$(X)'==''\">1</X>"), group(refX)), "Directory.Build.props": project(properties("<X>2</X>"))}, map[string][]inventory.Package{"a.csproj": {pkg(1, "A", "2")}}},
		{"a condition", map[string]string{"a.csproj": project(properties("<X>1</X><X Condition=\"'$(Y)'=='z'\">2</X>"), group(refX))}, map[string][]inventory.Package{"a.csproj": {open(1, "A", "$(X)")}}},
		{"a condition of the group", map[string]string{"a.csproj": project("<PropertyGroup Condition=\"'$(Y)'=='z'\"><X>1</X></PropertyGroup>", properties("<X Condition=\"'$(X)'==''\">2</X>"), group(refX))}, map[string][]inventory.Package{"a.csproj": {open(1, "A", "$(X)")}}},
		{"a choice", map[string]string{"a.csproj": project("<Choose><When Condition='true'>", properties("<X>1</X>"), "</When><Otherwise>", properties("<X>2</X>"), "</Otherwise></Choose>", group(refX))}, map[string][]inventory.Package{"a.csproj": {open(1, "A", "$(X)")}}},
		{"not set", map[string]string{"a.csproj": project(group(refX))}, map[string][]inventory.Package{"a.csproj": {open(1, "A", "$(X)")}}},
		{"set to nothing", map[string]string{"a.csproj": project(properties("<X></X>"), group(refX))}, map[string][]inventory.Package{"a.csproj": {open(1, "A", "*")}}},
		{"no central version either", map[string]string{"a.csproj": project(group(refA)), "Directory.Packages.props": project(group(`<PackageVersion Include="A"/>`))}, map[string][]inventory.Package{"a.csproj": {open(1, "A", "*")}}},
		{"a program", map[string]string{"a.csproj": project(properties("<X>$([System.Version]::Parse('1.0'))</X>"), group(refX))}, map[string][]inventory.Package{"a.csproj": {open(1, "A", "$(X)")}}},
		{"a loop", map[string]string{"a.csproj": project(properties("<X>$(Y)</X><Y>$(X)</Y>"), group(refX))}, map[string][]inventory.Package{"a.csproj": {open(1, "A", "$(X)")}}},
		{"growth", map[string]string{"a.csproj": project(properties("<X>$(Y)$(Y)$(Y)$(Y)</X><Y>$(Z)$(Z)$(Z)$(Z)</Y><Z>"+strings.Repeat("1", 500)+"</Z>"), group(refX))}, map[string][]inventory.Package{"a.csproj": {open(1, "A", "$(X)")}}},
		{"set more often than is kept", map[string]string{"a.csproj": project(properties(strings.Repeat("<X>1</X>", maxChoices+1)), group(refX))}, map[string][]inventory.Package{"a.csproj": {open(1, "A", "$(X)")}}},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, join(t, tt.files), "Join, %s", tt.name)
	}
}

func TestJoinErrors(t *testing.T) {
	_, err := Extractor{}.Join(t.Context(), map[string][]byte{"a.csproj": []byte("x")})
	require.ErrorContains(t, err, `"a.csproj"`)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Extractor{}.Join(canceled, map[string][]byte{"a.csproj": []byte("{}")})
	require.ErrorIs(t, err, context.Canceled)
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
		{"canceled", canceled, strings.NewReader("<Project/>"), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("<"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 8388608 bytes"},
		{"references without end", t.Context(), strings.NewReader(items(strings.Repeat("<PackageReference Include='a'/>", maxItems+1))), inventory.ErrTooLarge, "more than 5000 references"},
		{"properties without end", t.Context(), strings.NewReader("<Project><PropertyGroup>" + strings.Repeat("<a/>", maxItems+1)), inventory.ErrTooLarge, "more than 5000 properties"},
		{"elements without end", t.Context(), strings.NewReader("<Project>" + strings.Repeat("<a>", maxDepth)), inventory.ErrTooLarge, "more than 200 elements"},
		{"empty", t.Context(), strings.NewReader(""), io.EOF, "no project"},
		{"another file", t.Context(), strings.NewReader("<configuration/>"), nil, `no project: "configuration"`},
		{"not XML", t.Context(), strings.NewReader("{}"), io.EOF, "no project"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(projectPath, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "net8", "dotnetapp.csproj"), extracttest.Fixture(f, "central", "Directory.Packages.props"))
	f.Add(items(`<PackageReference Include="A" Version="$(X)"/><PackageReference Include="B"/>`), "<Project><PropertyGroup><X>$(Y)</X><Y Condition='1'>1</Y></PropertyGroup><ItemGroup><PackageVersion Include='b' Version='$(X)'/></ItemGroup></Project>")
	f.Fuzz(func(t *testing.T, content, props string) {
		data := map[string][]byte{}
		for name, content := range map[string]string{projectPath: content, "src/" + packagesProps: props} {
			facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
			extracttest.Check(t, facts, err)
			again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(name, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
			require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
			require.Equal(t, facts, again)
			for _, p := range facts.Packages {
				require.NotEqual(t, p.Version == "", p.Constraint == "")
			}
			if err == nil {
				data[name] = facts.Data
			}
		}
		joined, err := Extractor{}.Join(t.Context(), data)
		require.NoError(t, err)
		for name, facts := range joined {
			require.Contains(t, data, name)
			extracttest.Check(t, facts, nil)
			for _, p := range facts.Packages {
				require.NotEqual(t, p.Version == "", p.Constraint == "")
				require.NotContains(t, p.Version, "$")
				require.True(t, path.Base(name) == packagesProps || p.Relation == inventory.Direct)
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := items(strings.Repeat("\n    <PackageReference Include=\"Newtonsoft.Json\" Version=\"13.0.3\" />", 100))
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(projectPath, content))
		if err != nil || len(facts.Packages) != 100 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
