package oci

import (
	"context"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagevet/imagevet/internal/regclient"
	"github.com/imagevet/imagevet/vulndb"
)

// A Result says what [Pull] has done.
type Result struct {
	// Digest is that of the artefact: "sha256:" and 64 digits.
	Digest string
	// Signed is true if a signature was asked for, and found to be right.
	Signed bool
	vulndb.Installation
}

// Pull makes the database that is stored under ref the current one of the
// folder dir, which is created if need be. Files are streamed to the disk, and
// those that the folder has already are not fetched. On error the folder keeps
// the database it has.
//
// The error wraps [ErrNotDatabase], [ErrDigest], [ErrUnsigned], [ErrSignature],
// those of [vulndb.Install], such as [vulndb.ErrVersion], or is an
// [*image.RegistryError] or [*image.ReferenceError].
func Pull(ctx context.Context, ref, dir string, opts ...Option) (Result, error) {
	result, err := pull(ctx, ref, dir, opts)
	if err != nil {
		return Result{}, fmt.Errorf("oci: pull: %w", err)
	}
	return result, nil
}

func pull(ctx context.Context, ref, dir string, opts []Option) (Result, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return Result{}, err
	}
	c, raw, digest, err := find(ctx, ref, cfg)
	if err != nil {
		return Result{}, err
	}
	defer c.close()
	if cfg.keys != nil { // before anything of it is used
		if err := c.verify(ctx, digest, cfg.keys); err != nil {
			return Result{}, err
		}
	}
	m, err := c.parseManifest(raw)
	if err != nil {
		return Result{}, err
	}
	manifest, files, err := c.layers(m)
	if err != nil {
		return Result{}, err
	}
	text, err := c.readBlob(ctx, manifest, regclient.MaxManifest)
	if err != nil {
		return Result{}, err
	}
	report := cfg.reporter()
	installation, err := vulndb.Install(ctx, dir, vulndb.Delivery{
		Manifest:   text,
		Ecosystems: cfg.ecosystems,
		Workers:    cfg.workers,
		MaxBytes:   cfg.maxBytes,
		Fetch: func(ctx context.Context, f vulndb.File, w io.Writer) error {
			// The annotations are not looked at: the digest says which it is.
			d, ok := files[f.SHA256]
			if !ok || d.Size != f.Size {
				return fmt.Errorf("%w: %q: no layer with digest %q and %d bytes", vulndb.ErrCorrupt, ref, "sha256:"+f.SHA256, f.Size)
			}
			if report != nil {
				w = &progressWriter{w: w, report: report, at: Progress{Name: f.Name, Ecosystem: f.Ecosystem, Size: f.Size}}
			}
			return c.blob(ctx, d, w)
		},
	})
	if err != nil {
		return Result{}, err
	}
	return Result{Digest: digest.String(), Signed: cfg.keys != nil, Installation: installation}, nil
}

// layers returns the layer that is the manifest of the database, and the files
// by SHA-256.
func (c *client) layers(m *v1.Manifest) (manifest v1.Descriptor, files map[string]v1.Descriptor, err error) {
	switch {
	case m.ArtifactType == ArtifactType:
	case strings.HasPrefix(m.ArtifactType, artifactPrefix):
		return manifest, nil, fmt.Errorf("%w: %q: artifact type %q, known is %q", vulndb.ErrVersion, c.asked, m.ArtifactType, ArtifactType)
	default:
		return manifest, nil, fmt.Errorf("%w: %q: artifact type %q, configuration %q", ErrNotDatabase, c.asked, m.ArtifactType, m.Config.MediaType)
	}
	files = map[string]v1.Descriptor{}
	found := false
	for _, d := range m.Layers {
		switch d.MediaType {
		case ManifestType:
			if found {
				return manifest, nil, fmt.Errorf("%w: %q: two layers %q", ErrNotDatabase, c.asked, d.MediaType)
			}
			manifest, found = d, true
		case FileType:
			if d.Digest.Algorithm == "sha256" {
				files[d.Digest.Hex] = d
			}
		default:
			return manifest, nil, fmt.Errorf("%w: %q: layer of media type %q", ErrNotDatabase, c.asked, d.MediaType)
		}
	}
	if !found {
		return manifest, nil, fmt.Errorf("%w: %q: no layer %q", ErrNotDatabase, c.asked, ManifestType)
	}
	return manifest, files, nil
}

// A progressWriter tells how much was written.
type progressWriter struct {
	w      io.Writer
	report func(Progress)
	at     Progress
}

func (p *progressWriter) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	if n > 0 {
		p.at.Done += int64(n)
		p.report(p.at)
	}
	return n, err
}
