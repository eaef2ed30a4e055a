package scan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/image"
	"github.com/imagevet/imagevet/vulndb"
)

// openDB builds a database of records in the OSV format.
func openDB(tb testing.TB, records ...string) *vulndb.DB {
	tb.Helper()
	dir := tb.TempDir()
	source := filepath.Join(dir, "records.jsonl")
	require.NoError(tb, os.WriteFile(source, []byte(strings.Join(records, "\n")), 0o600))
	database := filepath.Join(dir, "db")
	report, err := vulndb.Build(tb.Context(), database, []vulndb.Source{vulndb.FileSource(source)})
	require.NoError(tb, err)
	require.Zero(tb, report.Bad, "%v", report.BadRecords)
	db, err := vulndb.Open(database)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, db.Close()) })
	return db
}

// advisory is a record on one package of Debian 12, with a rating in words if
// it is not empty, and without a fixed version if fixed is empty.
func advisory(id, pkg, fixed, severity string) string {
	events := []map[string]string{{"introduced": "0"}}
	if fixed != "" {
		events = append(events, map[string]string{"fixed": fixed})
	}
	record := map[string]any{
		"id": "DEBIAN-" + id, "modified": "2026-01-02T00:00:00Z", "upstream": []string{id},
		"affected": []any{map[string]any{
			"package": map[string]string{"ecosystem": "Debian:12", "name": pkg},
			"ranges":  []any{map[string]any{"type": "ECOSYSTEM", "events": events}},
		}},
	}
	if severity != "" {
		record["database_specific"] = map[string]string{"severity": severity}
	}
	data, err := json.Marshal(record)
	if err != nil {
		panic(err)
	}
	return string(data)
}

const osRelease = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n"

func stanza(pkg, version, source, maintainer string) string {
	return fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\nSource: %s\nMaintainer: %s\n\n",
		pkg, version, source, maintainer)
}

// bookworm is a root file system with three packages.
func bookworm() fstest.MapFS {
	return fstest.MapFS{
		"usr/lib/os-release": {Data: []byte(osRelease)},
		"var/lib/dpkg/status": {Data: []byte(
			stanza("libssl3", "3.0.15-1~deb12u1", "openssl", "Debian <a@lists.alioth.debian.org>") +
				stanza("curl", "7.88.1-10", "curl", "Debian <b@debian.org>") +
				stanza("docker-ce", "5:27.0", "docker-ce", "Docker <support@docker.com>"))},
	}
}

var records = []string{
	advisory("CVE-2026-0001", "openssl", "3.0.16-1~deb12u1", "high"),
	advisory("CVE-2026-0002", "openssl", "3.0.15-1~deb12u1", "critical"), // fixed in what is installed
	advisory("CVE-2026-0003", "curl", "", "low"),
	advisory("CVE-2026-0004", "curl", "7.88.1-10+deb12u1", ""),
	advisory("CVE-2026-0005", "docker-ce", "", "critical"), // not Debian's package
	advisory("CVE-2026-0006", "libssl3", "", "critical"),   // Debian's advisories name sources
}

func ids(report *scan.Report) []string {
	var out []string
	for _, f := range report.Findings {
		out = append(out, f.ID+" "+f.Package.Name)
	}
	return out
}

func TestScan(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) }
	s, err := scan.New(scan.WithDB(openDB(t, records...)), scan.WithClock(now))
	require.NoError(t, err)
	report, err := s.Scan(t.Context(), image.FS("bookworm", bookworm()))
	require.NoError(t, err)
	assert.Equal(t, []string{"CVE-2026-0001 libssl3", "CVE-2026-0003 curl", "CVE-2026-0004 curl"}, ids(report), "the highest severity first")
	assert.Equal(t, scan.Summary{High: 1, Low: 1, Unknown: 1, Fixable: 2}, report.Summary)
	assert.Equal(t, scan.OS{
		ID: "debian", Version: "12", Name: "Debian GNU/Linux 12 (bookworm)", Ecosystem: "Debian:12", EndOfLifeDate: "2028-06-30", EndOfLifeSource: scan.EndOfLifeBuiltIn,
	}, report.OS)
	assert.Equal(t, []vulndb.Coverage{
		{Ecosystem: "Debian:12", Packages: 2, Status: "matched"},
		{
			Ecosystem: "Debian:12", Packages: 1, Status: "unsupported",
			Reason: "packages of Docker, which the distribution's advisories do not cover: docker-ce",
		},
	}, report.Coverage)
	f := report.Findings[0]
	assert.Equal(t, cvss.High, f.Severity)
	assert.Equal(t, "DEBIAN-CVE-2026-0001", f.SeveritySource)
	assert.Equal(t, "3.0.16-1~deb12u1", f.FixedVersion)
	assert.Equal(t, scan.StatusFixed, f.Status)
	assert.Equal(t, []string{"var/lib/dpkg/status"}, f.Package.Paths)
	f.Evidence.Database = strings.TrimLeft(f.Evidence.Database[len("sha256:"):], "0123456789abcdef")
	assert.Equal(t, vulndb.Evidence{
		Advisory: "DEBIAN-CVE-2026-0001", Ecosystem: "Debian:12", MatchedName: "openssl", MatchedVersion: "3.0.15-1~deb12u1",
		Scheme: "deb", Range: ">= 0, < 3.0.16-1~deb12u1",
	}, f.Evidence)
	assert.Equal(t, scan.StatusAffected, report.Findings[1].Status)
	assert.Empty(t, report.Problems)
}

