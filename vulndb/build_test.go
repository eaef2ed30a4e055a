package vulndb_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

// simple is a record that affects all versions of foo in Debian 12.
func simple(id string, more ...string) string {
	return osv(id, "Debian:12", "foo", ranges("introduced 0"), more...)
}

// tree writes files, given as name, content, name, content...
func tree(tb testing.TB, files ...string) string {
	tb.Helper()
	dir := tb.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, filepath.FromSlash(files[i]))
		require.NoError(tb, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(tb, os.WriteFile(path, []byte(files[i+1]), 0o666))
	}
	return dir
}

// zipText is the content of an archive.
func zipText(tb testing.TB, members ...string) string {
	tb.Helper()
	r := zipOf(tb, members...)
	b := make([]byte, r.Len())
	_, err := r.Read(b)
	require.NoError(tb, err)
	return string(b)
}

func TestSources(t *testing.T) {
	one, two, three := simple("CVE-2026-0001"), simple("CVE-2026-0002"), simple("CVE-2026-0003")
	archive := zipOf(t, "all.jsonl", "\n"+one+"\r\n\n  "+two+" ", "a/b/c/3.json", three, "README.md", "hello")
	tests := []struct {
		name    string
		source  vulndb.Source
		ids     int
		skipped []string // ends
	}{
		{"a record", vulndb.FileSource(filepath.Join(tree(t, "1.json", one), "1.json")), 1, nil},
		{"lines", vulndb.FileSource(filepath.Join(tree(t, "1.jsonl", one+"\n"+two+"\n"+three), "1.jsonl")), 3, nil},
		{"an archive", vulndb.FileSource(filepath.Join(tree(t, "1.zip", zipText(t, "1.json", one, "2.json", two)), "1.zip")), 2, nil},
		{"an archive in the program", vulndb.ZipSource("starter", archive, archive.Size()), 3, []string{"starter:README.md"}},
		{"loose files", vulndb.FileSource(tree(t, "1.json", one, "2.JSON", two, "README", "")), 2, []string{"README"}},
		{"an export", vulndb.FileSource(tree(t,
			"Debian/all.zip", zipText(t, "1.json", one, "2.json", two), "Alpine/3.json", three, "ecosystems.txt", "Debian",
			"Debian/deeper/4.json", simple("CVE-2026-0004"))), 3, []string{"deeper", "ecosystems.txt"}},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		report, err := vulndb.Build(t.Context(), dir, []vulndb.Source{tt.source}, clock)
		if !assert.NoError(t, err, tt.name) {
			continue
		}
		assert.Lenf(t, match(t, open(t, dir), bookworm, deb("foo", "1")).Matches, tt.ids, "%s: matches", tt.name)
		assert.Equalf(t, len(tt.skipped), report.Skipped, "%s: skipped", tt.name)
		for i, end := range tt.skipped {
			assert.Truef(t, strings.HasSuffix(report.SkippedFiles[i], end), "%s: %q", tt.name, report.SkippedFiles)
		}
		assert.Zerof(t, report.Bad, "%s: %v", tt.name, report.BadRecords)
	}
}

