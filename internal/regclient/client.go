package regclient

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imagevet/imagevet/internal/fetch"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan/image/registry"
)

const (
	// MaxManifest bounds a manifest that a registry sends, in bytes.
	MaxManifest = 4 << 20

	// maxRedirects bounds how often one answer leads to another.
	maxRedirects = 10

	// maxErrorBody bounds what is read of an answer that is an error, in
	// bytes.
	maxErrorBody = 16 << 10
)

// ErrSchema1 is that of a manifest in Docker's first format, whose digest is
// not that of its bytes.
var ErrSchema1 = errors.New("a manifest in Docker's first format (schema 1), which no registry should have any more: push the image again with a current program")

// accepted are the formats of manifests, in the order in which they are
// preferred.
var accepted = strings.Join([]string{
	string(types.OCIImageIndex), string(types.DockerManifestList), string(types.OCIManifestSchema1), string(types.DockerManifestSchema2),
	string(types.DockerManifestSchema1Signed), string(types.DockerManifestSchema1),
}, ", ")

// A Client reads one repository. Its methods serve many goroutines at once, but
// for Close, which must come last.
type Client struct {
	asked  string // the reference, for errors
	repo   name.Repository
	config *registry.Config
	guard  *Guard
	plain  http.RoundTripper // without credentials

	authLock chan struct{} // guards auth
	auth     http.RoundTripper

	attempts int
	pause    func(attempt int) time.Duration
}

// New returns a client for a repository. The reference that was asked for is
// for errors only. Nothing is sent yet.
func New(asked string, repo name.Repository, config *registry.Config, insecure bool) (*Client, error) {
	guard, err := NewGuard(repo.Registry, config, insecure)
	if err != nil {
		return nil, err
	}
	retrier := newRetrier(guard, config)
	return &Client{
		asked: asked, repo: repo, config: config, guard: guard, plain: retrier,
		authLock: make(chan struct{}, 1), attempts: retrier.attempts, pause: pause,
	}, nil
}

// Close closes idle connections.
func (c *Client) Close() error { return c.guard.Close() }

// Clean returns an error of go-containerregistry without secrets.
func (c *Client) Clean(err error) error { return c.guard.secrets.clean(err) }

// PushOptions are those of go-containerregistry's client, for what this one
// does not do.
func (c *Client) PushOptions() []remote.Option {
	return []remote.Option{
		remote.WithAuthFromKeychain(notingKeychain{c}),
		remote.WithTransport(c.guard),
		remote.WithUserAgent(defaultUserAgent),
		remote.WithRetryBackoff(remote.Backoff{Duration: firstPause, Factor: 3, Steps: 3}),
		remote.WithRetryPredicate(func(err error) bool {
			if e, ok := errors.AsType[*transport.Error](err); ok {
				return e.Temporary()
			}
			return err != nil && Broken(err)
		}),
	}
}

// A notingKeychain is the keychain of a client, which remembers what must not
// be shown.
type notingKeychain struct{ c *Client }

func (k notingKeychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), target)
}

func (k notingKeychain) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	keychain := k.c.config.Keychain
	if keychain == nil {
		keychain = registry.DefaultKeychain()
	}
	auth, err := authn.Resolve(ctx, keychain, target)
	if err != nil || auth == nil || auth == authn.Anonymous {
		return authn.Anonymous, err
	}
	return &noting{auth, &k.c.guard.secrets}, nil
}

// authenticated returns what sends requests with credentials. The first call
// asks the registry which it wants.
func (c *Client) authenticated(ctx context.Context) (http.RoundTripper, error) {
	select {
	case c.authLock <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.authLock }()
	if c.auth != nil {
		return c.auth, nil
	}
	auth, err := notingKeychain{c}.ResolveContext(ctx, c.repo)
	if err != nil {
		return nil, err
	}
	rt, err := transport.NewWithContext(ctx, c.repo.Registry, auth, c.plain, []string{c.repo.Scope(transport.PullScope)})
	if err != nil {
		return nil, err
	}
	c.auth = rt
	return rt, nil
}

