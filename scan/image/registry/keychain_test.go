package registry_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan/image/registry"
)

func auth(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

func write(tb testing.TB, path, text string) string {
	tb.Helper()
	require.NoError(tb, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(tb, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// resolve returns the credentials for a repository as "user:password",
// "identity:TOKEN" or "bearer:TOKEN", empty if there are none.
func resolve(tb testing.TB, k authn.Keychain, repository string) string {
	tb.Helper()
	repo, err := name.NewRepository(repository)
	require.NoError(tb, err)
	a, err := k.Resolve(repo)
	require.NoError(tb, err, repository)
	c, err := a.Authorization()
	require.NoError(tb, err)
	switch {
	case c.IdentityToken != "":
		return "identity:" + c.IdentityToken
	case c.RegistryToken != "":
		return "bearer:" + c.RegistryToken
	case c.Username != "":
		return c.Username + ":" + c.Password
	}
	return ""
}

func TestAuthFile(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "config.json"), fmt.Sprintf(`{"auths": {
		"https://index.docker.io/v1/": {"auth": %q},
		"quay.io": {"auth": %q},
		"quay.io/team": {"auth": %q},
		"quay.io/team/app": {"auth": %q},
		"https://registry.example/v2/": {"username": "u", "password": "p"},
		"registry.example:5000": {"identitytoken": "id"},
		"token.example": {"registrytoken": "bearer"},
		"empty.example": {}
	}}`, auth("hub", "a:b"), auth("quay", "1"), auth("team", "2"), auth("app", "3")))
	k := registry.AuthFile(path)
	for repository, want := range map[string]string{
		"nginx": "hub:a:b", "docker.io/team/app": "hub:a:b", "index.docker.io/library/nginx": "hub:a:b",
		"quay.io/other/app": "quay:1", "quay.io/team/other": "team:2", "quay.io/team/app": "app:3", "quay.io/team/app/part": "app:3", "quay.io/team2/app": "quay:1",
		"registry.example/app": "u:p", "registry.example:5000/app": "identity:id", "token.example/app": "bearer:bearer",
		"registry.example:5001/app": "", "empty.example/app": "", "evil.example/quay.io/team/app": "", "sub.quay.io/app": "",
	} {
		assert.Equal(t, want, resolve(t, k, repository), repository)
	}
	// Podman calls it so.
	podman := registry.AuthFile(write(t, filepath.Join(t.TempDir(), "auth.json"), fmt.Sprintf(`{"auths": {"docker.io": {"auth": %q}}}`, auth("hub", "x"))))
	assert.Equal(t, "hub:x", resolve(t, podman, "library/nginx"))
	assert.Equal(t, "", resolve(t, registry.AuthFile(write(t, filepath.Join(t.TempDir(), "empty"), " \n")), "nginx"))
}

func TestAuthFileErrors(t *testing.T) {
	repo, err := name.NewRepository("quay.io/app")
	require.NoError(t, err)
	for text, want := range map[string]string{
		`{"auths": {"quay.io": {"auth": "c2VjcmV0"}}}`: "base64", // no colon
		`{"auths": {"quay.io": {"auth": "!!"}}}`:       "base64",
		`{"auths": {"quay.io": {"auth": secret}}}`:     "JSON",
		`{"auths": {"quay.io": {"password": 12345}}}`:  "JSON",
		`{"credsStore": "../evil"}`:                    "no name of a program",
		`{"credHelpers": {"quay.io": "a b"}}`:          "no name of a program",
		`{"credsStore": "is-not-there-for-sure"}`:      "is-not-there-for-sure",
	} {
		_, err := registry.AuthFile(write(t, filepath.Join(t.TempDir(), "config.json"), text)).Resolve(repo)
		require.ErrorContains(t, err, want, text)
		assert.NotContains(t, err.Error(), "c2VjcmV0")
		assert.NotContains(t, err.Error(), "12345")
	}
	_, err = registry.AuthFile(filepath.Join(t.TempDir(), "no")).Resolve(repo)
	require.ErrorIs(t, err, os.ErrNotExist)
	big := filepath.Join(t.TempDir(), "big")
	require.NoError(t, os.WriteFile(big, make([]byte, 5<<20), 0o600))
	_, err = registry.AuthFile(big).Resolve(repo)
	require.ErrorContains(t, err, "more than")
}

// TestHelpers runs credential helpers, which are shell scripts here.
func TestHelpers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helpers are shell scripts")
	}
	bin := t.TempDir()
	helper := func(name, script string) {
		require.NoError(t, os.WriteFile(filepath.Join(bin, "docker-credential-"+name), []byte("#!/bin/sh\nread -r server || true\n"+script), 0o700))
	}
	helper("store", `case "$server" in
		https://index.docker.io/v1/) echo '{"Username": "hub", "Secret": "s"}';;
		quay.io) echo '{"ServerURL": "quay.io", "Username": "<token>", "Secret": "id"}';;
		*) echo "credentials not found in native keychain"; exit 1;;
	esac`)
	helper("cloud", `[ "$1" = get ] && echo "{\"Username\": \"cloud\", \"Secret\": \"for $server\"}"`)
	helper("broken", `echo 'secret output'; exit 3`)
	helper("noise", `echo 'secret noise'`)
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	file := func(text string) authn.Keychain {
		return registry.AuthFile(write(t, filepath.Join(t.TempDir(), "config.json"), text))
	}
	k := file(fmt.Sprintf(`{"credsStore": "store", "credHelpers": {"cloud.example": "cloud"}, "auths": {"quay.io": {}, "other.example": {"auth": %q}}}`, auth("o", "p")))
	for repository, want := range map[string]string{
		"nginx": "hub:s", "quay.io/a": "identity:id", "cloud.example/a": "cloud:for cloud.example", "other.example/a": "o:p", "none.example/a": "",
	} {
		assert.Equal(t, want, resolve(t, k, repository), repository)
	}
	repo, err := name.NewRepository("quay.io/app")
	require.NoError(t, err)
	for _, helper := range []string{"broken", "noise"} {
		_, err = file(fmt.Sprintf(`{"credsStore": %q}`, helper)).Resolve(repo)
		require.ErrorContains(t, err, helper)
		assert.NotContains(t, err.Error(), "secret")
	}
}

