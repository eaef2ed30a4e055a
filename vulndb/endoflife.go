package vulndb

import (
	"fmt"
	"time"

	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A lifecycle is what [SourceEndOfLife] says of a release: the first day
// without support, and that without extended support. Either can be zero.
type lifecycle struct{ end, extended time.Time }

func lifecycleName(product, release string) string { return product + " " + release }

func (l lifecycle) append(b []byte) []byte { return appendTime(appendTime(b, l.end), l.extended) }

func decodeLifecycle(data []byte) (lifecycle, error) {
	d := dbfile.NewDecoder(data)
	l := lifecycle{decodeTime(&d), decodeTime(&d)}
	if d.Err() != nil || d.Len() > 0 {
		return lifecycle{}, dbfile.ErrDamaged
	}
	return l, nil
}

// EndOfLife returns the day, at 0:00 UTC, on which the last security support
// that is free of charge ended or ends for a distribution's release, by
// [SourceEndOfLife]. It is zero if the database does not have that source, or
// that no day.
//
// The error wraps [ErrCorrupt] if the database turns out to be damaged.
func (db *DB) EndOfLife(os inventory.OS) (day time.Time, err error) {
	if err := db.use(); err != nil {
		return time.Time{}, fmt.Errorf("vulndb: end of life: %w", err)
	}
	defer db.end()
	day, err = db.endOfLife(os)
	if err != nil {
		return time.Time{}, fmt.Errorf("vulndb: end of life: %w", err)
	}
	return day, nil
}

func (db *DB) endOfLife(os inventory.OS) (day time.Time, err error) {
	defer guard(&err)()
	product, release, ok := distro.Lookup(os).Product()
	if !ok || db.cve == nil {
		return time.Time{}, nil
	}
	i, ok := db.cve.Release(enrichLifecycles)
	if !ok {
		return time.Time{}, fmt.Errorf("%w: no list of releases", ErrCorrupt)
	}
	var buf []byte
	data, ok, err := db.cve.Lookup(&buf, i, []byte(lifecycleName(product, release)))
	if err != nil || !ok {
		return time.Time{}, err
	}
	l, err := decodeLifecycle(data)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s %s: %w", product, release, err)
	}
	return distro.EndOfSupport(product, l.end, l.extended), nil
}
