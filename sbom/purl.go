package sbom

import (
	"maps"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/imagevet/imagevet/internal/codec"
)

// defaultNamespace is the namespace of packages that state none.
func defaultNamespace(kind string, os OS) string {
	if codec.OfDistribution(kind) {
		return os.ID
	}
	return ""
}

// packageURL returns the package URL of a package: architecture and
// distribution are qualifiers, and so is the source package ("upstream", as
// Syft writes and Grype reads it) where it differs, as advisories are looked
// up by it. An rpm package's epoch is a qualifier and no part of the version.
//
// The URL is there with an error too: it breaks a rule of its type, as the
// package's own data does.
func packageURL(p *Package, os OS) (string, error) {
	q := maps.Clone(p.Qualifiers)
	if q == nil {
		q = map[string]string{}
	}
	set := func(key, value string) {
		if value != "" && q[key] == "" {
			q[key] = value
		}
	}
	set("arch", p.Arch)
	if codec.OfDistribution(p.Type) && os.ID != "" {
		distro := os.ID
		if os.Version != "" {
			distro += "-" + os.Version
		}
		set("distro", distro)
	}
	version, sourceVersion := p.Version, p.Source.Version
	if p.Type == "rpm" {
		if epoch, rest, ok := strings.Cut(version, ":"); ok {
			set("epoch", epoch)
			version = rest
		}
		set("rpmmod", p.Module)
	}
	switch {
	case p.Source.Name == "" || p.Source.Name == p.Name && sourceVersion == version:
	case sourceVersion == version || sourceVersion == "":
		set("upstream", p.Source.Name)
	default:
		set("upstream", p.Source.Name+"@"+sourceVersion)
	}
	u := packageurl.NewPackageURL(p.Type, p.Namespace, p.Name, version, packageurl.QualifiersFromMap(q), "")
	err := u.Normalize() // which does not mind a distribution of CPAN whose author nobody recorded
	return u.ToString(), err
}
