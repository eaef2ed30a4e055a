package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
)

// TestSBOMFormats writes each format, reads it back, and scans it: the findings
// are those of the folder.
func TestSBOMFormats(t *testing.T) {
	want := imagevet(t, nil, "rootfs", "testdata/rootfs", "--db", "starter", "--now", now, "--format", "json")
	_, findings, _ := strings.Cut(want.stdout, `"findings"`)
	for _, tt := range []struct{ format, version string }{
		{"cyclonedx", ""},
		{"cyclonedx", "1.4"},
		{"cyclonedx", "1.7"},
		{"cyclonedx-xml", "1.5"},
		{"spdx", ""},
		{"spdx", "2.2"},
		{"spdx", "3.0"},
		{"spdx-tv", "2.3"},
	} {
		file := filepath.Join(t.TempDir(), "bom")
		args := []string{"rootfs", "testdata/rootfs", "--db", "starter", "--now", now, "--format", tt.format, "--output", file}
		if tt.version != "" {
			args = append(args, "--spec-version", tt.version)
		}
		r := imagevet(t, nil, args...)
		require.Zero(t, r.status, r.stderr)
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		b, err := sbom.Decode(strings.NewReader(string(data)))
		require.NoError(t, err)
		assert.Equal(t, now, b.Document.Created.Format("2006-01-02T15:04:05Z07:00"), tt)

		got := imagevet(t, nil, "sbom", file, "--db", "starter", "--now", now, "--format", "json")
		assert.Zero(t, got.status, got.stderr)
		_, again, _ := strings.Cut(got.stdout, `"findings"`)
		assert.Equal(t, findings, again, tt)
	}
}

func TestSBOMHasTheFindings(t *testing.T) {
	r := imagevet(t, nil, "image", "--input", alpine, "--db", "starter", "--format", "cyclonedx")
	require.Zero(t, r.status, r.stderr)
	b, err := sbom.Decode(strings.NewReader(r.stdout))
	require.NoError(t, err)
	assert.Len(t, b.Packages, 13)
	require.Len(t, b.Vulnerabilities, 1)
	assert.Equal(t, "CVE-2019-14697", b.Vulnerabilities[0].ID)
	assert.Len(t, b.Vulnerabilities[0].Affects, 2)
	assert.False(t, b.Document.Created.IsZero(), "the time is now")
}

func TestSourceDateEpoch(t *testing.T) {
	args := []string{"image", "--input", alpine, "--db", "starter", "--format", "cyclonedx"}
	one := imagevet(t, []string{"SOURCE_DATE_EPOCH=1700000000"}, args...)
	two := imagevet(t, []string{"SOURCE_DATE_EPOCH=1700000000"}, args...)
	require.Zero(t, one.status, one.stderr)
	assert.Equal(t, one.stdout, two.stdout)
	assert.Contains(t, one.stdout, `"timestamp": "2023-11-14T22:13:20Z"`)
	bad := imagevet(t, []string{"SOURCE_DATE_EPOCH=soon"}, args...)
	assert.Equal(t, exitFailed, bad.status)
	assert.Contains(t, bad.stderr, `WithSourceDateEpoch("soon")`)
	assert.Empty(t, bad.stdout)
}

// TestSBOMWithoutDatabase is of use too, and says what it lacks.
func TestSBOMWithoutDatabase(t *testing.T) {
	empty := []string{"IMAGEVET_CACHE_DIR=" + t.TempDir()}
	r := imagevet(t, empty, "image", "--input", alpine, "--format", "spdx")
	require.Zero(t, r.status, r.stderr)
	assert.Contains(t, r.stderr, "there is no database: the bill of materials tells of no vulnerabilities")
	b, err := sbom.Decode(strings.NewReader(r.stdout))
	require.NoError(t, err)
	assert.Len(t, b.Packages, 13)
	// A database that was asked for must be there, and so must one for a report.
	assert.Equal(t, exitFailed, imagevet(t, empty, "image", "--input", alpine, "--format", "spdx", "--db", filepath.Join(t.TempDir(), "no")).status)
	assert.Equal(t, exitFailed, imagevet(t, empty, "image", "--input", alpine).status)
}

func TestSBOMErrors(t *testing.T) {
	r := imagevet(t, nil, "sbom", "--db", "starter")
	assert.Equal(t, exitUsage, r.status)
	r = imagevet(t, nil, "sbom", "main.go", "--db", "starter")
	assert.Equal(t, exitFailed, r.status)
	assert.Contains(t, r.stderr, "no bill of materials")
	r = imagevet(t, nil, "image", "--input", alpine, "--db", "starter", "--format", "cyclonedx", "--spec-version", "9")
	assert.Equal(t, exitFailed, r.status)
	assert.Contains(t, r.stderr, `"9": not a version of CycloneDX`)
}
