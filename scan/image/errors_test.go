package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFormatErrors breaks an archive that is a layout and one of "docker save"
// in all ways that make a FormatError.
func TestFormatErrors(t *testing.T) {
	oci := func(change func(b blobs, manifest, config v1.Descriptor)) func(testing.TB) []byte {
		return func(tb testing.TB) []byte {
			b, manifest, config, _ := modern(tb)
			b.layout(tb, manifest)
			delete(b, "manifest.json")
			change(b, manifest, config)
			return tarOf(tb, b, nil)
		}
	}
	docker := func(change func(files blobs, links map[string]string)) func(testing.TB) []byte {
		return func(tb testing.TB) []byte {
			files, links, _ := legacy(tb)
			change(files, links)
			return tarOf(tb, files, links)
		}
	}
	dockerConfig := func(config string) func(testing.TB) []byte {
		return docker(func(f blobs, _ map[string]string) {
			f["c.json"] = []byte(config)
			f["manifest.json"] = []byte(`[{"Config": "c.json", "Layers": ["` + strings.Repeat("a", 64) + `/layer.tar"]}]`)
		})
	}
	id := "sha256:" + strings.Repeat("0", 64)
	tests := []struct {
		name string
		data func(testing.TB) []byte
		text string
		is   error
	}{
		{"empty file", func(testing.TB) []byte { return nil }, "docker save", nil},
		{"text", func(testing.TB) []byte { return bytes.Repeat([]byte("text"), 500) }, "docker save", nil},
		{"a file system", func(tb testing.TB) []byte { return layer(tb, "etc/os-release") }, "docker export", nil},
		{"cut", func(tb testing.TB) []byte { b, _, _, _ := modern(tb); return tarOf(tb, b, nil)[:3000] }, "too early", io.ErrUnexpectedEOF},
		{"gzip cut", func(tb testing.TB) []byte { b, _, _, _ := modern(tb); return gzipOf(tb, tarOf(tb, b, nil))[:300] }, "too early", io.ErrUnexpectedEOF},

		{"index: no JSON", oci(func(b blobs, _, _ v1.Descriptor) { b["index.json"] = []byte("{") }), "index.json", nil},
		{"index: a manifest", oci(func(b blobs, m, _ v1.Descriptor) { b["index.json"] = b[blobName(m.Digest)] }), "index.json", nil},
		{"index: both", oci(func(b blobs, _, _ v1.Descriptor) {
			b["index.json"] = []byte(`{"schemaVersion": 2, "manifests": [], "layers": [{"digest": "` + id + `", "size": 1}]}`)
		}), "both an index and a manifest", nil},
		{"index: empty", oci(func(b blobs, _, _ v1.Descriptor) { b["index.json"] = []byte(`{"schemaVersion": 2, "manifests": []}`) }), "lists no image", nil},
		{"index: no digest", oci(func(b blobs, _, _ v1.Descriptor) {
			b["index.json"] = []byte(`{"schemaVersion": 2, "manifests": [{"size": 1}]}`)
		}), "digest", nil},
		{"index: a bad digest", oci(func(b blobs, _, _ v1.Descriptor) {
			b["index.json"] = []byte(`{"schemaVersion": 2, "manifests": [{"size": 1, "digest": "sha256:../../etc/passwd"}]}`)
		}), "index.json", nil},
		{"index: negative size", oci(func(b blobs, m, _ v1.Descriptor) {
			b["index.json"] = bytes.Replace(b["index.json"], fmt.Appendf(nil, `"size":%d`, m.Size), []byte(`"size":-1`), 1)
		}), "-1 bytes", nil},
		{"index: too large", oci(func(b blobs, _, _ v1.Descriptor) { b["index.json"] = make([]byte, maxManifest+1) }), "index.json", inventory.ErrTooLarge},
		{"index: too long", oci(func(b blobs, _, _ v1.Descriptor) {
			b["index.json"] = []byte(`{"manifests": [` + strings.Repeat("{},", maxEntries) + `{}]}`)
		}), "index.json", inventory.ErrTooLarge},
		{"index: not a list", oci(func(b blobs, _, _ v1.Descriptor) { b["index.json"] = []byte(`{"manifests": {}}`) }), "in place of a list", nil},
		{"index: deep", deepIndex, "nested", inventory.ErrTooLarge},
		{"index: many", manyIndexes, "manifests to look at", inventory.ErrTooLarge},
		{"manifest: missing", oci(func(b blobs, m, _ v1.Descriptor) { delete(b, blobName(m.Digest)) }), "missing", fs.ErrNotExist},
		{"manifest: no JSON", withManifest(types.OCIManifestSchema1, "no JSON"), "manifest", nil},
		{"manifest: schema 1", withManifest(types.OCIManifestSchema1, `{"schemaVersion": 1, "fsLayers": []}`), "schema 1", nil},
		{"manifest: an index", withManifest(types.OCIManifestSchema1, `{"schemaVersion": 2, "manifests": []}`), "for what is none", nil},
		{"manifest: of another type", withManifest(types.OCIImageIndex, `{"schemaVersion": 2, "config": {"size": 1, "digest": "`+id+`"}}`), "for what is none", nil},
		{"config: missing", oci(func(b blobs, _, c v1.Descriptor) { delete(b, blobName(c.Digest)) }), "missing", fs.ErrNotExist},
		{"layer: missing", oci(func(b blobs, _, _ v1.Descriptor) { delete(b, blobName(hashOf(layer(t, "top")))) }), "layer 1", fs.ErrNotExist},

		{"manifest.json: no JSON", docker(func(f blobs, _ map[string]string) { f["manifest.json"] = []byte("[") }), "manifest.json", nil},
		{"manifest.json: empty", docker(func(f blobs, _ map[string]string) { f["manifest.json"] = []byte("[]") }), "lists no image", nil},
		{"manifest.json: too large", docker(func(f blobs, _ map[string]string) { f["manifest.json"] = make([]byte, maxManifest+1) }), "manifest.json", inventory.ErrTooLarge},
		{"manifest.json: too long", docker(func(f blobs, _ map[string]string) {
			f["manifest.json"] = []byte("[" + strings.Repeat("{},", maxDocuments) + "{}]")
		}), "images", inventory.ErrTooLarge},
		{"docker config: missing", docker(func(f blobs, _ map[string]string) {
			f["manifest.json"] = []byte(`[{"Config": "../../etc/passwd", "Layers": []}]`)
		}), "missing", fs.ErrNotExist},
		{"docker config: no JSON", dockerConfig("x"), "configuration", nil},
		{"docker config: too large", dockerConfig(strings.Repeat(" ", maxConfig+1)), "configuration", inventory.ErrTooLarge},
		{"docker config: a layer too few", dockerConfig(`{"rootfs": {"type": "layers", "diff_ids": []}}`), "1 layers, the configuration 0", nil},
		{"docker config: no digest", dockerConfig(`{"rootfs": {"type": "layers", "diff_ids": ["x"]}}`), "configuration", nil},
		{"docker layer: missing", docker(func(f blobs, l map[string]string) {
			f["manifest.json"] = bytes.Replace(f["manifest.json"], []byte("alpine:3.10"), []byte("app:latest"), 1)
			delete(f, strings.Repeat("a", 64)+"/layer.tar")
		}), "layer 0", fs.ErrNotExist},
		{"no image but an artifact", func(tb testing.TB) []byte {
			b := blobs{}
			return tarOf(tb, b.layout(tb, b.manifest(tb, types.OCIManifestSchema1, b.add([]byte("{}"), "application/vnd.oci.empty.v1+json"))), nil)
		}, "another artifact", nil},
		{"one layer with two diff IDs", func(tb testing.TB) []byte {
			b := blobs{}
			l := b.add(layer(tb, "x"), types.OCIUncompressedLayer)
			c := b.add(configOf(tb, "linux/amd64", layer(tb, "x"), layer(tb, "y")), types.OCIConfigJSON)
			return tarOf(tb, b.layout(tb, b.manifest(tb, types.OCIManifestSchema1, c, l, l)), nil)
		}, "layers 0 and 1", nil},
		{"too many layers", func(tb testing.TB) []byte {
			b := blobs{}
			l := b.add(layer(tb, "x"), types.OCIUncompressedLayer)
			c := b.add([]byte("{}"), types.OCIConfigJSON)
			list := make([]v1.Descriptor, maxLayers+1)
			for i := range list {
				list[i] = l
			}
			return tarOf(tb, b.layout(tb, b.manifest(tb, types.OCIManifestSchema1, c, list...)), nil)
		}, "layers", inventory.ErrTooLarge},
	}
	for _, tt := range tests {
		img, err := fromBytes(t, tt.data(t))
		if strings.HasPrefix(tt.name, "docker layer") {
			img, err = fromBytes(t, tt.data(t), WithReference("registry.example/team/base:1"))
		}
		var e *FormatError
		if !assert.ErrorAsf(t, err, &e, "%s", tt.name) {
			continue
		}
		assert.Nil(t, img, tt.name)
		assert.Equal(t, "image.tar", e.Name, tt.name)
		assert.Contains(t, err.Error(), tt.text, tt.name)
		assert.Contains(t, err.Error(), `"image.tar"`, tt.name)
		assert.Less(t, len(err.Error()), 1000, tt.name)
		if tt.is != nil {
			assert.ErrorIs(t, err, tt.is, tt.name)
		}
	}
}

