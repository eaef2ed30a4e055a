// Package objfiletest makes small object files for tests.
package objfiletest

import "encoding/binary"

// A Part is a segment or a section. In an ELF file one with a name is a
// section, and one without is a segment that is loaded, or holds notes.
type Part struct {
	Name     string
	Segment  string // Mach-O: the segment that the section is in
	Kind     uint32 // ELF: p_type or sh_type; 0 is one that is loaded
	Addr     uint64
	Link     uint32 // ELF
	Writable bool
	Data     []byte
}

// A File is what an object file is made of.
type File struct {
	Order binary.ByteOrder // little-endian if nil
	Is32  bool
	Type  uint16 // ELF: 3, a shared object, if 0
	Parts []Part

	Symbols []Symbol // Mach-O
}

// A Symbol is a name for an address.
type Symbol struct {
	Name string
	Addr uint64
}

// A buffer grows as numbers are put into it.
type buffer struct {
	b     []byte
	order binary.ByteOrder
	is32  bool
}

func (w *buffer) u16(v uint16) {
	w.b = append(w.b, 0, 0)
	w.order.PutUint16(w.b[len(w.b)-2:], v)
}

func (w *buffer) u32(v uint32) {
	w.b = append(w.b, 0, 0, 0, 0)
	w.order.PutUint32(w.b[len(w.b)-4:], v)
}

func (w *buffer) word(v uint64) {
	if w.is32 {
		w.u32(uint32(v))
		return
	}
	w.b = append(w.b, 0, 0, 0, 0, 0, 0, 0, 0)
	w.order.PutUint64(w.b[len(w.b)-8:], v)
}

func (w *buffer) name(s string, size int) {
	field := make([]byte, size)
	copy(field, s)
	w.b = append(w.b, field...)
}

func (w *buffer) align(n int) {
	for len(w.b)%n != 0 {
		w.b = append(w.b, 0)
	}
}

func newBuffer(f File) *buffer {
	w := &buffer{order: binary.ByteOrder(binary.LittleEndian), is32: f.Is32}
	if f.Order != nil {
		w.order = f.Order
	}
	return w
}

// ELF returns f as an ELF file. The section table is at its end. Sections are
// numbered from 1 in their order among the sections.
func ELF(f File) []byte {
	pick := func(in32, in64 int) int {
		if f.Is32 {
			return in32
		}
		return in64
	}
	header, entry, section := pick(52, 64), pick(32, 56), pick(40, 64)
	var segments, sections []Part
	for _, p := range f.Parts {
		if p.Name == "" {
			segments = append(segments, p)
		} else {
			sections = append(sections, p)
		}
	}
	names := "\x00"
	nameAt := make([]uint32, len(sections))
	for i, s := range sections {
		nameAt[i] = uint32(len(names))
		names += s.Name + "\x00"
	}
	sections = append(sections, Part{Kind: 3, Data: []byte(names)})
	nameAt = append(nameAt, 0)

	// The content comes first, to know where it is.
	w := newBuffer(f)
	w.b = make([]byte, header+len(segments)*entry)
	place := func(parts []Part) []uint64 {
		var at []uint64
		for _, p := range parts {
			w.align(16)
			at = append(at, uint64(len(w.b)))
			w.b = append(w.b, p.Data...)
		}
		return at
	}
	segmentAt, sectionAt := place(segments), place(sections)
	w.align(16)
	table := len(w.b)
	w.b = append(w.b, make([]byte, section)...)
	for i, s := range sections {
		w.u32(nameAt[i])
		w.u32(max(s.Kind, 1))
		w.word(0)
		w.word(s.Addr)
		w.word(sectionAt[i])
		w.word(uint64(len(s.Data)))
		w.u32(s.Link)
		w.u32(0)
		w.word(1)
		w.word(0)
	}

	h := newBuffer(f)
	h.b = append(h.b, 0x7f, 'E', 'L', 'F', byte(pick(1, 2)), 1, 1)
	if h.order.Uint16([]byte{0, 1}) == 1 {
		h.b[5] = 2
	}
	h.align(16)
	kind := f.Type
	if kind == 0 {
		kind = 3
	}
	h.u16(kind)
	h.u16(62)
	h.u32(1)
	h.word(0)
	h.word(uint64(header))
	h.word(uint64(table))
	h.u32(0)
	for _, v := range []int{header, entry, len(segments), section, len(sections) + 1, len(sections)} {
		h.u16(uint16(v))
	}
	for i, s := range segments {
		flags := uint32(4)
		if s.Writable {
			flags |= 2
		}
		h.u32(max(s.Kind, 1))
		if !f.Is32 {
			h.u32(flags)
		}
		h.word(segmentAt[i])
		h.word(s.Addr)
		h.word(s.Addr)
		h.word(uint64(len(s.Data)))
		h.word(uint64(len(s.Data)))
		if f.Is32 {
			h.u32(flags)
		}
		h.word(16)
	}
	copy(w.b, h.b)
	return w.b
}

