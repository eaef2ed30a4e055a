package version

// The switches below call the functions of a scheme by name, rather than
// through a table, so that the compiler sees that no argument is kept:
// buffers of the caller stay on its stack.

// Compare returns -1 if a is lower than b by the rules of s, 0 if they are of
// equal rank and +1 if a is higher. Versions of equal rank may be spelled
// differently, as "1.0" and "1.0-0" of Debian.
//
// The error is a [*ParseError] if a or b is not a version of s, and wraps
// [ErrUnknownScheme] if s is not a scheme. A comparison allocates
// nothing for [Deb], [APK], [RPM], [ALPM], [SemVer], [NPM], [Golang], [Cargo],
// [Hex], [Pub], [Conan] and [Swift].
func Compare(s Scheme, a, b string) (int, error) {
	switch s {
	case Deb:
		return compareDeb(a, b)
	case APK:
		return compareAPK(a, b)
	case Generic:
		return compareGeneric(a, b)
	case RPM:
		return compareRPM(a, b)
	case PyPI:
		return comparePyPI(a, b)
	case SemVer, NPM, Golang, Cargo, Hex, Swift:
		return compareSemver(s, a, b)
	case Pub:
		return comparePub(a, b)
	case Conan:
		return compareConan(a, b)
	case Maven:
		return compareMaven(a, b)
	case ALPM:
		return compareALPM(a, b)
	case NuGet:
		return compareNuGet(a, b)
	case Gem:
		return compareGem(a, b)
	case CRAN:
		return compareCRAN(a, b)
	case Hackage:
		return compareHackage(a, b)
	case Composer:
		return compareComposer(a, b)
	}
	return 0, s.unknown()
}

