// Package gemfilelock reads Gemfile.lock and gems.locked, in which Bundler
// keeps the gems that it has chosen for a project. Files for other Gemfiles are
// called after them: Gemfile.next.lock, rails-7.gemfile.lock.
//
// The file has sections of lines that are indented by two, four and six blanks
// ([parser of Bundler]):
//
//	GEM
//	  remote: https://rubygems.org/
//	  specs:
//	    nokogiri (1.15.4-x86_64-linux)
//	      racc (~> 1.4)
//
//	DEPENDENCIES
//	  nokogiri (~> 1.15)
//
// The gems of GEM, GIT and "PLUGIN SOURCE" are packages. Those of PATH are the
// project itself or belong to it; what they require counts as required by the
// project. BUNDLED WITH is the version of Bundler, which comes with Ruby. Which
// group of the Gemfile a gem is in is not in the file. CHECKSUMS has the digests
// of the archives of gems: "  nokogiri (1.15.4-x86_64-linux) sha256=0123…".
//
// The content is hostile: the size of the file and the numbers of gems and
// dependencies are limited, and what exceeds a limit is an error. A line that
// cannot be understood is a problem.
//
// [parser of Bundler]: https://github.com/rubygems/rubygems/blob/master/bundler/lib/bundler/lockfile_parser.rb
package gemfilelock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest projects have 1,000 gems in 100 KiB.
const (
	maxFile     = 16 << 20
	maxGems     = 50_000
	maxRequires = 500_000
	// A name, version or platform that is longer is none.
	maxName = 1024
)

// Extractor reads lock files of Bundler. The zero value is ready, and safe for
// use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "gemfilelock".
func (Extractor) Name() string { return "gemfilelock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the names of the files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/Gemfile.lock"},
		{Glob: "**/gems.locked"},
		{Glob: "**/Gemfile.*.lock"},
		{Glob: "**/gemfiles/*.gemfile.lock"},
	}
}

// Extract returns the gems of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	p := parser{
		facts:    inventory.Facts{Declared: true},
		versions: make(map[string]string),
		direct:   make(map[string]bool),
		hashes:   make(map[entry][]inventory.Hash),
		last:     nowhere,
	}
	if err := lines.Each(ctx, f, maxFile, p.line); err != nil {
		return inventory.Facts{}, err
	}
	if p.text && !p.known {
		return inventory.Facts{}, errors.New("no section of a lock file of Bundler")
	}
	p.finish()
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// A section is what the lines of a section are.
type section uint8

const (
	other     section = iota
	rubygems          // GEM, PLUGIN SOURCE
	git               // GIT
	local             // PATH
	dependent         // DEPENDENCIES
	bundled           // BUNDLED WITH
	checksums         // CHECKSUMS
)

// sections are the headings whose lines are of interest. Those of others, such
// as PLATFORMS, are passed over, as Bundler does.
var sections = map[string]section{
	"GEM": rubygems, "PLUGIN SOURCE": rubygems, "GIT": git, "PATH": local,
	"DEPENDENCIES": dependent, "BUNDLED WITH": bundled,
	"PLATFORMS": other, "RUBY VERSION": other, "CHECKSUMS": checksums,
}

// What the last gem was, to which the dependencies below it belong.
const (
	nowhere = -1 - iota // no gem
	ofLocal             // a gem of PATH
)

// A parser collects the gems of a file.
type parser struct {
	facts    inventory.Facts
	problems lines.Problems
	number   int // of the line

	section          section
	remote, revision string // of GIT
	last             int    // index in facts.Packages, nowhere or ofLocal
	requires         int    // of all gems
	digests          int    // of all gems

	versions map[string]string // of each gem, "" if there are several
	direct   map[string]bool
	hashes   map[entry][]inventory.Hash
	text     bool // there was anything
	known    bool // there was a section
}

// line takes the next line of the file.
func (p *parser) line(raw []byte) error {
	p.number++
	if p.number == 1 {
		raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	}
	line := bytes.TrimRight(raw, " \t\r")
	if len(line) == 0 {
		return nil
	}
	p.text = true
	if line[0] != ' ' {
		p.heading(line)
		return nil
	}
	indent := len(line) - len(bytes.TrimLeft(line, " "))
	rest := strings.ToValidUTF8(string(line[indent:]), "\uFFFD")
	switch p.section {
	case dependent:
		e := parse(rest)
		if indent != 2 || e.name == "" {
			p.problems.Add("line %d is no dependency: %q", p.number, lines.Clip(rest))
			return nil
		}
		p.direct[e.name] = true
		if len(p.direct) > maxRequires {
			return fmt.Errorf("more than %d dependencies: %w", maxRequires, inventory.ErrTooLarge)
		}
	case checksums:
		return p.checksum(rest)
	case bundled:
		return p.add(inventory.Package{Type: "gem", Name: "bundler", Version: rest, Bundled: true})
	case rubygems, git, local:
		switch indent {
		case 2:
			p.option(rest)
		case 4:
			return p.spec(rest)
		case 6:
			return p.require(rest)
		default:
			p.problems.Add("line %d is indented by %d blanks: %q", p.number, indent, lines.Clip(rest))
		}
	}
	return nil
}

// heading takes a line that is not indented.
func (p *parser) heading(line []byte) {
	// The same section may be on both sides of a conflict.
	for _, mark := range []string{"<<<<<<<", "|||||||", "=======", ">>>>>>>"} {
		if bytes.HasPrefix(line, []byte(mark)) {
			p.problems.Add("line %d marks a conflict of versions of the file: %q", p.number, lines.Clip(line))
			return
		}
	}
	s, ok := sections[string(line)]
	p.known = p.known || ok
	p.section, p.remote, p.revision, p.last = s, "", "", nowhere
	if !ok && !isHeading(line) {
		p.problems.Add("line %d is no heading: %q", p.number, lines.Clip(line))
	}
}

