package sbom

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imagevet/imagevet/internal/layer"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A Cache keeps what was found in layers, so that a layer which several images
// share is read once. Package sbom/cache has one in memory and one in a folder;
// a few lines make one of a key-value store.
//
// A key is of lower-case letters, digits and "-", and at most 80 bytes long. A
// value is never empty, never longer than [MaxCacheValue], and always the same
// for one key, so entries need never be replaced or expire; those that are not
// asked for any more can be dropped at any time. There is about one for each layer,
// of some 20 bytes for each file in the layer and a few hundred for each package,
// which can be compressed well. A value that is returned damaged,
// or is that of another key, is noticed and the layer read.
//
// Whoever can write to a cache decides what is found in images: values are
// checked for damage, not for who made them.
//
// The methods are called by many goroutines at once. An error never fails a
// scan: it is logged and counted in [CacheStats], and after three of them in one
// scan the cache is not asked any more in that scan. A method must return when
// ctx ends, and should have a time limit of its own: reading waits for it.
type Cache interface {
	// Get returns the value of a key, and nil if there is none. The value must
	// not be changed afterwards.
	Get(ctx context.Context, key string) ([]byte, error)
	// Put keeps a value, which it must not change.
	Put(ctx context.Context, key string, value []byte) error
}

// MaxCacheValue is the length in bytes up to which values are kept in a cache:
// 64 MiB, what a layer of some millions of files needs.
const MaxCacheValue = layer.MaxEntry

// WithCache sets where the facts of layers are kept. A layer that the cache knows
// is not opened. It knows a layer by the digest of the stored layer together with
// the diff ID, as the image states them, or by the diff ID alone where the image
// has no digest, as in archives of "docker save"; by the version of the program;
// by the names, versions and patterns of the extractors; and by the options that
// make a difference.
//
// Only layers are kept that were read to the end and had the digest that the
// image states; see [WithVerifiedLayers] for plain archives on disk. Folders are
// always read. The default is to keep nothing.
func WithCache(c Cache) Option {
	return func(cfg *config) error {
		if c == nil {
			return errors.New("sbom: WithCache(nil): leave the option out to keep nothing")
		}
		cfg.cache = c
		return nil
	}
}

// WithVerifiedLayers reads plain layers of an archive on disk to their end and
// compares their digest with the one that the image states, as it is done with
// all other layers. By default they are read only where a file is wanted, which
// is much faster, but proves nothing; a [Cache] does not keep them then. The
// default is false.
func WithVerifiedLayers(verify bool) Option {
	return func(c *config) error {
		c.verify = verify
		return nil
	}
}

// WithLogger sets where trouble with the cache is told, at the level Warn. The
// default discards everything.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		if l == nil {
			return errors.New("sbom: WithLogger(nil)")
		}
		c.log = l
		return nil
	}
}

// CacheStats count what a [Generator] has asked of its cache since it was made.
// They are of the past already when they are returned.
type CacheStats struct {
	// Hits are layers that the cache knew, Misses those that it did not.
	Hits, Misses int64
	// Shared are layers that needed no reading since another scan of the
	// Generator read them at the same time. There are some without a cache too.
	Shared int64
	// Rejected are values that were damaged or of another key; each is a miss too.
	Rejected int64
	// Errors are calls of the cache that failed.
	Errors int64
}

// CacheStats tells how useful the cache is.
func (g *Generator) CacheStats() CacheStats {
	c := &g.store.counts
	return CacheStats{
		Hits: c.hits.Load(), Misses: c.misses.Load(), Shared: c.shared.Load(),
		Rejected: c.rejected.Load(), Errors: c.errors.Load(),
	}
}

// A layerStore remembers layers: in a cache, if there is one, and those that are
// being read at this moment.
type layerStore struct {
	cache      Cache // may be nil
	log        *slog.Logger
	base       [sha256.Size]byte // of all that facts depend on besides the layer
	extractors int
	counts     struct{ hits, misses, shared, rejected, errors atomic.Int64 }

	mu      sync.Mutex
	flights map[layer.Key]*flight
}

