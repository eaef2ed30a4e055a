// Package fingerprint names software that no package manager knows: the
// programs and libraries that people copy into images, by their file's name
// and by the version that is compiled into them.
//
// The [rules] are a table, one line for each piece of software; see there how
// to add one. A rule wants files by their base name, wherever they lie, and
// looks for texts that hold the version. Rules of compiled files look at
// nothing but ELF, PE and Mach-O files, so that a script or a page of a manual
// that quotes such a text is no evidence. A file that has the right name and
// none of the texts gives nothing. One that holds two versions gives nothing
// either, but a problem: a false version is a false finding.
//
// The packages are of purl type generic and have CPEs, as vulnerabilities of
// such software are filed under these names:
// https://csrc.nist.gov/pubs/ir/7695/final, section 6.2.
//
// A binary is read once only, forward, and is not held. As whoever looks for
// other things in it has the stream, the work is done by a [Scan] that is
// written to; [Extractor] is a thin layer over it. A scan holds a window of 64
// KiB, and bounds how many places of a file it looks at closely.
package fingerprint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxFile is beyond the largest binaries, of some hundred MiB. It bounds time,
// not memory.
const maxFile = 4 << 30

// readSize is how much of a file is read at once.
const readSize = 32 << 10

// Extractor names software by its fingerprint. The zero value is ready, and
// safe for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "fingerprint".
func (Extractor) Name() string { return "fingerprint" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns those of all rules.
func (Extractor) Patterns() []inventory.Pattern { return Patterns() }

// Patterns returns a pattern for each kind of file that a rule wants, sorted.
// Many programs and all libraries are found without an execute bit as well,
// so none is asked for.
func Patterns() []inventory.Pattern {
	var globs []string
	for i := range rules {
		globs = append(globs, rules[i].globs()...)
	}
	slices.Sort(globs)
	globs = slices.Compact(globs)
	patterns := make([]inventory.Pattern, len(globs))
	for i, glob := range globs {
		patterns[i] = inventory.Pattern{Glob: "**/" + glob}
	}
	return patterns
}

// Extract returns the software that f is. The error wraps
// [inventory.ErrTooLarge] if f is too large.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	scan := For(f.Path())
	if scan == nil {
		return inventory.Facts{}, nil
	}
	if f.Size() > maxFile {
		return inventory.Facts{}, fmt.Errorf("%d bytes: %w", f.Size(), inventory.ErrTooLarge)
	}
	buf := make([]byte, readSize)
	for rest := int64(maxFile); !scan.Done(); {
		if err := ctx.Err(); err != nil {
			return inventory.Facts{}, err
		}
		n, err := f.Read(buf)
		if rest -= int64(n); rest < 0 {
			return inventory.Facts{}, fmt.Errorf("more than %d bytes: %w", int64(maxFile), inventory.ErrTooLarge)
		}
		_, _ = scan.Write(buf[:n]) // never fails
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return inventory.Facts{}, err
		}
	}
	return inventory.Facts{Packages: scan.Packages(), Problems: scan.Problems()}, nil
}
