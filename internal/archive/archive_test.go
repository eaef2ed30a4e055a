package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imagevet/imagevet/sbom/inventory"
	kpgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func file(name, data string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(data)), Linkname: data}
}

func link(typeflag byte, name, target string) tar.Header {
	return tar.Header{Name: name, Typeflag: typeflag, Mode: 0o777, Linkname: target}
}

// tarOf writes members; of a regular file, Linkname is the content.
func tarOf(tb testing.TB, members ...tar.Header) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range members {
		data := ""
		if h.Typeflag == tar.TypeReg {
			data, h.Linkname = h.Linkname, ""
		}
		require.NoError(tb, w.WriteHeader(&h))
		_, err := io.WriteString(w, data)
		require.NoError(tb, err)
	}
	require.NoError(tb, w.Close())
	return buf.Bytes()
}

func gzipOf(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	require.NoError(tb, err)
	_, err = w.Write(data)
	require.NoError(tb, err)
	require.NoError(tb, w.Close())
	return buf.Bytes()
}

func zstdOf(tb testing.TB, data []byte) []byte {
	tb.Helper()
	w, err := zstd.NewWriter(nil)
	require.NoError(tb, err)
	defer w.Close()
	return w.EncodeAll(data, nil)
}

// forms is an archive in each of the forms that are read.
func forms(tb testing.TB, data []byte) map[string][]byte {
	tb.Helper()
	return map[string][]byte{"plain": data, "gzip": gzipOf(tb, data), "zstd": zstdOf(tb, data)}
}

func newTar(tb testing.TB, data []byte) *Tar {
	tb.Helper()
	t, err := NewTar(tb.Context(), bytes.NewReader(data), int64(len(data)))
	require.NoError(tb, err)
	return t
}

func read(tb testing.TB, s Store, name string) string {
	tb.Helper()
	r, err := s.Open(tb.Context(), name)
	require.NoErrorf(tb, err, "Open(%q)", name)
	data, err := io.ReadAll(r)
	require.NoErrorf(tb, err, "reading %q", name)
	require.NoError(tb, r.Close())
	return string(data)
}

var sample = []tar.Header{
	{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755},
	file("./manifest.json", `{"a": 1}`),
	file("/abs", "absolute"),
	file("old", "first"),
	file("base/layer.tar", strings.Repeat("layer", 1000)),
	link(tar.TypeSymlink, "top/layer.tar", "../base/layer.tar"), // what docker save wrote for a layer it had already
	link(tar.TypeSymlink, "again", "top/layer.tar"),
	link(tar.TypeSymlink, "rooted", "/base/layer.tar"),
	link(tar.TypeLink, "top/hard", "./base/layer.tar"),
	file("a/../b", "not clean"),
	file("old", "second"),
	file("empty", ""),
	file("list.json", "  [1, 2]"),
	file(strings.Repeat("long/", 60)+"name", "needs a PAX record"),
	{Name: "dev", Typeflag: tar.TypeChar, Mode: 0o644},
	file("last", "the end"),
}

