package sbom

import (
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/internal/layer"
)

// An ownership lists files of a package, as an extractor says.
type ownership struct {
	extractor string
	layer.Owned
}

// An owner is the package that installed a file.
type owner struct{ extractor, name, arch string }

// setOwners notes which packages are part of an operating system package, and
// which packages provide the files that others require.
func (a *assembler) setOwners() {
	if len(a.owned) == 0 {
		return
	}
	systems := map[owner]*Package{} // under the architecture and without
	recorders := map[string]bool{}  // extractors of package databases
	for _, o := range a.owned {
		recorders[o.extractor] = true
	}
	wanted := map[string][]*Package{} // by the file that records them
	required := map[string][]string{} // files, by path: package URLs of those who installed them
	for i := range a.found {
		p := &a.found[i].Package
		if !recorders[p.Extractor] {
			wanted[a.found[i].file] = append(wanted[a.found[i].file], p)
			continue
		}
		systems[owner{p.Extractor, p.Name, p.Arch}] = p
		if any := (owner{p.Extractor, p.Name, ""}); systems[any] == nil {
			systems[any] = p
		}
		for _, r := range p.Requires {
			for alternative := range strings.SplitSeq(r, "|") {
				if path, ok := strings.CutPrefix(alternative, "/"); ok {
					required[string(a.real.Real([]byte(path)))] = nil
				}
			}
		}
	}
	for i := range a.owned {
		o := &a.owned[i]
		by := systems[owner{o.extractor, o.Package, o.Arch}]
		if by == nil {
			continue
		}
		for path := range o.Paths() {
			real := a.real.Real(path)
			for _, p := range wanted[string(real)] {
				p.OwnedBy = by.PURL
			}
			if providers, ok := required[string(real)]; ok {
				required[string(real)] = append(providers, by.PURL)
			}
		}
	}
	a.provided = required
	a.dropKnown(systems)
}

// dropKnown drops what a file that a package of the distribution installed says
// of being software, if that is the same package in other words: what a
// fingerprint tells, "generic" in terms of package URLs, and the note of the
// package that a program is from, which names the source package. The same goes
// for lock files that a distribution's package brought along. If the
// package is somebody else's, no distribution looks after it, and the
// fingerprint tells what it is.
func (a *assembler) dropKnown(systems map[owner]*Package) {
	known := map[string]bool{} // package URLs
	for _, p := range systems {
		if _, thirdParty := distro.ThirdParty(*p); !thirdParty {
			known[p.PURL] = true
		}
	}
	a.found = slices.DeleteFunc(a.found, func(f foundPackage) bool {
		return (f.Type == "generic" || codec.OfDistribution(f.Type) || f.declared) && known[f.OwnedBy]
	})
}

// foldCopies makes one of an operating system package that its database
// records and that another file names too, such as a note in its binaries or
// an SBOM beside them: what such a file says of the architecture, the epoch or
// the distribution need not be spelled alike. The database is what knows most
// packages of the type by name, and lists their files.
func (a *assembler) foldCopies() {
	type source struct{ kind, extractor string }
	listed := map[source]map[string]bool{} // names
	for i := range a.found {
		p := &a.found[i]
		if !codec.OfDistribution(p.Type) {
			continue
		}
		from := source{p.Type, p.Extractor}
		if listed[from] == nil {
			listed[from] = map[string]bool{}
		}
		listed[from][p.Name] = true
	}
	if len(listed) < 2 {
		return
	}
	owns := map[string]bool{}
	for _, o := range a.owned {
		owns[o.extractor] = true
	}
	rank := func(p *Package) int {
		n := 2 * len(listed[source{p.Type, p.Extractor}])
		if owns[p.Extractor] {
			n++
		}
		return n
	}
	best := map[packageKey]int{}
	keyOf := func(p *Package) packageKey {
		version := p.Version
		if _, rest, ok := strings.Cut(version, ":"); ok {
			version = rest
		}
		return packageKey{kind: p.Type, name: p.Name, version: version}
	}
	for i := range a.found {
		p := &a.found[i].Package
		if !codec.OfDistribution(p.Type) {
			continue
		}
		k := keyOf(p)
		if at, ok := best[k]; !ok || rank(&a.found[at].Package) < rank(p) {
			best[k] = i
		}
	}
	copies := map[int]bool{}
	for i := range a.found {
		p := &a.found[i].Package
		if !codec.OfDistribution(p.Type) {
			continue
		}
		if at := best[keyOf(p)]; a.found[at].Extractor != p.Extractor {
			a.found[at].Paths = append(a.found[at].Paths, p.Paths...)
			a.found[at].CPEs = union(a.found[at].CPEs, p.CPEs)
			copies[i] = true
		}
	}
	i := -1
	a.found = slices.DeleteFunc(a.found, func(foundPackage) bool {
		i++
		return copies[i]
	})
}

// foldAuthors gives a distribution of CPAN its author, the namespace, where
// only one of the files that record it tells him.
func (a *assembler) foldAuthors() {
	authors := map[packageKey]string{}
	for i := range a.found {
		if p := &a.found[i]; p.Type == "cpan" && p.Namespace != "" {
			authors[packageKey{kind: p.Type, name: p.Name, version: p.Version}] = p.Namespace
		}
	}
	for i := range a.found {
		if p := &a.found[i]; p.Type == "cpan" && p.Namespace == "" {
			p.Namespace = authors[packageKey{kind: p.Type, name: p.Name, version: p.Version}]
		}
	}
}
