package objfile_test

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/objfile"
	"github.com/imagevet/imagevet/internal/objfile/objfiletest"
)

func TestSniff(t *testing.T) {
	for head, want := range map[string]objfile.Kind{
		"":                                 objfile.None,
		"\x7fEL":                           objfile.None,
		"\x7fELF":                          objfile.ELF,
		"MZ\x90\x00":                       objfile.PE,
		"#!/b":                             objfile.None,
		"\xfe\xed\xfa\xce":                 objfile.MachO,
		"\xcf\xfa\xed\xfe":                 objfile.MachO,
		"\xca\xfe\xba\xbe":                 objfile.Fat, // or a class: too short to tell
		"\xca\xfe\xba\xbe\x00\x00\x00\x02": objfile.Fat,
		"\xca\xfe\xba\xbf\x00\x00\x00\x02": objfile.Fat,
		"\xca\xfe\xba\xbe\x00\x00\x00\x34": objfile.None, // a class of Java 8
		"\xca\xfe\xba\xbe\x00\x03\x00\x2d": objfile.None, // and of Java 1.1
	} {
		assert.Equalf(t, want, objfile.Sniff([]byte(head)), "%q", head)
	}
}

// sample has a part of each sort. The symbols b and c are there, and the name
// of a is the end of another's, and that of b the beginning.
func sample(order binary.ByteOrder, is32 bool) objfiletest.File {
	f := objfiletest.File{Order: order, Is32: is32}
	symbols := []objfiletest.Symbol{{Name: "xa", Addr: 1}, {Name: "bx", Addr: 2}, {Name: "b", Addr: 0x2004}, {Name: "c", Addr: 0x1002}}
	table, names := objfiletest.SymbolTable(f, symbols...)
	f.Parts = []objfiletest.Part{
		{Addr: 0x1000, Data: []byte("read only")},
		{Addr: 0x2000, Data: []byte("writable"), Writable: true},
		{Kind: 4, Addr: 0x3000, Data: []byte("a note")},
		{Name: ".symtab", Kind: 2, Link: 2, Data: table},
		{Name: ".strtab", Kind: 3, Data: names},
		{Name: ".x", Addr: 0x4000, Data: []byte("content of x")},
	}
	return f
}

func TestELF(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, is32 := range []bool{false, true} {
			data := objfiletest.ELF(sample(order, is32))
			// What the tests are made of is well-formed.
			want, err := elf.NewFile(bytes.NewReader(data))
			require.NoError(t, err)
			require.NotNil(t, want.Section(".x"))

			m, err := objfile.Parse(data, int64(len(data)))
			require.NoError(t, err)
			require.NoError(t, m.ReadSections(bytes.NewReader(data)))
			assert.Empty(t, m.Problems)
			assert.Equal(t, objfile.ELF, m.Kind)
			assert.Equal(t, order, m.Order)
			assert.Equal(t, !is32, m.Is64)
			assert.True(t, m.Runnable)
			require.Len(t, m.Segments, 2)
			assert.False(t, m.Segments[0].Writable)
			assert.True(t, m.Segments[1].Writable)
			assert.Equal(t, "writable", content(data, m.Segments[1].Range))
			require.Len(t, m.Notes, 1)
			assert.Equal(t, "a note", content(data, m.Notes[0]))
			s, ok := m.Section(".x")
			require.True(t, ok)
			assert.Equal(t, "content of x", content(data, s.Range))
			assert.Equal(t, uint64(0x4000), s.Addr)
			_, ok = m.Section(".y")
			assert.False(t, ok)

			at, room, ok := m.Offset(0x2004)
			require.True(t, ok)
			assert.Equal(t, "able", string(data[at:at+room]))
			for _, addr := range []uint64{0, 0xfff, 0x2008, 1 << 63} {
				_, _, ok = m.Offset(addr)
				assert.Falsef(t, ok, "address %#x", addr)
			}

			symbols, err := m.Symbols(bytes.NewReader(data), "b", "c")
			require.NoError(t, err)
			assert.Equal(t, map[string]uint64{"b": 0x2004, "c": 0x1002}, symbols)
			symbols, err = m.Symbols(bytes.NewReader(data), "b", "a")
			require.NoError(t, err)
			assert.Nil(t, symbols, "no symbol has the name, but one ends with it")
		}
	}
}

