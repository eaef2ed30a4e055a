package sbom_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/sbom/cache"
)

// A remoteImage is an image of compressed layers with digests, as a registry has
// it, which counts what is opened.
type remoteImage struct {
	layers []sbom.Layer
	blobs  [][]byte
	opened *sync.Map // digest: *atomic.Int64
	// open replaces how a layer is opened, if it is not nil.
	open       func(ctx context.Context, i int, data []byte) (io.ReadCloser, error)
	sequential bool
	walks      *atomic.Int64
}

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, err := z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return buf.Bytes()
}

func remote(t testing.TB, layers ...[]byte) remoteImage {
	t.Helper()
	img := remoteImage{opened: &sync.Map{}, walks: &atomic.Int64{}}
	for i, data := range layers {
		blob := gzipped(t, data)
		img.blobs = append(img.blobs, blob)
		img.layers = append(img.layers, sbom.Layer{Index: i, Digest: digestOf(blob), DiffID: digestOf(data), CreatedBy: fmt.Sprintf("RUN %d", i)})
	}
	return img
}

// undigested leaves out the digests of the stored layers, as "docker save" does.
func (r remoteImage) undigested() remoteImage {
	r.layers = slices.Clone(r.layers)
	for i := range r.layers {
		r.layers[i].Digest = ""
	}
	return r
}

func (r remoteImage) Target() sbom.Target   { return sbom.Target{Name: "test", Kind: "test"} }
func (r remoteImage) Layers() []sbom.Layer  { return r.layers }
func (r remoteImage) LayerSize(i int) int64 { return int64(len(r.blobs[i])) }
func (r remoteImage) Sequential() bool      { return r.sequential }

func (r remoteImage) OpenLayer(ctx context.Context, i int) (io.ReadCloser, error) {
	n, _ := r.opened.LoadOrStore(digestOf(r.blobs[i]), &atomic.Int64{})
	n.(*atomic.Int64).Add(1)
	if r.open != nil {
		return r.open(ctx, i, r.blobs[i])
	}
	return io.NopCloser(bytes.NewReader(r.blobs[i])), nil
}

func (r remoteImage) WalkLayers(ctx context.Context, fn func(int, io.Reader) error) error {
	r.walks.Add(1)
	for i := range r.blobs {
		if err := fn(i, struct{ io.Reader }{bytes.NewReader(r.blobs[i])}); err != nil {
			return err
		}
	}
	return nil
}

// opens is how often layers were opened, all of them together.
func (r remoteImage) opens() int {
	n := 0
	r.opened.Range(func(_, v any) bool {
		n += int(v.(*atomic.Int64).Load())
		return true
	})
	return n
}

// A mapCache is a cache that a test can look into and make fail.
type mapCache struct {
	mu         sync.Mutex
	m          map[string][]byte
	gets, puts int
	getErr     error
	putErr     error
}

func newMapCache() *mapCache { return &mapCache{m: map[string][]byte{}} }

func (c *mapCache) Get(_ context.Context, key string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gets++
	return c.m[key], c.getErr
}

func (c *mapCache) Put(_ context.Context, key string, value []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.puts++
	if c.putErr == nil {
		c.m[key] = value
	}
	return c.putErr
}

func generator(t testing.TB, opts ...sbom.Option) *sbom.Generator {
	t.Helper()
	g, err := sbom.New(opts...)
	require.NoError(t, err)
	return g
}

// equalBOM compares inventories in all that can be seen of them.
func equalBOM(t *testing.T, want, got *sbom.BOM, args ...any) {
	t.Helper()
	texts := func(b *sbom.BOM) (out []string) {
		for _, p := range b.Problems {
			out = append(out, p.Error())
		}
		return out
	}
	assert.Equal(t, texts(want), texts(got), args...)
	w, g := *want, *got
	w.Problems, g.Problems = nil, nil
	assert.Equal(t, w, g, args...)
}

func debianRemote(t testing.TB) remoteImage { return remote(t, debian(t).layers...) }

