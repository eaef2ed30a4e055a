// Package objfile reads the headers of compiled programs and libraries: of
// [ELF], [PE] and [Mach-O] files. It tells which parts of a file hold what, and
// nothing of what they hold, so that a caller who reads a file once and forward
// knows from its first pages what to look out for.
//
// The content is hostile. Every place that a header names is checked against
// the size of the file, tables are limited, and nothing is read but what a
// caller hands in or asks for. Unlike the packages debug/elf, debug/pe and
// debug/macho of the standard library, this one needs no random access for
// the headers at the front, and reads on where a part is damaged: what was
// wrong is in [Image].Problems.
//
// [ELF]: https://gabi.xinuos.com/elf/a-intro.html
// [PE]: https://learn.microsoft.com/en-us/windows/win32/debug/pe-format
// [Mach-O]: https://github.com/apple-oss-distributions/xnu/blob/main/EXTERNAL_HEADERS/mach-o/loader.h
package objfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// A Kind is a format of object files.
type Kind uint8

// The kinds. Fat is a Mach-O file that holds others, one for each processor.
const (
	None Kind = iota
	ELF
	PE
	MachO
	Fat
)

// HeadSize is how many bytes of a file [Parse] wants at most: 64 KiB.
const HeadSize = 64 << 10

// Limits of the tables. Real files have some ten segments and, as far as they
// can be executed, below a hundred sections; more means that there are
// sections for each function, or that somebody wants to keep us busy.
const (
	maxSegments = 512
	maxSections = 16 << 10
	maxCommands = 1024
	maxProblems = 8
)

// ErrFormat is returned for what cannot be understood at all.
var ErrFormat = errors.New("not a valid object file")

// An Image is what the headers say.
type Image struct {
	Kind     Kind
	Order    binary.ByteOrder
	Is64     bool
	Runnable bool      // a program or a library, not what a linker makes them of
	Segments []Segment // what is loaded into memory, in the order of the file's headers
	Sections []Section // for ELF empty until [Image.ReadSections]
	Notes    []Range   // parts of an ELF file that hold notes
	Problems []string  // what is wrong with the headers, one sentence each, few

	Size int64 // of the file

	sectionTable Range // ELF
	sectionSize  int   // ELF: bytes of an entry
	sectionNames int   // ELF: the section that holds the names
	symbols      Range // Mach-O
	symbolNames  Range // Mach-O
	problems     int
}

// A Range is a part of a file.
type Range struct{ Offset, Size int64 }

// End is the offset of the first byte after the range.
func (r Range) End() int64 { return r.Offset + r.Size }

// A Segment is a part of a file that is loaded into memory.
type Segment struct {
	Range
	Addr     uint64
	Writable bool
}

// A Section is a part of a file with a name. Segment is the segment's name in
// Mach-O files.
type Section struct {
	Name, Segment string
	Range
	Addr uint64

	kind uint32 // ELF
	link uint32 // ELF
}

// Sniff tells the kind of a file from its first eight bytes, or four: a fat
// file is not told from a Java class by less than eight.
func Sniff(head []byte) Kind {
	if len(head) < 4 {
		return None
	}
	switch binary.BigEndian.Uint32(head) {
	case 0x7f454c46:
		return ELF
	case 0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe:
		return MachO
	case 0xcafebabe, 0xcafebabf:
		// In a class file the version follows, which began at 45; in a fat
		// file the number of processors.
		if len(head) >= 8 && binary.BigEndian.Uint32(head[4:]) >= 45 {
			return None
		}
		return Fat
	}
	if head[0] == 'M' && head[1] == 'Z' {
		return PE
	}
	return None
}

// Parse reads the headers at the front of a file of size bytes. head is the
// first [HeadSize] bytes of it, or all if there are fewer. The error wraps
// [ErrFormat].
func Parse(head []byte, size int64) (*Image, error) {
	m := &Image{Kind: Sniff(head), Size: size}
	var err error
	switch m.Kind {
	case ELF:
		err = m.parseELF(head)
	case PE:
		err = m.parsePE(head)
	case MachO:
		err = m.parseMachO(head)
	default:
		err = ErrFormat
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Offset returns the place in the file of what is loaded at addr, and how many
// bytes of the segment there are from there on.
func (m *Image) Offset(addr uint64) (offset, size int64, ok bool) {
	for _, s := range m.Segments {
		if addr >= s.Addr && addr-s.Addr < uint64(s.Size) {
			skip := int64(addr - s.Addr)
			return s.Offset + skip, s.Size - skip, true
		}
	}
	return 0, 0, false
}

// Section returns the first section with the given name.
func (m *Image) Section(name string) (Section, bool) {
	for _, s := range m.Sections {
		if s.Name == name {
			return s, true
		}
	}
	return Section{}, false
}

// Read returns a range of a file. It is not to be larger than most bytes, and
// memory is taken as bytes come, not as a header says.
func Read(r io.ReaderAt, part Range, most int64) ([]byte, error) {
	if part.Offset < 0 || part.Size < 0 || part.Size > most {
		return nil, fmt.Errorf("%d bytes at offset %d: %w", part.Size, part.Offset, ErrFormat)
	}
	data, err := io.ReadAll(io.NewSectionReader(r, part.Offset, part.Size))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) < part.Size {
		return nil, fmt.Errorf("%d bytes at offset %d end after %d: %w", part.Size, part.Offset, len(data), ErrFormat)
	}
	return data, nil
}

// problem notes what is wrong, the first few in words.
func (m *Image) problem(format string, args ...any) {
	if m.problems++; m.problems <= maxProblems {
		m.Problems = append(m.Problems, fmt.Sprintf(format, args...))
	}
}

// part makes a range of what a header says, cut at the end of the file. It
// notes a problem if something had to be cut; what is wholly outside is empty.
func (m *Image) part(offset, size uint64, what string, args ...any) Range {
	if size == 0 {
		return Range{}
	}
	total := uint64(m.Size)
	if offset >= total {
		m.problem("%s of %d bytes at offset %d lies beyond the end of the file", fmt.Sprintf(what, args...), size, offset)
		return Range{}
	}
	if size > total-offset {
		m.problem("%s of %d bytes at offset %d ends beyond the end of the file", fmt.Sprintf(what, args...), size, offset)
		size = total - offset
	}
	return Range{int64(offset), int64(size)}
}

// table checks that a table of n entries lies within data, and returns it.
func table(data []byte, offset uint64, n, entry int) ([]byte, bool) {
	if offset > uint64(len(data)) || n < 0 || entry <= 0 || n > math.MaxInt32/entry {
		return nil, false
	}
	if uint64(n)*uint64(entry) > uint64(len(data))-offset {
		return nil, false
	}
	return data[offset : offset+uint64(n*entry)], true
}

// text returns b up to the first zero byte.
func text(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
