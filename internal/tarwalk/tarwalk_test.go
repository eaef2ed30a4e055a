package tarwalk

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A member is what a test compares.
type member struct {
	path, link, content string
	kind                Kind
}

// build writes an archive with the standard library.
func build(t testing.TB, headers ...*tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		body := []byte(nil)
		if h.Typeflag == tar.TypeReg {
			body = bytes.Repeat([]byte("x"), int(h.Size))
		}
		require.NoError(t, w.WriteHeader(h), "header of %q", h.Name)
		_, err := w.Write(body)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return buf.Bytes()
}

// list reads everything an archive holds.
func list(r *Reader) ([]member, error) {
	var members []member
	for {
		e, err := r.Next()
		if err == io.EOF {
			return members, nil
		}
		if err != nil {
			return members, err
		}
		m := member{path: string(e.Path), link: string(e.Link), kind: e.Kind}
		if e.Kind == Regular && !e.Sparse {
			content, err := io.ReadAll(r)
			if err != nil {
				return members, err
			}
			m.content = string(content)
		}
		members = append(members, m)
	}
}

// listStandard does the same with the standard library.
func listStandard(data []byte) ([]member, error) {
	kinds := map[byte]Kind{
		tar.TypeReg: Regular, tar.TypeLink: HardLink, tar.TypeSymlink: Symlink, tar.TypeDir: Directory, tar.TypeCont: Regular,
	}
	var members []member
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return members, nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return members, err
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		m := member{path: h.Name, kind: kinds[h.Typeflag]}
		if m.kind == HardLink || m.kind == Symlink {
			m.link = h.Linkname
		}
		if m.kind == Regular {
			content, err := io.ReadAll(r)
			if err != nil {
				return members, err
			}
			m.content = string(content)
		}
		members = append(members, m)
	}
}

func longName(n int) string { return strings.Repeat("d/", n/2) + "end" }

// archives are well-formed, each for a reason.
func archives(t testing.TB) map[string][]byte {
	reg := func(name string, size int64, format tar.Format) *tar.Header {
		return &tar.Header{Name: name, Typeflag: tar.TypeReg, Size: size, Mode: 0o755, Format: format}
	}
	return map[string][]byte{
		"empty":  build(t),
		"plain":  build(t, reg("a", 0, tar.FormatUSTAR), reg("./b", 1, tar.FormatUSTAR), reg("c", 512, tar.FormatUSTAR), reg("d", 513, tar.FormatUSTAR)),
		"prefix": build(t, reg(strings.Repeat("p/", 70)+"name", 3, tar.FormatUSTAR)), // name and prefix fields
		"pax-long-path": build(t, reg(longName(600), 5, tar.FormatPAX),
			reg("after", 1, tar.FormatPAX)), // the override ends with its member
		"pax-time": build(t, &tar.Header{Name: "t", Typeflag: tar.TypeReg, Size: 2, ModTime: time.Unix(1, 5), Format: tar.FormatPAX}),
		"pax-utf8": build(t, reg("ä/ö", 1, tar.FormatPAX)),
		"gnu-long": build(t, reg(longName(300), 7, tar.FormatGNU),
			&tar.Header{Name: longName(280), Linkname: longName(400), Typeflag: tar.TypeSymlink, Format: tar.FormatGNU}),
		"kinds": build(t,
			&tar.Header{Name: "dir/", Typeflag: tar.TypeDir},
			&tar.Header{Name: "dir/sym", Typeflag: tar.TypeSymlink, Linkname: "../x"},
			&tar.Header{Name: "dir/hard", Typeflag: tar.TypeLink, Linkname: "dir/x"},
			&tar.Header{Name: "dev", Typeflag: tar.TypeChar, Devmajor: 1},
			&tar.Header{Name: "pipe", Typeflag: tar.TypeFifo},
			reg("last", 4, tar.FormatUnknown)),
		"global":   build(t, &tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"path": "evil"}}, reg("a", 1, tar.FormatUSTAR)),
		"nomarker": build(t, reg("a", 100, tar.FormatUSTAR))[:1024], // some builders leave the marker out
		"nopad":    build(t, reg("a", 100, tar.FormatUSTAR))[:612],  // and the padding
	}
}

func TestReadsWhatTheStandardLibraryReads(t *testing.T) {
	for name, data := range archives(t) {
		want, err := listStandard(data)
		require.NoErrorf(t, err, "%s: archive/tar", name)
		got, err := list(NewReader(bytes.NewReader(data)))
		require.NoErrorf(t, err, "%s: stream", name)
		assert.Equalf(t, want, got, "%s: stream", name)
		got, err = list(NewReaderAt(bytes.NewReader(data), int64(len(data))))
		require.NoErrorf(t, err, "%s: file", name)
		assert.Equalf(t, want, got, "%s: file", name)
		got, err = list(NewReader(iotestOneByte{bytes.NewReader(data)}))
		require.NoErrorf(t, err, "%s: byte by byte", name)
		assert.Equalf(t, want, got, "%s: byte by byte", name)
	}
}

