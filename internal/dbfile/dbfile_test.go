package dbfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sample has several blocks of records and entries of all sizes.
func sample() *Content { return sized(40, 100, 20) }

// sized returns a content with records of 0, step, 2 step... bytes, and
// entries in three releases.
func sized(records, step, entries int) *Content {
	c := &Content{
		Ecosystem: "Debian", Modified: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Releases: []Release{{"", "deb", 1, 2}, {"11", "deb", 1 << 31, 3}, {"12", "apk", 0, records}},
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range records {
		rec := make([]byte, i*step)
		for j := range rec {
			rec[j] = byte(rnd.IntN(4)) // compressible, but not to nothing
		}
		c.Records = append(c.Records, rec)
	}
	for release := range c.Releases {
		for i := range entries {
			c.Entries = append(c.Entries, Entry{release, fmt.Sprintf("name%02d", i), bytes.Repeat([]byte{byte(i)}, i*i)})
		}
	}
	return c
}

func write(tb testing.TB, c *Content) []byte {
	tb.Helper()
	var b bytes.Buffer
	_, err := Write(&b, c)
	require.NoError(tb, err)
	return b.Bytes()
}

// openBytes opens a file as one that is read piece by piece and as one in
// memory, which must not differ in what is wrong, and returns the latter.
func openBytes(tb testing.TB, data []byte) (*Reader, error) {
	tb.Helper()
	read, err := Open(bytes.NewReader(data), int64(len(data)), decompressor(tb))
	mapped, errMapped := open(source{mapped: data}, int64(len(data)), decompressor(tb))
	require.Equal(tb, err, errMapped, "mapped or not")
	if err != nil {
		return nil, err
	}
	require.Equal(tb, read.meta, mapped.meta)
	_, err = content(tb, read)
	_, errMapped = content(tb, mapped)
	require.Equal(tb, err, errMapped, "mapped or not")
	return mapped, nil
}

// decompressor is the same for all tests.
var decompressor = func() func(testing.TB) *zstd.Decoder {
	once := sync.OnceValues(NewDecompressor)
	return func(tb testing.TB) *zstd.Decoder {
		z, err := once()
		require.NoError(tb, err)
		return z
	}
}()

// errLost is what an index in the wrong order leads to.
var errLost = errors.New("an entry that cannot be found")

// content reads all that is in a file.
func content(tb testing.TB, r *Reader) (*Content, error) {
	meta := r.Meta()
	c := &Content{Ecosystem: meta.Ecosystem, Modified: meta.Modified, Releases: meta.Releases}
	cursor := r.Cursor()
	for cursor.Next() {
		e := cursor.Entry()
		data, ok, err := r.Lookup(nil, e.Release, []byte(e.Name))
		if err != nil {
			return nil, err
		}
		if !ok || !bytes.Equal(data, e.Data) {
			return nil, errLost
		}
		c.Entries = append(c.Entries, Entry{e.Release, e.Name, bytes.Clone(data)})
	}
	if err := cursor.Err(); err != nil {
		return nil, err
	}
	numbers := make([]int, min(meta.Records, 1<<16))
	for i := range numbers {
		numbers[i] = i
	}
	err := r.Records(tb.Context(), numbers, func(_ int, data []byte) error {
		c.Records = append(c.Records, bytes.Clone(data))
		return nil
	})
	return c, err
}

func TestRoundTrip(t *testing.T) {
	for name, c := range map[string]*Content{
		"sample": sample(),
		"least":  {Ecosystem: "x", Modified: time.Unix(0, 0).UTC(), Releases: []Release{{}}, Entries: []Entry{{0, "n", []byte{}}}, Records: [][]byte{{1}}},
	} {
		data := write(t, c)
		r, err := openBytes(t, data)
		require.NoError(t, err, name)
		got, err := content(t, r)
		require.NoError(t, err, name)
		for i := range got.Records {
			assert.Truef(t, bytes.Equal(c.Records[i], got.Records[i]), "%s: record %d", name, i)
		}
		for i := range got.Entries {
			assert.Equalf(t, string(c.Entries[i].Data), string(got.Entries[i].Data), "%s: entry %d", name, i)
			got.Entries[i].Data = c.Entries[i].Data
		}
		got.Records = c.Records
		assert.True(t, assert.ObjectsAreEqual(c, got), name) // too large to print
		assert.Equal(t, data, write(t, c), "%s: equal content gives equal bytes", name)
	}
}

func TestLookup(t *testing.T) {
	r, err := openBytes(t, write(t, sample()))
	require.NoError(t, err)
	for _, tt := range []struct {
		release int
		name    string
		size    int // -1: not there
	}{
		{0, "name00", 0},
		{2, "name19", 361},
		{1, "name07", 49},
		{1, "name", -1},
		{1, "name070", -1},
		{0, "", -1},
		{2, "zzz", -1},
		{3, "name07", -1},
		{-1, "name07", -1},
	} {
		data, ok, err := r.Lookup(nil, tt.release, []byte(tt.name))
		require.NoErrorf(t, err, "Lookup(%d, %q)", tt.release, tt.name)
		assert.Equalf(t, tt.size >= 0, ok, "Lookup(%d, %q)", tt.release, tt.name)
		assert.Lenf(t, data, max(tt.size, 0), "Lookup(%d, %q)", tt.release, tt.name)
	}
	data := write(t, sample())
	read, err := Open(bytes.NewReader(data), int64(len(data)), decompressor(t))
	require.NoError(t, err)
	for how, r := range map[string]*Reader{"mapped": r, "read": read} {
		buf, name := make([]byte, 0, 4<<10), []byte("name19")
		assert.Zerof(t, testing.AllocsPerRun(100, func() {
			if _, ok, err := r.Lookup(&buf, 2, name); !ok || err != nil {
				t.Error(ok, err)
			}
		}), "allocations of Lookup with a large enough buffer, %s", how)
	}
}

func TestRecords(t *testing.T) {
	r, err := openBytes(t, write(t, sample()))
	require.NoError(t, err)
	var got []int
	note := func(n int, data []byte) error {
		got = append(got, n)
		assert.Lenf(t, data, n*100, "record %d", n)
		return nil
	}
	want := []int{0, 1, 1, 25, 26, 39}
	require.NoError(t, r.Records(t.Context(), want, note))
	assert.Equal(t, want, got)

	assert.Greater(t, len(r.blocks)/blockRow, 2, "blocks, so that one record costs little")

	assert.ErrorIs(t, r.Records(t.Context(), []int{40}, note), ErrDamaged)
	assert.ErrorIs(t, r.Records(t.Context(), []int{-1}, note), ErrDamaged)
	stop := errors.New("stop")
	assert.ErrorIs(t, r.Records(t.Context(), []int{3}, func(int, []byte) error { return stop }), stop)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, r.Records(ctx, []int{3}, note), context.Canceled)
}

