package pom

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A parser reads a pom.
type parser struct {
	ctx      context.Context
	decoder  *xml.Decoder
	project  project
	entries  int
	ignored  int
	depth    int // of open elements
	problems lines.Problems
	damaged  bool // the error is one of XML, not a limit or the context
}

// A profile is the element of that name.
type profile struct {
	project
	active bool
}

// parse reads the whole file.
func (p *parser) parse(content []byte) error {
	ascii(content)
	p.decoder = xml.NewDecoder(bytes.NewReader(content))
	// Maven knows the entities of HTML too.
	p.decoder.Entity = xml.HTMLEntity
	p.decoder.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	root := false
	err := p.children(func(name xml.Name) error {
		if name.Local != "project" || root {
			return errors.New("the file is no pom")
		}
		root = true
		return p.projectElement()
	})
	switch {
	case err == nil && !root:
		return errors.New("there is no project")
	case err != nil && (!p.damaged || !root):
		return err
	case err != nil:
		p.problems.Add("the file ends early or is damaged near byte %d: %v", p.decoder.InputOffset(), err)
	}
	p.ignored++ // the project itself
	return nil
}

// ascii makes content valid UTF-8. Names and versions are ASCII, which is a part
// of all encodings that poms are written in. Other characters are in texts for
// people only, and need not be right.
func ascii(content []byte) {
	if utf8.Valid(content) {
		return
	}
	for i, b := range content {
		if b >= utf8.RuneSelf {
			content[i] = '_' // may be part of the name of a property
		}
	}
}

// token returns the next token, and notes that the file is damaged where there
// is none.
func (p *parser) token() (xml.Token, error) {
	token, err := p.decoder.Token()
	if err != nil && (err != io.EOF || p.depth > 0) {
		p.damaged = true
	}
	return token, err
}

// children calls visit for each element in the current one, or for the root of
// the file. visit reads the element to its end.
func (p *parser) children(visit func(name xml.Name) error) error {
	for {
		token, err := p.token()
		if err == io.EOF && p.depth == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if p.depth++; p.depth > maxDepth {
				return fmt.Errorf("elements are nested more than %d deep: %w", maxDepth, inventory.ErrTooLarge)
			}
			if err := visit(token.Name); err != nil {
				return err
			}
		case xml.EndElement:
			p.depth--
			return nil
		}
	}
}

// skip reads to the end of the current element.
func (p *parser) skip(xml.Name) error { return p.children(p.skip) }

// text returns the text of the current element, up to a limit and one byte.
func (p *parser) text(most int) (string, error) {
	var text strings.Builder
	for {
		token, err := p.token()
		if err != nil {
			return "", err
		}
		switch token := token.(type) {
		case xml.CharData:
			if text.Len() == 0 {
				token = bytes.TrimLeft(token, " \t\r\n")
			}
			text.Write(token[:min(len(token), most+1-min(text.Len(), most+1))])
		case xml.StartElement:
			if p.depth++; p.depth > maxDepth {
				return "", fmt.Errorf("elements are nested more than %d deep: %w", maxDepth, inventory.ErrTooLarge)
			}
			if err := p.skip(token.Name); err != nil {
				return "", err
			}
		case xml.EndElement:
			p.depth--
			return strings.TrimSpace(text.String()), nil
		}
	}
}

// field reads the current element, whose text is a name, into s.
func (p *parser) field(s *string) error {
	text, err := p.text(maxName)
	if len(text) > maxName {
		p.problems.Add("line %d: too long: %q", p.line(), lines.Clip(text))
		text = ""
	}
	*s = text
	return err
}

// line returns the line where the decoder is.
func (p *parser) line() int {
	line, _ := p.decoder.InputPos()
	return line
}

// count counts one entry of the pom.
func (p *parser) count() error {
	if p.entries++; p.entries > maxEntries {
		return fmt.Errorf("more than %d entries: %w", maxEntries, inventory.ErrTooLarge)
	}
	return p.ctx.Err()
}

