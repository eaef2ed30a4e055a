package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

var now = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func report() *scan.Report {
	return &scan.Report{Findings: []scan.Finding{
		{
			ID: "CVE-1", Severity: cvss.Critical, FixedVersion: "2", Status: scan.StatusFixed, Published: now.AddDate(0, 0, -40),
			Package: scan.Package{Name: "linux-libc-dev", PURL: "pkg:deb/debian/linux-libc-dev@1", Paths: []string{"var/lib/dpkg/status"}},
			KEV:     &vulndb.KEV{Ransomware: true}, EPSS: &vulndb.EPSS{Score: 0.9},
		},
		{ID: "CVE-2", Severity: cvss.Medium, Status: scan.StatusAffected, Package: scan.Package{Name: "curl"}, EPSS: &vulndb.EPSS{Score: 0.1}},
		{ID: "CVE-3", Package: scan.Package{Name: "zlib"}, Aliases: []string{"GHSA-1"}},
	}}
}

func TestDenied(t *testing.T) {
	tests := []struct {
		expressions []string
		want        []string
	}{
		{nil, nil},
		{[]string{"false"}, nil},
		{[]string{"true"}, []string{"CVE-1", "CVE-2", "CVE-3"}},
		{[]string{`rank(finding.severity) >= rank("HIGH")`}, []string{"CVE-1", "CVE-3"}}, // nobody has rated the third
		{[]string{`finding.severity == "MEDIUM"`, `"GHSA-1" in finding.aliases`}, []string{"CVE-2", "CVE-3"}},
		{[]string{`has(finding.kev) && finding.kev.ransomware`}, []string{"CVE-1"}},
		{[]string{`has(finding.epss) && finding.epss.score >= 0.1`}, []string{"CVE-1", "CVE-2"}},
		{[]string{`has(finding.published) && now - timestamp(finding.published) > duration("720h")`}, []string{"CVE-1"}},
		{[]string{`has(finding.published) && now - timestamp(finding.published) > duration("1200h")`}, nil},
		{[]string{`!finding.package.name.startsWith("linux-")`}, []string{"CVE-2", "CVE-3"}},
		{[]string{`finding.status == "fixed" && finding.package.paths.exists(p, p.startsWith("var/"))`}, []string{"CVE-1"}},
	}
	for _, tt := range tests {
		g, err := New(tt.expressions...)
		require.NoError(t, err, tt.expressions)
		denied, err := g.Denied(t.Context(), report(), now)
		require.NoError(t, err)
		var got []string
		for _, d := range denied {
			require.NoError(t, d.Err)
			got = append(got, d.Finding.ID)
		}
		assert.Equal(t, tt.want, got, tt.expressions)
	}
}

// TestCannotBeJudged shows that what fails does not pass.
func TestCannotBeJudged(t *testing.T) {
	endless := `finding.package.name == ["a", "b"].map(x, x)[0]`
	for range 8 {
		endless = `[1,2,3,4,5,6,7,8,9,10].all(x, ` + endless + ` || true)`
	}
	for expression, want := range map[string]string{
		`finding.kev.ransomware && finding.id == "CVE-2"`: "no such key: kev",
		`rank(finding.id) > 1`:                            "is no severity",
		endless:                                           "cost",
	} {
		g, err := New(expression)
		require.NoError(t, err)
		denied, err := g.Denied(t.Context(), report(), now)
		require.NoError(t, err)
		require.NotEmpty(t, denied, "%.80s", expression)
		assert.ErrorContains(t, denied[len(denied)-1].Err, want)
	}
}

func TestNewErrors(t *testing.T) {
	for _, expression := range []string{"", "finding.", "findings.id", "1", "finding", "finding.id", `rank(1) > 2`} {
		_, err := New(expression)
		assert.Errorf(t, err, "%q", expression)
	}
}

func TestCancel(t *testing.T) {
	g, err := New("false")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = g.Denied(ctx, report(), now)
	assert.ErrorIs(t, err, context.Canceled)
}

// TestRun judges a real image.
func TestRun(t *testing.T) {
	const record = `{"id":"CVE-2019-14697","modified":"2026-01-01T00:00:00Z","published":"2019-08-06T00:00:00Z","affected":[{"package":{"ecosystem":"Alpine:v3.8","name":"musl"},
		"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.1.19-r11"}]}]}]}`
	dir := t.TempDir()
	source := filepath.Join(dir, "records.json")
	require.NoError(t, os.WriteFile(source, []byte(record), 0o600))
	database := filepath.Join(dir, "db")
	_, err := vulndb.Build(t.Context(), database, []vulndb.Source{vulndb.FileSource(source)})
	require.NoError(t, err)
	const archive = "../../testdata/images/alpine-3.8.tar.gz"
	for expression, want := range map[string]string{
		`finding.package.name == "musl"`: "\"CVE-2019-14697\" (UNKNOWN) in \"musl 1.1.19-r10\": finding.package.name == \"musl\"\n1 of 2 findings are denied\n",
		`finding.package.name == "curl"`: "0 of 2 findings are denied\n",
	} {
		var out bytes.Buffer
		pass, err := run(t.Context(), &out, database, archive, []string{expression}, now)
		require.NoError(t, err)
		assert.Equal(t, want, out.String())
		assert.Equal(t, want[0] == '0', pass)
	}
	_, err = run(t.Context(), os.Stdout, database, archive, []string{"1"}, now)
	assert.Error(t, err)
}
