package sbom_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
)

// declared is the content of a lock file for told.
func declared(t testing.TB, packages ...sbom.Package) string {
	t.Helper()
	data, err := json.Marshal(sbom.Facts{Packages: packages, Declared: true})
	require.NoError(t, err)
	return string(data)
}

func npmPackage(name, version string) sbom.Package {
	return sbom.Package{Type: "npm", Name: name, Version: version}
}

// A tree is a project's folder, or a root file system.
type tree struct {
	fstest.MapFS
	sources bool
}

func (tree) Target() sbom.Target         { return sbom.Target{Name: "tree", Kind: "tree"} }
func (tree) Layers() []sbom.Layer        { return make([]sbom.Layer, 1) }
func (t tree) LayerFS(int) (fs.FS, bool) { return t.MapFS, true }
func (t tree) SourceTree() bool          { return t.sources }
func (tree) OpenLayer(context.Context, int) (io.ReadCloser, error) {
	return nil, errors.New("it is a folder")
}

func names(bom *sbom.BOM) []string {
	var out []string
	for _, p := range bom.Packages {
		out = append(out, p.Name+"@"+p.Version)
	}
	slices.Sort(out)
	return out
}

func TestLockfiles(t *testing.T) {
	dev := npmPackage("jest", "29")
	dev.Development = true
	lock := declared(t, npmPackage("a", "1"), npmPackage("b", "1"), npmPackage("c", "1"), dev)
	manifest := declared(t, sbom.Package{Type: "npm", Name: "a", Constraint: "^1"}, sbom.Package{Type: "npm", Name: "z", Constraint: "^2"})
	installed := func(all ...sbom.Package) (pairs []string) {
		for _, p := range all {
			pairs = append(pairs, "node_modules/"+p.Name+"/package.json", facts(t, p))
		}
		return pairs
	}
	always := []string{"a@1", "b@1", "c@1", "jest@29"}
	tests := []struct {
		name  string
		files []string
		mode  sbom.Lockfiles
		want  []string
	}{
		{"nothing else speaks for it", []string{"app/lock.json", lock}, sbom.LockfilesAuto, always},
		{"it is installed", append(installed(npmPackage("a", "1"), npmPackage("b", "1")), "app/lock.json", lock), sbom.LockfilesAuto, []string{"a@1", "b@1"}},
		{"in other versions", append(installed(npmPackage("a", "2"), npmPackage("b", "2")), "app/lock.json", lock), sbom.LockfilesAuto, append([]string{"a@1", "a@2"}, "b@1", "b@2", "c@1", "jest@29")},
		{"one of three by chance", append(installed(npmPackage("a", "1")), "app/lock.json", lock), sbom.LockfilesAuto, always},
		{"development only", []string{"app/lock.json", declared(t, dev)}, sbom.LockfilesAuto, []string{"jest@29"}},
		{"never", append(installed(npmPackage("a", "1")), "app/lock.json", lock), sbom.LockfilesNever, []string{"a@1"}},
		{"always", append(installed(npmPackage("a", "1"), npmPackage("b", "1")), "app/lock.json", lock), sbom.LockfilesAlways, always},
		{"a manifest of what is installed", append(installed(npmPackage("a", "1")), "app/lock.json", manifest), sbom.LockfilesAuto, []string{"a@1"}},
		{"a manifest of what is not", append(installed(npmPackage("b", "1")), "app/lock.json", manifest), sbom.LockfilesAuto, []string{"a@", "b@1", "z@"}},
	}
	for _, tt := range tests {
		bom := generate(t, archives{layers: [][]byte{files(t, tt.files...)}}, sbom.WithLockfiles(tt.mode))
		slices.Sort(tt.want)
		assert.Equal(t, tt.want, names(bom), tt.name)
	}
	_, err := sbom.New(sbom.WithLockfiles(9))
	assert.ErrorContains(t, err, "WithLockfiles(9)")
}

