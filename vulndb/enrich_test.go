package vulndb_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/sharedtest"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/vulndb"
)

const (
	vector31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
	vectorL  = "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
	vector2  = "AV:N/AC:L/Au:N/C:P/I:P/A:P"
)

// kev is a catalogue of CVEs that was released on a day of January 2026.
func kev(day int, cves ...string) string {
	var list []string
	for _, cve := range cves {
		list = append(list, fmt.Sprintf(`{"cveID": %q, "vulnerabilityName": "Name in KEV", "dateAdded": "2024-02-03", "dueDate": "2024-02-24",
			"shortDescription": "Description in KEV", "knownRansomwareCampaignUse": "Known", "cwes": ["CWE-22"]}`, cve))
	}
	return fmt.Sprintf(`{"title": "T", "catalogVersion": "2026.01.%02d", "dateReleased": "2026-01-%02dT17:04:19Z", "count": %d, "vulnerabilities": [%s]}`,
		day, day, len(cves), strings.Join(list, ","))
}

// epss is a table of scores of a day of January 2026.
func epss(day int, lines ...string) string {
	return fmt.Sprintf("#model_version:v2025.03.14,score_date:2026-01-%02dT00:00:00Z\ncve,epss,percentile\n%s\n", day, strings.Join(lines, "\n"))
}

// cveRecord is a record of the CVE list that was updated on a day of January
// 2026.
func cveRecord(id string, day int, cna, adp string) string {
	return fmt.Sprintf(`{"dataType": "CVE_RECORD", "cveMetadata": {"cveId": %q, "state": "PUBLISHED", "dateUpdated": "2026-01-%02dT00:00:00Z"},
		"containers": {"cna": {"providerMetadata": {"shortName": "assigner"}%s}, "adp": [{"providerMetadata": {"shortName": "CISA-ADP"}%s}]}}`, id, day, cna, adp)
}

func metric(vector string) string {
	return fmt.Sprintf(`, "metrics": [{"cvssV3_1": {"vectorString": %q}}]`, vector)
}

// nvdPage is a page of the NVD.
func nvdPage(elements ...string) string {
	return `{"resultsPerPage": 1, "vulnerabilities": [` + strings.Join(elements, ",") + `]}`
}

func nvd(id, more string) string {
	return fmt.Sprintf(`{"cve": {"id": %q, "lastModified": "2026-01-03T00:00:00.000"%s}}`, id, more)
}

func gz(tb testing.TB, text string) string {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(tb, err)
	require.NoError(tb, w.Close())
	return b.String()
}

// buildTree makes a database of files and opens it.
func buildTree(tb testing.TB, files ...string) (*vulndb.DB, vulndb.BuildReport) {
	tb.Helper()
	dir := tb.TempDir()
	report, err := vulndb.Build(tb.Context(), dir, []vulndb.Source{vulndb.FileSource(tree(tb, files...))}, clock)
	require.NoError(tb, err)
	return open(tb, dir), report
}

func day(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }

