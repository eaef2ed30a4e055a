package bunlock

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

const lockPath = "app/bun.lock"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "bunlock", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lockPath:        true,
		"bun.lock":      true,
		"app/bun.lockb": true,
		"app/bunfig":    false,
	})
}

func TestExtractFixture(t *testing.T) {
	locktest.Golden(t, Extractor{}, "project", "bun.lock")
}

// bun pm ls lists the same packages.
func TestExtractLikeBun(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, extracttest.Fixture(t, "project", "bun.lock")))
	require.NoError(t, err)
	want := strings.Fields(extracttest.Fixture(t, "project", "bun-pm-ls.txt"))
	require.Greater(t, len(want), 50)
	assert.ElementsMatch(t, want, locktest.Names(facts, func(inventory.Package) bool { return true }))
}

func TestExtractBinary(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File("app/bun.lockb", "#!/usr/bin/env bun\nbun-lockfile-format-v0\n"))
	require.NoError(t, err)
	assert.Equal(t, "problem: the binary form of the lock file is not read: its packages are not known\n", locktest.Text(facts))
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Extractor{}.Extract(canceled, extracttest.File("app/bun.lockb", ""))
	require.ErrorIs(t, err, context.Canceled)
}

// packages returns a file with the entries, one a line from the second.
func packages(workspaces string, entries ...string) string {
	return `{"lockfileVersion":1,"workspaces":{` + workspaces + `},"packages":{` + "\n" + strings.Join(entries, ",\n") + ",}}"
}

