package gomod

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

const (
	direct     = inventory.Direct
	transitive = inventory.Transitive
	unknown    = inventory.RelationUnknown
)

func TestPatterns(t *testing.T) {
	extracttest.Identity(t, Extractor{}, "gomod", 1)
	extracttest.Wants(t, Extractor{}, map[string]bool{
		"go.mod":                     true,
		"src/app/go.mod":             true,
		"src/app/go.sum":             true,
		"src/app/vendor/modules.txt": true,
		"vendor/modules.txt":         true,
		"src/modules.txt":            false,
		"src/go.work":                false,
		"pkg/mod/cache/x/v1.mod":     false,
	})
}

// constrained returns a package that no file tells the version of.
func constrained(name, constraint string, relation inventory.Relation, line int) inventory.Package {
	pkg := module(name, "", relation, line)
	pkg.Constraint = constraint
	return pkg
}

func extract(t *testing.T, name, content string) inventory.Facts {
	t.Helper()
	facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
	require.NoErrorf(t, err, "Extract, %s", name)
	return facts
}

func TestExtractFixture(t *testing.T) {
	assert.Equal(t, inventory.Facts{
		Declared: true,
		Ignored:  2, // the module itself and a folder
		Packages: []inventory.Package{
			module("github.com/docker/cli", "v29.9.3+incompatible", direct, 9),
			module("github.com/package-url/packageurl-go", "v0.1.7", direct, 10),
			module("github.com/sirupsen/logrus", "v1.10.2", direct, 11),
			module("github.com/stretchr/testify", "v1.12.1", direct, 12),
			module("golang.org/x/mod", "v0.42.0", direct, 13), // replaced
			module("github.com/docker/docker-credential-helpers", "v0.9.12", transitive, 17),
			module("github.com/google/go-cmp", "v0.6.0", transitive, 18),
			module("go.yaml.in/yaml/v3", "v3.0.5", transitive, 19),
			module("golang.org/x/sys", "v0.48.0", transitive, 20),
			module("gotest.tools/v3", "v3.5.2", transitive, 21),
			module("stdlib", "1.26.8", direct, 5),
		},
	}, extract(t, "app/go.mod", extracttest.Fixture(t, "go-1.26", "go.mod.txt")))

	facts := extract(t, "app/vendor/modules.txt", extracttest.Fixture(t, "go-1.26", "modules.txt"))
	var got []string
	for _, p := range facts.Packages {
		got = append(got, fmt.Sprintf("%s/%s %s %s%d", p.Namespace, p.Name, p.Version, p.Relation, p.Line))
	}
	assert.Equal(t, []string{
		"github.com/docker/cli v29.9.3+incompatible 4",
		"github.com/docker/docker-credential-helpers v0.9.12 11",
		"github.com/google/go-cmp v0.6.0 15",
		"github.com/package-url/packageurl-go v0.1.7 17",
		"github.com/sirupsen/logrus v1.10.2 20",
		"github.com/stretchr/testify v1.12.1 23",
		"go.yaml.in/yaml/v3 v3.0.5 30",
		"golang.org/x/mod v0.42.0 33",
		"golang.org/x/sys v0.48.0 36",
		"gotest.tools/v3 v3.5.2 40",
	}, got)
	assert.Equal(t, 3, facts.Ignored) // a folder, and two replacements without a version
	assert.Equal(t, vendored, string(facts.Data))
}

// join extracts files and joins what they leave.
func join(t *testing.T, files map[string]string) map[string]inventory.Facts {
	t.Helper()
	data := make(map[string][]byte)
	for name, content := range files {
		if facts := extract(t, name, content); len(facts.Data) > 0 {
			data[name] = facts.Data
		}
	}
	joined, err := Extractor{}.Join(t.Context(), data)
	require.NoError(t, err)
	return joined
}

