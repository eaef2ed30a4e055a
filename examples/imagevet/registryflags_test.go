package main

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan"
)

// TestRegistryFlags has a registry with a certificate of its own, which wants
// credentials.
func TestRegistryFlags(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"} { // not the credentials of whoever runs the tests
		t.Setenv(name, dir)
	}
	t.Setenv("REGISTRY_AUTH_FILE", "")
	quiet := log.New(io.Discard, "", 0)
	inner := registry.New(registry.Logger(quiet))
	basic := base64.StdEncoding.EncodeToString([]byte("robot:secret"))
	open := true
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if auth := r.Header.Get("Authorization"); !open && auth != "Bearer ci-token" && auth != "Basic "+basic {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = quiet
	server.StartTLS()
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "https://")
	ref, err := name.NewTag(host + "/team/app:1")
	require.NoError(t, err)
	img, err := random.Image(1000, 2)
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, img, remote.WithTransport(server.Client().Transport)))
	open = false

	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	ca := file("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	auths := file("auths.json", fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, host, basic))
	conf := file("registries.conf", fmt.Sprintf("[[registry]]\nprefix = \"app.example/team\"\nlocation = \"%s/team\"\n", host))

	for _, tt := range []struct {
		env  []string
		args string
		ok   bool
	}{
		{nil, "--ca-file " + ca, false},
		{nil, "--ca-file " + ca + " --registry-token ci-token", true},
		{[]string{"IMAGEVET_REGISTRY_TOKEN=ci-token"}, "--ca-file " + ca, true},
		{[]string{"IMAGEVET_REGISTRY_TOKEN=wrong-token"}, "--ca-file " + ca, false},
		{nil, "--ca-file " + ca + " --authfile " + auths, true},
		{nil, "--registry-token ci-token", false},
		{nil, "--insecure --registry-token ci-token", true},
	} {
		r := imagevet(t, tt.env, append([]string{"image", ref.Name(), "--db", "starter"}, strings.Fields(tt.args)...)...)
		assert.Equalf(t, tt.ok, r.status == exitOK, "%s: %s", tt.args, r.stderr)
		assert.NotContains(t, r.stderr, "wrong-token")
	}
	r := imagevet(t, nil, "image", "app.example/team/app:1", "--db", "starter", "--ca-file", ca, "--authfile", auths, "--registries-conf", conf, "--format", "json")
	require.Zero(t, r.status, r.stderr)
	var report scan.Report
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &report))
	assert.Equal(t, "app.example/team/app:1", report.Target.Name)
	assert.Equal(t, ref.Name(), report.Target.PulledFrom)

	// Databases are talked about in the same way.
	db := filepath.Join(dir, "db")
	source := file("records.jsonl", records)
	built := imagevet(t, nil, "db", "build", "--quiet", "--db", db, source)
	require.Zero(t, built.status, built.stderr)
	pushed := imagevet(t, nil, "db", "push", "--db", db, host+"/team/db:1", "--ca-file", ca, "--authfile", auths)
	require.Zero(t, pushed.status, pushed.stderr)
	pulled := imagevet(t, nil, "db", "pull", "--db", filepath.Join(dir, "local"), "app.example/team/db:1", "--ca-file", ca, "--authfile", auths, "--registries-conf", conf)
	require.Zero(t, pulled.status, pulled.stderr)
	assert.Contains(t, pulled.stdout, pushed.stdout)

	for args, want := range map[string]string{
		"--username robot": "go together", "--password-stdin": "go together", "--token-host https://x": "TokenHosts",
		"--authfile " + auths + " --registry-token x": "give one", "--ca-file " + auths: "RootCAs", "--registries-conf " + auths: "rules",
	} {
		r := imagevet(t, nil, append([]string{"image", ref.Name(), "--db", "starter"}, strings.Fields(args)...)...)
		assert.Equal(t, exitUsage, r.status, args)
		assert.Contains(t, r.stderr, want, args)
	}
	r = imagevet(t, nil, "image", ref.Name(), "--db", "starter", "--authfile", filepath.Join(dir, "none"))
	assert.Equal(t, exitFailed, r.status)
	assert.Contains(t, r.stderr, "--authfile")
}

// TestCredentialsForTwo compares images of two registries: one must not get the
// credentials of the other.
func TestCredentialsForTwo(t *testing.T) {
	r := imagevet(t, nil, "compare", "--db", "starter", "--registry-token", "x", "a.example/app", "b.example/app")
	assert.Equal(t, exitUsage, r.status)
	assert.Contains(t, r.stderr, "--authfile")
	for ref, want := range map[string]string{
		"nginx": "index.docker.io", "registry://a.example/app": "a.example", "archive:app.tar": "", "docker://nginx": "", "main.go": "", "dir:/srv": "", "UPPER": "",
	} {
		assert.Equal(t, want, registryOf(ref), ref)
	}
}

func TestPasswordFromStdin(t *testing.T) {
	resolve := func(stdin string) (string, error) {
		f := newFlags(verb{name: "image"})
		r := f.registryConfig("image")
		r.stdin = strings.NewReader(stdin)
		require.NoError(t, f.parse([]string{"--username", "robot", "--password-stdin"}))
		c, err := r.resolve(&app{env: func(string) string { return "" }}, "registry.example/app")
		if err != nil {
			return "", err
		}
		repo, err := name.NewRepository("registry.example/app")
		require.NoError(t, err)
		auth, err := c.Keychain.Resolve(repo)
		require.NoError(t, err)
		config, err := auth.Authorization()
		require.NoError(t, err)
		return config.Username + ":" + config.Password, nil
	}
	for stdin, want := range map[string]string{"secret\nmore\n": "robot:secret", "a b\r\n": "robot:a b", "no newline": "robot:no newline"} {
		got, err := resolve(stdin)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := resolve("\n")
	require.ErrorContains(t, err, "no password")
}
