package fetch

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// content is a file of three reads.
var content = bytes.Repeat([]byte("0123456789abcdef"), 10<<10)

const etag = `"v1"`

// A script is a server that answers one request after the other, the last
// handler also what follows.
type script struct {
	*httptest.Server
	requests []*http.Request
}

func serve(t *testing.T, handlers ...http.HandlerFunc) *script {
	s := &script{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := len(s.requests)
		s.requests = append(s.requests, r)
		handlers[min(n, len(handlers)-1)](w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// client waits for nothing; it notes how long it would have.
func client(waits *[]time.Duration) *Client {
	return &Client{UserAgent: "test", Sleep: func(ctx context.Context, d time.Duration) error {
		if waits != nil {
			*waits = append(*waits, d)
		}
		return ctx.Err()
	}}
}

// whole serves the content, as a server that knows ranges and conditions.
func whole(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// broken serves the first n bytes and cuts the line.
func broken(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", etag)
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content[:n])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func hashes(b []byte) string {
	crc := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	sum := md5.Sum(b)
	return fmt.Sprintf("crc32c=%s,md5=%s", base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc)),
		base64.StdEncoding.EncodeToString(sum[:]))
}

func request(url string) Request { return Request{URL: url, Limit: 1 << 20} }

func TestBytes(t *testing.T) {
	s := serve(t, whole)
	var last [2]int64
	req := request(s.URL + "/x")
	req.Progress = func(done, total int64) { last = [2]int64{done, total} }
	data, res, err := client(nil).Bytes(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, content, data)
	assert.Equal(t, Result{ETag: etag, Transferred: int64(len(content))}, res)
	assert.Equal(t, [2]int64{int64(len(content)), int64(len(content))}, last)
	assert.Equal(t, "test", s.requests[0].UserAgent())

	req.ETag = etag
	data, res, err = client(nil).Bytes(t.Context(), req)
	require.NoError(t, err)
	assert.Nil(t, data)
	assert.Equal(t, Result{NotModified: true, ETag: etag}, res)
}

func TestLastModified(t *testing.T) {
	date := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", date, bytes.NewReader(content))
	})
	_, res, err := client(nil).Bytes(t.Context(), request(s.URL))
	require.NoError(t, err)
	assert.Equal(t, date, res.Modified())
	req := request(s.URL)
	req.LastModified = res.LastModified
	_, res, err = client(nil).Bytes(t.Context(), req)
	require.NoError(t, err)
	assert.True(t, res.NotModified)
	assert.Equal(t, date, res.Modified())
}

func TestRetry(t *testing.T) {
	var waits []time.Duration
	s := serve(t, status(503), status(429, "Retry-After", "30"), status(500), broken(10), whole)
	data, _, err := client(&waits).Bytes(t.Context(), request(s.URL))
	require.NoError(t, err)
	assert.Equal(t, content, data)
	require.Len(t, waits, 4)
	for i, d := range waits {
		if i == 1 {
			assert.Equal(t, 30*time.Second, d, "what the server asks for")
			continue
		}
		full := firstWait << i
		assert.GreaterOrEqual(t, d, full/2, "wait %d", i)
		assert.LessOrEqual(t, d, full, "wait %d", i)
	}
}

// Errors that another attempt does not meet are not repeated; others are, but
// not for ever.
func TestErrors(t *testing.T) {
	garbage := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Goog-Hash", hashes([]byte("something else")))
		whole(w, r)
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		limit   int64
		want    error
		tries   int
	}{
		{"no file", status(404), 1 << 20, ErrNotFound, 1},
		{"no file any more", status(410), 1 << 20, ErrNotFound, 1},
		{"not allowed", status(403), 1 << 20, &StatusError{403}, 1},
		{"a strange success", status(204), 1 << 20, &StatusError{204}, 1},
		{"a part that nobody asked for", status(206), 1 << 20, &StatusError{206}, 1},
		{"not modified without a condition", status(304), 1 << 20, ErrProtocol, 1},
		{"announced as too large", whole, 1000, ErrTooLarge, 1},
		{"too large", func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush() // no length
			_, _ = w.Write(content)
		}, 1000, ErrTooLarge, 1},
		{"compressed", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			whole(w, r)
		}, 1 << 20, ErrProtocol, 1},
		{"ever busy", status(503), 1 << 20, &StatusError{503}, 5},
		{"busy for long", status(503, "Retry-After", "3600"), 1 << 20, &StatusError{503}, 1},
		{"busy until", status(503, "Retry-After", "Fri, 02 Jan 2099 00:00:00 GMT"), 1 << 20, &StatusError{503}, 1},
		{"half a file", broken(100), 1 << 20, ErrIncomplete, 5},
		{"another content", garbage, 1 << 20, ErrChecksum, 5},
		{"round and round", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again", http.StatusFound)
		}, 1 << 20, ErrRedirect, 6},
	}
	for _, tt := range tests {
		for _, file := range []bool{false, true} {
			s := serve(t, tt.handler)
			req := request(s.URL)
			req.Limit = tt.limit
			var err error
			if file {
				_, err = client(nil).File(t.Context(), req, filepath.Join(t.TempDir(), "f"))
			} else {
				_, _, err = client(nil).Bytes(t.Context(), req)
			}
			if want, ok := tt.want.(*StatusError); ok {
				var got *StatusError
				require.ErrorAs(t, err, &got, tt.name)
				assert.Equal(t, want, got, tt.name)
			} else {
				assert.ErrorIs(t, err, tt.want, tt.name)
			}
			assert.Len(t, s.requests, tt.tries, "%s: requests", tt.name)
		}
	}
	_, _, err := client(nil).Bytes(t.Context(), request("/no/host"))
	assert.ErrorContains(t, err, "no URL")
	secret := serve(t, status(404))
	_, _, err = client(nil).Bytes(t.Context(), request(strings.Replace(secret.URL, "//", "//user:secret@", 1)))
	assert.NotContains(t, err.Error(), "secret")
}

