package regclient

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/imagevet/imagevet/internal/fetch"
	"github.com/imagevet/imagevet/scan/image/registry"
)

const (
	defaultAttempts = 5
	defaultMaxWait  = time.Minute

	firstPause = 200 * time.Millisecond
	mostPause  = 10 * time.Second
)

// A retrier sends requests again that failed for what may pass. Those with a
// body that cannot be had again are sent once.
type retrier struct {
	next     http.RoundTripper
	attempts int
	maxWait  time.Duration
	now      func() time.Time
}

func newRetrier(next http.RoundTripper, c *registry.Config) *retrier {
	r := &retrier{next: next, attempts: c.Attempts, maxWait: c.MaxWait, now: time.Now}
	if r.attempts == 0 {
		r.attempts = defaultAttempts
	}
	if r.maxWait == 0 {
		r.maxWait = defaultMaxWait
	}
	return r
}

// RoundTrip implements [http.RoundTripper].
func (r *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	left := r.maxWait // for what the registry asks for
	for attempt := 1; ; attempt++ {
		resp, err := r.next.RoundTrip(req)
		last := attempt >= r.attempts || req.Body != nil && req.GetBody == nil
		if last || ctx.Err() != nil || err != nil && !Broken(err) || err == nil && !temporary(resp.StatusCode) {
			return resp, err
		}
		wait := pause(attempt)
		if err == nil {
			if asked := fetch.RetryAfter(resp, r.now()); asked > 0 {
				if asked > left {
					return resp, nil
				}
				left -= asked
				wait = asked
			}
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return resp, err // waiting would only hide what is wrong
		}
		if err == nil {
			_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection can be used again
			resp.Body.Close()
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
		if req.GetBody != nil {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			req = req.Clone(ctx)
			req.Body = body
		}
	}
}

// temporary reports whether a status may be another one soon.
func temporary(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// pause is how long to wait after so many attempts. It is not quite the same
// for all, so that many clients do not come back at once.
func pause(attempt int) time.Duration {
	d := firstPause
	for i := 1; i < attempt && d < mostPause; i++ {
		d *= 3
	}
	d = min(d, mostPause)
	return d + rand.N(d/10)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Broken reports whether an error is that of a connection that broke, which
// makes it worth to try again. A host that does not answer in time is not asked
// again: the caller would wait for minutes.
func Broken(err error) bool {
	var timeout net.Error
	switch {
	case refused(err), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return true
	case errors.As(err, &timeout) && timeout.Timeout():
		return false
	}
	text := err.Error() // of net/http and its copy of HTTP/2, which export no errors for it
	return strings.Contains(text, "http2: ") || strings.Contains(text, "stream error") ||
		strings.Contains(text, "server closed idle connection")
}

// refused reports whether an error is one of our own refusals.
func refused(err error) bool {
	for _, e := range []error{registry.ErrPlainHTTP, registry.ErrAddress, registry.ErrTokenHost, registry.ErrRedirects, registry.ErrBlocked, registry.ErrForeignLayer} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
