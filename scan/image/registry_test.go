package image

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/imagevet/imagevet/internal/regclient"
	"github.com/imagevet/imagevet/internal/regclient/regclienttest"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan/image/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A testRegistry is a registry with what these tests store in it.
type testRegistry struct{ *regclienttest.Registry }

func newTestRegistry(tb testing.TB) testRegistry {
	tb.Helper()
	return testRegistry{regclienttest.New(tb)}
}

// push stores all blobs in repository "app", the last of the manifests as a tag.
func (t testRegistry) push(tb testing.TB, b blobs, tag string, manifests ...v1.Descriptor) {
	tb.Helper()
	put := func(method, path, contentType string, data []byte) {
		req, err := http.NewRequestWithContext(tb.Context(), method, t.URL+"/v2/app/"+path, bytes.NewReader(data))
		require.NoError(tb, err)
		req.Header.Set("Content-Type", contentType)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(tb, err)
		resp.Body.Close()
		require.Equal(tb, http.StatusCreated, resp.StatusCode, path)
	}
	for _, data := range b {
		put(http.MethodPost, "blobs/uploads/?digest="+hashOf(data).String(), "application/octet-stream", data)
	}
	for i, d := range manifests {
		data := b[blobName(d.Digest)]
		put(http.MethodPut, "manifests/"+d.Digest.String(), string(d.MediaType), data)
		if i == len(manifests)-1 {
			put(http.MethodPut, "manifests/"+tag, string(d.MediaType), data)
		}
	}
}

// anonymous keeps the credentials of whoever runs the tests out of them.
func anonymous() Option { return WithKeychain(nobody) }

var nobody = authn.NewMultiKeychain()

// impatient is a configuration whose requests fail soon.
func impatient() registry.Config { return registry.Config{Keychain: nobody, Attempts: 3} }

func remoteImage(tb testing.TB, ref string, opts ...Option) *Image {
	tb.Helper()
	img, err := Remote(tb.Context(), ref, append([]Option{anonymous()}, opts...)...)
	require.NoErrorf(tb, err, "Remote(%q)", ref)
	tb.Cleanup(func() { img.Close() })
	return img
}

func TestRemote(t *testing.T) {
	reg := newTestRegistry(t)
	base, top := layer(t, "base"), layer(t, "top")
	b := blobs{}
	d := b.image(t, "linux/amd64", base, top, base)
	reg.push(t, b, "1", d)
	for _, ref := range []string{reg.Host + "/app:1", reg.Host + "/app@" + d.Digest.String()} {
		reg.Misbehave(nil)
		img := remoteImage(t, ref)
		assert.Equal(t, inventory.Target{
			Name: ref, Kind: KindRegistry, Platform: "linux/amd64",
			Digest: d.Digest.String(), ImageID: hashOf(configOf(t, "linux/amd64", base, top, base)).String(),
		}, img.Target())
		assert.Equal(t, inventory.Layer{Index: 1, Digest: hashOf(gzipOf(t, top)).String(), DiffID: hashOf(top).String(), CreatedBy: "step 1"}, img.Layers()[1])
		assert.Len(t, reg.Asked("/manifests/"), 1, "the manifest is fetched once")
		assert.Len(t, reg.Asked("/blobs/"), 1, "of the blobs only the configuration is fetched")
		assert.Equal(t, gzipOf(t, base), readLayer(t, img, 2))
		assert.Equal(t, map[int][]byte{0: gzipOf(t, base), 1: gzipOf(t, top)}, walked(t, img))
		assert.False(t, img.Sequential())
		r, err := img.OpenLayer(t.Context(), 0)
		require.NoError(t, err)
		_, ok := r.(io.ReaderAt)
		assert.False(t, ok)
		require.NoError(t, r.Close())
	}
}

