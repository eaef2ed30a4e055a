package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/imagevet/imagevet/scan"
)

// csvColumns are a contract, as the JSON is: columns are added at the end.
var csvColumns = []struct {
	name string
	text func(f *scan.Finding, s *scan.Suppressed) string
}{
	{"id", field(func(f *scan.Finding) string { return f.ID })},
	{"severity", field(func(f *scan.Finding) string { return f.Severity.String() })},
	{"package", field(func(f *scan.Finding) string { return fullName(&f.Package) })},
	{"installed_version", field(func(f *scan.Finding) string { return f.Package.Version })},
	{"fixed_version", field(func(f *scan.Finding) string { return f.FixedVersion })},
	{"status", field(func(f *scan.Finding) string { return string(f.Status) })},
	{"title", field(headline)},
	{"type", field(func(f *scan.Finding) string { return f.Package.Type })},
	{"arch", field(func(f *scan.Finding) string { return f.Package.Arch })},
	{"purl", field(func(f *scan.Finding) string { return f.Package.PURL })},
	{"path", field(func(f *scan.Finding) string { return firstPath(&f.Package) })},
	{"line", field(func(f *scan.Finding) string { return number(f.Package.Line) })},
	{"layer", field(func(f *scan.Finding) string { return f.Package.Layer.DiffID })},
	{"layer_created_by", field(func(f *scan.Finding) string { return f.Package.Layer.CreatedBy })},
	{"image", field(func(f *scan.Finding) string { return f.Package.Target })},
	{"severity_source", field(func(f *scan.Finding) string { return f.SeveritySource })},
	{"cvss_score", field(csvScore)},
	{"cvss_vector", field(csvVector)},
	{"epss", field(func(f *scan.Finding) string {
		if f.EPSS == nil {
			return ""
		}
		return strconv.FormatFloat(f.EPSS.Score, 'f', -1, 64)
	})},
	{"exploited", field(func(f *scan.Finding) string {
		if f.KEV == nil {
			return ""
		}
		return "yes"
	})},
	{"aliases", field(func(f *scan.Finding) string { return strings.Join(f.Aliases, " ") })},
	{"advisory", field(func(f *scan.Finding) string { return f.Evidence.Advisory })},
	{"range", field(func(f *scan.Finding) string { return f.Evidence.Range })},
	{"published", field(func(f *scan.Finding) string { return day(f.Published) })},
	{"modified", field(func(f *scan.Finding) string { return day(f.Modified) })},
	{"url", field(func(f *scan.Finding) string { return flawPage(f.ID) })},
	{"suppressed_by", func(_ *scan.Finding, s *scan.Suppressed) string {
		if s == nil {
			return ""
		}
		return s.By
	}},
	{"suppressed_reason", func(_ *scan.Finding, s *scan.Suppressed) string {
		if s == nil {
			return ""
		}
		return why(s)
	}},
	{"from_base", field(func(f *scan.Finding) string {
		if f.Package.FromBase {
			return "yes"
		}
		return ""
	})},
	{"required_by", field(func(f *scan.Finding) string { return strings.Join(f.Package.RequiredBy, " ") })},
}

func field(text func(f *scan.Finding) string) func(*scan.Finding, *scan.Suppressed) string {
	return func(f *scan.Finding, _ *scan.Suppressed) string { return text(f) }
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

func csvScore(f *scan.Finding) string {
	if len(f.CVSS) == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", f.CVSS[0].Score)
}

func csvVector(f *scan.Finding) string {
	if len(f.CVSS) == 0 {
		return ""
	}
	return f.CVSS[0].Vector
}

// writeCSV writes a header and a record for each finding.
func writeCSV(w io.Writer, r *scan.Report, cfg *config) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true // RFC 4180, section 2, https://www.rfc-editor.org/rfc/rfc4180#section-2
	record := make([]string, len(csvColumns))
	for i, c := range csvColumns {
		record[i] = c.name
	}
	if err := out.Write(record); err != nil {
		return err
	}
	for f, s := range allFindings(r, cfg.suppressed) {
		for i, c := range csvColumns {
			record[i] = csvCell(c.text(f, s))
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// csvCell makes a text fit for a cell that a spreadsheet may open: a formula
// begins with one of a few characters, before which an apostrophe makes it text
// (https://owasp.org/www-community/attacks/CSV_Injection). It can also begin
// after what another locale takes for the end of a cell.
func csvCell(s string) string {
	s = cut(clean(s), maxText)
	var b strings.Builder
	start := true // of what may be a cell
	for _, c := range s {
		switch c {
		case '=', '+', '-', '@', '＝', '＋', '－', '＠':
			if start {
				b.WriteByte('\'')
			}
			start = false
		case ';', ',', '|', '"', '\t':
			start = true
		case ' ':
		default:
			start = false
		}
		b.WriteRune(c)
	}
	return b.String()
}
