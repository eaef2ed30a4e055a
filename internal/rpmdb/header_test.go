package rpmdb_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/rpmdb"
	"github.com/imagevet/imagevet/internal/rpmdb/rpmdbtest"
)

// tag returns a value of a header.
func tag(t rpmdb.Tag, value any) rpmdbtest.Tag { return rpmdbtest.Tag{Tag: t, Value: value} }

func parseHeader(tb testing.TB, tags ...rpmdbtest.Tag) *rpmdb.Header {
	tb.Helper()
	h, err := rpmdb.ParseHeader(rpmdbtest.Header(tags...))
	require.NoError(tb, err)
	return h
}

func TestHeader(t *testing.T) {
	h := parseHeader(
		t,
		tag(rpmdb.TagName, "bash"),
		tag(rpmdb.TagFileModes, []uint16{0o100755, 0xffff}),
		tag(rpmdb.TagEpoch, []uint32{7}),
		tag(rpmdb.TagFileStates, rpmdbtest.Chars{0, 2, 0xff}),
		tag(rpmdb.TagProvideName, []string{"a", "", "c"}),
		tag(rpmdb.TagRSAHeader, []byte{1, 2, 3}),
		tag(rpmdb.TagVersion, "1"),
		tag(rpmdb.TagVersion, "2"), // what rpm changed when it installed
	)
	for name, want := range map[rpmdb.Tag]string{rpmdb.TagName: "bash", rpmdb.TagVersion: "2", rpmdb.TagProvideName: "a", rpmdb.TagArch: ""} {
		text, err := h.Text(name)
		require.NoError(t, err)
		assert.Equal(t, want, text, name)
	}
	list, err := h.Texts(rpmdb.TagProvideName)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "", "c"}, texts(list))
	for name, want := range map[rpmdb.Tag][]uint32{rpmdb.TagFileModes: {0o100755, 0xffff}, rpmdb.TagEpoch: {7}, rpmdb.TagFileStates: {0, 2, 0xff}, rpmdb.TagArch: nil} {
		numbers, err := h.Numbers(name)
		require.NoError(t, err)
		assert.Equal(t, want, numbers, name)
	}
	signature, err := h.Bytes(rpmdb.TagRSAHeader)
	require.NoError(t, err)
	assert.Equal(t, []byte{1, 2, 3}, signature)
}

func TestParseHeaderErrors(t *testing.T) {
	good := rpmdbtest.Header(tag(rpmdb.TagName, "bash"))
	for name, tt := range map[string]struct {
		blob []byte
		want string
	}{
		"empty":                    {nil, "0 bytes: it is not a header"},
		"shorter than its lengths": {good[:7], "7 bytes: it is not a header"},
		"no entries":               {patched(good, 0, 0, 0, 0, 0), "0 entries: it is not a header"},
		"a negative number":        {patched(good, 0, 0xff, 0xff, 0xff, 0xff), "-1 entries: it is not a header"},
		"more entries than rpm":    {patched(good, 0, 0, 1, 0, 0), "65536 entries: it is not a header"},
		"more entries than bytes":  {patched(good, 0, 0, 0, 0, 2), "2 entries in 29 bytes: it is not a header"},
	} {
		h, err := rpmdb.ParseHeader(tt.blob)
		assert.Nil(t, h, name)
		assert.EqualError(t, err, tt.want, name)
	}

	// Less data than the header says: the rest is there.
	blob := rpmdbtest.Header(tag(rpmdb.TagName, "bash"), tag(rpmdb.TagVersion, "5.1"))
	h, err := rpmdb.ParseHeader(blob[:len(blob)-2])
	require.EqualError(t, err, "9 bytes of data, of which there are 7: it is cut short")
	name, err := h.Text(rpmdb.TagName)
	require.NoError(t, err)
	assert.Equal(t, "bash", name)
	_, err = h.Text(rpmdb.TagVersion)
	assert.EqualError(t, err, "tag 1001: 0 texts of 1")
	// More data than the header says: it does not belong to the header.
	h, err = rpmdb.ParseHeader(patched(blob, 7, 5))
	require.NoError(t, err)
	_, err = h.Text(rpmdb.TagVersion)
	assert.EqualError(t, err, "tag 1001: there is no byte 5, the data has 5")
	// A length that does not fit a signed number.
	_, err = rpmdb.ParseHeader(patched(good, 4, 0xff, 0xff, 0xff, 0xff))
	assert.ErrorContains(t, err, "4294967295 bytes of data")
}

