// Package bolt reads files of bbolt (https://github.com/etcd-io/bbolt), the
// key-value store that databases of Trivy are kept in, version 2 of the format
// as machines with little-endian numbers write it.
//
// It reads and nothing else: no lock, no memory map, no transaction. Files are
// hostile: every offset and length is checked, no page is read twice, and depth
// and sizes are bounded, so that a file of any content ends with an error and
// not with the process.
//
// A [DB] is safe for concurrent use if its reader is.
package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// Errors of [Open] and [DB.Walk].
var (
	// ErrForeign says that the content is something else.
	ErrForeign = errors.New("not a bbolt file")
	// ErrDamaged says that the content makes no sense.
	ErrDamaged = errors.New("bbolt file is damaged")
)

// The format: https://github.com/etcd-io/bbolt/blob/main/internal/common.
const (
	magic   = 0xED0CDAED
	version = 2

	pageHeader   = 16 // id 8, flags 2, count 2, overflow 4
	metaSize     = 64 // with the checksum in the last 8 bytes
	element      = 16
	bucketHeader = 16 // root 8, sequence 8

	flagBranch = 0x01
	flagLeaf   = 0x02
	flagMeta   = 0x04

	flagBucket = 0x01 // of an element of a leaf
)

// Limits. They are far above what a database of advisories needs.
const (
	maxPage    = 64 << 20 // bytes of one page with its overflow
	maxDepth   = 32       // pages from the root of a bucket to a leaf
	maxBuckets = 16       // buckets within each other
)

// HeadSize is how many bytes of a file [IsFile] looks at.
const HeadSize = pageHeader + 8

// IsFile reports whether a file begins as one of bbolt does.
func IsFile(head []byte) bool {
	return len(head) >= HeadSize && le.Uint16(head[8:]) == flagMeta && le.Uint32(head[pageHeader:]) == magic && le.Uint32(head[pageHeader+4:]) == version
}

var le = binary.LittleEndian

