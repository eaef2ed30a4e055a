package policy_test

import (
	"fmt"
	"log"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/policy"
	"github.com/imagevet/imagevet/vulndb"
)

var now = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func ago(days int) time.Time { return now.AddDate(0, 0, -days) }

// enriched is a database with both sources.
var enriched = scan.Database{Enrichment: []vulndb.EnrichmentInfo{{Source: vulndb.SourceEPSS}, {Source: vulndb.SourceKEV}}}

// findings are six, told apart by their IDs.
func findings() []scan.Finding {
	pkg := scan.Package{Name: "p", Version: "1"}
	return []scan.Finding{
		{ID: "critical-kev", Severity: cvss.Critical, Package: pkg, KEV: &vulndb.KEV{}, EPSS: &vulndb.EPSS{Score: 0.9}},
		{ID: "high-fixed-old", Severity: cvss.High, Package: pkg, FixedVersion: "2", Published: ago(30), EPSS: &vulndb.EPSS{Score: 0.5}},
		{ID: "high-fixed-new", Severity: cvss.High, Package: pkg, FixedVersion: "2", Published: ago(29), EPSS: &vulndb.EPSS{Score: 0.49}},
		{ID: "medium-fixed-undated", Severity: cvss.Medium, Package: pkg, FixedVersion: "2"},
		{ID: "low", Severity: cvss.Low, Package: pkg, Published: ago(99)},
		{ID: "unrated", Package: pkg},
	}
}

func TestRules(t *testing.T) {
	tests := []struct {
		rule policy.Rule
		want string // the IDs
	}{
		{policy.Rule{}, "critical-kev high-fixed-old high-fixed-new medium-fixed-undated low unrated"},
		{policy.Rule{Severity: cvss.High}, "critical-kev high-fixed-old high-fixed-new unrated"},
		{policy.Rule{Severity: cvss.High, SkipUnrated: true}, "critical-kev high-fixed-old high-fixed-new"},
		{policy.Rule{Severity: cvss.None, SkipUnrated: true}, "critical-kev high-fixed-old high-fixed-new medium-fixed-undated low"},
		{policy.Rule{Fixable: true}, "high-fixed-old high-fixed-new medium-fixed-undated"},
		{policy.Rule{KEV: true}, "critical-kev"},
		{policy.Rule{EPSS: 0.5}, "critical-kev high-fixed-old"},
		{policy.Rule{EPSS: 0.5, KEV: true}, "critical-kev"},
		{policy.Rule{EPSS: 0.5, Fixable: true}, "high-fixed-old"},
		{policy.Rule{FixAge: 30 * 24 * time.Hour}, "high-fixed-old medium-fixed-undated"},
		{policy.Rule{FixAge: 30 * 24 * time.Hour, Severity: cvss.Critical}, ""},
	}
	for _, tt := range tests {
		p := policy.Policy{Findings: []policy.Rule{tt.rule}}
		v, err := p.Evaluate(&scan.Report{Database: enriched, Findings: findings()}, now)
		require.NoError(t, err)
		if tt.want == "" {
			assert.Equal(t, &policy.Verdict{Pass: true, Reasons: []policy.Reason{}}, v, tt.rule.String())
			continue
		}
		require.Len(t, v.Reasons, 1, tt.rule.String())
		assert.False(t, v.Pass)
		var got []string
		for _, f := range v.Reasons[0].Findings {
			got = append(got, f.ID)
		}
		assert.Equal(t, tt.want, strings.Join(got, " "), tt.rule.String())
		assert.Equal(t, len(got), v.Reasons[0].Count)
		assert.Equal(t, tt.rule.String(), v.Reasons[0].Rule)
	}
}

// TestUnknownDoesNotPass asks for what the database does not have.
func TestUnknownDoesNotPass(t *testing.T) {
	p := policy.Policy{Findings: []policy.Rule{{Name: "exploited", Severity: cvss.High, KEV: true, EPSS: 0.1}}}
	report := &scan.Report{Findings: findings()[1:4]}
	v, err := p.Evaluate(report, now)
	require.NoError(t, err)
	require.Len(t, v.Reasons, 1)
	assert.Equal(t, "2 findings cannot be judged, as the database has no catalogue of exploited flaws and no EPSS scores", v.Reasons[0].Text)
	assert.Equal(t, []policy.Ref{{ID: "high-fixed-old", Severity: cvss.High, Package: "p", Version: "1"}, {ID: "high-fixed-new", Severity: cvss.High, Package: "p", Version: "1"}}, v.Reasons[0].Findings)

	report.Database.Enrichment = enriched.Enrichment[:1] // EPSS
	v, err = p.Evaluate(report, now)
	require.NoError(t, err)
	require.Len(t, v.Reasons, 1)
	assert.Equal(t, "2 findings cannot be judged, as the database has no catalogue of exploited flaws", v.Reasons[0].Text)

	report.Database.Enrichment = enriched.Enrichment[1:] // KEV: none of them is in it
	v, err = p.Evaluate(report, now)
	require.NoError(t, err)
	assert.True(t, v.Pass)

	report.Database, report.Findings = scan.Database{}, findings()[3:5]
	v, err = p.Evaluate(report, now)
	require.NoError(t, err)
	assert.True(t, v.Pass, "nothing that would have to be judged")
}