func TestHeaderErrors(t *testing.T) {
	const minus = 0xffff_ffff
	h := parseHeader(
		t,
		tag(1, "text"), // 5 bytes of data
		tag(2, []byte{1, 2, 3}),
		tag(10, rpmdbtest.Raw{Type: 8, Offset: 0, Count: minus}),
		tag(11, rpmdbtest.Raw{Type: 4, Offset: 0, Count: 0x8000_0000}),
		tag(12, rpmdbtest.Raw{Type: 7, Offset: 0, Count: 0}),
		tag(13, rpmdbtest.Raw{Type: 8, Offset: minus, Count: 1}),
		tag(14, rpmdbtest.Raw{Type: 8, Offset: 8, Count: 1}), // right behind the data
		tag(15, rpmdbtest.Raw{Type: 8, Offset: 0, Count: 0x7fff_ffff}),
		tag(16, rpmdbtest.Raw{Type: 4, Offset: 0, Count: 0x7fff_ffff}),
		tag(17, rpmdbtest.Raw{Type: 7, Offset: 0, Count: 9}),
		tag(18, rpmdbtest.Raw{Type: 5, Offset: 0, Count: 1}),
		tag(19, rpmdbtest.Raw{Type: 6, Offset: 5, Count: 1}), // no zero at the end
	)
	for _, tt := range []struct {
		tag                  rpmdb.Tag
		text, numbers, bytes string
	}{
		{1, "", "tag 1 is of type 6 and no numbers", "tag 1 is of type 6 and not bytes"},
		{2, "tag 2 is of type 7 and not text", "tag 2 is of type 7 and no numbers", ""},
		{10, "tag 10 has -1 values", "tag 10 has -1 values", "tag 10 has -1 values"},
		{11, "tag 11 has -2147483648 values", "tag 11 has -2147483648 values", "tag 11 has -2147483648 values"},
		{12, "tag 12 has 0 values", "tag 12 has 0 values", "tag 12 has 0 values"},
		{13, "tag 13: there is no byte -1, the data has 8", "tag 13: there is no byte -1, the data has 8", "tag 13: there is no byte -1, the data has 8"},
		{14, "tag 14: there is no byte 8, the data has 8", "tag 14: there is no byte 8, the data has 8", "tag 14: there is no byte 8, the data has 8"},
		{15, "tag 15: 1 texts of 2147483647", "tag 15 is of type 8 and no numbers", "tag 15 is of type 8 and not bytes"},
		{16, "tag 16 is of type 4 and not text", "tag 16: 2 numbers of 2147483647", "tag 16 is of type 4 and not bytes"},
		{17, "tag 17 is of type 7 and not text", "tag 17 is of type 7 and no numbers", "tag 17: 8 bytes of 9"},
		{18, "tag 18 is of type 5 and not text", "tag 18 is of type 5 and no numbers", "tag 18 is of type 5 and not bytes"},
		{19, "tag 19: 0 texts of 1", "tag 19 is of type 6 and no numbers", "tag 19 is of type 6 and not bytes"},
	} {
		_, texts := h.Texts(tt.tag)
		_, numbers := h.Numbers(tt.tag)
		_, bytes := h.Bytes(tt.tag)
		for _, c := range []struct {
			err  error
			want string
		}{{texts, tt.text}, {numbers, tt.numbers}, {bytes, tt.bytes}} {
			if c.want == "" {
				assert.NoError(t, c.err)
			} else {
				assert.EqualError(t, c.err, c.want)
			}
		}
	}
	// The first of many texts is there even if the others are not.
	text, err := h.Text(15)
	require.NoError(t, err)
	assert.Equal(t, "text", text)
}

