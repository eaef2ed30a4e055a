package advisory

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// affecting is a record whose only entry has the given fields.
func affecting(fields string) string {
	return `{"id": "X-1", "affected": [{"package": {"ecosystem": "Debian:12", "name": "foo"}, ` + fields + `}]}`
}

func TestDecode(t *testing.T) {
	rec, defects, err := Decode([]byte(`{
		"schema_version": "1.7.5", "id": "X-1", "modified": "2026-01-02T03:04:05.5Z", "published": "2025-01-01T01:00:00+01:00",
		"withdrawn": "2026-02-02T00:00:00Z",
		"aliases": ["CVE-2026-0001", "", "CVE-2026-0001"], "upstream": ["U-1"], "related": ["R-1"],
		"summary": "S", "details": "D", "credits": [{"name": "N"}],
		"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N"}],
		"database_specific": {"severity": "HIGH", "cpes": [], "cwe_ids": ["CWE-787", "CWE-79", "x", "CWE-79", "CWE-0"]},
		"references": [{"type": "WEB", "url": "https://example.org"}, {"type": "FIX", "url": "https://example.org"}],
		"affected": [
			{
				"package": {"ecosystem": "Debian:12", "name": "foo", "purl": "pkg:deb/debian/foo"},
				"ranges": [
					{"type": "GIT", "repo": "https://example.org", "events": [{"introduced": "0"}, {"fixed": "abc"}]},
					{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1"}, {"introduced": "2"}, {"last_affected": "3"}, {"limit": "*"}]},
					{"type": "SEMVER", "events": [{"introduced": "1.0.0"}]}
				],
				"versions": ["1", "2"],
				"ecosystem_specific": {"urgency": "low", "severity": ["not", "a", "word"]},
				"database_specific": {"severity": "Low"}
			},
			{"ranges": [{"type": "GIT", "repo": "https://example.org", "events": [{"introduced": "0"}]}]}
		]}`))
	require.NoError(t, err)
	assert.Empty(t, defects)
	assert.Equal(t, &Record{
		ID: "X-1", Modified: time.Date(2026, 1, 2, 3, 4, 5, 5e8, time.UTC), Published: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
		Withdrawn: time.Date(2026, 2, 2, 0, 0, 0, 0, time.UTC),
		Aliases:   []string{"CVE-2026-0001"}, Upstream: []string{"U-1"}, Related: []string{"R-1"}, Summary: "S", Details: "D",
		Severity: []Severity{{"CVSS_V3", "CVSS:3.1/AV:N"}, {Word, "HIGH"}}, References: []string{"https://example.org"}, CWEs: []int{79, 787},
		Affected: []Affected{{
			Ecosystem: "Debian:12", Name: "foo", GitRanges: 1, Versions: []string{"1", "2"},
			Ranges: []Range{
				{[]Event{{Introduced, "0"}, {Fixed, "1"}, {Introduced, "2"}, {LastAffected, "3"}}},
				{[]Event{{Introduced, "1.0.0"}}},
			},
			Severity: []Severity{{Word, "low"}, {Word, "Low"}},
		}},
	}, rec)
}

