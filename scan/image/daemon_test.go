package image

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A fakeDaemon answers like Docker, on a socket in a temporary folder.
type fakeDaemon struct {
	images  map[string][]byte // archives by reference
	version string
	cut     atomic.Bool  // the streams end in the middle
	slow    atomic.Bool  // the streams stop in the middle
	saves   atomic.Int32 // how many streams were asked for
	open    atomic.Int32 // how many are not over
	query   atomic.Value // of the last one
}

func (d *fakeDaemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/_ping" {
		w.Header().Set("Api-Version", d.version)
		io.WriteString(w, "OK")
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/v"+d.version+"/images/")
	ref, what := rest[:max(0, strings.LastIndexByte(rest, '/'))], rest[strings.LastIndexByte(rest, '/')+1:]
	data, found := d.images[ref]
	switch {
	case !ok || r.Method != http.MethodGet || what != "json" && what != "get":
		http.Error(w, "page not found", http.StatusBadRequest)
	case !found:
		w.WriteHeader(http.StatusNotFound)
		json.NewEncoder(w).Encode(map[string]string{"message": "No such image: " + ref})
	case what == "json":
		json.NewEncoder(w).Encode(map[string]string{"Id": "sha256:0"})
	default:
		d.saves.Add(1)
		d.open.Add(1)
		defer d.open.Add(-1)
		d.query.Store(r.URL.RawQuery)
		w.Header().Set("Content-Type", "application/x-tar")
		if d.cut.Load() || d.slow.Load() {
			w.Write(data[:len(data)/2])
			w.(http.Flusher).Flush()
			if d.slow.Load() {
				<-r.Context().Done()
			}
			panic(http.ErrAbortHandler)
		}
		w.Write(data)
	}
}

// serve starts a daemon and returns its address.
func (d *fakeDaemon) serve(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "d") // the path of a socket has to be short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Skipf("no unix sockets here: %v", err)
	}
	if d.version == "" {
		d.version = "1.47"
	}
	server := &http.Server{Handler: d}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return "unix://" + socket
}

// saved is what "docker save" writes for an image of these layers, in the form
// of version 25 and later.
func saved(t *testing.T, tag string, layers ...[]byte) []byte {
	t.Helper()
	b := blobs{}
	config := b.add(configOf(t, "linux/amd64", layers...), types.OCIConfigJSON)
	var names []string
	for _, l := range layers {
		names = append(names, blobName(b.add(l, types.OCIUncompressedLayer).Digest))
	}
	b["manifest.json"] = toJSON(t, []any{map[string]any{"Config": blobName(config.Digest), "RepoTags": []string{tag}, "Layers": names}})
	return tarOf(t, b, nil)
}

func TestDaemon(t *testing.T) {
	layers := [][]byte{layer(t, "a"), layer(t, "b"), layer(t, "a")}
	d := &fakeDaemon{images: map[string][]byte{
		"example/app:latest": saved(t, "example/app:latest", layers...),
		"0123456789ab":       saved(t, "x:1", layers[0]),
	}}
	host := WithDaemonHost(d.serve(t))
	img, err := Daemon(t.Context(), "example/app", host)
	require.NoError(t, err)
	assert.Equal(t, "example/app", img.Target().Name)
	assert.Equal(t, KindDaemon, img.Target().Kind)
	assert.Equal(t, "linux/amd64", img.Target().Platform)
	assert.True(t, img.Sequential())
	require.Len(t, img.Layers(), 3)
	assert.Equal(t, hashOf(layers[1]).String(), img.Layers()[1].DiffID)
	assert.Equal(t, "step 1", img.Layers()[1].CreatedBy)
	assert.EqualValues(t, 1, d.saves.Load())

	got := map[int][]byte{}
	require.NoError(t, img.WalkLayers(t.Context(), func(i int, r io.Reader) (err error) {
		_, seekable := r.(io.ReaderAt)
		assert.False(t, seekable)
		got[i], err = io.ReadAll(r)
		return err
	}))
	assert.Equal(t, map[int][]byte{0: layers[0], 1: layers[1]}, got, "a layer that is there twice comes once")
	assert.EqualValues(t, 2, d.saves.Load(), "one stream for what there is, one for the layers")
	r, err := img.OpenLayer(t.Context(), 1)
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, layers[1], data)
	require.NoError(t, r.Close())
	require.NoError(t, img.Close())
	assert.Eventually(t, func() bool { return d.open.Load() == 0 }, time.Second, time.Millisecond)

	img, err = Daemon(t.Context(), "0123456789ab", host, WithPlatform(Platform{OS: "linux", Architecture: "amd64"}))
	require.NoError(t, err)
	assert.NoError(t, img.Close())
	assert.Empty(t, d.query.Load(), "this interface knows no platforms")

	// The variables of the environment.
	t.Setenv("DOCKER_HOST", d.serve(t))
	img, err = Daemon(t.Context(), "example/app:latest")
	require.NoError(t, err)
	assert.NoError(t, img.Close())
	img, err = From(t.Context(), "docker://example/app")
	require.NoError(t, err)
	assert.NoError(t, img.Close())
	t.Setenv("CONTAINER_HOST", d.serve(t))
	img, err = From(t.Context(), "podman://example/app")
	require.NoError(t, err)
	assert.NoError(t, img.Close())
}

func TestDaemonPlatform(t *testing.T) {
	d := &fakeDaemon{version: "1.48", images: map[string][]byte{"a:1": saved(t, "a:1", layer(t, "a"))}}
	host := WithDaemonHost(d.serve(t))
	_, err := Daemon(t.Context(), "a:1", host, WithPlatform(Platform{OS: "linux", Architecture: "arm", Variant: "v7"}))
	assert.IsType(t, &PlatformError{}, err)
	assert.Equal(t, "platform=%7B%22architecture%22%3A%22arm%22%2C%22os%22%3A%22linux%22%2C%22variant%22%3A%22v7%22%7D", d.query.Load())
}

