package vulndb

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sort"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/version"
)

// A bound is a version with its key (version.Key). The key is nil for a listed
// version that the scheme does not understand: it equals itself only.
type bound struct {
	key  []byte
	text string
}

// The ways in which an interval ends. Values are part of the file format.
const (
	endNone  = 0 // never
	endFixed = 1 // before its upper bound
	endLast  = 2 // with its upper bound
)

// An interval is a set of versions without gaps.
type interval struct {
	low  bound // nothing below; the zero bound is no limit
	end  int
	high bound
	// fix is the lowest fixed version above an interval that does not end with
	// one, if there is any.
	fix string
}

func newBound(s version.Scheme, text string) (bound, error) {
	key, err := version.AppendKey(nil, s, text)
	if err != nil {
		return bound{}, err
	}
	return bound{key, text}, nil
}

// compareRank orders lower bounds: none is first.
func compareRank(a, b bound) int {
	return cmp.Or(cmp.Compare(min(len(a.text), 1), min(len(b.text), 1)), bytes.Compare(a.key, b.key))
}

// compareLow orders lower bounds of one rank by their text as well.
func compareLow(a, b bound) int { return cmp.Or(compareRank(a, b), cmp.Compare(a.text, b.text)) }

// compareEnd orders the upper ends: [.., x) is before [.., x], which is before
// no end.
func compareEnd(a, b interval) int {
	if a.end == endNone || b.end == endNone {
		return cmp.Compare(btoi(a.end == endNone), btoi(b.end == endNone))
	}
	return cmp.Or(bytes.Compare(a.high.key, b.high.key), cmp.Compare(a.end, b.end), cmp.Compare(a.high.text, b.high.text))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// An event is an advisory.Event with its key.
type event struct {
	bound
	kind advisory.Kind
}

// intervals returns the union of ranges as sorted intervals that neither
// overlap nor touch, and how many ranges had to be left out because a version
// in them is none, with the reasons.
func intervals(s version.Scheme, ranges []advisory.Range) (out []interval, unreadable int, reasons []error) {
	var fixes []bound
	for _, r := range ranges {
		events, err := sortEvents(s, r.Events)
		if err != nil {
			unreadable++
			reasons = append(reasons, err)
			continue
		}
		out = append(out, sweep(events)...)
		for _, e := range events {
			if e.kind == advisory.Fixed {
				fixes = append(fixes, e.bound)
			}
		}
	}
	out = union(out)
	addFixes(out, fixes)
	return out, unreadable, reasons
}

// sortEvents orders events by version, and those of one version by kind. The
// order within the record does not matter, and so a record has one meaning
// however it was written.
func sortEvents(s version.Scheme, in []advisory.Event) ([]event, error) {
	out := make([]event, 0, len(in))
	for _, e := range in {
		// "0" is before every version, also before those that a scheme has
		// below 0: https://ossf.github.io/osv-schema/#special-values.
		if e.Kind == advisory.Introduced && e.Version == "0" {
			out = append(out, event{kind: e.Kind})
			continue
		}
		b, err := newBound(s, e.Version)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", e.Kind, err)
		}
		out = append(out, event{b, e.Kind})
	}
	slices.SortFunc(out, func(a, b event) int {
		return cmp.Or(compareRank(a.bound, b.bound), cmp.Compare(a.kind, b.kind), cmp.Compare(a.text, b.text))
	})
	return out, nil
}

// sweep turns sorted events into intervals, by
// https://ossf.github.io/osv-schema/#evaluation.
//
// The schema does not say what holds where a version is introduced and fixed
// at once. Both uses exist in real records and are told apart by what was
// before: [1, 2) followed by [2, 3) in one list goes on at 2, while a range
// that begins and ends at 2 is empty.
func sweep(events []event) []interval {
	var out []interval
	var low bound
	open := false
	for len(events) > 0 {
		n := 1
		for n < len(events) && compareRank(events[n].bound, events[0].bound) == 0 {
			n++
		}
		at := events[:n]
		events = events[n:]
		introduced := at[0].kind == advisory.Introduced
		if introduced && open {
			continue // ends and begins here, or goes on in any case
		}
		if introduced {
			open, low = true, at[0].bound
		}
		if !open {
			continue
		}
		for _, e := range at { // fixed sorts before last_affected
			if e.kind == advisory.Fixed {
				if !introduced {
					out = append(out, interval{low: low, end: endFixed, high: e.bound})
				}
				open = false
				break
			}
			if e.kind == advisory.LastAffected {
				out = append(out, interval{low: low, end: endLast, high: e.bound})
				open = false
				break
			}
		}
	}
	if open {
		out = append(out, interval{low: low})
	}
	return out
}

