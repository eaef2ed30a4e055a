package vulndb

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Large documents are streams: the limit of one record does not concern them,
// that of all sources does, and what is compressed counts as it is unpacked.
func TestStreamLimits(t *testing.T) {
	var list []string
	for i := range 100 {
		list = append(list, fmt.Sprintf(`{"cveID": "CVE-2026-%04d", "dateAdded": "2026-01-01"}`, i))
	}
	kev := `{"catalogVersion": "1", "vulnerabilities": [` + strings.Join(list, ",") + `]}`
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write([]byte(kev + strings.Repeat(" ", 10<<20)))
	require.NoError(t, err)
	require.NoError(t, w.Close())

	dir := t.TempDir()
	write := func(name string, content []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o666))
	}
	write("0.json", []byte(small))
	write("1.json", []byte(kev))
	sources := []Source{FileSource(dir)}
	report, err := Build(t.Context(), t.TempDir(), sources, withLimits(len(small), 1<<20, 10))
	require.NoError(t, err)
	assert.Zero(t, report.Bad)
	require.Len(t, report.Info.Enrichment, 1)
	assert.Equal(t, 100, report.Info.Enrichment[0].CVEs)
	_, err = Build(t.Context(), t.TempDir(), sources, withLimits(len(small), int64(len(small)+len(kev)-1), 10))
	assert.ErrorIs(t, err, ErrLimit)

	write("2.json.gz", packed.Bytes())
	_, err = Build(t.Context(), t.TempDir(), sources, withLimits(1<<20, 1<<20, 10))
	assert.ErrorIs(t, err, ErrLimit)
	assert.Less(t, packed.Len(), 1<<20, "it is small before it is unpacked")
}

func TestKindOfFile(t *testing.T) {
	for name, want := range map[string]string{
		"a.json": ".json", "a.JSON.GZ": ".json", "a.jsonl": ".jsonl", "a.jsonl.gz": ".jsonl", "a.csv": ".csv", "a.csv.gz": ".csv",
		"a.zip": ".zip", "a.zip.gz": "", "trivy.db": ".db", "trivy.db.gz": "", "a.gz": "", "a.txt": "", "json": "", "": "",
	} {
		ext, open := kindOfFile(name)
		assert.Equalf(t, want, ext, "kindOfFile(%q)", name)
		assert.Equalf(t, want == "", open == nil, "kindOfFile(%q)", name)
	}
}

// FuzzEnrichment feeds entries that no checksum guards: whatever is in them, a
// reader ends with an error or an answer that makes sense.
func FuzzEnrichment(f *testing.F) {
	f.Add([]byte{flagKEV | flagRansomware | flagEPSS | flagText, 0, 0, 0, 0, 10, 20, 3, 1, 1, 'N', 1, 'T', 1, 'V', 1, 79})
	f.Add([]byte{flagEPSS, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0, 0, 0}) // a score above 1
	f.Add(lifecycle{end: time.Unix(1e9, 0).UTC()}.append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		if l, err := decodeLifecycle(data); err == nil {
			again, err := decodeLifecycle(l.append(nil))
			require.NoError(t, err)
			require.Equal(t, l, again)
		}
		e, err := decodeEnrichment(data, time.Time{})
		if err != nil {
			require.Nil(t, e)
			return
		}
		if e.epss != nil {
			require.True(t, e.epss.Score >= 0 && e.epss.Score <= 1 && e.epss.Percentile >= 0 && e.epss.Percentile <= 1)
		}
		m := &Match{}
		m.enrich(e)
		require.Equal(t, len(e.ratings), len(m.Ratings))
		require.LessOrEqual(t, len(m.Severity), len(m.Ratings))
	})
}
