package vulndb

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/enrich"
)

// An openFunc opens a document.
type openFunc func() (io.ReadCloser, error)

func openPath(path string) openFunc {
	return func() (io.ReadCloser, error) { return os.Open(path) }
}

// kindOfFile tells by a file's name whether it is read, and how it is opened.
// The extension is in lower case and without ".gz"; empty for a file that is
// not read.
func kindOfFile(name string) (ext string, open func(openFunc) openFunc) {
	name = strings.ToLower(name)
	open = func(f openFunc) openFunc { return f }
	name, zipped := strings.CutSuffix(name, ".gz")
	if zipped {
		open = gunzip
	}
	switch ext = filepath.Ext(name); ext {
	case ".json", ".jsonl", ".csv":
		return ext, open
	case ".zip", ".db":
		if !zipped {
			return ext, open
		}
	}
	return "", nil
}

// gunzip opens what is compressed by gzip.
func gunzip(open openFunc) openFunc {
	return func() (io.ReadCloser, error) {
		in, err := open()
		if err != nil {
			return nil, err
		}
		z, err := gzip.NewReader(in)
		if err != nil {
			in.Close()
			return nil, err
		}
		return &gunzipped{z, in}, nil
	}
}

type gunzipped struct {
	*gzip.Reader
	in io.Closer
}

func (g *gunzipped) Close() error { return errors.Join(g.Reader.Close(), g.in.Close()) }

// beginsEPSS reports whether a file has scores of EPSS.
func beginsEPSS(open openFunc) (bool, error) {
	in, err := open()
	if err != nil {
		return false, err
	}
	defer in.Close()
	head := make([]byte, 64)
	n, err := io.ReadFull(in, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return false, err
	}
	return enrich.IsEPSS(head[:n]), nil
}

// document hands out a file or member that is no archive.
func (f *feeder) document(ctx context.Context, name, ext string, open openFunc) error {
	switch ext {
	case ".jsonl":
		in, err := open()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer in.Close()
		return f.lines(ctx, name, in)
	case ".csv": // there are many other tables
		ok, err := beginsEPSS(open)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !ok {
			f.skipped(name)
			return nil
		}
	}
	return f.add(rawRecord{name: name, open: open})
}

// A skip is a document that a worker found to be of no kind that is read.
type skip struct {
	name string
	seq  int64
}

// reportSkips adds to a report what workers skipped.
func (b *builder) reportSkips(r *BuildReport) {
	slices.SortFunc(b.skips, func(x, y skip) int { return cmp.Compare(x.seq, y.seq) })
	r.Skipped += len(b.skips)
	for _, s := range b.skips {
		if len(r.SkippedFiles) < MaxNamed {
			r.SkippedFiles = append(r.SkippedFiles, s.name)
		}
	}
	r.NeverAffected = b.secdb.never
	slices.SortStableFunc(r.Unsupported, func(x, y UnsupportedReport) int { return cmp.Compare(x.Ecosystem, y.Ecosystem) })
}

// A meter counts the bytes of a document, and keeps the error that reading
// it ended with: that of a source that cannot be read, in contrast to what is
// wrong in it.
type meter struct {
	ctx    context.Context
	in     io.Reader
	limits *limits
	err    error
}

func (m *meter) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	if m.err = m.ctx.Err(); m.err != nil {
		return 0, m.err
	}
	n, err := m.in.Read(p)
	if over := m.limits.spend(int64(n)); over != nil {
		err = over
	}
	if err != io.EOF {
		m.err = err
	}
	return n, err
}

// document reads a record, or whatever else the document is. An error means
// that it cannot be read at all.
func (b *builder) document(ctx context.Context, r *rawRecord, seq int64, buf *[]byte) error {
	if r.trivy {
		return b.readTrivy(ctx, r.name, seq)
	}
	if r.open == nil {
		kind := enrich.Detect(r.data)
		return b.whole(kind, r, seq, r.data)
	}
	in, err := r.open()
	if err != nil {
		return err
	}
	defer in.Close()
	head := slices.Grow((*buf)[:0], enrich.HeadSize)[:enrich.HeadSize]
	*buf = head
	n, err := io.ReadFull(in, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return err
	}
	if err := b.cfg.limits.spend(int64(n)); err != nil {
		return err
	}
	head = head[:n]
	kind := enrich.Detect(head)
	rest := &meter{ctx: ctx, in: in, limits: b.cfg.limits}
	switch kind {
	case enrich.KindKEV, enrich.KindEPSS, enrich.KindNVD, enrich.KindSecDB, enrich.KindEndOfLife:
		return b.stream(ctx, kind, r, seq, io.MultiReader(bytes.NewReader(head), rest), rest)
	case enrich.KindDelta:
		b.mu.Lock()
		defer b.mu.Unlock()
		b.skips = append(b.skips, skip{r.name, seq})
		return nil
	}
	data, err := load(rest, head, b.cfg.limits.record)
	switch {
	case errors.Is(err, advisory.ErrTooLarge):
		b.addBad(r.name, "", []string{err.Error()}, seq)
		return nil
	case err != nil:
		return err
	}
	*buf = data
	return b.whole(kind, r, seq, data)
}

