package vulndb

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/internal/enrich"
	"github.com/imagevet/imagevet/version"
)

// The file of what is known of each CVE whatever the package, see FORMAT.md.
const (
	enrichEcosystem  = "CVE" // no ecosystem of OSV
	enrichLifecycles = "end-of-life"
	enrichSources    = "sources"
)

// The names of the sources of enrichment, as in [EnrichmentInfo].
const (
	SourceCVE  = "CVE"  // the CVE list
	SourceEPSS = "EPSS" // the Exploit Prediction Scoring System of FIRST
	SourceKEV  = "KEV"  // the Known Exploited Vulnerabilities Catalog of CISA
	SourceNVD  = "NVD"  // the National Vulnerability Database

	// SourceEndOfLife says nothing about CVEs, but until when releases of
	// distributions are supported: https://endoflife.date.
	SourceEndOfLife = "endoflife.date"
)

// enrichNames are all sources, sorted.
func enrichNames() []string {
	return []string{SourceCVE, SourceEPSS, SourceKEV, SourceNVD, SourceEndOfLife}
}

// An EnrichmentInfo describes a source that says more about CVEs. Where a
// database has no such source, the lack of what it would say means nothing;
// where it has one, a CVE without a [Match].KEV is not in the catalogue of that
// day.
type EnrichmentInfo struct {
	// Source is one of [SourceCVE], [SourceEPSS], [SourceKEV], [SourceNVD] and
	// [SourceEndOfLife].
	Source string `json:"source"`
	// Version is that of the catalogue or of the model; empty if it has none.
	Version string `json:"version,omitempty"`
	// Date is when the catalogue was released or the scores were made; of the
	// CVE list and the NVD, when the newest entry was modified. It is zero if
	// that is not told.
	Date time.Time `json:"date,omitzero"`
	// CVEs is the number of CVEs that it says something about.
	CVEs int `json:"cves"`
	// Releases is the number of releases that [SourceEndOfLife] has.
	Releases int `json:"releases,omitempty"`
}

// An EPSS is how likely a flaw is to be exploited within 30 days, by the
// Exploit Prediction Scoring System: https://www.first.org/epss/.
type EPSS struct {
	// Score is the probability and Percentile the share of all CVEs with this
	// score or a lower one; both are from 0 to 1.
	Score      float64 `json:"score"`
	Percentile float64 `json:"percentile"`
	// Date is when the scores were made; zero if that is not told.
	Date time.Time `json:"date,omitzero"`
}

// A KEV says that a flaw has been exploited, by the Known Exploited
// Vulnerabilities Catalog:
// https://www.cisa.gov/known-exploited-vulnerabilities-catalog.
type KEV struct {
	// Added is the day on which the catalogue took the flaw in, and Due that by
	// which agencies of the USA must have acted. Either can be zero.
	Added time.Time `json:"added,omitzero"`
	Due   time.Time `json:"due,omitzero"`
	// Ransomware is true if campaigns with ransomware are known to use the
	// flaw. False means that this is not known.
	Ransomware bool `json:"ransomware"`
}

// A Rating is one CVSS vector of a source of enrichment.
type Rating struct {
	// Source is who rates: "NVD", "CISA-ADP", or whoever assigned the CVE.
	Source string `json:"source"`
	Severity
}

// maxCVEs bounds the CVEs that sources of enrichment name. There are about
// 350,000.
const maxCVEs = 8 << 20

// An enricher collects what sources say about CVEs.
type enricher struct {
	spill *spill             // of the build
	lists [2]map[string]slot // by CVE, of listNames
	kev   *catalogue[enrich.Entry]
	epss  *catalogue[scores]
	eol   *catalogue[lifecycle]
}

// listNames are the sources that hold an entry for each CVE with a date of its
// own. The first that has a text is believed.
func listNames() [2]string { return [2]string{SourceCVE, SourceNVD} }

// A slot tells where in the spill the entry of a list is, in the form that
// appendEntry gives it.
type slot struct {
	modified time.Time
	seq, at  int64
	size     int32
	text     bool // there is a title or a description
}

