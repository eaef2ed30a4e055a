package dbfile

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// A Reader reads one file. It is safe for concurrent use.
type Reader struct {
	r      io.ReaderAt
	meta   Meta
	head   uint32 // checksum of the header
	index  []byte // the rows of the index
	names  []byte // what they point into
	blocks []byte // the rows of the table of blocks

	entries, records section
	zstd             *zstd.Decoder
}

type section struct {
	offset, size int64
	sum          uint32
}

// NewDecompressor returns what [Open] needs to read records. One serves any
// number of files and goroutines.
func NewDecompressor() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxBlock))
}

// Open reads the header of a file of size bytes and the sections that are
// needed to find the rest. It keeps r, which must allow concurrent use.
func Open(r io.ReaderAt, size int64, z *zstd.Decoder) (*Reader, error) {
	header := make([]byte, headerSize)
	if n := min(size, int64(headerSize)); n < int64(headerSize) || !readFull(r, header, 0) {
		// Too short for the header, but perhaps one of ours.
		if n >= int64(len(magic)) && readFull(r, header[:len(magic)], 0) && string(header[:len(magic)]) == magic {
			return nil, damaged("%d bytes are too few", size)
		}
		return nil, ErrForeign
	}
	if string(header[:len(magic)]) != magic {
		return nil, ErrForeign
	}
	b := header[len(magic):]
	if v := order.Uint32(b); v != Version {
		return nil, fmt.Errorf("%w: %d, known is %d", ErrVersion, v, Version)
	}
	sum := order.Uint32(header[headerSize-4:])
	if checksum(header[:headerSize-4]) != sum {
		return nil, damaged("checksum of the header")
	}
	parts, err := parseSections(b[4:], size)
	if err != nil {
		return nil, err
	}
	d := &Reader{r: r, head: sum, entries: parts[sectionEntries], records: parts[sectionRecords], zstd: z}
	var raw [sectionEntries][]byte
	for i := range raw {
		p := parts[i]
		raw[i] = make([]byte, p.size)
		if !readFull(r, raw[i], p.offset) {
			return nil, damaged("section %d cannot be read", i)
		}
		if checksum(raw[i]) != p.sum {
			return nil, damaged("checksum of section %d", i)
		}
	}
	if err := d.parseMeta(raw[sectionMeta]); err != nil {
		return nil, err
	}
	if d.index, d.names, err = rows(raw[sectionIndex], indexRow); err != nil {
		return nil, err
	}
	var rest []byte
	if d.blocks, rest, err = rows(raw[sectionBlocks], blockRow); err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, damaged("%d bytes after the table of blocks", len(rest))
	}
	return d, nil
}

// parseSections reads the places of the sections. They fill the file without
// gaps, so a file that lost or gained a byte is recognised.
func parseSections(b []byte, size int64) ([sections]section, error) {
	var out [sections]section
	if n := order.Uint32(b); n != sections {
		return out, damaged("%d sections", n)
	}
	b = b[4:]
	next := int64(headerSize)
	for i := range out {
		offset, length := order.Uint64(b), order.Uint64(b[8:])
		if offset != uint64(next) || length > uint64(size-next) {
			return out, damaged("section %d ends outside of the file of %d bytes", i, size)
		}
		out[i] = section{next, int64(length), order.Uint32(b[16:])}
		next += int64(length)
		if i < sectionEntries && next > int64(headerSize)+maxHead {
			return out, damaged("section %d has %d bytes", i, length)
		}
		b = b[20:]
	}
	if next != size {
		return out, damaged("%d bytes instead of %d", size, next)
	}
	return out, nil
}

func (d *Reader) parseMeta(b []byte) error {
	dec := NewDecoder(b)
	d.meta.Ecosystem = dec.String()
	sec, nsec := dec.Int(), dec.Uint()
	records := dec.Uint()
	if nsec >= 1e9 || records > math.MaxInt32 {
		return damaged("%d records, %d nanoseconds", records, nsec)
	}
	d.meta.Modified = time.Unix(sec, int64(nsec)).UTC()
	d.meta.Records = int(records)
	for range dec.Count() {
		r := Release{Name: dec.String(), Scheme: dec.String()}
		sum, n := dec.Uint(), dec.Uint()
		if sum > math.MaxUint32 || n > records {
			return damaged("release %q: %d records", r.Name, n)
		}
		r.KeyCheck, r.Records = uint32(sum), int(n)
		d.meta.Releases = append(d.meta.Releases, r)
	}
	if dec.Err() != nil || dec.Len() > 0 {
		return damaged("section %d", sectionMeta)
	}
	return nil
}

// rows splits a table that begins with its number of rows from what follows.
func rows(b []byte, width int) (table, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, damaged("a table of %d bytes", len(b))
	}
	n := uint64(order.Uint32(b)) * uint64(width)
	b = b[4:]
	if n > uint64(len(b)) {
		return nil, nil, damaged("a table of %d bytes in %d", n, len(b))
	}
	return b[:n:n], b[n:], nil
}

// readFull reports whether all of b could be read.
func readFull(r io.ReaderAt, b []byte, off int64) bool {
	n, _ := r.ReadAt(b, off)
	return n == len(b)
}

