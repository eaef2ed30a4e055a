package scan_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
)

var cancelCorpus = flag.String("cancel.corpus", "", "the folder of images that mkimages has built, to cancel scans of")

// running lists the goroutines that run code of the module, but for those of
// tests. It waits for them to end.
func running() []string {
	var left []string
	for deadline := time.Now().Add(time.Second); ; time.Sleep(time.Millisecond) {
		buf := make([]byte, 4<<20)
		left = left[:0]
		for i, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if i > 0 && strings.Contains(stack, "github.com/imagevet/imagevet/") && !strings.Contains(stack, "testing.tRunner") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
	}
}

// A stuck image is one whose layers stop in the middle until the context ends,
// as a network does.
type stuck struct{ *stacked }

func (s stuck) OpenLayer(ctx context.Context, i int) (io.ReadCloser, error) {
	half := bytes.NewReader(s.data[i][:len(s.data[i])/2])
	return io.NopCloser(io.MultiReader(half, waiting{ctx})), nil
}

type waiting struct{ ctx context.Context }

func (w waiting) Read([]byte) (int, error) {
	<-w.ctx.Done()
	return 0, w.ctx.Err()
}

// busy is an image with much to parse in compressed layers.
func busy(t *testing.T) *stacked {
	var status strings.Builder
	for i := range 1000 {
		status.WriteString(stanza(fmt.Sprintf("package-%d", i), "1.0", "source", "Debian <a@debian.org>"))
	}
	layers := []fstest.MapFS{{"usr/lib/os-release": {Data: []byte(osRelease)}, "var/lib/dpkg/status": {Data: []byte(status.String())}}}
	for n := range 4 {
		fsys := fstest.MapFS{}
		for i := range 100 {
			name := fmt.Sprintf("app%d/node_modules/m%d/package.json", n, i)
			fsys[name] = &fstest.MapFile{Data: fmt.Appendf(nil, `{"name":"m%d","version":"1.%d.0"}`, i, n)}
		}
		fsys[fmt.Sprintf("big%d", n)] = &fstest.MapFile{Data: bytes.Repeat([]byte("0123456789abcdef"), 1<<16)}
		layers = append(layers, fsys)
	}
	img := newStacked(t, layers...)
	for i, data := range img.data {
		var buf bytes.Buffer
		w := gzip.NewWriter(&buf)
		_, err := w.Write(data)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		img.data[i] = buf.Bytes()
	}
	return img
}

