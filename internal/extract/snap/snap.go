// Package snap reads what snaps say of themselves: meta/snap.yaml of each snap
// that is unpacked or mounted below snap/NAME/REVISION, on some distributions
// var/lib/snapd/snap/NAME/REVISION, or that is an image of its own.
//
// The [format] is YAML. Of interest are the keys name, version, architectures,
// license and base (the snap that an application runs on) of the outermost
// mapping, whose values are text or lists of text. These are read without a
// parser of YAML as a whole: a value of another form, such as one with an
// anchor or a tag, is a problem.
//
// The packages of other kinds that a snap was built of are not listed there.
// The content is hostile: the file is limited to 1 MiB.
//
// [format]: https://snapcraft.io/docs/snap-format
package snap

import (
	"context"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxFile is the size of a file up to which it is read. Snaps with hundreds of
// programs have some 100 KiB.
const maxFile = 1 << 20

// Extractor reads the metadata of snaps. The zero value is ready, and safe for
// use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "snap".
func (Extractor) Name() string { return "snap" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the paths of the metadata.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "snap/*/*/meta/snap.yaml"},
		{Glob: "var/lib/snapd/snap/*/*/meta/snap.yaml"},
		{Glob: "meta/snap.yaml"},
	}
}

// Extract returns the snap that f describes. If it lacks a name, the folder
// has it. The error wraps [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	data, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	var problems lines.Problems
	m := parseMapping(string(data), &problems, "name", "version", "architectures", "license", "base")
	text := func(key string) string {
		s, ok := m[key].scalar()
		if !ok {
			problems.Add("the value of %s is not understood: %q", key, lines.Clip(m[key].inline))
		}
		return s
	}
	pkg := inventory.Package{Type: "snap", Name: text("name"), Version: text("version")}
	if pkg.Name == "" {
		elements := strings.Split(f.Path(), "/")
		if len(elements) < 4 {
			problems.Add("the snap has no name; its version is %q", lines.Clip(pkg.Version))
			return inventory.Facts{Problems: problems.List()}, nil
		}
		pkg.Name = elements[len(elements)-4]
		problems.Add("the snap has no name; that of its folder, %q, is taken", lines.Clip(pkg.Name))
	}
	if pkg.Version == "" {
		problems.Add("package %q has no version", lines.Clip(pkg.Name))
		return inventory.Facts{Problems: problems.List()}, nil
	}
	architectures, ok := m["architectures"].list()
	if !ok {
		problems.Add("the value of architectures is not understood: %q", lines.Clip(m["architectures"].inline))
	}
	if len(architectures) == 1 { // more than one is none in particular
		pkg.Arch = architectures[0]
	}
	if license := text("license"); license != "" {
		pkg.Licenses = []string{license}
	}
	if base := text("base"); base != "" && base != "none" {
		pkg.Requires = []string{base}
	}
	return inventory.Facts{Packages: []inventory.Package{pkg}, Problems: problems.List()}, nil
}