func TestFilters(t *testing.T) {
	db := openDB(t, records...)
	tests := []struct {
		name       string
		option     scan.Option
		want       []string
		suppressed []string // by, reason
	}{
		{
			"minimum", scan.WithMinSeverity(cvss.Medium),
			[]string{"CVE-2026-0001 libssl3", "CVE-2026-0004 curl"}, // what nobody has rated stays
			[]string{"CVE-2026-0003: severity: severity LOW is below MEDIUM"},
		},
		{
			"list", scan.WithSeverities(cvss.High, cvss.Low),
			[]string{"CVE-2026-0001 libssl3", "CVE-2026-0003 curl"},
			[]string{"CVE-2026-0004: severity: severity UNKNOWN is not asked for"},
		},
		{
			"unfixed", scan.WithIgnoreUnfixed(true),
			[]string{"CVE-2026-0001 libssl3", "CVE-2026-0004 curl"},
			[]string{"CVE-2026-0003: unfixed: no fixed version is known"},
		},
		{
			"status", scan.WithIgnoreStatuses(scan.StatusFixed, scan.StatusWillNotFix),
			[]string{"CVE-2026-0003 curl"},
			[]string{`CVE-2026-0001: status: status "fixed" is ignored`, `CVE-2026-0004: status: status "fixed" is ignored`},
		},
	}
	for _, tt := range tests {
		s, err := scan.New(scan.WithDB(db), tt.option)
		require.NoError(t, err, tt.name)
		report, err := s.Scan(t.Context(), image.FS("bookworm", bookworm()))
		require.NoError(t, err, tt.name)
		assert.Equal(t, tt.want, ids(report), tt.name)
		var suppressed []string
		for _, f := range report.Suppressed {
			suppressed = append(suppressed, f.ID+": "+f.By+": "+f.Reason)
		}
		assert.Equal(t, tt.suppressed, suppressed, tt.name)
		total := report.Summary.High + report.Summary.Low + report.Summary.Unknown
		assert.Equal(t, len(tt.want), total, "%s: the summary counts what is reported", tt.name)
	}
}

func TestSeverity(t *testing.T) {
	const (
		v2   = `{"type":"CVSS_V2","score":"AV:N/AC:L/Au:N/C:P/I:P/A:P"}`
		v31  = `{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}`
		v4   = `{"type":"CVSS_V4","score":"CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}`
		bad  = `{"type":"CVSS_V3","score":"CVSS:3.1/AV:X"}`
		word = `{"type":"Ubuntu","score":"negligible"}`
	)
	tests := []struct {
		name    string
		ratings string
		want    cvss.Severity
		source  string
		scores  []float64
		problem string
	}{
		{"nothing", "", cvss.Unknown, "", nil, ""},
		{"a vector", v31, cvss.Critical, "DEBIAN-CVE-2026-0001", []float64{9.8}, ""},
		{"of several the newest", v31 + "," + v2, cvss.Critical, "DEBIAN-CVE-2026-0001", []float64{9.8, 7.5}, ""},
		{"in any order", v31 + "," + v4, cvss.High, "DEBIAN-CVE-2026-0001", []float64{9.8, 8.5}, ""},
		{"a word of the distribution counts more", v31 + "," + word, cvss.Negligible, "DEBIAN-CVE-2026-0001", []float64{9.8}, ""},
		{"a vector that cannot be read is told", bad, cvss.Unknown, "", nil, "rating by DEBIAN-CVE-2026-0001"},
	}
	for _, tt := range tests {
		record := strings.Replace(advisory("CVE-2026-0001", "curl", "", ""), `"id":`, `"severity":[`+tt.ratings+`],"id":`, 1)
		s, err := scan.New(scan.WithDB(openDB(t, record)))
		require.NoError(t, err)
		report, err := s.Scan(t.Context(), image.FS("bookworm", bookworm()))
		require.NoError(t, err)
		require.Len(t, report.Findings, 1, tt.name)
		f := report.Findings[0]
		assert.Equal(t, tt.want, f.Severity, tt.name)
		assert.Equal(t, tt.source, f.SeveritySource, tt.name)
		var scores []float64
		for _, c := range f.CVSS {
			scores = append(scores, c.Score)
		}
		assert.Equal(t, tt.scores, scores, tt.name)
		if tt.problem == "" {
			assert.Empty(t, report.Problems, tt.name)
		} else if assert.Len(t, report.Problems, 1, tt.name) {
			assert.Contains(t, report.Problems[0].Error, tt.problem, tt.name)
		}
	}
}

