package oci_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/scan/image/registry"
	"github.com/imagevet/imagevet/vulndb/oci"
)

// A mirror is pulled from, and never pushed to.
func TestMirror(t *testing.T) {
	upstream, mirror, dir := newTestRegistry(t), newTestRegistry(t), usual(t)
	with := func(rules *registry.Rules) oci.Option {
		return oci.WithRegistry(registry.Config{Keychain: authn.NewMultiKeychain(), Rules: rules, Attempts: 1})
	}
	rule := registry.Rule{Prefix: "db.example", Location: upstream.Host, Mirrors: []registry.Mirror{{Location: mirror.Host}}}
	rules := &registry.Rules{Registries: []registry.Rule{rule}}
	_, err := oci.Push(t.Context(), dir, "db.example/db:1", with(rules))
	require.NoError(t, err)
	assert.Empty(t, mirror.Asked(" "))

	// It has nothing yet.
	local := t.TempDir()
	_, err = oci.Pull(t.Context(), "db.example/db:1", local, with(rules))
	require.NoError(t, err)
	assert.Equal(t, content(t, dir), content(t, local))
	assert.NotEmpty(t, mirror.Asked("/manifests/"))

	push(t, dir, mirror.Host+"/db:1")
	upstream.Misbehave(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
	local = t.TempDir()
	_, err = oci.Pull(t.Context(), "db.example/db:1", local, with(rules))
	require.NoError(t, err)
	assert.Equal(t, content(t, dir), content(t, local))
	assert.Empty(t, upstream.Asked(" "))

	_, err = oci.Pull(t.Context(), "db.example/db:2", t.TempDir(), with(rules))
	var e *image.MirrorError
	require.ErrorAs(t, err, &e)
	assert.Contains(t, err.Error(), mirror.Host)
	rules.Registries[0].Blocked = true
	for _, f := range []func() error{
		func() error { _, err := oci.Pull(t.Context(), "db.example/db:1", t.TempDir(), with(rules)); return err },
		func() error { _, err := oci.Push(t.Context(), dir, "db.example/db:1", with(rules)); return err },
	} {
		assert.ErrorIs(t, f(), registry.ErrBlocked)
	}
	_, err = oci.Pull(t.Context(), "db.example/db:1", t.TempDir(), oci.WithRegistry(registry.Config{Attempts: -1}))
	require.ErrorContains(t, err, "Attempts")
}

// A registry that refuses what is pushed repeats the password: it is not in
// the error.
func TestPasswordIsNotShown(t *testing.T) {
	reg := newTestRegistry(t)
	config := registry.Config{Keychain: registry.Basic(reg.Host, "robot", "secret-password"), Attempts: 1}
	seen := 0
	reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/v2/") {
			return false
		}
		_, password, _ := r.BasicAuth()
		if password == "secret-password" {
			seen++
		}
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("refused: " + password + r.Header.Get("Authorization")))
		return true
	})
	_, err := oci.Push(t.Context(), usual(t), reg.Host+"/db:1", oci.WithRegistry(config))
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "secret-password")
	_, err = oci.Pull(t.Context(), reg.Host+"/db:1", t.TempDir(), oci.WithRegistry(config))
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "secret-password")
	assert.Positive(t, seen, "it was sent to the registry")
}
