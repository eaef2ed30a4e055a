package image

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

// errPlainHTTP is why a request was not sent.
var errPlainHTTP = errors.New("refused to use plain HTTP, which WithInsecure allows")

// A guard sends requests that go-containerregistry makes and that suit us.
//
// go-containerregistry tries plain HTTP by itself for all private networks, and
// follows redirects to it. And it reads manifests of up to 100 MiB.
type guard struct {
	asked    string // the reference, for errors
	next     http.RoundTripper
	insecure bool
}

// newTransport returns the transport for one image, and what closes its
// connections unless they are the caller's.
func newTransport(asked string, c *config) (*guard, func() error) {
	next, own := c.transport, (*http.Transport)(nil)
	switch base, ok := c.transport.(*http.Transport); {
	case c.transport == nil:
		own = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConnsPerHost:   8,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second,
		}
	case ok && c.insecure:
		own = base.Clone()
	}
	closeIdle := func() error { return nil }
	if own != nil {
		if c.insecure {
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
	return &guard{asked: asked, next: next, insecure: c.insecure}, closeIdle
}

// RoundTrip implements [http.RoundTripper].
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !g.insecure && !isLoopback(req.URL.Hostname()) {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, fmt.Errorf("host %q: %w", req.URL.Host, errPlainHTTP)
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK && strings.Contains(req.URL.Path, "/manifests/") {
		b := &manifestBody{asked: g.asked, ReadCloser: resp.Body}
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
	if b.n += int64(n); b.n > maxManifest {
		return 0, fmt.Errorf("manifest of more than %d bytes: %w", maxManifest, inventory.ErrTooLarge)
	}
	if b.hash == nil {
		return n, err
	}
	b.hash.Write(p[:n])
	if err == io.EOF {
		if got := fmt.Sprintf("sha256:%x", b.hash.Sum(nil)); got != b.want {
			return n, &DigestError{Name: b.asked, Want: b.want, Got: got, WantSize: b.n, GotSize: b.n}
		}
	}
	return n, err
}
