package report_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/codec/codectest"
	"github.com/imagevet/imagevet/internal/sharedtest"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/vulndb"
)

var corpus = flag.String("corpus", "", "a `FOLDER` of images, *.oci.tar, to write reports of")

func clock() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// scanner returns one with a database of the records in a file or folder.
func scanner(t *testing.T, source string, opts ...scan.Option) *scan.Scanner {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "db")
	_, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource(source)}, vulndb.WithClock(clock))
	require.NoError(t, err)
	db, err := vulndb.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	s, err := scan.New(append([]scan.Option{scan.WithDB(db), scan.WithClock(clock)}, opts...)...)
	require.NoError(t, err)
	return s
}

// realReports scans three real images. The names of files are the same everywhere, and
// so is the ID of the database, which follows from how that is stored.
func realReports(t *testing.T) map[string]*scan.Report {
	t.Helper()
	s := scanner(t, filepath.Join("testdata", "osv.jsonl"))
	root := filepath.Join("..", "..", "testdata")
	out := map[string]*scan.Report{}
	add := func(name string, scan func(context.Context) (*scan.Report, error)) {
		r, err := scan(t.Context())
		require.NoError(t, err, name)
		data, err := json.Marshal(r)
		require.NoError(t, err)
		bom := r.BOM
		require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(string(data), r.Database.ID, "sha256:"+strings.Repeat("db", 32))), r))
		r.Target.Name = filepath.Base(r.Target.Name)
		bom.Target.Name = r.Target.Name
		r.BOM = bom
		out[name] = r
	}
	add("alpine-3.8", func(ctx context.Context) (*scan.Report, error) {
		return s.Archive(ctx, filepath.Join(root, "images", "alpine-3.8.tar.gz"), "")
	})
	for _, name := range []string{"debian12-apps", "rocky9-small"} {
		add(name, func(ctx context.Context) (*scan.Report, error) {
			return s.SBOM(ctx, filepath.Join(root, "sbom", "foreign", "syft-1.57.1", name+".cdx.json"))
		})
	}
	return out
}

// extensions are those of golden files. Bills of materials have golden files of
// their own, in package sbom.
var extensions = map[report.Format]string{
	report.Table: "table.txt", report.JSON: "json", report.SARIF: "sarif", report.JUnit: "junit.xml", report.GitLab: "gitlab.json", report.GitHub: "github.txt",
	report.Markdown: "md", report.CSV: "csv", report.OpenVEX: "openvex.json", report.Trivy: "trivy.json", report.Template: "template.txt",
}

// TestGolden writes reports of real images in every format.
func TestGolden(t *testing.T) {
	for name, r := range realReports(t) {
		for _, f := range report.Formats() {
			text := write(t, r, f, report.WithTime(clock()))
			assert.Equal(t, text, write(t, r, f, report.WithTime(clock())), "%v of %s differs from time to time", f, name)
			if extension, ok := extensions[f]; ok {
				golden(t, filepath.Join("golden", name+"."+extension), []byte(text))
			}
			checkFormat(t, f, name, text)
		}
	}
}

// checkFormat checks that a text is of the format, by its schema if it has one.
func checkFormat(t *testing.T, f report.Format, name, text string) {
	t.Helper()
	schema := func(file string) {
		assert.NoError(t, codectest.SchemaFile(t, filepath.Join("testdata", "schema", file))([]byte(text)), "%v of %s", f, name)
	}
	switch f {
	case report.SARIF:
		schema("sarif-2.1.0.json")
	case report.GitLab:
		schema("gitlab-15.2.1.json")
	case report.OpenVEX:
		if strings.Contains(text, "under_investigation") { // the schema wants a statement
			schema("openvex-0.2.0.json")
		}
	case report.CycloneDX:
		assert.NoError(t, codectest.Schema(t, "cyclonedx", "bom-1.6.schema.json")([]byte(text)), name)
	case report.SPDX:
		assert.NoError(t, codectest.Schema(t, "spdx", "spdx-schema-2.3.json")([]byte(text)), name)
	case report.JUnit:
		assert.NoError(t, xml.Unmarshal([]byte(text), new(junit)), name) // its schema: TestJUnitSchema
	case report.CSV:
		_, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		assert.NoError(t, err, name)
	case report.JSON, report.Trivy:
		assert.True(t, json.Valid([]byte(text)), name)
	}
}

// TestCorpus writes reports of large images, where there are some.
func TestCorpus(t *testing.T) {
	if *corpus == "" {
		t.Skip("no -corpus")
	}
	files, err := filepath.Glob(filepath.Join(*corpus, "*.oci.tar"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	s := scanner(t, sharedtest.Path(t, "data", "osv"))
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".oci.tar")
		r, err := s.Archive(t.Context(), file, "")
		require.NoError(t, err, name)
		for _, f := range report.Formats() {
			start := time.Now()
			text := write(t, r, f, report.WithTime(clock()), report.WithPackages(true))
			t.Logf("%s: %d packages, %d findings as %v: %d bytes, %v", name, len(r.Packages), len(r.Findings), f, len(text), time.Since(start))
			checkFormat(t, f, name, text)
		}
		if validate := codectest.XMLSchemaFile(t, filepath.Join("testdata", "schema", "junit-10.xsd")); true {
			file := filepath.Join(t.TempDir(), "junit.xml")
			require.NoError(t, os.WriteFile(file, []byte(write(t, r, report.JUnit)), 0o600))
			assert.NoError(t, validate(file), name)
		}
	}
}
