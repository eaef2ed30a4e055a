package jar

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Lengths and signatures of the records of a zip file, and where in them the
// fields are: sections 4.3.7 to 4.3.16 of the specification.
const (
	localLength     = 30
	headerLength    = 46
	endLength       = 22
	locatorLength   = 20
	end64Length     = 56
	maxComment      = 1<<16 - 1
	localSignature  = "PK\x03\x04"
	headerSignature = "PK\x01\x02"
	endSignature    = "PK\x05\x06"
	locSignature    = "PK\x06\x07"
	end64Signature  = "PK\x06\x06"

	stored   = 0
	deflated = 8
)

var errNotZip = errors.New("not a zip archive")

// A member is a file in an archive, as the archive's directory describes it.
type member struct {
	name       string
	method     uint16
	encrypted  bool
	crc        uint32
	packed     int64 // size as it is stored
	size       int64 // size when unpacked
	headerAt   int64 // where the local header is
	unreadable bool  // a size or place is beyond the archive
}

// A directory is where an archive lists its members.
type directory struct {
	start, end int64  // of the list
	base       int64  // what offsets are counted from: programs may precede an archive
	members    uint64 // how many it says there are
}

// findDirectory looks for the end record of an archive of the given size, and
// for what it points to.
func findDirectory(r io.ReaderAt, size int64) (directory, error) {
	end, at, err := findEnd(r, size)
	if err != nil {
		return directory{}, err
	}
	le := binary.LittleEndian
	d := directory{end: at, members: uint64(le.Uint16(end[10:]))}
	length, offset := uint64(le.Uint32(end[12:])), uint64(le.Uint32(end[16:]))
	if d.members == 1<<16-1 || length == 1<<32-1 || offset == 1<<32-1 {
		if end64, at64, ok := findEnd64(r, at); ok {
			d.end, d.members = at64, le.Uint64(end64[32:])
			length, offset = le.Uint64(end64[40:]), le.Uint64(end64[48:])
		}
	}
	if length > uint64(d.end) {
		return directory{}, fmt.Errorf("a directory of %d bytes cannot be before byte %d: %w", length, d.end, errNotZip)
	}
	// The list ends where the end record begins, wherever an offset points to:
	// so reads Java, and so a program in front of the archive does no harm.
	d.start = d.end - int64(length)
	if offset > uint64(d.start) {
		return directory{}, fmt.Errorf("the directory cannot begin at byte %d: %w", offset, errNotZip)
	}
	d.base = d.start - int64(offset)
	return d, nil
}

// findEnd returns the end record and where it is. A comment may follow it, so
// it is searched for from the end: first where it is without a comment.
func findEnd(r io.ReaderAt, size int64) ([]byte, int64, error) {
	if size < endLength {
		return nil, 0, errNotZip
	}
	for _, tail := range []int64{1 << 10, endLength + maxComment} {
		tail = min(tail, size)
		buf := make([]byte, tail)
		if err := readFull(r, buf, size-tail); err != nil {
			return nil, 0, err
		}
		for i := len(buf) - endLength; i >= 0; i-- {
			if string(buf[i:i+4]) == endSignature && int(binary.LittleEndian.Uint16(buf[i+20:])) <= len(buf)-endLength-i {
				return buf[i : i+endLength], size - tail + int64(i), nil
			}
		}
	}
	return nil, 0, errNotZip
}

// findEnd64 returns the end record of a large archive, which a locator before
// the usual end record at at points to.
func findEnd64(r io.ReaderAt, at int64) ([]byte, int64, bool) {
	var locator [locatorLength]byte
	if at < locatorLength || readFull(r, locator[:], at-locatorLength) != nil || string(locator[:4]) != locSignature {
		return nil, 0, false
	}
	at64 := binary.LittleEndian.Uint64(locator[8:])
	end := make([]byte, end64Length)
	if at < locatorLength+end64Length {
		return nil, 0, false
	}
	// Where something precedes the archive, the offset is too small. The
	// record is before its locator then.
	for _, try := range []uint64{at64, uint64(at - locatorLength - end64Length)} {
		if try <= uint64(at-locatorLength-end64Length) && readFull(r, end, int64(try)) == nil && string(end[:4]) == end64Signature {
			return end, int64(try), true
		}
	}
	return nil, 0, false
}

