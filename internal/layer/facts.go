package layer

import (
	"encoding/binary"
	"errors"
	"iter"
	"math/bits"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// Limits of one layer. A layer beyond them is an error: what is left out of a
// result is not seen to be missing.
const (
	// MaxListing is the size in bytes of the list of a layer's members: more
	// than ten million files.
	MaxListing = 256 << 20
	// MaxPath is the length in bytes of a path, that of Linux's PATH_MAX.
	MaxPath = 4096
)

var errListing = errors.New("the layer lists too many files")

// Facts are what there is to know of one layer, apart from the others.
type Facts struct {
	// DiffID is the digest of the uncompressed layer, computed while it was
	// read; empty if not all of it was read or nothing asked for it.
	DiffID string
	// Verified is true if all of the layer was read, and it has the digest that
	// the image states of it: that of the stored layer, or else the diff ID.
	Verified bool
	// Whiteouts are paths that the layer removes from those below it, Opaque
	// folders whose content it removes.
	Whiteouts, Opaque []string
	// Files are those that an extractor wanted, in the order of the layer.
	Files []File
	// Problems are members that could not be followed.
	Problems []*inventory.FileError

	list listing
	// placed are members of the list that links made into files of interest:
	// their places in Files.
	placed map[string]int
}

// A File is a regular file with what the extractors found in it.
type File struct {
	Path  string
	Found []Found
}

// by returns what an extractor found in the file under its own path.
func (f *File) by(extractor int) (Found, bool) {
	for _, found := range f.Found {
		if found.Extractor == extractor && found.As == f.Path {
			return found, true
		}
	}
	return Found{}, false
}

// Found is what one extractor found in a file.
type Found struct {
	Extractor int             // index in the router
	As        string          // the path under which the extractor was given the file
	Facts     inventory.Facts // without Owned
	Owned     []Owned
	Err       error
}

// Owned are the files of a package that an extractor may want to see, kept in
// little memory: a distribution's packages own a hundred thousand files.
type Owned struct {
	Package, Arch string

	list listing
}

// Paths yields the paths. They are clean, and valid until the next one.
func (o *Owned) Paths() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for m := range o.list.all() {
			if !yield(m.path) {
				return
			}
		}
	}
}

// A kind is the kind of a member in a listing.
type kind byte

const (
	kindOther   kind = iota // neither a folder nor any of the below
	kindDir                 // a folder
	kindSymlink             // with its target
	kindLink                // a hard link, with its target, to a file somebody wants
	kindFile                // the next of Facts.Files
)

// A member is one entry of a listing. Its slices are valid until the next one.
type member struct {
	kind   kind
	path   []byte
	target []byte
}

// A listing is the list of a layer's members in their order. A path shares its
// beginning with the one before it, so most members take less than 20 bytes.
type listing struct {
	data []byte
	last []byte // the path added last
}

// add appends a member.
func (l *listing) add(k kind, path, target []byte) error {
	if len(l.data) > MaxListing {
		return errListing
	}
	shared := sharedPrefix(path, l.last)
	l.data = append(l.data, byte(k))
	l.data = binary.AppendUvarint(l.data, uint64(shared))
	l.data = appendBytes(l.data, path[shared:])
	if k == kindSymlink || k == kindLink {
		l.data = appendBytes(l.data, target)
	}
	l.last = append(l.last[:shared], path[shared:]...)
	return nil
}

// sharedPrefix is the number of bytes at the beginning of both.
func sharedPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// all yields the members in order.
func (l *listing) all() iter.Seq[member] {
	return func(yield func(member) bool) {
		data := l.data
		var m member
		number := func() int {
			n, size := binary.Uvarint(data)
			data = data[size:]
			return int(n)
		}
		for len(data) > 0 {
			m.kind = kind(data[0])
			data = data[1:]
			m.path = m.path[:number()]
			n := number()
			m.path = append(m.path, data[:n]...)
			data = data[n:]
			m.target = nil
			if m.kind == kindSymlink || m.kind == kindLink {
				n := number()
				m.target, data = data[:n], data[n:]
			}
			if !yield(m) {
				return
			}
		}
	}
}