func TestReport(t *testing.T) {
	report := &scan.Report{
		OS:       scan.OS{Name: "Debian 10", EndOfLife: true, EndOfLifeDate: "2024-06-30"},
		Coverage: []vulndb.Coverage{{Ecosystem: "Debian:10", Packages: 3, Status: "matched"}, {Packages: 2, Status: "no_data", Reason: "why"}, {Ecosystem: "npm", Packages: 1, Status: "unsupported"}},
		Problems: []scan.Problem{{Path: "a", Extractor: "npm", Error: "broken"}, {Path: "b"}},
	}
	p := policy.Policy{EndOfLife: true, NoCoverage: true, Problems: true}
	v, err := p.Evaluate(report, now)
	require.NoError(t, err)
	assert.Equal(t, []policy.Reason{
		{Rule: "end_of_life", Text: "Debian 10 has had no security support since 2024-06-30", Count: 1},
		{Rule: "no_coverage", Text: "3 packages were not compared; 2 of no known ecosystem: why", Count: 2},
		{Rule: "problems", Text: `2 things could not be read or understood, the first is "a" (npm): broken`, Count: 2},
	}, v.Reasons)

	v, err = (&policy.Policy{}).Evaluate(report, now)
	require.NoError(t, err)
	assert.True(t, v.Pass)
	report.OS.EndOfLife, report.Coverage, report.Problems = false, report.Coverage[:1], nil
	v, err = p.Evaluate(report, now)
	require.NoError(t, err)
	assert.True(t, v.Pass)

	report.BOM = &sbom.BOM{Parts: []*sbom.BOM{
		{Target: sbom.Target{Name: "new"}, OS: sbom.OS{ID: "debian", Version: "12"}},
		{Target: sbom.Target{Name: "old"}, OS: sbom.OS{ID: "debian", Version: "8"}},
		{Target: sbom.Target{Name: "older"}, OS: sbom.OS{ID: "debian", Version: "7"}},
	}}
	v, err = p.Evaluate(report, now)
	require.NoError(t, err)
	require.Len(t, v.Reasons, 1)
	assert.Equal(t, `"old" has had no security support since 2020-06-30, and 1 more`, v.Reasons[0].Text)
	report.BOM, report.Target.Kind = nil, "product"
	v, err = p.Evaluate(report, now)
	require.NoError(t, err)
	assert.False(t, v.Pass, "nobody knows")
}

func TestBounded(t *testing.T) {
	p := policy.Policy{Findings: []policy.Rule{{}}}
	v, err := p.Evaluate(&scan.Report{Findings: slices.Repeat(findings(), 1000)}, now)
	require.NoError(t, err)
	assert.Equal(t, 6000, v.Reasons[0].Count)
	assert.Len(t, v.Reasons[0].Findings, 10)
}

func TestEvaluateErrors(t *testing.T) {
	for _, r := range []policy.Rule{{EPSS: 2}, {EPSS: math.NaN()}, {EPSS: -1}, {FixAge: -1}, {SkipUnrated: true}, {Severity: 99}} {
		v, err := (&policy.Policy{Findings: []policy.Rule{r}}).Evaluate(&scan.Report{}, now)
		assert.Errorf(t, err, "%+v", r)
		assert.Nil(t, v)
	}
}

const full = `# what may not be deployed
findings:
  - name: exploited
    kev: true
  - severity: HIGH
    unrated: false
    fixable: true
    fix_age_days: 30
  - epss: 0.5
end_of_life: fail
no_coverage: fail
problems: pass
`

func TestParse(t *testing.T) {
	p, err := policy.Parse("policy.yaml", []byte(full))
	require.NoError(t, err)
	assert.Equal(t, &policy.Policy{
		Findings: []policy.Rule{
			{Name: "exploited", KEV: true},
			{Severity: cvss.High, SkipUnrated: true, Fixable: true, FixAge: 30 * 24 * time.Hour},
			{EPSS: 0.5},
		},
		EndOfLife: true, NoCoverage: true,
	}, p)
	var words []string
	for i := range p.Findings {
		words = append(words, p.Findings[i].String())
	}
	assert.Equal(t, []string{"exploited", "severity HIGH or above, fixable for 30 days", "EPSS 0.5 or above"}, words)
}

