package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// The write-ahead log of SQLite: section 4 of
// https://www.sqlite.org/fileformat2.html, and section 1.5 for the freelist.
const (
	walMagic       = 0x377f0682 // its lowest bit is the byte order of checksums
	walHeaderLen   = 32
	walFrameHeader = 24
	walVersion     = 3007000
)

func isWAL(head []byte) bool {
	return len(head) >= walHeaderLen && binary.BigEndian.Uint32(head)&^1 == walMagic
}

// A walSum is the checksum of a log so far.
type walSum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

func (s *walSum) add(data []byte) {
	for ; len(data) >= 8; data = data[8:] {
		s.s0 += s.order.Uint32(data) + s.s1
		s.s1 += s.order.Uint32(data[4:]) + s.s0
	}
}

// is reports whether the checksum is the one stored at p.
func (s *walSum) is(p []byte) bool {
	return s.s0 == binary.BigEndian.Uint32(p) && s.s1 == binary.BigEndian.Uint32(p[4:])
}

// wal reads the packages in a log. The database itself is another file, so
// that the trees cannot be followed from their roots: instead it takes the
// rows of all leaves that look like those of the table of packages.
func (rd *reader) wal() error {
	frames, pageSize, err := rd.walFrames()
	if err != nil || len(frames) == 0 {
		return err
	}
	t := &tree{reader: rd, usable: pageSize, frames: frames, overflow: make([]byte, pageSize)}
	page := make([]byte, pageSize)
	free := map[int64]bool{}
	if frame, ok := frames[1]; ok {
		if err := rd.walPage(frame, page); err != nil {
			return err
		}
		if t.usable = pageSize - int64(page[20]); t.usable < 480 {
			return fmt.Errorf("a log of pages of %d bytes, %d of them reserved: %w", pageSize, page[20], ErrFormat)
		}
		if free, err = t.walFree(page); err != nil {
			return err
		}
	}
	rd.damage("the write-ahead log was not merged into the database: packages may be listed in an older version too, or be missing")
	numbers := make([]int64, 0, len(frames))
	for n := range frames {
		if n != 1 && !free[n] { // page 1 is of the schema
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		if err := rd.walPage(frames[n], page); err != nil {
			return err
		}
		if page[0] != sqliteLeaf {
			continue
		}
		if err := t.leaf(n, page, 0, rd.walRow); err != nil {
			return err
		}
	}
	return nil
}

// walRow hands out the header in a row of the table of packages. The rows of
// other tables have other columns. A row whose overflow pages are not in the
// log was not changed: it is read from the database.
func (rd *reader) walRow(r row) error {
	cols, ok := record(r.payload)
	if !ok || len(cols) != 2 || cols[0].serial != 0 || !cols[1].isBlob() || errors.Is(r.lost, errNotInLog) {
		return nil
	}
	return rd.sqliteHeader(r)
}

// errNotInLog says that a page is not in the log.
var errNotInLog = errors.New("a page is not in the log")

// walFrames returns where in the log the last version of each page lies that
// was committed, and the size of pages. Frames count up to the first one whose
// checksum is wrong; the log is written over from its beginning again and
// again, so that what comes then is of an earlier round.
func (rd *reader) walFrames() (map[int64]int64, int64, error) {
	var head [walHeaderLen]byte
	if err := readAt(rd.r, head[:], 0); err != nil {
		return nil, 0, err
	}
	if version := binary.BigEndian.Uint32(head[4:]); version != walVersion {
		return nil, 0, fmt.Errorf("a log of version %d: %w", version, ErrFormat)
	}
	pageSize := int64(binary.BigEndian.Uint32(head[8:]))
	if pageSize < 512 || pageSize > 64<<10 || pageSize&(pageSize-1) != 0 {
		return nil, 0, fmt.Errorf("a log of pages of %d bytes: %w", pageSize, ErrFormat)
	}
	sum := walSum{order: binary.LittleEndian}
	if head[3]&1 != 0 {
		sum.order = binary.BigEndian
	}
	sum.add(head[:24])
	if !sum.is(head[24:]) {
		return nil, pageSize, nil // SQLite takes such a log for empty
	}
	stride := walFrameHeader + pageSize
	rd.pageSize = pageSize
	rd.pages = (rd.size - walHeaderLen) / stride // here frames, each with a page
	rd.used = make([]byte, (rd.pages+7)/8)

	// A slice for what waits for its commit, because to clear a map that was
	// once large takes long, and there may be as many commits as frames.
	type place struct{ number, frame int64 }
	var pending []place
	committed := map[int64]int64{}
	pages := int64(0) // of the database after the last commit
	frame := make([]byte, stride)
	for n := range rd.pages {
		if err := rd.ctx.Err(); err != nil {
			return nil, 0, err
		}
		if err := readAt(rd.r, frame, walHeaderLen+n*stride); err != nil {
			return nil, 0, err
		}
		sum.add(frame[:8])
		sum.add(frame[walFrameHeader:])
		number := int64(binary.BigEndian.Uint32(frame))
		if string(frame[8:16]) != string(head[16:24]) || !sum.is(frame[16:]) || number == 0 {
			break
		}
		pending = append(pending, place{number, n})
		if after := int64(binary.BigEndian.Uint32(frame[4:])); after != 0 {
			pages = after
			for _, p := range pending {
				committed[p.number] = p.frame
			}
			pending = pending[:0]
		}
	}
	for number := range committed {
		if number > pages { // the database has become smaller
			delete(committed, number)
		}
	}
	return committed, pageSize, nil
}

// walPage reads the page in a frame.
func (rd *reader) walPage(frame int64, buf []byte) error {
	if err := rd.ctx.Err(); err != nil {
		return err
	}
	return readAt(rd.r, buf, walHeaderLen+frame*(walFrameHeader+rd.pageSize)+walFrameHeader)
}

// walFree returns the pages of the freelist, as far as the log tells: page 1
// leads to a chain of pages that list free ones. What was freed since the log
// was begun is in those that the log holds.
func (t *tree) walFree(page []byte) (map[int64]bool, error) {
	free := map[int64]bool{}
	next := int64(binary.BigEndian.Uint32(page[32:]))
	trunk := make([]byte, t.pageSize)
	for next != 0 && !free[next] {
		frame, ok := t.frames[next]
		if !ok {
			break
		}
		free[next] = true
		if err := t.walPage(frame, trunk); err != nil {
			return nil, err
		}
		next = int64(binary.BigEndian.Uint32(trunk))
		count := int64(binary.BigEndian.Uint32(trunk[4:]))
		for i := range min(count, t.usable/4-2) {
			free[int64(binary.BigEndian.Uint32(trunk[8+4*i:]))] = true
		}
	}
	return free, nil
}