// withManifest is a layout of one manifest with the given content.
func withManifest(t types.MediaType, content string) func(testing.TB) []byte {
	return func(tb testing.TB) []byte {
		b := blobs{}
		return tarOf(tb, b.layout(tb, b.add([]byte(content), t)), nil)
	}
}

func deepIndex(tb testing.TB) []byte {
	b := blobs{}
	d := b.image(tb, "linux/amd64")
	for range maxDepth + 1 {
		d = b.index(tb, types.OCIImageIndex, d)
	}
	return tarOf(tb, b.layout(tb, d), nil)
}

func manyIndexes(tb testing.TB) []byte {
	b := blobs{}
	var list []v1.Descriptor
	for i := range maxDocuments + 1 {
		list = append(list, b.index(tb, types.OCIImageIndex, v1.Descriptor{Size: int64(i), Digest: hashOf(nil), MediaType: "text/plain"}))
	}
	return tarOf(tb, b.layout(tb, list...), nil)
}

func TestDeepestIndex(t *testing.T) {
	b := blobs{}
	d := b.image(t, "linux/amd64")
	for range maxDepth {
		d = b.index(t, types.OCIImageIndex, d)
	}
	_, err := fromBytes(t, tarOf(t, b.layout(t, d), nil))
	assert.NoError(t, err)
}

