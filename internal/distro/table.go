package distro

import "github.com/imagevet/imagevet/sbom/inventory"

// A family is a line of the table: what all releases of a distribution have in
// common.
type family struct {
	ecosystem string // its name without a release
	scheme    string
	names     Names

	// release returns the release of the distribution itself, or why it
	// cannot be told.
	release func(inventory.OS) (r release, reason string)

	// derived returns the release that a distribution with this one in its
	// ID_LIKE is built on. A derivative counts its own versions, so that only
	// other marks can tell; where there are none, derived is nil.
	derived func(inventory.OS) (r release, ok bool)
}

// A release is what the release adds to its family.
type release struct {
	ecosystem string   // the name where it is not the family's
	suffix    string   // what follows the name and a colon; empty for rolling releases
	more      []string // further suffixes
	lifecycle string   // the name under which endOfLife knows the release

	products, optional []Product // see Distro
	unknown            []string
	extended           string
}

// find returns the family of an os-release ID.
//
// Names: OSV says of each ecosystem whether its advisories name source or
// binary packages, but its words are not always what the data holds.
// AlmaLinux's records name binary packages, those of Red Hat both, each under
// its own name. Where the words and other readers of the data differ, as for
// Rocky Linux, both are asked for: with rpm nearly every package has the
// version of its source, so that little can go wrong.
func find(id string) (family, bool) {
	switch id {
	// Packages of dpkg.
	case "debian", "raspbian":
		return family{"Debian", "deb", BySource, debian, debianDerived}, true
	case "ubuntu":
		return family{"Ubuntu", "deb", BySource, ubuntu, ubuntuDerived}, true
	case "echo":
		return family{"Echo", "deb", BySource, rolling, nil}, true

	// Packages of apk.
	case "alpine":
		return family{"Alpine", "apk", BySource, alpine, alpineDerived}, true
	case "wolfi":
		return family{"Wolfi", "apk", BySourceAndBinary, rolling, rollingDerived}, true
	case "chainguard":
		return family{"Chainguard", "apk", BySourceAndBinary, rolling, rollingDerived}, true
	case "minimos":
		return family{"MinimOS", "apk", BySourceAndBinary, rolling, rollingDerived}, true
	case "cleanstart", "clnstrt":
		return family{"CleanStart", "apk", BySourceAndBinary, rolling, nil}, true
	case "alpaquita":
		return family{"Alpaquita", "apk", BySource, full("alpaquita"), nil}, true
	case "bellsoft-hardened-containers":
		return family{"BellSoft Hardened Containers", "apk", BySource, full("bellsoft"), nil}, true

	// Packages of rpm: Red Hat and what is built from its sources.
	case "rhel":
		return family{"Red Hat", "rpm", ByBinary, redHat, nil}, true
	case "centos":
		return family{"Red Hat", "rpm", ByBinary, centOS, nil}, true
	case "almalinux":
		return family{"AlmaLinux", "rpm", ByBinary, major("almalinux"), nil}, true
	case "rocky":
		return family{"Rocky Linux", "rpm", BySourceAndBinary, major("rocky"), nil}, true
	case "ol":
		return family{"Oracle Linux", "rpm", ByBinary, major("ol"), nil}, true
	case "amzn":
		return family{"Amazon Linux", "rpm", ByBinary, amazon, nil}, true
	case "fedora":
		return family{"Fedora", "rpm", BySource, major("fedora"), nil}, true

	// Packages of rpm: SUSE.
	case "sles", "sled", "sles_sap", "sle_hpc", "sle-micro", "sl-micro":
		return family{"SUSE", "rpm", BySource, suse, nil}, true
	case "opensuse", "opensuse-leap", "opensuse-leap-micro", "opensuse-tumbleweed":
		return family{"openSUSE", "rpm", BySource, openSUSE, nil}, true

	// Packages of rpm: others.
	case "azurelinux", "mariner":
		return family{"Azure Linux", "rpm", BySource, major("azurelinux"), nil}, true
	case "photon":
		return family{"Photon OS", "rpm", BySource, full("photon"), nil}, true
	case "mageia":
		return family{"Mageia", "rpm", BySource, major("mageia"), nil}, true
	case "openeuler":
		return family{"openEuler", "rpm", BySource, openEuler, nil}, true
	case "bottlerocket":
		return family{"Bottlerocket", "rpm", ByBinary, rolling, nil}, true

	// Package formats of their own; no scheme has the order of the last.
	case "arch":
		return family{"Arch Linux", "alpm", ByBinary, rolling, rollingDerived}, true
	case "gentoo":
		return family{"Gentoo", "generic", BySource, rolling, rollingDerived}, true
	}
	return family{}, false
}
