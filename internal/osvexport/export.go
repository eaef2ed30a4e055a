package osvexport

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imagevet/imagevet/internal/advisory"
)

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
// returns the index of its records. What is no record is left to the caller.
func scanExport(ctx context.Context, path string, u *Updater) (index, error) {
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
	if len(z.File) > u.MaxMembers {
		return nil, fmt.Errorf("%w: %w: %d files", ErrBadExport, ErrLimit, len(z.File))
	}
	// Package zip returns an error if a member has more than it says.
	left := min(u.MaxTotal, slack+maxRatio*min(info.Size(), u.MaxTotal/maxRatio))
	for _, m := range z.File {
		if m.UncompressedSize64 > uint64(left) {
			return nil, fmt.Errorf("%w: %w: more than %d times its size", ErrBadExport, ErrLimit, maxRatio)
		}
		left -= int64(m.UncompressedSize64)
	}
	stamps := make([]stamp, len(z.File))
	group, ctx := errgroup.WithContext(ctx)
	for w := range u.Workers {
		group.Go(func() error {
			var buf bytes.Buffer
			for i := w; i < len(z.File); i += u.Workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := readStamp(z.File[i], &buf, advisory.MaxRecord, &stamps[i]); err != nil {
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
	if strings.HasSuffix(m.Name, "/") {
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
		line, tooLong, _, err := advisory.ReadLine(in, advisory.MaxRecord)
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
	rec, _, err := advisory.Decode(line.Bytes()) // defects are for the caller to report
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%w: %w", ErrBadExport, err)
	}
	if rec.ID != id {
		return nil, time.Time{}, fmt.Errorf("%w: %w: %q", ErrBadExport, errOther, rec.ID[:min(len(rec.ID), 80)])
	}
	return line.Bytes(), rec.Modified, nil
}
