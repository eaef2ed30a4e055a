package distro

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

func TestLookup(t *testing.T) {
	tests := []struct {
		os        inventory.OS
		ecosystem string
		scheme    string
		names     Names
	}{
		// Debian: the number of the release, or a code name's.
		{inventory.OS{ID: "debian", Version: "12"}, "Debian:12", "deb", BySource},
		{inventory.OS{ID: "debian", Version: "12.5"}, "Debian:12", "deb", BySource}, // of debian_version
		{inventory.OS{ID: "debian", Version: "6.0.10"}, "Debian:6.0", "deb", BySource},
		{inventory.OS{ID: "debian", Version: "3.1"}, "Debian:3.1", "deb", BySource},
		{inventory.OS{ID: "debian", Codename: "trixie", Name: "Debian GNU/Linux trixie/sid"}, "Debian:13", "deb", BySource},
		{inventory.OS{ID: "debian", Codename: "forky", Name: "Debian GNU/Linux forky/sid"}, "Debian:14", "deb", BySource},
		{inventory.OS{ID: "debian", Codename: "sid"}, "Debian:sid", "deb", BySource},
		{inventory.OS{ID: "raspbian", Version: "11"}, "Debian:11", "deb", BySource},

		// Ubuntu: ":LTS" is part of the name.
		{inventory.OS{ID: "ubuntu", Version: "22.04"}, "Ubuntu:22.04:LTS", "deb", BySource},
		{inventory.OS{ID: "ubuntu", Version: "22.04.4"}, "Ubuntu:22.04:LTS", "deb", BySource},
		{inventory.OS{ID: "ubuntu", Version: "24.10"}, "Ubuntu:24.10", "deb", BySource},
		{inventory.OS{ID: "ubuntu", Version: "25.04"}, "Ubuntu:25.04", "deb", BySource}, // April of an odd year
		{inventory.OS{ID: "ubuntu", Version: "26.04"}, "Ubuntu:26.04:LTS", "deb", BySource},
		{inventory.OS{ID: "ubuntu", Version: "6.06"}, "Ubuntu:6.06:LTS", "deb", BySource},
		{inventory.OS{ID: "ubuntu", Codename: "jammy"}, "Ubuntu:22.04:LTS", "deb", BySource},
		{inventory.OS{ID: "echo", Version: "1"}, "Echo", "deb", BySource},

		// Alpine: the repositories before os-release, if they agree.
		{inventory.OS{ID: "alpine", Version: "3.19.1"}, "Alpine:v3.19", "apk", BySource},
		{inventory.OS{ID: "alpine", Version: "3.20.0_rc1"}, "Alpine:v3.20", "apk", BySource},
		{inventory.OS{ID: "alpine", Version: "3.21_alpha20240807"}, "Alpine:edge", "apk", BySource},
		{inventory.OS{ID: "alpine", Version: "3.19.1", Repositories: []string{"edge"}}, "Alpine:edge", "apk", BySource},
		{inventory.OS{ID: "alpine", Version: "3.19.1", Repositories: []string{"v3.18"}}, "Alpine:v3.18", "apk", BySource},
		{inventory.OS{ID: "alpine", Version: "3.19.1", Repositories: []string{"v3.19"}}, "Alpine:v3.19", "apk", BySource},
		{inventory.OS{ID: "alpine", Version: "3.19.1", Repositories: []string{"edge", "v3.18"}}, "Alpine:v3.19", "apk", BySource},
		{inventory.OS{ID: "alpine", Version: "3.19.1", Repositories: []string{"latest-stable"}}, "Alpine:v3.19", "apk", BySource},
		{inventory.OS{ID: "alpine", Version: "3.19.1", Repositories: []string{"v3:evil"}}, "Alpine:v3.19", "apk", BySource},
		{inventory.OS{ID: "wolfi", Version: "20230201"}, "Wolfi", "apk", BySourceAndBinary},
		{inventory.OS{ID: "chainguard", Version: "20230214"}, "Chainguard", "apk", BySourceAndBinary},
		{inventory.OS{ID: "minimos", Version: "20241031"}, "MinimOS", "apk", BySourceAndBinary},
		{inventory.OS{ID: "cleanstart"}, "CleanStart", "apk", BySourceAndBinary},
		{inventory.OS{ID: "alpaquita", Version: "stream"}, "Alpaquita:stream", "apk", BySource},
		{inventory.OS{ID: "bellsoft-hardened-containers", Version: "23"}, "BellSoft Hardened Containers:23", "apk", BySource},

		// Red Hat and what is built from its sources.
		{inventory.OS{ID: "rhel", Version: "9.4"}, "Red Hat:enterprise_linux:9::baseos", "rpm", ByBinary},
		{inventory.OS{ID: "rhel", Version: "8"}, "Red Hat:enterprise_linux:8::baseos", "rpm", ByBinary},
		{inventory.OS{ID: "rhel", Version: "7.9"}, "Red Hat:enterprise_linux:7::server", "rpm", ByBinary},
		{inventory.OS{ID: "rhel", Version: "10.1"}, "Red Hat:enterprise_linux:10.1", "rpm", ByBinary},
		{inventory.OS{ID: "centos", Version: "7", Name: "CentOS Linux 7 (Core)"}, "Red Hat:enterprise_linux:7::server", "rpm", ByBinary},
		{inventory.OS{ID: "centos", Version: "8", Name: "CentOS Linux 8"}, "Red Hat:enterprise_linux:8::baseos", "rpm", ByBinary},
		{inventory.OS{ID: "centos", Version: "8", Name: "CentOS Stream 8"}, "CentOS Stream:8", "rpm", ByBinary},
		{inventory.OS{ID: "centos", Version: "9"}, "CentOS Stream:9", "rpm", ByBinary},
		{inventory.OS{ID: "almalinux", Version: "9.3"}, "AlmaLinux:9", "rpm", ByBinary},
		{inventory.OS{ID: "rocky", Version: "9.3"}, "Rocky Linux:9", "rpm", BySourceAndBinary},
		{inventory.OS{ID: "ol", Version: "9.4"}, "Oracle Linux:9", "rpm", ByBinary},
		{inventory.OS{ID: "amzn", Version: "2018.03"}, "Amazon Linux:1", "rpm", ByBinary},
		{inventory.OS{ID: "amzn", Version: "2"}, "Amazon Linux:2", "rpm", ByBinary},
		{inventory.OS{ID: "amzn", Version: "2022"}, "Amazon Linux:2022", "rpm", ByBinary},
		{inventory.OS{ID: "amzn", Version: "2023.6.20241010"}, "Amazon Linux:2023", "rpm", ByBinary},
		{inventory.OS{ID: "fedora", Version: "40"}, "Fedora:40", "rpm", BySource},

		// SUSE.
		{inventory.OS{ID: "sles", Version: "15.5"}, "SUSE:Linux Enterprise Server 15 SP5", "rpm", BySource},
		{inventory.OS{ID: "sles", Version: "15"}, "SUSE:Linux Enterprise Server 15", "rpm", BySource},
		{inventory.OS{ID: "sles_sap", Version: "12.5"}, "SUSE:Linux Enterprise Server 12 SP5", "rpm", BySource},
		{inventory.OS{ID: "sled", Version: "15.4"}, "SUSE:Linux Enterprise Desktop 15 SP4", "rpm", BySource},
		{inventory.OS{ID: "sles", Version: "16.0"}, "SUSE:Linux Enterprise Server 16.0", "rpm", BySource},
		{inventory.OS{ID: "sle-micro", Version: "5.5"}, "SUSE:Linux Enterprise Micro 5.5", "rpm", BySource},
		{inventory.OS{ID: "sl-micro", Version: "6.0"}, "SUSE:Linux Micro 6.0", "rpm", BySource},
		{inventory.OS{ID: "opensuse-leap", Version: "15.5"}, "openSUSE:Leap 15.5", "rpm", BySource},
		{inventory.OS{ID: "opensuse-leap-micro", Version: "5.5"}, "openSUSE:Leap Micro 5.5", "rpm", BySource},
		{inventory.OS{ID: "opensuse-tumbleweed", Version: "20240801"}, "openSUSE:Tumbleweed", "rpm", BySource},
		{inventory.OS{ID: "opensuse", Version: "42.3"}, "openSUSE:Leap 42.3", "rpm", BySource},
		{inventory.OS{ID: "opensuse", Version: "13.1"}, "openSUSE:13.1", "rpm", BySource},

		// Others.
		{inventory.OS{ID: "azurelinux", Version: "3.0"}, "Azure Linux:3", "rpm", BySource},
		{inventory.OS{ID: "mariner", Version: "2.0.20220226"}, "Azure Linux:2", "rpm", BySource},
		{inventory.OS{ID: "photon", Version: "5.0"}, "Photon OS:5.0", "rpm", BySource},
		{inventory.OS{ID: "mageia", Version: "9"}, "Mageia:9", "rpm", BySource},
		{inventory.OS{ID: "openeuler", Version: "22.03", Name: "openEuler 22.03 (LTS-SP4)"}, "openEuler:22.03-LTS-SP4", "rpm", BySource},
		{inventory.OS{ID: "openeuler", Version: "24.03", Name: "openEuler 24.03 (LTS)"}, "openEuler:24.03-LTS", "rpm", BySource},
		{inventory.OS{ID: "bottlerocket", Version: "1.19.0"}, "Bottlerocket", "rpm", ByBinary},
		{inventory.OS{ID: "arch"}, "Arch Linux", "alpm", ByBinary},
		{inventory.OS{ID: "gentoo", Version: "2.15"}, "Gentoo", "generic", BySource},
	}
	for _, tt := range tests {
		got := Lookup(tt.os)
		assert.Equalf(t, tt.ecosystem, got.Ecosystem, "Lookup(%+v).Ecosystem", tt.os)
		assert.Equalf(t, tt.scheme, got.Scheme, "Lookup(%+v).Scheme", tt.os)
		assert.Equalf(t, tt.names, got.Names, "Lookup(%+v).Names", tt.os)
		assert.Emptyf(t, got.Reason, "Lookup(%+v).Reason", tt.os)
		assert.Falsef(t, got.Inferred, "Lookup(%+v).Inferred", tt.os)
	}
}

