package spdx3

import (
	"cmp"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// target takes over what the root element of a unit says. Without a property
// nothing tells what kind of target it is.
func (j *JSON) target(u *unit) {
	b, e := u.c.BOM, u.root.element
	if u.root.name != "" {
		b.Target.Name = u.root.name
	}
	if e == nil { // a file
		return
	}
	b.Target.Version = string(e.PackageVersion)
	if e.PrimaryPurpose == "container" {
		for _, h := range e.VerifiedUsing {
			digest := string(h.Algorithm + ":" + h.HashValue)
			if _, ok := digestHash(digest); ok && h.Type == "Hash" && b.Target.Digest == "" {
				b.Target.Digest = digest
			}
		}
		if b.Target.Version == b.Target.Digest { // as Syft writes it
			b.Target.Version = ""
		}
	}
	for _, prop := range e.properties() {
		if prop.Name == digestProperty {
			b.Target.Digest = prop.Value
			continue
		}
		j.targetProperty(b, prop)
	}
	b.Target.Kind = cmp.Or(b.Target.Kind, u.kind)
	if b.Target.Created.IsZero() && e.BuiltTime != "" {
		t, err := codec.ParseTime(string(e.BuiltTime))
		if err != nil {
			j.c.Problem("the time when %s was built: %v", codec.Quote(b.Target.Name), err)
		}
		b.Target.Created = t
	}
	b.Target.Created = moment(b.Target.Created)
}

func (j *JSON) targetProperty(b *inventory.BOM, prop codec.Property) {
	if _, err := codec.SetTargetProperty(b, prop); err != nil {
		j.c.Problem("target %s: %v", codec.Quote(b.Target.Name), err)
	}
}

// os takes over a distribution.
func (j *JSON) os(os *inventory.OS, e *element) {
	os.ID = strings.ToLower(string(e.Name))
	os.Version = string(e.PackageVersion)
	os.Name = string(e.Description)
	if os.Name == "" {
		os.Name = string(e.Summary)
	}
	if cpes := e.cpes(); len(cpes) > 0 {
		os.CPE = cpes[0]
	}
	for _, prop := range e.properties() {
		codec.SetOSProperty(os, prop)
	}
}
