package oci_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/vulndb"
	"github.com/imagevet/imagevet/vulndb/oci"
)

func TestRoundTrip(t *testing.T) {
	reg, dir := newTestRegistry(t), usual(t)
	ref := reg.Host + "/team/vulndb:latest"
	digest := push(t, dir, ref)
	copied := filepath.Join(t.TempDir(), "new", "folder")
	result := pull(t, ref, copied)
	assert.Equal(t, content(t, dir), content(t, copied))
	want := answer(t, dir)
	require.Len(t, want.Matches, 60)
	assert.Equal(t, want, answer(t, copied))
	assert.Equal(t, digest, result.Digest)
	assert.False(t, result.Signed)
	assert.Len(t, result.Fetched, 3)
	assert.Empty(t, result.Reused)
	db, err := vulndb.Open(dir)
	require.NoError(t, err)
	defer db.Close()
	assert.Equal(t, db.Info(), result.Info)
	assert.Equal(t, result.Info.ID, result.SourceID)

	assert.Equal(t, digest, push(t, dir, reg.Host+"/other:1"), "the same folder, the same digest")
	assert.Equal(t, digest, push(t, copied, reg.Host+"/other:2"))
	assert.Equal(t, digest, push(t, dir, reg.Host+"/other@"+digest))
	assert.Equal(t, digest, pull(t, reg.Host+"/other@"+digest, t.TempDir()).Digest)
	_, err = oci.Push(t.Context(), dir, reg.Host+"/other@sha256:"+strings.Repeat("0", 64), anonymous())
	assert.ErrorContains(t, err, digest)
}

// The form of the artefact is a contract with other programs.
func TestArtifact(t *testing.T) {
	reg, dir := newTestRegistry(t), usual(t)
	push(t, dir, reg.Host+"/db:1")
	raw := reg.do(t, http.MethodGet, "db/manifests/1", "", nil, http.StatusOK)
	var m map[string]any
	require.NoError(t, json.Unmarshal(raw, &m))
	layers := m["layers"].([]any)
	delete(m, "layers")
	s, err := vulndb.OpenSnapshot(dir)
	require.NoError(t, err)
	defer s.Close()
	assert.Equal(t, map[string]any{
		"schemaVersion": 2.0,
		"mediaType":     "application/vnd.oci.image.manifest.v1+json",
		"artifactType":  "application/vnd.imagevet.vulndb.v1",
		"config": map[string]any{
			"mediaType": "application/vnd.oci.empty.v1+json", "size": 2.0,
			"digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
		},
		"annotations": map[string]any{
			"org.opencontainers.image.created":     "2026-01-02T03:04:05Z",
			"io.github.imagevet.vulndb.id":         s.Info().ID,
			"io.github.imagevet.vulndb.ecosystems": "Alpine,Debian,PyPI",
		},
	}, m)
	require.Len(t, layers, 4)
	first := layers[0].(map[string]any)
	assert.Equal(t, "application/vnd.imagevet.vulndb.manifest.v1+json", first["mediaType"])
	for i, f := range s.Files() {
		assert.Equal(t, map[string]any{
			"mediaType": "application/vnd.imagevet.vulndb.file.v1", "size": float64(f.Size), "digest": "sha256:" + f.SHA256,
			"annotations": map[string]any{
				"org.opencontainers.image.title": f.Name, "io.github.imagevet.vulndb.ecosystem": f.Ecosystem,
				"io.github.imagevet.vulndb.modified": "2026-01-01T00:00:00Z", "io.github.imagevet.vulndb.records": strconv.Itoa(f.Records),
			},
		}, layers[i+1])
	}
}

