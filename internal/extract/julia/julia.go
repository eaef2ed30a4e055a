// Package julia reads what tells of the packages of Julia that are installed:
// Project.toml in the folder of a package below a depot, which Pkg calls
// packages/NAME/SLUG, and of those that come with Julia, stdlib/vX.Y/NAME.
//
// The file is [TOML]. Of interest are name, uuid and version, and the names in
// the table deps. Packages *_jll hold libraries written in other languages,
// and their version is that of the library.
//
// Packages of the standard library have a version of their own where they are
// developed apart from Julia, and all since Julia 1.11. One that has none is a
// part of Julia and is not counted as a package. A file without a name is of
// an environment, not of a package.
//
// The content is hostile: the size of the file and the number of dependencies
// are limited, and what exceeds a limit is an error.
//
// [TOML]: https://pkgdocs.julialang.org/v1/toml-files/
package julia

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	// The largest have some hundred dependencies: 20 KiB.
	maxFile = 4 << 20
	maxDeps = 10_000
	// A name, version or uuid that is longer is none.
	maxValue = 1024
)

// Extractor reads Project.toml of installed packages. The zero value is ready,
// and safe for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "julia".
func (Extractor) Name() string { return "julia" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns where the files of installed packages are. The name of the
// file may be JuliaProject.toml, which Julia prefers.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/packages/*/*/Project.toml"},
		{Glob: "**/packages/*/*/JuliaProject.toml"},
		{Glob: "**/stdlib/v*/*/Project.toml"},
	}
}

// stdlib matches the folder of the standard library, and depot a folder of a
// depot: the slug is four or five letters and digits of a hash.
var (
	stdlib = regexp.MustCompile(`(?:^|/)stdlib/v[0-9]+\.[0-9]+/[^/]+/[^/]+$`)
	depot  = regexp.MustCompile(`(?:^|/)packages/[^/]+/[0-9A-Za-z]{4,5}/[^/]+$`)
)

// Extract returns the package that the file is of. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	bundled := stdlib.MatchString(f.Path())
	if !bundled && !depot.MatchString(f.Path()) {
		// Folders of this name are common in sources.
		return inventory.Facts{Ignored: 1}, nil
	}
	var p project
	if err := lines.Each(ctx, f, maxFile, p.line); err != nil {
		return inventory.Facts{}, err
	}
	var problems lines.Problems
	var facts inventory.Facts
	switch {
	case p.name == "" && p.uuid == "", p.version == "" && bundled:
		facts.Ignored = 1
	case p.name == "":
		problems.Add("the package with uuid %q has no name", lines.Clip(p.uuid))
	case p.version == "":
		problems.Add("package %q has no version", lines.Clip(p.name))
	case len(p.name) > maxValue || len(p.version) > maxValue || len(p.uuid) > maxValue:
		problems.Add("name, version or uuid of package %q is longer than %d bytes", lines.Clip(p.name), maxValue)
	default:
		pkg := inventory.Package{Type: "julia", Name: p.name, Version: p.version, Bundled: bundled, Requires: p.deps}
		if p.uuid != "" {
			pkg.Qualifiers = map[string]string{"uuid": p.uuid}
		}
		facts.Packages = []inventory.Package{pkg}
	}
	facts.Problems = problems.List()
	return facts, nil
}

// A project holds what is of interest in the file.
type project struct {
	table string // the one that lines belong to, empty at the beginning
	quote string // the end of a text of many lines that has not ended

	name, uuid, version string
	deps                []string
	seen                map[string]bool
}

var (
	header = regexp.MustCompile(`^\s*\[\s*([^\[\]]*?)\s*\]\s*(?:#.*)?$`)
	// entry is a key with a text, in which no escape is of interest.
	entry = regexp.MustCompile(`^\s*(?:"([^"\\]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*=\s*(?:"([^"\\]*)"|'([^']*)')\s*(?:#.*)?$`)
)

// line takes the next line of the file.
func (p *project) line(raw []byte) error {
	line := strings.ToValidUTF8(string(bytes.TrimSuffix(raw, []byte{'\r'})), "\uFFFD")
	line = strings.TrimPrefix(line, "\ufeff")
	if p.quote != "" {
		_, after, ended := strings.Cut(line, p.quote)
		if !ended {
			return nil
		}
		line, p.quote = after, ""
	}
	for _, quote := range []string{`"""`, `'''`} {
		if _, after, begun := strings.Cut(line, quote); begun && !strings.Contains(after, quote) {
			p.quote = quote
			return nil
		}
	}
	if m := header.FindStringSubmatch(line); m != nil {
		p.table = strings.Trim(m[1], `"'`)
		return nil
	}
	if strings.HasPrefix(line, "[[") {
		p.table = "an array"
		return nil
	}
	m := entry.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	return p.entry(m[1]+m[2]+m[3], strings.TrimSpace(m[4]+m[5]))
}

// entry takes a key and its text.
func (p *project) entry(key, value string) error {
	switch p.table {
	case "":
		switch key {
		case "name":
			p.name = value
		case "uuid":
			p.uuid = value
		case "version":
			p.version = value
		}
	case "deps":
		if key == "" || p.seen[key] {
			return nil
		}
		if len(p.deps) == maxDeps {
			return fmt.Errorf("more than %d dependencies: %w", maxDeps, inventory.ErrTooLarge)
		}
		if p.seen == nil {
			p.seen = make(map[string]bool)
		}
		p.seen[key] = true
		p.deps = append(p.deps, key)
	}
	return nil
}
