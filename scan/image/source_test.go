package image

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan/image/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withRules is a configuration with rules, whose requests fail at once.
func withRules(rules *registry.Rules) Option {
	return WithRegistry(registry.Config{Keychain: nobody, Rules: rules, Attempts: 1})
}

func TestMirrors(t *testing.T) {
	upstream, first, second := newTestRegistry(t), newTestRegistry(t), newTestRegistry(t)
	b := blobs{}
	d := b.image(t, "linux/amd64", layer(t, "x"))
	upstream.push(t, b, "1", d)
	second.push(t, b, "1", d)
	rules := &registry.Rules{Registries: []registry.Rule{{
		Prefix: "app.example", Location: upstream.Host,
		Mirrors: []registry.Mirror{{Location: first.Host}, {Location: second.Host, Pull: registry.PullTag}},
	}}}
	reset := func() {
		for _, r := range []testRegistry{upstream, first, second} {
			r.Misbehave(nil)
		}
	}
	reset()
	img := remoteImage(t, "app.example/app:1", withRules(rules))
	assert.Equal(t, "app.example/app:1", img.Target().Name)
	assert.Equal(t, second.Host+"/app:1", img.Target().PulledFrom)
	assert.Equal(t, gzipOf(t, layer(t, "x")), readLayer(t, img, 0))
	assert.Len(t, first.Asked("/manifests/"), 1)
	assert.Empty(t, upstream.Asked(" "))

	// That mirror is for tags. The registry itself comes last.
	reset()
	img = remoteImage(t, "app.example/app@"+d.Digest.String(), withRules(rules))
	assert.Equal(t, upstream.Host+"/app@"+d.Digest.String(), img.Target().PulledFrom)
	assert.Empty(t, second.Asked(" "))

	// A mirror that lies about a digest is passed over.
	reset()
	other := b.image(t, "linux/amd64", layer(t, "y"))
	first.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		_, _ = w.Write(b[blobName(other.Digest)])
		return true
	})
	img = remoteImage(t, "app.example/app@"+d.Digest.String(), withRules(rules))
	assert.Equal(t, d.Digest.String(), img.Target().Digest)

	// If nobody has it, all say why.
	reset()
	_, err := Remote(t.Context(), "app.example/app:2", withRules(rules))
	var mirror *MirrorError
	require.ErrorAs(t, err, &mirror)
	assert.Len(t, mirror.Mirrors, 2)
	var e *RegistryError
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "app.example/app:2", e.Reference)
	assert.Equal(t, http.StatusNotFound, e.Status)
	assert.Contains(t, err.Error(), first.Host)

	rules.Registries[0].Blocked = true
	_, err = Remote(t.Context(), "app.example/app:1", withRules(rules))
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, registry.ErrBlocked)
	_, err = Remote(t.Context(), "app:1", withRules(&registry.Rules{Search: []string{"a.example", "b.example"}}))
	var ref *ReferenceError
	require.ErrorAs(t, err, &ref)
	require.ErrorIs(t, err, registry.ErrAmbiguous)
	_, err = Remote(t.Context(), "app:1", withRules(&registry.Rules{Search: []string{"nowhere"}}))
	require.ErrorContains(t, err, "nowhere")
}

// TestMirrorCredentials has a mirror that asks for credentials: it does not
// get those of the registry.
func TestMirrorCredentials(t *testing.T) {
	upstream, mirror := newTestRegistry(t), newTestRegistry(t)
	b := blobs{}
	upstream.push(t, b, "1", b.image(t, "linux/amd64", layer(t, "x")))
	seen := ""
	mirror.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		seen += r.Header.Get("Authorization")
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	rules := &registry.Rules{Registries: []registry.Rule{{Location: upstream.Host, Mirrors: []registry.Mirror{{Location: mirror.Host}}}}}
	remoteImage(t, upstream.Host+"/app:1", WithRegistry(registry.Config{Keychain: registry.Basic(upstream.Host, "user", "secret"), Rules: rules, Attempts: 1}))
	assert.NotEmpty(t, mirror.Asked("/manifests/"))
	assert.Empty(t, seen)
}

