// Package spdx3 writes inventories as SPDX 3.0.1 in JSON-LD and reads SPDX
// 3.0.x in JSON-LD. The specification is
// https://spdx.github.io/spdx-spec/v3.0.1/, and documents follow the JSON
// schema https://spdx.org/schema/3.0.1/spdx-json-schema.json.
//
// Start with [EncodeJSON] and [NewJSON].
//
// # What is written
//
// Each inventory, the whole one and each of its parts, has a software_Sbom
// whose root element is the target: a software_Package that contains the
// distribution and the packages, and, of a product, the targets of its parts.
// Everything that SPDX has no field for is in the extension
// CdxPropertiesExtension, under the names that package codec lists. Identifiers
// are numbers behind the document's, which follows from the content: equal
// inventories make equal documents. A vulnerability that nobody has looked at is
// only associated with the packages, unless the inventory says that it affects
// them: SPDX's other words are statements of an exploitability exchange (VEX).
//
// A licence that is no SPDX licence expression is a LicenseRef with its words
// as text. A dependency is only ever said to be incomplete or not: that it is
// complete nobody knows.
//
// # What is read
//
// Reading is lenient: elements come in any order, values can be alone where a
// list should be, and elements can stand in the place of references to them.
// What cannot be understood is one of the inventory's problems. Several
// collections with one root element each are a product and its parts: a part
// is what the root of another contains.
//
// # What is lost
//
// An inventory that is written and read again is the same, except for
// Document, and for these:
//
//   - a dependency on a package URL that no package has, and what depends on a
//     package without one; dependencies come back sorted
//   - times are in UTC and whole seconds, of the years 1 to 9999
//   - text that is not valid UTF-8, and package URLs that cannot be read
//   - a target without a Kind is of the kind "sbom"
//   - a licence expression of a package without a list of licences becomes that
//     list too
//   - an alias of a vulnerability that is its own ID, empty references and
//     aliases, and weaknesses that are no positive number
//   - a package without a name
package spdx3

import "errors"

var (
	// ErrVersion is returned where a document of a version is asked for that
	// cannot be written.
	ErrVersion = errors.New("no version of SPDX 3 that can be written")
	// ErrFormat is returned for what is no document of SPDX 3.
	ErrFormat = errors.New("no SPDX 3 document")
)

const (
	specVersion = "3.0.1"
	contextURL  = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
)