func TestBuildReport(t *testing.T) {
	path := jsonl(t,
		simple("CVE-2026-0001"),
		simple("CVE-2026-0001", `"summary": "second"`), // equally old
		osv("CVE-2026-0002", "Debian:11", "bar", ranges("introduced 0, fixed no version")),
		osv("CVE-2026-0003", "Debian:12", "bar", ranges("introduced 0"), `"withdrawn": "2026-01-01T00:00:00Z"`),
		osv("X-1", "Spaceport", "foo", ranges("introduced 0")),
		osv("X-2", "Spaceport:7", "foo", ranges("introduced 0")),
		`{"id": "X-3", "affected": [{"ranges": [{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}]}]}`,
		osv("CVE-2026-0004", "Debian:12", "foo", `"ranges": [{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}]`),
		`{"id": ""}`, `{"affected": 5}`, `[]`)
	dir := t.TempDir()
	report, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource(path)}, clock)
	require.NoError(t, err)
	modified := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	assert.Equal(t, []vulndb.EcosystemReport{{Ecosystem: "Debian", Records: 3, Packages: 2, Withdrawn: 1, Modified: modified}}, report.Ecosystems)
	require.Len(t, report.Unsupported, 1)
	assert.Equal(t, "Spaceport", report.Unsupported[0].Ecosystem)
	assert.Equal(t, 2, report.Unsupported[0].Records)
	assert.NotEmpty(t, report.Unsupported[0].Reason)
	assert.Equal(t, 1, report.Duplicates)
	assert.Equal(t, 1, report.Nameless)
	assert.Equal(t, 1, report.GitRanges)
	assert.Equal(t, 4, report.Bad)
	var bad []string
	for _, b := range report.BadRecords {
		bad = append(bad, strings.TrimPrefix(b.Source, path)+" "+b.ID)
		assert.NotEmpty(t, b.Reasons)
	}
	assert.Equal(t, []string{":3 CVE-2026-0002", ":9 ", ":10 ", ":11 "}, bad)
	assert.Equal(t, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), report.Info.Built)
	assert.Regexp(t, "^sha256:[0-9a-f]{64}$", report.Info.ID)
	assert.Equal(t, []vulndb.SourceInfo{{Ecosystem: "Debian", Modified: modified, Records: 3}}, report.Info.Sources)

	db := open(t, dir)
	assert.Equal(t, report.Info, db.Info())
	assert.Empty(t, match(t, db, bookworm, deb("foo", "1")).Matches[0].Summary, "of equally old records the first counts")
}

// The record that was modified last counts, wherever it is.
func TestBuildNewest(t *testing.T) {
	record := func(modified, fixed string, more ...string) string {
		r := osv("CVE-2026-0001", "Debian:12", "foo", ranges("introduced 0, fixed "+fixed), more...)
		return strings.Replace(r, "2026-01-01", modified, 1)
	}
	for _, tt := range []struct {
		records []string
		fixed   []string
	}{
		{[]string{record("2026-01-01", "2"), record("2026-01-02", "3")}, []string{"3"}},
		{[]string{record("2026-01-02", "3"), record("2026-01-01", "2")}, []string{"3"}},
		{[]string{record("2026-01-02", "3"), record("2026-01-03", "4", `"withdrawn": "2026-01-03T00:00:00Z"`), simple("CVE-2026-0002")}, []string{""}},
		{[]string{record("2026-01-02", "3", `"withdrawn": "2026-01-02T00:00:00Z"`), record("2026-01-03", "4")}, []string{"4"}},
	} {
		db, report := build(t, tt.records...)
		var fixed []string
		for _, m := range match(t, db, bookworm, deb("foo", "1")).Matches {
			fixed = append(fixed, m.FixedVersion)
		}
		assert.Equal(t, tt.fixed, fixed)
		assert.Equal(t, 1, report.Duplicates)
	}
}

// Equal sources give equal files, however many workers there are.
func TestBuildWorkers(t *testing.T) {
	var records []string
	for i := range 1000 {
		records = append(records, osv(fmt.Sprintf("CVE-2026-%04d", i%900), fmt.Sprintf("Debian:%d", i%3), fmt.Sprintf("p%d", i%77),
			ranges(fmt.Sprintf("introduced 0, fixed %d", i)), fmt.Sprintf(`"details": "text %d"`, i)))
	}
	source := []vulndb.Source{vulndb.FileSource(jsonl(t, records...))}
	var want map[string]string
	for _, workers := range []int{1, 8, 8} {
		dir := t.TempDir()
		_, err := vulndb.Build(t.Context(), dir, source, clock, vulndb.WithWorkers(workers))
		require.NoError(t, err)
		got := files(t, dir)
		if want == nil {
			want = got
		}
		assert.Equal(t, want, got, "with %d workers", workers)
	}
}

// files are the visible files of a folder and their contents.
func files(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	require.NoError(tb, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			assert.Equal(tb, ".lock", e.Name(), "nothing temporary is left")
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(tb, err)
		out[e.Name()] = string(data)
	}
	return out
}