// TestTagAndDigest has a tag that has moved: the digest counts.
func TestTagAndDigest(t *testing.T) {
	reg := newTestRegistry(t)
	b := blobs{}
	pinned := b.image(t, "linux/amd64", layer(t, "old"))
	moved := b.image(t, "linux/amd64", layer(t, "new"))
	reg.push(t, b, "1", pinned, moved)
	ref := reg.Host + "/app:1@" + pinned.Digest.String()
	reg.Misbehave(nil)
	img := remoteImage(t, ref)
	assert.Equal(t, pinned.Digest.String(), img.Target().Digest)
	assert.Empty(t, img.Target().PulledFrom)
	assert.Equal(t, []string{"GET /v2/app/manifests/" + pinned.Digest.String()}, reg.Asked("/manifests/"), "the tag is not looked at")
}

// TestResumeLayer reads a layer over a connection that breaks.
func TestResumeLayer(t *testing.T) {
	reg := newTestRegistry(t)
	b := blobs{}
	reg.push(t, b, "1", b.image(t, "linux/amd64", layer(t, "x")))
	stored := gzipOf(t, layer(t, "x"))
	var ranges []string
	reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, hashOf(stored).String()) {
			return false
		}
		ranges = append(ranges, r.Header.Get("Range"))
		if len(ranges) > 1 {
			return false // the registry knows ranges
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(stored)))
		_, _ = w.Write(stored[:20])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	assert.Equal(t, stored, readLayer(t, remoteImage(t, reg.Host+"/app:1"), 0))
	assert.Equal(t, []string{"", fmt.Sprintf("bytes=20-%d", len(stored)-1)}, ranges)
}

// TestRateLimit has a registry that wants to be asked again in an hour.
func TestRateLimit(t *testing.T) {
	reg := newTestRegistry(t)
	reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	start := time.Now()
	_, err := Remote(t.Context(), reg.Host+"/app:1", anonymous())
	var e *RegistryError
	require.ErrorAs(t, err, &e)
	assert.Equal(t, http.StatusTooManyRequests, e.Status)
	assert.Equal(t, time.Hour, e.RetryAfter)
	assert.Contains(t, err.Error(), "1h0m0s")
	assert.Len(t, reg.Asked("/manifests/"), 1)
	assert.Less(t, time.Since(start), 10*time.Second)
}

func TestNoImages(t *testing.T) {
	reg := newTestRegistry(t)
	b := blobs{}
	empty := b.add([]byte("{}"), "application/vnd.oci.empty.v1+json")
	artifact := func(artifactType string, config v1.Descriptor, layers ...v1.Descriptor) v1.Descriptor {
		raw, err := json.Marshal(v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: artifactType, Config: config, Layers: layers})
		require.NoError(t, err)
		return b.add(raw, types.OCIManifestSchema1)
	}
	tests := map[string]struct {
		manifest   v1.Descriptor
		kind, text string
	}{
		"chart":     {artifact("", b.add([]byte(`{"name": "x"}`), "application/vnd.cncf.helm.config.v1+json"), b.add([]byte("x"), "application/vnd.cncf.helm.chart.content.v1.tar+gzip")), "application/vnd.cncf.helm.config.v1+json", "Helm"},
		"database":  {artifact("application/vnd.imagevet.vulndb.v1", empty, b.add([]byte("y"), "application/vnd.imagevet.vulndb.file.v1")), "application/vnd.imagevet.vulndb.v1", "db pull"},
		"unknown":   {artifact("application/vnd.acme.rocket", empty), "application/vnd.acme.rocket", "another artifact"},
		"signature": {artifact("", b.add(configOf(t, "linux/amd64", []byte("z")), types.OCIConfigJSON), b.add([]byte("z"), "application/vnd.dev.cosign.simplesigning.v1+json")), "application/vnd.dev.cosign.simplesigning.v1+json", "signature"},
		"proof":     {artifact("", b.add(configOf(t, "unknown/unknown", []byte("{}")), types.OCIConfigJSON), b.add([]byte("{}"), "application/vnd.in-toto+json")), "application/vnd.in-toto+json", "attestation"},
	}
	for tag, tt := range tests {
		reg.push(t, b, tag, tt.manifest)
		_, err := Remote(t.Context(), reg.Host+"/app:"+tag, anonymous())
		var e *ArtifactError
		require.ErrorAs(t, err, &e, tag)
		assert.Equal(t, tt.kind, e.Type)
		assert.Contains(t, err.Error(), tt.text)
		var format *FormatError
		require.ErrorAs(t, err, &format, tag)
		assert.Equal(t, reg.Host+"/app:"+tag, format.Name)
	}
	// Configurations of images that some programs store under other types.
	for i, mediaType := range []types.MediaType{"", "application/octet-stream", "application/vnd.docker.container.image.rootfs+json"} {
		x := layer(t, "x")
		config := b.add(configOf(t, "linux/amd64", x), mediaType)
		d := b.manifest(t, types.OCIManifestSchema1, config, b.add(gzipOf(t, x), types.OCILayer))
		reg.push(t, b, fmt.Sprint("odd", i), d)
		assert.Len(t, remoteImage(t, reg.Host+"/app:"+fmt.Sprint("odd", i)).Layers(), 1)
	}
}

