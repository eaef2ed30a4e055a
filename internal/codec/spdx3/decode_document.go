package spdx3

import (
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// metadata returns what the document says about itself.
func (j *JSON) metadata() inventory.Document {
	d := inventory.Document{Format: "SPDX", Version: j.version, Encoding: "json"}
	if j.document != nil {
		if d.ID = string(j.document.SpdxID); d.ID == "" {
			d.ID = string(j.document.AtID)
		}
	}
	if info := j.creationInfo(); info != nil {
		if info.SpecVersion != "" {
			d.Version = string(info.SpecVersion)
		}
		if info.Created != "" {
			t, err := codec.ParseTime(string(info.Created))
			if err != nil {
				j.c.Problem("the document's creation: %v", err)
			}
			d.Created = moment(t)
		}
		for _, r := range info.CreatedUsing {
			if n := j.index[r.id]; n != nil {
				d.Tools = addTool(d.Tools, n.name)
			}
		}
		for _, r := range info.CreatedBy {
			n := j.index[r.id]
			switch {
			case n == nil && noAgent(r.id):
			case n == nil:
				j.missing(r.id)
			case n.class == "SoftwareAgent" || n.class == "Tool":
				d.Tools = addTool(d.Tools, n.name)
			case n.name != "":
				d.Authors = append(d.Authors, n.name)
			}
		}
	}
	for _, c := range j.collections {
		for _, kind := range c.SbomType {
			if word := lifecycle(string(kind)); word != "" && !slices.Contains(d.Lifecycles, word) {
				d.Lifecycles = append(d.Lifecycles, word)
			}
		}
	}
	return d
}

// creationInfo returns that of the document, or else of the first collection
// that has one.
func (j *JSON) creationInfo() *element {
	list := j.collections
	if j.document != nil {
		list = append([]*element{j.document}, list...)
	}
	for _, e := range list {
		for _, r := range e.CreationInfo {
			if n := j.index[r.id]; n != nil && n.class == "CreationInfo" {
				return n.element
			}
		}
	}
	return nil
}

// addTool adds a tool by its name, in which the version is behind the first
// hyphen that a digit follows.
func addTool(tools []inventory.Tool, name string) []inventory.Tool {
	t := inventory.Tool{Name: name}
	for i := range len(name) {
		if version := name[i+1:]; name[i] == '-' && i > 0 && startsVersion(version) {
			t.Name, t.Version = name[:i], version
			break
		}
	}
	if name == "" || slices.Contains(tools, t) {
		return tools
	}
	return append(tools, t)
}

func startsVersion(s string) bool {
	s = strings.TrimPrefix(s, "v")
	return s != "" && '0' <= s[0] && s[0] <= '9'
}

// agentText returns an agent as one line.
func agentText(e *element) string {
	for _, id := range e.ExternalIdentifier {
		if id.Kind != "email" || id.Identifier == "" {
			continue
		}
		if e.Name == "" || e.Name == id.Identifier {
			return string(id.Identifier)
		}
		return string(e.Name) + " <" + string(id.Identifier) + ">"
	}
	return string(e.Name)
}

// noAgent reports whether a reference is to one of SPDX's own elements.
func noAgent(id string) bool {
	return strings.HasSuffix(id, "NoAssertionElement") || strings.HasSuffix(id, "NoneElement") || strings.HasSuffix(id, "NOASSERTION")
}

// agentNames returns the agents that references name, with commas between.
func (j *JSON) agentNames(refs list[ref]) string {
	var names []string
	for _, r := range refs {
		n := j.index[r.id]
		switch {
		case n != nil && n.name != "":
			names = append(names, n.name)
		case n != nil || noAgent(r.id) || r.id == "":
		case strings.HasSuffix(r.id, "SpdxOrganization"):
			names = append(names, "SPDX")
		default:
			j.missing(r.id)
		}
	}
	return strings.Join(names, ", ")
}
