package vulndb

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

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

// newest is when the newest record was modified.
func (x index) newest() (newest time.Time) {
	for _, t := range x {
		if t.After(newest) {
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
// reaches back that far.
func (l *list) gone(have index) bool {
	for id, t := range have {
		if _, ok := l.modified[id]; !ok && t.After(l.oldest) {
			return true
		}
	}
	return false
}

// stamp is what is read of a record to keep account of it.
type stamp struct {
	ID       string `json:"id"`
	Modified string `json:"modified"`
}

// time is zero if the record has no date, as in advisory.Record.
func (s *stamp) time() time.Time {
	t, err := time.Parse(time.RFC3339, s.Modified)
	if t = t.UTC(); err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// maxRatio is how many times larger than an archive its content may be; those
// of OSV are at about 10.
const (
	maxRatio = 200
	slack    = 64 << 20 // bytes that small archives may have in any case
)

// scanExport reads an archive to its end, which checks its checksums, and
// returns the index of its records. What is no record is left to Build, which
// reports it.
func scanExport(ctx context.Context, path string, cfg buildConfig) (index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadExport, err)
	}
	if len(z.File) > cfg.limits.members {
		return nil, fmt.Errorf("%w: %w: %d files", ErrBadExport, ErrLimit, len(z.File))
	}
	// Package zip returns an error if a member has more than it says.
	left := min(cfg.limits.total, slack+maxRatio*min(info.Size(), cfg.limits.total/maxRatio))
	for _, m := range z.File {
		if m.UncompressedSize64 > uint64(left) {
			return nil, fmt.Errorf("%w: %w: more than %d times its size", ErrBadExport, ErrLimit, maxRatio)
		}
		left -= int64(m.UncompressedSize64)
	}
	stamps := make([]stamp, len(z.File))
	group, ctx := errgroup.WithContext(ctx)
	for w := range cfg.workers {
		group.Go(func() error {
			var buf bytes.Buffer
			for i := w; i < len(z.File); i += cfg.workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := readStamp(z.File[i], &buf, cfg.limits.record, &stamps[i]); err != nil {
					return fmt.Errorf("%w: %q: %w", ErrBadExport, z.File[i].Name, err)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := index{}
	for _, s := range stamps {
		if validID(s.ID) {
			out.put(s.ID, s.time())
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: %w", ErrBadExport, ErrNoRecords)
	}
	return out, nil
}

// readStamp reads a member to its end.
func readStamp(m *zip.File, buf *bytes.Buffer, limit int, s *stamp) error {
	if !wanted(m.Name) {
		return nil
	}
	r, err := m.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	if !strings.EqualFold(filepath.Ext(m.Name), ".json") {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	buf.Reset()
	if _, err := buf.ReadFrom(io.LimitReader(r, int64(limit)+1)); err != nil {
		return err
	}
	if buf.Len() > limit {
		return nil
	}
	if json.Unmarshal(buf.Bytes(), s) != nil {
		*s = stamp{} // not a record
	}
	return nil
}

// readOverlay reads records, one a line.
func readOverlay(r io.Reader) (map[string][]byte, error) {
	out := map[string][]byte{}
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, tooLong, _, err := readLine(in, advisory.MaxRecord)
		if err != nil && err != io.EOF {
			return nil, err
		}
		if tooLong {
			return nil, advisory.ErrTooLarge
		}
		if len(line) > 0 {
			var s stamp
			if err := json.Unmarshal(line, &s); err != nil {
				return nil, err
			}
			out[s.ID] = line
		}
		if err == io.EOF {
			return out, nil
		}
	}
}

// errOther says that a server sent another record than the one asked for.
var errOther = errors.New("another record than the one asked for")

// readRecord checks a record that was fetched by its ID and returns it on one
// line.
func readRecord(id string, data []byte) ([]byte, time.Time, error) {
	var line bytes.Buffer
	if err := json.Compact(&line, data); err != nil {
		return nil, time.Time{}, fmt.Errorf("%w: %w", ErrBadExport, err)
	}
	rec, _, err := advisory.Decode(line.Bytes()) // defects are for Build to report
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%w: %w", ErrBadExport, err)
	}
	if rec.ID != id {
		return nil, time.Time{}, fmt.Errorf("%w: %w: %q", ErrBadExport, errOther, rec.ID[:min(len(rec.ID), 80)])
	}
	return line.Bytes(), rec.Modified, nil
}
