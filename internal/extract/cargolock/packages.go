package cargolock

import (
	"strings"

	"github.com/imagevet/imagevet/internal/extract/digest"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// packages returns the crates that have a source.
func (p *parser) packages() []inventory.Package {
	named := p.index()
	direct := make(map[int]bool)
	needs := make([][]int, len(p.list))
	members := 0
	for i, c := range p.list {
		if c.source == "" {
			members++
		}
		seen := make(map[int]bool)
		for _, text := range c.needs {
			name := text
			if source, ok := strings.CutSuffix(text, ")"); ok {
				name = withoutCommit(source) + ")"
			}
			j, ok := named[name]
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
		pkg.Hashes = p.hashes(c)
		packages = append(packages, pkg)
	}
	return packages
}

// hashes returns the digest of the archive of a crate. What is from a
// repository has none.
func (p *parser) hashes(c crate) []inventory.Hash {
	checksum := c.checksum
	if checksum == "" {
		checksum = p.checksums[c.name+" "+c.version+" ("+c.source+")"]
	}
	if strings.HasPrefix(c.source, "git+") {
		return nil
	}
	return digest.Hex("SHA-256", checksum)
}

// index returns the crates by all the ways in which a dependency may name them.
func (p *parser) index() map[string]int {
	named := make(map[string]int)
	for i, c := range p.list {
		long := c.name + " " + c.version
		for _, name := range []string{c.name, long, long + " (" + withoutCommit(c.source) + ")"} {
			// What is named without a source, although there are several, is
			// the one that has none.
			if _, again := named[name]; !again || c.source == "" {
				named[name] = i
			}
		}
	}
	return named
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
