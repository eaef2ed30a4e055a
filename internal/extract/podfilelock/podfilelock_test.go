package podfilelock

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

const lock = "app/Podfile.lock"

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
	extracttest.Identity(t, Extractor{}, "podfilelock", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lock:                     true,
		"Podfile.lock":           true,
		"app/Pods/Manifest.lock": true,
		"app/Manifest.lock":      false,
		"app/Podfile":            false,
	})
}

func TestExtractFixture(t *testing.T) {
	assert.Equal(t, result{packages: []string{
		"2: cocoapods GlossButtonNode|3.1.2||direct||Texture@3.1.0,TextureSwiftSupport@3.13.0",
		"5: cocoapods PINCache|3.0.3||transitive||PINOperation@1.2.1",
		"12: cocoapods PINOperation|1.2.1||transitive||",
		"13: cocoapods PINRemoteImage|3.0.3||transitive||PINOperation@1.2.1,PINCache@3.0.3",
		"20: cocoapods Reveal-SDK|33||direct||",
		"21: cocoapods SwiftGen|6.5.1||direct||",
		"22: cocoapods Texture|3.1.0||direct||PINRemoteImage@3.0.3",
		"42: cocoapods TextureSwiftSupport|3.13.0||direct||Texture@3.1.0",
		"57: cocoapods TinyConstraints|4.0.2||direct||",
	}}, extract(t, lock, extracttest.Fixture(t, "cocoapods", "Podfile.lock")))
}

func TestExtract(t *testing.T) {
	tests := []struct {
		name, content string
		want          result
	}{
		{"no pods", "PODS:\n\nCOCOAPODS: 1.12.1\n", result{}},
		{"line ends of Windows", "\ufeffPODS:\r\n  - A (1.0)\r\n", result{packages: []string{"2: cocoapods A|1.0||||"}}},
		{"quoted", "PODS:\n  - \"A+B (1.0)\":\n    - 'C (= 2.0)'\n  - C (2.0)\nDEPENDENCIES:\n  - \"A+B (from `https://g.example/a`, tag `1.0`)\"\n", result{packages: []string{
			"2: cocoapods A+B|1.0||direct||C@2.0", "4: cocoapods C|2.0||transitive||",
		}}},
		{"a subspec alone", "PODS:\n  - A/B (1.0):\n    - A/C\n  - A/C (1.0)\nDEPENDENCIES:\n  - A/B\n", result{packages: []string{"2: cocoapods A|1.0||direct||"}}},
		{"what the file has not", "PODS:\n  - A (1.0):\n    - B\n", result{packages: []string{"2: cocoapods A|1.0||||B"}}},
		{
			"in a folder", "PODS:\n  - A (1.0)\n  - B (2.0):\n    - A\nDEPENDENCIES:\n  - A (from `../A`)\n  - B\nEXTERNAL SOURCES:\n  A:\n    :path: \"../A\"\n",
			result{ignored: 1, packages: []string{"3: cocoapods B|2.0||direct||"}},
		},
		{
			"in repositories", "PODS:\n  - A (1.0)\n  - B (2.0)\nEXTERNAL SOURCES:\n  A:\n    :git: https://g.example/a.git\n    :branch: main\n  B:\n    :git: https://g.example/b.git\n    :tag: v2\nCHECKOUT OPTIONS:\n  A:\n    :commit: \"01\"\n    :git: https://g.example/a.git\n",
			result{packages: []string{"2: cocoapods A|1.0|||||map[vcs_url:git+https://g.example/a.git@01]", "3: cocoapods B|2.0|||||map[vcs_url:git+https://g.example/b.git@v2]"}},
		},
		{"bad lines", "PODS:\n  - A\n    - C\n  - (1.0)\n  A (1.0)\n  - A B (1)\n  - D (1.0)\n    - \n  - D/E (2.0)\nDEPENDENCIES:\n  D\nEXTERNAL SOURCES:\n  D\n    x\nwhat is this\n  x\n", result{
			packages: []string{"7: cocoapods D|1.0||||"},
			problems: []string{
				`line 2: pod "A" has no version`, `line 4: pod "(1.0)" has no version`, `line 5: not a pod: "A (1.0)"`, `line 6: not a pod: "- A B (1)"`,
				`line 8: not a pod: "-"`, `line 9: pod "D" has version "2.0" too`, `line 11 cannot be understood: "D"`,
				`line 13 cannot be understood: "D"`, `line 14 cannot be understood: "x"`, `line 15 cannot be understood: "what is this"`,
			},
		}},
		{"a long line", "PODS:\n  - " + strings.Repeat("A", maxText) + " (1)\n  - B (1)\n", result{
			packages: []string{"3: cocoapods B|1||||"}, problems: []string{`line 2 is too long: "  - ` + strings.Repeat("A", 76) + `…"`},
		}},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, extract(t, lock, tt.content), "Extract, %s", tt.name)
	}
}

// numbers reads as a head, and then as a format with 0, 1, 2 … without end.
type numbers struct {
	head, format string
	n            int
}

func (r *numbers) Read(p []byte) (int, error) {
	if r.head == "" {
		r.head = fmt.Sprintf(r.format, r.n)
		r.n++
	}
	n := copy(p, r.head)
	r.head = r.head[n:]
	return n, nil
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
		{"canceled", canceled, strings.NewReader("PODS:"), context.Canceled, ""},
		{"read error", t.Context(), iotest.ErrReader(broken), broken, ""},
		{"without end", t.Context(), extracttest.Endless("\n"), inventory.ErrTooLarge, "more than 33554432 bytes"},
		{"pods without end", t.Context(), &numbers{format: "  - A%d (1)\n", head: "PODS:\n"}, inventory.ErrTooLarge, "more than 100000 pods"},
		{"dependencies without end", t.Context(), &numbers{format: "    - A%d\n", head: "PODS:\n  - A (1):\n"}, inventory.ErrTooLarge, "more than 500000 dependencies"},
		{"entries without end", t.Context(), io.MultiReader(strings.NewReader("PODS:\n"), extracttest.Endless("  - A (1)\n")), inventory.ErrTooLarge, "more than 600000 entries"},
		{"something else", t.Context(), strings.NewReader("{}"), nil, "no list of pods"},
		{"empty", t.Context(), strings.NewReader(""), nil, "no list of pods"},
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
	f.Add(extracttest.Fixture(f, "cocoapods", "Podfile.lock"))
	f.Add("PODS:\n  - \"A/B (1)\":\n    - C (= 1)\n    - C\n  - C (1)\nDEPENDENCIES:\n  - A\nEXTERNAL SOURCES:\n  C:\n    :path: x\n    :git: y\nCHECKOUT OPTIONS:\n  A:\n    :git: z\n    :commit: 0\n")
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
	content := extracttest.Fixture(b, "cocoapods", "Podfile.lock")
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lock, content))
		if err != nil || len(facts.Packages) != 9 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
