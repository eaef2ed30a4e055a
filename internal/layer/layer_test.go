package layer

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagevet/imagevet/internal/tarwalk"
	"github.com/imagevet/imagevet/sbom/inventory"
)

// notes is an extractor that takes each file's content for a package's name
// and the path it was given for its version.
type notes struct {
	patterns []inventory.Pattern
	random   bool // read through ReaderAt
}

func (notes) Name() string                    { return "notes" }
func (notes) Version() int                    { return 1 }
func (n notes) Patterns() []inventory.Pattern { return n.patterns }
func (n notes) Extract(_ context.Context, f *inventory.File) (inventory.Facts, error) {
	var r io.Reader = f
	if n.random {
		at, err := f.ReaderAt()
		if err != nil {
			return inventory.Facts{}, err
		}
		r = io.NewSectionReader(at, 0, f.Size())
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return inventory.Facts{}, err
	}
	if string(data) == "damaged" {
		return inventory.Facts{}, errors.New("damaged")
	}
	return inventory.Facts{Packages: []inventory.Package{{Name: string(data), Version: f.Path()}}}, nil
}

func globs(globs ...string) []inventory.Pattern {
	var out []inventory.Pattern
	for _, g := range globs {
		out = append(out, inventory.Pattern{Glob: g})
	}
	return out
}

func newRouter(t testing.TB, patterns ...string) *Router {
	t.Helper()
	r, err := NewRouter([]inventory.Extractor{notes{patterns: globs(patterns...)}})
	require.NoError(t, err)
	return r
}

// A change is one member of a layer in a test: "dir/", "file=content",
// "link->target", "hard=>target".
type change = string

// archive makes a layer of changes.
func archive(t testing.TB, changes ...change) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, c := range changes {
		h := &tar.Header{Name: c, Typeflag: tar.TypeReg, Mode: 0o644}
		content := ""
		if name, target, ok := strings.Cut(c, "->"); ok {
			h.Name, h.Linkname, h.Typeflag = name, target, tar.TypeSymlink
		} else if name, target, ok := strings.Cut(c, "=>"); ok {
			h.Name, h.Linkname, h.Typeflag = name, target, tar.TypeLink
		} else if strings.HasSuffix(c, "/") {
			h.Typeflag = tar.TypeDir
		} else {
			h.Name, content, _ = strings.Cut(c, "=")
			h.Size = int64(len(content))
		}
		require.NoError(t, w.WriteHeader(h), c)
		_, err := io.WriteString(w, content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return buf.Bytes()
}

// section is a plain archive that can be read anywhere.
func section(data []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
}

func stream(data []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(data)} }

// merge reads layers and merges them; the result is a line for each file.
func merge(t testing.TB, router *Router, layers ...[]byte) (lines []string, img *Image) {
	t.Helper()
	ctx := context.Background()
	opts := Options{Router: router, Budget: NewBudget(1 << 20)}
	facts := make([]*Facts, len(layers))
	for i, data := range layers {
		var err error
		facts[i], err = Read(ctx, section(data), inventory.Layer{Index: i}, router.Picker(), opts)
		require.NoError(t, err)
	}
	img, err := Merge(ctx, router, facts, func(ctx context.Context, i int, wish Wish) (*Facts, error) {
		return Read(ctx, section(layers[i]), inventory.Layer{Index: i}, wish.Picker(), opts)
	})
	require.NoError(t, err)
	for _, f := range img.Files {
		var versions []string
		for _, v := range f.Versions {
			for _, found := range v.Found {
				for _, p := range found.Facts.Packages {
					text := fmt.Sprintf("%d:%s", v.Layer, p.Name)
					if p.Version != f.Path {
						text += " as " + p.Version
					}
					versions = append(versions, text)
				}
			}
		}
		lines = append(lines, f.Path+" "+strings.Join(versions, ", "))
	}
	return lines, img
}

