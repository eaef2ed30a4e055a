package vulndb_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/sharedtest"
	"github.com/imagevet/imagevet/vulndb"
)

// An exportServer serves an export in the layout of OSV's.
type exportServer struct {
	*httptest.Server

	mu       sync.Mutex
	records  map[string]map[string]string // by ecosystem and ID
	lag      map[string]map[string]string // what all.zip has instead, if it is not nil
	hidden   map[string]bool              // paths that are not there
	override map[string]http.HandlerFunc  // by path
	noList   bool
	log      []string // "path status"
}

func newExport(tb testing.TB) *exportServer {
	s := &exportServer{records: map[string]map[string]string{}, hidden: map[string]bool{}, override: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewServer(s)
	tb.Cleanup(s.Close)
	return s
}

// put adds records or replaces them.
func (s *exportServer) put(tb testing.TB, ecosystem string, records ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records[ecosystem] == nil {
		s.records[ecosystem] = map[string]string{}
	}
	for _, r := range records {
		var head struct{ ID string }
		require.NoError(tb, json.Unmarshal([]byte(r), &head))
		s.records[ecosystem][head.ID] = r
	}
}

// requests returns what was asked for since the last call, sorted.
func (s *exportServer) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.log
	s.log = nil
	slices.Sort(log)
	return log
}