func TestWriteErrors(t *testing.T) {
	releases := []Release{{}, {Name: "1"}}
	for _, tt := range []struct {
		content Content
		want    string
	}{
		{Content{Releases: releases, Entries: []Entry{{0, "b", nil}, {0, "a", nil}}}, "wrong order"},
		{Content{Releases: releases, Entries: []Entry{{0, "a", nil}, {0, "a", nil}}}, "wrong order"},
		{Content{Releases: releases, Entries: []Entry{{1, "a", nil}, {0, "b", nil}}}, "wrong order"},
		{Content{Releases: releases, Entries: []Entry{{2, "a", nil}}}, "out of range"},
		{Content{Releases: releases, Entries: []Entry{{-1, "a", nil}}}, "out of range"},
		{Content{Releases: releases, Entries: []Entry{{0, strings.Repeat("a", 1<<16), nil}}}, "out of range"},
		{Content{Releases: make([]Release, 1<<16)}, "65536 releases"},
		{Content{Releases: releases, Records: [][]byte{make([]byte, maxBlock)}}, "too large"},
	} {
		_, err := Write(&bytes.Buffer{}, &tt.content)
		assert.ErrorContains(t, err, tt.want)
	}
}

func TestOpenErrors(t *testing.T) {
	good := write(t, sample())
	edit := func(at int, b byte) []byte {
		data := bytes.Clone(good)
		data[at] = b
		return data
	}
	later := edit(len(magic), Version+1)
	last := len(good) - 1
	for _, tt := range []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, ErrForeign},
		{"another format", []byte(strings.Repeat("PK\x03\x04", 100)), ErrForeign},
		{"line ends changed", bytes.ReplaceAll(good, []byte("\r\n"), []byte("\n")), ErrForeign},
		{"the beginning only", good[:10], ErrDamaged},
		{"a little more", good[:20], ErrDamaged},
		{"a later version", later, ErrVersion},
		{"a bit of the head", edit(13, good[13]^1), ErrDamaged},
		{"a bit of the table of sections", edit(last-50, good[last-50]^1), ErrDamaged},
		{"a bit of the meta section", edit(last-tailSize-3, good[last-tailSize-3]^1), ErrDamaged},
		{"one byte less", good[:last], ErrDamaged},
		{"one byte more", append(bytes.Clone(good), 0), ErrDamaged},
	} {
		_, err := openBytes(t, tt.data)
		assert.ErrorIs(t, err, tt.want, tt.name)
	}
}

