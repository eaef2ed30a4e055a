package scan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/regclient/regclienttest"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image/registry"
)

// layeredImage has packages of a distribution, of which the second layer
// changes some, and files that nobody wants.
func layeredImage(t *testing.T) v1.Image {
	t.Helper()
	installed := func(version string) []byte {
		var b strings.Builder
		for i := range 200 {
			fmt.Fprintf(&b, "P:package%d\nV:%s\nA:x86_64\n\n", i, version)
		}
		return []byte(b.String())
	}
	noise := make([]byte, 200_000)
	rng := rand.NewChaCha8([32]byte{})
	_, _ = rng.Read(noise)
	img := emptyImage(t)
	for _, files := range []fstest.MapFS{
		{
			"etc/os-release":       {Data: []byte("ID=alpine\nVERSION_ID=3.20.1\n")},
			"lib/apk/db/installed": {Data: installed("1.0-r0")},
			"usr/share/noise":      {Data: noise},
		},
		{"lib/apk/db/installed": {Data: installed("1.1-r0")}, "usr/share/more": {Data: noise[1000:]}},
		{"opt/app/node_modules/left-pad/package.json": {Data: []byte(`{"name": "left-pad", "version": "1.3.0"}`)}},
	} {
		var buf bytes.Buffer
		writeTar(t, &buf, files)
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
		require.NoError(t, err)
		img, err = mutate.AppendLayers(img, l)
		require.NoError(t, err)
	}
	return img
}

// TestSources has the same image in archives, in a folder and in a registry
// whose connections break: the report is the same, but for what is told of the
// target.
func TestSources(t *testing.T) {
	img := layeredImage(t)
	digest, err := img.Digest()
	require.NoError(t, err)
	dir := t.TempDir()
	archive, folder := filepath.Join(dir, "docker.tar"), filepath.Join(dir, "oci")
	tag, err := name.NewTag("app:1")
	require.NoError(t, err)
	require.NoError(t, tarball.WriteToFile(archive, tag, img))
	_, err = layout.Write(folder, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img}))
	require.NoError(t, err)
	reg := regclienttest.New(t)
	ref, err := name.NewTag(reg.Host + "/team/app:1")
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, img))

	s, err := scan.New(scan.WithRegistry(registry.Config{Keychain: authn.NewMultiKeychain()}))
	require.NoError(t, err)
	reports := map[string]*scan.Report{}
	for what, open := range map[string]func() (*scan.Report, error){
		"archive":  func() (*scan.Report, error) { return s.Archive(t.Context(), archive, "") },
		"layout":   func() (*scan.Report, error) { return s.Layout(t.Context(), folder, "") },
		"registry": func() (*scan.Report, error) { return s.Image(t.Context(), ref.Name()) },
		"digest":   func() (*scan.Report, error) { return s.Image(t.Context(), reg.Host+"/team/app:1@"+digest.String()) },
		"broken": func() (*scan.Report, error) {
			reg.Misbehave(cuts(t, img))
			defer reg.Misbehave(nil)
			return s.Image(t.Context(), ref.Name())
		},
	} {
		reports[what], err = open()
		require.NoError(t, err, what)
	}
	want := reports["archive"]
	require.Len(t, want.Packages, 201)
	for what, got := range reports {
		assert.Equal(t, want.Target.ImageID, got.Target.ImageID, what)
		assert.Equal(t, want.Target.Platform, got.Target.Platform, what)
		for i, l := range got.Target.Layers {
			assert.Equal(t, want.Target.Layers[i].DiffID, l.DiffID, what)
		}
		a, b := *want, *got
		for _, r := range []*scan.Report{&a, &b} {
			r.Target = scan.Target{}
		}
		wantJSON, err := json.Marshal(&a)
		require.NoError(t, err)
		gotJSON, err := json.Marshal(&b)
		require.NoError(t, err)
		assert.Equal(t, string(wantJSON), string(gotJSON), what)
	}
}

// cuts has a registry break off each layer, and be busy when it is asked for
// the rest.
func cuts(t *testing.T, img v1.Image) func(w http.ResponseWriter, r *http.Request) bool {
	t.Helper()
	layers, err := img.Layers()
	require.NoError(t, err)
	content := map[string][]byte{}
	for _, l := range layers {
		d, err := l.Digest()
		require.NoError(t, err)
		r, err := l.Compressed()
		require.NoError(t, err)
		content[d.String()], err = io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
	}
	var mu sync.Mutex
	asked := map[string]int{}
	return func(w http.ResponseWriter, r *http.Request) bool {
		digest := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		data, ok := content[digest]
		if !ok {
			return false
		}
		mu.Lock()
		asked[digest]++
		n := asked[digest]
		mu.Unlock()
		switch n {
		case 1:
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
			_, _ = w.Write(data[:len(data)/3])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case 2:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		assert.Equal(t, fmt.Sprintf("bytes=%d-%d", len(data)/3, len(data)-1), r.Header.Get("Range"))
		return false
	}
}