func TestEnrich(t *testing.T) {
	db, report := buildTree(t,
		"bare.json", simple("CVE-2026-0001"),
		"full.json", simple("CVE-2026-0002", `"summary": "S", "details": "D", "severity": [{"type": "CVSS_V3", "score": "`+vectorL+`"}],
			"database_specific": {"cwe_ids": ["CWE-1"]}`),
		"other.json", simple("GHSA-aaaa-bbbb-cccc"),
		"a kev.json", kev(4, "CVE-2026-0001", "CVE-2020-0001"),
		"scores.csv.gz", gz(t, epss(2, "CVE-2026-0001,0.94321,0.99912", "CVE-2026-0002,0.00043,0.09781")),
		"cves.zip", zipText(t,
			"cvelistV5-main/cves/2026/0xxx/CVE-2026-0001.json", cveRecord("CVE-2026-0001", 1, "", metric(vector31)),
			"cvelistV5-main/cves/2026/0xxx/CVE-2026-0002.json", cveRecord("CVE-2026-0002", 5,
				`, "title": "Title", "descriptions": [{"lang": "en", "value": "Description"}], "problemTypes": [{"descriptions": [{"cweId": "CWE-79"}]}]`+metric(vector31), ""),
			"cvelistV5-main/cves/deltaLog.json", `[{"fetchTime": "2026"}]`),
		"nvd.json.gz", gz(t, nvdPage(nvd("CVE-2026-0001", `, "descriptions": [{"lang": "en", "value": "Description of the NVD"}],
			"metrics": {"cvssMetricV2": [{"source": "nvd@nist.gov", "type": "Primary", "cvssData": {"vectorString": "`+vector2+`"}}]}`))),
	)
	assert.Zerof(t, report.Bad, "%v", report.BadRecords)
	require.Equalf(t, 1, report.Skipped, "%q", report.SkippedFiles)
	assert.True(t, strings.HasSuffix(report.SkippedFiles[0], "deltaLog.json"))
	infos := []vulndb.EnrichmentInfo{
		{Source: "CVE", Date: day(5), CVEs: 2},
		{Source: "EPSS", Version: "v2025.03.14", Date: day(2), CVEs: 2},
		{Source: "KEV", Version: "2026.01.04", Date: time.Date(2026, 1, 4, 17, 4, 19, 0, time.UTC), CVEs: 2},
		{Source: "NVD", Date: day(3), CVEs: 1},
	}
	assert.Equal(t, infos, report.Info.Enrichment)
	assert.Equal(t, report.Info, db.Info())
	assert.Equal(t, []vulndb.SourceInfo{{Ecosystem: "Debian", Modified: db.Info().Sources[0].Modified, Records: 3}}, db.Info().Sources)

	matches := match(t, db, bookworm, deb("foo", "1")).Matches
	require.Len(t, matches, 3)
	bare, full, other := matches[0], matches[1], matches[2]
	assert.Equal(t, "Name in KEV", bare.Summary)
	assert.Equal(t, "Description of the NVD", bare.Details)
	assert.Equal(t, []vulndb.Severity{{Type: "CVSS_V3", Score: vector31}}, bare.Severity)
	assert.Equal(t, "CISA-ADP", bare.RatedBy)
	assert.Equal(t, []vulndb.Rating{
		{Source: "CISA-ADP", Severity: vulndb.Severity{Type: "CVSS_V3", Score: vector31}},
		{Source: "NVD", Severity: vulndb.Severity{Type: "CVSS_V2", Score: vector2}},
	}, bare.Ratings)
	assert.Equal(t, []int{22}, bare.CWEs)
	assert.Equal(t, &vulndb.EPSS{Score: 0.94321, Percentile: 0.99912, Date: day(2)}, bare.EPSS)
	assert.Equal(t, &vulndb.KEV{
		Added: time.Date(2024, 2, 3, 0, 0, 0, 0, time.UTC), Due: time.Date(2024, 2, 24, 0, 0, 0, 0, time.UTC), Ransomware: true,
	}, bare.KEV)

	// What the advisory says stays.
	assert.Equal(t, "S", full.Summary)
	assert.Equal(t, "D", full.Details)
	assert.Equal(t, []int{1}, full.CWEs)
	assert.Equal(t, []vulndb.Severity{{Type: "CVSS_V3", Score: vectorL}}, full.Severity)
	assert.Equal(t, "CVE-2026-0002", full.RatedBy)
	assert.Equal(t, "assigner", full.Ratings[0].Source)
	assert.Equal(t, &vulndb.EPSS{Score: 0.00043, Percentile: 0.09781, Date: day(2)}, full.EPSS)
	assert.Nil(t, full.KEV)

	assert.Nil(t, other.EPSS)
	assert.Nil(t, other.KEV)
	assert.Empty(t, other.Ratings)
}

// Catalogues replace each other as a whole, entries of lists one by one.
func TestEnrichNewest(t *testing.T) {
	one, two := cveRecord("CVE-2026-0001", 2, `, "title": "new"`, ""), cveRecord("CVE-2026-0001", 1, `, "title": "old"`, "")
	newKEV, oldKEV := kev(9, "CVE-2026-0002"), kev(8, "CVE-2026-0001", "CVE-2026-0002")
	newEPSS, oldEPSS := epss(9, "CVE-2026-0002,1,1"), epss(8, "CVE-2026-0001,1,1")
	advisories := simple("CVE-2026-0001") + "\n" + simple("CVE-2026-0002")
	var id string
	for i, files := range [][]string{
		{"1.json", one, "2.json", two, "3.json", newKEV, "4.json", oldKEV, "5.csv", newEPSS, "6.csv", oldEPSS},
		{"1.json", two, "2.json", one, "3.json", oldKEV, "4.json", newKEV, "5.csv", oldEPSS, "6.csv", newEPSS},
		{"1.json", strings.Replace(one, `"cveId"`, `"x": {}, "cveId"`, 1), "2.json", one, "4.json", newKEV, "5.csv", newEPSS, "3.json", newKEV, "6.csv", newEPSS},
	} {
		db, report := buildTree(t, append(files, "0.jsonl", advisories)...)
		assert.Equal(t, 3, report.Duplicates)
		matches := match(t, db, bookworm, deb("foo", "1")).Matches
		require.Len(t, matches, 2)
		assert.Equal(t, "new", matches[0].Summary)
		assert.Nil(t, matches[0].KEV)
		assert.Nil(t, matches[0].EPSS)
		assert.NotNil(t, matches[1].KEV)
		assert.NotNil(t, matches[1].EPSS)
		if i > 0 {
			assert.Equal(t, id, db.Info().ID, "equal content")
		}
		id = db.Info().ID
	}
}

