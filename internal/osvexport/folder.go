package osvexport

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imagevet/imagevet/internal/durable"
)

// See "downloads" in vulndb/FORMAT.md.
const (
	stateVersion = 1
	stateExt     = ".state.json"
	partExt      = ".part"
	maxState     = 64 << 10 // bytes
)

// A state says what there is of one ecosystem. It is written last, and names
// the other files by content, so what it says is always complete.
type state struct {
	Version   int       `json:"version"`
	Ecosystem string    `json:"ecosystem"`
	Newest    time.Time `json:"newest"` // when the newest record was modified
	Records   int       `json:"records"`
	Asked     time.Time `json:"asked"`   // when the mirror was last asked for the export
	Checked   time.Time `json:"checked"` // when a mirror was last asked for anything new
	Export    download  `json:"export"`  // all.zip
	Overlay   download  `json:"overlay"` // newer records, one a line; no name if there are none
	Index     download  `json:"index"`   // when each record was modified
	// List is the modified_id.csv that all is in of; without a URL if
	// something of it is missing.
	List download `json:"list"`
	Made
}

// Made is what the caller made of a copy.
type Made struct {
	// Compiled names the result; empty if there is none, or if the copy was
	// changed since.
	Compiled string `json:"compiled"`
	// Rules say how it was made: other rules make something else of the same.
	Rules string `json:"rules"`
}

