package scan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/ignore"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/scan/vex"
)

func clock(day string) scan.Option {
	return scan.WithClock(func() time.Time {
		t, err := time.Parse(time.DateOnly, day)
		if err != nil {
			panic(err)
		}
		return t
	})
}

// scanBookworm scans the three packages, which have CVE-2026-0001 in libssl3,
// CVE-2026-0003 and CVE-2026-0004 in curl.
func scanBookworm(t *testing.T, opts ...scan.Option) *scan.Report {
	t.Helper()
	s, err := scan.New(append([]scan.Option{scan.WithDB(openDB(t, records...)), clock("2026-11-01")}, opts...)...)
	require.NoError(t, err)
	r, err := s.Scan(t.Context(), image.FS("bookworm", bookworm()))
	require.NoError(t, err)
	return r
}

func suppressed(r *scan.Report) []string {
	var out []string
	for _, s := range r.Suppressed {
		out = append(out, fmt.Sprintf("%s %s by %s: %s (%s, %s)", s.ID, s.Package.Name, s.By, s.Reason, s.Rule, s.Source))
	}
	return out
}

func parseIgnore(t *testing.T, name, text string) []ignore.Rule {
	t.Helper()
	rules, err := ignore.Parse(name, []byte(text))
	require.NoError(t, err)
	return rules
}

func parseVEX(t *testing.T, name, statements string) *vex.Document {
	t.Helper()
	d, err := vex.Parse(name, []byte(`{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://vex.example/`+name+`", "author": "Ann",
		"timestamp": "2026-10-01T00:00:00Z", "statements": [`+statements+`]}`))
	require.NoError(t, err)
	return d
}

func TestIgnore(t *testing.T) {
	var log bytes.Buffer
	r := scanBookworm(
		t,
		scan.WithIgnore(parseIgnore(t, ".imagevetignore", `ignore:
  - id: DEBIAN-CVE-2026-0001    # an alias
    package: libssl3
    reason: not reachable
    until: 2026-12-01
  - purl: pkg:deb/debian/curl?arch=source
    status: fixed
    layer: 0
  - id: CVE-2026-0003
    path: usr/**
`)...),
		scan.WithIgnore(parseIgnore(t, ".trivyignore", "CVE-2026-0003 exp:2026-11-01 # old\nCVE-2026-0009\nCVE-2026-0009 exp:2026-01-01\n")...),
		scan.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))),
	)
	assert.Equal(t, []string{"CVE-2026-0003 curl"}, ids(r))
	assert.Equal(t, []string{
		"CVE-2026-0001 libssl3 by ignore: not reachable (DEBIAN-CVE-2026-0001 of libssl3, .imagevetignore:2)",
		"CVE-2026-0004 curl by ignore: ignored without a reason (pkg:deb/debian/curl?arch=source in layer 0 with status fixed, .imagevetignore:6)",
	}, suppressed(r))
	assert.Equal(t, []scan.RuleNote{
		{Rule: "CVE-2026-0003 in usr/**", Source: ".imagevetignore", Line: 9, State: scan.RuleUnused},
		{
			Rule: "CVE-2026-0003", Source: ".trivyignore", Line: 1, State: scan.RuleExpired, Findings: 1, Reason: "old",
			Until: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		},
		{Rule: "CVE-2026-0009", Source: ".trivyignore", Line: 2, State: scan.RuleUnused},
		{Rule: "CVE-2026-0009", Source: ".trivyignore", Line: 3, State: scan.RuleExpired, Until: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
	}, r.Rules)
	assert.Contains(t, log.String(), `msg="an ignore rule has expired" rule=CVE-2026-0003 source=.trivyignore line=1`)
	assert.Equal(t, scan.Summary{Low: 1}, r.Summary)

	r = scanBookworm(t)
	assert.Empty(t, r.Rules)
	assert.Len(t, r.Findings, 3)
}

// TestIgnoreStatuses holds the words of package ignore against those of a scan.
func TestIgnoreStatuses(t *testing.T) {
	for _, s := range scan.Statuses() {
		_, err := ignore.New(ignore.Rule{Statuses: []string{string(s)}})
		assert.NoError(t, err)
	}
}

func TestIgnoreErrors(t *testing.T) {
	_, err := scan.New(scan.WithIgnore(ignore.Rule{}))
	assert.EqualError(t, err, "scan: WithIgnore: ignore: rule 1: the rule has no condition, and so would hide every finding")
	_, err = scan.New(scan.WithVEX(nil))
	assert.EqualError(t, err, "scan: WithVEX(nil)")
	_, err = scan.New(scan.WithVEX(&vex.Document{Name: "d", Statements: []vex.Statement{{Products: []vex.Product{{PURLs: []string{"x"}}}}}}))
	assert.ErrorContains(t, err, "scan: WithVEX: vex: d: ")
}