type iotestOneByte struct{ r io.Reader }

func (o iotestOneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

func TestBadArchives(t *testing.T) {
	good := archives(t)
	patch := func(data []byte, off int, with string) []byte {
		out := bytes.Clone(data)
		copy(out[off:], with)
		return checksummed(out, off/blockSize*blockSize)
	}
	var header *HeaderError
	tests := []struct {
		name string
		data []byte
		want any // an error value or a pointer to an error type
	}{
		{"cut in the content", good["plain"][:len(good["plain"])-1024-512-100], io.ErrUnexpectedEOF},
		{"cut in a header", good["plain"][:700], io.ErrUnexpectedEOF},
		{"cut in a pax header", good["pax-long-path"][:600], io.ErrUnexpectedEOF},
		{"cut behind a pax header", good["pax-long-path"][:512+1024], io.ErrUnexpectedEOF},
		{"no archive", bytes.Repeat([]byte("no archive "), 100), &header},
		{"wrong checksum", append([]byte("x"), good["plain"][1:]...), &header},
		{"one block of zeros", append(make([]byte, 512), good["plain"]...), &header},
		{"negative size", patch(good["plain"], 124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), &header},
		{"size of letters", patch(good["plain"], 124, "abc"), &header},
		{"size beyond 64 bits", patch(good["plain"], 124, "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), &header},
		{"size beyond the end", patch(good["plain"], 124, "77777777777\x00"), io.ErrUnexpectedEOF},
		{"extension too large", patch(good["pax-long-path"], 124, "77777777777\x00"), &header},
		{"bad pax record", patchBody(good["pax-long-path"], "99999 path=x\n"), &header},
		{"pax record without key", patchBody(good["pax-long-path"], "6 =ab\n"), &header},
		{"zero byte in a pax path", patchBody(good["pax-long-path"], "11 path=\x00x\n"), &header},
		{"pax size of letters", patchBody(good["pax-long-path"], "10 size=x\n"), &header},
	}
	for _, tt := range tests {
		for kind, r := range map[string]*Reader{
			"stream": NewReader(bytes.NewReader(tt.data)),
			"file":   NewReaderAt(bytes.NewReader(tt.data), int64(len(tt.data))),
		} {
			_, err := list(r)
			if target, ok := tt.want.(error); ok {
				assert.ErrorIsf(t, err, target, "%s, %s", tt.name, kind)
			} else {
				assert.ErrorAsf(t, err, tt.want, "%s, %s", tt.name, kind)
			}
			_, again := r.Next()
			assert.Equalf(t, err, again, "%s, %s: the error stays", tt.name, kind)
		}
	}
}

// checksummed writes the right checksum into the header at off.
func checksummed(data []byte, off int) []byte {
	block := data[off : off+blockSize]
	copy(block[148:156], "        ")
	sum := 0
	for _, c := range block {
		sum += int(c)
	}
	copy(block[148:], fmt.Sprintf("%06o\x00 ", sum))
	return data
}

// patchBody replaces the content of the first member, an extension.
func patchBody(data []byte, body string) []byte {
	out := bytes.Clone(data)
	copy(out[124:136], fmt.Sprintf("%011o\x00", len(body)))
	copy(out[512:], body)
	return checksummed(out, 0)
}

func TestSignedChecksum(t *testing.T) {
	data := build(t, &tar.Header{Name: "\xe4\xf6", Typeflag: tar.TypeReg, Format: tar.FormatGNU})
	sum := 0
	copy(data[148:156], "        ")
	for _, c := range data[:512] {
		sum += int(int8(c))
	}
	copy(data[148:], fmt.Sprintf("%06o\x00 ", sum))
	members, err := list(NewReader(bytes.NewReader(data)))
	require.NoError(t, err)
	assert.Len(t, members, 1)
}

func TestSparse(t *testing.T) {
	old := build(t, &tar.Header{Name: "sparse", Typeflag: tar.TypeReg, Size: 10, Format: tar.FormatGNU},
		&tar.Header{Name: "next", Typeflag: tar.TypeReg, Size: 1})
	old[156], old[482] = 'S', 1 // sparse, its map goes on in one more block
	old = checksummed(append(old[:512:512], append(make([]byte, 512), old[512:]...)...), 0)
	pax := patchBody(build(t, &tar.Header{Name: longName(300), Typeflag: tar.TypeReg, Size: 3, Format: tar.FormatPAX},
		&tar.Header{Name: "next", Typeflag: tar.TypeReg, Size: 1}), "22 GNU.sparse.major=1\n26 GNU.sparse.name=sparse\n")
	for name, data := range map[string][]byte{"old": old, "pax": pax} {
		r := NewReaderAt(bytes.NewReader(data), int64(len(data)))
		e, err := r.Next()
		require.NoError(t, err, name)
		assert.Equal(t, "sparse", string(e.Path), name)
		assert.True(t, e.Sparse, name)
		_, err = r.Read(make([]byte, 1))
		assert.ErrorIs(t, err, ErrSparse, name)
		_, ok := r.Section()
		assert.Falsef(t, ok, "%s: a section of a sparse file", name)
		e, err = r.Next()
		require.NoError(t, err, name)
		assert.Equal(t, "next", string(e.Path), name)
	}
}

// A counter counts the bytes that are read from a file.
type counter struct {
	r     io.ReaderAt
	bytes int64
}

func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	c.bytes += int64(len(p))
	return c.r.ReadAt(p, off)
}

func TestSeeksOverContent(t *testing.T) {
	data := build(t,
		&tar.Header{Name: "big", Typeflag: tar.TypeReg, Size: 1 << 20},
		&tar.Header{Name: "wanted", Typeflag: tar.TypeReg, Size: 1000},
		&tar.Header{Name: "small", Typeflag: tar.TypeReg, Size: 10})
	c := &counter{r: bytes.NewReader(data)}
	r := NewReaderAt(c, int64(len(data)))
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if string(e.Path) == "wanted" {
			section, ok := r.Section()
			require.True(t, ok)
			content, err := io.ReadAll(section)
			require.NoError(t, err)
			assert.Equal(t, bytes.Repeat([]byte("x"), 1000), content)
		}
	}
	// io.ReadAll asks the section for more than it has, which is not passed on.
	assert.EqualValues(t, 3*512+2*512+1000, c.bytes, "headers, marker and the wanted content")
}

func TestNextDoesNotAllocate(t *testing.T) {
	headers := make([]*tar.Header, 0, 2000)
	for i := range 1000 {
		headers = append(headers,
			&tar.Header{Name: fmt.Sprintf("short/%d", i), Typeflag: tar.TypeReg, Size: 20},
			&tar.Header{Name: longName(120 + i%50), Typeflag: tar.TypeReg, Format: tar.FormatPAX})
	}
	data := build(t, headers...)
	count := func() {
		r := NewReaderAt(bytes.NewReader(data), int64(len(data)))
		for {
			if _, err := r.Next(); err != nil {
				require.Equal(t, io.EOF, err)
				return
			}
		}
	}
	assert.LessOrEqual(t, testing.AllocsPerRun(10, count), 20.0, "allocations for 2,000 members")
}

func FuzzReader(f *testing.F) {
	for _, data := range archives(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<20 {
			return
		}
		data = bytes.Clone(data)
		for off := 0; off+blockSize <= len(data); off += blockSize {
			if string(data[off+257:off+262]) == "ustar" { // else no change to a header gets past its checksum
				checksummed(data, off)
			}
		}
		got, err := list(NewReader(bytes.NewReader(data)))
		fromFile, errFile := list(NewReaderAt(bytes.NewReader(data), int64(len(data))))
		require.Equal(t, got, fromFile, "stream and file")
		require.Equal(t, err == nil, errFile == nil, "stream says %v, file says %v", err, errFile)
		want, errStandard := listStandard(data)
		if errStandard != nil || bytes.Contains(data, []byte("GNU.sparse")) || bytes.Contains(data, []byte("SCHILY")) {
			return // it refuses more than we do, and reads sparse files
		}
		for i, m := range want {
			if m.kind == Other && i < len(got) && got[i].kind == Regular {
				return // old GNU sparse
			}
		}
		if err != io.ErrUnexpectedEOF { // it is content with an extension at the very end
			require.NoError(t, err, "archive/tar reads it")
		}
		require.Equal(t, want, got)
	})
}