func TestSourceTree(t *testing.T) {
	fsys := fstest.MapFS{}
	for name, content := range map[string]string{
		"lock.json":                     declared(t, npmPackage("a", "1"), npmPackage("b", "1")),
		"node_modules/a/package.json":   facts(t, npmPackage("a", "1")),
		"node_modules/b/package.json":   facts(t, npmPackage("b", "1")),
		"dev/lock.json":                 declared(t, npmPackage("d", "1")),
		".git/lock.json":                declared(t, npmPackage("g", "1")),
		"sub/.git/lock.json":            declared(t, npmPackage("h", "1")),
		"third_party/x/y/lock.json":     declared(t, npmPackage("x", "1")),
		"third_party/x/keep/lock.json":  declared(t, npmPackage("k", "1")),
		"third_party/x/keep/other.json": "{",
	} {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	for _, workers := range []int{1, 4} {
		generate := func(sources bool, opts ...sbom.Option) []string {
			bom, err := sbom.Generate(t.Context(), tree{fsys, sources}, append(opts, sbom.WithWorkers(workers),
				sbom.WithExtractors(told{"lock", "**/lock.json"}, told{"npm", "**/package.json"}))...)
			require.NoError(t, err)
			require.Empty(t, bom.Problems)
			return names(bom)
		}
		assert.Equal(t, []string{"a@1", "b@1", "d@1", "k@1", "x@1"}, generate(true), "folders of a running system are none here, and git's is passed over")
		assert.Equal(t, []string{"a@1", "b@1", "g@1", "h@1", "k@1", "x@1"}, generate(false), "a root file system")
		assert.Equal(t, []string{"a@1", "b@1", "d@1", "k@1"}, generate(true, sbom.WithSkip("third_party/*/*", "!keep")))
		assert.Equal(t, []string{"a@1", "b@1", "d@1", "g@1", "h@1", "k@1", "x@1"}, generate(true, sbom.WithSkip("!.git")))
	}
	_, err := sbom.New(sbom.WithSkip("["))
	assert.ErrorContains(t, err, `WithSkip: rule "["`)

	layers := archives{layers: [][]byte{files(t, "a/lock.json", declared(t, npmPackage("a", "1")), "b/lock.json", declared(t, npmPackage("b", "1")))}}
	assert.Equal(t, []string{"b@1"}, names(generate(t, layers, sbom.WithSkip("/a/"))), "in archives too")
}

// The lock file of a dependency is not the project's.
func TestLockfilesOfDependencies(t *testing.T) {
	for dir, counts := range map[string]bool{
		"":                                    true,
		"app":                                 true,
		"vendor":                              true, // as modules.txt of Go
		"vendor/acme/lib":                     false,
		"app/node_modules/a":                  false,
		"usr/lib/python3/dist-packages/x":     false,
		"venv/lib/python3.12/site-packages/x": false,
		"vendor/bundle/ruby/3.0.0/gems/a-1.0": false,
		"usr/lib/ruby/gems/rack-2.0":          false,
		"src/gems/core":                       true,
		"root/go/pkg/mod/x.org/y@v1":          false,
		"root/.cargo/registry/src/z":          false,
		"src/registry/z":                      true,
	} {
		bom := generate(t, archives{layers: [][]byte{files(t, strings.TrimPrefix(dir+"/lock.json", "/"), declared(t, npmPackage("a", "1")))}})
		assert.Equalf(t, counts, len(bom.Packages) == 1, "in %q", dir)
	}
	owned := generate(t, archives{layers: [][]byte{files(t, "usr/share/x/lock.json", declared(t, npmPackage("a", "1")), "var/db/x", owning(t, "x", "usr/share/x/lock.json"))}})
	assert.Equal(t, []string{"x@1-1"}, names(owned), "that of a distribution's package")
}

func TestConstraints(t *testing.T) {
	asked := func(name, constraint string) sbom.Package {
		return sbom.Package{Type: "pypi", Name: name, Constraint: constraint, Relation: sbom.Direct, Line: 3}
	}
	locked := func(name, version string) sbom.Package {
		return sbom.Package{Type: "pypi", Name: name, Version: version, Line: 7}
	}
	bom := generate(t, archives{layers: [][]byte{files(t,
		"app/copy", declared(t, asked("Flask", ">=1"), asked("lost", ">2"), asked("far", "")),
		"app/lock.json", declared(t, locked("flask", "2.0")),
		"pkg/one/copy", declared(t, asked("shared", "*")), // a workspace
		"pkg/lock.json", declared(t, locked("shared", "1")),
		"other/lock.json", declared(t, locked("lost", "9")), // another project's
	)}}, sbom.WithLockfiles(sbom.LockfilesAlways))
	var got []string
	for _, p := range bom.Packages {
		got = append(got, fmt.Sprintf("%s@%s %q %v:%d %v", p.Name, p.Version, p.Constraint, strings.Join(p.Paths, ","), p.Line, p.Relation))
	}
	slices.Sort(got)
	assert.Equal(t, []string{
		`far@ "" app/copy:3 direct`,
		`flask@2.0 "" app/copy,app/lock.json:3 direct`,
		`lost@ ">2" app/copy:3 direct`,
		`lost@9 "" other/lock.json:7 `,
		`shared@1 "" pkg/lock.json,pkg/one/copy:7 direct`,
	}, got)
}

func TestDevelopment(t *testing.T) {
	dev := func(name string, development bool) sbom.Package {
		p := npmPackage(name, "1")
		p.Development = development
		return p
	}
	bom := generate(t, archives{layers: [][]byte{files(t,
		"lock.json", declared(t, dev("tool", true), dev("both", true), dev("lib", false)),
		"x/lock.json", declared(t, dev("both", false)),
		"node_modules/tool/package.json", facts(t, npmPackage("tool", "1")),
		"node_modules/lib/package.json", facts(t, npmPackage("lib", "1")),
	)}}, sbom.WithLockfiles(sbom.LockfilesAlways))
	got := map[string]bool{}
	for _, p := range bom.Packages {
		got[p.Name] = p.Development
	}
	assert.Equal(t, map[string]bool{"tool": true, "both": false, "lib": false}, got)
}

// joins is a Joiner: each of its files names a package, and the file "version"
// the version of all.
type joins struct{ fail bool }

func (joins) Name() string             { return "joins" }
func (joins) Version() int             { return 1 }
func (joins) Patterns() []sbom.Pattern { return []sbom.Pattern{{Glob: "j/*"}} }
func (joins) Extract(_ context.Context, f *sbom.File) (sbom.Facts, error) {
	data := make([]byte, f.Size())
	n, _ := f.Read(data)
	return sbom.Facts{Data: append([]byte("data "), data[:n]...), Declared: true}, nil
}

func (j joins) Join(_ context.Context, files map[string][]byte) (map[string]sbom.Facts, error) {
	if j.fail {
		return nil, errors.New("they do not fit")
	}
	out := map[string]sbom.Facts{}
	version := strings.TrimPrefix(string(files["j/version"]), "data ")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name != "j/version" {
			out[name] = sbom.Facts{Packages: []sbom.Package{npmPackage(strings.TrimPrefix(string(files[name]), "data "), version)}, Declared: true, Problems: []string{"noted"}}
		}
	}
	return out, nil
}

var _ sbom.Joiner = joins{}

func TestJoin(t *testing.T) {
	img := archives{layers: [][]byte{files(t, "j/a", "a", "j/version", "7"), files(t, "j/b", "b")}}
	bom, err := sbom.Generate(t.Context(), img, sbom.WithExtractors(joins{}))
	require.NoError(t, err)
	assert.Equal(t, []string{"a@7", "b@7"}, names(bom))
	assert.Equal(t, 0, bom.Packages[0].Layer.Index)
	assert.Equal(t, 1, bom.Packages[1].Layer.Index)
	require.Len(t, bom.Problems, 2)
	assert.EqualError(t, bom.Problems[1], `joins: "j/b" in layer 1: noted`)

	bom, err = sbom.Generate(t.Context(), img, sbom.WithExtractors(joins{fail: true}))
	require.NoError(t, err)
	assert.Empty(t, bom.Packages)
	assert.Len(t, bom.Problems, 3, "each file of which nothing is known is told")
}