// TestDefaultKeychain has files in all places, and takes one away after
// another.
func TestDefaultKeychain(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"HOME", "USERPROFILE"} {
		t.Setenv(name, filepath.Join(dir, "home"))
	}
	t.Setenv("DOCKER_CONFIG", "")
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(dir, "run"))
	explicit := filepath.Join(dir, "explicit.json")
	t.Setenv("REGISTRY_AUTH_FILE", explicit)
	entry := func(user string) string {
		return fmt.Sprintf(`{"auths": {"quay.io": {"auth": %q}}}`, auth(user, "x"))
	}
	paths := []string{
		write(t, explicit, entry("explicit")),
		write(t, filepath.Join(dir, "home", ".docker", "config.json"), entry("docker")),
		write(t, filepath.Join(dir, "run", "containers", "auth.json"), entry("run")),
		write(t, filepath.Join(dir, "home", ".config", "containers", "auth.json"), entry("config")),
	}
	for i, want := range []string{"explicit:x", "docker:x", "run:x", "config:x"} {
		assert.Equal(t, want, resolve(t, registry.DefaultKeychain(), "quay.io/app"))
		if i == 0 { // a file that has nothing for the registry is passed over
			write(t, explicit, `{"auths": {"other.example": {"auth": "dTpw"}}}`)
			continue
		}
		require.NoError(t, os.Remove(paths[i]))
	}
	assert.Equal(t, "", resolve(t, registry.DefaultKeychain(), "quay.io/app"))

	// Other folders than those in the home folder.
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "xdg"))
	write(t, filepath.Join(dir, "xdg", "containers", "auth.json"), entry("xdg"))
	assert.Equal(t, "xdg:x", resolve(t, registry.DefaultKeychain(), "quay.io/app"))
	t.Setenv("DOCKER_CONFIG", filepath.Join(dir, "docker"))
	write(t, filepath.Join(dir, "docker", "config.json"), entry("other"))
	assert.Equal(t, "other:x", resolve(t, registry.DefaultKeychain(), "quay.io/app"))

	repo, err := name.NewRepository("quay.io/app")
	require.NoError(t, err)
	write(t, filepath.Join(dir, "docker", "config.json"), "no JSON")
	_, err = registry.DefaultKeychain().Resolve(repo)
	require.ErrorContains(t, err, "JSON")
	t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(dir, "missing"))
	_, err = registry.DefaultKeychain().Resolve(repo)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestFixedCredentials(t *testing.T) {
	basic := registry.Basic("docker.io", "u", "secret-password")
	assert.Equal(t, "u:secret-password", resolve(t, basic, "nginx"))
	assert.Equal(t, "", resolve(t, basic, "quay.io/nginx"))
	token := registry.Token("registry.example:5000", "secret-token")
	assert.Equal(t, "bearer:secret-token", resolve(t, token, "registry.example:5000/app"))
	assert.Equal(t, "", resolve(t, token, "registry.example/app"))
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v %s", basic, basic, token, token), "secret")
	// The first that has something wins.
	both := authn.NewMultiKeychain(token, registry.Basic("registry.example:5000", "u", "p"))
	assert.Equal(t, "bearer:secret-token", resolve(t, both, "registry.example:5000/app"))
}

func FuzzAuthFile(f *testing.F) {
	f.Add([]byte(`{"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}, "docker.io": {"identitytoken": "x"}}}`), "nginx")
	f.Add([]byte(`{"auths": {"quay.io/a": {"username": "u", "password": "p"}, "quay.io": {}}, "credHelpers": {"x.y": "z"}}`), "quay.io/a/b")
	f.Fuzz(func(t *testing.T, data []byte, repository string) {
		t.Setenv("PATH", "") // no helper is there
		repo, err := name.NewRepository(repository)
		if err != nil {
			return
		}
		path := filepath.Join(t.TempDir(), "auth.json")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		first, err := registry.AuthFile(path).Resolve(repo)
		again, errAgain := registry.AuthFile(path).Resolve(repo)
		require.Equal(t, err == nil, errAgain == nil)
		if err != nil {
			assert.Nil(t, first)
			return
		}
		a, err := first.Authorization()
		require.NoError(t, err)
		b, err := again.Authorization()
		require.NoError(t, err)
		assert.Equal(t, a, b, "the same file gives the same credentials")
	})
}
