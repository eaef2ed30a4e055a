package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Errors of a [Client], besides [StatusError] and those of the network.
var (
	// ErrNotFound says that the server has no such file (404 or 410).
	ErrNotFound = errors.New("the server has no such file")
	// ErrTooLarge says that a file exceeds the limit of the request.
	ErrTooLarge = errors.New("file exceeds the limit")
	// ErrIncomplete says that the server sent less, or more, than it
	// announced.
	ErrIncomplete = errors.New("not the announced number of bytes")
	// ErrChecksum says that what was sent is not what the server has.
	ErrChecksum = errors.New("wrong checksum")
	// ErrProtocol says that an answer does not fit the request.
	ErrProtocol = errors.New("answer does not fit the request")
	// ErrRedirect says that a server redirects too often or from https to
	// something else.
	ErrRedirect = errors.New("redirect is not followed")
	// ErrStalled says that a server sent nothing for too long.
	ErrStalled = errors.New("server sends nothing")
)

// A StatusError is an HTTP status that is none of success.
type StatusError struct {
	Code int
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("HTTP status %d %s", e.Code, http.StatusText(e.Code))
}

// maxRedirects is how many redirects of one request are followed.
const maxRedirects = 5

// A Client downloads. Its fields are not changed while it is in use; it is safe
// for concurrent use, but two downloads to one path are not.
type Client struct {
	// Transport makes the requests. Nil is [http.DefaultTransport].
	Transport http.RoundTripper
	// UserAgent is sent with each request.
	UserAgent string
	// Attempts is how often a request is tried that fails in a way that may
	// be over soon. The default is 5. An attempt that brought bytes of a file
	// to go on from is followed by as many again, up to 100 in all.
	Attempts int
	// MaxWait bounds the pause between two attempts, also what a server asks
	// for by Retry-After: if that is longer, the request fails. The default is
	// one minute.
	MaxWait time.Duration
	// Stall is how long a server may send nothing. The default is one minute.
	Stall time.Duration
	// Sleep waits. The default waits for the time or the context.
	Sleep func(context.Context, time.Duration) error
	// Now tells the time, for Retry-After. The default is [time.Now].
	Now func() time.Time
}

// A Request says what is wanted.
type Request struct {
	URL string
	// Limit is the largest size in bytes that is taken.
	Limit int64
	// ETag and LastModified are those of what is there already, as a
	// [Result] told them; empty if nothing is.
	ETag, LastModified string
	// Progress, if it is not nil, is told how many bytes are there, and how
	// many there will be: -1 if the server does not say.
	Progress func(done, total int64)
}

// A Result says what came of a request.
type Result struct {
	// NotModified says that what the caller has is current; nothing was
	// downloaded.
	NotModified bool
	// ETag and LastModified are those of the server's file.
	ETag, LastModified string
	// Resumed says that a part of the file came with an earlier request. If a
	// server calls two files by one ETag and sends no checksum, it is a part
	// of the other one.
	Resumed bool
	// Transferred is the number of bytes that were sent, over all attempts.
	Transferred int64
}