func TestCache(t *testing.T) {
	extra := sbom.WithExtractors(metadata{})
	img := debianRemote(t)
	want, err := sbom.Generate(t.Context(), img, extra)
	require.NoError(t, err)
	require.NotEmpty(t, want.Problems)
	require.NotEmpty(t, want.Packages)
	for _, sequential := range []bool{false, true} {
		img := debianRemote(t)
		img.sequential = sequential
		c := newMapCache()
		for i, g := range []*sbom.Generator{generator(t, extra, sbom.WithCache(c)), generator(t, extra, sbom.WithCache(c), sbom.WithWorkers(1))} {
			for range 2 {
				got, err := g.Generate(t.Context(), img)
				require.NoError(t, err)
				equalBOM(t, want, got)
			}
			stats := g.CacheStats()
			if i == 0 {
				assert.Equal(t, sbom.CacheStats{Hits: 3, Misses: 3}, stats)
			} else {
				assert.Equal(t, sbom.CacheStats{Hits: 6}, stats, "another generator with the same options")
			}
		}
		assert.Len(t, c.m, 3)
		if sequential {
			assert.EqualValues(t, 1, img.walks.Load(), "the stream is read once")
		} else {
			assert.Equal(t, 3, img.opens(), "each layer is opened once")
		}
		for key := range c.m {
			assert.Regexp(t, "^[a-z0-9-]{1,80}$", key)
		}
	}
}

// A second image reads the layers only that the first has not.
func TestCacheOfASharedBase(t *testing.T) {
	layers := debian(t).layers
	c := newMapCache()
	g := generator(t, sbom.WithCache(c))
	first := remote(t, layers[0], layers[1])
	_, err := g.Generate(t.Context(), first)
	require.NoError(t, err)
	second := remote(t, layers[0], layers[2])
	want, err := sbom.Generate(t.Context(), remote(t, layers[0], layers[2]))
	require.NoError(t, err)
	got, err := g.Generate(t.Context(), second)
	require.NoError(t, err)
	equalBOM(t, want, got)
	assert.Equal(t, 2, first.opens())
	assert.Equal(t, 1, second.opens())
}

// Files that links lead to are read again, and that is kept too.
func TestCacheOfLayersThatAreReadAgain(t *testing.T) {
	img := remote(t, files(t, "var/lib/dpkg", "-> ../../usr/share/dpkg", "usr/share/dpkg/status", stanza("bash", "1", "")))
	want, err := sbom.Generate(t.Context(), img)
	require.NoError(t, err)
	require.Len(t, want.Packages, 1)
	require.Equal(t, 2, img.opens(), "the link is known only when the layer has been read")

	c := newMapCache()
	img = remote(t, files(t, "var/lib/dpkg", "-> ../../usr/share/dpkg", "usr/share/dpkg/status", stanza("bash", "1", "")))
	for range 3 {
		got, err := sbom.Generate(t.Context(), img, sbom.WithCache(c))
		require.NoError(t, err)
		equalBOM(t, want, got)
	}
	assert.Equal(t, 2, img.opens())

	// The cache may have lost one of the two.
	for key, value := range c.m {
		delete(c.m, key)
		got, err := sbom.Generate(t.Context(), img, sbom.WithCache(c))
		require.NoError(t, err)
		equalBOM(t, want, got)
		assert.Equal(t, value, c.m[key], "the same bytes as before")
	}
	assert.Equal(t, 4, img.opens())
}

// What an image states wrongly is an error as it is without a cache, and nothing
// is kept under it.
func TestCacheKeepsNothingThatIsNotProven(t *testing.T) {
	other := debianRemote(t)
	wrongDigest := debianRemote(t)
	wrongDigest.layers[1].Digest = other.layers[2].Digest
	wrongDiffID := debianRemote(t).undigested()
	wrongDiffID.layers[1].DiffID = other.layers[2].DiffID
	cut := debianRemote(t)
	cut.blobs[1] = cut.blobs[1][:len(cut.blobs[1])-9]
	unnamed := debianRemote(t).undigested()
	for i := range unnamed.layers {
		unnamed.layers[i].DiffID = ""
	}
	for name, tt := range map[string]struct {
		img  remoteImage
		fail bool
		kept int
	}{
		"the digest of another layer":                {wrongDigest, true, 2},
		"the diff ID of another layer":               {wrongDiffID, true, 2},
		"a layer that was cut":                       {cut, true, 2},
		"layers of which the image states no digest": {unnamed, false, 0},
	} {
		for _, sequential := range []bool{false, true} {
			tt.img.sequential = sequential
			c := newMapCache()
			g := generator(t, sbom.WithCache(c), sbom.WithWorkers(1))
			for range 2 {
				_, err := g.Generate(t.Context(), tt.img)
				if !tt.fail {
					require.NoError(t, err, name)
					continue
				}
				var failed *sbom.LayerError
				require.ErrorAs(t, err, &failed, name)
				assert.Equal(t, 1, failed.Index, name)
			}
			assert.LessOrEqual(t, len(c.m), tt.kept, name)
			assert.Zero(t, g.CacheStats().Errors, name)
		}
	}
}

