package executable

import (
	"github.com/imagevet/imagevet/internal/extract/fingerprint"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A scan sees the content of a file while it is read for other reasons, from
// its beginning and in order, until it is done.
type scan interface {
	Write(p []byte) (int, error)
	Done() bool
	Packages() []inventory.Package
	Problems() []string
}

// scanFor returns the scan for the file at path, nil if nothing but this
// package wants to see its content.
func scanFor(path string) scan {
	if s := fingerprint.For(path); s != nil {
		return s
	}
	return nil
}
