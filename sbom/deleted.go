package sbom

import (
	"iter"
	"slices"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/layer"
)

// packagesIn yields what an extractor found in a version of a file.
func packagesIn(v layer.Version, like layer.Found) iter.Seq[*Package] {
	return func(yield func(*Package) bool) {
		for _, other := range v.Found {
			if other.Extractor != like.Extractor || other.As != like.As {
				continue
			}
			for i := range other.Facts.Packages {
				if !yield(&other.Facts.Packages[i]) {
					return
				}
			}
		}
	}
}

// addDeleted adds the packages that a layer brought and a later one took away.
func (a *assembler) addDeleted() {
	var gone []foundPackage
	for _, f := range a.img.Files {
		for i := range f.Versions[:len(f.Versions)-1] {
			gone = append(gone, a.replaced(f, i, f.Versions[i+1].Layer, &f.Versions[i+1])...)
		}
	}
	for _, f := range a.img.Deleted {
		for i := range f.Versions {
			by, next := f.By, (*layer.Version)(nil)
			if i+1 < len(f.Versions) {
				next = &f.Versions[i+1]
				by = next.Layer
			}
			gone = append(gone, a.replaced(f.ImageFile, i, by, next)...)
		}
	}
	a.finish(gone)
	present := map[string]bool{}
	for i := range a.bom.Packages {
		present[a.bom.Packages[i].PURL] = true
	}
	gone = slices.DeleteFunc(gone, func(f foundPackage) bool { return present[f.PURL] })
	byLayer := map[int][]foundPackage{}
	for _, f := range gone {
		byLayer[f.DeletedBy.Index] = append(byLayer[f.DeletedBy.Index], f)
	}
	for i := range a.bom.Layers {
		a.bom.Packages = append(a.bom.Packages, mergePackages(byLayer[i])...)
	}
	slices.SortStableFunc(a.bom.Packages, codec.ComparePackages)
}

// replaced returns the packages of the i'th version of a file that the next
// one, nil for none, lacks.
func (a *assembler) replaced(f layer.ImageFile, i, by int, next *layer.Version) []foundPackage {
	var gone []foundPackage
	until := f
	until.Versions = f.Versions[:i+1]
	for _, found := range f.Versions[i].Found {
		if found.Facts.Declared {
			continue // it was never installed
		}
		kept := map[packageKey]bool{}
		if next != nil {
			for p := range packagesIn(*next, found) {
				kept[keyOf(p)] = true
			}
		}
		origin := origins(until, found)
		for j := range found.Facts.Packages {
			p := found.Facts.Packages[j]
			if kept[keyOf(&p)] {
				continue
			}
			deleted := a.place(p, f.Path, a.extractors[found.Extractor].Name(), origin(&p))
			deleted.DeletedBy = &a.bom.Layers[by]
			gone = append(gone, deleted)
		}
	}
	return gone
}
