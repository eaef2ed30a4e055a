package vulndb_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

// replace puts another database in the place of that in a folder.
func replace(tb testing.TB, dir, from string) vulndb.Info {
	tb.Helper()
	got, err := vulndb.Install(tb.Context(), dir, delivery(tb, from, func(vulndb.File) {}))
	require.NoError(tb, err)
	return got.Info
}

// watch opens a watcher that looks when told to.
func watch(tb testing.TB, dir string, opts ...vulndb.WatchOption) *vulndb.Watcher {
	tb.Helper()
	w, err := vulndb.Watch(tb.Context(), dir, append([]vulndb.WatchOption{vulndb.WithTicks(make(chan time.Time))}, opts...)...)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, w.Close()) })
	return w
}

// flaws are those of package foo in the newest database.
func flaws(tb testing.TB, w *vulndb.Watcher) string {
	tb.Helper()
	db, release := w.Acquire()
	defer release()
	var ids []string
	for _, m := range match(tb, db, bookworm, deb("foo", "1")).Matches {
		ids = append(ids, m.ID)
	}
	return strings.Join(ids, " ")
}

func TestWatch(t *testing.T) {
	dir := folder(t, "CVE-2026-0001")
	var told []vulndb.Reload
	w := watch(t, dir, vulndb.WithOnReload(func(r vulndb.Reload) { told = append(told, r) }))
	assert.Equal(t, "CVE-2026-0001", flaws(t, w))
	require.NoError(t, w.Reload(t.Context()))
	assert.Empty(t, told, "there is nothing new")

	old, release := w.Acquire()
	again, releaseAgain := w.Acquire()
	assert.Same(t, old, again)
	info := replace(t, dir, folder(t, "CVE-2026-0002"))
	assert.Equal(t, "CVE-2026-0001", flaws(t, w), "nobody has looked yet")
	require.NoError(t, w.Reload(t.Context()))
	assert.Equal(t, "CVE-2026-0002", flaws(t, w))
	assert.Equal(t, []vulndb.Reload{{Info: info}}, told)
	assert.NoError(t, w.Err())

	// The old one is open as long as somebody uses it.
	assert.Len(t, match(t, old, bookworm, deb("foo", "1")).Matches, 1)
	release()
	release()
	assert.Len(t, match(t, old, bookworm, deb("foo", "1")).Matches, 1, "releasing twice does nothing")
	releaseAgain()
	_, err := old.Match(t.Context(), bookworm, debs("foo"))
	assert.ErrorIs(t, err, vulndb.ErrClosed)
	assert.Equal(t, "CVE-2026-0002", flaws(t, w))
}

// The same advisories from a later build are another database: reports tell
// its date.
func TestWatchDate(t *testing.T) {
	dir := folder(t, "CVE-2026-0001")
	w := watch(t, dir)
	source := vulndb.FileSource(jsonl(t, osv("ALPINE-CVE-2026-0001", "Alpine:v3.19", "foo", ranges("introduced 0")), simple("CVE-2026-0001")))
	report, err := vulndb.Build(t.Context(), dir, []vulndb.Source{source})
	require.NoError(t, err)
	db, release := w.Acquire()
	defer release()
	assert.Equal(t, report.Info.ID, db.Info().ID)
	require.NoError(t, w.Reload(t.Context()))
	newest, releaseNewest := w.Acquire()
	defer releaseNewest()
	assert.Equal(t, report.Info, newest.Info())
}

