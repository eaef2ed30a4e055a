package executable

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/imagevet/imagevet/internal/objfile"
)

// eachWindow reads r to its end and calls visit with pieces that overlap by
// goLead bytes, so that what is shorter is whole in one of them, until visit
// wants no more. fresh, unless it is nil, gets every byte once.
func eachWindow(ctx context.Context, r io.Reader, visit func(at int64, window []byte, last bool) (bool, error), fresh func([]byte) error) error {
	buf := make([]byte, chunk)
	at, kept := int64(0), 0
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(r, buf[kept:])
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		if fresh != nil {
			if err := fresh(buf[kept : kept+n]); err != nil {
				return err
			}
		}
		window := buf[:kept+n]
		more, err := visit(at, window, last)
		if err != nil || !more || last {
			return err
		}
		kept = min(goLead, len(window))
		at += int64(len(window) - kept)
		copy(buf, window[len(window)-kept:])
	}
}

// A capture collects a part of a file in passing.
type capture struct {
	objfile.Range
	data []byte // grows as it comes: sizes lie
}

func newCapture(offset, size int64) *capture {
	return &capture{Range: objfile.Range{Offset: offset, Size: size}}
}

func (c *capture) full() bool { return int64(len(c.data)) == c.Size }

// add takes what a window has of the part.
func (c *capture) add(at int64, b []byte) {
	skip := c.Offset + int64(len(c.data)) - at
	if skip < 0 || skip >= int64(len(b)) || c.full() {
		return
	}
	b = b[skip:]
	c.data = append(c.data, b[:min(int64(len(b)), c.Size-int64(len(c.data)))]...)
}

// forward reads a file that comes as a stream to where there is nothing more
// of interest. p is nil if only the scan wants the content.
func (x *reading) forward(p *program) error {
	if p == nil && x.tap == nil {
		return nil
	}
	if p == nil {
		return eachWindow(x.ctx, x.file, func(int64, []byte, bool) (bool, error) { return !x.tap.Done(), nil }, x.tee)
	}
	var s stream
	s.init(x, p)
	err := eachWindow(x.ctx, x.file, func(at int64, window []byte, last bool) (bool, error) {
		s.window(at, window, last)
		return !s.done(at+int64(len(window))) || (x.tap != nil && !x.tap.Done()), nil
	}, x.tee)
	if err != nil {
		return err
	}
	s.finish(x, p)
	return nil
}

// A stream is what is looked out for in a program that is read forward.
type stream struct {
	golang *goStream
	notes  []*capture
	rust   *capture

	// Texts that tell of tables that only random access can follow: the names
	// of a section and of a symbol. The end of what is loaded comes before the
	// names of sections.
	tables      bool
	tablesAfter int64
	sawRust     bool
	sawGraal    bool
}

func (s *stream) init(x *reading, p *program) {
	s.golang = newGoStream(p.image)
	for _, part := range p.later {
		if part.Size > maxNote {
			x.problems.Add("notes of %d bytes at offset %d are left out", part.Size, part.Offset)
			continue
		}
		s.notes = append(s.notes, newCapture(part.Offset, part.Size))
	}
	if section, ok := rustSection(p.image); ok {
		if section.Size > maxRustPacked {
			x.problems.Add("section .dep-v0 has %d bytes", section.Size)
		} else {
			s.rust = newCapture(section.Offset, section.Size)
		}
	}
	s.tables = p.hold // it would have been held if it were not too large
	for _, segment := range p.image.Segments {
		s.tablesAfter = max(s.tablesAfter, segment.End())
	}
}

func (s *stream) window(at int64, b []byte, last bool) {
	s.golang.window(at, b, last)
	for _, n := range s.notes {
		n.add(at, b)
	}
	if s.rust != nil {
		s.rust.add(at, b)
	}
	if !s.tables {
		return
	}
	if from := max(0, s.tablesAfter-at); !s.sawRust && from < int64(len(b)) {
		s.sawRust = containsText(b[from:], "\x00.dep-v0\x00")
	}
	if !s.sawGraal {
		s.sawGraal = containsText(b, "\x00sbom_length\x00") || containsText(b, "\x00_sbom_length\x00")
	}
}

func (s *stream) done(at int64) bool {
	if !s.golang.done(at) || (s.rust != nil && !s.rust.full()) {
		return false
	}
	for _, n := range s.notes {
		if !n.full() {
			return false
		}
	}
	return !s.tables || s.golang.found
}

// finish takes what was found.
func (s *stream) finish(x *reading, p *program) {
	for _, n := range s.notes {
		p.notes = append(p.notes, n.data)
	}
	found := x.notes(p)
	isGo := x.goInfo(p, s.golang.blob())
	if s.rust != nil && !isGo {
		found = x.rust(s.rust.data) || found
	}
	if s.tables && !isGo {
		const tooLarge = "the file has %d bytes and comes as a stream: %s is not read"
		if s.sawRust {
			x.problems.Add(tooLarge, x.file.Size(), "the list of crates in section .dep-v0")
		}
		if s.sawGraal {
			x.problems.Add(tooLarge, x.file.Size(), "the bill of materials that symbol sbom leads to")
		}
	}
	x.end(p, found || isGo)
}

func containsText(b []byte, text string) bool { return bytes.Contains(b, []byte(text)) }
