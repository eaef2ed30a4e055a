// Package pipfilelock reads Pipfile.lock, in which [Pipenv] keeps the versions
// that the requirements of a project came to.
//
// It is a JSON object whose member "default" has what the project needs to run,
// "develop" what is for development, others what the project calls a category,
// and "_meta" no packages. Names are keys; of a package version, which begins
// with "==", and git, ref, file and path are of interest. The file tells
// neither what is direct nor which package needs which. "hashes" are those of
// all archives of a package: which one is installed is known where there is one
// alone.
//
// Folders are parts of the project. What comes from a repository or an archive
// without a version has a constraint.
//
// The content is hostile: the size of the file, the number of packages and the
// length of names and versions are limited. Of a file that is cut off, the
// packages before the damage are kept.
//
// [Pipenv]: https://pipenv.pypa.io/en/latest/pipfile.html
package pipfilelock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/pydep"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest files, with the digests of the archives of 1,000 packages, have
// a few MiB.
const maxFile = 24 << 20

// Extractor reads Pipfile.lock. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "pipfilelock".
func (Extractor) Name() string { return "pipfilelock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/Pipfile.lock"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	data, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	p := parser{ctx: ctx, data: data, decoder: json.NewDecoder(bytes.NewReader(data)), line: 1, index: make(map[[3]string]int)}
	if err := p.file(); err != nil {
		if !p.damaged || len(p.facts.Packages) == 0 {
			return inventory.Facts{}, err
		}
		p.problems.Add("the file ends early or is damaged near byte %d: %v", p.decoder.InputOffset(), err)
	}
	p.facts.Declared = true
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// A parser collects the packages of a file.
type parser struct {
	ctx     context.Context
	data    []byte
	decoder *json.Decoder
	line    int   // of the byte at counted
	counted int64 // up to here lines were counted

	index    map[[3]string]int // packages by name, version and constraint
	facts    inventory.Facts
	problems lines.Problems
	damaged  bool // the error is one of JSON, not a limit or the context
}

// token returns the next token, and notes that the file is damaged where there
// is none.
func (p *parser) token() (json.Token, error) {
	token, err := p.decoder.Token()
	return token, p.note(err)
}

// note marks the file as damaged if err is not nil.
func (p *parser) note(err error) error {
	if err == nil {
		return nil
	}
	p.damaged = true
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// here returns the line of the token that was read last.
func (p *parser) here() int {
	offset := p.decoder.InputOffset()
	p.line += bytes.Count(p.data[p.counted:offset], []byte{'\n'})
	p.counted = offset
	return p.line
}

// object calls visit for each key of the object that comes next. visit reads
// the value. What is no object is told of and skipped.
func (p *parser) object(what string, visit func(key string) error) error {
	begin, err := p.token()
	if err != nil {
		return err
	}
	if begin != json.Delim('{') {
		if what == "" {
			return errors.New("not a JSON object")
		}
		p.problems.Add("%q is no object", lines.Clip(what))
		for depth := level(begin); depth > 0; {
			token, err := p.token()
			if err != nil {
				return err
			}
			depth += level(token)
		}
		return nil
	}
	for p.decoder.More() {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		key, err := p.token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		if err := visit(name); err != nil {
			return err
		}
	}
	_, err = p.token()
	return err
}

// level returns by how much a token changes the depth.
func level(token json.Token) int {
	switch token {
	case json.Delim('['), json.Delim('{'):
		return 1
	case json.Delim(']'), json.Delim('}'):
		return -1
	}
	return 0
}

// file reads the whole file.
func (p *parser) file() error {
	err := p.object("", func(category string) error {
		if category == "_meta" {
			var skipped json.RawMessage
			return p.note(p.decoder.Decode(&skipped))
		}
		development := category == "develop" || category != "default" && pydep.IsDevelopment(category)
		return p.object(category, func(name string) error {
			line := p.here()
			var value json.RawMessage
			if err := p.note(p.decoder.Decode(&value)); err != nil {
				return err
			}
			return p.add(name, line, development, value)
		})
	})
	if err != nil {
		return err
	}
	if _, err := p.decoder.Token(); err != io.EOF {
		p.damaged = true
		return errors.New("there is more after the object")
	}
	return nil
}

// A record is a package of the file. Its fields are decoded one by one, so that
// one of an unexpected type does not take the others with it.
type record struct {
	Version json.RawMessage `json:"version"`
	Git     json.RawMessage `json:"git"`
	Ref     json.RawMessage `json:"ref"`
	File    json.RawMessage `json:"file"`
	Path    json.RawMessage `json:"path"`
	Hashes  json.RawMessage `json:"hashes"`
}

// hashes returns the digest of the archive, if there is one alone.
func (r *record) hashes() []inventory.Hash {
	var list []string
	if json.Unmarshal(r.Hashes, &list) != nil || len(list) != 1 {
		return nil
	}
	return digest.Tagged(list[0])
}

// add takes one package.
func (p *parser) add(name string, line int, development bool, value json.RawMessage) error {
	var r record
	if json.Unmarshal(value, &r) != nil {
		p.problems.Add("package %q is no object", lines.Clip(name))
		return nil
	}
	pkg := inventory.Package{Type: "pypi", Name: name, Line: line, Development: development, Hashes: r.hashes()}
	constraint, git := text(r.Version), text(r.Git)
	if pkg.Version = pydep.Pinned(constraint); pkg.Version == "" {
		pkg.Constraint = constraint
	}
	file := text(r.File) + text(r.Path)
	switch {
	case git != "":
		pkg.Qualifiers = pydep.VCS("git", git, text(r.Ref))
		if pkg.Version == "" {
			pkg.Constraint, pkg.Qualifiers = pkg.Qualifiers["vcs_url"], nil
		}
	case file != "" && pkg.Version == "":
		pkg.Version = pydep.ArchiveVersion(name, file)
		switch {
		case pkg.Version != "":
		case pydep.IsLocal(file):
			p.facts.Ignored++
			return nil
		default:
			pkg.Constraint = pydep.CleanURL(file)
		}
	}
	if !pydep.Check(name, pkg.Version+pkg.Constraint, line, &p.problems) {
		return nil
	}
	// What is needed to run counts, where a package is in several categories.
	key := [3]string{pydep.Normalize(name), pkg.Version, pkg.Constraint}
	if i, ok := p.index[key]; ok {
		before := &p.facts.Packages[i]
		before.Development = before.Development && development
		if !slices.Equal(before.Hashes, pkg.Hashes) {
			before.Hashes = nil
		}
		return nil
	}
	if len(p.facts.Packages) >= pydep.MaxPackages {
		return pydep.ErrPackages
	}
	p.index[key] = len(p.facts.Packages)
	p.facts.Packages = append(p.facts.Packages, pkg)
	return nil
}

// text returns a JSON text without the white space around it. What is no text
// has none.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return strings.TrimSpace(s)
}
