package vulndb

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imagevet/imagevet/internal/durable"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Rebuilds of different ecosystems of one folder at the same time all last,
// whatever the sources say of others.
func TestRebuildConcurrent(t *testing.T) {
	dir, sources := t.TempDir(), t.TempDir()
	bases := []string{"Debian", "Alpine", "PyPI", "Go", "npm"}
	for i, base := range bases {
		var text strings.Builder
		for n := range i + 1 { // so many are of the ecosystem, and one of another
			fmt.Fprintln(&text, strings.Replace(strings.Replace(small, "Debian:12", base, 1), "0001", fmt.Sprintf("%04d", 100*i+n), 1))
		}
		fmt.Fprintln(&text, strings.Replace(strings.Replace(small, "Debian:12", bases[(i+1)%len(bases)], 1), "0001", "9999", 1))
		require.NoError(t, os.WriteFile(filepath.Join(sources, base+".jsonl"), []byte(text.String()), 0o666))
	}
	cfg := buildConfig{now: time.Now, workers: 2, limits: defaultLimits()}
	var group sync.WaitGroup
	for i, base := range bases {
		group.Go(func() {
			for range 5 {
				report, files, err := rebuild(t.Context(), dir, []Source{FileSource(filepath.Join(sources, base+".jsonl"))}, []string{base}, cfg)
				if !assert.NoError(t, err) {
					return
				}
				assert.Len(t, report.Ecosystems, 1)
				if assert.Len(t, files, 1) {
					assert.Equal(t, base, files[0].Ecosystem)
					assert.Equal(t, i+1, files[0].Records)
				}
			}
		})
	}
	group.Wait()
	db, err := Open(dir)
	require.NoError(t, err)
	defer db.Close()
	got := map[string]int{}
	for _, s := range db.Info().Sources {
		got[s.Ecosystem] = s.Records
	}
	assert.Equal(t, map[string]int{"Debian": 1, "Alpine": 2, "PyPI": 3, "Go": 4, "npm": 5}, got)

	// All at once has the same content.
	whole := t.TempDir()
	var all []Source
	for i, base := range bases {
		data, err := os.ReadFile(filepath.Join(sources, base+".jsonl"))
		require.NoError(t, err)
		lines := bytes.SplitAfter(data, []byte("\n"))
		path := filepath.Join(t.TempDir(), base+".jsonl")
		require.NoError(t, os.WriteFile(path, bytes.Join(lines[:i+1], nil), 0o666))
		all = append(all, FileSource(path))
	}
	_, err = Build(t.Context(), whole, all)
	require.NoError(t, err)
	again, err := Open(whole)
	require.NoError(t, err)
	defer again.Close()
	assert.Equal(t, db.Info().ID, again.Info().ID)
}

// Nothing usable for an ecosystem, or a database that cannot be read, leaves
// the folder as it is.
func TestRebuildErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(t.TempDir(), "x.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(small), 0o666))
	cfg := buildConfig{now: time.Now, workers: 2, limits: defaultLimits()}
	_, _, err := rebuild(t.Context(), dir, []Source{FileSource(path)}, []string{"Debian", "PyPI"}, cfg)
	assert.ErrorIs(t, err, ErrNoRecords)
	assert.ErrorContains(t, err, "PyPI")
	_, _, err = rebuild(t.Context(), dir, []Source{FileSource(path)}, []string{"Debian"}, cfg)
	require.NoError(t, err)

	manifestPath := filepath.Join(dir, manifestName)
	text, err := os.ReadFile(manifestPath)
	require.NoError(t, err)
	newer := bytes.Replace(text, fmt.Appendf(nil, `"version": %d`, manifestVersion), []byte(`"version": 99`), 1)
	require.NoError(t, os.WriteFile(manifestPath, newer, 0o666))
	_, _, err = rebuild(t.Context(), dir, []Source{FileSource(path)}, []string{"Debian"}, cfg)
	assert.ErrorIs(t, err, ErrVersion, "what cannot be read cannot be carried over")
	after, err := os.ReadFile(manifestPath)
	require.NoError(t, err)
	assert.Equal(t, newer, after)
	left, err := filepath.Glob(filepath.Join(dir, durable.TempPrefix+"*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}