func TestTar(t *testing.T) {
	layer := strings.Repeat("layer", 1000)
	tests := []struct{ name, at, want string }{
		{"manifest.json", "manifest.json", `{"a": 1}`},
		{"./manifest.json", "manifest.json", `{"a": 1}`},
		{"abs", "abs", "absolute"},
		{"old", "old", "second"}, // the later one counts
		{"base/layer.tar", "base/layer.tar", layer},
		{"top/layer.tar", "base/layer.tar", layer},
		{"again", "base/layer.tar", layer},
		{"rooted", "base/layer.tar", layer},
		{"top/hard", "base/layer.tar", layer},
		{"b", "b", "not clean"},
		{"empty", "empty", ""},
		{"list.json", "list.json", "  [1, 2]"},
		{strings.Repeat("long/", 60) + "name", strings.Repeat("long/", 60) + "name", "needs a PAX record"},
		{"last", "last", "the end"},
	}
	for form, data := range forms(t, tarOf(t, sample...)) {
		a := newTar(t, data)
		assert.Equalf(t, form != "plain", a.Sequential(), "Compressed, %s", form)
		for _, tt := range tests {
			info, err := a.Stat(tt.name)
			require.NoErrorf(t, err, "Stat(%q), %s", tt.name, form)
			assert.Equalf(t, Info{Name: tt.at, Size: int64(len(tt.want))}, info, "Stat(%q), %s", tt.name, form)
			assert.Equalf(t, tt.want, read(t, a, tt.name), "Open(%q), %s", tt.name, form)
			got, err := ReadFile(t.Context(), a, tt.name, int64(len(tt.want)))
			require.NoErrorf(t, err, "ReadFile(%q), %s", tt.name, form)
			assert.Equalf(t, tt.want, string(got), "ReadFile(%q), %s", tt.name, form)
		}
		for _, name := range []string{"", ".", "..", "../last", "none", "dev", "base", "top/../../last"} {
			_, err := a.Stat(name)
			assert.ErrorIsf(t, err, fs.ErrNotExist, "Stat(%q), %s", name, form)
			_, err = a.Open(t.Context(), name)
			assert.ErrorIsf(t, err, fs.ErrNotExist, "Open(%q), %s", name, form)
		}
	}
}

// TestReaderAt checks what a caller may do with a member of a plain archive.
func TestReaderAt(t *testing.T) {
	a := newTar(t, tarOf(t, sample...))
	r, err := a.Open(t.Context(), "top/layer.tar")
	require.NoError(t, err)
	at, ok := r.(interface {
		io.ReaderAt
		Size() int64
	})
	require.True(t, ok, "a member of a plain archive is an io.ReaderAt with a size")
	assert.EqualValues(t, 5000, at.Size())
	buf := make([]byte, 10)
	n, err := at.ReadAt(buf, 4993)
	assert.Equal(t, "erlayer", string(buf[:n]), "what is beyond the member must not be seen")
	assert.Equal(t, io.EOF, err)

	a = newTar(t, gzipOf(t, tarOf(t, sample...)))
	r, err = a.Open(t.Context(), "base/layer.tar")
	require.NoError(t, err)
	defer r.Close()
	_, ok = r.(io.ReaderAt)
	assert.False(t, ok, "a member of a compressed archive is no io.ReaderAt")
}

func TestWalk(t *testing.T) {
	for form, data := range forms(t, tarOf(t, sample...)) {
		a := newTar(t, data)
		var got []string
		// In another order than stored, one content under two names, and the
		// later one of two members of one name.
		err := a.Walk(t.Context(), []string{"last", "again", "old", "base/layer.tar"}, func(name string, r io.Reader) error {
			part := make([]byte, 3) // the rest is skipped
			_, err := io.ReadFull(r, part)
			got = append(got, name+"="+string(part))
			return err
		})
		require.NoError(t, err, form)
		assert.Equal(t, []string{"base/layer.tar=lay", "old=sec", "last=the"}, got, form)

		stop := errors.New("stop")
		calls := 0
		err = a.Walk(t.Context(), []string{"last", "old"}, func(string, io.Reader) error {
			calls++
			return stop
		})
		assert.Equal(t, stop, err, form)
		assert.Equal(t, 1, calls, form)

		assert.ErrorIs(t, a.Walk(t.Context(), []string{"none"}, nil), fs.ErrNotExist, form)
	}
}