func TestPE(t *testing.T) {
	f := objfiletest.File{Parts: []objfiletest.Part{
		{Name: ".text", Addr: 0x1000, Data: []byte("text")},
		{Name: ".data", Addr: 0x2000, Data: []byte("data"), Writable: true},
	}}
	data := objfiletest.PE(f)
	m, err := objfile.Parse(data, int64(len(data)))
	require.NoError(t, err)
	assert.Empty(t, m.Problems)
	assert.True(t, m.Runnable)
	require.Len(t, m.Segments, 2)
	assert.True(t, m.Segments[1].Writable)
	assert.False(t, m.Segments[0].Writable)
	s, ok := m.Section(".data")
	require.True(t, ok)
	assert.Equal(t, "data", content(data, s.Range))
	assert.Equal(t, uint64(0x2000), s.Addr)
}

func TestMachO(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, is32 := range []bool{false, true} {
			f := sample(order, is32)
			f.Parts = []objfiletest.Part{
				{Segment: "__TEXT", Name: "__text", Addr: 0x1000, Data: []byte("text")},
				{Segment: "__DATA", Name: "__data", Addr: 0x2000, Data: []byte("writable"), Writable: true},
			}
			f.Symbols = []objfiletest.Symbol{{Name: "b", Addr: 0x2004}, {Name: "c", Addr: 0x1002}}
			data := objfiletest.MachO(f)
			_, err := macho.NewFile(bytes.NewReader(data))
			require.NoError(t, err, "what the tests are made of is well-formed")

			m, err := objfile.Parse(data, int64(len(data)))
			require.NoError(t, err)
			assert.Empty(t, m.Problems)
			assert.Equal(t, objfile.MachO, m.Kind)
			assert.True(t, m.Runnable)
			require.Len(t, m.Segments, 2)
			assert.True(t, m.Segments[1].Writable)
			s, ok := m.Section("__data")
			require.True(t, ok)
			assert.Equal(t, "__DATA", s.Segment)
			assert.Equal(t, "writable", content(data, s.Range))
			symbols, err := m.Symbols(bytes.NewReader(data), "b", "c")
			require.NoError(t, err)
			assert.Equal(t, map[string]uint64{"b": 0x2004, "c": 0x1002}, symbols)
		}
	}
}

func TestSlices(t *testing.T) {
	a, b := []byte("first"), []byte("second")
	data := objfiletest.Fat(a, b)
	slices, err := objfile.Slices(data, int64(len(data)))
	require.NoError(t, err)
	require.Len(t, slices, 2)
	assert.Equal(t, "second", content(data, slices[1]))

	for name, change := range map[string]func(b []byte){
		"too many":       func(b []byte) { b[7] = 44 },
		"beyond the end": func(b []byte) { b[8+8] = 0xff },
		"too large":      func(b []byte) { b[8+12] = 0xff },
	} {
		bad := bytes.Clone(data)
		change(bad)
		_, err = objfile.Slices(bad, int64(len(bad)))
		assert.ErrorIsf(t, err, objfile.ErrFormat, "%s", name)
	}
	_, err = objfile.Slices([]byte("\xca\xfe\xba\xbe"), 4)
	assert.ErrorIs(t, err, objfile.ErrFormat)
}

// put returns a copy of data with a number at a place.
func put(data []byte, at int, v uint64, size int) []byte {
	data = bytes.Clone(data)
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	copy(data[at:at+size], b[:])
	return data
}

