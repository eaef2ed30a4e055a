package sbom

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
)

// joinedFiles are what files of one extractor left for [Joiner].
type joinedFiles struct {
	data   map[string][]byte // by path
	layers map[string]int
}

func (a *assembler) keepForJoin(extractor int, path string, layer int, data []byte) {
	if a.joins == nil {
		a.joins = map[int]*joinedFiles{}
	}
	j := a.joins[extractor]
	if j == nil {
		j = &joinedFiles{map[string][]byte{}, map[string]int{}}
		a.joins[extractor] = j
	}
	j.data[path], j.layers[path] = data, layer
}

// join adds what files tell only together.
func (a *assembler) join(ctx context.Context) error {
	for _, i := range slices.Sorted(maps.Keys(a.joins)) {
		joiner, ok := a.extractors[i].(Joiner)
		if !ok {
			continue
		}
		files := a.joins[i]
		all, err := joiner.Join(ctx, files.data)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			for _, path := range slices.Sorted(maps.Keys(files.data)) {
				a.problem(path, joiner.Name(), files.layers[path], err)
			}
			continue
		}
		for _, path := range slices.Sorted(maps.Keys(all)) {
			facts, layer := all[path], files.layers[path]
			for _, text := range facts.Problems {
				a.problem(path, joiner.Name(), layer, errors.New(text))
			}
			for _, p := range facts.Packages {
				a.add(p, path, joiner.Name(), layer, facts.Declared)
			}
		}
	}
	return nil
}

// withinDependency reports whether a file lies in the folder of a dependency:
// its lock file says what those who develop the dependency use.
func withinDependency(file string) bool {
	elements := strings.Split(path.Dir(file), "/")
	for i, e := range elements {
		below := len(elements) - i - 1 // folders below this one
		switch e {
		case "node_modules", "bower_components", "site-packages", "dist-packages":
			return true
		case "vendor": // "vendor/modules.txt" itself is the project's
			if below > 0 {
				return true
			}
		case "gems": // of Ruby: gems/NAME-VERSION
			if below > 0 && isVersioned(elements[i+1]) {
				return true
			}
		case "mod": // Go's and Cargo's copies of what they downloaded
			if i >= 2 && elements[i-1] == "pkg" && elements[i-2] == "go" {
				return true
			}
		case "registry":
			if i >= 1 && elements[i-1] == ".cargo" {
				return true
			}
		}
	}
	return false
}

// isVersioned reports whether a name ends in "-" and a version.
func isVersioned(name string) bool {
	for i := 1; i+1 < len(name); i++ {
		if name[i] == '-' && name[i+1] >= '0' && name[i+1] <= '9' {
			return true
		}
	}
	return false
}

// dropInstalledLockfiles drops the packages of lock files and manifests whose
// packages are installed: see [LockfilesAuto].
func (a *assembler) dropInstalledLockfiles() {
	type name struct{ kind, name, version string }
	installed := map[name]bool{} // with their versions, and without
	for i := range a.found {
		if p := &a.found[i]; !p.declared {
			full := newRequirement(p.Type, fullName(&p.Package))
			installed[name{full.kind, full.name, p.Version}] = true
			installed[name{full.kind, full.name, ""}] = true
		}
	}
	if len(installed) == 0 {
		return
	}
	type tally struct{ all, there int }
	files := map[string]*tally{}
	for i := range a.found {
		p := &a.found[i]
		if !p.declared {
			continue
		}
		t := files[p.file]
		if t == nil {
			t = &tally{}
			files[p.file] = t
		}
		if p.Development {
			continue
		}
		full := newRequirement(p.Type, fullName(&p.Package))
		t.all++
		if installed[name{full.kind, full.name, p.Version}] {
			t.there++
		}
	}
	a.found = slices.DeleteFunc(a.found, func(f foundPackage) bool {
		t := files[f.file]
		return f.declared && t.there > 0 && 2*t.there >= t.all
	})
}

// foldConstraints gives what a manifest asks for without a version to the
// package that it came to, where a lock file or an installed package tells: in
// the manifest's folder, below it, or above it, as the lock file of a workspace
// is. What is left has only a constraint.
func (a *assembler) foldConstraints() {
	versions := map[requirement][]int{}
	for i := range a.found {
		if p := &a.found[i]; p.Version != "" {
			full := newRequirement(p.Type, fullName(&p.Package))
			versions[full] = append(versions[full], i)
		}
	}
	folded := map[int]bool{}
	for i := range a.found {
		f := &a.found[i]
		if !f.declared || f.Version != "" {
			continue
		}
		for _, j := range versions[newRequirement(f.Type, fullName(&f.Package))] {
			if p := &a.found[j]; related(path.Dir(f.file), path.Dir(p.file)) {
				merge(&p.Package, &f.Package)
				p.Constraint = ""
				folded[i] = true
			}
		}
	}
	i := -1
	a.found = slices.DeleteFunc(a.found, func(foundPackage) bool {
		i++
		return folded[i]
	})
}

// related reports whether one of two folders is the other one, or within it.
func related(a, b string) bool {
	within := func(a, b string) bool { return a == "." || a == b || strings.HasPrefix(b, a+"/") }
	return within(a, b) || within(b, a)
}
