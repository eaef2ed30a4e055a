package report

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
)

// A Format is a way to write a report. The zero value is none.
type Format uint8

// The formats.
const (
	Table        Format = iota + 1 // text for people
	JSON                           // the layout of [scan.Report]
	CycloneDX                      // [sbom.CycloneDXJSON], with the findings
	CycloneDXXML                   // [sbom.CycloneDXXML], with the findings
	SPDX                           // [sbom.SPDXJSON], with references to advisories
	SPDXTagValue                   // [sbom.SPDXTagValue], likewise
	HTML                           // one file for browsers, to be passed on
)

var formatNames = [...]string{
	Table: "table", JSON: "json", CycloneDX: "cyclonedx", CycloneDXXML: "cyclonedx-xml", SPDX: "spdx", SPDXTagValue: "spdx-tv",
	HTML: "html",
}

// Formats returns all formats.
func Formats() []Format {
	return []Format{Table, JSON, CycloneDX, CycloneDXXML, SPDX, SPDXTagValue, HTML}
}

// IsSBOM reports whether f is a format of bills of materials.
func (f Format) IsSBOM() bool { return f >= CycloneDX && f <= SPDXTagValue }

// ParseFormat reads the name of a format, in any case. The error lists all.
func ParseFormat(name string) (Format, error) {
	for _, f := range Formats() {
		if strings.EqualFold(name, f.String()) {
			return f, nil
		}
	}
	return 0, fmt.Errorf("report: %q is no format; there are %s", name, strings.Join(formatNames[1:], ", "))
}

// String returns the name in lower case.
func (f Format) String() string {
	if slices.Contains(Formats(), f) {
		return formatNames[f]
	}
	return fmt.Sprintf("Format(%d)", uint8(f))
}

// MarshalText returns the name in lower case.
func (f Format) MarshalText() ([]byte, error) {
	if !slices.Contains(Formats(), f) {
		return nil, fmt.Errorf("report: %v has no name", f)
	}
	return []byte(f.String()), nil
}

// UnmarshalText reads what [ParseFormat] does.
func (f *Format) UnmarshalText(text []byte) (err error) {
	*f, err = ParseFormat(string(text))
	return err
}

// An Option changes one default of [Write]. If two conflict, the last one wins.
type Option func(*config) error

type config struct {
	packages bool
	width    int
	color    bool
	sbom     []sbom.EncodeOption
}

func defaultConfig() config { return config{width: 80} }

// WithPackages says whether [JSON] and [HTML] list all packages of the image,
// with and without findings. [Table] never does, and bills of materials always. The
// default is false.
func WithPackages(packages bool) Option {
	return func(c *config) error {
		c.packages = packages
		return nil
	}
}

// MinWidth is the smallest width of a [Table], in columns.
const MinWidth = 40

// WithWidth sets how many columns a [Table] may take, [MinWidth] or more. What
// is longer goes on in the next line. The default is 80.
func WithWidth(columns int) Option {
	return func(c *config) error {
		if columns < MinWidth {
			return fmt.Errorf("report: WithWidth(%d): must be at least %d", columns, MinWidth)
		}
		c.width = columns
		return nil
	}
}

// WithColor says whether a [Table] is coloured, with the escape sequences of
// ECMA-48 that terminals know. The default is false.
func WithColor(color bool) Option {
	return func(c *config) error {
		c.color = color
		return nil
	}
}

// Write writes a report to w. The error is that of w, or tells which option or
// format is wrong; nothing has been written in the second case.
func Write(w io.Writer, r *scan.Report, f Format, opts ...Option) error {
	if r == nil {
		return errors.New("report: Write: no report")
	}
	cfg := defaultConfig()
	for _, opt := range opts {
		if err := opt(&cfg); err != nil {
			return err
		}
	}
	var err error
	switch f {
	case Table:
		err = writeTable(w, r, &cfg)
	case JSON:
		err = writeJSON(w, r, &cfg)
	case HTML:
		err = writeHTML(w, r, &cfg)
	case CycloneDX, CycloneDXXML, SPDX, SPDXTagValue:
		err = writeSBOM(w, r, f, &cfg)
	default:
		return fmt.Errorf("report: Write: %v is no format", f)
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