// TestDamaged holds that what is wrong with a header is told and leaves the
// rest.
func TestDamaged(t *testing.T) {
	data := objfiletest.ELF(sample(nil, false))
	table := int(binary.LittleEndian.Uint64(data[40:]))
	const segment = 64 + 56 // the second program header
	mach := objfiletest.MachO(objfiletest.File{Parts: []objfiletest.Part{{Segment: "__DATA", Name: "__data", Data: []byte("x")}}})
	win := objfiletest.PE(objfiletest.File{Parts: []objfiletest.Part{{Name: ".data", Data: []byte("x")}}})
	tests := []struct {
		name    string
		data    []byte
		problem string
	}{
		{"a segment that begins beyond the end", put(data, segment+8, 1<<40, 8), "segment 1 of 8 bytes at offset 1099511627776 lies beyond"},
		{"a segment that ends beyond the end", put(data, segment+32, 1<<40, 8), "segment 1 of 1099511627776 bytes"},
		{"a segment of 2^63 bytes", put(data, segment+32, 1<<63, 8), "segment 1 of 9223372036854775808 bytes"},
		{"a segment whose end overflows", put(data, segment+32, 1<<64-1, 8), "segment 1 of 18446744073709551615 bytes"},
		{"an offset of 2^63", put(data, segment+8, 1<<63, 8), "segment 1 of 8 bytes at offset 9223372036854775808"},
		{"program headers without number", put(data, 56, 0xffff, 2), "there are more than 512 program headers"},
		{"program headers beyond the end", put(data, 32, 1<<40, 8), "3 program headers at offset 1099511627776 are not in the first"},
		{"program headers too short", put(data, 54, 8, 2), "program headers have 8 bytes"},
		{"a section table beyond the end", put(data, 40, 1<<40, 8), "the section table of 320 bytes at offset 1099511627776 lies beyond"},
		{"a section table cut off", data[:len(data)-70], "the section table of 320 bytes"},
		{"section headers too short", put(data, 58, 3, 2), "section headers have 3 bytes"},
		{"section headers too long", put(data, 58, 4096, 2), "section headers have 4096 bytes"},
		{"very many sections", put(put(data, 60, 0, 2), table+32, 1<<60, 8), "the section table of"},
		{"a section beyond the end", put(data, table+3*64+24, 1<<50, 8), `section ".x" of 12 bytes`},
		{"names beyond the end", put(data, table+4*64+24, 1<<50, 8), "the table of section names"},

		{"load commands without number", put(mach, 16, 1<<31, 4), "there are more than 1024 load commands"},
		{"a load command without size", put(mach, 36, 0, 4), "load command 0 of 0 bytes"},
		{"a load command beyond the end", put(mach, 36, 1<<31, 4), "load command 0 of 2147483648 bytes"},
		{"a load command too short", put(mach, 36, 16, 4), "a segment's load command has 16 bytes"},
		{"sections beyond the load command", put(mach, 32+64, 1000, 4), `1000 sections of segment "__DATA" are not in its load command`},
		{"a segment beyond the end", put(mach, 32+40, 1<<62, 8), `segment "__DATA" of 1 bytes`},
		{"symbols beyond the end", put(mach, 32+152+12, 1<<30, 4), "the symbol table of"},

		{"sections without number", put(win, 0x46, 0xffff, 2), "there are more than 512 sections"},
		{"sections beyond the end", put(win, 0x54, 0xffff, 2), "1 section headers at offset"},
		{"a section of Windows beyond the end", put(win, 0x40+24+32+20, 1<<31, 4), `section ".data" of 1 bytes`},
	}
	for _, tt := range tests {
		m, err := objfile.Parse(tt.data[:min(len(tt.data), objfile.HeadSize)], int64(len(tt.data)))
		require.NoErrorf(t, err, "Parse, %s", tt.name)
		require.NoErrorf(t, m.ReadSections(bytes.NewReader(tt.data)), "ReadSections, %s", tt.name)
		assert.Containsf(t, strings.Join(m.Problems, "\n"), tt.problem, "%s", tt.name)
		check(t, m)
	}
}

func TestParseErrors(t *testing.T) {
	data := objfiletest.ELF(sample(nil, false))
	for name, head := range map[string][]byte{
		"empty":                    nil,
		"a script":                 []byte("#!/bin/sh\n"),
		"a short ELF header":       data[:15],
		"a shorter ELF header":     data[:63],
		"class 3":                  put(data, 4, 3, 1),
		"byte order 3":             put(data, 5, 3, 1),
		"a short DOS header":       []byte("MZ"),
		"a program for DOS":        []byte("MZ" + strings.Repeat("\x00", 100)),
		"a PE header far away":     put([]byte("MZ"+strings.Repeat("\x00", 100)), 0x3c, 1<<31, 4),
		"a short header of Mach-O": []byte("\xcf\xfa\xed\xfe"),
	} {
		m, err := objfile.Parse(head, int64(len(head)))
		assert.ErrorIsf(t, err, objfile.ErrFormat, "Parse, %s", name)
		assert.Nilf(t, m, "Parse, %s", name)
	}
}