// A catalogue holds a document that replaces older ones as a whole: what is no
// longer in it is no longer so.
type catalogue[T any] struct {
	info    enrich.Catalogue
	seq     int64
	entries map[string]T
}

// scores are those of EPSS in units of 10⁻⁹: all digits that are published.
type scores struct {
	score, percentile uint32
}

const scoreUnit = 1e9

// put keeps the entry of a list unless there is a newer one. It reports whether
// there were two.
func (e *enricher) put(list int, entry *enrich.Entry, seq int64) (twice bool, err error) {
	if e.lists[list] == nil {
		e.lists[list] = map[string]slot{}
	}
	old, twice := e.lists[list][entry.CVE]
	if !twice && len(e.lists[list]) >= maxCVEs {
		return false, fmt.Errorf("%w: %d CVEs", ErrLimit, maxCVEs+1)
	}
	if !twice || cmp.Or(entry.Modified.Compare(old.modified), cmp.Compare(old.seq, seq)) > 0 {
		data := appendEntry(nil, entry)
		at, err := e.spill.add(data)
		if err != nil {
			return twice, err
		}
		e.lists[list][entry.CVE] = slot{entry.Modified, seq, at, int32(len(data)), entry.Title != "" || entry.Description != ""}
	}
	return twice, nil
}

// better returns the newer of two catalogues, or else the first.
func better[T any](old, c *catalogue[T]) *catalogue[T] {
	if old == nil || cmp.Or(c.info.Date.Compare(old.info.Date), cmp.Compare(old.seq, c.seq)) > 0 {
		return c
	}
	return old
}

// appendEntry encodes what a list says about a CVE until all is read.
func appendEntry(b []byte, e *enrich.Entry) []byte {
	flag := uint64(0)
	if e.Rejected {
		flag = 1
	}
	b = dbfile.AppendUint(b, flag)
	b = dbfile.AppendString(b, e.Title)
	b = dbfile.AppendString(b, e.Description)
	return appendRatings(b, e.Ratings, e.CWEs)
}

// listed decodes what appendEntry wrote. It reads into *buf.
func (e *enricher) listed(buf *[]byte, s slot) (enrich.Entry, error) {
	data, err := e.spill.read(buf, s.at, int(s.size))
	if err != nil {
		return enrich.Entry{}, err
	}
	return decodeEntry(data)
}

func decodeEntry(data []byte) (enrich.Entry, error) {
	d := dbfile.NewDecoder(data)
	e := enrich.Entry{Rejected: d.Uint() != 0, Title: d.String(), Description: d.String()}
	e.Ratings, e.CWEs = decodeRatings(&d)
	return e, d.Err()
}

func appendRatings(b []byte, ratings []enrich.Rating, cwes []int) []byte {
	b = dbfile.AppendUint(b, uint64(len(ratings)))
	for _, r := range ratings {
		b = dbfile.AppendString(b, r.Source)
		b = dbfile.AppendString(b, r.Type)
		b = dbfile.AppendString(b, r.Vector)
	}
	b = dbfile.AppendUint(b, uint64(len(cwes)))
	for _, n := range cwes {
		b = dbfile.AppendUint(b, uint64(n))
	}
	return b
}

func decodeRatings(d *dbfile.Decoder) (ratings []enrich.Rating, cwes []int) {
	for range d.Count() {
		ratings = append(ratings, enrich.Rating{Source: d.String(), Type: d.String(), Vector: d.String()})
	}
	for range d.Count() {
		cwes = append(cwes, int(min(d.Uint(), 1<<24)))
	}
	return ratings, cwes
}

// The flags of an entry, see FORMAT.md.
const (
	flagRejected   = 1 << iota
	flagKEV        // is in the catalogue
	flagRansomware // and used for ransomware
	flagEPSS       // has scores
	flagText       // has a record with a title and description
)

// An enrichFile is the file that an enricher makes.
type enrichFile struct {
	*enricher
	names    []string // of CVEs, sorted
	infos    []EnrichmentInfo
	texts    int // of the names, those that have one
	modified time.Time
}

