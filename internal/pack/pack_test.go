package pack

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type inner struct {
	Name  string
	Small uint8
	Named word
}

type word string

type outer struct {
	Name    string
	Yes     bool
	Number  int
	Big     uint64
	Tags    []string
	Data    []byte
	Map     map[string]string
	One     inner
	Many    []inner
	Pointer *inner
	Deep    [][]string
}

func codec[T any](tb testing.TB) *Codec[T] {
	tb.Helper()
	c, err := New[T]()
	require.NoError(tb, err)
	return c
}

func values() []outer {
	return []outer{
		{},
		{Tags: []string{}, Data: []byte{}, Map: map[string]string{}, Many: []inner{}, Pointer: &inner{}, Deep: [][]string{nil, {}}},
		{
			Name: "a", Yes: true, Number: math.MinInt, Big: math.MaxUint64, Tags: []string{"a", "", "b"}, Data: []byte{0, 255},
			Map: map[string]string{"k": "v", "": "", "a": "a"}, One: inner{"x", 255, "w"}, Many: []inner{{}, {Name: "a"}},
			Pointer: &inner{Name: "p"}, Deep: [][]string{{"x"}, nil, {"y", "z"}},
		},
	}
}

func TestRoundTrip(t *testing.T) {
	c := codec[outer](t)
	for _, want := range values() {
		data := c.Append([]byte("prefix"), &want)
		assert.Equal(t, data, c.Append([]byte("prefix"), &want), "equal values give equal bytes")
		data = bytes.TrimPrefix(data, []byte("prefix"))
		var got outer
		require.NoError(t, c.Decode(data, &got))
		assert.Equal(t, want, got)
	}
}

// A text that occurs often takes little room.
func TestTextsAreStoredOnce(t *testing.T) {
	c := codec[outer](t)
	text := strings.Repeat("long ", 100)
	v := outer{Tags: slices.Repeat([]string{text}, 1000)}
	assert.Less(t, len(c.Append(nil, &v)), 2000)
}

func TestSchemaTellsTypesApart(t *testing.T) {
	same := []string{codec[inner](t).Schema(), codec[inner](t).Schema()}
	assert.Equal(t, same[0], same[1])
	type renamed struct {
		Title string
		Small uint8
		Named word
	}
	type retyped struct {
		Name  string
		Small uint16
		Named word
	}
	type more struct {
		Name  string
		Small uint8
		Named word
		More  bool
	}
	all := map[string]bool{same[0]: true, codec[renamed](t).Schema(): true, codec[retyped](t).Schema(): true, codec[more](t).Schema(): true}
	assert.Len(t, slices.Collect(maps.Keys(all)), 4)
}

func TestTypesThatCannotBeEncoded(t *testing.T) {
	type recursive struct{ Next *recursive }
	for want, err := range map[string]error{
		"chan int cannot be encoded":          fails[struct{ C chan int }](),
		"field private is not exported":       fails[struct{ private int }](),
		"map[int]string cannot be encoded":    fails[map[int]string](),
		"float64 cannot be encoded (field F ": fails[struct{ F float64 }](),
		"nested too deep":                     fails[recursive](),
	} {
		assert.ErrorContains(t, err, want)
	}
}

func fails[T any]() error {
	_, err := New[T]()
	return err
}

func TestDamaged(t *testing.T) {
	c := codec[outer](t)
	good := c.Append(nil, &values()[2])
	for n := range good {
		var v outer
		assert.ErrorIs(t, c.Decode(good[:n], &v), ErrDamaged, "the first %d bytes", n)
	}
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"more behind it", append(slices.Clone(good), 0), "1 bytes too many"},
		{"a text that is not there", []byte{0, 1, 0}, "text 0 of 0"},
		{"a long text", []byte{1, 200, 1}, "a text of 200 bytes"},
		{"a field too many", binary.AppendUvarint([]byte{0}, 1<<20), "a field that the type has not"},
		{"a number that never ends", bytes.Repeat([]byte{0xff}, 20), "a bad number"},
		{"a small number that is large", []byte{0, 0x80, 1, 2, 200, 200}, "number"},
		{"a bad pointer", binary.AppendUvarint(binary.AppendUvarint([]byte{0}, 1<<9), 2), "a bad pointer"},
		{"many elements", binary.AppendUvarint(binary.AppendUvarint([]byte{0}, 1<<4), math.MaxUint64), "elements in 0 bytes"},
	}
	for _, tt := range tests {
		var v outer
		err := c.Decode(tt.data, &v)
		assert.ErrorIs(t, err, ErrDamaged, tt.name)
		assert.ErrorContains(t, err, tt.want, tt.name)
	}
}

// What is decoded takes a bounded amount of memory, whatever the bytes say.
func TestMemoryIsBounded(t *testing.T) {
	type wide struct{ A, B, C, D, E, F, G, H [][]string }
	type tall struct{ W []wide }
	c := codec[tall](t)
	n := MaxDecoded / (8 * 24)
	data := append(binary.AppendUvarint([]byte{0, 1}, uint64(n+2)), make([]byte, n+2)...)
	var v tall
	assert.ErrorContains(t, c.Decode(data, &v), "bytes when decoded")
}

func FuzzDecode(f *testing.F) {
	c := codec[outer](f)
	for _, v := range values() {
		f.Add(c.Append(nil, &v))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v outer
		if err := c.Decode(data, &v); err != nil {
			return
		}
		again := c.Append(nil, &v)
		var back outer
		require.NoError(t, c.Decode(again, &back))
		assert.Equal(t, v, back)
	})
}