func TestMerge(t *testing.T) {
	tests := []struct {
		name   string
		layers [][]change
		want   []string // path and its versions: layer, content, the path given if it is another
	}{
		{"one layer", [][]change{{"a/w=1"}}, []string{"a/w 0:1"}},
		{"a later layer replaces", [][]change{{"a/w=1"}, {"a/w=2"}}, []string{"a/w 0:1, 1:2"}},
		{"prefixes are no part of a path", [][]change{{"./a/w=1"}, {"/a//./w=2"}}, []string{"a/w 0:1, 1:2"}},
		{"no way out of the root", [][]change{{"../../a/w=1"}}, []string{"a/w 0:1"}},
		{"the last of two members wins", [][]change{{"a/w=1", "a/w=2"}}, []string{"a/w 0:2"}},
		{"whiteout", [][]change{{"a/w=1", "b/w=1"}, {"a/.wh.w="}}, []string{"b/w 0:1"}},
		{"whiteout of a folder", [][]change{{"a/b/c/w=1", "a/w=1"}, {"a/.wh.b="}}, []string{"a/w 0:1"}},
		{"whiteout does not touch its own layer", [][]change{{"a/w=1"}, {"a/.wh.w=", "a/w=2"}}, []string{"a/w 0:1, 1:2"}},
		{"nor if it comes later", [][]change{{"a/w=1"}, {"a/w=2", "a/.wh.w="}}, []string{"a/w 0:1, 1:2"}},
		{"whiteout and later return", [][]change{{"a/w=1"}, {"a/.wh.w="}, {"a/w=1"}}, []string{"a/w 2:1"}},
		{"opaque folder", [][]change{{"a/w=1", "a/b/w=1", "c/w=1"}, {"a/.wh..wh..opq=", "a/x/w=2"}}, []string{"a/x/w 1:2", "c/w 0:1"}},
		{"opaque root", [][]change{{"a/w=1"}, {".wh..wh..opq=", "b/w=2"}}, []string{"b/w 1:2"}},
		{"opaque keeps what its layer brings back", [][]change{{"a/w=1"}, {"a/.wh..wh..opq=", "a/w=2"}}, []string{"a/w 0:1, 1:2"}},
		{"aufs metadata is no whiteout", [][]change{{"a/w=1"}, {".wh..wh.plnk/", ".wh..wh.aufs="}}, []string{"a/w 0:1"}},
		{"a file replaces a folder", [][]change{{"a/b/w=1"}, {"a=file"}}, nil},
		{"a file in the same layer does too", [][]change{{"a/b/w=1", "a=file"}}, nil},
		{"a folder replaces a file", [][]change{{"w=1"}, {"w/", "w/w=2"}}, []string{"w/w 1:2"}},
		{"a folder that is not listed does too", [][]change{{"w=1"}, {"w/x/w=2"}}, []string{"w/x/w 1:2"}},
		{"a link replaces a folder", [][]change{{"lib/w=1"}, {"lib->usr/lib"}}, nil},
		{"a link replaces a file", [][]change{{"a/w=1"}, {"a/w->/nowhere"}}, nil},
		{"a listed folder replaces a link", [][]change{{"lib->usr/lib", "usr/lib/w=1"}, {"lib/", "lib/w=2"}}, []string{"lib/w 1:2", "usr/lib/w 0:1"}},
		{"a file below a link goes where it leads", [][]change{{"lib->usr/lib", "usr/lib/w=1"}, {"lib/w=2"}}, []string{"usr/lib/w 0:1, 1:2 as lib/w"}},
		{"and so does a whiteout", [][]change{{"lib->usr/lib", "usr/lib/w=1"}, {"lib/.wh.w="}}, nil},
		{"links to links", [][]change{{"a->b", "b->/c", "c->./d/../e"}, {"a/w=1"}}, []string{"e/w 1:1 as a/w"}},
		{"a link above the root", [][]change{{"x/y->../../../z"}, {"x/y/w=1"}}, []string{"z/w 1:1 as x/y/w"}},
		{"a hard link", [][]change{{"a/w=1", "b/w=>a/w"}}, []string{"a/w 0:1", "b/w 0:1"}},
		{"a hard link to a file nobody asks for", [][]change{{"store/1=1", "b/w=>./store/1"}}, []string{"b/w 0:1"}},
		{"whose file goes away", [][]change{{"store/1=1", "b/w=>store/1"}, {".wh.store="}}, []string{"b/w 0:1"}},
		{"a hard link into a lower layer", [][]change{{"store/1=1"}, {"b/w=>store/1"}}, []string{"b/w 1:1"}},
		{"a database behind a link", [][]change{{"db->/data/db", "data/db/list=1"}}, []string{"data/db/list 0:1 as db/list"}},
		{"that a later layer changes", [][]change{{"db->/data/db", "data/db/list=1"}, {"data/db/list=2"}}, []string{"data/db/list 0:1 as db/list, 1:2 as db/list"}},
		{"with a file that is a link", [][]change{{"db/list->../data/x", "data/x=1", "data/y=2"}}, []string{"data/x 0:1 as db/list"}},
		{"with a folder of files", [][]change{{"db->data", "data/d/1=1", "data/d/2=2"}}, []string{"data/d/1 0:1 as db/d/1", "data/d/2 0:2 as db/d/2"}},
		{"listed twice", [][]change{{"db->data", "data/list=1", "data/list=2"}}, []string{"data/list 0:2 as db/list"}},
	}
	for _, tt := range tests {
		router := newRouter(t, "**/w", "db/list", "db/d/*")
		var layers [][]byte
		for _, changes := range tt.layers {
			layers = append(layers, archive(t, changes...))
		}
		got, img := merge(t, router, layers...)
		assert.Equal(t, tt.want, got, tt.name)
		assert.Empty(t, img.Problems, tt.name)
	}
}

