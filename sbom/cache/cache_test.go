package cache_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/sbom/cache"
)

var (
	_ sbom.Cache = (*cache.Memory)(nil)
	_ sbom.Cache = (*cache.Folder)(nil)
)

func key(i int) string { return fmt.Sprintf("imagevet-%08x", i) }

func put(t *testing.T, c sbom.Cache, i, size int) {
	t.Helper()
	require.NoError(t, c.Put(t.Context(), key(i), bytes.Repeat([]byte{byte(i)}, size)))
}

func has(t *testing.T, c sbom.Cache, i int) bool {
	t.Helper()
	value, err := c.Get(t.Context(), key(i))
	require.NoError(t, err)
	if value != nil {
		assert.Equal(t, byte(i), value[0])
	}
	return value != nil
}

func folder(t *testing.T, dir string, opts ...cache.Option) *cache.Folder {
	t.Helper()
	f, err := cache.NewFolder(dir, opts...)
	require.NoError(t, err)
	return f
}

func TestPutAndGet(t *testing.T) {
	memory, err := cache.NewMemory(1 << 20)
	require.NoError(t, err)
	for _, c := range []sbom.Cache{memory, folder(t, filepath.Join(t.TempDir(), "not", "there", "yet"))} {
		value, err := c.Get(t.Context(), key(1))
		require.NoError(t, err)
		assert.Nil(t, value)
		require.NoError(t, c.Put(t.Context(), key(1), []byte("one")))
		require.NoError(t, c.Put(t.Context(), key(2), []byte("two")))
		require.NoError(t, c.Put(t.Context(), key(1), []byte("one again")))
		value, err = c.Get(t.Context(), key(1))
		require.NoError(t, err)
		assert.Equal(t, "one again", string(value))
		value, err = c.Get(t.Context(), key(2))
		require.NoError(t, err)
		assert.Equal(t, "two", string(value))

		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = c.Get(gone, key(1))
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, c.Put(gone, key(1), []byte("x")), context.Canceled)
	}
}

func TestMemoryDropsWhatWasNotUsed(t *testing.T) {
	c, err := cache.NewMemory(10_000)
	require.NoError(t, err)
	for i := range 4 {
		put(t, c, i, 2000)
	}
	assert.True(t, has(t, c, 0)) // 0 is used now, 1 was used longest ago
	put(t, c, 4, 2000)
	var left []int
	for i := range 5 {
		if has(t, c, i) {
			left = append(left, i)
		}
	}
	assert.Equal(t, []int{0, 2, 3, 4}, left)
	put(t, c, 9, 20_000)
	assert.False(t, has(t, c, 9), "larger than the cache")
	assert.True(t, has(t, c, 4), "which is no reason to drop others")
	put(t, c, 4, 20_000)
	assert.False(t, has(t, c, 4), "what was there before is not its value any more")
	assert.Equal(t, 3, c.Info().Entries)
	assert.LessOrEqual(t, c.Info().Bytes, int64(10_000))
	c.Clear()
	assert.Equal(t, cache.Info{}, c.Info())
	assert.False(t, has(t, c, 0))
}

// entries lists the files of a folder with their content's first byte.
func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, d.Name())
		}
		return err
	}))
	return names
}

// used sets when an entry was used last.
func used(t *testing.T, dir string, i int, ago time.Duration) {
	t.Helper()
	matches, err := filepath.Glob(filepath.Join(dir, "*", key(i)))
	require.NoError(t, err)
	require.Len(t, matches, 1)
	when := time.Now().Add(-ago)
	require.NoError(t, os.Chtimes(matches[0], when, when))
}

func TestFolderDropsWhatWasNotUsed(t *testing.T) {
	dir := t.TempDir()
	c := folder(t, dir, cache.WithMaxSize(10_000))
	for i := range 5 {
		put(t, c, i, 2000)
		used(t, dir, i, time.Duration(10-i)*time.Hour)
	}
	assert.True(t, has(t, c, 0)) // used now
	require.Len(t, entries(t, dir), 5)
	put(t, c, 5, 2000)
	var left []int
	for i := range 6 {
		if has(t, c, i) {
			left = append(left, i)
		}
	}
	assert.Equal(t, []int{0, 3, 4, 5}, left)
	require.NoError(t, c.Put(t.Context(), key(7), make([]byte, 10_001)))
	assert.False(t, has(t, c, 7), "larger than the cache")

	// Another process has written too, as this one notices by and by.
	other := folder(t, dir, cache.WithMaxSize(1<<20))
	for i := 10; i < 30; i++ {
		put(t, other, i, 2000)
		used(t, dir, i, 24*time.Hour)
	}
	put(t, c, 8, 2000)
	info, err := c.Info(t.Context())
	require.NoError(t, err)
	assert.LessOrEqual(t, info.Bytes, int64(10_000))
	assert.True(t, has(t, c, 8))
	assert.False(t, has(t, c, 10))
}

