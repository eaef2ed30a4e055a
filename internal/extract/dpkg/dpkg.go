// Package dpkg reads the database of dpkg, the package manager of Debian,
// Ubuntu and their derivatives.
//
// Three kinds of file are wanted:
//
//   - var/lib/dpkg/status lists the packages of an ordinary image;
//   - var/lib/dpkg/status.d/NAME lists those of a "distroless" image, one or a
//     few in a file, and status.d/NAME.md5sums the files they own;
//   - var/lib/dpkg/info/NAME[:ARCH].list and .md5sums list the files that a
//     package owns.
//
// The format is that of Debian control files: [deb822(5)], and for the fields
// that only the database has, dpkg's own [status file]. What a package needs
// is in Depends and Pre-Depends; it works without what Recommends and Suggests
// name. The content is hostile: lines, packages, paths, names and the file
// itself are limited, and what exceeds a limit is an error, never a shorter
// list.
//
// [deb822(5)]: https://manpages.debian.org/stable/dpkg-dev/deb822.5.en.html
// [status file]: https://manpages.debian.org/stable/dpkg/dpkg.1.en.html#INFORMATION_ABOUT_PACKAGES
package dpkg

import (
	"context"
	"path"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// All of Debian has about 70,000 binary packages, a status file spends about
// 1 KiB on each that is installed, and the longest file list of a Debian
// package has some 100,000 lines.
const (
	maxFile     = 128 << 20
	maxPackages = 200_000
	maxPaths    = 1_000_000
	maxInterned = 4096
)

const (
	statusDir = "var/lib/dpkg/status.d"
	infoDir   = "var/lib/dpkg/info"

	listExt = ".list"
	sumsExt = ".md5sums"
)

// Extractor reads dpkg's files. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "dpkg".
func (Extractor) Name() string { return "dpkg" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the paths of dpkg's database.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "var/lib/dpkg/status"},
		{Glob: statusDir + "/*"},
		{Glob: infoDir + "/*" + listExt},
		{Glob: infoDir + "/*" + sumsExt},
	}
}

// Extract returns the packages that f lists, or the paths that a package
// owns. Packages that dpkg knows but that are not on disk are counted in
// Ignored. The error wraps [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	base := path.Base(f.Path())
	if name, ok := strings.CutSuffix(base, sumsExt); ok {
		return readPaths(ctx, f, name, sumPath)
	}
	// In status.d a name that ends in ".list" is a package like any other.
	if name, ok := strings.CutSuffix(base, listExt); ok && path.Dir(f.Path()) == infoDir {
		return readPaths(ctx, f, name, listPath)
	}
	return readStatus(ctx, f, f.Size())
}
