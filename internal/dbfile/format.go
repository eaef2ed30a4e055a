package dbfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// Version is the version of the format that this package writes and reads.
const Version = 3

// The layout, see vulndb/FORMAT.md. A file is written from its beginning to
// its end: what tells where things are comes last.
const (
	magic    = "ivetdb\r\n" // a transfer that changes line ends breaks it
	headSize = len(magic) + 4 + 4

	sectionRecords = 0 // blocks of records
	sectionEntries = 1 // groups of entries
	sectionBlocks  = 2 // read by Open: where blocks are
	sectionGroups  = 3 // read by Open: where groups are
	sectionMeta    = 4 // read by Open
	sections       = 5

	sectionRow  = 20
	tailSize    = sections*sectionRow + 4
	minFileSize = headSize + tailSize

	blockRow = 24
	groupRow = 24
	entryRow = 20

	// blockTarget is how much of the records is compressed together: enough
	// for zstd to find what repeats, little enough for reading one record.
	blockTarget = 32 << 10
	// A group ends with so many entries or so many bytes of them.
	groupEntries = 64
	groupTarget  = 32 << 10
)

// Limits in bytes. A file beyond them is not written and not read.
const (
	maxTables = 512 << 20 // meta and both tables together
	maxEntry  = 256 << 20 // one entry
	maxBlock  = 64 << 20  // one block of records, uncompressed
	maxHead   = 8 << 20   // what a group says of its entries
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

var table = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, table) }

var order = binary.LittleEndian
