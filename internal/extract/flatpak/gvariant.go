package flatpak

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
)

// A deployment is what of a deploy file is of interest.
type deployment struct {
	origin, version, license, runtime string
}

var errMalformed = errors.New("it is no GVariant of the right type")

// parseDeploy reads a GVariant of type (ssasta{sv}). What of it can be read
// is returned beside an error.
//
// A container ends in framing offsets: the ends of its members, as many bytes
// each as the container's size needs, little-endian. A tuple has one for each
// member of variable size but the last, in reverse order. Members begin at
// multiples of their alignment from the container's beginning; the containers
// here begin at multiples of 8 themselves. (GVariant specification, 2.3 and
// 2.5.)
func parseDeploy(data []byte) (deployment, error) {
	var d deployment
	offsets, width := frame(data, 3)
	if width == 0 {
		return d, errMalformed
	}
	originEnd, commitEnd, pathsEnd := offsets(0), offsets(1), offsets(2)
	members := len(data) - 3*width
	const number = 8 // bytes of the size
	values := align(pathsEnd) + number
	if originEnd > commitEnd || commitEnd > pathsEnd || pathsEnd > members || values > members {
		return d, errMalformed
	}
	d.origin, _ = text(data[:originEnd])
	return d, eachEntry(data[values:members], func(key string, value []byte) {
		var field *string
		switch key {
		case "appdata-version":
			field = &d.version
		case "appdata-license":
			field = &d.license
		case "runtime":
			field = &d.runtime
		default:
			return
		}
		// A variant is the value, a zero byte and the type.
		if value, ok := bytes.CutSuffix(value, []byte("\x00s")); ok && *field == "" {
			*field, _ = text(value)
		}
	})
}

// eachEntry calls visit for each entry of an a{sv} that can be read, and
// returns the first error. An array of members of variable size ends in the
// ends of all of them; where they begin is the last.
func eachEntry(data []byte, visit func(key string, value []byte)) error {
	if len(data) == 0 {
		return nil
	}
	offsets, width := frame(data, 1)
	if width == 0 {
		return errMalformed
	}
	table := offsets(0)
	if table > len(data) || (len(data)-table)%width != 0 {
		return errMalformed
	}
	n := (len(data) - table) / width
	offsets, _ = frame(data, n)
	var first error
	begin := 0
	for i := range n {
		// The table is in order here, while offsets counts from its end.
		end := offsets(n - 1 - i)
		begin = align(begin)
		if end < begin || end > table {
			return cmp.Or(first, fmt.Errorf("value %d is out of bounds", i))
		}
		key, value, ok := splitEntry(data[begin:end])
		if ok {
			visit(key, value)
		} else if first == nil {
			first = fmt.Errorf("value %d has no name", i)
		}
		begin = end
	}
	return first
}

// splitEntry splits an entry of type {sv}.
func splitEntry(entry []byte) (key string, value []byte, ok bool) {
	offsets, width := frame(entry, 1)
	if width == 0 {
		return "", nil, false
	}
	end, members := offsets(0), len(entry)-width
	if end > members || align(end) > members {
		return "", nil, false
	}
	key, ok = text(entry[:end])
	return key, entry[align(end):members], ok
}

// frame returns a function that returns the i-th framing offset, counted from
// the end of a container that has n of them, and how many bytes each has. The
// width is 0 if the container is too short for n.
func frame(data []byte, n int) (offset func(i int) int, width int) {
	switch size := len(data); {
	case size == 0:
		return nil, 0
	case size <= 0xff:
		width = 1
	case size <= 0xffff:
		width = 2
	default: // files are not so large that 8 are needed
		width = 4
	}
	if n > len(data)/width {
		return nil, 0
	}
	return func(i int) int {
		at := len(data) - (i+1)*width
		value := 0
		for j := width - 1; j >= 0; j-- {
			if value > maxFile {
				break // beyond every container already
			}
			value = value<<8 | int(data[at+j])
		}
		return value
	}, width
}

// align rounds up to a multiple of 8.
func align(n int) int { return (n + 7) &^ 7 }

// text returns a string without the zero byte at its end. It reports false if
// that is missing or there is another one.
func text(data []byte) (string, bool) {
	s, ok := bytes.CutSuffix(data, []byte{0})
	if !ok || bytes.IndexByte(s, 0) >= 0 {
		return "", false
	}
	return string(s), true
}
