package scan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/regclient/regclienttest"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/sbom/cache"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/scan/report"
)

// A byteCounter counts the bytes of answers.
type byteCounter struct{ n atomic.Int64 }

func (c *byteCounter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		resp.Body = &countedBody{resp.Body, c}
	}
	return resp, err
}

type countedBody struct {
	io.ReadCloser
	c *byteCounter
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.c.n.Add(int64(n))
	return n, err
}

// pushLayers pushes an image of a layer for each file system.
func pushLayers(t *testing.T, ref string, layers ...fstest.MapFS) []v1.Layer {
	t.Helper()
	img, list := v1Image(t, layers...)
	parsed, err := name.ParseReference(ref)
	require.NoError(t, err)
	require.NoError(t, remote.Write(parsed, img))
	return list
}

func v1Image(t *testing.T, layers ...fstest.MapFS) (img v1.Image, list []v1.Layer) {
	t.Helper()
	img = emptyImage(t)
	for _, fsys := range layers {
		var buf bytes.Buffer
		writeTar(t, &buf, fsys)
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
		require.NoError(t, err)
		img, err = mutate.Append(img, mutate.Addendum{Layer: layer})
		require.NoError(t, err)
		list = append(list, layer)
	}
	return img, list
}

func jsonReport(t *testing.T, r *scan.Report) string {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, report.Write(&buf, r, report.JSON, report.WithPackages(true)))
	return buf.String()
}

// Of an image in a registry only the layers are downloaded that are not known.
func TestCacheOfARegistry(t *testing.T) {
	reg := regclienttest.New(t)
	large := bookworm()
	noise := make([]byte, 1<<20) // that gzip can do nothing with
	seed := uint32(1)
	for i := range noise {
		seed = seed*1664525 + 1013904223
		noise[i] = byte(seed >> 24)
	}
	large["usr/share/noise"] = &fstest.MapFile{Data: noise}
	app := fstest.MapFS{"lib/apk/db/installed": {Data: []byte("broken\x00")}, "srv/node_modules/x/package.json": {Data: []byte(`{"name":"x","version":"1.0.0"}`)}}
	layers := pushLayers(t, reg.Host+"/team/app:1", large, app)
	app2 := fstest.MapFS{"srv/node_modules/x/package.json": {Data: []byte(`{"name":"x","version":"2.0.0"}`)}}
	layers2 := pushLayers(t, reg.Host+"/team/app:2", large, app2)
	digest := func(l v1.Layer) string {
		d, err := l.Digest()
		require.NoError(t, err)
		return d.String()
	}
	folder, err := cache.NewFolder(t.TempDir())
	require.NoError(t, err)
	down := &byteCounter{}
	opts := []scan.Option{
		scan.WithPlatform("linux/amd64"), scan.WithKeychain(authn.NewMultiKeychain()), scan.WithTransport(down), scan.WithDB(openDB(t, records...)),
	}
	uncached, err := scan.New(opts...)
	require.NoError(t, err)
	for _, tt := range []struct {
		tag      string
		blobs    []string // of layers that are downloaded
		min, max int64    // bytes
	}{
		{"1", []string{digest(layers[0]), digest(layers[1])}, 1 << 20, 2 << 20},
		{"1", nil, 0, 10 << 10},
		{"2", []string{digest(layers2[1])}, 0, 10 << 10},
		{"2", nil, 0, 10 << 10},
	} {
		ref := reg.Host + "/team/app:" + tt.tag
		want, err := uncached.Image(t.Context(), ref)
		require.NoError(t, err)
		s, err := scan.New(append(opts, scan.WithCache(folder))...) // as another process would
		require.NoError(t, err)
		reg.Misbehave(nil)
		down.n.Store(0)
		got, err := s.Image(t.Context(), ref)
		require.NoError(t, err)
		assert.Equal(t, jsonReport(t, want), jsonReport(t, got))
		assert.NotEmpty(t, got.Findings)
		assert.Len(t, reg.Asked("/blobs/"), len(tt.blobs)+1, "and the configuration")
		for _, blob := range tt.blobs {
			assert.Len(t, reg.Asked(blob), 1)
		}
		assert.GreaterOrEqual(t, down.n.Load(), tt.min)
		assert.LessOrEqual(t, down.n.Load(), tt.max)
		assert.EqualValues(t, 2-len(tt.blobs), s.CacheStats().Hits)
		assert.EqualValues(t, len(tt.blobs), s.CacheStats().Misses)
	}
}

