package version

// The switches below call the functions of a scheme by name, rather than
// through a table, so that the compiler sees that no argument is kept:
// buffers of the caller stay on its stack.

// Compare returns -1 if a is lower than b by the rules of s, 0 if they are of
// equal rank and +1 if a is higher. Versions of equal rank may be spelled
// differently, as "1.0" and "1.0-0" of Debian.
//
// The error is a [*ParseError] if a or b is not a version of s, and wraps
// [ErrUnknownScheme] if s is not a scheme. For [Deb] and [APK] a comparison
// allocates nothing.
func Compare(s Scheme, a, b string) (int, error) {
	switch s {
	case Deb:
		return compareDeb(a, b)
	case APK:
		return compareAPK(a, b)
	case Generic:
		return compareGeneric(a, b)
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
// returns nil on error. For [Deb] and [APK] it allocates nothing if dst has
// room.
func AppendKey(dst []byte, s Scheme, v string) ([]byte, error) {
	switch s {
	case Deb:
		return appendDebKey(dst, v)
	case APK:
		return appendAPKKey(dst, v)
	case Generic:
		return appendGenericKey(dst, v)
	}
	return nil, s.unknown()
}
