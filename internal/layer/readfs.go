package layer

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// virtual are folders of a running system that hold no files.
var virtual = map[string]bool{"proc": true, "sys": true, "dev": true}

// ReadFS reads a root file system, or with opts.Sources a project's folder, as
// one layer, several files at once. What cannot be read, such as a folder
// without permission, is a problem; "proc", "sys" and "dev" at the root of a
// file system are passed over.
func ReadFS(ctx context.Context, fsys fs.FS, info inventory.Layer, pick Picker, opts Options) (*Facts, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(opts.Workers, 1))
	w := &folderWalk{scanner: scanner{ctx: ctx, opts: opts, pick: pick, index: info.Index, facts: &Facts{}}, fsys: fsys, group: group}
	modes := opts.Router.HasExecutable()
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		switch {
		case err != nil && name == ".":
			return err
		case err != nil:
			w.problem(name, err)
			return nil
		case name == ".":
			return nil
		case d.IsDir() && (virtual[name] && !opts.Sources || opts.Skip.Match(name, true)):
			return fs.SkipDir
		case !d.IsDir() && opts.Skip.Match(name, false):
			return nil
		}
		return w.entry(name, d, modes)
	})
	if waited := group.Wait(); waited != nil {
		err = waited
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && errors.Is(err, ctx.Err()) {
			err = cause
		}
		return nil, &inventory.LayerError{Index: info.Index, DiffID: info.DiffID, Err: err}
	}
	for _, f := range w.files {
		w.facts.Files = append(w.facts.Files, *f)
	}
	return w.facts, nil
}

// A folderWalk reads the files of a folder.
type folderWalk struct {
	scanner
	fsys  fs.FS
	group *errgroup.Group
	files []*File // in the order of the walk

	mu sync.Mutex // of the problems
}

func (w *folderWalk) problem(name string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.facts.Problems = append(w.facts.Problems, &inventory.FileError{Path: name, Extractor: "layer", Layer: w.index, Err: err})
}

// entry takes in one entry of a folder.
func (w *folderWalk) entry(name string, d fs.DirEntry, modes bool) error {
	p := []byte(name)
	switch {
	case d.IsDir():
		return w.facts.list.add(kindDir, p, nil)
	case d.Type()&fs.ModeSymlink != 0:
		target, err := fs.ReadLink(w.fsys, name)
		if err != nil {
			w.problem(name, err)
			return nil
		}
		return w.facts.list.add(kindSymlink, p, []byte(target))
	case !d.Type().IsRegular():
		return w.facts.list.add(kindOther, p, nil)
	}
	perm := fs.FileMode(0)
	if modes {
		info, err := d.Info()
		if err != nil {
			w.problem(name, err)
			return nil
		}
		perm = info.Mode().Perm()
	}
	picks := w.pick(nil, p, perm&0o111 != 0)
	if len(picks) == 0 {
		return w.facts.list.add(kindOther, p, nil)
	}
	if err := w.facts.list.add(kindFile, p, nil); err != nil {
		return err
	}
	file := &File{Path: name}
	w.files = append(w.files, file)
	w.group.Go(func() error {
		one := scanner{ctx: w.ctx, opts: w.opts, index: w.index, picks: picks}
		return w.read(&one, file)
	})
	return nil
}

// read hands a file to its extractors. The error is one of the whole layer.
func (w *folderWalk) read(s *scanner, file *File) error {
	f, err := w.fsys.Open(file.Path)
	if err != nil {
		w.problem(file.Path, err)
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path.Clean(file.Path), Err: errors.New("no longer a regular file")}
	}
	if err != nil {
		w.problem(file.Path, err)
		return nil
	}
	at, _ := f.(io.ReaderAt)
	file.Found, err = s.extract(file.Path, info.Mode().Perm(), info.Size(), f, at)
	return err
}
