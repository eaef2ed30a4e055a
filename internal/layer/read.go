package layer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/imagevet/imagevet/internal/ctxio"
	"github.com/imagevet/imagevet/internal/ignore"
	"github.com/imagevet/imagevet/internal/tarwalk"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A Pick is one extractor's wish to see a file.
type Pick struct {
	Extractor int
	As        string // the path to give it, empty for the file's own
}

// A Picker appends the picks for a file to dst. An empty path is never asked
// for.
type Picker func(dst []Pick, path []byte, executable bool) []Pick

// Picker returns the picker of all patterns.
func (r *Router) Picker() Picker {
	return func(dst []Pick, path []byte, executable bool) []Pick {
		var buf [8]int
		for _, i := range r.Append(buf[:0], path, executable) {
			dst = append(dst, Pick{Extractor: i})
		}
		return dst
	}
}

// Options are what the reading of all layers of an image has in common.
type Options struct {
	Router *Router
	Budget *Budget // memory for files that are read in any order
	// Ahead allows a goroutine that reads and decompresses a stream while
	// this one looks at what has been read. It ends before Read returns.
	Ahead bool
	// Skip tells which files to pass over; it may be nil.
	Skip *ignore.Rules
	// Workers is how many files of a folder are read at once; 0 is one.
	Workers int
	// Sources is true for the folder of a project, which has no folders of a
	// running system.
	Sources bool
	// DiffID asks for Facts.DiffID even where another digest proves that the
	// layer is what the image states.
	DiffID bool
}

// A scanner reads one layer.
type scanner struct {
	ctx   context.Context
	opts  Options
	pick  Picker
	index int
	facts *Facts

	picks  []Pick // used again for every file
	stream streamReader
	paths  cleaner
	links  cleaner
}

// Read reads the layer that src holds, as [sbom.Image] describes: compressed
// or not, as a stream or, if src can be read at any position, by seeking. A
// stream must have the digest that info states, or else its diff ID.
func Read(ctx context.Context, src io.Reader, info inventory.Layer, pick Picker, opts Options) (*Facts, error) {
	s := &scanner{ctx: ctx, opts: opts, pick: pick, index: info.Index, facts: &Facts{}}
	if err := s.read(src, info); err != nil {
		if cause := context.Cause(ctx); cause != nil && errors.Is(err, ctx.Err()) {
			err = cause
		}
		return nil, &inventory.LayerError{Index: info.Index, DiffID: info.DiffID, Err: err}
	}
	return s.facts, nil
}

// Seeks reports whether Read reads the layer by seeking, so that not all of it is
// seen. An error counts as no.
func Seeks(src io.Reader) bool {
	at, ok := src.(randomAccess)
	if !ok {
		return false
	}
	kind, err := sniff(io.NewSectionReader(at, 0, at.Size()))
	return err == nil && kind == plain
}

func (s *scanner) read(src io.Reader, info inventory.Layer) error {
	if at, ok := src.(randomAccess); ok {
		format, err := sniff(io.NewSectionReader(at, 0, at.Size()))
		if err != nil {
			return err
		}
		if format == plain {
			// Files of 10 KB and lists of 20 bytes for each are usual; growing
			// in steps would cost as much again.
			s.facts.list.data = make([]byte, 0, min(max(at.Size()>>9, 4<<10), 4<<20))
			return s.archive(tarwalk.NewReaderAt(at, at.Size()))
		}
	}
	content, err := open(ctxio.NewReader(s.ctx, src), info, s.opts)
	if err != nil {
		return err
	}
	defer content.close()
	if err := s.archive(tarwalk.NewReader(content)); err != nil {
		return err
	}
	s.facts.DiffID, s.facts.Verified, err = content.verify()
	return err
}

// archive goes through the members of the layer.
func (s *scanner) archive(r *tarwalk.Reader) error {
	for n := 0; ; n++ {
		if n%1024 == 0 && s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		e, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.member(r, e); err != nil {
			return err
		}
	}
}

func (s *scanner) member(r *tarwalk.Reader, e *tarwalk.Entry) error {
	path := s.paths.clean(e.Path)
	if len(path) == 0 {
		return nil // the root itself
	}
	if len(path) > MaxPath {
		return fmt.Errorf("path of %d bytes: %.100q…", len(path), path)
	}
	if dir, base := split(path); bytes.HasPrefix(base, whiteoutPrefix) {
		s.whiteout(dir, base)
		return nil
	}
	kind := e.Kind
	if !s.opts.Skip.Empty() && kind != tarwalk.Directory && kind != tarwalk.Symlink && s.opts.Skip.Within(string(path)) {
		return s.facts.list.add(kindOther, path, nil) // it is there, and nobody looks at it
	}
	switch kind {
	case tarwalk.Directory:
		return s.facts.list.add(kindDir, path, nil)
	case tarwalk.Symlink:
		return s.facts.list.add(kindSymlink, path, e.Link)
	case tarwalk.HardLink:
		if s.picks = s.pick(s.picks[:0], path, e.Perm&0o111 != 0); len(s.picks) > 0 {
			return s.facts.list.add(kindLink, path, s.links.clean(e.Link))
		}
	case tarwalk.Regular:
		if s.picks = s.pick(s.picks[:0], path, e.Perm&0o111 != 0); len(s.picks) > 0 {
			section, seekable := r.Section()
			if e.Sparse {
				return s.file(path, e, errReader{tarwalk.ErrSparse}, nil)
			}
			if seekable {
				return s.file(path, e, section, section)
			}
			return s.file(path, e, r, nil)
		}
	}
	return s.facts.list.add(kindOther, path, nil)
}