func newLayerStore(cfg *config, router *layer.Router) (*layerStore, error) {
	schema, err := layer.Schema()
	if err != nil {
		return nil, err
	}
	var b []byte
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	text(schema)
	text(buildStamp())
	b = binary.AppendVarint(b, cfg.memory)
	b = binary.AppendUvarint(b, uint64(len(cfg.rules)))
	for _, rule := range cfg.rules {
		text(rule)
	}
	for _, e := range router.Extractors() {
		text(e.Name())
		b = binary.AppendVarint(b, int64(e.Version()))
		patterns := e.Patterns()
		b = binary.AppendUvarint(b, uint64(len(patterns)))
		for _, p := range patterns {
			text(p.Glob)
			text(fmt.Sprint(p.Executable))
		}
	}
	return &layerStore{
		cache: cfg.cache, log: cfg.log, base: sha256.Sum256(b), extractors: len(router.Extractors()),
		flights: map[layer.Key]*flight{},
	}, nil
}

// modulePath is that of this module.
const modulePath = "github.com/imagevet/imagevet"

// buildStamp tells builds of this module apart, as far as the Go command has
// noted what they were made of: facts of another release are not used even where
// somebody forgot to raise the version of an extractor.
func buildStamp() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path != modulePath {
			continue
		}
		var stamp strings.Builder
		stamp.WriteString(m.Version + " " + m.Sum)
		if m.Replace != nil {
			stamp.WriteString(" " + m.Replace.Path + " " + m.Replace.Version + " " + m.Replace.Sum)
		}
		if m == &info.Main {
			for _, s := range info.Settings {
				if strings.HasPrefix(s.Key, "vcs.") {
					stamp.WriteString(" " + s.Value)
				}
			}
		}
		return stamp.String()
	}
	return ""
}

// key returns the key of a layer, or of the files of a wish in it. It is false
// if nothing proves what the layer holds.
func (s *layerStore) key(info Layer, wish layer.Wish) (layer.Key, bool) {
	if !strings.HasPrefix(info.Digest, "sha256:") && !strings.HasPrefix(info.DiffID, "sha256:") {
		return layer.Key{}, false
	}
	b := s.base[:]
	for _, text := range []string{info.Digest, info.DiffID} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	return sha256.Sum256(wish.AppendTo(b)), true
}

// name is how a cache knows a key.
func cacheName(key layer.Key) string { return "imagevet-" + hex.EncodeToString(key[:]) }

// maxFailures is how often a cache may fail in one scan before it is let alone.
const maxFailures = 3

// A session is the use of a layerStore by one scan.
type session struct {
	*layerStore
	failures atomic.Int32
}

func (s *session) usable() bool { return s.cache != nil && s.failures.Load() < maxFailures }

func (s *session) failed(ctx context.Context, what string, key layer.Key, err error) {
	if ctx.Err() != nil {
		return // it is the scan that ended
	}
	s.counts.errors.Add(1)
	n := s.failures.Add(1)
	s.log.WarnContext(ctx, "the layer cache failed", slog.String("call", what), slog.String("key", cacheName(key)),
		slog.Any("error", err), slog.Bool("given_up", n >= maxFailures))
}

// lookup returns what the cache knows of a layer, or nil.
func (s *session) lookup(ctx context.Context, key layer.Key) (*layer.Facts, []byte) {
	if !s.usable() {
		return nil, nil
	}
	data, err := s.cache.Get(ctx, cacheName(key))
	if err != nil {
		s.failed(ctx, "Get", key, err)
	}
	if err != nil || data == nil {
		s.counts.misses.Add(1)
		return nil, nil
	}
	facts, err := layer.Decode(key, data, s.extractors)
	if err != nil {
		s.counts.rejected.Add(1)
		s.counts.misses.Add(1)
		s.log.WarnContext(ctx, "an entry of the layer cache is of no use", slog.String("key", cacheName(key)), slog.Any("error", err))
		return nil, nil
	}
	s.counts.hits.Add(1)
	return facts, data
}

