// Package bottlerocket reads the list of what Bottlerocket consists of:
// usr/share/bottlerocket/application-inventory.json. Bottlerocket is built of
// rpm packages, but its images have no database of rpm.
//
// Each entry of the list, "Content", becomes a package of type rpm without a
// namespace. The version is EPOCH:VERSION-RELEASE, without the epoch where it
// is 0; Publisher, which is the kit that the package is from, is the vendor.
// The fields are those of AWS Systems Manager's [application inventory].
//
// The content is hostile: the file and the number of packages are limited, and
// what exceeds a limit is an error, never a shorter list.
//
// [application inventory]: https://docs.aws.amazon.com/systems-manager/latest/userguide/inventory-schema.html
package bottlerocket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Bottlerocket has about 150 packages in 50 KiB.
const (
	maxFile     = 16 << 20
	maxPackages = 10_000
)

// Extractor reads Bottlerocket's list of packages. The zero value is ready,
// and safe for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "bottlerocket".
func (Extractor) Name() string { return "bottlerocket" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the paths of the list. In an image of the disk the tree is
// below x86_64-bottlerocket-linux-gnu/sys-root.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/usr/share/bottlerocket/application-inventory.json"}}
}

// A list is the file. Entries are decoded one by one, so that one that is
// broken does not hide the others.
type list struct{ Content []json.RawMessage }

// An entry has the fields of interest.
type entry struct {
	Name, Publisher, Version, Release, Epoch, Architecture string
}

// Extract returns the packages of the list. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	var l list
	if err := bounded.JSON(ctx, f, maxFile, &l); err != nil {
		return inventory.Facts{}, err
	}
	if l.Content == nil {
		return inventory.Facts{}, errors.New("the file has no Content")
	}
	if len(l.Content) > maxPackages {
		return inventory.Facts{}, fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
	}
	var (
		facts    inventory.Facts
		problems lines.Problems
	)
	for i, data := range l.Content {
		if err := ctx.Err(); err != nil {
			return inventory.Facts{}, err
		}
		var e entry
		if err := json.Unmarshal(data, &e); err != nil {
			problems.Add("entry %d is not understood: %q", i, lines.Clip([]byte(data)))
			continue
		}
		version, ok := fullVersion(e)
		switch {
		case e.Name == "":
			problems.Add("entry %d has no name; its version is %q", i, lines.Clip(e.Version))
		case e.Version == "":
			problems.Add("package %q has no version", lines.Clip(e.Name))
		default:
			if !ok {
				problems.Add("package %q has the epoch %q, which is left out", lines.Clip(e.Name), lines.Clip(e.Epoch))
			}
			facts.Packages = append(facts.Packages, inventory.Package{
				Type:    "rpm",
				Name:    e.Name,
				Version: version,
				Arch:    e.Architecture,
				Vendor:  e.Publisher,
			})
		}
	}
	facts.Problems = problems.List()
	return facts, nil
}

// fullVersion returns the version as rpm writes it. It reports false if the
// epoch is no number.
func fullVersion(e entry) (string, bool) {
	version := e.Version
	if e.Release != "" {
		version += "-" + e.Release
	}
	switch epoch := strings.TrimLeft(e.Epoch, "0"); {
	case strings.Trim(epoch, "0123456789") != "":
		return version, false
	case epoch != "":
		version = epoch + ":" + version
	}
	return version, true
}
