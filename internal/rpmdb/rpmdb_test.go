package rpmdb_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/rpmdb"
	"github.com/imagevet/imagevet/internal/rpmdb/rpmdbtest"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// A found is what Read makes of a database: the headers by their numbers, in
// order, and the damage.
type found struct {
	format  rpmdb.Format
	ids     []uint32
	headers []string
	damage  []string
}

func read(ctx context.Context, r io.ReaderAt, size int64) (found, error) {
	var f found
	format, err := rpmdb.Read(ctx, r, size, rpmdb.Visitor{
		Header: func(id uint32, header []byte) error {
			f.ids = append(f.ids, id)
			f.headers = append(f.headers, string(header))
			return nil
		},
		Damage: func(err error) { f.damage = append(f.damage, err.Error()) },
	})
	f.format = format
	return f, err
}

func readBytes(tb testing.TB, data []byte) found {
	tb.Helper()
	f, err := read(tb.Context(), bytes.NewReader(data), int64(len(data)))
	require.NoError(tb, err)
	return f
}

// fixture returns a compressed file below testdata.
func fixture(tb testing.TB, elem ...string) []byte {
	tb.Helper()
	f, err := os.Open(filepath.Join(append([]string{"testdata"}, elem...)...) + ".gz")
	require.NoError(tb, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(tb, err)
	data, err := io.ReadAll(z)
	require.NoError(tb, err)
	return data
}

// blobs returns n texts that differ, of all lengths from 1 to n times step.
func blobs(n, step int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = bytes.Repeat([]byte{byte('A' + (i+1)%26)}, (i+1)*step)
	}
	return list
}

func texts(list [][]byte) []string {
	t := make([]string, len(list))
	for i, b := range list {
		t[i] = string(b)
	}
	return t
}

func numbers(n int) []uint32 {
	list := make([]uint32, n)
	for i := range list {
		list[i] = uint32(i + 1)
	}
	return list
}

func TestRead(t *testing.T) {
	few, many, long := blobs(3, 5), blobs(1000, 3), blobs(5, 100_000)
	le, be := binary.LittleEndian, binary.BigEndian
	tests := []struct {
		name   string
		data   []byte
		format rpmdb.Format
		want   [][]byte
	}{
		{"Berkeley DB, in the bucket", rpmdbtest.Berkeley(le, 4096, 13, few...), rpmdb.BerkeleyDB, few},
		{"Berkeley DB, several buckets and overflow pages", rpmdbtest.Berkeley(le, 4096, 13, many...), rpmdb.BerkeleyDB, many},
		{"Berkeley DB, long chains", rpmdbtest.Berkeley(le, 4096, 13, long...), rpmdb.BerkeleyDB, long},
		{"Berkeley DB, small pages", rpmdbtest.Berkeley(le, 512, 13, many...), rpmdb.BerkeleyDB, many},
		{"Berkeley DB, large pages", rpmdbtest.Berkeley(le, 32<<10, 13, many...), rpmdb.BerkeleyDB, many},
		{"Berkeley DB of RHEL 5", rpmdbtest.Berkeley(le, 4096, 2, many...), rpmdb.BerkeleyDB, many},
		{"Berkeley DB of a big-endian machine", rpmdbtest.Berkeley(be, 4096, 13, many...), rpmdb.BerkeleyDB, many},
		{"Berkeley DB, empty", rpmdbtest.Berkeley(le, 4096, 13), rpmdb.BerkeleyDB, nil},
		{"NDB", rpmdbtest.NDB(few...), rpmdb.NDB, few},
		{"NDB, several pages of slots", rpmdbtest.NDB(many...), rpmdb.NDB, many},
		{"NDB, empty", rpmdbtest.NDB(), rpmdb.NDB, nil},
		{"SQLite, one leaf", rpmdbtest.SQLite(4096, few...), rpmdb.SQLite, few},
		{"SQLite, inner nodes", rpmdbtest.SQLite(4096, many...), rpmdb.SQLite, many},
		{"SQLite, small pages", rpmdbtest.SQLite(512, many...), rpmdb.SQLite, many},
		{"SQLite, large pages", rpmdbtest.SQLite(65536, many...), rpmdb.SQLite, many},
		{"SQLite, long chains", rpmdbtest.SQLite(4096, long...), rpmdb.SQLite, long},
		{"SQLite, empty", rpmdbtest.SQLite(4096), rpmdb.SQLite, nil},
	}
	for _, tt := range tests {
		got := readBytes(t, tt.data)
		want := found{format: tt.format}
		if len(tt.want) > 0 {
			want.ids, want.headers = numbers(len(tt.want)), texts(tt.want)
		}
		require.Truef(t, assert.ObjectsAreEqual(want, got), "%s: got %d headers, damage %q", tt.name, len(got.ids), got.damage)
	}
}

