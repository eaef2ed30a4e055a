package vulndb

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/imagevet/imagevet/internal/dbfile"
	"github.com/imagevet/imagevet/internal/fetch"
	"github.com/imagevet/imagevet/internal/osvexport"
)

// OSVMirror is where OSV publishes its export,
// https://google.github.io/osv.dev/data/#data-dumps.
const OSVMirror = "https://osv-vulnerabilities.storage.googleapis.com"

// Errors of [Update].
var (
	// ErrNoEcosystems says that neither the options nor the folder tell which
	// ecosystems are wanted.
	ErrNoEcosystems = errors.New("no ecosystem to update: name some, the database has none yet")
	// ErrUnknownEcosystem says that no mirror has an export of an ecosystem,
	// or that the versions of its packages cannot be compared.
	ErrUnknownEcosystem = osvexport.ErrUnknownEcosystem
	// ErrBadExport says that a mirror sent something else than an export:
	// garbage, a damaged archive, one that is far larger than its size, a
	// list that is none.
	ErrBadExport = osvexport.ErrBadExport
	// ErrStale says that a mirror has older advisories than the folder.
	ErrStale = osvexport.ErrStale
)

// An UpdateOption changes one default of [Update]. Each [BuildOption] is one as
// well. If two conflict, the last one wins.
type UpdateOption interface {
	update(*updateConfig) error
}

func (o BuildOption) update(c *updateConfig) error { return o(&c.build) }

type updateOption func(*updateConfig) error

func (o updateOption) update(c *updateConfig) error { return o(c) }

type updateConfig struct {
	build      buildConfig
	mirrors    []string
	ecosystems []string
	client     fetch.Client
	progress   func(Progress)
	full       bool
	maxRecords int // that are fetched one by one
}

func newUpdateConfig(opts []UpdateOption) (updateConfig, error) {
	cfg := updateConfig{
		build:      buildConfig{now: time.Now, workers: runtime.GOMAXPROCS(0), limits: defaultLimits()},
		mirrors:    []string{OSVMirror},
		client:     fetch.Client{UserAgent: "imagevet (+https://github.com/imagevet/imagevet)"},
		maxRecords: 2000,
	}
	for _, opt := range opts {
		if err := opt.update(&cfg); err != nil {
			return updateConfig{}, err
		}
	}
	cfg.client.Now = cfg.build.now
	return cfg, nil
}

// WithMirrors sets where to download from: URLs of http or https, or folders of
// the local system, that hold an export in the layout of OSV's. For each
// ecosystem the first one is taken that has it, complete and not older than
// what is there. The default is [OSVMirror].
func WithMirrors(mirrors ...string) UpdateOption {
	mirrors = slices.Clone(mirrors)
	return updateOption(func(c *updateConfig) error {
		if len(mirrors) == 0 {
			return errors.New("vulndb: WithMirrors(): give one or more")
		}
		for _, m := range mirrors {
			if _, err := osvexport.ParseMirror(m); err != nil {
				return fmt.Errorf("vulndb: WithMirrors: %w", err)
			}
		}
		c.mirrors = mirrors
		return nil
	})
}

// WithEcosystems sets what to update, by OSV's names without a release, such as
// "Debian" or "PyPI" (https://ossf.github.io/osv-schema/#defined-ecosystems).
// Others that the database has stay as they are. The default, and what no name
// means, is what was downloaded before or, if nothing was, all that the database
// has.
func WithEcosystems(names ...string) UpdateOption {
	names = slices.Clone(names)
	return updateOption(func(c *updateConfig) error {
		for _, name := range names {
			if err := osvexport.CheckName(name); err != nil {
				return fmt.Errorf("vulndb: WithEcosystems: %w", err)
			}
		}
		slices.Sort(names)
		c.ecosystems = slices.Compact(names)
		return nil
	})
}

// WithTransport sets what makes the HTTP requests: proxies, certificates,
// credentials. The default is [http.DefaultTransport].
func WithTransport(t http.RoundTripper) UpdateOption {
	return updateOption(func(c *updateConfig) error {
		if t == nil {
			return errors.New("vulndb: WithTransport(nil)")
		}
		c.client.Transport = t
		return nil
	})
}

