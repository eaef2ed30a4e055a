package vulndb

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/internal/durable"
	"github.com/imagevet/imagevet/version"
)

const (
	// DefaultMaxBytes is the [Delivery].MaxBytes that 0 stands for, 16 GiB.
	DefaultMaxBytes int64 = 16 << 30
	// maxFiles bounds the files of a delivery. OSV has some 60 ecosystems.
	maxFiles = 4096
	// deliveryWorkers is the [Delivery].Workers that 0 stands for.
	deliveryWorkers = 4
	// installAttempts is how often [Install] fetches again what another
	// process has removed before the lock was held.
	installAttempts = 10
)

// ErrNoEcosystem says that a database lacks an ecosystem that was asked for.
var ErrNoEcosystem = errors.New("the database has no such ecosystem")

// A File is a file of a database folder, besides manifest.json. It holds the
// advisories on one ecosystem and never changes.
type File struct {
	// Ecosystem is OSV's name without a release, such as "Debian".
	Ecosystem string
	// Name is made of the ecosystem and the content: lower-case letters,
	// digits and "-", then ".ivdb".
	Name string
	// Size is in bytes, SHA256 64 lower-case digits.
	Size   int64
	SHA256 string
	// Records is the number of records, Modified when the newest was modified.
	Records  int
	Modified time.Time
}

func (f manifestFile) public() File {
	return File{f.Ecosystem, f.Name, f.Size, f.SHA256, f.Records, f.Modified}
}

// A Delivery is a database on its way into a folder.
type Delivery struct {
	// Manifest is the text of the manifest.json of the database.
	Manifest []byte
	// Fetch writes a file to w. It is called from several goroutines at once,
	// and again for a file that was lost. Its error ends the installation and
	// is wrapped by that of [Install].
	Fetch func(ctx context.Context, f File, w io.Writer) error
	// Ecosystems are those to install, such as "Debian". Nil stands for all.
	Ecosystems []string
	// Workers bounds how many files are fetched at once. 0 stands for 4.
	Workers int
	// MaxBytes bounds the size of all files together. 0 stands for
	// [DefaultMaxBytes].
	MaxBytes int64
}

// An Installation says what [Install] has done.
type Installation struct {
	// Info is that of the database that is in the folder now.
	Info Info
	// SourceID is the [Info].ID of the database that was delivered. It differs
	// from that of Info if only some ecosystems were installed.
	SourceID string
	// Fetched and Reused are the files that were fetched, and those that were
	// in the folder, in the order of the ecosystems.
	Fetched, Reused []File
	// Bytes is the size of Fetched.
	Bytes int64
}

// Install makes a database that comes from elsewhere the current one of the
// folder dir, which is created if need be. It is for whoever moves databases,
// by whatever way; package vulndb/oci does by way of a registry.
//
// Files that the folder has with the right SHA-256 are not fetched. Each file
// that is fetched must have the size and the SHA-256 that the manifest states,
// and be one that [Open] takes; only then the database replaces the old one, at
// once, as with [Build]. On error the old one stays.
//
// If Ecosystems leaves some out, the folder gets a manifest of its own, with
// the date of the delivered one and an [Info].ID that stands for what it has:
// equal for equal files, from whatever database they were chosen.
//
// The error wraps [ErrForeign], [ErrVersion], [ErrCorrupt], [ErrEmpty],
// [ErrNoEcosystem], [ErrLimit], that of Fetch, or that of the file system.
func Install(ctx context.Context, dir string, d Delivery) (Installation, error) {
	out, err := install(ctx, dir, d)
	if err != nil {
		return Installation{}, fmt.Errorf("vulndb: install %s: %w", dir, err)
	}
	return out, nil
}

func install(ctx context.Context, dir string, d Delivery) (Installation, error) {
	switch {
	case d.Fetch == nil:
		return Installation{}, errors.New("no Fetch")
	case d.Workers < 0 || d.MaxBytes < 0:
		return Installation{}, fmt.Errorf("%d workers, %d bytes: must not be negative", d.Workers, d.MaxBytes)
	case d.Ecosystems != nil && len(d.Ecosystems) == 0:
		return Installation{}, errors.New("no ecosystems: leave the list out for all")
	}
	m, sourceID, err := d.manifest()
	if err != nil {
		return Installation{}, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return Installation{}, err
	}
	for attempt := 1; ; attempt++ {
		out, err := deliver(ctx, dir, m, d)
		if errors.Is(err, errLost) && attempt < installAttempts {
			continue
		}
		out.SourceID = sourceID
		return out, err
	}
}