// The files are SQLite's own work: see testdata/README.md.
func TestReadSQLiteVariants(t *testing.T) {
	all := func(int) bool { return true }
	third := func(i int) bool { return i%3 == 0 }
	tests := []struct {
		name       string
		rows, step int
		kept       func(i int) bool
		char       string // what the blobs are made of
	}{
		{"512", 1000, 1, all, "%c"},
		{"512-deleted", 300, 5, third, "%c\x00"},   // text in UTF-16, most pages on the freelist
		{"1024-utf16be", 120, 50, third, "\x00%c"}, // auto-vacuum, with its pages of pointers
		{"65536", 60, 3000, all, "%c"},             // a page size that does not fit its field
		{"reserved", 200, 11, all, "%c"},           // 40 bytes of each page are not SQLite's
	}
	for _, tt := range tests {
		want := found{format: rpmdb.SQLite}
		for i, blob := range blobs(tt.rows, tt.step) {
			if tt.kept(i + 1) {
				want.ids, want.headers = append(want.ids, uint32(i+1)), append(want.headers, strings.Repeat(fmt.Sprintf(tt.char, blob[0]), len(blob)))
			}
		}
		got := readBytes(t, fixture(t, "sqlite-variants", tt.name))
		require.Truef(t, assert.ObjectsAreEqual(want, got), "%s: got %d headers of %d, damage %q", tt.name, len(got.ids), len(want.ids), got.damage)
	}
}

func names(tb testing.TB, headers []string) []string {
	tb.Helper()
	var list []string
	for _, blob := range headers {
		h, err := rpmdb.ParseHeader([]byte(blob))
		require.NoError(tb, err)
		name, err := h.Text(rpmdb.TagName)
		require.NoError(tb, err)
		list = append(list, name)
	}
	return list
}

func TestReadFixtures(t *testing.T) {
	tests := []struct {
		elem   []string
		format rpmdb.Format
		want   []string
	}{
		{[]string{"centos8-libuuid", "Packages"}, rpmdb.BerkeleyDB, []string{"libuuid"}},
		{[]string{"bdb-epoch", "Packages"}, rpmdb.BerkeleyDB, []string{"hello"}},
		// filler-3 and filler-7 were removed.
		{[]string{"made-with-rpm-4.18", "rpmdb.sqlite"}, rpmdb.SQLite, []string{
			"gpg-pubkey", "filler-1", "filler-10", "filler-11", "filler-12", "filler-2", "filler-4", "filler-5",
			"filler-6", "filler-8", "filler-9", "many", "modular-libs", "tool",
		}},
	}
	for _, tt := range tests {
		got := readBytes(t, fixture(t, tt.elem...))
		assert.Equal(t, tt.format, got.format, tt.elem)
		assert.Empty(t, got.damage, tt.elem)
		assert.ElementsMatch(t, tt.want, names(t, got.headers), tt.elem)
	}
}

const notMerged = "the write-ahead log was not merged into the database: packages may be listed in an older version too, or be missing"

// While another process was reading, filler-3 was installed and filler-12
// removed. The log has the leaves that this changed.
func TestReadWAL(t *testing.T) {
	got := readBytes(t, fixture(t, "made-with-rpm-4.18", "rpmdb.sqlite-wal"))
	assert.Equal(t, rpmdb.SQLiteWAL, got.format)
	assert.Equal(t, []string{notMerged}, got.damage)
	list := names(t, got.headers)
	assert.Contains(t, list, "filler-3")
	assert.NotContains(t, list, "filler-12")
}

