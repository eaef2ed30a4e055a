package layer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom/inventory"
)

var testKey = Key{1, 2, 3}

// setAll sets every field of a value to something, with n for a seed.
func setAll(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n % 100))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n % 100))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		setAll(v.Index(0), n)
		setAll(v.Index(1), n)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		setAll(key, n)
		setAll(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		setAll(v.Elem(), n)
	case reflect.Struct:
		for _, field := range v.Fields() {
			setAll(field, n)
		}
	default:
		panic(v.Kind())
	}
}

// everyFact has a value in every field that an extractor can set.
func everyFact(tb testing.TB) *Facts {
	tb.Helper()
	var all inventory.Facts
	n := 0
	setAll(reflect.ValueOf(&all).Elem(), &n)
	all.Owned = nil // kept as Owned
	f := &Facts{
		DiffID: "sha256:a", Verified: true, Whiteouts: []string{"gone", "a/gone"}, Opaque: []string{"opaque", ""},
		Files: []File{
			{"a/file", []Found{
				{0, "a/file", all, nil, nil},
				{1, "other/name", inventory.Facts{}, []Owned{{"bash", "amd64", list(tb, "bin/bash", "bin/sh")}, {"", "", list(tb, "x")}}, nil},
			}},
			{"a/file2", []Found{{1, "a/file2", inventory.Facts{}, nil, &storedError{"broken", 0}}}},
			{"a/file2", nil},
		},
	}
	require.NoError(tb, f.list.add(kindDir, []byte("a"), nil))
	require.NoError(tb, f.list.add(kindFile, []byte("a/file"), nil))
	require.NoError(tb, f.list.add(kindFile, []byte("a/file2"), nil))
	require.NoError(tb, f.list.add(kindFile, []byte("a/file2"), nil))
	require.NoError(tb, f.list.add(kindSymlink, []byte("a/link"), []byte("../../x")))
	require.NoError(tb, f.list.add(kindLink, []byte("hard"), []byte("a/file")))
	require.NoError(tb, f.list.add(kindOther, []byte("z\xff"), nil))
	f.list.last = nil // of use while it grows only
	return f
}

func list(tb testing.TB, paths ...string) (l listing) {
	tb.Helper()
	for _, p := range paths {
		require.NoError(tb, l.add(kindOther, []byte(p), nil))
	}
	l.last = nil
	return l
}

func TestEncodeFacts(t *testing.T) {
	for name, want := range map[string]*Facts{"everything": everyFact(t), "nothing": {Verified: true}} {
		data, err := Encode(testKey, want)
		require.NoError(t, err, name)
		got, err := Decode(testKey, data, 2)
		require.NoError(t, err, name)
		assert.Equal(t, want, got, name)
		again, err := Encode(testKey, got)
		require.NoError(t, err, name)
		assert.Equal(t, data, again, name)
		clear(data) // the facts share nothing with it
		assert.Equal(t, want, got, name)
	}
}

// Errors keep their text, and the causes that callers test for.
func TestEncodeErrors(t *testing.T) {
	for _, want := range []error{
		errors.New("broken"),
		fmt.Errorf("8 bytes: %w", inventory.ErrTooLarge),
		fmt.Errorf("cut: %w", io.ErrUnexpectedEOF),
		fmt.Errorf("both: %w", errors.Join(inventory.ErrTooLarge, fs.ErrNotExist)),
	} {
		facts := &Facts{Files: []File{{"a", []Found{{Err: want, As: "a"}}}}}
		require.NoError(t, facts.list.add(kindFile, []byte("a"), nil))
		data, err := Encode(testKey, facts)
		require.NoError(t, err)
		got, err := Decode(testKey, data, 1)
		require.NoError(t, err)
		assert.EqualError(t, got.Files[0].Found[0].Err, want.Error())
		for _, cause := range []error{inventory.ErrTooLarge, io.ErrUnexpectedEOF, fs.ErrNotExist, io.EOF, errors.New("broken")} {
			assert.Equal(t, errors.Is(want, cause), errors.Is(got.Files[0].Found[0].Err, cause), "%v: %v", want, cause)
		}
	}
}

func TestFactsThatCannotBeKept(t *testing.T) {
	_, err := Encode(testKey, &Facts{Problems: []*inventory.FileError{{}}})
	assert.ErrorContains(t, err, "not those of an archive")
	_, err = Encode(testKey, &Facts{placed: map[string]int{}})
	assert.ErrorContains(t, err, "not those of an archive")
	_, err = Encode(testKey, &Facts{list: listing{data: make([]byte, MaxEntry)}})
	assert.ErrorIs(t, err, inventory.ErrTooLarge)
}

// sealed makes an entry of any content.
func sealed(tb testing.TB, s *storedFacts) []byte {
	tb.Helper()
	codec, err := factsCodec()
	require.NoError(tb, err)
	data := codec.Append(append([]byte(entryMagic), testKey[:]...), s)
	sum := sha256.Sum256(data)
	return append(data, sum[:sumSize]...)
}