// Two images that are scanned at the same time download their base once.
func TestSharedBaseIsDownloadedOnce(t *testing.T) {
	reg := regclienttest.New(t)
	layers := pushLayers(t, reg.Host+"/app:1", bookworm(), fstest.MapFS{"a": {Data: []byte("1")}})
	pushLayers(t, reg.Host+"/app:2", bookworm(), fstest.MapFS{"a": {Data: []byte("2")}})
	base, err := layers[0].Digest()
	require.NoError(t, err)
	asked, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	reg.Misbehave(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, base.String()) {
			once.Do(func() { close(asked) })
			<-release
		}
		return false
	})
	// Those that come too late to wait for the first find it in the cache.
	memory, err := cache.NewMemory(1 << 20)
	require.NoError(t, err)
	s, err := scan.New(scan.WithPlatform("linux/amd64"), scan.WithKeychain(authn.NewMultiKeychain()), scan.WithCache(memory))
	require.NoError(t, err)
	var wg sync.WaitGroup
	image := func(tag string) {
		wg.Go(func() {
			r, err := s.Image(t.Context(), reg.Host+"/app:"+tag)
			assert.NoError(t, err)
			assert.Len(t, r.Packages, 3)
		})
	}
	image("1")
	<-asked
	for range 5 {
		image("2")
	}
	close(release)
	wg.Wait()
	assert.Len(t, reg.Asked(base.String()), 1)
}

// A hundred scans at the same time, some of which are cut short, with one database
// and one cache: every report is the right one, and no goroutine is left.
func TestConcurrentScansWithOneCache(t *testing.T) {
	root := t.TempDir()
	var dirs, want []string
	db := openDB(t, records...)
	plain, err := scan.New(scan.WithDB(db), scan.WithPlatform("linux/amd64"))
	require.NoError(t, err)
	for i, app := range []string{"1.0.0", "2.0.0", "3.0.0"} {
		dir := filepath.Join(root, app)
		dirs = append(dirs, dir)
		path, err := layout.Write(dir, empty.Index)
		require.NoError(t, err)
		img, _ := v1Image(t, bookworm(), fstest.MapFS{fmt.Sprintf("srv/%d/node_modules/x/package.json", i): {Data: []byte(`{"name":"x","version":"` + app + `"}`)}})
		require.NoError(t, path.AppendImage(img))
		r, err := plain.Layout(t.Context(), dir, "")
		require.NoError(t, err)
		want = append(want, jsonReport(t, r))
	}
	before := runtime.NumGoroutine()
	folder, err := cache.NewFolder(filepath.Join(root, "cache"))
	require.NoError(t, err)
	s, err := scan.New(scan.WithDB(db), scan.WithPlatform("linux/amd64"), scan.WithCache(folder), scan.WithProgress(func(scan.Progress) {}))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%9 == 0 {
				go cancel()
			}
			r, err := s.Layout(ctx, dirs[i%3], "")
			if err != nil {
				assert.ErrorIs(t, err, context.Canceled)
				assert.Zero(t, i%9, "%v", err)
				return
			}
			assert.Equal(t, want[i%3], jsonReport(t, r))
		})
	}
	wg.Wait()
	stats := s.CacheStats()
	assert.Zero(t, stats.Errors)
	assert.Zero(t, stats.Rejected)
	assert.Positive(t, stats.Hits+stats.Shared)
	info, err := folder.Info(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 4, info.Entries, "the base, and a layer for each")
	for range 500 { // those that the test has started may not have ended yet
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), before)
}

// failing is a cache that is out of order.
type failing struct{}

func (failing) Get(context.Context, string) ([]byte, error) {
	return nil, errors.New("redis: connection refused")
}

