package layer

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// chunkSize is how much memory is taken at a time for a file: what the image
// states of a file's size is believed as far as the content has come.
const chunkSize = 256 << 10

// A Budget bounds the memory that files which are read in any order take at one
// time. Who asks for more than is left waits; who asks for more than there is
// gets [inventory.ErrTooLarge].
type Budget struct {
	bytes  int64
	sem    *semaphore.Weighted
	chunks sync.Pool // of *[chunkSize]byte
}

// NewBudget returns a budget of n bytes.
func NewBudget(n int64) *Budget {
	return &Budget{
		bytes: n, sem: semaphore.NewWeighted(n),
		chunks: sync.Pool{New: func() any { return new([chunkSize]byte) }},
	}
}

// read reads size bytes of r into memory.
func (b *Budget) read(ctx context.Context, r io.Reader, size int64) (*held, error) {
	if size > b.bytes {
		return nil, fmt.Errorf("%d bytes, with a memory limit of %d: %w", size, b.bytes, inventory.ErrTooLarge)
	}
	if err := b.sem.Acquire(ctx, size); err != nil {
		return nil, err
	}
	h := &held{budget: b, size: size}
	for left := size; left > 0; left -= chunkSize {
		chunk := b.chunks.Get().(*[chunkSize]byte)
		h.chunks = append(h.chunks, chunk)
		if _, err := io.ReadFull(r, chunk[:min(left, chunkSize)]); err != nil {
			h.release()
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return h, nil
}

// held is content in memory that counts against a budget.
type held struct {
	budget *Budget
	size   int64
	chunks []*[chunkSize]byte
}

// ReadAt reads like that of [io.ReaderAt].
func (h *held) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case off < 0:
		return 0, fmt.Errorf("read at %d", off)
	case h.chunks == nil && h.size > 0:
		return 0, fs.ErrClosed
	}
	n := 0
	for n < len(p) && off < h.size {
		chunk := h.chunks[off/chunkSize][off%chunkSize : min(chunkSize, h.size-off/chunkSize*chunkSize)]
		c := copy(p[n:], chunk)
		n, off = n+c, off+int64(c)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// release gives the memory back; the content must not be used any more.
func (h *held) release() {
	if h == nil {
		return
	}
	for _, chunk := range h.chunks {
		h.budget.chunks.Put(chunk)
	}
	h.chunks = nil
	h.budget.sem.Release(h.size)
}