func TestTarErrors(t *testing.T) {
	plain := tarOf(t, sample...)
	tests := []struct {
		name string
		data []byte
		want error
		text string
	}{
		{"empty", nil, ErrNotTar, "0 bytes"},
		{"short", []byte("FROM alpine"), ErrNotTar, "11 bytes"},
		{"text", bytes.Repeat([]byte("text"), 1000), ErrNotTar, ""},
		{"gzip of text", gzipOf(t, bytes.Repeat([]byte("text"), 1000)), ErrNotTar, ""},
		{"no members", make([]byte, 1024), ErrNotTar, "no members"},
		{"xz", append([]byte("\xfd7zXZ\x00"), make([]byte, 600)...), ErrNotTar, "xz"},
		{"zip", append([]byte("PK\x03\x04"), make([]byte, 600)...), ErrNotTar, "zip"},
		{"cut in a member", plain[:6000], io.ErrUnexpectedEOF, "in member \"base/layer.tar\""},
		{"cut in a header", plain[:512+100], io.ErrUnexpectedEOF, "./"},
		{"gzip cut", gzipOf(t, plain)[:150], io.ErrUnexpectedEOF, ""},
		{"zstd cut", zstdOf(t, plain)[:150], io.ErrUnexpectedEOF, ""},
		{"gzip cut in its header", gzipOf(t, plain)[:5], io.ErrUnexpectedEOF, ""},
		{"gzip damaged", damage(gzipOf(t, plain), 100), nil, ""},
		{"header damaged", damage(plain, 512+3), nil, "in or after member \"./\": tarwalk: bad header at byte 512"},
		{"names", tarOf(t, longNames()...), inventory.ErrTooLarge, "names"},
	}
	for _, tt := range tests {
		a, err := NewTar(t.Context(), bytes.NewReader(tt.data), int64(len(tt.data)))
		require.Errorf(t, err, "%s", tt.name)
		assert.Nil(t, a, tt.name)
		assert.Contains(t, err.Error(), tt.text, tt.name)
		if tt.want != nil {
			assert.ErrorIs(t, err, tt.want, tt.name)
		}
	}
}

func damage(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 0x55
	return data
}

func longNames() []tar.Header {
	var list []tar.Header
	for i := range 10 {
		list = append(list, file(strings.Repeat("n", 900_000)+fmt.Sprint(i), ""))
	}
	return list
}

func TestTooManyMembers(t *testing.T) {
	one := tarOf(t, file("x", ""))[:512]
	data := bytes.Repeat(one, maxMembers+1)
	_, err := NewTar(t.Context(), bytes.NewReader(data), int64(len(data)))
	assert.ErrorIs(t, err, inventory.ErrTooLarge)
}

func TestSparse(t *testing.T) {
	// A header of GNU's own format, in which only the type differs.
	data := tarOf(t, file("sparse", "data"))
	data[156] = tar.TypeGNUSparse
	copy(data[257:], "ustar  \x00")
	copy(data[148:], "        ")
	sum := 0
	for _, b := range data[:512] {
		sum += int(b)
	}
	copy(data[148:], fmt.Sprintf("%06o\x00 ", sum))
	_, err := NewTar(t.Context(), bytes.NewReader(data), int64(len(data)))
	require.Error(t, err)
	assert.Contains(t, err.Error(), "sparse")
}

func TestLinks(t *testing.T) {
	members := []tar.Header{
		file("l0", "x"),
		link(tar.TypeSymlink, "self", "self"),
		link(tar.TypeSymlink, "ping", "pong"),
		link(tar.TypeSymlink, "pong", "ping"),
		link(tar.TypeSymlink, "out", "../../etc/passwd"),
		link(tar.TypeSymlink, "dangling", "none"),
	}
	for i := range maxLinks + 1 {
		members = append(members, link(tar.TypeSymlink, fmt.Sprintf("l%d", i+1), fmt.Sprintf("l%d", i)))
	}
	a := newTar(t, tarOf(t, members...))
	assert.Equal(t, "x", read(t, a, fmt.Sprintf("l%d", maxLinks)))
	for name, want := range map[string]error{
		"self": inventory.ErrTooLarge, "ping": inventory.ErrTooLarge, fmt.Sprintf("l%d", maxLinks+1): inventory.ErrTooLarge,
		"out": fs.ErrNotExist, "dangling": fs.ErrNotExist,
	} {
		_, err := a.Stat(name)
		assert.ErrorIsf(t, err, want, "Stat(%q)", name)
	}
}

