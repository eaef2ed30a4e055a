// Package python reads what the installers of Python packages leave beside
// what they install: the [core metadata] of a distribution.
//
// It lies in NAME-VERSION.dist-info/METADATA for a wheel, in PKG-INFO of a
// folder NAME-VERSION.egg-info, or of a folder EGG-INFO in an unpacked egg,
// for what setuptools installed, and is itself a file NAME-VERSION.egg-info
// for what distutils installed. An egg may also be a zip archive, with
// EGG-INFO/PKG-INFO and EGG-INFO/requires.txt in it.
//
// The metadata are lines "Field: value" up to the first blank line, as in a
// mail; a description follows and is not read. Of interest are Name, Version,
// the licence in its three forms, who maintains it, Requires-Dist and
// Provides-Dist. A name or a version that is missing is taken from the name of
// the file or folder. What pip renamed to "~…" before it removed it, and did
// not come to remove, is not installed.
//
// A requirement with a condition counts if the condition certainly holds. The
// path tells the version of Python in most images, and a requirement of an
// extra, or on a system or a Python other than that, does not count; nor does
// one whose condition cannot be told, because no metadata say on what Python
// they were installed. Requirements of folders *.egg-info are mostly in
// another file, requires.txt, and so are not known.
//
// The content is hostile: sizes and counts have limits, and what exceeds one
// is an error, never a shorter list.
//
// [core metadata]: https://packaging.python.org/en/latest/specifications/core-metadata/
package python

import (
	"context"
	"path"
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The metadata of large packages, without the description, are below 100 KiB;
// those with the most requirements have a few thousand.
const (
	maxMetadata = 4 << 20
	maxRequires = 10_000
	// A name or version that is longer is none.
	maxName = 1024
)

// Extractor reads the metadata of installed Python distributions. The zero
// value is ready, and safe for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "python".
func (Extractor) Name() string { return "python" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the files that hold metadata.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/*.dist-info/METADATA"},
		{Glob: "**/*.egg-info/PKG-INFO"},
		{Glob: "**/EGG-INFO/PKG-INFO"},
		{Glob: "**/*.egg-info"},
		{Glob: "**/*.egg"},
	}
}

// Extract returns the distribution that the file describes, or those in an
// egg. The error wraps [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	if path.Ext(f.Path()) == ".egg" {
		return extractEgg(ctx, f)
	}
	holder := holderOf(f.Path())
	if isLeftover(holder) {
		return inventory.Facts{Ignored: 1}, nil
	}
	m, err := readMetadata(ctx, f)
	if err != nil {
		return inventory.Facts{}, err
	}
	// CHICKEN Scheme leaves files *.egg-info too, of S-expressions.
	if m.fields == 0 && m.lisp {
		return inventory.Facts{Ignored: 1}, nil
	}
	var facts inventory.Facts
	var problems lines.Problems
	add(&facts, &problems, m, holder, f.Path())
	facts.Problems = problems.List()
	return facts, nil
}

// holderOf returns the name that tells which distribution the metadata at p
// belong to: of the folder around the file, of the folder around EGG-INFO, or
// of the file itself.
func holderOf(p string) string {
	dir, name := path.Split(p)
	switch name {
	case "METADATA", "PKG-INFO":
		dir, name = path.Split(strings.TrimSuffix(dir, "/"))
	}
	if name == "EGG-INFO" {
		name = path.Base(dir)
	}
	return name
}

// isLeftover reports whether pip has renamed what holds the metadata, in order
// to remove it: it puts "~" in place of the first letter, or before it.
func isLeftover(holder string) bool { return strings.HasPrefix(holder, "~") }

// holderName is "NAME-VERSION" and, for eggs, the Python it is for, or only
// "NAME". Installers replace "-" in NAME and VERSION by "_":
// https://packaging.python.org/en/latest/specifications/recording-installed-packages/
var holderName = regexp.MustCompile(`^(.+?)(?:-([0-9][^-]*))?(?:-py[0-9].*)?\.(?:dist-info|egg-info|egg)$`)

// nameVersion returns what the name of a file or folder with metadata tells.
func nameVersion(holder string) (name, version string) {
	m := holderName.FindStringSubmatch(strings.ToValidUTF8(holder, "\uFFFD"))
	if m == nil {
		return "", ""
	}
	return m[1], m[2]
}

// add adds the distribution of m to facts. The holder is the name of the file
// or folder that it was found in, and p the path.
func add(facts *inventory.Facts, problems *lines.Problems, m metadata, holder, p string) {
	name, version := nameVersion(holder)
	if m.name != "" {
		name = m.name
	}
	if m.version != "" {
		version = m.version
	}
	switch {
	case name == "":
		problems.Add("%q has no package name", lines.Clip(holder))
		return
	case version == "":
		problems.Add("package %q has no version", lines.Clip(name))
		return
	case len(name) > maxName || len(version) > maxName:
		problems.Add("name or version of package %q is longer than %d bytes", lines.Clip(name), maxName)
		return
	}
	pkg := inventory.Package{
		Type:       "pypi",
		Name:       name,
		Version:    version,
		Licenses:   m.licenses(),
		Maintainer: m.maintainer(),
		Bundled:    bundled.MatchString(p),
	}
	env := environmentOf(p)
	pkg.Requires = requires(m.requires, env, problems)
	pkg.Provides = requires(m.provides, env, problems)
	facts.Packages = append(facts.Packages, pkg)
}

// bundled matches what is in a folder of the interpreter itself, such as
// wsgiref of Python 2.7, and the copies that setuptools and other packages
// have of packages that they need.
var bundled = regexp.MustCompile(`(?:^|/)(?:_vendor/.*|lib/python[0-9.]+/(?:lib-dynload/)?[^/]+\.egg-info)$`)
