package vulndb

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// createTemp creates a temporary file in a database folder, which is created
// if need be.
func createTemp(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	return os.CreateTemp(filepath.Clean(dir), tempPrefix+"*")
}

// A temporary is a file that waits for its name.
type temporary struct {
	name string
	size int64
	sum  string // the SHA-256, in hexadecimal digits
}

// tempFile writes a temporary file and makes sure that it is on the disk. After
// an error there is none.
func tempFile(dir string, content func(io.Writer) error) (temporary, error) {
	f, err := createTemp(dir)
	if err != nil {
		return temporary{}, err
	}
	hash := sha256.New()
	counter := new(sizeWriter)
	err = content(io.MultiWriter(f, hash, counter))
	// CreateTemp gives files that only their owner can read; a database is
	// often built by one user and read by another.
	if chmodErr := f.Chmod(0o644); chmodErr != nil && !errors.Is(chmodErr, errors.ErrUnsupported) {
		err = errors.Join(err, chmodErr)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return temporary{}, err
	}
	return temporary{f.Name(), int64(*counter), hex.EncodeToString(hash.Sum(nil))}, nil
}

// A sizeWriter counts bytes.
type sizeWriter int64

func (w *sizeWriter) Write(b []byte) (int, error) {
	*w += sizeWriter(len(b))
	return len(b), nil
}