// WithProgress sets what is told about the progress, often, one call after the
// other, from any goroutine. It must be quick. The default is nothing.
func WithProgress(f func(Progress)) UpdateOption {
	return updateOption(func(c *updateConfig) error {
		c.progress = f
		return nil
	})
}

// WithFullUpdate sets whether whole exports are downloaded again, whatever is
// there. The default is false.
func WithFullUpdate(full bool) UpdateOption {
	return updateOption(func(c *updateConfig) error {
		c.full = full
		return nil
	})
}

// A Progress says what an update is doing.
type Progress struct {
	// Stage is "export" while the export of the ecosystem is downloaded,
	// "records" while single records are, "compile" when the database is
	// made, of all ecosystems together.
	Stage string
	// Ecosystem and Mirror are empty for "compile".
	Ecosystem, Mirror string
	// Done and Total are bytes of the export, or numbers of records or
	// ecosystems. Total is -1 if it is unknown.
	Done, Total int64
}

// An UpdateReport says what an update did.
type UpdateReport struct {
	// Info is that of the database as it is now.
	Info Info `json:"info"`
	// Changed says whether a database was made; if it is false, the one that
	// was there is current, as far as the mirrors know.
	Changed bool `json:"changed"`
	// Ecosystems are those that were asked for, sorted by name.
	Ecosystems []EcosystemUpdate `json:"ecosystems"`
	// Others are ecosystems of the database that were left as they are,
	// sorted.
	Others []string `json:"others"`
	// Build reports on the records of the ecosystems that were compiled. It is
	// zero if none was.
	Build BuildReport `json:"build"`
	// Problems are what went wrong without making the update fail, in the
	// order in which it happened.
	Problems []UpdateProblem `json:"problems"`
}

// An UpdateStatus says how an ecosystem was brought up to date.
type UpdateStatus string

// The ways of an update.
const (
	// Unchanged: there was nothing new.
	Unchanged UpdateStatus = "unchanged"
	// Incremental: records that are new were fetched one by one.
	Incremental UpdateStatus = "incremental"
	// Full: the whole export was downloaded.
	Full UpdateStatus = "full"
	// Stale: every mirror that could be read is older than what is here,
	// which stays.
	Stale UpdateStatus = "stale"
)

// An EcosystemUpdate says what became of one ecosystem.
type EcosystemUpdate struct {
	Ecosystem string       `json:"ecosystem"`
	Status    UpdateStatus `json:"status"`
	// Mirror is the one that was used, without a password; empty if the status
	// is Stale.
	Mirror string `json:"mirror,omitempty"`
	// Compiled says whether its part of the database was made again.
	Compiled bool `json:"compiled"`
	// Records is the number of records that are kept, withdrawn ones as well.
	Records int `json:"records"`
	// Newest is when the newest of them was modified, without those that claim
	// a date in the future.
	Newest time.Time `json:"newest"`
	// Fetched is the number of records that were fetched one by one.
	Fetched int `json:"fetched"`
	// Bytes is how much was downloaded from the mirror that was used.
	Bytes int64 `json:"bytes"`
	// Vanished are IDs of records that the mirror lists and does not have. If
	// there was an earlier form of one, it stays until an export lacks it.
	Vanished []string `json:"vanished,omitempty"`
	// Behind is the number of records that the mirror lists as new but did not
	// deliver in that form, without those that vanished. The next update tries
	// again.
	Behind int `json:"behind,omitempty"`
}

var updateStatuses = [...]UpdateStatus{
	osvexport.Unchanged: Unchanged, osvexport.Incremental: Incremental, osvexport.Full: Full, osvexport.Stale: Stale,
}

func ecosystemUpdate(r osvexport.Report) EcosystemUpdate {
	return EcosystemUpdate{
		Ecosystem: r.Ecosystem, Status: updateStatuses[r.Status], Mirror: r.Mirror, Records: r.Records, Newest: r.Newest,
		Fetched: r.Fetched, Bytes: r.Bytes, Vanished: r.Vanished, Behind: r.Behind,
	}
}

