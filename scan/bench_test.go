package scan_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"

	"github.com/imagevet/imagevet/internal/tarwalk"
	"github.com/imagevet/imagevet/scan"
)

// A benchImage is an image like that of a small service on Debian: three
// layers, 24,000 files, 400 packages, 150 MB unpacked.
type benchImage struct {
	docker, oci string   // archives
	sizes       []int64  // of the layers, unpacked
	blobs       []string // of the layers, as the OCI archive names them
}

const benchLayers = 3

func newBenchImage(b *testing.B) benchImage {
	b.Helper()
	dir := b.TempDir()
	img := benchImage{docker: filepath.Join(dir, "docker.tar"), oci: filepath.Join(dir, "oci.tar")}
	docker, oci := newArchiveFile(b, img.docker), newArchiveFile(b, img.oci)
	var names []string
	var diffIDs, layers []map[string]any
	for i := range benchLayers {
		plain := benchLayer(b, i)
		var gz bytes.Buffer
		z := gzip.NewWriter(&gz)
		_, err := z.Write(plain)
		noError(b, err)
		noError(b, z.Close())
		name := fmt.Sprintf("layer-%d/layer.tar", i)
		docker.add(name, plain)
		names = append(names, name)
		img.sizes = append(img.sizes, int64(len(plain)))
		diffIDs = append(diffIDs, map[string]any{"id": sha(plain)})
		layers = append(layers, oci.blob("application/vnd.oci.image.layer.v1.tar+gzip", gz.Bytes()))
		img.blobs = append(img.blobs, "blobs/sha256/"+strings.TrimPrefix(layers[i]["digest"].(string), "sha256:"))
	}
	var ids []any
	for _, d := range diffIDs {
		ids = append(ids, d["id"])
	}
	config := toJSON(b, map[string]any{
		"os": "linux", "architecture": runtime.GOARCH, "rootfs": map[string]any{"type": "layers", "diff_ids": ids},
	})
	docker.add("config.json", config)
	docker.add("manifest.json", toJSON(b, []any{map[string]any{"Config": "config.json", "RepoTags": []string{"bench:1"}, "Layers": names}}))
	docker.close()
	manifest := oci.blob("application/vnd.oci.image.manifest.v1+json", toJSON(b, map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": oci.blob("application/vnd.oci.image.config.v1+json", config), "layers": layers,
	}))
	oci.add("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	oci.add("index.json", toJSON(b, map[string]any{"schemaVersion": 2, "manifests": []any{manifest}}))
	oci.close()
	return img
}

// benchLayer makes the i'th layer.
func benchLayer(b *testing.B, i int) []byte {
	rng := rand.New(rand.NewPCG(uint64(i), 7))
	var words []string
	for range 3000 {
		word := make([]byte, 3+rng.IntN(9))
		for j := range word {
			word[j] = byte('a' + rng.IntN(26))
		}
		words = append(words, string(word))
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	add := func(name string, data []byte) {
		noError(b, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(data)), ModTime: time.Unix(1.7e9, 0)}))
		_, err := w.Write(data)
		noError(b, err)
	}
	if i == 0 {
		add("usr/lib/os-release", []byte("ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"))
	}
	var status bytes.Buffer
	for p := range 300 + 50*i {
		fmt.Fprintf(&status, "Package: package-%d\nStatus: install ok installed\nPriority: optional\nMaintainer: Someone <someone@debian.org>\n"+
			"Architecture: amd64\nSource: source-%d\nVersion: 1.%d-%d+deb12u1\nDepends: libc6 (>= 2.36)\n", p, p/3, p, p%4)
		for range 12 {
			fmt.Fprintf(&status, " %s %s %s %s\n", words[rng.IntN(3000)], words[rng.IntN(3000)], words[rng.IntN(3000)], words[rng.IntN(3000)])
		}
		status.WriteByte('\n')
	}
	add("var/lib/dpkg/status", status.Bytes())
	var text []byte
	for n := range 8000 {
		size := rng.IntN(8000)
		if n%500 == 0 {
			size = 2 << 20
		}
		text = text[:0]
		for len(text) < size {
			text = append(append(text, words[rng.IntN(3000)]...), ' ')
		}
		add(fmt.Sprintf("usr/share/package-%d/lib-%d/file-%d.txt", n/40, i, n), text)
	}
	noError(b, w.Close())
	return buf.Bytes()
}

