package oci_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/regclient/regclienttest"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
	"github.com/imagevet/imagevet/vulndb/oci"
)

// A testRegistry is a registry with what these tests store in it.
type testRegistry struct{ *regclienttest.Registry }

func newTestRegistry(tb testing.TB) testRegistry {
	tb.Helper()
	return testRegistry{regclienttest.New(tb)}
}

// do sends one request and returns the body of the answer.
func (t testRegistry) do(tb testing.TB, method, path, contentType string, body []byte, want int) []byte {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, t.URL+"/v2/"+path, bytes.NewReader(body))
	require.NoError(tb, err)
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(tb, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(tb, err)
	require.Equal(tb, want, resp.StatusCode, "%s %s: %s", method, path, data)
	return data
}

func (t testRegistry) putBlob(tb testing.TB, repo string, data []byte) v1.Descriptor {
	tb.Helper()
	hash, size, err := v1.SHA256(bytes.NewReader(data))
	require.NoError(tb, err)
	t.do(tb, http.MethodPost, repo+"/blobs/uploads/?digest="+hash.String(), "application/octet-stream", data, http.StatusCreated)
	return v1.Descriptor{Digest: hash, Size: size}
}

func (t testRegistry) manifest(tb testing.TB, repo, tag string) v1.Manifest {
	tb.Helper()
	var m v1.Manifest
	require.NoError(tb, json.Unmarshal(t.do(tb, http.MethodGet, repo+"/manifests/"+tag, "", nil, http.StatusOK), &m))
	return m
}

func (t testRegistry) putManifest(tb testing.TB, repo, tag string, m v1.Manifest) {
	tb.Helper()
	raw, err := json.Marshal(&m)
	require.NoError(tb, err)
	t.do(tb, http.MethodPut, repo+"/manifests/"+tag, string(m.MediaType), raw, http.StatusCreated)
}

// anonymous keeps the credentials of whoever runs the tests out of them.
func anonymous() oci.Option { return oci.WithKeychain(authn.NewMultiKeychain()) }

func push(tb testing.TB, dir, ref string, opts ...oci.Option) string {
	tb.Helper()
	digest, err := oci.Push(tb.Context(), dir, ref, append(opts, anonymous())...)
	require.NoErrorf(tb, err, "Push(%q)", ref)
	return digest
}

func pull(tb testing.TB, ref, dir string, opts ...oci.Option) oci.Result {
	tb.Helper()
	result, err := oci.Pull(tb.Context(), ref, dir, append(opts, anonymous())...)
	require.NoErrorf(tb, err, "Pull(%q)", ref)
	return result
}

var built = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// database builds a database with as many advisories on an ecosystem as the
// map says. Those of one ecosystem have a text that cannot be compressed.
func database(tb testing.TB, ecosystems map[string]int) string {
	tb.Helper()
	var b strings.Builder
	for _, ecosystem := range slices.Sorted(maps.Keys(ecosystems)) {
		for i := range ecosystems[ecosystem] {
			noise := sha256.Sum256(fmt.Append(nil, ecosystem, i))
			base, _, _ := strings.Cut(ecosystem, ":")
			fmt.Fprintf(&b, `{"id":"%s-%d","modified":"2026-01-01T00:00:00Z","details":"%s","affected":[{"package":{"ecosystem":"%s","name":"p%d"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2"}]}]}]}`+"\n",
				strings.ReplaceAll(base, ".", ""), i, strings.Repeat(fmt.Sprintf("%x", noise), 4), ecosystem, i)
		}
	}
	source, dir := filepath.Join(tb.TempDir(), "records.jsonl"), filepath.Join(tb.TempDir(), "db")
	require.NoError(tb, os.WriteFile(source, []byte(b.String()), 0o666))
	_, err := vulndb.Build(tb.Context(), dir, []vulndb.Source{vulndb.FileSource(source)}, vulndb.WithClock(func() time.Time { return built }))
	require.NoError(tb, err)
	return dir
}

// usual is what most tests move.
func usual(tb testing.TB) string {
	tb.Helper()
	return database(tb, map[string]int{"Debian:12": 40, "Alpine:v3.20": 30, "PyPI": 20})
}

// content returns the files of a folder, but for the lock.
func content(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return out
	}
	require.NoError(tb, err)
	for _, e := range entries {
		if e.Name() == ".lock" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(tb, err)
		out[e.Name()] = string(data)
	}
	return out
}

func fileOf(tb testing.TB, dir, ecosystem string) string {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join(dir, strings.ToLower(ecosystem)+"-*.ivdb"))
	require.NoError(tb, err)
	require.Len(tb, names, 1)
	return names[0]
}

// answer asks a database about all packages of usual.
func answer(tb testing.TB, dir string) *vulndb.Result {
	tb.Helper()
	db, err := vulndb.Open(dir)
	require.NoError(tb, err)
	defer db.Close()
	var pkgs []inventory.Package
	for i := range 40 {
		name := fmt.Sprintf("p%d", i)
		pkgs = append(pkgs, inventory.Package{Type: "deb", Name: name, Version: "1"}, inventory.Package{Type: "pypi", Name: name, Version: "1"})
	}
	result, err := db.Match(tb.Context(), inventory.OS{ID: "debian", Version: "12"}, pkgs)
	require.NoError(tb, err)
	return result
}

var checksum = regexp.MustCompile(`"checksum": "[^"]*"`)

// forge changes the text of a manifest.json and gives it a checksum that is
// right again.
func forge(text, from, to string) string {
	if !strings.Contains(text, from) {
		panic(fmt.Sprintf("no %q", from))
	}
	text = checksum.ReplaceAllString(strings.ReplaceAll(text, from, to), `"checksum": ""`)
	return strings.Replace(text, `"checksum": ""`, fmt.Sprintf(`"checksum": "sha256:%x"`, sha256.Sum256([]byte(text))), 1)
}

// unchanged checks that a pull fails, and leaves the folder as it was.
func unchanged(tb testing.TB, ref, dir string, opts ...oci.Option) error {
	tb.Helper()
	before := content(tb, dir)
	ctx, cancel := context.WithTimeout(tb.Context(), 20*time.Second)
	defer cancel()
	result, err := oci.Pull(ctx, ref, dir, append(opts, anonymous())...)
	require.Errorf(tb, err, "Pull(%q)", ref)
	assert.Zero(tb, result)
	assert.Equal(tb, before, content(tb, dir), "the folder is as it was")
	return err
}
