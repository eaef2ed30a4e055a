// Package dart reads what tells of packages of Dart and Flutter in the [cache]
// of pub: hosted/HOST/NAME-VERSION/pubspec.yaml for what was downloaded, and
// git/NAME-COMMIT/pubspec.yaml for what was cloned. Programs that Dart runs
// from sources use the packages where they are there.
//
// The name of the folder tells name and version, for a clone the name. Of the
// file, which is YAML, only what is in block style is understood: version, and
// the names below dependencies, which dev_dependencies are not.
//
// Programs that were compiled ahead of time tell names of packages in the paths
// of their sources, and no versions, so that they are not read.
//
// The content is hostile: the size of the file and the number of dependencies
// are limited, and what exceeds a limit is an error.
//
// [cache]: https://github.com/dart-lang/pub/blob/master/doc/cache_layout.md
package dart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

const (
	// The largest have some hundred dependencies: 20 KiB.
	maxFile         = 2 << 20
	maxDependencies = 2000
	// A name or version that is longer is none.
	maxValue = 1024
)

// Extractor reads pubspec.yaml in the cache of pub. The zero value is ready,
// and safe for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "dart".
func (Extractor) Name() string { return "dart" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns where the files of cached packages are. The cache itself
// has any name.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/hosted/*/*/pubspec.yaml"},
		{Glob: "**/.pub-cache/git/*/pubspec.yaml"},
	}
}

// hosted and cloned match the names of folders. A package's name is an
// identifier in lower case: https://dart.dev/tools/pub/pubspec#name
var (
	hosted = regexp.MustCompile(`^([a-zA-Z0-9_]+)-([0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*)$`)
	cloned = regexp.MustCompile(`^([a-zA-Z0-9_]+)-[0-9a-f]{40}$`)
)

// Extract returns the package that the file is of. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	folder := path.Base(path.Dir(f.Path()))
	pkg := inventory.Package{Type: "pub"}
	if m := hosted.FindStringSubmatch(folder); m != nil {
		pkg.Name, pkg.Version = m[1], m[2]
	} else if m := cloned.FindStringSubmatch(folder); m != nil {
		pkg.Name = m[1]
	} else {
		// No folder of pub.
		return inventory.Facts{Ignored: 1}, nil
	}
	var s spec
	if err := lines.Each(ctx, f, maxFile, s.line); err != nil && !errors.Is(err, errEnd) {
		return inventory.Facts{}, err
	}
	if pkg.Version == "" {
		pkg.Version = s.version
	}
	switch {
	case pkg.Version == "":
		return inventory.Facts{Problems: []string{fmt.Sprintf("package %q has no version", lines.Clip(pkg.Name))}}, nil
	case len(pkg.Name) > maxValue || len(pkg.Version) > maxValue:
		return inventory.Facts{Problems: []string{fmt.Sprintf("name or version of package %q is longer than %d bytes", lines.Clip(pkg.Name), maxValue)}}, nil
	}
	pkg.Requires = s.dependencies
	return inventory.Facts{Packages: []inventory.Package{pkg}}, nil
}

// errEnd ends reading where a document does.
var errEnd = errors.New("end of the document")

// A spec holds what is of interest in the file.
type spec struct {
	version      string
	within       bool // of the dependencies
	indent       int  // of their names, 0 before the first one
	dependencies []string
	seen         map[string]bool
}

// entry is a key with what is behind it.
var entry = regexp.MustCompile(`^( *)(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_]+))\s*:(?:\s+(.*))?$`)

// line takes the next line of the file.
func (s *spec) line(raw []byte) error {
	line := strings.TrimRight(strings.TrimPrefix(strings.ToValidUTF8(string(raw), "\uFFFD"), "\ufeff"), " \t\r")
	if bytes.HasPrefix(raw, []byte("...")) {
		return errEnd
	}
	m := entry.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	indent, key, value := len(m[1]), m[2]+m[3]+m[4], m[5]
	if indent == 0 {
		s.within = key == "dependencies"
		if key == "version" && s.version == "" {
			s.version = scalar(value)
		}
		return nil
	}
	if s.indent == 0 && s.within {
		s.indent = indent
	}
	// What is indented more tells where the package comes from.
	if !s.within || indent != s.indent || key == "" || s.seen[key] {
		return nil
	}
	if len(s.dependencies) == maxDependencies {
		return fmt.Errorf("more than %d dependencies: %w", maxDependencies, inventory.ErrTooLarge)
	}
	if s.seen == nil {
		s.seen = make(map[string]bool)
	}
	s.seen[key] = true
	s.dependencies = append(s.dependencies, key)
	return nil
}

// scalar returns the text of a value in one line.
func scalar(value string) string {
	if value != "" && (value[0] == '"' || value[0] == '\'') {
		text, _, _ := strings.Cut(value[1:], value[:1])
		return strings.TrimSpace(text)
	}
	value, _, _ = strings.Cut(value, " #")
	return strings.TrimSpace(value)
}
