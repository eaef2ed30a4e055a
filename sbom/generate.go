package sbom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/imagevet/imagevet/internal/layer"
	"github.com/imagevet/imagevet/sbom/inventory"
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
	layers := slices.Clone(img.Layers())
	for i := range layers {
		layers[i].Index = i
	}
	r := &reading{
		Generator: g, img: img, layers: layers,
		session: session{layerStore: g.store}, tracker: newTracker(g.progress, img, len(layers)),
	}
	r.tracker.stage(inventory.StageLayers)
	facts, err := r.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("sbom: %w", err)
	}
	r.tracker.stage(inventory.StageLayers)
	r.tracker.stage(inventory.StageMerge)
	merged, err := layer.Merge(ctx, g.router, facts, r.again)
	if err != nil {
		return nil, fmt.Errorf("sbom: %w", err)
	}
	bom, err := g.assemble(ctx, img, layers, merged)
	if err != nil {
		return nil, fmt.Errorf("sbom: %w", err)
	}
	return bom, nil
}

// A reading is the reading of one image.
type reading struct {
	*Generator
	img     Image
	layers  []Layer
	session session
	tracker *tracker
}

// read reads all layers, several at once.
func (r *reading) read(ctx context.Context) ([]*layer.Facts, error) {
	if s, ok := r.img.(SequentialImage); ok && s.Sequential() {
		return r.walk(ctx, s)
	}
	facts := make([]*layer.Facts, len(r.layers))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.workers)
	for i := range r.layers {
		group.Go(func() (err error) {
			facts[i], err = r.layer(ctx, i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return facts, nil
}

// layer returns the facts of the i'th layer.
func (r *reading) layer(ctx context.Context, i int) (*layer.Facts, error) {
	var n int64
	read := func(f *flight) (facts *layer.Facts, err error) {
		facts, n, err = r.readLayer(ctx, i, r.router.Picker(), r.workers > len(r.layers), f, r.tracker)
		return facts, err
	}
	key, ok := r.store.key(r.layers[i], nil)
	if !ok {
		facts, err := read(nil)
		r.tracker.finish(i, n, false)
		return facts, err
	}
	facts, known, err := r.session.facts(ctx, key, true, read)
	if err != nil {
		return nil, r.layerError(i, err)
	}
	r.tracker.finish(i, n, known)
	return facts, nil
}

// layerError makes an error one of the i'th layer.
func (r *reading) layerError(i int, err error) error {
	if _, ok := errors.AsType[*LayerError](err); ok {
		return err
	}
	return &LayerError{Index: i, DiffID: r.layers[i].DiffID, Err: err}
}

// walk reads the layers of an image that has them in one stream: only if there is
// one that the cache does not know.
func (r *reading) walk(ctx context.Context, img SequentialImage) ([]*layer.Facts, error) {
	facts := make([]*layer.Facts, len(r.layers))
	left := 0
	for i := range r.layers {
		if key, ok := r.store.key(r.layers[i], nil); ok {
			facts[i], _ = r.session.lookup(ctx, key)
		}
		if facts[i] == nil {
			left++
		} else {
			r.tracker.finish(i, 0, true)
		}
	}
	if left == 0 {
		return facts, nil
	}
	err := img.WalkLayers(ctx, func(i int, src io.Reader) (err error) {
		if facts[i] != nil {
			return nil
		}
		var n int64
		read := func(f *flight) (facts *layer.Facts, err error) {
			facts, n, err = r.readStream(ctx, src, i, r.router.Picker(), r.workers > 1, f, r.tracker)
			return facts, err
		}
		known := false
		if key, ok := r.store.key(r.layers[i], nil); ok {
			facts[i], known, err = r.session.facts(ctx, key, false, read)
		} else {
			facts[i], err = read(nil)
		}
		if err != nil {
			return r.layerError(i, err)
		}
		r.tracker.finish(i, n, known)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, l := range r.layers {
		if facts[i] == nil && l.DiffID != "" {
			facts[i] = facts[slices.IndexFunc(r.layers, func(other Layer) bool {
				return other.Digest == l.Digest && other.DiffID == l.DiffID
			})]
			r.tracker.finish(i, 0, true)
		}
		if facts[i] == nil {
			return nil, &LayerError{Index: i, DiffID: l.DiffID, Err: errors.New("the image's source left it out")}
		}
	}
	return facts, nil
}

// again reads files of a layer once more. What was found then is kept too, so
// that an image of which all is known is not opened at all.
func (r *reading) again(ctx context.Context, i int, wish layer.Wish) (*layer.Facts, error) {
	read := func(f *flight) (*layer.Facts, error) {
		facts, _, err := r.readLayer(ctx, i, wish.Picker(), true, f, nil)
		if err != nil {
			return nil, err
		}
		return facts.FilesOnly(), nil
	}
	key, ok := r.store.key(r.layers[i], wish)
	if !ok {
		return read(nil)
	}
	facts, _, err := r.session.facts(ctx, key, true, read)
	if err != nil {
		return nil, r.layerError(i, err)
	}
	return facts, nil
}

// readLayer opens and reads one layer. It returns how many bytes of it t has
// counted.
func (r *reading) readLayer(ctx context.Context, i int, pick layer.Picker, ahead bool, f *flight, t *tracker) (*layer.Facts, int64, error) {
	if img, ok := r.img.(FileSystemImage); ok {
		if fsys, ok := img.LayerFS(i); ok {
			opts := r.options(false)
			opts.Workers = r.workers
			if isSourceTree(r.img) {
				opts.Sources, opts.Skip = true, r.skipTree
			}
			facts, err := layer.ReadFS(ctx, fsys, r.layers[i], pick, opts)
			return facts, 0, err
		}
	}
	src, err := r.img.OpenLayer(ctx, i)
	if err != nil {
		return nil, 0, r.layerError(i, err)
	}
	defer src.Close()
	return r.readStream(ctx, src, i, pick, ahead, f, t)
}

// readStream reads one layer that is open, for those too who wait for the flight.
func (r *reading) readStream(ctx context.Context, src io.Reader, i int, pick layer.Picker, ahead bool, f *flight, t *tracker) (*layer.Facts, int64, error) {
	m := &meter{Reader: src, tracker: t, flight: f}
	if at, ok := src.(randomAccess); ok && !r.verify && layer.Seeks(src) {
		if f != nil {
			f.land(nil, true) // others have no use for it, as nothing proves what it is
		}
		if t != nil {
			src = seekMeter{m, at}
		}
	} else {
		src = m // a stream, whatever else it is
	}
	facts, err := layer.Read(ctx, src, r.layers[i], pick, r.options(ahead))
	return facts, m.n.Load(), err
}

func (g *Generator) options(ahead bool) layer.Options {
	return layer.Options{Router: g.router, Budget: g.budget, Ahead: ahead, Skip: g.skip}
}

func isSourceTree(img Image) bool {
	t, ok := img.(SourceTreeImage)
	return ok && t.SourceTree()
}
