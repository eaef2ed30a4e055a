package vulndb

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/version"
)

// assemble turns the records into the contents of files, sorted by ecosystem,
// and reports on them.
func (b *builder) assemble() (BuildReport, []*dbfile.Content) {
	report := BuildReport{Skipped: b.nSkip, SkippedFiles: b.skipped, Duplicates: b.duplicates}
	files := map[string]*fileBuilder{}
	unsupported := map[string]*UnsupportedReport{}
	for _, id := range slices.Sorted(maps.Keys(b.records)) {
		c := b.records[id]
		if len(c.defects) > 0 {
			b.addBad(c.source, c.id, c.defects, c.seq)
		}
		report.GitRanges += c.gitRanges
		if c.nameless {
			report.Nameless++
		}
		if c.flawless {
			report.Flawless++
		}
		for i := range c.parts {
			p := &c.parts[i]
			if p.unsupported != "" {
				u := unsupported[p.base]
				if u == nil {
					u = &UnsupportedReport{Ecosystem: p.base, Reason: p.unsupported}
					unsupported[p.base] = u
				}
				u.Records++
			}
			if len(p.cases) == 0 && (!c.withdrawn || p.unsupported != "") {
				continue
			}
			f := files[p.base]
			if f == nil {
				f = newFileBuilder(p.base)
				files[p.base] = f
			}
			f.add(c, p)
		}
	}
	slices.SortFunc(b.bad, func(x, y badRecord) int {
		return cmp.Or(cmp.Compare(x.seq, y.seq), cmp.Compare(x.Source, y.Source))
	})
	report.Bad = len(b.bad)
	for _, r := range b.bad[:min(len(b.bad), MaxNamed)] {
		report.BadRecords = append(report.BadRecords, r.BadRecord)
	}
	for _, name := range slices.Sorted(maps.Keys(unsupported)) {
		report.Unsupported = append(report.Unsupported, *unsupported[name])
	}
	var contents []*dbfile.Content
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := files[name]
		if len(f.records) > 0 {
			contents = append(contents, f.content())
		}
		report.Ecosystems = append(report.Ecosystems, EcosystemReport{
			Ecosystem: name, Records: len(f.records), Packages: len(f.names),
			Withdrawn: f.withdrawn, Modified: f.modified,
		})
	}
	return report, contents
}

// A fileBuilder collects the records of one ecosystem, sorted by ID.
type fileBuilder struct {
	base      string
	modified  time.Time
	withdrawn int
	records   [][]byte
	names     map[string]bool
	releases  map[string]*releaseBuilder
}

type releaseBuilder struct {
	scheme  version.Scheme
	last    int // number of the last record that was counted
	records int
	entries map[string][]byte // by package name
}

func newFileBuilder(base string) *fileBuilder {
	return &fileBuilder{base: base, names: map[string]bool{}, releases: map[string]*releaseBuilder{}}
}

// add adds what a record says about the ecosystem.
func (f *fileBuilder) add(c *compiled, p *part) {
	if c.modified.After(f.modified) {
		f.modified = c.modified
	}
	if c.withdrawn {
		f.withdrawn++
		return
	}
	number := len(f.records)
	f.records = append(f.records, c.details)
	for _, e := range p.cases {
		r := f.releases[e.suffix]
		if r == nil {
			r = &releaseBuilder{scheme: e.scheme, last: -1, entries: map[string][]byte{}}
			f.releases[e.suffix] = r
		}
		if r.last != number {
			r.records++
			r.last = number
		}
		f.names[plainName(e.scheme, e.name)] = true
		entry := dbfile.AppendUint(r.entries[e.name], uint64(number))
		r.entries[e.name] = dbfile.AppendString(entry, e.body)
	}
}

// content returns the content of the file.
func (f *fileBuilder) content() *dbfile.Content {
	c := &dbfile.Content{Ecosystem: f.base, Modified: f.modified, Records: f.records}
	for i, suffix := range slices.Sorted(maps.Keys(f.releases)) {
		r := f.releases[suffix]
		c.Releases = append(c.Releases, dbfile.Release{
			Name: suffix, Scheme: r.scheme.String(), KeyCheck: keyCheck(r.scheme), Records: r.records,
		})
		for _, name := range slices.Sorted(maps.Keys(r.entries)) {
			c.Entries = append(c.Entries, dbfile.Entry{Release: i, Name: name, Data: r.entries[name]})
		}
	}
	return c
}