// An image cannot make another one's layer look like its own: what counts is the
// stored layer that it names, with the diff ID that it states.
func TestCacheIsNotFooledByADiffID(t *testing.T) {
	good := remote(t, files(t, status, stanza("good", "1", "")))
	bad := remote(t, files(t, status, stanza("bad", "1", "")))
	bad.layers[0].DiffID = good.layers[0].DiffID
	c := newMapCache()
	_, err := sbom.Generate(t.Context(), good, sbom.WithCache(c))
	require.NoError(t, err)
	want, wantErr := sbom.Generate(t.Context(), bad)
	got, gotErr := sbom.Generate(t.Context(), bad, sbom.WithCache(c))
	require.Equal(t, wantErr, gotErr)
	if want != nil {
		equalBOM(t, want, got)
		assert.Equal(t, "bad", got.Packages[0].Name)
	}
	again, err := sbom.Generate(t.Context(), good, sbom.WithCache(c))
	require.NoError(t, err)
	assert.Equal(t, "good", again.Packages[0].Name)
}

// Plain layers on disk are kept only if they are read to their end.
func TestCacheOfPlainLayers(t *testing.T) {
	plain := debian(t)
	var layers []sbom.Layer
	for i, data := range plain.layers {
		layers = append(layers, sbom.Layer{DiffID: digestOf(data), CreatedBy: fmt.Sprintf("RUN %d", i)})
	}
	img := onDisk{plain, layers}
	want, err := sbom.Generate(t.Context(), img)
	require.NoError(t, err)
	c := newMapCache()
	for range 2 {
		got, err := sbom.Generate(t.Context(), img, sbom.WithCache(c))
		require.NoError(t, err)
		equalBOM(t, want, got)
	}
	assert.Empty(t, c.m)
	for i := range 2 {
		g := generator(t, sbom.WithCache(c), sbom.WithVerifiedLayers(true))
		got, err := g.Generate(t.Context(), img)
		require.NoError(t, err)
		equalBOM(t, want, got)
		assert.EqualValues(t, 3*i, g.CacheStats().Hits)
	}
	assert.Len(t, c.m, 3)
	img.infos = slices.Clone(layers)
	img.infos[1].DiffID = digestOf([]byte("something else"))
	_, err = sbom.Generate(t.Context(), img)
	require.NoError(t, err, "not read to the end, it is not noticed")
	_, err = sbom.Generate(t.Context(), img, sbom.WithCache(c), sbom.WithVerifiedLayers(true))
	var wrong *sbom.DigestError
	require.ErrorAs(t, err, &wrong)
	assert.Len(t, c.m, 3)
}

// onDisk has plain layers that can be read at any position.
type onDisk struct {
	archives
	infos []sbom.Layer
}

func (o onDisk) Layers() []sbom.Layer { return o.infos }

func (o onDisk) OpenLayer(_ context.Context, i int) (io.ReadCloser, error) {
	return struct {
		*io.SectionReader
		io.Closer
	}{io.NewSectionReader(bytes.NewReader(o.layers[i]), 0, int64(len(o.layers[i]))), io.NopCloser(nil)}, nil
}

// newer is the extractor metadata in its next version.
type newer struct{ metadata }

func (newer) Version() int { return 2 }

// wider is the extractor metadata with another pattern.
type wider struct{ metadata }

func (wider) Patterns() []sbom.Pattern { return []sbom.Pattern{{Glob: "**/META*"}} }

