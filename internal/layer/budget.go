package layer

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"golang.org/x/sync/semaphore"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// A Budget bounds the memory that files which are read in any order take at one
// time. Who asks for more than is left waits; who asks for more than there is
// gets [inventory.ErrTooLarge].
type Budget struct {
	bytes int64
	sem   *semaphore.Weighted
}

// NewBudget returns a budget of n bytes.
func NewBudget(n int64) *Budget { return &Budget{n, semaphore.NewWeighted(n)} }

// read reads size bytes of r into memory.
func (b *Budget) read(ctx context.Context, r io.Reader, size int64) (*held, error) {
	if size > b.bytes {
		return nil, fmt.Errorf("%d bytes, with a memory limit of %d: %w", size, b.bytes, inventory.ErrTooLarge)
	}
	if err := b.sem.Acquire(ctx, size); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	buf.Grow(int(min(size, 1<<20))) // the rest as it comes: sizes lie
	if _, err := io.CopyN(&buf, r, size); err != nil {
		b.sem.Release(size)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return &held{*bytes.NewReader(buf.Bytes()), b, size}, nil
}

// held is content in memory that counts against a budget.
type held struct {
	bytes.Reader
	budget *Budget
	size   int64
}

// release gives the memory back; the content must not be used any more.
func (h *held) release() {
	if h != nil {
		h.budget.sem.Release(h.size)
	}
}
