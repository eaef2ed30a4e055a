package sbom

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/imagevet/imagevet/internal/codec"
)

// Merge makes the inventory of a product that consists of several images or
// source trees, such as those that are deployed together. product needs a name;
// its kind is "product" if it states none.
//
// The result has copies of the parts, sorted by the name of their target, then
// the digest. Of several parts that are the same image, by the digest of the
// manifest for the same platform or by that of the configuration, the first is
// taken; without digests, parts are the same if all in them is. A part that is
// itself a product stands for its parts: a product has no products in it, and
// what the inner one has besides parts is a part too. [BOM.Document] of a part
// is kept.
func Merge(product Target, parts ...*BOM) (*BOM, error) {
	if product.Name == "" {
		return nil, errors.New("sbom: Merge: the product has no name")
	}
	product.Kind = cmp.Or(product.Kind, "product")
	product.Labels = maps.Clone(product.Labels)
	m := merger{seen: map[identity]bool{}}
	for _, part := range parts {
		if part == nil {
			return nil, errors.New("sbom: Merge: a part is nil")
		}
		if err := m.add(part, 0); err != nil {
			return nil, err
		}
	}
	sortParts(m.parts)
	return &BOM{Target: product, Parts: m.parts}, nil
}

// maxNested is how deep products can be in products: a circle has no end.
const maxNested = 16

type merger struct {
	parts []*BOM
	seen  map[identity]bool
}

// An identity tells images apart: a digest and what it is of.
type identity struct{ kind, digest, platform string }

// add adds a part, or the parts of one.
func (m *merger) add(part *BOM, depth int) error {
	if depth > maxNested {
		return errors.New("sbom: Merge: products are in products without end")
	}
	if len(part.Parts) == 0 {
		m.addImage(part)
		return nil
	}
	if len(part.Packages) > 0 || len(part.Problems) > 0 || len(part.Vulnerabilities) > 0 {
		own := *part
		own.Parts = nil
		m.addImage(&own)
	}
	for _, inner := range part.Parts {
		if inner == nil {
			return errors.New("sbom: Merge: a part is nil")
		}
		if err := m.add(inner, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// addImage adds a copy of a part, unless it is there.
func (m *merger) addImage(part *BOM) {
	t := &part.Target
	var ids []identity
	if t.Digest != "" {
		ids = append(ids, identity{"manifest", t.Digest, t.Platform})
	}
	if t.ImageID != "" {
		ids = append(ids, identity{"configuration", t.ImageID, ""})
	}
	if ids == nil {
		ids = append(ids, identity{"content", codec.UUID(part, &codec.Options{}, "part"), ""})
	}
	if slices.ContainsFunc(ids, func(id identity) bool { return m.seen[id] }) {
		return
	}
	for _, id := range ids {
		m.seen[id] = true
	}
	m.parts = append(m.parts, clone(part))
}

// clone returns a copy that shares no memory with b, which has no parts.
func clone(b *BOM) *BOM {
	c := *b
	c.Target.Labels = maps.Clone(b.Target.Labels)
	c.Layers = slices.Clone(b.Layers)
	c.OS.IDLike = slices.Clone(b.OS.IDLike)
	c.OS.Repositories = slices.Clone(b.OS.Repositories)
	c.OS.ContentSets = slices.Clone(b.OS.ContentSets)
	c.OS.ProServices = slices.Clone(b.OS.ProServices)
	c.Packages = slices.Clone(b.Packages)
	for i := range c.Packages {
		clonePackage(&c.Packages[i])
	}
	c.Problems = slices.Clone(b.Problems)
	for i, p := range c.Problems {
		c.Problems[i] = copyOf(p)
	}
	c.Vulnerabilities = slices.Clone(b.Vulnerabilities)
	for i := range c.Vulnerabilities {
		v := &c.Vulnerabilities[i]
		v.Aliases = slices.Clone(v.Aliases)
		v.Ratings = slices.Clone(v.Ratings)
		v.CWEs = slices.Clone(v.CWEs)
		v.References = slices.Clone(v.References)
		v.Affects = slices.Clone(v.Affects)
		v.Analysis.Responses = slices.Clone(v.Analysis.Responses)
	}
	c.Document.Authors = slices.Clone(b.Document.Authors)
	c.Document.Tools = slices.Clone(b.Document.Tools)
	c.Document.Lifecycles = slices.Clone(b.Document.Lifecycles)
	return &c
}

func clonePackage(p *Package) {
	p.Licenses = slices.Clone(p.Licenses)
	p.CPEs = slices.Clone(p.CPEs)
	p.Qualifiers = maps.Clone(p.Qualifiers)
	p.Hashes = slices.Clone(p.Hashes)
	p.Requires = slices.Clone(p.Requires)
	p.Platforms = slices.Clone(p.Platforms)
	p.Provides = slices.Clone(p.Provides)
	p.DependsOn = slices.Clone(p.DependsOn)
	p.Paths = slices.Clone(p.Paths)
	p.DeletedBy = copyOf(p.DeletedBy)
}

// copyOf copies what p points to.
func copyOf[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
