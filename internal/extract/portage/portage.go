// Package portage reads the database of Portage, the package manager of
// Gentoo, Flatcar, Container-Optimized OS and their relatives.
//
// Each installed package has a folder, var/db/pkg/CATEGORY/NAME-VERSION, with
// a file for each thing there is to know of it. Two of them are wanted:
//
//   - PF stands for the package. It holds the name of the folder, as Portage
//     writes it for every package; name and version are taken from there.
//   - CONTENTS lists what the package owns.
//
// The licence, the slot, the repository and the dependencies are in files of
// their own, and since facts come from one file alone they are not read.
//
// How a name ends and a version begins is in the [Package Manager
// Specification], sections 3.1.2 and 3.2. The content is hostile: lines, paths
// and the file itself are limited, and what exceeds a limit is an error, never
// a shorter list.
//
// [Package Manager Specification]: https://projects.gentoo.org/pms/8/pms.html
package portage

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// PF is one name. The kernel's sources, the package with the most files, have
// some 90,000.
const (
	maxPF    = 4 << 10
	maxFile  = 128 << 20
	maxPaths = 1_000_000
)

const dir = "var/db/pkg"

// merging is in front of the name of a folder while Portage writes it.
const merging = "-MERGING-"

// Extractor reads Portage's files. The zero value is ready, and safe for use
// by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "portage".
func (Extractor) Name() string { return "portage" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the paths of Portage's database.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: dir + "/*/*/PF"},
		{Glob: dir + "/*/*/CONTENTS"},
	}
}

// Extract returns the package that f stands for, or the paths that it owns. A
// package whose installation was not finished is counted in Ignored. The error
// wraps [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	folder := path.Dir(f.Path())
	pf, category := path.Base(folder), path.Base(path.Dir(folder))
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	if strings.HasPrefix(pf, merging) {
		return inventory.Facts{Ignored: 1}, nil
	}
	if path.Base(f.Path()) == "CONTENTS" {
		return readContents(ctx, f, pf)
	}
	content, err := bounded.ReadAll(ctx, f, maxPF)
	if err != nil {
		return inventory.Facts{}, err
	}
	return readPF(category, pf, strings.TrimSpace(string(content)))
}

// readPF returns the package of a folder. Portage goes by the name of the
// folder; the file says the same.
func readPF(category, folder, content string) (inventory.Facts, error) {
	var facts inventory.Facts
	name, version, ok := splitPF(folder)
	if !ok {
		// The folder may have been moved; the file tells its first name.
		if name, version, ok = splitPF(content); !ok {
			return inventory.Facts{}, fmt.Errorf("neither the folder %q nor what PF says, %q, is a name and a version", folder, lines.Clip(content))
		}
	}
	if content != folder {
		facts.Problems = []string{fmt.Sprintf("the folder is %q, but PF says %q", lines.Clip(folder), lines.Clip(content))}
	}
	facts.Packages = []inventory.Package{{Type: "ebuild", Namespace: category, Name: name, Version: version}}
	return facts, nil
}

// A version is numbers with dots between, a letter, suffixes and a revision:
// section 3.2 of the specification.
var versionSyntax = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*[a-z]?(_(alpha|beta|pre|rc|p)[0-9]*)*(-r[0-9]+)?$`)

// splitPF splits a name with a version. A name may have dashes, also in front
// of digits, but does not end in what could be a version, so the first dash
// that a version follows to the end is the one.
func splitPF(pf string) (name, version string, ok bool) {
	if len(pf) > 255 { // no file system has longer names
		return "", "", false
	}
	for i := 1; i < len(pf)-1; i++ {
		if pf[i] == '-' && versionSyntax.MatchString(pf[i+1:]) {
			return pf[:i], pf[i+1:], true
		}
	}
	return "", "", false
}

// readContents reads the list of what a package owns. A line is of one of
// these forms; blanks in a path are not quoted:
//
//	dir PATH
//	obj PATH MD5 MTIME
//	sym PATH -> TARGET MTIME
//	fif PATH
//	dev PATH
//
// Folders are left out.
func readContents(ctx context.Context, f *inventory.File, folder string) (inventory.Facts, error) {
	name, _, ok := splitPF(folder)
	if !ok {
		return inventory.Facts{}, fmt.Errorf("the folder %q is not a name and a version", folder)
	}
	var (
		paths    []string
		problems lines.Problems
	)
	err := lines.Each(ctx, f, maxFile, func(line []byte) error {
		text := string(line)
		if text == "" {
			return nil
		}
		kind, file, _ := strings.Cut(text, " ")
		switch kind {
		case "dir":
			return nil
		case "obj":
			file, ok = cutLast(file)
			if ok {
				file, ok = cutLast(file)
			}
		case "sym":
			file, _, ok = strings.Cut(file, " -> ")
		case "fif", "dev":
			ok = true
		default:
			ok = false
		}
		file = strings.TrimPrefix(path.Clean("/"+file), "/")
		if !ok || file == "" {
			problems.Add("a line of the contents of package %q is not understood: %q", lines.Clip(name), lines.Clip(text))
			return nil
		}
		if len(paths) == maxPaths {
			return fmt.Errorf("more than %d paths: %w", maxPaths, inventory.ErrTooLarge)
		}
		paths = append(paths, file)
		return nil
	})
	if err != nil {
		return inventory.Facts{}, err
	}
	facts := inventory.Facts{Problems: problems.List()}
	if len(paths) > 0 {
		facts.Owned = []inventory.Ownership{{Package: name, Paths: paths}}
	}
	return facts, nil
}

// cutLast cuts off the last blank and what follows.
func cutLast(s string) (string, bool) {
	i := strings.LastIndexByte(s, ' ')
	if i < 0 {
		return "", false
	}
	return s[:i], true
}
