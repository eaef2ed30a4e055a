package dbfile

import (
	"encoding/binary"
	"errors"
)

// errShort says that data ends before what it announces.
var errShort = errors.New("data ends too early")

// AppendUint appends x as an unsigned varint (package encoding/binary).
func AppendUint(b []byte, x uint64) []byte { return binary.AppendUvarint(b, x) }

// AppendInt appends x as a zig-zag varint (package encoding/binary).
func AppendInt(b []byte, x int64) []byte { return binary.AppendVarint(b, x) }

// AppendString appends the length of s as an unsigned varint, then s.
func AppendString[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// A Decoder reads what the Append functions wrote. After the first error it
// gives zero values only, and Err tells. The zero value is an empty decoder.
type Decoder struct {
	b   []byte
	err error
}

// NewDecoder returns a decoder of b, which must not change while it is used.
func NewDecoder(b []byte) Decoder { return Decoder{b: b} }

// Err returns the first error.
func (d *Decoder) Err() error { return d.err }

// Len is the number of bytes left, 0 after an error.
func (d *Decoder) Len() int { return len(d.b) }

func (d *Decoder) fail() {
	d.b, d.err = nil, errShort
}

// Uint reads an unsigned varint.
func (d *Decoder) Uint() uint64 {
	x, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return x
}

// Int reads a zig-zag varint.
func (d *Decoder) Int() int64 {
	x, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return x
}

// Count reads an unsigned varint that tells how many items follow, each at
// least one byte long: more than there are bytes is an error, so that a count
// can be trusted in an allocation.
func (d *Decoder) Count() int {
	x := d.Uint()
	if x > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(x)
}

// Byte reads one byte.
func (d *Decoder) Byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	x := d.b[0]
	d.b = d.b[1:]
	return x
}

// Bytes reads what AppendString wrote. The result is part of the decoder's
// data.
func (d *Decoder) Bytes() []byte {
	n := d.Count()
	x := d.b[:n:n]
	d.b = d.b[n:]
	return x
}

// String reads what AppendString wrote, as a copy.
func (d *Decoder) String() string { return string(d.Bytes()) }