func TestHash(t *testing.T) {
	for name, values := range map[string][]string{
		"one header":  {hashes(content)},
		"two headers": strings.Split(hashes(content), ","),
		"unknown":     {"sha9=x"},
	} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header()["X-Goog-Hash"] = values
			whole(w, r)
		})
		_, _, err := client(nil).Bytes(t.Context(), request(s.URL))
		assert.NoError(t, err, name)
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Goog-Hash", hashes([]byte("as it is stored")))
		w.Header().Set("X-Goog-Stored-Content-Encoding", "gzip")
		whole(w, r)
	})
	_, _, err := client(nil).Bytes(t.Context(), request(s.URL))
	assert.NoError(t, err, "the server unpacked it")
}

func TestNoWayFromHTTPS(t *testing.T) {
	plain := serve(t, whole)
	s := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer s.Close()
	c := client(nil)
	c.Transport = s.Client().Transport
	_, _, err := c.Bytes(t.Context(), request(s.URL))
	assert.ErrorIs(t, err, ErrRedirect)
	assert.Empty(t, plain.requests)
}

// A broken download goes on where it ended, in one call and in the next.
func TestResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	s := serve(t, broken(70_000), status(500), whole)
	res, err := client(nil).File(t.Context(), request(s.URL), path)
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, data))
	assert.NoFileExists(t, path+metaExt)
	require.Len(t, s.requests, 3)
	assert.Equal(t, etag, s.requests[2].Header.Get("If-Range"))
	assert.Regexp(t, `^bytes=[1-9]\d*-$`, s.requests[2].Header.Get("Range"))
	assert.Equal(t, int64(len(content)), res.Transferred, "no byte came twice")
	assert.True(t, res.Resumed)

	path = filepath.Join(t.TempDir(), "f")
	s = serve(t, broken(70_000), status(403), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Goog-Hash", hashes(content))
		whole(w, r)
	})
	_, err = client(nil).File(t.Context(), request(s.URL), path)
	require.Error(t, err)
	res, err = client(nil).File(t.Context(), request(s.URL), path)
	require.NoError(t, err)
	data, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, data))
	assert.Less(t, res.Transferred, int64(len(content)))
}

