package regclient

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"path"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// MaxManifest bounds a manifest that a registry sends, in bytes.
const MaxManifest = 4 << 20

// ErrPlainHTTP is why a request was not sent.
var ErrPlainHTTP = errors.New("refused to use plain HTTP, which WithInsecure allows")

// A Guard sends requests that go-containerregistry makes and that suit us.
//
// go-containerregistry tries plain HTTP by itself for all private networks, and
// follows redirects to it. And it reads manifests of up to 100 MiB.
type Guard struct {
	Asked    string // the reference, for errors
	Next     http.RoundTripper
	Insecure bool
}

// NewTransport returns the transport for what a reference names, on top of
// that of the caller, which may be nil, and what closes its connections unless
// they are the caller's.
func NewTransport(asked string, callers http.RoundTripper, insecure bool) (*Guard, func() error) {
	next, own := callers, (*http.Transport)(nil)
	switch base, ok := callers.(*http.Transport); {
	case callers == nil:
		own = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConnsPerHost:   8,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second,
		}
	case ok && insecure:
		own = base.Clone()
	}
	closeIdle := func() error { return nil }
	if own != nil {
		if insecure {
			if own.TLSClientConfig == nil {
				own.TLSClientConfig = &tls.Config{}
			}
			own.TLSClientConfig.InsecureSkipVerify = true
		}
		next = own
		closeIdle = func() error {
			own.CloseIdleConnections()
			return nil
		}
	}
	return &Guard{Asked: asked, Next: next, Insecure: insecure}, closeIdle
}

// RoundTrip implements [http.RoundTripper].
func (g *Guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !g.Insecure && !isLoopback(req.URL.Hostname()) {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, fmt.Errorf("host %q: %w", req.URL.Host, ErrPlainHTTP)
	}
	resp, err := g.Next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK && strings.Contains(req.URL.Path, "/manifests/") {
		b := &manifestBody{asked: g.Asked, ReadCloser: resp.Body}
		if h, err := v1.NewHash(path.Base(req.URL.Path)); err == nil && h.Algorithm == "sha256" {
			b.want, b.hash = h.String(), sha256.New()
		}
		resp.Body = b
	}
	return resp, nil
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761, 6.3
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// A manifestBody is a manifest on its way from a registry. It fails if it is too
// long or, where it was asked for by digest, does not have that.
type manifestBody struct {
	asked string
	io.ReadCloser
	n    int64
	want string    // empty if it was asked for by tag
	hash hash.Hash // nil if want is empty
}

func (b *manifestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.n += int64(n); b.n > MaxManifest {
		return 0, fmt.Errorf("manifest of more than %d bytes: %w", MaxManifest, inventory.ErrTooLarge)
	}
	if b.hash == nil {
		return n, err
	}
	b.hash.Write(p[:n])
	if err == io.EOF {
		if got := fmt.Sprintf("sha256:%x", b.hash.Sum(nil)); got != b.want {
			return n, &inventory.DigestError{Name: b.asked, Want: b.want, Got: got, WantSize: b.n, GotSize: b.n}
		}
	}
	return n, err
}
