package snap

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const yamlPath = "snap/folder/123/meta/snap.yaml"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "snap", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		yamlPath:                             true,
		"var/lib/snapd/" + yamlPath:          true,
		"meta/snap.yaml":                     true, // an image that is an unpacked snap
		"snap/snapcraft.yaml":                false,
		"srv/" + yamlPath:                    false,
		"snap/folder/123/meta/gui/snap.yaml": false,
	})
}

func TestExtractFixtures(t *testing.T) {
	for fixture, want := range map[string]inventory.Package{
		"snap.yaml": {Type: "snap", Name: "core", Version: "16-2.61.4-20240607", Arch: "amd64"},
		"app.yaml":  {Type: "snap", Name: "jq-demo", Version: "1.7.1+git", Licenses: []string{"MIT AND CC-BY-3.0"}, Requires: []string{"core22"}},
	} {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(yamlPath, extracttest.Fixture(t, "core", fixture)))
		require.NoError(t, err)
		assert.Equal(t, inventory.Facts{Packages: []inventory.Package{want}}, facts, fixture)
	}
}

func TestExtract(t *testing.T) {
	// one is the facts of version 1 of package a for an architecture.
	one := func(arch string, problems ...string) inventory.Facts {
		return inventory.Facts{Packages: []inventory.Package{{Type: "snap", Name: "a", Version: "1", Arch: arch}}, Problems: problems}
	}
	none := func(problems ...string) inventory.Facts { return inventory.Facts{Problems: problems} }
	const a = "name: a\nversion: 1\n"
	folder := inventory.Facts{
		Packages: []inventory.Package{{Type: "snap", Name: "folder", Version: "1"}},
		Problems: []string{`the snap has no name; that of its folder, "folder", is taken`},
	}
	tests := []struct {
		name, path, content string
		want                inventory.Facts
	}{
		{"smallest", yamlPath, a, one("")},
		{"a document", yamlPath, "\ufeff%YAML 1.1\n---\n# comment\nname: a # comment\n\nversion:\t'1'\t# comment\n...\n", one("")},
		{"line ends of DOS", yamlPath, "name: a\r\nversion: \"1\"\r\narchitectures:\r\n  - amd64\r\n", one("amd64")},
		{"keys in quotes", yamlPath, "\"name\": a\n'version' : 1\n", one("")},
		{"a value below", yamlPath, "name:\n  a\nversion: >-\n\n  1\n", one("")},
		{"deeper keys", yamlPath, "description: |\n  name: x\n\n  version: 9\napps:\n  name: x\n" + a + "plugs:\n- name: y\n  version: 8\n", one("")},
		{"an architecture", yamlPath, a + "architectures: [amd64] # one\n", one("amd64")},
		{"an architecture over lines", yamlPath, a + "architectures: [\n  \"amd64\",\n]\n", one("amd64")},
		{"a list without indentation", yamlPath, a + "architectures:\n# comment\n- 'all'\n", one("all")},
		{"an architecture without a list", yamlPath, a + "architectures: amd64\n", one("amd64")},
		{"an architecture without a list, below", yamlPath, a + "architectures:\n  amd64\n", one("amd64")},
		{"many architectures", yamlPath, a + "architectures:\n  - amd64\n  - arm64\n", one("")},
		{"no architectures", yamlPath, a + "architectures: []\n", one("")},
		{"no base", yamlPath, a + "base: none\nlicense: ~\n", one("")},
		{"an image that is a snap", "meta/snap.yaml", a, one("")},

		// Damage must not hide a package.
		{"empty", yamlPath, "", none(`the snap has no name; that of its folder, "folder", is taken`, `package "folder" has no version`)},
		{"no name", yamlPath, "version: 1\n", folder},
		{"no name and no folder", "meta/snap.yaml", "version: 1\n", none(`the snap has no name; its version is "1"`)},
		{"no version", yamlPath, "name: a\nversion: null\n", none(`package "a" has no version`)},
		{"a version with an anchor", yamlPath, "name: a\nversion: &v 1\n", none(`the value of version is not understood: "&v 1"`, `package "a" has no version`)},
		{"a version of two lines", yamlPath, "name: a\nversion: |\n  1\n  2\n", none(`the value of version is not understood: "|"`, `package "a" has no version`)},
		{"two names", yamlPath, a + "name: b\n", one("", `a second value of name: "name: b"`)},
		{"stray lines", yamlPath, "x\n" + a, one("", `a line is not understood: "x"`)},
		{"architectures that are none", yamlPath, a + "architectures:\n  - build-on: amd64\n", one("", `the value of architectures is not understood: ""`)},
		{"architectures without an end", yamlPath, a + "architectures: [amd64\n", one("", `the value of architectures is not understood: "[amd64"`)},
		{"a licence that is none", yamlPath, a + "license: {a: b}\n", one("", `the value of license is not understood: "{a: b}"`)},
	}
	for _, tt := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(tt.path, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestParseScalar(t *testing.T) {
	tests := []struct {
		text, want string
		ok         bool
	}{
		{"", "", true},
		{"1.0", "1.0", true},
		{"a b  # c", "a b", true},
		{"a#b", "a#b", true},
		{"a:b", "a:b", true},
		{"-1", "-1", true},
		{"~", "", true},
		{"# a", "", true},
		{"'it''s' # x", "it's", true},
		{"''", "", true},
		{`"a\"b\\c\/\x41\u00e9\t\n"`, "a\"b\\c/Aé\t\n", true},
		{`"1.0"`, "1.0", true},
		{`"1.0`, "", false},
		{`"1.0" x`, "1.0", false},
		{`"1.0"#x`, "1.0", false},
		{`'1.0`, "", false},
		{`"\q"`, "", false},
		{`"\x4"`, "", false},
		{`"\xzz"`, "", false},
		{`"\`, "", false},
		{"a: b", "", false},
		{"a:", "", false},
		{"!!str 1", "", false},
		{"*v", "", false},
	}
	for _, tt := range tests {
		got, ok := parseScalar(tt.text)
		assert.Equalf(t, tt.ok, ok, "parseScalar(%q)", tt.text)
		assert.Equalf(t, tt.want, got, "parseScalar(%q)", tt.text)
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
		{"canceled", canceled, strings.NewReader("name: a\n"), context.Canceled, ""},
		{"read error", t.Context(), iotest.ErrReader(broken), broken, ""},
		{"a file without end", t.Context(), extracttest.Endless("x: y\n"), inventory.ErrTooLarge, "more than 1048576 bytes"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(yamlPath, 0o644, 1, tt.content, nil))
		require.ErrorIsf(t, err, tt.is, "Extract, %s", tt.name)
		assert.ErrorContainsf(t, err, tt.text, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
}

func TestHostile(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(yamlPath, strings.Repeat(strings.Repeat("n", 1000)+"\n", 1000)))
	require.NoError(t, err)
	require.Len(t, facts.Problems, lines.MaxProblems+1)
	assert.Less(t, len(facts.Problems[0]), 200)

	// A value of many lines is not put together without end.
	facts, err = Extractor{}.Extract(t.Context(), extracttest.File(yamlPath, "name: a\nversion: 1"+strings.Repeat("\n x", 300_000)))
	require.NoError(t, err)
	assert.Equal(t, []string{`the value of version is not understood: "1"`, `package "a" has no version`}, facts.Problems)
	facts, err = Extractor{}.Extract(t.Context(), extracttest.File(yamlPath, "name: a\nversion: 1\narchitectures: ["+strings.Repeat("\n x,", 200_000)))
	require.NoError(t, err)
	assert.Equal(t, []string{`the value of architectures is not understood: "["`}, facts.Problems)
}

func FuzzExtract(f *testing.F) {
	for _, s := range []string{
		extracttest.Fixture(f, "core", "snap.yaml"),
		extracttest.Fixture(f, "core", "app.yaml"),
		"name: \"\\u0041\"\nversion: 'x''y'\narchitectures: [a, 'b']\n- c\n",
		"name:\n  |\nversion: >\n\n  1\n...\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(yamlPath, content))
		extracttest.Check(t, facts, err)
		require.NoError(t, err)
		require.NotZero(t, len(facts.Packages)+len(facts.Problems), "a snap is never passed over")
		for _, p := range facts.Packages {
			require.NotEmpty(t, p.Version)
		}

		// The same again when the file comes in small pieces.
		again, err := Extractor{}.Extract(t.Context(), inventory.NewFile(yamlPath, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
		require.NoError(t, err)
		require.True(t, reflect.DeepEqual(facts, again))
	})
}

func BenchmarkExtract(b *testing.B) {
	content := extracttest.Fixture(b, "core", "app.yaml") + strings.Repeat("  more:\n    command: usr/bin/more\n", 200)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(yamlPath, content))
		if err != nil || len(facts.Packages) != 1 || facts.Problems != nil {
			b.Fatal(facts, err)
		}
	}
}
