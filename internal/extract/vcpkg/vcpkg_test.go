package vcpkg

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

const lock = "app/vcpkg.json"

// show writes a package as one line.
func show(packages []inventory.Package) []string {
	var shown []string
	for _, p := range packages {
		parts := []string{
			fmt.Sprintf("%d: %s %s", p.Line, p.Type, strings.TrimPrefix(p.Namespace+"/"+p.Name, "/")),
			p.Version, p.Constraint, p.Relation.String(), strings.Join(p.Licenses, ";"), strings.Join(p.Requires, ","),
		}
		if p.Development {
			parts = append(parts, "development")
		}
		if len(p.Qualifiers) > 0 {
			parts = append(parts, fmt.Sprint(p.Qualifiers)) // in the order of the keys
		}
		shown = append(shown, strings.Join(parts, "|"))
	}
	return shown
}

// A result is what is expected of a file.
type result struct {
	packages []string
	ignored  int
	problems []string
}

func extract(t *testing.T, name, content string) result {
	t.Helper()
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
	require.NoErrorf(t, err, "Extract(%q)", content)
	assert.True(t, facts.Declared)
	return result{show(facts.Packages), facts.Ignored, facts.Problems}
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "vcpkg", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lock:                           true,
		"vcpkg.json":                   true,
		"app/vcpkg-configuration.json": false,
	})
}

func TestExtractFixture(t *testing.T) {
	got := extract(t, lock, extracttest.Fixture(t, "bareos", "vcpkg.json"))
	require.Len(t, got.packages, 18)
	assert.Equal(t, "5: vcpkg openssl||baseline 5e605ddb03c9d1d93692a77dfdabceceb8b8113f|direct||", got.packages[0])
	assert.Equal(t, "12: vcpkg lzo||baseline 5e605ddb03c9d1d93692a77dfdabceceb8b8113f|direct||", got.packages[1])
	assert.Equal(t, "33: vcpkg cli11|2.4.2||direct||", got.packages[15])
	assert.Empty(t, got.problems)
}

func TestExtract(t *testing.T) {
	tests := []struct {
		name, content string
		want          result
	}{
		{"nothing", `{}`, result{}},
		{"no version at all", `{"dependencies":["a"]}`, result{packages: []string{"1: vcpkg a||*|direct||"}}},
		{"a minimum", `{"dependencies":[{"name":"a","version>=":"1.2#3"}],"builtin-baseline":"01"}`, result{packages: []string{"1: vcpkg a||>=1.2#3|direct||"}}},
		{"a tool", `{"dependencies":[{"name":"a","host":true},{"name":"b","host":true},{"name":"b"}]}`, result{packages: []string{"1: vcpkg a||*|direct|||development", "1: vcpkg b||*|direct||"}}},
		{"overrides", `{"overrides":[{"name":"a","version":"1.0","port-version":2},{"name":"b","version-semver":"1.0.0"},{"name":"c","version-date":"2020-01-01"},{"name":"d","version-string":"x#4"}],"dependencies":["a","b","c"]}`, result{packages: []string{
			"1: vcpkg a|1.0||direct|||map[port_version:2]", "1: vcpkg b|1.0.0||direct||", "1: vcpkg c|2020-01-01||direct||", "1: vcpkg d|x||transitive|||map[port_version:4]",
		}}},
		{"features", `{"name":"me","features":{"x":{"description":"d","dependencies":["a",{"name":"me","features":["y"]}]},"y":{}}}`, result{ignored: 1, packages: []string{"1: vcpkg a||*|direct||"}}},
		{"features of old", `{"features":[{"name":"x","dependencies":["a"]}]}`, result{packages: []string{"1: vcpkg a||*|direct||"}}},
		{"bad entries", `{"dependencies":[7,"",{},"a/b",{"name":"a","host":"yes"}],"overrides":[{"name":"a"},7]}`, result{
			packages: []string{"1: vcpkg a||*|direct||"},
			problems: []string{
				`line 1: not a dependency: "7"`, `line 1: not a dependency: "\"\""`, `line 1: not a dependency: "{}"`, `line 1: not a dependency: "\"a/b\""`,
				`line 1: not an override: "a" ""`, `line 1: not an override: "" ""`,
			},
		}},
		{"cut off", `{"dependencies":["a",`, result{packages: []string{"1: vcpkg a||*|direct||"}, problems: []string{"the file ends early or is damaged in line 1: unexpected EOF"}}},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, extract(t, lock, tt.content), "Extract, %s", tt.name)
	}
	assert.Equal(t, result{ignored: 1}, extract(t, "vcpkg/ports/zlib/vcpkg.json", `{"dependencies":["a"]}`))
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
		{"canceled", canceled, strings.NewReader(`{}`), context.Canceled, ""},
		{"read error", t.Context(), iotest.ErrReader(broken), broken, ""},
		{"without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 8388608 bytes"},
		{"dependencies without end", t.Context(), strings.NewReader(`{"dependencies":[` + strings.Repeat(`"a",`, maxDeps+1)), inventory.ErrTooLarge, "more than 50000 dependencies"},
		{"an array", t.Context(), strings.NewReader("[]"), nil, "not an object"},
		{"empty", t.Context(), strings.NewReader(""), io.ErrUnexpectedEOF, ""},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(lock, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "bareos", "vcpkg.json"))
	f.Add(`{"dependencies":[{"name":"a","version>=":"1"},"a",7],"overrides":[{"name":"a","version":"#1"},{"name":"b","version":"2","port-version":1}],"features":[{"dependencies":["c"]}]}`)
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lock, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(lock, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		versions := make(map[string]bool)
		for _, p := range facts.Packages {
			require.NotEqual(t, p.Version == "", p.Constraint == "")
			require.Positive(t, p.Line)
			require.LessOrEqual(t, p.Line, strings.Count(content, "\n")+1)
			versions[p.Name+"@"+p.Version] = true
		}
		for _, p := range facts.Packages {
			seen := make(map[string]bool)
			for _, name := range p.Requires {
				require.False(t, seen[name], name)
				seen[name] = true
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "bareos", "vcpkg.json")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lock, content))
		if err != nil || len(facts.Packages) != 18 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
