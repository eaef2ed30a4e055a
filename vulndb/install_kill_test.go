package vulndb_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/vulndb"
)

// The folders of TestInstallChild: two to copy, in turns, and one to install in.
const (
	envFirst  = "IMAGEVET_TEST_FIRST"
	envSecond = "IMAGEVET_TEST_SECOND"
	envTarget = "IMAGEVET_TEST_TARGET"
)

// A process that installs databases is killed at random moments. The folder
// then has the old one or the new one, and the next process goes on.
func TestInstallKilled(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 10
	}
	first, second, dir := folder(t, "CVE-2026-0001"), folder(t, "CVE-2026-0002"), t.TempDir()
	replace(t, dir, first)
	flaw := map[string]string{open(t, first).Info().ID: "CVE-2026-0001", open(t, second).Info().ID: "CVE-2026-0002"}
	seen := map[string]int{}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range rounds {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestInstallChild$", "-test.v")
		child.Env = append(os.Environ(), envFirst+"="+first, envSecond+"="+second, envTarget+"="+dir)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "ready"; {
		}
		time.Sleep(time.Duration(rnd.IntN(10_000)) * time.Microsecond)
		require.NoError(t, child.Process.Kill())
		require.Error(t, child.Wait(), "it ends by being killed only")

		db, err := vulndb.Open(dir)
		require.NoError(t, err)
		id := db.Info().ID
		assert.Equal(t, flaw[id], match(t, db, bookworm, deb("foo", "1")).Matches[0].ID)
		require.NoError(t, db.Close())
		seen[flaw[id]]++
	}
	assert.Len(t, seen, 2, "both have been there")
	replace(t, dir, first)
	assert.Equal(t, "CVE-2026-0001", match(t, open(t, dir), bookworm, deb("foo", "1")).Matches[0].ID)
}

// TestInstallChild is the process of TestInstallKilled.
func TestInstallChild(t *testing.T) {
	dir := os.Getenv(envTarget)
	if dir == "" {
		t.Skip("it is the other process of TestInstallKilled")
	}
	deliveries := []vulndb.Delivery{
		delivery(t, os.Getenv(envSecond), func(vulndb.File) {}),
		delivery(t, os.Getenv(envFirst), func(vulndb.File) {}),
	}
	fmt.Println("\nready")
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		for _, d := range deliveries {
			_, err := vulndb.Install(t.Context(), dir, d)
			require.NoError(t, err)
		}
	}
}
