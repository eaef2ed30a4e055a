package hostile

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// A layer is one of an image.
type layer struct {
	blob   []byte // as it is stored
	diffID string // as the configuration states it
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// plain is a layer that is not compressed.
func plain(data []byte) layer { return layer{data, digest(data)} }

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	must(w.Write(data))
	check(w.Close())
	return b.Bytes()
}

// A repeat reads a piece over and over, n bytes in all.
type repeat struct {
	piece []byte
	n     int64
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && r.n > 0 {
		c := copy(p[n:], r.piece[:min(int64(len(r.piece)), r.n)])
		n += c
		r.n -= int64(c)
	}
	return n, nil
}

// bomb is a layer with one file of size bytes, which are the piece over and over.
func bomb(name string, size int64, piece string, compress func(io.Writer) io.WriteCloser) layer {
	var b bytes.Buffer
	z := compress(&b)
	sum := sha256.New()
	out := io.MultiWriter(z, sum)
	w := tar.NewWriter(out)
	check(w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Typeflag: tar.TypeReg}))
	content := []byte(strings.Repeat(piece, 1+(1<<16)/len(piece)))
	content = content[:len(content)/len(piece)*len(piece)]
	must(io.Copy(w, &repeat{content, size}))
	check(w.Close())
	check(z.Close())
	return layer{b.Bytes(), "sha256:" + hex.EncodeToString(sum.Sum(nil))}
}

func gzipWriter(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

func zstdWriter(w io.Writer) io.WriteCloser {
	z, err := zstd.NewWriter(w)
	check(err)
	return z
}

// A member is one of a layer.
type member struct {
	tar.Header
	content string
}

func file(name, content string) member {
	return member{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}, content}
}

func program(name, content string) member {
	return member{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755}, content}
}

func link(name, target string) member {
	return member{tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target}, ""}
}

func hardLink(name, target string) member {
	return member{tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target}, ""}
}

func special(name string, typ byte) member {
	return member{tar.Header{Name: name, Typeflag: typ, Devmajor: 1, Devminor: 5}, ""}
}

// tarOf writes members as a tar archive.
func tarOf(members ...member) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		m.Size = int64(len(m.content))
		check(w.WriteHeader(&m.Header))
		must(io.WriteString(w, m.content))
	}
	check(w.Close())
	return b.Bytes()
}

// header is a tar header as its fields are written, right or wrong.
func header(name string, typ byte, size string) []byte {
	h := make([]byte, 512)
	copy(h, name)
	copy(h[100:], "0000644\x00")
	copy(h[108:], "0000000\x00")
	copy(h[116:], "0000000\x00")
	copy(h[124:], size)
	copy(h[136:], "00000000000\x00")
	h[156] = typ
	copy(h[257:], "ustar\x0000")
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}

// padded is content with its tar header and padding.
func padded(name string, typ byte, content string) []byte {
	out := append(header(name, typ, fmt.Sprintf("%011o\x00", len(content))), content...)
	return append(out, make([]byte, (512-len(content)%512)%512)...)
}

// An image is an archive of "docker save".
type image struct {
	layers   []layer
	diffIDs  []string          // in place of those of the layers
	manifest func([]any) []any // changes what manifest.json has
	more     []member
}

// write writes the archive.
func (img image) write(w io.Writer) error {
	diffIDs := img.diffIDs
	if diffIDs == nil {
		for _, l := range img.layers {
			diffIDs = append(diffIDs, l.diffID)
		}
	}
	config, err := json.Marshal(map[string]any{
		"os": "linux", "architecture": "amd64", "rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs},
	})
	if err != nil {
		return err
	}
	var names []string
	members := []member{file("config.json", string(config))}
	for i, l := range img.layers {
		name := fmt.Sprintf("%d/layer.tar", i)
		names = append(names, name)
		members = append(members, file(name, string(l.blob)))
	}
	list := []any{map[string]any{"Config": "config.json", "RepoTags": []string{"hostile:latest"}, "Layers": names}}
	if img.manifest != nil {
		list = img.manifest(list)
	}
	manifest, err := json.Marshal(list)
	if err != nil {
		return err
	}
	members = append(members, file("manifest.json", string(manifest)))
	_, err = w.Write(tarOf(append(members, img.more...)...))
	return err
}

// check and must end the program: what is written to memory does not fail.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}
