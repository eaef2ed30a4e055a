// Package haskell reads the database of packages that GHC, Cabal and Stack
// have for Haskell: a file *.conf for each library that is installed, with the
// fields of [InstalledPackageInfo].
//
// The folder is package.conf.d in an installation of GHC, package.db in the
// store of Cabal and pkgdb in the snapshots of Stack. An image that has only
// programs has none of these, because programs contain the libraries and do
// not tell which.
//
// A field is "name: value", and goes on in lines that are indented. Of interest
// are name, or package-name where the library is one of several in a package;
// version, license, maintainer; id and depends. The latter are identifiers of
// units, NAME-VERSION and a hash, of which the names are kept.
//
// The content is hostile: the size of the file and the number of dependencies
// are limited, and what exceeds a limit is an error.
//
// [InstalledPackageInfo]: https://hackage.haskell.org/package/Cabal-syntax/docs/Distribution-Types-InstalledPackageInfo.html
package haskell

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	// The largest list a thousand modules: 100 KiB.
	maxFile = 8 << 20
	// Packages have at most some hundred dependencies.
	maxDepends = 10_000
	// A value of which more is given is none that is of interest.
	maxValue = 1024
)

// Extractor reads files of GHC's database of packages. The zero value is
// ready, and safe for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "haskell".
func (Extractor) Name() string { return "haskell" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the files of the databases.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/package.conf.d/*.conf"},
		{Glob: "**/package.db/*.conf"},
		{Glob: "**/pkgdb/*.conf"},
	}
}

// Extract returns the package that the file describes. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	var r record
	if err := lines.Each(ctx, f, maxFile, r.line); err != nil {
		return inventory.Facts{}, err
	}
	var problems lines.Problems
	var facts inventory.Facts
	name := r.packageName
	if name == "" {
		name = r.name
	}
	switch {
	case name == "":
		problems.Add("%q has no package name", lines.Clip(path.Base(f.Path())))
	case r.version == "":
		problems.Add("package %q has no version", lines.Clip(name))
	case len(name) > maxValue || len(r.version) > maxValue:
		problems.Add("name or version of package %q is longer than %d bytes", lines.Clip(name), maxValue)
	default:
		facts.Packages = []inventory.Package{r.pkg(name)}
	}
	facts.Problems = problems.List()
	return facts, nil
}

// A record holds the fields of a package.
type record struct {
	field string // whose value may go on

	name, packageName, version, id string
	license, maintainer            string
	depends                        []string
}

// line takes the next line of the file.
func (r *record) line(line []byte) error {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(bytes.TrimSpace(line)) == 0 {
		return nil // a description has blank lines in it
	}
	if line[0] == ' ' || line[0] == '\t' {
		return r.value(line)
	}
	key, value, ok := bytes.Cut(line, []byte{':'})
	if !ok {
		r.field = ""
		return nil
	}
	r.field = strings.ToLower(string(key))
	return r.value(value)
}

// value takes one line of the value of a field.
func (r *record) value(raw []byte) error {
	value := strings.ToValidUTF8(string(bytes.TrimSpace(raw)), "\uFFFD")
	if value == "" {
		return nil
	}
	var text *string
	switch r.field {
	case "name":
		text = &r.name
	case "package-name":
		text = &r.packageName
	case "version":
		text = &r.version
	case "id":
		text = &r.id
	case "license":
		text = &r.license
	case "maintainer":
		text = &r.maintainer
	case "depends":
		r.depends = append(r.depends, strings.Fields(value)...)
		if len(r.depends) > maxDepends {
			return fmt.Errorf("more than %d dependencies: %w", maxDepends, inventory.ErrTooLarge)
		}
	}
	switch {
	case text == nil || len(*text) > maxValue:
	case *text == "":
		*text = value
	default:
		*text += " " + value
	}
	return nil
}

// pkg returns the package.
func (r *record) pkg(name string) inventory.Package {
	p := inventory.Package{
		Type:     "hackage",
		Name:     name,
		Version:  r.version,
		Bundled:  r.comesWithGHC(),
		Requires: r.requires(name),
	}
	if len(r.license) <= maxValue && r.license != "" {
		p.Licenses = []string{r.license}
	}
	if len(r.maintainer) <= maxValue {
		p.Maintainer = r.maintainer
	}
	return p
}

// unit is an identifier of a unit: the name and version of a package, a hash
// and the name of a library in the package.
var unit = regexp.MustCompile(`^(.+?)-([0-9]+(?:\.[0-9]+)*)(?:-.*)?$`)

// requires returns the names of the packages that others is of, each once. A
// package of several libraries does not require itself.
func (r *record) requires(self string) []string {
	var names []string
	seen := map[string]bool{self: true}
	for _, id := range r.depends {
		name := id
		if m := unit.FindStringSubmatch(id); m != nil {
			name = m[1]
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// shortHash is what GHC has behind the version in the identifiers of its own
// packages since 9.8.
var shortHash = regexp.MustCompile(`^-(?:[0-9a-f]{4}|inplace)$`)

// comesWithGHC reports whether the package was built with GHC. The identifier
// of others has a hash of 22 letters and digits, or of 64.
func (r *record) comesWithGHC() bool {
	hash, ok := strings.CutPrefix(r.id, r.name+"-"+r.version)
	return r.id != "" && (r.id == r.name || ok && (hash == "" || shortHash.MatchString(hash)))
}