func TestLookupMore(t *testing.T) {
	nine := Lookup(inventory.OS{ID: "rhel", Version: "9.4"})
	assert.Contains(t, nine.More, "Red Hat:enterprise_linux:9::appstream")
	assert.NotContains(t, nine.More, nine.Ecosystem)
	assert.Equal(t, nine.More, Lookup(inventory.OS{ID: "rhel", Version: "9"}).More)

	ten := Lookup(inventory.OS{ID: "rhel", Version: "10.1"})
	assert.Contains(t, ten.More, "Red Hat:enterprise_linux:10.0")
	assert.Contains(t, ten.More, "Red Hat:enterprise_linux:10.2", "fixes come out for the newest minor release")
	assert.NotContains(t, ten.More, ten.Ecosystem)

	sles := Lookup(inventory.OS{ID: "sles", Version: "15.5"})
	assert.Contains(t, sles.More, "SUSE:Linux Enterprise Module for Basesystem 15 SP5")
	assert.Contains(t, sles.More, "SUSE:Linux Enterprise Server 15 SP5-LTSS")

	assert.Empty(t, Lookup(inventory.OS{ID: "debian", Version: "12"}).More)
}

func TestLookupInferred(t *testing.T) {
	tests := []struct {
		name      string
		os        inventory.OS
		ecosystem string
		scheme    string
	}{
		{"Pop!_OS counts as Ubuntu does, but it is the code name that tells", inventory.OS{ID: "pop", IDLike: []string{"ubuntu", "debian"}, Version: "22.04", Codename: "jammy"}, "Ubuntu:22.04:LTS", "deb"},
		{"the second parent has the code name", inventory.OS{ID: "x", IDLike: []string{"ubuntu", "debian"}, Codename: "bookworm"}, "Debian:12", "deb"},
		{"an unknown parent is passed over", inventory.OS{ID: "x", IDLike: []string{"y", "debian"}, Codename: "bookworm"}, "Debian:12", "deb"},
		{"the repositories tell", inventory.OS{ID: "postmarketos", IDLike: []string{"alpine"}, Version: "v24.06", Repositories: []string{"v3.20"}}, "Alpine:v3.20", "apk"},
		{"the parent has no releases", inventory.OS{ID: "manjaro", IDLike: []string{"arch"}, Version: "24"}, "Arch Linux", "alpm"},
		{"the same of Wolfi", inventory.OS{ID: "mine", IDLike: []string{"wolfi"}}, "Wolfi", "apk"},
	}
	for _, tt := range tests {
		got := Lookup(tt.os)
		assert.Equalf(t, tt.ecosystem, got.Ecosystem, "Lookup, %s", tt.name)
		assert.Equalf(t, tt.scheme, got.Scheme, "Lookup, %s", tt.name)
		assert.Truef(t, got.Inferred, "Lookup, %s", tt.name)
		assert.Emptyf(t, got.Reason, "Lookup, %s", tt.name)
	}
}

