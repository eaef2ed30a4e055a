package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/imagevet/imagevet/internal/ctxio"
	"github.com/imagevet/imagevet/internal/tarwalk"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// ErrNotTar says that a file is no tar archive, compressed or not.
var ErrNotTar = errors.New("not a tar archive")

// blockSize is the size of a header in bytes.
const blockSize = 512

// A Tar is the index of a tar archive. Its methods serve many goroutines at
// once, but for Close.
type Tar struct {
	r           io.ReaderAt
	size        int64
	compression compression
	members     map[string]member
	close       func() error
	// stream, if not nil, is what gives the archive from its start again, in
	// place of r.
	stream func(ctx context.Context) (io.ReadCloser, error)
}

// An Info says where the content of a name is.
type Info struct {
	// Name is the member that holds the content: the name asked for, or the
	// end of the links from there.
	Name string
	// Size in bytes.
	Size int64
}

// OpenTar indexes the archive in the file at path. Close closes the file.
func OpenTar(ctx context.Context, path string) (*Tar, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	// Checked before opening: to open a named pipe waits for its writer.
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: not a regular file", ErrNotTar)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	t, err := NewTar(ctx, f, info.Size())
	if err != nil {
		f.Close()
		return nil, err
	}
	t.close = f.Close
	return t, nil
}

