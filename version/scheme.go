package version

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnknownScheme is wrapped by the error for a scheme that has no name or
// no order here.
var ErrUnknownScheme = errors.New("unknown version scheme")

// A Scheme is a set of rules that orders versions. The zero value is no
// scheme: nothing can be compared by it. Schemes are comparable with ==. They
// are stored and exchanged by name; their numbers may change.
type Scheme uint8

// The schemes that can be compared.
const (
	// Deb is the order of dpkg, for Debian, Ubuntu and their relatives.
	Deb Scheme = iota + 1
	// APK is the order of apk-tools, for Alpine, Wolfi and their relatives.
	APK
	// Generic is the order of dotted numbers with an optional pre-release.
	Generic

	endOfSchemes
)

// ParseScheme returns the scheme for a name, which is one of
//
//   - the scheme's own name, as [Scheme.String] returns it,
//   - a package URL type that implies a scheme, such as "deb",
//   - an ecosystem of OSV with or without a release: "Debian:12",
//     "Ubuntu:22.04:LTS", "Alpine:v3.19", "Wolfi". "Root:Alpine:3.18", a
//     rebuild for another ecosystem, has the scheme of the latter.
//
// Upper and lower case are not distinguished. Any other name is an error that
// wraps [ErrUnknownScheme] and lists the schemes there are.
//
// The names are defined in
// https://github.com/package-url/purl-spec/blob/main/PURL-TYPES.rst and
// https://ossf.github.io/osv-schema/#defined-ecosystems.
func ParseScheme(name string) (Scheme, error) {
	base, rest, _ := strings.Cut(strings.ToLower(name), ":")
	if base == "root" {
		base, _, _ = strings.Cut(rest, ":")
	}
	switch base {
	case "deb", "debian", "ubuntu", "echo":
		return Deb, nil
	case "apk", "alpine", "alpaquita", "bellsoft hardened containers", "chainguard", "cleanstart", "minimos", "wolfi":
		return APK, nil
	case "generic":
		return Generic, nil
	}
	return 0, fmt.Errorf("version: ParseScheme(%q): %w (known: %s)", clip(name), ErrUnknownScheme, knownSchemes())
}

// String returns the name of the scheme in lower case, such as "deb",
// "unknown" for the zero value and "Scheme(n)" for a number without meaning.
func (s Scheme) String() string {
	switch s {
	case 0:
		return "unknown"
	case Deb:
		return "deb"
	case APK:
		return "apk"
	case Generic:
		return "generic"
	}
	return fmt.Sprintf("Scheme(%d)", uint8(s))
}

// MarshalText returns the name of the scheme, and the empty text for the zero
// value. A number without meaning is an error that wraps [ErrUnknownScheme].
func (s Scheme) MarshalText() ([]byte, error) {
	if s == 0 {
		return []byte{}, nil
	}
	if s >= endOfSchemes {
		return nil, s.unknown()
	}
	return []byte(s.String()), nil
}

// UnmarshalText accepts what [ParseScheme] accepts, and the empty text for
// the zero value. On error the scheme is left as it was.
func (s *Scheme) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = 0
		return nil
	}
	parsed, err := ParseScheme(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

// unknown is the error for a scheme that nothing can be done with.
func (s Scheme) unknown() error {
	return fmt.Errorf("version: %w: %v", ErrUnknownScheme, s)
}

// knownSchemes lists the names of all schemes for an error message.
func knownSchemes() string {
	var names []string
	for s := Scheme(1); s < endOfSchemes; s++ {
		names = append(names, s.String())
	}
	return strings.Join(names, ", ")
}
