package tarwalk

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// A header is what a member's block says.
type header struct {
	typeflag byte
	mode     int64
	size     int64
	extended bool // an old GNU sparse map goes on in the next block
}

// parseHeader reads a block; the reason tells why it is no header.
func parseHeader(b *[blockSize]byte) (h header, reason string) {
	if !checksumOK(b) {
		return h, "wrong checksum"
	}
	var ok bool
	h.typeflag = b[156]
	if h.size, ok = parseNumber(b[124:136]); !ok || h.size < 0 {
		return h, "size is no number"
	}
	if h.size > math.MaxInt64-blockSize {
		return h, "size is too large"
	}
	if h.mode, ok = parseNumber(b[100:108]); !ok {
		return h, "mode is no number"
	}
	h.extended = b[482] != 0
	return h, ""
}

// name is the member's path: the name field, after the prefix where the format
// has one. The result lies in r.block or r.joined.
func (h header) name(r *Reader) []byte {
	name := cString(r.block[0:100])
	var prefix []byte
	switch {
	case string(r.block[257:263]) == "ustar\x00":
		prefix = r.block[345:500]
		if string(r.block[508:512]) == "tar\x00" {
			prefix = r.block[345:476] // star keeps times in the rest
		}
	case string(r.block[257:265]) == "ustar  \x00" && !isGNUTime(r.block[345:357], r.block[357:369]):
		// GNU keeps times there. Go before 1.8, and with it the Docker of its
		// day, wrote prefixes nevertheless: https://go.dev/issue/12594.
		if prefix = cString(r.block[345:500]); !isASCII(prefix) {
			prefix = nil
		}
	}
	prefix = cString(prefix)
	if len(prefix) == 0 {
		return name
	}
	r.joined = append(r.joined[:0], prefix...)
	r.joined = append(r.joined, '/')
	r.joined = append(r.joined, name...)
	return r.joined
}