func (failing) Put(context.Context, string, []byte) error {
	return errors.New("redis: connection refused")
}

func TestCacheOutOfOrder(t *testing.T) {
	reg := regclienttest.New(t)
	pushLayers(t, reg.Host+"/app:1", bookworm())
	var text bytes.Buffer
	s, err := scan.New(scan.WithCache(failing{}), scan.WithPlatform("linux/amd64"), scan.WithKeychain(authn.NewMultiKeychain()),
		scan.WithLogger(slog.New(slog.NewTextHandler(&text, nil))))
	require.NoError(t, err)
	r, err := s.Image(t.Context(), reg.Host+"/app:1")
	require.NoError(t, err)
	assert.Len(t, r.Packages, 3)
	assert.EqualValues(t, 2, s.CacheStats().Errors)
	assert.Contains(t, text.String(), `level=WARN msg="the layer cache failed" call=Get`)
	assert.Contains(t, text.String(), "connection refused")

	_, err = scan.New(scan.WithCache(nil))
	assert.ErrorContains(t, err, "scan: WithCache(nil)")
	_, err = scan.New(scan.WithProgress(nil))
	assert.ErrorContains(t, err, "scan: WithProgress(nil)")
}

func TestProgressOfARegistry(t *testing.T) {
	reg := regclienttest.New(t)
	layers := pushLayers(t, reg.Host+"/app:1", bookworm(), fstest.MapFS{"a": {Data: []byte("1")}})
	total := int64(0)
	for _, l := range layers {
		size, err := l.Size()
		require.NoError(t, err)
		total += size
	}
	var stages []string
	var last scan.Progress
	s, err := scan.New(scan.WithPlatform("linux/amd64"), scan.WithKeychain(authn.NewMultiKeychain()), scan.WithProgress(func(p scan.Progress) {
		if len(stages) == 0 || stages[len(stages)-1] != p.Stage {
			stages = append(stages, p.Stage)
		}
		if p.Stage == scan.StageLayers {
			last = p
		}
		assert.Equal(t, reg.Host+"/app:1", p.Target)
	}))
	require.NoError(t, err)
	_, err = s.Image(t.Context(), reg.Host+"/app:1")
	require.NoError(t, err)
	assert.Equal(t, []string{scan.StageOpen, scan.StageLayers, scan.StageMerge, scan.StageMatch}, stages)
	assert.Equal(t, scan.Progress{Target: reg.Host + "/app:1", Stage: scan.StageLayers, Layers: 2, Read: 2, Done: total, Total: total}, last)
}

// A store is all that a cache of one's own needs: here a map, with a server such
// as Redis it is hardly more.
type store struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (s *store) Get(_ context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[key], nil
}

func (s *store) Put(_ context.Context, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[key] = value
	return nil
}

func ExampleWithCache() {
	s, err := scan.New(scan.WithCache(&store{m: map[string][]byte{}}))
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		if _, err := s.Archive(context.Background(), "../testdata/images/alpine-3.8.tar.gz", ""); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%+v\n", s.CacheStats())
	}
	// Output:
	// {Hits:0 Misses:3 Shared:0 Rejected:0 Errors:0}
	// {Hits:3 Misses:3 Shared:0 Rejected:0 Errors:0}
}

func ExampleWithProgress() {
	root := fstest.MapFS{"lib/apk/db/installed": {Data: []byte("P:musl\nV:1.2.4-r4\nA:x86_64\n\n")}}
	s, err := scan.New(scan.WithProgress(func(p scan.Progress) {
		fmt.Printf("%s: %s, layer %d of %d\n", p.Target, p.Stage, p.Read, p.Layers)
	}))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := s.Scan(context.Background(), image.FS("example", root)); err != nil {
		log.Fatal(err)
	}
	// Output:
	// example: layers, layer 0 of 1
	// example: layers, layer 1 of 1
	// example: layers, layer 1 of 1
	// example: merge, layer 0 of 0
	// example: match, layer 0 of 0
}

var _ sbom.Cache = (*store)(nil)
