package vulndb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/version"
)

// A DB is an open advisory database. Its files are mapped into memory where the
// system can do that. It is safe for concurrent use.
type DB struct {
	info  Info
	files map[string]*file // by ecosystem
	users atomic.Int64     // calls that use the files, and one until Close
	cve   *file            // what is known of CVEs; nil if nothing is
}

// ErrClosed says that a database was closed before it was used.
var ErrClosed = errors.New("vulndb: the database is closed")

// A file is an open file of a database.
type file struct {
	*dbfile.Reader
	base    string
	sum     string           // the SHA-256 of the file, as the manifest states it
	schemes []version.Scheme // of the releases
}

// Open starts again when a file is missing, because a new database may have
// come between reading the manifest and opening the files: so many times if
// the manifest has changed, and so many times, after a pause, if it has not. It
// may be the same one again, after another that removed the file for a moment.
const (
	openChanged   = 100
	openUnchanged = 5
	openPause     = 5 * time.Millisecond
)

// Open opens the database in a folder that [Build] has made. It reads and
// checks what is needed to find advisories; the advisories themselves are read
// and checked when they are needed.
//
// The error wraps [ErrNotFound], [ErrForeign], [ErrVersion], [ErrCorrupt] or
// [ErrEmpty], which say what to do, or is that of the file system.
func Open(dir string) (*DB, error) { return openFolder(dir, openFiles) }

// openFolder opens the files of a folder in one way or another.
func openFolder[T any](dir string, open func(dir string, m *manifest) (*T, error)) (*T, error) {
	changed, unchanged := 0, 0
	for {
		m, err := readManifest(dir)
		if err != nil {
			return nil, fmt.Errorf("vulndb: open %s: %w", dir, err)
		}
		out, err := open(dir, m)
		if err == nil {
			return out, nil
		}
		if errors.Is(err, fs.ErrNotExist) && changed < openChanged && unchanged < openUnchanged {
			if now, err := readManifest(dir); err == nil && now.Checksum != m.Checksum {
				changed++
			} else {
				unchanged++
				time.Sleep(openPause)
			}
			continue
		}
		return nil, fmt.Errorf("vulndb: open %s: %w", dir, err)
	}
}

