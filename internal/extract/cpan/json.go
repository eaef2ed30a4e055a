package cpan

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/bounded"
	"github.com/imagevet/imagevet/internal/extract/lines"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// installed reads install.json.
func installed(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	var file struct {
		Dist     json.RawMessage `json:"dist"`     // "libwww-perl-6.67"
		Pathname json.RawMessage `json:"pathname"` // "O/OA/OALDERS/libwww-perl-6.67.tar.gz"
		Name     json.RawMessage `json:"name"`     // "LWP"
		Version  json.RawMessage `json:"version"`  // "6.67" or 6.67
		Provides json.RawMessage `json:"provides"`
	}
	if err := bounded.JSON(ctx, f, maxJSON, &file); err != nil {
		return inventory.Facts{}, err
	}
	name, version := splitDist(text(file.Dist))
	if name == "" {
		// The version of the module, which may be written in another way than
		// that of the distribution: 1.002003 for v1.2.3.
		name, version = strings.ReplaceAll(text(file.Name), "::", "-"), text(file.Version)
	}
	var p problems
	pkg := inventory.Package{
		Type:      "cpan",
		Namespace: author(text(file.Pathname)),
		Name:      name,
		Version:   version,
		Provides:  p.modules("provided", file.Provides),
	}
	return p.facts(pkg), nil
}

// meta reads MYMETA.json, of version 2 of the specification.
func meta(ctx context.Context, f *inventory.File) (inventory.Facts, error) {
	var file struct {
		Name     json.RawMessage `json:"name"`
		Version  json.RawMessage `json:"version"`
		License  json.RawMessage `json:"license"`
		Provides json.RawMessage `json:"provides"`
		Prereqs  json.RawMessage `json:"prereqs"`
	}
	if err := bounded.JSON(ctx, f, maxJSON, &file); err != nil {
		return inventory.Facts{}, err
	}
	// The members of an object of another type are none.
	var prereqs, runtime map[string]json.RawMessage
	_ = json.Unmarshal(file.Prereqs, &prereqs)
	_ = json.Unmarshal(prereqs["runtime"], &runtime)
	var p problems
	pkg := inventory.Package{
		Type:     "cpan",
		Name:     text(file.Name),
		Version:  text(file.Version),
		Licenses: p.licenses(file.License),
		Requires: p.modules("required", runtime["requires"]),
		Provides: p.modules("provided", file.Provides),
	}
	return p.facts(pkg), nil
}

// splitDist parts "Name-Of-It-1.23-TRIAL" at the last "-" that a version
// follows. Both parts are empty if there is none.
func splitDist(dist string) (name, version string) {
	for i := len(dist) - 1; i > 0; i-- {
		if dist[i] != '-' {
			continue
		}
		rest := strings.TrimPrefix(dist[i+1:], "v")
		if rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			return dist[:i], dist[i+1:]
		}
	}
	return "", ""
}

// author returns the ID in a path below authors/id, such as "M/ME/MEE/…". It is
// empty if the path is another, since files may come from anywhere.
func author(pathname string) string {
	e := strings.Split(pathname, "/")
	if len(e) < 4 || len(e[0]) != 1 || len(e[1]) != 2 || !strings.HasPrefix(e[2], e[1]) || !strings.HasPrefix(e[1], e[0]) || !plausible(e[2]) {
		return ""
	}
	return e[2]
}

// problems are those of one distribution.
type problems struct{ lines.Problems }

// facts returns the facts with a package, if it is one.
func (p *problems) facts(pkg inventory.Package) inventory.Facts {
	var facts inventory.Facts
	switch {
	case !plausible(pkg.Name) || strings.Contains(pkg.Name, "::"):
		p.Add("%q is no name of a distribution; its version is %q", lines.Clip(pkg.Name), lines.Clip(pkg.Version))
	case pkg.Version == "":
		p.Add("distribution %q has no version", pkg.Name)
	case !plausible(pkg.Version):
		p.Add("%q of distribution %q is no version", lines.Clip(pkg.Version), pkg.Name)
	default:
		facts.Packages = []inventory.Package{pkg}
	}
	facts.Problems = p.List()
	return facts
}

// modules returns the keys of an object that has one for each module, without
// that for Perl itself. Perl writes them in any order; they are sorted.
func (p *problems) modules(kind string, value json.RawMessage) []string {
	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) != nil {
		return nil
	}
	delete(object, "perl")
	var names []string
	for _, name := range slices.Sorted(maps.Keys(object)) {
		switch {
		case !plausible(name):
			p.Add("%q is no name of a %s module", lines.Clip(name), kind)
		case len(names) == maxModules:
			p.Add("more than %d %s modules", maxModules, kind)
			return names
		default:
			names = append(names, name)
		}
	}
	return names
}

// licenses returns the licences: a list, a text in old files. "unknown" stands
// for none.
func (p *problems) licenses(value json.RawMessage) []string {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		list = []json.RawMessage{value}
	}
	var licenses []string
	for _, value := range list {
		switch s := text(value); {
		case s == "" || s == "unknown" || slices.Contains(licenses, s):
		case len(s) > maxName:
			p.Add("a licence is too long: %q", lines.Clip(s))
		case len(licenses) == maxLicenses:
			p.Add("more than %d licences", maxLicenses)
			return licenses
		default:
			licenses = append(licenses, s)
		}
	}
	return licenses
}

// text returns a JSON text, or a number as it is written: Perl makes one of a
// version that was calculated with. What is neither has none.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		return strings.TrimSpace(s)
	}
	var n json.Number
	if json.Unmarshal(value, &n) == nil {
		return n.String()
	}
	return ""
}
