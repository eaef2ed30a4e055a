package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/sharedtest"
)

// source makes a folder with one source, Test, of these records.
func source(t *testing.T, records ...string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "Test"), 0o777))
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for i, r := range records {
		w, err := z.Create(string(rune('a'+i)) + ".json")
		require.NoError(t, err)
		_, err = io.WriteString(w, r)
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Test", "all.zip"), buf.Bytes(), 0o666))
	return dir
}

type member struct {
	name, text string
	modified   time.Time
}

func members(t *testing.T, data []byte) []member {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	var out []member
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		out = append(out, member{f.Name, string(text), f.Modified.UTC()})
	}
	return out
}

func TestPack(t *testing.T) {
	dir := source(
		t,
		`{"schema_version":"1.7.5","id":"B","modified":"2020-01-02T00:00:00Z","references":[{"type":"WEB","url":"https://example"}],
		  "affected":[{"package":{"ecosystem":"Alpine:v3.10","name":"zlib","purl":"pkg:apk/alpine/zlib"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"<2"}]}]}]}`,
		`{"id":"A","modified":"2020-01-01T00:00:00Z","published":"2019-01-01T00:00:00Z","withdrawn":"2020-01-01T00:00:00Z",
		  "aliases":["C"],"upstream":["D"],"related":["E"],"summary":"s","severity":[{"type":"CVSS_V3","score":"x"}],
		  "affected":[{"package":{"ecosystem":"Alpine:v3.10","name":"zlib"},"versions":["1"],"severity":[]}]}`,
		`{"id":"Z","modified":"2019-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Alpine:v3.10","name":"musl"}}]}`,
	)
	var first, second bytes.Buffer
	require.NoError(t, pack(t.Context(), &first, dir, []string{"Test"}))
	require.NoError(t, pack(t.Context(), &second, dir, []string{"Test"}))
	assert.Equal(t, first.Bytes(), second.Bytes())
	assert.Equal(t, []member{{
		name: "Test.jsonl",
		text: `{"id":"Z","modified":"2019-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Alpine:v3.10","name":"musl"}}]}
{"id":"A","modified":"2020-01-01T00:00:00Z","published":"2019-01-01T00:00:00Z","withdrawn":"2020-01-01T00:00:00Z","aliases":["C"],"upstream":["D"],"related":["E"],"summary":"s","severity":[{"type":"CVSS_V3","score":"x"}],"affected":[{"package":{"ecosystem":"Alpine:v3.10","name":"zlib"},"versions":["1"],"severity":[]}]}
{"id":"B","modified":"2020-01-02T00:00:00Z","affected":[{"package":{"ecosystem":"Alpine:v3.10","name":"zlib"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"<2"}]}]}]}
`,
		modified: time.Date(2020, 1, 2, 0, 0, 0, 0, time.UTC),
	}}, members(t, first.Bytes()))
}

func TestPackError(t *testing.T) {
	tests := []struct {
		records []string
		want    string
	}{
		{nil, "no records"},
		{[]string{`{"id":"A"}`}, "no id or no modified"},
		{[]string{`{"id":"A","modified":"2020-01-01T00:00:00Z","details":"x"}`}, `unknown field "details"`}, // never dropped unseen
		{[]string{strings.Repeat(" ", maxRecord+1)}, "more than 1048576 bytes"},
	}
	for _, tt := range tests {
		err := pack(t.Context(), io.Discard, source(t, tt.records...), []string{"Test"})
		assert.ErrorContainsf(t, err, tt.want, "pack of %.80q", tt.records)
	}
	assert.ErrorIs(t, pack(t.Context(), io.Discard, t.TempDir(), []string{"Test"}), os.ErrNotExist)
}

// The embedded archive is what the program makes of the data it names. The
// text is compared and not the bytes, as a newer Go may compress better; and of
// the largest source only that it is there, as it takes longer than all else.
func TestStarterIsUpToDate(t *testing.T) {
	dir := sharedtest.Path(t, "data", "osv")
	archive, err := os.ReadFile("../../starter.zip")
	require.NoError(t, err)
	have := members(t, archive)
	require.Len(t, have, len(sources()))
	assert.Equal(t, "Debian-changelog.jsonl", have[2].name)
	assert.Equal(t, 30630, strings.Count(have[2].text, "\n"))

	var buf bytes.Buffer
	require.NoError(t, pack(t.Context(), &buf, dir, sources()[:2]))
	for i, want := range members(t, buf.Bytes()) {
		assert.Equal(t, want.name, have[i].name)
		assert.Equal(t, want.modified, have[i].modified)
		assert.Truef(t, want.text == have[i].text, "%s is old: run makestarter again", want.name)
	}
}
