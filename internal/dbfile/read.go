package dbfile

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
)

// A Reader reads one file. It is safe for concurrent use, except that Close
// must come last.
type Reader struct {
	src        source
	meta       Meta
	tail       uint32 // checksum at the end
	groups     []byte // rows
	groupNames []byte // what they point into
	blocks     []byte // rows
	zstd       *zstd.Decoder

	entries, records section

	// checked has a bit for each group whose head was compared with its
	// checksum. It is nil if the file is not in memory: what is read again has
	// to be compared again.
	checked []atomic.Uint32
}

// A section is a part of the file.
type section struct {
	offset, size int64
	sum          uint32
}

// A source gives parts of the file: of the map of it, or read into buf.
type source struct {
	mapped []byte
	r      io.ReaderAt
	unmap  func([]byte) error
}

// get returns size bytes. They are read into *buf, which grows, if there is no
// map; a nil buf stands for memory of its own.
func (s *source) get(buf *[]byte, off int64, size int) ([]byte, error) {
	if s.r == nil {
		if off < 0 || size < 0 || off > int64(len(s.mapped)) || size > len(s.mapped)-int(off) {
			return nil, damaged("%d bytes at %d of %d", size, off, len(s.mapped))
		}
		return s.mapped[off : int(off)+size : int(off)+size], nil
	}
	if buf == nil {
		buf = new([]byte)
	}
	*buf = slices.Grow((*buf)[:0], size)[:size]
	if n, err := s.r.ReadAt(*buf, off); n < size {
		if err == io.EOF { // it was longer when it was opened
			return nil, damaged("%d of %d bytes at %d", n, size, off)
		}
		return nil, err
	}
	return *buf, nil
}

// NewDecompressor returns what [Open] needs to read records. One serves any
// number of files and goroutines.
func NewDecompressor() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxBlock))
}

// Open reads the tables of a file of size bytes that tell where the rest is. It
// keeps r, which must allow concurrent use.
func Open(r io.ReaderAt, size int64, z *zstd.Decoder) (*Reader, error) {
	return open(source{r: r}, size, z)
}

// OpenFile opens a file of size bytes. Where the system allows it the file is
// mapped into memory, and is not needed any more when OpenFile returns;
// otherwise it is read piece by piece, and closed by Close. On error it stays
// open.
//
// A mapped file that somebody makes shorter makes the program fail on access:
// see [BeginGuard].
func OpenFile(f *os.File, size int64, z *zstd.Decoder) (*Reader, error) {
	mapped, err := mapFile(f, size)
	if err != nil { // not here, or too large for the address space
		d, err := open(source{r: f, unmap: func([]byte) error { return f.Close() }}, size, z)
		return d, err
	}
	d, err := open(source{mapped: mapped, unmap: unmapFile}, size, z)
	if err != nil {
		_ = unmapFile(mapped) // what went wrong before is what matters
		return nil, err
	}
	// Only read so far, and the map stays: nothing can be lost.
	_ = f.Close()
	return d, nil
}

// Close ends the use of the file. What the other methods returned before, and
// was not copied, must not be used any more.
func (d *Reader) Close() error {
	if d.src.unmap == nil {
		return nil
	}
	unmap := d.src.unmap
	d.src.unmap = nil
	return unmap(d.src.mapped)
}

// Mapped reports whether the file is mapped into memory.
func (d *Reader) Mapped() bool { return d.src.r == nil }

func open(src source, size int64, z *zstd.Decoder) (*Reader, error) {
	head, err := src.get(nil, 0, int(min(size, int64(headSize))))
	if err != nil || len(head) < len(magic) || string(head[:len(magic)]) != magic {
		return nil, ErrForeign
	}
	if len(head) < headSize {
		return nil, damaged("%d bytes are too few", size)
	}
	if v := order.Uint32(head[len(magic):]); v != Version {
		return nil, fmt.Errorf("%w: %d, known is %d", ErrVersion, v, Version)
	}
	if size < int64(minFileSize) {
		return nil, damaged("%d bytes are too few", size)
	}
	tail, err := src.get(nil, size-int64(tailSize), tailSize)
	if err != nil {
		return nil, err
	}
	sum := order.Uint32(tail[tailSize-4:])
	if tailSum(head, tail[:tailSize-4]) != sum {
		return nil, damaged("checksum of the table of sections")
	}
	parts, err := parseSections(tail, size)
	if err != nil {
		return nil, err
	}
	d := &Reader{src: src, tail: sum, entries: parts[sectionEntries], records: parts[sectionRecords], zstd: z}
	var raw [sections][]byte
	for i := sectionBlocks; i < sections; i++ {
		p := parts[i]
		if raw[i], err = src.get(nil, p.offset, int(p.size)); err != nil {
			return nil, err
		}
		if checksum(raw[i]) != p.sum {
			return nil, damaged("checksum of section %d", i)
		}
	}
	if err := d.parseMeta(raw[sectionMeta]); err != nil {
		return nil, err
	}
	if d.groups, d.groupNames, err = rows(raw[sectionGroups], groupRow); err != nil {
		return nil, err
	}
	var rest []byte
	if d.blocks, rest, err = rows(raw[sectionBlocks], blockRow); err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, damaged("%d bytes after the table of blocks", len(rest))
	}
	if d.Mapped() {
		d.checked = make([]atomic.Uint32, (d.groupCount()+31)/32)
	}
	return d, nil
}

