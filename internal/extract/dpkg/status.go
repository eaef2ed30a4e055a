package dpkg

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/relation"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// readStatus reads a status file or a file of status.d.
func readStatus(ctx context.Context, r io.Reader, size int64) (inventory.Facts, error) {
	// Stanzas of half a kilobyte are short ones. The size is the image's word
	// for it, so the guess is bounded.
	p := parser{interned: make(map[string]string), guess: min(size>>9+1, 1024)}
	if err := lines.Each(ctx, r, maxFile, p.line); err != nil {
		return inventory.Facts{}, err
	}
	if err := p.flush(); err != nil {
		return inventory.Facts{}, err
	}
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// A parser collects the stanzas of a status file.
type parser struct {
	stanza   stanza // the one that is being read
	facts    inventory.Facts
	problems lines.Problems
	guess    int64             // of the number of packages
	interned map[string]string // values that most packages share

	names relation.Collector // of the stanza
	// A dependency field can go on in further lines, and its names may only
	// be read once all are there.
	relation []byte // the field so far, without the line ends
	kind     relation.Kind
	open     bool // the field is the one that was read last
}

// A stanza holds the fields of one package.
type stanza struct {
	begun     bool // there was a line
	malformed bool // there was a line that is no field
	hasStatus bool

	name, version, arch, source, status, maintainer string
}

// line takes the next line of the file.
func (p *parser) line(line []byte) error {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(line) == 0 {
		return p.flush()
	}
	if line[0] == ' ' || line[0] == '\t' {
		if p.open {
			return p.more(line)
		}
		return nil // more of a field such as Description; the others kept have one line
	}
	if err := p.endRelation(); err != nil {
		return err
	}
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		p.stanza.begun = true
		if !p.stanza.malformed {
			p.stanza.malformed = true
			p.problems.Add("a line of package %q is not a field: %q", lines.Clip(p.stanza.name), lines.Clip(line))
		}
		return nil
	}
	return p.field(line[:colon], bytes.TrimSpace(line[colon+1:]))
}

// field takes a field. The names of fields are compared without regard to
// case: https://www.debian.org/doc/debian-policy/ch-controlfields.html, 5.1.
func (p *parser) field(key, value []byte) error {
	var lower [len("architecture")]byte // the longest name of interest
	p.stanza.begun = true
	if len(key) > len(lower) {
		return nil
	}
	switch key[0] | 0x20 { // in lower case
	case 'p', 'v', 'a', 's', 'm', 'd':
	default:
		return nil // half of the fields end here
	}
	for i, c := range key {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	switch string(lower[:len(key)]) {
	case "package":
		// dpkg refuses a second name in a stanza. Were it to replace the
		// first, a stray line could hide a package.
		if first := p.stanza.name; first != "" {
			p.problems.Add("no blank line between packages %q and %q", lines.Clip(first), lines.Clip(value))
			if err := p.flush(); err != nil {
				return err
			}
			p.stanza.begun = true
		}
		p.stanza.name = string(value)
	case "version":
		p.stanza.version = string(value)
	case "architecture":
		p.stanza.arch = p.intern(value)
	case "source":
		p.stanza.source = string(value)
	case "maintainer":
		p.stanza.maintainer = p.intern(value)
	case "status":
		p.stanza.status, p.stanza.hasStatus = p.intern(value), true
	case "depends", "pre-depends":
		p.kind, p.open = relation.Requires, true
		return p.more(value)
	case "provides":
		p.kind, p.open = relation.Provides, true
		return p.more(value)
	}
	return nil
}

// more takes a line of a dependency field.
func (p *parser) more(line []byte) error {
	if len(line) > relation.MaxField-len(p.relation) {
		return fmt.Errorf("package %q: a field of more than %d bytes: %w", lines.Clip(p.stanza.name), relation.MaxField, inventory.ErrTooLarge)
	}
	p.relation = append(p.relation, line...)
	return nil
}

// endRelation takes the names of the dependency field that was read last.
func (p *parser) endRelation() error {
	if !p.open {
		return nil
	}
	err := p.names.Field(p.kind, p.relation)
	p.relation, p.open = p.relation[:0], false
	return err
}

// flush ends a stanza.
func (p *parser) flush() error {
	if err := p.endRelation(); err != nil {
		return err
	}
	s, names := p.stanza, p.names.Take()
	p.stanza = stanza{}
	if !s.begun {
		return nil
	}
	if s.name == "" {
		p.problems.Add("a record has no package name; its version is %q", lines.Clip(s.version))
		return nil
	}
	if s.hasStatus {
		present, known := onDisk(s.status)
		if !known {
			p.problems.Add("package %q has the unknown status %q; it is taken to be installed", lines.Clip(s.name), lines.Clip(s.status))
		} else if !present {
			p.facts.Ignored++
			return nil
		}
	}
	if s.version == "" {
		p.problems.Add("package %q has no version", lines.Clip(s.name))
		return nil
	}
	if len(p.facts.Packages) == maxPackages {
		return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
	}
	if names.Malformed != "" {
		p.problems.Add("a dependency of package %q has no name: %q", lines.Clip(s.name), names.Malformed)
	}
	if p.facts.Packages == nil {
		p.facts.Packages = make([]inventory.Package, 0, p.guess)
	}
	p.facts.Packages = append(p.facts.Packages, inventory.Package{
		Type:       "deb",
		Name:       s.name,
		Version:    s.version,
		Arch:       s.arch,
		Source:     source(s.source, s.name, s.version),
		Maintainer: s.maintainer,
		Requires:   names.Requires,
		Provides:   names.Provides,
	})
	return nil
}

// onDisk reports whether a package of the given Status has files on disk, and
// whether the status is one of dpkg's: see "Package states" in
// https://manpages.debian.org/stable/dpkg/dpkg.1.en.html.
//
// The third word decides, not the first: "deinstall ok installed" is a
// package that is to be removed one day and is there until then. A package
// that is only unpacked, or waits for a trigger, has its files in place, and
// they are as vulnerable as those of a configured one. Files of status.d have
// no Status at all: what they list is installed.
func onDisk(status string) (present, known bool) {
	if status == "install ok installed" { // nearly all
		return true, true
	}
	words := strings.Fields(status)
	if len(words) != 3 {
		return true, false
	}
	switch words[2] {
	case "installed", "half-installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending":
		return true, true
	case "not-installed", "config-files":
		return false, true
	}
	return true, false
}

// source reads a Source field, "NAME" or "NAME (VERSION)". Where it has no
// version the package's own is the source's; where it is absent so is the
// name. A package that was built again without a change of its source has a
// version that ends in "+b1" or the like; then the field states the source's
// version, and advisories are about that one.
// https://www.debian.org/doc/debian-policy/ch-controlfields.html, 5.6.1.
func source(field, name, version string) inventory.Source {
	src := inventory.Source{Name: name, Version: version}
	srcName, rest, _ := strings.Cut(field, "(")
	if srcName = strings.TrimSpace(srcName); srcName != "" {
		src.Name = srcName
	}
	srcVersion, _, _ := strings.Cut(rest, ")")
	if srcVersion = strings.TrimSpace(srcVersion); srcVersion != "" {
		src.Version = srcVersion
	}
	return src
}

// intern returns value as a string, the same one for equal values: a handful
// of maintainers and architectures serve a whole image. A file that has
// thousands of them gains nothing and is not given the memory.
func (p *parser) intern(value []byte) string {
	if s, ok := p.interned[string(value)]; ok {
		return s
	}
	s := string(value)
	if len(p.interned) < maxInterned {
		p.interned[s] = s
	}
	return s
}