func (s *exportServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := &statusWriter{ResponseWriter: w, status: 200}
	defer func() { s.log = append(s.log, r.URL.Path+" "+strconv.Itoa(status.status)) }()
	if h := s.override[r.URL.Path]; h != nil {
		h(status, r)
		return
	}
	ecosystem, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	records := s.records[ecosystem]
	var body []byte
	switch {
	case records == nil || s.hidden[r.URL.Path]:
	case name == "all.zip":
		if s.lag != nil {
			records = s.lag[ecosystem]
		}
		body = exportZip(records)
	case name == "modified_id.csv" && !s.noList:
		body = modifiedList(records)
	default:
		body = []byte(records[strings.TrimSuffix(name, ".json")])
	}
	if len(body) == 0 {
		http.NotFound(status, r)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%x", len(body))+checksum(body)))
	http.ServeContent(status, r, "", time.Time{}, bytes.NewReader(body))
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(code int) {
	w.status = code
	w.ResponseWriter.WriteHeader(code)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func exportZip(records map[string]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, id := range slices.Sorted(maps.Keys(records)) {
		w, err := z.Create(id + ".json")
		if err == nil {
			_, err = io.WriteString(w, records[id])
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// modifiedList is newest first.
func modifiedList(records map[string]string) []byte {
	var lines []string
	for id, r := range records {
		var head struct{ Modified string }
		if err := json.Unmarshal([]byte(r), &head); err != nil {
			panic(err)
		}
		lines = append(lines, head.Modified+","+id+"\n")
	}
	slices.Sort(lines)
	slices.Reverse(lines)
	return []byte(strings.Join(lines, ""))
}

// rec is a record on foo in Debian 12 that was modified on a day of January
// 2026.
func rec(id string, day int, more ...string) string {
	return strings.Replace(simple(id, more...), "2026-01-01T", fmt.Sprintf("2026-01-%02dT", day), 1)
}

func update(tb testing.TB, dir string, opts ...vulndb.UpdateOption) (vulndb.UpdateReport, error) {
	tb.Helper()
	later := vulndb.WithClock(func() time.Time { return time.Date(2026, 1, 20, 0, 0, 0, 0, time.UTC) })
	return vulndb.Update(tb.Context(), dir, append([]vulndb.UpdateOption{later, vulndb.WithoutWaits()}, opts...)...)
}

// mustUpdate updates without a problem.
func mustUpdate(tb testing.TB, dir string, opts ...vulndb.UpdateOption) vulndb.UpdateReport {
	tb.Helper()
	report, err := update(tb, dir, opts...)
	require.NoError(tb, err)
	require.Empty(tb, report.Problems)
	return report
}

// ids returns what matches foo.
func ids(tb testing.TB, dir string) []string {
	tb.Helper()
	var out []string
	for _, m := range match(tb, open(tb, dir), bookworm, deb("foo", "1")).Matches {
		out = append(out, m.ID)
	}
	slices.Sort(out)
	return out
}

// database returns the files of a database, without downloads.
func database(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	out := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(tb, err)
	for _, path := range paths {
		if text, err := os.ReadFile(path); err == nil {
			out[filepath.Base(path)] = string(text)
		}
	}
	require.Contains(tb, out, "manifest.json")
	return out
}

func TestUpdate(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1), rec("CVE-2026-0002", 2), rec("CVE-2026-0003", 3))
	s.put(t, "Rocky Linux", strings.Replace(rec("RLSA-2026:1", 1), "Debian:12", "Rocky Linux:9", 1))
	s.put(t, "PyPI", strings.Replace(rec("PYSEC-1", 1), "Debian:12", "PyPI", 1))
	dir := filepath.Join(t.TempDir(), "db")
	mirror := vulndb.WithMirrors(s.URL + "/")

	_, err := update(t, dir, mirror)
	require.ErrorIs(t, err, vulndb.ErrNoEcosystems)
	assert.NoDirExists(t, dir)

	report := mustUpdate(t, dir, mirror, vulndb.WithEcosystems("Rocky Linux", "Debian"))
	require.Len(t, report.Ecosystems, 2)
	size := report.Ecosystems[0].Bytes
	assert.Equal(t, vulndb.EcosystemUpdate{
		Ecosystem: "Debian", Status: vulndb.Full, Mirror: s.URL + "/", Compiled: true, Records: 3, Bytes: size,
		Newest: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC),
	}, report.Ecosystems[0])
	assert.True(t, report.Changed)
	assert.Len(t, report.Build.Ecosystems, 2)
	assert.Equal(t, open(t, dir).Info(), report.Info)
	assert.Equal(t, []string{"CVE-2026-0001", "CVE-2026-0002", "CVE-2026-0003"}, ids(t, dir))
	assert.Equal(t, []string{
		"/Debian/all.zip 200", "/Debian/modified_id.csv 200", "/Rocky Linux/all.zip 200", "/Rocky Linux/modified_id.csv 200",
	}, s.requests())
	old := open(t, dir)

	// Nothing new: two small questions, no database.
	report = mustUpdate(t, dir, mirror)
	assert.False(t, report.Changed)
	assert.Equal(t, vulndb.Unchanged, report.Ecosystems[0].Status)
	assert.Zero(t, report.Ecosystems[0].Bytes)
	assert.Zero(t, report.Build)
	assert.Equal(t, old.Info(), report.Info)
	assert.Equal(t, []string{"/Debian/modified_id.csv 304", "/Rocky Linux/modified_id.csv 304"}, s.requests())

	// Some new records: only these, only their ecosystem.
	s.put(t, "Debian", rec("CVE-2026-0002", 4, `"withdrawn": "2026-01-04T00:00:00Z"`), rec("CVE-2026-0004", 3))
	report = mustUpdate(t, dir, mirror)
	assert.True(t, report.Changed)
	assert.Equal(t, vulndb.Incremental, report.Ecosystems[0].Status)
	assert.Equal(t, 2, report.Ecosystems[0].Fetched)
	assert.Equal(t, 4, report.Ecosystems[0].Records)
	assert.Equal(t, vulndb.Unchanged, report.Ecosystems[1].Status)
	assert.False(t, report.Ecosystems[1].Compiled)
	assert.Equal(t, []string{
		"/Debian/CVE-2026-0002.json 200", "/Debian/CVE-2026-0004.json 200", "/Debian/modified_id.csv 200", "/Rocky Linux/modified_id.csv 304",
	}, s.requests())
	assert.Equal(t, []string{"CVE-2026-0001", "CVE-2026-0003", "CVE-2026-0004"}, ids(t, dir))
	assert.Len(t, match(t, old, bookworm, deb("foo", "1")).Matches, 3, "what is open stays")

	// The same as at once.
	fresh := filepath.Join(t.TempDir(), "db")
	assert.Equal(t, mustUpdate(t, fresh, mirror, vulndb.WithEcosystems("Debian", "Rocky Linux")).Info.ID, report.Info.ID)
	assert.Equal(t, mustUpdate(t, dir, mirror, vulndb.WithFullUpdate(true)).Info.ID, report.Info.ID)
	s.requests()

	// A record was removed: only the export can tell.
	delete(s.records["Debian"], "CVE-2026-0003")
	report = mustUpdate(t, dir, mirror, vulndb.WithEcosystems("Debian"))
	assert.Equal(t, vulndb.Full, report.Ecosystems[0].Status)
	assert.Equal(t, []string{"Rocky Linux"}, report.Others)
	assert.Equal(t, []string{"CVE-2026-0001", "CVE-2026-0004"}, ids(t, dir))

	// One more ecosystem, without the others.
	report = mustUpdate(t, dir, mirror, vulndb.WithEcosystems("PyPI"))
	assert.Equal(t, []string{"Debian", "Rocky Linux"}, report.Others)
	assert.Len(t, report.Info.Sources, 3)
	assert.Len(t, mustUpdate(t, dir, mirror).Ecosystems, 3)
}

// The default is what a database that was built has.
func TestUpdateBuilt(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1))
	dir := t.TempDir()
	_, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource(jsonl(t, rec("CVE-2026-0007", 9)))})
	require.NoError(t, err)
	mustUpdate(t, dir, vulndb.WithMirrors(s.URL))
	assert.Equal(t, []string{"CVE-2026-0001"}, ids(t, dir))

	// A build leaves downloads alone, and an update makes its part again.
	_, err = vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource(jsonl(t, rec("CVE-2026-0007", 9)))})
	require.NoError(t, err)
	s.requests()
	report := mustUpdate(t, dir, vulndb.WithMirrors(s.URL))
	assert.True(t, report.Changed)
	assert.Equal(t, vulndb.Unchanged, report.Ecosystems[0].Status)
	assert.Equal(t, []string{"/Debian/modified_id.csv 304"}, s.requests())
	assert.Equal(t, []string{"CVE-2026-0001"}, ids(t, dir))
}

