package nugetlock

import (
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
	"github.com/imagevet/imagevet/sbom/inventory"
)

const lockPath = "src/app/packages.lock.json"

func pkg(line int, relation inventory.Relation, name, version string, requires ...string) inventory.Package {
	return inventory.Package{Type: "nuget", Name: name, Version: version, Line: line, Relation: relation, Requires: requires}
}

func found(p ...inventory.Package) inventory.Facts {
	return inventory.Facts{Declared: true, Packages: p}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "nugetlock", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lockPath:                     true,
		"packages.lock.json":         true,
		"src/packages.app.lock.json": true,
		"src/package-lock.json":      false,
		"src/packages.config":        false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, extracttest.Fixture(t, "net5", "packages.lock.json")))
	require.NoError(t, err)
	assert.Equal(t, found(
		pkg(5, inventory.Direct, "Newtonsoft.Json", "12.0.3"),
		pkg(11, inventory.Direct, "NuGet.Frameworks", "5.7.0"),
		pkg(17, inventory.Direct, "Swashbuckle.AspNetCore", "5.5.1", "Microsoft.Extensions.ApiDescription.Server@3.0.0", "Swashbuckle.AspNetCore.Swagger@5.5.1", "Swashbuckle.AspNetCore.SwaggerGen@5.5.1", "Swashbuckle.AspNetCore.SwaggerUI@5.5.1"),
		pkg(29, inventory.Transitive, "Microsoft.Extensions.ApiDescription.Server", "3.0.0"),
		pkg(34, inventory.Transitive, "Microsoft.OpenApi", "1.1.4"),
		pkg(39, inventory.Transitive, "Swashbuckle.AspNetCore.Swagger", "5.5.1", "Microsoft.OpenApi@1.1.4"),
		pkg(47, inventory.Transitive, "Swashbuckle.AspNetCore.SwaggerGen", "5.5.1", "Swashbuckle.AspNetCore.Swagger@5.5.1"),
		pkg(55, inventory.Transitive, "Swashbuckle.AspNetCore.SwaggerUI", "5.5.1"),
	), facts)
}

// lock returns a file of one framework whose packages begin at line 2.
func lock(packages ...string) string {
	return "{\"version\":2,\"dependencies\":{\"net6.0\":{\n" + strings.Join(packages, ",\n") + "}}}"
}

