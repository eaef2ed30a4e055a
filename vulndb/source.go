package vulndb

import (
	"archive/zip"
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/flate"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/osvexport"
)

// A Source is a place that [Build] reads advisories from. The zero value has
// none.
type Source struct {
	path string // of a file or folder
	name string
	zip  io.ReaderAt
	size int64
}

// FileSource returns the advisories of a file or folder of the local system:
//
//   - a .json file: one record, or one of the documents below;
//   - a .jsonl file: one record a line, which can be one of the CVE list or an
//     element of the NVD's pages too;
//   - a .csv file with the scores of EPSS;
//   - a .db file that is a database of Trivy (trivy.db): the advisories of Amazon
//     Linux, Oracle Linux, Photon OS and Red Hat in it, which package vulndb/oci
//     fetches from a registry;
//   - one of the first three compressed by gzip, with .gz at the end of its name;
//   - a .zip file: members of these kinds, whatever their folder;
//   - a folder: files of these kinds in it and in its folders, but not
//     deeper. The layout of OSV's export, <Ecosystem>/all.zip, is one of these.
//
// What a document is, its content tells. Beside OSV records there are
//
//   - CISA's catalogue of known exploited vulnerabilities (KEV), records of the
//     CVE list (JSON 5; its releases as a .zip with one file a record), and
//     pages and feeds of the NVD (API 2.0). They say more about CVEs, with the
//     scores of EPSS: see [EnrichmentInfo];
//   - all products of endoflife.date (its API's /api/v1/products/full), which
//     say until when releases of distributions are supported, see
//     [DB.EndOfLife];
//   - security databases in the form of Alpine Linux, of Alpine, Wolfi,
//     Chainguard or MinimOS, whichever their URLs name. They become records
//     such as ALPINE-SECDB-CVE-2024-1234.
//
// Other files and members are listed as skipped in the [BuildReport].
// Symbolic links are followed.
func FileSource(path string) Source { return Source{path: path, name: path} }

// ZipSource returns the advisories of a zip archive of size bytes, such as one
// that is embedded in a program, with the members that [FileSource] tells.
// The name stands for it in messages. It must allow concurrent use until
// [Build] returns.
func ZipSource(name string, r io.ReaderAt, size int64) Source {
	return Source{name: name, zip: r, size: size}
}

// Limits of what Build reads. They are far above everything that is published
// today; their purpose is that a hostile source ends with an error and not
// with the machine.
type limits struct {
	record  int   // bytes of one record
	total   int64 // bytes of all records, uncompressed
	members int   // files and members of archives

	spent atomic.Int64 // of total
}

func defaultLimits() *limits {
	return &limits{record: advisory.MaxRecord, total: 64 << 30, members: 8 << 20}
}

// spend counts bytes that were read.
func (l *limits) spend(n int64) error {
	if sum := l.spent.Add(n); sum > l.total {
		return fmt.Errorf("%w: %d bytes", ErrLimit, sum)
	}
	return nil
}

// Errors of [Build].
var (
	// ErrLimit says that the sources are larger than Build is willing to
	// read: 64 GiB or 8 Mi files in all.
	ErrLimit = osvexport.ErrLimit
	// ErrNoRecords says that the sources hold no record that can be matched.
	// No database is made of them, as it would call everything clean.
	ErrNoRecords = osvexport.ErrNoRecords
)

// A chunk is a piece of work: some records, in the order of the source. They
// are read by open, on the worker that decodes them, or are there already.
type chunk struct {
	first   int64 // number of the first record among all
	records []rawRecord
}

type rawRecord struct {
	name string // for messages
	data []byte
	open openFunc // instead of data
	// trivy is true for a database of Trivy, which is read in any order.
	trivy bool
}

// Chunks end after so many records or bytes, to keep workers busy and memory
// small.
const (
	chunkRecords = 128
	chunkBytes   = 1 << 20
)

// A feeder walks over sources and hands out chunks.
type feeder struct {
	limits  *limits
	emit    func(chunk) error
	skipped func(name string)
	bad     func(name, reason string)
	closers []io.Closer

	cur     chunk
	bytes   int
	next    int64
	members int
}

// close closes the archives, which must wait for the last chunk.
func (f *feeder) close() {
	for _, c := range f.closers {
		c.Close()
	}
}

// add puts a record into the current chunk.
func (f *feeder) add(r rawRecord) error {
	f.cur.records = append(f.cur.records, r)
	f.bytes += len(r.data)
	f.next++
	if len(f.cur.records) >= chunkRecords || f.bytes >= chunkBytes {
		return f.flush()
	}
	return nil
}

func (f *feeder) flush() error {
	if len(f.cur.records) == 0 {
		return nil
	}
	c := f.cur
	f.cur, f.bytes = chunk{first: f.next}, 0
	return f.emit(c)
}