func TestCacheKeepsOptionsApart(t *testing.T) {
	c := newMapCache()
	img := debianRemote(t)
	sets := map[string][]sbom.Option{
		"defaults":              nil,
		"an extractor more":     {sbom.WithExtractors(metadata{})},
		"its next version":      {sbom.WithExtractors(newer{})},
		"its other pattern":     {sbom.WithExtractors(wider{})},
		"one less":              {sbom.WithoutExtractors("apk")},
		"another memory limit":  {sbom.WithMemoryLimit(1 << 20)},
		"files passed over":     {sbom.WithSkip("app/")},
		"more files passed ove": {sbom.WithSkip("app/", "usr/lib/python/")},
	}
	for name, opts := range sets {
		want, err := sbom.Generate(t.Context(), img, opts...)
		require.NoError(t, err)
		g := generator(t, append(opts, sbom.WithCache(c))...)
		got, err := g.Generate(t.Context(), img)
		require.NoError(t, err)
		equalBOM(t, want, got, name)
		assert.Equal(t, sbom.CacheStats{Misses: 3}, g.CacheStats(), name)
	}
	for name, opts := range map[string][]sbom.Option{
		"workers":        {sbom.WithWorkers(7)},
		"deleted":        {sbom.WithDeleted(true)},
		"lock files":     {sbom.WithLockfiles(sbom.LockfilesAlways)},
		"progress":       {sbom.WithProgress(func(sbom.Progress) {})},
		"verified again": {sbom.WithVerifiedLayers(true)},
	} {
		g := generator(t, append(opts, sbom.WithCache(c))...)
		_, err := g.Generate(t.Context(), img)
		require.NoError(t, err)
		assert.Equal(t, sbom.CacheStats{Hits: 3}, g.CacheStats(), "facts do not depend on %s", name)
	}
}