// union joins intervals that overlap or touch.
func union(in []interval) []interval {
	slices.SortFunc(in, func(a, b interval) int { return cmp.Or(compareLow(a.low, b.low), compareEnd(a, b)) })
	out := in[:0]
	for _, next := range in {
		if len(out) > 0 {
			last := &out[len(out)-1]
			if last.end == endNone || next.low.text == "" || bytes.Compare(next.low.key, last.high.key) <= 0 {
				if compareEnd(*last, next) < 0 {
					last.end, last.high = next.end, next.high
				}
				continue
			}
		}
		out = append(out, next)
	}
	return out
}

// addFixes notes, for intervals that end with the last affected version, the
// lowest version above that is called fixed and is in no interval.
func addFixes(list []interval, fixes []bound) {
	slices.SortFunc(fixes, compareLow)
	for i := range list {
		if list[i].end != endLast {
			continue
		}
		// What is skipped here is of no use to later intervals either.
		for len(fixes) > 0 && (bytes.Compare(fixes[0].key, list[i].high.key) <= 0 || contains(list, fixes[0].key)) {
			fixes = fixes[1:]
		}
		if len(fixes) > 0 {
			list[i].fix = fixes[0].text
		}
	}
}

// contains reports whether one of the sorted intervals holds a version.
func contains(list []interval, key []byte) bool {
	// The first interval that does not end before the version.
	i := sort.Search(len(list), func(i int) bool {
		c := -1
		if list[i].end != endNone {
			c = bytes.Compare(key, list[i].high.key)
		}
		return c < 0 || c == 0 && list[i].end == endLast
	})
	return i < len(list) && (list[i].low.text == "" || bytes.Compare(key, list[i].low.key) >= 0)
}

// listed returns the listed versions that the intervals do not already hold,
// without repetitions.
func listed(s version.Scheme, versions []string, in []interval) []bound {
	var out []bound
	for _, text := range versions {
		b, err := newBound(s, text)
		if err != nil {
			// Not a version of the scheme, but it may be installed under just
			// this name.
			b = bound{text: text}
		} else if contains(in, b.key) {
			continue
		}
		out = append(out, b)
	}
	slices.SortFunc(out, compareLow)
	return slices.CompactFunc(out, func(a, b bound) bool { return a.text == b.text })
}

// The bits of the first byte of an encoded interval.
const (
	flagEnd = 3 // mask of the end
	flagLow = 4 // has a lower bound
	flagFix = 8 // has a fix
)

// appendCase encodes what one record says of one package name:
// see "Entries" in FORMAT.md.
func appendCase(b []byte, group int, status advisory.Status, unreadable int, in []interval, versions []bound, arches ...string) []byte {
	b = dbfile.AppendUint(b, uint64(group))
	b = dbfile.AppendUint(b, uint64(status))
	b = dbfile.AppendUint(b, uint64(unreadable))
	b = dbfile.AppendUint(b, uint64(len(in)))
	for _, v := range in {
		flags := byte(v.end)
		if v.low.text != "" {
			flags |= flagLow
		}
		if v.fix != "" {
			flags |= flagFix
		}
		b = append(b, flags)
		if v.low.text != "" {
			b = appendBound(b, v.low)
		}
		if v.end != endNone {
			b = appendBound(b, v.high)
		}
		if v.fix != "" {
			b = dbfile.AppendString(b, v.fix)
		}
	}
	b = dbfile.AppendUint(b, uint64(len(versions)))
	for _, v := range versions {
		b = appendBound(b, v)
	}
	b = dbfile.AppendUint(b, uint64(len(arches)))
	for _, a := range arches {
		b = dbfile.AppendString(b, a)
	}
	return b
}

func appendBound(b []byte, v bound) []byte {
	return dbfile.AppendString(dbfile.AppendString(b, v.key), v.text)
}

