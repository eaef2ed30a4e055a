package sbom

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/cyclonedx"
	"github.com/imagevet/imagevet/internal/codec/purllist"
	"github.com/imagevet/imagevet/internal/codec/spdx2"
	"github.com/imagevet/imagevet/internal/codec/spdx3"
)

// A Format is a way to write a [BOM].
type Format int

// The formats.
const (
	// CycloneDXJSON is CycloneDX in JSON, 1.4 to 1.7, and 1.6 where
	// [WithSpecVersion] asks for no other:
	// https://cyclonedx.org/docs/1.6/json/
	CycloneDXJSON Format = iota + 1
	// CycloneDXXML is CycloneDX in XML, of the same versions:
	// https://cyclonedx.org/docs/1.6/xml/
	CycloneDXXML
	// SPDXJSON is SPDX in JSON, 2.2, 2.3 and 3.0 (JSON-LD), and 2.3 where
	// WithSpecVersion asks for no other: https://spdx.github.io/spdx-spec/v2.3/
	SPDXJSON
	// SPDXTagValue is SPDX as tags and values, 2.2 and 2.3.
	SPDXTagValue
	// PackageURLs is a list of the package URLs alone, one a line.
	PackageURLs
)

// ErrFormat is returned for a [Format] that is not one of the constants, for a
// version that a format has not, and by [Decode] for what is no bill of
// materials.
var ErrFormat = errors.New("sbom: no such format")

// An EncodeOption changes one default of [Encode] and [Check]. If two conflict,
// the last one wins.
type EncodeOption func(*codec.Options) error

// WithSpecVersion sets the version of the format's specification, such as
// "1.5". The default is the one that [Format] names.
func WithSpecVersion(version string) EncodeOption {
	return func(o *codec.Options) error {
		o.Version = version
		return nil
	}
}

// WithTimestamp states when the document was made, in whole seconds. The zero
// time states none. The default is that of the document that the BOM was
// decoded from, else none: no clock is read, so that the same BOM gives the
// same bytes. SPDX must have a time; without one it is that of the image, or
// else the first second of 1970.
func WithTimestamp(t time.Time) EncodeOption {
	return func(o *codec.Options) error {
		o.Created = t.UTC().Truncate(time.Second)
		return nil
	}
}

// WithSourceDateEpoch is [WithTimestamp] with the value of the environment
// variable SOURCE_DATE_EPOCH, seconds since 1970 in decimal digits
// (https://reproducible-builds.org/specs/source-date-epoch/). An empty value
// changes nothing.
func WithSourceDateEpoch(value string) EncodeOption {
	return func(o *codec.Options) error {
		if value == "" {
			return nil
		}
		seconds, err := strconv.ParseInt(value, 10, 64)
		const last = 253402300799 // of the year 9999
		if err != nil || seconds < 0 || seconds > last {
			return fmt.Errorf("sbom: WithSourceDateEpoch(%q): no number of seconds", value)
		}
		o.Created = time.Unix(seconds, 0).UTC()
		return nil
	}
}

// WithAuthors states who is responsible for the document: people, as
// "Name <address>", or organisations. The default is that of the document
// that the BOM was decoded from.
func WithAuthors(authors ...string) EncodeOption {
	return func(o *codec.Options) error {
		if slices.ContainsFunc(authors, func(a string) bool { return strings.TrimSpace(a) == "" }) {
			return errors.New("sbom: WithAuthors: an empty name")
		}
		o.Authors = slices.Clone(authors)
		return nil
	}
}

// WithSupplier states who supplies what the BOM is of. The default is that of
// the document that the BOM was decoded from.
func WithSupplier(name string) EncodeOption {
	return func(o *codec.Options) error {
		o.Supplier = name
		return nil
	}
}

// WithTool names the program that makes the document, beside this library. The
// version can be empty. The default is the library alone.
func WithTool(name, version string) EncodeOption {
	return func(o *codec.Options) error {
		if name == "" {
			return errors.New("sbom: WithTool: no name")
		}
		o.Tools = append(o.Tools, Tool{Name: name, Version: version})
		return nil
	}
}

// WithCompact leaves out white space that only people need. The default is
// false.
func WithCompact(compact bool) EncodeOption {
	return func(o *codec.Options) error {
		o.Compact = compact
		return nil
	}
}

// encodeOptions returns the options for b.
func encodeOptions(b *BOM, opts []EncodeOption) (*codec.Options, error) {
	o := codec.Options{Created: b.Document.Created, Authors: b.Document.Authors, Supplier: b.Document.Supplier}
	for _, t := range b.Document.Tools {
		if t.Name != codec.Name {
			o.Tools = append(o.Tools, t)
		}
	}
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	return &o, nil
}

// Encode writes the BOM, one package after the other. Equal BOMs and options
// give equal bytes: what a document has of references, serial numbers and name
// spaces is made from its content.
//
// All formats hold every field of the model, where they have no field of their
// own as properties whose names begin with "imagevet:", and [Decode] gives back
// what was written. The table in the package comment says what is lost.
//
// The error wraps [ErrFormat] if there is no such format or version; otherwise
// it is that of w or of an option.
func Encode(w io.Writer, b *BOM, f Format, opts ...EncodeOption) error {
	o, err := encodeOptions(b, opts)
	if err != nil {
		return err
	}
	switch f {
	case CycloneDXJSON:
		err = cyclonedx.EncodeJSON(w, b, o)
	case CycloneDXXML:
		err = cyclonedx.EncodeXML(w, b, o)
	case SPDXJSON:
		if strings.HasPrefix(o.Version, "3.") {
			err = spdx3.EncodeJSON(w, b, o)
		} else {
			err = spdx2.EncodeJSON(w, b, o)
		}
	case SPDXTagValue:
		err = spdx2.EncodeTagValue(w, b, o)
	case PackageURLs:
		if o.Version != "" {
			return fmt.Errorf("%w: a list of package URLs has no version %q", ErrFormat, o.Version)
		}
		err = purllist.Encode(w, b)
	default:
		return fmt.Errorf("%w: %d", ErrFormat, int(f))
	}
	if errors.Is(err, cyclonedx.ErrVersion) || errors.Is(err, spdx2.ErrVersion) || errors.Is(err, spdx3.ErrVersion) {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if err != nil {
		return fmt.Errorf("sbom: %w", err)
	}
	return nil
}
