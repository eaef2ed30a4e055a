// Package spdx2 writes bills of materials in the formats of SPDX 2.2 and 2.3,
// as JSON and as tag-value, and reads those of 2.1 to 2.3.
//
// [EncodeJSON] and [EncodeTagValue] write a stream: one element is in memory at
// a time, beside the inventory. What SPDX has no field for is in one annotation
// per package, which "imagevet:" begins: a JSON array of pairs of a name and a
// value, in the order and with the names that package codec lists, without
// their prefix; a value is a string or a list of strings. Names that this
// package adds are
//
//   - element: "target" or "os" for packages that stand for those;
//   - name, version, digest of a target; os:id, os:version, os:name of an OS;
//   - purl, where the package URL is none or does not fit into a reference;
//   - layer:digest, of a layer that is not among the layers of the target;
//   - licenses: "none", where there is an expression alone.
//
// Reading back what was written gives the same inventory, except:
//
//   - Vulnerabilities are lost. SPDX 2.3 documents link to an advisory from the
//     packages that are affected, those of 2.2 do not tell of them.
//   - DependsOn loses package URLs that no package has, and the package's own.
//   - [inventory.Target].Created loses fractions of a second.
//   - Bytes that are no UTF-8 become U+FFFD. A package without a name is named
//     "unnamed".
//   - A layer of a package that is not among the layers of the target keeps its
//     index, digest and diff ID.
//   - Of Document, what the options state comes back, as long as the name of a
//     tool has no part that looks like a version; "NAME (EMAIL)" comes back as
//     "NAME <EMAIL>", and neither an author who is said to be a person nor a
//     supplier who is said to be an organization keeps that word.
//
// In single fields, control characters are blanks, and "<text>" and "</text>",
// which tag-value has no way to escape, begin with "&lt;". The annotation has
// the text as it was.
//
// Decoders take documents as they come: packages need no package URL, suppliers
// any form. What they know of the tools Trivy, Syft and BuildKit is how those
// tell the files, layers and sources of packages. Documents are hostile; what
// is read is bounded by [codec.Limits], and what cannot be understood is one of
// the inventory's problems.
//
// Specifications: https://spdx.github.io/spdx-spec/v2.3/ and
// https://spdx.github.io/spdx-spec/v2.2.2/.
package spdx2

import (
	"errors"
	"fmt"
)

// ErrVersion is returned for versions that are not written.
var ErrVersion = errors.New("not a version of SPDX 2 that is written: there are 2.2 and 2.3")

// ErrFormat is returned for documents that are none of SPDX 2.
var ErrFormat = errors.New("no document of SPDX 2")

// DefaultVersion is written where none is asked for.
const DefaultVersion = "2.3"

// versionOf returns the version of the specification to write.
func versionOf(s string) (string, error) {
	switch s {
	case "":
		return DefaultVersion, nil
	case "2.2", "2.3":
		return s, nil
	}
	return "", fmt.Errorf("%q: %w", s, ErrVersion)
}