// Every single changed byte is noticed, at the latest when it is read.
func TestFlip(t *testing.T) {
	good := write(t, sized(10, 40, 5))
	r, err := openBytes(t, good)
	require.NoError(t, err)
	_, err = content(t, r)
	require.NoError(t, err)
	for at := range good {
		data := bytes.Clone(good)
		data[at] ^= 1 << (at % 8)
		r, err := openBytes(t, data)
		if err == nil {
			_, err = content(t, r)
		}
		if !assert.Errorf(t, err, "byte %d of %d", at, len(good)) {
			return
		}
	}
}

// place returns where a section is, and false if that is not in the file.
func place(data []byte, i int) (off, n uint64, ok bool) {
	row := sectionAt(data, i)
	off, n = order.Uint64(row), order.Uint64(row[8:])
	size := uint64(len(data))
	return off, n, off <= size && n <= size-off
}

// sectionAt returns the row of a section in the table of sections.
func sectionAt(data []byte, i int) []byte {
	return data[len(data)-tailSize+i*sectionRow:]
}

// reseal makes all checksums right again, as far as their places can be found,
// so that what is behind them can be tested.
func reseal(data []byte) {
	if len(data) < minFileSize {
		return
	}
	for i, target := range map[int]int{sectionGroups: sectionEntries, sectionBlocks: sectionRecords} {
		off, n, ok := place(data, i)
		base, length, ok2 := place(data, target)
		if !ok || !ok2 || n < 4 {
			continue
		}
		within := func(at, l uint64) []byte {
			if at > length || l > length-at {
				return nil
			}
			return data[base+at : base+at+l]
		}
		table := data[off : off+n]
		for row := table[4:]; len(row) >= 24; row = row[24:] {
			if i == sectionBlocks {
				order.PutUint32(row[20:], checksum(within(order.Uint64(row[4:]), uint64(order.Uint32(row[12:])))))
				continue
			}
			at, l := order.Uint64(row[8:]), uint64(order.Uint32(row[16:]))
			head := within(at, l)
			if len(head) > 4 {
				for row := head[4:]; len(row) >= entryRow; row = row[entryRow:] {
					if entry := within(at+l+uint64(order.Uint32(row[8:])), uint64(order.Uint32(row[12:]))); entry != nil {
						order.PutUint32(row[16:], checksum(entry))
					}
					if len(row) <= len(head)-4-int(order.Uint32(head))*entryRow {
						break // names follow
					}
				}
			}
			order.PutUint32(row[20:], checksum(head))
		}
	}
	for i := sectionBlocks; i < sections; i++ {
		if off, n, ok := place(data, i); ok {
			order.PutUint32(sectionAt(data, i)[16:], checksum(data[off:off+n]))
		}
	}
	order.PutUint32(data[len(data)-4:], tailSum(data[:headSize], data[len(data)-tailSize:len(data)-4]))
}

