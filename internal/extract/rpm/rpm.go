// Package rpm reads the database of rpm, the package manager of Red Hat, SUSE,
// Amazon, Oracle, Microsoft and their relatives.
//
// It is one file in one of three folders, in one of three formats, which
// package rpmdb reads: Packages, Packages.db or rpmdb.sqlite. The format is
// told by the content and not by the name. A write-ahead log beside the SQLite
// file, rpmdb.sqlite-wal, is a file of its own with facts of its own; it is
// usually empty.
//
// For each package the database has its header: see the [tags]. Of interest
// are what identifies the package and its source, who made and signed it, what
// it requires and provides, and the files that it installed. The public keys
// that rpm keeps as packages named gpg-pubkey are ignored. The content is
// hostile: headers, packages, paths and dependencies are limited, and what
// exceeds a limit of the whole is an error, never a shorter list.
//
// [tags]: https://rpm.org/docs/latest/manual/tags.html
package rpm

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/rpmdb"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Fedora has about 70,000 packages, and a large image 200,000 files and
// 100,000 dependencies. The bound on the bytes of all paths is one of its own
// because a folder's name is written once and counts for each file in it; that
// on the bytes of dependencies because parts of a header may overlap.
const (
	maxPackages  = 200_000
	maxPaths     = 1_000_000
	maxPathBytes = 64 << 20
	maxDepends   = 2_000_000
	maxDepBytes  = 64 << 20
	// maxField is the length up to which a name, a version, a licence or the
	// like is taken.
	maxField = 64 << 10
)

const walExt = "-wal"

// Extractor reads rpm's database. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "rpm".
func (Extractor) Name() string { return "rpm" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the paths of the database.
func (Extractor) Patterns() []inventory.Pattern {
	var patterns []inventory.Pattern
	// The folder of most distributions, that of SUSE and Fedora, and that of
	// images made by rpm-ostree.
	for _, dir := range []string{"var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"} {
		for _, base := range []string{"Packages", "Packages.db", "rpmdb.sqlite", "rpmdb.sqlite" + walExt} {
			patterns = append(patterns, inventory.Pattern{Glob: dir + "/" + base})
		}
	}
	return patterns
}

// Extract returns the packages of the database and the files they own. What is
// damaged is told in Problems, with what could be read beside it. The error
// wraps [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	if f.Size() == 0 {
		if strings.HasSuffix(f.Path(), walExt) {
			return inventory.Facts{}, nil // what SQLite leaves when it is done
		}
		return inventory.Facts{Problems: []string{"the database has 0 bytes"}}, nil
	}
	r, err := f.ReaderAt()
	if err != nil {
		return inventory.Facts{}, err
	}
	p := parser{interned: map[string]string{}}
	_, err = rpmdb.Read(ctx, r, f.Size(), rpmdb.Visitor{
		Header: p.header,
		Damage: func(err error) { p.problems.Add("%v", err) },
	})
	if err != nil {
		return inventory.Facts{}, err
	}
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// A parser collects the packages of a database.
type parser struct {
	facts    inventory.Facts
	problems lines.Problems

	paths, pathBytes  int               // of all packages
	depends, depBytes int               // of all packages
	interned          map[string]string // texts that come again and again
}

// A record is a header that is being read, with its first fault.
type record struct {
	*rpmdb.Header
	fault error
}

func (r *record) note(err error) {
	if r.fault == nil {
		r.fault = err
	}
}

func (r *record) text(tag rpmdb.Tag) string {
	text, err := r.Text(tag)
	if len(text) > maxField {
		text, err = "", fmt.Errorf("tag %d: more than %d bytes: %w", tag, maxField, inventory.ErrTooLarge)
	}
	r.note(err)
	return text
}

func (r *record) texts(tag rpmdb.Tag) [][]byte {
	texts, err := r.Texts(tag)
	r.note(err)
	return texts
}

func (r *record) numbers(tag rpmdb.Tag) []uint32 {
	numbers, err := r.Numbers(tag)
	r.note(err)
	return numbers
}

// gpgPubkey is the name under which rpm keeps public keys.
const gpgPubkey = "gpg-pubkey"

// header takes the header of one package.
func (p *parser) header(id uint32, blob []byte) error {
	header, err := rpmdb.ParseHeader(blob)
	if header == nil {
		p.problems.Add("header %d: %v", id, err)
		return nil
	}
	r := &record{Header: header, fault: err}
	name := r.text(rpmdb.TagName)
	if name == gpgPubkey {
		p.facts.Ignored++
		return nil
	}
	if name == "" {
		if r.fault == nil {
			r.fault = errors.New("it has no package name")
		}
		p.problems.Add("header %d: %v", id, r.fault)
		return nil
	}
	arch := p.intern(r.text(rpmdb.TagArch))
	// What an unreadable package installed is its own nevertheless.
	owned, err := p.owned(r)
	if err != nil {
		return err
	}
	if len(owned) > 0 {
		p.facts.Owned = append(p.facts.Owned, inventory.Ownership{Package: name, Arch: arch, Paths: owned})
	}
	if err := p.keep(r, name, arch); err != nil {
		return err
	}
	if r.fault != nil {
		p.problems.Add("package %q: %v", lines.Clip(name), r.fault)
	}
	return nil
}

