package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// A Config says how registries are talked to. The zero value is safe and
// useful. It must not be changed once it was handed over.
type Config struct {
	// Keychain finds credentials. Nil stands for [DefaultKeychain].
	Keychain authn.Keychain

	// Transport is what requests are sent through. Nil stands for a transport
	// for each image or database, which obeys the proxy settings of the
	// environment, waits 10 seconds for a connection and 30 for the head of
	// an answer, and is closed with it. With a transport of the caller's,
	// addresses that a name stands for are not looked at: see the package
	// comment.
	Transport http.RoundTripper

	// Insecure allows plain HTTP to any registry, and TLS without looking at
	// the certificate: whoever is in between can read the credentials and
	// replace what is pulled. With a Transport that is no *http.Transport, the
	// certificate is looked at as that says. The default is false: plain
	// HTTP is used for registries on the same machine only, such as
	// "localhost:5000".
	Insecure bool

	// RootCAs are certificates in PEM that are trusted beside the system's.
	RootCAs []byte

	// Certificates are client certificates. One is shown to a registry, or a
	// mirror, that asks for it, and to no host that it sends the client to.
	Certificates []tls.Certificate

	// CertsDir is a folder with certificates for single registries, as Docker
	// and Podman have at /etc/docker/certs.d and /etc/containers/certs.d: in a
	// sub-folder that is called as the registry ("registry.example:5000"), all
	// *.crt are trusted for it, and *.cert with *.key of the same name are
	// client certificates. Empty stands for none.
	CertsDir string

	// UserAgent is what the client calls itself. Empty stands for "imagevet".
	UserAgent string

	// Rules say which mirrors are asked. Nil stands for none.
	Rules *Rules

	// TokenHosts are hosts whose token servers may get the credentials of any
	// registry that names them, beside those that need not be listed: the
	// registry's own host, and hosts that share the last two labels of their
	// name with it (three below suffixes such as "co.uk"), as auth.docker.io
	// does with registry-1.docker.io. A token server on another host is asked
	// without credentials, if there are none to be sent, and is [ErrTokenHost]
	// otherwise.
	TokenHosts []string

	// ForeignLayers allows layers that the registry does not have to be
	// fetched from the addresses in the manifest, as base layers of Windows
	// are. Their digest is verified as that of others is. The default is that
	// such a layer is [ErrForeignLayer].
	ForeignLayers bool

	// Unrestricted allows a registry to send the client to any address by
	// redirects, token servers and addresses of layers. Do not use it with
	// registries that others control where the client can reach what they
	// cannot. A token server that is named by an IP address of an inner network
	// stays refused if it is not the registry itself: give it a name. The
	// default is what the package comment says.
	Unrestricted bool

	// Attempts is how often a request is sent before its failure counts, if
	// the failure is one that may pass: status 408, 429, 500, 502, 503 and
	// 504, and connections that break. A layer is asked for again where it
	// stopped, and each time that something of it arrived counts anew, up to
	// 100 times. Pauses are 0.2 seconds, then three times as long each time,
	// up to 10 seconds, or what the registry asks for by Retry-After. 0
	// stands for 5.
	Attempts int

	// MaxLayerBytes bounds the size that a manifest states for a layer as it is
	// sent, and so what is read of it. More is an error that wraps
	// inventory.ErrTooLarge. 0 stands for 64 GiB: what is known of registries
	// is that they take some 50 GiB.
	MaxLayerBytes int64

	// MaxWait bounds how long one request waits because a registry asks for
	// it by Retry-After. If it asks for more, that is an error at once. So it
	// is if the context ends before. 0 stands for one minute.
	MaxWait time.Duration
}

// Validate reports what is wrong with a configuration. Those who use one call
// it.
func (c *Config) Validate() error {
	own := len(c.RootCAs) > 0 || len(c.Certificates) > 0 || c.CertsDir != ""
	switch {
	case c.Transport != nil && own:
		return errors.New("registry: RootCAs, Certificates and CertsDir are for the default transport: configure Transport itself")
	case len(c.RootCAs) > 0 && !x509.NewCertPool().AppendCertsFromPEM(c.RootCAs):
		return errors.New("registry: RootCAs has no certificate in PEM")
	case c.Attempts < 0:
		return fmt.Errorf("registry: Attempts is %d, must not be negative", c.Attempts)
	case c.MaxLayerBytes < 0:
		return fmt.Errorf("registry: MaxLayerBytes is %d, must not be negative", c.MaxLayerBytes)
	case c.MaxWait < 0:
		return fmt.Errorf("registry: MaxWait is %v, must not be negative", c.MaxWait)
	case strings.ContainsFunc(c.UserAgent, func(r rune) bool { return r < ' ' || r > '~' }):
		return fmt.Errorf("registry: UserAgent is %q, must be printable ASCII", c.UserAgent)
	}
	for _, host := range c.TokenHosts {
		if host == "" || strings.ContainsAny(host, "/@ ") {
			return fmt.Errorf("registry: TokenHosts has %q, which is no host", host)
		}
	}
	if c.Rules != nil {
		return c.Rules.Validate()
	}
	return nil
}
