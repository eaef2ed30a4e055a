package vulndb

import (
	"cmp"
	"context"
	"fmt"
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
	enrichEcosystem = "CVE" // no ecosystem of OSV
	enrichSources   = "sources"
)

// The names of the sources of enrichment, as in [EnrichmentInfo].
const (
	SourceCVE  = "CVE"  // the CVE list
	SourceEPSS = "EPSS" // the Exploit Prediction Scoring System of FIRST
	SourceKEV  = "KEV"  // the Known Exploited Vulnerabilities Catalog of CISA
	SourceNVD  = "NVD"  // the National Vulnerability Database
)

// enrichNames are all sources, sorted.
func enrichNames() []string { return []string{SourceCVE, SourceEPSS, SourceKEV, SourceNVD} }

// An EnrichmentInfo describes a source that says more about CVEs. Where a
// database has no such source, the lack of what it would say means nothing;
// where it has one, a CVE without a [Match].KEV is not in the catalogue of that
// day.
type EnrichmentInfo struct {
	// Source is one of [SourceCVE], [SourceEPSS], [SourceKEV] and [SourceNVD].
	Source string `json:"source"`
	// Version is that of the catalogue or of the model; empty if it has none.
	Version string `json:"version,omitempty"`
	// Date is when the catalogue was released or the scores were made; of the
	// CVE list and the NVD, when the newest entry was modified. It is zero if
	// that is not told.
	Date time.Time `json:"date,omitzero"`
	// CVEs is the number of CVEs that it says something about.
	CVEs int `json:"cves"`
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
	lists [2]map[string]slot // by CVE, of listNames
	kev   *catalogue[enrich.Entry]
	epss  *catalogue[scores]
}

// listNames are the sources that hold an entry for each CVE with a date of its
// own. The first that has a text is believed.
func listNames() [2]string { return [2]string{SourceCVE, SourceNVD} }

// A slot holds the entry of a list in the form that appendEntry gives it.
type slot struct {
	modified time.Time
	seq      int64
	data     []byte
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
		e.lists[list][entry.CVE] = slot{entry.Modified, seq, appendEntry(nil, entry)}
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

// entry decodes what appendEntry wrote.
func (s slot) entry() (enrich.Entry, error) {
	d := dbfile.NewDecoder(s.data)
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

// content makes the content of the file. It is nil if no source said anything.
// The enricher is of no use afterwards.
func (e *enricher) content() (*dbfile.Content, []EnrichmentInfo, error) {
	names := map[string]bool{}
	for _, list := range e.lists {
		for cve := range list {
			names[cve] = true
		}
	}
	infos := map[string]*EnrichmentInfo{}
	if e.kev != nil {
		infos[SourceKEV] = &EnrichmentInfo{SourceKEV, e.kev.info.Version, e.kev.info.Date, len(e.kev.entries)}
		for cve := range e.kev.entries {
			names[cve] = true
		}
	}
	if e.epss != nil {
		infos[SourceEPSS] = &EnrichmentInfo{SourceEPSS, e.epss.info.Version, e.epss.info.Date, len(e.epss.entries)}
		for cve := range e.epss.entries {
			names[cve] = true
		}
	}
	if len(names) == 0 {
		return nil, nil, nil
	}
	scheme, err := version.ParseScheme("generic") // there are no versions to compare
	if err != nil {
		return nil, nil, err
	}
	c := &dbfile.Content{Ecosystem: enrichEcosystem}
	for _, name := range [...]string{"", enrichSources} {
		c.Releases = append(c.Releases, dbfile.Release{Name: name, Scheme: scheme.String(), KeyCheck: keyCheck(scheme)})
	}
	for i, name := range listNames() {
		if len(e.lists[i]) == 0 {
			continue
		}
		info := &EnrichmentInfo{Source: name, CVEs: len(e.lists[i])}
		for _, s := range e.lists[i] {
			if s.modified.After(info.Date) {
				info.Date = s.modified
			}
		}
		infos[name] = info
	}
	for _, cve := range slices.Sorted(maps.Keys(names)) {
		data, err := e.entry(c, cve)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", cve, err)
		}
		c.Entries = append(c.Entries, dbfile.Entry{Release: 0, Name: cve, Data: data})
	}
	var out []EnrichmentInfo
	for _, name := range enrichNames() {
		info := infos[name]
		if info == nil {
			continue
		}
		out = append(out, *info)
		if info.Date.After(c.Modified) {
			c.Modified = info.Date
		}
		data := dbfile.AppendString(nil, info.Version)
		data = appendTime(data, info.Date)
		data = dbfile.AppendUint(data, uint64(info.CVEs))
		c.Entries = append(c.Entries, dbfile.Entry{Release: 1, Name: name, Data: data})
	}
	return c, out, nil
}

// entry encodes what all sources say about a CVE. It adds the text to the
// records of the file, which are compressed.
func (e *enricher) entry(c *dbfile.Content, cve string) ([]byte, error) {
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
	for _, list := range e.lists {
		if s, ok := list[cve]; ok {
			one, err := s.entry()
			if err != nil {
				return nil, err
			}
			add(&one)
			delete(list, cve) // it is not needed again, and there are many
		}
	}
	flags := uint64(0)
	var tail []byte
	if e.kev != nil {
		if one, ok := e.kev.entries[cve]; ok {
			add(&one)
			flags |= flagKEV
			if one.KEV.Ransomware {
				flags |= flagRansomware
			}
			tail = appendTime(appendTime(tail, one.KEV.Added), one.KEV.Due)
		}
	}
	if e.epss != nil {
		if s, ok := e.epss.entries[cve]; ok {
			flags |= flagEPSS
			tail = dbfile.AppendUint(dbfile.AppendUint(tail, uint64(s.score)), uint64(s.percentile))
		}
	}
	if all.Rejected {
		flags |= flagRejected
	}
	if all.Title != "" || all.Description != "" {
		flags |= flagText
		tail = dbfile.AppendUint(tail, uint64(len(c.Records)))
		c.Records = append(c.Records, dbfile.AppendString(dbfile.AppendString(nil, all.Title), all.Description))
	}
	slices.Sort(all.CWEs)
	data := append(dbfile.AppendUint(nil, flags), tail...)
	return appendRatings(data, all.Ratings, slices.Compact(all.CWEs)), nil
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
func enrichmentInfo(f *file) ([]EnrichmentInfo, error) {
	release, ok := f.Release(enrichSources)
	if _, names := f.Release(""); !ok || !names {
		return nil, fmt.Errorf("%w: no list of sources", ErrCorrupt)
	}
	var out []EnrichmentInfo
	var buf []byte
	for _, name := range enrichNames() {
		data, ok, err := f.Lookup(buf, release, name)
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
		out = append(out, info)
	}
	return out, nil
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
			data, ok, err := f.Lookup(buf, release, m.ID)
			if err != nil {
				return corrupt(err)
			}
			if ok {
				buf = data
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
