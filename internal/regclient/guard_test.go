package regclient

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan/image/registry"
)

func TestReachOf(t *testing.T) {
	for text, want := range map[string]reach{
		"1.1.1.1": public, "8.8.8.8": public, "2606:4700::1111": public, "172.32.0.1": public,
		"10.1.2.3": private, "172.16.0.1": private, "192.168.1.1": private, "fd00:ec2::254": private, "100.100.100.200": private, "fec0::1": private,
		"127.0.0.1": loopback, "127.9.9.9": loopback, "::1": loopback, "0.0.0.0": loopback, "0.1.2.3": loopback, "::": loopback,
		"169.254.169.254": link, "fe80::1": link, "fe80::1%eth0": link, "224.0.0.1": link, "ff02::1": link, "255.255.255.255": link,
		// Addresses of version 6 that stand for others.
		"::ffff:169.254.169.254": link, "::ffff:127.0.0.1": loopback, "64:ff9b::a9fe:a9fe": link, "2002:7f00:1::": loopback, "::127.0.0.1": loopback,
	} {
		assert.Equal(t, want, reachOf(netip.MustParseAddr(text)), text)
	}
	for text, want := range map[string]reach{
		"localhost": loopback, "LOCALHOST.": loopback, "a.localhost": loopback, "localhost.example": public, "169.254.169.254": link, "example.com": public,
		"127.0.0.1.example": public, "": public,
	} {
		assert.Equal(t, want, reachOfHost(text), text)
	}
}

func TestBelongs(t *testing.T) {
	for _, pair := range []string{ // as they are in use
		"index.docker.io auth.docker.io", "registry.gitlab.com gitlab.com", "docker.elastic.co docker-auth.elastic.co",
		"registry.digitalocean.com api.digitalocean.com", "ghcr.io ghcr.io", "Quay.io quay.IO", "registry.connect.redhat.com sso.redhat.com",
		"registry.example.co.uk auth.example.co.uk", "localhost localhost", "10.0.0.1 10.0.0.1",
	} {
		a, b, _ := strings.Cut(pair, " ")
		assert.Truef(t, belongs(a, b), "%s", pair)
		assert.Truef(t, belongs(b, a), "%s, the other way round", pair)
	}
	for _, pair := range []string{
		"registry.example.com auth.example.org", "example.com example.org", "registry.co.uk other.co.uk", "a.com b.com", "10.0.0.1 10.0.0.2",
		"registry auth", "evil-docker.io auth.docker.io", "docker.io docker.io.evil.example", "1.0.0.1 9.0.0.1",
	} {
		a, b, _ := strings.Cut(pair, " ")
		assert.Falsef(t, belongs(a, b), "%s", pair)
		assert.Falsef(t, belongs(b, a), "%s, the other way round", pair)
	}
}

// A capture answers nothing and notes what it would have sent.
type capture struct {
	mu   sync.Mutex
	sent []*http.Request
}

func (c *capture) RoundTrip(req *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, req)
	return nil, errors.New("not sent")
}

func guardOf(tb testing.TB, host string, config registry.Config) *Guard {
	tb.Helper()
	reg, err := name.NewRegistry(host)
	require.NoError(tb, err)
	g, err := NewGuard(reg, &config, config.Insecure)
	require.NoError(tb, err)
	tb.Cleanup(func() { g.Close() })
	return g
}

