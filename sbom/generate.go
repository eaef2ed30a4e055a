package sbom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/imagevet/imagevet/internal/layer"
)

// Generate makes the inventory of an image with the defaults of [New], changed
// by opts.
func Generate(ctx context.Context, img Image, opts ...Option) (*BOM, error) {
	g, err := New(opts...)
	if err != nil {
		return nil, err
	}
	return g.Generate(ctx, img)
}

// Generate makes the inventory of an image. The error is a [*LayerError] if a
// layer cannot be read; it wraps a [*DigestError] if the layer's content is
// not what the image states.
func (g *Generator) Generate(ctx context.Context, img Image) (*BOM, error) {
	layers := img.Layers()
	facts, err := g.read(ctx, img, layers)
	if err != nil {
		return nil, fmt.Errorf("sbom: %w", err)
	}
	again := func(ctx context.Context, i int, pick layer.Picker) (*layer.Facts, error) {
		return g.readLayer(ctx, img, layers[i], i, pick, true)
	}
	merged, err := layer.Merge(ctx, g.router, facts, again)
	if err != nil {
		return nil, fmt.Errorf("sbom: %w", err)
	}
	bom, err := g.assemble(ctx, img, layers, merged)
	if err != nil {
		return nil, fmt.Errorf("sbom: %w", err)
	}
	return bom, nil
}

// read reads all layers, several at once.
func (g *Generator) read(ctx context.Context, img Image, layers []Layer) ([]*layer.Facts, error) {
	facts := make([]*layer.Facts, len(layers))
	pick := g.router.Picker()
	if s, ok := img.(SequentialImage); ok && s.Sequential() {
		err := s.WalkLayers(ctx, func(i int, r io.Reader) (err error) {
			facts[i], err = layer.Read(ctx, r, layers[i], pick, g.options(g.workers > 1))
			return err
		})
		if err != nil {
			return nil, err
		}
		for i := range facts {
			if facts[i] == nil && layers[i].DiffID != "" {
				facts[i] = facts[slices.IndexFunc(layers, func(l Layer) bool {
					return l.Digest == layers[i].Digest && l.DiffID == layers[i].DiffID
				})]
			}
			if facts[i] == nil {
				return nil, &LayerError{Index: i, DiffID: layers[i].DiffID, Err: errors.New("the image's source left it out")}
			}
		}
		return facts, nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(g.workers)
	for i := range layers {
		group.Go(func() (err error) {
			facts[i], err = g.readLayer(ctx, img, layers[i], i, pick, g.workers > len(layers))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return facts, nil
}

// readLayer reads one layer.
func (g *Generator) readLayer(ctx context.Context, img Image, info Layer, i int, pick layer.Picker, ahead bool) (*layer.Facts, error) {
	info.Index = i
	if f, ok := img.(FileSystemImage); ok {
		if fsys, ok := f.LayerFS(i); ok {
			opts := g.options(false)
			opts.Workers = g.workers
			if isSourceTree(img) {
				opts.Sources, opts.Skip = true, g.skipTree
			}
			return layer.ReadFS(ctx, fsys, info, pick, opts)
		}
	}
	r, err := img.OpenLayer(ctx, i)
	if err != nil {
		return nil, &LayerError{Index: i, DiffID: info.DiffID, Err: err}
	}
	defer r.Close()
	return layer.Read(ctx, r, info, pick, g.options(ahead))
}

func (g *Generator) options(ahead bool) layer.Options {
	return layer.Options{Router: g.router, Budget: g.budget, Ahead: ahead, Skip: g.skip}
}

func isSourceTree(img Image) bool {
	t, ok := img.(SourceTreeImage)
	return ok && t.SourceTree()
}