func TestVEX(t *testing.T) {
	old := parseVEX(t, "old.json", `
		{"vulnerability": {"name": "CVE-2026-0001"}, "products": [{"@id": "pkg:deb/debian/libssl3"}], "status": "affected", "action_statement": "Wait."},
		{"vulnerability": {"name": "CVE-2026-0003"}, "products": [{"@id": "pkg:deb/debian/curl"}], "status": "under_investigation"},
		{"vulnerability": {"name": "CVE-2026-0004"}, "products": [{"@id": "pkg:deb/debian/curl@1"}], "status": "fixed"}`)
	later := parseVEX(t, "new.json", `
		{"vulnerability": {"name": "X", "aliases": ["DEBIAN-CVE-2026-0001"]}, "products": [{"@id": "pkg:deb/debian/openssl?arch=source"}],
		"status": "not_affected", "justification": "component_not_present", "impact_statement": "Not there."},
		{"vulnerability": {"name": "CVE-2026-0001"}, "products": [{"@id": "https://what.example"}], "status": "fixed"}`)
	elsewhere := parseVEX(t, "elsewhere.json", `{"vulnerability": "CVE-2026-0001", "products": ["pkg:oci/other"], "status": "fixed"}`)
	r := scanBookworm(
		t, scan.WithVEX(old, later), scan.WithVEX(elsewhere), scan.WithMinSeverity(cvss.Critical),
		scan.WithIgnore(ignore.Rule{IDs: []string{"CVE-2026-0001"}}),
	)
	assert.Equal(t, []string{"CVE-2026-0004 curl"}, ids(r))
	assert.Equal(t, []string{
		"CVE-2026-0001 libssl3 by vex: not_affected, component_not_present: Not there. (statement 1, new.json)",
		"CVE-2026-0003 curl by severity: severity LOW is below CRITICAL (, )",
	}, suppressed(r))
	at := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	assert.Equal(t, []scan.VEX{
		{
			Status: vex.NotAffected, Justification: "component_not_present", Statement: "Not there.", Product: "pkg:deb/debian/openssl?arch=source",
			Document: "https://vex.example/new.json", Source: "new.json", Ref: "statement 1", Author: "Ann", Time: at,
		},
		{
			Status: vex.Affected, Statement: "Wait.", Product: "pkg:deb/debian/libssl3",
			Document: "https://vex.example/old.json", Source: "old.json", Ref: "statement 1", Author: "Ann", Time: at,
		},
	}, r.Suppressed[0].VEX)
	assert.Equal(t, vex.UnderInvestigation, r.Suppressed[1].VEX[0].Status)
	assert.Empty(t, r.Findings[0].VEX)
	assert.Equal(t, []scan.VEXDocument{
		{Source: "old.json", Format: "OpenVEX", Version: "0.2.0", ID: "https://vex.example/old.json", Author: "Ann", Time: at, Statements: 3, Findings: 2},
		{Source: "new.json", Format: "OpenVEX", Version: "0.2.0", ID: "https://vex.example/new.json", Author: "Ann", Time: at, Statements: 1, Findings: 1},
		{Source: "elsewhere.json", Format: "OpenVEX", Version: "0.2.0", ID: "https://vex.example/elsewhere.json", Author: "Ann", Time: at, Statements: 1},
	}, r.VEX)
	assert.Equal(t, []scan.Problem{{
		Path: "new.json", Extractor: "vex",
		Error: `statement 2 on CVE-2026-0001: product "https://what.example": neither a package URL nor a CPE, a digest or an image`,
	}}, r.Problems)
	assert.Empty(t, r.Rules, "a rule is of use where a document says the same")
}

// TestVEXBounded shows that a document cannot fill a report.
func TestVEXBounded(t *testing.T) {
	d := parseVEX(t, "d", `{"vulnerability": "CVE-2026-0001", "products": ["pkg:deb/debian/libssl3"], "status": "affected"}`)
	for range 1000 {
		d.Statements = append(d.Statements, d.Statements[0])
	}
	r := scanBookworm(t, scan.WithVEX(d))
	assert.Len(t, r.Findings[0].VEX, 16)
}