// TestGuard sends what a registry may lead to.
func TestGuard(t *testing.T) {
	basic := http.Header{"Authorization": {"Basic dTpw"}}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	tests := []struct {
		registry, url string
		header        http.Header
		config        registry.Config
		want          error
	}{
		{registry: "registry.example", url: "https://registry.example/v2/", header: basic},
		{registry: "registry.example", url: "https://registry.example:443/v2/", header: basic},
		{registry: "registry.example", url: "https://cdn.example/blob"},
		{registry: "registry.example", url: "http://registry.example/v2/", want: registry.ErrPlainHTTP},
		{registry: "registry.example", url: "http://cdn.example/blob", want: registry.ErrPlainHTTP},
		{registry: "registry.example", url: "http://cdn.example/blob", config: registry.Config{Insecure: true}},
		{registry: "registry.example", url: "file:///etc/passwd", want: registry.ErrAddress},
		{registry: "registry.example", url: "gopher://cdn.example/", want: registry.ErrAddress, config: registry.Config{Unrestricted: true}},
		{registry: "registry.example", url: "https://169.254.169.254/latest/meta-data", want: registry.ErrAddress},
		{registry: "registry.example", url: "http://169.254.169.254/latest", want: registry.ErrAddress, config: registry.Config{Insecure: true}},
		{registry: "registry.example", url: "https://[fe80::1]/", want: registry.ErrAddress},
		{registry: "registry.example", url: "https://[::ffff:10.0.0.1]/", want: registry.ErrAddress},
		{registry: "registry.example", url: "https://10.0.0.1/", want: registry.ErrAddress},
		{registry: "registry.example", url: "https://localhost:9200/", want: registry.ErrAddress},
		{registry: "registry.example", url: "https://10.0.0.1/", config: registry.Config{Unrestricted: true}},
		// A registry may send to what is as near as itself.
		{registry: "10.0.0.1:5000", url: "https://10.0.0.2/"},
		{registry: "10.0.0.1:5000", url: "https://127.0.0.1/", want: registry.ErrAddress},
		{registry: "10.0.0.1:5000", url: "https://169.254.169.254/", want: registry.ErrAddress},
		{registry: "localhost:5000", url: "http://127.0.0.1:5001/"},
		{registry: "localhost:5000", url: "https://169.254.169.254/", want: registry.ErrAddress},
		{registry: "169.254.1.1:5000", url: "https://169.254.1.1:5000/v2/"}, // who asks for it gets it
		// Credentials.
		{registry: "registry.example", url: "https://evil.test/token", header: basic, want: registry.ErrTokenHost},
		{registry: "registry.example", url: "https://evil.test/token", header: form, want: registry.ErrTokenHost},
		{registry: "registry.corp.example", url: "https://auth.corp.example/token", header: basic},
		{registry: "registry.example", url: "https://login.test/token", header: basic, config: registry.Config{TokenHosts: []string{"login.test"}}},
		{registry: "registry.example", url: "https://login.test:8443/token", header: form, config: registry.Config{TokenHosts: []string{"login.test:8443"}}},
		{registry: "localhost:5000", url: "https://localhost:5001/token", header: basic},
		{registry: "index.docker.io", url: "https://auth.docker.io/token", header: basic},
	}
	for _, tt := range tests {
		c := &capture{}
		tt.config.Transport = c
		g := guardOf(t, tt.registry, tt.config)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tt.url, strings.NewReader("x"))
		require.NoError(t, err)
		maps.Copy(req.Header, tt.header)
		_, err = g.RoundTrip(req)
		if tt.want == nil {
			assert.Lenf(t, c.sent, 1, "%s to %s: %v", tt.registry, tt.url, err)
			continue
		}
		assert.ErrorIsf(t, err, tt.want, "%s to %s", tt.registry, tt.url)
		assert.Emptyf(t, c.sent, "%s to %s", tt.registry, tt.url)
	}
}

func TestUserAgent(t *testing.T) {
	for set, want := range map[string]string{"": "imagevet", "fleet/1.2": "fleet/1.2"} {
		c := &capture{}
		g := guardOf(t, "registry.example", registry.Config{Transport: c, UserAgent: set})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://registry.example/", nil)
		require.NoError(t, err)
		req.Header.Set("User-Agent", "other")
		_, _ = g.RoundTrip(req)
		require.Len(t, c.sent, 1)
		assert.Equal(t, want, c.sent[0].Header.Get("User-Agent"))
		assert.Equal(t, "other", req.Header.Get("User-Agent"), "the caller's request is not changed")
	}
}

// TestNamesAreLookedUp connects to a name that stands for this machine.
func TestNamesAreLookedUp(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	g := guardOf(t, "registry.example", registry.Config{})
	away, ok := g.away.(*http.Transport)
	require.True(t, ok)
	// A resolver that is ours stands in for one that lies.
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	require.NoError(t, err)
	_, err = away.DialContext(t.Context(), "tcp", "localhost:"+port)
	assert.ErrorIs(t, err, registry.ErrAddress)
	// Of a proxy that is not asked.
	g.proxies.Store("localhost:"+port, true)
	conn, err := away.DialContext(t.Context(), "tcp", "localhost:"+port)
	require.NoError(t, err)
	conn.Close()

	// The registry itself can be anywhere; what it leads to can then be as
	// near.
	home, ok := g.home.(*http.Transport)
	require.True(t, ok)
	g.proxies.Clear()
	conn, err = home.DialContext(t.Context(), "tcp", "localhost:"+port)
	require.NoError(t, err)
	conn.Close()
	conn, err = away.DialContext(t.Context(), "tcp", "localhost:"+port)
	require.NoError(t, err)
	conn.Close()
}

