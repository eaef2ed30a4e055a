package npmlock

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

const lockPath = "app/package-lock.json"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "npmlock", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lockPath:                              true,
		"package-lock.json":                   true,
		"app/npm-shrinkwrap.json":             true,
		"app/node_modules/.package-lock.json": false,
		"app/package.json":                    false,
	})
}

func TestExtractFixtures(t *testing.T) {
	for _, version := range []string{"v1", "v2", "v3"} {
		locktest.Golden(t, Extractor{}, version, "package-lock.json")
	}
}

// npm ls reads the same files.
func TestExtractLikeNpm(t *testing.T) {
	for _, version := range []string{"v1", "v2", "v3"} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, extracttest.Fixture(t, version, "package-lock.json")))
		require.NoError(t, err)
		var all, production []string
		for line := range strings.Lines(extracttest.Fixture(t, version, "npm-ls.txt")) {
			name, dev := strings.CutSuffix(strings.TrimSpace(line), " dev")
			all = append(all, name)
			if !dev {
				production = append(production, name)
			}
		}
		assert.ElementsMatch(t, all, locktest.Names(facts, func(inventory.Package) bool { return true }), version)
		if version != "v1" {
			assert.ElementsMatch(t, production, locktest.Names(facts, func(p inventory.Package) bool { return !p.Development }), version)
		}
	}
}

// packages returns a file of version 3 with the entries, one a line from the
// second.
func packages(entries ...string) string {
	return `{"lockfileVersion":3,"packages":{` + "\n" + strings.Join(entries, ",\n") + "}}"
}

