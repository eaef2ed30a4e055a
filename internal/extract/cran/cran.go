// Package cran reads the DESCRIPTION of installed R packages, wherever the
// library is that they lie in.
//
// The file has fields "Name: value" in the format of Debian's control files,
// where lines that begin with white space go on with the field before them:
// see [The DESCRIPTION file]. R adds the field Built when it installs a
// package. A DESCRIPTION without it is that of a source package, or something
// else of that name, and is ignored. Of the fields these are of interest:
// Package, Version, License, Maintainer; Depends and Imports, which are
// required, R itself left out; Repository, who distributes the package; and
// Priority, which is "base" for what is a part of R.
//
// The content is hostile: the file's size, the length of fields and the number
// of required packages are limited. Text that is not UTF-8 is taken for Latin
// 1, the encoding that most old packages have.
//
// [The DESCRIPTION file]: https://cran.r-project.org/doc/manuals/r-release/R-exts.html#The-DESCRIPTION-file
package cran

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Most files have 1 to 5 KiB. Some packages import 50 others.
const (
	maxFile     = 4 << 20
	maxField    = 64 << 10
	maxName     = 512
	maxRequires = 1_000
)

// Extractor reads DESCRIPTION files. The zero value is ready, and safe for use
// by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "cran".
func (Extractor) Name() string { return "cran" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/DESCRIPTION"}}
}

// Extract returns the package that the file describes. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	var p parser
	if err := lines.Each(ctx, f, maxFile, p.line); err != nil {
		return inventory.Facts{}, err
	}
	name, version := p.text(fieldPackage), p.text(fieldVersion)
	if name == "" && version == "" || p.text(fieldBuilt) == "" {
		return inventory.Facts{Ignored: 1}, nil
	}
	var facts inventory.Facts
	switch {
	case name == "" || len(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '/' || r == 0x7f }):
		p.problems.Add("%q is no name of a package; its version is %q", lines.Clip(name), lines.Clip(version))
	case version == "":
		p.problems.Add("package %q has no version", name)
	case len(version) > maxName:
		p.problems.Add("version of package %q is too long: %q", name, lines.Clip(version))
	default:
		pkg := inventory.Package{
			Type:       "cran",
			Name:       name,
			Version:    version,
			Vendor:     p.text(fieldRepository),
			Maintainer: p.text(fieldMaintainer),
			Bundled:    p.text(fieldPriority) == "base",
			Requires:   p.requires(),
		}
		if licence := p.text(fieldLicense); licence != "" {
			pkg.Licenses = []string{licence}
		}
		facts.Packages = []inventory.Package{pkg}
	}
	facts.Problems = p.problems.List()
	return facts, nil
}

// A field is one that is of interest.
type field int

const (
	other field = iota
	fieldPackage
	fieldVersion
	fieldLicense
	fieldMaintainer
	fieldDepends
	fieldImports
	fieldRepository
	fieldPriority
	fieldBuilt
	fieldCount
)

// fieldNamed returns the field of a name. R distinguishes case.
func fieldNamed(name []byte) field {
	switch string(name) {
	case "Package":
		return fieldPackage
	case "Version":
		return fieldVersion
	case "License":
		return fieldLicense
	case "Maintainer":
		return fieldMaintainer
	case "Depends":
		return fieldDepends
	case "Imports":
		return fieldImports
	case "Repository":
		return fieldRepository
	case "Priority":
		return fieldPriority
	case "Built":
		return fieldBuilt
	}
	return other
}

// A parser collects the fields of a file.
type parser struct {
	fields   [fieldCount][]byte
	current  field // the one that goes on in lines that begin with a space
	begun    bool  // there was a field
	ended    bool  // there was a blank line after a field
	problems lines.Problems
}

// line takes the next line of the file.
func (p *parser) line(line []byte) error {
	line = bytes.TrimRight(line, " \t\r")
	if len(line) == 0 {
		p.ended = p.begun
		return nil
	}
	if p.ended {
		// R reads the first record only.
		p.problems.Add("there is more after the end of the description: %q", lines.Clip(line))
		return nil
	}
	value := bytes.TrimLeft(line, " \t")
	if len(value) == len(line) {
		name, rest, ok := bytes.Cut(line, []byte{':'})
		if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t") {
			p.current = other
			p.problems.Add("a line is not a field: %q", lines.Clip(line))
			return nil
		}
		p.begun = true
		p.current, value = fieldNamed(name), bytes.TrimLeft(rest, " \t")
		if p.current != other && len(p.fields[p.current]) > 0 {
			p.problems.Add("field %q appears twice", name)
			p.current = other
		}
	}
	if p.current == other || len(value) == 0 {
		return nil
	}
	text := &p.fields[p.current]
	if len(value) > maxField-len(*text) {
		return fmt.Errorf("a field of more than %d bytes: %w", maxField, inventory.ErrTooLarge)
	}
	if len(*text) > 0 {
		*text = append(*text, ' ')
	}
	*text = append(*text, value...)
	return nil
}

// text returns a field in UTF-8.
func (p *parser) text(f field) string {
	text := p.fields[f]
	if utf8.Valid(text) {
		return string(text)
	}
	runes := make([]rune, len(text))
	for i, c := range text {
		runes[i] = rune(c) // Latin 1 is the beginning of Unicode
	}
	return string(runes)
}

// requires returns the names in "R (>= 3.5), methods, rlang (>= 1.0.0)", once
// each, without R.
func (p *parser) requires() []string {
	var names []string
	seen := map[string]bool{"R": true}
	for _, list := range []string{p.text(fieldDepends), p.text(fieldImports)} {
		for entry := range strings.SplitSeq(list, ",") {
			name, _, _ := strings.Cut(entry, "(")
			name = strings.TrimSpace(name)
			if name == "" || seen[name] {
				continue
			}
			if len(names) == maxRequires {
				p.problems.Add("more than %d required packages", maxRequires)
				return names
			}
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