// TestLearn has a name that stands for this machine and that.
func TestLearn(t *testing.T) {
	dial := func(g *Guard, addresses ...string) {
		for _, a := range addresses {
			require.NoError(t, g.learn(netip.AddrPortFrom(netip.MustParseAddr(a), 443)))
		}
	}
	for _, tt := range []struct {
		host      string
		addresses []string
		private   bool // whether it may send to a private network
	}{
		{"registry.example", nil, false}, // as with a proxy
		{"registry.example", []string{"1.1.1.1"}, false},
		{"registry.example", []string{"10.0.0.1"}, true},
		{"registry.example", []string{"10.0.0.1", "127.0.0.1"}, true},
		{"registry.example", []string{"1.1.1.1", "10.0.0.1"}, false},
		{"registry.example", []string{"10.0.0.1", "1.1.1.1", "10.0.0.1"}, false},
		{"10.0.0.1", nil, true},
		{"1.1.1.1", nil, false},
	} {
		g := guardOf(t, tt.host, registry.Config{})
		dial(g, tt.addresses...)
		assert.Equalf(t, tt.private, g.allowed(private), "%s at %q", tt.host, tt.addresses)
		assert.False(t, g.allowed(link))
		assert.True(t, g.allowed(public))
	}
}

func TestProxyAddress(t *testing.T) {
	for text, want := range map[string]string{
		"http://Proxy.example": "proxy.example:80", "https://proxy.example": "proxy.example:443", "socks5://proxy": "proxy:1080", "http://[::1]:3128": "[::1]:3128",
	} {
		u, err := url.Parse(text)
		require.NoError(t, err)
		assert.Equal(t, want, proxyAddress(u), text)
	}
}

// A tokenRegistry is a registry that wants a token, its token server and a host
// that it redirects to: three ports of this machine.
type tokenRegistry struct {
	registry, tokens, cdn *httptest.Server
	mu                    sync.Mutex
	seen                  map[string][]string // Authorization by server
	answer                func(w http.ResponseWriter, r *http.Request) bool
}

const (
	user     = "user"
	password = "correct horse battery"
	token    = "bearer-token-of-the-registry"
)

func newTokenRegistry(t *testing.T) *tokenRegistry {
	t.Helper()
	tr := &tokenRegistry{seen: map[string][]string{}}
	serve := func(server string, f http.HandlerFunc) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			tr.mu.Lock()
			tr.seen[server] = append(tr.seen[server], r.Header.Get("Authorization"))
			tr.mu.Unlock()
			f(w, r)
		}))
		t.Cleanup(s.Close)
		return s
	}
	tr.tokens = serve("tokens", func(w http.ResponseWriter, r *http.Request) {
		if tr.answer != nil && tr.answer(w, r) {
			return
		}
		fmt.Fprintf(w, `{"token": %q}`, token)
	})
	tr.cdn = serve("cdn", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "blob") })
	tr.registry = serve("registry", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="x"`, tr.tokens.URL))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.Contains(r.URL.Path, "/blobs/") {
			http.Redirect(w, r, tr.cdn.URL+"/signed?signature=secret-signature", http.StatusTemporaryRedirect)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	})
	// A name, as go-containerregistry takes an address for a private one.
	tr.registry.URL = strings.Replace(tr.registry.URL, "127.0.0.1", "localhost", 1)
	tr.tokens.URL = strings.Replace(tr.tokens.URL, "127.0.0.1", "localhost", 1)
	return tr
}

func (tr *tokenRegistry) client(t *testing.T, c registry.Config) *Client {
	t.Helper()
	host := strings.TrimPrefix(tr.registry.URL, "http://")
	if c.Keychain == nil {
		c.Keychain = registry.Basic(host, user, password)
	}
	repo, err := name.NewRepository(host + "/app")
	require.NoError(t, err)
	client, err := New("asked", repo, &c, false)
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

// TestCredentialsStay looks at who gets to see what.
func TestCredentialsStay(t *testing.T) {
	tr := newTokenRegistry(t)
	body, err := tr.client(t, registry.Config{}).Blob(t.Context(), Blob{Digest: hashOf("blob"), Size: 4})
	require.NoError(t, err)
	data, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	assert.Equal(t, "blob", string(data))
	assert.Equal(t, map[string][]string{
		"registry": {"", "Bearer " + token},
		"tokens":   {"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))},
		"cdn":      {""},
	}, tr.seen)
}

// TestTokenExpires has a layer break when its token is no longer good for the
// rest.
func TestTokenExpires(t *testing.T) {
	var tokens, blobs int
	data := strings.Repeat("blob", 1000)
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // requests come one after another
		switch {
		case r.URL.Path == "/token":
			tokens++
			fmt.Fprintf(w, `{"token": "token-%d"}`, tokens)
		case r.Header.Get("Authorization") != fmt.Sprintf("Bearer token-%d", blobs+1):
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="x"`, server.URL))
			w.WriteHeader(http.StatusUnauthorized)
		case blobs == 0:
			blobs++
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			hangUp(w, []byte(data[:10]))
		default:
			assert.Equal(t, fmt.Sprintf("bytes=10-%d", len(data)-1), r.Header.Get("Range"))
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(data))
		}
	}))
	defer server.Close()
	f := &flaky{Server: server, data: []byte(data)}
	got, err := f.read(t, f.client(t, registry.Config{}))
	require.NoError(t, err)
	assert.Equal(t, data, string(got))
	assert.Equal(t, 2, tokens)
}

