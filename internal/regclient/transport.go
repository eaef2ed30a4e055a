package regclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imagevet/imagevet/scan/image/registry"
)

const defaultUserAgent = "imagevet"

// A Guard sends the requests that are made on behalf of one registry, and
// refuses what must not be sent: see package registry. It also sets the user
// agent.
//
// go-containerregistry tries plain HTTP by itself for all private networks,
// follows redirects to it and does not look up names.
type Guard struct {
	host   string            // the registry's, with its port if that is stated
	home   http.RoundTripper // to the registry
	away   http.RoundTripper // to other hosts
	config *registry.Config
	// insecure is that of the configuration, or of the rule for the registry.
	insecure bool
	// origin is how near the registry is: a reach, or unknown.
	origin  atomic.Int32
	proxies sync.Map // the addresses of proxies: they can be anywhere
	secrets secrets
	stall   time.Duration
	close   []func()
}

// NewGuard returns the guard of a registry. [Guard.Close] closes its
// connections, unless they are the caller's.
func NewGuard(reg name.Registry, config *registry.Config, insecure bool) (*Guard, error) {
	g := &Guard{host: strings.ToLower(reg.RegistryStr()), config: config, insecure: insecure, stall: stallTimeout}
	host := g.host
	if u, err := url.Parse("//" + g.host); err == nil {
		host = u.Hostname()
	}
	g.origin.Store(unknown)
	if near := reachOfHost(host); near != public {
		g.origin.Store(int32(near))
	}
	switch callers, ok := config.Transport.(*http.Transport); {
	case config.Transport == nil:
		trusted, err := g.tlsConfig(host)
		if err != nil {
			return nil, err
		}
		foreign := trusted.Clone()
		foreign.Certificates = nil
		if config.CertsDir != "" { // what is trusted for this registry alone
			if foreign.RootCAs, err = rootCAs(config.RootCAs); err != nil {
				return nil, err
			}
		}
		g.home, g.away = g.own(trusted, g.learn), g.own(foreign, g.check)
	case ok && insecure:
		own := callers.Clone()
		if own.TLSClientConfig == nil {
			own.TLSClientConfig = &tls.Config{}
		}
		own.TLSClientConfig.InsecureSkipVerify = true
		g.close = append(g.close, own.CloseIdleConnections)
		g.home, g.away = own, own
	default:
		g.home, g.away = config.Transport, config.Transport
	}
	return g, nil
}

// Close closes idle connections. It is safe to call it again.
func (g *Guard) Close() error {
	for _, f := range g.close {
		f()
	}
	return nil
}

// own returns a transport that passes the addresses it connects to, which names
// stand for, to a function that can refuse them. It does not for proxies.
func (g *Guard) own(config *tls.Config, look func(netip.AddrPort) error) *http.Transport {
	direct := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	watched := *direct
	watched.Control = func(_, address string, _ syscall.RawConn) error {
		ip, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return look(ip)
	}
	t := &http.Transport{
		Proxy: func(req *http.Request) (*url.URL, error) {
			u, err := http.ProxyFromEnvironment(req)
			if u != nil && err == nil {
				g.proxies.Store(proxyAddress(u), true)
			}
			return u, err
		},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if _, ok := g.proxies.Load(strings.ToLower(address)); ok {
				return direct.DialContext(ctx, network, address)
			}
			return watched.DialContext(ctx, network, address)
		},
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		TLSClientConfig:       config,
	}
	g.close = append(g.close, t.CloseIdleConnections)
	return t
}

func proxyAddress(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return strings.ToLower(net.JoinHostPort(u.Hostname(), port))
}

// unknown is the origin before the first connection, and where a proxy makes
// them: as if it were public.
const unknown = -1

// learn notes how near the registry is: as the farthest of its addresses, as
// only that is sure to be it. A name can stand for any, and the registry's owner
// says for which.
func (g *Guard) learn(a netip.AddrPort) error {
	near := int32(reachOf(a.Addr()))
	for {
		old := g.origin.Load()
		if old != unknown && old <= near || g.origin.CompareAndSwap(old, near) {
			return nil
		}
	}
}

func (g *Guard) check(a netip.AddrPort) error {
	if g.allowed(reachOf(a.Addr())) {
		return nil
	}
	return fmt.Errorf("address %s: %w", a.Addr(), registry.ErrAddress)
}

// allowed reports whether the registry may send the client to where only what
// is so near gets.
func (g *Guard) allowed(to reach) bool {
	return g.config.Unrestricted || to == public || to != link && to <= reach(g.origin.Load())
}

// tlsConfig is that of connections to the registry.
func (g *Guard) tlsConfig(host string) (*tls.Config, error) {
	roots, err := rootCAs(g.config.RootCAs)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{RootCAs: roots, Certificates: g.config.Certificates, InsecureSkipVerify: g.insecure}
	if g.config.CertsDir == "" {
		return c, nil
	}
	folders := []string{g.host, host}
	if host == "index.docker.io" { // as go-containerregistry calls Docker Hub
		folders = append(folders, "docker.io")
	}
	for _, folder := range folders {
		// ":" cannot be in a name everywhere.
		dir := filepath.Join(g.config.CertsDir, filepath.FromSlash(folder))
		if !filepath.IsLocal(folder) {
			continue
		}
		found, err := addCerts(c, dir, g.config.RootCAs)
		if err != nil {
			return nil, err
		}
		if found {
			break
		}
	}
	return c, nil
}