// file returns the file. It is nil if no source said anything.
func (e *enricher) file() *enrichFile {
	names := map[string]bool{} // whether there is a text
	infos := map[string]*EnrichmentInfo{}
	for i, source := range listNames() {
		if len(e.lists[i]) == 0 {
			continue
		}
		info := &EnrichmentInfo{Source: source, CVEs: len(e.lists[i])}
		for cve, s := range e.lists[i] {
			names[cve] = names[cve] || s.text
			if s.modified.After(info.Date) {
				info.Date = s.modified
			}
		}
		infos[source] = info
	}
	if e.kev != nil {
		infos[SourceKEV] = &EnrichmentInfo{Source: SourceKEV, Version: e.kev.info.Version, Date: e.kev.info.Date, CVEs: len(e.kev.entries)}
		for cve, one := range e.kev.entries {
			names[cve] = names[cve] || one.Title != "" || one.Description != ""
		}
	}
	if e.epss != nil {
		infos[SourceEPSS] = &EnrichmentInfo{Source: SourceEPSS, Version: e.epss.info.Version, Date: e.epss.info.Date, CVEs: len(e.epss.entries)}
		for cve := range e.epss.entries {
			if _, known := names[cve]; !known {
				names[cve] = false
			}
		}
	}
	if e.eol != nil {
		infos[SourceEndOfLife] = &EnrichmentInfo{Source: SourceEndOfLife, Date: e.eol.info.Date, Releases: len(e.eol.entries)}
	}
	if len(infos) == 0 {
		return nil
	}
	f := &enrichFile{enricher: e, names: slices.Sorted(maps.Keys(names))}
	for _, text := range names {
		if text {
			f.texts++
		}
	}
	for _, name := range enrichNames() {
		if info := infos[name]; info != nil {
			f.infos = append(f.infos, *info)
			if info.Date.After(f.modified) {
				f.modified = info.Date
			}
		}
	}
	return f
}

// write writes the file: first all texts, which are records and compressed,
// then what else there is.
func (f *enrichFile) write(ctx context.Context, out io.Writer) (uint32, error) {
	scheme := version.Generic // there are no versions to compare
	w, err := dbfile.NewWriter(out, enrichEcosystem)
	if err != nil {
		return 0, err
	}
	texts := 0
	for _, pass := range [...]func(cve string, all *enrich.Entry){
		func(_ string, all *enrich.Entry) {
			if all.Title != "" || all.Description != "" {
				w.Record(dbfile.AppendString(dbfile.AppendString(nil, all.Title), all.Description))
			}
		},
		func(cve string, all *enrich.Entry) {
			text := -1
			if all.Title != "" || all.Description != "" {
				text = texts
				texts++
			}
			w.Entry(0, cve, f.entry(cve, all, text))
		},
	} {
		var buf []byte
		for i, cve := range f.names {
			if i%1024 == 0 && ctx.Err() != nil {
				return 0, ctx.Err()
			}
			all, err := f.all(&buf, cve)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", cve, err)
			}
			pass(cve, &all)
		}
	}
	if f.eol != nil {
		for _, name := range slices.Sorted(maps.Keys(f.eol.entries)) {
			w.Entry(1, name, f.eol.entries[name].append(nil))
		}
	}
	for _, info := range f.infos {
		data := dbfile.AppendString(nil, info.Version)
		data = appendTime(data, info.Date)
		w.Entry(2, info.Source, dbfile.AppendUint(data, uint64(info.CVEs+info.Releases)))
	}
	meta := dbfile.Meta{Modified: f.modified}
	for _, name := range [...]string{"", enrichLifecycles, enrichSources} {
		meta.Releases = append(meta.Releases, dbfile.Release{Name: name, Scheme: scheme.String(), KeyCheck: keyCheck(scheme)})
	}
	return w.Close(meta)
}

