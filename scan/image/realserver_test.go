package image

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/imagevet/imagevet/scan/image/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the real registry lets in, as htpasswd writes it: robot with the password
// "secret".
const htpasswd = "robot:$2y$05$WLGMLjZ4vtsjzaCZIGJ8I..FTy2abATGJPw0Xl/NszUsn90PR7DDS\n"

// program skips the test if a program of Debian's is not there.
func program(tb testing.TB, name string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		tb.Skipf("%s is not there: apt-get install %s", name, name)
	}
	return path
}

// A realRegistry is Docker's registry with TLS and passwords, as a process on
// this machine.
type realRegistry struct {
	host string
	dir  string // with ca.crt
	ca   []byte
}

func startRegistry(tb testing.TB) realRegistry {
	tb.Helper()
	binary := program(tb, "docker-registry")
	dir := tb.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(tb, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(tb, err)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	host := listener.Addr().String()
	require.NoError(tb, listener.Close()) // it is taken again by the registry
	for name, text := range map[string]string{
		"certs/ca.crt": string(ca), "key.pem": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})), "htpasswd": htpasswd,
		"config.yml": fmt.Sprintf(`version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: %[1]q}}
http:
  addr: %[2]s
  secret: test
  tls: {certificate: %[1]s/certs/ca.crt, key: %[1]s/key.pem}
auth: {htpasswd: {realm: test, path: %[1]s/htpasswd}}
`, dir, host),
	} {
		path := filepath.Join(dir, name)
		require.NoError(tb, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(tb, os.WriteFile(path, []byte(text), 0o600))
	}
	var log bytes.Buffer
	cmd := exec.Command(binary, "serve", filepath.Join(dir, "config.yml"))
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(tb, cmd.Start())
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if tb.Failed() {
			tb.Log(log.String())
		}
	})
	waitFor(tb, host)
	return realRegistry{host: host, dir: filepath.Join(dir, "certs"), ca: ca}
}

func (r realRegistry) transport() *http.Transport {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(r.ca)
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
}

// A cutter passes connections on to a server, and breaks each after some
// bytes of its answers.
type cutter struct {
	net.Listener
	to    string
	mu    sync.Mutex
	rng   *mrand.Rand
	least int64 // each connection has so many bytes, and up to three times as many
	cuts  atomic.Int32
	bytes atomic.Int64
	wait  sync.WaitGroup
}

func newCutter(tb testing.TB, to string, least int64) *cutter {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	c := &cutter{Listener: listener, to: to, least: least, rng: mrand.New(mrand.NewPCG(3, 4))}
	c.wait.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c.wait.Go(func() { c.serve(conn) })
		}
	})
	tb.Cleanup(func() {
		listener.Close()
		c.wait.Wait()
	})
	return c
}

func (c *cutter) serve(client net.Conn) {
	defer client.Close()
	server, err := net.DialTimeout("tcp", c.to, 5*time.Second)
	if err != nil {
		return
	}
	defer server.Close()
	c.mu.Lock()
	most := c.least + c.rng.Int64N(2*c.least)
	c.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(server, client)
		_, _ = io.Copy(io.Discard, client)
		server.Close()
	}()
	n, _ := io.CopyN(client, io.TeeReader(server, c), most)
	if n == most {
		c.cuts.Add(1)
	}
	// What was sent arrives, unless something is left unread on this side.
	server.Close()
	_ = client.(*net.TCPConn).CloseWrite()
	_ = client.SetReadDeadline(time.Now().Add(10 * time.Second))
	<-done
}

// Write counts what is passed on.
func (c *cutter) Write(p []byte) (int, error) {
	c.bytes.Add(int64(len(p)))
	return len(p), nil
}

