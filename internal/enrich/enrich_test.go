package enrich

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/sharedtest"
)

const (
	kevDoc = `{"title": "CISA Catalog of Known Exploited Vulnerabilities", "catalogVersion": "2026.01.02",
		"dateReleased": "2026-01-02T17:04:19.9796Z", "count": 2, "vulnerabilities": [
		{"cveID": "CVE-2024-0001", "vendorProject": "V", "product": "P", "vulnerabilityName": "P Path Traversal", "dateAdded": "2024-02-03",
		 "shortDescription": "P has a flaw.", "dueDate": "2024-02-24", "knownRansomwareCampaignUse": "Known", "notes": "", "cwes": ["CWE-22"]},
		{"cveID": "CVE-2024-0002", "vulnerabilityName": "Q Overflow", "dateAdded": "2024-03-03", "dueDate": "2024-03-24",
		 "knownRansomwareCampaignUse": "Unknown"}]}`
	epssDoc = "#model_version:v2025.03.14,score_date:2026-01-01T12:55:00Z\ncve,epss,percentile\nCVE-2024-0001,0.94321,0.99912\nCVE-2024-0003,0.00043,0.09781\n"
	cveDoc  = `{"dataType": "CVE_RECORD", "dataVersion": "5.1",
		"cveMetadata": {"cveId": "CVE-2024-0001", "state": "PUBLISHED", "dateUpdated": "2025-05-06T07:08:09.123Z"},
		"containers": {
			"cna": {"providerMetadata": {"orgId": "0", "shortName": "GitHub_M"}, "title": "A  title\non two lines",
				"descriptions": [{"lang": "de", "value": "Fehler"}, {"lang": "en-US", "value": "A flaw"}],
				"problemTypes": [{"descriptions": [{"cweId": "CWE-79", "lang": "en", "type": "CWE", "description": "XSS"}, {"lang": "en", "description": "n/a"}]}],
				"metrics": [
					{"cvssV3_1": {"version": "3.1", "baseScore": 1e999, "baseSeverity": "LOW", "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}},
					{"cvssV4_0": {"vectorString": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}},
					{"other": {"type": "ssvc", "content": {}}}]},
			"adp": [{"title": "CISA ADP Vulnrichment", "providerMetadata": {"shortName": "CISA-ADP"},
				"problemTypes": [{"descriptions": [{"cweId": "CWE-22"}]}],
				"metrics": [{"cvssV2_0": {"vectorString": "AV:N/AC:L/Au:N/C:P/I:P/A:P"}}]}]}}`
	nvdElement = `{"cve": {"id": "CVE-2024-0001", "sourceIdentifier": "x@example.org", "lastModified": "2024-11-21T08:50:00.123", "vulnStatus": "Analyzed",
		"descriptions": [{"lang": "es", "value": "Error"}, {"lang": "en", "value": "A flaw, says the NVD"}],
		"metrics": {
			"cvssMetricV31": [
				{"source": "x@example.org", "type": "Secondary", "cvssData": {"version": "3.1", "vectorString": "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "baseScore": 99}},
				{"source": "134c704f-9b21-4f2e-91b3-4a467353bcc0", "type": "Secondary", "cvssData": {"vectorString": "CVSS:3.1/AV:L/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H"}}],
			"cvssMetricV2": [{"source": "nvd@nist.gov", "type": "Primary", "cvssData": {"vectorString": "AV:N/AC:L/Au:N/C:P/I:P/A:P"}}]},
		"weaknesses": [{"source": "nvd@nist.gov", "type": "Primary", "description": [{"lang": "en", "value": "NVD-CWE-noinfo"}, {"lang": "en", "value": "CWE-787"}]}]}}`
	nvdDoc = `{"resultsPerPage": 2, "startIndex": 0, "totalResults": 2, "format": "NVD_CVE", "version": "2.0", "timestamp": "2026-01-02T03:04:05.678",
		"vulnerabilities": [` + nvdElement + `, {"cve": {"id": "CVE-2024-0009", "vulnStatus": "Rejected", "descriptions": [{"lang": "en", "value": "Rejected reason: x"}]}}]}`
	secdbDoc = `{"apkurl": "{{urlprefix}}/x", "archs": ["x86_64"], "reponame": "main", "packages": []}`
)

