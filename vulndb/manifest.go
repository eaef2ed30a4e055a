package vulndb

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imagevet/imagevet/internal/durable"
)

// The manifest of a database folder, see FORMAT.md.
const (
	manifestName    = "manifest.json"
	manifestFormat  = "imagevet-vulndb"
	manifestVersion = 4       // changes with files, entries, records and names
	maxManifest     = 4 << 20 // bytes

	fileExt = ".ivdb"
)

// Errors of [Open] and [DB.Match]. Their text says what to do.
var (
	// ErrNotFound says that the folder does not exist or has no manifest. It
	// wraps [fs.ErrNotExist].
	ErrNotFound = fmt.Errorf("no advisory database here, build one or copy one to this place (%w)", fs.ErrNotExist)
	// ErrForeign says that something else is in the place of the database.
	ErrForeign = errors.New("this is something else than an advisory database, give another folder")
	// ErrVersion says that the database has a version of the format, or of
	// the order of versions, that this program does not have.
	ErrVersion = errors.New("advisory database of another version of this program, update the program or build the database again")
	// ErrCorrupt says that a file of the database is missing or is not what
	// was written.
	ErrCorrupt = errors.New("advisory database is damaged, build or copy it again")
	// ErrEmpty says that the database has no advisories, which would make
	// everything look clean.
	ErrEmpty = errors.New("advisory database has no advisories, build or copy it again")
)

type manifest struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Built   time.Time `json:"built"`
	ID      string    `json:"id"`
	// Checksum is the SHA-256 of the manifest's own text with this field
	// empty.
	Checksum string         `json:"checksum"`
	Files    []manifestFile `json:"files"`
}

type manifestFile struct {
	Ecosystem string `json:"ecosystem"`
	Name      string `json:"name"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
	// Checksum is that of the file's table of sections, which stands for the
	// rest as long as nobody means harm.
	Checksum uint32    `json:"crc32c"`
	Records  int       `json:"records"`
	Modified time.Time `json:"modified"`
}

// info returns the public form.
func (m *manifest) info() Info {
	info := Info{Built: m.Built, ID: m.ID}
	for _, f := range m.Files {
		if f.Ecosystem == enrichEcosystem {
			continue
		}
		info.Sources = append(info.Sources, SourceInfo{Ecosystem: f.Ecosystem, Modified: f.Modified, Records: f.Records})
	}
	return info
}

// contentID derives the ID from the files.
func contentID(files []manifestFile) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%q %s\n", f.Ecosystem, f.SHA256)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// encode returns the text of the manifest, with its checksum.
func (m manifest) encode() ([]byte, error) {
	m.Checksum = ""
	text, err := m.text()
	if err != nil {
		return nil, err
	}
	m.Checksum = digest(text)
	return m.text()
}

func (m *manifest) text() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", "  ")
	return append(text, '\n'), err
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// readManifest reads and checks the manifest of a folder.
func readManifest(dir string) (*manifest, error) {
	data, err := manifestText(dir)
	if err != nil {
		return nil, err
	}
	return parseManifest(data)
}

func manifestText(dir string) ([]byte, error) {
	f, err := os.Open(filepath.Join(dir, manifestName))
	if err != nil {
		if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
			return nil, fmt.Errorf("%w: not a folder", ErrForeign)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: no %s", ErrNotFound, manifestName)
		}
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxManifest {
		return nil, fmt.Errorf("%w: %s of more than %d bytes", ErrForeign, manifestName, maxManifest)
	}
	return data, nil
}

// olderManifest returns what can be said of a database in an older version of
// the format: the names of its ecosystems, for files that no program has. It
// reports false if it is none.
func olderManifest(dir string) (*manifest, bool) {
	data, err := manifestText(dir)
	if err != nil {
		return nil, false
	}
	var old struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
		Files   []struct {
			Ecosystem string `json:"ecosystem"`
		} `json:"files"`
	}
	if json.Unmarshal(data, &old) != nil || old.Format != manifestFormat || old.Version < 1 || old.Version >= manifestVersion {
		return nil, false
	}
	m := &manifest{}
	for _, f := range old.Files {
		m.Files = append(m.Files, manifestFile{Ecosystem: f.Ecosystem})
	}
	return m, true
}

func parseManifest(data []byte) (*manifest, error) {
	// First what tells whether the rest can be understood.
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		if bytes.Contains(data, []byte(`"`+manifestFormat+`"`)) {
			return nil, fmt.Errorf("%w: %s: %w", ErrCorrupt, manifestName, err)
		}
		return nil, fmt.Errorf("%w: %s: %w", ErrForeign, manifestName, err)
	}
	if head.Format != manifestFormat {
		return nil, fmt.Errorf("%w: %s: format %q", ErrForeign, manifestName, head.Format)
	}
	if head.Version != manifestVersion {
		return nil, fmt.Errorf("%w: %s: version %d, known is %d", ErrVersion, manifestName, head.Version, manifestVersion)
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrCorrupt, manifestName, err)
	}
	// Equal text, not only an equal checksum: nothing may be in the file that
	// this program does not see.
	if text, err := m.encode(); err != nil || !bytes.Equal(text, data) {
		return nil, fmt.Errorf("%w: %s: checksum", ErrCorrupt, manifestName)
	}
	records := 0
	for _, f := range m.Files {
		if !validFileName(f.Name) || f.Records < 0 {
			return nil, fmt.Errorf("%w: %s: file %q with %d records", ErrCorrupt, manifestName, f.Name, f.Records)
		}
		if f.Ecosystem != enrichEcosystem { // which alone would make everything look clean
			records += f.Records
		}
	}
	if records == 0 {
		return nil, ErrEmpty
	}
	return &m, nil
}

// fileName names a file by its content.
func fileName(base, sum string) string { return durable.ContentName(base, sum) + fileExt }

// validFileName reports whether a name is one that fileName can return, so
// that it leads nowhere else.
func validFileName(name string) bool {
	slug, ok := strings.CutSuffix(name, fileExt)
	if !ok || len(slug) < 17 || len(slug) > 57 {
		return false
	}
	for _, c := range []byte(slug) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}
