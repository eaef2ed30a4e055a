package osvexport

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imagevet/imagevet/internal/advisory"
	"github.com/imagevet/imagevet/internal/fetch"
)

// Limits of downloads, in bytes.
const (
	maxExport  = 4 << 30
	maxList    = 128 << 20
	maxOverlay = 64 << 20 // records fetched one by one, together
	// parallelRecords is how many records are fetched at once.
	parallelRecords = 8
)

// A transfer updates one ecosystem from one mirror.
type transfer struct {
	*Updater
	mirror *Mirror
	report Report
}

func (t *transfer) client() *fetch.Client {
	c := t.Client
	if t.mirror.folder != "" {
		c.Transport = fetch.Folder(t.mirror.folder)
		c.Attempts = 1
	}
	return &c
}

// run returns what is to be kept: have itself if nothing of it changed. Have is
// nil if there is nothing yet.
func (t *transfer) run(ctx context.Context, have *Copy) (*Copy, error) {
	var news *list
	var source download // of news
	if !t.Full {
		var err error
		news, source, err = t.list(ctx, have)
		switch {
		case errors.Is(err, errSame):
			t.report.Status = Unchanged
			return have, nil
		case errors.Is(err, fetch.ErrNotFound): // then there is only the export
		case err != nil:
			return nil, err
		}
	}
	next := have
	t.report.Status = Incremental
	if have == nil || news == nil || t.distant(have, news) {
		var err error
		if next, err = t.export(ctx, have, news); err != nil {
			return nil, err
		}
	}
	if news == nil {
		return next, nil
	}
	if next == have {
		next = have.clone()
	}
	changed, err := t.records(ctx, next, news)
	if err != nil {
		return nil, err
	}
	if have != nil {
		// An export that is older than the list can be older than what is here.
		for id, ours := range have.index {
			if got, ok := next.index[id]; ok && got.Before(ours) && news.modified[id].After(got) {
				return nil, fmt.Errorf("%s: %w", id, stale(got, ours))
			}
		}
	}
	if t.report.Status == Incremental && !changed {
		t.report.Status = Unchanged
	}
	if changed {
		next.Compiled = ""
	}
	next.List = download{}
	if t.report.Behind == 0 && len(t.report.Vanished) == 0 && news.bad == 0 {
		next.List = source
	}
	return next, nil
}

// errSame says that nothing was modified.
var errSame = errors.New("not modified")

// list fetches the list of modifications.
func (t *transfer) list(ctx context.Context, have *Copy) (*list, download, error) {
	req := fetch.Request{URL: t.mirror.url(t.report.Ecosystem, "modified_id.csv"), Limit: maxList}
	if have != nil && !t.aged(have) && have.List.URL == t.identity(req.URL) {
		req.ETag, req.LastModified = have.List.ETag, have.List.LastModified
	}
	data, res, err := t.client().Bytes(ctx, req)
	t.report.Bytes += res.Transferred
	if err != nil {
		return nil, download{}, err
	}
	if res.NotModified {
		return nil, download{}, errSame
	}
	l, err := parseList(data)
	if err != nil {
		return nil, download{}, fmt.Errorf("modified_id.csv: %w", err)
	}
	if l.bad > 0 {
		t.Problem(t.report.Ecosystem, t.mirror.name, fmt.Errorf(
			"modified_id.csv: %w: %d lines without a time and an ID, the first is %q", ErrBadExport, l.bad, l.firstBad))
	}
	if newest := l.modified.newest(t.Folder.Now()); have != nil && newest.Before(have.Newest) {
		return nil, download{}, stale(newest, have.Newest)
	}
	return l, download{URL: t.identity(req.URL), ETag: res.ETag, LastModified: res.LastModified}, nil
}

// identity is what a state calls a URL: of folders, which all have the same
// one, it needs the path, and of none a password.
func (t *transfer) identity(u string) string {
	if t.mirror.folder != "" {
		return t.mirror.folder + strings.TrimPrefix(u, fetch.FolderURL)
	}
	return t.mirror.name + strings.TrimPrefix(u, t.mirror.base)
}

func stale(theirs, ours time.Time) error {
	return fmt.Errorf("%w: %s instead of %s", ErrStale, theirs.Format(time.RFC3339), ours.Format(time.RFC3339))
}

// maxAge is after what time the export is asked for, whatever lists say: they
// do not tell of records that were changed without another date
// (https://github.com/google/osv.dev/issues/4486).
const maxAge = 7 * 24 * time.Hour

func (t *transfer) aged(have *Copy) bool {
	return t.Folder.Now().Sub(have.Asked) >= maxAge
}

// distant reports whether it takes the whole export to come to what a list
// says.
func (t *transfer) distant(have *Copy, news *list) bool {
	return t.aged(have) ||
		news.oldest.After(have.Newest) || // there may be more than the list says
		len(news.pending(have.index))+len(have.overlay) > t.MaxRecords ||
		have.overlaySize() > maxOverlay ||
		news.gone(have.index)
}