func TestOptionErrors(t *testing.T) {
	for want, opt := range map[string]scan.Option{
		"WithDB(nil)":                              scan.WithDB(nil),
		"WithMinSeverity: cvss: Severity(9)":       scan.WithMinSeverity(9),
		"WithSeverities: no severity":              scan.WithSeverities(),
		"WithSeverities: cvss: Severity(9)":        scan.WithSeverities(cvss.High, 9),
		`WithIgnoreStatuses("gone"): no such stat`: scan.WithIgnoreStatuses("gone"),
		"WithPlatform":                             scan.WithPlatform("linux"),
		"WithClock(nil)":                           scan.WithClock(nil),
		"WithLogger(nil)":                          scan.WithLogger(nil),
		"WithWorkers(0)":                           scan.WithWorkers(0),
		"WithMemoryLimit(-1)":                      scan.WithMemoryLimit(-1),
	} {
		s, err := scan.New(opt)
		assert.Nil(t, s, want)
		assert.ErrorContains(t, err, want)
	}
}

// Nothing that was not compared passes for clean.
func TestNeverSilentlyClean(t *testing.T) {
	db := openDB(t, records...)
	trixie := bookworm()
	trixie["usr/lib/os-release"] = &fstest.MapFile{Data: []byte("ID=debian\nVERSION_ID=13\n")}
	unknown := bookworm()
	unknown["usr/lib/os-release"] = &fstest.MapFile{Data: []byte("ID=plan9\n")}
	nameless := bookworm()
	delete(nameless, "usr/lib/os-release")
	old := bookworm()
	old["usr/lib/os-release"] = &fstest.MapFile{Data: []byte("ID=debian\nVERSION_ID=9\n")}
	damaged := bookworm()
	damaged["lib/apk/db/installed"] = &fstest.MapFile{Data: []byte("P:" + strings.Repeat("x", 2<<20))}
	tests := []struct {
		name   string
		fsys   fstest.MapFS
		opts   []scan.Option
		status string
		reason string
	}{
		{"no data on the release", trixie, []scan.Option{scan.WithDB(db)}, "no_data", "the database has no advisories for Debian:13, only for Debian:12"},
		{"unknown distribution", unknown, []scan.Option{scan.WithDB(db)}, "unsupported", `the distribution "plan9" is not known`},
		{"no distribution", nameless, []scan.Option{scan.WithDB(db)}, "unsupported", "no file of the image names its distribution"},
		{"end of life", old, []scan.Option{scan.WithDB(db)}, "no_data", ""},
		{"damaged package database", damaged, []scan.Option{scan.WithDB(db)}, "matched", ""},
		{"no database", bookworm(), nil, "no_data", "the scan had no database"},
	}
	for _, tt := range tests {
		s, err := scan.New(tt.opts...)
		require.NoError(t, err)
		report, err := s.Scan(t.Context(), image.FS("test", tt.fsys))
		require.NoError(t, err, tt.name)
		require.NotEmpty(t, report.Coverage, tt.name)
		found := slices.ContainsFunc(report.Coverage, func(c vulndb.Coverage) bool {
			return c.Status == tt.status && strings.Contains(c.Reason, tt.reason)
		})
		assert.Truef(t, found, "%s: %v", tt.name, report.Coverage)
		assert.Equal(t, tt.name == "end of life", report.OS.EndOfLife, tt.name)
		if tt.name == "damaged package database" {
			require.Len(t, report.Problems, 1)
			assert.Equal(t, "lib/apk/db/installed", report.Problems[0].Path)
			assert.NotEmpty(t, report.Findings, "the rest of the scan goes on")
		}
	}
}

