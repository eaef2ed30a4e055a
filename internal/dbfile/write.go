package dbfile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"
)

// Write writes a file and returns the checksum that [Writer.Close] tells.
func Write(out io.Writer, c *Content) (uint32, error) {
	w, err := NewWriter(out, c.Ecosystem)
	if err != nil {
		return 0, err
	}
	for _, rec := range c.Records {
		w.Record(rec)
	}
	for _, e := range c.Entries {
		w.Entry(e.Release, e.Name, e.Data)
	}
	return w.Close(Meta{Modified: c.Modified, Releases: c.Releases})
}

// A Writer writes a file from its beginning to its end: all records, then all
// entries. Of what was written, it keeps only where it is: some bytes for each
// block of records and each group of entries. After the first error it does
// nothing more, and Close tells. Equal calls give equal bytes.
type Writer struct {
	out       io.Writer
	enc       *zstd.Encoder
	ecosystem string
	off       int64
	head      [headSize]byte
	parts     [sections]section
	err       error

	records    int
	block      []byte // the records that are not written yet
	blockFirst int
	blocks     []byte // rows
	buf        []byte

	entriesBegun bool
	entries      int
	release      int
	name         string // of the last entry
	rows         []byte // of the group
	names, data  []byte
	groups       []byte // rows
	groupNames   []byte
}

// NewWriter returns a writer of the file of an ecosystem to out. Close must be
// called.
func NewWriter(out io.Writer, ecosystem string) (*Writer, error) {
	// One encoder without concurrency: the same bytes on any machine.
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	w := &Writer{out: out, enc: enc, ecosystem: ecosystem}
	copy(w.head[:], magic)
	order.PutUint32(w.head[len(magic):], Version)
	w.write(w.head[:])
	w.parts[sectionRecords].offset = w.off
	return w, nil
}

func (w *Writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("dbfile: %q: %w", w.ecosystem, fmt.Errorf(format, args...))
	}
}

func (w *Writer) write(b []byte) {
	if w.err != nil {
		return
	}
	n, err := w.out.Write(b)
	w.off += int64(n)
	if err != nil {
		w.err = err
	}
}

// Record adds a record, which gets the next number from 0 on. No record may
// follow an entry.
func (w *Writer) Record(data []byte) {
	switch {
	case w.entriesBegun:
		w.fail("a record after an entry")
	case len(data) > maxBlock-16:
		w.fail("record %d: %d bytes: too large", w.records, len(data))
	case w.records == math.MaxInt32:
		w.fail("too many records for one file")
	}
	if w.err != nil {
		return
	}
	if len(w.block) > 0 && len(w.block)+len(data) > blockTarget {
		w.flushBlock()
	}
	w.block = AppendString(w.block, data)
	w.records++
}

func (w *Writer) flushBlock() {
	if len(w.block) == 0 {
		return
	}
	w.buf = w.enc.EncodeAll(w.block, w.buf[:0])
	w.blocks = order.AppendUint32(w.blocks, uint32(w.blockFirst))
	w.blocks = order.AppendUint64(w.blocks, uint64(w.off-w.parts[sectionRecords].offset))
	w.blocks = order.AppendUint32(w.blocks, uint32(len(w.buf)))
	w.blocks = order.AppendUint32(w.blocks, uint32(len(w.block)))
	w.blocks = order.AppendUint32(w.blocks, checksum(w.buf))
	w.write(w.buf)
	w.block, w.blockFirst = w.block[:0], w.records
}

// begin ends the records.
func (w *Writer) begin() {
	if w.entriesBegun {
		return
	}
	w.flushBlock()
	w.entriesBegun = true
	w.end(sectionRecords)
}

// end notes the size of a section and that the next one follows.
func (w *Writer) end(i int) {
	w.parts[i].size = w.off - w.parts[i].offset
	if i+1 < sections {
		w.parts[i+1].offset = w.off
	}
}

