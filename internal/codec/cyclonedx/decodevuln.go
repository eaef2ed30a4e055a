package cyclonedx

import (
	"cmp"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// vulnerability takes a flaw. What it affects is found when all components are
// known.
func (d *decoder) vulnerability(v *cdx.Vulnerability) error {
	d.checkVulnerability(v)
	out := pendingVulnerability{Vulnerability: inventory.Vulnerability{
		ID: v.ID, CWEs: deref(v.CWEs), Title: v.Description, Detail: v.Detail, Recommendation: v.Recommendation,
	}}
	if v.Source != nil {
		out.Source = cmp.Or(v.Source.Name, v.Source.URL)
	}
	for _, r := range deref(v.References) {
		if r.ID != "" {
			out.Aliases = append(out.Aliases, r.ID)
		}
	}
	for _, r := range deref(v.Ratings) {
		rating := inventory.Rating{Method: string(r.Method), Vector: r.Vector, Severity: string(r.Severity)}
		if r.Source != nil {
			rating.Source = cmp.Or(r.Source.Name, r.Source.URL)
		}
		if r.Score != nil {
			rating.Score = *r.Score
		}
		out.Ratings = append(out.Ratings, rating)
	}
	for _, a := range deref(v.Advisories) {
		out.Vulnerability.References = append(out.Vulnerability.References, a.URL)
	}
	var err error
	if v.Published != "" {
		if out.Published, err = codec.ParseTime(v.Published); err != nil {
			d.Remark("%s was published at %w", codec.Quote(v.ID), err)
		}
	}
	if v.Updated != "" {
		if out.Updated, err = codec.ParseTime(v.Updated); err != nil {
			d.Remark("%s was updated at %w", codec.Quote(v.ID), err)
		}
	}
	for _, a := range deref(v.Affects) {
		for _, r := range deref(a.Range) {
			out.Affects = append(out.Affects, inventory.Affected{PURL: a.Ref, Version: r.Version, Range: r.Range, Status: string(r.Status)})
			out.refs = append(out.refs, a.Ref)
		}
		if len(deref(a.Range)) == 0 {
			out.Affects = append(out.Affects, inventory.Affected{PURL: a.Ref})
			out.refs = append(out.refs, a.Ref)
		}
	}
	if a := v.Analysis; a != nil {
		out.Analysis = inventory.Analysis{State: string(a.State), Justification: string(a.Justification), Detail: a.Detail}
		for _, r := range deref(a.Response) {
			out.Analysis.Responses = append(out.Analysis.Responses, string(r))
		}
	}
	for _, p := range deref(v.Properties) {
		if p.Name == propertyPart {
			out.part = p.Value
		}
	}
	if len(d.vulns) >= d.limits.Packages {
		return tooMany("vulnerabilities", d.limits.Packages)
	}
	d.vulns = append(d.vulns, out)
	return nil
}