// A log that ends anywhere is read up to its last commit, and one whose first
// frame is wrong is empty.
func TestReadWALCommits(t *testing.T) {
	whole := fixture(t, "made-with-rpm-4.18", "rpmdb.sqlite-wal")
	const stride = 24 + 4096
	commits := []int{} // the lengths after a commit
	for at := 32; at+stride <= len(whole); at += stride {
		if binary.BigEndian.Uint32(whole[at+4:]) != 0 {
			commits = append(commits, at+stride)
		}
	}
	require.GreaterOrEqual(t, len(commits), 2)
	first := readBytes(t, whole[:commits[0]])
	require.NotEqual(t, readBytes(t, whole), first)
	assert.Equal(t, first, readBytes(t, whole[:commits[1]-stride]), "frames that were not committed")
	assert.Equal(t, found{format: rpmdb.SQLiteWAL}, readBytes(t, whole[:commits[0]-stride]), "nothing was committed")

	for name, at := range map[string]int{"salt of a frame": 32 + 8, "content of a frame": 32 + 24 + 100, "checksum of a frame": 32 + 16, "header": 20, "checksum of the header": 24} {
		assert.Equal(t, found{format: rpmdb.SQLiteWAL}, readBytes(t, patched(whole, at, whole[at]^1)), name)
	}
	// A wrong frame later on ends the log there.
	assert.Equal(t, first, readBytes(t, patched(whole, commits[0]+30, whole[commits[0]+30]^1)))
}

// frame is a page in a log, with the number of pages that the database has
// then if it is a commit.
type frame struct {
	number, commit uint32
	page           []byte
}

// logOf returns a log of the frames. Sign makes its checksums right.
func logOf(frames ...frame) []byte {
	wal := make([]byte, 32)
	for _, f := range frames {
		head := binary.BigEndian.AppendUint32(nil, f.number)
		head = binary.BigEndian.AppendUint32(head, f.commit)
		wal = append(append(append(wal, head...), make([]byte, 16)...), f.page...)
	}
	sign(wal)
	return wal
}

func TestReadWALPages(t *testing.T) {
	// Page 1 is the schema, 2 the leaf, 3 and 4 a chain of its second row.
	one := rpmdbtest.SQLite(4096, []byte("aaaaa"), bytes.Repeat([]byte("b"), 9000))
	page := func(n int) []byte { return one[4096*(n-1) : 4096*n] }
	require.Len(t, one, 4*4096)
	another := rpmdbtest.SQLite(4096, []byte("zzz"))[4096:]
	// Page 1 with page 5 at the head of the freelist, which lists page 2.
	freed := patched(page(1), 32, 0, 0, 0, 5, 0, 0, 0, 2)
	trunk := append([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2}, make([]byte, 4084)...)
	loop := append([]byte{0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2}, make([]byte, 4084)...)
	// The cell of the first row is at the end of the leaf: a record of the
	// NULL and the blob. With the length for a header they become the columns
	// of another table.
	cell := 4096 - 5 - 3
	tests := []struct {
		name   string
		frames []frame
		want   []string
	}{
		{"all pages", []frame{{1, 0, page(1)}, {3, 0, page(3)}, {4, 0, page(4)}, {2, 4, page(2)}}, []string{"a5", "b9000"}},
		{"a row of which the rest was not changed", []frame{{2, 4, page(2)}}, []string{"a5"}},
		{"a row of which half the rest was not changed", []frame{{2, 0, page(2)}, {3, 4, page(3)}}, []string{"a5"}},
		{"the later version", []frame{{2, 4, page(2)}, {2, 4, another}}, []string{"z3"}},
		{"a later version that was not committed", []frame{{2, 4, another}, {2, 0, page(2)}}, []string{"z3"}},
		{"in the order of pages", []frame{{9, 9, page(2)}, {6, 9, another}}, []string{"z3", "a5"}},
		{"a page that was cut off", []frame{{2, 9, another}, {9, 9, page(2)}, {1, 8, page(1)}}, []string{"z3"}},
		{"a page that was freed", []frame{{2, 9, another}, {9, 9, page(2)}, {5, 0, trunk}, {1, 9, freed}}, []string{"a5"}},
		{"a freelist of itself", []frame{{2, 9, another}, {9, 9, page(2)}, {5, 0, loop}, {1, 9, freed}}, []string{"a5"}},
		{"a freelist outside of the log", []frame{{2, 9, another}, {1, 9, freed}}, []string{"z3"}},
		{"a row of another table", []frame{{2, 9, patched(page(2), cell, 3, 1, 22)}}, nil},
	}
	for _, tt := range tests {
		got := readBytes(t, logOf(tt.frames...))
		var headers []string
		for _, h := range got.headers {
			headers = append(headers, runs(h))
		}
		assert.Equal(t, tt.want, headers, tt.name)
		assert.Equal(t, []string{notMerged}, got.damage, tt.name)
	}
	// The cell lies where page 1 says that the bytes are not SQLite's.
	got := readBytes(t, logOf(frame{2, 9, another}, frame{1, 9, patched(page(1), 20, 200)}))
	assert.Equal(t, []string{notMerged, "page 2: a cell lies at 4088"}, got.damage)
	for name, data := range map[string][]byte{
		"version":   patched(logOf(), 7, 1),
		"page size": patched(logOf(), 10, 0, 3),
	} {
		_, err := read(t.Context(), bytes.NewReader(data), int64(len(data)))
		assert.ErrorIs(t, err, rpmdb.ErrFormat, name)
	}
}