// all puts together what lists and the catalogue say about a CVE.
func (f *enrichFile) all(buf *[]byte, cve string) (enrich.Entry, error) {
	var all enrich.Entry
	add := func(one *enrich.Entry) {
		all.Rejected = all.Rejected || one.Rejected
		all.Title = cmp.Or(all.Title, one.Title)
		all.Description = cmp.Or(all.Description, one.Description)
		for _, r := range one.Ratings {
			if !slices.Contains(all.Ratings, r) {
				all.Ratings = append(all.Ratings, r)
			}
		}
		all.CWEs = append(all.CWEs, one.CWEs...)
	}
	for _, list := range f.lists {
		if s, ok := list[cve]; ok {
			one, err := f.listed(buf, s)
			if err != nil {
				return all, err
			}
			add(&one)
		}
	}
	if f.kev != nil {
		if one, ok := f.kev.entries[cve]; ok {
			add(&one)
			all.KEV = one.KEV
		}
	}
	return all, nil
}

// entry encodes what is known of a CVE, with the number of its text or -1.
func (f *enrichFile) entry(cve string, all *enrich.Entry, text int) []byte {
	flags := uint64(0)
	var tail []byte
	if all.KEV != nil {
		flags |= flagKEV
		if all.KEV.Ransomware {
			flags |= flagRansomware
		}
		tail = appendTime(appendTime(tail, all.KEV.Added), all.KEV.Due)
	}
	if f.epss != nil {
		if s, ok := f.epss.entries[cve]; ok {
			flags |= flagEPSS
			tail = dbfile.AppendUint(dbfile.AppendUint(tail, uint64(s.score)), uint64(s.percentile))
		}
	}
	if all.Rejected {
		flags |= flagRejected
	}
	if text >= 0 {
		flags |= flagText
		tail = dbfile.AppendUint(tail, uint64(text))
	}
	slices.Sort(all.CWEs)
	data := append(dbfile.AppendUint(nil, flags), tail...)
	return appendRatings(data, all.Ratings, slices.Compact(all.CWEs))
}

// An enrichment is the decoded form of an entry.
type enrichment struct {
	rejected bool
	kev      *KEV
	epss     *EPSS
	text     int // number of a record, or -1
	ratings  []enrich.Rating
	cwes     []int
}

// decodeEnrichment decodes an entry. epss is when the scores were made.
func decodeEnrichment(data []byte, epss time.Time) (*enrichment, error) {
	d := dbfile.NewDecoder(data)
	flags := d.Uint()
	out := &enrichment{rejected: flags&flagRejected != 0, text: -1}
	if flags&flagKEV != 0 {
		out.kev = &KEV{Added: decodeTime(&d), Due: decodeTime(&d), Ransomware: flags&flagRansomware != 0}
	}
	if flags&flagEPSS != 0 {
		score, percentile := d.Uint(), d.Uint()
		if max(score, percentile) > scoreUnit {
			return nil, fmt.Errorf("%w: scores of %d and %d", dbfile.ErrDamaged, score, percentile)
		}
		out.epss = &EPSS{float64(score) / scoreUnit, float64(percentile) / scoreUnit, epss}
	}
	if flags&flagText != 0 {
		out.text = int(min(d.Uint(), math.MaxInt32))
	}
	out.ratings, out.cwes = decodeRatings(&d)
	if d.Err() != nil || d.Len() > 0 {
		return nil, fmt.Errorf("%w: %d bytes", dbfile.ErrDamaged, len(data))
	}
	return out, nil
}

