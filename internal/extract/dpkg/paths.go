package dpkg

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// readPaths reads a list of the files that a package owns, whose lines hold
// what pathOf returns. The name of the list is that of the package, and where
// the package can be installed for several architectures, ":" and the
// architecture. In status.d it is the name that the maker of the image chose.
func readPaths(ctx context.Context, r io.Reader, name string, pathOf func(line string) (string, bool)) (inventory.Facts, error) {
	pkg, arch, _ := strings.Cut(name, ":")
	if pkg == "" {
		return inventory.Facts{}, fmt.Errorf("the name of the list, %q, has no package", name)
	}
	owned := inventory.Ownership{Package: pkg, Arch: arch}
	bad := 0
	err := lines.Each(ctx, r, maxFile, func(line []byte) error {
		p, ok := pathOf(strings.TrimSuffix(string(line), "\r"))
		if !ok {
			bad++
			return nil
		}
		if p = relative(p); p == "" {
			return nil
		}
		if len(owned.Paths) == maxPaths {
			return fmt.Errorf("more than %d paths: %w", maxPaths, inventory.ErrTooLarge)
		}
		owned.Paths = append(owned.Paths, p)
		return nil
	})
	if err != nil {
		return inventory.Facts{}, err
	}
	var facts inventory.Facts
	if len(owned.Paths) > 0 {
		facts.Owned = []inventory.Ownership{owned}
	}
	if bad > 0 {
		facts.Problems = []string{fmt.Sprintf("%d lines of the list of package %q are not a sum and a path", bad, lines.Clip(pkg))}
	}
	return facts, nil
}

// listPath returns the path of a line of a ".list" file, which has nothing
// else. Folders are in it too, and cannot be told from files.
func listPath(line string) (string, bool) { return line, true }

// sumPath returns the path of a line of a ".md5sums" file: 32 digits, a
// blank, a blank or an asterisk, and the path. See
// https://manpages.debian.org/stable/dpkg/deb-md5sums.5.en.html.
func sumPath(line string) (string, bool) {
	if line == "" {
		return "", true
	}
	const digits = 32
	if len(line) < digits+2 || line[digits] != ' ' {
		return "", false
	}
	for _, c := range []byte(line[:digits]) {
		if ('0' > c || c > '9') && ('a' > c || c > 'f') && ('A' > c || c > 'F') {
			return "", false
		}
	}
	return line[digits+2:], true
}

// relative makes a path relative to the root. It returns "" for the root
// itself and for what is outside of it, which no package owns.
func relative(p string) string {
	p = strings.TrimPrefix(path.Clean(p), "/")
	if p == "." || p == ".." || strings.HasPrefix(p, "../") {
		return ""
	}
	return p
}
