// Package syftjson reads the bills of materials that Syft writes in a format of
// its own ("syft-json"): https://github.com/anchore/syft/tree/main/schema/json.
//
// All versions of the schema are read alike: a member that an older one spells
// otherwise is known under both names, and what no version of this package
// knows is passed over. Every artifact is a package, also one without a package
// URL.
package syftjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/license"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// ErrFormat is returned for a document that does not say that it is Syft's.
var ErrFormat = errors.New("no document of Syft")

// JSON reads one document.
type JSON struct {
	c        *codec.Collector
	limits   codec.Limits
	licenses license.Cache
	// owned are pairs of an owner and what it owns, by their identifiers.
	owned  [][2]string
	isSyft bool
}

var _ codec.JSONReader = (*JSON)(nil)

// NewJSON returns a reader for one document.
func NewJSON(limits codec.Limits) *JSON {
	r := &JSON{c: codec.NewCollector("syft", limits), limits: limits}
	r.c.BOM.Target.Kind = "sbom"
	r.c.BOM.Document = inventory.Document{Format: "Syft", Encoding: "json"}
	return r
}

// Member reads the value of a member that Syft's documents have.
func (r *JSON) Member(name string, dec *json.Decoder) (bool, error) {
	switch name {
	case "artifacts":
		return true, codec.Elements(r.c, dec, "artifact", r.artifact)
	case "artifactRelationships":
		return true, codec.Elements(r.c, dec, "relationship", r.relationship)
	case "files":
		return true, codec.Elements(r.c, dec, "file", r.file)
	case "source":
		var s source
		if err := codec.Value(r.c, dec, "the source", &s); err != nil {
			return true, err
		}
		return true, r.target(&s)
	case "distro":
		var d distro
		if err := codec.Value(r.c, dec, "the distribution", &d); err != nil {
			return true, err
		}
		r.c.BOM.OS = d.os()
		return true, nil
	case "descriptor":
		var d struct{ Name, Version string }
		if err := codec.Value(r.c, dec, "the descriptor", &d); err != nil {
			return true, err
		}
		if d.Name != "" || d.Version != "" {
			r.c.BOM.Document.Tools = []inventory.Tool{{Name: d.Name, Version: d.Version}}
		}
		r.isSyft = r.isSyft || d.Name == "syft"
		return true, nil
	case "schema":
		var s struct{ Version, URL string }
		if err := codec.Value(r.c, dec, "the schema", &s); err != nil {
			return true, err
		}
		r.c.BOM.Document.Version = s.Version
		r.isSyft = r.isSyft || strings.Contains(s.URL, "/anchore/syft/")
		return true, nil
	}
	return false, nil
}

// Finish returns the inventory, or [ErrFormat] if neither the schema nor the
// descriptor named Syft.
func (r *JSON) Finish() (*inventory.BOM, error) {
	if !r.isSyft {
		return nil, ErrFormat
	}
	for _, pair := range r.owned {
		owner, owned := r.c.Package(pair[0]), r.c.Package(pair[1])
		if owner == nil || owned == nil || owned.OwnedBy != "" {
			continue
		}
		if codec.OfDistribution(owner.Type) && !codec.OfDistribution(owned.Type) {
			owned.OwnedBy = owner.PURL
		}
	}
	b := r.c.Finish()
	for i := range b.Packages {
		if p := &b.Packages[i]; p.Namespace == "" && codec.OfDistribution(p.Type) {
			p.Namespace = b.OS.ID
		}
	}
	return b, nil
}

// A relationship of two artifacts, or of an artifact and a file.
type relationship struct{ Parent, Child, Type string }

// relationship takes one. That files belong to packages ("contains") or tell of
// them ("evident-by") is nothing that an inventory has.
// https://github.com/anchore/syft/blob/main/syft/artifact/relationship.go
func (r *JSON) relationship(v *relationship) error {
	switch v.Type {
	case "dependency-of": // the child needs the parent
		return r.c.DependsOn(v.Child, v.Parent)
	case "ownership-by-file-overlap":
		if len(r.owned) >= r.limits.Edges {
			return fmt.Errorf("more than %d relationships: %w", r.limits.Edges, inventory.ErrTooLarge)
		}
		r.owned = append(r.owned, [2]string{v.Parent, v.Child})
	}
	return nil
}

// A file is of interest if Syft could not read it.
type file struct {
	Location struct{ Path string }
	Unknowns json.RawMessage
}

func (r *JSON) file(v *file) error {
	if len(v.Unknowns) == 0 {
		return nil
	}
	for _, text := range optional[[]string](r, v.Unknowns, "what is not known of the file", v.Location.Path) {
		// That an executable or archive is nothing that Syft knows is no failure.
		// https://github.com/anchore/syft/blob/main/internal/task/unknowns_tasks.go
		switch strings.TrimPrefix(text, "unknowns-labeler: ") {
		case "no package identified in executable file", "no package identified in archive", "archive not cataloged":
			continue
		}
		if len(r.c.BOM.Problems) >= r.limits.Packages {
			return fmt.Errorf("more than %d files that are not known: %w", r.limits.Packages, inventory.ErrTooLarge)
		}
		r.c.BOM.Problems = append(r.c.BOM.Problems, &inventory.FileError{
			Path: relative(v.Location.Path), Extractor: "syft", Err: errors.New(text),
		})
	}
	return nil
}

// optional reads a part of something without which the rest still counts. What
// does not fit is a problem, and the result holds what does.
func optional[T any](r *JSON, raw json.RawMessage, what, of string) T {
	var v T
	if len(raw) == 0 {
		return v
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		r.c.Problem("%s %s cannot be understood: %v", what, codec.Quote(of), err)
	}
	return v
}

// relative makes a path relative to the image's root, as those of an inventory
// are.
func relative(path string) string { return strings.TrimLeft(path, "/") }