func openFiles(dir string, m *manifest) (*DB, error) {
	z, err := dbfile.NewDecompressor()
	if err != nil {
		return nil, err
	}
	db := &DB{info: m.info(), files: map[string]*file{}}
	db.users.Store(1)
	checks := map[version.Scheme]uint32{}
	for i := range m.Files {
		entry := &m.Files[i]
		f, err := os.Open(filepath.Join(dir, entry.Name))
		if err != nil {
			db.Close()
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		r, err := openFile(f, entry, z, checks)
		if err != nil {
			db.Close()
			return nil, fmt.Errorf("%s: %w", entry.Name, err)
		}
		if _, ok := db.files[entry.Ecosystem]; ok {
			r.Close()
			db.Close()
			return nil, fmt.Errorf("%w: two files for %q", ErrCorrupt, entry.Ecosystem)
		}
		db.files[entry.Ecosystem] = r
	}
	if f, ok := db.files[enrichEcosystem]; ok {
		db.cve = f
		if db.info.Enrichment, err = enrichmentInfo(f); err != nil {
			db.Close()
			return nil, err
		}
	}
	return db, nil
}

// openFile opens a file, which is closed on error, and checks that it is the
// one that the manifest means.
func openFile(f *os.File, entry *manifestFile, z *zstd.Decoder, checks map[version.Scheme]uint32) (out *file, err error) {
	info, err := f.Stat()
	if err == nil && info.Size() != entry.Size {
		err = fmt.Errorf("%w: %d bytes instead of %d", ErrCorrupt, info.Size(), entry.Size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	defer guard(&err)()
	r, err := dbfile.OpenFile(f, info.Size(), z)
	if err != nil {
		f.Close()
		return nil, err
	}
	schemes, err := checkFile(r, entry, checks)
	if err != nil {
		r.Close()
		return nil, err
	}
	return &file{Reader: r, base: entry.Ecosystem, sum: entry.SHA256, schemes: schemes}, nil
}

// checkFile returns the schemes of the releases of a file. It notes the key
// checks that it had to find out.
func checkFile(r *dbfile.Reader, entry *manifestFile, checks map[version.Scheme]uint32) ([]version.Scheme, error) {
	meta := r.Meta()
	if r.Sum() != entry.Checksum || meta.Ecosystem != entry.Ecosystem || meta.Records != entry.Records {
		return nil, fmt.Errorf("%w: not the file that the manifest means", ErrCorrupt)
	}
	var schemes []version.Scheme
	for _, rel := range meta.Releases {
		scheme, err := version.ParseScheme(rel.Scheme)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrVersion, err)
		}
		if _, ok := checks[scheme]; !ok {
			checks[scheme] = keyCheck(scheme)
		}
		if checks[scheme] != rel.KeyCheck {
			return nil, fmt.Errorf("%w: %v versions are ordered in another way", ErrVersion, scheme)
		}
		schemes = append(schemes, scheme)
	}
	return schemes, nil
}

// guard makes a failed access to a mapped file an error, until the function that
// it returns is deferred, and gives errors of package dbfile their public ones.
func guard(err *error) func() {
	old := dbfile.BeginGuard()
	return func() {
		if damage := dbfile.EndGuard(old, recover()); damage != nil {
			*err = damage
		}
		*err = corrupt(*err)
	}
}

// corrupt gives an error of package dbfile the public error that it is. Others
// stay what they are.
func corrupt(err error) error {
	switch {
	case errors.Is(err, ErrVersion), errors.Is(err, ErrCorrupt):
		return err
	case errors.Is(err, dbfile.ErrVersion):
		return fmt.Errorf("%w: %w", ErrVersion, err)
	case errors.Is(err, dbfile.ErrDamaged), errors.Is(err, dbfile.ErrForeign):
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// Close ends the use of the database. Calls that are under way end first; those
// that come later get [ErrClosed]. The files are closed by whichever is last.
func (db *DB) Close() error {
	for {
		n := db.users.Load()
		if n&1 == 0 {
			return nil // closed before
		}
		if db.users.CompareAndSwap(n, n-1) {
			if n == 1 {
				return db.closeFiles()
			}
			return nil
		}
	}
}

// use notes a call that uses the files, and end that it is over. The lowest bit
// of users is set until Close, and each call counts two.
func (db *DB) use() error {
	for {
		n := db.users.Load()
		if n&1 == 0 {
			return ErrClosed
		}
		if db.users.CompareAndSwap(n, n+2) {
			return nil
		}
	}
}

func (db *DB) end() {
	if db.users.Add(-2) == 0 {
		_ = db.closeFiles() // nobody is left to be told
	}
}

func (db *DB) closeFiles() error {
	var errs []error
	for _, f := range db.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Info describes the database. The result belongs to the caller.
func (db *DB) Info() Info {
	info := db.info
	info.Sources = slices.Clone(info.Sources)
	info.Enrichment = slices.Clone(info.Enrichment)
	return info
}

// releases returns the indices of the releases of a file that hold advisories
// for packages of an ecosystem, the closest first. An ecosystem without a
// suffix holds for all releases:
// https://ossf.github.io/osv-schema/#defined-ecosystems.
func (f *file) releases(suffix string) []int {
	var out []int
	if i, ok := f.Release(suffix); ok {
		out = append(out, i)
	}
	if i, ok := f.Release(""); ok && suffix != "" {
		out = append(out, i)
	}
	return out
}

// covered returns the indices of the releases of a file that hold advisories for
// a product.
func (f *file) covered(p distro.Product) []int {
	var out []int
	for i, r := range f.Meta().Releases {
		if p.Covers(r.Name) {
			out = append(out, i)
		}
	}
	return out
}

// releaseNames lists the releases for a message.
func (f *file) releaseNames() string {
	const most = 20
	var names []string
	for _, r := range f.Meta().Releases {
		names = append(names, joinEcosystem(f.base, r.Name))
	}
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// records decodes records of the file. The numbers must be sorted.
func (f *file) records(ctx context.Context, numbers []int) (map[int]*record, error) {
	out := make(map[int]*record, len(numbers))
	err := f.Records(ctx, numbers, func(n int, data []byte) error {
		r, err := decodeDetails(data)
		if err != nil {
			return fmt.Errorf("record %d: %w: %w", n, dbfile.ErrDamaged, err)
		}
		out[n] = r
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.base, corrupt(err))
	}
	return out, nil
}