// NewTar indexes the archive of size bytes in r. It reads the headers and, of
// a compressed archive, everything.
//
// The error wraps [ErrNotTar] if r holds something else,
// [io.ErrUnexpectedEOF] if the archive ends too early, and
// [inventory.ErrTooLarge] if it exceeds a limit of this package.
func NewTar(ctx context.Context, r io.ReaderAt, size int64) (*Tar, error) {
	head := make([]byte, 8)
	n, err := r.ReadAt(head[:min(size, int64(len(head)))], 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	t := &Tar{r: r, size: size, close: func() error { return nil }}
	if t.compression, err = detect(head[:n]); err != nil {
		return nil, err
	}
	if t.compression == plain && size < blockSize {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrNotTar, size)
	}
	if err := t.index(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

// NewStream indexes a plain archive that can be read from start to end only, by
// reading it once. Each of [Tar.Open], unless the member is small and was kept,
// and [Tar.Walk] calls open again, which must give the same archive. The errors
// are those of open and of [NewTar].
func NewStream(ctx context.Context, open func(ctx context.Context) (io.ReadCloser, error)) (*Tar, error) {
	t := &Tar{stream: open, close: func() error { return nil }}
	if err := t.index(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

// Sequential reports whether the archive cannot be read in any order, as it is
// compressed as a whole or a stream, so that [Tar.Walk] is the better way to
// read several members.
func (t *Tar) Sequential() bool { return t.compression != plain || t.stream != nil }

// Stat finds the content of name. The error wraps [fs.ErrNotExist] if there is
// none.
func (t *Tar) Stat(name string) (Info, error) {
	key, m, err := t.find(name)
	if err != nil {
		return Info{}, err
	}
	return Info{Name: key, Size: m.size}, nil
}

// Open returns the content of name. In a plain archive the result also
// implements [io.ReaderAt] and has a method Size() int64, and nothing is read
// before it is. In a compressed one the archive is inflated up to the member;
// ctx ends this and all reading.
func (t *Tar) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	key, m, err := t.find(name)
	if err != nil {
		return nil, err
	}
	switch {
	case !t.Sequential():
		return nopCloser{io.NewSectionReader(t.r, m.offset, m.size)}, nil
	case m.data != nil:
		return io.NopCloser(bytes.NewReader(m.data)), nil
	}
	c, err := t.cursor(ctx)
	if err != nil {
		return nil, err
	}
	for {
		n := c.n
		e, err := c.next(ctx)
		if err == nil && n == m.number {
			err = m.check(key, e)
		}
		if err != nil {
			c.close()
			return nil, changed(err)
		}
		if n == m.number {
			return &streamed{Reader: c.tr, close: c.close}, nil
		}
	}
}

// Walk calls fn with the content of each of the names, in the order in which
// they are stored and with the name as [Tar.Stat] tells it. A content that
// several names lead to is passed once. What fn leaves unread is skipped. Walk
// ends with the first error of fn, and returns it as it is.
func (t *Tar) Walk(ctx context.Context, names []string, fn func(name string, r io.Reader) error) error {
	wanted := make(map[int]string, len(names))
	for _, name := range names {
		key, m, err := t.find(name)
		if err != nil {
			return err
		}
		wanted[m.number] = key
	}
	c, err := t.cursor(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	for len(wanted) > 0 {
		n := c.n
		e, err := c.next(ctx)
		if err != nil {
			return changed(err)
		}
		name, ok := wanted[n]
		if !ok {
			continue
		}
		if err := t.members[name].check(name, e); err != nil {
			return err
		}
		if err := fn(name, c.tr); err != nil {
			return err
		}
		delete(wanted, n)
	}
	return nil
}

// Close closes the file that OpenTar opened.
func (t *Tar) Close() error { return t.close() }

// changed is the error of a second pass: a member that the index knows has to
// be there.
func changed(err error) error {
	if err == io.EOF {
		return fmt.Errorf("archive changed while it was read: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// check compares a member with what the first pass has seen.
func (m member) check(name string, e *tarwalk.Entry) error {
	if again, ok := clean(string(e.Path)); !ok || again != name || e.Size != m.size {
		return fmt.Errorf("archive changed while it was read: it has %q in place of %q", e.Path, name)
	}
	return nil
}

// A nopCloser is a part of an open file, which stays open.
type nopCloser struct{ *io.SectionReader }

func (nopCloser) Close() error { return nil }

type streamed struct {
	io.Reader
	close func() error
}

func (s *streamed) Close() error { return s.close() }

// A Store holds files under slash-separated names. [Tar] and [Folder] are
// stores.
type Store interface {
	Stat(name string) (Info, error)
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

var (
	_ Store = (*Tar)(nil)
	_ Store = (*Folder)(nil)
)

// ReadFile returns the whole content of name, which must not exceed limit
// bytes; the error wraps [inventory.ErrTooLarge] if it does.
func ReadFile(ctx context.Context, s Store, name string, limit int64) ([]byte, error) {
	info, err := s.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size > limit {
		return nil, fmt.Errorf("%q has %d bytes, more than %d: %w", name, info.Size, limit, inventory.ErrTooLarge)
	}
	f, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, info.Size)
	if _, err := io.ReadFull(f, buf); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return buf, nil
}

// A cursor goes through an archive from the start.
type cursor struct {
	tr    *tarwalk.Reader
	close func() error
	n     int    // the number of members that next has returned
	last  string // the name of the last of them
}

func (t *Tar) cursor(ctx context.Context) (*cursor, error) {
	if t.stream != nil {
		r, err := t.stream(ctx)
		if err != nil {
			return nil, err
		}
		limited := &limitedReader{r: ctxio.NewReader(ctx, r), left: maxInflated}
		return &cursor{tr: tarwalk.NewReader(limited), close: r.Close}, nil
	}
	if t.compression == plain {
		return &cursor{tr: tarwalk.NewReaderAt(t.r, t.size), close: func() error { return nil }}, nil
	}
	r, err := inflate(ctx, io.NewSectionReader(t.r, 0, t.size), t.compression)
	if err != nil {
		return nil, fmt.Errorf("inflating the archive: %w", err)
	}
	limited := &limitedReader{r: r, left: maxInflated}
	return &cursor{tr: tarwalk.NewReader(limited), close: r.Close}, nil
}

// next returns io.EOF as it is at the end of the archive. All other errors
// tell how far the archive is readable. The entry is valid until the next call.
func (c *cursor) next(ctx context.Context) (*tarwalk.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e, err := c.tr.Next()
	if err != nil {
		_, badHeader := errors.AsType[*tarwalk.HeaderError](err)
		switch {
		case err == io.EOF:
			return nil, io.EOF
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case c.n == 0 && badHeader:
			return nil, ErrNotTar
		case c.n == 0:
			return nil, fmt.Errorf("before the first member: %w", err)
		}
		return nil, fmt.Errorf("in or after member %q: %w", c.last, err)
	}
	c.n++
	c.last = string(e.Path)
	return e, nil
}

func notExist(name string) error {
	return &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
