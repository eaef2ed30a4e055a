package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imagevet/imagevet/internal/durable"
)

// DefaultFolderSize is how many bytes a [Folder] holds unless told otherwise:
// 1 GiB.
const DefaultFolderSize = 1 << 30

const (
	// maxKey is the length of a key in bytes.
	maxKey = 80
	// maxValue is the length of a value in bytes. What is longer was not written
	// by this package.
	maxValue = 256 << 20
	// useStep is how exactly the time of the last use is kept: noting it costs a
	// write.
	useStep = time.Hour
	// leftover is the age at which a file that somebody was writing is taken for
	// one that they will not finish.
	leftover = time.Hour
)

// A Folder is a cache in a folder. It is safe for concurrent use, also by several
// processes with the same folder, and needs no closing. An entry is a file under
// the name of its key, in a subfolder named by the last two bytes of that; it is
// written under another name and renamed, so that nobody sees a part of it. The
// time of a file is that of its last use, within an hour.
//
// Files of other names are left alone.
type Folder struct {
	dir string
	max int64

	mu      sync.Mutex
	counted bool  // whether known is
	known   int64 // bytes in the folder, as far as this process knows
	fresh   int64 // of these, written since the folder was looked at
}

// An Option changes one default of [NewFolder]. If two conflict, the last one
// wins.
type Option func(*Folder) error

// WithMaxSize bounds the bytes of all entries. The folder can grow beyond that
// by a tenth for each process that writes to it. The default is
// [DefaultFolderSize].
func WithMaxSize(bytes int64) Option {
	return func(f *Folder) error {
		if bytes < 1 {
			return fmt.Errorf("cache: WithMaxSize(%d): must be at least 1", bytes)
		}
		f.max = bytes
		return nil
	}
}

// NewFolder returns the cache in a folder, which is made when the first entry is
// written, for its owner only: it tells what is in private images. Whoever can
// write to it decides what is found in images.
func NewFolder(dir string, opts ...Option) (*Folder, error) {
	if dir == "" {
		return nil, errors.New("cache: NewFolder: no folder")
	}
	f := &Folder{dir: dir, max: DefaultFolderSize}
	for _, opt := range opts {
		if err := opt(f); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// path returns where the entry of a key lies.
func (f *Folder) path(key string) (string, error) {
	if len(key) < 3 || len(key) > maxKey || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || key[0] == '-' {
		return "", fmt.Errorf("cache: %.100q is no key", key)
	}
	return filepath.Join(f.dir, key[len(key)-2:], key), nil
}

// Get returns the value of a key, and nil if there is none.
func (f *Folder) Get(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path, err := f.path(key)
	if err != nil {
		return nil, err
	}
	// Checked before opening: to open a named pipe waits for its writer.
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q is no entry", path)
	}
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // dropped a moment ago
	}
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	defer file.Close()
	if info, err = file.Stat(); err == nil && info.Size() > maxValue {
		err = fmt.Errorf("%q has %d bytes", path, info.Size())
	}
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	value := make([]byte, info.Size())
	if _, err := io.ReadFull(file, value); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	if now := time.Now(); now.Sub(info.ModTime()) > useStep {
		// Where that fails, the entry is dropped sooner.
		_ = os.Chtimes(path, now, now)
	}
	return value, nil
}

// Put keeps a value. One that is larger than the whole folder may be is not kept.
func (f *Folder) Put(ctx context.Context, key string, value []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path, err := f.path(key)
	if err != nil {
		return err
	}
	size := int64(len(value))
	if size > f.max || size > maxValue {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	if err := write(path, value); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return f.grow(ctx, size)
}

// write writes a file under another name and renames it. It is not synced: an
// entry that a crash of the machine leaves damaged is noticed when it is read.
func write(path string, value []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), durable.TempPrefix+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	_, err = file.Write(value)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	err = os.Rename(file.Name(), path)
	if info, statErr := os.Lstat(path); err != nil && statErr == nil && info.Mode().IsRegular() && info.Size() == int64(len(value)) {
		// Windows does not replace what somebody reads; it is the same.
		return os.Remove(file.Name())
	}
	return err
}

// grow counts what was written, and makes room if there is too much.
func (f *Folder) grow(ctx context.Context, size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known += size
	f.fresh += size
	// Others may write too, so the folder is looked at now and then.
	if f.counted && f.known <= f.max && f.fresh <= f.max/10 {
		return nil
	}
	files, total, err := f.list(ctx)
	if err != nil {
		return err
	}
	if total > f.max {
		slices.SortFunc(files, func(a, b stored) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.path, b.path)) })
		for _, s := range files {
			if total <= f.max-f.max/10 { // room for a while
				break
			}
			if rmErr := os.Remove(s.path); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
				err = rmErr // Windows does not remove what somebody reads
				continue
			}
			total -= s.size
		}
	}
	f.counted, f.known, f.fresh = true, total, 0
	if total > f.max {
		return fmt.Errorf("cache: %d bytes, of which no more can be dropped: %w", total, err)
	}
	return nil
}

// A stored is a file of an entry.
type stored struct {
	path string
	size int64
	used time.Time
}

// list returns all entries, and removes what was left half written.
func (f *Folder) list(ctx context.Context) (files []stored, total int64, err error) {
	folders, err := os.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("cache: %w", err)
	}
	for _, folder := range folders {
		if ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		if !folder.IsDir() || len(folder.Name()) != 2 {
			continue
		}
		entries, err := os.ReadDir(filepath.Join(f.dir, folder.Name()))
		if err != nil {
			return nil, 0, fmt.Errorf("cache: %w", err)
		}
		for _, e := range entries {
			path := filepath.Join(f.dir, folder.Name(), e.Name())
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // another process was faster
			}
			if err != nil {
				return nil, 0, fmt.Errorf("cache: %w", err)
			}
			if !info.Mode().IsRegular() {
				continue
			}
			if strings.HasPrefix(e.Name(), durable.TempPrefix) {
				if time.Since(info.ModTime()) > leftover {
					_ = os.Remove(path) // if not now, then next time
				}
				continue
			}
			if want, err := f.path(e.Name()); err == nil && want == path {
				files = append(files, stored{path, info.Size(), info.ModTime()})
				total += info.Size()
			}
		}
	}
	return files, total, nil
}

// Info tells what is in the folder.
func (f *Folder) Info(ctx context.Context) (Info, error) {
	files, total, err := f.list(ctx)
	if err != nil {
		return Info{}, err
	}
	return Info{Entries: len(files), Bytes: total}, nil
}

// Clear removes all entries. What others write meanwhile can stay.
func (f *Folder) Clear(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	files, _, err := f.list(ctx)
	if err != nil {
		return err
	}
	for _, s := range files {
		if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cache: %w", err)
		}
		// Only an empty folder can be removed, and the next entry makes it again.
		_ = os.Remove(filepath.Dir(s.path))
	}
	f.counted = false
	return nil
}
