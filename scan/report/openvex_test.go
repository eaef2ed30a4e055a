package report_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
)

func TestOpenVEX(t *testing.T) {
	type component struct {
		ID            string `json:"@id"`
		Subcomponents []component
	}
	type document struct {
		ID         string `json:"@id"`
		Timestamp  string
		Statements []struct {
			Vulnerability struct{ Name string }
			Products      []component
			Status        string
		}
	}
	parse := func(r *scan.Report, opts ...report.Option) (d document) {
		require.NoError(t, json.Unmarshal([]byte(write(t, r, report.OpenVEX, opts...)), &d))
		return d
	}
	r := full()
	r.Findings = append(r.Findings, r.Findings[0])
	r.Findings[5].Package.PURL, r.Findings[5].Package.Name = "pkg:deb/debian/openssl@1", "openssl"
	d := parse(r)
	require.Len(t, d.Statements, 5, "one for each ID")
	last := d.Statements[4]
	assert.Equal(t, "CVE-2022-0778", last.Vulnerability.Name)
	assert.Equal(t, "under_investigation", last.Status)
	require.Len(t, last.Products, 1)
	assert.True(t, strings.HasPrefix(last.Products[0].ID, "pkg:oci/app@sha256:aaaa"), last.Products[0].ID)
	assert.Len(t, last.Products[0].Subcomponents, 2)
	assert.Equal(t, d, parse(r), "the same report, the same document")
	assert.Equal(t, "2026-08-01T00:00:00Z", d.Timestamp, "that of the database")
	dated := parse(r, report.WithTime(date(2026, 9, 1)))
	assert.Equal(t, "2026-09-01T00:00:00Z", dated.Timestamp)
	assert.NotEqual(t, d.ID, dated.ID)

	d = parse(tree())
	assert.Equal(t, []component{{ID: "pkg:npm/%40babel/traverse@7.1.0"}}, d.Statements[0].Products, "no image: the package is the product")
}
