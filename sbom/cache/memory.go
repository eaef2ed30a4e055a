package cache

import (
	"container/list"
	"context"
	"fmt"
	"sync"
)

// entryOverhead is about what an entry takes beside its key and value.
const entryOverhead = 200

// A Memory is a cache in memory. It is safe for concurrent use.
type Memory struct {
	max int64

	mu      sync.Mutex
	size    int64
	entries map[string]*list.Element // of *entry
	order   list.List                // the one that was asked for last in front
}

type entry struct {
	key   string
	value []byte
}

func (e *entry) size() int64 { return int64(len(e.key)) + int64(len(e.value)) + entryOverhead }

// NewMemory returns an empty cache that holds up to max bytes. An entry larger
// than that is not kept.
func NewMemory(max int64) (*Memory, error) {
	if max < 1 {
		return nil, fmt.Errorf("cache: NewMemory(%d): must be at least 1", max)
	}
	return &Memory{max: max, entries: map[string]*list.Element{}}, nil
}

// Get returns the value of a key, nil if there is none. It must not be changed.
func (m *Memory) Get(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	if !ok {
		return nil, nil
	}
	m.order.MoveToFront(e)
	return e.Value.(*entry).value, nil
}

// Put keeps a value, which must not be changed afterwards.
func (m *Memory) Put(ctx context.Context, key string, value []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e := &entry{key, value}
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.entries[key]; ok {
		m.drop(old)
	}
	if e.size() > m.max {
		return nil
	}
	m.entries[key] = m.order.PushFront(e)
	m.size += e.size()
	for m.size > m.max {
		m.drop(m.order.Back())
	}
	return nil
}

func (m *Memory) drop(at *list.Element) {
	e := m.order.Remove(at).(*entry)
	delete(m.entries, e.key)
	m.size -= e.size()
}

// Info tells what is in the cache.
func (m *Memory) Info() Info {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Info{Entries: len(m.entries), Bytes: m.size}
}

// Clear drops all entries.
func (m *Memory) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.order.Init()
	clear(m.entries)
	m.size = 0
}

// An Info tells what is in a cache.
type Info struct {
	Entries int
	Bytes   int64 // that they take
}
