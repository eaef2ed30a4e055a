package codec

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"hash"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/imagevet/imagevet/sbom/inventory"
)

// namespaceURL is the name space of URLs: RFC 9562, section 6.6.
var namespaceURL = []byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}

// UUID returns a UUID of version 5 (RFC 9562, section 5.5) that follows from
// the inventory, the options and the name of the format: equal documents have
// equal ones, and documents that differ have different ones.
func UUID(b *inventory.BOM, opts *Options, format string) string {
	h := contentHash{Hash: sha1.New()}
	h.Write(namespaceURL)
	h.string("https://" + module + "/bom/" + format)
	h.value(reflect.ValueOf(opts).Elem())
	h.value(reflect.ValueOf(b).Elem())
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// A contentHash hashes values of the model, whatever fields they come to have.
type contentHash struct {
	hash.Hash
	buf [9]byte
}

func (h *contentHash) number(kind byte, n uint64) {
	h.buf[0] = kind
	binary.BigEndian.PutUint64(h.buf[1:], n)
	h.Write(h.buf[:])
}

func (h *contentHash) string(s string) {
	h.number('s', uint64(len(s)))
	h.Write([]byte(s))
}

var timeType = reflect.TypeFor[time.Time]()

// value hashes a value with its shape, so that no two different ones are the
// same bytes.
func (h *contentHash) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		h.string(v.String())
	case reflect.Bool:
		if v.Bool() {
			h.number('b', 1)
		} else {
			h.number('b', 0)
		}
	case reflect.Int, reflect.Int64:
		h.number('i', uint64(v.Int()))
	case reflect.Uint8:
		h.number('u', v.Uint())
	case reflect.Float64:
		h.string(fmt.Sprint(v.Float()))
	case reflect.Slice:
		h.number('l', uint64(v.Len()))
		for i := range v.Len() {
			h.value(v.Index(i))
		}
	case reflect.Map: // from strings to strings
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		h.number('m', uint64(len(keys)))
		for _, k := range keys {
			h.value(k)
			h.value(v.MapIndex(k))
		}
	case reflect.Pointer:
		if v.IsNil() {
			h.number('p', 0)
			return
		}
		h.number('p', 1)
		h.value(v.Elem())
	case reflect.Interface: // an error
		if v.IsNil() {
			h.number('e', 0)
			return
		}
		h.string(v.Interface().(error).Error())
	case reflect.Struct:
		if v.Type() == timeType {
			h.string(v.Interface().(time.Time).UTC().Format(time.RFC3339Nano))
			return
		}
		// Fields that say nothing are left out, so that a new one changes no
		// document that has no use for it.
		for field, value := range v.Fields() {
			if !isEmpty(value) {
				h.string(field.Name)
				h.value(value)
			}
		}
		h.number('t', 0)
	default:
		panic("codec: the model has a field of a kind that is not hashed: " + v.Type().String())
	}
}

// isEmpty reports whether a field says nothing.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	default:
		return v.IsZero()
	}
}
