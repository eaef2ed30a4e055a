package distro

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// noVersion is the reason where a release is known by its version and the
// image does not state one that can be one.
func noVersion(os inventory.OS) string {
	if os.Version == "" {
		return fmt.Sprintf("the image does not say which release of %q it is", clip(os.ID))
	}
	return fmt.Sprintf("%q is not the version of a release of %q", clip(os.Version), clip(os.ID))
}

// isNumber reports whether s is a number of at most six digits.
func isNumber(s string) bool {
	return s != "" && len(s) <= 6 && strings.Trim(s, "0123456789") == ""
}

// majorOf returns the first number of a version.
func majorOf(version string) (string, bool) {
	n, _, _ := strings.Cut(version, ".")
	return n, isNumber(n)
}

// majorMinor returns the first two numbers of a version, the second one empty
// if there is none.
func majorMinor(version string) (major, minor string, ok bool) {
	major, rest, dotted := strings.Cut(version, ".")
	if !isNumber(major) {
		return "", "", false
	}
	minor, _, _ = strings.Cut(rest, ".")
	return major, minor, !dotted || isNumber(minor)
}

// rolling is the release of a distribution that has none.
func rolling(inventory.OS) (release, string) { return release{}, "" }

func rollingDerived(inventory.OS) (release, bool) { return release{}, true }

// major takes the first number of the version for the release.
func major(product string) func(inventory.OS) (release, string) {
	return func(os inventory.OS) (release, string) {
		n, ok := majorOf(os.Version)
		if !ok {
			return release{}, noVersion(os)
		}
		return release{suffix: n, lifecycle: product + " " + n}, ""
	}
}

