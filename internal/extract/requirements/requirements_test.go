package requirements

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/extract/extracttest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const filePath = "app/requirements.txt"

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "requirements", 2)
	paths := map[string]bool{
		filePath:                        true,
		"requirements-dev.txt":          true,
		"app/dev-requirements.txt":      true,
		"app/requirements/base.txt":     true,
		"app/constraints.txt":           true,
		"app/requirements.in":           false,
		"app/requirements/base/x.txt":   false,
		"app/base.txt":                  false,
		"app/my-constraints.txt":        false,
		"app/x.dist-info/top_level.txt": false,
	}
	extracttest.Wants(t, Extractor{}, paths)
	for file, want := range paths {
		assert.Equalf(t, want, isRead(file), "isRead(%q)", file)
	}
}

func TestExtractFixture(t *testing.T) {
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, extracttest.Fixture(t, "pip-compile", "requirements.txt")))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 39)
	assert.Empty(t, facts.Problems)
	byName := map[string]inventory.Package{}
	for _, p := range facts.Packages {
		assert.Falsef(t, p.Development, "%q", p.Name)
		assert.NotEmptyf(t, p.Version, "%q", p.Name)
		byName[p.Name] = p
	}
	assert.Equal(t, inventory.Package{
		Type: "pypi", Name: "mike", Version: "2.1.3", Line: 48, Relation: inventory.Direct,
		Requires: []string{"importlib-metadata@8.5.0", "importlib-resources@6.4.5", "jinja2@3.1.4", "mkdocs@1.6.1", "pyparsing@3.2.0", "pyyaml@6.0.2", "pyyaml-env-tag@0.1", "verspec@0.1.0"},
	}, byName["mike"])
	assert.Equal(t, inventory.Package{Type: "pypi", Name: "certifi", Version: "2024.8.30", Line: 9, Relation: inventory.Transitive}, byName["certifi"])
}

func pinned(name, version string, line int) inventory.Package {
	return inventory.Package{Type: "pypi", Name: name, Version: version, Line: line}
}

func asked(name, constraint string, line int) inventory.Package {
	return inventory.Package{Type: "pypi", Name: name, Constraint: constraint, Line: line, Relation: inventory.Direct}
}

func hashed(p inventory.Package, sha256 string) inventory.Package {
	p.Hashes = extracttest.Digest("SHA-256", sha256)
	return p
}

func found(p ...inventory.Package) inventory.Facts {
	return inventory.Facts{Declared: true, Packages: p}
}

func with(p inventory.Package, relation inventory.Relation, requires ...string) inventory.Package {
	p.Relation, p.Requires = relation, requires
	return p
}