func TestExtract(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"nothing", `{"lockfileVersion":3,"packages":{}}`, ""},
		{"nothing in version 1", `{"lockfileVersion":1}`, ""},
		{"byte order mark", "\xef\xbb\xbf" + packages(`"node_modules/a":{"version":"1.0.0"}`), "2: a@1.0.0\n"},
		{
			"node's lookup: the closest folder counts",
			packages(
				`"":{"dependencies":{"a":"*"},"devDependencies":{"b":"*"}}`,
				`"node_modules/a":{"version":"1.0.0","dependencies":{"b":"*","@s/c":"*","missing":"*"}}`,
				`"node_modules/a/node_modules/b":{"version":"2.0.0","dependencies":{"a":"*"}}`,
				`"node_modules/b":{"version":"1.0.0","dev":true}`,
				`"node_modules/@s/c":{"version":"3.0.0","dependencies":{"b":"*"}}`,
			),
			"3: a@1.0.0 direct; b@2.0.0 @s/c@3.0.0 missing\n4: b@2.0.0 transitive; a@1.0.0\n5: b@1.0.0 direct development\n6: @s/c@3.0.0 transitive; b@1.0.0\nignored: 1\n",
		},
		{
			"one package in two folders: development in one of them only",
			packages(
				`"node_modules/a/node_modules/b":{"version":"1.0.0","dev":true,"dependencies":{"x":"*"}}`,
				`"node_modules/a/node_modules/x":{"version":"1.0.0"}`,
				`"node_modules/b":{"version":"1.0.0","dependencies":{"x":"*"}}`,
				`"node_modules/x":{"version":"2.0.0","devOptional":true}`,
			),
			"2: b@1.0.0; x@1.0.0 x@2.0.0\n3: x@1.0.0\n5: x@2.0.0\n",
		},
		{
			"optional and peers are not required",
			packages(`"node_modules/a":{"version":"1.0.0","dependencies":{"b":"*","c":"*"},"optionalDependencies":{"b":"*"},"peerDependencies":{"d":"*"}}`, `"node_modules/b":{"version":"1.0.0","optional":true}`),
			"2: a@1.0.0; c\n3: b@1.0.0\n",
		},
		{
			"parts of the project, links, and folders of packages of such parts",
			packages(`"packages/x":{"name":"x","version":"9.0.0","dependencies":{"a":"*","y":"*"}}`, `"node_modules/x":{"resolved":"packages/x","link":true}`, `"packages/x/node_modules/a":{"version":"1.0.0"}`, `"../y":{"version":"1.0.0"}`, `"":{}`),
			"4: a@1.0.0 direct\nignored: 4\n",
		},
		{
			"an alias, from a repository, with a token",
			packages(`"node_modules/ours":{"name":"@s/theirs","version":"1.0.0","resolved":"git+https://u:token@git.example/s/theirs.git#0123abc"}`),
			"2: @s/theirs@1.0.0 vcs_url=git+https://git.example/s/theirs.git@0123abc\n",
		},
		{"an address and no version", packages(`"node_modules/a":{"resolved":"https://x.example/a.tgz"}`), "2: a@(https://x.example/a.tgz)\n"},
		{"a peer that is not installed", packages(`"node_modules/a":{"optional":true,"peer":true}`), "ignored: 1\n"},
		{
			"version 1: a tree, aliases, repositories, folders, archives",
			"{\"requires\":true,\"dependencies\":{\n" + strings.Join([]string{
				`"a":{"version":"1.0.0","requires":{"b":"^1"},"dependencies":{` + "\n" + `"b":{"version":"1.5.0","bundled":true,"requires":{"c":"1"}}}}`,
				`"b":{"version":"2.0.0","dev":true}`,
				`"ours":{"version":"npm:@s/theirs@3.0.0"}`,
				`"c":{"version":"git+ssh://git@git.example/c.git#0123abc","from":"git+ssh://git@git.example/c.git"}`,
				`"d":{"version":"file:../d","requires":{"b":"2"}}`,
				`"e":{"version":"file:e-1.0.0.tgz"}`,
				`"f":{"version":"https://r.example/f/-/f-1.2.3.tgz"}`,
				`"g":{"version":"github:x/g#0123abc"}`,
			}, ",\n") + "}}",
			"2: a@1.0.0; b@1.5.0\n3: b@1.5.0 bundled; c\n4: b@2.0.0 direct development\n5: @s/theirs@3.0.0\n6: c@(git+ssh://git@git.example/c.git#0123abc)\n8: e@(file:e-1.0.0.tgz)\n9: f@1.2.3\n10: g@(github:x/g#0123abc)\nignored: 1\n",
		},
		{"version 2: packages count, before the tree", `{"packages":{"node_modules/a":{"version":"1.0.0"}},"dependencies":{"b":{"version":"1.0.0"}}}`, "1: a@1.0.0\n"},
		{"version 2: packages count, after the tree", `{"dependencies":{"b":{"version":"1.0.0"}},"packages":{"node_modules/a":{"version":"1.0.0"}}}`, "1: a@1.0.0\n"},
		{
			"digests, in part malformed, of one package in two folders, and not of what npm packed itself",
			packages(
				`"node_modules/a":{"version":"1.0.0","integrity":"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw== sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0= md5-x"}`,
				`"node_modules/b":{"version":"1.0.0","integrity":"sha512-x"}`,
				`"node_modules/c":{"version":"1.0.0","integrity":7}`,
				`"node_modules/d":{"version":"1.0.0","integrity":"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==","resolved":"git+ssh://git@h/d.git#0123"}`,
				`"node_modules/e":{"version":"1.0.0","integrity":"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="}`,
				`"node_modules/a/node_modules/e":{"version":"1.0.0","integrity":"sha512-4lrDhF+MvhKAGi36WonUxV3EeQDztu3Jqe5ZDzwrkxL2ZdADnJOCi3tY8zlQvIF6CVWpxQAKjT4oBWnwh0XKaA=="}`,
				`"node_modules/b/node_modules/e":{"version":"1.0.0","integrity":"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="}`,
				`"node_modules/c/node_modules/e":{"version":"1.0.0"}`,
			),
			"2: a@1.0.0 SHA-1:a9993e36… SHA-512:ddaf35a1…\n3: b@1.0.0\n4: c@1.0.0\n5: d@1.0.0 vcs_url=git+ssh://git@h/d.git@0123\n6: e@1.0.0 SHA-512:ddaf35a1… SHA-512:e25ac384…\n",
		},
		{
			"version 1: digests",
			`{"dependencies":{"a":{"version":"1.0.0","integrity":"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="},"b":{"version":"git+https://h/b.git#0123","integrity":"sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="},"c":{"version":"https://h/c.tgz","integrity":"sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0="}}}`,
			"1: a@1.0.0 SHA-512:ddaf35a1…\n1: b@(git+https://h/b.git#0123)\n1: c@(https://h/c.tgz) SHA-1:a9993e36…\n",
		},

		// One bad record must not hide the others, nor itself.
		{
			"bad records",
			packages(`"node_modules/":{"version":"1.0.0"}`, `"node_modules/@s":{"version":"1.0.0"}`, `"node_modules/a":7`, `"node_modules/b":{"version":1,"dependencies":{"c":"*"}}`, `"node_modules/c":{"version":"x y"}`, `"node_modules/d":{"version":"1.0.0","dependencies":[]}`, `"node_modules/`+strings.Repeat("e", maxFolder)+`":{"version":"1.0.0"}`),
			"7: d@1.0.0\nproblem: line 2: \"\" is no name of a package\nproblem: line 3: \"@s\" is no name of a package\nproblem: line 4: \"node_modules/a\" is not an object\nproblem: line 5: package \"b\" has no version\nproblem: line 6: \"x y\" is no version of package \"c\"\nproblem: line 8: a folder has more than 2048 bytes: \"node_modules/" + strings.Repeat("e", 67) + "…\"\n",
		},
		{"packages of another type", `{"packages":[],"dependencies":7}`, "problem: line 1: packages is not an object\nproblem: line 1: dependencies is not an object\n"},
		{"a bad branch", `{"dependencies":{"a":null}}`, "problem: line 1: \"a\" is not an object\n"},
		{"cut off", packages(`"node_modules/a":{"version":"1.0.0"}`, `"node_modules/b":{"version":"1.0`)[:80], "2: a@1.0.0\nproblem: the file ends early or is damaged: unexpected end of the file\n"},
		{"more after the end", packages(`"node_modules/a":{"version":"1.0.0"}`) + "x", "2: a@1.0.0\nproblem: the file ends early or is damaged: line 2: 'x' follows after the end\n"},
		{"a merge that was not finished", packages(`"node_modules/a":{"version":"1.0.0"}`, "<<<<<<< HEAD\n"), "2: a@1.0.0\nproblem: the file ends early or is damaged: line 3: '<' in place of a text\n"},
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
	deep := "node_modules" + strings.Repeat("/a", 1000) + "/node_modules/a"
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
		{"no object", t.Context(), strings.NewReader("[]"), nil, "not a JSON object"},
		{"something else", t.Context(), strings.NewReader(`{"a":1}`), nil, `neither "packages"`},
		{"cut off before a package", t.Context(), strings.NewReader(`{"packages":{`), nil, "unexpected end"},
		{"a file without end", t.Context(), extracttest.Endless(" "), inventory.ErrTooLarge, "more than 134217728 bytes"},
		{"a tree without end", t.Context(), io.MultiReader(strings.NewReader("{"), extracttest.Endless(`"dependencies":{"a":{`)), inventory.ErrTooLarge, "in the folder of a package"},
		{"nesting without end", t.Context(), io.MultiReader(strings.NewReader(`{"x":`), extracttest.Endless("[")), inventory.ErrTooLarge, "nested more than 500 deep"},
		{"a text without end", t.Context(), io.MultiReader(strings.NewReader(`{"`), extracttest.Endless("a")), inventory.ErrTooLarge, "a text has more than"},
		{"dependencies that are far up", t.Context(), strings.NewReader(packages(`"` + deep + `":{"version":"1.0.0","dependencies":{"b":""` + strings.Repeat(`,"b":""`, 30_000) + "}}")), inventory.ErrTooLarge, "bytes of folders are looked into"},
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
	entry := func(i int) string {
		return fmt.Sprintf("\"node_modules/a%d\":{\"version\":\"1.0.%d\",\"resolved\":\"https://r.example/a/-/a-1.0.0.tgz\",\"dependencies\":{\"a%d\":\"*\",\"a1\":\"*\"}},\n", i, i, i+1)
	}
	// A digest as most packages have it, and what is none.
	pad := "sha512-" + strings.Repeat("A", 86) + "== sha1-" + strings.Repeat("A", 27) + "= " + strings.Repeat("x", 900)
	tests := []struct {
		name   string
		record func(i int) string
		tooBig bool
	}{
		{"a million packages", entry, true},
		{"100 MB of 100,000 packages", func(i int) string { return entry(i)[:len(entry(i))-3] + `,"integrity":"` + pad + "\"},\n" }, false},
	}
	for _, tt := range tests {
		var facts inventory.Facts
		var err error
		most := locktest.Memory(func() {
			f := locktest.Generated(lockPath, `{"packages":{`, 100_000_000, tt.record, `"":{}}}`)
			facts, err = Extractor{}.Extract(t.Context(), f)
		})
		if tt.tooBig {
			require.ErrorIs(t, err, inventory.ErrTooLarge, tt.name)
		} else {
			require.NoError(t, err, tt.name)
			assert.Greater(t, len(facts.Packages), 80_000)
			assert.Len(t, facts.Packages[0].Hashes, 2)
		}
		assert.Less(t, most, uint64(256<<20), tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	for _, version := range []string{"v1", "v3"} {
		f.Add(extracttest.Fixture(f, version, "package-lock.json"))
	}
	f.Add(packages(`"":{"dependencies":{"a":"*"}}`, `"node_modules/a":{"name":"@s/b","version":"1.0.0","dependencies":{"a":"*","c":"*"},"peerDependencies":{"a":""}}`, `"a/node_modules/b":{"resolved":"git+https://u@h/a.git#1","inBundle":true}`))
	f.Add(`{"dependencies":{"a":{"version":"npm:b@1","requires":{"c":"1"},"dependencies":{"c":{"version":"file:x"},"d":{"version":"https://h/d/-/d-1.tgz"}}}},"packages":{"x":{"link":true}}} x`)
	f.Fuzz(func(t *testing.T, content string) {
		locktest.Fuzz(t, Extractor{}, lockPath, content)
	})
}

func BenchmarkExtract(b *testing.B) {
	// An application has about 1,000 packages.
	fixture := extracttest.Fixture(b, "v3", "package-lock.json")
	_, entries, _ := strings.Cut(fixture, "\"packages\": {")
	entries = entries[:strings.LastIndex(entries[:strings.LastIndex(entries, "}")], "}")]
	var content strings.Builder
	content.WriteString(`{"packages":{`)
	for i := range 20 {
		content.WriteString(strings.ReplaceAll(entries, `"node_modules/`, fmt.Sprintf(`"p%d/node_modules/`, i)) + ",")
	}
	content.WriteString(`"":{}}}`)
	b.SetBytes(int64(content.Len()))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lockPath, content.String()))
		if err != nil || len(facts.Packages) < 50 || len(facts.Problems) > 0 {
			b.Fatal(len(facts.Packages), facts.Problems, err)
		}
	}
}