// What is not an entry is left alone, but for what was left half written.
func TestFolderOfOthers(t *testing.T) {
	dir := t.TempDir()
	c := folder(t, dir, cache.WithMaxSize(5000))
	put(t, c, 1, 2000)
	sub := filepath.Dir(mustGlob(t, filepath.Join(dir, "*", key(1))))
	for _, name := range []string{"README", filepath.Join(filepath.Base(sub), "README"), filepath.Join(filepath.Base(sub), ".new-123"), filepath.Join(filepath.Base(sub), ".new-456")} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), make([]byte, 9000), 0o600))
	}
	old := time.Now().Add(-2 * time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(sub, ".new-123"), old, old))
	other := folder(t, dir, cache.WithMaxSize(5000))
	put(t, other, 2, 2000)
	assert.ElementsMatch(t, []string{"README", "README", ".new-456", key(1), key(2)}, entries(t, dir))
	require.NoError(t, other.Clear(t.Context()))
	assert.ElementsMatch(t, []string{"README", "README", ".new-456"}, entries(t, dir))
	info, err := other.Info(t.Context())
	require.NoError(t, err)
	assert.Equal(t, cache.Info{}, info)
	put(t, c, 1, 2000)
	assert.True(t, has(t, other, 1))
}

func mustGlob(t *testing.T, pattern string) string {
	t.Helper()
	matches, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.Len(t, matches, 1)
	return matches[0]
}

func TestFolderKeepsKeysInside(t *testing.T) {
	dir := t.TempDir()
	c := folder(t, filepath.Join(dir, "cache"))
	for _, bad := range []string{"", "ab", "../../x", "a/b/c", `a\b\c`, "Abc", "a.b", "-abc", "abc\x00", strings.Repeat("a", 81)} {
		assert.ErrorContains(t, c.Put(t.Context(), bad, []byte("x")), "is no key", "%q", bad)
		_, err := c.Get(t.Context(), bad)
		assert.ErrorContains(t, err, "is no key", "%q", bad)
	}
	assert.Empty(t, entries(t, dir))
}

func TestFolderErrors(t *testing.T) {
	_, err := cache.NewFolder("")
	assert.Error(t, err)
	_, err = cache.NewFolder("x", cache.WithMaxSize(0))
	assert.ErrorContains(t, err, "WithMaxSize(0)")
	_, err = cache.NewMemory(0)
	assert.ErrorContains(t, err, "NewMemory(0)")

	// A file in the place of the folder.
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	assert.Error(t, folder(t, path).Put(t.Context(), key(1), []byte("x")))

	// A link, or a file that is too large, in the place of an entry.
	dir := t.TempDir()
	c := folder(t, dir)
	put(t, c, 1, 10)
	link := mustGlob(t, filepath.Join(dir, "*", key(1)))
	require.NoError(t, os.Truncate(link, 1<<40))
	_, err = c.Get(t.Context(), key(1))
	assert.ErrorContains(t, err, "has 1099511627776 bytes")
	require.NoError(t, os.Remove(link))
	if os.Symlink(path, link) == nil {
		_, err = c.Get(t.Context(), key(1))
		assert.ErrorContains(t, err, "is no entry")
	}

	// A folder in the place of an entry.
	dir = t.TempDir()
	c = folder(t, dir)
	put(t, c, 1, 10)
	entry := mustGlob(t, filepath.Join(dir, "*", key(1)))
	require.NoError(t, os.Remove(entry))
	require.NoError(t, os.MkdirAll(filepath.Join(entry, "x"), 0o700))
	_, err = c.Get(t.Context(), key(1))
	assert.Error(t, err)
	assert.Error(t, c.Put(t.Context(), key(1), []byte("x")))
	assert.Empty(t, entries(t, dir), "nothing half written is left")
}

// Several processes write and read one folder, of which entries are dropped all
// the time: a value is there in full or not at all.
func TestFolderOfSeveralProcesses(t *testing.T) {
	if dir := os.Getenv("CACHE_TEST_DIR"); dir != "" {
		hammer(t, folder(t, dir, cache.WithMaxSize(200_000)))
		return
	}
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFolderOfSeveralProcesses$")
			cmd.Env = append(os.Environ(), "CACHE_TEST_DIR="+dir)
			out, err := cmd.CombinedOutput()
			assert.NoError(t, err, "%s", out)
		})
	}
	c := folder(t, dir, cache.WithMaxSize(200_000))
	for range 3 {
		wg.Go(func() { hammer(t, c) })
	}
	wg.Wait()
	info, err := c.Info(t.Context())
	require.NoError(t, err)
	assert.LessOrEqual(t, info.Bytes, int64(200_000*(10+4)/10))
	for _, name := range entries(t, dir) {
		assert.NotContains(t, name, "new")
	}
}

// hammer writes and reads entries of 1 to 20 kB.
func hammer(t *testing.T, c *cache.Folder) {
	for i := range 300 {
		n := i * 7 % 40
		value, err := c.Get(t.Context(), key(n))
		if !assert.NoError(t, err) {
			return
		}
		if value == nil {
			assert.NoError(t, c.Put(t.Context(), key(n), bytes.Repeat([]byte{byte(n)}, 1000+500*n)))
			continue
		}
		assert.Equal(t, bytes.Repeat([]byte{byte(n)}, 1000+500*n), value)
	}
}

func ExampleNewMemory() {
	c, err := cache.NewMemory(64 << 20) // bytes
	if err != nil {
		fmt.Println(err)
		return
	}
	generator, err := sbom.New(sbom.WithCache(c))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(generator.CacheStats().Hits, c.Info().Entries)
	// Output: 0 0
}

func ExampleNewFolder() {
	c, err := cache.NewFolder("cache", cache.WithMaxSize(2<<30)) // bytes
	if err != nil {
		fmt.Println(err)
		return
	}
	info, err := c.Info(context.Background())
	fmt.Println(info.Entries, err)
	// Output: 0 <nil>
}
