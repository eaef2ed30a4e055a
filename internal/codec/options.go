package codec

import (
	"runtime/debug"
	"time"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// Name is the name of this library in documents, and the prefix of the names
// of its properties.
const Name = "imagevet"

const module = "github.com/imagevet/imagevet"

// Options are what encoders are told beside the inventory.
type Options struct {
	Version  string    // of the format's specification
	Created  time.Time // UTC, in whole seconds; zero: not stated where the format allows that
	Authors  []string
	Supplier string // of what the inventory is about
	Tools    []inventory.Tool
	Compact  bool // no white space that only people need
}

// Tool returns this library, with the version that the program was built with
// if that is known.
func Tool() inventory.Tool {
	t := inventory.Tool{Name: Name}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return t
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module && m.Version != "(devel)" {
			t.Version = m.Version
		}
	}
	return t
}

// Phase is the phase of the lifecycle in which an inventory of the target is
// made, in CycloneDX's words.
func Phase(kind string) string {
	if kind == "tree" {
		return "pre-build"
	}
	return "post-build"
}
