package scan_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

// Each report of a product rests on one database, whatever comes meanwhile.
func TestWatcher(t *testing.T) {
	dir := t.TempDir()
	flaw := map[string]string{} // by ID of the database
	var sources []vulndb.Source
	for _, id := range []string{"CVE-2026-0001", "CVE-2026-0002"} {
		path := filepath.Join(t.TempDir(), "records.jsonl")
		require.NoError(t, os.WriteFile(path, []byte(advisory(id, "openssl", "2", "")), 0o600))
		sources = append(sources, vulndb.FileSource(path))
		report, err := vulndb.Build(t.Context(), dir, sources[len(sources)-1:])
		require.NoError(t, err)
		flaw[report.Info.ID] = id
	}
	w, err := vulndb.Watch(t.Context(), dir, vulndb.WithInterval(time.Millisecond))
	require.NoError(t, err)
	scanner, err := scan.New(scan.WithWatcher(w))
	require.NoError(t, err)
	part := func(name string) *sbom.BOM {
		return &sbom.BOM{
			Target: sbom.Target{Name: name}, OS: inventory.OS{ID: "debian", Version: "12"},
			Packages: []sbom.Package{{Type: "deb", Name: "openssl", Version: "1", Source: inventory.Source{Name: "openssl", Version: "1"}}},
		}
	}
	product := &sbom.BOM{}
	for _, name := range []string{"a", "b", "c"} {
		product.Parts = append(product.Parts, part(name))
	}
	stop := make(chan struct{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r, err := scanner.Match(t.Context(), product)
				if !assert.NoError(t, err) || !assert.Len(t, r.Findings, 3) {
					return
				}
				for _, f := range r.Findings {
					assert.Equal(t, flaw[r.Database.ID], f.ID)
					assert.Equal(t, r.Database.ID, f.Evidence.Database)
				}
			}
		})
	}
	for i := range 20 {
		_, err := vulndb.Build(t.Context(), dir, sources[i%2:i%2+1])
		require.NoError(t, err)
		require.NoError(t, w.Reload(t.Context()))
	}
	close(stop)
	group.Wait()
	// An earlier report is compared again with the newest database too.
	early, err := scan.New(scan.WithDB(openDB(t, advisory("CVE-2026-0003", "openssl", "2", ""))))
	require.NoError(t, err)
	report, err := early.Match(t.Context(), part("a"))
	require.NoError(t, err)
	newest, release := w.Acquire()
	changes := &vulndb.Changes{From: report.Database.ID, To: newest.Info().ID}
	release()
	kept, err := scanner.Rematch(t.Context(), report, changes)
	require.NoError(t, err)
	assert.Equal(t, "CVE-2026-0003", kept.Findings[0].ID, "as the changes are said not to affect it")
	assert.Equal(t, changes.To, kept.Database.ID)
	again, err := scanner.Rematch(t.Context(), report, nil)
	require.NoError(t, err)
	assert.Equal(t, flaw[changes.To], again.Findings[0].ID)

	require.NoError(t, w.Close())
	_, err = scanner.Rematch(t.Context(), report, changes)
	assert.ErrorIs(t, err, vulndb.ErrClosed)
	_, err = scanner.Match(t.Context(), product)
	assert.ErrorIs(t, err, vulndb.ErrClosed)

	_, err = scan.New(scan.WithWatcher(nil))
	assert.ErrorContains(t, err, "scan: WithWatcher(nil)")
	// Of two databases the last one counts.
	db := openDB(t, advisory("CVE-2026-0003", "openssl", "2", ""))
	scanner, err = scan.New(scan.WithWatcher(w), scan.WithDB(db))
	require.NoError(t, err)
	r, err := scanner.Match(t.Context(), part("a"))
	require.NoError(t, err)
	assert.Equal(t, "CVE-2026-0003", r.Findings[0].ID)
	scanner, err = scan.New(scan.WithDB(db), scan.WithWatcher(w))
	require.NoError(t, err)
	_, err = scanner.Match(t.Context(), part("a"))
	assert.ErrorIs(t, err, vulndb.ErrClosed)
}

// A report tells what of the database could not be brought up to date, and no
// longer does once it could.
func TestAutoUpdate(t *testing.T) {
	mirror, dir := t.TempDir(), filepath.Join(t.TempDir(), "db")
	record := advisory("CVE-2026-0001", "openssl", "2", "")
	put := func() {
		require.NoError(t, os.MkdirAll(filepath.Join(mirror, "Debian"), 0o777))
		f, err := os.Create(filepath.Join(mirror, "Debian", "all.zip"))
		require.NoError(t, err)
		z := zip.NewWriter(f)
		w, err := z.Create("CVE-2026-0001.json")
		require.NoError(t, err)
		_, err = w.Write([]byte(record))
		require.NoError(t, err)
		require.NoError(t, z.Close())
		require.NoError(t, f.Close())
	}
	put()
	clock := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	auto, err := vulndb.NewAutoUpdater(dir, time.Hour, vulndb.WithMirrors(mirror), vulndb.WithClock(func() time.Time { return clock }))
	require.NoError(t, err)
	defer auto.Close()
	scanner, err := scan.New(scan.WithAutoUpdate(auto))
	require.NoError(t, err)
	product := &sbom.BOM{Parts: []*sbom.BOM{{
		OS:       inventory.OS{ID: "debian", Version: "12"},
		Packages: []sbom.Package{{Type: "deb", Name: "openssl", Version: "1", Source: inventory.Source{Name: "openssl", Version: "1"}}},
	}}}
	report, err := scanner.Match(t.Context(), product)
	require.NoError(t, err)
	assert.Len(t, report.Findings, 1)
	assert.Empty(t, report.Problems)

	require.NoError(t, os.RemoveAll(filepath.Join(mirror, "Debian")))
	clock = clock.Add(time.Hour)
	report, err = scanner.Match(t.Context(), product)
	require.NoError(t, err)
	assert.Len(t, report.Findings, 1)
	require.Len(t, report.Problems, 1)
	assert.Equal(t, "database", report.Problems[0].Extractor)
	assert.Contains(t, report.Problems[0].Error, "the advisories on Debian could not be brought up to date")

	put()
	clock = clock.Add(time.Hour)
	report, err = scanner.Rematch(t.Context(), report, nil)
	require.NoError(t, err)
	assert.Len(t, report.Findings, 1)
	assert.Empty(t, report.Problems)

	_, err = scan.New(scan.WithAutoUpdate(nil))
	assert.Error(t, err)
}