// put keeps an entry.
func (s *session) put(ctx context.Context, key layer.Key, data []byte) {
	if !s.usable() || ctx.Err() != nil {
		return
	}
	if err := s.cache.Put(ctx, cacheName(key), data); err != nil {
		s.failed(ctx, "Put", key, err)
	}
}

// A flight is a layer that a scan looks up or reads at this moment, for which
// others wait.
type flight struct {
	read    atomic.Int64 // bytes so far
	waiters int          // guarded by layerStore.mu
	done    chan struct{}
	once    sync.Once
	// What follows is set before done is closed. Without an entry the one that
	// waits has to read the layer itself: if alone is set without telling others,
	// as none can share it.
	entry []byte
	alone bool
}

func (f *flight) land(entry []byte, alone bool) {
	f.once.Do(func() {
		f.entry, f.alone = entry, alone
		close(f.done)
	})
}

// A reader that gets less than stallBytes in stallTime may be served by somebody
// who wants to hold up others; they then read by themselves.
const (
	stallTime  = 5 * time.Second
	stallBytes = 256 << 10
)

// wait waits for a flight to land. It reports false if the flight makes no headway,
// or ctx ends.
func (f *flight) wait(ctx context.Context) bool {
	select {
	case <-f.done:
		return true
	default:
	}
	tick := time.NewTicker(stallTime)
	defer tick.Stop()
	for before := f.read.Load(); ; {
		select {
		case <-f.done:
			return true
		case <-ctx.Done():
			return false
		case <-tick.C:
			now := f.read.Load()
			if now-before < stallBytes {
				return false
			}
			before = now
		}
	}
}

// join returns the flight of a key, and whether the caller has to make it.
func (s *layerStore) join(key layer.Key) (f *flight, lead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.flights[key]; ok {
		f.waiters++
		return f, false
	}
	f = &flight{done: make(chan struct{})}
	s.flights[key] = f
	return f, true
}

// leave takes a flight off the list, and reports whether somebody waits for it.
func (s *layerStore) leave(key layer.Key, f *flight) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flights[key] == f {
		delete(s.flights, key)
	}
	return f.waiters > 0
}

// facts returns the facts of a layer: of the cache, of another scan that reads it
// at this moment, or read. It reports whether reading was not needed. With look
// false the cache has been asked before.
func (s *session) facts(ctx context.Context, key layer.Key, look bool, read func(*flight) (*layer.Facts, error)) (facts *layer.Facts, known bool, err error) {
	for {
		f, lead := s.join(key)
		if lead {
			return s.lead(ctx, f, key, look, read)
		}
		landed := f.wait(ctx)
		if ctx.Err() != nil {
			return nil, false, context.Cause(ctx)
		}
		if !landed || f.alone {
			facts, err = read(nil)
			return facts, false, err
		}
		if f.entry == nil {
			continue // the other scan failed, which tells nothing of this one
		}
		if facts, err = layer.Decode(key, f.entry, s.extractors); err == nil {
			s.counts.shared.Add(1)
			return facts, true, nil
		}
		facts, err = read(nil)
		return facts, false, err
	}
}

// lead looks up or reads a layer for all who wait for it.
func (s *session) lead(ctx context.Context, f *flight, key layer.Key, look bool, read func(*flight) (*layer.Facts, error)) (*layer.Facts, bool, error) {
	defer func() { // also if an extractor panics
		s.leave(key, f)
		f.land(nil, false)
	}()
	if look {
		if facts, data := s.lookup(ctx, key); facts != nil {
			f.land(data, false)
			return facts, true, nil
		}
	}
	facts, err := read(f)
	if err != nil {
		return nil, false, err
	}
	if !facts.Verified {
		f.land(nil, true)
		return facts, false, nil
	}
	if !s.usable() && !s.leave(key, f) {
		return facts, false, nil // nobody wants it
	}
	entry, err := layer.Encode(key, facts)
	if err != nil {
		if !errors.Is(err, inventory.ErrTooLarge) {
			s.failed(ctx, "encode", key, err)
		}
		f.land(nil, true)
		return facts, false, nil
	}
	f.land(entry, false)
	s.put(ctx, key, entry)
	return facts, false, nil
}
