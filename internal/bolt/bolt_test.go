package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func tree(tb testing.TB) []byte {
	tb.Helper()
	data, err := os.ReadFile("testdata/tree.db")
	require.NoError(tb, err)
	return data
}

// entries lists what is in a file.
func entries(data []byte) ([]string, error) {
	db, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	var out []string
	err = db.Walk(Visitor{Entry: func(path []string, key, value []byte) error {
		out = append(out, fmt.Sprintf("%s: %s = %.20q %d", strings.Join(path, "/"), key, value, len(value)))
		return nil
	}})
	return out, err
}

func TestWalk(t *testing.T) {
	got, err := entries(tree(t))
	require.NoError(t, err)
	require.Len(t, got, 302)
	for i := range 300 {
		v := fmt.Sprintf("value %d", i*i)
		assert.Equal(t, fmt.Sprintf("many: key %03d = %q %d", i, v, len(v)), got[i])
	}
	assert.Equal(t, `outer/inner: k = "v" 1`, got[300])
	assert.True(t, strings.HasPrefix(got[301], `outer: large = "\x00`) && strings.HasSuffix(got[301], " 3000"), got[301])
}

func TestWalkVisitor(t *testing.T) {
	data := tree(t)
	db, err := Open(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	stop := errors.New("stop")
	n := 0
	err = db.Walk(Visitor{
		Enter: func(path []string) bool { return path[0] == "outer" },
		Entry: func([]string, []byte, []byte) error { n++; return stop },
	})
	assert.ErrorIs(t, err, stop)
	assert.Equal(t, 1, n, "one bucket is passed over, and an error ends the walk")
}

// The file stays readable while one meta page is being written.
func TestOpenMeta(t *testing.T) {
	want, err := entries(tree(t))
	require.NoError(t, err)
	whole := 0
	for _, page := range []int{0, 1} {
		data := tree(t)
		data[page*1024+pageHeader+20] ^= 1 // in what the checksum covers
		if got, err := entries(data); err == nil && assert.ObjectsAreEqual(want, got) {
			whole++
		}
	}
	assert.NotZero(t, whole, "one of them is of the last transaction, and the other is not needed")
	data := tree(t)
	data[pageHeader+20] ^= 1
	data[1024+pageHeader+20] ^= 1
	_, err = entries(data)
	assert.ErrorIs(t, err, ErrDamaged)
}

func TestErrors(t *testing.T) {
	for _, text := range []string{"", "x", strings.Repeat("\x00", 4096), strings.Repeat("x", 4096)} {
		_, err := entries([]byte(text))
		assert.ErrorIsf(t, err, ErrForeign, "%.20q", text)
	}
	data := tree(t)
	for n := HeadSize; n < len(data); n += 500 {
		if _, err := entries(data[:n]); err != nil {
			assert.ErrorIsf(t, err, ErrDamaged, "%d bytes", n)
		}
	}
}

// Whatever changes, reading ends, without a panic. Every fifth byte is enough for
// all fields, which begin at other remainders in each page.
func TestFlip(t *testing.T) {
	data := tree(t)
	for i := 0; i < len(data); i += 5 {
		data[i] ^= 1 << (i % 8)
		if _, err := entries(data); err != nil {
			require.Truef(t, errors.Is(err, ErrDamaged) || errors.Is(err, ErrForeign), "byte %d: %v", i, err)
		}
		data[i] ^= 1 << (i % 8)
	}
}

// A page that hangs on itself, and elements that share bytes, are errors.
func TestLoops(t *testing.T) {
	page := func(flags uint16, elements ...[4]uint32) []byte {
		b := make([]byte, 1024)
		le.PutUint16(b[8:], flags)
		le.PutUint16(b[10:], uint16(len(elements)))
		for i, e := range elements {
			for j, v := range e {
				le.PutUint32(b[pageHeader+i*element+4*j:], v)
			}
		}
		return b
	}
	visitor := Visitor{Entry: func([]string, []byte, []byte) error { return nil }}
	for name, b := range map[string][]byte{
		"a loop":                page(flagBranch, [4]uint32{0, 0, 2, 0}),
		"elements that overlap": page(flagLeaf, [4]uint32{0, 32, 8, 8}, [4]uint32{0, 16, 8, 8}),
		"data in the table":     page(flagLeaf, [4]uint32{0, 0, 8, 8}),
		"data beyond the page":  page(flagLeaf, [4]uint32{0, 16, 8, 1 << 30}),
		"no page at all":        page(flagBranch, [4]uint32{0, 0, 0xFFFFFFFF, 0xFFFFFFFF}),
		"pages that share bytes": func() []byte {
			b := page(flagBranch, [4]uint32{0, 0, 3, 0}, [4]uint32{0, 0, 4, 0}, [4]uint32{0, 0, 5, 0})
			three, two := page(flagLeaf), page(flagLeaf)
			three[12], two[12] = 2, 1 // with the pages that follow
			return slices.Concat(b, three, two, page(flagLeaf))
		}(),
		"a meta page in the tree": page(flagMeta, [4]uint32{}),
		"a bucket too short":      page(flagLeaf, [4]uint32{flagBucket, 16, 8, 8}),
	} {
		data := append(make([]byte, 2048), b...)
		db := &DB{r: bytes.NewReader(data), size: int64(len(data)), pageSize: 1024, root: 2, pages: uint64(len(data) / 1024)}
		assert.ErrorIs(t, db.Walk(visitor), ErrDamaged, name)
	}
}

func FuzzWalk(f *testing.F) {
	f.Add(tree(f)[2048:])
	f.Fuzz(func(t *testing.T, pages []byte) { // without the checksum, which a fuzzer does not find
		data := append(make([]byte, 2048), pages...)
		total := 0
		for root := range uint64(8) {
			db := &DB{r: bytes.NewReader(data), size: int64(len(data)), pageSize: 1024, root: root, pages: uint64(len(data) / 1024)}
			err := db.Walk(Visitor{Entry: func(_ []string, key, value []byte) error {
				total += len(key) + len(value)
				return nil
			}})
			if err != nil {
				require.ErrorIs(t, err, ErrDamaged)
			}
		}
		require.LessOrEqual(t, total, 8*4*len(data), "no byte is read again and again")
	})
}
