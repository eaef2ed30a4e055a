package npm

import (
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/extract/lines"
)

// A manifest is what a package.json says that is of interest here.
type manifest struct {
	name, version string
	licenses      []string
	requires      []string
	private       bool
	bundled       bool
	// published is true if the file bears a mark of a package that is, or is
	// meant to be, in a registry: what npm and the registry write into it
	// ("_id", "_resolved", "_from", "_integrity", "gitHead"), and what is of no
	// use to an application ("publishConfig", "preferGlobal", "bin").
	published bool
	unclear   bool // name or version have a value, which is not a text
	problems  lines.Problems
}

// parse reads a package.json.
func (m *manifest) parse(data []byte) error {
	if err := checkObject(data); err != nil {
		return err
	}
	var name, version, license, licenses, dependencies, optional []byte
	members(data, func(key, value []byte) {
		switch string(key) {
		case "name":
			name = value
		case "version":
			version = value
		case "license":
			license = value
		case "licenses":
			licenses = value
		case "dependencies":
			dependencies = value
		case "optionalDependencies":
			optional = value
		case "private":
			m.private = string(value) == "true"
		case "_inBundle", "inBundle":
			m.bundled = string(value) == "true"
		case "_id", "_resolved", "_from", "_integrity", "_shasum", "gitHead", "publishConfig", "preferGlobal", "bin":
			m.published = m.published || string(value) != "null" && string(value) != "false"
		}
	})
	m.name = m.field("name", name)
	m.version = m.field("version", version)
	if m.readLicenses(license); m.licenses == nil {
		m.readLicenses(licenses)
	}
	m.readRequires(dependencies, optional)
	return nil
}

// field returns the text of a field that must have one.
func (m *manifest) field(key string, value []byte) string {
	switch kind(value) {
	case 0, 'n':
		return ""
	case '"':
		if s := strings.TrimSpace(string(text(value))); len(s) <= maxName {
			return s
		}
		m.problems.Add("%s of package %q is too long: %q", key, lines.Clip(m.name), lines.Clip(value))
	default:
		m.problems.Add("%s of package %q is not a text: %q", key, lines.Clip(m.name), lines.Clip(value))
	}
	m.unclear = true
	return ""
}

// readLicenses takes the licences from the forms that npm has had: "MIT",
// {"type": "MIT", "url": …}, and lists of these.
func (m *manifest) readLicenses(value []byte) {
	add := func(value []byte) {
		if kind(value) == '{' {
			var named []byte
			members(value, func(key, v []byte) {
				switch string(key) {
				case "type":
					named = v
				case "name":
					if named == nil {
						named = v
					}
				}
			})
			value = named
		}
		s := string(text(value))
		switch {
		case s == "":
		case len(s) > maxText:
			m.problems.Add("a licence of package %q is too long: %q", lines.Clip(m.name), lines.Clip(s))
		case len(m.licenses) == maxLicenses:
			m.problems.Add("package %q has more than %d licences", lines.Clip(m.name), maxLicenses)
		case !slices.Contains(m.licenses, s):
			m.licenses = append(m.licenses, s)
		}
	}
	if kind(value) == '[' {
		elements(value, add)
		return
	}
	add(value)
}

// readRequires takes the names of the dependencies that must be there.
func (m *manifest) readRequires(dependencies, optional []byte) {
	seen := map[string]bool{}
	// A dependency that is in both lists is optional:
	// https://docs.npmjs.com/cli/v11/configuring-npm/package-json#optionaldependencies
	members(optional, func(key, _ []byte) { seen[string(key)] = true })
	members(dependencies, func(key, value []byte) {
		if seen[string(key)] {
			return
		}
		name := string(key)
		seen[name] = true
		// "ours": "npm:theirs@^1.0.0" is theirs in a folder called ours.
		if alias, ok := strings.CutPrefix(string(text(value)), "npm:"); ok {
			if at := strings.LastIndexByte(alias, '@'); at > 0 {
				alias = alias[:at]
			}
			if seen[alias] && alias != name {
				return
			}
			seen[alias] = true
			name = alias
		}
		switch _, _, ok := split(name); {
		case !ok:
			m.problems.Add("package %q requires %q, which is no name of a package", lines.Clip(m.name), lines.Clip(name))
		case len(m.requires) == maxRequires:
			m.problems.Add("package %q requires more than %d packages", lines.Clip(m.name), maxRequires)
		default:
			m.requires = append(m.requires, name)
		}
	})
}
