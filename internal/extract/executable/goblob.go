package executable

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/imagevet/imagevet/internal/objfile"
)

// Go's linker puts build information into the data of a program:
//
//	14 bytes  magic, at an address that is a multiple of 16
//	 1 byte   size of a pointer
//	 1 byte   flags: 1 big-endian, 2 inline
//	16 bytes  two pointers to string headers, or nothing if inline
//	          if inline: two strings, each with its length as a varint
//
// The strings are the version of Go and the list of modules, in a frame of 16
// bytes on either side. Pointers were used before Go 1.18. See
// https://go.dev/src/debug/buildinfo/buildinfo.go.
const (
	goMagic    = "\xff Go buildinf:"
	goAlign    = 16
	goHeader   = 32
	goBig      = 1
	goInline   = 2
	goFrame    = 16
	goModStart = "\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6"
	goModEnd   = "\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2"
)

// Limits. Kubernetes and its relatives have 60 KB of modules.
const (
	maxGoVersion = 256
	maxGoModules = 4 << 20
)

// goLead is how many bytes from the magic on tell all but the list of modules.
const goLead = goHeader + maxGoVersion + 2*binary.MaxVarintLen64

// A goBlob is build information as it is found in a file.
type goBlob struct {
	version string
	modules string // without its frame
	problem string // what could not be read, empty if all could
}

// A goLeadIn is what stands before the list of modules.
type goLeadIn struct {
	inline  bool
	version string
	// The list, relative to the magic, if inline.
	modulesAt, modulesSize int64
	// Otherwise the addresses of two string headers.
	order       binary.ByteOrder
	pointerSize int
	pointers    [2]uint64
}

// nextGo returns the place in b of the next magic from a place on, -1 if there
// is none. addr is the address that b is loaded at.
func nextGo(b []byte, from int, addr uint64) int {
	for from < len(b) {
		i := bytes.Index(b[from:], []byte(goMagic))
		if i < 0 {
			break
		}
		from += i
		if (addr+uint64(from))%goAlign == 0 {
			return from
		}
		from++
	}
	return -1
}

// parseGoLead reads what stands before the list of modules from the magic and
// up to goLead bytes after it. That it is well-formed tells it from a program
// that has the magic for other reasons.
func parseGoLead(b []byte) (goLeadIn, bool) {
	var l goLeadIn
	if len(b) < goHeader {
		return l, false
	}
	flags := b[15]
	if flags&goInline != 0 {
		version, n, ok := goString(b[goHeader:], maxGoVersion)
		if !ok || len(version) == 0 || !isPrintable(version) {
			return l, false
		}
		at := goHeader + n
		size, n := binary.Uvarint(b[at:])
		if n <= 0 || size > 1<<62 {
			return l, false
		}
		l.inline, l.version = true, string(version)
		l.modulesAt, l.modulesSize = int64(at+n), int64(size)
		return l, true
	}
	l.pointerSize = int(b[14])
	if l.pointerSize != 4 && l.pointerSize != 8 {
		return l, false
	}
	l.order = binary.LittleEndian
	if flags&goBig != 0 {
		l.order = binary.BigEndian
	}
	l.pointers[0] = l.pointer(b[16:])
	l.pointers[1] = l.pointer(b[16+l.pointerSize:])
	return l, true
}

// pointer reads a pointer or a length.
func (l *goLeadIn) pointer(b []byte) uint64 {
	if l.pointerSize == 4 {
		return uint64(l.order.Uint32(b))
	}
	return l.order.Uint64(b)
}

// goString reads a string with its length before it, and returns how many
// bytes both have.
func goString(b []byte, most uint64) (s []byte, size int, ok bool) {
	n, lead := binary.Uvarint(b)
	if lead <= 0 || n > most || n > uint64(len(b)-lead) {
		return nil, 0, false
	}
	return b[lead:][:n], lead + int(n), true
}

func isPrintable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// unframe takes the frame off a list of modules. A program that was built
// without modules has neither.
func unframe(modules []byte) (string, error) {
	switch {
	case len(modules) == 0:
		return "", nil
	case len(modules) < 2*goFrame+1 || modules[len(modules)-goFrame-1] != '\n':
		return "", fmt.Errorf("the list of modules of %d bytes has no frame", len(modules))
	}
	return string(modules[goFrame : len(modules)-goFrame]), nil
}

// take makes a blob of its parts.
func takeBlob(version string, modules []byte) *goBlob {
	blob := &goBlob{version: version}
	var err error
	if blob.modules, err = unframe(modules); err != nil {
		blob.problem = err.Error()
	}
	return blob
}

// tooManyModules tells of a list that exceeds the limit.
func tooManyModules(size int64) string {
	return fmt.Sprintf("the list of modules has %d bytes, more than %d", size, maxGoModules)
}

// findGo looks for build information where the data of a program is. It
// returns nil if there is none. The error is one of r or ctx.
func findGo(ctx context.Context, r io.ReaderAt, m *objfile.Image) (*goBlob, error) {
	var buf []byte
	for _, s := range m.Segments {
		if !s.Writable {
			continue
		}
		if most := min(chunk, s.Size); int64(cap(buf)) < most { // some KiB in most programs
			buf = make([]byte, 0, most)
		}
		for at := s.Offset; at < s.End(); {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			n, err := r.ReadAt(buf[:min(chunk, s.End()-at)], at)
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
			window := buf[:n]
			last := at+int64(n) >= s.End() || n < chunk
			search := n
			if !last {
				search = n - goLead
			}
			addr := s.Addr + uint64(at-s.Offset)
			for i := nextGo(window, 0, addr); i >= 0 && i < search; i = nextGo(window, i+1, addr) {
				lead, ok := parseGoLead(window[i:])
				if !ok {
					continue
				}
				if !lead.inline {
					return findOldGo(ctx, r, m)
				}
				return readGo(r, m, lead, at+int64(i))
			}
			if last {
				break
			}
			at += int64(search)
		}
	}
	return nil, nil
}

// readGo reads the list of modules.
func readGo(r io.ReaderAt, m *objfile.Image, lead goLeadIn, at int64) (*goBlob, error) {
	blob := &goBlob{version: lead.version}
	if lead.modulesSize > maxGoModules {
		blob.problem = tooManyModules(lead.modulesSize)
		return blob, nil
	}
	modules, err := objfile.Read(r, objfile.Range{Offset: at + lead.modulesAt, Size: lead.modulesSize}, maxGoModules)
	if errors.Is(err, objfile.ErrFormat) {
		blob.problem = "the list of modules is cut off"
		return blob, nil
	}
	if err != nil {
		return nil, err
	}
	return takeBlob(lead.version, modules), nil
}

// findOldGo reads a program of Go before 1.18 forward, as if it came as a
// stream: where pointers lead is a matter of relocation in some of them, and
// one way to do without is enough.
func findOldGo(ctx context.Context, r io.ReaderAt, m *objfile.Image) (*goBlob, error) {
	g := newGoStream(m)
	err := eachWindow(ctx, io.NewSectionReader(r, 0, m.Size), func(at int64, window []byte, last bool) (bool, error) {
		g.window(at, window, last)
		return !g.done(at + int64(len(window))), nil
	}, nil)
	if err != nil {
		return nil, err
	}
	return g.blob(), nil
}