// Modified is when the file was modified; zero if the server does not say.
func (r *Result) Modified() time.Time {
	t, err := http.ParseTime(r.LastModified)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// Bytes downloads into memory.
func (c *Client) Bytes(ctx context.Context, req Request) ([]byte, Result, error) {
	var buf bytes.Buffer
	s := &session{client: c, req: req, sink: &memory{&buf}}
	res, err := s.run(ctx)
	if err != nil || res.NotModified {
		return nil, res, err
	}
	return buf.Bytes(), res, nil
}

// File downloads to a path. If the download breaks, or the process dies, what
// came stays there, next to a file with ".json" added to its name that says
// what it is, and the next download of the same URL goes on from there if the
// server's file is still the same. A file of anything else at the path is
// replaced. After success it is complete and on the disk, and the other file is
// gone; if nothing was modified, both are gone.
func (c *Client) File(ctx context.Context, req Request, path string) (Result, error) {
	p, err := openPart(path, req.URL)
	if err != nil {
		return Result{}, err
	}
	s := &session{client: c, req: req, sink: p}
	res, err := s.run(ctx)
	if err == nil && !res.NotModified {
		err = p.finish()
	}
	if closeErr := p.f.Close(); err == nil {
		err = closeErr
	}
	switch {
	case err != nil:
		return Result{}, err
	case res.NotModified:
		return res, errors.Join(os.Remove(path), removeIfThere(path+metaExt))
	}
	return res, nil
}

// A sink takes what comes.
type sink interface {
	// have tells how many bytes are there, and the validator of the file that
	// they are of; empty if none is known.
	have() (n int64, validator string)
	// reset drops all bytes; what follows is of a file with the validator.
	reset(validator string) error
	io.Writer
	// content returns all bytes, for checksums.
	content() (io.Reader, error)
}

// memory is a sink that cannot go on.
type memory struct{ buf *bytes.Buffer }

func (m *memory) have() (int64, string)       { return 0, "" }
func (m *memory) reset(string) error          { m.buf.Reset(); return nil }
func (m *memory) Write(b []byte) (int, error) { return m.buf.Write(b) }
func (m *memory) content() (io.Reader, error) { return bytes.NewReader(m.buf.Bytes()), nil }

// A session is one download with all its attempts.
type session struct {
	client  *Client
	req     Request
	sink    sink
	sent    int64 // bytes
	resumed bool
}

// An attemptError is one that another attempt may not meet.
type attemptError struct {
	err   error
	after time.Duration // what the server asks for; 0 if it does not
}

func (e *attemptError) Error() string { return e.err.Error() }
func (e *attemptError) Unwrap() error { return e.err }

func again(err error) error { return &attemptError{err: err} }

const (
	defaultAttempts = 5
	defaultMaxWait  = time.Minute
	defaultStall    = time.Minute
	maxAttempts     = 100
	firstWait       = 500 * time.Millisecond
)

// run makes attempts until one succeeds or none can.
func (s *session) run(ctx context.Context) (Result, error) {
	u, err := url.Parse(s.req.URL)
	if err != nil || u.Host == "" && u.Scheme != folderScheme {
		return Result{}, fmt.Errorf("%q is no URL to download from", s.req.URL)
	}
	attempts := s.client.Attempts
	if attempts == 0 {
		attempts = defaultAttempts
	}
	failed := 0 // since there was something new
	for n := 1; ; n++ {
		before, _ := s.sink.have()
		res, err := s.attempt(ctx)
		if err == nil {
			res.Transferred, res.Resumed = s.sent, s.resumed
			return res, nil
		}
		fail := func() (Result, error) { return Result{}, fmt.Errorf("%s: %w", u.Redacted(), err) }
		if ctx.Err() != nil {
			return Result{}, context.Cause(ctx)
		}
		retry, ok := errors.AsType[*attemptError](err)
		if !ok {
			return fail()
		}
		if after, validator := s.sink.have(); after > before && validator != "" {
			failed = 0
		}
		if failed++; failed >= attempts || n >= maxAttempts {
			return fail()
		}
		wait, ok := s.pause(failed, retry.after)
		if !ok {
			return fail()
		}
		if err := s.client.sleep(ctx, wait); err != nil {
			return Result{}, err
		}
	}
}

// pause returns the time to wait after so many failures, and false if the
// server wants more than is allowed.
func (s *session) pause(failed int, asked time.Duration) (time.Duration, bool) {
	most := s.client.MaxWait
	if most == 0 {
		most = defaultMaxWait
	}
	if asked > most {
		return 0, false
	}
	wait := min(firstWait<<min(failed-1, 20), most)
	// Half of it is left to chance, so that many clients do not come back at
	// once.
	wait = wait/2 + time.Duration(rand.Int64N(int64(wait/2)+1))
	return max(wait, asked), true
}

func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	if c.Sleep != nil {
		return c.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// attempt makes one request and takes what comes.
func (s *session) attempt(ctx context.Context) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := s.client.Stall
	if stall == 0 {
		stall = defaultStall
	}
	watch := time.AfterFunc(stall, func() { cancel(ErrStalled) })
	defer watch.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.req.URL, nil)
	if err != nil {
		return Result{}, err
	}
	// Checksums and ranges are of the file as it is.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", s.client.UserAgent)
	offset, validator := s.sink.have()
	if validator == "" {
		offset = 0
	}
	conditional := s.req.ETag != "" || s.req.LastModified != ""
	if s.req.ETag != "" {
		req.Header.Set("If-None-Match", s.req.ETag)
	} else if conditional {
		req.Header.Set("If-Modified-Since", s.req.LastModified)
	}
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		req.Header.Set("If-Range", validator)
	}
	httpClient := http.Client{Transport: s.client.Transport, CheckRedirect: checkRedirect}
	resp, err := httpClient.Do(req)
	if err != nil {
		if errors.Is(err, ErrRedirect) {
			return Result{}, plain(err)
		}
		return Result{}, again(cause(ctx, plain(err)))
	}
	defer resp.Body.Close()
	res := Result{ETag: header(resp, "ETag"), LastModified: header(resp, "Last-Modified")}
	switch code := resp.StatusCode; {
	case code == http.StatusNotModified:
		if !conditional {
			return Result{}, fmt.Errorf("%w: status 304 without a condition", ErrProtocol)
		}
		res.NotModified = true
		// RFC 9110, 15.4.5: what is not sent again is as it was.
		if res.ETag == "" {
			res.ETag = s.req.ETag
		}
		if res.LastModified == "" {
			res.LastModified = s.req.LastModified
		}
		return res, nil
	case code == http.StatusOK:
		offset = 0
	case code == http.StatusPartialContent && offset > 0:
		if err := checkPart(resp, offset, validator); err != nil {
			// What is there cannot be gone on from: again from the start.
			return Result{}, errors.Join(again(err), s.sink.reset(""))
		}
	case code == http.StatusRequestedRangeNotSatisfiable && offset > 0:
		return Result{}, errors.Join(again(&StatusError{code}), s.sink.reset(""))
	case code == http.StatusNotFound || code == http.StatusGone:
		return Result{}, fmt.Errorf("%w (%d)", ErrNotFound, code)
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= 500:
		return Result{}, &attemptError{&StatusError{code}, RetryAfter(resp, s.client.now())}
	default:
		return Result{}, &StatusError{code}
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return Result{}, fmt.Errorf("%w: Content-Encoding %q", ErrProtocol, e)
	}
	return res, s.take(ctx, resp, offset, func() { watch.Reset(stall) })
}

