package scan_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/internal/sharedtest"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/vulndb"
)

// TestSBOMFindsWhatTheImageDoes scans an image, and what each format keeps of
// its inventory.
func TestSBOMFindsWhatTheImageDoes(t *testing.T) {
	s, err := scan.New(scan.WithDB(openDB(t, records...)))
	require.NoError(t, err)
	want, err := s.Scan(t.Context(), image.FS("bookworm", bookworm()))
	require.NoError(t, err)
	require.NotEmpty(t, want.Findings)
	for _, e := range []struct {
		format  sbom.Format
		version string
	}{
		{sbom.CycloneDXJSON, "1.4"},
		{sbom.CycloneDXJSON, "1.7"},
		{sbom.CycloneDXXML, "1.5"},
		{sbom.SPDXJSON, "2.2"},
		{sbom.SPDXJSON, "2.3"},
		{sbom.SPDXJSON, "3.0"},
		{sbom.SPDXTagValue, "2.3"},
	} {
		file := filepath.Join(t.TempDir(), "bom")
		var buf bytes.Buffer
		require.NoError(t, sbom.Encode(&buf, want.BOM, e.format, sbom.WithSpecVersion(e.version)))
		require.NoError(t, os.WriteFile(file, buf.Bytes(), 0o600))
		got, err := s.SBOM(t.Context(), file)
		require.NoErrorf(t, err, "%v", e)
		wantReport, gotReport := *want, *got
		wantReport.BOM, gotReport.BOM = nil, nil
		assert.Equalf(t, wantReport, gotReport, "%v", e)
	}
	// Package URLs alone name the sources, but no distribution's own words.
	file := filepath.Join(t.TempDir(), "purls")
	var buf bytes.Buffer
	require.NoError(t, sbom.Encode(&buf, want.BOM, sbom.PackageURLs))
	require.NoError(t, os.WriteFile(file, buf.Bytes(), 0o600))
	got, err := s.SBOM(t.Context(), file)
	require.NoError(t, err)
	assert.Subset(t, ids(got), ids(want))
}

// foreign are the documents that other tools made of one image.
func foreign(t *testing.T, image string) []string {
	t.Helper()
	var all []string
	for _, tool := range []string{"syft-*", "trivy-*", "intoto"} {
		files, err := filepath.Glob(codectest.Testdata("foreign", tool, "*"+image+".*"))
		require.NoError(t, err)
		all = append(all, files...)
	}
	require.NotEmpty(t, all)
	return all
}

// TestForeignSBOMsAgree scans the documents of other tools on one image with
// real advisories: the same is found by each.
func TestForeignSBOMsAgree(t *testing.T) {
	folder := sharedtest.Path(t, "data", "osv")
	database := t.TempDir()
	var sources []vulndb.Source
	for _, e := range []string{"Debian-changelog", "PyPI", "Go"} {
		sources = append(sources, vulndb.FileSource(filepath.Join(folder, e)))
	}
	_, err := vulndb.Build(t.Context(), database, sources)
	require.NoError(t, err)
	db, err := vulndb.Open(database)
	require.NoError(t, err)
	defer db.Close()
	s, err := scan.New(scan.WithDB(db))
	require.NoError(t, err)
	var first []string
	for _, file := range foreign(t, "debian12-apps") {
		r, err := s.SBOM(t.Context(), file)
		require.NoError(t, err, file)
		var found []string
		for _, f := range r.Findings {
			found = append(found, f.ID+" "+f.Package.Type+" "+f.Package.Name+" "+f.Package.Version)
		}
		require.NotEmpty(t, found, file)
		if first == nil {
			first = found
			t.Logf("%d findings: %q", len(found), found)
		}
		assert.Equal(t, first, found, file)
	}
}

func TestProduct(t *testing.T) {
	s, err := scan.New(scan.WithDB(openDB(t, records...)))
	require.NoError(t, err)
	one, err := sbom.Generate(t.Context(), image.FS("one", bookworm()))
	require.NoError(t, err)
	two, err := sbom.Generate(t.Context(), image.FS("two", bookworm()))
	require.NoError(t, err)
	single, err := s.Match(t.Context(), one)
	require.NoError(t, err)
	product, err := sbom.Merge(sbom.Target{Name: "product", Version: "7"}, one, two)
	require.NoError(t, err)
	r, err := s.Match(t.Context(), product)
	require.NoError(t, err)
	assert.Equal(t, "product", r.Target.Name)
	assert.Len(t, r.Findings, 2*len(single.Findings))
	assert.Len(t, r.Packages, 2*len(single.Packages))
	assert.Equal(t, 2*single.Summary.High, r.Summary.High)
	assert.Equal(t, 2*single.Summary.Fixable, r.Summary.Fixable)
	assert.Equal(t, single.Database, r.Database)
	require.Len(t, r.Coverage, len(single.Coverage))
	assert.Equal(t, 2*single.Coverage[0].Packages, r.Coverage[0].Packages)
	targets := map[string]int{}
	for _, f := range r.Findings {
		targets[f.Package.Target]++
	}
	assert.Equal(t, map[string]int{"one": len(single.Findings), "two": len(single.Findings)}, targets)
}

func TestPackagesWithoutFilesOrType(t *testing.T) {
	s, err := scan.New(scan.WithDB(openDB(t, records...)))
	require.NoError(t, err)
	r, err := s.Match(t.Context(), &sbom.BOM{
		OS: sbom.OS{ID: "debian", Version: "12"},
		Packages: []sbom.Package{
			{Name: "thing", Version: "1"},
			{Type: "deb", Namespace: "debian", Name: "openssl", PURL: "pkg:deb/debian/openssl"}, // no version
			{Type: "deb", Namespace: "debian", Name: "openssl", Version: "3.0.15-1~deb12u1", PURL: "pkg:deb/debian/openssl@3.0.15-1~deb12u1", Source: sbom.Source{Name: "openssl", Version: "3.0.15-1~deb12u1"}},
		},
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"CVE-2026-0001 openssl"}, ids(r))
	require.Len(t, r.Problems, 1)
	assert.Equal(t, scan.Problem{Extractor: "match", Error: `a package has no version to compare: "openssl"`}, r.Problems[0])
	var unsupported []vulndb.Coverage
	for _, c := range r.Coverage {
		if c.Status != vulndb.CoverageMatched {
			unsupported = append(unsupported, c)
		}
	}
	require.Len(t, unsupported, 1, "a package of no type is told of")
	assert.Equal(t, vulndb.CoverageUnsupported, unsupported[0].Status)
	assert.Equal(t, 1, unsupported[0].Packages)
	assert.NotEmpty(t, unsupported[0].Reason)
}

func TestSBOMErrors(t *testing.T) {
	s, err := scan.New()
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, "x")
	_, err = s.SBOM(t.Context(), file)
	assert.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(file, []byte("a letter"), 0o600))
	r, err := s.SBOM(t.Context(), file)
	assert.Nil(t, r)
	assert.ErrorIs(t, err, sbom.ErrFormat)
	assert.True(t, strings.HasPrefix(err.Error(), "scan: "), err.Error())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.SBOM(ctx, file)
	assert.ErrorIs(t, err, context.Canceled)
}