func TestLookupUnknown(t *testing.T) {
	tests := []struct {
		os     inventory.OS
		reason string
		scheme string
	}{
		{inventory.OS{}, "no file of the image names its distribution", ""},
		{inventory.OS{ID: "slackware", Version: "15.0"}, `the distribution "slackware" is not known`, ""},
		{inventory.OS{ID: "linuxmint", IDLike: []string{"ubuntu", "debian"}, Version: "21.2", Codename: "victoria"}, `the distribution "linuxmint" is not known, and not which release of "ubuntu" it derives from`, "deb"},
		{inventory.OS{ID: "kali", IDLike: []string{"debian"}, Version: "2024.1", Codename: "kali-rolling"}, `the distribution "kali" is not known, and not which release of "debian" it derives from`, "deb"},
		{inventory.OS{ID: "eurolinux", IDLike: []string{"rhel", "fedora"}, Version: "9.3"}, `the distribution "eurolinux" is not known, and not which release of "rhel" it derives from`, "rpm"},
		{inventory.OS{ID: "debian"}, `the image does not say which release of "debian" it is`, "deb"},
		{inventory.OS{ID: "debian", Codename: "unheard-of"}, `the image does not say which release of "debian" it is`, "deb"},
		{inventory.OS{ID: "debian", Version: "testing"}, `"testing" is not the version of a release of "debian"`, "deb"},
		{inventory.OS{ID: "ubuntu", Version: "22"}, `"22" is not the version of a release of "ubuntu"`, "deb"},
		{inventory.OS{ID: "alpine"}, `the image does not say which release of "alpine" it is`, "apk"},
		{inventory.OS{ID: "alpine", Version: "3"}, `"3" is not the version of a release of "alpine"`, "apk"},
		{inventory.OS{ID: "almalinux", Version: "x"}, `"x" is not the version of a release of "almalinux"`, "rpm"},
		{inventory.OS{ID: "photon", Version: "5.0:LTS"}, `"5.0:LTS" is not the version of a release of "photon"`, "rpm"},
		{inventory.OS{ID: "sles", Version: "15.SP5"}, `"15.SP5" is not the version of a release of "sles"`, "rpm"},
		{inventory.OS{ID: "openeuler", Version: "23.09", Name: "openEuler 23.09"}, `"23.09" is not the version of a release of "openeuler"`, "rpm"},
		{inventory.OS{ID: "openeuler", Version: "23.09", Name: "openEuler 23.09 (INNOVATION)"}, `openEuler publishes advisories for releases with long-term support, and "openEuler 23.09 (INNOVATION)" is none`, "rpm"},
		{inventory.OS{ID: "opensuse-leap", Version: "15"}, `"15" is not the version of a release of "opensuse-leap"`, "rpm"},
	}
	for _, tt := range tests {
		got := Lookup(tt.os)
		assert.Emptyf(t, got.Ecosystem, "Lookup(%+v).Ecosystem", tt.os)
		assert.Equalf(t, tt.reason, got.Reason, "Lookup(%+v).Reason", tt.os)
		assert.Equalf(t, tt.scheme, got.Scheme, "Lookup(%+v).Scheme", tt.os)
		assert.Zerof(t, got.EndOfLife, "Lookup(%+v).EndOfLife", tt.os)
	}
}

