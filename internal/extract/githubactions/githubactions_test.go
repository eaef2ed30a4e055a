package githubactions

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

const filePath = "src/.github/workflows/test.yml"

// pkg returns the package of an action, whose version is a constraint if it
// begins with "~".
func pkg(line int, owner, name, version string) inventory.Package {
	p := inventory.Package{Type: "githubactions", Namespace: owner, Name: name, Relation: inventory.Direct, Line: line}
	var loose bool
	if p.Constraint, loose = strings.CutPrefix(version, "~"); !loose {
		p.Version, p.Constraint = version, ""
	}
	return p
}

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "githubactions", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		filePath:                        true,
		".github/workflows/a.yaml":      true,
		".github/workflows/x/a.yaml":    false,
		"workflows/a.yaml":              false,
		"action.yml":                    true,
		".github/actions/x/action.yaml": true,
		"x/reaction.yml":                false,
	})
}

func TestExtractFixtures(t *testing.T) {
	tests := []struct {
		folder, file string
		want         []inventory.Package
	}{
		{"compress", "codeql-analysis.yml", []inventory.Package{
			pkg(43, "actions", "checkout", "3d3c42e5aac5ba805825da76410c181273ba90b1"),
			pkg(47, "github", "codeql-action/init", "2892aa5e19bbd11bc0cff5427e3b750a04d9e3c2"),
			pkg(61, "github", "codeql-action/autobuild", "2892aa5e19bbd11bc0cff5427e3b750a04d9e3c2"),
			pkg(74, "github", "codeql-action/analyze", "2892aa5e19bbd11bc0cff5427e3b750a04d9e3c2"),
		}},
		{"testify", "release.yml", []inventory.Package{
			pkg(16, "actions", "checkout", "~v5"),
			pkg(19, "softprops", "action-gh-release", "~v2"),
		}},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, extracttest.Fixture(t, tt.folder, tt.file)))
		require.NoError(t, err, tt.folder)
		assert.Equal(t, inventory.Facts{Declared: true, Packages: tt.want}, facts, tt.folder)
	}
}

func TestExtract(t *testing.T) {
	const commit = "de0fac2e4500dabe0009e67214ff5f5447ce83dd"
	found := func(p ...inventory.Package) inventory.Facts { return inventory.Facts{Packages: p} }
	tests := []struct {
		name, content string
		want          inventory.Facts
	}{
		{"empty", "", inventory.Facts{}},
		{"only a comment", "# nothing\n", inventory.Facts{}},
		{"no jobs", "on: push\njobs:\n", inventory.Facts{}},
		{"a tag", "jobs:\n  a:\n    steps:\n    - uses: o/r@v1.2.3\n", found(pkg(4, "o", "r", "v1.2.3"))},
		{"a tag that moves", "jobs: {a: {steps: [uses: o/r@v1]}}", found(pkg(1, "o", "r", "~v1"))},
		{"a branch", "jobs: {a: {steps: [uses: 'o/r@feature/x']}}", found(pkg(1, "o", "r", "~feature/x"))},
		{"a commit and a comment", "jobs:\n a:\n  steps:\n   - uses: o/r@" + commit + " # v6.0.2\n", found(pkg(4, "o", "r", commit))},
		{"a short commit", "jobs: {a: {steps: [uses: o/r@de0fac2]}}", found(pkg(1, "o", "r", "~de0fac2"))},
		{"a path", "jobs: {a: {steps: [uses: \"o/r/p/q@1.0.0\"]}}", found(pkg(1, "o", "r/p/q", "1.0.0"))},
		{"a workflow", "jobs:\n  a:\n    uses: o/r/.github/workflows/x.yml@main\n", found(pkg(3, "o", "r/.github/workflows/x.yml", "~main"))},
		{"an action", "runs:\n  using: composite\n  steps:\n  - uses: o/r@v1.2.3\n", found(pkg(4, "o", "r", "v1.2.3"))},
		{"the same again", "jobs:\n  a:\n    steps:\n    - uses: o/r@v1.2.3\n    - uses: o/r@v1.2.3\n    - uses: o/r@v1.2.4\n", found(pkg(4, "o", "r", "v1.2.3"), pkg(6, "o", "r", "v1.2.4"))},
		{"in a script or elsewhere", "uses: x/y@v1.2.3\njobs:\n  a:\n    env: {uses: x/y@v1.2.3}\n    steps:\n    - run: |\n        uses: x/y@v1.2.3\n      with: {uses: x/y@v1.2.3}\n", inventory.Facts{}},
		{"ignored", "jobs: {a: {uses: ./.github/workflows/x.yml, steps: [uses: ./x, uses: 'docker://alpine:3', uses: ../x]}}", inventory.Facts{Ignored: 4}},
		{"anchors", "jobs:\n  a: &a\n    steps: &s\n    - &x {uses: o/r@v1.2.3}\n    - *x\n  b: *a\n  c: {steps: *s}\n", found(pkg(4, "o", "r", "v1.2.3"))},
		{"an anchor of itself", "jobs: &j\n  a: {steps: [*j]}\n  b: *j\n", inventory.Facts{}},

		// One bad record must not hide the others, nor itself.
		{"bad records", "jobs:\n  x: 7\n  y: {steps: {}}\n  a:\n    steps:\n    - 7\n    - uses:\n    - uses: [o/r@v1.2.3]\n    - uses: o/r\n    - uses: r@v1.2.3\n    - uses: o/@v1.2.3\n    - uses: https://x.y/o/r@v1.2.3\n    - uses: ${{ x }}/r@v1.2.3\n    - uses: o/" + strings.Repeat("r", maxName) + "@v1.2.3\n    - uses: o/r@v1.2.3\n", inventory.Facts{
			Packages: []inventory.Package{pkg(15, "o", "r", "v1.2.3")},
			Problems: []string{
				`line 7: not an action: ""`,
				`line 8: not an action: ""`,
				`line 9: action "o/r" has no version`,
				`line 10: not an action: "r@v1.2.3"`,
				`line 11: not an action: "o/@v1.2.3"`,
				`line 12: not an action: "https://x.y/o/r@v1.2.3"`,
				`line 13: not an action: "${{ x }}/r@v1.2.3"`,
				fmt.Sprintf(`line 14: not an action: %q`, "o/"+strings.Repeat("r", 78)+"…"),
			},
		}},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		tt.want.Declared = true
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File("config/action.yml", "- create\n- delete\n"))
	require.NoError(t, err)
	assert.Equal(t, inventory.Facts{Declared: true}, facts, "a file of that name that describes no action")
}