// Entries that somebody has made to look right are refused too.
func TestDecodeForgedFacts(t *testing.T) {
	uvarint := func(n uint64) []byte { return binary.AppendUvarint(nil, n) }
	member := func(k byte, shared, rest uint64, text string) []byte {
		return append(append(append([]byte{k}, uvarint(shared)...), uvarint(rest)...), text...)
	}
	long := string(bytes.Repeat([]byte("x"), MaxPath+1))
	for name, s := range map[string]*storedFacts{
		"a kind that there is not":      {List: member(9, 0, 1, "a")},
		"a shared beginning of nothing": {List: member(0, 3, 1, "a")},
		"a path of no bytes":            {List: member(0, 0, 0, "")},
		"a path without end":            {List: member(0, 0, 5, "a")},
		"a path that is too long":       {List: member(0, 0, MaxPath+1, long)},
		"a path that grows too long":    {List: append(member(0, 0, MaxPath, long[:MaxPath]), member(0, MaxPath, 1, "x")...)},
		"a huge length":                 {List: member(0, 0, math.MaxUint64, "a")},
		"a link without target":         {List: member(2, 0, 1, "a")},
		"a number without end":          {List: []byte{0, 0xff}},
		"a file that is not there":      {List: member(4, 0, 1, "a")},
		"a file that is not listed":     {Files: []storedFile{{Path: "a"}}},
		"an extractor too many":         {List: member(4, 0, 1, "a"), Files: []storedFile{{Path: "a", Found: []storedFound{{Extractor: 2}}}}},
		"an extractor too few":          {List: member(4, 0, 1, "a"), Files: []storedFile{{Path: "a", Found: []storedFound{{Extractor: -1}}}}},
		"a bad list of a package": {
			List:  member(4, 0, 1, "a"),
			Files: []storedFile{{Path: "a", Found: []storedFound{{Owned: []storedOwned{{List: []byte{0}}}}}}},
		},
	} {
		facts, err := Decode(testKey, sealed(t, s), 2)
		assert.Nil(t, facts, name)
		assert.ErrorIs(t, err, ErrEntry, name)
	}
	good := sealed(t, &storedFacts{})
	_, err := Decode(testKey, good, 2)
	require.NoError(t, err)
	_, err = Decode(Key{}, good, 2)
	assert.ErrorContains(t, err, "another key")
	for n := range good {
		_, err = Decode(testKey, good[:n], 2)
		assert.ErrorIs(t, err, ErrEntry, "%d bytes", n)
		bad := bytes.Clone(good)
		bad[n] ^= 0x10
		_, err = Decode(testKey, bad, 2)
		assert.ErrorIs(t, err, ErrEntry, "byte %d", n)
	}
}

// Wishes have the same bytes if they are the same.
func TestWishAppendTo(t *testing.T) {
	a := Wish{"a": {{1, "x"}, {0, "x"}, {1, "b"}}, "b": {{2, ""}}}
	same := Wish{"b": {{2, ""}}, "a": {{0, "x"}, {1, "b"}, {1, "x"}}}
	assert.Equal(t, a.AppendTo(nil), same.AppendTo(nil))
	for _, other := range []Wish{{}, {"a": {{1, "x"}}}, {"a": {{1, "x"}, {0, "x"}, {1, "b"}}}, {"ab": {{1, "x"}, {0, "x"}, {1, "b"}}, "": {{2, ""}}}} {
		assert.NotEqual(t, a.AppendTo(nil), other.AppendTo(nil))
	}
}

// What decodes is used as it is: merging it must not fail, whatever it says, and
// it encodes to facts that are the same.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{}, []byte{})
	codec, err := factsCodec()
	require.NoError(f, err)
	every := everyFact(f)
	data, err := Encode(testKey, every)
	require.NoError(f, err)
	f.Add(data[headSize:len(data)-sumSize], []byte{})
	f.Add(codec.Append(nil, &storedFacts{}), data[headSize:len(data)-sumSize])
	router := newRouter(f, "**/w", "db/list", "a/*")
	f.Fuzz(func(t *testing.T, below, above []byte) {
		var layers []*Facts
		for _, body := range [][]byte{below, above} {
			data := append(append([]byte(entryMagic), testKey[:]...), body...)
			sum := sha256.Sum256(data)
			facts, err := Decode(testKey, append(data, sum[:sumSize]...), 1)
			if err != nil {
				return
			}
			again, err := Encode(testKey, facts)
			require.NoError(t, err)
			back, err := Decode(testKey, again, 1)
			require.NoError(t, err)
			require.Equal(t, facts, back)
			layers = append(layers, facts)
		}
		_, err := Merge(t.Context(), router, layers, func(_ context.Context, _ int, wish Wish) (*Facts, error) {
			_ = wish.AppendTo(nil)
			return &Facts{}, nil
		})
		require.NoError(t, err)
	})
}