// Meta returns what the file says about itself. The caller must not change it.
func (d *Reader) Meta() Meta { return d.meta }

// HeaderSum returns the checksum of the header, see [Write].
func (d *Reader) HeaderSum() uint32 { return d.head }

// Release returns the index of the named release in Meta().Releases.
func (d *Reader) Release(name string) (int, bool) {
	return sort.Find(len(d.meta.Releases), func(i int) int {
		return strings.Compare(name, d.meta.Releases[i].Name)
	})
}

// Len is the number of entries.
func (d *Reader) Len() int { return len(d.index) / indexRow }

// name returns the release and name of an entry, and false if the name lies
// outside of the index.
func (d *Reader) name(i int) (release int, name []byte, ok bool) {
	row := d.index[i*indexRow:]
	off, n := uint64(order.Uint32(row)), uint64(order.Uint16(row[4:]))
	if off+n > uint64(len(d.names)) {
		return 0, nil, false
	}
	return int(order.Uint16(row[6:])), d.names[off : off+n], true
}

// Name returns the release, as an index of Meta().Releases, and the name of
// entry i, which must be in [0, Len()).
func (d *Reader) Name(i int) (release int, name string, err error) {
	release, b, ok := d.name(i)
	if !ok || release >= len(d.meta.Releases) {
		return 0, "", damaged("the name of entry %d", i)
	}
	return release, string(b), nil
}

// Lookup returns the data of an entry, read into buf if it is large enough.
// It reports false if there is no such entry.
func (d *Reader) Lookup(buf []byte, release int, name string) ([]byte, bool, error) {
	lost := false
	i, found := sort.Find(d.Len(), func(i int) int {
		r, b, ok := d.name(i)
		if !ok {
			lost = true
			return 0
		}
		switch { // conversions within a comparison copy nothing
		case release != r:
			return cmp.Compare(release, r)
		case name < string(b):
			return -1
		case name > string(b):
			return +1
		}
		return 0
	})
	if lost {
		return nil, false, damaged("a name in the index")
	}
	if !found {
		return nil, false, nil
	}
	row := d.index[i*indexRow+8:]
	data, err := d.read(buf, d.entries, order.Uint64(row), uint64(order.Uint32(row[8:])), order.Uint32(row[12:]))
	if err != nil {
		return nil, false, fmt.Errorf("entry of %q: %w", name, err)
	}
	return data, true, nil
}

// read reads and checks size bytes of a section.
func (d *Reader) read(buf []byte, s section, off, size uint64, sum uint32) ([]byte, error) {
	if size > maxEntry || off > uint64(s.size) || size > uint64(s.size)-off {
		return nil, damaged("%d bytes at %d of %d", size, off, s.size)
	}
	buf = slices.Grow(buf[:0], int(size))[:size]
	if n, err := d.r.ReadAt(buf, s.offset+int64(off)); n < len(buf) {
		if err == io.EOF { // it was longer when it was opened
			return nil, damaged("%d of %d bytes at %d", n, size, s.offset+int64(off))
		}
		return nil, err
	}
	if checksum(buf) != sum {
		return nil, damaged("checksum of %d bytes at %d", size, s.offset+int64(off))
	}
	return buf, nil
}

// Records calls yield for each of the numbers, which must be sorted, with that
// record's data, valid until yield returns. Each block is read once.
func (d *Reader) Records(ctx context.Context, numbers []int, yield func(n int, data []byte) error) error {
	var buf, raw []byte
	count := len(d.blocks) / blockRow
	for len(numbers) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := numbers[0]
		if n < 0 || n >= d.meta.Records {
			return damaged("record %d of %d", n, d.meta.Records)
		}
		// The last block whose first record is not beyond n.
		b := sort.Search(count, func(i int) bool { return int64(order.Uint32(d.blocks[i*blockRow:])) > int64(n) }) - 1
		if b < 0 {
			return damaged("no block for record %d", n)
		}
		row := d.blocks[b*blockRow:]
		var err error
		buf, err = d.read(buf, d.records, order.Uint64(row[4:]), uint64(order.Uint32(row[12:])), order.Uint32(row[20:]))
		if err != nil {
			return fmt.Errorf("block %d: %w", b, err)
		}
		size := order.Uint32(row[16:])
		if size > maxBlock {
			return damaged("block %d: %d bytes", b, size)
		}
		raw, err = d.zstd.DecodeAll(buf, slices.Grow(raw[:0], int(size)))
		if err != nil || len(raw) != int(size) {
			return damaged("block %d: %d of %d bytes, %v", b, len(raw), size, err)
		}
		dec := NewDecoder(raw)
		for i := int64(order.Uint32(row)); len(numbers) > 0 && dec.Len() > 0; i++ {
			rec := dec.Bytes()
			if dec.Err() != nil {
				return damaged("block %d: %v", b, dec.Err())
			}
			for len(numbers) > 0 && int64(numbers[0]) == i {
				if err := yield(numbers[0], rec); err != nil {
					return err
				}
				numbers = numbers[1:]
			}
		}
		if len(numbers) > 0 && numbers[0] == n {
			return damaged("block %d has no record %d", b, n)
		}
	}
	return nil
}
