// Package gradleverification reads gradle/verification-metadata.xml, in which a
// build of Gradle keeps the checksums and signatures that the files it fetches
// must have.
//
// The [file] lists a component for each package and version, and in it the
// files that belong to it. They include plugins of the build and versions that
// are long replaced, as Gradle adds to the file and takes nothing away; which
// of them the project uses, and for what, is not recorded. A component of which
// only a description (pom or module), sources or documentation were fetched is
// ignored: Gradle looked at it, and used another.
//
// The content is hostile: the file's size, the depth of its elements, the
// number of components and files, and the length of names are limited. Of a
// file that is cut off, the components before the damage are kept.
//
// [file]: https://docs.gradle.org/current/userguide/dependency_verification.html
package gradleverification

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// Large builds have 10,000 components and 5 MiB.
const (
	maxFile     = 64 << 20
	maxPackages = 200_000
	maxDepth    = 20 // of elements; the format has 6
	maxName     = 512
)

// Extractor reads verification-metadata.xml. The zero value is ready, and safe
// for use by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "gradleverification".
func (Extractor) Name() string { return "gradleverification" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 1 }

// Patterns returns the name of the file.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{{Glob: "**/gradle/verification-metadata.xml"}}
}

// Extract returns the packages of the file. The error wraps
// [inventory.ErrTooLarge] if a limit is exceeded.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	limited := &io.LimitedReader{R: f, N: maxFile + 1}
	p := parser{ctx: ctx, decoder: xml.NewDecoder(limited)}
	p.facts.Declared = true
	err := p.file()
	switch {
	case limited.N == 0:
		return inventory.Facts{}, fmt.Errorf("more than %d bytes: %w", maxFile, inventory.ErrTooLarge)
	case err != nil && (!p.damaged || len(p.facts.Packages) == 0):
		return inventory.Facts{}, err
	case err != nil:
		p.problems.Add("the file ends early or is damaged near byte %d: %v", p.decoder.InputOffset(), err)
	}
	p.facts.Problems = p.problems.List()
	return p.facts, nil
}

// A parser collects the packages of a file.
type parser struct {
	ctx      context.Context
	decoder  *xml.Decoder
	open     []string // elements
	records  int
	current  inventory.Package
	bad      bool // the current component is none
	files    int  // of the current component
	useful   int  // of them
	facts    inventory.Facts
	problems lines.Problems
	damaged  bool // the error is one of XML, not a limit or the context
}

// file reads the whole file.
func (p *parser) file() error {
	root := false
	for {
		token, err := p.decoder.Token()
		if err == io.EOF && root && len(p.open) == 0 {
			return nil
		}
		if err != nil {
			var syntax *xml.SyntaxError
			p.damaged = err == io.EOF || errors.As(err, &syntax)
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if len(p.open) == 0 {
				if root || token.Name.Local != "verification-metadata" {
					return fmt.Errorf("element %q is not of this format", lines.Clip(token.Name.Local))
				}
				root = true
			}
			if len(p.open) == maxDepth {
				return fmt.Errorf("elements are nested more than %d deep: %w", maxDepth, inventory.ErrTooLarge)
			}
			p.open = append(p.open, token.Name.Local)
			if err := p.begin(&token); err != nil {
				return err
			}
		case xml.EndElement:
			p.end()
			p.open = p.open[:len(p.open)-1]
		}
	}
}

// in reports whether the open elements below the root are those.
func (p *parser) in(elements ...string) bool {
	if len(p.open) != len(elements)+1 {
		return false
	}
	for i, element := range elements {
		if p.open[i+1] != element {
			return false
		}
	}
	return true
}

// begin takes the start of an element.
func (p *parser) begin(element *xml.StartElement) error {
	switch {
	case p.in("components", "component"):
		if err := p.ctx.Err(); err != nil {
			return err
		}
		if p.records++; p.records > maxPackages {
			return fmt.Errorf("more than %d components: %w", maxPackages, inventory.ErrTooLarge)
		}
		line, _ := p.decoder.InputPos()
		p.current = inventory.Package{
			Type:      "maven",
			Namespace: attribute(element, "group"),
			Name:      attribute(element, "name"),
			Version:   attribute(element, "version"),
			Line:      line,
		}
		p.files, p.useful, p.bad = 0, 0, true
		label := p.current.Namespace + ":" + p.current.Name
		switch {
		case p.current.Namespace == "" || p.current.Name == "":
			p.problems.Add("line %d: component %q has no name", line, lines.Clip(label))
		case p.current.Version == "":
			p.problems.Add("line %d: component %q has no version", line, lines.Clip(label))
		case len(label) > maxName || len(p.current.Version) > maxName:
			p.problems.Add("line %d: the name or version of component %q is too long", line, lines.Clip(label))
		default:
			p.bad = false
		}
	case p.in("components", "component", "artifact"):
		p.files++
		if useful(attribute(element, "name")) {
			p.useful++
		}
	}
	return nil
}

// end takes the end of an element.
func (p *parser) end() {
	if !p.in("components", "component") || p.bad {
		return
	}
	if p.files > 0 && p.useful == 0 {
		p.facts.Ignored++
		return
	}
	p.facts.Packages = append(p.facts.Packages, p.current)
}

// useful reports whether the file of an artifact is more than its description,
// sources or documentation.
func useful(name string) bool {
	for _, suffix := range []string{".pom", ".module", "-sources.jar", "-javadoc.jar"} {
		if strings.HasSuffix(name, suffix) {
			return false
		}
	}
	return true
}

// attribute returns the value of an attribute, empty if there is none.
func attribute(element *xml.StartElement, name string) string {
	for _, a := range element.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}