// patched returns a copy with other bytes at one place.
func patched(data []byte, at int, with ...byte) []byte {
	data = bytes.Clone(data)
	copy(data[at:], with)
	return data
}

// Many references to one place must not have it handed out again and again.
func TestReadBudget(t *testing.T) {
	list := make([][]byte, 500)
	for i := range list {
		list[i] = []byte("x")
	}
	list[0] = bytes.Repeat([]byte("b"), 50_000)
	data := rpmdbtest.NDB(list...)
	for i := range list {
		copy(data[32+16*i:], data[32:48])
	}
	got := readBytes(t, data)
	fit := len(data) / 50_000
	assert.Len(t, got.headers, fit)
	require.Len(t, got.damage, 500-fit)
	assert.Equal(t, "header 1: blobs overlap: together they are larger than the file", got.damage[0])
}

// Nodes that are below each other like a chain, each page used once.
func TestReadDepth(t *testing.T) {
	for _, tt := range []struct {
		inner  int
		ids    []uint32
		damage []string
	}{
		{19, []uint32{1}, nil},
		{20, nil, []string{"page 22: the tree is more than 20 pages deep"}},
		{2000, nil, []string{"page 22: the tree is more than 20 pages deep"}},
	} {
		whole := rpmdbtest.SQLite(512, []byte("header"))
		data := whole[:512:512]
		for i := range tt.inner {
			page := make([]byte, 512)
			page[0] = 5
			binary.BigEndian.PutUint32(page[8:], uint32(i+3))
			data = append(data, page...)
		}
		data = append(data, whole[512:]...)
		binary.BigEndian.PutUint32(data[28:], uint32(len(data)/512))
		got := readBytes(t, data)
		assert.Equal(t, tt.ids, got.ids, tt.inner)
		assert.Equal(t, tt.damage, got.damage, tt.inner)
	}
}

