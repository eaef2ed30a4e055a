package vulndb

import (
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/version"
)

// A distribution with modules has several streams of one package side by side,
// each with versions of its own: an advisory on nodejs:18 says nothing of
// nodejs:16, and one on a module nothing of a package outside of all modules.
// https://docs.fedoraproject.org/en-US/modularity/
//
// OSV has no field for it. What an advisory is about shows in its versions,
// "1.2-3.module+el8.4.0+1+abc" or "1.2-3.module_el8.4.0+1+abc", and in its title
// as Red Hat, AlmaLinux and Rocky Linux write it: "Important: nodejs:16 security
// update". Packages of a module have names of their own in the database:
//
//	nodejs:16::npm  of the stream that the title names, or of each of several
//	*::npm          of a stream that no title names
//	::npm           of any, for packages of which no more is known
const (
	anyModule     = "::"
	unknownModule = "*::"
)

// moduleMark is in every version of a package that was built for a module.
const moduleMark = ".module"

// isModular reports whether a version is that of a package of a module.
func isModular(version string) bool {
	_, rest, ok := strings.Cut(version, moduleMark)
	return ok && (strings.HasPrefix(rest, "+") || strings.HasPrefix(rest, "_"))
}

// withModules gives rpm packages of modules their names. What has no fixed
// version may be about both.
func withModules(rec *advisory.Record) []advisory.Affected {
	var out []advisory.Affected
	for _, a := range rec.Affected {
		var modular, plain bool
		// A database of Trivy has the names already, but not that for packages
		// of which no more is known.
		if i := strings.LastIndex(a.Name, anyModule); i >= 0 && isRPM(a.Ecosystem) {
			out = append(out, a)
			if i > 0 {
				a.Name, a.GitRanges = a.Name[i:], 0 // counted once
				out = append(out, a)
			}
			continue
		}
		if isRPM(a.Ecosystem) {
			modular, plain = fixesOf(a)
		} else {
			plain = true
		}
		if plain || !modular {
			out = append(out, a)
		}
		if plain && !modular {
			continue
		}
		prefixes := []string{anyModule}
		if streams := streamsOf(rec.Summary); modular && len(streams) > 0 {
			for _, s := range streams {
				prefixes = append(prefixes, s+anyModule)
			}
		} else {
			prefixes = append(prefixes, unknownModule)
		}
		for i, prefix := range prefixes {
			named := a
			named.Name = prefix + a.Name
			if i > 0 || plain || !modular {
				named.GitRanges = 0 // counted once
			}
			out = append(out, named)
		}
	}
	return out
}

func isRPM(ecosystem string) bool {
	scheme, err := version.ParseScheme(ecosystem)
	return err == nil && scheme == version.RPM
}

// fixesOf reports whether a package is fixed in a version of a module, and
// whether in another.
func fixesOf(a advisory.Affected) (modular, plain bool) {
	versions := slices.Clone(a.Versions)
	for _, r := range a.Ranges {
		for _, e := range r.Events {
			if e.Kind != advisory.Introduced {
				versions = append(versions, e.Version)
			}
		}
	}
	for _, v := range versions {
		if isModular(v) {
			modular = true
		} else {
			plain = true
		}
	}
	return modular, plain
}

// streamsOf returns the streams that a title names, as "nodejs:16". A colon at
// the end of a word is that of the sentence.
func streamsOf(title string) []string {
	const most = 8
	var out []string
	for word := range strings.FieldsSeq(title) {
		word, _, _ = strings.Cut(word, "/") // "httpd:2.4/mod_http2" is on one package of it
		name, stream, ok := strings.Cut(strings.Trim(word, ".,;()"), ":")
		// "1:2.3" is a version with an epoch.
		if ok && isStreamWord(name) && strings.Trim(name, "0123456789") != "" && isStreamWord(stream) && len(out) < most && !slices.Contains(out, name+":"+stream) {
			out = append(out, name+":"+stream)
		}
	}
	return out
}

func isStreamWord(s string) bool {
	const most = 100 // bytes; a title can be anything
	return s != "" && len(s) <= most && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") == ""
}

// moduleNames returns the names under which the database has a package that is
// called name, as itself or as its source.
func moduleNames(p *inventory.Package, name string) []string {
	if p.Type != "rpm" || p.Module == "" && !isModular(p.Version) {
		return []string{name}
	}
	module, rest, _ := strings.Cut(p.Module, ":")
	stream, _, _ := strings.Cut(rest, ":")
	if module == "" || stream == "" {
		return []string{anyModule + name}
	}
	return []string{module + ":" + stream + anyModule + name, unknownModule + name}
}

// plainName returns the name of the package that a name in the database is of,
// where versions are ordered by a scheme.
func plainName(scheme version.Scheme, name string) string {
	if i := strings.LastIndex(name, anyModule); i >= 0 && scheme == version.RPM {
		return name[i+len(anyModule):]
	}
	return name
}