// A new database that cannot be used leaves the old one in use, until there is
// one that can.
func TestWatchErrors(t *testing.T) {
	dir, other := folder(t, "CVE-2026-0001"), folder(t, "CVE-2026-0002")
	var told []vulndb.Reload
	w := watch(t, dir, vulndb.WithOnReload(func(r vulndb.Reload) { told = append(told, r) }))
	manifest := filepath.Join(dir, "manifest.json")
	good, err := os.ReadFile(manifest)
	require.NoError(t, err)
	db, release := w.Acquire()
	info := db.Info()
	release()
	tests := []struct {
		text string
		want error
	}{
		{"hello", vulndb.ErrForeign},
		{strings.Replace(string(good), `"version": 4`, `"version": 99`, 1), vulndb.ErrVersion},
		{string(good[:100]), vulndb.ErrCorrupt},
		{emptyManifest, vulndb.ErrEmpty},
		{files(t, other)["manifest.json"], vulndb.ErrCorrupt}, // without its files
	}
	for _, tt := range tests {
		require.NoError(t, os.WriteFile(manifest, []byte(tt.text), 0o666))
		told = nil
		assert.ErrorIs(t, w.Reload(t.Context()), tt.want)
		assert.ErrorIs(t, w.Err(), tt.want)
		require.Len(t, told, 1)
		assert.ErrorIs(t, told[0].Err, tt.want)
		assert.Equal(t, info, told[0].Info)
		assert.Equal(t, "CVE-2026-0001", flaws(t, w))
	}
	require.NoError(t, os.Remove(manifest))
	assert.ErrorIs(t, w.Reload(t.Context()), vulndb.ErrNotFound)
	require.NoError(t, os.WriteFile(manifest, good, 0o666))
	require.NoError(t, w.Reload(t.Context()))
	assert.NoError(t, w.Err())
	replace(t, dir, other)
	require.NoError(t, w.Reload(t.Context()))
	assert.Equal(t, "CVE-2026-0002", flaws(t, w))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, w.Reload(ctx), context.Canceled)
	_, err = vulndb.Watch(ctx, dir)
	assert.ErrorIs(t, err, context.Canceled)
	_, err = vulndb.Watch(t.Context(), t.TempDir())
	assert.ErrorIs(t, err, vulndb.ErrNotFound)
	for _, opt := range []vulndb.WatchOption{vulndb.WithInterval(0), vulndb.WithTicks(nil), vulndb.WithOnReload(nil)} {
		_, err = vulndb.Watch(t.Context(), dir, opt)
		assert.ErrorContains(t, err, "vulndb: With")
	}
}

func TestWatchClose(t *testing.T) {
	dir := folder(t, "CVE-2026-0001")
	w := watch(t, dir)
	db, release := w.Acquire()
	require.NoError(t, w.Close())
	require.NoError(t, w.Close())
	none, releaseNone := w.Acquire()
	assert.Nil(t, none)
	releaseNone()
	assert.ErrorIs(t, w.Reload(t.Context()), vulndb.ErrClosed)
	assert.Len(t, match(t, db, bookworm, deb("foo", "1")).Matches, 1, "who has it keeps it")
	release()
	_, err := db.Match(t.Context(), bookworm, debs("foo"))
	assert.ErrorIs(t, err, vulndb.ErrClosed)
	assert.NoError(t, w.Err())
}

// The clock tells when to look, and the end of the context that nobody looks
// any more.
func TestWatchInterval(t *testing.T) {
	dir, other := folder(t, "CVE-2026-0001"), folder(t, "CVE-2026-0002")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w, err := vulndb.Watch(ctx, dir)
		require.NoError(t, err)
		replace(t, dir, other)
		time.Sleep(vulndb.DefaultInterval - time.Second)
		synctest.Wait()
		assert.Equal(t, "CVE-2026-0001", flaws(t, w))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, "CVE-2026-0002", flaws(t, w))

		replace(t, dir, folder(t, "CVE-2026-0003"))
		cancel()
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, "CVE-2026-0002", flaws(t, w))
		require.NoError(t, w.Reload(t.Context()))
		assert.Equal(t, "CVE-2026-0003", flaws(t, w))
		require.NoError(t, w.Close())
	})
}

func TestWatchTicks(t *testing.T) {
	dir := folder(t, "CVE-2026-0001")
	ticks, told := make(chan time.Time), make(chan vulndb.Reload, 1)
	w, err := vulndb.Watch(t.Context(), dir, vulndb.WithTicks(ticks), vulndb.WithOnReload(func(r vulndb.Reload) { told <- r }))
	require.NoError(t, err)
	info := replace(t, dir, folder(t, "CVE-2026-0002"))
	ticks <- time.Time{}
	assert.Equal(t, vulndb.Reload{Info: info}, <-told)
	require.NoError(t, os.Remove(filepath.Join(dir, "manifest.json")))
	ticks <- time.Time{}
	assert.ErrorIs(t, (<-told).Err, vulndb.ErrNotFound)
	close(ticks)
	require.NoError(t, w.Close())
}

