// Package bounded reads files of an image into memory up to a limit.
package bounded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// ReadAll reads r to its end. The error wraps [inventory.ErrTooLarge] if there
// are more than most bytes, and there is no content then: what is cut off must
// not pass for complete.
func ReadAll(ctx context.Context, r io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("more than %d bytes: %w", most, inventory.ErrTooLarge)
	}
	return data, ctx.Err()
}

// JSON reads one JSON value of at most most bytes from r into v, and nothing
// but white space after it.
func JSON(ctx context.Context, r io.Reader, most int64, v any) error {
	data, err := ReadAll(ctx, r, most)
	if err != nil {
		return err
	}
	// A byte order mark is no JSON, but editors on Windows leave one:
	// RFC 8259, section 8.1.
	if len(data) >= 3 && string(data[:3]) == "\xef\xbb\xbf" {
		data = data[3:]
	}
	if err := json.Unmarshal(data, v); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return fmt.Errorf("byte %d: %w", syntax.Offset, err)
		}
		return err
	}
	return nil
}
