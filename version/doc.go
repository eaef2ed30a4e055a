// Package version puts the versions of packages in order, each ecosystem by
// its own rules.
//
// Start with [ParseScheme], which turns the name of an ecosystem, such as
// "deb", "Debian:12" or "Alpine:v3.19", into a [Scheme]. Then
//
//   - [Compare] orders two versions,
//   - [Satisfies] tests a version against a constraint in the ecosystem's own
//     syntax,
//   - [Key] turns a version into bytes that sort as the version does, so that
//     a database can compare versions without parsing them again,
//   - [Affected] evaluates the events of a range of OSV,
//   - [ParseVERS] and [Range.VERS] read and write version range specifiers,
//     "vers:npm/>=1.0.0|<2.0.0".
//
// # Schemes
//
//   - [Deb]: dpkg's order, deb-version(7).
//   - [APK]: the order of apk-tools 3, apk-package(5).
//   - [Generic]: dotted numbers with an optional pre-release, for versions
//     that no other rule covers.
//   - [RPM]: the order of rpm, rpm-version(7). A version without a release is
//     the lowest of those with one.
//   - [PyPI]: the order of PEP 440 for Python packages, with legacy versions,
//     which PEP 440 does not allow, below all others.
//   - [SemVer]: Semantic Versioning 2.0.0, with the liberties that advisories
//     take: "v" in front, and any count of numbers.
//   - [NPM]: the order of node-semver, with its loose forms.
//   - [Golang]: Go modules, https://go.dev/ref/mod#versions, and releases of Go,
//     such as "go1.21rc2".
//   - [Maven]: the order of Maven 3.9, where it is one.
//   - [ALPM]: the order of pacman, vercmp(8). A version without a pkgrel is the
//     lowest of those with one, as pacman has no order then.
//   - [NuGet]: the order of NuGet: Semantic Versioning 2.0.0 with up to four
//     numbers, without regard to case.
//   - [Cargo]: semantic versions of Rust's crates.
//   - [Hex]: semantic versions of Elixir's Version module.
//   - [Pub]: semantic versions of Dart's packages, of which builds have a rank.
//   - [Gem]: the order of RubyGems, the class Gem::Version.
//   - [CRAN]: the order of R packages, the class package_version.
//   - [Hackage]: the order of Haskell packages, the type Version of Cabal.
//   - [Composer]: the order of composer/semver and version_compare of PHP.
//     Branches, "dev-main", are not versions here.
//   - [Conan]: the order of Conan 2. It is not transitive where text follows
//     numbers of different lengths; numbers come first here.
//   - [Swift]: semantic versions of Swift packages.
//
// There is no fallback from one scheme to another: a name that is not known
// is an error that wraps [ErrUnknownScheme], and a version that breaks the
// rules of its scheme is a [*ParseError]. Both mean "cannot tell", never "not
// affected".
//
// # Text without meaning
//
// OSV writes "0" for "before every version". That is a rule of OSV's ranges
// and not of any scheme, so only [Affected] applies it: elsewhere "0" is
// compared like any other version, and "0~beta" of a Debian package is lower.
// The empty text is not a version in any scheme.
//
// # Limits
//
// Versions come from images and advisories and are not trusted. A version
// longer than 4,096 bytes or a constraint longer than 65,536 bytes is an
// error. Work and memory grow in proportion to the length.
//
// # Guarantees
//
// All functions are pure and safe for concurrent use. Keys of one scheme are
// comparable with each other and with nothing else; they are not meant to be
// read, and a new version of this module may encode them in another way.
package version
