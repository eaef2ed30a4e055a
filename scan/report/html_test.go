package report_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/sbom"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/scan/report"
	"github.com/imagevet/imagevet/vulndb"
)

// What a browser makes of the page is tried in internal/browsertest.

var (
	styleElement  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	scriptElement = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
	policyHash    = regexp.MustCompile(`sha256-[A-Za-z0-9/&#;]{43,80}=`)
)

// withoutFiles takes the style sheet and the script out of a page.
func withoutFiles(page string) string {
	page = styleElement.ReplaceAllString(page, "<style></style>")
	page = scriptElement.ReplaceAllString(page, "<script></script>")
	return policyHash.ReplaceAllString(page, "sha256-HASH")
}

func TestHTML(t *testing.T) {
	golden(t, "full.html", []byte(withoutFiles(write(t, full(), report.HTML, report.WithPackages(true)))))
}

// The policy must allow the page's own style and script, and nothing else.
func TestHTMLPolicy(t *testing.T) {
	page := write(t, full(), report.HTML)
	want := "default-src 'none'; style-src " + hashOf(t, styleElement, page) + "; script-src " + hashOf(t, scriptElement, page) + "; base-uri 'none'; form-action 'none'"
	assert.Equal(t, want, readPage(t, page).policy)
	for _, word := range []string{"@import", "url(", "fetch(", "XMLHttpRequest", "innerHTML", "eval(", "document.write"} {
		assert.NotContains(t, page, word)
	}
}

