package image

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzArchive changes the files of an archive that name its parts. Whatever they
// say, opening fails with one of this package's errors, or gives an image whose
// layers can be read, the same whether the archive is compressed or not.
func FuzzArchive(f *testing.F) {
	b, manifest, config, layers := modern(f)
	f.Add(b["manifest.json"], []byte(nil), b[blobName(config.Digest)], "")
	f.Add([]byte(nil), b["index.json"], b[blobName(config.Digest)], "")
	f.Add(b["manifest.json"], b["index.json"], b[blobName(config.Digest)], "app:1")
	f.Add([]byte(`[{"Config": "config", "RepoTags": ["a"], "Layers": ["layer", "link"]}]`), []byte(nil), configOf(f, "linux/amd64", layers[0], layers[0]), "a")
	f.Add([]byte(`[{"Config": "config", "Layers": ["layer"]}, {"Config": "link"}]`), []byte(nil), []byte(`{"rootfs": {"diff_ids": []}}`), manifest.Digest.String())
	f.Add([]byte(nil), []byte(`{"schemaVersion": 2, "manifests": [null, {"digest": ""}]}`), []byte("{}"), "@")
	f.Fuzz(func(t *testing.T, manifestJSON, index, config []byte, ref string) {
		files := blobs{"config": config, "layer": layers[0]}
		for name, data := range b {
			if strings.HasPrefix(name, "blobs/") {
				files[name] = data
			}
		}
		if manifestJSON != nil {
			files["manifest.json"] = manifestJSON
		}
		if index != nil {
			files["index.json"] = index
		}
		var opts []Option
		if ref != "" {
			opts = append(opts, WithReference(ref))
		}
		data := tarOf(t, files, map[string]string{"link": "layer"})
		img, err := fromBytes(t, data, opts...)
		packed, errPacked := fromBytes(t, gzipOf(t, data), opts...)
		require.Equal(t, err == nil, errPacked == nil, "plain: %v, compressed: %v", err, errPacked)
		if err != nil {
			require.Nil(t, img)
			require.True(t, known(err), "%T: %v", err, err)
			require.NotEmpty(t, err.Error())
			return
		}
		require.Equal(t, img.Target(), packed.Target())
		require.Equal(t, img.Layers(), packed.Layers())
		passed := walked(t, packed)
		for i, l := range img.Layers() {
			require.Equal(t, i, l.Index)
			require.NotEmpty(t, l.DiffID)
			content := readLayer(t, img, i)
			if walkedContent, ok := passed[i]; ok {
				require.True(t, bytes.Equal(content, walkedContent))
			}
		}
	})
}

// FuzzTar changes the archive itself.
func FuzzTar(f *testing.F) {
	b, _, _, _ := modern(f)
	f.Add(tarOf(f, b, nil))
	files, links, _ := legacy(f)
	f.Add(tarOf(f, files, links))
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := fromBytes(t, data)
		if err != nil {
			require.Nil(t, img)
			require.True(t, known(err), "%T: %v", err, err)
			return
		}
		for i := range img.Layers() {
			r, err := img.OpenLayer(t.Context(), i)
			if err != nil {
				continue
			}
			_, _ = io.CopyN(io.Discard, r, 1<<20)
			require.NoError(t, r.Close())
		}
	})
}

// known reports whether err is one of those that the package documents.
func known(err error) bool {
	var format *FormatError
	var digest *DigestError
	var platform *PlatformError
	var sel *SelectError
	var path *fs.PathError
	return errors.As(err, &format) || errors.As(err, &digest) || errors.As(err, &platform) || errors.As(err, &sel) || errors.As(err, &path)
}

// BenchmarkArchive opens an archive as large as Docker makes them.
func BenchmarkArchive(b *testing.B) {
	files := blobs{}
	var layers [][]byte
	for i := range 120 {
		layers = append(layers, bytes.Repeat(layer(b, string(rune('a'+i%26))+strings.Repeat("x", i)), 20))
	}
	data := tarOf(b, files.layout(b, files.image(b, "linux/amd64", layers...)), nil)
	b.ReportAllocs()
	for b.Loop() {
		img, err := fromBytes(b, data)
		require.NoError(b, err)
		require.Len(b, img.Layers(), 120)
	}
}
