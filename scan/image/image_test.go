package image

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readLayer returns the bytes of layer i.
func readLayer(tb testing.TB, img *Image, i int) []byte {
	tb.Helper()
	r, err := img.OpenLayer(tb.Context(), i)
	require.NoErrorf(tb, err, "OpenLayer(%d)", i)
	data, err := io.ReadAll(r)
	require.NoErrorf(tb, err, "reading layer %d", i)
	require.NoError(tb, r.Close())
	return data
}

// walked returns the layers that WalkLayers passes, by number.
func walked(tb testing.TB, img *Image) map[int][]byte {
	tb.Helper()
	got := map[int][]byte{}
	err := img.WalkLayers(tb.Context(), func(i int, r io.Reader) error {
		data, err := io.ReadAll(r)
		assert.NotContains(tb, got, i, "each layer is passed once")
		got[i] = data
		return err
	})
	require.NoError(tb, err, "WalkLayers")
	return got
}

// inForms is an archive as it is and compressed as a whole.
func inForms(tb testing.TB, data []byte) map[string][]byte {
	tb.Helper()
	return map[string][]byte{"plain": data, "gzip": gzipOf(tb, data), "zstd": zstdOf(tb, data)}
}

func TestLegacyDockerArchive(t *testing.T) {
	files, links, ids := legacy(t)
	base, top := layer(t, "base"), layer(t, "top")
	for form, data := range inForms(t, tarOf(t, files, links)) {
		img, err := fromBytes(t, data, WithReference("app"))
		require.NoError(t, err, form)
		assert.Equal(t, inventory.Target{Name: "image.tar", Kind: KindDockerArchive, ImageID: ids[1], Platform: "linux/amd64"}, img.Target(), form)
		assert.Equal(t, []inventory.Layer{
			{Index: 0, DiffID: hashOf(base).String(), CreatedBy: "step 0"},
			{Index: 1, DiffID: hashOf(top).String(), CreatedBy: "step 1"},
		}, img.Layers(), form)
		assert.Equal(t, base, readLayer(t, img, 0), form)
		assert.Equal(t, top, readLayer(t, img, 1), form)
		assert.Equal(t, map[int][]byte{0: base, 1: top}, walked(t, img), form)
		assert.Equal(t, form != "plain", img.Sequential(), form)
		require.NoError(t, img.Close())
	}
}

func TestModernDockerArchive(t *testing.T) {
	b, manifest, config, layers := modern(t)
	for form, data := range inForms(t, tarOf(t, b, nil)) {
		img, err := fromBytes(t, data)
		require.NoError(t, err, form)
		assert.Equal(t, inventory.Target{
			Name: "image.tar", Kind: KindDockerArchive, Platform: "linux/amd64",
			Digest: manifest.Digest.String(), ImageID: config.Digest.String(),
		}, img.Target(), form)
		require.Len(t, img.Layers(), 3, form)
		for i, l := range img.Layers() {
			assert.Equal(t, hashOf(layers[i]).String(), l.Digest, form)
			assert.Equal(t, l.Digest, l.DiffID, form)
			assert.Equal(t, layers[i], readLayer(t, img, i), form)
		}
		assert.Equal(t, map[int][]byte{0: layers[0], 1: layers[1]}, walked(t, img), "%s: layer 2 is stored as layer 0", form)
	}
}

// TestDockerArchiveDigest checks that a digest is told only if there is a
// manifest that says the same as manifest.json.
func TestDockerArchiveDigest(t *testing.T) {
	tests := []struct {
		name   string
		change func(b blobs, manifest v1.Descriptor)
	}{
		{"no index", func(b blobs, _ v1.Descriptor) { delete(b, "index.json") }},
		{"damaged index", func(b blobs, _ v1.Descriptor) { b["index.json"] = []byte("{") }},
		{"damaged manifest", func(b blobs, d v1.Descriptor) { b[blobName(d.Digest)][5] ^= 1 }},
		{"other layers", func(b blobs, d v1.Descriptor) {
			b["manifest.json"] = bytes.ReplaceAll(b["manifest.json"], []byte(blobName(hashOf(layer(t, "top")))), []byte("top.tar"))
			b["top.tar"] = layer(t, "top")
		}},
		{"other configuration", func(b blobs, d v1.Descriptor) {
			b["index.json"] = bytes.ReplaceAll(b["index.json"], []byte(d.Digest.Hex), []byte(sibling(t, b, d).Hex))
		}},
	}
	for _, tt := range tests {
		b, manifest, config, _ := modern(t)
		tt.change(b, manifest)
		img, err := fromBytes(t, tarOf(t, b, nil))
		require.NoError(t, err, tt.name)
		assert.Equal(t, config.Digest.String(), img.Target().ImageID, tt.name)
		assert.Empty(t, img.Target().Digest, tt.name)
	}
}

