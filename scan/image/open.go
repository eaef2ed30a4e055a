package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/imagevet/imagevet/internal/archive"
)

// Open opens the image at path: an archive as [Archive] does, or a folder that
// is an image layout as [Layout] does. What it is shows in its content; its
// name does not matter. Another folder is a [FormatError]: a root file system
// is opened with [Dir].
func Open(ctx context.Context, path string, opts ...Option) (*Image, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	if info.IsDir() {
		return Layout(ctx, path, opts...)
	}
	return Archive(ctx, path, opts...)
}

// Archive opens the image in a tar archive that "docker save" or a program like
// it wrote, or that holds an OCI image layout; plain, or compressed as a whole
// with gzip or zstd. An archive that is both is taken for one of "docker save".
// [WithReference] and [WithPlatform] choose one of several images.
//
// Of a plain archive only headers and manifests are read. One that is
// compressed as a whole is inflated to find them: see [Image.Sequential].
func Archive(ctx context.Context, path string, opts ...Option) (*Image, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	t, err := archive.OpenTar(ctx, path)
	if err != nil {
		return nil, archiveError(path, err)
	}
	img, err := fromTar(ctx, path, t, c)
	if err != nil {
		t.Close()
		return nil, err
	}
	return img, nil
}

// ArchiveReader opens the image in an archive of size bytes that r reads, as
// [Archive] does for a file. The name is used for the result and for errors.
// The caller closes what r reads from after the image.
func ArchiveReader(ctx context.Context, name string, r io.ReaderAt, size int64, opts ...Option) (*Image, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	t, err := archive.NewTar(ctx, r, size)
	if err != nil {
		return nil, archiveError(name, err)
	}
	return fromTar(ctx, name, t, c)
}

// archiveError is the error of an archive whose index cannot be read.
func archiveError(name string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("image: %w", e)
	}
	if errors.Is(err, archive.ErrNotTar) {
		return &FormatError{Name: name, Reason: "no image archive: make one with \"docker save\", or use Remote for an image in a registry", Err: err}
	}
	return storageError(name, "", err)
}

// fromTar opens the image in t and makes it close t.
func fromTar(ctx context.Context, name string, t *archive.Tar, c *config) (*Image, error) {
	var img *Image
	var err error
	switch {
	case has(t, "manifest.json"):
		img, err = openDocker(ctx, name, t, c)
	case has(t, "index.json"):
		img, err = openOCI(ctx, name, KindOCIArchive, t, c)
	default:
		err = &FormatError{Name: name, Reason: "a tar archive without manifest.json and index.json: it is no image, but maybe a file system or a single layer; \"docker save\" makes an archive of an image, \"docker export\" does not"}
	}
	if err != nil {
		return nil, err
	}
	img.openFrom(t)
	img.close = t.Close
	if t.Sequential() {
		img.walk = func(ctx context.Context, names []string, fn func(name string, r io.Reader) error) error {
			var own error
			err := t.Walk(ctx, names, func(name string, r io.Reader) error {
				own = fn(name, r)
				return own
			})
			if err != nil && own == nil {
				return storageError(name, "reading the layers", err)
			}
			return err
		}
	}
	return img, nil
}

func has(s archive.Store, name string) bool {
	_, err := s.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// openFrom makes the layers those in s.
func (img *Image) openFrom(s archive.Store) {
	img.open = func(ctx context.Context, i int) (io.ReadCloser, error) {
		r, err := s.Open(ctx, img.stored[i])
		if err != nil {
			return nil, storageError(img.target.Name, fmt.Sprintf("layer %d", i), err)
		}
		return r, nil
	}
}

// Layout opens the image in a folder that is an OCI image layout, or that "skopeo
// copy" wrote to "dir:". No path and no
// symbolic link in it leads out of the folder. [WithReference] and
// [WithPlatform] choose one of several images.
func Layout(ctx context.Context, dir string, opts ...Option) (*Image, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	folder, err := archive.OpenFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	img, err := fromFolder(ctx, dir, folder, c)
	if err != nil {
		folder.Close()
		return nil, err
	}
	return img, nil
}

func fromFolder(ctx context.Context, dir string, folder *archive.Folder, c *config) (*Image, error) {
	var img *Image
	var err error
	switch {
	case has(folder, "index.json"):
		img, err = openOCI(ctx, dir, KindOCILayout, folder, c)
	case has(folder, "manifest.json") && has(folder, "version"):
		img, err = openDirectory(ctx, dir, folder, c)
	default:
		err = &FormatError{Name: dir, Reason: "a folder without index.json: it is no OCI image layout; use Dir if it is a root file system"}
	}
	if err != nil {
		return nil, err
	}
	img.openFrom(folder)
	img.close = folder.Close
	return img, nil
}
