package inventory

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// An Extractor lists the packages that one kind of file records.
//
// File content is hostile. One value serves many goroutines at once.
type Extractor interface {
	// Name is unique and stable, such as "dpkg". It appears in results.
	Name() string

	// Version is raised whenever Extract gives other facts for the same file:
	// facts are kept and used again under the name, the version and the
	// patterns. Where facts depend on how an extractor was set up too, one of
	// the three must tell.
	Version() int

	// Patterns tell which files Extract is to see. They are read once, when a
	// scanner is made, and turned into one table for all extractors.
	Patterns() []Pattern

	// Extract returns the facts of f. It depends on the file alone, so that
	// facts can be kept and used again. It checks ctx between records. On
	// error it returns no facts; the file is then reported as a [FileError]
	// and the scan goes on.
	Extract(ctx context.Context, f *File) (Facts, error)
}

// A Joiner is an [Extractor] some of whose files tell all only together, such
// as a Maven project and its parent. Its Extract leaves what it needs for that
// in [Facts].Data.
type Joiner interface {
	Extractor

	// Join returns what the files of an image say together, by the path of the
	// file that it is recorded in. The keys of files are the paths of those
	// whose Data is not empty, and the values are that. What Join returns is
	// added to what Extract returned for the files.
	Join(ctx context.Context, files map[string][]byte) (map[string]Facts, error)
}

// A Pattern selects regular files by their path in the image.
type Pattern struct {
	// Glob is a slash-separated path relative to the root, whose elements are
	// as in [path.Match]. A leading "**/" stands for any folder, the root
	// included: "**/package.json", "**/*.jar", "**/*.dist-info/METADATA".
	// A glob is found in constant time if its last element is a plain name or
	// "*" and an extension, or if only its last element is not plain, or if it
	// is "**/*". One whose last element begins with a plain byte is tried on
	// files that begin with it, any other on every file.
	Glob string
	// Executable restricts the pattern to files with an execute bit.
	Executable bool
}

// Facts are what one file says.
type Facts struct {
	// Packages in the order of the file.
	Packages []Package
	// Owned lists files that packages installed.
	Owned []Ownership
	// OS is the distribution that the file names, nil if it names none.
	OS *OS
	// Declared is true if the packages are what a project asks for, in a lock
	// file or manifest, and not what is installed.
	Declared bool
	// Data is what a [Joiner] keeps of the file, in a format of its own. It
	// depends on the file alone.
	Data []byte
	// Ignored counts the records that are well formed but describe nothing
	// that is installed.
	Ignored int
	// Problems tell of records that could not be understood where the rest of
	// the file could: one sentence each, in the order of the file, with what
	// comes from the file quoted. They are few: where there are many, the last
	// one says how many more there are. A file that cannot be understood at
	// all is an error instead.
	Problems []string
}

// An Ownership lists files that an operating system package installed.
type Ownership struct {
	// Package is the name of the package, Arch its architecture, empty if
	// the record does not tell.
	Package, Arch string
	// Paths are slash-separated and relative to the root.
	Paths []string
}

// MaxRandom is the size in bytes up to which [File.ReaderAt] keeps a file in
// memory where nothing else is arranged: 256 MiB.
const MaxRandom = 256 << 20

// ErrTooLarge is returned where a file exceeds a limit.
var ErrTooLarge = errors.New("file exceeds the limit")

// A File is one regular file of an image. It is valid until Extract returns,
// and is not safe for concurrent use.
type File struct {
	path   string
	mode   fs.FileMode
	size   int64
	r      io.Reader
	random func() (io.ReaderAt, error)
}

// A peeker is a reader that can show what it will read.
type peeker interface {
	io.Reader
	Peek(n int) ([]byte, error)
}

// MaxPeek is how many bytes of a file [File.Peek] can show: 64 KiB.
const MaxPeek = 64 << 10

// NewFile returns the file at path with the given mode bits and size in bytes,
// whose content is read from r. If random is not nil, it is called at most
// once to get the whole content for reading in any order, also after a Peek;
// if it is nil, r is used where it is an [io.ReaderAt], and is read into
// memory otherwise, up to [MaxRandom]. If r has a method Peek like that of
// [bufio.Reader], Peek uses it.
func NewFile(path string, mode fs.FileMode, size int64, r io.Reader, random func() (io.ReaderAt, error)) *File {
	return &File{path: path, mode: mode, size: size, r: r, random: random}
}

// Path is the slash-separated path relative to the image's root, without a
// leading slash.
func (f *File) Path() string { return f.path }

// Mode is the type and permission bits of the file.
func (f *File) Mode() fs.FileMode { return f.mode }

// Size is the size in bytes that the image states.
func (f *File) Size() int64 { return f.size }

// Read reads the content in order.
func (f *File) Read(p []byte) (int, error) { return f.r.Read(p) }

// Peek returns the first n bytes of the content, or all where it is shorter,
// and leaves them to be read. It must be called before the first Read, with n
// up to [MaxPeek]. The bytes are valid until the next call of a method.
func (f *File) Peek(n int) ([]byte, error) {
	if n > MaxPeek {
		return nil, fmt.Errorf("peek of %d bytes: %w", n, ErrTooLarge)
	}
	if at, ok := f.content(); ok {
		head := make([]byte, n)
		n, err := at.ReadAt(head, 0)
		if err == io.EOF {
			err = nil
		}
		return head[:n], err
	}
	p, ok := f.r.(peeker)
	if !ok {
		p = bufio.NewReaderSize(f.r, MaxPeek)
		f.r = p
	}
	head, err := p.Peek(n)
	if err == io.EOF {
		err = nil
	}
	return head, err
}

// Seekable reports whether ReaderAt takes no memory, because the content lies
// where it can be read in any order: in a plain archive on disk, say.
func (f *File) Seekable() bool {
	_, ok := f.content()
	return ok
}

// content returns the content if it can be read in any order as it is.
func (f *File) content() (io.ReaderAt, bool) {
	if f.random != nil {
		return nil, false
	}
	at, ok := f.r.(io.ReaderAt)
	return at, ok
}

// ReaderAt returns the whole content for reading in any order. It must be
// called before the first Read, and ends the use of Read and Peek. The error
// wraps [ErrTooLarge] if the file is larger than the scanner's memory limit.
func (f *File) ReaderAt() (io.ReaderAt, error) {
	if f.random != nil {
		return f.random()
	}
	if at, ok := f.content(); ok {
		return at, nil
	}
	if f.size > MaxRandom {
		return nil, fmt.Errorf("%d bytes: %w", f.size, ErrTooLarge)
	}
	var buf bytes.Buffer
	if _, err := io.CopyN(&buf, f.r, f.size); err != nil {
		return nil, err
	}
	return bytes.NewReader(buf.Bytes()), nil
}