func TestExtract(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"nothing", `{"lockfileVersion":1,"workspaces":{"":{"name":"x"}}}`, "ignored: 1\n"},
		{
			"comments; the closest place counts, below scopes and workspaces too",
			packages(
				`"":{"name":"root","dependencies":{"@s/a":"1",},"devDependencies":{"b":"1"}},"w":{"name":"@w/x","dependencies":{"b":"2"}}, /* end */`,
				`"@s/a":["@s/a@1.0.0","",{"dependencies":{"b":"*","@t/c":"*","gone":"*"},"optionalDependencies":{"b":"*"},"peerDependencies":{"d":"*"}},"sha512-x"]`,
				`"b":["b@1.0.0","",{"dependencies":{"d":"*"}},""]`,
				`"@w/x":["@w/x@workspace:w"]`,
				`"@w/x/b":["b@2.0.0","",{},""]`,
				`"d":["d@1.0.0","",{}]`,
				`"@s/a/@t/c":["@t/c@1.0.0","",{"dependencies":{"b":"*"}}]`,
				`"@s/a/b":["b@3.0.0","",{}]`,
			),
			"2: @s/a@1.0.0 direct; b@3.0.0 @t/c@1.0.0 gone\n3: b@1.0.0 direct development; d@1.0.0\n5: b@2.0.0 direct\n6: d@1.0.0 transitive\n7: @t/c@1.0.0 transitive; b@3.0.0\n8: b@3.0.0 transitive\nignored: 3\n",
		},
		{
			"digests, not of repositories",
			packages(
				`"":{}`,
				`"a":["a@1.0.0","",{},"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="]`,
				`"b":["b@https://r.example/b.tgz",{},"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="]`,
				`"c":["c@github:u/c#0123",{},"u-c-0123","sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="]`,
				`"d":["d@git+https://h/d.git#0123",{},"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="]`,
				`"e":["e@1.0.0","sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==",{},7]`,
				`"f":["f@1.0.0","",{},"sha512-x"]`,
				`"g":["g@https://g.example/u/g.git#0123",{},"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="]`,
			),
			"2: a@1.0.0 transitive SHA-512:ddaf35a1…\n3: b@(https://r.example/b.tgz) transitive SHA-512:ddaf35a1…\n4: c@(github:u/c#0123) transitive\n5: d@(git+https://h/d.git#0123) transitive\n6: e@1.0.0 transitive\n7: f@1.0.0 transitive\n8: g@(https://g.example/u/g.git#0123) transitive\nignored: 1\n",
		},
		{
			"what does not come from a registry, and an alias",
			packages(
				`"":{"dependencies":{"g":""}}`,
				`"g":["g@github:u/g#0123abc",{},"u-g-0123abc"]`,
				`"h":["h@git+ssh://git@git.example/h.git#0123abc",{},"0123abc"]`,
				`"i":["i@https://x:y@x.example/i.tgz",{}]`,
				`"j":["j@https://r.example/j/-/j-1.0.0.tgz",{}]`,
				`"k":["k@file:k",{}]`,
				`"l":["l@link:l"]`,
				`"ours":["@s/theirs@1.0.0","",{"bundled":true}]`,
				`"r":["root@root:",{}]`,
				`"m":["m@file:m.tgz",{}]`,
			),
			"2: g@(github:u/g#0123abc) direct\n3: h@(git+ssh://git@git.example/h.git#0123abc) transitive\n4: i@(https://x.example/i.tgz) transitive\n5: j@1.0.0 transitive\n8: @s/theirs@1.0.0 transitive bundled\n10: m@(file:m.tgz) transitive\nignored: 4\n",
		},
		{
			"bad records", packages("", `"a":7`, `"b":[]`, `"c":["c"]`, `"`+strings.Repeat("d", maxPlace+1)+`":["d@1.0.0"]`, `"e":["x y@1.0.0"]`, `"f":["f@1.0.0",[{}],{"dependencies":7}]`),
			"7: f@1.0.0 transitive\nproblem: line 2: \"a\" is not understood\nproblem: line 3: \"b\" is not understood\nproblem: line 4: package \"c\" has no version\nproblem: line 5: \"" + strings.Repeat("d", 80) + "…\" is not understood\nproblem: line 6: \"x y\" is no name of a package\n",
		},
		{"cut off", packages("", `"a":["a@1.0.0"]`, `"b":["b@1.0.0"]`)[:70], "2: a@1.0.0 transitive\nproblem: the file ends early or is damaged: unexpected end of the file\n"},
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
	deep := strings.Repeat("a/", 1000) + "a"
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
		{"something else", t.Context(), strings.NewReader(`[1]`), nil, `neither "lockfileVersion"`},
		{"a file without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 134217728 bytes"},
		{"packages without end", t.Context(), io.MultiReader(strings.NewReader(`{"packages":{`), extracttest.Endless(`"a":["a@1"],`)), inventory.ErrTooLarge, "more than 200000 packages"},
		{"workspaces without end", t.Context(), io.MultiReader(strings.NewReader(`{"workspaces":{`), extracttest.Endless(`"a":{},`)), inventory.ErrTooLarge, "more than 200000 packages"},
		{"dependencies without end", t.Context(), io.MultiReader(strings.NewReader(`{"packages":{"a":["a@1",{"dependencies":{`), extracttest.Endless(`"a":"",`)), inventory.ErrTooLarge, "more than 2000000 dependencies"},
		{"dependencies that are far up", t.Context(), strings.NewReader(packages("", `"`+deep+`":["a@1.0.0",{"dependencies":{"b":""`+strings.Repeat(`,"b":""`, 30_000)+"}}]")), inventory.ErrTooLarge, "bytes of keys"},
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
		return fmt.Sprintf("\"a%d\":[\"a%d@1.0.%d\",\"\",{\"dependencies\":{\"a%d\":\"*\"}},\"sha512-x%s\"],\n", i, i, i, i+1, pad)
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
			facts, err = Extractor{}.Extract(t.Context(), locktest.Generated(lockPath, `{"packages":{`, 100_000_000, tt.record, "}}"))
		})
		require.ErrorIs(t, err, tt.is, tt.name)
		assert.Equal(t, tt.is == nil, len(facts.Packages) > 80_000, tt.name)
		assert.Less(t, most, uint64(256<<20), tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(extracttest.Fixture(f, "project", "bun.lock")[:5000])
	f.Add(packages(`"":{"name":"r","dependencies":{"a":""},"devDependencies":{"b":""}}`, `"a":["a@1",{"dependencies":{"b":"","c":""}}]`, `"a/b":["@s/b@git+https://u@h/b.git#1",{"bundled":true}]`, `"b":["b@file:b"]`))
	f.Fuzz(func(t *testing.T, content string) {
		locktest.Fuzz(t, Extractor{}, lockPath, content)
	})
}

func BenchmarkExtract(b *testing.B) {
	// An application has about 1,000 packages.
	fixture := extracttest.Fixture(b, "project", "bun.lock")
	_, entries, _ := strings.Cut(fixture, "\"packages\": {")
	entries = entries[:strings.LastIndex(entries[:strings.LastIndex(entries, "}")], "}")]
	var content strings.Builder
	content.WriteString(`{"packages":{`)
	for i := range 20 {
		content.WriteString(strings.ReplaceAll(entries, "    \"", fmt.Sprintf("    \"p%d/", i)))
	}
	content.WriteString("}}")
	b.SetBytes(int64(content.Len()))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lockPath, content.String()))
		if err != nil || len(facts.Packages) < 50 || len(facts.Problems) > 0 {
			b.Fatal(len(facts.Packages), facts.Problems, err)
		}
	}
}
