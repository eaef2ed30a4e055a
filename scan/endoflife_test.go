package scan_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

// The database's date goes before the built-in one, and the report says whose
// it is.
func TestEndOfLifeSource(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.json"), []byte(advisory("CVE-2026-0001", "foo", "", "")), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "eol.json"), []byte(`{"schema_version": "1.2.0", "generated_at": "2026-01-01T00:00:00Z", "total": 1, "result": [
		{"name": "debian", "category": "os", "releases": [{"name": "12", "eolFrom": "2026-02-03"}, {"name": "15", "eolFrom": "2040-02-03"}]}]}`), 0o600))
	database := filepath.Join(dir, "db")
	_, err := vulndb.Build(t.Context(), database, []vulndb.Source{vulndb.FileSource(dir)})
	require.NoError(t, err)
	with, err := vulndb.Open(database)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, with.Close()) })
	without := openDB(t, advisory("CVE-2026-0001", "foo", "", ""))

	clock := scan.WithClock(func() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) })
	for _, tt := range []struct {
		name    string
		options []scan.Option
		version string
		date    string
		ended   bool
		source  string
	}{
		{"the database's", []scan.Option{scan.WithDB(with)}, "12", "2026-02-03", true, "endoflife.date"},
		{"a release that only the database has", []scan.Option{scan.WithDB(with)}, "15", "2040-02-03", false, "endoflife.date"},
		{"a release that the database does not have", []scan.Option{scan.WithDB(with)}, "10", "2024-06-30", true, "built-in"},
		{"no such source", []scan.Option{scan.WithDB(without)}, "12", "2028-06-30", false, "built-in"},
		{"no database", nil, "12", "2028-06-30", false, "built-in"},
		{"unknown to all", []scan.Option{scan.WithDB(without)}, "15", "", false, ""},
	} {
		s, err := scan.New(append(tt.options, clock)...)
		require.NoError(t, err)
		report, err := s.Match(t.Context(), &sbom.BOM{OS: sbom.OS{ID: "debian", Version: tt.version}})
		require.NoError(t, err)
		assert.Equal(t, tt.date, report.OS.EndOfLifeDate, tt.name)
		assert.Equal(t, tt.ended, report.OS.EndOfLife, tt.name)
		assert.Equal(t, tt.source, report.OS.EndOfLifeSource, tt.name)
	}
}