// A defect leaves out a part, and the part is named.
func TestDecodeDefects(t *testing.T) {
	good := `{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1"}]}`
	long := strings.Repeat("9", MaxVersion+1)
	tests := []struct {
		json       string
		defect     string
		ranges     int // that are left
		unreadable int
	}{
		{affecting(`"ranges": [` + good + `, {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": ""}]}]`), `affected[0].ranges[1]: event 1: "" is no version`, 1, 1},
		{affecting(`"ranges": [` + good + `, {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "` + long + `"}]}]`), "is no version", 1, 1},
		{affecting(`"ranges": [` + good + `, {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {}]}]`), "affected[0].ranges[1]: event 1 says nothing", 1, 1},
		{affecting(`"ranges": [` + good + `, {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": 5}]}]`), "cannot unmarshal number", 1, 1},
		{affecting(`"ranges": [` + good + `, {"type": "ECOSYSTEM", "events": [{"fixed": "1"}]}]`), "affected[0].ranges[1]: no event says introduced", 1, 1},
		{affecting(`"ranges": [` + good + `, {"type": "ECOSYSTEM"}]`), "no event says introduced", 1, 1},
		{affecting(`"ranges": [` + good + `, {"type": "ELSE", "events": [{"introduced": "0"}]}]`), `affected[0].ranges[1]: unknown type "ELSE"`, 1, 1},
		{affecting(`"ranges": [{"type": "SEMVER", "events": [{"introduced": "0", "fixed": "1"}]}]`), "affected[0].ranges[0]: event 0 says 2 things", 1, 0},
		{affecting(`"versions": [""]`), "affected[0].versions: an empty version", 0, 0},
		{affecting(`"versions": ["` + long + `"]`), "affected[0].versions: a version of 1025 bytes", 0, 0},
		{affecting(`"purl": "x"`), "affected[0]: neither ranges nor versions", 0, 0},
		{`{"id": "X-1", "affected": [{"package": {"ecosystem": "npm"}, "versions": ["1"]}]}`, "affected[0]: no ecosystem or no name", 0, 0},
		{`{"id": "X-1", "affected": [{"ranges": [` + good + `]}]}`, "affected[0]: no ecosystem or no name", 0, 0},
		{`{"id": "X-1", "affected": [{"package": {"ecosystem": "npm", "name": "` + strings.Repeat("n", MaxName+1) + `"}}]}`, "name of 4097 bytes", 0, 0},
		{`{"id": "X-1", "modified": "yesterday"}`, `modified: "yesterday" is no date`, 0, 0},
		{`{"id": "X-1", "aliases": ["` + strings.Repeat("A", MaxID+1) + `"]}`, "aliases: an ID of 513 bytes", 0, 0},
		{`{"id": "X-1", "summary": ["S"]}`, "cannot unmarshal array", 0, 0},
	}
	for _, tt := range tests {
		rec, defects, err := Decode([]byte(tt.json))
		if !assert.NoErrorf(t, err, "Decode(%.200s)", tt.json) {
			continue
		}
		assert.Containsf(t, fmt.Sprint(defects), tt.defect, "Decode(%.200s)", tt.json)
		ranges, unreadable := 0, 0
		for _, a := range rec.Affected {
			ranges += len(a.Ranges)
			unreadable += a.Unreadable
		}
		assert.Equalf(t, tt.ranges, ranges, "ranges of Decode(%.200s)", tt.json)
		assert.Equalf(t, tt.unreadable, unreadable, "unreadable ranges of Decode(%.200s)", tt.json)
	}
}

func TestDecodeErrors(t *testing.T) {
	tests := []struct {
		json string
		want string
	}{
		{``, "unexpected end"},
		{`{"id": "X-1"`, "unexpected end"},
		{`{"id": "X-1"} {}`, "invalid character"},
		{`{}`, ErrNoID.Error()},
		{`[]`, ErrNoID.Error()},
		{`{"id": 5}`, ErrNoID.Error()},
		{`{"id": "` + strings.Repeat("X", MaxID+1) + `"}`, ErrNoID.Error()},
		{strings.Repeat(" ", MaxRecord+1), ErrTooLarge.Error()},
		{strings.Repeat(`{"affected":[`, 20000), "exceeded max depth"},
	}
	for _, tt := range tests {
		rec, defects, err := Decode([]byte(tt.json))
		assert.ErrorContainsf(t, err, tt.want, "Decode(%.50s)", tt.json)
		assert.Nilf(t, rec, "Decode(%.50s)", tt.json)
		assert.Nilf(t, defects, "Decode(%.50s)", tt.json)
	}
}

// A withdrawal that cannot be dated is one all the same.
func TestDecodeWithdrawn(t *testing.T) {
	rec, defects, err := Decode([]byte(`{"id": "X-1", "withdrawn": "soon"}`))
	require.NoError(t, err)
	assert.Len(t, defects, 1)
	assert.False(t, rec.Withdrawn.IsZero())
}

