package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/imagevet/imagevet/internal/archive"
)

// KindDirectory is the kind of [inventory.Target] of a folder that "skopeo copy"
// wrote to "dir:".
const KindDirectory = "dir-layout"

const (
	// directoryVersion is how the file "version" begins. Other versions than
	// 1.x name their files in another way.
	directoryVersion = "Directory Transport Version: 1."

	maxVersion = 256 // bytes of that file
)

// A directorySource reads the folders of skopeo: a manifest.json, which can be
// an index, other manifests as "<hex>.manifest.json", and blobs as "<hex>".
//
// The format is told by the program only:
// https://github.com/containers/image/blob/main/docs/containers-transports.5.md#dirpath
type directorySource struct {
	name  string
	store archive.Store
	top   v1.Hash
	raw   []byte // of manifest.json
}

func (s *directorySource) manifest(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	if d.Digest == s.top {
		return s.raw, nil
	}
	return s.read(ctx, d.Digest.Hex+".manifest.json", maxManifest)
}

func (s *directorySource) config(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	return s.read(ctx, d.Digest.Hex, maxConfig)
}

func (s *directorySource) read(ctx context.Context, name string, limit int64) ([]byte, error) {
	raw, err := archive.ReadFile(ctx, s.store, name, limit)
	if err != nil {
		return nil, storageError(s.name, name, err)
	}
	return raw, nil
}

// openDirectory opens the image in a folder of skopeo.
func openDirectory(ctx context.Context, name string, store archive.Store, c *config) (*Image, error) {
	version, err := archive.ReadFile(ctx, store, "version", maxVersion)
	if err != nil {
		return nil, storageError(name, "version", err)
	}
	if !strings.HasPrefix(string(version), directoryVersion) {
		return nil, &FormatError{Name: name, Reason: fmt.Sprintf("version %q of the folders of skopeo, known is %q", strings.TrimSpace(string(version)), directoryVersion+"x")}
	}
	raw, err := archive.ReadFile(ctx, store, "manifest.json", maxManifest)
	if err != nil {
		return nil, storageError(name, "manifest.json", err)
	}
	src := &directorySource{name: name, store: store, raw: raw}
	sum := sha256.Sum256(raw)
	src.top = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
	r := &resolver{name: name, src: src, want: c.platform}
	list := []v1.Descriptor{{Digest: src.top, Size: int64(len(raw))}}
	if c.reference != "" {
		// There are no names in it.
		if list, err = r.byDigest(ctx, list, c.reference); err != nil {
			return nil, err
		}
	}
	desc, err := r.choose(ctx, list)
	if err != nil {
		return nil, err
	}
	f, err := r.load(ctx, desc)
	if err != nil {
		return nil, err
	}
	return newStored(name, KindDirectory, store, f, func(h v1.Hash) string { return h.Hex })
}