// What is there is not gone on from if it is of something else.
func TestNoResume(t *testing.T) {
	part := func(header string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				whole(w, r)
				return
			}
			w.Header().Set("ETag", etag)
			w.Header().Set("Content-Range", header)
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(content[:5])
		}
	}
	size := len(content)
	tests := []struct {
		name    string
		between func(path string)
		handler http.HandlerFunc
	}{
		{"another file now", nil, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"v2"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		}},
		{"no ranges", nil, func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write(content)
		}},
		{"another range", nil, part(fmt.Sprintf("bytes 0-4/%d", size))},
		{"all of it as a part", nil, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				r.Header.Set("Range", "bytes=0-")
				r.Header.Del("If-Range")
			}
			whole(w, r)
		}},
		{"not to the end", nil, part(fmt.Sprintf("bytes 70000-70004/%d", size))},
		{"no range", nil, part("")},
		{"a part of another file", nil, func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("If-Range")
			w.Header().Set("ETag", `"v2"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		}},
		{"too much is there", func(path string) {
			require.NoError(t, os.WriteFile(path, append(content[:size:size], content...), 0o666))
		}, whole},
		{"nothing tells what is there", func(path string) { require.NoError(t, os.Remove(path+metaExt)) }, whole},
		{"half of what tells it", func(path string) { require.NoError(t, os.Truncate(path+metaExt, 5)) }, whole},
		{"other bytes are there", func(path string) {
			require.NoError(t, os.WriteFile(path, []byte("something else"), 0o666))
		}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Goog-Hash", hashes(content))
			whole(w, r)
		}},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "f")
		s := serve(t, broken(70_000), status(403), tt.handler)
		_, err := client(nil).File(t.Context(), request(s.URL), path)
		require.Error(t, err, tt.name)
		if tt.between != nil {
			tt.between(path)
		}
		res, err := client(nil).File(t.Context(), request(s.URL), path)
		require.NoError(t, err, tt.name)
		assert.False(t, res.Resumed, tt.name)
		data, err := os.ReadFile(path)
		require.NoError(t, err, tt.name)
		assert.Truef(t, bytes.Equal(content, data), "%s: %d bytes", tt.name, len(data))
		assert.NoFileExists(t, path+metaExt, tt.name)
	}
}

func TestFileNotModified(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	s := serve(t, whole)
	req := request(s.URL)
	req.ETag = etag
	res, err := client(nil).File(t.Context(), req, path)
	require.NoError(t, err)
	assert.True(t, res.NotModified)
	assert.NoFileExists(t, path)
}

func TestStall(t *testing.T) {
	stop := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = w.Write([]byte("1"))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	})
	defer close(stop)
	c := client(nil)
	c.Stall, c.Attempts = 50*time.Millisecond, 2
	_, _, err := c.Bytes(t.Context(), request(s.URL))
	assert.ErrorIs(t, err, ErrStalled)
	assert.Len(t, s.requests, 2)
}

func TestCancel(t *testing.T) {
	s := serve(t, status(503))
	ctx, cancel := context.WithCancel(t.Context())
	c := &Client{Sleep: func(ctx context.Context, _ time.Duration) error {
		cancel()
		return ctx.Err()
	}}
	_, _, err := c.Bytes(ctx, request(s.URL))
	assert.ErrorIs(t, err, context.Canceled)
	assert.Len(t, s.requests, 1)
	_, _, err = (&Client{}).Bytes(ctx, request(s.URL))
	assert.ErrorIs(t, err, context.Canceled)
}

func TestUnreachable(t *testing.T) {
	fail := errors.New("no line")
	tries := 0
	c := client(nil)
	c.Transport = roundTripper(func(*http.Request) (*http.Response, error) { tries++; return nil, fail })
	c.Attempts = 3
	_, _, err := c.Bytes(t.Context(), request("http://example.test/x"))
	assert.ErrorIs(t, err, fail)
	assert.Equal(t, 3, tries)
}

// A transport of the caller's may not hold a body against its length.
func TestWrongLength(t *testing.T) {
	for _, length := range []int64{5, 15} {
		c := client(nil)
		c.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: 200, Header: http.Header{}, ContentLength: length, Request: r,
				Body: io.NopCloser(strings.NewReader("0123456789")),
			}, nil
		})
		_, _, err := c.Bytes(t.Context(), request("http://example.test/x"))
		assert.ErrorIs(t, err, ErrIncomplete, "length %d", length)
	}
}

// A part of one URL is no part of another.
func TestNoResumeOfAnotherURL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	s := serve(t, broken(70_000), status(403), whole)
	_, err := client(nil).File(t.Context(), request(s.URL+"/1"), path)
	require.Error(t, err)
	_, err = client(nil).File(t.Context(), request(s.URL+"/2"), path)
	require.NoError(t, err)
	assert.Empty(t, s.requests[2].Header.Get("Range"))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "root", "a b"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "root", "a b", "x.txt"), content, 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("x"), 0o666))
	c := client(nil)
	c.Transport, c.Attempts = Folder(filepath.Join(dir, "root")), 1
	req := request(FolderURL + "/a%20b/x.txt")
	data, res, err := c.Bytes(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, content, data)
	req.ETag = res.ETag
	_, res, err = c.Bytes(t.Context(), req)
	require.NoError(t, err)
	assert.True(t, res.NotModified)

	_, _, err = c.Bytes(t.Context(), request(FolderURL+"/a%20b/y.txt"))
	assert.ErrorIs(t, err, ErrNotFound)
	for _, name := range []string{"/a%20b", "/../secret", "/a%20b/..%2f..%2fsecret", ""} {
		_, _, err = c.Bytes(t.Context(), request(FolderURL+name))
		assert.Error(t, err, name)
	}
	c.Transport = Folder(filepath.Join(dir, "nothing"))
	_, _, err = c.Bytes(t.Context(), req)
	assert.Error(t, err)
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-1": 0, "1.5": 0, "x": 0, "99999999999999999999": 0,
		"Fri, 01 May 2026 12:00:09 GMT": 9 * time.Second, "Fri, 01 May 2026 11:00:00 GMT": 0,
	} {
		resp := &http.Response{Header: http.Header{"Retry-After": {text}}}
		assert.Equal(t, want, RetryAfter(resp, now), text)
	}
}