func TestMergeProblems(t *testing.T) {
	tests := []struct {
		name    string
		changes []change
		want    string
	}{
		{"hard link to nothing", []change{"w=>gone"}, `layer: "w" in layer 0: hard link to "gone", which is not there`},
		{"member below a circle", []change{"x->y", "y->x", "x/file=1"}, `layer: "x" in layer 0: symbolic links in a circle`},
		{"database in a circle", []change{"db->x", "x->db", "a/w=1"}, `layer: "db/list" in layer 0: symbolic links in a circle`},
		{"whiteout of the folder above", []change{"a/w=1", "x/.wh...="}, `layer: "x/.wh..." in layer 0: a whiteout of a folder itself or of the one above`},
		{"whiteout of the folder itself", []change{"a/w=1", "a/.wh..="}, `layer: "a/.wh.." in layer 0: a whiteout of a folder itself or of the one above`},
		{"database that is a hard link", []change{"db->data", "data/store=1", "data/list=>data/store"}, `layer: "data/list" in layer 0: a link leads to a member that is no regular file`},
	}
	for _, tt := range tests {
		_, img := merge(t, newRouter(t, "**/w", "db/list"), archive(t, tt.changes...))
		var got []string
		for _, p := range img.Problems {
			got = append(got, p.Error())
		}
		assert.Equal(t, []string{tt.want}, got, tt.name)
	}
}

// compress returns the layer in each way it can be stored.
func compress(t testing.TB, data []byte) map[string][]byte {
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	_, err := z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	enc, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	skippable := append([]byte{0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 'h', 'i'}, enc.EncodeAll(data, nil)...)
	return map[string][]byte{"plain": data, "gzip": gz.Bytes(), "zstd": enc.EncodeAll(data, nil), "zstd, skippable frame": skippable}
}

func digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

func TestReadFormats(t *testing.T) {
	plain := archive(t, "a/w=1", "big="+strings.Repeat("x", 300_000), "b/w=2")
	router := newRouter(t, "**/w")
	for name, data := range compress(t, plain) {
		for _, ahead := range []bool{false, true} {
			for kind, src := range map[string]io.Reader{"stream": stream(data), "file": section(data)} {
				info := inventory.Layer{Digest: digest(data), DiffID: digest(plain)}
				facts, err := Read(t.Context(), src, info, router.Picker(), Options{Router: router, Budget: NewBudget(0), Ahead: ahead, DiffID: true})
				require.NoErrorf(t, err, "%s, %s", name, kind)
				assert.Lenf(t, facts.Files, 2, "%s, %s", name, kind)
				if name == "plain" && kind == "file" {
					assert.Empty(t, facts.DiffID, "most of it is not read")
				} else {
					assert.Equalf(t, digest(plain), facts.DiffID, "%s, %s", name, kind)
				}
			}
		}
	}
}

