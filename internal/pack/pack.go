// Package pack turns plain Go values into few bytes and back.
//
// A [Codec] is made once for a type: structs of exported fields, slices, maps
// from strings to strings, pointers to structs, strings, booleans and
// integers. Fields that are zero take no room, and each text is stored once,
// however often it occurs. Equal values give equal bytes, and nil slices and
// maps stay apart from empty ones.
//
// The bytes can be read by a codec of the same type only: [Codec.Schema] tells
// whether a type is still the same. They carry no checksum. Damaged or hostile
// bytes give an error or a wrong value, never a panic, and what is decoded takes
// no more than a bounded multiple of memory.
//
// The layout, with all numbers as varints of encoding/binary:
//
//	number of texts, length of each in bytes, the texts one after the other
//	the value: of a struct a bit mask of its fields that are not zero, and
//	these; of a slice or map nothing for nil, its length plus 1, and its
//	elements, of a map sorted by key; of a text its index; of a pointer 1 and
//	the value, or 0
package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// ErrDamaged is the cause where bytes were not written by a codec of the type.
var ErrDamaged = errors.New("pack: damaged")

// MaxDecoded is the most memory, in bytes, that a decoded value may take: 1 GiB.
const MaxDecoded = 1 << 30

// maxDepth is how deep types may be nested.
const maxDepth = 20

// A Codec encodes and decodes values of type T. It is safe for concurrent use.
type Codec[T any] struct {
	plan   *plan
	schema string
}

// New makes a codec. The error is for a type that cannot be encoded.
func New[T any]() (*Codec[T], error) {
	var schema strings.Builder
	p, err := newPlan(reflect.TypeFor[T](), &schema, 0)
	if err != nil {
		return nil, err
	}
	return &Codec[T]{p, schema.String()}, nil
}

// Schema describes the type. It changes whenever bytes of before cannot be read
// any more.
func (c *Codec[T]) Schema() string { return c.schema }

// Append appends the encoded value to dst.
func (c *Codec[T]) Append(dst []byte, value *T) []byte {
	e := encoder{index: map[string]uint64{}}
	c.plan.encode(&e, reflect.ValueOf(value).Elem())
	dst = binary.AppendUvarint(dst, uint64(len(e.texts)))
	for _, t := range e.texts {
		dst = binary.AppendUvarint(dst, uint64(len(t)))
	}
	for _, t := range e.texts {
		dst = append(dst, t...)
	}
	return append(dst, e.body...)
}

// Decode sets value, which must be zero, to what data holds. Texts share one
// copy of those in data. The error wraps [ErrDamaged].
func (c *Codec[T]) Decode(data []byte, value *T) error {
	d := decoder{data: data, memory: MaxDecoded}
	d.readTexts()
	c.plan.decode(&d, reflect.ValueOf(value).Elem())
	if d.err == nil && len(d.data) > 0 {
		d.fail("%d bytes too many", len(d.data))
	}
	if d.err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, d.err)
	}
	return nil
}

// A plan is how a type is encoded.
type plan struct {
	encode func(*encoder, reflect.Value)
	decode func(*decoder, reflect.Value)
}

type encoder struct {
	body  []byte
	texts []string
	index map[string]uint64 // in texts
}

func (e *encoder) number(n uint64) { e.body = binary.AppendUvarint(e.body, n) }

func (e *encoder) text(s string) {
	i, ok := e.index[s]
	if !ok {
		i = uint64(len(e.texts))
		e.index[s] = i
		e.texts = append(e.texts, s)
	}
	e.number(i)
}

