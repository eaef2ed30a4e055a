package layer

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"github.com/imagevet/imagevet/internal/pack"
	"github.com/imagevet/imagevet/internal/tarwalk"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// An entry is how [Facts] are kept:
//
//	8 bytes   entryMagic, whose last byte is the version of this layout, and
//	          of what Read makes of a layer apart from the extractors
//	32 bytes  the key it is kept under
//	n bytes   storedFacts, as package pack encodes them
//	16 bytes  the first half of the SHA-256 of all before it
//
// The key is in it so that an entry that has come to lie in the place of another
// is noticed.
const (
	entryMagic = "imgvetL\x01"
	headSize   = len(entryMagic) + len(Key{})
	sumSize    = 16
	// MaxEntry is how large an entry may be: 64 MiB. Facts that need more are
	// not kept.
	MaxEntry = 64 << 20
)

// ErrEntry is the cause where an entry is damaged or not the one of its key.
var ErrEntry = errors.New("layer: not an entry of this key")

// A Key names the facts of one layer, as one set of extractors sees it.
type Key [sha256.Size]byte

// storedFacts are Facts as they are encoded.
type storedFacts struct {
	DiffID            string
	Whiteouts, Opaque []string
	Files             []storedFile
	List              []byte
}

type storedFile struct {
	Path  string
	Found []storedFound
}

type storedFound struct {
	Extractor int
	As        string // empty where it is the file's own path
	Facts     inventory.Facts
	Owned     []storedOwned
	Err       *storedError
}

type storedOwned struct {
	Package, Arch string
	List          []byte
}

// A storedError is the text of an error, and which of the causes it wraps.
type storedError struct {
	Text   string
	Causes uint // bits of storedCauses
}

// storedCauses are what callers may test errors of extractors for. Their places
// stay.
var storedCauses = []error{
	inventory.ErrTooLarge, tarwalk.ErrSparse, io.ErrUnexpectedEOF, io.EOF, errors.ErrUnsupported, fs.ErrNotExist, fs.ErrInvalid,
}

func (e *storedError) Error() string { return e.Text }

// Is reports whether the error wrapped target when it was kept.
func (e *storedError) Is(target error) bool {
	i := slices.Index(storedCauses, target)
	return i >= 0 && e.Causes&(1<<i) != 0
}

func storeError(err error) *storedError {
	if err == nil {
		return nil
	}
	e := &storedError{Text: err.Error()}
	for i, cause := range storedCauses {
		if errors.Is(err, cause) {
			e.Causes |= 1 << i
		}
	}
	return e
}

// factsCodec is made once; its error is a mistake in the types.
var factsCodec = sync.OnceValues(pack.New[storedFacts])

// Schema describes the layout of entries. Entries of another one cannot be read.
func Schema() (string, error) {
	codec, err := factsCodec()
	if err != nil {
		return "", err
	}
	return entryMagic + codec.Schema(), nil
}

// Encode returns the entry of facts. The error wraps [inventory.ErrTooLarge] if it
// is larger than [MaxEntry]. Facts with problems of their own, which only folders
// have, cannot be kept.
func Encode(key Key, facts *Facts) ([]byte, error) {
	codec, err := factsCodec()
	if err != nil {
		return nil, err
	}
	if len(facts.Problems) > 0 || facts.placed != nil {
		return nil, errors.New("layer: facts that are not those of an archive alone")
	}
	s := storedFacts{DiffID: facts.DiffID, Whiteouts: facts.Whiteouts, Opaque: facts.Opaque, List: facts.list.data}
	for _, f := range facts.Files {
		file := storedFile{Path: f.Path}
		for _, found := range f.Found {
			x := storedFound{Extractor: found.Extractor, As: found.As, Facts: found.Facts, Err: storeError(found.Err)}
			if x.As == f.Path {
				x.As = ""
			}
			for _, o := range found.Owned {
				x.Owned = append(x.Owned, storedOwned{o.Package, o.Arch, o.list.data})
			}
			file.Found = append(file.Found, x)
		}
		s.Files = append(s.Files, file)
	}
	data := append(make([]byte, 0, headSize+len(s.List)+len(s.List)/2+4096), entryMagic...)
	data = append(data, key[:]...)
	data = codec.Append(data, &s)
	if len(data)+sumSize > MaxEntry {
		return nil, fmt.Errorf("%d bytes: %w", len(data), inventory.ErrTooLarge)
	}
	sum := sha256.Sum256(data)
	return append(data, sum[:sumSize]...), nil
}

