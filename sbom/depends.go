package sbom

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
)

// A dependencies index finds packages by what others require.
type dependencies struct {
	a *assembler
	// named are the packages of a type by name, provided the names that
	// packages declare besides.
	named, provided map[requirement][]int
	// folders are npm's packages by folder.
	folders map[string]int
	// modules are what modulesAbove has found, by folder.
	modules map[string][]string
}

type requirement struct{ kind, name string }

// setDependsOn finds the packages that others require.
func (a *assembler) setDependsOn() {
	d := dependencies{a: a, named: map[requirement][]int{}, provided: map[requirement][]int{}, folders: map[string]int{}, modules: map[string][]string{}}
	for i := range a.found {
		p := &a.found[i]
		name := newRequirement(p.Type, fullName(&p.Package))
		d.named[name] = append(d.named[name], i)
		for _, provided := range p.Provides {
			name := newRequirement(p.Type, provided)
			d.provided[name] = append(d.provided[name], i)
		}
		if isNodePackage(p) {
			d.folders[path.Dir(p.file)] = i
		}
	}
	for i := range a.found {
		p := &a.found[i]
		for _, r := range p.Requires {
			for alternative := range strings.SplitSeq(r, "|") {
				if purls := d.find(i, alternative); len(purls) > 0 {
					p.DependsOn = append(p.DependsOn, purls...)
					break
				}
			}
		}
		slices.Sort(p.DependsOn)
		p.DependsOn = slices.Compact(p.DependsOn)
		p.DependsOn = slices.DeleteFunc(p.DependsOn, func(purl string) bool { return purl == p.PURL })
	}
}

// find returns the package URLs of what the i'th package requires by a name.
func (d *dependencies) find(i int, name string) []string {
	p := &d.a.found[i]
	if isNodePackage(p) {
		if j, ok := d.node(path.Dir(p.file), name); ok {
			return []string{d.a.found[j].PURL}
		}
		return nil
	}
	key := newRequirement(p.Type, name)
	candidates := d.named[key]
	if at := strings.LastIndexByte(name, '@'); len(candidates) == 0 && at > 0 {
		for _, j := range d.named[newRequirement(p.Type, name[:at])] {
			if d.a.found[j].Version == name[at+1:] {
				candidates = append(candidates, j)
			}
		}
	}
	if len(candidates) == 0 {
		candidates = d.provided[key]
	}
	if len(candidates) > 0 {
		return d.closest(i, candidates)
	}
	if file, ok := strings.CutPrefix(name, "/"); ok {
		return d.a.provided[string(d.a.real.Real([]byte(file)))]
	}
	return nil
}

// closest returns the package URLs of those candidates that the i'th package
// sees: in the file that records it, else in its folder, else in the folder
// above, as Python's packages have a folder each; failing that the one that
// the image has.
func (d *dependencies) closest(i int, candidates []int) []string {
	p := &d.a.found[i]
	for _, same := range []func(file string) bool{
		func(file string) bool { return file == p.file },
		func(file string) bool { return path.Dir(file) == path.Dir(p.file) },
		func(file string) bool { return path.Dir(path.Dir(file)) == path.Dir(path.Dir(p.file)) },
	} {
		var purls []string
		for _, j := range candidates {
			c := &d.a.found[j]
			if !same(c.file) || slices.Contains(purls, c.PURL) {
				continue
			}
			if c.Arch == p.Arch && p.Arch != "" {
				purls = slices.Insert(purls, 0, c.PURL)
				continue
			}
			purls = append(purls, c.PURL)
		}
		if len(purls) == 0 {
			continue
		}
		// A name that two architectures have means the package's own.
		if first := d.a.found[candidates[0]]; first.Arch != "" && d.sameName(candidates) {
			purls = purls[:1]
		}
		return purls
	}
	only := d.a.found[candidates[0]].PURL
	for _, j := range candidates[1:] {
		if d.a.found[j].PURL != only {
			return nil // it may be any of them
		}
	}
	return []string{only}
}

// sameName reports whether candidates are one package, built several times.
func (d *dependencies) sameName(candidates []int) bool {
	first := d.a.found[candidates[0]].Name
	return !slices.ContainsFunc(candidates, func(j int) bool { return d.a.found[j].Name != first })
}

// isNodePackage reports whether a package lies in a folder of its own where
// Node.js finds it.
func isNodePackage(p *foundPackage) bool {
	return p.Type == "npm" && path.Base(p.file) == "package.json"
}

// node finds a package as Node.js does: below the package's own node_modules,
// then below those of the folders above.
// https://nodejs.org/api/modules.html#loading-from-node_modules-folders
func (d *dependencies) node(folder, name string) (int, bool) {
	for _, modules := range d.modulesAbove(folder) {
		real := d.a.real.Real([]byte(path.Join(modules, name, "package.json")))
		if j, ok := d.folders[string(real[:max(bytes.LastIndexByte(real, '/'), 0)])]; ok {
			return j, true
		}
	}
	return 0, false
}

// modulesAbove lists the node_modules of a folder and of those above that hold
// something. All packages of a folder ask for the same.
func (d *dependencies) modulesAbove(folder string) []string {
	if all, ok := d.modules[folder]; ok {
		return all
	}
	var all []string
	if path.Base(folder) != "node_modules" {
		if modules := path.Join(folder, "node_modules"); d.a.real.Holds(modules) {
			all = append(all, modules)
		}
	}
	if folder != "." {
		all = append(all, d.modulesAbove(path.Dir(folder))...)
	}
	d.modules[folder] = all
	return all
}

// fullName is a package's name with its namespace, as others require it.
func fullName(p *Package) string {
	switch {
	case p.Namespace == "" || codec.OfDistribution(p.Type):
		return p.Name
	case p.Type == "maven":
		return p.Namespace + ":" + p.Name
	}
	return p.Namespace + "/" + p.Name
}

// newRequirement returns a name in the form in which a package and those who
// require it meet.
func newRequirement(kind, name string) requirement {
	switch kind {
	case "pypi":
		// https://packaging.python.org/en/latest/specifications/name-normalization/
		name = strings.Join(strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return c == '-' || c == '_' || c == '.' }), "-")
	case "nuget", "composer", "conda":
		name = strings.ToLower(name)
	case "maven": // a package URL has another separator
		name = strings.Replace(name, "/", ":", 1)
	case "otp": // applications of Erlang itself and others require each other
		kind = "hex"
	}
	return requirement{kind, name}
}
