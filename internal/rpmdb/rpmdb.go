// Package rpmdb reads the databases in which rpm keeps the headers of the
// packages that it installed. It reads, and only reads, without a database
// engine and without temporary files:
//
//   - Berkeley DB in its hash format, the file Packages of rpm up to 4.15;
//   - NDB, rpm's own format, the file Packages.db of SUSE;
//   - SQLite, the file rpmdb.sqlite of rpm since 4.16, and the write-ahead
//     log beside it, rpmdb.sqlite-wal.
//
// [Read] tells the format by the content and hands out the headers one by one;
// [ParseHeader] takes a header apart; [KeyID] names the key that signed it.
//
// The content is hostile. Every page of a file is used at most once, and where
// there are no pages, no more bytes are read than the file has, so that neither
// a loop nor many references to one place cost more than reading the file. Damage is told
// beside what could be read, and does not end the reading.
package rpmdb

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// ErrFormat is returned for a file that is in none of the formats, or in a
// variant of one that cannot be read.
var ErrFormat = errors.New("not an rpm database")

// The largest databases of images have about 50 MiB, and 3,000 packages.
const (
	// maxFile is the size in bytes up to which a file is read.
	maxFile = 512 << 20
	// maxHeader is the length of a header up to which it is read. The largest
	// are those of packages with some 100,000 files: 10 MiB.
	maxHeader = 64 << 20
)

// Format is a format of database.
type Format int

// The formats.
const (
	Unknown Format = iota
	BerkeleyDB
	NDB
	SQLite
	SQLiteWAL
)

// String returns the name of the format.
func (f Format) String() string {
	switch f {
	case BerkeleyDB:
		return "Berkeley DB"
	case NDB:
		return "NDB"
	case SQLite:
		return "SQLite"
	case SQLiteWAL:
		return "SQLite write-ahead log"
	default:
		return "unknown"
	}
}

// sniffLen is how many bytes tell the format.
const sniffLen = 72

// Sniff tells the format by the first bytes of a file, of which 72 are enough.
func Sniff(head []byte) Format {
	switch {
	case isSQLite(head):
		return SQLite
	case isWAL(head):
		return SQLiteWAL
	case isNDB(head):
		return NDB
	case isBerkeley(head):
		return BerkeleyDB
	}
	return Unknown
}

// A Visitor takes what [Read] finds, in the order of the file.
type Visitor struct {
	// Header takes the header of one package, as [ParseHeader] reads it. ID is
	// its number in the database, 0 where it is not known. Header is valid
	// during the call. An error ends the reading.
	Header func(id uint32, header []byte) error
	// Damage takes what could not be read. Where the beginning of a header
	// could be, it was given to Header before.
	Damage func(err error)
}

// Read hands out the headers in the database r of size bytes. The error wraps
// [ErrFormat] if r is no database, and [inventory.ErrTooLarge] if it is too
// large; otherwise it is one of r's, of ctx's or of v.Header's.
func Read(ctx context.Context, r io.ReaderAt, size int64, v Visitor) (Format, error) {
	if size > maxFile {
		return Unknown, fmt.Errorf("more than %d bytes: %w", maxFile, inventory.ErrTooLarge)
	}
	head := make([]byte, min(size, sniffLen))
	if err := readAt(r, head, 0); err != nil {
		return Unknown, err
	}
	rd := &reader{ctx: ctx, r: r, size: size, visitor: v}
	format := Sniff(head)
	switch format {
	case BerkeleyDB:
		return format, rd.berkeley(head)
	case NDB:
		return format, rd.ndb(head)
	case SQLite:
		return format, rd.sqlite()
	case SQLiteWAL:
		return format, rd.wal()
	default:
		return format, fmt.Errorf("it begins with %q: %w", head[:min(len(head), 16)], ErrFormat)
	}
}

// A reader reads one database.
type reader struct {
	ctx     context.Context
	r       io.ReaderAt
	size    int64
	visitor Visitor

	pageSize int64
	pages    int64  // how many there are, the last one perhaps cut off
	first    int64  // the number that the format gives to the first page
	used     []byte // a bit for each page, set once it was read
	taken    int64  // bytes of all blobs of an NDB so far
	blob     []byte // of the header that is being put together
}

// setPages tells how the file is divided.
func (rd *reader) setPages(pageSize int64) {
	rd.pageSize = pageSize
	rd.pages = (rd.size + pageSize - 1) / pageSize
	rd.used = make([]byte, (rd.pages+7)/8)
}

// use marks page n, counted from 0, as read. It returns an error if there is
// no such page, or if it was read before: no page belongs to two things, so
// that would be a loop, or a way to have one page read again and again.
func (rd *reader) use(n int64) error {
	if n < 0 || n >= rd.pages {
		return fmt.Errorf("there is no page %d, the file has %d", n+rd.first, rd.pages)
	}
	if rd.used[n/8]&(1<<(n%8)) != 0 {
		return fmt.Errorf("page %d is used twice", n+rd.first)
	}
	rd.used[n/8] |= 1 << (n % 8)
	return nil
}

// page reads page n, which exists, into buf. The rest of a page that the file
// ends in is zero.
func (rd *reader) page(n int64, buf []byte) error {
	if err := rd.ctx.Err(); err != nil {
		return err
	}
	off := n * rd.pageSize
	have := min(rd.pageSize, rd.size-off)
	clear(buf[have:])
	return readAt(rd.r, buf[:have], off)
}

// give hands out a header.
func (rd *reader) give(id uint32, header []byte) error {
	if err := rd.ctx.Err(); err != nil {
		return err
	}
	return rd.visitor.Header(id, header)
}

func (rd *reader) damage(format string, args ...any) {
	rd.visitor.Damage(fmt.Errorf(format, args...))
}

// readAt fills p from r. What it asks for lies within the size that the image
// states, so that a shorter file is an error.
func readAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
