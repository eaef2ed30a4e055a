package dbfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// Version is the version of the format that this package writes and reads.
const Version = 2

// The layout, see vulndb/FORMAT.md.
const (
	magic = "ivetdb\r\n" // a transfer that changes line ends breaks it

	sectionMeta    = 0 // read by Open
	sectionIndex   = 1 // read by Open
	sectionBlocks  = 2 // read by Open
	sectionEntries = 3
	sectionRecords = 4
	sections       = 5

	headerSize = len(magic) + 4 + 4 + sections*20 + 4

	indexRow = 24
	blockRow = 24

	// blockTarget is how much of the records is compressed together: enough
	// for zstd to find what repeats, little enough for reading one record.
	blockTarget = 32 << 10
)

// Limits in bytes. A file beyond them is not written and not read.
const (
	maxHead  = 512 << 20 // meta, index and blocks together
	maxEntry = 256 << 20 // one entry
	maxBlock = 64 << 20  // one block of records, uncompressed
)

// Errors of [Open]. Errors of reading wrap [ErrDamaged] or are those of the
// file.
var (
	// ErrForeign says that the content is something else.
	ErrForeign = errors.New("not a file of an advisory database")
	// ErrVersion says that the file has a version that is not known here.
	ErrVersion = errors.New("unknown version of the file format")
	// ErrDamaged says that the content is not what was written.
	ErrDamaged = errors.New("file is damaged")
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Meta is what a file says about itself.
type Meta struct {
	// Ecosystem is OSV's name without a release, such as "Debian".
	Ecosystem string
	// Modified is when the newest record was modified.
	Modified time.Time
	// Records is the number of records.
	Records int
	// Releases are sorted by name.
	Releases []Release
}

// A Release is a part of an ecosystem with package names of its own.
type Release struct {
	// Name is what follows the colon in OSV's name of the ecosystem, such as
	// "12"; empty for what is not bound to a release.
	Name string
	// Scheme orders its versions, as package version names it.
	Scheme string
	// KeyCheck tells one encoding of version keys from another.
	KeyCheck uint32
	// Records is the number of records that affect something in it.
	Records int
}

// A Content is what [Write] puts in a file.
type Content struct {
	Ecosystem string
	Modified  time.Time
	Releases  []Release
	// Entries are strictly sorted by release and name.
	Entries []Entry
	// Records are numbered from 0.
	Records [][]byte
}

// An Entry is what is known of one package name.
type Entry struct {
	Release int // an index of Content.Releases
	Name    string
	Data    []byte
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

var order = binary.LittleEndian