// PE returns f as a PE file, whose parts are all sections.
func PE(f File) []byte {
	w := newBuffer(f)
	w.name("MZ", 0x3c)
	w.u32(0x40)
	w.name("PE", 4)
	w.u16(0x8664)
	w.u16(uint16(len(f.Parts)))
	w.name("", 12)
	const optional = 32
	w.u16(optional)
	w.u16(2)
	if f.Is32 {
		w.u16(0x10b)
	} else {
		w.u16(0x20b)
	}
	w.name("", optional-2)
	at := (len(w.b) + 40*len(f.Parts) + 511) &^ 511
	for _, p := range f.Parts {
		w.name(p.Name, 8)
		w.u32(uint32(len(p.Data)))
		w.u32(uint32(p.Addr))
		w.u32(uint32(len(p.Data)))
		w.u32(uint32(at))
		w.name("", 12)
		flags := uint32(0x40000040)
		if p.Writable {
			flags |= 0x80000000
		}
		w.u32(flags)
		at += (len(p.Data) + 511) &^ 511
	}
	for _, p := range f.Parts {
		w.align(512)
		w.b = append(w.b, p.Data...)
	}
	return w.b
}

// MachO returns f as a Mach-O file with a segment for each part, in which the
// part is the only section.
func MachO(f File) []byte {
	w := newBuffer(f)
	segment, section, magic, command := 72, 80, uint32(0xfeedfacf), uint32(0x19)
	if f.Is32 {
		segment, section, magic, command = 56, 68, 0xfeedface, 1
	}
	commands := len(f.Parts)*(segment+section) + 24
	w.u32(magic)
	w.u32(7)
	w.u32(3)
	w.u32(2)
	w.u32(uint32(len(f.Parts) + 1))
	w.u32(uint32(commands))
	w.u32(0)
	if !f.Is32 {
		w.u32(0)
	}
	at := (len(w.b) + commands + 15) &^ 15
	for _, p := range f.Parts {
		protection := uint32(1)
		if p.Writable {
			protection = 3
		}
		size := uint64(len(p.Data))
		w.u32(command)
		w.u32(uint32(segment + section))
		w.name(p.Segment, 16)
		w.word(p.Addr)
		w.word(size)
		w.word(uint64(at))
		w.word(size)
		w.u32(protection)
		w.u32(protection)
		w.u32(1)
		w.u32(0)
		w.name(p.Name, 16)
		w.name(p.Segment, 16)
		w.word(p.Addr)
		w.word(size)
		w.u32(uint32(at))
		w.name("", 24)
		if !f.Is32 {
			w.u32(0)
		}
		at = (at + len(p.Data) + 15) &^ 15
	}
	names := "\x00"
	table := newBuffer(f)
	for _, s := range f.Symbols {
		table.u32(uint32(len(names)))
		table.u32(0xf)
		table.word(s.Addr)
		names += "_" + s.Name + "\x00"
	}
	w.u32(2)
	w.u32(24)
	w.u32(uint32(at))
	w.u32(uint32(len(f.Symbols)))
	w.u32(uint32(at + len(table.b)))
	w.u32(uint32(len(names)))
	for _, p := range f.Parts {
		w.align(16)
		w.b = append(w.b, p.Data...)
	}
	w.align(16)
	return append(append(w.b, table.b...), names...)
}

// Fat returns a file that holds others, one for each processor.
func Fat(files ...[]byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, 0xcafebabe)
	b = binary.BigEndian.AppendUint32(b, uint32(len(files)))
	at := uint32(4096)
	for _, f := range files {
		for _, v := range []uint32{7, 3, at, uint32(len(f)), 12} {
			b = binary.BigEndian.AppendUint32(b, v)
		}
		at += (uint32(len(f)) + 4095) &^ 4095
	}
	for _, f := range files {
		b = append(b, make([]byte, -len(b)&4095)...)
		b = append(b, f...)
	}
	return b
}

// SymbolTable returns the contents of an ELF symbol table and of its names.
func SymbolTable(f File, symbols ...Symbol) (table, names []byte) {
	w := newBuffer(f)
	w.name("", 16)
	if !f.Is32 {
		w.name("", 8)
	}
	names = []byte{0}
	for _, s := range symbols {
		w.u32(uint32(len(names)))
		if f.Is32 {
			w.word(s.Addr)
			w.u32(8)
			w.u32(0x10011)
		} else {
			w.u32(0x10011)
			w.word(s.Addr)
			w.word(8)
		}
		names = append(append(names, s.Name...), 0)
	}
	return w.b, names
}