// A database in an older version of the format is made again, if nothing of it
// gets lost.
func TestUpdateOldFormat(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1))
	s.put(t, "PyPI", strings.Replace(rec("PYSEC-1", 1), "Debian:12", "PyPI", 1))
	mirror := vulndb.WithMirrors(s.URL)
	old := func(version int) string {
		return tree(t, "manifest.json", fmt.Sprintf(`{"format": "imagevet-vulndb", "version": %d, "files": [{"ecosystem": "Debian"}, {"ecosystem": "PyPI"}]}`, version))
	}
	dir := old(1)
	_, err := vulndb.Open(dir)
	require.ErrorIs(t, err, vulndb.ErrVersion)
	_, err = update(t, dir, mirror, vulndb.WithEcosystems("Debian"))
	require.ErrorIs(t, err, vulndb.ErrVersion)
	assert.ErrorContains(t, err, `it has "PyPI" as well`)
	report := mustUpdate(t, dir, mirror, vulndb.WithEcosystems("Debian", "PyPI"))
	assert.Len(t, report.Info.Sources, 2)
	assert.Equal(t, []string{"CVE-2026-0001"}, ids(t, dir))

	dir = old(1)
	assert.Len(t, mustUpdate(t, dir, mirror).Info.Sources, 2, "without names")
	_, err = update(t, old(99), mirror)
	require.ErrorIs(t, err, vulndb.ErrVersion, "of a newer program")
}

// What is known about CVEs is no ecosystem to update, and stays.
func TestUpdateEnriched(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1))
	dir := t.TempDir()
	_, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource(tree(t, "a.json", rec("CVE-2026-0007", 9), "kev.json", kev(1, "CVE-2026-0001")))})
	require.NoError(t, err)
	mustUpdate(t, dir, vulndb.WithMirrors(s.URL))
	assert.Equal(t, []string{"CVE-2026-0001"}, ids(t, dir))
	require.Len(t, open(t, dir).Info().Enrichment, 1)
}

