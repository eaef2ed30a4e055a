package vulndb

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/internal/durable"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/version"
)

const small = `{"id":"CVE-2026-0001","affected":[{"package":{"ecosystem":"Debian:12","name":"foo"},"versions":["1"]}]}`

// withLimits lowers the limits.
func withLimits(record int, total int64, members int) BuildOption {
	return func(c *buildConfig) error {
		c.limits = &limits{record: record, total: total, members: members}
		return nil
	}
}

func TestLimits(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666))
	}
	large := strings.Replace(small, "0001", "0002", 1)
	large = strings.Replace(large, `"id"`, `"summary":"`+strings.Repeat("x", 1000)+`","id"`, 1)
	write("1.json", small)
	write("2.json", large)
	write("3.jsonl", large+"\n"+strings.Replace(small, "0001", "0003", 1)+"\n"+large)
	sum := int64(2*len(small) + 3*len(large) + 2)
	tests := []struct {
		record  int
		total   int64
		members int
		bad     int
		err     string
	}{
		{1 << 20, 1 << 20, 10, 0, ""},
		{len(large), sum, 3, 0, ""},
		{len(large) - 1, 1 << 20, 10, 3, ""}, // too large records are left out, and named
		{len(small), 1 << 20, 10, 3, ""},
		{1 << 20, sum - 1, 10, 0, "sources exceed the limit"},
		{1 << 20, 1 << 20, 2, 0, "sources exceed the limit: 3 files"},
	}
	lines := FileSource(filepath.Join(dir, "3.jsonl"))
	_, err := Build(t.Context(), t.TempDir(), []Source{lines}, withLimits(len(small), int64(len(small)+2*len(large)+1), 1))
	assert.ErrorIs(t, err, ErrLimit, "lines that are too long count as well")
	for _, tt := range tests {
		report, err := Build(t.Context(), t.TempDir(), []Source{FileSource(dir)}, withLimits(tt.record, tt.total, tt.members))
		if tt.err != "" {
			assert.ErrorContainsf(t, err, tt.err, "limits %+v", tt)
			assert.ErrorIsf(t, err, ErrLimit, "limits %+v", tt)
			continue
		}
		require.NoErrorf(t, err, "limits %+v", tt)
		assert.Equalf(t, tt.bad, report.Bad, "limits %+v", tt)
	}
}

// plain evaluates ranges as https://ossf.github.io/osv-schema/#evaluation
// does: every event in order, every time. Events of one version are told apart
// by what was before.
func plain(t testing.TB, s version.Scheme, v string, ranges []advisory.Range) bool {
	compare := func(a, b string) int {
		c, err := version.Compare(s, a, b)
		require.NoError(t, err)
		return c
	}
	for _, r := range ranges {
		affected := false
		done := map[int]bool{}
		for range r.Events {
			low := -1 // the lowest event that is not done
			for i, e := range r.Events {
				zero := e.Kind == advisory.Introduced && e.Version == "0"
				if !done[i] && (low < 0 || zero || !(r.Events[low].Version == "0" && r.Events[low].Kind == advisory.Introduced) && compare(e.Version, r.Events[low].Version) < 0) {
					low = i
				}
			}
			if low < 0 {
				break
			}
			at := r.Events[low]
			first := at.Kind == advisory.Introduced && at.Version == "0"
			has := map[advisory.Kind]bool{}
			for i, e := range r.Events {
				zero := e.Kind == advisory.Introduced && e.Version == "0"
				if !done[i] && (first && zero || !first && !zero && compare(e.Version, at.Version) == 0) {
					done[i] = true
					has[e.Kind] = true
				}
			}
			c := +1
			if !first {
				c = compare(v, at.Version)
			}
			if c < 0 {
				break
			}
			switch {
			case has[advisory.Introduced] && affected: // one ends, the next begins
			case has[advisory.Introduced] && has[advisory.Fixed]: // nothing
			case has[advisory.Introduced]:
				affected = c == 0 || !has[advisory.LastAffected]
			case has[advisory.Fixed]:
				affected = false
			case c > 0: // the last affected one
				affected = false
			}
		}
		if affected {
			return true
		}
	}
	return false
}

