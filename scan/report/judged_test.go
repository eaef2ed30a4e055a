package report_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
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
