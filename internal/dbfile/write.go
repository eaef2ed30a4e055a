package dbfile

import (
	"cmp"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"
)

// Write writes a file and returns the checksum of its header, which stands for
// the whole content: it covers the checksums of all else. Equal content gives
// equal bytes.
func Write(w io.Writer, c *Content) (uint32, error) {
	meta := appendMeta(nil, c)
	index, entries, err := appendEntries(c)
	if err != nil {
		return 0, err
	}
	blocks, records, err := appendRecords(c.Records)
	if err != nil {
		return 0, err
	}
	parts := [sections][]byte{meta, index, blocks, entries, records}
	if len(meta)+len(index)+len(blocks) > maxHead {
		return 0, fmt.Errorf("dbfile: %q: too many names for one file", c.Ecosystem)
	}
	header := append(make([]byte, 0, headerSize), magic...)
	header = order.AppendUint32(header, Version)
	header = order.AppendUint32(header, sections)
	offset := uint64(headerSize)
	for i, p := range parts {
		header = order.AppendUint64(header, offset)
		header = order.AppendUint64(header, uint64(len(p)))
		sum := uint32(0) // entries and blocks have checksums of their own
		if i < sectionEntries {
			sum = checksum(p)
		}
		header = order.AppendUint32(header, sum)
		offset += uint64(len(p))
	}
	sum := checksum(header)
	header = order.AppendUint32(header, sum)
	for _, p := range append([][]byte{header}, parts[:]...) {
		if _, err := w.Write(p); err != nil {
			return 0, err
		}
	}
	return sum, nil
}

func appendMeta(b []byte, c *Content) []byte {
	b = AppendString(b, c.Ecosystem)
	b = AppendInt(b, c.Modified.Unix())
	b = AppendUint(b, uint64(c.Modified.Nanosecond()))
	b = AppendUint(b, uint64(len(c.Records)))
	b = AppendUint(b, uint64(len(c.Releases)))
	for _, r := range c.Releases {
		b = AppendString(b, r.Name)
		b = AppendString(b, r.Scheme)
		b = AppendUint(b, uint64(r.KeyCheck))
		b = AppendUint(b, uint64(r.Records))
	}
	return b
}

// appendEntries returns the index and the entries. It refuses the wrong order,
// as a reader would not find what is out of place.
func appendEntries(c *Content) (index, entries []byte, err error) {
	if len(c.Releases) > math.MaxUint16 {
		return nil, nil, fmt.Errorf("dbfile: %q: %d releases", c.Ecosystem, len(c.Releases))
	}
	var names []byte
	index = order.AppendUint32(index, uint32(len(c.Entries)))
	for i, e := range c.Entries {
		if i > 0 {
			p := c.Entries[i-1]
			if cmp.Or(cmp.Compare(p.Release, e.Release), cmp.Compare(p.Name, e.Name)) >= 0 {
				return nil, nil, fmt.Errorf("dbfile: entry %q after %q: wrong order", e.Name, p.Name)
			}
		}
		if e.Release < 0 || e.Release >= len(c.Releases) || len(e.Name) > math.MaxUint16 || len(e.Data) > maxEntry {
			return nil, nil, fmt.Errorf("dbfile: entry %q: release %d, %d bytes: out of range", e.Name, e.Release, len(e.Data))
		}
		index = order.AppendUint32(index, uint32(len(names)))
		index = order.AppendUint16(index, uint16(len(e.Name)))
		index = order.AppendUint16(index, uint16(e.Release))
		index = order.AppendUint64(index, uint64(len(entries)))
		index = order.AppendUint32(index, uint32(len(e.Data)))
		index = order.AppendUint32(index, checksum(e.Data))
		names = append(names, e.Name...)
		entries = append(entries, e.Data...)
	}
	if len(names) > maxHead {
		return nil, nil, fmt.Errorf("dbfile: %q: too many names for one file", c.Ecosystem)
	}
	return append(index, names...), entries, nil
}

// appendRecords returns the table of blocks and the blocks.
func appendRecords(records [][]byte) (table, blocks []byte, err error) {
	// One encoder without concurrency: the same bytes on any machine.
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, nil, err
	}
	defer enc.Close() // nothing is pending: EncodeAll does not use the stream
	var raw []byte
	first, count := 0, uint32(0)
	flush := func() {
		start := len(blocks)
		blocks = enc.EncodeAll(raw, blocks)
		table = order.AppendUint32(table, uint32(first))
		table = order.AppendUint64(table, uint64(start))
		table = order.AppendUint32(table, uint32(len(blocks)-start))
		table = order.AppendUint32(table, uint32(len(raw)))
		table = order.AppendUint32(table, checksum(blocks[start:]))
		raw = raw[:0]
		count++
	}
	for i, rec := range records {
		if len(rec) > maxBlock-16 {
			return nil, nil, fmt.Errorf("dbfile: record %d: %d bytes: too large", i, len(rec))
		}
		if len(raw) > 0 && len(raw)+len(rec) > blockTarget {
			flush()
			first = i
		}
		raw = AppendString(raw, rec)
	}
	if len(raw) > 0 {
		flush()
	}
	return append(order.AppendUint32(nil, count), table...), blocks, nil
}
