package objfile

import (
	"encoding/binary"
	"fmt"
)

// Numbers of the Mach-O format.
const (
	machoExecute = 2 // filetype
	machoDylib   = 6
	machoBundle  = 8

	machoSegment   = 0x1 // commands
	machoSymtab    = 0x2
	machoSegment64 = 0x19

	machoWrite    = 2 // protection
	machoZeroFill = 1 // type of a section

	fatArch   = 20 // bytes of an entry
	fatArch64 = 32
)

func (m *Image) parseMachO(head []byte) error {
	m.Order = binary.BigEndian
	if head[0] == 0xce || head[0] == 0xcf {
		m.Order = binary.LittleEndian
	}
	m.Is64 = m.Order.Uint32(head) == 0xfeedfacf
	at := m.fields().pick(28, 32)
	if len(head) < at {
		return fmt.Errorf("Mach-O header of %d bytes: %w", len(head), ErrFormat)
	}
	kind := m.Order.Uint32(head[12:])
	m.Runnable = kind == machoExecute || kind == machoDylib || kind == machoBundle
	n := m.Order.Uint32(head[16:])
	if n > maxCommands {
		m.problem("there are more than %d load commands", maxCommands)
		n = maxCommands
	}
	rest := head[at:]
	for i := range n {
		if len(rest) < 8 {
			m.problem("load command %d is not in the first %d bytes", i, len(head))
			return nil
		}
		size := uint64(m.Order.Uint32(rest[4:]))
		if size < 8 || size > uint64(len(rest)) {
			m.problem("load command %d of %d bytes is not in the first %d bytes", i, size, len(head))
			return nil
		}
		m.machoCommand(rest[:size])
		rest = rest[size:]
	}
	return nil
}

func (m *Image) machoCommand(cmd []byte) {
	switch m.Order.Uint32(cmd) {
	case machoSegment:
		if !m.Is64 {
			m.machoSegment(cmd)
		}
	case machoSegment64:
		if m.Is64 {
			m.machoSegment(cmd)
		}
	case machoSymtab:
		if len(cmd) < 24 {
			return
		}
		entry := uint64(m.fields().pick(12, 16))
		m.symbols = m.part(uint64(m.Order.Uint32(cmd[8:])), entry*uint64(m.Order.Uint32(cmd[12:])), "the symbol table")
		m.symbolNames = m.part(uint64(m.Order.Uint32(cmd[16:])), uint64(m.Order.Uint32(cmd[20:])), "the table of symbol names")
	}
}

func (m *Image) machoSegment(cmd []byte) {
	f := m.fields()
	size := f.pick(56, 72)
	if len(cmd) < size {
		m.problem("a segment's load command has %d bytes", len(cmd))
		return
	}
	name := text(cmd[8:24])
	part := m.part(f.word(cmd[f.pick(32, 40):]), f.word(cmd[f.pick(36, 48):]), "segment %q", name)
	if part.Size > 0 && len(m.Segments) < maxSegments {
		m.Segments = append(m.Segments, Segment{
			Range:    part,
			Addr:     f.word(cmd[24:]),
			Writable: m.Order.Uint32(cmd[f.pick(44, 60):])&machoWrite != 0,
		})
	}
	n := int(min(m.Order.Uint32(cmd[f.pick(48, 64):]), maxSections))
	entry := f.pick(68, 80)
	headers, ok := table(cmd, uint64(size), n, entry)
	if !ok {
		m.problem("%d sections of segment %q are not in its load command", n, name)
		return
	}
	for i := range n {
		h := headers[i*entry:]
		s := Section{Name: text(h[:16]), Segment: text(h[16:32]), Addr: f.word(h[32:])}
		if m.Order.Uint32(h[f.pick(56, 64):])&0xff != machoZeroFill {
			s.Range = m.part(uint64(m.Order.Uint32(h[f.pick(40, 48):])), f.word(h[f.pick(36, 40):]), "section %q", s.Name)
		}
		m.Sections = append(m.Sections, s)
	}
}

// maxSlices is how many processors a fat file may be for. Real ones are for
// two or three.
const maxSlices = 8

// Slices returns the files that a fat file holds. The error wraps [ErrFormat].
func Slices(head []byte, size int64) ([]Range, error) {
	if Sniff(head) != Fat || len(head) < 8 {
		return nil, ErrFormat
	}
	entry, is64 := fatArch, binary.BigEndian.Uint32(head) == 0xcafebabf
	if is64 {
		entry = fatArch64
	}
	n := int(binary.BigEndian.Uint32(head[4:])) // Sniff: below 45
	entries, ok := table(head, 8, n, entry)
	if !ok || n > maxSlices {
		return nil, fmt.Errorf("fat file for %d processors: %w", n, ErrFormat)
	}
	var slices []Range
	for i := range n {
		h := entries[i*entry:]
		offset, length := uint64(binary.BigEndian.Uint32(h[8:])), uint64(binary.BigEndian.Uint32(h[12:]))
		if is64 {
			offset, length = binary.BigEndian.Uint64(h[8:]), binary.BigEndian.Uint64(h[16:])
		}
		if offset > uint64(size) || length > uint64(size)-offset {
			return nil, fmt.Errorf("part %d of %d bytes at offset %d lies beyond the end of the file: %w", i, length, offset, ErrFormat)
		}
		slices = append(slices, Range{int64(offset), int64(length)})
	}
	return slices, nil
}
