package vulndb

import (
	"io"
	"os"
	"sync"

	"github.com/imagevet/imagevet/internal/durable"
)

// spillMemory is how much a spill keeps in memory, in bytes; spillChunk is how
// much of it is allocated at once.
const (
	spillMemory = 32 << 20
	spillChunk  = 1 << 20
)

// A spill keeps what was made of records until their order is known: the first
// part of it in memory, the rest in a temporary file of the database folder,
// so that memory does not grow with the number of advisories.
type spill struct {
	dir   string
	limit int64

	mu     sync.Mutex
	chunks [][]byte
	file   *os.File
	size   int64 // of the file
	err    error
}

// add keeps b and returns where it is: a place in the file, or below 0 one in
// memory. It is safe for concurrent use.
func (s *spill) add(b []byte) (at int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	if len(b) <= spillChunk {
		n := len(s.chunks)
		if n > 0 && len(s.chunks[n-1])+len(b) <= spillChunk {
			return s.keep(b), nil
		}
		if int64(n+1)*spillChunk <= s.limit {
			s.chunks = append(s.chunks, make([]byte, 0, spillChunk))
			return s.keep(b), nil
		}
	}
	if s.file == nil {
		if s.file, s.err = durable.Create(s.dir); s.err != nil {
			return 0, s.err
		}
	}
	at = s.size
	n, err := s.file.Write(b)
	s.size += int64(n)
	s.err = err
	return at, err
}

// keep puts b into the last chunk.
func (s *spill) keep(b []byte) int64 {
	last := &s.chunks[len(s.chunks)-1]
	at := int64(len(s.chunks)-1)*spillChunk + int64(len(*last))
	*last = append(*last, b...)
	return -1 - at
}

// read reads size bytes that add kept, into *buf, which grows as need be. It is
// safe for concurrent use, but not with add.
func (s *spill) read(buf *[]byte, at int64, size int) ([]byte, error) {
	if at < 0 {
		at = -1 - at
		return s.chunks[at/spillChunk][at%spillChunk:][:size], nil
	}
	if cap(*buf) < size {
		*buf = make([]byte, size)
	}
	b := (*buf)[:size]
	if n, err := s.file.ReadAt(b, at); n < size {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return b, nil
}

// close removes the file.
func (s *spill) close() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
	}
}