// Many records are taken as a whole, as are many that were fetched before.
func TestUpdateManyRecords(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1))
	dir := t.TempDir()
	opts := []vulndb.UpdateOption{vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian"), vulndb.WithMaxRecords(2)}
	mustUpdate(t, dir, opts...)
	s.put(t, "Debian", rec("CVE-2026-0002", 2), rec("CVE-2026-0003", 2), rec("CVE-2026-0004", 2))
	assert.Equal(t, vulndb.Full, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	s.put(t, "Debian", rec("CVE-2026-0005", 3))
	assert.Equal(t, vulndb.Incremental, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	s.put(t, "Debian", rec("CVE-2026-0006", 4))
	assert.Equal(t, vulndb.Incremental, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	s.put(t, "Debian", rec("CVE-2026-0007", 5))
	assert.Equal(t, vulndb.Full, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	assert.Len(t, ids(t, dir), 7)

	// A list that reaches back to a later day than ours.
	s.put(t, "Debian", rec("CVE-2026-0008", 8), rec("CVE-2026-0009", 9))
	s.override["/Debian/modified_id.csv"] = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "2026-01-09T00:00:00Z,CVE-2026-0009\n")
	}
	assert.Equal(t, vulndb.Full, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	assert.Len(t, ids(t, dir), 9)
}

// An export is made from time to time only: what is newer is fetched and kept.
func TestUpdateExportLags(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1), rec("CVE-2026-0002", 2), rec("CVE-2026-0009", 1))
	s.lag = map[string]map[string]string{"Debian": maps.Clone(s.records["Debian"])}
	s.put(t, "Debian", rec("CVE-2026-0003", 3))
	dir := t.TempDir()
	opts := []vulndb.UpdateOption{vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian")}
	report := mustUpdate(t, dir, opts...)
	assert.Equal(t, vulndb.Full, report.Ecosystems[0].Status)
	assert.Equal(t, 1, report.Ecosystems[0].Fetched)
	assert.Len(t, ids(t, dir), 4)

	// So is another form of a record. A removed record leads to another export,
	// which lags as well.
	s.put(t, "Debian", rec("CVE-2026-0001", 4, `"summary": "new"`))
	assert.Equal(t, 1, mustUpdate(t, dir, opts...).Ecosystems[0].Fetched)
	delete(s.records["Debian"], "CVE-2026-0002")
	delete(s.lag["Debian"], "CVE-2026-0002")
	s.requests()
	report = mustUpdate(t, dir, opts...)
	assert.Equal(t, vulndb.Full, report.Ecosystems[0].Status)
	assert.Equal(t, []string{"CVE-2026-0001", "CVE-2026-0003", "CVE-2026-0009"}, ids(t, dir))
	assert.Equal(t, []string{"/Debian/all.zip 200", "/Debian/modified_id.csv 200"}, s.requests(), "the rest is there already")
	assert.Equal(t, "new", match(t, open(t, dir), bookworm, deb("foo", "1")).Matches[0].Summary)

	// More is missing than is fetched one by one: that is told.
	s.put(t, "Debian", rec("CVE-2026-0005", 5), rec("CVE-2026-0006", 6), rec("CVE-2026-0007", 6))
	report, err := update(t, dir, append(opts, vulndb.WithMaxRecords(2))...)
	require.NoError(t, err)
	assert.Equal(t, 3, report.Ecosystems[0].Behind)
	require.Len(t, report.Problems, 1)
	assert.ErrorIs(t, report.Problems[0].Err, vulndb.ErrBadExport)
	assert.Equal(t, []string{"CVE-2026-0001", "CVE-2026-0003", "CVE-2026-0009"}, ids(t, dir))
	report = mustUpdate(t, dir, opts...)
	assert.Equal(t, 3, report.Ecosystems[0].Fetched)
}

// A server without lists has exports.
func TestUpdateWithoutList(t *testing.T) {
	s := newExport(t)
	s.noList = true
	s.put(t, "Debian", rec("CVE-2026-0001", 1))
	dir := t.TempDir()
	opts := []vulndb.UpdateOption{vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian")}
	assert.Equal(t, vulndb.Full, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	assert.Equal(t, vulndb.Unchanged, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	s.put(t, "Debian", rec("CVE-2026-0002", 2))
	s.requests()
	assert.Equal(t, vulndb.Full, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	assert.Equal(t, []string{"/Debian/all.zip 200", "/Debian/modified_id.csv 404"}, s.requests())
	s.records["Debian"] = map[string]string{"CVE-2026-0001": rec("CVE-2026-0001", 1)}
	report, err := update(t, dir, opts...)
	require.NoError(t, err)
	assert.Equal(t, vulndb.Stale, report.Ecosystems[0].Status)
	assert.Len(t, ids(t, dir), 2)
}

// Records that are listed and not there, or not what was asked for, are told,
// and asked for again.
func TestUpdateBadRecords(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1), rec("CVE-2026-0002", 1), rec("CVE-2026-0009", 1))
	dir := t.TempDir()
	opts := []vulndb.UpdateOption{vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian")}
	mustUpdate(t, dir, opts...)
	var all []string
	for i := 1; i <= 6; i++ {
		all = append(all, rec(fmt.Sprintf("CVE-2026-%04d", i), 2))
	}
	s.put(t, "Debian", all...)
	s.hidden["/Debian/CVE-2026-0001.json"] = true
	send := func(id, text string) {
		s.override["/Debian/"+id+".json"] = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	send("CVE-2026-0002", strings.Replace(rec("CVE-2026-0002", 1), "2026-01", "2025-01", 1)) // older than ours
	send("CVE-2026-0003", rec("CVE-2026-0001", 2))
	send("CVE-2026-0004", "<html>")
	send("CVE-2026-0005", rec("CVE-2026-0005", 1)) // older than listed
	for range 2 {
		report, err := update(t, dir, opts...)
		require.NoError(t, err)
		e := report.Ecosystems[0]
		assert.Equal(t, []string{"CVE-2026-0001"}, e.Vanished)
		assert.Equal(t, 4, e.Behind)
		var reasons []string
		for _, p := range report.Problems {
			reasons = append(reasons, p.Reason)
		}
		require.Len(t, reasons, 3, "%q", reasons)
		assert.ErrorIs(t, report.Problems[0].Err, vulndb.ErrStale)
		assert.ErrorIs(t, report.Problems[1].Err, vulndb.ErrBadExport)
		assert.ErrorIs(t, report.Problems[2].Err, vulndb.ErrBadExport)
		assert.Equal(t, []string{"CVE-2026-0001", "CVE-2026-0002", "CVE-2026-0005", "CVE-2026-0006", "CVE-2026-0009"}, ids(t, dir))
	}
	clear(s.override)
	clear(s.hidden)
	assert.Equal(t, 5, mustUpdate(t, dir, opts...).Ecosystems[0].Fetched)
	assert.Len(t, ids(t, dir), 7)
}

// IDs of a list that lead elsewhere are not followed.
func TestUpdateHostileList(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1))
	s.put(t, "secret", rec("CVE-2026-0666", 9))
	dir := t.TempDir()
	opts := []vulndb.UpdateOption{vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian")}
	mustUpdate(t, dir, opts...)
	var lines strings.Builder
	lines.WriteString("2026-01-01T00:00:00Z,CVE-2026-0001\n")
	for _, id := range []string{"../secret/CVE-2026-0666", `..\x`, "..", "", "a b", "a?b", "%2e%2e%2fsecret", "ä", "a\x00", strings.Repeat("x", 1000), "a,b"} {
		lines.WriteString("2026-01-09T00:00:00Z," + id + "\n")
	}
	lines.WriteString("yesterday,CVE-2026-0002\nhello\n\n")
	s.override["/Debian/modified_id.csv"] = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, lines.String()) }
	s.requests()
	report, err := update(t, dir, opts...)
	require.NoError(t, err)
	assert.Equal(t, []string{"/Debian/modified_id.csv 200"}, s.requests())
	require.Len(t, report.Problems, 1)
	assert.Contains(t, report.Problems[0].Reason, "13 lines")
	assert.False(t, report.Changed)

	s.override["/Debian/modified_id.csv"] = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>\n<body>") }
	_, err = update(t, dir, opts...)
	assert.ErrorIs(t, err, vulndb.ErrBadExport)
}

func TestUpdateMirrors(t *testing.T) {
	good, old, dead := newExport(t), newExport(t), newExport(t)
	dead.Close()
	good.put(t, "Debian", rec("CVE-2026-0001", 1), rec("CVE-2026-0002", 2))
	old.put(t, "Debian", rec("CVE-2026-0001", 1))
	garbage := newExport(t)
	garbage.put(t, "Debian", rec("CVE-2026-0001", 9))
	garbage.override["/Debian/all.zip"] = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "garbage") }
	dir := t.TempDir()
	opts := []vulndb.UpdateOption{vulndb.WithEcosystems("Debian"), vulndb.WithMirrors(dead.URL, garbage.URL, good.URL, old.URL)}
	report, err := update(t, dir, opts...)
	require.NoError(t, err)
	assert.Equal(t, good.URL, report.Ecosystems[0].Mirror)
	require.Len(t, report.Problems, 2)
	assert.Equal(t, dead.URL, report.Problems[0].Mirror)
	assert.ErrorIs(t, report.Problems[1].Err, vulndb.ErrBadExport)
	assert.Empty(t, old.requests())

	// The next one is asked if the first is older than what is here.
	report, err = update(t, dir, vulndb.WithMirrors(old.URL, good.URL))
	require.NoError(t, err)
	assert.Equal(t, good.URL, report.Ecosystems[0].Mirror)
	assert.ErrorIs(t, report.Problems[0].Err, vulndb.ErrStale)

	// No mirror that is not older.
	for _, full := range []bool{false, true} {
		report, err = update(t, dir, vulndb.WithMirrors(old.URL, dead.URL), vulndb.WithFullUpdate(full))
		require.NoError(t, err)
		assert.Equal(t, vulndb.Stale, report.Ecosystems[0].Status)
		assert.Equal(t, 2, report.Ecosystems[0].Records)
		assert.False(t, report.Changed)
		assert.Len(t, report.Problems, 2)
		assert.Len(t, ids(t, dir), 2)
	}
	// Its list is current, its export and its records are not.
	old.override["/Debian/modified_id.csv"] = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(modifiedList(map[string]string{"CVE-2026-0002": rec("CVE-2026-0002", 2)}))
	}
	old.put(t, "Debian", rec("CVE-2026-0002", 1))
	report, err = update(t, dir, vulndb.WithMirrors(old.URL), vulndb.WithMaxRecords(-1))
	require.NoError(t, err)
	assert.Equal(t, vulndb.Stale, report.Ecosystems[0].Status)
	assert.Len(t, ids(t, dir), 2)
}

