// Package flatpak reads what Flatpak records of the applications and runtimes
// it installed, for the system (var/lib/flatpak) or for a user
// (.local/share/flatpak).
//
// Each has a folder, app/ID/ARCH/BRANCH/COMMIT or runtime/…, and in it a file
// "deploy", which is wanted. It is a [GVariant] of type (ssasta{sv}): the
// remote that the package is from, the commit, which parts are installed, the
// size, and further values by name. Of these "appdata-version" and
// "appdata-license" are what the application says of itself, and "runtime" is
// what it runs on. ID and architecture are taken from the path.
//
// Runtimes that say nothing of themselves have their branch as version, such
// as "23.08". The branch of an application is mostly "stable", which is no
// version: an application without appdata-version, as old versions of Flatpak
// leave it, is a problem. The files "metadata" and the AppStream data of the
// application, from which Flatpak took the above, are not wanted.
//
// The content is hostile: the file and the number of values are limited, and
// what exceeds a limit is an error.
//
// [GVariant]: https://docs.gtk.org/glib/gvariant-specification.html
package flatpak

import (
	"context"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxFile is the size of a file up to which it is read. The longest have a few
// kilobytes, for the summary in all languages.
const maxFile = 4 << 20

// Extractor reads Flatpak's deploy files. The zero value is ready, and safe
// for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "flatpak".
func (Extractor) Name() string { return "flatpak" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the paths of deploy files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/flatpak/app/*/*/*/*/deploy"},
		{Glob: "**/flatpak/runtime/*/*/*/*/deploy"},
	}
}

// Extract returns the package that f records. If the content cannot be
// understood, the path of a runtime tells enough nevertheless. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	elements := strings.Split(f.Path(), "/")
	const below = 6 // app or runtime, ID, ARCH, BRANCH, COMMIT, deploy
	if len(elements) < below {
		return inventory.Facts{}, fmt.Errorf("the path is not that of a deployment")
	}
	elements = elements[len(elements)-below:]
	kind, branch := elements[0], elements[3]
	data, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	pkg := inventory.Package{Type: "flatpak", Name: elements[1], Arch: elements[2]}
	var problems lines.Problems
	d, err := parseDeploy(data)
	if err != nil {
		problems.Add("the deployment of %q is not understood: %v", lines.Clip(pkg.Name), err)
	}
	pkg.Vendor, pkg.Version = d.origin, d.version
	if d.license != "" {
		pkg.Licenses = []string{d.license}
	}
	if id, _, _ := strings.Cut(d.runtime, "/"); id != "" {
		pkg.Requires = []string{id}
	}
	if pkg.Version == "" && kind == "runtime" {
		pkg.Version = branch
	}
	if pkg.Version == "" {
		problems.Add("package %q has no version; its branch is %q", lines.Clip(pkg.Name), lines.Clip(branch))
		return inventory.Facts{Problems: problems.List()}, nil
	}
	return inventory.Facts{Packages: []inventory.Package{pkg}, Problems: problems.List()}, nil
}