func rootCAs(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil // those of the system
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in PEM")
	}
	return pool, nil
}

// maxCert bounds a file with certificates, in bytes.
const maxCert = 1 << 20

// addCerts adds the certificates in a folder, and reports whether there is
// one.
func addCerts(c *tls.Config, dir string, more []byte) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("certificates: %w", err)
	}
	pem := append([]byte(nil), more...)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch filepath.Ext(path) {
		case ".crt":
			data, err := readSmall(path)
			if err != nil {
				return false, fmt.Errorf("certificates: %w", err)
			}
			if !x509.NewCertPool().AppendCertsFromPEM(data) {
				return false, fmt.Errorf("certificates: %q has none in PEM", path)
			}
			pem = append(append(pem, '\n'), data...)
		case ".cert":
			cert, err := tls.LoadX509KeyPair(path, strings.TrimSuffix(path, ".cert")+".key")
			if err != nil {
				return false, fmt.Errorf("certificates: %q: %w", path, err)
			}
			c.Certificates = append(c.Certificates[:len(c.Certificates):len(c.Certificates)], cert)
		}
	}
	c.RootCAs, err = rootCAs(pem)
	return true, err
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCert+1))
	if err == nil && len(data) > maxCert {
		return nil, fmt.Errorf("%q has more than %d bytes", path, maxCert)
	}
	return data, err
}

// RoundTrip implements [http.RoundTripper].
func (g *Guard) RoundTrip(req *http.Request) (*http.Response, error) {
	next, err := g.route(req)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	g.secrets.noteHeader(req.Header)
	ctx, cancel := context.WithCancelCause(req.Context())
	req = req.Clone(ctx)
	agent := g.config.UserAgent
	if agent == "" {
		agent = defaultUserAgent
	}
	req.Header.Set("User-Agent", agent)
	// Where a redirect comes from is of no interest to others, and may hold
	// what signs it.
	req.Header.Del("Referer")
	resp, err := next.RoundTrip(req)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	body := &watchedBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, stall: g.stall, left: -1}
	if strings.HasSuffix(req.URL.Path, "/v2/") {
		body.left = maxPing
	}
	resp.Body = body
	return resp, nil
}

const (
	// stallTimeout is how long the body of an answer may stop to arrive before
	// its connection counts as broken.
	stallTimeout = time.Minute

	// maxPing bounds the answer to the first request, in bytes, which
	// go-containerregistry reads to its end. Nothing is expected in it.
	maxPing = 64 << 10
)

var errStalled = errors.New("nothing arrived for too long")

// A watchedBody is the body of an answer. Reading it fails if it stalls. The
// time between reads is the caller's.
type watchedBody struct {
	io.ReadCloser
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
	left   int64 // how much is read before it ends, negative for all
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if b.left > 0 {
		p = p[:min(int64(len(p)), b.left)]
	}
	if b.timer == nil {
		b.timer = time.AfterFunc(b.stall, func() { b.cancel(errStalled) })
	} else {
		b.timer.Reset(b.stall)
	}
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if b.left > 0 {
		b.left -= int64(n)
	}
	if err != nil && err != io.EOF && errors.Is(context.Cause(b.ctx), errStalled) {
		err = errStalled
	}
	return n, err
}

func (b *watchedBody) Close() error {
	if b.timer != nil {
		b.timer.Stop()
	}
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}

// route returns what sends a request, or why it must not be sent.
func (g *Guard) route(req *http.Request) (http.RoundTripper, error) {
	host := req.URL.Hostname()
	near := reachOfHost(host)
	switch req.URL.Scheme {
	case "https":
	case "http":
		if !g.insecure && near != loopback {
			return nil, fmt.Errorf("host %q: %w", req.URL.Host, registry.ErrPlainHTTP)
		}
	default:
		return nil, fmt.Errorf("scheme %q: %w", req.URL.Scheme, registry.ErrAddress)
	}
	own := *req.URL
	own.Host = g.host
	if hostPort(req.URL) == hostPort(&own) {
		return g.home, nil
	}
	if !g.allowed(near) {
		return nil, fmt.Errorf("host %q: %w", req.URL.Host, registry.ErrAddress)
	}
	if carriesCredentials(req) && !belongs(own.Hostname(), host) && !g.listed(req.URL) {
		return nil, fmt.Errorf("host %q: %w", req.URL.Host, registry.ErrTokenHost)
	}
	return g.away, nil
}

// carriesCredentials reports whether a request has what the user is known by: a
// password, or the form in which a token is asked for with another. A bearer
// token for another host is one that nobody gave credentials for:
// go-containerregistry sends the registry's to the registry only.
func carriesCredentials(req *http.Request) bool {
	scheme, _, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	return scheme != "" && !strings.EqualFold(scheme, "Bearer") ||
		strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

func (g *Guard) listed(u *url.URL) bool {
	for _, host := range g.config.TokenHosts {
		if strings.EqualFold(host, u.Hostname()) || strings.EqualFold(host, u.Host) {
			return true
		}
	}
	return false
}
