// Package nix finds the packages of the Nix package manager by the names of
// their folders: nix/store/HASH-NAME-VERSION, with "-OUTPUT" at the end where
// a package is divided.
//
// Nix records what is in the store in a SQLite database, nix/var/nix/db, which
// many images do not have; the name of the folder has all that is needed.
// Since an extractor sees files, a package is found by a few of them:
//
//   - programs, bin/* and sbin/*;
//   - libraries, lib/*, which has the shared libraries of nearly all packages;
//   - nix-support/*, which Nixpkgs writes for development packages and for the
//     modules of Python, Perl and others.
//
// The content is not read. A package is found once for each of these files.
// What has none of them is not found: packages of data alone, such as time
// zones, fonts and certificates, and those that are a single file. Derivations
// (*.drv) are not wanted: they tell how something is built, not that it is
// there. A folder without a version, such as that of a wrapper, a service's
// configuration or a whole system, is counted in Ignored.
//
// What is in front of the name and how it ends is in the [store path
// specification] and in the documentation of [parseDrvName].
//
// [store path specification]: https://nix.dev/manual/nix/stable/store/store-path.html
// [parseDrvName]: https://nix.dev/manual/nix/stable/language/builtins.html#builtins-parseDrvName
package nix

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const store = "nix/store"

// maxName is the length of the longest folder that Nix makes.
const maxName = 211 + hashLen + 1

// hashLen is the number of digits of a hash of 160 bits in base 32.
const hashLen = 32

// hashDigits are the digits of Nix's base 32: no e, o, t and u.
const hashDigits = "0123456789abcdfghijklmnpqrsvwxyz"

// Extractor finds packages in Nix's store. The zero value is ready, and safe
// for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "nix".
func (Extractor) Name() string { return "nix" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the files by which packages are found.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: store + "/*/bin/*", Executable: true},
		{Glob: store + "/*/sbin/*", Executable: true},
		{Glob: store + "/*/lib/*"}, // some libraries are not executable
		{Glob: store + "/*/nix-support/*"},
	}
}

// Extract returns the package in whose folder f is.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	rest, ok := strings.CutPrefix(f.Path(), store+"/")
	folder, _, _ := strings.Cut(rest, "/")
	if !ok || !isStoreName(folder) {
		return inventory.Facts{}, fmt.Errorf("the folder %q is not a hash and a name", lines.Clip(folder))
	}
	name, version := parseName(folder[hashLen+1:])
	if name == "" || version == "" {
		return inventory.Facts{Ignored: 1}, nil
	}
	return inventory.Facts{Packages: []inventory.Package{{Type: "nix", Name: name, Version: version}}}, nil
}

// isStoreName reports whether a folder's name is a hash, a dash and a name.
func isStoreName(folder string) bool {
	return len(folder) > hashLen+1 && len(folder) <= maxName && folder[hashLen] == '-' &&
		strings.Trim(folder[:hashLen], hashDigits) == ""
}

// parseName splits what follows the hash into name and version, without the
// output. Nix names a folder after the output only where that is not the
// main one.
func parseName(s string) (name, version string) {
	name, version = parseDrvName(s)
	if base, output, ok := cutLastDash(version); ok && isOutput(output) {
		version = base
	}
	return name, version
}

// parseDrvName splits a name as Nix itself does: the version begins after the
// first dash that is not followed by a letter.
func parseDrvName(s string) (name, version string) {
	for i := 0; i+1 < len(s); i++ {
		if c := s[i+1]; s[i] == '-' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func cutLastDash(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '-')
	if i < 1 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// isOutput reports whether a word is the name of an output. A package can
// give its outputs any name; these are those that several packages of Nixpkgs
// have. "out" is the main one and never written.
func isOutput(word string) bool {
	return slices.Contains([]string{
		"bin", "data", "debug", "dev", "devdoc", "dist", "doc", "getent", "info", "lib", "libgcc",
		"man", "modules", "plugins", "static", "su", "terminfo", "tools", "utils",
	}, word)
}