// take reads the body of an answer that begins at the offset.
func (s *session) take(ctx context.Context, resp *http.Response, offset int64, alive func()) error {
	total := int64(-1)
	if resp.ContentLength >= 0 {
		total = offset + resp.ContentLength
	}
	if total > s.req.Limit {
		return fmt.Errorf("%w of %d bytes: it has %d", ErrTooLarge, s.req.Limit, total)
	}
	if offset == 0 {
		if err := s.sink.reset(validatorOf(resp)); err != nil {
			return err
		}
	}
	s.resumed = offset > 0
	done := offset
	buf := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(buf)
		alive()
		s.sent += int64(n)
		if done += int64(n); done > s.req.Limit {
			return errors.Join(fmt.Errorf("%w of %d bytes", ErrTooLarge, s.req.Limit), s.sink.reset(""))
		}
		if n > 0 {
			if _, err := s.sink.Write(buf[:n]); err != nil {
				return err
			}
			if s.req.Progress != nil {
				s.req.Progress(done, total)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return again(fmt.Errorf("%w: %d of %d: %w", ErrIncomplete, done, total, cause(ctx, err)))
		}
	}
	if total >= 0 && done != total {
		return again(fmt.Errorf("%w: %d of %d", ErrIncomplete, done, total))
	}
	if err := s.verify(resp); err != nil {
		return errors.Join(again(err), s.sink.reset(""))
	}
	return nil
}

// cause gives the reason for which a request was given up.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil && errors.Is(c, ErrStalled) {
		return c
	}
	return err
}

// plain removes the URL that package http puts before its errors.
func plain(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d", ErrRedirect, maxRedirects)
	}
	if req.URL.Scheme != "https" && via[len(via)-1].URL.Scheme == "https" {
		return fmt.Errorf("%w: from https to %s", ErrRedirect, req.URL.Scheme)
	}
	if req.URL.Scheme != "https" && req.URL.Scheme != "http" {
		return fmt.Errorf("%w: to %q", ErrRedirect, req.URL.Scheme)
	}
	return nil
}

// maxHeader bounds what is kept of a header.
const maxHeader = 1 << 10

func header(resp *http.Response, name string) string {
	v := resp.Header.Get(name)
	if len(v) > maxHeader || strings.ContainsAny(v, "\r\n") {
		return ""
	}
	return v
}