// TestRealRegistry reads an image of Docker's registry with TLS and a password,
// over connections that break at random.
func TestRealRegistry(t *testing.T) {
	reg := startRegistry(t)
	ref, err := name.NewTag(reg.host + "/team/app:1")
	require.NoError(t, err)
	const layerSize = 3 << 20
	img, err := random.Image(layerSize, 3)
	require.NoError(t, err)
	transport := reg.transport()
	defer transport.CloseIdleConnections()
	require.NoError(t, remote.Write(ref, img, remote.WithTransport(transport), remote.WithAuth(&authn.Basic{Username: "robot", Password: "secret"})))
	layers, err := img.Layers()
	require.NoError(t, err)
	digest, err := img.Digest()
	require.NoError(t, err)

	read := func(t *testing.T, host string) {
		config := registry.Config{RootCAs: reg.ca, Keychain: registry.Basic(host, "robot", "secret")}
		got := remoteImage(t, host+"/team/app:1", WithRegistry(config))
		assert.Equal(t, digest.String(), got.Target().Digest)
		for i, l := range layers {
			r, err := got.OpenLayer(t.Context(), i)
			require.NoError(t, err)
			sum := sha256.New()
			_, err = io.Copy(sum, r)
			require.NoError(t, err)
			require.NoError(t, r.Close())
			want, err := l.Digest()
			require.NoError(t, err)
			assert.Equal(t, want.Hex, hex.EncodeToString(sum.Sum(nil)))
		}
	}
	t.Run("straight", func(t *testing.T) { read(t, reg.host) })
	t.Run("broken", func(t *testing.T) {
		cut := newCutter(t, reg.host, 700<<10)
		read(t, cut.Addr().String())
		assert.Greater(t, cut.cuts.Load(), int32(3))
		assert.Less(t, cut.bytes.Load(), int64(3*layerSize+layerSize/2), "what arrived is not sent again")
		t.Logf("%d connections broke, %d bytes for %d", cut.cuts.Load(), cut.bytes.Load(), 3*layerSize)
	})
	for what, config := range map[string]registry.Config{
		"no password":    {RootCAs: reg.ca, Keychain: nobody},
		"wrong password": {RootCAs: reg.ca, Keychain: registry.Basic(reg.host, "robot", "wrong-password")},
	} {
		_, err := Remote(t.Context(), ref.Name(), WithRegistry(config))
		var e *RegistryError
		require.ErrorAs(t, err, &e, what)
		assert.Equal(t, http.StatusUnauthorized, e.Status, what)
		assert.NotContains(t, err.Error(), "wrong-password")
	}
}

// TestNginx has nginx in front of the registry, which lets few requests through,
// sends slowly, and whose own connections break.
func TestNginx(t *testing.T) {
	nginx := program(t, "nginx")
	reg := startRegistry(t)
	ref, err := name.NewTag(reg.host + "/team/app:1")
	require.NoError(t, err)
	img, err := random.Image(2<<20, 3)
	require.NoError(t, err)
	transport := reg.transport()
	defer transport.CloseIdleConnections()
	require.NoError(t, remote.Write(ref, img, remote.WithTransport(transport), remote.WithAuth(&authn.Basic{Username: "robot", Password: "secret"})))
	cut := newCutter(t, reg.host, 700<<10)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	host := listener.Addr().String()
	require.NoError(t, listener.Close()) // it is taken again by nginx
	dir := t.TempDir()
	log := filepath.Join(dir, "access.log")
	config := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
user root root;
daemon off;
worker_processes 1;
pid %[1]s/pid;
error_log %[1]s/error.log;
events { worker_connections 64; }
http {
	access_log %[2]s;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	limit_req_zone $binary_remote_addr zone=few:1m rate=4r/s;
	limit_req_status 429;
	server {
		listen %[3]s;
		location / {
			limit_req zone=few burst=1 nodelay;
			limit_rate 3m;
			proxy_pass https://%[4]s;
			proxy_ssl_verify off;
			proxy_buffering off;
			proxy_http_version 1.1;
			proxy_set_header Host $http_host;
		}
	}
}
`, dir, log, host, cut.Addr()), 0o600))
	var out bytes.Buffer
	cmd := exec.Command(nginx, "-p", dir, "-c", config)
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // its workers end with it
		_ = cmd.Wait()
		if t.Failed() {
			errors, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Logf("%s%s", out.String(), errors)
		}
	})
	waitFor(t, host)

	got := remoteImage(t, host+"/team/app:1", WithRegistry(registry.Config{Keychain: registry.Basic(host, "robot", "secret")}))
	layers, err := img.Layers()
	require.NoError(t, err)
	var wait sync.WaitGroup
	for i, l := range layers { // all at once, to be too fast for it
		wait.Go(func() {
			r, err := got.OpenLayer(t.Context(), i)
			if !assert.NoError(t, err) {
				return
			}
			defer r.Close()
			sum := sha256.New()
			_, err = io.Copy(sum, r)
			assert.NoError(t, err)
			want, err := l.Digest()
			assert.NoError(t, err)
			assert.Equal(t, want.Hex, hex.EncodeToString(sum.Sum(nil)))
		})
	}
	wait.Wait()
	lines, err := os.ReadFile(log)
	require.NoError(t, err)
	assert.Contains(t, string(lines), `" 429 `)
	assert.Contains(t, string(lines), `" 206 `)
	assert.Positive(t, cut.cuts.Load())
}

