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
	// RPM is the order of rpm, for Red Hat, Fedora, SUSE and their relatives.
	RPM
	// PyPI is the order of Python packages, PEP 440.
	PyPI
	// SemVer is the order of Semantic Versioning 2.0.0.
	SemVer
	// NPM is the order of node-semver, for JavaScript packages.
	NPM
	// Golang is the order of Go modules and of Go itself.
	Golang
	// Maven is the order of Maven, for Java.
	Maven
	// ALPM is the order of pacman, for Arch Linux and its relatives.
	ALPM
	// NuGet is the order of NuGet, for .NET.
	NuGet
	// Cargo is the order of Rust's crates.
	Cargo
	// Hex is the order of Elixir's and Erlang's packages.
	Hex
	// Pub is the order of Dart's packages.
	Pub
	// Gem is the order of RubyGems.
	Gem
	// CRAN is the order of R packages, for CRAN and Bioconductor.
	CRAN
	// Hackage is the order of Haskell packages.
	Hackage
	// Composer is the order of Composer, for PHP.
	Composer
	// Conan is the order of Conan 2, for packages of C and C++.
	Conan
	// Swift is the order of Swift packages.
	Swift

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
	case "rpm", "almalinux", "amazon linux", "azure linux", "bottlerocket", "centos stream", "fedora", "mageia", "openeuler", "opensuse",
		"oracle linux", "photon os", "red hat", "rocky linux", "suse":
		return RPM, nil
	case "pypi":
		return PyPI, nil
	case "semver", "bitnami", "github actions", "julia":
		return SemVer, nil
	case "npm":
		return NPM, nil
	case "golang", "go":
		return Golang, nil
	case "maven":
		return Maven, nil
	case "alpm", "arch linux":
		return ALPM, nil
	case "nuget":
		return NuGet, nil
	case "cargo", "crates.io":
		return Cargo, nil
	case "hex":
		return Hex, nil
	case "pub":
		return Pub, nil
	case "gem", "rubygems":
		return Gem, nil
	case "cran", "bioconductor":
		return CRAN, nil
	case "hackage":
		return Hackage, nil
	case "composer", "packagist":
		return Composer, nil
	case "conan", "conancenter":
		return Conan, nil
	case "swift", "swifturl":
		return Swift, nil
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
	case RPM:
		return "rpm"
	case PyPI:
		return "pypi"
	case SemVer:
		return "semver"
	case NPM:
		return "npm"
	case Golang:
		return "golang"
	case Maven:
		return "maven"
	case ALPM:
		return "alpm"
	case NuGet:
		return "nuget"
	case Cargo:
		return "cargo"
	case Hex:
		return "hex"
	case Pub:
		return "pub"
	case Gem:
		return "gem"
	case CRAN:
		return "cran"
	case Hackage:
		return "hackage"
	case Composer:
		return "composer"
	case Conan:
		return "conan"
	case Swift:
		return "swift"
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
