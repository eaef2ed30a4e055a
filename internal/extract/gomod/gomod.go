// Package gomod reads what the modules of Go declare: [go.mod], go.sum, and
// vendor/modules.txt.
//
// Of go.mod these are of interest: require, with the comment "// indirect" on
// what the module itself does not import; replace and exclude, which change
// what require says; toolchain, whose version is that of the standard library,
// here called stdlib; and go, which states only the lowest version that will
// do, and so is a constraint. What is replaced by another module is that
// module. What is replaced by a folder, is excluded, or is the module of the
// file itself, is no package.
//
// Since Go 1.17 go.mod lists all modules that a build needs. Before, it lists
// those that are needed directly, and a few. For such a module go.sum beside
// it tells more: [Extractor.Join] takes from it, of each module that go.mod
// does not list, the highest version whose content has a checksum. That is
// close to what minimal version selection chooses, but not the same: go.sum
// keeps versions that are not in use any more, and modules that only tests of
// dependencies need. Nothing is taken from it where vendor/modules.txt exists,
// which lists exactly the modules in use. A line "## explicit" in that means
// that go.mod lists the module; whether directly, go.mod tells.
//
// Files in the module cache are ignored: what a dependency asks for is not what
// was chosen. go.work is not read, as all that it brings together has files of
// its own.
//
// The content is hostile: the size of files and the number of modules are
// limited. A line of go.mod that cannot be understood is a problem, and the
// others are read.
//
// [go.mod]: https://go.dev/ref/mod#go-mod-file
package gomod

import (
	"context"
	"path"
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Kubernetes has 400 modules, a go.mod of 30 KiB and a go.sum of 100 KiB. The
// parser of go.mod needs up to 100 bytes for one of the file.
const (
	maxMod     = 2 << 20
	maxSum     = 64 << 20
	maxVendor  = 64 << 20 // it lists packages too
	maxModules = 100_000  // of one file
	maxName    = 1024     // of a path or version
)

// Extractor reads go.mod, go.sum and vendor/modules.txt. The zero value is
// ready, and safe for use by many goroutines.
type Extractor struct{}

var _ inventory.Joiner = Extractor{}

// Name returns "gomod".
func (Extractor) Name() string { return "gomod" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the names of the files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/go.mod"}, {Glob: "**/go.sum"}, {Glob: "**/vendor/modules.txt"}}
}

// cached matches files of the module cache.
var cached = regexp.MustCompile(`(?:^|/)pkg/mod/[^@]+@v[^/]*/`)

// Extract returns the modules that the file lists. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	if cached.MatchString(f.Path()) {
		return inventory.Facts{Declared: true, Ignored: 1}, nil
	}
	switch path.Base(f.Path()) {
	case "go.sum":
		return readSum(ctx, f)
	case "modules.txt":
		return readVendor(ctx, f)
	}
	return readMod(ctx, f)
}

// module returns a package as the type "golang" of package URLs has it:
// https://github.com/package-url/purl-spec/blob/main/types/golang-definition.json.
func module(name, version string, relation inventory.Relation, line int) inventory.Package {
	pkg := inventory.Package{Type: "golang", Name: name, Version: version, Relation: relation, Line: line}
	if i := strings.LastIndexByte(name, '/'); i > 0 && i < len(name)-1 {
		pkg.Namespace, pkg.Name = name[:i], name[i+1:]
	}
	return pkg
}

// usable reports whether a path and a version can be those of a module, and
// tells where they cannot.
func usable(name, version string, line int, problems *lines.Problems) bool {
	if name == "" || len(name) > maxName || len(version) > maxName || strings.ContainsFunc(name+version, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		problems.Add("line %d: %q %q is no module", line, lines.Clip(name), lines.Clip(version))
		return false
	}
	return true
}
