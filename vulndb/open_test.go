package vulndb_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

// changed returns a database folder with a change in its files, which are
// given by their names, with "debian" for that of the ecosystem.
func changed(tb testing.TB, change func(files map[string][]byte)) string {
	tb.Helper()
	dir := tb.TempDir()
	_, err := vulndb.Build(tb.Context(), dir, []vulndb.Source{vulndb.FileSource(jsonl(tb,
		simple("CVE-2026-0001", `"details": "one"`), osv("CVE-2026-0002", "Debian:11", "bar", ranges("introduced 0"))))}, clock)
	require.NoError(tb, err)
	content := map[string][]byte{}
	names := map[string]string{"manifest.json": "manifest.json"}
	for name, data := range files(tb, dir) {
		short := name
		if strings.HasPrefix(name, "debian-") {
			short = "debian"
			names[short] = name
		}
		content[short] = []byte(data)
		require.NoError(tb, os.Remove(filepath.Join(dir, name)))
	}
	change(content)
	for short, data := range content {
		require.NoError(tb, os.WriteFile(filepath.Join(dir, names[short]), data, 0o666))
	}
	return dir
}

func TestOpenErrors(t *testing.T) {
	replace := func(file, from, to string) func(map[string][]byte) {
		return func(files map[string][]byte) {
			if !bytes.Contains(files[file], []byte(from)) {
				panic(fmt.Sprintf("no %q in %s", from, file))
			}
			files[file] = bytes.Replace(files[file], []byte(from), []byte(to), 1)
		}
	}
	write := func(file, content string) func(map[string][]byte) {
		return func(files map[string][]byte) { files[file] = []byte(content) }
	}
	tests := []struct {
		name   string
		change func(files map[string][]byte)
		want   error
		text   string
	}{
		{"no manifest", func(f map[string][]byte) { delete(f, "manifest.json") }, vulndb.ErrNotFound, "build one or copy one to this place"},
		{"a newer format", replace("manifest.json", `"version": 4`, `"version": 5`), vulndb.ErrVersion, "version 5, known is 4"},
		{"a newer format with what is not known", write("manifest.json", `{"format": "imagevet-vulndb", "version": 7, "files": {"a": 1}}`), vulndb.ErrVersion, "update the program"},
		{"another format", write("manifest.json", `{"format": "else", "version": 1}`), vulndb.ErrForeign, "give another folder"},
		{"no JSON", write("manifest.json", `hello`), vulndb.ErrForeign, "manifest.json"},
		{"another kind of JSON", write("manifest.json", `{"manifest_version": 3, "name": "extension"}`), vulndb.ErrForeign, "manifest.json"},
		{"half a manifest", func(f map[string][]byte) { f["manifest.json"] = f["manifest.json"][:100] }, vulndb.ErrCorrupt, "build or copy it again"},
		{"a changed date", replace("manifest.json", `"2026-01-02T`, `"2026-01-03T`), vulndb.ErrCorrupt, "checksum"},
		{"something added", replace("manifest.json", `"version": 4`, `"version": 4, "extra": true`), vulndb.ErrCorrupt, "checksum"},
		{"a huge manifest", write("manifest.json", strings.Repeat(" ", 5<<20)), vulndb.ErrForeign, "of more than"},
		{"a missing file", func(f map[string][]byte) { delete(f, "debian") }, vulndb.ErrCorrupt, "debian-"},
		{"a truncated file", func(f map[string][]byte) { f["debian"] = f["debian"][:200] }, vulndb.ErrCorrupt, "200 bytes instead of"},
		{"a longer file", func(f map[string][]byte) { f["debian"] = append(f["debian"], 0) }, vulndb.ErrCorrupt, "bytes instead of"},
		{"an empty file", write("debian", ""), vulndb.ErrCorrupt, "0 bytes instead of"},
		{"another content", func(f map[string][]byte) { clear(f["debian"]) }, vulndb.ErrCorrupt, "not a file of an advisory database"},
		{"a changed name", replace("debian", "Debian", "debian"), vulndb.ErrCorrupt, "checksum"},
		{"a newer file", func(f map[string][]byte) { f["debian"][8] = 9 }, vulndb.ErrVersion, "unknown version of the file format"},
	}
	for _, tt := range tests {
		dir := changed(t, tt.change)
		db, err := vulndb.Open(dir)
		assert.ErrorIs(t, err, tt.want, tt.name)
		assert.ErrorContains(t, err, tt.text, tt.name)
		assert.ErrorContains(t, err, dir, tt.name)
		assert.Nil(t, db, tt.name)
	}

	_, err := vulndb.Open(filepath.Join(t.TempDir(), "none"))
	assert.ErrorIs(t, err, vulndb.ErrNotFound)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	file := jsonl(t, simple("CVE-2026-0001"))
	_, err = vulndb.Open(file)
	assert.ErrorIs(t, err, vulndb.ErrForeign, "a file instead of a folder")
	_, err = vulndb.Open(tree(t, "manifest.json", emptyManifest))
	assert.ErrorIs(t, err, vulndb.ErrEmpty)
}

// emptyManifest is right in all but that it has no files.
const emptyManifest = `{
  "format": "imagevet-vulndb",
  "version": 4,
  "built": "2026-01-02T03:04:05Z",
  "id": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "checksum": "sha256:70ddd752a50c9b82bdd101a1f7012fbc6e74038b283e9e2a556c3e8e6ba18bfa",
  "files": null
}
`