// TestJudgeParts judges a product of two images: a rule is unused only if it is
// so in both.
func TestJudgeParts(t *testing.T) {
	s, err := scan.New(
		scan.WithDB(openDB(t, records...)), scan.WithIgnore(ignore.Rule{IDs: []string{"CVE-2026-0001"}}, ignore.Rule{IDs: []string{"CVE-2026-0002"}}),
		scan.WithVEX(parseVEX(t, "d", `{"vulnerability": "CVE-2026-0003", "products": [{"@id": "two", "subcomponents": [{"@id": "pkg:deb/debian/curl"}]}], "status": "fixed"}`)),
	)
	require.NoError(t, err)
	var parts []*sbom.BOM
	for _, name := range []string{"one", "two"} {
		bom, err := sbom.Generate(t.Context(), image.FS(name, bookworm()))
		require.NoError(t, err)
		bom.Target.Kind = "registry"
		parts = append(parts, bom)
	}
	product, err := sbom.Merge(sbom.Target{Name: "product"}, parts...)
	require.NoError(t, err)
	r, err := s.Match(t.Context(), product)
	require.NoError(t, err)
	require.Len(t, r.Rules, 1)
	assert.Equal(t, "CVE-2026-0002", r.Rules[0].Rule)
	assert.Len(t, r.Findings, 3)
	require.Len(t, r.Suppressed, 3)
	for _, s := range r.Suppressed {
		if s.By == "vex" {
			assert.Equal(t, "two", s.Package.Target)
		}
	}
	assert.Equal(t, 1, r.VEX[0].Findings)
}

// TestRematchJudgesAnew gives an earlier report other rules and documents.
func TestRematchJudgesAnew(t *testing.T) {
	db := openDB(t, records...)
	doc := parseVEX(t, "d", `{"vulnerability": "CVE-2026-0001", "products": ["pkg:deb/debian/libssl3"], "status": "fixed"}, {}`)
	before, err := scan.New(scan.WithDB(db), clock("2026-11-01"), scan.WithVEX(doc), scan.WithIgnore(ignore.Rule{IDs: []string{"CVE-2026-0003"}}))
	require.NoError(t, err)
	report, err := before.Scan(t.Context(), image.FS("bookworm", bookworm()))
	require.NoError(t, err)
	require.Len(t, report.Suppressed, 2)
	require.Len(t, report.Problems, 1)

	plain, err := scan.New(scan.WithDB(db), clock("2026-11-01"))
	require.NoError(t, err)
	want, err := plain.Scan(t.Context(), image.FS("bookworm", bookworm()))
	require.NoError(t, err)
	got, err := plain.Rematch(t.Context(), report, nil)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	again, err := before.Rematch(t.Context(), got, nil)
	require.NoError(t, err)
	assert.Equal(t, report, again)
}

// TestNothingVanishes judges with rules and documents made at random: each
// finding is in the report once, whatever they say.
func TestNothingVanishes(t *testing.T) {
	all := func(r *scan.Report) []string {
		var out []string
		add := func(f scan.Finding) {
			f.VEX = nil
			data, err := json.Marshal(f)
			require.NoError(t, err)
			out = append(out, string(data))
		}
		for _, f := range r.Findings {
			add(f)
		}
		for _, s := range r.Suppressed {
			add(s.Finding)
		}
		slices.Sort(out)
		return out
	}
	want := all(scanBookworm(t))
	require.Len(t, want, 3)
	db := openDB(t, records...)
	bom, err := sbom.Generate(t.Context(), image.FS("bookworm", bookworm()))
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) []string { return of[random.IntN(len(of)):][:1] }
	var counts [4]int
	for range 300 {
		opts := []scan.Option{scan.WithDB(db), clock("2026-11-01")}
		for range random.IntN(3) {
			rule := ignore.Rule{IDs: pick("CVE-2026-0001", "DEBIAN-CVE-2026-0003", "CVE-1")}
			switch random.IntN(4) {
			case 0:
				rule.Packages = pick("curl", "libssl3")
			case 1:
				rule.PURLs, rule.IDs = pick("pkg:deb/debian/curl", "pkg:deb/openssl?arch=src"), nil
			case 2:
				rule.Paths, rule.Until = pick("var/**", "usr/**"), time.Unix(random.Int64N(4e9), 0)
			}
			opts = append(opts, scan.WithIgnore(rule))
		}
		for range random.IntN(3) {
			doc := &vex.Document{Name: "d"}
			for range random.IntN(3) {
				doc.Statements = append(doc.Statements, vex.Statement{
					IDs:    pick("CVE-2026-0001", "CVE-2026-0003", "DEBIAN-CVE-2026-0004"),
					Status: []vex.Status{vex.Fixed, vex.NotAffected, vex.Affected, vex.UnderInvestigation}[random.IntN(4)],
					Time:   time.Unix(int64(random.IntN(3)), 0), Products: []vex.Product{{PURLs: pick("pkg:deb/debian/curl", "pkg:deb/debian/libssl3@1", "pkg:deb/debian/libssl3")}},
				})
			}
			opts = append(opts, scan.WithVEX(doc))
		}
		s, err := scan.New(opts...)
		require.NoError(t, err)
		r, err := s.Match(t.Context(), bom)
		require.NoError(t, err)
		require.Equal(t, want, all(r))
		counts[len(r.Findings)]++
		sum := r.Summary
		require.Equal(t, len(r.Findings), sum.Critical+sum.High+sum.Medium+sum.Low+sum.Negligible+sum.None+sum.Unknown)
	}
	for n, count := range counts {
		assert.Positivef(t, count, "no try left %d findings", n)
	}
}
