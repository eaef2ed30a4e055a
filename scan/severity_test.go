package scan_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/vulndb"
)

// enrichedDB builds a database of records and of files with enrichment, given
// as name, content, name, content...
func enrichedDB(tb testing.TB, record string, files ...string) *vulndb.DB {
	tb.Helper()
	dir := tb.TempDir()
	files = append(files, "record.json", record)
	for i := 0; i < len(files); i += 2 {
		require.NoError(tb, os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600))
	}
	database := filepath.Join(tb.TempDir(), "db")
	report, err := vulndb.Build(tb.Context(), database, []vulndb.Source{vulndb.FileSource(dir)})
	require.NoError(tb, err)
	require.Zero(tb, report.Bad, "%v", report.BadRecords)
	db, err := vulndb.Open(database)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, db.Close()) })
	return db
}

const (
	cveOfCurl = `{"dataType": "CVE_RECORD", "cveMetadata": {"cveId": "CVE-2026-0001", "state": "PUBLISHED"}, "containers": {
		"cna": {"providerMetadata": {"shortName": "curl"}, "title": "Title"},
		"adp": [{"providerMetadata": {"shortName": "CISA-ADP"}, "metrics": [
			{"cvssV3_1": {"vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}, {"cvssV2_0": {"vectorString": "AV:N/AC:L/Au:N/C:P/I:P/A:P"}}]}]}}`
	nvdOfCurl = `{"cve": {"id": "CVE-2026-0001", "metrics": {"cvssMetricV40": [{"source": "nvd@nist.gov", "type": "Primary",
		"cvssData": {"vectorString": "CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}}]}}}`
	kevOfCurl = `{"catalogVersion": "2026.01.02", "dateReleased": "2026-01-02T03:04:05Z", "vulnerabilities": [
		{"cveID": "CVE-2026-0001", "dateAdded": "2026-01-01", "dueDate": "2026-01-22"}]}`
	scoresOfCurl = "#model_version:v1,score_date:2026-01-03T00:00:00Z\ncve,epss,percentile\nCVE-2026-0001,0.5,0.75\n"
	vectorOfCurl = `"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"}],"id":`
)

func only(t *testing.T, db *vulndb.DB, opts ...scan.Option) (*scan.Report, scan.Finding) {
	t.Helper()
	s, err := scan.New(append(opts, scan.WithDB(db))...)
	require.NoError(t, err)
	report, err := s.Scan(t.Context(), image.FS("bookworm", bookworm()))
	require.NoError(t, err)
	require.Len(t, report.Findings, 1)
	return report, report.Findings[0]
}

func TestSeverityOrder(t *testing.T) {
	const id = "DEBIAN-CVE-2026-0001"
	bare, worded := advisory("CVE-2026-0001", "curl", "", ""), advisory("CVE-2026-0001", "curl", "", "low")
	both := strings.Replace(worded, `"id":`, vectorOfCurl, 1)
	dist, adv, enr := scan.SeverityByDistribution, scan.SeverityByAdvisory, scan.SeverityByEnrichment
	tests := []struct {
		name   string
		record string
		order  []scan.SeverityBasis // nil: the default
		want   cvss.Severity
		source string
	}{
		{"the default: the word of the distribution", both, nil, cvss.Low, id},
		{"then the vector", strings.Replace(bare, `"id":`, vectorOfCurl, 1), nil, cvss.Medium, id},
		{"then enrichment", bare, nil, cvss.Critical, "CISA-ADP"},
		{"the vector first", both, []scan.SeverityBasis{adv, dist}, cvss.Medium, id},
		{"enrichment first", both, []scan.SeverityBasis{enr, dist}, cvss.Critical, "CISA-ADP"},
		{"the word of an advisory without a vector", worded, []scan.SeverityBasis{adv}, cvss.Low, id},
		{"nothing but what is asked for", bare, []scan.SeverityBasis{dist, adv}, cvss.Unknown, ""},
	}
	for _, tt := range tests {
		var opts []scan.Option
		if tt.order != nil {
			opts = append(opts, scan.WithSeverityOrder(tt.order...))
		}
		_, f := only(t, enrichedDB(t, tt.record, "1.json", cveOfCurl, "2.json", nvdOfCurl), opts...)
		assert.Equal(t, tt.want, f.Severity, tt.name)
		assert.Equal(t, tt.source, f.SeveritySource, tt.name)
	}
	for want, order := range map[string][]scan.SeverityBasis{"nothing": {}, `"x"`: {"x"}, "twice": {adv, adv}} {
		_, err := scan.New(scan.WithSeverityOrder(order...))
		assert.ErrorContains(t, err, want)
	}
}

func TestEnrichedFinding(t *testing.T) {
	record := strings.Replace(advisory("CVE-2026-0001", "curl", "", ""), `"id":`, vectorOfCurl, 1)
	report, f := only(t, enrichedDB(t, record, "1.json", cveOfCurl, "2.json", nvdOfCurl, "3.json", kevOfCurl, "4.csv", scoresOfCurl))
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	assert.Equal(t, &vulndb.EPSS{Score: 0.5, Percentile: 0.75, Date: day(3)}, f.EPSS)
	assert.Equal(t, &vulndb.KEV{Added: day(1), Due: day(22)}, f.KEV)
	assert.Equal(t, "Title", f.Title)
	var sources []string
	for _, c := range f.CVSS {
		sources = append(sources, c.Source+" "+c.Version)
	}
	assert.Equal(t, []string{"DEBIAN-CVE-2026-0001 3.1", "CISA-ADP 3.1", "CISA-ADP 2.0", "NVD 4.0"}, sources)
	var names []string
	for _, e := range report.Database.Enrichment {
		names = append(names, e.Source)
	}
	assert.Equal(t, []string{"CVE", "EPSS", "KEV", "NVD"}, names)

	data, err := json.Marshal(f)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"epss":{"score":0.5,"percentile":0.75,"date":"2026-01-03T00:00:00Z"}`)
	assert.Contains(t, string(data), `"kev":{"added":"2026-01-01T00:00:00Z","due":"2026-01-22T00:00:00Z","ransomware":false}`)
	assert.NotContains(t, string(data), "null")

	// Without such data nothing is said.
	_, f = only(t, enrichedDB(t, record))
	data, err = json.Marshal(f)
	require.NoError(t, err)
	assert.NotContains(t, string(data), `"kev"`)
	assert.NotContains(t, string(data), `"epss"`)
}
