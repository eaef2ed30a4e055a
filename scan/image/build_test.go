package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/imagevet/imagevet/internal/archive"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// blobs are the files of an archive or a layout by name.
type blobs map[string][]byte

func hashOf(data []byte) v1.Hash {
	sum := sha256.Sum256(data)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

func toJSON(tb testing.TB, v any) []byte {
	tb.Helper()
	data, err := json.Marshal(v)
	require.NoError(tb, err)
	return data
}

// layer is a layer with one file.
func layer(tb testing.TB, name string) []byte {
	tb.Helper()
	return tarOf(tb, blobs{name: []byte("content of " + name)}, nil)
}

// tarOf makes a tar archive in the order of the names. Links are symbolic.
func tarOf(tb testing.TB, files blobs, links map[string]string) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		require.NoError(tb, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}))
		_, err := w.Write(files[name])
		require.NoError(tb, err)
	}
	for _, name := range slices.Sorted(maps.Keys(links)) {
		require.NoError(tb, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: links[name]}))
	}
	require.NoError(tb, w.Close())
	return buf.Bytes()
}

func gzipOf(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	require.NoError(tb, err)
	_, err = w.Write(data)
	require.NoError(tb, err)
	require.NoError(tb, w.Close())
	return buf.Bytes()
}

func zstdOf(tb testing.TB, data []byte) []byte {
	tb.Helper()
	w, err := zstd.NewWriter(nil)
	require.NoError(tb, err)
	defer w.Close()
	return w.EncodeAll(data, nil)
}

// add adds a blob and returns what a manifest says of it.
func (b blobs) add(data []byte, t types.MediaType) v1.Descriptor {
	d := v1.Descriptor{MediaType: t, Size: int64(len(data)), Digest: hashOf(data)}
	b[blobName(d.Digest)] = data
	return d
}

// configOf is the configuration of an image with plain layers.
func configOf(tb testing.TB, platform string, layers ...[]byte) []byte {
	tb.Helper()
	p := rawPlatform(platform)
	ids := []string{}
	history := []map[string]any{{"created_by": "ARG x", "empty_layer": true}}
	for i, l := range layers {
		ids = append(ids, hashOf(l).String())
		history = append(history, map[string]any{"created_by": fmt.Sprintf("step %d", i)})
	}
	return toJSON(tb, map[string]any{
		"os": p.OS, "architecture": p.Architecture, "variant": p.Variant,
		"rootfs":  map[string]any{"type": "layers", "diff_ids": ids},
		"history": history,
	})
}

// rawPlatform is a platform as builders write it, with all variants.
func rawPlatform(s string) *v1.Platform {
	parts := append(strings.Split(s, "/"), "")
	return &v1.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
}

// image adds an image with gzip-compressed layers.
func (b blobs) image(tb testing.TB, platform string, layers ...[]byte) v1.Descriptor {
	tb.Helper()
	return b.imageOf(tb, types.OCIManifestSchema1, types.OCIConfigJSON, types.OCILayer, platform, layers...)
}

func (b blobs) imageOf(tb testing.TB, manifestType, configType, layerType types.MediaType, platform string, layers ...[]byte) v1.Descriptor {
	tb.Helper()
	config := b.add(configOf(tb, platform, layers...), configType)
	list := []v1.Descriptor{}
	for _, l := range layers {
		list = append(list, b.add(gzipOf(tb, l), layerType))
	}
	d := b.manifest(tb, manifestType, config, list...)
	d.Platform = rawPlatform(platform)
	return d
}

func (b blobs) manifest(tb testing.TB, t types.MediaType, config v1.Descriptor, layers ...v1.Descriptor) v1.Descriptor {
	tb.Helper()
	return b.add(toJSON(tb, v1.Manifest{SchemaVersion: 2, MediaType: t, Config: config, Layers: layers}), t)
}

func (b blobs) index(tb testing.TB, t types.MediaType, list ...v1.Descriptor) v1.Descriptor {
	tb.Helper()
	return b.add(toJSON(tb, v1.IndexManifest{SchemaVersion: 2, MediaType: t, Manifests: list}), t)
}

