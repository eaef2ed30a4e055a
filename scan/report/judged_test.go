package report_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/scan/vex"
)

func TestJudged(t *testing.T) {
	r := &scan.Report{
		Target: scan.Target{}, Database: scan.Database{ID: "sha256:abc"},
		Findings: []scan.Finding{
			{
				ID: "CVE-1", Severity: cvss.Low, Package: scan.Package{Name: "curl", Version: "8"},
				VEX: []scan.VEX{{Status: vex.Affected, Statement: "Upgrade.\x1b[31m", Source: "a.json"}, {Status: vex.Fixed, Source: "b.json"}},
			},
			{ID: "CVE-2", Severity: cvss.Low},
		},
		Rules: []scan.RuleNote{
			{Rule: "CVE-3 of curl", Source: "f", Line: 2, State: scan.RuleExpired, Until: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Findings: 1},
			{Rule: "CVE-4", State: scan.RuleUnused},
		},
		VEX: []scan.VEXDocument{{Source: "a.json", Findings: 1}, {Source: "b.json", Format: "CSAF", Version: "2.0", Statements: 3}},
	}
	var out bytes.Buffer
	require.NoError(t, report.Write(&out, r, report.Table, report.WithWidth(120)))
	for _, want := range []string{
		"VEX: 1 statement on findings\n  CVE-1 in curl 8: affected: Upgrade.",
		"(a.json)\n",
		"Expired: 1 ignore rule\n  CVE-3 of curl (f:2): since 2026-01-02, means 1 finding\n",
		"Without effect: 1 ignore rule\n  CVE-4\n",
		"Without effect: 1 VEX document\n  b.json (CSAF 2.0, 3 statements)\n",
	} {
		assert.Contains(t, out.String(), want)
	}
	assert.NotContains(t, out.String(), "\x1b")

	for i := range 50 {
		r.Rules = append(r.Rules, scan.RuleNote{Rule: fmt.Sprintf("CVE-2026-%d", i), State: scan.RuleUnused})
	}
	out.Reset()
	require.NoError(t, report.Write(&out, r, report.Table))
	assert.Contains(t, out.String(), "and 31 more")
	assert.NotContains(t, out.String(), "CVE-2026-30")
}

// TestAnalysis says in CycloneDX what VEX documents say, if it is the same of
// all packages.
func TestAnalysis(t *testing.T) {
	finding := func(id, pkg string, said ...scan.VEX) scan.Finding {
		return scan.Finding{ID: id, Package: scan.Package{Name: pkg, PURL: "pkg:npm/" + pkg}, VEX: said}
	}
	affected, triage := scan.VEX{Status: vex.Affected, Statement: "Upgrade."}, scan.VEX{Status: vex.UnderInvestigation}
	r := &scan.Report{BOM: &sbom.BOM{}, Findings: []scan.Finding{
		finding("CVE-1", "a", affected, triage), finding("CVE-1", "b", affected),
		finding("CVE-2", "a", triage),
		finding("CVE-3", "a", triage), finding("CVE-3", "b", affected),
		finding("CVE-4", "a", triage), finding("CVE-4", "b"),
		finding("CVE-5", "a"),
	}}
	got := map[string]sbom.Analysis{}
	for _, v := range report.WithVulnerabilities(r).Vulnerabilities {
		got[v.ID] = v.Analysis
	}
	assert.Equal(t, map[string]sbom.Analysis{
		"CVE-1": {State: "exploitable", Detail: "Upgrade."}, "CVE-2": {State: "in_triage"}, "CVE-3": {}, "CVE-4": {}, "CVE-5": {},
	}, got)
}

// TestWhy tells in every format that lists suppressed findings which rule or
// statement is to blame, and where it stands.
func TestWhy(t *testing.T) {
	r := &scan.Report{Suppressed: []scan.Suppressed{
		{Finding: scan.Finding{ID: "CVE-2026-0001", Package: scan.Package{Name: "p"}}, By: "ignore", Reason: "not reachable", Rule: "CVE-2026-0001 of p", Source: "rules:2"},
		{Finding: scan.Finding{ID: "CVE-2026-0002", Package: scan.Package{Name: "p"}}, By: "severity", Reason: "too low"},
	}}
	for _, f := range []report.Format{report.HTML, report.CSV, report.JUnit, report.SARIF, report.Markdown} {
		var out bytes.Buffer
		require.NoError(t, report.Write(&out, r, f, report.WithSuppressed(true)))
		assert.Containsf(t, out.String(), "not reachable (CVE-2026-0001 of p, rules:2)", "%v", f)
		assert.Containsf(t, out.String(), "too low", "%v", f)
		assert.NotContainsf(t, out.String(), "too low (", "%v", f)
	}
	var out bytes.Buffer
	require.NoError(t, report.Write(&out, r, report.Trivy, report.WithSuppressed(true)))
	assert.Contains(t, out.String(), `"Source": "rules:2"`)
	assert.Contains(t, out.String(), `"Source": "severity"`)
}