func TestDaemonErrors(t *testing.T) {
	clear := func() {
		for _, v := range []string{"DOCKER_HOST", "CONTAINER_HOST", "XDG_RUNTIME_DIR", "DOCKER_TLS_VERIFY"} {
			t.Setenv(v, "")
		}
	}
	clear()
	d := &fakeDaemon{images: map[string][]byte{
		"a:latest":     saved(t, "a:latest", layer(t, "a"), []byte(strings.Repeat("x", 1<<20))),
		"empty:latest": nil,
	}}
	addr := d.serve(t)
	host := WithDaemonHost(addr)
	var e *DaemonError

	_, err := Daemon(t.Context(), "b", host)
	require.ErrorAs(t, err, &e)
	assert.Equal(t, http.StatusNotFound, e.Status)
	assert.Equal(t, addr, e.Host)
	assert.Equal(t, `"b": the daemon at "`+addr+`" does not have it: check the name and the tag, or pull it first: it says "No such image: b:latest"`, err.Error())

	_, err = Daemon(t.Context(), "a", WithDaemonHost("unix:///nowhere/docker.sock"))
	require.ErrorAs(t, err, &e)
	assert.Zero(t, e.Status)
	assert.Contains(t, err.Error(), "check that it runs")

	_, err = openDaemon(t.Context(), "a", &config{}, []string{"/nowhere/a", "/nowhere/b"}, "DOCKER_HOST")
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "/nowhere/a, /nowhere/b", e.Host)
	assert.Contains(t, err.Error(), "none of these sockets is there")

	for _, addr := range []string{"ssh://me@host", "npipe:////./pipe/docker", "docker.sock", "unix://", "tcp://host", "fd://"} {
		t.Setenv("DOCKER_HOST", addr)
		_, err = Daemon(t.Context(), "a")
		require.ErrorAs(t, err, &e, addr)
		assert.Regexp(t, "unix:///path/to/socket|tcp://host:port", err.Error(), addr)
		_, err = Daemon(t.Context(), "a", WithDaemonHost(addr))
		assert.ErrorContains(t, err, "WithDaemonHost", addr)
	}
	t.Setenv("DOCKER_TLS_VERIFY", "1")
	_, err = newDaemonHost("tcp://127.0.0.1:2376")
	assert.ErrorContains(t, err, "TLS")
	clear()

	for _, ref := range []string{"", "A", "../containers/json", "a//b", "a/../b", "a?x=y", "a b"} {
		_, err = Daemon(t.Context(), ref, host)
		assert.IsType(t, &ReferenceError{}, err, ref)
	}
	_, err = Daemon(t.Context(), "a", host, WithReference("b"))
	assert.ErrorContains(t, err, "WithReference")

	_, err = Daemon(t.Context(), "empty", host)
	assert.IsType(t, &FormatError{}, err)

	// Something else listens.
	other := &http.Server{Handler: http.NotFoundHandler()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go other.Serve(l)
	defer other.Close()
	_, err = Daemon(t.Context(), "a", WithDaemonHost("tcp://"+l.Addr().String()))
	assert.ErrorContains(t, err, "does not answer like a daemon")

	// Streams that are cut are never taken for whole ones: first when it is
	// looked what the image consists of, then when the layers are read.
	d.cut.Store(true)
	_, err = Daemon(t.Context(), "a", host)
	assert.IsType(t, &FormatError{}, err)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	d.cut.Store(false)
	img, err := Daemon(t.Context(), "a", host)
	require.NoError(t, err)
	d.cut.Store(true)
	read := func(ctx context.Context) error {
		return img.WalkLayers(ctx, func(_ int, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
	}
	assert.ErrorIs(t, read(t.Context()), io.ErrUnexpectedEOF)
	d.cut.Store(false)

	// A stream that stops ends with the context.
	d.slow.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	start := time.Now()
	assert.ErrorIs(t, read(ctx), context.Canceled)
	assert.Less(t, time.Since(start), 5*time.Second)
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = Daemon(ctx, "a", host)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	d.slow.Store(false)

	// An image that has been replaced in between is noticed.
	d.images["a:latest"] = saved(t, "a:latest", layer(t, "other"))
	err = read(t.Context())
	assert.ErrorContains(t, err, "changed while it was read")
	assert.NoError(t, img.Close())
	assert.Eventually(t, func() bool { return d.open.Load() == 0 }, time.Second, time.Millisecond)
}

func TestFrom(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "app.tar")
	require.NoError(t, os.WriteFile(file, saved(t, "app:1", layer(t, "a")), 0o600))
	img, err := From(t.Context(), "archive:"+file, WithReference("app:1"))
	require.NoError(t, err)
	assert.Equal(t, KindDockerArchive, img.Target().Kind)
	assert.NoError(t, img.Close())
	img, err = From(t.Context(), "dir:"+dir)
	require.NoError(t, err)
	assert.Equal(t, KindRootFS, img.Target().Kind)
	assert.NoError(t, img.Close())
	_, err = From(t.Context(), "layout:"+dir)
	assert.IsType(t, &FormatError{}, err)
	_, err = From(t.Context(), "archive:")
	assert.ErrorContains(t, err, "nothing behind")
	_, err = From(t.Context(), "no reference")
	assert.IsType(t, &ReferenceError{}, err)
	_, err = From(t.Context(), "registry://no reference")
	assert.IsType(t, &ReferenceError{}, err)
}
