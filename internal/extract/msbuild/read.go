package msbuild

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A reader reads a project file.
type reader struct {
	ctx      context.Context
	doc      *xml.Decoder
	base     string // the file's name
	project  project
	problems lines.Problems
	ignored  int

	stack      []xml.StartElement
	text       strings.Builder // of the innermost element
	current    *element        // a reference that is not at its end
	properties int
}

// An element is an item of MSBuild while it is read. What is metadata may be
// an attribute or an element within.
type element struct {
	kind                              string
	include, update, version, private string
	override                          string
	line                              int
	remove                            bool
}

// file reads the whole file. Of one that is cut off, what is before that is
// kept.
func (r *reader) file() error {
	known := false
	for n := 0; ; n++ {
		if n%256 == 0 {
			if err := r.ctx.Err(); err != nil {
				return err
			}
		}
		line, _ := r.doc.InputPos()
		token, err := r.doc.Token()
		switch {
		case err == io.EOF && known:
			return nil
		case err != nil && !known:
			return fmt.Errorf("no project: %w", err)
		case err != nil:
			r.problems.Add("the file ends early or is damaged: %v", err)
			return nil
		}
		switch token := token.(type) {
		case xml.StartElement:
			if len(r.stack) == 0 && token.Name.Local != "Project" {
				return fmt.Errorf("no project: %q", lines.Clip(token.Name.Local))
			}
			known = true
			if len(r.stack) == maxDepth {
				return fmt.Errorf("more than %d elements in each other: %w", maxDepth, inventory.ErrTooLarge)
			}
			r.stack = append(r.stack, token.Copy())
			r.text.Reset()
			r.start(token, line)
		case xml.EndElement:
			if err := r.end(); err != nil {
				return err
			}
			r.stack = r.stack[:len(r.stack)-1]
			r.text.Reset()
		case xml.CharData:
			if r.text.Len() <= maxValue {
				r.text.Write(token[:min(len(token), maxValue+1)])
			}
		}
	}
}

// parent returns the name of the element that the innermost one is in.
func (r *reader) parent() string {
	if len(r.stack) < 2 {
		return ""
	}
	return r.stack[len(r.stack)-2].Name.Local
}

// start takes the begin of an element.
func (r *reader) start(token xml.StartElement, line int) {
	switch token.Name.Local {
	case "PackageReference", "PackageVersion", "GlobalPackageReference", "DotNetCliToolReference":
		if r.parent() != "ItemGroup" {
			return
		}
		r.current = &element{kind: token.Name.Local, line: line}
		for _, a := range token.Attr {
			if a.Name.Local == "Remove" {
				r.current.remove = true
			}
			r.current.set(a.Name.Local, a.Value)
		}
	case "Import":
		for _, a := range token.Attr {
			if a.Name.Local == "Project" && strings.Contains(a.Value, r.base) {
				r.project.Above = true
			}
		}
	}
}

// set takes an attribute or metadata.
func (e *element) set(key, value string) {
	value = strings.TrimSpace(value)
	switch key {
	case "Include":
		e.include = value
	case "Update":
		e.update = value
	case "Version":
		e.version = value
	case "VersionOverride":
		e.override = value
	case "PrivateAssets":
		e.private = value
	}
}

// end takes the end of the innermost element.
func (r *reader) end() error {
	token, name := r.stack[len(r.stack)-1], r.stack[len(r.stack)-1].Name.Local
	switch {
	case r.parent() == "PropertyGroup":
		return r.property(token)
	case r.current != nil && r.parent() == r.current.kind:
		r.current.set(name, r.text.String())
	case r.current != nil && name == r.current.kind:
		e := r.current
		r.current = nil
		return r.item(e)
	}
	return nil
}

// property takes a property.
func (r *reader) property(token xml.StartElement) error {
	value := strings.TrimSpace(r.text.String())
	if len(value) > maxValue || len(token.Name.Local) > maxValue {
		return nil // no version, which are what matters
	}
	if r.properties++; r.properties > maxItems {
		return fmt.Errorf("more than %d properties: %w", maxItems, inventory.ErrTooLarge)
	}
	p := property{Value: value}
	key := strings.ToLower(token.Name.Local)
	groups := r.stack[len(r.stack)-2 : len(r.stack)]
	for i, element := range groups {
		for _, a := range element.Attr {
			if a.Name.Local != "Condition" || strings.TrimSpace(a.Value) == "" {
				continue
			}
			condition := strings.ToLower(strings.ReplaceAll(a.Value, " ", ""))
			if i == 1 && condition == "'$("+key+")'==''" {
				p.Default = true
			} else {
				p.Conditional = true
			}
		}
	}
	// What is within "Choose" depends too.
	for _, element := range r.stack {
		p.Conditional = p.Conditional || element.Name.Local == "When" || element.Name.Local == "Otherwise" || element.Name.Local == "Target"
	}
	if r.project.Properties == nil {
		r.project.Properties = make(map[string][]property)
	}
	if len(r.project.Properties[key]) == maxChoices {
		p = property{Value: "$("} // no value is certain
		r.project.Properties[key] = r.project.Properties[key][:0]
	}
	r.project.Properties[key] = append(r.project.Properties[key], p)
	return nil
}

// item takes a reference or a version.
func (r *reader) item(e *element) error {
	names, update := e.include, false
	if names == "" {
		names, update = e.update, true
	}
	version := e.version
	if e.override != "" {
		version = e.override
	}
	switch {
	case e.remove, update && names != "" && version == "":
		r.ignored++
		return nil
	case names == "":
		r.problems.Add("line %d: %s names no package", e.line, e.kind)
		return nil
	case clipped("a version", version, e.line, &r.problems):
		return nil
	}
	all := false
	for asset := range strings.SplitSeq(e.private, ";") {
		all = all || strings.EqualFold(strings.TrimSpace(asset), "all")
	}
	// An update in a file for many projects says the version for those that
	// have the reference.
	shared := r.base == buildProps || r.base == buildTargets || r.base == packagesProps
	for name := range strings.SplitSeq(names, ";") {
		if name = strings.TrimSpace(name); name == "" || clipped("a name", name, e.line, &r.problems) {
			continue
		}
		if strings.ContainsAny(name, "$@%*(") {
			r.problems.Add("line %d: %q is no name of a package", e.line, lines.Clip(name))
			continue
		}
		if len(r.project.References)+len(r.project.Versions) == maxItems {
			return fmt.Errorf("more than %d references: %w", maxItems, inventory.ErrTooLarge)
		}
		i := item{Name: name, Version: version, Line: e.line, Development: all}
		switch {
		case e.kind == "PackageVersion" || update && shared:
			r.project.Versions = append(r.project.Versions, i)
		case e.kind == "PackageReference":
			r.project.References = append(r.project.References, i)
		default:
			// Of these, nothing goes into what is built.
			i.Development = true
			r.project.References = append(r.project.References, i)
		}
	}
	return nil
}
