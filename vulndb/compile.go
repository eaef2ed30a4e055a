package vulndb

import (
	"cmp"
	"hash/crc32"
	"slices"
	"time"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/version"
)

// A compiled is a record in the form that goes into files.
type compiled struct {
	id        string
	source    string // for messages
	seq       int64  // number of the record in the sources
	modified  time.Time
	withdrawn bool
	parts     []part // one for each ecosystem, sorted by base
	defects   []string
	gitRanges int
	nameless  bool // says nothing about packages
	flawless  bool // is of a distribution and on no flaw
	malicious bool // is on a malicious package and left out
}

// A part is what a record says about one ecosystem.
type part struct {
	base string
	// unsupported is not empty if something of the ecosystem was left out
	// because its versions cannot be compared.
	unsupported string
	// cases is what readCases reads. It is empty if there is nothing to match.
	cases []byte
	at    int64 // in the spill
	size  int
}

// compile turns a record into its form for files.
func compile(rec *advisory.Record, defects []error, source string, seq int64) *compiled {
	c := &compiled{
		id: rec.ID, source: source, seq: seq,
		modified: rec.Modified, withdrawn: !rec.Withdrawn.IsZero(), nameless: len(rec.Affected) == 0,
	}
	for _, err := range defects {
		c.defects = append(c.defects, err.Error())
	}
	if c.flawless = isFlawless(rec); c.flawless {
		return c
	}
	rec.Upstream = upstreamOf(rec)
	groups := [][]Severity{rec.Severity}
	var narrow []limited
	var remarks []remark
	for _, entries := range groupAffected(withModules(rec)) {
		base, suffix := splitEcosystem(entries[0].Ecosystem)
		if len(c.parts) == 0 || c.parts[len(c.parts)-1].base != base {
			c.parts = append(c.parts, part{base: base})
		}
		p := &c.parts[len(c.parts)-1]
		scheme, err := version.ParseScheme(entries[0].Ecosystem)
		if err != nil {
			p.unsupported = err.Error()
			continue
		}
		if c.withdrawn {
			continue // never matches
		}
		if base == "AlmaLinux" {
			entries = lowestFix(scheme, rec.Summary, entries)
		}
		if list := platformsOf(entries); len(list) > 0 {
			narrow = append(narrow, limited{normalName(base, entries[0].Name), list})
		}
		if word := remarkOf(entries); word != "" {
			remarks = append(remarks, remark{normalName(base, entries[0].Name), word})
		}
		for _, entries := range splitEntries(base, scheme, entries) {
			var group int
			groups, group = addGroup(groups, entries)
			p.cases = appendCompiledCase(p.cases, suffix, normalName(base, entries[0].Name), scheme, c.compileCase(scheme, group, entries))
		}
	}
	if c.withdrawn {
		return c
	}
	details := appendRemarks(appendDetails(nil, rec, groups, narrow), remarks)
	for i := range c.parts {
		if p := &c.parts[i]; len(p.cases) > 0 {
			p.cases = append(dbfile.AppendString(nil, details), p.cases...)
		}
	}
	return c
}

func appendCompiledCase(b []byte, suffix, name string, scheme version.Scheme, body []byte) []byte {
	b = dbfile.AppendString(b, suffix)
	b = dbfile.AppendString(b, name)
	b = dbfile.AppendUint(b, uint64(scheme))
	return dbfile.AppendString(b, body)
}

// A compiledCase is what a record says of one package name. It refers to the
// text that it was read from.
type compiledCase struct {
	suffix, name []byte
	scheme       version.Scheme
	body         []byte
}

// readCases reads the details of a record and its cases.
func readCases(b []byte) (details []byte, cases []compiledCase, err error) {
	d := dbfile.NewDecoder(b)
	details = d.Bytes()
	for d.Len() > 0 {
		cases = append(cases, compiledCase{d.Bytes(), d.Bytes(), version.Scheme(d.Uint()), d.Bytes()})
	}
	return details, cases, d.Err()
}