// A DB is an open file.
type DB struct {
	r        io.ReaderAt
	size     int64
	pageSize int64
	root     uint64
	pages    uint64 // the first number that is not in use
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Open reads the head of a file of size bytes. The newer of its two meta pages
// that is whole counts.
func Open(r io.ReaderAt, size int64) (*DB, error) {
	head := make([]byte, HeadSize)
	if n, err := r.ReadAt(head, 0); n < len(head) || !IsFile(head) {
		if err != nil && err != io.EOF {
			return nil, err
		}
		return nil, ErrForeign
	}
	var best *DB
	var newest uint64
	for _, offset := range metaOffsets() {
		db, id, err := readMeta(r, size, offset)
		if err != nil {
			continue
		}
		if best == nil || id > newest {
			best, newest = db, id
		}
		if offset > 0 {
			break
		}
	}
	if best == nil {
		return nil, damaged("no meta page is whole")
	}
	return best, nil
}

// metaOffsets are where meta pages can be: the second follows the first, and
// pages are as large as those of the system that wrote the file.
func metaOffsets() []int64 {
	out := []int64{0}
	for n := int64(1 << 10); n <= 64<<10; n *= 2 {
		out = append(out, n)
	}
	return out
}

// readMeta reads a meta page and the number of its transaction.
func readMeta(r io.ReaderAt, size, offset int64) (*DB, uint64, error) {
	b := make([]byte, pageHeader+metaSize)
	if n, _ := r.ReadAt(b, offset); n < len(b) {
		return nil, 0, damaged("meta page at %d", offset)
	}
	m := b[pageHeader:]
	if le.Uint16(b[8:])&flagMeta == 0 || le.Uint32(m) != magic || le.Uint32(m[4:]) != version {
		return nil, 0, damaged("meta page at %d", offset)
	}
	h := fnv.New64a()
	h.Write(m[:metaSize-8])
	if h.Sum64() != le.Uint64(m[metaSize-8:]) {
		return nil, 0, damaged("checksum of the meta page at %d", offset)
	}
	db := &DB{r: r, size: size, pageSize: int64(le.Uint32(m[8:])), root: le.Uint64(m[16:]), pages: le.Uint64(m[40:])}
	if db.pageSize < 1<<10 || db.pageSize > 64<<10 || offset > 0 && offset != db.pageSize {
		return nil, 0, damaged("pages of %d bytes", db.pageSize)
	}
	return db, le.Uint64(m[48:]), nil
}

// A Visitor is told what is in a file, in the order of the keys. Slices are
// valid until the call returns.
type Visitor struct {
	// Enter reports whether the content of a bucket is wanted. The path is that
	// of the bucket, from the outermost one. Nil wants all.
	Enter func(path []string) bool
	// Entry is called for each key with its value. The path is that of the
	// bucket; there are no such entries outside of buckets. An error ends the
	// walk.
	Entry func(path []string, key, value []byte) error
}

// Walk reads the file. The error wraps [ErrDamaged], or is that of the reader
// or of the visitor.
func (db *DB) Walk(v Visitor) error {
	w := walker{db: db, visitor: v, seen: map[uint64]bool{}}
	return w.page(db.root, 0)
}

// A walker is the state of one walk.
type walker struct {
	db      *DB
	visitor Visitor
	path    []string
	seen    map[uint64]bool
	bytes   int64 // of all pages
}

// page reads a page of the tree and what hangs on it.
func (w *walker) page(id uint64, depth int) error {
	if depth > maxDepth {
		return damaged("page %d is too deep", id)
	}
	if w.seen[id] {
		return damaged("page %d comes twice", id)
	}
	w.seen[id] = true
	b, err := w.db.read(id)
	if err != nil {
		return err
	}
	if w.bytes += int64(len(b)); w.bytes > w.db.size {
		return damaged("pages share bytes")
	}
	return w.content(b, id, depth)
}

// content reads the elements of a page.
func (w *walker) content(b []byte, id uint64, depth int) error {
	flags, count := le.Uint16(b[8:]), int(le.Uint16(b[10:]))
	if (len(b)-pageHeader)/element < count {
		return damaged("page %d: %d elements", id, count)
	}
	// Elements follow each other without overlap, as they are written. So a
	// byte is part of one at most, however many there are.
	end := uint64(pageHeader + count*element)
	for i := range count {
		at := pageHeader + i*element
		e := b[at:] // positions count from here
		switch flags {
		case flagBranch:
			if err := w.page(le.Uint64(e[8:]), depth+1); err != nil {
				return err
			}
		case flagLeaf:
			pos, ksize, vsize := uint64(le.Uint32(e[4:])), uint64(le.Uint32(e[8:])), uint64(le.Uint32(e[12:]))
			if uint64(at)+pos < end || pos+ksize+vsize > uint64(len(e)) {
				return damaged("page %d: element %d", id, i)
			}
			end = uint64(at) + pos + ksize + vsize
			key, value := e[pos:pos+ksize], e[pos+ksize:pos+ksize+vsize]
			if err := w.element(id, le.Uint32(e), key, value); err != nil {
				return err
			}
		default:
			return damaged("page %d: flags %#x", id, flags)
		}
	}
	return nil
}

// element takes in one element of a leaf.
func (w *walker) element(id uint64, flags uint32, key, value []byte) error {
	if flags&flagBucket == 0 {
		return w.visitor.Entry(w.path, key, value)
	}
	if len(w.path) >= maxBuckets {
		return damaged("page %d: more than %d buckets within each other", id, maxBuckets)
	}
	if len(value) < bucketHeader {
		return damaged("page %d: a bucket of %d bytes", id, len(value))
	}
	w.path = append(w.path, string(key))
	defer func() { w.path = w.path[:len(w.path)-1] }()
	if w.visitor.Enter != nil && !w.visitor.Enter(w.path) {
		return nil
	}
	root := le.Uint64(value)
	if root != 0 {
		return w.page(root, 0)
	}
	// A small bucket is a leaf within the value.
	inline := value[bucketHeader:]
	if len(inline) < pageHeader || le.Uint16(inline[8:]) != flagLeaf {
		return damaged("page %d: a bucket without a leaf", id)
	}
	return w.content(inline, id, 0)
}

// read reads a page with its overflow.
func (db *DB) read(id uint64) ([]byte, error) {
	if id < 2 || id >= db.pages || id >= uint64(db.size)/uint64(db.pageSize) {
		return nil, damaged("page %d of %d", id, db.pages)
	}
	offset := int64(id) * db.pageSize
	b := make([]byte, db.pageSize)
	if err := db.fill(b, offset); err != nil {
		return nil, err
	}
	overflow := int64(le.Uint32(b[12:]))
	if overflow == 0 {
		return b, nil
	}
	size := (overflow + 1) * db.pageSize
	if size > maxPage || size > db.size-offset {
		return nil, damaged("page %d has %d bytes", id, size)
	}
	b = append(b, make([]byte, size-db.pageSize)...)
	return b, db.fill(b[db.pageSize:], offset+db.pageSize)
}

// fill reads all of b.
func (db *DB) fill(b []byte, offset int64) error {
	n, err := db.r.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		return damaged("%d of %d bytes at %d", n, len(b), offset)
	}
	return err
}