// A download is a file and where it comes from.
type download struct {
	Name         string `json:"name,omitempty"`
	Size         int64  `json:"size,omitempty"`
	SHA256       string `json:"sha256,omitempty"`
	URL          string `json:"url,omitempty"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
}

// A Copy is what there is of an ecosystem's export.
type Copy struct {
	state
	folder  Folder
	index   index
	overlay map[string][]byte
}

// Made returns what [Copy.SetMade] was told last, without the result if the copy
// was changed since.
func (c *Copy) Made() Made { return c.state.Made }

// SetMade remembers what the caller made of the copy.
func (c *Copy) SetMade(m Made) error {
	c.state.Made = m
	return c.folder.save(&c.state)
}

// Files returns the paths of the files that hold the records: a zip archive, and
// before it perhaps a file of one record a line. Of two records of one ID that
// are equally old that in the first file is right.
func (c *Copy) Files() []string {
	var out []string
	if c.Overlay.Name != "" {
		out = append(out, c.folder.path(c.Overlay.Name))
	}
	return append(out, c.folder.path(c.Export.Name))
}

// clone copies all that an update changes.
func (c *Copy) clone() *Copy {
	return &Copy{c.state, c.folder, maps.Clone(c.index), maps.Clone(c.overlay)}
}

// overlaySize is in bytes.
func (c *Copy) overlaySize() (n int) {
	for _, line := range c.overlay {
		n += len(line) + 1
	}
	return n
}

// A Folder is where copies are kept. Only one process uses it at a time.
type Folder struct {
	Path string
	Now  func() time.Time
}

// slug is the beginning of the names of an ecosystem's files.
func slug(base string) string {
	sum := sha256.Sum256([]byte(base))
	return durable.ContentName(base, hex.EncodeToString(sum[:]))
}

func (f Folder) path(name string) string { return filepath.Join(f.Path, name) }

func (f Folder) part(base string) string { return f.path(slug(base) + partExt) }

// Ecosystems lists those that there is a copy of, sorted.
func (f Folder) Ecosystems() ([]string, error) {
	entries, err := os.ReadDir(f.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), stateExt) {
			if st, err := f.state(e.Name()); err == nil {
				out = append(out, st.Ecosystem)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// Checked is when a mirror last told what is new of an ecosystem; zero if there is
// no copy.
func (f Folder) Checked(base string) time.Time {
	st, err := f.state(slug(base) + stateExt)
	if err != nil {
		return time.Time{} // an update tells what is wrong
	}
	return st.Checked
}

// state reads a state.
func (f Folder) state(name string) (state, error) {
	data, err := readFile(f.path(name), maxState)
	if err != nil {
		return state{}, err
	}
	var st state
	if err := json.Unmarshal(data, &st); err != nil {
		return state{}, err
	}
	if st.Version != stateVersion || CheckName(st.Ecosystem) != nil || slug(st.Ecosystem)+stateExt != name {
		return state{}, fmt.Errorf("version %d of %q", st.Version, st.Ecosystem)
	}
	for _, d := range [...]download{st.Export, st.Overlay, st.Index} {
		if d.Name != filepath.Base(d.Name) && d.Name != "" || d.Name != "" && !strings.HasPrefix(d.Name, slug(st.Ecosystem)) {
			return state{}, fmt.Errorf("file %q", d.Name)
		}
	}
	return st, nil
}

// load reads and checks what was downloaded of an ecosystem. The error says
// why there is nothing; it wraps fs.ErrNotExist if there never was.
func (f Folder) load(base string) (*Copy, error) {
	st, err := f.state(slug(base) + stateExt)
	if err != nil {
		return nil, err
	}
	c := &Copy{state: st, folder: f, index: index{}, overlay: map[string][]byte{}}
	for _, d := range [...]download{st.Export, st.Overlay, st.Index} {
		if d.Name == "" {
			continue
		}
		sum, err := durable.Hash(f.path(d.Name))
		if err != nil || sum != d.SHA256 {
			return nil, fmt.Errorf("%s is not what was written (%v)", d.Name, err)
		}
	}
	data, err := os.ReadFile(f.path(st.Index.Name))
	if err != nil {
		return nil, fmt.Errorf("index: %v", err)
	}
	l, err := parseList(data)
	if err != nil {
		return nil, err
	}
	c.index, c.Records, c.Newest = l.modified, len(l.modified), l.modified.newest(f.Now())
	if st.Overlay.Name != "" {
		file, err := os.Open(f.path(st.Overlay.Name))
		if err != nil {
			return nil, err
		}
		defer file.Close()
		if c.overlay, err = readOverlay(file); err != nil {
			return nil, fmt.Errorf("%s: %w", st.Overlay.Name, err)
		}
	}
	return c, nil
}

// take gives the complete partial file the name of an export.
func (f Folder) take(base string) (download, error) {
	part := f.part(base)
	sum, err := durable.Hash(part)
	if err != nil {
		return download{}, err
	}
	info, err := os.Stat(part)
	if err != nil {
		return download{}, err
	}
	d := download{Name: slug(base) + "-" + sum[:16] + ".zip", Size: info.Size(), SHA256: sum}
	return d, os.Rename(part, f.path(d.Name))
}

// commit writes what is kept of an ecosystem. It is there when the state is;
// then files that are not in use any more are removed.
func (f Folder) commit(c *Copy) error {
	var err error
	c.Newest, c.Records = c.index.newest(f.Now()), len(c.index)
	c.Overlay = download{}
	if len(c.overlay) > 0 {
		c.Overlay, err = f.write(slug(c.Ecosystem), ".jsonl", func(w io.Writer) error {
			for _, id := range slices.Sorted(maps.Keys(c.overlay)) {
				if _, err := w.Write(append(slices.Clip(c.overlay[id]), '\n')); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if c.Index, err = f.write(slug(c.Ecosystem), ".csv", c.index.encode); err != nil {
		return err
	}
	if err := f.save(&c.state); err != nil {
		return err
	}
	return f.clean(&c.state)
}

// save writes a state.
func (f Folder) save(st *state) error {
	st.Version = stateVersion
	text, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(f.path(slug(st.Ecosystem)+stateExt), append(text, '\n'))
}

// write writes a file that is named by its content.
func (f Folder) write(slug, ext string, content func(io.Writer) error) (download, error) {
	temp, err := durable.Write(f.Path, content)
	if err != nil {
		return download{}, err
	}
	defer os.Remove(temp.Name)
	d := download{Name: slug + "-" + temp.Sum[:16] + ext, Size: temp.Size, SHA256: temp.Sum}
	return d, os.Rename(temp.Name, f.path(d.Name))
}

// clean removes the files of an ecosystem that its state does not name, and
// what updates left that died: nobody else is here.
func (f Folder) clean(st *state) error {
	entries, err := os.ReadDir(f.Path)
	if err != nil {
		return err
	}
	keep := []string{slug(st.Ecosystem) + stateExt, st.Export.Name, st.Overlay.Name, st.Index.Name}
	var errs []error
	for _, e := range entries {
		own := strings.HasPrefix(e.Name(), slug(st.Ecosystem)) && !slices.Contains(keep, e.Name())
		if own || strings.HasPrefix(e.Name(), durable.TempPrefix) {
			errs = append(errs, os.Remove(f.path(e.Name())))
		}
	}
	return errors.Join(errs...)
}

// readFile reads a small file.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return data, err
}
