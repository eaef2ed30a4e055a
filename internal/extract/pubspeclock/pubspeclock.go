// Package pubspeclock reads pubspec.lock, in which pub, the package manager of
// Dart and Flutter, keeps what it has chosen for a project. pub writes the same
// part of YAML always ([sources of pub]), which is all that is understood here:
//
//	packages:
//	  crypto:
//	    dependency: "direct main"
//	    description:
//	      name: crypto
//	      sha256: "0123…"
//	      url: "https://pub.dev"
//	    source: hosted
//	    version: "3.0.2"
//
// A dependency is "direct main", "direct dev", "direct overridden" or
// "transitive". What is transitive is not told to be for development or not.
// Packages of source hosted and git count. Those of source sdk come with the
// SDK, under whose version they are, and those of source path belong to the
// project. The digest, which pub writes since Dart 2.19, is of the archive.
//
// The content is hostile: the size of the file and the number of packages are
// limited, and what exceeds a limit is an error.
//
// [sources of pub]: https://github.com/dart-lang/pub/blob/master/lib/src/lock_file.dart
package pubspeclock

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	// The largest projects have some hundred packages in 50 KiB.
	maxFile     = 4 << 20
	maxPackages = 50_000
	// A name or version that is longer is none.
	maxName = 1024
)

// Extractor reads pubspec.lock. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "pubspeclock".
func (Extractor) Name() string { return "pubspeclock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/pubspec.lock"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	p := parser{facts: inventory.Facts{Declared: true}}
	if err := lines.Each(ctx, f, maxFile, p.line); err != nil {
		return inventory.Facts{}, err
	}
	p.end()
	if p.text && !p.known {
		return inventory.Facts{}, errors.New("no packages")
	}
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// A parser collects the packages of a file.
type parser struct {
	facts    inventory.Facts
	problems lines.Problems
	number   int // of the line
	records  int

	within  bool   // of packages
	entry   *entry // that is not at its end
	section string // of the entry: "description"
	text    bool   // there was anything
	known   bool   // there was "packages"
}

// An entry is a package of the file.
type entry struct {
	name, dependency, source, version string
	described, url, revision, sha256  string // in the description
	line                              int
}

// line takes the next line of the file.
func (p *parser) line(raw []byte) error {
	p.number++
	line := strings.TrimRight(strings.ToValidUTF8(string(raw), "\uFFFD"), " \t\r")
	if p.number == 1 {
		line = strings.TrimPrefix(line, "\ufeff")
	}
	rest := strings.TrimLeft(line, " ")
	if rest == "" || rest[0] == '#' {
		return nil
	}
	p.text = true
	indent := len(line) - len(rest)
	key, value, ok := cut(rest)
	if indent == 0 {
		p.end()
		p.within = ok && key == "packages"
		p.known = p.known || p.within
		return nil
	}
	switch {
	case !p.within:
	case !ok:
		p.problems.Add("line %d cannot be understood: %q", p.number, lines.Clip(rest))
	case indent == 2:
		p.end()
		if p.records++; p.records > maxPackages {
			return fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
		}
		p.entry = &entry{name: key, line: p.number}
	case p.entry == nil:
		p.problems.Add("line %d belongs to no package: %q", p.number, lines.Clip(rest))
	case indent == 4:
		p.section = ""
		switch key {
		case "dependency":
			p.entry.dependency = value
		case "description":
			p.section = key
		case "source":
			p.entry.source = value
		case "version":
			p.entry.version = value
		}
	case indent == 6 && p.section == "description":
		switch key {
		case "name":
			p.entry.described = value
		case "url":
			p.entry.url = value
		case "resolved-ref":
			p.entry.revision = value
		case "sha256":
			p.entry.sha256 = value
		}
	}
	return nil
}

// cut splits "key: value", either of which may be in quotes.
func cut(text string) (key, value string, ok bool) {
	if text[0] == '"' || text[0] == '\'' {
		key, value, ok = strings.Cut(text[1:], text[:1])
		if ok {
			value, ok = strings.CutPrefix(value, ":")
		}
	} else if key, value, ok = strings.Cut(text, ": "); !ok {
		key, ok = strings.CutSuffix(text, ":")
	}
	return key, scalar(strings.TrimSpace(value)), ok && key != ""
}

// scalar returns the text of a value in one line.
func scalar(value string) string {
	if value != "" && (value[0] == '"' || value[0] == '\'') {
		value, _, _ = strings.Cut(value[1:], value[:1])
		return value
	}
	value, _, _ = strings.Cut(value, " #")
	return strings.TrimSpace(value)
}

// end takes the package that was read.
func (p *parser) end() {
	e := p.entry
	p.entry, p.section = nil, ""
	if e == nil {
		return
	}
	pkg := inventory.Package{Type: "pub", Name: e.name, Version: e.version, Line: e.line}
	switch e.source {
	case "hosted":
		if e.described != "" {
			pkg.Name = e.described
		}
		pkg.Hashes = digest.Hex("SHA-256", e.sha256)
	case "git":
		if e.url != "" {
			url := "git+" + e.url
			if e.revision != "" {
				url += "@" + e.revision
			}
			pkg.Qualifiers = map[string]string{"vcs_url": url}
		}
	case "sdk", "path":
		p.facts.Ignored++
		return
	default:
		p.problems.Add("line %d: package %q is of no source that is known: %q", e.line, lines.Clip(e.name), lines.Clip(e.source))
		return
	}
	switch {
	case strings.HasPrefix(e.dependency, "direct"):
		pkg.Relation = inventory.Direct
		pkg.Development = e.dependency == "direct dev"
	case e.dependency == "transitive":
		pkg.Relation = inventory.Transitive
	}
	switch {
	case pkg.Version == "":
		p.problems.Add("package %q has no version", lines.Clip(pkg.Name))
	case len(pkg.Name) > maxName || len(pkg.Version) > maxName || len(pkg.Qualifiers["vcs_url"]) > 4*maxName:
		p.problems.Add("line %d: name, version or source of package %q is too long", e.line, lines.Clip(pkg.Name))
	default:
		p.facts.Packages = append(p.facts.Packages, pkg)
	}
}