func TestDigestErrors(t *testing.T) {
	tests := []struct {
		name   string
		change func(b blobs, manifest, config, layer string)
		blob   string // which of them is reported
	}{
		{"manifest changed", func(b blobs, m, _, _ string) { b[m] = bytes.Replace(b[m], []byte("2"), []byte("3"), 1) }, "manifest"},
		{"manifest longer", func(b blobs, m, _, _ string) { b[m] = append(b[m], ' ') }, "manifest"},
		{"config changed", func(b blobs, _, c, _ string) { b[c] = bytes.Replace(b[c], []byte("step"), []byte("stop"), 1) }, "config"},
		{"layer longer", func(b blobs, _, _, l string) { b[l] = append(b[l], 0) }, "layer"},
		{"layer cut", func(b blobs, _, _, l string) { b[l] = b[l][:1000] }, "layer"},
	}
	for _, tt := range tests {
		b, m, c, layers := modern(t)
		b.layout(t, m)
		delete(b, "manifest.json")
		digests := map[string]v1.Hash{"manifest": m.Digest, "config": c.Digest, "layer": hashOf(layers[1])}
		tt.change(b, blobName(m.Digest), blobName(c.Digest), blobName(digests["layer"]))
		for _, data := range inForms(t, tarOf(t, b, nil)) {
			_, err := fromBytes(t, data)
			var e *DigestError
			require.ErrorAs(t, err, &e, tt.name)
			assert.Equal(t, digests[tt.blob].String(), e.Want, tt.name)
			assert.NotEqual(t, e.Want, e.Got, tt.name)
			assert.Contains(t, err.Error(), e.Want, tt.name)
		}
		_, err := Open(t.Context(), b.write(t))
		var e *DigestError
		require.ErrorAs(t, err, &e, tt.name)
	}

	// A configuration whose name says its digest.
	files, links, _ := legacy(t)
	for name, data := range files {
		if strings.HasSuffix(name, ".json") && name != "manifest.json" {
			files[name] = bytes.Replace(data, []byte("step"), []byte("stop"), 1)
		}
	}
	_, err := fromBytes(t, tarOf(t, files, links), WithReference("app"))
	var e *DigestError
	assert.ErrorAs(t, err, &e)
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(t.Context(), filepath.Join(dir, "none"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Archive(t.Context(), filepath.Join(dir, "none"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Layout(t.Context(), filepath.Join(dir, "none"))
	assert.ErrorIs(t, err, fs.ErrNotExist)

	var e *FormatError
	_, err = Open(t.Context(), dir)
	require.ErrorAs(t, err, &e)
	assert.Contains(t, err.Error(), "use Dir")
	_, err = Archive(t.Context(), dir)
	require.ErrorAs(t, err, &e)

	require.NoError(t, os.Mkdir(filepath.Join(dir, "index.json"), 0o755))
	_, err = Open(t.Context(), dir)
	require.ErrorAs(t, err, &e)

	b, _, _, _ := modern(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, path := range []string{writeFile(t, tarOf(t, b, nil)), writeFile(t, gzipOf(t, tarOf(t, b, nil))), b.write(t)} {
		_, err = Open(ctx, path)
		require.ErrorIs(t, err, context.Canceled)
		assert.False(t, errors.As(err, &e), "the end of a context is no FormatError")
	}
}

// TestLayoutStaysInside has links that lead out of a layout.
func TestLayoutStaysInside(t *testing.T) {
	b := blobs{}
	d := b.image(t, "linux/amd64", layer(t, "x"))
	b.layout(t, d)
	dir := b.write(t)
	manifest := filepath.Join(dir, filepath.FromSlash(blobName(d.Digest)))
	outside := filepath.Join(t.TempDir(), "manifest")
	require.NoError(t, os.Rename(manifest, outside))
	if err := os.Symlink(outside, manifest); err != nil {
		t.Skipf("no symbolic links: %v", err)
	}
	_, err := Open(t.Context(), dir)
	var e *FormatError
	assert.ErrorAs(t, err, &e)
}

func TestOptionErrors(t *testing.T) {
	for name, opt := range map[string]Option{
		"WithReference": WithReference(""),
		"WithPlatform":  WithPlatform(Platform{OS: "linux"}),
		"WithKeychain":  WithKeychain(nil),
		"WithTransport": WithTransport(nil),
	} {
		_, err := Archive(t.Context(), "x", opt)
		assert.ErrorContains(t, err, name)
		_, err = Layout(t.Context(), "x", opt)
		assert.ErrorContains(t, err, name)
		_, err = Remote(t.Context(), "x", opt)
		assert.ErrorContains(t, err, name)
	}
	_, err := Remote(t.Context(), "x", WithReference("y"))
	assert.ErrorContains(t, err, "WithReference")
}

// TestErrorText reads what users see.
func TestErrorText(t *testing.T) {
	many := make([]string, 30)
	for i := range many {
		many[i] = fmt.Sprint("app:", i)
	}
	cause := errors.New("cause")
	tests := []struct {
		err  error
		want string
	}{
		{&FormatError{Name: "a\nb", Reason: "reason"}, `"a\nb": reason`},
		{&FormatError{Name: "f", Err: cause}, `"f": cause`},
		{&FormatError{Name: "f", Reason: "reason", Err: cause}, `"f": reason: cause`},
		{&DigestError{Name: "f", Want: "sha256:1", Got: "sha256:2"}, `"f": blob "sha256:1" has digest "sha256:2": fetch or save the image again`},
		{&DigestError{Name: "f", Want: "sha256:1", WantSize: 5, GotSize: 4}, `"f": blob "sha256:1" has 4 bytes in place of 5: fetch or save the image again`},
		{&DigestError{Name: "f", Want: "sha256:1", Err: cause}, `"f": blob "sha256:1" has other bytes: fetch or save the image again`},
		{&SelectError{Name: "f", Available: many}, `"f": holds several images: choose one with a reference: "app:0", "app:1", "app:2", "app:3", "app:4", "app:5", "app:6", "app:7", "app:8", "app:9", "app:10", "app:11" and 18 more`},
		{&SelectError{Name: "f", Want: "x", Available: many[:1]}, `"f": no image, or more than one, is "x": choose one of "app:0"`},
		{&PlatformError{Name: "f", Want: Platform{"linux", "arm", "v7"}, Available: []Platform{{"linux", "amd64", ""}}}, `"f": no image for platform "linux/arm/v7": choose one of "linux/amd64"`},
		{&ReferenceError{Reference: "A", Err: cause}, `"A" is no image reference: write it as "nginx:1.25" or "registry.example/team/app@sha256:…": cause`},
		{&RegistryError{Reference: "r", Err: cause}, `"r": no usable answer from the registry: check its name, the network and the proxy: cause`},
		{&RegistryError{Reference: "r", Status: http.StatusTeapot, Err: cause}, `"r": the registry answers with status 418: cause`},
	}
	for _, tt := range tests {
		assert.EqualError(t, tt.err, tt.want)
	}
}
