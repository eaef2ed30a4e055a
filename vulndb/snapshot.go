package vulndb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/imagevet/imagevet/internal/durable"
)

// A Snapshot is a database folder as a set of files, to be copied elsewhere;
// [Install] is the other end. The files stay what they were while the folder is
// built again. It is safe for concurrent use, except that Close must come last.
type Snapshot struct {
	manifest []byte
	info     Info
	files    []File
	open     map[string]*os.File // by name
}

// OpenSnapshot opens the files of the database in a folder, without reading
// them. The error wraps those of [Open].
func OpenSnapshot(dir string) (*Snapshot, error) { return openFolder(dir, openSnapshot) }

func openSnapshot(dir string, m *manifest) (*Snapshot, error) {
	text, err := m.encode() // the bytes that were read, as readManifest has made sure
	if err != nil {
		return nil, err
	}
	s := &Snapshot{manifest: text, info: m.info(), open: map[string]*os.File{}}
	for _, entry := range m.Files {
		f, err := os.Open(filepath.Join(dir, entry.Name))
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		if s.open[entry.Name] != nil {
			f.Close()
			s.Close()
			return nil, fmt.Errorf("%w: %s: two files %q", ErrCorrupt, manifestName, entry.Name)
		}
		s.open[entry.Name] = f
		s.files = append(s.files, entry.public())
	}
	return s, nil
}

// Info describes the database. The result belongs to the caller.
func (s *Snapshot) Info() Info {
	info := s.info
	info.Sources = slices.Clone(info.Sources)
	return info
}

// Manifest returns the text of manifest.json, at most 4 MiB. The result
// belongs to the caller.
func (s *Snapshot) Manifest() []byte { return slices.Clone(s.manifest) }

// Files lists the other files, sorted by ecosystem. The result belongs to the
// caller.
func (s *Snapshot) Files() []File { return slices.Clone(s.files) }

// Open returns a reader of one of the files, of the size that the manifest
// states. The error wraps [fs.ErrNotExist] if it is not one of them.
func (s *Snapshot) Open(f File) (*io.SectionReader, error) {
	open, ok := s.open[f.Name]
	if !ok {
		return nil, fmt.Errorf("vulndb: file %q: %w", f.Name, fs.ErrNotExist)
	}
	return io.NewSectionReader(open, 0, f.Size), nil
}

// Verify reads all files and compares them with the SHA-256 that the manifest
// states. The error wraps [ErrCorrupt] if one differs.
func (s *Snapshot) Verify(ctx context.Context) error {
	for _, f := range s.files {
		info, err := s.open[f.Name].Stat()
		if err != nil {
			return fmt.Errorf("vulndb: %w", err)
		}
		if info.Size() != f.Size {
			return fmt.Errorf("vulndb: %s: %w: %d bytes instead of %d", f.Name, ErrCorrupt, info.Size(), f.Size)
		}
		got, err := durable.HashReader(ctx, io.NewSectionReader(s.open[f.Name], 0, f.Size))
		if err != nil {
			return fmt.Errorf("vulndb: %s: %w", f.Name, err)
		}
		if got != f.SHA256 {
			return fmt.Errorf("vulndb: %s: %w: SHA-256 %s instead of %s", f.Name, ErrCorrupt, got, f.SHA256)
		}
	}
	return nil
}

// Close closes the files.
func (s *Snapshot) Close() error {
	var errs []error
	for _, f := range s.open {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
