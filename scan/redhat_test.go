package scan_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
)

// redHatAdvisory is a record with a fix for a package lib.
func redHatAdvisory(id, ecosystem, fixed, cve string) string {
	return fmt.Sprintf(`{"id": %q, "upstream": [%q], "affected": [{"package": {"ecosystem": "Red Hat:%s", "name": "lib"}, `+
		`"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": %q}]}]}]}`, id, cve, ecosystem, fixed)
}

// redHatImage is an image with one package, built from repositories.
func redHatImage(version string, sets ...string) fstest.MapFS {
	upstream, release, _ := strings.Cut(version, "-")
	row := []string{"lib", version, "1", "1", "Red Hat, Inc.", "(none)", "1", "x86_64", "0", "lib-" + upstream + "-" + release + ".src.rpm"}
	return fstest.MapFS{
		"etc/os-release": {Data: []byte("ID=rhel\nVERSION_ID=9.2\nNAME=\"Red Hat Enterprise Linux\"\n")},
		"var/lib/rpmmanifest/container-manifest-2":  {Data: []byte(strings.Join(row, "\t") + "\n")},
		"root/buildinfo/content_manifests/app.json": {Data: fmt.Appendf(nil, `{"content_sets": [%s]}`, quoted(sets))},
	}
}

func quoted(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprintf("%q", s))
	}
	return strings.Join(out, ", ")
}

// The content manifest of an image decides whether advisories of extended
// support are on its packages, also when its bill of materials is compared; and
// what of it is not known is told.
func TestScanContentSets(t *testing.T) {
	s, err := scan.New(scan.WithDB(openDB(t,
		redHatAdvisory("RHSA-2026:1", "enterprise_linux:9::baseos", "1.0-7.el9_4", "CVE-2026-0001"),
		redHatAdvisory("RHSA-2026:2", "rhel_eus:9.2::baseos", "1.0-5.el9_2.1", "CVE-2026-0001"),
		redHatAdvisory("RHSA-2026:3", "rhel_eus:9.2::baseos", "1.0-5.el9_2.2", "CVE-2026-0002"),
	)))
	require.NoError(t, err)
	const (
		eus  = "rhel-9-for-x86_64-baseos-eus-rpms__9_DOT_2"
		main = "rhel-9-for-x86_64-baseos-rpms"
		odd  = "my-own-repository"
	)
	for _, tt := range []struct {
		version string
		sets    []string
		want    []string
	}{
		{"1.0-5.el9_2.1", []string{eus}, []string{"CVE-2026-0002 RHSA-2026:3"}},
		{"1.0-5.el9_2.0", []string{eus}, []string{"CVE-2026-0001 RHSA-2026:2", "CVE-2026-0002 RHSA-2026:3"}},
		{"1.0-5.el9_2.1", []string{main}, []string{"CVE-2026-0001 RHSA-2026:1"}},
		{"1.0-5.el9_2.2", []string{odd}, nil},
	} {
		report, err := s.Scan(t.Context(), image.FS("app", redHatImage(tt.version, tt.sets...)))
		require.NoError(t, err)
		var got []string
		for _, f := range report.Findings {
			got = append(got, f.ID+" "+f.Evidence.Advisory)
		}
		assert.Equalf(t, tt.want, got, "%s of %v", tt.version, tt.sets)
		require.Len(t, report.Coverage, 1)
		assert.Equal(t, tt.sets[0] == odd, strings.Contains(report.Coverage[0].Reason, "repositories that no rule knows, whose advisories are not looked for: \""+odd+"\""), report.Coverage[0].Reason)

		var text bytes.Buffer
		require.NoError(t, sbom.Encode(&text, report.BOM, sbom.CycloneDXJSON))
		bom, err := sbom.Decode(&text)
		require.NoError(t, err)
		again, err := s.Match(t.Context(), bom)
		require.NoError(t, err)
		assert.Equal(t, report.Findings, again.Findings)
		assert.Equal(t, report.Coverage, again.Coverage)
	}
}