func TestRemoteIndex(t *testing.T) {
	reg := newTestRegistry(t)
	b := blobs{}
	var children []v1.Descriptor
	for _, p := range []string{"linux/amd64", "linux/arm64/v8", "linux/arm/v6", "linux/s390x"} {
		children = append(children, b.image(t, p, layer(t, p)))
	}
	index := b.index(t, types.OCIImageIndex, children...)
	outer := b.index(t, types.DockerManifestList, index)
	reg.push(t, b, "1", append(children, index)...)
	reg.push(t, b, "nested", append(children, index, outer)...)
	reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/manifests/untyped") {
			return false
		}
		w.Header().Set("Content-Type", "text/plain") // as static registries do
		_, _ = w.Write(b[blobName(index.Digest)])
		return true
	})
	for _, tag := range []string{"1", "nested", "untyped"} {
		for want, child := range map[string]int{"linux/amd64": 0, "linux/arm64": 1, "linux/arm/v7": 2, "linux/s390x": 3} {
			p, err := ParsePlatform(want)
			require.NoError(t, err)
			img := remoteImage(t, reg.Host+"/app:"+tag, WithPlatform(p))
			assert.Equal(t, children[child].Digest.String(), img.Target().Digest, want)
			assert.Equal(t, gzipOf(t, layer(t, img.Target().Platform+map[string]string{"linux/arm64": "/v8"}[want])), readLayer(t, img, 0), want)
		}
		_, err := Remote(t.Context(), reg.Host+"/app:"+tag, anonymous(), WithPlatform(Platform{OS: "windows", Architecture: "amd64"}))
		var e *PlatformError
		require.ErrorAs(t, err, &e)
		assert.Equal(t, []Platform{{"linux", "amd64", ""}, {"linux", "arm64", "v8"}, {"linux", "arm", "v6"}, {"linux", "s390x", ""}}, e.Available)
	}
}

func status(code int, body string) func(w http.ResponseWriter, r *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
		return true
	}
}

func TestRegistryErrors(t *testing.T) {
	reg := newTestRegistry(t)
	b := blobs{}
	d := b.image(t, "linux/amd64", layer(t, "x"))
	reg.push(t, b, "1", d)
	tests := []struct {
		name     string
		override func(w http.ResponseWriter, r *http.Request) bool
		status   int
		text     string
		tries    int // of the manifest
	}{
		{"401", status(401, `{"errors": [{"code": "UNAUTHORIZED", "message": "log in"}]}`), 401, "log in", 1},
		{"403", status(403, ""), 403, "refuses access", 1},
		{"404", status(404, `{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "unknown"}]}`), 404, "the tag", 1},
		{"429", status(429, "slow down"), 429, "try later", 3},
		{"500", status(500, ""), 500, "out of order", 3},
		{"503", status(503, "<html>"), 503, "out of order", 3},
		{"418", status(418, ""), 418, "418", 1},
		{"hangs up", func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/manifests/") {
				return false
			}
			panic(http.ErrAbortHandler)
		}, 0, "no usable answer", 3},
		{"401 for all", func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}, 401, "log in", 1},
		{"ping fails", func(w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			return true
		}, 403, "refuses access", 0},
	}
	for _, tt := range tests {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			reg.Misbehave(tt.override)
			start := time.Now()
			img, err := Remote(t.Context(), reg.Host+"/app:1", WithRegistry(impatient()))
			assert.Nil(t, img)
			var e *RegistryError
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.status, e.Status)
			assert.Equal(t, reg.Host+"/app:1", e.Reference)
			assert.Contains(t, err.Error(), tt.text)
			var te *transport.Error
			assert.Equal(t, tt.status != 0, errors.As(err, &te), "wraps *transport.Error")
			if tt.name != "hangs up" { // which net/http tries again by itself
				assert.Len(t, reg.Asked("/manifests/"), tt.tries, "tries")
			}
			assert.Less(t, time.Since(start), 5*time.Second)
		})
	}
}

func TestNoRegistry(t *testing.T) {
	reg := newTestRegistry(t)
	reg.Close()
	_, err := Remote(t.Context(), reg.Host+"/app:1", anonymous())
	var e *RegistryError
	require.ErrorAs(t, err, &e)
	assert.Zero(t, e.Status)
}

func TestRetrySucceeds(t *testing.T) {
	reg := newTestRegistry(t)
	b := blobs{}
	d := b.image(t, "linux/amd64", layer(t, "x"))
	reg.push(t, b, "1", d)
	tries := 0
	reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		tries++ // requests come one after another
		if tries < 3 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		return tries < 3
	})
	assert.Equal(t, d.Digest.String(), remoteImage(t, reg.Host+"/app:1").Target().Digest)
}