// Whatever a cache returns, the answer is right.
func TestCacheThatReturnsRubbish(t *testing.T) {
	img := debianRemote(t)
	want, err := sbom.Generate(t.Context(), img)
	require.NoError(t, err)
	c := newMapCache()
	_, err = sbom.Generate(t.Context(), img, sbom.WithCache(c))
	require.NoError(t, err)
	good := maps.Clone(c.m)
	keys := slices.Sorted(maps.Keys(good))
	for name, damage := range map[string]func(i int) []byte{
		"empty":            func(int) []byte { return []byte{} },
		"a byte":           func(int) []byte { return []byte{1} },
		"cut":              func(i int) []byte { return good[keys[i]][:len(good[keys[i]])-1] },
		"longer":           func(i int) []byte { return append(bytes.Clone(good[keys[i]]), 0) },
		"of another key":   func(i int) []byte { return good[keys[(i+1)%3]] },
		"a bit":            func(i int) []byte { b := bytes.Clone(good[keys[i]]); b[len(b)/2] ^= 4; return b },
		"another version":  func(i int) []byte { b := bytes.Clone(good[keys[i]]); b[7]++; return b },
		"somebody else's":  func(int) []byte { return []byte("<html>not found</html>") },
		"zeros":            func(i int) []byte { return make([]byte, len(good[keys[i]])) },
		"a wrong checksum": func(i int) []byte { b := bytes.Clone(good[keys[i]]); b[len(b)-1]++; return b },
	} {
		for i, key := range keys {
			c.m[key] = damage(i)
		}
		var log bytes.Buffer
		g := generator(t, sbom.WithCache(c), sbom.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		got, err := g.Generate(t.Context(), img)
		require.NoError(t, err, name)
		equalBOM(t, want, got, name)
		assert.Equal(t, sbom.CacheStats{Misses: 3, Rejected: 3}, g.CacheStats(), name)
		assert.Equal(t, 3, strings.Count(log.String(), "level=WARN msg=\"an entry of the layer cache is of no use\""), name)
		assert.Equal(t, good, c.m, "%s: the entries are mended", name)
	}
}

func TestCacheThatFails(t *testing.T) {
	layers := debian(t).layers
	img := remote(t, slices.Concat(layers, layers, layers)...)
	want, err := sbom.Generate(t.Context(), img)
	require.NoError(t, err)
	down := errors.New("connection refused")
	for name, tt := range map[string]struct {
		c    *mapCache
		logs int
	}{
		"Get": {&mapCache{m: map[string][]byte{}, getErr: down}, 3},
		"Put": {&mapCache{m: map[string][]byte{}, putErr: down}, 3},
	} {
		var log bytes.Buffer
		g := generator(t, sbom.WithCache(tt.c), sbom.WithWorkers(1), sbom.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		got, err := g.Generate(t.Context(), img)
		require.NoError(t, err, name)
		equalBOM(t, want, got, name)
		assert.EqualValues(t, tt.logs, g.CacheStats().Errors, name)
		assert.Equal(t, tt.logs, strings.Count(log.String(), "level=WARN msg=\"the layer cache failed\""), name)
		assert.Contains(t, log.String(), "connection refused", name)
		assert.LessOrEqual(t, tt.c.gets+tt.c.puts, 6, "%s: it is let alone", name)
		_, err = g.Generate(t.Context(), img)
		require.NoError(t, err, name)
		assert.Greater(t, g.CacheStats().Errors, int64(tt.logs), "%s: the next scan tries again", name)
	}
}

// blocking makes an image's layers wait until release is closed.
func blocking(img remoteImage, opened chan<- int, release <-chan struct{}) remoteImage {
	img.open = func(ctx context.Context, i int, data []byte) (io.ReadCloser, error) {
		opened <- i
		select {
		case <-release:
			return io.NopCloser(bytes.NewReader(data)), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return img
}

// Scans at the same time read a layer that they share once, with a cache or
// without.
func TestConcurrentScansShareLayers(t *testing.T) {
	const scans = 20
	want, err := sbom.Generate(t.Context(), debianRemote(t))
	require.NoError(t, err)
	for _, opts := range [][]sbom.Option{nil, {sbom.WithCache(newMapCache())}} {
		synctest.Test(t, func(t *testing.T) {
			opened, release := make(chan int, 100), make(chan struct{})
			img := blocking(debianRemote(t), opened, release)
			g := generator(t, append(opts, sbom.WithWorkers(3))...)
			var wg sync.WaitGroup
			boms := make([]*sbom.BOM, scans)
			for i := range scans {
				wg.Go(func() {
					var err error
					boms[i], err = g.Generate(t.Context(), img)
					assert.NoError(t, err)
				})
			}
			synctest.Wait()
			assert.Len(t, opened, 3, "the others wait")
			close(release)
			wg.Wait()
			assert.Equal(t, 3, img.opens())
			for _, bom := range boms {
				equalBOM(t, want, bom)
			}
			assert.EqualValues(t, 3*(scans-1), g.CacheStats().Shared)
			// Inventories belong to their scans: a change to one is none to others.
			for i := range boms[0].Packages {
				for j := range boms[0].Packages[i].Requires {
					boms[0].Packages[i].Requires[j] = "changed"
				}
				boms[0].Packages[i].Name = "changed"
			}
			equalBOM(t, want, boms[1])
		})
	}
}

// The end of a scan for which others wait is not their end.
func TestCancelledScanDoesNotFailOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened, release := make(chan int, 100), make(chan struct{})
		img := blocking(debianRemote(t), opened, release)
		broken := debianRemote(t)
		broken.open = func(ctx context.Context, _ int, _ []byte) (io.ReadCloser, error) {
			<-release
			return nil, errors.New("this one is broken")
		}
		g := generator(t, sbom.WithCache(newMapCache()), sbom.WithWorkers(3))
		first, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := g.Generate(first, img)
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		waiting, stop := context.WithCancel(t.Context())
		for range 5 {
			wg.Go(func() {
				_, err := g.Generate(t.Context(), img)
				assert.NoError(t, err)
			})
			wg.Go(func() {
				_, err := g.Generate(waiting, img)
				assert.ErrorIs(t, err, context.Canceled)
			})
		}
		synctest.Wait()
		assert.Len(t, opened, 3)
		stop() // of those that wait
		cancel()
		synctest.Wait()
		assert.Len(t, opened, 6, "another one reads now")
		wg.Go(func() {
			_, err := g.Generate(t.Context(), broken)
			assert.NoError(t, err, "it gets what the other reads")
		})
		synctest.Wait()
		close(release)
		wg.Wait()
		assert.Equal(t, 6, img.opens())

		// The other way round: who waits for a broken source reads its own.
		g = generator(t, sbom.WithWorkers(3))
		release = make(chan struct{})
		wg.Go(func() {
			_, err := g.Generate(t.Context(), broken)
			assert.ErrorContains(t, err, "this one is broken")
		})
		synctest.Wait()
		good := debianRemote(t)
		wg.Go(func() {
			_, err := g.Generate(t.Context(), good)
			assert.NoError(t, err)
		})
		synctest.Wait()
		assert.Zero(t, good.opens())
		close(release)
		wg.Wait()
		assert.Equal(t, 3, good.opens())
	})
}

// Nobody waits for a layer that comes in drops.
func TestStalledScanDoesNotHoldOthersUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := debianRemote(t)
		slow.open = func(ctx context.Context, _ int, data []byte) (io.ReadCloser, error) {
			return io.NopCloser(drops{ctx, bytes.NewReader(data)}), nil
		}
		g := generator(t, sbom.WithWorkers(3))
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := g.Generate(ctx, slow)
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		start := time.Now()
		_, err := g.Generate(t.Context(), debianRemote(t))
		assert.NoError(t, err)
		assert.Less(t, time.Since(start), 20*time.Second)
		cancel()
		wg.Wait()
	})
}