// isHeading reports whether a line could be a heading of a later version of
// Bundler: capital letters and blanks.
func isHeading(line []byte) bool {
	for _, c := range line {
		if (c < 'A' || c > 'Z') && c != ' ' {
			return false
		}
	}
	return true
}

// option takes a line that tells where the gems come from.
func (p *parser) option(text string) {
	key, value, _ := strings.Cut(text, ": ")
	switch key {
	case "remote":
		p.remote = value
	case "revision":
		p.revision = value
	}
}

// An entry is a line "NAME (VERSION-PLATFORM)!". Behind the name of a
// dependency are requirements instead.
type entry struct{ name, version, platform string }

// parse splits an entry. The version has no hyphen, so that the first one
// begins the platform.
func parse(text string) entry {
	text = strings.TrimSuffix(text, "!")
	if strings.HasPrefix(text, "(") {
		return entry{}
	}
	name, rest, ok := strings.Cut(text, " (")
	e := entry{name: strings.TrimSpace(name)}
	if rest, closed := strings.CutSuffix(rest, ")"); ok && closed {
		e.version, e.platform, _ = strings.Cut(rest, "-")
	}
	return e
}

// spec takes a line that names a gem.
func (p *parser) spec(text string) error {
	e := parse(text)
	p.last = nowhere
	if p.section == local {
		p.last = ofLocal
		p.facts.Ignored++
		return nil
	}
	if e.name == "" || e.version == "" {
		p.problems.Add("line %d: gem %q has no name or no version", p.number, lines.Clip(text))
		return nil
	}
	pkg := inventory.Package{Type: "gem", Name: e.name, Version: e.version}
	if e.platform != "" && e.platform != "ruby" {
		pkg.Qualifiers = map[string]string{"platform": e.platform}
	}
	if p.section == git && p.remote != "" {
		url := "git+" + p.remote
		if p.revision != "" {
			url += "@" + p.revision
		}
		if pkg.Qualifiers == nil {
			pkg.Qualifiers = make(map[string]string)
		}
		pkg.Qualifiers["vcs_url"] = url
	}
	return p.add(pkg)
}

// add keeps a gem.
func (p *parser) add(pkg inventory.Package) error {
	if len(pkg.Name) > maxName || len(pkg.Version) > maxName || len(pkg.Qualifiers["platform"]) > maxName || len(pkg.Qualifiers["vcs_url"]) > 4*maxName {
		p.problems.Add("line %d: name, version or source of gem %q is too long", p.number, lines.Clip(pkg.Name))
		return nil
	}
	if len(p.facts.Packages) == maxGems {
		return fmt.Errorf("more than %d gems: %w", maxGems, inventory.ErrTooLarge)
	}
	pkg.Line = p.number
	p.last = len(p.facts.Packages)
	p.facts.Packages = append(p.facts.Packages, pkg)
	if version, ok := p.versions[pkg.Name]; ok && version != pkg.Version {
		p.versions[pkg.Name] = ""
	} else {
		p.versions[pkg.Name] = pkg.Version
	}
	return nil
}

// require takes a line that names what the last gem requires.
func (p *parser) require(text string) error {
	e := parse(text)
	if e.name == "" || len(e.name) > maxName {
		p.problems.Add("line %d is no dependency: %q", p.number, lines.Clip(text))
		return nil
	}
	if p.requires++; p.requires > maxRequires {
		return fmt.Errorf("more than %d dependencies: %w", maxRequires, inventory.ErrTooLarge)
	}
	switch {
	case p.last == ofLocal:
		p.direct[e.name] = true
	case p.last >= 0:
		pkg := &p.facts.Packages[p.last]
		pkg.Requires = append(pkg.Requires, e.name)
	}
	return nil
}

// checksum takes a line of CHECKSUMS. Bundler leaves the digests away where it
// does not know them.
func (p *parser) checksum(text string) error {
	i := strings.LastIndex(text, ") ")
	if i < 0 {
		return nil
	}
	e := parse(text[:i+1])
	for tagged := range strings.SplitSeq(text[i+2:], ",") {
		if p.digests++; p.digests > maxGems {
			return fmt.Errorf("more than %d checksums: %w", maxGems, inventory.ErrTooLarge)
		}
		if list := digest.Tagged(tagged); len(list) > 0 {
			p.hashes[e] = append(p.hashes[e], list...)
		}
	}
	return nil
}

// finish sets what is known only at the end.
func (p *parser) finish() {
	seen := make(map[string]bool)
	for i := range p.facts.Packages {
		pkg := &p.facts.Packages[i]
		switch {
		case p.direct[pkg.Name]:
			pkg.Relation = inventory.Direct
		case !pkg.Bundled:
			pkg.Relation = inventory.Transitive
		}
		// What is from a repository has no archive.
		if pkg.Qualifiers["vcs_url"] == "" {
			pkg.Hashes = digest.Agreed(slices.Clone(p.hashes[entry{pkg.Name, pkg.Version, pkg.Qualifiers["platform"]}]))
		}
		clear(seen)
		requires := pkg.Requires[:0]
		for _, name := range pkg.Requires {
			if seen[name] {
				continue
			}
			seen[name] = true
			if version := p.versions[name]; version != "" {
				name += "@" + version
			}
			requires = append(requires, name)
		}
		pkg.Requires = requires
	}
}