func TestReferenceErrors(t *testing.T) {
	for _, ref := range []string{"", "UPPER/case", "a b", "app:", "app@sha256:12", "app:tag:tag"} {
		img, err := Remote(t.Context(), ref, anonymous())
		assert.Nil(t, img)
		var e *ReferenceError
		require.ErrorAsf(t, err, &e, "Remote(%q)", ref)
		assert.Equal(t, ref, e.Reference)
	}
}

func TestCredentials(t *testing.T) {
	reg := newTestRegistry(t)
	b := blobs{}
	d := b.image(t, "linux/amd64", layer(t, "x"))
	reg.push(t, b, "1", d)
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:secret"))
	reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == want {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	img := remoteImage(t, reg.Host+"/app:1", WithKeychain(fixedKeychain{"user", "secret"}))
	assert.Equal(t, gzipOf(t, layer(t, "x")), readLayer(t, img, 0))

	_, err := Remote(t.Context(), reg.Host+"/app:1", WithKeychain(fixedKeychain{"user", "wrong-password"}))
	var e *RegistryError
	require.ErrorAs(t, err, &e)
	assert.Equal(t, http.StatusUnauthorized, e.Status)
	assert.NotContains(t, err.Error(), "wrong-password")
}

type fixedKeychain struct{ user, password string }

func (f fixedKeychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: f.user, Password: f.password}, nil
}

// TestRemoteDamage has a registry that sends other bytes than it says.
func TestRemoteDamage(t *testing.T) {
	reg := newTestRegistry(t)
	b := blobs{}
	x := layer(t, "x")
	d := b.image(t, "linux/amd64", x)
	stored := hashOf(gzipOf(t, x))
	index := b.index(t, types.OCIImageIndex, d)
	wrongSize := d
	wrongSize.Size++
	wrongIndex := b.index(t, types.OCIImageIndex, wrongSize)
	reg.push(t, b, "1", d)
	reg.push(t, b, "index", d, index)
	reg.push(t, b, "wrong-size", d, wrongIndex)
	// A manifest that lies about the size of its layer, which has its digest.
	config := b.add(configOf(t, "linux/amd64", x), types.OCIConfigJSON)
	for name, size := range map[string]int64{"longer": 1, "shorter": -1} {
		l := v1.Descriptor{MediaType: types.OCILayer, Digest: stored, Size: int64(len(gzipOf(t, x))) + size}
		reg.push(t, b, name, b.manifest(t, types.OCIManifestSchema1, config, l))
	}
	send := func(path string, data []byte, chunked bool) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, path) {
				return false
			}
			if chunked {
				w.(http.Flusher).Flush() // before the length is known
			}
			_, _ = w.Write(data)
			return true
		}
	}
	changed := func(data []byte) []byte {
		data = bytes.Clone(data)
		data[len(data)/2] ^= 1
		return data
	}
	configName := config.Digest.String()
	tests := []struct {
		name, ref string
		override  func(w http.ResponseWriter, r *http.Request) bool
		want      string // the digest in the error
	}{
		{"layer changed", ":1", send(stored.String(), changed(gzipOf(t, x)), false), stored.String()},
		{"layer changed, chunked", ":1", send(stored.String(), changed(gzipOf(t, x)), true), stored.String()},
		{"layer cut", ":1", send(stored.String(), gzipOf(t, x)[:50], false), stored.String()},
		{"layer cut, chunked", ":1", send(stored.String(), gzipOf(t, x)[:50], true), stored.String()},
		{"layer longer", ":1", send(stored.String(), append(gzipOf(t, x), 0), true), stored.String()},
		{"size too large", ":longer", nil, stored.String()},
		{"size too small", ":shorter", nil, stored.String()},
		{"config changed", ":1", send(configName, changed(b[blobName(config.Digest)]), false), configName},
		{"config endless", ":1", send(configName, make([]byte, 1<<20), true), configName},
		{"manifest by digest", "@" + d.Digest.String(), send(d.Digest.String(), changed(b[blobName(d.Digest)]), false), d.Digest.String()},
		{"manifest of an index", ":index", send(d.Digest.String(), changed(b[blobName(d.Digest)]), false), d.Digest.String()},
		{"size in an index", ":wrong-size", nil, d.Digest.String()},
	}
	for _, tt := range tests {
		reg.Misbehave(tt.override)
		img, err := Remote(t.Context(), reg.Host+"/app"+tt.ref, anonymous())
		if err == nil {
			var r io.ReadCloser
			if r, err = img.OpenLayer(t.Context(), 0); err == nil {
				_, err = io.Copy(io.Discard, r)
				_, again := r.Read(make([]byte, 1))
				assert.Equal(t, err, again, "%s: the error stays", tt.name)
				r.Close()
			}
			img.Close()
		}
		var e *DigestError
		require.ErrorAs(t, err, &e, tt.name)
		assert.Equal(t, tt.want, e.Want, tt.name)
		assert.Equal(t, reg.Host+"/app"+tt.ref, e.Name, tt.name)
	}

	reg.Misbehave(send("/manifests/1", bytes.Repeat([]byte(" "), maxManifest+1), true))
	_, err := Remote(t.Context(), reg.Host+"/app:1", anonymous())
	var format *FormatError
	require.ErrorAs(t, err, &format)
	assert.ErrorIs(t, err, inventory.ErrTooLarge)
}