// A server that was set back says so by the date of its export.
func TestUpdateSetBack(t *testing.T) {
	s := newExport(t)
	s.noList = true
	s.put(t, "Debian", rec("CVE-2026-0001", 1), rec("CVE-2026-0002", 1))
	date := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	s.override["/Debian/all.zip"] = func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", date, bytes.NewReader(exportZip(s.records["Debian"])))
	}
	dir := t.TempDir()
	opts := []vulndb.UpdateOption{vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian")}
	mustUpdate(t, dir, opts...)
	assert.Equal(t, vulndb.Unchanged, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	delete(s.records["Debian"], "CVE-2026-0002")
	full := append(opts, vulndb.WithFullUpdate(true))
	date = date.Add(-time.Second)
	report, err := update(t, dir, full...)
	require.NoError(t, err)
	assert.Equal(t, vulndb.Stale, report.Ecosystems[0].Status)
	assert.Len(t, ids(t, dir), 2)
	date = date.Add(time.Minute)
	assert.Equal(t, vulndb.Full, mustUpdate(t, dir, full...).Ecosystems[0].Status)
	assert.Len(t, ids(t, dir), 1)
}

// A date in the future that is corrected later does not make a mirror stale.
func TestUpdateFuture(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1), rec("CVE-2026-0002", 2))
	dir := t.TempDir()
	opts := []vulndb.UpdateOption{vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian")}
	mustUpdate(t, dir, opts...)
	future := strings.Replace(rec("CVE-2026-0001", 3, `"summary": "wrong"`), "2026-01-03", "2126-01-03", 1)
	s.put(t, "Debian", future)
	report := mustUpdate(t, dir, opts...)
	assert.Equal(t, 1, report.Ecosystems[0].Fetched)
	assert.Equal(t, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), report.Ecosystems[0].Newest)
	s.put(t, "Debian", rec("CVE-2026-0001", 4, `"summary": "right"`), rec("CVE-2026-0003", 4))
	assert.Equal(t, 1, mustUpdate(t, dir, opts...).Ecosystems[0].Fetched)
	nextWeek := vulndb.WithClock(func() time.Time { return time.Date(2026, 1, 27, 0, 0, 0, 0, time.UTC) })
	assert.Equal(t, vulndb.Full, mustUpdate(t, dir, append(opts, nextWeek)...).Ecosystems[0].Status)
	assert.Equal(t, "right", match(t, open(t, dir), bookworm, deb("foo", "1")).Matches[0].Summary)
}

// An export that is long the same does not hold up what is new.
func TestUpdateExportStays(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1))
	s.lag = map[string]map[string]string{"Debian": maps.Clone(s.records["Debian"])}
	dir := t.TempDir()
	opts := []vulndb.UpdateOption{vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian"), vulndb.WithMaxRecords(2)}
	for day := 1; day < 8; day++ {
		s.put(t, "Debian", rec(fmt.Sprintf("CVE-2026-%04d", day), day))
		mustUpdate(t, dir, opts...)
		mustUpdate(t, dir, opts...)
		assert.Len(t, ids(t, dir), day)
	}
}