// readFull reads all of p at an offset. io.EOF beside all the bytes is no
// error.
func readFull(r io.ReaderAt, p []byte, at int64) error {
	n, err := r.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// each calls visit for the members in order of the directory. The name is valid
// during the call. A directory that cannot be followed to its end, or has not
// as many members as it says, is an error after the members before.
func (d directory) each(r io.ReaderAt, size int64, buf *bufio.Reader, visit func(name []byte, m member) error) error {
	left := d.end - d.start
	buf.Reset(io.NewSectionReader(r, d.start, left))
	var header [headerLength]byte
	var rest []byte
	n := uint64(0)
	for left > 0 {
		if left < headerLength {
			return fmt.Errorf("the directory has %d bytes too many after %d members", left, n)
		}
		if _, err := io.ReadFull(buf, header[:]); err != nil {
			return err
		}
		if string(header[:4]) != headerSignature {
			return fmt.Errorf("the directory is damaged after %d members", n)
		}
		left -= headerLength
		le := binary.LittleEndian
		nameLen, extraLen, commentLen := int(le.Uint16(header[28:])), int(le.Uint16(header[30:])), int(le.Uint16(header[32:]))
		if int64(nameLen+extraLen+commentLen) > left {
			return fmt.Errorf("the directory is cut off after %d members", n)
		}
		left -= int64(nameLen + extraLen + commentLen)
		if cap(rest) < nameLen+extraLen {
			rest = make([]byte, max(nameLen+extraLen, 512))
		}
		rest = rest[:nameLen+extraLen]
		if _, err := io.ReadFull(buf, rest); err != nil {
			return err
		}
		if _, err := buf.Discard(commentLen); err != nil {
			return err
		}
		n++
		if err := visit(rest[:nameLen], d.member(header[:], rest[nameLen:], size)); err != nil {
			return err
		}
	}
	// The old field for the number has 16 bits, and counts on from 0 in what
	// some tools write.
	if n != d.members && n&0xffff != d.members {
		return fmt.Errorf("the directory has %d members, not %d", n, d.members)
	}
	return nil
}

// member returns what a header of the directory and its extra fields say.
func (d directory) member(header, extra []byte, size int64) member {
	le := binary.LittleEndian
	m := member{
		method:    le.Uint16(header[10:]),
		encrypted: le.Uint16(header[8:])&1 != 0,
		crc:       le.Uint32(header[16:]),
	}
	packed, unpacked, offset := uint64(le.Uint32(header[20:])), uint64(le.Uint32(header[24:])), uint64(le.Uint32(header[42:]))
	for len(extra) >= 4 {
		id, length := le.Uint16(extra), int(le.Uint16(extra[2:]))
		extra = extra[4:]
		if length > len(extra) {
			break
		}
		if id == 1 { // section 4.5.3: those fields that do not fit, in this order
			field := extra[:length]
			for _, value := range []*uint64{&unpacked, &packed, &offset} {
				if *value == 1<<32-1 && len(field) >= 8 {
					*value = le.Uint64(field)
					field = field[8:]
				}
			}
		}
		extra = extra[length:]
	}
	if offset > uint64(size-d.base) || packed > uint64(size) || unpacked > 1<<62 {
		m.unreadable = true
		return m
	}
	m.packed, m.size, m.headerAt = int64(packed), int64(unpacked), d.base+int64(offset)
	return m
}

// data returns where the content of a member of an archive of the given size
// is.
func (m *member) data(r io.ReaderAt, size int64) (int64, error) {
	if m.unreadable {
		return 0, errors.New("it lies beyond the end of the archive")
	}
	if m.encrypted {
		return 0, errors.New("it is encrypted")
	}
	var local [localLength]byte
	if err := readFull(r, local[:], m.headerAt); err != nil {
		return 0, fmt.Errorf("its header cannot be read: %w", err)
	}
	if string(local[:4]) != localSignature {
		return 0, errors.New("there is no header where it should be")
	}
	at := m.headerAt + localLength + int64(binary.LittleEndian.Uint16(local[26:])) + int64(binary.LittleEndian.Uint16(local[28:]))
	if at > size || m.packed > size-at {
		return 0, errors.New("it is cut off")
	}
	return at, nil
}
