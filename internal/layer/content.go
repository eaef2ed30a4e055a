package layer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxWindow is the most memory that a zstd layer can ask for to be
// decompressed: what "zstd --long" needs and the format's own tool accepts.
const maxWindow = 128 << 20

// randomAccess is what the reader of an uncompressed archive offers.
type randomAccess interface {
	io.ReaderAt
	Size() int64
}

// A format is how a layer is stored.
type format int

const (
	plain format = iota
	gzipped
	zstandard
)

// ErrFormat is the cause where a layer is stored in a way that is not known.
var ErrFormat = errors.New("the layer is neither a tar archive nor one compressed with gzip or zstd")

// sniff tells the format by the first bytes; media types are often wrong.
func sniff(r io.Reader) (format, error) {
	var head [512]byte
	n, err := io.ReadFull(r, head[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return plain, err
	}
	switch h := head[:n]; {
	case bytes.HasPrefix(h, []byte{0x1f, 0x8b}): // RFC 1952, 2.3.1
		return gzipped, nil
	case bytes.HasPrefix(h, []byte{0x28, 0xb5, 0x2f, 0xfd}): // RFC 8878, 3.1.1
		return zstandard, nil
	case n >= 4 && h[0]&0xf0 == 0x50 && bytes.Equal(h[1:4], []byte{0x2a, 0x4d, 0x18}): // RFC 8878, 3.1.2
		return zstandard, nil
	case n == 0 || n == len(head):
		return plain, nil // the tar reader knows better
	}
	return plain, ErrFormat
}

// content is the uncompressed stream of a layer, with its digests. Hashing
// takes time, so there is one that proves the content: that of the stored
// bytes where it is known, for which they are the fewer, and the diff ID
// otherwise.
type content struct {
	io.Reader             // what is left, as the tar reader sees it
	stored    *hashReader // the bytes as they are stored, nil if their digest is not known
	raw       *hashReader // the uncompressed bytes, nil if nobody asks for their digest
	info      inventory.Layer
	stop      []func()
}

// open starts reading a layer as a stream.
func open(src io.Reader, info inventory.Layer, opts Options) (*content, error) {
	c := &content{info: info}
	if strings.HasPrefix(info.Digest, "sha256:") {
		c.stored = &hashReader{r: src, h: sha256.New()}
		src = c.stored
	}
	buffered := bufio.NewReaderSize(src, 64<<10)
	head, err := buffered.Peek(512)
	if err != nil && err != io.EOF {
		return nil, err
	}
	kind, err := sniff(bytes.NewReader(head))
	if err != nil {
		return nil, err
	}
	var r io.Reader = buffered
	switch kind {
	case gzipped:
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		r = z
	case zstandard:
		z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		c.stop = append(c.stop, z.Close)
		r = z
	}
	if opts.Ahead {
		a := readAhead(r)
		c.stop = append([]func(){a.stop}, c.stop...)
		r = a
	}
	if c.stored == nil || opts.DiffID {
		c.raw = &hashReader{r: r, h: sha256.New()}
		r = c.raw
	}
	c.Reader = r
	return c, nil
}

// verify reads what is left behind the tar archive and compares the digests
// with those that the image states. It returns the diff ID, empty if it was
// not computed, and whether the image states one of those that were.
func (c *content) verify() (diffID string, verified bool, err error) {
	if _, err := io.Copy(io.Discard, c.Reader); err != nil {
		return "", false, err
	}
	if c.stored != nil {
		if got := c.stored.digest(); got != c.info.Digest {
			return "", false, &inventory.DigestError{Want: c.info.Digest, Got: got}
		}
	}
	if c.raw == nil {
		return "", true, nil
	}
	diffID = c.raw.digest()
	stated := strings.HasPrefix(c.info.DiffID, "sha256:")
	if stated && diffID != c.info.DiffID {
		return "", false, &inventory.DigestError{Want: c.info.DiffID, Got: diffID, Unpacked: true}
	}
	return diffID, stated || c.stored != nil, nil
}

func (c *content) close() {
	for _, stop := range c.stop {
		stop()
	}
}

// A hashReader hashes what is read through it.
type hashReader struct {
	r io.Reader
	h hash.Hash
}

func (r *hashReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.h.Write(p[:n])
	return n, err
}

func (r *hashReader) digest() string { return "sha256:" + hex.EncodeToString(r.h.Sum(nil)) }
