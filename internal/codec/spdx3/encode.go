package spdx3

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// EncodeJSON writes an inventory as SPDX 3.0.1 in JSON-LD. The version that
// opts asks for is "3.0.1", "3.0" or empty; another one is [ErrVersion]. Without
// a time in opts the document is as old as the target, or from 1970, as it has
// to have some time.
func EncodeJSON(w io.Writer, b *inventory.BOM, opts *codec.Options) error {
	switch opts.Version {
	case "", "3.0", specVersion:
	default:
		return fmt.Errorf("%w: %q", ErrVersion, opts.Version)
	}
	name := b.Target.Name
	if name == "" {
		name = "sbom"
	}
	document := "https://spdx.org/spdxdocs/" + url.PathEscape(name) + "-" + codec.UUID(b, opts, "spdx-3.0")
	e := &encoder{
		w: codec.NewJSONWriter(w, opts.Compact), base: document + "#",
		ids: map[string]int{}, agents: map[[2]string]string{}, licenses: map[string]string{},
	}
	e.w.Member("@context", contextURL)
	e.w.List("@graph")
	e.creation(b, opts)
	e.w.Element(collectionElement{
		head:        head{"SpdxDocument", document, creation, b.Target.Name},
		Profiles:    profiles(b),
		RootElement: []string{e.base + "sbom-1"}, // the first that bom makes
	})
	supplier := ""
	if opts.Supplier != "" {
		supplier = e.agent("Organization", opts.Supplier)
	}
	e.bom(b, supplier)
	e.w.EndList()
	return e.w.Close()
}

// creation is the one CreationInfo of all elements.
const creation = "_:creationinfo"

// An encoder writes elements. What it keeps grows with the number of packages,
// of different licences and of different agents, not with what they say.
type encoder struct {
	w    *codec.JSONWriter
	base string
	ids  map[string]int // how many were given out, by kind
	// agents and licenses are the elements that are there so far, by class and
	// text, and by text.
	agents   map[[2]string]string
	licenses map[string]string
	reader   licenseReader
}

// id returns the next identifier of a kind.
func (e *encoder) id(kind string) string {
	e.ids[kind]++
	return e.base + kind + "-" + strconv.Itoa(e.ids[kind])
}

func (e *encoder) head(class, kind, name string) head {
	return head{class, e.id(kind), creation, name}
}

// profiles are those of which something can be in the document.
func profiles(b *inventory.BOM) []string {
	// "extension" is one too, but readers that are in use do not know the word.
	list := []string{"core", "software", "simpleLicensing"}
	if hasVulnerabilities(b) {
		list = append(list, "security")
	}
	return list
}

func hasVulnerabilities(b *inventory.BOM) bool {
	if len(b.Vulnerabilities) > 0 {
		return true
	}
	return slices.ContainsFunc(b.Parts, hasVulnerabilities)
}

// creation writes who made the document, when, and with what.
func (e *encoder) creation(b *inventory.BOM, opts *codec.Options) {
	created := formatTime(opts.Created)
	if created == "" {
		created = formatTime(b.Target.Created)
	}
	if created == "" {
		created = "1970-01-01T00:00:00Z"
	}
	info := creationInfo{Type: "CreationInfo", ID: creation, SpecVersion: specVersion, Created: created}
	for _, author := range opts.Authors {
		class, name := "Organization", author
		for _, prefix := range []string{"Organization", "Person"} {
			if rest, ok := strings.CutPrefix(author, prefix+":"); ok {
				class, name = prefix, strings.TrimSpace(rest)
			}
		}
		info.CreatedBy = append(info.CreatedBy, e.agent(class, name))
	}
	tool := codec.Tool()
	if len(info.CreatedBy) == 0 {
		info.CreatedBy = []string{e.agent("SoftwareAgent", toolName(tool))}
	}
	for _, t := range append([]inventory.Tool{tool}, opts.Tools...) {
		element := agentElement{head: e.head("Tool", "tool", toolName(t))}
		info.CreatedUsing = append(info.CreatedUsing, element.ID)
		e.w.Element(element)
	}
	e.w.Element(info)
}

// toolName writes a tool as most do: a Tool has no field for its version.
func toolName(t inventory.Tool) string {
	if t.Version == "" {
		return t.Name
	}
	return t.Name + "-" + t.Version
}

// agent returns the element of an agent, which it writes the first time.
func (e *encoder) agent(class, text string) string {
	key := [2]string{class, text}
	if id, ok := e.agents[key]; ok {
		return id
	}
	a := agentElement{head: e.head(class, "agent", text)}
	if name, address, ok := splitAddress(text); ok {
		a.Name = name
		a.ExternalIdentifier = []externalIdentifier{{"ExternalIdentifier", "email", address}}
	}
	e.w.Element(a)
	e.agents[key] = a.ID
	return a.ID
}

// splitAddress takes "NAME <ADDRESS>" apart.
func splitAddress(text string) (name, address string, ok bool) {
	name, address, ok = strings.Cut(text, " <")
	if !ok || name == "" {
		return "", "", false
	}
	address, rest, ok := strings.Cut(address, ">")
	if !ok || rest != "" || address == "" || strings.ContainsAny(address, "< ") {
		return "", "", false
	}
	return name, address, true
}

// most is how many elements one relationship is to.
const most = 1000

// relate writes relationships to all of a list.
func (e *encoder) relate(r relationship, class string, to []string) {
	for len(to) > 0 {
		n := min(len(to), most)
		r.head = e.head(class, "relationship", "")
		r.To = to[:n]
		e.w.Element(r)
		to = to[n:]
	}
}

// bom writes an inventory and its parts, and returns the element of its target.
func (e *encoder) bom(b *inventory.BOM, supplier string) (target string) {
	sbom := collectionElement{head: e.head("software_Sbom", "sbom", ""), SbomType: []string{sbomType(b.Target.Kind)}}
	target = e.id("target")
	sbom.RootElement = []string{target}
	contained := make([]string, 0, len(b.Packages)+1)
	os := packageElement{}
	if hasOS(&b.OS) {
		os = e.os(&b.OS)
		contained = append(contained, os.ID)
	}
	first := len(contained)
	for range b.Packages {
		contained = append(contained, e.id("package"))
	}
	sbom.Element = append([]string{target}, contained...)
	e.w.Element(sbom)
	e.target(b, target, supplier)
	if os.ID != "" {
		e.w.Element(os)
	}
	packages := contained[first:]
	e.packages(b, target, packages)
	completeness := "noAssertion"
	if len(b.Problems) > 0 {
		completeness = "incomplete" // files could not be read
	}
	e.relate(relationship{From: target, Kind: "contains", Completeness: completeness}, "Relationship", contained)
	e.vulnerabilities(b, target, packages)
	var parts []string
	for _, part := range b.Parts {
		parts = append(parts, e.bom(part, ""))
	}
	e.relate(relationship{From: target, Kind: "contains", Completeness: "noAssertion"}, "Relationship", parts)
	return target
}
