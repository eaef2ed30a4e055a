// Package rpmdbtest writes headers and databases of rpm for tests: as small as
// the formats allow, and good enough for rpm and SQLite to read them.
package rpmdbtest

import (
	"encoding/binary"
	"fmt"
	"hash/adler32"

	"github.com/imagevet/imagevet/internal/rpmdb"
)

// A Tag is a value of a header: a string, []string, []uint16, []uint32, []byte
// or [Raw].
type Tag struct {
	Tag   rpmdb.Tag
	Value any
}

// Raw is an entry of the index as it is, without data of its own.
type Raw struct{ Type, Offset, Count uint32 }

// Chars is the value of a tag of single bytes.
type Chars []byte

// Header returns a header as a database holds it.
func Header(tags ...Tag) []byte {
	var index, data []byte
	for _, t := range tags {
		raw := Raw{Offset: uint32(len(data))}
		switch v := t.Value.(type) {
		case string:
			raw.Type, raw.Count = 6, 1
			data = append(append(data, v...), 0)
		case []string:
			raw.Type, raw.Count = 8, uint32(len(v))
			for _, s := range v {
				data = append(append(data, s...), 0)
			}
		case []uint16:
			raw.Type, raw.Count = 3, uint32(len(v))
			for len(data)%2 != 0 {
				data = append(data, 0)
			}
			raw.Offset = uint32(len(data))
			for _, n := range v {
				data = binary.BigEndian.AppendUint16(data, n)
			}
		case []uint32:
			raw.Type, raw.Count = 4, uint32(len(v))
			for len(data)%4 != 0 {
				data = append(data, 0)
			}
			raw.Offset = uint32(len(data))
			for _, n := range v {
				data = binary.BigEndian.AppendUint32(data, n)
			}
		case Chars:
			raw.Type, raw.Count = 1, uint32(len(v))
			data = append(data, v...)
		case []byte:
			raw.Type, raw.Count = 7, uint32(len(v))
			data = append(data, v...)
		case Raw:
			raw = v
		default:
			panic(fmt.Sprintf("a value of type %T", v))
		}
		for _, n := range []uint32{uint32(t.Tag), raw.Type, raw.Offset, raw.Count} {
			index = binary.BigEndian.AppendUint32(index, n)
		}
	}
	header := binary.BigEndian.AppendUint32(nil, uint32(len(tags)))
	header = binary.BigEndian.AppendUint32(header, uint32(len(data)))
	return append(append(header, index...), data...)
}

// Berkeley returns a Berkeley DB with the headers, numbered from 1, in pages
// of the given type: 13, or 2 as up to version 4.5. As rpm has it, the first
// pair, of key 0, is the highest number. Headers up to a quarter of a page lie
// in their bucket.
func Berkeley(order binary.ByteOrder, pageSize int, kind byte, headers ...[]byte) []byte {
	meta := make([]byte, pageSize)
	order.PutUint32(meta[12:], 0x00061561)
	order.PutUint32(meta[16:], 9)
	order.PutUint32(meta[20:], uint32(pageSize))
	meta[25] = 8                  // the metadata of a hash
	order.PutUint32(meta[76:], 1) // high mask
	order.PutUint32(meta[96:], 1) // the page of the first bucket
	pages := [][]byte{meta}
	newPage := func(kind byte) []byte {
		page := make([]byte, pageSize)
		order.PutUint32(page[8:], uint32(len(pages)))
		page[25] = kind
		pages = append(pages, page)
		return page
	}
	bucket := newPage(kind)
	entries, end := 0, pageSize
	item := func(data []byte) {
		end -= len(data)
		copy(bucket[end:], data)
		order.PutUint16(bucket[26+2*entries:], uint16(end))
		entries++
		order.PutUint16(bucket[20:], uint16(entries))
		order.PutUint16(bucket[22:], uint16(end))
	}
	number := func(n int) []byte {
		key := []byte{1, 0, 0, 0, 0}
		order.PutUint32(key[1:], uint32(n))
		return key
	}
	item(number(0))
	item(number(len(headers)))
	for i, header := range headers {
		value := append([]byte{1}, header...)
		if len(header) > pageSize/4 {
			value = make([]byte, 12)
			value[0] = 3
			order.PutUint32(value[4:], uint32(len(pages)))
			order.PutUint32(value[8:], uint32(len(header)))
			for rest := header; len(rest) > 0; {
				page := newPage(7)
				n := copy(page[26:], rest)
				order.PutUint16(page[20:], 1)
				order.PutUint16(page[22:], uint16(n))
				if rest = rest[n:]; len(rest) > 0 {
					order.PutUint32(page[16:], uint32(len(pages)))
				}
			}
		}
		if end-26-2*entries < len(value)+5+4 {
			// The next page of the same bucket.
			order.PutUint32(bucket[16:], uint32(len(pages)))
			before := order.Uint32(bucket[8:])
			bucket = newPage(kind)
			order.PutUint32(bucket[12:], before)
			entries, end = 0, pageSize
		}
		item(number(i + 1))
		item(value)
	}
	order.PutUint32(meta[32:], uint32(len(pages)-1))
	order.PutUint32(meta[88:], uint32(len(headers)+1))
	var file []byte
	for _, page := range pages {
		file = append(file, page...)
	}
	return file
}