func TestJoinFixture(t *testing.T) {
	goMod, sum := extracttest.Fixture(t, "go-1.16", "go.mod.txt"), extracttest.Fixture(t, "go-1.16", "go.sum")
	assert.Equal(t, []inventory.Package{
		module("github.com/sirupsen/logrus", "v1.8.1", direct, 6),
		module("github.com/stretchr/testify", "v1.7.0", direct, 7),
		constrained("stdlib", ">=1.16", direct, 3),
	}, extract(t, "go.mod", goMod).Packages)
	want := map[string]inventory.Facts{"go.sum": {Declared: true, Packages: []inventory.Package{
		module("github.com/davecgh/go-spew", "v1.1.1", transitive, 2),
		module("github.com/pmezard/go-difflib", "v1.0.0", transitive, 4),
		module("golang.org/x/sys", "v0.0.0-20191026070338-33540a1f6037", transitive, 12),
		module("gopkg.in/check.v1", "v0.0.0-20161208181325-20d25e280405", transitive, 14),
		module("gopkg.in/yaml.v3", "v3.0.0-20200313102051-9f266ea9e77c", transitive, 16),
	}}}
	assert.Equal(t, want, join(t, map[string]string{"go.mod": goMod, "go.sum": sum}))
	assert.Empty(t, join(t, map[string]string{"go.mod": goMod, "go.sum": sum, "vendor/modules.txt": ""}), "vendored")
	assert.Empty(t, join(t, map[string]string{"a/go.mod": goMod, "b/go.sum": sum}), "elsewhere")
	assert.Empty(t, join(t, map[string]string{"go.mod": strings.Replace(goMod, "1.16", "1.17", 1), "go.sum": sum}), "since Go 1.17")
}

func TestJoin(t *testing.T) {
	const sum = "a.b/c v1.0.0 h1:x=\na.b/c v1.10.0 h1:x=\na.b/c v1.9.0 h1:x=\na.b/c v2.0.0/go.mod h1:x=\n"
	c := func(version string, line int) map[string]inventory.Facts {
		return map[string]inventory.Facts{"go.sum": {Declared: true, Packages: []inventory.Package{module("a.b/c", version, transitive, line)}}}
	}
	tests := []struct {
		name, mod string
		want      map[string]inventory.Facts
	}{
		{"no go directive", "module m", c("v1.10.0", 2)},
		{"before modules were pruned", "module m\ngo 1.16rc1", c("v1.10.0", 2)},
		{"an excluded version", "module m\ngo 1.13\nexclude a.b/c v1.10.0", c("v1.9.0", 3)},
		{"required, so that others are left from before", "module m\nrequire a.b/c v1.0.0", map[string]inventory.Facts{}},
		{"replaced", "module m\nreplace a.b/c => ./c", map[string]inventory.Facts{}},
		{"a version of it replaced", "module m\nreplace a.b/c v1.0.0 => ./c", c("v1.10.0", 2)},
		{"in the place of another", "module m\nrequire a.b/d v1.0.0\nreplace a.b/d => a.b/c v1.0.0", map[string]inventory.Facts{}},
		{"the module itself", "module a.b/c", map[string]inventory.Facts{}},
		{"a branch, which tells no version", "module m\nrequire a.b/c main", c("v1.10.0", 2)},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, join(t, map[string]string{"go.mod": tt.mod, "go.sum": sum}), "Join, %s", tt.name)
	}
}