func TestEndOfLife(t *testing.T) {
	tests := []struct {
		os   inventory.OS
		want string // empty if unknown
	}{
		{inventory.OS{ID: "debian", Version: "12"}, "2028-06-30"},
		{inventory.OS{ID: "debian", Version: "11"}, "2026-08-31"}, // the first release whose long-term support was made longer
		{inventory.OS{ID: "debian", Version: "6.0.10"}, "2016-02-29"},
		{inventory.OS{ID: "debian", Codename: "forky"}, ""},
		{inventory.OS{ID: "ubuntu", Version: "20.04"}, "2025-05-29"},
		{inventory.OS{ID: "ubuntu", Version: "24.10"}, "2025-07-10"},
		{inventory.OS{ID: "alpine", Version: "3.19.1"}, "2025-11-01"},
		{inventory.OS{ID: "alpine", Version: "3.19.1", Repositories: []string{"edge"}}, ""},
		{inventory.OS{ID: "rhel", Version: "8.10"}, "2029-05-31"},
		{inventory.OS{ID: "centos", Version: "8"}, "2021-12-31"}, // long before what it was built from
		{inventory.OS{ID: "centos", Version: "8", Name: "CentOS Stream 8"}, "2024-05-31"},
		{inventory.OS{ID: "almalinux", Version: "9.1"}, "2032-05-31"},
		{inventory.OS{ID: "rocky", Version: "8.5"}, "2029-05-31"},
		{inventory.OS{ID: "amzn", Version: "2018.03"}, "2023-12-31"},
		{inventory.OS{ID: "fedora", Version: "40"}, "2025-05-13"},
		{inventory.OS{ID: "sles", Version: "15.5"}, "2024-12-31"},
		{inventory.OS{ID: "sled", Version: "12.5"}, "2024-10-31"},
		{inventory.OS{ID: "opensuse-leap", Version: "15.5"}, "2024-12-31"},
		{inventory.OS{ID: "mariner", Version: "2.0"}, "2025-07-31"},
		{inventory.OS{ID: "wolfi"}, ""},
		{inventory.OS{ID: "pop", IDLike: []string{"ubuntu"}, Codename: "jammy"}, "2027-06-01"},
	}
	for _, tt := range tests {
		got := Lookup(tt.os).EndOfLife
		if tt.want == "" {
			assert.Zerof(t, got, "Lookup(%+v).EndOfLife", tt.os)
			continue
		}
		assert.Equalf(t, tt.want, got.Format(time.DateOnly), "Lookup(%+v).EndOfLife", tt.os)
		assert.Equalf(t, time.UTC, got.Location(), "Lookup(%+v).EndOfLife", tt.os)
	}
}

