package sbom

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/attest"
	"github.com/imagevet/imagevet/internal/codec/cyclonedx"
	"github.com/imagevet/imagevet/internal/codec/detect"
	"github.com/imagevet/imagevet/internal/codec/purllist"
	"github.com/imagevet/imagevet/internal/codec/spdx2"
	"github.com/imagevet/imagevet/internal/codec/spdx3"
	"github.com/imagevet/imagevet/internal/codec/syftjson"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// ErrTooLarge is wrapped by errors of what exceeds a limit.
var ErrTooLarge = inventory.ErrTooLarge

// A DecodeError reports a document that cannot be read. It wraps [ErrFormat] if
// it is no bill of materials of a format that is known, and [ErrTooLarge] if it
// exceeds a limit.
type DecodeError struct {
	Err error // the cause, never nil
}

func (e *DecodeError) Error() string { return "sbom: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *DecodeError) Unwrap() error { return e.Err }

// Is reports whether target is [ErrFormat] and the document is of no format
// that is known.
func (e *DecodeError) Is(target error) bool {
	return target == ErrFormat && slices.ContainsFunc(formatErrors[:], func(err error) bool { return errors.Is(e.Err, err) })
}

var formatErrors = [...]error{
	detect.ErrUnknown, cyclonedx.ErrFormat, spdx2.ErrFormat, spdx3.ErrFormat, syftjson.ErrFormat, attest.ErrFormat, attest.ErrPredicate,
	purllist.ErrFormat,
}

// A DecodeOption changes one default of [Decode]. If two conflict, the last one
// wins.
type DecodeOption func(*codec.Limits) error

// WithMaxBytes bounds the size of a document, in bytes. A document that is one
// large value needs some three times as much memory. The default is 512 MiB.
func WithMaxBytes(n int64) DecodeOption {
	return func(l *codec.Limits) error {
		if n < 1 {
			return fmt.Errorf("sbom: WithMaxBytes(%d): must be at least 1", n)
		}
		l.Bytes = n
		return nil
	}
}

// WithMaxPackages bounds the number of packages; of files and other things that
// relationships can name there can be five times as many. The default is
// 200,000.
func WithMaxPackages(n int) DecodeOption {
	return func(l *codec.Limits) error {
		if n < 1 {
			return fmt.Errorf("sbom: WithMaxPackages(%d): must be at least 1", n)
		}
		l.Packages = n
		return nil
	}
}

// Decode reads a bill of materials. What it is shows in its content:
//
//   - CycloneDX 1.0 to 1.7, in JSON and XML
//   - SPDX 2.1 to 2.3, in JSON and as tags and values; SPDX 3.0 in JSON-LD
//   - Syft's own JSON
//   - an in-toto attestation of one of these, alone or in a DSSE envelope, whose
//     signatures are not verified; GitHub's export of a dependency graph
//   - a list of package URLs, one a line
//
// Documents of other tools are understood with the qualifiers and properties
// that they use for source packages, epochs, layers, files and the distribution
// (Trivy, Syft, cdxgen, BuildKit's scanner). Where no operating system is
// listed, it is the one that most package URLs name.
//
// Packages without a package URL have an empty Type; there are no advisories to
// compare them with. Target.Kind is "sbom" where the document does not tell
// what it was made from.
//
// A document can be damaged in part: a package URL that cannot be understood,
// a reference that is given twice or leads nowhere, a value that the format does
// not allow. Each is one of [BOM.Problems], without a path, and the rest is read.
// A document that is not well formed, of no format that is known, or larger than
// a limit, is a [*DecodeError], and then there is no BOM. Reading ends with an
// error of r, so that a reader that fails when a context ends stops Decode.
//
// Memory grows with the packages, not with what else the document has.
func Decode(r io.Reader, opts ...DecodeOption) (*BOM, error) {
	limits := codec.DefaultLimits()
	for _, opt := range opts {
		if err := opt(&limits); err != nil {
			return nil, err
		}
	}
	b, err := detect.Decode(r, limits)
	if err != nil {
		return nil, &DecodeError{err}
	}
	return b, nil
}
