package durable

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"strings"

	"github.com/imagevet/imagevet/internal/ctxio"
)

// Hash returns the SHA-256 of a file, in hexadecimal digits.
func Hash(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return HashReader(context.Background(), f)
}

// HashReader returns the SHA-256 of all that is read, in hexadecimal digits. It
// ends with the context.
func HashReader(ctx context.Context, r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, ctxio.NewReader(ctx, r)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// ContentName names a file by a label and its content: the label in small
// letters, digits and "-", at most 40 bytes of it, and 16 digits of the sum.
func ContentName(label, sum string) string {
	slug := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, label)
	return slug[:min(len(slug), 40)] + "-" + sum[:16]
}
