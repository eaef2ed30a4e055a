// Package tarwalk lists the members of a tar archive fast: without an
// allocation per member, without reading the content of members nobody asks
// for where the archive can be read at any position, and with a limit on
// everything that an archive can make large.
//
// It reads what image builders write: the v7, ustar, pax and GNU formats as
// described in POSIX.1-2017 (pax, "ustar Interchange Format" and "pax Header
// Block") and in the GNU tar manual ("Basic Tar Format"):
//
//   - https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13
//   - https://www.gnu.org/software/tar/manual/html_node/Standard.html
//
// Names are given as the archive spells them: what "../" or a leading slash in
// a name means is the caller's affair. Global pax headers are passed over, as
// container runtimes do. The content of sparse files cannot be read.
package tarwalk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// MaxSpecial is the largest pax header or GNU long name that is read: 1 MiB.
const MaxSpecial = 1 << 20

// ErrSparse is returned by Read for the content of a sparse file.
var ErrSparse = errors.New("tarwalk: content of a sparse file")

// A HeaderError reports a header that does not follow the format.
type HeaderError struct {
	Offset int64 // of the header's block, in bytes from the start of the archive
	Reason string
}

func (e *HeaderError) Error() string {
	return fmt.Sprintf("tarwalk: bad header at byte %d: %s", e.Offset, e.Reason)
}

// A Kind is the kind of a member.
type Kind uint8

// The kinds of members. Devices, pipes and what the format's extensions add
// are Other.
const (
	Other Kind = iota
	Regular
	Directory
	Symlink
	HardLink
)

// An Entry is one member. Its slices are valid until the next call of
// [Reader.Next].
type Entry struct {
	Path   []byte // as the archive spells it
	Link   []byte // target of a Symlink or HardLink, as the archive spells it
	Size   int64  // bytes of content, 0 unless the kind is Regular
	Perm   fs.FileMode
	Kind   Kind
	Sparse bool // a Regular file whose content cannot be read
}

// A Reader goes through an archive from the front. It is not safe for
// concurrent use.
type Reader struct {
	src   source
	entry Entry
	left  int64 // of the content of the current member
	pad   int64 // behind it
	err   error // once set, it stays

	// Buffers that are used again for every member.
	block   [blockSize]byte
	path    []byte // an extension's path
	link    []byte // an extension's link
	joined  []byte // prefix and name of a header
	special []byte // content of an extension
}

// A source is where blocks come from: a stream or a file.
type source interface {
	// readFull fills p. The error is io.EOF if there was nothing to read and
	// io.ErrUnexpectedEOF if there was less than len(p).
	readFull(p []byte) error
	// read reads up to len(p) bytes.
	read(p []byte) (int, error)
	// skip passes over n bytes; io.ErrUnexpectedEOF if there are fewer.
	skip(n int64) error
	// offset is the number of bytes passed.
	offset() int64
}

// NewReader returns a Reader that reads r as a stream, in steps of 64 KiB.
func NewReader(r io.Reader) *Reader {
	return &Reader{src: &stream{r: r, buf: make([]byte, streamBuffer)}}
}

// NewReaderAt returns a Reader over the size bytes of r. It reads one block for
// each header and nothing of the content of members until it is asked to.
func NewReaderAt(r io.ReaderAt, size int64) *Reader {
	return &Reader{src: &file{r: r, size: size}}
}

// Next goes on to the next member. The result is valid until the next call.
// At the end of the archive the error is [io.EOF]; in the middle of a member
// it is [io.ErrUnexpectedEOF]. An archive that ends without its marker, as some
// builders write it, is complete.
func (r *Reader) Next() (*Entry, error) {
	if r.err != nil {
		return nil, r.err
	}
	if err := r.next(); err != nil {
		r.err = err
		return nil, err
	}
	return &r.entry, nil
}

func (r *Reader) next() error {
	if err := r.finishMember(); err != nil {
		return err
	}
	over := overrides{size: -1}
	for {
		start := r.src.offset()
		if err := r.readHeader(); err != nil {
			if err == io.EOF && over.set {
				return io.ErrUnexpectedEOF // an extension without the member it is for
			}
			return err
		}
		h, reason := parseHeader(&r.block)
		if reason != "" {
			return &HeaderError{start, reason}
		}
		switch h.typeflag {
		case 'x', 'g', 'L', 'K':
			body, err := r.readSpecial(h.size, start)
			if err != nil {
				return err
			}
			if reason := over.add(r, h.typeflag, body); reason != "" {
				return &HeaderError{start, reason}
			}
		default:
			return r.begin(h, &over, start)
		}
	}
}