func TestUpdateFolder(t *testing.T) {
	export := tree(t,
		"Debian/all.zip", string(exportZip(map[string]string{"CVE-2026-0001": rec("CVE-2026-0001", 1)})),
		"Debian/modified_id.csv", "2026-01-01T00:00:00Z,CVE-2026-0001\n")
	dir := t.TempDir()
	opts := []vulndb.UpdateOption{vulndb.WithEcosystems("Debian"), vulndb.WithMirrors(export)}
	assert.Equal(t, vulndb.Full, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	assert.Equal(t, vulndb.Unchanged, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	require.NoError(t, os.WriteFile(filepath.Join(export, "Debian", "CVE-2026-0002.json"), []byte(rec("CVE-2026-0002", 2)), 0o666))
	require.NoError(t, os.WriteFile(filepath.Join(export, "Debian", "modified_id.csv"),
		[]byte("2026-01-02T00:00:00Z,CVE-2026-0002\n2026-01-01T00:00:00Z,CVE-2026-0001\n"), 0o666))
	assert.Equal(t, vulndb.Incremental, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	assert.Len(t, ids(t, dir), 2)
	_, err := update(t, dir, vulndb.WithMirrors(filepath.Join(export, "nothing")))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// Whatever a server sends, the database stays as it was, and the next update
// works.
func TestUpdateFails(t *testing.T) {
	bomb := func() []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for i := range 10 {
			w, err := z.Create(fmt.Sprintf("%d.json", i))
			require.NoError(t, err)
			_, err = w.Write(make([]byte, 10<<20))
			require.NoError(t, err)
		}
		require.NoError(t, z.Close())
		return b.Bytes()
	}()
	good := exportZip(map[string]string{"CVE-2026-0001": rec("CVE-2026-0001", 1), "CVE-2026-0002": rec("CVE-2026-0002", 2)})
	flipped := slices.Clone(good)
	flipped[60] ^= 1 // in the data of the first member
	send := func(b []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(b) }
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		is      error
		text    string
	}{
		{"garbage", send([]byte("garbage")), vulndb.ErrBadExport, "not a valid zip file"},
		{"nothing", send(nil), vulndb.ErrBadExport, "not a valid zip file"},
		{"half an archive", send(good[:len(good)/2]), vulndb.ErrBadExport, "not a valid zip file"},
		{"a flipped bit", send(flipped), vulndb.ErrBadExport, ""},
		{"a bomb", send(bomb), vulndb.ErrLimit, "more than 200 times its size"},
		{"no record", send(exportZip(map[string]string{"x": "{}"})), vulndb.ErrNoRecords, ""},
		{"no usable record", send(exportZip(map[string]string{"X-1": strings.Replace(rec("X-1", 8), "Debian", "Alpine", 1)})), vulndb.ErrNoRecords, ""},
		{"half a file", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(good)))
			_, _ = w.Write(good[:len(good)/2])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, nil, "not the announced number of bytes"},
		{"busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, nil, "503"},
		{"missing", http.NotFound, vulndb.ErrUnknownEcosystem, ""},
		{"wrong checksum", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Goog-Hash", "crc32c=AAAAAA==")
			_, _ = w.Write(good)
		}, nil, "wrong checksum"},
	}
	for _, tt := range tests {
		s := newExport(t)
		s.put(t, "Debian", rec("CVE-2026-0001", 1))
		s.put(t, "PyPI", strings.Replace(rec("PYSEC-1", 1), "Debian:12", "PyPI", 1))
		dir := t.TempDir()
		mustUpdate(t, dir, vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian", "PyPI"))
		before := database(t, dir)
		s.noList = true
		s.put(t, "PyPI", strings.Replace(rec("PYSEC-2", 2), "Debian:12", "PyPI", 1))
		s.override["/Debian/all.zip"] = tt.handler
		for range 2 {
			report, err := update(t, dir, vulndb.WithMirrors(s.URL))
			require.Error(t, err, tt.name)
			if tt.is != nil {
				assert.ErrorIs(t, err, tt.is, tt.name)
			}
			assert.ErrorContains(t, err, tt.text, tt.name)
			assert.Zero(t, report, tt.name)
			assert.Equal(t, before, database(t, dir), tt.name)
		}
		clear(s.override)
		s.noList = false
		s.put(t, "Debian", rec("CVE-2026-0002", 9))
		report := mustUpdate(t, dir, vulndb.WithMirrors(s.URL))
		assert.True(t, report.Changed, tt.name)
		assert.Len(t, ids(t, dir), 2, tt.name)
	}
}

// What was downloaded and then damaged is downloaded again.
func TestUpdateDamagedDownloads(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1))
	dir := t.TempDir()
	opts := []vulndb.UpdateOption{vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian")}
	mustUpdate(t, dir, opts...)
	s.put(t, "Debian", rec("CVE-2026-0002", 2))
	mustUpdate(t, dir, opts...)
	for day, ext := range []string{".zip", ".jsonl", ".csv", ".state.json"} {
		paths, err := filepath.Glob(filepath.Join(dir, "downloads", "debian-*"+ext))
		require.NoError(t, err)
		require.Len(t, paths, 1, ext)
		text, err := os.ReadFile(paths[0])
		require.NoError(t, err)
		text[len(text)/2] ^= 1
		if ext == ".state.json" { // it has no checksum: what it names has
			text = text[:len(text)/2]
		}
		require.NoError(t, os.WriteFile(paths[0], text, 0o666))
		report, err := update(t, dir, opts...)
		require.NoError(t, err, ext)
		assert.Equal(t, vulndb.Full, report.Ecosystems[0].Status, ext)
		assert.Len(t, report.Problems, 1, ext)
		assert.Len(t, ids(t, dir), 2, ext)
		s.put(t, "Debian", rec("CVE-2026-0002", 3+day))
		assert.Equal(t, 1, mustUpdate(t, dir, opts...).Ecosystems[0].Fetched, ext)
	}
	clutter, err := os.ReadDir(filepath.Join(dir, "downloads"))
	require.NoError(t, err)
	assert.Len(t, clutter, 5, "the four files and the lock")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte("{}"), 0o666))
	_, err = update(t, dir, opts...)
	assert.ErrorIs(t, err, vulndb.ErrForeign)
}