// The number of workers does not change the database.
func TestEnrichWorkers(t *testing.T) {
	var list, advisories []string
	for i := range 300 {
		id := fmt.Sprintf("CVE-2026-%04d", i%100)
		list = append(list, cveRecord(id, 1+i%2, fmt.Sprintf(`, "title": "T%d"`, i), ""), nvd(id, fmt.Sprintf(`, "descriptions": [{"lang": "en", "value": "D%d"}]`, i)))
		advisories = append(advisories, simple(id))
	}
	source := vulndb.FileSource(jsonl(t, append(list, advisories...)...))
	want, got := t.TempDir(), t.TempDir()
	_, err := vulndb.Build(t.Context(), want, []vulndb.Source{source}, clock, vulndb.WithWorkers(1))
	require.NoError(t, err)
	_, err = vulndb.Build(t.Context(), got, []vulndb.Source{source}, clock, vulndb.WithWorkers(8))
	require.NoError(t, err)
	assert.Equal(t, files(t, want), files(t, got))
}

// A catalogue that cannot be read in full is not used: a database must not say
// that a flaw is not in it.
func TestEnrichBroken(t *testing.T) {
	whole := kev(4, "CVE-2026-0001")
	db, report := buildTree(t,
		"0.json", simple("CVE-2026-0001"), "1.json", whole[:len(whole)-1], "2.csv", "cve,epss,percentile\nCVE-2026-0001,0.5,0.5\n#score_date:x",
		"3.json", nvdPage(nvd("CVE-2026-0001", ""))+"x", "4.json", `{"dataType": "CVE_RECORD", "cveMetadata": {"cveId": "CVE-1"}}`,
		"5.json", cveRecord("CVE-2026-0002", 1, metric("CVSS:3.1/AV:Z"), ""), "6.csv", "some,other\ntable,x\n",
		"7.csv", epss(1, "CVE-2026-0001,NaN,0.1", "CVE-2026-0002,0.1,0.1"))
	assert.Equal(t, 6, report.Bad)
	var got []string
	for _, b := range report.BadRecords {
		got = append(got, filepath.Base(b.Source)+" "+b.ID+" "+strings.Join(b.Reasons, "; "))
	}
	for i, want := range []string{
		"1.json  none of it was used: unexpected EOF",
		`2.csv  none of it was used: line 3: score_date: "x" is no date`,
		"3.json  nothing after this was read: invalid character",
		`4.json  "CVE-1" is no CVE`,
		"5.json CVE-2026-0002 rating by assigner: ",
		`7.csv: line 3  CVE-2026-0001: "NaN" is no number from 0 to 1`,
	} {
		assert.Truef(t, strings.HasPrefix(got[i], want), "got %q, want %q", got[i], want)
	}
	require.Equal(t, 1, report.Skipped)
	assert.True(t, strings.HasSuffix(report.SkippedFiles[0], "6.csv"))
	for _, info := range db.Info().Enrichment {
		assert.NotEqual(t, vulndb.SourceKEV, info.Source)
	}
	m := match(t, db, bookworm, deb("foo", "1")).Matches[0]
	assert.Nil(t, m.KEV)
	assert.Nil(t, m.EPSS)
}