// Intervals say what events say, for all kinds of events in any order.
func TestIntervals(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	versions := []string{"0~", "0", "1~rc1", "1", "1-1", "1.0", "2", "2-0", "3", "1:0"} // 2 and 2-0 are equal
	hits := 0
	for range 3000 {
		var ranges []advisory.Range
		for range 1 + rnd.IntN(3) {
			var r advisory.Range
			for range 1 + rnd.IntN(6) {
				r.Events = append(r.Events, advisory.Event{Kind: advisory.Kind(1 + rnd.IntN(3)), Version: versions[rnd.IntN(len(versions))]})
			}
			ranges = append(ranges, r)
		}
		var list []string
		for range rnd.IntN(3) {
			list = append(list, versions[rnd.IntN(len(versions))])
		}
		in, unreadable, _ := intervals(version.Deb, ranges)
		require.Zero(t, unreadable)
		for i, v := range in { // sorted, with gaps between them, and none is empty
			if v.end != endNone && v.low.text != "" {
				require.LessOrEqualf(t, bytes.Compare(v.low.key, v.high.key), map[int]int{endFixed: -1, endLast: 0}[v.end], "intervals %v of %v", in, ranges)
			}
			if i > 0 {
				require.NotEqualf(t, endNone, in[i-1].end, "intervals %v of %v", in, ranges)
				require.Negativef(t, bytes.Compare(in[i-1].high.key, v.low.key), "intervals %v of %v", in, ranges)
			}
		}
		data := appendCase(nil, 0, 0, 0, in, listed(version.Deb, list, in))
		for _, v := range versions {
			want := plain(t, version.Deb, v, ranges)
			byRange := want
			for _, l := range list {
				c, err := version.Compare(version.Deb, l, v)
				require.NoError(t, err)
				want = want || c == 0
			}
			key, err := version.Key(version.Deb, v)
			require.NoError(t, err)
			d := dbfile.NewDecoder(data)
			got, _ := judge(&d, key, v, "")
			require.NoError(t, d.Err())
			require.Zero(t, d.Len())
			require.Equalf(t, want, got.affected, "version %q, ranges %v, list %v, intervals %v", v, ranges, list, in)
			require.Equalf(t, byRange, strings.HasPrefix(got.rng, ">="), "version %q, ranges %v, range %q", v, ranges, got.rng)
			if got.fixed != "" {
				hits++
				c, err := version.Compare(version.Deb, got.fixed, v)
				require.NoError(t, err)
				require.Positivef(t, c, "version %q, fixed %q, ranges %v", v, got.fixed, ranges)
				require.Falsef(t, plain(t, version.Deb, got.fixed, ranges), "version %q, fixed %q, ranges %v", v, got.fixed, ranges)
			}
		}
	}
	assert.NotZero(t, hits)
}

// FuzzEntry reads arbitrary bytes as what is in entries and records. They are
// checked by a checksum only, so they may be anything.
func FuzzEntry(f *testing.F) {
	in, _, _ := intervals(version.Deb, []advisory.Range{{Events: []advisory.Event{
		{Kind: advisory.Introduced, Version: "1"}, {Kind: advisory.LastAffected, Version: "2"}, {Kind: advisory.Fixed, Version: "3"},
	}}})
	f.Add(appendCase(nil, 1, advisory.WillNotFix, 2, in, listed(version.Deb, []string{"5", "no version"}, in)), "1.5")
	f.Add(appendCase(nil, 0, 0, 0, nil, nil), "")
	f.Add(appendDetails(nil, &advisory.Record{ID: "X-1", Aliases: []string{"A"}}, [][]Severity{{{Type: "T", Score: "S"}}},
		[]limited{{"n", []advisory.Platform{{OS: []string{"linux"}}, {Arch: []string{"386", "arm"}}}}}), "x")
	f.Add(bytes.Repeat([]byte{0xff}, 20), "1") // counts beyond all bounds
	f.Fuzz(func(t *testing.T, data []byte, v string) {
		key, err := version.Key(version.Deb, v)
		if err != nil {
			key = nil
		}
		d := dbfile.NewDecoder(data)
		got, _ := judge(&d, key, v, "x86_64")
		if got.affected {
			require.LessOrEqual(t, len(got.rng), len(data)+10)
			require.LessOrEqual(t, len(got.fixed), len(data))
		}
		if rec, err := decodeDetails(data); err == nil {
			for _, group := range []int{0, 1, len(rec.groups), got.group} {
				rec.severity(group)
			}
			// What can be read can be written again and means the same.
			again, err := decodeDetails(appendDetails(nil, &advisory.Record{
				ID: rec.id, Published: rec.published, Modified: rec.modified, Aliases: rec.aliases, Upstream: rec.upstream,
				References: rec.references, Summary: rec.summary, Details: rec.details, CWEs: rec.cwes,
			}, rec.groups, rec.limited))
			require.NoError(t, err)
			require.Equal(t, rec, again)
		}
	})
}

func TestNormalName(t *testing.T) {
	for _, tt := range []struct{ ecosystem, name, want string }{
		{"PyPI", "Zope.Interface__x", "zope-interface-x"},
		{"NuGet", "Newtonsoft.Json", "newtonsoft.json"},
		{"Packagist", "Symfony/Http-Kernel", "symfony/http-kernel"},
		{"SwiftURL", "https://github.com/Apple/swift-nio.git", "github.com/apple/swift-nio"},
		{"npm", "@Scope/Name", "@Scope/Name"},
		{"Go", "github.com/BurntSushi/toml", "github.com/BurntSushi/toml"},
	} {
		assert.Equalf(t, tt.want, normalName(tt.ecosystem, tt.name), "normalName(%q, %q)", tt.ecosystem, tt.name)
	}
}

func TestCVEOf(t *testing.T) {
	for id, want := range map[string]string{
		"CVE-2026-0001": "CVE-2026-0001", "DEBIAN-CVE-2026-123456": "CVE-2026-123456", "UBUNTU-CVE-1999-0001": "CVE-1999-0001",
		"DSA-1-1": "", "CVE-2026": "", "CVE-2026-1": "", "CVE-26-0001": "", "CVE-2026-0001x": "", "XCVE-2026-0001": "", "CVE-2026-00-1": "", "": "",
	} {
		got, ok := cveOf(id)
		assert.Equalf(t, want, got, "cveOf(%q)", id)
		assert.Equalf(t, want != "", ok, "cveOf(%q)", id)
	}
}

// Keys of another encoding are not compared, nor those of an unknown scheme.
func TestOpenKeys(t *testing.T) {
	deb := keyCheck(version.Deb)
	for _, tt := range []struct {
		release dbfile.Release
		want    error
	}{
		{dbfile.Release{Name: "12", Scheme: "deb", KeyCheck: deb}, nil},
		{dbfile.Release{Name: "12", Scheme: "deb", KeyCheck: deb + 1}, ErrVersion},
		{dbfile.Release{Name: "12", Scheme: "starship", KeyCheck: deb}, ErrVersion},
	} {
		dir := t.TempDir()
		content := &dbfile.Content{Ecosystem: "Debian", Releases: []dbfile.Release{tt.release}, Records: [][]byte{nil}}
		_, err := publish(t.Context(), dir, []newFile{{"Debian", 1, time.Time{}, func(_ context.Context, out io.Writer) (uint32, error) {
			return dbfile.Write(out, content)
		}}}, buildConfig{now: time.Now, workers: 1})
		require.NoError(t, err)
		db, err := Open(dir)
		assert.ErrorIsf(t, err, tt.want, "%+v", tt.release)
		if err == nil {
			assert.NoError(t, db.Close())
		}
	}
}

// A change of this number makes all databases unreadable. It must change with
// the encoding of keys, and with nothing else.
func TestKeyCheck(t *testing.T) {
	seen := map[uint32]version.Scheme{}
	for _, name := range []string{"deb", "apk", "generic"} {
		s, err := version.ParseScheme(name)
		require.NoError(t, err)
		sum := keyCheck(s)
		assert.Equal(t, sum, keyCheck(s), name)
		assert.NotContains(t, seen, sum, name)
		seen[sum] = s
	}
}

// What is kept in a file and what is kept in memory come out the same, and
// nothing is left behind.
func TestBuildSpill(t *testing.T) {
	var lines []string
	for i := range 500 {
		lines = append(lines, fmt.Sprintf(`{"id":"CVE-2026-%04d","modified":"2026-01-0%dT00:00:00Z","details":"%s","affected":[`+
			`{"package":{"ecosystem":"Debian:12","name":"p%d"},"versions":["1"]},{"package":{"ecosystem":"npm","name":"q%d"},"versions":["1.0.%d"]}]}`,
			1000+i%400, 1+i%7, strings.Repeat("x", 20*i), i%30, i%20, i))
	}
	source := filepath.Join(t.TempDir(), "records.jsonl")
	require.NoError(t, os.WriteFile(source, []byte(strings.Join(lines, "\n")), 0o666))
	build := func(memory int64, workers int) string {
		dir := t.TempDir()
		limit := func(c *buildConfig) error {
			c.spill = memory
			c.now = func() time.Time { return time.Unix(1, 0) }
			return nil
		}
		_, err := Build(t.Context(), dir, []Source{FileSource(source)}, limit, WithWorkers(workers))
		require.NoError(t, err)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		var all []string
		for _, e := range entries {
			require.False(t, strings.HasPrefix(e.Name(), durable.TempPrefix), e.Name())
			data, err := os.ReadFile(filepath.Join(dir, e.Name()))
			require.NoError(t, err)
			all = append(all, e.Name()+"\n"+string(data))
		}
		return strings.Join(all, "\n")
	}
	want := build(1<<30, 1)
	for _, memory := range []int64{0, spillChunk} {
		assert.True(t, want == build(memory, 1+int(memory/spillChunk)), "%d bytes in memory", memory) // too large to print
	}

	// A failed write ends the build.
	s := spill{dir: filepath.Join(source, "none")}
	_, err := s.add([]byte("x"))
	require.Error(t, err)
	_, again := s.add([]byte("x"))
	assert.Equal(t, err, again)
}

