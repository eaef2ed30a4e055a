package sbom

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// Progress says how far [Generate] is.
type Progress = inventory.Progress

// A SizedImage is an [Image] that knows how large its layers are. Only
// [WithProgress] makes use of it.
type SizedImage interface {
	Image
	// LayerSize is the size in bytes of the i'th layer as it is stored or sent,
	// and -1 if it is not known.
	LayerSize(i int) int64
}

// WithProgress sets what is told how far the reading of an image is: at the
// start and the end of each stage, and at most every 50 milliseconds between.
// The calls for one image come one after the other, from any goroutine; those
// for several images that are read at the same time can come together. Reading
// goes on in other goroutines during a call, but the one that makes it waits, so
// it should be quick. The default is nothing.
func WithProgress(f func(Progress)) Option {
	return func(c *config) error {
		c.progress = f
		return nil
	}
}

// progressPause is how long nothing is told after something was.
const progressPause = 50 * time.Millisecond

// A tracker counts what is read of an image and tells of it. A nil tracker does
// nothing.
type tracker struct {
	tell   func(Progress)
	target string
	sizes  []int64 // of the layers, -1 if unknown
	total  int64   // of sizes, -1 if one is unknown

	done         atomic.Int64
	read, cached atomic.Int64
	last         atomic.Int64 // when something was told, in nanoseconds of Unix time
	telling      sync.Mutex
}

// newTracker returns nil if nobody is to be told.
func newTracker(tell func(Progress), img Image, layers int) *tracker {
	if tell == nil {
		return nil
	}
	t := &tracker{tell: tell, target: img.Target().Name, sizes: make([]int64, layers)}
	sized, ok := img.(SizedImage)
	for i := range t.sizes {
		t.sizes[i] = -1
		if ok {
			t.sizes[i] = sized.LayerSize(i)
		}
		if t.sizes[i] < 0 || t.total < 0 {
			t.total = -1
			continue
		}
		t.total += t.sizes[i]
	}
	return t
}

// stage tells that a stage begins or is complete.
func (t *tracker) stage(name string) {
	if t == nil {
		return
	}
	t.telling.Lock()
	defer t.telling.Unlock()
	t.tell(t.now(name))
}

func (t *tracker) now(stage string) Progress {
	p := Progress{Target: t.target, Stage: stage}
	if stage == inventory.StageLayers {
		p.Layers, p.Read, p.Cached = len(t.sizes), int(t.read.Load()), int(t.cached.Load())
		p.Done, p.Total = t.done.Load(), t.total
		if p.Total >= 0 {
			p.Done = min(p.Done, p.Total)
		}
	}
	return p
}

// add counts n bytes of a layer.
func (t *tracker) add(n int64) {
	t.done.Add(n)
	t.mayTell()
}

// mayTell tells of layers, unless it has been told just now or is being told.
func (t *tracker) mayTell() {
	now := time.Now().UnixNano()
	if now-t.last.Load() < int64(progressPause) || !t.telling.TryLock() {
		return
	}
	defer t.telling.Unlock()
	t.tell(t.now(inventory.StageLayers))
	t.last.Store(time.Now().UnixNano())
}

// finish counts a layer that is done, of which n bytes were counted before.
func (t *tracker) finish(i int, n int64, cached bool) {
	if t == nil {
		return
	}
	if t.sizes[i] > n {
		t.done.Add(t.sizes[i] - n)
	}
	t.read.Add(1)
	if cached {
		t.cached.Add(1)
	}
	t.mayTell()
}

// A meter counts what is read of one layer.
type meter struct {
	io.Reader
	tracker *tracker
	flight  *flight
	n       atomic.Int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.count(n)
	return n, err
}

func (m *meter) count(n int) {
	m.n.Add(int64(n))
	if m.flight != nil {
		m.flight.read.Add(int64(n))
	}
	if m.tracker != nil {
		m.tracker.add(int64(n))
	}
}

// randomAccess is what a layer offers that can be read at any position.
type randomAccess interface {
	io.Reader
	io.ReaderAt
	Size() int64
}

// A seekMeter is a meter of a layer that can be read at any position.
type seekMeter struct {
	*meter
	at randomAccess
}

func (m seekMeter) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.at.ReadAt(p, off)
	m.count(n)
	return n, err
}

func (m seekMeter) Size() int64 { return m.at.Size() }
