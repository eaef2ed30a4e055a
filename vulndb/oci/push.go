package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/imagevet/imagevet/vulndb"
)

// Push stores the database of the folder dir under ref, such as
// "registry.example/team/vulndb:latest", and returns the digest of the
// artefact, "sha256:" and 64 digits. Files are streamed from the disk, and only
// those that the repository lacks. The tag is set last, so that whoever pulls it
// meanwhile gets the old database or the new one.
//
// All files are read and verified first: the error wraps [vulndb.ErrCorrupt] if
// one is damaged, others of [vulndb.Open], or is an [*image.RegistryError] or
// [*image.ReferenceError]. If ref has a digest, it must be that of the artefact.
func Push(ctx context.Context, dir, ref string, opts ...Option) (digest string, err error) {
	digest, err = push(ctx, dir, ref, opts)
	if err != nil {
		return "", fmt.Errorf("oci: push %s: %w", dir, err)
	}
	return digest, nil
}

func push(ctx context.Context, dir, ref string, opts []Option) (string, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return "", err
	}
	if cfg.ecosystems != nil || cfg.keys != nil {
		return "", errors.New("WithEcosystems and WithPublicKey are for Pull")
	}
	c, err := newWriter(ref, cfg)
	if err != nil {
		return "", err
	}
	defer c.close()
	s, err := vulndb.OpenSnapshot(dir)
	if err != nil {
		return "", err
	}
	defer s.Close()
	if err := s.Verify(ctx); err != nil {
		return "", err
	}
	raw, layers, err := artifact(s, cfg.reporter())
	if err != nil {
		return "", err
	}
	hash, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return "", err
	}
	if d, ok := c.ref.(name.Digest); ok && d.DigestStr() != hash.String() {
		return "", fmt.Errorf("%q: the digest of this database is %q", ref, hash)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(cfg.workers)
	for _, l := range layers {
		group.Go(func() error { return c.pusher.Upload(groupCtx, c.ref.Context(), l) })
	}
	if err := group.Wait(); err != nil {
		return "", c.fail(ctx, err)
	}
	if err := c.pusher.Put(ctx, c.ref, rawManifest(raw)); err != nil {
		return "", c.fail(ctx, err)
	}
	return hash.String(), nil
}

// artifact returns the manifest of a database, and its blobs.
func artifact(s *vulndb.Snapshot, report func(Progress)) ([]byte, []*blob, error) {
	text := s.Manifest()
	config := bytesBlob(emptyType, []byte(emptyConfig))
	manifest := bytesBlob(ManifestType, text)
	manifest.desc.Annotations = map[string]string{annotationTitle: "manifest.json"}
	blobs := []*blob{config, manifest}
	var ecosystems []string
	for _, f := range s.Files() {
		ecosystems = append(ecosystems, f.Ecosystem)
		blobs = append(blobs, &blob{
			desc: v1.Descriptor{
				MediaType: FileType,
				Size:      f.Size,
				Digest:    v1.Hash{Algorithm: "sha256", Hex: f.SHA256},
				Annotations: map[string]string{
					annotationTitle:     f.Name,
					AnnotationEcosystem: f.Ecosystem,
					AnnotationModified:  f.Modified.UTC().Format(time.RFC3339),
					AnnotationRecords:   strconv.Itoa(f.Records),
				},
			},
			open: func() (io.Reader, error) {
				r, err := s.Open(f)
				if err != nil || report == nil {
					return r, err
				}
				return &progressReader{r: r, report: report, at: Progress{Name: f.Name, Ecosystem: f.Ecosystem, Size: f.Size}}, nil
			},
		})
	}
	info := s.Info()
	m := v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		ArtifactType:  ArtifactType,
		Config:        config.desc,
		Annotations: map[string]string{
			annotationCreated:    info.Built.UTC().Format(time.RFC3339),
			AnnotationID:         info.ID,
			AnnotationEcosystems: strings.Join(ecosystems, ","),
		},
	}
	for _, b := range blobs[1:] {
		m.Layers = append(m.Layers, b.desc)
	}
	raw, err := json.Marshal(&m)
	return raw, blobs, err
}

// reporter returns a function that may be called from several goroutines, nil
// if nobody is to be told.
func (c *config) reporter() func(Progress) {
	if c.progress == nil {
		return nil
	}
	var mu sync.Mutex
	return func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		c.progress(p)
	}
}

// A progressReader tells how much was read.
type progressReader struct {
	r      io.Reader
	report func(Progress)
	at     Progress
}

func (p *progressReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if n > 0 {
		p.at.Done += int64(n)
		p.report(p.at)
	}
	return n, err
}

// A blob is a layer as go-containerregistry uploads it.
type blob struct {
	desc v1.Descriptor
	open func() (io.Reader, error)
}

func bytesBlob(mediaType types.MediaType, data []byte) *blob {
	digest, size, err := v1.SHA256(bytes.NewReader(data))
	return &blob{
		desc: v1.Descriptor{MediaType: mediaType, Size: size, Digest: digest},
		open: func() (io.Reader, error) { return bytes.NewReader(data), err },
	}
}

// Digest implements [v1.Layer], as the others do.
func (b *blob) Digest() (v1.Hash, error)             { return b.desc.Digest, nil }
func (b *blob) DiffID() (v1.Hash, error)             { return b.desc.Digest, nil }
func (b *blob) Size() (int64, error)                 { return b.desc.Size, nil }
func (b *blob) MediaType() (types.MediaType, error)  { return b.desc.MediaType, nil }
func (b *blob) Uncompressed() (io.ReadCloser, error) { return b.Compressed() }
func (b *blob) Compressed() (io.ReadCloser, error) {
	r, err := b.open()
	if err != nil {
		return nil, err
	}
	return io.NopCloser(r), nil
}

// A rawManifest is an OCI manifest as go-containerregistry puts it.
type rawManifest []byte

func (m rawManifest) RawManifest() ([]byte, error) { return m, nil }

// MediaType is what the manifest itself says.
func (m rawManifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
