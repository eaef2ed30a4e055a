package distro

import (
	"slices"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// ProChannels are the ecosystems of fixes that only subscribers of Ubuntu Pro
// get for a release: https://ubuntu.com/security/esm.
type ProChannels struct {
	// ESM is Expanded Security Maintenance, such as "Ubuntu:Pro:22.04:LTS".
	ESM string
	// FIPS are the channels of packages that were certified by FIPS 140.
	FIPS []string
}

// ProChannels returns the channels of a release with long-term support of
// Ubuntu, and false for all others. Channels for other kernels (Realtime,
// Nvidia-BlueField) are not among them: their packages have names of their own,
// which ESM does not name.
func (d Distro) ProChannels() (ProChannels, bool) {
	release, ok := strings.CutPrefix(d.Ecosystem, "Ubuntu:")
	if !ok || !strings.HasSuffix(release, ":LTS") {
		return ProChannels{}, false
	}
	c := ProChannels{ESM: "Ubuntu:Pro:" + release}
	for _, name := range []string{"FIPS-updates", "FIPS", "FIPS-preview"} {
		c.FIPS = append(c.FIPS, "Ubuntu:Pro:"+name+":"+release)
	}
	return c, true
}

// HasESM reports whether a package of the version, on a system in that state,
// gets the fixes of Expanded Security Maintenance: because a service of it is
// enabled, or because the package is from there, as its version says. Which of
// the services, for main or for universe, covers the package is not recorded.
func HasESM(os inventory.OS, version string) bool {
	return slices.Contains(os.ProServices, "esm-infra") || slices.Contains(os.ProServices, "esm-apps") || strings.Contains(version, "esm")
}

// IsFIPS reports whether a version of a package of Ubuntu is one that was built
// for FIPS 140, as in "3.0.2-0ubuntu1.10+Fips1". Such a version sorts above the
// fixed ones of other channels, and is none of them.
func IsFIPS(version string) bool { return strings.Contains(strings.ToLower(version), "fips") }
