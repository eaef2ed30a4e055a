package spdx2

import (
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// An element is a package of a document, before it is known what the document
// says of it elsewhere.
type element struct {
	id, name, version      string
	supplier, originator   string
	declared, concluded    string
	sourceInfo, purpose    string
	purls, cpes            []string
	hashes                 []inventory.Hash
	own                    codec.Properties // in the annotation that this library made
	annotated              bool             // there is such an annotation
	notes                  []codec.Property // of other tools
	paths                  []string         // of files that other elements tell
	layer                  inventory.Layer
	role                   role
	part                   int  // the index of the inventory it belongs to
	development, otherwise bool // by relationships
}

// A role is what an element stands for.
type role uint8

const (
	rolePackage role = iota
	roleTarget
	roleOS
	roleFile // a lock file or binary of Trivy, which packages come from
)

// ref takes an external reference.
func (e *element) ref(kind, locator string) {
	locator = strings.TrimSpace(locator)
	switch {
	case locator == "":
	case kind == refPURL:
		e.purls = append(e.purls, locator)
	case kind == refCPE23 || kind == refCPE22, strings.HasPrefix(locator, "cpe:"):
		e.cpes = append(e.cpes, locator)
	}
}

// checksum takes a checksum.
func (e *element) checksum(c *codec.Collector, algorithm, value string) {
	h, ok := hashOf(algorithm, value)
	if !ok {
		c.Remark("package %s has a checksum that cannot be understood: %s", codec.Quote(e.name), codec.Quote(algorithm+": "+value))
		return
	}
	e.hashes = append(e.hashes, h)
}

// note takes the text of an annotation or attribution.
func (e *element) note(c *codec.Collector, comment string) {
	comment = strings.TrimSpace(comment)
	if isComment(comment) {
		props, err := properties(comment)
		if err != nil {
			c.Problem("package %s: %w", codec.Quote(e.name), err)
		}
		e.own = append(e.own, props...)
		e.annotated = true
		return
	}
	name, value, ok := strings.Cut(comment, ": ")
	if ok && isTrivy(name) {
		e.notes = append(e.notes, codec.Property{Name: name, Value: strings.TrimSpace(value)})
	}
}

// stated returns the value of a property of the library's annotation.
func (e *element) stated(name string) (string, bool) {
	for _, p := range e.own {
		if p.Name == name {
			return p.Value, true
		}
	}
	return "", false
}

// said returns the first note with a name.
func (e *element) said(name string) string {
	for _, n := range e.notes {
		if n.Name == name {
			return n.Value
		}
	}
	return ""
}

// purl returns the first package URL that is one, with what it says.
func (e *element) purl(c *codec.Collector) (string, inventory.Package) {
	if purl, ok := e.stated(propPURL); ok {
		p, err := codec.PackageOf(purl)
		if err != nil {
			p = inventory.Package{}
		}
		return purl, p
	}
	for _, purl := range e.purls {
		p, err := codec.PackageOf(purl)
		if err == nil {
			return purl, p
		}
		if c != nil {
			c.Problem("package %s has a package URL that cannot be understood: %s", codec.Quote(e.name), codec.Quote(purl))
		}
	}
	return "", inventory.Package{}
}

// isImage reports whether the type of a package URL is that of an image.
func isImage(kind string) bool { return kind == "oci" || kind == "docker" }

// isOS reports whether a purpose is that of an operating system, in the
// spelling of section 7.24 or of the schema.
func isOS(purpose string) bool {
	return strings.EqualFold(strings.ReplaceAll(purpose, "_", "-"), purposeOS)
}
