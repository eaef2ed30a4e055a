package denolock

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
	"github.com/imagevet/imagevet/internal/extract/nodelock/locktest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const lockPath = "app/deno.lock"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "denolock", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lockPath:        true,
		"deno.lock":     true,
		"app/deno.json": false,
	})
}

func TestExtractFixtures(t *testing.T) {
	for _, folder := range []string{"v5", "jsr"} {
		locktest.Golden(t, Extractor{}, folder, "deno.lock")
	}
}

func TestExtract(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"nothing", `{"version":"5"}`, ""},
		{"version 1: addresses", `{"https://deno.land/std/a.ts":"0123","http://x.example/b.ts":"4567"}`, "ignored: 2\n"},
		{
			"digests of archives, not of manifests of JSR",
			`{"version":"5","npm":{"a@1.0.0":{"integrity":"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw== sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0="},"b@1.0.0":{"integrity":7},"c@1.0.0":{}},"jsr":{"@std/d@1.0.0":{"integrity":"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="}}}`,
			"1: a@1.0.0 transitive SHA-1:a9993e36… SHA-512:ddaf35a1…\n1: b@1.0.0 transitive\n1: c@1.0.0 transitive\n1: jsr:@std/d@1.0.0 transitive\n",
		},
		{
			"version 2",
			`{"version":"2","remote":{"https://deno.land/std/a.ts":"0123"},"npm":{"specifiers":{"a@1":"a@1.0.0"},"packages":{` + `
"a@1.0.0":{"integrity":"sha512-x","dependencies":{"ours":"@s/theirs@2.0.0"}},
"@s/theirs@2.0.0":{"integrity":"sha512-x","dependencies":{}}}}}`,
			"2: a@1.0.0 direct; @s/theirs@2.0.0\n3: @s/theirs@2.0.0 transitive\nignored: 1\n",
		},
		{
			"version 3: packages of JSR need others, by specifiers",
			`{"version":"3","packages":{"specifiers":{"jsr:@std/a@1":"jsr:@std/a@1.0.0","jsr:@std/b@^2":"jsr:@std/b@2.0.0","npm:c@3":"npm:c@3.0.0"},"jsr":{` + `
"@std/a@1.0.0":{"integrity":"0123","dependencies":["jsr:@std/b@^2","npm:c@3"]},
"@std/b@2.0.0":{"integrity":"0123"}},"npm":{
"c@3.0.0":{"integrity":"sha512-x","dependencies":{}}}},"remote":{},"workspace":{"members":{"x":{"packageJson":{"dependencies":["npm:c@3"]}}}}}`,
			"2: jsr:@std/a@1.0.0 direct; @std/b@2.0.0 c@3.0.0\n3: jsr:@std/b@2.0.0 transitive\n4: c@3.0.0 direct\n",
		},
		{
			"version 4: short names, several versions, aliases, peers",
			`{"version":"4","specifiers":{"npm:a@1":"1.0.0_@s+p@1.0.0","npm:d_e@*":"1.0.0"},"npm":{` + `
"a@1.0.0_@s+p@1.0.0":{"dependencies":["b@2.0.0","@s/p","ours@npm:d_e@1.0.0","gone"]},
"a@1.0.0_@s+p@2.0.0":{"dependencies":["b@1.0.0","b"]},
"b@1.0.0":{},
"b@2.0.0":{"optionalDependencies":["d_e"]},
"@s/p@1.0.0":{},
"d_e@1.0.0":{}},"workspace":{"dependencies":["npm:a@1","npm:gone@1"]}}`,
			"2: a@1.0.0 direct; b@2.0.0 d_e@1.0.0 gone b@1.0.0 b\n4: b@1.0.0 transitive\n5: b@2.0.0 transitive\n6: @s/p@1.0.0 transitive\n7: d_e@1.0.0 direct\n",
		},
		{
			"bad records",
			`{"version":"5","specifiers":{"npm:a":7},"npm":{` + `
"a@1.0.0":7,
"b":{},
"c d@1.0.0":{},
"` + strings.Repeat("e", maxID) + `@1":{},
"f@1.0.0":{"dependencies":[7,"g"]}}}`,
			"6: f@1.0.0 transitive; g\nproblem: line 1: specifier \"npm:a\" is not understood\nproblem: line 2: package \"a@1.0.0\" is not understood\nproblem: line 3: package \"b\" has no version\nproblem: line 4: \"c d\" is no name of a package\nproblem: line 5: package \"" + strings.Repeat("e", 80) + "…\" is not understood\n",
		},
		{"cut off", `{"version":"5","npm":{"a@1.0.0":{},"b@1.0`, "1: a@1.0.0 transitive\nproblem: the file ends early or is damaged: unexpected end of the file\n"},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, locktest.Text(got), "Extract, %s", tt.name)
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
		{"empty", t.Context(), strings.NewReader(""), nil, "unexpected end"},
		{"something else", t.Context(), strings.NewReader(`{"a":1}`), nil, "no version of the format"},
		{"a file without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 134217728 bytes"},
		{"packages without end", t.Context(), io.MultiReader(strings.NewReader(`{"npm":{`), extracttest.Endless(`"a@1":{},`)), inventory.ErrTooLarge, "more than 200000 packages"},
		{"specifiers without end", t.Context(), io.MultiReader(strings.NewReader(`{"specifiers":{`), extracttest.Endless(`"npm:a":"1",`)), inventory.ErrTooLarge, "more than 200000 specifiers"},
		{"a workspace without end", t.Context(), io.MultiReader(strings.NewReader(`{"workspace":{"dependencies":[`), extracttest.Endless(`"npm:a",`)), inventory.ErrTooLarge, "more than 200000 dependencies"},
		{"dependencies without end", t.Context(), io.MultiReader(strings.NewReader(`{"npm":{"a@1":{"dependencies":[`), extracttest.Endless(`"a",`)), inventory.ErrTooLarge, "more than 2000000 dependencies"},
		{"sections in sections", t.Context(), io.MultiReader(strings.NewReader(`{`), extracttest.Endless(`"packages":{`)), inventory.ErrTooLarge, "nested more than 500 deep"},
	}
	for _, tt := range tests {
		if testing.Short() && strings.HasSuffix(tt.name, "without end") {
			continue // up to 128 MiB each
		}
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(lockPath, 0o644, 0, tt.content, nil))
		require.Errorf(t, err, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
		if tt.is != nil {
			assert.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		}
		assert.Containsf(t, err.Error(), tt.text, "Extract, %s", tt.name)
	}
}

func TestExtractLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 200 MB")
	}
	entry := func(i int, pad string) string {
		return fmt.Sprintf("\"a%d@1.0.0\":{\"integrity\":\"sha512-x%s\",\"dependencies\":[\"a%d\"]},\n", i, pad, i+1)
	}
	pad := strings.Repeat("x", 1000)
	tests := []struct {
		name   string
		record func(i int) string
		is     error
	}{
		{"a million packages", func(i int) string { return entry(i, "") }, inventory.ErrTooLarge},
		{"100 MB of 90,000 packages", func(i int) string { return entry(i, pad) }, nil},
	}
	for _, tt := range tests {
		var facts inventory.Facts
		var err error
		most := locktest.Memory(func() {
			f := locktest.Generated(lockPath, `{"version":"5","npm":{`, 100_000_000, tt.record, `"b@1.0.0":{}}}`)
			facts, err = Extractor{}.Extract(t.Context(), f)
		})
		require.ErrorIs(t, err, tt.is, tt.name)
		assert.Equal(t, tt.is == nil, len(facts.Packages) > 80_000, tt.name)
		assert.Less(t, most, uint64(256<<20), tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "v5", "deno.lock"))
	f.Add(extracttest.Fixture(f, "jsr", "deno.lock"))
	f.Add(`{"version":"3","packages":{"specifiers":{"jsr:@s/a@1":"jsr:@s/a@1.0.0"},"jsr":{"@s/a@1.0.0":{"dependencies":["jsr:@s/a@1","npm:c@3"]}},"npm":{"c@3_a@1":{"dependencies":{"a":"a@1"}}}},"workspace":{"dependencies":["npm:c"]}}`)
	f.Add(`{"https://x":"","npm":{"packages":{"a@1":{}},"specifiers":{"a":"a@1"}},"remote":{"x":""}} x`)
	f.Fuzz(func(t *testing.T, content string) {
		locktest.Fuzz(t, Extractor{}, lockPath, content)
	})
}

func BenchmarkExtract(b *testing.B) {
	// An application has about 1,000 packages.
	fixture := extracttest.Fixture(b, "v5", "deno.lock")
	_, entries, _ := strings.Cut(fixture, "\"npm\": {")
	entries, _, _ = strings.Cut(entries, "\n  },\n  \"workspace\"")
	var content strings.Builder
	content.WriteString(`{"npm":{`)
	for i := range 30 {
		content.WriteString(strings.ReplaceAll(entries, "\n    \"", fmt.Sprintf("\n    \"p%d", i)) + ",")
	}
	content.WriteString(`"b@1.0.0":{}}}`)
	b.SetBytes(int64(content.Len()))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lockPath, content.String()))
		if err != nil || len(facts.Packages) < 900 {
			b.Fatal(len(facts.Packages), facts.Problems, err)
		}
	}
}
