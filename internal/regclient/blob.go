package regclient

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan/image/registry"
)

const (
	// maxBreaks bounds how often a blob's connection may break.
	maxBreaks = 100

	// maxURLs bounds how many of the addresses of a foreign layer are tried.
	maxURLs = 8
)

var errRange = errors.New("the registry sent another part than it was asked for")

// A Blob is a blob as a manifest states it.
type Blob struct {
	Digest v1.Hash
	Size   int64
	URLs   []string // where it is if the registry does not have it
}

// Blob returns a blob, which is read while it arrives, until ctx ends.
//
// If the connection breaks, or nothing arrives for a minute, the reader asks for
// what follows. A registry that does not know ranges, or sends the wrong one, is
// asked for all of it again, and what was read before is compared and passed
// over. In place of [io.EOF] the reader returns an [*inventory.DigestError] if the
// bytes do not have the digest or the size.
func (c *Client) Blob(ctx context.Context, d Blob) (io.ReadCloser, error) {
	h, err := v1.Hasher(d.Digest.Algorithm)
	if err != nil {
		return nil, err
	}
	if d.Size < 0 {
		return nil, fmt.Errorf("blob %q of %d bytes", d.Digest, d.Size)
	}
	b := &blobReader{c: c, ctx: ctx, blob: d, hash: h}
	err = b.open()
	if e, ok := errors.AsType[*StatusError](err); ok && e.Err.StatusCode == http.StatusNotFound && len(d.URLs) > 0 {
		err = b.openForeign()
	}
	if err != nil {
		b.closeBody()
		return nil, err
	}
	return b, nil
}

// A blobReader reads a blob over as many connections as that takes.
type blobReader struct {
	c    *Client
	ctx  context.Context
	blob Blob
	hash hash.Hash
	url  *url.URL // of a foreign layer, else nil

	body     io.ReadCloser // nil if there is no connection
	unstated bool          // the end of body says that the blob ends: its length was not stated

	off      int64 // how much was read
	got      int64 // of it over this connection
	noRange  bool  // ranges do not work
	breaks   int   // how often the connection broke
	idle     int   // how often in a row without that anything arrived
	restarts int   // how often all was asked for again
	ended    bool  // the last connection ended as if the blob did
	err      error // what Read returns for ever
}

// Read implements [io.Reader].
func (b *blobReader) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	for b.off < b.blob.Size {
		var n int
		var err error
		if b.body != nil {
			n, err = b.body.Read(p[:min(int64(len(p)), b.blob.Size-b.off)])
		}
		if n > 0 {
			b.hash.Write(p[:n])
			b.off += int64(n)
			b.got += int64(n)
			b.ended = false
			return n, nil // an error comes again
		}
		if b.body != nil && err == nil {
			continue
		}
		if err := b.resume(err); err != nil {
			b.err = err
			b.closeBody()
			return 0, err
		}
	}
	b.err = b.finish()
	b.closeBody()
	return 0, b.err
}

// resume asks for what follows after the connection ended, for a reason.
func (b *blobReader) resume(cause error) error {
	b.closeBody()
	for {
		if b.ctx.Err() != nil {
			return b.ctx.Err()
		}
		if errors.Is(cause, io.EOF) {
			// The end of the answer, not of the connection. It need not be the
			// registry's word: a proxy can do so.
			if b.ended {
				return b.damaged(b.off)
			}
			b.ended = true
			cause = io.ErrUnexpectedEOF
		}
		if b.got > 0 {
			b.idle = 0
		}
		b.got = 0
		b.breaks++
		b.idle++
		if b.breaks > maxBreaks || b.idle >= b.c.attempts {
			return b.c.Clean(cause)
		}
		if err := sleep(b.ctx, b.c.pause(b.idle)); err != nil {
			return err
		}
		err := b.open()
		if err == nil {
			return nil
		}
		b.closeBody()
		if _, ok := errors.AsType[*inventory.DigestError](err); ok || refused(err) {
			return err
		}
		if e, ok := errors.AsType[*StatusError](err); ok && !temporary(e.Err.StatusCode) {
			return err
		}
		cause = err
	}
}