// readHeader reads the next header's block into r.block. io.EOF means the end
// of the archive, told by its marker, two blocks of zeros, or by its size.
func (r *Reader) readHeader() error {
	start := r.src.offset()
	if err := r.src.readFull(r.block[:]); err != nil {
		return err
	}
	if !isZero(&r.block) {
		return nil
	}
	if err := r.src.readFull(r.block[:]); err != nil {
		return err
	}
	if !isZero(&r.block) {
		return &HeaderError{start, "one block of zeros"}
	}
	return io.EOF
}

// readSpecial reads the content of an extension header.
func (r *Reader) readSpecial(size, start int64) ([]byte, error) {
	if size > MaxSpecial {
		return nil, &HeaderError{start, fmt.Sprintf("extension of %d bytes, more than %d", size, MaxSpecial)}
	}
	// A buffer grows with what is really there, not with what a header says.
	r.special = r.special[:0]
	for left := size; left > 0; {
		n := min(left, streamBuffer)
		at := len(r.special)
		r.special = append(r.special, make([]byte, n)...)
		if err := r.src.readFull(r.special[at:]); err != nil {
			return nil, noEOF(err)
		}
		left -= n
	}
	if err := r.src.skip(padding(size)); err != nil {
		return nil, noEOF(err)
	}
	return r.special, nil
}

// begin makes the entry of a member from its header and the extensions before
// it.
func (r *Reader) begin(h header, over *overrides, start int64) error {
	e := &r.entry
	*e = Entry{Path: h.name(r), Size: h.size, Perm: fs.FileMode(h.mode & 0o777)}
	if over.path {
		e.Path = r.path
	}
	if over.size >= 0 {
		e.Size = over.size
	}
	switch h.typeflag {
	case '0', '\x00', '7':
		e.Kind = Regular
		if h.typeflag == '\x00' && len(e.Path) > 0 && e.Path[len(e.Path)-1] == '/' {
			e.Kind = Directory // the v7 format has no other way to say it
		}
	case 'S':
		e.Kind, e.Sparse = Regular, true
	case '1', '2':
		e.Kind = HardLink
		if h.typeflag == '2' {
			e.Kind = Symlink
		}
		e.Link = cString(r.block[157:257])
		if over.link {
			e.Link = r.link
		}
	case '5':
		e.Kind = Directory
	}
	if over.sparse && e.Kind == Regular {
		e.Sparse = true
	}
	// Only these kinds have content, whatever size the header states: POSIX
	// leaves the field of the others open. Unknown kinds are to be read like
	// regular files.
	switch h.typeflag {
	case '1', '2', '3', '4', '5', '6':
		e.Size = 0
	case '\x00':
		if e.Kind == Directory {
			e.Size = 0
		}
	}
	r.left, r.pad = e.Size, padding(e.Size)
	if h.typeflag == 'S' && h.extended {
		return r.skipSparseMap(start)
	}
	return nil
}

// skipSparseMap passes over the blocks that continue the map of a sparse file
// of the old GNU format: the last byte of interest tells whether one more
// follows.
func (r *Reader) skipSparseMap(start int64) error {
	const most = MaxSpecial / blockSize
	name := append(r.path[:0:0], r.entry.Path...) // it may lie in r.block
	r.entry.Path = name
	for range most {
		if err := r.src.readFull(r.block[:]); err != nil {
			return noEOF(err)
		}
		if r.block[504] == 0 {
			return nil
		}
	}
	return &HeaderError{start, "sparse map too long"}
}

// finishMember passes over what is left of the current member. Padding that is
// missing at the very end does no harm.
func (r *Reader) finishMember() error {
	if err := r.src.skip(r.left); err != nil {
		return err
	}
	r.left = 0
	pad := r.pad
	r.pad = 0
	if err := r.src.skip(pad); err != nil && err != io.ErrUnexpectedEOF {
		return err
	}
	return nil
}

// Read reads the content of the current member. The error is [io.EOF] at its
// end and [io.ErrUnexpectedEOF] if the archive ends before.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil && r.err != io.EOF {
		return 0, r.err
	}
	if r.entry.Sparse {
		return 0, ErrSparse
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.src.read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if err == io.EOF && r.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		r.err = err
		return n, err
	}
	return n, nil
}

// Section returns the whole content of the current member for reading in any
// order, and false if the archive is a stream or the file is sparse.
func (r *Reader) Section() (*io.SectionReader, bool) {
	f, ok := r.src.(*file)
	if !ok || r.entry.Sparse || r.err != nil {
		return nil, false
	}
	start := f.off - (r.entry.Size - r.left)
	if r.entry.Size > f.size-start {
		return nil, false
	}
	return io.NewSectionReader(f.r, start, r.entry.Size), true
}

// noEOF makes the end of the archive, where more must follow, an error.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