// get sends a request for a path below the repository, or for a whole URL,
// which then gets no credentials. The answer can have any status.
func (c *Client) get(ctx context.Context, u *url.URL, path string, header http.Header) (*http.Response, error) {
	rt := c.plain
	if u == nil {
		auth, err := c.authenticated(ctx)
		if err != nil {
			return nil, c.Clean(err)
		}
		rt = auth
		u = &url.URL{Scheme: c.repo.Scheme(), Host: c.repo.RegistryStr(), Path: "/v2/" + c.repo.RepositoryStr() + path}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, c.Clean(err)
	}
	req.Header = header
	client := &http.Client{Transport: rt, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) >= maxRedirects {
			return registry.ErrRedirects
		}
		return nil
	}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, c.Clean(err)
	}
	return resp, nil
}

// failed makes an error of an answer, and closes it.
func (c *Client) failed(resp *http.Response) error {
	defer resp.Body.Close()
	short := *resp
	short.Request = cleanRequest(resp.Request)
	short.Body = io.NopCloser(io.LimitReader(resp.Body, maxErrorBody))
	err := transport.CheckError(&short)
	if e, ok := errors.AsType[*transport.Error](err); ok {
		return &StatusError{Err: c.guard.secrets.cleanStatus(e), RetryAfter: fetch.RetryAfter(resp, time.Now()), text: c.guard.secrets.hide(e.Error())}
	}
	// The body broke off: the status tells enough.
	status := &transport.Error{StatusCode: resp.StatusCode, Request: short.Request}
	return &StatusError{Err: status, RetryAfter: fetch.RetryAfter(resp, time.Now()), text: status.Error()}
}

// A Manifest is one as a registry sends it.
type Manifest struct {
	Raw       []byte
	Digest    v1.Hash         // computed from Raw
	MediaType types.MediaType // as the registry says, which may be anything
}

// Manifest returns the manifest that a tag or a digest names. One that is asked
// for by digest has it, or the error is an [*inventory.DigestError].
// That of one which is longer than [MaxManifest] wraps [inventory.ErrTooLarge].
// It can be [ErrSchema1].
func (c *Client) Manifest(ctx context.Context, identifier string) (*Manifest, error) {
	want, err := v1.NewHash(identifier)
	byDigest := err == nil
	algorithm := "sha256"
	if byDigest {
		algorithm = want.Algorithm
	}
	for attempt := 1; ; attempt++ {
		m, err := c.manifest(ctx, identifier, algorithm)
		if read, ok := errors.AsType[*readError](err); ok {
			if attempt < c.attempts && ctx.Err() == nil && Broken(read.err) && sleep(ctx, c.pause(attempt)) == nil {
				continue
			}
			return nil, c.Clean(read.err)
		}
		if err != nil {
			return nil, err
		}
		if byDigest && m.Digest != want {
			size := int64(len(m.Raw))
			return nil, &inventory.DigestError{Name: c.asked, Want: want.String(), Got: m.Digest.String(), WantSize: size, GotSize: size}
		}
		return m, nil
	}
}

func (c *Client) manifest(ctx context.Context, identifier, algorithm string) (*Manifest, error) {
	resp, err := c.get(ctx, nil, "/manifests/"+identifier, http.Header{"Accept": {accepted}})
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, c.failed(resp)
	}
	defer resp.Body.Close()
	if resp.ContentLength > MaxManifest {
		return nil, fmt.Errorf("manifest of %d bytes, more than %d: %w", resp.ContentLength, MaxManifest, inventory.ErrTooLarge)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, MaxManifest+1))
	if err != nil {
		return nil, &readError{err}
	}
	if len(raw) > MaxManifest {
		return nil, fmt.Errorf("manifest of more than %d bytes: %w", MaxManifest, inventory.ErrTooLarge)
	}
	m := &Manifest{Raw: raw, MediaType: types.MediaType(resp.Header.Get("Content-Type"))}
	if mediaType, _, _ := strings.Cut(string(m.MediaType), ";"); mediaType == string(types.DockerManifestSchema1) || mediaType == string(types.DockerManifestSchema1Signed) {
		return nil, ErrSchema1
	}
	h, err := v1.Hasher(algorithm)
	if err != nil {
		return nil, err
	}
	h.Write(raw)
	m.Digest = v1.Hash{Algorithm: algorithm, Hex: hex.EncodeToString(h.Sum(nil))}
	return m, nil
}

// A readError is what broke off an answer.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }
func (e *readError) Unwrap() error { return e.err }
