// Package cyclonedx writes bills of materials in the formats of CycloneDX 1.4 to
// 1.7, and reads those of 1.0 to 1.7, in JSON and XML, with the types of the
// library github.com/CycloneDX/cyclonedx-go.
//
// Both ways are streams: one component is in memory at a time, beside the
// inventory. What the formats have no field for is in properties, whose names
// package codec lists. Version 1.4 has none for the paths of a package.
//
// Lost are: what XML cannot hold, which are most control characters; a rating
// by CVSS 4.0 in version 1.4, which becomes one by another method; and of what
// a flaw affects the status, where there is neither version nor range.
//
// What is read is compared with the rules of the specification that concern
// what is used here; what breaks them is one of the problems and is used as far
// as it goes.
//
// Specification: https://cyclonedx.org/specification/overview/
package cyclonedx

import (
	"errors"
	"fmt"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// ErrVersion is returned for versions that are not written.
var ErrVersion = errors.New("not a version of CycloneDX that is written: there are 1.4 to 1.7")

// ErrFormat is returned for documents that are none of CycloneDX.
var ErrFormat = errors.New("no CycloneDX document")

// DefaultVersion is written where none is asked for.
const DefaultVersion = "1.6"

// versionOf returns the version of the specification to write.
func versionOf(s string) (cdx.SpecVersion, error) {
	switch s {
	case "":
		return cdx.SpecVersion1_6, nil
	case "1.4":
		return cdx.SpecVersion1_4, nil
	case "1.5":
		return cdx.SpecVersion1_5, nil
	case "1.6":
		return cdx.SpecVersion1_6, nil
	case "1.7":
		return cdx.SpecVersion1_7, nil
	}
	return 0, fmt.Errorf("%q: %w", s, ErrVersion)
}
