package image

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/imagevet/imagevet/internal/regclient"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Remote opens the image that ref names in a registry, such as "nginx:1.25",
// "registry.example/team/app" or "nginx@sha256:…": without a registry Docker Hub
// is meant, without a tag "latest". [WithPlatform] chooses one image of an index.
//
// The manifest and the configuration are read at once, layers when they are
// opened. ctx is for this call; each layer has the context of its own call.
//
// A request is tried up to three times if the registry is busy or breaks the
// connection, with pauses of 0.2 and 0.6 seconds. Failure is a [RegistryError].
// No more than one tag is asked for, and nothing is written to the registry.
func Remote(ctx context.Context, ref string, opts ...Option) (*Image, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	if c.reference != "" {
		return nil, fmt.Errorf("image: WithReference(%q) with Remote(%q): the latter says which image", c.reference, ref)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%q: %w", ref, err)
	}
	var nameOpts []name.Option
	if c.insecure {
		nameOpts = append(nameOpts, name.Insecure)
	}
	parsed, err := name.ParseReference(ref, nameOpts...)
	if err != nil {
		return nil, &ReferenceError{Reference: ref, Err: err}
	}
	tr, closeIdle := regclient.NewTransport(ref, c.transport, c.insecure)
	reg, err := newRegistry(ref, parsed, tr, c)
	if err == nil {
		var img *Image
		if img, err = reg.open(ctx, c.platform); err == nil {
			img.close = closeIdle
			return img, nil
		}
	}
	closeIdle()
	return nil, err
}

// A registry reads one repository. It is the source of a resolver.
type registry struct {
	asked  string // the reference as the caller wrote it
	ref    name.Reference
	puller *remote.Puller

	// The manifest or index that ref names, so that it is fetched only once.
	top v1.Hash
	raw []byte
}

func newRegistry(asked string, ref name.Reference, tr *regclient.Guard, c *config) (*registry, error) {
	opts := append(regclient.Options(tr, c.keychain), remote.WithJobs(maxLayers)) // how many layers are read at once is for the caller to say
	puller, err := remote.NewPuller(opts...)
	if err != nil {
		return nil, fmt.Errorf("image: Remote(%q): %w", asked, err)
	}
	return &registry{asked: asked, ref: ref, puller: puller}, nil
}

func (r *registry) open(ctx context.Context, want Platform) (*Image, error) {
	desc, err := r.puller.Get(ctx, r.ref)
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	r.top, r.raw = desc.Digest, desc.Manifest
	top := v1.Descriptor{Digest: desc.Digest, Size: desc.Size}
	if desc.MediaType == types.DockerManifestSchema1Signed {
		// Its digest is not that of its bytes, so it would be called damaged.
		return nil, &FormatError{Name: r.asked, Reason: "image in Docker's first manifest format, which no registry should have any more: push it again with a current program"}
	}
	res := &resolver{name: r.asked, src: r, want: want}
	// A registry may send any Content-Type, so the content tells.
	chosen, err := res.choose(ctx, []v1.Descriptor{top})
	if err != nil {
		return nil, err
	}
	f, err := res.load(ctx, chosen)
	if err != nil {
		return nil, err
	}
	layers := make([]storedLayer, len(f.document.Layers))
	for i, d := range f.document.Layers {
		layers[i] = storedLayer{digest: d.Digest.String(), name: d.Digest.String(), size: d.Size}
	}
	target := inventory.Target{Name: r.asked, Kind: KindRegistry, Digest: f.digest.String(), ImageID: f.document.Config.Digest.String()}
	img, err := newImage(target, f.config, layers, f.platform)
	if err != nil {
		return nil, err
	}
	img.open = func(ctx context.Context, i int) (io.ReadCloser, error) {
		return r.blob(ctx, f.document.Layers[i])
	}
	return img, nil
}

func (r *registry) manifest(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	if d.Digest == r.top {
		return r.raw, nil
	}
	desc, err := r.puller.Get(ctx, r.ref.Context().Digest(d.Digest.String()))
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	return desc.Manifest, nil
}

func (r *registry) config(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	if d.Size > maxConfig {
		return nil, &FormatError{Name: r.asked, Reason: fmt.Sprintf("configuration of %d bytes, more than %d", d.Size, maxConfig), Err: inventory.ErrTooLarge}
	}
	body, err := r.blob(ctx, d)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body) // ends after d.Size bytes
}

// blob returns a blob, which is verified while it is read.
func (r *registry) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	layer, err := r.puller.Layer(ctx, r.ref.Context().Digest(d.Digest.String()))
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	body, err := layer.Compressed()
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	return &blobReader{ctx: ctx, registry: r, desc: d, body: body}, nil
}

// fail makes an error of go-containerregistry one of ours.
func (r *registry) fail(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%q: %w", r.asked, ctx.Err())
	}
	if e, ok := errors.AsType[*DigestError](err); ok {
		return e
	}
	if errors.Is(err, inventory.ErrTooLarge) {
		return &FormatError{Name: r.asked, Reason: "manifest", Err: err}
	}
	status := 0
	if e, ok := errors.AsType[*transport.Error](err); ok {
		status = e.StatusCode
	}
	return &RegistryError{Reference: r.asked, Status: status, Err: err}
}

// A blobReader reads a blob of which go-containerregistry verifies the digest,
// but not the size that the manifest states.
type blobReader struct {
	ctx      context.Context
	registry *registry
	desc     v1.Descriptor
	body     io.ReadCloser
	n        int64
}

func (b *blobReader) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.n += int64(n)
	switch {
	case b.n > b.desc.Size, err == io.EOF && b.n < b.desc.Size:
		err = b.damaged(nil)
	case err == nil || err == io.EOF:
	case b.ctx.Err() == nil && regclient.Damaged(err):
		err = b.damaged(err)
	default:
		err = b.registry.fail(b.ctx, err)
	}
	return n, err
}

func (b *blobReader) damaged(err error) error {
	return &DigestError{Name: b.registry.asked, Want: b.desc.Digest.String(), WantSize: b.desc.Size, GotSize: b.n, Err: err}
}

func (b *blobReader) Close() error { return b.body.Close() }
