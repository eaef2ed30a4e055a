package rpmdb

import (
	"encoding/binary"
	"fmt"
	"hash/adler32"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// NDB, as lib/backend/ndb/rpmpkg.c of rpm describes it. All numbers are little
// endian. The file begins with pages of slots, each 16 bytes, in the place of
// the first two of which there is the header of the file. A slot tells where a
// blob lies, in blocks of 16 bytes: a head, the header of a package, padding,
// and a tail.
const (
	ndbMagic     = "RpmP"
	ndbSlotMagic = "Slot"
	ndbHeadMagic = "BlbS"
	ndbTailMagic = "BlbE"

	ndbPage   = 4096
	ndbHeader = 32
	ndbSlot   = 16
	ndbBlock  = 16
	ndbHead   = 16
	ndbTail   = 12

	// ndbMaxPages allows for 500,000 packages.
	ndbMaxPages = 2048
)

func isNDB(head []byte) bool {
	return len(head) >= ndbHeader && string(head[:4]) == ndbMagic
}

func (rd *reader) ndb(head []byte) error {
	if version := binary.LittleEndian.Uint32(head[4:]); version != 0 {
		return fmt.Errorf("NDB of version %d: %w", version, ErrFormat)
	}
	pages := int64(binary.LittleEndian.Uint32(head[12:]))
	if pages > ndbMaxPages {
		return fmt.Errorf("NDB with %d pages of slots: %w", pages, inventory.ErrTooLarge)
	}
	rd.setPages(ndbPage)
	if pages > rd.pages || pages < 1 {
		rd.damage("the file has %d pages in place of at least %d", rd.pages, max(pages, 1))
		pages = min(max(pages, 1), rd.pages)
	}
	page := make([]byte, ndbPage)
	for n := range pages {
		if err := rd.page(n, page); err != nil {
			return err
		}
		first := 0
		if n == 0 {
			first = ndbHeader
		}
		have := int(min(ndbPage, rd.size-n*ndbPage))
		for at := first; at+ndbSlot <= have; at += ndbSlot {
			if err := rd.ndbSlot(n, at, page[at:at+ndbSlot]); err != nil {
				return err
			}
		}
	}
	return nil
}

// ndbSlot reads the slot at offset at of page n.
func (rd *reader) ndbSlot(n int64, at int, slot []byte) error {
	if string(slot[:4]) != ndbSlotMagic {
		rd.damage("page %d: there is no slot at %d", n, at)
		return nil
	}
	id := binary.LittleEndian.Uint32(slot[4:])
	off := int64(binary.LittleEndian.Uint32(slot[8:])) * ndbBlock
	room := int64(binary.LittleEndian.Uint32(slot[12:])) * ndbBlock
	if off == 0 {
		if id != 0 || room != 0 {
			rd.damage("header %d: the slot leads nowhere", id)
		}
		return nil
	}
	return rd.ndbBlob(id, off, room)
}

// ndbBlob reads the blob in the room bytes at off.
func (rd *reader) ndbBlob(id uint32, off, room int64) error {
	if off > rd.size-ndbHead {
		rd.damage("header %d: there is no byte %d, the file has %d", id, off, rd.size)
		return nil
	}
	var head [ndbHead]byte
	if err := readAt(rd.r, head[:], off); err != nil {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(head[12:]))
	switch {
	case string(head[:4]) != ndbHeadMagic:
		rd.damage("header %d: there is no blob at %d", id, off)
		return nil
	case binary.LittleEndian.Uint32(head[4:]) != id:
		rd.damage("header %d: the blob at %d is that of %d", id, off, binary.LittleEndian.Uint32(head[4:]))
		return nil
	case length > maxHeader:
		rd.damage("header %d: %d bytes: %w", id, length, inventory.ErrTooLarge)
		return nil
	}
	blocks := (ndbHead + length + ndbTail + ndbBlock - 1) / ndbBlock
	// Where the length is more than the slot has room for, and where the file
	// ends, what there is may still tell the package.
	whole := blocks*ndbBlock == room && room <= rd.size-off
	have := min(length, max(0, room-ndbHead-ndbTail), rd.size-off-ndbHead)
	if have > rd.size-rd.taken {
		rd.damage("header %d: blobs overlap: together they are larger than the file", id)
		return nil
	}
	rd.taken += have
	if int64(cap(rd.blob)) < have {
		rd.blob = make([]byte, have)
	}
	rd.blob = rd.blob[:have]
	if err := readAt(rd.r, rd.blob, off+ndbHead); err != nil {
		return err
	}
	if !whole {
		rd.damage("header %d: %d bytes in the room of %d, of which the file has %d: %w", id, length, room, rd.size-off, errShort)
	} else if err := rd.ndbCheck(id, head[:], off+room-ndbTail, length); err != nil {
		return err
	}
	if have == 0 {
		return nil
	}
	return rd.give(id, rd.blob)
}

// ndbCheck compares the blob with its tail. The checksum is over the head, the
// content and the padding.
func (rd *reader) ndbCheck(id uint32, head []byte, tailAt, length int64) error {
	buf := make([]byte, ndbTail+ndbBlock)
	pad := (ndbBlock - (ndbHead+length+ndbTail)%ndbBlock) % ndbBlock
	end := buf[:pad+ndbTail]
	if err := readAt(rd.r, end, tailAt-pad); err != nil {
		return err
	}
	sum := adler32.New()
	sum.Write(head)
	sum.Write(rd.blob)
	sum.Write(end[:pad])
	tail := end[pad:]
	if string(tail[8:]) != ndbTailMagic ||
		int64(binary.LittleEndian.Uint32(tail[4:])) != length ||
		binary.LittleEndian.Uint32(tail) != sum.Sum32() {
		rd.damage("header %d: its checksum is wrong", id)
	}
	return nil
}
