package objfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Numbers of the ELF format.
const (
	elfExec = 2 // e_type
	elfDyn  = 3

	elfLoad = 1 // p_type
	elfNote = 4

	elfWritable = 2 // p_flags

	elfSymtab = 2 // sh_type
	elfNobits = 8
	elfDynsym = 11

	elfManySegments = 0xffff // e_phnum: the number is elsewhere
	elfManySections = 0xffff // e_shstrndx: the number is elsewhere
)

// fields reads numbers of a header whose places differ between the classes.
type fields struct {
	order binary.ByteOrder
	is64  bool
}

// word reads an address or an offset, which is as wide as the class says.
func (f fields) word(b []byte) uint64 {
	if f.is64 {
		return f.order.Uint64(b)
	}
	return uint64(f.order.Uint32(b))
}

// pick returns the place that a field has in the class.
func (f fields) pick(in32, in64 int) int {
	if f.is64 {
		return in64
	}
	return in32
}

func (m *Image) fields() fields { return fields{m.Order, m.Is64} }

func (m *Image) parseELF(head []byte) error {
	if len(head) < 16 {
		return fmt.Errorf("ELF header of %d bytes: %w", len(head), ErrFormat)
	}
	switch head[4] {
	case 1:
	case 2:
		m.Is64 = true
	default:
		return fmt.Errorf("ELF class %d: %w", head[4], ErrFormat)
	}
	switch head[5] {
	case 1:
		m.Order = binary.LittleEndian
	case 2:
		m.Order = binary.BigEndian
	default:
		return fmt.Errorf("ELF byte order %d: %w", head[5], ErrFormat)
	}
	f := m.fields()
	if want := f.pick(52, 64); len(head) < want {
		return fmt.Errorf("ELF header of %d bytes: %w", len(head), ErrFormat)
	}
	kind := m.Order.Uint16(head[16:])
	m.Runnable = kind == elfExec || kind == elfDyn

	m.elfSegments(head)

	m.sectionSize = int(m.Order.Uint16(head[f.pick(46, 58):]))
	n := uint64(m.Order.Uint16(head[f.pick(48, 60):]))
	m.sectionNames = int(m.Order.Uint16(head[f.pick(50, 62):]))
	if at := f.word(head[f.pick(32, 40):]); at != 0 && m.Runnable {
		// Where there are very many sections, the first says how many; it is
		// read with the others.
		m.sectionTable = m.part(at, max(n, 1)*uint64(m.sectionSize), "the section table")
	}
	return nil
}

// elfSegments reads the program headers.
func (m *Image) elfSegments(head []byte) {
	f := m.fields()
	at := f.word(head[f.pick(28, 32):])
	entry := int(m.Order.Uint16(head[f.pick(42, 54):]))
	n := int(m.Order.Uint16(head[f.pick(44, 56):]))
	if n == 0 || !m.Runnable {
		return
	}
	if n == elfManySegments || n > maxSegments {
		m.problem("there are more than %d program headers", maxSegments)
		n = maxSegments
	}
	if entry < f.pick(32, 56) {
		m.problem("program headers have %d bytes", entry)
		return
	}
	headers, ok := table(head, at, n, entry)
	if !ok {
		m.problem("%d program headers at offset %d are not in the first %d bytes", n, at, len(head))
		return
	}
	for i := range n {
		h := headers[i*entry:]
		kind := m.Order.Uint32(h)
		if kind != elfLoad && kind != elfNote {
			continue
		}
		part := m.part(f.word(h[f.pick(4, 8):]), f.word(h[f.pick(16, 32):]), "segment %d", i)
		if part.Size == 0 {
			continue
		}
		if kind == elfNote {
			m.Notes = append(m.Notes, part)
			continue
		}
		m.Segments = append(m.Segments, Segment{
			Range:    part,
			Addr:     f.word(h[f.pick(8, 16):]),
			Writable: m.Order.Uint32(h[f.pick(24, 4):])&elfWritable != 0,
		})
	}
}

// maxSectionHeader is how long a section header may be; they are half of that
// at most.
const maxSectionHeader = 128

// ReadSections reads the section table of an ELF file, which lies at its end.
// The error is one of r; a damaged table is among the Problems.
func (m *Image) ReadSections(r io.ReaderAt) error {
	if m.Kind != ELF || m.sectionTable.Size == 0 || len(m.Sections) > 0 {
		return nil
	}
	f := m.fields()
	if m.sectionSize < f.pick(40, 64) || m.sectionSize > maxSectionHeader {
		m.problem("section headers have %d bytes", m.sectionSize)
		return nil
	}
	part := m.sectionTable
	n := part.Size / int64(m.sectionSize)
	if n == 1 || m.sectionNames == elfManySections {
		first, err := Read(r, Range{part.Offset, int64(m.sectionSize)}, HeadSize)
		if err != nil {
			return ignoreFormat(err)
		}
		// gABI, chapter 4, "ELF Header", e_shnum and e_shstrndx.
		if more := f.word(first[f.pick(20, 32):]); n == 1 && more > 1 {
			part = m.part(uint64(part.Offset), min(more, maxSections+1)*uint64(m.sectionSize), "the section table")
			n = part.Size / int64(m.sectionSize)
		}
		if m.sectionNames == elfManySections {
			m.sectionNames = int(min(m.Order.Uint32(first[f.pick(24, 40):]), maxSections))
		}
	}
	if n > maxSections {
		m.problem("there are more than %d sections", maxSections)
		n = maxSections
	}
	headers, err := Read(r, Range{part.Offset, n * int64(m.sectionSize)}, maxSections*maxSectionHeader)
	if err != nil {
		return ignoreFormat(err)
	}
	return m.elfSections(r, headers)
}

// maxNames is how long the table of the sections' names may be. A name is some
// ten bytes.
const maxNames = 1 << 20

func (m *Image) elfSections(r io.ReaderAt, headers []byte) error {
	f := m.fields()
	n := len(headers) / m.sectionSize
	var names []byte
	if m.sectionNames < n {
		h := headers[m.sectionNames*m.sectionSize:]
		part := m.part(f.word(h[f.pick(16, 24):]), f.word(h[f.pick(20, 32):]), "the table of section names")
		if part.Size > maxNames {
			m.problem("the table of section names has %d bytes", part.Size)
			part.Size = maxNames
		}
		var err error
		if names, err = Read(r, part, maxNames); err != nil {
			return ignoreFormat(err)
		}
	}
	m.Sections = make([]Section, 0, n)
	for i := range n {
		h := headers[i*m.sectionSize:]
		s := Section{
			Addr: f.word(h[f.pick(12, 16):]),
			kind: m.Order.Uint32(h[4:]),
			link: m.Order.Uint32(h[f.pick(24, 40):]),
		}
		if at := m.Order.Uint32(h); uint64(at) < uint64(len(names)) {
			s.Name = text(names[at:min(len(names), int(at)+maxName)])
		}
		if i > 0 && s.kind != elfNobits {
			s.Range = m.part(f.word(h[f.pick(16, 24):]), f.word(h[f.pick(20, 32):]), "section %q", s.Name)
		}
		m.Sections = append(m.Sections, s)
	}
	return nil
}

// maxName is how much of a section's name is of interest.
const maxName = 64

// ignoreFormat keeps errors of the reader only.
func ignoreFormat(err error) error {
	if errors.Is(err, ErrFormat) {
		return nil
	}
	return err
}