// Files that did not change do not travel again, in either direction.
func TestIncremental(t *testing.T) {
	reg, old, local := newTestRegistry(t), usual(t), t.TempDir()
	ref := reg.Host + "/db:latest"
	push(t, old, ref)
	first := pull(t, ref, local)
	var all int64
	for _, f := range first.Fetched {
		all += f.Size
	}
	assert.Equal(t, all, first.Bytes)

	reg.Misbehave(nil)
	again := pull(t, ref, local)
	assert.Zero(t, again.Bytes)
	assert.Len(t, again.Reused, 3)
	assert.Len(t, reg.Asked("/blobs/"), 1, "only manifest.json")

	changed := database(t, map[string]int{"Debian:12": 40, "Alpine:v3.20": 31, "PyPI": 20})
	reg.Misbehave(nil)
	push(t, changed, ref)
	assert.Len(t, reg.Asked("PUT /v2/db/blobs/"), 2, "one file and manifest.json")
	reg.Misbehave(nil)
	result := pull(t, ref, local)
	require.Len(t, result.Fetched, 1)
	assert.Equal(t, "Alpine", result.Fetched[0].Ecosystem)
	assert.Equal(t, result.Fetched[0].Size, result.Bytes)
	assert.Len(t, reg.Asked("/blobs/"), 2)
	assert.Equal(t, content(t, changed), content(t, local), "the old file is gone")

	// A file that was damaged is fetched again.
	path := fileOf(t, local, "debian")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	data[len(data)/2] ^= 1
	require.NoError(t, os.WriteFile(path, data, 0o666))
	result = pull(t, ref, local)
	require.Len(t, result.Fetched, 1)
	assert.Equal(t, "Debian", result.Fetched[0].Ecosystem)
	assert.Equal(t, content(t, changed), content(t, local))
}

func TestEcosystems(t *testing.T) {
	reg, local := newTestRegistry(t), t.TempDir()
	ref := reg.Host + "/db:latest"
	push(t, usual(t), ref)
	result := pull(t, ref, local, oci.WithEcosystems("PyPI", "Debian"))
	require.Len(t, result.Fetched, 2)
	assert.NotEqual(t, result.SourceID, result.Info.ID)
	assert.Len(t, content(t, local), 3)
	assert.Len(t, answer(t, local).Matches, 60)
	assert.Equal(t, built, result.Info.Built)

	// What is left is the same, whatever it was chosen from.
	push(t, database(t, map[string]int{"Debian:12": 40, "PyPI": 20}), reg.Host+"/db:two")
	assert.Equal(t, result.Info.ID, pull(t, reg.Host+"/db:two", t.TempDir()).Info.ID)
	all := pull(t, ref, local)
	assert.Len(t, all.Reused, 2)
	assert.Len(t, all.Fetched, 1)
	assert.Len(t, pull(t, ref, local, oci.WithEcosystems("Alpine")).Reused, 1)
	assert.Len(t, content(t, local), 2)

	err := unchanged(t, ref, local, oci.WithEcosystems("Alpine", "Debain"))
	assert.ErrorIs(t, err, vulndb.ErrNoEcosystem)
	assert.ErrorContains(t, err, `"Debain"; there are "Alpine", "Debian", "PyPI"`)
}

// send answers requests for a path with some bytes.
func send(path string, data []byte, chunked bool) func(w http.ResponseWriter, r *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, path) {
			return false
		}
		if chunked {
			w.(http.Flusher).Flush() // before the length is known
		}
		_, _ = w.Write(data)
		return true
	}
}