// TestDescribesTable looks at every line of the table.
func TestDescribesTable(t *testing.T) {
	for _, id := range []string{
		"debian", "raspbian", "ubuntu", "echo", "alpine", "wolfi", "chainguard", "minimos", "cleanstart", "clnstrt",
		"alpaquita", "bellsoft-hardened-containers", "rhel", "centos", "almalinux", "rocky", "ol", "amzn", "fedora",
		"sles", "sled", "sles_sap", "sle_hpc", "sle-micro", "sl-micro", "opensuse", "opensuse-leap", "opensuse-leap-micro",
		"opensuse-tumbleweed", "azurelinux", "mariner", "photon", "mageia", "openeuler", "bottlerocket", "arch", "gentoo",
	} {
		d := Lookup(inventory.OS{ID: id, Version: "12.04", Name: "(LTS)"})
		name, _, _ := strings.Cut(d.Ecosystem, ":")
		assert.NotEmptyf(t, name, "the ecosystem of %q", id)
		assert.Containsf(t, []string{"deb", "apk", "rpm", "alpm", "generic"}, d.Scheme, "the scheme of %q", id)
	}
}

func FuzzLookup(f *testing.F) {
	f.Add("debian", "12.5", "bookworm", "Debian GNU/Linux 12 (bookworm)", "", "")
	f.Add("kali", "2024.1", "kali-rolling", "", "debian", "")
	f.Add("alpine", "3.19_alpha1", "", "", "", "edge v3.19")
	f.Add("openeuler", "22.03", "", "openEuler 22.03 (LTS-SP4)", "", "")
	f.Add("rhel", "10.99", "", "", "fedora", "")
	f.Fuzz(func(t *testing.T, id, version, codename, name, like, repositories string) {
		os := inventory.OS{
			ID: id, Version: version, Codename: codename, Name: name,
			IDLike: strings.Fields(like), Repositories: strings.Fields(repositories),
		}
		d := Lookup(os)
		require.Equal(t, d, Lookup(os))
		require.Equal(t, d.Ecosystem == "", d.Reason != "", "an ecosystem or a reason: %+v", d)
		require.LessOrEqual(t, len(d.Reason), 600)
		require.LessOrEqual(t, len(d.More), 16)
		for _, e := range append(d.More, d.Ecosystem) {
			require.LessOrEqual(t, len(e), 80)
			require.LessOrEqual(t, strings.Count(e, ":"), 3)
			require.Empty(t, strings.Trim(e, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .:_-"), "unexpected characters")
		}
	})
}

func TestThirdParty(t *testing.T) {
	tests := []struct {
		maintainer string
		vendor     string
	}{
		// As the vendors' own packages have it.
		{"Docker <support@docker.com>", "Docker"},
		{"NVIDIA CORPORATION <cudatools@nvidia.com>", "NVIDIA"},
		{"HashiCorp <support@hashicorp.com>", "HashiCorp"},
		{"Microsoft Corporation <vscode-linux@microsoft.com>", "Microsoft"},
		{"MongoDB Packaging <packaging@mongodb.com>", "MongoDB"},
		{"MariaDB Developers <maria-developers@lists.launchpad.net>", "MariaDB"},
		{"Elasticsearch Team <info@elastic.co>", "Elastic"},
		{"NGINX Packaging <nginx-packaging@f5.com>", "NGINX"},
		{"NodeSource Support <support@nodesource.com>", "NodeSource"},
		{"GitLab, Inc. <support@gitlab.com>", "GitLab"},
		{"Grafana Labs <contact@grafana.com>", "Grafana"},
		{"Chrome Linux Team <chromium-dev@google.com>", "Google"},
		{"SHOUTING <SUPPORT@DOCKER.COM>", "Docker"},

		// Debian's and Ubuntu's, whatever the name says.
		{"Docker Packaging Team <team+docker@tracker.debian.org>", ""},
		{"Debian NVIDIA Maintainers <pkg-nvidia-devel@lists.alioth.debian.org>", ""},
		{"Debian MySQL Maintainers <pkg-mysql-maint@lists.alioth.debian.org>", ""},
		{"Debian Nginx Maintainers <pkg-nginx-maintainers@alioth-lists.debian.net>", ""},
		{"Debian PostgreSQL Maintainers <team+postgresql@tracker.debian.org>", ""},
		{"Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>", ""},
		{"Santiago Vila <sanvila@debian.org>", ""},

		// Debian's, under an address of their own.
		{"Theodore Y. Ts'o <tytso@mit.edu>", ""},
		{"Alex Doyle <adoyle@nvidia.com>", ""},
		{"Markus Teich <mteich@google.com>", ""},

		// What looks like an address and is not.
		{"support@docker.com <me@example.org>", ""},
		{"<support@docker.com> <me@debian.org>", ""},
		{"support@docker.com", ""},
		{"Docker <support@notdocker.com>", ""},
		{"Docker <support@docker.com.example.org>", ""},
		{"Docker <support@docker.com", ""},
		{"X <me@evildebian.org>", ""},
		{"<>", ""},
		{"", ""},
	}
	for _, tt := range tests {
		vendor, ok := ThirdParty(inventory.Package{Type: "deb", Name: "docker-ce", Version: "5:27.3.1-1~debian.12~bookworm", Maintainer: tt.maintainer})
		assert.Equalf(t, tt.vendor, vendor, "ThirdParty, %q", tt.maintainer)
		assert.Equalf(t, tt.vendor != "", ok, "ThirdParty, %q", tt.maintainer)
	}
	for _, tt := range []struct{ vendor, packager, want string }{
		{"MongoDB Inc.", "MongoDB Inc. <support@mongodb.com>", "MongoDB"}, // as its packages have it
		{"Docker <support@docker.com>", "", "Docker"},
		{"Microsoft Corporation", "Azure Linux <x@microsoft.com>", ""}, // has a distribution
		{"CentOS", "CentOS BuildSystem <http://bugs.centos.org>", ""},
		{"Fedora Project", "Fedora Project", ""},
		{"Red Hat, Inc.", "Red Hat, Inc. <http://bugzilla.redhat.com/bugzilla>", ""},
		{"", "", ""},
	} {
		vendor, ok := ThirdParty(inventory.Package{Type: "rpm", Vendor: tt.vendor, Maintainer: tt.packager})
		assert.Equalf(t, tt.want, vendor, "ThirdParty, vendor %q, packager %q", tt.vendor, tt.packager)
		assert.Equal(t, tt.want != "", ok)
	}
	_, ok := ThirdParty(inventory.Package{Type: "pypi", Maintainer: "Docker <support@docker.com>"})
	assert.False(t, ok, "ThirdParty of a package that no distribution has")
}

func FuzzThirdParty(f *testing.F) {
	f.Add("Docker <support@docker.com>")
	f.Add("<a@b><")
	f.Fuzz(func(t *testing.T, maintainer string) {
		vendor, ok := ThirdParty(inventory.Package{Type: "deb", Maintainer: maintainer})
		require.Equal(t, vendor != "", ok)
		_, ok = ThirdParty(inventory.Package{Type: "deb", Maintainer: maintainer + " <x@lists.debian.org>"})
		require.False(t, ok)
	})
}

func TestNoAllocs(t *testing.T) {
	for _, maintainer := range []string{
		"Docker Packaging Team <team+docker@tracker.debian.org>",
		"Somebody With a Long Name <somebody.with.a.long.name@mail.example.org>",
		"Docker <support@docker.com>",
	} {
		p := inventory.Package{Type: "deb", Maintainer: maintainer}
		assert.Zerof(t, testing.AllocsPerRun(100, func() { ThirdParty(p) }), "ThirdParty runs for every package, %q", maintainer)
	}
}

func ExampleLookup() {
	for _, os := range []inventory.OS{
		{ID: "debian", Version: "12", Codename: "bookworm"},
		{ID: "linuxmint", Version: "21.2", Codename: "victoria", IDLike: []string{"ubuntu", "debian"}},
	} {
		d := Lookup(os)
		if d.Ecosystem == "" {
			fmt.Println(d.Reason)
			continue
		}
		fmt.Println(d.Ecosystem, d.Scheme, d.EndOfLife.Format(time.DateOnly))
	}
	// Output:
	// Debian:12 deb 2028-06-30
	// the distribution "linuxmint" is not known, and not which release of "ubuntu" it derives from
}

func BenchmarkLookup(b *testing.B) {
	os := inventory.OS{ID: "debian", Version: "12", Codename: "bookworm"}
	b.ReportAllocs()
	for b.Loop() {
		if Lookup(os).Ecosystem == "" {
			b.Fatal("no ecosystem")
		}
	}
}

func BenchmarkThirdParty(b *testing.B) {
	p := inventory.Package{Type: "deb", Maintainer: "Docker <support@docker.com>"}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := ThirdParty(p); !ok {
			b.Fatal("not a third party")
		}
	}
}