// whole decodes a document that is in memory.
func (b *builder) whole(kind enrich.Kind, r *rawRecord, seq int64, data []byte) error {
	var e enrich.Entry
	var reasons []string
	var err error
	list := 0
	switch kind {
	case enrich.KindCVE:
		e, reasons, err = enrich.DecodeCVE(data)
	case enrich.KindNVDOne:
		list = 1
		e, reasons, err = enrich.DecodeNVD(data)
	case enrich.KindKEV, enrich.KindNVD, enrich.KindSecDB, enrich.KindEndOfLife:
		err = errors.New("this document cannot be a line of a file")
	default:
		rec, defects, err := advisory.Decode(data)
		if err != nil {
			b.addBad(r.name, "", []string{err.Error()}, seq)
			return nil
		}
		return b.add(b.compile(rec, defects, r.name, seq))
	}
	if err != nil {
		b.addBad(r.name, "", []string{err.Error()}, seq)
		return nil
	}
	if len(reasons) > 0 {
		b.addBad(r.name, e.CVE, reasons, seq)
	}
	return b.put(list, &e, seq)
}

// put keeps an entry of a list.
func (b *builder) put(list int, e *enrich.Entry, seq int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	twice, err := b.enricher.put(list, e, seq)
	if twice {
		b.duplicates++
	}
	return err
}

// stream reads a document one entry at a time.
func (b *builder) stream(ctx context.Context, kind enrich.Kind, r *rawRecord, seq int64, in io.Reader, rest *meter) error {
	var bad []enrich.Bad
	var err, fatal error
	var keep func() bool // reports whether there were two
	switch kind {
	case enrich.KindKEV:
		c, add := newCatalogue(seq, func(e *enrich.Entry) enrich.Entry { return *e })
		c.info, bad, err = enrich.ReadKEV(in, add)
		keep = func() bool {
			old := b.enricher.kev
			b.enricher.kev = better(old, c)
			return old != nil
		}
	case enrich.KindEPSS:
		c, add := newCatalogue(seq, func(e *enrich.Entry) scores { return compact(e.EPSS) })
		c.info, bad, err = enrich.ReadEPSS(in, add)
		keep = func() bool {
			old := b.enricher.epss
			b.enricher.epss = better(old, c)
			return old != nil
		}
	case enrich.KindEndOfLife:
		c := &catalogue[lifecycle]{seq: seq, entries: map[string]lifecycle{}}
		c.info, bad, err = enrich.ReadEndOfLife(in, func(l enrich.Lifecycle) error {
			name := lifecycleName(l.Product, l.Release)
			if _, twice := c.entries[name]; !twice { // the first counts
				c.entries[name] = lifecycle{l.End, l.ExtendedEnd}
			}
			return nil
		})
		keep = func() bool {
			old := b.enricher.eol
			b.enricher.eol = better(old, c)
			return old != nil
		}
	case enrich.KindNVD:
		bad, err = enrich.ReadNVD(in, func(e enrich.Entry) error {
			fatal = b.put(1, &e, seq)
			return cmp.Or(fatal, ctx.Err())
		})
	case enrich.KindSecDB:
		return b.readSecDB(r, seq, in, rest)
	}
	for _, x := range bad {
		b.addBad(r.name+": "+x.Entry, x.CVE, x.Reasons, seq)
	}
	switch {
	case err == nil:
	case rest.err != nil:
		return rest.err
	case fatal != nil || errors.Is(err, ErrLimit):
		return err
	case kind == enrich.KindNVD:
		b.addBad(r.name, "", []string{fmt.Sprintf("nothing after this was read: %v", err)}, seq)
		return nil
	default:
		b.addBad(r.name, "", []string{fmt.Sprintf("none of it was used: %v", err)}, seq)
		return nil
	}
	if keep != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		if keep() {
			b.duplicates++
		}
	}
	return nil
}