// open asks for the blob from where it stopped.
func (b *blobReader) open() error {
	header := http.Header{"Accept-Encoding": {"identity"}} // or net/http would change the bytes
	ranged := b.off > 0 && !b.noRange
	if ranged {
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", b.off, b.blob.Size-1))
	} else if b.off > 0 {
		if b.restarts++; b.restarts > 2*b.c.attempts {
			return errRange
		}
	}
	resp, err := b.c.get(b.ctx, b.url, "/blobs/"+b.blob.Digest.String(), header)
	if err != nil {
		return err
	}
	switch {
	case resp.StatusCode == http.StatusOK:
		b.body, b.unstated = resp.Body, resp.ContentLength < 0
		if n := resp.ContentLength; n >= 0 && n != b.blob.Size {
			return b.damaged(n)
		}
		return b.skip()
	case resp.StatusCode == http.StatusPartialContent && ranged:
		b.body, b.unstated = resp.Body, resp.ContentLength < 0
		if !b.fits(resp.Header.Get("Content-Range")) {
			b.noRange = true
			return errRange
		}
		return nil
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && ranged:
		resp.Body.Close()
		b.noRange = true
		return errRange
	}
	return b.c.failed(resp)
}

// fits reports whether a part begins where the blob stopped:
// https://www.rfc-editor.org/rfc/rfc9110#name-content-range
func (b *blobReader) fits(contentRange string) bool {
	text, ok := strings.CutPrefix(contentRange, "bytes ")
	if !ok {
		return false
	}
	part, size, ok := strings.Cut(text, "/")
	from, to, ok2 := strings.Cut(part, "-")
	if !ok || !ok2 || size != "*" && size != strconv.FormatInt(b.blob.Size, 10) {
		return false
	}
	first, err1 := strconv.ParseInt(from, 10, 64)
	last, err2 := strconv.ParseInt(to, 10, 64)
	return err1 == nil && err2 == nil && first == b.off && last >= first && last < b.blob.Size
}

// skip reads what was read before, and compares it.
func (b *blobReader) skip() error {
	if b.off == 0 {
		return nil
	}
	again, err := v1.Hasher(b.blob.Digest.Algorithm)
	if err != nil {
		return err
	}
	n, err := io.CopyN(again, b.body, b.off)
	if err == io.EOF {
		return b.damaged(n)
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(again.Sum(nil), b.hash.Sum(nil)) {
		return b.damaged(b.off)
	}
	return nil
}

// finish verifies what was read.
func (b *blobReader) finish() error {
	if b.unstated && b.body != nil {
		for range 16 { // a reader may return nothing, without error
			n, err := b.body.Read(make([]byte, 1))
			if n > 0 {
				return b.damaged(b.off + 1)
			}
			if err != nil {
				break // how the connection ends does not matter any more
			}
		}
		if err := b.ctx.Err(); err != nil {
			return err
		}
	}
	if b.sum() != b.blob.Digest {
		return b.damaged(b.off)
	}
	return io.EOF
}

func (b *blobReader) sum() v1.Hash {
	return v1.Hash{Algorithm: b.blob.Digest.Algorithm, Hex: hex.EncodeToString(b.hash.Sum(nil))}
}

// damaged is the error of a blob of so many bytes. Its digest is known only if
// all was read.
func (b *blobReader) damaged(size int64) error {
	e := &inventory.DigestError{Name: b.c.asked, Want: b.blob.Digest.String(), WantSize: b.blob.Size, GotSize: size}
	if b.off == b.blob.Size && size == b.off {
		e.Got = b.sum().String()
	}
	return e
}

// openForeign asks the hosts that the manifest names.
func (b *blobReader) openForeign() error {
	if !b.c.config.ForeignLayers {
		return fmt.Errorf("%w: %s", registry.ErrForeignLayer, bare(b.blob.URLs[0]))
	}
	var all []error
	for _, text := range b.blob.URLs[:min(len(b.blob.URLs), maxURLs)] {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.User != nil {
			all = append(all, fmt.Errorf("%q: %w", bare(text), registry.ErrAddress))
			continue
		}
		b.url = u
		if err = b.open(); err == nil {
			return nil
		}
		b.closeBody()
		if b.ctx.Err() != nil {
			return b.ctx.Err()
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

func (b *blobReader) closeBody() {
	if b.body != nil {
		b.body.Close()
		b.body = nil
	}
}

// Close implements [io.Closer].
func (b *blobReader) Close() error {
	b.closeBody()
	if b.err == nil {
		b.err = errors.New("read after close")
	}
	return nil
}
