package regclient

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan/image/registry"
)

// A flaky server has one blob and sends it as a test says.
type flaky struct {
	*httptest.Server
	data []byte

	mu    sync.Mutex
	asked []string // the Range of each request for the blob
	sent  int      // bytes of bodies
	// answer is what sends the n-th answer, counted from 0. Nil stands for
	// the right one.
	answer func(n int, w http.ResponseWriter, r *http.Request) bool
}

func newFlaky(tb testing.TB, size int) *flaky {
	tb.Helper()
	f := &flaky{data: make([]byte, size)}
	for i := range f.data {
		f.data[i] = byte(i*7 + i>>8)
	}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	tb.Cleanup(f.Close)
	return f
}

func (f *flaky) serve(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.URL.Path, "/blobs/") {
		return // the ping: no credentials are needed
	}
	f.mu.Lock()
	n := len(f.asked)
	f.asked = append(f.asked, r.Header.Get("Range"))
	f.mu.Unlock()
	counted := &counting{ResponseWriter: w, f: f}
	if f.answer == nil || !f.answer(n, counted, r) {
		f.part(counted, r, len(f.data))
	}
}

// counting counts what is sent.
type counting struct {
	http.ResponseWriter
	f *flaky
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.f.mu.Lock()
	c.f.sent += n
	c.f.mu.Unlock()
	return n, err
}

func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// part sends what was asked for, but breaks off the connection after so many
// bytes of it.
func (f *flaky) part(w http.ResponseWriter, r *http.Request, most int) {
	from := 0
	if text, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
		first, _, _ := strings.Cut(text, "-")
		from, _ = strconv.Atoi(first)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(f.data)-1, len(f.data)))
	}
	rest := f.data[from:]
	w.Header().Set("Content-Length", strconv.Itoa(len(rest)))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	if most >= len(rest) {
		_, _ = w.Write(rest)
		return
	}
	hangUp(w, rest[:most])
}

// hangUp sends something and breaks off the connection.
func hangUp(w http.ResponseWriter, data []byte) {
	_, _ = w.Write(data)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// requests returns the ranges that were asked for.
func (f *flaky) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// total returns how much was sent.
func (f *flaky) total() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent
}