// keep adds the package to the facts.
func (p *parser) keep(r *record, name, arch string) error {
	version, release := r.text(rpmdb.TagVersion), r.text(rpmdb.TagRelease)
	if version == "" {
		p.problems.Add("package %q has no version", lines.Clip(name))
		return nil
	}
	if release != "" {
		version += "-" + release
	}
	if len(p.facts.Packages) == maxPackages {
		return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
	}
	pkg := inventory.Package{
		Type:       "rpm",
		Name:       name,
		Version:    version,
		Arch:       arch,
		Module:     p.intern(r.text(rpmdb.TagModularityLabel)),
		Vendor:     p.intern(r.text(rpmdb.TagVendor)),
		Maintainer: p.intern(r.text(rpmdb.TagPackager)),
		SigningKey: p.intern(r.KeyID()),
	}
	// The database does not tell the epoch of the source, so that the
	// source's version is without one even where the package has one.
	pkg.Source = inventory.Source{Name: name, Version: version}
	if name, version, ok := rpmdb.SplitSource(r.text(rpmdb.TagSourceRPM)); ok {
		pkg.Source = inventory.Source{Name: name, Version: version}
	}
	if epoch := r.numbers(rpmdb.TagEpoch); len(epoch) > 0 && epoch[0] != 0 {
		pkg.Version = strconv.FormatUint(uint64(epoch[0]), 10) + ":" + version
	}
	if licence := p.intern(r.text(rpmdb.TagLicense)); licence != "" {
		pkg.Licenses = []string{licence}
	}
	var err error
	if pkg.Requires, err = p.required(r, name); err != nil {
		return err
	}
	if pkg.Provides, err = p.provided(r, name); err != nil {
		return err
	}
	p.facts.Packages = append(p.facts.Packages, pkg)
	return nil
}

// maxInterned bounds how many texts are remembered, and maxInternedLen how
// long they are.
const (
	maxInterned    = 1 << 16
	maxInternedLen = 256
)

// intern returns text, sharing the memory with the same text of before.
func (p *parser) intern(text string) string {
	if kept, ok := p.interned[text]; ok {
		return kept
	}
	if len(p.interned) < maxInterned && len(text) <= maxInternedLen {
		p.interned[text] = text
	}
	return text
}

// internBytes is intern for bytes.
func (p *parser) internBytes(text []byte) string {
	if kept, ok := p.interned[string(text)]; ok {
		return kept
	}
	return p.intern(string(text))
}

// Bits of the mode, the flags and the states of a file: rpmfiles.h, and
// sys/stat.h for the type.
const (
	modeType    = 0o170000
	modeRegular = 0o100000
	modeSymlink = 0o120000

	flagGhost = 1 << 6 // belongs to the package, but is not in it

	stateNormal = 0
)

// owned returns the files that the package installed and that are still its
// own: not those that it left out, nor those that another package replaced.
func (p *parser) owned(r *record) ([]string, error) {
	names, dirs := r.texts(rpmdb.TagBaseNames), r.texts(rpmdb.TagDirNames)
	indexes := r.numbers(rpmdb.TagDirIndexes)
	if len(names) == 0 {
		// Before rpm 4, whole paths.
		names, dirs, indexes = r.texts(rpmdb.TagOldFileNames), nil, nil
	} else if len(indexes) < len(names) {
		r.note(fmt.Errorf("%d files, but %d folders for them", len(names), len(indexes)))
		names = names[:len(indexes)]
	}
	modes, flags, states := r.numbers(rpmdb.TagFileModes), r.numbers(rpmdb.TagFileFlags), r.numbers(rpmdb.TagFileStates)
	if p.paths += len(names); p.paths > maxPaths {
		return nil, fmt.Errorf("more than %d paths: %w", maxPaths, inventory.ErrTooLarge)
	}
	var owned []string
	for i, name := range names {
		if i < len(modes) && modes[i]&modeType != modeRegular && modes[i]&modeType != modeSymlink ||
			i < len(flags) && flags[i]&flagGhost != 0 ||
			i < len(states) && states[i] != stateNormal {
			continue
		}
		var dir []byte
		if indexes != nil {
			if indexes[i] >= uint32(len(dirs)) {
				r.note(fmt.Errorf("file %q is in folder %d of %d", lines.Clip(name), indexes[i], len(dirs)))
				continue
			}
			dir = dirs[indexes[i]]
		}
		if p.pathBytes += len(dir) + len(name); p.pathBytes > maxPathBytes {
			return nil, fmt.Errorf("more than %d bytes of paths: %w", maxPathBytes, inventory.ErrTooLarge)
		}
		// From a path with a leading slash, ".." cannot lead out of the root.
		if file := path.Clean("/" + string(dir) + string(name)); file != "/" {
			owned = append(owned, file[1:])
		}
	}
	return owned, nil
}