// manifest returns the manifest to install, and the ID of the delivered one. A
// delivery is not trusted like a folder is: whoever made it may mean harm.
func (d *Delivery) manifest() (*manifest, string, error) {
	if len(d.Manifest) > maxManifest {
		return nil, "", fmt.Errorf("%w: %s of more than %d bytes", ErrForeign, manifestName, maxManifest)
	}
	m, err := parseManifest(d.Manifest)
	if err != nil {
		return nil, "", err
	}
	if len(m.Files) > maxFiles {
		return nil, "", fmt.Errorf("%w: %d files, more than %d", ErrLimit, len(m.Files), maxFiles)
	}
	for i, f := range m.Files {
		sum, err := hex.DecodeString(f.SHA256)
		switch {
		case err != nil || len(sum) != sha256.Size || f.SHA256 != strings.ToLower(f.SHA256):
			return nil, "", fmt.Errorf("%w: %s: SHA-256 %q", ErrCorrupt, manifestName, f.SHA256)
		case f.Name != fileName(f.Ecosystem, f.SHA256):
			// A name stands for its content: otherwise a file could take the
			// place of one that the old database needs.
			return nil, "", fmt.Errorf("%w: %s: file %q is not named by its content", ErrCorrupt, manifestName, f.Name)
		case f.Size <= 0:
			return nil, "", fmt.Errorf("%w: %s: %d bytes of %q", ErrCorrupt, manifestName, f.Size, f.Name)
		case i > 0 && f.Ecosystem <= m.Files[i-1].Ecosystem:
			return nil, "", fmt.Errorf("%w: %s: files out of order", ErrCorrupt, manifestName)
		}
	}
	id := m.ID
	if id != contentID(m.Files) {
		return nil, "", fmt.Errorf("%w: %s: the ID is not that of the files", ErrCorrupt, manifestName)
	}
	if d.Ecosystems != nil {
		if m.Files, err = choose(m.Files, d.Ecosystems); err != nil {
			return nil, "", err
		}
		m.ID = contentID(m.Files)
	}
	most := cmp.Or(d.MaxBytes, DefaultMaxBytes)
	left, records := most, 0
	for _, f := range m.Files {
		if f.Size > left {
			return nil, "", fmt.Errorf("%w: the files have more than %d bytes together", ErrLimit, most)
		}
		left -= f.Size
		if f.Ecosystem != enrichEcosystem { // which alone is no database
			records += f.Records
		}
	}
	if records == 0 {
		return nil, "", ErrEmpty
	}
	return m, id, nil
}

// choose returns the files of the named ecosystems.
func choose(files []manifestFile, names []string) ([]manifestFile, error) {
	var out []manifestFile
	found := map[string]bool{}
	for _, f := range files {
		if slices.Contains(names, f.Ecosystem) {
			out = append(out, f)
			found[f.Ecosystem] = true
		}
	}
	for _, name := range names {
		if !found[name] {
			var have []string
			for _, f := range files {
				have = append(have, f.Ecosystem)
			}
			return nil, fmt.Errorf("%w: %q; there are %s", ErrNoEcosystem, name, firstOf(have))
		}
	}
	return out, nil
}

