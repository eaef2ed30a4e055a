package image

import (
	"context"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/imagevet/imagevet/internal/archive"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A source hands out the small files of images, not verified.
type source interface {
	manifest(ctx context.Context, d v1.Descriptor) ([]byte, error)
	config(ctx context.Context, d v1.Descriptor) ([]byte, error)
}

// A resolver finds the way from an index to one image.
type resolver struct {
	name string // for errors
	src  source
	want Platform // the zero value if none is asked for

	documents int // how many were read
}

// A found is an image's manifest with its configuration.
type found struct {
	digest   v1.Hash
	document *document
	config   []byte
	platform Platform // as the index states it
}

func (r *resolver) count() error {
	if r.documents++; r.documents > maxDocuments {
		return &FormatError{Name: r.name, Reason: fmt.Sprintf("more than %d manifests to look at", maxDocuments), Err: inventory.ErrTooLarge}
	}
	return nil
}

// document reads and verifies the manifest or index that d addresses.
func (r *resolver) document(ctx context.Context, d v1.Descriptor) (*document, error) {
	if err := r.count(); err != nil {
		return nil, err
	}
	raw, err := r.src.manifest(ctx, d)
	if err != nil {
		return nil, err
	}
	if err := verify(r.name, raw, d.Digest, d.Size); err != nil {
		return nil, err
	}
	doc, err := parseDocument(raw, d.MediaType)
	if err != nil {
		return nil, &FormatError{Name: r.name, Reason: fmt.Sprintf("manifest %q", d.Digest), Err: err}
	}
	return doc, nil
}

func (r *resolver) config(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	if err := r.count(); err != nil {
		return nil, err
	}
	raw, err := r.src.config(ctx, d)
	if err != nil {
		return nil, err
	}
	if err := verify(r.name, raw, d.Digest, d.Size); err != nil {
		return nil, err
	}
	return raw, nil
}

// load reads the image whose manifest d addresses, and checks that it is one
// for the platform that was asked for.
func (r *resolver) load(ctx context.Context, d v1.Descriptor) (*found, error) {
	doc, err := r.document(ctx, d)
	if err != nil {
		return nil, err
	}
	if doc.isIndex() {
		return nil, &FormatError{Name: r.name, Reason: fmt.Sprintf("%q is an index where a manifest was to be", d.Digest)}
	}
	if t := doc.artifact(); t != "" {
		return nil, &FormatError{Name: r.name, Err: &ArtifactError{Type: t}}
	}
	raw, err := r.config(ctx, *doc.Config)
	if err != nil {
		return nil, err
	}
	hint := platformOf(d.Platform)
	if err := checkPlatform(r.name, raw, hint, r.want); err != nil {
		return nil, err
	}
	return &found{digest: d.Digest, document: doc, config: raw, platform: hint}, nil
}

// checkPlatform compares the platform of a configuration with the one that was
// asked for, if one was.
func checkPlatform(name string, raw []byte, hint, want Platform) error {
	if want == (Platform{}) {
		return nil
	}
	c, err := parseConfig(name, raw)
	if err != nil {
		return err
	}
	if p := effective(c.platform(), hint); p.rank(want) == noMatch && hint.rank(want) == noMatch {
		return &PlatformError{Name: name, Want: want, Available: []Platform{p}}
	}
	return nil
}

// A node is a manifest or an index that is reached from a list of them.
type node struct {
	desc  v1.Descriptor
	index bool
	top   int // the entry of the list it is reached from
}

// nodes lists all manifests and indexes that the list leads to, each once and
// in the order of the indexes, and leaves out what are no images.
func (r *resolver) nodes(ctx context.Context, list []v1.Descriptor) ([]node, error) {
	var all []node
	seen := make(map[v1.Hash]bool)
	var visit func(d v1.Descriptor, top, depth int) error
	visit = func(d v1.Descriptor, top, depth int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if seen[d.Digest] || notImage(d) {
			return nil
		}
		seen[d.Digest] = true
		if d.MediaType.IsImage() {
			all = append(all, node{desc: d, top: top})
			return nil
		}
		if !d.MediaType.IsIndex() && d.MediaType != "" {
			return nil
		}
		doc, err := r.document(ctx, d)
		if err != nil {
			return err
		}
		all = append(all, node{desc: d, index: doc.isIndex(), top: top})
		if !doc.isIndex() {
			return nil
		}
		if depth > maxDepth {
			return &FormatError{Name: r.name, Reason: fmt.Sprintf("indexes nested more than %d deep", maxDepth), Err: inventory.ErrTooLarge}
		}
		for _, child := range *doc.Manifests {
			if err := visit(child, top, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	for i, d := range list {
		if err := visit(d, i, 1); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// notImage reports whether an entry of an index is known to be something else:
// an attestation, a signature, a bill of materials.
func notImage(d v1.Descriptor) bool {
	return platformOf(d.Platform).unknown() ||
		d.Annotations["vnd.docker.reference.type"] != "" ||
		d.ArtifactType != "" && !isConfigType(types.MediaType(d.ArtifactType))
}

func isConfigType(t types.MediaType) bool {
	return t == types.OCIConfigJSON || t == types.DockerConfigJSON
}

// choose finds the one image that the list leads to for the platform.
func (r *resolver) choose(ctx context.Context, list []v1.Descriptor) (v1.Descriptor, error) {
	all, err := r.nodes(ctx, list)
	if err != nil {
		return v1.Descriptor{}, err
	}
	images := slices.DeleteFunc(all, func(n node) bool { return n.index })
	if len(images) > 1 {
		if images, err = r.withPlatforms(ctx, images); err != nil {
			return v1.Descriptor{}, err
		}
	}
	switch len(images) {
	case 0:
		return v1.Descriptor{}, &FormatError{Name: r.name, Reason: "its index lists no image"}
	case 1:
		return images[0].desc, nil
	}
	platforms := make([]Platform, len(images))
	for i, n := range images {
		platforms[i] = platformOf(n.desc.Platform)
	}
	best, err := bestPlatform(r.name, r.want, platforms)
	if err != nil {
		return v1.Descriptor{}, err
	}
	// Two images of one index are alternatives, such as Windows versions, of
	// which the first is preferred. Two entries of the list are two images.
	for _, i := range best[1:] {
		if images[i].top != images[best[0]].top {
			return v1.Descriptor{}, &SelectError{Name: r.name, Available: descriptorNames(list)}
		}
	}
	return images[best[0]].desc, nil
}

// bestPlatform returns which of the platforms suit want best, in order, or the
// default platforms if want is the zero value.
func bestPlatform(name string, want Platform, platforms []Platform) ([]int, error) {
	wanted := []Platform{want}
	if want == (Platform{}) {
		wanted = defaultPlatforms()
	}
	for _, w := range wanted {
		var best []int
		top := noMatch
		for i, p := range platforms {
			rank := p.rank(w)
			if rank == noMatch || rank < top {
				continue
			}
			if rank > top {
				top, best = rank, nil
			}
			best = append(best, i)
		}
		if len(best) > 0 {
			return best, nil
		}
	}
	return nil, &PlatformError{Name: name, Want: wanted[len(wanted)-1], Available: platforms}
}

// withPlatforms looks into the images for which the index states no platform.
func (r *resolver) withPlatforms(ctx context.Context, images []node) ([]node, error) {
	var kept []node
	for _, n := range images {
		if platformOf(n.desc.Platform) == (Platform{}) {
			doc, err := r.document(ctx, n.desc)
			if err != nil {
				return nil, err
			}
			if doc.isIndex() || !isConfigType(doc.Config.MediaType) {
				continue
			}
			raw, err := r.config(ctx, *doc.Config)
			if err != nil {
				return nil, err
			}
			c, err := parseConfig(r.name, raw)
			if err != nil {
				return nil, err
			}
			n.desc.Platform = &v1.Platform{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant}
		}
		kept = append(kept, n)
	}
	return kept, nil
}

// named returns those entries of the list that a reference means: all if it is
// empty and they have one name.
func (r *resolver) named(ctx context.Context, list []v1.Descriptor, ref string) ([]v1.Descriptor, error) {
	list = slices.DeleteFunc(slices.Clone(list), notImage)
	if ref == "" {
		for _, d := range list {
			if d.Digest != list[0].Digest && descriptorLabel(d) != descriptorLabel(list[0]) {
				return nil, &SelectError{Name: r.name, Available: descriptorNames(list)}
			}
		}
		return list, nil
	}
	for _, match := range []func(d v1.Descriptor, want string) bool{matchesName, matchesTag} {
		var matches []v1.Descriptor
		for _, d := range list {
			if match(d, ref) {
				matches = append(matches, d)
			}
		}
		if len(matches) > 0 {
			return matches, nil
		}
	}
	return r.byDigest(ctx, list, ref)
}

func (r *resolver) byDigest(ctx context.Context, list []v1.Descriptor, ref string) ([]v1.Descriptor, error) {
	all, err := r.nodes(ctx, list)
	if err != nil {
		return nil, err
	}
	want, _ := wantedDigest(ref)
	for _, n := range all {
		if n.desc.Digest == want {
			return []v1.Descriptor{n.desc}, nil
		}
	}
	var matches []v1.Descriptor
	for _, n := range all {
		if n.index {
			continue
		}
		doc, err := r.document(ctx, n.desc)
		if err != nil {
			return nil, err
		}
		if !doc.isIndex() && (doc.Config.Digest == want || isImageID(doc.Config.Digest, ref)) {
			matches = append(matches, n.desc)
		}
	}
	if len(matches) == 0 {
		return nil, &SelectError{Name: r.name, Want: ref, Available: descriptorNames(list)}
	}
	return matches, nil
}

// A storeSource reads blobs from an archive or a layout.
type storeSource struct {
	name  string
	store archive.Store
}

func (s storeSource) manifest(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	return s.blob(ctx, d, maxManifest)
}

func (s storeSource) config(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	return s.blob(ctx, d, maxConfig)
}

func (s storeSource) blob(ctx context.Context, d v1.Descriptor, limit int64) ([]byte, error) {
	raw, err := archive.ReadFile(ctx, s.store, blobName(d.Digest), limit)
	if err != nil {
		return nil, storageError(s.name, "blob "+d.Digest.String(), err)
	}
	return raw, nil
}

// blobName is where a blob is in a layout:
// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md#blobs
func blobName(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

// openOCI finds the image in a layout, be it in a folder or in an archive.
func openOCI(ctx context.Context, name, kind string, store archive.Store, c *config) (*Image, error) {
	raw, err := archive.ReadFile(ctx, store, "index.json", maxManifest)
	if err != nil {
		return nil, storageError(name, "index.json", err)
	}
	r := &resolver{name: name, src: storeSource{name, store}, want: c.platform}
	doc, err := parseDocument(raw, types.OCIImageIndex)
	if err != nil {
		return nil, &FormatError{Name: name, Reason: "index.json", Err: err}
	}
	list, err := r.named(ctx, *doc.Manifests, c.reference)
	if err != nil {
		return nil, err
	}
	desc, err := r.choose(ctx, list)
	if err != nil {
		// The reference is not told to choose, but the caller knows it.
		if e, ok := errors.AsType[*SelectError](err); ok {
			e.Want = c.reference
		}
		return nil, err
	}
	f, err := r.load(ctx, desc)
	if err != nil {
		return nil, err
	}
	return newStored(name, kind, store, f, blobName)
}

// newStored returns an image whose layers are in a store, under the names that
// nameOf gives to blobs.
func newStored(name, kind string, store archive.Store, f *found, nameOf func(v1.Hash) string) (*Image, error) {
	layers := make([]storedLayer, len(f.document.Layers))
	for i, d := range f.document.Layers {
		info, err := store.Stat(nameOf(d.Digest))
		if err != nil {
			return nil, storageError(name, fmt.Sprintf("layer %d", i), err)
		}
		if info.Size != d.Size {
			return nil, &DigestError{Name: name, Want: d.Digest.String(), WantSize: d.Size, GotSize: info.Size}
		}
		layers[i] = storedLayer{digest: d.Digest.String(), name: info.Name, size: info.Size}
	}
	target := inventory.Target{Name: name, Kind: kind, Digest: f.digest.String(), ImageID: f.document.Config.Digest.String(), Base: f.document.base()}
	return newImage(target, f.config, layers, f.platform)
}