// sibling adds a manifest with the layers of another and its configuration
// formatted in another way, which has the same size.
func sibling(t *testing.T, b blobs, d v1.Descriptor) v1.Hash {
	t.Helper()
	doc, err := parseDocument(b[blobName(d.Digest)], "")
	require.NoError(t, err)
	raw := bytes.Replace(b[blobName(doc.Config.Digest)], []byte("step 0"), []byte("step 9"), 1)
	return b.manifest(t, d.MediaType, b.add(raw, doc.Config.MediaType), doc.Layers...).Digest
}

func TestOCI(t *testing.T) {
	base, top := layer(t, "base"), layer(t, "top")
	docker := []types.MediaType{types.DockerManifestSchema2, types.DockerConfigJSON, types.DockerLayer}
	oci := []types.MediaType{types.OCIManifestSchema1, types.OCIConfigJSON, types.OCILayer}
	for _, media := range [][]types.MediaType{docker, oci} {
		b := blobs{}
		d := b.imageOf(t, media[0], media[1], media[2], "linux/arm64/v8", base, top)
		d.Platform = nil
		b.layout(t, d)
		packed := []v1.Hash{hashOf(gzipOf(t, base)), hashOf(gzipOf(t, top))}

		check := func(img *Image, err error, kind string) {
			require.NoError(t, err, kind)
			target := img.Target()
			assert.Equal(t, inventory.Target{
				Name: target.Name, Kind: kind, Platform: "linux/arm64",
				Digest: d.Digest.String(), ImageID: hashOf(configOf(t, "linux/arm64/v8", base, top)).String(),
			}, target)
			assert.Equal(t, []inventory.Layer{
				{Index: 0, Digest: packed[0].String(), DiffID: hashOf(base).String(), CreatedBy: "step 0"},
				{Index: 1, Digest: packed[1].String(), DiffID: hashOf(top).String(), CreatedBy: "step 1"},
			}, img.Layers())
			assert.Equal(t, gzipOf(t, base), readLayer(t, img, 0))
			assert.Equal(t, map[int][]byte{0: gzipOf(t, base), 1: gzipOf(t, top)}, walked(t, img))
			require.NoError(t, img.Close())
			require.NoError(t, img.Close(), "Close again")
		}
		img, err := Open(t.Context(), b.write(t))
		check(img, err, KindOCILayout)
		for _, data := range inForms(t, tarOf(t, b, nil)) {
			img, err := Open(t.Context(), writeFile(t, data))
			check(img, err, KindOCIArchive)
		}
	}
}

// TestReaderAt checks the promise that a scanner seeks by.
func TestReaderAt(t *testing.T) {
	b, _, _, layers := modern(t)
	delete(b, "manifest.json")
	folder, err := Layout(t.Context(), b.write(t))
	require.NoError(t, err)
	defer folder.Close()
	file, err := fromBytes(t, tarOf(t, b, nil))
	require.NoError(t, err)
	for _, img := range []*Image{folder, file} {
		r, err := img.OpenLayer(t.Context(), 1)
		require.NoError(t, err)
		at, ok := r.(interface {
			io.ReaderAt
			Size() int64
		})
		require.Truef(t, ok, "%s: an io.ReaderAt with a size", img.Target().Kind)
		assert.EqualValues(t, len(layers[1]), at.Size())
		part := make([]byte, 11)
		_, err = at.ReadAt(part, 512)
		require.NoError(t, err)
		assert.Equal(t, "content of ", string(part))
		require.NoError(t, r.Close())
	}
}

// A countingReaderAt counts bytes that are read.
type countingReaderAt struct {
	io.ReaderAt
	n atomic.Int64
}

func (c *countingReaderAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.n.Add(int64(n))
	return n, err
}