func TestEnrichErrors(t *testing.T) {
	packed := gz(t, kev(4, "CVE-2026-0001"))
	tests := []struct {
		name  string
		files []string
		want  string
	}{
		{"nothing but enrichment", []string{"1.json", kev(4, "CVE-2026-0001")}, vulndb.ErrNoRecords.Error()},
		{"half of a compressed file", []string{"0.json", simple("CVE-2026-0001"), "1.json.gz", packed[:len(packed)/2]}, "1.json.gz: unexpected EOF"},
		{"no compressed file", []string{"0.json", simple("CVE-2026-0001"), "1.json.gz", "{}"}, "1.json.gz: "},
		{"a security database of nobody", []string{"0.json", simple("CVE-2026-0001"), "1.json", `{"reponame": "main", "packages": []}`}, "1.json: a security database of no distribution"},
	}
	for _, tt := range tests {
		_, err := vulndb.Build(t.Context(), t.TempDir(), []vulndb.Source{vulndb.FileSource(tree(t, tt.files...))}, clock)
		assert.ErrorContains(t, err, tt.want, tt.name)
	}
	table := filepath.Join(tree(t, "1.csv", "a,b\n"), "1.csv")
	_, err := vulndb.Build(t.Context(), t.TempDir(), []vulndb.Source{vulndb.FileSource(table)}, clock)
	assert.ErrorContains(t, err, "1.csv\" has no scores of EPSS")
}

// Whatever byte changes in the file of CVEs, a reader notices or answers as
// before.
func TestEnrichFlip(t *testing.T) {
	dir := t.TempDir()
	source := tree(t, "0.json", simple("CVE-2026-0001"), "1.json", kev(4, "CVE-2026-0001"), "2.csv", epss(1, "CVE-2026-0001,0.5,0.6"),
		"3.json", cveRecord("CVE-2026-0001", 1, metric(vector31), ""), "4.json", eol(1, eolProduct("debian", `{"name": "12", "eolFrom": "2026-06-10", "eoesFrom": "2028-06-30"}`)))
	_, err := vulndb.Build(t.Context(), dir, []vulndb.Source{vulndb.FileSource(source)}, clock)
	require.NoError(t, err)
	want := match(t, open(t, dir), bookworm, deb("foo", "1"))
	paths, err := filepath.Glob(filepath.Join(dir, "cve-*"))
	require.NoError(t, err)
	require.Len(t, paths, 1)
	data, err := os.ReadFile(paths[0])
	require.NoError(t, err)
	noticed := 0
	for i := range data {
		data[i] ^= 1 << (i % 8)
		require.NoError(t, os.WriteFile(paths[0], data, 0o666))
		data[i] ^= 1 << (i % 8)
		db, err := vulndb.Open(dir)
		if err != nil {
			noticed++
			continue
		}
		got, err := db.Match(t.Context(), bookworm, []inventory.Package{deb("foo", "1")})
		if err != nil {
			assert.ErrorIs(t, err, vulndb.ErrCorrupt)
			noticed++
		} else {
			assert.Equalf(t, want, got, "byte %d", i)
		}
		end, err := db.EndOfLife(bookworm)
		if err != nil {
			assert.ErrorIs(t, err, vulndb.ErrCorrupt)
		} else {
			assert.Equalf(t, time.Date(2028, 6, 30, 0, 0, 0, 0, time.UTC), end, "byte %d", i)
		}
		require.NoError(t, db.Close())
	}
	assert.Greater(t, noticed, len(data)*9/10)
}

func TestEnrichRejected(t *testing.T) {
	rejected := strings.Replace(cveRecord("CVE-2026-0001", 1, metric(vector31), ""), "PUBLISHED", "REJECTED", 1)
	db, _ := buildTree(t, "0.json", simple("CVE-2026-0001"), "1.json", rejected)
	m := match(t, db, bookworm, deb("foo", "1")).Matches[0]
	assert.True(t, m.Rejected)
	assert.Empty(t, m.Ratings)
}

func TestEnrichReal(t *testing.T) {
	catalogue := sharedtest.Path(t, "data", "kev", "known_exploited_vulnerabilities.json")
	dir := t.TempDir()
	report, err := vulndb.Build(t.Context(), dir, []vulndb.Source{
		vulndb.FileSource(catalogue), vulndb.FileSource(jsonl(t, simple("CVE-2021-44228"), simple("CVE-2021-44229"))),
	}, clock)
	require.NoError(t, err)
	require.Len(t, report.Info.Enrichment, 1)
	assert.Equal(t, 1404, report.Info.Enrichment[0].CVEs)
	assert.Equal(t, "2025.08.25", report.Info.Enrichment[0].Version)
	matches := match(t, open(t, dir), bookworm, deb("foo", "1")).Matches
	require.Len(t, matches, 2)
	assert.Equal(t, &vulndb.KEV{
		Added: time.Date(2021, 12, 10, 0, 0, 0, 0, time.UTC), Due: time.Date(2021, 12, 24, 0, 0, 0, 0, time.UTC), Ransomware: true,
	}, matches[0].KEV)
	assert.Nil(t, matches[1].KEV)
}

