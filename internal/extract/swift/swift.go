// Package swift reads Package.resolved, the versions that the [Swift package
// manager] and Xcode have chosen. Version 1 of the format has the list of pins
// in an object, and names a repository by "repositoryURL"; versions 2 and 3
// have it on top, and name it by "location".
//
// A package is named by its repository, as the type "swift" of package URLs
// has it: the namespace is "github.com/apple", the name "swift-nio". One from
// a registry is named by its identity, SCOPE.NAME, with the scope as namespace.
// A pin of a branch or commit has no version: the branch, or else the commit,
// is the constraint, and the qualifier vcs_url tells the commit. One in a
// folder is no package. The file does not tell what is needed directly.
//
// The content is hostile: the size of the file, the number of pins, and the
// length of texts are limited. Of a file that is cut off, the pins before the
// damage are kept.
//
// [Swift package manager]: https://github.com/swiftlang/swift-package-manager/blob/main/Documentation/PackageDescription.md
package swift

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/linejson"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Large applications have about 100 pins: 30 KiB.
const (
	maxFile = 16 << 20
	maxPins = 50_000
	maxText = 2048
)

// Extractor reads Package.resolved. The zero value is ready, and safe for use
// by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "swift".
func (Extractor) Name() string { return "swift" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the names of the file. The hidden one is of old Xcode.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/Package.resolved"}, {Glob: "**/.package.resolved"}}
}

// Extract returns the packages that are pinned. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	r, err := linejson.New(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	p := parser{r: r, facts: inventory.Facts{Declared: true}}
	problem, err := r.Finish(p.file(), len(p.facts.Packages) > 0)
	if err != nil {
		return inventory.Facts{}, err
	}
	if problem != "" {
		p.problems.Add("%s", problem)
	}
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

type parser struct {
	r        *linejson.Reader
	known    bool // there was a list of pins
	pins     int
	facts    inventory.Facts
	problems lines.Problems
}

// file reads the whole file.
func (p *parser) file() error {
	_, err := p.r.Object(func(_ int, key string) error {
		switch key {
		case "pins":
			return p.list()
		case "object":
			_, err := p.r.Object(func(_ int, key string) error {
				if key == "pins" {
					return p.list()
				}
				_, err := p.r.Decode(nil)
				return err
			})
			return err
		}
		_, err := p.r.Decode(nil)
		return err
	})
	if err == nil && !p.known {
		return errors.New("no list of pins")
	}
	return err
}

// A pin is an entry of the list.
type pin struct {
	RepositoryURL string `json:"repositoryURL"` // version 1
	Package       string `json:"package"`       // version 1
	Identity      string `json:"identity"`
	Kind          string `json:"kind"`
	Location      string `json:"location"`
	State         struct {
		Branch   string `json:"branch"`
		Revision string `json:"revision"`
		Version  string `json:"version"`
	} `json:"state"`
}

// list reads the list of pins.
func (p *parser) list() error {
	ok, err := p.r.Array(func(line int) error {
		if p.pins++; p.pins > maxPins {
			return fmt.Errorf("more than %d pins: %w", maxPins, inventory.ErrTooLarge)
		}
		var pin pin
		wrong, err := p.r.Decode(&pin)
		if err != nil {
			return err
		}
		p.add(line, &pin, wrong)
		return nil
	})
	p.known = p.known || ok
	return err
}

// add takes a pin.
func (p *parser) add(line int, pin *pin, wrong bool) {
	location, state := pin.Location+pin.RepositoryURL, pin.State
	label := lines.Clip(pin.Identity + pin.Package)
	for _, text := range []string{location, pin.Identity, state.Branch, state.Revision, state.Version} {
		if len(text) > maxText {
			p.problems.Add("line %d: a text of pin %q is too long: %q", line, label, lines.Clip(text))
			return
		}
	}
	full, ok := repository(location)
	switch {
	case isFolder(pin.Kind, location):
		p.facts.Ignored++
		return
	case pin.Kind == "registry" || !ok && location == "":
		scope, name, found := strings.Cut(pin.Identity, ".")
		full, ok = scope+"/"+name, found && scope != "" && name != ""
	}
	if !ok {
		p.problems.Add("line %d: pin %q has no repository: %q", line, label, lines.Clip(location))
		return
	}
	pkg := inventory.Package{Type: "swift", Namespace: path.Dir(full), Name: path.Base(full), Version: state.Version, Line: line}
	if state.Version == "" {
		if pkg.Constraint = state.Branch; pkg.Constraint == "" {
			pkg.Constraint = state.Revision
		}
		if pkg.Constraint == "" {
			p.problems.Add("line %d: pin %q has no version", line, label)
			return
		}
		if state.Revision != "" && location != "" {
			pkg.Qualifiers = map[string]string{"vcs_url": "git+" + location + "@" + state.Revision}
		}
	}
	if wrong {
		p.problems.Add("line %d: a value of pin %q is of another type than expected", line, label)
	}
	p.facts.Packages = append(p.facts.Packages, pkg)
}

// isFolder reports whether a pin is of a repository on the developer's disk.
func isFolder(kind, location string) bool {
	return strings.HasPrefix(kind, "local") || kind == "fileSystem" || strings.HasPrefix(location, "/") || strings.HasPrefix(location, ".") || strings.HasPrefix(location, "file:")
}

// repository returns the host and path of a repository's URL, which may be
// "https://github.com/apple/swift-nio.git", with a user or a port, or
// "git@github.com:apple/swift-nio.git".
func repository(location string) (string, bool) {
	host, name := "", ""
	if _, rest, ok := strings.Cut(location, "://"); ok {
		host, name, _ = strings.Cut(rest, "/")
		host = host[strings.LastIndexByte(host, '@')+1:]
		host, _, _ = strings.Cut(host, ":")
	} else {
		host, name, _ = strings.Cut(location, ":")
		host = host[strings.LastIndexByte(host, '@')+1:]
	}
	name = strings.TrimSuffix(strings.Trim(name, "/"), ".git")
	full := host + "/" + name
	return full, host != "" && name != "" && path.Clean(full) == full && !strings.ContainsFunc(full, func(r rune) bool { return r <= ' ' || r == 0x7f })
}
