package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/imagevet/imagevet/internal/archive"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Kinds of [inventory.Target] that this package sets.
const (
	KindRegistry      = "registry"
	KindDockerArchive = "docker-archive"
	KindOCIArchive    = "oci-archive"
	KindOCILayout     = "oci-layout"
	KindRootFS        = "rootfs"
	KindTree          = "tree"
	KindV1            = "v1-image"
	KindDaemon        = "daemon"
)

// An Image is one image for one platform, or a root file system. Its methods
// serve many goroutines at once, but for Close, which must come last.
type Image struct {
	target inventory.Target
	layers []inventory.Layer

	// stored names what holds each layer's bytes. Layers with the same name
	// are stored once.
	stored []string
	sizes  []int64 // of the layers as they are stored, 0 if it is not known

	open  func(ctx context.Context, i int) (io.ReadCloser, error)
	walk  func(ctx context.Context, names []string, fn func(name string, r io.Reader) error) error // nil if layers are best opened one by one
	fsys  fs.FS                                                                                    // nil but for a root file system
	close func() error
}

// Target says what the image is.
//
// Its Digest is set where a manifest was read: not for archives of "docker
// save" that have none, nor for root file systems and [FromV1].
func (img *Image) Target() inventory.Target { return img.target }

// Layers lists the layers, the base first. A root file system is a single
// layer of which nothing is known.
func (img *Image) Layers() []inventory.Layer { return slices.Clone(img.layers) }

// OpenLayer returns layer i, counted from 0, as it is stored or sent: a tar
// archive that is plain or compressed with gzip, zstd or whatever the image
// claims; what it is shows in its first bytes.
//
// Where the bytes lie on disk as they are, in an archive that is not
// compressed as a whole or in a layout, the result also implements [io.ReaderAt]
// and has a method Size() int64, and nothing is read before it is. It is not
// verified: see the package comment.
//
// From a registry the result is read while it is downloaded, until ctx ends. In
// place of [io.EOF] it returns a [DigestError] if the bytes do not have the
// digest or the size in the manifest, so it must be read to its end.
//
// The error wraps [errors.ErrUnsupported] if the image is a root file system,
// which [Image.LayerFS] gives access to.
func (img *Image) OpenLayer(ctx context.Context, i int) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if i < 0 || i >= len(img.layers) {
		return nil, fmt.Errorf("image: OpenLayer(%d) of %q: it has %d layers", i, img.target.Name, len(img.layers))
	}
	if img.open == nil {
		return nil, fmt.Errorf("image: OpenLayer(%d) of %q: a file system is not stored as a layer: use LayerFS: %w", i, img.target.Name, errors.ErrUnsupported)
	}
	return img.open(ctx, i)
}

// LayerSize is the size in bytes of layer i as it is stored or sent, and -1 if it
// is not known.
func (img *Image) LayerSize(i int) int64 {
	if i < 0 || i >= len(img.sizes) || img.sizes[i] <= 0 {
		return -1
	}
	return img.sizes[i]
}

// Sequential reports whether [Image.WalkLayers] is a better way to read the
// layers than [Image.OpenLayer]: the image is in an archive that is compressed as
// a whole, which OpenLayer inflates again from the start for each layer.
func (img *Image) Sequential() bool { return img.walk != nil }

// WalkLayers calls fn with each layer, one after another in the order in which
// they are stored, which need not be the order of [Image.Layers]. A layer that is
// stored once and used several times is passed once, with the lowest of its
// numbers; the others have the same DiffID. The reader is what OpenLayer
// describes, but is never an [io.ReaderAt] where the image is sequential; it is
// valid until fn returns. WalkLayers ends with the first error of fn and returns
// it as it is.
func (img *Image) WalkLayers(ctx context.Context, fn func(i int, r io.Reader) error) error {
	first := make(map[string]int, len(img.layers))
	var order []int
	var names []string
	for i, name := range img.stored {
		if _, ok := first[name]; !ok {
			first[name] = i
			order = append(order, i)
			names = append(names, name)
		}
	}
	if img.walk != nil {
		return img.walk(ctx, names, func(name string, r io.Reader) error { return fn(first[name], r) })
	}
	if img.open == nil {
		return fmt.Errorf("image: WalkLayers of %q: a file system is not stored as a layer: use LayerFS: %w", img.target.Name, errors.ErrUnsupported)
	}
	for _, i := range order {
		if err := img.walkOne(ctx, i, fn); err != nil {
			return err
		}
	}
	return nil
}

func (img *Image) walkOne(ctx context.Context, i int, fn func(i int, r io.Reader) error) error {
	r, err := img.OpenLayer(ctx, i)
	if err != nil {
		return err
	}
	defer r.Close()
	return fn(i, r)
}

// LayerFS returns layer i as a file system, and false if it is not one: if the
// image has tar archives for layers. In what [Dir] opened, no path and no
// symbolic link leads out of the folder.
func (img *Image) LayerFS(i int) (fs.FS, bool) {
	if img.fsys == nil || i != 0 {
		return nil, false
	}
	return img.fsys, true
}

// Close closes the file, the folder or the connections that the image is read
// through. The image cannot be used afterwards. It is safe to call it again.
func (img *Image) Close() error {
	if img.close == nil {
		return nil
	}
	err := img.close()
	img.close = nil
	return err
}

// Dir opens a folder that holds an unpacked root file system.
func Dir(dir string) (*Image, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	if !info.IsDir() {
		return nil, &FormatError{Name: dir, Reason: "not a folder: use Open or Archive for a file"}
	}
	folder, err := archive.OpenFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	img := FS(dir, folder.FS())
	img.close = folder.Close
	return img, nil
}

// Tree opens a folder that holds the sources of a project: what its lock files
// and manifests ask for counts, whether it is installed or not.
func Tree(dir string) (*Image, error) {
	img, err := Dir(dir)
	if err != nil {
		return nil, err
	}
	img.target.Kind = KindTree
	return img, nil
}

// TreeFS returns the sources of a project in fsys as an image, as [Tree] does
// for a folder and [FS] for a root file system.
func TreeFS(name string, fsys fs.FS) *Image {
	img := FS(name, fsys)
	img.target.Kind = KindTree
	return img
}

// SourceTree reports whether the image was opened with [Tree] or [TreeFS].
func (img *Image) SourceTree() bool { return img.target.Kind == KindTree }

// FS returns the root file system in fsys as an image. The name is used for the
// result only. The paths of fsys are those of the image without the leading
// slash; to be followed, symbolic links must be files of mode [fs.ModeSymlink].
func FS(name string, fsys fs.FS) *Image {
	return &Image{
		target: inventory.Target{Name: name, Kind: KindRootFS},
		layers: make([]inventory.Layer, 1),
		stored: make([]string, 1),
		fsys:   fsys,
	}
}