// An UpdateProblem is what went wrong with one mirror.
type UpdateProblem struct {
	Ecosystem string `json:"ecosystem"`
	Mirror    string `json:"mirror,omitempty"`
	Reason    string `json:"reason"`
	Err       error  `json:"-"`
}

// Update brings a database folder up to date from an export of OSV. What is
// downloaded stays in its folder "downloads", so that the next update needs
// only what is new since: it asks for the list of modifications of each
// ecosystem, fetches the records that are new on it one by one, and takes the
// whole export if there are more than 2,000, if records have been removed, or if
// it has not been asked for in a week and is another one by now. Then it compiles
// the ecosystems that changed, all at once as [Build] does.
//
// An update is complete or did not happen. If an ecosystem cannot be updated
// from any mirror, the error wraps the reason for each (such as
// [ErrUnknownEcosystem], [ErrBadExport] or one of the network), the database
// stays as it was, and what could be downloaded is not downloaded again. A
// mirror that is older than what is there is not taken; if there is no other,
// that is no error, but the status [Stale] and a problem in the report.
//
// Records that [Build] or other programs put into the folder stay, unless they
// are of an ecosystem that is updated: that is replaced as a whole. A database
// in an older version of the format is made again, if all of its ecosystems are
// updated; otherwise the error wraps [ErrVersion].
//
// Several processes may update one folder at the same time; one waits until the
// other is done or dead. A process may be killed at any time. The error wraps
// [errors.ErrUnsupported] if the file system has no locks.
//
// Downloads are bounded: 4 GiB for an export and 16 MiB for a record. Requests
// that fail are repeated for a while, broken downloads of exports are gone on
// with, also by a later update. A server that sends nothing for a minute is
// given up; how long all may take is up to the context.
func Update(ctx context.Context, dir string, opts ...UpdateOption) (UpdateReport, error) {
	cfg, err := newUpdateConfig(opts)
	if err != nil {
		return UpdateReport{}, err
	}
	u := updater{cfg: cfg, dir: dir}
	u.exports = osvexport.Updater{
		Folder: osvexport.Folder{Path: filepath.Join(dir, downloadsName), Now: cfg.build.now},
		Client: cfg.client, Full: cfg.full, MaxRecords: cfg.maxRecords,
		MaxMembers: cfg.build.limits.members, MaxTotal: cfg.build.limits.total, Workers: cfg.build.workers,
		Progress: func(p osvexport.Progress) { u.progress(Progress(p)) }, Problem: u.problem,
	}
	for _, text := range cfg.mirrors {
		m, err := osvexport.ParseMirror(text)
		if err != nil {
			return UpdateReport{}, fmt.Errorf("vulndb: update: %w", err)
		}
		u.exports.Mirrors = append(u.exports.Mirrors, m)
	}
	report, err := u.run(ctx)
	if err != nil {
		return UpdateReport{}, fmt.Errorf("vulndb: update %s: %w", dir, err)
	}
	return *report, nil
}

// An updater is one update.
type updater struct {
	cfg     updateConfig
	dir     string
	exports osvexport.Updater
	report  UpdateReport

	mu sync.Mutex // of the progress
}

func (u *updater) progress(p Progress) {
	if u.cfg.progress == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cfg.progress(p)
}

func (u *updater) problem(ecosystem, mirror string, err error) {
	u.report.Problems = append(u.report.Problems, UpdateProblem{ecosystem, mirror, err.Error(), err})
}

