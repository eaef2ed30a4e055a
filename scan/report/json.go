package report

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/scan"
)

// writeJSON writes the report as encoding/json has it, with the options that
// the contract names.
func writeJSON(w io.Writer, r *scan.Report, cfg *config) error {
	out := withoutNull(r)
	if !cfg.packages {
		out.Packages = nil // absent, other than an empty list
	}
	return encodeJSON(w, out)
}

// encodeJSON writes a value so that nothing in it is invisible.
func encodeJSON(w io.Writer, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(codec.EscapeInvisible(buf.Bytes()))
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