func TestBuildErrors(t *testing.T) {
	file := func(name, content string) vulndb.Source {
		return vulndb.FileSource(filepath.Join(tree(t, name, content), name))
	}
	broken := zipText(t, "1.json", simple("CVE-2026-0001"))
	broken = strings.Replace(broken, broken[40:44], "\xff\xff\xff\xff", 1) // within the compressed data
	tests := []struct {
		name   string
		source vulndb.Source
		opts   []vulndb.BuildOption
		want   string
		is     error
	}{
		{"nothing", vulndb.Source{}, nil, "no such file", fs.ErrNotExist},
		{"no such file", vulndb.FileSource(filepath.Join(t.TempDir(), "none.zip")), nil, "none.zip", fs.ErrNotExist},
		{"a file of another kind", file("a.txt", simple("CVE-2026-0001")), nil, "not a .json, .jsonl, .csv, .db or .zip file", nil},
		{"no archive", file("a.zip", "hello"), nil, "a.zip: zip: not a valid zip file", nil},
		{"half an archive", file("a.zip", broken[:len(broken)-30]), nil, "a.zip: zip: not a valid zip file", nil},
		{"a broken member", file("a.zip", broken), nil, "a.zip:1.json: ", nil},
		{"an empty folder", vulndb.FileSource(t.TempDir()), nil, "no usable advisory", vulndb.ErrNoRecords},
		{"only bad records", file("a.jsonl", "{}\n{}"), nil, "2 are bad, the first is ", vulndb.ErrNoRecords},
		{"only what cannot be compared", file("a.json", osv("X-1", "Spaceport", "foo", ranges("introduced 0"))), nil, `1 ecosystems are not supported, the first is "Spaceport"`, vulndb.ErrNoRecords},
		{"only what is withdrawn", file("a.json", simple("X-1", `"withdrawn": "2026-01-01T00:00:00Z"`)), nil, "no usable advisory", vulndb.ErrNoRecords},
		{"no worker", vulndb.Source{}, []vulndb.BuildOption{vulndb.WithWorkers(0)}, "WithWorkers(0)", nil},
		{"no clock", vulndb.Source{}, []vulndb.BuildOption{vulndb.WithClock(nil)}, "WithClock(nil)", nil},
	}
	for _, tt := range tests {
		dir := filepath.Join(t.TempDir(), "db")
		report, err := vulndb.Build(t.Context(), dir, []vulndb.Source{tt.source}, tt.opts...)
		assert.ErrorContains(t, err, tt.want, tt.name)
		if tt.is != nil {
			assert.ErrorIs(t, err, tt.is, tt.name)
		}
		assert.Zero(t, report, tt.name)
		assert.NoDirExists(t, dir, tt.name)
	}
}

func TestBuildCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := vulndb.Build(ctx, t.TempDir(), []vulndb.Source{vulndb.FileSource(jsonl(t, simple("CVE-2026-0001")))})
	assert.ErrorIs(t, err, context.Canceled)
}

// What is open stays, what is old goes, and an error changes nothing.
func TestBuildAgain(t *testing.T) {
	dir := t.TempDir()
	rebuild := func(records ...string) error {
		_, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource(jsonl(t, records...))}, clock)
		return err
	}
	require.NoError(t, rebuild(simple("CVE-2026-0001"), osv("CVE-2026-0009", "Alpine:v3.19", "foo", ranges("introduced 0"))))
	old := open(t, dir)
	first := files(t, dir)
	require.Len(t, first, 3)

	var alpineFile string
	for name := range first {
		if strings.HasPrefix(name, "alpine-") {
			alpineFile = filepath.Join(dir, name)
		}
	}
	before, err := os.Stat(alpineFile)
	require.NoError(t, err)

	require.Error(t, rebuild(`{}`))
	assert.Equal(t, first, files(t, dir))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o666))
	require.NoError(t, rebuild(simple("CVE-2026-0002"), osv("CVE-2026-0009", "Alpine:v3.19", "foo", ranges("introduced 0"))))
	second := files(t, dir)
	assert.Len(t, second, 4, "the old file of Debian is gone, somebody else's is not")
	assert.Contains(t, second, "notes.txt")
	after, err := os.Stat(alpineFile)
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "what is the same is left alone")
	assert.Equal(t, "CVE-2026-0001", match(t, old, bookworm, deb("foo", "1")).Matches[0].ID)
	assert.Equal(t, "CVE-2026-0002", match(t, open(t, dir), bookworm, deb("foo", "1")).Matches[0].ID)
}