// Sums that are right do not make what they are of right.
func TestResealed(t *testing.T) {
	good := write(t, sized(10, 40, 5))
	table := func(data []byte, i int) []byte {
		off, n, _ := place(data, i)
		return data[off:][4:n]
	}
	// The rows of the first group.
	head := func(data []byte) []byte { return table(data, sectionEntries) }
	for name, change := range map[string]func(data []byte){
		"nothing":                  func([]byte) {},
		"size of a block":          func(data []byte) { table(data, sectionBlocks)[16]++ },
		"size of all":              func(data []byte) { order.PutUint32(table(data, sectionBlocks)[16:], maxBlock+1) },
		"place of a block":         func(data []byte) { order.PutUint64(table(data, sectionBlocks)[4:], 1<<63) },
		"compressed size":          func(data []byte) { order.PutUint32(table(data, sectionBlocks)[12:], 1<<31) },
		"first of a block":         func(data []byte) { table(data, sectionBlocks)[0]++ },
		"place of a group":         func(data []byte) { order.PutUint64(table(data, sectionGroups)[8:], 1<<63) },
		"size of a head":           func(data []byte) { order.PutUint32(table(data, sectionGroups)[16:], 1<<31) },
		"place of a group's name":  func(data []byte) { order.PutUint32(table(data, sectionGroups), 1<<31) },
		"another group's name":     func(data []byte) { table(data, sectionGroups)[0]++ },
		"release of a group":       func(data []byte) { order.PutUint16(table(data, sectionGroups)[2*groupRow+6:], 99) },
		"number of entries":        func(data []byte) { order.PutUint32(data[headOffset(data):], 1<<20) },
		"no entries":               func(data []byte) { order.PutUint32(data[headOffset(data):], 0) },
		"place of an entry":        func(data []byte) { order.PutUint32(head(data)[8:], 1<<31) },
		"size of an entry":         func(data []byte) { order.PutUint32(head(data)[12:], 1<<31) },
		"place of an entry's name": func(data []byte) { order.PutUint32(head(data)[entryRow:], 1<<31) },
		"order of entries":         func(data []byte) { order.PutUint32(head(data)[2*entryRow:], order.Uint32(head(data)[entryRow:])) },
	} {
		data := bytes.Clone(good)
		change(data)
		reseal(data)
		r, err := openBytes(t, data)
		require.NoError(t, err, name)
		_, err = content(t, r)
		if name == "nothing" {
			require.NoError(t, err)
			continue
		}
		assert.ErrorIs(t, err, ErrDamaged, name)
	}
}

// headOffset returns where the first group is.
func headOffset(data []byte) uint64 {
	off, _, _ := place(data, sectionEntries)
	return off
}

// A section of negative size, with all that follows moved to match.
func TestNegativeSection(t *testing.T) {
	data := write(t, sized(10, 40, 5))
	row := func(i int) []byte { return sectionAt(data, i) }
	order.PutUint64(row(1)[8:], 1<<64-1)
	order.PutUint64(row(2), order.Uint64(row(1))-1)
	order.PutUint64(row(2)[8:], order.Uint64(row(3))-order.Uint64(row(2)))
	reseal(data)
	_, err := openBytes(t, data)
	assert.ErrorIs(t, err, ErrDamaged)
}

