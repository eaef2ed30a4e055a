package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
)

// maxBlob is the size in bytes of a file up to which it is read: 256 MiB.
const maxBlob = 256 << 20

// A gitTree is the tree of a commit as a file system. It is safe for
// concurrent use.
type gitTree struct {
	commit plumbing.Hash
	when   time.Time

	mu      sync.Mutex // of repo, which is not safe for concurrent use
	repo    *git.Repository
	entries map[string]entry
	folders map[string][]string // names in a folder, sorted
}

type entry struct {
	mode fs.FileMode
	blob plumbing.Hash
	size int64
}

var (
	_ fs.ReadDirFS  = (*gitTree)(nil)
	_ fs.StatFS     = (*gitTree)(nil)
	_ fs.ReadLinkFS = (*gitTree)(nil)
)

// open opens a repository at a path, or fetches the one at a URL.
func open(ctx context.Context, repository, ref string) (*gitTree, error) {
	var repo *git.Repository
	var err error
	if _, statErr := os.Stat(repository); statErr == nil {
		repo, err = git.PlainOpenWithOptions(repository, &git.PlainOpenOptions{DetectDotGit: false, EnableDotGitCommonDir: true})
	} else {
		repo, err = fetch(ctx, repository, ref)
	}
	if err != nil {
		return nil, err
	}
	revision := plumbing.Revision("HEAD")
	if ref != "" {
		revision = plumbing.Revision(ref)
	}
	hash, err := repo.ResolveRevision(revision)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", revision, err)
	}
	return newTree(ctx, repo, *hash)
}

