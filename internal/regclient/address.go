package regclient

import (
	"net/netip"
	"net/url"
	"strings"
)

// A reach is from where an address can be reached, the nearer the greater.
type reach int32

const (
	public   reach = iota
	private        // from a network that is not the internet
	loopback       // from the same machine
	link           // from the same link, or from nowhere
)

// Networks that netip does not know to be private.
var (
	sharedNet = netip.MustParsePrefix("100.64.0.0/10")  // RFC 6598
	benchNet  = netip.MustParsePrefix("198.18.0.0/15")  // RFC 2544
	futureNet = netip.MustParsePrefix("240.0.0.0/4")    // RFC 1112, with broadcast
	zeroNet   = netip.MustParsePrefix("0.0.0.0/8")      // RFC 1122: this host
	siteNet   = netip.MustParsePrefix("fec0::/10")      // RFC 3879
	nat64Net  = netip.MustParsePrefix("64:ff9b::/96")   // RFC 6052
	sixTo4Net = netip.MustParsePrefix("2002::/16")      // RFC 3056
	v4Compat  = netip.MustParsePrefix("::/96")          // RFC 4291, 2.5.5.1
	nat64Own  = netip.MustParsePrefix("64:ff9b:1::/48") // RFC 8215
)

// reachOf tells from where an address can be reached. Addresses of version 6
// that stand for one of version 4 are as near as that.
func reachOf(ip netip.Addr) reach {
	ip = ip.Unmap().WithZone("")
	if ip.IsLoopback() || ip.IsUnspecified() || ip.Is4() && zeroNet.Contains(ip) {
		return loopback
	}
	if ip.Is6() {
		raw := ip.As16()
		switch {
		case nat64Net.Contains(ip), v4Compat.Contains(ip):
			return reachOf(netip.AddrFrom4([4]byte(raw[12:])))
		case sixTo4Net.Contains(ip):
			return reachOf(netip.AddrFrom4([4]byte(raw[2:6])))
		case siteNet.Contains(ip), nat64Own.Contains(ip):
			return private
		}
	}
	switch {
	case ip.IsLinkLocalUnicast(), ip.IsMulticast(), futureNet.Contains(ip):
		return link
	case ip.IsPrivate(), sharedNet.Contains(ip), benchNet.Contains(ip):
		return private
	}
	return public
}

// reachOfHost tells as much of a host as its name alone does: for names that
// is nothing, but for those of the same machine.
func reachOfHost(host string) reach {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761, 6.3
		return loopback
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return reachOf(ip)
	}
	return public
}

// hostPort is the host of a URL with its port.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// belongs reports whether a token server may have the credentials of a
// registry that names it: it is on the same host, or both are in the same domain
// as far as that can be told without a list of all public suffixes.
func belongs(registry, server string) bool {
	registry, server = strings.ToLower(registry), strings.ToLower(server)
	if registry == server {
		return true
	}
	if _, err := netip.ParseAddr(registry); err == nil {
		return false
	}
	if _, err := netip.ParseAddr(server); err == nil {
		return false
	}
	a, b := domain(registry), domain(server)
	return a != "" && a == b
}

// domain is the end of a name that one owner has: two labels, three where the
// second is as short as in "co.uk", and empty if the name has fewer.
func domain(host string) string {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	n := 2
	if len(labels) > 2 && len(labels[len(labels)-1]) == 2 && len(labels[len(labels)-2]) <= 3 {
		n = 3
	}
	if len(labels) < n {
		return ""
	}
	return strings.Join(labels[len(labels)-n:], ".")
}