func TestStreamsOf(t *testing.T) {
	for title, want := range map[string][]string{
		"Important: nodejs:16 security update":                          {"nodejs:16"},
		"Moderate: python39:3.9 and python39-devel:3.9 security update": {"python39:3.9", "python39-devel:3.9"},
		"Important: container-tools:rhel8, virt:rhel.":                  {"container-tools:rhel8", "virt:rhel"},
		"Important: bash security update":                               nil,
		"ID: a:b:c 1:2.3-4 :x y: a/b:c":                                 nil, // none of it is a stream
		strings.Repeat("a", 101) + ":1":                                 nil,
		"a:1 a:1 a:2 a:3 a:4 a:5 a:6 a:7 a:8 a:9":                       {"a:1", "a:2", "a:3", "a:4", "a:5", "a:6", "a:7", "a:8"},
	} {
		assert.Equal(t, want, streamsOf(title), title)
	}
}

// Packages get the names of advisories, written without allocation.
func TestLanguageName(t *testing.T) {
	var m matcher
	for _, tt := range []struct{ base, namespace, name, want string }{
		{"PyPI", "", "Zope.Interface__x", "zope-interface-x"},
		{"PyPI", "a", "B", "a/b"},
		{"npm", "@Scope", "Name", "@Scope/Name"},
		{"Go", "github.com/BurntSushi", "toml", "github.com/BurntSushi/toml"},
		{"Go", "", "stdlib", "stdlib"},
		{"Maven", "org.a", "b", "org.a:b"},
		{"NuGet", "", "Newtonsoft.Json", "newtonsoft.json"},
		{"Packagist", "Symfony", "Http-Kernel", "symfony/http-kernel"},
		{"SwiftURL", "https://github.com/Apple", "swift-nio.git", "github.com/apple/swift-nio"},
		{"ConanCenter", "me", "zlib", "zlib"},
		{"GitHub Actions", "Actions", "Cache/save", "actions/cache"},
	} {
		got := m.languageName(tt.base, &inventory.Package{Namespace: tt.namespace, Name: tt.name})
		assert.Equal(t, tt.want, string(got), "%+v", tt)
		assert.Equal(t, normalName(tt.base, tt.want), string(got), "the name of advisories has the same form, %+v", tt)
	}
}

// The status of a flaw is that of the entries without a fix, if they agree.
func TestStatusOf(t *testing.T) {
	fixed := []advisory.Range{{Events: []advisory.Event{{Kind: advisory.Introduced, Version: "0"}, {Kind: advisory.Fixed, Version: "1"}}}}
	open := []advisory.Range{{Events: []advisory.Event{{Kind: advisory.Introduced, Version: "0"}}}}
	for _, tt := range []struct {
		entries []advisory.Affected
		want    advisory.Status
	}{
		{nil, advisory.NoStatus},
		{[]advisory.Affected{{Ranges: open, Status: advisory.WillNotFix}}, advisory.WillNotFix},
		{[]advisory.Affected{{Ranges: fixed, Status: advisory.WillNotFix}}, advisory.NoStatus},
		{[]advisory.Affected{{Ranges: fixed}, {Ranges: open, Status: advisory.EndOfLife}, {Versions: []string{"1"}, Status: advisory.EndOfLife}}, advisory.EndOfLife},
		{[]advisory.Affected{{Ranges: open, Status: advisory.WillNotFix}, {Ranges: open, Status: advisory.FixDeferred}}, advisory.NoStatus},
		{[]advisory.Affected{{Ranges: open}, {Ranges: open, Status: advisory.FixDeferred}}, advisory.NoStatus},
	} {
		assert.Equal(t, tt.want, statusOf(tt.entries), "%+v", tt.entries)
	}
	assert.Empty(t, statusName(advisory.NoStatus))
	assert.Empty(t, statusName(200), "of a newer program")
}