func date(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// collect calls a reader and returns what it yields.
func collect(read func(func(Entry) error) error) ([]Entry, error) {
	var out []Entry
	err := read(func(e Entry) error {
		out = append(out, e)
		return nil
	})
	return out, err
}

func readKEV(r io.Reader) (c Catalogue, entries []Entry, bad []Bad, err error) {
	entries, err = collect(func(yield func(Entry) error) (err error) {
		c, bad, err = ReadKEV(r, yield)
		return err
	})
	return c, entries, bad, err
}

func readEPSS(r io.Reader) (c Catalogue, entries []Entry, bad []Bad, err error) {
	entries, err = collect(func(yield func(Entry) error) (err error) {
		c, bad, err = ReadEPSS(r, yield)
		return err
	})
	return c, entries, bad, err
}

func readNVD(r io.Reader) (entries []Entry, bad []Bad, err error) {
	entries, err = collect(func(yield func(Entry) error) (err error) {
		bad, err = ReadNVD(r, yield)
		return err
	})
	return entries, bad, err
}

func TestDetect(t *testing.T) {
	tests := []struct {
		name string
		head string
		want Kind
	}{
		{"KEV", kevDoc, KindKEV},
		{"KEV that begins with its list", `{"title":"x","vulnerabilities":[{"vendorProject":"a","cveID":"CVE-1"`, KindKEV},
		{"EPSS", epssDoc, KindEPSS},
		{"EPSS without a comment", "cve,epss,percentile\n", KindEPSS},
		{"a record", cveDoc, KindCVE},
		{"a record that begins otherwise", `{"containers": {}, "cveMetadata": {}}`, KindCVE},
		{"a page of the NVD", nvdDoc, KindNVD},
		{"a list of the NVD", `{"vulnerabilities": [{"cve": {}}]}`, KindNVD},
		{"an element of the NVD", nvdElement, KindNVDOne},
		{"a security database", secdbDoc, KindSecDB},
		{"changes of the CVE list", `{"fetchTime": "x", "new": []}`, KindDelta},
		{"the log of changes", `[ {"fetchTime": "x"}]`, KindDelta},
		{"OSV", `{"schema_version": "1.7", "database_specific": {"cve": 1}}`, Unknown},
		{"what is nested does not count", `{"x": {"containers": "}", "a": ["]"]}, "y": "\"dataType\":", "id": "X"}`, Unknown},
		{"a byte order mark", "\xEF\xBB\xBF" + secdbDoc, KindSecDB},
		{"nothing", "", Unknown},
		{"no list", `{"vulnerabilities": 5}`, Unknown},
		{"an empty list", `{"vulnerabilities": [`, Unknown},
		{"open strings", `{"a": "`, Unknown},
		{"an escape at the end", `{"a\`, Unknown},
		{"depth", `{"a":` + strings.Repeat("[", HeadSize), Unknown},
		{"beyond the head", `{"a":"` + strings.Repeat("x", HeadSize) + `","dataType":1}`, Unknown},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, Detect([]byte(tt.head)), tt.name)
	}
}

func TestReadKEV(t *testing.T) {
	c, entries, bad, err := readKEV(strings.NewReader(kevDoc))
	require.NoError(t, err)
	assert.Empty(t, bad)
	assert.Equal(t, Catalogue{"2026.01.02", time.Date(2026, 1, 2, 17, 4, 19, 979600000, time.UTC)}, c)
	assert.Equal(t, []Entry{
		{
			CVE: "CVE-2024-0001", Title: "P Path Traversal", Description: "P has a flaw.", CWEs: []int{22},
			KEV: &KEV{date(2024, 2, 3), date(2024, 2, 24), true},
		},
		{CVE: "CVE-2024-0002", Title: "Q Overflow", KEV: &KEV{date(2024, 3, 3), date(2024, 3, 24), false}},
	}, entries)
}

// A bad entry is named, and the rest of the catalogue is used.
func TestReadKEVBad(t *testing.T) {
	doc := `{"catalogVersion": "1", "count": 4, "vulnerabilities": [{"cveID": "CVE-24-1"}, {"cveID": "CVE-2024-0001", "dateAdded": "soon"},
		{"cveID": "CVE-2024-0002", "cwes": "CWE-1", "dateAdded": "2024-01-02"}, 5]}`
	_, entries, bad, err := readKEV(strings.NewReader(doc))
	require.NoError(t, err)
	require.Len(t, entries, 2)
	assert.True(t, entries[0].KEV.Added.IsZero())
	assert.Equal(t, date(2024, 1, 2), entries[1].KEV.Added)
	require.Len(t, bad, 4)
	for i, want := range []string{`"CVE-24-1" is no CVE`, `dateAdded: "soon" is no date`, "cannot unmarshal string", `"" is no CVE`} {
		assert.Equal(t, fmt.Sprintf("entry %d", i), bad[i].Entry)
		assert.Contains(t, strings.Join(bad[i].Reasons, "; "), want)
	}
}

func TestReadKEVErrors(t *testing.T) {
	tests := []struct {
		doc  string
		want string
	}{
		{"", "unexpected EOF"},
		{"[]", `"[" instead of "{"`},
		{kevDoc[:len(kevDoc)-1], "unexpected EOF"}, // the end is missing
		{strings.Replace(kevDoc, `"count": 2`, `"count": 1404`, 1), "2 entries, though the catalogue says 1404"},
		{strings.Replace(kevDoc, `"count": 2`, `"count": 1e999`, 1), "cannot unmarshal number"},
		{strings.Replace(kevDoc, "2026-01-02T17:04:19.9796Z", "today", 1), `dateReleased: "today" is no date`},
		{`{"catalogVersion": "1"}`, "0 lists"},
		{`{"vulnerabilities": []}`, "no entry that can be read"},
		{`{"vulnerabilities": [{}]}`, "no entry that can be read"},
		{`{"vulnerabilities": {}}`, `"{" instead of "["`},
		{kevDoc + " x", "invalid character"},
		{kevDoc + "{}", "after the end"},
		{`{"vulnerabilities": [` + strings.Repeat(`{"a":[`, 20000), "exceeded max depth"},
		{`{"x": ` + strings.Repeat(`[`, 20000), "exceeded max depth"},
		{`{"vulnerabilities": [` + strings.Repeat(`5,`, maxBad) + `5, 5]}`, "more than 10000 bad entries"},
	}
	for _, tt := range tests {
		c, _, bad, err := readKEV(strings.NewReader(tt.doc))
		assert.ErrorContainsf(t, err, tt.want, "ReadKEV(%.60s)", tt.doc)
		assert.Zerof(t, c, "ReadKEV(%.60s)", tt.doc)
		assert.Nilf(t, bad, "ReadKEV(%.60s)", tt.doc)
	}
}

// endless gives a document without end.
type endless struct {
	head string
	rest byte
	n    int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.head != "" {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	for i := range p {
		p[i] = e.rest
	}
	e.n += len(p)
	return len(p), nil
}

// What has no end is given up before it fills the memory.
func TestEndless(t *testing.T) {
	for _, head := range []string{"", `{"x`, `{"x": "`, `{"vulnerabilities": [`, `{"vulnerabilities": [{"cveID": "`, kevDoc} {
		in := &endless{head: head, rest: ' '}
		_, _, _, err := readKEV(in)
		assert.ErrorIsf(t, err, ErrTooLarge, "ReadKEV(%.30s...)", head)
		assert.LessOrEqualf(t, in.n, MaxElement+1<<20, "ReadKEV(%.30s...)", head)
	}
	in := &endless{head: epssDoc, rest: 'x'}
	_, _, _, err := readEPSS(in)
	assert.ErrorContains(t, err, "line 5: a line of more than 1 KiB")
}

func TestReadKEVReal(t *testing.T) {
	f, err := os.Open(sharedtest.Path(t, "data", "kev", "known_exploited_vulnerabilities.json"))
	require.NoError(t, err)
	defer f.Close()
	c, entries, bad, err := readKEV(f)
	require.NoError(t, err)
	assert.Empty(t, bad)
	assert.Equal(t, "2025.08.25", c.Version)
	require.Len(t, entries, 1404)
	assert.Equal(t, "CVE-2025-48384", entries[0].CVE)
	ransomware := 0
	for _, e := range entries {
		assert.Falsef(t, e.KEV.Added.IsZero() || e.KEV.Due.IsZero(), "%s: %+v", e.CVE, e.KEV)
		assert.NotEmptyf(t, e.Title, e.CVE)
		if e.KEV.Ransomware {
			ransomware++
		}
	}
	assert.Greater(t, ransomware, 200)
}

func TestReadEPSS(t *testing.T) {
	c, entries, bad, err := readEPSS(strings.NewReader(epssDoc))
	require.NoError(t, err)
	assert.Empty(t, bad)
	day := time.Date(2026, 1, 1, 12, 55, 0, 0, time.UTC)
	assert.Equal(t, Catalogue{"v2025.03.14", day}, c)
	assert.Equal(t, []Entry{
		{CVE: "CVE-2024-0001", EPSS: &EPSS{0.94321, 0.99912, day}},
		{CVE: "CVE-2024-0003", EPSS: &EPSS{0.00043, 0.09781, day}},
	}, entries)
	// An older form of the date, line ends of another system, no last line end.
	c, entries, _, err = readEPSS(strings.NewReader("#model_version:v2022.01.01,score_date:2022-03-04T00:00:00+0000\r\ncve,epss,percentile\r\nCVE-2024-0001,1,0"))
	require.NoError(t, err)
	assert.Equal(t, date(2022, 3, 4), c.Date)
	assert.Equal(t, &EPSS{1, 0, c.Date}, entries[0].EPSS)
}

func TestReadEPSSBad(t *testing.T) {
	lines := []string{
		"CVE-2024-0001,NaN,0.5", "CVE-2024-0001,0.5,Inf", "CVE-2024-0001,-0.1,0.5", "CVE-2024-0001,0.5,1.0001", "CVE-2024-0001,1e999,0.5",
		"CVE-2024-0001,,0.5", "CVE-2024-0001,0.5", "CVE-2024-0001,0.5,0.5,0.5", "GHSA-x,0.5,0.5", "CVE-2024-" + strings.Repeat("1", 20) + ",0.5,0.5",
	}
	_, entries, bad, err := readEPSS(strings.NewReader(epssDoc + strings.Join(lines, "\n")))
	require.NoError(t, err)
	assert.Len(t, entries, 2)
	require.Len(t, bad, len(lines))
	for i := range lines {
		assert.Equalf(t, fmt.Sprintf("line %d", 5+i), bad[i].Entry, "%q", lines[i])
	}
	for _, tt := range []struct{ doc, want string }{
		{"", "no scores"},
		{"cve,epss,percentile\n", "no scores"},
		{"CVE-2024-0001,0.5,0.5\n", "instead of the names of the columns"},
		{"#score_date:today\n", `score_date: "today" is no date`},
		{epssDoc + strings.Repeat("x\n", maxBad+1), "more than 10000 bad entries"},
	} {
		c, _, _, err := readEPSS(strings.NewReader(tt.doc))
		assert.ErrorContainsf(t, err, tt.want, "ReadEPSS(%.60q)", tt.doc)
		assert.Zero(t, c)
	}
}

func TestDecodeCVE(t *testing.T) {
	e, reasons, err := DecodeCVE([]byte(cveDoc))
	require.NoError(t, err)
	assert.Empty(t, reasons)
	assert.Equal(t, Entry{
		CVE: "CVE-2024-0001", Modified: time.Date(2025, 5, 6, 7, 8, 9, 123e6, time.UTC), CWEs: []int{22, 79},
		Title: "A title on two lines", Description: "A flaw",
		Ratings: []Rating{
			{"GitHub_M", "CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"},
			{"GitHub_M", "CVSS_V4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"},
			{"CISA-ADP", "CVSS_V2", "AV:N/AC:L/Au:N/C:P/I:P/A:P"},
		},
	}, e)
	// Nothing that a rejected record says is about a flaw.
	e, reasons, err = DecodeCVE([]byte(strings.Replace(cveDoc, "PUBLISHED", "REJECTED", 1)))
	require.NoError(t, err)
	assert.Empty(t, reasons)
	assert.Equal(t, Entry{CVE: "CVE-2024-0001", Modified: time.Date(2025, 5, 6, 7, 8, 9, 123e6, time.UTC), Rejected: true}, e)
}

func TestDecodeCVEDefects(t *testing.T) {
	long := strings.Repeat("ä", maxText)
	tests := []struct {
		old, new string
		want     string
	}{
		{"AV:N/AC:L/Au:N", "AV:Z/AC:L/Au:N", "rating by CISA-ADP: "},
		{"2025-05-06T07:08:09.123Z", "yesterday", `dateUpdated: "yesterday" is no date`},
		{"A flaw", long, "description of 16384 bytes is cut off"},
		{`"en-US"`, `5`, "cannot unmarshal number"},
		{"GitHub_M", strings.Repeat("x", maxWord+1), "a rating by"},
	}
	for _, tt := range tests {
		e, reasons, err := DecodeCVE([]byte(strings.Replace(cveDoc, tt.old, tt.new, 1)))
		if assert.NoErrorf(t, err, "with %.60s", tt.new) {
			assert.Containsf(t, strings.Join(reasons, "; "), tt.want, "with %.60s", tt.new)
			assert.Equal(t, "CVE-2024-0001", e.CVE)
			assert.LessOrEqual(t, len(e.Description), maxText+len("…"))
		}
	}
	for _, tt := range []struct{ doc, want string }{
		{`{}`, `"" is no CVE`},
		{strings.Replace(cveDoc, "CVE-2024-0001", "CVE-2024-1", 1), "is no CVE"},
		{cveDoc[1:], "cannot unmarshal"},
		{cveDoc[:len(cveDoc)-1], "unexpected end"},
		{strings.Repeat(`{"containers":[`, 20000), "exceeded max depth"},
		{strings.Repeat(" ", MaxElement+1), "limit of 16 MiB"},
	} {
		e, reasons, err := DecodeCVE([]byte(tt.doc))
		if tt.want == "cannot unmarshal" { // a string where an object should be
			tt.want = "invalid character"
		}
		assert.ErrorContainsf(t, err, tt.want, "DecodeCVE(%.60s)", tt.doc)
		assert.Zero(t, e)
		assert.Nil(t, reasons)
	}
}

func TestReadNVD(t *testing.T) {
	want := Entry{
		CVE: "CVE-2024-0001", Modified: time.Date(2024, 11, 21, 8, 50, 0, 123e6, time.UTC), CWEs: []int{787}, Description: "A flaw, says the NVD",
		Ratings: []Rating{
			{"NVD", "CVSS_V2", "AV:N/AC:L/Au:N/C:P/I:P/A:P"},
			{"x@example.org", "CVSS_V3", "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"},
			{"CISA-ADP", "CVSS_V3", "CVSS:3.1/AV:L/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H"},
		},
	}
	entries, bad, err := readNVD(strings.NewReader(nvdDoc))
	require.NoError(t, err)
	assert.Empty(t, bad)
	assert.Equal(t, []Entry{want, {CVE: "CVE-2024-0009", Rejected: true}}, entries)
	e, reasons, err := DecodeNVD([]byte(nvdElement))
	require.NoError(t, err)
	assert.Empty(t, reasons)
	assert.Equal(t, want, e)
	_, _, err = DecodeNVD([]byte(`{"cve": {}}`))
	assert.ErrorContains(t, err, `"" is no CVE`)

	// What comes before the end is used.
	entries, _, err = readNVD(strings.NewReader(nvdDoc[:len(nvdDoc)-2]))
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Len(t, entries, 2)
	_, _, err = readNVD(strings.NewReader(`{"resultsPerPage": 0}`))
	assert.ErrorContains(t, err, "no list")
	stop := errors.New("stop")
	_, err = ReadNVD(strings.NewReader(nvdDoc), func(Entry) error { return stop })
	assert.ErrorIs(t, err, stop)
}

func TestValidCVE(t *testing.T) {
	for id, want := range map[string]bool{
		"CVE-2024-0001": true, "CVE-1999-1234567890123456789": true, "CVE-2024-001": false, "CVE-24-0001": false, "CVE-2024-000x": false,
		"cve-2024-0001": false, "": false, "CVE-2024-0001 ": false, "CVE-2024-0001-1": false, "XCVE-2024-0001": false,
	} {
		assert.Equalf(t, want, ValidCVE(id), "ValidCVE(%q)", id)
	}
}

// check tests what holds for every entry.
func check(t *testing.T, e *Entry) {
	require.Truef(t, ValidCVE(e.CVE), "%q", e.CVE)
	require.LessOrEqual(t, len(e.Title), maxText+len("…"))
	require.LessOrEqual(t, len(e.Description), maxText+len("…"))
	require.LessOrEqual(t, len(e.Ratings), maxRatings)
	require.LessOrEqual(t, len(e.CWEs), maxCWEs)
	if e.EPSS != nil {
		for _, v := range []float64{e.EPSS.Score, e.EPSS.Percentile} {
			require.False(t, math.IsNaN(v) || v < 0 || v > 1)
		}
	}
	require.False(t, e.Rejected && len(e.Ratings) > 0)
}

func FuzzDetect(f *testing.F) {
	for _, s := range []string{kevDoc, epssDoc, cveDoc, nvdDoc, nvdElement, secdbDoc, `{"a":[{}],"b":"\"`, `[{"fetchTime`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		kind := Detect(data)
		require.Equal(t, kind, Detect(data[:min(len(data), HeadSize)]), "nothing beyond the head counts")
	})
}

func FuzzKEV(f *testing.F) {
	f.Add(kevDoc)
	f.Add(`{"vulnerabilities": [{"cveID": 5}, null, {"cveID": "CVE-2024-0001", "cwes": ["CWE-0", "x"]}]}`) // wrong types
	f.Fuzz(func(t *testing.T, doc string) {
		_, entries, _, err := readKEV(strings.NewReader(doc))
		if err == nil {
			require.NotEmpty(t, entries)
		}
		for i := range entries {
			require.NotNil(t, entries[i].KEV)
			check(t, &entries[i])
		}
	})
}

func FuzzEPSS(f *testing.F) {
	f.Add(epssDoc)
	f.Add("cve,epss,percentile\nCVE-2024-0001,0x1p-2,1_0\n") // numbers that Go can read
	f.Fuzz(func(t *testing.T, doc string) {
		_, entries, _, err := readEPSS(strings.NewReader(doc))
		if err == nil {
			require.NotEmpty(t, entries)
		}
		for i := range entries {
			require.NotNil(t, entries[i].EPSS)
			check(t, &entries[i])
		}
	})
}

func FuzzCVE(f *testing.F) {
	f.Add([]byte(cveDoc))
	f.Add([]byte(strings.Replace(cveDoc, "PUBLISHED", "REJECTED", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, reasons, err := DecodeCVE(data)
		if err != nil {
			require.Zero(t, e)
			require.Nil(t, reasons)
			return
		}
		check(t, &e)
	})
}

func FuzzNVD(f *testing.F) {
	f.Add(nvdDoc)
	f.Add(`{"vulnerabilities": [` + nvdElement + `,{"cve": {"id": "CVE-2024-0001", "metrics": []}}, 5]}`)
	f.Fuzz(func(t *testing.T, doc string) {
		entries, _, _ := readNVD(strings.NewReader(doc))
		for i := range entries {
			check(t, &entries[i])
		}
	})
}