func TestParseErrors(t *testing.T) {
	rule := func(s string) string { return "findings:\n  - " + s + "\n" }
	tests := []struct{ text, want string }{
		{"", "policy: f: it is empty, and so judges nothing"},
		{"# nothing\n", "policy: f: it is empty, and so judges nothing"},
		{"---\n", "policy: f: it is empty, and so judges nothing"},
		{"--- x\n", "policy: f:1: no mapping"},
		{"problems: pass\n", "policy: f: it judges nothing"},
		{"findings: []\n", "policy: f: it judges nothing"},
		{"finding: []\n", `policy: f:1: unknown key "finding"`},
		{"problems: true\n", `policy: f:1: neither "fail" nor "pass"`},
		{"problems: fail\nproblems: fail\n", `policy: f:2: "problems" is there twice`},
		{"problems: fail\n---\n{}\n", "policy: f: it holds a second document"},
		{"findings: HIGH\n", "policy: f:1: no list of rules"},
		{rule("HIGH"), "policy: f:2: no mapping"},
		{rule("severty: HIGH"), `policy: f:2: unknown key "severty"`},
		{rule("severity: BAD"), "policy: f:2: cvss: \"BAD\" is no severity"},
		{rule("severity: UNKNOWN"), "policy: f:2: UNKNOWN is no severity to ask for"},
		{rule("name: x"), "policy: f:2: a rule without a condition"},
		{rule("{}"), "policy: f:2: a rule without a condition"},
		{rule("unrated: false"), "policy: f:2: what nobody has rated is left out, but there is no severity"},
		{rule("kev: yes"), "policy: f:2: neither true nor false"},
		{rule("kev: false"), "policy: f:2: leave the key out instead of false"},
		{rule("epss: 50%"), "policy: f:2: no number above 0 and up to 1"},
		{rule("epss: 1.5"), "policy: f:2: no number above 0 and up to 1"},
		{rule("epss: NaN"), "policy: f:2: no number above 0 and up to 1"},
		{rule("fix_age_days: -1"), "policy: f:2: no number above 0 and up to 106751"},
		{rule("fix_age_days: 1e-20"), "policy: f:2: no age"},
		{rule("fix_age_days: 1e9"), "policy: f:2: no number above 0 and up to 106751"},
		{strings.Repeat("a", policy.MaxSize+1), "policy: f: larger than"},
	}
	for _, tt := range tests {
		p, err := policy.Parse("f", []byte(tt.text))
		require.Errorf(t, err, "Parse(%.60q)", tt.text)
		assert.Truef(t, strings.HasPrefix(err.Error(), tt.want), "Parse(%.60q): %v, want %s", tt.text, err, tt.want)
		assert.Nil(t, p)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{full, "findings: [{kev: true}]", "problems: fail", "a: &a [*a]"} {
		f.Add([]byte(s))
	}
	report := &scan.Report{Database: enriched, Findings: findings()}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Parse("f", data)
		if err != nil {
			require.Nil(t, p)
			return
		}
		v, err := p.Evaluate(report, now)
		require.NoError(t, err, "what is read can be used")
		require.Equal(t, v.Pass, len(v.Reasons) == 0)
	})
}

func ExamplePolicy_Evaluate() {
	p, err := policy.Parse("policy.yaml", []byte("findings:\n  - name: fix it\n    severity: HIGH\n    fixable: true\nend_of_life: fail\n"))
	if err != nil {
		log.Fatal(err)
	}
	report := &scan.Report{Findings: []scan.Finding{ // in truth that of a scan
		{ID: "CVE-2026-0001", Severity: cvss.Critical, FixedVersion: "1.2.3", Package: scan.Package{Name: "musl", Version: "1.2.2"}},
	}}
	verdict, err := p.Evaluate(report, time.Now())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("pass:", verdict.Pass)
	for _, r := range verdict.Reasons {
		fmt.Printf("%s: %s\n", r.Rule, r.Text)
		for _, f := range r.Findings {
			fmt.Printf("  %s in %s %s\n", f.ID, f.Package, f.Version)
		}
	}
	// Output:
	// pass: false
	// fix it: 1 finding: severity HIGH or above or unrated, fixable
	//   CVE-2026-0001 in musl 1.2.2
}
