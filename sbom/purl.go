package sbom

import (
	"github.com/package-url/packageurl-go"
)

// defaultNamespace is the namespace of operating system packages: the
// distribution's ID, as the definitions of the types deb, apk and rpm ask
// (https://github.com/package-url/purl-spec/blob/main/PURL-TYPES.rst).
func defaultNamespace(kind string, os OS) string {
	switch kind {
	case "deb", "apk", "rpm", "alpm":
		return os.ID
	}
	return ""
}

// packageURL returns the package URL of a package: architecture and
// distribution are qualifiers, and so is the source package ("upstream", as
// Syft writes and Grype reads it) where it differs, as advisories are looked
// up by it.
func packageURL(p *Package, os OS) string {
	q := map[string]string{}
	if p.Arch != "" {
		q["arch"] = p.Arch
	}
	if defaultNamespace(p.Type, os) != "" {
		q["distro"] = os.ID
		if os.Version != "" {
			q["distro"] += "-" + os.Version
		}
	}
	switch {
	case p.Source.Name == "" || p.Source.Name == p.Name && p.Source.Version == p.Version:
	case p.Source.Version == p.Version || p.Source.Version == "":
		q["upstream"] = p.Source.Name
	default:
		q["upstream"] = p.Source.Name + "@" + p.Source.Version
	}
	return packageurl.NewPackageURL(p.Type, p.Namespace, p.Name, p.Version, packageurl.QualifiersFromMap(q), "").ToString()
}
