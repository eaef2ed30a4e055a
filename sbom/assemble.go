package sbom

import (
	"cmp"
	"errors"
	"slices"

	"github.com/imagevet/imagevet/internal/extract/osrelease"
	"github.com/imagevet/imagevet/internal/layer"
)

// A packageKey tells packages of one database apart.
type packageKey struct{ kind, namespace, name, version, arch string }

func keyOf(p *Package) packageKey {
	return packageKey{p.Type, p.Namespace, p.Name, p.Version, p.Arch}
}

// An owner is the package that installed a file, as an extractor says.
type owner struct{ extractor, name, arch string }

// An assembler turns the files of interest of an image into its inventory.
type assembler struct {
	bom        *BOM
	extractors []Extractor
	img        *layer.Image
	owners     map[string]owner // by real path
	systems    []OS
}

func assemble(target Target, layers []Layer, extractors []Extractor, img *layer.Image) *BOM {
	a := &assembler{
		bom:        &BOM{Target: target, Layers: slices.Clone(layers), Problems: slices.Clone(img.Problems)},
		extractors: extractors,
		img:        img,
		owners:     map[string]owner{},
	}
	for i := range a.bom.Layers {
		a.bom.Layers[i].Index = i
	}
	for _, f := range img.Files {
		a.file(f)
	}
	a.bom.OS = osrelease.Merge(a.systems)
	for i := range a.bom.Packages {
		p := &a.bom.Packages[i]
		p.Namespace = cmp.Or(p.Namespace, defaultNamespace(p.Type, a.bom.OS))
		p.PURL = packageURL(p, a.bom.OS)
	}
	a.setOwners()
	a.bom.Packages = mergePackages(a.bom.Packages)
	slices.SortFunc(a.bom.Problems, func(x, y *FileError) int {
		return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Extractor, y.Extractor),
			cmp.Compare(x.Layer, y.Layer), cmp.Compare(x.Err.Error(), y.Err.Error()))
	})
	return a.bom
}

// file takes in what the image's version of a file says.
func (a *assembler) file(f layer.ImageFile) {
	last := f.Versions[len(f.Versions)-1]
	for _, found := range last.Found {
		name := a.extractors[found.Extractor].Name()
		problem := func(err error) {
			a.bom.Problems = append(a.bom.Problems, &FileError{Path: f.Path, Extractor: name, Layer: last.Layer, Err: err})
		}
		if found.Err != nil {
			problem(found.Err)
			continue
		}
		for _, text := range found.Facts.Problems {
			problem(errors.New(text))
		}
		origin := a.origins(f, found)
		for i := range found.Facts.Packages {
			p := found.Facts.Packages[i]
			p.Extractor = name
			p.Paths = []string{f.Path}
			p.Layer = a.bom.Layers[origin(&p)]
			a.bom.Packages = append(a.bom.Packages, p)
		}
		for _, o := range found.Facts.Owned {
			for _, path := range o.Paths {
				a.owners[a.img.Real(path)] = owner{name, o.Package, o.Arch}
			}
		}
		if found.Facts.OS != nil {
			os := *found.Facts.OS
			os.Path = found.As
			a.systems = append(a.systems, os)
		}
	}
}

// origins returns a function that tells which layer brought a package of a
// file in: a package database is written anew by each layer that installs
// something, with all that was there before.
func (a *assembler) origins(f layer.ImageFile, found layer.Found) func(*Package) int {
	last := f.Versions[len(f.Versions)-1].Layer
	first := make(map[packageKey]int, len(found.Facts.Packages))
	for i := range found.Facts.Packages {
		first[keyOf(&found.Facts.Packages[i])] = last
	}
	open := first // those that every layer so far has had
	for i := len(f.Versions) - 2; i >= 0 && len(open) > 0; i-- {
		older := map[packageKey]int{}
		for _, other := range f.Versions[i].Found {
			if other.Extractor != found.Extractor || other.As != found.As {
				continue
			}
			for j := range other.Facts.Packages {
				key := keyOf(&other.Facts.Packages[j])
				if _, ok := open[key]; ok {
					first[key] = f.Versions[i].Layer
					older[key] = f.Versions[i].Layer
				}
			}
		}
		open = older
	}
	return func(p *Package) int { return first[keyOf(p)] }
}

// setOwners notes which packages are part of an operating system package.
func (a *assembler) setOwners() {
	if len(a.owners) == 0 {
		return
	}
	found := map[owner]*Package{} // under the architecture and without
	for i := range a.bom.Packages {
		p := &a.bom.Packages[i]
		found[owner{p.Extractor, p.Name, p.Arch}] = p
		if any := (owner{p.Extractor, p.Name, ""}); found[any] == nil {
			found[any] = p
		}
	}
	for i := range a.bom.Packages {
		p := &a.bom.Packages[i]
		o, ok := a.owners[p.Paths[0]]
		if !ok {
			continue
		}
		if by := found[o]; by != nil && by.Extractor != p.Extractor {
			p.OwnedBy = by.PURL
		}
	}
}

// mergePackages sorts the packages and makes one of those that several files
// record alike.
func mergePackages(packages []Package) []Package {
	slices.SortStableFunc(packages, func(a, b Package) int {
		return cmp.Or(
			cmp.Compare(a.Type, b.Type), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Version, b.Version), cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Layer.Index, b.Layer.Index),
			cmp.Compare(a.OwnedBy, b.OwnedBy), slices.Compare(a.Paths, b.Paths),
		)
	})
	out := packages[:0]
	for _, p := range packages {
		if n := len(out) - 1; n >= 0 && keyOf(&out[n]) == keyOf(&p) && out[n].Layer.Index == p.Layer.Index &&
			out[n].OwnedBy == p.OwnedBy && out[n].Source == p.Source {
			if !slices.Contains(out[n].Paths, p.Paths[0]) {
				out[n].Paths = append(out[n].Paths, p.Paths[0])
			}
			continue
		}
		out = append(out, p)
	}
	return slices.Clip(out)
}
