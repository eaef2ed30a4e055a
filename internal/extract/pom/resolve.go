package pom

import (
	"slices"
	"strings"
)

// Properties of real projects refer to others three or four deep.
const (
	maxReferences = 32      // deep
	maxSteps      = 1000    // of one text
	maxText       = 8 << 10 // bytes of a text with its properties put in
)

// A model is a project, its parent and so on: what a value of it can refer to.
type model struct {
	node  *node
	chain []*project // the project first
	work  *int       // what is left of the work of all, shared
}

// expand replaces the properties in text. Unknown ones stay as they are, and
// so does the whole text if the limits are exceeded.
func (m *model) expand(text string) string {
	if !strings.Contains(text, "${") {
		return text
	}
	e := expansion{model: m}
	if e.add(text); e.exceeded {
		return text
	}
	return e.text.String()
}

// An expansion is a text on its way to be expanded.
type expansion struct {
	model    *model
	text     strings.Builder
	open     []string // properties whose values are being expanded
	steps    int
	exceeded bool
}

// add appends text with its properties replaced.
func (e *expansion) add(text string) {
	for !e.exceeded {
		before, rest, found := strings.Cut(text, "${")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			e.write(text)
			return
		}
		e.write(before)
		value, known := e.model.lookup(name)
		switch {
		case !known || slices.Contains(e.open, name):
			e.write("${" + name + "}")
		case len(e.open) == maxReferences:
			e.exceeded = true
		default:
			e.open = append(e.open, name)
			e.add(value)
			e.open = e.open[:len(e.open)-1]
		}
		text = after
	}
}

// write appends text as it is. Every step comes here, so that the work is
// counted here.
func (e *expansion) write(text string) {
	e.steps++
	*e.model.work--
	if e.steps > maxSteps || *e.model.work < 0 || len(text) > maxText-e.text.Len() {
		e.exceeded = true
		return
	}
	e.text.WriteString(text)
}

// lookup returns the value of a property: a member of the project with the
// prefix "project." or the older "pom.", else what properties say, those of
// the project before those of its parent, else a member without a prefix.
func (m *model) lookup(name string) (string, bool) {
	for _, prefix := range []string{"project.", "pom."} {
		if member, ok := strings.CutPrefix(name, prefix); ok {
			if value := m.member(member); value != "" {
				return value, true
			}
		}
	}
	for _, p := range m.chain {
		*m.work--
		if value, ok := p.Properties[name]; ok {
			return value, true
		}
	}
	value := m.member(name)
	return value, value != ""
}

// member returns the value of a member of the project.
func (m *model) member(name string) string {
	p := m.chain[0]
	own := m.coordinates()
	switch name {
	case "groupId":
		return own.Group
	case "artifactId":
		return own.Artifact
	case "version":
		return own.Version
	}
	if member, ok := strings.CutPrefix(name, "parent."); ok && p.Parent != nil {
		switch member {
		case "groupId":
			return p.Parent.Group
		case "artifactId":
			return p.Parent.Artifact
		case "version":
			return p.Parent.Version
		}
	}
	return ""
}

// coordinates returns those of the project as it states them. Group and
// version may be those of the parent.
func (m *model) coordinates() coordinates {
	c := m.chain[0].coordinates
	if p := m.chain[0].Parent; p != nil {
		if c.Group == "" {
			c.Group = p.Group
		}
		if c.Version == "" {
			c.Version = p.Version
		}
	}
	return c
}

// expanded returns d with its properties replaced.
func (m *model) expanded(d *dependency) dependency {
	*m.work--
	e := *d
	for _, field := range []*string{&e.Group, &e.Artifact, &e.Version, &e.Type, &e.Classifier, &e.Scope} {
		*field = m.expand(*field)
	}
	return e
}