// Two files of one size do not pass for each other.
func TestOpenSwapped(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	for dir, id := range map[string]string{a: "CVE-2026-0001", b: "CVE-2026-0002"} {
		_, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource(jsonl(t, simple(id)))}, clock)
		require.NoError(t, err)
	}
	name := func(dir string) string {
		for name := range files(t, dir) {
			if name != "manifest.json" {
				return filepath.Join(dir, name)
			}
		}
		return ""
	}
	data, err := os.ReadFile(name(b))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name(a), data, 0o666))
	_, err = vulndb.Open(a)
	assert.ErrorIs(t, err, vulndb.ErrCorrupt)
	assert.ErrorContains(t, err, "not the file that the manifest means")
}

// A changed byte anywhere in a database gives an error or changes nothing.
func TestOpenFlip(t *testing.T) {
	dir := t.TempDir()
	var records []string
	for i := range 300 {
		records = append(records, osv(fmt.Sprintf("CVE-2026-%04d", i), "Debian:12", fmt.Sprintf("p%d", i%20),
			ranges(fmt.Sprintf("introduced 0, fixed %d", i)), fmt.Sprintf(`"details": "number %d"`, i*i)))
	}
	_, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource(jsonl(t, records...))}, clock)
	require.NoError(t, err)
	var pkgs []inventory.Package
	for i := range 20 {
		pkgs = append(pkgs, deb(fmt.Sprintf("p%d", i), "150"))
	}
	ask := func() (string, error) {
		db, err := vulndb.Open(dir)
		if err != nil {
			return "", err
		}
		defer db.Close()
		result, err := db.Match(t.Context(), bookworm, pkgs)
		if err != nil {
			return "", err
		}
		text, err := json.Marshal([]any{result, db.Info()})
		return string(text), err
	}
	want, err := ask()
	require.NoError(t, err)
	require.Contains(t, want, "CVE-2026-0299")

	all := files(t, dir)
	rnd := rand.New(rand.NewPCG(5, 6))
	unnoticed, flips := 0, 5000
	if testing.Short() {
		flips = 500
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		data := []byte(all[name])
		for range flips {
			at, bit := rnd.IntN(len(data)), byte(1)<<rnd.IntN(8)
			data[at] ^= bit
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o666))
			data[at] ^= bit
			got, err := ask()
			if err != nil {
				known := errors.Is(err, vulndb.ErrCorrupt) || errors.Is(err, vulndb.ErrForeign) || errors.Is(err, vulndb.ErrVersion)
				require.Truef(t, known, "byte %d of %s: %v", at, name, err)
				continue
			}
			unnoticed++
			require.Equalf(t, want, got, "byte %d of %s, bit %d", at, name, bit)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o666))
	}
	t.Logf("%d of %d changes were in what nobody asked for", unnoticed, flips*len(all))
}

func TestConcurrentMatch(t *testing.T) {
	var records []string
	for i := range 500 {
		records = append(records, osv(fmt.Sprintf("CVE-2026-%04d", i), "Debian:12", fmt.Sprintf("p%d", i%50), ranges("introduced 0"), `"details": "text"`))
	}
	db, _ := build(t, records...)
	var pkgs []inventory.Package
	for i := range 50 {
		pkgs = append(pkgs, deb(fmt.Sprintf("p%d", i), "1"))
	}
	want := match(t, db, bookworm, pkgs...)
	require.Len(t, want.Matches, 500)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 10 {
				got, err := db.Match(t.Context(), bookworm, pkgs)
				assert.NoError(t, err)
				assert.True(t, assert.ObjectsAreEqual(want, got))
			}
		})
	}
	group.Wait()
}

func TestClosed(t *testing.T) {
	dir := t.TempDir()
	_, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource(jsonl(t, simple("CVE-2026-0001")))})
	require.NoError(t, err)
	db, err := vulndb.Open(dir)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	_, err = db.Match(t.Context(), bookworm, debs("foo"))
	assert.ErrorIs(t, err, vulndb.ErrClosed)
	assert.NoError(t, db.Close(), "again")
	assert.NotErrorIs(t, err, vulndb.ErrCorrupt)
}

// Calls that are under way when the database is closed end as if it was not.
func TestCloseWhileMatching(t *testing.T) {
	dir := t.TempDir()
	_, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource(jsonl(t, simple("CVE-2026-0001")))})
	require.NoError(t, err)
	for range 50 {
		db, err := vulndb.Open(dir)
		require.NoError(t, err)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for {
					result, err := db.Match(t.Context(), bookworm, debs("foo"))
					if err != nil {
						assert.ErrorIs(t, err, vulndb.ErrClosed)
						return
					}
					assert.Len(t, result.Matches, 1)
				}
			})
		}
		assert.NoError(t, db.Close())
		group.Wait()
	}
}

// A file that gets shorter while it is open is an error, not the end of the
// program.
func TestTruncatedWhileOpen(t *testing.T) {
	dir := t.TempDir()
	var records []string
	for i := range 3000 {
		records = append(records, osv(fmt.Sprintf("CVE-2026-%04d", i), "Debian:12", fmt.Sprintf("p%d", i), ranges("introduced 0")))
	}
	_, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource(jsonl(t, records...))})
	require.NoError(t, err)
	db, err := vulndb.Open(dir)
	require.NoError(t, err)
	for name := range files(t, dir) {
		if strings.HasPrefix(name, "debian-") {
			require.NoError(t, os.Truncate(filepath.Join(dir, name), 4096))
		}
	}
	_, err = db.Match(t.Context(), bookworm, []inventory.Package{deb("p2999", "1"), deb("p1", "1")})
	assert.ErrorIs(t, err, vulndb.ErrCorrupt)
	assert.NoError(t, db.Close())
}
