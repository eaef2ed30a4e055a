package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imagevet/imagevet/internal/regclient"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/scan/image/registry"
)

// The media types and annotations of a database in a registry.
const (
	ArtifactType = "application/vnd.imagevet.vulndb.v1"
	FileType     = "application/vnd.imagevet.vulndb.file.v1"
	ManifestType = "application/vnd.imagevet.vulndb.manifest.v1+json"

	AnnotationID         = "io.github.imagevet.vulndb.id"         // [vulndb.Info].ID
	AnnotationEcosystems = "io.github.imagevet.vulndb.ecosystems" // names, sorted, with "," between them
	AnnotationEcosystem  = "io.github.imagevet.vulndb.ecosystem"  // of one file
	AnnotationModified   = "io.github.imagevet.vulndb.modified"   // of its newest record, RFC 3339
	AnnotationRecords    = "io.github.imagevet.vulndb.records"    // how many

	annotationCreated = "org.opencontainers.image.created"
	annotationTitle   = "org.opencontainers.image.title"

	// artifactPrefix is what all versions of ArtifactType have in common.
	artifactPrefix = "application/vnd.imagevet.vulndb."
	emptyType      = "application/vnd.oci.empty.v1+json"
	emptyConfig    = "{}"
)

// Errors of [Pull] and [Sign], besides those of package vulndb.
var (
	// ErrNotDatabase says that the reference names something else than a
	// database, such as an image.
	ErrNotDatabase = errors.New("this is something else than an advisory database, check the reference")
	// ErrDigest says that the registry has sent other bytes than the digest or
	// the size says. The error wraps an [*inventory.DigestError] too.
	ErrDigest = errors.New("the registry has sent other bytes than it should, pull again or push the database again")
)

// maxList bounds the layers of a manifest.
const maxList = 8192

// A client talks to one repository.
type client struct {
	asked  string // the reference as the caller wrote it
	ref    name.Reference
	reader *regclient.Client
	pusher *remote.Pusher // nil unless it is that of newWriter
}

// endpoints returns where a reference leads, the registry itself last.
func endpoints(ref string, c *config) ([]registry.Endpoint, error) {
	list, err := c.registry.Rules.Endpoints(ref, c.registry.Insecure)
	switch {
	case errors.Is(err, registry.ErrBlocked):
		return nil, &image.RegistryError{Reference: ref, Err: err}
	case err != nil:
		return nil, &image.ReferenceError{Reference: ref, Err: err}
	}
	return list, nil
}

func newClient(ref string, e registry.Endpoint, c *config) (*client, error) {
	if e.Mirror {
		ref = e.Reference.Name()
	}
	reader, err := regclient.New(ref, e.Reference.Context(), &c.registry, e.Insecure)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", ref, err)
	}
	return &client{asked: ref, ref: e.Reference, reader: reader}, nil
}

// newWriter returns a client of the registry itself, whatever mirrors it has,
// that can push.
func newWriter(ref string, c *config) (*client, error) {
	list, err := endpoints(ref, c)
	if err != nil {
		return nil, err
	}
	client, err := newClient(ref, list[len(list)-1], c)
	if err != nil {
		return nil, err
	}
	client.pusher, err = remote.NewPusher(append(client.reader.PushOptions(), remote.WithJobs(c.workers))...)
	if err != nil {
		client.close()
		return nil, err
	}
	return client, nil
}

// find returns a client of the first place that has what a reference names,
// with its manifest and the SHA-256 of that.
func find(ctx context.Context, ref string, c *config) (*client, []byte, v1.Hash, error) {
	list, err := endpoints(ref, c)
	if err != nil {
		return nil, nil, v1.Hash{}, err
	}
	var mirrors []error
	for i, e := range list {
		client, err := newClient(ref, e, c)
		if err != nil {
			return nil, nil, v1.Hash{}, err
		}
		raw, digest, err := client.get(ctx, client.ref)
		if err == nil {
			return client, raw, digest, nil
		}
		client.close()
		switch {
		case ctx.Err() == nil && i < len(list)-1:
			mirrors = append(mirrors, err)
			continue
		case len(mirrors) > 0:
			err = &image.MirrorError{Err: err, Mirrors: mirrors}
		}
		return nil, nil, v1.Hash{}, err
	}
	return nil, nil, v1.Hash{}, fmt.Errorf("%q: nowhere to look for it", ref) // there is at least one
}

