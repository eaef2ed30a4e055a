package report

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"
	"time"

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
	SARIF                          // SARIF 2.1.0, for GitHub code scanning
	JUnit                          // JUnit's XML, for CI servers
	GitLab                         // GitLab's container scanning report
	GitHub                         // annotations of GitHub workflows
	Markdown                       // a summary in GitHub's Markdown
	CSV                            // a table for spreadsheets
	OpenVEX                        // a skeleton of OpenVEX 0.2.0
	Trivy                          // the layout of Trivy's JSON
	Template                       // whatever [WithTemplate] says
)

var formatNames = [...]string{
	Table: "table", JSON: "json", CycloneDX: "cyclonedx", CycloneDXXML: "cyclonedx-xml", SPDX: "spdx", SPDXTagValue: "spdx-tv",
	HTML:  "html",
	SARIF: "sarif", JUnit: "junit", GitLab: "gitlab", GitHub: "github", Markdown: "markdown", CSV: "csv", OpenVEX: "openvex", Trivy: "trivy",
	Template: "template",
}

// Formats returns all formats.
func Formats() []Format {
	return []Format{
		Table, JSON, CycloneDX, CycloneDXXML, SPDX, SPDXTagValue, HTML,
		SARIF, JUnit, GitLab, GitHub, Markdown, CSV, OpenVEX, Trivy, Template,
	}
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
	groups   GroupBy
	chains   bool
	sbom     []sbom.EncodeOption

	suppressed bool
	time       time.Time
	template   *template.Template
}

func newConfig(opts []Option) (config, error) {
	cfg := config{width: 80}
	for _, opt := range opts {
		if err := opt(&cfg); err != nil {
			return config{}, err
		}
	}
	return cfg, nil
}

// WithPackages says whether [JSON], [HTML] and [Trivy] list all packages of the
// image, with and without findings. Bills of materials always do, other formats never.
// The default is false.
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

// WithSuppressed says whether [SARIF], [Markdown], [CSV] and [Trivy] list the
// suppressed findings, marked as such. [JSON] and [JUnit] always do. The default
// is false, because GitHub takes the suppressed results of a SARIF file for
// open ones.
func WithSuppressed(list bool) Option {
	return func(c *config) error {
		c.suppressed = list
		return nil
	}
}

// WithTime sets the time of the scan, for formats that state one: [GitLab],
// [OpenVEX], [Trivy] and [JUnit]. The default is the time at which the database
// was built, so that the same report gives the same bytes.
func WithTime(t time.Time) Option {
	return func(c *config) error {
		c.time = t
		return nil
	}
}

// Write writes a report to w. The error is that of w, or tells which option or
// format is wrong; nothing has been written in the second case.
func Write(w io.Writer, r *scan.Report, f Format, opts ...Option) error {
	if r == nil {
		return errors.New("report: Write: no report")
	}
	cfg, err := newConfig(opts)
	if err != nil {
		return err
	}
	switch f {
	case Table:
		err = writeTable(w, r, &cfg)
	case JSON:
		err = writeJSON(w, r, &cfg)
	case HTML:
		err = writeHTML(w, r, &cfg)
	case CycloneDX, CycloneDXXML, SPDX, SPDXTagValue:
		err = writeSBOM(w, r, f, &cfg)
	case SARIF:
		err = writeSARIF(w, r, &cfg)
	case JUnit:
		err = writeJUnit(w, r, &cfg)
	case GitLab:
		err = writeGitLab(w, r, &cfg)
	case GitHub:
		err = writeGitHub(w, r, &cfg)
	case Markdown:
		err = writeMarkdown(w, r, &cfg)
	case CSV:
		err = writeCSV(w, r, &cfg)
	case OpenVEX:
		err = writeOpenVEX(w, r, &cfg)
	case Trivy:
		err = writeTrivy(w, r, &cfg)
	case Template:
		if cfg.template == nil {
			return errors.New("report: Write: the format is a template, and WithTemplate has not set one")
		}
		err = writeTemplate(w, r, &cfg)
	default:
		return fmt.Errorf("report: Write: %v is no format", f)
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