// Decode returns the facts of an entry of the key. extractors is how many there
// are. The facts share nothing with data. The error wraps [ErrEntry].
func Decode(key Key, data []byte, extractors int) (*Facts, error) {
	codec, err := factsCodec()
	if err != nil {
		return nil, err
	}
	wrong := func(format string, args ...any) (*Facts, error) {
		return nil, fmt.Errorf("%w: "+format, append([]any{ErrEntry}, args...)...)
	}
	switch {
	case len(data) < headSize+sumSize || len(data) > MaxEntry:
		return wrong("%d bytes", len(data))
	case string(data[:len(entryMagic)]) != entryMagic:
		return wrong("it begins with %q", data[:len(entryMagic)])
	case !bytes.Equal(data[len(entryMagic):headSize], key[:]):
		return wrong("it is that of another key")
	}
	end := len(data) - sumSize
	if sum := sha256.Sum256(data[:end]); !bytes.Equal(sum[:sumSize], data[end:]) {
		return wrong("its checksum is wrong")
	}
	var s storedFacts
	if err := codec.Decode(data[headSize:end], &s); err != nil {
		return wrong("%w", err)
	}
	facts := &Facts{DiffID: s.DiffID, Whiteouts: s.Whiteouts, Opaque: s.Opaque, list: listing{data: s.List}, Verified: true}
	files, err := facts.list.check()
	if err != nil {
		return wrong("the list of files: %w", err)
	}
	if files != len(s.Files) {
		return wrong("%d files of interest are listed, %d are there", files, len(s.Files))
	}
	if len(s.Files) > 0 {
		facts.Files = make([]File, len(s.Files))
	}
	for i := range s.Files {
		stored := &s.Files[i]
		file := &facts.Files[i]
		file.Path = stored.Path
		if len(stored.Found) > 0 {
			file.Found = make([]Found, len(stored.Found))
		}
		for j := range stored.Found {
			x := &stored.Found[j]
			if x.Extractor < 0 || x.Extractor >= extractors {
				return wrong("extractor %d of %d", x.Extractor, extractors)
			}
			found := Found{Extractor: x.Extractor, As: x.As, Facts: x.Facts}
			if found.As == "" {
				found.As = file.Path
			}
			if x.Err != nil {
				found.Err = x.Err
			}
			for _, o := range x.Owned {
				owned := Owned{Package: o.Package, Arch: o.Arch, list: listing{data: o.List}}
				if _, err := owned.list.check(); err != nil {
					return wrong("the files of package %q: %w", o.Package, err)
				}
				found.Owned = append(found.Owned, owned)
			}
			file.Found[j] = found
		}
	}
	return facts, nil
}

// check reports what is wrong with a list that was not made by add, and how many
// members are of kindFile.
func (l *listing) check() (files int, err error) {
	data, last := l.data, 0 // last is the length of the path
	for len(data) > 0 {
		k := kind(data[0])
		data = data[1:]
		if k > kindFile {
			return 0, fmt.Errorf("kind %d", k)
		}
		shared, size := binary.Uvarint(data)
		if size <= 0 || shared > uint64(last) {
			return 0, errors.New("a path that begins like none")
		}
		data = data[size:]
		rest, data1, ok := cutBytes(data)
		if !ok || int(shared)+len(rest) == 0 || int(shared)+len(rest) > MaxPath {
			return 0, errors.New("a path without end")
		}
		data, last = data1, int(shared)+len(rest)
		if k == kindSymlink || k == kindLink {
			if _, data, ok = cutBytes(data); !ok {
				return 0, errors.New("a target without end")
			}
		}
		if k == kindFile {
			files++
		}
	}
	return files, nil
}

// cutBytes splits data behind what appendBytes appended.
func cutBytes(data []byte) (b, rest []byte, ok bool) {
	n, size := binary.Uvarint(data)
	if size <= 0 || n > uint64(len(data)-size) {
		return nil, nil, false
	}
	return data[size : size+int(n)], data[size+int(n):], true
}
