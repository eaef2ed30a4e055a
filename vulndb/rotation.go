package vulndb

import (
	"fmt"
	"sync"
)

// A rotation is the newest of several databases, one after the other. The older
// ones are closed when their last user has released them. It is safe for
// concurrent use.
type rotation struct {
	failed func(error) // told when an old database could not be closed

	mu      sync.Mutex
	current *generation // nil if there is none
}

// A generation is a database and those who use it.
type generation struct {
	db      *DB
	users   int
	retired bool // nobody else will use it
}

// acquire returns the newest database and what ends its use, which may be called
// again. The database is nil if there is none.
func (r *rotation) acquire() (db *DB, release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.current
	if g == nil {
		return nil, func() {}
	}
	g.users++
	var once sync.Once
	return g.db, func() { once.Do(func() { r.release(g) }) }
}

// release ends one use of a database, and closes it if that was the last.
func (r *rotation) release(g *generation) {
	r.mu.Lock()
	g.users--
	last := g.retired && g.users == 0
	r.mu.Unlock()
	if !last {
		return
	}
	if err := g.db.Close(); err != nil {
		r.failed(err)
	}
}

// swap makes a database the newest, nil for none. It closes the one before, if
// nobody uses it, and returns the error of that.
func (r *rotation) swap(next *DB) error {
	r.mu.Lock()
	old := r.current
	r.current = nil
	if next != nil {
		r.current = &generation{db: next}
	}
	unused := false
	if old != nil {
		old.retired = true
		unused = old.users == 0
	}
	r.mu.Unlock()
	if !unused {
		return nil
	}
	return old.db.Close()
}

// newer opens the database of a folder if it is another than db, which is nil if
// there is none.
func newer(dir string, db *DB) (*DB, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, fmt.Errorf("vulndb: reload %s: %w", dir, err)
	}
	if db != nil {
		if info := db.Info(); m.ID == info.ID && m.Built.Equal(info.Built) {
			return nil, nil
		}
	}
	return Open(dir)
}