// source reads one source.
func (f *feeder) source(ctx context.Context, s Source) error {
	if s.zip != nil {
		return f.zip(ctx, s.name, s.zip, s.size)
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return f.folder(ctx, s.path, 1)
	}
	ext, open := kindOfFile(s.path)
	if ext == "" {
		return fmt.Errorf("%q is not a .json, .jsonl, .csv, .db or .zip file", s.path)
	}
	if ext == ".db" {
		if ok, err := isTrivy(s.path); err != nil {
			return err
		} else if !ok {
			return fmt.Errorf("%q is no database of Trivy", s.path)
		}
	}
	if ext == ".csv" {
		if ok, err := beginsEPSS(open(openPath(s.path))); err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		} else if !ok {
			return fmt.Errorf("%q has no scores of EPSS", s.path)
		}
	}
	return f.file(ctx, s.path)
}

func wanted(name string) bool {
	ext, _ := kindOfFile(name)
	return ext != ""
}

// folder reads the files of a folder and, down to the given depth, of those in
// it, in the order of their names.
func (f *feeder) folder(ctx context.Context, path string, depth int) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := f.count(ctx, 1); err != nil {
			return err
		}
		name := filepath.Join(path, e.Name())
		info, err := os.Stat(name) // not e.Info: links are followed
		switch {
		case err != nil:
			return err
		case info.IsDir() && depth > 0:
			err = f.folder(ctx, name, depth-1)
		case info.Mode().IsRegular() && wanted(name):
			err = f.file(ctx, name)
		default:
			f.skipped(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// count counts files and members and is where reading can be interrupted.
func (f *feeder) count(ctx context.Context, n int) error {
	if f.members += n; f.members > f.limits.members {
		return fmt.Errorf("%w: %d files", ErrLimit, f.members)
	}
	return ctx.Err()
}

func (f *feeder) file(ctx context.Context, path string) error {
	ext, open := kindOfFile(path)
	if ext == ".db" {
		ok, err := isTrivy(path)
		if err != nil {
			return err
		}
		if !ok {
			f.skipped(path)
			return nil
		}
		return f.add(rawRecord{name: path, trivy: true})
	}
	if ext != ".zip" {
		return f.document(ctx, path, ext, open(openPath(path)))
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	f.closers = append(f.closers, file)
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return f.zip(ctx, path, file, info.Size())
}

func (f *feeder) zip(ctx context.Context, name string, r io.ReaderAt, size int64) error {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	z.RegisterDecompressor(zip.Deflate, inflate)
	for _, m := range z.File {
		if err := f.count(ctx, 1); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		label := name + ":" + m.Name
		ext, open := kindOfFile(m.Name)
		switch {
		case ext != "" && ext != ".zip" && ext != ".db":
			err = f.document(ctx, label, ext, open(m.Open))
		case !strings.HasSuffix(m.Name, "/"):
			f.skipped(label)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inflate is a decompressor for archives that is faster than the standard
// library's. It is used again and again, as members are small and many.
func inflate(r io.Reader) io.ReadCloser {
	if old, ok := inflaters.Get().(io.ReadCloser); ok {
		if old.(flate.Resetter).Reset(r, nil) == nil {
			return &inflater{old}
		}
	}
	return &inflater{flate.NewReader(r)}
}

var inflaters sync.Pool // of what flate.NewReader returns

type inflater struct{ io.ReadCloser }

// Close ends the use of the decompressor, at most once.
func (r *inflater) Close() error {
	if r.ReadCloser == nil {
		return nil
	}
	err := r.ReadCloser.Close()
	inflaters.Put(r.ReadCloser)
	r.ReadCloser = nil
	return err
}

// Read reads; after Close there is nothing more.
func (r *inflater) Read(p []byte) (int, error) {
	if r.ReadCloser == nil {
		return 0, io.ErrClosedPipe
	}
	return r.ReadCloser.Read(p)
}

// lines reads one record a line. Blank lines are nothing.
func (f *feeder) lines(ctx context.Context, name string, r io.Reader) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		if n%64 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		label := fmt.Sprintf("%s:%d", name, n)
		line, tooLong, size, err := advisory.ReadLine(in, f.limits.record)
		if err := f.limits.spend(size); err != nil {
			return fmt.Errorf("%s: %w", label, err)
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("%s: %w", label, err)
		}
		switch {
		case tooLong:
			f.bad(label, advisory.ErrTooLarge.Error())
		case len(line) > 0:
			if err := f.add(rawRecord{name: label, data: line}); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// load reads the rest of a record whose head is in buf already. A record that
// is too large is an error that wraps advisory.ErrTooLarge.
func load(in io.Reader, buf []byte, limit int) ([]byte, error) {
	for {
		if len(buf) > limit {
			return nil, advisory.ErrTooLarge
		}
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, 4<<10)
		}
		// One byte more than allowed, to tell "too large" from "complete".
		n, err := in.Read(buf[len(buf):min(cap(buf), limit+1)])
		buf = buf[:len(buf)+n]
		if len(buf) > limit {
			return nil, advisory.ErrTooLarge
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
