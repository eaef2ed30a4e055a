package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// Berkeley DB, as its header files dbinc/db_page.h and db_upgrade.h describe
// it. The first page holds metadata. In a hash database each bucket is a page
// of pairs of key and value; a value that is larger than a quarter of a page
// lies in a chain of overflow pages. All numbers are in the byte order of the
// machine that wrote the file.
const (
	bdbHashMagic  = 0x00061561
	bdbBTreeMagic = 0x00053162

	bdbMetaLen    = 72
	bdbPageHeader = 26

	bdbHashUnsorted = 2  // page type, up to Berkeley DB 4.5: RHEL 5
	bdbOverflow     = 7  // page type
	bdbHash         = 13 // page type

	bdbKeyData = 1  // item type: the value follows
	bdbOffPage = 3  // item type: the value is in overflow pages
	bdbOffLen  = 12 // length of such an item
)

func isBerkeley(head []byte) bool {
	order, _ := bdbOrder(head)
	return order != nil
}

// bdbOrder returns the byte order of the database that begins with head, and
// whether it is a hash. The order is nil if it is no database.
func bdbOrder(head []byte) (order binary.ByteOrder, hash bool) {
	if len(head) < bdbMetaLen {
		return nil, false
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(head[12:]) {
		case bdbHashMagic:
			return order, true
		case bdbBTreeMagic:
			return order, false
		}
	}
	return nil, false
}

// A bdbPage is the header of a page and the page.
type bdbPage struct {
	number, next    uint32
	entries, offset int // offset is the length of the data on an overflow page
	kind            byte
	data            []byte
}

func (rd *reader) berkeley(head []byte) error {
	order, hash := bdbOrder(head)
	pageSize := int64(order.Uint32(head[20:]))
	switch {
	case !hash:
		return fmt.Errorf("a Berkeley DB of the kind B-tree, where rpm uses hash: %w", ErrFormat)
	case pageSize < 512 || pageSize > 64<<10 || pageSize&(pageSize-1) != 0:
		return fmt.Errorf("a Berkeley DB with pages of %d bytes: %w", pageSize, ErrFormat)
	case head[24] != 0:
		return fmt.Errorf("an encrypted Berkeley DB: %w", ErrFormat)
	case head[26]&1 != 0:
		return fmt.Errorf("a Berkeley DB with checksums: %w", ErrFormat)
	}
	rd.setPages(pageSize)
	if last := int64(order.Uint32(head[32:])); last >= rd.pages || rd.size%pageSize != 0 {
		rd.damage("the file has %d bytes in place of %d", rd.size, (last+1)*pageSize)
	}
	page, overflow := make([]byte, pageSize), make([]byte, pageSize)
	// The pages of all buckets are found without the table of buckets, so
	// that damage to it hides nothing. A page that was freed has type 0.
	for n := int64(1); n < rd.pages; n++ {
		p, err := rd.bdbPage(order, n, page)
		if err != nil {
			return err
		}
		if p.kind != bdbHash && p.kind != bdbHashUnsorted {
			continue
		}
		if err := rd.bdbBucket(order, n, p, overflow); err != nil {
			return err
		}
	}
	return nil
}

func (rd *reader) bdbPage(order binary.ByteOrder, n int64, buf []byte) (bdbPage, error) {
	if err := rd.page(n, buf); err != nil {
		return bdbPage{}, err
	}
	return bdbPage{
		number:  order.Uint32(buf[8:]),
		next:    order.Uint32(buf[16:]),
		entries: int(order.Uint16(buf[20:])),
		offset:  int(order.Uint16(buf[22:])),
		kind:    buf[25],
		data:    buf,
	}, nil
}

// bdbBucket reads the pairs of page n. After the page's header there are the
// offsets of all items, keys and values in turn; the items themselves lie from
// the end of the page backwards.
func (rd *reader) bdbBucket(order binary.ByteOrder, n int64, p bdbPage, overflow []byte) error {
	most := (len(p.data) - bdbPageHeader) / 2
	if p.entries > most || p.entries%2 != 0 {
		rd.damage("page %d has %d items", n, p.entries)
		p.entries = min(p.entries, most) &^ 1
	}
	floor := bdbPageHeader + 2*p.entries
	end := len(p.data)
	item := func(i int) ([]byte, bool) {
		at := int(order.Uint16(p.data[bdbPageHeader+2*i:]))
		if at < floor || at >= end {
			rd.damage("page %d: item %d lies at %d", n, i, at)
			return nil, false
		}
		data := p.data[at:end]
		end = at
		return data, true
	}
	for i := 0; i < p.entries; i += 2 {
		key, ok := item(i)
		value, valueOK := item(i + 1)
		if !valueOK {
			continue
		}
		var id uint32
		if ok && key[0] == bdbKeyData && len(key) == 5 {
			id = order.Uint32(key[1:])
			if id == 0 {
				continue // the highest number so far, not a header
			}
		}
		var err error
		switch {
		case value[0] == bdbKeyData:
			err = rd.give(id, value[1:])
		case value[0] == bdbOffPage && len(value) >= bdbOffLen:
			err = rd.bdbChain(order, id, int64(order.Uint32(value[4:])), int64(order.Uint32(value[8:])), overflow)
		default:
			rd.damage("page %d: item %d is of type %d and has %d bytes", n, i+1, value[0], len(value))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errShort says that a header goes on where the file does not.
var errShort = errors.New("it is cut short")

// bdbChain puts together a header of the given length from the overflow pages
// that begin at page n, and hands it out as far as it could be read.
func (rd *reader) bdbChain(order binary.ByteOrder, id uint32, n, length int64, buf []byte) error {
	if length > maxHeader {
		rd.damage("header %d: %d bytes: %w", id, length, inventory.ErrTooLarge)
		return nil
	}
	rd.blob = rd.blob[:0]
	cause := errShort
	for n != 0 && int64(len(rd.blob)) < length {
		if err := rd.use(n); err != nil {
			cause = err
			break
		}
		p, err := rd.bdbPage(order, n, buf)
		if err != nil {
			return err
		}
		if p.kind != bdbOverflow || int64(p.number) != n || p.offset > len(p.data)-bdbPageHeader {
			cause = fmt.Errorf("page %d is not of its chain", n)
			break
		}
		rd.blob = append(rd.blob, p.data[bdbPageHeader:bdbPageHeader+p.offset]...)
		n = int64(p.next)
	}
	if int64(len(rd.blob)) < length {
		rd.damage("header %d: %d bytes of %d: %w", id, len(rd.blob), length, cause)
	}
	if len(rd.blob) == 0 {
		return nil
	}
	return rd.give(id, rd.blob[:min(int64(len(rd.blob)), length)])
}