// TestSchema1 has a registry with images in Docker's first format.
func TestSchema1(t *testing.T) {
	reg := newTestRegistry(t)
	old := []byte(`{"schemaVersion": 1, "name": "app", "tag": "1", "fsLayers": [{"blobSum": "sha256:00"}], "history": [], "signatures": []}`)
	for _, mediaType := range []types.MediaType{types.DockerManifestSchema1Signed, types.DockerManifestSchema1, "application/vnd.docker.distribution.manifest.v1+prettyjws; charset=utf-8", "application/json"} {
		reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/manifests/") {
				return false
			}
			w.Header().Set("Content-Type", string(mediaType))
			_, _ = w.Write(old)
			return true
		})
		for _, ref := range []string{":1", "@" + hashOf(old).String()} {
			_, err := Remote(t.Context(), reg.Host+"/app"+ref, anonymous())
			var e *FormatError
			require.ErrorAs(t, err, &e, mediaType)
			require.ErrorIs(t, err, ErrSchema1, mediaType)
			assert.Contains(t, err.Error(), "push the image again")
		}
	}
}

// TestForeignLayers has a layer that the registry does not have, but knows
// where it is.
func TestForeignLayers(t *testing.T) {
	reg := newTestRegistry(t)
	x, y := layer(t, "x"), layer(t, "y")
	content := gzipOf(t, y)
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		assert.Empty(t, r.Header.Get("Authorization"))
		if r.URL.Path != "/y" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write(content)
	}))
	defer elsewhere.Close()
	b := blobs{}
	config := b.add(configOf(t, "linux/amd64", x, y), types.OCIConfigJSON)
	own := b.add(gzipOf(t, x), types.OCILayer)
	image := func(urls ...string) v1.Descriptor {
		return b.manifest(t, types.DockerManifestSchema2, config, own, v1.Descriptor{MediaType: types.DockerForeignLayer, Digest: hashOf(content), Size: int64(len(content)), URLs: urls})
	}
	reg.push(t, b, "1", image(elsewhere.URL+"/gone", elsewhere.URL+"/y"))
	reg.push(t, b, "inside", image("https://169.254.169.254/y", "file:///etc/passwd", "http://user:pw@127.0.0.1/y", "\x7f", "http://cdn.example/"))
	open := func(tag string, c registry.Config) ([]byte, error) {
		c.Keychain, c.Attempts = registry.Basic(reg.Host, "user", "secret"), 1
		img, err := Remote(t.Context(), reg.Host+"/app:"+tag, WithRegistry(c))
		require.NoError(t, err)
		defer img.Close()
		r, err := img.OpenLayer(t.Context(), 1)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	}
	_, err := open("1", registry.Config{})
	var e *RegistryError
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, registry.ErrForeignLayer)
	assert.Contains(t, err.Error(), elsewhere.URL)
	assert.Zero(t, asked.Load())

	got, err := open("1", registry.Config{ForeignLayers: true})
	require.NoError(t, err)
	assert.Equal(t, content, got)
	assert.EqualValues(t, 2, asked.Load())

	content = gzipOf(t, layer(t, "z"))
	_, err = open("1", registry.Config{ForeignLayers: true})
	var digest *DigestError
	require.ErrorAs(t, err, &digest, "the digest is verified")

	_, err = open("inside", registry.Config{ForeignLayers: true})
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, registry.ErrAddress)
	require.ErrorIs(t, err, registry.ErrPlainHTTP)
	assert.NotContains(t, err.Error(), "pw")

	// Some registries have such layers: then nobody else is asked.
	b.add(content, types.OCILayer)
	reg.push(t, b, "stored", image(elsewhere.URL+"/y"))
	before := asked.Load()
	got, err = open("stored", registry.Config{})
	require.NoError(t, err)
	assert.Equal(t, content, got)
	assert.Equal(t, before, asked.Load())
}

