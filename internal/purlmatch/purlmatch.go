// Package purlmatch tells whether a package URL that somebody wrote into a rule
// or a VEX document means a package that was found.
//
// A URL means a package if type, namespace and name are the same and nothing
// that both state differs: a version or qualifier that the rule leaves out can
// be any, and a qualifier that is not known of the package is not held against
// it. A subpath names a part of a package, so it must be there.
//
//   - Versions are compared letter by letter, but for the "v" of Go modules and
//     an epoch of 0 of deb and rpm packages. An rpm's epoch is a qualifier or in
//     the version.
//   - A package of a distribution may be named without the namespace. "redhat"
//     and "rhel" are the same one, as are "amazon" and "amzn", "oracle" and "ol".
//   - "arch=src" and "arch=source" name the source package of a distribution.
//   - "amd64" and "x86_64", "arm64" and "aarch64" are the same.
//   - "distro" may name the minor release ("debian-12.5") or the code name.
package purlmatch

import (
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/purlspec"
)

// A Pattern is a package URL of a rule.
type Pattern struct {
	u      packageurl.PackageURL
	q      map[string]string
	source bool // it names a source package
}

// Parse reads a package URL.
func Parse(purl string) (*Pattern, error) {
	u, err := purlspec.Parse(purl)
	if err != nil {
		return nil, err
	}
	p := &Pattern{u: u, q: u.Qualifiers.Map()}
	arch := p.q["arch"]
	p.source = codec.OfDistribution(u.Type) && (arch == "src" || arch == "source")
	return p, nil
}

// Type is the type of the package URL.
func (p *Pattern) Type() string { return p.u.Type }

// Name is the name in the package URL, and Namespace what stands before it.
func (p *Pattern) Name() string      { return p.u.Name }
func (p *Pattern) Namespace() string { return p.u.Namespace }

// FullName is the name with its namespace, as in "@babel/core".
func (p *Pattern) FullName() string { return fullName(p.u) }

func fullName(u packageurl.PackageURL) string {
	if u.Namespace == "" {
		return u.Name
	}
	return u.Namespace + "/" + u.Name
}

// Version is the version, which can be empty.
func (p *Pattern) Version() string { return p.u.Version }

// Qualifier returns a qualifier, "" if it is not there.
func (p *Pattern) Qualifier(key string) string { return p.q[key] }

// Key is the same for a pattern and one of the [Subject.Keys] of each package
// that it means.
func (p *Pattern) Key() string { return key(p.u.Type, p.u.Name) }

func key(kind, name string) string { return kind + "/" + strings.ToLower(name) }

// A Subject is a package that was found.
type Subject struct {
	// PURL is its package URL.
	PURL string
	// SourceName and SourceVersion are the source package of a package of a
	// distribution, where they are known.
	SourceName, SourceVersion string
	// Codename is that of the distribution.
	Codename string

	u packageurl.PackageURL
	q map[string]string
}

// NewSubject reads the package URL of a package.
func NewSubject(s Subject) (*Subject, error) {
	u, err := purlspec.Parse(s.PURL)
	if err != nil {
		return nil, err
	}
	s.u, s.q = u, u.Qualifiers.Map()
	return &s, nil
}

// Keys are those of the package and its source package.
func (s *Subject) Keys() []string {
	keys := []string{key(s.u.Type, s.u.Name)}
	if s.SourceName != "" && codec.OfDistribution(s.u.Type) {
		if k := key(s.u.Type, s.SourceName); k != keys[0] {
			keys = append(keys, k)
		}
	}
	return keys
}

// Type is the type of the package URL.
func (s *Subject) Type() string { return s.u.Type }

// Version is the version in the package URL.
func (s *Subject) Version() string { return s.u.Version }

// FullName is the name with its namespace, as in "@babel/core".
func (s *Subject) FullName() string { return fullName(s.u) }

// Matches reports whether the pattern means the package.
func (p *Pattern) Matches(s *Subject) bool {
	if p.u.Type != s.u.Type || p.u.Subpath != "" && p.u.Subpath != s.u.Subpath || !sameNamespace(p.u.Type, p.u.Namespace, s.u.Namespace) {
		return false
	}
	name, version := s.u.Name, s.u.Version
	if p.source {
		name, version = s.SourceName, s.SourceVersion
	}
	if p.u.Name != name || p.u.Version != "" && !p.sameVersion(s, version) {
		return false
	}
	for k, want := range p.q {
		have := s.q[k]
		if want == "" || have == "" {
			continue
		}
		switch k {
		case "epoch", "upstream": // part of the version; another way to name the source
		case "arch":
			if !p.source && arch(want) != arch(have) {
				return false
			}
		case "distro":
			if !sameDistro(want, have, s.Codename) {
				return false
			}
		default:
			if want != have {
				return false
			}
		}
	}
	return true
}

func (p *Pattern) sameVersion(s *Subject, version string) bool {
	a, b := p.u.Version, version
	switch p.u.Type {
	case "golang":
		return strings.TrimPrefix(a, "v") == strings.TrimPrefix(b, "v")
	case "deb", "rpm":
		epochA, a := epoch(a, p.q["epoch"])
		have := s.q["epoch"]
		if p.source {
			have = "" // that of a source is not recorded
		}
		epochB, b := epoch(b, have)
		switch {
		case a != b:
			return false
		case p.u.Type == "rpm" && (epochA == "" || p.source && epochB == ""):
			return true
		}
		return strings.TrimLeft(epochA, "0") == strings.TrimLeft(epochB, "0")
	}
	return a == b
}

// epoch takes a version apart.
func epoch(version, qualifier string) (epoch, rest string) {
	if before, after, ok := strings.Cut(version, ":"); ok {
		return before, after
	}
	return qualifier, version
}

// vendor gives names of one distribution one name.
func vendor(id string) string {
	switch id = strings.ToLower(id); id {
	case "rhel":
		return "redhat"
	case "amzn":
		return "amazon"
	case "ol":
		return "oracle"
	case "sles", "sled", "sle_hpc", "sles_sap":
		return "suse"
	case "opensuse-leap", "opensuse-tumbleweed":
		return "opensuse"
	}
	return id
}

func sameNamespace(kind, pattern, subject string) bool {
	if pattern == subject {
		return true
	}
	return codec.OfDistribution(kind) && (pattern == "" || vendor(pattern) == vendor(subject))
}

func arch(name string) string {
	switch name {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return name
}

// sameDistro compares "ID-VERSION", of which one may be more exact than the
// other, and code names.
func sameDistro(want, have, codename string) bool {
	if strings.EqualFold(want, have) || codename != "" && (strings.EqualFold(want, codename) || hasSuffixFold(want, "-"+codename)) {
		return true
	}
	idA, versionA, okA := cutLast(want)
	idB, versionB, okB := cutLast(have)
	if !okA || !okB || vendor(idA) != vendor(idB) {
		return false
	}
	return strings.HasPrefix(versionA+".", versionB+".") || strings.HasPrefix(versionB+".", versionA+".")
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '-')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
