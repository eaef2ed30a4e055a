package tarwalk

import "io"

const (
	blockSize    = 512
	streamBuffer = 64 << 10
)

// padding is the number of bytes from the end of a member of size bytes to the
// next block.
func padding(size int64) int64 { return -size & (blockSize - 1) }

// A stream reads a reader through a buffer of its own.
type stream struct {
	r        io.Reader
	buf      []byte
	from, to int // the part of buf that is filled
	off      int64
	err      error // of r, kept until the buffer is used up
}

// fill reads more into an empty or partly filled buffer.
func (s *stream) fill() error {
	if s.err != nil {
		return s.err
	}
	if s.from == s.to {
		s.from, s.to = 0, 0
	}
	for range 100 { // like bufio, no endless loop over a reader that gives nothing
		n, err := s.r.Read(s.buf[s.to:])
		if n < 0 || n > len(s.buf)-s.to {
			n, err = 0, io.ErrNoProgress // a broken reader
		}
		s.to += n
		s.err = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	s.err = io.ErrNoProgress
	return s.err
}

func (s *stream) readFull(p []byte) error {
	for done := 0; done < len(p); {
		if s.from == s.to {
			if err := s.fill(); err != nil {
				if err == io.EOF && done > 0 {
					err = io.ErrUnexpectedEOF
				}
				return err
			}
		}
		n := copy(p[done:], s.buf[s.from:s.to])
		s.from += n
		s.off += int64(n)
		done += n
	}
	return nil
}

func (s *stream) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if s.from == s.to {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.buf[s.from:s.to])
	s.from += n
	s.off += int64(n)
	return n, nil
}

func (s *stream) skip(n int64) error {
	for n > 0 {
		if s.from == s.to {
			if err := s.fill(); err != nil {
				return noEOF(err)
			}
		}
		step := min(n, int64(s.to-s.from))
		s.from += int(step)
		s.off += step
		n -= step
	}
	return nil
}

func (s *stream) offset() int64 { return s.off }

// A file reads the first size bytes of a file where it wants.
type file struct {
	r         io.ReaderAt
	off, size int64
}

func (f *file) readFull(p []byte) error {
	if f.off >= f.size {
		return io.EOF
	}
	if int64(len(p)) > f.size-f.off {
		return io.ErrUnexpectedEOF
	}
	n, err := f.r.ReadAt(p, f.off)
	f.off += int64(n)
	if n == len(p) {
		return nil
	}
	return noEOF(err) // the file has become shorter
}

func (f *file) read(p []byte) (int, error) {
	if f.off >= f.size {
		return 0, io.EOF
	}
	n, err := f.r.ReadAt(p[:min(int64(len(p)), f.size-f.off)], f.off)
	f.off += int64(n)
	if n > 0 {
		return n, nil
	}
	return 0, err
}

func (f *file) skip(n int64) error {
	if n > f.size-f.off {
		f.off = f.size
		return io.ErrUnexpectedEOF
	}
	f.off += n
	return nil
}

func (f *file) offset() int64 { return f.off }
