package nugetassets

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

const assetsPath = "src/app/obj/project.assets.json"

func pkg(line int, relation inventory.Relation, name, version string, requires ...string) inventory.Package {
	return inventory.Package{Type: "nuget", Name: name, Version: version, Line: line, Relation: relation, Requires: requires}
}

func dev(p inventory.Package) inventory.Package {
	p.Development = true
	return p
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "nugetassets", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		assetsPath:            true,
		"project.assets.json": true,
		"obj/project.json":    false,
	})
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(assetsPath, extracttest.Fixture(t, "net472", "project.assets.json")))
	require.NoError(t, err)
	assert.Empty(t, facts.Problems)
	assert.Equal(t, 1, facts.Ignored, "the project NuGet.Frameworks")
	require.Len(t, facts.Packages, 29)
	direct, build := []string{}, []string{}
	byName := map[string]inventory.Package{}
	for _, p := range facts.Packages {
		byName[p.Name] = p
		if p.Relation == inventory.Direct {
			direct = append(direct, p.Name)
		} else {
			assert.Equal(t, inventory.Transitive, p.Relation)
		}
		if p.Development {
			build = append(build, p.Name)
		}
	}
	assert.Equal(t, []string{"Microsoft.SourceLink.GitHub", "NETStandard.Library", "System.Diagnostics.Process", "System.Threading.Thread"}, direct)
	assert.Equal(t, []string{"Microsoft.Build.Tasks.Git", "Microsoft.SourceLink.Common", "Microsoft.SourceLink.GitHub", "NETStandard.Library"}, build)
	const version = "1.0.0-beta2-19351-01"
	assert.Equal(t, dev(pkg(byName["Microsoft.SourceLink.GitHub"].Line, inventory.Direct, "Microsoft.SourceLink.GitHub", version, "Microsoft.Build.Tasks.Git@"+version, "Microsoft.SourceLink.Common@"+version)), byName["Microsoft.SourceLink.GitHub"])
}

func TestExtract(t *testing.T) {
	const (
		a = `"A/1.0.0":{"type":"package","files":["a",{"b":[]}]}`
		b = `"B/2.0.0":{"type":"package"}`
	)
	doc := func(targets, libraries, dependencies string) string {
		return `{"version":3,"targets":{"net6.0":{` + targets + `}},"libraries":{` + "\n" + libraries + `},"project":{"version":"1","frameworks":{"net6.0":{"targetAlias":"x","dependencies":{` + dependencies + `}}}}}`
	}
	tests := []struct {
		name, content string
		packages      []inventory.Package
		ignored       int
		problems      []string
	}{
		{"empty", doc("", "", ""), nil, 0, nil},
		{"what is asked for is not told", `{"libraries":{` + a + `}}`, []inventory.Package{pkg(1, inventory.RelationUnknown, "A", "1.0.0")}, 0, nil},
		{"byte order mark", "\xef\xbb\xbf" + doc("", a, `"A":{}`), []inventory.Package{pkg(2, inventory.Direct, "A", "1.0.0")}, 0, nil},
		{
			"what is required is what was chosen, in any case", doc(`"B/2.0.0":{"type":"package","dependencies":{"a":"0.9","Gone":"1"}},"A/1.0.0":{}`, a+",\n"+b, `"b":{"target":"Package"}`),
			[]inventory.Package{pkg(2, inventory.Transitive, "A", "1.0.0"), pkg(3, inventory.Direct, "B", "2.0.0", "A@1.0.0", "Gone")},
			0, nil,
		},
		{
			"for the build, and what only that requires", doc(`"B/2.0.0":{"dependencies":{"A":"1"}},"A/1.0.0":{}`, a+","+b, `"B":{"suppressParent":"All"}`),
			[]inventory.Package{dev(pkg(2, inventory.Transitive, "A", "1.0.0")), dev(pkg(2, inventory.Direct, "B", "2.0.0", "A@1.0.0"))},
			0, nil,
		},
		{
			"a project requires it too", doc(`"B/2.0.0":{"dependencies":{"A":"1"}},"A/1.0.0":{},"P/1.0.0":{"type":"project","dependencies":{"A":"1"}}`, a+","+b+`,"P/1.0.0":{"type":"project"}`, `"B":{"suppressParent":"all"}`),
			[]inventory.Package{pkg(2, inventory.Transitive, "A", "1.0.0"), dev(pkg(2, inventory.Direct, "B", "2.0.0", "A@1.0.0"))},
			1, nil,
		},
		{
			"bad records", doc("", `"X":7,"Y":{"type":"package"},"/1":{"type":"package"},"Z/":{"type":"package"},"V/1/2":{"type":"package"},"`+strings.Repeat("a", maxName+1)+`/1":{"type":"package"},`+a, `"A":{}`),
			[]inventory.Package{pkg(2, inventory.Direct, "A", "1.0.0")},
			0,
			[]string{
				`line 2 is no library: "X"`, `library "Y" has no name or no version`, `library "/1" has no name or no version`, `library "Z/" has no name or no version`, `library "V/1/2" has no name or no version`,
				fmt.Sprintf("name or version of library %q is longer than 1024 bytes", strings.Repeat("a", 80)+"…"),
			},
		},
		{"cut off", `{"libraries":{` + a + `,"B`, []inventory.Package{pkg(1, inventory.RelationUnknown, "A", "1.0.0")}, 0, []string{"the file ends early or is damaged near byte 66: unexpected EOF"}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(assetsPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, inventory.Facts{Declared: true, Packages: tt.packages, Ignored: tt.ignored, Problems: tt.problems}, got, "Extract, %s", tt.name)
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
		{"canceled", canceled, strings.NewReader("{}"), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("{"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 67108864 bytes"},
		{"packages without end", t.Context(), strings.NewReader(`{"libraries":{` + strings.Repeat(`"a/1":{},`, maxEntries+1)), inventory.ErrTooLarge, "more than 100000 packages"},
		{"dependencies without end", t.Context(), strings.NewReader(`{"targets":{"n":{"a/1":{"dependencies":{` + strings.Repeat(`"a":"1",`, maxRequires+1)), inventory.ErrTooLarge, "more than 500000 dependencies"},
		{"requests without end", t.Context(), strings.NewReader(`{"project":{"frameworks":{"n":{"dependencies":{` + strings.Repeat(`"a":"1",`, maxRequires+1)), inventory.ErrTooLarge, "more than 500000 dependencies"},
		{"empty", t.Context(), strings.NewReader(""), io.ErrUnexpectedEOF, ""},
		{"cut off at once", t.Context(), strings.NewReader(`{"libraries":{`), io.ErrUnexpectedEOF, ""},
		{"no object", t.Context(), strings.NewReader(`{"libraries":[]}`), nil, "no object of libraries"},
		{"not JSON", t.Context(), strings.NewReader("<xml>"), nil, "invalid character"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(assetsPath, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "net472", "project.assets.json"))
	f.Add(`{"targets":{"n":{"B/1":{"dependencies":{"a":"1","A":""}},"A/1":{}}},"libraries":{"a/1":{"type":"package"},"B/1":{"type":"package"}},"project":{"frameworks":{"n":{"dependencies":{"B":{"suppressParent":"All"}}}}}}`)
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(assetsPath, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(assetsPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
			require.Positive(t, p.Line)
			seen := map[string]bool{}
			for _, name := range p.Requires {
				require.False(t, seen[name], name)
				seen[name] = true
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "net472", "project.assets.json")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(assetsPath, content))
		if err != nil || len(facts.Packages) != 29 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
