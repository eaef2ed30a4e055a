package oci

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

// TrivyLayerType is the media type of the one layer that a database of Trivy is
// in: a tar archive, compressed by gzip, with trivy.db and metadata.json.
const TrivyLayerType = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"

const (
	// trivySchema is the version of the database that package vulndb reads.
	trivySchema      = 2
	trivyDatabase    = "trivy.db"
	trivyMetadata    = "metadata.json"
	maxTrivyMetadata = 1 << 20 // bytes
)

// A Trivy is a database of Trivy in a temporary file.
type Trivy struct {
	// Digest is that of the artefact: "sha256:" and 64 digits.
	Digest string
	// Signed is true if a signature was asked for, and found to be right.
	Signed bool
	// Updated is when the database was made, and Next when there is to be a
	// newer one. They are zero if it does not say.
	Updated, Next time.Time

	dir string
}

// Source returns the advisories in the database for [vulndb.Build]: those of
// distributions that OSV has not, see [vulndb.FileSource]. It can be used until
// Close.
func (t *Trivy) Source() vulndb.Source { return vulndb.FileSource(filepath.Join(t.dir, trivyDatabase)) }

// Close removes the file.
func (t *Trivy) Close() error { return os.RemoveAll(t.dir) }

// PullTrivy fetches a database of Trivy (schema 2,
// https://github.com/aquasecurity/trivy-db), such as
// "ghcr.io/aquasecurity/trivy-db:2", and unpacks it into a file in a new folder
// in dir, or in the system's folder for temporary files if dir is empty. Close
// must be called, which removes it; after an error nothing is left. It is some
// hundred megabytes in size, and for a moment its archive is there too.
//
// Every size and digest is checked before anything is unpacked. [WithMaxBytes]
// bounds the archive and what is in it, each; [WithEcosystems] is an error.
//
// The error wraps [ErrNotDatabase], which includes other versions of the schema,
// [ErrDigest], [ErrUnsigned] or [ErrSignature], or is an [*image.RegistryError]
// or [*image.ReferenceError].
func PullTrivy(ctx context.Context, ref, dir string, opts ...Option) (*Trivy, error) {
	t, err := pullTrivy(ctx, ref, dir, opts)
	if err != nil {
		return nil, fmt.Errorf("oci: pull trivy: %w", err)
	}
	return t, nil
}

func pullTrivy(ctx context.Context, ref, dir string, opts []Option) (*Trivy, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	if cfg.ecosystems != nil {
		return nil, errors.New("WithEcosystems is for Pull")
	}
	c, raw, digest, err := find(ctx, ref, cfg)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if cfg.keys != nil { // before anything of it is used
		if err := c.verify(ctx, digest, cfg.keys); err != nil {
			return nil, err
		}
	}
	most := cmp.Or(cfg.maxBytes, vulndb.DefaultMaxBytes)
	layer, err := c.trivyLayer(raw, most)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(dir, "imagevet-trivy-*")
	if err != nil {
		return nil, err
	}
	t := &Trivy{Digest: digest.String(), Signed: cfg.keys != nil, dir: folder}
	archive := filepath.Join(folder, "db.tar.gz")
	err = c.blobFile(ctx, layer, archive, cfg.reporter())
	if err == nil {
		err = t.unpack(ctx, archive, most)
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			err = fmt.Errorf("%q: %w", ref, err)
		}
	}
	if err == nil {
		err = os.Remove(archive)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// trivyLayer returns the layer that has the database.
func (c *client) trivyLayer(raw []byte, most int64) (v1.Descriptor, error) {
	m, err := c.parseManifest(raw)
	if err != nil {
		return v1.Descriptor{}, err
	}
	if len(m.Layers) != 1 || m.Layers[0].MediaType != TrivyLayerType {
		found := "no layer"
		if len(m.Layers) > 0 {
			found = fmt.Sprintf("%d layers, the first of media type %q", len(m.Layers), m.Layers[0].MediaType)
		}
		return v1.Descriptor{}, fmt.Errorf("%w: %q: %s, a database of Trivy has one of %q", ErrNotDatabase, c.asked, found, TrivyLayerType)
	}
	if d := m.Layers[0]; d.Size > most {
		return v1.Descriptor{}, fmt.Errorf("%w: %q: %d bytes, more than %d: %w", ErrNotDatabase, c.asked, d.Size, most, inventory.ErrTooLarge)
	}
	return m.Layers[0], nil
}

// blobFile stores a blob, which is verified, in a new file.
func (c *client) blobFile(ctx context.Context, d v1.Descriptor, name string, report func(Progress)) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	var w io.Writer = f
	if report != nil {
		w = &progressWriter{w: w, report: report, at: Progress{Name: trivyDatabase, Size: d.Size}}
	}
	return errors.Join(c.blob(ctx, d, w), f.Close())
}

// unpack unpacks the archive, and reads what it says of itself.
func (t *Trivy) unpack(ctx context.Context, archive string, most int64) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotDatabase, err)
	}
	// All of the archive counts, so that what is skipped is bounded too.
	limited := &limitedReader{stop: ctx.Err, r: zr, left: most}
	seen := map[string]bool{}
	for tr := tar.NewReader(limited); ; {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNotDatabase, err)
		}
		name := path.Clean(h.Name)
		switch {
		case h.Typeflag == tar.TypeDir:
			continue
		case h.Typeflag != tar.TypeReg || name != trivyDatabase && name != trivyMetadata:
			return fmt.Errorf("%w: %q in the archive", ErrNotDatabase, h.Name)
		case seen[name]:
			return fmt.Errorf("%w: two files %q in the archive", ErrNotDatabase, name)
		}
		seen[name] = true
		if name == trivyMetadata {
			err = t.metadata(tr)
		} else {
			err = writeNew(filepath.Join(t.dir, name), tr)
		}
		if err != nil {
			return err
		}
	}
	for _, name := range [...]string{trivyDatabase, trivyMetadata} {
		if !seen[name] {
			return fmt.Errorf("%w: no %q in the archive", ErrNotDatabase, name)
		}
	}
	return nil
}

// metadata reads metadata.json, of which the version must be right.
func (t *Trivy) metadata(r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, maxTrivyMetadata+1))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNotDatabase, trivyMetadata, err)
	}
	var m struct {
		Version               int
		UpdatedAt, NextUpdate time.Time
	}
	if len(data) > maxTrivyMetadata {
		return fmt.Errorf("%w: %s of more than %d bytes", ErrNotDatabase, trivyMetadata, maxTrivyMetadata)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNotDatabase, trivyMetadata, err)
	}
	if m.Version != trivySchema {
		return fmt.Errorf("%w: schema %d of a database of Trivy, known is %d", ErrNotDatabase, m.Version, trivySchema)
	}
	t.Updated, t.Next = m.UpdatedAt.UTC(), m.NextUpdate.UTC()
	return nil
}

// writeNew writes a new file. The error wraps [ErrNotDatabase] if the content
// cannot be read.
func writeNew(name string, content io.Reader) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, &blobReader{content})
	if read, ok := errors.AsType[*readError](err); ok {
		err = fmt.Errorf("%w: %s: %w", ErrNotDatabase, filepath.Base(name), read.err)
	}
	return errors.Join(err, f.Close())
}

// A limitedReader ends with an error, not with EOF, at its limit, and when stop
// returns one.
type limitedReader struct {
	stop func() error
	r    io.Reader
	left int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if err := l.stop(); err != nil {
		return 0, err
	}
	if l.left < 0 {
		return 0, inventory.ErrTooLarge
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, inventory.ErrTooLarge
	}
	return n, err
}
