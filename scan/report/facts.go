package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/imagevet/imagevet/cvss"
	"github.com/imagevet/imagevet/internal/codec"
	"github.com/imagevet/imagevet/internal/codec/purlspec"
	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/scan"
	"github.com/imagevet/imagevet/vulndb"
)

// What follows are facts that several formats state, each in its own form.

const homePage = "https://github.com/imagevet/imagevet"

// toolVersion is the version of this library, "unknown" if it is not known.
func toolVersion() string { return cmp.Or(codec.Tool().Version, "unknown") }

// fullName is the name of a package as its ecosystem writes it: with its
// namespace, unless a distribution's name is that.
func fullName(p *scan.Package) string {
	if _, ok := distro.PackageScheme(p.Type); ok {
		return p.Name
	}
	u, err := purlspec.Parse(p.PURL)
	if err != nil || u.Namespace == "" || u.Name != p.Name {
		return p.Name
	}
	if p.Type == "maven" {
		return u.Namespace + ":" + u.Name
	}
	return u.Namespace + "/" + u.Name
}

// validPURL is the package URL of a package in its canonical form, if it has one
// that is a URI: readers refuse whole documents for one that is not.
func validPURL(p *scan.Package) (string, bool) {
	if len(p.PURL) > maxURL {
		return "", false
	}
	u, err := purlspec.Parse(p.PURL)
	if err != nil {
		return "", false
	}
	purl, err := purlspec.Format(u)
	if err != nil {
		return "", false
	}
	_, err = url.Parse(purl)
	return purl, err == nil
}

// firstPath is the file that records a package, empty if none is known. It
// does not leave the root.
func firstPath(p *scan.Package) string {
	if len(p.Paths) == 0 {
		return ""
	}
	return strings.TrimPrefix(path.Clean("/"+p.Paths[0]), "/")
}

var (
	cveID  = regexp.MustCompile(`^CVE-\d{4}-\d{4,19}$`)
	ghsaID = regexp.MustCompile(`^GHSA(-[0-9a-z]{4}){3}$`)
)

const cweURL = "https://cwe.mitre.org/data/definitions/%d.html"

// flawPage is the address of a page on a flaw, empty if it has no ID or none
// that looks like one.
func flawPage(id string) string {
	switch {
	case id == "" || len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }):
		return ""
	case cveID.MatchString(id):
		return "https://nvd.nist.gov/vuln/detail/" + id
	case ghsaID.MatchString(id):
		return "https://github.com/advisories/" + id
	}
	return recordPage(id)
}

// recordPage is the address of the page on a record.
func recordPage(id string) string { return "https://osv.dev/vulnerability/" + url.PathEscape(id) }

const (
	maxURL = 2000 // bytes; what browsers and servers take
	maxID  = 200  // bytes; the longest known have thirty
)

// webURL returns an address of the web, with whatever cannot be in one escaped.
func webURL(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Opaque != "" || u.User != nil {
		return "", false
	}
	s = u.String()
	if len(s) > maxURL || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) }) {
		return "", false
	}
	return s, true
}

// webURLs returns those of the references of a finding that are addresses of
// the web, each once.
func webURLs(f *scan.Finding) []string {
	var list []string
	for _, ref := range f.References {
		if u, ok := webURL(ref); ok && !slices.Contains(list, u) {
			list = append(list, u)
		}
	}
	return list
}

// relativeURI returns a path as a relative reference of RFC 3986, section 4.2
// (https://www.rfc-editor.org/rfc/rfc3986#section-4.2).
func relativeURI(p string) string {
	return (&url.URL{Path: strings.TrimPrefix(path.Clean("/"+p), "/")}).String()
}