// TestHostileRegistry has a registry that wants to use up memory and time.
func TestHostileRegistry(t *testing.T) {
	reg := newTestRegistry(t)
	b := blobs{}
	l := b.add(gzipOf(t, layer(t, "x")), types.OCILayer)
	config := b.add(configOf(t, "linux/amd64", layer(t, "x")), types.OCIConfigJSON)
	many := make([]v1.Descriptor, 10_000)
	for i := range many {
		many[i] = l
	}
	reg.push(t, b, "layers", b.manifest(t, types.OCIManifestSchema1, config, many...))
	huge := l
	huge.Size = 1 << 60
	reg.push(t, b, "huge", b.manifest(t, types.OCIManifestSchema1, config, huge))
	deep := b.image(t, "linux/amd64", layer(t, "x"))
	chain := []v1.Descriptor{deep}
	for range 10 {
		deep = b.index(t, types.OCIImageIndex, deep)
		chain = append(chain, deep)
	}
	reg.push(t, b, "deep", chain...)
	var sent atomic.Int64
	stream := func(w http.ResponseWriter, most int64) {
		piece := bytes.Repeat([]byte(" "), 64<<10)
		for n := int64(0); n < most; n += int64(len(piece)) {
			if _, err := w.Write(piece); err != nil {
				return
			}
			sent.Add(int64(len(piece)))
		}
	}
	documents := 0
	reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/manifests/stream"):
			stream(w, 100<<20)
		case strings.HasSuffix(r.URL.Path, "/manifests/stated"):
			w.Header().Set("Content-Length", strconv.Itoa(100<<20))
			stream(w, 100<<20)
		case strings.HasSuffix(r.URL.Path, "/manifests/loop"), documents > 0 && strings.Contains(r.URL.Path, "/manifests/sha256:"):
			// Each index lists the next one, which is made up when it is asked
			// for, so it has not the digest.
			documents++
			fmt.Fprintf(w, `{"schemaVersion": 2, "manifests": [{"mediaType": %q, "size": 200, "digest": "sha256:%064d"}]}`, types.OCIImageIndex, documents)
		case strings.HasSuffix(r.URL.Path, "/manifests/errors"):
			w.WriteHeader(http.StatusForbidden)
			stream(w, 100<<20)
		default:
			return false
		}
		return true
	})
	tests := map[string]func(t *testing.T, err error){
		"huge": tooLarge, "layers": tooLarge, "deep": tooLarge, "stream": tooLarge, "stated": tooLarge,
		"loop": func(t *testing.T, err error) {
			var e *DigestError
			require.ErrorAs(t, err, &e)
		},
		"errors": func(t *testing.T, err error) {
			var e *RegistryError
			require.ErrorAs(t, err, &e)
			assert.Less(t, len(err.Error()), 32<<10)
		},
	}
	for tag, check := range tests {
		sent.Store(0)
		documents = 0 // requests come one after another
		start := time.Now()
		img, err := Remote(t.Context(), reg.Host+"/app:"+tag, anonymous())
		assert.Nil(t, img, tag)
		t.Run(tag, func(t *testing.T) { check(t, err) })
		assert.Less(t, time.Since(start), 20*time.Second, tag)
		assert.Less(t, sent.Load(), int64(32<<20), "%s: the rest is not read", tag)
	}
}

func tooLarge(t *testing.T, err error) {
	t.Helper()
	var e *FormatError
	require.ErrorAs(t, err, &e)
	require.ErrorIs(t, err, inventory.ErrTooLarge)
}

// clientCert makes a certificate for a client, which nobody else has signed.
func clientCert(tb testing.TB) (cert tls.Certificate, certPEM, keyPEM []byte) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(tb, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	require.NoError(tb, err)
	certPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	cert, err = tls.X509KeyPair(certPEM, keyPEM)
	require.NoError(tb, err)
	return cert, certPEM, keyPEM
}