// export downloads the whole export, unless it is the one that is there.
// Records that were fetched one by one since it was made are kept: a server
// makes exports from time to time only.
func (t *transfer) export(ctx context.Context, have *Copy, news *list) (*Copy, error) {
	name := t.report.Ecosystem
	req := fetch.Request{
		URL: t.mirror.url(name, "all.zip"), Limit: maxExport,
		Progress: func(done, total int64) {
			t.Progress(Progress{Stage: "export", Ecosystem: name, Mirror: t.mirror.name, Done: done, Total: total})
		},
	}
	if have != nil && !t.Full && have.Export.URL == t.identity(req.URL) {
		req.ETag, req.LastModified = have.Export.ETag, have.Export.LastModified
	}
	part := t.Folder.part(name)
	now := t.Folder.Now().UTC()
	next := &Copy{state: state{Ecosystem: name, Asked: now}, folder: t.Folder}
	var res fetch.Result
	for again := true; again; {
		var err error
		res, err = t.client().File(ctx, req, part)
		t.report.Bytes += res.Transferred
		if err != nil {
			return nil, err
		}
		if res.NotModified {
			if news == nil {
				t.report.Status = Unchanged
			}
			next = have.clone()
			next.Asked = now
			return next, nil
		}
		if next.index, err = scanExport(ctx, part, t.Updater); err == nil {
			err = t.merge(next, have, news, res)
		}
		// Two parts of different files: once more, from the start.
		again = res.Resumed && errors.Is(err, ErrBadExport)
		if err != nil {
			err = errors.Join(err, os.Remove(part))
			if !again {
				return nil, err
			}
		}
	}
	var err error
	if next.Export, err = t.Folder.take(name); err != nil {
		return nil, err
	}
	next.Export.URL, next.Export.ETag, next.Export.LastModified = t.identity(req.URL), res.ETag, res.LastModified
	t.report.Status = Full
	return next, nil
}

// merge adds to a new export what of the old overlay is still to be kept, and
// refuses an export that is older than what is there.
func (t *transfer) merge(next, have *Copy, news *list, res fetch.Result) error {
	next.overlay = map[string][]byte{}
	if have == nil {
		return nil
	}
	if theirs := next.index.newest(t.Folder.Now()); news == nil && theirs.Before(have.Newest) {
		return stale(theirs, have.Newest)
	}
	before := fetch.Result{LastModified: have.Export.LastModified}
	if now := res.Modified(); have.Export.URL == t.identity(t.mirror.url(next.Ecosystem, "all.zip")) && !now.IsZero() && now.Before(before.Modified()) {
		return stale(now, before.Modified())
	}
	for id, line := range have.overlay {
		modified := have.index[id]
		in, ok := next.index[id]
		keep := ok && modified.After(in)
		if news != nil {
			// What the list has in the export's form is right there.
			listed, is := news.modified[id]
			keep = is && (!ok || keep && listed.After(in))
		}
		if keep {
			next.overlay[id] = line
			next.index.put(id, modified)
		}
	}
	return nil
}

// records fetches the records that a list has and next has not, and adds them,
// unless they are too many.
func (t *transfer) records(ctx context.Context, next *Copy, news *list) (changed bool, err error) {
	ids := news.pending(next.index)
	if len(ids) == 0 {
		return false, nil
	}
	if len(ids) > t.MaxRecords {
		t.report.Behind = len(ids)
		t.Problem(next.Ecosystem, t.mirror.name, fmt.Errorf("%w: the export lacks %d records that modified_id.csv lists", ErrBadExport, len(ids)))
		return false, nil
	}
	type result struct {
		line     []byte
		modified time.Time
		err      error
	}
	results := make([]result, len(ids))
	var size, bytes, done atomic.Int64
	size.Store(int64(next.overlaySize()))
	client := t.client()
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallelRecords)
	for i, id := range ids {
		group.Go(func() error {
			data, res, err := client.Bytes(groupCtx, fetch.Request{URL: t.mirror.url(next.Ecosystem, id+".json"), Limit: advisory.MaxRecord})
			bytes.Add(res.Transferred)
			t.Progress(Progress{
				Stage: "records", Ecosystem: next.Ecosystem, Mirror: t.mirror.name, Done: done.Add(1), Total: int64(len(ids)),
			})
			if errors.Is(err, fetch.ErrNotFound) {
				results[i].err = err
				return nil
			}
			if err != nil {
				return err
			}
			if size.Add(int64(len(data))) > 2*maxOverlay {
				return fmt.Errorf("%w: %w: records of more than %d bytes", ErrBadExport, ErrLimit, 2*maxOverlay)
			}
			r := &results[i]
			r.line, r.modified, r.err = readRecord(id, data)
			return nil
		})
	}
	err = group.Wait()
	t.report.Bytes += bytes.Load()
	if err != nil {
		return false, err
	}
	for i, id := range ids {
		r := &results[i]
		old, ok := next.index[id]
		switch {
		case errors.Is(r.err, fetch.ErrNotFound):
			t.report.Vanished = append(t.report.Vanished, id)
			continue
		case r.err == nil && ok && r.modified.Before(old):
			r.err = fmt.Errorf("%s: %w", id, stale(r.modified, old))
		case r.err != nil:
			r.err = fmt.Errorf("%s: %w", id, r.err)
		}
		if r.err != nil {
			t.report.Behind++
			t.Problem(next.Ecosystem, t.mirror.name, r.err)
			continue
		}
		if r.modified.Before(news.modified[id]) {
			t.report.Behind++
		}
		if ok && r.modified.Equal(old) {
			continue // as it was
		}
		next.index[id] = r.modified
		next.overlay[id] = r.line
		t.report.Fetched++
		changed = true
	}
	return changed, nil
}
