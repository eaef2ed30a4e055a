//go:build !race

// Unpacking all advisories takes long under the race detector, which has
// nothing to find here.

package cvss_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/internal/sharedtest"
)

// TestAdvisories reads every vector of the advisories beside the project.
func TestAdvisories(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sharedtest.Path(t, "data", "osv"), "*", "all.zip"))
	require.NoError(t, err)
	if testing.Short() {
		files = files[:1]
	}
	right, wrong := 0, map[string]int{}
	for _, file := range files {
		z, err := zip.OpenReader(file)
		require.NoError(t, err)
		for _, f := range z.File {
			for _, s := range severities(t, f) {
				if _, err := cvss.Parse(s); err != nil {
					wrong[err.Error()]++
				} else {
					right++
				}
			}
		}
		require.NoError(t, z.Close())
	}
	t.Logf("%d vectors are right", right)
	for _, e := range slices.Sorted(maps.Keys(wrong)) {
		t.Logf("%d of upstream's errors: %s", wrong[e], e)
	}
	assert.Positive(t, right)
	assert.LessOrEqual(t, len(wrong), right/1000, "vectors that cannot be read")
}

// severities returns the vectors of one advisory.
func severities(t *testing.T, f *zip.File) (vectors []string) {
	t.Helper()
	type severity []struct{ Type, Score string }
	var record struct {
		Severity severity
		Affected []struct{ Severity severity }
	}
	r, err := f.Open()
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	if !bytes.Contains(data, []byte("CVSS_V")) {
		return nil // most have none, and decoding takes time
	}
	require.NoErrorf(t, json.Unmarshal(data, &record), "%s", f.Name)
	all := record.Severity
	for _, a := range record.Affected {
		all = append(all, a.Severity...)
	}
	for _, s := range all {
		if strings.HasPrefix(s.Type, "CVSS_V") {
			vectors = append(vectors, s.Score)
		}
	}
	return vectors
}