// close closes idle connections.
func (c *client) close() { c.reader.Close() }

// fail makes an error of the registry one of ours.
func (c *client) fail(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%q: %w", c.asked, ctx.Err())
	}
	if e, ok := errors.AsType[*inventory.DigestError](err); ok {
		return fmt.Errorf("%w: %w", ErrDigest, e)
	}
	if errors.Is(err, inventory.ErrTooLarge) || errors.Is(err, regclient.ErrSchema1) {
		return fmt.Errorf("%w: %q: %w", ErrNotDatabase, c.asked, err)
	}
	err = c.reader.Clean(err)
	out := &image.RegistryError{Reference: c.asked, Err: err}
	if e, ok := errors.AsType[*regclient.StatusError](err); ok {
		out.Status, out.RetryAfter = e.Err.StatusCode, e.RetryAfter
	}
	return out
}

// notFound reports whether an error of fail says that something is not there.
func notFound(err error) bool {
	e, ok := errors.AsType[*image.RegistryError](err)
	return ok && e.Status == http.StatusNotFound
}

// get returns the manifest that a tag or digest names, and its SHA-256.
func (c *client) get(ctx context.Context, ref name.Reference) ([]byte, v1.Hash, error) {
	m, err := c.reader.Manifest(ctx, ref.Identifier())
	if err != nil {
		return nil, v1.Hash{}, c.fail(ctx, err)
	}
	digest, _, err := v1.SHA256(bytes.NewReader(m.Raw))
	return m.Raw, digest, err
}

// parseManifest parses an image manifest. Its bytes may be anything.
func (c *client) parseManifest(raw []byte) (*v1.Manifest, error) {
	var m v1.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrNotDatabase, c.asked, err)
	}
	if m.SchemaVersion != 2 || m.MediaType != "" && m.MediaType != types.OCIManifestSchema1 {
		return nil, fmt.Errorf("%w: %q: media type %q", ErrNotDatabase, c.asked, m.MediaType)
	}
	if len(m.Layers) > maxList {
		return nil, fmt.Errorf("%w: %q: %d layers", ErrNotDatabase, c.asked, len(m.Layers))
	}
	return &m, nil
}

// readBlob returns a blob of at most so many bytes.
func (c *client) readBlob(ctx context.Context, d v1.Descriptor, most int64) ([]byte, error) {
	if d.Size < 0 || d.Size > most {
		return nil, fmt.Errorf("%w: %q: %q of %d bytes, more than %d", ErrNotDatabase, c.asked, d.MediaType, d.Size, most)
	}
	var buf bytes.Buffer
	err := c.blob(ctx, d, &buf)
	return buf.Bytes(), err
}

// blob copies a blob to w and verifies it on the way. What w got is not what it
// should be if there is an error.
func (c *client) blob(ctx context.Context, d v1.Descriptor, w io.Writer) error {
	if d.Digest.Algorithm != "sha256" || d.Size < 0 {
		return fmt.Errorf("%w: %q: digest %q, %d bytes", ErrNotDatabase, c.asked, d.Digest, d.Size)
	}
	body, err := c.reader.Blob(ctx, regclient.Blob{Digest: d.Digest, Size: d.Size})
	if err != nil {
		return c.fail(ctx, err)
	}
	defer body.Close()
	_, err = io.Copy(w, &blobReader{body})
	if read, ok := errors.AsType[*readError](err); ok {
		return c.fail(ctx, read.err)
	}
	return err
}

// A blobReader marks the errors of a reader, to tell them from those of the
// writer.
type blobReader struct{ r io.Reader }

func (b *blobReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		err = &readError{err}
	}
	return n, err
}

type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }
func (e *readError) Unwrap() error { return e.err }