// What has a flaw on some platforms only is told so.
func TestDecodePlatforms(t *testing.T) {
	for imports, want := range map[string][]Platform{
		`[{"path":"a","goos":["windows"]},{"path":"b","goos":["windows"]}]`: {{OS: []string{"windows"}}},
		`[{"path":"a","goos":["linux"],"goarch":["386","arm"]},{"path":"b","goarch":["s390x"]}]`: {
			{OS: []string{"linux"}, Arch: []string{"386", "arm"}}, {Arch: []string{"s390x"}},
		},
		`[{"path":"a","goos":["windows"]},{"path":"b"}]`: nil, // everywhere
		`[{"path":"a","goos":[]}]`:                       nil,
		`[]`:                                             nil,
		`[{"path":"a","goos":"windows"}]`:                nil, // of another form
		`{"goos":["windows"]}`:                           nil,
		`[` + strings.Repeat(`{"goos":["x"]},`, 100) + `{"goos":["x"]}]`: nil,
	} {
		for _, ecosystem := range []string{"Go", "npm"} {
			rec, defects, err := Decode(fmt.Appendf(nil, `{"id":"X-1","affected":[{"package":{"ecosystem":%q,"name":"a"},"versions":["1"],"ecosystem_specific":{"imports":%s}}]}`, ecosystem, imports))
			require.NoError(t, err, imports)
			assert.Empty(t, defects, imports)
			if ecosystem == "npm" {
				want = nil
			}
			assert.Equal(t, want, rec.Affected[0].Platforms, "%s: %s", ecosystem, imports)
		}
	}
}

