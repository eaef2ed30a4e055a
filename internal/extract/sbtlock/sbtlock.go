// Package sbtlock reads the lock files of sbt-dependency-lock, a plugin of the
// build tool sbt: build.sbt.lock, and one named after each further project.
//
// A [lock file] is a JSON object, whose member "dependencies" lists the
// packages with "org", "name", "version" and the "configurations" that need
// them. Which of them the project asks for itself is not recorded. Packages
// that no configuration needs but those of tests and tools and "provided"
// are for development.
//
// The content is hostile: the file's size, the number of packages and the
// length of names are limited. Of a file that is cut off, the packages before
// the damage are kept.
//
// [lock file]: https://stringbean.github.io/sbt-dependency-lock/file-formats/version-1.html
package sbtlock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A large build has some 1,000 packages and 500 KiB.
const (
	maxFile     = 32 << 20
	maxPackages = 100_000
	maxName     = 512
)

// Extractor reads lock files. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "sbtlock".
func (Extractor) Name() string { return "sbtlock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the names of the files. They all end in ".sbt.lock".
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/*.sbt.lock"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	data, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	p := parser{ctx: ctx, data: data, line: 1, decoder: json.NewDecoder(bytes.NewReader(data))}
	p.facts.Declared = true
	if err := p.file(); err != nil {
		if !p.damaged || len(p.facts.Packages) == 0 {
			return inventory.Facts{}, err
		}
		p.problems.Add("the file ends early or is damaged near byte %d: %v", p.decoder.InputOffset(), err)
	}
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// A parser collects the packages of a file.
type parser struct {
	ctx      context.Context
	data     []byte
	decoder  *json.Decoder
	line     int // at the byte before that
	counted  int // bytes
	records  int
	facts    inventory.Facts
	problems lines.Problems
	damaged  bool // the error is one of JSON, not a limit or the context
}

// file reads the whole file.
func (p *parser) file() error {
	top, err := p.token()
	if err != nil {
		return err
	}
	if top != json.Delim('{') {
		return errors.New("the file is no object")
	}
	known := false
	for p.decoder.More() {
		key, err := p.token()
		if err != nil {
			return err
		}
		if key != "dependencies" {
			var value json.RawMessage
			if err := p.note(p.decoder.Decode(&value)); err != nil {
				return err
			}
			continue
		}
		known = true
		if begin, err := p.token(); err != nil {
			return err
		} else if begin != json.Delim('[') {
			return errors.New("dependencies is not a list")
		}
		if err := p.list(); err != nil {
			return err
		}
	}
	if _, err := p.token(); err != nil {
		return err
	}
	if !known {
		return errors.New("no list of dependencies")
	}
	if _, err := p.decoder.Token(); err != io.EOF {
		p.damaged = true
		return errors.New("there is more after the object")
	}
	return nil
}

// token returns the next token.
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

// list reads packages up to the closing bracket.
func (p *parser) list() error {
	for p.decoder.More() {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		if p.records++; p.records > maxPackages {
			return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
		}
		var record json.RawMessage
		if err := p.note(p.decoder.Decode(&record)); err != nil {
			return err
		}
		p.add(record, p.lineAt(int(p.decoder.InputOffset())-len(record)))
	}
	_, err := p.token()
	return err
}

// lineAt returns the line of a byte that is not before the last one asked for.
func (p *parser) lineAt(offset int) int {
	p.line += bytes.Count(p.data[p.counted:offset], []byte{'\n'})
	p.counted = offset
	return p.line
}

// A record is a package of the file. Its fields are decoded one by one, so
// that one of an unexpected type does not take the others with it.
type record struct {
	Org            json.RawMessage `json:"org"`
	Name           json.RawMessage `json:"name"`
	Version        json.RawMessage `json:"version"`
	Configurations json.RawMessage `json:"configurations"`
}

// add takes one package.
func (p *parser) add(data []byte, line int) {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		p.problems.Add("line %d: not a package: %q", line, lines.Clip(data))
		return
	}
	org, name, version := text(r.Org), text(r.Name), text(r.Version)
	label := org + ":" + name
	switch {
	case org == "" || name == "":
		p.problems.Add("line %d: package %q has no name", line, lines.Clip(label))
		return
	case version == "":
		p.problems.Add("line %d: package %q has no version", line, lines.Clip(label))
		return
	case len(label) > maxName || len(version) > maxName:
		p.problems.Add("line %d: the name or version of package %q is too long", line, lines.Clip(label))
		return
	}
	p.facts.Packages = append(p.facts.Packages, inventory.Package{
		Type:        "maven",
		Namespace:   org,
		Name:        name,
		Version:     version,
		Development: development(r.Configurations),
		Line:        line,
	})
}

// development reports whether there are configurations in a list, and none but
// those of development. sbt calls the configuration of integration tests "it".
func development(value json.RawMessage) bool {
	var configurations []string
	if json.Unmarshal(value, &configurations) != nil {
		return false
	}
	for _, name := range configurations {
		switch name {
		case "test", "test-internal", "it", "provided", "plugin", "scala-tool", "scala-doc-tool":
		default:
			return false
		}
	}
	return len(configurations) > 0
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