// A registry that sends what it should not, and a folder that keeps what it has.
func TestDamage(t *testing.T) {
	reg, local := newTestRegistry(t), t.TempDir()
	ref := reg.Host + "/db:latest"
	dir := usual(t)
	digest := push(t, database(t, map[string]int{"Debian:12": 1}), reg.Host+"/db:old")
	require.NotEmpty(t, digest)
	pull(t, reg.Host+"/db:old", local)
	digest = push(t, dir, ref)
	m := reg.manifest(t, "db", "latest")
	file, err := os.ReadFile(fileOf(t, dir, "debian"))
	require.NoError(t, err)
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	require.NoError(t, err)
	fileDigest, manifestDigest := m.Layers[2].Digest.String(), m.Layers[0].Digest.String()
	flipped := bytes.Clone(file)
	flipped[len(file)/2] ^= 1
	notFound := func(path string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, path) {
				return false
			}
			w.WriteHeader(http.StatusNotFound)
			return true
		}
	}
	tests := []struct {
		name     string
		override func(w http.ResponseWriter, r *http.Request) bool
		digest   bool // ErrDigest, or else a RegistryError
	}{
		{"changed", send(fileDigest, flipped, false), true},
		{"changed, chunked", send(fileDigest, flipped, true), true},
		{"cut", send(fileDigest, file[:50], false), true},
		{"cut, chunked", send(fileDigest, file[:50], true), true},
		{"empty", send(fileDigest, nil, false), true},
		{"longer", send(fileDigest, append(bytes.Clone(file), 0), false), true},
		{"longer, chunked", send(fileDigest, append(bytes.Clone(file), 0), true), true},
		{"manifest.json changed", send(manifestDigest, append(bytes.Clone(manifest[:len(manifest)-1]), ' '), true), true},
		{"manifest.json endless", send(manifestDigest, make([]byte, 8<<20), true), true},
		{"a file is missing", notFound(fileDigest), false},
		{"manifest.json is missing", notFound(manifestDigest), false},
		{"the tag is missing", notFound("/manifests/latest"), false},
	}
	for _, tt := range tests {
		reg.Misbehave(tt.override)
		err := unchanged(t, ref, local)
		if tt.digest {
			assert.ErrorIs(t, err, oci.ErrDigest, tt.name)
			var e *inventory.DigestError
			assert.ErrorAs(t, err, &e, tt.name)
			continue
		}
		var e *image.RegistryError
		if assert.ErrorAs(t, err, &e, tt.name) {
			assert.Equal(t, http.StatusNotFound, e.Status, tt.name)
		}
	}
	reg.Misbehave(nil)
	raw := reg.do(t, http.MethodGet, "db/manifests/latest", "", nil, http.StatusOK)
	reg.Misbehave(send("/manifests/"+digest, append(raw, ' '), true))
	assert.ErrorIs(t, unchanged(t, reg.Host+"/db@"+digest, local), oci.ErrDigest, "another manifest than that of the digest")
	reg.Misbehave(send("/manifests/latest", bytes.Repeat([]byte(" "), 5<<20), true))
	assert.ErrorIs(t, unchanged(t, ref, local), oci.ErrNotDatabase, "an endless manifest")

	reg.Misbehave(nil)
	pull(t, ref, local)
	assert.Equal(t, content(t, dir), content(t, local))
}

// A connection that breaks is made again, and the transfer goes on.
func TestBrokenConnection(t *testing.T) {
	reg, dir := newTestRegistry(t), usual(t)
	ref := reg.Host + "/db:latest"
	push(t, dir, ref)
	file, err := os.ReadFile(fileOf(t, dir, "debian"))
	require.NoError(t, err)
	hash, _, err := v1.SHA256(bytes.NewReader(file))
	require.NoError(t, err)
	breaks := func(times int32) {
		var n atomic.Int32
		reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, hash.String()) || n.Add(1) > times {
				return false
			}
			w.Header().Set("Content-Length", strconv.Itoa(len(file)))
			_, _ = w.Write(file[:len(file)/2])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})
	}
	breaks(2)
	local := t.TempDir()
	pull(t, ref, local)
	assert.Equal(t, content(t, dir), content(t, local))
	assert.Len(t, reg.Asked(hash.String()), 3)

	breaks(1000)
	var e *image.RegistryError
	assert.ErrorAs(t, unchanged(t, ref, t.TempDir()), &e)
}