// TestTokenHost has a registry name a token server on a host that is not
// its own: "localhost" is not 127.0.0.1.
func TestTokenHost(t *testing.T) {
	tr := newTokenRegistry(t)
	tr.registry.URL = strings.Replace(tr.registry.URL, "localhost", "127.0.0.1", 1)
	m := func(c registry.Config) error {
		_, err := tr.client(t, c).Manifest(t.Context(), "1")
		return err
	}
	err := m(registry.Config{})
	require.ErrorIs(t, err, registry.ErrTokenHost)
	assert.Contains(t, err.Error(), "localhost")
	assert.Empty(t, tr.seen["tokens"])

	var e *StatusError
	require.ErrorAs(t, m(registry.Config{TokenHosts: []string{"localhost"}}), &e)
	assert.Equal(t, http.StatusNotFound, e.Err.StatusCode)
	// Nobody's token is asked for without more ado.
	require.ErrorAs(t, m(registry.Config{Keychain: authn.NewMultiKeychain()}), &e)
	assert.Equal(t, http.StatusNotFound, e.Err.StatusCode)
	assert.Equal(t, "", tr.seen["tokens"][len(tr.seen["tokens"])-1])
}

// TestRealms has token servers that a registry on the internet must not name.
// It is on this machine, but not for the guard.
func TestRealms(t *testing.T) {
	for _, realm := range []string{
		"http://169.254.169.254/latest/meta-data", "https://169.254.169.254/", "https://10.0.0.1/token", "https://[fe80::1]/", "https://localhost/token",
		"http://auth.example/token", "file:///etc/passwd", "%zz",
	} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s"`, realm))
			w.WriteHeader(http.StatusUnauthorized)
		}))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		var sent []string
		client := s.Client()
		transport := client.Transport.(*http.Transport).Clone()
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			sent = append(sent, address)
			return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
		}
		repo, err := name.NewRepository("example.com/app") // httptest's certificate has this name
		require.NoError(t, err)
		c, err := New("asked", repo, &registry.Config{Transport: transport, Keychain: authn.NewMultiKeychain(), Attempts: 1}, false)
		require.NoError(t, err)
		_, err = c.Manifest(t.Context(), "1")
		require.ErrorIsf(t, err, registry.ErrAddress, "%s", realm)
		assert.Equalf(t, []string{"example.com:443"}, sent, "%s: nobody else is asked", realm)
		transport.CloseIdleConnections()
		s.Close()
	}
}

// TestSecretsAreNotShown has servers that repeat what they were sent.
func TestSecretsAreNotShown(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	echo := func(status int, text string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
			return true
		}
	}
	all := password + " " + encoded + " " + url.QueryEscape(password)
	for _, answer := range []func(w http.ResponseWriter, r *http.Request) bool{
		echo(401, "no user with "+all),
		echo(401, `{"errors": [{"code": "DENIED", "message": "`+all+`", "detail": {"sent": "`+all+`"}}]}`),
		echo(200, `{"refresh_token": "fresh-refresh-token", "tok": "`+all+`"}`),
		echo(200, all),
		func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://"+r.Host+"/"+url.PathEscape(encoded)+"?"+url.Values{"password": {password}}.Encode(), http.StatusFound)
			return true
		},
	} {
		tr := newTokenRegistry(t)
		tr.answer = answer
		_, err := tr.client(t, registry.Config{Attempts: 1}).Manifest(t.Context(), "1")
		require.Error(t, err)
		for e := err; e != nil; e = errors.Unwrap(e) {
			text := fmt.Sprintf("%v %+v %#v", e, e, e)
			for _, secret := range []string{password, encoded, url.QueryEscape(password), "fresh-refresh-token"} {
				assert.NotContains(t, text, secret)
			}
		}
	}

	// The registry itself, and what signs an address.
	tr := newTokenRegistry(t)
	tr.cdn.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "refused: "+token)
	})
	_, err := tr.client(t, registry.Config{}).Blob(t.Context(), Blob{Digest: hashOf("blob"), Size: 4})
	var e *StatusError
	require.ErrorAs(t, err, &e)
	assert.Equal(t, http.StatusForbidden, e.Err.StatusCode)
	assert.NotContains(t, err.Error(), "secret-signature")
	assert.NotContains(t, err.Error(), token)
	assert.Contains(t, err.Error(), "refused: ***")
	assert.Empty(t, e.Err.Request.Header)
	tr.cdn.Close()
	_, err = tr.client(t, registry.Config{}).Blob(t.Context(), Blob{Digest: hashOf("blob"), Size: 4})
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "secret-signature")
}