// isGNUTime reports whether the fields hold numbers, if anything.
func isGNUTime(fields ...[]byte) bool {
	for _, f := range fields {
		if _, ok := parseNumber(f); f[0] != 0 && !ok {
			return false
		}
	}
	return true
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// checksumOK tells whether the block's sum is right. Some old programs summed
// signed bytes.
func checksumOK(b *[blockSize]byte) bool {
	want, ok := parseOctal(b[148:156])
	if !ok {
		return false
	}
	var sum, high int64
	for i := 0; i < blockSize; i += 8 {
		// Eight bytes at a time: the sums of neighbours side by side in one
		// word, then all of them by a multiplication into its highest part.
		x := binary.LittleEndian.Uint64(b[i:])
		pairs := x&0x00ff00ff00ff00ff + x>>8&0x00ff00ff00ff00ff
		sum += int64(pairs * 0x0001000100010001 >> 48)
		high += int64(bits.OnesCount64(x & 0x8080808080808080))
	}
	for _, c := range b[148:156] { // counts as if it were blank
		sum += ' ' - int64(c)
		high -= int64(c >> 7)
	}
	return want == sum || want == sum-256*high
}

// parseNumber reads a number in octal digits, or in base 256 if the highest bit
// is set, as GNU and star write what does not fit. Negative numbers are read as
// -1.
func parseNumber(b []byte) (int64, bool) {
	if b[0]&0x80 == 0 {
		return parseOctal(b)
	}
	if b[0]&0x40 != 0 {
		return -1, true
	}
	var n uint64
	for i, c := range b {
		if i == 0 {
			c &= 0x3f
		}
		if n > math.MaxInt64>>8 {
			return 0, false
		}
		n = n<<8 | uint64(c)
	}
	return int64(n), true
}

// parseOctal reads octal digits between blanks and zeros; nothing at all is 0.
// What follows a zero behind them does not count, as for the standard library.
func parseOctal(b []byte) (int64, bool) {
	b = cString(bytes.Trim(b, " \x00"))
	var n int64
	for _, c := range b {
		if c < '0' || c > '7' || n > math.MaxInt64>>3 {
			return 0, false
		}
		n = n<<3 | int64(c-'0')
	}
	return n, true
}

// cString is b up to the first zero byte.
func cString(b []byte) []byte {
	if before, _, ok := bytes.Cut(b, []byte{0}); ok {
		return before
	}
	return b
}

func isZero(b *[blockSize]byte) bool {
	for i := 0; i < blockSize; i += 8 {
		if binary.LittleEndian.Uint64(b[i:]) != 0 {
			return false
		}
	}
	return true
}

// overrides are what the extensions before a member's header say of it.
type overrides struct {
	set        bool // there is an extension
	path, link bool // r.path and r.link hold the member's
	gnuPath    bool // r.path is from a GNU long name, which wins over pax
	gnuLink    bool
	sparse     bool
	size       int64 // -1 if they do not say
}

// add takes in one extension; the reason tells why it cannot.
func (o *overrides) add(r *Reader, typeflag byte, body []byte) (reason string) {
	o.set = true
	switch typeflag {
	case 'L':
		if name := cString(body); len(name) > 0 {
			r.path = append(r.path[:0], name...)
			o.path, o.gnuPath = true, true
		}
	case 'K':
		if name := cString(body); len(name) > 0 {
			r.link = append(r.link[:0], name...)
			o.link, o.gnuLink = true, true
		}
	case 'x':
		// The last pax header before a member is the one that counts.
		o.path, o.link, o.sparse, o.size = o.gnuPath, o.gnuLink, false, -1
		return o.addPAX(r, body)
	}
	return ""
}

// addPAX takes in the records of a pax header, each "length key=value\n". An
// empty value takes back what an earlier record said.
func (o *overrides) addPAX(r *Reader, body []byte) (reason string) {
	sparseName := false
	for len(body) > 0 {
		key, value, rest, ok := cutRecord(body)
		if !ok {
			return "bad pax record"
		}
		body = rest
		switch string(key) {
		case "path":
			if !sparseName {
				reason = o.setPath(r, value)
			}
		case "GNU.sparse.name": // the file's own name: path is made up
			sparseName = true
			reason = o.setPath(r, value)
		case "linkpath":
			if !o.gnuLink {
				r.link = append(r.link[:0], value...)
				o.link = len(value) > 0
			}
			if bytes.IndexByte(value, 0) >= 0 {
				reason = "zero byte in pax linkpath"
			}
		case "size":
			o.size = -1
			if len(value) > 0 {
				n, err := strconv.ParseInt(string(value), 10, 64)
				if err != nil || n < 0 || n > math.MaxInt64-blockSize {
					return "pax size is no number"
				}
				o.size = n
			}
		case "GNU.sparse.major", "GNU.sparse.map", "GNU.sparse.numblocks", "GNU.sparse.size", "GNU.sparse.realsize":
			o.sparse = true
		}
		if reason != "" {
			return reason
		}
	}
	return ""
}

func (o *overrides) setPath(r *Reader, value []byte) (reason string) {
	if bytes.IndexByte(value, 0) >= 0 {
		return "zero byte in pax path"
	}
	if !o.gnuPath {
		r.path = append(r.path[:0], value...)
		o.path = len(value) > 0
	}
	return ""
}

// cutRecord takes the first record off a pax header.
func cutRecord(b []byte) (key, value, rest []byte, ok bool) {
	space := bytes.IndexByte(b, ' ')
	if space < 1 || space > 7 { // MaxSpecial has seven digits
		return nil, nil, nil, false
	}
	n := 0
	for _, c := range b[:space] {
		if c < '0' || c > '9' {
			return nil, nil, nil, false
		}
		n = n*10 + int(c-'0')
	}
	if n > len(b) || n < space+len(" =\n") || b[n-1] != '\n' {
		return nil, nil, nil, false
	}
	key, value, ok = bytes.Cut(b[space+1:n-1], []byte{'='})
	if !ok || len(key) == 0 {
		return nil, nil, nil, false
	}
	return key, value, b[n:], true
}
