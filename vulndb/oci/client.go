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
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imagevet/imagevet/internal/regclient"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan/image"
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
	puller *remote.Puller
	pusher *remote.Pusher
	close  func() error // closes idle connections
}

func newClient(ref string, c *config) (*client, error) {
	var opts []name.Option
	if c.insecure {
		opts = append(opts, name.Insecure)
	}
	parsed, err := name.ParseReference(ref, opts...)
	if err != nil {
		return nil, &image.ReferenceError{Reference: ref, Err: err}
	}
	tr, closeIdle := regclient.NewTransport(ref, c.transport, c.insecure)
	remoteOpts := append(regclient.Options(tr, c.keychain), remote.WithJobs(c.workers))
	puller, pullErr := remote.NewPuller(remoteOpts...)
	pusher, pushErr := remote.NewPusher(remoteOpts...)
	if err := errors.Join(pullErr, pushErr); err != nil {
		closeIdle()
		return nil, err
	}
	return &client{asked: ref, ref: parsed, puller: puller, pusher: pusher, close: closeIdle}, nil
}

// fail makes an error of go-containerregistry one of ours.
func (c *client) fail(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%q: %w", c.asked, ctx.Err())
	}
	if e, ok := errors.AsType[*inventory.DigestError](err); ok {
		return fmt.Errorf("%w: %w", ErrDigest, e)
	}
	if errors.Is(err, inventory.ErrTooLarge) {
		return fmt.Errorf("%w: %q: %w", ErrNotDatabase, c.asked, err)
	}
	status := 0
	if e, ok := errors.AsType[*transport.Error](err); ok {
		status = e.StatusCode
	}
	return &image.RegistryError{Reference: c.asked, Status: status, Err: err}
}

// notFound reports whether an error of fail says that something is not there.
func notFound(err error) bool {
	e, ok := errors.AsType[*image.RegistryError](err)
	return ok && e.Status == http.StatusNotFound
}

// get returns the manifest that a reference names, and its digest, which is
// computed from its bytes.
func (c *client) get(ctx context.Context, ref name.Reference) ([]byte, v1.Hash, error) {
	desc, err := c.puller.Get(ctx, ref)
	if err != nil {
		return nil, v1.Hash{}, c.fail(ctx, err)
	}
	// Not desc.Digest, which for one old media type is what the registry says.
	digest, _, err := v1.SHA256(bytes.NewReader(desc.Manifest))
	return desc.Manifest, digest, err
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

// blobAttempts is how often a blob is asked for if its connection breaks.
const blobAttempts = 3

// blob copies a blob to w and verifies it on the way. What w got is not what it
// should be if there is an error.
func (c *client) blob(ctx context.Context, d v1.Descriptor, w io.Writer) error {
	if d.Digest.Algorithm != "sha256" || d.Size < 0 {
		return fmt.Errorf("%w: %q: digest %q, %d bytes", ErrNotDatabase, c.asked, d.Digest, d.Size)
	}
	var written int64
	for attempt := 1; ; attempt++ {
		n, err := c.blobFrom(ctx, d, w, written)
		written += n
		read, ok := errors.AsType[*readError](err)
		switch {
		case !ok:
			return err
		case ctx.Err() != nil:
			return c.fail(ctx, ctx.Err())
		case regclient.Damaged(read.err):
			return c.damaged(d, written, read.err)
		case attempt == blobAttempts || !regclient.Retryable(read.err):
			return c.fail(ctx, read.err)
		}
	}
}

// blobFrom copies what follows the first skip bytes of a blob. The error is a
// [*readError] if the connection breaks.
func (c *client) blobFrom(ctx context.Context, d v1.Descriptor, w io.Writer, skip int64) (written int64, err error) {
	layer, err := c.puller.Layer(ctx, c.ref.Context().Digest(d.Digest.String()))
	if err != nil {
		return 0, c.fail(ctx, err)
	}
	body, err := layer.Compressed()
	if err != nil {
		if regclient.Damaged(err) { // the length is known to be wrong
			return 0, c.damaged(d, 0, err)
		}
		return 0, c.fail(ctx, err)
	}
	defer body.Close()
	r := &blobReader{body}
	if n, err := io.CopyN(io.Discard, r, skip); err != nil {
		if err == io.EOF {
			return 0, c.damaged(d, n, nil)
		}
		return 0, err
	}
	written, err = io.Copy(w, io.LimitReader(r, d.Size-skip))
	if err != nil {
		return written, err
	}
	// go-containerregistry verifies the digest when it meets the end, but not
	// the size that the manifest states.
	n, err := io.ReadFull(r, make([]byte, 1))
	switch {
	case n > 0 || err == io.EOF && skip+written < d.Size:
		return written, c.damaged(d, skip+written+int64(n), nil)
	case err == io.EOF:
		return written, nil
	}
	return written, err
}

func (c *client) damaged(d v1.Descriptor, got int64, err error) error {
	return fmt.Errorf("%w: %w", ErrDigest, &inventory.DigestError{Name: c.asked, Want: d.Digest.String(), WantSize: d.Size, GotSize: got, Err: err})
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