// TestRedirects has a registry that leads elsewhere.
func TestRedirects(t *testing.T) {
	var to string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/blobs/") {
			http.Redirect(w, r, to, http.StatusFound)
		}
	}))
	defer s.Close()
	f := &flaky{Server: s, data: []byte("blob")}
	for target, want := range map[string]error{
		"http://169.254.169.254/x": registry.ErrPlainHTTP, "https://169.254.169.254/x": registry.ErrAddress, "https://[fe80::1]/": registry.ErrAddress,
		"file:///etc/passwd": registry.ErrAddress, "ftp://cdn.example/": registry.ErrAddress, "http://cdn.example/": registry.ErrPlainHTTP,
		"/v2/app/blobs/again": registry.ErrRedirects,
	} {
		to = target
		_, err := f.client(t, registry.Config{}).Blob(t.Context(), f.blob())
		assert.ErrorIs(t, err, want, target)
	}
}

// A network answers for hosts that do not exist.
type network func(r *http.Request) *http.Response

func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := n(r)
	resp.Request, resp.Proto, resp.ProtoMajor, resp.ProtoMinor = r, "HTTP/1.1", 1, 1
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
	}
	return resp, nil
}

// TestRedirectsWithinADomain leads over hosts of the registry's domain, of
// another one, and back.
func TestRedirectsWithinADomain(t *testing.T) {
	next := map[string]string{
		"registry.example": "https://cdn.registry.example/1", "cdn.registry.example": "https://example/2", "example": "https://evil.test/3",
		"evil.test": "https://registry.example:8443/4", "registry.example:8443": "https://registry.example/end?x=1",
	}
	for _, challenge := range []string{`Basic realm="x"`, `Bearer realm="https://auth.registry.example/token",service="x"`} {
		seen := map[string]string{} // the hosts, and what they were sent
		transport := network(func(r *http.Request) *http.Response {
			auth := r.Header.Get("Authorization")
			if auth != "" {
				seen[r.URL.Host] = auth
			} else if _, ok := seen[r.URL.Host]; !ok {
				seen[r.URL.Host] = ""
			}
			assert.Empty(t, r.Header.Get("Referer"))
			switch {
			case r.URL.Host == "auth.registry.example":
				return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"token": "` + token + `"}`))}
			case r.URL.Path == "/end":
				return &http.Response{StatusCode: http.StatusOK, ContentLength: 4, Body: io.NopCloser(strings.NewReader("blob"))}
			case r.URL.Host == "registry.example" && auth == "":
				return &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{"Www-Authenticate": {challenge}}}
			}
			return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {next[r.URL.Host]}}}
		})
		repo, err := name.NewRepository("registry.example/app")
		require.NoError(t, err)
		c, err := New("asked", repo, &registry.Config{Transport: transport, Keychain: registry.Basic("registry.example", user, password)}, false)
		require.NoError(t, err)
		body, err := c.Blob(t.Context(), Blob{Digest: hashOf("blob"), Size: 4})
		require.NoError(t, err)
		data, err := io.ReadAll(body)
		require.NoError(t, err)
		assert.Equal(t, "blob", string(data))
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
		want := map[string]string{"registry.example": basic, "cdn.registry.example": "", "example": "", "evil.test": "", "registry.example:8443": ""}
		if strings.HasPrefix(challenge, "Bearer") {
			want["registry.example"], want["auth.registry.example"] = "Bearer "+token, basic
		}
		assert.Equal(t, want, seen, challenge)
	}
}
