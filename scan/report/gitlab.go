package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/scan"
)

// GitLab's format of container scanning is defined by a JSON schema:
// https://gitlab.com/gitlab-org/security-products/security-report-schemas.
// 15.0.7 is the oldest that all GitLab of today take, and what is written is
// valid by the later ones of 15 too.
const gitlabVersion = "15.0.7"

// The limits of the schema, in characters.
const (
	gitlabMaxName        = 255
	gitlabMaxDescription = 32 << 10 // the schema allows 1 MiB
	gitlabMaxSolution    = 7000
	gitlabMaxVectors     = 10
)

type gitlabTool struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	URL     string       `json:"url"`
	Version string       `json:"version"`
	Vendor  gitlabVendor `json:"vendor"`
}

type gitlabVendor struct {
	Name string `json:"name"`
}

type gitlabScan struct {
	Analyzer  gitlabTool      `json:"analyzer"`
	Scanner   gitlabTool      `json:"scanner"`
	Type      string          `json:"type"`
	StartTime string          `json:"start_time"`
	EndTime   string          `json:"end_time"`
	Status    string          `json:"status"`
	Messages  []gitlabMessage `json:"messages"`
}

type gitlabMessage struct {
	Level string `json:"level"`
	Value string `json:"value"`
}

type gitlabVulnerability struct {
	ID          string                  `json:"id"`
	Name        string                  `json:"name"`
	Description string                  `json:"description,omitempty"`
	Severity    string                  `json:"severity"`
	Solution    string                  `json:"solution"`
	Identifiers []gitlabIdentifier      `json:"identifiers"`
	CVSS        []gitlabVector          `json:"cvss_vectors,omitempty"`
	Links       []gitlabLink            `json:"links"`
	Details     map[string]gitlabDetail `json:"details,omitempty"`
	Location    gitlabLocation          `json:"location"`
}

type gitlabIdentifier struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
	URL   string `json:"url,omitempty"`
}

type gitlabVector struct {
	Vendor string `json:"vendor"`
	Vector string `json:"vector"`
}

type gitlabLink struct {
	URL string `json:"url"`
}

type gitlabDetail struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

type gitlabLocation struct {
	Dependency      gitlabDependency `json:"dependency"`
	OperatingSystem string           `json:"operating_system"`
	Image           string           `json:"image"`
}

type gitlabDependency struct {
	Package gitlabPackage `json:"package"`
	Version string        `json:"version"`
	Direct  bool          `json:"direct,omitempty"`
}

type gitlabPackage struct {
	Name string `json:"name"`
}

func writeGitLab(w io.Writer, r *scan.Report, cfg *config) error {
	tool := gitlabTool{ID: codec.Name, Name: codec.Name, URL: homePage, Version: toolVersion(), Vendor: gitlabVendor{codec.Name}}
	now := cfg.when(r).Format("2006-01-02T15:04:05") // without a zone, which is that of UTC
	j := codec.NewJSONWriter(w, false)
	j.Member("version", gitlabVersion)
	s := gitlabScan{Analyzer: tool, Scanner: tool, Type: "container_scanning", StartTime: now, EndTime: now, Status: "success", Messages: []gitlabMessage{}}
	if !compared(r) {
		s.Status = "failure"
	}
	for n := range notices(r) {
		m := gitlabMessage{Level: "info", Value: oneLine(n.text)}
		if n.bad {
			m.Level = "warn"
		}
		s.Messages = append(s.Messages, m)
	}
	j.Member("scan", s)
	j.List("vulnerabilities")
	seen := map[string]int{}
	for i := range r.Findings {
		j.Element(gitlabFinding(r, &r.Findings[i], seen))
	}
	j.EndList()
	j.List("remediations")
	j.EndList()
	return j.Close()
}

