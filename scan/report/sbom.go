package report

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
)

// writeSBOM writes the inventory that was compared, with what was found as its
// vulnerabilities.
func writeSBOM(w io.Writer, r *scan.Report, f Format, cfg *config) error {
	if r.BOM == nil {
		return errors.New("the report has no inventory, which only a scan gives it")
	}
	formats := map[Format]sbom.Format{
		CycloneDX: sbom.CycloneDXJSON, CycloneDXXML: sbom.CycloneDXXML, SPDX: sbom.SPDXJSON, SPDXTagValue: sbom.SPDXTagValue,
	}
	return sbom.Encode(w, WithVulnerabilities(r), formats[f], cfg.sbom...)
}

// WithVulnerabilities returns a copy of the inventory of a report in which the
// findings are its vulnerabilities, one for each ID, with the packages that have
// it. Those that the inventory came with are kept where the scan found no flaw
// of that ID. Findings that are suppressed are not among them. What
// VEX documents say is the analysis, if it is the same of all packages.
//
// The ratings are the report's severity, and the CVSS vectors with the scores
// of all metrics that are set.
func WithVulnerabilities(r *scan.Report) *sbom.BOM {
	b := *r.BOM
	b.Parts = nil
	for _, part := range r.BOM.Parts {
		p := *part
		p.Vulnerabilities = vulnerabilities(r, part, part.Target.Name)
		b.Parts = append(b.Parts, &p)
	}
	b.Vulnerabilities = vulnerabilities(r, r.BOM, "")
	return &b
}

// vulnerabilities makes those of one inventory, sorted by ID.
func vulnerabilities(r *scan.Report, b *sbom.BOM, target string) []sbom.Vulnerability {
	places := map[string]int{}
	var list []sbom.Vulnerability
	fixes := map[string][]string{}
	said := map[string][]*scan.VEX{} // nil for a finding of which nothing is said
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Package.Target != target {
			continue
		}
		at, ok := places[f.ID]
		if !ok {
			at = len(list)
			places[f.ID] = at
			list = append(list, sbom.Vulnerability{
				ID: f.ID, Source: f.Evidence.Advisory, Aliases: slices.Clone(f.Aliases), CWEs: slices.Clone(f.CWEs), Title: f.Title,
				Detail: f.Description, References: slices.Clone(f.References), Published: f.Published, Updated: f.Modified,
			})
		}
		v := &list[at]
		said[f.ID] = append(said[f.ID], statement(f))
		for _, rating := range ratings(f) {
			if !slices.Contains(v.Ratings, rating) {
				v.Ratings = append(v.Ratings, rating)
			}
		}
		affected := sbom.Affected{PURL: f.Package.PURL, Version: f.Package.Version, Status: "affected"}
		if affected.PURL != "" && !slices.Contains(v.Affects, affected) {
			v.Affects = append(v.Affects, affected)
		}
		if f.FixedVersion != "" {
			fix := f.Package.Name + " to " + f.FixedVersion
			if !slices.Contains(fixes[f.ID], fix) {
				fixes[f.ID] = append(fixes[f.ID], fix)
			}
		}
	}
	for i := range list {
		if fix := fixes[list[i].ID]; len(fix) > 0 {
			slices.Sort(fix)
			list[i].Recommendation = "Upgrade " + strings.Join(fix, ", ") + "."
		}
		list[i].Analysis = analysis(said[list[i].ID])
	}
	for _, v := range b.Vulnerabilities {
		if _, ok := places[v.ID]; !ok {
			list = append(list, v)
		}
	}
	slices.SortStableFunc(list, func(a, b sbom.Vulnerability) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// ratings returns what is thought of a finding: the report's own word first,
// unless a vector says the same.
func ratings(f *scan.Finding) []sbom.Rating {
	var list []sbom.Rating
	said := false
	for _, c := range f.CVSS {
		rating := sbom.Rating{Source: c.Source, Method: method(c.Version), Vector: c.Vector, Score: c.Score}
		if v, err := cvss.Parse(c.Vector); err == nil {
			rating.Severity = severity(v.Severity())
		}
		said = said || c.Source == f.SeveritySource && rating.Severity == severity(f.Severity)
		list = append(list, rating)
	}
	if !said {
		list = slices.Insert(list, 0, sbom.Rating{Source: f.SeveritySource, Severity: severity(f.Severity)})
	}
	return list
}

// method is CycloneDX's name of a version of CVSS:
// https://cyclonedx.org/docs/1.6/json/#vulnerabilities_items_ratings_items_method
func method(version string) string {
	switch version {
	case "2.0":
		return "CVSSv2"
	case "3.0":
		return "CVSSv3"
	case "3.1":
		return "CVSSv31"
	case "4.0":
		return "CVSSv4"
	}
	return "other"
}

// severity is CycloneDX's word for a severity, which has none for what is
// negligible.
func severity(s cvss.Severity) string {
	switch s {
	case cvss.Critical, cvss.High, cvss.Medium, cvss.Low, cvss.None:
		return strings.ToLower(s.String())
	case cvss.Negligible:
		return "info"
	}
	return "unknown"
}

// WithSBOM passes options to [sbom.Encode], for the formats of bills of
// materials, such as a time or a version of the specification. Several add up.
// The default is none.
func WithSBOM(opts ...sbom.EncodeOption) Option {
	return func(c *config) error {
		for _, opt := range opts {
			if opt == nil {
				return fmt.Errorf("report: WithSBOM: a nil option")
			}
		}
		c.sbom = append(c.sbom, opts...)
		return nil
	}
}
