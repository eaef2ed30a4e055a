package archive

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// A Folder is a folder on disk. No name and no symbolic link leads out of it.
// Its methods serve many goroutines at once, but for Close.
type Folder struct{ root *os.Root }

// OpenFolder opens the folder at dir.
func OpenFolder(dir string) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Folder{root: root}, nil
}

// Stat finds the content of name, which must be a regular file. The error
// wraps [fs.ErrNotExist] if there is none.
func (f *Folder) Stat(name string) (Info, error) {
	info, err := f.root.Stat(name)
	if err != nil {
		return Info{}, err
	}
	if !info.Mode().IsRegular() {
		return Info{}, fmt.Errorf("%q is not a regular file: %w", name, fs.ErrInvalid)
	}
	return Info{Name: name, Size: info.Size()}, nil
}

// Open returns the content of name, which must be a regular file. The result
// also implements [io.ReaderAt] and has a method Size() int64.
func (f *Folder) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Asked before opening: to open a named pipe waits for its writer.
	info, err := f.Stat(name)
	if err != nil {
		return nil, err
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	return &openFile{SectionReader: io.NewSectionReader(file, 0, info.Size), file: file}, nil
}

// FS returns the folder as a file system, from which nothing leads out either.
func (f *Folder) FS() fs.FS { return f.root.FS() }

// Close closes the folder.
func (f *Folder) Close() error { return f.root.Close() }

type openFile struct {
	*io.SectionReader
	file *os.File
}

func (o *openFile) Close() error { return o.file.Close() }