// A decoder reads from the front of data. Once there is an error it stays, and
// everything read is zero.
type decoder struct {
	data   []byte
	texts  []string
	memory int64 // left to allocate
	err    error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

func (d *decoder) number() uint64 {
	if len(d.data) > 0 && d.data[0] < 0x80 && d.err == nil {
		n := uint64(d.data[0])
		d.data = d.data[1:]
		return n
	}
	n, size := binary.Uvarint(d.data)
	if d.err != nil || size <= 0 {
		d.fail("a bad number")
		return 0
	}
	d.data = d.data[size:]
	return n
}

// count reads the number of things that take at least one byte each, and size
// bytes of memory.
func (d *decoder) count(size uintptr) int {
	n := d.number()
	if n > uint64(len(d.data)) {
		d.fail("%d things in %d bytes", n, len(d.data))
		return 0
	}
	d.take(int64(n), size)
	if d.err != nil {
		return 0
	}
	return int(n)
}

// take takes memory for n things of size bytes. n must be no more than the bytes
// of data.
func (d *decoder) take(n int64, size uintptr) {
	if n > 0 && int64(size) > d.memory/n {
		d.fail("more than %d bytes when decoded", MaxDecoded)
		return
	}
	d.memory -= n * int64(size)
}

func (d *decoder) readTexts() {
	n := d.count(reflect.TypeFor[string]().Size())
	lengths := make([]int, n)
	total := 0
	for i := range lengths {
		size := d.number()
		if size > uint64(len(d.data)) {
			d.fail("a text of %d bytes", size)
		} else if total += int(size); total > len(d.data) { // which gets shorter on the way
			d.fail("texts of %d bytes", total)
		}
		if d.err != nil {
			return
		}
		lengths[i] = int(size)
	}
	if total > len(d.data) {
		d.fail("texts of %d bytes", total)
		return
	}
	all := string(d.data[:total])
	d.data = d.data[total:]
	d.texts = make([]string, n)
	for i, size := range lengths {
		d.texts[i], all = all[:size], all[size:]
	}
}

func (d *decoder) text() string {
	i := d.number()
	if i >= uint64(len(d.texts)) {
		d.fail("text %d of %d", i, len(d.texts))
		return ""
	}
	return d.texts[i]
}

func newPlan(t reflect.Type, schema *strings.Builder, depth int) (*plan, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("pack: %v: nested too deep", t)
	}
	switch t.Kind() {
	case reflect.String:
		schema.WriteString("s")
		return &plan{
			func(e *encoder, v reflect.Value) { e.text(v.String()) },
			func(d *decoder, v reflect.Value) { v.SetString(d.text()) },
		}, nil
	case reflect.Bool:
		schema.WriteString("b")
		return &plan{
			func(e *encoder, v reflect.Value) {
				if v.Bool() {
					e.number(1)
				} else {
					e.number(0)
				}
			},
			func(d *decoder, v reflect.Value) { v.SetBool(d.number() != 0) },
		}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		fmt.Fprintf(schema, "i%d", t.Bits())
		return &plan{
			func(e *encoder, v reflect.Value) { e.body = binary.AppendVarint(e.body, v.Int()) },
			func(d *decoder, v reflect.Value) {
				u := d.number()
				n := int64(u >> 1) // as binary.Varint
				if u&1 != 0 {
					n = ^n
				}
				if v.OverflowInt(n) {
					d.fail("number %d", n)
					return
				}
				v.SetInt(n)
			},
		}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		fmt.Fprintf(schema, "u%d", t.Bits())
		return &plan{
			func(e *encoder, v reflect.Value) { e.number(v.Uint()) },
			func(d *decoder, v reflect.Value) {
				n := d.number()
				if v.OverflowUint(n) {
					d.fail("number %d", n)
					return
				}
				v.SetUint(n)
			},
		}, nil
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			schema.WriteString("B")
			return &plan{encodeBytes, decodeBytes}, nil
		}
		return slicePlan(t, schema, depth)
	case reflect.Map:
		if t.Key().Kind() == reflect.String && t.Elem().Kind() == reflect.String {
			schema.WriteString("m")
			return mapPlan(t), nil
		}
	case reflect.Pointer:
		if t.Elem().Kind() == reflect.Struct {
			return pointerPlan(t, schema, depth)
		}
	case reflect.Struct:
		return structPlan(t, schema, depth)
	}
	return nil, fmt.Errorf("pack: %v cannot be encoded", t)
}

func encodeBytes(e *encoder, v reflect.Value) {
	if v.IsNil() {
		e.number(0)
		return
	}
	b := v.Bytes()
	e.number(uint64(len(b)) + 1)
	e.body = append(e.body, b...)
}

func decodeBytes(d *decoder, v reflect.Value) {
	n := d.number()
	if n == 0 {
		return
	}
	if n--; n > uint64(len(d.data)) {
		d.fail("%d bytes of %d", n, len(d.data))
		return
	}
	v.SetBytes(slices.Clone(d.data[:n:n]))
	if v.IsNil() {
		v.SetBytes([]byte{})
	}
	d.data = d.data[n:]
}

