package report_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/vulndb"
)

// The table tells which flaws have been exploited, and by which catalogue.
func TestTableExploited(t *testing.T) {
	r := &scan.Report{
		Database: scan.Database{ID: "sha256:1", Enrichment: []vulndb.EnrichmentInfo{
			{Source: "KEV", Version: "2026.01.02", Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), CVEs: 1404},
			{Source: "NVD", Date: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC), CVEs: 1},
		}},
		Findings: []scan.Finding{
			{ID: "CVE-2026-0001", Severity: cvss.High, Package: scan.Package{Name: "a", Version: "1"}, Title: "Overflow", KEV: &vulndb.KEV{}},
			{ID: "CVE-2026-0002", Severity: cvss.High, Package: scan.Package{Name: "a", Version: "1"}, Title: "Underflow"},
		},
	}
	text := write(t, r, report.Table, report.WithWidth(160))
	assert.Contains(t, text, "KEV 2026.01.02: 1404 CVEs, of 2026-01-02\n")
	assert.Contains(t, text, "NVD: 1 CVE, of 2026-01-03\n")
	assert.Contains(t, text, "[exploited] Overflow")
	assert.NotContains(t, text, "[exploited] Underflow")
}
