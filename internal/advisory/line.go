package advisory

import (
	"bufio"
	"bytes"
)

// ReadLine reads a line, without blanks around it, and returns its size as
// well. It reports a line of more than limit bytes as too long.
func ReadLine(in *bufio.Reader, limit int) (line []byte, tooLong bool, size int64, err error) {
	for {
		part, err := in.ReadSlice('\n')
		size += int64(len(part))
		if tooLong = tooLong || len(line)+len(part) > limit+2; !tooLong { // a line end does not count
			line = append(line, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		line = bytes.TrimSpace(line)
		if tooLong || len(line) > limit {
			return nil, true, size, err
		}
		return line, false, size, err
	}
}