// fetch fetches the newest commit of a branch or tag into memory.
func fetch(ctx context.Context, url, ref string) (*git.Repository, error) {
	opts := &git.CloneOptions{URL: url, Depth: 1, SingleBranch: true, NoCheckout: true, Tags: git.NoTags}
	if ref == "" {
		return git.CloneContext(ctx, memory.NewStorage(), nil, opts)
	}
	var errs []error
	for _, name := range []plumbing.ReferenceName{plumbing.NewBranchReferenceName(ref), plumbing.NewTagReferenceName(ref)} {
		opts.ReferenceName = name
		repo, err := git.CloneContext(ctx, memory.NewStorage(), nil, opts)
		if err == nil {
			return repo, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", name, err))
	}
	return nil, errors.Join(errs...)
}

// newTree lists the files of a commit. Their content is read when it is asked
// for.
func newTree(ctx context.Context, repo *git.Repository, hash plumbing.Hash) (*gitTree, error) {
	commit, err := repo.CommitObject(hash)
	if err != nil {
		return nil, err
	}
	root, err := commit.Tree()
	if err != nil {
		return nil, err
	}
	t := &gitTree{commit: hash, when: commit.Committer.When, repo: repo, entries: map[string]entry{}, folders: map[string][]string{".": nil}}
	walker := object.NewTreeWalker(root, true, nil)
	defer walker.Close()
	for {
		name, e, err := walker.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if !fs.ValidPath(name) || name == "." {
			return nil, fmt.Errorf("commit %s has a file named %q", hash, name)
		}
		if err := t.add(name, e); err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
	}
	for _, names := range t.folders {
		slices.Sort(names)
	}
	return t, nil
}

func (t *gitTree) add(name string, e object.TreeEntry) error {
	file := entry{blob: e.Hash}
	switch e.Mode {
	case filemode.Dir, filemode.Submodule: // a submodule is a folder of which the commit has nothing
		file.mode = fs.ModeDir | 0o755
		t.folders[name] = t.folders[name]
	case filemode.Symlink:
		file.mode = fs.ModeSymlink | 0o777
	case filemode.Executable:
		file.mode = 0o755
	default:
		file.mode = 0o644
	}
	if !file.mode.IsDir() {
		size, err := t.repo.Storer.EncodedObjectSize(e.Hash)
		if err != nil {
			return err
		}
		file.size = size
	}
	if _, ok := t.entries[name]; ok {
		return errors.New("it is there twice")
	}
	t.entries[name] = file
	folder := path.Dir(name)
	t.folders[folder] = append(t.folders[folder], path.Base(name))
	return nil
}

// Open opens a file or folder.
func (t *gitTree) Open(name string) (fs.File, error) {
	info, err := t.stat("open", name)
	if err != nil {
		return nil, err
	}
	opened := info.name
	if info.IsDir() {
		entries, err := t.ReadDir(name)
		return &folder{info: info, entries: entries}, err
	}
	for links := 0; info.mode&fs.ModeSymlink != 0; links++ { // as an operating system does
		target, err := t.read(info.entry)
		if err != nil || links == 40 || path.IsAbs(string(target)) {
			return nil, &fs.PathError{Op: "open", Path: name, Err: cmpErr(err, fs.ErrInvalid)}
		}
		next := path.Join(path.Dir(name), string(target))
		if !fs.ValidPath(next) {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
		}
		if info, err = t.stat("open", next); err != nil {
			return nil, err
		}
		if name = next; info.IsDir() {
			return t.Open(name)
		}
	}
	content, err := t.read(info.entry)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	info.name = opened
	return &file{bytes.NewReader(content), info}, nil
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// read returns the content of a blob.
func (t *gitTree) read(e entry) ([]byte, error) {
	if e.size > maxBlob {
		return nil, fmt.Errorf("%d bytes, more than %d", e.size, maxBlob)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	blob, err := t.repo.BlobObject(e.blob)
	if err != nil {
		return nil, err
	}
	r, err := blob.Reader()
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(r, e.size))
	return content, errors.Join(err, r.Close())
}

// ReadDir lists a folder.
func (t *gitTree) ReadDir(name string) ([]fs.DirEntry, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	names, ok := t.folders[name]
	if !ok {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	entries := make([]fs.DirEntry, len(names))
	for i, base := range names {
		info, err := t.stat("readdir", path.Join(name, base))
		if err != nil {
			return nil, err
		}
		entries[i] = fs.FileInfoToDirEntry(info)
	}
	return entries, nil
}

// Stat describes a file; a link is followed.
func (t *gitTree) Stat(name string) (fs.FileInfo, error) {
	f, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	named := info.(fileInfo)
	named.name = path.Base(name)
	return named, nil
}

// Lstat describes a file or link.
func (t *gitTree) Lstat(name string) (fs.FileInfo, error) { return t.stat("lstat", name) }

// ReadLink returns where a link leads.
func (t *gitTree) ReadLink(name string) (string, error) {
	info, err := t.stat("readlink", name)
	if err != nil {
		return "", err
	}
	if info.mode&fs.ModeSymlink == 0 {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	target, err := t.read(info.entry)
	return strings.TrimSuffix(string(target), "\n"), err
}

func (t *gitTree) stat(op, name string) (fileInfo, error) {
	if !fs.ValidPath(name) {
		return fileInfo{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	e, ok := t.entries[name]
	if name == "." {
		e, ok = entry{mode: fs.ModeDir | 0o755}, true
	}
	if !ok {
		return fileInfo{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return fileInfo{e, path.Base(name), t.when}, nil
}

// A fileInfo describes an entry.
type fileInfo struct {
	entry
	name string
	when time.Time
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return i.when }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }

// A file is one whose content is in memory.
type file struct {
	*bytes.Reader
	info fileInfo
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }

// A folder is one that was opened.
type folder struct {
	info    fileInfo
	entries []fs.DirEntry
}

func (f *folder) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *folder) Close() error               { return nil }
func (f *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.info.name, Err: errors.New("it is a folder")}
}

// ReadDir lists the next n entries, or all.
func (f *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(f.entries)
	} else if len(f.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(f.entries))
	next := f.entries[:n]
	f.entries = f.entries[n:]
	return next, nil
}
