package vulndb_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

func TestEcosystems(t *testing.T) {
	pkgs := []inventory.Package{
		{Type: "deb", Name: "a"},
		{Type: "pypi", Name: "b"},
		{Type: "pypi", Name: "c"},
		{Type: "npm", Name: "d"},
		{Type: "generic", Name: "e"},
		{Type: "rpm", Name: "of no package format of the distribution"},
	}
	assert.Equal(t, []string{"Debian", "PyPI", "npm"}, vulndb.Ecosystems(inventory.OS{ID: "debian", Version: "12"}, pkgs))
	assert.Equal(t, []string{"PyPI", "npm"}, vulndb.Ecosystems(inventory.OS{ID: "hal", Version: "9000"}, pkgs))
	assert.Equal(t, []string{"Red Hat"}, vulndb.Ecosystems(inventory.OS{ID: "rhel", Version: "9.4"}, pkgs[5:]))
	assert.Empty(t, vulndb.Ecosystems(inventory.OS{}, nil))
}

// An autoClock is a clock that tests set.
type autoClock struct{ atomic.Int64 }

func (c *autoClock) now() time.Time { return time.Unix(c.Load(), 0).UTC() }

func newAuto(tb testing.TB, s *exportServer, dir string, opts ...vulndb.UpdateOption) (*vulndb.AutoUpdater, *autoClock) {
	tb.Helper()
	clock := &autoClock{}
	clock.Store(time.Date(2026, 1, 20, 0, 0, 0, 0, time.UTC).Unix())
	opts = append([]vulndb.UpdateOption{vulndb.WithMirrors(s.URL), vulndb.WithClock(clock.now), vulndb.WithoutWaits()}, opts...)
	a, err := vulndb.NewAutoUpdater(dir, time.Hour, opts...)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, a.Close()) })
	return a, clock
}

// acquire returns the flaws of foo on Debian 12, and the problems.
func acquire(tb testing.TB, a *vulndb.AutoUpdater, ecosystems ...string) (flaws []string, problems []vulndb.UpdateProblem) {
	tb.Helper()
	lease, err := a.Acquire(tb.Context(), ecosystems...)
	require.NoError(tb, err)
	defer lease.Release()
	for _, m := range match(tb, lease.DB, bookworm, deb("foo", "1")).Matches {
		flaws = append(flaws, m.ID)
	}
	return flaws, lease.Problems
}

func TestAutoUpdater(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1))
	s.put(t, "PyPI", strings.Replace(rec("PYSEC-1", 1), "Debian:12", "PyPI", 1))
	dir := filepath.Join(t.TempDir(), "db")
	a, clock := newAuto(t, s, dir)

	// Nothing asked for, nothing there.
	lease, err := a.Acquire(t.Context())
	require.NoError(t, err)
	assert.Nil(t, lease.DB)
	lease.Release()

	// What is asked for is there, nothing else.
	flaws, problems := acquire(t, a, "Debian")
	assert.Equal(t, []string{"CVE-2026-0001"}, flaws)
	assert.Empty(t, problems)
	assert.Equal(t, []string{"/Debian/all.zip 200", "/Debian/modified_id.csv 200"}, s.requests())

	// For an hour nobody is asked.
	s.put(t, "Debian", rec("CVE-2026-0002", 2))
	clock.Add(59 * 60)
	flaws, _ = acquire(t, a, "Debian")
	assert.Equal(t, []string{"CVE-2026-0001"}, flaws)
	assert.Empty(t, s.requests())
	held, err := a.Acquire(t.Context(), "Debian")
	require.NoError(t, err)
	clock.Add(60)
	flaws, _ = acquire(t, a, "Debian")
	assert.Equal(t, []string{"CVE-2026-0001", "CVE-2026-0002"}, flaws)
	assert.NotEmpty(t, s.requests())
	assert.Len(t, match(t, held.DB, bookworm, deb("foo", "1")).Matches, 1, "what is in use stays as it is")
	held.Release()
	held.Release()

	// Another one beside it, and one that no mirror has, which is not asked for
	// again.
	flaws, problems = acquire(t, a, "Debian", "PyPI", "Alpine")
	assert.Len(t, flaws, 2)
	require.Len(t, problems, 1)
	assert.ErrorIs(t, problems[0].Err, vulndb.ErrUnknownEcosystem)
	assert.Contains(t, s.requests(), "/Alpine/all.zip 404")
	clock.Add(59 * 60)
	_, problems = acquire(t, a, "PyPI", "Alpine")
	assert.Len(t, problems, 1)
	assert.Empty(t, s.requests())
	assert.Len(t, open(t, dir).Info().Sources, 2)

	// Another process takes over; what it finds is new enough.
	other, otherClock := newAuto(t, s, dir)
	otherClock.Store(clock.Load())
	flaws, _ = acquire(t, other, "PyPI")
	assert.Len(t, flaws, 2)
	assert.Empty(t, s.requests())
}

