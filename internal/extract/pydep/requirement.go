// Package pydep is what the extractors of Python's lock files and manifests
// share: reading [dependency specifiers], telling which packages of a lock file
// need which, and reading TOML documents piece by piece.
//
// All of it is given hostile input. Counts and depths are limited here, the
// size of files is limited by those who read them.
//
// [dependency specifiers]: https://packaging.python.org/en/latest/specifications/dependency-specifiers/
package pydep

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// MaxField is the length in bytes up to which a name, a version, a constraint
// or a URL is kept. Real ones are below 300 bytes.
const MaxField = 4096

// Any is the constraint of a package of which any version will do. The syntax
// of specifiers has none, Pipenv and Poetry write this.
const Any = "*"

// A Requirement is what one dependency specifier asks for.
type Requirement struct {
	// Name is as written.
	Name string
	// Constraint is as written, without parentheses: ">=1.0, <2". It is empty
	// where any version will do, or where there is a URL.
	Constraint string
	// URL is where the package comes from, empty for most.
	URL string
	// Marker is the condition, empty for most.
	Marker string
}

var (
	// namePattern is a name at the beginning of a requirement.
	namePattern = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?`)
	// clausePattern is one part of a constraint. What follows "===" is any
	// text. uv takes ">=1<2", without the comma.
	clausePattern = regexp.MustCompile(`^(?:===\s*[^\s,;()]+|(?:(?:==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+)+)$`)
	// nextClause is an operator behind a version. "!" alone is of an epoch.
	nextClause = regexp.MustCompile(`!=|[<>=~]`)
	// separators are the same in names.
	separators = regexp.MustCompile(`[-_.]+`)
)

// Parse splits a dependency specifier. It reports false for what is none.
func Parse(s string) (Requirement, bool) {
	s = strings.TrimSpace(s)
	r := Requirement{Name: namePattern.FindString(s)}
	rest := strings.TrimLeft(s[len(r.Name):], " \t")
	if r.Name == "" || len(r.Name) > MaxField {
		return Requirement{}, false
	}
	if strings.HasPrefix(rest, "[") {
		_, after, closed := strings.Cut(rest, "]")
		if !closed {
			return Requirement{}, false
		}
		rest = strings.TrimLeft(after, " \t")
	}
	if url, ok := strings.CutPrefix(rest, "@"); ok {
		// A URL may have a semicolon in it, but no blank.
		url = strings.TrimLeft(url, " \t")
		end := strings.IndexAny(url, " \t")
		if end < 0 {
			end = len(url)
		}
		rest = strings.TrimLeft(url[end:], " \t")
		r.URL = url[:end]
		if r.URL == "" || len(r.URL) > MaxField || rest != "" && rest[0] != ';' {
			return Requirement{}, false
		}
		r.Marker = strings.TrimSpace(strings.TrimPrefix(rest, ";"))
		return r, true
	}
	r.Constraint, r.Marker, _ = strings.Cut(rest, ";")
	r.Constraint, r.Marker = strings.TrimSpace(r.Constraint), strings.TrimSpace(r.Marker)
	if inner, ok := strings.CutPrefix(r.Constraint, "("); ok {
		if inner, ok = strings.CutSuffix(inner, ")"); !ok {
			return Requirement{}, false
		}
		r.Constraint = strings.TrimSpace(inner)
	}
	if len(r.Constraint) > MaxField {
		return Requirement{}, false
	}
	for clause := range strings.SplitSeq(r.Constraint, ",") {
		if clause = strings.TrimSpace(clause); clause != "" && !clausePattern.MatchString(clause) {
			return Requirement{}, false
		}
	}
	return r, true
}

// Pinned returns the only version that a constraint allows, empty if there may
// be more.
func Pinned(constraint string) string {
	for clause := range strings.SplitSeq(constraint, ",") {
		version, ok := strings.CutPrefix(strings.TrimSpace(clause), "==")
		if !ok {
			continue
		}
		if arbitrary, ok := strings.CutPrefix(version, "="); ok {
			version = arbitrary
		} else if i := nextClause.FindStringIndex(version); i != nil {
			version = version[:i[0]]
		}
		version = strings.TrimSpace(version)
		if version != "" && !strings.HasSuffix(version, ".*") {
			return version
		}
	}
	return ""
}

// Normalize returns the form of a name by which two names are the same:
// https://packaging.python.org/en/latest/specifications/name-normalization/
func Normalize(name string) string {
	return strings.ToLower(separators.ReplaceAllString(name, "-"))
}

// Package returns what the requirement asks for: a package with a version
// where it is pinned or where the name of an archive tells it, and with a
// constraint otherwise. It reports false for a folder or file of the project.
func (r Requirement) Package() (inventory.Package, bool) {
	p := inventory.Package{Type: "pypi", Name: r.Name}
	if r.URL == "" {
		if p.Version = Pinned(r.Constraint); p.Version == "" {
			p.Constraint = cmp.Or(r.Constraint, Any)
		}
		return p, true
	}
	if p.Version = ArchiveVersion(r.Name, r.URL); p.Version != "" {
		return p, true
	}
	if IsLocal(r.URL) {
		return inventory.Package{}, false
	}
	p.Constraint = CleanURL(r.URL)
	return p, true
}

// IsLocal reports whether a URL or path is in the file system.
func IsLocal(url string) bool {
	scheme, _, ok := strings.Cut(url, ":")
	return !ok || strings.EqualFold(scheme, "file") || strings.ContainsAny(scheme, "/.$") || len(scheme) < 2
}

// wheelName is the file name of a wheel:
// https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention
var wheelName = regexp.MustCompile(`^([A-Za-z0-9._]+)-([0-9][A-Za-z0-9.!+_]*)(?:-[0-9][A-Za-z0-9_.]*)?-[A-Za-z0-9_.]+-[A-Za-z0-9_.]+-[A-Za-z0-9_.]+\.whl$`)

// SplitWheel returns the name and the version in the file name of a wheel,
// both empty if it is none.
func SplitWheel(file string) (name, version string) {
	m := wheelName.FindStringSubmatch(file)
	if m == nil {
		return "", ""
	}
	return m[1], m[2]
}

// ArchiveVersion returns the version in the file name of a wheel or source
// archive of the package, empty if the name does not tell.
func ArchiveVersion(name, url string) string {
	if len(url) > MaxField {
		return ""
	}
	url, _, _ = strings.Cut(url, "#")
	url, _, _ = strings.Cut(url, "?")
	file := url[strings.LastIndexAny(url, `/\`)+1:]
	file = strings.ReplaceAll(strings.ReplaceAll(file, "%2B", "+"), "%2b", "+")
	if wheel, version := SplitWheel(file); wheel != "" {
		if Normalize(wheel) != Normalize(name) {
			return ""
		}
		return version
	}
	for _, ext := range []string{".tar.gz", ".zip", ".tar.bz2"} {
		base, ok := strings.CutSuffix(file, ext)
		i := strings.LastIndexByte(base, '-')
		if !ok || i < 0 || Normalize(base[:i]) != Normalize(name) {
			continue
		}
		if version := base[i+1:]; sourceVersion.MatchString(version) {
			return version
		}
	}
	return ""
}

// sourceVersion is a version in the name of a source archive. A number alone,
// or a hash, may be of anything.
var sourceVersion = regexp.MustCompile(`^[0-9]+(?:\.[0-9]+)+[A-Za-z0-9.+!]*$`)

// CleanURL returns a URL without the user and password, which are a secret.
func CleanURL(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return url
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	at := strings.LastIndexByte(authority, '@')
	if at < 0 || authority[:at] == "git" { // the one user of ssh
		return url
	}
	return scheme + "://" + authority[at+1:] + tail
}

// VCS returns the qualifiers of a package from a repository, nil if the URL is
// empty or too long.
// https://github.com/package-url/purl-spec/blob/main/docs/known-qualifiers.md
func VCS(kind, url, revision string) map[string]string {
	if url == "" || len(url)+len(revision) > MaxField {
		return nil
	}
	if !strings.HasPrefix(url, kind+"+") {
		url = kind + "+" + url
	}
	if revision != "" {
		url += "@" + revision
	}
	return map[string]string{"vcs_url": CleanURL(url)}
}

// IsDevelopment reports whether the name of a group, an extra or a file says
// that what it lists is for working on the project only.
func IsDevelopment(name string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), func(c rune) bool {
		return c == '-' || c == '_' || c == '.' || c == '/' || c == ' '
	})
	for _, w := range words {
		switch w {
		case "dev", "devel", "develop", "development", "test", "tests", "testing", "lint", "linting", "linters",
			"doc", "docs", "documentation", "ci", "typing", "mypy", "style", "format", "formatting", "bench", "benchmark", "coverage":
			return true
		}
	}
	return false
}