// metadata is an extractor of an embedder's own, for a language package.
type metadata struct{}

func (metadata) Name() string             { return "metadata" }
func (metadata) Version() int             { return 1 }
func (metadata) Patterns() []sbom.Pattern { return []sbom.Pattern{{Glob: "**/METADATA"}} }
func (metadata) Extract(context.Context, *sbom.File) (sbom.Facts, error) {
	return sbom.Facts{Packages: []sbom.Package{{Type: "pypi", Name: "x", Version: "1"}}}, nil
}

// A language package that an operating system package installed is matched as
// part of that, if anything is known of that.
func TestOwnedPackages(t *testing.T) {
	fsys := bookworm()
	fsys["usr/lib/x/METADATA"] = &fstest.MapFile{}
	fsys["opt/x/METADATA"] = &fstest.MapFile{}
	fsys["opt/docker/METADATA"] = &fstest.MapFile{}
	fsys["var/lib/dpkg/info/curl.list"] = &fstest.MapFile{Data: []byte("/usr/lib/x/METADATA\n")}
	fsys["var/lib/dpkg/info/docker-ce.list"] = &fstest.MapFile{Data: []byte("/opt/docker/METADATA\n")}
	var more []scan.Option
	coverage := func(records ...string) map[string]int {
		s, err := scan.New(append(more, scan.WithDB(openDB(t, records...)), scan.WithExtractors(metadata{}))...)
		require.NoError(t, err)
		report, err := s.Scan(t.Context(), image.FS("test", fsys))
		require.NoError(t, err)
		out := map[string]int{}
		for _, c := range report.Coverage {
			out[c.Ecosystem+" "+c.Status] += c.Packages
		}
		return out
	}
	assert.Equal(t, map[string]int{
		"Debian:12 matched": 2, "Debian:12 unsupported": 1,
		"pypi matched": 1, // as part of curl
		"PyPI no_data": 2, // in /opt, and one that Docker's package brought
	}, coverage(records...))
	other := strings.ReplaceAll(records[0], "Debian:12", "Debian:11")
	assert.Equal(t, map[string]int{
		"Debian:12 no_data": 2, "Debian:12 unsupported": 1, "PyPI no_data": 3, // nobody else looks after it
	}, coverage(other))
	delete(fsys, "opt/docker/METADATA")
	assert.Equal(t, map[string]int{
		"Debian:12 matched": 2, "Debian:12 unsupported": 1, "pypi matched": 1, "PyPI no_data": 1,
	}, coverage(records...), "every owner is covered")
	more = []scan.Option{scan.WithMatchOwned(true)}
	assert.Equal(t, map[string]int{
		"Debian:12 matched": 2, "Debian:12 unsupported": 1, "PyPI no_data": 2,
	}, coverage(records...), "as it is asked for")
}

// What a layer took away is listed if that is asked for, and never matched.
func TestDeletedPackages(t *testing.T) {
	base := bookworm()
	img := layered{base, fstest.MapFS{"var/lib/dpkg/status": &fstest.MapFile{Data: []byte("Package: left\nStatus: install ok installed\nVersion: 1\n\n")}}}
	for _, keep := range []bool{false, true} {
		s, err := scan.New(scan.WithDB(openDB(t, records...)), scan.WithInventory(sbom.WithDeleted(keep)))
		require.NoError(t, err)
		report, err := s.Scan(t.Context(), img)
		require.NoError(t, err)
		assert.Empty(t, report.Findings)
		var deleted []string
		for _, p := range report.Packages {
			if p.DeletedBy != nil {
				assert.Equal(t, 1, p.DeletedBy.Index)
				assert.Equal(t, 0, p.Layer.Index)
				deleted = append(deleted, p.Name)
			}
		}
		assert.Equal(t, keep, len(deleted) > 0, "kept %v: %v", keep, deleted)
	}
	_, err := scan.New(scan.WithInventory(nil))
	assert.ErrorContains(t, err, "WithInventory")
}

// wishes is an extractor of files that name packages without versions.
type wishes struct{}