// A verdict is what one record says of a version.
type verdict struct {
	affected   bool
	group      int    // of the record's severities
	status     uint64 // an advisory.Status
	unreadable int    // number of ranges that could not be read
	rng        string // the range that holds the version
	fixed      string
	simple     bool // the case says nothing but that all before one fix is affected
	otherArch  bool // the case is for other architectures, so that affected is false
}

// An encoded is an interval as it stands in a file. Its slices are part of the
// decoder's data.
type encoded struct {
	end                          int
	bounded                      bool // has a lower bound
	low, lowText, high, highText []byte
	fix                          []byte // the lowest fixed version at or above its end, nil if there is none
}

// nextInterval decodes an interval that appendCase wrote.
func nextInterval(d *dbfile.Decoder) (e encoded) {
	flags := d.Byte()
	e.end, e.bounded = int(flags&flagEnd), flags&flagLow != 0
	if e.bounded {
		e.low, e.lowText = d.Bytes(), d.Bytes()
	}
	if e.end != endNone {
		e.high, e.highText = d.Bytes(), d.Bytes()
	}
	if flags&flagFix != 0 {
		e.fix = d.Bytes()
	}
	if e.end == endFixed {
		e.fix = e.highText
	}
	return e
}

// side tells whether a version lies below (-1), in (0) or above (+1) the
// interval.
func (e *encoded) side(key []byte) int {
	if e.end != endNone {
		if c := bytes.Compare(key, e.high); c > 0 || c == 0 && e.end != endLast {
			return +1
		}
	}
	if e.bounded && bytes.Compare(key, e.low) < 0 {
		return -1
	}
	return 0
}

// caseEpoch returns the epoch of the versions in a case: that of the first
// bound that has one, as one source has one epoch, or "".
func caseEpoch(raw []byte) string {
	d := dbfile.NewDecoder(raw)
	_, _, _ = d.Uint(), d.Uint(), d.Uint()
	for range d.Count() {
		e := nextInterval(&d)
		for _, text := range [...][]byte{e.lowText, e.highText} {
			if epoch, _, ok := bytes.Cut(text, []byte{':'}); ok {
				return string(epoch)
			}
		}
	}
	for range d.Count() {
		d.Bytes()
		if epoch, _, ok := bytes.Cut(d.Bytes(), []byte{':'}); ok {
			return string(epoch)
		}
	}
	return ""
}

// isListed reports whether a listed version, with its key, is the version.
func isListed(listedKey, listedText, key []byte, text string) bool {
	return string(listedText) == text || key != nil && len(listedKey) > 0 && bytes.Equal(listedKey, key)
}

// judge decodes a case and applies it to a version, whose key is nil if the
// scheme does not understand it. Nothing is allocated unless the version is
// affected. arch is that of the package, empty if it is not known. The bound of a
// simple case is the fix, part of the decoder's data.
func judge(d *dbfile.Decoder, key []byte, text, arch string) (v verdict, bound []byte) {
	v.group, v.status, v.unreadable = int(d.Uint()), d.Uint(), int(d.Uint())
	var fix []byte // of the first interval above the version that has a fix
	n := d.Count()
	v.simple = n == 1 && v.unreadable == 0
	for range n {
		e := nextInterval(d)
		v.simple = v.simple && e.end == endFixed && !e.bounded
		bound = e.highText
		if key == nil || d.Err() != nil || v.affected {
			continue
		}
		side := e.side(key)
		if side > 0 {
			continue
		}
		if fix == nil {
			fix = e.fix
		}
		if side == 0 {
			v.affected, v.fixed = true, string(e.fix)
			v.rng = rangeText(e.end, e.lowText, e.highText)
		}
	}
	n = d.Count()
	v.simple = v.simple && n == 0
	for range n {
		k, t := d.Bytes(), d.Bytes()
		if v.affected || d.Err() != nil {
			continue
		}
		if isListed(k, t, key, text) {
			v.affected, v.rng, v.fixed = true, "= "+string(t), string(fix)
		}
	}
	if !appliesTo(d, arch) {
		v.affected, v.unreadable, v.fixed, v.rng, v.otherArch = false, 0, "", "", true
	}
	return v, bound
}

func rangeText(end int, low, high []byte) string {
	b := []byte(">= ")
	if low == nil {
		low = []byte("0")
	}
	b = append(b, low...)
	switch end {
	case endFixed:
		b = append(append(b, ", < "...), high...)
	case endLast:
		b = append(append(b, ", <= "...), high...)
	}
	return string(b)
}