// Many match while the folder is replaced again and again: each answer is that
// of the database it says, and in the end only one is open.
func TestWatchRace(t *testing.T) {
	const generations, rounds, users = 4, 40, 8
	dir := t.TempDir()
	want := map[string]string{} // the flaw, by ID of the database
	var deliveries []vulndb.Delivery
	for i := range generations {
		flaw := fmt.Sprintf("CVE-2026-000%d", i)
		from := folder(t, flaw)
		want[open(t, from).Info().ID] = flaw
		deliveries = append(deliveries, delivery(t, from, func(vulndb.File) {}))
	}
	_, err := vulndb.Install(t.Context(), dir, deliveries[0])
	require.NoError(t, err)
	var swaps atomic.Int32
	w, err := vulndb.Watch(t.Context(), dir, vulndb.WithInterval(time.Millisecond), vulndb.WithOnReload(func(r vulndb.Reload) {
		assert.NoError(t, r.Err)
		swaps.Add(1)
	}))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var answers atomic.Int64
	for range users {
		group.Go(func() {
			for ctx.Err() == nil {
				db, release := w.Acquire()
				id := db.Info().ID
				got, err := db.Match(t.Context(), bookworm, []inventory.Package{deb("foo", "1")})
				if assert.NoError(t, err) && assert.Len(t, got.Matches, 1) {
					assert.Equal(t, want[id], got.Matches[0].ID)
					assert.Equal(t, id, got.Matches[0].Evidence.Database)
				}
				answers.Add(1)
				release()
			}
		})
	}
	for i := range rounds {
		_, err := vulndb.Install(t.Context(), dir, deliveries[i%generations])
		require.NoError(t, err)
		if err := w.Reload(t.Context()); err != nil {
			require.NoError(t, err)
		}
	}
	cancel()
	group.Wait()
	assert.GreaterOrEqual(t, swaps.Load(), int32(rounds-1))
	assert.Positive(t, answers.Load())
	t.Logf("%d answers over %d databases", answers.Load(), swaps.Load())
	assert.Equal(t, 2, openFiles(t, dir), "the files of one database")
	require.NoError(t, w.Close())
	assert.Zero(t, openFiles(t, dir))
}

// openFiles counts the files of databases in a folder that this process has
// open or mapped. The manifest is read now and then.
func openFiles(t *testing.T, dir string) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells which files are open")
	}
	dir, err := filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	open := map[string]bool{}
	for line := range strings.SplitSeq(string(maps), "\n") {
		if i := strings.Index(line, dir); i >= 0 && strings.Contains(line, ".ivdb") {
			open[line[i:]] = true
		}
	}
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			require.NoError(t, err)
		}
		if strings.HasPrefix(target, dir+string(filepath.Separator)) && strings.Contains(target, ".ivdb") {
			open[target] = true
		}
	}
	return len(open)
}

// A service matches with the newest database, whoever puts it into the folder.
func ExampleWatch() {
	ctx := context.Background()
	err := func() error {
		dir, err := os.MkdirTemp("", "vulndb")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		list := filepath.Join(dir, "advisories.jsonl")
		if err := os.WriteFile(list, []byte(advisories), 0o666); err != nil {
			return err
		}
		if _, err := vulndb.Build(ctx, dir, []vulndb.Source{vulndb.FileSource(list)}); err != nil {
			return err
		}

		w, err := vulndb.Watch(ctx, dir, vulndb.WithInterval(time.Hour))
		if err != nil {
			return err
		}
		defer w.Close()
		db, release := w.Acquire()
		defer release()
		result, err := db.Match(ctx, inventory.OS{ID: "alpine", Version: "3.19.1"}, []inventory.Package{
			{Type: "apk", Name: "libssl3", Version: "3.1.4-r2", Source: inventory.Source{Name: "openssl", Version: "3.1.4-r2"}},
		})
		if err != nil {
			return err
		}
		fmt.Println(result.Matches[0].ID)
		return nil
	}()
	if err != nil {
		fmt.Println(err)
	}
	// Output: CVE-2024-0727
}

func BenchmarkAcquire(b *testing.B) {
	dir := folder(b, "CVE-2026-0001")
	w, err := vulndb.Watch(b.Context(), dir)
	require.NoError(b, err)
	defer w.Close()
	b.ReportAllocs()
	for b.Loop() {
		_, release := w.Acquire()
		release()
	}
}
