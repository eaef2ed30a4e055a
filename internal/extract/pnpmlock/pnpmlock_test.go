package pnpmlock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/nodelock/locktest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const lockPath = "app/pnpm-lock.yaml"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "pnpmlock", 2)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		lockPath:                              true,
		"pnpm-lock.yaml":                      true,
		"app/shrinkwrap.yaml":                 true,
		"app/pnpm-workspace.yaml":             false,
		"app/node_modules/.pnpm/lock.yaml":    false,
		"app/node_modules/.modules.yaml/x":    false,
		"app/node_modules/.pnpm-lock.yaml/xx": false,
	})
}

func TestExtractFixtures(t *testing.T) {
	for _, version := range []string{"v5", "v6", "v9"} {
		locktest.Golden(t, Extractor{}, version, "pnpm-lock.yaml")
	}
}

// pnpm says itself what is for development, before version 9.
func TestDevelopmentLikePnpm(t *testing.T) {
	entry := regexp.MustCompile(`(?m)^  '?/((?:@[^/]+/)?[^@/]+)[@/]([^_(':]+).*:\n(?:    .*\n)*?    dev: true\n`)
	for _, version := range []string{"v5", "v6"} {
		content := extracttest.Fixture(t, version, "pnpm-lock.yaml")
		var want []string
		for _, m := range entry.FindAllStringSubmatch(content, -1) {
			want = append(want, m[1]+"@"+m[2])
		}
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(lockPath, content))
		require.NoError(t, err)
		require.Greater(t, len(want), 20)
		assert.ElementsMatch(t, want, locktest.Names(facts, func(p inventory.Package) bool { return p.Development }), version)
	}
}