// projectElement reads the element "project".
func (p *parser) projectElement() error {
	var active []*profile
	into := &p.project
	err := p.children(func(name xml.Name) error {
		switch name.Local {
		case "parent":
			into.Parent = &parent{Path: "../pom.xml"}
			return p.children(func(name xml.Name) error {
				if name.Local == "relativePath" {
					return p.field(&into.Parent.Path)
				}
				return p.coordinate(name, &into.Parent.coordinates)
			})
		case "profiles":
			return p.children(func(name xml.Name) error {
				if name.Local != "profile" {
					return p.skip(name)
				}
				var one profile
				err := p.profile(&one)
				if one.active {
					active = append(active, &one)
				} else {
					p.ignored += len(one.Dependencies)
				}
				return err
			})
		}
		return p.member(name, into)
	})
	for _, one := range active {
		into.overlay(&one.project)
	}
	return err
}

// profile reads the element of that name.
func (p *parser) profile(into *profile) error {
	return p.children(func(name xml.Name) error {
		if name.Local != "activation" {
			return p.member(name, &into.project)
		}
		return p.children(func(name xml.Name) error {
			if name.Local != "activeByDefault" {
				return p.skip(name)
			}
			var value string
			err := p.field(&value)
			into.active = strings.EqualFold(value, "true")
			return err
		})
	})
}

// overlay puts what a profile says over what the project says.
func (into *project) overlay(one *project) {
	if into.Properties == nil {
		into.Properties = one.Properties
	}
	maps.Copy(into.Properties, one.Properties)
	into.Dependencies = overlay(into.Dependencies, one.Dependencies)
	into.Managed = overlay(into.Managed, one.Managed)
	into.Modules = append(into.Modules, one.Modules...)
}

// overlay returns the dependencies of both lists. For those that are in both,
// it takes that of above.
func overlay(below, above []dependency) []dependency {
	if len(above) == 0 {
		return below
	}
	at := make(map[key]int, len(below))
	for i := range below {
		at[below[i].key()] = i
	}
	for _, d := range above {
		if i, ok := at[d.key()]; ok {
			below[i] = d
			continue
		}
		at[d.key()] = len(below)
		below = append(below, d)
	}
	return below
}

// member reads a member that a project and a profile have in common.
func (p *parser) member(name xml.Name, into *project) error {
	switch name.Local {
	case "properties":
		if into.Properties == nil {
			into.Properties = map[string]string{}
		}
		return p.children(func(name xml.Name) error { return p.property(name.Local, into.Properties) })
	case "modules":
		return p.children(func(name xml.Name) error {
			if name.Local != "module" {
				return p.skip(name)
			}
			var module string
			if err := p.field(&module); err != nil {
				return err
			}
			if module != "" {
				into.Modules = append(into.Modules, module)
			}
			return p.count()
		})
	case "dependencies":
		return p.dependencies(&into.Dependencies)
	case "dependencyManagement":
		return p.children(func(name xml.Name) error {
			if name.Local != "dependencies" {
				return p.skip(name)
			}
			before := len(into.Managed)
			err := p.dependencies(&into.Managed)
			p.ignored += len(into.Managed) - before
			return err
		})
	}
	return p.coordinate(name, &into.coordinates)
}

// property reads one property.
func (p *parser) property(name string, into map[string]string) error {
	value, err := p.text(maxValue)
	if err != nil {
		return err
	}
	if len(value) > maxValue || len(name) > maxName {
		p.problems.Add("property %q is too long", lines.Clip(name))
	} else {
		into[name] = value
	}
	return p.count()
}

// coordinate reads a coordinate, and over what is none.
func (p *parser) coordinate(name xml.Name, c *coordinates) error {
	switch name.Local {
	case "groupId":
		return p.field(&c.Group)
	case "artifactId":
		return p.field(&c.Artifact)
	case "version":
		return p.field(&c.Version)
	}
	return p.skip(name)
}

// dependencies reads a list of dependencies.
func (p *parser) dependencies(list *[]dependency) error {
	return p.children(func(name xml.Name) error {
		if name.Local != "dependency" {
			return p.skip(name)
		}
		d := dependency{Line: p.line()}
		if err := p.children(func(name xml.Name) error {
			switch name.Local {
			case "type":
				return p.field(&d.Type)
			case "classifier":
				return p.field(&d.Classifier)
			case "scope":
				return p.field(&d.Scope)
			}
			return p.coordinate(name, &d.coordinates)
		}); err != nil {
			return err
		}
		if d.Group == "" || d.Artifact == "" {
			p.problems.Add("line %d: the dependency %q has no name", d.Line, d.label())
			return p.count()
		}
		*list = append(*list, d)
		return p.count()
	})
}