func (f *flaky) digest() v1.Hash {
	sum := sha256.Sum256(f.data)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

func (f *flaky) blob() Blob { return Blob{Digest: f.digest(), Size: int64(len(f.data))} }

func (f *flaky) client(tb testing.TB, c registry.Config) *Client {
	tb.Helper()
	if c.Keychain == nil {
		c.Keychain = authn.NewMultiKeychain()
	}
	repo, err := name.NewRepository(strings.TrimPrefix(f.URL, "http://") + "/app")
	require.NoError(tb, err)
	client, err := New("asked", repo, &c, false)
	require.NoError(tb, err)
	tb.Cleanup(func() { client.Close() })
	client.pause = func(int) time.Duration { return time.Millisecond }
	return client
}

// read reads the blob, in pieces as a caller may.
func (f *flaky) read(tb testing.TB, c *Client) ([]byte, error) {
	tb.Helper()
	r, err := c.Blob(tb.Context(), f.blob())
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// TestResume has a server that hangs up at random places: what arrived is not
// asked for again.
func TestResume(t *testing.T) {
	const size = 3 << 20
	f := newFlaky(t, size)
	rng := rand.New(rand.NewPCG(1, 2))
	cuts := []int{rng.IntN(size / 3), rng.IntN(size / 3), 1, rng.IntN(size / 4)}
	f.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n < len(cuts) {
			f.part(w, r, cuts[n])
			return true
		}
		return false
	}
	got, err := f.read(t, f.client(t, registry.Config{}))
	require.NoError(t, err)
	assert.True(t, bytes.Equal(f.data, got))
	assert.Equal(t, size, f.total(), "no byte is sent twice")
	want, at := []string{""}, 0
	for _, cut := range cuts {
		at += cut
		want = append(want, fmt.Sprintf("bytes=%d-%d", at, size-1))
	}
	assert.Equal(t, want, f.requests())
}

// TestResumeAnswers has a server that hangs up once, and then answers the
// request for the rest in one way or another.
func TestResumeAnswers(t *testing.T) {
	const size, cut = 200_000, 70_000
	whole := func(f *flaky, w http.ResponseWriter) { // as a server that knows no ranges
		w.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = w.Write(f.data)
	}
	tests := []struct {
		name     string
		second   func(f *flaky, w http.ResponseWriter, r *http.Request)
		requests int
		damaged  bool
	}{
		{"no ranges", func(f *flaky, w http.ResponseWriter, _ *http.Request) { whole(f, w) }, 2, false},
		{"no ranges, and other bytes before", func(f *flaky, w http.ResponseWriter, _ *http.Request) {
			data := bytes.Clone(f.data)
			data[5]++
			_, _ = w.Write(data)
		}, 2, true},
		{"other bytes after", func(f *flaky, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", cut, size-1, size))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(make([]byte, size-cut))
		}, 2, true},
		{"another part", func(f *flaky, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", size-1, size))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(f.data)
		}, 3, false},
		{"a part of something longer", func(f *flaky, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", cut, size-1, size+5))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(f.data[cut:])
		}, 3, false},
		{"a part without a range", func(f *flaky, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(f.data[cut:])
		}, 3, false},
		{"ranges overflow", func(f *flaky, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 99999999999999999999-99999999999999999999/99999999999999999999")
			w.WriteHeader(http.StatusPartialContent)
		}, 3, false},
		{"416", func(_ *flaky, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		}, 3, false},
		{"half of the part, as is allowed", func(f *flaky, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", cut, cut+9, size))
			w.Header().Set("Content-Length", "10")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(f.data[cut : cut+10])
		}, 3, false},
		{"503", func(_ *flaky, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, 3, false},
		{"429 with Retry-After", func(_ *flaky, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}, 3, false},
	}
	for _, tt := range tests {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			f := newFlaky(t, size)
			f.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
				switch n {
				case 0:
					f.part(w, r, cut)
				case 1:
					tt.second(f, w, r)
				default:
					if r.Header.Get("Range") == "" {
						whole(f, w)
						return true
					}
					return false
				}
				return true
			}
			got, err := f.read(t, f.client(t, registry.Config{}))
			assert.Len(t, f.requests(), tt.requests)
			if tt.damaged {
				var e *inventory.DigestError
				require.ErrorAs(t, err, &e)
				assert.Equal(t, f.digest().String(), e.Want)
				return
			}
			require.NoError(t, err)
			assert.True(t, bytes.Equal(f.data, got))
		})
	}
}

// TestResumeGivesUp has servers that never come to an end.
func TestResumeGivesUp(t *testing.T) {
	config := registry.Config{Attempts: 2}
	t.Run("always_at_the_same_place", func(t *testing.T) {
		t.Parallel()
		f := newFlaky(t, 1000)
		f.answer = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("Range")
			f.part(w, r, 100)
			return true
		}
		_, err := f.read(t, f.client(t, config))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.LessOrEqual(t, len(f.requests()), 4)
	})
	t.Run("a_byte_at_a_time", func(t *testing.T) {
		t.Parallel()
		f := newFlaky(t, 1000)
		f.answer = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			f.part(w, r, 1)
			return true
		}
		_, err := f.read(t, f.client(t, config))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Len(t, f.requests(), maxBreaks+1)
	})
	t.Run("ends_early_without_length", func(t *testing.T) {
		t.Parallel()
		f := newFlaky(t, 1000)
		f.answer = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return true
			}
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write(f.data[:10])
			return true
		}
		_, err := f.read(t, f.client(t, registry.Config{Attempts: 4}))
		var e *inventory.DigestError
		require.ErrorAs(t, err, &e)
		assert.EqualValues(t, 10, e.GotSize)
	})
}

// TestStall has a server that stops to send, but keeps the connection.
func TestStall(t *testing.T) {
	f := newFlaky(t, 100_000)
	f.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > 0 {
			return false
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(f.data)))
		_, _ = w.Write(f.data[:50_000])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return true
	}
	c := f.client(t, registry.Config{})
	c.guard.stall = 100 * time.Millisecond
	r, err := c.Blob(t.Context(), f.blob())
	require.NoError(t, err)
	defer r.Close()
	time.Sleep(3 * c.guard.stall) // who reads slowly is not the registry
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(f.data, got))
	assert.Equal(t, []string{"", "bytes=50000-99999"}, f.requests())
}

