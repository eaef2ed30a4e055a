package report_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/vulndb"
)

// hostile is a report with s wherever a text can come from outside.
func hostile(s string) *scan.Report {
	p := scan.Package{
		PURL: s, Type: s, Name: s, Version: s, Arch: s, Source: sbom.Source{Name: s + "x", Version: s}, Paths: []string{s},
		Layer: scan.PackageLayer{DiffID: s, CreatedBy: s}, OwnedBy: s,
	}
	f := scan.Finding{
		ID: s, Aliases: []string{s, s}, Severity: cvss.High, SeveritySource: s, CVSS: []scan.CVSS{{Source: s, Version: s, Vector: s}}, Package: p,
		FixedVersion: s, Status: scan.Status(s), Title: s, Description: s, References: []string{s},
		Evidence: vulndb.Evidence{Advisory: s, Range: s},
	}
	unfixed := f
	unfixed.FixedVersion = ""
	r := &scan.Report{
		Target: scan.Target{
			Target: sbom.Target{Name: s, Kind: s, Digest: s, ImageID: s, Platform: s},
			Layers: []sbom.Layer{{CreatedBy: s}, {Index: 1, CreatedBy: s}},
		},
		OS:       scan.OS{ID: s, Version: s, Name: s, Ecosystem: s, EndOfLife: true, EndOfLifeDate: s},
		Database: scan.Database{ID: s + "1", Sources: []vulndb.SourceInfo{{Ecosystem: s}}},
		Coverage: []vulndb.Coverage{
			{Ecosystem: s, Status: vulndb.CoverageMatched, Reason: s, Packages: 1},
			{Ecosystem: s, Status: vulndb.CoverageNoData, Reason: s, Packages: 1},
			{Ecosystem: s, Status: vulndb.CoverageUnsupported, Reason: s, Packages: 1},
			{Ecosystem: s, Status: s, Reason: s, Packages: 1},
		},
		Packages:   []scan.Package{p},
		Findings:   []scan.Finding{f, unfixed},
		Suppressed: []scan.Suppressed{{Finding: f, By: s, Reason: s}},
		Problems:   []scan.Problem{{Path: s, Extractor: s, Error: s}},
	}
	r.BOM = inventory(r)
	return r
}

// checkSafe checks that a terminal shows the text and obeys nothing in it.
func checkSafe(t *testing.T, text, from string) {
	t.Helper()
	assert.Truef(t, utf8.ValidString(text), "invalid UTF-8 from %q", from)
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) && !(unicode.IsSpace(r) && r > 0x7f) {
			assert.Failf(t, "unsafe output", "%U from %q", r, from)
			return
		}
	}
}

func TestHostile(t *testing.T) {
	texts := []string{
		"\x1b]0;owned\x07", "\x1b[2J\x1b[H", "a\rb", "\u009b31m", "\u202egnp.exe", "\u2066x\u2069", "a\nCRITICAL (9)", "\xff\xfe", "\x00",
		"\U000e0041", "\u200b", strings.Repeat("a", 100_000), strings.Repeat("e\u0301", 5000), strings.Repeat("漢", 5000), "  ",
	}
	for _, s := range texts {
		for _, f := range report.Formats() {
			if f == report.CycloneDXXML || f == report.SPDXTagValue {
				assert.NotEmpty(t, write(t, hostile(s), f)) // for programs: they have no escapes for all of it
				continue
			}
			text := write(t, hostile(s), f, report.WithPackages(true), report.WithSuppressed(true))
			if f == report.CSV { // whose lines end so
				text = strings.ReplaceAll(text, "\r\n", "\n")
			}
			checkSafe(t, text, s[:min(len(s), 40)])
		}
	}
}

// A forged line break must not make a forged line.
func TestHostileLines(t *testing.T) {
	for line := range strings.Lines(write(t, hostile("a\nCRITICAL (9)\nb"), report.Table, report.WithWidth(1000))) {
		assert.NotEqual(t, "CRITICAL (9)\n", line)
	}
}

func FuzzWrite(f *testing.F) {
	for _, s := range []string{"", "musl", "\x1b[31m", "\u202e", "漢字", "a b c", strings.Repeat("1.1.1d-0+deb10u3~", 20), "\u00a0"} {
		f.Add(s, uint16(0))
	}
	f.Fuzz(func(t *testing.T, s string, extra uint16) {
		width := report.MinWidth + int(extra%300)
		table := write(t, hostile(s), report.Table, report.WithWidth(width))
		checkSafe(t, table, s)
		for line := range strings.Lines(table) {
			assert.LessOrEqualf(t, utf8.RuneCountInString(line)-1, width, "line %q, of %q", line, s)
			assert.Equal(t, strings.TrimRight(line, " \n")+"\n", line, "blanks at the end")
		}
		checkSafe(t, write(t, hostile(s), report.JSON, report.WithPackages(true)), s)
	})
}

func BenchmarkWrite(b *testing.B) {
	r := full()
	findings := r.Findings
	for range 500 {
		r.Findings = append(r.Findings, findings...)
	}
	for _, f := range report.Formats() {
		b.Run(f.String(), func(b *testing.B) {
			b.SetBytes(int64(len(write(b, r, f))))
			b.ReportAllocs()
			for b.Loop() {
				_ = write(b, r, f)
			}
		})
	}
}
