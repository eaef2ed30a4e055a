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

func TestJSON(t *testing.T) {
	golden(t, "full.json", []byte(write(t, full(), report.JSON, report.WithPackages(true))))
	golden(t, "empty.json", []byte(write(t, &scan.Report{SchemaVersion: scan.SchemaVersion}, report.JSON)))
}

// What is written is read back as the same report.
func TestJSONRoundTrip(t *testing.T) {
	var got scan.Report
	require.NoError(t, json.Unmarshal([]byte(write(t, full(), report.JSON, report.WithPackages(true))), &got))
	want := full()
	for i := range want.Findings {
		fill(&want.Findings[i])
	}
	for i := range want.Suppressed {
		fill(&want.Suppressed[i].Finding)
	}
	want.BOM = nil // what it was made from is no part of it
	assert.Equal(t, *want, got)
}

// fill makes lists that are nil empty.
func fill(f *scan.Finding) {
	if f.CVSS == nil {
		f.CVSS = []scan.CVSS{}
	}
	if f.References == nil {
		f.References = []string{}
	}
}

// The keys that programs rely on. None may ever go.
func TestJSONKeys(t *testing.T) {
	paths := []string{
		"schema_version", "target", "target.name", "target.kind", "target.digest", "target.image_id", "target.platform",
		"target.layers.index", "target.layers.digest", "target.layers.diff_id", "target.layers.created_by",
		"os.id", "os.version", "os.name", "os.ecosystem", "os.end_of_life",
		"database.built", "database.sources.ecosystem", "database.sources.modified", "database.sources.records",
		"coverage.ecosystem", "coverage.packages", "coverage.status", "coverage.reason",
		"summary.critical", "summary.high", "summary.medium", "summary.low", "summary.negligible", "summary.none", "summary.unknown", "summary.fixable",
		"packages.purl", "packages.name", "packages.version",
		"findings.id", "findings.aliases", "findings.severity", "findings.severity_source", "findings.cvss.source", "findings.cvss.version", "findings.cvss.vector",
		"findings.package.purl", "findings.package.type", "findings.package.name", "findings.package.version", "findings.package.arch",
		"findings.package.source.name", "findings.package.source.version", "findings.package.paths",
		"findings.package.layer.index", "findings.package.layer.diff_id", "findings.package.layer.created_by",
		"findings.fixed_version", "findings.status", "findings.title", "findings.description", "findings.references", "findings.published", "findings.modified",
		"findings.evidence.advisory", "findings.evidence.ecosystem", "findings.evidence.matched_name", "findings.evidence.matched_version",
		"findings.evidence.scheme", "findings.evidence.range", "findings.evidence.database",
		"suppressed.id", "suppressed.package.purl", "suppressed.by", "suppressed.reason",
		"problems.path", "problems.extractor", "problems.error",
	}
	var doc any
	require.NoError(t, json.Unmarshal([]byte(write(t, full(), report.JSON, report.WithPackages(true))), &doc))
	keys := map[string]bool{}
	collect(doc, "", keys)
	for _, p := range paths {
		assert.Truef(t, keys[p], "no %s", p)
	}
}

// collect gathers the dotted paths of all keys; lists add nothing to a path.
func collect(v any, prefix string, keys map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			keys[prefix+k] = true
			collect(e, prefix+k+".", keys)
		}
	case []any:
		for _, e := range v {
			collect(e, prefix, keys)
		}
	}
}

func TestJSONPackages(t *testing.T) {
	assert.NotContains(t, write(t, full(), report.JSON), `"packages": [`)
	assert.Contains(t, write(t, full(), report.JSON, report.WithPackages(true)), `"packages": [`)
	assert.Contains(t, write(t, &scan.Report{}, report.JSON, report.WithPackages(true)), `"packages": []`, "asked for, so there, though empty")
}

func TestJSONText(t *testing.T) {
	r := full()
	r.Findings = r.Findings[:1]
	r.Findings[0].Title = "a <b> & \x1b[31m \u009b31m \u202e\u200b \U000e0041 é 漢"
	got := write(t, r, report.JSON)
	assert.Contains(t, got, `"title": "a <b> & \u001b[31m \u009b31m \u202e\u200b \udb40\udc41 é 漢"`)
	assert.True(t, strings.HasSuffix(got, "}\n"))
	var back scan.Report
	require.NoError(t, json.Unmarshal([]byte(got), &back))
	assert.Equal(t, r.Findings[0].Title, back.Findings[0].Title)
	assert.Equal(t, full().Packages, r.Packages, "the report must stay as it is")
}
