package rpmdb_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/rpmdb"
	"github.com/imagevet/imagevet/internal/rpmdb/rpmdbtest"
)

// fuzzRead checks what holds for every file: no more is handed out than the
// file has, and a second reading gives the same.
func fuzzRead(t *testing.T, data []byte) {
	got, err := read(t.Context(), bytes.NewReader(data), int64(len(data)))
	total := 0
	for _, h := range got.headers {
		total += len(h)
	}
	require.LessOrEqual(t, total, len(data))
	// Each piece of damage is of a page, a slot, a cell or an item.
	require.LessOrEqual(t, len(got.damage), len(data)/2+2)
	again, errAgain := read(t.Context(), bytes.NewReader(data), int64(len(data)))
	require.Equal(t, err, errAgain)
	require.Equal(t, got, again)
}

// mutate writes patches over the data: three bytes of place and one of what.
// Coverage finds its way through a small file better than through a large one
// of its own making.
func mutate(data, patches []byte) []byte {
	data = bytes.Clone(data)
	for ; len(patches) >= 4 && len(data) > 0; patches = patches[4:] {
		at := int(patches[0])<<16 | int(patches[1])<<8 | int(patches[2])
		data[at%len(data)] = patches[3]
	}
	return data
}

func FuzzBDB(f *testing.F) {
	list := append(blobs(3, 5), blobs(4, 300)...)
	little, big := rpmdbtest.Berkeley(binary.LittleEndian, 512, 13, list...), rpmdbtest.Berkeley(binary.BigEndian, 1024, 2, list...)
	f.Add([]byte{}, false)
	f.Add([]byte{0, 2, 20, 0xff}, false)              // the number of items
	f.Add([]byte{0, 4, 16, 2}, true)                  // the next page
	f.Add([]byte{0, 0, 32, 1}, true)                  // the last page
	f.Add([]byte{0, 0, 21, 0xff, 0, 2, 25, 7}, false) // the size of pages, the type of a page
	f.Fuzz(func(t *testing.T, patches []byte, other bool) {
		data := little
		if other {
			data = big
		}
		fuzzRead(t, mutate(data, patches))
	})
}

func FuzzNDB(f *testing.F) {
	data := rpmdbtest.NDB(append(blobs(3, 5), blobs(4, 300)...)...)
	f.Add([]byte{})
	f.Add([]byte{0, 0, 40, 1})       // where a blob lies
	f.Add([]byte{0, 0, 12, 0xff})    // the number of pages
	f.Add([]byte{0, 0x10, 12, 0xff}) // the length of a blob
	f.Fuzz(func(t *testing.T, patches []byte) { fuzzRead(t, mutate(data, patches)) })
}

func FuzzSQLite(f *testing.F) {
	small, deep := rpmdbtest.SQLite(1024, append(blobs(3, 5), blobs(4, 600)...)...), rpmdbtest.SQLite(512, blobs(100, 2)...)
	f.Add([]byte{}, false)
	f.Add([]byte{0, 0, 100, 5}, false) // the type of the first page
	f.Add([]byte{0, 4, 9, 0}, false)   // where a cell lies
	f.Add([]byte{0, 8, 3, 3}, false)   // the next overflow page
	f.Add([]byte{0, 2, 0, 5}, true)    // the type of a leaf
	f.Add([]byte{0, 0, 20, 31}, true)  // reserved bytes
	f.Fuzz(func(t *testing.T, patches []byte, other bool) {
		data := small
		if other {
			data = deep
		}
		fuzzRead(t, mutate(data, patches))
	})
}

func FuzzWAL(f *testing.F) {
	whole := fixture(f, "made-with-rpm-4.18", "rpmdb.sqlite-wal")
	f.Add([]byte{}, uint16(0))
	f.Add([]byte{0, 0, 60, 1}, uint16(3))
	f.Fuzz(func(t *testing.T, patches []byte, frames uint16) {
		data := mutate(whole[:min(len(whole), 32+4120*int(frames%32))], patches)
		sign(data)
		fuzzRead(t, data)
	})
}

// sign makes the checksums and salts of a log right, so that its frames count.
func sign(wal []byte) {
	const stride = 24 + 4096
	if len(wal) < 32 {
		return
	}
	var s0, s1 uint32
	add := func(data []byte) {
		for ; len(data) >= 8; data = data[8:] {
			s0 += binary.LittleEndian.Uint32(data) + s1
			s1 += binary.LittleEndian.Uint32(data[4:]) + s0
		}
	}
	copy(wal, []byte{0x37, 0x7f, 0x06, 0x82, 0, 0x2d, 0xe2, 0x18, 0, 0, 0x10, 0})
	put := func(p []byte) {
		binary.BigEndian.PutUint32(p, s0)
		binary.BigEndian.PutUint32(p[4:], s1)
	}
	add(wal[:24])
	put(wal[24:])
	for at := 32; at+stride <= len(wal); at += stride {
		frame := wal[at : at+stride]
		copy(frame[8:16], wal[16:24])
		add(frame[:8])
		add(frame[24:])
		put(frame[16:])
	}
}

func FuzzHeader(f *testing.F) {
	f.Add(rpmdbtest.Header(tag(rpmdb.TagName, "a"), tag(rpmdb.TagEpoch, []uint32{1}), tag(rpmdb.TagBaseNames, []string{"x", "y"})))
	f.Add(rpmdbtest.Header(tag(rpmdb.TagFileModes, []uint16{1}), tag(rpmdb.TagName, rpmdbtest.Raw{Type: 8, Count: 0xffff_ffff})))
	f.Add([]byte(readBytes(f, fixture(f, "bdb-epoch", "Packages")).headers[0]))
	f.Fuzz(func(t *testing.T, blob []byte) {
		h, err := rpmdb.ParseHeader(blob)
		if h == nil {
			require.Error(t, err)
			return
		}
		id := h.KeyID()
		require.Contains(t, []int{0, 16}, len(id))
		for tag := rpmdb.Tag(256); tag < 1120; tag++ {
			texts, err := h.Texts(tag)
			total := len(texts)
			for _, text := range texts {
				total += len(text)
			}
			require.LessOrEqual(t, total, len(blob))
			first, firstErr := h.Text(tag)
			if err == nil && len(texts) > 0 {
				require.NoError(t, firstErr)
				require.Equal(t, string(texts[0]), first)
			}
			numbers, _ := h.Numbers(tag)
			require.LessOrEqual(t, len(numbers), len(blob))
			bytes, _ := h.Bytes(tag)
			require.LessOrEqual(t, len(bytes), len(blob))
		}
	})
}