// benchArchive is like a layer with many small files.
func benchArchive(b *testing.B) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	headers := make([]*tar.Header, 20000)
	for i := range headers {
		headers[i] = &tar.Header{
			Name: fmt.Sprintf("usr/lib/node_modules/package-%d/lib/file-%d.js", i/50, i), Typeflag: tar.TypeReg,
			Size: rng.Int64N(8000), Mode: 0o644, ModTime: time.Unix(1700000000, 0),
		}
	}
	return build(b, headers...)
}

func BenchmarkWalk(b *testing.B) {
	data := benchArchive(b)
	run := func(name string, walk func() error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := walk(); err != io.EOF {
					b.Fatal(err)
				}
			}
		})
	}
	ours := func(r *Reader) (err error) {
		for err == nil {
			_, err = r.Next()
		}
		return err
	}
	standard := func(r *tar.Reader) (err error) {
		for err == nil {
			_, err = r.Next()
		}
		return err
	}
	run("stream", func() error { return ours(NewReader(struct{ io.Reader }{bytes.NewReader(data)})) })
	run("stream-archive-tar", func() error { return standard(tar.NewReader(struct{ io.Reader }{bytes.NewReader(data)})) })
	run("file", func() error { return ours(NewReaderAt(bytes.NewReader(data), int64(len(data)))) })
	run("file-archive-tar", func() error { return standard(tar.NewReader(bytes.NewReader(data))) })
}
