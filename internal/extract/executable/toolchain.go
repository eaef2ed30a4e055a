package executable

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// toolchain is what advisories call the programs that come with Go:
// https://go.dev/doc/security/vuln/database#schema.
const toolchain = "toolchain"

// ofToolchain reports whether the program is one that comes with Go, such as
// "cmd/go": the go command keeps import paths without a dot in their first
// element for itself. Such a program has neither a main module nor others.
func (m *goModules) ofToolchain() bool {
	return strings.HasPrefix(m.path, "cmd/") && (m.main.path == "" || m.main.path == "cmd" || m.main.path == "std") && len(m.deps) == 0
}

// A goFile is what a file of an installation of Go leaves for Join: the file
// VERSION in its root, or one of its programs.
type goFile struct {
	Root      bool     `json:"root,omitempty"`
	Release   string   `json:"release"` // without "go"
	Platforms []string `json:"platforms,omitempty"`
}

func (f goFile) encode() []byte {
	data, err := json.Marshal(f)
	if err != nil {
		panic(err) // there are only texts in it
	}
	return data
}

// goDepth is how far below the root of an installation its programs are:
// pkg/tool/linux_amd64/compile.
const goDepth = 4

// Join adds the toolchain and the standard library of installations of Go. The
// file VERSION alone says which release that is, and until 1.17 nothing else
// does. On which platform it runs, and so which flaws it has, only its programs
// tell.
func (Extractor) Join(ctx context.Context, files map[string][]byte) (map[string]inventory.Facts, error) {
	roots := map[string]goFile{}      // by the path of VERSION
	programs := map[string][]goFile{} // by each folder that they can be of
	for name, data := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var f goFile
		if err := json.Unmarshal(data, &f); err != nil {
			return nil, fmt.Errorf("data of %q: %w", name, err)
		}
		if f.Root {
			roots[name] = f
			continue
		}
		for folder, depth := path.Dir(name), 0; depth < goDepth; folder, depth = path.Dir(folder), depth+1 {
			programs[folder] = append(programs[folder], f)
		}
	}
	joined := map[string]inventory.Facts{}
	for name, root := range roots {
		var platforms []string
		known := true
		for _, p := range programs[path.Dir(name)] {
			if p.Release == root.Release {
				known = known && len(p.Platforms) > 0
				platforms = append(platforms, p.Platforms...)
			}
		}
		slices.Sort(platforms)
		if platforms = slices.Compact(platforms); !known {
			platforms = nil
		}
		var facts inventory.Facts
		for _, module := range []string{"stdlib", toolchain} {
			pkg := goPackage(module, root.Release)
			pkg.Platforms = slices.Clone(platforms)
			facts.Packages = append(facts.Packages, pkg)
		}
		joined[name] = facts
	}
	return joined, nil
}
