package fetch

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
)

// metaExt is added to the name of a partial file for the one that tells what it
// is.
const metaExt = ".json"

// A part is a file that may be incomplete.
type part struct {
	f    *os.File
	path string
	meta partMeta
	n    int64
}

type partMeta struct {
	URL       string `json:"url"`
	Validator string `json:"validator"`
}

// openPart opens a partial file, and keeps what is in it if that is of the URL.
func openPart(path, url string) (*part, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	p := &part{f: f, path: path, meta: partMeta{URL: url}}
	var meta partMeta
	if text, err := readSmall(path + metaExt); err == nil && json.Unmarshal(text, &meta) == nil && meta.URL == url && meta.Validator != "" {
		p.n, err = f.Seek(0, io.SeekEnd)
		p.meta = meta
		if err != nil {
			f.Close()
			return nil, err
		}
		return p, nil
	}
	if err := p.reset(""); err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

// readSmall reads a file that this package wrote.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 64<<10))
}

func (p *part) have() (int64, string) { return p.n, p.meta.Validator }

// reset removes what tells the meaning of the bytes before it removes them,
// and writes it again before the next ones come, so that it is never about
// others. A half written one is not JSON.
func (p *part) reset(validator string) error {
	if err := removeIfThere(p.path + metaExt); err != nil {
		return err
	}
	if err := p.f.Truncate(0); err != nil {
		return err
	}
	if _, err := p.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	p.n, p.meta.Validator = 0, validator
	if validator == "" {
		return nil
	}
	text, err := json.Marshal(p.meta)
	if err != nil {
		return err
	}
	return os.WriteFile(p.path+metaExt, text, 0o644)
}

func (p *part) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	p.n += int64(n)
	return n, err
}

func (p *part) content() (io.Reader, error) {
	return io.NewSectionReader(p.f, 0, p.n), nil
}

// finish makes sure that the file is on the disk.
func (p *part) finish() error {
	if err := p.f.Sync(); err != nil {
		return err
	}
	return removeIfThere(p.path + metaExt)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