var (
	whiteoutPrefix = []byte(".wh.")
	whiteoutOpaque = ".wh..wh..opq"
	whiteoutMeta   = ".wh..wh." // other names that aufs kept for itself
)

var errWhiteout = errors.New("a whiteout of a folder itself or of the one above")

// whiteout notes what a marker file removes.
func (s *scanner) whiteout(dir, base []byte) {
	switch name := string(base); {
	case name == whiteoutOpaque:
		s.facts.Opaque = append(s.facts.Opaque, string(dir))
	case strings.HasPrefix(name, whiteoutMeta) || name == string(whiteoutPrefix):
	case name == ".wh.." || name == ".wh...":
		// No file has such a name, and what is above must not vanish by it.
		s.facts.Problems = append(s.facts.Problems, &inventory.FileError{
			Path: string(appendElement(bytes.Clone(dir), base)), Extractor: "layer", Layer: s.index, Err: errWhiteout,
		})
	default:
		s.facts.Whiteouts = append(s.facts.Whiteouts, string(appendElement(bytes.Clone(dir), base[len(whiteoutPrefix):])))
	}
}

// file hands a regular file to the extractors in s.picks.
func (s *scanner) file(path []byte, e *tarwalk.Entry, r io.Reader, at io.ReaderAt) error {
	name := string(path)
	if err := s.facts.list.add(kindFile, path, nil); err != nil {
		return err
	}
	found, err := s.extract(name, e.Perm, e.Size, r, at)
	if err != nil {
		return err
	}
	s.facts.Files = append(s.facts.Files, File{name, found})
	return nil
}

// extract runs the extractors in s.picks over a file. at is nil for content
// that can be read once only. The error is one of the layer, not of the file.
func (s *scanner) extract(name string, perm fs.FileMode, size int64, r io.Reader, at io.ReaderAt) ([]Found, error) {
	var inMemory *held
	defer func() { inMemory.release() }()
	stream := &s.stream
	*stream = streamReader{r: r, head: stream.head[:0]}
	load := sync.OnceValues(func() (io.ReaderAt, error) {
		var err error
		inMemory, err = s.opts.Budget.read(s.ctx, stream, size)
		return inMemory, err
	})
	picks := append([]Pick(nil), s.picks...) // an extractor's turn may use the buffer
	found := make([]Found, 0, len(picks))
	for _, p := range picks {
		if p.As == "" {
			p.As = name
		}
		var f *inventory.File
		switch {
		case at != nil:
			f = inventory.NewFile(p.As, perm, size, io.NewSectionReader(at, 0, size), nil)
		case len(picks) > 1: // each needs the content from its beginning
			all, err := load()
			switch {
			case s.ctx.Err() != nil:
				return nil, s.ctx.Err()
			case stream.broken():
				return nil, stream.err
			case err != nil:
				found = append(found, Found{Extractor: p.Extractor, As: p.As, Err: err})
				continue
			}
			f = inventory.NewFile(p.As, perm, size, io.NewSectionReader(all, 0, size), nil)
		default:
			f = inventory.NewFile(p.As, perm, size, stream, load)
		}
		facts, err := s.opts.Router.extractors[p.Extractor].Extract(s.ctx, f)
		if err != nil {
			facts = inventory.Facts{}
		}
		if s.ctx.Err() != nil {
			return nil, s.ctx.Err()
		}
		if stream.broken() {
			return nil, stream.err
		}
		owned, ownedErr := s.owned(facts.Owned)
		if ownedErr != nil {
			return nil, ownedErr
		}
		facts.Owned = nil
		found = append(found, Found{p.Extractor, p.As, facts, owned, err})
	}
	return found, nil
}

// owned keeps those files of packages that an extractor may want to see; no file
// of an image has a path longer than [MaxPath]. The error is that of a listing which is too long.
func (s *scanner) owned(all []inventory.Ownership) ([]Owned, error) {
	var paths cleaner
	var buf [8]int
	var out []Owned
	for _, o := range all {
		owned := Owned{Package: o.Package, Arch: o.Arch}
		for _, p := range o.Paths {
			path := paths.clean([]byte(p))
			if len(path) == 0 || len(path) > MaxPath || !s.opts.Router.anyFile() && len(s.opts.Router.Append(buf[:0], path, true)) == 0 {
				continue
			}
			if err := owned.list.add(kindOther, path, nil); err != nil {
				return nil, err
			}
		}
		if len(owned.list.data) > 0 {
			owned.list.data = slices.Clip(owned.list.data)
			out = append(out, owned)
		}
	}
	return out, nil
}

// A streamReader reads a file that can be read once only. It remembers the
// error, and what was shown of the file before it was read.
type streamReader struct {
	r    io.Reader
	err  error
	head []byte // shown; read from next on
	next int
}

func (s *streamReader) Read(p []byte) (int, error) {
	if s.next < len(s.head) {
		n := copy(p, s.head[s.next:])
		s.next += n
		return n, nil
	}
	n, err := s.r.Read(p)
	s.note(err)
	return n, err
}

// Peek returns the first n bytes, or all if there are fewer.
func (s *streamReader) Peek(n int) ([]byte, error) {
	if have := len(s.head); have < n {
		s.head = slices.Grow(s.head, n-have)[:n]
		more, err := io.ReadFull(s.r, s.head[have:])
		s.head = s.head[:have+more]
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		s.note(err)
		return s.head, err
	}
	return s.head[:n], nil
}

// broken reports whether the layer is at fault, not the file.
func (s *streamReader) broken() bool {
	return s.err != nil && !errors.Is(s.err, tarwalk.ErrSparse)
}

func (s *streamReader) note(err error) {
	if err != nil && err != io.EOF {
		s.err = err
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }
