package vulndb_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/sharedtest"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/version"
	"github.com/imagevet/imagevet/vulndb"
)

// The reference reads records and answers questions the slow and plain way,
// sharing nothing with the database but the order of versions.
type (
	refRecord struct {
		ID        string        `json:"id"`
		Withdrawn string        `json:"withdrawn"`
		Aliases   []string      `json:"aliases"`
		Upstream  []string      `json:"upstream"`
		Affected  []refAffected `json:"affected"`
	}
	refAffected struct {
		Package struct {
			Ecosystem string `json:"ecosystem"`
			Name      string `json:"name"`
		} `json:"package"`
		Ranges []struct {
			Type   string              `json:"type"`
			Events []map[string]string `json:"events"`
		} `json:"ranges"`
		Versions []string `json:"versions"`
		Database struct {
			Informational string `json:"informational"`
		} `json:"database_specific"`
		Specific struct {
			Imports []struct {
				OS   []string `json:"goos"`
				Arch []string `json:"goarch"`
			} `json:"imports"`
		} `json:"ecosystem_specific"`
	}
	// A refMatch is what is compared of a match.
	refMatch struct {
		pkg                      int
		id, advisory, other, fix string
	}
	compareFunc func(a, b string) int
)

func compareBy(tb testing.TB, scheme string) compareFunc {
	s, err := version.ParseScheme(scheme)
	require.NoError(tb, err)
	return func(a, b string) int {
		c, err := version.Compare(s, a, b)
		require.NoErrorf(tb, err, "Compare(%q, %q)", a, b)
		return c
	}
}

// affects reports whether a version is in a range or list of the record, and
// whether it is in a range.
func (r *refRecord) affects(ecosystem, name, v string, compare compareFunc) (any, byRange bool) {
	base, _, _ := strings.Cut(ecosystem, ":")
	for _, a := range r.Affected {
		if a.Package.Name != name || a.Package.Ecosystem != ecosystem && a.Package.Ecosystem != base {
			continue
		}
		for _, rng := range a.Ranges {
			byRange = byRange || rng.Type != "GIT" && refInRange(rng.Events, v, compare)
		}
		for _, l := range a.Versions {
			any = any || l == v || compare(l, v) == 0
		}
	}
	return any || byRange, byRange
}

// refInRange says which of the events at or below a version is the last. Where
// a version is introduced and fixed at once, the state below it decides.
func refInRange(events []map[string]string, v string, compare compareFunc) bool {
	type step struct {
		zero     bool
		at, kind string
	}
	var steps []step
	for _, e := range events {
		for kind, at := range e {
			steps = append(steps, step{kind == "introduced" && at == "0", at, kind})
		}
	}
	rank := func(a, b step) int {
		switch {
		case a.zero || b.zero:
			return cmp.Compare(fmt.Sprint(b.zero), fmt.Sprint(a.zero))
		default:
			return compare(a.at, b.at)
		}
	}
	slices.SortStableFunc(steps, rank)
	affected := false
	for i := 0; i < len(steps); {
		var kinds strings.Builder
		j := i
		for ; j < len(steps) && rank(steps[i], steps[j]) == 0; j++ {
			kinds.WriteString(steps[j].kind + " ")
		}
		if !steps[i].zero && compare(steps[i].at, v) > 0 {
			break
		}
		equal := !steps[i].zero && compare(steps[i].at, v) == 0
		begins := strings.Contains(kinds.String(), "introduced")
		fixed := strings.Contains(kinds.String(), "fixed")
		last := strings.Contains(kinds.String(), "last_affected") && !equal
		if !(begins && affected) {
			affected = (begins || affected) && !fixed && !last
		}
		i = j
	}
	return affected
}

// fix is the lowest version above v that is called fixed and is in no range.
func (r *refRecord) fix(ecosystem, name, v string, compare compareFunc) string {
	best := ""
	base, _, _ := strings.Cut(ecosystem, ":")
	for _, a := range r.Affected {
		if a.Package.Name != name || a.Package.Ecosystem != ecosystem && a.Package.Ecosystem != base {
			continue
		}
		for _, rng := range a.Ranges {
			for _, e := range rng.Events {
				at := e["fixed"]
				if at == "" || rng.Type == "GIT" || compare(at, v) <= 0 || best != "" && compare(at, best) >= 0 {
					continue
				}
				if _, in := r.affects(ecosystem, name, at, compare); !in {
					best = at
				}
			}
		}
	}
	return best
}

// refFlaws are the CVEs of a record or else its own ID. Aliases that lead to
// other records are left to the tables.
func (r *refRecord) refFlaws() []string {
	var out []string
	for _, id := range slices.Concat([]string{r.ID}, r.Aliases, r.Upstream) {
		if i := strings.Index(id, "CVE-"); i >= 0 && !slices.Contains(out, id[i:]) {
			out = append(out, id[i:])
		}
	}
	if len(out) == 0 {
		out = []string{r.ID}
	}
	return out
}

// reference answers for packages of one ecosystem. It leaves out the fix of
// matches that a list of versions makes.
func reference(records []*refRecord, ecosystem string, pkgs []inventory.Package, compare compareFunc) []refMatch {
	byName := map[string][]*refRecord{}
	for _, r := range records {
		for _, a := range r.Affected {
			if list := byName[a.Package.Name]; len(list) == 0 || list[len(list)-1] != r {
				byName[a.Package.Name] = append(list, r)
			}
		}
	}
	var out []refMatch
	for i, p := range pkgs {
		flaws := map[string][]*refRecord{}
		for _, r := range byName[p.Source.Name] {
			if in, _ := r.affects(ecosystem, p.Source.Name, p.Source.Version, compare); in && r.Withdrawn == "" {
				for _, id := range r.refFlaws() {
					flaws[id] = append(flaws[id], r)
				}
			}
		}
		for id, list := range flaws {
			slices.SortFunc(list, func(a, b *refRecord) int {
				return cmp.Or(cmp.Compare(len(a.Upstream), len(b.Upstream)), cmp.Compare(a.ID, b.ID))
			})
			m := refMatch{pkg: i, id: id, advisory: list[0].ID}
			if _, byRange := list[0].affects(ecosystem, p.Source.Name, p.Source.Version, compare); byRange {
				m.fix = list[0].fix(ecosystem, p.Source.Name, p.Source.Version, compare)
			}
			for _, r := range list[1:] {
				m.other += r.ID + " "
			}
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b refMatch) int { return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.id, b.id)) })
	return out
}

// simplify reduces matches to what the reference knows.
func simplify(matches []vulndb.Match) []refMatch {
	var out []refMatch
	for _, m := range matches {
		r := refMatch{pkg: m.Package, id: m.ID, advisory: m.Evidence.Advisory, fix: m.FixedVersion}
		if strings.HasPrefix(m.Evidence.Range, "=") {
			r.fix = ""
		}
		for _, e := range m.Other {
			r.other += e.Advisory + " "
		}
		out = append(out, r)
	}
	return out
}

// assertSame compares without printing thousands of matches.
func assertSame(tb testing.TB, want, got []refMatch) {
	tb.Helper()
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			assert.Failf(tb, "answers differ", "at %d: %d matches and %d wanted:\nwant %v\ngot  %v", i, len(got), len(want),
				want[min(i, len(want)):min(i+2, len(want))], got[min(i, len(got)):min(i+2, len(got))])
			return
		}
	}
}

// Random records and packages: the database answers as the reference does.
func TestMatchRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	anyVersion := func() string { return pick("0", "0~", "1", "1-1", "1.0", "1~rc", "2", "2.1-1", "1:0", "3+b1") }
	compare := compareBy(t, "deb")
	total := 0
	for round := range 20 {
		var texts []string
		var records []*refRecord
		for i := range 60 {
			var affected []string
			ecosystem := pick("Debian:12", "Debian:11", "Debian", "Ubuntu:12")
			for range 1 + rnd.IntN(3) {
				var rs, vs []string
				for range rnd.IntN(3) {
					list := []string{"introduced " + anyVersion()}
					for range rnd.IntN(4) {
						list = append(list, pick("introduced ", "fixed ", "fixed ", "last_affected ")+anyVersion())
					}
					rnd.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
					rs = append(rs, events(strings.Join(list, ", ")))
				}
				for range rnd.IntN(3) {
					vs = append(vs, fmt.Sprintf("%q", anyVersion()))
				}
				affected = append(affected, fmt.Sprintf(`{"package": {"ecosystem": %q, "name": %q}, "ranges": [%s], "versions": [%s]}`,
					ecosystem, pick("a", "b", "c"), strings.Join(rs, ", "), strings.Join(vs, ", ")))
			}
			id := pick("DEBIAN-CVE-2026-%04d", "DSA-%04d", "GHSA-%04d")
			var upstream []string
			for range rnd.IntN(3) {
				upstream = append(upstream, fmt.Sprintf(`"CVE-2026-%04d"`, rnd.IntN(60)))
			}
			slices.Sort(upstream)
			upstream = slices.Compact(upstream)
			text := fmt.Sprintf(`{"id": %q, "upstream": [%s], "withdrawn": %q, "affected": [%s]}`, fmt.Sprintf(id, i), strings.Join(upstream, ", "),
				pick("", "", "", "2026-01-01T00:00:00Z"), strings.Join(affected, ", "))
			texts = append(texts, text)
			r := new(refRecord)
			require.NoError(t, json.Unmarshal([]byte(text), r))
			records = append(records, r)
		}
		var pkgs []inventory.Package
		for range 30 {
			pkgs = append(pkgs, deb(pick("a", "b", "c", "d"), anyVersion()))
		}
		db, report := build(t, texts...)
		want := reference(records, "Debian:12", pkgs, compare)
		total += len(want)
		result := match(t, db, bookworm, pkgs...)
		assert.Empty(t, result.Problems)
		assertSame(t, want, simplify(result.Matches))
		if t.Failed() {
			t.Fatalf("round %d, %d records bad", round, report.Bad)
		}
	}
	assert.Greater(t, total, 1000)
}

// full makes the tests with real advisories use all of them. It is for
// changes that matter, as it takes a minute with the race detector.
var full = flag.Bool("full", false, "use all real advisories")

// realRecords returns real advisories, one in every step of each archive unless
// -full is given, as a source and in the form of the reference.
func realRecords(tb testing.TB, step int, names ...string) (string, []*refRecord) {
	tb.Helper()
	if *full {
		step = 1
	}
	var lines []string
	var out []*refRecord
	for _, name := range names {
		z, err := zip.OpenReader(sharedtest.Path(tb, "data", "osv", name, "all.zip"))
		require.NoError(tb, err)
		for i := 0; i < len(z.File); i += step {
			f, err := z.File[i].Open()
			require.NoError(tb, err)
			text, err := io.ReadAll(f)
			require.NoError(tb, err)
			require.NoError(tb, f.Close())
			r := new(refRecord)
			require.NoError(tb, json.Unmarshal(text, r))
			lines = append(lines, string(text))
			out = append(out, r)
		}
		require.NoError(tb, z.Close())
	}
	return jsonl(tb, lines...), out
}

// debian12 are the packages of testdata/debian-12.tsv.
func debian12(tb testing.TB) []inventory.Package {
	tb.Helper()
	text, err := os.ReadFile("testdata/debian-12.tsv")
	require.NoError(tb, err)
	var out []inventory.Package
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		require.Len(tb, f, 4, line)
		out = append(out, inventory.Package{
			Type: "deb", Name: f[0], Version: f[1], Source: inventory.Source{Name: f[2], Version: f[3]},
		})
	}
	return out
}

// buildFile builds a database of a file without bad records.
func buildFile(tb testing.TB, path string) *vulndb.DB {
	tb.Helper()
	dir := tb.TempDir()
	report, err := vulndb.Build(tb.Context(), dir, []vulndb.Source{vulndb.FileSource(path)}, clock)
	require.NoError(tb, err)
	require.Zero(tb, report.Bad, "%v", report.BadRecords)
	return open(tb, dir)
}

// Real advisories on real packages and releases of Debian, by the plain way
// over the JSON records.
func TestMatchRealDebian(t *testing.T) {
	path, records := realRecords(t, 10, "Debian", "Debian-changelog")
	db := buildFile(t, path)
	pkgs := debian12(t)
	for _, release := range []string{"11", "12", "13", "7"} {
		result := match(t, db, inventory.OS{ID: "debian", Version: release}, pkgs...)
		want := reference(records, "Debian:"+release, pkgs, compareBy(t, "deb"))
		t.Logf("Debian %s: %d packages, %d findings", release, len(pkgs), len(want))
		assertSame(t, want, simplify(result.Matches))
		assert.Empty(t, result.Problems)
		assert.Equal(t, []vulndb.Coverage{{Ecosystem: "Debian:" + release, Packages: len(pkgs), Status: "matched"}}, result.Coverage)
	}
}

// All packages of Alpine that have advisories, in the versions that these
// name.
func TestMatchRealAlpine(t *testing.T) {
	path, records := realRecords(t, 4, "Alpine")
	db := buildFile(t, path)
	var pkgs []inventory.Package
	seen := map[inventory.Source]bool{}
	for _, r := range records {
		for _, a := range r.Affected {
			for _, e := range a.Ranges[0].Events {
				s := inventory.Source{Name: a.Package.Name, Version: e["fixed"]}
				if s.Version != "" && !seen[s] {
					seen[s] = true
					pkgs = append(pkgs, inventory.Package{Type: "apk", Name: s.Name + "-libs", Version: s.Version, Source: s})
				}
			}
		}
	}
	for _, release := range []string{"3.11", "3.3"} {
		result := match(t, db, inventory.OS{ID: "alpine", Version: release + ".1"}, pkgs...)
		want := reference(records, "Alpine:v"+release, pkgs, compareBy(t, "apk"))
		t.Logf("Alpine %s: %d packages, %d findings", release, len(pkgs), len(want))
		assertSame(t, want, simplify(result.Matches))
		assert.Empty(t, result.Problems)
	}
}

// The same with the order of versions as dpkg itself sees it, on versions with
// epochs, "+deb12u1", "~" and "+b1".
func TestMatchDpkg(t *testing.T) {
	if testing.Short() {
		t.Skip("runs dpkg some hundred times")
	}
	dpkg, err := exec.LookPath("dpkg")
	if err != nil {
		t.Skip("no dpkg here")
	}
	path, records := realRecords(t, 25, "Debian-changelog")
	db := buildFile(t, path)
	runs := 0
	memo := map[[3]string]bool{}
	test := func(a, op, b string) bool {
		key := [3]string{a, op, b}
		yes, ok := memo[key]
		if !ok {
			runs++
			yes = exec.Command(dpkg, "--compare-versions", a, op, b).Run() == nil
			memo[key] = yes
		}
		return yes
	}
	compare := func(a, b string) int {
		switch {
		case a == b || test(a, "eq", b):
			return 0
		case test(a, "lt", b):
			return -1
		}
		return +1
	}
	var pkgs []inventory.Package
	for _, p := range debian12(t) {
		switch p.Name {
		case "bsdutils", "curl", "libssl3", "perl-base", "git", "libc6", "libexpat1", "zlib1g", "tar", "dpkg":
			pkgs = append(pkgs, p)
		}
	}
	require.NotEmpty(t, pkgs)
	want := reference(records, "Debian:12", pkgs, compare)
	assertSame(t, want, simplify(match(t, db, bookworm, pkgs...).Matches))
	t.Logf("%d packages, %d findings, dpkg was asked %d times", len(pkgs), len(want), runs)
}

func BenchmarkOpen(b *testing.B) {
	dir := benchDir(b, "Alpine", "Debian", "Debian-changelog")
	b.ReportAllocs()
	for b.Loop() {
		db, err := vulndb.Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func benchDir(b *testing.B, names ...string) string {
	b.Helper()
	dir := b.TempDir()
	var sources []vulndb.Source
	for _, name := range names {
		sources = append(sources, vulndb.FileSource(sharedtest.Path(b, "data", "osv", name, "all.zip")))
	}
	_, err := vulndb.Build(b.Context(), dir, sources)
	require.NoError(b, err)
	return dir
}

func BenchmarkMatch(b *testing.B) {
	db := open(b, benchDir(b, "Debian", "Debian-changelog"))
	all := debian12(b)
	var clean []inventory.Package
	for i := range 1000 {
		clean = append(clean, deb(fmt.Sprintf("no-such-package-%d", i), "1"))
	}
	fixed := slices.Clone(all)
	for i := range fixed { // all are there, none is affected
		fixed[i].Source.Version = "9:" + fixed[i].Source.Version[strings.Index(fixed[i].Source.Version, ":")+1:]
	}
	million := make([]inventory.Package, 1_000_000)
	for i := range million {
		million[i] = deb(fmt.Sprintf("no-such-package-%d", i), "1")
	}
	for _, bb := range []struct {
		name string
		pkgs []inventory.Package
	}{
		{"1", all[slices.IndexFunc(all, func(p inventory.Package) bool { return p.Source.Name == "openssl" }):][:1]},
		{"1000", append(slices.Clone(all), all[:1000-len(all)]...)},
		{"1000unknown", clean},
		{"700fixed", fixed},
		{"1000000unknown", million},
	} {
		b.Run(bb.name, func(b *testing.B) {
			matches := 0
			b.ReportAllocs()
			for b.Loop() {
				result, err := db.Match(b.Context(), bookworm, bb.pkgs)
				if err != nil {
					b.Fatal(err)
				}
				matches = len(result.Matches)
			}
			b.ReportMetric(float64(matches), "findings")
			b.ReportMetric(float64(len(bb.pkgs))*float64(b.N)/b.Elapsed().Seconds(), "packages/s")
		})
	}
}

// BenchmarkBuild compares a build with what it cannot do without: to inflate
// the same archives and decode all records, by as many workers.
func BenchmarkBuild(b *testing.B) {
	root := sharedtest.Path(b, "data", "osv")
	archives, err := filepath.Glob(filepath.Join(root, "*", "all.zip"))
	require.NoError(b, err)
	size := int64(0)
	packed := int64(0)
	for _, name := range archives {
		z, err := zip.OpenReader(name)
		require.NoError(b, err)
		for _, m := range z.File {
			size += int64(m.UncompressedSize64)
		}
		require.NoError(b, z.Close())
		info, err := os.Stat(name)
		require.NoError(b, err)
		packed += info.Size()
	}
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			require.NoError(b, decodeAll(archives))
		}
	})
	b.Run("build", func(b *testing.B) {
		b.SetBytes(size)
		dir := b.TempDir()
		for b.Loop() {
			if _, err := vulndb.Build(b.Context(), dir, []vulndb.Source{vulndb.FileSource(root)}); err != nil {
				b.Fatal(err)
			}
		}
		written := int64(0)
		for _, data := range files(b, dir) {
			written += int64(len(data))
		}
		b.ReportMetric(float64(written)/float64(packed), "size/zips")
	})
}

// decodeAll reads all records of archives.
func decodeAll(archives []string) error {
	var group errgroup.Group
	members := make(chan *zip.File, 64)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			var failed error
			var buf bytes.Buffer
			for m := range members {
				r, err := m.Open()
				if err != nil {
					return err
				}
				buf.Reset()
				if _, err := buf.ReadFrom(r); err != nil {
					return err
				}
				if err := r.Close(); err != nil {
					return err
				}
				if _, _, err := advisory.Decode(buf.Bytes()); err != nil {
					failed = err
				}
			}
			return failed
		})
	}
	var closers []io.Closer
	for _, name := range archives {
		z, err := zip.OpenReader(name)
		if err != nil {
			return err
		}
		closers = append(closers, z)
		for _, m := range z.File {
			if strings.HasSuffix(m.Name, ".json") {
				members <- m
			}
		}
	}
	close(members)
	err := group.Wait()
	for _, c := range closers {
		err = errors.Join(err, c.Close())
	}
	return err
}
