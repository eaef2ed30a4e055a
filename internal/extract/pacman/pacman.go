// Package pacman reads the database of pacman, the package manager of Arch
// Linux and its derivatives.
//
// Each installed package has a folder, var/lib/pacman/local/NAME-VERSION-REL,
// and two files of it are wanted: desc describes the package, files lists what
// it owns. Both consist of [sections]: a line "%NAME%", one line for each
// value, and a blank line. Of interest are NAME, VERSION (with the epoch in
// front and the release behind), BASE, which is the source package, ARCH,
// PACKAGER, LICENSE, DEPENDS and PROVIDES, and FILES. Of dependencies the
// version is left out; OPTDEPENDS is not needed to run.
//
// The content is hostile: lines, values and the file itself are limited, and
// what exceeds a limit is an error, never a shorter list.
//
// [sections]: https://wiki.archlinux.org/title/Pacman
package pacman

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/relation"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest package of Arch Linux has some 200,000 files, and a desc less
// than 10 KiB.
const (
	maxDesc     = 4 << 20
	maxFiles    = 128 << 20
	maxPaths    = 1_000_000
	maxLicenses = 1000
)

const dir = "var/lib/pacman/local"

// Extractor reads pacman's files. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "pacman".
func (Extractor) Name() string { return "pacman" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the paths of pacman's database.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: dir + "/*/desc"},
		{Glob: dir + "/*/files"},
	}
}

// Extract returns the package that f describes, or the paths that it owns. The
// error wraps [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	folder := path.Base(path.Dir(f.Path()))
	if path.Base(f.Path()) == "files" {
		return readFiles(ctx, f, folder)
	}
	return readDesc(ctx, f, folder)
}

// splitFolder returns the name and the version of the package that a folder of
// the database is of. Neither version nor release has a "-".
func splitFolder(folder string) (name, version string, ok bool) {
	release := strings.LastIndexByte(folder, '-')
	if release < 0 {
		return "", "", false
	}
	at := strings.LastIndexByte(folder[:release], '-')
	if at < 1 || at+1 == release || release+1 == len(folder) {
		return "", "", false
	}
	return folder[:at], folder[at+1:], true
}

// eachValue calls visit for each value of the sections of f.
func eachValue(ctx context.Context, f *inventory.File, most int64, visit func(section string, value []byte) error) error {
	section := ""
	return lines.Each(ctx, f, most, func(line []byte) error {
		switch {
		case len(line) == 0:
			section = ""
		case section == "" && len(line) > 2 && line[0] == '%' && line[len(line)-1] == '%':
			section = string(line[1 : len(line)-1])
		default:
			return visit(section, line)
		}
		return nil
	})
}

// readFiles reads the list of files of a package. Folders end in a slash; they
// are left out.
func readFiles(ctx context.Context, f *inventory.File, folder string) (inventory.Facts, error) {
	name, _, ok := splitFolder(folder)
	if !ok {
		return inventory.Facts{}, fmt.Errorf("the folder of the list, %q, is not a name and a version", folder)
	}
	var paths []string
	err := eachValue(ctx, f, maxFiles, func(section string, value []byte) error {
		if section != "FILES" || value[len(value)-1] == '/' {
			return nil
		}
		file := strings.TrimPrefix(path.Clean("/"+string(value)), "/")
		if file == "" {
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

// readDesc reads the description of a package. pacman itself goes by the name
// of the folder and calls a database inconsistent whose description says
// otherwise. So where the description lacks the name or the version, as it
// does when pacman was stopped half-way, the folder has it.
func readDesc(ctx context.Context, f *inventory.File, folder string) (inventory.Facts, error) {
	var (
		problems lines.Problems
		names    relation.Collector
		base     string
		stray    bool // a line that belongs to no section was told of
	)
	pkg := inventory.Package{Type: "alpm"}
	// single keeps the first value of a section that has one.
	single := func(field *string, section string, value []byte) {
		if *field != "" {
			problems.Add("a second %s: %q", section, lines.Clip(value))
			return
		}
		*field = string(value)
	}
	err := eachValue(ctx, f, maxDesc, func(section string, value []byte) error {
		switch section {
		case "":
			if !stray {
				stray = true
				problems.Add("a line is in no section: %q", lines.Clip(value))
			}
		case "NAME":
			single(&pkg.Name, section, value)
		case "VERSION":
			single(&pkg.Version, section, value)
		case "BASE":
			single(&base, section, value)
		case "ARCH":
			single(&pkg.Arch, section, value)
		case "PACKAGER":
			single(&pkg.Maintainer, section, value)
		case "LICENSE":
			if len(pkg.Licenses) == maxLicenses {
				return fmt.Errorf("more than %d licences: %w", maxLicenses, inventory.ErrTooLarge)
			}
			pkg.Licenses = append(pkg.Licenses, string(value))
		case "DEPENDS":
			return names.Constrained(relation.Requires, value)
		case "PROVIDES":
			return names.Constrained(relation.Provides, value)
		}
		return nil
	})
	if err != nil {
		return inventory.Facts{}, err
	}

	name, version, ok := splitFolder(folder)
	if pkg.Name == "" || pkg.Version == "" {
		if !ok {
			problems.Add("the description of %q lacks the name or the version", lines.Clip(folder))
			return inventory.Facts{Problems: problems.List()}, nil
		}
		problems.Add("the description of %q lacks the name or the version; the folder's are taken", lines.Clip(folder))
		pkg.Name, pkg.Version = cmp.Or(pkg.Name, name), cmp.Or(pkg.Version, version)
	} else if pkg.Name != name || pkg.Version != version {
		problems.Add("the folder %q is not that of package %q, version %q", lines.Clip(folder), lines.Clip(pkg.Name), lines.Clip(pkg.Version))
	}
	n := names.Take()
	if n.Malformed != "" {
		problems.Add("a dependency of package %q has no name: %q", lines.Clip(pkg.Name), n.Malformed)
	}
	pkg.Requires, pkg.Provides = n.Requires, n.Provides
	pkg.Source = inventory.Source{Name: cmp.Or(base, pkg.Name), Version: pkg.Version}
	return inventory.Facts{Packages: []inventory.Package{pkg}, Problems: problems.List()}, nil
}
