package image

import (
	"context"
	"fmt"
	"io"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// FromV1 wraps an image of go-containerregistry, of whatever kind; the name is
// used for the result only. Its layers are read uncompressed, and digests that an
// image may have to compress its layers for are never asked for: those of the
// layers and of the manifest are left empty. Use [Remote] for an image in a
// registry, which has them. Calls to img cannot be cancelled; reading a layer can.
func FromV1(name string, img v1.Image) (*Image, error) {
	raw, err := img.RawConfigFile()
	if err != nil {
		return nil, &FormatError{Name: name, Reason: "the image's configuration", Err: err}
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, &FormatError{Name: name, Reason: "the image's layers", Err: err}
	}
	stored := make([]storedLayer, len(layers))
	for i := range layers {
		stored[i].name = strconv.Itoa(i) // without digests none are known to be the same
	}
	result, err := newImage(inventory.Target{Name: name, Kind: KindV1}, raw, stored, Platform{})
	if err != nil {
		return nil, err
	}
	result.open = func(ctx context.Context, i int) (io.ReadCloser, error) {
		r, err := layers[i].Uncompressed()
		if err != nil {
			return nil, fmt.Errorf("%q: layer %d: %w", name, i, err)
		}
		return &cancelled{ctx: ctx, ReadCloser: r}, nil
	}
	return result, nil
}

// A cancelled reader ends with the context of the call that opened it.
type cancelled struct {
	ctx context.Context
	io.ReadCloser
}

func (c *cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.ReadCloser.Read(p)
}