// runs tells the content of a header: "b480" for 480 times the letter b.
func runs(header string) string {
	var b strings.Builder
	for len(header) > 0 {
		rest := strings.TrimLeft(header, header[:1])
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s%d", strings.Trim(fmt.Sprintf("%q", header[:1]), `"`), len(header)-len(rest))
		header = rest
	}
	return b.String()
}

func TestReadDamage(t *testing.T) {
	le := binary.LittleEndian
	// One header in the bucket or leaf, two in chains of pages.
	list := [][]byte{[]byte("aaaaa"), bytes.Repeat([]byte("b"), 2400), bytes.Repeat([]byte("c"), 2400)}
	bdb := rpmdbtest.Berkeley(le, 512, 13, list...)
	ndb := rpmdbtest.NDB(list...)
	sql := rpmdbtest.SQLite(1024, list...)
	rows := rpmdbtest.SQLite(512, blobs(100, 1)...)
	// Berkeley DB: page 1 is the bucket, 2 to 6 and 7 to 11 are the chains.
	const bucket, chainB, chainC = 512, 2 * 512, 7 * 512
	item := func(i int) int { return bucket + int(le.Uint16(bdb[bucket+26+2*i:])) }
	blobB := int(le.Uint32(ndb[32+16+8:])) * 16
	// SQLite: page 2 is the leaf, 3 and 4, 5 and 6 are the chains.
	const leaf = 1024
	cellC := leaf + int(binary.BigEndian.Uint16(sql[leaf+8+2*2:]))
	rootOfRows := 512 * (int(rows[512-1-len("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")]) - 1)
	tests := []struct {
		name    string
		data    []byte
		headers []string
		damage  []string // the first ones
	}{
		{"bdb: a loop", patched(bdb, chainB+16, 2), []string{"a5", "b486", "c2400"}, []string{"header 2: 486 bytes of 2400: page 2 is used twice"}},
		{"bdb: a chain into another", patched(bdb, chainB+16, 8), []string{"a5", "b486 c1914", "c486"}, []string{"header 3: 486 bytes of 2400: page 8 is used twice"}},
		{"bdb: a chain that ends", patched(bdb, chainB+16, 0), []string{"a5", "b486", "c2400"}, []string{"header 2: 486 bytes of 2400: it is cut short"}},
		{"bdb: a chain out of the file", patched(bdb, chainB+16, 200), []string{"a5", "b486", "c2400"}, []string{"header 2: 486 bytes of 2400: there is no page 200, the file has 12"}},
		{"bdb: a chain into a bucket", patched(bdb, chainB+16, 1), []string{"a5", "b486", "c2400"}, []string{"header 2: 486 bytes of 2400: page 1 is not of its chain"}},
		{"bdb: a page under another number", patched(bdb, chainB+8, 9), []string{"a5", "c2400"}, []string{"header 2: 0 bytes of 2400: page 2 is not of its chain"}},
		{"bdb: a chain longer than the header", patched(bdb, item(5)+8, 0xd0, 7), []string{"a5", "b2000", "c2400"}, nil},
		{"bdb: part of a page", append(bytes.Clone(bdb), "rest"...), []string{"a5", "b2400", "c2400"}, []string{"the file has 6148 bytes in place of 6144"}},
		{"bdb: an overflow page with more than fits", patched(bdb, chainC+22, 0xff, 0xff), []string{"a5", "b2400"}, []string{"header 3: 0 bytes of 2400: page 7 is not of its chain"}},
		{"bdb: too many items", patched(bdb, bucket+20, 0xff, 0xff), nil, []string{"page 1 has 65535 items", "page 1: item 0 lies at 507"}},
		{"bdb: an odd number of items", patched(bdb, bucket+20, 7), []string{"a5", "b2400"}, []string{"page 1 has 7 items"}},
		{"bdb: an item in the header", patched(bdb, bucket+26+2*3, 5, 0), []string{"b2400", "c2400"}, []string{"page 1: item 3 lies at 5"}},
		{"bdb: an unknown item", patched(bdb, item(3), 4), []string{"b2400", "c2400"}, []string{"page 1: item 3 is of type 4 and has 6 bytes"}},
		{"bdb: a header larger than any", patched(bdb, item(5)+8, 0, 0, 0, 0xff), []string{"a5", "c2400"}, []string{"header 2: 4278190080 bytes: file exceeds the limit"}},
		{"bdb: a length that lies", patched(bdb, item(5)+8, 0, 0x10), []string{"a5", "b2400", "c2400"}, []string{"header 2: 2400 bytes of 4096: it is cut short"}},
		{"bdb: cut off", bdb[:chainC+126], []string{"a5", "b2400", `c100 \x00386`}, []string{"the file has 3710 bytes in place of 6144", "header 3: 486 bytes of 2400: there is no page 8, the file has 8"}},

		{"ndb: no slot", patched(ndb, 32, 'x'), []string{"b2400", "c2400"}, []string{"page 0: there is no slot at 32"}},
		{"ndb: a slot to nowhere", patched(ndb, 32+8, 0, 0), []string{"b2400", "c2400"}, []string{"header 1: the slot leads nowhere"}},
		{"ndb: a slot out of the file", patched(ndb, 32+8, 0, 0, 0xff), []string{"b2400", "c2400"}, []string{"header 1: there is no byte 267386880, the file has 9008"}},
		{"ndb: no blob", patched(ndb, blobB, 'x'), []string{"a5", "c2400"}, []string{"header 2: there is no blob at 4144"}},
		{"ndb: the blob of another", patched(ndb, 32+16+8, ndb[32+8:32+16]...), []string{"a5", "c2400"}, []string{"header 2: the blob at 4096 is that of 1"}},
		{"ndb: a blob larger than its room", patched(ndb, blobB+12, 0x70), []string{"a5", `b2400 \x004`, "c2400"}, []string{"header 2: 2416 bytes in the room of 2432"}},
		{"ndb: a blob larger than any", patched(ndb, blobB+12, 0, 0, 0, 0xff), []string{"a5", "c2400"}, []string{"header 2: 4278190080 bytes: file exceeds the limit"}},
		{"ndb: a wrong checksum", patched(ndb, blobB+16, 'x'), []string{"a5", "x1 b2399", "c2400"}, []string{"header 2: its checksum is wrong"}},
		{"ndb: two slots of one blob", patched(ndb, 64, ndb[48:64]...), []string{"a5", "b2400", "b2400"}, nil},
		{"ndb: cut off", ndb[:blobB+100], []string{"a5", "b84"}, []string{"header 2: 2400 bytes in the room of 2432, of which the file has 100: it is cut short", "header 3: there is no byte 6576, the file has 4244"}},
		{"ndb: no pages", patched(ndb, 12, 0), []string{"a5", "b2400", "c2400"}, []string{"the file has 3 pages in place of at least 1"}},

		{"sqlite: a loop", patched(sql, 2*1024, 0, 0, 0, 3), []string{"a5", "b1380", "c2400"}, []string{"header 2: 1384 bytes of 2404: page 3 is used twice"}},
		{"sqlite: a chain into another", patched(sql, 2*1024, 0, 0, 0, 6), []string{"a5", "b1380 c1020", "c1380"}, []string{"header 3: 1384 bytes of 2404: page 6 is used twice"}},
		{"sqlite: a chain that ends", patched(sql, 2*1024, 0, 0, 0, 0), []string{"a5", "b1380", "c2400"}, []string{"header 2: 1384 bytes of 2404: there is no page 0, the file has 6"}},
		{"sqlite: a row larger than any", patched(sql, cellC, 0xff, 0xff, 0xff, 0x7f), []string{"a5", "b2400"}, []string{"page 2: row 0: 268435455 bytes: file exceeds the limit"}},
		{"sqlite: a cell out of the page", patched(sql, leaf+8, 0xff, 0xff), []string{"b2400", "c2400"}, []string{"page 2: a cell lies at 65535"}},
		{"sqlite: too many cells", patched(sql, leaf+3, 0xff, 0xff), []string{"a5", "b2400", "c2400"}, []string{"page 2 has 65535 cells"}},
		{"sqlite: cells that overlap", patched(sql, leaf+8, bytes.Repeat(sql[leaf+8+2:leaf+8+4], 3)...), []string{"b2400", "b360"}, []string{"header 2: 364 bytes of 2404: page 3 is used twice", "page 2: cells overlap"}},
		{"sqlite: a row without a blob", patched(sql, leaf+1024-5-2, 0, 0), []string{"b2400", "c2400"}, []string{"row 1 of Packages holds no header"}},
		{"sqlite: the tree is no tree", patched(sql, leaf, 0x0a), nil, []string{"page 2 is of type 10 and not of a table"}},
		{"sqlite: cut off", sql[:3*1024], []string{"a5", "b1380", "c360"}, []string{"the file has 3072 bytes in place of 6144", "header 2: 1384 bytes of 2404: there is no page 4, the file has 3", "header 3: 364 bytes of 2404: there is no page 5, the file has 3"}},
		{"sqlite: an inner node of itself", patched(rows, rootOfRows+8, 0, 0, byte((rootOfRows/512+1)>>8), byte(rootOfRows/512+1)), nil, []string{fmt.Sprintf("page %d is used twice", rootOfRows/512+1)}},
		{"sqlite: a leaf lost", patched(rows, 512, 0), nil, []string{"page 2 is of type 0 and not of a table"}},
	}
	for _, tt := range tests {
		got := readBytes(t, tt.data)
		var headers []string
		for _, h := range got.headers {
			headers = append(headers, runs(h))
		}
		if tt.headers != nil || tt.damage == nil {
			assert.Equalf(t, tt.headers, headers, tt.name)
		}
		for i, want := range tt.damage {
			if assert.Greaterf(t, len(got.damage), i, "%s: %q is missing", tt.name, want) {
				assert.Containsf(t, got.damage[i], want, tt.name)
			}
		}
	}
	// What is not below the damaged page is still there.
	assert.Equal(t, numbers(100)[25:], readBytes(t, patched(rows, 512, 0)).ids)
	assert.Equal(t, numbers(98), readBytes(t, patched(rows, rootOfRows+8, 0, 0, 0, byte(rootOfRows/512+1))).ids)
}

func TestReadErrors(t *testing.T) {
	bdb, ndb, sql := rpmdbtest.Berkeley(binary.LittleEndian, 512, 13), rpmdbtest.NDB(), rpmdbtest.SQLite(512)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		data []byte
		is   error
		text string
	}{
		{"text", []byte("not a database"), rpmdb.ErrFormat, `it begins with "not a database"`},
		{"bdb: B-tree", patched(bdb, 12, 0x62, 0x31, 5), rpmdb.ErrFormat, "B-tree"},
		{"bdb: page size", patched(bdb, 20, 1), rpmdb.ErrFormat, "pages of 513 bytes"},
		{"bdb: encrypted", patched(bdb, 24, 1), rpmdb.ErrFormat, "encrypted"},
		{"bdb: checksums", patched(bdb, 26, 1), rpmdb.ErrFormat, "checksums"},
		{"ndb: version", patched(ndb, 4, 1), rpmdb.ErrFormat, "version 1"},
		{"ndb: pages", patched(ndb, 12, 0, 0x10), inventory.ErrTooLarge, "4096 pages of slots"},
		{"sqlite: short", sql[:99], rpmdb.ErrFormat, "99 bytes"},
		{"sqlite: page size", patched(sql, 16, 2, 1), rpmdb.ErrFormat, "pages of 513 bytes"},
		{"sqlite: all reserved", patched(sql, 20, 33), rpmdb.ErrFormat, "33 of them reserved"},
		{"sqlite: another table", bytes.Replace(sql, []byte("tablePackages"), []byte("tablePockages"), 1), rpmdb.ErrFormat, "without the table Packages"},
	}
	for _, tt := range tests {
		_, err := read(t.Context(), bytes.NewReader(tt.data), int64(len(tt.data)))
		require.ErrorIs(t, err, tt.is, tt.name)
		assert.ErrorContains(t, err, tt.text, tt.name)
	}
	_, err := read(t.Context(), bytes.NewReader(sql), 1<<40)
	assert.ErrorIs(t, err, inventory.ErrTooLarge)
	for _, data := range [][]byte{rpmdbtest.Berkeley(binary.LittleEndian, 512, 13, blobs(3, 9)...), rpmdbtest.NDB(blobs(3, 9)...), rpmdbtest.SQLite(512, blobs(3, 9)...), fixture(t, "made-with-rpm-4.18", "rpmdb.sqlite-wal")} {
		_, err := read(canceled, bytes.NewReader(data), int64(len(data)))
		assert.ErrorIs(t, err, context.Canceled)
		// A file that is shorter than the image says is not read in part.
		_, err = read(t.Context(), bytes.NewReader(data[:len(data)-200]), int64(len(data)))
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
		stop := errors.New("stop")
		_, err = rpmdb.Read(t.Context(), bytes.NewReader(data), int64(len(data)), rpmdb.Visitor{
			Header: func(uint32, []byte) error { return stop },
			Damage: func(error) {},
		})
		assert.ErrorIs(t, err, stop)
	}
}

func TestFormatString(t *testing.T) {
	assert.Equal(t, "unknown, Berkeley DB, NDB, SQLite, SQLite write-ahead log",
		fmt.Sprintf("%v, %v, %v, %v, %v", rpmdb.Unknown, rpmdb.BerkeleyDB, rpmdb.NDB, rpmdb.SQLite, rpmdb.SQLiteWAL))
}
