// Package rpmmanifest reads the list of packages that CBL-Mariner and Azure
// Linux leave in images without a package manager, where there is no database
// of rpm: var/lib/rpmmanifest/container-manifest-2.
//
// The file is what rpm prints for the [query format] of the tool that makes
// such images: a line for each package, of ten fields with tabs between them.
// Of interest are the name, the version and release, the vendor, the
// architecture, the epoch and the name of the source package's file. Field 6
// is the epoch too, or "(none)". The content is hostile: lines, packages and
// the file itself are limited, and what exceeds a limit is an error, never a
// shorter list.
//
// [query format]: https://github.com/microsoft/azurelinux/blob/2.0/toolkit/docs/how_it_works/5_misc.md
package rpmmanifest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/rpmdb"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A line has about 120 bytes, an image without a package manager some 100
// packages, and all of Azure Linux some 10,000.
const (
	maxFile     = 64 << 20
	maxPackages = 200_000
)

// The fields of a line.
const (
	fieldName = iota
	fieldVersion
	_ // when it was installed
	_ // when it was built
	fieldVendor
	_ // the epoch as it is in the header
	_ // the size
	fieldArch
	fieldEpoch
	fieldSource

	numFields
)

// Extractor reads the list. The zero value is ready, and safe for use by many
// goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "rpm-manifest".
func (Extractor) Name() string { return "rpm-manifest" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the path of the list.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "var/lib/rpmmanifest/container-manifest-2"}}
}

// Extract returns the packages of the list. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	var facts inventory.Facts
	var problems lines.Problems
	n := 0
	err := lines.Each(ctx, f, maxFile, func(line []byte) error {
		n++
		text := strings.TrimSuffix(string(line), "\r")
		if text == "" {
			return nil
		}
		pkg, err := parse(text)
		if err != nil {
			problems.Add("line %d: %v", n, err)
		}
		switch {
		case pkg.Name == "":
		case pkg.Name == "gpg-pubkey": // a public key
			facts.Ignored++
		case len(facts.Packages) == maxPackages:
			return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
		default:
			facts.Packages = append(facts.Packages, pkg)
		}
		return nil
	})
	if err != nil {
		return inventory.Facts{}, err
	}
	facts.Problems = problems.List()
	return facts, nil
}

// parse reads a line. Beside an error there is the package without what could
// not be understood, if the rest is enough.
func parse(line string) (inventory.Package, error) {
	fields := strings.Split(line, "\t")
	if len(fields) != numFields {
		return inventory.Package{}, fmt.Errorf("%d fields in place of %d: %q", len(fields), numFields, lines.Clip(line))
	}
	for i, field := range fields {
		if field == "(none)" {
			fields[i] = ""
		}
	}
	name, version := fields[fieldName], fields[fieldVersion]
	switch {
	case name == "":
		return inventory.Package{}, errors.New("there is no package name")
	case version == "" || version == "-":
		return inventory.Package{}, fmt.Errorf("package %q has no version", lines.Clip(name))
	}
	pkg := inventory.Package{
		Type:    "rpm",
		Name:    name,
		Version: version,
		Arch:    fields[fieldArch],
		Vendor:  fields[fieldVendor],
		// The epoch of the source is not known.
		Source: inventory.Source{Name: name, Version: version},
	}
	if name, version, ok := rpmdb.SplitSource(fields[fieldSource]); ok {
		pkg.Source = inventory.Source{Name: name, Version: version}
	}
	if epoch := fields[fieldEpoch]; epoch != "" && epoch != "0" {
		if _, err := strconv.ParseUint(epoch, 10, 32); err != nil {
			return pkg, fmt.Errorf("package %q has the epoch %q", lines.Clip(name), lines.Clip(epoch))
		}
		pkg.Version = epoch + ":" + version
	}
	return pkg, nil
}
