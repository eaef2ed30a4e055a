// Package purlspec reads and writes package URLs as ECMA-427 defines them
// (https://ecma-tc54.github.io/ECMA-427/): with packageurl-go, and what the
// specification's test suite asks for beyond it.
//
// Writing is strict and reading is not: a package URL of a document that breaks
// a rule still names the package.
package purlspec

import (
	"fmt"

	"github.com/package-url/packageurl-go"
)

// needsNamespace reports whether the definition of a type makes the namespace a
// required part, and packageurl-go does not:
//
//   - cpan: https://github.com/package-url/purl-spec/blob/main/types/cpan-definition.json
func needsNamespace(kind string) bool { return kind == "cpan" }

// Parse reads a package URL. The parts are in their canonical form. With an
// error the result is zero.
func Parse(s string) (packageurl.PackageURL, error) {
	u, err := packageurl.FromString(s)
	if err != nil {
		return packageurl.PackageURL{}, err
	}
	return u, nil
}

// Format returns the canonical form of a package URL.
//
// The text is there with an error too: it breaks a rule of its type, as the
// package's own data does.
func Format(u packageurl.PackageURL) (string, error) {
	u.Qualifiers = append(packageurl.Qualifiers(nil), u.Qualifiers...) // sorted in place
	err := u.Normalize()
	if err == nil && u.Namespace == "" && needsNamespace(u.Type) {
		err = fmt.Errorf("a package URL of type %q must have a namespace", u.Type)
	}
	return u.ToString(), err
}