// parseSections reads the places of the sections. They fill the file without
// gaps, so a file that lost or gained a byte is recognised.
func parseSections(b []byte, size int64) ([sections]section, error) {
	var out [sections]section
	next, last := int64(headSize), size-int64(tailSize)
	tables := int64(0)
	for i := range out {
		offset, length := order.Uint64(b), order.Uint64(b[8:])
		if offset != uint64(next) || length > uint64(last-next) {
			return out, damaged("section %d ends outside of the file of %d bytes", i, size)
		}
		out[i] = section{next, int64(length), order.Uint32(b[16:])}
		next += int64(length)
		if i >= sectionBlocks {
			if tables += int64(length); tables > maxTables {
				return out, damaged("section %d has %d bytes", i, length)
			}
		}
		b = b[sectionRow:]
	}
	if next != last {
		return out, damaged("%d bytes instead of %d", size, next+int64(tailSize))
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

// Meta returns what the file says about itself. The caller must not change it.
func (d *Reader) Meta() Meta { return d.meta }

// Sum returns the checksum that [Writer.Close] told.
func (d *Reader) Sum() uint32 { return d.tail }

// Release returns the index of the named release in Meta().Releases.
func (d *Reader) Release(name string) (int, bool) {
	return sort.Find(len(d.meta.Releases), func(i int) int {
		return strings.Compare(name, d.meta.Releases[i].Name)
	})
}

func (d *Reader) groupCount() int { return len(d.groups) / groupRow }

// group returns the release and first name of a group.
func (d *Reader) group(i int) (release int, name []byte, err error) {
	row := d.groups[i*groupRow:]
	off, n := uint64(order.Uint32(row)), uint64(order.Uint16(row[4:]))
	if off+n > uint64(len(d.groupNames)) {
		return 0, nil, damaged("the name of group %d", i)
	}
	return int(order.Uint16(row[6:])), d.groupNames[off : off+n], nil
}

// A head is what a group says of its entries, and where their data is.
type head struct {
	rows, names []byte
	data        int64 // offset in the section of entries
}

// head reads and checks the head of a group.
func (d *Reader) head(buf *[]byte, i int) (head, error) {
	row := d.groups[i*groupRow+8:]
	off, size, sum := order.Uint64(row), uint64(order.Uint32(row[8:])), order.Uint32(row[12:])
	if size > maxHead {
		return head{}, damaged("head of group %d: %d bytes", i, size)
	}
	b, err := d.section(buf, d.entries, off, size)
	if err != nil {
		return head{}, err
	}
	if d.checked == nil || d.checked[i/32].Load()&(1<<(i%32)) == 0 {
		if checksum(b) != sum {
			return head{}, damaged("checksum of group %d", i)
		}
		if d.checked != nil {
			d.checked[i/32].Or(1 << (i % 32))
		}
	}
	h := head{data: int64(off + size)}
	h.rows, h.names, err = rows(b, entryRow)
	if err == nil && len(h.rows) == 0 {
		err = damaged("group %d is empty", i)
	}
	return h, err
}

func (h *head) len() int { return len(h.rows) / entryRow }

func (h *head) name(i int) ([]byte, error) {
	row := h.rows[i*entryRow:]
	off, n := uint64(order.Uint32(row)), uint64(order.Uint32(row[4:]))
	if off+n > uint64(len(h.names)) {
		return nil, damaged("the name of entry %d", i)
	}
	return h.names[off : off+n], nil
}

// entry reads and checks the data of an entry.
func (d *Reader) entry(buf *[]byte, h *head, i int) ([]byte, error) {
	row := h.rows[i*entryRow+8:]
	off, size, sum := order.Uint32(row), uint64(order.Uint32(row[4:])), order.Uint32(row[8:])
	if size > maxEntry {
		return nil, damaged("an entry of %d bytes", size)
	}
	b, err := d.section(buf, d.entries, uint64(h.data)+uint64(off), size)
	if err != nil {
		return nil, err
	}
	if checksum(b) != sum {
		return nil, damaged("checksum of %d bytes", size)
	}
	return b, nil
}

// section returns size bytes of a section.
func (d *Reader) section(buf *[]byte, s section, off, size uint64) ([]byte, error) {
	if off > uint64(s.size) || size > uint64(s.size)-off {
		return nil, damaged("%d bytes at %d of %d", size, off, s.size)
	}
	return d.src.get(buf, s.offset+int64(off), int(size))
}

// Lookup returns the data of an entry: a part of the map of the file, or what
// was read into *buf, which grows as need be; buf can be nil. It reports false
// if there is no such entry.
func (d *Reader) Lookup(buf *[]byte, release int, name []byte) ([]byte, bool, error) {
	// The last group that does not begin after the entry.
	low, high := 0, d.groupCount()
	for low < high {
		mid := (low + high) / 2
		r, first, err := d.group(mid)
		if err != nil {
			return nil, false, err
		}
		if r > release || r == release && bytes.Compare(first, name) > 0 {
			high = mid
		} else {
			low = mid + 1
		}
	}
	if low == 0 {
		return nil, false, nil
	}
	if r, _, err := d.group(low - 1); err != nil || r != release {
		return nil, false, err
	}
	h, err := d.head(buf, low-1)
	if err != nil {
		return nil, false, err
	}
	low, high = 0, h.len()
	for low < high {
		mid := (low + high) / 2
		n, err := h.name(mid)
		if err != nil {
			return nil, false, err
		}
		if bytes.Compare(n, name) < 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == h.len() {
		return nil, false, nil
	}
	if n, err := h.name(low); err != nil || !bytes.Equal(n, name) {
		return nil, false, err
	}
	// The head is not needed any more: its buffer serves for the entry.
	row := [entryRow]byte(h.rows[low*entryRow:])
	h.rows = row[:]
	data, err := d.entry(buf, &h, 0)
	if err != nil {
		return nil, false, fmt.Errorf("entry of %q: %w", name, err)
	}
	return data, true, nil
}

// A Cursor goes through the entries of a file in their order.
type Cursor struct {
	d            *Reader
	group, i     int // the next entry
	h            head
	headBuf, buf []byte
	entry        Entry
	err          error
}

// Cursor returns a cursor before the first entry. It is for one goroutine.
func (d *Reader) Cursor() *Cursor { return &Cursor{d: d, entry: Entry{Release: -1}} }

// Next goes to the next entry. It reports false at the end and after an error.
func (c *Cursor) Next() bool {
	if c.err != nil {
		return false
	}
	for c.i == c.h.len() {
		if c.group == c.d.groupCount() {
			return false
		}
		if c.h, c.err = c.d.head(&c.headBuf, c.group); c.err != nil {
			return false
		}
		c.group++
		c.i = 0
	}
	next, err := c.read()
	if err != nil {
		c.err = err
		return false
	}
	c.entry = next
	c.i++
	return true
}

// read reads the next entry and checks that Lookup finds it.
func (c *Cursor) read() (Entry, error) {
	release, first, err := c.d.group(c.group - 1)
	if err != nil {
		return Entry{}, err
	}
	if release >= len(c.d.meta.Releases) {
		return Entry{}, damaged("group %d is of release %d", c.group-1, release)
	}
	name, err := c.h.name(c.i)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Release: release, Name: string(name)}
	if c.i == 0 && e.Name != string(first) || cmp.Or(cmp.Compare(c.entry.Release, e.Release), cmp.Compare(c.entry.Name, e.Name)) >= 0 {
		return Entry{}, damaged("entry %q is out of place", e.Name)
	}
	e.Data, err = c.d.entry(&c.buf, &c.h, c.i)
	return e, err
}

// Entry returns the entry that the cursor is at. Data is valid until Next.
func (c *Cursor) Entry() Entry { return c.entry }

// Err returns the error that ended Next.
func (c *Cursor) Err() error { return c.err }

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
		packed, size := uint64(order.Uint32(row[12:])), order.Uint32(row[16:])
		if size > maxBlock || packed > 2*maxBlock {
			return damaged("block %d: %d bytes, compressed %d", b, size, packed)
		}
		data, err := d.section(&buf, d.records, order.Uint64(row[4:]), packed)
		if err != nil {
			return fmt.Errorf("block %d: %w", b, err)
		}
		if checksum(data) != order.Uint32(row[20:]) {
			return damaged("checksum of block %d", b)
		}
		raw, err = d.zstd.DecodeAll(data, slices.Grow(raw[:0], int(size)))
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
