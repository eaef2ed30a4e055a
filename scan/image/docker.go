package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/imagevet/imagevet/internal/archive"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A dockerImage is one image in the manifest.json of "docker save". The paths
// are "<id>.json" and "<id>/layer.tar", or, from version 25 of Docker, those of
// blobs in an OCI layout; other programs have names of their own.
type dockerImage struct {
	Config   string          `json:"Config"`
	RepoTags entries[string] `json:"RepoTags"`
	Layers   entries[string] `json:"Layers"`
}

// A dockerArchive is an archive of "docker save".
type dockerArchive struct {
	name      string
	store     archive.Store
	reference string
	want      Platform
	images    []dockerImage
}

func openDocker(ctx context.Context, name string, store archive.Store, c *config) (*Image, error) {
	raw, err := archive.ReadFile(ctx, store, "manifest.json", maxManifest)
	if err != nil {
		return nil, storageError(name, "manifest.json", err)
	}
	var images entries[dockerImage]
	if err := json.Unmarshal(raw, &images); err != nil {
		return nil, &FormatError{Name: name, Reason: "manifest.json", Err: err}
	}
	if len(images) > maxDocuments {
		return nil, &FormatError{Name: name, Reason: fmt.Sprintf("an archive of %d images", len(images)), Err: inventory.ErrTooLarge}
	}
	a := &dockerArchive{name: name, store: store, reference: c.reference, want: c.platform, images: unique(images)}
	chosen, err := a.choose(ctx)
	if err != nil {
		return nil, err
	}
	return a.open(ctx, chosen)
}

// unique joins the entries of one image: some programs write one for each tag.
func unique(images []dockerImage) []dockerImage {
	var list []dockerImage
	for _, img := range images {
		i := slices.IndexFunc(list, func(other dockerImage) bool {
			return other.Config == img.Config && slices.Equal(other.Layers, img.Layers)
		})
		if i < 0 {
			list = append(list, img)
			continue
		}
		list[i].RepoTags = append(slices.Clip(list[i].RepoTags), img.RepoTags...)
	}
	return list
}

func (a *dockerArchive) choose(ctx context.Context) (dockerImage, error) {
	list := a.images
	if a.reference != "" {
		var err error
		if list, err = a.named(ctx); err != nil {
			return dockerImage{}, err
		}
	}
	switch {
	case len(list) == 0 && a.reference == "":
		return dockerImage{}, &FormatError{Name: a.name, Reason: "its manifest.json lists no image"}
	case len(list) == 0:
		return dockerImage{}, a.selectError()
	case len(list) == 1:
		return list[0], nil
	}
	// One name with several images is one image for several platforms.
	for _, img := range list {
		if len(img.RepoTags) == 0 || a.reference == "" && !slices.Equal(img.RepoTags, list[0].RepoTags) {
			return dockerImage{}, a.selectError()
		}
	}
	platforms := make([]Platform, len(list))
	for i, img := range list {
		raw, _, err := a.config(ctx, img)
		if err != nil {
			return dockerImage{}, err
		}
		c, err := parseConfig(a.name, raw)
		if err != nil {
			return dockerImage{}, err
		}
		platforms[i] = c.platform()
	}
	best, err := bestPlatform(a.name, a.want, platforms)
	if err != nil {
		return dockerImage{}, err
	}
	if len(best) > 1 {
		return dockerImage{}, a.selectError()
	}
	return list[best[0]], nil
}

// named returns the images that the reference means.
func (a *dockerArchive) named(ctx context.Context) ([]dockerImage, error) {
	var list []dockerImage
	for _, img := range a.images {
		if labels(img.RepoTags).match(a.reference) {
			list = append(list, img)
		}
	}
	if len(list) > 0 {
		return list, nil
	}
	want, isDigest := wantedDigest(a.reference)
	manifests, err := a.manifests(ctx)
	if err != nil {
		return nil, err
	}
	for _, img := range a.images {
		_, id, err := a.config(ctx, img)
		if err != nil {
			return nil, err
		}
		m := manifestOf(manifests, img, id)
		if isImageID(id, a.reference) || isDigest && (id == want || m != nil && m.digest == want.String()) {
			list = append(list, img)
		}
	}
	return list, nil
}

func (a *dockerArchive) selectError() error {
	var names []string
	for _, img := range a.images {
		names = append(names, img.RepoTags...)
		if len(img.RepoTags) == 0 {
			names = append(names, configDigest(img.Config))
		}
	}
	return &SelectError{Name: a.name, Want: a.reference, Available: names}
}