// layout makes the blobs a layout of the list.
func (b blobs) layout(tb testing.TB, list ...v1.Descriptor) blobs {
	tb.Helper()
	b["oci-layout"] = []byte(`{"imageLayoutVersion": "1.0.0"}`)
	b["index.json"] = toJSON(tb, v1.IndexManifest{SchemaVersion: 2, Manifests: list})
	return b
}

// named annotates an entry of an index.
func named(d v1.Descriptor, key, value string) v1.Descriptor {
	annotations := maps.Clone(d.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	d.Annotations = annotations
	return d
}

func (b blobs) write(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, data := range b {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(tb, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(tb, os.WriteFile(path, data, 0o644))
	}
	return dir
}

func writeFile(tb testing.TB, data []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "image.tar")
	require.NoError(tb, os.WriteFile(path, data, 0o644))
	return path
}

// fromReader opens the archive in r under the name "image.tar".
func fromReader(tb testing.TB, r io.ReaderAt, size int64, opts ...Option) (*Image, error) {
	tb.Helper()
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	t, err := archive.NewTar(tb.Context(), r, size)
	if err != nil {
		return nil, archiveError("image.tar", err)
	}
	return fromTar(tb.Context(), "image.tar", t, c)
}

func fromBytes(tb testing.TB, data []byte, opts ...Option) (*Image, error) {
	tb.Helper()
	return fromReader(tb, bytes.NewReader(data), int64(len(data)), opts...)
}

// legacy is an archive of two images that share the lower layer, as "docker
// save" wrote it until version 24. The second names its first layer by a link.
func legacy(tb testing.TB) (files blobs, links map[string]string, ids []string) {
	tb.Helper()
	base, top := layer(tb, "base"), layer(tb, "top")
	one, two := configOf(tb, "linux/amd64", base), configOf(tb, "linux/amd64", base, top)
	idA, idB, idC := strings.Repeat("a", 64), strings.Repeat("b", 64), strings.Repeat("c", 64)
	files = blobs{
		hashOf(one).Hex + ".json": one,
		hashOf(two).Hex + ".json": two,
		idA + "/layer.tar":        base,
		idA + "/VERSION":          []byte("1.0"),
		idC + "/layer.tar":        top,
		"repositories":            []byte("{}"),
		"manifest.json": toJSON(tb, []map[string]any{
			{"Config": hashOf(one).Hex + ".json", "RepoTags": []string{"alpine:3.10", "registry.example/team/base:1"}, "Layers": []string{idA + "/layer.tar"}},
			{"Config": hashOf(two).Hex + ".json", "RepoTags": []string{"app:latest"}, "Layers": []string{idB + "/layer.tar", idC + "/layer.tar"}},
		}),
	}
	links = map[string]string{idB + "/layer.tar": "../" + idA + "/layer.tar"}
	return files, links, []string{hashOf(one).String(), hashOf(two).String()}
}

// modern is an archive as "docker save" writes it since version 25: an OCI
// layout with plain layers and a manifest.json.
func modern(tb testing.TB) (b blobs, manifest, config v1.Descriptor, layers [][]byte) {
	tb.Helper()
	b = blobs{}
	layers = [][]byte{layer(tb, "base"), layer(tb, "top"), layer(tb, "base")} // the first one twice
	config = b.add(configOf(tb, "linux/amd64", layers...), types.OCIConfigJSON)
	var list []v1.Descriptor
	var paths []string
	for _, l := range layers {
		d := b.add(l, types.OCIUncompressedLayer)
		list = append(list, d)
		paths = append(paths, blobName(d.Digest))
	}
	manifest = b.manifest(tb, types.OCIManifestSchema1, config, list...)
	b.layout(tb,
		named(manifest, annotationImageName, "docker.io/library/app:1"),
		named(manifest, annotationImageName, "docker.io/library/app:latest"))
	b["manifest.json"] = toJSON(tb, []map[string]any{{
		"Config": blobName(config.Digest), "RepoTags": []string{"app:1", "app:latest"}, "Layers": paths,
	}})
	return b, manifest, config, layers
}