func TestLayerConnectionBreaks(t *testing.T) {
	reg := newTestRegistry(t)
	b := blobs{}
	d := b.image(t, "linux/amd64", layer(t, "x"))
	reg.push(t, b, "1", d)
	stored := gzipOf(t, layer(t, "x"))
	reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, hashOf(stored).String()) {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(stored)))
		_, _ = w.Write(stored[:20])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	img := remoteImage(t, reg.Host+"/app:1", WithRegistry(impatient()))
	r, err := img.OpenLayer(t.Context(), 0)
	require.NoError(t, err)
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	var e *RegistryError
	require.ErrorAs(t, err, &e)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestRemoteContext(t *testing.T) {
	reg := newTestRegistry(t)
	b := blobs{}
	d := b.image(t, "linux/amd64", layer(t, "x"))
	reg.push(t, b, "1", d)
	stored := gzipOf(t, layer(t, "x"))

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Remote(canceled, reg.Host+"/app:1", anonymous())
	assert.ErrorIs(t, err, context.Canceled)

	release := make(chan struct{})
	defer close(release)
	hang := func(suffix string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, suffix) {
				return false
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(stored)))
			_, _ = w.Write(stored[:20])
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-release:
			}
			return true
		}
	}
	reg.Misbehave(hang("/manifests/1"))
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = Remote(short, reg.Host+"/app:1", anonymous())
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	var e *RegistryError
	assert.False(t, errors.As(err, &e), "the end of a context is not the registry's fault")

	// A layer ends with the context of its own call and no other.
	reg.Misbehave(hang(hashOf(stored).String()))
	opening, cancelOpening := context.WithCancel(t.Context())
	img, err := Remote(opening, reg.Host+"/app:1", anonymous())
	require.NoError(t, err)
	defer img.Close()
	cancelOpening()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := img.OpenLayer(ctx, 0)
	require.NoError(t, err)
	defer r.Close()
	_, err = io.ReadFull(r, make([]byte, 20))
	require.NoError(t, err)
	cancel()
	_, err = io.Copy(io.Discard, r)
	assert.ErrorIs(t, err, context.Canceled)
}

// A recorder notes the schemes that are used and answers nothing.
type recorder struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[req.URL.Scheme] = true
	return nil, errors.New("not sent")
}

