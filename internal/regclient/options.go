package regclient

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Options are those of a puller and of a pusher. A nil keychain stands for
// [authn.DefaultKeychain].
func Options(tr http.RoundTripper, keychain authn.Keychain) []remote.Option {
	if keychain == nil {
		keychain = authn.DefaultKeychain
	}
	return []remote.Option{
		remote.WithAuthFromKeychain(keychain),
		remote.WithTransport(tr),
		remote.WithUserAgent("imagevet"),
		remote.WithRetryBackoff(remote.Backoff{Duration: 200 * time.Millisecond, Factor: 3, Steps: 3}),
		remote.WithRetryPredicate(Retryable),
	}
}

// Retryable reports whether it makes sense to try a request again. Other than
// go-containerregistry, it does not try a host again that did not answer in time:
// the caller would wait for minutes.
func Retryable(err error) bool {
	if e, ok := errors.AsType[*transport.Error](err); ok {
		return e.Temporary()
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// Damaged reports whether reading a blob has ended with the error that
// go-containerregistry returns in place of [io.EOF] if the digest or the size
// is wrong. The type of that error is internal to it.
func Damaged(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "error verifying")
}