// TestCertificates has a registry with a certificate of its own that wants one
// of the client too, and another host that blobs are on.
func TestCertificates(t *testing.T) {
	plain := newTestRegistry(t)
	b := blobs{}
	plain.push(t, b, "1", b.image(t, "linux/amd64", layer(t, "x")))
	stored := gzipOf(t, layer(t, "x"))
	serve := func(h http.Handler, auth tls.ClientAuthType) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.TLS = &tls.Config{ClientAuth: auth}
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	shown := false
	cdn := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown = shown || len(r.TLS.PeerCertificates) > 0
		_, _ = w.Write(stored)
	}), tls.RequestClientCert)
	reg := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, hashOf(stored).String()) {
			http.Redirect(w, r, cdn.URL, http.StatusFound)
			return
		}
		plain.Config.Handler.ServeHTTP(w, r)
	}), tls.RequireAnyClientCert)
	host := strings.TrimPrefix(reg.URL, "https://")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: reg.Certificate().Raw}) // that of cdn too
	cert, certPEM, keyPEM := clientCert(t)

	open := func(c registry.Config) ([]byte, error) {
		c.Keychain, c.Attempts = nobody, 1
		img, err := Remote(t.Context(), host+"/app:1", WithRegistry(c))
		if err != nil {
			return nil, err
		}
		defer img.Close()
		r, err := img.OpenLayer(t.Context(), 0)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	}
	for name, c := range map[string]registry.Config{"neither": {}, "no CA": {Certificates: []tls.Certificate{cert}}, "no client certificate": {RootCAs: ca}} {
		_, err := open(c)
		var e *RegistryError
		require.ErrorAs(t, err, &e, name)
	}
	got, err := open(registry.Config{RootCAs: ca, Certificates: []tls.Certificate{cert}})
	require.NoError(t, err)
	assert.Equal(t, stored, got)
	assert.False(t, shown, "the other host does not get to see who asks")

	// The same in a folder. A ":" cannot be in the name of one everywhere.
	dir := t.TempDir()
	own := filepath.Join(dir, host)
	if err := os.Mkdir(own, 0o700); err != nil {
		own = filepath.Join(dir, "127.0.0.1")
		require.NoError(t, os.Mkdir(own, 0o700))
	}
	for name, text := range map[string][]byte{"ca.crt": ca, "client.cert": certPEM, "client.key": keyPEM, "README": []byte("x")} {
		require.NoError(t, os.WriteFile(filepath.Join(own, name), text, 0o600))
	}
	_, err = open(registry.Config{CertsDir: dir})
	var e *RegistryError
	require.ErrorAs(t, err, &e, "the certificate is trusted for this registry, not for the other host")
	assert.Contains(t, err.Error(), "certificate")
	got, err = open(registry.Config{CertsDir: dir, RootCAs: ca})
	require.NoError(t, err)
	assert.Equal(t, stored, got)
	require.NoError(t, os.WriteFile(filepath.Join(own, "ca.crt"), []byte("x"), 0o600))
	_, err = open(registry.Config{CertsDir: dir})
	require.ErrorContains(t, err, "ca.crt")
	require.NoError(t, os.Remove(filepath.Join(own, "ca.crt")))
	require.NoError(t, os.Remove(filepath.Join(own, "client.key")))
	_, err = open(registry.Config{CertsDir: dir})
	require.ErrorContains(t, err, "client.cert")
	_, err = open(registry.Config{CertsDir: filepath.Join(dir, "none")})
	require.ErrorAs(t, err, &e, "a folder that is not there has no certificates")
}

func TestWithRegistry(t *testing.T) {
	_, err := Remote(t.Context(), "app", WithRegistry(registry.Config{Attempts: -1}))
	require.ErrorContains(t, err, "Attempts")
	rec := &recorder{seen: map[string]bool{}}
	// The last option counts.
	_, err = Remote(t.Context(), "registry.example/app", WithInsecure(true), WithRegistry(registry.Config{Keychain: nobody, Attempts: 1}), WithTransport(rec))
	require.Error(t, err)
	assert.Equal(t, map[string]bool{"https": true}, rec.seen)
	assert.False(t, errors.Is(err, registry.ErrPlainHTTP))
}
