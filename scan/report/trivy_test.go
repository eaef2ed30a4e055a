package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
)

// A trivyReport is what the tests look at of Trivy's layout.
type trivyReport struct {
	SchemaVersion int
	ArtifactName  string
	ArtifactType  string
	Results       []struct {
		Target, Class, Type string
		Packages            []struct{ Name string }
		Vulnerabilities     []struct {
			VulnerabilityID, PkgName, PkgPath, Severity, Status string
			CVSS                                                map[string]struct{ V2Vector, V3Vector, V40Vector string }
		}
		ExperimentalModifiedFindings []struct{ Statement string }
	}
}

func TestTrivy(t *testing.T) {
	r := full()
	pkg := func(typ, purl, name string, paths ...string) scan.Package {
		return scan.Package{Type: typ, PURL: purl, Name: name, Version: "1", Paths: paths}
	}
	packages := []scan.Package{
		pkg("npm", "pkg:npm/a@1", "a", "app/node_modules/a/package.json"), pkg("npm", "pkg:npm/b@1", "b", "app/package-lock.json"),
		pkg("maven", "pkg:maven/org.x/y@1", "y", "app/y.jar"), pkg("golang", "pkg:golang/example.com/m@1", "example.com/m", "usr/bin/m"),
		pkg("pypi", "pkg:pypi/z@1", "z", "requirements-dev.txt"), pkg("odd", "pkg:odd/z@1", "z"),
	}
	for _, p := range packages {
		f := r.Findings[0]
		f.Package, f.Severity, f.Status = p, cvss.Negligible, "something"
		f.CVSS = []scan.CVSS{{Source: "NVD", Version: "2.0", Vector: "v2"}, {Source: "NVD", Version: "3.1", Vector: "v3"}, {Source: "NVD", Version: "3.0", Vector: "old"}, {Source: "NVD", Version: "4.0", Vector: "v4"}}
		r.Findings = append(r.Findings, f)
	}
	var got trivyReport
	require.NoError(t, json.Unmarshal([]byte(write(t, r, report.Trivy, report.WithPackages(true), report.WithSuppressed(true))), &got))
	assert.Equal(t, 2, got.SchemaVersion)
	assert.Equal(t, "container_image", got.ArtifactType)
	var places []string
	n := 0
	for _, result := range got.Results {
		places = append(places, result.Class+" "+result.Type+" "+result.Target)
		n += len(result.Vulnerabilities)
	}
	assert.Equal(t, []string{
		"os-pkgs debian registry.example/team/app:1.2 (debian 10)", "lang-pkgs gobinary usr/bin/m", "lang-pkgs jar Java", "lang-pkgs node-pkg Node.js",
		"lang-pkgs npm app/package-lock.json", "lang-pkgs odd ", "lang-pkgs pip requirements-dev.txt",
	}, places)
	assert.Equal(t, len(r.Findings), n)
	assert.Len(t, got.Results[0].Packages, 3)
	assert.Len(t, got.Results[0].ExperimentalModifiedFindings, 3)
	jar := got.Results[2].Vulnerabilities[0]
	assert.Equal(t, "org.x:y app/y.jar LOW unknown", strings.Join([]string{jar.PkgName, jar.PkgPath, jar.Severity, jar.Status}, " "))
	assert.Equal(t, "v2", jar.CVSS["nvd"].V2Vector)
	assert.Equal(t, "v3", jar.CVSS["nvd"].V3Vector)
	assert.Equal(t, "v4", jar.CVSS["nvd"].V40Vector)
}

// TestTrivyReadsIt has Trivy itself read the layout, where it is installed or
// named by the environment.
func TestTrivyReadsIt(t *testing.T) {
	trivy := os.Getenv("IMAGEVET_TEST_TRIVY")
	if trivy == "" {
		var err error
		if trivy, err = exec.LookPath("trivy"); err != nil {
			t.Skip("trivy is not installed, and IMAGEVET_TEST_TRIVY does not name it")
		}
	}
	for name, r := range reports() {
		file := filepath.Join(t.TempDir(), "report.json")
		require.NoError(t, os.WriteFile(file, []byte(write(t, r, report.Trivy, report.WithPackages(true), report.WithSuppressed(true))), 0o600))
		for _, format := range []string{"table", "sarif", "json"} {
			if format == "sarif" && name == "colons" {
				continue // Trivy's own writer cannot take a path with a percent sign
			}
			cmd := exec.Command(trivy, "convert", "--quiet", "--cache-dir", t.TempDir(), "--format", format, file)
			cmd.Env = append(cmd.Environ(), "TRIVY_DISABLE_TELEMETRY=true", "TRIVY_SKIP_VERSION_CHECK=true")
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			require.NoError(t, cmd.Run(), "%s as %s: %s", name, format, stderr.String())
			if format == "json" {
				var want, got trivyReport
				require.NoError(t, json.Unmarshal(stdout.Bytes(), &got))
				require.NoError(t, json.Unmarshal([]byte(write(t, r, report.Trivy, report.WithPackages(true), report.WithSuppressed(true))), &want))
				count := func(r trivyReport) (n int) {
					for _, result := range r.Results {
						n += len(result.Vulnerabilities)
					}
					return n
				}
				if name == "full" || name == "tree" || name == "product" { // the others have the same finding twice
					assert.Equal(t, count(want), count(got), "%s: Trivy sees every finding", name)
				}
			}
		}
	}
}
