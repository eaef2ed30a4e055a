package oci_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/vulndb"
	"github.com/imagevet/imagevet/vulndb/oci"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const trivyMetadata = `{"Version":2,"NextUpdate":"2026-01-03T00:00:00Z","UpdatedAt":"2026-01-02T18:00:00Z","DownloadedAt":"0001-01-01T00:00:00Z"}`

// member is one of a tar archive.
type member struct {
	name, content string
	kind          byte
}

func tarGz(tb testing.TB, members ...member) []byte {
	tb.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.content)), Typeflag: tar.TypeReg}
		if m.kind != 0 {
			h.Typeflag, h.Linkname = m.kind, map[bool]string{true: "/etc/passwd"}[m.kind == tar.TypeSymlink]
		}
		require.NoError(tb, tw.WriteHeader(h))
		_, err := io.WriteString(tw, m.content)
		require.NoError(tb, err)
	}
	require.NoError(tb, tw.Close())
	require.NoError(tb, zw.Close())
	return b.Bytes()
}

// putTrivy stores layers as a database of Trivy is stored.
func (t testRegistry) putTrivy(tb testing.TB, repo, mediaType string, layers ...[]byte) string {
	tb.Helper()
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: t.putBlob(tb, repo, []byte("{}"))}
	m.Config.MediaType = "application/vnd.aquasec.trivy.config.v1+json"
	for _, data := range layers {
		d := t.putBlob(tb, repo, data)
		d.MediaType = types.MediaType(mediaType)
		m.Layers = append(m.Layers, d)
	}
	t.putManifest(tb, repo, "2", m)
	return t.Host + "/" + repo + ":2"
}

func trivyFixture(tb testing.TB) string {
	tb.Helper()
	data, err := os.ReadFile("../../internal/trivydb/testdata/trivy.db")
	require.NoError(tb, err)
	return string(data)
}

func TestPullTrivy(t *testing.T) {
	reg := newTestRegistry(t)
	db := trivyFixture(t)
	for i, archive := range [][]byte{
		tarGz(t, member{name: "trivy.db", content: db}, member{name: "metadata.json", content: trivyMetadata}),
		tarGz(t, member{name: "./", kind: tar.TypeDir}, member{name: "./metadata.json", content: trivyMetadata}, member{name: "./trivy.db", content: db}),
	} {
		ref := reg.putTrivy(t, "trivy-db", oci.TrivyLayerType, archive)
		temp := t.TempDir()
		var progress []oci.Progress
		trivy, err := oci.PullTrivy(t.Context(), ref, temp, anonymous(), oci.WithProgress(func(p oci.Progress) { progress = append(progress, p) }))
		require.NoError(t, err)
		assert.Regexp(t, "^sha256:[0-9a-f]{64}$", trivy.Digest)
		assert.False(t, trivy.Signed)
		assert.Equal(t, time.Date(2026, 1, 2, 18, 0, 0, 0, time.UTC), trivy.Updated)
		assert.Equal(t, time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC), trivy.Next)
		require.NotEmpty(t, progress)
		assert.Equal(t, oci.Progress{Name: "trivy.db", Done: int64(len(archive)), Size: int64(len(archive))}, progress[len(progress)-1])

		dir := t.TempDir()
		report, err := vulndb.Build(t.Context(), dir, []vulndb.Source{trivy.Source()})
		require.NoError(t, err)
		assert.Zero(t, report.Bad)
		found, err := vulndb.Open(dir)
		require.NoError(t, err)
		result, err := found.Match(t.Context(), inventory.OS{ID: "amzn", Version: "2"}, []inventory.Package{{Type: "rpm", Name: "curl", Version: "7"}})
		require.NoError(t, err)
		assert.Equalf(t, "CVE-2026-0001", result.Matches[0].ID, "archive %d", i)
		require.NoError(t, found.Close())

		kept, err := filepath.Glob(filepath.Join(temp, "*", "*"))
		require.NoError(t, err)
		assert.Len(t, kept, 1, "the archive is removed")
		require.NoError(t, trivy.Close())
		require.NoError(t, trivy.Close())
		left, err := os.ReadDir(temp)
		require.NoError(t, err)
		assert.Empty(t, left)
	}
}

