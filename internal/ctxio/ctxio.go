// Package ctxio makes readers end with a context.
package ctxio

import (
	"context"
	"io"
)

// NewReader returns a reader that fails with the error of ctx once that has
// ended, and else reads from r. A call of r that waits is not cut short.
func NewReader(ctx context.Context, r io.Reader) io.Reader { return &reader{ctx, r} }

type reader struct {
	ctx context.Context // of the one call or open file that the reader is made for
	r   io.Reader
}

func (c *reader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
