package spdx3

import (
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
				j.c.Remark("the document's creation: %v", err)
			}
			d.Created = moment(t)
		}
		known := map[string]bool{"": true}
		add := func(name string) {
			if !known[name] {
				known[name] = true
				d.Tools = append(d.Tools, tool(name))
			}
		}
		for _, r := range info.CreatedUsing {
			if n := j.index[r.id]; n != nil {
				add(n.name)
			} else {
				j.missing(r.id)
			}
		}
		for _, r := range info.CreatedBy {
			n := j.index[r.id]
			switch {
			case n == nil && noAgent(r.id):
			case n == nil:
				j.missing(r.id)
			case n.class == "SoftwareAgent" || n.class == "Tool":
				add(n.name)
			case n.name != "":
				d.Authors = append(d.Authors, n.name)
			}
		}
	}
	known := map[string]bool{"": true}
	for _, c := range j.collections {
		for _, kind := range c.SbomType {
			if word := lifecycle(string(kind)); !known[word] {
				known[word] = true
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

// tool takes the name of a tool apart: the version is behind the first hyphen
// that a digit follows.
func tool(name string) inventory.Tool {
	for i := range len(name) {
		if version := name[i+1:]; name[i] == '-' && i > 0 && startsVersion(version) {
			return inventory.Tool{Name: name[:i], Version: version}
		}
	}
	return inventory.Tool{Name: name}
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

// maxAgents is the length in bytes up to which names of agents are joined: each
// package can name all.
const maxAgents = 4096

// agentNames returns the agents that references name, with commas between.
func (j *JSON) agentNames(refs list[ref]) string {
	var names []string
	size := 0
	for _, r := range refs {
		if size > maxAgents {
			j.c.Problem("something has more agents than are read, such as %s", codec.Quote(r.id))
			break
		}
		n := j.index[r.id]
		switch {
		case n != nil && n.name != "":
			names = append(names, n.name)
			size += len(n.name)
		case n != nil || noAgent(r.id) || r.id == "":
		case strings.HasSuffix(r.id, "SpdxOrganization"):
			names = append(names, "SPDX")
		default:
			j.missing(r.id)
		}
	}
	return strings.Join(names, ", ")
}
