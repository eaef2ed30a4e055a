package regclient

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/imagevet/imagevet/scan/image/registry"
)

const (
	// maxSecrets bounds how many secrets are remembered. There is one
	// password, and a token for each time that it expires.
	maxSecrets = 256

	// minSecret is how long a secret is at least, in bytes: words would be
	// torn out of messages otherwise.
	minSecret = 4
)

// secrets are what must not be shown.
type secrets struct {
	mu   sync.Mutex
	list []string
}

func (s *secrets) note(texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range texts {
		if len(text) < minSecret || len(s.list) == maxSecrets {
			continue
		}
		known := false
		for _, old := range s.list {
			known = known || old == text
		}
		if !known {
			s.list = append(s.list, text)
		}
	}
}

func (s *secrets) noteHeader(h http.Header) {
	if _, value, ok := strings.Cut(h.Get("Authorization"), " "); ok {
		s.note(value)
	}
}

// hide replaces the secrets in a text.
func (s *secrets) hide(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.list {
		text = strings.ReplaceAll(text, secret, "***")
		text = strings.ReplaceAll(text, url.QueryEscape(secret), "***")
	}
	return text
}

// clean returns an error in which no secret is left, be it in a text or in a
// request that it holds. It wraps what err does, as far as that has none.
func (s *secrets) clean(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*StatusError](err); ok {
		return e // made here, or by failed
	}
	if e, ok := errors.AsType[*transport.Error](err); ok {
		return &StatusError{Err: s.cleanStatus(e), text: s.hide(withoutQuery(err.Error(), e.Request))}
	}
	text := err.Error()
	if strings.Contains(text, "no token in bearer response") { // it goes on with what there was
		return errors.New("the token server sent no token")
	}
	if strings.Contains(text, "in www-authenticate: ") && !errors.Is(err, registry.ErrAddress) { // go-containerregistry refuses some by itself
		return fmt.Errorf("%w: %s", registry.ErrAddress, s.hide(text))
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = fmt.Errorf("%s %q: %w", e.Op, bare(e.URL), e.Err)
		text = err.Error()
	}
	if hidden := s.hide(text); hidden != text {
		return errors.New(hidden)
	}
	return err
}

func (s *secrets) cleanStatus(e *transport.Error) *transport.Error {
	out := &transport.Error{StatusCode: e.StatusCode}
	for _, d := range e.Errors {
		d.Message = s.hide(d.Message)
		if d.Detail != nil {
			d.Detail = s.hide(fmt.Sprint(d.Detail))
		}
		out.Errors = append(out.Errors, d)
	}
	if e.Request != nil {
		out.Request = cleanRequest(e.Request)
	}
	return out
}

// cleanRequest is what of a request can be shown.
func cleanRequest(req *http.Request) *http.Request {
	u, err := url.Parse(bare(req.URL.String()))
	if err != nil {
		u = &url.URL{}
	}
	return &http.Request{Method: req.Method, URL: u, Host: req.Host}
}

// bare is a URL without what may sign it.
func bare(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "an address that is none"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func withoutQuery(text string, req *http.Request) string {
	if req == nil || req.URL == nil || req.URL.RawQuery == "" {
		return text
	}
	return strings.ReplaceAll(text, "?"+req.URL.RawQuery, "")
}

// A StatusError is the answer of a registry, or of its token server, that is
// no success.
type StatusError struct {
	Err *transport.Error
	// RetryAfter is how long the registry asks to wait, 0 if it does not.
	RetryAfter time.Duration
	text       string
}

func (e *StatusError) Error() string { return e.text }

// Unwrap returns the error of go-containerregistry.
func (e *StatusError) Unwrap() error { return e.Err }

// A noting authenticator remembers the credentials that it hands out.
type noting struct {
	authn.Authenticator
	secrets *secrets
}

func (n *noting) Authorization() (*authn.AuthConfig, error) {
	return n.AuthorizationContext(context.Background())
}

// AuthorizationContext implements [authn.ContextAuthenticator].
func (n *noting) AuthorizationContext(ctx context.Context) (*authn.AuthConfig, error) {
	c, err := authn.Authorization(ctx, n.Authenticator)
	if err != nil {
		return nil, n.secrets.clean(err)
	}
	n.secrets.note(c.Password, c.Auth, c.IdentityToken, c.RegistryToken,
		base64.StdEncoding.EncodeToString([]byte(c.Username+":"+c.Password)))
	return c, nil
}
