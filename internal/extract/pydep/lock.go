package pydep

import (
	"fmt"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// The largest lock files have some 1,000 packages and 5,000 edges.
const (
	// MaxPackages is how many entries of a lock file are read.
	MaxPackages = 100_000
	// MaxEdges is how many needs there may be of all packages of a file.
	MaxEdges = 1_000_000
)

// Errors of a lock file that exceeds a limit.
var (
	ErrPackages = fmt.Errorf("more than %d packages: %w", MaxPackages, inventory.ErrTooLarge)
	ErrEdges    = fmt.Errorf("more than %d dependencies: %w", MaxEdges, inventory.ErrTooLarge)
)

// A Need is what an entry of a lock file says that it needs.
type Need struct {
	Name    string
	Version string // empty where the lock file has one version only
	// Weak is a need that the file does not say to be there. It tells only
	// that the other package may have come in by it.
	Weak bool
}

// A Lock collects the packages of a lock file. The zero value is ready.
type Lock struct {
	entries []entry
	byName  map[string][]int32
	edges   int
}

// An entry is a package of the file, or a part of the project.
type entry struct {
	pkg     inventory.Package
	project bool
	needs   []Need
	to      []int32 // the entries that are needed
	needed  bool    // by another one
}

// Add adds a package, or a part of the project. The error wraps
// [inventory.ErrTooLarge] if there are too many.
func (l *Lock) Add(p inventory.Package, project bool, needs []Need) (int, error) {
	if len(l.entries) >= MaxPackages {
		return 0, ErrPackages
	}
	if l.edges += len(needs); l.edges > MaxEdges {
		return 0, ErrEdges
	}
	if l.byName == nil {
		l.byName = make(map[string][]int32)
	}
	i := len(l.entries)
	l.entries = append(l.entries, entry{pkg: p, project: project, needs: needs})
	key := Normalize(p.Name)
	l.byName[key] = append(l.byName[key], int32(i))
	return i, nil
}

// maxSame is how many entries of one name are looked at.
const maxSame = 64

// Find returns the entries that n may mean. Python has a package once in an
// environment, so that more than one is for several environments.
func (l *Lock) Find(n Need) []int32 {
	all := l.byName[Normalize(n.Name)]
	all = all[:min(len(all), maxSame)]
	if n.Version == "" {
		return all
	}
	var found []int32
	for _, i := range all {
		if l.entries[i].pkg.Version == n.Version {
			found = append(found, i)
		}
	}
	return found
}

// Resolve finds what the entries need, and sets Requires of the packages. A
// name that the file has no package for stays without a version.
func (l *Lock) Resolve() error {
	links := 0
	for i := range l.entries {
		e := &l.entries[i]
		seen := make(map[string]bool, len(e.needs))
		for _, n := range e.needs {
			found := l.Find(n)
			if links += len(found); links > MaxEdges {
				return ErrEdges
			}
			name := n.Name
			for _, j := range found {
				if int(j) != i {
					l.entries[j].needed = true
				}
			}
			if n.Weak {
				continue
			}
			e.to = append(e.to, found...)
			if len(found) > 0 {
				first := &l.entries[found[0]]
				if first.project || int(found[0]) == i {
					continue // itself: with an extra
				}
				name = first.pkg.Name
				if len(found) == 1 && first.pkg.Version != "" {
					name += "@" + first.pkg.Version
				}
			}
			if name != "" && !seen[name] {
				seen[name] = true
				e.pkg.Requires = append(e.pkg.Requires, name)
			}
		}
		e.needs = nil
	}
	return nil
}

// Reach returns which entries are needed by those from which it starts, these
// included. It is to be called after Resolve.
func (l *Lock) Reach(from []int32) []bool {
	reached := make([]bool, len(l.entries))
	stack := make([]int32, 0, len(from))
	push := func(list []int32) {
		for _, i := range list {
			if !reached[i] {
				reached[i] = true
				stack = append(stack, i)
			}
		}
	}
	push(from)
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		push(l.entries[i].to)
	}
	return reached
}

// Len returns the number of entries.
func (l *Lock) Len() int { return len(l.entries) }

// Package returns the package of an entry, to be changed.
func (l *Lock) Package(i int) *inventory.Package { return &l.entries[i].pkg }

// Needed reports whether another entry needs the i'th, after Resolve.
func (l *Lock) Needed(i int) bool { return l.entries[i].needed }

// Facts returns the packages in the order of the file. Parts of the project
// are counted only.
func (l *Lock) Facts() inventory.Facts {
	facts := inventory.Facts{Declared: true}
	for i := range l.entries {
		if l.entries[i].project {
			facts.Ignored++
			continue
		}
		facts.Packages = append(facts.Packages, l.entries[i].pkg)
	}
	return facts
}
