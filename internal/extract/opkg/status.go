package opkg

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/relation"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A parser collects the stanzas of a status or control file.
type parser struct {
	stanza   stanza // the one that is being read
	facts    inventory.Facts
	problems lines.Problems

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

	name, version, arch, status, maintainer, licence, cpe string
}

// line takes the next line of the file.
func (p *parser) line(line []byte) error {
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
	p.stanza.begun = true
	key, value, ok := bytes.Cut(line, []byte{':'})
	if !ok || len(key) == 0 {
		if !p.stanza.malformed {
			p.stanza.malformed = true
			p.problems.Add("a line of package %q is not a field: %q", lines.Clip(p.stanza.name), lines.Clip(line))
		}
		return nil
	}
	return p.field(key, bytes.TrimSpace(value))
}

// field takes a field.
func (p *parser) field(key, value []byte) error {
	s := &p.stanza
	const longest = len("architecture") // of the names of interest
	if len(key) > longest {
		return nil
	}
	switch strings.ToLower(string(key)) {
	case "package":
		// opkg writes one name in a stanza. Were a second one to replace the
		// first, a stray line could hide a package.
		if first := s.name; first != "" {
			p.problems.Add("no blank line between packages %q and %q", lines.Clip(first), lines.Clip(value))
			if err := p.flush(); err != nil {
				return err
			}
			s.begun = true
		}
		s.name = string(value)
	case "version":
		s.version = string(value)
	case "architecture":
		s.arch = string(value)
	case "status":
		s.status = string(value)
	case "maintainer":
		s.maintainer = string(value)
	case "license":
		s.licence = string(value)
	case "cpe-id":
		s.cpe = string(value)
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
	present, known := onDisk(s.status)
	if !known {
		p.problems.Add("package %q has the unknown status %q; it is taken to be installed", lines.Clip(s.name), lines.Clip(s.status))
	} else if !present {
		p.facts.Ignored++
		return nil
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
	pkg := inventory.Package{
		Type:       "opkg",
		Name:       s.name,
		Version:    s.version,
		Arch:       s.arch,
		Maintainer: s.maintainer,
		Requires:   names.Requires,
		Provides:   names.Provides,
	}
	if s.licence != "" {
		pkg.Licenses = []string{s.licence}
	}
	if s.cpe != "" {
		name, ok := formatCPE(s.cpe)
		if ok {
			pkg.CPEs = []string{name}
		} else {
			p.problems.Add("the CPE-ID of package %q is not one: %q", lines.Clip(s.name), lines.Clip(s.cpe))
		}
	}
	p.facts.Packages = append(p.facts.Packages, pkg)
	return nil
}

// onDisk reports whether a package of the given Status has files on disk, and
// whether the status is one of opkg's. As with dpkg, of which opkg has the
// field, the third word decides. A control file has no Status: what it
// describes is installed.
func onDisk(status string) (present, known bool) {
	if status == "" {
		return true, true
	}
	words := strings.Fields(status)
	if len(words) != 3 {
		return true, false
	}
	switch words[2] {
	case "installed", "half-installed", "unpacked", "half-configured", "post-inst-failed", "removal-failed":
		return true, true
	case "not-installed", "config-files":
		return false, true
	}
	return true, false
}

// formatCPE turns a CPE of version 2.2, "cpe:/a:vendor:product", as OpenWrt
// writes it, into one of version 2.3. Parts that are not there are "*": the
// version is that of the package.
// NIST IR 7695, sections 6.1.2 and 6.2.
func formatCPE(uri string) (string, bool) {
	if strings.HasPrefix(uri, "cpe:2.3:") {
		if strings.Count(uri, ":") < 4 {
			return "", false
		}
		return uri, true
	}
	const (
		fields  = 11 // after "cpe:2.3:"
		binding = 7  // the most that a URI has
	)
	rest, ok := strings.CutPrefix(uri, "cpe:/")
	parts := strings.Split(rest, ":")
	if !ok || len(parts) < 3 || len(parts) > binding || parts[1] == "" || parts[2] == "" {
		return "", false
	}
	switch parts[0] {
	case "a", "o", "h":
	default:
		return "", false
	}
	out := []string{"cpe", "2.3"}
	for i := range fields {
		part := "*"
		if i < len(parts) && parts[i] != "" {
			text, err := url.PathUnescape(parts[i])
			if err != nil {
				return "", false
			}
			part = quoteCPE(text)
		}
		out = append(out, part)
	}
	return strings.Join(out, ":"), true
}

// quoteCPE quotes all but letters, digits, "_", "-" and "." with a backslash.
func quoteCPE(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-', c == '.', c >= 0x80:
		default:
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}
