package report_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
)

// A sarif is what the tests look at of a SARIF file.
type sarif struct {
	Runs []struct {
		Tool struct {
			Driver struct {
				Rules []struct {
					ID         string
					HelpURI    string
					Help       struct{ Text, Markdown string }
					Properties struct {
						Tags     []string
						Severity string `json:"security-severity"`
					}
				}
			}
		}
		AutomationDetails struct{ ID string }
		Invocations       []struct {
			ExecutionSuccessful        bool
			ToolExecutionNotifications []struct {
				Descriptor struct{ ID string }
				Level      string
				Message    struct{ Text string }
			}
		}
		Results []sarifResult
	}
}

type sarifResult struct {
	RuleID    string
	RuleIndex int
	Level     string
	Message   struct{ Text string }
	Locations []struct {
		PhysicalLocation struct {
			ArtifactLocation struct{ URI, URIBaseID string }
			Region           struct{ StartLine, EndLine int }
		}
	}
	RelatedLocations    []any
	PartialFingerprints map[string]string
	Suppressions        []struct{ Kind, Status, Justification string }
}

func writeSARIF(t *testing.T, r *scan.Report, opts ...report.Option) sarif {
	t.Helper()
	var s sarif
	require.NoError(t, json.Unmarshal([]byte(write(t, r, report.SARIF, opts...)), &s))
	require.Len(t, s.Runs, 1)
	return s
}

func TestSARIF(t *testing.T) {
	run := writeSARIF(t, full()).Runs[0]
	var levels, places []string
	for i, result := range run.Results {
		levels = append(levels, result.Level)
		require.Len(t, result.Locations, 1)
		l := result.Locations[0].PhysicalLocation
		places = append(places, fmt.Sprintf("%s %s:%d", l.ArtifactLocation.URIBaseID, l.ArtifactLocation.URI, l.Region.StartLine))
		assert.Equal(t, full().Findings[i].ID, result.RuleID)
		assert.Equal(t, result.RuleID, run.Tool.Driver.Rules[result.RuleIndex].ID)
		assert.Empty(t, result.Suppressions)
	}
	assert.Equal(t, []string{"error", "error", "error", "note", "warning"}, levels)
	assert.Equal(t, "IMAGE_ROOT var/lib/dpkg/status:1", places[0])
	assert.True(t, run.Invocations[0].ExecutionSuccessful)
	assert.Equal(t, "imagevet/registry.example/team/app/", run.AutomationDetails.ID, "another tag is the same category")

	tree := writeSARIF(t, tree()).Runs[0]
	l := tree.Results[0].Locations[0].PhysicalLocation
	assert.Equal(t, "web%20app/package-lock.json", l.ArtifactLocation.URI)
	assert.Equal(t, "%SRCROOT%", l.ArtifactLocation.URIBaseID)
	assert.Equal(t, 12, l.Region.StartLine)
	assert.Equal(t, 12, l.Region.EndLine)
	assert.Len(t, tree.Results[0].RelatedLocations, 1)
	assert.Contains(t, tree.Results[0].Message.Text, "CVE-2022-0778 in @babel/traverse 7.1.0: Infinite loop")
	assert.Contains(t, tree.Tool.Driver.Rules[0].Properties.Tags, "external/cwe/cwe-184")
}

// TestSARIFSecuritySeverity compares the number with the severity that GitHub
// makes of it.
func TestSARIFSecuritySeverity(t *testing.T) {
	const (
		v98 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
		v75 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"
	)
	tests := []struct {
		severity cvss.Severity
		vectors  []scan.CVSS
		want     string
	}{
		{cvss.Critical, []scan.CVSS{{Source: "other", Vector: v75}, {Source: "own", Vector: v98}}, "9.8"},
		{cvss.High, []scan.CVSS{{Source: "own", Vector: v98}, {Source: "other", Vector: v75}}, "7.5"}, // another party agrees with the word
		{cvss.High, []scan.CVSS{{Source: "own", Vector: v98}}, "8.0"},                                 // the distribution's word is another one than the score's
		{cvss.High, []scan.CVSS{{Source: "own", Vector: "nonsense"}}, "8.0"},
		{cvss.Critical, nil, "9.5"},
		{cvss.Medium, nil, "5.5"},
		{cvss.Low, nil, "2.0"},
		{cvss.Negligible, nil, "0.1"},
		{cvss.None, nil, ""},
		{cvss.Unknown, nil, ""},
	}
	for _, tt := range tests {
		r := &scan.Report{Findings: []scan.Finding{{ID: "CVE-2026-0001", Severity: tt.severity, SeveritySource: "own", CVSS: tt.vectors}}}
		assert.Equalf(t, tt.want, writeSARIF(t, r).Runs[0].Tool.Driver.Rules[0].Properties.Severity, "%v %v", tt.severity, tt.vectors)
	}
}

