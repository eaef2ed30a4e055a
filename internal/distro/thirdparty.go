package distro

import (
	"cmp"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// ThirdParty reports whether a package of a distribution's package format
// comes from somebody else, so that the distribution's advisories say nothing
// of it, and names the vendor.
//
// It knows vendors who publish Debian packages, by the address of the
// maintainer, and nobody else: many who maintain packages for Debian do so
// under an address of their own, so that an unknown one means nothing. A
// vendor counts with its whole domain only if no package of Debian 12 has a
// maintainer there; of nvidia.com and google.com, where some have, only the
// addresses that stand in the vendor's own repositories count. An address of Debian or Ubuntu is never a third party's,
// whatever is installed under it: packages of apt.postgresql.org, say, keep
// Debian's maintainers, and follow Debian's versions too.
//
// Of rpm packages it knows the same vendors by the addresses of packager and
// vendor, but for Microsoft, which makes a distribution of its own.
func ThirdParty(p inventory.Package) (vendor string, ok bool) {
	switch p.Type {
	case "deb":
		vendor = vendorOf(address(p.Maintainer))
	case "rpm":
		vendor = cmp.Or(vendorOfPackager(address(p.Maintainer)), vendorOfPackager(address(p.Vendor)))
	}
	return vendor, vendor != ""
}

// vendorOfPackager knows vendors of rpm packages.
func vendorOfPackager(addr string) string {
	if strings.HasSuffix(addr, "@mongodb.com") {
		return "MongoDB"
	}
	if vendor := vendorOf(addr); vendor != "Microsoft" {
		return vendor
	}
	return ""
}

func vendorOf(addr string) string {
	_, domain, ok := strings.Cut(addr, "@")
	if !ok {
		return ""
	}
	return cmp.Or(vendorOfAddress(addr), vendorOfDomain(domain))
}

// address returns the address in "NAME <ADDRESS>", in lower case. What is not
// in angle brackets is none: a name can hold an "@".
// https://www.debian.org/doc/debian-policy/ch-controlfields.html, 5.6.2
func address(maintainer string) string {
	open := strings.LastIndexByte(maintainer, '<')
	if open < 0 {
		return ""
	}
	inside, _, closed := strings.Cut(maintainer[open+1:], ">")
	if !closed {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(inside))
}

// vendorOfAddress knows vendors by an address, where others of the same domain
// maintain packages of Debian or may well do.
func vendorOfAddress(address string) string {
	switch address {
	case "cudatools@nvidia.com", "linux-bugs@nvidia.com":
		return "NVIDIA"
	case "chromium-dev@google.com", "linux-packages-keymaster@google.com":
		return "Google"
	case "packaging@mongodb.com":
		return "MongoDB"
	case "maria-developers@lists.launchpad.net", "developers@lists.mariadb.org":
		return "MariaDB"
	case "mysql-build@oss.oracle.com":
		return "Oracle"
	case "opensource@github.com":
		return "GitHub"
	}
	return ""
}

// vendorOfDomain knows vendors by their domain.
func vendorOfDomain(domain string) string {
	switch domain {
	case "docker.com", "docker.io":
		return "Docker"
	case "hashicorp.com":
		return "HashiCorp"
	case "microsoft.com":
		return "Microsoft"
	case "mariadb.com":
		return "MariaDB"
	case "elastic.co", "elasticsearch.com", "elasticsearch.org":
		return "Elastic"
	case "nginx.com", "f5.com":
		return "NGINX"
	case "nodesource.com":
		return "NodeSource"
	case "gitlab.com":
		return "GitLab"
	case "grafana.com":
		return "Grafana"
	case "influxdata.com":
		return "InfluxData"
	case "datadoghq.com":
		return "Datadog"
	case "newrelic.com":
		return "New Relic"
	case "percona.com":
		return "Percona"
	case "redis.com", "redis.io":
		return "Redis"
	case "confluent.io":
		return "Confluent"
	case "cloudflare.com":
		return "Cloudflare"
	case "tailscale.com":
		return "Tailscale"
	case "azul.com", "azulsystems.com":
		return "Azul"
	case "clickhouse.com":
		return "ClickHouse"
	case "neo4j.com":
		return "Neo4j"
	}
	return ""
}
