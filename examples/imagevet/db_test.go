package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/vulndb"
)

const records = `{"id":"TEST-1","modified":"2026-01-02T00:00:00Z","upstream":["CVE-2026-0001"],"affected":[{"package":{"ecosystem":"Alpine:v3.10","name":"musl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2"}]}]}]}
{"id":"TEST-2","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Imaginary","name":"x"},"versions":["1"]}]}
{"id":"TEST-3"
{"id":"TEST-4","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Alpine:v3.10","name":"busybox"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]}]}
`

func TestDBBuild(t *testing.T) {
	dir := t.TempDir()
	source, db := filepath.Join(dir, "records.jsonl"), filepath.Join(dir, "db")
	require.NoError(t, os.WriteFile(source, []byte(records), 0o666))
	r := imagevet(t, []string{"IMAGEVET_DB=" + db}, "db", "build", source)
	require.Zero(t, r.status, r.stderr)
	assert.Contains(t, r.stdout, "Alpine                        2  2026-01-02\n")
	assert.Contains(t, r.stderr, "warning: 1 records of Imaginary were left out")
	assert.Contains(t, r.stderr, "records.jsonl:3")
	assert.NotContains(t, imagevet(t, nil, "db", "build", "--quiet", "--db", db, source).stderr, "warning")

	info := imagevet(t, nil, "db", "info", "--db", db)
	assert.Equal(t, r.stdout[:20], info.stdout[:20])
	assert.Contains(t, info.stdout, "Alpine                        2  2026-01-02\n")

	r = imagevet(t, []string{"IMAGEVET_DB=" + db}, "rootfs", rootfs(t, oldPackages), "--exit-code", "3")
	assert.Equal(t, 3, r.status)
	assert.Contains(t, r.stdout, "CVE-2026-0001")
	assert.Regexp(t, `busybox .* none yet +TEST-4`, r.stdout)
	assert.Empty(t, r.stderr, "only the starter database is announced")
}

func TestUnfixed(t *testing.T) {
	dir := t.TempDir()
	source, db := filepath.Join(dir, "records.jsonl"), filepath.Join(dir, "db")
	require.NoError(t, os.WriteFile(source, []byte(records), 0o666))
	require.Zero(t, imagevet(t, nil, "db", "build", "--db", db, source).status)
	root := rootfs(t, oldPackages)
	for flag, by := range map[string]string{"--ignore-unfixed": "1 by unfixed: ", "--ignore-status=affected": "1 by status: "} {
		r := imagevet(t, nil, "rootfs", "--db", db, root, flag)
		assert.NotContains(t, r.stdout, "TEST-4", flag)
		assert.Contains(t, r.stdout, "CVE-2026-0001", flag)
		assert.Contains(t, r.stdout, by, flag)
	}
	assert.Contains(t, imagevet(t, nil, "rootfs", "--db", db, root, "--ignore-unfixed=false").stdout, "TEST-4")
}

// The default database is in the cache folder.
func TestDBDefault(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "records.jsonl")
	require.NoError(t, os.WriteFile(source, []byte(records), 0o666))
	env := []string{"IMAGEVET_CACHE_DIR=" + dir}
	require.Zero(t, imagevet(t, env, "db", "build", source).status)
	assert.Zero(t, imagevet(t, env, "db", "info").status)
	assert.DirExists(t, filepath.Join(dir, "db"))
}

// Processes that need the starter database for the first time, all at once,
// and one that finds it broken. The database is a small one here.
func TestStarterFirstUse(t *testing.T) {
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	member, err := z.CreateHeader(&zip.FileHeader{Name: "Test.jsonl", Modified: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)})
	require.NoError(t, err)
	_, err = io.WriteString(member, records)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	dir := t.TempDir()
	open := func() (vulndb.Info, error) {
		a := &app{stdout: io.Discard, stderr: io.Discard, starter: archive.String()}
		db, err := a.openStarter(t.Context(), dir)
		if err != nil {
			return vulndb.Info{}, err
		}
		return db.Info(), db.Close()
	}

	want, err := open()
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), want.Built, "the date of the data, not of the day")
	manifests, err := filepath.Glob(filepath.Join(dir, "starter-*", "manifest.json"))
	require.NoError(t, err)
	require.Len(t, manifests, 1)

	for _, broken := range []string{"{", ""} {
		if broken == "" {
			require.NoError(t, os.RemoveAll(filepath.Dir(manifests[0])))
		} else {
			require.NoError(t, os.WriteFile(manifests[0], []byte(broken), 0o666))
		}
		var wg sync.WaitGroup
		infos, errs := make([]vulndb.Info, 8), make([]error, 8)
		for i := range infos {
			wg.Go(func() { infos[i], errs[i] = open() })
		}
		wg.Wait()
		for i := range infos {
			assert.NoError(t, errs[i])
			assert.Equal(t, want, infos[i])
		}
	}
}

func TestStarterError(t *testing.T) {
	var empty bytes.Buffer
	require.NoError(t, zip.NewWriter(&empty).Close())
	for _, starter := range []string{"", "no zip", empty.String()} {
		a := &app{stderr: io.Discard, starter: starter}
		_, err := a.openStarter(t.Context(), t.TempDir())
		assert.ErrorContains(t, err, "the starter database")
	}
}
