package sbom

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/extract/osrelease"
	"github.com/imagevet/imagevet/internal/layer"
	"github.com/imagevet/imagevet/internal/license"
)

// A packageKey tells packages of one file apart.
type packageKey struct{ kind, namespace, name, version, arch string }

func keyOf(p *Package) packageKey {
	return packageKey{p.Type, p.Namespace, p.Name, p.Version, p.Arch}
}

// An assembler turns the files of interest of an image into its inventory.
type assembler struct {
	bom        *BOM
	extractors []Extractor
	img        *layer.Image
	real       *layer.Resolver
	resolver   ArchiveResolver
	licenses   license.Cache

	found   []foundPackage
	systems []OS
	owned   []ownership
	joins   map[int]*joinedFiles // by extractor
	// provided are the package URLs of those who installed files which others
	// require.
	provided map[string][]string
}

// A foundPackage is a package with the file that records it, of which the
// package can be a part only.
type foundPackage struct {
	Package
	file     string
	declared bool // by a lock file or manifest
}

// assemble makes the inventory of an image.
func (g *Generator) assemble(ctx context.Context, source Image, layers []Layer, img *layer.Image) (*BOM, error) {
	a := &assembler{
		bom:        &BOM{Target: source.Target(), Layers: slices.Clone(layers), Problems: slices.Clone(img.Problems)},
		extractors: g.router.Extractors(),
		img:        img,
		real:       img.Resolver(),
		resolver:   g.resolver,
	}
	for i := range a.bom.Layers {
		a.bom.Layers[i].Index = i
	}
	packages := 0 // a few more than there will be
	for _, f := range img.Files {
		for _, found := range f.Versions[len(f.Versions)-1].Found {
			packages += len(found.Facts.Packages)
		}
	}
	a.found = make([]foundPackage, 0, packages)
	for _, f := range img.Files {
		a.file(f)
	}
	a.bom.OS = osrelease.Merge(a.systems)
	if err := a.join(ctx); err != nil {
		return nil, err
	}
	if err := a.resolveArchives(ctx); err != nil {
		return nil, err
	}
	switch {
	case g.lockfiles == LockfilesNever:
		a.found = slices.DeleteFunc(a.found, func(f foundPackage) bool { return f.declared })
	case g.lockfiles == LockfilesAuto && !isSourceTree(source):
		a.dropInstalledLockfiles()
	}
	a.foldConstraints()
	a.foldAuthors()
	a.finish(a.found)
	a.setOwners()
	a.foldCopies()
	a.setDependsOn()
	a.bom.Packages = mergePackages(a.found)
	if g.deleted {
		a.addDeleted()
	}
	a.bom.Problems = compactProblems(a.bom.Problems)
	return a.bom, ctx.Err()
}

// finish fills in what follows from the package and the distribution.
func (a *assembler) finish(found []foundPackage) {
	for i := range found {
		p := &found[i].Package
		p.Namespace = cmp.Or(p.Namespace, defaultNamespace(p.Type, a.bom.OS))
		p.LicenseExpression = a.licenses.Expression(p.Type, p.Licenses)
		var err error
		if p.PURL, err = packageURL(p, a.bom.OS); err != nil {
			a.problem(found[i].file, p.Extractor, p.Layer.Index, fmt.Errorf("package URL of %q: %w", p.Name, err))
		}
	}
}

func (a *assembler) problem(path, extractor string, layer int, err error) {
	a.bom.Problems = append(a.bom.Problems, &FileError{Path: path, Extractor: extractor, Layer: layer, Err: err})
}

// file takes in what the image's version of a file says.
func (a *assembler) file(f layer.ImageFile) {
	last := f.Versions[len(f.Versions)-1]
	for _, found := range last.Found {
		name := a.extractors[found.Extractor].Name()
		if found.Err != nil {
			a.problem(f.Path, name, last.Layer, found.Err)
			continue
		}
		if found.Facts.Declared && withinDependency(f.Path) {
			continue
		}
		for _, text := range found.Facts.Problems {
			a.problem(f.Path, name, last.Layer, errors.New(text))
		}
		origin := origins(f, found)
		for i := range found.Facts.Packages {
			p := found.Facts.Packages[i]
			a.add(p, f.Path, name, origin(&p), found.Facts.Declared)
		}
		if len(found.Facts.Data) > 0 {
			a.keepForJoin(found.Extractor, f.Path, last.Layer, found.Facts.Data)
		}
		for _, o := range found.Owned {
			a.owned = append(a.owned, ownership{name, o})
		}
		if found.Facts.OS != nil {
			os := *found.Facts.OS
			os.Path = found.As
			a.systems = append(a.systems, os)
		}
	}
}

// add adds a package that a layer's file records.
func (a *assembler) add(p Package, path, extractor string, layer int, declared bool) {
	f := a.place(p, path, extractor, layer)
	f.declared = declared
	a.found = append(a.found, f)
}

// place notes where a package was found.
func (a *assembler) place(p Package, path, extractor string, layer int) foundPackage {
	p.Extractor = extractor
	p.Paths = []string{path}
	if p.Within != "" {
		p.Paths[0] += "!/" + p.Within
	}
	p.Layer = a.bom.Layers[layer]
	return foundPackage{Package: p, file: path}
}

