// Package nodelock is what the extractors of lock files of JavaScript share: a
// graph of packages that the lock file's records become ([Graph]), the names
// of packages and the addresses of repositories, and a reader of JSON that
// keeps no more than one text in memory ([JSON]).
package nodelock

import (
	"strings"
)

// MaxName is the length in bytes up to which a name or version is taken: npm
// allows 214 bytes for a name and 256 for a version.
const MaxName = 512

// MaxURL is the length in bytes up to which an address is kept.
const MaxURL = 2048

// Split parts a name into its scope with "@", which may be empty, and the
// rest. It refuses what cannot be a name. Names of old packages have
// upper-case letters and more signs than npm allows today.
func Split(full string) (scope, name string, ok bool) {
	name = full
	if strings.HasPrefix(full, "@") {
		if scope, name, ok = strings.Cut(full, "/"); !ok || len(scope) == 1 {
			return "", "", false
		}
	}
	if name == "" || name[0] == '.' || name[0] == '@' || len(full) > MaxName || strings.ContainsAny(name, `/\`) || blank(full) {
		return "", "", false
	}
	return scope, name, true
}

// IsVersion reports whether s is a version as npm has them, which begin with a
// digit.
func IsVersion(s string) bool {
	return s != "" && len(s) <= MaxName && s[0] >= '0' && s[0] <= '9' && !blank(s) && !strings.ContainsAny(s, ":/@#()")
}

// blank reports whether s has a white space or control character.
func blank(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// CutName parts "name@rest" after the name, which may have a scope.
func CutName(s string) (name, rest string, ok bool) {
	if s == "" {
		return "", "", false
	}
	at := strings.IndexByte(s[1:], '@')
	if at < 0 {
		return s, "", false
	}
	return s[:at+1], s[at+2:], true
}

// Address returns an address as it may be shown: without the name and the
// password of a user, shortened to [MaxURL]. The user "git" stays, as
// "ssh://git@host" is of no use without it.
func Address(url string) string {
	if scheme, rest, ok := strings.Cut(url, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(host, '@'); at >= 0 && host[:at] != "git" {
			url = scheme + "://" + rest[at+1:]
		}
	}
	if len(url) > MaxURL {
		url = strings.ToValidUTF8(url[:MaxURL], "")
	}
	return url
}

// VCS returns what a package URL has as vcs_url for an address of npm, such as
// "git+ssh://git@host/a/b.git#0123abc", and "" if the address is not of a
// repository: "git+ssh://git@host/a/b.git@0123abc", as SPDX writes it.
func VCS(url string) string {
	location, commit, _ := strings.Cut(url, "#")
	switch {
	case strings.HasPrefix(url, "git+"), strings.HasPrefix(url, "git://"), strings.HasPrefix(url, "git@"):
	case strings.HasPrefix(url, "ssh://"), strings.HasPrefix(url, "https://") && strings.HasSuffix(location, ".git"):
		location = "git+" + location
	default:
		host, path, ok := strings.Cut(location, ":")
		if !ok || strings.Count(path, "/") != 1 {
			return ""
		}
		// The hosts that npm has short forms for:
		// https://docs.npmjs.com/cli/v11/configuring-npm/package-json#git-urls-as-dependencies
		switch host {
		case "github":
			location = "git+https://github.com/" + path + ".git"
		case "gitlab":
			location = "git+https://gitlab.com/" + path + ".git"
		case "bitbucket":
			location = "git+https://bitbucket.org/" + path + ".git"
		default:
			return ""
		}
	}
	if strings.HasPrefix(location, "git@") { // as scp has it
		location = "git+ssh://" + strings.Replace(location, ":", "/", 1)
	}
	// Berry writes "#commit=0123abc", and more behind "&".
	commit, _, _ = strings.Cut(commit, "&")
	commit = strings.TrimPrefix(commit, "commit=")
	if commit != "" {
		commit = "@" + commit
	}
	return Address(location + commit)
}

// TarballVersion returns the version of a package whose archive has the
// address that registries give it, and "" for other addresses:
// https://host/@s/name/-/name-1.2.3.tgz
func TarballVersion(name, url string) string {
	base := name[strings.LastIndexByte(name, '/')+1:]
	location, _, _ := strings.Cut(url, "#")
	location, _, _ = strings.Cut(location, "?")
	location = strings.Replace(location, "%2f", "/", 1)
	i := strings.LastIndex(location, "/"+name+"/-/"+base+"-")
	if base == "" || i < 0 || !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
		return ""
	}
	version, ok := strings.CutSuffix(location[i+len("/"+name+"/-/"+base+"-"):], ".tgz")
	if !ok || !IsVersion(version) {
		return ""
	}
	return version
}