// The numbers and texts of a value are limited, whatever they are made of.
func TestHeaderLimits(t *testing.T) {
	data := make([]byte, 4_000_000)
	h := parseHeader(t, tag(1, data), tag(2, rpmdbtest.Raw{Type: 8, Count: 4_000_000}), tag(3, rpmdbtest.Raw{Type: 1, Count: 4_000_000}))
	texts, err := h.Texts(2)
	assert.EqualError(t, err, "tag 2: 1000000 texts of 4000000")
	assert.Len(t, texts, 1_000_000)
	numbers, err := h.Numbers(3)
	assert.EqualError(t, err, "tag 3: 1000000 numbers of 4000000")
	assert.Len(t, numbers, 1_000_000)
}

// packet returns a signature packet in the older and the newer format.
func packet(body []byte) [][]byte {
	short := append([]byte{0x88, byte(len(body))}, body...)
	long := binary.BigEndian.AppendUint16([]byte{0x89}, uint16(len(body)))
	longer := binary.BigEndian.AppendUint32([]byte{0x8a}, uint32(len(body)))
	rest := append([]byte{0x8b}, body...)
	newer := append([]byte{0xc2, byte(len(body))}, body...)
	five := binary.BigEndian.AppendUint32([]byte{0xc2, 0xff}, uint32(len(body)))
	return [][]byte{short, append(long, body...), append(longer, body...), rest, newer, append(five, body...)}
}

func TestKeyID(t *testing.T) {
	id := []byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}
	const want = "0123456789abcdef"
	fingerprint := func(version byte, fingerprint ...[]byte) []byte {
		return append([]byte{33, version}, bytes.Join(fingerprint, nil)...)
	}
	// sub is an area of subpackets whose length has so many bytes.
	sub := func(width int, packets ...[]byte) []byte {
		var area []byte
		for _, p := range packets {
			area = append(append(area, byte(len(p))), p...)
		}
		length := binary.BigEndian.AppendUint32(nil, uint32(len(area)))
		return append(length[4-width:], area...)
	}
	join := func(parts ...[]byte) []byte { return append(bytes.Join(parts, nil), 0xab, 0xcd) }
	created := []byte{2, 1, 2, 3, 4}
	bodies := map[string][]byte{
		"version 3":                          join([]byte{3, 5, 0, 1, 2, 3, 4}, id, []byte{1, 8}),
		"version 4, not hashed":              join([]byte{4, 0, 1, 8}, sub(2, created), sub(2, append([]byte{16}, id...))),
		"version 4, hashed and critical":     join([]byte{4, 0, 1, 8}, sub(2, created, append([]byte{16 | 0x80}, id...)), sub(2)),
		"version 4, fingerprint":             join([]byte{4, 0, 1, 8}, sub(2, fingerprint(4, make([]byte, 12), id)), sub(2)),
		"version 6, fingerprint":             join([]byte{6, 0, 27, 8}, sub(4, fingerprint(6, id, make([]byte, 24))), sub(4)),
		"version 4, a long subpacket before": join([]byte{4, 0, 1, 8}, []byte{0x01, 0x0c, 0xc0, 0x40}, make([]byte, 256), append([]byte{9, 16}, id...), sub(2)),
		"version 4, a longer one":            join([]byte{4, 0, 1, 8}, []byte{0x20, 0xcc, 0xe0, 0x00}, make([]byte, 8384), append([]byte{9, 16}, id...), sub(2)),
	}
	for name, body := range bodies {
		for i, p := range packet(body) {
			if i == 0 && len(body) > 255 || i == 4 && len(body) > 191 {
				continue // a length of one byte
			}
			for _, tags := range [][]rpmdbtest.Tag{
				{tag(rpmdb.TagRSAHeader, p)},
				{tag(rpmdb.TagDSAHeader, p)},
				{tag(rpmdb.TagSigPGP, p)},
				{tag(rpmdb.TagRSAHeader, []byte("x")), tag(rpmdb.TagSigGPG, p)},
				{tag(rpmdb.TagOpenPGP, []string{"not base64!", base64.StdEncoding.EncodeToString(p)})},
			} {
				assert.Equal(t, want, parseHeader(t, tags...).KeyID(), "%s, packet %d, %d", name, i, tags[0].Tag)
			}
			// Cut anywhere, it is no signature or still the same one.
			for n := range min(len(p), 300) {
				assert.Contains(t, []string{"", want}, parseHeader(t, tag(rpmdb.TagRSAHeader, append([]byte{}, p[:n+1]...))).KeyID())
			}
		}
	}
	for name, p := range map[string][]byte{
		"no packet":         []byte(strings.Repeat("x", 30)),
		"a public key":      append([]byte{0x98, 20}, make([]byte, 20)...),
		"another version":   append([]byte{0x88, 20, 2}, make([]byte, 19)...),
		"no issuer":         packet(join([]byte{4, 0, 1, 8}, sub(2, created), sub(2)))[0],
		"empty subpacket":   packet(join([]byte{4, 0, 1, 8}, sub(2, nil), sub(2)))[0],
		"areas that lie":    packet(append([]byte{4, 0, 1, 8, 0xff, 0xff}, id...))[0],
		"partial length":    append([]byte{0xc2, 0xe1}, bodies["version 3"]...),
		"a short subpacket": packet(join([]byte{4, 0, 1, 8}, sub(2, []byte{16, 1}, []byte{33, 4, 1}), sub(2)))[0],
	} {
		assert.Empty(t, parseHeader(t, tag(rpmdb.TagRSAHeader, p)).KeyID(), name)
	}
	assert.Empty(t, parseHeader(t, tag(rpmdb.TagName, "x")).KeyID(), "unsigned")
}

