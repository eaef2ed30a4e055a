// Package requirements reads requirements files of pip, in the [format] that
// pip documents: requirements.txt and files called like it, and those in a
// folder "requirements".
//
// A line is a dependency specifier, the URL or path of an archive, or options.
// What is pinned by "==" or "===", or is an archive whose name tells it, has a
// version; anything else has a constraint. Folders, with or without -e, are
// parts of the project. Conditions after a semicolon are not evaluated: the
// package counts. What a constraints file lists is only bounded by it and not
// asked for, and is counted alone. A file that -r names is seen on its own if
// it is called like one of these, and is a problem if not. The digest of an
// archive is taken where there is one --hash alone, or where it is behind the
// "#" of an address.
//
// What pip-compile and uv leave in comments ("# via flask") tells why a package
// is there, and so what needs it. Without it, a requirement that is not pinned
// was written by hand, and is direct. Files, and folders around them, that are
// called after development ("requirements-dev.txt", "docs") are for it.
//
// The content is hostile: the size of the file, of lines and of what is kept of
// them, and the number of requirements are limited.
//
// [format]: https://pip.pypa.io/en/stable/reference/requirements-file-format/
package requirements

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf16"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/pydep"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest files, with the digests of all archives of 1,000 packages, have
// a few MiB.
const (
	maxFile  = 64 << 20
	maxUTF16 = 16 << 20 // such a file is read at once
	// A requirement with its digests goes over up to some 200 lines.
	maxLogical = 1 << 20
	maxEntries = 100_000
	maxVia     = 500_000
)

// Extractor reads requirements files. The zero value is ready, and safe for use
// by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "requirements".
func (Extractor) Name() string { return "requirements" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the usual names of requirements files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/requirements*.txt"},
		{Glob: "**/*requirements.txt"},
		{Glob: "**/requirements/*.txt"},
		{Glob: "**/constraints*.txt"},
	}
}

// isRead reports whether a file matches one of the patterns.
func isRead(file string) bool {
	dir, base := path.Split(file)
	base, ok := strings.CutSuffix(base, ".txt")
	return ok && (strings.HasPrefix(base, "requirements") || strings.HasSuffix(base, "requirements") ||
		strings.HasPrefix(base, "constraints") || path.Base(dir) == "requirements")
}

// Extract returns what the file asks for. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	r, err := decoded(ctx, f)
	if err != nil {
		return inventory.Facts{}, err
	}
	dir, base := path.Split(f.Path())
	p := parser{
		dir:         dir,
		constraints: strings.Contains(base, "constraints"),
		last:        -1,
	}
	switch path.Base(dir) {
	case "doc", "docs", "test", "tests":
		p.development = true
	default:
		p.development = pydep.IsDevelopment(strings.TrimSuffix(base, ".txt"))
	}
	if err := lines.Each(ctx, r, maxFile, p.physical); err != nil {
		return inventory.Facts{}, err
	}
	if err := p.flush(); err != nil {
		return inventory.Facts{}, err
	}
	p.resolve()
	p.facts.Declared = true
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// decoded returns the text of the file. pip knows the encoding by a byte order
// mark, as Windows writes it, or by a comment; those that a comment may name
// have ASCII in common, and what is of interest is ASCII.
func decoded(ctx context.Context, f *inventory.File) (io.Reader, error) {
	head, err := f.Peek(3)
	if err != nil {
		return nil, err
	}
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return f, nil
	}
	data, err := bounded.ReadAll(ctx, f, maxUTF16)
	if err != nil {
		return nil, err
	}
	if len(data)%2 != 0 {
		return nil, errors.New("UTF-16 with half a character")
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}
	return strings.NewReader(string(utf16.Decode(units))), nil
}

// A parser collects the requirements of a file.
type parser struct {
	dir         string
	constraints bool
	development bool

	line    int // of the physical line
	first   int // of the logical line, where one has begun
	logical []byte
	begun   bool

	last  int  // the requirement that a comment is on, -1 for none
	inVia bool // the comment says why it is there
	via   []via
	facts inventory.Facts

	problems lines.Problems
}

// A via says that a requirement is there because of another one.
type via struct {
	parent string
	child  int
}

// physical takes one line of the file. One that ends with a backslash goes on
// in the next one, except for a comment.
func (p *parser) physical(line []byte) error {
	if p.line++; p.line == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	line = bytes.TrimSuffix(line, []byte{'\r'})
	text := bytes.TrimLeft(line, " \t")
	isComment := len(text) > 0 && text[0] == '#'
	switch {
	case isComment && !p.begun:
		p.comment(string(text[1:]))
		return nil
	case !isComment && bytes.HasSuffix(line, []byte{'\\'}):
		return p.join(bytes.Trim(line, `\`))
	case isComment:
		line = append([]byte{' '}, line...) // so that it stays one
	}
	if err := p.join(line); err != nil {
		return err
	}
	return p.flush()
}

// join adds to the logical line.
func (p *parser) join(part []byte) error {
	if !p.begun {
		p.begun, p.first = true, p.line
	}
	if len(part) > maxLogical-len(p.logical) {
		return fmt.Errorf("a requirement of more than %d bytes: %w", maxLogical, inventory.ErrTooLarge)
	}
	p.logical = append(p.logical, part...)
	return nil
}

// flush ends the logical line.
func (p *parser) flush() error {
	if !p.begun {
		return nil
	}
	text := strings.ToValidUTF8(string(p.logical), "\uFFFD")
	p.logical, p.begun = p.logical[:0], false
	p.last, p.inVia = -1, false
	text, comment := cutComment(text)
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	if err := p.take(text); err != nil {
		return err
	}
	if comment != "" {
		p.comment(comment)
	}
	return nil
}

// cutComment splits a line at a number sign at its beginning or after white
// space.
func cutComment(s string) (text, comment string) {
	for i := range len(s) {
		if s[i] == '#' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t') {
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}
