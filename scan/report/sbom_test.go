package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
)

func TestCycloneDX(t *testing.T) {
	for _, f := range []report.Format{report.CycloneDX, report.CycloneDXXML} {
		got, err := sbom.Decode(strings.NewReader(write(t, full(), f)))
		require.NoError(t, err)
		assert.Len(t, got.Packages, 3)
		require.Len(t, got.Vulnerabilities, 5)
		assert.Equal(t, sbom.Vulnerability{
			ID: "CVE-2022-0778", Source: "DEBIAN-CVE-2022-0778", Aliases: []string{"DEBIAN-CVE-2022-0778", "DLA-2953-1", "GHSA-x3mh-jvjw-3xwx"},
			Ratings: []sbom.Rating{
				{Source: "DEBIAN-CVE-2022-0778", Severity: "critical"}, // the word is another one than the vector's
				{Source: "DEBIAN-CVE-2022-0778", Method: "CVSSv31", Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", Severity: "high"},
			},
			Title:      "Infinite loop in BN_mod_sqrt() reachable when parsing certificates <that> are & malformed",
			References: []string{"https://example.org/advisory?id=1&lang=en"}, Published: date(2022, 3, 15), Updated: date(2022, 11, 9),
			Recommendation: "Upgrade libssl1.1 to 1.1.1d-0+deb10u8.",
			Affects:        []sbom.Affected{{PURL: "pkg:deb/debian/libssl1.1@1.1.1d-0+deb10u3?arch=amd64&distro=debian-10", Version: "1.1.1d-0+deb10u3", Status: "affected"}},
		}, got.Vulnerabilities[4])
		for _, v := range got.Vulnerabilities {
			assert.NotContains(t, v.ID, "CVE-2020", "what is suppressed is not there")
		}
		assert.Equal(t, "unknown", got.Vulnerabilities[2].Ratings[0].Severity)
		require.Len(t, got.Problems, 1)
		assert.Equal(t, "opt/app/var/lib/dpkg/status", got.Problems[0].Path)
	}
}

// TestOneVulnerabilityForAllPackages joins the findings of one ID.
func TestOneVulnerabilityForAllPackages(t *testing.T) {
	r := full()
	other := r.Findings[0]
	other.Package.PURL, other.Package.Name, other.FixedVersion = "pkg:deb/debian/openssl@1", "openssl", "2"
	again := r.Findings[0] // the same package twice, by two layers
	r.Findings = append(r.Findings, other, again)
	r.BOM.Vulnerabilities = []sbom.Vulnerability{{ID: "CVE-2022-0778", Title: "old"}, {ID: "CVE-1999-1", Title: "kept"}}
	b := report.WithVulnerabilities(r)
	require.Len(t, b.Vulnerabilities, 6)
	assert.Equal(t, "CVE-1999-1", b.Vulnerabilities[0].ID)
	v := b.Vulnerabilities[5]
	assert.Equal(t, "CVE-2022-0778", v.ID)
	assert.NotEqual(t, "old", v.Title)
	assert.Len(t, v.Affects, 2)
	assert.Len(t, v.Ratings, 2)
	assert.Equal(t, "Upgrade libssl1.1 to 1.1.1d-0+deb10u8, openssl to 2.", v.Recommendation)
	assert.Len(t, r.BOM.Vulnerabilities, 2, "the report is left as it is")
}

func TestProduct(t *testing.T) {
	r := full()
	part := *r.BOM
	part.Target = sbom.Target{Name: "a", Kind: "registry"}
	r.BOM = &sbom.BOM{Target: sbom.Target{Name: "p", Kind: "product"}, Parts: []*sbom.BOM{&part, {Target: sbom.Target{Name: "b", Kind: "rootfs"}}}}
	for i := range r.Findings {
		r.Findings[i].Package.Target = "a"
	}
	got, err := sbom.Decode(strings.NewReader(write(t, r, report.CycloneDX)))
	require.NoError(t, err)
	require.Len(t, got.Parts, 2)
	assert.Len(t, got.Parts[0].Vulnerabilities, 5)
	assert.Empty(t, got.Parts[1].Vulnerabilities)
	assert.Empty(t, got.Vulnerabilities)
}

// TestSBOMSchemas compares reports with the official schemas.
func TestSBOMSchemas(t *testing.T) {
	for _, version := range []string{"1.4", "1.5", "1.6", "1.7"} {
		data := write(t, full(), report.CycloneDX, report.WithSBOM(sbom.WithSpecVersion(version)))
		assert.NoError(t, codectest.Schema(t, "cyclonedx", "bom-"+version+".schema.json")([]byte(data)), version)
	}
	for version, schema := range map[string]string{"2.2": "spdx-schema-2.2.json", "2.3": "spdx-schema-2.3.json", "3.0": "spdx-schema-3.0.1.json"} {
		data := write(t, full(), report.SPDX, report.WithSBOM(sbom.WithSpecVersion(version)))
		assert.NoError(t, codectest.Schema(t, "spdx", schema)([]byte(data)), version)
	}
	assert.Contains(t, write(t, full(), report.SPDX), `"referenceLocator": "https://example.org/advisory?id=1&lang=en"`, "SPDX 2.3 refers to advisories")
	for _, version := range []string{"1.4", "1.5", "1.6", "1.7"} {
		validate := codectest.XMLSchema(t, "cyclonedx", "bom-"+version+".xsd")
		file := filepath.Join(t.TempDir(), "bom.xml")
		require.NoError(t, os.WriteFile(file, []byte(write(t, full(), report.CycloneDXXML, report.WithSBOM(sbom.WithSpecVersion(version)))), 0o600))
		assert.NoError(t, validate(file), version)
	}
}

func TestSBOMErrors(t *testing.T) {
	var buf bytes.Buffer
	assert.ErrorContains(t, report.Write(&buf, &scan.Report{}, report.CycloneDX), "no inventory")
	assert.ErrorIs(t, report.Write(&buf, full(), report.SPDX, report.WithSBOM(sbom.WithSpecVersion("9"))), sbom.ErrFormat)
	assert.ErrorContains(t, report.Write(&buf, full(), report.SPDX, report.WithSBOM(nil)), "a nil option")
	assert.Empty(t, buf.String())
}

// TestProductTable shows which image a finding is of.
func TestProductTable(t *testing.T) {
	r := full()
	r.OS = scan.OS{}
	r.Target = scan.Target{Target: sbom.Target{Name: "shop", Kind: "product", Version: "7"}}
	r.BOM = &sbom.BOM{Target: r.Target.Target, Parts: []*sbom.BOM{{}, {}}}
	for i := range r.Findings {
		r.Findings[i].Package.Target = []string{"registry.example/web:1", "registry.example/db:2"}[i%2]
	}
	r.Problems[0].Target = "registry.example/web:1"
	golden(t, "product.txt", []byte(write(t, r, report.Table)))
}
