// Package sbomfile reads bills of materials that lie in an image: those that
// Bitnami, Wolfi and others put beside what they install, and those that
// applications bring with them.
//
// The formats are those of package detect: CycloneDX in JSON and XML, SPDX in
// JSON and tags, Syft's own, and attestations around these. Which one a file has
// is told from its content. Each package that has a package URL and a version is
// one, with its licences, CPEs and supplier, and with the packages that the
// document says it depends on. The package that the document is about counts too
// if it has a package URL. Packages without one are not installed as far as can
// be told; one of the problems says how many there are.
//
// What only breaks a rule of the format is not told of: the image's makers did
// not write the document for us.
package sbomfile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/detect"
	"github.com/imagevet/imagevet/internal/ctxio"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// The bill of a whole image has 20,000 packages in 30 MB.
const (
	maxFile     = 64 << 20
	maxPackages = 200_000
	maxEdges    = 1_000_000
)

// Extractor reads bills of materials. The zero value is ready, and safe for use
// by many goroutines.
type Extractor struct{}

var _ inventory.Extractor = Extractor{}

// Name returns "sbomfile".
func (Extractor) Name() string { return "sbomfile" }

// Version returns the version of the facts.
func (Extractor) Version() int { return 2 }

// Patterns returns the names of the files.
func (Extractor) Patterns() []inventory.Pattern {
	return []inventory.Pattern{
		{Glob: "**/*.cdx.json"},
		{Glob: "**/*.cdx.xml"},
		{Glob: "**/*.spdx.json"},
		{Glob: "**/*.spdx3.json"},
		{Glob: "**/*.spdx"}, // also Bitnami's .spdx-NAME.spdx
		{Glob: "var/lib/db/sbom/*.json"},
	}
}

// Extract returns the packages of the document.
func (Extractor) Extract(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	b, err := detect.Decode(ctxio.NewReader(ctx, f), codec.Limits{Bytes: maxFile, Packages: maxPackages, Edges: maxEdges})
	if err != nil {
		return inventory.Facts{}, err
	}
	var facts inventory.Facts
	var problems lines.Problems
	add(b, &facts, &problems)
	facts.Problems = problems.List()
	return facts, ctx.Err()
}

// add adds what a document says, and its parts.
func add(b *inventory.BOM, facts *inventory.Facts, problems *lines.Problems) {
	names := make(map[string]string, len(b.Packages)) // by package URL, as others require it
	for i := range b.Packages {
		p := &b.Packages[i]
		names[p.PURL] = fullName(p) + "@" + p.Version
	}
	nameless := 0
	for i := range b.Packages {
		p := &b.Packages[i]
		switch {
		case p.Development: // not delivered
			facts.Ignored++
		case p.PURL == "" || p.Type == "":
			nameless++
		case p.Version == "":
			problems.Add("package %q has no version", lines.Clip(p.PURL))
		default:
			facts.Packages = append(facts.Packages, installed(p, names))
		}
	}
	facts.Ignored += nameless
	if nameless > 0 {
		problems.Add("%d packages have no package URL", nameless)
	}
	for _, p := range b.Problems {
		if _, ok := errors.AsType[*codec.Remark](p.Err); !ok {
			problems.Add("%v", p.Err)
		}
	}
	for _, v := range b.Parts {
		add(v, facts, problems)
	}
}

// installed returns what of a package of a document is said of the package that
// lies in the image: where others found it does not count here.
func installed(p *inventory.Package, names map[string]string) inventory.Package {
	out := inventory.Package{
		Type: p.Type, Namespace: p.Namespace, Name: p.Name, Version: p.Version, Arch: p.Arch, Source: p.Source, Module: p.Module,
		Vendor: p.Vendor, Maintainer: p.Maintainer, Licenses: p.Licenses, CPEs: p.CPEs, Qualifiers: maps.Clone(p.Qualifiers),
		Hashes: p.Hashes,
	}
	for _, purl := range p.DependsOn {
		out.Requires = append(out.Requires, names[purl])
	}
	slices.Sort(out.Requires)
	out.Requires = slices.Compact(out.Requires)
	return out
}

// fullName is the name by which others require a package.
func fullName(p *inventory.Package) string {
	if p.Namespace == "" || codec.OfDistribution(p.Type) {
		return p.Name
	}
	return fmt.Sprintf("%s/%s", p.Namespace, p.Name)
}
