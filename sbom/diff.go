package sbom

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/codec"
)

// Changes are what differs between two inventories. All lists are sorted as
// [BOM].Packages is, those of versions by what there was before.
//
// [json.Marshal] writes them for programs that comment on a change: the lists
// are there also if they are empty, and of a package what people ask for.
type Changes struct {
	// OS is set if the distribution or its release is another one.
	OS      *OSChange
	Added   []Package
	Removed []Package
	// Changed are packages that have another version than before.
	Changed []VersionChange
	// Parts are the changes of the parts of a product, sorted by name. What is
	// not different is left out.
	Parts []PartChange
}

// An OSChange is a distribution that has become another one.
type OSChange struct{ From, To OS }

// A VersionChange is a package that has another version.
type VersionChange struct{ From, To Package }

// A PartChange is what differs in a part of a product.
type PartChange struct {
	Name   string // of the part's target
	Status string // "added", "removed" or "changed"
	// Changes are, for a part that was added or removed, all its packages.
	Changes Changes
}

// IsZero reports whether nothing differs.
func (c Changes) IsZero() bool {
	return c.OS == nil && len(c.Added) == 0 && len(c.Removed) == 0 && len(c.Changed) == 0 && len(c.Parts) == 0
}

// Diff compares two inventories, such as those of an image before and after it
// was built again. nil is an empty one.
//
// Packages are the same if type, namespace, name and, where both have one,
// architecture are. An inventory can have several of one name: those of the
// same version are the same first, then those that the same files record, then
// the others in order; what is left over was added or removed. Where a package
// was found does not count as a change, and what a later layer took away
// ([Package].DeletedBy) is not looked at.
//
// Parts are compared if the names of their targets are the same. The packages
// of the result share what they point to with the inventories.
func Diff(from, to *BOM) Changes {
	var c Changes
	if from == nil {
		from = &BOM{}
	}
	if to == nil {
		to = &BOM{}
	}
	if a, b := &from.OS, &to.OS; a.ID != b.ID || a.Version != b.Version || a.Codename != b.Codename {
		c.OS = &OSChange{From: from.OS, To: to.OS}
	}
	before, after := byName(from.Packages), byName(to.Packages)
	for name, old := range before {
		c.compare(old, after[name])
	}
	for name, now := range after {
		if _, ok := before[name]; !ok {
			c.compare(nil, now)
		}
	}
	slices.SortFunc(c.Added, codec.ComparePackages)
	slices.SortFunc(c.Removed, codec.ComparePackages)
	slices.SortFunc(c.Changed, func(a, b VersionChange) int {
		return cmp.Or(codec.ComparePackages(a.From, b.From), codec.ComparePackages(a.To, b.To))
	})
	c.Parts = diffParts(from.Parts, to.Parts)
	return c
}

type packageName struct{ kind, namespace, name string }

// byName sorts packages and groups them by name.
func byName(packages []Package) map[packageName][]*Package {
	groups := map[packageName][]*Package{}
	for i := range packages {
		p := &packages[i]
		if p.DeletedBy == nil {
			name := packageName{p.Type, p.Namespace, p.Name}
			groups[name] = append(groups[name], p)
		}
	}
	for _, group := range groups {
		slices.SortStableFunc(group, func(a, b *Package) int { return codec.ComparePackages(*a, *b) })
	}
	return groups
}

// compare compares the packages of one name.
func (c *Changes) compare(before, after []*Package) {
	version := func(p *Package) (string, bool) { return p.Version, true }
	files := func(p *Package) (string, bool) { return strings.Join(p.Paths, "\x00"), len(p.Paths) > 0 }
	rest := func(*Package) (string, bool) { return "", true }

	_, before, after = pairs(before, after, version)
	var changed, more [][2]*Package
	changed, before, after = pairs(before, after, files)
	more, before, after = pairs(before, after, rest)
	for _, pair := range append(changed, more...) {
		c.Changed = append(c.Changed, VersionChange{From: *pair[0], To: *pair[1]})
	}
	for _, p := range before {
		c.Removed = append(c.Removed, *p)
	}
	for _, p := range after {
		c.Added = append(c.Added, *p)
	}
}

