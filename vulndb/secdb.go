package vulndb

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/enrich"
	"github.com/imagevet/imagevet/internal/secdb"
)

// secdbs collects the statements of security databases. Those of all branches
// and repositories of a distribution on one flaw become one record.
type secdbs struct {
	records map[secdbKey]*secdbRecord
	never   int
}

type secdbKey struct {
	base, id string
}

type secdbRecord struct {
	source  string // of the first document
	seq     int64
	aliases map[string]bool
	fixed   map[secdbPackage][]string
}

type secdbPackage struct {
	ecosystem, name string
}

// readSecDB reads a security database. One that does not tell whose it is is an
// error, as without its statements packages would look clean.
func (b *builder) readSecDB(r *rawRecord, seq int64, in io.Reader, rest *meter) error {
	doc, err := secdb.Read(in)
	switch {
	case rest.err != nil:
		return rest.err
	case errors.Is(err, secdb.ErrUnknown):
		return err
	case err != nil:
		b.addBad(r.name, "", []string{fmt.Sprintf("none of it was used: %v", err)}, seq)
		return nil
	}
	slices.SortFunc(doc.Bad, func(x, y enrich.Bad) int { return strings.Compare(x.Reasons[0], y.Reasons[0]) })
	for _, x := range doc.Bad {
		b.addBad(r.name+": "+x.Entry, "", x.Reasons, seq)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.secdb.never += doc.NeverAffected
	if b.secdb.records == nil {
		b.secdb.records = map[secdbKey]*secdbRecord{}
	}
	base, _ := splitEcosystem(doc.Ecosystem)
	for _, f := range doc.Fixes {
		key := secdbKey{base, f.ID}
		rec := b.secdb.records[key]
		if rec == nil {
			rec = &secdbRecord{source: r.name, seq: seq, aliases: map[string]bool{}, fixed: map[secdbPackage][]string{}}
			b.secdb.records[key] = rec
		}
		if seq < rec.seq {
			rec.source, rec.seq = r.name, seq
		}
		for _, id := range f.Aliases {
			rec.aliases[id] = true
		}
		p := secdbPackage{doc.Ecosystem, f.Package}
		rec.fixed[p] = append(rec.fixed[p], f.Version)
	}
	return nil
}

// addSecDB makes records of what security databases said.
func (b *builder) addSecDB() error {
	for key, s := range b.secdb.records {
		rec := &advisory.Record{ID: strings.ToUpper(key.base) + "-SECDB-" + key.id}
		rec.Aliases = slices.Sorted(maps.Keys(s.aliases))
		if enrich.ValidCVE(key.id) {
			rec.Upstream = []string{key.id}
		} else {
			rec.Aliases = append([]string{key.id}, rec.Aliases...)
		}
		for p, versions := range s.fixed {
			// Of several versions the lowest counts, as all end the range.
			events := []advisory.Event{{Kind: advisory.Introduced, Version: "0"}}
			slices.Sort(versions)
			for _, v := range slices.Compact(versions) {
				events = append(events, advisory.Event{Kind: advisory.Fixed, Version: v})
			}
			rec.Affected = append(rec.Affected, advisory.Affected{
				Ecosystem: p.ecosystem, Name: p.name, Ranges: []advisory.Range{{Events: events}},
			})
		}
		slices.SortFunc(rec.Affected, func(x, y advisory.Affected) int {
			return strings.Compare(x.Ecosystem+" "+x.Name, y.Ecosystem+" "+y.Name)
		})
		if err := b.add(compile(rec, nil, s.source, s.seq)); err != nil {
			return err
		}
	}
	return nil
}
