package sbom_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/sbom"
)

// An archives is an image of plain layers in memory.
type archives struct {
	layers     [][]byte
	sequential bool
	fail       map[int]error
}

func (a archives) Target() sbom.Target { return sbom.Target{Name: "test", Kind: "test"} }

func (a archives) Layers() []sbom.Layer {
	var out []sbom.Layer
	for i := range a.layers {
		out = append(out, sbom.Layer{CreatedBy: fmt.Sprintf("RUN %d", i)})
	}
	return out
}

func (a archives) OpenLayer(_ context.Context, i int) (io.ReadCloser, error) {
	if err := a.fail[i]; err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(a.layers[i])), nil
}

func (a archives) Sequential() bool { return a.sequential }

func (a archives) WalkLayers(_ context.Context, fn func(int, io.Reader) error) error {
	for i := len(a.layers) - 1; i >= 0; i-- { // any order is allowed
		if err := fn(i, bytes.NewReader(a.layers[i])); err != nil {
			return err
		}
	}
	return nil
}

// files makes a layer of files, links ("-> target") and whiteouts.
func files(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := 0; i < len(pairs); i += 2 {
		h := &tar.Header{Name: pairs[i], Typeflag: tar.TypeReg, Size: int64(len(pairs[i+1])), Mode: 0o644}
		if target, ok := strings.CutPrefix(pairs[i+1], "-> "); ok {
			*h = tar.Header{Name: pairs[i], Typeflag: tar.TypeSymlink, Linkname: target}
		}
		require.NoError(t, w.WriteHeader(h))
		if h.Typeflag == tar.TypeReg {
			_, err := io.WriteString(w, pairs[i+1])
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return buf.Bytes()
}

// stanza is a package of dpkg's status file.
func stanza(name, version, source string) string {
	s := fmt.Sprintf("Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\n", name, version)
	if source != "" {
		s += "Source: " + source + "\n"
	}
	return s + "\n"
}

const (
	status   = "var/lib/dpkg/status"
	bookworm = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nID=debian\n"
)

// debian is an image of three layers: a base, an installation, and an
// application with a damaged database of another kind.
func debian(t testing.TB) archives {
	base, curl := stanza("bash", "5.2.15-2+b2", "bash (5.2.15-2)"), stanza("curl", "7.88.1-10", "")
	return archives{layers: [][]byte{
		files(t, "etc/os-release", "-> ../usr/lib/os-release", "usr/lib/os-release", bookworm, status, base,
			"lib", "-> usr/lib", "var/lib/dpkg/info/bash.list", "/.\n/lib/python/x/METADATA\n/usr/bin/bash\n"),
		files(t, status, base+curl),
		files(t, status, base+stanza("curl", "7.88.1-10+deb12u5", ""), "lib/apk/db/installed", "P:musl\x00broken",
			"usr/lib/python/x/METADATA", "x 1", "app/x/METADATA", "x 1"),
	}}
}

// metadata is an extractor of an embedder's own.
type metadata struct{}

func (metadata) Name() string             { return "metadata" }
func (metadata) Version() int             { return 1 }
func (metadata) Patterns() []sbom.Pattern { return []sbom.Pattern{{Glob: "**/METADATA"}} }
func (metadata) Extract(_ context.Context, f *sbom.File) (sbom.Facts, error) {
	data, err := io.ReadAll(f)
	name, version, ok := strings.Cut(string(data), " ")
	if err != nil || !ok {
		return sbom.Facts{}, errors.Join(err, errors.New("no version"))
	}
	return sbom.Facts{Packages: []sbom.Package{{Type: "pypi", Name: name, Version: version}}}, nil
}

func TestGenerate(t *testing.T) {
	bom, err := sbom.Generate(t.Context(), debian(t), sbom.WithExtractors(metadata{}))
	require.NoError(t, err)
	assert.Equal(t, "debian", bom.OS.ID)
	assert.Equal(t, "12", bom.OS.Version)
	type row struct {
		purl, paths, source, owner string
		layer                      int
	}
	var got []row
	for _, p := range bom.Packages {
		got = append(got, row{p.PURL, strings.Join(p.Paths, " "), p.Source.Name + " " + p.Source.Version, p.OwnedBy, p.Layer.Index})
		assert.Equal(t, fmt.Sprintf("RUN %d", p.Layer.Index), p.Layer.CreatedBy)
	}
	bash := "pkg:deb/debian/bash@5.2.15-2%2Bb2?arch=amd64&distro=debian-12&upstream=bash%405.2.15-2"
	assert.Equal(t, []row{
		{bash, status, "bash 5.2.15-2", "", 0}, // the layer that brought it, not the last that wrote the file
		{"pkg:deb/debian/curl@7.88.1-10%2Bdeb12u5?arch=amd64&distro=debian-12", status, "curl 7.88.1-10+deb12u5", "", 2},
		{"pkg:pypi/x@1", "app/x/METADATA", " ", "", 2},
		{"pkg:pypi/x@1", "usr/lib/python/x/METADATA", " ", bash, 2}, // dpkg lists it below /lib, a link
	}, got)
	require.Len(t, bom.Problems, 1)
	assert.Equal(t, "usr/lib/apk/db/installed", bom.Problems[0].Path, "the path without links")
	assert.Equal(t, "apk", bom.Problems[0].Extractor)
	assert.Equal(t, 2, bom.Problems[0].Layer)
}

func TestGenerateDoesNotDependOnWorkers(t *testing.T) {
	img := debian(t)
	want, err := sbom.Generate(t.Context(), img, sbom.WithWorkers(1))
	require.NoError(t, err)
	for _, workers := range []int{2, 3, 8} {
		for _, sequential := range []bool{false, true} {
			img.sequential = sequential
			got, err := sbom.Generate(t.Context(), img, sbom.WithWorkers(workers))
			require.NoError(t, err)
			assert.Equal(t, want, got, "%d workers, sequential %v", workers, sequential)
		}
	}
}

// A package that is removed and installed again came with the second
// installation.
func TestLayerOfAPackageThatComesBack(t *testing.T) {
	bash, curl := stanza("bash", "1", ""), stanza("curl", "1", "")
	bom, err := sbom.Generate(t.Context(), archives{layers: [][]byte{
		files(t, status, bash+curl), files(t, status, bash), files(t, status, bash+curl), files(t, status, bash+curl),
	}})
	require.NoError(t, err)
	require.Len(t, bom.Packages, 2)
	assert.Equal(t, 0, bom.Packages[0].Layer.Index, "bash")
	assert.Equal(t, 2, bom.Packages[1].Layer.Index, "curl")
}

// A source may pass a layer once that the image has twice.
type once struct{ archives }

func (o once) WalkLayers(ctx context.Context, fn func(int, io.Reader) error) error {
	return o.archives.WalkLayers(ctx, func(i int, r io.Reader) error {
		if i == 2 {
			return nil
		}
		return fn(i, r)
	})
}

func (o once) Layers() []sbom.Layer {
	layers := o.archives.Layers()
	layers[0].DiffID, layers[2].DiffID = "sha256:a", "sha256:a"
	return layers
}

func TestLayerThatIsPassedOnce(t *testing.T) {
	bash := files(t, status, stanza("bash", "1", ""))
	layers := archives{layers: [][]byte{bash, files(t, "var/lib/dpkg/.wh.status", ""), bash}, sequential: true}
	bom, err := sbom.Generate(t.Context(), once{layers})
	require.NoError(t, err)
	require.Len(t, bom.Packages, 1)
	assert.Equal(t, 2, bom.Packages[0].Layer.Index, "it was removed in between")
	_, err = sbom.Generate(t.Context(), nameless{once{layers}})
	assert.ErrorContains(t, err, "layer 2: the image's source left it out", "without digests no layer is another one")
}

// nameless has layers without digests.
type nameless struct{ once }

func (n nameless) Layers() []sbom.Layer { return n.archives.Layers() }

func TestGenerateErrors(t *testing.T) {
	gone := errors.New("gone")
	img := debian(t)
	img.fail = map[int]error{1: gone}
	damaged := debian(t)
	damaged.layers[2] = damaged.layers[2][:700]
	for name, tt := range map[string]struct {
		img  archives
		at   int
		want error
	}{
		"a layer that cannot be opened": {img, 1, gone},
		"a truncated layer":             {damaged, 2, io.ErrUnexpectedEOF},
	} {
		bom, err := sbom.Generate(t.Context(), tt.img)
		assert.Nil(t, bom, name)
		var failed *sbom.LayerError
		require.ErrorAs(t, err, &failed, name)
		assert.Equal(t, tt.at, failed.Index, name)
		assert.ErrorIs(t, err, tt.want, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sbom.Generate(ctx, debian(t))
	assert.ErrorIs(t, err, context.Canceled)
}

func TestOptionErrors(t *testing.T) {
	for want, opt := range map[string]sbom.Option{
		"WithWorkers(0): must be at least 1":     sbom.WithWorkers(0),
		"WithMemoryLimit(-1): must not be":       sbom.WithMemoryLimit(-1),
		"WithExtractors: a nil extractor":        sbom.WithExtractors(nil),
		`WithoutExtractors("rmp"): no such extr`: sbom.WithoutExtractors("rmp"),
	} {
		g, err := sbom.New(opt)
		assert.Nil(t, g)
		assert.ErrorContains(t, err, "sbom: "+want)
	}
}

func TestExtractorsCanBeReplacedAndRemoved(t *testing.T) {
	img := debian(t)
	bom, err := sbom.Generate(t.Context(), img, sbom.WithoutExtractors("dpkg", "apk"))
	require.NoError(t, err)
	assert.Empty(t, bom.Packages)
	assert.Empty(t, bom.Problems)
	_, err = sbom.New(sbom.WithExtractors(metadata{}), sbom.WithExtractors(metadata{}))
	assert.NoError(t, err, "the second takes the place of the first")
}

// folder is a root file system as an image.
type folder struct {
	archives
	fsys fs.FS
}

func (f folder) LayerFS(int) (fs.FS, bool) { return f.fsys, true }

func ExampleGenerate() {
	img := folder{
		archives{layers: [][]byte{nil}},
		fstest.MapFS{
			"etc/os-release":       {Data: []byte("ID=alpine\nVERSION_ID=3.19.1\n")},
			"lib/apk/db/installed": {Data: []byte("P:libssl3\nV:3.1.4-r2\nA:x86_64\no:openssl\n\n")},
		},
	}
	bom, err := sbom.Generate(context.Background(), img)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range bom.Packages {
		fmt.Println(p.Name, p.Version, "from", p.Source.Name)
		fmt.Println(p.PURL)
	}
	// Output:
	// libssl3 3.1.4-r2 from openssl
	// pkg:apk/alpine/libssl3@3.1.4-r2?arch=x86_64&distro=alpine-3.19.1&upstream=openssl
}
