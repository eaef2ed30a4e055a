package distro

import (
	"slices"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// A Product is one of Red Hat's, as its CPE names it. OSV names the ecosystem
// of an advisory of Red Hat by the CPE, "Red Hat:rhel_eus:9.2::baseos".
type Product struct {
	Name    string // such as "rhel_eus"
	Version string // such as "9.2"
	// Base is the release of Red Hat Enterprise Linux that packages of the
	// product are built for, such as "el9"; empty where Version tells.
	Base string
}

// Covers reports whether advisories are for the product that have this behind
// "Red Hat:". What follows the version is not compared, and 4 stands for 4.12
// as well: a flaw that is not fixed is under the CPE of a whole product.
// https://redhatproductsecurity.github.io/security-data-guidelines/scanning-vendors/,
// "CPE Matching Logic".
func (p Product) Covers(suffix string) bool {
	name, rest, _ := strings.Cut(suffix, ":")
	version, edition, _ := strings.Cut(rest, "::")
	if name != p.Name || version == "" || version != p.Version && !within(version, p.Version) && !within(p.Version, version) {
		return false
	}
	return p.Base == "" || edition == "" || edition == p.Base || strings.HasPrefix(edition, p.Base+"_")
}

// within reports whether one version is part of another, as 4.12 is of 4.
func within(part, whole string) bool { return strings.HasPrefix(part, whole+".") }

// IsExtended reports whether the product is the support of a minor release beyond
// its time.
func (p Product) IsExtended() bool { return isExtended(p.Name) }

// String returns what follows "Red Hat:" in the name of the ecosystem.
func (p Product) String() string {
	if p.Base != "" {
		return p.Name + ":" + p.Version + "::" + p.Base
	}
	return p.Name + ":" + p.Version
}

// IsRedHatProduct reports whether advisories that have this behind "Red Hat:"
// can be for a package of an image: whether [Lookup] has products that they
// cover.
func IsRedHatProduct(suffix string) bool {
	name, _, _ := strings.Cut(suffix, ":")
	switch name {
	case "enterprise_linux", "enterprise_linux_eus", "rhel_els", "rhel_extras", "rhel_software_collections":
		return true
	}
	if isExtended(name) {
		return true
	}
	for _, p := range layered {
		if p.product == name {
			return true
		}
	}
	return false
}

// isExtended reports whether a product is the support of a minor release beyond
// its time.
func isExtended(name string) bool {
	switch name {
	case "rhel_eus", "rhel_aus", "rhel_tus", "rhel_e4s", "enterprise_linux_eus":
		return true
	}
	return false
}

// BuiltFor returns the minor release, such as 9 and 2, whose packages advisories
// are for that have this behind "Red Hat:". It reports false for all but those
// of extended support for d's major release, and where the image says by its
// content sets which of them it has.
//
// Packages that were built for a minor release, with ".el9_2" in their version,
// are of one line, whoever gets them: what extended support says of them holds,
// and of no other package.
func (d Distro) BuiltFor(suffix string) (major, minor string, ok bool) {
	name, rest, _ := strings.Cut(suffix, ":")
	version, _, _ := strings.Cut(rest, "::")
	if d.extended == "" || !isExtended(name) {
		return "", "", false
	}
	major, minor, ok = majorMinor(version)
	return major, minor, ok && major == d.extended && minor != ""
}

// withContentSets adds to a release of Red Hat Enterprise Linux what the image
// says of the repositories that it was built from.
//
// The release itself counts whatever they are: extended support does not fix
// all flaws, and a layer without a manifest can have packages from anywhere.
func (r *release) withContentSets(os inventory.OS, major string) {
	r.optional = []Product{{Name: "enterprise_linux", Version: major}, {Name: "rhel_els", Version: major}, {Name: "rhel_extras", Version: major}}
	add := func(p Product) {
		if !slices.Contains(r.products, p) && !slices.Contains(r.optional, p) {
			r.products = append(r.products, p)
		}
	}
	known := false
	for _, set := range os.ContentSets {
		p, ok := contentSet(set, os.Version)
		if !ok {
			r.unknown = append(r.unknown, clip(set))
			continue
		}
		known = true
		if p != (Product{}) {
			add(p)
		}
	}
	if _, cpe, ok := strings.Cut(os.CPE, ":redhat:"); ok {
		name, rest, _ := strings.Cut(cpe, ":")
		version, _, _ := strings.Cut(rest, ":")
		if _, minor, numeric := majorMinor(version); isExtended(name) && numeric && minor != "" {
			add(Product{Name: name, Version: version})
		}
	}
	if !known {
		r.extended = major
	}
}

// layered are the products that come on top of Red Hat Enterprise Linux and
// have repositories of the form PREFIX-VERSION-for-rhel-N-ARCH-rpms or
// rhel-N-server-PREFIX-VERSION-rpms.
var layered = [...]struct{ prefix, product string }{
	{"rhocp", "openshift"},
	{"ose", "openshift"},
	{"ocp-tools", "ocp_tools"},
	{"cnv", "container_native_virtualization"},
	{"ansible-automation-platform", "ansible_automation_platform"},
	{"ansible", "ansible_engine"},
	{"openstack", "openstack"},
	{"satellite", "satellite"},
	{"satellite-capsule", "satellite_capsule"},
	{"satellite-maintenance", "satellite_maintenance"},
	{"satellite-utils", "satellite_utils"},
	{"rhceph", "ceph_storage"},
	{"jb-eap", "jboss_enterprise_application_platform"},
	{"jb-coreservices", "jboss_core_services"},
	{"jws", "jboss_enterprise_web_server"},
	{"rh-sso", "red_hat_single_sign_on"},
}

// contentSet returns the product whose advisories are on the packages of a
// repository of Red Hat, which is the zero value if the release has them
// already or there are none. version is that of the release. It reports false
// if no rule knows the repository.
//
// The names are those of https://security.access.redhat.com/data/metrics/repository-to-cpe.json,
// with "__8_DOT_6" behind them for a minor release. Rules do for them what that
// list does, as it is not at hand and new repositories are made every day.
func contentSet(set, version string) (Product, bool) {
	name, suffix, _ := strings.Cut(strings.ToLower(set), "__")
	if _, minor, ok := majorMinor(strings.ReplaceAll(suffix, "_dot_", ".")); ok && minor != "" {
		version = strings.ReplaceAll(suffix, "_dot_", ".")
	}
	words := strings.Split(name, "-")
	words = slices.DeleteFunc(words, isNoise)
	if len(words) > 1 && words[0] == "ubi" { // ubi-9-baseos
		if _, ok := majorOf(words[1]); ok {
			return Product{}, isStream(words[2:])
		}
	}
	if strings.Join(words, "-") == "rhel-server-rhscl-7" {
		return Product{Name: "rhel_software_collections", Version: "3", Base: "el7"}, true
	}
	// The release follows "rhel", or "ubi" as in codeready-builder-for-ubi-9,
	// which can be there before as well: rhel-ha-for-rhel-7-server.
	at := len(words) - 1
	for at >= 0 && words[at] != "rhel" && words[at] != "ubi" {
		at--
	}
	if at < 0 || at+1 == len(words) || !isNumber(words[at+1]) {
		return Product{}, false
	}
	major := words[at+1]
	words = slices.DeleteFunc(slices.Delete(words, at+1, at+2), func(w string) bool {
		return w == "rhel" || w == "ubi" || w == "for" || w == "server"
	})
	if p, ok := layeredSet(words, major); ok {
		return p, true
	}
	support := ""
	words = slices.DeleteFunc(words, func(w string) bool {
		switch w {
		case "eus", "aus", "tus", "e4s", "els":
			support = w
			return true
		}
		return false
	})
	switch {
	case !isStream(words):
		return Product{}, false
	case support == "els":
		return Product{}, true // counts for all
	case support == "":
		return Product{}, true
	}
	n, minor, ok := majorMinor(version)
	if !ok || n != major || minor == "" {
		return Product{}, false // of which minor release is not known
	}
	if len(n) > 1 { // from 10 on
		if support != "eus" {
			return Product{}, false
		}
		return Product{Name: "enterprise_linux_eus", Version: n + "." + minor}, true
	}
	return Product{Name: "rhel_" + support, Version: n + "." + minor}, true
}

// layeredSet knows the repositories of layered products by the words of their
// names that are left.
func layeredSet(words []string, major string) (Product, bool) {
	if len(words) == 0 {
		return Product{}, false
	}
	// What is behind the version is a part of the product: rhceph-5-tools.
	for i := 1; i < len(words); i++ {
		if _, _, ok := majorMinor(words[i]); !ok {
			continue
		}
		prefix := strings.Join(words[:i], "-")
		for _, l := range layered {
			if l.prefix == prefix && (i == len(words)-1 || prefix == "rhceph" && i == len(words)-2) {
				return Product{Name: l.product, Version: words[i], Base: "el" + major}, true
			}
		}
		return Product{}, false
	}
	return Product{}, false
}

// isNoise reports whether a word of a repository's name says nothing of the
// product: what is in it, where it comes from, and for which processor.
func isNoise(word string) bool {
	switch word {
	case "rpms", "debug", "source", "rhui", "beta", "htb", "kickstart", "isos", "iso", "images", "files", "dist",
		"x86_64", "aarch64", "arm64", "ppc64", "ppc64le", "s390x", "s390", "i386", "i686", "ia64":
		return true
	}
	return false
}

// isStream reports whether words name nothing but a part of Red Hat Enterprise
// Linux, or the whole of it if there are none.
func isStream(words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !isPart(w) })
}

// isPart reports whether a word is one of those that name parts: those from 8
// on, what all releases have beside them, and the variants of 7 and before.
func isPart(word string) bool {
	switch word {
	case "baseos", "appstream", "codeready", "builder", "crb", "highavailability", "nfv", "rt", "realtime", "resilientstorage",
		"supplementary", "sap", "netweaver", "solutions", "hana", "fast", "datapath", "fastdatapath",
		"optional", "extras", "fastrack", "workstation", "client", "desktop", "hpc", "node", "computenode", "ha", "rs",
		"system", "z", "a", "power", "le", "9", "arm", "64":
		return true
	}
	return false
}
