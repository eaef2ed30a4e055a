package jar

import (
	"bufio"
	"context"
	"crypto/sha1" // not for safety: the digest by which archives are looked up
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The limits hold for an outermost archive and all within it. A large
// application has 1,000 archives three deep with 500,000 members, and unpacks
// to 500 MiB. The same bytes can be read as many members, so that the work is
// counted, not the size.
const (
	maxDepth    = 8         // archives around an archive
	maxArchives = 20_000    // each costs a search for its directory
	maxMembers  = 2_000_000 // each costs a look at its name
	maxPackages = 100_000
	maxWork     = 1 << 30   // bytes that are unpacked, hashed or read of directories
	maxLive     = 256 << 20 // bytes of unpacked archives that are held at once
	maxNames    = 64 << 20  // bytes of the names of members that are of interest
	maxKept     = 64 << 20  // bytes of the packages and their places
	maxName     = 4096      // bytes of the name of a member that is of interest
	maxRatio    = 250       // bytes of an archive per byte of it compressed: archives hardly compress, at most runs of equal bytes do
	freeRatio   = 1 << 20   // bytes from which the ratio counts

	maxProperties = 64 << 10 // bytes of a pom.properties, which has three short lines
	maxPOM        = 4 << 20
	maxManifest   = 1 << 20 // bytes of a manifest that are read: its main section comes first

	memberCost = 200 // bytes of memory for a member, besides its name
	chunk      = 32 << 10
)

// errStop ends a walk after w.stop: what is known so far is kept.
var errStop = errors.New("stop")

// A walker walks through an archive and those within it.
type walker struct {
	ctx      context.Context
	facts    inventory.Facts
	problems lines.Problems
	gaveUp   string // why the walk ended early, empty if it did not

	buf     *bufio.Reader // for one directory or one member at a time
	inflate io.ReadCloser // nil before the first compressed member

	seen     map[identity]struct{}
	archives int
	members  int
	work     int64
	live     int64
	names    int
	kept     int
}

// An identity is what tells packages of one file apart.
type identity struct{ group, name, version, within string }

func newWalker(ctx context.Context) *walker {
	return &walker{ctx: ctx, buf: bufio.NewReaderSize(nil, chunk), seen: make(map[identity]struct{})}
}

// stop notes that the walk ends at a place, because of a limit.
func (w *walker) stop(place, format string, args ...any) error {
	if w.gaveUp == "" {
		w.gaveUp = fmt.Sprintf("reading ends at %s: %s", subject(place), fmt.Sprintf(format, args...))
		w.problems.Add("%s", w.gaveUp)
	}
	return errStop
}

// subject returns a place for a message.
func subject(place string) string {
	if place == "" {
		return "the archive itself"
	}
	return fmt.Sprintf("%q", lines.Clip(place))
}

// list returns the problems. The one that says that the walk ended early is
// told in words however many there are.
func (w *walker) list() []string {
	list := w.problems.List()
	if w.gaveUp != "" && len(list) > lines.MaxProblems {
		list[lines.MaxProblems] += "; the last one: " + w.gaveUp
	}
	return list
}

// spend counts n bytes of work for what is at a place.
func (w *walker) spend(place string, n int64) error {
	if n > maxWork-w.work {
		return w.stop(place, "more than %d bytes to read and unpack in all", int64(maxWork))
	}
	w.work += n
	return w.ctx.Err()
}

// outermost walks through the archive that is the file.
func (w *walker) outermost(r io.ReaderAt, size int64, base string) error {
	err := w.archive(r, size, base, "", 0)
	if err == errStop { // nothing wraps it
		return nil
	}
	return err
}

// archive walks through an archive with the given file name. where is its place
// in the outermost one, empty for that. An error ends the whole walk, except
// one that wraps errNotZip, and there is nothing of the archive then.
func (w *walker) archive(r io.ReaderAt, size int64, base, where string, depth int) error {
	if w.archives++; w.archives > maxArchives {
		return w.stop(where, "more than %d archives", maxArchives)
	}
	if err := w.spend(where, min(size, endLength+maxComment)); err != nil {
		return err
	}
	dir, err := findDirectory(r, size)
	if err != nil {
		return err
	}
	a := archive{walker: w, r: r, size: size, base: base, where: where}
	if err := w.spend(where, dir.end-dir.start); err != nil {
		return err
	}
	listing := dir.each(r, size, w.buf, a.visit)
	if err := w.ctx.Err(); err != nil {
		return err
	}
	// What is known of a damaged archive is kept.
	if listing != nil && listing != errStop {
		w.problems.Add("%s: %v", subject(where), listing)
	}
	if err := a.identify(); err != nil {
		return err
	}
	if listing == errStop {
		return errStop
	}
	for i := range a.nested {
		if err := a.enter(&a.nested[i], depth+1); err != nil {
			return err
		}
	}
	return nil
}

// An archive is one of those that are walked through.
type archive struct {
	*walker
	r     io.ReaderAt
	size  int64
	base  string // its file name
	where string // its place in the outermost archive, empty for that

	manifest *member
	poms     []member // pom.properties and pom.xml
	nested   []member
	classes  bool   // it has class files
	families uint64 // bits of [families] whose folder it has
}

// place returns the place of a member in the outermost archive.
func (a *archive) place(name string) string {
	switch {
	case a.where == "":
		return name
	case name == "":
		return a.where
	}
	return a.where + "!/" + name
}

// visit looks at a member of the directory.
func (a *archive) visit(name []byte, m member) error {
	if a.members++; a.members > maxMembers {
		return a.stop(a.where, "more than %d members", maxMembers)
	}
	if a.members%1024 == 0 {
		if err := a.ctx.Err(); err != nil {
			return err
		}
	}
	if n := len(name); n > 6 && string(name[n-6:]) == ".class" {
		a.classes = true
		a.families |= familiesOf(name)
		return nil
	}
	isManifest := len(name) == len(manifestName) && strings.EqualFold(string(name), manifestName)
	isPOM := !isManifest && isPOM(name)
	if !isManifest && !isPOM && !isArchive(name) {
		return nil
	}
	if len(name) > maxName {
		a.problems.Add("%q: the name of a member has more than %d bytes", lines.Clip(a.place(string(name))), maxName)
		return nil
	}
	if a.names += len(name) + memberCost; a.names > maxNames {
		return a.stop(a.where, "more than %d bytes of names", maxNames)
	}
	m.name = string(name)
	switch {
	case isManifest:
		// The first one counts where there are several, as in Java.
		if a.manifest == nil {
			a.manifest = &m
		}
	case isPOM:
		a.poms = append(a.poms, m)
	default:
		a.nested = append(a.nested, m)
	}
	return nil
}

// isArchive reports whether the name of a member is that of an archive.
func isArchive(name []byte) bool {
	if len(name) < 5 || name[len(name)-4] != '.' {
		return false
	}
	return slices.Contains(extensions[:], strings.ToLower(string(name[len(name)-4:])))
}

// enter walks through an archive within a.
func (a *archive) enter(m *member, depth int) error {
	place := a.place(m.name)
	if depth > maxDepth {
		a.problems.Add("%q is not read: more than %d archives around it", lines.Clip(place), maxDepth)
		return nil
	}
	base := m.name[strings.LastIndexAny(m.name, `/\`)+1:]
	var r io.ReaderAt
	var size int64
	if m.method == stored {
		at, err := m.data(a.r, a.size)
		if err != nil {
			a.problems.Add("%q: %v", lines.Clip(place), err)
			return a.ctx.Err()
		}
		r, size = io.NewSectionReader(a.r, at, m.packed), m.packed
	} else {
		data, damage, err := a.read(m, maxLive-a.live, true)
		if err != nil {
			return err
		}
		if damage != nil {
			a.problems.Add("%q: %v", lines.Clip(place), damage)
			if data == nil {
				return nil
			}
		}
		a.live += int64(cap(data))
		defer func() { a.live -= int64(cap(data)) }()
		r, size = bytesAt(data), int64(len(data))
	}
	err := a.archive(r, size, base, place, depth)
	if err == nil || err == errStop || a.ctx.Err() != nil {
		return err
	}
	a.problems.Add("%q: %v", lines.Clip(place), err)
	return nil
}

// bytesAt reads from a slice.
type bytesAt []byte

func (b bytesAt) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// read returns the content of a member. damage tells why it is not to be
// trusted, or is missing, without being a reason to end the walk; content that
// was read before the damage comes with it. More than most bytes are damage
// without content.
func (a *archive) read(m *member, most int64, isArchive bool) (data []byte, damage, err error) {
	at, damage := m.data(a.r, a.size)
	if damage != nil {
		return nil, damage, a.ctx.Err()
	}
	a.buf.Reset(io.NewSectionReader(a.r, at, m.packed))
	var r io.Reader = a.buf
	switch m.method {
	case stored:
	case deflated:
		if a.inflate == nil {
			a.inflate = flate.NewReader(a.buf)
		} else if err := a.inflate.(flate.Resetter).Reset(a.buf, nil); err != nil {
			return nil, err, nil
		}
		r = a.inflate
	default:
		return nil, fmt.Errorf("compression method %d is not known", m.method), nil
	}
	// What the archive says of the size is believed as far as it is likely.
	data = make([]byte, 0, min(m.size, 4*min(m.packed, most), most)+1)
	for {
		if len(data) == cap(data) {
			data = slices.Grow(data, min(max(len(data), 512), maxLive))
		}
		n, err := r.Read(data[len(data):min(cap(data), len(data)+chunk)])
		data = data[:len(data)+n]
		if err := a.spend(a.place(m.name), int64(n)); err != nil {
			return nil, nil, err
		}
		if int64(len(data)) > most {
			return nil, fmt.Errorf("more than %d bytes: %w", most, inventory.ErrTooLarge), nil
		}
		if isArchive && len(data) > freeRatio && int64(len(data))/maxRatio > m.packed {
			return nil, fmt.Errorf("more than %d times as many bytes as compressed: %w", maxRatio, inventory.ErrTooLarge), nil
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return data, fmt.Errorf("it is damaged: %w", err), a.ctx.Err()
		}
	}
	if int64(len(data)) != m.size {
		return data, fmt.Errorf("it has %d bytes, not %d", len(data), m.size), nil
	}
	if crc32.ChecksumIEEE(data) != m.crc {
		return data, errors.New("its checksum is wrong"), nil
	}
	return data, nil, nil
}

// text returns the content of a member that is text, and notes what is wrong
// with it.
func (a *archive) text(m *member, most int64) ([]byte, error) {
	data, damage, err := a.read(m, most, false)
	if err != nil {
		return nil, err
	}
	if damage != nil {
		a.problems.Add("%q: %v", lines.Clip(a.place(m.name)), damage)
	}
	return data, nil
}

// sha1 returns the digest of the archive.
func (a *archive) sha1() (string, error) {
	hash := sha1.New()
	for at := int64(0); at < a.size; at += 1 << 20 {
		n := min(a.size-at, 1<<20)
		if err := a.spend(a.where, n); err != nil {
			return "", err
		}
		if _, err := io.Copy(hash, io.NewSectionReader(a.r, at, n)); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// add keeps a package at a place.
func (a *archive) add(p inventory.Package) error {
	id := identity{p.Namespace, p.Name, p.Version, p.Within}
	if _, ok := a.seen[id]; ok {
		return nil
	}
	if len(a.facts.Packages) == maxPackages {
		return a.stop(p.Within, "more than %d packages", maxPackages)
	}
	cost := 4*memberCost + len(p.Namespace) + len(p.Name) + len(p.Version) + len(p.Within) + len(p.Vendor)
	for _, licence := range p.Licenses {
		cost += len(licence)
	}
	if cost > maxKept-a.kept {
		return a.stop(p.Within, "more than %d bytes of packages", maxKept)
	}
	a.kept += cost
	a.seen[id] = struct{}{}
	a.facts.Packages = append(a.facts.Packages, p)
	return nil
}