// Builds of one folder at the same time do not mix, and whoever opens it finds
// one of them.
func TestBuildConcurrent(t *testing.T) {
	dir := t.TempDir()
	const builds = 8
	var sources []vulndb.Source
	for i := range builds {
		// One file that all have in common, and two of their own.
		sources = append(sources, vulndb.FileSource(jsonl(t, simple(fmt.Sprintf("CVE-2026-%04d", i)),
			osv("CVE-2026-1000", "Alpine:v3.19", "foo", ranges("introduced 0")),
			osv(fmt.Sprintf("CVE-2026-%04d", i+2000), "Wolfi", "foo", ranges("introduced 0")))))
	}
	_, err := vulndb.Build(t.Context(), dir, sources[:1])
	require.NoError(t, err)
	done := make(chan struct{})
	var group, readers sync.WaitGroup
	for _, s := range sources {
		group.Go(func() {
			for range 5 {
				_, err := vulndb.Build(t.Context(), dir, []vulndb.Source{s})
				assert.NoError(t, err)
			}
		})
	}
	readers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			db, err := vulndb.Open(dir)
			if !assert.NoError(t, err) {
				return
			}
			if result, err := db.Match(t.Context(), bookworm, debs("foo")); assert.NoError(t, err) {
				assert.Len(t, result.Matches, 1)
			}
			assert.NoError(t, db.Close())
		}
	})
	group.Wait()
	close(done)
	readers.Wait()
	assert.Len(t, files(t, dir), 4, "the manifest and the three files of the last build")
}

// A build that finds no room leaves nothing behind.
func TestBuildUnwritable(t *testing.T) {
	dir := filepath.Join(tree(t, "file", ""), "file", "db")
	_, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource(jsonl(t, simple("CVE-2026-0001")))})
	var pathErr *fs.PathError
	assert.True(t, errors.As(err, &pathErr), "%v", err)
}

// Records on malicious packages are taken in on demand.
func TestMalicious(t *testing.T) {
	flaw := osv("GHSA-2222-2222-2222", "npm", "a", ranges("introduced 0"))
	harm := osv("MAL-2026-1", "npm", "b", ranges("introduced 0"))
	pkgs := []inventory.Package{{Type: "npm", Name: "a", Version: "1.0.0"}, {Type: "npm", Name: "b", Version: "1.0.0"}}
	ids := func(dir string) []string {
		var out []string
		for _, m := range match(t, open(t, dir), bookworm, pkgs...).Matches {
			out = append(out, m.ID)
		}
		return out
	}
	source := vulndb.FileSource(jsonl(t, flaw, harm))
	for _, tt := range []struct {
		opts []vulndb.BuildOption
		left int
		want []string
	}{
		{nil, 1, []string{"GHSA-2222-2222-2222"}},
		{[]vulndb.BuildOption{vulndb.WithMaliciousPackages(true)}, 0, []string{"GHSA-2222-2222-2222", "MAL-2026-1"}},
	} {
		dir := t.TempDir()
		report, err := vulndb.Build(t.Context(), dir, []vulndb.Source{source}, tt.opts...)
		require.NoError(t, err)
		assert.Equal(t, tt.left, report.Malicious)
		assert.Equal(t, tt.want, ids(dir))
	}
	_, err := vulndb.Build(t.Context(), t.TempDir(), []vulndb.Source{vulndb.FileSource(jsonl(t, harm))})
	assert.ErrorIs(t, err, vulndb.ErrNoRecords)
	assert.ErrorContains(t, err, "1 on malicious packages were left out")

	// An update makes the file again if it is to hold something else, though
	// there is nothing new to download.
	s := newExport(t)
	s.put(t, "npm", flaw, harm)
	dir := t.TempDir()
	for i, malicious := range []bool{false, false, true, true, false} {
		report, err := vulndb.Update(t.Context(), dir, vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("npm"), vulndb.WithMaliciousPackages(malicious))
		require.NoError(t, err)
		assert.Equal(t, i != 1 && i != 3, report.Changed, "update %d", i)
		want := []string{"GHSA-2222-2222-2222"}
		if malicious {
			want = append(want, "MAL-2026-1")
		}
		assert.Equal(t, want, ids(dir), "update %d", i)
	}
}
