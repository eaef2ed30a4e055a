// Package homebrew reads what Homebrew records of the packages it installed.
// On Linux that is usually below home/linuxbrew/.linuxbrew.
//
// A formula has a folder, Cellar/NAME/VERSION, which holds
// INSTALL_RECEIPT.json. Name and version are taken from the folder: the
// version there has Homebrew's revision at its end ("1.2.3_1"), and is that of
// the commit for what was built from a repository ("HEAD-0123abc"). The
// receipt adds the architecture, the tap and what the formula needs.
//
// A cask, which is an application or font that its maker has built, has a
// folder Caskroom/NAME/.metadata. Newer versions of Homebrew write a receipt
// there, with the version in it; all keep a copy of the definition in
// .metadata/VERSION/TIME/Casks/NAME.json or .rb, of which only the path is of
// interest.
//
// The receipt's fields are those of [tab.rb]. Its content is hostile: the file
// and the number of dependencies are limited, and what exceeds a limit is an
// error, never a shorter list.
//
// [tab.rb]: https://github.com/Homebrew/brew/blob/master/Library/Homebrew/tab.rb
package homebrew

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/relation"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// maxReceipt is the size of a receipt up to which it is read. Those with the
// most dependencies have some 50 KiB.
const maxReceipt = 4 << 20

const (
	receiptName = "INSTALL_RECEIPT.json"
	metadata    = ".metadata"
)

// Extractor reads Homebrew's receipts. The zero value is ready, and safe for
// use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "homebrew".
func (Extractor) Name() string { return "homebrew" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the paths of receipts. A prefix can be anywhere.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/Cellar/*/*/" + receiptName},
		{Glob: "**/Caskroom/*/" + metadata + "/" + receiptName},
		{Glob: "**/Caskroom/*/" + metadata + "/*/*/Casks/*.json"},
		{Glob: "**/Caskroom/*/" + metadata + "/*/*/Casks/*.rb"},
	}
}

// A receipt has the fields of interest.
type receipt struct {
	Arch                string          `json:"arch"`
	RuntimeDependencies json.RawMessage `json:"runtime_dependencies"`
	Source              struct {
		Tap     string `json:"tap"`
		Version string `json:"version"` // of a cask
	} `json:"source"`
}

// A dependency is one of a formula.
type dependency struct {
	FullName string `json:"full_name"`
	// DeclaredDirectly is false for the dependencies of dependencies. Older
	// versions of Homebrew do not say.
	DeclaredDirectly *bool `json:"declared_directly"`
}

// Extract returns the package that f records. If the receipt of a formula
// cannot be understood, the path tells name and version nevertheless. The
// error wraps [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Facts{}, err
	}
	elements := strings.Split(f.Path(), "/")
	// fromEnd is an element, the last being 1.
	fromEnd := func(n int) string { return elements[max(0, len(elements)-n)] }
	switch {
	case fromEnd(1) == receiptName && fromEnd(2) == metadata:
		return readReceipt(ctx, f, fromEnd(3), "")
	case fromEnd(1) == receiptName:
		return readReceipt(ctx, f, fromEnd(3), fromEnd(2))
	case fromEnd(5) == metadata:
		return inventory.Facts{Packages: []inventory.Package{{Type: "brew", Name: fromEnd(6), Version: fromEnd(4)}}}, nil
	}
	return inventory.Facts{}, fmt.Errorf("the path is not that of a formula or cask")
}

// readReceipt reads the receipt of a package of the given name. A cask's
// version is in the receipt.
func readReceipt(ctx context.Context, f *inventory.File, name, version string) (inventory.Facts, error) {
	var (
		r        receipt
		problems lines.Problems
	)
	if err := bounded.JSON(ctx, f, maxReceipt, &r); err != nil {
		if !isJSON(err) {
			return inventory.Facts{}, err
		}
		problems.Add("the receipt of %q is not understood: %s", lines.Clip(name), describe(err))
	}
	pkg := inventory.Package{Type: "brew", Name: name, Version: version, Vendor: r.Source.Tap}
	if version == "" {
		pkg.Version = r.Source.Version
	} else {
		pkg.Arch = r.Arch
	}
	if pkg.Version == "" {
		problems.Add("package %q has no version", lines.Clip(name))
		return inventory.Facts{Problems: problems.List()}, nil
	}
	requires, err := requires(r.RuntimeDependencies)
	if errors.Is(err, inventory.ErrTooLarge) {
		return inventory.Facts{}, err
	}
	if err != nil {
		problems.Add("the dependencies of %q are not understood: %s", lines.Clip(name), describe(err))
	}
	pkg.Requires = requires
	return inventory.Facts{Packages: []inventory.Package{pkg}, Problems: problems.List()}, nil
}

// isJSON reports whether an error is one of the content, not of reading it.
func isJSON(err error) bool {
	var (
		syntax *json.SyntaxError
		typ    *json.UnmarshalTypeError
	)
	return errors.As(err, &syntax) || errors.As(err, &typ)
}

// describe returns the text of an error for a problem, without the names of
// Go's types.
func describe(err error) string {
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return fmt.Sprintf("byte %d: an unexpected %s", typ.Offset, typ.Value)
	}
	return lines.Clip(err.Error())
}

// requires returns the names of the dependencies: of a formula a list, of a
// cask a list of formulae and one of casks. A name of another tap than
// Homebrew's own has the tap in front, which the folder does not.
func requires(data json.RawMessage) ([]string, error) {
	if len(data) == 0 || string(data) == "null" {
		return nil, nil
	}
	var list []dependency
	if data[0] == '{' {
		var lists struct{ Formula, Cask []dependency }
		if err := json.Unmarshal(data, &lists); err != nil {
			return nil, err
		}
		list = append(lists.Formula, lists.Cask...)
	} else if err := json.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	var names relation.Collector
	for _, d := range list {
		if d.FullName == "" || d.DeclaredDirectly != nil && !*d.DeclaredDirectly {
			continue
		}
		if err := names.Add(relation.Requires, []byte(path.Base(d.FullName))); err != nil {
			return nil, err
		}
	}
	return names.Take().Requires, nil
}