func TestExtract(t *testing.T) {
	const a = `"A":{"type":"Direct","resolved":"1.0.0"}`
	ignored := found(pkg(3, inventory.Direct, "A", "1.0.0"))
	ignored.Ignored = 1
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"empty", lock(), found()},
		{"no frameworks", `{"version":1,"dependencies":{}}`, found()},
		{"byte order mark", "\xef\xbb\xbf" + lock(a), found(pkg(2, inventory.Direct, "A", "1.0.0"))},
		{"a project is not a package", lock(`"app":{"type":"Project","dependencies":{"A":"[1, )"}}`, a), ignored},
		{"pinned centrally", lock(`"A":{"type":"CentralTransitive","requested":"[1, )","resolved":"1.0.0"}`), found(pkg(2, inventory.Transitive, "A", "1.0.0"))},
		{"a later type", lock(`"A":{"type":"New","resolved":"1.0.0"}`), found(pkg(2, inventory.RelationUnknown, "A", "1.0.0"))},
		{
			"what is required is what was chosen, in any case and order", lock(`"B":{"type":"Direct","resolved":"2.0.0","dependencies":{"a":"0.9.0","Gone":"1","a":"1"}}`, a),
			found(pkg(2, inventory.Direct, "B", "2.0.0", "A@1.0.0", "Gone"), pkg(3, inventory.Direct, "A", "1.0.0")),
		},
		{
			"frameworks are one, with another version another", `{"dependencies":{"net5":{"A":{"type":"Transitive","resolved":"1.0.0"}},` + "\n" + `"net6":{` + a + `,"B":{"type":"Direct","resolved":"1","dependencies":{"A":"1"}}},` + "\n" + `"net7":{"A":{"type":"Direct","resolved":"1.1.0"},"B":{"type":"Direct","resolved":"1","dependencies":{"A":"1"}}}}}`,
			found(pkg(1, inventory.Direct, "A", "1.0.0"), pkg(2, inventory.Direct, "B", "1", "A@1.0.0", "A@1.1.0"), pkg(3, inventory.Direct, "A", "1.1.0")),
		},
		{
			"a platform has what is different", `{"dependencies":{"net6":{` + a + `},"net6/win":{"B":{"type":"Transitive","resolved":"1","dependencies":{"A":"1"}}},"net7/win":{"C":{"type":"Transitive","resolved":"1","dependencies":{"A":"1"}}}}}`,
			found(pkg(1, inventory.Direct, "A", "1.0.0"), pkg(1, inventory.Transitive, "B", "1", "A@1.0.0"), pkg(1, inventory.Transitive, "C", "1", "A")),
		},

		// One bad record must not hide the others.
		{"bad records", lock(`"X":7`, `"Y":{"type":"Direct"}`, `"":{"type":"Direct","resolved":"1"}`, `"Z":{"type":"Direct","resolved":["1"]}`, a), inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{pkg(6, inventory.Direct, "A", "1.0.0")},
			Problems: []string{`line 2 is no package: "X"`, `package "Y" has no version`, `line 4 is no package: ""`, `package "Z" has no version`},
		}},
		{"a bad framework", `{"dependencies":{"net5":[1],"net6":{` + a + `}}}`, inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{pkg(1, inventory.Direct, "A", "1.0.0")},
			Problems: []string{`framework "net5" has no object of packages`},
		}},
		{"cut off", lock(a, `"B":{"type":"Direct","resolved":"1","dependencies":{"A":"1"}}`, `"C`), inventory.Facts{
			Declared: true,
			Packages: []inventory.Package{pkg(2, inventory.Direct, "A", "1.0.0"), pkg(3, inventory.Direct, "B", "1", "A@1.0.0")},
			Problems: []string{`the file ends early or is damaged near byte 145: unexpected EOF`},
		}},
		{"long names", lock(`"`+strings.Repeat("a", maxName+1)+`":{"resolved":"1"}`, `"A":{"resolved":"`+strings.Repeat("1", maxName+1)+`"}`), inventory.Facts{
			Declared: true,
			Problems: []string{
				fmt.Sprintf("line 2 is no package: %q", strings.Repeat("a", 80)+"…"),
				fmt.Sprintf(`version of package "A" is too long: %q`, strings.Repeat("1", 80)+"…"),
			},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	const begin = `{"dependencies":{"net6":{`
	tests := []struct {
		name    string
		ctx     context.Context
		content io.Reader
		is      error
		text    string
	}{
		{"canceled", canceled, strings.NewReader(lock()), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("{"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 33554432 bytes"},
		{"packages without end", t.Context(), strings.NewReader(begin + strings.Repeat(`"a":{"resolved":"1"},`, maxEntries+1)), inventory.ErrTooLarge, "more than 50000 packages"},
		{"dependencies without end", t.Context(), strings.NewReader(begin + `"a":{"dependencies":{` + strings.Repeat(`"a":"1",`, maxRequires+1)), inventory.ErrTooLarge, "more than 500000 dependencies"},
		{"empty", t.Context(), strings.NewReader(""), io.ErrUnexpectedEOF, ""},
		{"cut off at once", t.Context(), strings.NewReader(begin), io.ErrUnexpectedEOF, ""},
		{"no object", t.Context(), strings.NewReader(`{"dependencies":[]}`), nil, "no object of dependencies"},
		{"a list", t.Context(), strings.NewReader("[]"), nil, "no object of dependencies"},
		{"not JSON", t.Context(), strings.NewReader("<xml>"), nil, "invalid character"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(lockPath, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "net5", "packages.lock.json"))
	f.Add(lock(`"B":{"type":"Direct","resolved":"2.0.0","dependencies":{"a":"0.9.0","Gone":[]}}`, `"A":{"type":"Project"}`))
	f.Add(`{"dependencies":{"a":{"B":{"resolved":"1"}},"a/b":{"C":{"resolved":"1","dependencies":{"b":""}}`)
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(lockPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		packages := map[[2]string]bool{}
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.Positive(t, p.Line)
			require.LessOrEqual(t, p.Line, strings.Count(content, "\n")+1)
			key := [2]string{strings.ToLower(p.Name), p.Version}
			require.False(t, packages[key], key)
			packages[key] = true
			seen := map[string]bool{}
			for _, name := range p.Requires {
				require.False(t, seen[name], name)
				seen[name] = true
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	// A web application has 300 packages.
	var packages []string
	for i := range 300 {
		packages = append(packages, fmt.Sprintf(`"Package%d":{"type":"Transitive","resolved":"1.%d.0","contentHash":"6mgjfnRB4jKMlzHSl+VD+oUc1IebOZabkbyWj2RiTgWwYPPuaK1H97G1sHqGwPlS5npiF5Q0OrxN1wni2n5QWg==","dependencies":{"Package%d":"1.0.0","Package%d":"1.0.0"}}`, i, i, i/2, i/2+1))
	}
	content := lock(packages...)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lockPath, content))
		if err != nil || len(facts.Packages) != 300 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