func TestExtract(t *testing.T) {
	found := func(ignored int, p ...inventory.Package) inventory.Facts {
		return inventory.Facts{Declared: true, Packages: p, Ignored: ignored}
	}
	a := module("a.b/c", "v1.0.0", direct, 2)
	std := constrained("stdlib", ">=1.21", direct, 1)
	broken := func(facts inventory.Facts, problems ...string) inventory.Facts {
		facts.Problems = problems
		return facts
	}
	tests := []struct {
		name, path, content string
		want                inventory.Facts
	}{
		{"a module of its own", "go.mod", "module m\ngo 1.21\n", found(1, constrained("stdlib", ">=1.21", direct, 2))},
		{"byte order mark and line ends of Windows", "go.mod", "\xef\xbb\xbfgo 1.21\r\nrequire a.b/c v1.0.0\r\n", found(0, a, std)},
		{"a name without a slash", "go.mod", "go 1.21\nrequire gopkg.in v1.0.0 // indirect", found(0, module("gopkg.in", "v1.0.0", transitive, 2), std)},
		{"the higher of two", "go.mod", "go 1.21\nrequire a.b/c v1.0.0\nrequire a.b/c v1.2.0\nrequire a.b/c v1.1.0", found(0, module("a.b/c", "v1.2.0", direct, 3), std)},
		{"excluded", "go.mod", "go 1.21\nrequire a.b/c v1.0.0\nexclude a.b/c v1.0.0", found(1, std)},
		{"another version excluded", "go.mod", "go 1.21\nrequire a.b/c v1.0.0\nexclude a.b/c v1.0.1", found(0, a, std)},
		{"replaced", "go.mod", "go 1.21\nrequire a.b/c v1.0.0\nreplace a.b/c => d.e/f v0.1.0", found(0, module("d.e/f", "v0.1.0", direct, 2), std)},
		{"this version replaced before all", "go.mod", "go 1.21\nrequire a.b/c v1.0.0\nreplace a.b/c => ./x\nreplace a.b/c v1.0.0 => d.e/f v0.1.0", found(0, module("d.e/f", "v0.1.0", direct, 2), std)},
		{"another version replaced", "go.mod", "go 1.21\nrequire a.b/c v1.0.0\nreplace a.b/c v1.0.1 => ./x", found(0, a, std)},
		{"replaced by a folder", "go.mod", "go 1.21\nrequire a.b/c v1.0.0\nreplace a.b/c => /x", found(1, std)},
		{"directives of no interest", "go.mod", "go 1.21\nrequire a.b/c v1.0.0\nretract v1.0.0\ntool a.b/c/cmd\ngodebug x=1\nignore ./x\n", found(0, a, std)},
		{"a release candidate", "go.mod", "go 1.21\ntoolchain go1.21rc2", found(0, module("stdlib", "1.21rc2", direct, 2))},
		{"somebody's own build", "go.mod", "go 1.21\ntoolchain go1.21.3-custom", found(0, module("stdlib", "1.21.3", direct, 2))},
		{"the toolchain that is there", "go.mod", "go 1.21\ntoolchain default", found(0, std)},
		{"a toolchain without a release", "go.mod", "go 1.21\ntoolchain go1", broken(found(0, std), `toolchain "go1" is no release of Go`)},
		{"a branch", "go.mod", "go 1.21\nrequire (\n\td.e/f main\n)\nrequire a.b/c v1.0.0", found(0, module("a.b/c", "v1.0.0", direct, 5), constrained("d.e/f", "main", unknown, 3), std)},
		{"of the module cache", "go/pkg/mod/a.b/c@v1.0.0/go.mod", "go 1.21\nrequire a.b/c v1.0.0", found(1)},
		{"one of the module cache that is not", "pkg/modules/a.b@v1/go.mod", "go 1.21\nrequire a.b/c v1.0.0", found(0, a, std)},
		{"a directive of a later Go", "go.mod", "go 1.21\nrequire a.b/c v1.0.0\nfuture x\n", broken(found(0, a, std), `line 3: "unknown directive: future"`)},
		{"a block of a later Go", "go.mod", "go 1.21\nrequire a.b/c v1.0.0\nfuture (\n\tx\n)\n", broken(found(0, a, std), `line 3: "unknown block type: future"`, `line 4: "unknown directive: x"`, `line 5: "unknown directive: )"`)},
		{"wrong lines", "go.mod", "go 1.21\nrequire a.b/c v1.0.0\nrequire a.b/d v2.0.0\nrequire a.b\nreplace x\n)\n", broken(
			found(0, a, std),
			`line 3: "version \"v2.0.0\" invalid: should be v0 or v1, not v2"`,
			`line 4: "usage: require module/path v1.2.3"`,
			`line 5: "usage: replace module/path [v1.2.3] => other/module v1.4\n\t or replace module/pat…"`, `line 6: "unknown directive: )"`,
		)},
		{"cut off in a block", "go.mod", "go 1.21\nrequire a.b/c v1.0.0\nrequire (\n\tx.y/z v", broken(
			found(0, a, std), // the last line may lack something
			`line 4: "syntax error (unterminated block started at go.mod:3:1)"`, `line 4: "syntax error (unterminated block started at go.mod:3:1)"`,
		)},

		{"vendored", "vendor/modules.txt", "# a.b/c v1.0.0\n## explicit; go 1.17\na.b/c\na.b/c/d\n# d.e/f v0.1.0\nd.e/f\n## workspace\n", inventory.Facts{
			Declared: true, Data: []byte(vendored), Packages: []inventory.Package{module("a.b/c", "v1.0.0", unknown, 1), module("d.e/f", "v0.1.0", transitive, 5)},
		}},
		{"wrong lines in vendor", "vendor/modules.txt", "# a.b/c\n## explicit\n# a.b/c 1.0.0\n# a.b/c v1.0.0 => d.e/f v1.2.3\n", inventory.Facts{
			Declared: true, Data: []byte(vendored), Packages: []inventory.Package{module("d.e/f", "v1.2.3", transitive, 4)},
			Problems: []string{`line 1 is no module: "# a.b/c"`, `line 3 is no module: "# a.b/c 1.0.0"`},
		}},
		{"sums", "go.sum", "a.b/c v1.0.0 h1:x=\n\na.b/c v1.0.0/go.mod h1:x=\nx\na.b/c 1 h1:x=\n", inventory.Facts{
			Declared: true, Data: []byte("1 a.b/c v1.0.0\n"), Ignored: 2,
			Problems: []string{`line 4 is no checksum of a module: "x"`, `line 5 is no checksum of a module: "a.b/c 1 h1:x="`},
		}},
	}
	for _, tt := range tests {
		got := extract(t, tt.path, tt.content)
		if tt.path == "go.mod" {
			got.Data = nil // TestJoin is about it
		}
		assert.Equalf(t, tt.want, got, "Extract, %s", tt.name)
	}
}

func TestExtractErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("the layer ends here")
	tests := []struct {
		name, path string
		ctx        context.Context
		content    io.Reader
		is         error
		text       string
	}{
		{"canceled", "go.mod", canceled, strings.NewReader("module m"), context.Canceled, ""},
		{"read error", "go.mod", t.Context(), iotest.ErrReader(broken), broken, ""},
		{"read error", "go.sum", t.Context(), iotest.ErrReader(broken), broken, ""},
		{"read error", "vendor/modules.txt", t.Context(), iotest.ErrReader(broken), broken, ""},
		{"without end", "go.mod", t.Context(), extracttest.Endless("\n"), inventory.ErrTooLarge, "more than 2097152 bytes"},
		{"without end", "go.sum", t.Context(), extracttest.Endless("a.b/c v1.0.0 h1:x=\n"), inventory.ErrTooLarge, "more than 100000 modules"},
		{"without end", "go.sum", t.Context(), extracttest.Endless("\n"), inventory.ErrTooLarge, "more than 67108864 bytes"},
		{"without end", "vendor/modules.txt", t.Context(), extracttest.Endless("# a.b/c v1.0.0\n"), inventory.ErrTooLarge, "more than 100000 modules"},
		{"many modules", "go.mod", t.Context(), strings.NewReader("exclude (\n" + strings.Repeat("a v1.0.0\n", maxModules+1) + ")"), inventory.ErrTooLarge, "more than 100000 modules"},
		{"no line of it is right", "go.mod", t.Context(), strings.NewReader(strings.Repeat(")\n", 100)), nil, `no line of go.mod can be understood: line 1: "unknown directive: )"`},
		{"many errors of syntax", "go.mod", t.Context(), strings.NewReader("module m\n" + strings.Repeat("\"\n", maxRounds+1)), nil, "go.mod cannot be understood"},
	}
	for _, tt := range tests {
		facts, err := Extractor{}.Extract(tt.ctx, inventory.NewFile(tt.path, 0o644, 1, tt.content, nil))
		require.Errorf(t, err, "Extract(%q), %s", tt.path, tt.name)
		if tt.is != nil {
			require.ErrorIsf(t, err, tt.is, "Extract(%q), %s", tt.path, tt.name)
		}
		assert.ErrorContainsf(t, err, tt.text, "Extract(%q), %s", tt.path, tt.name)
		assert.Zerof(t, facts, "Extract(%q), %s", tt.path, tt.name)
	}
	_, err := Extractor{}.Join(canceled, map[string][]byte{"go.mod": nil})
	require.ErrorIs(t, err, context.Canceled)
	_, err = Extractor{}.Join(t.Context(), map[string][]byte{"go.mod": nil, "go.sum": nil})
	assert.ErrorContains(t, err, `data of "go.mod"`)
}

