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

	"github.com/klauspost/compress/zstd"

	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/version"
)

// A DB is an open advisory database. It is safe for concurrent use, except
// that Close must come last.
type DB struct {
	info  Info
	files map[string]*file // by ecosystem
	cve   *file            // what is known of CVEs; nil if nothing is
}

// A file is an open file of a database.
type file struct {
	*dbfile.Reader
	f       *os.File
	base    string
	schemes []version.Scheme // of the releases
}

// openAttempts is how often Open starts again because a new database came in
// between reading the manifest and opening the files.
const openAttempts = 10

// Open opens the database in a folder that [Build] has made. It reads and
// checks what is needed to find advisories; the advisories themselves are read
// and checked when they are needed.
//
// The error wraps [ErrNotFound], [ErrForeign], [ErrVersion], [ErrCorrupt] or
// [ErrEmpty], which say what to do, or is that of the file system.
func Open(dir string) (*DB, error) {
	for attempt := 1; ; attempt++ {
		m, err := readManifest(dir)
		if err != nil {
			return nil, fmt.Errorf("vulndb: open %s: %w", dir, err)
		}
		db, err := openFiles(dir, m)
		if err == nil {
			return db, nil
		}
		if errors.Is(err, fs.ErrNotExist) && attempt < openAttempts {
			if now, err := readManifest(dir); err == nil && now.Checksum != m.Checksum {
				continue
			}
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
	for i := range m.Files {
		entry := &m.Files[i]
		f, err := os.Open(filepath.Join(dir, entry.Name))
		if err != nil {
			db.Close()
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		r, err := openFile(f, entry, z)
		if err != nil {
			f.Close()
			db.Close()
			return nil, fmt.Errorf("%s: %w", entry.Name, err)
		}
		if _, ok := db.files[entry.Ecosystem]; ok {
			f.Close()
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

// openFile checks that a file is the one that the manifest means.
func openFile(f *os.File, entry *manifestFile, z *zstd.Decoder) (*file, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() != entry.Size {
		return nil, fmt.Errorf("%w: %d bytes instead of %d", ErrCorrupt, info.Size(), entry.Size)
	}
	r, err := dbfile.Open(f, info.Size(), z)
	if err != nil {
		return nil, corrupt(err)
	}
	meta := r.Meta()
	if r.HeaderSum() != entry.Header || meta.Ecosystem != entry.Ecosystem || meta.Records != entry.Records {
		return nil, fmt.Errorf("%w: not the file that the manifest means", ErrCorrupt)
	}
	out := &file{Reader: r, f: f, base: meta.Ecosystem}
	checks := map[version.Scheme]uint32{}
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
		out.schemes = append(out.schemes, scheme)
	}
	return out, nil
}

// corrupt gives an error of package dbfile the public error that it is. Others
// stay what they are.
func corrupt(err error) error {
	switch {
	case errors.Is(err, dbfile.ErrVersion):
		return fmt.Errorf("%w: %w", ErrVersion, err)
	case errors.Is(err, dbfile.ErrDamaged), errors.Is(err, dbfile.ErrForeign):
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// Close closes the files of the database.
func (db *DB) Close() error {
	var errs []error
	for _, f := range db.files {
		errs = append(errs, f.f.Close())
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
