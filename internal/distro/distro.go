// Package distro knows the distributions: which advisories cover their
// packages, under which names, and how their versions are ordered.
//
// [Lookup] answers for a release, from one table (table.go). Names of
// ecosystems and their releases are those of the [OSV schema], "Defined
// ecosystems"; a distribution that has none there gets a name of our own in
// the same form, so that a report can say for which packages there is no
// data. [ThirdParty] tells which packages do not come from the distribution.
//
// [OSV schema]: https://ossf.github.io/osv-schema/#defined-ecosystems
package distro

import (
	"fmt"
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
	More      []string  // further ecosystems that hold advisories for the same release, such as "Red Hat:enterprise_linux:9::appstream"
	Products  []Product // of Red Hat, that the image was built from besides
	Optional  []Product // of Red Hat, whose advisories count if there are any
	Unknown   []string  // content sets of the image that no rule knows
	Reason    string    // why Ecosystem is empty, one sentence without a full stop; empty if it is not
	Scheme    string    // how versions are ordered, as package version names it; empty if unknown
	Names     Names     // the name that advisories use
	Inferred  bool      // true if the distribution is known by its ID_LIKE only
	EndOfLife time.Time // the day, at 0:00 UTC, on which the last security support that is free of charge ended or ends; zero if unknown

	extended  string // the major release, if advisories of extended support count by what a package was built for
	lifecycle string // the name of the release in the table of endOfLife, such as "debian 12"
}

// Lookup returns what is known of the release. A distribution that is not
// known itself is taken for the first that it derives from and whose release
// can be told. Where the release cannot be told there is no Ecosystem, and the
// Reason says so: advisories for another release would be wrong in both
// directions.
func Lookup(os inventory.OS) Distro {
	if os.ID == "" {
		return Distro{Reason: "no file of the image names its distribution"}
	}
	if f, ok := find(os.ID); ok {
		r, reason := f.release(os)
		return f.describe(r, reason)
	}
	result := Distro{Reason: fmt.Sprintf("the distribution %q is not known", clip(os.ID))}
	for _, parent := range os.IDLike {
		f, ok := find(parent)
		if !ok {
			continue
		}
		reason := fmt.Sprintf("the distribution %q is not known, and not which release of %q it derives from", clip(os.ID), parent)
		var r release
		if f.derived != nil {
			if known, ok := f.derived(os); ok {
				r, reason = known, ""
			}
		}
		d := f.describe(r, reason)
		d.Inferred = true
		if reason == "" {
			return d
		}
		// The closest relative tells at least how versions are ordered.
		if result.Scheme == "" {
			result = d
		}
	}
	return result
}

// describe returns what is known of a release of f, or of none for a reason.
func (f family) describe(r release, reason string) Distro {
	d := Distro{Scheme: f.scheme, Names: f.names}
	if reason != "" {
		d.Reason = reason
		return d
	}
	name := r.ecosystem
	if name == "" {
		name = f.ecosystem
	}
	d.Ecosystem = join(name, r.suffix)
	for _, suffix := range r.more {
		d.More = append(d.More, join(name, suffix))
	}
	d.Products, d.Optional, d.Unknown, d.extended = r.products, r.optional, r.unknown, r.extended
	d.lifecycle, d.EndOfLife = r.lifecycle, endOfLife(r.lifecycle)
	return d
}

// join returns the name of an ecosystem's release.
func join(name, suffix string) string {
	if suffix == "" {
		return name
	}
	return name + ":" + suffix
}

// clip shortens text from the image for a message.
func clip(text string) string {
	const most = 80
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
