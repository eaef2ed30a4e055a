// Package nugetconfig reads packages.config, in which older projects for .NET
// list the packages of NuGet that they use ([format]):
//
//	<packages>
//	  <package id="NAME" version="1.0.0" developmentDependency="true" />
//	</packages>
//
// The list has what the packages require too, and does not tell which these
// are.
//
// The content is hostile: the size of the file and the number of packages are
// limited, and what exceeds a limit is an error. Of a file that is cut off or
// not well-formed, the packages before the damage are kept.
//
// [format]: https://learn.microsoft.com/nuget/reference/packages-config
package nugetconfig

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/internal/extract/xmldoc"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest projects have some hundred packages in 100 KiB.
const (
	maxFile     = 16 << 20
	maxPackages = 50_000
	// A name or version that is longer is none.
	maxName = 1024
)

// Extractor reads packages.config. The zero value is ready, and safe for use by
// many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "nugetconfig".
func (Extractor) Name() string { return "nugetconfig" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the names of the files. A folder of several projects has one
// for each, packages.PROJECT.config.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/packages.config"},
		{Glob: "**/packages.*.config"},
	}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	doc, err := xmldoc.Open(ctx, f, maxFile)
	if err != nil {
		return inventory.Facts{}, err
	}
	facts := inventory.Facts{Declared: true}
	var problems lines.Problems
	known, depth, records := false, 0, 0
	for n := 0; ; n++ {
		if n%256 == 0 {
			if err := ctx.Err(); err != nil {
				return inventory.Facts{}, err
			}
		}
		line, _ := doc.InputPos()
		token, err := doc.Token()
		if err == io.EOF && known {
			break // the decoder has seen all elements end
		}
		if err != nil {
			if len(facts.Packages) == 0 {
				return inventory.Facts{}, fmt.Errorf("no list of packages: %w", err)
			}
			problems.Add("the file ends early or is damaged: %v", err)
			break
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			switch {
			case depth == 1 && token.Name.Local == "packages":
				known = true
			case depth == 1:
				return inventory.Facts{}, fmt.Errorf("no list of packages: %q", lines.Clip(token.Name.Local))
			case depth == 2 && token.Name.Local == "package":
				if records++; records > maxPackages {
					return inventory.Facts{}, fmt.Errorf("more than %d packages: %w", maxPackages, inventory.ErrTooLarge)
				}
				if p, ok := read(token, line, &problems); ok {
					facts.Packages = append(facts.Packages, p)
				}
			}
		case xml.EndElement:
			depth--
		}
	}
	facts.Problems = problems.List()
	return facts, nil
}

// read returns the package that an element names.
func read(element xml.StartElement, line int, problems *lines.Problems) (inventory.Package, bool) {
	p := inventory.Package{Type: "nuget", Line: line}
	for _, a := range element.Attr {
		switch value := strings.TrimSpace(a.Value); a.Name.Local {
		case "id":
			p.Name = value
		case "version":
			p.Version = value
		case "developmentDependency":
			p.Development = strings.EqualFold(value, "true")
		}
	}
	switch {
	case p.Name == "":
		problems.Add("line %d: a package has no name; its version is %q", line, lines.Clip(p.Version))
	case p.Version == "":
		problems.Add("line %d: package %q has no version", line, lines.Clip(p.Name))
	case len(p.Name) > maxName || len(p.Version) > maxName:
		problems.Add("line %d: name or version of package %q is longer than %d bytes", line, lines.Clip(p.Name), maxName)
	default:
		return p, true
	}
	return inventory.Package{}, false
}
