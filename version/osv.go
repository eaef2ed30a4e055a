package version

import (
	"cmp"
	"fmt"
	"slices"
)

// An Event is a point of a range of OSV, at which what holds of versions
// changes. Exactly one of its fields is not empty. See
// https://ossf.github.io/osv-schema/#affectedrangesevents-fields.
type Event struct {
	Introduced   string // affected from this version on; "0" is before every version
	Fixed        string // not affected from this version on
	LastAffected string // not affected above this version
	Limit        string // nothing is said of this version and those above; "*" is above every version
}

// Affected reports whether a version is affected by the events of one range,
// whose order does not matter. It is evaluated as
// https://ossf.github.io/osv-schema/#evaluation says. A range without an
// Introduced affects nothing. A version must be below one of the limits, if
// there are any.
//
// The schema does not say what holds where a version is introduced and fixed
// at once. Both uses exist in real records, and what was before tells them
// apart: if the versions just below are affected, so are this one and those
// that follow, as with two ranges written as one; if they are not, nothing is
// affected from there on. Likewise, a version that is introduced and last
// affected is the only one that is affected, unless those below are already.
//
// An event with no or more than one field is an error. Other errors are those
// of [Compare], also for events that do not decide.
func Affected(s Scheme, events []Event, v string) (bool, error) {
	if _, err := Parse(s, v); err != nil {
		return false, err
	}
	points := make([]osvPoint, 0, len(events))
	limits, within := 0, 0
	for i, e := range events {
		point, err := e.point(i)
		if err != nil {
			return false, err
		}
		if point.kind == osvLimit {
			limits++
			if point.version == "*" {
				within++
				continue
			}
		}
		if point.kind == osvIntroduced && point.version == "0" {
			point.lowest, point.position = true, -1
		} else {
			c, err := Compare(s, point.version, v)
			if err != nil {
				return false, err
			}
			point.position = c
		}
		switch {
		case point.kind == osvLimit && point.position > 0:
			within++
		case point.kind != osvLimit && point.position <= 0:
			points = append(points, point)
		}
	}
	if limits > 0 && within == 0 {
		return false, nil
	}
	slices.SortFunc(points, func(a, b osvPoint) int { return a.compare(s, b) })
	return affectedAt(s, points), nil
}

// An osvKind is what an event says.
type osvKind uint8

const (
	osvIntroduced osvKind = iota
	osvFixed
	osvLastAffected
	osvLimit
)

// An osvPoint is an event relative to the version in question.
type osvPoint struct {
	kind     osvKind
	version  string
	lowest   bool // before every version
	position int  // of the event: -1 below the version, 0 at it, +1 above
}

// point returns the event with the given index as a point.
func (e Event) point(index int) (osvPoint, error) {
	var point osvPoint
	fields := 0
	for kind, version := range [...]string{e.Introduced, e.Fixed, e.LastAffected, e.Limit} {
		if version != "" {
			point = osvPoint{kind: osvKind(kind), version: version}
			fields++
		}
	}
	if fields != 1 {
		return osvPoint{}, fmt.Errorf("version: event %d of the range has %d fields, not one", index, fields)
	}
	return point, nil
}

// compare orders points by version and, at one version, by kind.
func (p osvPoint) compare(s Scheme, q osvPoint) int {
	return cmp.Or(p.compareVersion(s, q), cmp.Compare(p.kind, q.kind))
}

func (p osvPoint) compareVersion(s Scheme, q osvPoint) int {
	switch {
	case p.lowest && q.lowest:
		return 0
	case p.lowest:
		return -1
	case q.lowest:
		return 1
	}
	c, _ := Compare(s, p.version, q.version) // both have been compared before
	return c
}

// affectedAt evaluates sorted points, none of which is above the version in
// question.
func affectedAt(s Scheme, points []osvPoint) bool {
	affected := false
	for len(points) > 0 {
		n := 1
		for n < len(points) && points[n].compareVersion(s, points[0]) == 0 {
			n++
		}
		at := points[:n]
		points = points[n:]
		introduced := at[0].kind == osvIntroduced
		if introduced && affected {
			continue
		}
		affected = affected || introduced
		// Introduced sorts before fixed, and that before last affected.
		end := at[0]
		if introduced {
			for _, p := range at {
				if end = p; p.kind != osvIntroduced {
					break
				}
			}
		}
		if end.kind == osvFixed || end.kind == osvLastAffected && end.position < 0 {
			affected = false
		}
	}
	return affected
}