// identity tells a finding from all others of a report. It is the same in
// every report that has the finding, whatever else that has and whenever it was
// made; and while the package stays at the same version, in other images too.
func identity(f *scan.Finding) [sha256.Size]byte {
	h := sha256.New()
	var n [8]byte
	for _, s := range []string{"finding 1", f.ID, f.Package.Target, f.Package.Type, fullName(&f.Package), f.Package.Version, f.Package.Arch, firstPath(&f.Package)} {
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// uuid makes a UUID of version 8 of a digest (RFC 9562, section 5.8,
// https://www.rfc-editor.org/rfc/rfc9562#section-5.8).
func uuid(digest [sha256.Size]byte) string {
	u := digest[:16]
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// headline is the title of a flaw, or else the first sentence that describes
// it: not all advisories have a title.
func headline(f *scan.Finding) string {
	if f.Title != "" {
		return f.Title
	}
	first, _, _ := strings.Cut(strings.TrimLeft(f.Description, "# \r\n"), "\n")
	const least = 20 // bytes of a sentence: "e.g. " ends none
	if len(first) > least {
		if i := strings.Index(first[least:], ". "); i >= 0 {
			first = first[:least+i]
		}
	}
	return strings.TrimSuffix(strings.TrimSpace(first), ".")
}

// solution says what can be done about a finding.
func solution(f *scan.Finding) string {
	if f.FixedVersion != "" {
		return fmt.Sprintf("Upgrade %s to %s or later.", fullName(&f.Package), f.FixedVersion)
	}
	switch f.Status {
	case scan.StatusWillNotFix:
		return "The publisher of the advisory will not fix it."
	case scan.StatusFixDeferred:
		return "The publisher of the advisory has put a fix off."
	case scan.StatusEndOfLife:
		return "The package gets no more fixes."
	case scan.StatusUnderInvestigation:
		return "The publisher of the advisory is looking into it."
	}
	return "No fixed version is known."
}

// evidence says in words what a finding rests on.
func evidence(f *scan.Finding) string {
	e := &f.Evidence
	if e.Advisory == "" && e.Range == "" {
		return ""
	}
	return fmt.Sprintf("%s: %s %s is in %s", e.Advisory, e.MatchedName, e.MatchedVersion, e.Range)
}

// layerOf tells which layer brought a package in, empty where there are none.
func layerOf(p *scan.Package) string {
	if p.Layer.DiffID == "" && p.Layer.CreatedBy == "" {
		return ""
	}
	base := ""
	if p.FromBase {
		base = "(base image) "
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s%s", p.Layer.Index, base, command(p.Layer.CreatedBy)))
}

// score is the CVSS score that goes with the severity of a finding: that of its
// source, else another one of the same severity.
func score(f *scan.Finding) (float64, bool) {
	for _, own := range []bool{true, false} {
		for _, c := range f.CVSS {
			v, err := cvss.Parse(c.Vector)
			if err == nil && v.Severity() == f.Severity && (!own || c.Source == f.SeveritySource) {
				return v.Score(), true
			}
		}
	}
	return 0, false
}

// flawSource says which kind of ID one is, in lower case: the letters before
// its first number, such as "cve", "ghsa", "rhsa" or "debian-cve".
func flawSource(id string) string {
	if ghsaID.MatchString(id) {
		return "ghsa"
	}
	head := id
	if i := strings.IndexFunc(id, func(r rune) bool { return r >= '0' && r <= '9' }); i >= 0 {
		head = id[:i]
	}
	return cmp.Or(strings.ToLower(strings.Trim(head, "-_: ")), "other")
}

// A notice is what a reader must know beside the findings, lest what was not
// looked at pass for clean.
type notice struct {
	id   string
	bad  bool // whatever the report says is incomplete
	text string
	path string // of the file at fault, if it is one
}

// The kinds of notices.
const (
	noticeNoDatabase = "no-database"
	noticeNoPackages = "no-packages"
	noticeCoverage   = "not-compared"
	noticePartly     = "compared-in-part"
	noticeEndOfLife  = "end-of-life"
	noticeProblem    = "problem"
	noticeSuppressed = "suppressed"
)

// noticeKinds says what each kind means.
var noticeKinds = [...]struct{ id, text string }{
	{noticeNoDatabase, "There was no database: nothing was compared"},
	{noticeNoPackages, "No packages were found"},
	{noticeCoverage, "Packages that were not compared with any advisories"},
	{noticePartly, "Packages that were compared with some of the advisories only"},
	{noticeEndOfLife, "The distribution has no security support, so that flaws may be missing"},
	{noticeProblem, "Something could not be read or understood; packages and findings may hide behind it"},
	{noticeSuppressed, "Findings that an option or a rule took out"},
}

// notices returns all notices on a report, problems last. Its texts are from
// the image and advisories, as they are.
func notices(r *scan.Report) iter.Seq[notice] {
	return func(yield func(notice) bool) {
		if r.Database.ID == "" && !yield(notice{id: noticeNoDatabase, bad: true, text: "There was no database: nothing was compared."}) {
			return
		}
		if len(r.Coverage) == 0 && !yield(notice{id: noticeNoPackages, bad: true, text: "No packages were found: nothing was compared."}) {
			return
		}
		for _, c := range r.Coverage {
			n := notice{id: noticeCoverage, bad: true}
			switch {
			case c.Status != vulndb.CoverageMatched:
				n.text = withReason(fmt.Sprintf("%s of %s not compared", plural(c.Packages, "package"), cmp.Or(c.Ecosystem, "no known ecosystem")), c.Reason)
			case c.Reason != "":
				n.id = noticePartly
				n.text = withReason(fmt.Sprintf("%s of %s compared in part", plural(c.Packages, "package"), c.Ecosystem), c.Reason)
			default:
				continue
			}
			if !yield(n) {
				return
			}
		}
		if r.OS.EndOfLife && !yield(notice{id: noticeEndOfLife, bad: true, text: fmt.Sprintf(
			"%s has had no security support since %s: flaws found since then may be missing.", osName(&r.OS), r.OS.EndOfLifeDate)}) {
			return
		}
		for g, n := range suppressedGroups(r) {
			if !yield(notice{id: noticeSuppressed, text: fmt.Sprintf("%s suppressed by %s: %s", plural(n, "finding"), g.by, g.reason)}) {
				return
			}
		}
		for _, p := range r.Problems {
			n := notice{id: noticeProblem, bad: true, path: p.Path, text: fmt.Sprintf("%s (%s): %s", cmp.Or(p.Path, "-"), p.Extractor, p.Error)}
			if p.Target != "" {
				n.text = p.Target + ": " + n.text
			}
			if !yield(n) {
				return
			}
		}
	}
}

// A suppression is why findings were taken out.
type suppression struct{ by, reason string }

// suppressedGroups returns each reason with the number of findings, sorted.
func suppressedGroups(r *scan.Report) iter.Seq2[suppression, int] {
	count := map[suppression]int{}
	for i := range r.Suppressed {
		count[suppression{r.Suppressed[i].By, r.Suppressed[i].Reason}]++
	}
	groups := make([]suppression, 0, len(count))
	for g := range count {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b suppression) int {
		return cmp.Or(cmp.Compare(a.by, b.by), cmp.Compare(a.reason, b.reason))
	})
	return func(yield func(suppression, int) bool) {
		for _, g := range groups {
			if !yield(g, count[g]) {
				return
			}
		}
	}
}

// compared reports whether anything was compared with advisories.
func compared(r *scan.Report) bool {
	return slices.ContainsFunc(r.Coverage, func(c vulndb.Coverage) bool { return c.Status == vulndb.CoverageMatched })
}

// allFindings returns the findings, then those that are suppressed if they are
// wanted, with the reason; the reason of the others is nil.
func allFindings(r *scan.Report, suppressed bool) iter.Seq2[*scan.Finding, *scan.Suppressed] {
	return func(yield func(*scan.Finding, *scan.Suppressed) bool) {
		for i := range r.Findings {
			if !yield(&r.Findings[i], nil) {
				return
			}
		}
		for i := range r.Suppressed {
			if !suppressed || !yield(&r.Suppressed[i].Finding, &r.Suppressed[i]) {
				return
			}
		}
	}
}

// when is the time of a document whose format wants one: that of [WithTime],
// else that at which the database was built, else the beginning of 1970.
func (c *config) when(r *scan.Report) time.Time {
	t := c.time
	if t.IsZero() {
		t = r.Database.Built
	}
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	return t.UTC().Truncate(time.Second)
}

// repository is the name of the target without tag and digest, which differ
// from one build to the next.
func repository(r *scan.Report) string {
	name, _, _ := strings.Cut(r.Target.Name, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	return name
}

// isTree reports whether the paths of a report are those of a repository.
func isTree(r *scan.Report) bool { return r.Target.Kind == "tree" }
