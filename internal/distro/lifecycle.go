package distro

import (
	"strings"
	"time"
)

// Product returns the names under which [endoflife.date] has the release, such
// as "alpine-linux" and "3.19", and false if it has no such product or the
// release cannot be told. It may not have the release.
//
// [endoflife.date]: https://endoflife.date/tags/linux-distribution
func (d Distro) Product() (product, release string, ok bool) {
	product, release, ok = strings.Cut(d.lifecycle, " ")
	if !ok {
		return "", "", false
	}
	switch product {
	case "alpine":
		product = "alpine-linux"
	case "amzn":
		product = "amazon-linux"
		if release == "1" {
			release = "2018.03" // the last of those that count as 1
		}
	case "azurelinux":
		product, release = "azure-linux", release+".0"
	case "debian":
		if number, ok := strings.CutSuffix(release, ".0"); ok && number >= "4" {
			release = number
		}
	case "ol":
		product = "oracle-linux"
	case "rocky":
		product = "rocky-linux"
	case "almalinux", "centos", "centos-stream", "fedora", "opensuse", "photon", "rhel", "sles", "ubuntu":
	default:
		return "", "", false
	}
	return product, release, true
}

// EndOfSupport returns the day on which security support that all have ends,
// from the two days that endoflife.date has for a release of the product, each
// of which may be zero. What comes after the first is sold, except for Debian's
// long-term support.
func EndOfSupport(product string, end, extended time.Time) time.Time {
	if product == "debian" && !extended.IsZero() {
		return extended
	}
	return end
}