// An archiveFile is a tar archive that is being written to a file.
type archiveFile struct {
	b *testing.B
	f *os.File
	w *tar.Writer
}

func newArchiveFile(b *testing.B, path string) *archiveFile {
	f, err := os.Create(path)
	noError(b, err)
	return &archiveFile{b, f, tar.NewWriter(f)}
}

func (a *archiveFile) add(name string, data []byte) {
	noError(a.b, a.w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(data))}))
	_, err := a.w.Write(data)
	noError(a.b, err)
}

// blob adds a blob and returns its descriptor.
func (a *archiveFile) blob(mediaType string, data []byte) map[string]any {
	digest := sha(data)
	a.add("blobs/sha256/"+strings.TrimPrefix(digest, "sha256:"), data)
	return map[string]any{"mediaType": mediaType, "digest": digest, "size": len(data)}
}

func (a *archiveFile) close() {
	noError(a.b, a.w.Close())
	noError(a.b, a.f.Close())
}

func sha(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

func toJSON(b *testing.B, v any) []byte {
	data, err := json.Marshal(v)
	noError(b, err)
	return data
}

func noError(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// floor reads the layers of an archive and does nothing with them: the least
// that a scanner has to do. Compressed layers are inflated and walked, plain
// ones walked from header to header.
func (img benchImage) floor(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	outer := tarwalk.NewReaderAt(f, info.Size())
	for {
		e, err := outer.Next()
		if err == io.EOF {
			return group.Wait()
		}
		if err != nil {
			return err
		}
		section, _ := outer.Section()
		name := string(e.Path)
		switch {
		case strings.HasSuffix(name, "layer.tar"):
			group.Go(func() error { return walk(tarwalk.NewReaderAt(section, section.Size())) })
		case strings.HasPrefix(name, "blobs/") && e.Size > 1<<20:
			group.Go(func() error {
				z, err := gzip.NewReader(section)
				if err != nil {
					return err
				}
				return walk(tarwalk.NewReader(z))
			})
		}
	}
}

func walk(r *tarwalk.Reader) error {
	for {
		if _, err := r.Next(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (img benchImage) bytes() (n int64) {
	for _, s := range img.sizes {
		n += s
	}
	return n
}

// BenchmarkScan scans an image without a database, and reports how many times
// longer that takes than the floor, measured in turns.
func BenchmarkScan(b *testing.B) {
	img := newBenchImage(b)
	for name, path := range map[string]string{"docker-archive": img.docker, "oci-archive-gzip": img.oci} {
		b.Run(name, func(b *testing.B) {
			s, err := scan.New()
			noError(b, err)
			var floor, own time.Duration
			b.SetBytes(img.bytes())
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				start := time.Now()
				noError(b, img.floor(path))
				floor += time.Since(start)
				b.StartTimer()
				start = time.Now()
				report, err := s.Archive(context.Background(), path, "")
				noError(b, err)
				own += time.Since(start)
				if len(report.Packages) != 400 || len(report.Problems) != 0 {
					b.Fatalf("%d packages, problems %v", len(report.Packages), report.Problems)
				}
			}
			b.ReportMetric(float64(own)/float64(floor), "x-floor")
		})
	}
}

// BenchmarkFloor is what [BenchmarkScan] is compared with.
func BenchmarkFloor(b *testing.B) {
	img := newBenchImage(b)
	for name, path := range map[string]string{"docker-archive": img.docker, "oci-archive-gzip": img.oci} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(img.bytes())
			b.ReportAllocs()
			for b.Loop() {
				noError(b, img.floor(path))
			}
		})
	}
}
