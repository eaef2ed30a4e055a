package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/imagevet/imagevet/scan"
)

// writeJSON writes the report as encoding/json has it, with the options that
// the contract names.
func writeJSON(w io.Writer, r *scan.Report, cfg *config) error {
	out := withoutNull(r)
	if !cfg.packages {
		out.Packages = nil // absent, other than an empty list
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	_, err := w.Write(escapeInvisible(buf.Bytes()))
	return err
}

// withoutNull returns a copy of the report in which no list is nil, because
// encoding/json writes null for those and a list is promised.
func withoutNull(r *scan.Report) *scan.Report {
	out := *r
	out.Target.Layers = list(r.Target.Layers)
	out.Database.Sources = list(r.Database.Sources)
	out.Coverage = list(r.Coverage)
	out.Problems = list(r.Problems)
	out.Packages = make([]scan.Package, len(r.Packages))
	for i, p := range r.Packages {
		p.Paths = list(p.Paths)
		out.Packages[i] = p
	}
	out.Findings = make([]scan.Finding, len(r.Findings))
	for i := range r.Findings {
		out.Findings[i] = findingWithoutNull(r.Findings[i])
	}
	out.Suppressed = make([]scan.Suppressed, len(r.Suppressed))
	for i, s := range r.Suppressed {
		s.Finding = findingWithoutNull(s.Finding)
		out.Suppressed[i] = s
	}
	return &out
}

func findingWithoutNull(f scan.Finding) scan.Finding {
	f.Aliases = list(f.Aliases)
	f.CVSS = list(f.CVSS)
	f.References = list(f.References)
	f.Package.Paths = list(f.Package.Paths)
	return f
}

func list[S ~[]E, E any](s S) S {
	if s == nil {
		return S{}
	}
	return s
}

// escapeInvisible writes what encoding/json leaves as it is and a terminal may
// obey as \u escapes: the control characters above ASCII, and the format
// characters that hide text or change its direction. They occur in strings
// only, where the escape means the same (RFC 8259, section 7,
// https://www.rfc-editor.org/rfc/rfc8259#section-7).
func escapeInvisible(b []byte) []byte {
	if bytes.IndexFunc(b, invisible) < 0 {
		return b
	}
	out := make([]byte, 0, len(b)+64)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case !invisible(r):
			out = append(out, b[:n]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		b = b[n:]
	}
	return out
}

// invisible reports whether r is a control or format character. Line feeds are
// none here: they separate the lines of the output.
func invisible(r rune) bool {
	return r != '\n' && r >= 0x7f && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
