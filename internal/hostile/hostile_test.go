package hostile_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/hostile"
	"github.com/imagevet/imagevet/scan"
)

var large = flag.Bool("hostile.large", false, "run the cases that take many seconds too")

// Bounds of one scan. The memory is that of the whole process, with the test's
// own; a scan takes up to 256 MiB for files that must be read in any order.
const (
	maxTime   = time.Minute
	maxMemory = 512 << 20 // bytes
)

// An answer is what a scan in a process of its own gave.
type answer struct {
	Error    string
	Problems []string
	Packages []string
	Memory   int64 // the most that was resident, in bytes; 0 if it is not known
}

// TestMain scans in a child process, whose memory can be measured.
func TestMain(m *testing.M) {
	if path := os.Getenv("HOSTILE_SCAN"); path != "" {
		a := scanFile(path)
		a.Memory = peakMemory()
		if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

func scanFile(path string) answer {
	scanner, err := scan.New()
	if err != nil {
		return answer{Error: err.Error()}
	}
	report, err := scanner.Archive(context.Background(), path, "")
	if err != nil {
		return answer{Error: err.Error()}
	}
	var a answer
	for _, p := range report.Problems {
		a.Problems = append(a.Problems, p.Path+": "+p.Error)
	}
	for _, p := range report.Packages {
		a.Packages = append(a.Packages, p.Name+" "+p.Version)
	}
	return a
}

func TestCases(t *testing.T) {
	if testing.Short() {
		t.Skip("they inflate gigabytes")
	}
	seen := map[string]bool{}
	for _, c := range hostile.Cases() {
		require.False(t, seen[c.Name], c.Name)
		seen[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			if c.Large && !*large {
				t.Skip("takes many seconds: give -hostile.large")
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "image.tar")
			f, err := os.Create(path)
			require.NoError(t, err)
			w := bufio.NewWriter(f)
			require.NoError(t, c.Write(w))
			require.NoError(t, w.Flush())
			require.NoError(t, f.Close())

			exe, err := os.Executable()
			require.NoError(t, err)
			cmd := exec.Command(exe)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "HOSTILE_SCAN="+path, "GOMEMLIMIT=384MiB")
			var stderr strings.Builder
			cmd.Stderr = &stderr
			start := time.Now()
			out, err := cmd.Output()
			require.NoErrorf(t, err, "it brought the program down:\n%.2000s", stderr.String())
			took := time.Since(start)
			assert.Less(t, took, maxTime)
			var a answer
			require.NoError(t, json.Unmarshal(out, &a))
			t.Logf("%v, %d MiB", took.Round(time.Millisecond), a.Memory>>20)
			assert.Lessf(t, a.Memory, int64(maxMemory), "%d MiB of memory", a.Memory>>20)
			check(t, &c, &a)
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Len(t, entries, 1, "it made a file")
		})
	}
}

// peakMemory is that of this process, where Linux tells it: what getrusage has
// would be the parent's.
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				panic(err)
			}
			return kib << 10
		}
	}
	return 0
}

func check(t *testing.T, c *hostile.Case, a *answer) {
	t.Helper()
	report := c.Packages != nil || c.Absent != nil || c.Problems != nil
	if !report {
		if c.Error != "" {
			assert.Contains(t, a.Error, c.Error)
		}
		return
	}
	require.Empty(t, a.Error)
	for _, p := range c.Packages {
		assert.Contains(t, a.Packages, p)
	}
	for _, p := range c.Absent {
		assert.NotContains(t, a.Packages, p)
	}
	for _, part := range c.Problems {
		found := slices.ContainsFunc(a.Problems, func(p string) bool { return strings.Contains(p, part) })
		assert.Truef(t, found, "no problem with %q in %.2000q", part, a.Problems)
	}
}
