package vulndb_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

// killVar names the folder and the mirror for the child process of
// TestUpdateKilled.
const killVar = "IMAGEVET_TEST_UPDATE"

// TestUpdateChild is no test but the child process: it updates until it dies.
func TestUpdateChild(t *testing.T) {
	dir, mirror, ok := strings.Cut(os.Getenv(killVar), "\n")
	if !ok {
		t.Skip("for TestUpdateKilled")
	}
	for n := 0; ; n++ {
		_, err := vulndb.Update(t.Context(), dir, clock, vulndb.WithoutWaits(), vulndb.WithMirrors(mirror),
			vulndb.WithFullUpdate(n%3 == 0), vulndb.WithMaxRecords(n%2*1000))
		if err != nil && !errors.Is(err, vulndb.ErrStale) {
			t.Fatal(err)
		}
		if n == 0 {
			os.Stdout.WriteString("ready\n")
		}
	}
}

// A process that updates between two exports is killed at any moment. Then the
// folder opens and is one of the two databases in full.
func TestUpdateKilled(t *testing.T) {
	moments := 200
	if testing.Short() {
		moments = 20
	}
	// Whenever the child begins an update the other export is there: with the
	// same records, which all say so, and later than before, or it would be
	// stale. One record is always the same, so that lists reach back to it.
	const count = 100
	s := newExport(t)
	names := []string{"Alpine", "Debian"}
	flavour, day := "A", 0
	fill := func() {
		day++
		date := time.Date(2026, 1, 1, 0, 0, day, 0, time.UTC).Format(time.RFC3339)
		for _, name := range names {
			s.records[name] = map[string]string{}
			for i := range count {
				id := fmt.Sprintf("CVE-%d-%s", i, name)
				r := strings.Replace(rec(id, 1), "Debian:12", name, 1)
				if i > 0 {
					r = strings.Replace(rec(id, 1, fmt.Sprintf(`"summary": %q`, flavour)), "2026-01-01T00:00:00Z", date, 1)
					r = strings.Replace(r, "Debian:12", name, 1)
				}
				s.records[name][id] = r
			}
		}
	}
	fill()
	s.override["/Alpine/modified_id.csv"] = func(w http.ResponseWriter, _ *http.Request) { // under the server's lock
		flavour = map[string]string{"A": "B", "B": "A"}[flavour]
		fill()
		_, _ = w.Write(modifiedList(s.records["Alpine"]))
	}
	dir := t.TempDir()
	_, err := update(t, dir, vulndb.WithMirrors(s.URL), vulndb.WithEcosystems(names...))
	require.NoError(t, err)

	seen := map[string]int{}
	inFlight, before := 0, 0
	for n := range moments {
		child := exec.Command(os.Args[0], "-test.run=^TestUpdateChild$")
		child.Env = append(os.Environ(), killVar+"="+dir+"\n"+s.URL)
		var out bytes.Buffer
		child.Stderr = &out
		stdout, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		if n%4 > 0 { // else the first update is what is killed
			line := make([]byte, 6)
			if _, err := io.ReadFull(stdout, line); err != nil || string(line) != "ready\n" {
				rest, _ := io.ReadAll(stdout)
				t.Fatalf("child: %s%s%s", line, rest, out.String())
			}
		}
		time.Sleep(time.Duration(rand.Int64N(int64(60 * time.Millisecond))))
		require.NoError(t, child.Process.Kill())
		_ = child.Wait() // it was killed

		db, err := vulndb.Open(dir)
		require.NoErrorf(t, err, "after kill %d", n)
		kinds := map[string]int{}
		for _, system := range []inventory.OS{bookworm, alpine} {
			pkg := deb("foo", "1")
			if system.ID == "alpine" {
				pkg.Type = "apk"
			}
			result, err := db.Match(t.Context(), system, []inventory.Package{pkg})
			require.NoError(t, err)
			for _, m := range result.Matches {
				kinds[m.Summary]++
			}
		}
		delete(kinds, "")
		require.Lenf(t, kinds, 1, "after kill %d: %v", n, kinds)
		for kind, records := range kinds {
			require.Equal(t, 2*(count-1), records)
			seen[kind]++
		}
		sources := db.Info().Sources
		require.Len(t, sources, 2)
		require.Equal(t, sources[0].Modified, sources[1].Modified, "of two updates")
		require.NoError(t, db.Close())
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		if len(entries) > before && n > 0 { // it left temporary files
			inFlight++
		}
		before = len(entries)
	}
	t.Logf("databases after the kills: %v; killed while the database was written: %d", seen, inFlight)
	s.mu.Lock()
	clear(s.override)
	s.mu.Unlock()
	_, err = update(t, dir, vulndb.WithMirrors(s.URL))
	require.NoError(t, err)
	assert.Len(t, ids(t, dir), count, "it goes on afterwards")
}