func TestExtract(t *testing.T) {
	tests := []struct{ name, content, want string }{
		{"nothing", "lockfileVersion: '9.0'\n", ""},
		{"nothing, with a byte order mark and line ends of Windows", "\ufefflockfileVersion: 5.4\r\n\r\nspecifiers: {}\r\n", ""},
		{
			"digests, in one line, in several, and as other tools format them",
			`lockfileVersion: '9.0'
packages:
  a@1.0.0:
    resolution: {integrity: sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==}
  b@1.0.0:
    resolution:
      integrity: sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=
      tarball: https://r.example/b.tgz
  c@1.0.0:
    resolution:
      {
        integrity: sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==,
      }
  d@1.0.0:
    resolution: {integrity: 'sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0= sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==', tarball: https://r.example/d.tgz}
  e@1.0.0:
    resolution: {integrity: sha512-x}
  f@1.0.0:
    resolution: {commit: 0123, integrity: sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==, repo: https://g.example/f.git, type: git}
  g@1.0.0:
    resolution:
      x: ` + strings.Repeat("x", maxResolution) + `
      integrity: sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==
`,
			"3: a@1.0.0 transitive SHA-512:ddaf35a1…\n5: b@1.0.0 transitive SHA-1:a9993e36…\n9: c@1.0.0 transitive SHA-512:ddaf35a1…\n14: d@1.0.0 transitive SHA-1:a9993e36… SHA-512:ddaf35a1…\n16: e@1.0.0 transitive\n18: f@1.0.0 transitive vcs_url=git+https://g.example/f.git@0123\n20: g@1.0.0 transitive SHA-512:ddaf35a1…\n",
		},
		{
			"version 5 without a workspace: names with scope, peers, registries, repositories",
			`lockfileVersion: 5.3
specifiers:
  a: ^1
dependencies:
  a: 1.0.0_@s+b@2.0.0
  f: github.com/x/f/0123abc
devDependencies:
  ours: /@s/b/2.0.0_a_b@1
packages:
  /a/1.0.0_@s+b@2.0.0:
    resolution: {integrity: sha512-x}
    peerDependencies:
      '@s/b': '*'
    dependencies:
      '@s/b': 2.0.0_a_b@1
      c: r.example/c/3.0.0
      d_e: 4.0.0
  /@s/b/2.0.0_a_b@1:
    resolution: {integrity: sha512-x}
    dependencies:
      c: r.example/c/3.0.0
  r.example/c/3.0.0:
    resolution: {integrity: sha512-x, tarball: https://r.example/c/-/c-3.0.0.tgz}
  /d_e/4.0.0:
    resolution: {integrity: sha512-x}
  github.com/x/f/0123abc:
    resolution: {tarball: https://codeload.github.com/x/f/tar.gz/0123abc}
    name: '@s/f'
    version: 5.0.0
  git.example/g/0123abc:
    resolution: {commit: 0123abc, repo: https://git.example/g.git, type: git}
    name: g
    version: 6.0.0
`,
			"10: a@1.0.0 direct; c@3.0.0 d_e@4.0.0\n18: @s/b@2.0.0 direct; c@3.0.0\n22: c@3.0.0 transitive\n24: d_e@4.0.0 transitive\n26: @s/f@5.0.0 direct\n30: g@6.0.0 transitive vcs_url=git+https://git.example/g.git@0123abc\nignored: 1\n",
		},
		{
			"version 6: a package with several peers is there once, a folder is not",
			`lockfileVersion: '6.0'
dependencies:
  a:
    specifier: ^1
    version: 1.0.0(b@1.0.0)
devDependencies:
  d:
    specifier: file:d
    version: file:d
packages:
  /a@1.0.0(b@1.0.0):
    resolution: {integrity: sha512-x}
    dependencies:
      b: 1.0.0
    dev: false
  /a@1.0.0(b@2.0.0):
    dependencies:
      b: 2.0.0
  /b@1.0.0:
    dev: false
  /b@2.0.0: {}
  file:d:
    resolution: {directory: d, type: directory}
    name: d
    version: 0.0.0
`,
			"11: a@1.0.0 direct; b@1.0.0 b@2.0.0\n19: b@1.0.0 transitive\n21: b@2.0.0 transitive\nignored: 2\n",
		},
		{
			"version 9: a long key, two documents, what has an address",
			`---
lockfileVersion: '9.0'
importers:
  .:
    configDependencies:
      cfg:
        specifier: 1.0.0
        version: 1.0.0
packages:
  cfg@1.0.0:
    resolution: {integrity: sha512-x}
---
lockfileVersion: '9.0'
importers:
  my app:
    dependencies:
      a:
        specifier: ^1
        version: 1.0.0(b@1.0.0)
      t:
        specifier: https://x.example/t.tgz
        version: https://x.example/t.tgz
packages:
  a@1.0.0:
    resolution: {integrity: sha512-x}
    deprecated: |-
      dependencies:
        no: 1.0.0
    peerDependencies:
      b: '*'
  b@1.0.0:
    resolution: {integrity: sha512-x}
  t@https://x.example/t.tgz:
    resolution: {tarball: https://x.example/t.tgz}
  u@https://u:p@x.example/u.tgz:
    resolution:
      tarball: https://u:p@x.example/u.tgz
    version: 2.0.0
  v@https://r.example/v/-/v-1.0.0.tgz:
    resolution: {tarball: https://r.example/v/-/v-1.0.0.tgz}
snapshots:
  ? a@1.0.0(b@1.0.0)
  : dependencies:
      b: 1.0.0
      c: 9.9.9
  b@1.0.0(x@1.0.0): {}
  only-here@1.0.0: {}
`,
			"10: cfg@1.0.0 direct development\n24: a@1.0.0 direct; c\n31: b@1.0.0 transitive\n33: t@(https://x.example/t.tgz) direct\n35: u@2.0.0 transitive\n39: v@1.0.0 transitive\n47: only-here@1.0.0 transitive\nignored: 2\n",
		},
		{
			"bad records", "lockfileVersion: '9.0'\n<<<<<<< HEAD\npackages:\n  - x\n  a b@1.0.0:\n    x: y\n  a@:\n    x: y\n  ok@1.0.0:\n    dependencies:\n      - x\n      '@s': 1.0.0\n",
			"9: ok@1.0.0 transitive\nproblem: line 2: not a key: \"<<<<<<< HEAD\"\nproblem: line 4: not a key: \"- x\"\nproblem: line 5: package \"a\" has no version\nproblem: line 7: package \"a\" has no version\nproblem: line 11: not a dependency: \"- x\"\n",
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
		{"canceled", canceled, strings.NewReader("lockfileVersion: 5\n"), context.Canceled, ""},
		{"read error", t.Context(), io.MultiReader(strings.NewReader("a: b\n"), iotest.ErrReader(broken)), broken, ""},
		{"empty", t.Context(), strings.NewReader(""), nil, "no lockfileVersion"},
		{"something else", t.Context(), strings.NewReader("a: b\n"), nil, "no lockfileVersion"},
		{"a file without end", t.Context(), extracttest.Endless("#\n"), inventory.ErrTooLarge, "more than 134217728 bytes"},
		{"a line without end", t.Context(), extracttest.Endless("x"), inventory.ErrTooLarge, "more than 1048576 bytes"},
		{"dependencies without end", t.Context(), io.MultiReader(strings.NewReader("dependencies:\n"), extracttest.Endless("  a: 1\n")), inventory.ErrTooLarge, "more than 2000000 dependencies"},
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
		return fmt.Sprintf("  a%d@1.0.%d:\n    resolution: {integrity: sha512-x}\n    dependencies:\n      a%d: 1.0.%d\n", i, i, i+1, i+1)
	}
	pad := strings.Repeat("x", 1000)
	tests := []struct {
		name   string
		record func(i int) string
		is     error
	}{
		{"a million packages", entry, inventory.ErrTooLarge},
		{"100 MB of 90,000 packages", func(i int) string { return entry(i) + "    deprecated: " + pad + "\n" }, nil},
	}
	for _, tt := range tests {
		var facts inventory.Facts
		var err error
		most := locktest.Memory(func() {
			facts, err = Extractor{}.Extract(t.Context(), locktest.Generated(lockPath, "lockfileVersion: '9.0'\npackages:\n", 100_000_000, tt.record, ""))
		})
		require.ErrorIs(t, err, tt.is, tt.name)
		assert.Equal(t, tt.is == nil, len(facts.Packages) > 80_000, tt.name)
		assert.Less(t, most, uint64(256<<20), tt.name)
	}
}

func FuzzExtract(f *testing.F) {
	for _, version := range []string{"v5", "v9"} {
		f.Add(extracttest.Fixture(f, version, "pnpm-lock.yaml")[:6000])
	}
	f.Add("lockfileVersion: 5\ndependencies:\n  a: 1.0.0_b@1\npackages:\n  /a/1.0.0_b@1:\n    peerDependencies:\n      c: 1\n    dependencies:\n      c: 1\n  /@s/c/1.0.0:\n    name: x\n  r/@s/c/1:\n    dev: true\n")
	f.Add("lockfileVersion: 9\nimporters:\n  .:\n    dependencies:\n      a:\n        version: 1.0.0(b@1)\npackages:\n  a@1.0.0:\n    resolution: {repo: git@h:a/b.git, commit: 1, type: git}\nsnapshots:\n  ? 'a@1.0.0(b@1)'\n  : dependencies:\n      \"\\u0061\": 1\n")
	f.Fuzz(func(t *testing.T, content string) {
		locktest.Fuzz(t, Extractor{}, lockPath, content)
	})
}

func BenchmarkExtract(b *testing.B) {
	// An application has about 1,000 packages.
	fixture := extracttest.Fixture(b, "v9", "pnpm-lock.yaml")
	_, snapshots, _ := strings.Cut(fixture, "\nsnapshots:\n")
	var content strings.Builder
	content.WriteString("lockfileVersion: '9.0'\nsnapshots:\n")
	for i := range 20 {
		content.WriteString(strings.ReplaceAll(snapshots, "@", fmt.Sprintf("@%d", i)))
	}
	b.SetBytes(int64(content.Len()))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(lockPath, content.String()))
		if err != nil || len(facts.Packages) < 900 {
			b.Fatal(len(facts.Packages), facts.Problems, err)
		}
	}
}
