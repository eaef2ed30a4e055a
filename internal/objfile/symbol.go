package objfile

import (
	"bytes"
	"errors"
	"io"
)

// symbolChunk is how much of a table is in memory at one time.
const symbolChunk = 64 << 10

// maxPlaces is how many places of a name in a table of names are looked at: a
// name is there once, and again as the end of longer ones.
const maxPlaces = 64

// Symbols returns the addresses of the symbols with the given names, nil
// unless all are there. [Image.ReadSections] is to be called before. The error
// is one of r.
func (m *Image) Symbols(r io.ReaderAt, names ...string) (map[string]uint64, error) {
	if m.Kind == MachO {
		return m.symbolTable(r, m.symbols, m.symbolNames, "_", names)
	}
	for _, s := range m.Sections {
		if (s.kind != elfDynsym && s.kind != elfSymtab) || uint64(s.link) >= uint64(len(m.Sections)) {
			continue
		}
		found, err := m.symbolTable(r, s.Range, m.Sections[s.link].Range, "", names)
		if found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

// symbolTable looks names up in one table. Tables have a million entries, so
// that it is the few places of the names that are looked for.
func (m *Image) symbolTable(r io.ReaderAt, symbols, strings Range, prefix string, names []string) (map[string]uint64, error) {
	wanted := map[uint32]string{}
	for _, name := range names {
		places, err := findText(r, strings, prefix+name+"\x00")
		if err != nil || len(places) == 0 {
			return nil, err
		}
		for _, at := range places {
			wanted[at] = name
		}
	}
	entry := m.fields().pick(16, 24)
	value := m.fields().pick(4, 8)
	if m.Kind == MachO {
		entry, value = m.fields().pick(12, 16), 8
	}
	found := map[string]uint64{}
	buf := make([]byte, symbolChunk/entry*entry)
	for at := int64(0); at < symbols.Size && len(found) < len(names); at += int64(len(buf)) {
		n, err := readAt(r, buf[:min(int64(len(buf)), symbols.Size-at)], symbols.Offset+at)
		if err != nil {
			return nil, err
		}
		for s := buf[:n]; len(s) >= entry; s = s[entry:] {
			name, ok := wanted[m.Order.Uint32(s)]
			if !ok {
				continue
			}
			addr := m.fields().word(s[value:])
			if _, again := found[name]; !again && addr != 0 {
				found[name] = addr
			}
		}
	}
	if len(found) < len(names) {
		return nil, nil
	}
	return found, nil
}

// findText returns the first places of a text in a range, relative to it.
func findText(r io.ReaderAt, part Range, want string) ([]uint32, error) {
	var places []uint32
	buf := make([]byte, min(symbolChunk, part.Size))
	for at := int64(0); part.Size-at >= int64(len(want)); {
		n, err := readAt(r, buf[:min(int64(len(buf)), part.Size-at)], part.Offset+at)
		if err != nil {
			return nil, err
		}
		for from := 0; ; {
			i := bytes.Index(buf[from:n], []byte(want))
			if i < 0 {
				break
			}
			if place := at + int64(from+i); int64(uint32(place)) == place {
				places = append(places, uint32(place))
			}
			if len(places) == maxPlaces {
				return places, nil
			}
			from += i + 1
		}
		if n < len(want) {
			break // the file is shorter than it was said to be
		}
		// The text may lie across the end of a piece.
		at += int64(n - len(want) + 1)
	}
	return places, nil
}

// readAt is r.ReadAt without an error at the end.
func readAt(r io.ReaderAt, buf []byte, at int64) (int, error) {
	n, err := r.ReadAt(buf, at)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