// What is stored as a database and is none.
func TestHostileArtifact(t *testing.T) {
	reg, dir, local := newTestRegistry(t), usual(t), t.TempDir()
	push(t, database(t, map[string]int{"Debian:12": 1}), reg.Host+"/db:old")
	pull(t, reg.Host+"/db:old", local)
	push(t, dir, reg.Host+"/db:good")
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	require.NoError(t, err)
	file := filepath.Base(fileOf(t, dir, "debian"))
	size := fmt.Sprintf(`"size": %d`, reg.manifest(t, "db", "good").Layers[2].Size)

	manifest := func(change func(m *v1.Manifest)) func(*v1.Manifest) { return change }
	forged := func(from, to string) func(*v1.Manifest) {
		return func(m *v1.Manifest) {
			d := reg.putBlob(t, "db", []byte(forge(string(text), from, to)))
			d.MediaType = oci.ManifestType
			m.Layers[0] = d
		}
	}
	tests := []struct {
		name   string
		change func(m *v1.Manifest)
		want   error
	}{
		{"an image", manifest(func(m *v1.Manifest) { m.ArtifactType, m.Config.MediaType = "", types.OCIConfigJSON }), oci.ErrNotDatabase},
		{"another artefact", manifest(func(m *v1.Manifest) { m.ArtifactType = "application/vnd.example" }), oci.ErrNotDatabase},
		{"a newer artefact", manifest(func(m *v1.Manifest) { m.ArtifactType = "application/vnd.imagevet.vulndb.v2" }), vulndb.ErrVersion},
		{"Docker's manifest", manifest(func(m *v1.Manifest) { m.MediaType = types.DockerManifestSchema2 }), oci.ErrNotDatabase},
		{"layers of another type", manifest(func(m *v1.Manifest) { m.Layers[2].MediaType = types.OCILayer }), oci.ErrNotDatabase},
		{"no manifest.json", manifest(func(m *v1.Manifest) { m.Layers = m.Layers[1:] }), oci.ErrNotDatabase},
		{"two manifest.json", manifest(func(m *v1.Manifest) { m.Layers = append(m.Layers, m.Layers[0]) }), oci.ErrNotDatabase},
		{"no layers", manifest(func(m *v1.Manifest) { m.Layers = nil }), oci.ErrNotDatabase},
		{"too many layers", manifest(func(m *v1.Manifest) {
			more := m.Layers[1]
			more.Annotations = nil
			for range 9000 {
				m.Layers = append(m.Layers, more)
			}
		}), oci.ErrNotDatabase},
		{"a file less", manifest(func(m *v1.Manifest) { m.Layers = m.Layers[:3] }), vulndb.ErrCorrupt},
		{"another size of a file", manifest(func(m *v1.Manifest) { m.Layers[2].Size++ }), vulndb.ErrCorrupt},
		{"another size of manifest.json", manifest(func(m *v1.Manifest) { m.Layers[0].Size++ }), oci.ErrDigest},
		{"smaller size of manifest.json", manifest(func(m *v1.Manifest) { m.Layers[0].Size-- }), oci.ErrDigest},
		{"huge manifest.json", manifest(func(m *v1.Manifest) { m.Layers[0].Size = 1 << 50 }), oci.ErrNotDatabase},
		{"negative size of manifest.json", manifest(func(m *v1.Manifest) { m.Layers[0].Size = -1 }), oci.ErrNotDatabase},
		{"huge file", forged(size, `"size": 1125899906842624`), vulndb.ErrLimit},
		{"negative file", forged(size, `"size": -5`), vulndb.ErrCorrupt},
		{"a file of another size", forged(size, `"size": 7`), vulndb.ErrCorrupt},
		{"a path upwards", forged(file, "../../"+file), vulndb.ErrCorrupt},
		{"an absolute path", forged(file, "/etc/"+file), vulndb.ErrCorrupt},
		{"a path of Windows", forged(file, `c:\\`+file), vulndb.ErrCorrupt},
		{"the lock's name", forged(file, ".lock"), vulndb.ErrCorrupt},
		{"the manifest's name", forged(file, "manifest.json"), vulndb.ErrCorrupt},
		{"the name of a file that is there", forged(file, filepath.Base(fileOf(t, local, "debian"))), vulndb.ErrCorrupt},
		{"another ID", forged(`"id": "sha256:`, `"id": "sha256:0`), vulndb.ErrCorrupt},
		{"a newer format", forged(`"version": 4`, `"version": 5`), vulndb.ErrVersion},
		{"something else", forged(`"imagevet-vulndb"`, `"else"`), vulndb.ErrForeign},
		{"another checksum of a file", forged(`"crc32c": `, `"crc32c": 1`), vulndb.ErrCorrupt},
		{"more records", forged(`"records": 40`, `"records": 41`), vulndb.ErrCorrupt},
	}
	for _, tt := range tests {
		m := reg.manifest(t, "db", "good")
		tt.change(&m)
		reg.putManifest(t, "db", "bad", m)
		assert.ErrorIs(t, unchanged(t, reg.Host+"/db:bad", local), tt.want, tt.name)
	}
	for _, body := range []string{"", "[]", "null", `{"schemaVersion":1}`, `{"schemaVersion":2,"layers":{}}`, "<html>", strings.Repeat("[", 100000)} {
		reg.Misbehave(send("/manifests/bad", []byte(body), false))
		assert.ErrorIsf(t, unchanged(t, reg.Host+"/db:bad", local), oci.ErrNotDatabase, "%.20q", body)
	}
	reg.Misbehave(nil)

	// Names in annotations are not looked at.
	m := reg.manifest(t, "db", "good")
	for i := range m.Layers {
		m.Layers[i].Annotations = map[string]string{"org.opencontainers.image.title": "../../x"}
	}
	reg.putManifest(t, "db", "odd", m)
	pull(t, reg.Host+"/db:odd", local)
	assert.Equal(t, content(t, dir), content(t, local))
	assert.ErrorIs(t, unchanged(t, reg.Host+"/db:old", local, oci.WithMaxBytes(10)), vulndb.ErrLimit)
}