func TestIsVersion(t *testing.T) {
	for ref, want := range map[string]bool{
		"v1.2.3": true, "1.2.3": true, "v1.2.3-beta.1": true, "v1.2.3.4": true, "1.2.3+x": true,
		"v1": false, "v1.2": false, "v1.2.": false, "1..3": false, "v1.2.3x": false, "main": false, "": false, "vv1.2.3": false, "release-1.2.3": false,
	} {
		assert.Equalf(t, want, isVersion(ref), "isVersion(%q)", ref)
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
		{"read error", t.Context(), io.MultiReader(strings.NewReader("jobs:\n"), iotest.ErrReader(broken)), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless("#\n"), inventory.ErrTooLarge, "more than 1048576 bytes"},
		{"actions without end", t.Context(), strings.NewReader("jobs:\n a:\n  steps:\n" + strings.Repeat("  - uses: o/r@v1\n", maxActions+1)), inventory.ErrTooLarge, "more than 10000 actions"},
		{"not YAML", t.Context(), strings.NewReader("jobs: [\n"), nil, "yaml: line"},
		{"no workflow", t.Context(), strings.NewReader("- a\n"), nil, "the file is no workflow"},
		{"lists without end", t.Context(), strings.NewReader("jobs: " + strings.Repeat("[", 1<<19)), nil, "exceeded max depth"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(filePath, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, "jobs:\n a:\n  steps:\n"+strings.Repeat("  - uses: o/r\n", 1000)))
	require.NoError(t, err)
	assert.Len(t, facts.Problems, lines.MaxProblems+1)
}

// Aliases that would unfold to very much are not unfolded.
func TestAliases(t *testing.T) {
	var content strings.Builder
	content.WriteString("a0: &a0 {uses: o/r@v1.2.3}\n")
	for i := range 30 {
		fmt.Fprintf(&content, "a%d: &a%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 9))
	}
	content.WriteString("jobs:\n")
	for i := range 20_000 {
		fmt.Fprintf(&content, " j%d: {steps: *a1}\n", i)
	}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, content.String()))
	require.NoError(t, err)
	assert.Equal(t, []inventory.Package{pkg(1, "o", "r", "v1.2.3")}, facts.Packages)
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "compress", "codeql-analysis.yml"))
	f.Add(extracttest.Fixture(f, "testify", "release.yml"))
	f.Add("jobs:\n  a: &a\n    uses: o/r@v1.2.3\n    steps: [uses: o/r/p@main, uses: ./x]\n  b: *a\n")
	f.Add("runs:\n  steps:\n  - uses: o/r@v1\n")
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, content))
		extracttest.Check(t, facts, err)
		again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(filePath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		require.Equal(t, facts, again)
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Namespace)
			require.Positive(t, p.Line)
			require.NotEqual(t, p.Version == "", p.Constraint == "")
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	content := []byte(extracttest.Fixture(b, "testify", "release.yml"))
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), inventory.NewFile(filePath, 0o644, int64(len(content)), bytes.NewReader(content), nil))
		if err != nil || len(facts.Packages) != 2 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