// Satisfies reports whether v meets the constraint, which is written in the
// syntax of the ecosystem:
//
//   - [Deb]: as in a Debian dependency field, Debian policy 7.1, without the
//     package's name: "<<", "<=", "=", ">=" or ">>" and a version, optionally
//     in parentheses; "," means and, "|" means or and binds tighter. No
//     operator means "=". The obsolete "<" and ">" mean "<=" and ">=", as
//     they do for dpkg.
//   - [APK]: as in a dependency of apk-world(5), without the package's name:
//     "<", "<=", "=", ">=" or ">" and a version, or "~" (also "~=", "=~") and
//     the beginning of a version, of which "<~" and ">~" are the variants
//     that also admit lower and higher versions. Blanks mean and.
//   - [Generic]: "=", "!=", "<", "<=", ">=", ">", "~>", "~" or "^" and a
//     version; "," or a blank means and, "||" means or. No operator means "=".
//     See https://pkg.go.dev/github.com/aquasecurity/go-version/pkg/version.
//   - [RPM]: as in a dependency of rpm, without the name of the package: "<",
//     "<=", "=", ">=" or ">" and a version; commas or blanks mean and. No
//     operator means "=". As rpm has it for dependencies, "1.0" is any
//     release of it: 1.0-1 meets "= 1.0" and "<= 1.0" but not "> 1.0",
//     though 1.0-1 is higher by [Compare], and 1.0 without a release meets
//     every comparison with 1.0-1.
//   - [PyPI]: version specifiers of PEP 440: "~=", "==", "!=", "<=", ">=",
//     "<", ">" or "===" and a version; "," means and. "==1.2.*" and "!=1.2.*"
//     have all versions of a release. Pre-releases are treated like other
//     versions, as by SpecifierSet.contains(v, prereleases=True) of Python's
//     packaging and not as by pip, which avoids them: they are as affected
//     as others. By rule, "<1.2" and ">1.2" leave out the pre-releases and
//     the post-releases of 1.2 itself. A legacy version meets only "===".
//   - [SemVer], [Golang]: "=", "!=", "<", "<=", ">=" or ">" and a version; ","
//     or a blank means and, "||" means or. No operator means "=". Neither
//     ecosystem has a syntax of its own; govulncheck prints versions like this.
//   - [NPM]: https://github.com/npm/node-semver#ranges, with loose versions. A
//     pre-release must be allowed by a comparator with the same numbers.
//   - [Maven]: intervals, as in the version of a dependency: "[1.0,2.0)",
//     "(,1.0]", "[1.0]", "[1.0,)", and lists of them, which mean or. A bare
//     version is a recommendation, which every version meets.
//   - [ALPM]: as in a dependency of pacman, without the name of the package:
//     "<", "<=", "=", ">=" or ">" and a version; commas or blanks mean and. No
//     operator means "=". If the version on either side has no pkgrel, that of
//     the other side is ignored.
//   - [NuGet]: intervals, "[1.0,2.0)", "(,1.0]", "[1.0]", "(1.0,)", or a
//     version, which is the lowest admitted. Of a floating version, "1.*" or
//     "1.0.0-*", the lowest that it stands for is meant. Pre-releases are
//     compared like all others.
//   - [Cargo]: comparators between commas, all of which must hold:
//     https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html.
//     Pre-releases as for npm.
//   - [Hex]: https://hexdocs.pm/elixir/Version.html#module-requirements, with
//     "and" and "or". Pre-releases are like other versions.
//   - [Pub]: https://dart.dev/tools/pub/dependencies#version-constraints.
//     "<2.0.0" leaves out the pre-releases of 2.0.0.
//   - [Gem]: requirements of RubyGems: "=", "!=", "<", "<=", ">=", ">" or
//     "~>" and a version; "," means and. No operator means "=".
//   - [CRAN]: as in the fields for dependencies of R packages, without the
//     name of the package: "<", "<=", "==", "!=", ">=" or ">" and a version,
//     optionally in parentheses; "," means and. No operator means "==".
//   - [Hackage]: version ranges of Cabal: "==", ">=", ">", "<=", "<" or "^>="
//     and a version, "==1.2.*", "-any" and "-none"; "&&" means and, "||" means
//     or, and parentheses group.
//   - [Composer]: "=", "!=", "<", "<=", ">=", ">", "~" or "^" and a version,
//     "1.2.*", "1.0 - 2.0", each also with a stability, "@dev"; "," or a blank
//     means and, "|" or "||" means or.
//   - [Conan]: https://docs.conan.io/2/tutorial/versioning/version_ranges.html,
//     with or without the brackets. Pre-releases need ", include_prerelease".
//   - [Swift]: requirements of a Package.swift, such as "1.2.3"..<"2.0.0",
//     from: "1.2.3" or .upToNextMinor(from: "1.2.3"), with or without quotes.
//
// A constraint that is empty or blank is met by every version. The version
// and the whole constraint are checked even if their beginning decides.
//
// The error is a [*ParseError] if v is not a version of s or the constraint
// is malformed, and wraps [ErrUnknownScheme] if s is not a scheme.
func Satisfies(s Scheme, v, constraint string) (bool, error) {
	if _, err := Parse(s, v); err != nil {
		return false, err
	}
	r, err := ParseRange(s, constraint)
	if err != nil {
		return false, err
	}
	return r.contains(v), nil
}

// Key returns bytes that sort as v does: bytes.Compare of two keys of one
// scheme is what [Compare] returns for the versions. Versions of equal rank
// have the same key. A key is about as long as the text of the version.
//
// The errors are those of [Compare].
func Key(s Scheme, v string) ([]byte, error) {
	return AppendKey(nil, s, v)
}

// AppendKey appends the [Key] of v to dst and returns the extended buffer. It
// returns nil on error. For the schemes of which [Compare] says so it allocates
// nothing if dst has room.
func AppendKey(dst []byte, s Scheme, v string) ([]byte, error) {
	switch s {
	case Deb:
		return appendDebKey(dst, v)
	case APK:
		return appendAPKKey(dst, v)
	case Generic:
		return appendGenericKey(dst, v)
	case RPM:
		return appendRPMKey(dst, v)
	case PyPI:
		return appendPyPIKey(dst, v)
	case SemVer, NPM, Golang, Cargo, Hex, Swift:
		return appendSemverKey(dst, s, v)
	case Pub:
		return appendPubKey(dst, v)
	case Conan:
		return appendConanKey(dst, v)
	case Maven:
		return appendMavenKey(dst, v)
	case ALPM:
		return appendALPMKey(dst, v)
	case NuGet:
		return appendNuGetKey(dst, v)
	case Gem:
		return appendGemKey(dst, v)
	case CRAN:
		return appendCRANKey(dst, v)
	case Hackage:
		return appendHackageKey(dst, v)
	case Composer:
		return appendComposerKey(dst, v)
	}
	return nil, s.unknown()
}
