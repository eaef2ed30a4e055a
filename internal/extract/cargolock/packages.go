package cargolock

import (
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// packages returns the crates that have a source.
func (p *parser) packages() []inventory.Package {
	byName := make(map[string][]int) // indexes of p.list
	for i, c := range p.list {
		byName[c.name] = append(byName[c.name], i)
	}
	direct := make(map[int]bool)
	needs := make([][]int, len(p.list))
	members := 0
	for i, c := range p.list {
		if c.source == "" {
			members++
		}
		seen := make(map[int]bool)
		for _, text := range c.needs {
			j, ok := p.find(byName, text)
			if !ok {
				p.problems.Add("line %d: crate %q needs %q, which is not in the file", c.line, lines.Clip(c.name), lines.Clip(text))
				continue
			}
			if !seen[j] {
				seen[j] = true
				needs[i] = append(needs[i], j)
			}
			direct[j] = direct[j] || c.source == ""
		}
	}
	var packages []inventory.Package
	for i, c := range p.list {
		if c.source == "" {
			p.ignored++
			continue
		}
		pkg := inventory.Package{Type: "cargo", Name: c.name, Version: c.version, Relation: inventory.Transitive, Line: c.line, Qualifiers: qualifiers(c.source)}
		switch {
		case members == 0:
			pkg.Relation = inventory.RelationUnknown
		case direct[i]:
			pkg.Relation = inventory.Direct
		}
		for _, j := range needs[i] {
			if d := p.list[j]; d.source != "" {
				pkg.Requires = append(pkg.Requires, d.name+"@"+d.version)
			}
		}
		packages = append(packages, pkg)
	}
	return packages
}

// find returns the index of the crate that a dependency names.
func (p *parser) find(byName map[string][]int, text string) (int, bool) {
	name, rest, _ := strings.Cut(text, " ")
	version, source, _ := strings.Cut(rest, " ")
	source = strings.TrimSuffix(strings.TrimPrefix(source, "("), ")")
	found := -1
	for _, i := range byName[name] {
		c := &p.list[i]
		if version != "" && c.version != version {
			continue
		}
		if source != "" && withoutCommit(c.source) != withoutCommit(source) {
			continue
		}
		// What is named without a source, although there are several, is the
		// one that has none.
		if found < 0 || c.source == "" {
			found = i
		}
	}
	return found, found >= 0
}

// withoutCommit returns a source without the commit that it was at: versions 1
// and 2 of the format write it in one place only.
func withoutCommit(source string) string {
	source, _, _ = strings.Cut(source, "#")
	return source
}

// qualifiers returns the qualifiers of a package URL that tell of a source.
// That it is crates.io goes without saying.
// https://doc.rust-lang.org/cargo/reference/pkgid-spec.html
func qualifiers(source string) map[string]string {
	kind, url, ok := strings.Cut(source, "+")
	switch {
	case !ok, url == "https://github.com/rust-lang/crates.io-index", url == "https://index.crates.io/":
		return nil
	case kind == "git":
		url, commit, _ := strings.Cut(url, "#")
		url, _, _ = strings.Cut(url, "?") // the branch or tag, which the commit tells better
		if commit != "" {
			url += "@" + commit
		}
		return map[string]string{"vcs_url": "git+" + url}
	case kind == "registry", kind == "sparse":
		return map[string]string{"repository_url": url}
	}
	return nil
}