// enrichmentInfo reads what the file says of its sources.
func enrichmentInfo(f *file) (infos []EnrichmentInfo, err error) {
	defer guard(&err)()
	release, ok := f.Release(enrichSources)
	_, names := f.Release("")
	if _, lifecycles := f.Release(enrichLifecycles); !ok || !names || !lifecycles {
		return nil, fmt.Errorf("%w: no list of sources", ErrCorrupt)
	}
	var buf []byte
	for _, name := range enrichNames() {
		data, ok, err := f.Lookup(&buf, release, []byte(name))
		if err != nil {
			return nil, corrupt(err)
		}
		if !ok {
			continue
		}
		d := dbfile.NewDecoder(data)
		info := EnrichmentInfo{Source: name, Version: d.String(), Date: decodeTime(&d), CVEs: int(min(d.Uint(), math.MaxInt32))}
		if d.Err() != nil || d.Len() > 0 {
			return nil, fmt.Errorf("%w: source %s", ErrCorrupt, name)
		}
		if name == SourceEndOfLife {
			info.CVEs, info.Releases = 0, info.CVEs
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// enrich adds to matches what the database knows of their CVEs.
func (db *DB) enrich(ctx context.Context, matches []Match) error {
	f := db.cve
	if f == nil || len(matches) == 0 {
		return nil
	}
	release, _ := f.Release("")
	var date time.Time
	for _, info := range db.info.Enrichment {
		if info.Source == SourceEPSS {
			date = info.Date
		}
	}
	known := map[string]*enrichment{}
	needed := map[int]bool{}
	var buf []byte
	for i := range matches {
		m := &matches[i]
		if err := ctx.Err(); err != nil {
			return err
		}
		e, done := known[m.ID]
		if !done && enrich.ValidCVE(m.ID) {
			data, ok, err := f.Lookup(&buf, release, []byte(m.ID))
			if err != nil {
				return corrupt(err)
			}
			if ok {
				if e, err = decodeEnrichment(data, date); err != nil {
					return fmt.Errorf("%s: %w", m.ID, corrupt(err))
				}
			}
			known[m.ID] = e
		}
		if e == nil {
			continue
		}
		m.enrich(e)
		if e.text >= 0 && (m.Summary == "" || m.Details == "") {
			needed[e.text] = true
		}
	}
	type text struct{ title, description string }
	texts := map[int]text{}
	err := f.Records(ctx, slices.Sorted(maps.Keys(needed)), func(n int, data []byte) error {
		d := dbfile.NewDecoder(data)
		texts[n] = text{d.String(), d.String()}
		if d.Err() != nil || d.Len() > 0 {
			return fmt.Errorf("record %d: %w", n, dbfile.ErrDamaged)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", f.base, corrupt(err))
	}
	for i := range matches {
		if e := known[matches[i].ID]; e != nil && e.text >= 0 {
			t := texts[e.text]
			matches[i].Summary = cmp.Or(matches[i].Summary, t.title)
			matches[i].Details = cmp.Or(matches[i].Details, t.description)
		}
	}
	return nil
}

// enrich adds all but the texts. Nothing of e is shared with the match.
func (m *Match) enrich(e *enrichment) {
	m.Rejected = e.rejected
	if e.kev != nil {
		kev := *e.kev
		m.KEV = &kev
	}
	if e.epss != nil {
		epss := *e.epss
		m.EPSS = &epss
	}
	for _, r := range e.ratings {
		m.Ratings = append(m.Ratings, Rating{r.Source, Severity{Type: r.Type, Score: r.Vector}})
	}
	if len(m.Severity) == 0 && len(e.ratings) > 0 {
		m.RatedBy = e.ratings[0].Source
		for _, r := range m.Ratings {
			if r.Source == m.RatedBy {
				m.Severity = append(m.Severity, r.Severity)
			}
		}
	}
	if len(m.CWEs) == 0 {
		m.CWEs = slices.Clone(e.cwes)
	}
}

// compact makes scores small. They have been checked to be from 0 to 1.
func compact(e *enrich.EPSS) scores {
	return scores{uint32(math.Round(e.Score * scoreUnit)), uint32(math.Round(e.Percentile * scoreUnit))}
}

// newCatalogue returns an empty catalogue and what adds an entry to it.
func newCatalogue[T any](seq int64, value func(*enrich.Entry) T) (*catalogue[T], func(enrich.Entry) error) {
	c := &catalogue[T]{seq: seq, entries: map[string]T{}}
	return c, func(e enrich.Entry) error {
		if len(c.entries) >= maxCVEs {
			return fmt.Errorf("%w: more than %d CVEs", ErrLimit, maxCVEs)
		}
		if _, twice := c.entries[e.CVE]; !twice { // the first counts
			c.entries[e.CVE] = value(&e)
		}
		return nil
	}
}