// The key IDs are those that rpm prints.
func TestKeyIDFixtures(t *testing.T) {
	h, err := rpmdb.ParseHeader([]byte(readBytes(t, fixture(t, "centos8-libuuid", "Packages")).headers[0]))
	require.NoError(t, err)
	assert.Equal(t, "199e2f91fd431d51", h.KeyID())

	got := readBytes(t, fixture(t, "made-with-rpm-4.18", "rpmdb.sqlite"))
	for i, name := range names(t, got.headers) {
		h, err := rpmdb.ParseHeader([]byte(got.headers[i]))
		require.NoError(t, err)
		want := ""
		if name == "tool" {
			want = "4801776cad9ad89a"
		}
		assert.Equal(t, want, h.KeyID(), name)
	}
}

func TestSplitSource(t *testing.T) {
	for file, want := range map[string][2]string{
		"bash-5.1-2.el9.src.rpm":      {"bash", "5.1-2.el9"},
		"a-b-1.0-1.src.rpm":           {"a-b", "1.0-1"},
		"kmod-x-1-2.nosrc.rpm":        {"kmod-x", "1-2"},
		"gcc-12-3.module+el8.src.rpm": {"gcc", "12-3.module+el8"},
		// Not what rpm writes.
		"":                     {},
		"(none)":               {},
		"bash-5.1-2.rpm":       {},
		"bash-2.src.rpm":       {},
		"-1-2.src.rpm":         {},
		"bash--2.src.rpm":      {},
		"bash-1-.src.rpm":      {},
		"-.src.rpm":            {},
		"bash-1-2.src.rpm\x00": {},
	} {
		name, version, ok := rpmdb.SplitSource(file)
		assert.Equalf(t, want, [2]string{name, version}, "%q", file)
		assert.Equalf(t, want[0] != "", ok, "%q", file)
	}
}
