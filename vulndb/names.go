package vulndb

import (
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// splitEcosystem splits OSV's name of an ecosystem into the part that names
// the file and the suffix: a release, or the URL of a package repository.
// See https://ossf.github.io/osv-schema/#defined-ecosystems.
func splitEcosystem(name string) (base, suffix string) {
	base, suffix, _ = strings.Cut(name, ":")
	return base, suffix
}

// joinEcosystem is the reverse of splitEcosystem.
func joinEcosystem(base, suffix string) string {
	if suffix == "" {
		return base
	}
	return base + ":" + suffix
}

// normalName returns the form of a package name under which advisories and
// packages of an ecosystem meet.
func normalName(base, name string) string {
	switch base {
	case "PyPI":
		return normalPyPI(name)
	case "NuGet", "Packagist", "GitHub Actions":
		// None of them tells upper from lower case:
		// https://learn.microsoft.com/nuget/reference/nuspec#id,
		// https://getcomposer.org/doc/04-schema.md#name; actions are named by
		// their repository on GitHub, which is found under any spelling.
		return strings.ToLower(name)
	case "SwiftURL":
		name = strings.TrimPrefix(strings.TrimPrefix(name, "https://"), "http://")
		return strings.ToLower(strings.TrimSuffix(name, ".git"))
	default:
		return name
	}
}

// normalPyPI lower-cases a name and turns runs of "-", "_" and "." into one
// "-": https://packaging.python.org/en/latest/specifications/name-normalization/.
func normalPyPI(name string) string { return string(appendPyPI(nil, name)) }

func appendPyPI(dst []byte, name string) []byte {
	sep := false
	for _, c := range []byte(name) {
		switch {
		case c == '-' || c == '_' || c == '.':
			if !sep {
				dst = append(dst, '-')
			}
			sep = true
			continue
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		sep = false
		dst = append(dst, c)
	}
	return dst
}

// languageEcosystem returns OSV's ecosystem for a package URL type that is not
// bound to a distribution, and false for any other type.
func languageEcosystem(typ string) (string, bool) {
	switch typ {
	case "pypi":
		return "PyPI", true
	case "npm":
		return "npm", true
	case "maven":
		return "Maven", true
	case "golang":
		return "Go", true
	case "cargo":
		return "crates.io", true
	case "gem":
		return "RubyGems", true
	case "nuget":
		return "NuGet", true
	case "composer":
		return "Packagist", true
	case "hex":
		return "Hex", true
	case "pub":
		return "Pub", true
	case "conan":
		return "ConanCenter", true
	case "swift":
		return "SwiftURL", true
	case "cran":
		return "CRAN", true
	case "bioconductor":
		return "Bioconductor", true
	case "hackage":
		return "Hackage", true
	case "julia":
		return "Julia", true
	case "opam":
		return "opam", true
	case "bitnami":
		return "Bitnami", true
	case "githubactions":
		return "GitHub Actions", true
	default:
		return "", false
	}
}

// languageName returns the name that OSV uses for a package of an ecosystem,
// in the form of normalName: what a package URL calls the namespace is part of
// it. The result is valid until the next call of queries.
func (m *matcher) languageName(base string, p *inventory.Package) []byte {
	namespace, sep, name := p.Namespace, "/", p.Name
	switch base {
	case "Maven":
		sep = ":" // group:artifact
	case "ConanCenter":
		return m.join(p.Name) // the namespace is whoever made the build
	case "GitHub Actions":
		// An action in a folder of a repository has the repository's version.
		name, _, _ = strings.Cut(name, "/")
	}
	if namespace == "" {
		sep = ""
	}
	switch base {
	case "PyPI":
		if namespace == "" {
			start := len(m.names)
			m.names = appendPyPI(m.names, name)
			return m.names[start:len(m.names):len(m.names)]
		}
		fallthrough
	case "NuGet", "Packagist", "SwiftURL", "GitHub Actions":
		return m.join(normalName(base, namespace+sep+name))
	}
	return m.join(namespace, sep, name) // is in normal form
}

// languageVersion returns the version of a package of an ecosystem as its
// advisories have it.
func languageVersion(base, version string) string {
	front, rest, ok := strings.Cut(version, "-")
	if !ok {
		return version
	}
	switch base {
	case "RubyGems":
		// A lock file has the platform that a gem was built for behind its
		// version: https://guides.rubygems.org/what-is-a-gem/.
		if isGemPlatform(rest) {
			return front
		}
	case "Bitnami":
		// What follows is how often Bitnami has packed the version, as in
		// "7.0.11-2", and no pre-release: https://github.com/bitnami/go-version.
		revision := rest[strings.LastIndexByte(rest, '-')+1:]
		if isNumber(revision) || len(revision) > 1 && revision[0] == 'r' && isNumber(revision[1:]) {
			return version[:len(version)-len(revision)-1]
		}
	}
	return version
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// isGemPlatform reports whether a text is what RubyGems calls a platform: a
// processor and an operating system, or a word for another Ruby.
// https://guides.rubygems.org/gems-with-extensions/
func isGemPlatform(s string) bool {
	cpu, system, ok := strings.Cut(s, "-")
	switch cpu {
	case "java", "jruby", "ruby", "mswin32", "mswin64", "mingw32", "dalvik":
		return !ok
	case "x86_64", "x86", "x64", "i386", "i486", "i586", "i686", "arm", "arm64", "armv5", "armv6", "armv7", "armv6l", "armv7l", "aarch64",
		"aarch", "ppc64le", "powerpc64le", "powerpc", "s390x", "riscv64", "universal", "sparc", "mips64el":
		return ok && system != ""
	}
	return false
}
