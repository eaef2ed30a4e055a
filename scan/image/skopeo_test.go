package image

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// directory is what "skopeo copy" writes to "dir:" of the manifest top. With
// --all that is an index, and there are others.
func (b blobs) directory(top v1.Descriptor) blobs {
	files := blobs{"version": []byte("Directory Transport Version: 1.1\n"), "manifest.json": b[blobName(top.Digest)]}
	for name, data := range b {
		hex := strings.TrimPrefix(name, "blobs/sha256/")
		files[hex] = data
		if strings.Contains(string(data), "schemaVersion") {
			files[hex+".manifest.json"] = data
		}
	}
	return files
}

func TestDirectory(t *testing.T) {
	b := blobs{}
	x, y := layer(t, "x"), layer(t, "y")
	one := b.image(t, "linux/amd64", x, y)
	dir := b.directory(one).write(t)
	img, err := Open(t.Context(), dir)
	require.NoError(t, err)
	defer img.Close()
	assert.Equal(t, inventory.Target{
		Name: dir, Kind: KindDirectory, Digest: one.Digest.String(), Platform: "linux/amd64",
		ImageID: hashOf(configOf(t, "linux/amd64", x, y)).String(),
	}, img.Target())
	assert.Equal(t, gzipOf(t, y), readLayer(t, img, 1))
	assert.Equal(t, map[int][]byte{0: gzipOf(t, x), 1: gzipOf(t, y)}, walked(t, img))
	for _, ref := range []string{one.Digest.String(), "app@" + one.Digest.String(), img.Target().ImageID} {
		other, err := Layout(t.Context(), dir, WithReference(ref))
		require.NoError(t, err, ref)
		require.NoError(t, other.Close())
	}
	_, err = Layout(t.Context(), dir, WithReference("app:1"))
	var selectErr *SelectError
	require.ErrorAs(t, err, &selectErr)

	arm := b.image(t, "linux/arm64", x)
	all := b.directory(b.index(t, types.OCIImageIndex, one, arm)).write(t)
	for platform, want := range map[string]v1.Descriptor{"linux/amd64": one, "linux/arm64": arm} {
		p, err := ParsePlatform(platform)
		require.NoError(t, err)
		img, err := Layout(t.Context(), all, WithPlatform(p))
		require.NoError(t, err)
		assert.Equal(t, want.Digest.String(), img.Target().Digest)
		require.NoError(t, img.Close())
	}
}

func TestDirectoryErrors(t *testing.T) {
	b := blobs{}
	x := layer(t, "x")
	one := b.image(t, "linux/amd64", x)
	stored, config := hashOf(gzipOf(t, x)).Hex, hashOf(configOf(t, "linux/amd64", x)).Hex
	for name, tt := range map[string]struct {
		change func(files blobs)
		check  func(err error) bool
	}{
		"another version": {func(f blobs) { f["version"] = []byte("Directory Transport Version: 2.0\n") }, is[*FormatError]},
		"long version":    {func(f blobs) { f["version"] = make([]byte, 1000) }, is[*FormatError]},
		"no JSON":         {func(f blobs) { f["manifest.json"] = []byte("x") }, is[*FormatError]},
		"layer missing":   {func(f blobs) { delete(f, stored) }, is[*FormatError]},
		"layer short":     {func(f blobs) { f[stored] = f[stored][:10] }, is[*DigestError]},
		"config missing":  {func(f blobs) { delete(f, config) }, is[*FormatError]},
		"config changed":  {func(f blobs) { f[config] = append([]byte(" "), f[config]...) }, is[*DigestError]},
	} {
		files := b.directory(one)
		tt.change(files)
		img, err := Open(t.Context(), files.write(t))
		assert.Nil(t, img, name)
		require.Error(t, err, name)
		assert.Truef(t, tt.check(err), "%s: %v", name, err)
		if strings.HasSuffix(name, "missing") {
			assert.ErrorIs(t, err, fs.ErrNotExist, name)
		}
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