func (wishes) Name() string             { return "wishes" }
func (wishes) Version() int             { return 1 }
func (wishes) Patterns() []sbom.Pattern { return []sbom.Pattern{{Glob: "**/wishes"}} }
func (wishes) Extract(_ context.Context, f *sbom.File) (sbom.Facts, error) {
	data, err := io.ReadAll(f)
	facts := sbom.Facts{Declared: true}
	for name := range strings.FieldsSeq(string(data)) {
		facts.Packages = append(facts.Packages, sbom.Package{Type: "pypi", Name: name, Constraint: ">1"})
	}
	return facts, err
}

// What no file pins to a version is told of in one sentence for each file.
func TestUnpinned(t *testing.T) {
	var names strings.Builder
	names.WriteString("p")
	for i := range 12 {
		names.WriteString(fmt.Sprintf(" q%02d", i))
	}
	fsys := fstest.MapFS{"a/wishes": {Data: []byte("x")}, "b/wishes": {Data: []byte(names.String())}}
	pypi := `{"id":"PYSEC-1","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"x"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]}]}`
	s, err := scan.New(scan.WithDB(openDB(t, pypi)), scan.WithExtractors(wishes{}))
	require.NoError(t, err)
	report, err := s.Scan(t.Context(), image.TreeFS("tree", fsys))
	require.NoError(t, err)
	assert.Empty(t, report.Findings, "nothing is guessed")
	require.Len(t, report.Problems, 2)
	assert.Equal(t, scan.Problem{Path: "a/wishes", Extractor: "match", Error: `a package has no version to compare: "x >1"`}, report.Problems[0])
	assert.Contains(t, report.Problems[1].Error, `13 packages have no version to compare: "p >1", "q00 >1"`)
	assert.Contains(t, report.Problems[1].Error, "and 3 more")
	assert.Equal(t, ">1", report.Packages[0].Constraint)
}

// layered is an image whose layers are folders.
type layered []fstest.MapFS

func (l layered) Target() sbom.Target         { return sbom.Target{Name: "layered", Kind: "test"} }
func (l layered) Layers() []sbom.Layer        { return make([]sbom.Layer, len(l)) }
func (l layered) LayerFS(i int) (fs.FS, bool) { return l[i], true }
func (l layered) OpenLayer(context.Context, int) (io.ReadCloser, error) {
	return nil, errors.New("it is a folder")
}

func TestJSONIsTheContract(t *testing.T) {
	s, err := scan.New(scan.WithDB(openDB(t, records...)))
	require.NoError(t, err)
	report, err := s.Scan(t.Context(), image.FS("bookworm", bookworm()))
	require.NoError(t, err)
	data, err := json.Marshal(report)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "null", "lists are empty, not null")
	var back scan.Report
	require.NoError(t, json.Unmarshal(data, &back))
	assert.NotNil(t, report.BOM)
	report.BOM = nil // what it was made from is no part of it
	assert.Equal(t, report, &back, "a report can be read back")
}

// testImage is an image of one layer with two packages, made with another
// library.
func testImage(t *testing.T) v1.Image {
	t.Helper()
	var buf strings.Builder
	writeTar(t, &buf, bookworm())
	data := buf.String()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(data)), nil })
	require.NoError(t, err)
	img, err := mutate.Append(emptyImage(t), mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: "ADD rootfs.tar /"}})
	require.NoError(t, err)
	return img
}

func TestRegistry(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	ref, err := name.ParseReference(u.Host + "/team/app:1.0")
	require.NoError(t, err)
	img := testImage(t)
	require.NoError(t, remote.Write(ref, img))
	digest, err := img.Digest()
	require.NoError(t, err)
	s, err := scan.New(scan.WithDB(openDB(t, records...)), scan.WithPlatform("linux/amd64"))
	require.NoError(t, err)
	for _, name := range []string{u.Host + "/team/app:1.0", u.Host + "/team/app@" + digest.String()} {
		report, err := s.Image(t.Context(), name)
		require.NoError(t, err, name)
		assert.Equal(t, []string{"CVE-2026-0001 libssl3", "CVE-2026-0003 curl", "CVE-2026-0004 curl"}, ids(report), name)
		assert.Equal(t, name, report.Target.Name)
		assert.Equal(t, digest.String(), report.Target.Digest)
		assert.Equal(t, "ADD rootfs.tar /", report.Findings[0].Package.Layer.CreatedBy)
	}
	report, err := s.Image(t.Context(), u.Host+"/team/app:2.0")
	assert.Nil(t, report)
	var failed *image.RegistryError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 404, failed.Status)
}

// A counter counts the bytes that are read.
type counter struct {
	r io.ReaderAt
	n atomic.Int64
}

func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n.Add(int64(n))
	return n, err
}

