package python

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A metadata holds the fields of a distribution that are of interest.
type metadata struct {
	fields int  // how many lines were one
	lisp   bool // the first line begins with a parenthesis or a comment of Lisp

	name, version                                       string
	expression, license                                 string
	licenseText                                         bool     // of more than one line
	classifiers                                         []string // those of licences, their last part
	maintainers, maintainerEmail, authors, authorsEmail string
	requires, provides                                  []string
}

// errEndOfFields ends reading at the first blank line.
var errEndOfFields = errors.New("end of the fields")

// readMetadata reads the fields at the beginning of r.
func readMetadata(ctx context.Context, r io.Reader) (metadata, error) {
	var m metadata
	inLicense := false // the next line may continue it
	n := 0
	err := lines.Each(ctx, r, maxMetadata, func(line []byte) error {
		if n++; n == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
			m.lisp = len(line) > 0 && (line[0] == '(' || line[0] == ';')
		}
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 {
			if m.fields == 0 {
				return nil // not yet begun
			}
			return errEndOfFields
		}
		if line[0] == ' ' || line[0] == '\t' {
			// The value goes on. It matters of a licence only, and of that
			// only that it does.
			if inLicense && len(bytes.TrimSpace(line)) > 0 {
				m.licenseText = true
			}
			return nil
		}
		key, value, ok := bytes.Cut(line, []byte{':'})
		if !ok {
			// Some have a text whose lines are not indented.
			return nil
		}
		m.fields++
		name := strings.ToLower(string(key))
		inLicense = name == "license" && m.license == ""
		return m.field(name, clean(value))
	})
	if err != nil && !errors.Is(err, errEndOfFields) {
		return metadata{}, err
	}
	return m, nil
}

// clean returns a value without space around it, and valid UTF-8: old
// metadata are in any encoding.
func clean(value []byte) string {
	return strings.ToValidUTF8(string(bytes.TrimSpace(value)), "\uFFFD")
}

// field takes one field, by its name in lower case. The first one counts where
// there are more, as for Python, so that text with colons does not replace
// what was said above it.
func (m *metadata) field(key, value string) error {
	if single := m.single(key); single != nil {
		if *single == "" {
			*single = value
		}
		return nil
	}
	switch key {
	case "classifier":
		if parts := strings.Split(value, " :: "); parts[0] == "License" && len(parts) > 1 {
			// This one is only the heading of others.
			if name := strings.TrimSpace(parts[len(parts)-1]); name != "OSI Approved" {
				m.classifiers = append(m.classifiers, name)
			}
		}
	case "requires-dist":
		m.requires = append(m.requires, value)
	case "provides-dist":
		m.provides = append(m.provides, value)
	}
	if n := len(m.classifiers) + len(m.requires) + len(m.provides); n > maxRequires {
		return fmt.Errorf("more than %d requirements: %w", maxRequires, inventory.ErrTooLarge)
	}
	return nil
}

// single returns where the value of a field is kept that there is once.
func (m *metadata) single(key string) *string {
	switch key {
	case "name":
		return &m.name
	case "version":
		return &m.version
	case "license-expression":
		return &m.expression
	case "license":
		return &m.license
	case "maintainer":
		return &m.maintainers
	case "maintainer-email":
		return &m.maintainerEmail
	case "author":
		return &m.authors
	case "author-email":
		return &m.authorsEmail
	}
	return nil
}

// maxLicense is the length in bytes of the longest name of a licence. What is
// longer is its text.
const maxLicense = 256

// licenses returns what is declared: an expression, as of metadata 2.4, or a
// name, or the classifiers that tell of licences. Many put the text of the
// licence where its name belongs.
func (m *metadata) licenses() []string {
	switch {
	case m.expression != "":
		return []string{m.expression}
	case isKnown(m.license) && len(m.license) <= maxLicense && !m.licenseText:
		return []string{m.license}
	}
	return once(m.classifiers)
}

// maintainer returns who is to be asked, an address before a name.
func (m *metadata) maintainer() string {
	for _, s := range []string{m.maintainerEmail, m.maintainers, m.authorsEmail, m.authors} {
		if isKnown(s) {
			return s
		}
	}
	return ""
}

// isKnown reports whether a value says something. Old setuptools write
// "UNKNOWN" where they were told nothing.
func isKnown(value string) bool { return value != "" && value != "UNKNOWN" }

// once returns the strings that are not empty, each once.
func once(list []string) []string {
	var kept []string
	seen := make(map[string]bool)
	for _, s := range list {
		if s != "" && !seen[s] {
			seen[s] = true
			kept = append(kept, s)
		}
	}
	return kept
}