func TestReferenceError(t *testing.T) {
	dir := usual(t)
	for _, ref := range []string{"", "UPPER/case", "db@sha256:1"} {
		var e *image.ReferenceError
		_, err := oci.Push(t.Context(), dir, ref)
		assert.ErrorAs(t, err, &e, "Push(%q)", ref)
		_, err = oci.Pull(t.Context(), ref, dir)
		assert.ErrorAs(t, err, &e, "Pull(%q)", ref)
	}
}

func TestPushErrors(t *testing.T) {
	reg, dir := newTestRegistry(t), usual(t)
	_, err := oci.Push(t.Context(), t.TempDir(), reg.Host+"/db:1", anonymous())
	assert.ErrorIs(t, err, vulndb.ErrNotFound)
	path := fileOf(t, dir, "debian")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, damaged := range map[string][]byte{
		"changed": append([]byte{data[0] ^ 1}, data[1:]...), "cut": data[:50], "longer": append(bytes.Clone(data), 0),
	} {
		require.NoError(t, os.WriteFile(path, damaged, 0o666))
		_, err = oci.Push(t.Context(), dir, reg.Host+"/db:1", anonymous())
		assert.ErrorIs(t, err, vulndb.ErrCorrupt, name)
	}
	assert.Empty(t, reg.Asked("/"), "nothing was sent")
	require.NoError(t, os.WriteFile(path, data, 0o666))
	reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	var e *image.RegistryError
	_, err = oci.Push(t.Context(), dir, reg.Host+"/db:1", anonymous())
	require.ErrorAs(t, err, &e)
	assert.Equal(t, http.StatusForbidden, e.Status)
	for _, opt := range []oci.Option{oci.WithEcosystems("Debian"), oci.WithKeychain(nil), oci.WithTransport(nil), oci.WithWorkers(0), oci.WithProgress(nil), oci.WithMaxBytes(0), oci.WithEcosystems(), oci.WithPublicKey(nil)} {
		_, err = oci.Push(t.Context(), dir, reg.Host+"/db:1", anonymous(), opt)
		assert.ErrorContains(t, err, "With")
	}
}

// The tag is the last that a push sets: before, there is nothing to pull.
func TestPushOrder(t *testing.T) {
	reg := newTestRegistry(t)
	push(t, usual(t), reg.Host+"/db:1")
	all := reg.Asked(" ")
	assert.Equal(t, "PUT /v2/db/manifests/1", all[len(all)-1])
	assert.Len(t, reg.Asked("/manifests/"), 1)
}

func TestPlainHTTP(t *testing.T) {
	var e *image.RegistryError
	_, err := oci.Pull(t.Context(), "192.0.2.1:1/db", t.TempDir(), anonymous(), oci.WithTransport(refuse{}))
	require.ErrorAs(t, err, &e)
	assert.Zero(t, e.Status)
}

// refuse fails if it is asked for anything but TLS.
type refuse struct{}

func (refuse) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		panic(r.URL.String())
	}
	return nil, errors.New("not sent")
}

type fixedKeychain struct{ user, password string }

func (f fixedKeychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: f.user, Password: f.password}, nil
}

