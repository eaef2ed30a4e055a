package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/vulndb/oci"
)

func TestDBRegistry(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir()) // not the credentials of whoever runs the tests
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/team/vulndb:latest"
	dir := t.TempDir()
	source, db, local := filepath.Join(dir, "records.jsonl"), filepath.Join(dir, "db"), filepath.Join(dir, "local")
	require.NoError(t, os.WriteFile(source, []byte(records), 0o666))
	built := imagevet(t, nil, "db", "build", "--quiet", "--db", db, source)
	require.Zero(t, built.status, built.stderr)

	pushed := imagevet(t, nil, "db", "push", "--db", db, ref)
	require.Zero(t, pushed.status, pushed.stderr)
	assert.Regexp(t, `^sha256:[0-9a-f]{64}\n$`, pushed.stdout)
	pulled := imagevet(t, []string{"IMAGEVET_DB=" + local}, "db", "pull", ref)
	require.Zero(t, pulled.status, pulled.stderr)
	assert.Contains(t, pulled.stdout, "Digest   "+pushed.stdout+"Pulled   1 files of ")
	assert.Equal(t, imagevet(t, nil, "db", "info", "--db", db).stdout[len("Database "+db):], imagevet(t, nil, "db", "info", "--db", local).stdout[len("Database "+local):])
	pulled = imagevet(t, nil, "db", "pull", "--db", local, ref, "--ecosystems", "Alpine")
	assert.Contains(t, pulled.stdout, "Pulled   0 files of 0 bytes, 1 were there\n", pulled.stderr)

	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	key := filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o666))
	unsigned := imagevet(t, nil, "db", "pull", "--db", local, "--key", key, ref)
	assert.Equal(t, exitFailed, unsigned.status)
	assert.Contains(t, unsigned.stderr, "not signed")
	_, err = oci.Sign(t.Context(), ref, private)
	require.NoError(t, err)
	assert.Zero(t, imagevet(t, nil, "db", "pull", "--db", local, "--key", key, ref).status)

	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"pull", ref, "--db", "starter"}, exitUsage, "give a folder"},
		{[]string{"push", ref, "--db", "starter"}, exitUsage, "give a folder"},
		{[]string{"push", ref, "more"}, exitUsage, "do not fit"},
		{[]string{"pull"}, exitUsage, "do not fit"},
		{[]string{"pull", "--key", filepath.Join(dir, "none"), ref}, exitUsage, "no such file"},
		{[]string{"pull", "--key", source, "--db", local, ref}, exitFailed, "no public key"},
		{[]string{"pull", "--ecosystems", "Debian", "--db", local, ref}, exitFailed, `there are "Alpine"`},
		{[]string{"pull", "--db", local, ref + "r"}, exitFailed, "check the name and the tag"},
		{[]string{"push", "--db", filepath.Join(dir, "none"), ref}, exitFailed, "no advisory database here"},
	} {
		r := imagevet(t, nil, append([]string{"db"}, tt.args...)...)
		assert.Equal(t, tt.status, r.status, "%q", tt.args)
		assert.Contains(t, r.stderr, tt.want, "%q", tt.args)
	}
}

func TestDBBuildTrivy(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/trivy-db:2"
	fixture, err := os.ReadFile("../../internal/trivydb/testdata/trivy.db")
	require.NoError(t, err)
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	for _, m := range [...]struct{ name, content string }{{"trivy.db", string(fixture)}, {"metadata.json", `{"Version": 2}`}} {
		require.NoError(t, tw.WriteHeader(&tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.content))}))
		_, err := io.WriteString(tw, m.content)
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	require.NoError(t, zw.Close())
	image, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{Layer: static.NewLayer(b.Bytes(), oci.TrivyLayerType)})
	require.NoError(t, err)
	tag, err := name.ParseReference(ref)
	require.NoError(t, err)
	require.NoError(t, remote.Write(tag, image))

	dir := t.TempDir()
	source, db := filepath.Join(dir, "records.jsonl"), filepath.Join(dir, "db")
	require.NoError(t, os.WriteFile(source, []byte(records), 0o666))
	built := imagevet(t, nil, "db", "build", "--db", db, "--trivy", ref, source)
	require.Zero(t, built.status, built.stderr)
	for _, ecosystem := range []string{"Alpine ", "Amazon Linux ", "Oracle Linux ", "Photon OS ", "Red Hat "} {
		assert.Contains(t, built.stdout, ecosystem)
	}
	assert.Zero(t, imagevet(t, nil, "db", "build", "--db", db, "--trivy", ref).status, "without another source")
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	assert.Empty(t, left)

	failed := imagevet(t, nil, "db", "build", "--db", db, "--trivy", ref+"x")
	assert.Equal(t, exitFailed, failed.status)
	assert.Contains(t, failed.stderr, "trivy-db:2x")
}