// waitFor waits until a server listens.
func waitFor(tb testing.TB, host string) {
	tb.Helper()
	for range 100 {
		conn, err := net.DialTimeout("tcp", host, time.Second)
		if err == nil {
			conn.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	require.Fail(tb, "the server does not start")
}

// TestSkopeo has skopeo write an image in all the ways that it knows: all are
// the same image.
func TestSkopeo(t *testing.T) {
	skopeo := program(t, "skopeo")
	reg := startRegistry(t)
	ref, err := name.NewTag(reg.host + "/team/app:1")
	require.NoError(t, err)
	img, err := random.Image(1<<20, 3)
	require.NoError(t, err)
	transport := reg.transport()
	defer transport.CloseIdleConnections()
	require.NoError(t, remote.Write(ref, img, remote.WithTransport(transport), remote.WithAuth(&authn.Basic{Username: "robot", Password: "secret"})))
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	want := remoteImage(t, ref.Name(), WithRegistry(registry.Config{RootCAs: reg.ca, Keychain: registry.Basic(reg.host, "robot", "secret")}))
	for kind, to := range map[string]string{
		KindDirectory: "dir:" + filepath.Join(dir, "dir"), KindOCILayout: "oci:" + filepath.Join(dir, "oci") + ":1", KindOCIArchive: "oci-archive:" + filepath.Join(dir, "oci.tar") + ":1",
		KindDockerArchive: "docker-archive:" + filepath.Join(dir, "docker.tar") + ":team/app:1",
	} {
		out, err := exec.CommandContext(ctx, skopeo, "--insecure-policy", "copy", "--src-cert-dir", reg.dir, "--src-creds", "robot:secret", "docker://"+ref.Name(), to).CombinedOutput()
		require.NoError(t, err, string(out))
		path := map[string]string{KindDirectory: "dir", KindOCILayout: "oci", KindOCIArchive: "oci.tar", KindDockerArchive: "docker.tar"}[kind]
		got, err := Open(t.Context(), filepath.Join(dir, path))
		require.NoError(t, err, kind)
		assert.Equal(t, kind, got.Target().Kind)
		assert.Equal(t, want.Target().Platform, got.Target().Platform)
		require.Len(t, got.Layers(), len(want.Layers()))
		for i, l := range want.Layers() {
			assert.Equal(t, l.DiffID, got.Layers()[i].DiffID, kind)
			data := readLayer(t, got, i)
			if kind == KindDirectory { // which changes nothing
				assert.Equal(t, readLayer(t, want, i), data)
			} else {
				assert.NotEmpty(t, data)
			}
		}
		require.NoError(t, got.Close())
	}
}