// A layer that comes slowly but steadily is waited for, wherever it lies.
func TestSlowScanIsWaitedFor(t *testing.T) {
	noise := make([]byte, 4<<20)
	_, err := io.ReadFull(rand.NewChaCha8([32]byte{}), noise)
	require.NoError(t, err)
	data := files(t, status, stanza("bash", "1", ""), "noise", string(noise))
	for _, onDisk := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			img := remote(t, data)
			img.open = func(_ context.Context, _ int, data []byte) (io.ReadCloser, error) {
				r := &slowly{io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))}
				if onDisk {
					return r, nil
				}
				return struct{ io.ReadCloser }{r}, nil
			}
			g := generator(t)
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					bom, err := g.Generate(t.Context(), img)
					assert.NoError(t, err)
					assert.Len(t, bom.Packages, 1)
				})
			}
			start := time.Now()
			wg.Wait()
			assert.Greater(t, time.Since(start), 2*stallTime)
			assert.Equal(t, 1, img.opens())
		})
	}
}

// stallTime is that of the package.
const stallTime = 5 * time.Second

// slowly gives 100 kB in a quarter of a second.
type slowly struct{ *io.SectionReader }

func (s *slowly) Read(p []byte) (int, error) {
	time.Sleep(250 * time.Millisecond)
	return s.SectionReader.Read(p[:min(len(p), 100_000)])
}

func (s *slowly) Close() error { return nil }

// drops gives a byte in a second.
type drops struct {
	ctx context.Context
	r   io.Reader
}

func (d drops) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		return d.r.Read(p[:1])
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

// Plain layers on disk cannot be shared, so no scan waits for another.
func TestPlainLayersAreNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := debian(t).layers[0]
		img := onDisk{archives{layers: [][]byte{data}}, []sbom.Layer{{DiffID: digestOf(data)}}}
		g := generator(t)
		release := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := g.Generate(t.Context(), stuckOnDisk{img, release})
			assert.NoError(t, err)
		})
		synctest.Wait()
		start := time.Now()
		bom, err := g.Generate(t.Context(), img)
		require.NoError(t, err)
		assert.Len(t, bom.Packages, 1)
		assert.Zero(t, time.Since(start))
		close(release)
		wg.Wait()
		assert.Zero(t, g.CacheStats().Shared)
	})
}

// stuckOnDisk can be opened, and read when release is closed.
type stuckOnDisk struct {
	onDisk
	release chan struct{}
}

func (s stuckOnDisk) OpenLayer(ctx context.Context, i int) (io.ReadCloser, error) {
	r, err := s.onDisk.OpenLayer(ctx, i)
	return &stuckReader{r.(sized), s.release, false}, err
}

type sized interface {
	io.ReadCloser
	io.ReaderAt
	Size() int64
}

// A stuckReader gives away how a layer begins, and no more.
type stuckReader struct {
	sized
	release chan struct{}
	begun   bool
}

func (s *stuckReader) ReadAt(p []byte, off int64) (int, error) {
	if s.begun {
		<-s.release
	}
	s.begun = true
	return s.sized.ReadAt(p, off)
}