func hashOf(t *testing.T, element *regexp.Regexp, page string) string {
	t.Helper()
	found := element.FindAllStringSubmatch(page, -1)
	require.Len(t, found, 1)
	require.NotEmpty(t, found[0][1])
	sum := sha256.Sum256([]byte(found[0][1]))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// A readHTML is what the tests look at in a page.
type readHTML struct {
	policy string
	links  []string // href
	ids    map[string]bool
	tags   map[string]int
	text   string
}

// readPage reads a page as XML, which the templates are written as: tags that
// do not match, or a text that has become a tag, are errors.
func readPage(t *testing.T, page string) *readHTML {
	t.Helper()
	r := &readHTML{ids: map[string]bool{}, tags: map[string]int{}}
	var text strings.Builder
	for dec := xml.NewDecoder(strings.NewReader(withoutStyle(page))); ; {
		token, err := dec.Token()
		if err == io.EOF {
			r.text = text.String()
			return r
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.CharData:
			text.Write(token)
		case xml.EndElement:
			text.WriteByte('\n')
		case xml.StartElement:
			r.tags[token.Name.Local]++
			attributes := map[string]string{}
			for _, a := range token.Attr {
				name := a.Name.Local
				_, twice := attributes[name]
				require.Falsef(t, twice, "<%s> has %q twice", token.Name.Local, name)
				attributes[name] = a.Value
				require.Falsef(t, strings.HasPrefix(name, "on") || name == "style" || name == "src" || name == "action", "<%s %s=%q>", token.Name.Local, name, a.Value)
			}
			if href, ok := attributes["href"]; ok {
				require.Equal(t, "a", token.Name.Local)
				r.links = append(r.links, href)
				if !strings.HasPrefix(href, "#") {
					require.Equalf(t, "noreferrer", attributes["rel"], "link to %q", href)
				}
			}
			if id, ok := attributes["id"]; ok {
				require.Falsef(t, r.ids[id], "id %q is there twice", id)
				r.ids[id] = true
			}
			if attributes["http-equiv"] == "Content-Security-Policy" {
				r.policy = attributes["content"]
			}
			if token.Name.Local == "th" {
				require.NotEmpty(t, attributes["scope"], "a heading of what?")
			}
		}
	}
}

// withoutStyle leaves the policy as it is.
func withoutStyle(page string) string {
	return scriptElement.ReplaceAllString(styleElement.ReplaceAllString(page, "<style></style>"), "<script></script>")
}

// Whatever a report holds is on the page, and can be read without script.
func TestHTMLHasAll(t *testing.T) {
	r := htmlEnriched()
	page := readPage(t, write(t, r, report.HTML, report.WithPackages(true)))
	want := []string{
		r.Target.Name, r.Target.Digest, r.Target.ImageID, "linux/amd64", "Debian GNU/Linux 10 (buster) (Debian:10), end of life since 2024-06-30", "built 2026-08-01 00:00 UTC",
		"5 findings, 3 of them with a fixed version, 1 known to be exploited",
		"Debian GNU/Linux 10 (buster) (Debian:10) has had no security support since 2024-06-30",
		"58 packages were not compared, and may have flaws that are not listed", "57 packages: no data for PyPI: the database has nothing on PyPI",
		"1 package: conan cannot be compared: packages of this type are not matched", "1 package of Debian:11: the database has no data for Debian:11:security",
		"1 problem, behind which packages and findings may hide", "opt/app/var/lib/dpkg/status (dpkg): " + r.Problems[0].Error,
		"in CISA's catalogue since 2022-04-01, to be fixed by 2022-04-22, used with ransomware", "97.1 %", "CWE-835", "rejected",
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", "7.5", "one line\nand another", "pkg:deb/debian/libssl1.1@1.1.1d-0+deb10u3?arch=amd64&distro=debian-10",
		"direct", "development only", "src/package-lock.json:12", "linux/arm64, linux/amd64", "no fixed version is known", "severity NONE is below LOW",
	}
	for _, f := range r.Findings {
		want = append(want, f.ID, f.Title, f.Package.Name, f.Package.Version, f.FixedVersion, f.Evidence.Advisory, f.Evidence.Range)
		want = append(want, f.Aliases...)
		want = append(want, f.References...)
	}
	for _, s := range r.Suppressed {
		want = append(want, s.ID, s.Reason)
	}
	for _, p := range r.Packages {
		want = append(want, p.Name, p.Version)
	}
	for _, text := range want {
		assert.Contains(t, page.text, text)
	}
	for _, link := range page.links {
		if id, ok := strings.CutPrefix(link, "#"); ok {
			assert.Truef(t, page.ids[id], "a link to %q", link)
		}
	}
	assert.Contains(t, page.links, "https://www.cve.org/CVERecord?id=CVE-2022-0778")
	assert.Contains(t, page.links, "https://github.com/advisories/GHSA-x3mh-jvjw-3xwx")
	assert.Contains(t, page.links, "https://cwe.mitre.org/data/definitions/835.html")
	assert.Contains(t, page.links, "https://example.org/advisory?id=1&lang=en")
	assert.Equal(t, 1, page.tags["h1"])
	assert.Equal(t, 1, page.tags["main"])
	assert.Equal(t, 1, page.tags["script"])

	// All packages only if they are asked for.
	assert.NotContains(t, readPage(t, write(t, r, report.HTML)).ids, "packages")
}

// htmlEnriched is full with what only some scans know.
func htmlEnriched() *scan.Report {
	r := full()
	r.Database.Enrichment = []vulndb.EnrichmentInfo{{Source: vulndb.SourceKEV, Version: "2026.01.02", Date: date(2026, 1, 2), CVEs: 1404}}
	f := &r.Findings[0]
	f.KEV = &vulndb.KEV{Added: date(2022, 4, 1), Due: date(2022, 4, 22), Ransomware: true}
	f.EPSS = &vulndb.EPSS{Score: 0.971, Percentile: 0.999, Date: date(2026, 1, 3)}
	f.CWEs = []int{835}
	f.Rejected = true
	f.CVSS[0].Score = 7.5
	f.Description = "one line\r\nand another"
	p := &r.Findings[1].Package
	p.Relation, p.Development, p.Paths, p.Line, p.Platforms = "direct", true, []string{"src/package-lock.json"}, 12, []string{"linux/arm64", "linux/amd64"}
	return r
}

// A report without findings must not promise more than was compared.
func TestHTMLWithoutFindings(t *testing.T) {
	matched := vulndb.Coverage{Ecosystem: "Debian:10", Packages: 14, Status: vulndb.CoverageMatched}
	missed := vulndb.Coverage{Ecosystem: "Debian:13", Packages: 57, Status: vulndb.CoverageNoData}
	ended := without(matched)
	ended.OS.EndOfLife = true
	nodb := without(missed)
	nodb.Database = scan.Database{}
	problems := without(matched)
	problems.Problems = full().Problems
	tests := []struct {
		name   string
		report *scan.Report
		want   []string
	}{
		{"all compared", without(matched), []string{"No findings: 14 packages were compared with the advisories for Debian:10 in the database, and none matches."}},
		{"some not compared", without(matched, missed), []string{"57 packages were NOT compared", "What this report does not tell", "57 packages: no data for Debian:13"}},
		{"none compared", without(missed), []string{"NOTHING WAS COMPARED", "What this report does not tell"}},
		{"no packages", without(), []string{"NOTHING WAS COMPARED", "No packages were found, so that there was nothing to compare"}},
		{"end of life", ended, []string{"has had no security support since 2024-06-30"}},
		{"no database", nodb, []string{"There was no database: nothing was compared"}},
		{"problems", problems, []string{"1 problem was met", "1 problem, behind which"}},
		{"exploited", without(matched), []string{"the database has no catalogue of exploited flaws"}},
	}
	for _, tt := range tests {
		got := readPage(t, write(t, tt.report, report.HTML)).text
		for _, want := range tt.want {
			assert.Contains(t, got, want, tt.name)
		}
		assert.NotContains(t, strings.ToLower(got), "clean", tt.name)
		assert.NotContains(t, strings.ToLower(got), "no vulnerabilities", tt.name)
	}
	assert.NotContains(t, write(t, without(matched), report.HTML), "What this report does not tell")
	assert.Contains(t, write(t, without(matched), report.HTML), "<dt>Critical</dt><dd>0</dd>")
	assert.Contains(t, write(t, without(missed), report.HTML), "<dt>Critical</dt><dd>?</dd>")
}

// An image with any number of broken files must not bury the rest, but all of
// them are there.
func TestHTMLProblems(t *testing.T) {
	r := without()
	for i := range 1000 {
		r.Problems = append(r.Problems, scan.Problem{Path: fmt.Sprintf("file-%04d", i), Extractor: "apk", Error: "broken"})
	}
	page := write(t, r, report.HTML)
	assert.Contains(t, page, "<summary>990 more</summary>")
	assert.Contains(t, page, "file-0999 (apk): broken")
}

// A finding cannot fill the page, and what is left out is told.
func TestHTMLLongLists(t *testing.T) {
	r := full()
	f := &r.Findings[0]
	for i := range 50 {
		f.Aliases = append(f.Aliases, fmt.Sprintf("ALIAS-%d", i))
		f.References = append(f.References, fmt.Sprintf("https://example.org/%d", i))
		f.OtherEvidence = append(f.OtherEvidence, vulndb.Evidence{Advisory: fmt.Sprintf("OTHER-%d", i)})
		f.Package.Paths = append(f.Package.Paths, fmt.Sprintf("path/%d", i))
	}
	f.Description = strings.Repeat("x", 100_000)
	text := readPage(t, write(t, r, report.HTML)).text
	for _, want := range []string{"… and 33 more\n", "… and 31 more, which the JSON format lists", "… and 32 more, which the JSON format lists", "… and 31 more\n", "xxx…"} {
		assert.Contains(t, text, want)
	}
	assert.Less(t, len(text), 40_000)
}

// Links lead to the web or nowhere.
func TestHTMLLinks(t *testing.T) {
	tests := []struct{ reference, want string }{
		{"https://example.org/a?b=1&c=2#d", "https://example.org/a?b=1&c=2#d"},
		{"http://example.org", "http://example.org"},
		{"HTTPS://example.org/x", "https://example.org/x"},
		{"javascript:alert(1)", ""},
		{"JaVaScRiPt:alert(1)", ""},
		{"java\nscript:alert(1)", ""},
		{" javascript:alert(1)", ""},
		{"data:text/html,x", ""},
		{"vbscript:x", ""},
		{"file:///etc/passwd", ""},
		{"mailto:a@example.org", ""},
		{"//example.org/x", ""},
		{"/x", ""},
		{"example.org", ""},
		{"https:example.org", ""},
		{"https://", ""},
		{"https://github.com@example.org/", ""}, // which looks as if it led elsewhere
		{"https://example.org/" + strings.Repeat("a", 3000), ""},
		{"https://example.org/\"><script>", "https://example.org/%22%3E%3Cscript%3E"},
		{"%zz://", ""},
	}
	for _, tt := range tests {
		r := without(vulndb.Coverage{Ecosystem: "Debian:10", Packages: 1, Status: vulndb.CoverageMatched})
		r.Findings = []scan.Finding{{ID: "X", References: []string{tt.reference}}}
		var web []string
		for _, link := range readPage(t, write(t, r, report.HTML)).links {
			if !strings.HasPrefix(link, "#") {
				web = append(web, link)
			}
		}
		if tt.want == "" {
			assert.Emptyf(t, web, "%q", tt.reference)
		} else {
			assert.Equalf(t, []string{tt.want}, web, "%q", tt.reference)
		}
	}
	// An ID leads somewhere only if it is one.
	for _, id := range []string{"CVE-2024-1/../../x", "CVE-", "CVE-2024-1&x=1", "GHSA-x/../..", "GHSA-\"><b>", "cve-2024-0001", "CVE-" + strings.Repeat("1", 100)} {
		r := without()
		r.Findings = []scan.Finding{{ID: id}}
		for _, link := range readPage(t, write(t, r, report.HTML)).links {
			assert.Truef(t, strings.HasPrefix(link, "#"), "%q leads to %q", id, link)
		}
	}
}

// Whatever the texts are, the page has the same tags.
func FuzzHTML(f *testing.F) {
	for _, s := range []string{"", "musl", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</style>", "javascript:alert(1)", "https://example.org/?a=1&b='", "\u202e\x00\xff", "a\nb", "{{.}}", "<!--", "]]>", "&lt;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := hostile(s)
		r.BOM = nil
		page := write(t, r, report.HTML, report.WithPackages(true))
		checkSafe(t, page, s)
		got := readPage(t, page)
		for _, tag := range []string{"script", "style", "h1", "main", "title"} {
			assert.Equal(t, 1, got.tags[tag], tag)
		}
		assert.Zero(t, got.tags["img"]+got.tags["iframe"]+got.tags["object"]+got.tags["embed"]+got.tags["base"])
		for _, link := range got.links {
			u, err := url.Parse(link)
			require.NoError(t, err)
			assert.Truef(t, u.Scheme == "https" || u.Scheme == "http" || strings.HasPrefix(link, "#"), "%q", link)
		}
	})
}