// A server that fails is no reason to go without the database, and is left in
// peace for a minute.
func TestAutoUpdaterFails(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1))
	broken := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusInternalServerError) }
	s.override["/Debian/modified_id.csv"] = broken
	dir := filepath.Join(t.TempDir(), "db")
	a, clock := newAuto(t, s, dir)

	_, err := a.Acquire(t.Context(), "Debian")
	assert.ErrorContains(t, err, "500", "there is no database at all")
	s.requests()
	_, err = a.Acquire(t.Context(), "Debian")
	assert.ErrorContains(t, err, "500")
	assert.Empty(t, s.requests())

	delete(s.override, "/Debian/modified_id.csv")
	clock.Add(60)
	flaws, problems := acquire(t, a, "Debian")
	assert.Len(t, flaws, 1)
	assert.Empty(t, problems)

	s.override["/Debian/modified_id.csv"] = broken
	clock.Add(60 * 60)
	flaws, problems = acquire(t, a, "Debian")
	assert.Len(t, flaws, 1)
	require.Len(t, problems, 1)
	assert.Equal(t, "Debian", problems[0].Ecosystem)
	assert.ErrorContains(t, problems[0].Err, "500")

	require.NoError(t, a.Close())
	_, err = a.Acquire(t.Context(), "Debian")
	assert.ErrorIs(t, err, vulndb.ErrClosed)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	other, _ := newAuto(t, s, dir)
	_, err = other.Acquire(ctx, "Debian")
	assert.ErrorIs(t, err, context.Canceled)

	_, err = vulndb.NewAutoUpdater(dir, -1)
	assert.Error(t, err)
	_, err = vulndb.NewAutoUpdater(dir, 0, vulndb.WithMirrors("ftp://example.test"))
	assert.Error(t, err)
}

// Many at once, while records come and the clock runs.
func TestAutoUpdaterConcurrent(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1))
	a, clock := newAuto(t, s, filepath.Join(t.TempDir(), "db"))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			last := 0
			for range 20 {
				lease, err := a.Acquire(t.Context(), "Debian")
				if !assert.NoError(t, err) {
					return
				}
				result, err := lease.DB.Match(t.Context(), bookworm, []inventory.Package{deb("foo", "1")})
				lease.Release()
				if assert.NoError(t, err) {
					assert.GreaterOrEqual(t, len(result.Matches), last)
					last = len(result.Matches)
				}
			}
		})
	}
	for i := 2; i < 8; i++ {
		s.put(t, "Debian", rec("CVE-2026-000"+string(rune('0'+i)), i))
		clock.Add(2 * 60 * 60)
		time.Sleep(time.Millisecond)
	}
	group.Wait()
	clock.Add(2 * 60 * 60)
	flaws, _ := acquire(t, a, "Debian")
	assert.Len(t, flaws, 7)
}
