package swift

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

const lock = "app/Package.resolved"

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
	extracttest.Identity(t, Extractor{}, "swift", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lock:                    true,
		"Package.resolved":      true,
		"app/.package.resolved": true,
		"app/Package.swift":     false,
	})
}

func TestExtractFixture(t *testing.T) {
	assert.Equal(t, result{packages: []string{
		"4: swift github.com/apple/swift-atomics|1.1.0||||",
		"13: swift github.com/apple/swift-nio|2.41.0||||",
	}}, extract(t, lock, extracttest.Fixture(t, "v1", "Package.resolved")))
	got := extract(t, lock, extracttest.Fixture(t, "v2", "Package.resolved"))
	assert.Equal(t, []string{
		"3: swift github.com/apple/swift-algorithms|1.0.0||||",
		"12: swift github.com/apple/swift-async-algorithms|0.1.0||||",
		"21: swift github.com/apple/swift-atomics|1.1.0||||",
	}, got.packages[:3])
	assert.Empty(t, got.problems)
}

// pinned returns a pin of version 2.
func pinned(location, state string) string {
	return `{"identity":"i","kind":"remoteSourceControl","location":"` + location + `","state":{` + state + `}}`
}

func TestExtract(t *testing.T) {
	const version = `"revision":"01","version":"1.0.0"`
	tests := []struct {
		pins string
		want result
	}{
		{"", result{}},
		{pinned("https://github.com/a/b.git", version), result{packages: []string{"1: swift github.com/a/b|1.0.0||||"}}},
		{pinned("https://user@g.example:8443/x/a/b/", version), result{packages: []string{"1: swift g.example/x/a/b|1.0.0||||"}}},
		{pinned("git@github.com:a/b.git", version), result{packages: []string{"1: swift github.com/a/b|1.0.0||||"}}},
		{pinned("ssh://git@github.com/a/b", version), result{packages: []string{"1: swift github.com/a/b|1.0.0||||"}}},
		{pinned("https://github.com/a/b", `"branch":"main","revision":"01"`), result{packages: []string{"1: swift github.com/a/b||main||||map[vcs_url:git+https://github.com/a/b@01]"}}},
		{pinned("https://github.com/a/b", `"branch":null,"revision":"01","version":null`), result{packages: []string{"1: swift github.com/a/b||01||||map[vcs_url:git+https://github.com/a/b@01]"}}},
		{`{"identity":"apple.swift-nio","kind":"registry","location":"","state":{"version":"1.0.0"}}`, result{packages: []string{"1: swift apple/swift-nio|1.0.0||||"}}},
		{`{"identity":"b","kind":"localSourceControl","location":"/home/me/b","state":{` + version + `}}`, result{ignored: 1}},
		{pinned("../b", version), result{ignored: 1}},
		// What cannot be understood.
		{pinned("https://github.com/a/b", ""), result{problems: []string{`line 1: pin "i" has no version`}}},
		{pinned("https://github.com", version), result{problems: []string{`line 1: pin "i" has no repository: "https://github.com"`}}},
		{pinned("https://github.com/a/../b", version), result{problems: []string{`line 1: pin "i" has no repository: "https://github.com/a/../b"`}}},
		{"7," + pinned("https://github.com/a/b", version), result{packages: []string{"1: swift github.com/a/b|1.0.0||||"}, problems: []string{`line 1: pin "" has no repository: ""`}}},
		{pinned("https://github.com/a/b", `"branch":7,`+version), result{packages: []string{"1: swift github.com/a/b|1.0.0||||"}, problems: []string{`line 1: a value of pin "i" is of another type than expected`}}},
		{pinned("https://github.com/a/b", `"version":"`+strings.Repeat("1", maxText+1)+`"`), result{problems: []string{`line 1: a text of pin "i" is too long: "` + strings.Repeat("1", 80) + `…"`}}},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, extract(t, lock, `{"pins":[`+tt.pins+`],"version":3}`), "pins %q", tt.pins)
	}
	assert.Equal(t, result{
		packages: []string{"1: swift github.com/a/b|1.0.0||||"},
		problems: []string{"the file ends early or is damaged in line 2: unexpected EOF"},
	}, extract(t, lock, `{"pins":[`+pinned("https://github.com/a/b", version)+",\n{\"ident"))
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
		{"without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 16777216 bytes"},
		{"pins without end", t.Context(), strings.NewReader(`{"pins":[` + strings.Repeat("{},", maxPins+1)), inventory.ErrTooLarge, "more than 50000 pins"},
		{"no list", t.Context(), strings.NewReader(`{"version":2}`), nil, "no list of pins"},
		{"another list", t.Context(), strings.NewReader(`{"pins":{}}`), nil, "no list of pins"},
		{"an array", t.Context(), strings.NewReader("[]"), nil, "no list of pins"},
		{"cut off", t.Context(), strings.NewReader(`{"pins":[{"ident`), io.ErrUnexpectedEOF, "line 1"},
		{"empty", t.Context(), strings.NewReader(""), io.ErrUnexpectedEOF, ""},
		{"deep", t.Context(), strings.NewReader(`{"x":` + strings.Repeat("[", 1<<20)), nil, "exceeded max depth"},
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
	f.Add(extracttest.Fixture(f, "v1", "Package.resolved"))
	f.Add(extracttest.Fixture(f, "v2", "Package.resolved"))
	f.Add(`{"pins":[` + pinned("git@a.b:c", `"branch":"x"`) + ",\n7]} x")
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
	content := `{"pins":[` + strings.Repeat(pinned("https://github.com/a/b", `"revision":"0123456789012345678901234567890123456789","version":"1.0.0"`)+",", 99) + pinned("https://github.com/a/b", `"version":"1"`) + "]}"
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lock, content))
		if err != nil || len(facts.Packages) != 100 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