// A countingReaderAt counts bytes that are read.
type countingReaderAt struct {
	io.ReaderAt
	n atomic.Int64
}

func (c *countingReaderAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.n.Add(int64(n))
	return n, err
}

func TestReadsHeadersOnly(t *testing.T) {
	data := tarOf(t, file("a", strings.Repeat("a", 1<<20)), file("b", strings.Repeat("b", 1<<20)), file("c", "small"))
	r := &countingReaderAt{ReaderAt: bytes.NewReader(data)}
	a, err := NewTar(t.Context(), r, int64(len(data)))
	require.NoError(t, err)
	// Three headers and the two blocks of the end, with what there is to
	// tell the compression and whether the archive was cut.
	assert.Less(t, r.n.Load(), int64(8*512))
	before := r.n.Load()
	_, err = a.Open(t.Context(), "b")
	require.NoError(t, err)
	assert.Equal(t, before, r.n.Load(), "Open reads nothing")
}

// TestKept checks that a compressed archive is not inflated again for its
// small JSON files, and that what is not kept can be read nevertheless.
func TestKept(t *testing.T) {
	large := "{" + strings.Repeat(" ", maxKept) + "}"
	members := []tar.Header{file("pad", strings.Repeat("x", 1<<20)), file("index.json", `{"x": 1}`), file("large.json", large)}
	many := maxKeptTotal/(maxKept-1) + 2
	for i := range many {
		members = append(members, file(fmt.Sprintf("m%d.json", i), large[:maxKept-1]))
	}
	data := gzipOf(t, tarOf(t, members...))
	r := &countingReaderAt{ReaderAt: bytes.NewReader(data)}
	a, err := NewTar(t.Context(), r, int64(len(data)))
	require.NoError(t, err)
	before := r.n.Load()
	assert.Equal(t, `{"x": 1}`, read(t, a, "index.json"))
	assert.Equal(t, before, r.n.Load(), "index.json is not read again")
	kept := 0
	for _, m := range a.members {
		kept += len(m.data)
	}
	assert.LessOrEqual(t, kept, maxKeptTotal)
	assert.Greater(t, kept, maxKeptTotal/2)
	assert.Len(t, read(t, a, "large.json"), len(large))
	assert.Len(t, read(t, a, fmt.Sprintf("m%d.json", many-1)), maxKept-1)
}

func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for form, data := range forms(t, tarOf(t, sample...)) {
		_, err := NewTar(ctx, bytes.NewReader(data), int64(len(data)))
		assert.ErrorIs(t, err, context.Canceled, form)
		a := newTar(t, data)
		_, err = a.Open(ctx, "last")
		assert.ErrorIs(t, err, context.Canceled, form)
		assert.ErrorIs(t, a.Walk(ctx, []string{"last"}, nil), context.Canceled, form)
	}
	// In the middle of a member of a compressed archive.
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(i * i >> 8)
	}
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.NoCompression)
	require.NoError(t, err)
	_, err = w.Write(tarOf(t, file("noise", string(noise))))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	a := newTar(t, buf.Bytes())
	ctx, cancel = context.WithCancel(t.Context())
	r, err := a.Open(ctx, "noise")
	require.NoError(t, err)
	defer r.Close()
	cancel()
	_, err = io.Copy(io.Discard, r)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestLimitedReader(t *testing.T) {
	data, err := io.ReadAll(&limitedReader{r: strings.NewReader("12345"), left: 6})
	require.NoError(t, err)
	assert.Equal(t, "12345", string(data))
	_, err = io.ReadAll(&limitedReader{r: strings.NewReader("12345"), left: 4})
	assert.ErrorIs(t, err, inventory.ErrTooLarge)
}

