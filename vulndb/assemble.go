package vulndb

import (
	"cmp"
	"context"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/version"
)

// assemble sorts the records into files, which are sorted by ecosystem, and
// reports on them.
func (b *builder) assemble() (BuildReport, []*fileBuilder) {
	report := BuildReport{Skipped: b.nSkip, SkippedFiles: b.skipped, Duplicates: b.duplicates}
	files := map[string]*fileBuilder{}
	unsupported := map[string]*UnsupportedReport{}
	for _, i := range b.records.sorted() {
		k := b.records.at(i)
		var rare rarely
		if k.rare != nil {
			rare = *k.rare
		}
		if len(rare.defects) > 0 {
			b.addBad(rare.source, k.id, rare.defects, k.seq)
		}
		report.GitRanges += int(k.gitRanges)
		if k.nameless {
			report.Nameless++
		}
		if k.flawless {
			report.Flawless++
		}
		if k.malicious {
			report.Malicious++
		}
		for i, p := range k.parts {
			base := b.records.bases[p.base]
			if !b.cfg.carry.builds(base) {
				continue
			}
			left := len(rare.unsupported) > 0 && rare.unsupported[i] != ""
			if left {
				u := unsupported[base]
				if u == nil {
					u = &UnsupportedReport{Ecosystem: base, Reason: rare.unsupported[i]}
					unsupported[base] = u
				}
				u.Records++
			}
			if p.size == 0 && (!k.withdrawn || left) {
				continue
			}
			f := files[base]
			if f == nil {
				f = &fileBuilder{base: base}
				files[base] = f
			}
			f.add(k, p)
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
	var out []*fileBuilder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		out = append(out, files[name])
	}
	return report, out
}

// A fileBuilder collects the records of one ecosystem, sorted by ID.
type fileBuilder struct {
	base      string
	modified  time.Time
	withdrawn int
	records   []keptPart
	names     int // of packages, when it is written
}

// add adds what a record says about the ecosystem.
func (f *fileBuilder) add(k *keptRecord, p keptPart) {
	if modified := k.modified(); modified.After(f.modified) {
		f.modified = modified
	}
	if k.withdrawn {
		f.withdrawn++
		return
	}
	f.records = append(f.records, p)
}

// A releaseBuilder collects the entries of one release.
type releaseBuilder struct {
	scheme  version.Scheme
	last    int // number of the last record that was counted
	records int
	entries map[string][]byte // by package name
}

// write writes the file and returns its checksum. All of its entries are in
// memory at once.
func (f *fileBuilder) write(ctx context.Context, out io.Writer, s *spill) (uint32, error) {
	w, err := dbfile.NewWriter(out, f.base)
	if err != nil {
		return 0, err
	}
	releases := map[string]*releaseBuilder{}
	names := map[string]bool{}
	var buf []byte
	for number, p := range f.records {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		data, err := s.read(&buf, p.at, int(p.size))
		if err != nil {
			return 0, err
		}
		details, cases, err := readCases(data)
		if err != nil {
			return 0, err
		}
		w.Record(details)
		for _, c := range cases {
			r := releases[string(c.suffix)]
			if r == nil {
				r = &releaseBuilder{scheme: c.scheme, last: -1, entries: map[string][]byte{}}
				releases[string(c.suffix)] = r
			}
			if r.last != number {
				r.records++
				r.last = number
			}
			if name := plainName(c.scheme, string(c.name)); !names[name] {
				names[name] = true
			}
			entry := dbfile.AppendUint(r.entries[string(c.name)], uint64(number))
			r.entries[string(c.name)] = dbfile.AppendString(entry, c.body)
		}
	}
	f.names = len(names)
	meta := dbfile.Meta{Modified: f.modified}
	for i, suffix := range slices.Sorted(maps.Keys(releases)) {
		r := releases[suffix]
		meta.Releases = append(meta.Releases, dbfile.Release{
			Name: suffix, Scheme: r.scheme.String(), KeyCheck: keyCheck(r.scheme), Records: r.records,
		})
		for _, name := range slices.Sorted(maps.Keys(r.entries)) {
			w.Entry(i, name, r.entries[name])
		}
	}
	return w.Close(meta)
}

// report describes the ecosystem, after write.
func (f *fileBuilder) report() EcosystemReport {
	return EcosystemReport{
		Ecosystem: f.base, Records: len(f.records), Packages: f.names, Withdrawn: f.withdrawn, Modified: f.modified,
	}
}
