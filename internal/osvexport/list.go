package osvexport

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imagevet/imagevet/internal/advisory"
)

// An index says of each record, by ID, when it was modified.
type index map[string]time.Time

// put keeps the later time.
func (x index) put(id string, modified time.Time) {
	if old, ok := x[id]; !ok || modified.After(old) {
		x[id] = modified
	}
}

// newest is when the newest record was modified. Dates that lie more than a day
// ahead of now are mistakes: if they counted, everything after the correction
// would look stale.
func (x index) newest(now time.Time) (newest time.Time) {
	limit := now.Add(24 * time.Hour)
	for _, t := range x {
		if t.After(newest) && !t.After(limit) {
			newest = t
		}
	}
	return newest
}

// encode writes lines as in modified_id.csv, sorted by ID.
func (x index) encode(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, id := range slices.Sorted(maps.Keys(x)) {
		fmt.Fprintf(out, "%s,%s\n", x[id].Format(time.RFC3339Nano), id)
	}
	return out.Flush()
}

// maxListLine bounds a line of modified_id.csv, in bytes.
const maxListLine = advisory.MaxID + 64

// A list is what a modified_id.csv says.
type list struct {
	modified index
	oldest   time.Time // how far back it reaches
	bad      int       // lines that could not be read
	firstBad string
}

// parseList reads lines of a time and an ID. The list is newest first, but
// nothing depends on that. Lines that cannot be read are counted; a list that
// has nothing else is an error.
func parseList(data []byte) (*list, error) {
	l := &list{modified: index{}}
	for line := range bytes.Lines(data) {
		text := string(bytes.TrimSpace(line[:min(len(line), maxListLine+1)]))
		if text == "" {
			continue
		}
		stamp, id, ok := strings.Cut(text, ",")
		t, err := time.Parse(time.RFC3339, stamp)
		t = t.UTC()
		if !ok || err != nil || len(line) > maxListLine || !validID(id) || t.Year() < 1 || t.Year() > 9999 {
			if l.bad++; l.bad == 1 {
				l.firstBad = text[:min(len(text), 80)]
			}
			continue
		}
		// The year 1 is in real lists, so a zero time is one.
		if len(l.modified) == 0 || t.Before(l.oldest) {
			l.oldest = t
		}
		l.modified.put(id, t)
	}
	if l.bad > 0 && len(l.modified) == 0 {
		return nil, fmt.Errorf("%w: %d lines without a time and an ID, the first is %q", ErrBadExport, l.bad, l.firstBad)
	}
	return l, nil
}

// validID reports whether an ID can be part of a URL or a path and mean one
// file there. The schema allows any string, the databases use letters, digits
// and "-_.:".
func validID(id string) bool {
	if id == "" || len(id) > advisory.MaxID || strings.Trim(id, ".") == "" {
		return false
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`/\?#%"<>|*,`, c) >= 0 {
			return false
		}
	}
	return true
}

// pending returns the IDs of the list that are missing or older in have,
// sorted.
func (l *list) pending(have index) []string {
	var out []string
	for id, t := range l.modified {
		if old, ok := have[id]; !ok || t.After(old) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// gone reports whether have holds a record that the list has not, though it
// reaches back that far. That the oldest records of all were removed shows only
// when the export is asked for again: see maxAge.
func (l *list) gone(have index) bool {
	for id, t := range have {
		if _, ok := l.modified[id]; !ok && t.After(l.oldest) {
			return true
		}
	}
	return false
}
