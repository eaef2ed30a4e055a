package objfile

import (
	"encoding/binary"
	"fmt"
)

// Numbers of the PE format.
const (
	peHeaderAt   = 0x3c // where the place of the PE header is, in the DOS header
	peFileHeader = 24   // the signature and the COFF file header
	peSection    = 40   // bytes of a section header

	peInitialized = 0x40 // characteristics of a section
	peCanWrite    = 0x80000000
)

func (m *Image) parsePE(head []byte) error {
	m.Order = binary.LittleEndian
	if len(head) < peHeaderAt+4 {
		return fmt.Errorf("DOS header of %d bytes: %w", len(head), ErrFormat)
	}
	at := uint64(binary.LittleEndian.Uint32(head[peHeaderAt:]))
	header, ok := table(head, at, 1, peFileHeader)
	if !ok || string(header[:4]) != "PE\x00\x00" {
		// A program for DOS, or a text that happens to begin with "MZ".
		return fmt.Errorf("no PE header at offset %d: %w", at, ErrFormat)
	}
	m.Runnable = true
	n := int(binary.LittleEndian.Uint16(header[6:]))
	optional := uint64(binary.LittleEndian.Uint16(header[20:]))
	if n > maxSegments {
		m.problem("there are more than %d sections", maxSegments)
		n = maxSegments
	}
	base := m.peBase(head, at+peFileHeader, int(optional))
	headers, ok := table(head, at+peFileHeader+optional, n, peSection)
	if !ok {
		m.problem("%d section headers at offset %d are not in the first %d bytes", n, at+peFileHeader+optional, len(head))
		return nil
	}
	for i := range n {
		h := headers[i*peSection:]
		name := text(h[:8])
		part := m.part(uint64(binary.LittleEndian.Uint32(h[20:])), uint64(binary.LittleEndian.Uint32(h[16:])), "section %q", name)
		addr := base + uint64(binary.LittleEndian.Uint32(h[12:]))
		m.Sections = append(m.Sections, Section{Name: name, Range: part, Addr: addr})
		if part.Size > 0 {
			flags := binary.LittleEndian.Uint32(h[36:])
			m.Segments = append(m.Segments, Segment{part, addr, flags&peCanWrite != 0 && flags&peInitialized != 0})
		}
	}
	return nil
}

// peBase returns the address that the addresses of sections are relative to.
func (m *Image) peBase(head []byte, at uint64, size int) uint64 {
	header, ok := table(head, at, 1, size)
	if !ok || len(header) < 32 {
		return 0
	}
	switch binary.LittleEndian.Uint16(header) {
	case 0x10b:
		return uint64(binary.LittleEndian.Uint32(header[28:]))
	case 0x20b:
		m.Is64 = true
		return binary.LittleEndian.Uint64(header[24:])
	}
	return 0
}