// TestSlowAnswers has a server that stops in all kinds of answers, and one
// that does not stop.
func TestSlowAnswers(t *testing.T) {
	for _, path := range []string{"/v2/", "/v2/app/manifests/1"} {
		for _, status := range []int{http.StatusOK, http.StatusForbidden} {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != path {
					return
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "{")
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}))
			f := &flaky{Server: s}
			c := f.client(t, registry.Config{})
			c.guard.stall = 50 * time.Millisecond
			start := time.Now()
			_, err := c.Manifest(t.Context(), "1")
			if path == "/v2/" && status == http.StatusOK { // what that answer has does not matter
				assert.NoError(t, err)
			} else {
				require.Error(t, err)
			}
			if status == http.StatusForbidden && path != "/v2/" {
				var e *StatusError
				require.ErrorAs(t, err, &e)
				assert.Equal(t, status, e.Err.StatusCode)
			}
			assert.Less(t, time.Since(start), 10*time.Second, "%s, %d", path, status)
			s.Close()
		}
	}
	sent := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.URL.Path == "/v2/" && r.Context().Err() == nil {
			n, err := w.Write(make([]byte, 32<<10))
			if sent += n; err != nil {
				return
			}
		}
	}))
	defer s.Close()
	f := &flaky{Server: s}
	_, err := f.client(t, registry.Config{}).Manifest(t.Context(), "1")
	require.NoError(t, err)
	s.CloseClientConnections()
}

// TestEndlessBlob has a server that goes on after the end.
func TestEndlessBlob(t *testing.T) {
	f := newFlaky(t, 1000)
	f.answer = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		_ = http.NewResponseController(w).Flush()
		for r.Context().Err() == nil {
			if _, err := w.Write(f.data); err != nil {
				break
			}
		}
		return true
	}
	_, err := f.read(t, f.client(t, registry.Config{}))
	var e *inventory.DigestError
	require.ErrorAs(t, err, &e)
	assert.EqualValues(t, 1001, e.GotSize)
}

// TestCancelDuringPause ends a context while the client waits.
func TestCancelDuringPause(t *testing.T) {
	f := newFlaky(t, 1000)
	f.answer = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	c := f.client(t, registry.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	_, err := c.Blob(ctx, f.blob())
	require.ErrorIs(t, err, context.Canceled)
	assert.Less(t, time.Since(start), 5*time.Second)

	// What the registry asks for is longer than the caller waits: it is told
	// at once what is wrong.
	short, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, config := range []registry.Config{{}, {MaxWait: time.Second}} {
		ctx := t.Context()
		if config.MaxWait == 0 {
			ctx = short
		}
		start = time.Now()
		_, err = f.client(t, config).Blob(ctx, f.blob())
		var e *StatusError
		require.ErrorAs(t, err, &e)
		assert.Equal(t, http.StatusTooManyRequests, e.Err.StatusCode)
		assert.Less(t, time.Since(start), 5*time.Second)
	}
}

func TestPause(t *testing.T) {
	last := time.Duration(0)
	for attempt := 1; attempt < 100; attempt++ {
		d := pause(attempt)
		assert.GreaterOrEqual(t, d, min(last, mostPause), "attempt %d", attempt)
		assert.LessOrEqual(t, d, mostPause+mostPause/10, "attempt %d", attempt)
		last = min(d, mostPause)
	}
	assert.Less(t, pause(1), 250*time.Millisecond)
}

// TestHalfManifest has a connection that breaks within a manifest.
func TestHalfManifest(t *testing.T) {
	manifest := []byte(`{"schemaVersion": 2}`)
	tries := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/manifests/") {
			return
		}
		tries++
		w.Header().Set("Content-Length", strconv.Itoa(len(manifest)))
		if tries < 3 {
			hangUp(w, manifest[:4])
		}
		_, _ = w.Write(manifest)
	}))
	defer s.Close()
	repo, err := name.NewRepository(strings.TrimPrefix(s.URL, "http://") + "/app")
	require.NoError(t, err)
	c, err := New("asked", repo, &registry.Config{Keychain: authn.NewMultiKeychain()}, false)
	require.NoError(t, err)
	defer c.Close()
	m, err := c.Manifest(t.Context(), "latest")
	require.NoError(t, err)
	assert.Equal(t, manifest, m.Raw)
}

func hashOf(text string) v1.Hash {
	sum := sha256.Sum256([]byte(text))
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}