// groupAffected puts entries on one package together: a version is affected if
// any of them says so, https://ossf.github.io/osv-schema/#evaluation.
func groupAffected(list []advisory.Affected) [][]advisory.Affected {
	list = slices.Clone(list)
	key := func(a *advisory.Affected) (base, suffix, name string) {
		base, suffix = splitEcosystem(a.Ecosystem)
		return base, suffix, normalName(base, a.Name)
	}
	compare := func(a, b advisory.Affected) int {
		ab, as, an := key(&a)
		bb, bs, bn := key(&b)
		return cmp.Or(cmp.Compare(ab, bb), cmp.Compare(as, bs), cmp.Compare(an, bn))
	}
	slices.SortStableFunc(list, compare)
	var out [][]advisory.Affected
	for i := range list {
		if i > 0 && compare(list[i-1], list[i]) == 0 {
			out[len(out)-1] = append(out[len(out)-1], list[i])
			continue
		}
		out = append(out, []advisory.Affected{list[i]})
	}
	return out
}

// addGroup returns the number of the group with the severities of entries,
// after adding it if there is none. Group 0 belongs to the record.
func addGroup(groups [][]Severity, entries []advisory.Affected) ([][]Severity, int) {
	var all []Severity
	for _, a := range entries {
		for _, s := range a.Severity {
			if len(all) < maxSeverities && !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	if len(all) == 0 {
		return groups, 0
	}
	// Ratings of a record's packages are nearly always those of the package
	// before, if they repeat at all.
	if last := len(groups) - 1; last > 0 && slices.Equal(groups[last], all) {
		return groups, last
	}
	return append(groups, all), len(groups)
}

// maxSeverities bounds the ratings that are kept for one package.
const maxSeverities = 64

// compileCase encodes what the entries on one package say of its versions.
func (c *compiled) compileCase(scheme version.Scheme, group int, entries []advisory.Affected) []byte {
	var ranges []advisory.Range
	var versions []string
	unreadable := 0
	for _, a := range entries {
		ranges = append(ranges, a.Ranges...)
		versions = append(versions, a.Versions...)
		unreadable += a.Unreadable
		c.gitRanges += a.GitRanges
	}
	in, lost, reasons := intervals(scheme, ranges)
	for _, err := range reasons {
		// A package of a module has several names, see withModules.
		if text := plainName(scheme, entries[0].Name) + ": " + err.Error(); !slices.Contains(c.defects, text) {
			c.defects = append(c.defects, text)
		}
	}
	return appendCase(nil, group, statusOf(entries), unreadable+lost, in, listed(scheme, versions, in), entries[0].Arches...)
}

// statusOf returns what the publisher does about a flaw, as far as the entries
// on one package that have no fix agree.
func statusOf(entries []advisory.Affected) advisory.Status {
	status, first := advisory.NoStatus, true
	for _, a := range entries {
		if slices.ContainsFunc(a.Ranges, func(r advisory.Range) bool {
			return slices.ContainsFunc(r.Events, func(e advisory.Event) bool { return e.Kind == advisory.Fixed })
		}) {
			continue
		}
		if !first && a.Status != status {
			return advisory.NoStatus
		}
		status, first = a.Status, false
	}
	return status
}

// appendDetails encodes all of a record that is not needed to find out whether
// it matches: see "Records" in FORMAT.md.
func appendDetails(b []byte, rec *advisory.Record, groups [][]Severity, narrow []limited) []byte {
	b = dbfile.AppendString(b, rec.ID)
	b = appendTime(b, rec.Published)
	b = appendTime(b, rec.Modified)
	for _, list := range [...][]string{rec.Aliases, rec.Upstream, rec.References} {
		b = dbfile.AppendUint(b, uint64(len(list)))
		for _, s := range list {
			b = dbfile.AppendString(b, s)
		}
	}
	b = dbfile.AppendString(b, rec.Summary)
	b = dbfile.AppendString(b, rec.Details)
	b = dbfile.AppendUint(b, uint64(len(groups)))
	for _, list := range groups {
		b = dbfile.AppendUint(b, uint64(len(list)))
		for _, s := range list {
			b = dbfile.AppendString(b, s.Type)
			b = dbfile.AppendString(b, s.Score)
		}
	}
	b = dbfile.AppendUint(b, uint64(len(rec.CWEs)))
	for _, n := range rec.CWEs {
		b = dbfile.AppendUint(b, uint64(n))
	}
	return appendLimited(b, narrow)
}

// appendTime encodes a time as seconds since 1970, signed, and nanoseconds.
// That works for the zero time as well.
func appendTime(b []byte, t time.Time) []byte {
	return dbfile.AppendUint(dbfile.AppendInt(b, t.Unix()), uint64(t.Nanosecond()))
}

// A record is the decoded form of what appendDetails wrote.
type record struct {
	id                            string
	published, modified           time.Time
	aliases, upstream, references []string
	summary, details              string
	groups                        [][]Severity
	cwes                          []int
	limited                       []limited
	remarks                       []remark
}

func decodeDetails(data []byte) (*record, error) {
	d := dbfile.NewDecoder(data)
	r := &record{id: d.String(), published: decodeTime(&d), modified: decodeTime(&d)}
	for _, list := range [...]*[]string{&r.aliases, &r.upstream, &r.references} {
		for range d.Count() {
			*list = append(*list, d.String())
		}
	}
	r.summary, r.details = d.String(), d.String()
	for range d.Count() {
		var group []Severity
		for range d.Count() {
			group = append(group, Severity{Type: d.String(), Score: d.String()})
		}
		r.groups = append(r.groups, group)
	}
	for range d.Count() {
		r.cwes = append(r.cwes, int(min(d.Uint(), 1<<24)))
	}
	r.limited = decodeLimited(&d)
	r.remarks = decodeRemarks(&d)
	return r, d.Err()
}

func decodeTime(d *dbfile.Decoder) time.Time {
	sec, nsec := d.Int(), d.Uint()
	return time.Unix(sec, int64(nsec%1e9)).UTC()
}

// severity returns the ratings of a group, then those for all packages.
func (r *record) severity(group int) []Severity {
	var out []Severity
	if group > 0 && group < len(r.groups) {
		out = append(out, r.groups[group]...)
	}
	if len(r.groups) > 0 {
		for _, s := range r.groups[0] {
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// keyCheck returns a number that changes when the keys of a scheme are encoded
// in another way, or put in another order. Keys of two encodings must never be
// compared, and there is no version number for them, so the probes are
// versions of all kinds.
func keyCheck(s version.Scheme) uint32 {
	var b []byte
	for _, v := range [...]string{
		"0", "1", "10", "255", "65536", "4294967296", "18446744073709551616", "1.0", "1.0.0", "1.10", "01.1",
		"1:1.2-3", "0:1", "1.0-1", "1.0-0", "1.0-r1", "1.0_rc1-r2", "1.0_p1", "1.0a", "1.0~rc1", "1.0~~", "1.0+b1",
		"1.0^git1", "1.0.dev1", "1.0rc1", "1.0.post1+local", "1!1.0", "1.0-alpha", "1.0-alpha.1", "1.0.0-0",
		"1.0-SNAPSHOT", "1.0-sp", "1.0.x", "v1.2.3", "v0.0.0-20200101000000-abcdefabcdef", "go1.21rc2", "dev-master",
		"1.2.3+build", "1.2.3.4", "2.0_alpha1_p2~abc", "a", "1.el9_2", "1.0-1.module+el8.1+2+x", "", "-", "1..2",
	} {
		key, err := version.AppendKey(nil, s, v)
		if err != nil {
			key = nil
		}
		b = dbfile.AppendString(b, key)
	}
	return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
}
