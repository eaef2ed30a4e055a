// Package apk reads the database of apk, the package manager of Alpine Linux,
// Wolfi and their relatives: lib/apk/db/installed, since apk 3 below usr.
//
// The file has a record for each package, of lines "LETTER:VALUE", and a blank
// line after it. Of the [fields] these are of interest: P the name, V the
// version, A the architecture, o the origin, which is the source package, m
// the maintainer, L the licence; D what the package depends on and p what it
// provides, both with versions, which are left out; F a folder, and R a file in
// the folder that was named last. In D, "!NAME" is what must not be installed.
// What i (install_if) names is no dependency: it is why a package came along
// unasked. The content is hostile: lines, packages, paths, names and the file
// itself are limited, and what exceeds a limit is an error, never a shorter
// list.
//
// [fields]: https://wiki.alpinelinux.org/wiki/Apk_spec#Installed_Database_V2
package apk

import (
	"bytes"
	"context"
	"fmt"
	"path"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/relation"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Alpine has about 30,000 packages, and a large image 200,000 files. The
// bound on the bytes of all paths is one of its own because a folder's name is
// written once and counts for each file in it.
const (
	maxFile      = 128 << 20
	maxPackages  = 200_000
	maxPaths     = 1_000_000
	maxPathBytes = 64 << 20
)

// Extractor reads apk's database. The zero value is ready, and safe for use
// by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "apk".
func (Extractor) Name() string { return "apk" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the paths of the database.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "lib/apk/db/installed"},
		{Glob: "usr/lib/apk/db/installed"},
	}
}

// Extract returns the packages of the database and the files they own. The
// error wraps [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	var p parser
	if err := lines.Each(ctx, f, maxFile, p.line); err != nil {
		return inventory.Facts{}, err
	}
	// The last record may lack its blank line.
	if err := p.flush(); err != nil {
		return inventory.Facts{}, err
	}
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// A parser collects the records of a database.
type parser struct {
	record    record // the one that is being read
	facts     inventory.Facts
	paths     int // of all packages
	pathBytes int
	problems  lines.Problems
	names     relation.Collector // that the record requires and provides
}

// A record holds the fields of one package.
type record struct {
	begun     bool // there was a line
	malformed bool // there was a line that is no field

	name, version, arch, origin, maintainer, licence string

	dir   string // the folder that was named last, with a leading slash
	paths []string
}

// line takes the next line of the file.
func (p *parser) line(line []byte) error {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(line) == 0 {
		return p.flush()
	}
	r := &p.record
	r.begun = true
	if len(line) < 2 || line[1] != ':' {
		if !r.malformed {
			r.malformed = true
			p.problems.Add("a line of package %q is not a field: %q", lines.Clip(r.name), lines.Clip(line))
		}
		return nil
	}
	value := line[2:]
	switch line[0] {
	case 'P':
		// apk writes P once in a record. Were a second one to replace the
		// first, a stray line could hide a package.
		if r.name != "" {
			p.problems.Add("no blank line between packages %q and %q", lines.Clip(r.name), lines.Clip(value))
			if err := p.flush(); err != nil {
				return err
			}
			r.begun = true
		}
		r.name = string(value)
	case 'V':
		r.version = string(value)
	case 'A':
		r.arch = string(value)
	case 'o':
		r.origin = string(value)
	case 'm':
		r.maintainer = string(value)
	case 'L':
		r.licence = string(value)
	case 'D':
		return p.relation(relation.Requires, value)
	case 'p':
		return p.relation(relation.Provides, value)
	case 'F':
		r.dir = path.Clean("/" + string(value))
	case 'R':
		return p.file(value)
	}
	return nil
}

// relation takes the names in a field, which blanks separate.
func (p *parser) relation(kind relation.Kind, value []byte) error {
	for len(value) > 0 {
		name := value
		if i := bytes.IndexByte(value, ' '); i >= 0 {
			name, value = value[:i], value[i+1:]
		} else {
			value = nil
		}
		if err := p.names.Constrained(kind, name); err != nil {
			return err
		}
	}
	return nil
}

// file takes a file of the folder that was named last. What it costs is
// counted before anything else, so that a long folder name times many lines
// that come to nothing is no way to keep a scanner busy.
func (p *parser) file(name []byte) error {
	if p.paths++; p.paths > maxPaths {
		return fmt.Errorf("more than %d paths: %w", maxPaths, inventory.ErrTooLarge)
	}
	if p.pathBytes += len(p.record.dir) + len(name); p.pathBytes > maxPathBytes {
		return fmt.Errorf("more than %d bytes of paths: %w", maxPathBytes, inventory.ErrTooLarge)
	}
	file := p.record.dir + "/" + string(name)
	if p.record.dir == "" || p.record.dir == "/" || !isPlain(name) {
		// From a path with a leading slash, ".." cannot lead out of the root.
		file = path.Clean("/" + file)
	}
	if file == p.record.dir || file == "/" {
		return nil
	}
	p.record.paths = append(p.record.paths, file[1:])
	return nil
}

// isPlain reports whether a name is one element of a path, as those that apk
// writes are.
func isPlain(name []byte) bool {
	return len(name) > 0 && name[0] != '.' && bytes.IndexByte(name, '/') < 0
}

// flush ends a record. apk has no field for the source's version: a source
// package gives its own to all packages that are built from it.
func (p *parser) flush() error {
	r := p.record
	p.record = record{}
	if !r.begun {
		return nil
	}
	names := p.names.Take()
	if r.name == "" {
		p.problems.Add("a record has no package name; its version is %q", lines.Clip(r.version))
		return nil
	}
	// What an unreadable package installed is its own nevertheless.
	if len(r.paths) > 0 {
		p.facts.Owned = append(p.facts.Owned, inventory.Ownership{Package: r.name, Arch: r.arch, Paths: r.paths})
	}
	if r.version == "" {
		p.problems.Add("package %q has no version", lines.Clip(r.name))
		return nil
	}
	if len(p.facts.Packages) == maxPackages {
		return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
	}
	if names.Malformed != "" {
		p.problems.Add("a dependency of package %q has no name: %q", lines.Clip(r.name), names.Malformed)
	}
	pkg := inventory.Package{
		Type:       "apk",
		Name:       r.name,
		Version:    r.version,
		Arch:       r.arch,
		Source:     inventory.Source{Name: r.origin, Version: r.version},
		Maintainer: r.maintainer,
		Requires:   names.Requires,
		Provides:   names.Provides,
	}
	if pkg.Source.Name == "" {
		pkg.Source.Name = r.name
	}
	if r.licence != "" {
		pkg.Licenses = []string{r.licence}
	}
	p.facts.Packages = append(p.facts.Packages, pkg)
	return nil
}