// firstOf lists names for a message.
func firstOf(names []string) string {
	const most = 100
	quoted := make([]string, min(len(names), most))
	for i := range quoted {
		quoted[i] = fmt.Sprintf("%q", names[i])
	}
	text := strings.Join(quoted, ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// errLost says that a file that was to be used again is gone.
var errLost = fmt.Errorf("a file was removed meanwhile: %w", fs.ErrNotExist)

// deliver fetches what the folder lacks and makes the manifest the current one.
func deliver(ctx context.Context, dir string, m *manifest, d Delivery) (Installation, error) {
	temps := make([]string, len(m.Files)) // empty for a file that is there
	defer func() {
		for _, name := range temps {
			if name != "" {
				os.Remove(name) // what was not renamed
			}
		}
	}()
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(d.Workers, deliveryWorkers))
	for i := range m.Files {
		group.Go(func() error {
			if err := groupCtx.Err(); err != nil {
				return err
			}
			f := &m.Files[i]
			there, err := sameFile(groupCtx, filepath.Join(dir, f.Name), f)
			if err != nil {
				return err
			}
			path := filepath.Join(dir, f.Name)
			if !there {
				if temps[i], err = fetchTemp(groupCtx, dir, f, d.Fetch); err != nil {
					return fmt.Errorf("%s: %w", f.Name, err)
				}
				path = temps[i]
			}
			err = tryOpen(path, f)
			if there && errors.Is(err, fs.ErrNotExist) {
				return errLost
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Installation{}, err
	}

	unlock, err := dbfile.Lock(ctx, filepath.Join(dir, lockName))
	locked := err == nil
	if locked {
		defer unlock()
	} else if !errors.Is(err, errors.ErrUnsupported) {
		return Installation{}, err
	}
	if isCurrent(dir, m) && !slices.ContainsFunc(temps, func(name string) bool { return name != "" }) {
		return installation(m, temps), nil
	}
	for i, f := range m.Files {
		if temps[i] == "" {
			if _, err := os.Lstat(filepath.Join(dir, f.Name)); errors.Is(err, fs.ErrNotExist) {
				return Installation{}, errLost
			}
		}
	}
	if err := rename(dir, m, temps); err != nil {
		return Installation{}, err
	}
	if locked { // else old files stay: somebody may be about to use them
		removeOld(dir, m)
	}
	return installation(m, temps), nil
}

// isCurrent reports whether the folder has a manifest already. It is left as it
// is then.
func isCurrent(dir string, m *manifest) bool {
	now, err := readManifest(dir)
	if err != nil {
		return false
	}
	a, errA := now.encode()
	b, errB := m.encode()
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

func installation(m *manifest, temps []string) Installation {
	out := Installation{Info: m.info()}
	for i, f := range m.Files {
		if temps[i] == "" {
			out.Reused = append(out.Reused, f.public())
			continue
		}
		out.Fetched = append(out.Fetched, f.public())
		out.Bytes += f.Size
	}
	return out
}

// sameFile reports whether a file is there with the right content.
func sameFile(ctx context.Context, path string, f *manifestFile) (bool, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size {
		return false, err
	}
	sum, err := durable.HashReader(ctx, io.LimitReader(file, f.Size+1))
	return err == nil && sum == f.SHA256, err
}

// fetchTemp writes a file under a temporary name and makes sure that it is the
// right one. It returns the name of a wrong one as well, to be removed.
func fetchTemp(ctx context.Context, dir string, f *manifestFile, from func(context.Context, File, io.Writer) error) (name string, err error) {
	temp, err := durable.Write(dir, func(out io.Writer) error {
		w := &boundedWriter{out, f.Size}
		if err := from(ctx, f.public(), w); err != nil {
			return err
		}
		if w.left > 0 {
			return fmt.Errorf("%w: %d bytes instead of %d", ErrCorrupt, f.Size-w.left, f.Size)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if temp.Sum != f.SHA256 {
		return temp.Name, fmt.Errorf("%w: SHA-256 %s instead of %s", ErrCorrupt, temp.Sum, f.SHA256)
	}
	return temp.Name, nil
}

// A boundedWriter writes what has a known size.
type boundedWriter struct {
	w    io.Writer
	left int64 // bytes that may still come
}

func (w *boundedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > w.left {
		return 0, fmt.Errorf("%w: more bytes than the manifest states", ErrCorrupt)
	}
	n, err := w.w.Write(p)
	w.left -= int64(n)
	return n, err
}

// tryOpen opens a file as [Open] will do.
func tryOpen(path string, entry *manifestFile) error {
	z, err := dbfile.NewDecompressor()
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	r, err := openFile(f, entry, z, map[version.Scheme]uint32{})
	if err != nil {
		return fmt.Errorf("%s: %w", entry.Name, err)
	}
	return r.Close()
}