func TestReadFileLimit(t *testing.T) {
	a := newTar(t, tarOf(t, file("f", "12345")))
	_, err := ReadFile(t.Context(), a, "f", 5)
	require.NoError(t, err)
	_, err = ReadFile(t.Context(), a, "f", 4)
	assert.ErrorIs(t, err, inventory.ErrTooLarge)
	_, err = ReadFile(t.Context(), a, "g", 4)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestOpenTar(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "image.tar")
	require.NoError(t, os.WriteFile(path, tarOf(t, sample...), 0o644))
	a, err := OpenTar(t.Context(), path)
	require.NoError(t, err)
	assert.Equal(t, "second", read(t, a, "old"))
	require.NoError(t, a.Close())

	_, err = OpenTar(t.Context(), dir)
	assert.ErrorIs(t, err, ErrNotTar)
	_, err = OpenTar(t.Context(), filepath.Join(dir, "none"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestFolder(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "layout")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "blobs", "sha256", "a"), []byte("content"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(base, "secret"), []byte("secret"), 0o644))
	if err := os.Symlink(filepath.Join("..", "secret"), filepath.Join(dir, "leak")); err != nil {
		t.Skipf("no symbolic links: %v", err)
	}
	require.NoError(t, os.Symlink(filepath.Join("blobs", "sha256", "a"), filepath.Join(dir, "inside")))
	f, err := OpenFolder(dir)
	require.NoError(t, err)
	defer f.Close()

	assert.Equal(t, "content", read(t, f, "blobs/sha256/a"))
	assert.Equal(t, "content", read(t, f, "inside"))
	r, err := f.Open(t.Context(), "blobs/sha256/a")
	require.NoError(t, err)
	defer r.Close()
	at, ok := r.(interface {
		io.ReaderAt
		Size() int64
	})
	require.True(t, ok, "a file is an io.ReaderAt with a size")
	assert.EqualValues(t, 7, at.Size())

	for _, name := range []string{"leak", "../secret", "blobs/../../secret", "blobs"} {
		_, err := f.Stat(name)
		require.Errorf(t, err, "Stat(%q)", name)
		_, err = f.Open(t.Context(), name)
		require.Errorf(t, err, "Open(%q)", name)
	}
	_, err = f.Stat("none")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = OpenFolder(filepath.Join(base, "secret"))
	assert.Error(t, err)
}

// FuzzTar compares the index with reading the archive from start to end, and
// a compressed archive with a plain one.
func FuzzTar(f *testing.F) {
	f.Add(tarOf(f, sample...))
	f.Add(tarOf(f, file("a", "1"), file("./a", "2"), link(tar.TypeSymlink, "a", "b"))) // a link replaces a file
	f.Add(tarOf(f, link(tar.TypeSymlink, "a", "a")))
	f.Add(tarOf(f, sample...)[:3000])
	f.Add(gzipOf(f, []byte("not a tar archive")))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := NewTar(t.Context(), bytes.NewReader(data), int64(len(data)))
		if err != nil {
			require.Nil(t, a)
			return
		}
		if a.Sequential() {
			for name := range a.members {
				if info, err := a.Stat(name); err == nil && info.Size < 1<<20 {
					_, _ = ReadFile(t.Context(), a, name, 1<<20)
				}
			}
			return
		}
		want := map[string]string{} // the slow reference, without links
		tr := tar.NewReader(bytes.NewReader(data))
		for {
			h, err := tr.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return // the reference looks at fields that nobody here needs
			}
			content, err := io.ReadAll(tr)
			require.NoError(t, err)
			if name, ok := clean(h.Name); ok {
				switch h.Typeflag {
				case tar.TypeReg, tar.TypeCont:
					want[name] = string(content)
				case tar.TypeSymlink, tar.TypeLink:
					delete(want, name)
				}
			}
		}
		packed := newTar(t, gzipOf(t, data))
		require.Len(t, packed.members, len(a.members))
		for name, m := range a.members {
			if m.isLink {
				continue
			}
			require.Equal(t, want[name], read(t, a, name), "Open(%q)", name)
			require.Equal(t, want[name], read(t, packed, name), "Open(%q), compressed", name)
			delete(want, name)
		}
		require.Empty(t, want, "files that are not in the index")
	})
}