func TestSecDB(t *testing.T) {
	db, report := buildTree(t,
		"main.json", `{"urlprefix": "https://dl-cdn.alpinelinux.org/alpine", "distroversion": "v3.19", "reponame": "main", "packages": [
			{"pkg": {"name": "foo", "secfixes": {"1.2-r0": ["CVE-2026-0001"], "1.3-r0": ["CVE-2026-0001", "CVE-2026-0002 XSA-1"], "0": ["CVE-2026-0003"],
				"no version": ["CVE-2026-0004"]}}}]}`,
		"community.json", `{"urlprefix": "https://dl-cdn.alpinelinux.org/alpine", "distroversion": "v3.19", "reponame": "community", "packages": [
			{"pkg": {"name": "bar", "secfixes": {"2-r0": ["CVE-2026-0001", "CVE_2026"]}}}]}`,
		"wolfi.json.gz", gz(t, `{"urlprefix": "https://packages.wolfi.dev/os", "packages": [{"pkg": {"name": "foo", "secfixes": {"9-r0": ["CVE-2026-0001"]}}}]}`),
	)
	assert.Equal(t, 1, report.NeverAffected)
	var names []string
	for _, e := range report.Ecosystems {
		names = append(names, fmt.Sprintf("%s %d", e.Ecosystem, e.Records))
	}
	assert.Equal(t, []string{"Alpine 3", "Wolfi 1"}, names)
	require.Equalf(t, 2, report.Bad, "%v", report.BadRecords)
	assert.Contains(t, report.BadRecords[0].Reasons[0], `"CVE_2026" holds no ID`)
	assert.Equal(t, "ALPINE-SECDB-CVE-2026-0004", report.BadRecords[1].ID)

	apk := func(name, version string) inventory.Package {
		return inventory.Package{Type: "apk", Name: name, Version: version, Source: inventory.Source{Name: name, Version: version}}
	}
	wolfi := inventory.OS{ID: "wolfi", Version: "20230201"}
	tests := []struct {
		os   inventory.OS
		pkg  inventory.Package
		want []string // ID, fixed version
	}{
		{alpine, apk("foo", "1.1-r0"), []string{"CVE-2026-0001 1.2-r0", "CVE-2026-0002 1.3-r0"}},
		{alpine, apk("foo", "1.2-r0"), []string{"CVE-2026-0002 1.3-r0"}}, // the lowest fix counts
		{alpine, apk("foo", "1.3-r0"), nil},
		{alpine, apk("bar", "1-r0"), []string{"CVE-2026-0001 2-r0"}},
		{wolfi, apk("foo", "1.3-r0"), []string{"CVE-2026-0001 9-r0"}},
	}
	for _, tt := range tests {
		var got []string
		for _, m := range match(t, db, tt.os, tt.pkg).Matches {
			got = append(got, m.ID+" "+m.FixedVersion)
		}
		assert.Equalf(t, tt.want, got, "%s %s in %s", tt.pkg.Name, tt.pkg.Version, tt.os.ID)
	}
	assert.Contains(t, match(t, db, alpine, apk("foo", "1.2-r0")).Matches[0].Aliases, "XSA-1")
}

// What differs in enrichment alone changes no package's advisories.
func TestDiffEnrichment(t *testing.T) {
	bare, _ := buildTree(t, "a.json", simple("CVE-2026-0001"))
	first, _ := buildTree(t, "a.json", simple("CVE-2026-0001"), "kev.json", kev(1, "CVE-2026-0001"))
	same, _ := buildTree(t, "a.json", simple("CVE-2026-0001"), "kev.json", kev(1, "CVE-2026-0001"))
	second, _ := buildTree(t, "a.json", simple("CVE-2026-0001"), "kev.json", kev(2))
	for _, tt := range []struct {
		from, to *vulndb.DB
		want     bool
	}{{bare, first, true}, {first, bare, true}, {first, second, true}, {first, same, false}} {
		c, err := vulndb.Diff(t.Context(), tt.from, tt.to)
		require.NoError(t, err)
		assert.Equal(t, tt.want, c.Enrichment)
		assert.Equal(t, !tt.want, c.IsZero())
		assert.Empty(t, c.Ecosystems)
		assert.False(t, c.Affects(bookworm, debs("foo")))
	}
}