// FuzzReader changes a file and its checksums with it. What comes out is an
// error or something of bounded size, never a crash.
func FuzzReader(f *testing.F) {
	good := write(f, &Content{
		Ecosystem: "Debian", Releases: []Release{{"", "deb", 1, 2}, {"11", "deb", 1, 2}},
		Entries: []Entry{{0, "a", []byte("12")}, {1, "b", []byte("345")}}, Records: [][]byte{[]byte("one"), []byte("two")},
	})
	f.Add(0, []byte{})
	tail := len(good) - tailSize
	f.Add(tail, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})    // offset of the first section
	f.Add(tail+28, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) // size of the second
	for at := headSize; at < len(good); at += 5 {
		f.Add(at, []byte{0xff, 0xff, 0xff, 0x7f}) // every table
	}
	f.Fuzz(func(t *testing.T, at int, patch []byte) {
		data := bytes.Clone(good)
		if at < 0 || at > len(data) {
			return
		}
		data = append(data, make([]byte, max(0, at+len(patch)-len(data)))...)
		copy(data[at:], patch)
		reseal(data)
		r, err := openBytes(t, data)
		if err != nil {
			require.Nil(t, r)
			return
		}
		c, err := content(t, r)
		if err != nil {
			require.True(t, errors.Is(err, ErrDamaged) || errors.Is(err, errLost), "%v", err)
			return
		}
		// What can be read in full is one content, that can be written.
		r, err = openBytes(t, write(t, c))
		require.NoError(t, err)
		again, err := content(t, r)
		require.NoError(t, err)
		require.Equal(t, c.Entries, again.Entries)
	})
}

// A file that is mapped is like one that is read, and one that gets shorter is
// an error.
func TestOpenFile(t *testing.T) {
	data := write(t, sample())
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	r, err := OpenFile(f, int64(len(data)), decompressor(t))
	require.NoError(t, err)
	got, err := content(t, r)
	require.NoError(t, err)
	assert.Len(t, got.Entries, 60)

	cut, err := OpenFile(reopen(t, path), int64(len(data)), decompressor(t))
	require.NoError(t, err)
	if cut.Mapped() {
		require.NoError(t, os.Truncate(path, int64(headSize)))
		assert.ErrorIs(t, func() (err error) {
			defer guard(&err)()
			_, err = content(t, cut)
			return err
		}(), ErrDamaged)
		assert.PanicsWithValue(t, "another", func() {
			var err error
			defer guard(&err)()
			panic("another")
		})
	}
	require.NoError(t, cut.Close())
	require.NoError(t, r.Close())
	require.NoError(t, r.Close(), "again")

	f = reopen(t, path)
	_, err = OpenFile(f, int64(headSize), decompressor(t))
	require.ErrorIs(t, err, ErrDamaged)
	require.NoError(t, f.Close(), "stays open after an error")
}

func guard(err *error) func() {
	old := BeginGuard()
	return func() {
		if damage := EndGuard(old, recover()); damage != nil {
			*err = damage
		}
	}
}

func reopen(t *testing.T, path string) *os.File {
	f, err := os.Open(path)
	require.NoError(t, err)
	return f
}

func TestDecoder(t *testing.T) {
	b := AppendString(AppendInt(AppendUint([]byte{7}, 300), -5), "text")
	d := NewDecoder(b)
	assert.Equal(t, byte(7), d.Byte())
	assert.Equal(t, uint64(300), d.Uint())
	assert.Equal(t, int64(-5), d.Int())
	assert.Equal(t, "text", d.String())
	assert.NoError(t, d.Err())
	for _, read := range []func(*Decoder){
		func(d *Decoder) { d.Byte() }, func(d *Decoder) { d.Uint() }, func(d *Decoder) { d.Int() }, func(d *Decoder) { _ = d.String() },
	} {
		d := NewDecoder(nil)
		read(&d)
		assert.Error(t, d.Err())
	}
	d = NewDecoder([]byte{5, 1, 1, 1})
	assert.Zero(t, d.Count(), "more than there can be")
	assert.Error(t, d.Err())
	assert.Zero(t, d.Byte(), "nothing more after an error")
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := Lock(t.Context(), path)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 3*lockWait)
	defer cancel()
	_, err = Lock(ctx, path)
	assert.ErrorIs(t, err, context.DeadlineExceeded, "a second lock")
	unlock()
	unlock, err = Lock(t.Context(), path)
	require.NoError(t, err, "after the first has ended")
	unlock()
	_, err = Lock(t.Context(), filepath.Join(path, "none"))
	assert.Error(t, err)
}

func BenchmarkLookup(b *testing.B) {
	r, err := openBytes(b, write(b, sample()))
	require.NoError(b, err)
	name := []byte("name07")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := r.Lookup(nil, 1, name); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