// Entry adds an entry. They must come strictly sorted by release and name: a
// reader would not find what is out of place.
func (w *Writer) Entry(release int, name string, data []byte) {
	w.begin()
	switch {
	case release < 0 || release > math.MaxUint16 || len(name) > math.MaxUint16 || len(data) > maxEntry:
		w.fail("entry %q: release %d, %d bytes: out of range", name, release, len(data))
	case w.entries > 0 && cmp.Or(cmp.Compare(w.release, release), cmp.Compare(w.name, name)) >= 0:
		w.fail("entry %q after %q: wrong order", name, w.name)
	}
	if w.err != nil {
		return
	}
	if len(w.rows) > 0 && (release != w.release || len(w.rows) == groupEntries*entryRow || len(w.data)+len(data) > groupTarget) {
		w.flushGroup()
	}
	if len(w.rows) == 0 {
		w.groups = order.AppendUint32(w.groups, uint32(len(w.groupNames)))
		w.groups = order.AppendUint16(w.groups, uint16(len(name)))
		w.groups = order.AppendUint16(w.groups, uint16(release))
		w.groupNames = append(w.groupNames, name...)
		if len(w.groupNames) > maxTables {
			w.fail("too many names for one file")
			return
		}
	}
	w.rows = order.AppendUint32(w.rows, uint32(len(w.names)))
	w.rows = order.AppendUint32(w.rows, uint32(len(name)))
	w.rows = order.AppendUint32(w.rows, uint32(len(w.data)))
	w.rows = order.AppendUint32(w.rows, uint32(len(data)))
	w.rows = order.AppendUint32(w.rows, checksum(data))
	w.names = append(w.names, name...)
	w.data = append(w.data, data...)
	w.release, w.name = release, name
	w.entries++
}

func (w *Writer) flushGroup() {
	if len(w.rows) == 0 {
		return
	}
	w.buf = order.AppendUint32(w.buf[:0], uint32(len(w.rows)/entryRow))
	w.buf = append(append(w.buf, w.rows...), w.names...)
	w.groups = order.AppendUint64(w.groups, uint64(w.off-w.parts[sectionEntries].offset))
	w.groups = order.AppendUint32(w.groups, uint32(len(w.buf)))
	w.groups = order.AppendUint32(w.groups, checksum(w.buf))
	w.write(w.buf)
	w.write(w.data)
	w.rows, w.names, w.data = w.rows[:0], w.names[:0], w.data[:0]
}

// Records returns the number of records so far.
func (w *Writer) Records() int { return w.records }

// Close writes what is left, with the modification time and the releases of
// meta; its other fields are known. It returns a checksum that stands for the
// whole content, as it covers the checksums of all else, and the first error.
func (w *Writer) Close(meta Meta) (uint32, error) {
	w.begin()
	w.flushGroup()
	w.end(sectionEntries)
	defer w.enc.Close() // nothing is pending: EncodeAll does not use the stream
	if len(meta.Releases) > math.MaxUint16 {
		w.fail("%d releases", len(meta.Releases))
	} else if w.entries > 0 && w.release >= len(meta.Releases) {
		w.fail("an entry of release %d: out of range", w.release)
	}
	meta.Ecosystem, meta.Records = w.ecosystem, w.records
	tables := [...][]byte{
		append(order.AppendUint32(nil, uint32(len(w.blocks)/blockRow)), w.blocks...),
		append(append(order.AppendUint32(nil, uint32(len(w.groups)/groupRow)), w.groups...), w.groupNames...),
		appendMeta(nil, &meta),
	}
	if len(tables[0])+len(tables[1])+len(tables[2]) > maxTables {
		w.fail("too many names for one file")
	}
	for i, t := range tables {
		p := &w.parts[sectionBlocks+i]
		p.sum = checksum(t)
		w.write(t)
		w.end(sectionBlocks + i)
	}
	tail := make([]byte, 0, tailSize)
	for _, p := range w.parts {
		tail = order.AppendUint64(tail, uint64(p.offset))
		tail = order.AppendUint64(tail, uint64(p.size))
		tail = order.AppendUint32(tail, p.sum) // 0 for those with checksums inside
	}
	sum := tailSum(w.head[:], tail)
	w.write(order.AppendUint32(tail, sum))
	err := w.err
	if err == nil {
		w.err = errors.New("dbfile: writer is closed")
	}
	return sum, err
}

// tailSum returns the checksum of the head and of the table at the end.
func tailSum(head, tail []byte) uint32 {
	return checksum(append(append(make([]byte, 0, headSize+tailSize), head...), tail...))
}

func appendMeta(b []byte, m *Meta) []byte {
	b = AppendString(b, m.Ecosystem)
	b = AppendInt(b, m.Modified.Unix())
	b = AppendUint(b, uint64(m.Modified.Nanosecond()))
	b = AppendUint(b, uint64(m.Records))
	b = AppendUint(b, uint64(len(m.Releases)))
	for _, r := range m.Releases {
		b = AppendString(b, r.Name)
		b = AppendString(b, r.Scheme)
		b = AppendUint(b, uint64(r.KeyCheck))
		b = AppendUint(b, uint64(r.Records))
	}
	return b
}