func TestCredentials(t *testing.T) {
	reg, dir := newTestRegistry(t), usual(t)
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:secret"))
	reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == want {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	ref, key := reg.Host+"/db:1", p256(t)
	right, wrong := oci.WithKeychain(fixedKeychain{"user", "secret"}), oci.WithKeychain(fixedKeychain{"user", "wrong-password"})
	for _, transfer := range []func(opt oci.Option) error{
		func(opt oci.Option) error { _, err := oci.Push(t.Context(), dir, ref, opt); return err },
		func(opt oci.Option) error { _, err := oci.Sign(t.Context(), ref, key, opt); return err },
		func(opt oci.Option) error {
			_, err := oci.Pull(t.Context(), ref, t.TempDir(), opt, oci.WithPublicKey(publicPEM(t, key.Public())))
			return err
		},
	} {
		err := transfer(wrong)
		var e *image.RegistryError
		require.ErrorAs(t, err, &e)
		assert.Equal(t, http.StatusUnauthorized, e.Status)
		assert.NotContains(t, err.Error(), "wrong-password")
		require.NoError(t, transfer(right))
	}
}

func TestContext(t *testing.T) {
	reg, dir := newTestRegistry(t), usual(t)
	push(t, dir, reg.Host+"/db:1")
	ctx, cancel := context.WithCancel(t.Context())
	reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		_, _ = w.Write(make([]byte, 10)) // without a length, which would be wrong
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
		return true
	})
	local := t.TempDir()
	_, err := oci.Pull(ctx, reg.Host+"/db:1", local, anonymous())
	assert.ErrorIs(t, err, context.Canceled)
	var e *image.RegistryError
	assert.False(t, errors.As(err, &e), "it is not the registry's fault")
	assert.Empty(t, content(t, local))
	_, err = oci.Push(ctx, dir, reg.Host+"/db:1", anonymous())
	assert.ErrorIs(t, err, context.Canceled)
}

// Pulls of two databases into one folder, by many at once: one of the two is
// there at each moment, and at the end. Files of the other are fetched again
// where somebody else has removed them.
func TestConcurrentPulls(t *testing.T) {
	reg, local := newTestRegistry(t), t.TempDir()
	dirs := []string{usual(t), database(t, map[string]int{"Debian:12": 40, "Alpine:v3.20": 5, "PyPI": 6})}
	ids := map[string]bool{}
	for i, dir := range dirs {
		push(t, dir, fmt.Sprintf("%s/db:%d", reg.Host, i))
		db, err := vulndb.Open(dir)
		require.NoError(t, err)
		ids[db.Info().ID] = true
		require.NoError(t, db.Close())
	}
	pull(t, reg.Host+"/db:0", local)
	stop := make(chan struct{})
	var readers, group sync.WaitGroup
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			db, err := vulndb.Open(local)
			if assert.NoError(t, err) {
				assert.True(t, ids[db.Info().ID])
				assert.NoError(t, db.Close())
			}
			time.Sleep(time.Millisecond)
		}
	})
	for i := range 4 {
		group.Go(func() {
			for range 5 {
				_, err := oci.Pull(t.Context(), fmt.Sprintf("%s/db:%d", reg.Host, i%2), local, anonymous())
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	close(stop)
	readers.Wait()
	left := content(t, local)
	if !assert.ObjectsAreEqual(content(t, dirs[0]), left) {
		assert.Equal(t, content(t, dirs[1]), left)
	}
}

// Whoever has the old database open keeps it.
func TestPullBesideReader(t *testing.T) {
	reg, local := newTestRegistry(t), t.TempDir()
	old := usual(t)
	push(t, old, reg.Host+"/db:1")
	push(t, database(t, map[string]int{"Debian:12": 3}), reg.Host+"/db:2")
	pull(t, reg.Host+"/db:1", local)
	db, err := vulndb.Open(local)
	require.NoError(t, err)
	defer db.Close()
	pull(t, reg.Host+"/db:2", local)
	got, err := db.Match(t.Context(), inventory.OS{ID: "debian", Version: "12"}, []inventory.Package{{Type: "deb", Name: "p39", Version: "1"}})
	require.NoError(t, err)
	require.Len(t, got.Matches, 1)
	assert.NotEmpty(t, got.Matches[0].Details, "which is read from the old file")
}

func TestProgress(t *testing.T) {
	reg, dir := newTestRegistry(t), usual(t)
	for _, transfer := range []func(opt oci.Option){
		func(opt oci.Option) { push(t, dir, reg.Host+"/db:1", opt) },
		func(opt oci.Option) { pull(t, reg.Host+"/db:1", t.TempDir(), opt) },
	} {
		last := map[string]oci.Progress{}
		transfer(oci.WithProgress(func(p oci.Progress) { // calls come one after another
			assert.GreaterOrEqual(t, p.Done, last[p.Name].Done)
			last[p.Name] = p
		}))
		assert.Len(t, last, 3)
		for name, p := range last {
			assert.Equal(t, p.Size, p.Done)
			info, err := os.Stat(filepath.Join(dir, name))
			require.NoError(t, err)
			assert.Equal(t, info.Size(), p.Size)
		}
		assert.Contains(t, slices.Sorted(maps.Keys(last))[1], "debian-")
	}
}
