package vulndb

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/internal/durable"
)

const (
	lockName = ".lock"
	// tempAge is the age at which a temporary file belongs to a build that
	// has died.
	tempAge = 24 * time.Hour
)

// A newFile is a file that is to be written.
type newFile struct {
	ecosystem string
	records   int
	modified  time.Time
	// write writes the content and returns the checksum of it.
	write func(context.Context, io.Writer) (uint32, error)
}

// publish writes a database into dir and makes it the current one. Files are
// written under temporary names first. What then changes names is under a
// lock, so that no build removes what another is about to refer to.
func publish(ctx context.Context, dir string, contents []newFile, cfg buildConfig) (Info, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return Info{}, err
	}
	temps := make([]string, len(contents))
	defer func() {
		for _, name := range temps {
			os.Remove(name) // what was not renamed, after an error
		}
	}()
	files := make([]manifestFile, len(contents))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(cfg.workers)
	for i, c := range contents {
		group.Go(func() error {
			var err error
			files[i], temps[i], err = writeTemp(groupCtx, dir, c)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Info{}, err
	}
	m := &manifest{
		Format: manifestFormat, Version: manifestVersion,
		Built: cfg.now().UTC().Truncate(time.Second), ID: contentID(files), Files: files,
	}
	unlock, err := dbfile.Lock(ctx, filepath.Join(dir, lockName))
	locked := err == nil
	if locked {
		defer unlock()
	} else if !errors.Is(err, errors.ErrUnsupported) {
		return Info{}, err
	}
	if temps, err = cfg.carry.over(dir, m, temps); err != nil {
		return Info{}, err
	}
	if err := rename(dir, m, temps); err != nil {
		return Info{}, err
	}
	if locked { // else old files stay: somebody may be about to use them
		removeOld(dir, m)
	}
	return m.info(), nil
}

// writeTemp writes a file of a database under a temporary name.
func writeTemp(ctx context.Context, dir string, c newFile) (manifestFile, string, error) {
	var checksum uint32
	temp, err := durable.Write(dir, func(w io.Writer) (err error) {
		buf := bufio.NewWriterSize(w, 1<<20)
		if checksum, err = c.write(ctx, buf); err != nil {
			return err
		}
		return buf.Flush()
	})
	if err != nil {
		return manifestFile{}, "", err
	}
	return manifestFile{
		Ecosystem: c.ecosystem, Name: fileName(c.ecosystem, temp.Sum), Size: temp.Size, SHA256: temp.Sum,
		Checksum: checksum, Records: c.records, Modified: c.modified,
	}, temp.Name, nil
}

// rename gives the files their names and then replaces the manifest, which is
// the moment at which the new database is there.
func rename(dir string, m *manifest, temps []string) error {
	for i, f := range m.Files {
		path := filepath.Join(dir, f.Name)
		if temps[i] == "" { // carried over
			continue
		}
		// A file that is in use cannot be replaced on every system, and need
		// not be if it is the same.
		if sum, err := durable.Hash(path); err == nil && sum == f.SHA256 {
			continue
		}
		if err := os.Rename(temps[i], path); err != nil {
			return err
		}
	}
	durable.SyncDir(dir)
	text, err := m.encode()
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, manifestName), text)
}

// removeOld removes the files of earlier databases and of builds that died, as
// far as it can.
func removeOld(dir string, m *manifest) {
	// The time by the clock that also dates the temporary files.
	now, err := os.Stat(filepath.Join(dir, manifestName))
	if err != nil {
		return
	}
	keep := map[string]bool{}
	for _, f := range m.Files {
		keep[f.Name] = true
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		old := validFileName(e.Name()) && !keep[e.Name()]
		if strings.HasPrefix(e.Name(), durable.TempPrefix) {
			info, err := e.Info()
			old = err == nil && now.ModTime().Sub(info.ModTime()) > tempAge
		}
		if old {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
