// Package lines is what extractors of line-based formats share: reading lines
// within limits, and telling of records that cannot be understood without
// filling a report with them.
package lines

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// MaxLine is the length in bytes of a line, without its end, up to which it is
// read: 1 MiB.
const MaxLine = 1 << 20

// Each calls visit for every line of r without its line feed. The bytes are
// valid during the call. It stops at the first error of visit, which it
// returns with the line's number. The error wraps [inventory.ErrTooLarge] if a
// line is too long or r has more than maxFile bytes.
func Each(ctx context.Context, r io.Reader, maxFile int64, visit func(line []byte) error) error {
	limited := &io.LimitedReader{R: r, N: maxFile + 1}
	scanner := bufio.NewScanner(limited)
	scanner.Buffer(make([]byte, 0, 8<<10), MaxLine) // most files are short
	n := 0
	for scanner.Scan() {
		n++
		if n%256 == 1 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if err := visit(scanner.Bytes()); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := scanner.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("line %d: more than %d bytes: %w", n+1, MaxLine, inventory.ErrTooLarge)
	} else if err != nil {
		return err
	}
	if limited.N == 0 {
		return fmt.Errorf("more than %d bytes: %w", maxFile, inventory.ErrTooLarge)
	}
	return ctx.Err()
}

// MaxProblems is how many problems of a file are told in words.
const MaxProblems = 20

// Problems collects what could not be understood, the first few in words. The
// zero value is empty.
type Problems struct {
	told []string
	n    int
}

// Add notes one problem. What comes from the file belongs through [Clip] and
// into quotes.
func (p *Problems) Add(format string, args ...any) {
	p.n++
	if p.n <= MaxProblems {
		p.told = append(p.told, fmt.Sprintf(format, args...))
	}
}

// List returns the problems for [inventory.Facts].
func (p *Problems) List() []string {
	if more := p.n - MaxProblems; more > 0 {
		return append(p.told[:MaxProblems:MaxProblems], fmt.Sprintf("there are %d more problems", more))
	}
	return p.told
}

// Clip shortens text from a file for a message.
func Clip[T string | []byte](text T) string {
	const most = 80
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}