var rightInput = []struct {
	name, content string
	want          inventory.Facts
}{
	{"empty", "", found()},
	{"comments", "# a==1\n  # b==1\n\n", found()},
	{"pinned", "a==1.0\r\nB_c.d == 2.0rc1  # why\ne===3-x", found(pinned("a", "1.0", 1), pinned("B_c.d", "2.0rc1", 2), pinned("e", "3-x", 3))},
	{"pinned among others", "a>=1,==1.5", found(pinned("a", "1.5", 1))},
	{"not pinned", "a\nb>=1, <2\nc~=1.4\nd==1.*\ne (>=2)\nf!=3", found(asked("a", "*", 1), asked("b", ">=1, <2", 2), asked("c", "~=1.4", 3), asked("d", "==1.*", 4), asked("e", ">=2", 5), asked("f", "!=3", 6))},
	{"extras and conditions", "a[x, y]==1;python_version<'3'\nb ; sys_platform == 'win32'", found(pinned("a", "1", 1), asked("b", "*", 2))},
	{"continued", "a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nb\\\n==2\nc==3\\", found(pinned("a", "1", 1), pinned("b", "2", 4), pinned("c", "3", 6))},
	{"a digest, of one archive alone", "a==1 --hash=sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\nb==1 \\\n  --hash sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\nc==1 --hash=sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad --hash=sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa\nd==1 --hash=sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad --hash=x\ne==1 --hash=sha256:a9993e364706816aba3e25717850c26c9cd0d89d\nf==1 --hash", found(
		hashed(pinned("a", "1", 1), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), hashed(pinned("b", "1", 2), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), pinned("c", "1", 4), pinned("d", "1", 5), pinned("e", "1", 6), pinned("f", "1", 7))},
	{"a digest in an address", "https://h/a-1.0-py3-none-any.whl#sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\nb @ https://h/b-1.0.tar.gz#sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad&x=y ; x\nhttps://h/c-1.0.tar.gz#egg=c&sha256=a9993e364706816aba3e25717850c26c9cd0d89d", found(
		hashed(pinned("a", "1.0", 1), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), hashed(pinned("b", "1.0", 2), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), pinned("c", "1.0", 3))},
	{"a comment ends what is continued", "a==1 \\\n# b \\\nc==2", found(pinned("a", "1", 1), pinned("c", "2", 3))},
	{"no comment", "a @ https://h/x#y", found(asked("a", "https://h/x#y", 1))},
	{"byte order mark", "\xef\xbb\xbfa==1", found(pinned("a", "1", 1))},
	{"UTF-16", wide("a==1\nb==2\n", false), found(pinned("a", "1", 1), pinned("b", "2", 2))},
	{"UTF-16 of the other order", wide("a==1\n", true), found(pinned("a", "1", 1))},
	{"Latin-1", "# -*- coding: latin-1 -*-\na==1 # \xe9\n", found(pinned("a", "1", 2))},
	{"options", "-i https://u:p@h/\n--index-url=https://h/ --extra-index-url https://g/ --no-index\n--pre\n-f ./links\n--trusted-host h\na==1", found(pinned("a", "1", 6))},
	{"included and seen", "-r requirements-base.txt\n-rrequirements/x.txt\n--requirement=../requirements.txt\n-c constraints.txt", found()},
	{"from a repository", "-e git+https://u:secret@h/x.git@v1#egg=a[extra]&subdirectory=s\nb @ git+ssh://git@h/b.git ; python_version > '3'\nhg+http://h/c#egg=c\n--editable d@git+https://h/d", found(
		asked("a", "git+https://h/x.git@v1#egg=a[extra]&subdirectory=s", 1), asked("b", "git+ssh://git@h/b.git", 2), asked("c", "hg+http://h/c#egg=c", 3), asked("d", "git+https://h/d", 4))},
	{"archives", "https://h/a_b-1.0-py3-none-any.whl#sha256=0\n./c-2.0+l-cp39-cp39-linux_x86_64.whl ; x\nd @ file:///d/d-3.1.tar.gz\ne @ https://h/E-4.0.zip?x=y\nf @ https://h/archive/v1.0.zip", found(
		pinned("a_b", "1.0", 1), pinned("c", "2.0+l", 2), pinned("d", "3.1", 3), pinned("e", "4.0", 4), asked("f", "https://h/archive/v1.0.zip", 5))},
	{"parts of the project", ".\n-e .\n./lib[x]\n-e ../lib\na @ file:///src/a\nsrc/x\nfile:///src/y", inventory.Facts{Declared: true, Ignored: 7}},
	{"why, on the line", "a==1  # via -r requirements.in\nb==2  # via a, c\nc==3 # via a", found(with(pinned("a", "1", 1), inventory.Direct, "b@2", "c@3"), with(pinned("b", "2", 2), inventory.Transitive), with(pinned("c", "3", 3), inventory.Transitive, "b@2"))},
	{"why, below", "a==1 \\\n    --hash=x:y\n    # via project\nb==2\n    # via\n    #   -c constraints.txt\n    #   -r x.in\n    #   a\n# tail\n", found(with(pinned("a", "1", 1), inventory.Direct, "b@2"), with(pinned("b", "2", 4), inventory.Direct))},
	{"why, several entries", "a==1 ; x\n # via b\na==2 ; y\n # via b\nb==3 # via p (pyproject.toml)", found(with(pinned("a", "1", 1), inventory.Transitive), with(pinned("a", "2", 3), inventory.Transitive), with(pinned("b", "3", 5), inventory.Direct, "a"))},
	{"another comment", "a==1\n # via the proxy\n\n # via b\nb==1", found(with(pinned("a", "1", 1), inventory.Direct), pinned("b", "1", 5))},
}

func wide(s string, big bool) string {
	var b []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + s)) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

func TestExtract(t *testing.T) {
	for _, tt := range rightInput {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, tt.content))
		require.NoErrorf(t, err, "Extract, %s", tt.name)
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractByPath(t *testing.T) {
	dev := pinned("a", "1", 1)
	dev.Development = true
	tests := map[string]inventory.Facts{
		"requirements.txt":                 found(pinned("a", "1", 1)),
		"requirements-prod.txt":            found(pinned("a", "1", 1)),
		"dev/requirements.txt":             found(pinned("a", "1", 1)), // may be the folder of a user
		"requirements-dev.txt":             found(dev),
		"test_requirements.txt":            found(dev),
		"requirements/tests.txt":           found(dev),
		"docs/requirements.txt":            found(dev),
		"constraints.txt":                  {Declared: true, Ignored: 1},
		"requirements/constraints-dev.txt": {Declared: true, Ignored: 1},
	}
	for file, want := range tests {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(file, "a==1"))
		require.NoErrorf(t, err, "Extract of %q", file)
		assert.Equalf(t, want, got, "Extract of %q", file)
	}
}