func TestReadsHeadersAndManifestsOnly(t *testing.T) {
	b, large := blobs{}, bytes.Repeat([]byte("large"), 1<<20)
	config := b.add(configOf(t, "linux/amd64", large), types.OCIConfigJSON)
	l := b.add(large, types.OCIUncompressedLayer)
	b.layout(t, b.manifest(t, types.OCIManifestSchema1, config, l))
	files, links, _ := legacy(t)
	files[strings.Repeat("a", 64)+"/layer.tar"] = large
	files["manifest.json"] = bytes.Replace(files["manifest.json"], []byte("alpine"), []byte("debian"), 1)

	for name, data := range map[string][]byte{"oci": tarOf(t, b, nil), "docker": tarOf(t, files, links)} {
		r := &countingReaderAt{ReaderAt: bytes.NewReader(data)}
		img, err := fromReader(t, r, int64(len(data)), WithReference(map[string]string{"oci": config.Digest.String(), "docker": "debian:3.10"}[name]))
		require.NoError(t, err, name)
		assert.Less(t, r.n.Load(), int64(16<<10), "%s: bytes read by opening", name)
		before := r.n.Load()
		layer, err := img.OpenLayer(t.Context(), 0)
		require.NoError(t, err, name)
		assert.Equal(t, before, r.n.Load(), "%s: bytes read by OpenLayer", name)
		_, err = io.CopyN(io.Discard, layer, 1000)
		require.NoError(t, err, name)
		assert.Less(t, r.n.Load(), before+64<<10, "%s: bytes read by reading 1000 bytes", name)
	}
}

func TestHistory(t *testing.T) {
	const ids = `{"rootfs":{"type":"layers","diff_ids":["sha256:%[1]s","sha256:%[2]s"]},"history":%[3]s}`
	l := []storedLayer{{name: "a"}, {name: "b"}}
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 64)
	tests := []struct {
		history string
		want    []string
	}{
		{`[{"created_by":"1"},{"created_by":"x","empty_layer":true},{"created_by":"2"}]`, []string{"1", "2"}},
		{`[{"created_by":"1"},{}]`, []string{"1", ""}},
		{`null`, []string{"", ""}},
		{`[]`, []string{"", ""}},
		{`[{"created_by":"1"}]`, []string{"", ""}},
		{`[{"created_by":"1"},{"created_by":"2"},{"created_by":"3"}]`, []string{"", ""}},
		{`[{"created_by":"1","empty_layer":true},{"empty_layer":true}]`, []string{"", ""}},
	}
	for _, tt := range tests {
		raw := strings.NewReplacer("%[1]s", a, "%[2]s", b, "%[3]s", tt.history).Replace(ids)
		img, err := newImage(inventory.Target{}, []byte(raw), l, Platform{})
		require.NoError(t, err, tt.history)
		assert.Equal(t, tt.want, []string{img.Layers()[0].CreatedBy, img.Layers()[1].CreatedBy}, tt.history)
	}
}

func TestLabelsAndDate(t *testing.T) {
	tests := []struct {
		fields string
		want   inventory.Target
	}{
		{
			`"created":"2024-05-06T07:08:09.123456789+02:00","config":{"Labels":{"org.opencontainers.image.title":"App","maintainer":"me","org.opencontainers.image.url":""}}`,
			inventory.Target{Created: time.Date(2024, 5, 6, 5, 8, 9, 0, time.UTC), Labels: map[string]string{"org.opencontainers.image.title": "App"}},
		},
		{`"created":null,"config":{}`, inventory.Target{}},
		{`"created":7,"config":{"Labels":["x"]}`, inventory.Target{}}, // odd, and of no importance
		{`"created":"yesterday","config":null`, inventory.Target{}},
		{`"config":{"Labels":{"org.opencontainers.image.title":"` + strings.Repeat("x", maxLabel) + `"}}`, inventory.Target{}},
	}
	for _, tt := range tests {
		img, err := newImage(inventory.Target{}, []byte(`{"rootfs":{"type":"layers","diff_ids":[]},`+tt.fields+`}`), nil, Platform{})
		require.NoError(t, err, tt.fields)
		got := img.Target()
		assert.Equal(t, tt.want, inventory.Target{Created: got.Created, Labels: got.Labels}, tt.fields)
	}
}