// BenchmarkInflate shows why the standard library is not used.
func BenchmarkInflate(b *testing.B) {
	var text bytes.Buffer
	for i := range 400_000 {
		fmt.Fprintf(&text, "usr/lib/x86_64/file-%d.so %x\n", i*7%1000, i*i)
	}
	data := gzipOf(b, text.Bytes())
	b.Run("std", func(b *testing.B) {
		b.SetBytes(int64(text.Len()))
		for b.Loop() {
			r, err := gzip.NewReader(bytes.NewReader(data))
			require.NoError(b, err)
			_, err = io.Copy(io.Discard, r)
			require.NoError(b, err)
		}
	})
	b.Run("klauspost", func(b *testing.B) {
		b.SetBytes(int64(text.Len()))
		for b.Loop() {
			r, err := kpgzip.NewReader(bytes.NewReader(data))
			require.NoError(b, err)
			_, err = io.Copy(io.Discard, r)
			require.NoError(b, err)
		}
	})
}

// BenchmarkNewTar indexes an archive of 120 layers, as Docker's limit allows.
func BenchmarkNewTar(b *testing.B) {
	var members []tar.Header
	for i := range 120 {
		members = append(members, file(fmt.Sprintf("blobs/sha256/%064d", i), strings.Repeat("x", 100_000)))
	}
	data := tarOf(b, members...)
	b.ReportAllocs()
	for b.Loop() {
		newTar(b, data)
	}
}

// TestStream reads an archive that comes anew for each pass.
func TestStream(t *testing.T) {
	big := strings.Repeat("x", maxKept+1)
	data := tarOf(t, file("a.json", "{}"), file("big", big), link(tar.TypeSymlink, "l", "big"), file("c", "content"))
	passes, open := 0, 0
	stream := func(context.Context) (io.ReadCloser, error) {
		passes++
		open++
		return &streamed{Reader: bytes.NewReader(data), close: func() error { open--; return nil }}, nil
	}
	s, err := NewStream(t.Context(), stream)
	require.NoError(t, err)
	assert.True(t, s.Sequential())
	assert.Equal(t, "{}", read(t, s, "a.json"))
	assert.Equal(t, 1, passes, "small files are kept")
	assert.Equal(t, big, read(t, s, "big"))
	var order []string
	require.NoError(t, s.Walk(t.Context(), []string{"c", "l"}, func(name string, r io.Reader) error {
		order = append(order, name)
		_, err := io.Copy(io.Discard, r)
		return err
	}))
	assert.Equal(t, []string{"big", "c"}, order)
	assert.Equal(t, 3, passes)
	assert.Zero(t, open)

	before := data
	for name, other := range map[string][]byte{
		"another member": tarOf(t, file("a.json", "{}"), file("gib", big), file("l", ""), file("c", "content")),
		"another size":   tarOf(t, file("a.json", "{}"), file("big", "x"), file("l", ""), file("c", "content")),
		"an end":         tarOf(t, file("a.json", "{}")),
	} {
		data = other
		assert.ErrorContains(t, s.Walk(t.Context(), []string{"big"}, func(string, io.Reader) error { return nil }), "changed while it was read", name)
		_, err := s.Open(t.Context(), "big")
		assert.ErrorContains(t, err, "changed while it was read", name)
	}
	assert.Zero(t, open)
	data = before[:len(before)/2]
	_, err = NewStream(t.Context(), stream)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	broken := errors.New("broken")
	_, err = NewStream(t.Context(), func(context.Context) (io.ReadCloser, error) { return nil, broken })
	assert.ErrorIs(t, err, broken)
	assert.Zero(t, open)
}