// NDB returns an NDB with the headers, numbered from 1.
func NDB(headers ...[]byte) []byte {
	const page = 4096
	slots := (32+16*len(headers))/page + 1
	file := make([]byte, slots*page)
	for at := 32; at < len(file); at += 16 {
		copy(file[at:], "Slot")
	}
	copy(file, "RpmP")
	binary.LittleEndian.PutUint32(file[12:], uint32(slots))
	binary.LittleEndian.PutUint32(file[16:], uint32(len(headers)+1))
	for i, header := range headers {
		slot := file[32+16*i:]
		binary.LittleEndian.PutUint32(slot[4:], uint32(i+1))
		binary.LittleEndian.PutUint32(slot[8:], uint32(len(file)/16))
		blob := make([]byte, 16, 64+len(header))
		copy(blob, "BlbS")
		binary.LittleEndian.PutUint32(blob[4:], uint32(i+1))
		binary.LittleEndian.PutUint32(blob[12:], uint32(len(header)))
		blob = append(blob, header...)
		for (len(blob)+12)%16 != 0 {
			blob = append(blob, 0)
		}
		blob = binary.LittleEndian.AppendUint32(blob, adler32.Checksum(blob))
		blob = binary.LittleEndian.AppendUint32(blob, uint32(len(header)))
		blob = append(blob, "BlbE"...)
		binary.LittleEndian.PutUint32(slot[12:], uint32(len(blob)/16))
		file = append(file, blob...)
	}
	return file
}

// SQLite returns a SQLite database with the table Packages that holds the
// headers, numbered from 1.
func SQLite(pageSize int, headers ...[]byte) []byte {
	d := &sqlite{size: pageSize}
	schema := d.page()
	var level []node
	leaf := newNode(d, 0x0d)
	for i, header := range headers {
		// The length of the record's header, a NULL in place of the number,
		// and the blob.
		payload := varint([]byte{0, 0}, 12+2*uint64(len(header)))
		payload[0] = byte(len(payload))
		payload = append(payload, header...)
		cell := varint(varint(nil, uint64(len(payload))), uint64(i+1))
		cell = d.spill(cell, payload)
		if !leaf.add(cell) {
			level = append(level, leaf)
			leaf = newNode(d, 0x0d)
			leaf.add(cell)
		}
		leaf.last = uint64(i + 1)
	}
	level = append(level, leaf)
	for len(level) > 1 {
		var above []node
		inner := newNode(d, 0x05)
		for _, child := range level {
			cell := varint(binary.BigEndian.AppendUint32(nil, uint32(child.number)), child.last)
			if !inner.add(cell) {
				above = append(above, inner)
				inner = newNode(d, 0x05)
				inner.add(cell)
			}
			inner.last = child.last
		}
		above = append(above, inner)
		for _, n := range above {
			n.closeInner()
		}
		level = above
	}
	page := d.pages[schema-1]
	copy(page, "SQLite format 3\x00")
	binary.BigEndian.PutUint16(page[16:], uint16(pageSize%65535)) // 65536 is 1
	copy(page[18:], []byte{1, 1, 0, 64, 32, 32})
	binary.BigEndian.PutUint32(page[28:], uint32(len(d.pages)))
	binary.BigEndian.PutUint32(page[44:], 4)
	binary.BigEndian.PutUint32(page[56:], 1)
	const sql = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)"
	body := append([]byte("tablePackagesPackages"), byte(level[0].number>>16), byte(level[0].number>>8), byte(level[0].number))
	body = append(body, sql...)
	record := append([]byte{0, 13 + 2*5, 13 + 2*8, 13 + 2*8, 3}, varint(nil, 13+2*uint64(len(sql)))...)
	record[0] = byte(len(record))
	record = append(record, body...)
	n := node{page: page, kind: 0x0d, header: 100, end: pageSize}
	page[100] = 0x0d
	n.add(append(varint(varint(nil, uint64(len(record))), 1), record...))
	var file []byte
	for _, page := range d.pages {
		file = append(file, page...)
	}
	return file
}

// sqlite is a database that is being written.
type sqlite struct {
	size  int
	pages [][]byte
}

func (d *sqlite) page() (number int) {
	d.pages = append(d.pages, make([]byte, d.size))
	return len(d.pages)
}

// spill appends to a cell what of the payload belongs into it, and puts the
// rest into overflow pages.
func (d *sqlite) spill(cell, payload []byte) []byte {
	local := len(payload)
	if local > d.size-35 {
		least := (d.size-12)*32/255 - 23
		if local = least + (len(payload)-least)%(d.size-4); local > d.size-35 {
			local = least
		}
	}
	cell = append(cell, payload[:local]...)
	rest := payload[local:]
	if len(rest) == 0 {
		return cell
	}
	cell = binary.BigEndian.AppendUint32(cell, uint32(len(d.pages)+1))
	for len(rest) > 0 {
		page := d.pages[d.page()-1]
		n := copy(page[4:], rest)
		if rest = rest[n:]; len(rest) > 0 {
			binary.BigEndian.PutUint32(page, uint32(len(d.pages)+1))
		}
	}
	return cell
}

// A node is a page of a tree.
type node struct {
	page       []byte
	number     int
	kind       byte
	header     int // where the page's header is
	count, end int
	last       uint64 // the highest row
}

func newNode(d *sqlite, kind byte) node {
	number := d.page()
	n := node{page: d.pages[number-1], number: number, kind: kind, end: d.size}
	n.page[0] = kind
	return n
}

func (n *node) array() int {
	if n.kind == 0x05 {
		return n.header + 12
	}
	return n.header + 8
}

// add puts a cell into the page, if there is room.
func (n *node) add(cell []byte) bool {
	if n.end-len(cell) < n.array()+2*n.count+2 {
		return false
	}
	n.end -= len(cell)
	copy(n.page[n.end:], cell)
	binary.BigEndian.PutUint16(n.page[n.array()+2*n.count:], uint16(n.end))
	n.count++
	binary.BigEndian.PutUint16(n.page[n.header+3:], uint16(n.count))
	binary.BigEndian.PutUint16(n.page[n.header+5:], uint16(n.end%65536))
	return true
}

// closeInner makes the last cell of an inner node its right-most child.
func (n *node) closeInner() {
	n.count--
	at := binary.BigEndian.Uint16(n.page[n.array()+2*n.count:])
	binary.BigEndian.PutUint16(n.page[n.header+3:], uint16(n.count))
	copy(n.page[n.header+8:], n.page[at:at+4])
	n.page[n.header+7] = byte(4 + len(varint(nil, n.last))) // bytes in no cell
}

// varint appends a number as SQLite writes it.
func varint(b []byte, v uint64) []byte {
	var digits []byte
	for {
		digits = append(digits, byte(v&0x7f))
		if v >>= 7; v == 0 {
			break
		}
	}
	for i := len(digits) - 1; i >= 0; i-- {
		d := digits[i]
		if i > 0 {
			d |= 0x80
		}
		b = append(b, d)
	}
	return b
}
