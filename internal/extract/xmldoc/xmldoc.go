// Package xmldoc opens XML files that tools and people on Windows write: in
// UTF-8 or UTF-16, with and without a byte order mark.
package xmldoc

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/xml"
	"io"
	"unicode/utf16"

	"github.com/imagevet/imagevet/internal/extract/bounded"
)

// Open returns a decoder of a file of at most most bytes. The error wraps
// inventory.ErrTooLarge if it is larger. Entities that the document declares
// are not known to the decoder, so that they cannot grow.
func Open(ctx context.Context, r io.Reader, most int64) (*xml.Decoder, error) {
	data, err := bounded.ReadAll(ctx, r, most)
	if err != nil {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		data = decode(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		data = decode(data[2:], binary.BigEndian)
	default:
		data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	// The names of packages are ASCII in every encoding that is in use here.
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return ascii{r}, nil }
	return d, nil
}

// decode returns UTF-16 as UTF-8.
func decode(data []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// ascii reads with "?" for what is not ASCII.
type ascii struct{ r io.Reader }

func (a ascii) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	for i := range p[:n] {
		if p[i] >= 0x80 {
			p[i] = '?'
		}
	}
	return n, err
}
