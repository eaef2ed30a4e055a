package image

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/imagevet/imagevet/scan/image/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// proxyTest marks the process that TestProxy starts, as net/http reads the
// settings of a proxy once.
const proxyTest = "IMAGEVET_PROXY_TEST"

// TestProxy has a proxy on this machine reach registries that do not exist.
// That it is near does not matter for what the registry may lead to.
func TestProxy(t *testing.T) {
	if host := os.Getenv(proxyTest); host != "" {
		proxied(t, host)
		return
	}
	reg := newTestRegistry(t)
	b := blobs{}
	reg.push(t, b, "1", b.image(t, "linux/amd64", layer(t, "x")))
	stored := gzipOf(t, layer(t, "x"))
	var mu sync.Mutex
	hosts := map[string]bool{}
	to := ""
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		hosts[r.Host] = true
		to := to
		mu.Unlock()
		switch {
		case r.Method == http.MethodConnect:
			w.WriteHeader(http.StatusForbidden) // TLS to hosts that do not exist
		case r.Host == "cdn.example":
			_, _ = w.Write(stored)
		case strings.HasSuffix(r.URL.Path, hashOf(stored).String()):
			http.Redirect(w, r, to, http.StatusFound)
		default:
			reg.Config.Handler.ServeHTTP(w, r)
		}
	}))
	defer proxy.Close()
	asked := func(host string) bool {
		mu.Lock()
		defer mu.Unlock()
		return hosts[host]
	}
	for target, allowed := range map[string]string{"http://cdn.example/x": "yes", "http://10.0.0.1/x": "no"} {
		mu.Lock()
		to, hosts = target, map[string]bool{}
		mu.Unlock()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxy$", "-test.count=1")
		cmd.Env = append(os.Environ(), proxyTest+"="+allowed, "HTTP_PROXY="+proxy.URL, "HTTPS_PROXY="+proxy.URL, "http_proxy=", "https_proxy=", "NO_PROXY=", "no_proxy=")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		assert.True(t, asked("registry.example"))
		assert.False(t, asked("10.0.0.1"))
		assert.Equal(t, allowed == "yes", asked("cdn.example"))
	}
}

func proxied(t *testing.T, allowed string) {
	t.Helper()
	img := remoteImage(t, "registry.example/app:1", WithRegistry(registry.Config{Keychain: nobody, Insecure: true, Attempts: 1}))
	r, err := img.OpenLayer(t.Context(), 0)
	if allowed == "no" {
		require.ErrorIs(t, err, registry.ErrAddress)
		return
	}
	require.NoError(t, err)
	require.NoError(t, r.Close())
	assert.Equal(t, gzipOf(t, layer(t, "x")), readLayer(t, img, 0))
}
