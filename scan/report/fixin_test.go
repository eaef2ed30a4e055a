package report_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/vulndb"
)

// The table names a fix that the system does not get, and whose it is.
func TestTableFixIn(t *testing.T) {
	r := &scan.Report{Findings: []scan.Finding{{
		ID: "CVE-2026-0001", Severity: cvss.High, Status: scan.StatusAffected,
		Package: scan.Package{Name: "jq", Version: "1.6", Type: "deb"},
		FixIn:   &vulndb.FixIn{Channel: vulndb.ChannelESM, Version: "1.6~esm1"},
	}}}
	assert.Contains(t, write(t, r, report.Table), "1.6~esm1 (Ubuntu Pro (ESM))")
	assert.Contains(t, write(t, r, report.JSON), `"fix_in": {`)
}
