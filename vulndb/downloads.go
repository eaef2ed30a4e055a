package vulndb

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
)

// The folder of downloads in a database folder, see FORMAT.md.
const (
	downloadsName    = "downloads"
	downloadsVersion = 1
	stateExt         = ".state.json"
	partExt          = ".part"
	maxState         = 64 << 10 // bytes
)

// A state says what was downloaded of one ecosystem. It is written last, and
// names the other files by content, so what it says is always complete.
type state struct {
	Version   int       `json:"version"`
	Ecosystem string    `json:"ecosystem"`
	Newest    time.Time `json:"newest"` // when the newest record was modified
	Records   int       `json:"records"`
	Asked     time.Time `json:"asked"`   // when the mirror was last asked for the export
	Export    download  `json:"export"`  // all.zip
	Overlay   download  `json:"overlay"` // newer records, one a line; no name if there are none
	Index     download  `json:"index"`   // when each record was modified
	// List is the modified_id.csv that all is in of; without a URL if
	// something of it is missing.
	List download `json:"list"`
	// Compiled is the SHA-256 of the database file that was made of this;
	// empty if none was yet.
	Compiled string `json:"compiled"`
	// Rules say how it was made: other rules make another file of the same.
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

// kept is a state with the content that updates need.
type kept struct {
	state
	index   index
	overlay map[string][]byte
}

// clone copies all that an update changes.
func (k *kept) clone() *kept {
	return &kept{k.state, maps.Clone(k.index), maps.Clone(k.overlay)}
}

// overlaySize is in bytes.
func (k *kept) overlaySize() (n int) {
	for _, line := range k.overlay {
		n += len(line) + 1
	}
	return n
}

// A store is the folder of downloads. Only one process uses it at a time.
type store struct {
	dir string
	now func() time.Time
}

// slug is the beginning of the names of an ecosystem's files.
func slug(base string) string {
	sum := sha256.Sum256([]byte(base))
	name := fileName(base, hex.EncodeToString(sum[:]))
	return strings.TrimSuffix(name, fileExt)
}

func (s store) path(name string) string { return filepath.Join(s.dir, name) }

func (s store) part(base string) string { return s.path(slug(base) + partExt) }

// ecosystems lists those that have been downloaded, sorted.
func (s store) ecosystems() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), stateExt) {
			if st, err := s.state(e.Name()); err == nil {
				out = append(out, st.Ecosystem)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// state reads a state.
func (s store) state(name string) (state, error) {
	data, err := readFile(s.path(name), maxState)
	if err != nil {
		return state{}, err
	}
	var st state
	if err := json.Unmarshal(data, &st); err != nil {
		return state{}, err
	}
	if st.Version != downloadsVersion || checkEcosystem(st.Ecosystem) != nil || slug(st.Ecosystem)+stateExt != name {
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
func (s store) load(base string) (*kept, error) {
	st, err := s.state(slug(base) + stateExt)
	if err != nil {
		return nil, err
	}
	k := &kept{state: st, index: index{}, overlay: map[string][]byte{}}
	for _, d := range [...]download{st.Export, st.Overlay, st.Index} {
		if d.Name == "" {
			continue
		}
		sum, err := hashFile(s.path(d.Name))
		if err != nil || sum != d.SHA256 {
			return nil, fmt.Errorf("%s is not what was written (%v)", d.Name, err)
		}
	}
	data, err := os.ReadFile(s.path(st.Index.Name))
	if err != nil {
		return nil, fmt.Errorf("index: %v", err)
	}
	l, err := parseList(data)
	if err != nil {
		return nil, err
	}
	k.index, k.Records, k.Newest = l.modified, len(l.modified), l.modified.newest(s.now())
	if st.Overlay.Name != "" {
		f, err := os.Open(s.path(st.Overlay.Name))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if k.overlay, err = readOverlay(f); err != nil {
			return nil, fmt.Errorf("%s: %w", st.Overlay.Name, err)
		}
	}
	return k, nil
}

// sources returns what an ecosystem is compiled from. Of two records that are
// equally old the one that was fetched later comes first.
func (s store) sources(st *state) []Source {
	var out []Source
	if st.Overlay.Name != "" {
		out = append(out, FileSource(s.path(st.Overlay.Name)))
	}
	return append(out, FileSource(s.path(st.Export.Name)))
}

// take gives the complete partial file the name of an export.
func (s store) take(base string) (download, error) {
	part := s.part(base)
	sum, err := hashFile(part)
	if err != nil {
		return download{}, err
	}
	info, err := os.Stat(part)
	if err != nil {
		return download{}, err
	}
	d := download{Name: slug(base) + "-" + sum[:16] + ".zip", Size: info.Size(), SHA256: sum}
	return d, os.Rename(part, s.path(d.Name))
}

// commit writes what is kept of an ecosystem. It is there when the state is;
// then files that are not in use any more are removed.
func (s store) commit(k *kept) error {
	var err error
	k.Newest, k.Records = k.index.newest(s.now()), len(k.index)
	k.Overlay = download{}
	if len(k.overlay) > 0 {
		k.Overlay, err = s.write(slug(k.Ecosystem), ".jsonl", func(w io.Writer) error {
			for _, id := range slices.Sorted(maps.Keys(k.overlay)) {
				if _, err := w.Write(append(slices.Clip(k.overlay[id]), '\n')); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if k.Index, err = s.write(slug(k.Ecosystem), ".csv", k.index.encode); err != nil {
		return err
	}
	if err := s.save(&k.state); err != nil {
		return err
	}
	return s.clean(&k.state)
}

// save writes a state.
func (s store) save(st *state) error {
	st.Version = downloadsVersion
	text, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return err
	}
	temp, err := tempFile(s.dir, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
	if err != nil {
		return err
	}
	defer os.Remove(temp.name)
	if err := os.Rename(temp.name, s.path(slug(st.Ecosystem)+stateExt)); err != nil {
		return err
	}
	syncDir(s.dir)
	return nil
}

// write writes a file that is named by its content.
func (s store) write(slug, ext string, content func(io.Writer) error) (download, error) {
	temp, err := tempFile(s.dir, content)
	if err != nil {
		return download{}, err
	}
	defer os.Remove(temp.name)
	d := download{Name: slug + "-" + temp.sum[:16] + ext, Size: temp.size, SHA256: temp.sum}
	return d, os.Rename(temp.name, s.path(d.Name))
}

// clean removes the files of an ecosystem that its state does not name, and
// what updates left that died: nobody else is here.
func (s store) clean(st *state) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	keep := []string{slug(st.Ecosystem) + stateExt, st.Export.Name, st.Overlay.Name, st.Index.Name}
	var errs []error
	for _, e := range entries {
		own := strings.HasPrefix(e.Name(), slug(st.Ecosystem)) && !slices.Contains(keep, e.Name())
		if own || strings.HasPrefix(e.Name(), tempPrefix) {
			errs = append(errs, os.Remove(s.path(e.Name())))
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
