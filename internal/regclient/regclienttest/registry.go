// Package regclienttest holds what the tests of packages that talk to
// registries share.
package regclienttest

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// A Registry is an in-memory registry on loopback that can misbehave.
type Registry struct {
	*httptest.Server
	// Host is the host and port, as a reference has it.
	Host string

	mu       sync.Mutex
	override func(w http.ResponseWriter, r *http.Request) bool
	requests []string
}

// New returns a registry that ends with the test.
func New(tb testing.TB) *Registry {
	tb.Helper()
	t := &Registry{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	t.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.mu.Lock()
		t.requests = append(t.requests, r.Method+" "+r.URL.Path)
		override := t.override
		t.mu.Unlock()
		if override == nil || !override(w, r) {
			inner.ServeHTTP(w, r)
		}
	}))
	tb.Cleanup(t.Close)
	t.Host = strings.TrimPrefix(t.URL, "http://")
	return t
}

// Misbehave sets what answers instead of the registry, if it reports true, and
// forgets the requests so far. Nil stands for nothing.
func (t *Registry) Misbehave(f func(w http.ResponseWriter, r *http.Request) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.override, t.requests = f, nil
}

// Asked returns the requests since the last Misbehave, as "METHOD PATH", that
// have the part.
func (t *Registry) Asked(part string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []string
	for _, r := range t.requests {
		if strings.Contains(r, part) {
			list = append(list, r)
		}
	}
	return list
}