func TestReadErrors(t *testing.T) {
	plain := archive(t, "a/w=1", "big="+strings.Repeat("x", 300_000))
	forms := compress(t, plain)
	other := digest([]byte("other"))
	var wrong *inventory.DigestError
	tests := []struct {
		name   string
		data   []byte
		digest string
		diffID string
		want   any
	}{
		{"digest", forms["gzip"], other, digest(plain), &wrong},
		{"diff ID", forms["gzip"], digest(forms["gzip"]), other, &wrong},
		{"diff ID without a digest", forms["gzip"], "", other, &wrong},
		{"diff ID of a plain layer", plain, "", other, &wrong},
		{"truncated gzip", forms["gzip"][:len(forms["gzip"])-9], "", "", io.ErrUnexpectedEOF},
		{"truncated zstd", forms["zstd"][:len(forms["zstd"])-9], "", "", io.ErrUnexpectedEOF},
		{"truncated tar", plain[:1500], "", "", io.ErrUnexpectedEOF},
		{"damaged gzip", append(bytes.Clone(forms["gzip"][:40]), forms["gzip"][41:]...), "", "", nil},
		{"garbage behind gzip", append(bytes.Clone(forms["gzip"]), "garbage behind it"...), "", "", gzip.ErrHeader},
		{"no archive", []byte("<html>404</html>"), "", "", ErrFormat},
		{"no archive, long", bytes.Repeat([]byte("no archive "), 100), "", "", new(*tarwalk.HeaderError)},
		{"path too long", archive(t, strings.Repeat("d/", 3000)+"w=1"), "", "", nil},
	}
	router := newRouter(t, "**/w")
	for _, tt := range tests {
		for _, ahead := range []bool{false, true} {
			facts, err := Read(t.Context(), stream(tt.data), inventory.Layer{Index: 3, Digest: tt.digest, DiffID: tt.diffID},
				router.Picker(), Options{Router: router, Budget: NewBudget(0), Ahead: ahead, DiffID: tt.digest != ""})
			assert.Nil(t, facts, tt.name)
			var failed *inventory.LayerError
			if !assert.ErrorAs(t, err, &failed, tt.name) {
				continue
			}
			assert.Equal(t, 3, failed.Index, tt.name)
			switch want := tt.want.(type) {
			case nil:
			case error:
				assert.ErrorIs(t, err, want, tt.name)
			default:
				assert.ErrorAs(t, err, want, tt.name)
			}
		}
	}
}

func TestReadIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	router := newRouter(t, "**/w")
	data := archive(t, "a/w=1")
	for _, src := range []io.Reader{stream(data), section(data)} {
		_, err := Read(ctx, src, inventory.Layer{}, router.Picker(), Options{Router: router, Budget: NewBudget(0)})
		assert.ErrorIs(t, err, context.Canceled)
	}
	_, err := ReadFS(ctx, fstest.MapFS{"a/w": {}}, inventory.Layer{}, router.Picker(), Options{Router: router, Budget: NewBudget(0)})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestHeld(t *testing.T) {
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 3*chunkSize + 7} {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(i * 7 / 3)
		}
		h, err := NewBudget(1<<20).read(t.Context(), iotest.HalfReader(bytes.NewReader(data)), int64(size))
		require.NoError(t, err)
		assert.NoError(t, iotest.TestReader(io.NewSectionReader(h, 0, int64(size)), data), size)
		rng := rand.New(rand.NewPCG(1, uint64(size)))
		for range 200 {
			want, got := make([]byte, rng.IntN(2*chunkSize)), make([]byte, 2*chunkSize)
			off := rng.Int64N(int64(size) + 10)
			got = got[:len(want)]
			wantN, wantErr := bytes.NewReader(data).ReadAt(want, off)
			gotN, gotErr := h.ReadAt(got, off)
			require.Equal(t, wantN, gotN)
			require.True(t, (wantErr == nil) == (gotErr == nil) || len(want) == 0, "%v and %v", wantErr, gotErr)
			require.True(t, bytes.Equal(want, got))
		}
		_, err = h.ReadAt(nil, -1)
		assert.Error(t, err)
		h.release()
		if _, err = h.ReadAt(make([]byte, 1), 0); size > 0 {
			assert.ErrorIs(t, err, fs.ErrClosed)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	router, err := NewRouter([]inventory.Extractor{notes{patterns: globs("**/w"), random: true}})
	require.NoError(t, err)
	data := archive(t, "a/w=12345678", "b/w=1")
	read := func(src io.Reader, limit int64) []File {
		facts, err := Read(t.Context(), src, inventory.Layer{}, router.Picker(), Options{Router: router, Budget: NewBudget(limit)})
		require.NoError(t, err)
		return facts.Files
	}
	files := read(stream(data), 7)
	assert.ErrorIs(t, files[0].Found[0].Err, inventory.ErrTooLarge, "8 bytes, with a limit of 7")
	assert.NoError(t, files[1].Found[0].Err, "what follows is read")
	assert.Equal(t, "1", files[1].Found[0].Facts.Packages[0].Name)
	assert.NoError(t, read(stream(data), 8)[0].Found[0].Err, "the limit itself is allowed")
	assert.NoError(t, read(section(data), 0)[0].Found[0].Err, "a file on disk needs no memory")
}

