package main

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/vulndb"
)

func TestDBUpdate(t *testing.T) {
	export := t.TempDir()
	write := func(name string, content []byte) {
		path := filepath.Join(export, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, content, 0o666))
	}
	lines := strings.Split(records, "\n")
	var all bytes.Buffer
	z := zip.NewWriter(&all)
	w, err := z.Create("TEST-1.json")
	require.NoError(t, err)
	_, err = w.Write([]byte(lines[0]))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	write("Alpine/all.zip", all.Bytes())
	write("Alpine/modified_id.csv", []byte("2026-01-02T00:00:00Z,TEST-1\n"))
	server := httptest.NewServer(http.FileServer(http.Dir(export)))
	defer server.Close()
	db := filepath.Join(t.TempDir(), "db")
	env := []string{"IMAGEVET_DB=" + db}

	r := imagevet(t, env, "db", "update")
	assert.Equal(t, exitFailed, r.status)
	assert.Contains(t, r.stderr, "no ecosystem to update")

	r = imagevet(t, env, "db", "update", "--mirror", server.URL, "Alpine")
	require.Zero(t, r.status, r.stderr)
	assert.Contains(t, r.stdout, "Alpine                        1  2026-01-02\n")
	assert.Contains(t, r.stderr, "MB of the export")
	assert.Contains(t, r.stderr, "compiling 1 ecosystem\n")

	write("Alpine/TEST-4.json", []byte(strings.Replace(lines[3], "2026-01-01", "2026-01-03", 1)))
	write("Alpine/modified_id.csv", []byte("2026-01-05T00:00:00Z,TEST-5\n2026-01-03T00:00:00Z,TEST-4\n2026-01-02T00:00:00Z,TEST-1\n"))
	r = imagevet(t, env, "db", "update", "--mirror", filepath.Join(export, "nothing"), "--mirror", export)
	require.Zero(t, r.status, r.stderr)
	assert.Contains(t, r.stdout, "Alpine                        2  2026-01-03\n")
	assert.Contains(t, r.stderr, "2 of 2 new advisories")
	assert.Contains(t, r.stderr, "lists 1 advisories that it does not have, the first is TEST-5")
	assert.Contains(t, r.stderr, "warning: Alpine: "+filepath.Join(export, "nothing"))

	r = imagevet(t, env, "db", "update", "--mirror", export, "--quiet", "--full")
	require.Zero(t, r.status, r.stderr)
	assert.Empty(t, r.stderr)

	r = imagevet(t, env, "db", "update", "--mirror", "gopher://example.test")
	assert.Equal(t, exitFailed, r.status)
	assert.Equal(t, exitUsage, imagevet(t, nil, "db", "update", "--db", "starter").status)
	r = imagevet(t, env, "db", "update", "Debian:12")
	assert.Contains(t, r.stderr, `give all releases together, as "Debian"`)
}

func TestProgress(t *testing.T) {
	var stderr bytes.Buffer
	p := progress{app: &app{stderr: &stderr}}
	p.show(vulndb.Progress{Stage: "export", Ecosystem: "Debian", Done: 1e6, Total: -1})
	p.show(vulndb.Progress{Stage: "export", Ecosystem: "Debian", Done: 2e6, Total: -1}) // in the same second
	p.show(vulndb.Progress{Stage: "export", Ecosystem: "Debian", Done: 3e6, Total: 3e6})
	p.show(vulndb.Progress{Stage: "compile", Total: 2})
	p.show(vulndb.Progress{Stage: "compile", Done: 2, Total: 2})
	assert.Equal(t, "imagevet: Debian: 1.0 MB of the export\n"+
		"imagevet: Debian: 3.0 of 3.0 MB of the export\n"+
		"imagevet: compiling 2 ecosystems\n", stderr.String())
}

// A scan can fetch what it needs; without a mirror it fails, and with an old
// database it says so.
func TestAutoUpdate(t *testing.T) {
	export, db := t.TempDir(), filepath.Join(t.TempDir(), "db")
	line, _, _ := strings.Cut(strings.Replace(records, "v3.10", "v3.8", 1), "\n")
	require.NoError(t, os.Mkdir(filepath.Join(export, "Alpine"), 0o777))
	write := func() {
		var all bytes.Buffer
		z := zip.NewWriter(&all)
		w, err := z.Create("TEST-1.json")
		require.NoError(t, err)
		_, err = w.Write([]byte(line))
		require.NoError(t, err)
		require.NoError(t, z.Close())
		require.NoError(t, os.WriteFile(filepath.Join(export, "Alpine", "all.zip"), all.Bytes(), 0o666))
	}
	scan := func(more ...string) result {
		return imagevet(t, nil, append([]string{"image", "--db", db, "--input", alpine, "--mirror", export}, more...)...)
	}
	r := scan("--auto-update", "0")
	assert.Equal(t, exitFailed, r.status)
	assert.Contains(t, r.stderr, "unknown ecosystem")

	write()
	r = scan("--auto-update", "24h")
	require.Zero(t, r.status, r.stderr)
	assert.Contains(t, r.stdout, "CVE-2026-0001")
	assert.Contains(t, r.stderr, "compiling 1 ecosystem\n")

	require.NoError(t, os.RemoveAll(filepath.Join(export, "Alpine")))
	require.NoError(t, os.WriteFile(filepath.Join(export, "Alpine"), nil, 0o666))
	r = scan("--auto-update", "24h", "--quiet")
	assert.Empty(t, r.stderr)
	assert.NotContains(t, r.stdout, "brought up to date")
	r = scan("--auto-update", "0")
	require.Zero(t, r.status, r.stderr)
	assert.Contains(t, r.stdout, "CVE-2026-0001")
	assert.Contains(t, strings.Join(strings.Fields(r.stdout), " "), "the advisories on Alpine could not be brought up to date")

	assert.Equal(t, exitUsage, scan("--auto-update", "-1h").status)
	assert.Equal(t, exitUsage, scan("--auto-update", "1h", "--db", "starter").status)
}