// origins returns a function that tells which layer brought a package of a
// file in: a package database is written anew by each layer that installs
// something, with all that was there before.
func origins(f layer.ImageFile, found layer.Found) func(*Package) int {
	last := f.Versions[len(f.Versions)-1].Layer
	if len(f.Versions) == 1 {
		return func(*Package) int { return last }
	}
	first := make(map[packageKey]int, len(found.Facts.Packages))
	for i := range found.Facts.Packages {
		first[keyOf(&found.Facts.Packages[i])] = last
	}
	open := first // those that every layer so far has had
	for i := len(f.Versions) - 2; i >= 0 && len(open) > 0; i-- {
		older := map[packageKey]int{}
		for p := range packagesIn(f.Versions[i], found) {
			key := keyOf(p)
			if _, ok := open[key]; ok {
				first[key] = f.Versions[i].Layer
				older[key] = f.Versions[i].Layer
			}
		}
		open = older
	}
	return func(p *Package) int { return first[keyOf(p)] }
}

// compactProblems sorts problems, and leaves out those that are told twice.
func compactProblems(problems []*FileError) []*FileError {
	order := func(x, y *FileError) int {
		return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Extractor, y.Extractor),
			cmp.Compare(x.Layer, y.Layer), cmp.Compare(x.Err.Error(), y.Err.Error()))
	}
	slices.SortStableFunc(problems, order)
	return slices.CompactFunc(problems, func(x, y *FileError) bool { return order(x, y) == 0 })
}

// mergePackages sorts the packages and makes one of those that several files
// record alike: of the same package URL, as far as they are part of the same
// operating system package or of none.
func mergePackages(found []foundPackage) []Package {
	type key struct{ purl, owner string }
	places := make(map[key]int, len(found))
	out := make([]Package, 0, len(found))
	declared := make([]bool, 0, len(found)) // by lock files and manifests alone
	for _, f := range found {
		k := key{f.PURL, f.OwnedBy}
		at, ok := places[k]
		if !ok {
			places[k] = len(out)
			out = append(out, f.Package)
			declared = append(declared, f.declared)
			continue
		}
		p := &out[at]
		switch { // what is installed does not tell what for
		case declared[at] && f.declared:
			p.Development = p.Development && f.Development
		case f.declared:
			p.Development = f.Development
		}
		declared[at] = declared[at] && f.declared
		merge(p, &f.Package)
	}
	for i := range out {
		slices.Sort(out[i].Paths)
		out[i].Paths = slices.Compact(out[i].Paths)
	}
	// Packages are large, so their places are sorted.
	order := make([]int, len(out))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Or(codec.OrderPackages(&out[i], &out[j]), i-j) })
	sorted := make([]Package, len(out))
	for at, i := range order {
		sorted[at] = out[i]
	}
	return sorted
}

// merge adds to a package what another record of it says.
func merge(p, other *Package) {
	if other.Paths[0] < slices.Min(p.Paths) { // Line is that of the first
		p.Line = other.Line
	}
	p.Paths = append(p.Paths, other.Paths...)
	if p.Relation == RelationUnknown || other.Relation == Direct {
		p.Relation = other.Relation
	}
	p.Constraint = cmp.Or(p.Constraint, other.Constraint)
	if other.Layer.Index < p.Layer.Index {
		p.Layer = other.Layer
	}
	if len(p.Licenses) == 0 {
		p.Licenses, p.LicenseExpression = other.Licenses, other.LicenseExpression
	}
	p.Vendor = cmp.Or(p.Vendor, other.Vendor)
	p.Maintainer = cmp.Or(p.Maintainer, other.Maintainer)
	p.Module = cmp.Or(p.Module, other.Module)
	p.SigningKey = cmp.Or(p.SigningKey, other.SigningKey)
	p.SHA1 = cmp.Or(p.SHA1, other.SHA1)
	p.Hashes = mergeHashes(p.Hashes, other.Hashes)
	p.Bundled = p.Bundled && other.Bundled
	if len(p.Platforms) == 0 || len(other.Platforms) == 0 {
		p.Platforms = nil // not known of all
	} else {
		p.Platforms = slices.Sorted(slices.Values(union(slices.Clone(p.Platforms), other.Platforms)))
	}
	p.CPEs = union(p.CPEs, other.CPEs)
	p.Requires = union(p.Requires, other.Requires)
	p.Provides = union(p.Provides, other.Provides)
	if len(other.DependsOn) > 0 {
		p.DependsOn = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(p.DependsOn), other.DependsOn...))))
	}
	if len(other.Qualifiers) > 0 { // the same but for those that are no part of the package URL
		all := maps.Clone(other.Qualifiers)
		maps.Copy(all, p.Qualifiers)
		p.Qualifiers = all
	}
}

// mergeHashes returns the digests of two records of a package, sorted. Those
// that a package of the same version has in one record and not in the other are
// kept: it may have been built several times.
func mergeHashes(a, b []Hash) []Hash {
	if len(b) == 0 || slices.Equal(a, b) {
		return a
	}
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y Hash) int {
		return cmp.Or(cmp.Compare(x.Algorithm, y.Algorithm), cmp.Compare(x.Value, y.Value))
	})
	return slices.Compact(all)
}

// union returns a and what only b has, without a change to either.
func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(slices.Clip(a), s)
		}
	}
	return a
}