// isWord reports whether s can be part of a release's name. A colon, above
// all, would make it another name.
func isWord(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// full takes the whole version for the release.
func full(product string) func(inventory.OS) (release, string) {
	return func(os inventory.OS) (release, string) {
		if !isWord(os.Version) {
			return release{}, noVersion(os)
		}
		return release{suffix: os.Version, lifecycle: product + " " + os.Version}, ""
	}
}

// debian takes the number of the release from the version, and where testing
// or unstable have none, from the code name: the one that names the next
// release names both of them. Unstable is matched as testing is then; a fix
// reaches unstable first, so that nothing is missed.
//
// Up to 6.0 a release has two numbers:
// https://debian.pages.debian.net/distro-info-data/debian.csv
func debian(os inventory.OS) (release, string) {
	n, minor, ok := majorMinor(os.Version)
	switch {
	case ok && len(n) == 1 && n <= "6":
		if minor == "" {
			minor = "0"
		}
		n += "." + minor
		if n > "3.1" { // the point releases of 4.0, 5.0 and 6.0 are 4.0r1, 5.0.1, 6.0.1
			n = n[:1] + ".0"
		}
	case ok:
	case os.Version == "":
		if n = debianRelease(os.Codename); n == "" {
			return release{}, noVersion(os)
		}
	default:
		return release{}, noVersion(os)
	}
	return release{suffix: n, lifecycle: "debian " + n}, ""
}

func debianDerived(os inventory.OS) (release, bool) {
	n := debianRelease(os.Codename)
	return release{suffix: n, lifecycle: "debian " + n}, n != ""
}

// debianRelease returns the release of a code name.
func debianRelease(codename string) string {
	switch codename {
	case "wheezy":
		return "7"
	case "jessie":
		return "8"
	case "stretch":
		return "9"
	case "buster":
		return "10"
	case "bullseye":
		return "11"
	case "bookworm":
		return "12"
	case "trixie":
		return "13"
	case "forky":
		return "14"
	case "duke":
		return "15"
	case "sid":
		return "sid"
	}
	return ""
}

// ubuntu takes YEAR.MONTH from the version. Releases of April in even years
// have long-term support, and ":LTS" in their name, as the first one, 6.06.
func ubuntu(os inventory.OS) (release, string) {
	year, month, ok := majorMinor(os.Version)
	if !ok || len(month) != 2 {
		n := ""
		if os.Version == "" {
			n = ubuntuRelease(os.Codename)
		}
		if n == "" {
			return release{}, noVersion(os)
		}
		year, month, _ = strings.Cut(n, ".")
	}
	return ubuntuNumbered(year, month), ""
}

func ubuntuNumbered(year, month string) release {
	r := release{suffix: year + "." + month, lifecycle: "ubuntu " + year + "." + month}
	if y, _ := strconv.Atoi(year); y >= 8 && y%2 == 0 && month == "04" || r.suffix == "6.06" {
		r.suffix += ":LTS"
	}
	return r
}

func ubuntuDerived(os inventory.OS) (release, bool) {
	year, month, ok := strings.Cut(ubuntuRelease(os.Codename), ".")
	return ubuntuNumbered(year, month), ok
}

// ubuntuRelease returns the release of a code name.
func ubuntuRelease(codename string) string {
	switch codename {
	case "trusty":
		return "14.04"
	case "xenial":
		return "16.04"
	case "bionic":
		return "18.04"
	case "focal":
		return "20.04"
	case "jammy":
		return "22.04"
	case "kinetic":
		return "22.10"
	case "lunar":
		return "23.04"
	case "mantic":
		return "23.10"
	case "noble":
		return "24.04"
	case "oracular":
		return "24.10"
	case "plucky":
		return "25.04"
	case "questing":
		return "25.10"
	case "resolute":
		return "26.04"
	}
	return ""
}

// alpine takes the release from the repositories if they agree on one, since
// that is where the packages were installed from, and from the version
// otherwise. "3.21_alpha20240807" is edge, before it became 3.21.
func alpine(os inventory.OS) (release, string) {
	if r, ok := alpineDerived(os); ok {
		return r, ""
	}
	if strings.Contains(os.Version, "_alpha") || os.Version == "edge" {
		return alpineBranch("edge"), ""
	}
	plain, _, _ := strings.Cut(os.Version, "_")
	n, minor, ok := majorMinor(plain)
	if !ok || minor == "" {
		return release{}, noVersion(os)
	}
	return alpineBranch("v" + n + "." + minor), ""
}

// alpineDerived returns the release that all repositories are of. What
// "latest-stable" was when the image was made is not recorded.
func alpineDerived(os inventory.OS) (release, bool) {
	if len(os.Repositories) == 0 || !isBranch(os.Repositories[0]) {
		return release{}, false
	}
	for _, r := range os.Repositories[1:] {
		if r != os.Repositories[0] {
			return release{}, false
		}
	}
	return alpineBranch(os.Repositories[0]), true
}

func isBranch(name string) bool {
	number, ok := strings.CutPrefix(name, "v")
	_, minor, numeric := majorMinor(number)
	return name == "edge" || ok && numeric && minor != ""
}

func alpineBranch(name string) release {
	return release{suffix: name, lifecycle: "alpine " + strings.TrimPrefix(name, "v")}
}

// redHat returns the product streams of Red Hat Enterprise Linux. OSV names
// them by their CPE. No file of an image tells which one a package is from,
// so all of a release count; their fixed versions are the same. Content sets
// add the streams of extended support, and other products.
// https://access.redhat.com/security/data/metrics/repository-to-cpe.json
func redHat(os inventory.OS) (release, string) {
	n, minor, ok := majorMinor(os.Version)
	if !ok {
		return release{}, noVersion(os)
	}
	r := release{lifecycle: "rhel " + n}
	streams := []string{"baseos", "appstream", "crb", "highavailability", "nfv", "realtime", "resilientstorage", "sap", "sap_hana", "supplementary"}
	major, _ := strconv.Atoi(n)
	r.withContentSets(os, n)
	switch {
	case major >= 10:
		// From 10 on there is one stream for each minor release and none for
		// the parts of it. Fixes come out for the newest minor release alone,
		// which an older one is updated to, so that all of them count.
		own, _ := strconv.Atoi(minor)
		r.suffix = "enterprise_linux:" + n + "." + strconv.Itoa(own)
		for i := range maxMinor + 1 {
			if i != own {
				r.more = append(r.more, "enterprise_linux:"+n+"."+strconv.Itoa(i))
			}
		}
		return r, ""
	case major <= 7:
		streams = []string{"server", "client", "computenode", "workstation"}
	}
	r.suffix = "enterprise_linux:" + n + "::" + streams[0]
	for _, s := range streams[1:] {
		r.more = append(r.more, "enterprise_linux:"+n+"::"+s)
	}
	return r, ""
}

// maxMinor is the highest minor release that any major release of Red Hat
// Enterprise Linux had or is to have.
const maxMinor = 10

// centOS is Red Hat Enterprise Linux under another name up to 8. CentOS
// Stream, which is all there is from 9 on, gets its fixes at other times and
// under other versions, and nobody publishes advisories for it.
func centOS(os inventory.OS) (release, string) {
	n, ok := majorOf(os.Version)
	if !ok {
		return release{}, noVersion(os)
	}
	if number, _ := strconv.Atoi(n); number > 8 || strings.Contains(os.Name, "Stream") {
		return release{ecosystem: "CentOS Stream", suffix: n, lifecycle: "centos-stream " + n}, ""
	}
	r, reason := redHat(os)
	r.lifecycle = "centos " + n
	return r, reason
}

// amazon takes the number from the version: "2", "2023.6.20241010" is 2023,
// and 1 is what had dates for versions, "2018.03".
func amazon(os inventory.OS) (release, string) {
	n, ok := majorOf(os.Version)
	if !ok {
		return release{}, noVersion(os)
	}
	if len(n) == 4 && n < "2022" {
		n = "1"
	}
	return release{suffix: n, lifecycle: "amzn " + n}, ""
}

// suse names the product. OSV names releases as PRETTY_NAME does, less
// "SUSE": "Linux Enterprise Server 15 SP5" for 15.5.
//
// On 15, advisories for nearly all packages are under the module that the
// package is part of, not under the server, and once general support is over
// under the server with "-LTSS": that fixes are sold does not make what they
// fix less vulnerable. Which module a package is of is not recorded, so all
// count; their fixed versions are the same.
func suse(os inventory.OS) (release, string) {
	n, minor, ok := majorMinor(os.Version)
	if !ok {
		return release{}, noVersion(os)
	}
	dotted := strings.TrimSuffix(n+"."+minor, ".")
	switch os.ID {
	case "sle-micro":
		return release{suffix: "Linux Enterprise Micro " + dotted}, ""
	case "sl-micro":
		return release{suffix: "Linux Micro " + dotted}, ""
	}
	number, _ := strconv.Atoi(n)
	version := n
	switch {
	case number >= 16:
		version = dotted // service packs ended with 15
	case minor != "" && minor != "0":
		version += " SP" + minor
	}
	product := "Linux Enterprise Server "
	if os.ID == "sled" {
		product = "Linux Enterprise Desktop "
	}
	r := release{suffix: product + version, lifecycle: "sles " + dotted}
	if number == 15 {
		for _, module := range []string{
			"Basesystem", "Server Applications", "Web and Scripting", "Development Tools", "Containers",
			"Python 3", "Public Cloud", "Legacy", "Desktop Applications", "Transactional Server",
		} {
			r.more = append(r.more, "Linux Enterprise Module for "+module+" "+version)
		}
		r.more = append(r.more, "Linux Enterprise Server "+version+"-LTSS")
	} else if number == 12 {
		r.more = append(r.more, "Linux Enterprise Server "+version+"-LTSS")
	}
	return r, ""
}

// openSUSE names releases as PRETTY_NAME does, less "openSUSE".
func openSUSE(os inventory.OS) (release, string) {
	if os.ID == "opensuse-tumbleweed" {
		return release{suffix: "Tumbleweed"}, ""
	}
	n, minor, ok := majorMinor(os.Version)
	if !ok || minor == "" {
		return release{}, noVersion(os)
	}
	version := n + "." + minor
	switch number, _ := strconv.Atoi(n); {
	case os.ID == "opensuse-leap-micro":
		return release{suffix: "Leap Micro " + version}, ""
	case os.ID == "opensuse" && number < 15 && number != 42:
		// Before Leap, which began with 42.1 and went on with 15.0.
		return release{suffix: version, lifecycle: "opensuse " + version}, ""
	}
	return release{suffix: "Leap " + version, lifecycle: "opensuse " + version}, ""
}

// openEuler's version lacks the service pack, which makes a release of its
// own; the name has it: "openEuler 22.03 (LTS-SP4)" is "22.03-LTS-SP4".
func openEuler(os inventory.OS) (release, string) {
	year, month, ok := majorMinor(os.Version)
	_, rest, found := strings.Cut(os.Name, "(")
	edition, _, closed := strings.Cut(rest, ")")
	if !ok || month == "" || !found || !closed || !isWord(edition) {
		return release{}, noVersion(os)
	}
	if !strings.HasPrefix(edition, "LTS") {
		return release{}, fmt.Sprintf("openEuler publishes advisories for releases with long-term support, and %q is none", clip(os.Name))
	}
	return release{suffix: year + "." + month + "-" + edition}, ""
}