func TestPlainHTTP(t *testing.T) {
	tests := []struct {
		ref      string
		insecure bool
		want     map[string]bool
	}{
		{"registry.example/app", false, map[string]bool{"https": true}},
		{"10.0.0.1:5000/app", false, map[string]bool{"https": true}}, // where go-containerregistry tries both
		{"192.168.1.1/app", false, map[string]bool{"https": true}},
		{"localhost:5000/app", false, map[string]bool{"https": true, "http": true}},
		{"127.0.0.1:5000/app", false, map[string]bool{"https": true, "http": true}},
		{"[::1]:5000/app", false, map[string]bool{"https": true, "http": true}},
		{"registry.example/app", true, map[string]bool{"https": true, "http": true}},
		{"10.0.0.1:5000/app", true, map[string]bool{"https": true, "http": true}},
	}
	for _, tt := range tests {
		rec := &recorder{seen: map[string]bool{}}
		_, err := Remote(t.Context(), tt.ref, anonymous(), WithTransport(rec), WithInsecure(tt.insecure))
		var e *RegistryError
		require.ErrorAs(t, err, &e, tt.ref)
		assert.Equal(t, tt.want, rec.seen, "%q, WithInsecure(%t)", tt.ref, tt.insecure)
	}
	host, err := name.NewRegistry("registry.example")
	require.NoError(t, err)
	g, err := regclient.NewGuard(host, &registry.Config{Transport: &recorder{seen: map[string]bool{}}}, false)
	require.NoError(t, err)
	for url, want := range map[string]bool{
		"http://cdn.example/x": true, "http://127.0.0.2/": false, "http://[::1]:80/": false, "http://a.localhost/": false,
		"http://localhost.example/": true, "http://127.0.0.1.example/": true, "https://cdn.example/": false, "ftp://cdn.example/": false,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		_, err = g.RoundTrip(req)
		assert.Equalf(t, want, errors.Is(err, registry.ErrPlainHTTP), "refusing %q", url)
	}
}

// TestRedirectToPlainHTTP has a registry on the same machine send the client
// to one that is not.
func TestRedirectToPlainHTTP(t *testing.T) {
	reg := newTestRegistry(t)
	b := blobs{}
	d := b.image(t, "linux/amd64", layer(t, "x"))
	reg.push(t, b, "1", d)
	reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		http.Redirect(w, r, "http://cdn.example/blob", http.StatusTemporaryRedirect)
		return true
	})
	_, err := Remote(t.Context(), reg.Host+"/app:1", anonymous())
	assert.ErrorIs(t, err, registry.ErrPlainHTTP)
	var e *RegistryError
	require.ErrorAs(t, err, &e)
	assert.Contains(t, err.Error(), "insecure")
}

// TestUnverifiedTLS has a registry whose certificate nobody knows.
func TestUnverifiedTLS(t *testing.T) {
	plain := newTestRegistry(t)
	b := blobs{}
	d := b.image(t, "linux/amd64", layer(t, "x"))
	plain.push(t, b, "1", d)
	secure := httptest.NewUnstartedServer(plain.Config.Handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	ref := strings.TrimPrefix(secure.URL, "https://") + "/app:1"

	_, err := Remote(t.Context(), ref, anonymous())
	var e *RegistryError
	require.ErrorAs(t, err, &e)
	own := &http.Transport{}
	defer own.CloseIdleConnections()
	for _, opts := range [][]Option{
		{WithInsecure(true)},
		{WithInsecure(true), WithTransport(own)},
		{WithTransport(secure.Client().Transport)},
	} {
		img := remoteImage(t, ref, opts...)
		assert.Equal(t, d.Digest.String(), img.Target().Digest)
	}
	assert.False(t, own.TLSClientConfig != nil && own.TLSClientConfig.InsecureSkipVerify, "the caller's transport is not changed")
}

// TestManyOpenLayers opens more layers at once than go-containerregistry would
// let through by itself, before any is read.
func TestManyOpenLayers(t *testing.T) {
	reg := newTestRegistry(t)
	b := blobs{}
	var layers [][]byte
	for i := range 8 {
		layers = append(layers, layer(t, fmt.Sprint("file", i)))
	}
	d := b.image(t, "linux/amd64", layers...)
	reg.push(t, b, "1", d)
	img := remoteImage(t, reg.Host+"/app:1")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	var open []io.ReadCloser
	for i := range layers {
		r, err := img.OpenLayer(ctx, i)
		require.NoError(t, err)
		defer r.Close()
		open = append(open, r)
	}
	for i, r := range open {
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		assert.Equal(t, gzipOf(t, layers[i]), data)
	}
}