// TestSARIFRuleIsTheWorst takes the severity of the worst of several findings.
func TestSARIFRuleIsTheWorst(t *testing.T) {
	r := &scan.Report{}
	for _, s := range []cvss.Severity{cvss.Low, cvss.Unknown, cvss.Critical, cvss.Medium} {
		r.Findings = append(r.Findings, scan.Finding{ID: "CVE-2026-0001", Severity: s, Package: scan.Package{Name: s.String()}})
	}
	rules := writeSARIF(t, r).Runs[0].Tool.Driver.Rules
	require.Len(t, rules, 1)
	assert.Equal(t, "9.5", rules[0].Properties.Severity)
}

// TestSARIFFingerprints: a finding has the same ones in every report, and each
// finding of a report has its own.
func TestSARIFFingerprints(t *testing.T) {
	prints := func(r *scan.Report) map[string]string {
		out := map[string]string{}
		for _, result := range writeSARIF(t, r).Runs[0].Results {
			out[result.RuleID] = result.PartialFingerprints["primaryLocationLineHash"]
		}
		return out
	}
	want := prints(full())
	later := full()
	slices.Reverse(later.Findings)
	later.Findings = later.Findings[1:]
	later.Target.Name, later.Target.Digest = "registry.example/team/app:1.3", "sha256:"+strings.Repeat("f", 64)
	later.Database.Built, later.Database.ID = date(2027, 1, 1), "sha256:other"
	for i := range later.Findings {
		f := &later.Findings[i]
		f.Severity, f.Title, f.Modified, f.Evidence.Database = cvss.Low, "another", date(2027, 1, 1), "sha256:other"
		f.Package.Layer = scan.PackageLayer{Index: 7, DiffID: "sha256:" + strings.Repeat("e", 64)}
	}
	got := prints(later)
	require.Len(t, got, 4)
	for id, print := range got {
		assert.Equal(t, want[id], print, id)
	}

	r := tree() // two versions of a package in one lock file, then the same again
	r.Findings = append(r.Findings[:1], r.Findings[0], r.Findings[0])
	r.Findings[1].Package.Version = "6"
	seen := map[string]bool{}
	for _, result := range writeSARIF(t, r).Runs[0].Results {
		for _, print := range result.PartialFingerprints {
			assert.False(t, seen[print], print)
			seen[print] = true
		}
	}
}

func TestSARIFLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("large files")
	}
	tests := []struct {
		n    int
		want string
	}{
		{5000, ""},
		{5001, "There are 5001 results: GitHub shows the worst 5000 of a file."},
		{25_001, "There are 25001 results: GitHub refuses files with more than 25000. Choose severities, or leave out what has no fix."},
	}
	for _, tt := range tests {
		r := many(tt.n)
		assert.Equal(t, tt.n > 25_000, report.TooManyForGitHub(r))
		text := write(t, r, report.SARIF)
		assert.Equal(t, tt.n, strings.Count(text, `"ruleId": `), "nothing is cut off")
		assert.Equal(t, min(tt.n, 500), strings.Count(text, `"helpUri": `))
		if tt.want == "" {
			assert.NotContains(t, text, "GitHub shows")
		} else {
			assert.Contains(t, text, tt.want)
		}
	}
}

// TestSARIFMessages: what would be a link or an argument is text.
func TestSARIFMessages(t *testing.T) {
	r := full()
	r.Findings[0].Title = `a [link](https://evil.example) {0} \[`
	run := writeSARIF(t, r).Runs[0]
	assert.Contains(t, run.Results[0].Message.Text, `a \[link\](https://evil.example) {{0}} \\\[`)
	help := run.Tool.Driver.Rules[run.Results[0].RuleIndex].Help
	assert.Contains(t, help.Markdown, `a \[link\](https\://evil.example) \{0\} \\\[`)
}
