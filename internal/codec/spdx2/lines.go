package spdx2

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxText is the length in bytes of a line of tag-value, and of a value over
// several lines, up to which it is read.
const maxText = 16 << 20

// A lineReader reads lines within limits.
type lineReader struct {
	r     *bufio.Reader
	left  *io.LimitedReader
	limit int64
	buf   []byte
	n     int // of the line
}

func newLineReader(r io.Reader, limit int64) *lineReader {
	left := &io.LimitedReader{R: r, N: limit + 1}
	return &lineReader{r: bufio.NewReaderSize(left, 64<<10), left: left, limit: limit}
}

// next returns the next line without its end. It is valid until the next call.
// The error is io.EOF after the last one.
func (l *lineReader) next() ([]byte, error) {
	l.buf = l.buf[:0]
	l.n++
	for {
		part, err := l.r.ReadSlice('\n')
		if l.left.N == 0 {
			return nil, fmt.Errorf("more than %d bytes: %w", l.limit, inventory.ErrTooLarge)
		}
		if len(l.buf)+len(part) > maxText {
			return nil, fmt.Errorf("line %d: more than %d bytes: %w", l.n, maxText, inventory.ErrTooLarge)
		}
		whole := part
		if len(l.buf) > 0 || errors.Is(err, bufio.ErrBufferFull) {
			l.buf = append(l.buf, part...)
			whole = l.buf
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && len(whole) == 0:
			return nil, io.EOF
		case err != nil && err != io.EOF:
			return nil, err
		}
		whole = bytes.TrimSuffix(bytes.TrimSuffix(whole, []byte("\n")), []byte("\r"))
		if l.n == 1 {
			whole = bytes.TrimPrefix(whole, []byte("\ufeff")) // a byte order mark
		}
		return whole, nil
	}
}