func TestReadErrors(t *testing.T) {
	broken := errors.New("broken")
	data := objfiletest.ELF(sample(nil, false))
	r := brokenAt{broken}
	m, err := objfile.Parse(data, int64(len(data)))
	require.NoError(t, err)
	assert.ErrorIs(t, m.ReadSections(r), broken)
	require.NoError(t, m.ReadSections(bytes.NewReader(data)))
	_, err = m.Symbols(r, "b")
	assert.ErrorIs(t, err, broken)
	_, err = objfile.Read(r, objfile.Range{Size: 1}, 1)
	assert.ErrorIs(t, err, broken)

	for name, part := range map[string]objfile.Range{
		"too large":      {Size: 11},
		"negative":       {Size: -1},
		"before":         {Offset: -1, Size: 1},
		"beyond the end": {Offset: int64(len(data)) - 1, Size: 2},
	} {
		_, err = objfile.Read(bytes.NewReader(data), part, 10)
		assert.ErrorIs(t, err, objfile.ErrFormat, name)
	}
}

type brokenAt struct{ err error }

func (b brokenAt) ReadAt([]byte, int64) (int, error) {
	return iotest.ErrReader(b.err).Read(nil)
}

// TestLongTables holds that a name across the end of a piece is found.
func TestLongTables(t *testing.T) {
	f := objfiletest.File{}
	for pad := range 6 {
		var symbols []objfiletest.Symbol
		for range 40_000 {
			symbols = append(symbols, objfiletest.Symbol{Name: "sym"})
		}
		symbols = append(symbols, objfiletest.Symbol{Name: strings.Repeat("p", 64<<10-3-160_000%(64<<10)+pad)}, objfiletest.Symbol{Name: "wanted", Addr: 7})
		table, names := objfiletest.SymbolTable(f, symbols...)
		f.Parts = []objfiletest.Part{{Name: ".symtab", Kind: 2, Link: 2, Data: table}, {Name: ".strtab", Kind: 3, Data: names}}
		data := objfiletest.ELF(f)
		m, err := objfile.Parse(data[:objfile.HeadSize], int64(len(data)))
		require.NoError(t, err)
		require.NoError(t, m.ReadSections(bytes.NewReader(data)))
		found, err := m.Symbols(bytes.NewReader(data), "wanted")
		require.NoError(t, err)
		assert.Equal(t, map[string]uint64{"wanted": 7}, found)
	}
}

func content(data []byte, part objfile.Range) string { return string(data[part.Offset:part.End()]) }

// check holds that no range leaves the file.
func check(t *testing.T, m *objfile.Image) {
	t.Helper()
	inside := func(r objfile.Range) {
		require.GreaterOrEqual(t, r.Offset, int64(0))
		require.GreaterOrEqual(t, r.Size, int64(0))
		require.LessOrEqual(t, r.Offset, m.Size-r.Size)
	}
	for _, s := range m.Segments {
		inside(s.Range)
		if at, room, ok := m.Offset(s.Addr); ok {
			inside(objfile.Range{Offset: at, Size: room})
		}
	}
	for _, s := range m.Sections {
		inside(s.Range)
	}
	for _, n := range m.Notes {
		inside(n)
	}
	require.LessOrEqual(t, len(m.Problems), 8)
}

func FuzzParse(f *testing.F) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, is32 := range []bool{false, true} {
			s := sample(order, is32)
			f.Add(objfiletest.ELF(s))
			f.Add(objfiletest.MachO(s))
			if order == binary.LittleEndian {
				f.Add(objfiletest.PE(s))
			}
		}
	}
	f.Add(objfiletest.Fat(objfiletest.MachO(sample(nil, false))))
	f.Fuzz(func(t *testing.T, data []byte) {
		if slices, err := objfile.Slices(data, int64(len(data))); err == nil {
			for _, s := range slices {
				require.LessOrEqual(t, s.Offset, int64(len(data))-s.Size)
			}
		}
		m, err := objfile.Parse(data[:min(len(data), objfile.HeadSize)], int64(len(data)))
		if err != nil {
			require.ErrorIs(t, err, objfile.ErrFormat)
			return
		}
		require.NoError(t, m.ReadSections(bytes.NewReader(data)))
		check(t, m)
		found, err := m.Symbols(bytes.NewReader(data), "b", "c")
		require.NoError(t, err)
		require.True(t, found == nil || len(found) == 2)
	})
}
