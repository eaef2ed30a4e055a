package layer

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// virtual are folders of a running system that hold no files.
var virtual = map[string]bool{"proc": true, "sys": true, "dev": true}

// ReadFS reads a root file system as one layer. What cannot be read, such as
// a folder without permission, is a problem; "proc", "sys" and "dev" at the
// root are passed over.
func ReadFS(ctx context.Context, fsys fs.FS, info inventory.Layer, pick Picker, opts Options) (*Facts, error) {
	s := &scanner{ctx: ctx, opts: opts, pick: pick, index: info.Index, facts: &Facts{}}
	modes := opts.Router.HasExecutable()
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case err != nil && name == ".":
			return err
		case err != nil:
			s.problem(name, err)
			return nil
		case name == ".":
			return nil
		case d.IsDir() && virtual[name]:
			return fs.SkipDir
		}
		return s.entry(fsys, name, d, modes)
	})
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && errors.Is(err, ctx.Err()) {
			err = cause
		}
		return nil, &inventory.LayerError{Index: info.Index, DiffID: info.DiffID, Err: err}
	}
	return s.facts, nil
}

func (s *scanner) problem(name string, err error) {
	s.facts.Problems = append(s.facts.Problems, &inventory.FileError{Path: name, Extractor: "layer", Layer: s.index, Err: err})
}

// entry takes in one entry of a folder.
func (s *scanner) entry(fsys fs.FS, name string, d fs.DirEntry, modes bool) error {
	p := []byte(name)
	switch {
	case d.IsDir():
		return s.facts.list.add(kindDir, p, nil)
	case d.Type()&fs.ModeSymlink != 0:
		target, err := fs.ReadLink(fsys, name)
		if err != nil {
			s.problem(name, err)
			return nil
		}
		return s.facts.list.add(kindSymlink, p, []byte(target))
	case !d.Type().IsRegular():
		return s.facts.list.add(kindOther, p, nil)
	}
	perm := fs.FileMode(0)
	if modes {
		info, err := d.Info()
		if err != nil {
			s.problem(name, err)
			return nil
		}
		perm = info.Mode().Perm()
	}
	if s.picks = s.pick(s.picks[:0], p, perm&0o111 != 0); len(s.picks) == 0 {
		return s.facts.list.add(kindOther, p, nil)
	}
	return s.openFile(fsys, name)
}

func (s *scanner) openFile(fsys fs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		s.problem(name, err)
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path.Clean(name), Err: errors.New("no longer a regular file")}
	}
	if err != nil {
		s.problem(name, err)
		return nil
	}
	if err := s.facts.list.add(kindFile, []byte(name), nil); err != nil {
		return err
	}
	var at io.ReaderAt
	if random, ok := f.(io.ReaderAt); ok {
		at = random
	}
	found, err := s.extract(name, info.Mode().Perm(), info.Size(), f, at)
	if err != nil {
		return err
	}
	s.facts.Files = append(s.facts.Files, File{name, found})
	return nil
}
