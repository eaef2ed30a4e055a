// Package gem reads what RubyGems and Bundler leave of the gems that they
// install: specifications/NAME-VERSION.gemspec, and in the folder default
// below it those of the gems that came with Ruby. Of gems that Bundler took
// from a repository of sources it reads the specification in the checkout,
// below bundler/gems.
//
// A [specification] is a program in Ruby. RubyGems writes it as assignments of
// literals, after a comment for itself:
//
//	# stub: NAME VERSION PLATFORM REQUIRE_PATHS
//
// The comment is what it reads first when it looks for a gem, and is believed
// here too. What else is of interest is taken from the assignments: the
// licences, e-mail and authors, and the dependencies that are not for
// development. Nothing is run: what is not a literal is not known. In a
// checkout, where people have written the program, that is often so of the
// version.
//
// The content is hostile: the size of the file and the number of strings in it
// are limited, and what exceeds a limit is an error.
//
// [specification]: https://guides.rubygems.org/specification-reference/
package gem

import (
	"context"
	"path"
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	// A specification lists files of the gem: those of the largest are below 1 MiB.
	maxFile = 4 << 20
	// A name, version or platform that is longer is none.
	maxName = 1024
)

// Extractor reads gem specifications. The zero value is ready, and safe for
// use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "gem".
func (Extractor) Name() string { return "gem" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns where specifications of installed gems are.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/specifications/*.gemspec"},
		{Glob: "**/specifications/default/*.gemspec"},
		{Glob: "**/bundler/gems/*/*.gemspec"},
	}
}

// Extract returns the gem that the file specifies. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	content, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	text := strings.ToValidUTF8(string(content), "\uFFFD")
	s, err := parse(ctx, text)
	if err != nil {
		return inventory.Facts{}, err
	}
	var problems lines.Problems
	var facts inventory.Facts
	if p, ok := s.gem(f.Path(), &problems); ok {
		facts.Packages = []inventory.Package{p}
	}
	facts.Problems = problems.List()
	return facts, nil
}

// fileName is the name of a specification's file, where RubyGems has written
// it. A version begins with a digit, and a platform is behind it.
var fileName = regexp.MustCompile(`^(.+?)-([0-9][0-9A-Za-z.]*)(?:-(.+))?\.gemspec$`)

// gem returns the gem that s specifies, if name and version are known.
func (s *spec) gem(file string, problems *lines.Problems) (inventory.Package, bool) {
	name, version, platform := s.name, s.version, s.platform
	if stub := s.stub; stub.name != "" {
		if differs(name, stub.name) || differs(version, stub.version) {
			problems.Add("gem %q %q is %q %q in the comment for RubyGems", lines.Clip(name), lines.Clip(version), lines.Clip(stub.name), lines.Clip(stub.version))
		}
		name, version, platform = stub.name, stub.version, stub.platform
	}
	installed := !inCheckout(file)
	if m := fileName.FindStringSubmatch(strings.ToValidUTF8(path.Base(file), "\uFFFD")); m != nil && installed && (name == "" || version == "") {
		name, version = m[1], m[2]
		if platform == "" {
			platform = m[3]
		}
	}
	switch {
	case name == "":
		problems.Add("%q has no name that is a literal", lines.Clip(path.Base(file)))
		return inventory.Package{}, false
	case version == "":
		problems.Add("gem %q has no version that is a literal", lines.Clip(name))
		return inventory.Package{}, false
	case len(name) > maxName || len(version) > maxName || len(platform) > maxName:
		problems.Add("name, version or platform of gem %q is longer than %d bytes", lines.Clip(name), maxName)
		return inventory.Package{}, false
	}
	p := inventory.Package{
		Type:       "gem",
		Name:       name,
		Version:    version,
		Licenses:   s.licenses,
		Maintainer: strings.Join(s.emails, ", "),
		Bundled:    path.Base(path.Dir(file)) == "default",
		Requires:   s.requires,
	}
	if p.Maintainer == "" {
		p.Maintainer = strings.Join(s.authors, ", ")
	}
	// "ruby" is the platform of gems that are for all.
	if platform != "" && platform != "ruby" {
		p.Qualifiers = map[string]string{"platform": platform}
	}
	return p, true
}

// differs reports whether a value that is known is another one.
func differs(value, other string) bool { return value != "" && value != other }

// inCheckout reports whether a specification is in a checkout of sources,
// where its file has any name.
func inCheckout(file string) bool {
	dir := path.Dir(file)
	return path.Base(dir) != "specifications" && path.Base(dir) != "default"
}