func TestDir(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "root")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "etc"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "etc", "os-release"), []byte("ID=test"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(base, "secret"), []byte("secret"), 0o644))
	img, err := Dir(dir)
	require.NoError(t, err)
	defer img.Close()
	assert.Equal(t, inventory.Target{Name: dir, Kind: KindRootFS}, img.Target())
	assert.Equal(t, []inventory.Layer{{}}, img.Layers())
	fsys, ok := img.LayerFS(0)
	require.True(t, ok)
	data, err := fs.ReadFile(fsys, "etc/os-release")
	require.NoError(t, err)
	assert.Equal(t, "ID=test", string(data))
	_, ok = img.LayerFS(1)
	assert.False(t, ok, "there is one layer")

	if os.Symlink(filepath.Join("..", "secret"), filepath.Join(dir, "leak")) == nil {
		_, err = fs.ReadFile(fsys, "leak")
		assert.Error(t, err, "a link out of the folder")
	}
	_, err = img.OpenLayer(t.Context(), 0)
	assert.ErrorIs(t, err, errors.ErrUnsupported)
	assert.ErrorIs(t, img.WalkLayers(t.Context(), nil), errors.ErrUnsupported)
	assert.False(t, img.Sequential())

	_, err = Dir(filepath.Join(base, "secret"))
	var format *FormatError
	assert.ErrorAs(t, err, &format)
	_, err = Dir(filepath.Join(base, "none"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestTree(t *testing.T) {
	dir := t.TempDir()
	img, err := Tree(dir)
	require.NoError(t, err)
	defer img.Close()
	assert.Equal(t, inventory.Target{Name: dir, Kind: KindTree}, img.Target())
	assert.True(t, img.SourceTree())
	assert.True(t, TreeFS("embedded", fstest.MapFS{}).SourceTree())
	assert.False(t, FS("embedded", fstest.MapFS{}).SourceTree())
	_, err = Tree(filepath.Join(dir, "no such folder"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestFS(t *testing.T) {
	img := FS("embedded", fstest.MapFS{"a": {Data: []byte("1")}})
	assert.Equal(t, inventory.Target{Name: "embedded", Kind: KindRootFS}, img.Target())
	fsys, ok := img.LayerFS(0)
	require.True(t, ok)
	data, err := fs.ReadFile(fsys, "a")
	require.NoError(t, err)
	assert.Equal(t, "1", string(data))
	require.NoError(t, img.Close())
}

// lazyImage fails the test by a panic if it is asked for anything that makes an
// image of this kind compress its layers.
type lazyImage struct {
	v1.Image
	config []byte
	layers []v1.Layer
}

func (l lazyImage) RawConfigFile() ([]byte, error) { return l.config, nil }
func (l lazyImage) Layers() ([]v1.Layer, error)    { return l.layers, nil }

type lazyLayer struct {
	v1.Layer
	data []byte
}

func (l lazyLayer) Uncompressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.data)), nil
}

func TestFromV1(t *testing.T) {
	base := layer(t, "base")
	config := configOf(t, "linux/arm/v7", base, base)
	img, err := FromV1("memory", lazyImage{config: config, layers: []v1.Layer{lazyLayer{data: base}, lazyLayer{data: base}}})
	require.NoError(t, err)
	assert.Equal(t, inventory.Target{Name: "memory", Kind: KindV1, ImageID: hashOf(config).String(), Platform: "linux/arm/v7"}, img.Target())
	assert.Equal(t, inventory.Layer{Index: 1, DiffID: hashOf(base).String(), CreatedBy: "step 1"}, img.Layers()[1])
	assert.Equal(t, base, readLayer(t, img, 1))
	assert.Len(t, walked(t, img), 2)

	ctx, cancel := context.WithCancel(t.Context())
	r, err := img.OpenLayer(ctx, 0)
	require.NoError(t, err)
	cancel()
	_, err = io.ReadAll(r)
	assert.ErrorIs(t, err, context.Canceled)

	_, err = FromV1("memory", lazyImage{config: config})
	var format *FormatError
	assert.ErrorAs(t, err, &format, "no layers where the configuration has two")
}

func TestOpenLayerErrors(t *testing.T) {
	b, _, _, _ := modern(t)
	img, err := fromBytes(t, tarOf(t, b, nil))
	require.NoError(t, err)
	for _, i := range []int{-1, 3} {
		_, err := img.OpenLayer(t.Context(), i)
		assert.Errorf(t, err, "OpenLayer(%d)", i)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = img.OpenLayer(ctx, 0)
	assert.ErrorIs(t, err, context.Canceled)

	stop := errors.New("stop")
	for form, data := range inForms(t, tarOf(t, b, nil)) {
		img, err := fromBytes(t, data)
		require.NoError(t, err)
		assert.Equal(t, stop, img.WalkLayers(t.Context(), func(int, io.Reader) error { return stop }), form)
		assert.ErrorIs(t, img.WalkLayers(ctx, nil), context.Canceled, form)
	}
}

func TestLayersIsACopy(t *testing.T) {
	b, _, _, _ := modern(t)
	img, err := fromBytes(t, tarOf(t, b, nil))
	require.NoError(t, err)
	img.Layers()[0].DiffID = "changed"
	assert.NotEqual(t, "changed", img.Layers()[0].DiffID)
}

func TestConcurrentUse(t *testing.T) {
	b, _, _, layers := modern(t)
	for form, data := range inForms(t, tarOf(t, b, nil)) {
		img, err := fromBytes(t, data)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				r, err := img.OpenLayer(t.Context(), i%3)
				if !assert.NoError(t, err, form) {
					return
				}
				defer r.Close()
				got, err := io.ReadAll(r)
				assert.NoError(t, err, form)
				assert.Equal(t, layers[i%3], got, form)
			})
		}
		wg.Wait()
	}
}
