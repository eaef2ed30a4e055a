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
//     a database can compare versions without parsing them again.
//
// # Schemes
//
//   - [Deb]: dpkg's order, deb-version(7).
//   - [APK]: the order of apk-tools 3, apk-package(5).
//   - [Generic]: dotted numbers with an optional pre-release, for versions
//     that no other rule covers.
//
// There is no fallback from one scheme to another: a name that is not known
// is an error that wraps [ErrUnknownScheme], and a version that breaks the
// rules of its scheme is a [*ParseError]. Both mean "cannot tell", never "not
// affected".
//
// # Text without meaning
//
// OSV writes "0" for "before every version". That is a rule of OSV's ranges
// and not of any scheme, so it is not applied here: "0" is compared like any
// other version, and "0~beta" of a Debian package is lower. The empty text is
// not a version in any scheme.
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