// Many scans of several images with one cache, some of them cut short: each gives
// its own answer, and no goroutine is left.
func TestCacheUnderLoad(t *testing.T) {
	layers := debian(t).layers
	images := []remoteImage{remote(t, layers...), remote(t, layers[0], layers[2]), remote(t, layers[1], layers[0]), remote(t, layers[2], layers[1], layers[2])}
	var want []*sbom.BOM
	for _, img := range images {
		bom, err := sbom.Generate(t.Context(), img)
		require.NoError(t, err)
		want = append(want, bom)
	}
	before := runtime.NumGoroutine()
	memory, err := cache.NewMemory(20 << 10) // room for a few
	require.NoError(t, err)
	folder, err := cache.NewFolder(t.TempDir(), cache.WithMaxSize(20<<10))
	require.NoError(t, err)
	for _, c := range []sbom.Cache{memory, folder} {
		g := generator(t, sbom.WithCache(c), sbom.WithProgress(func(sbom.Progress) {}))
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%7 == 0 {
					go cancel()
				}
				bom, err := g.Generate(ctx, images[i%len(images)])
				if err != nil {
					assert.ErrorIs(t, err, context.Canceled)
					assert.Zero(t, i%7, "%v", err)
					return
				}
				equalBOM(t, want[i%len(images)], bom)
			})
		}
		wg.Wait()
		stats := g.CacheStats()
		assert.Zero(t, stats.Errors)
		assert.Zero(t, stats.Rejected)
		assert.Positive(t, stats.Hits+stats.Shared)
	}
	for range 500 { // those that the test has started may not have ended yet
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), before)
}

func TestCacheOptionErrors(t *testing.T) {
	for want, opt := range map[string]sbom.Option{
		"sbom: WithCache(nil)":  sbom.WithCache(nil),
		"sbom: WithLogger(nil)": sbom.WithLogger(nil),
	} {
		_, err := sbom.New(opt)
		assert.ErrorContains(t, err, want)
	}
}

func TestProgress(t *testing.T) {
	for _, sequential := range []bool{false, true} {
		img := debianRemote(t)
		img.sequential = sequential
		total := int64(0)
		for i := range img.blobs {
			total += img.LayerSize(i)
		}
		var calls []sbom.Progress
		inside := atomic.Int32{}
		g := generator(t, sbom.WithCache(newMapCache()), sbom.WithProgress(func(p sbom.Progress) {
			assert.EqualValues(t, 1, inside.Add(1), "one call after the other")
			calls = append(calls, p)
			inside.Add(-1)
		}))
		for _, cached := range []int{0, 3} {
			calls = nil
			_, err := g.Generate(t.Context(), img)
			require.NoError(t, err)
			require.GreaterOrEqual(t, len(calls), 3)
			assert.Equal(t, sbom.Progress{Target: "test", Stage: "layers", Layers: 3, Total: total}, calls[0])
			end := len(calls) - 2
			assert.Equal(t, sbom.Progress{Target: "test", Stage: "layers", Layers: 3, Read: 3, Cached: cached, Done: total, Total: total}, calls[end])
			assert.Equal(t, sbom.Progress{Target: "test", Stage: "merge"}, calls[end+1])
			for i := 1; i <= end; i++ {
				assert.LessOrEqual(t, calls[i-1].Done, calls[i].Done)
				assert.LessOrEqual(t, calls[i-1].Read, calls[i].Read)
			}
		}
	}
}

// A slow listener holds up the one that tells it, and nobody else.
func TestProgressDoesNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		img := debianRemote(t)
		img.open = func(_ context.Context, i int, data []byte) (io.ReadCloser, error) {
			time.Sleep(time.Duration(i+1) * time.Second) // so that there is something to tell
			return io.NopCloser(bytes.NewReader(data)), nil
		}
		stuck := make(chan struct{})
		n := 0
		g := generator(t, sbom.WithWorkers(3), sbom.WithProgress(func(p sbom.Progress) {
			if n++; n == 2 {
				<-stuck
			}
		}))
		done := make(chan error)
		go func() {
			_, err := g.Generate(t.Context(), img)
			done <- err
		}()
		time.Sleep(time.Minute)
		assert.Equal(t, 3, img.opens(), "the other layers are read meanwhile")
		close(stuck)
		require.NoError(t, <-done)
	})
}

func ExampleWithCache() {
	dir := "cache" // of any number of programs
	folder, err := cache.NewFolder(dir, cache.WithMaxSize(1<<30))
	if err != nil {
		fmt.Println(err)
		return
	}
	generator, err := sbom.New(sbom.WithCache(folder))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+v\n", generator.CacheStats())
	// Output: {Hits:0 Misses:0 Shared:0 Rejected:0 Errors:0}
}
