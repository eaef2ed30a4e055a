package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/imagevet/imagevet/internal/regclient"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan/image/registry"
)

// defaultMaxLayer is what registry.Config.MaxLayerBytes stands for if it is 0.
const defaultMaxLayer = 64 << 30

// Remote opens the image that ref names in a registry, such as "nginx:1.25",
// "registry.example/team/app" or "nginx@sha256:…": without a registry Docker Hub
// is meant, without a tag "latest". If there are both a tag and a digest, the
// digest alone counts, as it does for Docker: the tag may name another image by
// now. [WithPlatform] chooses one image of an index. [WithRegistry] says how the
// registry is talked to, and which mirrors are asked before it.
//
// The manifest and the configuration are read at once, layers when they are
// opened. ctx is for this call; each layer has the context of its own call.
//
// A request is tried again if the registry is busy or breaks the connection, and
// a layer is read on from where it stopped: see [registry.Config]. Failure is a
// [RegistryError]. What is in the registry but is no image is an
// [ArtifactError]. Nothing is written to the registry.
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
	endpoints, err := c.registry.Rules.Endpoints(ref, c.registry.Insecure)
	switch {
	case errors.Is(err, registry.ErrBlocked):
		return nil, &RegistryError{Reference: ref, Err: err}
	case err != nil:
		return nil, &ReferenceError{Reference: ref, Err: err}
	}
	var mirrors []error
	for i, e := range endpoints {
		img, err := openEndpoint(ctx, ref, e, c)
		switch {
		case err == nil:
			return img, nil
		case ctx.Err() != nil:
			return nil, err
		case i < len(endpoints)-1:
			mirrors = append(mirrors, err)
		case len(mirrors) > 0:
			return nil, &MirrorError{Err: err, Mirrors: mirrors}
		default:
			return nil, err
		}
	}
	return nil, fmt.Errorf("%q: nowhere to look for it", ref) // there is at least one
}

func openEndpoint(ctx context.Context, asked string, e registry.Endpoint, c *config) (*Image, error) {
	name := asked
	if e.Mirror {
		name = e.Reference.Name()
	}
	client, err := regclient.New(name, e.Reference.Context(), &c.registry, e.Insecure)
	if err != nil {
		return nil, fmt.Errorf("image: %q: %w", name, err)
	}
	r := &repository{asked: name, ref: e.Reference, client: client, maxLayer: cmp.Or(c.registry.MaxLayerBytes, defaultMaxLayer)}
	img, err := r.open(ctx, c.platform)
	if err != nil {
		client.Close()
		return nil, err
	}
	img.target.Name = asked
	if e.Moved {
		img.target.PulledFrom = strings.Replace(e.Reference.Name(), "index.docker.io/", "docker.io/", 1)
	}
	img.close = client.Close
	return img, nil
}

// A repository is one that is read. It is the source of a resolver.
type repository struct {
	asked  string // the reference, for errors
	ref    name.Reference
	client *regclient.Client

	maxLayer int64 // bytes

	// The manifest or index that ref names, so that it is fetched only once.
	top v1.Hash
	raw []byte
}

func (r *repository) open(ctx context.Context, want Platform) (*Image, error) {
	m, err := r.client.Manifest(ctx, r.ref.Identifier())
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	r.top, r.raw = m.Digest, m.Raw
	res := &resolver{name: r.asked, src: r, want: want}
	// A registry may send any Content-Type, so the content tells.
	chosen, err := res.choose(ctx, []v1.Descriptor{{Digest: m.Digest, Size: int64(len(m.Raw))}})
	if err != nil {
		return nil, err
	}
	f, err := res.load(ctx, chosen)
	if err != nil {
		return nil, err
	}
	if err := r.checkSizes(f.document.Layers); err != nil {
		return nil, err
	}
	layers := make([]storedLayer, len(f.document.Layers))
	for i, d := range f.document.Layers {
		layers[i] = storedLayer{digest: d.Digest.String(), name: d.Digest.String(), size: d.Size}
	}
	target := inventory.Target{Name: r.asked, Kind: KindRegistry, Digest: f.digest.String(), ImageID: f.document.Config.Digest.String(), Base: f.document.base()}
	img, err := newImage(target, f.config, layers, f.platform)
	if err != nil {
		return nil, err
	}
	img.open = func(ctx context.Context, i int) (io.ReadCloser, error) {
		return r.blob(ctx, f.document.Layers[i])
	}
	return img, nil
}

func (r *repository) checkSizes(layers []v1.Descriptor) error {
	for i, d := range layers {
		if d.Size > r.maxLayer {
			return &FormatError{Name: r.asked, Reason: fmt.Sprintf("layer %d of %d bytes, more than %d", i, d.Size, r.maxLayer), Err: inventory.ErrTooLarge}
		}
	}
	return nil
}

func (r *repository) manifest(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	if d.Digest == r.top {
		return r.raw, nil
	}
	m, err := r.client.Manifest(ctx, d.Digest.String())
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	return m.Raw, nil
}

func (r *repository) config(ctx context.Context, d v1.Descriptor) ([]byte, error) {
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
func (r *repository) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	body, err := r.client.Blob(ctx, regclient.Blob{Digest: d.Digest, Size: d.Size, URLs: d.URLs})
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	return &remoteBlob{ctx: ctx, repository: r, ReadCloser: body}, nil
}

// fail makes an error of the client one of ours.
func (r *repository) fail(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%q: %w", r.asked, ctx.Err())
	}
	if e, ok := errors.AsType[*DigestError](err); ok {
		return e
	}
	switch {
	case errors.Is(err, inventory.ErrTooLarge):
		return &FormatError{Name: r.asked, Reason: "manifest", Err: err}
	case errors.Is(err, regclient.ErrSchema1):
		return &FormatError{Name: r.asked, Err: ErrSchema1}
	}
	out := &RegistryError{Reference: r.asked, Err: err}
	if e, ok := errors.AsType[*regclient.StatusError](err); ok {
		out.Status, out.RetryAfter = e.Err.StatusCode, e.RetryAfter
	}
	return out
}

// A remoteBlob is a blob with our errors.
type remoteBlob struct {
	ctx        context.Context
	repository *repository
	io.ReadCloser
	err error
}

func (b *remoteBlob) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = b.repository.fail(b.ctx, err)
	}
	b.err = err
	return n, err
}