var wrongInput = []struct{ content, want string }{
	{"a==", `line 1: "a==" is no requirement`},
	{"a = 1", `line 1: "a = 1" is no requirement`},
	{"a b", `line 1: "a b" is no requirement`},
	{"a[x", `line 1: "a[x" is no requirement`},
	{"a (>1", `line 1: "a (>1" is no requirement`},
	{"a @", `line 1: "a @" is no requirement`},
	{"a==1#x", `line 1: "a==1#x" is no requirement`},
	{"\n{{ a }}==1", `line 2: "{{ a }}==1" is no requirement`},
	{"https://h/x", `line 1: "https://h/x" is no requirement`},
	{"git+https://h/x", `line 1: "git+https://h/x" is no requirement`},
	{"-e https://h/x#egg=", `line 1: "https://h/x#egg=" is no requirement`},
	{"-r base.txt", `line 1: includes "base.txt", which is not read`},
	{"-r ../../base.txt", `line 1: includes "../../base.txt", which is not read`},
	{"-r", `line 1: includes "", which is not read`},
	{"-r https://u:p@h/requirements.txt", `line 1: includes "https://h/requirements.txt", which is not in the image`},
	{"--what", `line 1: "--what" is no option of a requirements file`},
	{strings.Repeat("a", 5000), `line 1: "` + strings.Repeat("a", 80) + `…" is no requirement`},
	{"a==" + strings.Repeat("1", 5000), `line 1: "a==` + strings.Repeat("1", 77) + `…" is no requirement`},
	{"\x00\xff", `line 1: "\x00�" is no requirement`},
}

func TestExtractProblems(t *testing.T) {
	for _, tt := range wrongInput {
		got, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, tt.content+"\nz==1"))
		require.NoErrorf(t, err, "Extract of %q", lines.Clip(tt.content))
		require.Equalf(t, []string{tt.want}, got.Problems, "Extract of %q", lines.Clip(tt.content))
		require.Lenf(t, got.Packages, 1, "Extract of %q", lines.Clip(tt.content))
		assert.Equal(t, "z", got.Packages[0].Name)
	}
}

func TestExtractErrors(t *testing.T) {
	broken := errors.New("broken")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		r    io.Reader
		want error
	}{
		{"read error", t.Context(), iotest.ErrReader(broken), broken},
		{"canceled", canceled, strings.NewReader("a"), context.Canceled},
		{"a long line", t.Context(), strings.NewReader(strings.Repeat("a", lines.MaxLine+1)), inventory.ErrTooLarge},
		{"a long requirement", t.Context(), extracttest.Endless("a\\\n"), inventory.ErrTooLarge},
		{"many requirements", t.Context(), extracttest.Endless("a==1\n"), inventory.ErrTooLarge},
		{"a large file", t.Context(), extracttest.Endless("# " + strings.Repeat("x", 1000) + "\n"), inventory.ErrTooLarge},
		{"a large file of UTF-16", t.Context(), io.MultiReader(strings.NewReader("\xff\xfe"), extracttest.Endless("a\x00")), inventory.ErrTooLarge},
	}
	for _, tt := range tests {
		f := inventory.NewFile(filePath, 0o644, 1, tt.r, nil)
		facts, err := Extractor{}.Extract(tt.ctx, f)
		require.ErrorIsf(t, err, tt.want, "Extract, %s", tt.name)
		assert.Zerof(t, facts, "Extract, %s", tt.name)
	}
	_, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, "\xff\xfea"))
	assert.ErrorContains(t, err, "UTF-16 with half a character")
}

// A parent with many entries, and many reasons, take bounded time and memory.
func TestExtractManyReasons(t *testing.T) {
	var b strings.Builder
	for range 20_000 {
		b.WriteString("a==1 # via " + strings.Repeat("a,", 30) + "\n")
	}
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, b.String()))
	require.NoError(t, err)
	require.Len(t, facts.Packages, 20_000)
	assert.Equal(t, []string{"a"}, facts.Packages[0].Requires)
}

func FuzzExtract(f *testing.F) {
	for _, tt := range rightInput {
		f.Add(tt.content)
	}
	for _, tt := range wrongInput {
		f.Add(tt.content)
	}
	f.Add(extracttest.Fixture(f, "pip-compile", "requirements.txt"))
	f.Fuzz(func(t *testing.T, content string) {
		facts, err := Extractor{}.Extract(t.Context(), extracttest.File(filePath, content))
		extracttest.Check(t, facts, err)
		again, err2 := Extractor{}.Extract(t.Context(), inventory.NewFile(filePath, 0o644, int64(len(content)), iotest.OneByteReader(strings.NewReader(content)), nil))
		require.Equal(t, err, err2)
		require.Equal(t, facts, again)
		for _, p := range facts.Packages {
			require.True(t, p.Version == "" || p.Constraint == "", "version and constraint")
			require.Positive(t, p.Line)
		}
		if err == nil {
			require.True(t, facts.Declared)
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	var content bytes.Buffer
	for i := range 1000 {
		fmt.Fprintf(&content, "package-%d==1.%d \\\n", i, i)
		for range 20 {
			content.WriteString("    --hash=sha256:" + strings.Repeat("0f", 32) + " \\\n")
		}
		content.WriteString("    --hash=sha256:00\n    # via package-1\n")
	}
	b.SetBytes(int64(content.Len()))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File(filePath, content.String()))
		if err != nil || len(facts.Packages) != 1000 {
			b.Fatal(err, len(facts.Packages))
		}
	}
}
