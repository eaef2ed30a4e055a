package yarnlock

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

const lockPath = "app/yarn.lock"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "yarnlock", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lockPath:                           true,
		"yarn.lock":                        true,
		"app/node_modules/.yarn-integrity": false,
		"app/yarn.lock.bak":                false,
	})
}

func TestExtractFixtures(t *testing.T) {
	for _, kind := range []string{"classic", "berry"} {
		locktest.Golden(t, Extractor{}, kind, "yarn.lock")
	}
}

// yarn lists the same packages.
func TestExtractLikeYarn(t *testing.T) {
	for kind, list := range map[string]string{"classic": "yarn-list.txt", "berry": "yarn-info.txt"} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, extracttest.Fixture(t, kind, "yarn.lock")))
		require.NoError(t, err)
		want := strings.Fields(extracttest.Fixture(t, kind, list))
		require.Greater(t, len(want), 50)
		assert.ElementsMatch(t, want, locktest.Names(facts, func(inventory.Package) bool { return true }), kind)
	}
}

func TestExtract(t *testing.T) {
	const classic = "# yarn lockfile v1\n"
	const berry = "__metadata:\n  version: 8\n"
	tests := []struct{ name, content, want string }{
		{"nothing, classic", classic, ""},
		{"nothing, Berry", berry, ""},
		{
			"classic: several descriptors, one of them with a comma, quoted or not",
			classic + "\"@s/a@^1.0.0\", \"@s/a@>=1, <2\", \"@s/a@1\":\n  version \"1.2.3\"\n  dependencies:\n    b \"1 || 2\"\n    \"@s/a\" \"1\"\nb@1.x, \"b@1 || 2\":\n  version \"2.0.0\"\n  dependencies:\n    \"@s/a\" \"1\"\n    c \"^9\"\n  optionalDependencies:\n    d \"1\"\nd@1:\n  version \"1.0.0\"\n",
			"2: @s/a@1.2.3; b@2.0.0\n7: b@2.0.0; @s/a@1.2.3 c\n14: d@1.0.0\n",
		},
		{
			"classic: digests, not commits of repositories",
			classic + `a@1:
  version "1.0.0"
  resolved "https://r.example/a/-/a-1.0.0.tgz#d9298a10d1b0735837dc4bd85dac641b0f3cef27"
  integrity sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==
b@1:
  version "1.0.0"
  resolved "https://r.example/b/-/b-1.0.0.tgz?x=y#a9993e364706816aba3e25717850c26c9cd0d89d"
c@1:
  version "1.0.0"
  resolved "https://r.example/c/-/c-1.0.0.tgz#a9993e364706816aba3e25717850c26c9cd0d89d"
  integrity "sha512-x sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0= sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="
d@u/d:
  version "1.0.0"
  resolved "https://codeload.github.com/u/d/tar.gz/0123#a9993e364706816aba3e25717850c26c9cd0d89d"
e@https://g.example/u/e:
  version "1.0.0"
  resolved "https://g.example/u/e#a9993e364706816aba3e25717850c26c9cd0d89d"
f@1:
  version "1.0.0"
  resolved "git+https://g.example/u/f.git#a9993e364706816aba3e25717850c26c9cd0d89d"
  integrity sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==
g@1:
  version "1.0.0"
  resolved "https://r.example/g/-/g-1.0.0.tgz#0123"
`,
			"2: a@1.0.0 SHA-512:ddaf35a1…\n6: b@1.0.0 SHA-1:a9993e36…\n9: c@1.0.0 SHA-1:a9993e36… SHA-512:ddaf35a1…\n13: d@1.0.0 SHA-1:a9993e36…\n16: e@1.0.0\n19: f@1.0.0 vcs_url=git+https://g.example/u/f.git@a9993e364706816aba3e25717850c26c9cd0d89d\n23: g@1.0.0\n",
		},
		{
			"Berry: the checksum is of another archive",
			berry + "\"a@npm:1\":\n  version: 1.0.0\n  resolution: \"a@npm:1.0.0\"\n  integrity: sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==\n  checksum: 10/ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f\n",
			"3: a@1.0.0 transitive\n",
		},
		{
			"classic: aliases, repositories, folders, archives, line ends of Windows",
			strings.ReplaceAll(classic+`"ours@npm:@s/theirs@^1":
  version "1.0.0"
"g@git+ssh://git@git.example/g.git":
  version "2.0.0"
  resolved "git+ssh://git@git.example/g.git#0123abc"
"h@user/h":
  version "3.0.0"
  resolved "https://codeload.github.com/user/h/tar.gz/0123abc"
"i@file:./i":
  version "0.0.0"
  dependencies:
    g "git+ssh://git@git.example/g.git"
"j@file:./j.tgz":
  version "4.0.0"
  resolved "file:./j.tgz#0123abc"
"k@https://r.example/k/-/k-5.0.0.tgz":
  resolved "https://r.example/k/-/k-5.0.0.tgz#0123abc"
l@1:
  resolved "https://x.example/l.tgz"
`, "\n", "\r\n"),
			"2: @s/theirs@1.0.0\n4: g@2.0.0 direct vcs_url=git+ssh://git@git.example/g.git@0123abc\n7: h@3.0.0\n14: j@4.0.0\n17: k@5.0.0\n19: l@(https://x.example/l.tgz)\nignored: 1\n",
		},
		{
			"Berry: workspaces, patches, protocols left out before yarn 4, optional",
			berry + `"a@npm:^1.0.0, a@npm:^1.1.0":
  version: 1.2.3
  resolution: "a@npm:1.2.3"
  dependencies:
    b: ^1.0.0
    c: ^2.0.0
    "@s/d": "npm:^3.0.0"
  dependenciesMeta:
    c:
      optional: true
  peerDependencies:
    p: "*"
"b@patch:b@npm%3A1.0.0#~/.yarn/patches/b.patch, b@npm:^1.0.0":
  version: 1.0.0
  resolution: "b@patch:b@npm%3A1.0.0#~/.yarn/patches/b.patch::version=1.0.0&hash=0123ab"
? "c@npm:^2.0.0"
:
  version: 2.0.0
  resolution: "c@npm:2.0.0"
"@s/d@npm:^3.0.0":
  version: 3.0.0
  resolution: "@s/d@npm:3.0.0::__archiveUrl=https%3A%2F%2Fr.example%2Fd.tgz"
"e@git@git.example:e.git#v1":
  version: 4.0.0
  resolution: "e@git@git.example:e.git#commit=0123abc"
"f@portal:../f::locator=r%40workspace%3A.":
  version: 0.0.0-use.local
  resolution: "f@portal:../f::locator=r%40workspace%3A."
"r@workspace:.":
  version: 0.0.0-use.local
  resolution: "r@workspace:."
  dependencies:
    a: ^1.1.0
    f: "portal:../f"
  languageName: unknown
`,
			"3: a@1.2.3 direct; b@1.0.0 @s/d@3.0.0\n15: b@1.0.0 transitive\n18: c@2.0.0 transitive\n22: @s/d@3.0.0 transitive\n25: e@4.0.0 transitive vcs_url=git+ssh://git@git.example/e.git@0123abc\nignored: 2\n",
		},
		{
			"bad records", classic + "<<<<<<< HEAD\na@1:\n  version \"1.0.0\"\n  -\n  dependencies:\n    b\n=======\nc@1:\n  resolved \"x\"\nd e@1:\n  version \"1.0.0\"\nf@1:\n  version \"x\"\n>>>>>>> b\n",
			"3: a@1.0.0\nproblem: line 2: not an entry: \"<<<<<<< HEAD\"\nproblem: line 5: not a key: \"-\"\nproblem: line 7: not a dependency: \"b\"\nproblem: line 8: not an entry: \"=======\"\nproblem: line 9: package \"c\" has no version\nproblem: line 11: \"d e\" is no name of a package\nproblem: line 13: \"x\" is no version of package \"f\"\nproblem: line 15: not an entry: \">>>>>>> b\"\n",
		},
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
		{"canceled", canceled, strings.NewReader("a@1:\n"), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("a@1:\n"), iotest.ErrReader(broken)), broken, ""},
		{"something else", t.Context(), strings.NewReader("{}\n"), nil, "no entry of a package"},
		{"a file without end", t.Context(), extracttest.Endless("#\n"), inventory.ErrTooLarge, "more than 134217728 bytes"},
		{"a line without end", t.Context(), extracttest.Endless("x"), inventory.ErrTooLarge, "more than 1048576 bytes"},
		{"packages without end", t.Context(), extracttest.Endless("a@1:\n  version \"1\"\n"), inventory.ErrTooLarge, "more than 200000 packages"},
		{"dependencies without end", t.Context(), io.MultiReader(strings.NewReader("a@1:\n  version \"1\"\n  dependencies:\n"), extracttest.Endless("    b \"1\"\n")), inventory.ErrTooLarge, "more than 2000000 dependencies"},
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
		return fmt.Sprintf("a%d@^1.0.0:\n  version \"1.0.%d\"\n  resolved \"https://r.example/a\"\n  dependencies:\n    a%d \"^1.0.0\"\n", i, i, i+1)
	}
	pad := strings.Repeat("x", 1000)
	tests := []struct {
		name   string
		record func(i int) string
		is     error
	}{
		{"a million packages", entry, inventory.ErrTooLarge},
		{"100 MB of 90,000 packages", func(i int) string { return entry(i) + "  integrity " + pad + "\n" }, nil},
	}
	for _, tt := range tests {
		var facts inventory.Facts
		var err error
		most := locktest.Memory(func() {
			facts, err = Extractor{}.Extract(t.Context(), locktest.Generated(lockPath, "# yarn lockfile v1\n", 100_000_000, tt.record, ""))
		})
		require.ErrorIs(t, err, tt.is, tt.name)
		assert.Equal(t, tt.is == nil, len(facts.Packages) > 80_000, tt.name)
		assert.Less(t, most, uint64(256<<20), tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	for _, kind := range []string{"classic", "berry"} {
		f.Add(extracttest.Fixture(f, kind, "yarn.lock")[:4000])
	}
	f.Add("a@1, \"@s/b@npm:c@1\":\n  version \"1\"\n  resolved \"git+https://u@h/a.git#1\"\n  dependencies:\n    a \"1\"\n    d \"1\"\n")
	f.Add("__metadata:\n\"a@workspace:.\":\n  resolution: \"a@workspace:.\"\n  dependencies:\n    b: 1\n\"b@npm:1\":\n  version: 1\n  resolution: \"b@patch:b@npm%3A1::version=1\"\n  dependencies:\n    c: 1\n  dependenciesMeta:\n    c:\n      optional: true\n")
	f.Fuzz(func(t *testing.T, content string) {
		locktest.Fuzz(t, Extractor{}, lockPath, content)
	})
}

func BenchmarkExtract(b *testing.B) {
	// An application has about 1,000 packages.
	fixture := extracttest.Fixture(b, "classic", "yarn.lock")
	var content strings.Builder
	for i := range 20 {
		content.WriteString(strings.ReplaceAll(fixture, "version \"", fmt.Sprintf("version \"%d", i)))
	}
	b.SetBytes(int64(content.Len()))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lockPath, content.String()))
		if err != nil || len(facts.Packages) < 1000 {
			b.Fatal(len(facts.Packages), facts.Problems, err)
		}
	}
}