// config reads the configuration of an image and returns it with the image ID.
func (a *dockerArchive) config(ctx context.Context, img dockerImage) ([]byte, v1.Hash, error) {
	raw, err := archive.ReadFile(ctx, a.store, img.Config, maxConfig)
	if err != nil {
		return nil, v1.Hash{}, storageError(a.name, fmt.Sprintf("configuration %q", img.Config), err)
	}
	sum := sha256.Sum256(raw)
	id := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
	if want, err := v1.NewHash(configDigest(img.Config)); err == nil && want.Algorithm == id.Algorithm {
		if err := verify(a.name, raw, want, int64(len(raw))); err != nil {
			return nil, v1.Hash{}, err
		}
	}
	return raw, id, nil
}

// configDigest is the digest in the path of a configuration, or the path if it
// has none.
func configDigest(name string) string {
	if h, ok := blobDigest(name); ok {
		return h.String()
	}
	hexDigits := strings.TrimSuffix(strings.TrimPrefix(name, "sha256:"), ".json")
	if h, err := v1.NewHash("sha256:" + hexDigits); err == nil {
		return h.String()
	}
	return name
}

// blobDigest is the digest in a path such as "blobs/sha256/<hex>".
func blobDigest(name string) (v1.Hash, bool) {
	algorithm, ok := strings.CutPrefix(path.Dir(name), "blobs/")
	if !ok {
		return v1.Hash{}, false
	}
	h, err := v1.NewHash(algorithm + ":" + path.Base(name))
	return h, err == nil
}

func (a *dockerArchive) open(ctx context.Context, chosen dockerImage) (*Image, error) {
	raw, id, err := a.config(ctx, chosen)
	if err != nil {
		return nil, err
	}
	if err := checkPlatform(a.name, raw, Platform{}, a.want); err != nil {
		return nil, err
	}
	layers := make([]storedLayer, len(chosen.Layers))
	for i, layer := range chosen.Layers {
		info, err := a.store.Stat(layer)
		if err != nil {
			return nil, storageError(a.name, fmt.Sprintf("layer %d", i), err)
		}
		layers[i].name, layers[i].size = info.Name, info.Size
		if h, ok := blobDigest(info.Name); ok {
			layers[i].digest = h.String()
		}
	}
	manifests, err := a.manifests(ctx)
	if err != nil {
		return nil, err
	}
	target := inventory.Target{Name: a.name, Kind: KindDockerArchive, ImageID: id.String()}
	if m := manifestOf(manifests, chosen, id); m != nil {
		target.Digest, target.Base = m.digest, m.base()
	}
	return newImage(target, raw, layers, Platform{})
}

// A savedManifest is an OCI manifest that an archive has beside manifest.json.
type savedManifest struct {
	digest string
	*document
}

// manifests lists the manifests in an archive that is an OCI layout too. As all
// else is there without them, a damaged layout has none.
func (a *dockerArchive) manifests(ctx context.Context) ([]savedManifest, error) {
	raw, err := archive.ReadFile(ctx, a.store, "index.json", maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []savedManifest
	if err == nil {
		list, err = a.manifestsIn(ctx, raw)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%q: %w", a.name, ctx.Err())
	}
	if err != nil {
		return nil, nil
	}
	return list, nil
}

func (a *dockerArchive) manifestsIn(ctx context.Context, raw []byte) ([]savedManifest, error) {
	index, err := parseDocument(raw, types.OCIImageIndex)
	if err != nil {
		return nil, err
	}
	r := &resolver{name: a.name, src: storeSource{a.name, a.store}}
	all, err := r.nodes(ctx, *index.Manifests)
	if err != nil {
		return nil, err
	}
	var list []savedManifest
	for _, n := range all {
		if n.index {
			continue
		}
		doc, err := r.document(ctx, n.desc)
		if err != nil || doc.isIndex() {
			continue // of another platform, which was left out of the archive
		}
		list = append(list, savedManifest{n.desc.Digest.String(), doc})
	}
	return list, nil
}

// manifestOf returns the manifest of an image with the given ID, and nil if
// there is none that has the image's layers.
func manifestOf(list []savedManifest, img dockerImage, id v1.Hash) *savedManifest {
	for i, m := range list {
		same := m.Config.Digest == id && slices.EqualFunc(m.Layers, img.Layers, func(d v1.Descriptor, layer string) bool {
			return blobName(d.Digest) == path.Clean(layer)
		})
		if same {
			return &list[i]
		}
	}
	return nil
}