// htmlLong is a report with so many findings.
func htmlLong(n int) *scan.Report {
	r := htmlEnriched()
	findings := r.Findings
	r.Findings = make([]scan.Finding, n)
	for i := range r.Findings {
		f := findings[i%len(findings)]
		f.ID = fmt.Sprintf("CVE-2024-%d", 10_000+i)
		f.Package.Name = fmt.Sprintf("package-%d", i/10)
		f.Description = strings.Repeat("A flaw in the parser lets a remote attacker read beyond the end of a buffer. ", 5)
		f.References = []string{"https://example.org/1", "https://example.org/2", "https://example.org/3"}
		r.Findings[i] = f
	}
	return r
}

// A heapWatcher measures what is in use while the page is written.
type heapWatcher struct{ size, next, most int64 }

func (h *heapWatcher) Write(p []byte) (int, error) {
	if h.size += int64(len(p)); h.size > h.next {
		h.next += 1 << 20
		h.most = max(h.most, heapInUse())
	}
	return len(p), nil
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The page is written finding by finding: what is in memory at a time does not
// grow with them.
func TestHTMLStreams(t *testing.T) {
	require.NotEmpty(t, write(t, full(), report.HTML)) // which parses the template
	for _, n := range []int{100, 5000} {
		r := htmlLong(n)
		for i := range r.Findings {
			r.Findings[i].Package.Name = "one" // those of which findings the charts count
		}
		for i := range n {
			r.Suppressed = append(r.Suppressed, scan.Suppressed{Finding: r.Findings[i], By: "severity", Reason: "severity NONE is below LOW"})
			r.Packages = append(r.Packages, r.Findings[i].Package)
			r.Problems = append(r.Problems, scan.Problem{Path: fmt.Sprintf("opt/%d", i), Extractor: "apk", Error: "broken"})
		}
		before := heapInUse()
		var w heapWatcher
		begin := time.Now()
		require.NoError(t, report.Write(&w, r, report.HTML, report.WithPackages(true)))
		t.Logf("%d findings: %d bytes in %v, %d bytes in use", n, w.size, time.Since(begin).Round(time.Millisecond), w.most-before)
		assert.Less(t, w.most-before, int64(1<<20), "%d findings", n)
		runtime.KeepAlive(r)
	}
}

func BenchmarkHTML(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		r := htmlLong(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(write(b, r, report.HTML))))
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, report.Write(io.Discard, r, report.HTML))
			}
		})
	}
}

// Severities that are not in the list of package cvss, and findings of layers
// that the image has not, are no reason to leave anything out.
func TestHTMLUnknownParts(t *testing.T) {
	r := full()
	r.Findings[0].Severity = cvss.Severity(99)
	r.Findings[1].Package.Layer.Index = -1
	r.Target.Layers = append(r.Target.Layers, sbom.Layer{Index: 1})
	page := readPage(t, write(t, r, report.HTML))
	for _, f := range r.Findings {
		assert.Contains(t, page.text, f.ID)
	}
	assert.Contains(t, page.text, "5 findings")
	assert.Contains(t, page.text, "no layer")
}