func TestPullTrivyErrors(t *testing.T) {
	reg := newTestRegistry(t)
	db, metadata := member{name: "trivy.db", content: trivyFixture(t)}, member{name: "metadata.json", content: trivyMetadata}
	good := tarGz(t, db, metadata)
	schema := member{name: "metadata.json", content: strings.Replace(trivyMetadata, `"Version":2`, `"Version":3`, 1)}
	bomb := member{name: "trivy.db", content: strings.Repeat("\x00", 1<<20)}
	for _, tt := range []struct {
		name      string
		mediaType string
		layers    [][]byte
		opts      []oci.Option
		want      error
		text      string
	}{
		{"another media type", "application/vnd.oci.image.layer.v1.tar+gzip", [][]byte{good}, nil, oci.ErrNotDatabase, "vnd.oci.image.layer"},
		{"no layer", "", nil, nil, oci.ErrNotDatabase, "no layer"},
		{"two layers", oci.TrivyLayerType, [][]byte{good, {1}}, nil, oci.ErrNotDatabase, "2 layers"},
		{"no gzip", oci.TrivyLayerType, [][]byte{[]byte("no archive")}, nil, oci.ErrNotDatabase, "gzip"},
		{"half of it", oci.TrivyLayerType, [][]byte{good[:len(good)/2]}, nil, oci.ErrNotDatabase, "unexpected EOF"},
		{"no database", oci.TrivyLayerType, [][]byte{tarGz(t, metadata)}, nil, oci.ErrNotDatabase, `no "trivy.db"`},
		{"no metadata", oci.TrivyLayerType, [][]byte{tarGz(t, db)}, nil, oci.ErrNotDatabase, `no "metadata.json"`},
		{"another schema", oci.TrivyLayerType, [][]byte{tarGz(t, db, schema)}, nil, oci.ErrNotDatabase, "schema 3 of a database of Trivy, known is 2"},
		{"metadata that is none", oci.TrivyLayerType, [][]byte{tarGz(t, db, member{name: "metadata.json", content: "{"})}, nil, oci.ErrNotDatabase, "metadata.json"},
		{"large metadata", oci.TrivyLayerType, [][]byte{tarGz(t, db, member{name: "metadata.json", content: strings.Repeat(" ", 1<<20+1)})}, nil, oci.ErrNotDatabase, "more than"},
		{"something else", oci.TrivyLayerType, [][]byte{tarGz(t, db, metadata, member{name: "fanal.db"})}, nil, oci.ErrNotDatabase, "fanal.db"},
		{"a way out", oci.TrivyLayerType, [][]byte{tarGz(t, member{name: "../trivy.db"})}, nil, oci.ErrNotDatabase, "../trivy.db"},
		{"a link", oci.TrivyLayerType, [][]byte{tarGz(t, member{name: "trivy.db", kind: tar.TypeSymlink})}, nil, oci.ErrNotDatabase, "trivy.db"},
		{"twice", oci.TrivyLayerType, [][]byte{tarGz(t, db, db)}, nil, oci.ErrNotDatabase, "two files"},
		{"a large archive", oci.TrivyLayerType, [][]byte{good}, []oci.Option{oci.WithMaxBytes(100)}, inventory.ErrTooLarge, "more than 100"},
		{"large content", oci.TrivyLayerType, [][]byte{tarGz(t, metadata, bomb)}, []oci.Option{oci.WithMaxBytes(100 << 10)}, inventory.ErrTooLarge, "trivy.db"},
		{"ecosystems", oci.TrivyLayerType, [][]byte{good}, []oci.Option{oci.WithEcosystems("Debian")}, nil, "WithEcosystems is for Pull"},
		{"no signature", oci.TrivyLayerType, [][]byte{good}, []oci.Option{oci.WithPublicKey(publicPEM(t, p256(t).Public()))}, oci.ErrUnsigned, ""},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			ref := reg.putTrivy(t, "bad", tt.mediaType, tt.layers...)
			pullTrivyFails(t.Context(), t, ref, tt.want, tt.text, tt.opts...)
		})
	}
	pullTrivyFails(t.Context(), t, "A B", nil, "A B")
	err := pullTrivyFails(t.Context(), t, reg.Host+"/nothing:2", nil, "nothing:2")
	var missing *image.RegistryError
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, http.StatusNotFound, missing.Status)

	ref := reg.putTrivy(t, "trivy-db", oci.TrivyLayerType, good)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	pullTrivyFails(ctx, t, ref, context.Canceled, "")
	_, err = oci.PullTrivy(t.Context(), ref, filepath.Join(t.TempDir(), "nowhere"), anonymous())
	require.ErrorIs(t, err, os.ErrNotExist)

	// A registry that sends other bytes.
	changed := bytes.Clone(good)
	changed[len(changed)/2] ^= 1
	reg.Misbehave(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/sha256:") {
			return false
		}
		_, _ = w.Write(changed)
		return true
	})
	pullTrivyFails(t.Context(), t, ref, oci.ErrDigest, "")
}

// pullTrivyFails checks that a pull fails and leaves nothing.
func pullTrivyFails(ctx context.Context, tb testing.TB, ref string, want error, text string, opts ...oci.Option) error {
	tb.Helper()
	temp := tb.TempDir()
	trivy, err := oci.PullTrivy(ctx, ref, temp, append(opts, anonymous())...)
	require.Error(tb, err)
	assert.Nil(tb, trivy)
	if want != nil {
		require.ErrorIs(tb, err, want)
	}
	require.ErrorContains(tb, err, text)
	left, readErr := os.ReadDir(temp)
	require.NoError(tb, readErr)
	assert.Empty(tb, left, "nothing is left")
	return err
}
