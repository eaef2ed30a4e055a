package osvexport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode"

	"github.com/imagevet/imagevet/internal/fetch"
	"github.com/imagevet/imagevet/version"
)

// Errors of [Updater.Update] and [CheckName].
var (
	// ErrUnknownEcosystem says that no mirror has an export of an ecosystem,
	// or that the versions of its packages cannot be compared.
	ErrUnknownEcosystem = errors.New("unknown ecosystem")
	// ErrBadExport says that a mirror sent something else than an export.
	ErrBadExport = errors.New("not a usable export of advisories")
	// ErrStale says that a mirror is older than the copy.
	ErrStale = errors.New("mirror is older than what is here")
	// ErrLimit says that there is more than the caller is willing to read.
	ErrLimit = errors.New("sources exceed the limit")
	// ErrNoRecords says that there is no record.
	ErrNoRecords = errors.New("no usable advisory in the sources")
)

// CheckName checks the name of an ecosystem, which becomes part of URLs. It is
// that of all releases together.
func CheckName(name string) error {
	if base, suffix, _ := strings.Cut(name, ":"); suffix != "" && base != "" {
		return fmt.Errorf("ecosystem %q: give all releases together, as %q", name, base)
	}
	bad := func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(`/\:`, r) }
	if name == "" || len(name) > 100 || strings.Trim(name, ". ") != strings.TrimSpace(name) || strings.TrimSpace(name) != name || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%q is no name of an ecosystem", name)
	}
	if _, err := version.ParseScheme(name); err != nil {
		return fmt.Errorf("%w: %w", ErrUnknownEcosystem, err)
	}
	return nil
}

// A Status says how a copy was brought up to date.
type Status int

// The ways of an update.
const (
	Unchanged   Status = iota // there was nothing new
	Incremental               // records that are new were fetched one by one
	Full                      // the whole export was downloaded
	Stale                     // every mirror that could be read is older than the copy
)

// A Report says what an update did.
type Report struct {
	Ecosystem string
	Status    Status
	Mirror    string    // the one that was used, without a password; empty if Stale
	Records   int       // that the copy has, withdrawn ones as well
	Newest    time.Time // when the newest of them was modified
	Fetched   int       // records that were fetched one by one
	Bytes     int64     // that were downloaded from the mirror that was used
	Vanished  []string  // IDs that the mirror lists and does not have
	Behind    int       // records that the mirror lists as new and did not deliver
}

// A Progress says what an update is doing.
type Progress struct {
	Stage             string // "export" or "records"
	Ecosystem, Mirror string
	Done, Total       int64 // bytes of the export, or records; Total is -1 if it is unknown
}

// An Updater updates copies, one after the other. Its fields are all set.
type Updater struct {
	Folder     Folder
	Mirrors    []Mirror // the first one is taken that has the export, complete and not older
	Client     fetch.Client
	Full       bool  // whole exports are downloaded again
	MaxRecords int   // that are fetched one by one
	MaxMembers int   // of an archive
	MaxTotal   int64 // bytes of an archive's content
	Workers    int   // that read an archive

	// Progress is called from any goroutine, also at the same time; Problem
	// is told what does not make the update fail.
	Progress func(Progress)
	Problem  func(ecosystem, mirror string, err error)
}

// Update brings the copy of an ecosystem up to date, or makes one.
func (u *Updater) Update(ctx context.Context, name string) (*Copy, Report, error) {
	have, err := u.Folder.load(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		u.Problem(name, "", fmt.Errorf("downloads are damaged, the export is downloaded again: %w", err))
	}
	stale, missing := false, 0
	var errs []error
	for i := range u.Mirrors {
		m := &u.Mirrors[i]
		t := transfer{Updater: u, mirror: m, report: Report{Ecosystem: name, Mirror: m.name}}
		next, err := t.run(ctx, have)
		if ctx.Err() != nil {
			return nil, Report{}, context.Cause(ctx)
		}
		if err == nil {
			next.Checked = u.Folder.Now().UTC()
			if next != have {
				err = u.Folder.commit(next)
			} else {
				err = u.Folder.save(&next.state)
			}
			if err != nil {
				return nil, Report{}, err
			}
			t.report.Records, t.report.Newest = next.Records, next.Newest
			return next, t.report, nil
		}
		u.Problem(name, m.name, err)
		stale = stale || errors.Is(err, ErrStale)
		if errors.Is(err, fetch.ErrNotFound) {
			missing++
		}
		errs = append(errs, err)
	}
	if stale && have != nil {
		return have, Report{Ecosystem: name, Status: Stale, Records: have.Records, Newest: have.Newest}, nil
	}
	if missing == len(u.Mirrors) {
		return nil, Report{}, fmt.Errorf("%w%s: %w", ErrUnknownEcosystem, u.suggest(ctx, name), errors.Join(errs...))
	}
	return nil, Report{}, errors.Join(errs...)
}

// suggest returns the name that may be meant, of those in the mirrors'
// ecosystems.txt, for a message.
func (u *Updater) suggest(ctx context.Context, name string) string {
	const most = 64 << 10 // bytes
	for i := range u.Mirrors {
		t := transfer{Updater: u, mirror: &u.Mirrors[i]}
		data, _, err := t.client().Bytes(ctx, fetch.Request{URL: t.mirror.url("ecosystems.txt"), Limit: most})
		if err != nil {
			continue // the message is about something else
		}
		for line := range strings.Lines(string(data)) {
			if known := strings.TrimSpace(line); strings.EqualFold(known, name) && known != name {
				return fmt.Sprintf(", is %q meant?", known)
			}
		}
	}
	return ""
}