// TestCancelAnywhere cancels scans at random moments. Each returns at once, with the
// error of the context or its whole result, and leaves nothing behind.
func TestCancelAnywhere(t *testing.T) {
	img := busy(t)
	sources := map[string]func(ctx context.Context, s *scan.Scanner) (*scan.Report, error){
		"compressed layers": func(ctx context.Context, s *scan.Scanner) (*scan.Report, error) { return s.Scan(ctx, img) },
		"a stuck network":   func(ctx context.Context, s *scan.Scanner) (*scan.Report, error) { return s.Scan(ctx, stuck{img}) },
		"a compressed archive": func(ctx context.Context, s *scan.Scanner) (*scan.Report, error) {
			return s.Archive(ctx, "../testdata/images/alpine-3.8.tar.gz", "")
		},
		"a folder": func(ctx context.Context, s *scan.Scanner) (*scan.Report, error) { return s.Tree(ctx, "..") },
	}
	if *cancelCorpus != "" {
		files, err := filepath.Glob(filepath.Join(*cancelCorpus, "*.tar"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, f := range files {
			sources[f] = func(ctx context.Context, s *scan.Scanner) (*scan.Report, error) { return s.Archive(ctx, f, "") }
		}
	}
	s, err := scan.New(scan.WithDB(openDB(t, records...)))
	require.NoError(t, err)
	const rounds = 8
	for name, do := range sources {
		whole := 50 * time.Millisecond // how long a scan takes
		if name != "a stuck network" {
			start := time.Now()
			_, err := do(t.Context(), s)
			require.NoError(t, err, name)
			whole = time.Since(start)
		}
		var waits []time.Duration
		for range rounds {
			ctx, cancel := context.WithCancel(t.Context())
			var cancelled time.Time
			timer := time.AfterFunc(rand.N(whole+1), func() {
				cancelled = time.Now()
				cancel()
			})
			r, err := do(ctx, s)
			end := time.Now()
			if timer.Stop() { // it was faster than before
				require.NoError(t, err, name)
				cancel()
				continue
			}
			<-ctx.Done()
			if err == nil {
				require.NotNil(t, r, name)
				continue
			}
			require.ErrorIs(t, err, context.Canceled, name)
			require.Nil(t, r, name)
			waits = append(waits, end.Sub(cancelled))
		}
		assert.Empty(t, running(), "%s: goroutines that are left", name)
		if len(waits) == 0 {
			continue
		}
		slices.Sort(waits)
		t.Logf("%s: a scan takes %v; cancelled %d times it ends after %v, at most %v", name, whole.Round(time.Millisecond), len(waits), waits[len(waits)/2], waits[len(waits)-1])
		// The machine may be busy with other things for longer, but not always.
		assert.Less(t, waits[len(waits)/2], 100*time.Millisecond, name)
		assert.Less(t, waits[len(waits)-1], 2*time.Second, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, do := range sources {
		_, err := do(ctx, s)
		assert.ErrorIs(t, err, context.Canceled, name)
	}
}

// TestLeftovers: scans that fail leave no goroutine either.
func TestLeftovers(t *testing.T) {
	img := busy(t)
	for i := range img.data {
		img.data[i] = img.data[i][:len(img.data[i])/2]
	}
	s, err := scan.New()
	require.NoError(t, err)
	for range 3 {
		_, err = s.Scan(t.Context(), img)
		var e *sbom.LayerError
		require.ErrorAs(t, err, &e)
	}
	_, err = scan.Daemon(t.Context(), "a", scan.WithDaemonHost("unix:///nowhere"))
	assert.Error(t, err)
	assert.Empty(t, running())
}

// TestConcurrentScans scans with one Scanner and one database a hundred times
// at once. It is of most use with the race detector.
func TestConcurrentScans(t *testing.T) {
	db := openDB(t, append(records, advisory("CVE-2026-0100", "source", "", "low"))...)
	img := onDebian(t)
	s, err := scan.New(scan.WithDB(db), scan.WithBaseImage(img))
	require.NoError(t, err)
	sources := []func() (*scan.Report, error){
		func() (*scan.Report, error) { return s.Scan(t.Context(), img) },
		func() (*scan.Report, error) { return s.Scan(t.Context(), image.FS("bookworm", bookworm())) },
		func() (*scan.Report, error) {
			return s.Archive(t.Context(), "../testdata/images/alpine-3.8.tar.gz", "")
		},
		func() (*scan.Report, error) {
			return scan.Dir(t.Context(), "../examples/imagevet/testdata/rootfs", scan.WithDB(db))
		},
	}
	var want [][]byte
	for _, do := range sources {
		r, err := do()
		require.NoError(t, err)
		data, err := json.Marshal(r)
		require.NoError(t, err)
		want = append(want, data)
	}
	var group sync.WaitGroup
	errs := make([]error, 100)
	for i := range errs {
		group.Go(func() {
			r, err := sources[i%len(sources)]()
			if err != nil {
				errs[i] = err
				return
			}
			data, err := json.Marshal(r)
			if err == nil && !bytes.Equal(want[i%len(sources)], data) {
				err = errors.New("another report than that of one scan alone")
			}
			errs[i] = err
		})
	}
	group.Wait()
	for i, err := range errs {
		assert.NoError(t, err, i)
	}
	assert.Empty(t, running())
}