// Of a plain archive of plain layers only headers and wanted files are read.
func TestDockerArchiveIsWalkedBySeeking(t *testing.T) {
	const files, size = 500, 10_000
	fsys := bookworm()
	for i := range files {
		fsys[fmt.Sprintf("usr/share/doc/file-%03d", i)] = &fstest.MapFile{Data: bytes.Repeat([]byte("x"), size)}
	}
	var layer bytes.Buffer
	writeTar(t, &layer, fsys)
	config := fmt.Sprintf(`{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["%s"]}}`, sha(layer.Bytes()))
	var docker bytes.Buffer
	writeTar(t, &docker, fstest.MapFS{
		"config.json":   {Data: []byte(config)},
		"l/layer.tar":   {Data: layer.Bytes()},
		"manifest.json": {Data: []byte(`[{"Config":"config.json","RepoTags":["a:1"],"Layers":["l/layer.tar"]}]`)},
	})
	c := &counter{r: bytes.NewReader(docker.Bytes())}
	img, err := image.ArchiveReader(t.Context(), "test", c, int64(docker.Len()))
	require.NoError(t, err)
	s, err := scan.New()
	require.NoError(t, err)
	report, err := s.Scan(t.Context(), img)
	require.NoError(t, err)
	assert.Len(t, report.Packages, 3)

	wanted := len(fsys["var/lib/dpkg/status"].Data) + len(fsys["usr/lib/os-release"].Data)
	headers := 512 * (len(fsys) + 2) // each header once, and the end of the archive
	outer := 8 << 10                 // headers and JSON of the outer archive, and how the layer begins
	assert.Less(t, c.n.Load(), int64(headers+wanted+outer), "of %d bytes", docker.Len())
}

// A layer that is not what the image states gives an error that names it, and
// no report.
func TestDamagedLayer(t *testing.T) {
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	require.NoError(t, err)
	img := testImage(t)
	require.NoError(t, path.AppendImage(img))
	layers, err := img.Layers()
	require.NoError(t, err)
	digest, err := layers[0].Digest()
	require.NoError(t, err)
	blob := filepath.Join(dir, "blobs", digest.Algorithm, digest.Hex)
	data, err := os.ReadFile(blob)
	require.NoError(t, err)
	s, err := scan.New(scan.WithPlatform("linux/amd64"))
	require.NoError(t, err)
	_, err = s.Layout(t.Context(), dir, "")
	require.NoError(t, err, "before it is damaged")

	// A byte of gzip's header that changes nothing of the content.
	data[9] ^= 1
	require.NoError(t, os.WriteFile(blob, data, 0o600))
	report, err := s.Layout(t.Context(), dir, "")
	assert.Nil(t, report)
	var wrong *sbom.DigestError
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, digest.String(), wrong.Want)
	assert.ErrorContains(t, err, "scan: sbom: layer 0 (sha256:")

	require.NoError(t, os.WriteFile(blob, data[:len(data)-1], 0o600))
	report, err = s.Layout(t.Context(), dir, "")
	assert.Nil(t, report)
	require.ErrorAs(t, err, &wrong)
	assert.EqualValues(t, len(data)-1, wrong.GotSize, "a truncated blob")
}

func TestCancel(t *testing.T) {
	s, err := scan.New()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	report, err := s.Scan(ctx, image.FS("bookworm", bookworm()))
	assert.Nil(t, report)
	assert.True(t, errors.Is(err, context.Canceled), "%v", err)
}

func ExampleScanner_Scan() {
	root := fstest.MapFS{
		"etc/os-release":       {Data: []byte("ID=alpine\nVERSION_ID=3.19.1\nPRETTY_NAME=\"Alpine Linux v3.19\"\n")},
		"lib/apk/db/installed": {Data: []byte("P:musl\nV:1.2.4_git20230717-r4\nA:x86_64\n\n")},
	}
	s, err := scan.New()
	if err != nil {
		log.Fatal(err)
	}
	report, err := s.Scan(context.Background(), image.FS("example", root))
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range report.Packages {
		fmt.Println(p.Name, p.Version, p.PURL)
	}
	for _, c := range report.Coverage {
		fmt.Println(c.Ecosystem, c.Packages, c.Status, c.Reason)
	}
	// Output:
	// musl 1.2.4_git20230717-r4 pkg:apk/alpine/musl@1.2.4_git20230717-r4?arch=x86_64&distro=alpine-3.19.1
	// Alpine:v3.19 1 no_data the scan had no database
}
