// Package pom reads pom.xml, the description of a project of Maven, in source
// trees: which packages the project asks for.
//
// A [pom] says little alone. It inherits from its parent, takes versions from
// boms that it imports, and has properties in the place of versions. So
// [Extractor.Extract] only reads the file, and [Extractor.Join] puts together
// what the files of an image say, as [Maven's model builder] does: profiles
// that are active by default, inheritance, interpolation, import, management.
// Nothing is fetched: what comes from a parent or bom that is not in the image
// stays unknown. A version that is unknown or a range is no version: the
// package has a constraint then, or neither if the pom leaves the version to
// a parent or bom that is not there.
//
// Of interest are the dependencies. Those of scope test and provided are for
// development. Exclusions and "optional" say something of the dependencies of
// dependencies only, which no pom names. Plugins are no dependencies. Ignored
// are the project itself, the entries of dependencyManagement, which ask for
// nothing, those of profiles that something else than the default activates,
// and modules of the same source tree.
//
// A pom in META-INF/maven tells how an artifact was built that is installed
// there, and is ignored.
//
// The content is hostile: the size of a file, the depth of its elements, the
// number of its entries and the length of names and properties are limited,
// and so are chains of parents and imports, the depth and length of properties
// and the work of all. Of a file that is cut off, the entries before the
// damage are kept.
//
// [pom]: https://maven.apache.org/pom.html
// [Maven's model builder]: https://maven.apache.org/ref/3.8.7/maven-model-builder/
package pom

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest boms have some 5,000 entries and 2 MiB.
const (
	maxFile    = 16 << 20
	maxEntries = 100_000 // dependencies, managed ones, properties and modules
	maxDepth   = 100     // of elements
	maxName    = 512     // of a group, artifact, version and the like
	maxValue   = 8 << 10 // of a property; some are command lines
)

// Extractor reads pom.xml. The zero value is ready, and safe for use by many
// goroutines.
type Extractor struct{}

var _ inventory.Joiner = Extractor{}

// Name returns "pom".
func (Extractor) Name() string { return "pom" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/pom.xml"}}
}

// Extract returns what Join needs of the file, and no packages. The error
// wraps [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if strings.HasPrefix(f.Path(), "META-INF/maven/") || strings.Contains(f.Path(), "/META-INF/maven/") {
		return inventory.Facts{Declared: true, Ignored: 1}, ctx.Err()
	}
	content, err := bounded.ReadAll(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	p := parser{ctx: ctx}
	if err := p.parse(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))); err != nil {
		return inventory.Facts{}, err
	}
	data, err := json.Marshal(&p.project)
	if err != nil {
		return inventory.Facts{}, fmt.Errorf("what the project says: %w", err)
	}
	return inventory.Facts{
		Declared: true,
		Data:     data,
		Ignored:  p.ignored,
		Problems: p.problems.List(),
	}, nil
}

// A project is what a pom says, with the profiles that are active by default
// put in. It is kept as JSON.
type project struct {
	coordinates
	Parent *parent `json:"p,omitempty"`
	// Properties are those of the pom alone.
	Properties map[string]string `json:"x,omitempty"`
	// Managed are the entries of dependencyManagement.
	Managed      []dependency `json:"m,omitempty"`
	Dependencies []dependency `json:"d,omitempty"`
	Modules      []string     `json:"s,omitempty"`
}

// coordinates name a project or an artifact.
type coordinates struct {
	Group    string `json:"g,omitempty"`
	Artifact string `json:"a,omitempty"`
	Version  string `json:"v,omitempty"`
}

// A parent is the element of that name.
type parent struct {
	coordinates
	// Path is relativePath, "../pom.xml" where there is no such element.
	Path string `json:"r,omitempty"`
}

// A dependency is the element of that name.
type dependency struct {
	coordinates
	Type       string `json:"t,omitempty"`
	Classifier string `json:"c,omitempty"`
	Scope      string `json:"o,omitempty"`
	Line       int    `json:"l,omitempty"`
}

// A key is what tells dependencies of a project apart.
type key struct{ group, artifact, kind, classifier string }

// key returns the key of d. "jar" is the default type.
func (d *dependency) key() key {
	kind := d.Type
	if kind == "" {
		kind = "jar"
	}
	return key{d.Group, d.Artifact, kind, d.Classifier}
}

// label returns the name of the dependency for a message.
func (d *dependency) label() string { return lines.Clip(d.Group + ":" + d.Artifact) }