// pairs pairs packages that have the same key, in order: of equal architectures
// first, then those where one has none. It returns the pairs and what is left.
func pairs(before, after []*Package, key func(*Package) (string, bool)) (paired [][2]*Package, left, right []*Package) {
	type bucket struct{ before, after []*Package }
	buckets := map[string]*bucket{}
	var order []*bucket
	find := func(p *Package) *bucket {
		k, ok := key(p)
		if !ok {
			return nil
		}
		b := buckets[k]
		if b == nil {
			b = &bucket{}
			buckets[k] = b
			order = append(order, b)
		}
		return b
	}
	for _, p := range before {
		if b := find(p); b != nil {
			b.before = append(b.before, p)
		} else {
			left = append(left, p)
		}
	}
	for _, p := range after {
		if b := find(p); b != nil {
			b.after = append(b.after, p)
		} else {
			right = append(right, p)
		}
	}
	for _, b := range order {
		more, l, r := pairArchs(b.before, b.after)
		paired, left, right = append(paired, more...), append(left, l...), append(right, r...)
	}
	// As they came: each of the lists was in order.
	slices.SortStableFunc(left, func(a, b *Package) int { return codec.ComparePackages(*a, *b) })
	slices.SortStableFunc(right, func(a, b *Package) int { return codec.ComparePackages(*a, *b) })
	return paired, left, right
}

// pairArchs pairs packages whose architectures fit.
func pairArchs(before, after []*Package) (paired [][2]*Package, left, right []*Package) {
	waiting := map[string][]*Package{}
	for _, p := range after {
		waiting[p.Arch] = append(waiting[p.Arch], p)
	}
	taken := map[*Package]bool{}
	for _, p := range before {
		if same := waiting[p.Arch]; len(same) > 0 {
			waiting[p.Arch] = same[1:]
			taken[same[0]] = true
			paired = append(paired, [2]*Package{p, same[0]})
		} else {
			left = append(left, p)
		}
	}
	for _, p := range after {
		if !taken[p] {
			right = append(right, p)
		}
	}
	// Only one of the lists still has packages without an architecture, and
	// they fit to all of the other.
	n := 0
	anyArch := func(p *Package) bool { return p.Arch == "" }
	switch {
	case slices.ContainsFunc(left, anyArch):
		left, n = takeArch(left, len(right), func(i int, p *Package) { paired = append(paired, [2]*Package{p, right[i]}) })
		right = right[n:]
	case slices.ContainsFunc(right, anyArch):
		right, n = takeArch(right, len(left), func(i int, p *Package) { paired = append(paired, [2]*Package{left[i], p}) })
		left = left[n:]
	}
	return paired, left, right
}

// takeArch takes up to most packages without an architecture out of a list, and
// returns the others and how many it took.
func takeArch(list []*Package, most int, take func(i int, p *Package)) (rest []*Package, n int) {
	for _, p := range list {
		if p.Arch == "" && n < most {
			take(n, p)
			n++
		} else {
			rest = append(rest, p)
		}
	}
	return rest, n
}

// diffParts compares the parts of products. Of several parts of one name, those
// with the same digest are the same first, then the others in order.
func diffParts(from, to []*BOM) []PartChange {
	var changes []PartChange
	add := func(a, b *BOM, status string) {
		c := PartChange{Name: cmp.Or(a, b).Target.Name, Status: status, Changes: Diff(a, b)}
		if status != "changed" || !c.Changes.IsZero() {
			changes = append(changes, c)
		}
	}
	groups := func(parts []*BOM) map[string][]*BOM {
		m := map[string][]*BOM{}
		for _, p := range parts {
			if p != nil {
				m[p.Target.Name] = append(m[p.Target.Name], p)
			}
		}
		return m
	}
	before, after := groups(from), groups(to)
	for name, old := range before {
		now := after[name]
		delete(after, name)
		sortParts(old)
		sortParts(now)
		old, now = sameDigest(old, now, func(a, b *BOM) { add(a, b, "changed") })
		n := min(len(old), len(now))
		for i := range n {
			add(old[i], now[i], "changed")
		}
		old, now = old[n:], now[n:]
		for _, p := range old {
			add(p, nil, "removed")
		}
		for _, p := range now {
			add(nil, p, "added")
		}
	}
	for _, now := range after {
		sortParts(now)
		for _, p := range now {
			add(nil, p, "added")
		}
	}
	slices.SortStableFunc(changes, func(a, b PartChange) int { return strings.Compare(a.Name, b.Name) })
	return changes
}