// gitlabFinding makes the vulnerability of a finding. seen counts IDs, which
// must differ.
func gitlabFinding(r *scan.Report, f *scan.Finding, seen map[string]int) gitlabVulnerability {
	p := &f.Package
	digest := identity(f)
	id := uuid(digest)
	for n := seen[id]; n > 0; n-- {
		digest[15]++
	}
	seen[id]++
	v := gitlabVulnerability{
		ID:          uuid(digest),
		Name:        clipRunes(oneLine(cmp.Or(headline(f), f.ID)), gitlabMaxName),
		Description: mdLines(f.Description, gitlabMaxDescription),
		Severity:    gitlabSeverity(f.Severity),
		Solution:    clipRunes(oneLine(solution(f)), gitlabMaxSolution),
		Identifiers: gitlabIdentifiers(f),
		CVSS:        gitlabVectors(f),
		Links:       []gitlabLink{},
		Details:     map[string]gitlabDetail{},
		Location: gitlabLocation{
			Dependency: gitlabDependency{
				Package: gitlabPackage{oneLine(fullName(p))}, Version: oneLine(p.Version), Direct: p.Relation == "direct",
			},
			OperatingSystem: cmp.Or(oneLine(strings.TrimSpace(r.OS.ID+" "+r.OS.Version)), "unknown"),
			Image:           cmp.Or(oneLine(cmp.Or(p.Target, r.Target.Name)), "unknown"),
		},
	}
	for _, u := range webURLs(f) {
		v.Links = append(v.Links, gitlabLink{u})
	}
	for key, d := range map[string]gitlabDetail{
		"package_url": {"Package URL", "text", p.PURL}, "file": {"File", "text", firstPath(p)}, "layer": {"Layer", "text", layerOf(p)},
		"evidence": {"Evidence", "text", evidence(f)}, "fixed_version": {"Fixed version", "text", f.FixedVersion}, "status": {"Status", "text", string(f.Status)},
	} {
		if d.Value = oneLine(d.Value); d.Value != "" {
			v.Details[key] = d
		}
	}
	if f.KEV != nil {
		v.Details["exploited"] = gitlabDetail{"Exploited", "text", "yes, according to CISA's catalogue of known exploited vulnerabilities"}
	}
	return v
}

// gitlabSeverity is GitLab's word for a severity.
func gitlabSeverity(s cvss.Severity) string {
	switch s {
	case cvss.Critical:
		return "Critical"
	case cvss.High:
		return "High"
	case cvss.Medium:
		return "Medium"
	case cvss.Low:
		return "Low"
	case cvss.Negligible, cvss.None:
		return "Info"
	}
	return "Unknown"
}

// gitlabIdentifiers are the names of a flaw, the first of which GitLab tells
// flaws apart by.
func gitlabIdentifiers(f *scan.Finding) []gitlabIdentifier {
	var list []gitlabIdentifier
	known := map[string]bool{}
	for _, id := range append([]string{f.ID}, f.Aliases...) {
		name := oneLine(id)
		if name == "" || known[name] {
			continue
		}
		known[name] = true
		list = append(list, gitlabIdentifier{Type: oneLine(flawSource(id)), Name: name, Value: name, URL: flawPage(id)})
	}
	if len(list) == 0 {
		list = append(list, gitlabIdentifier{Type: codec.Name, Name: "unknown", Value: "unknown"})
	}
	for _, n := range f.CWEs {
		list = append(list, gitlabIdentifier{Type: "cwe", Name: fmt.Sprintf("CWE-%d", n), Value: fmt.Sprint(n), URL: fmt.Sprintf(cweURL, n)})
	}
	return list
}

// gitlabVectors are those of CVSS 2 and 3, which the schema knows.
func gitlabVectors(f *scan.Finding) []gitlabVector {
	var list []gitlabVector
	for _, c := range f.CVSS {
		v, err := cvss.Parse(c.Vector)
		if err != nil || v.Version() == "4.0" || len(list) == gitlabMaxVectors || len(v.String()) > 128 {
			continue
		}
		list = append(list, gitlabVector{cmp.Or(oneLine(c.Source), "unknown"), v.String()})
	}
	return list
}
