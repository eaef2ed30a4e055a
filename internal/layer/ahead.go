package layer

import (
	"io"
	"sync"
)

// An aheadReader reads another reader in a goroutine, up to two buffers ahead
// of who reads it, so that inflating a layer and looking at what is in it can
// happen at the same time.
type aheadReader struct {
	full chan chunk // read but not yet looked at
	free chan []byte
	quit chan struct{}
	done sync.WaitGroup

	cur  chunk
	rest []byte // of cur
}

type chunk struct {
	buf []byte
	n   int
	err error // behind the buffer's n bytes
}

const (
	aheadBuffers = 3
	aheadSize    = 128 << 10
)

// readAhead starts reading r. Stop must be called.
func readAhead(r io.Reader) *aheadReader {
	a := &aheadReader{
		full: make(chan chunk, aheadBuffers),
		free: make(chan []byte, aheadBuffers),
		quit: make(chan struct{}),
	}
	for range aheadBuffers {
		a.free <- make([]byte, aheadSize)
	}
	a.done.Go(func() { a.run(r) })
	return a
}

func (a *aheadReader) run(r io.Reader) {
	for {
		var buf []byte
		select {
		case buf = <-a.free:
		case <-a.quit:
			return
		}
		n, err := fill(r, buf)
		a.full <- chunk{buf, n, err} // has room for all buffers
		if err != nil {
			return
		}
	}
}

// fill reads until buf is full or there is an error.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for empty := 0; n < len(buf) && err == nil; {
		var m int
		m, err = r.Read(buf[n:])
		n += m
		if empty++; m > 0 {
			empty = 0
		} else if empty == 100 { // as bufio, no endless loop
			err = io.ErrNoProgress
		}
	}
	return n, err
}

func (a *aheadReader) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.cur.err != nil {
			return 0, a.cur.err
		}
		if a.cur.buf != nil {
			a.free <- a.cur.buf
		}
		a.cur = <-a.full
		a.rest = a.cur.buf[:a.cur.n]
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// stop ends the goroutine and waits for it.
func (a *aheadReader) stop() {
	close(a.quit)
	a.done.Wait()
}