func (u *updater) run(ctx context.Context) (*UpdateReport, error) {
	// A mistake must not leave a folder behind, nor wait for others.
	if _, err := u.current(); err != nil {
		return nil, err
	}
	names, err := u.ecosystems()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(u.exports.Folder.Path, 0o777); err != nil {
		return nil, err
	}
	unlock, err := dbfile.Lock(ctx, filepath.Join(u.exports.Folder.Path, lockName))
	if err != nil {
		return nil, err
	}
	defer unlock()
	copies := make([]*osvexport.Copy, len(names))
	var errs []error
	for i, name := range names {
		c, report, err := u.exports.Update(ctx, name)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		copies[i] = c
		u.report.Ecosystems = append(u.report.Ecosystems, ecosystemUpdate(report))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if err := u.compile(ctx, copies); err != nil {
		return nil, err
	}
	return &u.report, u.describe(names)
}

// current returns the manifest of the database as it is, and an empty one if
// there is no database. Of one in an older version of the format it has the
// ecosystems alone.
func (u *updater) current() (*manifest, error) {
	m, err := readManifest(u.dir)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrEmpty) {
		return &manifest{}, nil
	}
	if errors.Is(err, ErrVersion) {
		if old, ok := olderManifest(u.dir); ok {
			return old, nil
		}
	}
	return m, err
}

// ecosystems returns what is to be updated, sorted.
func (u *updater) ecosystems() ([]string, error) {
	if len(u.cfg.ecosystems) > 0 {
		return u.cfg.ecosystems, nil
	}
	names, err := u.exports.Folder.Ecosystems()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		m, err := u.current()
		if err != nil {
			return nil, err
		}
		for _, f := range m.Files {
			if f.Ecosystem == enrichEcosystem {
				continue // is none
			}
			if err := osvexport.CheckName(f.Ecosystem); err != nil {
				return nil, err
			}
			names = append(names, f.Ecosystem)
		}
	}
	if len(names) == 0 {
		return nil, ErrNoEcosystems
	}
	return names, nil
}

// compilerVersion changes with what is made of records, when the format of files
// does not.
const compilerVersion = 1

// downloadsName is the folder of downloads in a database folder, see FORMAT.md.
const downloadsName = "downloads"

// rules says what decides, beside the records, what a file holds.
func (c *buildConfig) rules() string {
	if c.malicious {
		return fmt.Sprintf("%d, with malicious packages", compilerVersion)
	}
	return fmt.Sprint(compilerVersion)
}

// made says what a file is made of a copy.
func (u *updater) made(f *manifestFile) osvexport.Made {
	return osvexport.Made{Compiled: f.SHA256, Rules: u.cfg.build.rules()}
}

// compile makes those parts of the database that are not made of what is kept.
func (u *updater) compile(ctx context.Context, copies []*osvexport.Copy) error {
	m, err := u.current()
	if err != nil {
		return err
	}
	var bases []string
	var sources []Source
	for i, c := range copies {
		made := slices.ContainsFunc(m.Files, func(f manifestFile) bool {
			return f.Ecosystem == c.Ecosystem && c.Made() == u.made(&f)
		})
		if !made {
			u.report.Ecosystems[i].Compiled = true
			bases = append(bases, c.Ecosystem)
			for _, path := range c.Files() {
				sources = append(sources, FileSource(path))
			}
		}
	}
	if len(bases) == 0 {
		return nil
	}
	u.progress(Progress{Stage: "compile", Total: int64(len(bases))})
	report, files, err := rebuild(ctx, u.dir, sources, bases, u.cfg.build)
	if err != nil {
		return err
	}
	u.progress(Progress{Stage: "compile", Done: int64(len(bases)), Total: int64(len(bases))})
	u.report.Build, u.report.Changed = report, true
	for _, c := range copies {
		for _, f := range files {
			if f.Ecosystem != c.Ecosystem || c.Made() == u.made(&f) {
				continue
			}
			if err := c.SetMade(u.made(&f)); err != nil {
				// The database is there; the next update makes it once more.
				u.problem(c.Ecosystem, "", err)
			}
		}
	}
	return nil
}

// describe adds what the database holds now.
func (u *updater) describe(names []string) error {
	m, err := u.current()
	if err != nil {
		return err
	}
	u.report.Info = m.info()
	for _, f := range m.Files {
		if !slices.Contains(names, f.Ecosystem) {
			u.report.Others = append(u.report.Others, f.Ecosystem)
		}
	}
	return nil
}