// sameDigest passes each pair of sorted parts with the same digest, and returns
// the others.
func sameDigest(before, after []*BOM, pair func(a, b *BOM)) (left, right []*BOM) {
	for len(before) > 0 && len(after) > 0 {
		a, b := before[0], after[0]
		switch c := strings.Compare(a.Target.Digest, b.Target.Digest); {
		case c == 0:
			pair(a, b)
			before, after = before[1:], after[1:]
		case c < 0:
			left, before = append(left, a), before[1:]
		default:
			right, after = append(right, b), after[1:]
		}
	}
	return append(left, before...), append(right, after...)
}

// sortParts sorts the parts of a product.
func sortParts(parts []*BOM) {
	slices.SortStableFunc(parts, func(a, b *BOM) int {
		return cmp.Or(
			cmp.Compare(a.Target.Name, b.Target.Name), cmp.Compare(a.Target.Digest, b.Target.Digest),
			cmp.Compare(a.Target.Platform, b.Target.Platform), cmp.Compare(a.Target.ImageID, b.Target.ImageID),
		)
	})
}

// The form of changes in JSON, with the names of the fields that reports have.
type (
	changesJSON struct {
		OS      *osChangeJSON       `json:"os,omitempty"`
		Added   []packageJSON       `json:"added"`
		Removed []packageJSON       `json:"removed"`
		Changed []versionChangeJSON `json:"changed"`
		Parts   []partChangeJSON    `json:"parts,omitempty"`
	}
	osChangeJSON struct {
		From osJSON `json:"from"`
		To   osJSON `json:"to"`
	}
	osJSON struct {
		ID      string `json:"id"`
		Version string `json:"version"`
		Name    string `json:"name"`
	}
	versionChangeJSON struct {
		From packageJSON `json:"from"`
		To   packageJSON `json:"to"`
	}
	partChangeJSON struct {
		Name    string  `json:"name"`
		Status  string  `json:"status"`
		Changes Changes `json:"changes"`
	}
	packageJSON struct {
		PURL      string   `json:"purl"`
		Type      string   `json:"type"`
		Namespace string   `json:"namespace,omitempty"`
		Name      string   `json:"name"`
		Version   string   `json:"version"`
		Arch      string   `json:"arch"`
		Source    Source   `json:"source"`
		Licenses  []string `json:"licenses,omitempty"`
		Paths     []string `json:"paths"`
		Layer     Layer    `json:"layer"`
		OwnedBy   string   `json:"owned_by,omitempty"`
		Relation  string   `json:"relation,omitempty"`

		Development bool   `json:"development,omitempty"`
		Constraint  string `json:"constraint,omitempty"`
	}
)

// MarshalJSON writes the changes with lower-case names, as reports have them.
func (c Changes) MarshalJSON() ([]byte, error) {
	out := changesJSON{Added: packagesJSON(c.Added), Removed: packagesJSON(c.Removed), Changed: make([]versionChangeJSON, len(c.Changed))}
	if c.OS != nil {
		short := func(os OS) osJSON { return osJSON{os.ID, os.Version, os.Name} }
		out.OS = &osChangeJSON{short(c.OS.From), short(c.OS.To)}
	}
	for i := range c.Changed {
		out.Changed[i] = versionChangeJSON{shortPackage(&c.Changed[i].From), shortPackage(&c.Changed[i].To)}
	}
	for _, p := range c.Parts {
		out.Parts = append(out.Parts, partChangeJSON(p))
	}
	return json.Marshal(out)
}

func packagesJSON(packages []Package) []packageJSON {
	out := make([]packageJSON, len(packages))
	for i := range packages {
		out[i] = shortPackage(&packages[i])
	}
	return out
}

func shortPackage(p *Package) packageJSON {
	paths := p.Paths
	if paths == nil {
		paths = []string{}
	}
	return packageJSON{
		PURL: p.PURL, Type: p.Type, Namespace: p.Namespace, Name: p.Name, Version: p.Version, Arch: p.Arch, Source: p.Source,
		Licenses: p.Licenses, Paths: paths, Layer: p.Layer, OwnedBy: p.OwnedBy, Relation: p.Relation.String(),
		Development: p.Development, Constraint: p.Constraint,
	}
}
