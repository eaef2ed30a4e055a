// Package durable writes files that are there in full or not at all, whatever
// happens to the process or the machine: under a temporary name first, on the
// disk before they get their own.
package durable

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// TempPrefix begins the names of temporary files. What died leaves them; whoever
// owns the folder removes them when they are old.
const TempPrefix = ".new-"

// Create creates a temporary file in a folder, which is created if need be.
func Create(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	return os.CreateTemp(filepath.Clean(dir), TempPrefix+"*")
}

// A Temporary is a complete file that waits for its name.
type Temporary struct {
	Name string // its path
	Size int64  // in bytes
	Sum  string // the SHA-256, in hexadecimal digits
}

// Write writes a temporary file and makes sure that it is on the disk. After an
// error there is none.
func Write(dir string, content func(io.Writer) error) (Temporary, error) {
	f, err := Create(dir)
	if err != nil {
		return Temporary{}, err
	}
	hash := sha256.New()
	counter := new(sizeWriter)
	err = content(io.MultiWriter(f, hash, counter))
	// CreateTemp gives files that only their owner can read; what is written
	// here is often written by one user and read by another.
	if chmodErr := f.Chmod(0o644); chmodErr != nil && !errors.Is(chmodErr, errors.ErrUnsupported) {
		err = errors.Join(err, chmodErr)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return Temporary{}, err
	}
	return Temporary{f.Name(), int64(*counter), hex.EncodeToString(hash.Sum(nil))}, nil
}

// WriteFile writes a file of its own folder and gives it its name, in the place
// of what was there.
func WriteFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	temp, err := Write(dir, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name) // after an error
	if err := os.Rename(temp.Name, path); err != nil {
		return err
	}
	SyncDir(dir)
	return nil
}

// SyncDir makes renames in a folder durable. Not every system can do that; a
// file is complete with or without the last rename.
func SyncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}

// A sizeWriter counts bytes.
type sizeWriter int64

func (w *sizeWriter) Write(b []byte) (int, error) {
	*w += sizeWriter(len(b))
	return len(b), nil
}