// A download that broke is gone on with by the next update.
func TestUpdateResumes(t *testing.T) {
	s := newExport(t)
	var records []string
	for i := range 200 {
		records = append(records, rec(fmt.Sprintf("CVE-2026-%04d", i), 1))
	}
	s.put(t, "Debian", records...)
	whole := exportZip(s.records["Debian"])
	breakAt := len(whole) / 2
	var ranges []string
	s.override["/Debian/all.zip"] = func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		w.Header().Set("ETag", `"1"`)
		if len(ranges) > 2 {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(whole))
			return
		}
		if len(ranges) == 2 {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
		_, _ = w.Write(whole[:breakAt])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	dir := t.TempDir()
	opts := []vulndb.UpdateOption{vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian")}
	_, err := update(t, dir, opts...)
	require.ErrorContains(t, err, "403")
	mustUpdate(t, dir, opts...)
	require.Len(t, ranges, 3)
	assert.Equal(t, fmt.Sprintf("bytes=%d-", breakAt), ranges[2])
	assert.Len(t, ids(t, dir), 200)
}

// A server that calls two files by one ETag: parts of them are no file.
func TestUpdateWrongETag(t *testing.T) {
	s := newExport(t)
	before := exportZip(map[string]string{"CVE-2026-0001": rec("CVE-2026-0001", 1), "CVE-2026-0002": rec("CVE-2026-0002", 1)})
	s.put(t, "Debian", rec("CVE-2026-0003", 2), rec("CVE-2026-0004", 2), rec("CVE-2026-0005", 2))
	after := exportZip(s.records["Debian"])
	n := 0
	s.override["/Debian/all.zip"] = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"same"`)
		if n++; n == 1 {
			w.Header().Set("Content-Length", strconv.Itoa(len(before)))
			_, _ = w.Write(before[:len(before)/2])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(after))
	}
	dir := t.TempDir()
	mustUpdate(t, dir, vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian"))
	assert.Equal(t, 3, n)
	assert.Equal(t, []string{"CVE-2026-0003", "CVE-2026-0004", "CVE-2026-0005"}, ids(t, dir))
}

// Records that change without another date are seen after a week.
func TestUpdateAged(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1), rec("CVE-2026-0002", 1))
	dir := t.TempDir()
	now := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	opts := []vulndb.UpdateOption{
		vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian"), vulndb.WithClock(func() time.Time { return now }),
	}
	mustUpdate(t, dir, opts...)
	s.put(t, "Debian", rec("CVE-2026-0002", 1, `"withdrawn": "2026-01-01T00:00:00Z"`))
	now = now.Add(7*24*time.Hour - 1)
	assert.Equal(t, vulndb.Unchanged, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	now = now.Add(1)
	assert.Equal(t, vulndb.Full, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	assert.Equal(t, []string{"CVE-2026-0001"}, ids(t, dir))
	now = now.Add(7 * 24 * time.Hour)
	s.requests()
	for range 2 {
		assert.Equal(t, vulndb.Unchanged, mustUpdate(t, dir, opts...).Ecosystems[0].Status)
	}
	assert.Equal(t, []string{"/Debian/all.zip 304", "/Debian/modified_id.csv 200", "/Debian/modified_id.csv 304"}, s.requests())
}

func TestUpdateOptions(t *testing.T) {
	tests := []struct {
		opt  vulndb.UpdateOption
		want string
	}{
		{vulndb.WithMirrors(), "give one or more"},
		{vulndb.WithMirrors(""), "empty"},
		{vulndb.WithMirrors("ftp://example.test"), "neither http nor https"},
		{vulndb.WithMirrors("https://"), "no URL"},
		{vulndb.WithMirrors("https://example.test/?a=b"), "no URL"},
		{vulndb.WithEcosystems("Debian:12"), `give all releases together, as "Debian"`},
		{vulndb.WithEcosystems("../x"), "no name of an ecosystem"},
		{vulndb.WithEcosystems(".."), "no name of an ecosystem"},
		{vulndb.WithEcosystems(""), "no name of an ecosystem"},
		{vulndb.WithEcosystems("Spaceport"), "unknown ecosystem"},
		{vulndb.WithTransport(nil), "WithTransport(nil)"},
		{vulndb.WithWorkers(0), "WithWorkers(0)"},
	}
	for _, tt := range tests {
		dir := filepath.Join(t.TempDir(), "db")
		_, err := update(t, dir, tt.opt)
		assert.ErrorContains(t, err, tt.want)
		assert.NoDirExists(t, dir)
	}
}

// A name in the wrong case is the likely mistake.
func TestUpdateUnknown(t *testing.T) {
	s := newExport(t)
	s.override["/ecosystems.txt"] = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Debian\nDebian:12\nPyPI\n") }
	_, err := update(t, t.TempDir(), vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("pypi"))
	assert.ErrorIs(t, err, vulndb.ErrUnknownEcosystem)
	assert.ErrorContains(t, err, `is "PyPI" meant?`)
	_, err = update(t, t.TempDir(), vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("npm"))
	assert.ErrorIs(t, err, vulndb.ErrUnknownEcosystem)
	assert.NotContains(t, err.Error(), "meant")
}

func TestUpdateProgress(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1))
	s.lag = map[string]map[string]string{"Debian": maps.Clone(s.records["Debian"])}
	s.put(t, "Debian", rec("CVE-2026-0002", 2), rec("CVE-2026-0003", 2))
	last := map[string]vulndb.Progress{}
	mustUpdate(t, t.TempDir(), vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian"),
		vulndb.WithTransport(http.DefaultTransport), vulndb.WithProgress(func(p vulndb.Progress) { last[p.Stage] = p }))
	size := int64(len(exportZip(s.lag["Debian"])))
	assert.Equal(t, map[string]vulndb.Progress{
		"export":  {Stage: "export", Ecosystem: "Debian", Mirror: s.URL, Done: size, Total: size},
		"records": {Stage: "records", Ecosystem: "Debian", Mirror: s.URL, Done: 2, Total: 2},
		"compile": {Stage: "compile", Done: 1, Total: 1},
	}, last)
}

func TestUpdateCancelled(t *testing.T) {
	s := newExport(t)
	s.put(t, "Debian", rec("CVE-2026-0001", 1))
	ctx, cancel := context.WithCancel(t.Context())
	s.override["/Debian/all.zip"] = func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}
	dir := t.TempDir()
	_, err := vulndb.Update(ctx, dir, vulndb.WithMirrors(s.URL), vulndb.WithEcosystems("Debian"))
	assert.ErrorIs(t, err, context.Canceled)
	assert.NoFileExists(t, filepath.Join(dir, "manifest.json"))
}

// Updates of one folder at the same time, of the same ecosystem and of others,
// all win.
func TestUpdateConcurrent(t *testing.T) {
	s := newExport(t)
	names := []string{"Debian", "PyPI", "Alpine", "Go"}
	for _, name := range names {
		s.put(t, name, strings.Replace(rec("CVE-2026-0001", 1), "Debian:12", name, 1))
	}
	dir := t.TempDir()
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			_, err := update(t, dir, vulndb.WithMirrors(s.URL), vulndb.WithEcosystems(names[i%len(names)]))
			assert.NoError(t, err)
		})
	}
	group.Wait()
	assert.Len(t, open(t, dir).Info().Sources, len(names))
}

// Real exports, in steps: the end is the same as at once.
func TestUpdateReal(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	dir, whole := t.TempDir(), t.TempDir()
	s := newExport(t)
	names := []string{"Alpine", "Azure Linux", "Go", "RubyGems"}
	late := map[string][]string{}
	for _, name := range names {
		z, err := zip.OpenReader(sharedtest.Path(t, "data", "osv", name, "all.zip"))
		require.NoError(t, err)
		for i, f := range z.File {
			r, err := f.Open()
			require.NoError(t, err)
			data, err := io.ReadAll(r)
			require.NoError(t, err)
			require.NoError(t, r.Close())
			if i%20 == 0 {
				late[name] = append(late[name], string(data))
				continue
			}
			s.put(t, name, string(data))
		}
		require.NoError(t, z.Close())
	}
	opts := []vulndb.UpdateOption{vulndb.WithMirrors(s.URL), vulndb.WithEcosystems(names...)}
	start := time.Now()
	mustUpdate(t, dir, opts...)
	t.Logf("first update: %v", time.Since(start))
	for _, name := range names {
		s.put(t, name, late[name]...)
	}
	start = time.Now()
	report := mustUpdate(t, dir, opts...)
	t.Logf("incremental update: %v", time.Since(start))
	for _, e := range report.Ecosystems {
		assert.Equal(t, len(late[e.Ecosystem]), e.Fetched, e.Ecosystem)
		assert.Equal(t, vulndb.Incremental, e.Status, e.Ecosystem)
	}
	start = time.Now()
	assert.False(t, mustUpdate(t, dir, opts...).Changed)
	t.Logf("nothing new: %v", time.Since(start))
	assert.Equal(t, mustUpdate(t, whole, opts...).Info.ID, report.Info.ID)
}

func checksum(b []byte) string {
	return strconv.FormatUint(uint64(crc32.ChecksumIEEE(b)), 16)
}
