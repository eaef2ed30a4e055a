package vulndb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// DefaultInterval is how often a [Watcher] looks for a new database.
const DefaultInterval = time.Minute

// A WatchOption changes one default of [Watch]. If two conflict, the last one
// wins.
type WatchOption func(*watchConfig) error

type watchConfig struct {
	interval time.Duration
	ticks    <-chan time.Time
	reloaded func(Reload)
}

// WithInterval sets how often to look for a new database. The default is
// [DefaultInterval].
func WithInterval(d time.Duration) WatchOption {
	return func(c *watchConfig) error {
		if d <= 0 {
			return fmt.Errorf("vulndb: WithInterval(%v): must be positive", d)
		}
		c.interval, c.ticks = d, nil
		return nil
	}
}

// WithTicks has a [Watcher] look for a new database whenever the channel sends
// something, and at no other time, until the channel is closed. The default is
// a ticker of [DefaultInterval].
func WithTicks(ticks <-chan time.Time) WatchOption {
	return func(c *watchConfig) error {
		if ticks == nil {
			return errors.New("vulndb: WithTicks(nil)")
		}
		c.ticks = ticks
		return nil
	}
}

// A Reload is what became of a look for a new database.
type Reload struct {
	// Info is that of the database in use from now on.
	Info Info
	// Err is why a new database could not be used, as from [Open], or why the
	// old one could not be closed. It is nil if all went well.
	Err error
}

// WithOnReload sets a function that is told when another database is in use,
// and of errors, each time they are met.
// Calls come one after another; while one lasts, nobody looks for a new
// database. It must not call [Watcher.Reload] or [Watcher.Close]. The default is
// none.
func WithOnReload(f func(Reload)) WatchOption {
	return func(c *watchConfig) error {
		if f == nil {
			return errors.New("vulndb: WithOnReload(nil)")
		}
		c.reloaded = f
		return nil
	}
}

// A Watcher keeps the newest database of a folder open, for programs that run
// for long. It is safe for concurrent use.
type Watcher struct {
	dir      string
	reloaded func(Reload)
	stop     context.CancelFunc
	done     chan struct{} // closed when nobody looks any more

	reloading sync.Mutex // held while a database is opened, and for reloaded
	current   rotation

	mu  sync.Mutex
	err error
}

// Watch opens the database in a folder, and looks at the folder's manifest from
// time to time. When [Build], [Update], [Install] or a copy has put another database
// there, that is opened, and used from the next [Watcher.Acquire] on, which waits
// for none of this. The old one is closed when its last user has released it.
//
// A new database that cannot be used leaves the old one in use: [Watcher.Err]
// and [WithOnReload] tell. It is tried again each time.
//
// One goroutine looks at the folder, until ctx ends or [Watcher.Close] is
// called, which must be called either way. The error is that of [Open].
func Watch(ctx context.Context, dir string, opts ...WatchOption) (*Watcher, error) {
	cfg := watchConfig{interval: DefaultInterval, reloaded: func(Reload) {}}
	for _, opt := range opts {
		if err := opt(&cfg); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("vulndb: watch %s: %w", dir, err)
	}
	db, err := Open(dir)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	w := &Watcher{dir: dir, reloaded: cfg.reloaded, stop: stop, done: make(chan struct{})}
	w.current = rotation{current: &generation{db: db}, failed: func(err error) { w.setErr(fmt.Errorf("vulndb: close %s: %w", dir, err)) }}
	ticks, stopTicker := cfg.ticks, func() {}
	if ticks == nil {
		ticker := time.NewTicker(cfg.interval)
		ticks, stopTicker = ticker.C, ticker.Stop
	}
	go func() {
		defer close(w.done)
		defer stopTicker()
		for {
			select {
			case <-ctx.Done():
				return
			case _, ok := <-ticks:
				if !ok {
					return
				}
				_ = w.Reload(ctx) // tells what goes wrong
			}
		}
	}()
	return w, nil
}

// Acquire returns the newest database and a function that must be called when
// it is not used any more; calling it again does nothing. Until then the
// database stays open. The caller must not close it. After [Watcher.Close] the
// database is nil.
func (w *Watcher) Acquire() (db *DB, release func()) { return w.current.acquire() }

// swap makes a database the current one, nil for none, and closes the old one
// if nobody uses it.
func (w *Watcher) swap(next *DB) error {
	if err := w.current.swap(next); err != nil {
		return fmt.Errorf("vulndb: close %s: %w", w.dir, err)
	}
	return nil
}

// Reload looks for a new database at once, and returns when it is in use, or
// when there is none. The error is that of [Open] or of ctx, or wraps
// [ErrClosed] after [Watcher.Close].
func (w *Watcher) Reload(ctx context.Context) error {
	w.reloading.Lock()
	defer w.reloading.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("vulndb: reload %s: %w", w.dir, err)
	}
	db, release := w.Acquire()
	release() // nobody else closes it, as that needs the lock
	if db == nil {
		return fmt.Errorf("vulndb: reload %s: %w", w.dir, ErrClosed)
	}
	next, err := newer(w.dir, db)
	switch {
	case err != nil:
	case next == nil:
		w.setErr(nil)
		return nil
	default:
		err = w.swap(next)
		db = next
	}
	w.setErr(err)
	w.reloaded(Reload{Info: db.Info(), Err: err})
	return err
}

func (w *Watcher) setErr(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

// Err returns the error of the last look for a new database, nil if that went
// well, or of closing an old one since.
func (w *Watcher) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Close stops looking for new databases, and closes the current one unless it
// is in use: then its last user does. Calling it again does nothing.
func (w *Watcher) Close() error {
	w.stop()
	<-w.done
	w.reloading.Lock()
	defer w.reloading.Unlock()
	return w.swap(nil)
}
