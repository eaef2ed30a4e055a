// Package distro knows the distributions: which advisories cover their
// packages, under which names, and how their versions are ordered.
package distro

import (
	"time"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// Names tells under which name a distribution's advisories list a package.
type Names int

// The zero value is BySource.
const (
	BySource          Names = iota // the source package's name and version
	ByBinary                       // the package's own name and version
	BySourceAndBinary              // either
)

// A Distro is what there is to know of a distribution's release.
type Distro struct {
	Ecosystem string    // OSV's name of the ecosystem, such as "Debian:12"; empty if unknown
	Scheme    string    // how versions are ordered, as package version names it
	Names     Names     // the name that advisories use
	Inferred  bool      // true if the distribution is known by its ID_LIKE only
	EndOfLife time.Time // when the last security support that is free of charge ended or ends, zero if unknown
}

// Lookup returns what is known of the release.
func Lookup(os inventory.OS) Distro { return Distro{} }

// ThirdParty reports whether a package of a distribution's package format
// comes from somebody else, so that the distribution's advisories say nothing
// of it, and names the vendor.
func ThirdParty(p inventory.Package) (vendor string, ok bool) { return "", false }