func FuzzExtract(f *testing.F) {
	for _, elem := range [][2]string{{"go-1.26", "go.mod.txt"}, {"go-1.16", "go.mod.txt"}, {"go-1.26", "modules.txt"}, {"go-1.16", "go.sum"}} {
		f.Add(extracttest.Fixture(f, elem[0], elem[1]))
	}
	f.Add("module m\ngo 1.13\nrequire (\n a.b/c v1.0.0 // indirect\n d main\n)\nexclude a.b/c v1.0.1\nreplace a.b/c v1.0.0 => ./x\ntoolchain go1.2\n)\nfuture (\n")
	f.Fuzz(func(t *testing.T, content string) {
		files := make(map[string][]byte)
		for _, name := range []string{"go.mod", "go.sum", "vendor/modules.txt"} {
			facts, err := Extractor{}.Extract(t.Context(), extracttest.File(name, content))
			extracttest.Check(t, facts, err)
			again, errAgain := Extractor{}.Extract(t.Context(), inventory.NewFile(name, 0o644, 0, iotest.OneByteReader(strings.NewReader(content)), nil))
			require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
			require.Equal(t, facts, again)
			for _, p := range facts.Packages {
				require.Positive(t, p.Line)
				require.LessOrEqual(t, p.Line, strings.Count(content, "\n")+1)
				require.NotEqual(t, p.Version == "", p.Constraint == "")
			}
			if name != "vendor/modules.txt" && len(facts.Data) > 0 {
				files[name] = facts.Data
			}
		}
		// With a go.mod that tells nothing, every module of go.sum counts.
		for _, goMod := range [][]byte{files["go.mod"], []byte("{}")} {
			if goMod == nil {
				continue
			}
			files["go.mod"] = goMod
			joined, err := Extractor{}.Join(t.Context(), files)
			require.NoError(t, err)
			seen := make(map[string]bool)
			for _, p := range joined["go.sum"].Packages {
				require.NotEmpty(t, p.Version)
				require.False(t, seen[p.Namespace+"/"+p.Name])
				seen[p.Namespace+"/"+p.Name] = true
			}
			require.Equal(t, string(goMod) == "{}" && len(files["go.sum"]) > 0, len(seen) > 0 && string(goMod) == "{}")
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	// Kubernetes has about 200 modules.
	var content strings.Builder
	content.WriteString("module m\n\ngo 1.26\n\nrequire (\n")
	for i := range 200 {
		fmt.Fprintf(&content, "\tgithub.com/somebody/module%d v1.2.%d // indirect\n", i, i)
	}
	content.WriteString(")\n")
	b.SetBytes(int64(content.Len()))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := Extractor{}.Extract(b.Context(), extracttest.File("go.mod", content.String()))
		if err != nil || len(facts.Packages) != 201 {
			b.Fatal(len(facts.Packages), err)
		}
	}
}