// second is another extractor that wants the same files.
type second struct{ notes }

func (second) Name() string { return "second" }

func TestTwoExtractorsOfOneFile(t *testing.T) {
	n := notes{patterns: globs("**/w")}
	router, err := NewRouter([]inventory.Extractor{n, second{n}})
	require.NoError(t, err)
	data := archive(t, "a/w=1", "b/w=damaged", "c/w=3")
	for _, src := range []io.Reader{stream(data), section(data)} {
		facts, err := Read(t.Context(), src, inventory.Layer{}, router.Picker(), Options{Router: router, Budget: NewBudget(100)})
		require.NoError(t, err)
		require.Len(t, facts.Files, 3)
		for i, want := range []string{"1", "", "3"} {
			require.Len(t, facts.Files[i].Found, 2)
			for _, found := range facts.Files[i].Found {
				if want == "" {
					assert.ErrorContains(t, found.Err, "damaged")
					assert.Zero(t, found.Facts)
				} else {
					assert.Equal(t, want, found.Facts.Packages[0].Name)
				}
			}
		}
	}
}

func TestReadFS(t *testing.T) {
	fsys := fstest.MapFS{
		"db":          {Data: []byte("data"), Mode: 0o777 | 1<<27}, // fs.ModeSymlink
		"data/list":   {Data: []byte("1")},
		"a/.wh.w":     {Data: []byte("a file like others")},
		"a/w":         {Data: []byte("2")},
		"proc/1/w":    {Data: []byte("not a file")},
		"opt/proc/w":  {Data: []byte("3")},
		"unwanted":    {Data: []byte("x")},
		"etc/.keep/w": {Data: []byte("damaged")},
	}
	router := newRouter(t, "**/w", "db/list")
	opts := Options{Router: router, Budget: NewBudget(0)}
	facts, err := ReadFS(t.Context(), fsys, inventory.Layer{}, router.Picker(), opts)
	require.NoError(t, err)
	img, err := Merge(t.Context(), router, []*Facts{facts}, func(ctx context.Context, _ int, wish Wish) (*Facts, error) {
		return ReadFS(ctx, fsys, inventory.Layer{}, wish.Picker(), opts)
	})
	require.NoError(t, err)
	var got []string
	for _, f := range img.Files {
		for _, found := range f.Versions[0].Found {
			name := ""
			if found.Err == nil {
				name = found.Facts.Packages[0].Name
			}
			got = append(got, path.Join(f.Path, name))
		}
	}
	assert.Equal(t, []string{"a/w/2", "data/list/1", "etc/.keep/w", "opt/proc/w/3"}, got)
}

func TestOwnershipIsOfWantedFiles(t *testing.T) {
	router, err := NewRouter([]inventory.Extractor{owns{}, notes{patterns: globs("**/w")}})
	require.NoError(t, err)
	data := archive(t, "owned=./a/w\n/b/w\na/other\n")
	facts, err := Read(t.Context(), section(data), inventory.Layer{}, router.Picker(), Options{Router: router, Budget: NewBudget(0)})
	require.NoError(t, err)
	found := facts.Files[0].Found[0]
	assert.Empty(t, found.Facts.Owned, "it is kept once")
	require.Len(t, found.Owned, 1)
	assert.Equal(t, "p", found.Owned[0].Package)
	var got []string
	for p := range found.Owned[0].Paths() {
		got = append(got, string(p))
	}
	assert.Equal(t, []string{"a/w", "b/w"}, got)
}

// owns reads a list of files as those of package p.
type owns struct{}

func (owns) Name() string                  { return "owns" }
func (owns) Version() int                  { return 1 }
func (owns) Patterns() []inventory.Pattern { return globs("owned") }
func (owns) Extract(_ context.Context, f *inventory.File) (inventory.Facts, error) {
	data, err := io.ReadAll(f)
	return inventory.Facts{Owned: []inventory.Ownership{{Package: "p", Paths: strings.Fields(string(data))}}}, err
}