func slicePlan(t reflect.Type, schema *strings.Builder, depth int) (*plan, error) {
	schema.WriteString("[")
	elem, err := newPlan(t.Elem(), schema, depth+1)
	if err != nil {
		return nil, err
	}
	schema.WriteString("]")
	size := t.Elem().Size()
	return &plan{
		func(e *encoder, v reflect.Value) {
			if v.IsNil() {
				e.number(0)
				return
			}
			e.number(uint64(v.Len()) + 1)
			for i := range v.Len() {
				elem.encode(e, v.Index(i))
			}
		},
		func(d *decoder, v reflect.Value) {
			n := d.number()
			if n == 0 {
				return
			}
			if n--; n > uint64(len(d.data)) {
				d.fail("%d elements in %d bytes", n, len(d.data))
				return
			}
			if d.take(int64(n), size); d.err != nil {
				return
			}
			if n == 0 {
				v.Set(reflect.MakeSlice(t, 0, 0))
				return
			}
			v.Grow(int(n)) // one allocation less than a new slice
			v.SetLen(int(n))
			for i := 0; i < int(n) && d.err == nil; i++ {
				elem.decode(d, v.Index(i))
			}
		},
	}, nil
}

// mapEntry is about what an entry of a map of strings takes.
const mapEntry = 64

func mapPlan(t reflect.Type) *plan {
	return &plan{
		func(e *encoder, v reflect.Value) {
			if v.IsNil() {
				e.number(0)
				return
			}
			e.number(uint64(v.Len()) + 1)
			keys := v.MapKeys()
			slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
			for _, k := range keys {
				e.text(k.String())
				e.text(v.MapIndex(k).String())
			}
		},
		func(d *decoder, v reflect.Value) {
			n := d.number()
			if n == 0 {
				return
			}
			if n--; n > uint64(len(d.data)) {
				d.fail("a map of %d in %d bytes", n, len(d.data))
				return
			}
			if d.take(int64(n), mapEntry); d.err != nil {
				return
			}
			m := reflect.MakeMapWithSize(t, int(n))
			key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			for i := 0; i < int(n) && d.err == nil; i++ {
				key.SetString(d.text())
				value.SetString(d.text())
				m.SetMapIndex(key, value)
			}
			if d.err == nil && m.Len() != int(n) {
				d.fail("a map with a key twice")
			}
			v.Set(m)
		},
	}
}

func pointerPlan(t reflect.Type, schema *strings.Builder, depth int) (*plan, error) {
	schema.WriteString("*")
	elem, err := newPlan(t.Elem(), schema, depth+1)
	if err != nil {
		return nil, err
	}
	size := t.Elem().Size()
	return &plan{
		func(e *encoder, v reflect.Value) {
			if v.IsNil() {
				e.number(0)
				return
			}
			e.number(1)
			elem.encode(e, v.Elem())
		},
		func(d *decoder, v reflect.Value) {
			switch d.number() {
			case 0:
				return
			case 1:
			default:
				d.fail("a bad pointer")
				return
			}
			if d.take(1, size); d.err != nil {
				return
			}
			v.Set(reflect.New(t.Elem()))
			elem.decode(d, v.Elem())
		},
	}, nil
}

func structPlan(t reflect.Type, schema *strings.Builder, depth int) (*plan, error) {
	if t.NumField() > 64 {
		return nil, fmt.Errorf("pack: %v: more than 64 fields", t)
	}
	schema.WriteString("{")
	fields := make([]*plan, t.NumField())
	for i := range fields {
		f := t.Field(i)
		if !f.IsExported() {
			return nil, fmt.Errorf("pack: %v: field %s is not exported", t, f.Name)
		}
		schema.WriteString(f.Name + ":")
		var err error
		if fields[i], err = newPlan(f.Type, schema, depth+1); err != nil {
			return nil, fmt.Errorf("%w (field %s of %v)", err, f.Name, t)
		}
		schema.WriteString(";")
	}
	schema.WriteString("}")
	all := uint64(math.MaxUint64)
	if len(fields) < 64 {
		all = 1<<len(fields) - 1
	}
	return &plan{
		func(e *encoder, v reflect.Value) {
			mask := uint64(0)
			for i := range fields {
				if !v.Field(i).IsZero() {
					mask |= 1 << i
				}
			}
			e.number(mask)
			for i, f := range fields {
				if mask&(1<<i) != 0 {
					f.encode(e, v.Field(i))
				}
			}
		},
		func(d *decoder, v reflect.Value) {
			mask := d.number()
			if mask&^all != 0 {
				d.fail("a field that the type has not")
				return
			}
			for i, f := range fields {
				if mask&(1<<i) != 0 && d.err == nil {
					f.decode(d, v.Field(i))
				}
			}
		},
	}, nil
}
