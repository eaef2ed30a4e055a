package executable

import (
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A scan sees the content of a file while it is read for other reasons, from
// its beginning and in order, until it is done.
type scan interface {
	Write(p []byte) (int, error)
	Done() bool
	Packages() []inventory.Package
}

// scanFor returns the scan for the file at path, nil if nothing but this
// package wants to see its content.
func scanFor(string) scan { return nil }

// scanPatterns returns the patterns of the files that scanFor has a scan for.
func scanPatterns() []inventory.Pattern { return nil }
