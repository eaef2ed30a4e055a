// Package opkg reads the database of opkg, the package manager of OpenWrt, the
// Yocto project and other small systems.
//
// Three kinds of file are wanted, in usr/lib/opkg, var/lib/opkg or, of
// Entware, opt/lib/opkg:
//
//   - status lists the packages;
//   - info/NAME.control describes one of them. It has fields that status
//     lacks, and is there where an image was made without the status file;
//   - info/NAME.list lists the files that a package owns.
//
// The format is that of [Debian control files]. Package, Version, Depends,
// Provides, Status and Architecture are in both, License, Maintainer and
// CPE-ID in the control file only. A package is therefore found twice with the
// same name, version and architecture. Source is left empty, because only one
// of the two has it, and it is the folder of a recipe rather than the name of
// a package.
//
// The content is hostile: lines, packages, paths, names and the file itself
// are limited, and what exceeds a limit is an error, never a shorter list.
//
// [Debian control files]: https://manpages.debian.org/stable/dpkg-dev/deb822.5.en.html
package opkg

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// OpenWrt has about 10,000 packages. Images with opkg are small, and a file
// list of 100,000 lines would fill them.
const (
	maxFile     = 64 << 20
	maxPackages = 100_000
	maxPaths    = 1_000_000
)

const (
	controlExt = ".control"
	listExt    = ".list"
)

// Extractor reads opkg's files. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "opkg".
func (Extractor) Name() string { return "opkg" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the paths of opkg's database.
func (Extractor) Patterns() []inventory.Pattern {
	var patterns []inventory.Pattern
	for _, dir := range []string{"usr/lib/opkg", "var/lib/opkg", "opt/lib/opkg"} {
		patterns = append(patterns,
			inventory.Pattern{Glob: dir + "/status"},
			inventory.Pattern{Glob: dir + "/info/*" + controlExt},
			inventory.Pattern{Glob: dir + "/info/*" + listExt},
		)
	}
	return patterns
}

// Extract returns the packages that f lists, or the paths that a package
// owns. Packages that opkg knows but that are not on disk are counted in
// Ignored. The error wraps [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if name, ok := strings.CutSuffix(path.Base(f.Path()), listExt); ok {
		return readList(ctx, f, name)
	}
	var p parser
	if err := lines.Each(ctx, f, maxFile, p.line); err != nil {
		return inventory.Facts{}, err
	}
	if err := p.flush(); err != nil {
		return inventory.Facts{}, err
	}
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// readList reads the list of files of a package. In front of the first tab of
// a line is the path; newer versions write its mode and the target of a link
// after it.
func readList(ctx context.Context, f *inventory.File, name string) (inventory.Facts, error) {
	if name == "" {
		return inventory.Facts{}, fmt.Errorf("the name of the list, %q, has no package", path.Base(f.Path()))
	}
	var paths []string
	err := lines.Each(ctx, f, maxFile, func(line []byte) error {
		file, _, _ := strings.Cut(string(line), "\t")
		if file = strings.TrimPrefix(path.Clean("/"+file), "/"); file == "" {
			return nil
		}
		if len(paths) == maxPaths {
			return fmt.Errorf("more than %d paths: %w", maxPaths, inventory.ErrTooLarge)
		}
		paths = append(paths, file)
		return nil
	})
	if err != nil || len(paths) == 0 {
		return inventory.Facts{}, err
	}
	return inventory.Facts{Owned: []inventory.Ownership{{Package: name, Paths: paths}}}, nil
}
