// Package conanlock reads conan.lock, the versions that Conan, a package
// manager of C and C++, has chosen. [Conan 2] lists references,
// "NAME/VERSION@USER/CHANNEL#REVISION%TIME", of packages to link with
// (requires), of tools (build_requires), and of parts of recipes
// (python_requires, config_requires). Conan 1 has a graph of nodes with such
// references, "graph_lock", in which the node without one, or with the path of
// a recipe, is the project itself.
//
// What is no package to link with, or is needed by such things only, counts as
// needed for development. The lists of Conan 2 do not tell what is direct, nor
// what needs what. User, channel and revision are the qualifiers user, channel
// and rrev.
//
// The content is hostile: the size of the file, the number of references and
// edges, and the length of references are limited. Of a file that is cut off,
// the references before the damage are kept.
//
// [Conan 2]: https://docs.conan.io/2/tutorial/versioning/lockfiles.html
package conanlock

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/linejson"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A large project has about 200 references.
const (
	maxFile = 16 << 20
	maxRefs = 50_000
	maxText = 2048
)

// Extractor reads conan.lock. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "conanlock".
func (Extractor) Name() string { return "conanlock" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/conan.lock"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	r, err := linejson.New(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	p := parser{r: r, at: make(map[string]int)}
	problem, err := r.Finish(p.file(), len(p.packages) > 0 || len(p.nodes) > 0)
	if err != nil {
		return inventory.Facts{}, err
	}
	p.graph()
	if problem != "" {
		p.problems.Add("%s", problem)
	}
	return inventory.Facts{Declared: true, Packages: p.packages, Ignored: p.ignored, Problems: p.problems.List()}, nil
}

type parser struct {
	r        *linejson.Reader
	known    bool // there was something that a lock file has
	refs     int
	packages []inventory.Package
	at       map[string]int // index of the package by its reference
	nodes    []node
	ignored  int
	problems lines.Problems
}

// file reads the whole file.
func (p *parser) file() error {
	_, err := p.r.Object(func(_ int, key string) error {
		switch key {
		case "requires":
			return p.list(false)
		case "build_requires", "python_requires", "config_requires":
			return p.list(true)
		case "graph_lock":
			return p.graphLock()
		}
		_, err := p.r.Decode(nil)
		return err
	})
	if err == nil && !p.known {
		return errors.New("no requires and no graph_lock")
	}
	return err
}

// list reads a list of references.
func (p *parser) list(development bool) error {
	ok, err := p.r.Array(func(line int) error {
		var text string
		wrong, err := p.r.Decode(&text)
		if err != nil {
			return err
		}
		if wrong {
			p.problems.Add("line %d: a reference is no text", line)
			return nil
		}
		_, err = p.add(line, text, inventory.RelationUnknown, development)
		return err
	})
	p.known = p.known || ok
	return err
}

// add takes a reference. It returns the package's index, or -1.
func (p *parser) add(line int, text string, relation inventory.Relation, development bool) (int, error) {
	if p.refs++; p.refs > maxRefs {
		return -1, fmt.Errorf("more than %d references: %w", maxRefs, inventory.ErrTooLarge)
	}
	pkg, ok := parse(text)
	if !ok {
		p.problems.Add("line %d: %q is no reference", line, lines.Clip(text))
		return -1, nil
	}
	text, _, _ = strings.Cut(text, "%")
	if i, again := p.at[text]; again {
		known := &p.packages[i]
		known.Development = known.Development && development
		if relation == inventory.Direct {
			known.Relation = relation
		}
		return i, nil
	}
	pkg.Line, pkg.Relation, pkg.Development = line, relation, development
	p.at[text] = len(p.packages)
	p.packages = append(p.packages, pkg)
	return len(p.packages) - 1, nil
}

// parse returns the package of NAME/VERSION[@USER/CHANNEL][#REVISION][%TIME].
// In old files the ID of the binary package follows the revision, after ":".
// https://docs.conan.io/2/reference/conanfile/attributes.html
func parse(text string) (inventory.Package, bool) {
	if len(text) > maxText || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return inventory.Package{}, false
	}
	text, _, _ = strings.Cut(text, "%")
	text, _, _ = strings.Cut(text, ":")
	text, revision, _ := strings.Cut(text, "#")
	text, owner, _ := strings.Cut(text, "@")
	name, version, ok := strings.Cut(text, "/")
	if !ok || name == "" || version == "" || strings.Contains(version, "/") {
		return inventory.Package{}, false
	}
	user, channel, _ := strings.Cut(owner, "/")
	pkg := inventory.Package{Type: "conan", Name: name, Version: version}
	for _, q := range [][2]string{{"user", user}, {"channel", channel}, {"rrev", revision}} {
		// "_" stands for none, and "0" for a time without revisions.
		if q[1] != "" && q[1] != "_" && q[1] != "0" {
			if pkg.Qualifiers == nil {
				pkg.Qualifiers = make(map[string]string)
			}
			pkg.Qualifiers[q[0]] = q[1]
		}
	}
	return pkg, true
}
