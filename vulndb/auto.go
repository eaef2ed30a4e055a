package vulndb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/imagevet/imagevet/internal/distro"
	"github.com/imagevet/imagevet/internal/osvexport"
	"github.com/imagevet/imagevet/sbom/inventory"
	"github.com/imagevet/imagevet/version"
)

// Ecosystems returns the ecosystems whose advisories are about the packages, by
// OSV's names without a release, sorted. os is the distribution that the packages
// are installed on. Packages that no advisories are known for have none.
func Ecosystems(os inventory.OS, pkgs []inventory.Package) []string {
	d := distro.Lookup(os)
	found := map[string]bool{}
	seen := map[string]bool{} // types of packages
	for i := range pkgs {
		typ := pkgs[i].Type
		if seen[typ] {
			continue
		}
		seen[typ] = true
		if name, ok := languageEcosystem(typ); ok {
			found[name] = true
			continue
		}
		scheme, ok := distro.PackageScheme(typ)
		if !ok || d.Ecosystem == "" || scheme != "" && d.Scheme != "" && scheme != d.Scheme {
			continue
		}
		for _, name := range append([]string{d.Ecosystem}, d.More...) {
			base, _ := splitEcosystem(name)
			found[base] = true
		}
	}
	maps.DeleteFunc(found, func(name string, _ bool) bool {
		_, err := version.ParseScheme(name)
		return err != nil
	})
	return slices.Sorted(maps.Keys(found))
}

// An AutoUpdater keeps the database in a folder as new as it is asked to, and
// has it hold what is asked for: only that is downloaded. It is safe for
// concurrent use; other processes may update the folder as well.
type AutoUpdater struct {
	dir     string
	maxAge  time.Duration
	opts    []UpdateOption
	now     func() time.Time
	exports osvexport.Folder
	current rotation

	busy  chan struct{} // holds one element while somebody updates
	tried map[string]attempt

	mu     sync.Mutex
	closed bool
}

// An attempt to update an ecosystem failed.
type attempt struct {
	at  time.Time
	err error
}

// autoPause is after what time an update that failed is tried again.
const autoPause = time.Minute

// NewAutoUpdater returns an AutoUpdater of a database folder, which need not be
// there yet. An ecosystem is updated, as [Update] does, if somebody asks for it
// and no mirror has been asked for news of it for maxAge; 0 asks each time. The
// error tells of an option that is wrong. It must be closed.
func NewAutoUpdater(dir string, maxAge time.Duration, opts ...UpdateOption) (*AutoUpdater, error) {
	cfg, err := newUpdateConfig(opts)
	if err != nil {
		return nil, err
	}
	if maxAge < 0 {
		return nil, fmt.Errorf("vulndb: NewAutoUpdater: an age of %v", maxAge)
	}
	a := &AutoUpdater{
		dir: dir, maxAge: maxAge, opts: slices.Clone(opts), now: cfg.build.now,
		exports: osvexport.Folder{Path: filepath.Join(dir, downloadsName), Now: cfg.build.now},
		busy:    make(chan struct{}, 1), tried: map[string]attempt{},
	}
	// There is nobody to tell; the files were only read.
	a.current.failed = func(error) {}
	return a, nil
}

// A Lease is the use of a database.
type Lease struct {
	// DB is the database; nil if nothing was asked for and there is none. The
	// caller must not close it.
	DB *DB
	// Problems are ecosystems that could not be brought up to date. What the
	// database has of them is older than was asked for, or missing.
	Problems []UpdateProblem

	release func()
}

// Release ends the use. Calling it again does nothing.
func (l *Lease) Release() { l.release() }

// Acquire returns the database after it has updated, if need be, the named
// ecosystems, such as [Ecosystems] returns. Only one update runs at a time; others
// wait for it.
//
// An ecosystem that could not be updated is a problem of the lease, and is tried
// again a minute later at the earliest; one that no mirror has, after maxAge. The
// error is that of [Open], or that of the first update if there is no database at
// all, or of ctx; it wraps [ErrClosed] after [AutoUpdater.Close].
func (a *AutoUpdater) Acquire(ctx context.Context, ecosystems ...string) (*Lease, error) {
	select {
	case a.busy <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("vulndb: auto update %s: %w", a.dir, context.Cause(ctx))
	}
	defer func() { <-a.busy }()
	if a.isClosed() {
		return nil, fmt.Errorf("vulndb: auto update %s: %w", a.dir, ErrClosed)
	}
	lease := &Lease{}
	for _, name := range ecosystems {
		err := a.update(ctx, name)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("vulndb: auto update %s: %w", a.dir, context.Cause(ctx))
		}
		if err != nil {
			lease.Problems = append(lease.Problems, UpdateProblem{Ecosystem: name, Reason: err.Error(), Err: err})
		}
	}
	db, release := a.current.acquire()
	next, err := newer(a.dir, db)
	switch {
	case err == nil && next != nil:
		release()
		_ = a.current.swap(next) // the one before was only read
		db, release = a.current.acquire()
	case db == nil && (errors.Is(err, ErrNotFound) || errors.Is(err, ErrEmpty)):
		if len(lease.Problems) > 0 {
			return nil, lease.Problems[0].Err
		}
	case err != nil && db == nil:
		return nil, err
	case err != nil:
		// What is open is as good as it was.
		lease.Problems = append(lease.Problems, UpdateProblem{Reason: err.Error(), Err: err})
	}
	lease.DB, lease.release = db, release
	return lease, nil
}

// update brings an ecosystem up to date, if need be.
func (a *AutoUpdater) update(ctx context.Context, name string) error {
	now := a.now()
	if last, ok := a.tried[name]; ok {
		pause := autoPause
		if errors.Is(last.err, ErrUnknownEcosystem) {
			pause = max(pause, a.maxAge)
		}
		if now.Sub(last.at) < pause {
			return last.err
		}
	}
	if m, err := readManifest(a.dir); err == nil && now.Sub(a.exports.Checked(name)) < a.maxAge &&
		slices.ContainsFunc(m.Files, func(f manifestFile) bool { return f.Ecosystem == name }) {
		return nil
	}
	update := func(names ...string) error {
		_, err := Update(ctx, a.dir, append(slices.Clip(a.opts), WithEcosystems(names...))...)
		return err
	}
	err := update(name)
	if errors.Is(err, ErrVersion) {
		// A database of an older format is made again as a whole.
		names, listErr := a.exports.Ecosystems()
		if listErr != nil {
			return listErr
		}
		err = update(append(names, name)...)
	}
	if err != nil && ctx.Err() == nil {
		a.tried[name] = attempt{now, err}
		return err
	}
	delete(a.tried, name)
	return err
}

func (a *AutoUpdater) isClosed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.closed
}

// Close closes the database unless it is in use: then its last user does. It
// waits for an update under way. Calling it again does nothing.
func (a *AutoUpdater) Close() error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.busy <- struct{}{}
	defer func() { <-a.busy }()
	if err := a.current.swap(nil); err != nil {
		return fmt.Errorf("vulndb: close %s: %w", a.dir, err)
	}
	return nil
}