// encode writes a record as the schema wants it.
func encode(r *Record) ([]byte, error) {
	type object = map[string]any
	severity := func(list []Severity) (schema []Severity, words []string) {
		for _, s := range list {
			if s.Type == Word {
				words = append(words, s.Score)
			} else {
				schema = append(schema, s)
			}
		}
		return schema, words
	}
	specific := func(words []string) (first, second object) { // at most four words fit
		objects := [2]object{{}, {}}
		for i, w := range words {
			objects[i/2%2][[]string{"severity", "urgency"}[i%2]] = w
		}
		return objects[0], objects[1]
	}
	date := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339Nano)
	}
	out := object{
		"id": r.ID, "published": date(r.Published), "modified": date(r.Modified), "withdrawn": date(r.Withdrawn),
		"aliases": r.Aliases, "upstream": r.Upstream, "summary": r.Summary, "details": r.Details,
	}
	schema, words := severity(r.Severity)
	out["severity"] = schema
	out["database_specific"], _ = specific(words)
	var references, affected []object
	for _, url := range r.References {
		references = append(references, object{"url": url})
	}
	for _, a := range r.Affected {
		var ranges []object
		for range a.GitRanges {
			ranges = append(ranges, object{"type": "GIT"})
		}
		for range a.Unreadable {
			ranges = append(ranges, object{"type": "?"})
		}
		for _, rng := range a.Ranges {
			var events []object
			for _, e := range rng.Events {
				events = append(events, object{e.Kind.String(): e.Version})
			}
			ranges = append(ranges, object{"type": "ECOSYSTEM", "events": events})
		}
		schema, words := severity(a.Severity)
		first, second := specific(words)
		if len(a.Platforms) > 0 {
			var imports []object
			for _, p := range a.Platforms {
				imports = append(imports, object{"goos": p.OS, "goarch": p.Arch})
			}
			first["imports"] = imports
		}
		affected = append(affected, object{
			"package": object{"ecosystem": a.Ecosystem, "name": a.Name}, "ranges": ranges, "versions": a.Versions,
			"severity": schema, "ecosystem_specific": first, "database_specific": second,
		})
	}
	out["references"], out["affected"] = references, affected
	return json.Marshal(out)
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"id":"X-1","modified":"2026-01-02T03:04:05.5Z","withdrawn":"soon","aliases":["A"],"upstream":["U"]}`))
	f.Add([]byte(affecting(`"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0","fixed":"1"},{"limit":"*"}]},{"type":"GIT"},{"type":"?"}],"versions":["1"]`)))
	f.Add([]byte(`{"id":"X-1","affected":[{"package":{"ecosystem":"Go","name":"a"},"versions":["1"],"ecosystem_specific":{"imports":[{"goos":["windows"]},{"goarch":["arm"]}]}}]}`))
	f.Add([]byte(`{"id":"X-1","severity":[{"type":"CVSS_V3","score":"x"}],"database_specific":{"severity":"HIGH"},"references":[{"url":"u"}]}`))
	f.Add([]byte(`{"id":"X-1","database_specific":{"severity":5},"affected":[{"package":{"ecosystem":"npm"}},5,null]}`)) // wrong types
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, defects, err := Decode(data)
		if err != nil {
			require.Nil(t, rec)
			require.Nil(t, defects)
			return
		}
		require.NotEmpty(t, rec.ID)
		for _, a := range rec.Affected {
			require.NotEmpty(t, a.Ecosystem)
			require.NotEmpty(t, a.Name)
			for _, r := range a.Ranges {
				introduced := false
				for _, e := range r.Events {
					require.NotEmpty(t, e.Version)
					introduced = introduced || e.Kind == Introduced
				}
				require.True(t, introduced)
			}
		}
		text, err := encode(rec)
		require.NoError(t, err)
		again, _, err := Decode(text)
		require.NoErrorf(t, err, "printed as %s", text)
		for _, r := range []*Record{rec, again} {
			for i := range r.Affected {
				r.Affected[i].Status = NoStatus // follows from the place of a word, which encode chooses
			}
		}
		require.Equalf(t, rec, again, "printed as %s", text)
	})
}

func BenchmarkDecode(b *testing.B) {
	var list []string
	for i := range 5 {
		list = append(list, fmt.Sprintf(`{"package":{"ecosystem":"Debian:%d","name":"linux","purl":"pkg:deb/debian/linux?arch=source"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"6.1.%d-1"}]}]}`, i+9, i))
	}
	data := []byte(`{"schema_version":"1.7.5","id":"DEBIAN-CVE-2024-0001","modified":"2024-06-14T11:26:00Z","published":"2024-06-11T18:34:32Z","upstream":["CVE-2024-0001"],"affected":[` + strings.Join(list, ",") + `]}`)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if rec, _, err := Decode(data); err != nil || len(rec.Affected) != 5 {
			b.Fatal(rec, err)
		}
	}
}

func TestDecodeInformational(t *testing.T) {
	for specific, want := range map[string]string{
		`"database_specific": {"informational": "unmaintained"}`:                                                              "unmaintained",
		`"ecosystem_specific": {"informational": "notice"}`:                                                                   "notice",
		`"database_specific": {"informational": "unsound"}, "ecosystem_specific": {"informational": "x"}`:                     "unsound",
		`"database_specific": {"informational": null}`:                                                                        "",
		`"database_specific": {"informational": ""}`:                                                                          "",
		`"database_specific": {"informational": ["notice"]}`:                                                                  "",
		`"database_specific": {"informational": "Not A Word"}`:                                                                "",
		`"database_specific": {"informational": "an-unreasonably-long-word-for-a-thing"}`:                                     "",
		`"database_specific": {"informational": true}, "ecosystem_specific": {"informational": "notice", "informational": 1}`: "",
	} {
		rec, _, err := Decode([]byte(`{"id": "X-1", "affected": [{"package": {"ecosystem": "crates.io", "name": "a"}, "versions": ["1"], ` + specific + `}]}`))
		require.NoError(t, err)
		require.Len(t, rec.Affected, 1)
		assert.Equal(t, want, rec.Affected[0].Informational, specific)
	}
	rec, defects, err := Decode([]byte(`{"id": "X-1", "database_specific": {"informational": "notice"}, "affected": [
		{"package": {"ecosystem": "crates.io", "name": "a"}, "versions": ["1"]},
		{"package": {"ecosystem": "crates.io", "name": "b"}, "versions": ["1"], "database_specific": {"informational": "unsound"}}]}`))
	require.NoError(t, err)
	assert.Empty(t, defects)
	assert.Equal(t, "notice", rec.Affected[0].Informational)
	assert.Equal(t, "unsound", rec.Affected[1].Informational)
}
